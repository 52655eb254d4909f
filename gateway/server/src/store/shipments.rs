//! Shipments on disk: what a carrier's word does to one, and who is told. What an order opens stands in `orders`.
//!
//! Where a shipment is, is the core's fold over everything that was told of it, made anew in the transaction that writes one thing more:
//! after a restart the rows say the same. A confirmed change that is to be told becomes a message of our own in that same transaction, so
//! nobody is told what was not written, and nothing that was written is not told. What speaks of no known item is kept without a
//! shipment (parked) and finds it when the shipment learns its names.
//!
//! Names are learnt only from the carrier's own answers: a call that says it comes from the carrier teaches nothing and is a reason to
//! ask. Deliberately absent: when the carrier is asked (`feeds`), and what an event means (the core).

use gateway_core::ids::{MessageId, Moment, PeerName, Unit};
use gateway_core::pipeline::Admission;
use gateway_core::shipment::{self, Alert, State, fold};
use gateway_core::waybill::{Leg, Names, Which};
use rusqlite::{OptionalExtension as _, Row as SqlRow, params};

use super::carriage::{News, Observed, ShipmentId};
use super::error::StoreError;
use super::event::Event;
use super::prepare::{Prepared, PreparedContent};
use super::repeats::Before;
use super::types::Admitted;
use super::writer::Writing;

/// Calls that anybody can make must not make us ask without end.
const HINT_PAUSE_MS: i64 = 10_000;

/// A shipment as its row says.
pub(super) struct Shipment {
    pub(super) id: i64,
    pub(super) dossier: i64,
    pub(super) which: Which,
    pub(super) peer: PeerName,
    pub(super) unit: Unit,
    pub(super) message: i64,
    pub(super) ordered_at: Moment,
    pub(super) told: Option<State>,
    asked_at: Option<i64>,
    pub(super) next_poll_at: Option<i64>,
    pub(super) names: Names,
}

pub(super) const SHIPMENT: &str =
    "id, dossier, leg, number, peer, unit, message, ordered_at, told, asked_at, next_poll_at, names";

impl Writing<'_> {
    /// Takes what a carrier told.
    pub(super) fn observe(
        &self,
        item: &Prepared,
        content: &PreparedContent,
        observed: &Observed,
    ) -> Result<Admitted, StoreError> {
        let found = self.find(item, observed)?;
        let dossier = found.as_ref().map(|shipment| shipment.dossier);
        let admission = self.decide(item, Before::Of(dossier))?;
        let mut news = News::default();
        match admission {
            Admission::News => {
                let message = self.accept(item, content, dossier)?;
                let row = self.insert_observed(item, observed, message, found.is_none())?;
                if let Some(mut shipment) = found {
                    if observed.event.confirmed {
                        self.learn_names(&mut shipment, &observed.names, item.at)?;
                    }
                    news = self.attach(&shipment, row, item.at)?;
                    news.add(self.attach_parked(&mut shipment, item.at)?);
                }
            }
            // That a page is read twice says nothing about the carrier; neither does it the third time that a record has changed.
            Admission::Duplicate { of } | Admission::LateRepeat { of } if observed.pulled => {
                news = self.heard_again(of, &observed.event, item.at)?;
            }
            Admission::Conflict { .. } if observed.pulled && self.is_refused(item, dossier)? => {}
            Admission::Duplicate { of } => {
                self.journal(item, dossier, "duplicate", Some(of), None)?;
            }
            Admission::LateRepeat { of } => {
                self.journal(item, dossier, "late-repeat", Some(of), None)?;
            }
            Admission::Conflict { with } => {
                self.journal(item, dossier, "refused", Some(with), Some("key.conflict"))?;
            }
        }
        self.claim(&item.claims, dossier, item.at)?;
        let deliveries = std::mem::take(&mut news.queued);
        Ok(Admitted { id: item.id, admission: Some(admission), deliveries, news })
    }

    /// What was dated in the future counts when its time has come and the carrier still says it: the clock that was wrong may have been
    /// ours.
    fn heard_again(&self, of: MessageId, event: &shipment::Event, at: Moment) -> Result<News, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT o.id, o.received, o.shipment FROM observed o JOIN message m ON m.seq = o.message WHERE m.id = ?1",
        )?;
        let found = statement
            .query_row([of.0], |row| Ok((row.get(0)?, row.get(1).map(Moment::from_millis)?, row.get(2)?)))
            .optional()?;
        let Some((observed, received, shipment)): Option<(i64, Moment, Option<i64>)> = found else {
            return Ok(News::default());
        };
        let then = shipment::Event { received, ..event.clone() };
        if !then.is_future() || event.is_future() {
            return Ok(News::default());
        }
        self.db
            .prepare_cached("UPDATE observed SET received = ?2 WHERE id = ?1")?
            .execute(params![observed, event.received.as_millis()])?;
        match self.shipment("id = ?1", params![shipment])? {
            Some(shipment) => self.attach(&shipment, observed, at),
            None => Ok(News::default()),
        }
    }

    /// Was just this said, and refused, before?
    pub(super) fn is_refused(&self, item: &Prepared, dossier: Option<i64>) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM message
            WHERE dossier IS ?1 AND state = 'refused' AND kind = ?2 AND peer = ?3 AND digest = ?4)";
        let said = params![dossier, item.kind.as_str(), item.from.as_str(), item.digest];
        Ok(self.db.prepare_cached(sql)?.query_row(said, |row| row.get(0))?)
    }

    /// Which shipment an event speaks of: the one that was asked about, unless it names another; else by order number, by the carrier's
    /// number, by what our order number says.
    fn find(&self, item: &Prepared, observed: &Observed) -> Result<Option<Shipment>, StoreError> {
        let names = &observed.names;
        if let Some(ShipmentId(id)) = observed.about {
            let asked = self.shipment("id = ?1", params![id])?;
            let agrees = |known: &Option<String>, told: &Option<String>| {
                known.is_none() || told.is_none() || known == told
            };
            let same = |shipment: &Shipment| {
                agrees(&shipment.names.order, &names.order)
                    && agrees(&shipment.names.tracking, &names.tracking)
            };
            if let Some(asked) = asked.filter(same) {
                return Ok(Some(asked));
            }
        }
        if let Some(digest) = self.by_order(&item.from, names)
            && let Some(found) = self.shipment("by_order = ?1", params![digest])?
        {
            return Ok(Some(found));
        }
        if let Some(digest) = self.by_tracking(&item.from, names)
            && let Some(found) = self.shipment("by_tracking = ?1", params![digest])?
        {
            return Ok(Some(found));
        }
        let (Some(which), Some(code)) = (observed.which, &item.dossier) else { return Ok(None) };
        self.shipment(
            "leg = ?1 AND number = ?2 AND peer = ?3 AND message IN
               (SELECT seq FROM message WHERE code = ?4 AND dossier = shipment.dossier)
             AND dossier IN (SELECT id FROM dossier WHERE code = ?4 UNION SELECT dossier FROM alias WHERE code = ?4)",
            params![which.leg.as_str(), which.number, item.from.as_str(), code.as_str()],
        )
    }

    pub(super) fn shipment(
        &self,
        condition: &str,
        values: impl rusqlite::Params,
    ) -> Result<Option<Shipment>, StoreError> {
        let sql = format!("SELECT {SHIPMENT} FROM shipment WHERE {condition} LIMIT 1");
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(values)?;
        rows.next()?.map(|row| self.read_shipment(row)).transpose()
    }

    pub(super) fn read_shipment(&self, row: &SqlRow) -> Result<Shipment, StoreError> {
        let damaged = || StoreError::Corrupt("a shipment has no known leg".to_owned());
        let leg = Leg::parse(row.get_ref(2)?.as_str().unwrap_or_default()).ok_or_else(damaged)?;
        let names: Option<Vec<u8>> = row.get(11)?;
        Ok(Shipment {
            id: row.get(0)?,
            dossier: row.get(1)?,
            which: Which { leg, number: row.get(3)? },
            peer: PeerName::from(row.get::<_, String>(4)?),
            unit: Unit::from(row.get::<_, String>(5)?),
            message: row.get(6)?,
            ordered_at: Moment::from_millis(row.get(7)?),
            told: row.get::<_, Option<String>>(8)?.as_deref().and_then(State::parse),
            asked_at: row.get(9)?,
            next_poll_at: row.get(10)?,
            names: names
                .map(|sealed| self.vault.open("shipment.names", &sealed))
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// Learns names from the carrier's own answers, and with the first of them has it asked about the item.
    pub(super) fn learn_names(
        &self,
        shipment: &mut Shipment,
        names: &Names,
        at: Moment,
    ) -> Result<(), StoreError> {
        if !shipment.names.learn(names) {
            return Ok(());
        }
        let by_item = self.telling.asked_by_item.contains(&shipment.peer);
        if by_item && shipment.next_poll_at.is_none() {
            let none = fold(&[], None);
            shipment.next_poll_at =
                none.ask_again_ms(shipment.ordered_at, at).map(|pause| at.plus_millis(pause).as_millis());
        }
        self.db
            .prepare_cached(
                "UPDATE shipment SET names = ?2, by_order = ?3, by_tracking = ?4, next_poll_at = ?5 WHERE id = ?1",
            )?
            .execute(params![
                shipment.id,
                self.vault.pack("shipment.names", &shipment.names)?,
                self.by_order(&shipment.peer, &shipment.names),
                self.by_tracking(&shipment.peer, &shipment.names),
                shipment.next_poll_at,
            ])?;
        Ok(())
    }

    /// Events that came before anybody knew their item find it now.
    pub(super) fn attach_parked(&self, shipment: &mut Shipment, at: Moment) -> Result<News, StoreError> {
        let mut news = News::default();
        while let Some(known) = self.next_parked(shipment)? {
            self.db
                .prepare_cached("UPDATE message SET dossier = ?2 WHERE seq = ?1")?
                .execute(params![known.message, shipment.dossier])?;
            if let (true, Some(sealed)) = (known.confirmed, &known.names) {
                let names: Names = self.vault.open("observed.names", sealed)?;
                self.learn_names(shipment, &names, at)?;
            }
            news.add(self.attach(shipment, known.observed, at)?);
        }
        Ok(news)
    }

    /// One thing more is known of a shipment: where is it now, who must be told, who must look?
    pub(super) fn attach(&self, shipment: &Shipment, observed: i64, at: Moment) -> Result<News, StoreError> {
        self.db
            .prepare_cached("UPDATE observed SET shipment = ?2, alert_at = NULL WHERE id = ?1")?
            .execute(params![observed, shipment.id])?;
        let events = self.events(shipment.id)?;
        let told = self.told_last(shipment.id)?;
        let (new, old): (Vec<_>, Vec<_>) =
            events.iter().cloned().partition(|event| event.sequence == observed as u64);
        let (before, now) = (fold(&old, told), fold(&events, told));
        let mut news = News::default();
        if (before.state, before.since) != (now.state, now.since)
            && let Some(state) = now.state
        {
            let detail = format!("{} {}", shipment.which, state.as_str());
            self.note(shipment.dossier, None, at, Event::ShipmentMoved, &detail)?;
        }
        for alert in now.alerts.iter().filter(|alert| !before.alerts.contains(alert)) {
            let word = word(*alert);
            self.note(
                shipment.dossier,
                None,
                at,
                Event::ShipmentAlert,
                &format!("{} {word}", shipment.which),
            )?;
            news.alerts.push(word);
        }
        if new.iter().any(|event| !event.confirmed) && self.telling.asked.contains(&shipment.peer) {
            self.hint(shipment, at)?;
            news.ask = true;
        }
        let told_now = now.tell.map(|(state, _)| state).or(told);
        self.db
            .prepare_cached(
                "UPDATE shipment SET state = ?2, since = ?3, told = ?4, confirmed = ?5, open = ?6 WHERE id = ?1",
            )?
            .execute(params![
                shipment.id,
                now.state.map(State::as_str),
                now.since.map(Moment::as_millis),
                told_now.map(State::as_str),
                now.state.is_some() && now.state == told_now,
                now.ask_again_ms(shipment.ordered_at, at).is_some(),
            ])?;
        if let Some((state, since)) = now.tell {
            news.add(self.tell(shipment, observed, state, since, at)?);
        }
        Ok(news)
    }

    fn told_last(&self, shipment: i64) -> Result<Option<State>, StoreError> {
        let told: Option<String> = self
            .db
            .prepare_cached("SELECT told FROM shipment WHERE id = ?1")?
            .query_row([shipment], |row| row.get(0))?;
        Ok(told.as_deref().and_then(State::parse))
    }

    /// Somebody says that something happened: the carrier is asked, at once, but not more often than it bears.
    fn hint(&self, shipment: &Shipment, at: Moment) -> Result<(), StoreError> {
        let earliest = shipment.asked_at.map_or(i64::MIN, |asked| asked.saturating_add(HINT_PAUSE_MS));
        let then = at.as_millis().max(earliest.min(at.as_millis() + HINT_PAUSE_MS));
        self.db
            .prepare_cached(
                "UPDATE shipment SET next_poll_at = min(ifnull(next_poll_at, ?2), ?2) WHERE id = ?1",
            )?
            .execute(params![shipment.id, then])?;
        Ok(())
    }
}

fn word(alert: Alert) -> &'static str {
    match alert {
        Alert::UnknownCode => "unknown-code",
        Alert::FutureDated => "future-dated",
        Alert::TwoEnds => "two-ends",
    }
}
