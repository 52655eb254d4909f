//! Files: content of any size, sealed as it streams in and opened piece by piece, never whole in memory.
//!
//! A file is the key's id and 16 bytes of chance, which give it a key of its own, and then records of 64 KB, each sealed with
//! its number and whether it is the last one; the last is sealed with the file's name as well, which comes from its content. So a record
//! that is missing, moved, doubled or of another file does not open, and neither does a file under another's name. Each record stands
//! at a place that its number tells, so any part is read alone.
//!
//! It is a draft until somebody keeps it: a crash, a caller that breaks off or is refused leaves a draft without a name, which goes with
//! whoever wrote it or with the next sweep. Kept means written, synced, named and the name synced; only then may a row name it.

mod beside;
mod drafts;
mod laid;
mod lent;

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use bytes::Bytes;
use gateway_core::adapter::Body;
use gateway_core::lift::Ticket;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};

use super::claims::Vault;
use super::error::StoreError;
use super::seal::{FILE, FILE_HEAD, Seal};
use super::{Store, blocking};
use lent::Lent;

pub use drafts::{Draft, Finished};

/// Of the content in one record.
pub(super) const RECORD: usize = 64 << 10;
const TAG: usize = 16;

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
        let mut filed = Filed { file, key: seal.for_file(&head)?, name, bytes, record: Vec::new() };
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
        let record = std::mem::take(&mut self.record);
        let end = record.len().saturating_sub(TAG);
        Ok(Bytes::from_owner(Lent(record)).slice(end.saturating_sub(long)..end))
    }

    fn record(&mut self, number: u64) -> Result<&[u8], StoreError> {
        let is_last = number == self.last();
        let long = match is_last {
            true => (self.bytes - number * RECORD as u64) as usize,
            false => RECORD,
        };
        if self.record.capacity() == 0 {
            self.record = lent::buffer();
        }
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
