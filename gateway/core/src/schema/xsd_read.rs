//! Fills a reading with what the validator was told, guided by the contract's view.
//!
//! Under open content (`xs:any`) nothing says how often an element may occur: there the second one of a name makes the
//! list. An element of another namespace that stands there is never taken for a field of the same name: it is kept as
//! `{namespace}name`, where no mapping looks. Which driver tells the events, [`xsd_plain`](super::xsd_plain) or the
//! validator's own, makes no difference here.

use std::ops::Range;
use std::rc::Rc;

use xsd_schema::validation::{
    AttributeView, DoctypeView, ElementStartView, EndElementInfo, TextKind, ValidationEventHandler,
};
use xsd_schema::xml::XmlDeclaration;

use super::view::{FieldView, Kinds, Node, NodeId, Space};
use super::xsd_reading::{Holds, Name, Place, Reading};

/// The namespace of `xsi:nil`.
pub(super) const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The name of a text that stands beside attributes or elements.
const TEXT: &str = "#text";

/// Why a document is not read at all.
pub(super) enum Refused {
    /// It declares a document type: entities and external subsets begin there.
    Doctype,
    /// It says to be in an encoding we do not read.
    Encoding,
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

    /// An element begins; `nil` is what it says in `xsi:nil`.
    pub(super) fn begin(&mut self, local: &str, namespace: &str, nil: Option<&str>) {
        let view = self.reading.view;
        self.set_apart();
        let namespace = match self.open.last() {
            Some(above) if *above.namespace == *namespace => above.namespace.clone(),
            _ => Rc::from(namespace),
        };
        let (name, node, list) = match self.open.last_mut() {
            None => (Name::Root, Some(self.root), false),
            Some(above) => {
                let around = self.reading.places[above.at].node.map(|id| view.node(id));
                match around.and_then(|node| Some((node, expected(node, local, above)?))) {
                    // What a wildcard let in may be called like a field and is still somebody else's.
                    Some((around, _))
                        if around.open && !namespace.is_empty() && namespace != above.namespace =>
                    {
                        (self.stranger(format!("{{{namespace}}}{}", local)), None, false)
                    }
                    Some((around, field)) => {
                        let node = around.fields[field].node;
                        let item = view.node(node).item;
                        (Name::Field(field), Some(item.unwrap_or(node)), item.is_some())
                    }
                    None => (self.stranger(local.to_owned()), None, false),
                }
            }
        };
        let at = self.put(name, node, list, Holds::Nothing);
        self.open.push(Open {
            at,
            namespace,
            nil: nil.is_some_and(|nil| matches!(nil.trim(), "true" | "1")),
            content: Content::of(self.node(node)),
            next: 0,
            text_from: self.reading.text.len(),
            text_before: String::new(),
        });
    }

    /// An attribute of the element that began last.
    pub(super) fn attribute(&mut self, local: &str, namespace: &str, value: &str) {
        let Some(open) = self.open.last().filter(|_| namespace != XSI) else { return };
        let (above, from) = (open.at, self.reading.text.len());
        let node = self.node(self.reading.places[above].node);
        let is = |name: &str| name.strip_prefix('@') == Some(local);
        let field = node.and_then(|node| node.fields.iter().position(|field| is(&field.name)));
        let place = node.zip(field).map(|(node, field)| node.fields[field].node);
        self.reading.text.push_str(value);
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
                let name = self.stranger(format!("@{}", local));
                self.put(name, None, false, Holds::Text(range));
            }
        }
        if let Some(open) = self.open.last_mut() {
            open.text_from = self.reading.text.len();
        }
    }

    /// Text of the element that is open.
    pub(super) fn text(&mut self, text: &str) {
        if !self.open.is_empty() {
            self.reading.text.push_str(text);
        }
    }

    /// The element that began last of those still open ends.
    pub(super) fn end(&mut self) {
        if let Some(open) = self.open.pop() {
            let holds = self.close(&open);
            let end = self.reading.places.len();
            let place = &mut self.reading.places[open.at];
            (place.holds, place.end) = (holds, end);
        }
        if let Some(above) = self.open.last_mut() {
            above.text_from = self.reading.text.len();
        }
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
        self.begin(element.local_name, element.namespace_uri, element.xsi_nil);
        Ok(())
    }

    fn before_attribute(&mut self, attribute: AttributeView<'_>) -> Result<(), Refused> {
        self.attribute(attribute.local_name, attribute.namespace_uri, attribute.value);
        Ok(())
    }

    fn after_end_element(&mut self, _: &EndElementInfo, _: usize) -> Result<(), Refused> {
        self.end();
        Ok(())
    }

    fn on_text(&mut self, _: TextKind, text: &str) -> Result<(), Refused> {
        self.text(text);
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
