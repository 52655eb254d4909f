//! Files leave a body while it streams in: found, decoded, looked at, hashed and sealed onto the disk as they come, never whole in memory.
//!
//! What is left of the body stays in memory and names each file where it stood ([`Ticket::text`]). All that is wrong with the files of a call is said at once. A call that
//! breaks off, or whose files are refused, leaves nothing: drafts get their names only after all of them were judged.
//!
//! XML is held until its end, within the bound of a body, and its files leave it then: nobody here reads half a document of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gateway_core::adapter::{Arrival, Body};
use gateway_core::channel::Files;
use gateway_core::fault::{Fault, Violation};
use gateway_core::lift::Ticket;
use gateway_core::lift::decode::Decoder;
use gateway_core::lift::markup::{self, Stopped};
use gateway_core::lift::scan::{Piece, Scanner, Way, written};
use gateway_core::lift::sniff::{HEAD_BYTES, sniff};
use serde_json::Value;

use crate::http::{store_fault, too_large};
use crate::piecework::Piecework;
use crate::store::{Draft, Finished, Store, StoreError};
use crate::words;

/// More files are no call but a flood: each is synced by itself.
const FILES_MAX: usize = 1_000;
/// More places that are wrong are not listed.
const VIOLATIONS_MAX: usize = 100;

/// What a call with files may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Of the body without its files.
    pub body_bytes: usize,
    /// All files together.
    pub files_bytes: u64,
}

/// A body whose files have left it.
pub(crate) struct Lifted {
    body: Vec<u8>,
    files: Vec<Ticket>,
    /// Why nobody can take its files. What is left of the body can be read all the same, so that all that is wrong is said at once.
    refused: Option<Fault>,
}

impl Lifted {
    /// The arrival as its adapter sees it; the fault of its files, if they are refused.
    pub(crate) fn put(self, arrival: &mut Arrival) -> Option<Fault> {
        arrival.ask.body = Body::of(self.body);
        arrival.files = self.files;
        self.refused
    }
}

/// Why nothing comes of a body: the fault for who sent it.
struct Unlifted(Fault);

impl From<StoreError> for Unlifted {
    fn from(error: StoreError) -> Self {
        Unlifted(unkept(&error))
    }
}

/// A body on its way in. Dropped, what it brought so far is gone.
pub(crate) struct Lifting {
    work: Piecework<Bench, Unlifted>,
    held: Arc<AtomicUsize>,
    store: Store,
}

impl Lifting {
    /// Begins with a new body.
    pub(crate) fn begin(store: &Store, rules: &Files, bounds: Bounds) -> Lifting {
        let held = Arc::new(AtomicUsize::new(0));
        let bench = Bench::new(store.clone(), rules.clone(), bounds, held.clone());
        let work = Piecework::new(store, bench, |bench, bytes| bench.take(bytes).map_err(Unlifted));
        Lifting { work, held, store: store.clone() }
    }

    /// How much of the body stays in memory.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Takes more of it; false if it is known already that nothing will come of it, see [`Lifting::end`].
    pub(crate) async fn take(&mut self, bytes: Bytes) -> bool {
        self.work.take(bytes).await
    }

    /// All of it is here.
    pub(crate) async fn end(self) -> Result<Lifted, Fault> {
        let bench = self.work.end().await.map_err(|Unlifted(fault)| fault)?;
        let ended = self.store.with_files(move |_| Ok(bench.end())).await;
        ended.unwrap_or_else(|error| Err(unkept(&error)))
    }
}

/// The same for a body that is here already; gives the fault of its files, if they are refused.
pub(crate) async fn lift(
    store: &Store,
    rules: &Files,
    bounds: Bounds,
    arrival: &mut Arrival,
) -> Result<Option<Fault>, Fault> {
    let mut lifting = Lifting::begin(store, rules, bounds);
    lifting.take(std::mem::take(&mut arrival.ask.body.bytes).into()).await;
    Ok(lifting.end().await?.put(arrival))
}

/// The place where one body is taken apart.
struct Bench {
    store: Store,
    rules: Files,
    bounds: Bounds,
    scanner: Scanner,
    /// Whether it is XML, once that is known.
    is_markup: Option<bool>,
    held: Arc<AtomicUsize>,
    body: Vec<u8>,
    bytes: u64,
    begun: usize,
    open: Option<Open>,
    done: Vec<Done>,
    wrong: Vec<Violation>,
    plain: Vec<u8>,
}

/// A file in the middle.
struct Open {
    /// Its number among all that began.
    number: usize,
    place: usize,
    way: Vec<Way>,
    decoder: Decoder,
    draft: Draft,
    head: Vec<u8>,
    /// It is wrong, and what still comes of it is not kept.
    given_up: bool,
}

/// A whole file.
struct Done {
    number: usize,
    place: usize,
    way: Vec<Way>,
    head: Vec<u8>,
    file: Finished,
}

impl Bench {
    fn new(store: Store, rules: Files, bounds: Bounds, held: Arc<AtomicUsize>) -> Bench {
        Bench {
            scanner: Scanner::new(rules.places()),
            store,
            rules,
            bounds,
            is_markup: None,
            held,
            body: Vec::new(),
            bytes: 0,
            begun: 0,
            open: None,
            done: Vec::new(),
            wrong: Vec::new(),
            plain: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.is_markup.is_none() {
            self.is_markup = begins_markup(bytes);
        }
        if self.is_markup == Some(true) {
            self.keep(bytes)?;
            self.held.store(self.body.len(), Ordering::Relaxed);
            return Ok(());
        }
        // Taken out for the moment, because what it says is for the rest of us.
        let mut scanner = std::mem::replace(&mut self.scanner, Scanner::new(Vec::new()));
        let said = scanner.feed(bytes, &mut |piece| self.piece(piece));
        self.scanner = scanner;
        self.held.store(self.body.len(), Ordering::Relaxed);
        said
    }

    fn piece(&mut self, piece: Piece<'_>) -> Result<(), Fault> {
        match piece {
            Piece::Keep(bytes) => self.keep(bytes),
            Piece::Begin { .. } if self.done.len() == FILES_MAX => {
                Err(Fault::sender("door.too-large", words::files_too_many(FILES_MAX)))
            }
            Piece::Begin { place, way } => {
                let draft = self.store.draft().map_err(|error| unkept(&error))?;
                let (decoder, head, number) = (Decoder::default(), Vec::new(), self.begun);
                self.open = Some(Open { number, place, way, decoder, draft, head, given_up: false });
                self.begun += 1;
                Ok(())
            }
            Piece::Text(text) => self.text(text),
            Piece::End => self.close(),
        }
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.body.len() + bytes.len() > self.bounds.body_bytes {
            return Err(too_large(self.bounds.body_bytes));
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    fn text(&mut self, text: &[u8]) -> Result<(), Fault> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let before = self.bytes;
        if !open.given_up {
            self.plain.clear();
            match open.decoder.feed(text, &mut self.plain) {
                Ok(()) => self.decoded()?,
                Err(_) => self.give_up("base64", words::file_broken().to_owned()),
            }
        }
        // What is wrong still counts, and so does white space: either could go on for ever.
        self.bytes = self.bytes.max(before + text.len().div_ceil(2) as u64);
        let most = self.bounds.files_bytes;
        if self.bytes > most { Err(too_large_together(most)) } else { Ok(()) }
    }

    /// What was decoded goes onto the disk.
    fn decoded(&mut self) -> Result<(), Fault> {
        let Some(open) = &mut self.open else { return Ok(()) };
        self.bytes += self.plain.len() as u64;
        if open.draft.bytes() + self.plain.len() as u64 > self.rules.bytes_max {
            let most = self.rules.bytes_max;
            self.give_up("file-size", words::file_too_large(most));
            return Ok(());
        }
        let wanted = HEAD_BYTES.saturating_sub(open.head.len()).min(self.plain.len());
        open.head.extend_from_slice(&self.plain[..wanted]);
        open.draft.write(&self.plain).map_err(|error| unkept(&error))
    }

    fn give_up(&mut self, rule: &str, detail: String) {
        let Some(open) = &mut self.open else { return };
        open.given_up = true;
        if self.wrong.len() < VIOLATIONS_MAX {
            self.wrong.push(Violation::sender(written(&open.way), rule, detail));
        }
    }

    fn close(&mut self) -> Result<(), Fault> {
        if let Some(open) = self.open.as_mut().filter(|open| !open.given_up) {
            self.plain.clear();
            match std::mem::take(&mut open.decoder).finish(&mut self.plain) {
                Ok(()) => self.decoded()?,
                Err(_) => self.give_up("base64", words::file_broken().to_owned()),
            }
        }
        let Some(Open { number, place, way, draft, head, given_up, .. }) = self.open.take() else {
            return Ok(());
        };
        // An empty text is no file, as it always was.
        if given_up || draft.bytes() == 0 {
            return Ok(());
        }
        let file = draft.finish().map_err(|error| unkept(&error))?;
        self.keep(file.ticket().text().as_bytes())?;
        self.done.push(Done { number, place, way, head, file });
        Ok(())
    }

    fn end(mut self) -> Result<Lifted, Fault> {
        match self.is_markup {
            Some(true) => {
                let names = self.take_apart()?;
                self.judge(|done| names.get(done.number)?.as_deref());
            }
            // Whatever is wrong with the document itself is found by whoever reads it next.
            _ if self.done.is_empty() => {}
            _ => {
                let document: Value = serde_json::from_slice(&self.body).unwrap_or_default();
                let beside = self.rules.clone();
                let called = |place| beside.beside(place).and_then(|beside| beside.name.as_deref());
                self.judge(|done| around(&document, &done.way)?.get(called(done.place)?)?.as_str());
            }
        }
        if !self.wrong.is_empty() {
            let words = words::files_refused(self.wrong.len());
            let refused = Some(Fault::sender("file.refused", words).with(self.wrong));
            return Ok(Lifted { body: self.body, files: Vec::new(), refused });
        }
        let keep = |done: Done| done.file.keep().map_err(|error| unkept(&error));
        let files = self.done.into_iter().map(keep).collect::<Result<_, Fault>>()?;
        Ok(Lifted { body: self.body, files, refused: None })
    }

    /// The files leave a whole document; gives their names. One that cannot be followed stays as it came.
    fn take_apart(&mut self) -> Result<Vec<Option<String>>, Fault> {
        let whole = std::mem::take(&mut self.body);
        let (places, rules) = (self.rules.places(), self.rules.clone());
        let names: Vec<Option<&str>> = rules.at.values().map(|beside| beside.name.as_deref()).collect();
        match markup::files(&whole, &places, &names, &mut |piece| self.piece(piece)) {
            Ok(names) => Ok(names),
            Err(Stopped::Told(fault)) => Err(fault),
            Err(Stopped::Unreadable) => {
                (self.body, self.open) = (whole, None);
                self.done.clear();
                self.wrong.clear();
                Ok(Vec::new())
            }
        }
    }

    /// Holds what the files are against what they may be and what the names beside them say.
    fn judge<'a>(&mut self, called: impl Fn(&Done) -> Option<&'a str>) {
        for done in &self.done {
            if self.wrong.len() < VIOLATIONS_MAX {
                let path = written(&done.way);
                self.wrong.extend(self.rules.judge(&path, sniff(&done.head), called(done)));
            }
        }
    }
}

/// Is a document XML that begins so? Not known as long as there is nothing but white space.
fn begins_markup(bytes: &[u8]) -> Option<bool> {
    let begins = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().first()?;
    Some(*begins == b'<')
}

/// The object that a value stands in.
fn around<'a>(document: &'a Value, way: &[Way]) -> Option<&'a Value> {
    let (_, above) = way.split_last()?;
    above.iter().try_fold(document, |value, step| match step {
        Way::Member(name) => value.get(name),
        Way::Item(number) => value.get(number),
    })
}

fn too_large_together(most: u64) -> Fault {
    Fault::sender("door.too-large", words::files_too_large(most))
}

fn unkept(error: &StoreError) -> Fault {
    tracing::error!(event = "file-unkept", %error);
    store_fault(error)
}
