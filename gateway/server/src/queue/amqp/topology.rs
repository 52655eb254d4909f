//! What stands at the broker for this gateway, as data: declared from here, and exported from here for brokers that forbid it.
//!
//! One quorum queue a peer; no order is asked of it, because only the head of a lane is ever in it. What the broker gives up on goes to a
//! queue of the dead, which only catches what no claim could be made for: the dead letters that count stand in the store. The order of the
//! lists is the order in which they are declared: where a message would go must be there before the queue that would send it.

use gateway_core::ids::PeerName;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};
use tokio::time::timeout;

use super::link::{ANSWER_MAX, Broken};
use crate::config::Queue;

/// Far over what is ever handed over at a time, with copies of it: a queue that is longer has lost its gateway.
const LENGTH_MAX: i64 = 50_000;
/// A cut connection counts as a delivery too; attempts are counted in the store.
const DELIVERY_LIMIT: i64 = 20;

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A word.
    Text(String),
    /// A number.
    Number(i64),
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        Argument::Text(text.to_owned())
    }
}

impl From<i64> for Argument {
    fn from(number: i64) -> Self {
        Argument::Number(number)
    }
}

/// An exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeSpec {
    /// Its name.
    pub name: String,
    /// `fanout`, `direct` or `topic`.
    pub kind: &'static str,
}

/// A durable queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// Its arguments, which must never change while the queue lives.
    pub arguments: Vec<(&'static str, Argument)>,
    /// What it is for, for people who look at the broker.
    pub about: String,
}

/// From an exchange to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingSpec {
    /// From here.
    pub exchange: String,
    /// To there.
    pub queue: String,
    /// What is let through.
    pub key: String,
}

/// Everything that stands at the broker for one gateway.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topology {
    /// Exchanges.
    pub exchanges: Vec<ExchangeSpec>,
    /// Queues, those of the dead first.
    pub queues: Vec<QueueSpec>,
    /// Bindings.
    pub bindings: Vec<BindingSpec>,
}

/// Names of queues that are ours begin so.
pub(crate) const OWN_QUEUES: &str = "lienthong.";

/// The queue of a peer's deliveries.
pub fn deliver_queue(store: &str, peer: &PeerName) -> String {
    format!("lienthong.{store}.deliver.{peer}")
}

/// What others put in.
pub const IN: &str = "lienthong.in";
/// What others hear of.
pub const EVENTS: &str = "lienthong.events";

/// The queue of what others put in.
pub fn in_queue(store: &str) -> String {
    format!("lienthong.{store}.in")
}

impl Topology {
    /// With the door for others.
    #[must_use]
    pub fn with_door(mut self, store: &str) -> Topology {
        let queue = in_queue(store);
        self.exchanges.extend([IN, EVENTS].map(|name| ExchangeSpec { name: name.to_owned(), kind: "topic" }));
        self.queues.push(QueueSpec {
            name: queue.clone(),
            // As good as no limit of deliveries: what cannot be taken now is taken later, however often a connection breaks. Said, because a newer
            // broker sets a small one where nothing is said.
            arguments: vec![
                ("x-queue-type", "quorum".into()),
                ("x-delivery-limit", 1_000_000_i64.into()),
                ("x-overflow", "reject-publish".into()),
                ("x-max-length", LENGTH_MAX.into()),
            ],
            about: format!("what others publish to {IN}, by the name of a channel"),
        });
        self.bindings.push(BindingSpec { exchange: IN.to_owned(), queue, key: "#".to_owned() });
        self
    }

    /// For the store of this name and the peers that something is delivered to.
    pub fn new<'a>(store: &str, peers: impl Iterator<Item = &'a PeerName>) -> Topology {
        let dead = format!("lienthong.{store}.dead");
        let grave = QueueSpec {
            name: dead.clone(),
            arguments: vec![("x-queue-type", "quorum".into()), ("x-overflow", "reject-publish".into())],
            about: "what no claim could be made for; dead letters that count stand in the store".to_owned(),
        };
        let deliver = peers.map(|peer| QueueSpec {
            name: deliver_queue(store, peer),
            arguments: vec![
                ("x-queue-type", "quorum".into()),
                ("x-overflow", "reject-publish".into()),
                ("x-max-length", LENGTH_MAX.into()),
                ("x-delivery-limit", DELIVERY_LIMIT.into()),
                ("x-dead-letter-exchange", dead.as_str().into()),
                ("x-dead-letter-strategy", "at-least-once".into()),
            ],
            about: format!("heads of lanes that are ready for {peer}"),
        });
        Topology {
            exchanges: vec![ExchangeSpec { name: dead.clone(), kind: "fanout" }],
            queues: std::iter::once(grave).chain(deliver).collect(),
            bindings: vec![BindingSpec { exchange: dead.clone(), queue: dead, key: String::new() }],
        }
    }

    /// Declares everything that is not there; or only looks, where whoever runs the broker declares.
    pub(crate) async fn declare(&self, channel: &Channel, queue: &Queue) -> Result<(), Broken> {
        if !queue.declare {
            for spec in &self.exchanges {
                let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
                let (name, kind) = (spec.name.as_str().into(), ExchangeKind::default());
                timeout(ANSWER_MAX, channel.exchange_declare(name, kind, options, FieldTable::default()))
                    .await??;
            }
            for spec in &self.queues {
                look(channel, &spec.name).await?;
            }
            return Ok(());
        }
        for spec in &self.exchanges {
            let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
            let kind = match spec.kind {
                "topic" => ExchangeKind::Topic,
                "direct" => ExchangeKind::Direct,
                _ => ExchangeKind::Fanout,
            };
            let name = spec.name.as_str().into();
            timeout(ANSWER_MAX, channel.exchange_declare(name, kind, options, FieldTable::default()))
                .await??;
        }
        // Each is bound before the next is declared, the queue of the dead before any that could send to it: what nobody takes would be
        // kept back for minutes.
        for spec in &self.queues {
            declare_queue(channel, spec).await?;
            for binding in self.bindings.iter().filter(|binding| binding.queue == spec.name) {
                let bound = channel.queue_bind(
                    binding.queue.as_str().into(),
                    binding.exchange.as_str().into(),
                    binding.key.as_str().into(),
                    QueueBindOptions::default(),
                    FieldTable::default(),
                );
                timeout(ANSWER_MAX, bound).await??;
            }
        }
        Ok(())
    }
}

pub(super) async fn declare_queue(channel: &Channel, spec: &QueueSpec) -> Result<(), Broken> {
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    let mut arguments = FieldTable::default();
    for (name, value) in &spec.arguments {
        let value = match value {
            Argument::Text(text) => AMQPValue::LongString(text.as_str().into()),
            Argument::Number(number) => AMQPValue::LongLongInt(*number),
        };
        arguments.insert((*name).into(), value);
    }
    timeout(ANSWER_MAX, channel.queue_declare(spec.name.as_str().into(), options, arguments)).await??;
    Ok(())
}

/// How many messages wait in a queue; an error (which costs the channel) if there is no such queue.
pub(crate) async fn look(channel: &Channel, queue: &str) -> Result<u32, Broken> {
    let options = QueueDeclareOptions { passive: true, ..Default::default() };
    let looked = channel.queue_declare(queue.into(), options, FieldTable::default());
    Ok(timeout(ANSWER_MAX, looked).await??.message_count())
}
