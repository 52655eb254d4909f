//! The broker as a door: what others put into `lienthong.in` is heard, and told to whoever listens to `lienthong.events`.
//!
//! Two sessions on two connections, because a broker whose disk is full answers nothing on a connection that has published: one only
//! consumes, the other publishes receipts and announcements. A message is acknowledged when it is on disk or refused for good, and what we
//! cannot take now stays with the broker, in the order of its publisher. An announcement leaves the store once the broker has confirmed it; after a restart it
//! comes again under the same id. So does a receipt: whoever wants one has its message acknowledged only when the broker has the receipt, and a message
//! that comes again is answered as the first time.

use std::collections::HashMap;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use gateway_core::adapter::Answer;
use lapin::Acker;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};
use tokio::sync::{Mutex, Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::link::{ANSWER_MAX, Broken, Health, Link, Session};
use super::topology::{EVENTS, OWN_QUEUES, Topology, in_queue};
use crate::app::App;
use crate::config::Queue;
use crate::crash;
use crate::delivery::catch_panic;
use crate::posted::{self, Posted, Receipt};
use crate::store::Announcement;

/// Fetched ahead of those that are heard.
const PREFETCH: u16 = 64;
/// Announcements on their way at a time.
const BATCH: usize = 200;
/// The store is asked this often whether there is something to announce.
const LOOK: Duration = Duration::from_millis(200);
const PERSISTENT: u8 = 2;

/// A receipt for a publisher that wants one, and the message that may be forgotten once it is given.
struct Outgoing {
    to: String,
    correlation: Option<String>,
    answer: Answer,
    acker: Acker,
}

/// What the two sessions share.
pub(super) struct Door {
    receipts: mpsc::Sender<Outgoing>,
    outgoing: Mutex<mpsc::Receiver<Outgoing>>,
    /// Receipts were lost with a connection: their messages must come again.
    lost: Notify,
}

impl Door {
    pub(super) fn new() -> Arc<Door> {
        let (receipts, outgoing) = mpsc::channel(usize::from(PREFETCH));
        Arc::new(Door { receipts, outgoing: Mutex::new(outgoing), lost: Notify::new() })
    }
}

/// Hears what is posted.
pub(super) struct Hearing {
    pub(super) app: Arc<App>,
    pub(super) door: Arc<Door>,
    pub(super) queue: Queue,
    pub(super) topology: Topology,
}

impl Session for Hearing {
    async fn run(&mut self, connection: &Connection, link: &Link) -> Result<Infallible, Broken> {
        let channel = timeout(ANSWER_MAX, connection.create_channel()).await??;
        self.topology.declare(&channel, &self.queue).await?;
        timeout(ANSWER_MAX, channel.basic_qos(PREFETCH, BasicQosOptions::default())).await??;
        let (queue, options) = (in_queue(&self.queue.store), BasicConsumeOptions::default());
        let consuming =
            channel.basic_consume(queue.into(), "lienthong-in".into(), options, FieldTable::default());
        let mut consumer = timeout(ANSWER_MAX, consuming).await??;
        link.up();
        let mut publishers: HashMap<String, mpsc::UnboundedSender<Delivery>> = HashMap::new();
        let mut listening = JoinSet::new();
        loop {
            tokio::select! {
                delivery = consumer.next() => match delivery {
                    Some(delivery) => {
                        let delivery = delivery?;
                        // Names that the broker vouches for: no more than it has users.
                        let publisher = delivery.properties.user_id().as_ref().map(ToString::to_string);
                        let heard = publishers.entry(publisher.unwrap_or_default()).or_insert_with(|| {
                            let (send, posted) = mpsc::unbounded_channel();
                            let ear = Ear { app: self.app.clone(), door: self.door.clone() };
                            listening.spawn(async move { ear.listen(posted).await });
                            send
                        });
                        // Whoever listens no longer has ended with a reason, which is read below.
                        let _ = heard.send(delivery);
                    }
                    None => return Err(Broken::new("the broker has cancelled the consumer of what is posted".to_owned())),
                },
                Some(ended) = listening.join_next() => {
                    return Err(ended.unwrap_or_else(|error| Broken::new(error.to_string())));
                }
                () = self.door.lost.notified() => {
                    return Err(Broken::new("receipts were lost: their messages come again".to_owned()));
                }
            }
        }
    }
}

/// Listens to one publisher, one message after the other: what it says of a dossier is taken in the order in which it was said. One that
/// cannot be taken now holds those of its publisher, and of others only when it has all places of the prefetch.
struct Ear {
    app: Arc<App>,
    door: Arc<Door>,
}

impl Ear {
    /// Until something is wrong, or the session ends.
    async fn listen(self, mut posted: mpsc::UnboundedReceiver<Delivery>) -> Broken {
        while let Some(delivery) = posted.recv().await {
            if let Err(why) = self.hear(delivery).await {
                return why;
            }
        }
        Broken::new("the session that hears what is posted has ended".to_owned())
    }

    async fn hear(&self, delivery: Delivery) -> Result<(), Broken> {
        let posted = read(&delivery);
        let forgotten = delivery.properties.reply_to().is_none() && crash::sabotaged("acknowledge-first");
        if forgotten {
            delivery.acker.ack(BasicAckOptions::default()).await?;
            // A slow disk: time enough to die between the two.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let answer = loop {
            match catch_panic(AssertUnwindSafe(posted::hear(&self.app, posted.clone()))).await {
                Ok(Receipt::Final(answer)) => break answer,
                Ok(Receipt::Later(ms)) => tokio::time::sleep(Duration::from_millis(ms)).await,
                // As at the HTTP door: this message is refused, and the next one heard.
                Err(()) => break posted::panicked(&self.app),
            }
        };
        let Delivery { properties, acker, .. } = delivery;
        if forgotten {
            return Ok(());
        }
        let Some(to) = properties.reply_to() else { return acknowledge(acker).await };
        // Under our own user we may write where a publisher may not: into our own queues.
        if to.as_str().starts_with(OWN_QUEUES) {
            tracing::warn!(event = "receipt-not-given", reason = "reply-to-own-queue");
            return acknowledge(acker).await;
        }
        let correlation = properties.correlation_id().as_ref().map(ToString::to_string);
        // The receiver lives as long as the two sessions do.
        let _ = self.door.receipts.send(Outgoing { to: to.to_string(), correlation, answer, acker }).await;
        Ok(())
    }
}

async fn acknowledge(acker: Acker) -> Result<(), Broken> {
    // `false` is no error of the client's: the channel is gone, and the message will come again.
    match timeout(ANSWER_MAX, acker.ack(BasicAckOptions::default())).await?? {
        true => Ok(()),
        false => Err(Broken::new("an acknowledgement reached nobody: the channel is closed".to_owned())),
    }
}

/// A message as the door wants it.
fn read(delivery: &Delivery) -> Posted {
    let properties = &delivery.properties;
    let text = |value: &Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string);
    let headers = properties.headers().iter().flat_map(FieldTable::inner);
    Posted {
        routing_key: delivery.routing_key.to_string(),
        user: text(properties.user_id()),
        message_id: text(properties.message_id()),
        correlation_id: text(properties.correlation_id()),
        content_type: text(properties.content_type()),
        content_encoding: text(properties.content_encoding()),
        headers: headers.filter_map(|(name, value)| Some((name.to_string(), plain(value)?))).collect(),
        body: delivery.data.clone(),
    }
}

/// A header that has a text; lists and tables have none.
fn plain(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => String::from_utf8(text.as_bytes().to_vec()).ok(),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortInt(value) => Some(value.to_string()),
        AMQPValue::LongInt(value) => Some(value.to_string()),
        AMQPValue::LongLongInt(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Tells what happened, and gives receipts.
pub(super) struct Announcing {
    pub(super) app: Arc<App>,
    pub(super) door: Arc<Door>,
    pub(super) queue: Queue,
    pub(super) topology: Topology,
    /// Receipts are on their way.
    pub(super) in_hand: bool,
}

impl Session for Announcing {
    async fn run(&mut self, connection: &Connection, link: &Link) -> Result<Infallible, Broken> {
        let channel = timeout(ANSWER_MAX, connection.create_channel()).await??;
        self.topology.declare(&channel, &self.queue).await?;
        timeout(ANSWER_MAX, channel.confirm_select(ConfirmSelectOptions::default())).await??;
        let mut outgoing = self.door.outgoing.lock().await;
        while outgoing.try_recv().is_ok() {
            self.in_hand = true;
        }
        // What an earlier connection had in hand was not given: its messages are told again to whoever hears.
        if std::mem::take(&mut self.in_hand) {
            self.door.lost.notify_one();
        }
        link.up();
        let mut health = link.watch();
        loop {
            if matches!(*health.borrow_and_update(), Health::Blocked(_)) {
                // An error means that nobody says so any more: the connection ends as well.
                let _ = health.changed().await;
                continue;
            }
            if self.announce(&channel, link).await? == BATCH {
                continue;
            }
            let mut receipts = Vec::new();
            tokio::select! {
                _ = outgoing.recv_many(&mut receipts, BATCH) => {
                    self.in_hand = true;
                    self.give(&channel, link, receipts).await?;
                    self.in_hand = false;
                }
                () = tokio::time::sleep(LOOK) => {}
                _ = health.changed() => {}
            }
        }
    }
}

impl Announcing {
    /// Publishes what waits, and takes it out of the store once all of it is confirmed; gives how many there were.
    async fn announce(&self, channel: &Channel, link: &Link) -> Result<usize, Broken> {
        let unreadable = |error: crate::store::StoreError| Broken::new(error.to_string());
        let waiting = self.app.store.announcements(0, BATCH).await.map_err(unreadable)?;
        let mut confirms = Vec::with_capacity(waiting.len());
        for announcement in &waiting {
            let body = serde_json::to_vec(announcement).map_err(|error| Broken::new(error.to_string()))?;
            let key = routing_key(announcement);
            let publishing = channel.basic_publish(
                EVENTS.into(),
                key.as_str().into(),
                BasicPublishOptions::default(),
                &body,
                BasicProperties::default()
                    .with_delivery_mode(PERSISTENT)
                    .with_content_type("application/json".into())
                    .with_message_id(format!("{}/{}", self.app.store.id(), announcement.id).into())
                    .with_type(announcement.event.as_str().into())
                    .with_timestamp(announcement.at.as_millis().unsigned_abs() / 1_000)
                    .with_app_id("lienthong".into()),
            );
            confirms.push(timeout(ANSWER_MAX, publishing).await??);
        }
        for confirm in confirms {
            self.confirmed(confirm, link).await?;
        }
        let ids: Vec<i64> = waiting.iter().map(|announcement| announcement.id).collect();
        if !ids.is_empty() {
            self.app.store.announced(ids).await.map_err(unreadable)?;
        }
        Ok(waiting.len())
    }

    /// Gives receipts, and has their messages forgotten once the broker has them. Whoever waits may have gone; nobody is told then.
    async fn give(&self, channel: &Channel, link: &Link, receipts: Vec<Outgoing>) -> Result<(), Broken> {
        let mut given = Vec::with_capacity(receipts.len());
        for Outgoing { to, correlation, answer, acker } in receipts {
            let (properties, options) = (properties(correlation, &answer), BasicPublishOptions::default());
            let publishing =
                channel.basic_publish("".into(), to.into(), options, &answer.body.bytes, properties);
            given.push((timeout(ANSWER_MAX, publishing).await??, acker));
        }
        for (confirm, acker) in given {
            self.confirmed(confirm, link).await?;
            // A closed channel shows where messages are heard.
            let _ = acknowledge(acker).await;
        }
        Ok(())
    }

    async fn confirmed(&self, confirm: PublisherConfirm, link: &Link) -> Result<(), Broken> {
        let limit = Duration::from_millis(self.queue.confirm_ms_max);
        let mut confirm = std::pin::pin!(confirm);
        let confirmed = loop {
            match timeout(limit, &mut confirm).await {
                Ok(confirmed) => break confirmed?,
                // A broker that takes nothing confirms nothing, and will.
                Err(_) if matches!(link.health(), Health::Blocked(_)) => {}
                Err(_) => return Err(Broken::new("a confirm does not come in time".to_owned())),
            }
        };
        match confirmed {
            Confirmation::Ack(_) => Ok(()),
            // Somebody's queue is full and takes nothing more. Others have what they are told, and would have it again and again.
            _ => {
                tracing::warn!(event = "broker-refused", link = "events");
                Ok(())
            }
        }
    }
}

/// `<event>.<kind>.<peer>.<unit>`: the unit comes last, because it has dots of its own.
fn routing_key(announcement: &Announcement) -> String {
    let Announcement { event, kind, peer, unit, .. } = announcement;
    format!("{event}.{kind}.{peer}.{unit}")
}

fn properties(correlation: Option<String>, answer: &Answer) -> BasicProperties {
    let mut headers = FieldTable::default();
    headers.insert("status".into(), AMQPValue::LongInt(i32::from(answer.status)));
    let content = answer.headers.iter().find(|(name, _)| name == "content-type");
    let mut properties = BasicProperties::default().with_headers(headers).with_app_id("lienthong".into());
    if let Some((_, content)) = content {
        properties = properties.with_content_type(content.as_str().into());
    }
    if let Some(correlation) = correlation {
        properties = properties.with_correlation_id(correlation.into());
    }
    properties
}
