//! What a subscriber's answer means: its HTTP status and nothing else, because a subscriber speaks no language that we know.
//!
//! 2xx is a yes. 410 is the specification's way to say that nobody wants this any more. 408, 425, 429 and 5xx speak of the subscriber
//! and not of the message. Everything else (also a redirect, which is never followed) is about this message, and since nobody can tell
//! what would help, it is tried again for three days.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};

use crate::wire::cause::retry_after_ms;

/// Nothing, if the subscriber has it.
pub(super) fn taken(answer: &Answer) -> Result<(), Fault> {
    let fault = |code: &'static str, remedy, words: &str| {
        Err(Fault {
            retry_after_ms: retry_after_ms(answer),
            // Its own words are left where they are: they may quote what it was sent.
            cause: format!("HTTP {}", answer.status),
            ..Fault::new(code, Blame::Peer, remedy, words)
        })
    };
    match answer.status {
        200..=299 => Ok(()),
        410 => fault("subscriber.gone", Remedy::Correct, "bên đăng ký cho biết địa chỉ này không còn nhận tin (410)"),
        408 | 425 | 429 | 500..=599 => {
            fault("subscriber.busy", Remedy::Later, "bên đăng ký đang quá tải hoặc bảo trì; sẽ tự gửi lại")
        }
        _ => fault("subscriber.refused", Remedy::Unclear, "bên đăng ký không nhận tin này; sẽ gửi lại trong 72 giờ"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::adapter::Body;

    #[test]
    fn the_status_alone_decides() {
        let meaning = |status| {
            let answer = Answer { status, headers: vec![], body: Body::of(b"thanh cong".to_vec()) };
            taken(&answer).err().map(|fault| fault.remedy)
        };
        for (status, wanted) in [
            (200, None),
            (204, None),
            (302, Some(Remedy::Unclear)),
            (400, Some(Remedy::Unclear)),
            (401, Some(Remedy::Unclear)),
            (404, Some(Remedy::Unclear)),
            (410, Some(Remedy::Correct)),
            (429, Some(Remedy::Later)),
            (500, Some(Remedy::Later)),
            (503, Some(Remedy::Later)),
        ] {
            assert_eq!(meaning(status), wanted, "{status}");
        }
    }

    #[test]
    fn a_time_to_come_back_is_heard() {
        let answer = |after: &str| Answer {
            status: 429,
            headers: vec![("retry-after".to_owned(), after.to_owned())],
            body: Body::default(),
        };
        let told = |after| taken(&answer(after)).unwrap_err().retry_after_ms;
        assert_eq!((told("30"), told("Mon, 23 Nov 2026 08:00:00 GMT"), told("99999999999999999999")), (Some(30_000), None, None));
    }
}
