//! What an answer of the monitoring system means: its HTTP status and nothing else, because no form of its answers is known.
//!
//! 2xx is a yes. 408, 429 and 5xx speak of the system and not of the message. Everything else is about this message; since nobody can tell
//! what would help, it is tried again for a day.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};

use crate::wire::cause::retry_after_ms;

/// Nothing, if it was taken.
pub(super) fn taken(answer: &Answer) -> Result<(), Fault> {
    let fault = |code: &'static str, remedy, words: &str| {
        Err(Fault {
            retry_after_ms: retry_after_ms(answer),
            cause: format!("HTTP {}", answer.status),
            ..Fault::new(code, Blame::Peer, remedy, words)
        })
    };
    match answer.status {
        200..=299 => Ok(()),
        408 | 429 | 500..=599 => {
            fault("emc.busy", Remedy::Later, "hệ thống giám sát đang quá tải hoặc bảo trì; sẽ tự gửi lại")
        }
        _ => fault(
            "emc.refused",
            Remedy::Unclear,
            "hệ thống giám sát không nhận sự kiện này; sẽ gửi lại trong 24 giờ",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::adapter::Body;

    #[test]
    fn the_status_alone_decides() {
        let meaning = |status| {
            let answer = Answer { status, headers: vec![], body: Body::of(b"error".to_vec()) };
            taken(&answer).err().map(|fault| fault.remedy)
        };
        for (status, wanted) in [
            (200, None),
            (204, None),
            (404, Some(Remedy::Unclear)),
            (429, Some(Remedy::Later)),
            (502, Some(Remedy::Later)),
        ] {
            assert_eq!(meaning(status), wanted, "{status}");
        }
    }
}
