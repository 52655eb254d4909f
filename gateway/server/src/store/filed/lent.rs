//! Buffers for records of files that are on their way out: lent to whoever sends them, and back when that is done.
//!
//! They are filled by one thread and gone through by another. An allocator keeps what was freed so for the thread it came from, until
//! each of them has some; and a new buffer is written twice, with zeros and with the record.

use std::sync::{Mutex, PoisonError};

/// More of them are not kept for the next: two megabytes.
const IDLE_MAX: usize = 32;
static IDLE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// One with whatever is in it.
pub(super) fn buffer() -> Vec<u8> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
}

/// One that comes back when this goes.
pub(super) struct Lent(pub(super) Vec<u8>);

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(std::mem::take(&mut self.0));
        }
    }
}
