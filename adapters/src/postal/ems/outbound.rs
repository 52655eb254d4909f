//! Ordering at EMS. How to cancel and what it costs are not public, so such messages are held until they are.

use gateway_core::adapter::{Conversation, Effect, Exchange, Keys, Marks, Receipt, Request, Secret, Signed, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Account;
use serde_json::{Map, Value, json};

use super::Ems;
use crate::kinds::{ASK_POSTAL_PRICE, POSTAL_ORDER_CANCELLED, POSTAL_ORDER_REQUESTED};
use crate::postal::order::{Leg, Order, mark, not_taken, ours, said, taken};
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

/// The secret that stands in the query of every call.
pub(super) const TOKEN: &str = "merchant_token";

impl Ems {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.message.kind.as_str() {
            POSTAL_ORDER_REQUESTED => self.order(talk),
            POSTAL_ORDER_CANCELLED | ASK_POSTAL_PRICE => Err(ours(
                "postal.not-public",
                "EMS chưa công bố giao diện hủy và tính cước; hãy hủy trên trang khách hàng của EMS",
            )),
            other => Err(not_taken(other)),
        }
    }

    /// The number of the item, and whose leg the order is.
    pub(super) fn lesson(&self, exchange: &Exchange) -> Marks {
        let Some(leg) = Leg::of_step(&exchange.request.step) else { return Marks::new() };
        if self.outcome(&exchange.answer) != Outcome::Done {
            return Marks::new();
        }
        let asked = wire::object(&exchange.request.ask.body.bytes).unwrap_or_default();
        let answered = wire::object(&exchange.answer.body.bytes).unwrap_or_default();
        let Some(number) = wire::text(&asked, "order_code") else { return Marks::new() };
        let mut marks = Marks::from([mark("leg", &number, leg.as_str()), said(&number, &exchange.request)]);
        let data = wire::field(&answered, "data").unwrap_or(&answered);
        let code = wire::text(data, "tracking_code").or_else(|| wire::text(data, "TrackingCode"));
        marks.extend(code.map(|code| mark("tracking", &number, code)));
        marks
    }

    fn order(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let order = Order::read(talk)?;
        let number = self.settings.number_form.compose(&order)?;
        let Some(last) = talk.transcript.last() else {
            self.settings.number_form.free(&number, order.leg, talk.marks)?;
            let call = Call {
                step: order.leg.create(),
                method: "POST",
                path: &self.settings.create_path,
                query: Vec::new(),
                headers: Vec::new(),
                body: Some(Value::Object(self.body(&order, &number)?)),
                account: false,
            };
            let effect = if self.settings.order_code_unique { Effect::Repeatable } else { Effect::Once };
            let request = Request { effect, ..call.request() };
            return Ok(match taken(&number, &request, talk.marks)? {
                true => Turn::Done(Receipt { reference: number, ..Receipt::default() }),
                false => Turn::Call(request),
            });
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            Outcome::Failed(fault) | Outcome::Exists(fault) => Err(fault),
            Outcome::Pending => {
                Err(Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "chưa hiểu được câu trả lời của EMS"))
            }
        }
    }

    fn body(&self, order: &Order, number: &str) -> Result<Map<String, Value>, Fault> {
        let settings = &self.settings;
        let asked = order.value("service").and_then(Value::as_str);
        let service = asked.unwrap_or(&settings.service);
        let mut body = order.block(if settings.second { "v2" } else { "v1" });
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("order_code", json!(number));
        let more = json!(settings.addition_services);
        if settings.second {
            for (name, text) in
                [("warehouse_code", &settings.warehouse_code), ("customer_code", &settings.customer_code)]
            {
                if !text.is_empty() {
                    put(name, json!(text));
                }
            }
            if !service.is_empty() {
                put("service_type", json!(service));
            }
            put("addition_service", more);
        } else {
            if !settings.inventory.is_empty() {
                put("inventory", json!(settings.inventory));
            }
            if !service.is_empty() {
                let number: i64 = service
                    .parse()
                    .map_err(|_| ours("postal.service", "dịch vụ của EMS bản 1 phải là một số"))?;
                put("service", json!(number));
            }
            put("vas", more);
        }
        Ok(body)
    }
}

/// Puts the token into the query, where EMS wants it.
pub(super) fn signed(request: &Request, keys: &Keys) -> Result<Signed, Fault> {
    let token = keys.of(&Account::from(wire::ACCOUNT), TOKEN).map(Secret::reveal).ok_or_else(|| {
        Fault::new("postal.no-key", Blame::Gateway, Remedy::Later, "chưa cấu hình khóa merchant_token của EMS")
    })?;
    let mut ask = request.ask.clone();
    ask.query.push(pair(TOKEN, token));
    Ok(Signed::new(ask))
}
