//! Claim Check: large text values leave a document before it is stored, and come back when it is loaded.
//!
//! A lifted value is replaced by `{"$file": {"sha256": "…", "bytes": n}}`. A sender may write `$file` too, so
//! every name of the form `$file`, `$$file`, … in a document is given one more `$` on the way in and loses it on the way
//! out; what comes back is equal to what went in, whatever it was. The bytes themselves go to whoever keeps them: this file
//! only takes them out and puts them back.

pub mod decode;
pub mod markup;
pub mod scan;
pub mod sniff;

use std::fmt;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ids::hex;

/// Longer texts are lifted.
pub const LIFT_BYTES: usize = 64 << 10;

const MARKER: &str = "$file";
const TEXT: &str = "file:";

/// A claim on a value that is kept elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ticket {
    /// The SHA-256 of the value, in hexadecimal digits.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

impl Ticket {
    /// The ticket for these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Ticket { sha256: hex(digest(&SHA256, bytes).as_ref()), bytes: bytes.len() as u64 }
    }

    /// How it stands in a document in the place of the file: `file:<sha256>:<bytes>`. A mapping carries it like any other text.
    pub fn text(&self) -> String {
        format!("{TEXT}{}:{}", self.sha256, self.bytes)
    }

    /// Reads [`Ticket::text`]. Whoever honours it must know that the message carries this file: anybody can write such a text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (sha256, bytes) = text.strip_prefix(TEXT)?.split_once(':')?;
        let hexadecimal = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let whole = sha256.len() == 64 && sha256.bytes().all(hexadecimal);
        let number = bytes.bytes().all(|digit| digit.is_ascii_digit());
        let bytes = bytes.parse().ok().filter(|_| number)?;
        whole.then(|| Ticket { sha256: sha256.to_owned(), bytes })
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sha256)
    }
}

/// Takes every text longer than `limit` bytes out of the document; `put` keeps the bytes and gives the ticket.
pub fn lift(document: &mut Value, limit: usize, put: &mut impl FnMut(Vec<u8>) -> Ticket) {
    match document {
        Value::String(text) if text.len() > limit => {
            let Ticket { sha256, bytes } = put(std::mem::take(text).into_bytes());
            let mut claim = Map::new();
            claim.insert("sha256".to_owned(), Value::String(sha256));
            claim.insert("bytes".to_owned(), Value::from(bytes));
            *document = Value::Object(Map::from_iter([(MARKER.to_owned(), Value::Object(claim))]));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| lift(item, limit, put)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| lift(member, limit, put));
            if members.keys().any(|name| is_escaped(name)) {
                *members = rename(std::mem::take(members), |name| format!("${name}"));
            }
        }
        _ => {}
    }
}

/// Puts every lifted text back; `get` brings the bytes. Stops at the first that it cannot bring.
pub fn lower<E>(document: &mut Value, get: &mut impl FnMut(&Ticket) -> Result<String, E>) -> Result<(), E> {
    if let Some(ticket) = claimed(document) {
        *document = Value::String(get(&ticket)?);
        return Ok(());
    }
    match document {
        Value::Array(items) => items.iter_mut().try_for_each(|item| lower(item, get)),
        Value::Object(members) => {
            members.values_mut().try_for_each(|member| lower(member, get))?;
            if members.keys().any(|name| is_escaped(name)) {
                *members = rename(std::mem::take(members), |name| name[1..].to_owned());
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The tickets that a lifted document holds.
pub fn tickets(document: &Value) -> Vec<Ticket> {
    if let Some(ticket) = claimed(document) {
        return vec![ticket];
    }
    match document {
        Value::Array(items) => items.iter().flat_map(tickets).collect(),
        Value::Object(members) => members.values().flat_map(tickets).collect(),
        _ => Vec::new(),
    }
}

/// A sender's own `$file` has two dollars by now, so the plain name is always ours.
fn claimed(value: &Value) -> Option<Ticket> {
    let members = value.as_object().filter(|members| members.len() == 1)?;
    serde_json::from_value(members.get(MARKER)?.clone()).ok()
}

fn is_escaped(name: &str) -> bool {
    name.trim_start_matches('$') == "file" && name.starts_with('$')
}

fn rename(members: Map<String, Value>, change: impl Fn(&str) -> String) -> Map<String, Value> {
    let renamed = |name: String| if is_escaped(&name) { change(&name) } else { name };
    members.into_iter().map(|(name, value)| (renamed(name), value)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn there_and_back(document: &Value, limit: usize) -> (Value, Value) {
        let mut kept = HashMap::new();
        let mut lifted = document.clone();
        lift(&mut lifted, limit, &mut |bytes| {
            let ticket = Ticket::of(&bytes);
            kept.insert(ticket.clone(), String::from_utf8(bytes).unwrap());
            ticket
        });
        assert!(tickets(&lifted).iter().all(|ticket| kept.contains_key(ticket)));
        let mut back = lifted.clone();
        lower(&mut back, &mut |ticket| kept.get(ticket).cloned().ok_or("gone")).unwrap();
        (lifted, back)
    }

    #[test]
    fn large_texts_leave_and_come_back() {
        let document = json!({"name": "Nguyễn Văn Thử", "papers": [{"content": "QUJD".repeat(9)}]});
        let (lifted, back) = there_and_back(&document, 20);
        assert_eq!(lifted["papers"][0]["content"]["$file"]["bytes"], 36);
        assert_eq!(back, document);
    }

    #[test]
    fn what_is_gone_is_said() {
        let mut lifted = json!({"$file": {"sha256": "00", "bytes": 1}});
        assert_eq!(lower(&mut lifted, &mut |_| Err("gone")), Err("gone"));
    }

    fn documents() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "[a-zà-ỹ]{0,12}".prop_map(Value::from),
            Just(json!({"$file": {"sha256": "00", "bytes": 1}})),
        ];
        let name = prop_oneof!["\\${0,3}file", "[a-c]", "sha256", "bytes"];
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
                prop::collection::vec((name.clone(), inner), 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_document_comes_back_as_it_was(document in documents(), limit in 0usize..14) {
            prop_assert_eq!(there_and_back(&document, limit).1, document);
        }
    }
}
