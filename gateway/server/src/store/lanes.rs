//! Lane rows: reading a lane's open deliveries, asking the core who goes next, writing the answer into the lane row.
//!
//! The lane row is the only thing that hands work out, so it is written in the same transaction as whatever changed the
//! lane. After a restart it says what it said before.

use gateway_core::envelope::Class;
use gateway_core::fault::Fault;
use gateway_core::ids::{Moment, PeerName};
use gateway_core::pipeline::{self, DeliveryId, LaneEntry, LaneFacts, Next, State};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::Store;
use super::error::StoreError;
use super::event::Event;
use super::types::{Head, LaneId};
use super::writer::Writing;

/// The due date of a lane that has none: after all others.
pub(super) const NEVER: i64 = i64::MAX;

impl Store {
    /// What goes to a peer by itself, from after this delivery on, in the order in which it came.
    pub async fn waiting_after(
        &self,
        peer: &PeerName,
        after: DeliveryId,
        limit: usize,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let peer = peer.clone();
        self.read(move |db, _| waiting_after(db, &peer, after, limit)).await
    }
}

/// Deliveries to a peer that go by themselves, with a number after this one, oldest first.
fn waiting_after(
    db: &Connection,
    peer: &PeerName,
    after: DeliveryId,
    limit: usize,
) -> Result<Vec<DeliveryId>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT d.id FROM delivery d CROSS JOIN lane l ON l.id = d.lane
         WHERE d.id > ?1 AND d.open = 1 AND d.state = 'waiting' AND l.peer = ?2 ORDER BY d.id LIMIT ?3",
    )?;
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = statement.query_map(params![after.0, peer.as_str(), most], |row| row.get(0))?;
    Ok(found.map(|id| id.map(DeliveryId)).collect::<Result<_, rusqlite::Error>>()?)
}

/// A lane row.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) id: i64,
    pub(super) dossier: i64,
    pub(super) accepted: bool,
    pub(super) next_position: i64,
    pub(super) open: i64,
    pub(super) head: Option<i64>,
    pub(super) ready_at: i64,
    pub(super) due: i64,
}

const LANE: &str = "id, dossier, accepted, next_position, open, head, ifnull(ready_at, 0), due";

impl Lane {
    fn read(row: &Row) -> rusqlite::Result<Lane> {
        Ok(Lane {
            id: row.get(0)?,
            dossier: row.get(1)?,
            accepted: row.get(2)?,
            next_position: row.get(3)?,
            open: row.get(4)?,
            head: row.get(5)?,
            ready_at: row.get(6)?,
            due: row.get(7)?,
        })
    }

    pub(super) fn facts(&self) -> LaneFacts {
        LaneFacts { accepted_snapshot: self.accepted }
    }

    /// The head as the outside sees it.
    pub(super) fn next(&self) -> Option<Head> {
        Some(Head {
            lane: LaneId(self.id),
            delivery: DeliveryId(self.head?),
            ready_at: Moment::from_millis(self.ready_at),
            due: (self.due != NEVER).then(|| Moment::from_millis(self.due)),
        })
    }

    pub(super) fn set_head(&mut self, next: Option<Next>) {
        self.head = next.map(|next| next.id.0);
        self.ready_at = next.map_or(0, |next| next.ready_at.as_millis());
    }
}

/// The class of this name; whatever is no snapshot counts each.
pub(super) fn class(text: &str) -> Class {
    if text == "snapshot" { Class::Snapshot } else { Class::Event }
}

/// The name of a class.
pub(super) fn class_name(class: Class) -> &'static str {
    match class {
        Class::Snapshot => "snapshot",
        Class::Event => "event",
        Class::Question => "question",
    }
}

/// The state of this name. A name that no version of this program wrote means a damaged row.
pub(super) fn state(text: &str) -> Result<State, StoreError> {
    State::parse(text).ok_or_else(|| StoreError::Corrupt("a delivery has no known state".to_owned()))
}

impl Writing<'_> {
    pub(super) fn lane_of(&self, dossier: i64, peer: &str) -> Result<Option<Lane>, StoreError> {
        let sql = format!("SELECT {LANE} FROM lane WHERE dossier = ?1 AND peer = ?2");
        Ok(self.db.prepare_cached(&sql)?.query_row(params![dossier, peer], Lane::read).optional()?)
    }

    pub(super) fn lane(&self, id: i64) -> Result<Lane, StoreError> {
        let sql = format!("SELECT {LANE} FROM lane WHERE id = ?1");
        Ok(self.db.prepare_cached(&sql)?.query_row([id], Lane::read)?)
    }

    /// The same for whoever has known of it for a while: its dossier may have turned out to be another one.
    pub(super) fn find_lane(&self, id: i64) -> Result<Option<Lane>, StoreError> {
        let sql = format!("SELECT {LANE} FROM lane WHERE id = ?1");
        Ok(self.db.prepare_cached(&sql)?.query_row([id], Lane::read).optional()?)
    }

    pub(super) fn insert_lane(&self, lane: &Lane, peer: &str) -> Result<i64, StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO lane (peer, dossier, accepted, next_position, open, head, ready_at, due)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                peer,
                lane.dossier,
                lane.accepted,
                lane.next_position,
                lane.open,
                lane.head,
                lane.head.map(|_| lane.ready_at),
                lane.due
            ])?;
        Ok(self.db.last_insert_rowid())
    }

    /// Writes a lane. What was handed to a broker for another head than the new one is void, and the new one is ready.
    pub(super) fn update_lane(&self, lane: &Lane) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "UPDATE lane SET accepted = ?2, next_position = ?3, open = ?4, head = ?5, ready_at = ?6, due = ?7,
                   out = CASE WHEN out = 'queued' AND head IS NOT ?5 THEN NULL ELSE out END WHERE id = ?1",
            )?
            .execute(params![
                lane.id,
                lane.accepted,
                lane.next_position,
                lane.open,
                lane.head,
                lane.head.map(|_| lane.ready_at),
                lane.due
            ])?;
        Ok(())
    }

    /// The open deliveries of a lane in position order. `settling` is in our own hands but about to leave them.
    pub(super) fn entries(
        &self,
        lane: i64,
        settling: Option<DeliveryId>,
    ) -> Result<Vec<LaneEntry>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT d.id, d.position, d.class, d.state, d.ready_at, d.attempts,
               (SELECT max(e.answered_at IS NULL) FROM exchange e
                WHERE e.delivery = d.id AND e.once = 1 AND e.struck_at IS NULL), m.kind
             FROM delivery d JOIN message m ON m.seq = d.message WHERE d.lane = ?1 AND d.open = 1 ORDER BY d.position",
        )?;
        let mut rows = statement.query([lane])?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            let id = DeliveryId(row.get(0)?);
            let once_unanswered: Option<bool> = row.get(6)?;
            let state = match (state(row.get_ref(3)?.as_str().unwrap_or_default())?, once_unanswered) {
                // What a crash between a call and its answer leaves is doubtful, although nobody could write it down.
                (State::Waiting, Some(true)) => State::Doubtful,
                (state, _) => state,
            };
            entries.push(LaneEntry {
                id,
                position: row.get(1)?,
                kind: row.get_ref(7)?.as_str().unwrap_or_default().into(),
                class: class(row.get_ref(2)?.as_str().unwrap_or_default()),
                state,
                ready_at: Moment::from_millis(row.get(4)?),
                attempts: row.get(5)?,
                out: settling != Some(id) && self.taken.contains(id),
                once_on_record: once_unanswered.is_some(),
            });
        }
        Ok(entries)
    }

    /// Counts and orders a lane anew after its deliveries changed, and writes it.
    pub(super) fn reorder(
        &self,
        lane: &mut Lane,
        settling: Option<DeliveryId>,
    ) -> Result<Option<Head>, StoreError> {
        let entries = self.entries(lane.id, settling)?;
        lane.open = entries.len() as i64;
        lane.set_head(pipeline::head(&entries, lane.facts()));
        self.update_lane(lane)?;
        Ok(lane.next())
    }

    /// Whose turn it is to go before the head of a lane, see [`pipeline::passers`]; none if nobody may now.
    pub(super) fn passer(&self, lane: LaneId, turn: usize, now: Moment) -> Result<Option<Head>, StoreError> {
        let lane = self.lane(lane.0)?;
        let mut passers = pipeline::passers(&self.entries(lane.id, None)?, lane.facts());
        passers.retain(|next| next.ready_at <= now);
        let Some(next) = turn.checked_rem(passers.len()).map(|place| passers[place]) else { return Ok(None) };
        Ok(lane.next().map(|head| Head { delivery: next.id, ready_at: next.ready_at, ..head }))
    }

    /// Makes ready what waits for a moment after `now`, also behind a head that does not, and takes nothing for handed over later than that.
    /// For a clock that was set back: otherwise a message accepted under the wrong time would wait until that time comes again, and
    /// so would the answer to whether a call of that time took effect.
    pub(super) fn bring_forward(&self, peer: &str, now: Moment) -> Result<usize, StoreError> {
        self.db
            .prepare_cached(
                "UPDATE lane SET queued_at = ?2 WHERE peer = ?1 AND out IS NOT NULL AND queued_at > ?2",
            )?
            .execute(params![peer, now.as_millis()])?;
        // A lane that is out is ordered anew when it comes back.
        let mut statement = self.db.prepare_cached(
            "SELECT l.id FROM lane l WHERE l.peer = ?1 AND l.out IS NULL AND l.open > 0 AND EXISTS (SELECT 1 FROM delivery d
               WHERE d.lane = l.id AND d.open = 1 AND (d.ready_at > ?2 OR EXISTS (SELECT 1 FROM exchange e
                 WHERE e.delivery = d.id AND e.answered_at IS NULL AND e.struck_at IS NULL AND e.called_at > ?2)))",
        )?;
        let lanes = statement.query_map(params![peer, now.as_millis()], |row| row.get::<_, i64>(0))?;
        let lanes = lanes.collect::<Result<Vec<_>, _>>()?;
        for lane in &lanes {
            self.db
                .prepare_cached(
                    "UPDATE delivery SET ready_at = ?2 WHERE lane = ?1 AND open = 1 AND ready_at > ?2",
                )?
                .execute(params![lane, now.as_millis()])?;
            self.db
                .prepare_cached(
                    "UPDATE exchange SET called_at = ?2 WHERE answered_at IS NULL AND struck_at IS NULL AND called_at > ?2
                       AND delivery IN (SELECT id FROM delivery WHERE lane = ?1 AND open = 1)",
                )?
                .execute(params![lane, now.as_millis()])?;
            self.reorder(&mut self.lane(*lane)?, None)?;
        }
        Ok(lanes.len())
    }

    /// Writes a row of the timeline.
    pub(super) fn note(
        &self,
        dossier: i64,
        delivery: Option<DeliveryId>,
        at: Moment,
        event: Event,
        detail: &str,
    ) -> Result<(), StoreError> {
        let sealed = match detail {
            "" => None,
            text => Some(self.vault.pack("timeline.detail", &text)?),
        };
        self.db
            .prepare_cached(
                "INSERT INTO timeline (dossier, delivery, at, event, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![dossier, delivery.map(|id| id.0), at.as_millis(), event.as_str(), sealed])?;
        delivery.map_or(Ok(()), |delivery| self.announce_delivery(delivery, event, at))
    }
}

/// What the timeline shows of a fault: its code and what anybody may read.
pub(super) fn told(fault: &Fault) -> String {
    if fault.cause.is_empty() {
        format!("{}: {}", fault.code, fault.words)
    } else {
        format!("{}: {} ({})", fault.code, fault.words, fault.cause)
    }
}
