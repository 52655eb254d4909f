//! How a delivery or a question goes on, call by call.
//!
//! - **Recording** a dossier is create-or-update: a create that is answered "exists" becomes an update, an update answered
//!   "missing" becomes a create, and a portal that contradicts itself ends that. So both may be repeated, and a lost answer
//!   needs no read-back.
//! - **Progress** is the portal's one call that counts each time; it is made once, and only for a dossier the portal knows.
//!   Where no mark says so, a look-up asks first; if the answer is no, the delivery is held until a snapshot was taken.
//! - **Status answers** are states and may be repeated. **Questions** are passed on and their answers handed back as they are.

use gateway_core::adapter::{Answer, Conversation, Effect, Exchange, Marks, Receipt, Request, Turn, Verdict};
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::{Map, Value, json};

use super::{Portal, inquiries};
use super::faults::Outcome;
use super::wire::{self, Reply};
use crate::kinds::{
    ASK_PORTAL, DOSSIER_ANSWERED, DOSSIER_PROGRESSED, DOSSIER_RECORDED, HINT_TYPE, HINT_UPDATING,
};

const CREATE: &str = "create";
const UPDATE: &str = "update";
const LOOK_UP: &str = "look-up";
const PROGRESS: &str = "progress";
const ANSWER: &str = "answer";
const ASK: &str = "ask";
const READ_BACK: &str = "read-back";

/// `1`: the portal knows the dossier; `0`: it said that it does not.
const AT_PORTAL: &str = "at-portal";

/// No progress entry has an id; these fields together are its name.
const ENTRY_KEY: [&str; 4] = ["MaHoSo", "ThoiDiemXuLy", "TrangThai", "NoiDungXuLy"];

impl Portal {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let kind = talk.message.kind.as_str();
        if let Some(service) = inquiries::service(kind) {
            return self.report(talk, service);
        }
        match kind {
            DOSSIER_RECORDED => self.record(talk),
            DOSSIER_PROGRESSED => self.progress(talk),
            DOSSIER_ANSWERED => self.answer(talk),
            ASK_PORTAL => self.ask(talk),
            other => Err(ours("portal.kind", format!("Cổng DVCQG không nhận loại thông điệp {other}"))),
        }
    }

    /// What an answer teaches: whether the portal knows the dossier.
    pub(super) fn lesson(&self, exchange: &Exchange) -> Marks {
        let known = match (exchange.request.step.as_str(), self.outcomes.of(&exchange.answer)) {
            (CREATE | UPDATE, Outcome::Done | Outcome::Exists(_)) => "1",
            (LOOK_UP, Outcome::Done) if found(&exchange.answer) => "1",
            // Without this a portal that lost a dossier would be sent steps for it for ever.
            (UPDATE | PROGRESS, Outcome::Missing(_)) => "0",
            _ => return Marks::new(),
        };
        Marks::from([(AT_PORTAL.to_owned(), known.to_owned())])
    }

    /// Did a progress entry arrive? Only a portal that shows its entries can tell. It is looked up even where it cannot: as
    /// long as the portal does not answer a question without effect, nothing that counts each time is said to it again.
    pub(super) fn look_back(&self, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
        let field = self.settings.progress_list_field.as_str();
        if lost.step != PROGRESS {
            return Ok(Turn::Done(Verdict::Unknown));
        }
        let Some(last) = talk.transcript.last() else {
            return self.look_up(talk, READ_BACK).map(Turn::Call);
        };
        let reply = match self.outcomes.of(&last.answer) {
            Outcome::Done => Reply::read(&last.answer).unwrap_or_default(),
            Outcome::Missing(_) => return Ok(Turn::Done(Verdict::DidNot)),
            Outcome::Failed(fault) if fault.remedy != Remedy::Correct => return Err(fault),
            Outcome::Failed(_) | Outcome::Exists(_) => return Ok(Turn::Done(Verdict::Unknown)),
        };
        Ok(Turn::Done(if reply.is_empty() { Verdict::DidNot } else { shown(&reply, field, lost) }))
    }

    fn record(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let call = |step| self.snapshot(talk, step).map(Turn::Call);
        let Some(last) = talk.transcript.last() else {
            let told = talk.message.hints.get(HINT_UPDATING).is_some_and(|updating| updating == "true");
            return call(if known(talk.marks) || told { UPDATE } else { CREATE });
        };
        let asked = |step| talk.transcript.0.iter().filter(|exchange| exchange.request.step == step).count();
        match (last.request.step.as_str(), self.outcomes.of(&last.answer)) {
            (_, Outcome::Done) => Ok(Turn::Done(receipt(talk))),
            // Twice, because a create whose answer was lost is answered "exists" when it is made again.
            (CREATE, Outcome::Exists(_)) if asked(UPDATE) < 2 => call(UPDATE),
            (UPDATE, Outcome::Missing(_)) if asked(CREATE) == 0 => call(CREATE),
            // A first create cannot miss its own dossier: something else in it is not known there.
            (CREATE, Outcome::Missing(fault)) if asked(UPDATE) == 0 => {
                Err(unknown_code(fault))
            }
            (_, Outcome::Exists(fault) | Outcome::Missing(fault)) => Err(contradiction(fault)),
            (_, Outcome::Failed(fault)) => Err(fault),
        }
    }

    fn progress(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let call = || self.entry(talk).map(Turn::Call);
        let Some(last) = talk.transcript.last() else {
            return if known(talk.marks) { call() } else { self.look_up(talk, LOOK_UP).map(Turn::Call) };
        };
        match (last.request.step.as_str(), self.outcomes.of(&last.answer)) {
            (LOOK_UP, Outcome::Done) if found(&last.answer) => call(),
            (LOOK_UP, Outcome::Done) => Err(held(String::new())),
            (_, Outcome::Missing(fault)) => Err(held(fault.cause)),
            (LOOK_UP, Outcome::Exists(_)) => call(),
            // "Exists" said of an entry: it is there, which is all that was wanted.
            (_, Outcome::Done | Outcome::Exists(_)) => Ok(Turn::Done(receipt(talk))),
            (_, Outcome::Failed(fault)) => Err(fault),
        }
    }

    fn answer(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let Some(last) = talk.transcript.last() else {
            let kind = talk.message.hints.get(HINT_TYPE).map_or("2", String::as_str);
            let rest = [("type", Value::from(kind)), ("data", talk.message.document.clone())];
            let call = self.call(talk, ANSWER, Effect::Repeatable, "DongBoTrangThaiHoSo", rest)?;
            return Ok(Turn::Call(call));
        };
        match self.outcomes.of(&last.answer) {
            Outcome::Done | Outcome::Exists(_) => Ok(Turn::Done(receipt(talk))),
            // The dossier was born there: if the portal does not know its code, the code is wrong.
            Outcome::Missing(fault) => Err(unknown_code(fault)),
            Outcome::Failed(fault) => Err(fault),
        }
    }

    fn ask(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let Some(last) = talk.transcript.last() else { return self.question(talk).map(Turn::Call) };
        match self.outcomes.of(&last.answer) {
            // The asker reads the portal's envelope itself, unless the answer is none of the portal's.
            Outcome::Failed(fault)
                if matches!(fault.remedy, Remedy::Renew | Remedy::Later | Remedy::Doubt)
                    || Reply::read(&last.answer).is_none() =>
            {
                Err(fault)
            }
            _ => Ok(Turn::Done(Receipt { reference: String::new(), answer: Some(last.answer.clone()), ..Receipt::default() })),
        }
    }

    fn snapshot(&self, talk: &Conversation, step: &str) -> Result<Request, Fault> {
        let updating = if step == UPDATE { "True" } else { "False" };
        let rest = [("isUpdating", Value::from(updating)), ("data", list(&talk.message.document))];
        self.call(talk, step, Effect::Repeatable, "DongBoHoSoMC", rest)
    }

    fn entry(&self, talk: &Conversation) -> Result<Request, Fault> {
        let rest = [("data", list(&talk.message.document))];
        self.call(talk, PROGRESS, Effect::Once, "CapNhatTienDoHoSoMC", rest)
    }

    fn look_up(&self, talk: &Conversation, step: &str) -> Result<Request, Fault> {
        let rest = [("mahoso", Value::from(dossier(talk)))];
        self.call(talk, step, Effect::Repeatable, "TraCuuHoSo", rest)
    }

    /// The caller's question, without a session of its own and under a unit.
    fn question(&self, talk: &Conversation) -> Result<Request, Fault> {
        let Value::Object(mut body) = talk.message.document.clone() else {
            return Err(Fault::sender("portal.question", "câu hỏi phải là một đối tượng JSON có trường service"));
        };
        body.shift_remove("session");
        if body.get("madonvi").and_then(wire::plain).is_none_or(|unit| unit.is_empty()) {
            body.insert("madonvi".to_owned(), Value::from(self.unit(talk)?));
        }
        let service = body.get("service").and_then(Value::as_str).unwrap_or_default();
        let path = self.settings.path(service).to_owned();
        let account = self.settings.account(talk.message.unit.as_str());
        let body = Value::Object(body);
        Ok(wire::request(&self.settings, ASK, Effect::Repeatable, Some(account), &path, &body))
    }

    pub(super) fn call<const N: usize>(
        &self,
        talk: &Conversation,
        step: &str,
        effect: Effect,
        service: &str,
        rest: [(&str, Value); N],
    ) -> Result<Request, Fault> {
        let unit = self.unit(talk)?;
        let mut body = Map::new();
        body.insert("madonvi".to_owned(), Value::from(unit));
        body.insert("service".to_owned(), Value::from(service));
        body.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        let path = self.settings.path(service);
        let account = self.settings.account(unit);
        Ok(wire::request(&self.settings, step, effect, Some(account), path, &Value::Object(body)))
    }

    /// The unit that speaks: the message's, else the configured one.
    fn unit<'a>(&'a self, talk: &Conversation<'a>) -> Result<&'a str, Fault> {
        let own = talk.message.unit.as_str();
        let unit = if own.is_empty() { self.settings.unit.as_str() } else { own };
        if unit.is_empty() {
            let words = "thông điệp không nêu đơn vị và cấu hình chưa có unit (madonvi) mặc định";
            return Err(ours("portal.no-unit", words.to_owned()));
        }
        Ok(unit)
    }
}

fn known(marks: &Marks) -> bool {
    marks.get(AT_PORTAL).is_some_and(|known| known == "1")
}

fn found(answer: &Answer) -> bool {
    Reply::read(answer).is_some_and(|reply| !reply.is_empty())
}

/// `data` is always a list, of one: the portal says of a batch only that it failed, never which part.
fn list(document: &Value) -> Value {
    json!([document])
}

/// The code as the document writes it; what was translated is what the portal knows.
fn dossier(talk: &Conversation) -> String {
    let written = talk.message.document.get("MaHoSo").and_then(wire::plain);
    written.or_else(|| talk.message.dossier.as_ref().map(ToString::to_string)).unwrap_or_default()
}

fn receipt(talk: &Conversation) -> Receipt {
    Receipt { reference: dossier(talk), ..Receipt::default() }
}

/// Is the lost entry in the list that the portal shows?
fn shown(reply: &Reply, field: &str, lost: &Request) -> Verdict {
    let lists: Vec<&Vec<Value>> =
        reply.rows().iter().filter_map(|row| row.get(field).and_then(Value::as_array)).collect();
    let body: Value = serde_json::from_slice(&lost.ask.body.bytes).unwrap_or_default();
    let Some(entry) = body.pointer("/data/0") else { return Verdict::Unknown };
    if lists.is_empty() {
        return Verdict::Unknown;
    }
    if lists.into_iter().flatten().any(|row| same_entry(row, entry)) {
        return Verdict::Happened(Answer::json(200, &json!({ "error_code": 0, "message": "read back" })));
    }
    Verdict::DidNot
}

fn same_entry(row: &Value, entry: &Value) -> bool {
    let text = |value: &Value, name: &str| value.get(name).and_then(wire::plain).unwrap_or_default();
    // Rows below a dossier need not repeat its code.
    ENTRY_KEY
        .iter()
        .all(|name| (*name == "MaHoSo" && row.get(*name).is_none()) || text(row, name) == text(entry, name))
}

fn held(cause: String) -> Fault {
    let words = "Cổng DVCQG chưa có hồ sơ này; bước tiến độ chờ đến khi hồ sơ được nhận";
    Fault::new("portal.unknown-dossier", Blame::Peer, Remedy::Hold, words).because(cause)
}

pub(super) fn unknown_code(fault: Fault) -> Fault {
    let words = "Cổng DVCQG không biết một mã nêu trong thông điệp; kiểm tra các mã rồi gửi lại";
    Fault { words: words.to_owned(), code: "portal.unknown-code".into(), remedy: Remedy::Correct, ..fault }
}

fn contradiction(fault: Fault) -> Fault {
    let words = "Cổng DVCQG vừa báo đã có vừa báo chưa có hồ sơ này";
    Fault { words: words.to_owned(), code: "portal.contradiction".into(), remedy: Remedy::Unclear, ..fault }
}

fn ours(code: &'static str, words: String) -> Fault {
    Fault::new(code, Blame::Gateway, Remedy::Correct, words)
}
