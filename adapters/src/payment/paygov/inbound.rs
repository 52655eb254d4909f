//! PayGov's callback: one call, one payment. `SIGNATURE_WRONG` is a word of its own; everything else that is refused is `FAILED`.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Arrival, Ask, Fate, Heard, Item, Keys, Payload};
use gateway_core::fault::Fault;
use gateway_core::ids::Kind;
use gateway_core::json;
use serde_json::json;

use super::{PayGov, session};
use crate::kinds::PAYMENT_OBSERVED;
use crate::payment::{seal, wire};
use crate::wire::refusal::words_of;

const FRAME: &str = "payment.frame";

impl PayGov {
    /// Does the checksum of a callback hold?
    pub(super) fn holds(&self, ask: &Ask, keys: &Keys) -> bool {
        let access = keys.fixed.get(session::ACCESS_KEY).map(|key| key.reveal().trim()).unwrap_or_default();
        let Some(mut body) = wire::object(&ask.body.bytes) else { return false };
        let shown = seal::exact(&body, "checksum");
        // Not said in a callback, and part of what is signed.
        if body.get("partnerCode").is_none() {
            body["partnerCode"] = json!(self.settings.partner_code);
        }
        let fields = || self.settings.callback_signed.iter().map(String::as_str);
        seal::valid(keys).any(|secret| seal::agree(&session::made(&body, fields(), secret, access), &shown))
    }
}

/// One call is one item.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let body = json::parse(&arrival.ask.body.bytes)?;
    if !body.is_object() {
        return Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON"));
    }
    Ok(Heard::Messages(vec![Item {
        kind: Kind::from(PAYMENT_OBSERVED),
        dossier: None,
        unit: None,
        keys: Vec::new(),
        hints: BTreeMap::new(),
        payload: Payload::Json(body),
    }]))
}

/// Successful once it is on disk, also if it was before.
pub(super) fn reply(said: Result<&[Fate], &Fault>) -> Answer {
    let fault = match said {
        Err(fault) => Some(fault),
        Ok(fates) => wire::refused(fates),
    };
    match fault {
        None => Answer::json(200, &json!({ "error_code": "SUCCESSFUL", "error_message": "" })),
        Some(fault) => {
            let code = if fault.code == "auth.signature" { "SIGNATURE_WRONG" } else { "FAILED" };
            wire::refusal(fault, &json!({ "error_code": code, "error_message": words_of(fault) }))
        }
    }
}
