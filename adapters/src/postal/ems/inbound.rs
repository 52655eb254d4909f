//! EMS calls for every change of an item: one call, one event.
//!
//! Nothing in such a call is signed. `ems-transaction` is a random text that must be given back, in a refusal too; it and the content are
//! both keys, because a repetition may come under another transaction, and a transaction with another content.

use gateway_core::adapter::{Answer, Arrival, Fate, Heard};
use gateway_core::fault::Fault;
use gateway_core::ids::fingerprint;
use gateway_core::json;
use serde_json::{Value, json};

use super::Ems;
use crate::postal::{verdict, wire};

/// The header that is given back.
const TRANSACTION: &str = "ems-transaction";
const TRANSACTION_LETTERS_MAX: usize = 100;

impl Ems {
    pub(super) fn hear(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        let mut body = json::parse(&arrival.ask.body.bytes)?;
        wire::without_unreadable_amounts(&mut body, &["total_fee", "money_collect"]);
        let (form, names) = match &body {
            Value::Object(fields) if fields.contains_key("tracking_code") => {
                ("v1", ["tracking_code", "status_code", "datetime", "order_code"])
            }
            Value::Object(fields) if fields.contains_key("TrackingCode") => {
                ("v2", ["TrackingCode", "StatusCode", "CreatedAt", "OrderCode"])
            }
            _ => return Err(Fault::sender("ems.frame", "nội dung phải có tracking_code hoặc TrackingCode")),
        };
        let [code, status, at, number] = names.map(|name| body.get(name).and_then(wire::plain));
        let said = [code, status, at].map(Option::unwrap_or_default);
        let content = fingerprint(&said.each_ref().map(String::as_str));
        let mut keys = vec![format!("ems/called/{content}")];
        keys.extend(transaction(arrival).map(|id| format!("ems/transaction/{id}")));
        let frame = json!({ "pulled": false, "form": form, form: body });
        Ok(Heard::Messages(vec![wire::event(&self.settings.number_form, number.as_deref(), keys, frame)]))
    }
}

/// EMS's own form. Not documented is the HTTP status, so it says what HTTP means by it.
pub(super) fn answer(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let word = |word: &str| json!({ "code": word, "transaction": transaction(arrival).unwrap_or_default() });
    let refusal = match said {
        Err(fault) => Some(fault),
        Ok(fates) => verdict::refused(fates),
    };
    match refusal {
        Some(fault) => verdict::refusal(fault, &word("error")),
        None => Answer::json(200, &word("success")),
    }
}

fn transaction(arrival: &Arrival) -> Option<String> {
    let text = arrival.ask.header(TRANSACTION)?.trim();
    let usable = !text.is_empty() && !text.chars().any(char::is_control);
    usable.then(|| text.chars().take(TRANSACTION_LETTERS_MAX).collect())
}
