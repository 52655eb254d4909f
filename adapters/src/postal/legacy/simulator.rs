//! The old interface's other side: orders in JSON or XML, acceptances and deliveries by a number that counts up, and documents posted in
//! XML.
//!
//! It refuses what the real one would: no token or a wrong one, a missing field, a province it does not know. Nothing it says is quoted.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::settings::Settings;
use super::xml::{self, Document};
use crate::postal::wire::{self, pair};
use crate::settings::Reader;

const HOUR_MS: i64 = 3_600_000;

/// The interface in memory.
pub(in crate::postal) struct LegacySim {
    settings: Settings,
    /// `token`: the only one that is taken; empty takes any.
    token: String,
    /// `hook_path`: where documents are posted, below the subscriber's address; empty posts none.
    hook_path: String,
    /// `provinces`: those it knows; none is any.
    provinces: Vec<i64>,
    orders: BTreeMap<String, u64>,
    acceptances: Vec<Value>,
    deliveries: Vec<Value>,
    waiting: Vec<Ask>,
    calls: u64,
    called: u64,
    doubled: u64,
    at: Moment,
}

impl LegacySim {
    /// One that knows nothing yet. Settings that are not its own are passed over.
    pub(in crate::postal) fn new(table: &toml::Table) -> Self {
        let mut own = Reader::new(table);
        let provinces = table.get("provinces").and_then(toml::Value::as_array).into_iter().flatten();
        LegacySim {
            settings: Settings::gather(table).0,
            token: own.text("token", ""),
            hook_path: own.text("hook_path", "/postal/legacy"),
            provinces: provinces.filter_map(toml::Value::as_integer).collect(),
            orders: BTreeMap::new(),
            acceptances: Vec::new(),
            deliveries: Vec::new(),
            waiting: Vec::new(),
            calls: 0,
            called: 0,
            doubled: 0,
            at: Moment::default(),
        }
    }

    fn order(&mut self, body: &Body) -> Answer {
        let (number, receiver, province) = match wire::object(&body.bytes) {
            Some(order) => {
                let province = order.get("maTinhNhan").and_then(Value::as_i64);
                (wire::text(&order, "soDonHang"), wire::text(&order, "tenNguoiNhan"), province)
            }
            None => {
                let text = String::from_utf8_lossy(&body.bytes).into_owned();
                let fields: BTreeMap<String, String> =
                    xml::glimpse(&text).map(|(_, fields)| fields.into_iter().collect()).unwrap_or_default();
                let field = |name: &str| fields.get(name).cloned().filter(|text| !text.is_empty());
                (field("DataCode"), field("ReceiverFullname"), None)
            }
        };
        let (Some(number), Some(_)) = (number, receiver) else {
            return Answer::json(200, &json!({ "Status": false, "Message": "Thiếu thông tin" }));
        };
        if !self.provinces.is_empty() && province.is_some_and(|code| !self.provinces.contains(&code)) {
            return Answer::json(200, &json!({ "Status": false, "Message": "Mã tỉnh không hợp lệ" }));
        }
        let next = self.orders.len() as u64 + 1;
        self.doubled += u64::from(self.orders.contains_key(&number));
        self.orders.entry(number).or_insert(next);
        Answer::json(200, &json!({ "Status": true, "Message": "OK" }))
    }

    fn records(&self, ask: &Ask, name: &str, key: &str, records: &[Value]) -> Answer {
        let from: u64 = ask.query("fromRecord").and_then(|text| text.parse().ok()).unwrap_or(0);
        let newer = |record: &&Value| record[key].as_u64().is_none_or(|number| number >= from);
        let page: Vec<&Value> = records.iter().filter(newer).take(100).collect();
        Answer::json(200, &json!({ (name): page }))
    }

    /// `accepted`, `delivered`, `failed`, `returned`, or a numbered status.
    fn happens(&mut self, number: &str, what: &str, later_ms: i64) {
        let at = self.at.plus_millis(later_ms).for_people().replace(' ', "T");
        let item = format!("RX{:09}VN", self.orders.get(number).copied().unwrap_or(999));
        let (document, record) = match what {
            "accepted" => {
                let id = self.acceptances.len() as u64 + 1;
                let record = json!({ "AcceptanceID": id, "ItemCode": item, "DataCode": number, "SendingTime": at });
                self.acceptances.push(record.clone());
                (Document::Acceptance, record)
            }
            "delivered" | "failed" | "returned" => {
                let record = json!({
                    "DeliveryID": self.deliveries.len() as u64 + 1, "ItemCode": item, "DeliveryTime": at,
                    "IsDeliverable": what != "failed", "IsReturn": what == "returned", "DeliveryNote": "",
                });
                self.deliveries.push(record.clone());
                (Document::Delivery, record)
            }
            status => {
                let id = self.deliveries.len() as u64 + 1;
                self.deliveries.push(json!({ "DeliveryID": id, "ItemCode": item, "StatusCode": status, "StatusTime": at }));
                return;
            }
        };
        self.posts(document.write(&record));
    }

    fn posts(&mut self, document: String) {
        if self.hook_path.is_empty() {
            return;
        }
        self.called += 1;
        self.waiting.push(Ask {
            method: "POST".to_owned(),
            path: self.hook_path.clone(),
            query: Vec::new(),
            headers: vec![pair("content-type", "application/xml")],
            body: Body::of(document),
        });
    }
}

impl Simulator for LegacySim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.at = at;
        self.calls += 1;
        let shown = ask.query("token").unwrap_or_default();
        if shown.is_empty() || (!self.token.is_empty() && shown != self.token) {
            return Answer::json(401, &json!({ "Status": false, "Message": "token" }));
        }
        let ends = |path: &str| ask.path.ends_with(path);
        match ask.method.as_str() {
            "POST" if ends(&self.settings.order_path) => self.order(&ask.body),
            "GET" if ends(&self.settings.delivery_path) => {
                self.records(ask, "Deliverys", "DeliveryID", &self.deliveries)
            }
            "GET" if ends(&self.settings.acceptance_path) => {
                self.records(ask, "Acceptances", "AcceptanceID", &self.acceptances)
            }
            _ => Answer::json(404, &json!({ "Status": false, "Message": "no such address" })),
        }
    }

    fn due(&mut self, at: Moment) -> Vec<Ask> {
        self.at = at;
        std::mem::take(&mut self.waiting)
    }

    fn state(&self) -> Value {
        json!({
            "calls": self.calls,
            "orders": self.orders.len(),
            "doubled": self.doubled,
            "acceptances": self.acceptances.len(),
            "deliveries": self.deliveries.len(),
            "called": self.called,
            "waiting": self.waiting.len(),
        })
    }

    /// `advance <order> <what>` (`accepted`, `delivered`, `failed`, `returned`, or a numbered status such as `110`), `late` and
    /// `future-dated`, both the same way, `out-of-order <order> <what>` (posted before what waits), `duplicate` (the last one posted twice),
    /// `unknown-item <what>`, `bad-record`.
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["advance", number, what] => self.happens(number, what, 0),
            ["late", number, what] => self.happens(number, what, -HOUR_MS),
            ["future-dated", number, what] => self.happens(number, what, 1_000 * HOUR_MS),
            ["out-of-order", number, what] => {
                self.happens(number, what, HOUR_MS / 60);
                // A numbered status is posted nowhere.
                if !self.waiting.is_empty() {
                    self.waiting.rotate_right(1);
                }
            }
            ["unknown-item", what] => self.happens("H99.00-000000-9999/R1", what, 0),
            ["duplicate"] => self.waiting.extend(self.waiting.last().cloned()),
            ["bad-record"] => {
                self.deliveries.push(json!({ "DeliveryID": self.deliveries.len() as u64 + 1, "ItemCode": {} }));
                self.posts("<PostalDelivery><ItemCode>RX1</ItemCode><Khac/></PostalDelivery>".to_owned());
            }
            _ => return false,
        }
        true
    }
}
