//! Is the write-ahead log as long as it was?
//!
//! The engine reads its log up to the first frame that does not fit and takes that for the end: after a crash in the middle of a commit
//! it is. Where a log was cut or damaged it is not, and messages that were acknowledged would be gone without a word. But the log's
//! index (`-shm`) outlives the process: it says how many frames were synced, because the engine writes that only after the sync. So
//! before anybody opens the database, which makes the index anew, the frames are counted and held against it. Where there is no
//! index, as after a power cut, there is no witness; then the log ends where it ends.

use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::error::StoreError;

/// The index begins with its header, twice, and says next how far the log was copied into the database.
const INDEX_BYTES: usize = 100;
const HEADER_BYTES: usize = 48;
const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// What the index knows of the log.
struct Witness {
    frames: u32,
    copied: u32,
    salt: [u8; 8],
    page: usize,
}

/// An error if synced frames are missing. The database must not be open in this process: closing the index would drop its locks.
pub(super) fn look(database: &Path) -> Result<(), StoreError> {
    let beside = |end: &str| PathBuf::from(format!("{}{end}", database.display()));
    // While there is a log, the database may be shorter than it will be.
    if !std::fs::metadata(beside("-wal")).is_ok_and(|log| log.len() > 0) {
        is_as_long_as_it_says(database)?;
    }
    let Some(witness) = witness(&beside("-shm")) else { return Ok(()) };
    if witness.frames <= witness.copied {
        return Ok(());
    }
    let whole = match File::open(beside("-wal")) {
        Ok(log) => whole_frames(log, &witness),
        Err(_) => 0,
    };
    if whole >= witness.frames {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!(
        "the write-ahead log ends at frame {whole} of {}: what was accepted last is missing",
        witness.frames
    )))
}

/// The engine takes what is missing of the last page for zeros.
fn is_as_long_as_it_says(database: &Path) -> Result<(), StoreError> {
    let mut header = [0; LOG_HEADER_BYTES];
    let Ok(mut file) = File::open(database) else { return Ok(()) };
    if file.read_exact(&mut header).is_err() {
        return Ok(());
    }
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        page => u64::from(page),
    };
    let pages = u32::from_be_bytes([header[28], header[29], header[30], header[31]]);
    let (found, told) = (file.metadata()?.len(), page * u64::from(pages));
    match found < told {
        true => Err(StoreError::Corrupt(format!("the database has {found} bytes and should have {told}"))),
        false => Ok(()),
    }
}

fn witness(index: &Path) -> Option<Witness> {
    let mut bytes = [0; INDEX_BYTES];
    File::open(index).ok()?.read_exact(&mut bytes).ok()?;
    let (first, second) = (&bytes[..HEADER_BYTES], &bytes[HEADER_BYTES..2 * HEADER_BYTES]);
    // The third field says whether the header was ever filled; a process that died while it wrote leaves two that differ.
    if first != second || first[12] == 0 {
        return None;
    }
    let number = |at: usize| u32::from_ne_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let page = match u16::from_ne_bytes([bytes[14], bytes[15]]) {
        1 => 65_536,
        page => usize::from(page),
    };
    let salt = bytes[32..40].try_into().ok()?;
    Some(Witness { frames: number(16), copied: number(96), salt, page })
}

/// How many frames from the beginning are what was written there, as far as the witness knows of any.
fn whole_frames(log: File, witness: &Witness) -> u32 {
    let mut log = BufReader::with_capacity(1 << 20, log);
    let mut header = [0; LOG_HEADER_BYTES];
    if log.read_exact(&mut header).is_err() || header[16..24] != witness.salt {
        return 0;
    }
    // The last bit of the magic number says in which order the sums take the bytes.
    let order = if header[3] & 1 == 1 { u32::from_be_bytes } else { u32::from_le_bytes };
    let mut sum = add((0, 0), &header[..24], order);
    let mut frame = vec![0; FRAME_HEADER_BYTES + witness.page];
    for number in 0..witness.frames {
        if log.read_exact(&mut frame).is_err() || frame[8..16] != witness.salt {
            return number;
        }
        sum = add(sum, &frame[..8], order);
        sum = add(sum, &frame[FRAME_HEADER_BYTES..], order);
        let written = [sum.0.to_be_bytes(), sum.1.to_be_bytes()].concat();
        if frame[16..24] != written {
            return number;
        }
    }
    witness.frames
}

/// The sums of the log's format.
fn add(sum: (u32, u32), bytes: &[u8], order: fn([u8; 4]) -> u32) -> (u32, u32) {
    bytes.chunks_exact(8).fold(sum, |(one, two), eight| {
        let word = |at: usize| order([eight[at], eight[at + 1], eight[at + 2], eight[at + 3]]);
        let one = one.wrapping_add(word(0)).wrapping_add(two);
        (one, two.wrapping_add(word(4)).wrapping_add(one))
    })
}
