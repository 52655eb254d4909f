//! What OpenCPS's answers mean.
//!
//! It has no codes of success of its own, so what an answer *is* serves as one: `object` (a JSON object that holds something, as every
//! operation answers), `error` (an object of an error, under whatever status), `empty`. So a page of the server in front of it, or an
//! error told with 200, is never taken for a yes.

use gateway_core::adapter::Answer;
use serde_json::{Map, Value};

use super::OpenCps;
use crate::onestop::call;
use crate::onestop::outcomes::{self, Outcome};
use crate::wire::outcomes::{Family, Means};

/// What is its own in the table of outcomes.
pub(in crate::onestop) static FAMILY: Family =
    Family { path: outcomes::PATH, code_name: "answer", reads_words: false, told };

/// Fields that stand in errors only.
const OF_ERRORS: [&str; 3] = ["exception", "errorCode", "statusCode"];

impl OpenCps {
    /// Read from the table.
    pub(super) fn outcome(&self, answer: &Answer) -> Outcome {
        let body = object(answer);
        let message = body.as_ref().and_then(|body| body.get("description").or(body.get("message")));
        let message = message.and_then(Value::as_str).unwrap_or_default().to_owned();
        let form = match &body {
            Some(body) if OF_ERRORS.iter().any(|name| body.contains_key(*name)) => Some("error"),
            Some(body) if body.is_empty() => Some("empty"),
            Some(_) => Some("object"),
            None if answer.body.bytes.trim_ascii().is_empty() => Some("empty"),
            None => None,
        };
        self.outcomes.of(answer, form.map(|code| (Some(code), message.as_str())))
    }
}

/// The object that an answer holds; of a list, that it is one.
pub(super) fn object(answer: &Answer) -> Option<Map<String, Value>> {
    let text = std::str::from_utf8(&answer.body.bytes).ok()?;
    match serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).ok()? {
        Value::Object(object) => Some(object),
        list @ Value::Array(_) => Some(Map::from_iter([("data".to_owned(), list)])),
        _ => None,
    }
}

/// The text of a field of an answer.
pub(super) fn text(answer: &Answer, name: &str) -> Option<String> {
    object(answer)?.get(name).and_then(call::text)
}

fn told(means: Means) -> Option<(&'static str, &'static str)> {
    Some(match means {
        Means::Done | Means::Unclear => ("opencps.unclear", "chưa hiểu được câu trả lời của OpenCPS"),
        Means::Exists => ("opencps.exists", "OpenCPS đã có nội dung này"),
        Means::Missing => ("opencps.unknown-dossier", "OpenCPS không có hồ sơ này"),
        Means::Later => ("opencps.away", "OpenCPS tạm thời không nhận; hệ thống sẽ tự gửi lại"),
        Means::Doubt => ("opencps.no-verdict", "chưa rõ OpenCPS đã ghi nhận hay chưa"),
        Means::Refused => {
            ("opencps.refused", "OpenCPS từ chối dữ liệu; xem câu trả lời gốc, sửa rồi gửi lại")
        }
        Means::Pending | Means::Session => return None,
    })
}
