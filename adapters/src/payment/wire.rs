//! Pieces of wire that the dialects share: reading objects, a call, fates and refusals. No peer's words.

use gateway_core::adapter::{Answer, Ask, Body, Effect, Fate, Keeping, Request};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Account;
use serde_json::Value;

use crate::wire::refusal::{headers_of, status_of};

/// The name of the configured endpoint; its host belongs to the transport.
pub(super) const ENDPOINT: &str = "payment";
/// Whose session or key signs: each peer has one account.
pub(super) const ACCOUNT: &str = "payment";

/// A name with its value.
pub(super) fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// A JSON object; none if the bytes are anything else.
pub(super) fn object(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value: Value = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
    value.is_object().then_some(value)
}

/// The text of a field, or its number as text; none if it is empty.
pub(super) fn text(object: &Value, name: &str) -> Option<String> {
    let text = match object.get(name)? {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A POST of JSON.
pub(super) fn post(step: &str, effect: Effect, path: &str, body: &Value, account: Option<Account>) -> Request {
    Request {
        step: step.to_owned(),
        effect,
        endpoint: ENDPOINT.to_owned(),
        account,
        ask: Ask {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: vec![pair("accept", "application/json"), pair("content-type", "application/json")],
            body: Body::of(body.to_string()),
        },
        answer_in: Keeping::Inline,
    }
}

/// The first refusal among the fates.
pub(super) fn refused(fates: &[Fate]) -> Option<&Fault> {
    fates.iter().find_map(|fate| match fate {
        Fate::Refused(fault) | Fate::Accepted { verdict: Some(Err(fault)), .. } => Some(fault),
        _ => None,
    })
}

/// A refusal in a dialect's own body. What was read and does not count is an ordinary answer of these interfaces, whose own code says no;
/// what never got so far has the status that it has at every door.
pub(super) fn refusal(fault: &Fault, body: &Value) -> Answer {
    let read = ["payment.", "contract.", "dossier."].iter().any(|start| fault.code.starts_with(start))
        && !fault.code.ends_with(".frame");
    let status = if read { 200 } else { status_of(fault) };
    let mut answer = Answer::json(status, body);
    answer.headers.extend(headers_of(fault, status));
    answer
}

/// Something of ours is missing or not meant for this peer.
pub(super) fn ours(code: &'static str, words: impl Into<String>) -> Fault {
    Fault::new(code, Blame::Gateway, Remedy::Correct, words)
}

/// A kind that this dialect does not take.
pub(super) fn not_taken(kind: &str) -> Fault {
    ours("payment.kind", format!("giao diện thanh toán này không nhận loại thông điệp {kind}"))
}

/// An answer that says neither yes nor no.
pub(super) fn unclear() -> Fault {
    Fault::new("payment.unclear", Blame::Peer, Remedy::Unclear, "chưa hiểu được câu trả lời của nền tảng thanh toán")
}
