//! A copy of the store while it is in use, and the look at one that stands still.
//!
//! [`Snapshot`] is one moment of the database, held by a reading transaction: whatever is committed afterwards is not in it, and
//! copying it needs nobody to wait. Files of claims are older than the rows that name them and never change, so copied after the moment is
//! fixed they are all there, as long as nothing is swept meanwhile: [`hold`] keeps the sweepers of all processes away.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gateway_core::ids::Moment;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::claims::Vault;
use super::error::StoreError;
use super::filed::{self, Filed};
use super::open::{DATABASE, check_keys, digest_key, lock_file, whole};
use super::restored;
use super::seal::{Digests, Seal};
use super::{Restored, schema};

/// Copied at a time.
const STEP_PAGES: i32 = 256;
/// No faster, so that those who wait for the disk for each message get it.
const BYTES_PER_SECOND: u64 = 64 << 20;

/// As long as it lives, no file of the data folder is swept or purged, by whichever process.
pub struct Held {
    _lock: File,
}

/// Keeps sweepers away from a data folder. Blocking, for as long as one is at work.
pub fn hold(folder: &Path) -> Result<Held, StoreError> {
    let file = lock_file(folder, "backup.lock")?;
    file.lock_shared()?;
    Ok(Held { _lock: file })
}

/// The sweeper's side; none while somebody copies.
pub(crate) fn hold_alone(folder: &Path) -> Result<Option<Held>, StoreError> {
    let file = lock_file(folder, "backup.lock")?;
    Ok(file.try_lock().is_ok().then_some(Held { _lock: file }))
}

/// What a copy is about.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The version of its tables.
    pub schema: i64,
    /// Which store it is.
    pub store: String,
    /// Ids of the keys that something in it is sealed with.
    pub keys: Vec<String>,
    /// When the latest message in it came.
    pub latest: Option<Moment>,
    /// Deliveries that wait in it, for whatever.
    pub waiting: u64,
    /// Of the database and of the files that its rows name.
    pub bytes: u64,
}

/// One moment of a store's database.
pub struct Snapshot {
    db: Connection,
    seal: Seal,
    folder: PathBuf,
}

impl Snapshot {
    /// This moment of the store in a data folder.
    pub fn of(folder: &Path, seal: Seal) -> Result<Self, StoreError> {
        whole(folder)?;
        let path = folder.join(DATABASE);
        if !path.exists() {
            return Err(StoreError::Io(format!("there is no store in {}", folder.display())));
        }
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        schema::version(&db)?;
        schema::configure(&db)?;
        db.execute_batch("BEGIN")?;
        // The first look fixes the moment.
        check_keys(&db, &seal)?;
        Ok(Snapshot { db, seal, folder: folder.to_owned() })
    }

    /// What it is about.
    pub fn facts(&self) -> Result<Facts, StoreError> {
        let secret = digest_key(&self.db, &self.seal)?;
        let secret = secret.ok_or_else(|| StoreError::Corrupt("the digest key is missing".to_owned()))?;
        let mut statement =
            self.db.prepare("SELECT substr(name, 5) FROM meta WHERE name LIKE 'key/%' ORDER BY 1")?;
        let keys = statement.query_map([], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?;
        let waiting = self.db.query_row("SELECT ifnull(sum(open), 0) FROM lane", [], |row| row.get(0))?;
        let counted = super::stats::stats(&self.db)?;
        Ok(Facts {
            bytes: counted.database_bytes + counted.claim_bytes,
            schema: schema::version(&self.db)?,
            store: Digests::new(&secret).store(),
            keys,
            latest: super::read::latest_at(&self.db)?,
            waiting: i64::unsigned_abs(waiting),
        })
    }

    /// The names of all files that rows of this moment name.
    pub fn claims(&self) -> Result<Vec<String>, StoreError> {
        claims(&self.db)
    }

    /// Where the file of a claim stands, below the data folder and below a copy of it.
    pub fn claim_place(name: &str) -> String {
        format!("claims/{}/{name}", name.get(..2).unwrap_or("00"))
    }

    /// Copies the database into a file of its own, at a bounded pace; `told` hears how many bytes are done, of how many.
    pub fn copy_to(&self, to: &Path, told: &mut dyn FnMut(u64, u64)) -> Result<(), StoreError> {
        let page: i64 = self.db.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let page = page.unsigned_abs();
        let mut copy = Connection::open(to)?;
        copy.execute_batch("PRAGMA synchronous = OFF")?;
        let backup = Backup::new(&self.db, &mut copy)?;
        let began = Instant::now();
        loop {
            let step = backup.step(STEP_PAGES)?;
            let progress = backup.progress();
            let total = u64::from(progress.pagecount.unsigned_abs()) * page;
            let done = total - u64::from(progress.remaining.unsigned_abs()) * page;
            told(done, total);
            match step {
                StepResult::Done => break,
                _ => keep_pace(began, done),
            }
        }
        drop(backup);
        // One file, that opens without a log beside it.
        copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
        copy.close().map_err(|(_, error)| error)?;
        File::open(to)?.sync_all()?;
        Ok(())
    }

    /// Everything that is wrong with it: the file, its seals, its claims.
    pub fn examine(&self, told: &mut dyn FnMut(u64, u64)) -> Result<Vec<Damage>, StoreError> {
        let mut found = match schema::check_all(&self.db) {
            Ok(()) => Vec::new(),
            Err(StoreError::Corrupt(detail)) => vec![Damage { part: DATABASE.to_owned(), detail }],
            Err(other) => return Err(other),
        };
        for (table, column, purpose) in SEALED {
            match unopened(&self.db, &self.seal, table, column, purpose) {
                Ok(0) => {}
                Ok(count) => found.push(Damage {
                    part: DATABASE.to_owned(),
                    detail: format!("{table}.{column}: {count} sealed values do not open"),
                }),
                Err(StoreError::Corrupt(detail)) => {
                    found.push(Damage { part: DATABASE.to_owned(), detail });
                }
                Err(other) => return Err(other),
            }
        }
        let claims = match self.claims() {
            Ok(claims) => claims,
            // Said already.
            Err(StoreError::Corrupt(_)) => return Ok(found),
            Err(other) => return Err(other),
        };
        for (index, name) in claims.iter().enumerate() {
            told(index as u64, claims.len() as u64);
            let place = Snapshot::claim_place(name);
            if filed::is_file(name) {
                let opened = Filed::at(&self.folder.join(&place), &self.seal, name.clone());
                match opened.and_then(|mut file| file.examine()) {
                    Ok(()) => {}
                    Err(error) => found.push(Damage { part: place, detail: error.to_string() }),
                }
                continue;
            }
            let detail = match std::fs::read(self.folder.join(&place)) {
                Ok(sealed) => match self.seal.open(Vault::CLAIM, &sealed) {
                    Ok(_) => continue,
                    Err(error) => error.to_string(),
                },
                Err(error) => format!("a row names it: {error}"),
            };
            found.push(Damage { part: place, detail });
        }
        Ok(found)
    }
}

/// A part of a store that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damage {
    /// Its place below the data folder.
    pub part: String,
    /// What is wrong; without stored values.
    pub detail: String,
}

/// The columns that hold sealed values, and what they were sealed for.
const SEALED: [(&str, &str, &str); 17] = [
    ("message", "about", "message.about"),
    ("message", "fault", "message.fault"),
    ("message", "source", "message.source"),
    ("message", "document", "document"),
    ("delivery", "revision", "document"),
    ("delivery", "pin", "delivery.pin"),
    ("delivery", "fault", "delivery.fault"),
    ("exchange", "request", "exchange.request"),
    ("exchange", "answer", "exchange.answer"),
    ("exchange", "reason", "exchange.reason"),
    ("mark", "value", "mark"),
    ("timeline", "detail", "timeline.detail"),
    ("shipment", "names", "shipment.names"),
    ("observed", "names", "observed.names"),
    ("feed", "cursor", "feed.cursor"),
    ("publication", "about", "publication"),
    ("fetched", "about", "fetched"),
];

fn unopened(
    db: &Connection,
    seal: &Seal,
    table: &str,
    column: &str,
    purpose: &'static str,
) -> Result<u64, StoreError> {
    // A store of an older version has fewer tables.
    let there: bool = db.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1)",
        [table],
        |row| row.get(0),
    )?;
    if !there {
        return Ok(0);
    }
    let mut statement = db.prepare(&format!("SELECT {column} FROM {table} WHERE length({column}) > 0"))?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let opens = row.get_ref(0)?.as_blob().is_ok_and(|sealed| seal.open(purpose, sealed).is_ok());
        count += u64::from(!opens);
    }
    Ok(count)
}

fn claims(db: &Connection) -> Result<Vec<String>, StoreError> {
    let mut statement = db.prepare("SELECT DISTINCT name FROM claim ORDER BY name")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?)
}

/// Waits until as many bytes may have been copied since then.
pub fn keep_pace(began: Instant, bytes: u64) {
    let due = Duration::from_micros(bytes.saturating_mul(1_000_000) / BYTES_PER_SECOND);
    if let Some(early) = due.checked_sub(began.elapsed()) {
        std::thread::sleep(early);
    }
}

/// Makes the database of a copy one that starts paused, see [`Restored`].
pub fn mark_restored(path: &Path, seal: &Seal, from: Moment, until: Moment) -> Result<Restored, StoreError> {
    restored::mark(path, seal, from, until)
}
