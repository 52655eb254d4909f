//! The portal's envelope: writing a call, reading an answer.
//!
//! Answers are read generously, as working software reads them: `error_code` is a number or a text, `result` may be JSON inside a
//! text, and some gateways put the whole result into `message` as text. What an answer *means* is not decided here.

use gateway_core::adapter::{Answer, Ask, Body, Effect, Request, Keeping};
use gateway_core::ids::Account;
use serde_json::{Map, Value};

use super::settings::Settings;

/// The name of the configured endpoint; its host belongs to the transport.
pub(super) const ENDPOINT: &str = "portal";

/// A call that is still to be signed.
pub(super) fn request(
    settings: &Settings,
    step: &str,
    effect: Effect,
    account: Option<Account>,
    path: &str,
    body: &Value,
) -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = vec![
        header("accept", "application/json"),
        header("content-type", "application/json"),
        header("charset", "utf-8"),
    ];
    let mut query = Vec::new();
    if !settings.dstcode.is_empty() {
        let place = if settings.dstcode_in_query { &mut query } else { &mut headers };
        place.push(header("dstcode", &settings.dstcode));
    }
    if !settings.providerurl.is_empty() {
        query.push(header("providerurl", &settings.providerurl));
    }
    let body = Body::of(body.to_string().into_bytes());
    let ask = Ask { method: "POST".to_owned(), path: path.to_owned(), query, headers, body };
    Request { step: step.to_owned(), effect, endpoint: ENDPOINT.to_owned(), account, ask, answer_in: Keeping::Inline }
}

/// An answer in the portal's envelope.
#[derive(Debug, Default)]
pub(super) struct Reply {
    /// `error_code` as text; none if there is none.
    pub(super) code: Option<String>,
    /// `message`, as text whatever it was.
    pub(super) message: String,
    /// `result`, unpacked.
    pub(super) result: Value,
    /// `session` of a log-in.
    pub(super) session: Option<String>,
}

impl Reply {
    /// Reads an answer; none if its body is no JSON object.
    pub(super) fn read(answer: &Answer) -> Option<Reply> {
        let text = std::str::from_utf8(&answer.body.bytes).ok()?;
        let mut envelope = object(text.strip_prefix('\u{feff}').unwrap_or(text))?;
        let message = match envelope.remove("message") {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        let result = match envelope.remove("result") {
            None | Some(Value::Null) => object(&message).and_then(|mut inner| inner.remove("result")),
            some => some,
        };
        Some(Reply {
            code: envelope.get("error_code").and_then(plain),
            result: unpacked(result.unwrap_or_default()),
            session: envelope.get("session").and_then(plain).filter(|session| !session.is_empty()),
            message,
        })
    }

    /// Does the result hold anything? An empty `TraCuuHoSo` means that the portal does not know the dossier.
    pub(super) fn is_empty(&self) -> bool {
        match &self.result {
            Value::Null => true,
            Value::Array(rows) => rows.is_empty(),
            Value::Object(row) => row.is_empty(),
            Value::String(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// The rows of the result; one object alone is one row.
    pub(super) fn rows(&self) -> &[Value] {
        match &self.result {
            Value::Array(rows) => rows,
            row @ Value::Object(_) => std::slice::from_ref(row),
            _ => &[],
        }
    }
}

/// A text or number as text, without white space around it.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A JSON object, or a text that holds one.
fn object(text: &str) -> Option<Map<String, Value>> {
    match unpacked(serde_json::from_str(text).ok()?) {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

/// What a text holds, if that is JSON with a structure; everything else as it is.
fn unpacked(value: Value) -> Value {
    let inner = value.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    inner.filter(|inner| inner.is_array() || inner.is_object()).unwrap_or(value)
}
