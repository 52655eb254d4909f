//! Gives the province's software what the portal pushed, in the portal's own words, and hears its own code for it.
//!
//! A new dossier may be given again: its code tells the software that it has it. Of amendments, of land tax and of payments nobody has
//! said so, so each counts. One call is the whole conversation.

use gateway_core::adapter::{
    Ask, Body, Conversation, Effect, Item, Keeping, Keys, Payload, Receipt, Request, Secret, Signed, Turn,
};
use gateway_core::envelope::Envelope;
use gateway_core::fault::Fault;
use gateway_core::ids::{Account, Kind};
use serde_json::{Value, json};

use super::Relay;
use crate::kinds::{
    DOSSIER_AMENDED, DOSSIER_ANSWERED, DOSSIER_SUBMITTED, LAND_TAX_NOTICED, LAND_TAX_PAID, PAYMENT_CONFIRMED,
};
use crate::onestop::{call, inbound_only};

/// The name of the configured endpoint; its host belongs to the transport.
pub(super) const ENDPOINT: &str = "relay";
/// What stands under this name is laid flat beside the others.
const DETAILS: &str = "ChiTiet";

impl Relay {
    /// The one call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let settings = &self.settings;
        let (path, effect) = match talk.message.kind.as_str() {
            DOSSIER_SUBMITTED => (&settings.submitted_path, Effect::Repeatable),
            DOSSIER_AMENDED => (&settings.amended_path, Effect::Once),
            LAND_TAX_NOTICED => (&settings.land_tax_noticed_path, Effect::Once),
            LAND_TAX_PAID => (&settings.land_tax_paid_path, Effect::Once),
            PAYMENT_CONFIRMED => (&settings.payment_confirmed_path, Effect::Once),
            _ => return Err(inbound_only()),
        };
        let Some(last) = talk.transcript.last() else {
            return Ok(Turn::Call(self.given(talk.message, path, effect)));
        };
        self.taken(&last.answer)?;
        let own = match talk.message.kind.as_str() {
            DOSSIER_SUBMITTED => self.own_code(&last.answer.body.bytes),
            _ => None,
        };
        let says = own.iter().filter_map(|own| says(talk.message, own)).collect();
        Ok(Turn::Done(Receipt { reference: own.unwrap_or_default(), says, ..Receipt::default() }))
    }

    /// With the key `token`, if there is one: software in the same machine room often asks for none.
    pub(super) fn signed(&self, request: &Request, keys: &Keys) -> Result<Signed, Fault> {
        let mut ask = request.ask.clone();
        if let Some(token) = keys.of(&Account::from(ENDPOINT), "token").map(Secret::reveal) {
            ask.headers.push(("authorization".to_owned(), format!("Bearer {token}")));
        }
        Ok(Signed::new(ask))
    }

    fn given(&self, message: &Envelope, path: &str, effect: Effect) -> Request {
        let mut document = flat(message.document.clone());
        if let Some(data) = document.get_mut("data") {
            *data = flat(data.take());
        }
        if self.settings.in_array {
            document = Value::Array(vec![document]);
        }
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let ask = Ask {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: Vec::new(),
            headers: vec![header("accept", "application/json"), header("content-type", "application/json")],
            body: Body::json(&document, &message.files),
        };
        Request {
            step: message.kind.to_string(),
            effect,
            endpoint: ENDPOINT.to_owned(),
            account: None,
            ask,
            answer_in: Keeping::Inline,
        }
    }

    /// What the software calls the dossier, where its answer says so.
    fn own_code(&self, answer: &[u8]) -> Option<String> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let at = |path: &String| path.split('.').try_fold(&answer, |value, name| value.get(name));
        self.settings.own_code_at.iter().filter_map(at).find_map(call::text)
    }
}

/// The form's own fields stand beside the others; one that has a place of its own keeps it.
fn flat(mut document: Value) -> Value {
    let Some(fields) = document.as_object_mut() else { return document };
    if let Some(Value::Object(details)) = fields.remove(DETAILS) {
        for (name, value) in details {
            fields.entry(name).or_insert(value);
        }
    }
    document
}

/// What the portal is to hear: taken, and under which code of the province's. Nothing where the software gave the code it was given.
fn says(message: &Envelope, own: &str) -> Option<Item> {
    let national = message.dossier.as_ref()?.to_string();
    let document = json!({ "MaHoSo": national, "MaHoSoDonVi": own, "TrangThai": "2" });
    (national != own).then(|| Item {
        kind: Kind::from(DOSSIER_ANSWERED),
        // Told once, however often the dossier is given.
        keys: vec![format!("own-code/{national}/{own}")],
        dossier: Some(national),
        unit: Some(message.unit.to_string()).filter(|unit| !unit.is_empty()),
        hints: Default::default(),
        payload: Payload::Json(document),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_own_fields_never_take_a_place_that_is_taken() {
        let document = json!({ "MaHoSo": "a", "ChiTiet": { "MaHoSo": "b", "HinhThuc": "c" } });
        assert_eq!(flat(document), json!({ "MaHoSo": "a", "HinhThuc": "c" }));
        assert_eq!(flat(json!([1])), json!([1]));
    }
}
