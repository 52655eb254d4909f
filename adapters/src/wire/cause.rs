//! What an operator is told of an answer: enough to find the trouble, nothing of a person.
//!
//! A peer's own words may quote the numbers of people, so they are shortened and long runs of digits are hidden. Of a body that is
//! not in the peer's form, only form and length are told.

use gateway_core::adapter::Answer;
use gateway_core::ids::Moment;

const LETTERS_MAX: usize = 300;
/// Identity and telephone numbers have nine digits or more; parts of dossier codes have fewer.
const DIGITS_SHOWN_MAX: usize = 8;

/// A peer's words: at most 300 letters on one line, with `***` in place of every run of nine digits or more.
pub(crate) fn masked(text: &str) -> String {
    masked_above(DIGITS_SHOWN_MAX, text)
}

/// The same where shorter numbers may be a person's too.
pub(crate) fn masked_above(digits_shown_max: usize, text: &str) -> String {
    let mut shown = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_numeric() {
            digits.push(letter);
            continue;
        }
        let long = digits.chars().count() > digits_shown_max;
        shown.push_str(if long { "***" } else { &digits });
        digits.clear();
        shown.push(if letter.is_control() { ' ' } else { letter });
    }
    shown.truncate(shown.len() - 1);
    match shown.char_indices().nth(LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

/// Form and length, nothing of what it says.
pub(crate) fn form(answer: &Answer) -> String {
    let media = answer.header("content-type").unwrap_or("no content type");
    format!("HTTP {}, {}, {} bytes", answer.status, masked(media), answer.body.bytes.len())
}

/// For how long the peer wants to be left alone, if it says so: in seconds, or as a date. A date is held against the one in the same
/// answer, so that it does not matter whose clock is wrong; without that one it says nothing.
pub(crate) fn retry_after_ms(answer: &Answer) -> Option<u64> {
    let told = answer.header("retry-after")?.trim();
    if let Ok(seconds) = told.parse::<u64>() {
        return seconds.checked_mul(1000);
    }
    let (until, now) = (Moment::from_http(told)?, Moment::from_http(answer.header("date")?)?);
    Some(u64::try_from(until.millis_since(now)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::adapter::Body;

    #[test]
    fn a_peer_says_later_in_seconds_or_as_a_date() {
        let told = |after: &str, date: &[&str]| {
            let mut headers = vec![("Retry-After".to_owned(), after.to_owned())];
            headers.extend(date.iter().map(|date| ("Date".to_owned(), (*date).to_owned())));
            retry_after_ms(&Answer { status: 503, headers, body: Body::default() })
        };
        let now = ["Sun, 22 Nov 2026 01:30:00 GMT"];
        assert_eq!(told("30", &[]), Some(30_000));
        assert_eq!(told("Sun, 22 Nov 2026 01:32:00 GMT", &now), Some(120_000));
        assert_eq!(told("Sun, 22 Nov 2026 01:29:00 GMT", &now), Some(0), "that is over");
        assert_eq!(told("Sun, 22 Nov 2026 01:32:00 GMT", &[]), None, "by whose clock?");
        assert_eq!((told("soon", &now), told("-1", &now), told(&"9".repeat(40), &now)), (None, None, None));
    }

    #[test]
    fn the_operators_words_hide_numbers_of_people() {
        assert_eq!(masked("CCCD 001085000000 của H99.14-260310-0007"), "CCCD *** của H99.14-260310-0007");
        assert_eq!(masked("0900000001"), "***");
        assert_eq!(masked("mã\n42"), "mã 42");
        assert_eq!(masked_above(6, "1234567"), "***");
        assert_eq!(masked(&"a".repeat(400)).chars().count(), 301);
        assert_eq!(masked(""), "");
        let html = Answer { status: 502, headers: vec![], body: Body::of(b"<html>Nguyen Van Thu".to_vec()) };
        assert_eq!(form(&html), "HTTP 502, no content type, 20 bytes");
    }
}
