//! `peer.yaml`, read and checked: everything that is wrong with it at once, held against the channels of the same folder.

use std::collections::BTreeMap;

use gateway_core::adapter::Effect;
use gateway_core::channel::{Channel, Direction};
use gateway_core::fault::{Defect, nearest};
use gateway_core::ids::Kind;
use gateway_core::translator::yaml::Yaml;
use serde::Deserialize;

use super::FOLDER;
use super::door::Door;
use super::faults::{FAMILY, Judge, Places};
use super::feed::Source;
use super::session::Auth;
use super::sheet::{Defects, Place, Sheet, Within};
use super::template::{Form, Template};
use super::way::{Notation, Way, Wrap};
use crate::wire::outcomes::{Means, Row};
use crate::wire::soap::Version;

/// What may fill the holes of a call about a message.
pub(super) const HOLES: [&str; 4] = ["dossier", "unit", "id", "mark:"];
const NOTATIONS: [(&str, Notation); 4] = [
    ("json", Notation::Json),
    ("xml", Notation::Xml),
    ("soap-1.1", Notation::Soap(Version::V11)),
    ("soap-1.2", Notation::Soap(Version::V12)),
];

/// A declared peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) dialect: String,
    pub(super) notation: Notation,
    pub(super) endpoint: String,
    pub(super) auth: Auth,
    /// By kind.
    pub(super) calls: BTreeMap<String, Told>,
    pub(super) feed: Option<Source>,
    /// By the name of their channel.
    pub(super) doors: BTreeMap<String, Door>,
    /// What the file says of documents, for whoever knows their contracts.
    pub(super) places: Vec<Place>,
}

/// How the peer is told of one kind.
#[derive(Debug)]
pub(super) struct Told {
    /// The line where this begins.
    pub(super) line: u64,
    pub(super) way: Way,
    pub(super) judge: Judge,
    pub(super) wraps: Vec<Wrap>,
    pub(super) effect: Effect,
    /// Where its answer says what it calls this.
    pub(super) reference: String,
    pub(super) marks: Vec<(String, String)>,
    pub(super) read_back: Option<ReadBack>,
}

/// How it is asked whether a call arrived that nobody answered.
#[derive(Debug)]
pub(super) struct ReadBack {
    pub(super) way: Way,
    pub(super) judge: Judge,
}

#[derive(Deserialize)]
struct ChannelFile {
    channels: Vec<Channel>,
}

impl Peer {
    /// Reads the file of this dialect; `channels` are its doors and ways out.
    pub(super) fn read(dialect: &str, bytes: &[u8], channels: Option<&[u8]>) -> Result<Peer, Vec<Defect>> {
        let file = format!("mappings/{FOLDER}/{dialect}/peer.yaml");
        let yaml = Yaml::read(&file, bytes).map_err(|defect| vec![defect])?;
        let defects = Defects::of(&file);
        let channels = channels.and_then(|bytes| std::str::from_utf8(bytes).ok());
        // What is wrong with that file is said by whoever reads everybody's channels.
        let channels =
            channels.map(|text| serde_saphyr::from_str::<ChannelFile>(text).map(|file| file.channels));
        let peer = Peer::of(dialect, &yaml, &defects, channels.as_ref().and_then(|read| read.as_ref().ok()));
        if channels.is_none() {
            defects.push(0, "", "there is no channels.yaml beside it", None);
        }
        let found = defects.take();
        if found.is_empty() { Ok(Peer { places: defects.places(), ..peer }) } else { Err(found) }
    }

    fn of(dialect: &str, yaml: &Yaml, defects: &Defects, channels: Option<&Vec<Channel>>) -> Peer {
        let mut sheet = Sheet::new(yaml, "", defects);
        // For people.
        _ = sheet.text("title", "");
        let word = sheet.word("notation", &NOTATIONS.map(|(word, _)| word));
        let notation = NOTATIONS.iter().find(|(known, _)| *known == word).map_or(Notation::Json, |(_, n)| *n);
        let endpoint = sheet.text("endpoint", "peer");
        let auth = Auth::read(sheet.block("auth"), notation, &endpoint);
        let known = Known::default().with(&mut sheet);
        let mut calls = BTreeMap::new();
        for (kind, sheet) in sheet.blocks("calls") {
            calls.insert(kind, Told::read(sheet, notation, &known));
        }
        let feed = sheet.block("feed").map(|sheet| Source::read(sheet, notation, &known));
        let mut doors = BTreeMap::new();
        for (channel, sheet) in sheet.blocks("hears") {
            let door = Door::read(&channel, sheet, notation);
            doors.insert(channel, door);
        }
        let mut peer =
            Peer { dialect: dialect.to_owned(), notation, endpoint, auth, calls, feed, doors, places: Vec::new() };
        if let Some(channels) = channels {
            peer.hold_against(channels, &sheet);
        }
        // A call whose answers no row takes for a yes is never over, however often it is made.
        for (kind, told) in &peer.calls {
            let says = |means| told.judge.table.has(means);
            if !told.judge.table.is_empty() && ![Means::Done, Means::Pending, Means::Exists].into_iter().any(says) {
                let field = format!("calls.{kind}.outcomes");
                let message = "no row means `done`, `pending` or `exists`, so nothing would ever be delivered: say which answer is a yes";
                defects.push(told.line, &field, message, None);
            }
        }
        let speechless = peer.calls.values().any(|told| told.judge.table.is_empty());
        if speechless || known.rows.is_empty() && peer.feed.is_some() {
            sheet.wrong("outcomes", "without rows nothing that it answers can be understood", None);
        }
        for message in peer.unsigned() {
            sheet.wrong("auth", message, None);
        }
        sheet.finish();
        peer
    }

    /// Calls that the secret would have no place in, as far as that can be told without a contract.
    fn unsigned(&self) -> Vec<String> {
        let Some(at) = self.auth.at() else { return Vec::new() };
        let no = |what: String| format!("the body of {what} has no place for the secret");
        let is_list = |told: &Told| told.wraps.first() == Some(&Wrap::List);
        let lists = self.calls.iter().filter(|(_, told)| is_list(told));
        let lists = lists.filter(|_| !at.has_place(b"[]", self.notation)).map(|(kind, _)| no(format!("calls.{kind}")));
        let fill = |_: &str| "x".to_owned();
        let lacks = |way: &Way| {
            let body = way.own_body(self.notation, &fill).unwrap_or_default();
            !at.has_place(&body.bytes, self.notation)
        };
        let backs = self.calls.iter().filter(|(_, told)| told.read_back.as_ref().is_some_and(|back| lacks(&back.way)));
        let backs = backs.map(|(kind, _)| no(format!("calls.{kind}.read-back")));
        let feed = self.feed.iter().filter(|feed| lacks(&feed.way)).map(|_| no("feed".to_owned()));
        lists.chain(backs).chain(feed).collect()
    }

    /// The endpoints that its calls leave for.
    pub(super) fn endpoints(&self) -> Vec<String> {
        let calls = !self.calls.is_empty() || self.feed.is_some();
        let log_in = self.auth.endpoint().filter(|endpoint| calls && *endpoint != self.endpoint);
        calls.then(|| self.endpoint.clone()).into_iter().chain(log_in.map(str::to_owned)).collect()
    }

    /// Each way out has its call, each door its words, and the reverse.
    fn hold_against(&mut self, channels: &[Channel], sheet: &Sheet) {
        let of = |direction| channels.iter().filter(move |channel| channel.direction == direction);
        let told: Vec<&Kind> = of(Direction::Out).flat_map(|channel| channel.kinds.keys()).collect();
        for kind in told.iter().filter(|kind| !self.calls.contains_key(kind.as_str())) {
            let near = nearest(kind.as_str(), self.calls.keys().map(String::as_str));
            sheet.wrong("calls", format!("channels.yaml sends out `{kind}`, and no call says how"), near);
        }
        for kind in self.calls.keys().filter(|kind| !told.iter().any(|known| known.as_str() == **kind)) {
            let near = nearest(kind, told.iter().map(|kind| kind.as_str()));
            sheet.wrong("calls", format!("no outbound channel of channels.yaml has the kind `{kind}`"), near);
        }
        let doors: Vec<&str> = of(Direction::In).map(|channel| channel.name.as_str()).collect();
        for name in self.doors.keys().filter(|name| !doors.contains(&name.as_str())) {
            let near = nearest(name, doors.iter().copied());
            sheet.wrong("hears", format!("channels.yaml has no inbound channel `{name}`"), near);
        }
        for channel in of(Direction::In) {
            let kinds: Vec<&Kind> = channel.kinds.keys().collect();
            match (self.doors.get_mut(channel.name.as_str()), kinds.as_slice()) {
                (Some(door), [kind]) => door.kind = kind.as_str().to_owned(),
                (None, _) => {
                    let message =
                        format!("nothing says how the calls of channel `{}` are read", channel.name);
                    sheet.wrong("hears", message, None);
                }
                _ => sheet.wrong("hears", format!("channel `{}` must have one kind", channel.name), None),
            }
        }
        let fed: Vec<&Kind> = of(Direction::Feed).flat_map(|channel| channel.kinds.keys()).collect();
        match (&mut self.feed, fed.as_slice()) {
            (Some(feed), [kind]) => feed.kind = kind.as_str().to_owned(),
            (None, []) => {}
            (Some(_), _) => sheet.wrong("feed", "needs one channel `direction: feed` with one kind", None),
            (None, _) => {
                sheet.wrong("feed", "channels.yaml has a feed, and nothing says how it is read", None)
            }
        }
    }
}

/// How answers are read and judged, as far as the file has said it: one call may say more, or otherwise.
#[derive(Default)]
pub(super) struct Known {
    /// Of the whole answer; empty if it has none.
    pub(super) contract: String,
    places: Places,
    rows: Vec<Row>,
}

impl Known {
    /// The same with what a block says itself: its places instead, its rows before.
    pub(super) fn with(&self, sheet: &mut Sheet) -> Known {
        let (mut contract, mut places) = (self.contract.clone(), self.places.clone());
        if let Some(mut own) = sheet.block("answer") {
            contract = own.contract("contract");
            let within = Within::Contract(contract.clone());
            let mut place = |key, above: &str| match own.has(key) {
                true => own.place(key, &within),
                false => above.to_owned(),
            };
            places = Places {
                code: place("code", &self.places.code),
                message: place("message", &self.places.message),
            };
            own.finish();
        }
        let mut rows = rows(sheet, places.code.is_empty());
        rows.extend(self.rows.iter().cloned());
        Known { contract, places, rows }
    }

    pub(super) fn judge(self, notation: Notation) -> Judge {
        Judge { notation, places: self.places, table: FAMILY.tried(self.rows) }
    }
}

/// The rows of a table; what is wrong is said at the row's own line.
fn rows(sheet: &mut Sheet, codeless: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, node) in sheet.list("outcomes").iter().enumerate() {
        let field = sheet.field(&format!("outcomes[{}]", index + 1));
        match serde_json::from_value::<Row>(node.json()) {
            Ok(row) => match FAMILY.wrong(&row, codeless) {
                Some((inner, message)) => {
                    sheet.defects.push(node.line, &format!("{field}.{inner}"), message, None);
                }
                None => rows.push(row),
            },
            Err(error) => {
                // serde says: unknown field `x`, expected one of `a`, `b`
                let message = error.to_string();
                let mut quoted = message.split('`').skip(1).step_by(2);
                let given = quoted.next().unwrap_or_default();
                let near = message.starts_with("unknown").then(|| nearest(given, quoted)).flatten();
                sheet.defects.push(node.line, &field, message.clone(), near);
            }
        }
    }
    rows
}

impl Told {
    fn read(mut sheet: Sheet, notation: Notation, known: &Known) -> Told {
        let way = Way::read(&mut sheet, notation, &HOLES, false);
        let answered = known.with(&mut sheet);
        let within = Within::Contract(answered.contract.clone());
        let told = Told {
            line: sheet.line,
            wraps: Wrap::read(&mut sheet, notation),
            effect: match sheet.word("effect", &["once", "repeatable"]) {
                "repeatable" => Effect::Repeatable,
                _ => Effect::Once,
            },
            reference: sheet.place("reference", &within),
            marks: sheet.places("marks", &within),
            read_back: sheet.block("read-back").map(|sheet| ReadBack::read(sheet, notation, &answered)),
            judge: answered.judge(notation),
            way,
        };
        sheet.finish();
        told
    }
}

impl ReadBack {
    fn read(mut sheet: Sheet, notation: Notation, known: &Known) -> ReadBack {
        let way = Way::read(&mut sheet, notation, &HOLES, true);
        let judge = known.with(&mut sheet).judge(notation);
        sheet.finish();
        ReadBack { way, judge }
    }
}

/// A text with holes, or a defect.
pub(super) fn template(sheet: &Sheet, key: &str, text: &str, known: &[&str]) -> Template {
    Template::read(text, known).unwrap_or_else(|(message, near)| {
        sheet.wrong(key, message, near);
        Template::default()
    })
}

/// A body with holes, or a defect.
pub(super) fn form(sheet: &mut Sheet, key: &'static str, notation: Notation, known: &[&str]) -> Option<Form> {
    let tree = sheet.tree(key)?;
    let read = Form::read(tree, notation, known);
    read.map_err(|(message, near)| sheet.wrong(key, message, near)).ok()
}
