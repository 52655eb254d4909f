//! Frames a SOAP question: its envelope is judged here, its content by the contract.
//!
//! What SOAP itself demands comes first, in its order: a version we speak, no header block that must be understood, one known
//! element of our namespace. The content goes on as `CauHoi` in our namespace, whatever prefixes the caller used; what says
//! to be nothing (`xsi:nil`) is left out.

use gateway_core::adapter::{Answer, Arrival, Ask, Body, Heard, Payload};
use gateway_core::fault::Fault;

use super::{NAMESPACE, Settings};
use crate::population::frame;
use crate::population::{LOOK_UP, VERIFY, VERIFY_KIN};
use crate::wire::soap::{self, Envelope, NoEnvelope};
use crate::wire::xml::{Element, Unreadable, Writer};

/// The description, as it lies beside the contract.
const WSDL: &str = include_str!("../../../../schemas/population/soap/cong-dan.wsdl");
/// The address in it.
const ADDRESS: &str = "http://127.0.0.1:8460/soap/cong-dan";
const DOSSIER: &str = "MaHoSo";

/// The operations: element of the question, kind.
pub(super) const OPERATIONS: [(&str, &str); 3] =
    [("TraCuuCongDan", LOOK_UP), ("XacThucCongDan", VERIFY), ("XacMinhNhanThan", VERIFY_KIN)];

/// `GET …?wsdl`.
pub(super) fn description(settings: &Settings, ask: &Ask) -> Option<Answer> {
    ask.query.iter().find(|(name, _)| name.eq_ignore_ascii_case("wsdl"))?;
    let address = match (settings.address.as_str(), ask.header("host")) {
        ("", Some(host)) => {
            // Not the caller's header: the door says it.
            let scheme = ask.header("x-forwarded-proto").unwrap_or("http");
            format!("{scheme}://{host}{}", ask.path)
        }
        ("", None) => ADDRESS.to_owned(),
        (own, _) => own.to_owned(),
    };
    let text = WSDL.replace(ADDRESS, &crate::wire::xml::escaped(&address));
    let headers = vec![("content-type".to_owned(), "text/xml; charset=utf-8".to_owned())];
    Some(Answer { status: 200, headers, body: Body::of(text) })
}

/// One envelope is one question.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    frame::check_url(&arrival.ask)?;
    let envelope = soap::read(&arrival.ask.body.bytes).map_err(no_envelope)?;
    if !envelope.demands().is_empty() {
        let words = "hệ thống không hiểu các khối tiêu đề SOAP có mustUnderstand";
        return Err(Fault::sender("soap.must-understand", words));
    }
    let (asked, kind) = operation(&envelope)?;
    let has = |name: &str| asked.child(name).is_some_and(|found| !found.text.trim().is_empty());
    frame::check_number(has("SoDinhDanh") || has("SoCMND"), ["SoDinhDanh", "SoCMND"])?;
    let text = |name: &str| asked.child(name).and_then(|found| frame::filled(&found.text));
    let own = text(DOSSIER);
    let dossier = frame::dossier(&arrival.ask, own.clone());
    let missing = dossier.as_deref().filter(|_| own.is_none());
    let payload = Payload::Xml(question(asked, missing)?);
    Ok(Heard::Question(frame::item(kind, dossier, text("MaDonVi"), payload)))
}

/// The one element of the body and the kind it asks for.
pub(super) fn operation(envelope: &Envelope) -> Result<(&Element, &'static str), Fault> {
    let [asked] = envelope.body.as_slice() else {
        return Err(Fault::sender("soap.frame", "phần Body phải có đúng một phần tử"));
    };
    if asked.namespace != NAMESPACE {
        let words = format!("phần tử trong Body phải thuộc không gian tên {NAMESPACE}");
        return Err(Fault::sender("soap.namespace", words));
    }
    let known = OPERATIONS.iter().find(|(name, _)| *name == asked.name);
    let (_, kind) = known.ok_or_else(|| Fault::sender("question.operation", "không có dịch vụ này trong WSDL"))?;
    Ok((asked, kind))
}

fn no_envelope(why: NoEnvelope) -> Fault {
    match why {
        NoEnvelope::Xml(Unreadable::Doctype) => Fault::sender("body.doctype", "XML không được có khai báo DOCTYPE"),
        NoEnvelope::Xml(Unreadable::Encoding) => Fault::sender("body.encoding", "XML phải dùng bảng mã UTF-8"),
        NoEnvelope::Xml(Unreadable::TooLarge) => Fault::sender("body.too-deep", "XML quá sâu hoặc quá lớn"),
        NoEnvelope::Xml(Unreadable::Malformed) => Fault::sender("body.malformed", "XML không hợp lệ"),
        NoEnvelope::Version => Fault::sender("soap.version", "chỉ hỗ trợ SOAP 1.1 và SOAP 1.2"),
        NoEnvelope::Other => Fault::sender("soap.frame", "nội dung phải là một phong bì SOAP có phần Body"),
    }
}

/// The content again, in our namespace and without anybody's prefixes.
fn question(asked: &Element, dossier: Option<&str>) -> Result<Vec<u8>, Fault> {
    let mut writer = Writer::default();
    writer.start("CauHoi", &[("xmlns", NAMESPACE)]);
    let mut dossier = dossier;
    for child in asked.children.iter().filter(|child| !child.is_nil()) {
        if child.namespace != NAMESPACE {
            let words = format!("các phần tử của câu hỏi phải thuộc không gian tên {NAMESPACE}");
            return Err(Fault::sender("soap.namespace", words));
        }
        if child.name == DOSSIER && dossier.is_some() {
            continue;
        }
        // The contract is a sequence: a code that came beside the body takes its own place in it.
        if !BEFORE_DOSSIER.contains(&child.name.as_str())
            && let Some(code) = dossier.take()
        {
            writer.leaf(DOSSIER, code);
        }
        if !child.children.is_empty() {
            let words = "các phần tử của câu hỏi chỉ chứa văn bản";
            return Err(Fault::sender("soap.frame", words));
        }
        writer.leaf(&child.name, &child.text);
    }
    if let Some(code) = dossier {
        writer.leaf(DOSSIER, code);
    }
    writer.end("CauHoi");
    Ok(writer.finish().into_bytes())
}

const BEFORE_DOSSIER: [&str; 4] = ["MaYeuCau", "MaDVC", "MaTichHop", "MaDonVi"];
