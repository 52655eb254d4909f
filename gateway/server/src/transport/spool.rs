//! An answer that is a file: onto the disk as it comes, bounded in length and time.

use std::time::Duration;

use bytes::Bytes;
use gateway_core::lift::Ticket;
use gateway_core::lift::sniff::{FileType, HEAD_BYTES, sniff};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::chain;
use crate::store::{Store, StoreError};

/// Slower than this is no line but a trick.
pub(super) const BYTES_PER_SECOND_MIN: u64 = 32 << 10;
/// Pieces that may wait for the disk.
const WAITING: usize = 8;

/// Why there is no file.
#[derive(Debug)]
pub enum Unspooled {
    /// It broke off, or did not end in its time.
    BrokenOff(String),
    /// It is longer than it may be.
    TooLarge,
    /// Our own disk.
    Store(StoreError),
}

impl std::fmt::Display for Unspooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unspooled::BrokenOff(reason) => f.write_str(reason),
            Unspooled::TooLarge => f.write_str("the answer is longer than a file may be"),
            Unspooled::Store(error) => error.fmt(f),
        }
    }
}

/// Keeps what comes, and says what it is.
pub(super) async fn spool(
    store: &Store,
    mut body: Incoming,
    bytes_max: u64,
    within: Duration,
) -> Result<(Ticket, FileType), Unspooled> {
    let (pieces, mut queue) = mpsc::channel::<Option<Bytes>>(WAITING);
    let keeper = store.clone();
    let work = tokio::task::spawn_blocking(move || {
        let (mut draft, mut head) = (keeper.draft()?, Vec::new());
        while let Some(piece) = queue.blocking_recv() {
            let Some(bytes) = piece else { return Ok(Some((draft.finish()?.keep()?, sniff(&head)))) };
            let wanted = HEAD_BYTES.saturating_sub(head.len()).min(bytes.len());
            head.extend_from_slice(&bytes[..wanted]);
            draft.write(&bytes)?;
        }
        // Nobody said that it is whole.
        Ok::<_, StoreError>(None)
    });
    let (began, mut came) = (Instant::now(), 0_u64);
    let late = || Unspooled::BrokenOff("the answer did not end in its time".to_owned());
    loop {
        let until = began + within + Duration::from_secs(came / BYTES_PER_SECOND_MIN);
        let Some(frame) = timeout_at(until, body.frame()).await.map_err(|_| late())? else { break };
        let frame = frame.map_err(|error| Unspooled::BrokenOff(chain(&error)))?;
        let Ok(bytes) = frame.into_data() else { continue };
        came += bytes.len() as u64;
        if came > bytes_max {
            return Err(Unspooled::TooLarge);
        }
        if pieces.send(Some(bytes)).await.is_err() {
            break;
        }
    }
    let _ = pieces.send(None).await;
    drop(pieces);
    let kept =
        work.await.unwrap_or_else(|_| Err(StoreError::Io("a task that keeps files panicked".to_owned())));
    kept.map_err(Unspooled::Store)?.ok_or_else(late)
}
