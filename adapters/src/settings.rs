//! Reads the settings of a peer from its table and says all defects at once.
//!
//! A key that nobody asked for is a defect with the nearest known name: a mistyped setting that silently takes its default is
//! found on the day it hurts. Defects carry the key only; the server knows which file and which peer it stands in and may
//! put that before it.

use std::collections::BTreeMap;

use gateway_core::fault::{Defect, nearest};

/// A defect of a setting in the making.
pub(crate) struct SettingDefect(Defect);

/// A defect at this key.
pub(crate) fn defect(key: &str, message: impl Into<String>) -> SettingDefect {
    SettingDefect(Defect {
        // Whose settings these are, and in which file, only the caller knows.
        file: String::new(),
        line: 0,
        field: key.to_owned(),
        message: message.into(),
        nearest: None,
    })
}

impl SettingDefect {
    /// Adds the name that was probably meant.
    pub(crate) fn near(mut self, name: Option<String>) -> Self {
        self.0.nearest = name;
        self
    }
}

impl From<SettingDefect> for Defect {
    fn from(defect: SettingDefect) -> Self {
        defect.0
    }
}

/// What was read, or everything that is wrong with it.
pub(crate) fn sound<T>((read, defects): (T, Vec<Defect>)) -> Result<T, Vec<Defect>> {
    if defects.is_empty() { Ok(read) } else { Err(defects) }
}

/// Two things that were read, or everything that is wrong with both.
pub(crate) fn both<A, B>(
    one: Result<A, Vec<Defect>>,
    other: Result<B, Vec<Defect>>,
) -> Result<(A, B), Vec<Defect>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => Err(one.err().into_iter().chain(other.err()).flatten().collect()),
    }
}

/// One table of settings being read.
pub(crate) struct Reader<'a> {
    table: &'a toml::Table,
    asked: Vec<&'static str>,
    defects: Vec<Defect>,
}

impl<'a> Reader<'a> {
    /// Starts to read.
    pub(crate) fn new(table: &'a toml::Table) -> Self {
        Reader { table, asked: Vec::new(), defects: Vec::new() }
    }

    /// A text, or its default.
    pub(crate) fn text(&mut self, key: &'static str, default: &str) -> String {
        match self.value(key) {
            None => default.to_owned(),
            Some(toml::Value::String(text)) => text.clone(),
            Some(_) => self.wrong(key, "a text is expected", default.to_owned()),
        }
    }

    /// A text, if it is there.
    pub(crate) fn maybe(&mut self, key: &'static str) -> Option<String> {
        match self.value(key)? {
            toml::Value::String(text) => Some(text.clone()),
            _ => self.wrong(key, "a text is expected", None),
        }
    }

    /// One of a few words; the first is the default.
    pub(crate) fn word(&mut self, key: &'static str, words: &[&'static str]) -> &'static str {
        let given = self.text(key, words[0]);
        words.iter().copied().find(|word| *word == given).unwrap_or_else(|| {
            let near = nearest(&given, words.iter().copied());
            self.push(defect(key, format!("one of {} is expected", words.join(", "))).near(near));
            words[0]
        })
    }

    /// A whole number of at least one, or its default.
    pub(crate) fn count(&mut self, key: &'static str, default: u32) -> u32 {
        match self.value(key) {
            None => default,
            Some(toml::Value::Integer(number)) if (1..=i64::from(u32::MAX)).contains(number) => {
                u32::try_from(*number).unwrap_or(default)
            }
            Some(_) => self.wrong(key, "a whole number of at least 1 is expected", default),
        }
    }

    /// A list of texts, or its default.
    pub(crate) fn texts(&mut self, key: &'static str, default: &[&str]) -> Vec<String> {
        let plain = || default.iter().map(|text| (*text).to_owned()).collect();
        let Some(value) = self.value(key) else { return plain() };
        let texts: Option<Vec<String>> = value
            .as_array()
            .and_then(|list| list.iter().map(|entry| entry.as_str().map(str::to_owned)).collect());
        texts.unwrap_or_else(|| self.wrong(key, "a list of texts is expected", plain()))
    }

    /// A table of tables, empty if it is not there.
    pub(crate) fn tables(&mut self, key: &'static str) -> Vec<(&'a str, &'a toml::Table)> {
        let mut tables = Vec::new();
        match self.value(key) {
            None => {}
            Some(toml::Value::Table(table)) => {
                for (name, value) in table {
                    match value.as_table() {
                        Some(inner) => tables.push((name.as_str(), inner)),
                        None => self.push(defect(&format!("{key}.{name}"), "a table is expected")),
                    }
                }
            }
            Some(_) => self.wrong(key, "a table is expected", ()),
        }
        tables
    }

    /// A table of tables with this one text each, by name.
    pub(crate) fn text_of_each(
        &mut self,
        key: &'static str,
        inner: &'static str,
    ) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        for (name, table) in self.tables(key) {
            let mut one = Reader::new(table);
            texts.insert(name.to_owned(), one.text(inner, ""));
            self.inside(&format!("{key}.{name}"), one.finish());
        }
        texts
    }

    /// Yes or no, or its default.
    pub(crate) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        match self.value(key) {
            None => default,
            Some(toml::Value::Boolean(flag)) => *flag,
            Some(_) => self.wrong(key, "true or false is expected", default),
        }
    }

    /// A table whose keys are nobody's settings (names of headers, of units).
    pub(crate) fn table(&mut self, key: &'static str) -> Option<&'a toml::Table> {
        match self.value(key) {
            None => None,
            Some(toml::Value::Table(table)) => Some(table),
            Some(_) => self.wrong(key, "a table is expected", None),
        }
    }

    /// A list of tables, empty if it is not there.
    pub(crate) fn rows(&mut self, key: &'static str) -> Vec<&'a toml::Table> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let rows: Option<Vec<_>> =
            value.as_array().and_then(|list| list.iter().map(toml::Value::as_table).collect());
        rows.unwrap_or_else(|| self.wrong(key, "a list of tables is expected", Vec::new()))
    }

    /// Adds a defect that only its reader could see.
    pub(crate) fn push(&mut self, defect: SettingDefect) {
        self.defects.push(defect.into());
    }

    /// Adds the defects of a table inside this one.
    pub(crate) fn inside(&mut self, place: &str, defects: Vec<Defect>) {
        let within = |defect: Defect| Defect { field: format!("{place}.{}", defect.field), ..defect };
        self.defects.extend(defects.into_iter().map(within));
    }

    /// Ends: every key that nobody asked for is a defect too.
    pub(crate) fn finish(mut self) -> Vec<Defect> {
        for key in self.table.keys().filter(|key| !self.asked.contains(&key.as_str())) {
            let near = nearest(key, self.asked.iter().copied());
            self.defects.push(defect(key, "there is no such setting").near(near).into());
        }
        self.defects
    }

    fn value(&mut self, key: &'static str) -> Option<&'a toml::Value> {
        self.asked.push(key);
        self.table.get(key)
    }

    fn wrong<T>(&mut self, key: &str, message: &str, default: T) -> T {
        self.push(defect(key, message));
        default
    }
}
