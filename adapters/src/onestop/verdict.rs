//! What the fates of a call's items mean for its one answer, before any dialect words it.
//!
//! Success is said only if every item is on disk, now or from an earlier call. No refusal ever contains the words that callers
//! take for success, also not where it quotes a peer. The table from fault to HTTP status is here and nowhere else.

use gateway_core::adapter::{Answer, Fate, Pairs};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::MessageId;
use serde_json::{Value, json};

use crate::kinds::{DOSSIER_ANSWERED, DOSSIER_PROGRESSED};
use crate::words::without_success;

/// Callers that are told to come back without a time are told this one.
const RETRY_AFTER_SECONDS: u64 = 5;

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
        let mut headers = Pairs::new();
        let mut header = |name: &str, value: String| headers.push((name.to_owned(), value));
        match status {
            401 => header("www-authenticate", "Basic realm=\"lienthong\"".to_owned()),
            405 => header("allow", "POST".to_owned()),
            415 if fault.code == "door.content-encoding" => header("accept-encoding", "identity".to_owned()),
            503 => header("retry-after", retry_after_seconds(fault).to_string()),
            _ => {}
        }
        Verdict { status, headers, taken: false, message: words_of(fault), lines: Vec::new() }
    }

    /// Worded in JSON: `error_code`, `message`, `result`. `success` is how this dialect writes the code of success.
    pub(super) fn into_json(self, success: &Value) -> Answer {
        let code = |taken: bool| if taken { success.clone() } else { json!("-1") };
        let result: Vec<Value> = self
            .lines
            .iter()
            .map(|line| {
                json!({
                    "MaHoSo": line.dossier,
                    "error_code": code(line.taken),
                    "message": line.message,
                    "id": line.id.map(|id| id.to_string()),
                })
            })
            .collect();
        let body = json!({ "error_code": code(self.taken), "message": self.message, "result": result });
        let mut answer = Answer::json(self.status, &body);
        answer.headers.extend(self.headers);
        answer
    }
}

/// The HTTP status that tells a caller of this fault. By the code where the code says it; otherwise by whose fault it is, so
/// that a sender is never told to mend what only a peer or we can.
pub(super) fn status_of(fault: &Fault) -> u16 {
    let code = fault.code.as_ref();
    match code {
        "door.not-found" => 404,
        "door.method" => 405,
        "door.timeout" => 408,
        "key.conflict" => 409,
        "door.too-large" => 413,
        "door.content-type" | "door.content-encoding" => 415,
        "gateway.busy" => 503,
        "auth.wrong-door" => 403,
        _ if code.starts_with("auth.") => 401,
        _ if code.starts_with("store.") => 503,
        _ if code.starts_with("body.") || code.ends_with(".frame") => 400,
        _ if fault.remedy == Remedy::Later => 503,
        _ => match fault.blame {
            Blame::Sender => 400,
            Blame::Peer => 502,
            Blame::Gateway => 500,
        },
    }
}

/// The words of a fault with every place that is wrong, safe for callers that look for words of success.
pub(super) fn words_of(fault: &Fault) -> String {
    let mut words = fault.words.clone();
    for (index, violation) in fault.violations.iter().enumerate() {
        words.push_str(if index == 0 { ": " } else { "; " });
        words.push_str(&format!("{} [{}]", violation.path, violation.rule));
        if !violation.detail.is_empty() {
            words.push_str(&format!(" {}", violation.detail));
        }
    }
    without_success(&words)
}

fn line(dossier: String, fate: &Fate) -> Line {
    let (taken, message, id) = match fate {
        Fate::Accepted { id, verdict: None | Some(Ok(())) } => (true, "Đã nhận".to_owned(), Some(*id)),
        Fate::Accepted { id, verdict: Some(Err(fault)) } => (false, words_of(fault), Some(*id)),
        Fate::Duplicate { id } => (true, "Đã nhận từ trước".to_owned(), Some(*id)),
        Fate::Refused(fault) => (false, words_of(fault), None),
        // A message has no other fate; whatever came here was not written down.
        Fate::Answered(_) | Fate::LoggedIn { .. } => (false, "Không có kết quả".to_owned(), None),
    };
    let dossier = if taken { dossier } else { without_success(&dossier) };
    Line { dossier, taken, message, id }
}

/// As the portal words it: some callers want to see «thành công» beside the code.
fn success_words(kind: &str) -> &'static str {
    match kind {
        DOSSIER_PROGRESSED => "Cập nhật tiến độ thành công",
        DOSSIER_ANSWERED => "Đồng bộ trạng thái hồ sơ thành công",
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

fn retry_after_seconds(fault: &Fault) -> u64 {
    fault.retry_after_ms.map_or(RETRY_AFTER_SECONDS, |wait| wait.div_ceil(1000).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::fault::Violation;

    #[test]
    fn no_refusal_contains_the_words_of_success() {
        for text in ["Không thành công", "KHÔNG THÀNH  CÔNG", "tha\u{300}nh\u{a0}co\u{302}ng", "thành\ncông"] {
            let safe = without_success(text);
            assert!(safe.to_lowercase().ends_with("đạt"), "{safe}");
        }
        assert_eq!(without_success("công thành"), "công thành");
        let fault = Fault::sender("contract.violated", "Chưa thành công")
            .with(vec![Violation::sender("GhiChu", "length", "thành công")]);
        assert_eq!(words_of(&fault), "Chưa đạt: GhiChu [length] đạt");
    }

    #[test]
    fn each_fault_has_its_status() {
        let peer = |remedy| Fault::new("portal.away", Blame::Peer, remedy, "");
        for (fault, status) in [
            (Fault::sender("auth.session", ""), 401),
            (Fault::sender("auth.wrong-door", ""), 403),
            (Fault::sender("door.not-found", ""), 404),
            (Fault::sender("door.method", ""), 405),
            (Fault::sender("door.timeout", ""), 408),
            (Fault::sender("key.conflict", ""), 409),
            (Fault::sender("door.too-large", ""), 413),
            (Fault::sender("door.content-type", ""), 415),
            (Fault::sender("door.content-encoding", ""), 415),
            (Fault::sender("body.malformed", ""), 400),
            (Fault::sender("relay.frame", ""), 400),
            (Fault::sender("anything", ""), 400),
            (Fault::new("store.full", Blame::Gateway, Remedy::Later, ""), 503),
            (Fault::new("gateway.busy", Blame::Gateway, Remedy::Later, ""), 503),
            (peer(Remedy::Later), 503),
            (peer(Remedy::Unclear), 502),
        ] {
            assert_eq!(status_of(&fault), status, "{}", fault.code);
        }
    }

    #[test]
    fn a_caller_that_must_wait_is_told_how_long() {
        let mut fault = Fault::new("gateway.busy", Blame::Gateway, Remedy::Later, "bận");
        assert_eq!(Verdict::of_fault(&fault).headers, [("retry-after".to_owned(), "5".to_owned())]);
        fault.retry_after_ms = Some(1_500);
        assert_eq!(Verdict::of_fault(&fault).headers, [("retry-after".to_owned(), "2".to_owned())]);
    }
}
