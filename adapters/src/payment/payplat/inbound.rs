//! CONFIRM, and the portal's question what is due for a dossier; told apart by the end of the path.
//!
//! A CONFIRM without a signature is one whose signature does not hold. The answer is signed too, and says the same each time: its time is
//! that of the CONFIRM. What a browser brings back from the Platform has no door here.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Arrival, Ask, Body, Fate, Heard, Item, Keys, Payload};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Kind;
use gateway_core::json;
use serde_json::{Value, json};

use super::outbound::stamp;
use super::{Settings, signed};
use crate::kinds::{ASK_FEES_DUE, PAYMENT_OBSERVED};
use crate::payment::{seal, wire};
use crate::wire::refusal::words_of;

const FRAME: &str = "payment.frame";
const DUE: &str = "dptracuuthanhtoanhs";

/// Does the signature of a CONFIRM hold? The look-up carries none.
pub(super) fn vouches(ask: &Ask, keys: &Keys) -> Option<bool> {
    if is_look_up(&ask.path) {
        return None;
    }
    let Some(body) = wire::object(&ask.body.bytes) else { return Some(false) };
    let shown = seal::exact(&body, signed::FIELD);
    let plain = signed::is_plain(&body, &signed::CONFIRM);
    Some(plain && seal::valid(keys).any(|secret| seal::agree(&signed::made(&body, signed::CONFIRM, secret), &shown)))
}

/// One call is one item.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    let body = json::parse(&arrival.ask.body.bytes)?;
    if !body.is_object() {
        return Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON"));
    }
    let look_up = is_look_up(&arrival.ask.path);
    let item = Item {
        kind: Kind::from(if look_up { ASK_FEES_DUE } else { PAYMENT_OBSERVED }),
        dossier: wire::text(&body, "MaHoSo").filter(|_| look_up),
        unit: None,
        keys: Vec::new(),
        hints: BTreeMap::new(),
        payload: Payload::Json(body),
    };
    Ok(if look_up { Heard::Question(item) } else { Heard::Messages(vec![item]) })
}

/// In the words of the call that was made.
pub(super) fn reply(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    if is_look_up(&arrival.ask.path) { due(arrival, said) } else { taken(arrival, said) }
}

/// `00` once it is on disk, also if it was before; `99` and why otherwise.
fn taken(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let told = wire::object(&arrival.ask.body.bytes).unwrap_or_default();
    let answer = |code: &str, words: &str| {
        json!({
            "MaLoi": code,
            "MoTaLoi": words,
            "MaDoiTac": seal::exact(&told, "MaDoiTac"),
            "MaThamChieu": seal::exact(&told, "MaThamChieu"),
            "ThoiGianGD": seal::exact(&told, "ThoiGianGD"),
        })
    };
    let fault = match said {
        Err(fault) => Some(fault),
        Ok(fates) => wire::refused(fates),
    };
    match fault {
        None => Answer::json(200, &answer("00", "Da ghi nhan")),
        Some(fault) => wire::refusal(fault, &answer("99", &words_of(fault))),
    }
}

/// 1 with what is due, 0 if nothing is, -1 if nobody knows the dossier.
fn due(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let none = || Fault::new("gateway.nothing", Blame::Gateway, Remedy::Correct, "không có kết quả");
    let refused = |fault: &Fault| wire::refusal(fault, &json!({ "error_code": -1, "message": words_of(fault) }));
    let answer = match said {
        Err(fault) => return refused(fault),
        Ok([Fate::Answered(answer)]) => answer,
        Ok(fates) => return refused(wire::refused(fates).unwrap_or(&none())),
    };
    let mut due = wire::object(&answer.body.bytes).unwrap_or_default();
    let lines = due.get("PhiLePhi").and_then(Value::as_array).is_some_and(|lines| !lines.is_empty());
    if !lines {
        return Answer::json(200, &json!({ "error_code": 0, "message": "Không có khoản phải nộp" }));
    }
    let code = seal::exact(&due, "MaHoSo");
    due["MaTraCuuTT"] = json!(format!("{code}{}", stamp(arrival.at)));
    Answer::json(200, &json!({ "error_code": 1, "message": due }))
}

/// Signs the answer to a CONFIRM.
pub(super) fn sealed(mut answer: Answer, keys: &Keys, settings: &Settings) -> Answer {
    let (Some(mut body), Some(secret)) = (wire::object(&answer.body.bytes), seal::signing(keys)) else {
        return answer;
    };
    if body.get("MaLoi").is_some() {
        let made = signed::made(&body, settings.answer_signed.iter().map(String::as_str), secret);
        body[signed::FIELD] = json!(made);
        answer.body = Body::of(body.to_string());
    }
    answer
}

fn is_look_up(path: &str) -> bool {
    let end = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    end.eq_ignore_ascii_case(DUE)
}

#[cfg(test)]
mod tests {
    use gateway_core::adapter::Secret;

    use super::*;

    fn ask(path: &str, body: &str) -> Ask {
        let (method, path) = ("POST".to_owned(), path.to_owned());
        Ask { method, path, query: Vec::new(), headers: Vec::new(), body: Body::of(body) }
    }

    #[test]
    fn a_confirm_is_believed_with_any_secret_that_is_valid_and_with_no_other() {
        let body = r#"{"LoaiBanTin":"CONFIRM","MaLoi":"00","MaDoiTac":"DOITACTHU","MaThamChieu":"TC2603100000000007",
            "SoTien":"50000","MaTienTe":"VND","MaGiaoDich":"GD000000001","MaNganHang":"NHTHU","ThoiGianGD":"20260310102030",
            "ThongTinGiaoDich":"Le phi H99.14-260310-0007",
            "MaXacThuc":"f29409b0957d3648bf130ac4529e642901c3e0dd8c1745f55384c5c7466f6201"}"#;
        let path = "/XrdAdapter/RestService/forward/dpnhankqthanhtoanhs";
        let vouched = |names: &[(&str, &str)], path: &str, body: &str| {
            let fixed = names.iter().map(|(name, key)| ((*name).to_owned(), Secret::new(*key))).collect();
            vouches(&ask(path, body), &Keys { fixed: &fixed, session: None })
        };
        assert_eq!(vouched(&[("secret", "KHOABIMATTHU")], path, body), Some(true));
        assert_eq!(vouched(&[("secret", "moi"), ("secret-previous", "KHOABIMATTHU")], path, body), Some(true));
        assert_eq!(vouched(&[("secret", "moi"), ("secretive", "KHOABIMATTHU")], path, body), Some(false));
        assert_eq!(vouched(&[], path, body), Some(false));
        assert_eq!(vouched(&[("secret", "KHOABIMATTHU")], path, "{}"), Some(false));
        assert_eq!(vouched(&[("secret", "KHOABIMATTHU")], path, "xin chào"), Some(false));
        // The portal's look-up carries no signature, and a path that only looks like one is none.
        assert_eq!(vouched(&[], "/forward/dptracuuthanhtoanhs", "{}"), None);
        assert_eq!(vouched(&[], "/dptracuuthanhtoanhs/dpnhankqthanhtoanhs", body), Some(false));
    }
}
