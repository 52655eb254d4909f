//! One connection to the broker, kept alive by a supervisor of our own: any error drops everything and starts over after a pause with
//! chance in it. The client's own recovery is not used, because it stalls whoever waits for it as long as the outage lasts.
//!
//! What a session does on its connection is its own; that it ends, is called ill and is started anew is done here, for every kind of
//! session alike. Nothing of a session outlives it, so there is nothing to recover: a new one begins with what the store says.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use gateway_core::ids::Moment;
use gateway_core::redelivery::backoff_ms;
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{Connection, ConnectionProperties, Event};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::config::Queue;
use crate::delivery::catch_panic;

/// Pauses between two tries. A broker that is back has its consumers within five seconds, so the longest pause is well below.
const PAUSE_MS_MIN: i64 = 200;
const PAUSE_MS_MAX: i64 = 1_000;
/// Where the broker refuses, a person has to do something first, and four connections that knock each second only fill its log and ours.
const PAUSE_REFUSED_MS_MAX: i64 = 10_000;
/// A broker that has just come back is left alone for so long before anything is asked of its queues: a quorum queue of a single node that
/// is asked before it has chosen its leader may never choose one (rabbitmq-server issue 10070).
const SETTLE: Duration = Duration::from_secs(2);
/// Whatever is asked of the broker while a session is set up is answered within this time, or the session is given up.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(15);

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// There is none, since then.
    Away(Moment),
    /// It works.
    Up,
    /// The broker takes nothing (its disk or memory is short), since then.
    Blocked(Moment),
}

/// Why a session ended.
#[derive(Debug)]
pub(crate) struct Broken {
    pub(crate) why: String,
    /// The broker answers and says no, by AMQP's number for it: 403 log-in or rights, 404 not there, 406 there otherwise, 530 the virtual host.
    pub(super) refused: Option<u16>,
}

impl Broken {
    /// For this reason.
    pub(crate) fn new(why: String) -> Broken {
        Broken { why, refused: None }
    }
}

impl From<lapin::Error> for Broken {
    fn from(error: lapin::Error) -> Self {
        Broken { refused: refusal(&error), why: error.to_string() }
    }
}

fn refusal(error: &lapin::Error) -> Option<u16> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => {
            Some(error.get_id()).filter(|id| matches!(id, 403 | 404 | 406 | 530))
        }
        _ => None,
    }
}

impl From<tokio::time::error::Elapsed> for Broken {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Broken::new("the broker does not answer in time".to_owned())
    }
}

/// How one connection is, for whoever wants to know.
pub(crate) struct Link {
    name: &'static str,
    health: watch::Sender<Health>,
    /// What the last session ended with, until one works.
    trouble: Mutex<Option<String>>,
    clock: Clock,
}

impl Link {
    pub(crate) fn new(name: &'static str, clock: Clock) -> Self {
        let health = watch::Sender::new(Health::Away(clock.now()));
        Link { name, health, trouble: Mutex::default(), clock }
    }

    /// How it is now.
    pub(crate) fn health(&self) -> Health {
        *self.health.borrow()
    }

    /// What the last session ended with; none once one works.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers what a session ended with. True if it is not what the one before ended with.
    fn ended_with(&self, why: &str) -> bool {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = trouble.as_deref() != Some(why);
        *trouble = Some(why.to_owned());
        changed
    }

    /// Hears of every change.
    pub(crate) fn watch(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// A session says that it works.
    pub(crate) fn up(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if self.health.send_replace(Health::Up) != Health::Up {
            tracing::info!(event = "broker-connected", link = self.name);
        }
    }

    fn blocked(&self, reason: &str) {
        let now = self.clock.now();
        self.health.send_if_modified(|health| {
            let changed = matches!(health, Health::Up);
            if changed {
                *health = Health::Blocked(now);
            }
            changed
        });
        tracing::warn!(event = "broker-blocked", link = self.name, reason);
    }

    fn unblocked(&self) {
        self.health.send_if_modified(|health| {
            let changed = matches!(health, Health::Blocked(_));
            if changed {
                *health = Health::Up;
            }
            changed
        });
        tracing::info!(event = "broker-unblocked", link = self.name);
    }

    fn away(&self) -> bool {
        let now = self.clock.now();
        let worked = |health: &mut Health| {
            let worked = !matches!(health, Health::Away(_));
            if worked {
                *health = Health::Away(now);
            }
            worked
        };
        self.health.send_if_modified(worked)
    }
}

/// What is done on a connection.
pub(crate) trait Session: Send {
    /// Works on a fresh connection until something is wrong; says [`Link::up`] as soon as it works.
    fn run(
        &mut self,
        connection: &Connection,
        link: &Link,
    ) -> impl Future<Output = Result<std::convert::Infallible, Broken>> + Send;
}

/// Keeps a session running until `stopped`, whatever happens to the broker.
pub(crate) async fn supervise(
    mut session: impl Session,
    queue: &Queue,
    link: &Link,
    mut stopped: watch::Receiver<bool>,
) {
    let (mut failures, mut refusals) = (0, 0_u32);
    while !*stopped.borrow() {
        let why = tokio::select! {
            why = ended(&mut session, queue, link, failures > 0) => why,
            _ = stopped.wait_for(|stop| *stop) => return,
        };
        if link.away() {
            failures = 0;
        }
        // Said when it begins, when something else is the matter, and then ever more seldom: an outage of a day fills no disk with lines.
        if link.ended_with(&why.why) || u32::is_power_of_two(failures + 1) {
            tracing::warn!(event = "broker-away", link = link.name, tries = failures + 1, cause = %why.why);
        }
        // What is not there, others may be about to make. And a broker that has just come back may refuse for a moment what it does not know
        // yet: so only refusals in a row make the pauses longer.
        let jitter = link.clock.jitter();
        let pause = match why.refused {
            Some(403 | 530) => backoff_ms(PAUSE_MS_MIN, PAUSE_REFUSED_MS_MAX, refusals, jitter),
            _ => backoff_ms(PAUSE_MS_MIN, PAUSE_MS_MAX, failures, jitter),
        };
        refusals = if matches!(why.refused, Some(403 | 530)) { refusals.saturating_add(1) } else { 0 };
        failures = failures.saturating_add(1);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(pause.unsigned_abs())) => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    }
}

/// Why one connection ended. A panic of ours ends a session like anything else.
async fn ended(session: &mut impl Session, queue: &Queue, link: &Link, was_away: bool) -> Broken {
    match catch_panic(AssertUnwindSafe(connected(session, queue, link, was_away))).await {
        Ok(Err(why)) => why,
        Ok(Ok(never)) => match never {},
        Err(()) => Broken::new("our own code panicked".to_owned()),
    }
}

/// One connection from its beginning to its end.
async fn connected(
    session: &mut impl Session,
    queue: &Queue,
    link: &Link,
    was_away: bool,
) -> Result<std::convert::Infallible, Broken> {
    let connection = connect(queue, link.name).await?;
    // One listener for each connection: a second one would take events away from the first.
    let mut events = std::pin::pin!(connection.events_listener());
    let watching = async {
        while let Some(event) = events.next().await {
            match event {
                Event::ConnectionBlocked(reason) => link.blocked(&reason),
                Event::ConnectionUnblocked => link.unblocked(),
                Event::Error(error) => return Broken::from(error),
                _ => {}
            }
        }
        Broken::new("the connection is gone".to_owned())
    };
    let working = async {
        if was_away {
            tokio::time::sleep(SETTLE).await;
        }
        session.run(&connection, link).await
    };
    let ended = tokio::select! {
        why = watching => Err(why),
        ended = working => ended,
    };
    // Best effort: the broker notices a closed socket as well.
    let _ = timeout(Duration::from_secs(1), connection.close(200, "OK".into())).await;
    ended
}

/// A connection of this name, as its user in its virtual host.
pub(super) async fn connect(queue: &Queue, name: &str) -> Result<Connection, Broken> {
    let (uri, tls) = address(queue).map_err(Broken::new)?;
    let properties = ConnectionProperties::default()
        .with_connection_name(format!("lienthong {} {name}", queue.store).into());
    let runtime = lapin::runtime::default_runtime()?;
    let connecting = Connection::connect_uri_with_config(uri, properties, tls, runtime);
    Ok(timeout(ANSWER_MAX, connecting).await??)
}

/// Where the broker is and what we show it. Read at every connection, so that a new password or certificate needs no restart.
pub(crate) fn address(queue: &Queue) -> Result<(AMQPUri, OwnedTLSConfig), String> {
    let password = queue.password.as_ref().map(|source| source.read()).transpose();
    let password = password.map_err(|error| format!("queue.password: {error}"))?;
    let uri = AMQPUri {
        scheme: if queue.tls.is_some() { AMQPScheme::AMQPS } else { AMQPScheme::AMQP },
        authority: AMQPAuthority {
            userinfo: AMQPUserInfo {
                username: queue.user.clone(),
                password: password.map(|secret| secret.reveal().to_owned()).unwrap_or_default(),
            },
            host: queue.host.clone(),
            port: queue.port,
        },
        vhost: queue.vhost.clone(),
        query: AMQPQueryString { heartbeat: Some(queue.heartbeat_seconds), ..AMQPQueryString::default() },
    };
    let Some(tls) = &queue.tls else { return Ok((uri, OwnedTLSConfig::default())) };
    let read = |key: &str, path: &std::path::Path| {
        std::fs::read(path)
            .map_err(|error| format!("queue.tls.{key}: cannot read {}: {error}", path.display()))
    };
    let authority = String::from_utf8(read("ca_file", &tls.ca_file)?)
        .map_err(|_| "queue.tls.ca_file: is no PEM file".to_owned())?;
    let identity = match (&tls.certificate_file, &tls.key_file) {
        (Some(certificate), Some(key)) => Some(OwnedIdentity::PKCS8 {
            pem: read("certificate_file", certificate)?,
            key: read("key_file", key)?,
        }),
        _ => None,
    };
    Ok((uri, OwnedTLSConfig { identity, cert_chain: Some(authority) }))
}
