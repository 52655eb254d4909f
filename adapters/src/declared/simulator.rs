//! The other side of a declared peer, told by example files: which call is meant, and what is answered to it.
//!
//! `examples/*.yaml`, tried in the order of their names; the first that fits answers. It remembers three things, so that what matters can be
//! tried: what it has taken (by the text at `about`), which session is good, and what has happened at the peer, to be asked for or told.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Body, Pairs, Simulator};
use gateway_core::fault::Defect;
use gateway_core::ids::Moment;
use gateway_core::translator::yaml::Yaml;
use serde_json::{Value, json};

use super::FOLDER;
use super::faults::{Read, read};
use super::sheet::{Defects, Sheet};
use super::spec::template;
use super::template::{Place, Template};
use super::way::Notation;
use crate::Files;
use crate::wire::soap::Version;

const HOLES: [&str; 8] = ["about", "session", "id", "value", "number", "records", "last", "known"];

/// All examples of one peer, and what it remembers.
pub(super) struct Examples {
    examples: Vec<Example>,
    events: BTreeMap<String, Event>,
    session: u64,
    calls: u64,
    asked: BTreeMap<String, u64>,
    taken: BTreeMap<String, u64>,
    records: Vec<String>,
    due: Vec<Ask>,
}

/// One call that the peer understands, and its answer.
struct Example {
    name: String,
    method: String,
    path: String,
    has: Vec<String>,
    about: String,
    known: Option<bool>,
    session: Option<Needs>,
    takes: bool,
    after: String,
    status: u16,
    content_type: String,
    body: Template,
}

#[derive(PartialEq)]
enum Needs {
    Good,
    Bad,
    Gives,
}

/// Something that happens at the peer: a record for whoever asks, or a call to us.
struct Event {
    record: Template,
    call: Option<(String, String, String)>,
}

impl Examples {
    /// Reads the examples of a folder; none if it has none.
    pub(super) fn read(dialect: &str, files: &Files) -> Result<Option<Examples>, Vec<Defect>> {
        let folder = format!("{FOLDER}/{dialect}/examples/");
        let (mut examples, mut events, mut found) = (Vec::new(), BTreeMap::new(), Vec::new());
        for (path, bytes) in
            files.iter().filter(|(path, _)| path.starts_with(&folder) && path.ends_with(".yaml"))
        {
            let file = format!("mappings/{path}");
            let defects = Defects::of(&file);
            match Yaml::read(&file, bytes) {
                Ok(yaml) => {
                    let mut sheet = Sheet::new(&yaml, "", &defects);
                    match sheet.maybe("event") {
                        Some(name) => _ = events.insert(name, Event::read(sheet)),
                        None => examples.push(Example::read(path.trim_start_matches(&folder), sheet)),
                    }
                }
                Err(defect) => found.push(defect),
            }
            found.extend(defects.take());
        }
        if !found.is_empty() {
            return Err(found);
        }
        let examples = Examples {
            examples,
            events,
            session: 1,
            calls: 0,
            asked: BTreeMap::new(),
            taken: BTreeMap::new(),
            records: Vec::new(),
            due: Vec::new(),
        };
        Ok(Some(examples).filter(|examples| !examples.examples.is_empty()))
    }

    fn session(&self) -> String {
        format!("phien-{}", self.session)
    }
}

impl Example {
    fn read(name: &str, mut sheet: Sheet) -> Example {
        let ask = sheet.block("ask");
        if ask.is_none() {
            sheet.wrong("ask", "an example says which call it answers (or is an `event`)", None);
        }
        let mut example = Example {
            name: name.to_owned(),
            method: String::new(),
            path: String::new(),
            has: Vec::new(),
            about: String::new(),
            known: None,
            session: None,
            takes: sheet.flag("takes"),
            after: String::new(),
            status: 200,
            content_type: String::new(),
            body: Template::default(),
        };
        if let Some(mut ask) = ask {
            example.method = ask.text("method", "POST");
            example.path = ask.needed("path");
            for node in ask.list("has") {
                match node.text() {
                    Some(text) => example.has.push(text.to_owned()),
                    None => ask.wrong("has", "texts are expected", None),
                }
            }
            example.about = ask.text("about", "");
            example.after = ask.text("after", "");
            example.known = match ask.word("known", &["", "true", "false"]) {
                "" => None,
                word => Some(word == "true"),
            };
            example.session = match ask.word("session", &["", "good", "bad"]) {
                "good" => Some(Needs::Good),
                "bad" => Some(Needs::Bad),
                _ => None,
            };
            ask.finish();
        }
        if sheet.flag("gives-session") {
            example.session = Some(Needs::Gives);
        }
        if let Some(mut answer) = sheet.block("answer") {
            let status = answer.count("status", 200);
            example.status = u16::try_from(status).ok().filter(|status| (100..600).contains(status)).unwrap_or_else(|| {
                answer.wrong("status", "an HTTP status is expected", None);
                200
            });
            example.content_type = answer.text("content-type", "application/json");
            let body = answer.text("body", "");
            example.body = template(&answer, "body", &body, &HOLES);
            answer.finish();
        }
        sheet.finish();
        example
    }

    fn fits(&self, all: &Examples, ask: &Ask, about: Option<&str>) -> bool {
        let text = String::from_utf8_lossy(&ask.body.bytes);
        let says = |wanted: &String| {
            let in_header = |(name, value): &(String, String)| {
                format!("{}: {value}", name.to_lowercase()).contains(wanted.as_str())
            };
            text.contains(wanted.as_str())
                || ask.headers.iter().any(in_header)
                || ask.query.iter().any(|(name, value)| format!("{name}={value}").contains(wanted.as_str()))
        };
        let is_good = || says(&all.session());
        ask.method.eq_ignore_ascii_case(&self.method)
            && self.path_fits(&ask.path)
            && self.has.iter().all(says)
            && self
                .known
                .is_none_or(|wanted| about.is_some_and(|about| all.taken.contains_key(about)) == wanted)
            && match self.session {
                Some(Needs::Good) => is_good(),
                Some(Needs::Bad) => !is_good(),
                _ => true,
            }
    }

    /// `/a/*` is any one segment.
    fn path_fits(&self, path: &str) -> bool {
        let (wanted, given): (Vec<&str>, Vec<&str>) =
            (self.path.split('/').collect(), path.split('/').collect());
        wanted.len() == given.len()
            && wanted.iter().zip(&given).all(|(wanted, given)| *wanted == "*" || wanted == given)
    }

    /// What a call is about: the text at that place of its body, whatever notation that is in; else its last segment.
    fn about(&self, ask: &Ask) -> Option<String> {
        if self.about.is_empty() {
            return None;
        }
        if self.about == "*" {
            return ask.path.rsplit('/').next().map(str::to_owned);
        }
        let read = [Notation::Json, Notation::Soap(Version::V11), Notation::Xml]
            .into_iter()
            .find_map(|notation| read(notation, &ask.body.bytes))?;
        match &read {
            Read::Fault(..) => None,
            read => read.text(&self.about),
        }
    }
}

impl Event {
    fn read(mut sheet: Sheet) -> Event {
        let record = sheet.needed("record");
        let record = template(&sheet, "record", &record, &HOLES);
        let call = sheet.block("call").map(|mut call| {
            let told = (
                call.needed("path"),
                call.text("content-type", "application/json"),
                call.text("body", "{record}"),
            );
            call.finish();
            told
        });
        sheet.finish();
        Event { record, call }
    }
}

impl Simulator for Examples {
    fn respond(&mut self, ask: &Ask, _at: Moment) -> Answer {
        let found = self.examples.iter().find_map(|example| {
            let about = example.about(ask);
            example.fits(self, ask, about.as_deref()).then_some((example, about))
        });
        let Some((example, about)) = found else {
            self.calls += 1;
            return Answer::json(404, &json!({ "message": "no example answers this call" }));
        };
        let about = about.unwrap_or_default();
        let gives = example.session == Some(Needs::Gives);
        let (name, status, takes) = (example.name.clone(), example.status, example.takes);
        let from = ask.query(&example.after).unwrap_or_default().to_owned();
        let from: usize = from.parse().unwrap_or(0);
        let after = self.records.iter().skip(from).map(String::as_str).collect::<Vec<_>>().join(",");
        let fill = |hole: &str| match hole {
            "about" => about.clone(),
            "session" => self.session(),
            "records" => after.clone(),
            "last" => self.records.len().to_string(),
            "number" => (self.taken.len() + usize::from(!self.taken.contains_key(&about))).to_string(),
            "known" => self.taken.contains_key(&about).to_string(),
            _ => String::new(),
        };
        let body = example.body.fill(Place::Plain, &fill);
        let headers = vec![("content-type".to_owned(), example.content_type.clone())];
        // Log-ins are counted by their own name only.
        self.calls += u64::from(!gives);
        *self.asked.entry(name).or_default() += 1;
        if takes {
            *self.taken.entry(about).or_default() += 1;
        }
        Answer { status, headers, body: Body::of(body) }
    }

    fn due(&mut self, _at: Moment) -> Vec<Ask> {
        std::mem::take(&mut self.due)
    }

    fn state(&self) -> Value {
        let doubled: u64 = self.taken.values().map(|times| times - 1).sum();
        json!({
            "calls": self.calls,
            "taken": self.taken.len(),
            "doubled": doubled,
            "records": self.records.len(),
            "sessions": self.session,
            "asked": self.asked,
        })
    }

    /// `expire-sessions`; `know <about>`: somebody else told it that; `<event> <about> [<value>]` as the event's file says.
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["expire-sessions"] => self.session += 1,
            ["know", about] => _ = self.taken.entry((*about).to_owned()).or_insert(1),
            [name, about, rest @ ..] => {
                let Some(event) = self.events.get(*name) else { return false };
                let number = (self.records.len() + 1).to_string();
                let value = rest.join(" ");
                let fill = |hole: &str| match hole {
                    "about" => (*about).to_owned(),
                    "value" => value.clone(),
                    "number" | "id" => number.clone(),
                    _ => String::new(),
                };
                let record = event.record.fill(Place::Plain, &fill);
                if let Some((path, media, body)) = &event.call {
                    let headers: Pairs = vec![("content-type".to_owned(), media.clone())];
                    self.due.push(Ask {
                        method: "POST".to_owned(),
                        path: path.clone(),
                        query: Pairs::new(),
                        headers,
                        body: Body::of(body.replace("{record}", &record)),
                    });
                } else {
                    self.records.push(record);
                }
            }
            _ => return false,
        }
        true
    }
}
