//! Files: content of any size, sealed as it streams in and opened piece by piece, never whole in memory.
//!
//! A file is the key's id and 16 bytes of chance, which give it a key of its own, and then records of 64 KB, each sealed with
//! its number and whether it is the last one; the last is sealed with the file's name as well, which comes from its content. So a record
//! that is missing, moved, doubled or of another file does not open, and neither does a file under another's name. Each record stands
//! at a place that its number tells, so any part is read alone.
//!
//! It is a draft until somebody keeps it: a crash, a caller that breaks off or is refused leaves a draft without a name, which goes with
//! whoever wrote it or with the next sweep. Kept means written, synced, named and the name synced; only then may a row name it.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use gateway_core::adapter::Body;
use gateway_core::ids::hex;
use gateway_core::lift::Ticket;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::digest::{Context, SHA256};

use super::claims::{Vault, make_young};
use super::error::StoreError;
use super::laid::Laying;
use super::seal::{FILE, FILE_HEAD, Seal};
use super::{Store, blocking};
use crate::clock::chance;

/// Of the content in one record.
pub(super) const RECORD: usize = 64 << 10;
const TAG: usize = 16;
/// Where drafts stand, below the folder of the claims.
const DRAFTS: &str = "new";

fn unusable() -> StoreError {
    StoreError::Unsealable(FILE)
}

fn nonce(number: u64, last: bool) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    nonce[3..11].copy_from_slice(&number.to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::assume_unique_for_key(nonce)
}

fn bound_to(last: Option<&str>) -> Aad<Vec<u8>> {
    Aad::from([FILE.as_bytes(), last.unwrap_or_default().as_bytes()].concat())
}

/// A file without a name on the disk, which goes with this value unless it was kept. While somebody has it, it is not swept, however
/// long its call lasts.
struct Nameless {
    path: PathBuf,
    vault: Arc<Vault>,
    kept: bool,
}

impl Nameless {
    fn new(path: PathBuf, vault: &Arc<Vault>) -> Self {
        vault.drafts().insert(path.clone());
        Nameless { path, vault: vault.clone(), kept: false }
    }
}

impl Drop for Nameless {
    fn drop(&mut self) {
        if !self.kept {
            // What stays behind is swept.
            let _ = fs::remove_file(&self.path);
        }
        self.vault.drafts().remove(&self.path);
    }
}

/// A file that is being written. Dropped, it is gone.
pub struct Draft {
    vault: Arc<Vault>,
    nameless: Nameless,
    laying: Laying,
    key: LessSafeKey,
    hash: Context,
    record: Vec<u8>,
    number: u64,
    bytes: u64,
}

impl Draft {
    fn begin(vault: Arc<Vault>) -> Result<Draft, StoreError> {
        let folder = vault.folder().join(DRAFTS);
        fs::create_dir_all(&folder)?;
        let path = folder.join(format!("draft-{}", hex(&chance::<8>())));
        let (head, key) = vault.seal.for_new_file()?;
        let nameless = Nameless::new(path, &vault);
        let mut laying = Laying::begin(&nameless.path)?;
        laying.put(&head)?;
        let record = Vec::with_capacity(RECORD + TAG);
        let hash = Context::new(&SHA256);
        Ok(Draft { vault, nameless, laying, key, hash, record, number: 0, bytes: 0 })
    }

    /// Takes more of the content. Blocking.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            // A full record is written when more comes: only then is it known not to be the last.
            if self.record.len() == RECORD {
                self.seal(None)?;
            }
            let some = bytes.len().min(RECORD - self.record.len());
            self.record.extend_from_slice(&bytes[..some]);
            bytes = &bytes[some..];
        }
        Ok(())
    }

    /// How much came so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All of it is here: on disk and still without a name. Blocking.
    pub fn finish(mut self) -> Result<Finished, StoreError> {
        let sha256 = hex(self.hash.clone().finish().as_ref());
        let name = self.vault.digests.file(&sha256);
        self.seal(Some(&name))?;
        self.laying.end()?;
        let ticket = Ticket { sha256, bytes: self.bytes };
        Ok(Finished { ticket, name, vault: self.vault, nameless: self.nameless })
    }

    fn seal(&mut self, last: Option<&str>) -> Result<(), StoreError> {
        let nonce = nonce(self.number, last.is_some());
        let sealed = self.key.seal_in_place_append_tag(nonce, bound_to(last), &mut self.record);
        sealed.map_err(|_| unusable())?;
        self.laying.put(&self.record)?;
        self.number += 1;
        self.record.clear();
        Ok(())
    }
}

/// A whole file without a name. Dropped, it is gone.
pub struct Finished {
    ticket: Ticket,
    name: String,
    vault: Arc<Vault>,
    nameless: Nameless,
}

impl Finished {
    /// What it is.
    pub fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    /// Gives it its name, to stay as long as a row says so. Blocking.
    pub fn keep(mut self) -> Result<Ticket, StoreError> {
        let vault = self.vault.clone();
        let path = vault.path(&self.name);
        let folder = path.parent().unwrap_or(vault.folder());
        fs::create_dir_all(folder)?;
        let _not_swept = vault.sweeping.read().unwrap_or_else(PoisonError::into_inner);
        // Its call may have brought others for hours since; it is young from now, when a row is about to name it.
        make_young(&File::options().write(true).open(&self.nameless.path)?)?;
        // An equal one gives way.
        fs::rename(&self.nameless.path, &path)?;
        self.nameless.kept = true;
        File::open(folder)?.sync_all()?;
        File::open(vault.folder())?.sync_all()?;
        Ok(self.ticket.clone())
    }
}

/// A file that is read in pieces.
pub struct Filed {
    file: File,
    key: LessSafeKey,
    name: String,
    bytes: u64,
    record: Vec<u8>,
}

impl Filed {
    fn open(vault: &Vault, ticket: &Ticket) -> Result<Filed, StoreError> {
        let name = vault.digests.file(&ticket.sha256);
        let filed = Filed::at(&vault.path(&name), &vault.seal, name)?;
        if filed.bytes == ticket.bytes { Ok(filed) } else { Err(unusable()) }
    }

    /// Opens the file of this name; looks whether its end is there.
    pub(super) fn at(path: &Path, seal: &Seal, name: String) -> Result<Filed, StoreError> {
        let mut file = File::open(path).map_err(|error| match error.kind() {
            // Gone: a matter of this value, not of the disk.
            io::ErrorKind::NotFound => unusable(),
            _ => error.into(),
        })?;
        let length = file.metadata()?.len();
        let mut head = [0; FILE_HEAD];
        file.read_exact(&mut head).map_err(|_| unusable())?;
        let sealed = length - FILE_HEAD as u64;
        let records = sealed.div_ceil((RECORD + TAG) as u64);
        let bytes = sealed.checked_sub(records * TAG as u64).filter(|_| records > 0).ok_or_else(unusable)?;
        let record = Vec::with_capacity(RECORD + TAG);
        let mut filed = Filed { file, key: seal.for_file(&head)?, name, bytes, record };
        filed.record(filed.last())?;
        Ok(filed)
    }

    /// How long its content is.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn last(&self) -> u64 {
        self.bytes.saturating_sub(1) / RECORD as u64
    }

    /// Its content from here on, as far as the record goes in which that stands; nothing at its end. Blocking.
    pub fn read(&mut self, from: u64) -> Result<&[u8], StoreError> {
        if from >= self.bytes {
            return Ok(&[]);
        }
        let within = (from % RECORD as u64) as usize;
        let record = self.record(from / RECORD as u64)?;
        record.get(within..).ok_or_else(unusable)
    }

    /// The same, given away: nothing of it stays in memory here. Blocking.
    pub fn piece(&mut self, from: u64) -> Result<Bytes, StoreError> {
        let long = self.read(from)?.len();
        let mut record = std::mem::take(&mut self.record);
        record.truncate(record.len().saturating_sub(TAG));
        let within = record.len() - long.min(record.len());
        Ok(Bytes::from(record).slice(within..))
    }

    fn record(&mut self, number: u64) -> Result<&[u8], StoreError> {
        let is_last = number == self.last();
        let long = match is_last {
            true => (self.bytes - number * RECORD as u64) as usize,
            false => RECORD,
        };
        self.record.resize(long + TAG, 0);
        self.file.seek(SeekFrom::Start(FILE_HEAD as u64 + number * (RECORD + TAG) as u64))?;
        self.file.read_exact(&mut self.record).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => unusable(),
            _ => error.into(),
        })?;
        let bound = bound_to(is_last.then_some(self.name.as_str()));
        let opened = self.key.open_in_place(nonce(number, is_last), bound, &mut self.record);
        opened.map(|plain| &*plain).map_err(|_| unusable())
    }

    /// Opens all of it.
    pub(super) fn examine(&mut self) -> Result<(), StoreError> {
        (0..=self.last()).try_for_each(|number| self.record(number).map(|_| ()))
    }
}

/// Is this the name of a file, and not of a value that was lifted?
pub(super) fn is_file(name: &str) -> bool {
    name.len() == 65 && name.starts_with('f')
}

impl Store {
    /// A new file. Blocking.
    pub fn draft(&self) -> Result<Draft, StoreError> {
        Draft::begin(self.vault.clone())
    }

    /// Whether the files of a body are there and open.
    pub async fn has_files(&self, body: &Body) -> Result<(), StoreError> {
        if body.files.is_empty() {
            return Ok(());
        }
        let (store, files) = (self.clone(), body.files.clone());
        blocking(move || files.iter().try_for_each(|placed| store.file(&placed.file).map(drop))).await
    }

    /// Work on files, which blocks: no more of it at once than a few threads do, and each stint of it ends by itself.
    pub async fn with_files<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.vault.hands.clone().acquire_owned().await;
        let permit = permit.map_err(|error| StoreError::Io(error.to_string()))?;
        let store = self.clone();
        blocking(move || {
            let _permit = permit;
            work(&store)
        })
        .await
    }

    /// Opens a file. Blocking.
    pub fn file(&self, ticket: &Ticket) -> Result<Filed, StoreError> {
        Filed::open(&self.vault, ticket)
    }
}
