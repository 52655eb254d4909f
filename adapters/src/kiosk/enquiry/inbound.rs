//! Frames `GET …/v1/dossiers/{code}/status` with the header `X-Receipt-Code`.

use std::collections::BTreeMap;

use gateway_core::adapter::{Arrival, Heard};
use gateway_core::fault::{Fault, Violation};

use crate::kiosk::frame;

const ASK_DOSSIER_STATUS: &str = "ask-dossier-status";
/// Beside the question, for the gateway.
const HINT_RECEIPT_CODE: &str = "receipt-code";
const RECEIPT_CODE: &str = "x-receipt-code";

/// The receipt code stands in a header only: addresses are kept in logs of whoever is in between.
pub(in crate::kiosk) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let dossier = frame::dossier(arrival, &["dossiers", "", "status"])?;
    let given = arrival.ask.header(RECEIPT_CODE).map(str::trim).filter(|code| !code.is_empty());
    let given = given.ok_or_else(|| {
        let missing = Violation::sender("X-Receipt-Code", "required", "là mã tra cứu in trên giấy hẹn");
        Fault::sender("question.frame", "thiếu mã tra cứu").with(vec![missing])
    })?;
    let hints = BTreeMap::from([(HINT_RECEIPT_CODE.to_owned(), given.to_owned())]);
    Ok(Heard::Question(frame::question(ASK_DOSSIER_STATUS, dossier, hints)))
}
