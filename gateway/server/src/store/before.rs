//! What a store was before this program brought it up to date: one copy beside it, so that the program before can be put back.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use gateway_core::ids::Moment;
use gateway_core::pipeline::retention::DAY_MS;
use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::error::StoreError;
use super::open::DATABASE;
use super::schema;

/// Pages copied in one go. Nobody else writes yet, so there is nobody to make room for.
const PAGES: i32 = 4096;

/// Nobody goes back after so long: what came since is not in the copy, and what retention took from the store still is.
const KEPT_MS: i64 = 30 * DAY_MS;

/// Keeps a copy as `lienthong.db.before-v<version to come>`, whole and synced, and only that one. A copy of the same name is older than
/// the store that is here now: an earlier start was cut short, or somebody has put the earlier program back.
pub(super) fn keep(db: &Connection, folder: &Path) -> Result<(), StoreError> {
    let name = format!("{DATABASE}.before-v{}", schema::known());
    let (kept, part) = (folder.join(&name), folder.join(format!("{name}.part")));
    remove(&part)?;
    // On a full disk half a copy would take the room that the program before needs to go on.
    copy(db, &part).inspect_err(|_| drop(remove(&part)))?;
    std::fs::rename(&part, &kept)?;
    for path in copies(folder)?.into_iter().filter(|path| *path != kept) {
        remove(&path)?;
    }
    File::open(folder)?.sync_all()?;
    tracing::info!(event = "store-copied-before-upgrade", file = name);
    Ok(())
}

/// Removes a copy that has had its time.
pub(super) fn forget(folder: &Path, now: Moment) -> Result<(), StoreError> {
    for path in copies(folder)? {
        let made = path.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let made = Moment::from_millis(i64::try_from(made.as_millis()).unwrap_or(i64::MAX));
        if now.millis_since(made) > KEPT_MS {
            remove(&path)?;
            tracing::info!(event = "store-copy-removed", file = %path.display());
        }
    }
    Ok(())
}

fn copy(db: &Connection, to: &Path) -> Result<(), StoreError> {
    super::open::make_private(to)?;
    {
        let mut copy = Connection::open(to)?;
        Backup::new(db, &mut copy)?.run_to_completion(PAGES, std::time::Duration::ZERO, None)?;
    }
    File::open(to)?.sync_all()?;
    Ok(())
}

fn copies(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let named = format!("{DATABASE}.before-v");
    let all = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let all = all.collect::<Result<Vec<_>, _>>()?;
    let is_copy = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(named.as_str()))
    };
    Ok(all.into_iter().filter(is_copy).collect())
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
