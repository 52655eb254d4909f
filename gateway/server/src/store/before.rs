//! What a store was before this program brought it up to date: one copy beside it, so that the program before can be put back.

use std::fs::File;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::error::StoreError;
use super::open::DATABASE;
use super::schema;

/// Pages copied in one go. Nobody else writes yet, so there is nobody to make room for.
const PAGES: i32 = 4096;

/// Keeps a copy as `lienthong.db.before-v<version to come>`, whole and synced, and only that one. A copy of the same name is older than
/// the store that is here now: an earlier start was cut short, or somebody has put the earlier program back.
pub(super) fn keep(db: &Connection, folder: &Path) -> Result<(), StoreError> {
    let name = format!("{DATABASE}.before-v{}", schema::known());
    let (kept, part) = (folder.join(&name), folder.join(format!("{name}.part")));
    remove(&part)?;
    super::open::make_private(&part)?;
    {
        let mut copy = Connection::open(&part)?;
        Backup::new(db, &mut copy)?.run_to_completion(PAGES, std::time::Duration::ZERO, None)?;
    }
    File::open(&part)?.sync_all()?;
    std::fs::rename(&part, &kept)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let other = entry.file_name();
        if other.to_string_lossy().starts_with(&format!("{DATABASE}.before-v")) && other != name.as_str() {
            remove(&entry.path())?;
        }
    }
    File::open(folder)?.sync_all()?;
    tracing::info!(event = "store-copied-before-upgrade", file = name);
    Ok(())
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
