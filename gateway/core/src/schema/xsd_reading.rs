//! What an XML document said: flat, and walked as it is.
//!
//! All places stand in one list, in the order of the document, and all texts in one string, so that reading costs no
//! allocation for each element. The translator walks it through [`Element`]; [`Reading::value`] gives the tree of the
//! same shape that JSON has. What may occur more than once is always a list, attributes are `@name`, the text beside
//! attributes is `#text`, `xsi:nil` is null, and every text stays a text.

use std::ops::Range;

use serde_json::{Map, Value};

use super::view::{FieldView, NodeId};

/// A document that was read.
pub(crate) struct Reading<'v> {
    pub(super) view: &'v FieldView,
    pub(super) places: Vec<Place>,
    pub(super) text: String,
    /// Names that the contract does not know, under open content.
    pub(super) strangers: Vec<Box<str>>,
}

/// An element, an attribute, or the text beside them.
pub(super) struct Place {
    pub(super) name: Name,
    /// The place in the view; none where the contract knows nothing.
    pub(super) node: Option<NodeId>,
    /// The contract lets it occur more than once.
    pub(super) list: bool,
    pub(super) holds: Holds,
    /// Where what does not lie within it goes on.
    pub(super) end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Root,
    /// Which field it is of the node around it.
    Field(usize),
    /// Which of the strangers.
    Stranger(usize),
}

pub(super) enum Holds {
    Nothing,
    Text(Range<usize>),
    Fields,
}

/// One element of a reading, or all those of one name beside each other.
#[derive(Clone, Copy)]
pub(crate) struct Element<'r> {
    reading: &'r Reading<'r>,
    at: usize,
    /// Stands for the list that begins here and ends before this place.
    list: Option<usize>,
}

impl<'v> Reading<'v> {
    /// The whole document.
    pub(super) fn root(&self) -> Element<'_> {
        Element { reading: self, at: 0, list: None }
    }

    /// The tree of the document.
    pub(super) fn value(&self) -> Value {
        if self.places.is_empty() { Value::Null } else { self.root().value() }
    }

    fn name(&self, above: Option<NodeId>, name: Name) -> &str {
        match (name, above) {
            (Name::Field(at), Some(node)) => &self.view.node(node).fields[at].name,
            (Name::Stranger(at), _) => &self.strangers[at],
            _ => "",
        }
    }
}

impl<'r> Element<'r> {
    fn place(self) -> &'r Place {
        &self.reading.places[self.at]
    }

    /// What stands directly in it.
    fn children(self) -> impl Iterator<Item = usize> + use<'r> {
        let places = &self.reading.places;
        let (mut at, end) = match (&self.place().holds, self.list) {
            (Holds::Fields, None) => (self.at + 1, self.place().end),
            _ => (0, 0),
        };
        std::iter::from_fn(move || {
            let found = (at < end).then_some(at)?;
            at = places[found].end;
            Some(found)
        })
    }

    /// The field of that name; `field` is its number where the contract knows it.
    pub(crate) fn get(self, name: &str, field: Option<usize>) -> Option<Element<'r>> {
        let reading = self.reading;
        let named = |at: &usize| match (reading.places[*at].name, field) {
            (Name::Field(found), Some(field)) => found == field,
            (Name::Stranger(found), None) => *reading.strangers[found] == *name,
            _ => false,
        };
        let mut children = self.children();
        let at = children.find(named)?;
        // A second one makes a list only where the contract does not say what is one.
        let more = field.is_none() && children.any(|at| named(&at));
        Some(self.beneath(at, more))
    }

    /// Its fields by their numbers in the contract.
    pub(crate) fn laid_out(self, count: usize) -> Box<[Option<Element<'r>>]> {
        let mut fields = vec![None; count];
        for at in self.children() {
            if let Name::Field(field) = self.reading.places[at].name {
                fields[field].get_or_insert_with(|| self.beneath(at, false));
            }
        }
        fields.into()
    }

    /// What stands in it at `at`: a list where the contract says so, or where more of the name follow.
    fn beneath(self, at: usize, more: bool) -> Element<'r> {
        let list = self.reading.places[at].list || more;
        Element { at, list: list.then_some(self.place().end), ..self }
    }

    /// The elements of a list; of anything else itself.
    pub(crate) fn elements(self) -> impl Iterator<Item = Element<'r>> + use<'r> {
        let reading = self.reading;
        let name = self.place().name;
        let (mut at, end) = (self.at, self.list.unwrap_or(self.at + 1));
        std::iter::from_fn(move || {
            while at < end {
                let found = at;
                at = reading.places[found].end;
                let same = match (reading.places[found].name, name) {
                    (Name::Stranger(one), Name::Stranger(other)) => {
                        reading.strangers[one] == reading.strangers[other]
                    }
                    (one, other) => one == other,
                };
                if same {
                    return Some(Element { reading, at: found, list: None });
                }
            }
            None
        })
    }

    /// Its text, if it holds nothing else.
    pub(crate) fn text(self) -> Option<&'r str> {
        match (&self.place().holds, self.list) {
            (Holds::Text(range), None) => Some(&self.reading.text[range.clone()]),
            _ => None,
        }
    }

    /// Whether it says to be nothing (`xsi:nil`).
    pub(crate) fn is_nil(self) -> bool {
        self.list.is_none() && matches!(self.place().holds, Holds::Nothing)
    }

    /// The tree of it.
    pub(crate) fn value(self) -> Value {
        if self.list.is_some() {
            return Value::Array(self.elements().map(Element::value).collect());
        }
        match &self.place().holds {
            Holds::Nothing => Value::Null,
            Holds::Text(range) => Value::String(self.reading.text[range.clone()].to_owned()),
            Holds::Fields => Value::Object(self.fields()),
        }
    }

    fn fields(self) -> Map<String, Value> {
        let node = self.place().node;
        let mut fields = Map::with_capacity(node.map_or(0, |id| self.reading.view.node(id).fields.len()));
        for at in self.children() {
            let child = Element { at, list: None, ..self };
            let name = self.reading.name(node, child.place().name);
            let value = child.value();
            match fields.entry(name) {
                serde_json::map::Entry::Vacant(free) if child.place().list => {
                    free.insert(Value::Array(vec![value]));
                }
                serde_json::map::Entry::Vacant(free) => _ = free.insert(value),
                serde_json::map::Entry::Occupied(mut known) => match known.get_mut() {
                    Value::Array(elements) => elements.push(value),
                    single => {
                        let first = single.take();
                        *single = Value::Array(vec![first, value]);
                    }
                },
            }
        }
        fields
    }
}
