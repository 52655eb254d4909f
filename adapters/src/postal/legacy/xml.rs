//! The XML of the old interface: documents of texts in a fixed order. Writing them, and looking into one that came.

use std::fmt::Write as _;

use gateway_core::fault::Fault;
use gateway_core::translator::xml::referred;
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::Value;

use crate::postal::wire;

/// The elements of an acceptance, in their order.
pub(super) const ACCEPTANCE: [&str; 23] = [
    "ItemCode", "DataCode", "CodAmount", "AcceptancePoscode", "DestinationPoscode", "SendingTime",
    "SenderFullname", "SenderAddress", "SenderTel", "ReceiverFullname", "ReceiverAddress", "ReceiverTel",
    "ValueAddedServiceList", "MainFreight", "VasFreight", "CodFreight", "CustomerCode", "Weight", "WeightConvert",
    "Width", "Length", "Height", "Opt",
];
/// The elements of a delivery, in their order.
pub(super) const DELIVERY: [&str; 19] = [
    "DeliveryID", "ItemCode", "CustomerCode", "AcceptancePOSCode", "ToPOSCode", "SendingTime", "DeliveryTime",
    "DeliveryTimes", "ReceiverName", "InputTime", "CreateTime", "LastUpdateTime", "IsDeliverable", "IsReturn",
    "DeliveryNote", "CauseCode", "CauseName", "SolutionCode", "SolutionName",
];

/// An acceptance or a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Document {
    Acceptance,
    Delivery,
}

impl Document {
    pub(super) fn root(self) -> &'static str {
        match self {
            Document::Acceptance => "PostalAcceptance",
            Document::Delivery => "PostalDelivery",
        }
    }

    fn elements(self) -> &'static [&'static str] {
        match self {
            Document::Acceptance => &ACCEPTANCE,
            Document::Delivery => &DELIVERY,
        }
    }

    /// Writes a document from a JSON record with the same names, in whatever letter case: every element is there, in order, perhaps empty.
    pub(super) fn write(self, record: &Value) -> String {
        let mut xml = format!("<{}>", self.root());
        for name in self.elements() {
            let text = match wire::field(record, name) {
                Some(Value::Bool(truth)) => truth.to_string(),
                Some(value) => wire::plain(value).unwrap_or_default(),
                None => String::new(),
            };
            // Writing to a String cannot fail.
            let _ = write!(xml, "<{name}>{}</{name}>", escaped(&text));
        }
        let _ = write!(xml, "</{}>", self.root());
        xml
    }
}

/// What came, put into the frame that the contract describes: whether it was asked for, what it tells by being there at all (an
/// acceptance says `accepted` and has no field for it), and the document.
pub(super) fn frame(pulled: bool, kind: Option<Document>, document: &str) -> Vec<u8> {
    let told = if kind == Some(Document::Acceptance) { "<Told>accepted</Told>" } else { "" };
    format!("<PostalEvent><Pulled>{pulled}</Pulled>{told}{document}</PostalEvent>").into_bytes()
}

/// The name of the one root and the text of its children. What no document of a message may have is refused here; whether the children
/// are the right ones is for the contract to say.
pub(super) fn glimpse(document: &str) -> Result<(String, Vec<(String, String)>), Fault> {
    let malformed = || Fault::sender("body.malformed", "nội dung không phải XML hợp lệ");
    let mut reader = Reader::from_str(document);
    let (mut depth, mut root, mut fields) = (0_usize, None, Vec::<(String, String)>::new());
    loop {
        let event = reader.read_event().map_err(|_| malformed())?;
        match event {
            Event::Start(tag) | Event::Empty(tag) if depth == 0 && root.is_some() => {
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                return Err(malformed().because(format!("a second root, {} letters", name.len())));
            }
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                match depth {
                    0 => root = Some(name),
                    1 => fields.push((name, String::new())),
                    _ => {}
                }
                depth += usize::from(matches!(event, Event::Start(_)));
            }
            Event::Text(text) if depth == 2 => {
                if let Some((_, value)) = fields.last_mut() {
                    value.push_str(&text.decode().map_err(|_| malformed())?);
                }
            }
            Event::GeneralRef(reference) => {
                let letter = referred(&reference).ok_or_else(malformed)?;
                if let Some((_, value)) = fields.last_mut().filter(|_| depth == 2) {
                    value.push_str(&letter);
                }
            }
            Event::DocType(_) => {
                return Err(Fault::sender("body.doctype", "XML không được có khai báo DOCTYPE"));
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Eof if depth == 0 => return root.map(|root| (root, fields)).ok_or_else(malformed),
            Event::Eof => return Err(malformed()),
            _ => {}
        }
    }
}

/// Text as element content: markup escaped, and what XML 1.0 cannot carry at all left out.
pub(super) fn escaped(text: &str) -> String {
    let carried: String = text
        .chars()
        .filter(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..))
        .collect();
    quick_xml::escape::escape(carried).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_document_has_every_element_in_order_and_can_be_looked_into() {
        let record = json!({ "itemcode": "RX1", "IsDeliverable": true, "ReceiverName": "A & <B>", "DeliveryID": 7 });
        let xml = Document::Delivery.write(&record);
        assert!(xml.starts_with("<PostalDelivery><DeliveryID>7</DeliveryID><ItemCode>RX1</ItemCode><CustomerCode></"));
        assert!(xml.contains("<ReceiverName>A &amp; &lt;B&gt;</ReceiverName>"), "{xml}");
        let (root, fields) = glimpse(&xml).unwrap();
        assert_eq!((root.as_str(), fields.len()), ("PostalDelivery", DELIVERY.len()));
        assert_eq!(fields[12], ("IsDeliverable".to_owned(), "true".to_owned()));
        assert_eq!(fields[8], ("ReceiverName".to_owned(), "A & <B>".to_owned()));
        for (text, code) in [
            ("<a><b></a>", "body.malformed"),
            ("<a/><b/>", "body.malformed"),
            ("</a>", "body.malformed"),
            ("<a>&own;</a>", "body.malformed"),
            ("<a>", "body.malformed"),
            ("", "body.malformed"),
            ("<!DOCTYPE a []><a/>", "body.doctype"),
        ] {
            assert_eq!(glimpse(text).unwrap_err().code, code, "{text}");
        }
    }
}
