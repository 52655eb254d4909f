//! Builds the tree of an XML document from the validator's events, guided by the contract's view.
//!
//! What may occur more than once is always a list, attributes are `@name`, the text beside attributes is `#text`,
//! `xsi:nil` is null, and every text stays a text. Under open content (`xs:any`) nothing says how often an element
//! may occur: there the second one of a name makes the list. An element of another namespace that stands there is never
//! taken for a field of the same name: it is kept as `{namespace}name`, where no mapping looks.

use std::rc::Rc;

use serde_json::{Map, Value};
use xsd_schema::validation::{
    AttributeView, DoctypeView, ElementStartView, EndElementInfo, TextKind, ValidationEventHandler,
};
use xsd_schema::xml::XmlDeclaration;

use super::view::{Field, FieldView, Kinds, Node, NodeId, Space};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// Why a document is not read at all.
pub(super) enum Refused {
    /// It declares a document type: entities and external subsets begin there.
    Doctype,
    /// It says to be in an encoding we do not read.
    Encoding,
}

pub(super) struct TreeBuilder<'v> {
    view: &'v FieldView,
    root: NodeId,
    stack: Vec<Frame>,
    done: Value,
}

struct Frame {
    name: String,
    namespace: Rc<str>,
    /// The place in the view; none where the contract knows nothing.
    node: Option<NodeId>,
    list: bool,
    nil: bool,
    /// The field that comes next if the document keeps the order of its schema.
    next: usize,
    fields: Map<String, Value>,
    text: String,
}

impl<'v> TreeBuilder<'v> {
    pub(super) fn new(view: &'v FieldView, root: NodeId) -> Self {
        TreeBuilder { view, root, stack: Vec::with_capacity(8), done: Value::Null }
    }

    pub(super) fn finish(self) -> Value {
        self.done
    }

    fn close(&self, frame: &mut Frame) -> Value {
        if frame.nil {
            return Value::Null;
        }
        let fields = std::mem::take(&mut frame.fields);
        let mut text = std::mem::take(&mut frame.text);
        match frame.node.map(|id| self.view.node(id)) {
            Some(node) if !node.kinds.touches(Kinds::OBJECT) => {
                collapse(&mut text, node.space);
                Value::String(text)
            }
            Some(node) if !node.open || !node.fields.is_empty() => match node.field("#text") {
                Some(place) => {
                    collapse(&mut text, self.view.node(place.node).space);
                    with_text(fields, text)
                }
                None => Value::Object(fields),
            },
            _ if fields.is_empty() => Value::String(text),
            _ if text.trim().is_empty() => Value::Object(fields),
            _ => with_text(fields, text),
        }
    }

    fn hand_over(&mut self, frame: Frame, value: Value) {
        let Some(parent) = self.stack.last_mut() else {
            self.done = value;
            return;
        };
        match parent.fields.entry(frame.name) {
            serde_json::map::Entry::Vacant(place) if frame.list => {
                place.insert(Value::Array(vec![value]));
            }
            serde_json::map::Entry::Vacant(place) => {
                place.insert(value);
            }
            serde_json::map::Entry::Occupied(mut place) => match place.get_mut() {
                Value::Array(elements) => elements.push(value),
                single => {
                    let first = single.take();
                    *single = Value::Array(vec![first, value]);
                }
            },
        }
    }
}

/// The field of that name. A sequence mostly comes in its own order, so the one after the last is tried first.
fn expected<'v>(node: &'v Node, name: &str, parent: &mut Frame) -> Option<&'v Field> {
    for at in [parent.next, parent.next.wrapping_sub(1)] {
        if let Some(field) = node.fields.get(at).filter(|field| *field.name == *name) {
            parent.next = at + 1;
            return Some(field);
        }
    }
    let at = node.position(name)?;
    parent.next = at + 1;
    node.fields.get(at)
}

fn with_text(mut fields: Map<String, Value>, text: String) -> Value {
    fields.insert("#text".to_owned(), Value::String(text));
    Value::Object(fields)
}

/// White space as the type of the text asks for. Most texts have none to spare and are left alone.
fn collapse(text: &mut String, space: Space) {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    match space {
        Space::Preserve => {}
        Space::Replace => {
            if text.contains(['\t', '\n', '\r']) {
                *text = text.replace(['\t', '\n', '\r'], " ");
            }
        }
        Space::Collapse => {
            let spare = text.starts_with(blank)
                || text.ends_with(blank)
                || text.contains(['\t', '\n', '\r'])
                || text.contains("  ");
            if spare {
                *text = text.split(blank).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
            }
        }
    }
}

impl ValidationEventHandler for TreeBuilder<'_> {
    type Error = Refused;

    fn before_element(&mut self, element: ElementStartView<'_>) -> Result<(), Refused> {
        let namespace = match self.stack.last() {
            Some(parent) if *parent.namespace == *element.namespace_uri => parent.namespace.clone(),
            _ => Rc::from(element.namespace_uri),
        };
        let mut name = element.local_name.to_owned();
        let field = match self.stack.last_mut() {
            None => None,
            Some(parent) => match parent.node.map(|id| self.view.node(id)) {
                // What a wildcard let in may be called like a field and is still somebody else's.
                Some(node) if node.open && !namespace.is_empty() && namespace != parent.namespace => {
                    if node.position(&name).is_some() {
                        name = format!("{{{namespace}}}{name}");
                    }
                    None
                }
                Some(node) => expected(node, element.local_name, parent),
                None => None,
            },
        };
        let (node, list) = match field.map(|field| (field.node, self.view.node(field.node).item)) {
            Some((_, Some(item))) => (Some(item), true),
            Some((node, None)) => (Some(node), false),
            None if self.stack.is_empty() => (Some(self.root), false),
            None => (None, false),
        };
        let room = node.map_or(0, |id| self.view.node(id).fields.len());
        let fields = Map::with_capacity(room);
        let nil = element.xsi_nil.is_some_and(|nil| matches!(nil.trim(), "true" | "1"));
        self.stack.push(Frame { name, namespace, node, list, nil, next: 0, fields, text: String::new() });
        Ok(())
    }

    fn before_attribute(&mut self, attribute: AttributeView<'_>) -> Result<(), Refused> {
        if attribute.namespace_uri != XSI
            && let Some(frame) = self.stack.last_mut()
        {
            let name = format!("@{}", attribute.local_name);
            let mut value = attribute.value.to_owned();
            let place = frame.node.and_then(|id| self.view.node(id).field(&name));
            if let Some(field) = place {
                collapse(&mut value, self.view.node(field.node).space);
            }
            frame.fields.insert(name, Value::String(value));
        }
        Ok(())
    }

    fn after_end_element(&mut self, _: &EndElementInfo, _: usize) -> Result<(), Refused> {
        if let Some(mut frame) = self.stack.pop() {
            let value = self.close(&mut frame);
            self.hand_over(frame, value);
        }
        Ok(())
    }

    fn on_text(&mut self, _: TextKind, text: &str) -> Result<(), Refused> {
        if let Some(frame) = self.stack.last_mut() {
            frame.text.push_str(text);
        }
        Ok(())
    }

    fn on_doctype(&mut self, _: DoctypeView<'_>) -> Result<(), Refused> {
        Err(Refused::Doctype)
    }

    fn on_xml_declaration(&mut self, declaration: &XmlDeclaration) -> Result<(), Refused> {
        match &declaration.encoding {
            // Software that builds XML in a UTF-16 string and sends it as UTF-8 declares the former; the bytes
            // have been found to be UTF-8 already, which real UTF-16 never is with this declaration in it.
            Some(name)
                if !["utf-8", "utf8", "us-ascii", "utf-16"].contains(&name.to_lowercase().as_str()) =>
            {
                Err(Refused::Encoding)
            }
            _ => Ok(()),
        }
    }
}
