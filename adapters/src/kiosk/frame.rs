//! What both dialects share: the path, and the one answer.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Arrival, Fate, Item, Payload};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Kind;
use serde_json::Value;

use crate::wire::refusal::problem;

/// The dossier's code in a path that ends so: `["dossiers", "", "status"]` is `…/dossiers/<code>/status`, the empty word being the code.
pub(super) fn dossier(arrival: &Arrival, ends: &[&str]) -> Result<String, Fault> {
    let parts: Vec<&str> = arrival.ask.path.split('/').filter(|part| !part.is_empty()).collect();
    let last = parts.len().checked_sub(ends.len()).map_or(&[][..], |start| &parts[start..]);
    let fits = |(part, wanted): (&&str, &&str)| wanted.is_empty() || part.eq_ignore_ascii_case(wanted);
    let code =
        last.iter().zip(ends).find(|(_, wanted)| wanted.is_empty()).map(|(code, _)| (*code).to_owned());
    code.filter(|_| last.iter().zip(ends).all(fits)).ok_or_else(|| {
        let shown: Vec<&str> =
            ends.iter().map(|word| if word.is_empty() { "<mã hồ sơ>" } else { word }).collect();
        Fault::sender("door.not-found", format!("đường dẫn phải là /v1/{}", shown.join("/")))
    })
}

/// A question about a dossier. All of it stands in the path and the hints, and nothing of it is kept.
pub(super) fn question(kind: &str, dossier: String, hints: BTreeMap<String, String>) -> Item {
    Item {
        kind: Kind::from(kind),
        dossier: Some(dossier),
        unit: None,
        keys: Vec::new(),
        hints,
        payload: Payload::Json(Value::Null),
    }
}

/// The answer as the gateway made it, or a problem document. Answers are nobody's but the asker's: no one in between may keep them.
pub(super) fn reply(said: Result<&[Fate], &Fault>) -> Answer {
    let mut answer = match said {
        Ok([Fate::Answered(answer)]) => {
            let kept = |(name, _): &&(String, String)| name.eq_ignore_ascii_case("content-type");
            Answer { headers: answer.headers.iter().filter(kept).cloned().collect(), ..answer.clone() }
        }
        Ok([Fate::Refused(fault)]) | Err(fault) => problem(fault),
        Ok(_) => problem(&unworded()),
    };
    for (name, value) in &mut answer.headers {
        if name == "allow" {
            "GET".clone_into(value);
        }
    }
    answer.headers.push(("cache-control".to_owned(), "no-store".to_owned()));
    answer
}

fn unworded() -> Fault {
    Fault::new(
        "kiosk.unworded",
        Blame::Gateway,
        Remedy::Correct,
        "cổng liên thông không có câu trả lời cho câu hỏi này",
    )
}
