//! Finding the files within an XML document that is here whole: the text of an element at a declared place is handed out, everything else is
//! passed on as it came.
//!
//! A place names elements from above to below: `Attachments[].Base64` is every `Base64` with `Attachments` somewhere above it, because
//! XML has its lists in wrappers of any name, or in none. As with JSON ([`super::scan`]), nothing is judged here: a document that cannot be
//! followed is left to whoever reads it next.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};

use super::scan::{Piece, Place, Way};

/// So deep and no deeper: every reader of what is passed on gives up long before.
const DEPTH_MAX: usize = 256;

/// Why a document was not followed to its end.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped<E> {
    /// It is no XML that anybody here reads.
    Unreadable,
    /// Whoever was told wanted no more.
    Told(E),
}

/// One element on the way to where the walk is.
#[derive(Default)]
struct Frame {
    name: String,
    /// Its number among those of its name beside it, from 1.
    number: usize,
    /// How many of each name it holds so far.
    children: BTreeMap<String, usize>,
    /// The files that stand right in it.
    files: Vec<usize>,
    /// The texts of those of its children that may be a file's name.
    names: BTreeMap<String, String>,
    /// Its own text, if it may be a file's name.
    text: Option<String>,
}

/// Tells what stands where, in the order of the document; gives the name of each file, as the element called `beside` next to it says it,
/// of the place with the same number.
pub fn files<E>(
    xml: &[u8],
    places: &[Place],
    beside: &[Option<&str>],
    tell: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
) -> Result<Vec<Option<String>>, Stopped<E>> {
    let mut tell = |piece: Piece<'_>| tell(piece).map_err(Stopped::Told);
    let mut reader = Reader::from_reader(xml);
    let mut frames = vec![Frame::default()];
    let (mut kept, mut open) = (0, None::<usize>);
    let mut of_place = Vec::new();
    let mut names: Vec<Option<String>> = Vec::new();
    loop {
        let from = at(&reader);
        let event = reader.read_event().map_err(|_| Stopped::Unreadable)?;
        let to = at(&reader);
        match event {
            // Nobody here takes a document type, and an element within a file makes it no file.
            Event::DocType(_) => return Err(Stopped::Unreadable),
            Event::Start(_) if open.is_some() || frames.len() > DEPTH_MAX => return Err(Stopped::Unreadable),
            Event::Start(tag) => {
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                let above = frames.last_mut().ok_or(Stopped::Unreadable)?;
                let number = above.children.entry(name.clone()).and_modify(|count| *count += 1).or_insert(1);
                let number = *number;
                let text = beside.contains(&Some(name.as_str())).then(String::new);
                frames.push(Frame { name, number, text, ..Frame::default() });
                if let Some(place) = places.iter().position(|place| fits(place, &frames)) {
                    tell(Piece::Keep(&xml[kept..to]))?;
                    tell(Piece::Begin { place, way: way(&frames) })?;
                    (open, kept) = (Some(names.len()), to);
                    names.push(None);
                    of_place.push(place);
                }
            }
            Event::End(_) => {
                let ended = frames.pop().ok_or(Stopped::Unreadable)?;
                let Some(above) = frames.last_mut() else { return Err(Stopped::Unreadable) };
                if let Some(file) = open.take() {
                    tell(Piece::End)?;
                    kept = from;
                    above.files.push(file);
                } else if let Some(text) = ended.text {
                    above.names.insert(ended.name, text.trim().to_owned());
                }
                for file in ended.files {
                    let called = beside.get(of_place[file]).copied().flatten();
                    names[file] = called.and_then(|called| ended.names.get(called)).cloned();
                }
            }
            Event::Text(text) => said(&text, open, &mut frames, &mut tell)?,
            Event::CData(text) => said(&text, open, &mut frames, &mut tell)?,
            Event::GeneralRef(reference) => {
                let letters = resolved(&reference).ok_or(Stopped::Unreadable)?;
                said(letters.as_bytes(), open, &mut frames, &mut tell)?;
            }
            Event::Eof if frames.len() > 1 => return Err(Stopped::Unreadable),
            Event::Eof => {
                tell(Piece::Keep(&xml[kept..]))?;
                return Ok(names);
            }
            _ => {}
        }
    }
}

/// Letters within an element: of a file, or of what may be the name of one.
fn said<E>(
    letters: &[u8],
    open: Option<usize>,
    frames: &mut [Frame],
    tell: &mut impl FnMut(Piece<'_>) -> Result<(), Stopped<E>>,
) -> Result<(), Stopped<E>> {
    if open.is_some() {
        return tell(Piece::Text(letters));
    }
    if let Some(text) = frames.last_mut().and_then(|frame| frame.text.as_mut()) {
        text.push_str(&String::from_utf8_lossy(letters));
    }
    Ok(())
}

fn resolved(reference: &BytesRef) -> Option<String> {
    match reference.resolve_char_ref() {
        Ok(Some(letter)) => Some(letter.to_string()),
        Ok(None) => resolve_predefined_entity(&reference.decode().ok()?).map(str::to_owned),
        Err(_) => None,
    }
}

/// Do the names of this place stand above each other here, the last one right here?
fn fits(place: &Place, frames: &[Frame]) -> bool {
    let Some((here, above)) = frames.split_last() else { return false };
    let Some((last, before)) = place.names().split_last().map(|(last, before)| (*last, before.to_vec()))
    else {
        return false;
    };
    let mut wanted = before.into_iter().peekable();
    above.iter().for_each(|frame| _ = wanted.next_if_eq(&frame.name.as_str()));
    here.name == last && wanted.peek().is_none()
}

fn way(frames: &[Frame]) -> Vec<Way> {
    let mut way = Vec::new();
    // Neither the document itself nor its root: nobody needs to be told of those.
    for frame in frames.iter().skip(2) {
        way.push(Way::Member(frame.name.clone()));
        if frame.number > 1 {
            way.push(Way::Item(frame.number));
        }
    }
    way
}

fn at(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lift::scan::written;

    /// What is passed on, with `?` in the place of each file; the files; their names.
    fn told(xml: &str) -> Option<(String, Vec<String>, Vec<Option<String>>)> {
        let places = [Place::parse("Attachments[].Base64")?, Place::parse("[].Scan")?];
        let (mut kept, mut found) = (String::new(), Vec::new());
        let mut tell = |piece: Piece<'_>| {
            match piece {
                Piece::Keep(bytes) => kept.push_str(&String::from_utf8_lossy(bytes)),
                Piece::Begin { way, .. } => found.push(written(&way) + "="),
                Piece::Text(text) => {
                    let last = found.last_mut().expect("a file has begun");
                    last.push_str(&String::from_utf8_lossy(text));
                }
                Piece::End => kept.push('?'),
            }
            Ok::<(), ()>(())
        };
        let names = files(xml.as_bytes(), &places, &[Some("Name"), None], &mut tell).ok()?;
        Some((kept, found, names))
    }

    #[test]
    fn files_are_found_with_or_without_wrappers_and_know_their_names() {
        let one = "<D><Code>1</Code><Attachments><A><Base64>AA\n==</Base64><Name>x&amp;y.pdf</Name></A>\
                   <A><Name>z</Name><Base64><![CDATA[BB]]>&#65;</Base64></A></Attachments></D>";
        let (kept, found, names) = told(one).expect("it is XML");
        assert_eq!(kept, one.replace("AA\n==", "?").replace("<![CDATA[BB]]>&#65;", "?"));
        assert_eq!(found, ["Attachments.A.Base64=AA\n==", "Attachments.A[2].Base64=BBA"]);
        assert_eq!(names, [Some("x&y.pdf".to_owned()), Some("z".to_owned())]);

        let bare = "<n:L xmlns:n='u'><n:D><n:Attachments><n:Base64>AA</n:Base64></n:Attachments><n:Scan>CC</n:Scan></n:D></n:L>";
        let (kept, found, names) = told(bare).expect("it is XML");
        assert_eq!(kept, bare.replace("AA", "?").replace("CC", "?"));
        assert_eq!(found, ["D.Attachments.Base64=AA", "D.Scan=CC"]);
        assert_eq!(names, [None, None]);
    }

    #[test]
    fn what_stands_elsewhere_is_no_file() {
        let other = "<D><Base64>AA</Base64><Attachments/><Base64/><Note>Attachments Base64</Note></D>";
        assert_eq!(told(other), Some((other.to_owned(), Vec::new(), Vec::new())));
    }

    #[test]
    fn what_cannot_be_followed_is_left_to_others() {
        for xml in [
            "<D><Attachments><Base64>AA",
            "<D><Attachments><Base64>A<B/></Base64>",
            "<D><Attachments><Base64>A<B>x</B></Base64></Attachments></D>",
            "<!DOCTYPE D><D/>",
            "<D>&own;</D>",
            "<D></E>",
            &"<a>".repeat(400),
        ] {
            assert_eq!(told(xml).filter(|(kept, ..)| kept != xml), None, "{xml:.40}");
        }
    }
}
