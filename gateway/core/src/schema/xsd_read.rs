//! What an XML document says, as the validator's events tell it, guided by the contract's view.
//!
//! A [`Reading`] is flat: all places in one list, in the order of the document, and all texts in one string, so that
//! reading costs no allocation for each element. The translator walks it as it is; [`Reading::value`] gives the tree
//! of the same shape that JSON has. What may occur more than once is always a list, attributes are `@name`, the
//! text beside attributes is `#text`, `xsi:nil` is null, and every text stays a text. Under open content (`xs:any`)
//! nothing says how often an element may occur: there the second one of a name makes the list. An element of another
//! namespace that stands there is never taken for a field of the same name: it is kept as `{namespace}name`, where no
//! mapping looks.

use std::ops::Range;
use std::rc::Rc;

use serde_json::{Map, Value};
use xsd_schema::validation::{
    AttributeView, DoctypeView, ElementStartView, EndElementInfo, TextKind, ValidationEventHandler,
};
use xsd_schema::xml::XmlDeclaration;

use super::view::{FieldView, Kinds, Node, NodeId, Space};

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The name of a text that stands beside attributes or elements.
const TEXT: &str = "#text";

/// Why a document is not read at all.
pub(super) enum Refused {
    /// It declares a document type: entities and external subsets begin there.
    Doctype,
    /// It says to be in an encoding we do not read.
    Encoding,
}

/// A document that was read.
pub(crate) struct Reading<'v> {
    view: &'v FieldView,
    places: Vec<Place>,
    text: String,
    /// Names that the contract does not know, under open content.
    strangers: Vec<Box<str>>,
}

/// An element, an attribute, or the text beside them.
struct Place {
    name: Name,
    /// The place in the view; none where the contract knows nothing.
    node: Option<NodeId>,
    /// The contract lets it occur more than once.
    list: bool,
    holds: Holds,
    /// Where what does not lie within it goes on.
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Root,
    /// Which field it is of the node around it.
    Field(usize),
    /// Which of the strangers.
    Stranger(usize),
}

enum Holds {
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

/// Takes the events of one document.
pub(super) struct Reader<'v> {
    root: NodeId,
    reading: Reading<'v>,
    open: Vec<Open>,
}

/// An element whose end has not come yet.
struct Open {
    at: usize,
    namespace: Rc<str>,
    nil: bool,
    content: Content,
    /// The field that comes next if the document keeps the order of its schema.
    next: usize,
    /// Where its text since the last element in it begins.
    text_from: usize,
    /// Its text before that, where text may stand between elements.
    text_before: String,
}

/// What an element may hold, as far as it decides what becomes of its text.
#[derive(Clone, Copy)]
enum Content {
    /// A text and nothing else.
    Text(Space),
    /// Elements and attributes; the text between them is layout.
    Fields,
    /// A text beside attributes or between elements: this field.
    Mixed(usize),
    /// Nobody knows.
    Open,
}

impl Content {
    fn of(node: Option<&Node>) -> Content {
        match node {
            Some(node) if !node.kinds.touches(Kinds::OBJECT) => Content::Text(node.space),
            Some(node) if !node.open || !node.fields.is_empty() => {
                node.position(TEXT).map_or(Content::Fields, Content::Mixed)
            }
            _ => Content::Open,
        }
    }
}

impl<'v> Reader<'v> {
    pub(super) fn new(view: &'v FieldView, root: NodeId, bytes: usize) -> Self {
        // Tags take more room than texts; both guesses are too large rather than grown.
        let places = Vec::with_capacity(bytes / 32 + 8);
        let reading = Reading { view, places, text: String::with_capacity(bytes / 2), strangers: Vec::new() };
        Reader { root, reading, open: Vec::with_capacity(8) }
    }

    pub(super) fn finish(self) -> Reading<'v> {
        self.reading
    }

    fn node(&self, id: Option<NodeId>) -> Option<&'v Node> {
        id.map(|id| self.reading.view.node(id))
    }

    fn stranger(&mut self, name: String) -> Name {
        self.reading.strangers.push(name.into());
        Name::Stranger(self.reading.strangers.len() - 1)
    }

    fn put(&mut self, name: Name, node: Option<NodeId>, list: bool, holds: Holds) -> usize {
        let at = self.reading.places.len();
        self.reading.places.push(Place { name, node, list, holds, end: at + 1 });
        at
    }

    /// Sets the text since the last element apart, where it may belong to more text behind the next one.
    fn set_apart(&mut self) {
        let Some(open) = self.open.last_mut() else { return };
        let text = &mut self.reading.text;
        if !matches!(open.content, Content::Fields) {
            open.text_before.push_str(&text[open.text_from..]);
        }
        text.truncate(open.text_from);
    }

    /// The whole text of an element that ends, at the end of all texts.
    fn gathered(&mut self, open: &Open, space: Space) -> Range<usize> {
        let text = &mut self.reading.text;
        if !open.text_before.is_empty() {
            text.insert_str(open.text_from, &open.text_before);
        }
        collapse(text, open.text_from, space);
        open.text_from..text.len()
    }

    fn close(&mut self, open: &Open) -> Holds {
        let alone = self.reading.places.len() == open.at + 1;
        match open.content {
            _ if open.nil => Holds::Nothing,
            Content::Text(space) => Holds::Text(self.gathered(open, space)),
            Content::Fields => {
                self.reading.text.truncate(open.text_from);
                Holds::Fields
            }
            Content::Mixed(field) => {
                let place = self.node(self.reading.places[open.at].node).map(|node| node.fields[field].node);
                let space = self.node(place).map_or(Space::Preserve, |node| node.space);
                let range = self.gathered(open, space);
                self.put(Name::Field(field), place, false, Holds::Text(range));
                Holds::Fields
            }
            Content::Open => {
                let range = self.gathered(open, Space::Preserve);
                if alone {
                    return Holds::Text(range);
                }
                if !self.reading.text[range.clone()].trim().is_empty() {
                    let name = self.stranger(TEXT.to_owned());
                    self.put(name, None, false, Holds::Text(range));
                }
                Holds::Fields
            }
        }
    }
}

/// Which field has that name. A sequence mostly comes in its own order, so the one after the last is tried first.
fn expected(node: &Node, name: &str, above: &mut Open) -> Option<usize> {
    let is = |at: &usize| node.fields.get(*at).is_some_and(|field| *field.name == *name);
    let nearby = [above.next, above.next.wrapping_sub(1)].into_iter().find(is);
    let at = nearby.or_else(|| node.position(name))?;
    above.next = at + 1;
    Some(at)
}

/// White space from `from` on as the type of the text asks for. Most texts have none to spare and are left alone.
fn collapse(text: &mut String, from: usize, space: Space) {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    let own = &text[from..];
    let done = match space {
        Space::Preserve => return,
        Space::Replace => {
            if !own.contains(['\t', '\n', '\r']) {
                return;
            }
            own.replace(['\t', '\n', '\r'], " ")
        }
        Space::Collapse => {
            let bytes = own.as_bytes();
            let spare = bytes.first() == Some(&b' ')
                || bytes.last() == Some(&b' ')
                || bytes.iter().any(|byte| matches!(byte, b'\t' | b'\n' | b'\r'))
                || bytes.windows(2).any(|two| two == b"  ");
            if !spare {
                return;
            }
            own.split(blank).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
        }
    };
    text.replace_range(from.., &done);
}

impl ValidationEventHandler for Reader<'_> {
    type Error = Refused;

    fn before_element(&mut self, element: ElementStartView<'_>) -> Result<(), Refused> {
        let view = self.reading.view;
        self.set_apart();
        let namespace = match self.open.last() {
            Some(above) if *above.namespace == *element.namespace_uri => above.namespace.clone(),
            _ => Rc::from(element.namespace_uri),
        };
        let (name, node, list) = match self.open.last_mut() {
            None => (Name::Root, Some(self.root), false),
            Some(above) => {
                let around = self.reading.places[above.at].node.map(|id| view.node(id));
                match around.and_then(|node| Some((node, expected(node, element.local_name, above)?))) {
                    // What a wildcard let in may be called like a field and is still somebody else's.
                    Some((around, _))
                        if around.open && !namespace.is_empty() && namespace != above.namespace =>
                    {
                        (self.stranger(format!("{{{namespace}}}{}", element.local_name)), None, false)
                    }
                    Some((around, field)) => {
                        let node = around.fields[field].node;
                        let item = view.node(node).item;
                        (Name::Field(field), Some(item.unwrap_or(node)), item.is_some())
                    }
                    None => (self.stranger(element.local_name.to_owned()), None, false),
                }
            }
        };
        let at = self.put(name, node, list, Holds::Nothing);
        self.open.push(Open {
            at,
            namespace,
            nil: element.xsi_nil.is_some_and(|nil| matches!(nil.trim(), "true" | "1")),
            content: Content::of(self.node(node)),
            next: 0,
            text_from: self.reading.text.len(),
            text_before: String::new(),
        });
        Ok(())
    }

    fn before_attribute(&mut self, attribute: AttributeView<'_>) -> Result<(), Refused> {
        let Some(open) = self.open.last().filter(|_| attribute.namespace_uri != XSI) else { return Ok(()) };
        let (above, from) = (open.at, self.reading.text.len());
        let node = self.node(self.reading.places[above].node);
        let is = |name: &str| name.strip_prefix('@') == Some(attribute.local_name);
        let field = node.and_then(|node| node.fields.iter().position(|field| is(&field.name)));
        let place = node.zip(field).map(|(node, field)| node.fields[field].node);
        self.reading.text.push_str(attribute.value);
        let space = self.node(place).map_or(Space::Preserve, |node| node.space);
        collapse(&mut self.reading.text, from, space);
        let range = from..self.reading.text.len();
        // Two of one name in different namespaces: the later one stands.
        let known =
            (above + 1..self.reading.places.len()).find(|at| match (self.reading.places[*at].name, field) {
                (Name::Field(known), Some(field)) => known == field,
                (Name::Stranger(known), None) => is(&self.reading.strangers[known]),
                _ => false,
            });
        match (known, field) {
            (Some(known), _) => self.reading.places[known].holds = Holds::Text(range),
            (None, Some(field)) => _ = self.put(Name::Field(field), place, false, Holds::Text(range)),
            (None, None) => {
                let name = self.stranger(format!("@{}", attribute.local_name));
                self.put(name, None, false, Holds::Text(range));
            }
        }
        if let Some(open) = self.open.last_mut() {
            open.text_from = self.reading.text.len();
        }
        Ok(())
    }

    fn after_end_element(&mut self, _: &EndElementInfo, _: usize) -> Result<(), Refused> {
        if let Some(open) = self.open.pop() {
            let holds = self.close(&open);
            let end = self.reading.places.len();
            let place = &mut self.reading.places[open.at];
            (place.holds, place.end) = (holds, end);
        }
        if let Some(above) = self.open.last_mut() {
            above.text_from = self.reading.text.len();
        }
        Ok(())
    }

    fn on_text(&mut self, _: TextKind, text: &str) -> Result<(), Refused> {
        if !self.open.is_empty() {
            self.reading.text.push_str(text);
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
