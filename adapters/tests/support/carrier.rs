//! A carrier's simulator behind a network with a script, the mappings of the tree, and what was heard of it: for the tests of the whole way.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Ask, Body, Cursor, Exchange, Fate, Feed, Heard as Said, Item, Keys, Marks,
    Payload, Request, Scope, Secret, Session, Simulator, Transcript, Turn,
};
use gateway_core::envelope::Class;
use gateway_core::fault::Fault;
use gateway_core::ids::{ChannelName, MessageId, Moment, PeerName};
use gateway_core::schema::Contracts;
use gateway_core::shipment::{Event, Shipment, fold};
use gateway_core::translator::{Context, Translation, Translator};
use serde_json::{Value, json};

use super::network::Quirk;
use super::{Delivery, End, Heard, MARKER, Peer, build, message, noon, place, secrets};

pub const CODE: &str = "H99.07-261001-0042";
pub const NUMBER: &str = "H99.07-261001-0042/R1";
pub const CARRIERS: [&str; 4] = ["hcc", "ems", "myvnpost", "legacy"];
pub const SETTINGS: [(&str, &str); 4] = [
    ("hcc", "customer_code = \"HCC_H99_0001\"\nnumber_form = \"{dossier}/{leg}{shipment}\""),
    ("ems", ""),
    ("myvnpost", "customer_code = \"T000000000\"\nservice_code = \"ETN011\""),
    ("legacy", "customer_code = \"HCC_H99_0001\""),
];

pub fn settings(dialect: &str) -> &'static str {
    SETTINGS.iter().find(|(name, _)| *name == dialect).map_or("", |(_, settings)| settings)
}

pub static TRANSLATOR: LazyLock<Translator> = LazyLock::new(|| {
    let contracts = Contracts::compile(&read("../schemas")).unwrap_or_else(|defects| panic!("{defects:#?}"));
    Translator::compile(&read("../mappings"), &contracts).unwrap_or_else(|defects| panic!("{defects:#?}"))
});

pub fn read(folder: &str) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.file_type().expect("a type").is_dir() {
                true => walk(&entry.path(), &format!("{name}/"), found),
                false => _ = found.insert(name, std::fs::read(entry.path()).expect("a file")),
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&place(folder), "", &mut found);
    found
}

pub fn party(name: &str, phone: &str, commune: &str) -> Value {
    json!({ "name": name, "phone": phone, "address": { "detail": "Thôn Mẫu", "province": "98", "commune": commune } })
}

pub fn order(leg: &str, shipment: u64) -> Value {
    let (desk, citizen) = (
        party("Trung tâm PVHCC tỉnh Mẫu", "0200000001", "98001"),
        party("Nguyễn Văn Thử", "0900000001", "98002"),
    );
    let (sender, receiver) = if leg == "RETURN" { (desk, citizen) } else { (citizen, desk) };
    json!({
        "dossier": { "code": CODE }, "leg": leg, "shipment": shipment, "sender": sender, "receiver": receiver,
        "contents": "01 giấy chứng nhận", "weightGrams": 50, "cod": { "fees": 50000, "postage": 26000 },
    })
}

/// A carrier behind a network with a script, and what was heard of it.
pub struct World {
    pub dialect: &'static str,
    pub adapter: Arc<dyn Adapter>,
    pub sim: Box<dyn Simulator>,
    pub script: Vec<Quirk>,
    pub calls: usize,
    pub fixed: BTreeMap<String, Secret>,
    pub session: Option<Session>,
    pub now: Moment,
    pub heard: Vec<Event>,
    pub keys: Vec<String>,
    pub refused: usize,
    pub parked: usize,
}

pub const QUIRKS: [Quirk; 6] =
    [Quirk::Pass, Quirk::Busy, Quirk::Html, Quirk::LostBefore, Quirk::LostAfter, Quirk::SessionsExpire];

impl World {
    pub fn new(dialect: &'static str, script: Vec<Quirk>) -> World {
        World::set(dialect, settings(dialect), script)
    }

    pub fn set(dialect: &'static str, text: &str, script: Vec<Quirk>) -> World {
        let table = text.parse().expect("settings are TOML");
        World {
            dialect,
            adapter: build("postal", dialect, text),
            sim: adapters::simulator("postal", dialect, &table).expect("a carrier has a simulator"),
            script,
            calls: 0,
            fixed: secrets(),
            session: None,
            now: noon(),
            heard: Vec::new(),
            keys: Vec::new(),
            refused: 0,
            parked: 0,
        }
    }

    pub fn count(&self, name: &str) -> u64 {
        self.sim.state()[name].as_u64().unwrap_or_else(|| panic!("{} counts {name}", self.dialect))
    }

    /// Sends a canonical document by the carrier's mapping.
    pub fn send(&mut self, kind: &str, document: &Value, marks: Marks) -> (End, Marks) {
        let document =
            self.translated("out", kind, &Payload::Json(document.clone())).expect("it is translated");
        let mut message = message(kind, CODE, document);
        message.class = Class::Event;
        let adapter = self.adapter.clone();
        let mut delivery = Delivery::new(&*adapter, &message, marks);
        let end = delivery.run(self);
        (end, delivery.marks)
    }

    pub fn translated(&self, way: &str, kind: &str, payload: &Payload) -> Result<Value, Fault> {
        let name = format!("postal/{}/{way}-{kind}", self.dialect);
        let plan = TRANSLATOR.plan(&name).unwrap_or_else(|| panic!("there is {name}"));
        let (codes, context) = (BTreeMap::new(), |codes| Context { codes });
        let translation: Translation = match payload {
            Payload::Json(value) => {
                let wrong = plan.source().check(value);
                if !wrong.is_empty() {
                    return Err(Fault::sender("contract.violated", "").with(wrong));
                }
                plan.translate(value, &context(&codes))?
            }
            Payload::Xml(bytes) => plan.translate_xml(bytes, &context(&codes))?,
        };
        Ok(translation.documents.into_iter().next().expect("one document"))
    }

    /// Takes what the carrier sends by itself.
    pub fn listen(&mut self) {
        for ask in self.sim.due(self.now) {
            let answer = self.call_us(ask);
            assert!(answer.status < 500, "{}", answer.status);
        }
    }

    fn call_us(&mut self, ask: Ask) -> Answer {
        let arrival = Arrival {
            files: Vec::new(),
            dossiers: Vec::new(),
            channel: ChannelName::from(format!("postal/{}", self.dialect)),
            caller: Some(PeerName::from("buu-chinh")),
            ask,
            rest: String::new(),
            officer: None,
            level: gateway_core::adapter::Level::Token,
            at: self.now,
        };
        match self.adapter.clone().receive(&arrival) {
            Ok(Said::Messages(items)) => {
                let fates: Vec<Fate> = items.into_iter().map(|item| self.take(item)).collect();
                self.adapter.reply(&arrival, Ok(&fates))
            }
            Ok(_) => panic!("a carrier sends messages"),
            Err(fault) => self.adapter.reply(&arrival, Err(&fault)),
        }
    }

    /// Asks every feed of the carrier until there is no more.
    pub fn poll(&mut self, item: Option<&str>) {
        let adapter = self.adapter.clone();
        for spec in adapter.feeds() {
            let mut cursor: Option<Cursor> = spec.first_cursor.clone();
            let about = item.filter(|_| spec.scope == Scope::PerItem);
            loop {
                let mut transcript = Transcript::default();
                let page = loop {
                    let feed = Feed { name: &spec.name, about, cursor: cursor.as_ref(), at: self.now };
                    match adapter.poll(&feed, &transcript).unwrap_or_else(|fault| panic!("{fault}")) {
                        Turn::Done(page) => break page,
                        Turn::Call(request) => {
                            assert!(!format!("{request:?}").contains(MARKER), "a request holds a secret");
                            let Heard::Answer(answer) = self.call(&*adapter, &request) else { continue };
                            transcript.0.push(Exchange { request, answer });
                        }
                    }
                };
                for item in page.items {
                    self.take(item);
                }
                cursor = page.cursor.or(cursor);
                if !page.more {
                    break;
                }
            }
        }
    }

    /// As the intake does: known by a key, refused by its contract, or an event.
    fn take(&mut self, item: Item) -> Fate {
        let id = MessageId::new(self.now, [1; 10]);
        assert_eq!(item.kind.as_str(), "postal-event-observed");
        if item.keys.iter().any(|key| self.keys.contains(key)) {
            return Fate::Duplicate { id };
        }
        self.keys.extend(item.keys);
        match self.translated("in", "postal-event-observed", &item.payload) {
            Ok(document) => {
                let ours = item.dossier.as_deref().is_none_or(|dossier| dossier == CODE);
                let sequence = self.heard.len() as u64;
                match Event::read(&document, self.now, sequence).filter(|_| ours) {
                    Some(event) => self.heard.push(event),
                    None => self.parked += 1,
                }
                Fate::Accepted { id, verdict: None }
            }
            Err(fault) => {
                self.refused += 1;
                Fate::Refused(fault)
            }
        }
    }

    pub fn shipment(&self) -> Shipment {
        fold(&self.heard, None)
    }

    pub fn after_hours(&mut self, hours: i64) {
        self.now = self.now.plus_millis(hours * 3_600_000);
        // The simulator dates what it does by the last call it saw.
        let look = Ask {
            method: "GET".into(),
            path: "/".into(),
            query: vec![],
            headers: vec![],
            body: Body::default(),
        };
        self.sim.respond(&look, self.now);
    }
}

impl Peer for World {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        let now = self.now;
        if request.account.is_some() && self.session.is_none() {
            let sim = &mut self.sim;
            self.session =
                Some(super::log_in(adapter, &self.fixed, |ask| sim.respond(ask, now)).expect("a session"));
        }
        let quirk = self.script.get(self.calls).copied().unwrap_or(Quirk::Pass);
        self.calls += 1;
        let keys = Keys { fixed: &self.fixed, session: self.session.as_ref() };
        let signed = adapter.sign(request, &keys, now).expect("it can be signed");
        if quirk == Quirk::SessionsExpire {
            self.sim.nudge(&["expire-sessions"]);
        }
        quirk.hear(|| self.sim.respond(signed.ask(), now))
    }

    fn session_refused(&mut self) {
        self.session = None;
    }

    fn more(&self) -> bool {
        true
    }
}
