//! What is about no dossier: satisfaction and questions with their answers, told; and the questions that the portal has for an agency,
//! asked for.
//!
//! Only the names of these calls and of their fields are known. That a report of the same month, or an answer to the same question, takes the
//! place of the one before is a guess, and why they may be repeated.

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::adapter::{
    Conversation, Cursor, Effect, Feed, FeedSpec, Item, Page, Payload, Receipt, Scope, Transcript, Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::Kind;
use serde_json::{Map, Value, json};

use super::Portal;
use super::faults::Outcome;
use super::wire::{self, Reply};
use crate::kinds::{INQUIRY_ANSWERED, INQUIRY_PUBLISHED, INQUIRY_RECEIVED, SATISFACTION_REPORTED};

const FEED: &str = "inquiries";
const SERVICE: &str = "LayDanhSachHoiDapGuiTuDVCQG";
const CODE: &str = "HOIDAPID";

/// The call that tells this kind; none for what is about dossiers.
pub(super) fn service(kind: &str) -> Option<&'static str> {
    match kind {
        SATISFACTION_REPORTED => Some("DongBoDanhGia"),
        INQUIRY_ANSWERED => Some("DongBoKetQuaHoiDapGuiTuDVCQG"),
        INQUIRY_PUBLISHED => Some("DongBoHoiDap"),
        _ => None,
    }
}

impl Portal {
    /// One call with one row.
    pub(super) fn report(&self, talk: &Conversation, service: &str) -> Result<Turn<Receipt>, Fault> {
        let Some(last) = talk.transcript.last() else {
            let rest = [("data", json!([talk.message.document]))];
            return self.call(talk, "report", Effect::Repeatable, service, rest).map(Turn::Call);
        };
        match self.outcomes.of(&last.answer) {
            Outcome::Done | Outcome::Exists(_) => {
                let reference = talk.message.dossier.as_ref().map(ToString::to_string).unwrap_or_default();
                Ok(Turn::Done(Receipt { reference, ..Receipt::default() }))
            }
            Outcome::Missing(fault) => Err(super::outbound::unknown_code(fault)),
            Outcome::Failed(fault) => Err(fault),
        }
    }

    /// The questions for an agency, where the configuration asks for them.
    pub(super) fn inquiry_feeds(&self) -> Vec<FeedSpec> {
        let every_ms = u64::from(self.settings.inquiries_minutes) * 60_000;
        let feed = FeedSpec { name: FEED.to_owned(), scope: Scope::Whole, every_ms, first_cursor: None };
        if self.settings.inquiries { vec![feed] } else { Vec::new() }
    }

    /// The list is always all of it, so the cursor is what was in it: each question is told once, and the cursor is no longer than the list.
    pub(super) fn inquiries(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        let Some(last) = transcript.last() else {
            let unit = self.settings.unit.as_str();
            let mut body = Map::new();
            body.insert("madonvi".to_owned(), Value::from(unit));
            body.insert("service".to_owned(), Value::from(SERVICE));
            let (path, account) = (self.settings.path(SERVICE), self.settings.account(unit));
            let body = Value::Object(body);
            let call = wire::request(&self.settings, FEED, Effect::Repeatable, Some(account), path, &body);
            return Ok(Turn::Call(call));
        };
        let reply = match self.outcomes.of(&last.answer) {
            Outcome::Done => Reply::read(&last.answer).unwrap_or_default(),
            Outcome::Failed(fault) | Outcome::Exists(fault) | Outcome::Missing(fault) => return Err(fault),
        };
        let known: BTreeSet<String> =
            feed.cursor.and_then(|Cursor(text)| serde_json::from_str(text).ok()).unwrap_or_default();
        let code = |row: &Value| row.get(CODE).and_then(wire::plain).unwrap_or_default();
        let rows = reply.rows();
        let items = rows.iter().filter(|row| !known.contains(&code(row))).map(|row| Item {
            kind: Kind::from(INQUIRY_RECEIVED),
            dossier: None,
            unit: row.get("MADONVI").and_then(wire::plain).filter(|unit| !unit.is_empty()),
            keys: vec![format!("inquiry/{}", code(row))],
            hints: BTreeMap::new(),
            payload: Payload::Json(row.clone()),
        });
        let items = items.collect();
        let there: BTreeSet<String> = rows.iter().map(code).collect();
        let cursor = Some(Cursor(json!(there).to_string()));
        Ok(Turn::Done(Page { items, cursor, more: false }))
    }
}
