//! What is known of a value before it exists, and whether it can fit its target field.
//!
//! Only what cannot work is said: a type the target never takes, a length or an allowed value it never holds. What
//! merely might not fit (a text without a known length) is for the contract check of each result.

use serde_json::Value;

use super::functions::As;
use crate::schema::json::text_of;
use crate::schema::view::{FieldView, Kinds, NodeId};

/// A target field, or the place around it.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) view: &'a FieldView,
    /// None in open content.
    pub(super) node: Option<NodeId>,
    pub(super) xml: bool,
    /// The object around it is incomplete without it.
    pub(super) kept: bool,
}

impl<'a> Target<'a> {
    pub(super) fn field(self, key: &str) -> Result<Target<'a>, Option<String>> {
        let open = Target { node: None, kept: false, ..self };
        let Some(id) = self.node else { return Ok(open) };
        let node = self.view.node(id);
        match node.field(key) {
            Some(field) => Ok(Target { node: Some(field.node), kept: field.required, ..self }),
            None if node.open => Ok(open),
            None => Err(crate::fault::nearest(key, node.names())),
        }
    }

    pub(super) fn is_list(self) -> bool {
        self.node.is_some_and(|id| self.view.node(id).item.is_some())
    }

    pub(super) fn is_open(self) -> bool {
        self.node.is_none_or(|id| {
            let node = self.view.node(id);
            node.open || (node.item.is_none() && node.kinds.covers(Kinds::LIST))
        })
    }

    /// The elements of a list; the place itself if it is none. None where nothing is known of them.
    pub(super) fn element(self) -> Option<NodeId> {
        let id = self.node?;
        let node = self.view.node(id);
        match node.item {
            Some(item) => Some(item),
            None if node.kinds == Kinds::LIST => None,
            None => Some(id),
        }
    }
}

/// What is known of a value.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// None where nothing is known.
    pub(super) kinds: Option<Kinds>,
    pub(super) max: Option<u64>,
    pub(super) allowed: Option<Vec<String>>,
    /// The place in the source it is copied from.
    pub(super) node: Option<NodeId>,
}

impl Facts {
    pub(super) fn unknown() -> Facts {
        Facts { kinds: None, max: None, allowed: None, node: None }
    }

    pub(super) fn of(kinds: Kinds) -> Facts {
        Facts { kinds: Some(kinds), ..Facts::unknown() }
    }

    pub(super) fn node(view: &FieldView, id: NodeId) -> Facts {
        let node = view.node(id);
        if node.open && node.kinds == Kinds::ANY {
            return Facts { node: Some(id), ..Facts::unknown() };
        }
        Facts {
            kinds: Some(node.kinds.without(Kinds::NULL)),
            max: node.max_length,
            allowed: node.allowed.clone(),
            node: Some(id),
        }
    }

    pub(super) fn value(value: &Value) -> Facts {
        let length = value.as_str().map(|text| text.chars().count() as u64);
        let allowed = super::compile::scalar(value).then(|| vec![text_of(value)]);
        Facts { kinds: Some(Kinds::of(value)), max: length, allowed, node: None }
    }

    pub(super) fn may_be(&self, kinds: Kinds) -> bool {
        self.kinds.is_none_or(|known| known.touches(kinds))
    }

    pub(super) fn either(self, other: Facts) -> Facts {
        Facts {
            kinds: self.kinds.zip(other.kinds).map(|(left, right)| left.or(right)),
            max: self.max.max(other.max),
            allowed: self.allowed.zip(other.allowed).map(|(left, right)| [left, right].concat()),
            node: None,
        }
    }

    pub(super) fn become_kind(&mut self, kind: As) {
        self.kinds = Some(match kind {
            As::Text => Kinds::TEXT,
            As::Integer => Kinds::INTEGER,
            As::Number => Kinds::NUMBER,
            As::Boolean => Kinds::BOOLEAN,
        });
        self.node = None;
    }
}

/// Whether the target allows a value that a code list gives.
pub(super) fn allows(place: Target<'_>, value: &Value) -> bool {
    match place.node.and_then(|id| place.view.node(id).allowed.as_ref()) {
        Some(allowed) => allowed.contains(&text_of(value)),
        None => true,
    }
}

/// Why a value of these facts can never fit the target field, if it cannot.
pub(super) fn misfit(facts: &Facts, source: &FieldView, place: Target<'_>) -> Option<String> {
    let kinds = facts.kinds?;
    let node = place.view.node(place.node?);
    let mut takes = node.kinds;
    // In XML every single value is a text.
    if place.xml && takes.touches(Kinds::TEXT) {
        takes = takes.or(Kinds::NUMBER).or(Kinds::BOOLEAN);
    }
    if !takes.covers(kinds) {
        return Some(match (kinds.touches(Kinds::LIST), takes.touches(Kinds::LIST)) {
            (true, false) => "is a list in the source, but the target takes one value".to_owned(),
            (false, true) if takes.without(Kinds::NULL) == Kinds::LIST => {
                "is a list in the target, but one value in the source".to_owned()
            }
            _ => format!("gives {}, but the target takes {}", kinds.words(), node.kinds.words()),
        });
    }
    if let (Some(allowed), Some(gives)) = (&node.allowed, &facts.allowed)
        && let Some(outside) = gives.iter().find(|value| !allowed.contains(value))
    {
        return Some(format!("may be {outside}, which the target does not allow"));
    }
    if let (Some(room), Some(max)) = (node.max_length, facts.max)
        && max > room
    {
        return Some(format!("may have {max} characters, but the target holds {room}: add limit"));
    }
    let copied = facts.node.filter(|_| kinds.touches(Kinds::OBJECT.or(Kinds::LIST)))?;
    within(source, copied, place.view, place.node?, &mut Vec::new(), place.xml)
}

/// Whether everything inside a copied part fits as well.
fn within(
    source: &FieldView,
    from: NodeId,
    target: &FieldView,
    to: NodeId,
    above: &mut Vec<(NodeId, NodeId)>,
    xml: bool,
) -> Option<String> {
    if above.contains(&(from, to)) {
        return None;
    }
    above.push((from, to));
    let (left, right) = (source.node(from), target.node(to));
    if let (Some(left), Some(right)) = (left.item, right.item) {
        let place = Target { view: target, node: Some(right), xml, kept: false };
        return misfit(&Facts::node(source, left), source, place)
            .map(|message| format!("its elements: {message}"))
            .or_else(|| within(source, left, target, right, above, xml));
    }
    for field in &left.fields {
        let Some(other) = right.field(&field.name) else {
            if right.open {
                continue;
            }
            return Some(format!("`{}` in it is no field of the target", field.name));
        };
        let place = Target { view: target, node: Some(other.node), xml, kept: false };
        let shallow = Facts { node: None, ..Facts::node(source, field.node) };
        let found = misfit(&shallow, source, place)
            .or_else(|| within(source, field.node, target, other.node, above, xml));
        if let Some(message) = found {
            return Some(format!("`{}` in it: {message}", field.name));
        }
    }
    let missing = right.fields.iter().find(|field| {
        field.required && !left.open && !left.field(&field.name).is_some_and(|known| known.required)
    });
    missing
        .filter(|_| !left.fields.is_empty())
        .map(|field| format!("`{}` in it is required by the target, but may be absent", field.name))
}
