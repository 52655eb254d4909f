//! What the answers of the province's software mean.
//!
//! Success is judged by `error_code` alone: 0 taken, 1 taken before. Its words decide nothing but what is refused.

use gateway_core::adapter::Answer;
use gateway_core::fault::Fault;
use serde_json::Value;

use super::Relay;
use crate::onestop::call;
use crate::onestop::outcomes::{self, Outcome};
use crate::wire::outcomes::{Family, Means};

/// What is its own in the table of outcomes.
pub(in crate::onestop) static FAMILY: Family =
    Family { path: outcomes::PATH, code_name: "error_code", reads_words: true, told };

impl Relay {
    /// Taken now or before; or why not.
    pub(super) fn taken(&self, answer: &Answer) -> Result<(), Fault> {
        let body: Option<Value> = serde_json::from_slice(&answer.body.bytes).ok();
        let text = |name: &str| body.as_ref().and_then(|body| body.get(name)).and_then(call::text);
        let (code, message) = (text("error_code"), text("message").unwrap_or_default());
        let said = body.as_ref().map(|_| (code.as_deref(), message.as_str()));
        match self.outcomes.of(answer, said) {
            Outcome::Done | Outcome::Exists(_) => Ok(()),
            Outcome::Missing(fault) | Outcome::Failed(fault) => Err(fault),
        }
    }
}

fn told(means: Means) -> Option<(&'static str, &'static str)> {
    Some(match means {
        Means::Done => ("relay.done", "phần mềm của tỉnh đã nhận"),
        Means::Exists => ("relay.exists", "phần mềm của tỉnh đã nhận từ trước"),
        Means::Later => ("relay.away", "phần mềm của tỉnh tạm thời không nhận; hệ thống sẽ tự gửi lại"),
        Means::Doubt => ("relay.no-verdict", "chưa rõ phần mềm của tỉnh đã ghi nhận hay chưa"),
        Means::Refused => ("relay.refused", "phần mềm của tỉnh từ chối dữ liệu; xem câu trả lời gốc"),
        Means::Unclear => ("relay.unclear", "chưa hiểu được câu trả lời của phần mềm của tỉnh"),
        Means::Pending | Means::Missing | Means::Session => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Files;
    use serde_json::json;

    #[test]
    fn words_of_success_are_no_success() {
        let table = include_str!("../../../../mappings/onestop/outcomes.yaml");
        let files = Files::from([(outcomes::PATH.to_owned(), table.as_bytes().to_vec())]);
        let relay = Relay::new(&toml::Table::new(), &files).unwrap();
        let taken = |body: Value| relay.taken(&Answer::json(200, &body)).is_ok();
        assert!(taken(json!({ "error_code": 0 })) && taken(json!({ "error_code": "1" })));
        assert!(!taken(json!({ "error_code": -1, "message": "Không thành công" })));
        assert!(!taken(json!({ "message": "Tiếp nhận thành công" })));
    }
}
