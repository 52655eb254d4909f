//! The consuming half: each peer's queue, with as many messages out as the peer bears at most, and the sweep that finds what was lost.
//!
//! A message is read here and claimed in the loop of its peer. One that nobody can read is journaled as refused and forgotten by the broker;
//! its lane is handed over again by the sweep. Whatever ends here (a cancel, a closed channel, an acknowledgement that reaches nobody) ends
//! the session, and the next one declares what is missing.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use gateway_core::ids::PeerName;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::{Connection, Consumer};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::link::{ANSWER_MAX, Broken, Health, Link, Session};
use super::topology::{deliver_queue, look};
use super::{Arrival, Hands, RabbitMq, Receipt, message};
use crate::app::{App, Room};

/// The sweep looks this often.
const SWEEP: Duration = Duration::from_secs(1);
/// A confirm that has not been written down by then never will be.
const UNCONFIRMED_MS_MAX: i64 = 5_000;

/// Consumes for all peers.
pub(super) struct ConsumerSession {
    pub(super) app: Arc<App>,
    pub(super) rabbit: Arc<RabbitMq>,
    /// A queue that gave no answer to several sessions in a row, and to how many.
    pub(super) dumb: Option<(String, u32)>,
}

/// A queue that answers none of so many sessions has no leader and will not get one by itself (see `link`). Nothing in it is lost with it:
/// the store hands over again what was there.
const DUMB_MAX: u32 = 2;

impl Session for ConsumerSession {
    async fn run(&mut self, connection: &Connection, link: &Link) -> Result<Infallible, Broken> {
        let channel = timeout(ANSWER_MAX, connection.create_channel()).await??;
        if let Some((queue, _)) = self.dumb.take_if(|(_, sessions)| *sessions >= DUMB_MAX)
            && self.rabbit.queue.declare
        {
            tracing::warn!(event = "dumb-queue-deleted", queue);
            timeout(ANSWER_MAX, channel.queue_delete(queue.into(), QueueDeleteOptions::default())).await??;
        }
        self.rabbit.topology.declare(&channel, &self.rabbit.queue).await?;
        let cut = Arc::new(Notify::new());
        let mut consuming = JoinSet::new();
        let mut hands = BTreeMap::new();
        for room in self.app.receivers() {
            let name = deliver_queue(&self.rabbit.queue.store, &room.name);
            let before = self.dumb.take_if(|(queue, _)| *queue == name).map_or(0, |(_, sessions)| sessions);
            self.dumb = Some((name, before + 1));
            let consumer = consume(connection, room, &self.rabbit.queue.store).await?;
            self.dumb = None;
            let held = Hands::empty();
            hands.insert(room.name.clone(), held.clone());
            let whose = (self.app.clone(), self.rabbit.clone(), room.name.clone());
            consuming.spawn(forward(whose, consumer, cut.clone(), held));
        }
        link.up();
        self.app.wake(self.app.peers.keys());
        let mut ticks = tokio::time::interval(SWEEP);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(ended) = consuming.join_next() => {
                    return Err(ended.unwrap_or_else(|error| Broken::new(error.to_string())));
                }
                () = cut.notified() => {
                    return Err(Broken::new("an acknowledgement reached nobody: the channel is closed".to_owned()));
                }
                _ = ticks.tick() => self.sweep(connection, &hands).await?,
            }
        }
    }
}

impl ConsumerSession {
    /// Finds hand-overs that nobody will ever claim, and makes their lanes ready again.
    async fn sweep(
        &self,
        connection: &Connection,
        hands: &BTreeMap<PeerName, Arc<Hands>>,
    ) -> Result<(), Broken> {
        let store = &self.app.store;
        let now = self.app.clock.now();
        let unwritten = |error: crate::store::StoreError| Broken::new(error.to_string());
        let mut astray = 0;
        for room in self.app.receivers() {
            let mut again = 0;
            // A broker that takes nothing confirms nothing; what it was sent is still on its way.
            if self.rabbit.publishing.health() == Health::Up {
                let before = now.plus_millis(-UNCONFIRMED_MS_MAX);
                again += store.retake_unconfirmed(&room.name, before).await.map_err(unwritten)?;
            }
            let lost_after = Duration::from_millis(self.rabbit.queue.lost_ms_min);
            let before = now.plus_millis(-(self.rabbit.queue.lost_ms_min as i64));
            let old = store.waiting_since(&room.name, before, true).await.map_err(unwritten)?;
            if old > 0 {
                // A channel of its own, because looking for a queue that is gone costs it.
                let channel = timeout(ANSWER_MAX, connection.create_channel()).await??;
                let there = look(&channel, &deliver_queue(&self.rabbit.queue.store, &room.name)).await?;
                let there = there as usize;
                let _ = timeout(ANSWER_MAX, channel.close(200, "OK".into())).await;
                // Of a queue that never gets empty, some are lost when it holds fewer than were handed over long ago.
                if there == 0 || there + room.config.concurrency_max < old {
                    let lost = store.retake_lost(&room.name, before).await.map_err(unwritten)?;
                    (again, astray) = (again + lost, astray + lost);
                }
                let idle = |hands: &Arc<Hands>| hands.are_idle(room.config.concurrency_max, lost_after);
                // They lie there, we have room and nothing comes.
                astray += usize::from(there > 0 && hands.get(&room.name).is_some_and(idle));
            }
            if again > 0 {
                tracing::warn!(event = "handed-over-again", peer = %room.name, lanes = again);
                self.app
                    .metrics
                    .handed_over_again
                    .with_label_values(&[room.name.as_str()])
                    .inc_by(again as u64);
                room.bell.ring();
            }
        }
        // The broker may believe that they are in our hands and give us no others in their place; it takes them back from a session that ends.
        if astray > 0 {
            Err(Broken::new("what was handed over has reached nobody".to_owned()))
        } else {
            Ok(())
        }
    }
}

/// A channel of its own for each peer: what closes one says whose it was.
async fn consume(connection: &Connection, room: &Room, store: &str) -> Result<Consumer, Broken> {
    let channel = timeout(ANSWER_MAX, connection.create_channel()).await??;
    let prefetch = u16::try_from(room.config.concurrency_max).unwrap_or(u16::MAX);
    timeout(ANSWER_MAX, channel.basic_qos(prefetch, BasicQosOptions::default())).await??;
    let queue = deliver_queue(store, &room.name);
    let options = BasicConsumeOptions::default();
    let tag = format!("lienthong-{}", room.name);
    let consuming = channel.basic_consume(queue.into(), tag.into(), options, FieldTable::default());
    Ok(timeout(ANSWER_MAX, consuming).await??)
}

/// From a queue to the loop of its peer, until the consumer ends; that it did is the answer.
async fn forward(
    (app, rabbit, peer): (Arc<App>, Arc<RabbitMq>, PeerName),
    mut consumer: Consumer,
    cut: Arc<Notify>,
    hands: Arc<Hands>,
) -> Broken {
    loop {
        let delivery = match consumer.next().await {
            Some(Ok(delivery)) => delivery,
            Some(Err(error)) => return error.into(),
            None => return Broken::new(format!("the broker has cancelled the consumer of {peer}")),
        };
        match message::read(&delivery, &app.store) {
            Ok(handover) => {
                let receipt = Receipt::new(delivery.acker, cut.clone(), hands.clone());
                rabbit.arrived(&peer, Arrival { handover, receipt, came: Instant::now() });
            }
            Err(why) => {
                if let Err(error) = refuse(&app, &peer, &delivery, &why).await {
                    return Broken::new(format!("a message nobody can read cannot be journaled: {error}"));
                }
                Receipt::new(delivery.acker, cut.clone(), hands.clone()).acknowledge();
            }
        }
    }
}

/// Keeps what nobody can read, sealed, with the reason.
async fn refuse(
    app: &App,
    peer: &PeerName,
    delivery: &Delivery,
    why: &message::Unreadable,
) -> Result<(), crate::store::StoreError> {
    tracing::warn!(event = "broker-message-unreadable", peer = %peer, code = why.code());
    app.metrics.broker_refused.with_label_values(&[peer.as_str(), why.code()]).inc();
    super::stray::journal(app, peer, &delivery.data, why.code()).await
}
