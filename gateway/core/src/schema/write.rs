//! Writes a tree as XML in the order of its contract.
//!
//! Fields come in the order of the XSD whatever their order in the tree, namespaces as the XSD qualifies them, texts
//! escaped. What the contract has no place for, and characters XML cannot hold, are violations: nothing is left
//! out in silence. Deliberately absent: pretty printing and keeping prefixes; the peers read names, not layout.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::view::{FieldView, NodeId};
use crate::fault::Violation;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The root element around a tree: a whole document, or one child with its envelope.
pub(super) struct Frame {
    pub(super) root: String,
    pub(super) namespace: Option<Arc<str>>,
    pub(super) outer: NodeId,
    pub(super) child: Option<String>,
}

pub(super) fn write(view: &FieldView, frame: &Frame, document: &Value) -> Result<Vec<u8>, Vec<Violation>> {
    let wrapped;
    let document = match &frame.child {
        None => document,
        Some(child) => {
            let list = view.node(frame.outer).field(child).is_some_and(|f| view.node(f.node).item.is_some());
            let inner = if list { Value::Array(vec![document.clone()]) } else { document.clone() };
            wrapped = Value::Object(Map::from_iter([(child.clone(), inner)]));
            &wrapped
        }
    };
    let mut writer = Writer { view, out: Vec::with_capacity(1024), violations: Vec::new(), prefixed: None };
    writer.out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    // Where children stand in no namespace but their root in one, a prefix keeps `xmlns=""` off every child.
    let bare = view.node(frame.outer).fields.iter().any(|f| f.namespace.is_none() && element(&f.name));
    if bare {
        writer.prefixed.clone_from(&frame.namespace);
    }
    let place = Place { name: &frame.root, index: None, above: None };
    writer.element(&place, Some(frame.outer), frame.namespace.as_ref(), None, document);
    if writer.violations.is_empty() { Ok(writer.out) } else { Err(writer.violations) }
}

fn element(name: &str) -> bool {
    !name.starts_with(['@', '#'])
}

struct Writer<'a> {
    view: &'a FieldView,
    out: Vec<u8>,
    violations: Vec<Violation>,
    /// The namespace that is written with the prefix `n`.
    prefixed: Option<Arc<str>>,
}

/// Where the writer is; becomes text only when something is wrong.
struct Place<'a> {
    name: &'a str,
    index: Option<usize>,
    above: Option<&'a Place<'a>>,
}

impl Place<'_> {
    fn path(&self) -> String {
        let Some(above) = self.above else { return String::new() };
        let index = self.index.map(|index| format!("[{}]", index + 1)).unwrap_or_default();
        match above.path() {
            path if path.is_empty() => format!("{}{index}", self.name),
            path => format!("{path}.{}{index}", self.name),
        }
    }
}

impl Writer<'_> {
    fn element(
        &mut self,
        place: &Place<'_>,
        node: Option<NodeId>,
        namespace: Option<&Arc<str>>,
        default: Option<&Arc<str>>,
        value: &Value,
    ) {
        let prefixed = namespace.is_some() && namespace == self.prefixed.as_ref();
        let tag = if prefixed { format!("n:{}", place.name) } else { place.name.to_owned() };
        if !name_fits(place.name) {
            return self.violations.push(Violation::ours(
                place.path(),
                "name",
                "không dùng làm tên phần tử XML được",
            ));
        }
        self.out.push(b'<');
        self.out.extend_from_slice(tag.as_bytes());
        let mut default = default;
        if prefixed {
            if place.above.is_none() {
                self.attribute(place, "xmlns:n", namespace.map_or("", |uri| uri));
            }
        } else if namespace != default {
            self.attribute(place, "xmlns", namespace.map_or("", |uri| uri));
            default = namespace;
        }
        match value {
            Value::Null => {
                self.attribute(place, "xmlns:xsi", XSI);
                self.attribute(place, "xsi:nil", "true");
                self.out.extend_from_slice(b"/>");
                return;
            }
            Value::Object(fields) => {
                self.attributes(place, node, fields);
                self.out.push(b'>');
                self.children(place, node, default, fields);
            }
            Value::Array(_) => {
                self.out.push(b'>');
                self.violations.push(Violation::ours(
                    place.path(),
                    "type",
                    "danh sách lồng danh sách không viết được thành XML",
                ));
            }
            scalar => {
                self.out.push(b'>');
                self.scalar(place, scalar, false);
            }
        }
        self.out.extend_from_slice(b"</");
        self.out.extend_from_slice(tag.as_bytes());
        self.out.push(b'>');
    }

    fn attributes(&mut self, place: &Place<'_>, node: Option<NodeId>, fields: &Map<String, Value>) {
        for (key, value) in fields {
            let Some(name) = key.strip_prefix('@') else { continue };
            let known = node.map(|id| self.view.node(id));
            let field = known.and_then(|node| node.field(key));
            if (field.is_none() && known.is_some_and(|node| !node.open)) || !name_fits(name) {
                let here = Place { name: key, index: None, above: Some(place) };
                self.violations.push(Violation::ours(here.path(), "unknown", "không có trong quy định"));
                continue;
            }
            let namespace = field.and_then(|field| field.namespace.clone());
            let name = match namespace.as_deref() {
                None => name.to_owned(),
                Some("http://www.w3.org/XML/1998/namespace") => format!("xml:{name}"),
                Some(uri) => {
                    self.attribute(place, "xmlns:a", uri);
                    format!("a:{name}")
                }
            };
            self.out.push(b' ');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            let here = Place { name: key, index: None, above: Some(place) };
            self.scalar(&here, value, true);
            self.out.push(b'"');
        }
    }

    fn children(
        &mut self,
        place: &Place<'_>,
        node: Option<NodeId>,
        default: Option<&Arc<str>>,
        fields: &Map<String, Value>,
    ) {
        if let Some(text) = fields.get("#text") {
            self.scalar(place, text, false);
        }
        let known = node.map(|id| self.view.node(id));
        for field in known.map(|node| node.fields.as_slice()).unwrap_or_default() {
            if let Some(value) = fields.get(&*field.name).filter(|_| element(&field.name)) {
                let inner = self.view.element(field.node);
                self.each(place, &field.name, Some(inner), field.namespace.as_ref(), default, value);
            }
        }
        for (name, value) in fields.iter().filter(|(name, _)| element(name)) {
            if known.is_some_and(|node| node.field(name).is_some()) {
                continue;
            }
            if known.is_none_or(|node| node.open) {
                self.each(place, name, None, default, default, value);
            } else {
                let here = Place { name, index: None, above: Some(place) };
                self.violations.push(Violation::ours(here.path(), "unknown", "không có trong quy định"));
            }
        }
    }

    fn each(
        &mut self,
        above: &Place<'_>,
        name: &str,
        node: Option<NodeId>,
        namespace: Option<&Arc<str>>,
        default: Option<&Arc<str>>,
        value: &Value,
    ) {
        match value {
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    let place = Place { name, index: Some(index), above: Some(above) };
                    self.element(&place, node, namespace, default, element);
                }
            }
            single => {
                let place = Place { name, index: None, above: Some(above) };
                self.element(&place, node, namespace, default, single);
            }
        }
    }

    fn attribute(&mut self, place: &Place<'_>, name: &str, value: &str) {
        self.out.push(b' ');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        self.text(place, value, true);
        self.out.push(b'"');
    }

    fn scalar(&mut self, place: &Place<'_>, value: &Value, attribute: bool) {
        match value {
            Value::String(text) => self.text(place, text, attribute),
            Value::Null => {}
            Value::Object(_) | Value::Array(_) => {
                self.violations.push(Violation::ours(place.path(), "type", "phải là chuỗi ký tự"));
            }
            scalar => self.text(place, &scalar.to_string(), attribute),
        }
    }

    fn text(&mut self, place: &Place<'_>, text: &str, attribute: bool) {
        if text.chars().any(forbidden) {
            let detail = "có ký tự mà XML không chứa được";
            self.violations.push(Violation::ours(place.path(), "character", detail));
        }
        for byte in text.bytes() {
            match byte {
                b'&' => self.out.extend_from_slice(b"&amp;"),
                b'<' => self.out.extend_from_slice(b"&lt;"),
                b'>' => self.out.extend_from_slice(b"&gt;"),
                // A bare carriage return would be read back as a line feed.
                b'\r' => self.out.extend_from_slice(b"&#13;"),
                b'"' if attribute => self.out.extend_from_slice(b"&quot;"),
                b'\n' if attribute => self.out.extend_from_slice(b"&#10;"),
                b'\t' if attribute => self.out.extend_from_slice(b"&#9;"),
                byte => self.out.push(byte),
            }
        }
    }
}

fn forbidden(c: char) -> bool {
    matches!(c, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Names under open content come from the document; anything but a plain name could break out of its tag.
fn name_fits(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}
