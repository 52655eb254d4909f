//! The rows of what carriers told: written, read as the core's events, found again where nobody knew yet what they were about.
//!
//! A row holds what the state of a shipment hangs on, in the clear, and names only as keyed digests and sealed; everything else that was
//! told stands in the journal.

use gateway_core::ids::{Moment, PeerName};
use gateway_core::shipment::{self, Axis, Says, State};
use gateway_core::waybill::Names;
use rusqlite::{OptionalExtension as _, Row as SqlRow, params};

use super::carriage::Observed;
use super::error::StoreError;
use super::prepare::Prepared;
use super::shipments::Shipment;
use super::writer::Writing;

/// So long it may take until an item becomes known; then somebody is told.
const PARKED_MS_MAX: i64 = 24 * 3_600_000;

/// What is found of an event without opening it.
pub(super) struct Known {
    pub(super) observed: i64,
    pub(super) message: Option<i64>,
    pub(super) confirmed: bool,
    pub(super) names: Option<Vec<u8>>,
}

impl Writing<'_> {
    pub(super) fn insert_observed(
        &self,
        item: &Prepared,
        observed: &Observed,
        message: i64,
        parked: bool,
    ) -> Result<i64, StoreError> {
        let event = &observed.event;
        self.db
            .prepare_cached(
                "INSERT INTO observed (peer, message, at, received, confirmed, says, leg, number, by_order, by_tracking,
                   names, alert_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                item.from.as_str(),
                message,
                event.at.as_millis(),
                event.received.as_millis(),
                event.confirmed,
                said(event.says),
                observed.which.map(|which| which.leg.as_str()),
                observed.which.map(|which| which.number),
                self.by_order(&item.from, &observed.names),
                self.by_tracking(&item.from, &observed.names),
                self.vault.pack("observed.names", &observed.names)?,
                parked.then(|| item.at.plus_millis(PARKED_MS_MAX).as_millis()),
            ])?;
        Ok(self.db.last_insert_rowid())
    }

    pub(super) fn by_order(&self, peer: &PeerName, names: &Names) -> Option<Vec<u8>> {
        names.order.as_ref().map(|order| self.vault.digests.key(peer.as_str(), &format!("order {order}")))
    }

    pub(super) fn by_tracking(&self, peer: &PeerName, names: &Names) -> Option<Vec<u8>> {
        names.tracking.as_ref().map(|code| self.vault.digests.key(peer.as_str(), &format!("tracking {code}")))
    }

    /// Everything that was told of a shipment.
    pub(super) fn events(&self, shipment: i64) -> Result<Vec<shipment::Event>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT id, at, received, confirmed, says FROM observed WHERE shipment = ?1 ORDER BY id",
        )?;
        let read = |row: &SqlRow| {
            Ok(shipment::Event {
                sequence: row.get::<_, i64>(0)?.unsigned_abs(),
                at: Moment::from_millis(row.get(1)?),
                received: Moment::from_millis(row.get(2)?),
                confirmed: row.get(3)?,
                says: says(row.get_ref(4)?.as_str().unwrap_or_default()),
            })
        };
        Ok(statement.query_map([shipment], read)?.collect::<Result<_, rusqlite::Error>>()?)
    }

    pub(super) fn next_parked(&self, shipment: &Shipment) -> Result<Option<Known>, StoreError> {
        let read = |row: &SqlRow| {
            Ok(Known {
                observed: row.get(0)?,
                message: row.get(1)?,
                confirmed: row.get(2)?,
                names: row.get(3)?,
            })
        };
        Ok(self
            .db
            .prepare_cached(
                "SELECT id, message, confirmed, names FROM observed WHERE id = (SELECT min(id) FROM (
                   SELECT min(id) AS id FROM observed WHERE shipment IS NULL AND by_order = ?2
                   UNION ALL SELECT min(id) FROM observed WHERE shipment IS NULL AND by_tracking = ?3
                   UNION ALL SELECT min(o.id) FROM message m CROSS JOIN observed o ON o.message = m.seq
                     WHERE m.dossier IS NULL AND m.code = (SELECT code FROM message WHERE seq = ?6)
                       AND o.shipment IS NULL AND o.peer = ?1 AND o.leg = ?4 AND o.number = ?5))",
            )?
            .query_row(
                params![
                    shipment.peer.as_str(),
                    self.by_order(&shipment.peer, &shipment.names),
                    self.by_tracking(&shipment.peer, &shipment.names),
                    shipment.which.leg.as_str(),
                    shipment.which.number,
                    shipment.message
                ],
                read,
            )
            .optional()?)
    }
}

/// How the store writes what an event says.
fn said(says: Says) -> String {
    match says {
        Says::State(state) => state.as_str().to_owned(),
        Says::Money(axis, _) => axis.as_str().to_owned(),
        Says::Unknown => "unknown".to_owned(),
    }
}

/// And reads it. The amount stays in the journal: it moves nothing.
fn says(text: &str) -> Says {
    match (State::parse(text), Axis::parse(text)) {
        (Some(state), _) => Says::State(state),
        (None, Some(axis)) => Says::Money(axis, None),
        (None, None) => Says::Unknown,
    }
}
