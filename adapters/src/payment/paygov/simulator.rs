//! PayGov's other side, with the LGSP in front of it: tokens, requests with a checksum, and callbacks.
//!
//! It refuses what the real one would: a wrong token, a wrong checksum, an order that it has, an amount that is none. `secret` and
//! `access_key` in its settings are the keys that both sides know.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::session::made;
use super::settings::{REQUEST_SIGNED, Settings};
use crate::payment::{seal, wire};

/// PayGov in memory.
pub(in crate::payment) struct PayGovSim {
    settings: Settings,
    secret: String,
    access: String,
    /// Amounts by order.
    orders: BTreeMap<String, String>,
    latest: String,
    transactions: u64,
    waiting: Vec<Ask>,
    token: u64,
    calls: u64,
    refused: u64,
    at: Moment,
}

impl PayGovSim {
    /// One that knows no orders. Settings that are not its own are passed over.
    pub(in crate::payment) fn new(table: &toml::Table) -> Self {
        let text = |name: &str| table.get(name).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        PayGovSim {
            settings: Settings::gather(table).0,
            secret: text("secret"),
            access: text("access_key"),
            orders: BTreeMap::new(),
            latest: String::new(),
            transactions: 0,
            waiting: Vec::new(),
            token: 1,
            calls: 0,
            refused: 0,
            at: Moment::default(),
        }
    }

    fn current(&self) -> String {
        format!("token-{}", self.token)
    }

    fn refuse(&mut self, code: &str, words: &str) -> Answer {
        self.refused += 1;
        Answer::json(200, &json!({ "error_code": code, "error_message": words }))
    }

    fn start(&mut self, body: &Value) -> Answer {
        let order = seal::exact(body, "orderId");
        let checksum = made(body, REQUEST_SIGNED, &self.secret, &self.access);
        if !seal::agree(&checksum, &seal::exact(body, "checksum")) {
            return self.refuse("SIGNATURE_WRONG", "Sai checksum");
        }
        let amount = seal::exact(body, "amount");
        if order.is_empty() || self.orders.contains_key(&order) || amount.parse::<u64>().is_err() {
            return self.refuse("FAILED", "Đơn không hợp lệ hoặc đã có");
        }
        if !seal::exact(body, "orderInfo").is_ascii() {
            return self.refuse("FAILED", "orderInfo phải không dấu");
        }
        self.orders.insert(order.clone(), amount);
        let url = format!("https://paygov.example/pay/{order}");
        self.latest = order;
        Answer::json(200, &json!({ "error_code": "SUCCESSFUL", "data": { "url": url } }))
    }

    fn callback(&self) -> Value {
        let mut body = json!({
            "orderId": self.latest,
            "errorCode": "00",
            "amount": self.orders.get(&self.latest),
            "orderInfo": "Le phi",
            "requestCode": self.latest,
            "transactionNo": format!("PG{:09}", self.transactions),
            "payDate": self.at.for_people(),
            "paygate": "NHTHU",
            "type": "1",
            "transactionCode": format!("TC{:09}", self.transactions),
        });
        self.sign(&mut body);
        body
    }

    fn sign(&self, body: &mut Value) {
        let mut signed = body.clone();
        signed["partnerCode"] = json!(self.settings.partner_code);
        let fields = self.settings.callback_signed.iter().map(String::as_str);
        body["checksum"] = json!(made(&signed, fields, &self.secret, &self.access));
    }

    fn push(&mut self, body: &Value) {
        self.waiting.push(Ask {
            method: "POST".to_owned(),
            path: "/payment/paygov".to_owned(),
            query: Vec::new(),
            headers: vec![wire::pair("content-type", "application/json")],
            body: Body::of(body.to_string()),
        });
    }
}

impl Simulator for PayGovSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.at = at;
        if ask.path == self.settings.token_path {
            return match ask.header("authorization").is_some_and(|shown| shown.starts_with("Basic ")) {
                true => Answer::json(200, &json!({ "access_token": self.current(), "expires_in": 3600 })),
                false => Answer::json(401, &json!({ "error": "invalid_client" })),
            };
        }
        self.calls += 1;
        if ask.header("authorization") != Some(format!("Bearer {}", self.current()).as_str()) {
            return Answer::json(401, &json!({ "fault": { "code": 900901, "message": "Invalid Credentials" } }));
        }
        let body = wire::object(&ask.body.bytes).unwrap_or_default();
        match ask.path == self.settings.start_path {
            true => self.start(&body),
            false => Answer::json(404, &json!({ "error_code": "FAILED", "error_message": "no such service" })),
        }
    }

    fn due(&mut self, at: Moment) -> Vec<Ask> {
        self.at = at;
        std::mem::take(&mut self.waiting)
    }

    fn state(&self) -> Value {
        json!({ "calls": self.calls, "payments": self.orders.len(), "refused": self.refused })
    }

    /// Of the latest order: `paid` (and a callback waits), `confirms` (once more), `confirms-as <field> <value>` (signed),
    /// `forges <field> <value>` (not signed anew); and `expire-sessions`.
    fn nudge(&mut self, words: &[&str]) -> bool {
        let mut body = self.callback();
        match words {
            ["expire-sessions"] => {
                self.token += 1;
                return true;
            }
            ["paid"] => {
                self.transactions += 1;
                body = self.callback();
            }
            ["confirms"] => {}
            ["confirms-as", field, value] => {
                body[*field] = json!(value);
                self.sign(&mut body);
            }
            ["forges", field, value] => body[*field] = json!(value),
            _ => return false,
        }
        self.push(&body);
        true
    }
}
