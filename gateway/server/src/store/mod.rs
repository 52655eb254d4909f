//! The store: journal, outbox, call journal, marks and claims, behind one narrow door.
//!
//! One SQLite file in write-ahead mode with full synchronisation. What [`Store::admit`] and [`Store::write`] have answered
//! is on disk and survives `kill -9` and a power cut; what they have not answered is whole or absent. One process writes (a
//! lock file keeps a second one out), any number read beside it. Everything personal is sealed, see [`seal`](SealKey).
//!
//! What a restart sees: every accepted item with its deliveries; every lane with its next delivery; an unanswered,
//! unstruck call wherever the process ended between a call and its answer, which the next attempt strikes (repeatable) or
//! reads back (once). Nothing in memory is needed. Deliberately absent: the clock, and any decision; those are the core's.

mod admit;
mod announce;
mod before;
mod calls;
mod carriage;
mod checkpoint;
mod claims;
mod copy;
mod due;
mod error;
mod event;
mod feeds;
mod filed;
mod handover;
mod lanes;
mod latest;
mod letters;
mod loads;
mod observed;
mod open;
mod operate;
mod orders;
mod pauses;
mod payments;
mod prepare;
mod publications;
mod purge;
mod read;
mod record;
mod repeats;
mod restored;
mod say;
mod schema;
mod seal;
mod seen;
mod shipments;
mod stats;
mod strays;
mod supersede;
mod sweep;
mod taken;
mod tell;
mod timeline;
mod torn;
mod types;
mod unite;
mod writer;
mod written;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, RwLock};

use gateway_core::adapter::{Marks, Payload};
use gateway_core::fault::Fault;
use gateway_core::ids::{MessageId, Moment, PeerName};
use gateway_core::pipeline::{DeliveryId, History, State};
use rusqlite::Connection;
use serde_json::Value;

use claims::{Parcel, Vault};
use loads::Loads;
use read::Readers;
use taken::Taken;
use writer::Writer;

use crate::crash;

pub use announce::Announcement;
pub use carriage::{
    Asked, Carriage, DueItem, FeedRead, NewPayment, News, Observed, OpenItem, PaymentId, Receivers,
    ShipmentId, Telling,
};
pub(crate) use copy::hold_alone;
pub use copy::{Damage, Facts, Snapshot, hold, keep_pace, mark_restored};
pub use error::StoreError;
pub use event::Event;
pub use filed::{Draft, Filed, Finished};
pub use letters::{DeadLetter, DeadLetterShown, Filter, Reach};
pub use open::{Check, OpenOptions, examine};
pub(crate) use open::{DATABASE, RESTORING, belong, lock, whole};
pub use operate::{Operator, WhatHappened};
pub use pauses::{OnLive, Pause, Wanted, Why};
pub use publications::{Behind, PublicId, Published};
pub use purge::{Purge, Purged};
pub use restored::Restored;
pub use seal::{Seal, SealKey};
pub use seen::SeenCode;
pub use stats::{PeerStats, Stats};
pub use taken::Hold;
pub use timeline::{Timeline, TimelineRow};
pub use types::{
    Admitted, Carried, Content, Delivery, Entry, ExchangeId, Handover, Head, Kept, LaneId, MappingUsed,
    Marked, NewMessage, Pinned, Queued, Route, Token,
};
pub use written::Written;

/// Calls with more text than this are sealed on a thread of their own.
const HEAVY_BYTES: usize = 256 << 10;

/// The store. Cheap to clone; all clones are the same store.
#[derive(Clone)]
pub struct Store {
    vault: Arc<Vault>,
    readers: Arc<Readers>,
    loads: Arc<Loads>,
    taken: Taken,
    telling: Arc<OnceLock<Telling>>,
    restored: Arc<RwLock<Option<Restored>>>,
    writer: Option<Writer>,
    folder: Arc<PathBuf>,
    id: Arc<str>,
    unchecked: Option<schema::Checking>,
}

impl Store {
    /// Admits the items of one call, in order, in one transaction. An error means that none of them was stored.
    pub async fn admit(&self, call: Vec<NewMessage>) -> Result<Vec<Admitted>, StoreError> {
        let bytes: usize = call.iter().map(prepare::weight).sum();
        let items = if bytes <= HEAVY_BYTES {
            self.prepare(call).await?
        } else {
            // Sealing megabytes here would hold up every other call of this thread.
            let vault = self.vault.clone();
            blocking(move || prepare::prepare_and_keep(&vault, call)).await?
        };
        crash::point("after-files-kept");
        self.run(move |writing| items.iter().map(|item| writing.admit(item)).collect()).await
    }

    /// Who is told of shipments; said once, before anything is admitted.
    pub fn tell_by(&self, telling: Telling) {
        // A second gateway would be a second store.
        let _ = self.telling.set(telling);
    }

    /// Admits what a carrier answered to a question, and how far it was read, in one transaction: a crash before it reads the same
    /// again, a crash after it goes on.
    pub async fn admit_asked(
        &self,
        items: Vec<NewMessage>,
        asked: Asked,
    ) -> Result<Vec<Admitted>, StoreError> {
        let vault = self.vault.clone();
        let mut items = blocking(move || prepare::prepare_and_keep(&vault, items)).await?;
        items.iter_mut().for_each(|item| item.pulled = true);
        crash::point("after-page-read");
        self.run(move |writing| {
            let admitted = items.iter().map(|item| writing.admit(item)).collect::<Result<Vec<_>, _>>()?;
            writing.asked(&asked)?;
            Ok(admitted)
        })
        .await
    }

    async fn prepare(&self, call: Vec<NewMessage>) -> Result<Vec<prepare::Prepared>, StoreError> {
        let mut items = Vec::with_capacity(call.len());
        for message in call {
            let mut parcel = Parcel::default();
            let mut item = prepare::prepare(&self.vault, message, &mut parcel)?;
            item.claims = self.keep(parcel.into()).await?;
            items.push(item);
        }
        Ok(items)
    }

    /// The lanes of a peer whose head may go now, without those that are out: oldest due date first, then the longest ready.
    pub async fn ready(
        &self,
        peer: &PeerName,
        limit: usize,
        now: Moment,
        out: &HashSet<LaneId>,
    ) -> Result<Vec<Head>, StoreError> {
        let (peer, out) = (peer.clone(), out.clone());
        self.read(move |db, _| read::ready(db, &peer, limit, now, &out)).await
    }

    /// Who may be tried before the head of this lane while its peer is away, in turns; none if nobody may.
    pub async fn passer(&self, lane: LaneId, turn: usize, now: Moment) -> Result<Option<Head>, StoreError> {
        self.run(move |writing| writing.passer(lane, turn, now)).await
    }

    /// When the next lane of a peer that is not ready now becomes ready by itself.
    pub async fn next_ready_at(&self, peer: &PeerName, now: Moment) -> Result<Option<Moment>, StoreError> {
        let peer = peer.clone();
        self.read(move |db, _| read::next_ready_at(db, &peer, now)).await
    }

    /// The clock was set back: nothing waits for the old time to come again. Gives how many lanes did.
    pub async fn bring_forward(&self, peer: &PeerName, now: Moment) -> Result<usize, StoreError> {
        let peer = peer.clone();
        self.run(move |writing| writing.bring_forward(peer.as_str(), now)).await
    }

    /// The latest time that the store knows something of.
    pub async fn latest_at(&self) -> Result<Option<Moment>, StoreError> {
        self.read(|db, _| read::latest_at(db)).await
    }

    /// Takes a delivery for an attempt; none if it may not go (any more) or somebody has it.
    pub async fn load(&self, delivery: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        // Taken before it is read: a newer snapshot that comes in between sees that it is out, or we see that it is gone.
        let Some(hold) = self.taken.take(delivery) else { return Ok(None) };
        let loaded = self.loaded(delivery).await?;
        let loaded = loaded.and_then(|loaded| loaded.into_delivery(delivery, hold));
        Ok(loaded.map(|loaded| self.presume(loaded)))
    }

    /// What a delivery has gone through; also where its sealed values do not open.
    pub async fn history(&self, delivery: DeliveryId) -> Result<Option<History>, StoreError> {
        self.read(move |db, _| read::history(db, delivery)).await
    }

    /// Asks anew who goes next in a lane, and writes it: for a lane whose head could not be taken.
    pub async fn set_right(&self, lane: LaneId) -> Result<Option<Head>, StoreError> {
        self.run(move |writing| match writing.find_lane(lane.0)? {
            Some(mut lane) => writing.reorder(&mut lane, None),
            None => Ok(None),
        })
        .await
    }

    /// The item as it came, for a mended inbound mapping.
    pub async fn source(&self, message: MessageId) -> Result<Option<Payload>, StoreError> {
        self.read(move |db, vault| read::source(db, vault, message)).await
    }

    /// The state of a delivery and the fault it waits with, for callers that wait for the peer's verdict.
    pub async fn state(&self, delivery: DeliveryId) -> Result<Option<(State, Option<Fault>)>, StoreError> {
        self.read(move |db, vault| read::state_of(db, vault, delivery)).await
    }

    /// Why a peer refused a message, if one did: what a repeat of that message is answered with.
    pub async fn refusal(&self, message: MessageId) -> Result<Option<Fault>, StoreError> {
        self.read(move |db, vault| read::refusal(db, vault, message)).await
    }

    /// Writes what a delivery did, in one transaction, in order. Look at [`Written::gone`] before the next call leaves.
    pub async fn write(&self, delivery: DeliveryId, entries: Vec<Entry>) -> Result<Written, StoreError> {
        self.write_with(delivery, None, entries).await
    }

    /// The timeline of every dossier that has this code.
    pub async fn timeline(&self, code: &str) -> Result<Option<Timeline>, StoreError> {
        let code = code.trim().to_owned();
        self.read(move |db, vault| timeline::timeline(db, vault, &code)).await
    }

    /// The dead letters, deliveries in doubt and held events that a filter finds, oldest first.
    pub async fn dead_letters(&self, filter: Filter) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(move |db, _| letters::list(db, &filter)).await
    }

    /// One of them, opened for showing. The caller writes down who looked.
    pub async fn dead_letter(&self, delivery: DeliveryId) -> Result<Option<DeadLetterShown>, StoreError> {
        self.read(move |db, vault| letters::show(db, vault, delivery)).await
    }

    /// Gives a delivery up.
    pub async fn discard(&self, delivery: DeliveryId, reason: &str, by: Operator) -> Result<(), StoreError> {
        let reason = reason.to_owned();
        self.run(move |writing| writing.discard(delivery, &reason, &by)).await
    }

    /// Gives a delivery another canonical document and has it sent. The arrival stays as it came.
    pub async fn correct(
        &self,
        delivery: DeliveryId,
        document: Value,
        by: Operator,
    ) -> Result<(), StoreError> {
        let mut parcel = Parcel::default();
        let lifted = self.vault.lift(document, &mut parcel);
        let sealed = self.vault.pack_large("document", &lifted, &mut parcel)?;
        let claims = self.keep(parcel.into()).await?;
        self.run(move |writing| writing.correct(delivery, &sealed, &claims, &by)).await
    }

    /// Has what a filter finds sent again; with `dry_run` only says what that would be.
    pub async fn redeliver(
        &self,
        filter: Filter,
        reach: Reach,
        by: Operator,
        dry_run: bool,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.run(move |writing| writing.redeliver(&filter, reach, &by, dry_run)).await
    }

    /// An operator's word on whether a delivery in doubt took effect; marks are what the peer calls the dossier, if known.
    pub async fn settle_doubt(
        &self,
        delivery: DeliveryId,
        what: WhatHappened,
        marks: Marks,
        by: Operator,
    ) -> Result<(), StoreError> {
        let marks = record::seal_marks(&self.vault, &marks)?;
        self.run(move |writing| writing.settle_doubt(delivery, what, &marks, &by)).await
    }

    /// At start: offers again what failed for want of something of ours, where the mapping is no longer the one that
    /// failed. `current` gives the fingerprints of every mapping by name. Gives what was offered.
    pub async fn reoffer(
        &self,
        current: BTreeMap<String, BTreeSet<String>>,
        at: Moment,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        self.run(move |writing| writing.reoffer(&current, at)).await
    }

    /// Everybody that something waits for. Cheap, however much it is.
    pub async fn waited_for(&self) -> Result<BTreeSet<PeerName>, StoreError> {
        self.read(|db, _| stats::waited_for(db)).await
    }

    /// Counts for metrics.
    pub async fn stats(&self) -> Result<Stats, StoreError> {
        self.read(|db, _| stats::stats(db)).await
    }

    /// Writes a little and syncs it: whether a message could be accepted now.
    pub async fn try_writing(&self) -> Result<(), StoreError> {
        self.run(|writing| writing.try_writing()).await
    }

    /// How many commits were synced since opening.
    pub fn commits(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::commits)
    }

    /// How often the writer fell over our own code and got up again.
    pub fn writer_panics(&self) -> u64 {
        self.writer.as_ref().map_or(0, Writer::panics)
    }

    /// Ends writing after what waits; comes back when another process may open the store.
    pub async fn close(&self) {
        self.readers.close();
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    async fn keep(&self, parcel: Arc<Parcel>) -> Result<Vec<(String, u64)>, StoreError> {
        if parcel.is_empty() {
            return Ok(Vec::new());
        }
        let vault = self.vault.clone();
        blocking(move || vault.keep(&parcel)).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&writer::Writing) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer.as_ref().ok_or(StoreError::ReadOnly)?.run(work).await
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Vault) -> Result<T, StoreError> + Send + 'static,
    {
        let _place = self.readers.place().await;
        let (readers, vault) = (self.readers.clone(), self.vault.clone());
        blocking(move || readers.with(|db| work(db, &vault))).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.folder.display())
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(StoreError::Io("a reader of the store panicked".to_owned())))
}

#[cfg(test)]
mod tests;
