//! Handing over to a broker, and taking back: the lane's row is the ticket, the broker's message only says that there is one.
//!
//! A lane that is `queued` has been given to the broker under its hand-over number, one that is `running` has been claimed by somebody
//! whose token is the lane's newest. Both numbers only rise, so an old copy claims nothing and old hands write nothing. Marked first,
//! published after: whoever consumes is often faster than the confirm. What a restart sees: nobody has anything in hand any more, so
//! everything that was out is ready again ([`take_back`](Writing::take_back)); what the broker still holds are old copies.

use std::sync::Arc;
use std::time::Duration;

use gateway_core::ids::{Kind, MessageId, Moment, PeerName};
use gateway_core::pipeline::DeliveryId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::claims::Parcel;
use super::claims::Vault;
use super::error::StoreError;
use super::event::Event;
use super::prepare::About;
use super::record::{Row, Sealed, prepare};
use super::types::{Carried, Entry, Handover, LaneId, Marked, Token};
use super::writer::Writing;
use super::written::Written;

/// What a peer has answered is offered to a disk that takes nothing so often.
const UNWRITTEN_PAUSE: Duration = Duration::from_secs(1);

impl Store {
    /// What [`Store::write`] does, for a delivery that was claimed: whoever has not its newest token writes nothing. What is known of a call
    /// waits for a disk that takes nothing: forgotten, the call would be taken for silent and made again.
    pub async fn write_with(
        &self,
        delivery: DeliveryId,
        token: Option<Token>,
        entries: Vec<Entry>,
    ) -> Result<Written, StoreError> {
        let mut parcel = Parcel::default();
        let heard = entries.iter().any(Entry::is_heard);
        let entries = prepare(&self.vault, entries, &mut parcel)?;
        let (parcel, entries) = (Arc::new(parcel), Arc::new(entries));
        for tries in 1.. {
            let written = self.try_write(delivery, token, &entries, &parcel).await;
            match &written {
                Err(error) if heard && error.may_pass(tries) => {
                    if tries.is_power_of_two() {
                        tracing::error!(event = "answer-not-written", delivery = delivery.0, tries, %error);
                    }
                    tokio::time::sleep(UNWRITTEN_PAUSE).await;
                }
                _ => return written,
            }
        }
        Err(StoreError::Closed)
    }

    async fn try_write(
        &self,
        delivery: DeliveryId,
        token: Option<Token>,
        entries: &Arc<Vec<Sealed>>,
        parcel: &Arc<Parcel>,
    ) -> Result<Written, StoreError> {
        let claims = self.keep(parcel.clone()).await?;
        let entries = entries.clone();
        self.run(move |writing| writing.record(delivery, token, &entries, &claims)).await
    }

    /// Marks ready heads of a peer as handed over, oldest due date first: at most `limit`, with no more than `out_max` at the broker.
    pub async fn hand_over(
        &self,
        peer: &PeerName,
        limit: usize,
        out_max: usize,
        now: Moment,
    ) -> Result<Marked, StoreError> {
        let peer = peer.clone();
        self.run(move |writing| writing.hand_over(peer.as_str(), limit, out_max, now)).await
    }

    /// What the broker is given of these hand-overs, without those that are void by now.
    pub async fn carried(&self, handovers: Vec<Handover>) -> Result<Vec<Carried>, StoreError> {
        self.read(move |db, vault| carried(db, vault, &handovers)).await
    }

    /// The broker has these on disk.
    pub async fn confirmed(&self, handovers: Vec<Handover>) -> Result<(), StoreError> {
        self.run(move |writing| writing.confirmed(&handovers)).await
    }

    /// Takes what a broker brought into our hands; none for each that is old, doubled or taken.
    pub async fn claim(&self, handovers: Vec<Handover>) -> Result<Vec<Option<Token>>, StoreError> {
        self.run(move |writing| handovers.iter().map(|one| writing.claim_lane(*one)).collect()).await
    }

    /// Takes a lane that nobody has without a broker, for a probe; none if somebody has it.
    pub async fn claim_probe(&self, lane: LaneId) -> Result<Option<Token>, StoreError> {
        self.run(move |writing| writing.claim_probe(lane)).await
    }

    /// Puts back what a broker brought and that cannot go now.
    pub async fn put_back(&self, handovers: Vec<Handover>) -> Result<(), StoreError> {
        self.run(move |writing| writing.put_back(&handovers)).await
    }

    /// An attempt is over: its lane is given back, if its settlement has not done so.
    pub async fn release(&self, lane: LaneId, token: Token) -> Result<(), StoreError> {
        // Nearly always it has, and asking costs no commit.
        if self.read(move |db, _| Ok(runs(db, lane, token)?)).await? {
            self.run(move |writing| writing.release(lane, token)).await?;
        }
        Ok(())
    }

    /// What was marked before then and never confirmed is ready again. Gives how many lanes.
    pub async fn retake_unconfirmed(&self, peer: &PeerName, before: Moment) -> Result<usize, StoreError> {
        if self.waiting_since(peer, before, false).await? == 0 {
            return Ok(0);
        }
        let peer = peer.clone();
        self.run(move |writing| writing.retake_unconfirmed(peer.as_str(), before)).await
    }

    /// What was confirmed before then and must be lost is ready again. Gives how many lanes.
    pub async fn retake_lost(&self, peer: &PeerName, before: Moment) -> Result<usize, StoreError> {
        let peer = peer.clone();
        self.run(move |writing| writing.retake_lost(peer.as_str(), before)).await
    }

    /// How many hand-overs of a peer from before then, confirmed or not, nobody has claimed.
    pub async fn waiting_since(
        &self,
        peer: &PeerName,
        before: Moment,
        confirmed: bool,
    ) -> Result<usize, StoreError> {
        let peer = peer.clone();
        self.read(move |db, _| waiting_since(db, &peer, before, confirmed)).await
    }

    /// How many lanes of a peer are out, at the broker or in hands.
    pub async fn out(&self, peer: &PeerName) -> Result<usize, StoreError> {
        let peer = peer.clone();
        self.read(move |db, _| out(db, &peer)).await
    }

    /// Nobody has anything of this peer in hand: everything that was out is ready again. Gives how many lanes.
    pub async fn take_back(&self, peer: &PeerName) -> Result<usize, StoreError> {
        if self.out(peer).await? == 0 {
            return Ok(0);
        }
        let peer = peer.clone();
        self.run(move |writing| writing.take_back(peer.as_str())).await
    }

    /// Does what a broker brought back open with a key that was given?
    pub fn try_sealed(&self, sealed: &[u8]) -> Result<(), StoreError> {
        try_sealed(&self.vault, sealed)
    }

    /// This store's own name, given by chance when it was made: a broker's message with another one is not ours.
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl Writing<'_> {
    /// Marks ready heads as handed over, oldest due date first: at most `limit`, and at most so many that `out_max` are out.
    pub(super) fn hand_over(
        &self,
        peer: &str,
        limit: usize,
        out_max: usize,
        now: Moment,
    ) -> Result<Marked, StoreError> {
        let places = out_max.saturating_sub(queued(self.db, peer)?);
        let limit = limit.min(places);
        if limit == 0 {
            return Ok(Marked { handovers: Vec::new(), full: true });
        }
        let mut statement = self.db.prepare_cached(
            "SELECT id, head FROM lane WHERE peer = ?1 AND head IS NOT NULL AND out IS NULL AND ready_at <= ?2
             ORDER BY due, ready_at LIMIT ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let ready = statement.query_map(params![peer, now.as_millis(), limit], |row| {
            Ok((LaneId(row.get(0)?), DeliveryId(row.get(1)?)))
        })?;
        let ready = ready.collect::<Result<Vec<_>, _>>()?;
        let mut handovers = Vec::with_capacity(ready.len());
        for (lane, delivery) in ready {
            let number = self
                .db
                .prepare_cached(
                    "UPDATE lane SET out = 'queued', handover = handover + 1, queued_at = ?2, confirmed = 0
                     WHERE id = ?1 RETURNING handover",
                )?
                .query_row(params![lane.0, now.as_millis()], |row| row.get(0))?;
            handovers.push(Handover { lane, delivery, number });
        }
        Ok(Marked { full: handovers.len() == places, handovers })
    }

    /// The broker has it on disk.
    pub(super) fn confirmed(&self, handovers: &[Handover]) -> Result<(), StoreError> {
        for handover in handovers {
            self.db
                .prepare_cached(
                    "UPDATE lane SET confirmed = 1 WHERE id = ?1 AND handover = ?2 AND out = 'queued'",
                )?
                .execute(params![handover.lane.0, handover.number])?;
        }
        Ok(())
    }

    /// Takes what was handed over into hands of ours; none for a copy that is old, doubled or taken.
    pub(super) fn claim_lane(&self, handover: Handover) -> Result<Option<Token>, StoreError> {
        Ok(self
            .db
            .prepare_cached(
                "UPDATE lane SET out = 'running', token = token + 1
                 WHERE id = ?1 AND head = ?2 AND handover = ?3 AND out = 'queued' RETURNING token",
            )?
            .query_row(params![handover.lane.0, handover.delivery.0, handover.number], |row| row.get(0))
            .optional()?
            .map(Token))
    }

    /// Takes a lane that nobody has, without a broker: for probes.
    pub(super) fn claim_probe(&self, lane: LaneId) -> Result<Option<Token>, StoreError> {
        Ok(self
            .db
            .prepare_cached(
                "UPDATE lane SET out = 'running', token = token + 1 WHERE id = ?1 AND out IS NULL RETURNING token",
            )?
            .query_row([lane.0], |row| row.get(0))
            .optional()?
            .map(Token))
    }

    /// Puts back what cannot go now and that nobody has claimed: it is ready, and will be handed over under the next number.
    pub(super) fn put_back(&self, handovers: &[Handover]) -> Result<(), StoreError> {
        for handover in handovers {
            self.db
                .prepare_cached(
                    "UPDATE lane SET out = NULL WHERE id = ?1 AND handover = ?2 AND out = 'queued'",
                )?
                .execute(params![handover.lane.0, handover.number])?;
        }
        Ok(())
    }

    /// An attempt is over, however it ended.
    pub(super) fn release(&self, lane: LaneId, token: Token) -> Result<(), StoreError> {
        self.db
            .prepare_cached("UPDATE lane SET out = NULL WHERE id = ?1 AND token = ?2 AND out = 'running'")?
            .execute(params![lane.0, token.0])?;
        Ok(())
    }

    /// The settlement of a claimed delivery gives its lane back in the same commit.
    pub(super) fn hand_back(&self, lane: i64) -> Result<(), StoreError> {
        self.db
            .prepare_cached("UPDATE lane SET out = NULL WHERE id = ?1 AND out = 'running'")?
            .execute([lane])?;
        Ok(())
    }

    /// What was marked before then and never confirmed is ready again; its publisher may have died.
    pub(super) fn retake_unconfirmed(&self, peer: &str, before: Moment) -> Result<usize, StoreError> {
        self.retake(peer, before, false)
    }

    /// What was confirmed before then and must be lost (purged, deleted with its queue) is ready again.
    pub(super) fn retake_lost(&self, peer: &str, before: Moment) -> Result<usize, StoreError> {
        self.retake(peer, before, true)
    }

    fn retake(&self, peer: &str, before: Moment, confirmed: bool) -> Result<usize, StoreError> {
        Ok(self
            .db
            .prepare_cached(
                "UPDATE lane SET out = NULL
                 WHERE peer = ?1 AND out = 'queued' AND queued_at < ?2 AND confirmed = ?3",
            )?
            .execute(params![peer, before.as_millis(), confirmed])?)
    }

    /// Nobody has anything of this peer in hand: what was out is ready, and whoever had it writes nothing any more.
    pub(super) fn take_back(&self, peer: &str) -> Result<usize, StoreError> {
        Ok(self
            .db
            .prepare_cached(
                "UPDATE lane SET out = NULL, token = token + 1 WHERE peer = ?1 AND out IS NOT NULL",
            )?
            .execute([peer])?)
    }

    /// Does this token still have the lane?
    pub(super) fn runs(&self, lane: i64, token: Token) -> Result<bool, StoreError> {
        Ok(runs(self.db, LaneId(lane), token)?)
    }

    /// Somebody who no longer has the lane found out how it ended: kept for people, without any effect.
    pub(super) fn note_late(&self, row: &Row, entries: &[Sealed]) -> Result<(), StoreError> {
        let settled = entries.iter().find_map(|entry| match entry {
            Sealed::Plain(Entry::Settle { settlement, at }) => Some((settlement.name(), *at)),
            _ => None,
        });
        let Some((name, at)) = settled else { return Ok(()) };
        self.note(self.lane(row.lane)?.dossier, Some(row.id), at, Event::LateOutcome, name)
    }
}

/// How many lanes of a peer wait at the broker.
fn queued(db: &Connection, peer: &str) -> Result<usize, StoreError> {
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM lane WHERE peer = ?1 AND out = 'queued'")?
        .query_row([peer], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// How many lanes of a peer are out, at the broker or in hands.
pub(super) fn out(db: &Connection, peer: &PeerName) -> Result<usize, StoreError> {
    let count: i64 = db
        .prepare_cached("SELECT count(*) FROM lane WHERE peer = ?1 AND out IS NOT NULL")?
        .query_row([peer.as_str()], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// How many hand-overs of a peer from before then were confirmed, or not, and not yet claimed.
pub(super) fn waiting_since(
    db: &Connection,
    peer: &PeerName,
    before: Moment,
    confirmed: bool,
) -> Result<usize, StoreError> {
    let count: i64 = db
        .prepare_cached(
            "SELECT count(*) FROM lane WHERE peer = ?1 AND out = 'queued' AND queued_at < ?2 AND confirmed = ?3",
        )?
        .query_row(params![peer.as_str(), before.as_millis(), confirmed], |row| row.get(0))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// Does this token still have the lane?
pub(super) fn runs(db: &Connection, lane: LaneId, token: Token) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM lane WHERE id = ?1 AND token = ?2 AND out = 'running')")?
        .query_row(params![lane.0, token.0], |row| row.get(0))
}

/// What the broker is given of these hand-overs, without those that are void by now.
pub(super) fn carried(
    db: &Connection,
    vault: &Vault,
    handovers: &[Handover],
) -> Result<Vec<Carried>, StoreError> {
    let mut carried = Vec::with_capacity(handovers.len());
    for handover in handovers {
        let found = db
            .prepare_cached(
                "SELECT m.id, m.kind, m.about, m.at, d.attempts, ifnull(d.revision, m.document)
                 FROM lane l JOIN delivery d ON d.id = l.head JOIN message m ON m.seq = d.message
                 WHERE l.id = ?1 AND l.head = ?2 AND l.handover = ?3 AND l.out = 'queued'",
            )?
            .query_row(params![handover.lane.0, handover.delivery.0, handover.number], |row| {
                let (id, kind): ([u8; 16], String) = (row.get(0)?, row.get(1)?);
                let (about, at): (Vec<u8>, i64) = (row.get(2)?, row.get(3)?);
                let (attempts, sealed): (u32, Vec<u8>) = (row.get(4)?, row.get(5)?);
                Ok((id, kind, about, at, attempts, sealed))
            })
            .optional()?;
        let Some((id, kind, about, at, attempts, sealed)) = found else { continue };
        // One whose sealed values do not open is still handed over: that is found out, and told, where it is attempted.
        let about: Option<About> = vault.open("message.about", &about).ok();
        carried.push(Carried {
            handover: *handover,
            message: MessageId(id),
            correlation: about.as_ref().map(|about| about.correlation.clone()).unwrap_or_else(|| "".into()),
            traceparent: about.as_ref().and_then(|about| about.traceparent.clone()),
            kind: Kind::from(kind),
            mapping: about.and_then(|about| about.mapping),
            attempts,
            at: Moment::from_millis(at),
            sealed,
        });
    }
    Ok(carried)
}

/// Does what a broker brought back open with a key that was given?
pub(super) fn try_sealed(vault: &Vault, sealed: &[u8]) -> Result<(), StoreError> {
    vault.seal.open("document", sealed).map(drop)
}
