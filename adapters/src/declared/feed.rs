//! The one feed of a declared peer: a page after the place that was read last.
//!
//! A record without a key is known by its content, so what is read twice counts once. A page that moves the cursor nowhere ends the
//! reading, whatever it says of more.

use gateway_core::adapter::{
    Answer, Cursor, Effect, Feed, FeedSpec, Item, Page, Payload, Scope, Transcript, Turn,
};
use gateway_core::fault::{Fault, Remedy};
use gateway_core::ids::{Kind, fingerprint};
use serde_json::Value;

use super::faults::{self, Judge, Read};
use super::outbound::without_session;
use super::sheet::{Sheet, Within};
use super::spec::{Known, Peer};
use super::way::{Call, Notation, Way};
use crate::wire::node::Node;
use crate::wire::outcomes::Means;
use crate::wire::xml;

const HOLES: [&str; 1] = ["cursor"];

/// How the feed is asked and read.
#[derive(Debug)]
pub(super) struct Source {
    name: String,
    /// The line where its words begin.
    pub(super) line: u64,
    /// As the channel says.
    pub(super) kind: String,
    pub(super) way: Way,
    every_seconds: u32,
    first_cursor: String,
    items: String,
    pub(super) parts: Parts,
    /// Where the answer says where to go on; else where the last record does.
    cursor: String,
    cursor_of_last: String,
    more: String,
    judge: Judge,
}

/// Where an item says what it is about.
#[derive(Debug, Default)]
pub(super) struct Parts {
    dossier: String,
    unit: String,
    key: String,
}

impl Parts {
    pub(super) fn read(sheet: &mut Sheet, within: &Within) -> Parts {
        let mut place = |key| sheet.place(key, within);
        Parts { dossier: place("dossier"), unit: place("unit"), key: place("key") }
    }

    /// An item of a peer. `always_keyed`: without a key of its own its content is one.
    pub(super) fn item(&self, dialect: &str, kind: &str, node: Node, always_keyed: bool) -> Item {
        let text = |path: &str| if path.is_empty() { None } else { node.text_at(path) };
        let payload = match node {
            Node::Json(value) => Payload::Json(value.clone()),
            Node::Xml(element, _) => Payload::Xml(xml::write(element).into_bytes()),
            Node::Text(text) => Payload::Json(Value::from(text)),
        };
        let content = || match &payload {
            Payload::Json(value) => fingerprint(&[&value.to_string()]),
            Payload::Xml(bytes) => fingerprint(&[&String::from_utf8_lossy(bytes)]),
        };
        let key = text(&self.key).or_else(|| always_keyed.then(content));
        Item {
            kind: Kind::from(kind),
            dossier: text(&self.dossier),
            unit: text(&self.unit),
            keys: key.map(|key| format!("{dialect}/{key}")).into_iter().collect(),
            hints: Default::default(),
            payload,
        }
    }
}

impl Source {
    pub(super) fn read(mut sheet: Sheet, notation: Notation, known: &Known) -> Source {
        let own = sheet.has("answer");
        let answered = known.with(&mut sheet);
        // What the other calls are answered is no page.
        let page = Within::Contract(if own { answered.contract.clone() } else { String::new() });
        let source = Source {
            name: sheet.text("name", "feed"),
            line: sheet.line,
            kind: String::new(),
            way: Way::read(&mut sheet, notation, &HOLES, true),
            every_seconds: sheet.count("every-seconds", 300),
            first_cursor: sheet.text("first-cursor", ""),
            items: sheet.place("items", &page),
            parts: Parts::read(&mut sheet, &Within::Record),
            cursor: sheet.place("cursor", &page),
            cursor_of_last: sheet.place("cursor-of-last", &Within::Record),
            more: sheet.place("more", &page),
            judge: answered.judge(notation),
        };
        if source.cursor.is_empty() == source.cursor_of_last.is_empty() {
            sheet.wrong("cursor", "either `cursor` or `cursor-of-last` says where to go on", None);
        }
        sheet.finish();
        source
    }

    pub(super) fn offered(&self) -> FeedSpec {
        FeedSpec {
            name: self.name.clone(),
            scope: Scope::Whole,
            every_ms: u64::from(self.every_seconds) * 1000,
            first_cursor: Some(Cursor(self.first_cursor.clone())),
        }
    }

    fn page(&self, peer: &Peer, read: &Read, before: &str) -> Page {
        let Some(node) = read.node() else { return Page::default() };
        let records = node.list(&self.items);
        let text = |node: Node, path: &str| if path.is_empty() { None } else { node.text_at(path) };
        let last = records.last().and_then(|record| text(*record, &self.cursor_of_last));
        let cursor = text(node, &self.cursor).or(last).filter(|cursor| cursor != before);
        // Who does not say whether there is more is asked until there is nothing.
        let more = match self.more.as_str() {
            "" => !records.is_empty(),
            place => matches!(text(node, place).as_deref(), Some("true" | "1")),
        };
        Page {
            items: records
                .iter()
                .map(|node| self.parts.item(&peer.dialect, &self.kind, *node, true))
                .collect(),
            more: more && cursor.is_some(),
            cursor: cursor.map(Cursor),
        }
    }
}

/// The next call, or a page.
pub(super) fn page(peer: &Peer, feed: &Feed, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
    let source = peer.feed.as_ref().filter(|source| source.name == feed.name);
    let source = source
        .ok_or_else(|| faults::ours("declared.feed", format!("không có nguồn dữ liệu {}", feed.name)))?;
    let before = feed.cursor.map_or(source.first_cursor.as_str(), |cursor| cursor.0.as_str());
    let Some(last) = transcript.last() else {
        let fill = |name: &str| if name == HOLES[0] { before.to_owned() } else { String::new() };
        let call = Call {
            step: &source.name,
            effect: Effect::Repeatable,
            endpoint: &peer.endpoint,
            account: peer.auth.account(),
            notation: peer.notation,
            body: source.way.own_body(peer.notation, &fill),
        };
        return Ok(Turn::Call(source.way.request(call, &fill)));
    };
    let read = readable(peer, source, &last.answer)?;
    Ok(Turn::Done(source.page(peer, &read, before)))
}

/// A page is what has a good status and a place for records; it needs no code of success, but none that a row understands otherwise.
fn readable(peer: &Peer, source: &Source, answer: &Answer) -> Result<Read, Fault> {
    let (means, fault) = source.judge.of(answer);
    let good = matches!(means, Means::Done | Means::Exists | Means::Pending | Means::Unclear);
    let read = faults::read(peer.notation, &answer.body.bytes);
    let read = read.filter(|read| read.node().is_some_and(|node| node.has_place(&source.items)));
    match read.filter(|_| good && answer.status < 300) {
        Some(read) => Ok(read),
        None if good => Err(Fault { remedy: Remedy::Unclear, ..fault }),
        None => Err(without_session(peer, fault)),
    }
}
