//! A canonical answer as those read it who word it for a caller.
//!
//! Everything may be missing, also what the contract promises: fields may have been withheld on the way.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::Value;

/// An answer's outcome and persons.
pub(super) struct Record {
    /// `found`, `not-found`, `match`, `no-match`.
    pub(super) outcome: String,
    pub(super) persons: Vec<Value>,
}

impl Record {
    /// Reads an answer; none if it is no canonical one.
    pub(super) fn read(answer: &Answer) -> Option<Record> {
        let document: Value = serde_json::from_slice(&answer.body.bytes).ok()?;
        let outcome = document.get("outcome")?.as_str()?.to_owned();
        let persons = document.get("persons").and_then(Value::as_array).cloned().unwrap_or_default();
        Some(Record { outcome, persons })
    }

    /// Was a verification confirmed?
    pub(super) fn matches(&self) -> bool {
        self.outcome == "match"
    }
}

/// A text of a record; empty if it is not there.
pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// What a caller is told if the answer is none that can be worded.
pub(super) fn unworded() -> Fault {
    let words = "không có kết quả để trả lời";
    Fault::new("population.no-answer", Blame::Gateway, Remedy::Unclear, words)
}
