//! How a delivery goes on, call by call.
//!
//! - A **dossier**: its number, its papers, then `NoiHoSo`. Number and papers may be asked for again: a number whose answer was lost leaves a
//!   hole in the numbering, and what was learnt once serves a correction too. `NoiHoSo` counts each time. Whether it arrived is looked up
//!   where the settings allow it; elsewhere a person looks.
//! - **Progress** counts each time, and nobody can tell whether it arrived. The **state** takes the place of the one before and may be
//!   repeated (ours: no document says so).
//! - Both need the id that iGATE gave the dossier. Where no mark has it, it is looked up, or the message waits for the dossier.

use std::collections::BTreeMap;

use gateway_core::adapter::{
    Answer, Conversation, Effect, Exchange, Item, Marks, Payload, Receipt, Request, Turn, Verdict,
};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Kind;
use serde_json::{Map, Value, json};

use super::Igate;
use super::faults::{envelope, held, ours};
use super::wire::{self, pair};
use crate::kinds::{
    DOSSIER_AMENDED, DOSSIER_ANSWERED, DOSSIER_PROGRESSED, DOSSIER_SUBMITTED, POSTAL_STATUS_CHANGED,
};
use crate::onestop::outcomes::Outcome;

const NUMBER: &str = "number";
const CREATE: &str = "create";
const PROGRESS: &str = "progress";
const STATE: &str = "state";
const LOOK_UP: &str = "look-up";
const READ_BACK: &str = "read-back";

/// The longest form of a dossier's code has less than half of it.
const NUMBER_BYTES_MAX: usize = 64;

/// The dossier's code at iGATE.
const CODE: &str = "MaHoSo";
/// Its id there.
const ID: &str = "idHoSo";

impl Igate {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.message.kind.as_str() {
            DOSSIER_SUBMITTED => self.submit(talk),
            DOSSIER_AMENDED if talk.marks.contains_key(ID) => self.submit(talk),
            DOSSIER_AMENDED => Err(held(String::new())),
            DOSSIER_PROGRESSED | POSTAL_STATUS_CHANGED => self.tell(talk, PROGRESS),
            DOSSIER_ANSWERED => self.tell(talk, STATE),
            other => Err(ours("igate.kind", format!("iGATE không nhận loại thông điệp {other}"))),
        }
    }

    /// What an answer teaches: number, files, the dossier's id.
    pub(super) fn lesson(&self, exchange: &Exchange) -> Marks {
        let mark = |name: &str, value: String| Marks::from([(name.to_owned(), value)]);
        let answer = &exchange.answer;
        match exchange.request.step.as_str() {
            NUMBER if answer.status < 300 => number(answer).map(|number| mark(CODE, number)).unwrap_or_default(),
            CREATE => match self.taken(answer) {
                Ok(Some(taken)) => Marks::from_iter([(ID.to_owned(), taken.id)].into_iter().chain(taken.code.map(|code| (CODE.to_owned(), code)))),
                _ => Marks::new(),
            },
            LOOK_UP if answer.status < 300 => {
                let asked = exchange.request.ask.query("code").unwrap_or_default();
                found(answer, asked).flatten().map(|id| mark(ID, id)).unwrap_or_default()
            }
            _ => self.lesson_of_paper(exchange),
        }
    }

    /// Did a dossier arrive? Its number is its own, so the search can tell: once. That it is there says nothing of a correction that was
    /// handed in under the same number. Of progress nobody can tell.
    pub(super) fn look_back(&self, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
        let body: Value = serde_json::from_slice(&lost.ask.body.bytes).unwrap_or_default();
        let can_tell = lost.step == CREATE && self.settings.look_up && !talk.marks.contains_key(ID);
        let code = wire::at(&body, "/MaHoSo").filter(|_| can_tell);
        let Some(code) = code else { return Ok(Turn::Done(Verdict::Unknown)) };
        let Some(last) = talk.transcript.last() else {
            return Ok(Turn::Call(self.look_up(READ_BACK, &code)));
        };
        Ok(Turn::Done(match found(&last.answer, &code) {
            Some(Some(id)) => {
                let data = json!({ "idHoSo": id, "maHoSo": code });
                Verdict::Happened(Answer::json(200, &json!({ "code": 200, "message": "read back", "data": data })))
            }
            Some(None) => Verdict::DidNot,
            None => match self.outcome(&last.answer) {
                Outcome::Failed(fault) if fault.remedy != Remedy::Correct && last.answer.status >= 300 => return Err(fault),
                _ => Verdict::Unknown,
            },
        }))
    }

    fn submit(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let papers = self.papers(talk)?;
        if let Some(last) = talk.transcript.last() {
            match last.request.step.as_str() {
                CREATE => return self.submitted(talk, &last.answer),
                NUMBER if last.answer.status >= 300 || number(&last.answer).is_none() => {
                    return Err(self.no_use(&last.answer, "mã hồ sơ"));
                }
                _ => self.judge_paper(last)?,
            }
        }
        let agency = self.settings.agency(talk.message.unit.as_str());
        if agency.is_empty() {
            return Err(ours("igate.no-unit", "thông điệp không nêu đơn vị, nên chưa rõ đơn vị tiếp nhận trên iGATE"));
        }
        let given = talk.transcript.answer(NUMBER).and_then(number);
        let Some(code) = given.or_else(|| talk.marks.get(CODE).cloned()) else {
            return self.ask_number(talk, agency).map(Turn::Call);
        };
        let components = match self.attach(&papers, talk)? {
            Turn::Call(request) => return Ok(Turn::Call(request)),
            Turn::Done(components) => components,
        };
        let mut body = block(&talk.message.document, "body");
        body.insert("MaHoSo".to_owned(), Value::from(code));
        body.insert("MaDonViTiepNhan".to_owned(), Value::from(agency));
        body.insert("ThanhPhanHoSo".to_owned(), components);
        let path = &self.settings.create_path;
        Ok(Turn::Call(wire::call(CREATE, Effect::Once, "POST", path, Some(Value::Object(body)))))
    }

    fn submitted(&self, talk: &Conversation, answer: &Answer) -> Result<Turn<Receipt>, Fault> {
        let Some(taken) = self.taken(answer)? else {
            let words = "iGATE trả lời đã nhận mà không cho mã hồ sơ (idHoSo); kiểm tra trên iGATE rồi xác nhận";
            return Err(Fault::new("igate.no-id", Blame::Peer, Remedy::Doubt, words));
        };
        let code = taken.code.or_else(|| talk.marks.get(CODE).cloned()).unwrap_or_default();
        let says = self.told_to_the_portal(talk, &code);
        Ok(Turn::Done(Receipt { reference: code, says, ..Receipt::default() }))
    }

    /// What others should hear of: the portal knows a dossier of its own by both codes from now on.
    fn told_to_the_portal(&self, talk: &Conversation, code: &str) -> Vec<Item> {
        let status = self.settings.taken_status.as_str();
        let Some(dossier) = talk.message.dossier.as_ref().filter(|_| talk.message.kind.as_str() == DOSSIER_SUBMITTED && !status.is_empty()) else {
            return Vec::new();
        };
        let mut frame = json!({ "MaHoSo": dossier.as_str(), "MaHoSoDonVi": code, "TrangThai": status });
        if let Some(tech) = wire::at(&talk.message.document, "/techId") {
            frame["MaDoiTuong"] = json!(tech);
        }
        vec![Item {
            kind: Kind::from(DOSSIER_ANSWERED),
            dossier: Some(dossier.to_string()),
            unit: Some(talk.message.unit.to_string()).filter(|unit| !unit.is_empty()),
            keys: Vec::new(),
            hints: BTreeMap::new(),
            payload: Payload::Json(frame),
        }]
    }

    /// What `NoiHoSo` answered: id and code, none if it says yes without an id. An id under a code that nobody has listed is a yes: iGATE
    /// gives none to what it has not got.
    fn taken(&self, answer: &Answer) -> Result<Option<Taken>, Fault> {
        let body = envelope(answer).unwrap_or_default();
        let field = |name: &str| wire::at(&body, &format!("/data/{name}"));
        let taken = field(ID).map(|id| Taken { id, code: field("maHoSo").or_else(|| field(CODE)) });
        match self.outcome(answer) {
            Outcome::Done => Ok(taken),
            Outcome::Failed(fault) if fault.remedy == Remedy::Doubt && answer.status < 300 => taken.map(Some).ok_or(fault),
            // Nobody can tell whose it is: perhaps ours, whose answer was lost.
            Outcome::Exists(fault) | Outcome::Missing(fault) => Err(Fault { remedy: Remedy::Doubt, ..fault }),
            Outcome::Failed(fault) => Err(fault),
        }
    }

    /// Progress and state: of a dossier that iGATE has.
    fn tell(&self, talk: &Conversation, step: &str) -> Result<Turn<Receipt>, Fault> {
        let Some(code) = talk.marks.get(CODE).cloned().or_else(|| Some(talk.message.dossier.as_ref()?.to_string())) else {
            return Err(ours("igate.no-dossier", "thông điệp không nêu mã hồ sơ"));
        };
        let id = match talk.transcript.last() {
            Some(last) if last.request.step == LOOK_UP => match found(&last.answer, &code) {
                Some(Some(id)) => id,
                Some(None) => return Err(held(String::new())),
                None => return Err(self.no_use(&last.answer, "danh sách hồ sơ")),
            },
            Some(last) => {
                return match self.outcome(&last.answer) {
                    // "Exists" said of an entry: it is there, which is all that was wanted.
                    Outcome::Done | Outcome::Exists(_) => Ok(Turn::Done(Receipt { reference: code, ..Receipt::default() })),
                    Outcome::Missing(fault) => Err(held(fault.cause)),
                    Outcome::Failed(fault) => Err(fault),
                };
            }
            None => match talk.marks.get(ID) {
                Some(id) => id.clone(),
                None if self.settings.look_up => return Ok(Turn::Call(self.look_up(LOOK_UP, &code))),
                None => return Err(held(String::new())),
            },
        };
        let (path, effect, name) = match step {
            STATE => (&self.settings.state_path, Effect::Repeatable, "IdHoSo"),
            _ => (&self.settings.progress_path, Effect::Once, "IDHoSo"),
        };
        let mut entry = Map::from_iter([(name.to_owned(), Value::from(id)), ("MaHoSo".to_owned(), Value::from(code))]);
        for (field, value) in talk.message.document.as_object().into_iter().flatten() {
            entry.entry(field.as_str()).or_insert_with(|| value.clone());
        }
        Ok(Turn::Call(wire::call(step, effect, "POST", path, Some(json!([entry])))))
    }

    fn ask_number(&self, talk: &Conversation, agency: &str) -> Result<Request, Fault> {
        let settings = &self.settings;
        let procedure = wire::at(&talk.message.document, "/body/MaTTHC");
        let code = match settings.number_by_procedure {
            true => procedure.ok_or_else(|| ours("igate.no-procedure", "thông điệp không nêu thủ tục, nên không xin được mã hồ sơ"))?,
            false => agency.to_owned(),
        };
        let mut request = wire::call(NUMBER, Effect::Repeatable, settings.number_method, &settings.number_path, None);
        request.ask.query = vec![pair("code", &code)];
        Ok(request)
    }

    fn look_up(&self, step: &str, code: &str) -> Request {
        let query = [("code", code), ("sort", "updatedDate,desc"), ("page", "0"), ("size", "10"), ("spec", "slice")];
        wire::search(&self.settings, step, query.map(|(name, value)| pair(name, value)).into())
    }
}

/// A dossier that iGATE has.
struct Taken {
    id: String,
    code: Option<String>,
}

/// The number in an answer. Where it stands, an answer that gives none may say why: words are no number, and a dossier that was handed in
/// under them could never be found again.
fn number(answer: &Answer) -> Option<String> {
    let body = envelope(answer)?;
    let is_number = |text: &String| {
        text.len() <= NUMBER_BYTES_MAX
            && text.bytes().all(|b| b.is_ascii_graphic())
            && text.bytes().any(|b| b.is_ascii_digit())
    };
    ["/value", "/data/value", "/data"].iter().find_map(|place| wire::at(&body, place)).filter(is_number)
}

/// The id of the dossier with exactly this code; none at all if the answer is no list.
fn found(answer: &Answer, code: &str) -> Option<Option<String>> {
    let body = wire::json(answer).filter(|_| answer.status < 300)?;
    let of_code = |record: &&Value| wire::at(record, "/code").as_deref() == Some(code);
    Some(wire::records(&body)?.iter().find(of_code).and_then(|record| wire::at(record, "/id")))
}

/// An object of the document.
fn block(document: &Value, name: &str) -> Map<String, Value> {
    document.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
}
