//! Sweeping: files of claims that no row names are removed, beside a gateway that accepts.
//!
//! A file is older than the row that names it, so one that no row names may be about to be named: only what is older than an hour is
//! looked at, and whoever keeps the same value again makes its file young first. What is found is judged twice: by what is committed,
//! and then, a few at a time, between two changes of the writer. Nothing is swept while a backup is copying.

use std::path::PathBuf;
use std::time::Duration;

use gateway_core::ids::Moment;
use rusqlite::Connection;

use super::copy::hold_alone;
use super::error::StoreError;
use super::writer::Writing;
use super::{Store, before, blocking};

/// Files younger than this may belong to a row that is about to be committed.
const AGE: Duration = Duration::from_secs(3_600);
/// Removed between two commits; others wait for their commit meanwhile.
const AT_ONCE: usize = 50;

impl Store {
    /// Removes the copy of the store that an upgrade kept, once nobody goes back to it.
    pub async fn forget_copy_before_upgrade(&self, now: Moment) -> Result<(), StoreError> {
        let folder = self.folder.clone();
        blocking(move || before::forget(&folder, now)).await
    }

    /// Removes claim files that no row names and that are older than an hour; gives how many went.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let vault = self.vault.clone();
        let old = blocking(move || vault.old(AGE)).await?;
        let unnamed = self.read(move |db, _| unnamed(db, old)).await?;
        let mut gone = 0;
        for some in unnamed.chunks(AT_ONCE) {
            let some = some.to_vec();
            gone += self.run(move |writing| writing.sweep(&some)).await?;
        }
        Ok(gone)
    }
}

impl Writing<'_> {
    fn sweep(&self, files: &[PathBuf]) -> Result<usize, StoreError> {
        let Some(_alone) = hold_alone(self.vault.store())? else { return Ok(0) };
        let mut gone = 0;
        for path in unnamed(self.db, files.to_vec())? {
            gone += usize::from(self.vault.remove(&path, AGE)?);
        }
        Ok(gone)
    }
}

/// Those among the files that no row names.
fn unnamed(db: &Connection, mut files: Vec<PathBuf>) -> Result<Vec<PathBuf>, StoreError> {
    let mut named = db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM claim WHERE name = ?1) OR EXISTS (SELECT 1 FROM fetched WHERE name = ?1)",
    )?;
    let mut failed = None;
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let named: Result<bool, _> = named.query_row([&name], |row| row.get(0));
        named.map(|named| !named).unwrap_or_else(|error| {
            failed = Some(error);
            false
        })
    });
    failed.map_or(Ok(files), |error| Err(error.into()))
}
