//! The bell of a peer's loop: rung by whoever made something ready, heard by the loop, and read by whoever waits until nothing
//! is left to do now.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use gateway_core::ids::Moment;
use gateway_core::pipeline::DeliveryId;
use tokio::sync::watch;

/// How a peer's loop stands, for whoever waits until nothing is left to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Standing {
    /// Nothing is in progress and nothing is ready.
    pub parked: bool,
    /// Wakes seen before it parked.
    pub wakes: u64,
    /// It looks again at this moment by itself.
    pub until: Option<Moment>,
}

/// Wakes a peer's loop and tells where it stands.
#[derive(Default)]
pub struct Bell {
    notify: tokio::sync::Notify,
    wakes: AtomicU64,
    standing: watch::Sender<Standing>,
}

impl Bell {
    /// Something may be ready.
    pub fn ring(&self) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// The loop looks around; gives the wakes that this look answers.
    pub(crate) fn look(&self) -> u64 {
        let wakes = self.wakes.load(Ordering::SeqCst);
        self.standing.send_modify(|standing| standing.parked = false);
        wakes
    }

    /// The loop has looked around, and this is how it stands.
    pub(crate) fn stand(&self, standing: Standing) {
        self.standing.send_modify(|was| *was = standing);
    }

    /// Waits for the next ring.
    pub(crate) async fn heard(&self) {
        self.notify.notified().await;
    }

    /// Nothing is in progress, nothing is ready at this moment, and no wake is under way.
    pub fn is_quiet(&self, now: Moment) -> bool {
        let standing = *self.standing.borrow();
        let none_under_way = standing.wakes == self.wakes.load(Ordering::SeqCst);
        standing.parked && none_under_way && standing.until.is_none_or(|until| until > now)
    }

    /// When it looks again by itself, as it said last.
    pub fn until(&self) -> Option<Moment> {
        self.standing.borrow().until
    }
}

/// How far a loop has come that looks at every delivery once, in the order of their numbers.
#[derive(Default)]
pub struct Reached(AtomicI64);

impl Reached {
    /// The last one that was looked at.
    pub(crate) fn read(&self) -> DeliveryId {
        DeliveryId(self.0.load(Ordering::SeqCst))
    }

    /// Goes on, unless somebody wanted everything looked at again meanwhile.
    pub(crate) fn move_on(&self, from: DeliveryId, to: DeliveryId) {
        let _ = self.0.compare_exchange(from.0, to.0, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Everything is looked at again: something before may be ready that was not.
    pub(crate) fn begin_again(&self) {
        self.0.store(0, Ordering::SeqCst);
    }
}
