//! What an answer of PayGov means. Its own code of success is not documented: what is known is that an answer with `data.url` is one, so
//! that is said as the code `url`.

use gateway_core::adapter::Answer;
use serde_json::Value;

use super::PayGov;
use crate::payment::outcomes::Outcome;
use crate::payment::wire;

impl PayGov {
    /// Read from the table.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let code = if url(&body).is_some() { Some("url".to_owned()) } else { wire::text(&body, "error_code") };
        let words = wire::text(&body, "error_message").or_else(|| wire::text(&body, "message"));
        self.outcomes.of(answer, code.as_deref(), &words.unwrap_or_default())
    }
}

/// Where the citizen pays.
pub(super) fn url(body: &Value) -> Option<String> {
    body.get("data").and_then(|data| wire::text(data, "url"))
}
