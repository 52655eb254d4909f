//! Ordering, cancelling, asking for the price.
//!
//! Creating may be repeated, because the number is fixed: the second time the answer is `101`, and the order that is there is adopted
//! if it is of the same leg. Cancelling is a GET with an effect, which no proxy and no retry of a transport may take for harmless; to
//! us it is repeatable, because the number is never used again and a second cancellation of it changes nothing.

use gateway_core::adapter::{Answer, Conversation, Exchange, Marks, Receipt, Request, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::{Value, json};

use super::Hcc;
use super::settings::Transport;
use crate::kinds::{ASK_POSTAL_PRICE, POSTAL_ORDER_CANCELLED, POSTAL_ORDER_REQUESTED};
use crate::postal::order::{Leg, Order, mark, not_taken, ours, said, taken, unproven};
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

const CANCEL: &str = "cancel";
const PRICE: &str = "price";

/// Which of the four services a call is for.
#[derive(Clone, Copy)]
pub(super) enum Service {
    Order,
    Cancel,
    Tracking,
    Price,
}

impl Hcc {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.message.kind.as_str() {
            POSTAL_ORDER_REQUESTED => self.order(talk),
            POSTAL_ORDER_CANCELLED => self.cancel(talk),
            ASK_POSTAL_PRICE => self.price(talk),
            other => Err(not_taken(other)),
        }
    }

    /// Whose leg a number is, once the carrier has taken it.
    pub(super) fn lesson(&self, exchange: &Exchange) -> Marks {
        let Some(leg) = Leg::of_step(&exchange.request.step) else {
            let cancelled = exchange.request.step == CANCEL && self.outcome(&exchange.answer) == Outcome::Done;
            let number = exchange.request.ask.query("OrderNumber").filter(|_| cancelled);
            return number.map(|number| mark("cancel", number, "done")).into_iter().collect();
        };
        let body = wire::object(&exchange.request.ask.body.bytes).unwrap_or_default();
        let Some(number) = wire::text(&body, "OrderNumber") else { return Marks::new() };
        let taken = match self.outcome(&exchange.answer) {
            Outcome::Done => true,
            Outcome::Exists(_) => self.settings.number_form.adopts(&number, leg, &Marks::new()),
            _ => false,
        };
        let marks = || [mark("leg", &number, leg.as_str()), said(&number, &exchange.request)];
        taken.then(marks).into_iter().flatten().collect()
    }

    fn order(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let order = Order::read(talk)?;
        let form = &self.settings.number_form;
        let number = form.compose(&order)?;
        let Some(last) = talk.transcript.last() else {
            form.free(&number, order.leg, talk.marks)?;
            let mut body = order.block("body");
            body.insert("CustomerCode".to_owned(), Value::from(self.customer(talk)?));
            body.insert("OrderNumber".to_owned(), Value::from(number.as_str()));
            if self.settings.transport == Transport::AccessToken {
                // The relay's form of the same order: a district of none is 0.
                body.entry("SenderDistrict").or_insert(json!(0));
                body.entry("ReceiverDistrict").or_insert(json!(0));
                body.insert("FlagConfig".to_owned(), json!(self.settings.flag_config));
            }
            let body = Some(Value::Object(body));
            let request = self.call(order.leg.create(), "POST", Service::Order, Vec::new(), body);
            // The very same one is asked for again all the same: the carrier knows better than we do whether it has it.
            taken(&number, &request, talk.marks)?;
            return Ok(Turn::Call(request));
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            Outcome::Exists(_) if form.adopts(&number, order.leg, talk.marks) => {
                Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() }))
            }
            Outcome::Exists(fault) => Err(unproven(fault.cause)),
            Outcome::Pending => Err(unreadable()),
            Outcome::Failed(fault) => Err(fault),
        }
    }

    fn cancel(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let number = self.settings.number_form.compose(&Order::read(talk)?)?;
        let Some(last) = talk.transcript.last() else {
            let query = vec![pair("CustomerCode", self.customer(talk)?), pair("OrderNumber", &number)];
            return Ok(Turn::Call(self.call(CANCEL, "GET", Service::Cancel, query, None)));
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            // "Already": no list of these codes is public, and a cancellation that is there is what was wanted.
            Outcome::Exists(_) => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            Outcome::Pending => Err(unreadable()),
            Outcome::Failed(fault) => Err(fault),
        }
    }

    fn price(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let Some(last) = talk.transcript.last() else {
            let body = talk.message.document.clone();
            if body.get("mainSrv").is_none() {
                return Err(ours("postal.price-form", "câu hỏi cước chưa được chuyển đổi sang dạng của bưu chính"));
            }
            return Ok(Turn::Call(self.call(PRICE, "POST", Service::Price, Vec::new(), Some(body))));
        };
        let body = wire::object(&last.answer.body.bytes).unwrap_or_default();
        let content = wire::field(&body, "content").unwrap_or(&Value::Null);
        match wire::field(content, "price").and_then(wire::dong) {
            Some(fee) if last.answer.status < 300 => {
                let services = json!([{ "service": "HCC", "fee": fee }]);
                let answer = Answer::json(200, &json!({ "provisional": true, "services": services }));
                Ok(Turn::Done(Receipt { reference: String::new(), answer: Some(answer), ..Receipt::default() }))
            }
            _ => match self.outcome(&last.answer) {
                Outcome::Failed(fault) => Err(fault),
                _ => Err(unreadable()),
            },
        }
    }

    /// A call, in the form of the configured transport.
    pub(super) fn call(
        &self,
        step: &str,
        method: &str,
        service: Service,
        mut query: Vec<(String, String)>,
        body: Option<Value>,
    ) -> Request {
        let settings = &self.settings;
        let name = &settings.services[service as usize];
        let path = match (settings.transport, service) {
            (Transport::LgspService | Transport::LgspHeader, _) | (_, Service::Order) => &settings.order_path,
            (_, Service::Cancel) => &settings.cancel_path,
            (_, Service::Tracking) => &settings.tracking_path,
            (_, Service::Price) => &settings.price_path,
        };
        let mut headers = Vec::new();
        match settings.transport {
            Transport::LgspService => query.insert(0, pair("service", name)),
            Transport::LgspHeader => headers.push(pair("service-code", name)),
            Transport::Ngsp | Transport::AccessToken => {}
        }
        Call { step, method, path, query, headers, body, account: self.logs_in() }.request()
    }

    fn customer(&self, talk: &Conversation) -> Result<&str, Fault> {
        let code = self.settings.customer(talk.message.unit.as_str());
        match code {
            "" => Err(ours("postal.no-customer", "chưa cấu hình mã khách hàng bưu chính (customer_code) của đơn vị này")),
            code => Ok(code),
        }
    }
}

fn unreadable() -> Fault {
    Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "chưa hiểu được câu trả lời của bưu chính")
}
