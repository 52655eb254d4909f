//! OpenCPS in memory: it takes dossiers, files, submissions, actions and postal counters, and calls by itself when it is told to.
//!
//! It refuses what the real one would: another name or password, no `groupId`, a form without key, procedure or template, a dossier it
//! does not know. A second submission of a dossier counts as `doubled`. What it says by itself is worded in [`speech`].

mod speech;

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Answer, Ask, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Map, Value, json};

use super::outbound::uid_of;
use super::settings::Settings;
use crate::onestop::call;
use crate::wire::form;

/// The software.
pub(in crate::onestop) struct OpenCpsSim {
    base_path: String,
    /// What it wants to be shown; without it, nothing.
    authorization: Option<String>,
    /// A clerk gives the number at reception, not the submission.
    numbers_later: bool,
    dossiers: BTreeMap<String, Dossier>,
    calls: u64,
    refused: u64,
    updates: u64,
    submitted: u64,
    doubled: u64,
    actions: Vec<String>,
    postal: Vec<String>,
    to_say: Vec<Ask>,
}

#[derive(Default)]
struct Dossier {
    form: Map<String, Value>,
    number: String,
    status: String,
    files: BTreeMap<String, u64>,
}

type Told = (u16, Value);

impl OpenCpsSim {
    /// One without dossiers. `username` and `password`, if they are set, are what it takes.
    pub(in crate::onestop) fn new(table: &toml::Table) -> Self {
        let text = |name: &str| table.get(name).and_then(toml::Value::as_str);
        let both = text("username").zip(text("password"));
        OpenCpsSim {
            base_path: Settings::gather(table).0.base_path,
            authorization: both
                .map(|(name, word)| format!("Basic {}", STANDARD.encode(format!("{name}:{word}")))),
            numbers_later: false,
            dossiers: BTreeMap::new(),
            calls: 0,
            refused: 0,
            updates: 0,
            submitted: 0,
            doubled: 0,
            actions: Vec::new(),
            postal: Vec::new(),
            to_say: Vec::new(),
        }
    }

    fn answer(&mut self, ask: &Ask) -> Told {
        if self.authorization.as_ref().is_some_and(|wanted| ask.header("authorization") != Some(wanted)) {
            return error(401, "Unauthorized");
        }
        if ask.header("groupid").is_none_or(str::is_empty) {
            return error(403, "groupId");
        }
        let below = ask.path.strip_prefix(&self.base_path).and_then(|path| path.strip_prefix("/dossiers"));
        let Some(below) = below else { return error(404, "no such address") };
        let parts: Vec<&str> = below.split('/').filter(|part| !part.is_empty()).collect();
        match (ask.method.as_str(), parts.as_slice()) {
            ("GET", []) => self.search(ask),
            ("GET", [uid]) => self.shown(uid),
            ("POST", ["publish"]) => self.publish(ask),
            ("POST", [uid, "files"]) => self.file(uid, ask),
            ("POST", [uid, "submitting"]) => self.submit(uid),
            ("POST", [uid, "actions"]) => self.action(uid, ask),
            ("PUT", [uid]) => self.change(uid, ask),
            _ => error(405, "no such operation"),
        }
    }

    fn search(&self, ask: &Ask) -> Told {
        let wanted = ask.query("dossierNo").unwrap_or_default();
        let found = self.dossiers.iter().filter(|(_, dossier)| dossier.number == wanted);
        let rows: Vec<Value> = found.map(|(uid, dossier)| detail(uid, dossier)).collect();
        (200, json!({ "total": rows.len(), "data": rows }))
    }

    fn shown(&self, uid: &str) -> Told {
        match self.dossiers.get(uid) {
            Some(dossier) => (200, detail(uid, dossier)),
            None => error(404, "Not found"),
        }
    }

    fn publish(&mut self, ask: &Ask) -> Told {
        let Ok(form) = form::decode(&ask.body.bytes) else { return error(400, "form") };
        let text = |name: &str| form.get(name).and_then(call::text);
        let needed = ["serviceCode", "dossierTemplateNo"].iter().all(|name| text(name).is_some());
        let Some(uid) = text("referenceUid").filter(|_| needed) else {
            return error(400, "serviceCode, referenceUid");
        };
        self.updates += u64::from(self.dossiers.contains_key(&uid));
        let dossier = self.dossiers.entry(uid.clone()).or_default();
        dossier.form.extend(form);
        (200, detail(&uid, dossier))
    }

    fn file(&mut self, uid: &str, ask: &Ask) -> Told {
        let Some(dossier) = self.dossiers.get_mut(uid) else { return error(404, "Not found") };
        let boundary = ask.header("content-type").and_then(|media| media.split_once("boundary="));
        let Some((_, boundary)) = boundary else { return error(400, "multipart") };
        let parts = parts(&ask.body.bytes, boundary);
        let part = |name: &str| parts.iter().find(|(own, _)| own == name).map(|(_, content)| content);
        let (Some(key), Some(content)) = (part("referenceUid"), part("file")) else {
            return error(400, "file");
        };
        let key = String::from_utf8_lossy(key).into_owned();
        dossier.files.insert(key.clone(), content.len() as u64);
        (200, json!({ "referenceUid": key, "dossierFileId": dossier.files.len() }))
    }

    fn submit(&mut self, uid: &str) -> Told {
        let number = format!("H99.14-261123-{:04}", self.submitted + 1);
        let Some(dossier) = self.dossiers.get_mut(uid) else { return error(404, "Not found") };
        if dossier.status.is_empty() {
            self.submitted += 1;
            dossier.status = "new".to_owned();
            if !self.numbers_later {
                dossier.number = number;
            }
        } else {
            self.doubled += 1;
        }
        (200, detail(uid, dossier))
    }

    fn action(&mut self, uid: &str, ask: &Ask) -> Told {
        if !self.dossiers.contains_key(uid) {
            return error(404, "Not found");
        }
        let form = form::decode(&ask.body.bytes).unwrap_or_default();
        let text = |name: &str| form.get(name).and_then(Value::as_str).unwrap_or_default();
        if serde_json::from_str::<Value>(text("payload")).is_err() {
            return error(400, "payload");
        }
        self.actions.push(text("actionCode").to_owned());
        (200, json!({ "dossierActionId": self.actions.len(), "actionCode": text("actionCode") }))
    }

    fn change(&mut self, uid: &str, ask: &Ask) -> Told {
        let Some(dossier) = self.dossiers.get_mut(uid) else { return error(404, "Not found") };
        let form = form::decode(&ask.body.bytes).unwrap_or_default();
        for (name, value) in &form {
            self.postal.push(format!("{name}={}", value.as_str().unwrap_or_default()));
        }
        dossier.form.extend(form);
        (200, detail(uid, dossier))
    }

    /// A dossier of the counter, with a key that nobody else could guess.
    fn know(&mut self, number: &str) {
        let dossier =
            Dossier { number: number.to_owned(), status: "processing".to_owned(), ..Dossier::default() };
        self.dossiers.insert(uid_of(&format!("counter {number}")), dossier);
    }

    /// A clerk accepts a dossier of the portal and gives it a number.
    fn receive(&mut self, national: &str, number: &str) -> bool {
        let uid = uid_of(national);
        let Some(dossier) = self.dossiers.get_mut(&uid) else { return false };
        (dossier.number, dossier.status) = (number.to_owned(), "receiving".to_owned());
        self.to_say.push(speech::answered(&uid, national, number, "receiving"));
        true
    }
}

impl Simulator for OpenCpsSim {
    fn respond(&mut self, ask: &Ask, _at: Moment) -> Answer {
        self.calls += 1;
        let (status, body) = self.answer(ask);
        self.refused += u64::from(status >= 400 && status != 404);
        Answer::json(status, &body)
    }

    fn due(&mut self, _at: Moment) -> Vec<Ask> {
        std::mem::take(&mut self.to_say)
    }

    fn state(&self) -> Value {
        let files: usize = self.dossiers.values().map(|dossier| dossier.files.len()).sum();
        let bytes: u64 = self.dossiers.values().flat_map(|dossier| dossier.files.values()).sum();
        let published =
            self.dossiers.values().filter(|dossier| dossier.form.contains_key("serviceCode")).count();
        json!({
            "calls": self.calls, "dossiers": published, "updates": self.updates, "files": files, "bytes": bytes,
            "submitted": self.submitted, "doubled": self.doubled, "actions": self.actions.len(), "refused": self.refused,
            "order": self.postal,
        })
    }

    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["know", number] => self.know(number),
            ["numbers-later"] => self.numbers_later = true,
            ["receives", national, number] => return self.receive(national, number),
            ["publishes", number, status] => self.to_say.push(speech::published(number, status)),
            ["informs", number, status] => self.to_say.push(speech::informed(number, status)),
            ["documents", notation, number, status] => {
                self.to_say.push(speech::document(notation, number, status))
            }
            ["traces", notation, number, status] => self.to_say.push(speech::trace(notation, number, status)),
            _ => return false,
        }
        true
    }
}

fn detail(uid: &str, dossier: &Dossier) -> Value {
    let mut detail = json!({ "dossierId": 1, "referenceUid": uid, "dossierNo": dossier.number, "dossierStatus": dossier.status });
    for name in ["serviceCode", "viaPostal", "vnpostalStatus"] {
        detail[name] = dossier.form.get(name).cloned().unwrap_or_default();
    }
    detail
}

fn error(status: u16, words: &str) -> Told {
    (status, json!({ "message": "Error", "description": words }))
}

/// The parts of a form with files, by name.
fn parts(body: &[u8], boundary: &str) -> Vec<(String, Vec<u8>)> {
    let line = format!("--{boundary}");
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(at) = place(rest, line.as_bytes()) {
        let part = &rest[at + line.len()..];
        let end = place(part, format!("\r\n{line}").as_bytes()).unwrap_or(part.len());
        if let Some(gap) = place(&part[..end], b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&part[..gap]).into_owned();
            let name = head.split_once(" name=\"").and_then(|(_, rest)| rest.split_once('"'));
            found.extend(name.map(|(name, _)| (name.to_owned(), part[gap + 4..end].to_vec())));
        }
        rest = &part[end.min(part.len())..];
    }
    found
}

fn place(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
