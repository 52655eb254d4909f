//! What the fates of a call's items mean for its one answer, before any dialect words it.

use gateway_core::adapter::{Answer, Fate};
use gateway_core::fault::{Blame, Fault, Remedy};

/// Callers that are told to come back without a time are told this one.
const RETRY_AFTER_SECONDS: u64 = 5;

/// The first refusal among the fates.
pub(super) fn refused(fates: &[Fate]) -> Option<&Fault> {
    fates.iter().find_map(|fate| match fate {
        Fate::Refused(fault) | Fate::Accepted { verdict: Some(Err(fault)), .. } => Some(fault),
        _ => None,
    })
}

/// What a refusal says beside its body.
pub(super) fn with_headers(mut answer: Answer, fault: &Fault) -> Answer {
    let mut header = |name: &str, value: String| answer.headers.push((name.to_owned(), value));
    match answer.status {
        401 => header("www-authenticate", "Basic realm=\"lienthong\"".to_owned()),
        405 => header("allow", "POST".to_owned()),
        503 => {
            let wait = fault.retry_after_ms.map_or(RETRY_AFTER_SECONDS, |wait| wait.div_ceil(1000).max(1));
            header("retry-after", wait.to_string());
        }
        _ => {}
    }
    answer
}

/// By the code where the code says it; otherwise by whose fault it is, so that a sender is never told to mend what only a carrier or
/// we can.
pub(super) fn status_of(fault: &Fault) -> u16 {
    match fault.code.as_ref() {
        "door.not-found" => 404,
        "door.method" => 405,
        "door.timeout" => 408,
        "key.conflict" => 409,
        "door.too-large" => 413,
        "door.content-type" | "door.content-encoding" => 415,
        "auth.wrong-door" => 403,
        code if code.starts_with("auth.") => 401,
        code if code.starts_with("store.") => 503,
        _ if fault.remedy == Remedy::Later => 503,
        _ => match fault.blame {
            Blame::Sender => 400,
            Blame::Peer => 502,
            Blame::Gateway => 500,
        },
    }
}
