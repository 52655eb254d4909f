//! What an answer of the order services means: `{Status, Message}`, where the status is a number here and a text there.

use gateway_core::adapter::Answer;

use super::Hcc;
use crate::postal::outcomes::Outcome;
use crate::postal::wire;

impl Hcc {
    /// Read from the table, by `Status` alone.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let code = wire::text(&body, "Status");
        self.outcomes.of(answer, code.as_deref(), &wire::text(&body, "Message").unwrap_or_default())
    }
}
