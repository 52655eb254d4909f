//! A publisher as it should behave at the broker's door: it publishes one message after the other, each until the broker has confirmed it,
//! and an unknown outcome again under the same id. What the broker has confirmed is an obligation of the gateway's: nobody asks for it
//! again. Only the last message wants a receipt, because when that is heard, so is everything before it.

use std::time::Duration;

use futures_util::StreamExt as _;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use tokio::time::timeout;

use super::senders::Call;
use crate::queue::amqp::topology::IN;

/// Nobody waits longer for a confirm; after that it is published again.
const CONFIRM_MAX: Duration = Duration::from_secs(5);
/// A receipt that has not come after so long was lost with the broker: the message is published again and answered as the first time.
const RECEIPT_MAX: Duration = Duration::from_secs(5);
/// After a broker that is not there it is tried again after so long.
const AGAIN: Duration = Duration::from_millis(100);
const PERSISTENT: u8 = 2;

/// Its connection, if there is one.
pub(super) struct Poster {
    url: String,
    queue: String,
    open: Option<(Connection, Channel)>,
}

impl Poster {
    pub(super) fn new(url: String, which: usize) -> Poster {
        Poster { url, queue: format!("prove.{which}"), open: None }
    }

    /// Publishes until the broker has it.
    pub(super) async fn insist(&mut self, call: &Call, number: u64) {
        while self.publish(call, number, false).await.is_none() {
            self.open = None;
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Publishes until the gateway has answered.
    pub(super) async fn insist_on_a_receipt(&mut self, call: &Call, number: u64) {
        loop {
            if self.publish(call, number, true).await.is_some() && self.receipt(number).await.is_some() {
                return;
            }
            self.open = None;
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn channel(&mut self) -> Option<&Channel> {
        if self.open.is_none() {
            let connecting = Connection::connect(&self.url, ConnectionProperties::default());
            let connection = timeout(CONFIRM_MAX, connecting).await.ok()?.ok()?;
            let channel = timeout(CONFIRM_MAX, connection.create_channel()).await.ok()?.ok()?;
            let confirming = channel.confirm_select(ConfirmSelectOptions::default());
            timeout(CONFIRM_MAX, confirming).await.ok()?.ok()?;
            self.open = Some((connection, channel));
        }
        self.open.as_ref().map(|(_, channel)| channel)
    }

    async fn publish(&mut self, call: &Call, number: u64, wants_receipt: bool) -> Option<()> {
        let queue = self.queue.clone();
        let channel = self.channel().await?;
        let mut headers = FieldTable::default();
        for (name, value) in call.query {
            headers.insert((*name).into(), AMQPValue::LongString((*value).into()));
        }
        let mut properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_user_id("guest".into())
            .with_content_type("application/json".into())
            .with_message_id(format!("prove-{number}").into())
            .with_correlation_id(format!("prove-{number}").into())
            .with_headers(headers);
        if wants_receipt {
            let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
            let declaring = channel.queue_declare(queue.as_str().into(), options, FieldTable::default());
            timeout(CONFIRM_MAX, declaring).await.ok()?.ok()?;
            properties = properties.with_reply_to(queue.into());
        }
        // Without a queue behind it the exchange would take the message and forget it.
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let body = call.body.as_bytes();
        let publishing = channel.basic_publish(IN.into(), call.channel.into(), options, body, properties);
        let confirm = timeout(CONFIRM_MAX, publishing).await.ok()?.ok()?;
        match timeout(CONFIRM_MAX, confirm).await.ok()?.ok()? {
            Confirmation::Ack(None) => Some(()),
            _ => None,
        }
    }

    async fn receipt(&mut self, number: u64) -> Option<()> {
        let queue = self.queue.clone();
        let channel = self.channel().await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consuming = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
        let mut consumer = timeout(CONFIRM_MAX, consuming).await.ok()?.ok()?;
        let wanted = format!("prove-{number}");
        let waiting = async {
            while let Some(Ok(receipt)) = consumer.next().await {
                if receipt.properties.correlation_id().as_ref().is_some_and(|id| id.as_str() == wanted) {
                    return Some(());
                }
            }
            None
        };
        timeout(RECEIPT_MAX, waiting).await.ok()?
    }
}
