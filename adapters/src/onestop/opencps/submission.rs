//! A dossier from the portal, brought to OpenCPS: looked up, published, its files, submitted; then its number is told to the portal.
//!
//! - Everything before `submit` may be repeated: a dossier is published under a key made of its national code, a file under one made of the
//!   dossier and its content, and OpenCPS's own outbox publishes the same dossier again until it is answered.
//! - `submit` counts: it starts the work on the dossier. Whether a lost one arrived is asked for: a dossier that was submitted has a state.
//! - A dossier that is being worked on is never published over. Is it the one that we brought, it is there, which is all that was wanted;
//!   is it another state of it, a person decides.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{
    Answer, Conversation, Effect, Exchange, Item, Marks, Payload, Receipt, Request, Turn, Verdict,
};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Kind, fingerprint};
use gateway_core::lift::Ticket;
use serde_json::{Value, json};

use super::OpenCps;
use super::faults;
use super::outbound::{LOOK_UP, NUMBER, UID, code, fields, ours, shown, uid_of, uuid};
use crate::kinds::DOSSIER_ANSWERED;
use crate::onestop::call;
use crate::wire::form::{self, Content, Part};
use crate::onestop::outcomes::Outcome;

const PUBLISH: &str = "publish";
const UPLOAD: &str = "upload ";
const SUBMIT: &str = "submit";
const READ: &str = "read";
const READ_BACK: &str = "read-back";

/// A digest of the form that was published last.
const SAID: &str = "said";
/// In front of the key of a file that was taken.
const FILE: &str = "file/";

/// Did it bring a file?
pub(super) fn is_upload(exchange: &Exchange) -> bool {
    exchange.request.step.starts_with(UPLOAD)
}

/// What these calls teach.
pub(super) fn lesson(exchange: &Exchange) -> Marks {
    let request = &exchange.request;
    let number = || faults::text(&exchange.answer, NUMBER).map(|number| (NUMBER.to_owned(), number));
    let mut marks = Marks::new();
    match request.step.as_str() {
        PUBLISH => {
            let form = form::decode(&request.ask.body.bytes).unwrap_or_default();
            marks.extend(form.get(UID).and_then(call::text).map(|uid| (UID.to_owned(), uid)));
            marks.insert(SAID.to_owned(), said(&request.ask.body.bytes));
        }
        SUBMIT | READ => marks.extend(number()),
        step => marks.extend(step.strip_prefix(UPLOAD).map(|uid| (format!("{FILE}{uid}"), "1".to_owned()))),
    }
    marks
}

fn said(form: &[u8]) -> String {
    fingerprint(&[&String::from_utf8_lossy(form)])
}

impl OpenCps {
    /// The next call of a submission, or its end.
    pub(super) fn submit(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let uid = uid_of(&code(talk));
        let (publish, files) = (self.publish(talk, &uid)?, self.files(talk, &uid)?);
        let exchanges = since(talk, &publish);
        let answer = |step: &str| exchanges.iter().rev().find(|exchange| exchange.request.step == step).map(|exchange| &exchange.answer);
        let Some(looked) = answer(LOOK_UP) else {
            return self.look_up(talk, LOOK_UP, &uid).map(Turn::Call);
        };
        let known = match self.outcome(looked) {
            Outcome::Done => is_submitted(looked),
            Outcome::Missing(_) => false,
            Outcome::Exists(fault) | Outcome::Failed(fault) => return Err(fault),
        };
        if known {
            let same = talk.marks.get(SAID) == Some(&said(&publish.ask.body.bytes));
            let whole = files.iter().all(|file| talk.marks.contains_key(&format!("{FILE}{}", file.uid)));
            return if same && whole { self.end(talk, &uid, looked) } else { Err(in_process()) };
        }
        let Some(published) = answer(PUBLISH) else { return Ok(Turn::Call(publish)) };
        self.taken(published)?;
        for file in &files {
            match talk.transcript.answer(&format!("{UPLOAD}{}", file.uid)) {
                Some(answer) => self.taken(answer)?,
                None => return self.upload(talk, &uid, file).map(Turn::Call),
            }
        }
        let Some(submitted) = answer(SUBMIT) else {
            let path = format!("/dossiers/{uid}/submitting");
            return self.form(talk, SUBMIT, Effect::Once, ("POST", &path), &[]).map(Turn::Call);
        };
        self.taken(submitted)?;
        self.end(talk, &uid, submitted)
    }

    /// Did the submission arrive?
    pub(super) fn look_back(&self, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
        if lost.step != SUBMIT {
            return Ok(Turn::Done(Verdict::Unknown));
        }
        let Some(last) = talk.transcript.last() else {
            return self.look_up(talk, READ_BACK, &uid_of(&code(talk))).map(Turn::Call);
        };
        match self.outcome(&last.answer) {
            Outcome::Done if is_submitted(&last.answer) => {
                Ok(Turn::Done(Verdict::Happened(last.answer.clone())))
            }
            Outcome::Done => Ok(Turn::Done(Verdict::DidNot)),
            Outcome::Failed(fault) if fault.remedy != Remedy::Correct => Err(fault),
            Outcome::Missing(_) | Outcome::Exists(_) | Outcome::Failed(_) => Ok(Turn::Done(Verdict::Unknown)),
        }
    }

    /// Its number, if it has one by now, is what the portal waits for; where a clerk gives it later, an inform brings it.
    fn end(&self, talk: &Conversation, uid: &str, seen: &Answer) -> Result<Turn<Receipt>, Fault> {
        let done = |number: &str, seen: &Answer| {
            let says = vec![answered(&code(talk), number, seen)];
            Ok(Turn::Done(Receipt { reference: shown(number), says, ..Receipt::default() }))
        };
        if let Some(number) = faults::text(seen, NUMBER).filter(|_| is_submitted(seen)) {
            return done(&number, seen);
        }
        let Some(read) = talk.transcript.answer(READ) else {
            return self.look_up(talk, READ, uid).map(Turn::Call);
        };
        match (self.outcome(read), faults::text(read, NUMBER)) {
            (Outcome::Done, Some(number)) if is_submitted(read) => done(&number, read),
            (Outcome::Done | Outcome::Missing(_), _) => {
                Ok(Turn::Done(Receipt { reference: uid.to_owned(), ..Receipt::default() }))
            }
            (Outcome::Exists(fault) | Outcome::Failed(fault), _) => Err(fault),
        }
    }

    fn publish(&self, talk: &Conversation, uid: &str) -> Result<Request, Fault> {
        let mut form = vec![(UID.to_owned(), uid.to_owned())];
        form.extend(fields(&talk.message.document, "form"));
        let procedure = form.iter().find(|(name, _)| name == "serviceCode").map(|(_, code)| code.as_str());
        let template = self.settings.template_of(procedure.unwrap_or_default());
        if template.is_empty() {
            let words = "chưa cấu hình mẫu hồ sơ OpenCPS (template, templates) cho thủ tục này";
            return Err(ours("opencps.no-template", words));
        }
        form.push(("dossierTemplateNo".to_owned(), template.to_owned()));
        self.form(talk, PUBLISH, Effect::Repeatable, ("POST", "/dossiers/publish"), &form)
    }

    /// The papers that have a content. Those that have an address only are named in the form.
    fn files<'a>(&self, talk: &Conversation<'a>, uid: &str) -> Result<Vec<File<'a>>, Fault> {
        let document = &talk.message.document;
        let papers = document.get("files").and_then(Value::as_array).into_iter().flatten();
        let own = |text: &str| Ticket::from_text(text).filter(|ticket| talk.message.files.contains(ticket));
        let mut files = Vec::new();
        for paper in document.get("application").into_iter().chain(papers) {
            let text = |name: &str| paper.get(name).and_then(Value::as_str);
            let Some(content) = text("content").filter(|content| !content.is_empty()) else { continue };
            let (ticket, inline) = match own(content) {
                Some(ticket) => (ticket, None),
                None => {
                    let bytes: Vec<u8> = content.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
                    let bytes = STANDARD.decode(bytes).map_err(|_| {
                        ours(
                            "opencps.file",
                            "nội dung của một giấy tờ không phải base64 nên không tải lên OpenCPS được",
                        )
                    })?;
                    (Ticket::of(&bytes), Some(bytes))
                }
            };
            let name = text("displayName").unwrap_or("giay-to");
            let part = text("dossierPartNo").unwrap_or(&self.settings.part).to_owned();
            // The same content may be two papers, under two names.
            let own = uuid(&["lienthong/opencps/file", uid, &part, name, &ticket.sha256]);
            files.push(File { uid: own, name, part, template: text("fileTemplateNo"), ticket, inline });
        }
        Ok(files)
    }

    fn upload(&self, talk: &Conversation, uid: &str, file: &File) -> Result<Request, Fault> {
        let mut fields = vec![
            (UID, file.uid.as_str()),
            ("dossierPartNo", file.part.as_str()),
            ("displayName", file.name),
            ("fileType", file.name.rsplit_once('.').map_or("", |(_, ending)| ending)),
            ("isSync", "true"),
        ];
        fields.extend(file.template.map(|template| ("fileTemplateNo", template)));
        let content = file.inline.as_deref().map_or(Content::File(&file.ticket), Content::Bytes);
        let body = form::multipart(&fields, &Part { name: "file", file_name: file.name, content });
        let (step, path) = (format!("{UPLOAD}{}", file.uid), format!("/dossiers/{uid}/files"));
        self.request(talk, &step, Effect::Repeatable, ("POST", &path), Some(body))
    }

    /// An answer that lets the conversation go on.
    fn taken(&self, answer: &Answer) -> Result<(), Fault> {
        match self.outcome(answer) {
            Outcome::Done | Outcome::Exists(_) => Ok(()),
            // It has just been published: what is not there is the address.
            Outcome::Missing(fault) => Err(Fault { remedy: Remedy::Later, ..fault }),
            Outcome::Failed(fault) => Err(fault),
        }
    }
}

/// What was said since this form is the one: what was said for another form, before it was corrected, published that one.
fn since<'a>(talk: &Conversation<'a>, publish: &Request) -> &'a [Exchange] {
    let all: &'a [Exchange] = &talk.transcript.0;
    let is_of_another = |exchange: &Exchange| {
        exchange.request.step == PUBLISH && exchange.request.ask.body.bytes != publish.ask.body.bytes
    };
    let from = all.iter().rposition(is_of_another).map_or(0, |place| place + 1);
    &all[from..]
}

struct File<'a> {
    uid: String,
    name: &'a str,
    part: String,
    template: Option<&'a str>,
    ticket: Ticket,
    inline: Option<Vec<u8>>,
}

/// A dossier that was submitted has a state; one that was only published has none.
fn is_submitted(seen: &Answer) -> bool {
    faults::text(seen, "dossierStatus").is_some()
}

/// What the portal hears: both codes of the dossier, and its state.
fn answered(national: &str, number: &str, seen: &Answer) -> Item {
    let mut payload = json!({ "originDossierNo": national, "dossierNo": number });
    for name in ["dossierStatus", "receiveDate", "modifiedDate", "dossierStatusText"] {
        if let Some(text) = faults::text(seen, name) {
            payload[name] = Value::from(text);
        }
    }
    Item {
        kind: Kind::from(DOSSIER_ANSWERED),
        dossier: Some(national.to_owned()),
        unit: None,
        keys: vec![format!("opencps/number/{national}/{number}")],
        hints: BTreeMap::new(),
        payload: Payload::Json(payload),
    }
}

fn in_process() -> Fault {
    let words = "OpenCPS đang xử lý hồ sơ này nên không ghi đè; cán bộ đối chiếu nội dung mới rồi bỏ hoặc cập nhật bằng tay";
    Fault::new("opencps.in-process", Blame::Peer, Remedy::Correct, words)
}
