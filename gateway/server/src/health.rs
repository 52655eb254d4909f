//! What is ill, and since when: one list for `/readyz`, the metrics and the admin door. And whoever works as long as the gateway runs is
//! watched: what ends before it was told to is started again.
//!
//! Two kinds stand in the list: what somebody noted ([`Health::ill`], taken back by [`Health::well`]), and what is seen by looking when
//! somebody asks (peers that are away, certificates that end, files that do not load). In memory only: a restart finds out anew. All
//! words are of closed lists, because everybody may read them.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::ids::Moment;
use gateway_core::redelivery::{Presence, backoff_ms};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::app::App;
use crate::queue::{self, Carrier};

/// A certificate stands in the list from so long before its end.
pub const CERTIFICATE_ALERT_MS: i64 = 30 * 24 * 60 * 60 * 1000;

const RESTART_MS_MIN: i64 = 200;
const RESTART_MS_MAX: i64 = 60_000;
/// What has run for so long since its last restart is well again.
const STEADY_MS: i64 = 60_000;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Illness {
    /// What: a task, the store, the door, a peer, a certificate.
    pub part: &'static str,
    /// Whose, where there are several: the name of a peer. Else empty.
    pub of: String,
    /// How.
    pub reason: &'static str,
    /// Since when.
    pub since: Moment,
}

/// What was noted.
#[derive(Default)]
pub struct Health(Mutex<BTreeMap<(&'static str, String), Illness>>);

impl Health {
    /// This part is ill. Since when stays as it was first noted. True if it was well until now.
    pub fn ill(&self, part: &'static str, of: &str, reason: &'static str, now: Moment) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = noted.get_mut(&(part, of.to_owned()));
        match known {
            Some(illness) => {
                illness.reason = reason;
                // The clock may have been set back meanwhile.
                illness.since = illness.since.min(now);
                false
            }
            None => {
                let illness = Illness { part, of: of.to_owned(), reason, since: now };
                noted.insert((part, of.to_owned()), illness);
                true
            }
        }
    }

    /// It is well. True if it was ill until now.
    pub fn well(&self, part: &'static str, of: &str) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.remove(&(part, of.to_owned())).is_some()
    }
}

/// Everything that is ill now, the longest first.
pub fn seen(app: &App) -> Vec<Illness> {
    let now = app.clock.now();
    let mut all: Vec<Illness> =
        app.health.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
    let mut add =
        |part, of: &str, reason, since| all.push(Illness { part, of: of.to_owned(), reason, since });
    let mut certificate = |part, of: &str, ends: Option<Moment>| {
        let Some(ends) = ends else { return };
        match ends.millis_since(now) {
            left if left <= 0 => add(part, of, "expired", ends),
            left if left <= CERTIFICATE_ALERT_MS => {
                add(part, of, "expires", ends.plus_millis(-CERTIFICATE_ALERT_MS));
            }
            _ => {}
        }
    };
    if let Some(tls) = &app.tls {
        certificate("door-certificate", "", tls.ends());
    }
    for room in app.peers.values() {
        certificate("own-certificate", room.name.as_str(), room.transport.certificate_ends());
        certificate("peer-certificate", room.name.as_str(), room.transport.peer_certificate_ends());
    }
    if let Carrier::RabbitMq(rabbit) = &app.carrier {
        match rabbit.health() {
            queue::amqp::Health::Up => {}
            queue::amqp::Health::Away(since) => add("broker", "", "away", since),
            queue::amqp::Health::Blocked(since) => add("broker", "", "blocked", since),
        }
    }
    if let Some(since) = app.tls.as_ref().and_then(|tls| tls.failing_for()) {
        add("door-certificate", "", "not-loaded", ago(now, since));
    }
    if let Some(since) = app.keyring.failing_since(now) {
        add("caller-keys", "", "not-loaded", since);
    }
    for room in app.peers.values() {
        let name = room.name.as_str();
        if let Presence::Away { since, .. } = room.availability().presence() {
            add("peer", name, "away", since);
        }
        if let Some(since) = room.transport.failing_for() {
            add("own-certificate", name, "not-loaded", ago(now, since));
        }
    }
    all.sort_by_key(|illness| illness.since);
    all
}

/// The same as a document, for `/readyz` and the admin door.
pub fn listed(app: &App) -> Value {
    let now = app.clock.now();
    let told = seen(app).into_iter().map(|ill| {
        json!({
            "part": ill.part,
            "peer": Some(ill.of).filter(|of| !of.is_empty()),
            "reason": ill.reason,
            "since": ill.since.to_string(),
            "for_seconds": now.millis_since(ill.since).max(0) / 1000,
        })
    });
    told.collect()
}

/// Brings the gauges up to date.
pub async fn count(app: &App) {
    // Tried anew, so that a store that is well again does not stand in the list until somebody asks `/readyz`.
    let _ = app.readiness.ask(app).await;
    let (now, metrics) = (app.clock.now(), &app.metrics);
    metrics.ill_seconds.reset();
    for ill in seen(app) {
        let labels = [ill.part, &ill.of, ill.reason];
        metrics.ill_seconds.with_label_values(&labels).set(now.millis_since(ill.since).max(0) / 1000);
    }
    for room in app.peers.values() {
        if let Some(ends) = room.transport.peer_certificate_ends() {
            let gauge = metrics.peer_certificate_expires_seconds.with_label_values(&[room.name.as_str()]);
            gauge.set(ends.millis_since(now) / 1000);
        }
    }
    metrics.bodies_bytes.set(i64::try_from(app.bodies.held()).unwrap_or(i64::MAX));
    let restarts = metrics.restarts.with_label_values(&["store-writer", ""]);
    restarts.inc_by(app.store.writer_panics().saturating_sub(restarts.get()));
}

fn ago(now: Moment, span: std::time::Duration) -> Moment {
    now.plus_millis(-i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
}

/// Runs a task until `stopped`, whatever happens: what panics or ends by itself is begun again after a pause that grows, and stands in the
/// list until it has run for a minute. `begin` is dropped as soon as a stop is asked for; then the task has its own bounds.
pub async fn supervised<T>(
    app: Arc<App>,
    part: &'static str,
    of: String,
    mut stopped: watch::Receiver<bool>,
    begin: impl FnMut() -> T,
) where
    T: Future<Output = ()> + Send + 'static,
{
    let mut begin = Some(begin);
    let mut restarts = 0;
    // A set, so that the task ends with whoever watches it.
    let mut task = JoinSet::new();
    while let Some(begin_now) = begin.as_mut() {
        task.spawn(begin_now());
        let steady = app.clock.now().plus_millis(STEADY_MS);
        let mut steady = std::pin::pin!(app.clock.sleep_until(steady));
        let ended = loop {
            tokio::select! {
                ended = task.join_next() => break ended,
                () = &mut steady, if restarts > 0 => {
                    restarts = 0;
                    app.health.well(part, &of);
                }
                // An error means that whoever could stop us is gone: the same.
                _ = stopped.wait_for(|stop| *stop), if begin.is_some() => begin = None,
            }
        };
        let error = match ended {
            Some(Err(error)) if error.is_panic() => "panicked",
            _ if begin.is_none() || *stopped.borrow() => return,
            _ => "ended",
        };
        tracing::error!(event = "task-restarted", part, of, reason = error);
        app.metrics.restarts.with_label_values(&[part, &of]).inc();
        let now = app.clock.now();
        app.health.ill(part, &of, "restarted", now);
        let pause = backoff_ms(RESTART_MS_MIN, RESTART_MS_MAX, restarts, app.clock.jitter());
        restarts += 1;
        tokio::select! {
            () = app.clock.sleep_until(now.plus_millis(pause)) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_illness_keeps_its_beginning_until_it_is_over() {
        let health = Health::default();
        let at = Moment::from_millis;
        assert!(health.ill("store", "", "disk-full", at(5)));
        assert!(!health.ill("store", "", "store-locked", at(9)), "the same trouble goes on");
        assert!(health.ill("delivery", "portal", "restarted", at(7)));
        let noted: Vec<_> = health.0.lock().unwrap().values().cloned().collect();
        let told: Vec<_> =
            noted.iter().map(|ill| (ill.part, ill.of.as_str(), ill.reason, ill.since)).collect();
        assert_eq!(told, [("delivery", "portal", "restarted", at(7)), ("store", "", "store-locked", at(5))]);
        assert!(health.well("store", "") && !health.well("store", ""));
    }
}
