//! Everything that comes in place of an answer: each layer's own way to say that there is none.

use gateway_core::adapter::Answer;
use serde_json::json;

use super::body;
use crate::wire::soap::{self, Version};
use crate::wire::xml::escaped;

/// The words of `nudge` that replace the next answer.
pub(super) const WORDS: [&str; 10] = [
    "soap-fault",
    "wso2-xml",
    "wso2-json",
    "throttled",
    "xroad",
    "lgsp",
    "error-code",
    "html",
    "garbage",
    "doctype",
];

/// The answer of this quirk; none if it only changes how citizens look.
pub(super) fn instead(quirk: &str) -> Option<Answer> {
    Some(match quirk {
        "soap-fault" => soap_fault("soap:Server", "Internal error"),
        "wso2-xml" => api_manager_xml(500, 900_900, "Unclassified Authentication Failure"),
        "wso2-json" => api_manager_json(403, 900_908, "Resource forbidden"),
        "throttled" => api_manager_json(429, 900_802, "Message throttled out"),
        "xroad" => {
            let kind = "Server.ServerProxy.NetworkError";
            let mut answer = Answer::json(500, &json!({ "type": kind, "message": "Could not connect", "detail": "x" }));
            answer.headers.push(("x-road-error".to_owned(), kind.to_owned()));
            answer
        }
        "lgsp" => platform("500", "ERROR"),
        "error-code" => Answer::json(200, &json!({ "error_code": "99", "message": "Lỗi hệ thống" })),
        "html" => plain(200, "text/html", "<!DOCTYPE html><html><body>Maintenance</body></html>"),
        "garbage" => plain(200, "application/xml", "<soapenv:Envelope"),
        "doctype" => plain(200, "application/xml", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///x'>]><x>&e;</x>"),
        _ => return None,
    })
}

pub(super) fn plain(status: u16, media: &str, text: &str) -> Answer {
    body(status, media, text)
}

pub(super) fn soap(inside: &str) -> Answer {
    body(200, "text/xml;charset=UTF-8", &soap::write(Version::V11, inside))
}

pub(super) fn soap_fault(code: &str, reason: &str) -> Answer {
    let fault = format!(
        "<soap:Fault><faultcode>{code}</faultcode><faultstring>{}</faultstring></soap:Fault>",
        escaped(reason)
    );
    body(500, "text/xml;charset=UTF-8", &soap::write(Version::V11, &fault))
}

pub(super) fn api_manager_xml(status: u16, code: u32, message: &str) -> Answer {
    let text = format!(
        "<ams:fault xmlns:ams=\"http://wso2.org/apimanager/security\"><ams:code>{code}</ams:code>\
         <ams:message>{message}</ams:message><ams:description>x</ams:description></ams:fault>"
    );
    body(status, "application/xml", &text)
}

pub(super) fn api_manager_json(status: u16, code: u32, message: &str) -> Answer {
    Answer::json(status, &json!({ "fault": { "code": code, "message": message, "description": "x" } }))
}

pub(super) fn platform(code: &str, status: &str) -> Answer {
    Answer::json(200, &json!({ "code": code, "status": status, "correlationId": "c-1", "response": {} }))
}
