//! The order behind a conversation: which dossier, leg and shipment, under which number, and what we remember of it.
//!
//! There is one number for each dossier, leg and shipment, made by the form of the settings and by nothing else: so an order whose
//! answer was lost is made again under the same number where the carrier refuses a second one, and no retry ever makes one under
//! another. Marks remember by number, because two legs of one dossier share its lane: `leg/<number>` (whose leg it is), `said/<number>`
//! (a digest of what was ordered), `tracking/<number>` (the carrier's number of the item), `peer/<number>` (the carrier's own id of the
//! order), `cancel/<number>` and `correct/<number>` (`pending` until it is granted).

use gateway_core::adapter::{Conversation, Marks, Request};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::fingerprint;
use serde_json::{Map, Value};

use crate::settings::{Reader, defect};

/// Which way a shipment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    /// The result to the citizen.
    Return,
    /// The papers from the citizen.
    Collect,
}

impl Leg {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Leg::Return => "RETURN",
            Leg::Collect => "COLLECT",
        }
    }

    /// The step that orders it; a step's name is all of the leg that the journal keeps beside the number.
    pub(super) fn create(self) -> &'static str {
        match self {
            Leg::Return => "create-return",
            Leg::Collect => "create-collect",
        }
    }

    /// Whose leg a step ordered; none if it ordered nothing.
    pub(super) fn of_step(step: &str) -> Option<Leg> {
        [Leg::Return, Leg::Collect].into_iter().find(|leg| leg.create() == step)
    }

    fn letter(self) -> char {
        match self {
            Leg::Return => 'R',
            Leg::Collect => 'C',
        }
    }

    fn parse(text: &str) -> Option<Leg> {
        [Leg::Return, Leg::Collect].into_iter().find(|leg| leg.as_str() == text)
    }
}

/// What is to be ordered, cancelled or corrected.
pub(super) struct Order<'a> {
    pub(super) dossier: &'a str,
    pub(super) leg: Leg,
    pub(super) shipment: u64,
    document: &'a Value,
}

impl<'a> Order<'a> {
    /// Reads the block `order` of a translated document.
    pub(super) fn read(talk: &Conversation<'a>) -> Result<Order<'a>, Fault> {
        let document = &talk.message.document;
        let block = document.get("order");
        let text = |name: &str| block.and_then(|block| block.get(name)).and_then(Value::as_str);
        let shipment = block.and_then(|block| block.get("shipment")).and_then(Value::as_u64);
        match (text("dossier"), text("leg").and_then(Leg::parse), shipment.filter(|number| *number > 0)) {
            (Some(dossier), Some(leg), Some(shipment)) => Ok(Order { dossier, leg, shipment, document }),
            _ => Err(ours("postal.order", "thông điệp chưa được chuyển đổi thành đơn hàng bưu chính")),
        }
    }

    /// A block of the document, to be completed.
    pub(super) fn block(&self, name: &str) -> Map<String, Value> {
        self.document.get(name).and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// A value of the document.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.document.get(name)
    }
}

/// How an order number is made: `{dossier}`, or `{dossier}/{leg}{shipment}` with another sign in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NumberForm {
    /// Between dossier and leg; none if the number is the dossier's code alone.
    sign: Option<char>,
}

/// What a number says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) dossier: String,
    pub(super) leg: Option<Leg>,
    pub(super) shipment: Option<u64>,
}

impl NumberForm {
    /// Reads the setting `number_form`.
    pub(super) fn read(reader: &mut Reader, default: &str) -> NumberForm {
        let text = reader.text("number_form", default);
        NumberForm::parse_form(&text).unwrap_or_else(|| {
            let message = "{dossier}, or {dossier}/{leg}{shipment} with one of / - . _ in between, is expected";
            reader.push(defect("number_form", message));
            NumberForm { sign: None }
        })
    }

    fn parse_form(text: &str) -> Option<NumberForm> {
        let rest = text.strip_prefix("{dossier}")?;
        if rest.is_empty() {
            return Some(NumberForm { sign: None });
        }
        let sign = rest.strip_suffix("{leg}{shipment}")?;
        ["/", "-", ".", "_"].contains(&sign).then(|| NumberForm { sign: sign.chars().next() })
    }

    /// The number of an order.
    pub(super) fn compose(&self, order: &Order) -> Result<String, Fault> {
        match self.sign {
            Some(sign) => Ok(format!("{}{sign}{}{}", order.dossier, order.leg.letter(), order.shipment)),
            None if order.shipment == 1 => Ok(order.dossier.to_owned()),
            None => Err(ours(
                "postal.number-form",
                "dạng số đơn hàng (number_form) chỉ có mã hồ sơ nên không phân biệt được lần gửi thứ hai",
            )),
        }
    }

    /// What a number says that a carrier repeats. A number that is not ours says that it is a dossier's code.
    pub(super) fn parse(&self, number: &str) -> Parsed {
        let plain = || Parsed { dossier: number.to_owned(), leg: None, shipment: None };
        let Some((dossier, tail)) = self.sign.and_then(|sign| number.rsplit_once(sign)) else {
            return plain();
        };
        let leg = [Leg::Return, Leg::Collect].into_iter().find(|leg| tail.starts_with(leg.letter()));
        let shipment = tail.get(1..).and_then(|digits| digits.parse().ok());
        match (leg, shipment) {
            (Some(_), Some(_)) => Parsed { dossier: dossier.to_owned(), leg, shipment },
            _ => plain(),
        }
    }

    /// Is the order that the carrier already has under this number ours? It is if the number itself names the leg, or if we remember
    /// whose leg it is. Otherwise the citizen's papers could be taken for the result.
    pub(super) fn adopts(&self, number: &str, leg: Leg, marks: &Marks) -> bool {
        match remembered(marks, number) {
            Some(known) => known == leg,
            None => self.parse(number).leg == Some(leg),
        }
    }

    /// Turns an order away whose number is known to be the other leg's, or that of an order that was cancelled: carriers answer that it
    /// is there already, and nothing would ever be carried.
    pub(super) fn free(&self, number: &str, leg: Leg, marks: &Marks) -> Result<(), Fault> {
        let names = [Some(number), marked(marks, "peer", number)];
        if names.into_iter().flatten().any(|name| marked(marks, "cancel", name) == Some("done")) {
            return Err(ours(
                "postal.cancelled",
                "đơn hàng mang số này đã hủy; muốn gửi lại phải đặt lần gửi khác (tăng shipment)",
            ));
        }
        match remembered(marks, number) {
            Some(known) if known != leg => Err(ours(
                "postal.number-taken",
                "số đơn hàng này đã dùng cho chiều kia của hồ sơ; dùng number_form có {leg}{shipment}",
            )),
            _ => Ok(()),
        }
    }
}

/// Nobody can tell whether the order the carrier has is ours. Asked again for a while, because the tracking feed may yet show it;
/// then a person looks.
pub(super) fn unproven(cause: String) -> Fault {
    let words = "Bưu chính báo số đơn hàng đã có nhưng chưa rõ có đúng chiều gửi này không; cần kiểm tra trước khi dùng";
    Fault::new("postal.order-exists", Blame::Peer, Remedy::Unclear, words).because(cause)
}

/// What was ordered under a number, so that an order said again is told apart from another one.
pub(super) fn said(number: &str, request: &Request) -> (String, String) {
    mark("said", number, fingerprint(&[&String::from_utf8_lossy(&request.ask.body.bytes)]))
}

/// Has the carrier taken this very order, as far as we know? Another one under its number is turned away: the carrier would answer that
/// it is there already and carry the first one, or carry both.
pub(super) fn taken(number: &str, request: &Request, marks: &Marks) -> Result<bool, Fault> {
    let (name, value) = said(number, request);
    match marks.get(&name) {
        Some(known) if *known != value => Err(ours(
            "postal.order-differs",
            "bưu chính đã nhận một đơn khác mang số này (khác địa chỉ hoặc nội dung) và sẽ chuyển theo đơn trước; \
             hãy sửa đơn tại bưu chính, hoặc đặt lần gửi khác (tăng shipment)",
        )),
        known => Ok(known.is_some()),
    }
}

/// A mark about an order.
pub(super) fn mark(name: &str, number: &str, value: impl Into<String>) -> (String, String) {
    (format!("{name}/{number}"), value.into())
}

/// What a mark about an order says.
pub(super) fn marked<'a>(marks: &'a Marks, name: &str, number: &str) -> Option<&'a str> {
    marks.get(&format!("{name}/{number}")).map(String::as_str)
}

/// Something of ours is missing or not meant for this carrier.
pub(super) fn ours(code: &'static str, words: impl Into<String>) -> Fault {
    Fault::new(code, Blame::Gateway, Remedy::Correct, words)
}

/// A kind that this carrier's dialect does not take.
pub(super) fn not_taken(kind: &str) -> Fault {
    ours("postal.kind", format!("giao diện bưu chính này không nhận loại thông điệp {kind}"))
}

fn remembered(marks: &Marks, number: &str) -> Option<Leg> {
    marked(marks, "leg", number).and_then(Leg::parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> NumberForm {
        NumberForm::parse_form(text).unwrap()
    }

    fn order(leg: Leg, shipment: u64) -> Order<'static> {
        Order { dossier: "H99.07-261001-0042", leg, shipment, document: &Value::Null }
    }

    #[test]
    fn duplicate_orders_on_retry_cannot_be_because_the_number_is_fixed() {
        let form = form("{dossier}/{leg}{shipment}");
        let number = form.compose(&order(Leg::Collect, 2)).unwrap();
        assert_eq!(number, "H99.07-261001-0042/C2");
        assert_eq!(form.compose(&order(Leg::Collect, 2)).unwrap(), number);
        let said = Parsed { dossier: "H99.07-261001-0042".into(), leg: Some(Leg::Collect), shipment: Some(2) };
        assert_eq!(form.parse(&number), said);
        // An old number without a leg is still somebody's.
        assert_eq!(form.parse("H99.07-261001-0042").leg, None);
    }

    #[test]
    fn a_number_without_a_leg_holds_one_shipment_only() {
        let form = form("{dossier}");
        assert_eq!(form.compose(&order(Leg::Return, 1)).unwrap(), "H99.07-261001-0042");
        assert_eq!(form.compose(&order(Leg::Return, 2)).unwrap_err().code, "postal.number-form");
        for wrong in ["", "{leg}", "{dossier}{leg}{shipment}", "{dossier}//{leg}{shipment}", "x{dossier}"] {
            assert_eq!(NumberForm::parse_form(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_order_that_exists_is_adopted_only_for_the_same_leg() {
        let (plain, full) = (form("{dossier}"), form("{dossier}-{leg}{shipment}"));
        let known = Marks::from([mark("leg", "A", "RETURN")]);
        assert!(plain.adopts("A", Leg::Return, &known) && !plain.adopts("A", Leg::Collect, &known));
        assert!(!plain.adopts("A", Leg::Return, &Marks::new()));
        assert!(full.adopts("A-R1", Leg::Return, &Marks::new()));
        assert!(!full.adopts("A-C1", Leg::Return, &Marks::new()));
        assert_eq!(plain.free("A", Leg::Collect, &known).unwrap_err().code, "postal.number-taken");
        assert!(plain.free("A", Leg::Return, &known).is_ok());
        let by = |name: &str| Marks::from([mark("peer", "A", "O1"), mark("cancel", name, "done")]);
        for (cancelled, free) in [("A", false), ("O1", false), ("B", true)] {
            assert_eq!(plain.free("A", Leg::Return, &by(cancelled)).is_ok(), free, "{cancelled}");
        }
    }
}
