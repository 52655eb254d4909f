//! SOAP 1.1 and 1.2: the envelope around a body, and its faults.
//!
//! Which of the two versions is spoken is told by the envelope's namespace alone. What a body means is not known here.

use super::xml::{self, Element, Unreadable, Writer};

/// A version of SOAP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V11,
    V12,
}

impl Version {
    /// The address of its envelope.
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Version::V11 => "http://schemas.xmlsoap.org/soap/envelope/",
            Version::V12 => "http://www.w3.org/2003/05/soap-envelope",
        }
    }

    /// Its media type.
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Version::V11 => "text/xml; charset=utf-8",
            Version::V12 => "application/soap+xml; charset=utf-8",
        }
    }

    fn of(namespace: &str) -> Option<Version> {
        [Version::V11, Version::V12].into_iter().find(|version| version.namespace() == namespace)
    }
}

/// An envelope that was read.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) version: Version,
    /// The blocks of its header.
    pub(crate) header: Vec<Element>,
    /// What is in its body.
    pub(crate) body: Vec<Element>,
}

/// Why a text is no envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoEnvelope {
    /// It is no XML that is read.
    Xml(Unreadable),
    /// It is an envelope of a version that nobody here speaks.
    Version,
    /// It is other XML, or an envelope without a body.
    Other,
}

/// Reads an envelope.
pub(crate) fn read(bytes: &[u8]) -> Result<Envelope, NoEnvelope> {
    of(xml::parse(bytes).map_err(NoEnvelope::Xml)?)
}

/// The envelope that an element is.
pub(crate) fn of(root: Element) -> Result<Envelope, NoEnvelope> {
    if root.name != "Envelope" {
        return Err(NoEnvelope::Other);
    }
    let version = Version::of(&root.namespace).ok_or(NoEnvelope::Version)?;
    let (mut header, mut body) = (Vec::new(), None);
    for child in root.children {
        if child.is(version.namespace(), "Header") {
            header = child.children;
        } else if child.is(version.namespace(), "Body") {
            body = Some(child.children);
        }
    }
    Ok(Envelope { version, header, body: body.ok_or(NoEnvelope::Other)? })
}

impl Envelope {
    /// The blocks of the header that whoever reads the body must understand.
    pub(crate) fn demands(&self) -> Vec<&Element> {
        let namespace = self.version.namespace();
        let demanded = |block: &&Element| {
            matches!(block.attribute(namespace, "mustUnderstand"), Some("1" | "true"))
                && self.is_for_us(block)
        };
        self.header.iter().filter(demanded).collect()
    }

    /// A block may be meant for another stop on the way.
    fn is_for_us(&self, block: &Element) -> bool {
        let (name, ours): (&str, &[&str]) = match self.version {
            Version::V11 => ("actor", &["", "http://schemas.xmlsoap.org/soap/actor/next"]),
            Version::V12 => (
                "role",
                &[
                    "",
                    "http://www.w3.org/2003/05/soap-envelope/role/next",
                    "http://www.w3.org/2003/05/soap-envelope/role/ultimateReceiver",
                ],
            ),
        };
        block.attribute(self.version.namespace(), name).is_none_or(|role| ours.contains(&role))
    }

    /// The fault it carries, if it carries one: code without prefix, and reason.
    pub(crate) fn fault(&self) -> Option<(String, String)> {
        let fault = self.body.iter().find(|element| element.is(self.version.namespace(), "Fault"))?;
        let text =
            |element: Option<&Element>| element.map_or(String::new(), |found| found.text.trim().to_owned());
        let (code, reason) = match self.version {
            Version::V11 => (text(fault.child("faultcode")), text(fault.child("faultstring"))),
            Version::V12 => (
                text(fault.child("Code").and_then(|code| code.child("Value"))),
                text(fault.child("Reason").and_then(|reason| reason.child("Text"))),
            ),
        };
        Some((code.rsplit(':').next().unwrap_or_default().to_owned(), reason))
    }
}

/// An envelope around a body.
pub(crate) fn write(version: Version, body: &str) -> String {
    let mut writer = Writer::default();
    writer.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    writer.start("soap:Envelope", &[("xmlns:soap", version.namespace())]);
    writer.start("soap:Body", &[]);
    writer.raw(body);
    writer.end("soap:Body");
    writer.end("soap:Envelope");
    writer.finish()
}

/// What kind of fault is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The sender must change something.
    Sender,
    /// We, or those behind us, could not.
    Receiver,
    /// The envelope's version is spoken by nobody here.
    Version,
    /// Blocks of the header that nobody here understands: namespace and name.
    NotUnderstood(Vec<(String, String)>),
}

/// A fault in an envelope. `detail` is XML, and left out where SOAP allows none.
pub(crate) fn write_fault(version: Version, kind: &Kind, words: &str, detail: &str) -> String {
    let name = match (version, kind) {
        (Version::V11, Kind::Sender) => "soap:Client",
        (Version::V11, Kind::Receiver) => "soap:Server",
        (Version::V12, Kind::Sender) => "soap:Sender",
        (Version::V12, Kind::Receiver) => "soap:Receiver",
        (_, Kind::Version) => "soap:VersionMismatch",
        (_, Kind::NotUnderstood(_)) => "soap:MustUnderstand",
    };
    let mut writer = Writer::default();
    writer.raw("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    writer.start("soap:Envelope", &[("xmlns:soap", version.namespace())]);
    if version == Version::V12 {
        header_of_fault(&mut writer, kind);
    }
    writer.start("soap:Body", &[]);
    writer.start("soap:Fault", &[]);
    // A detail speaks of the body only, and these two are about the envelope.
    let about_body = matches!(kind, Kind::Sender | Kind::Receiver);
    match version {
        Version::V11 => {
            writer.leaf("faultcode", name);
            writer.leaf("faultstring", words);
        }
        Version::V12 => {
            writer.start("soap:Code", &[]);
            writer.leaf("soap:Value", name);
            writer.end("soap:Code");
            writer.start("soap:Reason", &[]);
            writer.start("soap:Text", &[("xml:lang", "vi")]);
            writer.raw(&xml::escaped(words));
            writer.end("soap:Text");
            writer.end("soap:Reason");
        }
    }
    if about_body {
        let name = if version == Version::V11 { "detail" } else { "soap:Detail" };
        writer.start(name, &[]);
        writer.raw(detail);
        writer.end(name);
    }
    writer.end("soap:Fault");
    writer.end("soap:Body");
    writer.end("soap:Envelope");
    writer.finish()
}

/// SOAP 1.2 says in the header which versions are spoken, and which blocks were not understood.
fn header_of_fault(writer: &mut Writer, kind: &Kind) {
    match kind {
        Kind::Version => {
            writer.start("soap:Header", &[]);
            writer.start("soap:Upgrade", &[]);
            for (prefix, version) in [("v12", Version::V12), ("v11", Version::V11)] {
                let declared = format!("xmlns:{prefix}");
                let qname = format!("{prefix}:Envelope");
                writer
                    .start("soap:SupportedEnvelope", &[("qname", &qname), (&declared, version.namespace())]);
                writer.end("soap:SupportedEnvelope");
            }
            writer.end("soap:Upgrade");
            writer.end("soap:Header");
        }
        Kind::NotUnderstood(blocks) => {
            writer.start("soap:Header", &[]);
            for (namespace, name) in blocks {
                let prefixed = format!("b:{name}");
                // No prefix can stand for no namespace.
                match namespace.as_str() {
                    "" => writer.start("soap:NotUnderstood", &[("qname", name)]),
                    _ => writer.start("soap:NotUnderstood", &[("qname", &prefixed), ("xmlns:b", namespace)]),
                }
                writer.end("soap:NotUnderstood");
            }
            writer.end("soap:Header");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_as_it_was_written() {
        for (version, code) in [(Version::V11, "Client"), (Version::V12, "Sender")] {
            let text = write_fault(version, &Kind::Sender, "Thiếu <HoVaTen>", "<x xmlns='urn:x'/>");
            let envelope = read(text.as_bytes()).unwrap();
            assert_eq!(envelope.version, version);
            assert_eq!(envelope.fault(), Some((code.to_owned(), "Thiếu <HoVaTen>".to_owned())));
        }
        let nameless = Kind::NotUnderstood(vec![(String::new(), "Khoi".to_owned())]);
        assert!(read(write_fault(Version::V12, &nameless, "x", "").as_bytes()).is_ok());
        let answer = read(write(Version::V11, "<a/>").as_bytes()).unwrap();
        assert_eq!((answer.fault(), answer.body.len()), (None, 1));
    }

    #[test]
    fn only_what_is_meant_for_us_must_be_understood() {
        let envelope = |attributes: &str| {
            let v11 = Version::V11.namespace();
            let text = format!(
                "<s:Envelope xmlns:s='{v11}'><s:Header><x xmlns='urn:x' {attributes}/></s:Header><s:Body/></s:Envelope>"
            );
            read(text.as_bytes()).unwrap().demands().len()
        };
        assert_eq!(envelope("s:mustUnderstand='1'"), 1);
        assert_eq!(envelope("s:mustUnderstand='1' s:actor='http://schemas.xmlsoap.org/soap/actor/next'"), 1);
        assert_eq!(envelope("s:mustUnderstand='1' s:actor='urn:other'"), 0);
        assert_eq!(envelope("s:mustUnderstand='0'") + envelope("mustUnderstand='1'"), 0);
    }

    #[test]
    fn other_versions_and_other_documents_are_told_apart() {
        let why = |text: &str| read(text.as_bytes()).unwrap_err();
        assert_eq!(why("<Envelope xmlns='urn:soap-3'><Body/></Envelope>"), NoEnvelope::Version);
        assert_eq!(why("<Envelope/>"), NoEnvelope::Version);
        assert_eq!(why("<html/>"), NoEnvelope::Other);
        assert_eq!(why(&format!("<Envelope xmlns='{}'/>", Version::V12.namespace())), NoEnvelope::Other);
        assert_eq!(why("<!DOCTYPE x><x/>"), NoEnvelope::Xml(Unreadable::Doctype));
    }
}
