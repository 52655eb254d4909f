//! Whether the broker is there for us, for whoever asks while the gateway runs or not: the way to it, the log-in, the virtual host, what
//! must stand there, and whether it takes anything.
//!
//! Nothing is changed: what is there is declared once more as it is, at most, and one empty message is published to a queue that there is
//! not, because a broker says that it is short of disk or memory only to who publishes. Deliberately absent: taking messages.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, Event, ExchangeKind};
use tokio::time::timeout;

use super::RabbitMq;
use super::link::{ANSWER_MAX, Broken, address, connect};
use super::topology::{self, Topology};
use crate::config::Queue;

/// A name or a port that leads nowhere is found out within this time.
const REACHED_WITHIN: Duration = Duration::from_secs(5);
/// A broker that takes messages confirms one that nobody gets at once.
const TAKEN_WITHIN: Duration = Duration::from_secs(3);
/// Ours by its beginning, and nobody's queue.
const NOBODY: &str = "lienthong.doctor.nobody";

/// What is the matter, with what was said about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// The password or a certificate of ours cannot be read.
    Settings(String),
    /// The name leads nowhere.
    Name(String),
    /// Nobody listens there, or something is in between.
    Connection(String),
    /// The TLS handshake fails.
    Certificate(String),
    /// User or password.
    LogIn(String),
    /// There is no such virtual host, or it is not this user's.
    Vhost(String),
    /// It listens and does not say what a broker says.
    Answer(String),
    /// The user lacks a right.
    Rights(String),
    /// It is there with other arguments.
    Unequal(String),
    /// These are not there.
    Missing(Vec<String>),
    /// It takes nothing: its disk or its memory is short.
    Blocked(String),
}

impl RabbitMq {
    /// What the last connection that does not work now ended with; none if all work.
    pub(crate) fn trouble(&self) -> Option<String> {
        [&self.publishing, &self.consuming, &self.hearing, &self.announcing]
            .into_iter()
            .find_map(|link| link.trouble())
    }
}

/// Everything that is the matter; nothing if the gateway can work with it.
pub async fn look(queue: &Queue, topology: &Topology) -> Vec<Trouble> {
    match reach(queue).await {
        Err(trouble) => vec![trouble],
        Ok(connection) => {
            let mut found = stands(&connection, queue, topology).await;
            found.extend(takes(&connection).await);
            let _ = timeout(Duration::from_secs(1), connection.close(200, "OK".into())).await;
            found
        }
    }
}

async fn reach(queue: &Queue) -> Result<Connection, Trouble> {
    address(queue).map_err(Trouble::Settings)?;
    let place = (queue.host.as_str(), queue.port);
    let found = tokio::net::lookup_host(place).await.map(Iterator::collect::<Vec<_>>);
    let addresses = found.map_err(|error| Trouble::Name(error.to_string()))?;
    match timeout(REACHED_WITHIN, tokio::net::TcpStream::connect(addresses.as_slice())).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(Trouble::Connection(error.to_string())),
        Err(error) => return Err(Trouble::Connection(error.to_string())),
    }
    connect(queue, "doctor").await.map_err(|broken| match broken.refused {
        Some(403) => Trouble::LogIn(broken.why),
        Some(_) => Trouble::Vhost(broken.why),
        None if queue.tls.is_some() => Trouble::Certificate(broken.why),
        None => Trouble::Answer(broken.why),
    })
}

/// A question that is refused costs its channel, so each has its own.
async fn channel(connection: &Connection) -> Result<Channel, Broken> {
    Ok(timeout(ANSWER_MAX, connection.create_channel()).await??)
}

async fn stands(connection: &Connection, queue: &Queue, topology: &Topology) -> Vec<Trouble> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for spec in &topology.exchanges {
        let looked = async {
            let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
            let name = spec.name.as_str().into();
            let channel = channel(connection).await?;
            let said =
                channel.exchange_declare(name, ExchangeKind::default(), options, FieldTable::default());
            timeout(ANSWER_MAX, said).await??;
            Ok(())
        };
        sort(looked.await, &spec.name, &mut missing, &mut found);
    }
    for spec in &topology.queues {
        let looked = async {
            topology::look(&channel(connection).await?, &spec.name).await?;
            // As the gateway does at each connection: only so it shows that the arguments are others, or a right is missing.
            if queue.declare {
                topology::declare_queue(&channel(connection).await?, spec).await?;
            }
            Ok(())
        };
        sort(looked.await, &spec.name, &mut missing, &mut found);
    }
    found.dedup();
    found.extend((!missing.is_empty()).then_some(Trouble::Missing(missing)));
    found
}

fn sort(looked: Result<(), Broken>, name: &str, missing: &mut Vec<String>, found: &mut Vec<Trouble>) {
    let Err(broken) = looked else { return };
    match broken.refused {
        Some(404) => missing.push(name.to_owned()),
        Some(403) => found.push(Trouble::Rights(broken.why)),
        Some(406) => found.push(Trouble::Unequal(broken.why)),
        _ => found.push(Trouble::Answer(broken.why)),
    }
}

/// Does it take messages?
async fn takes(connection: &Connection) -> Option<Trouble> {
    let mut events = std::pin::pin!(connection.events_listener());
    let publish = async {
        let channel = channel(connection).await?;
        timeout(ANSWER_MAX, channel.confirm_select(ConfirmSelectOptions::default())).await??;
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let sent = channel.basic_publish("".into(), NOBODY.into(), options, &[], properties);
        timeout(ANSWER_MAX, sent).await??.await?;
        Ok::<(), Broken>(())
    };
    let blocked = async {
        while let Some(event) = events.next().await {
            if let Event::ConnectionBlocked(reason) = event {
                return reason.to_string();
            }
        }
        std::future::pending().await
    };
    tokio::select! {
        sent = publish => match sent {
            Ok(()) => None,
            Err(broken) if broken.refused == Some(403) => Some(Trouble::Rights(broken.why)),
            Err(broken) => Some(Trouble::Answer(broken.why)),
        },
        reason = blocked => Some(Trouble::Blocked(reason)),
        () = tokio::time::sleep(TAKEN_WITHIN) => Some(Trouble::Blocked(String::new())),
    }
}
