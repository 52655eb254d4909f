//! A place of an answer, whether it came as XML or as JSON.
//!
//! Fields are asked for by name, never turned over as a whole: a generic turn from XML to JSON loses lists of one, leading zeros
//! and empty elements. What is empty is not there. In XML a name counts only in its namespace, whatever its prefix.

use serde_json::Value;

use crate::wire::xml::Element;

/// A place.
#[derive(Debug, Clone, Copy)]
pub(super) enum Node<'a> {
    /// An element, and the namespace whose names count in it.
    Xml(&'a Element, &'a str),
    Json(&'a Value),
}

impl<'a> Node<'a> {
    /// The field of this name; of several the first.
    pub(super) fn get(self, name: &str) -> Option<Node<'a>> {
        self.all(name).into_iter().next()
    }

    /// All fields of this name: elements beside each other, a list, or one alone.
    pub(super) fn all(self, name: &str) -> Vec<Node<'a>> {
        match self {
            Node::Xml(element, namespace) => {
                let named = element.children.iter().filter(|child| child.is(namespace, name) && !child.is_nil());
                named.map(|child| Node::Xml(child, namespace)).collect()
            }
            Node::Json(value) => match value.get(name) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(values)) => values.iter().map(Node::Json).collect(),
                Some(value) => vec![Node::Json(value)],
            },
        }
    }

    /// Its text, if it holds one and nothing else.
    pub(super) fn text(self) -> Option<String> {
        let text = match self {
            Node::Xml(element, _) if element.children.is_empty() => element.text.trim().to_owned(),
            Node::Json(Value::String(text)) => text.trim().to_owned(),
            Node::Json(Value::Number(number)) => number.to_string(),
            Node::Json(Value::Bool(flag)) => flag.to_string(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// The text of a field.
    pub(super) fn text_of(self, name: &str) -> Option<String> {
        self.get(name)?.text()
    }
}
