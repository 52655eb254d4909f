//! What makes an item equal to another, where that is not its document itself.

use gateway_core::adapter::Payload;
use gateway_core::channel::KindSpec;
use gateway_core::ids::Unit;
use gateway_core::translator::Plan;
use serde_json::{Value, json};

/// What makes a document equal to another, where that is not the document itself.
pub(super) fn comparable(
    plan: &Plan,
    spec: Option<&KindSpec>,
    document: &Value,
    unit: &Unit,
) -> Option<Value> {
    let lasting = plan.has_volatile().then(|| plan.comparable(document));
    match spec.is_some_and(|spec| spec.unit.is_some()) {
        // The same for another unit is for somebody else.
        true => Some(json!({ "unit": unit.as_str(), "said": lasting.as_ref().unwrap_or(document) })),
        false => lasting,
    }
}

/// What an item that could not be read yet is compared by: itself.
pub(super) fn compared(payload: &Payload) -> Value {
    match payload {
        Payload::Json(value) => value.clone(),
        Payload::Xml(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    }
}
