//! The text functions and type changes of the mapping language.
//!
//! Each is total and says when it would lose something: [`convert`] gives nothing back where the other type cannot
//! hold the same value. Text that needs no change is not copied.

use std::borrow::Cow;

use serde_json::{Number, Value};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// Beyond so many digits a double no longer holds every decimal number.
const EXACT_DIGITS_MAX: usize = 15;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spaces {
    Collapse,
    Remove,
}

/// `as:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    Text,
    Integer,
    Number,
    Boolean,
}

/// The same text in normal form C. ASCII, and all text typed on this decade's systems, is in it already.
pub(super) fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || text.chars().all(composed) || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

/// Blocks in which every character is its own normal form C and combines with nothing before it: Latin up to the
/// first combining mark, and the block that holds the Vietnamese letters. Spares the table for nearly every text.
fn composed(c: char) -> bool {
    c < '\u{300}' || ('\u{1e00}'..='\u{1eff}').contains(&c)
}

/// Every text inside a value in normal form C.
pub(super) fn nfc_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(nfc(text).into_owned()),
        Value::Array(items) => Value::Array(items.iter().map(nfc_value).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), nfc_value(value))).collect())
        }
        other => other.clone(),
    }
}

pub(super) fn case(text: String, case: Case) -> String {
    match case {
        Case::Upper => text.to_uppercase(),
        Case::Lower => text.to_lowercase(),
    }
}

/// Vietnamese without its marks: `Nguyễn Đức` is `Nguyen Duc`.
pub(super) fn without_accents(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.nfd() {
        match c {
            'đ' => plain.push('d'),
            'Đ' => plain.push('D'),
            c if c.is_ascii() || !unicode_normalization::char::is_combining_mark(c) => plain.push(c),
            _ => {}
        }
    }
    plain
}

pub(super) fn spaces(text: &str, spaces: Spaces) -> String {
    match spaces {
        Spaces::Collapse => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Spaces::Remove => text.split_whitespace().collect(),
    }
}

/// The first `limit` characters, if there are more; how many there were.
pub(super) fn shorten(text: &str, limit: usize) -> Option<(usize, &str)> {
    // No character is shorter than a byte, so most texts are settled by their length.
    if text.len() <= limit {
        return None;
    }
    let (at, _) = text.char_indices().nth(limit)?;
    Some((text.chars().count(), &text[..at]))
}

/// Is part of this text hidden behind a sign? At its beginning alone the sign is none: `+84…` is a telephone number.
pub(super) fn masked(text: &str, sign: char) -> bool {
    text.trim().chars().skip(1).any(|letter| letter == sign)
}

/// One part of a text, counted from 1; from the end if negative.
pub(super) fn part<'a>(text: &'a str, on: &str, take: i64) -> Option<&'a str> {
    let index = usize::try_from(take.unsigned_abs()).ok()?.checked_sub(1)?;
    if take > 0 { text.split(on).nth(index) } else { text.rsplit(on).nth(index) }
}

/// A scalar as text; nothing for lists and objects. A whole number is the same whether it was written `4` or `4.0`: libraries that know one
/// kind of number only put the point there.
pub(super) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => {
            Some(Cow::Owned(whole(number).map_or_else(|| number.to_string(), |whole| whole.to_string())))
        }
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        _ => None,
    }
}

/// The whole number that a number with a point stands for, as long as nothing is lost.
pub fn whole(number: &Number) -> Option<i64> {
    let float = number.as_f64().filter(|float| number.is_f64() && float.abs() < 1e15)?;
    let whole = float as i64;
    (whole as f64 == float).then_some(whole)
}

/// The same value as another JSON type, or nothing where something would be lost.
pub(super) fn convert(value: &Value, to: As) -> Option<Value> {
    match to {
        As::Text => text(value).map(|text| Value::String(text.into_owned())),
        As::Boolean => match value {
            Value::Bool(_) => Some(value.clone()),
            Value::String(text) if text == "true" => Some(Value::Bool(true)),
            Value::String(text) if text == "false" => Some(Value::Bool(false)),
            _ => None,
        },
        As::Integer => match value {
            Value::Number(number) if number.is_f64() => {
                whole(number).map(|whole| Value::Number(whole.into()))
            }
            Value::Number(_) => Some(value.clone()),
            Value::String(text) => {
                // Cents of none. Three zeros would be thousands: `50.000` is how this country writes fifty thousand.
                let digits = text.strip_suffix(".00").or(text.strip_suffix(".0")).unwrap_or(text);
                let whole: i64 = digits.parse().ok()?;
                (whole.to_string() == digits).then(|| Value::Number(whole.into()))
            }
            _ => None,
        },
        As::Number => match value {
            Value::Number(_) => Some(value.clone()),
            Value::String(text) => decimal(text),
            _ => None,
        },
    }
}

/// A decimal number written without ornament; `007`, `1e3` and what a double cannot hold stay texts.
fn decimal(text: &str) -> Option<Value> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(fraction) || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if whole.len() + fraction.trim_end_matches('0').len() > EXACT_DIGITS_MAX {
        return None;
    }
    if !digits.contains('.') {
        return text.parse::<i64>().ok().map(|whole| Value::Number(whole.into()));
    }
    text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
}

/// Whether a value may be shown to an operator as an unknown code: short, plain, and no run of digits that could
/// be the number of a person, an account or a telephone.
pub fn code_like(code: &str) -> bool {
    let plain =
        |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_' | b'/');
    let run = code.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    !code.is_empty() && code.len() <= 32 && code.bytes().all(plain) && run < 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_short_way_to_normal_form_is_right_for_every_character() {
        for c in (0..0x2000).filter_map(char::from_u32).filter(|c| composed(*c)) {
            assert_eq!(is_nfc_quick(std::iter::once(c)), IsNormalized::Yes, "{c}");
            assert_eq!(unicode_normalization::char::canonical_combining_class(c), 0, "{c}");
        }
    }

    #[test]
    fn vietnamese_loses_its_marks_and_nothing_else() {
        assert_eq!(without_accents("Nguyễn Văn Thử, Đường số 1"), "Nguyen Van Thu, Duong so 1");
        assert_eq!(spaces("  Nguyễn   Văn\tThử ", Spaces::Collapse), "Nguyễn Văn Thử");
        assert_eq!(spaces("0912 345", Spaces::Remove), "0912345");
        assert_eq!(nfc("Thu\u{31b}\u{309}"), "Thử");
    }

    #[test]
    fn types_change_only_where_nothing_is_lost() {
        assert_eq!(convert(&json!("12"), As::Integer), Some(json!(12)));
        assert_eq!(convert(&json!(3.0), As::Integer), Some(json!(3)));
        assert_eq!(convert(&json!("50000.00"), As::Integer), Some(json!(50_000)));
        for lossy in ["01", " 1", "+1", "1.000", "1.50", "1.", "01.00", "1.00.00", ".00"] {
            assert_eq!(convert(&json!(lossy), As::Integer), None, "{lossy}");
        }
        for lossy in [json!(1.5), json!(true)] {
            assert_eq!(convert(&lossy, As::Integer), None, "{lossy}");
        }
        assert_eq!(convert(&json!("12.50"), As::Number), Some(json!(12.5)));
        assert_eq!(convert(&json!("0012.5"), As::Number), None);
        assert_eq!(convert(&json!("1234567890.1234567"), As::Number), None);
        assert_eq!(convert(&json!(7), As::Text), Some(json!("7")));
        assert_eq!(convert(&json!("true"), As::Boolean), Some(json!(true)));
        assert_eq!(convert(&json!("1"), As::Boolean), None);
    }

    #[test]
    fn parts_and_lengths_are_counted_in_characters() {
        assert_eq!(part("000-17-H99", "-", 1), Some("000"));
        assert_eq!(part("000-17-H99", "-", -1), Some("H99"));
        assert_eq!(part("000-17-H99", "-", 4), None);
        assert_eq!(shorten("Thử nghiệm", 3), Some((10, "Thử")));
        assert_eq!(shorten("Thử", 3), None);
    }

    #[test]
    fn what_is_hidden_is_seen_and_a_country_code_is_not() {
        for hidden in ["09++++001", "Ng+++", "++++", "Thôn M+++ 2"] {
            assert!(masked(hidden, '+'), "{hidden}");
        }
        assert!(!masked("+84900000001", '+') && !masked("0900000001", '+') && !masked("", '+'));
    }

    #[test]
    fn codes_are_shown_and_people_are_not() {
        assert!(code_like("1.001234.H99") && code_like("99") && code_like("DA_NOP"));
        assert!(!code_like("001085000000") && !code_like("Nguyễn") && !code_like("nguyenvanthu"));
    }
}
