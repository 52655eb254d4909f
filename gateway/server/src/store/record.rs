//! Recording what a delivery does: one transaction for each step that must not be half there.
//!
//! A call is written before it leaves, its answer with what it taught and its settlement together. After a restart an
//! unanswered, unstruck call is visible in the delivery and means: it may have taken effect. Everything written here is fenced by
//! the state of the delivery's row: whoever comes after a newer snapshot or an operator has settled it writes nothing.

use gateway_core::adapter::Effect;
use gateway_core::envelope::Class;
use gateway_core::fault::Fault;
use gateway_core::ids::{Moment, PeerName};
use gateway_core::pipeline::{Again, DeliveryId, Settlement, State};
use gateway_core::waybill::{self, Lesson};
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::calls::{self, Said};
use super::claims::{Parcel, Vault};
use super::error::StoreError;
use super::event::Event;
use super::lanes::{Lane, class, state, told};
use super::prepare::{Prepared as PreparedMessage, prepare_and_keep};
use super::publications::{self, SealedPublication};
use super::types::{Entry, ExchangeId, Head, MappingUsed, Token};
use super::writer::Writing;
use super::written::Written;

/// What stands sealed in `delivery.pin`: the translation, or only the mappings that failed or were mended.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub(super) struct Pin {
    /// The document in the peer's form, large texts lifted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) document: Option<serde_json::Value>,
    /// The outbound mapping.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mapping: Option<MappingUsed>,
    /// The inbound mapping, where it is not the message's own any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) in_mapping: Option<MappingUsed>,
    /// The inbound mapping was mended: the next attempt reads the arrival anew.
    #[serde(default)]
    pub(super) read_anew: bool,
}

/// An entry with its bodies sealed.
pub(super) enum Sealed {
    Pin(Pin, Option<Moment>),
    Revise {
        document: Vec<u8>,
        mapping: MappingUsed,
    },
    Call {
        request: Vec<u8>,
        once: bool,
        at: Moment,
    },
    Answered {
        exchange: ExchangeId,
        answer: Vec<u8>,
        marks: Vec<SealedMark>,
        lessons: Vec<Lesson>,
        at: Moment,
    },
    Say(Vec<PreparedMessage>),
    Publish(Vec<SealedPublication>, Moment),
    Plain(Entry),
}

/// A mark with its name digested and its value sealed.
pub(super) struct SealedMark {
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// Seals marks.
pub(super) fn seal_marks(
    vault: &Vault,
    marks: &gateway_core::adapter::Marks,
) -> Result<Vec<SealedMark>, StoreError> {
    let seal = |mark: (&String, &String)| {
        Ok(SealedMark { name: vault.digests.mark(mark.0), value: vault.pack("mark", &mark)? })
    };
    marks.iter().map(seal).collect()
}

/// Seals the bodies of entries.
pub(super) fn prepare(
    vault: &Vault,
    entries: Vec<Entry>,
    parcel: &mut Parcel,
) -> Result<Vec<Sealed>, StoreError> {
    let mut seal = |entry| {
        Ok(match entry {
            Entry::Pin { pinned, at } => {
                let document = Some(vault.lift(pinned.document, parcel));
                Sealed::Pin(Pin { document, mapping: Some(pinned.mapping), ..Pin::default() }, Some(at))
            }
            Entry::Untranslated { mapping } => {
                Sealed::Pin(Pin { mapping: Some(mapping), ..Pin::default() }, None)
            }
            Entry::Revise { document, mapping } => {
                let lifted = vault.lift(document, parcel);
                Sealed::Revise { document: vault.pack_large("document", &lifted, parcel)?, mapping }
            }
            Entry::Call { request, at } => Sealed::Call {
                once: request.effect == Effect::Once,
                request: vault.pack_large(calls::PURPOSE, &request, parcel)?,
                at,
            },
            Entry::CallAgain { of, effect, at } => Sealed::Call {
                once: effect == Effect::Once,
                request: vault.pack(calls::PURPOSE, &Said::Again { same_as: of.0 })?,
                at,
            },
            Entry::Answered { exchange, answer, marks, at } => {
                parcel.name(answer.body.files.iter().map(|placed| placed.file.clone()));
                Sealed::Answered {
                    exchange,
                    answer: vault.pack_large("exchange.answer", &answer, parcel)?,
                    lessons: marks.iter().filter_map(|(name, value)| waybill::lesson(name, value)).collect(),
                    marks: seal_marks(vault, &marks)?,
                    at,
                }
            }
            Entry::Say { messages } => {
                let mut said = prepare_and_keep(vault, messages)?;
                said.iter_mut().for_each(|item| item.said = true);
                Sealed::Say(said)
            }
            Entry::Publish { peer, published, at } => {
                Sealed::Publish(publications::seal(vault, &peer, published)?, at)
            }
            other => Sealed::Plain(other),
        })
    };
    entries.into_iter().map(&mut seal).collect()
}

/// A delivery row as the writer needs it.
pub(super) struct Row {
    pub(super) id: DeliveryId,
    pub(super) lane: i64,
    pub(super) class: Class,
    pub(super) state: State,
    pub(super) away: bool,
    pub(super) away_at: Option<i64>,
}

impl Writing<'_> {
    /// Writes entries of one delivery; nothing if it is no longer ours to settle.
    pub(super) fn record(
        &self,
        id: DeliveryId,
        token: Option<Token>,
        entries: &[Sealed],
        claims: &[(String, u64)],
    ) -> Result<Written, StoreError> {
        let mut written = Written::default();
        let Some(row) = self.row(id)? else {
            return Ok(Written { gone: true, ..written });
        };
        if !matches!(row.state, State::Waiting | State::Doubtful | State::Held) {
            return Ok(Written { gone: true, ..written });
        }
        if let Some(token) = token
            && !self.runs(row.lane, token)?
        {
            self.note_late(&row, entries)?;
            return Ok(Written { gone: true, ..written });
        }
        let lane = self.lane(row.lane)?;
        for entry in entries {
            self.record_one(&row, &lane, entry, &mut written)?;
        }
        let settles = |entry: &Sealed| matches!(entry, Sealed::Plain(Entry::Settle { .. }));
        if token.is_some() && entries.iter().any(settles) {
            self.hand_back(row.lane)?;
            written.given_back = true;
        }
        if !claims.is_empty() {
            self.claim(claims, Some(lane.dossier), self.delivery_at(id)?)?;
        }
        Ok(written)
    }

    pub(super) fn row(&self, id: DeliveryId) -> Result<Option<Row>, StoreError> {
        let mut statement =
            self.db.prepare_cached("SELECT lane, class, state, away, away_at FROM delivery WHERE id = ?1")?;
        let mut rows = statement.query([id.0])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        Ok(Some(Row {
            id,
            lane: row.get(0)?,
            class: class(row.get_ref(1)?.as_str().unwrap_or_default()),
            state: state(row.get_ref(2)?.as_str().unwrap_or_default())?,
            away: row.get(3)?,
            away_at: row.get(4)?,
        }))
    }

    fn delivery_at(&self, id: DeliveryId) -> Result<Moment, StoreError> {
        Ok(self
            .db
            .prepare_cached("SELECT at FROM delivery WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0).map(Moment::from_millis))?)
    }

    fn record_one(
        &self,
        row: &Row,
        lane: &Lane,
        entry: &Sealed,
        written: &mut Written,
    ) -> Result<(), StoreError> {
        match entry {
            Sealed::Pin(pin, at) => {
                if let (Some(at), Some(mapping)) = (at, &pin.mapping) {
                    self.note(lane.dossier, Some(row.id), *at, Event::Translated, &mapping.name)?;
                }
                let in_mapping = self.pin(row.id)?.in_mapping;
                self.write_pin(row.id, &Pin { in_mapping, ..pin.clone() })
            }
            Sealed::Publish(published, at) => self.publish(published, lane.dossier, *at),
            Sealed::Revise { document, mapping } => {
                self.db
                    .prepare_cached("UPDATE delivery SET revision = ?2 WHERE id = ?1")?
                    .execute(params![row.id.0, document])?;
                self.write_pin(row.id, &Pin { in_mapping: Some(mapping.clone()), ..Pin::default() })
            }
            Sealed::Call { request, once, at } => {
                self.db
                    .prepare_cached(
                        "INSERT INTO exchange (delivery, once, called_at, request) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![row.id.0, once, at.as_millis(), request])?;
                written.exchanges.push(ExchangeId(self.db.last_insert_rowid()));
                Ok(())
            }
            Sealed::Answered { exchange, answer, marks, lessons, at } => {
                self.db
                    .prepare_cached(
                        "UPDATE exchange SET answer = ?3, answered_at = ?4 WHERE id = ?1 AND delivery = ?2",
                    )?
                    .execute(params![exchange.0, row.id.0, answer, at.as_millis()])?;
                self.learn(row.lane, marks, *at)?;
                for lesson in lessons {
                    written.news.add(self.learn_of_order(row, lane, lesson, *at)?);
                }
                Ok(())
            }
            Sealed::Say(items) => {
                written.said = self.say_of(row.id, lane.dossier, items)?;
                Ok(())
            }
            Sealed::Plain(Entry::Strike { exchange, reason, at }) => {
                self.strike(row.id, *exchange, reason, *at)
            }
            Sealed::Plain(Entry::Carry { which, at }) => {
                written.news.add(self.carry(row, lane, *which, *at)?);
                Ok(())
            }
            Sealed::Plain(Entry::Note { event, detail, at }) => {
                self.note(lane.dossier, Some(row.id), *at, *event, detail)
            }
            Sealed::Plain(Entry::Settle { settlement, at }) => {
                (written.next, written.superseded) = self.settle(row, settlement, *at)?;
                Ok(())
            }
            Sealed::Plain(_) => Ok(()),
        }
    }

    /// What is pinned to a delivery.
    pub(super) fn pin(&self, id: DeliveryId) -> Result<Pin, StoreError> {
        let sealed: Option<Vec<u8>> = self
            .db
            .prepare_cached("SELECT pin FROM delivery WHERE id = ?1")?
            .query_row([id.0], |row| row.get(0))?;
        sealed.map_or(Ok(Pin::default()), |sealed| self.vault.open("delivery.pin", &sealed))
    }

    pub(super) fn write_pin(&self, id: DeliveryId, pin: &Pin) -> Result<(), StoreError> {
        let sealed = self.vault.pack("delivery.pin", pin)?;
        self.db
            .prepare_cached("UPDATE delivery SET pin = ?2 WHERE id = ?1")?
            .execute(params![id.0, sealed])?;
        Ok(())
    }

    pub(super) fn learn(&self, lane: i64, marks: &[SealedMark], at: Moment) -> Result<(), StoreError> {
        for mark in marks {
            self.db
                .prepare_cached(
                    "INSERT OR REPLACE INTO mark (lane, name, at, value) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![lane, mark.name, at.as_millis(), mark.value])?;
        }
        Ok(())
    }

    pub(super) fn strike(
        &self,
        id: DeliveryId,
        exchange: ExchangeId,
        reason: &str,
        at: Moment,
    ) -> Result<(), StoreError> {
        let sealed = self.vault.pack("exchange.reason", &reason)?;
        self.db
            .prepare_cached(
                "UPDATE exchange SET struck_at = ?3, reason = ?4
                 WHERE id = ?1 AND delivery = ?2 AND struck_at IS NULL",
            )?
            .execute(params![exchange.0, id.0, at.as_millis(), sealed])?;
        Ok(())
    }

    pub(super) fn peer_of(&self, lane: i64) -> Result<PeerName, StoreError> {
        let peer: String = self
            .db
            .prepare_cached("SELECT peer FROM lane WHERE id = ?1")?
            .query_row([lane], |row| row.get(0))?;
        Ok(PeerName::from(peer))
    }

    /// Settles a delivery and gives the lane to the next one; tells also whether it gave way to a newer snapshot.
    pub(super) fn settle(
        &self,
        row: &Row,
        settlement: &Settlement,
        at: Moment,
    ) -> Result<(Option<Head>, bool), StoreError> {
        let mut lane = self.lane(row.lane)?;
        // Now and not when its task ends: whoever is admitted in between would take it for being out and make it the head of
        // the lane, where a held or dead one would stay for ever.
        self.taken.release(row.id);
        if row.away && !matches!(settlement, Settlement::Away { .. } | Settlement::Superseded) {
            self.peer_is_back(row, lane.dossier, at)?;
        }
        match settlement {
            Settlement::Delivered { reference } => {
                self.end(row.id, State::Delivered, at)?;
                self.note_passed(row, &lane, at)?;
                self.note(lane.dossier, Some(row.id), at, Event::Delivered, reference)?;
                if !lane.accepted {
                    lane.accepted = true;
                    self.release_held(row.lane, at)?;
                }
            }
            Settlement::RetryAt { at: then, why, fault } => {
                self.retry(row, *then, *why, at)?;
                let detail = fault.as_ref().map(told).unwrap_or_default();
                self.note(lane.dossier, Some(row.id), at, Event::Retry, &detail)?;
            }
            Settlement::Away { fault } => self.returned(row, &lane, fault, at)?,
            Settlement::DeadLetter(fault) => {
                self.park(row, &lane, State::Dead, Event::DeadLetter, fault, at)?
            }
            Settlement::InDoubt(fault) => self.park(row, &lane, State::InDoubt, Event::InDoubt, fault, at)?,
            Settlement::Hold(fault) => self.park(row, &lane, State::Held, Event::Held, fault, at)?,
            Settlement::Superseded => self.end_superseded(&lane, row.id, at)?,
        }
        let gave_way = match settlement {
            Settlement::Delivered { .. } | Settlement::Superseded => false,
            _ => self.give_way(row, &lane, at)?,
        };
        Ok((self.reorder(&mut lane, Some(row.id))?, gave_way))
    }

    fn end(&self, id: DeliveryId, state: State, at: Moment) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = ?2, open = 0, settled_at = ?3, fault_code = NULL, fault = NULL
                 WHERE id = ?1",
            )?
            .execute(params![id.0, state.as_str(), at.as_millis()])?;
        Ok(())
    }

    fn release_held(&self, lane: i64, at: Moment) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = 'waiting', ready_at = ?2, fault_code = NULL, fault = NULL
                 WHERE lane = ?1 AND open = 1 AND state = 'held'",
            )?
            .execute(params![lane, at.as_millis()])?;
        Ok(())
    }

    /// An unanswered call that counts once keeps the delivery doubtful, whatever the settlement is called.
    fn is_doubtful(&self, id: DeliveryId) -> Result<bool, StoreError> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM exchange
                   WHERE delivery = ?1 AND once = 1 AND answered_at IS NULL AND struck_at IS NULL)",
            )?
            .query_row([id.0], |row| row.get(0))?)
    }

    fn waiting_state(&self, id: DeliveryId) -> Result<&'static str, StoreError> {
        Ok(if self.is_doubtful(id)? { State::Doubtful.as_str() } else { State::Waiting.as_str() })
    }

    fn retry(&self, row: &Row, then: Moment, why: Again, at: Moment) -> Result<(), StoreError> {
        let (attempts, panics, unclear) = match why {
            Again::Unclear => (1, 0, Some(at.as_millis())),
            Again::Panicked => (1, 1, None),
            Again::ReadBack => (0, 0, None),
            Again::Repeat => (1, 0, None),
        };
        let state = self.waiting_state(row.id)?;
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = ?2, ready_at = ?3, attempts = attempts + ?4, panics = panics + ?5,
                   first_unclear_at = ifnull(first_unclear_at, ?6), away = 0 WHERE id = ?1",
            )?
            .execute(params![row.id.0, state, then.as_millis(), attempts, panics, unclear])?;
        Ok(())
    }

    /// Returned because the peer is away: ready as soon as the peer is, at the price of no attempt. The time for which
    /// answers were unclear begins anew, so that an outage never makes a dead letter of one odd answer before it.
    fn returned(&self, row: &Row, lane: &Lane, fault: &Fault, at: Moment) -> Result<(), StoreError> {
        if !row.away {
            self.note(lane.dossier, Some(row.id), at, Event::PeerAway, &told(fault))?;
        }
        let state = self.waiting_state(row.id)?;
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = ?2, ready_at = ?3, away = 1, away_strikes = away_strikes + 1,
                   away_at = ?3, first_unclear_at = NULL WHERE id = ?1",
            )?
            .execute(params![row.id.0, state, at.as_millis()])?;
        Ok(())
    }

    /// Says of every earlier step that still waits, or died, that this one went before it; of each once.
    fn note_passed(&self, row: &Row, lane: &Lane, at: Moment) -> Result<(), StoreError> {
        if row.class == Class::Snapshot || lane.open < 2 {
            return Ok(());
        }
        let mut statement = self.db.prepare_cached(
            "SELECT p.id FROM delivery d JOIN delivery p ON p.lane = d.lane AND p.open = 1 AND p.position < d.position
             WHERE d.id = ?1 AND p.class = 'event' AND p.state <> 'held' AND NOT EXISTS
               (SELECT 1 FROM timeline t WHERE t.dossier = ?2 AND t.delivery = p.id AND t.event = 'passed')",
        )?;
        let passed = statement.query_map(params![row.id.0, lane.dossier], |row| row.get(0))?;
        for id in passed.collect::<Result<Vec<i64>, _>>()? {
            self.note(lane.dossier, Some(DeliveryId(id)), at, Event::Passed, "")?;
        }
        Ok(())
    }

    /// Says that the peer came back, at the moment of the first call it answered again.
    fn peer_is_back(&self, row: &Row, dossier: i64, at: Moment) -> Result<(), StoreError> {
        let called: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT min(called_at) FROM exchange WHERE delivery = ?1 AND called_at > ?2
                   AND answered_at IS NOT NULL",
            )?
            .query_row(params![row.id.0, row.away_at.unwrap_or(0)], |row| row.get(0))?;
        let when = called.map_or(at, Moment::from_millis);
        self.note(dossier, Some(row.id), when, Event::PeerBack, "")?;
        self.db.prepare_cached("UPDATE delivery SET away = 0 WHERE id = ?1")?.execute([row.id.0])?;
        Ok(())
    }

    fn park(
        &self,
        row: &Row,
        lane: &Lane,
        state: State,
        event: Event,
        fault: &Fault,
        at: Moment,
    ) -> Result<(), StoreError> {
        let sealed = self.vault.pack("delivery.fault", fault)?;
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = ?2, settled_at = ?3, fault_code = ?4, fault = ?5 WHERE id = ?1",
            )?
            .execute(params![row.id.0, state.as_str(), at.as_millis(), fault.code, sealed])?;
        self.note(lane.dossier, Some(row.id), at, event, &told(fault))
    }
}
