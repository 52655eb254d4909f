//! How much still fits on the disk of a folder.

use std::io;
use std::path::Path;

/// Room on a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes that this account may still write.
    pub free_bytes: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// Of the disk that this folder is on.
pub fn room(folder: &Path) -> io::Result<Room> {
    let found = rustix::fs::statvfs(folder)?;
    Ok(Room {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}
