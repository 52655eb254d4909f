//! An answer that is a file: onto the disk as it comes, bounded in length and time.

use std::time::Duration;

use gateway_core::lift::sniff::{FileType, HEAD_BYTES, sniff};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::chain;
use crate::piecework::Piecework;
use crate::store::{Draft, Finished, Store, StoreError};

/// Slower than this is no line but a trick.
pub(super) const BYTES_PER_SECOND_MIN: u64 = 32 << 10;

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

/// A file that is coming.
struct Coming {
    draft: Draft,
    head: Vec<u8>,
}

/// Keeps what comes, and says what it is.
pub(super) async fn spool(
    store: &Store,
    mut body: Incoming,
    bytes_max: u64,
    within: Duration,
) -> Result<(Finished, FileType), Unspooled> {
    let draft = store.with_files(|store| store.draft()).await.map_err(Unspooled::Store)?;
    let mut work =
        Piecework::new(store, Coming { draft, head: Vec::new() }, |coming: &mut Coming, bytes: &[u8]| {
            let wanted = HEAD_BYTES.saturating_sub(coming.head.len()).min(bytes.len());
            coming.head.extend_from_slice(&bytes[..wanted]);
            coming.draft.write(bytes)
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
        if !work.take(bytes).await {
            break;
        }
    }
    let Coming { draft, head } = work.end().await.map_err(Unspooled::Store)?;
    let finished = store.with_files(move |_| draft.finish()).await.map_err(Unspooled::Store)?;
    Ok((finished, sniff(&head)))
}
