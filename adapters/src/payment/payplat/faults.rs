//! What an answer of the Platform means: `MaLoi` alone decides; `MoTaLoi` is for the operator.

use gateway_core::adapter::Answer;

use super::PayPlat;
use crate::payment::outcomes::Outcome;
use crate::payment::wire;

impl PayPlat {
    /// Read from the table.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let code = wire::text(&body, "MaLoi").or_else(|| wire::text(&body, "return_code"));
        let words = wire::text(&body, "MoTaLoi").or_else(|| wire::text(&body, "return_msg"));
        self.outcomes.of(answer, code.as_deref(), &words.unwrap_or_default())
    }
}
