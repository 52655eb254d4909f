//! What brings ready deliveries to the loop of their peer: a carrier. There are two, chosen by the configuration, with the same promises:
//! `Embedded` hands out what the store says is ready; the one over RabbitMQ ([`amqp`]) hands the same heads to a broker first and takes them from its
//! queue. The store decides in both: what must wait waits there, and a message from a broker is a claim and not a permission.
//!
//! What a restart sees: rows. What was out is ready again, and what a broker still brings of it is an old copy that claims nothing.

pub mod amqp;
mod embedded;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gateway_core::ids::Moment;
use gateway_core::redelivery::{Presence, probe};

pub(crate) use self::embedded::Embedded;
use crate::app::{App, Room};
use crate::store::{Head, LaneId, StoreError, Token, Written};

/// Which carrier a gateway has.
pub enum Carrier {
    /// The store's own outbox.
    Embedded,
    /// RabbitMQ.
    RabbitMq(Arc<amqp::RabbitMq>),
}

/// The way of one peer's ready deliveries to its loop.
pub(crate) trait Line: Send + 'static {
    /// What may go out now, oldest due date first, as many as the peer bears. `out` are the lanes in the loop's hands.
    fn take(
        &mut self,
        app: &App,
        room: &Room,
        now: Moment,
        out: &HashSet<LaneId>,
    ) -> impl Future<Output = Result<Taken, StoreError>> + Send;

    /// Comes back when the loop should look again because of this line; may be dropped at any time.
    fn stirred(&mut self) -> impl Future<Output = ()> + Send;

    /// Is nothing on its way to the loop?
    fn is_empty(&self, app: &App, room: &Room) -> impl Future<Output = bool> + Send;
}

/// What goes out now.
pub(crate) struct Taken {
    /// These.
    pub(crate) work: Vec<Work>,
    /// The peer bears no more at present, so more may be ready.
    pub(crate) full: bool,
}

impl Taken {
    fn nothing(full: bool) -> Self {
        Taken { work: Vec::new(), full }
    }
}

/// The right to write about a delivery that was claimed.
pub(crate) struct Right {
    /// Fences off whoever had it before.
    pub(crate) token: Token,
    given_back: AtomicBool,
}

impl Right {
    fn new(token: Token) -> Self {
        Right { token, given_back: AtomicBool::new(false) }
    }

    /// A settlement gives the lane back in its own commit, and nothing is left to be released.
    pub(crate) fn heed(&self, written: &Written) {
        self.given_back.fetch_or(written.given_back, Ordering::Relaxed);
    }
}

/// A head that goes out now.
pub(crate) struct Work {
    /// Which.
    pub(crate) head: Head,
    /// The right to write about it, where it was claimed.
    pub(crate) right: Option<Right>,
    /// What the broker is told when it is over.
    receipt: Option<amqp::Receipt>,
}

impl Work {
    /// Nobody else hands it out.
    fn ours(head: Head) -> Self {
        Work { head, right: None, receipt: None }
    }

    /// Its attempt is over: gives the lane back if no settlement did, and has the broker forget its message.
    pub(crate) async fn end(self, app: &App, room: &Room) {
        if let Some(right) = self.right
            && !right.given_back.into_inner()
        {
            // Nobody else gives this lane back before the next start, so it is tried until the disk takes it.
            while let Err(error) = app.store.release(self.head.lane, right.token).await {
                tracing::error!(event = "lane-not-released", peer = %room.name, %error);
                app.clock.sleep_until(app.clock.now().plus_millis(1_000)).await;
            }
            room.bell.ring();
        }
        if let Some(receipt) = self.receipt {
            receipt.acknowledge();
        }
    }
}

/// A probe is chosen among so many of the oldest.
const PROBE_CHOICE: usize = 16;

/// The one delivery that finds out whether a peer that is away has come back: `probes` of them were made in vain.
async fn choose_probe(
    app: &App,
    room: &Room,
    probes: u32,
    now: Moment,
    out: &HashSet<LaneId>,
) -> Result<Option<Head>, StoreError> {
    let mut heads = app.store.ready(&room.name, PROBE_CHOICE, now, out).await?;
    if heads.is_empty() {
        return Ok(None);
    }
    let turn = probe(probes, heads.len());
    let head = heads.swap_remove(turn.lane);
    let passer = match turn.passing {
        Some(turn) => app.store.passer(head.lane, turn, now).await?,
        None => None,
    };
    Ok(Some(passer.unwrap_or(head)))
}

/// How many more may start, and whether the peer is away: then after so many probes in vain.
fn permits(room: &Room, now: Moment, out: usize) -> (usize, Option<u32>) {
    let availability = room.availability();
    let probes = match availability.presence() {
        Presence::Away { probes, .. } => Some(probes),
        Presence::Up => None,
    };
    (availability.may_start(now, out), probes)
}
