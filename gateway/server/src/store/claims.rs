//! Claims: large values as sealed files beside the database, and the packing of everything that is stored sealed.
//!
//! A claim file is written, synced and put in place (with its folder synced) before the row that names it is committed; a
//! restart may therefore find files that no row names, never a row without its file. The next start removes them once they are
//! an hour old. Names are keyed digests, so a folder
//! listing tells nothing. Equal values share one file: a request that is repeated a hundred times is kept once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use gateway_core::ids::hex;
use gateway_core::lift::{LIFT_BYTES, Ticket, lift, lower};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::error::StoreError;
use super::seal::{Digests, Seal};
use crate::clock::chance;

const INLINE: u8 = 0;

/// What most values come to; room for it at once is cheaper than growing towards it.
pub(super) const USUAL_BYTES: usize = 1 << 10;
const CLAIMED: u8 = 1;
const PURPOSE: &str = "claim";

/// Seals, unseals, and keeps what is too large for a row.
pub(super) struct Vault {
    pub(super) seal: Seal,
    pub(super) digests: Digests,
    folder: PathBuf,
    /// Held by the sweeper from its look at a file to the file's end, shared by whoever makes a file young again: otherwise
    /// one could be taken away between the two.
    pub(super) sweeping: RwLock<()>,
    /// Files that somebody is writing, or has written and not yet named.
    drafts: Mutex<BTreeSet<PathBuf>>,
    /// Those who work on files.
    pub(super) hands: Arc<Semaphore>,
}

/// As many as keep a disk busy. Each thread that works on files keeps some memory ready for the next of them.
const HANDS: usize = 16;

/// Seals a small serialisable value, as [`Vault::pack`] does.
pub(super) fn pack<T: Serialize>(
    seal: &Seal,
    purpose: &'static str,
    value: &T,
) -> Result<Vec<u8>, StoreError> {
    let mut plain = Vec::with_capacity(USUAL_BYTES);
    plain.push(INLINE);
    serde_json::to_writer(&mut plain, value)?;
    seal.seal(purpose, &plain)
}

/// Collects the large values met while packing; they must be kept before the rows are written.
#[derive(Default)]
pub(super) struct Parcel {
    values: Vec<(Ticket, Vec<u8>)>,
    /// Files that are there already and are to be named by the rows too.
    files: Vec<Ticket>,
}

impl Parcel {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty() && self.files.is_empty()
    }

    /// Has the rows name these files.
    pub(super) fn name(&mut self, files: impl IntoIterator<Item = Ticket>) {
        self.files.extend(files);
    }

    fn put(&mut self, bytes: Vec<u8>) -> Ticket {
        let ticket = Ticket::of(&bytes);
        self.values.push((ticket.clone(), bytes));
        ticket
    }
}

impl Vault {
    /// What the content of a file is sealed for.
    pub(super) const CLAIM: &str = PURPOSE;

    pub(super) fn new(seal: Seal, digests: Digests, store: &Path) -> Self {
        let (sweeping, drafts) = (RwLock::new(()), Mutex::default());
        let hands = Arc::new(Semaphore::new(HANDS));
        Vault { seal, digests, folder: store.join("claims"), sweeping, drafts, hands }
    }

    pub(super) fn drafts(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.drafts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lifts the large texts out of a document.
    pub(super) fn lift(&self, mut document: Value, parcel: &mut Parcel) -> Value {
        lift(&mut document, LIFT_BYTES, &mut |bytes| parcel.put(bytes));
        document
    }

    /// Seals a small serialisable value.
    pub(super) fn pack<T: Serialize>(&self, purpose: &'static str, value: &T) -> Result<Vec<u8>, StoreError> {
        pack(&self.seal, purpose, value)
    }

    /// Seals bytes of any size.
    pub(super) fn pack_bytes(
        &self,
        purpose: &'static str,
        bytes: Vec<u8>,
        parcel: &mut Parcel,
    ) -> Result<Vec<u8>, StoreError> {
        let mut plain = Vec::with_capacity(bytes.len().min(LIFT_BYTES) + 1);
        if bytes.len() > LIFT_BYTES {
            plain.push(CLAIMED);
            serde_json::to_writer(&mut plain, &parcel.put(bytes))?;
        } else {
            plain.push(INLINE);
            plain.extend_from_slice(&bytes);
        }
        self.seal.seal(purpose, &plain)
    }

    /// Seals a serialisable value of any size.
    pub(super) fn pack_large<T: Serialize>(
        &self,
        purpose: &'static str,
        value: &T,
        parcel: &mut Parcel,
    ) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut bytes, value)?;
        self.pack_bytes(purpose, bytes, parcel)
    }

    /// Opens what any of the packing functions sealed.
    pub(super) fn open_bytes(&self, purpose: &'static str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let mut plain = self.seal.open(purpose, sealed)?;
        match plain.first() {
            Some(&INLINE) => {
                plain.remove(0);
                Ok(plain)
            }
            Some(&CLAIMED) => self.fetch(&serde_json::from_slice(&plain[1..])?),
            _ => Err(StoreError::Unsealable(purpose)),
        }
    }

    /// Opens a serialised value.
    pub(super) fn open<T: DeserializeOwned>(
        &self,
        purpose: &'static str,
        sealed: &[u8],
    ) -> Result<T, StoreError> {
        Ok(serde_json::from_slice(&self.open_bytes(purpose, sealed)?)?)
    }

    /// Puts the large texts back into a document.
    pub(super) fn lower(&self, mut document: Value) -> Result<Value, StoreError> {
        lower(&mut document, &mut |ticket| {
            String::from_utf8(self.fetch(ticket)?).map_err(|_| StoreError::Unsealable(PURPOSE))
        })?;
        Ok(document)
    }

    /// Writes and syncs what was collected; gives the names for the rows. Blocking.
    pub(super) fn keep(&self, parcel: &Parcel) -> Result<Vec<(String, u64)>, StoreError> {
        let file = |ticket: &Ticket| (self.digests.file(&ticket.sha256), ticket.bytes);
        let mut names: Vec<(String, u64)> = parcel.files.iter().map(file).collect();
        for (ticket, bytes) in &parcel.values {
            let name = self.digests.claim(&ticket.sha256);
            self.write(&name, bytes)?;
            names.push((name, ticket.bytes));
        }
        Ok(names)
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name.get(..2).unwrap_or("00")).join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.path(name);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)?;
        let _not_swept = self.sweeping.read().unwrap_or_else(PoisonError::into_inner);
        match File::options().write(true).open(&path) {
            // Young again, so that the sweeper does not take it before our row names it.
            Ok(file) => make_young(&file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let draft = folder.join(format!("draft-{}", hex(&chance::<8>())));
                let mut file = File::create_new(&draft)?;
                let written = file
                    .write_all(&self.seal.seal(PURPOSE, bytes)?)
                    .and_then(|()| file.sync_all())
                    .and_then(|()| fs::rename(&draft, &path));
                if let Err(error) = written {
                    // A draft left behind is swept later; the first error is the one to report.
                    let _ = fs::remove_file(&draft);
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        // Also for a file that was there: whoever put it there may not have come to this line yet.
        File::open(folder)?.sync_all()?;
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    fn fetch(&self, ticket: &Ticket) -> Result<Vec<u8>, StoreError> {
        let sealed =
            fs::read(self.path(&self.digests.claim(&ticket.sha256))).map_err(|error| match error.kind() {
                // Gone, as after a restored backup without its files: a matter of this value, not of the disk.
                io::ErrorKind::NotFound => StoreError::Unsealable(PURPOSE),
                _ => error.into(),
            })?;
        let bytes = self.seal.open(PURPOSE, &sealed)?;
        if bytes.len() as u64 == ticket.bytes { Ok(bytes) } else { Err(StoreError::Unsealable(PURPOSE)) }
    }

    /// Files older than `age`. Blocking.
    pub(super) fn old(&self, age: Duration) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        if !self.folder.exists() {
            return Ok(found);
        }
        for folder in fs::read_dir(&self.folder)? {
            for file in fs::read_dir(folder?.path())? {
                let path = file?.path();
                if is_old(&path, age)? && !self.drafts().contains(&path) {
                    found.push(path);
                }
            }
        }
        Ok(found)
    }

    /// Removes a file if it is (still) older than `age`. Blocking.
    pub(super) fn remove(&self, path: &Path, age: Duration) -> Result<bool, StoreError> {
        let _alone = self.sweeping.write().unwrap_or_else(PoisonError::into_inner);
        let old = is_old(path, age)? && !self.drafts().contains(path);
        if old {
            fs::remove_file(path)?;
        }
        Ok(old)
    }

    pub(super) fn store(&self) -> &Path {
        self.folder.parent().unwrap_or(&self.folder)
    }
}

/// The file system's own time, which only the sweep compares with: not a moment of any message.
#[allow(clippy::disallowed_methods)]
pub(super) fn make_young(file: &File) -> io::Result<()> {
    file.set_modified(SystemTime::now())
}

/// A draft may have got its name, or a file may have gone, since its folder was read.
fn is_old(path: &Path, age: Duration) -> Result<bool, StoreError> {
    let Ok(seen) = path.metadata() else { return Ok(false) };
    Ok(seen.modified()?.elapsed().is_ok_and(|since| since > age))
}

#[cfg(test)]
mod tests {
    use super::super::seal::SealKey;
    use super::*;

    const AGE: Duration = Duration::from_secs(3_600);

    /// Somebody keeps the same value again and again, each time after the file has grown old, while it is swept.
    #[test]
    fn a_file_that_is_kept_once_more_is_not_swept_away() {
        let folder = tempfile::tempdir().unwrap();
        let seal = Seal::from_keys(&SealKey::new([1; 32]), &[]).unwrap();
        let vault = Vault::new(seal, Digests::new(&[2; 32]), folder.path());
        fs::create_dir(&vault.folder).unwrap();
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            let sweeping = scope.spawn(|| {
                let mut gone = 0;
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    gone += u32::from(vault.remove(&vault.path("00aa"), AGE).unwrap());
                }
                gone
            });
            let swept_away = (0..500).find(|_| {
                vault.write("00aa", b"scan").unwrap();
                match File::options().write(true).open(vault.path("00aa")) {
                    Ok(file) => file.set_modified(SystemTime::UNIX_EPOCH).is_err(),
                    Err(_) => true,
                }
            });
            done.store(true, std::sync::atomic::Ordering::Relaxed);
            assert!(sweeping.join().unwrap() > 0, "nothing was ever swept");
            assert_eq!(swept_away, None, "a file that was just kept is gone");
        });
    }
}
