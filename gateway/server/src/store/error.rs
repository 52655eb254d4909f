//! What can go wrong with the store, in kinds that a caller or a runbook can act on. No text holds stored values.

use std::io;

use rusqlite::ErrorCode;

/// See [`StoreError::may_pass`].
const IO_TRIES_MAX: u32 = 60;

/// Something went wrong with the store. Nothing that was not acknowledged has been written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full; what is stored is safe, nothing more can be accepted.
    #[error("the disk of the store is full")]
    Full,
    /// Another process has the store open for writing.
    #[error("the store in {folder} is in use by {}", .by.map_or("another process".to_owned(), |pid| format!("process {pid}")))]
    Locked {
        /// The folder of the store.
        folder: String,
        /// That process, if it said so.
        by: Option<u32>,
    },
    /// A process that is no gateway holds the database; nothing was written, and it is tried again with the next change.
    #[error("the database is locked by another program")]
    Busy,
    /// The file is damaged.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// A newer version of this program has written the store.
    #[error(
        "the store has version {found}, this program knows versions up to {known}: install the newer program again"
    )]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// The store is sealed with a key that was not given.
    #[error("the store is sealed with key {0}, which was not given")]
    WrongKey(String),
    /// A restoration was begun in this folder and did not end.
    #[error("a restoration in {0} was begun and did not end: run `lienthong restore` again")]
    HalfRestored(String),
    /// A sealed value does not open: it was changed, or stands in the wrong place.
    #[error("a sealed value ({0}) does not open")]
    Unsealable(&'static str),
    /// The store was opened for reading only.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
    /// What an operator asked for does not fit the state of the delivery.
    #[error("{0}")]
    NotPossible(String),
    /// Anything else the disk or the engine said.
    #[error("the store cannot be used: {0}")]
    Io(String),
}

impl StoreError {
    /// Is it about one stored value? Then it concerns the message that holds it and no other.
    pub fn is_of_one_value(&self) -> bool {
        matches!(self, StoreError::Unsealable(_) | StoreError::Corrupt(_))
    }
}

impl StoreError {
    /// May the same succeed later, after so many tries? A full disk is cleared and a lock given up some day; what else the disk says may be
    /// our own mistake, and is not believed for ever.
    pub(super) fn may_pass(&self, tries: u32) -> bool {
        match self {
            StoreError::Full | StoreError::Busy => true,
            StoreError::Io(_) => tries < IO_TRIES_MAX,
            _ => false,
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt(error.to_string())
            }
            _ => StoreError::Io(error.to_string()),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
            _ => StoreError::Io(error.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        // Line and column only: the text of a serde_json error may quote the document.
        StoreError::Corrupt(format!("a stored document at line {} column {}", error.line(), error.column()))
    }
}
