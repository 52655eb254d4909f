//! Backups: a folder with everything that a gateway on another machine needs to go on, except the sealing key.
//!
//! In it are the database as it was at one moment, every claim file that its rows name, the audit trail, the callers' keys (digests), and a
//! manifest with the SHA-256 of each part, authenticated with a key that comes from the sealing key. It is made beside a running
//! gateway. What a crash leaves of one has no manifest and is none. Beneath it: `manifest` (its form, and the check of a
//! backup against it) and `restore`. Deliberately absent: the sealing key, the configuration and peers' secrets, which are kept elsewhere.

mod manifest;
mod restore;

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Instant;

use gateway_core::ids::{Moment, hex};
use ring::digest::{Context, SHA256};

pub use manifest::{Manifest, Part, examine, read, verify};
pub use restore::{occupied, restore};

use crate::disk;
use crate::store::{self, DATABASE, Damage, Seal, SealKey, Snapshot, StoreError};

/// Where the parts stand, in a backup as in a data folder.
const AUDIT: &str = "audit";
const KEYS: &str = "keys.json";
const MANIFEST: &str = "manifest.json";
const MANIFEST_MAC: &str = "manifest.mac";

/// The keys that something may be sealed with: the current one first.
pub struct Keys {
    /// Seals from now on.
    pub current: SealKey,
    /// Open what they sealed.
    pub old: Vec<SealKey>,
}

impl Keys {
    fn seal(&self) -> Result<Seal, StoreError> {
        Seal::from_keys(&self.current, &self.old)
    }

    fn all(&self) -> impl Iterator<Item = &SealKey> {
        std::iter::once(&self.current).chain(&self.old)
    }
}

/// Why there is no backup, or none that can be used.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file or folder.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// The disk has not so much room.
    #[error("{folder}: {needs} bytes are needed, {free} are free")]
    NoRoom {
        /// Whose disk.
        folder: String,
        /// So many bytes are needed.
        needs: u64,
        /// So many are free.
        free: u64,
    },
    /// Something is there already.
    #[error("{0}: is there already and not empty")]
    Occupied(String),
    /// Not a whole backup.
    #[error("{0}: is no whole backup: {1}")]
    NoBackup(String, String),
    /// Parts are not what was written.
    #[error("the backup is damaged in {} places", .0.len())]
    Damaged(Vec<Damage>),
}

/// Hears how far it is: which part, how much of it, of how much.
pub type Told<'a> = &'a mut dyn FnMut(&str, u64, u64);

/// Copies a data folder into a new folder, while the gateway runs or not.
pub fn take(data: &Path, to: &Path, keys: &Keys, at: Moment, told: Told) -> Result<Manifest, Trouble> {
    if fs::read_dir(to).is_ok_and(|mut there| there.next().is_some()) {
        return Err(Trouble::Occupied(to.display().to_string()));
    }
    make_folder(to)?;
    // The folder was empty, so all that is in it is half a backup.
    write(data, to, keys, at, told).inspect_err(|_| clear(to))
}

fn write(data: &Path, to: &Path, keys: &Keys, at: Moment, told: Told) -> Result<Manifest, Trouble> {
    let _unswept = store::hold(data)?;
    let snapshot = Snapshot::of(data, keys.seal()?)?;
    let facts = snapshot.facts()?;
    has_room(to, facts.bytes)?;
    let claims = snapshot.claims()?;
    // Made here, so that it is its owner's alone also where the folder was made by somebody else.
    create(&to.join(DATABASE))?;
    snapshot.copy_to(&to.join(DATABASE), &mut |done, total| told(DATABASE, done, total))?;
    drop(snapshot);
    let mut parts = vec![sum(to, DATABASE)?];
    let (began, mut bytes, mut missing) = (Instant::now(), 0, Vec::new());
    for (index, name) in claims.iter().enumerate() {
        told("claims", index as u64, claims.len() as u64);
        match copy(data, to, &Snapshot::claim_place(name), None) {
            Ok(part) => {
                bytes += part.bytes;
                parts.push(part);
            }
            // Damage of the store and not of this copy: it is said, and the rest is saved.
            Err(Trouble::File(place, error)) if error.kind() == io::ErrorKind::NotFound => {
                missing.push(place)
            }
            Err(other) => return Err(other),
        }
        store::keep_pace(began, bytes);
    }
    for name in trail(data)? {
        told(AUDIT, 0, 1);
        parts.push(match name.ends_with(".jsonl") {
            true => copy_lines(data, to, &name)?,
            false => copy(data, to, &name, None)?,
        });
    }
    if data.join(KEYS).exists() {
        parts.push(copy(data, to, KEYS, None)?);
    }
    let manifest = Manifest {
        form: manifest::FORM,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        schema: facts.schema,
        store: facts.store,
        at,
        latest_message_at: facts.latest,
        waiting: facts.waiting,
        keys: facts.keys,
        missing,
        parts,
    };
    // The folders first: a manifest says that everything it names is there to stay.
    sync_folders(to, &manifest)?;
    manifest.write(to, keys)?;
    sync(to)?;
    Ok(manifest)
}

/// Found out before anything is written: a disk that this would fill is perhaps the one that the gateway writes to.
fn has_room(folder: &Path, needs: u64) -> Result<(), Trouble> {
    let free = disk::room(folder).map_err(|error| at(folder, error))?.free_bytes;
    match free < needs {
        true => Err(Trouble::NoRoom { folder: folder.display().to_string(), needs, free }),
        false => Ok(()),
    }
}

fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // What cannot be removed is no backup either: it has no manifest.
        let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    }
}

/// The files of the audit trail, by their place below the data folder.
fn trail(data: &Path) -> Result<Vec<String>, Trouble> {
    let folder = data.join(AUDIT);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let files = crate::audit::files(&folder).map_err(|error| at(&folder, error))?;
    let name = |path: &std::path::PathBuf| Some(format!("{AUDIT}/{}", path.file_name()?.to_str()?));
    let mut names: Vec<String> = files.iter().filter_map(name).collect();
    let cut = format!("{AUDIT}/{}", crate::audit::CUT);
    names.extend(Some(cut).filter(|cut| data.join(cut).exists()));
    Ok(names)
}

fn at(path: &Path, error: io::Error) -> Trouble {
    Trouble::File(path.display().to_string(), error)
}

fn make_folder(path: &Path) -> Result<(), Trouble> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|error| at(path, error))
}

fn create(path: &Path) -> Result<File, Trouble> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    let file = File::options().write(true).create_new(true).mode(0o600).open(path);
    file.map_err(|error| at(path, error))
}

/// Copies one file to the same place below another folder; refuses if it is not what `expected` says.
fn copy(from: &Path, to: &Path, place: &str, expected: Option<&Part>) -> Result<Part, Trouble> {
    let (source, target) = (from.join(place), to.join(place));
    let mut reader = File::open(&source).map_err(|error| at(&source, error))?;
    let mut writer = create(&target)?;
    let (mut buffer, mut hash, mut bytes) = (vec![0; 1 << 20], Context::new(&SHA256), 0);
    loop {
        let read = reader.read(&mut buffer).map_err(|error| at(&source, error))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
        writer.write_all(&buffer[..read]).map_err(|error| at(&target, error))?;
    }
    writer.sync_all().map_err(|error| at(&target, error))?;
    let part = Part { place: place.to_owned(), bytes, sha256: hex(hash.finish().as_ref()) };
    match expected {
        Some(expected) if *expected != part => Err(Trouble::Damaged(vec![manifest::changed(expected)])),
        _ => Ok(part),
    }
}

/// Copies the whole lines of a file that somebody goes on writing.
fn copy_lines(from: &Path, to: &Path, place: &str) -> Result<Part, Trouble> {
    let (source, target) = (from.join(place), to.join(place));
    let text = fs::read(&source).map_err(|error| at(&source, error))?;
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let mut writer = create(&target)?;
    writer.write_all(&text[..whole]).and_then(|()| writer.sync_all()).map_err(|error| at(&target, error))?;
    sum(to, place)
}

/// The sum of a file as it stands.
fn sum(folder: &Path, place: &str) -> Result<Part, Trouble> {
    let path = folder.join(place);
    let mut reader = File::open(&path).map_err(|error| at(&path, error))?;
    let (mut buffer, mut hash, mut bytes) = (vec![0; 1 << 20], Context::new(&SHA256), 0);
    loop {
        match reader.read(&mut buffer).map_err(|error| at(&path, error))? {
            0 => break,
            read => {
                hash.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
    Ok(Part { place: place.to_owned(), bytes, sha256: hex(hash.finish().as_ref()) })
}

fn sync(folder: &Path) -> Result<(), Trouble> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| at(folder, error))
}

/// Makes the names of all parts durable.
fn sync_folders(to: &Path, manifest: &Manifest) -> Result<(), Trouble> {
    let mut folders = BTreeSet::from([to.to_owned()]);
    for part in &manifest.parts {
        folders.extend(to.join(&part.place).ancestors().skip(1).take_while(|f| *f != to).map(Path::to_owned));
    }
    folders.iter().try_for_each(|folder| sync(folder))
}
