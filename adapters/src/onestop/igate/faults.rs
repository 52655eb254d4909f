//! What an answer of the six steps means: `{code, message, data}`, alone or as the one element of a list.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::Value;

use super::Igate;
use super::wire;
use crate::onestop::outcomes::{self, Outcome};
use crate::wire::outcomes::{Family, Means};

/// What is its own in the table of outcomes.
pub(in crate::onestop) static FAMILY: Family =
    Family { path: outcomes::PATH, code_name: "code", reads_words: true, told };

impl Igate {
    /// Read from the table, by its status and code.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = envelope(answer);
        let code = body.as_ref().and_then(|body| wire::at(body, "/code"));
        let message = body.as_ref().and_then(|body| wire::at(body, "/message")).unwrap_or_default();
        self.outcomes.of(answer, body.as_ref().map(|_| (code.as_deref(), message.as_str())))
    }

    /// Why an answer that does not hold what was asked for is no good. The calls that this is said of may all be made again.
    pub(super) fn no_use(&self, answer: &Answer, what: &str) -> Fault {
        match self.outcome(answer) {
            Outcome::Failed(fault) if answer.status >= 300 || envelope(answer).is_none() => fault,
            _ => {
                let words = format!("iGATE trả lời mà không cho {what}; hệ thống gửi lại trong một thời gian rồi báo cho người vận hành");
                Fault::new("igate.nothing-in-it", Blame::Peer, Remedy::Unclear, words)
                    .because(format!("HTTP {}", answer.status))
            }
        }
    }
}

/// The object of an answer.
pub(super) fn envelope(answer: &Answer) -> Option<Value> {
    match wire::json(answer)? {
        Value::Array(mut list) if list.len() == 1 => list.pop().filter(Value::is_object),
        Value::Array(_) => None,
        object => Some(object),
    }
}

/// Something on our side is missing.
pub(super) fn ours(code: &'static str, words: impl Into<String>) -> Fault {
    Fault::new(code, Blame::Gateway, Remedy::Correct, words)
}

/// It waits until iGATE has the dossier.
pub(super) fn held(cause: String) -> Fault {
    let words = "iGATE chưa có hồ sơ này; thông điệp chờ đến khi hồ sơ được nhận";
    Fault::new("igate.unknown-dossier", Blame::Peer, Remedy::Hold, words).because(cause)
}

fn told(means: Means) -> Option<(&'static str, &'static str)> {
    Some(match means {
        Means::Done => ("igate.done", "iGATE đã nhận"),
        Means::Exists => ("igate.exists", "iGATE đã có hồ sơ mang mã này"),
        Means::Missing => ("igate.unknown-dossier", "iGATE chưa có hồ sơ này"),
        Means::Session => ("igate.session", "mã truy cập iGATE không còn hiệu lực"),
        Means::Later => ("igate.away", "iGATE tạm thời không nhận; hệ thống sẽ tự gửi lại"),
        Means::Doubt => ("igate.no-verdict", "chưa rõ iGATE đã ghi nhận hay chưa"),
        Means::Refused => ("igate.refused", "iGATE từ chối dữ liệu của thông điệp"),
        Means::Unclear => ("igate.unclear", "chưa hiểu được câu trả lời của iGATE"),
        Means::Pending => return None,
    })
}
