//! What OpenCPS is told, call by call: dossiers from the portal ([`super::submission`]), what the post confirmed, and actions.
//!
//! A dossier is addressed by its `referenceUid`. That of a dossier we brought is made of its national code and nothing else, so it is the
//! same at every try; that of a dossier born at the counter is asked for by its number, once, and remembered.
//! - **What the post confirmed** sets a counter of the dossier: it may be repeated.
//! - **An action** counts each time, and no list of a dossier's actions is known that could be looked at afterwards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{
    Answer, Ask, Body, Conversation, Effect, Exchange, Keeping, Keys, Marks, Receipt, Request, Secret,
    Signed, Turn,
};
use gateway_core::dossier::DossierCode;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, fingerprint};
use serde_json::Value;

use super::faults;
use super::{OpenCps, submission};
use crate::kinds::{
    DOSSIER_AMENDED, DOSSIER_SUBMITTED, LAND_TAX_NOTICED, LAND_TAX_PAID, PAYMENT_CONFIRMED,
    POSTAL_STATUS_CHANGED,
};
use crate::onestop::call;
use crate::wire::form;
use crate::onestop::outcomes::Outcome;

/// The name of the configured endpoint; its host belongs to the transport.
pub(super) const ENDPOINT: &str = "opencps";
const ACCOUNT: &str = "default";

pub(super) const LOOK_UP: &str = "look-up";
const FIND: &str = "find";
const POSTAL: &str = "postal";
const ACTION: &str = "action";

/// What OpenCPS knows a dossier by.
pub(super) const UID: &str = "referenceUid";
/// Its own code of a dossier.
pub(super) const NUMBER: &str = "dossierNo";

impl OpenCps {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.message.kind.as_str() {
            DOSSIER_SUBMITTED => self.submit(talk),
            POSTAL_STATUS_CHANGED => self.tell(talk),
            DOSSIER_AMENDED => self.act(talk, &self.settings.amended_action, "amended_action"),
            LAND_TAX_NOTICED => self.act(talk, &self.settings.noticed_action, "noticed_action"),
            LAND_TAX_PAID => self.act(talk, &self.settings.paid_action, "paid_action"),
            PAYMENT_CONFIRMED => self.act(talk, &self.settings.confirmed_action, "confirmed_action"),
            other => Err(ours("opencps.kind", format!("OpenCPS không nhận loại thông điệp {other}"))),
        }
    }

    /// What an answer teaches: the key of a dossier, its number, and what it was sent.
    pub(super) fn lesson(&self, exchange: &Exchange) -> Marks {
        match self.outcome(&exchange.answer) {
            Outcome::Done => {}
            // A file that is there already is there.
            Outcome::Exists(_) if submission::is_upload(exchange) => {}
            _ => return Marks::new(),
        }
        let (step, answer) = (exchange.request.step.as_str(), &exchange.answer);
        let mark = |name: &str, value: Option<String>| value.map(|value| (name.to_owned(), value));
        match step {
            FIND => {
                let asked = exchange.request.ask.query(NUMBER).unwrap_or_default();
                mark(UID, found(answer, asked)).into_iter().collect()
            }
            // It was asked for under this key.
            LOOK_UP => {
                let asked = exchange.request.ask.path.rsplit('/').next().map(str::to_owned);
                [mark(UID, asked), mark(NUMBER, faults::text(answer, NUMBER))].into_iter().flatten().collect()
            }
            _ => submission::lesson(exchange),
        }
    }

    /// What the post confirmed, in its own counters.
    fn tell(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let counters = fields(&talk.message.document, "form");
        if counters.is_empty() {
            // A station for which its counters have no number.
            return Ok(Turn::Done(Receipt::default()));
        }
        let id = match self.address(talk)? {
            Address::Known(id) => id,
            Address::Ask(request) => return Ok(Turn::Call(*request)),
            Address::Nobody(fault) => return Err(Fault { remedy: Remedy::Correct, ..fault }),
        };
        let Some(answer) = talk.transcript.answer(POSTAL) else {
            let path = format!("/dossiers/{id}");
            return Ok(Turn::Call(self.form(talk, POSTAL, Effect::Repeatable, ("PUT", &path), &counters)?));
        };
        match self.outcome(answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference: told_as(&counters), ..Receipt::default() })),
            Outcome::Missing(fault) => Err(Fault { remedy: Remedy::Correct, ..fault }),
            Outcome::Exists(fault) | Outcome::Failed(fault) => Err(fault),
        }
    }

    fn act(&self, talk: &Conversation, code: &str, setting: &str) -> Result<Turn<Receipt>, Fault> {
        if code.is_empty() {
            let words = format!("chưa cấu hình mã thao tác OpenCPS ({setting}) cho loại thông điệp này");
            return Err(ours("opencps.no-action", words));
        }
        let id = match self.address(talk)? {
            Address::Known(id) => id,
            Address::Ask(request) => return Ok(Turn::Call(*request)),
            // The dossier itself may still be on its way.
            Address::Nobody(fault) => return Err(Fault { remedy: Remedy::Hold, ..fault }),
        };
        let Some(answer) = talk.transcript.answer(ACTION) else {
            let user = self.settings.action_user.as_str();
            let mut form =
                vec![("actionCode".to_owned(), code.to_owned()), ("actionUser".to_owned(), user.to_owned())];
            form.extend(fields(&talk.message.document, "form"));
            let path = format!("/dossiers/{id}/actions");
            return Ok(Turn::Call(self.form(talk, ACTION, Effect::Once, ("POST", &path), &form)?));
        };
        match self.outcome(answer) {
            Outcome::Done => {
                let reference = shown(&faults::text(answer, "dossierActionId").unwrap_or_default());
                Ok(Turn::Done(Receipt { reference, ..Receipt::default() }))
            }
            Outcome::Missing(fault) => Err(Fault { remedy: Remedy::Hold, ..fault }),
            Outcome::Exists(fault) | Outcome::Failed(fault) => Err(fault),
        }
    }

    /// How the dossier is called there: as we remember, as we would have called it, or as it is found by its number.
    fn address(&self, talk: &Conversation) -> Result<Address, Fault> {
        if let Some(uid) = talk.marks.get(UID) {
            return Ok(Address::Known(uid.clone()));
        }
        let code = code(talk);
        let Some(looked) = talk.transcript.answer(LOOK_UP) else {
            return Ok(Address::Ask(Box::new(self.look_up(talk, LOOK_UP, &uid_of(&code))?)));
        };
        match self.outcome(looked) {
            Outcome::Done => return Ok(Address::Known(uid_of(&code))),
            Outcome::Missing(_) => {}
            Outcome::Exists(fault) | Outcome::Failed(fault) => return Err(fault),
        }
        let Some(list) = talk.transcript.answer(FIND) else {
            let mut request = self.get(talk, FIND, "/dossiers")?;
            request.ask.query = vec![(NUMBER.to_owned(), code)];
            return Ok(Address::Ask(Box::new(request)));
        };
        let nobody = || {
            let words = "OpenCPS không có hồ sơ này; kiểm tra đơn vị (units, group_id) của đăng ký nhận";
            Fault::new("opencps.unknown-dossier", Blame::Peer, Remedy::Correct, words)
        };
        match self.outcome(list) {
            Outcome::Done => Ok(found(list, &code).map_or_else(|| Address::Nobody(nobody()), Address::Known)),
            Outcome::Missing(fault) => Ok(Address::Nobody(fault)),
            Outcome::Exists(fault) | Outcome::Failed(fault) => Err(fault),
        }
    }

    /// Asks for a dossier by its key.
    pub(super) fn look_up(&self, talk: &Conversation, step: &str, uid: &str) -> Result<Request, Fault> {
        self.get(talk, step, &format!("/dossiers/{uid}"))
    }

    fn get(&self, talk: &Conversation, step: &str, path: &str) -> Result<Request, Fault> {
        self.request(talk, step, Effect::Repeatable, ("GET", path), None)
    }

    /// A call with a form.
    pub(super) fn form(
        &self,
        talk: &Conversation,
        step: &str,
        effect: Effect,
        call: (&str, &str),
        fields: &[(String, String)],
    ) -> Result<Request, Fault> {
        let form = form::encode(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.request(talk, step, effect, call, Some((form::URLENCODED.to_owned(), Body::of(form))))
    }

    /// A call that is still to be signed.
    pub(super) fn request(
        &self,
        talk: &Conversation,
        step: &str,
        effect: Effect,
        (method, path): (&str, &str),
        body: Option<(String, Body)>,
    ) -> Result<Request, Fault> {
        let group = self.settings.group(talk.message.unit.as_str());
        if group.is_empty() {
            return Err(ours("opencps.no-group", "chưa cấu hình group_id (trang của đơn vị trên OpenCPS)"));
        }
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![pair("accept", "application/json"), pair("groupid", group)];
        let (media, body) = body.unwrap_or_default();
        if !media.is_empty() {
            headers.push(pair("content-type", &media));
        }
        let path = format!("{}{path}", self.settings.base_path);
        let ask = Ask { method: method.to_owned(), path, query: Vec::new(), headers, body };
        let (step, endpoint) = (step.to_owned(), ENDPOINT.to_owned());
        Ok(Request { step, effect, endpoint, account: None, ask, answer_in: Keeping::Inline })
    }

    /// Basic of name and password, or a fixed Bearer.
    pub(super) fn signed(&self, request: &Request, keys: &Keys) -> Result<Signed, Fault> {
        let key = |name: &str| {
            keys.of(&Account::from(ACCOUNT), name).map(Secret::reveal).ok_or_else(|| {
                let words = format!("chưa cấu hình khóa {name} của OpenCPS");
                Fault::new("opencps.key", Blame::Gateway, Remedy::Later, words)
            })
        };
        let shown = match self.settings.bearer {
            true => format!("Bearer {}", key("token")?),
            false => {
                format!("Basic {}", STANDARD.encode(format!("{}:{}", key("username")?, key("password")?)))
            }
        };
        let mut ask = request.ask.clone();
        ask.headers.push(("authorization".to_owned(), shown));
        Ok(Signed::new(ask))
    }

    pub(super) fn needed_secrets(&self) -> Vec<String> {
        let names: &[&str] = if self.settings.bearer { &["token"] } else { &["username", "password"] };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// What is known of a dossier's key.
enum Address {
    Known(String),
    Ask(Box<Request>),
    Nobody(Fault),
}

/// The code that the message speaks of.
pub(super) fn code(talk: &Conversation) -> String {
    talk.message.dossier.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The key of a dossier that we bring: a UUID made of its code, the same at every try.
pub(super) fn uid_of(code: &str) -> String {
    uuid(&["lienthong/opencps/dossier", code])
}

/// A UUID of texts, with the marks of one that was made by a digest of one's own (version 8).
pub(super) fn uuid(texts: &[&str]) -> String {
    let digest = fingerprint(texts);
    let [a, b, c, d, e] = [&digest[..8], &digest[8..12], &digest[13..16], &digest[17..20], &digest[20..]];
    format!("{a}-{b}-8{c}-a{d}-{e}")
}

/// The key of the one dossier of that number in an answer to a search.
fn found(answer: &Answer, number: &str) -> Option<String> {
    let object = faults::object(answer)?;
    let rows = object.get("data").and_then(Value::as_array)?;
    let is_it = |row: &&Value| row.get(NUMBER).and_then(call::text).is_some_and(|known| known == number);
    let row = rows.iter().find(is_it)?;
    [UID, "dossierId"].iter().find_map(|name| row.get(*name).and_then(call::text).filter(|key| is_key(key)))
}

/// A key goes into the path of a call: letters, digits and what stands between them in a UUID.
fn is_key(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// A name that a peer gave, as a timeline may show it: a code, and nothing that may be somebody's name or number.
pub(super) fn shown(name: &str) -> String {
    DossierCode::new(name).map(|code| code.for_log().to_owned()).unwrap_or_default()
}

/// The texts of a block of a translated document, as fields of a form.
pub(super) fn fields(document: &Value, block: &str) -> Vec<(String, String)> {
    let block = document.get(block).and_then(Value::as_object);
    let text = |(name, value): (&String, &Value)| Some((name.clone(), call::text(value)?));
    block.into_iter().flatten().filter_map(text).collect()
}

fn told_as(counters: &[(String, String)]) -> String {
    counters.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Something of ours is missing or not meant for this peer.
pub(super) fn ours(code: &'static str, words: impl Into<String>) -> Fault {
    Fault::new(code, Blame::Gateway, Remedy::Correct, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_gives_neither_leads_astray_nor_is_quoted() {
        let list = |key: &str| {
            Answer::json(200, &serde_json::json!({ "data": [{ "dossierNo": "H99-1", "referenceUid": key }] }))
        };
        assert_eq!(found(&list("0b7c0e6c-0000"), "H99-1").as_deref(), Some("0b7c0e6c-0000"));
        assert_eq!(found(&list("../../users/1"), "H99-1"), None);
        assert_eq!(
            (shown("H99.14-260310-0007").as_str(), shown("42").as_str()),
            ("H99.14-260310-0007", "42")
        );
        assert_eq!(shown("Nguyễn Văn Thử"), "…");
    }

    #[test]
    fn the_key_of_a_dossier_is_a_uuid_and_always_the_same() {
        let uid = uid_of("G22.99-260311-000123");
        assert_eq!(uid, uid_of("G22.99-260311-000123"));
        assert_ne!(uid, uid_of("G22.99-260311-000124"));
        let groups: Vec<usize> = uid.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert!(uid.as_bytes()[14] == b'8' && uid.as_bytes()[19] == b'a', "{uid}");
    }
}
