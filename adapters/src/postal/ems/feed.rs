//! Tracking, item by item: the whole history of an item in one answer. Pulled, so it confirms what calls have only hinted at.

use gateway_core::adapter::{Feed, FeedSpec, Item, Page, Scope, Transcript, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::fingerprint;
use serde_json::{Value, json};

use super::Ems;
use crate::postal::order::ours;
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

/// The one feed; `about` is the tracking code.
pub(super) const FEED: &str = "tracking";

impl Ems {
    pub(super) fn offered(&self) -> Vec<FeedSpec> {
        let every_ms = u64::from(self.settings.every_seconds) * 1000;
        vec![FeedSpec { name: FEED.to_owned(), scope: Scope::PerItem, every_ms, first_cursor: None }]
    }

    pub(super) fn history(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        let code = match (feed.name, feed.about) {
            // It becomes a part of a path, so it must be a code.
            (FEED, Some(code)) if !code.is_empty() && code.bytes().all(|b| b.is_ascii_alphanumeric()) => code,
            _ => return Err(ours("postal.feed", "hỏi theo dõi EMS phải kèm một mã bưu gửi")),
        };
        let Some(last) = transcript.last() else {
            let path = match self.settings.second {
                false => format!("{}/{code}", self.settings.tracking_path),
                true => self.settings.tracking_path.clone(),
            };
            let query = if self.settings.second { vec![pair("code", code)] } else { Vec::new() };
            let call =
                Call { step: FEED, method: "GET", path: &path, query, headers: Vec::new(), body: None, account: false };
            return Ok(Turn::Call(call.request()));
        };
        let body = wire::object(&last.answer.body.bytes).unwrap_or_default();
        let data = body.get("data").filter(|data| data.is_object()).unwrap_or(&body);
        let lines: Vec<Value> = match data.get("__get_status").and_then(Value::as_array) {
            Some(lines) => lines.clone(),
            // The second version shows where an item is and nothing of its way; its time is when that was last changed.
            None => match (wire::text(data, "state"), wire::text(data, "updated_at").or(wire::text(data, "created_at"))) {
                (Some(state), Some(at)) if last.answer.status < 300 => vec![json!({ "status": state, "tracedate": at })],
                _ => {
                    return Err(match self.outcome(&last.answer) {
                        Outcome::Failed(fault) => fault,
                        _ => Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "EMS trả lời theo dõi không đúng dạng"),
                    });
                }
            },
        };
        let number = wire::text(data, "order_code");
        let items = lines.into_iter().map(|line| self.line(code, number.as_deref(), line)).collect();
        Ok(Turn::Done(Page { items, cursor: None, more: false }))
    }

    fn line(&self, code: &str, number: Option<&str>, mut line: Value) -> Item {
        let name = fingerprint(&[code, &line.to_string()]);
        if line.is_object() {
            line["tracking_code"] = json!(code);
            if let Some(number) = number {
                line["order_code"] = json!(number);
            }
        }
        let form = if self.settings.second { "v2" } else { "v1" };
        let frame = json!({ "pulled": true, "form": form, "trace": line });
        // Another name than that of the call that told the same, or the confirmation would be taken for a repetition of the hint.
        wire::event(&self.settings.number_form, number, vec![format!("ems/pulled/{name}")], frame)
    }
}
