//! How a fault is told to a caller, whatever the dialect: HTTP status, headers, words.
//!
//! No refusal ever contains the words that callers take for success, also not where it quotes a peer. The table from fault to
//! HTTP status is here and nowhere else, so that the same trouble has the same status at every door.

use gateway_core::adapter::{Answer, Pairs};
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization;

/// Callers that are told to come back without a time are told this one.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The HTTP status that tells a caller of this fault. By the code where the code says it; otherwise by whose fault it is, so
/// that a sender is never told to mend what only a peer or we can.
pub(crate) fn status_of(fault: &Fault) -> u16 {
    let code = fault.code.as_ref();
    match code {
        "door.not-found" | "file.unknown" | "file.gone" | "lookup.unknown" => 404,
        "file.not-allowed" => 502,
        "door.method" => 405,
        "door.timeout" => 408,
        "key.conflict" => 409,
        "door.too-large" => 413,
        "door.content-type" | "door.content-encoding" => 415,
        "question.throttled" | "lookup.throttled" | "door.throttled" => 429,
        "gateway.busy" => 503,
        "auth.wrong-door" | "auth.mismatch" | "auth.proof" | "auth.address" | "auth.level" => 403,
        _ if code.starts_with("auth.") => 401,
        _ if code.starts_with("licence.") => 403,
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

/// The headers that go with this status of this fault.
pub(crate) fn headers_of(fault: &Fault, status: u16) -> Pairs {
    let mut headers = Pairs::new();
    let mut header = |name: &str, value: String| headers.push((name.to_owned(), value));
    match status {
        401 => header("www-authenticate", "Basic realm=\"lienthong\"".to_owned()),
        405 => header("allow", "POST".to_owned()),
        415 if fault.code == "door.content-encoding" => header("accept-encoding", "identity".to_owned()),
        429 | 503 => header("retry-after", retry_after_seconds(fault).to_string()),
        _ => {}
    }
    headers
}

/// The words of a fault with every place that is wrong, safe for callers that look for words of success.
pub(crate) fn words_of(fault: &Fault) -> String {
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

/// A problem document (RFC 9457), with every place that is wrong.
pub(crate) fn problem(fault: &Fault) -> Answer {
    let status = status_of(fault);
    let violations: Vec<Value> = fault
        .violations
        .iter()
        .map(|wrong| json!({ "path": wrong.path, "rule": wrong.rule, "detail": without_success(&wrong.detail) }))
        .collect();
    let mut answer = Answer::json(
        status,
        &json!({
            "type": format!("urn:lienthong:fault:{}", fault.code),
            "title": without_success(&fault.words),
            "status": status,
            "detail": words_of(fault),
            "code": fault.code,
            "violations": violations,
        }),
    );
    answer.headers = vec![("content-type".to_owned(), "application/problem+json; charset=utf-8".to_owned())];
    answer.headers.extend(headers_of(fault, status));
    answer
}

/// The same text with «thành công» (any letter case, any white space, composed or not) replaced. Callers test for it in any
/// part of an answer, and «không thành công» contains it.
pub(crate) fn without_success(text: &str) -> String {
    let text: Vec<char> = text.nfc().collect();
    let mut safe = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match success_at(&text[at..]) {
            Some(length) => {
                safe.push_str("đạt");
                at += length;
            }
            None => {
                safe.push(text[at]);
                at += 1;
            }
        }
    }
    safe
}

fn success_at(text: &[char]) -> Option<usize> {
    let first = word_at(text, "thành")?;
    let gap = text[first..].iter().take_while(|letter| letter.is_whitespace()).count();
    let second = word_at(&text[first + gap..], "công")?;
    (gap > 0).then_some(first + gap + second)
}

fn word_at(text: &[char], word: &str) -> Option<usize> {
    let length = word.chars().count();
    let head = text.get(..length)?;
    head.iter().flat_map(|letter| letter.to_lowercase()).eq(word.chars()).then_some(length)
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
        for text in ["Không thành công", "KHÔNG THÀNH  CÔNG", "tha\u{300}nh\u{a0}co\u{302}ng", "thành\ncông"]
        {
            let safe = without_success(text);
            assert!(safe.to_lowercase().ends_with("đạt"), "{safe}");
        }
        assert_eq!(without_success("công thành"), "công thành");
        let fault = Fault::sender("contract.violated", "Chưa thành công").with(vec![Violation::sender(
            "GhiChu",
            "length",
            "thành công",
        )]);
        assert_eq!(words_of(&fault), "Chưa đạt: GhiChu [length] đạt");
    }

    #[test]
    fn each_fault_has_its_status() {
        let peer = |remedy| Fault::new("portal.away", Blame::Peer, remedy, "");
        for (fault, status) in [
            (Fault::sender("auth.session", ""), 401),
            (Fault::sender("auth.wrong-door", ""), 403),
            (Fault::sender("auth.level", ""), 403),
            (Fault::sender("auth.stale", ""), 401),
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
}
