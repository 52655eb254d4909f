//! Code lists: how one system's codes are called in another.
//!
//! A list is data (`mappings/<adapter>/codes/<list>.yaml`). What it lacks is said by its `unknown` word: `hold`
//! makes it a fault of ours that waits for the list to be mended, `pass` lets the value through with a trace,
//! `as-is` without one (the list names exceptions only), `omit` leaves the field out with a trace, `refuse` blames the sender. A
//! code whose translation is `~` is known and says nothing here. Going backwards is a list of its own.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use super::yaml::{Data, Yaml};
use crate::fault::{Defect, nearest};

/// What happens to a code the list does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// A fault on our side: the delivery waits for the list.
    Hold,
    /// The value itself, with a trace.
    Pass,
    /// The value itself; the list names exceptions only.
    AsIs,
    /// Nothing, with a trace: the field counts as absent.
    Omit,
    /// The sender's fault.
    Refuse,
}

/// One code list.
#[derive(Debug, Clone)]
pub struct CodeList {
    name: String,
    title: String,
    unknown: Unknown,
    values: HashMap<String, Value>,
    bytes: Vec<u8>,
}

impl CodeList {
    /// `portal/status`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What people call it.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What happens to a code it does not have.
    pub fn unknown(&self) -> Unknown {
        self.unknown
    }

    /// The translation of a code.
    pub fn get(&self, code: &str) -> Option<&Value> {
        self.values.get(code)
    }

    /// Whether a value that goes in may come out as nothing.
    pub(super) fn may_omit(&self) -> bool {
        self.unknown == Unknown::Omit || self.values.values().any(Value::is_null)
    }

    /// All codes it knows, sorted.
    pub fn codes(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = self.values.keys().map(String::as_str).collect();
        codes.sort_unstable();
        codes
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.values.iter().map(|(code, value)| (code.as_str(), value))
    }

    /// Changes exactly when the list does.
    pub fn fingerprint(&self) -> String {
        crate::schema::digest(std::iter::once(self.bytes()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads every code list of `files`, by name.
pub(super) fn read(
    files: &BTreeMap<String, Vec<u8>>,
    defects: &mut Vec<Defect>,
) -> BTreeMap<String, Arc<CodeList>> {
    let mut lists = BTreeMap::new();
    for (path, bytes) in files {
        let Some(name) = list_name(path) else { continue };
        let before = defects.len();
        let list = one(path, &name, bytes, defects);
        if let Some(list) = list.filter(|_| defects.len() == before) {
            lists.insert(name, Arc::new(list));
        }
    }
    lists
}

/// `portal/codes/status.yaml` is `portal/status`.
fn list_name(path: &str) -> Option<String> {
    let (folder, file) = path.rsplit_once('/')?;
    let adapter = folder.strip_suffix("/codes")?;
    Some(format!("{adapter}/{}", file.strip_suffix(".yaml")?))
}

fn one(path: &str, name: &str, bytes: &[u8], defects: &mut Vec<Defect>) -> Option<CodeList> {
    let file = format!("mappings/{path}");
    let mut wrong = |line: u64, field: &str, message: String, near: Option<String>| {
        defects.push(Defect { file: file.clone(), line, field: field.to_owned(), message, nearest: near });
    };
    let yaml = match Yaml::read(&file, bytes) {
        Ok(yaml) => yaml,
        Err(defect) => {
            wrong(defect.line, "", defect.message, None);
            return None;
        }
    };
    let mut list = CodeList {
        name: name.to_owned(),
        title: String::new(),
        unknown: Unknown::Hold,
        values: HashMap::new(),
        bytes: bytes.to_vec(),
    };
    const KEYS: [&str; 5] = ["list", "title", "source", "values", "unknown"];
    for (key, value) in yaml.block().unwrap_or_default() {
        match (key.text.as_str(), &value.data) {
            ("list", Data::Scalar { text, .. }) if text == name => {}
            ("list", _) => wrong(value.line, "list", format!("must be {name}, as the file is called"), None),
            ("title", Data::Scalar { text, .. }) => list.title.clone_from(text),
            ("source", Data::Scalar { .. }) => {}
            ("unknown", Data::Scalar { text, .. }) => match text.as_str() {
                "hold" => list.unknown = Unknown::Hold,
                "pass" => list.unknown = Unknown::Pass,
                "as-is" => list.unknown = Unknown::AsIs,
                "omit" => list.unknown = Unknown::Omit,
                "refuse" => list.unknown = Unknown::Refuse,
                other => {
                    let near = nearest(other, ["hold", "pass", "as-is", "omit", "refuse"]);
                    wrong(
                        value.line,
                        "unknown",
                        "must be hold, pass, as-is, omit or refuse".to_owned(),
                        near,
                    );
                }
            },
            ("values", Data::Block(entries)) => {
                for (code, translation) in entries {
                    match &translation.data {
                        Data::Scalar { .. } => _ = list.values.insert(code.text.clone(), translation.json()),
                        _ => wrong(translation.line, &code.text, "must be one value".to_owned(), None),
                    }
                }
            }
            (other, _) if KEYS.contains(&other) => {
                wrong(value.line, other, "is not written as a code list writes it".to_owned(), None);
            }
            (other, _) => {
                wrong(key.line, other, "is no word of a code list".to_owned(), nearest(other, KEYS));
            }
        }
    }
    if yaml.get("list").is_none() {
        wrong(1, "list", format!("must be {name}, as the file is called"), None);
    }
    if list.values.is_empty() {
        wrong(1, "values", "must hold at least one code".to_owned(), None);
    }
    Some(list)
}
