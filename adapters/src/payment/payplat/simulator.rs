//! The Platform's other side: it begins payments, has citizens pay them, confirms by call, and answers QUERY and GET_BILL.
//!
//! It refuses what the real one would: a wrong signature, a reference that is too long, not the partner's, or known already, an amount
//! that is none. Pages and words are in its manner, not quoted from it. `secret` in its settings is the key that both sides know.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::outbound::stamp;
use super::settings::Settings;
use super::signed;
use crate::payment::{seal, wire};

struct Order {
    amount: String,
    currency: String,
    info: String,
    /// The transaction that paid it, and when.
    paid: Option<(String, String)>,
}

/// The Platform in memory.
pub(in crate::payment) struct PayPlatSim {
    settings: Settings,
    secret: String,
    orders: BTreeMap<String, Order>,
    latest: String,
    transactions: u64,
    waiting: Vec<Ask>,
    calls: u64,
    queries: u64,
    refused: u64,
    at: Moment,
}

impl PayPlatSim {
    /// A Platform that knows no payments. Settings that are not its own are passed over.
    pub(in crate::payment) fn new(table: &toml::Table) -> Self {
        PayPlatSim {
            settings: Settings::gather(table).0,
            secret: table.get("secret").and_then(toml::Value::as_str).unwrap_or_default().to_owned(),
            orders: BTreeMap::new(),
            latest: String::new(),
            transactions: 0,
            waiting: Vec::new(),
            calls: 0,
            queries: 0,
            refused: 0,
            at: Moment::default(),
        }
    }

    fn refuse(&mut self, code: &str, words: &str) -> Answer {
        self.refused += 1;
        Answer::json(200, &json!({ "MaLoi": code, "MoTaLoi": words }))
    }

    fn init(&mut self, body: &Value) -> Answer {
        let reference = seal::exact(body, "MaThamChieu");
        let partner = &self.settings.partner_code;
        if reference.len() > 20 || !reference.starts_with(partner.as_str()) {
            return self.refuse("04", "Mã tham chiếu không hợp lệ");
        }
        if self.orders.contains_key(&reference) {
            return self.refuse("05", "Mã tham chiếu đã dùng");
        }
        let amount = seal::exact(body, "SoTien");
        if amount.parse::<u64>().is_err() || body.pointer("/ThongTinBienLai/MaHoSo").is_none() {
            return self.refuse("06", "Thiếu số tiền hoặc thông tin biên lai");
        }
        let order = Order {
            amount,
            currency: seal::exact(body, "MaTienTe"),
            info: seal::exact(body, "ThongTinGiaoDich"),
            paid: None,
        };
        self.orders.insert(reference.clone(), order);
        let url = format!("https://thanhtoan.example/pay/{reference}");
        self.latest = reference;
        Answer::json(200, &json!({ "MaLoi": "00", "MoTaLoi": "OK", "UrlThanhToan": url }))
    }

    fn query(&mut self, body: &Value) -> Answer {
        self.queries += 1;
        let reference = seal::exact(body, "MaThamChieu");
        match self.orders.get(&reference) {
            Some(Order { paid: Some(_), .. }) => Answer::json(200, &self.confirm(&reference)),
            Some(_) => Answer::json(200, &json!({ "MaLoi": "01", "MoTaLoi": "Chưa thanh toán" })),
            None => Answer::json(200, &json!({ "MaLoi": "02", "MoTaLoi": "Không có giao dịch" })),
        }
    }

    fn bill(&mut self, body: &Value) -> Answer {
        let reference = seal::exact(body, "MaThamChieu");
        match self.orders.get(&reference) {
            Some(Order { paid: Some(_), .. }) => {
                let url = format!("https://thanhtoan.example/bill/{reference}.pdf");
                Answer::json(200, &json!({ "MaLoi": "00", "MoTaLoi": "OK", "UrlBienLai": url }))
            }
            _ => self.refuse("07", "Chưa có biên lai"),
        }
    }

    /// A CONFIRM of this payment, signed.
    fn confirm(&self, reference: &str) -> Value {
        let order = self.orders.get(reference);
        let field = |read: fn(&Order) -> String| order.map(read).unwrap_or_default();
        let mut body = json!({
            "LoaiBanTin": "CONFIRM",
            "MaLoi": if order.is_some_and(|order| order.paid.is_some()) { "00" } else { "24" },
            "MaDoiTac": self.settings.partner_code,
            "MaThamChieu": reference,
            "SoTien": field(|order| order.amount.clone()),
            "MaTienTe": field(|order| order.currency.clone()),
            "MaGiaoDich": field(|order| order.paid.as_ref().map(|(number, _)| number.clone()).unwrap_or_default()),
            "MaNganHang": "NHTHU",
            "ThoiGianGD": field(|order| order.paid.as_ref().map(|(_, at)| at.clone()).unwrap_or_default()),
            "ThongTinGiaoDich": field(|order| order.info.clone()),
        });
        self.sign(&mut body);
        body
    }

    fn sign(&self, body: &mut Value) {
        body[signed::FIELD] = json!(signed::made(body, signed::CONFIRM, &self.secret));
    }

    fn pay(&mut self, reference: &str) {
        self.transactions += 1;
        let paid = (format!("GD{:09}", self.transactions), stamp(self.at));
        if let Some(order) = self.orders.get_mut(reference) {
            order.paid = Some(paid);
        }
    }

    fn push(&mut self, body: &Value) {
        self.waiting.push(call("/payment/dpnhankqthanhtoanhs", body));
    }

    /// A CONFIRM of the latest payment in which a field says something else, signed as it is then.
    fn push_changed(&mut self, field: &str, value: &str) {
        let mut body = self.confirm(&self.latest);
        body[field] = json!(value);
        self.sign(&mut body);
        self.push(&body);
    }
}

fn call(path: &str, body: &Value) -> Ask {
    Ask {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers: vec![wire::pair("content-type", "application/json")],
        body: Body::of(body.to_string()),
    }
}

impl Simulator for PayPlatSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.at = at;
        self.calls += 1;
        let body = wire::object(&ask.body.bytes).unwrap_or_default();
        let message = seal::exact(&body, "LoaiBanTin");
        let fields: &[&str] = if message == "INIT" { &signed::INIT } else { &signed::QUERY };
        let made = signed::made(&body, fields.iter().copied(), &self.secret);
        if !seal::agree(&made, &seal::exact(&body, signed::FIELD)) {
            return self.refuse("03", "Sai mã xác thực");
        }
        match message.as_str() {
            "INIT" if ask.path == self.settings.init_path => self.init(&body),
            "QUERY" if ask.path == self.settings.query_path => self.query(&body),
            "GET_BILL" if ask.path == self.settings.bill_path => self.bill(&body),
            _ => Answer::json(404, &json!({ "return_code": -1, "return_msg": "no such service" })),
        }
    }

    fn due(&mut self, at: Moment) -> Vec<Ask> {
        self.at = at;
        std::mem::take(&mut self.waiting)
    }

    fn state(&self) -> Value {
        json!({
            "calls": self.calls,
            "payments": self.orders.len(),
            "paid": self.orders.values().filter(|order| order.paid.is_some()).count(),
            "queries": self.queries,
            "refused": self.refused,
        })
    }

    /// Of the latest payment: `paid` (and a CONFIRM waits), `paid-unheard` (it got lost), `fails`, `confirms` (once more),
    /// `confirms-as <field> <value>` (signed), `forges <field> <value>` (not signed anew), `unsigned`; and `asks-due <dossier>`, `portal-paid <dossier> <amount> <reference>`.
    fn nudge(&mut self, words: &[&str]) -> bool {
        let latest = self.latest.clone();
        match words {
            ["paid"] => {
                self.pay(&latest);
                self.push(&self.confirm(&latest));
            }
            ["paid-unheard"] => self.pay(&latest),
            ["fails" | "confirms"] => self.push(&self.confirm(&latest)),
            ["confirms-as", field, value] => self.push_changed(field, value),
            ["forges", field, value] => {
                let mut body = self.confirm(&latest);
                body[*field] = json!(value);
                self.push(&body);
            }
            // Begun by the portal after it asked what is due: a reference of its own.
            ["portal-paid", dossier, amount, reference] => {
                self.transactions += 1;
                let mut body = json!({
                    "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": self.settings.partner_code, "MaThamChieu": reference,
                    "MaHoSo": dossier, "SoTien": amount, "MaTienTe": "VND", "MaGiaoDich": format!("GD{:09}", self.transactions),
                    "MaNganHang": "NHTHU", "ThoiGianGD": stamp(self.at), "ThongTinGiaoDich": format!("Le phi {dossier}"),
                });
                self.sign(&mut body);
                self.push(&body);
            }
            ["unsigned"] => {
                let mut body = self.confirm(&latest);
                body[signed::FIELD] = Value::Null;
                self.push(&body);
            }
            ["asks-due", dossier] => {
                self.waiting.push(call("/payment/dptracuuthanhtoanhs", &json!({ "MaHoSo": dossier })));
            }
            _ => return false,
        }
        true
    }
}
