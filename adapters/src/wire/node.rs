//! A place of a document, whether it came as XML or as JSON.
//!
//! Fields are asked for by name, never turned over as a whole: a generic turn from XML to JSON loses lists of one, leading zeros
//! and empty elements. What is empty is not there.

use serde_json::Value;

use super::xml::Element;

/// A place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Node<'a> {
    /// An element, and the namespace whose names count in it, whatever their prefix; without one, the names alone decide.
    Xml(&'a Element, Option<&'a str>),
    Json(&'a Value),
    /// An attribute.
    Text(&'a str),
}

impl<'a> Node<'a> {
    /// The field of this name; of several the first.
    pub(crate) fn get(self, name: &str) -> Option<Node<'a>> {
        self.all(name).into_iter().next()
    }

    /// All fields of this name: elements beside each other, a list, or one alone. `@name` is an attribute, `#text` the text beside
    /// attributes.
    pub(crate) fn all(self, name: &str) -> Vec<Node<'a>> {
        match self {
            Node::Xml(element, _) if name.starts_with('@') => {
                let named = element.attributes.iter().filter(|attribute| attribute.name == name[1..]);
                named.map(|attribute| Node::Text(attribute.value.trim())).collect()
            }
            Node::Xml(element, _) if name == "#text" => vec![Node::Text(element.text.trim())],
            Node::Xml(element, namespace) => {
                let ours = |child: &&Element| namespace.is_none_or(|wanted| child.namespace == wanted);
                let named = element.children.iter().filter(|child| child.name == name && !child.is_nil());
                named.filter(ours).map(|child| Node::Xml(child, namespace)).collect()
            }
            Node::Json(value) => match value.get(name) {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(values)) => values.iter().map(Node::Json).collect(),
                Some(value) => vec![Node::Json(value)],
            },
            Node::Text(_) => Vec::new(),
        }
    }

    /// What stands at the end of a way `a.b.c`; of several on the way the first. The empty way is this place.
    pub(crate) fn at(self, path: &str) -> Option<Node<'a>> {
        let first = match self {
            Node::Json(Value::Array(values)) => Node::Json(values.first()?),
            node => node,
        };
        match path {
            "" => Some(first),
            path => path.split('.').try_fold(first, Node::get),
        }
    }

    /// All that stand at the end of a way; those on the way are each the first of their name.
    pub(crate) fn list(self, path: &str) -> Vec<Node<'a>> {
        match (path.rsplit_once('.'), self) {
            (None, Node::Json(Value::Array(values))) if path.is_empty() => {
                values.iter().map(Node::Json).collect()
            }
            (None, node) if path.is_empty() => vec![node],
            (None, node) => node.all(path),
            (Some((way, name)), node) => node.at(way).map_or_else(Vec::new, |above| above.all(name)),
        }
    }

    /// Could something stand at the end of a way? In XML an empty list leaves no sign, so there it always could.
    pub(crate) fn has_place(self, path: &str) -> bool {
        match self {
            Node::Json(value) if !path.is_empty() => {
                path.split('.').try_fold(value, |value, name| value.get(name)).is_some()
            }
            Node::Json(value) => value.is_array(),
            _ => true,
        }
    }

    /// Its text, if it holds one and nothing else.
    pub(crate) fn text(self) -> Option<String> {
        let text = match self {
            Node::Xml(element, _) if element.children.is_empty() => element.text.trim().to_owned(),
            Node::Json(Value::String(text)) => text.trim().to_owned(),
            Node::Json(Value::Number(number)) => number.to_string(),
            Node::Json(Value::Bool(flag)) => flag.to_string(),
            Node::Text(text) => text.to_owned(),
            _ => return None,
        };
        (!text.is_empty()).then_some(text)
    }

    /// The text of a field.
    pub(crate) fn text_of(self, name: &str) -> Option<String> {
        self.get(name)?.text()
    }

    /// The text at the end of a way.
    pub(crate) fn text_at(self, path: &str) -> Option<String> {
        self.at(path)?.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::xml;
    use serde_json::json;

    #[test]
    fn a_way_goes_down_through_both_notations() {
        let value = json!({ "results": [{ "status": "OK", "n": 7 }, { "status": "NO" }] });
        let node = Node::Json(&value);
        assert_eq!(node.text_at("results.status").as_deref(), Some("OK"));
        assert_eq!(node.list("results").len(), 2);
        let list = json!([{ "a": 1 }, { "a": 2 }]);
        assert_eq!(
            (Node::Json(&list).list("").len(), Node::Json(&list).text_at("a").as_deref()),
            (2, Some("1"))
        );
        let root =
            xml::parse(b"<x xmlns='urn:1'><y ma=' 00 '><z>a</z><z>b</z></y><q xmlns='urn:2'>c</q></x>")
                .unwrap();
        let node = Node::Xml(&root, None);
        assert_eq!(node.text_at("y.@ma").as_deref(), Some("00"));
        assert_eq!(node.list("y.z").len(), 2);
        assert_eq!((node.text_at("q.#text").as_deref(), node.text_at("y.#text")), (Some("c"), None));
        assert_eq!(
            (node.text_of("q").as_deref(), Node::Xml(&root, Some("urn:1")).text_of("q")),
            (Some("c"), None)
        );
    }
}
