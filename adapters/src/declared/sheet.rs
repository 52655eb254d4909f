//! Reads a block of a YAML file word by word and says everything that is wrong with it: file, line, field, nearest known word.
//!
//! A word that nobody asked for is a defect, because a mistyped one would silently mean nothing.

use std::cell::RefCell;

use gateway_core::fault::{Defect, nearest};
use gateway_core::translator::yaml::{Data, Yaml};
use serde_json::Value;

/// The defects of one file, gathered while it is read, and its places, to be held against contracts.
#[derive(Debug)]
pub(super) struct Defects {
    pub(super) file: String,
    found: RefCell<Vec<Defect>>,
    places: RefCell<Vec<Place>>,
}

/// A way into a document, as the file writes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) line: u64,
    pub(super) field: String,
    pub(super) path: String,
    pub(super) within: Within,
    pub(super) holds: Holds,
}

/// What is wanted at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Text,
    Items,
    /// The whole document: only its contract is named here.
    All,
}

/// Whose document a place is in.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Within {
    /// What the contract of this name says; the empty name knows nothing.
    Contract(String),
    /// One item of what comes through this channel.
    Item(String),
    /// One record of the feed.
    Record,
    /// All that comes through this channel in one call.
    Call(String),
    /// Whatever is sent.
    Sent,
}

impl Defects {
    pub(super) fn of(file: &str) -> Self {
        Defects { file: file.to_owned(), found: RefCell::default(), places: RefCell::default() }
    }

    pub(super) fn push(&self, line: u64, field: &str, message: impl Into<String>, nearest: Option<String>) {
        let (file, field, message) = (self.file.clone(), field.to_owned(), message.into());
        self.found.borrow_mut().push(Defect { file, line, field, message, nearest });
    }

    pub(super) fn take(&self) -> Vec<Defect> {
        self.found.take()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.places.take()
    }
}

/// One block being read.
pub(super) struct Sheet<'a> {
    pub(super) line: u64,
    place: String,
    node: Option<&'a Yaml>,
    asked: Vec<&'static str>,
    pub(super) defects: &'a Defects,
}

impl<'a> Sheet<'a> {
    /// Starts to read what must be a block.
    pub(super) fn new(node: &'a Yaml, place: &str, defects: &'a Defects) -> Self {
        let is_block = node.block().is_some();
        if !is_block {
            defects.push(node.line, place, "a block of words is expected", None);
        }
        let node = Some(node).filter(|_| is_block);
        let line = node.map_or(0, |node| node.line);
        Sheet { line, place: place.to_owned(), node, asked: Vec::new(), defects }
    }

    /// The full name of a word in this block.
    pub(super) fn field(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    /// A defect at a word that stands here.
    pub(super) fn wrong(&self, key: &str, message: impl Into<String>, near: Option<String>) {
        let line = self.node.and_then(|node| node.get(key)).map_or(self.line, |value| value.line);
        self.defects.push(line, &self.field(key), message, near);
    }

    /// A text, if it is there.
    pub(super) fn maybe(&mut self, key: &'static str) -> Option<String> {
        let text = self.value(key)?.text().map(str::to_owned);
        if text.is_none() {
            self.wrong(key, "a text is expected", None);
        }
        text
    }

    /// A text, or its default.
    pub(super) fn text(&mut self, key: &'static str, default: &str) -> String {
        self.maybe(key).unwrap_or_else(|| default.to_owned())
    }

    /// Does this word stand here?
    pub(super) fn has(&self, key: &str) -> bool {
        self.node.is_some_and(|node| node.get(key).is_some())
    }

    /// A text that must be there.
    pub(super) fn needed(&mut self, key: &'static str) -> String {
        let text = self.maybe(key);
        if text.as_deref().is_none_or(str::is_empty) {
            self.wrong(key, "this word is needed", None);
        }
        text.unwrap_or_default()
    }

    /// A place, or none.
    pub(super) fn place(&mut self, key: &'static str, within: &Within) -> String {
        let path = self.text(key, "");
        let line = self.node.and_then(|node| node.get(key)).map_or(self.line, |value| value.line);
        let holds = if key == "items" { Holds::Items } else { Holds::Text };
        self.keep(Place { line, field: self.field(key), path: path.clone(), within: within.clone(), holds });
        path
    }

    /// The name of a contract, or none; whether there is such a one is known later.
    pub(super) fn contract(&mut self, key: &'static str) -> String {
        let name = self.text(key, "");
        let line = self.node.and_then(|node| node.get(key)).map_or(self.line, |value| value.line);
        if !name.is_empty() {
            let (field, within) = (self.field(key), Within::Contract(name.clone()));
            let place = Place { line, field, path: String::new(), within, holds: Holds::All };
            self.defects.places.borrow_mut().push(place);
        }
        name
    }

    /// The places in a block, by names that are nobody's words.
    pub(super) fn places(&mut self, key: &'static str, within: &Within) -> Vec<(String, String)> {
        let texts = self.texts(key);
        let block = self.node.and_then(|node| node.get(key));
        for (name, path) in &texts {
            let line = block.and_then(|block| block.get(name)).map_or(self.line, |value| value.line);
            let (field, path, within) = (format!("{}.{name}", self.field(key)), path.clone(), within.clone());
            self.keep(Place { line, field, path, within, holds: Holds::Text });
        }
        texts
    }

    fn keep(&self, place: Place) {
        let is_way = place.path.split('.').all(|name| !name.is_empty());
        match (place.path.is_empty(), is_way) {
            (true, _) => {}
            (_, true) => self.defects.places.borrow_mut().push(place),
            _ => self.defects.push(place.line, &place.field, "is no way down by names, as `a.b.c`", None),
        }
    }

    /// One of a few words; the first is the default.
    pub(super) fn word(&mut self, key: &'static str, words: &[&'static str]) -> &'static str {
        let given = self.text(key, words[0]);
        words.iter().copied().find(|word| *word == given).unwrap_or_else(|| {
            let near = nearest(&given, words.iter().copied());
            self.wrong(key, format!("`{given}` is none of {}", words.join(", ")), near);
            words[0]
        })
    }

    /// A whole number of at least one, or its default.
    pub(super) fn count(&mut self, key: &'static str, default: u32) -> u32 {
        let Some(text) = self.maybe(key) else { return default };
        text.parse().ok().filter(|number| *number > 0).unwrap_or_else(|| {
            self.wrong(key, "a whole number of at least 1 is expected", None);
            default
        })
    }

    /// `true` or `false`.
    pub(super) fn flag(&mut self, key: &'static str) -> bool {
        self.word(key, &["false", "true"]) == "true"
    }

    /// A block in this one.
    pub(super) fn block(&mut self, key: &'static str) -> Option<Sheet<'a>> {
        let value = self.value(key)?;
        Some(Sheet::new(value, &self.field(key), self.defects))
    }

    /// The blocks in a block, by names that are nobody's words.
    pub(super) fn blocks(&mut self, key: &'static str) -> Vec<(String, Sheet<'a>)> {
        let Some(block) = self.block(key) else { return Vec::new() };
        let entries = block.node.and_then(Yaml::block).unwrap_or_default();
        let inner = |name: &str, node: &'a Yaml| Sheet::new(node, &block.field(name), block.defects);
        entries.iter().map(|(name, node)| (name.text.clone(), inner(&name.text, node))).collect()
    }

    /// The texts in a block, by names that are nobody's words.
    pub(super) fn texts(&mut self, key: &'static str) -> Vec<(String, String)> {
        let Some(block) = self.block(key) else { return Vec::new() };
        let mut texts = Vec::new();
        for (name, node) in block.node.and_then(Yaml::block).unwrap_or_default() {
            match node.text() {
                Some(text) => texts.push((name.text.clone(), text.to_owned())),
                None => self.defects.push(node.line, &block.field(&name.text), "a text is expected", None),
            }
        }
        texts
    }

    /// A list, or one alone.
    pub(super) fn list(&mut self, key: &'static str) -> &'a [Yaml] {
        match self.value(key) {
            Some(Yaml { data: Data::List(list), .. }) => list,
            Some(one) => std::slice::from_ref(one),
            None => &[],
        }
    }

    /// Whatever stands there, as JSON.
    pub(super) fn tree(&mut self, key: &'static str) -> Option<Value> {
        self.value(key).map(Yaml::json)
    }

    /// Ends: every word that nobody asked for is a defect too.
    pub(super) fn finish(self) {
        for (name, _) in self.node.and_then(Yaml::block).unwrap_or_default() {
            if !self.asked.contains(&name.text.as_str()) {
                let near = nearest(&name.text, self.asked.iter().copied());
                let (place, message) = (self.field(&name.text), "there is no such word here");
                self.defects.push(name.line, &place, message, near);
            }
        }
    }

    fn value(&mut self, key: &'static str) -> Option<&'a Yaml> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.node?.get(key)
    }
}
