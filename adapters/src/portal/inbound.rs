//! Frames what the portal pushes and asks, and words the one answer it knows: `{"error_code": 0 | 1 | -1, "message": …}`.
//!
//! 0 is said only when everything in the call is on disk, 1 when all of it was there before, -1 when any of it was refused, with every
//! place that is wrong; then what else was in the call is kept all the same, and a repeat finds it known. No text of a refusal
//! contains the words that callers take for success.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Arrival, Fate, Heard, Item, Payload};
use gateway_core::fault::Fault;
use gateway_core::ids::Kind;
use gateway_core::json;
use serde_json::{Value, json};

use super::Portal;
use crate::wire::refusal::{headers_of, status_of, without_success, words_of};

const FRAME: &str = "portal.frame";

impl Portal {
    /// One call is one item, whatever it speaks of: its mapping takes it apart.
    pub(super) fn heard(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        let rows: Vec<_> = self.pushes.at(&arrival.ask.path).collect();
        if rows.is_empty() {
            return Err(Fault::sender("door.not-found", "Cổng DVCQG không gửi đến địa chỉ này"));
        }
        let body = json::parse(&arrival.ask.body.bytes)?;
        if !body.is_object() {
            return Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON"));
        }
        let Some(push) = rows.iter().find(|push| push.is_meant(&body)) else {
            let known: Vec<&str> = rows.iter().filter_map(|push| push.service()).collect();
            let words =
                format!("dịch vụ trong `service` không nhận ở địa chỉ này; ở đây nhận: {}", known.join(", "));
            return Err(Fault::sender("portal.service", words));
        };
        let item = Item {
            kind: Kind::from(push.kind.as_str()),
            dossier: push.dossier(&body),
            unit: push.unit(&body),
            keys: Vec::new(),
            hints: BTreeMap::new(),
            payload: Payload::Json(body),
        };
        Ok(if push.question { Heard::Question(item) } else { Heard::Messages(vec![item]) })
    }

    /// The answer, as provinces give it.
    pub(super) fn answered(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        let question = self.pushes.at(&arrival.ask.path).any(|push| push.question);
        match said {
            Err(fault) => turned_away(fault, question, &arrival.dossiers),
            Ok([Fate::Answered(answer)]) => answer.clone(),
            Ok(fates) => told(&arrival.dossiers, fates),
        }
    }
}

/// What was read and is wrong is said under 200, as the portal expects it; what could not be read, or not be kept, under its own status.
fn turned_away(fault: &Fault, question: bool, dossiers: &[Option<String>]) -> Answer {
    let status = match fault.code.as_ref() {
        "dossier.unknown" | "dossier.code" | "unit.unusable" | "portal.service" | "file.refused" => 200,
        _ => status_of(fault),
    };
    // All but its files was read, so it is answered like a push that was read.
    let named = dossiers.iter().flatten().next().filter(|_| fault.code == "file.refused");
    let whose = named.map(|code| format!("{code}| ")).unwrap_or_default();
    // Where the portal asks, the code is a text in the one source there is.
    let code = if question { json!("-1") } else { json!(-1) };
    let mut answer = Answer::json(status, &json!({ "error_code": code, "message": format!("{whose}{}", words_of(fault)) }));
    answer.headers.extend(headers_of(fault, status));
    answer
}

fn told(dossiers: &[Option<String>], fates: &[Fate]) -> Answer {
    let code = |index: usize| dossiers.get(index).cloned().flatten().unwrap_or_default();
    let names = (0..fates.len()).map(code).collect::<Vec<_>>().join(", ");
    let refused: Vec<(usize, String)> =
        fates.iter().enumerate().filter_map(|(index, fate)| Some((index, refusal(fate)?))).collect();
    if fates.is_empty() {
        return envelope(-1, "nội dung không có hồ sơ nào");
    }
    if refused.is_empty() {
        let known = fates.iter().all(|fate| matches!(fate, Fate::Duplicate { .. }));
        let (code, words) = if known { (1, "đã nhận từ trước") } else { (0, "đã tiếp nhận") };
        return envelope(code, &format!("{names}| {words}"));
    }
    let each = refused.iter().map(|(index, words)| match code(*index).as_str() {
        "" => words.clone(),
        code => format!("{code}| {words}"),
    });
    let each = each.collect::<Vec<_>>().join(". ");
    let kept = fates.iter().enumerate().filter(|(_, fate)| refusal(fate).is_none());
    let kept = kept.map(|(index, _)| code(index)).filter(|code| !code.is_empty()).collect::<Vec<_>>();
    let kept = if kept.is_empty() { String::new() } else { format!(" ({})", kept.join(", ")) };
    let words = match fates.len() {
        1 => each,
        all if all == refused.len() => format!("không nhận {all}/{all} hồ sơ: {each}"),
        all => format!("không nhận {}/{all} hồ sơ, các hồ sơ còn lại đã được ghi{kept}: {each}", refused.len()),
    };
    envelope(-1, &without_success(&words))
}

fn refusal(fate: &Fate) -> Option<String> {
    match fate {
        Fate::Accepted { verdict: None | Some(Ok(())), .. } | Fate::Duplicate { .. } => None,
        Fate::Accepted { verdict: Some(Err(fault)), .. } | Fate::Refused(fault) => Some(words_of(fault)),
        // A message has no other fate; whatever came here was not written down.
        Fate::Answered(_) | Fate::File { .. } | Fate::LoggedIn { .. } => Some("không có kết quả".to_owned()),
    }
}

fn envelope(code: i64, message: &str) -> Answer {
    Answer::json(200, &Value::from_iter([("error_code", json!(code)), ("message", json!(message))]))
}
