//! What a contract allows, in one shape for both notations: fields, cardinality, types, lengths, allowed values.
//!
//! The validators decide whether a document is right; this view exists so that mappings can be checked against
//! contracts before any document is there, so that XML can be read and written by its schema, and so that a
//! violation can name the allowed values. It is a graph of numbered nodes, because schemas may be recursive.
//! Deliberately absent: patterns, ranges, alternatives that exclude each other. Only validators judge those.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::Value;

/// The number of a node in its view.
pub type NodeId = usize;

/// A set of JSON types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(u8);

impl Kinds {
    /// No type at all.
    pub const NONE: Kinds = Kinds(0);
    /// `string`.
    pub const TEXT: Kinds = Kinds(1);
    /// `integer`.
    pub const INTEGER: Kinds = Kinds(2);
    /// `number`, whole or not.
    pub const NUMBER: Kinds = Kinds(4 | 2);
    /// `boolean`.
    pub const BOOLEAN: Kinds = Kinds(8);
    /// `object`.
    pub const OBJECT: Kinds = Kinds(16);
    /// `array`.
    pub const LIST: Kinds = Kinds(32);
    /// `null`.
    pub const NULL: Kinds = Kinds(64);
    /// Every type.
    pub const ANY: Kinds = Kinds(127);

    /// The types of either.
    pub const fn or(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }

    /// The types of both.
    pub const fn and(self, other: Kinds) -> Kinds {
        Kinds(self.0 & other.0)
    }

    /// These without the others.
    pub const fn without(self, other: Kinds) -> Kinds {
        Kinds(self.0 & !other.0)
    }

    /// Whether every type of `other` is among these.
    pub const fn covers(self, other: Kinds) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any type of `other` is among these.
    pub const fn touches(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    /// The type of one value.
    pub fn of(value: &Value) -> Kinds {
        match value {
            Value::Null => Kinds::NULL,
            Value::Bool(_) => Kinds::BOOLEAN,
            Value::Number(n) if n.is_f64() => Kinds::NUMBER,
            Value::Number(_) => Kinds::INTEGER,
            Value::String(_) => Kinds::TEXT,
            Value::Array(_) => Kinds::LIST,
            Value::Object(_) => Kinds::OBJECT,
        }
    }

    /// The type that JSON Schema calls so.
    pub fn named(name: &str) -> Kinds {
        match name {
            "string" => Kinds::TEXT,
            "integer" => Kinds::INTEGER,
            "number" => Kinds::NUMBER,
            "boolean" => Kinds::BOOLEAN,
            "object" => Kinds::OBJECT,
            "array" => Kinds::LIST,
            "null" => Kinds::NULL,
            _ => Kinds::NONE,
        }
    }

    /// `string or integer`.
    pub fn words(self) -> String {
        let mut words = Vec::new();
        for (kind, word) in [
            (Kinds::TEXT, "string"),
            (Kinds::NUMBER, "number"),
            (Kinds::INTEGER, "integer"),
            (Kinds::BOOLEAN, "boolean"),
            (Kinds::OBJECT, "object"),
            (Kinds::LIST, "array"),
            (Kinds::NULL, "null"),
        ] {
            let said = kind == Kinds::INTEGER && self.covers(Kinds::NUMBER);
            if self.covers(kind) && !said {
                words.push(word);
            }
        }
        words.join(" or ")
    }
}

/// What XML does with the white space of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Space {
    /// As written.
    #[default]
    Preserve,
    /// Each white space character becomes a space.
    Replace,
    /// Trimmed, runs become one space.
    Collapse,
}

/// One place of a contract.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// What may stand here.
    pub kinds: Kinds,
    /// Anything may stand beneath (`additionalProperties: true` without properties, `xs:any`).
    pub open: bool,
    /// The fields of an object, in the order of the contract.
    pub fields: Vec<Field>,
    /// The elements of a list.
    pub item: Option<NodeId>,
    /// The longest text, in characters.
    pub max_length: Option<u64>,
    /// The allowed values, as text.
    pub allowed: Option<Vec<String>>,
    /// XML only: white space handling of the text.
    pub space: Space,
    pub(super) index: HashMap<Box<str>, usize>,
}

/// One field of an object.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name; XML attributes begin with `@`, text beside attributes is `#text`.
    pub name: Box<str>,
    /// What stands in it.
    pub node: NodeId,
    /// Whether the object is incomplete without it.
    pub required: bool,
    /// XML only: its namespace, if it has one.
    pub namespace: Option<Arc<str>>,
}

impl Node {
    /// The field of that name.
    #[inline]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.position(name).map(|at| &self.fields[at])
    }

    /// Which field has that name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        // Most objects have few fields, and then comparing beats hashing.
        if self.fields.len() <= 8 {
            return self.fields.iter().position(|field| &*field.name == name);
        }
        self.index.get(name).copied()
    }

    /// Adds a field, or gives the one that is there already.
    pub fn put(&mut self, field: Field) -> &mut Field {
        let at = *self.index.entry(field.name.clone()).or_insert_with(|| {
            self.fields.push(field);
            self.fields.len() - 1
        });
        &mut self.fields[at]
    }

    /// The names of all fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| &*field.name)
    }
}

/// All places of one contract.
#[derive(Debug, Clone)]
pub struct FieldView {
    nodes: Vec<Node>,
    root: NodeId,
}

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Walk {
    /// To a place of the contract.
    Found(Step),
    /// Into open content: anything may be there, or not.
    Open,
    /// Nowhere: this part of the path is no field; the nearest name that is.
    Unknown(String, Option<String>),
    /// Through a list, without saying which element: the path of the list.
    ThroughList(String),
}

/// A place that a path led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The place.
    pub node: NodeId,
    /// The parts of the path that need not be there, as dotted prefixes; empty if the place is always there.
    pub optional: Vec<String>,
}

impl FieldView {
    /// A view of one open node: nothing is known.
    pub fn open() -> FieldView {
        FieldView { nodes: vec![Node { kinds: Kinds::ANY, open: true, ..Node::default() }], root: 0 }
    }

    /// An empty view to build in.
    pub(super) fn new() -> FieldView {
        FieldView { nodes: Vec::new(), root: 0 }
    }

    pub(super) fn add(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(super) fn set(&mut self, id: NodeId, node: Node) {
        self.nodes[id] = node;
    }

    pub(super) fn set_root(&mut self, id: NodeId) {
        self.root = id;
    }

    /// The place of the whole document.
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// One place.
    #[inline]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// One place, with a list replaced by its elements.
    pub fn element(&self, id: NodeId) -> NodeId {
        self.nodes[id].item.unwrap_or(id)
    }

    /// Follows a path. Lists are passed through only when `through_lists`: for paths that speak of all elements.
    pub fn walk<S: AsRef<str>>(&self, from: NodeId, keys: &[S], through_lists: bool) -> Walk {
        let mut step = Step { node: from, optional: Vec::new() };
        let mut path = String::new();
        for key in keys {
            let key = key.as_ref();
            let mut node = &self.nodes[step.node];
            if let Some(item) = node.item {
                if !through_lists {
                    return Walk::ThroughList(path);
                }
                node = &self.nodes[item];
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(key);
            match node.field(key) {
                Some(field) => {
                    if !field.required || self.nodes[field.node].kinds.touches(Kinds::NULL) {
                        step.optional.push(path.clone());
                    }
                    step.node = field.node;
                }
                None if node.open => return Walk::Open,
                None => return Walk::Unknown(path, crate::fault::nearest(key, node.names())),
            }
        }
        Walk::Found(step)
    }

    /// Puts the places of `other` where a path leads: what is inside a text that is a document of its own.
    pub fn graft<S: AsRef<str>>(&mut self, keys: &[S], other: &FieldView) {
        let offset = self.nodes.len();
        self.nodes.extend(other.nodes.iter().cloned().map(|mut node| {
            node.item = node.item.map(|id| id + offset);
            node.fields.iter_mut().for_each(|field| field.node += offset);
            node
        }));
        let Some((last, way)) = keys.split_last() else { return };
        if let Walk::Found(parent) = self.walk(self.root, way, true) {
            let parent = self.element(parent.node);
            let at = self.nodes[parent].fields.iter().position(|field| *field.name == *last.as_ref());
            if let Some(at) = at {
                self.nodes[parent].fields[at].node = other.root + offset;
            }
        }
    }

    /// Every leaf as a dotted path; lists are written `papers[]`. Recursive parts are named once.
    pub fn leaves(&self) -> Vec<String> {
        let mut leaves = Vec::new();
        self.collect(self.root, "", &mut Vec::new(), &mut leaves);
        leaves
    }

    fn collect(&self, id: NodeId, path: &str, above: &mut Vec<NodeId>, leaves: &mut Vec<String>) {
        let node = &self.nodes[id];
        if let Some(item) = node.item {
            return self.collect(item, &format!("{path}[]"), above, leaves);
        }
        if node.fields.is_empty() || above.contains(&id) {
            if !path.is_empty() {
                leaves.push(path.to_owned());
            }
            return;
        }
        above.push(id);
        for field in &node.fields {
            let beneath =
                if path.is_empty() { field.name.to_string() } else { format!("{path}.{}", field.name) };
            self.collect(field.node, &beneath, above, leaves);
        }
        above.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_said_in_words_without_repeating() {
        assert_eq!(Kinds::NUMBER.or(Kinds::TEXT).words(), "string or number");
        assert_eq!(Kinds::INTEGER.or(Kinds::NULL).words(), "integer or null");
        assert!(Kinds::NUMBER.covers(Kinds::INTEGER));
        assert!(!Kinds::INTEGER.covers(Kinds::NUMBER));
    }
}
