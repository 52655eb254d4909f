//! Admitting: all items of one call in one transaction, with the facts read where the result is written.
//!
//! Sealing, digests and large values are done before, on the caller's thread; the writer only reads facts, asks the core
//! and writes rows. After a restart an item is either whole (journal, keys, lane, deliveries) or was never acknowledged.
//! Refused items are journaled too. A repeat keeps its row but not its body, which is the first one's.

use gateway_core::dossier::{DossierCode, Form};
use gateway_core::envelope::Class;
use gateway_core::ids::{MessageId, Moment, PeerName};
use gateway_core::pipeline::{Admission, DeliveryId, State};
use rusqlite::{OptionalExtension as _, params};

use super::carriage::{Carriage, News};
use super::error::StoreError;
use super::event::Event;
use super::lanes::{Lane, NEVER, class_name};
use super::prepare::{Prepared, PreparedContent, SealedFault};
use super::repeats::Before;
use super::supersede::Place;
use super::types::{Admitted, LaneId, Queued};
use super::writer::Writing;
use crate::crash;

/// A delivery whose row is still to be written.
pub(super) struct NewDelivery<'a> {
    pub(super) item: &'a Prepared,
    pub(super) content: &'a PreparedContent,
    message: i64,
    pub(super) id: i64,
    dead: &'a Option<SealedFault>,
}

/// Our number for a dossier.
#[derive(Clone, Copy)]
pub(super) struct DossierFound {
    pub(super) id: i64,
    /// Nobody ever spoke of it before this transaction: it has no messages and no lanes, so none are looked for.
    pub(super) is_new: bool,
}

impl Writing<'_> {
    /// Admits one item.
    pub(super) fn admit(&self, item: &Prepared) -> Result<Admitted, StoreError> {
        let found = item.dossier.as_ref().map(|code| self.dossier(code, &item.from, item.at)).transpose()?;
        self.admit_about(item, found)
    }

    /// The same where it is known which dossier is meant.
    pub(super) fn admit_about(
        &self,
        item: &Prepared,
        found: Option<DossierFound>,
    ) -> Result<Admitted, StoreError> {
        if let (Some(Carriage::Observed(observed)), Some(content)) = (&item.carriage, &item.content) {
            return self.observe(item, content, observed);
        }
        if let Some(admitted) = self.admit_of_payment(item)? {
            return Ok(admitted);
        }
        let dossier = found.map(|found| found.id);
        let answer =
            |admission, deliveries| Admitted { id: item.id, admission, deliveries, news: News::default() };
        let admitted = match (&item.content, found) {
            (Some(content), Some(mut found)) => {
                let before = if found.is_new { Before::Nothing } else { Before::Of(dossier) };
                let admission = self.decide(item, before)?;
                match admission {
                    Admission::News => {
                        let message = self.accept(item, content, dossier)?;
                        if let Some(alias) = &item.alias
                            && self.alias(alias.as_str(), &item.from, found.id, item.at)?
                        {
                            // What was said under that code before is its past now.
                            found.is_new = false;
                        }
                        let mut queued = self.queue(item, content, found, message)?;
                        let mut news = News::default();
                        if let Some(Carriage::Ordered { which, carriers }) = &item.carriage {
                            news = self.order(item, *which, carriers, found.id, message)?;
                            queued.append(&mut news.queued);
                        }
                        Admitted { id: item.id, admission: Some(admission), deliveries: queued, news }
                    }
                    // Who asks every minute reads the same every minute: that is no event of the dossier's.
                    Admission::Duplicate { .. } if item.pulled => answer(Some(admission), Vec::new()),
                    Admission::Duplicate { of } => {
                        self.journal(item, dossier, "duplicate", Some(of), None)?;
                        answer(Some(admission), Vec::new())
                    }
                    Admission::LateRepeat { of } => {
                        self.journal(item, dossier, "late-repeat", Some(of), None)?;
                        answer(Some(admission), Vec::new())
                    }
                    Admission::Conflict { with } => {
                        self.journal(item, dossier, "refused", Some(with), Some("key.conflict"))?;
                        answer(Some(admission), Vec::new())
                    }
                }
            }
            (Some(_), None) => {
                return Err(StoreError::NotPossible("a usable message needs a dossier code".to_owned()));
            }
            (None, _) => match self.refused_before(item)? {
                Some(of) => answer(Some(Admission::Duplicate { of }), Vec::new()),
                None => {
                    let code = item.fault.as_ref().map(|fault| fault.code.as_str());
                    let message = self.journal(item, dossier, "refused", None, code)?;
                    self.remember(item, message)?;
                    answer(None, Vec::new())
                }
            },
        };
        self.claim(&item.claims, dossier, item.at)?;
        Ok(admitted)
    }

    /// Our number for a dossier. A national code is the same dossier whoever says it; a code of no known form is only
    /// meant as its sender means it, so that two software houses' `HS-15` never become one timeline.
    pub(super) fn dossier(
        &self,
        code: &DossierCode,
        from: &PeerName,
        at: Moment,
    ) -> Result<DossierFound, StoreError> {
        let national = code.form() != Form::Unknown;
        let mut statement = self.db.prepare_cached(
            "SELECT id, peer, 0 FROM dossier WHERE code = ?1
             UNION ALL SELECT dossier, peer, 1 FROM alias WHERE code = ?1",
        )?;
        let mut rows = statement.query([code.as_str()])?;
        let mut best: Option<((bool, bool, String), i64)> = None;
        while let Some(row) = rows.next()? {
            let peer: String = row.get(1)?;
            let foreign = peer != from.as_str();
            // The sender's own first, and a code before an alias of it. Chosen here, because for the one row that there is
            // the engine would set up a sorter.
            let rank = (foreign, row.get(2)?, peer);
            if (national || !foreign) && best.as_ref().is_none_or(|(known, _)| rank < *known) {
                best = Some((rank, row.get(0)?));
            }
        }
        if let Some((_, id)) = best {
            return Ok(DossierFound { id, is_new: false });
        }
        self.db
            .prepare_cached("INSERT INTO dossier (code, peer, at) VALUES (?1, ?2, ?3)")?
            .execute(params![code.as_str(), from.as_str(), at.as_millis()])?;
        Ok(DossierFound { id: self.db.last_insert_rowid(), is_new: true })
    }

    pub(super) fn accept(
        &self,
        item: &Prepared,
        content: &PreparedContent,
        dossier: Option<i64>,
    ) -> Result<i64, StoreError> {
        let message = self.insert_message(item, dossier, "accepted", None, None, Some(&content.document))?;
        self.remember(item, message)?;
        Ok(message)
    }

    fn remember(&self, item: &Prepared, message: i64) -> Result<(), StoreError> {
        for key in &item.keys {
            self.db
                .prepare_cached("INSERT OR IGNORE INTO idempotency (key, message, at) VALUES (?1, ?2, ?3)")?
                .execute(params![key, message, item.at.as_millis()])?;
        }
        Ok(())
    }

    /// The same item, refused for the same reason before. Only what we ask for has a key to be known by.
    fn refused_before(&self, item: &Prepared) -> Result<Option<MessageId>, StoreError> {
        let Some(key) = item.keys.first() else { return Ok(None) };
        let sql = "SELECT m.id FROM idempotency i JOIN message m ON m.seq = i.message WHERE i.key = ?1";
        Ok(self.db.prepare_cached(sql)?.query_row([key], |row| row.get(0).map(MessageId)).optional()?)
    }

    pub(super) fn journal(
        &self,
        item: &Prepared,
        dossier: Option<i64>,
        state: &str,
        same_as: Option<MessageId>,
        fault_code: Option<&str>,
    ) -> Result<i64, StoreError> {
        self.insert_message(item, dossier, state, same_as, fault_code, None)
    }

    fn insert_message(
        &self,
        item: &Prepared,
        dossier: Option<i64>,
        state: &str,
        same_as: Option<MessageId>,
        fault_code: Option<&str>,
        document: Option<&[u8]>,
    ) -> Result<i64, StoreError> {
        let is_repeat = matches!(state, "duplicate" | "late-repeat");
        self.db
            .prepare_cached(
                "INSERT INTO message (id, dossier, state, kind, class, peer, unit, at, status, due, digest,
                   same_as, fault_code, about, fault, source, document, code)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            )?
            .execute(params![
                item.id.0,
                dossier,
                state,
                item.kind.as_str(),
                class_name(item.class),
                item.from.as_str(),
                item.unit.as_str(),
                item.at.as_millis(),
                item.status,
                item.due.map(Moment::as_millis),
                item.content.as_ref().map(|_| item.digest),
                same_as.map(|id| id.0),
                fault_code,
                item.about,
                item.fault.as_ref().map(|fault| &fault.sealed),
                (!is_repeat).then_some(&item.source),
                document,
                item.dossier.as_ref().map(DossierCode::as_str),
            ])?;
        let message = self.db.last_insert_rowid();
        self.announce_message(message, state)?;
        Ok(message)
    }

    pub(super) fn queue(
        &self,
        item: &Prepared,
        content: &PreparedContent,
        dossier: DossierFound,
        message: i64,
    ) -> Result<Vec<Queued>, StoreError> {
        let mut queued = Vec::with_capacity(content.routes.len());
        if crash::sabotaged("forget-outbox") {
            return Ok(queued);
        }
        for (peer, dead) in &content.routes {
            let id = self.next_delivery();
            let new = NewDelivery { item, content, message, id, dead };
            let known = if dossier.is_new { None } else { self.lane_of(dossier.id, peer.as_str())? };
            let (lane, instead_of) = match known {
                None => (self.queue_first(&new, dossier.id, peer)?, Vec::new()),
                Some(lane) => self.queue_behind(&new, lane)?,
            };
            if let Some(fault) = dead {
                self.note(dossier.id, Some(DeliveryId(id)), item.at, Event::DeadLetter, &fault.told)?;
            }
            queued.push(Queued {
                delivery: DeliveryId(id),
                lane: LaneId(lane),
                peer: peer.clone(),
                instead_of,
            });
        }
        Ok(queued)
    }

    /// The first delivery of a lane: nothing to ask, nothing to read.
    fn queue_first(&self, new: &NewDelivery, dossier: i64, peer: &PeerName) -> Result<i64, StoreError> {
        let lane = Lane {
            id: 0,
            dossier,
            accepted: false,
            next_position: 1,
            open: 1,
            head: new.dead.is_none().then_some(new.id),
            ready_at: new.item.at.as_millis(),
            due: new.item.due.map_or(NEVER, Moment::as_millis),
        };
        let lane = self.insert_lane(&lane, peer.as_str())?;
        self.insert_delivery(new, lane, 0, None)?;
        Ok(lane)
    }

    fn queue_behind(&self, new: &NewDelivery, mut lane: Lane) -> Result<(i64, Vec<MessageId>), StoreError> {
        let item = new.item;
        let mut place = Place { position: lane.next_position, revision: None, instead_of: Vec::new() };
        lane.next_position += 1;
        lane.due = item.due.map_or(lane.due, Moment::as_millis);
        // One that is born dead takes nobody's place: what waits can still be delivered.
        if item.class == Class::Snapshot && lane.open > 0 && new.dead.is_none() {
            place = self.replace(new, &lane, place.position)?;
        }
        self.insert_delivery(new, lane.id, place.position, place.revision.as_deref())?;
        // An event behind a head that may go now can never be the head itself; everything else is asked anew.
        if item.class == Class::Event && lane.head.is_some() && lane.ready_at <= item.at.as_millis() {
            lane.open += 1;
            self.update_lane(&lane)?;
        } else {
            self.reorder(&mut lane, None)?;
        }
        Ok((lane.id, place.instead_of))
    }

    fn insert_delivery(
        &self,
        new: &NewDelivery,
        lane: i64,
        position: i64,
        revision: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let at = new.item.at.as_millis();
        let (code, fault) = new.dead.as_ref().map(|fault| (&fault.code, &fault.sealed)).unzip();
        let state = if new.dead.is_some() { State::Dead } else { State::Waiting };
        self.db
            .prepare_cached(
                "INSERT INTO delivery (id, lane, message, position, open, class, state, at, ready_at, settled_at,
                   fault_code, fault, revision)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                new.id,
                lane,
                new.message,
                position,
                class_name(new.item.class),
                state.as_str(),
                at,
                new.dead.as_ref().map(|_| at),
                code,
                fault,
                revision
            ])?;
        Ok(())
    }

    /// Names the files that a row needs.
    pub(super) fn claim(
        &self,
        claims: &[(String, u64)],
        dossier: Option<i64>,
        at: Moment,
    ) -> Result<(), StoreError> {
        for (name, bytes) in claims {
            self.db
                .prepare_cached(
                    "INSERT INTO claim (name, dossier, bytes, at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (name, dossier) DO UPDATE SET at = max(at, excluded.at)",
                )?
                .execute(params![name, dossier.unwrap_or(0), *bytes as i64, at.as_millis()])?;
        }
        Ok(())
    }
}
