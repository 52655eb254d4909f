//! The history of one item. Pulled, so it confirms what calls have only hinted at.

use gateway_core::adapter::{Feed, FeedSpec, Page, Scope, Transcript, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::fingerprint;
use serde_json::{Value, json};

use super::{AMOUNTS, FIELDS, MyVnPost};
use crate::postal::order::ours;
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

/// The one feed; `about` is the tracking code.
pub(super) const FEED: &str = "history";

impl MyVnPost {
    pub(super) fn offered(&self) -> Vec<FeedSpec> {
        let every_ms = u64::from(self.settings.every_seconds) * 1000;
        vec![FeedSpec { name: FEED.to_owned(), scope: Scope::PerItem, every_ms, first_cursor: None }]
    }

    pub(super) fn history(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        let (FEED, Some(code)) = (feed.name, feed.about) else {
            return Err(ours("postal.feed", "hỏi lịch sử MyVNPost phải kèm một mã bưu gửi"));
        };
        let Some(last) = transcript.last() else {
            let path = format!("{}/GetStatusHistoryOrder", self.settings.prefix);
            let query = vec![pair("type", &self.settings.history_type), pair("code", code)];
            let call =
                Call { step: FEED, method: "GET", path: &path, query, headers: Vec::new(), body: None, account: true };
            return Ok(Turn::Call(call.request()));
        };
        let answer: Value = serde_json::from_slice(&last.answer.body.bytes).unwrap_or_default();
        let list = answer.as_array().or_else(|| wire::field(&answer, "data").and_then(Value::as_array));
        let Some(list) = list.filter(|_| last.answer.status < 300) else {
            return Err(match self.outcome(&last.answer) {
                Outcome::Failed(fault) => fault,
                _ => Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "MyVNPost trả lời lịch sử không đúng dạng"),
            });
        };
        let items = list.iter().map(|line| {
            // Another name than that of the call that told the same, or the confirmation would be taken for a repetition.
            let key = format!("myvnpost/pulled/{}", fingerprint(&[code, &line.to_string()]));
            let mut record = wire::in_letter_case(line, &FIELDS);
            wire::without_unreadable_amounts(&mut record, &AMOUNTS);
            if record.is_object() {
                if let Some(at) = wire::field(line, &self.settings.history_time_field) {
                    record["statusDate"] = at.clone();
                }
                if wire::text(&record, "itemCode").is_none() {
                    record["itemCode"] = json!(code);
                }
            }
            let number = wire::text(&record, "saleOrderCode");
            let frame = json!({ "pulled": true, "record": record });
            wire::event(&self.settings.number_form, number.as_deref(), vec![key], frame)
        });
        Ok(Turn::Done(Page { items: items.collect(), cursor: None, more: false }))
    }
}
