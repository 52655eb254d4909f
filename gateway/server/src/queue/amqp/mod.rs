//! RabbitMQ as the carrier: heads of lanes go through a broker, and nothing about the promises changes.
//!
//! The loop of a peer marks heads in the store and gives them to the publisher; the consumer brings them back to the loop, which
//! claims each in the store before it does anything with it. Two connections, because a broker whose disk is full answers nothing on the one
//! that has published. A probe of a peer that is away does not go through the broker: it is no ready work but a question of ours.
//!
//! What a restart sees: the store's rows. Everything that was out is ready again, and whatever the broker still holds is an old copy.

mod consumer;
mod describe;
mod door;
pub(crate) mod link;
mod message;
mod probe;
mod publisher;
mod stray;
pub mod topology;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use gateway_core::ids::{Moment, PeerName};
use lapin::Acker;
use lapin::options::BasicAckOptions;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

pub use self::describe::{asyncapi, definitions};
pub use self::link::Health;
pub(crate) use self::link::address;
use self::link::{ANSWER_MAX, Link, supervise};
pub use self::probe::{Trouble, look};
use self::topology::Topology;
use super::{Line, Right, Taken, Work, choose_probe, permits};
use crate::app::{App, Room};
use crate::clock::Clock;
use crate::config::{Config, Queue};
use crate::store::{Handover, Head, LaneId, Marked, StoreError};

/// So many heads are marked in one commit.
const BATCH: usize = 100;
/// Where more is ready than may be at the broker, it is given more as soon as so many places are free there, or so long after the last time
/// whatever is known of it: to ask at each message that comes back would cost more than carrying it.
const FREED_MIN: usize = BATCH;
const ASKED_AGAIN: Duration = Duration::from_secs(1);
/// A message is held for a free place this long at most: then its lane waits in the store, and no time limit of the broker is ever near.
const HELD_MAX: Duration = Duration::from_secs(60);

/// What stands at the broker for this configuration.
pub fn topology_of(config: &Config) -> Topology {
    let receivers = config.peers.iter().filter(|(_, peer)| !peer.endpoints.is_empty());
    let names: Vec<PeerName> = receivers.map(|(name, _)| PeerName::from(name.as_str())).collect();
    let topology = Topology::new(&config.queue.store, names.iter());
    if config.queue.door { topology.with_door(&config.queue.store) } else { topology }
}

/// The broker as the carrier of one gateway.
pub struct RabbitMq {
    queue: Queue,
    topology: Topology,
    publishing: Link,
    consuming: Link,
    post: mpsc::UnboundedSender<Outgoing>,
    /// The other end of `post`; bounded by what the store lets be handed over.
    outbox: Mutex<mpsc::UnboundedReceiver<Outgoing>>,
    inboxes: BTreeMap<PeerName, Inbox>,
    hearing: Link,
    announcing: Link,
}

/// Marked, and on its way to the publisher.
struct Outgoing {
    peer: PeerName,
    handovers: Vec<Handover>,
}

/// A message that came from the broker. Bounded by the prefetch of its queue.
struct Arrival {
    handover: Handover,
    receipt: Receipt,
    came: Instant,
}

struct Inbox {
    send: mpsc::UnboundedSender<Arrival>,
    receive: Arc<Mutex<mpsc::UnboundedReceiver<Arrival>>>,
}

/// The right to have the broker forget a message. Whoever lets it go unused ends the session, so that the message comes again: else it
/// would take a place of the prefetch for ever.
pub(crate) struct Receipt {
    acker: Acker,
    /// The session it came by, told when it turns out to be over.
    cut: Arc<Notify>,
    hands: Arc<Hands>,
    used: bool,
}

/// What one session holds of a peer's queue.
pub(crate) struct Hands {
    /// Messages that came and that the broker has not been told to forget.
    held: AtomicUsize,
    /// When the last one came, or the session began.
    last: std::sync::Mutex<Instant>,
}

impl Hands {
    fn empty() -> Arc<Hands> {
        Arc::new(Hands { held: AtomicUsize::new(0), last: std::sync::Mutex::new(Instant::now()) })
    }

    /// Has nothing come for so long, though fewer are here than the broker may give?
    fn are_idle(&self, room: usize, since: Duration) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        self.held.load(Ordering::Relaxed) < room && last.elapsed() > since
    }
}

impl Receipt {
    fn new(acker: Acker, cut: Arc<Notify>, hands: Arc<Hands>) -> Self {
        hands.held.fetch_add(1, Ordering::Relaxed);
        *hands.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        Receipt { acker, cut, hands, used: false }
    }

    /// What the message was about is on disk, or is no longer its own. Nobody waits for it: on a connection that is dead and does not know
    /// it yet, it would keep whoever delivers from everything else.
    pub(crate) fn acknowledge(mut self) {
        tokio::spawn(async move {
            // `false` is no error of the client's and means the same: nobody hears it, the message will come again and claim nothing.
            let said = timeout(ANSWER_MAX, self.acker.ack(BasicAckOptions::default())).await;
            let receipt = &mut self;
            receipt.used = matches!(said, Ok(Ok(true)));
        });
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        self.hands.held.fetch_sub(1, Ordering::Relaxed);
        if !self.used {
            self.cut.notify_one();
        }
    }
}

impl RabbitMq {
    /// For the peers that this configuration delivers to; nothing is connected yet.
    pub(crate) fn new(config: &Config, clock: &Clock) -> RabbitMq {
        let (post, outbox) = mpsc::unbounded_channel();
        let inbox = |name: &String| {
            let (send, receive) = mpsc::unbounded_channel();
            (PeerName::from(name.as_str()), Inbox { send, receive: Arc::new(Mutex::new(receive)) })
        };
        RabbitMq {
            topology: topology_of(config),
            hearing: Link::new("door", clock.clone()),
            announcing: Link::new("events", clock.clone()),
            publishing: Link::new("publisher", clock.clone()),
            consuming: Link::new("consumer", clock.clone()),
            post,
            outbox: Mutex::new(outbox),
            inboxes: config.peers.keys().map(inbox).collect(),
            queue: config.queue.clone(),
        }
    }

    /// How it is: as ill as the illest of its connections.
    pub(crate) fn health(&self) -> Health {
        let door = [&self.hearing, &self.announcing].into_iter().filter(|_| self.queue.door);
        let links = [&self.publishing, &self.consuming].into_iter().chain(door);
        let worse = |one, other| match (one, other) {
            (Health::Away(one), Health::Away(other)) => Health::Away(one.min(other)),
            (away @ Health::Away(_), _) | (_, away @ Health::Away(_)) => away,
            (blocked @ Health::Blocked(_), _) | (_, blocked) => blocked,
        };
        links.map(Link::health).fold(Health::Up, worse)
    }

    /// Starts the connections; they end when `stopped`.
    pub(crate) fn start(
        self: &Arc<Self>,
        app: &Arc<App>,
        tasks: &mut JoinSet<()>,
        stopped: &watch::Receiver<bool>,
    ) {
        let publisher = publisher::Publisher { app: app.clone(), rabbit: self.clone() };
        let consumer = consumer::ConsumerSession { app: app.clone(), rabbit: self.clone(), dumb: None };
        let (rabbit, stop) = (self.clone(), stopped.clone());
        tasks.spawn(async move { supervise(publisher, &rabbit.queue, &rabbit.publishing, stop).await });
        let (rabbit, stop) = (self.clone(), stopped.clone());
        tasks.spawn(async move { supervise(consumer, &rabbit.queue, &rabbit.consuming, stop).await });
        if !self.queue.door {
            return;
        }
        let door = door::Door::new();
        let (queue, topology) = (self.queue.clone(), self.topology.clone());
        let hearing = door::Hearing { app: app.clone(), door: door.clone(), queue, topology };
        let (queue, topology) = (self.queue.clone(), self.topology.clone());
        let announcing = door::Announcing { app: app.clone(), door, queue, topology, in_hand: false };
        let (rabbit, stop) = (self.clone(), stopped.clone());
        tasks.spawn(async move { supervise(hearing, &rabbit.queue, &rabbit.hearing, stop).await });
        let (rabbit, stop) = (self.clone(), stopped.clone());
        tasks.spawn(async move { supervise(announcing, &rabbit.queue, &rabbit.announcing, stop).await });
    }

    /// The line of one peer; there is one at a time.
    pub(crate) async fn line(self: &Arc<Self>, peer: &PeerName) -> Lane {
        let inbox = match self.inboxes.get(peer) {
            Some(inbox) => inbox.receive.clone(),
            // Nobody delivers to a peer without endpoints.
            None => Arc::new(Mutex::new(mpsc::unbounded_channel().1)),
        };
        Lane { rabbit: self.clone(), inbox: inbox.lock_owned().await, waiting: VecDeque::new(), behind: None }
    }

    fn arrived(&self, peer: &PeerName, arrival: Arrival) {
        if let Some(inbox) = self.inboxes.get(peer) {
            // The receiver lives as long as this value does.
            let _ = inbox.send.send(arrival);
        }
    }
}

/// One peer's way through the broker.
pub(crate) struct Lane {
    rabbit: Arc<RabbitMq>,
    inbox: OwnedMutexGuard<mpsc::UnboundedReceiver<Arrival>>,
    /// Came, and not yet claimed.
    waiting: VecDeque<Arrival>,
    /// More may be ready than may be at the broker.
    behind: Option<Behind>,
}

/// As many are at the broker as may be.
struct Behind {
    /// Since when.
    since: Instant,
    /// So many came back since.
    freed: usize,
}

impl Line for Lane {
    async fn take(
        &mut self,
        app: &App,
        room: &Room,
        now: Moment,
        out: &HashSet<LaneId>,
    ) -> Result<Taken, StoreError> {
        while let Ok(arrival) = self.inbox.try_recv() {
            self.waiting.push_back(arrival);
        }
        if !room.sends() {
            self.put_back(app, self.waiting.len()).await?;
            return Ok(Taken::nothing(true));
        }
        let (permits, away) = permits(room, now, out.len());
        if let Some(probes) = away {
            self.put_back(app, self.waiting.len()).await?;
            if permits == 0 {
                return Ok(Taken::nothing(true));
            }
            let probe = match choose_probe(app, room, probes, now, out).await? {
                Some(head) => app.store.claim_probe(head.lane).await?.map(|token| (head, token)),
                None => None,
            };
            let work: Vec<Work> = probe
                .into_iter()
                .map(|(head, token)| Work { head, right: Some(Right::new(token)), receipt: None })
                .collect();
            return Ok(Taken { full: !work.is_empty(), work });
        }
        let work = self.claim(app, permits).await?;
        let stale = self.waiting.iter().take_while(|arrival| arrival.came.elapsed() > HELD_MAX).count();
        let further = match self.put_back(app, stale).await {
            Ok(()) => self.hand_over(app, room, now).await,
            failed => failed,
        };
        match further {
            // The same: what is claimed goes out, whatever else goes wrong.
            Err(error) if !work.is_empty() => tracing::error!(event = "hand-over-failed", %error),
            further => further?,
        }
        // What is at the broker comes back, and then there is more to give: nobody needs to ask what becomes ready when.
        Ok(Taken { full: work.len() >= permits || self.behind.is_some(), work })
    }

    async fn stirred(&mut self) {
        let ask_again = self.behind.as_ref().map(|behind| behind.since + ASKED_AGAIN);
        tokio::select! {
            arrival = self.inbox.recv() => match arrival {
                Some(arrival) => self.waiting.push_back(arrival),
                None => std::future::pending().await,
            },
            () = at(ask_again) => self.behind = None,
        }
    }

    async fn is_empty(&self, app: &App, room: &Room) -> bool {
        // Without a broker, or without an answer of the store, nobody knows; and then it is not said.
        self.rabbit.health() == Health::Up
            && self.waiting.is_empty()
            && self.behind.is_none()
            && app.store.out(&room.name).await.is_ok_and(|out| out == 0)
    }
}

impl Lane {
    /// Claims what came, as many as the peer bears. What the store does not give is an old copy: the broker may forget it.
    async fn claim(&mut self, app: &App, permits: usize) -> Result<Vec<Work>, StoreError> {
        let mut work = Vec::new();
        while work.len() < permits && !self.waiting.is_empty() {
            let count = self.waiting.len().min(permits - work.len());
            let handovers: Vec<Handover> =
                self.waiting.iter().take(count).map(|arrival| arrival.handover).collect();
            let tokens = match app.store.claim(handovers).await {
                // What is claimed already goes out: nobody else would ever give it back.
                Err(error) if !work.is_empty() => {
                    tracing::error!(event = "claim-failed", %error);
                    break;
                }
                tokens => tokens?,
            };
            self.freed(count);
            for (arrival, token) in self.waiting.drain(..count).zip(tokens) {
                let Arrival { handover, receipt, .. } = arrival;
                match token {
                    Some(token) => {
                        let head = Head {
                            lane: handover.lane,
                            delivery: handover.delivery,
                            ready_at: Moment::default(),
                            due: None,
                        };
                        work.push(Work { head, right: Some(Right::new(token)), receipt: Some(receipt) });
                    }
                    None => receipt.acknowledge(),
                }
            }
        }
        Ok(work)
    }

    /// The first `count` of what came cannot go now: their lanes wait in the store.
    async fn put_back(&mut self, app: &App, count: usize) -> Result<(), StoreError> {
        if count == 0 {
            return Ok(());
        }
        let handovers = self.waiting.iter().take(count).map(|arrival| arrival.handover).collect();
        app.store.put_back(handovers).await?;
        self.freed(count);
        for arrival in self.waiting.drain(..count) {
            arrival.receipt.acknowledge();
        }
        Ok(())
    }

    /// So many places at the broker are free again.
    fn freed(&mut self, count: usize) {
        if let Some(behind) = &mut self.behind {
            behind.freed += count;
        }
    }

    /// Gives ready heads to the publisher, as long as there is somebody who takes them.
    async fn hand_over(&mut self, app: &App, room: &Room, now: Moment) -> Result<(), StoreError> {
        let lanes_max = self.rabbit.queue.lanes_max;
        let enough = FREED_MIN.min(lanes_max / 2);
        if self.behind.as_ref().is_some_and(|behind| behind.freed < enough) {
            return Ok(());
        }
        while self.rabbit.publishing.health() == Health::Up {
            let Marked { handovers, full } = app.store.hand_over(&room.name, BATCH, lanes_max, now).await?;
            self.behind = full.then(|| Behind { since: Instant::now(), freed: 0 });
            let marked = handovers.len();
            if marked == 0 {
                break;
            }
            // The receiver lives as long as this value does.
            let _ = self.rabbit.post.send(Outgoing { peer: room.name.clone(), handovers });
            if marked < BATCH {
                break;
            }
        }
        Ok(())
    }
}

/// Comes back then; never where there is no such moment.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
