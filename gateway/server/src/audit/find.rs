//! Who asked about this citizen? The lines of the trail that hold one of these digests, each with how its question ended.
//!
//! The trail knows numbers only as keyed digests, so whoever searches must hold the number and the key. Reads files only; a line that is
//! not what its hash says proves nothing and is counted, not shown: whether the trail is whole, `verify` tells.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::chain;
use gateway_core::ids::hex;

/// A question about the number that was looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// When.
    pub at: String,
    /// Who asked.
    pub officer: String,
    /// `token` or `asserted`.
    pub officer_shown: String,
    /// The system that asked.
    pub from: String,
    /// On whose behalf.
    pub unit: String,
    /// The administrative procedure.
    pub procedure: String,
    /// The dossier; none where a procedure was purpose enough.
    pub dossier: Option<String>,
    /// The operation.
    pub operation: String,
    /// How it ended; none for a crash, or while it is on its way.
    pub outcome: Option<String>,
    /// Our id for the question.
    pub question: String,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Search {
    /// The questions, oldest first.
    pub questions: Vec<Found>,
    /// Lines that are not what was written, or were cut off by a crash.
    pub unreadable: u64,
}

/// Looks through all files for questions about any of these numbers, as [`AuditKeys::number`](super::AuditKeys::number) makes them.
pub fn find(folder: &Path, numbers: &[[u8; 16]]) -> std::io::Result<Search> {
    let wanted: Vec<String> = numbers.iter().map(|number| hex(number)).collect();
    let is_wanted = |number: &Value| wanted.iter().any(|wanted| number.as_str() == Some(wanted));
    let mut search = Search::default();
    let mut places = BTreeMap::new();
    for path in chain::files(folder)? {
        for line in BufReader::new(std::fs::File::open(path)?).split(b'\n') {
            let Some((record, _)) = chain::read(&line?) else {
                search.unreadable += 1;
                continue;
            };
            let text = |name: &str| record.get(name).and_then(Value::as_str).map(str::to_owned);
            let said = |name: &str| text(name).unwrap_or_default();
            let further = record.get("further_numbers").and_then(Value::as_array).into_iter().flatten();
            let about = record.get("number").into_iter().chain(further).any(is_wanted);
            match record.get("event").and_then(Value::as_str) {
                Some("asked") if about => {
                    places.insert(said("question"), search.questions.len());
                    search.questions.push(Found {
                        at: said("at"),
                        officer: said("officer"),
                        officer_shown: said("officer_shown"),
                        from: said("from"),
                        unit: said("unit"),
                        procedure: said("procedure"),
                        dossier: text("dossier"),
                        operation: said("operation"),
                        outcome: None,
                        question: said("question"),
                    });
                }
                Some("ended") => {
                    if let Some(place) = places.get(&said("question")) {
                        search.questions[*place].outcome = text("outcome");
                    }
                }
                _ => {}
            }
        }
    }
    Ok(search)
}
