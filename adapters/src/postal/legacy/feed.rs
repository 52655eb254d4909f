//! Two feeds: what was accepted and what was delivered, read by a number that counts up.
//!
//! The answer is one list, under a name that drifts (`Deliverys`); its records are the XML documents in JSON, and are made into them, so that
//! one contract and one mapping read both. The next question begins with the highest number read, which is read once more and known by
//! its key. A record that nobody can read is an item all the same.

use gateway_core::adapter::{Cursor, Feed, FeedSpec, Item, Page, Payload, Scope, Transcript, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::fingerprint;
use serde_json::Value;

use super::Legacy;
use super::xml::{self, Document};
use crate::postal::order::ours;
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

const DELIVERIES: &str = "deliveries";
const ACCEPTANCES: &str = "acceptances";

impl Legacy {
    pub(super) fn offered(&self) -> Vec<FeedSpec> {
        let feed = |name: &str| FeedSpec {
            name: name.to_owned(),
            scope: Scope::Whole,
            every_ms: u64::from(self.settings.every_seconds) * 1000,
            first_cursor: Some(Cursor(self.settings.first_record.clone())),
        };
        vec![feed(ACCEPTANCES), feed(DELIVERIES)]
    }

    pub(super) fn page(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        let (path, document) = match feed.name {
            DELIVERIES => (&self.settings.delivery_path, Document::Delivery),
            ACCEPTANCES => (&self.settings.acceptance_path, Document::Acceptance),
            other => return Err(ours("postal.feed", format!("không có nguồn dữ liệu {other}"))),
        };
        let from = feed.cursor.and_then(|cursor| cursor.0.parse::<u64>().ok()).unwrap_or(0);
        let Some(last) = transcript.last() else {
            let query = vec![pair("fromRecord", &from.to_string())];
            let call =
                Call { step: feed.name, method: "GET", path, query, headers: Vec::new(), body: None, account: false };
            return Ok(Turn::Call(call.request()));
        };
        let body = wire::object(&last.answer.body.bytes).filter(|_| last.answer.status < 300).unwrap_or_default();
        let lists = body.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_array());
        let Some(records) = lists.max_by_key(|list| list.len()) else {
            return Err(match self.outcome(&last.answer) {
                Outcome::Failed(fault) => fault,
                _ => Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "nguồn theo dõi trả lời không đúng dạng"),
            });
        };
        let highest = records.iter().filter_map(number).max().unwrap_or(from).max(from);
        let items = records.iter().map(|record| self.item(document, record)).collect();
        // No size of a page is known: there is more as long as the number goes on.
        Ok(Turn::Done(Page { items, cursor: Some(Cursor(highest.to_string())), more: highest > from }))
    }

    fn item(&self, document: Document, record: &Value) -> Item {
        let said = record.to_string();
        let key = format!("legacy/pulled/{}/{}", document.root(), fingerprint(&[&said]));
        let ours = wire::text(record, "DataCode");
        let mut item = wire::event(&self.settings.number_form, ours.as_deref(), vec![key], Value::Null);
        item.payload = match wire::field(record, "StatusCode").and_then(wire::plain) {
            // A record that tells a numbered status and no document.
            Some(status) => Payload::Xml(xml::frame(true, None, &self.status(record, &status))),
            None => Payload::Xml(xml::frame(true, Some(document), &document.write(record))),
        };
        item
    }

    fn status(&self, record: &Value, status: &str) -> String {
        let element = |name: &str, text: Option<String>| {
            format!("<{name}>{}</{name}>", xml::escaped(&text.unwrap_or_default()))
        };
        let item = element("ItemCode", wire::text(record, "ItemCode"));
        let ours = element("DataCode", wire::text(record, "DataCode"));
        let code = element("StatusCode", Some(status.to_owned()));
        let at = element("StatusTime", wire::text(record, "StatusTime"));
        format!("<PostalStatus>{item}{ours}{code}{at}</PostalStatus>")
    }
}

fn number(record: &Value) -> Option<u64> {
    ["DeliveryID", "AcceptanceID", "ID"].iter().find_map(|name| wire::text(record, name)?.parse().ok())
}
