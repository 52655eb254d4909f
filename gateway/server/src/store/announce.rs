//! What other systems hear of messages: rows that wait to be announced, written with whatever they tell of and gone once announced.
//!
//! A row is there as soon as what it tells has happened, and only then; a crash before it was announced announces it again under the same
//! number, so that nothing is missed and whoever listens knows a repeat. Clear columns only: who may know more asks for it.

use gateway_core::ids::{MessageId, Moment};
use gateway_core::pipeline::DeliveryId;
use rusqlite::{Connection, params};
use serde::Serialize;

use super::Store;
use super::error::StoreError;
use super::event::Event;
use super::writer::Writing;

/// What happened to a message, as far as anybody may read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Announcement {
    /// Its number; a repeat has the same.
    pub id: i64,
    /// When it happened.
    #[serde(serialize_with = "as_text")]
    pub at: Moment,
    /// What: a name of the timeline.
    pub event: String,
    /// The dossier's code, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dossier: Option<String>,
    /// Who sent the message, or whom it is for once it is on its way.
    pub peer: String,
    /// On whose behalf.
    pub unit: String,
    /// What it says.
    pub kind: String,
    /// Our id of the message.
    #[serde(serialize_with = "as_text")]
    pub message: MessageId,
    /// Why, where something went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(value)
}

/// Of these others hear: what began, what ended, and what a person should look at.
const ANNOUNCED: [Event; 6] =
    [Event::Delivered, Event::DeadLetter, Event::InDoubt, Event::Superseded, Event::Held, Event::Redelivered];

impl Store {
    /// What waits to be announced after this number, in order.
    pub async fn announcements(&self, after: i64, limit: usize) -> Result<Vec<Announcement>, StoreError> {
        self.read(move |db, _| waiting(db, after, limit)).await
    }

    /// These were announced and need not wait any more.
    pub async fn announced(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.run(move |writing| writing.announced(&ids)).await
    }
}

impl Store {
    /// Nobody is told any more: what waits would come as news when the door is opened again.
    pub async fn forget_announcements(&self) -> Result<(), StoreError> {
        self.run(|writing| {
            writing.db.prepare_cached("DELETE FROM announcement")?.execute([])?;
            Ok(())
        })
        .await
    }
}

impl Writing<'_> {
    /// A message was journaled.
    pub(super) fn announce_message(&self, message: i64, event: &str) -> Result<(), StoreError> {
        if !self.telling.announces {
            return Ok(());
        }
        self.db
            .prepare_cached(
                "INSERT INTO announcement (at, event, dossier, peer, unit, kind, message, fault)
                 SELECT at, ?2, code, peer, unit, kind, id, fault_code FROM message WHERE seq = ?1",
            )?
            .execute(params![message, event])?;
        Ok(())
    }

    /// Something happened to a delivery.
    pub(super) fn announce_delivery(
        &self,
        delivery: DeliveryId,
        event: Event,
        at: Moment,
    ) -> Result<(), StoreError> {
        if !self.telling.announces || !ANNOUNCED.contains(&event) {
            return Ok(());
        }
        self.db
            .prepare_cached(
                "INSERT INTO announcement (at, event, dossier, peer, unit, kind, message, fault)
                 SELECT ?3, ?2, m.code, l.peer, m.unit, m.kind, m.id, d.fault_code
                 FROM delivery d JOIN lane l ON l.id = d.lane JOIN message m ON m.seq = d.message WHERE d.id = ?1",
            )?
            .execute(params![delivery.0, event.as_str(), at.as_millis()])?;
        Ok(())
    }

    /// These were announced.
    pub(super) fn announced(&self, ids: &[i64]) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached("DELETE FROM announcement WHERE id = ?1")?;
        ids.iter().try_for_each(|id| statement.execute([id]).map(drop))?;
        Ok(())
    }
}

/// What waits to be announced, in the order in which it happened.
pub(super) fn waiting(db: &Connection, after: i64, limit: usize) -> Result<Vec<Announcement>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id, at, event, dossier, peer, unit, kind, message, fault FROM announcement
         WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let rows = statement.query_map(params![after, limit as i64], |row| {
        Ok(Announcement {
            id: row.get(0)?,
            at: Moment::from_millis(row.get(1)?),
            event: row.get(2)?,
            dossier: row.get(3)?,
            peer: row.get(4)?,
            unit: row.get(5)?,
            kind: row.get(6)?,
            message: MessageId(row.get(7)?),
            fault: row.get(8)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
