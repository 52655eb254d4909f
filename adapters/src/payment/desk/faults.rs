//! What the software's answers mean: it speaks no codes, so the HTTP status alone decides.

use gateway_core::adapter::Answer;

use super::Desk;
use crate::payment::outcomes::Outcome;

impl Desk {
    /// Read from the table.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        self.outcomes.of(answer, None, "")
    }
}
