//! The body of a call: read within bounds of length and time, or forgotten politely.
//!
//! A connection that is closed on bytes nobody read takes its answer with it: the caller's system throws the answer away when
//! the reset comes. So what a turned-away caller still sends is read and dropped for a moment, while the answer is on its way.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use gateway_core::fault::{Blame, Fault, Remedy};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{EXPECT, HeaderMap};
use tokio::time::{Instant, timeout_at};

use crate::config::Limits;
use crate::lifting::{Lifted, Lifting};
use crate::words;

/// So long what a turned-away caller still sends is read …
const FORGET_WITHIN: Duration = Duration::from_secs(2);
/// … and so much of it. Who goes on after that loses the answer.
const FORGET_BYTES_MAX: usize = 64 << 20;
/// A body that is longer is looked at when so much of it is here: it may say at its beginning who sends it.
const BEGINNING_BYTES: usize = 16 << 10;
/// Whoever sends files sends so much of them within the time that others have for a whole body: 35 KB/s with the usual settings.
const FILE_BYTES_MIN: usize = 1 << 20;
/// A body's announced length is believed up to here; beyond it memory follows what really comes.
const RESERVED_BYTES_MAX: usize = 64 << 10;

/// Memory for the large bodies of all calls in progress together. What a call has beyond its first sixteen kilobytes is taken from
/// here, as it comes and not as it was announced, until the call is answered; where nothing is left, the call is to come again.
pub struct Bodies {
    most: usize,
    held: AtomicUsize,
}

impl Bodies {
    /// As much as the configuration allows, and never less than one body may have.
    pub fn new(limits: &Limits) -> Self {
        Bodies { most: limits.bodies_bytes_max.max(limits.body_bytes_max), held: AtomicUsize::new(0) }
    }

    /// Bytes in use.
    pub fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Nothing yet, for one call.
    pub(super) fn none(&self) -> Held<'_> {
        Held { bodies: self, bytes: 0 }
    }
}

/// What one call holds of it. Given back when dropped.
pub(super) struct Held<'a> {
    bodies: &'a Bodies,
    bytes: usize,
}

impl Held<'_> {
    /// So much in all, from now on; false if there is no room for that.
    fn grow_to(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let fits = |held: usize| held.checked_add(more).filter(|held| *held <= self.bodies.most);
        if self.bodies.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).is_err() {
            return false;
        }
        self.bytes += more;
        true
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.bodies.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// What a body may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadBounds {
    /// In memory.
    pub(super) bytes_max: usize,
    /// What it may say its length is.
    pub(super) announced_max: u64,
    /// All of it within so long; of one with files, so much of it within each such time as no line is slower.
    pub(super) ms_max: u64,
}

/// A body that is here.
pub(super) enum Read {
    /// As it came.
    Whole(Vec<u8>),
    /// Its files have left it.
    Lifted(Lifted),
}

/// A body on its way to us.
pub(super) struct Sent {
    incoming: Incoming,
    /// The caller waits for `100 Continue`, which the first look at the body would send.
    waits: bool,
}

impl Sent {
    pub(super) fn new(headers: &HeaderMap, incoming: Incoming) -> Self {
        Sent { incoming, waits: headers.contains_key(EXPECT) }
    }

    /// All of it, within these bounds. Of a long one `may_go_on` sees the beginning, once; it may take the rest elsewhere.
    pub(super) async fn read(
        mut self,
        bounds: ReadBounds,
        held: &mut Held<'_>,
        may_go_on: impl FnOnce(&[u8]) -> Result<Option<Lifting>, Fault>,
    ) -> Result<Read, Fault> {
        let announced = self.incoming.size_hint().lower();
        if announced > bounds.announced_max {
            self.forget();
            return Err(too_large(bounds.bytes_max));
        }
        match self.all(announced, bounds, held, may_go_on).await {
            Ok(read) => Ok(read),
            Err(fault) => {
                self.waits = false;
                if fault.code != "door.timeout" {
                    self.forget();
                }
                Err(fault)
            }
        }
    }

    async fn all(
        &mut self,
        announced: u64,
        ReadBounds { bytes_max, ms_max, .. }: ReadBounds,
        held: &mut Held<'_>,
        may_go_on: impl FnOnce(&[u8]) -> Result<Option<Lifting>, Fault>,
    ) -> Result<Read, Fault> {
        let mut may_go_on = Some(may_go_on);
        let mut lifting: Option<Lifting> = None;
        let mut bytes = Vec::with_capacity((announced as usize).min(RESERVED_BYTES_MAX));
        let within = Duration::from_millis(ms_max);
        let (mut until, mut came) = (Instant::now() + within, 0);
        let late = |_| Fault::sender("door.timeout", words::door_timeout(ms_max.div_ceil(1000)));
        while let Some(frame) = timeout_at(until, self.incoming.frame()).await.map_err(late)? {
            let frame = frame.map_err(|_| Fault::sender("body.broken-off", words::body_broken_off()))?;
            // Trailers carry nothing that is used here.
            let Ok(data) = frame.into_data() else { continue };
            if let Some(lifting) = &mut lifting {
                came += data.len();
                if came > FILE_BYTES_MIN {
                    (until, came) = (Instant::now() + within, 0);
                }
                if !lifting.take(data).await {
                    break;
                }
                if !held.grow_to(lifting.held().saturating_sub(BEGINNING_BYTES)) {
                    return Err(full());
                }
                continue;
            }
            if bytes.len() + data.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            if !held.grow_to((bytes.len() + data.len()).saturating_sub(BEGINNING_BYTES)) {
                return Err(full());
            }
            bytes.extend_from_slice(&data);
            if bytes.len() > BEGINNING_BYTES
                && let Some(may_go_on) = may_go_on.take()
            {
                lifting = may_go_on(&bytes)?;
                if let Some(lifting) = &mut lifting {
                    lifting.take(std::mem::take(&mut bytes).into()).await;
                }
            }
        }
        match lifting {
            Some(lifting) => lifting.end().await.map(Read::Lifted),
            None => Ok(Read::Whole(bytes)),
        }
    }

    /// Reads what still comes, beside the answer, and drops it.
    pub(super) fn forget(mut self) {
        if self.waits || self.incoming.is_end_stream() {
            return;
        }
        tokio::spawn(async move {
            let mut left = FORGET_BYTES_MAX;
            let reading = async {
                while let Some(Ok(frame)) = self.incoming.frame().await {
                    left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len()));
                    if left == 0 {
                        return;
                    }
                }
            };
            // Past the bound nobody waits for a polite end any more.
            let _ = tokio::time::timeout(FORGET_WITHIN, reading).await;
        });
    }
}

/// All bodies together are as much as the machine bears.
fn full() -> Fault {
    let mut fault = Fault::new("door.full", Blame::Gateway, Remedy::Later, words::door_full());
    fault.retry_after_ms = Some(5_000);
    fault
}

/// The body is longer than it may be.
pub(crate) fn too_large(bytes_max: usize) -> Fault {
    Fault::sender("door.too-large", words::door_too_large(bytes_max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_what_there_is_and_give_it_back() {
        let limits = Limits { bodies_bytes_max: 100, body_bytes_max: 60, ..Limits::default() };
        let bodies = Bodies::new(&limits);
        let (mut first, mut second) = (bodies.none(), bodies.none());
        assert!(first.grow_to(60) && second.grow_to(30) && second.grow_to(40));
        assert!(!second.grow_to(41), "nothing is left");
        assert_eq!(bodies.held(), 100);
        drop(first);
        assert!(second.grow_to(60));
        drop(second);
        assert_eq!(bodies.held(), 0);
    }
}
