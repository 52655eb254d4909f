//! Where a secret stands on a call to a declared peer, and how it is put there just before the wire.
//!
//! In a body it takes a place that is kept for it: in JSON a first field, in XML the text of an element that whoever wrote the body left
//! for it, because only its contract knows the order of elements. By splicing: what else stands in a body, and the files in it, stay as
//! they were written. A call without such a place is not sent unsigned.

use std::ops::Range;

use gateway_core::adapter::Ask;
use gateway_core::fault::{Blame, Fault, Remedy};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::sheet::{Sheet, Within};
use super::template::{Place, Template};
use super::way::Notation;
use crate::wire::xml::escaped;

const PLACES: [&str; 4] = ["header", "query", "body", "soap-header"];

/// Where a secret stands on a call.
#[derive(Debug)]
pub(super) enum At {
    /// In this header, behind this prefix.
    Header(String, String),
    Query(String),
    /// In the body: a field of the JSON object, or the way to an element.
    Body(String),
    /// In a block of the SOAP header.
    SoapHeader(Template),
}

impl At {
    pub(super) fn read(sheet: &mut Sheet, notation: Notation, header: &str, prefix: &str) -> At {
        let place = sheet.word("in", &PLACES);
        if place == "soap-header" && !matches!(notation, Notation::Soap(_)) {
            sheet.wrong("in", "only SOAP has a `soap-header`", None);
        }
        match place {
            "query" => At::Query(sheet.needed("name")),
            "body" => {
                let name = sheet.needed("name");
                if notation.is_xml() {
                    _ = sheet.place("name", &Within::Sent);
                    if name.contains(['@', '#']) {
                        sheet.wrong("name", "in XML a secret stands in an element of its own", None);
                    }
                }
                At::Body(name)
            }
            "soap-header" => {
                let block = sheet.needed("block");
                let read = Template::read(&block, &["secret"]).and_then(|block| {
                    if matches!(notation, Notation::Soap(_)) { block.well_formed(notation)? }
                    Ok(block)
                });
                At::SoapHeader(read.unwrap_or_else(|(message, near)| {
                    sheet.wrong("block", message, near);
                    Template::default()
                }))
            }
            _ => At::Header(sheet.text("name", header), sheet.text("prefix", prefix)),
        }
    }

    /// Has a body a place for the secret?
    pub(super) fn has_place(&self, body: &[u8], notation: Notation) -> bool {
        match self {
            At::Body(_) if notation == Notation::Json => body.first() == Some(&b'{'),
            At::Body(way) => text_of(body, way, notation).is_some(),
            _ => true,
        }
    }

    /// Puts a secret on a call.
    pub(super) fn put(&self, ask: &mut Ask, notation: Notation, secret: &str) -> Result<(), Fault> {
        match self {
            At::Header(name, prefix) => ask.headers.push((name.clone(), format!("{prefix}{secret}"))),
            At::Query(name) => ask.query.push((name.clone(), secret.to_owned())),
            At::Body(name) if notation == Notation::Json => {
                let field = format!("{}:{}", serde_json::json!(name), serde_json::json!(secret));
                match ask.body.bytes.as_slice() {
                    [b'{', b'}', ..] => splice(ask, 1..1, &field),
                    [b'{', ..] => splice(ask, 1..1, &format!("{field},")),
                    _ => return Err(no_place()),
                }
            }
            At::Body(way) => {
                let (at, around) = text_of(&ask.body.bytes, way, notation).ok_or_else(no_place)?;
                let text = escaped(secret);
                splice(ask, at, &around.map_or(text.clone(), |name| format!(">{text}</{name}>")));
            }
            At::SoapHeader(block) => {
                let block = block.fill(Place::Xml, &|_: &str| secret.to_owned());
                let at = find(&ask.body.bytes, b"<soap:Body>").ok_or_else(no_place)?;
                splice(ask, at..at, &format!("<soap:Header>{block}</soap:Header>"));
            }
        }
        Ok(())
    }
}

/// Nothing is sent unsigned, and no message is to blame: it waits.
fn no_place() -> Fault {
    let words = "nội dung gửi đi không có chỗ cho khóa; kiểm tra peer.yaml (auth)";
    Fault::new("declared.no-place", Blame::Gateway, Remedy::Later, words)
}

/// The text of the first element at the end of a way below the root (in SOAP, of what the body holds); of an empty element its end, with its
/// name.
fn text_of(body: &[u8], way: &str, notation: Notation) -> Option<(Range<usize>, Option<String>)> {
    let wanted: Vec<&str> = way.split('.').collect();
    let above = if matches!(notation, Notation::Soap(_)) { 3 } else { 1 };
    let mut reader = Reader::from_reader(body);
    let mut names: Vec<String> = Vec::new();
    let mut began: Option<usize> = None;
    loop {
        let before = position(&reader)?;
        let is_there = |names: &[String]| {
            names.len() == above + wanted.len()
                && (above == 1 || names[1] == "Body")
                && names[above..].iter().zip(&wanted).all(|(name, wanted)| name == wanted)
        };
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                names.push(String::from_utf8_lossy(tag.local_name().as_ref()).into_owned());
                if began.is_none() && is_there(&names) {
                    began = Some(position(&reader)?);
                }
            }
            Event::Empty(tag) => {
                names.push(String::from_utf8_lossy(tag.local_name().as_ref()).into_owned());
                if began.is_none() && is_there(&names) {
                    let end = position(&reader)?;
                    let name = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
                    return Some((end.checked_sub(2)?..end, Some(name)));
                }
                names.pop();
            }
            Event::End(_) => {
                if let Some(began) = began.filter(|_| is_there(&names)) {
                    return Some((began..before, None));
                }
                names.pop()?;
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>) -> Option<usize> {
    usize::try_from(reader.buffer_position()).ok()
}

fn splice(ask: &mut Ask, at: Range<usize>, text: &str) {
    let (begin, end) = (at.start, at.end);
    ask.body.bytes.splice(at, text.bytes());
    for file in ask.body.files.iter_mut().filter(|file| file.at >= end) {
        file.at = file.at - (end - begin) + text.len();
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::soap::Version;

    #[test]
    fn a_secret_takes_the_place_that_was_kept_for_it() {
        let put = |body: &str, way: &str, notation| {
            let body = gateway_core::adapter::Body::of(body);
            let (method, path) = ("POST".to_owned(), "/".to_owned());
            let mut ask = Ask { method, path, query: vec![], headers: vec![], body };
            At::Body(way.to_owned()).put(&mut ask, notation, "a<b").map_err(|fault| fault.remedy)?;
            Ok(String::from_utf8(ask.body.bytes).unwrap())
        };
        let xml = Notation::Xml;
        assert_eq!(put("<x><k>-</k><k>-</k></x>", "k", xml).unwrap(), "<x><k>a&lt;b</k><k>-</k></x>");
        assert_eq!(put("<p:x><p:a><p:k z='1'/></p:a></p:x>", "a.k", xml).unwrap(), "<p:x><p:a><p:k z='1'>a&lt;b</p:k></p:a></p:x>");
        assert_eq!(put("<x><a><k>-</k></a><k></k></x>", "k", xml).unwrap(), "<x><a><k>-</k></a><k>a&lt;b</k></x>");
        let soap = Notation::Soap(Version::V11);
        let envelope = |k: &str| format!("<s:Envelope><s:Header><x><k>-</k></x></s:Header><s:Body><x><k>{k}</k></x></s:Body></s:Envelope>");
        assert_eq!(put(&envelope("-"), "k", soap).unwrap(), envelope("a&lt;b"));
        for (body, notation) in [("<x><a/></x>", xml), ("<x><a><k>1</k></a></x>", xml), ("", xml), ("[{}]", Notation::Json), ("", Notation::Json)] {
            assert_eq!(put(body, "k", notation), Err(Remedy::Later), "{body}");
        }
    }
}
