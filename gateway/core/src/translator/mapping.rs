//! A mapping file as written: words recognised, nothing resolved yet.
//!
//! Reads the YAML of one mapping into rules, with the line of everything, and says what is no word of the language.
//! Whether the paths, lists and forms exist is the plan's question.

use serde_json::Value;

use super::functions::{As, Case, Spaces};
use super::yaml::{Data, Spot, Yaml};
use crate::fault::{Defect, nearest};

/// One mapping.
#[derive(Debug, Default)]
pub(super) struct Mapping {
    pub(super) from: Spot,
    pub(super) to: Spot,
    pub(super) version: u32,
    pub(super) empty_absent: bool,
    /// The date forms of every rule that names none of its own.
    pub(super) read: Vec<Spot>,
    pub(super) open: Vec<(Spot, Vec<Spot>)>,
    pub(super) fan_out: Option<Spot>,
    pub(super) ignored: Vec<Spot>,
    pub(super) volatile: Vec<Spot>,
    pub(super) target: Vec<Entry>,
    /// Something in it is no word of the language and was passed over: what else is wrong is still worth saying.
    pub(super) broken: bool,
}

/// One target field and what is written into it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: u64,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Object(Vec<Entry>),
    Rule(Box<Rule>),
}

/// Where a value comes from, and what is done to it.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) source: Source,
    /// Fields that are left out of an object that is copied whole.
    pub(super) without: Vec<Spot>,
    pub(super) read: Vec<Spot>,
    pub(super) date: Option<Spot>,
    pub(super) unreadable: Unreadable,
    pub(super) code: Option<Spot>,
    /// `true` if this code list lacks the value, else nothing.
    pub(super) not_in: Option<Spot>,
    /// The sign that stands for hidden letters.
    pub(super) masked: Option<char>,
    pub(super) case: Option<Case>,
    pub(super) accents: bool,
    pub(super) spaces: Option<Spaces>,
    pub(super) kind: Option<As>,
    pub(super) limit: Option<usize>,
    pub(super) over: Over,
    pub(super) absent: Option<Value>,
    pub(super) when: Option<Condition>,
}

#[derive(Debug)]
pub(super) enum Source {
    From(Spot),
    First(Vec<Spot>),
    Join(Vec<Spot>, String),
    Split(Spot, String, i64),
    Value(Value),
    Each(Spot, Vec<Entry>),
    EachItem(Spot, Box<Rule>),
    Filled,
    Pack(Vec<Spot>, Vec<Entry>),
}

/// What to do with a date no form can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Unreadable {
    #[default]
    Refuse,
    Omit,
    Keep,
}

/// What to do with a text over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Over {
    Shorten,
    #[default]
    Refuse,
}

#[derive(Debug)]
pub(super) enum Condition {
    Present(Spot),
    Absent(Spot),
    OneOf(Spot, Vec<String>),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

const HEADER: [&str; 8] = ["mapping", "target", "empty", "read", "open", "fan-out", "ignored", "volatile"];
const SOURCES: [&str; 8] = ["from", "first", "join", "split", "value", "each", "filled-by", "pack"];
/// The words of a plain rule; those of `each` and `pack` are fewer, so that their target fields may be called
/// `code` or `date`.
const WORDS: [&str; 25] = [
    "from",
    "without",
    "first",
    "join",
    "with",
    "split",
    "on",
    "take",
    "value",
    "filled-by",
    "read",
    "date",
    "unreadable",
    "code",
    "not-in",
    "masked",
    "case",
    "accents",
    "spaces",
    "as",
    "limit",
    "over",
    "absent",
    "when",
    "item",
];

/// None where so much is missing that nothing can be said about the rest.
pub(super) fn read(file: &str, bytes: &[u8], defects: &mut Vec<Defect>) -> Option<Mapping> {
    let before = defects.len();
    let mut reader = Reader { file, defects };
    let yaml = match Yaml::read(file, bytes) {
        Ok(yaml) => yaml,
        Err(defect) => {
            reader.defects.push(defect);
            return None;
        }
    };
    let mut mapping = reader.mapping(&yaml);
    mapping.broken = defects.len() > before;
    let named = !mapping.from.text.is_empty() && !mapping.to.text.is_empty();
    named.then_some(mapping)
}

struct Reader<'a> {
    file: &'a str,
    defects: &'a mut Vec<Defect>,
}

impl Reader<'_> {
    fn wrong(&mut self, line: u64, field: &str, message: impl Into<String>, nearest: Option<String>) {
        let field = field.to_owned();
        self.defects.push(Defect {
            file: self.file.to_owned(),
            line,
            field,
            message: message.into(),
            nearest,
        });
    }

    fn mapping(&mut self, yaml: &Yaml) -> Mapping {
        let mut mapping = Mapping::default();
        for (key, value) in yaml.block().unwrap_or_default() {
            match key.text.as_str() {
                "mapping" => self.header(value, &mut mapping),
                "target" => mapping.target = self.entries(value, "", &[]),
                "empty" if value.text() == Some("absent") => mapping.empty_absent = true,
                "empty" => self.wrong(value.line, "empty", "must be absent, or not be there", None),
                "read" => mapping.read = self.list("read", value),
                "open" => {
                    for (path, layers) in value.block().unwrap_or_default() {
                        let layers = self.list(&path.text, layers);
                        mapping.open.push((path.clone(), layers));
                    }
                }
                "fan-out" => mapping.fan_out = self.one("fan-out", value),
                "ignored" => mapping.ignored = self.list("ignored", value),
                "volatile" => mapping.volatile = self.list("volatile", value),
                other => {
                    self.wrong(key.line, other, "is no key of a mapping", nearest(other, HEADER));
                }
            }
        }
        for key in ["mapping", "target"] {
            if yaml.get(key).is_none() {
                self.wrong(1, key, "is missing", None);
            }
        }
        mapping
    }

    fn header(&mut self, yaml: &Yaml, mapping: &mut Mapping) {
        for (key, value) in yaml.block().unwrap_or_default() {
            match key.text.as_str() {
                "from" => mapping.from = self.one("mapping.from", value).unwrap_or_default(),
                "to" => mapping.to = self.one("mapping.to", value).unwrap_or_default(),
                "version" => match value.text().and_then(|text| text.parse().ok()) {
                    Some(version) => mapping.version = version,
                    None => self.wrong(value.line, "mapping.version", "must be a whole number", None),
                },
                other => {
                    let near = nearest(other, ["from", "to", "version"]);
                    self.wrong(key.line, other, "is no key of mapping", near);
                }
            }
        }
        for key in ["from", "to", "version"] {
            if yaml.get(key).is_none() {
                self.wrong(yaml.line, &format!("mapping.{key}"), "is missing", None);
            }
        }
    }

    fn one(&mut self, field: &str, yaml: &Yaml) -> Option<Spot> {
        let spot = yaml.spot();
        if spot.is_none() {
            self.wrong(yaml.line, field, "must be one text", None);
        }
        spot
    }

    fn list(&mut self, field: &str, yaml: &Yaml) -> Vec<Spot> {
        let spots = yaml.spots();
        if spots.is_none() {
            self.wrong(yaml.line, field, "must be a list of texts", None);
        }
        spots.unwrap_or_default()
    }

    /// The target fields of a block, without the words in `except`; dotted keys become nested objects.
    fn entries(&mut self, yaml: &Yaml, path: &str, except: &[&str]) -> Vec<Entry> {
        let mut entries = Vec::new();
        let Some(block) = yaml.block() else {
            self.wrong(yaml.line, path, "must be a block of target fields", None);
            return entries;
        };
        for (key, value) in block.iter().filter(|(key, _)| !except.contains(&key.text.as_str())) {
            let full = if path.is_empty() { key.text.clone() } else { format!("{path}.{}", key.text) };
            if let Some(content) = self.content(value, &full) {
                let keys: Vec<&str> = key.text.split('.').collect();
                self.place(&mut entries, &keys, key.line, &full, content);
            }
        }
        entries
    }

    fn place(&mut self, entries: &mut Vec<Entry>, keys: &[&str], line: u64, full: &str, content: Content) {
        let Some((first, rest)) = keys.split_first() else { return };
        let known = entries.iter_mut().find(|entry| entry.key == *first);
        match (known, rest.is_empty()) {
            (None, true) => entries.push(Entry { key: (*first).to_owned(), line, content }),
            (None, false) => {
                let mut inner = Vec::new();
                self.place(&mut inner, rest, line, full, content);
                entries.push(Entry { key: (*first).to_owned(), line, content: Content::Object(inner) });
            }
            (Some(Entry { content: Content::Object(inner), .. }), false) => {
                self.place(inner, rest, line, full, content);
            }
            (Some(Entry { content: Content::Object(inner), .. }), true) => match content {
                Content::Object(more) => {
                    for entry in more {
                        self.place(inner, &[entry.key.as_str()], entry.line, full, entry.content);
                    }
                }
                Content::Rule(_) => self.wrong(line, full, "is set twice", None),
            },
            (Some(_), _) => self.wrong(line, full, "is set twice", None),
        }
    }

    fn content(&mut self, yaml: &Yaml, path: &str) -> Option<Content> {
        match &yaml.data {
            Data::Scalar { .. } => {
                let spot = yaml.spot()?;
                Some(Content::Rule(Box::new(Rule::new(Source::From(spot)))))
            }
            Data::List(_) => {
                self.wrong(yaml.line, path, "must be a path, a rule or a block of target fields", None);
                None
            }
            Data::Block(block) => {
                if SOURCES.iter().any(|word| yaml.get(word).is_some()) {
                    return self.rule(yaml, path).map(|rule| Content::Rule(Box::new(rule)));
                }
                // A block of nothing but rule words has lost its source word.
                let lost = !block.is_empty()
                    && block.iter().all(|(key, _)| WORDS.contains(&key.text.as_str()))
                    && block.iter().any(|(key, _)| {
                        matches!(key.text.as_str(), "absent" | "when" | "limit" | "over" | "unreadable")
                    });
                if lost {
                    self.wrong(
                        yaml.line,
                        path,
                        "is a rule without a source word (from, first, value, …)",
                        None,
                    );
                    return None;
                }
                Some(Content::Object(self.entries(yaml, path, &[])))
            }
        }
    }

    fn rule(&mut self, yaml: &Yaml, path: &str) -> Option<Rule> {
        let found: Vec<&str> = SOURCES.into_iter().filter(|word| yaml.get(word).is_some()).collect();
        // Beside `each` and `pack`, the other source words are target fields.
        let word = *found.iter().find(|word| matches!(**word, "each" | "pack")).or(found.first())?;
        let nesting = matches!(word, "each" | "pack");
        if !nesting && found.len() > 1 {
            self.wrong(yaml.line, path, format!("has more than one source word: {}", found.join(", ")), None);
            return None;
        }
        let mut rule = Rule::new(self.source(word, yaml, path)?);
        let plain_item = matches!(rule.source, Source::EachItem(..));
        for (key, value) in yaml.block().unwrap_or_default() {
            let known = match word {
                "each" if plain_item => {
                    if !["each", "item", "absent", "when"].contains(&key.text.as_str()) {
                        self.wrong(
                            key.line,
                            path,
                            format!("{} is no word beside each and item", key.text),
                            None,
                        );
                    }
                    ["absent", "when"].contains(&key.text.as_str())
                }
                "each" => ["absent", "when"].contains(&key.text.as_str()),
                "pack" => ["absent", "when", "limit", "over"].contains(&key.text.as_str()),
                _ => true,
            };
            if known {
                self.word(&key.text, key.line, value, path, &mut rule);
            }
        }
        Some(rule)
    }

    fn source(&mut self, word: &str, yaml: &Yaml, path: &str) -> Option<Source> {
        let value = yaml.get(word)?;
        Some(match word {
            "from" => Source::From(self.one(path, value)?),
            "first" => Source::First(self.list(path, value)),
            "join" => {
                let with = yaml.get("with").and_then(Yaml::text).unwrap_or(" ").to_owned();
                Source::Join(self.list(path, value), with)
            }
            "split" => self.split(yaml, value, path)?,
            "value" => Source::Value(super::functions::nfc_value(&value.json())),
            "filled-by" if value.text() == Some("conversation") => Source::Filled,
            "filled-by" => {
                self.wrong(value.line, path, "filled-by: must be conversation", None);
                return None;
            }
            "each" => match yaml.get("item") {
                Some(item) => {
                    let rule = match self.content(item, path)? {
                        Content::Rule(rule) => rule,
                        Content::Object(_) => {
                            self.wrong(item.line, path, "item: must be a rule", None);
                            return None;
                        }
                    };
                    Source::EachItem(self.one(path, value)?, rule)
                }
                None => {
                    let entries = self.entries(yaml, path, &["each", "absent", "when"]);
                    Source::Each(self.one(path, value)?, entries)
                }
            },
            _ => {
                let entries = self.entries(yaml, path, &["pack", "absent", "when", "limit", "over"]);
                Source::Pack(self.list(path, value), entries)
            }
        })
    }

    fn split(&mut self, yaml: &Yaml, value: &Yaml, path: &str) -> Option<Source> {
        let on = yaml.get("on").and_then(Yaml::text).unwrap_or_default().to_owned();
        let take = yaml.get("take").and_then(Yaml::text).and_then(|text| text.parse::<i64>().ok());
        match take.filter(|take| *take != 0 && !on.is_empty()) {
            Some(take) => Some(Source::Split(self.one(path, value)?, on, take)),
            None => {
                let message = "split: needs on: (a text) and take: (a number, not 0)";
                self.wrong(yaml.line, path, message, None);
                None
            }
        }
    }

    fn word(&mut self, word: &str, line: u64, value: &Yaml, path: &str, rule: &mut Rule) {
        match word {
            "without" => rule.without = self.list(path, value),
            "read" => rule.read = self.list(path, value),
            "date" => rule.date = self.one(path, value),
            "code" => rule.code = self.one(path, value),
            "not-in" => rule.not_in = self.one(path, value),
            "masked" => {
                let mut letters = value.text().unwrap_or_default().chars();
                rule.masked = letters.next().filter(|_| letters.next().is_none());
                if rule.masked.is_none() {
                    self.wrong(value.line, path, "masked: must be one sign", None);
                }
            }
            "unreadable" => {
                let words =
                    [("refuse", Unreadable::Refuse), ("omit", Unreadable::Omit), ("keep", Unreadable::Keep)];
                rule.unreadable = self.choice(word, value, path, &words).unwrap_or_default();
            }
            "case" => {
                rule.case = self.choice(word, value, path, &[("upper", Case::Upper), ("lower", Case::Lower)])
            }
            "accents" => rule.accents = self.choice(word, value, path, &[("remove", true)]).unwrap_or(false),
            "spaces" => {
                let words = [("collapse", Spaces::Collapse), ("remove", Spaces::Remove)];
                rule.spaces = self.choice(word, value, path, &words);
            }
            "as" => {
                let words = [
                    ("text", As::Text),
                    ("integer", As::Integer),
                    ("number", As::Number),
                    ("boolean", As::Boolean),
                ];
                rule.kind = self.choice(word, value, path, &words);
            }
            "limit" => match value.text().and_then(|text| text.parse().ok()) {
                Some(limit) => rule.limit = Some(limit),
                None => self.wrong(value.line, path, "limit: must be a whole number", None),
            },
            "over" => {
                let words = [("shorten", Over::Shorten), ("refuse", Over::Refuse)];
                rule.over = self.choice(word, value, path, &words).unwrap_or_default();
            }
            "absent" => rule.absent = Some(super::functions::nfc_value(&value.json())),
            "when" => rule.when = self.condition(value, path),
            word if SOURCES.contains(&word) || ["with", "on", "take"].contains(&word) => {}
            other => {
                let near = nearest(other, WORDS);
                self.wrong(line, path, format!("{other} is no word of a rule"), near);
            }
        }
    }

    fn choice<T: Copy>(&mut self, word: &str, value: &Yaml, path: &str, words: &[(&str, T)]) -> Option<T> {
        let text = value.text().unwrap_or_default();
        let found = words.iter().find(|(known, _)| *known == text).map(|(_, choice)| *choice);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(known, _)| *known).collect();
            let near = nearest(text, known.iter().copied());
            self.wrong(value.line, path, format!("{word}: must be {}", known.join(" or ")), near);
        }
        found
    }

    fn condition(&mut self, yaml: &Yaml, path: &str) -> Option<Condition> {
        let Some(block) = yaml.block().filter(|block| !block.is_empty()) else {
            self.wrong(yaml.line, path, "when: must be a block such as { status: \"9\" }", None);
            return None;
        };
        let mut all = Vec::new();
        for (key, value) in block {
            all.extend(match (key.text.as_str(), &value.data) {
                ("not", Data::Block(_)) => {
                    self.condition(value, path).map(|inner| Condition::Not(Box::new(inner)))
                }
                ("all", Data::List(items)) => Some(Condition::All(self.conditions(items, path))),
                ("any", Data::List(items)) => Some(Condition::Any(self.conditions(items, path))),
                (_, Data::Scalar { text, plain: true }) if text == "present" => {
                    Some(Condition::Present(key.clone()))
                }
                (_, Data::Scalar { text, plain: true }) if text == "absent" => {
                    Some(Condition::Absent(key.clone()))
                }
                (_, Data::Block(_)) => {
                    self.wrong(key.line, path, format!("when: {} must be a value or a list", key.text), None);
                    None
                }
                _ => value.spots().map(|values| {
                    Condition::OneOf(key.clone(), values.into_iter().map(|v| v.text).collect())
                }),
            });
        }
        if all.len() == 1 { all.pop() } else { Some(Condition::All(all)) }
    }

    fn conditions(&mut self, items: &[Yaml], path: &str) -> Vec<Condition> {
        items.iter().filter_map(|item| self.condition(item, path)).collect()
    }
}

impl Rule {
    fn new(source: Source) -> Rule {
        Rule {
            source,
            without: Vec::new(),
            read: Vec::new(),
            date: None,
            unreadable: Unreadable::Refuse,
            code: None,
            not_in: None,
            masked: None,
            case: None,
            accents: false,
            spaces: None,
            kind: None,
            limit: None,
            over: Over::Refuse,
            absent: None,
            when: None,
        }
    }
}
