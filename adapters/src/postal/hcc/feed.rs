//! The tracking feed: everything that happened to every shipment of the customer, read once for all dossiers.
//!
//! A page follows the last object id that was read; 24 zeros are the beginning. The first page of a reading goes back by an overlap,
//! because a record that was written late has an id below the newest one; what is read twice has the same key. A cursor is the id, with
//! `+` behind it in the midst of a reading (no overlap there, or a page full of old records would be read for ever), and with `skip:`
//! before it while everything that is older than the first reading is passed over. A record nobody can read is an item all the same, and
//! the cursor moves on; an id that lies in the future moves no cursor, and its record is dated by it.

use gateway_core::adapter::{Answer, Cursor, Feed, FeedSpec, Item, Page, Scope, Transcript, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Moment, fingerprint};
use gateway_core::shipment::FUTURE_MS_MAX;
use serde_json::{Value, json};

use super::Hcc;
use super::outbound::Service;
use crate::postal::order::ours;
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, pair};

/// The one feed.
pub(super) const FEED: &str = "tracking";
pub(super) const ZERO: &str = "000000000000000000000000";
const SKIP: &str = "skip:";

/// How far was read.
#[derive(Debug, PartialEq, Eq)]
struct Position<'a> {
    id: &'a str,
    skipping: bool,
    amid: bool,
}

impl<'a> Position<'a> {
    fn read(cursor: Option<&'a Cursor>, now: Moment) -> Position<'a> {
        let text = cursor.map_or(ZERO, |cursor| cursor.0.as_str());
        let (text, skipping) = text.strip_prefix(SKIP).map_or((text, false), |rest| (rest, true));
        let (id, amid) = text.strip_suffix('+').map_or((text, false), |id| (id, true));
        // Somebody who sets a cursor by hand may mistype it; reading again is harmless, missing is not.
        Position { id: if is_id(id) && ahead(id, now).is_none() { id } else { ZERO }, skipping, amid }
    }
}

impl Hcc {
    pub(super) fn offered(&self) -> Vec<FeedSpec> {
        let first = if self.settings.from_now { format!("{SKIP}{ZERO}") } else { ZERO.to_owned() };
        vec![FeedSpec {
            name: FEED.to_owned(),
            scope: Scope::Whole,
            every_ms: u64::from(self.settings.every_seconds) * 1000,
            first_cursor: Some(Cursor(first)),
        }]
    }

    pub(super) fn page(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        if feed.name != FEED {
            return Err(ours("postal.feed", format!("không có nguồn dữ liệu {}", feed.name)));
        }
        let position = Position::read(feed.cursor, feed.at);
        match transcript.last() {
            None => {
                let from = match position.amid || position.skipping {
                    true => position.id.to_owned(),
                    false => earlier(position.id, self.settings.overlap_seconds),
                };
                let size = self.settings.page_size.to_string();
                let query = vec![pair("pagesize", &size), pair("lastId", &from)];
                Ok(Turn::Call(self.call(FEED, "GET", Service::Tracking, query, None)))
            }
            Some(exchange) => self.read_page(&position, &exchange.answer, feed.at).map(Turn::Done),
        }
    }

    fn read_page(&self, position: &Position, answer: &Answer, now: Moment) -> Result<Page, Fault> {
        let body = wire::object(&answer.body.bytes).filter(|_| answer.status < 300);
        let Some(body) = body.filter(|body| body.get("_embedded").is_some() || body.get("_returned").is_some()) else {
            return Err(match self.outcome(answer) {
                Outcome::Failed(fault) => fault,
                _ => Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "nguồn theo dõi trả lời không đúng dạng"),
            });
        };
        // The list is absent when there is nothing new.
        let records = body.pointer("/_embedded/rh:doc").and_then(Value::as_array).cloned().unwrap_or_default();
        let full = records.len() >= self.settings.page_size as usize;
        let believable = |id: &String| ahead(id, now).is_none();
        let newest = records.iter().filter_map(oid).rfind(believable).unwrap_or(position.id.to_owned());
        // Without a single id that can be read the next page would be this one again.
        let more = full && newest != position.id;
        let at = if more { newest } else { newest.max(position.id.to_owned()) };
        let cursor = match (more, position.skipping) {
            (true, true) => format!("{SKIP}{at}"),
            (true, false) => format!("{at}+"),
            (false, _) => at,
        };
        let items = match position.skipping {
            true => Vec::new(),
            false => records.into_iter().map(|record| self.item(record, now)).collect(),
        };
        Ok(Page { items, cursor: Some(Cursor(cursor)), more })
    }

    fn item(&self, record: Value, now: Moment) -> Item {
        // What has no id is known by all it says, or an overlap would bring it again and again.
        let name = oid(&record).unwrap_or_else(|| fingerprint(&[&record.to_string()]));
        let keys = vec![format!("hcc/{name}")];
        let number = wire::text(&record, "OrderNumber");
        let mut frame = json!({ "pulled": true });
        let factor = if self.settings.event_time_in_seconds { 1000 } else { 1 };
        let at = wire::text(&record, "EventTime").and_then(|text| text.parse::<i64>().ok());
        let at = at.and_then(|at| at.checked_mul(factor));
        // By a date in the future it is quarantined until then, and a person is told.
        if let Some(at) = oid(&record).and_then(|id| ahead(&id, now)).or(at) {
            frame["at"] = json!(at);
        }
        frame["record"] = record;
        wire::event(&self.settings.number_form, number.as_deref(), keys, frame)
    }
}

fn oid(record: &Value) -> Option<String> {
    let id = record.pointer("/_id/$oid").or_else(|| record.get("_id")).and_then(Value::as_str)?;
    is_id(id).then(|| id.to_ascii_lowercase())
}

fn is_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// When an id says that it was made, if that lies further ahead than clocks differ. Such an id moves no cursor: whatever is written until
/// then would never be read.
fn ahead(id: &str, now: Moment) -> Option<i64> {
    let made = i64::from(u32::from_str_radix(id.get(..8)?, 16).ok()?) * 1000;
    (made > now.plus_millis(FUTURE_MS_MAX).as_millis()).then_some(made)
}

/// An id of so many seconds before: its first four bytes are the seconds at which it was made.
fn earlier(id: &str, seconds: u32) -> String {
    let made = id.get(..8).and_then(|text| u32::from_str_radix(text, 16).ok()).unwrap_or(0);
    match made.checked_sub(seconds) {
        Some(made) if made > 0 => format!("{made:08x}{}", &ZERO[8..]),
        _ => ZERO.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_cursor_reads_again_and_misses_nothing() {
        let now = Moment::from_millis(0x65f0_c0ff * 1000);
        let read = |text: &str| Position::read(Some(&Cursor(text.to_owned())), now).id == ZERO;
        for text in ["", "skip", "65f0", "zzzzzzzzzzzzzzzzzzzzzzzz", "65f0c0ffee0000000000a00\u{e1}", "ffffffffee0000000000a001"] {
            assert!(read(text), "{text}");
        }
        assert!(!read("65f0c0ffee0000000000a001"));
    }

    #[test]
    fn an_overlap_goes_back_by_the_time_in_the_id() {
        assert_eq!(earlier("65f0c0ffee0000000000a001", 600), "65f0bea70000000000000000");
        assert_eq!(earlier(ZERO, 600), ZERO);
        assert_eq!(earlier("00000001ee0000000000a001", 600), ZERO);
    }
}
