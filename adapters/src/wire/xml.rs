//! Small XML documents as trees, read by namespace address, and XML text written with everything escaped.
//!
//! For answers and envelopes, not for documents with a contract (the core reads those). Read is only well-formed UTF-8 without
//! a document type; depth, size and number of elements are bounded, because whoever answers us may be anybody by then. Prefixes
//! mean nothing, addresses do. Comments and processing instructions are passed over; text beside elements is kept and
//! mostly ignored.

use std::borrow::Cow;

use gateway_core::translator::xml::referred;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

const BYTES_MAX: usize = 8 << 20;
const DEPTH_MAX: usize = 64;
const ELEMENTS_MAX: usize = 100_000;

/// The namespace of `xsi:nil`.
pub(crate) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The namespace of `xml:lang`, which nobody declares.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// An element with everything in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// The address of its namespace; empty if it is in none.
    pub(crate) namespace: String,
    /// Its local name.
    pub(crate) name: String,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) children: Vec<Element>,
    /// All text directly in it.
    pub(crate) text: String,
}

/// An attribute that is no namespace declaration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Why a text is not read as XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It declares a document type: entities and external files begin there.
    Doctype,
    /// Too deep, too many elements, too many bytes.
    TooLarge,
    /// It is not UTF-8, or says so.
    Encoding,
    /// It is not well-formed.
    Malformed,
}

impl Element {
    /// Is it this element of this namespace?
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    /// The first child of this local name, whatever its namespace.
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The value of an attribute.
    pub(crate) fn attribute(&self, namespace: &str, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|at| at.name == name && at.namespace == namespace)?;
        Some(found.value.trim())
    }

    /// Does it say to be nothing?
    pub(crate) fn is_nil(&self) -> bool {
        matches!(self.attribute(XSI, "nil"), Some("true" | "1"))
    }
}

/// Reads one document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Element, Unreadable> {
    if bytes.len() > BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::Encoding)?;
    let mut reader = NsReader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut count = 0;
    loop {
        let event = reader.read_event().map_err(|_| Unreadable::Malformed)?;
        let is_empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                count += 1;
                if root.is_some() {
                    return Err(Unreadable::Malformed);
                }
                if count > ELEMENTS_MAX || open.len() == DEPTH_MAX {
                    return Err(Unreadable::TooLarge);
                }
                let element = element(&reader, &tag)?;
                if is_empty {
                    close(element, &mut open, &mut root);
                } else {
                    open.push(element);
                }
            }
            Event::End(_) => {
                let element = open.pop().ok_or(Unreadable::Malformed)?;
                close(element, &mut open, &mut root);
            }
            Event::Text(text) => put(&mut open, &text.decode().map_err(|_| Unreadable::Encoding)?)?,
            Event::CData(text) => put(&mut open, &text.decode().map_err(|_| Unreadable::Encoding)?)?,
            Event::GeneralRef(reference) => {
                put(&mut open, &referred(&reference).ok_or(Unreadable::Malformed)?)?;
            }
            Event::DocType(_) => return Err(Unreadable::Doctype),
            Event::Decl(declaration) => {
                let named = declaration.encoding().and_then(Result::ok);
                let known: [&[u8]; 2] = [b"utf-8", b"us-ascii"];
                if named.is_some_and(|name| !known.iter().any(|known| name.eq_ignore_ascii_case(known))) {
                    return Err(Unreadable::Encoding);
                }
            }
            Event::Eof if open.is_empty() => return root.ok_or(Unreadable::Malformed),
            Event::Eof => return Err(Unreadable::Malformed),
            Event::Comment(_) | Event::PI(_) => {}
        }
    }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(above) => above.children.push(element),
        None => *root = Some(element),
    }
}

fn put(open: &mut [Element], text: &str) -> Result<(), Unreadable> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim().is_empty() => {}
        None => return Err(Unreadable::Malformed),
    }
    Ok(())
}

fn element(reader: &NsReader<&[u8]>, tag: &BytesStart) -> Result<Element, Unreadable> {
    let (namespace, local) = reader.resolver().resolve_element(tag.name());
    let mut element =
        Element { namespace: address(&namespace)?, name: name(local.as_ref())?, ..Element::default() };
    for attribute in tag.attributes() {
        let attribute = attribute.map_err(|_| Unreadable::Malformed)?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        let value = attribute.normalized_value(XmlVersion::Implicit1_0);
        element.attributes.push(Attribute {
            namespace: address(&namespace)?,
            name: name(local.as_ref())?,
            value: value.map_err(|_| Unreadable::Malformed)?.into_owned(),
        });
    }
    Ok(element)
}

fn address(namespace: &ResolveResult) -> Result<String, Unreadable> {
    match namespace {
        ResolveResult::Bound(address) => name(address.as_ref()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(_) => Err(Unreadable::Malformed),
    }
}

fn name(bytes: &[u8]) -> Result<String, Unreadable> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| Unreadable::Encoding)
}

/// An element as a document of its own: every namespace declared where it is used, so that no prefix from around it is missed.
pub(crate) fn write(element: &Element) -> String {
    let mut writer = Writer::default();
    put_element(&mut writer, element, "");
    writer.finish()
}

fn put_element(writer: &mut Writer, element: &Element, around: &str) {
    let mut attributes: Vec<(String, &str)> = Vec::new();
    if element.namespace != around {
        attributes.push(("xmlns".to_owned(), &element.namespace));
    }
    for (number, attribute) in element.attributes.iter().enumerate() {
        match attribute.namespace.as_str() {
            "" => attributes.push((attribute.name.clone(), &attribute.value)),
            XML => attributes.push((format!("xml:{}", attribute.name), &attribute.value)),
            address => {
                attributes.push((format!("xmlns:a{number}"), address));
                attributes.push((format!("a{number}:{}", attribute.name), &attribute.value));
            }
        }
    }
    let attributes: Vec<(&str, &str)> =
        attributes.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    writer.start(&element.name, &attributes);
    // Between elements there is only white space, and nobody's meaning.
    if element.children.is_empty() {
        writer.raw(&escaped(&element.text));
    }
    element.children.iter().for_each(|child| put_element(writer, child, &element.namespace));
    writer.end(&element.name);
}

/// Writes elements one after another.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
}

impl Writer {
    /// Begins an element; what is in `attributes` is written in that order.
    pub(crate) fn start(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.tag(name, attributes);
        self.text.push('>');
    }

    /// Ends it.
    pub(crate) fn end(&mut self, name: &str) {
        self.text.push_str("</");
        self.text.push_str(name);
        self.text.push('>');
    }

    /// An element with text only; without any, an empty one.
    pub(crate) fn leaf(&mut self, name: &str, text: &str) {
        self.tag(name, &[]);
        if text.is_empty() {
            self.text.push_str("/>");
            return;
        }
        self.text.push('>');
        self.text.push_str(&escaped(text));
        self.end(name);
    }

    /// What was written by another.
    pub(crate) fn raw(&mut self, xml: &str) {
        self.text.push_str(xml);
    }

    /// Everything written.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn tag(&mut self, name: &str, attributes: &[(&str, &str)]) {
        self.text.push('<');
        self.text.push_str(name);
        for (name, value) in attributes {
            self.text.push(' ');
            self.text.push_str(name);
            self.text.push_str("=\"");
            self.text.push_str(&escaped(value));
            self.text.push('"');
        }
    }
}

/// Text as element content or attribute: markup escaped, and what XML 1.0 cannot carry at all left out.
pub(crate) fn escaped(text: &str) -> String {
    let carried: String = text
        .chars()
        .filter(|c| {
            matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        })
        .collect();
    let escaped: Cow<'_, str> = quick_xml::escape::escape(carried);
    escaped.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_carry_is_left_out() {
        assert_eq!(escaped("a\u{0}<b>\u{ffff}&\u{1f600}"), "a&lt;b&gt;&amp;\u{1f600}");
    }

    #[test]
    fn prefixes_mean_nothing_and_addresses_do() {
        let read = |text: &str| parse(text.as_bytes()).unwrap();
        let one = read("<a:x xmlns:a='urn:1' xmlns:b='urn:2' b:y=' 1 '><a:z>Hồ&amp;</a:z><!-- c --></a:x>");
        let other = read(
            "\u{feff}<?xml version='1.0'?><x xmlns='urn:1' q:y=' 1 ' xmlns:q='urn:2'><z>Hồ<![CDATA[&]]></z></x>\n",
        );
        assert_eq!(one, other);
        assert!(one.is("urn:1", "x") && one.attribute("urn:2", "y") == Some("1"));
        assert_eq!(one.child("z").map(|z| z.text.as_str()), Some("Hồ&"));
        assert!(read("<x xmlns:i='http://www.w3.org/2001/XMLSchema-instance' i:nil='1'/>").is_nil());
    }

    #[test]
    fn what_is_not_one_small_document_is_not_read() {
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        for (text, why) in [
            ("", Unreadable::Malformed),
            ("x", Unreadable::Malformed),
            ("<a>", Unreadable::Malformed),
            ("<a/><b/>", Unreadable::Malformed),
            ("<p:a/>", Unreadable::Malformed),
            ("<a x='1' x='2'/>", Unreadable::Malformed),
            ("<a>&own;</a>", Unreadable::Malformed),
            ("<!DOCTYPE a><a/>", Unreadable::Doctype),
            ("<?xml version='1.0' encoding='utf-16'?><a/>", Unreadable::Encoding),
            (deep.as_str(), Unreadable::TooLarge),
        ] {
            assert_eq!(parse(text.as_bytes()), Err(why), "{text:.60}");
        }
        assert_eq!(parse(b"<a>\xff</a>"), Err(Unreadable::Encoding));
        let many = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
        assert_eq!(parse(many.as_bytes()), Err(Unreadable::TooLarge));
    }

    #[test]
    fn an_element_is_written_with_its_own_namespaces() {
        let text = "<a:x xmlns:a='urn:1' xmlns:b='urn:2' b:y='1' z='&lt;' xml:lang='vi'><a:k>đ&amp;</a:k><b:m/><n/></a:x>";
        let read = parse(text.as_bytes()).unwrap();
        let written = write(&read);
        assert_eq!(parse(written.as_bytes()).unwrap(), read, "{written}");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut writer = Writer::default();
        writer.start("p:a", &[("xmlns:p", "urn:1"), ("b", "\"<&'")]);
        writer.leaf("p:c", "]]> & <d/>");
        writer.leaf("p:e", "");
        writer.end("p:a");
        let read = parse(writer.finish().as_bytes()).unwrap();
        assert_eq!(read.attribute("", "b"), Some("\"<&'"));
        assert_eq!(read.children[0].text, "]]> & <d/>");
        assert!(read.children[1].is("urn:1", "e") && read.children[1].text.is_empty());
    }
}
