//! Frames an order, a cancellation, a correction or a question, and words the one answer.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Arrival, Fate, Heard, Item, Payload};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Kind, MessageId};
use gateway_core::json;
use serde_json::{Value, json};

use crate::kinds::{ASK_POSTAL_PRICE, POSTAL_ORDER_CANCELLED, POSTAL_ORDER_CORRECTED, POSTAL_ORDER_REQUESTED};
use crate::postal::{verdict, wire};
use crate::wire::refusal::{status_of, without_success};

const FRAME: &str = "desk.frame";

/// One object is one item; the path says which kind.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let kind = kind_by_path(&arrival.ask.path).ok_or_else(|| {
        let words = "đường dẫn phải kết thúc bằng orders, orders/cancel, orders/correct hoặc price";
        Fault::sender("door.not-found", words)
    })?;
    let body = json::parse(&arrival.ask.body.bytes)?;
    if !body.is_object() {
        return Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON"));
    }
    let item = Item {
        kind: Kind::from(kind),
        dossier: body.pointer("/dossier/code").and_then(wire::plain),
        unit: wire::text(&body, "unit"),
        keys: arrival.ask.header("idempotency-key").map(str::trim).filter(|key| !key.is_empty()).map(str::to_owned).into_iter().collect(),
        hints: BTreeMap::new(),
        payload: Payload::Json(body),
    };
    Ok(match kind {
        ASK_POSTAL_PRICE => Heard::Question(item),
        _ => Heard::Messages(vec![item]),
    })
}

/// 202 with our id when the order is on disk; otherwise what is wrong with it, as a problem.
pub(super) fn reply(said: Result<&[Fate], &Fault>) -> Answer {
    match said {
        Err(fault) => refusal(fault),
        Ok([Fate::Answered(answer)]) => Answer { headers: kept(answer), ..answer.clone() },
        Ok(fates) => {
            match (verdict::refused(fates), fates.first()) {
                (Some(fault), _) => refusal(fault),
                (None, Some(Fate::Accepted { id, .. })) => accepted(id, false),
                (None, Some(Fate::Duplicate { id })) => accepted(id, true),
                _ => refusal(&Fault::new("gateway.nothing", Blame::Gateway, Remedy::Correct, "không có kết quả")),
            }
        }
    }
}

fn kind_by_path(path: &str) -> Option<&'static str> {
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    [
        ("/orders/cancel", POSTAL_ORDER_CANCELLED),
        ("/orders/correct", POSTAL_ORDER_CORRECTED),
        ("/orders", POSTAL_ORDER_REQUESTED),
        ("/price", ASK_POSTAL_PRICE),
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
    let violations: Vec<Value> = fault
        .violations
        .iter()
        .map(|wrong| json!({ "path": wrong.path, "rule": wrong.rule, "detail": without_success(&wrong.detail) }))
        .collect();
    let body = json!({ "status": status, "code": fault.code, "message": without_success(&fault.words), "violations": violations });
    verdict::refusal(fault, &body)
}

/// Of the asked carrier's headers only what says how to read the body.
fn kept(answer: &Answer) -> Vec<(String, String)> {
    answer.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("content-type")).cloned().collect()
}
