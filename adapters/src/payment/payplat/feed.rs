//! QUERY: what became of one payment. A confirmation that got lost is found so. What the answer looks like is not documented: it is read
//! like a CONFIRM, and anything but `00` says that nothing is paid yet.

use std::collections::BTreeMap;

use gateway_core::adapter::{Effect, Feed, FeedSpec, Item, Page, Payload, Scope, Transcript, Turn};
use gateway_core::fault::Fault;
use gateway_core::ids::Kind;
use serde_json::json;

use super::PayPlat;
use crate::kinds::PAYMENT_OBSERVED;
use crate::payment::outcomes::Outcome;
use crate::payment::wire;

/// The one feed; `about` is the reference.
pub(super) const FEED: &str = "query";

impl PayPlat {
    pub(super) fn offered(&self) -> Vec<FeedSpec> {
        let every_ms = u64::from(self.settings.query_every_seconds) * 1000;
        vec![FeedSpec { name: FEED.to_owned(), scope: Scope::PerItem, every_ms, first_cursor: None }]
    }

    pub(super) fn query(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        let (FEED, Some(reference)) = (feed.name, feed.about) else {
            return Err(wire::ours("payment.feed", "hỏi kết quả thanh toán phải kèm một mã tham chiếu"));
        };
        let Some(last) = transcript.last() else {
            let mut body = json!({ "LoaiBanTin": "QUERY" });
            self.name(&mut body, reference)?;
            return Ok(Turn::Call(wire::post(FEED, Effect::Repeatable, &self.settings.query_path, &body, None)));
        };
        match self.outcome(&last.answer) {
            Outcome::Failed(fault) => return Err(fault),
            Outcome::Pending(_) => return Ok(Turn::Done(Page::default())),
            Outcome::Done => {}
        }
        let mut said = wire::object(&last.answer.body.bytes).unwrap_or_default();
        match wire::text(&said, "MaThamChieu") {
            Some(told) if told != reference => return Err(wire::unclear()),
            // It was asked about this one and no other.
            _ => said["MaThamChieu"] = json!(reference),
        }
        let item = Item {
            kind: Kind::from(PAYMENT_OBSERVED),
            dossier: None,
            unit: None,
            keys: Vec::new(),
            hints: BTreeMap::new(),
            payload: Payload::Json(said),
        };
        Ok(Turn::Done(Page { items: vec![item], cursor: None, more: false }))
    }
}
