//! Ordering, cancelling, correcting and asking for the price at MyVNPost.
//!
//! A cancellation is granted at once (`00`) or waits for an approval (`02`): then the mark `cancel/<id>` is `pending`, the delivery is
//! over, and the history says how it ends. It goes by the carrier's own id of the order, which the order's answer has taught as
//! `peer/<number>`; the wire has nothing else.
//!
//! A correction is granted or waits in the same way, with the mark `correct/<id>`. One that waits has a case: its number stands in the
//! mark and in the delivery's reference, because nothing tells us later how it ended and a person must be able to find it at the
//! carrier. It may be made again, because it says the values wanted and no difference to those that are there.

use gateway_core::adapter::{Answer, Conversation, Effect, Exchange, Marks, Receipt, Request, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::{Map, Value, json};

use super::{MyVnPost, Settings, faults};
use crate::kinds::{ASK_POSTAL_PRICE, POSTAL_ORDER_CANCELLED, POSTAL_ORDER_CORRECTED, POSTAL_ORDER_REQUESTED};
use crate::postal::order::{Leg, Order, mark, marked, not_taken, ours, said, taken};
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call};

const CANCEL: &str = "cancel";
const CORRECT: &str = "correct";
const PRICE: &str = "price";

impl MyVnPost {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.message.kind.as_str() {
            POSTAL_ORDER_REQUESTED => self.order(talk),
            POSTAL_ORDER_CANCELLED => self.cancel(talk),
            POSTAL_ORDER_CORRECTED => self.correct(talk),
            ASK_POSTAL_PRICE => self.price(talk),
            other => Err(not_taken(other)),
        }
    }

    /// What the carrier calls the item and the order, and how far a cancellation or a correction is.
    pub(super) fn lesson(&self, exchange: &Exchange) -> Marks {
        let Exchange { request, answer } = exchange;
        let outcome = self.outcome(answer);
        if [CANCEL, CORRECT].contains(&request.step.as_str()) {
            let state = match (outcome, case(answer).filter(|_| request.step == CORRECT)) {
                (Outcome::Done, _) => "done".to_owned(),
                (Outcome::Pending, None) => "pending".to_owned(),
                (Outcome::Pending, Some(case)) => format!("pending {case}"),
                _ => return Marks::new(),
            };
            let asked = wire::object(&request.ask.body.bytes).unwrap_or_default();
            return wire::text(&asked, "OriginalId").map(|id| mark(&request.step, &id, state)).into_iter().collect();
        }
        let Some(leg) = Leg::of_step(&request.step).filter(|_| outcome == Outcome::Done) else { return Marks::new() };
        let asked = wire::object(&request.ask.body.bytes).unwrap_or_default();
        let answered = wire::object(&answer.body.bytes).unwrap_or_default();
        let number = asked.pointer("/informationOrder/saleOrderCode").and_then(wire::plain);
        let (Some(number), Some(order)) = (number, faults::order(&answered)) else { return Marks::new() };
        let mut marks = Marks::from([mark("leg", &number, leg.as_str()), said(&number, request)]);
        marks.extend(wire::text(order, "itemCode").map(|code| mark("tracking", &number, code)));
        marks.extend(wire::text(order, "originalId").map(|id| mark("peer", &number, id)));
        marks
    }

    fn order(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let order = Order::read(talk)?;
        let number = self.settings.number_form.compose(&order)?;
        let Some(last) = talk.transcript.last() else {
            self.settings.number_form.free(&number, order.leg, talk.marks)?;
            let body = json!({
                "orderCreationStatus": 1,
                "type": "GUI",
                "customerCode": self.settings.customer_code,
                "contractCode": filled(&self.settings.contract_code),
                "informationOrder": self.information(&order, &number)?,
            });
            let effect = if self.settings.sale_order_code_unique { Effect::Repeatable } else { Effect::Once };
            let request = Request { effect, ..self.call(order.leg.create(), "/CreateOrder", body) };
            return Ok(match taken(&number, &request, talk.marks)? {
                true => Turn::Done(Receipt { reference: number, ..Receipt::default() }),
                false => Turn::Call(request),
            });
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            Outcome::Failed(fault) | Outcome::Exists(fault) => Err(fault),
            Outcome::Pending => Err(unreadable()),
        }
    }

    fn information(&self, order: &Order, number: &str) -> Result<Map<String, Value>, Fault> {
        let settings = &self.settings;
        let mut block = order.block("informationOrder");
        block.insert("saleOrderCode".to_owned(), json!(number));
        block.insert("vehicle".to_owned(), json!(settings.vehicle));
        block.insert("sendType".to_owned(), json!(settings.send_type));
        if !block.contains_key("serviceCode") {
            if settings.service_code.is_empty() {
                let words = "chưa cấu hình mã dịch vụ (service_code) của MyVNPost và đơn hàng cũng không nêu";
                return Err(ours("postal.service", words));
            }
            block.insert("serviceCode".to_owned(), json!(settings.service_code));
        }
        block.insert("addonService".to_owned(), self.collecting(order));
        block.insert("additionRequest".to_owned(), json!([]));
        Ok(block)
    }

    /// The additional service that collects the fees; none if there are none.
    fn collecting(&self, order: &Order) -> Value {
        let Settings { cod_service, cod_property, .. } = &self.settings;
        let amount = order.value("codAmount").and_then(Value::as_i64).filter(|amount| *amount > 0);
        let service = |amount| json!({ "code": cod_service, "propValue": format!("{cod_property}:{amount}") });
        amount.map(service).into_iter().collect()
    }

    fn cancel(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let number = self.settings.number_form.compose(&Order::read(talk)?)?;
        let Some(last) = talk.transcript.last() else {
            let id = marked(talk.marks, "peer", &number).ok_or_else(|| {
                ours("postal.unknown-order", "chưa biết mã đơn hàng của MyVNPost nên chưa hủy được")
            })?;
            return Ok(Turn::Call(self.call(CANCEL, "/orderCancel", json!({ "OriginalId": id }))));
        };
        match self.outcome(&last.answer) {
            Outcome::Done | Outcome::Pending => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            Outcome::Failed(fault) | Outcome::Exists(fault) => Err(fault),
        }
    }

    fn correct(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let order = Order::read(talk)?;
        let number = self.settings.number_form.compose(&order)?;
        let Some(last) = talk.transcript.last() else {
            let id = marked(talk.marks, "peer", &number).ok_or_else(|| {
                ours("postal.unknown-order", "chưa biết mã đơn hàng của MyVNPost nên chưa sửa được")
            })?;
            let body = json!({ "OriginalId": id, "informationOrder": self.correction(&order) });
            return Ok(Turn::Call(self.call(CORRECT, "/orderCorrection", body)));
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference: number, ..Receipt::default() })),
            Outcome::Pending => {
                let reference = case(&last.answer).map(|case| format!("{number} CaseId {case}")).unwrap_or(number);
                Ok(Turn::Done(Receipt { reference, ..Receipt::default() }))
            }
            Outcome::Failed(fault) | Outcome::Exists(fault) => Err(fault),
        }
    }

    /// Only what changes: an answer hides names and telephones, so what does not change could not be repeated from one.
    fn correction(&self, order: &Order) -> Map<String, Value> {
        let mut block = order.block("informationOrder");
        if block.contains_key("receiverCommuneCode") {
            block.entry("receiverDistrictCode").or_insert_with(|| json!("VNPOST"));
        }
        if order.value("codAmount").is_some() {
            block.insert("addonService".to_owned(), self.collecting(order));
        }
        block
    }

    fn price(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let Some(last) = talk.transcript.last() else {
            let mut data = talk.message.document.clone();
            if data.get("receiverNational").is_none() {
                return Err(ours("postal.price-form", "câu hỏi cước chưa được chuyển đổi sang dạng của bưu chính"));
            }
            data["vehicle"] = json!(self.settings.vehicle);
            data["addonService"] = json!([]);
            let body = json!({
                "scope": 1,
                "customerCode": self.settings.customer_code,
                "contractNumber": filled(&self.settings.contract_code),
                "data": data,
            });
            return Ok(Turn::Call(self.call(PRICE, "/ServicesCharge", body)));
        };
        let answer: Value = serde_json::from_slice(&last.answer.body.bytes).unwrap_or_default();
        let list = answer.as_array().or_else(|| wire::field(&answer, "data").and_then(Value::as_array));
        let services: Vec<Value> = list.into_iter().flatten().filter_map(service).collect();
        if services.is_empty() || last.answer.status >= 300 {
            return Err(match self.outcome(&last.answer) {
                // An array is no JSON object to the table, and an empty one no offer.
                Outcome::Failed(fault) if list.is_none() => fault,
                _ => unreadable(),
            });
        }
        let answer = Answer::json(200, &json!({ "provisional": true, "services": services }));
        Ok(Turn::Done(Receipt { reference: String::new(), answer: Some(answer), ..Receipt::default() }))
    }

    fn call(&self, step: &str, path: &str, body: Value) -> Request {
        let path = format!("{}{path}", self.settings.prefix);
        let (query, headers) = (Vec::new(), Vec::new());
        Call { step, method: "POST", path: &path, query, headers, body: Some(body), account: true }.request()
    }
}

/// The number of the case that waits for an approval.
fn case(answer: &Answer) -> Option<String> {
    wire::text(&wire::object(&answer.body.bytes)?, "CaseId")
}

/// One offer: the total if it is told, else main fee and additional fees together.
fn service(offer: &Value) -> Option<Value> {
    let fee = |name: &str| wire::field(offer, name).and_then(wire::dong);
    let total = fee("totalFee").or_else(|| Some(fee("mainFee")? + fee("vasFee").unwrap_or(0)))?;
    Some(json!({ "service": wire::text(offer, "serviceCode")?, "name": wire::text(offer, "serviceName"), "fee": total }))
}

fn filled(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { json!(text) }
}

fn unreadable() -> Fault {
    Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "chưa hiểu được câu trả lời của MyVNPost")
}
