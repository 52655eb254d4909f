//! EMS's other side, in both versions: orders, tracking, and calls for every change.
//!
//! It refuses what the real one would: a wrong token, a missing field, a province it does not know. Whether it refuses a second order of
//! one `order_code` is a setting, as it is with us. It remembers every change of an item and calls for it, by script twice, late, out of
//! order or with a date in the future. Nothing it says is quoted from EMS.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::settings::Settings;
use crate::postal::wire::{self, pair};
use crate::settings::Reader;

const HOUR_MS: i64 = 3_600_000;

/// EMS in memory.
pub(in crate::postal) struct EmsSim {
    settings: Settings,
    /// `merchant_token`: the only one that is taken; empty takes any.
    token: String,
    /// `hook_path`: where it calls, below the subscriber's address.
    hook_path: String,
    /// `provinces`: those it knows; none is any.
    provinces: Vec<String>,
    orders: BTreeMap<String, Order>,
    waiting: Vec<Ask>,
    calls: u64,
    called: u64,
    doubled: u64,
    at: Moment,
}

#[derive(Default)]
struct Order {
    tracking: String,
    /// Status, and when.
    events: Vec<(String, Moment)>,
    /// Whoever asks about it finds its server fallen over.
    chokes: bool,
}

impl EmsSim {
    /// One that knows nothing yet. Settings that are not its own are passed over.
    pub(in crate::postal) fn new(table: &toml::Table) -> Self {
        let mut own = Reader::new(table);
        EmsSim {
            settings: Settings::gather(table).0,
            token: own.text("merchant_token", ""),
            hook_path: own.text("hook_path", "/postal/ems"),
            provinces: own.texts("provinces", &[]),
            orders: BTreeMap::new(),
            waiting: Vec::new(),
            calls: 0,
            called: 0,
            doubled: 0,
            at: Moment::default(),
        }
    }

    fn create(&mut self, body: &Value) -> Answer {
        let required = ["order_code", "to_name", "to_phone", "to_province", "to_address", "total_weight"];
        if let Some(name) = required.iter().find(|name| wire::text(body, name).is_none()) {
            return error(&format!("Thiếu {name}"));
        }
        let province = wire::text(body, "to_province").unwrap_or_default();
        if !self.provinces.is_empty() && !self.provinces.contains(&province) {
            return error("Mã tỉnh không hợp lệ");
        }
        let number = wire::text(body, "order_code").unwrap_or_default();
        if let Some(known) = self.orders.get(&number) {
            self.doubled += 1;
            if self.settings.order_code_unique {
                // The order that is there, as a peer answers that knows its orders by our number.
                let tracking = known.tracking.clone();
                return self.created(&tracking);
            }
        }
        let tracking = format!("EX{:09}VN", self.orders.len() + 1);
        self.orders.insert(number.clone(), Order { tracking: tracking.clone(), ..Order::default() });
        let first = if self.settings.second { "waitForPick" } else { "1" };
        self.orders.entry(number).or_default().events.push((first.to_owned(), self.at));
        self.created(&tracking)
    }

    fn created(&self, tracking: &str) -> Answer {
        Answer::json(
            200,
            &json!({ "code": "success", "message": "", "data": { "tracking_code": tracking, "courier_code": "EMS",
                "status_code": 1, "fee": { "fee": 26000, "remote_fee": 0 } } }),
        )
    }

    fn tracking(&self, code: &str) -> Answer {
        let Some((number, order)) = self.orders.iter().find(|(_, order)| order.tracking == code) else {
            return error("Không tìm thấy bưu gửi");
        };
        if order.chokes {
            return Answer { status: 500, headers: Vec::new(), body: Body::default() };
        }
        if self.settings.second {
            let (state, at) = order.events.last().cloned().unwrap_or_default();
            return Answer::json(
                200,
                &json!({ "code": order.tracking, "order_code": number, "state": state, "created_at": at.to_string() }),
            );
        }
        let line = |(status, at): &(String, Moment)| {
            json!({ "status": number_or_text(status), "address": "990100 - BC Mẫu", "description": "Trạng thái thử",
                "tracedate": at.for_people() })
        };
        let lines: Vec<Value> = order.events.iter().map(line).collect();
        let data = json!({ "tracking_code": code, "order_code": number, "__get_status": lines });
        Answer::json(200, &json!({ "code": "success", "data": data }))
    }

    fn happens(&mut self, number: &str, status: &str, later_ms: i64) {
        let at = self.at.plus_millis(later_ms);
        let tracking = match self.orders.get_mut(number) {
            Some(order) => {
                order.events.push((status.to_owned(), at));
                order.tracking.clone()
            }
            None => "EX999999999VN".to_owned(),
        };
        let time = at.for_people();
        let body = match self.settings.second {
            false => json!({ "tracking_code": tracking, "order_code": number, "status_code": number_or_text(status),
                "status_name": "Trạng thái thử", "note": "", "locate": "990100 - BC Mẫu (ĐT:0200000001)",
                "datetime": slashed(&time), "total_weight": 50, "money_collect": 0, "total_fee": 26000 }),
            true => json!({ "TrackingCode": tracking, "OrderCode": number, "Weight": 50,
                "StatusCode": number_or_text(status), "StatusName": "Trạng thái thử", "Location": "990100", "Note": "",
                "CreatedAt": time, "Fee": [{ "FeeCode": "shipping_fee", "FeeValue": 26000, "Currency": "VND" }] }),
        };
        self.calls_with(&body);
    }

    fn calls_with(&mut self, body: &Value) {
        self.called += 1;
        self.waiting.push(Ask {
            method: "POST".to_owned(),
            path: self.hook_path.clone(),
            query: Vec::new(),
            headers: vec![
                pair("content-type", "application/json"),
                pair("ems-transaction", &format!("{}", 7_421_900_000 + self.called)),
            ],
            body: Body::of(body.to_string().into_bytes()),
        });
    }
}

impl Simulator for EmsSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.at = at;
        self.calls += 1;
        let shown = ask.query("merchant_token").unwrap_or_default();
        if shown.is_empty() || (!self.token.is_empty() && shown != self.token) {
            return Answer::json(401, &json!({ "code": "error", "message": "merchant_token không đúng" }));
        }
        let body = wire::object(&ask.body.bytes).unwrap_or_default();
        let tracked = match self.settings.second {
            true => ask.query("code").filter(|_| ask.path.ends_with(&self.settings.tracking_path)),
            false => ask.path.split_once(&format!("{}/", self.settings.tracking_path)).map(|(_, code)| code),
        };
        match (ask.method.as_str(), tracked) {
            ("GET", Some(code)) => self.tracking(code),
            ("POST", _) if ask.path.ends_with(&self.settings.create_path) => self.create(&body),
            _ => Answer::json(404, &json!({ "code": "error", "message": "no such address" })),
        }
    }

    fn due(&mut self, at: Moment) -> Vec<Ask> {
        self.at = at;
        std::mem::take(&mut self.waiting)
    }

    fn state(&self) -> Value {
        let events: usize = self.orders.values().map(|order| order.events.len()).sum();
        json!({
            "calls": self.calls,
            "orders": self.orders.len(),
            "doubled": self.doubled,
            "events": events,
            "called": self.called,
            "waiting": self.waiting.len(),
        })
    }

    /// `advance <order> <code>`, `late` (dated an hour before), `future-dated`, both the same way, `out-of-order <order> <code>` (told before
    /// what is waiting to be told), `duplicate` (the last one again, under another transaction), `unknown-item <code>`, `bad-record`,
    /// `chokes <order>` (tracking of that item ends in a server's error).
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["advance", number, code] => self.happens(number, code, 0),
            ["late", number, code] => self.happens(number, code, -HOUR_MS),
            ["future-dated", number, code] => self.happens(number, code, 1_000 * HOUR_MS),
            ["out-of-order", number, code] => {
                self.happens(number, code, HOUR_MS / 60);
                self.waiting.rotate_right(1);
            }
            ["chokes", number] => match self.orders.get_mut(*number) {
                Some(order) => order.chokes = true,
                None => return false,
            },
            ["unknown-item", code] => self.happens("H99.00-000000-9999/R1", code, 0),
            ["duplicate"] => {
                let body = self.waiting.last().map(|ask| wire::object(&ask.body.bytes).unwrap_or_default());
                if let Some(body) = body {
                    self.calls_with(&body);
                }
            }
            ["bad-record"] => self.calls_with(&json!({ "tracking_code": 7, "status_code": {}, "datetime": "hôm qua" })),
            _ => return false,
        }
        true
    }
}

fn error(message: &str) -> Answer {
    Answer::json(200, &json!({ "code": "error", "message": message }))
}

fn number_or_text(status: &str) -> Value {
    status.parse::<i64>().map_or_else(|_| json!(status), |number| json!(number))
}

/// `2026-10-01 15:04:05` as `01/10/2026 15:04:05`.
fn slashed(time: &str) -> String {
    let (day, clock) = time.split_once(' ').unwrap_or((time, ""));
    let mut parts: Vec<&str> = day.split('-').collect();
    parts.reverse();
    format!("{} {clock}", parts.join("/"))
}
