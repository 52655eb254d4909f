//! What a declared peer's answers mean: where the code and the words stand in them, and the rows of its own `outcomes`.
//!
//! The table is the one of every adapter. A SOAP fault is an answer too: its code is written `soap:Client`, its reason is the words.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::json;
use serde_json::Value;

use super::way::Notation;
use crate::wire::node::Node;
use crate::wire::outcomes::{Family, Means, Said, Table};
use crate::wire::soap;
use crate::wire::xml::{self, Element};

/// What all declared peers have in common; each has its rows in its own file.
pub(super) static FAMILY: Family =
    Family { path: "declared/peer.yaml", code_name: "code", reads_words: true, told };

fn told(means: Means) -> Option<(&'static str, &'static str)> {
    Some(match means {
        Means::Done | Means::Pending | Means::Unclear => {
            ("declared.unclear", "chưa hiểu được câu trả lời của hệ thống bên kia")
        }
        Means::Exists => ("declared.exists", "hệ thống bên kia đã có nội dung này"),
        Means::Missing => ("declared.missing", "hệ thống bên kia chưa biết hồ sơ này"),
        Means::Session => ("declared.session", "phiên làm việc với hệ thống bên kia không còn hiệu lực"),
        Means::Later => ("declared.away", "hệ thống bên kia tạm thời không nhận; hệ thống sẽ tự gửi lại"),
        Means::Doubt => ("declared.no-verdict", "chưa rõ hệ thống bên kia đã ghi nhận hay chưa"),
        Means::Refused => ("declared.refused", "hệ thống bên kia từ chối nội dung này"),
    })
}

/// Where the code and the words stand.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    pub(super) code: String,
    pub(super) message: String,
}

/// An answer that could be read.
pub(super) enum Read {
    Json(Value),
    /// An XML document, or what stands in a SOAP body.
    Xml(Element),
    /// A SOAP fault: its code and its reason.
    Fault(String, String),
}

impl Read {
    /// Its root; of a fault there is none.
    pub(super) fn node(&self) -> Option<Node<'_>> {
        match self {
            Read::Json(value) => Some(Node::Json(value)),
            Read::Xml(element) => Some(Node::Xml(element, None)),
            Read::Fault(..) => None,
        }
    }

    /// The text at a place.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        self.node()?.text_at(path)
    }
}

/// Reads a body in this notation; none if it is in no such notation.
pub(super) fn read(notation: Notation, bytes: &[u8]) -> Option<Read> {
    match notation {
        Notation::Json => {
            json::parse(bytes).ok().filter(|value| value.is_object() || value.is_array()).map(Read::Json)
        }
        Notation::Xml => xml::parse(bytes).ok().map(Read::Xml),
        Notation::Soap(_) => {
            let envelope = soap::read(bytes).ok()?;
            match envelope.fault() {
                Some((code, reason)) => Some(Read::Fault(format!("soap:{code}"), reason)),
                None => envelope.body.into_iter().next().map(Read::Xml),
            }
        }
    }
}

/// How answers are judged: by the rows of one call before those of all.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) notation: Notation,
    pub(super) places: Places,
    pub(super) table: Table,
}

impl Judge {
    /// What an answer means, and the fault that it is where that is no good.
    pub(super) fn of(&self, answer: &Answer) -> (Means, Fault) {
        let read = read(self.notation, &answer.body.bytes);
        let (code, message) = match &read {
            Some(Read::Fault(code, reason)) => (Some(code.clone()), reason.clone()),
            Some(read) => {
                (text_at(read, &self.places.code), text_at(read, &self.places.message).unwrap_or_default())
            }
            None => (None, String::new()),
        };
        let said = read.as_ref().map(|_| Said { code: code.as_deref(), message: &message });
        self.table.judge(answer, said.as_ref())
    }
}

fn text_at(read: &Read, path: &str) -> Option<String> {
    // Without a place there is no code, and not the whole document for one.
    (!path.is_empty()).then(|| read.text(path)).flatten()
}

/// A fault of ours.
pub(super) fn ours(code: &'static str, words: impl Into<String>) -> Fault {
    Fault::new(code, Blame::Gateway, Remedy::Correct, words)
}
