//! How each peer is: away, paused, live or not; for whoever watches, and for those that would send to it.

use std::sync::PoisonError;

use gateway_core::redelivery::{Availability, Presence};
use serde_json::{Value, json};

use super::{App, Room};
use crate::config::Mode;
use crate::disk;
use crate::health;
use crate::queue::Carrier;
use crate::queue::amqp::Health;
use crate::store::{Pause, StoreError, Wanted};

impl Room {
    /// Is anything sent to it?
    pub fn sends(&self) -> bool {
        !self.availability().stands()
    }

    /// Is what comes for it translated and kept, to see what would be sent?
    pub fn is_in_shadow(&self) -> bool {
        self.config.mode == Mode::Shadow
    }

    /// Why nothing is sent to it; empty if something is.
    pub fn pauses(&self) -> Vec<Pause> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stand_still(&self, pauses: Vec<Pause>) {
        let stands = !pauses.is_empty();
        *self.pauses.lock().unwrap_or_else(PoisonError::into_inner) = pauses;
        self.availability().stand_still(stands);
        self.bell.ring();
        self.poll_bell.ring();
    }
}

impl App {
    /// Carries out what the configuration says of modes, and what operators paused.
    pub(super) async fn take_modes(&self) -> Result<(), StoreError> {
        let called = self.peers.values().filter(|room| !room.config.endpoints.is_empty());
        let wanted = called.map(|room| Wanted {
            peer: room.name.clone(),
            mode: room.config.mode.why(),
            on_live: room.config.on_live,
        });
        let given_up = self.store.take_modes(wanted.collect(), self.clock.now()).await?;
        if given_up > 0 {
            tracing::warn!(event = "kept-and-given-up", count = given_up);
        }
        let pauses = self.store.pauses().await?;
        if let (true, Some(restored)) = (pauses.iter().any(Pause::lasts), self.store.restored()) {
            let (from, until) = (restored.missing_from, restored.missing_until);
            tracing::warn!(event = "restored", missing_from = %from, missing_until = %until);
        }
        self.stand_still(&pauses);
        Ok(())
    }

    /// At start: what waits for a peer that is called otherwise now, is gone from the configuration, or has no address any more, waits
    /// for a change of the configuration. It stands in the list of what is ill, because nothing else would say so.
    pub(super) async fn miss_receivers(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        for peer in self.store.waited_for().await? {
            if self.receivers().all(|room| room.name != peer) {
                tracing::error!(event = "receiver-missing", %peer);
                self.health.ill("receiver", peer.as_str(), "not-configured", now);
            }
        }
        Ok(())
    }

    /// What the broker's last connection ended with, for operators only: it may name users and queues.
    pub fn carrier_trouble(&self) -> Option<String> {
        match &self.carrier {
            Carrier::RabbitMq(rabbit) => rabbit.trouble(),
            _ => None,
        }
    }

    /// From now on nothing is sent to whom these speak of.
    pub fn stand_still(&self, pauses: &[Pause]) {
        for room in self.peers.values().filter(|room| !room.config.endpoints.is_empty()) {
            let of = pauses.iter().filter(|pause| pause.lasts() && pause.is_of(&room.name));
            let of: Vec<Pause> = of.cloned().collect();
            if of != room.pauses() {
                let why = of.last().map(|pause| pause.why.as_str());
                tracing::info!(event = "peer-stands", peer = %room.name, stands = !of.is_empty(), why);
                room.stand_still(of);
            }
        }
    }

    /// The peers that nothing is sent to.
    pub fn standing(&self) -> Vec<String> {
        let rooms = self.peers.values().filter(|room| !room.pauses().is_empty());
        rooms.map(|room| room.name.to_string()).collect()
    }

    /// How each peer is, for `/readyz` and the admin door.
    pub fn peers_seen(&self) -> Value {
        let now = self.clock.now();
        let seen = self.peers.values().filter(|room| !room.config.endpoints.is_empty()).map(|room| {
            let availability = room.availability();
            let away = away_since(&availability);
            let state = if away.is_some() { "away" } else { "up" };
            let since = away.map(|since| since.to_string());
            let for_seconds = away.map(|since| now.millis_since(since) / 1000);
            let next_try = away.and(availability.next_probe()).map(|next| next.to_string());
            drop(availability);
            let paused: Vec<Value> = room.pauses().iter().map(paused).collect();
            let seen =
                json!({ "state": state, "since": since, "for_seconds": for_seconds, "next_try": next_try, "paused": paused });
            (room.name.to_string(), seen)
        });
        Value::Object(seen.collect())
    }

    /// How the carrier is, for `/readyz` and the admin door.
    pub fn carrier_seen(&self) -> Value {
        let (name, health) = match &self.carrier {
            Carrier::Embedded => ("embedded", Health::Up),
            Carrier::RabbitMq(rabbit) => ("rabbitmq", rabbit.health()),
        };
        let (state, since) = match health {
            Health::Up => ("up", None),
            Health::Away(since) => ("away", Some(since)),
            Health::Blocked(since) => ("blocked", Some(since)),
        };
        let for_seconds = since.map(|since| self.clock.now().millis_since(since) / 1000);
        json!({ "name": name, "state": state, "since": since.map(|since| since.to_string()), "for_seconds": for_seconds })
    }

    /// Brings the gauges up to date.
    pub async fn count(&self) {
        health::count(self).await;
        let own = self.tls.iter().map(|tls| ("door", tls.ends()));
        let shown = self.peers.values().map(|room| (room.name.as_str(), room.transport.certificate_ends()));
        for (name, ends) in own.chain(shown) {
            let Some(ends) = ends else { continue };
            let left = ends.millis_since(self.clock.now()) / 1000;
            self.metrics.certificate_expires_seconds.with_label_values(&[name]).set(left);
        }
        self.metrics.peer_paused.reset();
        for room in self.peers.values() {
            let availability = room.availability();
            let name = room.name.as_str();
            for pause in room.pauses() {
                self.metrics.peer_paused.with_label_values(&[name, pause.why.as_str()]).set(1);
            }
            self.metrics
                .peer_away
                .with_label_values(&[name])
                .set(i64::from(away_since(&availability).is_some()));
            self.metrics.peer_permits.with_label_values(&[name]).set(availability.limit() as i64);
        }
        if let Carrier::RabbitMq(rabbit) = &self.carrier {
            let health = rabbit.health();
            self.metrics.broker_away.set(i64::from(matches!(health, Health::Away(_))));
            self.metrics.broker_blocked.set(i64::from(matches!(health, Health::Blocked(_))));
        }
        let now = self.clock.now();
        self.metrics.clock_seconds.set(now.as_millis() / 1000);
        self.metrics.audit_head_age_seconds.set(now.millis_since(self.trail.head_at()).max(0) / 1000);
        if let Ok(room) = disk::room(&self.config.gateway.data) {
            self.metrics.disk_free_bytes.set(i64::try_from(room.free_bytes).unwrap_or(i64::MAX));
        }
        let Ok(stats) = self.store.stats().await else { return };
        for (part, bytes) in [("database", stats.database_bytes), ("claims", stats.claim_bytes)] {
            self.metrics.store_bytes.with_label_values(&[part]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        self.metrics.deliveries.reset();
        self.metrics.oldest_seconds.reset();
        for (peer, open) in &stats.peers {
            for (state, count) in &open.by_state {
                self.metrics
                    .deliveries
                    .with_label_values(&[peer.as_str(), state.as_str()])
                    .set(*count as i64);
            }
            let age = open.oldest_waiting.map_or(0, |since| now.millis_since(since).max(0) / 1000);
            self.metrics.oldest_seconds.with_label_values(&[peer.as_str()]).set(age);
        }
        let counted = self.metrics.commits.get();
        self.metrics.commits.inc_by(self.store.commits().saturating_sub(counted));
    }
}

/// Why nothing is sent, in words that anybody may read.
fn paused(pause: &Pause) -> Value {
    json!({ "why": pause.why.as_str(), "since": pause.since.to_string() })
}

fn away_since(availability: &Availability) -> Option<gateway_core::ids::Moment> {
    match availability.presence() {
        Presence::Away { since, .. } => Some(since),
        Presence::Up => None,
    }
}
