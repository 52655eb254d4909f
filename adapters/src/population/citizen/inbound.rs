//! Frames a question in our own JSON and words its answer.

use gateway_core::adapter::{Answer, Arrival, Fate, Heard, Payload};
use gateway_core::fault::Fault;
use gateway_core::json;
use serde_json::Value;

use crate::population::frame;
use crate::population::person::{self, Record};
use crate::population::{LOOK_UP, VERIFY, VERIFY_KIN};
use crate::wire::refusal::problem;

const FRAME: &str = "question.frame";

/// One object is one question; the end of the path says which.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    frame::check_url(&arrival.ask)?;
    let kind = match arrival.ask.path.trim_end_matches('/').rsplit('/').next().unwrap_or_default() {
        last if last.eq_ignore_ascii_case("look-up") => LOOK_UP,
        last if last.eq_ignore_ascii_case("verify") => VERIFY,
        last if last.eq_ignore_ascii_case("verify-kin") => VERIFY_KIN,
        _ => return Err(Fault::sender("door.not-found", "đường dẫn phải kết thúc bằng look-up, verify hoặc verify-kin")),
    };
    let Value::Object(mut body) = json::parse(&arrival.ask.body.bytes)? else {
        return Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON"));
    };
    let person = body.get("person");
    let has = |name: &str| frame::text(person.and_then(|person| person.get(name))).is_some();
    let there = has("identityNumber") || has("oldIdentityNumber");
    // A question about nobody at all is for the contract, which says what is missing.
    if person.is_some_and(Value::is_object) {
        frame::check_number(there, ["person.identityNumber", "person.oldIdentityNumber"])?;
    }
    let dossier = frame::dossier(&arrival.ask, frame::text(body.get("dossier")));
    if let Some(code) = &dossier {
        body.insert("dossier".to_owned(), Value::from(code.as_str()));
    }
    let unit = frame::text(body.get("unit"));
    Ok(Heard::Question(frame::item(kind, dossier, unit, Payload::Json(Value::Object(body)))))
}

/// The canonical answer as it is, or a problem document.
pub(super) fn reply(said: Result<&[Fate], &Fault>) -> Answer {
    match said {
        Ok([Fate::Answered(answer)]) if Record::read(answer).is_some() => {
            let document: Value = serde_json::from_slice(&answer.body.bytes).unwrap_or_default();
            Answer::json(200, &document)
        }
        Ok([Fate::Refused(fault)]) => problem(fault),
        Ok(_) => problem(&person::unworded()),
        Err(fault) => problem(fault),
    }
}
