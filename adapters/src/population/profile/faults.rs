//! What came back, before anybody looks for a citizen in it: the answer itself, or one of the many other things that come on the
//! same call. One table; each has its own code.
//!
//! The layers between us and the database answer in their own forms, under any HTTP status: a SOAP fault of the service, a fault
//! of the API manager in XML or JSON, an error of X-Road, a platform's envelope, a page of HTML. Form decides first, status
//! after. Texts of peers go to the operator only, shortened, with all numbers masked, because they may quote persons.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::json;
use serde_json::Value;

use crate::wire::cause::{form, masked_above, retry_after_ms};
use crate::wire::soap::{self, NoEnvelope};
use crate::wire::xml::{self, Element};

/// Codes of errors are shorter than anything that names a person.
const DIGITS_SHOWN_MAX: usize = 6;

/// An answer that can be read.
#[derive(Debug)]
pub(super) enum Said {
    /// What is in the body of a SOAP answer.
    Soap(Vec<Element>),
    /// JSON, without a platform's envelope.
    Json(Value),
}

/// The rows: what is seen, its code, what helps, and what is told.
const ROWS: [(Seen, &str, Remedy, &str); 13] = [
    (Seen::Session, "population.session", Remedy::Renew, "phiên làm việc với nền tảng không còn hiệu lực"),
    (Seen::Throttled, "population.throttled", Remedy::Later, "nền tảng đang giới hạn số lần hỏi; hãy thử lại sau"),
    (Seen::Forbidden, "population.forbidden", Remedy::Correct, "nền tảng không cho phép hệ thống của tỉnh gọi dịch vụ này"),
    (Seen::ApiManager, "population.api-manager", Remedy::Unclear, "nền tảng báo lỗi và không chuyển câu hỏi"),
    (Seen::SoapFault, "population.soap-fault", Remedy::Unclear, "CSDLQG về dân cư báo lỗi xử lý câu hỏi"),
    (Seen::XRoad, "population.x-road", Remedy::Later, "lớp X-Road không chuyển được câu hỏi"),
    (Seen::Lgsp, "population.lgsp", Remedy::Unclear, "trục LGSP báo lỗi và không chuyển câu hỏi"),
    (Seen::ErrorCode, "population.error-code", Remedy::Unclear, "nền tảng trả lời bằng mã lỗi"),
    (Seen::Html, "population.html", Remedy::Doubt, "nhận được trang HTML thay cho câu trả lời"),
    (Seen::Busy, "population.busy", Remedy::Later, "CSDLQG về dân cư tạm thời không trả lời"),
    (Seen::NotThere, "population.not-there", Remedy::Correct, "không có dịch vụ ở địa chỉ đã cấu hình"),
    (Seen::Status, "population.status", Remedy::Unclear, "câu trả lời có mã HTTP báo lỗi"),
    (Seen::Unreadable, "population.unreadable", Remedy::Unclear, "không đọc được câu trả lời của CSDLQG về dân cư"),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Session,
    Throttled,
    Forbidden,
    ApiManager,
    SoapFault,
    XRoad,
    Lgsp,
    ErrorCode,
    Html,
    Busy,
    NotThere,
    Status,
    Unreadable,
}

fn fault(seen: Seen, cause: String) -> Fault {
    let row = ROWS.iter().find(|(known, ..)| *known == seen);
    let (code, remedy, words) =
        row.map_or(("population.unreadable", Remedy::Unclear, ""), |(_, code, remedy, words)| (*code, *remedy, *words));
    Fault::new(code, Blame::Peer, remedy, words).because(cause)
}

/// Nobody can read this.
pub(super) fn unreadable(cause: &str) -> Fault {
    fault(Seen::Unreadable, cause.to_owned())
}

/// The service said no to this call.
pub(super) fn soap_fault(code: &str, reason: &str) -> Fault {
    let fault = fault(Seen::SoapFault, format!("{}: {}", masked(code), masked(reason)));
    match code {
        // The sender's, as SOAP has it: the same call will never be taken.
        "Client" | "Sender" => Fault { remedy: Remedy::Correct, ..fault },
        "Server" | "Receiver" => Fault { remedy: Remedy::Later, ..fault },
        _ => fault,
    }
}

/// Tells an answer from everything else.
pub(super) fn said(answer: &Answer) -> Result<Said, Fault> {
    let said = match answer.header("x-road-error") {
        Some(error) => Err(x_road(error, "")),
        None => by_form(answer),
    };
    said.map_err(|fault| Fault { retry_after_ms: retry_after_ms(answer), ..fault })
}

fn by_form(answer: &Answer) -> Result<Said, Fault> {
    let body = answer.body.bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&answer.body.bytes).trim_ascii();
    let said = match body.first() {
        Some(b'<') if is_html(body) => Err(fault(Seen::Html, form(answer))),
        Some(b'<') => in_xml(body),
        Some(b'{' | b'[') => in_json(body),
        _ => Err(unreadable(&form(answer))),
    };
    match (said, by_status(answer)) {
        // A layer that names its trouble is believed before a status that many troubles share.
        (Err(fault), Some(seen)) if fault.code == "population.unreadable" => Err(self::fault(seen, form(answer))),
        (Err(fault), _) => Err(fault),
        (Ok(_), Some(seen)) => Err(fault(seen, form(answer))),
        (Ok(said), None) => Ok(said),
    }
}

fn by_status(answer: &Answer) -> Option<Seen> {
    Some(match answer.status {
        200..=299 => return None,
        401 => Seen::Session,
        403 => Seen::Forbidden,
        404 | 405 | 410 => Seen::NotThere,
        429 => Seen::Throttled,
        500..=599 => Seen::Busy,
        _ => Seen::Status,
    })
}

fn is_html(body: &[u8]) -> bool {
    let head: Vec<u8> = body.iter().take(64).map(u8::to_ascii_lowercase).collect();
    head.starts_with(b"<!doctype html") || head.starts_with(b"<html")
}

fn in_xml(body: &[u8]) -> Result<Said, Fault> {
    let root = xml::parse(body).map_err(|why| unreadable(&format!("{why:?}").to_lowercase()))?;
    if root.name == "fault"
        && let Some(code) = root.child("code")
    {
        let text = |name| root.child(name).map_or("", |found: &Element| found.text.trim());
        return Err(api_manager(code.text.trim(), text("message")));
    }
    match soap::of(root) {
        Ok(envelope) => match envelope.fault() {
            Some((code, reason)) => Err(soap_fault(&code, &reason)),
            None => Ok(Said::Soap(envelope.body)),
        },
        Err(NoEnvelope::Version) => Err(unreadable("an envelope of another version of SOAP")),
        Err(_) => Err(unreadable("XML that is no SOAP answer")),
    }
}

fn in_json(body: &[u8]) -> Result<Said, Fault> {
    let value = json::parse(body).map_err(|error| unreadable(&error.words))?;
    let text = |value: &Value, name: &str| value.get(name).and_then(plain).unwrap_or_default();
    if let Some(inner) = value.get("fault") {
        return Err(api_manager(&text(inner, "code"), &text(inner, "message")));
    }
    let kind = text(&value, "type");
    if kind.starts_with("Server.") || kind.starts_with("Client.") {
        return Err(x_road(&kind, &text(&value, "message")));
    }
    if value.get("correlationId").is_some() || (value.get("response").is_some() && value.get("code").is_some()) {
        let code = text(&value, "code");
        if !["", "0", "00", "200"].contains(&code.as_str()) {
            let cause = format!("code {}, status {}", masked(&code), masked(&text(&value, "status")));
            return Err(fault(Seen::Lgsp, cause));
        }
        let inner = value.get("response").cloned().unwrap_or_default();
        return without_error(inner);
    }
    without_error(value)
}

/// `error_code` is a number or a text; nothing but zero means that what else is there may be read.
fn without_error(value: Value) -> Result<Said, Fault> {
    let code = value.get("error_code").and_then(plain).unwrap_or_default();
    match ["", "0", "00"].contains(&code.as_str()) {
        true => Ok(Said::Json(value)),
        false => {
            let words = value.get("message").and_then(plain).unwrap_or_default();
            Err(fault(Seen::ErrorCode, format!("error_code {}: {}", masked(&code), masked(&words))))
        }
    }
}

/// An error of X-Road itself. What only its administrators can change does not change by waiting.
fn x_road(kind: &str, message: &str) -> Fault {
    let fault = fault(Seen::XRoad, format!("{} {}", masked(kind), masked(message)).trim().to_owned());
    let lasting = ["AccessDenied", "UnknownService", "UnknownMember", "ServiceDisabled", "SslAuthenticationFailed"];
    match lasting.iter().any(|end| kind.ends_with(end)) {
        true => Fault { remedy: Remedy::Correct, ..fault },
        false => fault,
    }
}

/// A fault of the API manager, by its number.
fn api_manager(code: &str, message: &str) -> Fault {
    let seen = match code.parse::<u32>().unwrap_or(0) {
        900_906 | 404 => Seen::NotThere,
        900_901..=900_904 => Seen::Session,
        900_800..=900_807 | 700_700 => Seen::Throttled,
        900_905..=900_910 => Seen::Forbidden,
        _ => Seen::ApiManager,
    };
    fault(seen, format!("{}: {}", masked(code), masked(message)))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Short, on one line, with `***` for every run of digits that may be part of a number of a person.
fn masked(text: &str) -> String {
    masked_above(DIGITS_SHOWN_MAX, text).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::adapter::Body;

    fn code_of(status: u16, header: Option<(&str, &str)>, body: &str) -> String {
        let headers = header.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let answer = Answer { status, headers, body: Body::of(body.as_bytes().to_vec()) };
        said(&answer).map_or_else(|fault| fault.code.into_owned(), |_| "read".to_owned())
    }

    #[test]
    fn each_thing_that_may_come_has_its_own_code() {
        let v11 = "http://schemas.xmlsoap.org/soap/envelope/";
        let soap = format!("<s:Envelope xmlns:s='{v11}'><s:Body><a/></s:Body></s:Envelope>");
        let refused = format!("<s:Envelope xmlns:s='{v11}'><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>x</faultstring></s:Fault></s:Body></s:Envelope>");
        let wso2 = |code| format!("<ams:fault xmlns:ams='http://wso2.org/apimanager/security'><ams:code>{code}</ams:code><ams:message>m</ams:message></ams:fault>");
        type Row<'a> = (u16, Option<(&'a str, &'a str)>, &'a str, &'a str);
        let rows: [Row; 26] = [
            (200, None, &soap, "read"),
            (200, None, &format!("\u{feff}\n{soap}"), "read"),
            (500, None, &refused, "population.soap-fault"),
            (200, None, &refused, "population.soap-fault"),
            (401, None, &wso2("900901"), "population.session"),
            (500, None, &wso2("900902"), "population.session"),
            (403, None, &wso2("900908"), "population.forbidden"),
            (200, None, &wso2("900900"), "population.api-manager"),
            (429, None, r#"{"fault":{"code":900802,"message":"m","description":"d"}}"#, "population.throttled"),
            (503, None, r#"{"fault":{"code":700700}}"#, "population.throttled"),
            (401, None, r#"{"fault":{"code":"900902"}}"#, "population.session"),
            (500, Some(("X-Road-Error", "Server.ServerProxy.AccessDenied")), "{}", "population.x-road"),
            (500, None, r#"{"type":"Server.ClientProxy.NetworkError","message":"m","detail":"d"}"#, "population.x-road"),
            (200, None, r#"{"code":"500","status":"ERROR","correlationId":"c","response":{}}"#, "population.lgsp"),
            (200, None, r#"{"code":200,"status":"OK","correlationId":"c","response":{"error_code":"0"}}"#, "read"),
            (200, None, r#"{"code":"200","status":"OK","response":{"error_code":7}}"#, "population.error-code"),
            (200, None, r#"{"error_code":"-1","message":"m"}"#, "population.error-code"),
            (200, None, "<!DOCTYPE html><html></html>", "population.html"),
            (502, None, "<html>Bad Gateway", "population.html"),
            (200, None, "<!DOCTYPE x [<!ENTITY e 'x'>]><x>&e;</x>", "population.unreadable"),
            (200, None, "", "population.unreadable"),
            (200, None, "Nguyen Van Thu", "population.unreadable"),
            (503, None, "", "population.busy"),
            (401, None, "no", "population.session"),
            (404, None, "no", "population.not-there"),
            (418, None, "no", "population.status"),
        ];
        for (status, header, body, code) in rows {
            assert_eq!(code_of(status, header, body), code, "{status} {body}");
        }
        assert_eq!(code_of(500, None, &soap), "population.busy");
    }

    #[test]
    fn what_a_peer_says_shows_no_person() {
        let answer = Answer::json(200, &serde_json::json!({"error_code": 5, "message": "CCCD 001085000000 sai"}));
        let fault = said(&answer).unwrap_err();
        assert_eq!(fault.cause, "error_code 5: CCCD *** sai");
        let answer = Answer { status: 200, headers: vec![], body: Body::of(b"Nguyen Van Thu".to_vec()) };
        assert_eq!(said(&answer).unwrap_err().cause, "HTTP 200, no content type, 14 bytes");
    }
}
