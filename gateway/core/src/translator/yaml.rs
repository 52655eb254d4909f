//! YAML with line numbers: what mappings and code lists are written in.
//!
//! A small tree over the parser's events, because every complaint about a mapping names its line. Texts stay texts:
//! only an unquoted plain JSON number is a number, so `01` never becomes 1. Refused: duplicate keys, anchors and
//! aliases, tags, several documents in one file; each of them hides something from the reader of a mapping.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;

use crate::fault::Defect;

/// Mappings of the field nest 8 deep.
const DEPTH_MAX: usize = 64;

/// A text and where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spot {
    /// The text.
    pub text: String,
    /// Its line, from 1.
    pub line: u64,
}

/// One node of a YAML file.
#[derive(Debug, Clone)]
pub struct Yaml {
    /// Its line, from 1.
    pub line: u64,
    /// What it is.
    pub data: Data,
}

/// What a node is.
#[derive(Debug, Clone)]
pub enum Data {
    /// A text, and whether it stands without quotes.
    Scalar {
        /// The text.
        text: String,
        /// Without quotes: it may be a number, true, false or null.
        plain: bool,
    },
    /// A list.
    List(Vec<Yaml>),
    /// Names with what they stand for, in order.
    Block(Vec<(Spot, Yaml)>),
}

impl Yaml {
    /// Reads one document.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Yaml, Defect> {
        let at = |line: u64, message: String| Defect {
            file: file.to_owned(),
            line,
            field: String::new(),
            message,
            nearest: None,
        };
        let text = std::str::from_utf8(bytes).map_err(|_| at(0, "is not UTF-8".to_owned()))?;
        let mut builder = Builder::default();
        for event in Parser::new_from_str(text.trim_start_matches('\u{feff}')) {
            let (event, span) = event.map_err(|error| {
                at(error.marker().line() as u64, format!("is not YAML: {}", error.info()))
            })?;
            let line = span.start.line() as u64;
            builder.take(event, line).map_err(|message| at(line, message))?;
        }
        builder.root.ok_or_else(|| at(0, "is empty".to_owned()))
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The same with its line.
    pub fn spot(&self) -> Option<Spot> {
        self.text().map(|text| Spot { text: text.to_owned(), line: self.line })
    }

    /// The texts of a list of scalars, or of one scalar.
    pub fn spots(&self) -> Option<Vec<Spot>> {
        match &self.data {
            Data::List(items) => items.iter().map(Yaml::spot).collect(),
            _ => self.spot().map(|spot| vec![spot]),
        }
    }

    /// The entries of a block.
    pub fn block(&self) -> Option<&[(Spot, Yaml)]> {
        match &self.data {
            Data::Block(entries) => Some(entries),
            _ => None,
        }
    }

    /// The entry of this name.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        self.block()?.iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
    }

    /// The value as JSON.
    pub fn json(&self) -> Value {
        match &self.data {
            Data::Scalar { text, plain: false } => Value::String(text.clone()),
            Data::Scalar { text, plain: true } => match text.as_str() {
                "" | "null" | "~" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                text => match serde_json::from_str::<Value>(text) {
                    Ok(number @ Value::Number(_)) => number,
                    _ => Value::String(text.to_owned()),
                },
            },
            Data::List(items) => Value::Array(items.iter().map(Yaml::json).collect()),
            Data::Block(entries) => {
                Value::Object(entries.iter().map(|(key, value)| (key.text.clone(), value.json())).collect())
            }
        }
    }
}

#[derive(Default)]
struct Builder {
    stack: Vec<(Yaml, Option<Spot>)>,
    root: Option<Yaml>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, line: u64) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse(anchor, tag.is_some())?;
                let plain = style == ScalarStyle::Plain;
                self.put(Yaml { line, data: Data::Scalar { text: text.into_owned(), plain } })
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse(anchor, tag.is_some())?;
                self.open(Yaml { line, data: Data::List(Vec::new()) })
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse(anchor, tag.is_some())?;
                self.open(Yaml { line, data: Data::Block(Vec::new()) })
            }
            Event::SequenceEnd | Event::MappingEnd => match self.stack.pop() {
                Some((node, _)) => self.put(node),
                None => Ok(()),
            },
            Event::Alias(_) => Err("has an alias; write the rule out where it holds".to_owned()),
            Event::DocumentStart(..) if self.root.is_some() => Err("holds a second document".to_owned()),
            _ => Ok(()),
        }
    }

    fn open(&mut self, node: Yaml) -> Result<(), String> {
        if self.stack.len() >= DEPTH_MAX {
            return Err(format!("nests deeper than {DEPTH_MAX}"));
        }
        self.stack.push((node, None));
        Ok(())
    }

    fn put(&mut self, node: Yaml) -> Result<(), String> {
        let Some((parent, key)) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut parent.data {
            Data::List(items) => items.push(node),
            Data::Block(entries) => match key.take() {
                Some(name) => entries.push((name, node)),
                None => {
                    let name = node.spot().ok_or("has a key that is no text")?;
                    if entries.iter().any(|(known, _)| known.text == name.text) {
                        return Err(format!("has the key {} twice", name.text));
                    }
                    *key = Some(name);
                }
            },
            Data::Scalar { .. } => {}
        }
        Ok(())
    }
}

fn refuse(anchor: usize, tagged: bool) -> Result<(), String> {
    if anchor > 0 {
        return Err("has an anchor; write the rule out where it holds".to_owned());
    }
    if tagged { Err("has a tag; values are texts, numbers, true, false or null".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> (u64, String) {
        let defect = Yaml::read("f.yaml", text.as_bytes()).unwrap_err();
        (defect.line, defect.message)
    }

    #[test]
    fn texts_stay_texts_and_lines_are_known() {
        let yaml = Yaml::read("f.yaml", b"a: 01\nb: 1\nc:\n  - \"1\"\n  - true\n  - 1.5\n  - x\n").unwrap();
        assert_eq!(yaml.json(), serde_json::json!({"a": "01", "b": 1, "c": ["1", true, 1.5, "x"]}));
        assert_eq!(yaml.block().unwrap()[1].0.line, 2);
        assert_eq!(yaml.get("c").unwrap().line, 4);
    }

    #[test]
    fn what_hides_things_is_refused() {
        assert_eq!(message("a: 1\na: 2\n"), (2, "has the key a twice".to_owned()));
        assert_eq!(message("a: &x 1\n").1, "has an anchor; write the rule out where it holds");
        assert_eq!(message("a: 1\n---\nb: 2\n").1, "holds a second document");
        assert!(message("a: [\n").1.starts_with("is not YAML"));
    }
}
