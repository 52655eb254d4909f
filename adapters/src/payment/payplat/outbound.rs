//! INIT and GET_BILL. Time and signature are put on by `sign`, so the stored request shows neither.
//!
//! INIT counts once: nobody knows what the Platform makes of a reference that it has. Its fate unknown is no payment; QUERY tells.

use gateway_core::adapter::{Answer, Body, Conversation, Effect, Keys, Receipt, Request, Signed, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::{PayPlat, signed as order};
use crate::kinds::{ASK_PAYMENT_RECEIPT, HINT_REFERENCE, START_PAYMENT};
use crate::payment::outcomes::Outcome;
use crate::payment::{seal, wire};

pub(super) const INIT: &str = "init";
pub(super) const BILL: &str = "bill";

impl PayPlat {
    /// The next call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.message.kind.as_str() {
            START_PAYMENT => self.init(talk),
            ASK_PAYMENT_RECEIPT => self.bill(talk),
            other => Err(wire::not_taken(other)),
        }
    }

    fn init(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let no_reference = || wire::ours("payment.reference", "khoản thanh toán chưa có mã tham chiếu");
        let reference = talk.message.hints.get(HINT_REFERENCE).ok_or_else(no_reference)?;
        let Some(last) = talk.transcript.last() else {
            let mut body = talk.message.document.clone();
            self.name(&mut body, reference)?;
            return Ok(Turn::Call(wire::post(INIT, Effect::Once, &self.settings.init_path, &body, None)));
        };
        let said = self.said(&last.answer)?;
        match wire::text(&said, "UrlThanhToan") {
            Some(url) => Ok(done(reference, &json!({ "reference": reference, "url": url }))),
            None => Err(wire::unclear()),
        }
    }

    fn bill(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        let reference = wire::text(&talk.message.document, "MaThamChieu").unwrap_or_default();
        let Some(last) = talk.transcript.last() else {
            let mut body = json!({ "LoaiBanTin": "GET_BILL" });
            self.name(&mut body, &reference)?;
            return Ok(Turn::Call(wire::post(BILL, Effect::Repeatable, &self.settings.bill_path, &body, None)));
        };
        let said = self.said(&last.answer)?;
        match wire::text(&said, "UrlBienLai") {
            Some(url) => Ok(done(&reference, &json!({ "reference": reference, "url": url }))),
            None => Err(wire::unclear()),
        }
    }

    /// Who speaks, in which version, of which payment.
    pub(super) fn name(&self, body: &mut Value, reference: &str) -> Result<(), Fault> {
        if self.settings.partner_code.is_empty() {
            let words = "chưa cấu hình mã đối tác (partner_code) của nền tảng thanh toán";
            return Err(wire::ours("payment.no-partner", words));
        }
        body["PhienBan"] = json!(self.settings.version);
        body["MaDoiTac"] = json!(self.settings.partner_code);
        body["MaThamChieu"] = json!(reference);
        Ok(())
    }

    fn said(&self, answer: &Answer) -> Result<Value, Fault> {
        match self.outcome(answer) {
            Outcome::Done => Ok(wire::object(&answer.body.bytes).unwrap_or_default()),
            Outcome::Pending(fault) | Outcome::Failed(fault) => Err(fault),
        }
    }
}

fn done(reference: &str, document: &Value) -> Turn<Receipt> {
    let answer = Some(Answer::json(200, document));
    Turn::Done(Receipt { reference: reference.to_owned(), answer, ..Receipt::default() })
}

/// Puts the time and the signature on.
pub(super) fn signed(request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
    let mut ask = request.ask.clone();
    let mut body = wire::object(&ask.body.bytes).unwrap_or_default();
    let no_key = || {
        let words = "chưa cấu hình khóa bí mật (secret) của nền tảng thanh toán";
        Fault::new("payment.key", Blame::Gateway, Remedy::Later, words)
    };
    let secret = seal::signing(keys).ok_or_else(no_key)?;
    body["ThoiGianGD"] = json!(stamp(at));
    let made = match request.step.as_str() {
        INIT => order::made(&body, order::INIT, secret),
        _ => order::made(&body, order::QUERY, secret),
    };
    body[order::FIELD] = json!(made);
    ask.body = Body::of(body.to_string());
    Ok(Signed::new(ask))
}

/// `yyyyMMddHHmmss` in Viet Nam's time.
pub(super) fn stamp(at: Moment) -> String {
    at.for_people().chars().filter(char::is_ascii_digit).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use gateway_core::adapter::Secret;

    use super::*;

    /// Made by another program from the documented order, of the field's own example.
    const MADE_ELSEWHERE: &str = "7deb1a864f8cbaf93c40624cf3b9ac1377c628a28bcb4b1e97119f83b69a8776";

    #[test]
    fn an_init_is_signed_in_the_documented_order_with_the_time_of_the_call() {
        let body = json!({
            "LoaiBanTin": "INIT", "PhienBan": "1.0.6", "MaDoiTac": "DOITACTHU", "MaThamChieu": "TC2603100000000007",
            "SoTien": "50000", "LoaiHinhThanhToan": "PAY", "MaKenhThanhToan": "1", "MaThietBi": "1", "NgonNgu": "vi-VN",
            "MaTienTe": "VND", "MaNganHang": "PAYMENT", "ThongTinGiaoDich": "Le phi H99.14-260310-0007", "Ip": "192.0.2.10",
        });
        let fixed = BTreeMap::from([("secret".to_owned(), Secret::new("KHOABIMATTHU\n"))]);
        let keys = Keys { fixed: &fixed, session: None };
        let at = Moment::parse("2026-03-10T10:20:00+07:00").unwrap();
        let request = wire::post(INIT, Effect::Once, "/payment/init", &body, None);
        let signed = signed(&request, &keys, at).unwrap();
        let sent = wire::object(&signed.ask().body.bytes).unwrap();
        assert_eq!(sent["ThoiGianGD"], "20260310102000");
        assert_eq!(sent["MaXacThuc"], MADE_ELSEWHERE);
        // Nothing of it in what is stored.
        assert!(!String::from_utf8_lossy(&request.ask.body.bytes).contains("MaXacThuc"));
    }
}
