//! A file as an answer: whole, or the part that was asked for, and whether it is still the same.
//!
//! What an adapter answers with a file and nothing else gets the headers that downloads are gone on with after a broken line: its
//! hash is its tag, a single range is served, several are answered with all of it, as RFC 9110 allows.

use std::ops::Range;

use gateway_core::adapter::{Answer, Form};
use hyper::Response;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::{response_of, with_head};
use crate::app::App;
use crate::outflow::Outflow;

/// The answer on the wire.
pub(super) fn response(app: &App, method: &str, asked: &HeaderMap, answer: Answer) -> Response<Outflow> {
    let whole = |form: Form| form == Form::Plain && answer.body.bytes.is_empty() && answer.status == 200;
    let [placed] = answer.body.files.as_slice() else { return response_of(app, answer) };
    if !whole(placed.form) {
        return response_of(app, answer);
    }
    let (file, length) = (placed.file.clone(), placed.file.bytes);
    let tag = format!("\"{}\"", file.sha256);
    let header = |name: &str| asked.get(name).and_then(|value| value.to_str().ok());
    // Whoever stands between may have made the tag a weak one, or ask for whatever there is.
    let is_it = |one: &str| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag;
    let same = |name: &str| header(name).is_some_and(|tags| tags.split(',').any(|one| is_it(one.trim())));
    // A part of another state of the file would make no file.
    let range = header("range").filter(|_| header("if-range").is_none_or(|given| given.trim() == tag));
    // Nothing but GET has parts.
    let range = range.filter(|_| method == "GET");
    let (status, part) = match range.map(|range| parse(range, length)) {
        _ if same("if-none-match") => (304, 0..0),
        None | Some(Asked::All) => (200, 0..length),
        Some(Asked::Part(part)) => (206, part),
        Some(Asked::Nothing) => (416, 0..0),
    };
    let mut headers = vec![
        ("accept-ranges".to_owned(), "bytes".to_owned()),
        ("etag".to_owned(), tag),
        // Personal papers: no proxy keeps them.
        ("cache-control".to_owned(), "private".to_owned()),
    ];
    match status {
        206 => headers
            .push(("content-range".to_owned(), format!("bytes {}-{}/{length}", part.start, part.end - 1))),
        416 => headers.push(("content-range".to_owned(), format!("bytes */{length}"))),
        _ => {}
    }
    let bytes = part.end - part.start;
    let mut response = with_head(status, answer.headers, Outflow::part(file, part, &app.store));
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    if status != 304 {
        // Said also to whoever asks for the head alone.
        response.headers_mut().insert("content-length", HeaderValue::from(bytes));
    }
    response
}

#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Part(Range<u64>),
    Nothing,
}

/// What a `Range` asks for of so many bytes. What nobody can read, and more than one range, means all.
fn parse(range: &str, length: u64) -> Asked {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|one| one.split_once('-')) else {
        return Asked::All;
    };
    let number = |text: &str| text.trim().parse::<u64>().ok().filter(|_| !text.trim().starts_with('+'));
    let part = match (first.trim(), last.trim()) {
        ("", last) => match number(last) {
            Some(0) => return Asked::Nothing,
            Some(count) => length.saturating_sub(count)..length,
            None => return Asked::All,
        },
        (first, "") => match number(first) {
            Some(first) => first..length,
            None => return Asked::All,
        },
        (first, last) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
            _ => return Asked::All,
        },
    };
    if part.start >= length { Asked::Nothing } else { Asked::Part(part) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_they_are_meant() {
        for (range, wanted) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-5", Asked::Part(2..6)),
            ("bytes=2-", Asked::Part(2..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-30", Asked::Part(0..10)),
            ("bytes=5-99999999999999999999", Asked::All),
            ("bytes=5-18446744073709551615", Asked::Part(5..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-2", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("lines=0-1", Asked::All),
            ("bytes=+1-2", Asked::All),
        ] {
            assert_eq!(parse(range, 10), wanted, "{range}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Nothing);
    }
}
