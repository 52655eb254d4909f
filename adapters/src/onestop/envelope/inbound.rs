//! Frames a call in the portal's envelope and words its answer as the portal would.
//!
//! The session is taken out of the body before anything is handed on: no item, and so no journal, ever sees it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use gateway_core::adapter::{Answer, Arrival, Ask, Fate, Heard, Item, Payload, Secret};
use gateway_core::fault::Fault;
use gateway_core::ids::Kind;
use gateway_core::json;
use serde::{Deserialize, Deserializer as _};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value, json};

use crate::kinds::{ASK_PORTAL, DOSSIER_ANSWERED, DOSSIER_RECORDED, HINT_REST};
use crate::onestop::call::{self, ANSWER, Call};
use crate::onestop::verdict::Verdict;

const FRAME: &str = "envelope.frame";
const SESSION_IS_STALE: &str = "Phiên đăng nhập đã hết hạn, đăng nhập lại";

/// The session that the body carries.
pub(super) fn session(ask: &Ask) -> Result<Option<Secret>, Fault> {
    let body = object(&ask.body.bytes)?;
    Ok(body.get("session").and_then(call::text).map(Secret::new))
}

/// The same in a body of which only the beginning is here: read field by field, until the session comes or the text ends. The
/// portal's own clients write it first; a caller whose library shuffles its fields may write it last.
pub(super) fn session_at_the_beginning(beginning: &Ask) -> Option<Secret> {
    struct Seeker<'a>(&'a mut Option<Secret>);
    impl<'de> Visitor<'de> for Seeker<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an envelope")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
            while let Some(name) = fields.next_key::<String>()? {
                if name == "session" {
                    *self.0 = call::text(&fields.next_value()?).map(Secret::new);
                    break;
                }
                fields.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }
    let mut session = None;
    let bytes = beginning.body.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&beginning.body.bytes);
    // That the text breaks off is certain and of no interest.
    let _ = serde_json::Deserializer::from_slice(bytes).deserialize_map(Seeker(&mut session));
    session
}

/// A log-in with name and password.
pub(super) fn log_in(arrival: &Arrival) -> Result<Heard, Fault> {
    let body = object(&arrival.ask.body.bytes)?;
    let field = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (field("username"), field("password")) {
        (Some(user), Some(password)) => {
            Ok(Heard::LogIn { user: user.to_owned(), password: Secret::new(password) })
        }
        _ => Err(Fault::sender(FRAME, "đăng nhập phải có username và password")),
    }
}

/// Reports of dossiers are messages, everything else is a question.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let mut body = object(&arrival.ask.body.bytes)?;
    body.shift_remove("session");
    let service = service(&body).ok_or_else(|| Fault::sender(FRAME, "thiếu trường service"))?;
    if let Some(kind) = call::kind_of_service(&service) {
        let call = call(arrival, &body, kind);
        let data = data(&mut body)?;
        // The portal takes one answer a call, and no list.
        if kind == DOSSIER_ANSWERED && !data.is_object() {
            return Err(Fault::sender(FRAME, format!("data của {ANSWER} phải là một đối tượng")));
        }
        return Ok(Heard::Messages(call.items(call::elements(data, FRAME)?)));
    }
    Ok(Heard::Question(Item {
        kind: Kind::from(ASK_PORTAL),
        dossier: None,
        unit: body.get("madonvi").and_then(call::text),
        keys: Vec::new(),
        hints: BTreeMap::from([(HINT_REST.to_owned(), arrival.rest.clone())]),
        payload: Payload::Json(Value::Object(body)),
    }))
}

/// The portal's envelope. The portal writes success as the number 0 and refusals as texts; so do we.
pub(super) fn reply(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    match said {
        Err(fault) => Verdict::of_fault(fault).into_json(&json!(0)),
        Ok([Fate::LoggedIn { token, .. }]) => Answer::json(
            200,
            &json!({ "error_code": 0, "message": "Thành công", "session": token.reveal() }),
        ),
        Ok([Fate::Answered(answer)]) => as_it_came(answer),
        // Nothing was handed over with a question, so only why it failed is of interest.
        Ok([Fate::Refused(fault)]) if arrival.dossiers.is_empty() => Verdict::of_fault(fault).into_json(&json!(0)),
        Ok(fates) => {
            let kind = addressed(arrival).unwrap_or(DOSSIER_RECORDED);
            Verdict::of_fates(kind, &arrival.dossiers, fates).into_json(&json!(0))
        }
    }
}

/// What a caller without a live session is told, whatever the door found.
pub(super) fn session_is_stale(fault: &Fault) -> Answer {
    let told = Fault { words: SESSION_IS_STALE.to_owned(), violations: Vec::new(), ..fault.clone() };
    Verdict::of_fault(&told).into_json(&json!(0))
}

fn call(arrival: &Arrival, body: &Map<String, Value>, kind: &'static str) -> Call {
    let updating = body.get("isUpdating").and_then(|value| match value {
        Value::Bool(updating) => Some(*updating),
        other => call::text(other).as_deref().and_then(call::truth),
    });
    let form = body.get("type").and_then(call::text).filter(|_| kind == DOSSIER_ANSWERED);
    Call { kind, unit: body.get("madonvi").and_then(call::text), updating, form, key: call::key(arrival) }
}

/// Which messages a call brought, read again for the words of its answer; nothing else is built of the body.
fn addressed(arrival: &Arrival) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Glimpse<'a> {
        #[serde(borrow)]
        service: Cow<'a, str>,
    }
    let bytes = &arrival.ask.body.bytes;
    let glimpse: Glimpse = serde_json::from_slice(bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes)).ok()?;
    call::kind_of_service(glimpse.service.trim())
}

/// The asked peer's answer: status and body untouched; of its headers only what says how to read the body.
fn as_it_came(answer: &Answer) -> Answer {
    let kept = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
    Answer {
        status: answer.status,
        headers: answer.headers.iter().filter(kept).cloned().collect(),
        body: answer.body.clone(),
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    match json::parse(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON có trường service")),
    }
}

fn service(body: &Map<String, Value>) -> Option<String> {
    body.get("service").and_then(Value::as_str).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())
}

fn data(body: &mut Map<String, Value>) -> Result<Value, Fault> {
    body.shift_remove("data").ok_or_else(|| Fault::sender(FRAME, "thiếu trường data"))
}
