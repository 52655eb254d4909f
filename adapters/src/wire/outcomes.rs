//! What a peer's answers mean, read from its table: rows that are tried from the top, the first that fits decides.
//!
//! All text patterns of a peer live in such tables, because its wording is not published and changes; an operator mends a row, not
//! code. Success is judged by the peer's own code: a row that means `done` without naming one is a defect, except where the peer knows
//! no codes at all. What no row fits is unclear. How an answer is read and what its family says of each meaning is the family's.

use std::collections::BTreeMap;

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Defect, Fault, Remedy};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use unicode_normalization::UnicodeNormalization;

use super::cause;
use crate::Files;

/// What is a family's own in its tables.
#[derive(Debug)]
pub(crate) struct Family {
    /// The file, below `mappings/`.
    pub(crate) path: &'static str,
    /// How its peers call their code, for the operator.
    pub(crate) code_name: &'static str,
    /// Rows may look at the peer's words.
    pub(crate) reads_words: bool,
    /// The code and the words of a fault where a row gives none; nothing for a meaning that this family does not know.
    pub(crate) told: fn(Means) -> Option<(&'static str, &'static str)>,
}

impl Family {
    /// Reads the family's file.
    pub(crate) fn file<T: DeserializeOwned>(&self, files: &Files) -> Result<T, Vec<Defect>> {
        let bytes = files.get(self.path).ok_or_else(|| vec![self.defect(0, "", "the file is missing")])?;
        let text =
            std::str::from_utf8(bytes).map_err(|_| vec![self.defect(0, "", "the file is not UTF-8")])?;
        serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map(|place| place.line()).unwrap_or(0);
            vec![self.defect(line, "", error.to_string())]
        })
    }

    /// The table of one dialect, in a file that has one for each under `outcomes`; the dialects without codes are listed as `codeless`.
    pub(crate) fn table_of(&'static self, files: &Files, dialect: &str) -> Result<Table, Vec<Defect>> {
        let mut file: Tables = self.file(files)?;
        let rows = file.outcomes.remove(dialect);
        let rows = rows.ok_or_else(|| vec![self.defect(0, dialect, "has no table")])?;
        self.table(dialect, rows, file.codeless.iter().any(|name| name == dialect))
    }

    /// Checks the rows that stand at `place` of the file. A peer is codeless if its answers have no code that success could be judged by.
    pub(crate) fn table(
        &'static self,
        place: &str,
        rows: Vec<Row>,
        codeless: bool,
    ) -> Result<Table, Vec<Defect>> {
        let wrong = |(index, row): (usize, &Row)| {
            let (field, message) = self.wrong(row, codeless)?;
            Some(self.defect(0, &format!("{place}[{index}].{field}"), message))
        };
        let defects: Vec<Defect> = rows.iter().enumerate().filter_map(wrong).collect();
        if !defects.is_empty() {
            return Err(defects);
        }
        Ok(self.tried(rows))
    }

    /// The table of rows that were found sound one by one, each with [`Family::wrong`].
    pub(crate) fn tried(&'static self, rows: Vec<Row>) -> Table {
        Table { family: self, rows: rows.into_iter().map(Row::prepared).collect() }
    }

    /// A defect of the family's file.
    pub(crate) fn defect(&self, line: u64, field: &str, message: impl Into<String>) -> Defect {
        let file = format!("mappings/{}", self.path);
        Defect { file, line, field: field.to_owned(), message: message.into(), nearest: None }
    }

    /// The field of a row that cannot be, and why.
    pub(crate) fn wrong(&self, row: &Row, codeless: bool) -> Option<(&'static str, String)> {
        let When { http, code, text, and_text, .. } = &row.when;
        if (self.told)(row.means).is_none() {
            return Some(("means", "no answer in this file has this meaning".to_owned()));
        }
        if row.means == Means::Done && code.is_empty() && !codeless {
            let message = format!("success is judged by {}: name the codes that mean `done`", self.code_name);
            return Some(("when.code", message));
        }
        if !(self.reads_words || text.is_empty() && and_text.is_empty()) {
            return Some(("when.text", "no row of this file may look at words".to_owned()));
        }
        let status = http.iter().find(|status| !status.is_readable())?;
        Some(("when.http", format!("`{}` is neither a status nor like `5xx`", status.text())))
    }
}

/// A file with a table for each dialect.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tables {
    #[serde(default)]
    codeless: Vec<String>,
    outcomes: BTreeMap<String, Vec<Row>>,
}

/// The table of one peer.
#[derive(Debug)]
pub(crate) struct Table {
    family: &'static Family,
    rows: Vec<Row>,
}

/// What a body says, as its family reads it.
pub(crate) struct Said<'a> {
    pub(crate) code: Option<&'a str>,
    pub(crate) message: &'a str,
}

impl Table {
    /// Does it say nothing of any answer?
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Has it a row of this meaning?
    pub(crate) fn has(&self, means: Means) -> bool {
        self.rows.iter().any(|row| row.means == means)
    }

    /// What an answer means, and the fault it is where that is no good; `said` is none if the body is not in the peer's notation.
    pub(crate) fn judge(&self, answer: &Answer, said: Option<&Said>) -> (Means, Fault) {
        let seen = Seen {
            status: answer.status,
            code: said.and_then(|said| said.code),
            message: comparable(said.map_or("", |said| said.message)),
            json: said.is_some(),
            x_road_error: answer.header("x-road-error").is_some(),
        };
        let row = self.rows.iter().find(|row| row.when.fits(&seen));
        let means = row.map_or(Means::Unclear, |row| row.means);
        // No row has a meaning that the family does not know.
        let (code, words) = (self.family.told)(means).unwrap_or_default();
        let fault = Fault {
            cause: said.map_or_else(|| cause::form(answer), |said| self.cause(answer.status, said)),
            retry_after_ms: cause::retry_after_ms(answer),
            ..Fault::new(
                row.and_then(|row| row.fault.clone()).unwrap_or_else(|| code.to_owned()),
                Blame::Peer,
                means.remedy(),
                row.and_then(|row| row.words.clone()).unwrap_or_else(|| words.to_owned()),
            )
        };
        (means, fault)
    }

    fn cause(&self, status: u16, said: &Said) -> String {
        let code = cause::masked(said.code.unwrap_or("none"));
        format!("HTTP {status}, {} {code}: {}", self.family.code_name, cause::masked(said.message))
    }
}

/// What an answer means. Whether that is good or bad depends on the call.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Means {
    /// The peer took it.
    Done,
    /// Taken, but granted only later.
    Pending,
    /// The peer has this already.
    Exists,
    /// The peer does not have what this is about.
    #[serde(alias = "unknown-dossier")]
    Missing,
    Session,
    Later,
    Doubt,
    Refused,
    Unclear,
}

impl Means {
    fn remedy(self) -> Remedy {
        match self {
            Means::Session => Remedy::Renew,
            Means::Later => Remedy::Later,
            Means::Doubt => Remedy::Doubt,
            Means::Refused => Remedy::Correct,
            // The first four are no end by themselves; where a call cannot use them, nobody knows what they mean.
            Means::Done | Means::Pending | Means::Exists | Means::Missing | Means::Unclear => Remedy::Unclear,
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Row {
    when: When,
    means: Means,
    fault: Option<String>,
    words: Option<String>,
}

impl Row {
    fn prepared(mut self) -> Row {
        for pattern in self.when.text.iter_mut().chain(&mut self.when.and_text) {
            *pattern = comparable(pattern);
        }
        self
    }
}

/// What of an answer the rows speak of.
struct Seen<'a> {
    status: u16,
    code: Option<&'a str>,
    message: String,
    json: bool,
    x_road_error: bool,
}

/// All parts that are there must hold; of a list, one.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct When {
    #[serde(default, deserialize_with = "one_or_several")]
    http: Vec<Word>,
    #[serde(default, deserialize_with = "one_or_several")]
    code: Vec<Word>,
    #[serde(default, deserialize_with = "one_or_several")]
    text: Vec<String>,
    #[serde(default, deserialize_with = "one_or_several")]
    and_text: Vec<String>,
    x_road_error: Option<Presence>,
    body: Option<BodyForm>,
}

impl When {
    fn fits(&self, seen: &Seen) -> bool {
        let says = |patterns: &[String]| {
            patterns.is_empty() || patterns.iter().any(|text| seen.message.contains(text.as_str()))
        };
        (self.http.is_empty() || self.http.iter().any(|status| status.is_status(seen.status)))
            && (self.code.is_empty() || self.code.iter().any(|code| Some(code.text().as_str()) == seen.code))
            && says(&self.text)
            && says(&self.and_text)
            && self.x_road_error.is_none_or(|wanted| (wanted == Presence::Present) == seen.x_road_error)
            && self.body.is_none_or(|wanted| match wanted {
                BodyForm::Json => seen.json,
                BodyForm::NotJson => !seen.json,
                BodyForm::Envelope => seen.json && seen.code.is_some(),
            })
    }
}

/// A list, or one alone.
fn one_or_several<'de, D: Deserializer<'de>, T: Deserialize<'de>>(reader: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written<T> {
        Several(Vec<T>),
        One(T),
    }
    Ok(match Written::deserialize(reader)? {
        Written::Several(list) => list,
        Written::One(one) => vec![one],
    })
}

/// A status or code, written with or without quotes.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Word {
    Number(i64),
    Text(String),
}

impl Word {
    fn text(&self) -> String {
        match self {
            Word::Number(number) => number.to_string(),
            Word::Text(text) => text.clone(),
        }
    }

    fn is_status(&self, status: u16) -> bool {
        let text = self.text();
        match text.strip_suffix("xx") {
            Some(class) => class.parse() == Ok(status / 100),
            None => text.parse() == Ok(status),
        }
    }

    fn is_readable(&self) -> bool {
        (100..600).any(|status| self.is_status(status))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Presence {
    Present,
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BodyForm {
    /// In the peer's notation, which is JSON with most.
    #[serde(alias = "readable")]
    Json,
    #[serde(alias = "unreadable")]
    NotJson,
    /// The same with a code: the peer's own.
    Envelope,
}

fn comparable(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).collect()
}
