//! What a call of OpenCPS holds, put into the frame that its contract describes: an object for each item.
//!
//! A form becomes an object of its fields. A document is one object or a list of them, in JSON or in XML; XML becomes the same object, so
//! that both have one contract and one mapping. Beside the peer's own fields stands `frame`: the state that counts, when the call came, and
//! what its path names. No date is written in this dialect as the zero day or as moment 0 or -1; such a value is no value.

use gateway_core::adapter::Arrival;
use gateway_core::fault::Fault;
use gateway_core::json;
use gateway_core::lift::Ticket;
use serde_json::{Map, Value, json};

use crate::onestop::call;
use crate::wire::form;
use crate::wire::xml::{self, Element, Unreadable};

pub(super) const FRAME: &str = "opencps.frame";

/// The lists of a document. XML does not tell a list of one from a value.
const LISTS: [&str; 4] = ["Attachments", "DocFees", "DocPapers", "Supplementaries"];

/// The four calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// `POST …/dossiers/publish`
    Publish,
    /// `PUT …/dossiers/inform/{referenceUid}`
    Inform,
    /// `POST …/Document/SyncDocument`
    Document,
    /// `POST …/Document/UpdateDocumentTraces`
    Traces,
}

impl Said {
    /// By the path, else by the name of the channel.
    pub(super) fn of(arrival: &Arrival) -> Option<Said> {
        let path = arrival.ask.path.trim_end_matches('/').to_ascii_lowercase();
        let channel = arrival.channel.as_str().rsplit('/').next().unwrap_or_default();
        let by_path = [
            (path.ends_with("/dossiers/publish"), Said::Publish),
            (path.contains("/dossiers/inform/"), Said::Inform),
            (path.ends_with("/document/syncdocument"), Said::Document),
            (path.ends_with("/document/updatedocumenttraces"), Said::Traces),
        ];
        let by_path = by_path.into_iter().find_map(|(fits, said)| fits.then_some(said));
        by_path.or(match channel {
            "publish" => Some(Said::Publish),
            "inform" => Some(Said::Inform),
            "documents" => Some(Said::Document),
            "traces" => Some(Said::Traces),
            _ => None,
        })
    }
}

/// Is it XML, as its sender says or as it begins?
pub(super) fn is_xml(arrival: &Arrival) -> bool {
    match arrival.ask.header("content-type") {
        Some(media) => media.to_ascii_lowercase().contains("xml"),
        None => arrival.ask.body.bytes.trim_ascii_start().starts_with(b"<"),
    }
}

/// The fields of a form, and the frame. `deciding` are the states of which the sub-state says which national one is meant.
pub(super) fn form(arrival: &Arrival, said: Said, deciding: &[String]) -> Result<Map<String, Value>, Fault> {
    let mut fields = form::decode(&arrival.ask.body.bytes)?;
    if fields.is_empty() {
        return Err(Fault::sender(FRAME, "biểu mẫu không có trường nào"));
    }
    fields.iter_mut().for_each(|(name, value)| without_sentinel(name, value));
    let text = |name: &str| fields.get(name).and_then(call::text);
    let (state, sub) = (text("dossierStatus"), text("dossierSubStatus"));
    let state = match (state, sub) {
        (Some(state), Some(sub)) if deciding.contains(&state) => format!("{state}/{sub}"),
        (state, _) => state.unwrap_or_default(),
    };
    let mut frame = json!({ "state": state, "at": arrival.at.to_string() });
    if said == Said::Inform {
        frame["referenceUid"] = json!(named(&arrival.ask.path));
    }
    fields.insert("frame".to_owned(), frame);
    Ok(fields)
}

/// The dossier that the path of an inform names.
pub(super) fn named(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

/// The documents of a call.
pub(super) fn documents(arrival: &Arrival) -> Result<Vec<Value>, Fault> {
    let bytes = &arrival.ask.body.bytes;
    let mut documents =
        if is_xml(arrival) { of_xml(bytes)? } else { call::elements(json::parse(bytes)?, FRAME)? };
    for document in &mut documents {
        without_sentinels(document);
        with_files(document, arrival);
    }
    Ok(documents)
}

/// Where the content of an attachment left the body on its way in, its name stands; only a name that came with this call is one, because
/// anybody can write such a text.
fn with_files(document: &mut Value, arrival: &Arrival) {
    let attachments = document.get_mut("Attachments").and_then(Value::as_array_mut);
    for attachment in attachments.into_iter().flatten().filter_map(Value::as_object_mut) {
        attachment.shift_remove("file");
        let content = attachment.get("Base64").and_then(Value::as_str);
        let ticket = content.and_then(Ticket::from_text).filter(|ticket| arrival.files.contains(ticket));
        if let Some(ticket) = ticket {
            attachment.insert("file".to_owned(), Value::String(ticket.text()));
        }
    }
}

/// One document is the root itself; several are its children.
fn of_xml(bytes: &[u8]) -> Result<Vec<Value>, Fault> {
    let root = xml::parse(bytes).map_err(unreadable)?;
    let parts: Vec<&Element> = match is_document(&root) {
        true => vec![&root],
        false => root.children.iter().collect(),
    };
    call::counted(parts.len(), FRAME)?;
    parts.into_iter().map(|part| fields(part).map(Value::Object)).collect()
}

/// A root that holds the code itself, or nothing but values.
fn is_document(root: &Element) -> bool {
    root.child("DocCode").is_some() || root.children.iter().all(|child| child.children.is_empty())
}

fn fields(element: &Element) -> Result<Map<String, Value>, Fault> {
    let mut object = Map::new();
    for child in &element.children {
        let name = child.name.clone();
        if !LISTS.contains(&name.as_str()) {
            // As in JSON: of two values of one name, different software takes different ones.
            if object.insert(name, value(child)?).is_some() {
                let words = format!(
                    "phần tử `{}` xuất hiện hai lần",
                    child.name.chars().take(64).collect::<String>()
                );
                return Err(Fault::sender("body.duplicate-key", words));
            }
            continue;
        }
        let wrapper =
            !child.children.is_empty() && child.children.iter().all(|inner| !inner.children.is_empty());
        let members = if wrapper { child.children.iter().collect() } else { vec![child] };
        let list = object.entry(name).or_insert_with(|| json!([]));
        for member in members.into_iter().filter(|member| !member.children.is_empty()) {
            let member = Value::Object(fields(member)?);
            if let Some(list) = list.as_array_mut() {
                list.push(member);
            }
        }
    }
    Ok(object)
}

fn value(element: &Element) -> Result<Value, Fault> {
    Ok(match element.is_nil() {
        true => Value::Null,
        false if !element.children.is_empty() => Value::Object(fields(element)?),
        false => Value::String(element.text.trim().to_owned()),
    })
}

fn without_sentinels(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(without_sentinels),
        Value::Object(object) => {
            for (name, inner) in object.iter_mut() {
                without_sentinel(name, inner);
                without_sentinels(inner);
            }
        }
        _ => {}
    }
}

/// "Not yet" is written as the zero day, and as moment 0 or -1 where a Java `long` had no value.
fn without_sentinel(name: &str, value: &mut Value) {
    let dated = name.starts_with("Date") || name.ends_with("Date");
    let never = match &*value {
        Value::String(text) => {
            text.trim().starts_with("0000-00-00") || (dated && matches!(text.trim(), "0" | "-1"))
        }
        Value::Number(number) => dated && matches!(number.as_i64(), Some(0 | -1)),
        _ => false,
    };
    if never {
        *value = Value::Null;
    }
}

fn unreadable(why: Unreadable) -> Fault {
    let (code, words) = match why {
        Unreadable::Doctype => ("body.doctype", "XML không được có khai báo DOCTYPE"),
        Unreadable::TooLarge => ("body.too-deep", "XML lồng quá sâu hoặc có quá nhiều phần tử"),
        Unreadable::Encoding => ("body.encoding", "XML phải dùng bảng mã UTF-8"),
        Unreadable::Malformed => ("body.malformed", "nội dung không phải XML hợp lệ"),
    };
    Fault::sender(code, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn xml(text: &str) -> Value {
        let mut documents = of_xml(text.as_bytes()).unwrap();
        assert_eq!(documents.len(), 1);
        documents.pop().unwrap()
    }

    #[test]
    fn a_list_is_a_list_with_and_without_a_wrapper() {
        let one = xml(
            "<SyncDocument><DocCode>a</DocCode><Attachments><AttachmentId>1</AttachmentId></Attachments></SyncDocument>",
        );
        let wrapped = xml(
            "<SyncDocument><DocCode>a</DocCode><Attachments><Attachment><AttachmentId>1</AttachmentId></Attachment></Attachments></SyncDocument>",
        );
        assert_eq!(one, json!({ "DocCode": "a", "Attachments": [{ "AttachmentId": "1" }] }));
        assert_eq!(one, wrapped);
        let empty = xml(
            "<x><DocCode> a </DocCode><Attachments/><Note xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='true'/></x>",
        );
        assert_eq!(empty, json!({ "DocCode": "a", "Attachments": [], "Note": null }));
    }

    #[test]
    fn several_documents_stand_below_one_root() {
        let text = "<r><d><DocCode>a</DocCode></d><d><DocCode>b</DocCode></d></r>";
        assert_eq!(of_xml(text.as_bytes()).unwrap().len(), 2);
        assert_eq!(of_xml(b"<r/>").unwrap(), [json!({})]);
        for (text, code) in [
            ("<r>", "body.malformed"),
            ("<!DOCTYPE r><r/>", "body.doctype"),
            ("<r><a/><a/></r>", "body.duplicate-key"),
        ] {
            assert_eq!(of_xml(text.as_bytes()).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn not_yet_is_no_date() {
        let mut document = json!({
            "SuccessDate": "0000-00-00T00:00:00.000+0700", "dueDate": "0", "submitDate": 0, "releaseDate": -1, "DateReceived": "2026-03-10",
            "Amount": "0", "Supplementaries": [{ "Date": "0000-00-00" }],
        });
        without_sentinels(&mut document);
        assert_eq!(document["SuccessDate"], Value::Null);
        assert_eq!((&document["dueDate"], &document["submitDate"]), (&Value::Null, &Value::Null));
        assert_eq!(document["releaseDate"], Value::Null);
        assert_eq!((&document["DateReceived"], &document["Amount"]), (&json!("2026-03-10"), &json!("0")));
        assert_eq!(document["Supplementaries"][0]["Date"], Value::Null);
    }
}
