//! MyVNPost calls with a batch of records: each is an event with a fate of its own.
//!
//! `signature` is not looked at (see the top of the dialect), so the level that a call reaches is whatever its door found out and never
//! more. Nobody says what answer is wanted; this one is what integrators give.

use gateway_core::adapter::{Answer, Arrival, Fate, Heard, Item};
use gateway_core::fault::Fault;
use gateway_core::ids::fingerprint;
use gateway_core::json;
use serde_json::{Value, json};

use super::{AMOUNTS, FIELDS, MyVnPost};
use crate::postal::{verdict, wire};
use crate::wire::refusal::without_success;

const FRAME: &str = "myvnpost.frame";
/// More records in one call are refused: their fates would not be known within the caller's patience.
const RECORDS_MAX: usize = 1000;

impl MyVnPost {
    pub(super) fn hear(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        let body = json::parse(&arrival.ask.body.bytes)?;
        let records = wire::field(&body, "data").and_then(Value::as_array);
        let records = records.ok_or_else(|| Fault::sender(FRAME, "nội dung phải có danh sách data"))?;
        if records.is_empty() || records.len() > RECORDS_MAX {
            return Err(Fault::sender(FRAME, format!("data phải có từ 1 đến {RECORDS_MAX} bản ghi")));
        }
        let sent = wire::field(&body, "sendDate").cloned().unwrap_or_default();
        Ok(Heard::Messages(records.iter().map(|record| self.item(record, &sent)).collect()))
    }

    /// What is wrong inside a record is left to its contract, so that its neighbours are not lost with it.
    fn item(&self, record: &Value, sent: &Value) -> Item {
        let mut record = wire::in_letter_case(record, &FIELDS);
        wire::without_unreadable_amounts(&mut record, &AMOUNTS);
        let said = |name: &str| wire::text(&record, name).unwrap_or_default();
        let sent_at = wire::plain(sent).unwrap_or_default();
        let name = match record.is_object() && !said("itemCode").is_empty() {
            true => fingerprint(&[&said("itemCode"), &said("status"), &said("statusDate"), &sent_at]),
            false => fingerprint(&[&record.to_string(), &sent_at]),
        };
        let number = wire::text(&record, "saleOrderCode");
        let frame = json!({ "pulled": false, "sendDate": sent, "record": record });
        let keys = vec![format!("myvnpost/called/{name}")];
        wire::event(&self.settings.number_form, number.as_deref(), keys, frame)
    }
}

/// Success only if every record is on disk; a repetition of the whole batch is harmless.
pub(super) fn answer(said: Result<&[Fate], &Fault>) -> Answer {
    let taken = said.map_or(0, |fates| {
        fates.iter().filter(|fate| matches!(fate, Fate::Accepted { .. } | Fate::Duplicate { .. })).count()
    });
    let refusal = match said {
        Err(fault) => Some(fault),
        Ok(fates) => verdict::refused(fates),
    };
    match refusal {
        None => Answer::json(200, &json!({ "success": true, "message": "OK", "updated": taken })),
        Some(fault) => {
            let body = json!({ "success": false, "message": without_success(&fault.words), "updated": taken });
            verdict::refusal(fault, &body)
        }
    }
}
