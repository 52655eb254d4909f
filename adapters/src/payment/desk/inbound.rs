//! Frames a question or a fact, and words the one answer.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Arrival, Fate, Heard, Item, Payload};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Kind, MessageId};
use gateway_core::json;
use serde_json::{Value, json};

use crate::kinds::{ASK_PAYMENT_RECEIPT, FEES_DUE, PAYMENT_CANCELLED, START_PAYMENT};
use crate::payment::wire;
use crate::wire::refusal::{headers_of, status_of, without_success};

const FRAME: &str = "desk.frame";

/// One object is one item; the path says which kind.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let kind = kind_by_path(&arrival.ask.path).ok_or_else(|| {
        let words = "đường dẫn phải kết thúc bằng payment/start, payment/cancel, payment/receipt hoặc payment/due";
        Fault::sender("door.not-found", words)
    })?;
    let body = json::parse(&arrival.ask.body.bytes)?;
    if !body.is_object() {
        return Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON"));
    }
    let key = arrival.ask.header("idempotency-key").map(str::trim).filter(|key| !key.is_empty());
    let item = Item {
        kind: Kind::from(kind),
        dossier: body.get("dossier").and_then(|dossier| wire::text(dossier, "code")),
        unit: wire::text(&body, "unit"),
        keys: key.map(str::to_owned).into_iter().collect(),
        hints: BTreeMap::new(),
        payload: Payload::Json(body),
    };
    Ok(match kind {
        START_PAYMENT | ASK_PAYMENT_RECEIPT => Heard::Question(item),
        _ => Heard::Messages(vec![item]),
    })
}

/// 202 with our id when it is on disk, the answer to a question, or what is wrong.
pub(super) fn reply(said: Result<&[Fate], &Fault>) -> Answer {
    match said {
        Err(fault) => refusal(fault),
        Ok([Fate::Answered(answer)]) => Answer { headers: kept(answer), ..answer.clone() },
        Ok(fates) => match (wire::refused(fates), fates.first()) {
            (Some(fault), _) => refusal(fault),
            (None, Some(Fate::Accepted { id, .. })) => accepted(id, false),
            (None, Some(Fate::Duplicate { id })) => accepted(id, true),
            _ => refusal(&Fault::new("gateway.nothing", Blame::Gateway, Remedy::Correct, "không có kết quả")),
        },
    }
}

fn kind_by_path(path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    [
        ("/start", START_PAYMENT),
        ("/cancel", PAYMENT_CANCELLED),
        ("/receipt", ASK_PAYMENT_RECEIPT),
        ("/due", FEES_DUE),
    ]
    .into_iter()
    .find(|(end, _)| path.ends_with(end))
    .map(|(_, kind)| kind)
}

fn accepted(id: &MessageId, known: bool) -> Answer {
    Answer::json(202, &json!({ "id": id.to_string(), "duplicate": known }))
}

fn refusal(fault: &Fault) -> Answer {
    let status = status_of(fault);
    let wrong = |wrong: &gateway_core::fault::Violation| json!({ "path": wrong.path, "rule": wrong.rule, "detail": without_success(&wrong.detail) });
    let violations: Vec<Value> = fault.violations.iter().map(wrong).collect();
    let body = json!({ "status": status, "code": fault.code, "message": without_success(&fault.words), "violations": violations });
    let mut answer = Answer::json(status, &body);
    answer.headers.extend(headers_of(fault, status));
    answer
}

/// Of the asked provider's headers only what says how to read the body.
fn kept(answer: &Answer) -> Vec<(String, String)> {
    answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).cloned().collect()
}
