//! The form of a line of the trail, and the check of all of them.
//!
//! A line is `{"seq":…,"prev":"…","at":"…",…,"hash":"…"}`: `prev` is the hash of the line before, `hash` the SHA-256 of this
//! line up to `,"hash"`, so that any tool can recompute it. Leaving out, changing or swapping lines breaks the chain; writing
//! it anew from some place on is noticed at the next checkpoint, whose `mac` needs a key, and by the heads that stand in the log.
//! Checkpoints that are due must be there, or whoever writes anew would leave them out. What stands behind the last one is vouched
//! for by the log alone.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use ring::digest;
use serde::Serialize;
use serde_json::Value;

use super::writer::{CHECKPOINT_LINES, GROUP_MAX};
use super::{AuditKeys, cut};
use gateway_core::ids::hex;

/// More lines without a checkpoint than the writer ever leaves, also where a group or two of them was written on a failing disk.
const UNCHECKED_LINES_MAX: u64 = CHECKPOINT_LINES + 2 * GROUP_MAX as u64;
/// More of a day that has none yet, and more days: each begins with one.
const UNCHECKED_LINES_OF_DAYS_MAX: u64 = 2 * GROUP_MAX as u64;
const UNCHECKED_DAYS_MAX: u64 = 2;

/// Where the first chain begins.
pub(super) const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const HASH: &str = ",\"hash\":\"";

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) hash: String,
}

impl Head {
    pub(super) fn origin() -> Self {
        Head { seq: 0, hash: ORIGIN.to_owned() }
    }
}

#[derive(Serialize)]
struct Link<'a, R> {
    seq: u64,
    prev: &'a str,
    at: String,
    #[serde(flatten)]
    record: &'a R,
}

/// The next line after this head, without its line feed, and the head that it makes.
pub(super) fn line<R: Serialize>(head: &Head, at: String, record: &R) -> (String, Head) {
    let seq = head.seq + 1;
    let link = Link { seq, prev: &head.hash, at, record };
    // Records are structs of texts and numbers, which always serialize.
    let mut text = serde_json::to_string(&link).unwrap_or_default();
    text.pop();
    let hash = sha256(text.as_bytes());
    text.push_str(HASH);
    text.push_str(&hash);
    text.push_str("\"}");
    (text, Head { seq, hash })
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// What the check of a trail found, when nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Checked {
    /// Files read.
    pub files: u64,
    /// Lines read.
    pub records: u64,
    /// Questions among them.
    pub questions: u64,
    /// Questions without an end: a crash, or still on their way.
    pub without_end: u64,
    /// Checkpoints whose key fits.
    pub checkpoints: u64,
    /// Lines cut off by a crash and said to be so by the line after.
    pub torn: u64,
    /// The first line's number: 1, or later where old files were taken away by retention.
    pub first: u64,
    /// The last line's number.
    pub last: u64,
    /// The last line's hash.
    pub head: String,
}

/// Where a trail is not what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The file.
    pub file: String,
    /// The line, counted from 1; 0 for the whole file.
    pub line: u64,
    /// What does not fit.
    pub what: &'static str,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// The trail's files, oldest first.
pub(crate) fn files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.starts_with("audit-") && name.ends_with(".jsonl") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Recomputes everything. `keys` are those whose checkpoints are believed; with none, checkpoints are not looked at.
/// `expected` are heads from elsewhere (the log): each must be in the chain.
pub fn verify(
    folder: &Path,
    keys: &[AuditKeys],
    expected: &[(u64, String)],
) -> std::io::Result<Result<Checked, Broken>> {
    let cut = cut::head(folder, keys)?;
    let mut check = Check { keys, expected, cut, ..Check::default() };
    for path in files(folder)? {
        if let Err(broken) = check.file(&path)? {
            return Ok(Err(broken));
        }
    }
    Ok(check.end())
}

#[derive(Default)]
struct Check<'a> {
    keys: &'a [AuditKeys],
    expected: &'a [(u64, String)],
    found: Checked,
    met: usize,
    /// Behind which the trail may begin.
    cut: Option<Head>,
    head: Option<Head>,
    /// Lines that are none, and how long they are together: only the next record can excuse them.
    torn: Option<(String, u64, u64)>,
    open: std::collections::BTreeSet<String>,
    unchecked: Unchecked,
}

/// What stands behind the last checkpoint.
#[derive(Default)]
struct Unchecked {
    /// The day of the last line.
    day: String,
    lines: u64,
    /// Days that began since, and their lines.
    days: u64,
    lines_of_days: u64,
}

impl Unchecked {
    fn line(&mut self, day: &str, is_checkpoint: bool) -> Result<(), &'static str> {
        if is_checkpoint {
            *self = Unchecked { day: day.to_owned(), ..Unchecked::default() };
            return Ok(());
        }
        if self.day != day {
            day.clone_into(&mut self.day);
            self.days += 1;
        }
        self.lines += 1;
        self.lines_of_days += u64::from(self.days > 0);
        let due = self.lines > UNCHECKED_LINES_MAX
            || self.lines_of_days > UNCHECKED_LINES_OF_DAYS_MAX
            || self.days > UNCHECKED_DAYS_MAX;
        if due {
            Err("a checkpoint is missing: the lines before this one may have been written anew")
        } else {
            Ok(())
        }
    }
}

impl Check<'_> {
    fn file(&mut self, path: &Path) -> std::io::Result<Result<(), Broken>> {
        self.found.files += 1;
        let name = path.display().to_string();
        let mut reader = BufReader::new(std::fs::File::open(path)?);
        let mut bytes = Vec::new();
        for number in 1.. {
            bytes.clear();
            if reader.read_until(b'\n', &mut bytes)? == 0 {
                break;
            }
            let whole = bytes.last() == Some(&b'\n');
            let text = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
            if let Err(what) = self.line(text, whole, &name, number) {
                return Ok(Err(Broken { file: name, line: number, what }));
            }
        }
        Ok(Ok(()))
    }

    fn line(&mut self, text: &[u8], whole: bool, file: &str, number: u64) -> Result<(), &'static str> {
        let Some((record, hash)) = read(text).filter(|_| whole) else {
            let before = self.torn.take().map_or(0, |(_, _, bytes)| bytes);
            self.torn = Some((file.to_owned(), number, before + text.len() as u64));
            return Ok(());
        };
        let field = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
        let seq = record.get("seq").and_then(Value::as_u64).unwrap_or_default();
        match &self.head {
            Some(head) if head.hash != field("prev") => {
                return Err("a line before this one was changed or taken away");
            }
            Some(head) if head.seq + 1 != seq => return Err("the numbers do not follow"),
            None if seq == 1 && field("prev") != ORIGIN => {
                return Err("the chain does not begin at its origin");
            }
            // Lines before the head are left where a cut was cut short.
            None if seq > 1
                && !self.keys.is_empty()
                && !self.cut.as_ref().is_some_and(|cut| {
                    seq <= cut.seq || (seq == cut.seq + 1 && field("prev") == cut.hash)
                }) =>
            {
                return Err(
                    "the lines before this one are gone, and no head of ours says that they were cut",
                );
            }
            None => self.found.first = seq,
            Some(_) => {}
        }
        if let Some((_, _, bytes)) = self.torn.take() {
            let said = record.get("torn_bytes").and_then(Value::as_u64);
            if field("event") != "recovered" || said != Some(bytes) {
                return Err(
                    "the line before is no record, and this one does not say that a crash cut it off",
                );
            }
            self.found.torn += 1;
        }
        match field("event") {
            "asked" => {
                self.found.questions += 1;
                self.open.insert(field("question").to_owned());
            }
            "ended" => {
                self.open.remove(field("question"));
            }
            "checkpoint" if !self.keys.is_empty() => {
                let fits = |keys: &AuditKeys| keys.checkpoint(seq, field("prev")) == field("mac");
                if !self.keys.iter().any(fits) {
                    return Err("a checkpoint was not made with a key of this gateway");
                }
                self.found.checkpoints += 1;
            }
            _ => {}
        }
        if !self.keys.is_empty() {
            let day = field("at").get(..10).unwrap_or_default();
            self.unchecked.line(day, field("event") == "checkpoint")?;
        }
        for (at, expected) in self.expected {
            if *at == seq {
                if *expected != hash {
                    return Err("the log names another hash for this line");
                }
                self.met += 1;
            }
        }
        self.found.records += 1;
        self.head = Some(Head { seq, hash });
        Ok(())
    }

    fn end(mut self) -> Result<Checked, Broken> {
        if let Some((file, line, _)) = self.torn {
            return Err(Broken {
                file,
                line,
                what: "the last line is cut off; the next start of the gateway says so in the trail",
            });
        }
        if self.met < self.expected.len() {
            let what = "a head that the log names is not in the trail: lines were taken away";
            return Err(Broken { file: String::new(), line: 0, what });
        }
        let head = self.head.unwrap_or_else(Head::origin);
        self.found.last = head.seq;
        self.found.head = head.hash;
        self.found.without_end = self.open.len() as u64;
        Ok(self.found)
    }
}

/// A line that is what it says: its fields and its hash.
pub(super) fn read(text: &[u8]) -> Option<(Value, String)> {
    let text = std::str::from_utf8(text).ok()?;
    let (body, tail) = text.rsplit_once(HASH)?;
    let hash = tail.strip_suffix("\"}")?;
    (sha256(body.as_bytes()) == hash).then_some(())?;
    let record: Value = serde_json::from_str(text).ok()?;
    Some((record, hash.to_owned()))
}
