//! What operators do, and what a mended file does in their stead: redeliver, correct, discard, settle a doubt, offer again.
//!
//! Each is one transaction with a row of the timeline that says who. Nothing is sent here: the delivery becomes ready and
//! goes out through the same door as any other. A snapshot that a newer one has overtaken is never sent again, because
//! that would move the dossier back; it ends as superseded.

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::envelope::Class;
use gateway_core::fault::{Blame, Fault};
use gateway_core::ids::Moment;
use gateway_core::pipeline::{DeliveryId, Settlement, State};
use rusqlite::{OptionalExtension as _, params};

use super::error::StoreError;
use super::event::Event;
use super::letters::{DeadLetter, Filter, PARKED_OR_DELIVERED, Reach, list, list_in};
use super::prepare::About;
use super::record::{Pin, Row, SealedMark};
use super::types::{ExchangeId, MappingUsed};
use super::writer::Writing;

/// Who does something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// The name they are known by; stands in the timeline.
    pub name: String,
    /// When.
    pub at: Moment,
}

/// What an operator found out about a delivery in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhatHappened {
    /// The peer has it: the delivery is done.
    Happened,
    /// The peer does not: the call is struck and made again.
    DidNot,
}

/// Which side of a translation was mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mended {
    /// How the arrival is read: it is read anew.
    Inbound,
    /// How the canonical document is put.
    Outbound,
}

impl Writing<'_> {
    /// Gives a delivery up.
    pub(super) fn discard(&self, id: DeliveryId, reason: &str, by: &Operator) -> Result<(), StoreError> {
        let row = self.parked(id, &[State::Dead, State::InDoubt, State::Held])?;
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = 'discarded', open = 0, settled_at = ?2 WHERE id = ?1",
            )?
            .execute(params![id.0, by.at.as_millis()])?;
        self.told(&row, Event::Discarded, &format!("{}: {reason}", by.name), by.at)
    }

    /// Gives a delivery another document.
    pub(super) fn correct(
        &self,
        id: DeliveryId,
        document: &[u8],
        claims: &[(String, u64)],
        by: &Operator,
    ) -> Result<(), StoreError> {
        let row = self.parked(id, &[State::Dead, State::Held])?;
        if self.is_overtaken(&row)? {
            return Err(StoreError::NotPossible(
                "a newer snapshot of this dossier has taken its place".to_owned(),
            ));
        }
        self.db
            .prepare_cached("UPDATE delivery SET revision = ?2 WHERE id = ?1")?
            .execute(params![id.0, document])?;
        self.claim(claims, Some(self.lane(row.lane)?.dossier), by.at)?;
        self.wake(&row, true, by.at)?;
        self.told(&row, Event::Corrected, &by.name, by.at)
    }

    /// Has everything that a filter finds sent again; a dry run finds the same and leaves it.
    pub(super) fn redeliver(
        &self,
        filter: &Filter,
        reach: Reach,
        by: &Operator,
        dry_run: bool,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let mut sent = Vec::new();
        let found = match reach {
            Reach::Untaken => list(self.db, filter)?,
            Reach::Everything => list_in(self.db, filter, PARKED_OR_DELIVERED)?,
        };
        for letter in found {
            // What is in doubt is never sent again by a filter: somebody has to look first.
            if letter.state == State::InDoubt {
                continue;
            }
            let row = self.parked(letter.delivery, &[State::Dead, State::Held, State::Delivered])?;
            let was_taken = letter.state == State::Delivered;
            if was_taken && self.is_purged(row.id)? {
                continue;
            }
            match (self.is_overtaken(&row)?, dry_run) {
                (true, _) if was_taken => continue,
                (true, true) => continue,
                (true, false) => self.settle(&row, &Settlement::Superseded, by.at).map(drop)?,
                (false, true) => sent.push(letter),
                (false, false) => {
                    // Nothing of it is under way, so today's mapping may speak; what was taken is said again word for word.
                    if was_taken {
                        self.strike_all(row.id, &format!("{}: told again", by.name), by.at)?;
                    }
                    self.wake(&row, !was_taken, by.at)?;
                    self.ask_again(row.id, by.at)?;
                    self.told(&row, Event::Redelivered, &by.name, by.at)?;
                    sent.push(letter);
                }
            }
        }
        Ok(sent)
    }

    /// Takes an operator's word.
    pub(super) fn settle_doubt(
        &self,
        id: DeliveryId,
        what: WhatHappened,
        marks: &[SealedMark],
        by: &Operator,
    ) -> Result<(), StoreError> {
        let row = self.parked(id, &[State::InDoubt, State::Doubtful])?;
        self.learn(row.lane, marks, by.at)?;
        match what {
            WhatHappened::Happened => {
                self.settle(&row, &Settlement::Delivered { reference: by.name.clone() }, by.at)?;
                Ok(())
            }
            WhatHappened::DidNot => {
                for exchange in self.unanswered(id)? {
                    self.strike(id, exchange, &format!("{}: did not take effect", by.name), by.at)?;
                }
                self.wake(&row, false, by.at)?;
                self.told(&row, Event::Redelivered, &by.name, by.at)
            }
        }
    }

    /// Offers again what failed under a mapping that is no longer the current one.
    pub(super) fn reoffer(
        &self,
        current: &BTreeMap<String, BTreeSet<String>>,
        at: Moment,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let mut offered = Vec::new();
        let filter = Filter { state: Some(State::Dead), ..Filter::default() };
        for letter in list(self.db, &filter)? {
            let row = self.parked(letter.delivery, &[State::Dead])?;
            let mended = match self.mended(row.id, current) {
                // One that does not open keeps no gateway from starting.
                Err(error) if error.is_of_one_value() => continue,
                found => found?,
            };
            let Some(mended) = mended else { continue };
            if self.is_overtaken(&row)? {
                continue;
            }
            self.wake(&row, true, at)?;
            if mended == Mended::Inbound {
                let pin = self.pin(row.id)?;
                self.write_pin(row.id, &Pin { read_anew: true, ..pin })?;
            }
            self.told(&row, Event::OfferedAgain, "", at)?;
            offered.push(row.id);
        }
        Ok(offered)
    }

    /// What was mended of what a delivery failed for, if anything was.
    fn mended(
        &self,
        id: DeliveryId,
        current: &BTreeMap<String, BTreeSet<String>>,
    ) -> Result<Option<Mended>, StoreError> {
        let (fault, about, revised): (Option<Vec<u8>>, Vec<u8>, bool) = self
            .db
            .prepare_cached(
                "SELECT d.fault, m.about, d.revision IS NOT NULL
                 FROM delivery d JOIN message m ON m.seq = d.message WHERE d.id = ?1",
            )?
            .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let Some(fault) = fault else { return Ok(None) };
        let fault: Fault = self.vault.open("delivery.fault", &fault)?;
        if fault.blame != Blame::Gateway {
            return Ok(None);
        }
        let about: About = self.vault.open("message.about", &about)?;
        let pin = self.pin(id)?;
        let changed = |used: &MappingUsed| {
            current.get(&used.name).is_none_or(|known| !known.contains(&used.fingerprint))
        };
        // A document that somebody corrected, or that carries what an older one said, is never read anew over it.
        let as_it_came = !revised || pin.in_mapping.is_some();
        Ok(match (pin.in_mapping.or(about.mapping), pin.mapping) {
            (Some(inbound), _) if changed(&inbound) && as_it_came => Some(Mended::Inbound),
            (_, Some(outbound)) if changed(&outbound) => Some(Mended::Outbound),
            _ => None,
        })
    }

    /// Makes a delivery ready as if it had just come; `unpin` has it translated anew.
    fn wake(&self, row: &Row, unpin: bool, at: Moment) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = 'waiting', open = 1, ready_at = ?2, settled_at = NULL, attempts = 0, panics = 0,
                   away_strikes = 0, first_unclear_at = NULL, fault_code = NULL, fault = NULL WHERE id = ?1",
            )?
            .execute(params![row.id.0, at.as_millis()])?;
        if unpin {
            // The inbound mapping stays known: it says whether the arrival has to be read anew.
            let in_mapping = self.pin(row.id)?.in_mapping;
            self.write_pin(row.id, &Pin { in_mapping, ..Pin::default() })?;
        }
        Ok(())
    }

    /// The timeline row of what an operator did, and the lane's new head.
    pub(super) fn told(&self, row: &Row, event: Event, detail: &str, at: Moment) -> Result<(), StoreError> {
        let mut lane = self.lane(row.lane)?;
        self.note(lane.dossier, Some(row.id), at, event, detail)?;
        self.reorder(&mut lane, Some(row.id))?;
        Ok(())
    }

    fn parked(&self, id: DeliveryId, allowed: &[State]) -> Result<Row, StoreError> {
        let row =
            self.row(id)?.ok_or_else(|| StoreError::NotPossible(format!("there is no delivery {}", id.0)))?;
        if allowed.contains(&row.state) && !self.taken.contains(id) {
            Ok(row)
        } else {
            Err(StoreError::NotPossible(format!("delivery {} is {}", id.0, row.state.as_str())))
        }
    }

    /// Is there a later snapshot of its kind in this lane that was delivered or is on its way?
    fn is_overtaken(&self, row: &Row) -> Result<bool, StoreError> {
        if row.class != Class::Snapshot {
            return Ok(false);
        }
        let newer: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT 1 FROM delivery d JOIN message m ON m.seq = d.message
                 WHERE d.lane = ?1 AND d.class = 'snapshot' AND d.id > ?2
                   AND d.state IN ('waiting', 'doubtful', 'in-doubt', 'delivered')
                   AND m.kind = (SELECT o.kind FROM delivery p JOIN message o ON o.seq = p.message WHERE p.id = ?2)
                 LIMIT 1",
            )?
            .query_row(params![row.lane, row.id.0], |row| row.get(0))
            .optional()?;
        Ok(newer.is_some())
    }

    /// Is what it said gone?
    fn is_purged(&self, id: DeliveryId) -> Result<bool, StoreError> {
        let sql = "SELECT d.revision IS NULL AND m.document IS NULL FROM delivery d
                   JOIN message m ON m.seq = d.message WHERE d.id = ?1";
        Ok(self.db.prepare_cached(sql)?.query_row([id.0], |row| row.get(0))?)
    }

    /// No earlier call of a delivery counts any more.
    fn strike_all(&self, id: DeliveryId, reason: &str, at: Moment) -> Result<(), StoreError> {
        let mut statement =
            self.db.prepare_cached("SELECT id FROM exchange WHERE delivery = ?1 AND struck_at IS NULL")?;
        let ids = statement.query_map([id.0], |row| row.get(0).map(ExchangeId))?;
        for exchange in ids.collect::<Result<Vec<_>, rusqlite::Error>>()? {
            self.strike(id, exchange, reason, at)?;
        }
        Ok(())
    }

    fn unanswered(&self, id: DeliveryId) -> Result<Vec<ExchangeId>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT id FROM exchange WHERE delivery = ?1 AND answered_at IS NULL AND struck_at IS NULL",
        )?;
        let ids = statement.query_map([id.0], |row| row.get(0).map(ExchangeId))?;
        Ok(ids.collect::<Result<_, rusqlite::Error>>()?)
    }
}
