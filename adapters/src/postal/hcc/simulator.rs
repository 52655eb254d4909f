//! The order services' other side: tokens, orders under their numbers, cancellations, prices, and the feed.
//!
//! It refuses what the real one would: a wrong or old token (`900901`, as WSO2 says it), a missing field, a province it does not know.
//! A second order of one number is answered `101`. Statuses are now a number, now a text. It keeps everything in memory and shows
//! counts. What a time-out does is put around it by its host. Texts are in the services' manner, not quoted from them.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::settings::{Settings, TokenBy, Transport};
use crate::postal::wire;

const REQUIRED: [&str; 9] = [
    "CustomerCode",
    "OrderNumber",
    "SenderAddress",
    "SenderName",
    "SenderTel",
    "ReceiverName",
    "ReceiverAddress",
    "ReceiverTel",
    "ReceiverProvince",
];

/// The services in memory.
pub(in crate::postal) struct HccSim {
    settings: Settings,
    provinces: Vec<i64>,
    token: u64,
    orders: BTreeMap<String, Value>,
    cancelled: Vec<String>,
    feed: Vec<Value>,
    calls: u64,
    tokens: u64,
    doubled: u64,
    /// Numbers are written as `4.0`, as some libraries between here and there write them.
    pointed: bool,
    /// The moment of the latest call: events happen then.
    at: Moment,
}

impl HccSim {
    /// Services that know nothing yet. Settings that are not theirs are passed over.
    pub(in crate::postal) fn new(table: &toml::Table) -> Self {
        let known = table.get("provinces").and_then(toml::Value::as_array);
        let provinces = known.into_iter().flatten().filter_map(toml::Value::as_integer).collect();
        HccSim {
            settings: Settings::gather(table).0,
            provinces,
            token: 1,
            orders: BTreeMap::new(),
            cancelled: Vec::new(),
            feed: Vec::new(),
            calls: 0,
            tokens: 0,
            doubled: 0,
            pointed: false,
            at: Moment::default(),
        }
    }

    fn give_token(&mut self, ask: &Ask) -> Answer {
        self.tokens += 1;
        let body = wire::object(&ask.body.bytes).unwrap_or_default();
        let asked = match self.settings.token_by {
            TokenBy::Basic => ask.header("authorization").is_some_and(|text| text.starts_with("Basic ")),
            TokenBy::Bearer => ask.header("authorization").is_some_and(|text| text.starts_with("Bearer ")),
            TokenBy::Password | TokenBy::Fixed => wire::text(&body, "password").is_some(),
        };
        match asked {
            true => Answer::json(200, &json!({ "access_token": self.current(), "token_type": "Bearer", "expires_in": 3600 })),
            false => Answer::json(401, &json!({ "error": "invalid_client" })),
        }
    }

    fn current(&self) -> String {
        format!("token-{}", self.token)
    }

    fn is_let_in(&self, ask: &Ask) -> bool {
        let shown = match self.settings.transport {
            Transport::AccessToken => ask.header("access_token"),
            _ => ask.header("authorization").and_then(|text| text.strip_prefix("Bearer ")),
        };
        // A fixed token is whatever the key says.
        shown.is_some_and(|token| self.settings.token_by == TokenBy::Fixed || token == self.current())
    }

    /// Which service is called: 0 order, 1 cancel, 2 tracking, 3 price.
    fn service(&self, ask: &Ask) -> Option<usize> {
        let settings = &self.settings;
        let named = match settings.transport {
            Transport::LgspService => ask.query("service"),
            Transport::LgspHeader => ask.header("service-code"),
            Transport::Ngsp | Transport::AccessToken => {
                let paths =
                    [&settings.order_path, &settings.cancel_path, &settings.tracking_path, &settings.price_path];
                return paths.iter().position(|path| ask.path.ends_with(path.as_str()));
            }
        }?;
        settings.services.iter().position(|name| name == named)
    }

    fn order(&mut self, body: &Value) -> Answer {
        if let Some(name) = REQUIRED.iter().find(|name| wire::text(body, name).is_none()) {
            return self.say(200, &format!("Thiếu trường {name}"));
        }
        let province = body["ReceiverProvince"].as_i64();
        let known = self.provinces.is_empty() || province.is_some_and(|code| self.provinces.contains(&code));
        if !known {
            return self.say(200, "Mã tỉnh không hợp lệ");
        }
        let number = wire::text(body, "OrderNumber").unwrap_or_default();
        if self.orders.contains_key(&number) {
            self.doubled += 1;
            return self.say(101, "Đơn hàng đã tồn tại");
        }
        self.orders.insert(number, body.clone());
        self.say(100, "OK")
    }

    fn cancel(&mut self, ask: &Ask) -> Answer {
        let number = ask.query("OrderNumber").unwrap_or_default().to_owned();
        match self.orders.contains_key(&number) {
            true => {
                if !self.cancelled.contains(&number) {
                    self.cancelled.push(number);
                }
                self.say(100, "OK")
            }
            false => self.say(201, "Không có đơn hàng"),
        }
    }

    fn tracking(&self, ask: &Ask) -> Answer {
        let size = ask.query("pagesize").and_then(|text| text.parse().ok()).unwrap_or(0);
        if !(1..=1000).contains(&size) {
            return Answer::json(400, &json!({ "Status": 400, "Message": "pagesize" }));
        }
        let last = ask.query("lastId").unwrap_or_default();
        let newer = |record: &&Value| record.pointer("/_id/$oid").and_then(Value::as_str).is_none_or(|id| id > last);
        let page: Vec<&Value> = self.feed.iter().filter(newer).take(size).collect();
        let mut answer = json!({ "_size": self.feed.len(), "_total_pages": 1, "_returned": page.len() });
        if !page.is_empty() {
            answer["_embedded"] = json!({ "rh:doc": page });
        }
        Answer::json(200, &answer)
    }

    fn price(&self, body: &Value) -> Answer {
        match body["weight"].as_i64() {
            Some(weight) if weight > 0 && body["receiver"]["provCode"].is_i64() => {
                let price = 26_000 + weight / 100 * 1_000;
                Answer::json(200, &json!({ "content": { "price": price.to_string() } }))
            }
            _ => Answer::json(200, &json!({ "Status": 200, "Message": "Thiếu thông tin" })),
        }
    }

    /// Both forms of a status are in use, so callers meet both here.
    fn say(&self, status: i64, message: &str) -> Answer {
        let written = match self.pointed {
            true => json!(status as f64),
            false if self.calls.is_multiple_of(2) => json!(status.to_string()),
            false => json!(status),
        };
        Answer::json(200, &json!({ "Status": written, "Message": message }))
    }

    /// Something happened to a shipment, so long after the latest call.
    fn happens(&mut self, number: &str, code: &str, later_ms: i64) {
        let at = self.at.plus_millis(later_ms).as_millis();
        let record = json!({
            "_id": { "$oid": self.next_id() },
            "CustomerCode": self.orders.get(number).map_or(Value::Null, |order| order["CustomerCode"].clone()),
            "OrderNumber": number,
            "EventTime": self.number(if self.settings.event_time_in_seconds { at / 1000 } else { at }),
            "POSID": "990100",
            "ItemCode": format!("RX{:09}VN", self.orders.keys().position(|known| known == number).unwrap_or(0) + 1),
            "StatusCode": code.parse::<i64>().map_or_else(|_| json!(code), |code| self.number(code)),
            "StatusMessage": "Trạng thái thử",
            "Notes": null,
        });
        self.feed.push(record);
    }

    fn number(&self, number: i64) -> Value {
        if self.pointed { json!(number as f64) } else { json!(number) }
    }

    fn next_id(&self) -> String {
        let seconds = u32::try_from(self.at.as_millis() / 1000).unwrap_or(0).max(1);
        format!("{seconds:08x}{:016x}", self.feed.len() + 1)
    }
}

impl Simulator for HccSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.at = at;
        if ask.path.ends_with(&self.settings.token_path) {
            return self.give_token(ask);
        }
        self.calls += 1;
        if !self.is_let_in(ask) {
            let fault = json!({ "fault": { "code": 900901, "message": "Invalid Credentials" } });
            return Answer::json(401, &fault);
        }
        let body = wire::object(&ask.body.bytes).unwrap_or_default();
        match (self.service(ask), ask.method.as_str()) {
            (Some(0), "POST") => self.order(&body),
            (Some(1), "GET") => self.cancel(ask),
            (Some(2), "GET") => self.tracking(ask),
            (Some(3), "POST") => self.price(&body),
            _ => Answer::json(404, &json!({ "Status": 404, "Message": "no such service" })),
        }
    }

    fn state(&self) -> Value {
        json!({
            "calls": self.calls,
            "tokens": self.tokens,
            "orders": self.orders.len(),
            "doubled": self.doubled,
            "cancelled": self.cancelled.len(),
            "events": self.feed.len(),
        })
    }

    /// `expire-sessions`, `writes-points` (numbers as `4.0` from now on); and in the feed: `advance <order> <code>`, `duplicate` (the last one once more), `out-of-order <order> <code>`
    /// and `late <order> <code>` (an hour before), `future-dated <order> <code>`, `unknown-item <code>`, `bad-record`.
    fn nudge(&mut self, words: &[&str]) -> bool {
        const HOUR_MS: i64 = 3_600_000;
        match words {
            ["expire-sessions"] => self.token += 1,
            ["writes-points"] => self.pointed = true,
            ["advance", number, code] => self.happens(number, code, 0),
            ["out-of-order" | "late", number, code] => self.happens(number, code, -HOUR_MS),
            ["future-dated", number, code] => self.happens(number, code, 1_000 * HOUR_MS),
            ["unknown-item", code] => self.happens("H99.00-000000-9999", code, 0),
            ["duplicate"] => self.feed.extend(self.feed.last().cloned()),
            ["bad-record"] => {
                let id = self.next_id();
                self.feed.push(json!({ "_id": { "$oid": id }, "OrderNumber": { "not": "a number" } }));
            }
            _ => return false,
        }
        true
    }
}
