//! Frames `GET …/v1/receipt-codes/{code}`.

use std::collections::BTreeMap;

use gateway_core::adapter::{Arrival, Heard};
use gateway_core::fault::Fault;

use crate::kiosk::frame;

const ASK_RECEIPT_CODE: &str = "ask-receipt-code";

/// The dossier need not be known yet: receipts are printed when it is taken in.
pub(in crate::kiosk) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let dossier = frame::dossier(arrival, &["receipt-codes", ""])?;
    Ok(Heard::Question(frame::question(ASK_RECEIPT_CODE, dossier, BTreeMap::new())))
}
