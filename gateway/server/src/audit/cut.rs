//! Cutting: months of the trail that have had their time go, from the front, and what is left still verifies.
//!
//! First the head of what goes is written beside the trail with a keyed digest, then the files are removed, oldest first. So a trail
//! that does not begin at its origin begins behind a head of ours, or its beginning was taken away by somebody else. A crash in between
//! leaves lines before that head, which the next time removes.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use gateway_core::ids::Moment;
use serde::{Deserialize, Serialize};

use super::AuditKeys;
use super::chain::{Head, files};
use super::writer::last_of;

/// The head of what was cut, beside the files of the trail.
pub const CUT: &str = "cut.json";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Cut {
    seq: u64,
    hash: String,
    mac: String,
}

/// The first month that is kept, of a number of months up to this moment: `2024-11`.
pub fn month_before(now: Moment, months: u32) -> String {
    let text = now.to_string();
    let number = |from, to| text.get(from..to).and_then(|digits| digits.parse::<i64>().ok()).unwrap_or(0);
    let month = (number(0, 4) * 12 + number(5, 7) - 1 - i64::from(months)).max(0);
    format!("{:04}-{:02}", month / 12, month % 12 + 1)
}

/// Removes the files of all months before this one, but never the latest; gives how many went.
pub fn cut(folder: &Path, keys: &AuditKeys, before: &str) -> io::Result<u64> {
    if !folder.exists() {
        return Ok(0);
    }
    let mut old = files(folder)?;
    old.pop();
    let first_kept = format!("audit-{before}.jsonl");
    old.retain(|path| path.file_name().is_some_and(|name| *name < *first_kept));
    let mut head = None;
    for path in old.iter().rev() {
        head = last_of(path)?.0;
        if head.is_some() {
            break;
        }
    }
    let Some(Head { seq, hash }) = head else { return Ok(0) };
    let mac = keys.cut(seq, &hash);
    let draft = folder.join("cut.draft");
    let mut file = File::create(&draft)?;
    file.write_all(serde_json::to_string(&Cut { seq, hash, mac })?.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(CUT))?;
    File::open(folder)?.sync_all()?;
    for path in &old {
        fs::remove_file(path)?;
    }
    Ok(old.len() as u64)
}

/// The head that the trail in this folder may begin behind, if one of these keys vouches for it.
pub(super) fn head(folder: &Path, keys: &[AuditKeys]) -> io::Result<Option<Head>> {
    let text = match fs::read(folder.join(CUT)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Ok(Cut { seq, hash, mac }) = serde_json::from_slice(&text) else { return Ok(None) };
    let ours = keys.iter().any(|keys| keys.cut(seq, &hash) == mac);
    Ok(ours.then_some(Head { seq, hash }))
}
