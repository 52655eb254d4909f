//! What an answer of EMS means: `{code: "success" | "error", message}`. The HTTP status of errors is not documented.

use gateway_core::adapter::Answer;

use super::Ems;
use crate::postal::outcomes::Outcome;
use crate::postal::wire;

impl Ems {
    /// Read from the table, by `code` alone.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let code = wire::text(&body, "code");
        self.outcomes.of(answer, code.as_deref(), &wire::text(&body, "message").unwrap_or_default())
    }
}
