//! What a plan reads from: a JSON tree, or an XML document as it was read. One face for both, so that there is one walk.

use std::borrow::Cow;

use serde_json::Value;

use super::functions::{self, nfc, nfc_value};
use super::plan::Key;
use crate::schema::Element;
use crate::schema::view::Node;

/// A place of the document that is translated.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    Json(&'a Value),
    Xml(Element<'a>),
}

impl<'a> Source<'a> {
    /// The field of that name.
    pub(super) fn get(self, key: &Key) -> Option<Source<'a>> {
        match self {
            Source::Json(value) => value.as_object()?.get(&*key.name).map(Source::Json),
            Source::Xml(element) => element.get(&key.name, key.field).map(Source::Xml),
        }
    }

    pub(super) fn is_null(self) -> bool {
        match self {
            Source::Json(value) => value.is_null(),
            Source::Xml(element) => element.is_nil(),
        }
    }

    pub(super) fn is_empty_text(self) -> bool {
        match self {
            Source::Json(value) => value.as_str() == Some(""),
            Source::Xml(element) => element.text() == Some(""),
        }
    }

    /// A scalar as text; nothing for lists and objects.
    pub(super) fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Source::Json(value) => functions::text(value),
            Source::Xml(element) => element.text().map(Cow::Borrowed),
        }
    }

    /// The elements of a list. Wide contracts let one element stand for a list of one.
    pub(super) fn elements(self) -> impl Iterator<Item = Source<'a>> {
        let (json, xml) = match self {
            Source::Json(Value::Array(elements)) => (elements.as_slice(), None),
            Source::Json(single) => (std::slice::from_ref(single), None),
            Source::Xml(element) => (&[][..], Some(element)),
        };
        json.iter().map(Source::Json).chain(xml.into_iter().flat_map(Element::elements).map(Source::Xml))
    }

    /// The value itself, as it is.
    pub(super) fn value(self) -> Cow<'a, Value> {
        match self {
            Source::Json(value) => Cow::Borrowed(value),
            Source::Xml(element) => Cow::Owned(element.value()),
        }
    }

    /// The value with every text in normal form C.
    pub(super) fn normal(self) -> Value {
        match self {
            Source::Json(value) => nfc_value(value),
            Source::Xml(element) => match element.text() {
                Some(text) => Value::String(nfc(text).into_owned()),
                None => nfc_value(&element.value()),
            },
        }
    }
}

/// A place with its fields laid out by number, so that no rule has to search for its own.
pub(super) struct Spread<'a> {
    whole: Source<'a>,
    fields: Fields<'a>,
}

enum Fields<'a> {
    /// Nobody knows what may be in it.
    Unknown,
    Json(Box<[Option<&'a Value>]>),
    Xml(Box<[Option<Element<'a>>]>),
}

impl<'a> Spread<'a> {
    /// Lays out a place that the contract knows as `node`.
    pub(super) fn new(whole: Source<'a>, node: Option<&Node>) -> Spread<'a> {
        let fields = match (node, whole) {
            (None, _) => Fields::Unknown,
            (Some(node), Source::Json(value)) => Fields::Json(laid_out(value, node)),
            (Some(node), Source::Xml(element)) => Fields::Xml(element.laid_out(node.fields.len())),
        };
        Spread { whole, fields }
    }

    /// A place that is spoken of as a whole.
    pub(super) fn whole(whole: Source<'a>) -> Spread<'a> {
        Spread { whole, fields: Fields::Unknown }
    }

    /// What stands at the end of these keys.
    pub(super) fn find(&self, keys: &[Key]) -> Option<Source<'a>> {
        let Some((first, rest)) = keys.split_first() else { return Some(self.whole) };
        let found = match (&self.fields, first.field) {
            (Fields::Json(fields), Some(field)) => fields[field].map(Source::Json),
            (Fields::Xml(fields), Some(field)) => fields[field].map(Source::Xml),
            _ => self.whole.get(first),
        };
        rest.iter().try_fold(found?, |value, key| value.get(key))
    }
}

/// Documents mostly keep the order of their contract, and then comparing with the next name beats hashing each.
fn laid_out<'a>(value: &'a Value, node: &Node) -> Box<[Option<&'a Value>]> {
    let mut fields = vec![None; node.fields.len()];
    let mut next = 0;
    for (name, value) in value.as_object().into_iter().flatten() {
        let expected = node.fields.get(next).is_some_and(|field| *field.name == **name);
        if let Some(at) = if expected { Some(next) } else { node.position(name) } {
            fields[at] = Some(value);
            next = at + 1;
        }
    }
    fields.into()
}

/// A value on its way to the target: as it stands in the source, or made.
pub(super) enum Found<'a> {
    There(Source<'a>),
    Made(Value),
}

impl Found<'_> {
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Found::There(source) => source.text(),
            Found::Made(value) => functions::text(value),
        }
    }

    pub(super) fn value(&self) -> Cow<'_, Value> {
        match self {
            Found::There(source) => source.value(),
            Found::Made(value) => Cow::Borrowed(value),
        }
    }
}
