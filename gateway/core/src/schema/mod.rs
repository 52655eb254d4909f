//! Is this document what its contract says: XSD for XML, JSON Schema for JSON.
//!
//! [`Contracts::compile`] takes the files of `schemas/` as bytes and says everything that is wrong with them at
//! once. A [`Contract`] then judges documents, reads XML into the same tree shape that JSON has, writes such a tree
//! back, and offers the [`FieldView`] that mappings are checked against. A violation names place,
//! rule and expectation, never the value.
//!
//! `name#Root/Child` means: the document's root is `Root`, and what is spoken of is its one `Child`. That is how
//! a batch that was framed into single items keeps the envelope its schema demands.
//! Deliberately absent: anything that fetches, and coercion. `01` stays `01`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::fault::{Blame, Defect, Fault, Remedy, Violation, nearest};

pub(crate) mod json;
mod leaning;
pub mod view;
mod write;
mod wsdl;
mod xsd;
mod xsd_plain;
mod xsd_read;
mod xsd_reading;
mod xsd_view;

pub use view::FieldView;
pub(crate) use xsd_reading::Element;

/// How documents of a contract are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// JSON, judged by JSON Schema.
    Json,
    /// XML, judged by XSD.
    Xml,
}

/// All contracts, compiled, by name.
pub struct Contracts {
    json: BTreeMap<String, Arc<Contract>>,
    xsd: BTreeMap<String, Arc<xsd::XsdDocument>>,
}

/// One contract.
pub struct Contract {
    name: String,
    digest: String,
    view: FieldView,
    judge: Judge,
}

enum Judge {
    Json(json::JsonContract),
    Xml(xsd::XmlContract),
}

impl Contracts {
    /// Compiles `files`: path below `schemas/` to bytes. All defects come at once.
    pub fn compile(files: &BTreeMap<String, Vec<u8>>) -> Result<Contracts, Vec<Defect>> {
        let mut defects = Vec::new();
        let contracts = Contracts::compile_sound(files, &mut defects);
        if defects.is_empty() { Ok(contracts) } else { Err(defects) }
    }

    /// The contracts that can be compiled, beside the defects of the others: so that mappings can be checked all the same.
    pub fn compile_sound(files: &BTreeMap<String, Vec<u8>>, defects: &mut Vec<Defect>) -> Contracts {
        let read = json::JsonFiles::read(files, defects);
        let mut contracts = BTreeMap::new();
        for (path, judge, view) in read.compile(defects) {
            let name = path.trim_end_matches(".schema.json").to_owned();
            let closure = read.closure(&path);
            let digest = digest(closure.iter().filter_map(|path| files.get(path)).map(Vec::as_slice));
            contracts
                .insert(name.clone(), Arc::new(Contract { name, digest, view, judge: Judge::Json(judge) }));
        }
        let xsd = xsd::compile(files, defects);
        Contracts { json: contracts, xsd }
    }

    /// The contract that mappings call so: `canonical/dossier-recorded`, `onestop/xml/hoso.xsd#DongBoHoSo/HoSo`.
    pub fn get(&self, name: &str) -> Option<Arc<Contract>> {
        self.find(name).ok()
    }

    /// The same, with what is wrong with the name and the nearest one that would be right.
    pub fn find(&self, name: &str) -> Result<Arc<Contract>, (String, Option<String>)> {
        if let Some(contract) = self.json.get(name) {
            return Ok(contract.clone());
        }
        let (file, place) = name.split_once('#').unwrap_or((name, ""));
        match self.xsd.get(file) {
            Some(document) => document.contract(name, place).map(Arc::new),
            None => {
                let known = self.json.keys().chain(self.xsd.keys()).map(String::as_str);
                Err((format!("there is no contract {name}"), nearest(file, known)))
            }
        }
    }

    /// The names of all contracts; XML ones once for each global element.
    pub fn names(&self) -> Vec<String> {
        let xml = self.xsd.iter().flat_map(|(file, document)| {
            document.elements().map(move |element| format!("{file}#{element}")).collect::<Vec<_>>()
        });
        self.json.keys().cloned().chain(xml).collect()
    }
}

impl Contract {
    /// The name mappings use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// JSON or XML.
    pub fn notation(&self) -> Notation {
        match self.judge {
            Judge::Json(_) => Notation::Json,
            Judge::Xml(_) => Notation::Xml,
        }
    }

    /// What it allows, for checks before any document is there.
    pub fn view(&self) -> &FieldView {
        &self.view
    }

    /// Changes when any file changes that this contract leans on.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Everything about a document that is not as it should be. A tree of an XML contract is written out and read
    /// back: its XSD judges text, not trees.
    pub fn check(&self, document: &Value) -> Vec<Violation> {
        match &self.judge {
            Judge::Json(judge) => judge.check(document),
            Judge::Xml(judge) => {
                match self.write(document).and_then(|bytes| judge.read(&self.view, &bytes)) {
                    Ok(_) => Vec::new(),
                    Err(fault) if fault.violations.is_empty() => {
                        vec![Violation::sender("", fault.code.into_owned(), fault.words)]
                    }
                    Err(fault) => fault.violations,
                }
            }
        }
    }

    /// Reads, judges and builds the tree of an XML document in one pass.
    pub fn read_xml(&self, bytes: &[u8]) -> Result<Value, Fault> {
        match &self.judge {
            Judge::Xml(judge) => judge.read(&self.view, bytes),
            Judge::Json(_) => Err(not_xml()),
        }
    }

    /// The same without the tree: what was read is handed over as it is.
    pub(crate) fn with_xml<T>(
        &self,
        bytes: &[u8],
        act: impl FnOnce(Element<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        match &self.judge {
            Judge::Xml(judge) => judge.with(&self.view, bytes, act),
            Judge::Json(_) => Err(not_xml()),
        }
    }

    /// Reads a document in the notation of this contract and judges it.
    pub fn read(&self, bytes: &[u8]) -> Result<Value, Fault> {
        match self.notation() {
            Notation::Xml => self.read_xml(bytes),
            Notation::Json => {
                let document = crate::json::parse(bytes)?;
                let violations = self.check(&document);
                if violations.is_empty() { Ok(document) } else { Err(violated(violations)) }
            }
        }
    }

    /// The text of a document in the notation of this contract; XML in the order of its XSD.
    pub fn write(&self, document: &Value) -> Result<Vec<u8>, Fault> {
        match &self.judge {
            Judge::Json(_) => serde_json::to_vec(document).map_err(|error| {
                Fault::new("contract.unwritable", Blame::Gateway, Remedy::Correct, "không ghi được tài liệu")
                    .because(error.to_string())
            }),
            Judge::Xml(judge) => write::write(&self.view, judge.frame(), document).map_err(violated),
        }
    }
}

fn not_xml() -> Fault {
    Fault::sender("body.malformed", "nội dung phải là JSON, không phải XML")
}

/// One fault for all violations of a document. Whoever must mend it: the sender only when nothing of ours is wrong,
/// because what the sender can mend helps nobody while our part stays broken.
pub(crate) fn violated(violations: Vec<Violation>) -> Fault {
    let sender = violations.iter().any(|violation| violation.blame == Blame::Sender);
    let ours = violations.iter().any(|violation| violation.blame == Blame::Gateway);
    let blame = if sender && !ours { Blame::Sender } else { Blame::Gateway };
    let place = |v: &Violation| match v.path.as_str() {
        // Of the whole document no place is named.
        "" => format!(": {}", v.rule),
        path => format!(": {path} ({})", v.rule),
    };
    let first = violations.first().map(place).unwrap_or_default();
    let more = match violations.len() {
        0 | 1 => String::new(),
        n => format!(" và {} chỗ khác", n - 1),
    };
    let words = format!("nội dung không đúng quy định{first}{more}");
    Fault::new("contract.violated", blame, Remedy::Correct, words).with(violations)
}

pub(super) fn defect(file: &str, message: impl Into<String>) -> Defect {
    Defect { file: file.to_owned(), line: 0, field: String::new(), message: message.into(), nearest: None }
}

/// The path that a relative reference in `from` means.
fn beside(from: &str, reference: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in reference.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A short name for a sequence of contents: sha-256, the first 16 hex digits.
pub(crate) fn digest<'a>(parts: impl Iterator<Item = &'a [u8]>) -> String {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    for part in parts {
        // The length keeps "ab","c" apart from "a","bc".
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    context.finish().as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Contracts>()
};
