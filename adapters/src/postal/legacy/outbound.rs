//! Ordering by the old interface. How to cancel and what it costs it does not say.

use gateway_core::adapter::{
    Body, Conversation, Effect, Exchange, Keys, Marks, Receipt, Request, Secret, Signed, Turn,
};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Account;
use serde_json::{Map, Value, json};

use super::Legacy;
use super::xml::{self, Document};
use crate::kinds::{ASK_POSTAL_PRICE, POSTAL_ORDER_CANCELLED, POSTAL_ORDER_REQUESTED};
use crate::postal::order::{Leg, Order, mark, not_taken, ours, said, taken};
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

/// The secret that stands in the query of every call.
pub(super) const TOKEN: &str = "token";

impl Legacy {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.message.kind.as_str() {
            POSTAL_ORDER_REQUESTED => self.order(talk),
            POSTAL_ORDER_CANCELLED | ASK_POSTAL_PRICE => {
                Err(ours("postal.not-public", "giao diện điều tin không có bước hủy và tính cước"))
            }
            other => Err(not_taken(other)),
        }
    }

    /// Whose leg a number is, once the carrier has taken it.
    pub(super) fn lesson(&self, exchange: &Exchange) -> Marks {
        let Some(leg) = Leg::of_step(&exchange.request.step) else { return Marks::new() };
        if self.outcome(&exchange.answer) != Outcome::Done {
            return Marks::new();
        }
        let body = &exchange.request.ask.body.bytes;
        let number = match wire::object(body) {
            Some(body) => wire::text(&body, "soDonHang"),
            None => std::str::from_utf8(body).ok().and_then(|text| xml::glimpse(text).ok()).and_then(|(_, fields)| {
                fields.into_iter().find(|(name, _)| name == "DataCode").map(|(_, number)| number)
            }),
        };
        let marks = |number: String| [mark("leg", &number, leg.as_str()), said(&number, &exchange.request)];
        number.map(marks).into_iter().flatten().collect()
    }

    fn order(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let order = Order::read(talk)?;
        let number = self.settings.number_form.compose(&order)?;
        let Some(last) = talk.transcript.last() else {
            self.settings.number_form.free(&number, order.leg, talk.marks)?;
            let body = self.body(&order, &number);
            let call = Call {
                step: order.leg.create(),
                method: "POST",
                path: &self.settings.order_path,
                query: Vec::new(),
                headers: Vec::new(),
                body: Some(Value::Object(body.clone())),
                account: false,
            };
            let effect = if self.settings.order_number_unique { Effect::Repeatable } else { Effect::Once };
            let mut request = Request { effect, ..call.request() };
            if self.settings.orders_in_xml {
                let document = Document::Acceptance.write(&acceptance(&body));
                request.ask.headers = vec![pair("accept", "application/json"), pair("content-type", "application/xml")];
                request.ask.body = Body::of(document);
            }
            return Ok(match taken(&number, &request, talk.marks)? {
                true => Turn::Done(Receipt { reference: number, ..Receipt::default() }),
                false => Turn::Call(request),
            });
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            Outcome::Failed(fault) | Outcome::Exists(fault) => Err(fault),
            Outcome::Pending => {
                Err(Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "chưa hiểu được câu trả lời của bưu chính"))
            }
        }
    }

    fn body(&self, order: &Order, number: &str) -> Map<String, Value> {
        let mut body = order.block("body");
        body.insert("soDonHang".to_owned(), json!(number));
        body.insert("maKhachHang".to_owned(), json!(self.settings.customer_code));
        for (name, office) in
            [("posIdThuGom", &self.settings.collecting_office), ("posIdNhanTin", &self.settings.receiving_office)]
        {
            if let Ok(office) = office.parse::<i64>() {
                body.insert(name.to_owned(), json!(office));
            }
        }
        body
    }
}

/// The same order as an acceptance: both documents say the same things under two sets of names.
fn acceptance(body: &Map<String, Value>) -> Value {
    const NAMES: [(&str, &str); 12] = [
        ("DataCode", "soDonHang"),
        ("CodAmount", "soTienCOD"),
        ("AcceptancePoscode", "posIdThuGom"),
        ("DestinationPoscode", "posIdNhanTin"),
        ("SenderFullname", "tenNguoiGui"),
        ("SenderAddress", "diaChiNguoiGui"),
        ("SenderTel", "dienThoaiNguoiGui"),
        ("ReceiverFullname", "tenNguoiNhan"),
        ("ReceiverAddress", "diaChiNguoiNhan"),
        ("ReceiverTel", "dienThoaiNguoiNhan"),
        ("CustomerCode", "maKhachHang"),
        ("Weight", "trongLuong"),
    ];
    let field = |(name, own): (&str, &str)| Some((name.to_owned(), body.get(own)?.clone()));
    Value::Object(NAMES.into_iter().filter_map(field).collect())
}

/// Puts the token into the query, where the interface wants it.
pub(super) fn signed(request: &Request, keys: &Keys) -> Result<Signed, Fault> {
    let token = keys.of(&Account::from(wire::ACCOUNT), TOKEN).map(Secret::reveal).ok_or_else(|| {
        Fault::new("postal.no-key", Blame::Gateway, Remedy::Later, "chưa cấu hình khóa token của giao diện điều tin")
    })?;
    let mut ask = request.ask.clone();
    ask.query.insert(0, pair(TOKEN, token));
    Ok(Signed::new(ask))
}
