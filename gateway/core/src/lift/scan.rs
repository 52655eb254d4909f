//! Finding the files within a JSON document while it streams by: what stands as a text at a declared place is handed out in
//! pieces, everything else is passed on as it came.
//!
//! The scanner judges nothing: whether the document is well-formed is found by whoever reads what was passed on. It follows names and
//! nesting only as far as a declared place could still be reached, and holds no more than one name and the way to it.

use memchr::memchr2;
use serde_json::{Map, Value};

/// So deep and no deeper: every reader of what is passed on gives up long before.
const DEPTH_MAX: usize = 256;
/// A longer name is nobody's.
const NAME_BYTES_MAX: usize = 512;
/// So many places can be told apart.
pub const PLACES_MAX: usize = 64;

/// Where files stand: `TepDonDangKy`, `TaiLieuNop[].Base64`, `[].data.Tep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Each,
}

impl Place {
    /// Reads a place; none if it is not written so.
    pub fn parse(text: &str) -> Option<Place> {
        let mut steps = Vec::new();
        for part in text.split('.') {
            let name = part.trim_end_matches("[]");
            if !name.is_empty() {
                steps.push(Step::Member(name.to_owned()));
            } else if part.is_empty() || !steps.is_empty() {
                return None;
            }
            if name.contains(['[', ']']) {
                return None;
            }
            steps.extend((0..(part.len() - name.len()) / 2).map(|_| Step::Each));
        }
        matches!(steps.last(), Some(Step::Member(_))).then_some(Place(steps))
    }
}

impl Place {
    /// The names on the way to it, from above to below.
    pub fn names(&self) -> Vec<&str> {
        fn named(step: &Step) -> Option<&str> {
            match step {
                Step::Member(name) => Some(name),
                Step::Each => None,
            }
        }
        self.0.iter().filter_map(named).collect()
    }

    /// Every object of a document that has something at this place, with the name it has there.
    pub fn each(&self, document: &mut Value, see: &mut impl FnMut(&mut Map<String, Value>, &str)) {
        fn walk(value: &mut Value, steps: &[Step], see: &mut impl FnMut(&mut Map<String, Value>, &str)) {
            match (steps, value) {
                ([Step::Member(name)], Value::Object(members)) if members.contains_key(name) => {
                    see(members, name)
                }
                ([Step::Member(name), rest @ ..], Value::Object(members)) => {
                    members.get_mut(name).into_iter().for_each(|member| walk(member, rest, see));
                }
                ([Step::Each, rest @ ..], Value::Array(items)) => {
                    items.iter_mut().for_each(|item| walk(item, rest, see));
                }
                _ => {}
            }
        }
        walk(document, &self.0, see);
    }
}

/// The way to one value: names and numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// The member of this name.
    Member(String),
    /// The item of this number, from 0.
    Item(usize),
}

/// `TaiLieuNop[2].Base64`.
pub fn written(way: &[Way]) -> String {
    let mut text = String::new();
    for step in way {
        match step {
            Way::Member(name) if text.is_empty() => text.push_str(name),
            Way::Member(name) => text.extend([".", name]),
            Way::Item(number) => text.push_str(&format!("[{number}]")),
        }
    }
    text
}

/// What the scanner says, in the order of the document.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// To be passed on.
    Keep(&'a [u8]),
    /// A text at a declared place begins; its opening quote was passed on.
    Begin {
        /// The number of the place.
        place: usize,
        /// The way to the value.
        way: Vec<Way>,
    },
    /// A part of that text, unescaped.
    Text(&'a [u8]),
    /// It ends; its closing quote will be passed on.
    End,
}

/// Follows one document.
#[derive(Debug)]
pub struct Scanner {
    places: Vec<Place>,
    frames: Vec<Frame>,
    state: State,
}

#[derive(Debug)]
struct Frame {
    /// The number of the item in an array; none in an object.
    item: Option<usize>,
    /// The places that could be below this.
    alive: u64,
    /// The places that could be at or below the value that comes.
    next: u64,
    /// The name of the value that comes.
    name: String,
    /// A text that comes is a name.
    wants_name: bool,
}

#[derive(Debug)]
enum State {
    Between,
    /// In a name; what of it was seen, if it could matter.
    Name {
        raw: Option<Vec<u8>>,
        escaped: bool,
    },
    /// In a text that stays.
    Plain {
        escaped: bool,
    },
    /// In a text that is handed out; an escape that is not complete yet.
    Lifted {
        escape: Vec<u8>,
    },
    /// Too deep: nobody will read this.
    Lost,
}

impl Scanner {
    /// For documents with files at these places.
    pub fn new(places: Vec<Place>) -> Self {
        Scanner { places, frames: Vec::new(), state: State::Between }
    }

    /// Follows the next bytes of the document.
    pub fn feed<E>(
        &mut self,
        bytes: &[u8],
        say: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut at, mut kept_from) = (0, 0);
        while at < bytes.len() {
            let rest = &bytes[at..];
            match &mut self.state {
                State::Lost => at = bytes.len(),
                State::Plain { escaped: escaped @ true } => {
                    *escaped = false;
                    at += 1;
                }
                State::Plain { escaped } => {
                    at += run(rest);
                    match bytes.get(at) {
                        Some(b'\\') => *escaped = true,
                        Some(_) => self.state = State::Between,
                        None => {}
                    }
                    at += 1;
                }
                State::Name { raw, escaped } => {
                    let byte = rest[0];
                    at += 1;
                    if byte == b'"' && !*escaped {
                        let raw = raw.take();
                        self.state = State::Between;
                        self.named(raw);
                        continue;
                    }
                    *escaped = byte == b'\\' && !*escaped;
                    if let Some(seen) = raw {
                        seen.push(byte);
                        if seen.len() > NAME_BYTES_MAX {
                            *raw = None;
                        }
                    }
                }
                State::Lifted { escape } if !escape.is_empty() => {
                    escape.push(rest[0]);
                    at += 1;
                    if let Some(byte) = unescaped(escape) {
                        escape.clear();
                        say(Piece::Text(&[byte]))?;
                    }
                    kept_from = at;
                }
                State::Lifted { escape } => {
                    let run = run(rest);
                    if run > 0 {
                        say(Piece::Text(&rest[..run]))?;
                    }
                    at += run;
                    kept_from = at;
                    match bytes.get(at) {
                        Some(b'\\') => {
                            escape.push(b'\\');
                            at += 1;
                            kept_from = at;
                        }
                        Some(_) => {
                            say(Piece::End)?;
                            self.state = State::Between;
                            at += 1;
                        }
                        None => {}
                    }
                }
                State::Between => {
                    let byte = rest[0];
                    at += 1;
                    if let Some(place) = self.structure(byte) {
                        say(Piece::Keep(&bytes[kept_from..at]))?;
                        kept_from = at;
                        say(Piece::Begin { place, way: self.way() })?;
                    }
                }
            }
        }
        if kept_from < bytes.len() {
            say(Piece::Keep(&bytes[kept_from..]))?;
        }
        Ok(())
    }

    /// Is a file being handed out?
    pub fn is_within_a_file(&self) -> bool {
        matches!(self.state, State::Lifted { .. })
    }

    /// One byte outside of texts; the place of a file that begins with it.
    fn structure(&mut self, byte: u8) -> Option<usize> {
        match byte {
            b'{' | b'[' => self.enter(byte == b'['),
            b'}' | b']' => {
                self.frames.pop();
            }
            b',' => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.wants_name = frame.item.is_none();
                    frame.item = frame.item.map(|item| item + 1);
                }
            }
            b':' => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.wants_name = false;
                }
            }
            b'"' => return self.text(),
            _ => {}
        }
        None
    }

    fn text(&mut self) -> Option<usize> {
        let depth = self.frames.len();
        let (alive, next, wants_name) =
            self.frames.last().map_or((0, 0, false), |frame| (frame.alive, frame.next, frame.wants_name));
        if wants_name {
            let raw = (alive != 0).then(Vec::new);
            self.state = State::Name { raw, escaped: false };
            return None;
        }
        let ends_here = |place: &usize| next & (1 << *place) != 0 && self.places[*place].0.len() == depth;
        let place = (0..self.places.len().min(PLACES_MAX)).find(ends_here);
        self.state = match place {
            Some(_) => State::Lifted { escape: Vec::new() },
            None => State::Plain { escaped: false },
        };
        place
    }

    fn enter(&mut self, is_array: bool) {
        if self.frames.len() == DEPTH_MAX {
            self.state = State::Lost;
            return;
        }
        let depth = self.frames.len();
        let alive = match self.frames.last() {
            None => self.which(u64::MAX, |_| true),
            Some(frame) => self.which(frame.next, |steps| steps.len() > depth),
        };
        let next =
            if is_array { self.which(alive, |steps| steps.get(depth) == Some(&Step::Each)) } else { 0 };
        let item = is_array.then_some(0);
        self.frames.push(Frame { item, alive, next, name: String::new(), wants_name: !is_array });
    }

    /// A name has ended.
    fn named(&mut self, raw: Option<Vec<u8>>) {
        let name = raw.and_then(|raw| {
            let raw = String::from_utf8(raw).ok()?;
            if raw.contains('\\') { serde_json::from_str(&format!("\"{raw}\"")).ok() } else { Some(raw) }
        });
        let depth = self.frames.len().saturating_sub(1);
        let Some(alive) = self.frames.last().map(|frame| frame.alive) else { return };
        let is_it = |steps: &[Step], name: &String| matches!(steps.get(depth), Some(Step::Member(wanted)) if wanted == name);
        let next = name.as_ref().map_or(0, |name| self.which(alive, |steps| is_it(steps, name)));
        if let Some(frame) = self.frames.last_mut() {
            frame.next = next;
            frame.name = name.filter(|_| next != 0).unwrap_or_default();
        }
    }

    /// Those of these places whose steps are so.
    fn which(&self, among: u64, fits: impl Fn(&[Step]) -> bool) -> u64 {
        let places = self.places.iter().take(PLACES_MAX).enumerate();
        places
            .filter(|(number, place)| among & (1 << number) != 0 && fits(&place.0))
            .fold(0, |found, (number, _)| found | (1 << number))
    }

    fn way(&self) -> Vec<Way> {
        let step = |frame: &Frame| match frame.item {
            Some(number) => Way::Item(number),
            None => Way::Member(frame.name.clone()),
        };
        self.frames.iter().map(step).collect()
    }
}

/// How much of a text stands before its end or before an escape.
fn run(text: &[u8]) -> usize {
    memchr2(b'"', b'\\', text).unwrap_or(text.len())
}

/// What an escape stands for once it is complete. What it cannot stand for is no base64 either.
fn unescaped(escape: &[u8]) -> Option<u8> {
    const WRONG: u8 = b'?';
    match escape.get(1)? {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'u' if escape.len() < 6 => None,
        b'u' => {
            let digits = std::str::from_utf8(&escape[2..6]).ok();
            let code = digits.and_then(|digits| u8::from_str_radix(digits.trim_start_matches('0'), 16).ok());
            Some(code.filter(u8::is_ascii).unwrap_or(WRONG))
        }
        byte @ (b'/' | b'"' | b'\\') => Some(*byte),
        _ => Some(WRONG),
    }
}

#[cfg(test)]
mod tests;
