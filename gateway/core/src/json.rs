//! Strict JSON: what two readers could understand differently is not read at all.
//!
//! Beyond what `serde_json` refuses by itself (bad UTF-8, bad syntax, trailing text, depth over 128), duplicate keys
//! are refused: of two `TrangThaiHoSo` in one object, different software takes different ones. So are numbers too large to be
//! read exactly. Other numbers stay as the parser reads them; the contracts decide what a number may be.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::fault::Fault;

/// Reads one JSON document. The fault says what and where (line and column), never the text itself.
pub fn parse(bytes: &[u8]) -> Result<Value, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Fault::sender(
            "body.encoding",
            format!("nội dung không phải UTF-8 (byte thứ {})", error.valid_up_to() + 1),
        )
    })?;
    // A byte order mark is not JSON, but editors write it and every peer accepts it.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| {
        let words = format!("JSON không hợp lệ tại dòng {}, cột {}", error.line(), error.column());
        let cause = error.to_string();
        if let Some(at) = cause.find(DUPLICATE) {
            let key: String =
                cause[at + DUPLICATE.len()..].chars().take_while(|c| *c != '`').take(64).collect();
            return Fault::sender("body.duplicate-key", format!("{words}: trường `{key}` xuất hiện hai lần"));
        }
        if cause.contains(INEXACT) {
            let words = format!("{words}: số quá lớn để đọc chính xác, hãy gửi dưới dạng chuỗi");
            return Fault::sender("body.number", words);
        }
        let code = if cause.contains("recursion limit") { "body.too-deep" } else { "body.malformed" };
        Fault::sender(code, words).because(category(&error))
    })
}

const DUPLICATE: &str = "duplicate key `";
const INEXACT: &str = "not exact as a number";

/// From here on not every whole number has a binary form of its own: what is read would not be what was written.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// The parser's own message may quote the text around the error, which may be somebody's name.
fn category(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Eof => "the text ends too early".to_owned(),
        _ => "syntax error".to_owned(),
    }
}

#[derive(Clone, Copy)]
struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        // The parser turns to this form for whole numbers beyond 64 bits: a number somebody meant as a code.
        if value.abs() >= EXACT_MAX {
            return Err(E::custom(INEXACT));
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::with_capacity(seq.size_hint().unwrap_or(0).min(1024));
        while let Some(value) = seq.next_element_seed(Strict)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(Strict)?;
            match object.entry(key) {
                serde_json::map::Entry::Vacant(place) => place.insert(value),
                serde_json::map::Entry::Occupied(place) => {
                    return Err(A::Error::custom(format_args!("{DUPLICATE}{}`", place.key())));
                }
            };
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_keys_are_named() {
        let fault = parse(br#"{"a":1,"b":{"x":1,"x":2}}"#).unwrap_err();
        assert_eq!(fault.code, "body.duplicate-key");
        assert!(fault.words.contains("`x`"), "{}", fault.words);
    }

    #[test]
    fn a_number_is_read_exactly_or_not_at_all() {
        assert_eq!(parse(b"18446744073709551615").unwrap(), Value::from(u64::MAX));
        assert_eq!(parse(b"-9223372036854775808").unwrap(), Value::from(i64::MIN));
        for text in ["18446744073709551616", "123456789012345678901234567890", "[1e300]", "-1e16"] {
            assert_eq!(parse(text.as_bytes()).unwrap_err().code, "body.number", "{text}");
        }
    }

    #[test]
    fn depth_encoding_and_syntax_are_told_apart() {
        let deep = "[".repeat(400);
        assert_eq!(parse(deep.as_bytes()).unwrap_err().code, "body.too-deep");
        assert_eq!(parse(b"{\"a\":\"\xff\"}").unwrap_err().code, "body.encoding");
        assert_eq!(parse(b"{\"a\":").unwrap_err().code, "body.malformed");
        assert_eq!(parse(b"{} {}").unwrap_err().code, "body.malformed");
    }

    #[test]
    fn what_is_read_equals_what_serde_json_reads() {
        let text = r#"{"a":[1,-2,3.5,true,null,"01"],"b":{"c":"Nguyễn Văn Thử"}}"#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(parse("\u{feff}{}".as_bytes()).unwrap(), Value::Object(Map::new()));
    }
}
