//! Supersession on disk: a newer snapshot takes the place of older ones of its lane and kind, and says what only they said.
//!
//! It happens in one of two moments: when the newer one is admitted, or, where the older one was out just then, when that
//! one comes back untaken. Without the second an older state could still reach the peer after the newer one. What a
//! restart sees is always whole: the older one ended, the newer one in its place with everything carried over.

use gateway_core::envelope::Class;
use gateway_core::ids::{MessageId, Moment};
use gateway_core::pipeline::{self, DeliveryId, State};
use rusqlite::params;
use serde_json::Value;

use super::admit::NewDelivery;
use super::claims::Parcel;
use super::error::StoreError;
use super::event::Event;
use super::lanes::Lane;
use super::record::{Pin, Row};
use super::writer::Writing;

/// Where a newer snapshot stands, what it says also, and in whose stead.
pub(super) struct Place {
    pub(super) position: i64,
    pub(super) revision: Option<Vec<u8>>,
    pub(super) instead_of: Vec<MessageId>,
}

impl Writing<'_> {
    /// Takes the place of waiting snapshots; carries over what only they, or dead ones before, said.
    pub(super) fn replace(&self, new: &NewDelivery, lane: &Lane, position: i64) -> Result<Place, StoreError> {
        let at = new.item.at;
        let entries = self.entries(lane.id, None)?;
        let superseded = pipeline::supersede(&entries, &new.item.kind);
        let mut lifted = new.content.lifted.clone();
        let mut carried = false;
        let older =
            entries.iter().filter(|entry| entry.class == Class::Snapshot && entry.kind == new.item.kind);
        for entry in older.filter(|entry| superseded.contains(&entry.id) || entry.state == State::Dead) {
            carried |= self.say_also(entry.id, &mut lifted)?;
        }
        let mut instead_of = Vec::with_capacity(superseded.len());
        for old in &superseded {
            self.end_superseded(lane, *old, at)?;
            instead_of.push(self.message_of(*old)?);
        }
        let first = entries.iter().find(|entry| superseded.contains(&entry.id));
        let position = first.map_or(position, |entry| entry.position);
        if !carried {
            return Ok(Place { position, revision: None, instead_of });
        }
        self.note(lane.dossier, Some(DeliveryId(new.id)), at, Event::CarriedOver, "")?;
        // Lifted texts are tickets of the same dossier already, so nothing new has to be kept.
        let mut parcel = Parcel::default();
        let sealed = self.vault.pack_large("document", &lifted, &mut parcel)?;
        self.claim(&self.vault.keep(&parcel)?, Some(lane.dossier), at)?;
        Ok(Place { position, revision: Some(sealed), instead_of })
    }

    fn message_of(&self, id: DeliveryId) -> Result<MessageId, StoreError> {
        Ok(self
            .db
            .prepare_cached(
                "SELECT m.id FROM delivery d JOIN message m ON m.seq = d.message WHERE d.id = ?1",
            )?
            .query_row([id.0], |row| row.get(0).map(MessageId))?)
    }

    /// Has a newer document say what only an older one said. True if it now says more.
    fn say_also(&self, old: DeliveryId, document: &mut Value) -> Result<bool, StoreError> {
        Ok(self.readable(old)?.is_some_and(|old| pipeline::carry_over(&old, document)))
    }

    /// The document, or none if it does not open: a damaged old one must not keep a new one from being accepted.
    fn readable(&self, id: DeliveryId) -> Result<Option<Value>, StoreError> {
        match self.lifted_document(id) {
            Ok(document) => Ok(Some(document)),
            Err(error) if error.is_of_one_value() => {
                tracing::error!(event = "document-unreadable", delivery = id.0, %error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// The canonical document of a delivery, large texts still as tickets.
    fn lifted_document(&self, id: DeliveryId) -> Result<Value, StoreError> {
        let sealed: Vec<u8> = self
            .db
            .prepare_cached(
                "SELECT ifnull(d.revision, m.document) FROM delivery d JOIN message m ON m.seq = d.message
                 WHERE d.id = ?1",
            )?
            .query_row([id.0], |row| row.get(0))?;
        self.vault.open("document", &sealed)
    }

    /// A snapshot that came back untaken gives way to a newer one that waits, and what it alone said goes along. One that
    /// died gives only that: an operator may still look at it. True if it is over.
    pub(super) fn give_way(&self, row: &Row, lane: &Lane, at: Moment) -> Result<bool, StoreError> {
        if row.class != Class::Snapshot {
            return Ok(false);
        }
        let entries = self.entries(lane.id, Some(row.id))?;
        let Some(old) = entries.iter().find(|entry| entry.id == row.id) else { return Ok(false) };
        let waits = |id: &DeliveryId| id.0 > row.id.0;
        let superseded = pipeline::supersede(&entries, &old.kind);
        let Some(newer) = superseded.iter().copied().filter(waits).max_by_key(|id| id.0) else {
            return Ok(false);
        };
        // One that nobody could read yet takes nobody's place: what waits can still be delivered.
        let Some(mut document) = self.readable(newer)?.filter(|document| !document.is_null()) else {
            return Ok(false);
        };
        let gives_way = superseded.contains(&row.id);
        if !gives_way && old.state != State::Dead {
            return Ok(false);
        }
        if self.say_also(row.id, &mut document)? {
            let mut parcel = Parcel::default();
            let sealed = self.vault.pack_large("document", &document, &mut parcel)?;
            self.claim(&self.vault.keep(&parcel)?, Some(lane.dossier), at)?;
            self.db
                .prepare_cached("UPDATE delivery SET revision = ?2 WHERE id = ?1")?
                .execute(params![newer.0, sealed])?;
            self.write_pin(newer, &Pin::default())?;
            self.note(lane.dossier, Some(newer), at, Event::CarriedOver, "")?;
        }
        if gives_way {
            self.end_superseded(lane, row.id, at)?;
            self.db
                .prepare_cached("UPDATE delivery SET position = ?2 WHERE id = ?1")?
                .execute(params![newer.0, old.position])?;
        }
        Ok(gives_way)
    }

    /// Ends a delivery because a newer snapshot takes its place.
    pub(super) fn end_superseded(&self, lane: &Lane, id: DeliveryId, at: Moment) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "UPDATE delivery SET state = 'superseded', open = 0, settled_at = ?2 WHERE id = ?1",
            )?
            .execute(params![id.0, at.as_millis()])?;
        self.note(lane.dossier, Some(id), at, Event::Superseded, "")
    }
}
