//! Frames a relay's call into items and words its one answer.

use gateway_core::adapter::{Answer, Arrival, Fate, Heard};
use gateway_core::fault::Fault;
use gateway_core::json;
use serde_json::Value;

use crate::kinds::DOSSIER_RECORDED;
use crate::onestop::call::{self, Call};
use crate::onestop::verdict::Verdict;

const FRAME: &str = "relay.frame";

/// One item for each element of the array.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let call = Call::by_path(arrival)?;
    let elements = call::elements(json::parse(&arrival.ask.body.bytes)?, FRAME)?;
    Ok(Heard::Messages(call.items(elements)))
}

/// The envelope; `error_code` is a text here.
pub(super) fn reply(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let verdict = match said {
        Err(fault) => Verdict::of_fault(fault),
        Ok(fates) => {
            let kind = call::kind_by_path(arrival).unwrap_or(DOSSIER_RECORDED);
            Verdict::of_fates(kind, &arrival.dossiers, fates)
        }
    };
    verdict.into_json(&Value::from("0"))
}
