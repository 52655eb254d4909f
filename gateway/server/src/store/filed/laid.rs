//! A new file on its way onto the disk: what is put here is written by a thread of its own while more comes in.
//!
//! Large files go past the system's cache where the file system lets them: nobody copies them once more, nobody's commit waits for them,
//! and at the end next to nothing is left to sync. So only whole chunks at places that are multiples of a page are written that way;
//! the rest of a file, and all of a file smaller than one chunk, takes the usual way and no thread. Nothing is promised before
//! [`Laying::end`] has said so; a crash before it leaves a file without a name, and so does whoever drops this.

use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::beside::{Beside, Place, Places};

/// So much is written at once …
const CHUNK: usize = 1 << 20;
/// … and so many of these wait for it at the most; two more are being filled and written.
const WAITING: usize = 4;
const WRITERS_MAX: usize = 8;
static WRITERS: Places = Places::new(WRITERS_MAX);
/// What every disk's page is a divisor of.
const ALIGN: usize = 4 << 10;
/// Through the cache, so much goes towards the disk while more comes in: else all of a large file would be waited for at its end, and by
/// everybody's commits.
const EARLY: usize = 8 << 20;

/// Bytes whose first one stands in memory where the disk can take it from.
struct Chunk {
    bytes: Vec<u8>,
    from: usize,
}

impl Chunk {
    fn new() -> Chunk {
        let mut bytes: Vec<u8> = Vec::with_capacity(CHUNK + ALIGN);
        let from = bytes.as_ptr().align_offset(ALIGN).min(ALIGN);
        bytes.resize(from, 0);
        Chunk { bytes, from }
    }

    fn content(&self) -> &[u8] {
        &self.bytes[self.from..]
    }

    fn room(&self) -> usize {
        CHUNK - self.content().len()
    }
}

/// A file that grows.
pub(super) struct Laying {
    file: File,
    path: PathBuf,
    past_cache: bool,
    chunk: Chunk,
    /// Of what was given to the writer.
    at: u64,
    writer: Option<Beside<Chunk, io::Result<()>>>,
    /// Something of it is not there: whoever was told so and goes on all the same is told again.
    failed: bool,
}

impl Laying {
    /// A file that is not there yet.
    pub(super) fn begin(path: &Path) -> io::Result<Laying> {
        let (file, path, chunk) = (File::create_new(path)?, path.to_owned(), Chunk::new());
        Ok(Laying { file, path, past_cache: true, chunk, at: 0, writer: None, failed: false })
    }

    /// More of it.
    pub(super) fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.chunk.room() == 0 {
                self.hand_over()?;
            }
            let (some, rest) = bytes.split_at(bytes.len().min(self.chunk.room()));
            self.chunk.bytes.extend_from_slice(some);
            bytes = rest;
        }
        Ok(())
    }

    /// All of it is here, and on disk when this comes back.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.written()?;
        self.file.write_all_at(self.chunk.content(), self.at)?;
        self.file.sync_all()
    }

    /// From here on as after an error of the disk.
    #[cfg(test)]
    pub(super) fn fail(&mut self) {
        self.failed = true;
    }

    fn hand_over(&mut self) -> io::Result<()> {
        if self.failed {
            return self.written();
        }
        let writer = match (self.writer.take(), self.at) {
            (Some(writer), _) => writer,
            // Who began without one goes on without one.
            (None, 0) if let Some(place) = WRITERS.take() => self.begin_writing(place)?,
            (None, _) => return self.write_here(),
        };
        let next = writer.empty().unwrap_or_else(Chunk::new);
        let full = std::mem::replace(&mut self.chunk, next);
        self.at += full.content().len() as u64;
        let taken = writer.give(full);
        self.writer = Some(writer);
        if taken { Ok(()) } else { self.written() }
    }

    fn write_here(&mut self) -> io::Result<()> {
        let written = self.file.write_all_at(self.chunk.content(), self.at);
        self.failed = written.is_err();
        self.at += self.chunk.content().len() as u64;
        self.chunk.bytes.truncate(self.chunk.from);
        written
    }

    fn begin_writing(&self, place: Place) -> io::Result<Beside<Chunk, io::Result<()>>> {
        let past_cache = || File::options().write(true).custom_flags(libc::O_DIRECT).open(&self.path).ok();
        // Some file systems know no such way.
        let direct = self.past_cache.then(past_cache).flatten();
        let file = self.file.try_clone()?;
        Beside::begin("file-write", WAITING, place, move |chunks, emptied| {
            write(&file, direct, chunks, emptied)
        })
    }

    /// Waits for what is on its way. What the disk said of it is said once and to nobody else, so it counts here.
    fn written(&mut self) -> io::Result<()> {
        if self.failed {
            return Err(io::Error::other("a part of the file could not be written"));
        }
        let Some(writer) = self.writer.take() else { return Ok(()) };
        let said = writer.end().and_then(|said| said);
        self.failed = said.is_err();
        said
    }
}

fn write(
    file: &File,
    mut direct: Option<File>,
    chunks: &Receiver<Chunk>,
    emptied: &Sender<Chunk>,
) -> io::Result<()> {
    let (mut at, mut unsynced) = (0, 0);
    let mut early: Option<JoinHandle<io::Result<()>>> = None;
    for mut chunk in chunks {
        let content = chunk.content();
        match direct.as_ref().map(|direct| direct.write_all_at(content, at)) {
            Some(Ok(())) => {}
            // It was opened so, but cannot be written so.
            Some(Err(error)) if error.kind() != io::ErrorKind::InvalidInput => return Err(error),
            _ => {
                direct = None;
                file.write_all_at(content, at)?;
                unsynced += content.len();
            }
        }
        at += content.len() as u64;
        chunk.bytes.truncate(chunk.from);
        // Whoever fills them may be gone by now.
        let _ = emptied.send(chunk);
        if unsynced >= EARLY && early.as_ref().is_none_or(JoinHandle::is_finished) {
            synced(early.take())?;
            let file = file.try_clone()?;
            let syncing = thread::Builder::new().name("file-sync".to_owned());
            early = Some(syncing.spawn(move || file.sync_data())?);
            unsynced = 0;
        }
    }
    synced(early)
}

fn synced(early: Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    match early.map(JoinHandle::join) {
        Some(Err(_)) => Err(io::Error::other("a thread that syncs a file panicked")),
        Some(Ok(said)) => said,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(bytes: &[u8], piece: usize, with_cache: bool) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("laid");
        let mut laying = Laying::begin(&path).unwrap();
        laying.past_cache = !with_cache;
        bytes.chunks(piece).for_each(|piece| laying.put(piece).unwrap());
        laying.end().unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn what_was_put_is_there_whichever_way_it_went() {
        let bytes: Vec<u8> = (0..21 * CHUNK + 77).map(|at| (at * 31 / 7 + at / CHUNK) as u8).collect();
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, bytes.len()] {
            for with_cache in [false, true] {
                assert!(
                    laid(&bytes[..length], 65_552, with_cache) == bytes[..length],
                    "{length} {with_cache}"
                );
            }
        }
    }

    #[test]
    fn more_files_than_writers_are_written_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let begin = |at: usize| Laying::begin(&folder.path().join(at.to_string())).unwrap();
        let mut laying: Vec<Laying> = (0..3 * WRITERS_MAX).map(begin).collect();
        for piece in 0..5 {
            laying.iter_mut().for_each(|one| one.put(&vec![piece; CHUNK / 2 + 7]).unwrap());
        }
        assert!(laying.iter().filter(|one| one.writer.is_some()).count() <= WRITERS_MAX);
        laying.into_iter().for_each(|one| one.end().unwrap());
        let whole: Vec<u8> = (0..5).flat_map(|piece| vec![piece; CHUNK / 2 + 7]).collect();
        assert!(
            (0..3 * WRITERS_MAX)
                .all(|at| std::fs::read(folder.path().join(at.to_string())).unwrap() == whole)
        );
    }

    /// What cannot be written past the cache is written through it, from that chunk on.
    #[test]
    fn a_way_that_is_open_and_leads_nowhere_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("laid");
        let mut laying = Laying::begin(&path).unwrap();
        // A chunk that begins at an odd place is refused by the way past the cache.
        laying.chunk.from += 1;
        laying.chunk.bytes.push(0);
        let bytes = vec![7; 3 * CHUNK];
        laying.put(&bytes).unwrap();
        laying.end().unwrap();
        assert!(std::fs::read(path).unwrap() == bytes);
    }

    #[test]
    fn what_the_disk_says_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let mut laying = Laying::begin(&folder.path().join("laid")).unwrap();
        // A handle that cannot be written: the writer's fault must come out here, at the latest at the end.
        laying.file = File::open(folder.path().join("laid")).unwrap();
        laying.past_cache = false;
        let said = (0..8).map(|_| laying.put(&vec![7; CHUNK])).filter(Result::is_err).count();
        assert!(said > 1, "said once, and again to whoever goes on");
        assert!(laying.end().is_err());
    }
}
