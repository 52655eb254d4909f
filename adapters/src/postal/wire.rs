//! Pieces of wire that the carriers' dialects share: calls, texts that may be numbers, keys in drifting letter case.

use std::collections::BTreeMap;

use gateway_core::adapter::{Ask, Body, Effect, Item, Pairs, Payload, Request, Keeping};
use gateway_core::ids::{Account, Kind};
use gateway_core::translator::whole;
use serde_json::{Map, Value};

use super::order::NumberForm;
use crate::kinds::{HINT_LEG, HINT_SHIPMENT, POSTAL_EVENT_OBSERVED};

/// The name of the endpoint that takes the calls; its host belongs to the transport.
pub(super) const ENDPOINT: &str = "post";
/// The account of peers that have one only.
pub(super) const ACCOUNT: &str = "default";

/// A call that is still to be signed.
pub(super) struct Call<'a> {
    pub(super) step: &'a str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: Pairs,
    pub(super) headers: Pairs,
    pub(super) body: Option<Value>,
    pub(super) account: bool,
}

impl Call<'_> {
    /// A call that may be made again. Every call to a carrier may, unless a dialect says otherwise of its orders: a cancellation or a
    /// correction of a number has the same effect twice as once, and all others only look.
    pub(super) fn request(self) -> Request {
        let Call { step, method, path, query, headers: more, body, account } = self;
        let mut headers = vec![pair("accept", "application/json")];
        if body.is_some() {
            headers.push(pair("content-type", "application/json"));
        }
        headers.extend(more);
        let body = Body::of(body.map(|body| body.to_string().into_bytes()).unwrap_or_default());
        Request {
            step: step.to_owned(),
            effect: Effect::Repeatable,
            endpoint: ENDPOINT.to_owned(),
            account: account.then(|| Account::from(ACCOUNT)),
            ask: Ask { method: method.to_owned(), path: path.to_owned(), query, headers, body },
            answer_in: Keeping::Inline,
        }
    }
}

/// A name with its value.
pub(super) fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// An event as an item. Its dossier, leg and shipment are read from our own number, where the carrier repeats it.
pub(super) fn event(form: &NumberForm, number: Option<&str>, keys: Vec<String>, frame: Value) -> Item {
    let said = number.map(|number| form.parse(number));
    let mut hints = BTreeMap::new();
    if let Some(leg) = said.as_ref().and_then(|said| said.leg) {
        hints.insert(HINT_LEG.to_owned(), leg.as_str().to_owned());
    }
    if let Some(shipment) = said.as_ref().and_then(|said| said.shipment) {
        hints.insert(HINT_SHIPMENT.to_owned(), shipment.to_string());
    }
    Item {
        kind: Kind::from(POSTAL_EVENT_OBSERVED),
        dossier: said.map(|said| said.dossier),
        unit: None,
        keys,
        hints,
        payload: Payload::Json(frame),
    }
}

/// A text or number as text, without white space around it; none if it is empty. `4.0` is `4`: what stands between may know one kind of
/// number only.
pub(super) fn plain(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string()),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A field, whatever the letter case of its key: one interface writes `Type` and `type`, `vasFee` and `vasfee`.
pub(super) fn field<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let object = object.as_object()?;
    object
        .get(name)
        .or_else(|| object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// The text of such a field.
pub(super) fn text(object: &Value, name: &str) -> Option<String> {
    field(object, name).and_then(plain)
}

/// A JSON object; none if the bytes are anything else.
pub(super) fn object(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let value: Value = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()?;
    value.is_object().then_some(value)
}

/// An amount in dong, written as a number or as a text, perhaps with `.0` behind it; none if it is no whole amount.
pub(super) fn dong(value: &Value) -> Option<i64> {
    let text = plain(value)?;
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole: i64 = whole.parse().ok().filter(|whole| *whole >= 0)?;
    rest.bytes().all(|digit| digit == b'0').then_some(whole)
}

/// Leaves out amounts that are none. They are provisional or for the history; an event that says where a shipment is must not be lost for
/// one of them.
pub(super) fn without_unreadable_amounts(record: &mut Value, names: &[&str]) {
    let Some(fields) = record.as_object_mut() else { return };
    for name in names {
        if let Some(amount) = fields.get_mut(*name) {
            *amount = dong(amount).map_or(Value::Null, Value::from);
        }
    }
}

/// The same object with the keys of this list in their letter case, so that a contract can name them.
pub(super) fn in_letter_case(object: &Value, names: &[&str]) -> Value {
    let Some(fields) = object.as_object() else { return object.clone() };
    let spelt = |key: &String| {
        let known = names.iter().find(|name| name.eq_ignore_ascii_case(key));
        known.map_or_else(|| key.clone(), |name| (*name).to_owned())
    };
    let mut spelled = Map::new();
    for (key, value) in fields {
        // Of two keys that differ in letter case only, the one that says something counts.
        let place = spelled.entry(spelt(key)).or_insert(Value::Null);
        if place.is_null() {
            *place = value.clone();
        }
    }
    Value::Object(spelled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn letter_case_drifts_inside_one_interface() {
        let answer = json!({ "type": "00", "vasfee": 7, "OrderNUmber": null });
        assert_eq!(text(&answer, "Type").as_deref(), Some("00"));
        assert_eq!(text(&answer, "vasFee").as_deref(), Some("7"));
        let spelled = in_letter_case(&json!({ "ItemCode": "A", "itemcode": null, "x": 1 }), &["itemCode"]);
        assert_eq!(spelled, json!({ "itemCode": "A", "x": 1 }));
    }

    #[test]
    fn amounts_are_whole_dong_however_they_are_written() {
        for (written, amount) in
            [(json!(26000), Some(26000)), (json!("26000"), Some(26000)), (json!(26000.0), Some(26000))]
        {
            assert_eq!(dong(&written), amount);
        }
        for none in [json!("26.5"), json!(-1), json!("hai mươi"), json!(null), json!("")] {
            assert_eq!(dong(&none), None, "{none}");
        }
    }

    #[test]
    fn a_number_with_a_point_is_the_same_number() {
        let written = [(json!(4.0), "4"), (json!(1_790_848_800_000.0), "1790848800000"), (json!(4.5), "4.5")];
        for (number, text) in written {
            assert_eq!(plain(&number).as_deref(), Some(text));
        }
    }

    #[test]
    fn an_amount_that_is_none_is_left_out() {
        let mut record = json!({ "totalFee": 26000.5, "codAmount": "26000", "fee": -1, "status": 14 });
        without_unreadable_amounts(&mut record, &["totalFee", "codAmount", "fee", "none"]);
        assert_eq!(record, json!({ "totalFee": null, "codAmount": 26000, "fee": null, "status": 14 }));
    }
}
