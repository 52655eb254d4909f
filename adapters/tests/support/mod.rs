//! A loop that leads one delivery to its end, as the server's does, but in memory and without time: for fixtures and batteries.
//!
//! It holds the adapter to the rules of the port on the way: the next turn is the same when asked twice, no request and no mark
//! contains a secret, and a delivery makes at most one call whose effect counts once.

// Each test binary uses its own part of this.
#![allow(dead_code)]

pub mod bank;
pub mod carrier;
pub mod chance;
pub mod faults;
pub mod network;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters::Files;
use gateway_core::adapter::{
    Adapter, Answer, Body, Conversation, Effect, Exchange, Keys, Marks, Receipt, Request, Secret, Session,
    Transcript, Turn, Verdict,
};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::{Class, Envelope};
use gateway_core::fault::{Fault, Remedy};
use gateway_core::ids::{Account, Correlation, Kind, MessageId, Moment, PeerName, Unit};
use serde_json::Value;

/// What every secret of these tests starts with.
pub const MARKER: &str = "BIMAT";
/// The agency of these tests.
pub const UNIT: &str = "000.00.00.H99";
const TURNS_MAX: usize = 40;

/// A path below this package.
pub fn place(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The tables below `mappings/`, as the gateway gives them to adapters: those of the tree.
pub fn files() -> Files {
    static FILES: std::sync::OnceLock<Files> = std::sync::OnceLock::new();
    let read = || {
        let mut files: Files = declared().into_iter().collect();
        gather(&place("../mappings"), "", &mut files);
        files
    };
    FILES.get_or_init(read).clone()
}

/// Every YAML file of a folder that is no case of a mapping, by its path below it.
fn gather(folder: &Path, below: &str, files: &mut Files) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).expect("a name");
        match path.is_dir() {
            true if !name.ends_with(".cases") => gather(&path, &format!("{below}{name}/"), files),
            false if name.ends_with(".yaml") => {
                let bytes =
                    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                files.insert(format!("{below}{name}"), bytes);
            }
            _ => {}
        }
    }
}

/// The worked examples of declared peers, as an overlay is read.
fn declared() -> Vec<(String, Vec<u8>)> {
    let root = place("../tests/fixtures");
    let (mut open, mut found) = (vec![root.join("declared")], Vec::new());
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(&path).expect("a readable folder");
            open.extend(inside.map(|entry| entry.expect("an entry").path()));
        } else {
            let name =
                path.strip_prefix(&root).expect("it lies below").to_string_lossy().replace("/mappings/", "/");
            found.push((name, std::fs::read(&path).expect("a readable file")));
        }
    }
    found
}

/// Builds an adapter from settings in TOML.
pub fn build(adapter: &str, dialect: &str, settings: &str) -> Arc<dyn Adapter> {
    let settings: toml::Table = settings.parse().expect("settings are TOML");
    adapters::build(adapter, dialect, &settings, &files()).unwrap_or_else(|defects| panic!("{defects:#?}"))
}

/// Any moment: nothing here depends on it.
pub fn noon() -> Moment {
    Moment::parse("2026-03-10T05:00:00Z").expect("a moment")
}

/// A message for the portal.
pub fn message(kind: &str, code: &str, document: Value) -> Envelope {
    Envelope {
        files: Vec::new(),
        id: MessageId::new(noon(), [7; 10]),
        correlation: Correlation::from("c-1"),
        traceparent: None,
        from: PeerName::from("mot-cua"),
        unit: Unit::from(UNIT),
        kind: Kind::from(kind),
        class: if kind == "dossier-recorded" { Class::Snapshot } else { Class::Event },
        dossier: DossierCode::new(code),
        status: None,
        due: None,
        at: noon(),
        hints: BTreeMap::new(),
        document,
    }
}

/// What became of a call.
pub enum Heard {
    /// It was answered.
    Answer(Answer),
    /// Nobody knows whether it arrived.
    Lost,
    /// It never left.
    NotSent,
    /// There is nobody left to ask.
    Over,
}

/// The other end of a conversation.
pub trait Peer {
    /// Makes a call.
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard;
    /// The session was refused.
    fn session_refused(&mut self) {}
    /// Can another attempt be made?
    fn more(&self) -> bool;
}

/// How a delivery ended.
#[derive(Debug, PartialEq)]
pub enum End {
    Delivered(Receipt),
    Dead(Fault),
    Held(Fault),
    Waits(Fault),
    InDoubt,
    Over,
}

/// One delivery on its way.
pub struct Delivery<'a> {
    pub adapter: &'a dyn Adapter,
    pub message: &'a Envelope,
    pub marks: Marks,
    pub transcript: Transcript,
    /// What happened, in the words of the fixtures.
    pub log: Vec<String>,
    /// Send an entry again when nobody can tell whether it arrived.
    pub repeat_when_unknown: bool,
    /// How often the loop did that.
    pub repeated: usize,
}

impl<'a> Delivery<'a> {
    pub fn new(adapter: &'a dyn Adapter, message: &'a Envelope, marks: Marks) -> Self {
        Delivery {
            adapter,
            message,
            marks,
            transcript: Transcript::default(),
            log: Vec::new(),
            repeat_when_unknown: false,
            repeated: 0,
        }
    }

    /// Leads it to its end.
    pub fn run(&mut self, peer: &mut dyn Peer) -> End {
        for _ in 0..TURNS_MAX {
            match self.turn() {
                Ok(Turn::Done(receipt)) => return End::Delivered(receipt),
                Ok(Turn::Call(request)) => {
                    if let Some(end) = self.make(peer, request) {
                        return end;
                    }
                }
                Err(fault) => {
                    if let Some(end) = self.settle(peer, fault) {
                        return end;
                    }
                }
            }
        }
        panic!("no end after {TURNS_MAX} turns: {:#?}", self.log);
    }

    fn talk(&self) -> Conversation<'_> {
        Conversation { message: self.message, marks: &self.marks, transcript: &self.transcript }
    }

    fn turn(&self) -> Result<Turn<Receipt>, Fault> {
        let turn = self.adapter.next_turn(&self.talk());
        assert_eq!(turn, self.adapter.next_turn(&self.talk()), "the next turn is the same when asked twice");
        turn
    }

    fn make(&mut self, peer: &mut dyn Peer, request: Request) -> Option<End> {
        match self.call(peer, &request) {
            Heard::Answer(answer) => {
                let exchange = Exchange { request, answer };
                let lesson = self.adapter.learn(&exchange);
                assert!(!format!("{lesson:?}").contains(MARKER), "a mark holds a secret");
                self.marks.extend(lesson);
                self.transcript.0.push(exchange);
                let once = |exchange: &&Exchange| exchange.request.effect == Effect::Once;
                assert!(self.transcript.0.iter().filter(once).count() <= 1, "two calls that count once");
                None
            }
            Heard::Lost if request.effect == Effect::Once => self.doubt(peer, request),
            Heard::Lost | Heard::NotSent => None,
            Heard::Over => Some(End::Over),
        }
    }

    fn settle(&mut self, peer: &mut dyn Peer, fault: Fault) -> Option<End> {
        if fault.remedy == Remedy::Correct {
            return Some(End::Dead(fault));
        }
        let struck = self.transcript.0.pop();
        if let (Remedy::Doubt, Some(exchange)) = (fault.remedy, &struck)
            && exchange.request.effect == Effect::Once
        {
            self.log.push(format!("! {} {:?}", fault.code, fault.remedy));
            let request = exchange.request.clone();
            return self.doubt(peer, request);
        }
        if fault.remedy == Remedy::Renew {
            peer.session_refused();
        }
        if struck.is_none() || !peer.more() {
            return Some(if fault.remedy == Remedy::Hold { End::Held(fault) } else { End::Waits(fault) });
        }
        self.log.push(format!("! {} {:?}", fault.code, fault.remedy));
        None
    }

    fn doubt(&mut self, peer: &mut dyn Peer, lost: Request) -> Option<End> {
        let mut own = Transcript::default();
        for _ in 0..TURNS_MAX {
            let talk = Conversation { message: self.message, marks: &self.marks, transcript: &own };
            match self.adapter.read_back(&talk, &lost) {
                Ok(Turn::Call(request)) => match self.call(peer, &request) {
                    Heard::Answer(answer) => own.0.push(Exchange { request, answer }),
                    Heard::Over => return Some(End::Over),
                    Heard::Lost | Heard::NotSent => {}
                },
                Ok(Turn::Done(Verdict::Happened(answer))) => {
                    self.log.push("~ happened".to_owned());
                    let exchange = Exchange { request: lost, answer };
                    self.marks.extend(self.adapter.learn(&exchange));
                    self.transcript.0.push(exchange);
                    return None;
                }
                Ok(Turn::Done(Verdict::DidNot)) => {
                    self.log.push("~ did not happen".to_owned());
                    return None;
                }
                Ok(Turn::Done(Verdict::Unknown)) if self.repeat_when_unknown => {
                    self.repeated += 1;
                    return None;
                }
                Ok(Turn::Done(Verdict::Unknown)) => return Some(End::InDoubt),
                Err(fault) => {
                    if fault.remedy == Remedy::Renew {
                        peer.session_refused();
                    }
                    own.0.pop();
                }
            }
        }
        panic!("no verdict after {TURNS_MAX} turns");
    }

    fn call(&mut self, peer: &mut dyn Peer, request: &Request) -> Heard {
        let stored = serde_json::to_string(request).expect("a request can be stored");
        assert!(!stored.contains(MARKER), "a request holds a secret");
        let Request { step, effect, endpoint, ask, .. } = request;
        self.log.push(format!("> {step} {effect:?} {endpoint} {} {}{}", ask.method, ask.path, queried(ask)));
        if ask.body.length() > 0 {
            self.log.push(shown(&ask.body));
        }
        let heard = peer.call(self.adapter, request);
        match &heard {
            Heard::Answer(answer) => self.log.extend(told(answer)),
            Heard::Lost => self.log.push("< lost".to_owned()),
            Heard::NotSent => self.log.push("< not sent".to_owned()),
            Heard::Over => {}
        }
        heard
    }
}

/// The query of a call as it stands behind the path; nothing if there is none.
pub fn queried(ask: &gateway_core::adapter::Ask) -> String {
    let pairs: Vec<String> = ask.query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// An answer in the words of the fixtures.
pub fn told(answer: &Answer) -> Vec<String> {
    let headers: String = answer.headers.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let mut lines = vec![format!("< {}{headers}", answer.status)];
    if answer.body.length() > 0 {
        lines.push(shown(&answer.body));
    }
    lines
}

/// A body on one line: a file as what names it, ends of lines as `↵`.
pub fn shown(body: &Body) -> String {
    let mut bytes = body.bytes.clone();
    for placed in body.files.iter().rev() {
        bytes.splice(placed.at..placed.at, placed.file.text().into_bytes());
    }
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if body.files.is_empty() && !text.contains('\r') { text } else { text.replace("\r\n", "↵") }
}

/// The secrets of every peer in these tests.
pub fn secrets() -> BTreeMap<String, Secret> {
    BTreeMap::from([
        ("username".to_owned(), Secret::new("tichhop.h99.example")),
        ("password".to_owned(), Secret::new(format!("{MARKER}-mat-khau"))),
        ("client_id".to_owned(), Secret::new(format!("{MARKER}-ma-khach"))),
        ("client_secret".to_owned(), Secret::new(format!("{MARKER}-bi-mat"))),
        ("consumer_key".to_owned(), Secret::new(format!("{MARKER}-khoa"))),
        ("consumer_secret".to_owned(), Secret::new(format!("{MARKER}-bi-mat"))),
        ("key_token".to_owned(), Secret::new(format!("{MARKER}-khoa"))),
        ("access_token".to_owned(), Secret::new(format!("{MARKER}-ma"))),
        ("merchant_token".to_owned(), Secret::new(format!("{MARKER}-ma"))),
        ("token".to_owned(), Secret::new(format!("{MARKER}-ma"))),
    ])
}

/// A session with the marker in it.
pub fn marked_session() -> Session {
    Session { token: Secret::new(format!("{MARKER}-phien")), good_until: None }
}

/// Logs in at a simulator, as the server's sessions do.
pub fn log_in(
    adapter: &dyn Adapter,
    fixed: &BTreeMap<String, Secret>,
    mut answer: impl FnMut(&gateway_core::adapter::Ask) -> Answer,
) -> Result<Session, Fault> {
    let keys = Keys { fixed, session: None };
    let account = Account::from("default");
    let mut transcript = Transcript::default();
    loop {
        match adapter.log_in(&account, &keys, &transcript, noon())? {
            Turn::Done(session) => return Ok(session),
            Turn::Call(request) => {
                let signed = adapter.sign(&request, &keys, noon())?;
                let answer = answer(signed.ask());
                transcript.0.push(Exchange { request, answer });
            }
        }
    }
}
