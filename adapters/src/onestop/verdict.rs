//! What the fates of a call's items mean for its one answer, before any dialect words it.
//!
//! Success is said only if every item is on disk, now or from an earlier call. No refusal ever contains the words that callers
//! take for success, also not where it quotes a peer.

use gateway_core::adapter::{Answer, Fate, Pairs};
use gateway_core::fault::Fault;
use gateway_core::ids::MessageId;
use serde::Serialize;
use serde_json::Value;

use crate::kinds::{
    DOSSIER_ANSWERED, DOSSIER_PROGRESSED, INQUIRY_ANSWERED, INQUIRY_PUBLISHED, SATISFACTION_REPORTED,
};
use crate::wire::refusal::{headers_of, status_of, without_success, words_of};

/// The answer to one call.
pub(super) struct Verdict {
    pub(super) status: u16,
    pub(super) headers: Pairs,
    pub(super) taken: bool,
    pub(super) message: String,
    pub(super) lines: Vec<Line>,
}

/// What became of one item.
pub(super) struct Line {
    pub(super) dossier: String,
    pub(super) taken: bool,
    pub(super) message: String,
    pub(super) id: Option<MessageId>,
}

impl Verdict {
    /// Of a call that was read, from what became of each item. `dossiers` are the codes of the items, in order.
    pub(super) fn of_fates(kind: &str, dossiers: &[Option<String>], fates: &[Fate]) -> Verdict {
        let code = |index: usize| dossiers.get(index).cloned().flatten().unwrap_or_default();
        let lines: Vec<Line> = fates.iter().enumerate().map(|(index, fate)| line(code(index), fate)).collect();
        let taken = !lines.is_empty() && lines.iter().all(|line| line.taken);
        let message = if taken { success_words(kind).to_owned() } else { refusal_words(&lines) };
        let status = match fates {
            [Fate::Refused(fault)] if fault.code == "key.conflict" => 409,
            _ => 200,
        };
        Verdict { status, headers: Pairs::new(), taken, message, lines }
    }

    /// Of a call that was turned away as a whole.
    pub(super) fn of_fault(fault: &Fault) -> Verdict {
        let status = status_of(fault);
        let headers = headers_of(fault, status);
        Verdict { status, headers, taken: false, message: words_of(fault), lines: Vec::new() }
    }

    /// Worded in JSON: `error_code`, `message`, `result`. `success` is how this dialect writes the code of success.
    pub(super) fn into_json(self, success: &Value) -> Answer {
        let refusal = Value::from("-1");
        let code = |taken: bool| if taken { success } else { &refusal };
        let result = self.lines.iter().map(|line| WordedLine {
            dossier: &line.dossier,
            error_code: code(line.taken),
            message: &line.message,
            id: line.id,
        });
        let result = result.collect();
        let body = Worded { error_code: code(self.taken), message: &self.message, result };
        let mut answer = Answer::json(self.status, &body);
        answer.headers.extend(self.headers);
        answer
    }
}

/// A verdict in JSON.
#[derive(Serialize)]
struct Worded<'a> {
    error_code: &'a Value,
    message: &'a str,
    result: Vec<WordedLine<'a>>,
}

/// One of its lines.
#[derive(Serialize)]
struct WordedLine<'a> {
    #[serde(rename = "MaHoSo")]
    dossier: &'a str,
    error_code: &'a Value,
    message: &'a str,
    id: Option<MessageId>,
}

fn line(dossier: String, fate: &Fate) -> Line {
    let (taken, message, id) = match fate {
        Fate::Accepted { id, verdict: None | Some(Ok(())) } => (true, "Đã nhận".to_owned(), Some(*id)),
        Fate::Accepted { id, verdict: Some(Err(fault)) } => (false, words_of(fault), Some(*id)),
        Fate::Duplicate { id } => (true, "Đã nhận từ trước".to_owned(), Some(*id)),
        Fate::Refused(fault) => (false, words_of(fault), None),
        // A message has no other fate; whatever came here was not written down.
        Fate::Answered(_) | Fate::File { .. } | Fate::LoggedIn { .. } => (false, "Không có kết quả".to_owned(), None),
    };
    let dossier = if taken { dossier } else { without_success(&dossier) };
    Line { dossier, taken, message, id }
}

/// As the portal words it: some callers want to see «thành công» beside the code.
fn success_words(kind: &str) -> &'static str {
    match kind {
        DOSSIER_PROGRESSED => "Cập nhật tiến độ thành công",
        DOSSIER_ANSWERED => "Đồng bộ trạng thái hồ sơ thành công",
        SATISFACTION_REPORTED => "Đồng bộ đánh giá thành công",
        INQUIRY_ANSWERED | INQUIRY_PUBLISHED => "Đồng bộ hỏi đáp thành công",
        _ => "Đồng bộ hồ sơ thành công",
    }
}

fn refusal_words(lines: &[Line]) -> String {
    let refused: Vec<String> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.taken)
        .map(|(index, line)| match line.dossier.as_str() {
            "" => format!("hồ sơ thứ {} (không có mã): {}", index + 1, line.message),
            code => format!("{code}: {}", line.message),
        })
        .collect();
    let words = format!("Không nhận {}/{} hồ sơ. {}", refused.len(), lines.len(), refused.join(". "));
    without_success(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::fault::{Blame, Remedy};

    #[test]
    fn a_caller_that_must_wait_is_told_how_long() {
        let mut fault = Fault::new("gateway.busy", Blame::Gateway, Remedy::Later, "bận");
        assert_eq!(Verdict::of_fault(&fault).headers, [("retry-after".to_owned(), "5".to_owned())]);
        fault.retry_after_ms = Some(1_500);
        assert_eq!(Verdict::of_fault(&fault).headers, [("retry-after".to_owned(), "2".to_owned())]);
    }
}
