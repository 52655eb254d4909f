//! What a restored backup leaves behind: that nothing is sent until somebody says so, and which hours the store knows nothing of.
//!
//! Two clear rows of `meta`. `paused` is a JSON list of peers' names, `"*"` for all of them; who is on it is told nothing and asked
//! nothing by the clock, while doors go on accepting. `restored` stays for good: whatever waited at the moment of the backup may have been
//! delivered in the hours that are missing, so its first call that counts once is taken for made ([`Restored::presumes`]) and
//! asked back like any other that got no answer. Messages that came in those hours are not here; whoever sent them has to say them again,
//! before anything is sent: what comes while all is paused is asked back in the same way.

use std::path::Path;
use std::sync::PoisonError;

use gateway_core::adapter::Effect;
use gateway_core::ids::Moment;
use gateway_core::pipeline::DeliveryId;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::Store;
use super::error::StoreError;
use super::event::Event;
use super::schema;
use super::seal::Seal;
use super::types::{Delivery, Kept};
use super::writer::Writing;

const PAUSED: &str = "paused";
const RESTORED: &str = "restored";
/// Stands in the list of paused peers for all of them.
const EVERYBODY: &str = "*";

/// Which hours a restored store knows nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The moment of the backup.
    pub missing_from: Moment,
    /// The moment of its restoration.
    pub missing_until: Moment,
    /// The last delivery that the backup knows, or that came while all was paused.
    pub last_delivery: i64,
}

impl Restored {
    /// Must this delivery's next call that counts once be taken for one that was made in the missing hours? Only once: what
    /// then stands in the journal is settled like any other call without an answer.
    pub(super) fn presumes(&self, id: DeliveryId, calls: &[Kept]) -> bool {
        let presumed =
            |kept: &Kept| kept.request.effect == Effect::Once && kept.called_at == self.missing_until;
        id.0 <= self.last_delivery && !calls.iter().any(presumed)
    }
}

/// The last restoration of this store, if it ever was restored.
pub(super) fn restored(db: &Connection) -> Result<Option<Restored>, StoreError> {
    Ok(row(db, RESTORED)?.map(|text| serde_json::from_slice(&text)).transpose()?)
}

fn row(db: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = db.prepare_cached("SELECT CAST(value AS BLOB) FROM meta WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}

fn last_delivery(db: &Connection) -> Result<i64, StoreError> {
    Ok(db.query_row("SELECT ifnull(max(id), 0) FROM delivery", [], |row| row.get(0))?)
}

fn put(db: &Connection, name: &str, value: &impl Serialize) -> Result<(), StoreError> {
    db.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
        .execute(params![name, serde_json::to_vec(value)?])?;
    Ok(())
}

impl Store {
    /// Which hours are missing, if this store was ever restored from a backup.
    pub fn restored(&self) -> Option<Restored> {
        *self.restored.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was learnt of a restoration when somebody was let go.
    pub(super) fn let_go(&self, restored: Restored) {
        *self.restored.write().unwrap_or_else(PoisonError::into_inner) = Some(restored);
    }

    /// Says of a delivery from which moment its call is taken for made, if it is.
    pub(super) fn presume(&self, mut delivery: Delivery) -> Delivery {
        let presumes = |restored: &Restored| restored.presumes(delivery.id, &delivery.exchanges);
        delivery.presumed_at = self.restored().filter(presumes).map(|restored| restored.missing_until);
        delivery
    }
}

impl Writing<'_> {
    /// Some of those that a restoration stopped are let go: what came meanwhile is what was said again of the missing hours. Gives what is
    /// known of a restoration then.
    pub(super) fn restored_go(&self) -> Result<Option<Restored>, StoreError> {
        let Some(restored) = restored(self.db)? else { return Ok(None) };
        let restored = Restored { last_delivery: last_delivery(self.db)?, ..restored };
        put(self.db, RESTORED, &restored)?;
        Ok(Some(restored))
    }
}

/// Makes a restored database one whose gateway starts paused and asks back what waited. The file is nobody else's yet.
pub(super) fn mark(path: &Path, seal: &Seal, from: Moment, until: Moment) -> Result<Restored, StoreError> {
    let mut db = Connection::open(path)?;
    schema::version(&db)?;
    schema::configure(&db)?;
    let db = db.transaction()?;
    let last_delivery = last_delivery(&db)?;
    let restored = Restored { missing_from: from, missing_until: until, last_delivery };
    put(&db, RESTORED, &restored)?;
    put(&db, PAUSED, &[EVERYBODY])?;
    // In the form of `Vault::pack`: nothing large.
    let detail = format!("{} – {}", from.for_people(), until.for_people());
    let detail = super::claims::pack(seal, "timeline.detail", &detail)?;
    db.execute(
        "INSERT INTO timeline (dossier, delivery, at, event, detail)
         SELECT l.dossier, d.id, ?1, ?2, ?3 FROM delivery d JOIN lane l ON l.id = d.lane WHERE d.open = 1",
        params![until.as_millis(), Event::Restored.as_str(), detail],
    )?;
    // Numbers of what others were told in the hours that are missing must not come again with something else.
    let announces: bool =
        db.query_row("SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'announcement')", [], |row| {
            row.get(0)
        })?;
    if announces {
        db.execute_batch(
            "INSERT INTO sqlite_sequence (name, seq) SELECT 'announcement', 0
               WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'announcement');
             UPDATE sqlite_sequence SET seq = seq + 1000000000 WHERE name = 'announcement';",
        )?;
    }
    db.commit()?;
    Ok(restored)
}
