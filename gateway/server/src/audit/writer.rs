//! The thread that writes the trail: takes what waits, writes it in one go, syncs once, and only then tells those who wait.
//!
//! What a restart sees: a chain that ends with a whole line, or with the beginning of one that nobody was told of. The latter is
//! closed with a line feed and a record that says so; nothing is ever taken away. If a write or a sync fails, the chain's
//! end is unknown, so the file is opened anew and read to its end before the next record.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use gateway_core::ids::Moment;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::chain::{self, Head};
use super::{AuditKeys, Record};

/// A checkpoint after so many lines, and at each new day.
pub(super) const CHECKPOINT_LINES: u64 = 1_000;
/// The most records of one sync.
pub(super) const GROUP_MAX: usize = 256;
const QUEUE: usize = 1_024;

/// The trail cannot be written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the audit trail cannot be written: {0}")]
pub struct CannotWrite(String);

type Reply = oneshot::Sender<Result<(), CannotWrite>>;

enum Order {
    /// A record as JSON (without number and chain), when it happened, and who waits for it.
    Write(serde_json::Value, Moment, Option<Reply>),
    /// A day may have passed without a question: its head is written down all the same.
    Day(Moment, oneshot::Sender<()>),
    Close(oneshot::Sender<()>),
}

pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    head_at: Arc<AtomicI64>,
}

impl Writer {
    pub(super) fn open(folder: &Path, keys: AuditKeys, at: Moment) -> Result<Self, CannotWrite> {
        let head_at = Arc::new(AtomicI64::new(at.as_millis()));
        let mut thread = Thread { folder: folder.to_owned(), keys, open: None, head_at: head_at.clone() };
        thread.reopen(at).and_then(|()| thread.append(&[value(&Record::Opened)], at)).map_err(cannot)?;
        let (orders, queue) = mpsc::channel(QUEUE);
        std::thread::Builder::new()
            .name("audit-writer".to_owned())
            .spawn(move || thread.serve(queue))
            .map_err(cannot)?;
        Ok(Writer { orders, head_at })
    }

    pub(super) fn head_at(&self) -> Moment {
        Moment::from_millis(self.head_at.load(Ordering::Relaxed))
    }

    pub(super) async fn write(&self, record: &Record<'_>, at: Moment) -> Result<(), CannotWrite> {
        let (reply, told) = oneshot::channel();
        let gone = || CannotWrite("its thread has ended".to_owned());
        self.orders.send(Order::Write(value(record), at, Some(reply))).await.map_err(|_| gone())?;
        told.await.unwrap_or_else(|_| Err(gone()))
    }

    /// The end of a question that waits behind a full queue is dropped rather than holding up the answer; the trail then shows a
    /// question without an end.
    pub(super) fn write_later(&self, record: &Record<'_>, at: Moment) {
        if self.orders.try_send(Order::Write(value(record), at, None)).is_err() {
            tracing::warn!(event = "audit-end-dropped");
        }
    }

    pub(super) async fn day(&self, at: Moment) {
        // A thread that has ended is told of by the next question.
        let (reply, looked) = oneshot::channel();
        if self.orders.send(Order::Day(at, reply)).await.is_ok() {
            let _ = looked.await;
        }
    }

    pub(super) async fn close(&self) {
        let (reply, told) = oneshot::channel();
        if self.orders.send(Order::Close(reply)).await.is_ok() {
            let _ = told.await;
        }
    }
}

fn value(record: &Record<'_>) -> serde_json::Value {
    // Structs of texts and numbers always serialize.
    serde_json::to_value(record).unwrap_or_default()
}

fn cannot(error: std::io::Error) -> CannotWrite {
    CannotWrite(error.to_string())
}

struct Thread {
    folder: PathBuf,
    keys: AuditKeys,
    /// None after a failure: then the end of the chain is read again.
    open: Option<Open>,
    /// When a head last went into the log.
    head_at: Arc<AtomicI64>,
}

struct Open {
    file: File,
    month: String,
    day: String,
    head: Head,
    since_checkpoint: u64,
}

#[derive(Serialize)]
struct Flat<'a>(&'a serde_json::Value);

impl Thread {
    fn serve(mut self, mut queue: mpsc::Receiver<Order>) {
        let mut orders = Vec::new();
        while queue.blocking_recv_many(&mut orders, GROUP_MAX) > 0 {
            let (mut records, mut waiting, mut closing) = (Vec::new(), Vec::new(), None);
            let (mut at, mut looked) = (Moment::default(), Vec::new());
            for order in orders.drain(..) {
                match order {
                    Order::Write(record, when, reply) => {
                        records.push(record);
                        at = at.max(when);
                        waiting.extend(reply);
                    }
                    Order::Day(when, reply) => {
                        at = at.max(when);
                        looked.push(reply);
                    }
                    Order::Close(reply) => closing = Some(reply),
                }
            }
            let written = match records.is_empty() && looked.is_empty() {
                true => Ok(()),
                false => self.append(&records, at).map_err(cannot),
            };
            if let Err(error) = &written {
                tracing::error!(event = "audit-unwritable", %error);
                self.open = None;
            }
            for reply in waiting {
                let _ = reply.send(written.clone());
            }
            for reply in looked {
                let _: Result<(), ()> = reply.send(());
            }
            if let Some(reply) = closing {
                let _ = reply.send(());
                return;
            }
        }
    }

    /// Writes the records and, where one is due, a checkpoint; returns when all of it is on disk.
    fn append(&mut self, records: &[serde_json::Value], at: Moment) -> std::io::Result<()> {
        self.reopen(at)?;
        let Some(open) = &mut self.open else { return Ok(()) };
        let said = at.to_string();
        let new_day = said.get(..10) != Some(open.day.as_str());
        let mut text = String::new();
        let (mut head, mut since) = (open.head.clone(), open.since_checkpoint);
        let mut push = |record: &serde_json::Value, head: &mut Head| {
            let (line, next) = chain::line(head, said.clone(), &Flat(record));
            text.push_str(&line);
            text.push('\n');
            *head = next;
        };
        for record in records {
            push(record, &mut head);
            since += 1;
        }
        if records.is_empty() && !new_day {
            return Ok(());
        }
        if new_day || since >= CHECKPOINT_LINES {
            let mac = self.keys.checkpoint(head.seq + 1, &head.hash);
            push(&value(&Record::Checkpoint { mac }), &mut head);
            since = 0;
        }
        open.file.write_all(text.as_bytes())?;
        open.file.sync_data()?;
        if since == 0 {
            // In the log the head is out of reach of whoever rewrites the trail.
            tracing::info!(event = "audit-head", seq = head.seq, hash = %head.hash);
            self.head_at.store(at.as_millis(), Ordering::Relaxed);
            open.day = said.get(..10).unwrap_or_default().to_owned();
        }
        (open.head, open.since_checkpoint) = (head, since);
        Ok(())
    }

    /// The file of this month, with the end of the chain known.
    fn reopen(&mut self, at: Moment) -> std::io::Result<()> {
        let month = at.to_string().get(..7).unwrap_or_default().to_owned();
        if self.open.as_ref().is_some_and(|open| open.month == month) {
            return Ok(());
        }
        std::fs::create_dir_all(&self.folder)?;
        let (known, day) = match self.open.take() {
            Some(open) => (Some(open.head), open.day),
            None => (None, String::new()),
        };
        let (mut head, torn) = match known {
            Some(head) => (head, None),
            None => last(&self.folder)?,
        };
        // A clock that was set back must not write into a file that the chain has left behind.
        let latest = chain::files(&self.folder)?.pop();
        let wanted = self.folder.join(format!("audit-{month}.jsonl"));
        let path = latest.filter(|latest| *latest > wanted).unwrap_or(wanted);
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        File::open(&self.folder)?.sync_all()?;
        if let Some(Torn { path, bytes, closed }) = torn {
            if !closed {
                let mut old = OpenOptions::new().append(true).open(path)?;
                old.write_all(b"\n")?;
                old.sync_data()?;
            }
            if bytes > 0 {
                let record = value(&Record::Recovered { torn_bytes: bytes });
                let (line, next) = chain::line(&head, at.to_string(), &Flat(&record));
                file.write_all(format!("{line}\n").as_bytes())?;
                file.sync_data()?;
                head = next;
            }
        }
        self.open = Some(Open { file, month, day, head, since_checkpoint: 0 });
        Ok(())
    }
}

/// What stands behind the last whole record: the beginning of one that a crash or a full disk cut off. More than one where there was
/// room for the line feed behind it and not for the record that says so.
struct Torn {
    /// The file in which the last of it stands.
    path: PathBuf,
    bytes: u64,
    /// It ends with its line feed.
    closed: bool,
}

/// The end of the chain as the files have it.
fn last(folder: &Path) -> std::io::Result<(Head, Option<Torn>)> {
    let mut torn: Option<Torn> = None;
    for path in chain::files(folder)?.into_iter().rev() {
        let (head, bytes, closed) = last_of(&path)?;
        match &mut torn {
            Some(torn) => torn.bytes += bytes,
            None if bytes > 0 || !closed => torn = Some(Torn { path, bytes, closed }),
            None => {}
        }
        if let Some(head) = head {
            return Ok((head, torn));
        }
    }
    Ok((Head::origin(), torn))
}

/// So much of a file's end is read; a record is far shorter.
const TAIL_BYTES: u64 = 64 << 10;

/// The last record of a file, how many bytes of no record stand behind it, and whether the file ends with a line feed. A record that
/// only lacks its line feed is one.
pub(super) fn last_of(path: &Path) -> std::io::Result<(Option<Head>, u64, bool)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    let closed = tail.is_empty() || tail.ends_with(b"\n");
    let mut bytes = 0;
    for line in tail.strip_suffix(b"\n").unwrap_or(&tail).rsplit(|byte| *byte == b'\n') {
        let record = chain::read(line);
        let head = record.and_then(|(record, hash)| Some(Head { seq: record.get("seq")?.as_u64()?, hash }));
        if head.is_some() {
            return Ok((head, bytes, closed));
        }
        bytes += line.len() as u64;
    }
    Ok((None, bytes, closed))
}
