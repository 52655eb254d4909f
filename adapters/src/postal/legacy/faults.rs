//! What an answer of the old interface means: `Status`, a boolean.

use gateway_core::adapter::Answer;
use serde_json::Value;

use super::Legacy;
use crate::postal::outcomes::Outcome;
use crate::postal::wire;

impl Legacy {
    /// Read from the table, by `Status` alone, whatever its type and letter case.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let code = match wire::field(&body, "Status") {
            Some(Value::Bool(taken)) => Some(taken.to_string()),
            Some(other) => wire::plain(other).map(|text| text.to_ascii_lowercase()),
            None => None,
        };
        self.outcomes.of(answer, code.as_deref(), &wire::text(&body, "Message").unwrap_or_default())
    }
}
