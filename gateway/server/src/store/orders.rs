//! Orders on disk: what one opens, and what its carrier's answer teaches of it.
//!
//! There is one shipment for each dossier, leg and number at a carrier, however often it is ordered. It is opened with the order's admission, and
//! again with its way out, because what could not be read at the door and what an operator has corrected is known only then; after a restart
//! the row is there with the call that was about to leave. Its names come from the carrier's own answers. What is told of it
//! later stands in `shipments`.

use gateway_core::ids::{Moment, PeerName};
use gateway_core::pipeline::DeliveryId;
use gateway_core::shipment::State;
use gateway_core::waybill::{Lesson, Names, Which};
use rusqlite::{OptionalExtension as _, params};

use super::carriage::News;
use super::error::StoreError;
use super::event::Event;
use super::lanes::Lane;
use super::prepare::Prepared;
use super::record::Row;
use super::shipments::{SHIPMENT, Shipment};
use super::writer::Writing;

impl Writing<'_> {
    /// Opens the shipments of an order; one that is there already stays, because an order said again is the same order.
    pub(super) fn order(
        &self,
        item: &Prepared,
        which: Which,
        carriers: &[PeerName],
        dossier: i64,
        message: i64,
    ) -> Result<News, StoreError> {
        let mut news = News::default();
        for carrier in carriers {
            news.add(self.open_shipment(which, carrier, dossier, message, item.at)?);
        }
        Ok(news)
    }

    /// What goes out to a carrier now is carried: also where nobody could read it at the door, or an operator has corrected it since.
    pub(super) fn carry(&self, row: &Row, lane: &Lane, which: Which, at: Moment) -> Result<News, StoreError> {
        let carrier = self.peer_of(row.lane)?;
        let message: i64 = self
            .db
            .prepare_cached("SELECT message FROM delivery WHERE id = ?1")?
            .query_row([row.id.0], |row| row.get(0))?;
        // While nobody knows it by a number it may still become another leg's or another one of its leg.
        self.db
            .prepare_cached(
                "UPDATE OR IGNORE shipment SET leg = ?3, number = ?4
                 WHERE message = ?1 AND peer = ?2 AND by_order IS NULL AND by_tracking IS NULL",
            )?
            .execute(params![message, carrier.as_str(), which.leg.as_str(), which.number])?;
        self.open_shipment(which, &carrier, lane.dossier, message, at)
    }

    /// A shipment that was given up is asked about again, for as long again, because an operator has its order offered again.
    pub(super) fn ask_again(&self, order: DeliveryId, at: Moment) -> Result<(), StoreError> {
        let sql = "SELECT s.id, s.peer FROM delivery d JOIN lane l ON l.id = d.lane
            JOIN shipment s ON s.message = d.message AND s.peer = l.peer WHERE d.id = ?1 AND s.open = 0";
        let mut statement = self.db.prepare_cached(sql)?;
        let given_up = statement.query_row([order.0], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((id, peer)): Option<(i64, String)> = given_up else { return Ok(()) };
        let by_item = self.telling.asked_by_item.contains(&PeerName::from(peer));
        self.db
            .prepare_cached(
                "UPDATE shipment SET open = 1, woken_at = ?2, next_poll_at = iif(?3, ?2, next_poll_at) WHERE id = ?1",
            )?
            .execute(params![id, at.as_millis(), by_item])?;
        Ok(())
    }

    fn open_shipment(
        &self,
        which: Which,
        carrier: &PeerName,
        dossier: i64,
        message: i64,
        at: Moment,
    ) -> Result<News, StoreError> {
        let opened = self
            .db
            .prepare_cached(
                "INSERT OR IGNORE INTO shipment (dossier, leg, number, peer, unit, message, ordered_at)
                 SELECT ?1, ?2, ?3, ?4, unit, seq, ?6 FROM message WHERE seq = ?5",
            )?
            .execute(params![
                dossier,
                which.leg.as_str(),
                which.number,
                carrier.as_str(),
                message,
                at.as_millis()
            ])?;
        if opened == 0 {
            return Ok(News::default());
        }
        let id = self.db.last_insert_rowid();
        match self.shipment("id = ?1", params![id])? {
            Some(mut shipment) => self.attach_parked(&mut shipment, at),
            None => Ok(News::default()),
        }
    }

    /// What a carrier's answer to an order or a cancellation taught.
    pub(super) fn learn_of_order(
        &self,
        row: &Row,
        lane: &Lane,
        lesson: &Lesson,
        at: Moment,
    ) -> Result<News, StoreError> {
        let peer = self.peer_of(row.lane)?;
        match lesson {
            Lesson::Names(names) => {
                let Some(mut shipment) = self.ordered(row, lane, &peer, names)? else {
                    return Ok(News::default());
                };
                if shipment.dossier != lane.dossier {
                    // The first lesson of an answer is that the number is taken; once is enough to say so.
                    let first = names.tracking.is_none() && names.peer.is_none();
                    return if first { self.number_taken(row, lane, at) } else { Ok(News::default()) };
                }
                let unnumbered = shipment.names.order.is_none() && shipment.names.tracking.is_none();
                self.learn_names(&mut shipment, names, at)?;
                let mut news = self.attach_parked(&mut shipment, at)?;
                // Somebody spoke of it before it could be asked about.
                news.ask |= unnumbered && shipment.next_poll_at.is_some();
                Ok(news)
            }
            Lesson::Cancel { order, granted } => {
                let Some(shipment) = self.called(lane.dossier, &peer, order)? else {
                    return Ok(News::default());
                };
                let state = if *granted { State::Cancelled } else { State::CancelPending };
                self.answered(&shipment, state, at)
            }
        }
    }

    /// The carrier took an order for another dossier's: nothing that it tells under this number can be believed of this one.
    fn number_taken(&self, row: &Row, lane: &Lane, at: Moment) -> Result<News, StoreError> {
        let word = "number-taken";
        self.note(lane.dossier, Some(row.id), at, Event::ShipmentAlert, word)?;
        Ok(News { alerts: vec![word], ..News::default() })
    }

    /// The shipment that a delivery ordered. An order said again finds it by its number; one whose number nobody knows yet is the
    /// only such one of its lane, or nobody can tell.
    fn ordered(
        &self,
        row: &Row,
        lane: &Lane,
        peer: &PeerName,
        names: &Names,
    ) -> Result<Option<Shipment>, StoreError> {
        let digest = self.by_order(peer, names);
        if let Some(found) = self.shipment("by_order = ?1", params![digest])? {
            return Ok(Some(found));
        }
        let of_message =
            "peer = ?1 AND by_order IS NULL AND message = (SELECT message FROM delivery WHERE id = ?2)";
        if let Some(found) = self.shipment(of_message, params![peer.as_str(), row.id.0])? {
            return Ok(Some(found));
        }
        self.shipment(
            "peer = ?1 AND dossier = ?2 AND by_order IS NULL AND
               (SELECT count(*) FROM shipment WHERE peer = ?1 AND dossier = ?2 AND by_order IS NULL) = 1",
            params![peer.as_str(), lane.dossier],
        )
    }

    /// The shipment of a dossier whose order has this number, ours or the carrier's.
    fn called(&self, dossier: i64, peer: &PeerName, number: &str) -> Result<Option<Shipment>, StoreError> {
        let sql = format!("SELECT {SHIPMENT} FROM shipment WHERE dossier = ?1 AND peer = ?2");
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![dossier, peer.as_str()])?;
        while let Some(row) = rows.next()? {
            let shipment = self.read_shipment(row)?;
            let numbers = [&shipment.names.order, &shipment.names.peer];
            if numbers.iter().any(|known| known.as_deref() == Some(number)) {
                return Ok(Some(shipment));
            }
        }
        Ok(None)
    }

    /// A carrier's own answer that says where a shipment is: as good as an event that was asked for.
    fn answered(&self, shipment: &Shipment, state: State, at: Moment) -> Result<News, StoreError> {
        let known: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM observed WHERE shipment = ?1 AND message IS NULL AND says = ?2)",
            )?
            .query_row(params![shipment.id, state.as_str()], |row| row.get(0))?;
        if known {
            return Ok(News::default());
        }
        self.db
            .prepare_cached(
                "INSERT INTO observed (peer, at, received, confirmed, says) VALUES (?1, ?2, ?2, 1, ?3)",
            )?
            .execute(params![shipment.peer.as_str(), at.as_millis(), state.as_str()])?;
        self.attach(shipment, self.db.last_insert_rowid(), at)
    }
}
