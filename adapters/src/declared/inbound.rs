//! What a declared peer says when it calls, framed as its file says, and the one answer in its own form.

use gateway_core::adapter::{Answer, Arrival, Body, Fate, Heard, Item, Pairs};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::json;
use serde_json::{Value, json};

use super::door::{Door, Said};
use super::faults::Read;
use super::outbound::told_on;
use super::spec::Peer;
use super::way::Notation;
use crate::wire::node::Node;
use crate::wire::refusal::{headers_of, status_of, without_success, words_of};
use crate::wire::soap::{self, NoEnvelope};
use crate::wire::xml::{self, Unreadable};

const FRAME: &str = "declared.frame";

/// One item, or a list of them.
pub(super) fn receive(peer: &Peer, arrival: &Arrival) -> Result<Heard, Fault> {
    let door = door(peer, arrival);
    let door =
        door.ok_or_else(|| Fault::sender("door.not-found", "hệ thống này không gửi đến địa chỉ này"))?;
    let read = read(peer.notation, &arrival.ask.body.bytes)?;
    let node = read.node().ok_or_else(|| Fault::sender(FRAME, "nội dung không được là một lỗi SOAP"))?;
    let nodes = match &door.items {
        Some(path) => node.list(path),
        None => vec![node],
    };
    if nodes.is_empty() {
        let at = door.items.as_deref().unwrap_or_default();
        return Err(Fault::sender(FRAME, format!("không có mục nào ở `{at}`")));
    }
    let framed = nodes.into_iter().enumerate().map(|(at, node)| match node {
        Node::Json(value) if !value.is_object() => {
            Err(Fault::sender(FRAME, format!("mục thứ {} không phải là một đối tượng JSON", at + 1)))
        }
        node => Ok(door.parts.item(&peer.dialect, &door.kind, node, false)),
    });
    let mut items: Vec<Item> = framed.collect::<Result<_, _>>()?;
    match (door.is_question, items.len()) {
        (false, _) => Ok(Heard::Messages(items)),
        (true, 1) => Ok(Heard::Question(items.remove(0))),
        (true, _) => Err(Fault::sender(FRAME, "mỗi lần gọi chỉ được một câu hỏi")),
    }
}

fn door<'a>(peer: &'a Peer, arrival: &Arrival) -> Option<&'a Door> {
    peer.doors.get(arrival.channel.as_str())
}

fn read(notation: Notation, bytes: &[u8]) -> Result<Read, Fault> {
    match notation {
        Notation::Json => json::parse(bytes).map(Read::Json),
        Notation::Xml => xml::parse(bytes).map(Read::Xml).map_err(unreadable),
        Notation::Soap(_) => {
            let envelope = soap::read(bytes).map_err(|why| match why {
                NoEnvelope::Xml(why) => unreadable(why),
                NoEnvelope::Version => Fault::sender("soap.version", "chỉ hỗ trợ SOAP 1.1 và SOAP 1.2"),
                NoEnvelope::Other => {
                    Fault::sender("soap.frame", "nội dung phải là một phong bì SOAP có phần Body")
                }
            })?;
            if !envelope.demands().is_empty() {
                let words = "hệ thống không hiểu các khối tiêu đề SOAP có mustUnderstand";
                return Err(Fault::sender("soap.must-understand", words));
            }
            let mut body = envelope.body.into_iter();
            match (body.next(), body.next()) {
                (Some(only), None) => Ok(Read::Xml(only)),
                _ => Err(Fault::sender("soap.frame", "phần Body phải có đúng một phần tử")),
            }
        }
    }
}

fn unreadable(why: Unreadable) -> Fault {
    match why {
        Unreadable::Doctype => Fault::sender("body.doctype", "XML không được có khai báo DOCTYPE"),
        Unreadable::Encoding => Fault::sender("body.encoding", "XML phải dùng bảng mã UTF-8"),
        Unreadable::TooLarge => Fault::sender("body.too-deep", "XML quá sâu hoặc quá lớn"),
        Unreadable::Malformed => Fault::sender("body.malformed", "XML không hợp lệ"),
    }
}

/// What became of an item, for the holes of an answer.
struct Told<'a> {
    id: String,
    dossier: &'a str,
    fault: Option<&'a Fault>,
}

impl Told<'_> {
    fn fill(&self, name: &str) -> String {
        match (name, self.fault) {
            ("id", _) => self.id.clone(),
            ("dossier", _) => without_success(self.dossier),
            ("code", Some(fault)) => fault.code.to_string(),
            ("words", Some(fault)) => words_of(fault),
            _ => String::new(),
        }
    }
}

/// Success only if every item was accepted or known; else the first refusal, and what became of each.
pub(super) fn reply(peer: &Peer, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let fates = match said {
        Ok([Fate::Answered(answer)]) => return told_on(answer),
        Ok(fates) => fates,
        Err(fault) => {
            let told = Told { id: String::new(), dossier: "", fault: Some(fault) };
            return worded(peer, door(peer, arrival), &told, std::slice::from_ref(&told));
        }
    };
    let told: Vec<Told> = fates.iter().enumerate().map(|(at, fate)| told(arrival, at, fate)).collect();
    let nothing = Fault::new("gateway.nothing", Blame::Gateway, Remedy::Correct, "không có kết quả");
    let first = told.iter().find(|told| told.fault.is_some()).or(told.first());
    let none = Told { id: String::new(), dossier: "", fault: Some(&nothing) };
    worded(peer, door(peer, arrival), first.unwrap_or(&none), &told)
}

fn told<'a>(arrival: &'a Arrival, at: usize, fate: &'a Fate) -> Told<'a> {
    let dossier = arrival.dossiers.get(at).and_then(Option::as_deref).unwrap_or_default();
    let (id, fault) = match fate {
        Fate::Accepted { id, verdict: Some(Err(fault)) } => (id.to_string(), Some(fault)),
        Fate::Accepted { id, .. } | Fate::Duplicate { id } => (id.to_string(), None),
        Fate::Refused(fault) => (String::new(), Some(fault)),
        _ => (String::new(), None),
    };
    Told { id, dossier, fault }
}

fn worded(peer: &Peer, door: Option<&Door>, first: &Told, all: &[Told]) -> Answer {
    let of = |told: &Told| -> Option<&Said> {
        door.map(|door| if told.fault.is_some() { &door.refused } else { &door.accepted })
    };
    let status = first.fault.map_or(200, status_of);
    let status = of(first).and_then(|said| said.status).unwrap_or(status);
    let each = |told: &Told| Some(of(told)?.each.as_ref()?.fill(&|name: &str| told.fill(name), &[]));
    let items: Vec<String> = all.iter().filter_map(each).collect();
    let own = of(first).and_then(|said| said.body.as_ref());
    let own = own.map(|body| body.fill(&|name: &str| first.fill(name), &items));
    let text = match (peer.notation, own, first.fault) {
        (Notation::Soap(version), Some(body), _) => soap::write(version, &body),
        (Notation::Soap(version), None, fault) => {
            let kind = match fault {
                Some(fault) if fault.blame == Blame::Sender => soap::Kind::Sender,
                _ => soap::Kind::Receiver,
            };
            soap::write_fault(version, &kind, &first.fill("words"), "")
        }
        (_, Some(body), _) => body,
        (Notation::Xml, None, _) => {
            let mut writer = xml::Writer::default();
            writer.start("Loi", &[]);
            writer.leaf("Ma", &first.fill("code"));
            writer.leaf("MoTa", &first.fill("words"));
            writer.end("Loi");
            writer.finish()
        }
        (Notation::Json, None, fault) => ours(first, fault).to_string(),
    };
    let media = match peer.notation {
        Notation::Json => "application/json; charset=utf-8",
        Notation::Xml => "application/xml; charset=utf-8",
        Notation::Soap(version) => version.content_type(),
    };
    let mut headers: Pairs = vec![("content-type".to_owned(), media.to_owned())];
    headers.extend(first.fault.into_iter().flat_map(|fault| headers_of(fault, status)));
    Answer { status, headers, body: Body::of(text) }
}

/// Where the file says nothing: what became of it, in our own words.
fn ours(told: &Told, fault: Option<&Fault>) -> Value {
    match fault {
        None => json!({ "status": "accepted", "id": told.id }),
        Some(_) => json!({ "status": "refused", "code": told.fill("code"), "message": told.fill("words") }),
    }
}
