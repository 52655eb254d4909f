//! The lists that the portal publishes: which call gives each, and which of its columns are code, name and state. Which lists there
//! are stands in `mappings/portal/catalogues.yaml`.
//!
//! Columns are in capitals here, and otherwise whatever the portal writes: a row without a code is passed over, a list of which no row
//! has one is unreadable and changes nothing.

use gateway_core::adapter::{Effect, Transcript, Turn};
use gateway_core::catalogue::{CatalogueSpec, Entries, Entry};
use gateway_core::fault::{Blame, Defect, Fault, Remedy};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Portal;
use super::faults::Outcome;
use super::wire::{self, Reply};
use crate::Files;
use crate::wire::outcomes::Family;

static FAMILY: Family =
    Family { path: "portal/catalogues.yaml", code_name: "error_code", reads_words: true, told: |_| None };

/// One list, as the file describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Catalogue {
    name: String,
    title: String,
    service: String,
    code: Vec<String>,
    name_in: Vec<String>,
    #[serde(default)]
    state: Vec<String>,
    #[serde(default)]
    in_force: Vec<String>,
    #[serde(default)]
    detail: Option<Detail>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    service: String,
    by: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    catalogues: Vec<Catalogue>,
}

/// Reads the file, of which a province may have its own in the overlay folder.
pub(super) fn read(files: &Files) -> Result<Vec<Catalogue>, Vec<Defect>> {
    FAMILY.file::<File>(files).map(|file| file.catalogues)
}

impl Portal {
    pub(super) fn published(&self) -> Vec<CatalogueSpec> {
        let spec = |list: &Catalogue| CatalogueSpec {
            name: list.name.clone(),
            title: list.title.clone(),
            detailed: list.detail.is_some(),
        };
        self.catalogues.iter().map(spec).collect()
    }

    /// One call: the list, or one entry of it in full.
    pub(super) fn pulled(
        &self,
        catalogue: &str,
        about: Option<&str>,
        transcript: &Transcript,
    ) -> Result<Turn<Entries>, Fault> {
        let list = self.catalogues.iter().find(|list| list.name == catalogue);
        let list = list.ok_or_else(|| unreadable(format!("không có danh mục {catalogue}")))?;
        let (service, parameter) = match (about, &list.detail) {
            (Some(code), Some(detail)) => (&detail.service, Some((&detail.by, code))),
            (Some(_), None) => {
                return Err(unreadable(format!("danh mục {catalogue} không hỏi được từng mục")));
            }
            (None, _) => (&list.service, None),
        };
        let Some(last) = transcript.last() else {
            if self.settings.unit.is_empty() {
                let words = "cấu hình chưa có unit (madonvi) để lấy danh mục của Cổng DVCQG";
                return Err(Fault::new("portal.no-unit", Blame::Gateway, Remedy::Correct, words));
            }
            let unit = self.settings.unit.as_str();
            let mut body = Map::new();
            body.insert("madonvi".to_owned(), Value::from(unit));
            body.insert("service".to_owned(), Value::from(service.as_str()));
            body.extend(parameter.map(|(name, code)| (name.clone(), Value::from(code))));
            let (path, account) = (self.settings.path(service), self.settings.account(unit));
            let step = if about.is_some() { "catalogue-entry" } else { "catalogue" };
            let body = Value::Object(body);
            return Ok(Turn::Call(wire::request(
                &self.settings,
                step,
                Effect::Repeatable,
                Some(account),
                path,
                &body,
            )));
        };
        let reply = match self.outcomes.of(&last.answer) {
            Outcome::Done => Reply::read(&last.answer).unwrap_or_default(),
            Outcome::Failed(fault) | Outcome::Exists(fault) | Outcome::Missing(fault) => return Err(fault),
        };
        // Some results are a list within an object.
        let nested = reply.result.get("data").and_then(Value::as_array);
        let rows = nested.map_or(reply.rows(), Vec::as_slice);
        let mut entries: Entries = rows.iter().filter_map(|row| list.entry(row)).collect();
        if entries.is_empty() && !rows.is_empty() {
            let columns: Vec<&str> =
                rows[0].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
            let words = format!("không dòng nào của danh mục {catalogue} có cột {}", list.code.join(", "));
            return Err(unreadable(words).because(format!("columns: {}", columns.join(", "))));
        }
        if about.is_some() {
            entries.values_mut().for_each(|entry| entry.detail = Some(entry.row.clone()));
        }
        Ok(Turn::Done(entries))
    }
}

impl Catalogue {
    fn entry(&self, row: &Value) -> Option<(String, Entry)> {
        let code = column(row, &self.code).filter(|code| !code.is_empty())?;
        let state = column(row, &self.state);
        let in_force = state.is_none_or(|state| self.in_force.is_empty() || self.in_force.contains(&state));
        let name = column(row, &self.name_in).unwrap_or_default();
        Some((code, Entry { name, in_force, row: row.clone(), detail: None }))
    }
}

/// The first of these columns that the row has.
fn column(row: &Value, names: &[String]) -> Option<String> {
    let row = row.as_object()?;
    let of = |name: &String| match name.strip_suffix('*') {
        Some(start) => {
            row.iter().find(|(column, _)| column.starts_with(start)).and_then(|(_, value)| wire::plain(value))
        }
        None => row.get(name).and_then(wire::plain),
    };
    names.iter().find_map(of)
}

fn unreadable(words: String) -> Fault {
    Fault::new("portal.catalogue", Blame::Peer, Remedy::Correct, words)
}
