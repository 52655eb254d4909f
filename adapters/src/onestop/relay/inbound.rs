//! Frames a relay's call into items and words its one answer.

use gateway_core::adapter::{Answer, Arrival, Fate, Heard};
use gateway_core::fault::Fault;
use gateway_core::json;
use serde::Deserialize;
use serde_json::Value;

use crate::kinds::DOSSIER_RECORDED;
use crate::onestop::call::{self, Call};
use crate::onestop::verdict::Verdict;

const FRAME: &str = "relay.frame";

/// One item for each element of the array.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let call = Call::by_path(arrival)?;
    let elements = call::elements(json::parse(&arrival.ask.body.0)?, FRAME)?;
    Ok(Heard::Messages(call.items(elements)))
}

/// The envelope; `error_code` is a text here.
pub(super) fn reply(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let verdict = match said {
        Err(fault) => Verdict::of_fault(fault),
        Ok(fates) => {
            let kind = call::kind_by_path(arrival).unwrap_or(DOSSIER_RECORDED);
            Verdict::of_fates(kind, &dossiers(arrival), fates)
        }
    };
    verdict.into_json(&Value::from("0"))
}

/// The codes again, from the call itself: the fates carry only what we call the items. Nothing else is built of a body
/// that was found right when it was framed.
fn dossiers(arrival: &Arrival) -> Vec<Option<String>> {
    #[derive(Deserialize)]
    struct Glimpse {
        #[serde(rename = "MaHoSo", default)]
        code: Value,
    }
    let text = arrival.ask.body.0.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&arrival.ask.body.0);
    let single = text.trim_ascii_start().starts_with(b"{");
    let glimpses: Result<Vec<Glimpse>, _> = match single {
        true => serde_json::from_slice(text).map(|one| vec![one]),
        false => serde_json::from_slice(text),
    };
    glimpses.unwrap_or_default().iter().map(|glimpse| call::text(&glimpse.code)).collect()
}
