//! Checkpoints beside the writer: the bulk of what stands in the write-ahead log is copied into the database by a thread of its own.
//!
//! A checkpoint waits for the disk for tens of milliseconds, and everybody who waits for a commit would wait with it. So the bulk is
//! copied while commits go on; what they add meanwhile is little, and the writer copies that rest itself, between two commits: only when
//! nothing is left does the log begin anew. If this thread fails, or cannot keep up, the writer goes the ordinary way of the engine.
//! After a restart the log is whole, whatever of it was copied.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicU8, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::error::StoreError;
use super::schema;

/// The log is copied when it has so many pages.
const PAGES: i32 = 4000;
/// With so many, the writer waits until they are copied, so that the log does not grow without end.
const PAGES_MAX: i32 = 4 * PAGES;

/// So long for the readers of an old moment to end.
const READERS_WAIT: Duration = Duration::from_millis(20);

const RESTING: u8 = 0;
const COPYING: u8 = 1;
/// The bulk is copied; the rest is the writer's.
const COPIED: u8 = 2;

/// The writer's side.
pub(super) struct Checkpoints {
    pages: Arc<AtomicI32>,
    stage: Arc<AtomicU8>,
    begin: Option<SyncSender<()>>,
    copier: Option<JoinHandle<()>>,
}

impl Drop for Checkpoints {
    /// Waits until the thread has closed its connection: the last one to close copies the rest of the log, and a store that was closed is
    /// one file.
    fn drop(&mut self) {
        self.begin = None;
        if let Some(copier) = self.copier.take() {
            // That it panicked has been said in the log; there is nobody left to tell.
            let _ = copier.join();
        }
    }
}

impl Checkpoints {
    /// Starts the thread, and has the connection that writes count the pages of its log instead of copying them itself.
    pub(super) fn start(path: &Path, writing: &mut Connection) -> Result<Self, StoreError> {
        let connection = Connection::open(path)?;
        schema::configure(&connection)?;
        let (begin, begun) = sync_channel(1);
        let stage = Arc::new(AtomicU8::new(RESTING));
        let seen = stage.clone();
        let copier = std::thread::Builder::new().name("store-copier".to_owned()).spawn(move || {
            while begun.recv().is_ok() {
                // The second time for what came during the first.
                if let Err(error) = copy(&connection, "PASSIVE").and_then(|()| copy(&connection, "PASSIVE")) {
                    tracing::warn!(event = "checkpoint-failed", %error);
                }
                seen.store(COPIED, Ordering::Release);
            }
        })?;
        let pages = Arc::new(AtomicI32::new(0));
        let counted = pages.clone();
        writing.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            counted.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Checkpoints { pages, stage, begin: Some(begin), copier: Some(copier) })
    }

    /// After a commit whose callers have their answers.
    pub(super) fn after_commit(&self, writing: &Connection) {
        let pages = self.pages.load(Ordering::Relaxed);
        let copied = match self.stage.load(Ordering::Acquire) {
            RESTING if pages < PAGES => return,
            RESTING if self.begin.as_ref().is_some_and(|begin| begin.try_send(()).is_ok()) => {
                self.stage.store(COPYING, Ordering::Release);
                return;
            }
            COPYING if pages < PAGES_MAX => return,
            COPIED => copy(writing, "PASSIVE"),
            // It cannot keep up, or is no more.
            _ => copy_soon(writing),
        };
        if let Err(error) = copied {
            tracing::warn!(event = "checkpoint-failed", %error);
        }
        self.stage.store(RESTING, Ordering::Release);
    }
}

/// Waits for readers, but not for one that holds a moment for long, as a backup does: then the log grows until that one is done.
fn copy_soon(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(READERS_WAIT)?;
    let copied = copy(connection, "FULL");
    connection.busy_timeout(schema::WRITER_WAIT)?;
    copied
}

fn copy(connection: &Connection, mode: &str) -> Result<(), StoreError> {
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?;
    Ok(())
}
