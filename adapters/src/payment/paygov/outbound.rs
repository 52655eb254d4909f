//! The request for a payment. It counts once: nobody knows what PayGov makes of an order that it has. Checksum and keys are put on by `sign`.

use gateway_core::adapter::{Answer, Conversation, Effect, Receipt, Turn};
use gateway_core::fault::Fault;
use gateway_core::ids::Account;
use serde_json::json;

use super::{PayGov, faults};
use crate::kinds::{HINT_REFERENCE, START_PAYMENT};
use crate::payment::outcomes::Outcome;
use crate::payment::wire;

const START: &str = "start";

impl PayGov {
    /// The one call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        if talk.message.kind.as_str() != START_PAYMENT {
            return Err(wire::not_taken(talk.message.kind.as_str()));
        }
        let no_reference = || wire::ours("payment.reference", "khoản thanh toán chưa có mã tham chiếu");
        let reference = talk.message.hints.get(HINT_REFERENCE).ok_or_else(no_reference)?;
        let Some(last) = talk.transcript.last() else {
            let settings = &self.settings;
            if settings.partner_code.is_empty() {
                let words = "chưa cấu hình mã đối tác (partner_code) của PayGov";
                return Err(wire::ours("payment.no-partner", words));
            }
            let mut body = talk.message.document.clone();
            body["partnerCode"] = json!(settings.partner_code);
            body["serviceCode"] = json!(settings.service_code);
            body["orderId"] = json!(reference);
            body["requestCode"] = json!(reference);
            if body.get("returnUrl").is_none() {
                body["returnUrl"] = json!(settings.return_url);
            }
            let account = Some(Account::from(wire::ACCOUNT));
            return Ok(Turn::Call(wire::post(START, Effect::Once, &settings.start_path, &body, account)));
        };
        match self.outcome(&last.answer) {
            Outcome::Pending(fault) | Outcome::Failed(fault) => Err(fault),
            Outcome::Done => {
                let url = faults::url(&wire::object(&last.answer.body.bytes).unwrap_or_default());
                let answer = json!({ "reference": reference, "url": url.ok_or_else(wire::unclear)? });
                let answer = Some(Answer::json(200, &answer));
                Ok(Turn::Done(Receipt { reference: reference.clone(), answer, ..Receipt::default() }))
            }
        }
    }
}
