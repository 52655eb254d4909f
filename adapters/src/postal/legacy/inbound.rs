//! Documents posted to us in XML: one call, one document, one event. Nothing in it is signed.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Arrival, Fate, Heard, Payload};
use gateway_core::fault::Fault;
use gateway_core::ids::fingerprint;
use serde_json::json;

use super::Legacy;
use super::xml::{self, Document};
use crate::postal::{verdict, wire};
use crate::wire::refusal::without_success;

impl Legacy {
    pub(super) fn hear(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        let text = std::str::from_utf8(&arrival.ask.body.bytes)
            .map_err(|_| Fault::sender("body.encoding", "nội dung không phải UTF-8"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (root, fields) = xml::glimpse(text)?;
        let kind = [Document::Acceptance, Document::Delivery].into_iter().find(|kind| kind.root() == root);
        if kind.is_none() {
            return Err(Fault::sender("legacy.frame", "XML phải là PostalAcceptance hoặc PostalDelivery"));
        }
        let record: BTreeMap<String, String> = fields.into_iter().collect();
        let record = json!(record);
        let key = format!("legacy/posted/{root}/{}", fingerprint(&[text]));
        let ours = wire::text(&record, "DataCode");
        let mut item = wire::event(&self.settings.number_form, ours.as_deref(), vec![key], json!(null));
        item.payload = Payload::Xml(xml::frame(false, kind, &without_declaration(text)));
        Ok(Heard::Messages(vec![item]))
    }
}

/// `<?xml …?>` may stand at the beginning of a document only, and this one goes into a frame.
fn without_declaration(text: &str) -> String {
    let text = text.trim_start();
    match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim().to_owned(),
        None => text.trim_end().to_owned(),
    }
}

/// In JSON, as this interface answers our own calls.
pub(super) fn answer(said: Result<&[Fate], &Fault>) -> Answer {
    let refusal = match said {
        Err(fault) => Some(fault),
        Ok(fates) => verdict::refused(fates),
    };
    match refusal {
        None => Answer::json(200, &json!({ "Status": true, "Message": "OK" })),
        Some(fault) => {
            let body = json!({ "Status": false, "Message": without_success(&fault.words) });
            verdict::refusal(fault, &body)
        }
    }
}
