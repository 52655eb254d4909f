//! The publishing half: hand-overs from the loops of all peers go to the broker, persistent, mandatory and confirmed.
//!
//! A hand-over is marked in the store before it comes here. An unknown outcome is not guessed: whatever has no confirm when the session ends
//! is handed over again by the sweep. While the broker takes nothing (disk or memory alarm) nothing is sent and nothing is given up.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{Channel, Confirmation, Connection, PublisherConfirm};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::link::{ANSWER_MAX, Broken, Health, Link, Session};
use super::topology::deliver_queue;
use super::{Outgoing, RabbitMq, at, message};
use crate::app::App;
use crate::store::{Carried, Handover};

/// Confirms are written down so many at a time at most.
const CONFIRMED_MAX: usize = 100;

/// Publishes what is handed over.
pub(super) struct Publisher {
    pub(super) app: Arc<App>,
    pub(super) rabbit: Arc<RabbitMq>,
}

/// A message whose confirm has not come.
struct Unconfirmed {
    handover: Handover,
    sent: Instant,
    confirm: PublisherConfirm,
}

impl Session for Publisher {
    async fn run(&mut self, connection: &Connection, link: &Link) -> Result<Infallible, Broken> {
        let channel = timeout(ANSWER_MAX, connection.create_channel()).await??;
        self.rabbit.topology.declare(&channel, &self.rabbit.queue).await?;
        timeout(ANSWER_MAX, channel.confirm_select(ConfirmSelectOptions::default())).await??;
        let mut outbox = self.rabbit.outbox.lock().await;
        // What was meant for an earlier connection is handed over again by the sweep, under its next number.
        while outbox.try_recv().is_ok() {}
        link.up();
        self.app.wake(self.app.peers.keys());
        let mut health = link.watch();
        let mut window: VecDeque<Unconfirmed> = VecDeque::new();
        let mut waiting: VecDeque<(Arc<str>, Carried)> = VecDeque::new();
        let mut writing = JoinSet::new();
        loop {
            let blocked = matches!(*health.borrow_and_update(), Health::Blocked(_));
            while !blocked && window.len() < self.rabbit.queue.window {
                let Some((peer, carried)) = waiting.pop_front() else { break };
                window.push_back(self.publish(&channel, &peer, carried).await?);
            }
            let limit = Duration::from_millis(self.rabbit.queue.confirm_ms_max);
            let deadline = window.front().map(|first| first.sent + limit);
            tokio::select! {
                // A confirm that is here is never late, so it is looked for before the time is.
                biased;
                // While some are written down the next gather, because each commit is a sync of the disk.
                confirmed = next_confirms(&mut window), if writing.is_empty() => {
                    let store = self.app.store.clone();
                    writing.spawn(async move { store.confirmed(confirmed?).await.map_err(|error| Broken::new(error.to_string())) });
                }
                Some(written) = writing.join_next() => match written {
                    Ok(Ok(())) => {}
                    Ok(Err(why)) => return Err(why),
                    Err(error) => return Err(Broken::new(error.to_string())),
                },
                () = at(deadline), if !blocked && writing.is_empty() => {
                    return Err(Broken::new("a confirm does not come in time".to_owned()));
                }
                Some(Outgoing { peer, handovers }) = outbox.recv(), if waiting.is_empty() => {
                    let name: Arc<str> = peer.as_str().into();
                    let carried = self.app.store.carried(handovers).await.map_err(|error| Broken::new(error.to_string()))?;
                    waiting.extend(carried.into_iter().map(|one| (name.clone(), one)));
                }
                _ = health.changed() => {
                    // Time that passed while the broker took nothing is not the confirm's.
                    window.iter_mut().for_each(|one| one.sent = Instant::now());
                }
            }
        }
    }
}

impl Publisher {
    async fn publish(&self, channel: &Channel, peer: &str, carried: Carried) -> Result<Unconfirmed, Broken> {
        let queue = deliver_queue(&self.rabbit.queue.store, &peer.into());
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let properties = message::properties(&carried, self.app.store.id(), peer);
        let publishing = channel.basic_publish("".into(), queue.into(), options, &carried.sealed, properties);
        let confirm = timeout(ANSWER_MAX, publishing).await??;
        Ok(Unconfirmed { handover: carried.handover, sent: Instant::now(), confirm })
    }
}

/// The oldest message's confirm, with those behind it that have come too. A returned message means that its queue is gone. May be dropped.
async fn next_confirms(window: &mut VecDeque<Unconfirmed>) -> Result<Vec<Handover>, Broken> {
    let Some(first) = window.front_mut() else { return std::future::pending().await };
    let mut answer = Some((&mut first.confirm).await);
    let mut confirmed = Vec::new();
    while let Some(came) = answer {
        let Some(one) = window.pop_front() else { break };
        match came? {
            Confirmation::Ack(None) => confirmed.push(one.handover),
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
                return Err(Broken::new("a queue is missing: a message came back".to_owned()));
            }
            // The queue is full, or the broker in trouble: the sweep hands it over again.
            Confirmation::Nack(None) => {
                tracing::warn!(event = "broker-refused", message = message::id(&one.handover))
            }
            Confirmation::NotRequested => return Err(Broken::new("the broker gives no confirms".to_owned())),
        }
        answer = match window.front_mut() {
            Some(next) if confirmed.len() < CONFIRMED_MAX => {
                futures_util::FutureExt::now_or_never(&mut next.confirm)
            }
            _ => None,
        };
    }
    Ok(confirmed)
}
