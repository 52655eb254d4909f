//! What an answer of MyVNPost means. It has no one code for it: an order's answer is the order, a correction's is `Type` or `type`, a
//! refusal is `success: false`. So the answer is first given a word, and the table says what the word means.

use gateway_core::adapter::Answer;
use serde_json::Value;

use super::MyVnPost;
use crate::postal::outcomes::Outcome;
use crate::postal::wire;

impl MyVnPost {
    /// Read from the table.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let message = wire::text(&body, "errorMessage").or_else(|| wire::text(&body, "message"));
        self.outcomes.of(answer, word(&body).as_deref(), &message.unwrap_or_default())
    }
}

/// The order in an answer, at its root or under `data`.
pub(super) fn order(body: &Value) -> Option<&Value> {
    let data = wire::field(body, "data").filter(|data| data.is_object());
    [data, Some(body)].into_iter().flatten().find(|order| {
        ["itemCode", "originalId", "orderHdrId"].iter().any(|name| wire::text(order, name).is_some())
    })
}

fn word(body: &Value) -> Option<String> {
    let refused = wire::field(body, "success").and_then(Value::as_bool) == Some(false);
    if refused {
        return Some("refused".to_owned());
    }
    match wire::text(body, "Type") {
        // Every other type of a correction is a refusal, by what integrators found.
        Some(kind) if ["00", "02"].contains(&kind.as_str()) => Some(kind),
        Some(_) => Some("refused".to_owned()),
        None => order(body).map(|_| "ordered".to_owned()),
    }
}
