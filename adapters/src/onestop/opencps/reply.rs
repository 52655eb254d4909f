//! The one answer to a call of OpenCPS, in JSON or XML as its `Accept` wants it.
//!
//! It judges an answer by the HTTP status: 200 only if every item is on disk, now or from an earlier call. A refusal is its own object of
//! an error, with everything that is wrong in `description`.

use gateway_core::adapter::{Answer, Arrival, Body, Fate};
use gateway_core::fault::Fault;
use serde_json::{Map, Value, json};

use super::frame::{self, Said};
use crate::kinds::DOSSIER_RECORDED;
use crate::onestop::call;
use crate::onestop::verdict::{Line, Verdict};
use crate::wire::form;
use crate::wire::refusal::status_of;
use crate::wire::xml::Writer;

/// Words the answer.
pub(super) fn answer(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let (mut verdict, code) = match said {
        Err(fault) => (Verdict::of_fault(fault), fault.code.to_string()),
        Ok(fates) => {
            let verdict = Verdict::of_fates(DOSSIER_RECORDED, &arrival.dossiers, fates);
            (verdict, fates.iter().find_map(refusal).map_or_else(String::new, |fault| fault.code.to_string()))
        }
    };
    if let (false, 200, Ok(fates)) = (verdict.taken, verdict.status, said) {
        // This software reads no code in an answer of 200.
        verdict.status = fates.iter().find_map(refusal).map_or(500, status_of);
    }
    let (root, body) = match verdict.taken {
        true => ("DossierDetailModel", taken(arrival, &verdict.lines)),
        false => ("ErrorMsgModel", refused(&verdict, &code)),
    };
    let mut answer = match wants_xml(arrival) {
        true => in_xml(verdict.status, root, &body),
        false => Answer::json(verdict.status, &Value::Object(body)),
    };
    answer.headers.extend(verdict.headers);
    if code == "door.method" && Said::of(arrival) == Some(Said::Inform) {
        answer.headers.retain(|(name, _)| name != "allow");
        answer.headers.push(("allow".to_owned(), "PUT".to_owned()));
    }
    answer
}

fn refusal(fate: &Fate) -> Option<&Fault> {
    match fate {
        Fate::Refused(fault) | Fate::Accepted { verdict: Some(Err(fault)), .. } => Some(fault),
        _ => None,
    }
}

fn taken(arrival: &Arrival, lines: &[Line]) -> Map<String, Value> {
    let mut body = names(arrival);
    if let [line] = lines {
        body.entry("dossierNo").or_insert_with(|| json!(line.dossier));
        body.insert("id".to_owned(), json!(line.id.map(|id| id.to_string())));
        body.insert("message".to_owned(), json!(line.message));
    } else {
        body.insert("message".to_owned(), json!(format!("Đã nhận {} hồ sơ", lines.len())));
    }
    body
}

fn refused(verdict: &Verdict, code: &str) -> Map<String, Value> {
    // With one item, which one it is needs no saying.
    let words = match verdict.lines.as_slice() {
        [line] => line.message.as_str(),
        _ => verdict.message.as_str(),
    };
    let fields = [("message", "Error"), ("errorCode", code), ("description", words)];
    fields.map(|(name, value)| (name.to_owned(), json!(value))).into_iter().collect()
}

/// The peer's own key of the dossier and its own code, as its client waits for them.
fn names(arrival: &Arrival) -> Map<String, Value> {
    let form = match Said::of(arrival) {
        Some(Said::Publish | Said::Inform) => form::decode(&arrival.ask.body.bytes).unwrap_or_default(),
        _ => Map::new(),
    };
    let mut names = Map::new();
    if Said::of(arrival) == Some(Said::Inform) {
        names.insert("referenceUid".to_owned(), json!(frame::named(&arrival.ask.path)));
    }
    for name in ["referenceUid", "dossierNo"] {
        if let Some(text) = form.get(name).and_then(call::text) {
            names.entry(name).or_insert_with(|| json!(text));
        }
    }
    names
}

/// What `Accept` names first; without it, the notation of the call.
fn wants_xml(arrival: &Arrival) -> bool {
    let accept = arrival.ask.header("accept").unwrap_or_default().to_ascii_lowercase();
    match (accept.find("xml"), accept.find("json")) {
        (Some(xml), Some(json)) => xml < json,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => frame::is_xml(arrival),
    }
}

fn in_xml(status: u16, root: &str, body: &Map<String, Value>) -> Answer {
    let mut writer = Writer::default();
    writer.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    writer.start(root, &[]);
    for (name, value) in body {
        writer.leaf(name, value.as_str().unwrap_or_default());
    }
    writer.end(root);
    let headers = vec![("content-type".to_owned(), "application/xml; charset=utf-8".to_owned())];
    Answer { status, headers, body: Body::of(writer.finish()) }
}
