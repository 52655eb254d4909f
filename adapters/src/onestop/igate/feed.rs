//! The feed: every dossier that changed at iGATE since it was read last, as it is now.
//!
//! The search holds states and no history, so what changed twice between two readings is one state: nothing is lost that a snapshot could
//! say. Which records are asked for, and how far was read, is [`super::cursor`]; what a record is to us is [`super::frame`].

use gateway_core::adapter::{Answer, Cursor, Feed, FeedSpec, Page, Scope, Transcript, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use serde_json::Value;

use super::Igate;
use super::cursor::{NOW, Position, Shown, Window};
use super::faults::ours;
use super::wire::{self, pair};
use crate::onestop::outcomes::Outcome;

/// The one feed.
const FEED: &str = "dossiers";

impl Igate {
    pub(super) fn offered(&self) -> Vec<FeedSpec> {
        let first = if self.settings.from_now { NOW.to_owned() } else { Moment::default().to_string() };
        let spec = FeedSpec {
            name: FEED.to_owned(),
            scope: Scope::Whole,
            every_ms: u64::from(self.settings.every_seconds) * 1000,
            first_cursor: Some(Cursor(first)),
        };
        if self.settings.poll { vec![spec] } else { Vec::new() }
    }

    pub(super) fn page(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        if feed.name != FEED {
            return Err(ours("igate.feed", format!("không có nguồn dữ liệu {}", feed.name)));
        }
        let position = Position::read(feed.cursor);
        let window = position.window(self.settings.page_size);
        let Some(exchange) = transcript.last() else {
            let query = vec![
                pair("sort", "updatedDate,desc"),
                pair("page", &window.page.to_string()),
                pair("size", &window.size.to_string()),
                pair("spec", "slice"),
            ];
            return Ok(Turn::Call(wire::search(&self.settings, FEED, query)));
        };
        self.read_page(&position, window, &exchange.answer, feed.at).map(Turn::Done)
    }

    fn read_page(&self, position: &Position, window: Window, answer: &Answer, at: Moment) -> Result<Page, Fault> {
        let body = wire::json(answer).filter(|_| answer.status < 300).unwrap_or_default();
        let Some(records) = wire::records(&body) else {
            return Err(match self.outcome(answer) {
                Outcome::Failed(fault) if answer.status >= 300 || wire::json(answer).is_none() => fault,
                _ => Fault::new("igate.unclear", Blame::Peer, Remedy::Unclear, "iGATE trả lời tra cứu hồ sơ không đúng dạng"),
            });
        };
        let changed = |record: &Value| {
            wire::at(record, "/updatedDate").and_then(|text| wire::moment(&text)).map(Moment::as_millis)
        };
        let times: Vec<Option<i64>> = records.iter().map(changed).collect();
        let overlap_ms = i64::from(self.settings.overlap_seconds) * 1000;
        let news = records.iter().zip(&times).filter(|(_, time)| position.is_news(**time, overlap_ms));
        let items = news.flat_map(|(record, _)| self.items(record)).collect();
        let shown = Shown { times: &times, window, size: self.settings.page_size, at: at.as_millis(), overlap_ms };
        let (next, more) = position.after(&shown);
        Ok(Page { items, cursor: Some(next.written()), more })
    }
}
