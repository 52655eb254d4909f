//! Restoring: a checked backup takes the place of a data folder, and its gateway starts paused.
//!
//! Everything is copied into `restoring/` first and synced; then what was there is moved aside (never deleted) and the copy is moved
//! into place, the database last. A crash in between leaves `restoring/`, with which no gateway starts; doing it again is the remedy.
//! Where the copying itself fails, as on a full disk, what was there before is there still and its gateway starts.
//! The lock of the store is held throughout, so a gateway neither runs nor starts meanwhile.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use gateway_core::ids::Moment;

use super::{
    AUDIT, KEYS, Keys, Manifest, Told, Trouble, at, copy, has_room, make_folder, sync, sync_folders, verify,
};
use crate::audit::{AuditKeys, Trail};
use crate::store::{self, DATABASE, RESTORING, Restored};

/// What makes a data folder more than an empty one. The database first: while it is not in its place, nothing else is used.
const THERE: [&str; 6] = [DATABASE, "lienthong.db-wal", "lienthong.db-shm", "claims", AUDIT, KEYS];

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// The backup.
    pub manifest: Manifest,
    /// Which hours are missing now.
    pub restored: Restored,
    /// Where what was there before is now.
    pub moved_to: Option<PathBuf>,
}

/// Does this data folder hold anything that a restoration would take the place of?
pub fn occupied(data: &Path) -> bool {
    THERE.iter().any(|name| {
        let path = data.join(name);
        match fs::read_dir(&path) {
            Ok(mut entries) => entries.next().is_some(),
            Err(_) => path.exists(),
        }
    })
}

/// Puts a backup in the place of a data folder. `replace` moves aside what is there; without it nothing may be.
pub async fn restore(
    backup: &Path,
    data: &Path,
    keys: &Keys,
    replace: bool,
    now: Moment,
    told: Told<'_>,
) -> Result<Done, Trouble> {
    let (manifest, damage) = verify(backup, keys, told)?;
    if !damage.is_empty() {
        return Err(Trouble::Damaged(damage));
    }
    make_folder(data)?;
    let _lock = store::lock(data)?;
    if occupied(data) && !replace {
        return Err(Trouble::Occupied(data.display().to_string()));
    }
    let draft = data.join(RESTORING);
    let begun = draft.exists();
    remove(&draft)?;
    // Left by a restoration that was cut short while it moved things: as long as there is no database, no gateway may begin an empty one.
    if begun && !data.join(DATABASE).exists() {
        make_folder(&draft)?;
    }
    has_room(data, manifest.bytes())?;
    let restored = fill(&draft, backup, data, &manifest, keys, now, told).await.inspect_err(|_| {
        // Nothing was moved yet: a store that is whole is not shut out for a copy that did not come about. Where there is none, no empty
        // one must be begun either.
        if data.join(DATABASE).exists() {
            let _ = remove(&draft);
        }
    })?;
    let moved_to = if occupied(data) { Some(move_aside(data, now)?) } else { None };
    // The empty folder that every start makes would stand in the way.
    let _ = fs::remove_dir(data.join("claims"));
    for name in THERE.iter().rev().filter(|name| draft.join(name).exists()) {
        rename(&draft.join(name), &data.join(name))?;
        sync(data)?;
    }
    remove(&draft)?;
    sync(data)?;
    Ok(Done { manifest, restored, moved_to })
}

/// Copies everything into the draft and marks it as restored.
async fn fill(
    draft: &Path,
    backup: &Path,
    data: &Path,
    manifest: &Manifest,
    keys: &Keys,
    now: Moment,
    told: Told<'_>,
) -> Result<Restored, Trouble> {
    make_folder(draft)?;
    // Durable before anything is moved: from here on no gateway starts until all is in place.
    sync(data)?;
    for (index, part) in manifest.parts.iter().enumerate() {
        told("restore", index as u64, manifest.parts.len() as u64);
        copy(backup, draft, &part.place, Some(part))?;
    }
    make_folder(&draft.join("claims"))?;
    let restored = store::mark_restored(&draft.join(DATABASE), &keys.seal()?, manifest.at, now)?;
    note_in_trail(&draft.join(AUDIT), keys, &restored).await?;
    sync_folders(draft, manifest)?;
    give(draft, data)?;
    Ok(restored)
}

/// The trail goes on where the backup ends, and says so: heads that the log has seen since are in the trail that was moved aside.
async fn note_in_trail(folder: &Path, keys: &Keys, restored: &Restored) -> Result<(), Trouble> {
    let failed = |error: crate::audit::CannotWrite| {
        Trouble::File(folder.display().to_string(), io::Error::other(error.to_string()))
    };
    let at = restored.missing_until;
    let trail = Trail::open(folder, AuditKeys::derive(&keys.current), at).map_err(failed)?;
    trail.restored(restored.missing_from, at).await.map_err(failed)?;
    trail.close().await;
    Ok(())
}

/// Moves what is there into a folder beside it, the database first.
fn move_aside(data: &Path, now: Moment) -> Result<PathBuf, Trouble> {
    let stamp: String = now.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let aside = data.join(format!("replaced-{stamp}"));
    make_folder(&aside)?;
    store::belong(&aside, data)?;
    for name in THERE.iter().filter(|name| data.join(name).exists()) {
        rename(&data.join(name), &aside.join(name))?;
    }
    sync(&aside)?;
    sync(data)?;
    Ok(aside)
}

/// Gives a folder and all that is in it to the owner of the data folder.
fn give(folder: &Path, data: &Path) -> Result<(), Trouble> {
    store::belong(folder, data)?;
    for entry in fs::read_dir(folder).map_err(|error| at(folder, error))? {
        let path = entry.map_err(|error| at(folder, error))?.path();
        match path.is_dir() {
            true => give(&path, data)?,
            false => store::belong(&path, data)?,
        }
    }
    Ok(())
}

fn rename(from: &Path, to: &Path) -> Result<(), Trouble> {
    fs::rename(from, to).map_err(|error| at(to, error))
}

fn remove(folder: &Path) -> Result<(), Trouble> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(folder, error)),
        _ => Ok(()),
    }
}
