//! MyVNPost's other side: a token, orders, prices, cancellations and corrections that wait for approval, histories, and calls in batches.
//!
//! It refuses what the real one would: no token or an old one (401), a missing field, a district that is neither a code nor `VNPOST`. It
//! hides telephones behind `+` in its answers, writes `type` here and `Type` there, and signs its batches with something that proves
//! nothing. Nothing it says is quoted from VNPost.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::settings::Settings;
use crate::postal::wire::{self, pair};
use crate::settings::Reader;

const HOUR_MS: i64 = 3_600_000;
/// From here on a cancellation or a correction needs an approval.
const PICKED_UP: i64 = 6;

/// MyVNPost in memory.
pub(in crate::postal) struct MyVnPostSim {
    settings: Settings,
    /// `password`: the only one that is taken; empty takes any.
    password: String,
    /// `hook_path`: where it calls, below the subscriber's address.
    hook_path: String,
    /// `provinces`: those it knows; none is any.
    provinces: Vec<String>,
    token: u64,
    orders: BTreeMap<String, Order>,
    waiting: Vec<Value>,
    calls: u64,
    tokens: u64,
    called: u64,
    doubled: u64,
    at: Moment,
}

#[derive(Default)]
struct Order {
    id: u64,
    /// Status, and when.
    events: Vec<(i64, Moment)>,
    cancelling: bool,
    corrected: u64,
    correcting: bool,
}

impl Order {
    fn item(&self) -> String {
        format!("PX{:09}VN", self.id)
    }

    fn picked_up(&self) -> bool {
        self.events.iter().any(|(status, _)| *status >= PICKED_UP && *status != 9)
    }
}

impl MyVnPostSim {
    /// One that knows nothing yet. Settings that are not its own are passed over.
    pub(in crate::postal) fn new(table: &toml::Table) -> Self {
        let mut own = Reader::new(table);
        MyVnPostSim {
            settings: Settings::gather(table).0,
            password: own.text("password", ""),
            hook_path: own.text("hook_path", "/postal/myvnpost"),
            provinces: own.texts("provinces", &[]),
            token: 1,
            orders: BTreeMap::new(),
            waiting: Vec::new(),
            calls: 0,
            tokens: 0,
            called: 0,
            doubled: 0,
            at: Moment::default(),
        }
    }

    fn log_in(&mut self, body: &Value) -> Answer {
        self.tokens += 1;
        let given = wire::text(body, "password").unwrap_or_default();
        let named = wire::text(body, "username").is_some();
        if !named || given.is_empty() || (!self.password.is_empty() && given != self.password) {
            return Answer::json(200, &json!({ "success": false, "token": null, "errorMessage": "Sai thông tin" }));
        }
        Answer::json(200, &json!({ "success": true, "token": format!("token-{}", self.token), "errorMessage": null }))
    }

    fn create(&mut self, body: &Value) -> Answer {
        let order = &body["informationOrder"];
        let required = [
            "senderName", "senderPhone", "senderAddress", "receiverName", "receiverPhone", "receiverAddress",
            "receiverProvinceCode", "receiverDistrictCode", "serviceCode", "contentNote", "weight", "sendType",
        ];
        if let Some(name) = required.iter().find(|name| order[**name].as_str().is_none_or(str::is_empty)) {
            return refused(&format!("Thiếu {name}"));
        }
        let province = wire::text(order, "receiverProvinceCode").unwrap_or_default();
        if !self.provinces.is_empty() && !self.provinces.contains(&province) {
            return refused("Mã tỉnh không hợp lệ");
        }
        let number = wire::text(order, "saleOrderCode").unwrap_or_default();
        let (count, at) = (self.orders.len() as u64, self.at);
        let known = self.orders.contains_key(&number);
        self.doubled += u64::from(known);
        if !known {
            self.orders.insert(number.clone(), Order { id: count + 1, events: vec![(1, at)], ..Order::default() });
        }
        let made = &self.orders[&number];
        Answer::json(
            200,
            &json!({ "data": { "orderHdrID": made.id, "originalID": format!("O{}", made.id), "itemCode": made.item(),
                "saleOrderCode": number, "status": 1, "receiverPhone": "09++++001", "mainFee": 20000, "vasfee": 0,
                "totalFee": 26000 } }),
        )
    }

    fn cancel(&mut self, body: &Value) -> Answer {
        let id = wire::text(body, "OriginalId").unwrap_or_default();
        let at = self.at;
        let Some(order) = self.orders.values_mut().find(|order| format!("O{}", order.id) == id) else {
            return Answer::json(200, &json!({ "Type": "01", "Message": "Không có đơn hàng" }));
        };
        if order.picked_up() {
            order.cancelling = true;
            return Answer::json(200, &json!({ "type": "02", "Message": "Chờ duyệt", "OriginalId": id, "CaseId": 7 }));
        }
        order.events.push((9, at));
        Answer::json(200, &json!({ "Type": "00", "Message": "OK", "OriginalId": id }))
    }

    fn correct(&mut self, body: &Value) -> Answer {
        let id = wire::text(body, "OriginalId").unwrap_or_default();
        let Some(order) = self.orders.values_mut().find(|order| format!("O{}", order.id) == id) else {
            return Answer::json(200, &json!({ "type": "01", "Message": "Không có đơn hàng" }));
        };
        if body["informationOrder"].as_object().is_none_or(serde_json::Map::is_empty) {
            return Answer::json(200, &json!({ "type": "03", "Message": "Không có nội dung sửa", "OriginalId": id }));
        }
        if order.picked_up() {
            order.correcting = true;
            return Answer::json(200, &json!({ "Type": "02", "Message": "Chờ duyệt", "originalId": id, "caseId": 8 }));
        }
        order.corrected += 1;
        Answer::json(200, &json!({ "type": "00", "Message": "OK", "OriginalId": id }))
    }

    fn price(&self, body: &Value) -> Answer {
        match body["data"]["weight"].as_i64() {
            Some(weight) if weight > 0 => {
                let main = 20_000 + weight / 100 * 1_000;
                Answer::json(
                    200,
                    &json!([{ "serviceCode": "ETN011", "serviceName": "Chuyển phát thử", "mainFee": main, "vasfee": 0,
                        "totalFee": main + 1_600, "priceWeight": weight }]),
                )
            }
            _ => refused("Thiếu khối lượng"),
        }
    }

    fn history(&self, code: &str) -> Answer {
        let Some((number, order)) = self.orders.iter().find(|(_, order)| order.item() == code) else {
            return refused("Không có bưu gửi");
        };
        let line = |(status, at): &(i64, Moment)| {
            json!({ "itemCode": code, "saleOrderCode": number, "status": status, "statusName": "Trạng thái thử",
                "statusDate": dashed(&at.for_people()) })
        };
        Answer::json(200, &json!(order.events.iter().map(line).collect::<Vec<_>>()))
    }

    fn happens(&mut self, number: &str, status: &str, later_ms: i64) {
        let at = self.at.plus_millis(later_ms);
        let status = status.parse().unwrap_or(-1);
        let mut item = "PX999999999VN".to_owned();
        if let Some(order) = self.orders.get_mut(number) {
            order.events.push((status, at));
            item = order.item();
        }
        self.waiting.push(json!({
            "ItemCode": item, "saleOrderCode": number, "status": status, "statusDate": dashed(&at.for_people()),
            "totalFee": 26000, "codAmount": 0, "receiverName": "Ng+++", "receiverPhone": "09++++001",
        }));
    }
}

impl Simulator for MyVnPostSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.at = at;
        let body = wire::object(&ask.body.bytes).unwrap_or_default();
        let operation = ask.path.strip_prefix(&self.settings.prefix).unwrap_or_default();
        if operation == "/GetAccessToken" {
            return self.log_in(&body);
        }
        self.calls += 1;
        if ask.header("token") != Some(&format!("token-{}", self.token)) {
            return Answer::json(401, &json!({ "success": false, "errorMessage": "token" }));
        }
        match (ask.method.as_str(), operation) {
            ("POST", "/CreateOrder") => self.create(&body),
            ("POST", "/orderCancel") => self.cancel(&body),
            ("POST", "/orderCorrection") => self.correct(&body),
            ("POST", "/ServicesCharge") => self.price(&body),
            ("GET", "/GetStatusHistoryOrder") => self.history(ask.query("code").unwrap_or_default()),
            _ => Answer::json(404, &json!({ "success": false, "errorMessage": "no such address" })),
        }
    }

    fn due(&mut self, at: Moment) -> Vec<Ask> {
        self.at = at;
        if self.waiting.is_empty() {
            return Vec::new();
        }
        self.called += 1;
        let records = std::mem::take(&mut self.waiting);
        let body = json!({ "data": records, "sendDate": dashed(&at.for_people()), "signature": "c2lnbmF0dXJl" });
        vec![Ask {
            method: "POST".to_owned(),
            path: self.hook_path.clone(),
            query: Vec::new(),
            headers: vec![pair("content-type", "application/json")],
            body: Body::of(body.to_string().into_bytes()),
        }]
    }

    fn state(&self) -> Value {
        json!({
            "calls": self.calls,
            "tokens": self.tokens,
            "orders": self.orders.len(),
            "doubled": self.doubled,
            "cancelling": self.orders.values().filter(|order| order.cancelling).count(),
            "corrected": self.orders.values().map(|order| order.corrected).sum::<u64>(),
            "correcting": self.orders.values().filter(|order| order.correcting).count(),
            "events": self.orders.values().map(|order| order.events.len()).sum::<usize>(),
            "called": self.called,
            "waiting": self.waiting.len(),
        })
    }

    /// `expire-sessions`, `advance <order> <code>` (9 or 22 grants a cancellation; from 6 on, a correction waits), `late` and `future-dated`, both the same way,
    /// `out-of-order <order> <code>` (first in the batch that waits), `duplicate` (the last record twice in one batch), `unknown-item <code>`,
    /// `bad-record`.
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["expire-sessions"] => self.token += 1,
            ["advance", number, code] => self.happens(number, code, 0),
            ["late", number, code] => self.happens(number, code, -HOUR_MS),
            ["future-dated", number, code] => self.happens(number, code, 1_000 * HOUR_MS),
            ["out-of-order", number, code] => {
                self.happens(number, code, HOUR_MS / 60);
                self.waiting.rotate_right(1);
            }
            ["unknown-item", code] => self.happens("H99.00-000000-9999/R1", code, 0),
            ["duplicate"] => self.waiting.extend(self.waiting.last().cloned()),
            ["bad-record"] => self.waiting.push(json!("không phải bản ghi")),
            _ => return false,
        }
        true
    }
}

fn refused(message: &str) -> Answer {
    Answer::json(200, &json!({ "success": false, "errorMessage": message }))
}

/// `2026-10-01 15:04:05` as `01-10-2026 15:04:05`.
fn dashed(time: &str) -> String {
    let (day, clock) = time.split_once(' ').unwrap_or((time, ""));
    let mut parts: Vec<&str> = day.split('-').collect();
    parts.reverse();
    format!("{} {clock}", parts.join("-"))
}
