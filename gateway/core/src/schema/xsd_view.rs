//! The view of an XSD: elements, attributes, cardinality, lengths and allowed values, read from the schema text.
//!
//! The validator keeps its component model to itself, so the view reads the documents again, with includes and
//! imports. It understands what contracts of the field use: elements, types (named, inline, extended, restricted),
//! groups, attribute groups, substitution groups, wildcards. What it does not understand it leaves open; the
//! validator remains the judge.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::beside;
use super::view::{Field, FieldView, Kinds, Node, NodeId, Space};

const XSD: &str = "http://www.w3.org/2001/XMLSchema";
/// Schemas are ours; one that nests deeper is broken, and the reader below recurses.
const DEPTH_MAX: usize = 100;

type Name = (Option<Arc<str>>, String);

/// One element of a schema document.
#[derive(Debug, Default)]
struct Tag {
    name: String,
    attributes: HashMap<String, String>,
    children: Vec<Tag>,
    scope: Arc<Scope>,
}

/// What a qualified name means at a place.
#[derive(Debug, Default)]
struct Scope {
    prefixes: HashMap<String, String>,
    target: Option<Arc<str>>,
    qualified: bool,
    qualified_attributes: bool,
}

impl Tag {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    fn child(&self, name: &str) -> Option<&Tag> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The name that an attribute refers to.
    fn reference(&self, attribute: &str) -> Option<Name> {
        self.get(attribute).map(|qname| self.scope.resolve(qname))
    }

    fn many(&self) -> bool {
        !matches!(self.get("maxOccurs"), None | Some("0" | "1"))
    }

    fn optional(&self) -> bool {
        self.get("minOccurs") == Some("0")
    }
}

impl Scope {
    fn resolve(&self, qname: &str) -> Name {
        let (prefix, local) = qname.trim().split_once(':').unwrap_or(("", qname.trim()));
        let namespace = match self.prefixes.get(prefix) {
            Some(uri) => Some(Arc::from(uri.as_str())),
            // In a schema without a target of its own, bare names mean whoever includes it.
            None => self.target.clone(),
        };
        (namespace, local.to_owned())
    }
}

/// All global components of a schema document and what it includes and imports.
#[derive(Debug, Default)]
pub(super) struct XsdView {
    files: BTreeSet<String>,
    components: HashMap<(&'static str, Name), Arc<Tag>>,
    own: Vec<(String, Option<Arc<str>>)>,
    members: HashMap<Name, Vec<Name>>,
}

/// The locations a schema text includes; those of imports are documents of their own.
pub(super) fn includes(text: &str) -> Vec<String> {
    match parse(text, None) {
        Ok(schema) => schema
            .children
            .iter()
            .filter(|child| matches!(child.name.as_str(), "include" | "redefine"))
            .filter_map(|child| child.get("schemaLocation").map(str::to_owned))
            .collect(),
        Err(_) => Vec::new(),
    }
}

impl XsdView {
    pub(super) fn read(path: &str, schemas: &BTreeMap<String, String>) -> Result<XsdView, String> {
        let mut view = XsdView::default();
        view.load(path, None, schemas, true)?;
        Ok(view)
    }

    pub(super) fn files(&self) -> impl Iterator<Item = &String> {
        self.files.iter()
    }

    pub(super) fn elements(&self) -> impl Iterator<Item = &str> {
        self.own.iter().map(|(name, _)| name.as_str())
    }

    /// The namespace and the view of a global element.
    pub(super) fn element(&self, name: &str) -> Option<(Option<Arc<str>>, FieldView)> {
        let (_, namespace) = self.own.iter().find(|(known, _)| known == name)?;
        let tag = self.components.get(&("element", (namespace.clone(), name.to_owned())))?;
        let mut builder = Builder { schema: self, view: FieldView::new(), known: HashMap::new() };
        let root = builder.content_of(tag);
        builder.view.set_root(root);
        Some((namespace.clone(), builder.view))
    }

    fn load(
        &mut self,
        path: &str,
        adopted: Option<Arc<str>>,
        schemas: &BTreeMap<String, String>,
        own: bool,
    ) -> Result<(), String> {
        let Some(text) = schemas.get(path) else { return Ok(()) };
        if !self.files.insert(path.to_owned()) {
            return Ok(());
        }
        let schema = parse(text, adopted)?;
        let target = schema.scope.target.clone();
        for child in schema.children {
            match child.name.as_str() {
                "include" | "redefine" => {
                    if let Some(location) = child.get("schemaLocation") {
                        self.load(&beside(path, location), target.clone(), schemas, own)?;
                    }
                }
                "import" => {
                    if let Some(location) = child.get("schemaLocation") {
                        self.load(&beside(path, location), None, schemas, false)?;
                    }
                }
                _ => self.keep(child, &target, own),
            }
        }
        Ok(())
    }

    fn keep(&mut self, tag: Tag, target: &Option<Arc<str>>, own: bool) {
        let kind = match tag.name.as_str() {
            "element" => "element",
            "complexType" | "simpleType" => "type",
            "group" => "group",
            "attributeGroup" => "attributeGroup",
            "attribute" => "attribute",
            _ => return,
        };
        let Some(local) = tag.get("name").map(str::to_owned) else { return };
        let name = (target.clone(), local.clone());
        if kind == "element" {
            if own {
                self.own.push((local, target.clone()));
            }
            if let Some(head) = tag.reference("substitutionGroup") {
                self.members.entry(head).or_default().push(name.clone());
            }
        }
        self.components.insert((kind, name), Arc::new(tag));
    }

    fn component(&self, kind: &'static str, name: &Name) -> Option<&Arc<Tag>> {
        self.components.get(&(kind, name.clone()))
    }
}

/// Reads a schema text into tags, without white space and annotations.
fn parse(text: &str, adopted: Option<Arc<str>>) -> Result<Tag, String> {
    let mut reader = Reader::from_str(text);
    let mut stack: Vec<Tag> = Vec::new();
    loop {
        let event = reader.read_event().map_err(|error| format!("is not well-formed: {error}"))?;
        match event {
            Event::Start(start) => {
                let tag = tag(&start, stack.last(), &adopted)?;
                stack.push(tag);
                if stack.len() > DEPTH_MAX {
                    return Err(format!("nests deeper than {DEPTH_MAX}"));
                }
            }
            Event::Empty(start) => {
                let tag = tag(&start, stack.last(), &adopted)?;
                match stack.last_mut() {
                    Some(parent) => parent.children.push(tag),
                    None => return Ok(tag),
                }
            }
            Event::End(_) => {
                let Some(tag) = stack.pop() else { return Err("is not well-formed".to_owned()) };
                match stack.last_mut() {
                    Some(_) if tag.name == "annotation" => {}
                    Some(parent) => parent.children.push(tag),
                    None => return Ok(tag),
                }
            }
            Event::DocType(_) => return Err("has a DOCTYPE".to_owned()),
            Event::Eof => return Err("ends too early".to_owned()),
            _ => {}
        }
    }
}

fn tag(start: &BytesStart<'_>, parent: Option<&Tag>, adopted: &Option<Arc<str>>) -> Result<Tag, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("is not well-formed: {error}");
    let name = String::from_utf8_lossy(start.local_name().as_ref()).into_owned();
    let mut attributes = HashMap::new();
    let mut prefixes: HashMap<String, String> = HashMap::new();
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| wrong(&error))?;
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let raw = String::from_utf8_lossy(&attribute.value).into_owned();
        let value = quick_xml::escape::unescape(&raw).map_err(|error| wrong(&error))?.into_owned();
        match key.strip_prefix("xmlns:") {
            Some(prefix) => _ = prefixes.insert(prefix.to_owned(), value),
            None if key == "xmlns" => _ = prefixes.insert(String::new(), value),
            None => _ = attributes.insert(key, value),
        }
    }
    let scope = match parent {
        Some(parent) if prefixes.is_empty() => parent.scope.clone(),
        Some(parent) => {
            let mut all = parent.scope.prefixes.clone();
            all.extend(prefixes);
            Arc::new(Scope {
                prefixes: all,
                target: parent.scope.target.clone(),
                qualified: parent.scope.qualified,
                qualified_attributes: parent.scope.qualified_attributes,
            })
        }
        None => Arc::new(Scope {
            prefixes,
            target: attributes.get("targetNamespace").map(|uri| Arc::from(uri.as_str())).or(adopted.clone()),
            qualified: attributes.get("elementFormDefault").is_some_and(|form| form == "qualified"),
            qualified_attributes: attributes
                .get("attributeFormDefault")
                .is_some_and(|form| form == "qualified"),
        }),
    };
    Ok(Tag { name, attributes, children: Vec::new(), scope })
}

/// How particles around an element bear on it.
#[derive(Clone, Copy)]
struct Around {
    optional: bool,
    many: bool,
}

struct Builder<'a> {
    schema: &'a XsdView,
    view: FieldView,
    known: HashMap<Name, NodeId>,
}

impl<'a> Builder<'a> {
    /// The place of what stands in an element.
    fn content_of(&mut self, element: &'a Tag) -> NodeId {
        let id = if let Some(name) = element.reference("type") {
            self.named_type(&name)
        } else if let Some(inline) = element.child("complexType").or_else(|| element.child("simpleType")) {
            let id = self.view.add(Node::default());
            let node = self.type_of(inline);
            self.view.set(id, node);
            id
        } else {
            // Without a type an element may hold anything.
            self.view.add(anything())
        };
        if element.get("nillable") == Some("true") {
            let mut node = self.view.node(id).clone();
            node.kinds = node.kinds.or(Kinds::NULL);
            return self.view.add(node);
        }
        id
    }

    fn named_type(&mut self, name: &Name) -> NodeId {
        if let Some(id) = self.known.get(name) {
            return *id;
        }
        let id = self.view.add(Node::default());
        self.known.insert(name.clone(), id);
        let node = match self.schema.component("type", name) {
            Some(tag) => self.type_of(tag),
            None => built_in(name),
        };
        self.view.set(id, node);
        id
    }

    fn type_of(&mut self, tag: &'a Tag) -> Node {
        if tag.name == "simpleType" { self.simple(tag) } else { self.complex(tag) }
    }

    /// The node that a type extends or restricts; always finished, because a type cannot derive from itself.
    fn base(&mut self, derivation: &'a Tag) -> Node {
        if let Some(inline) = derivation.child("simpleType") {
            return self.simple(inline);
        }
        match derivation.reference("base") {
            Some(name) => match self.schema.component("type", &name) {
                Some(tag) => self.type_of(tag),
                None => built_in(&name),
            },
            None => anything(),
        }
    }

    fn simple(&mut self, tag: &'a Tag) -> Node {
        if let Some(restriction) = tag.child("restriction") {
            let mut node = self.base(restriction);
            facets(restriction, &mut node);
            return node;
        }
        if let Some(union) = tag.child("union") {
            return self.union(union);
        }
        Node { kinds: Kinds::TEXT, space: Space::Collapse, ..Node::default() }
    }

    /// Of a union the view keeps what any member allows.
    fn union(&mut self, union: &'a Tag) -> Node {
        let mut members: Vec<Node> = Vec::new();
        for child in union.children.iter().filter(|child| child.name == "simpleType") {
            members.push(self.simple(child));
        }
        for name in union.get("memberTypes").unwrap_or("").split_whitespace() {
            let name = union.scope.resolve(name);
            members.push(match self.schema.component("type", &name) {
                Some(tag) => self.type_of(tag),
                None => built_in(&name),
            });
        }
        let max_length = members.iter().map(|member| member.max_length).max().flatten();
        let bounded = members.iter().all(|member| member.max_length.is_some());
        let allowed: Option<Vec<Vec<String>>> = members.iter().map(|member| member.allowed.clone()).collect();
        Node {
            kinds: Kinds::TEXT,
            space: Space::Collapse,
            max_length: max_length.filter(|_| bounded),
            allowed: allowed.map(|lists| lists.concat()),
            ..Node::default()
        }
    }

    fn complex(&mut self, tag: &'a Tag) -> Node {
        let mut node = if let Some(content) = tag.child("simpleContent") {
            let derivation = content.child("extension").or_else(|| content.child("restriction"));
            let Some(derivation) = derivation else { return anything() };
            let mut node = self.base(derivation);
            facets(derivation, &mut node);
            if node.field("#text").is_none() {
                node = self.text_beside(node);
            }
            self.attributes(derivation, &mut node);
            node
        } else if let Some(content) = tag.child("complexContent") {
            match (content.child("extension"), content.child("restriction")) {
                (Some(extension), _) => {
                    let mut node = self.base(extension);
                    self.body(extension, &mut node);
                    node
                }
                (_, Some(restriction)) => {
                    let mut node = Node { kinds: Kinds::OBJECT, ..Node::default() };
                    // A restriction repeats the particles it keeps, but not the attributes.
                    let base = self.base(restriction);
                    for field in base.fields.into_iter().filter(|field| field.name.starts_with('@')) {
                        node.put(field);
                    }
                    self.body(restriction, &mut node);
                    node
                }
                _ => return anything(),
            }
        } else {
            let mut node = Node { kinds: Kinds::OBJECT, ..Node::default() };
            self.body(tag, &mut node);
            node
        };
        let mixed = tag.get("mixed") == Some("true")
            || tag.child("complexContent").is_some_and(|content| content.get("mixed") == Some("true"));
        if mixed && node.field("#text").is_none() {
            let text = self.view.add(Node { kinds: Kinds::TEXT, ..Node::default() });
            node.put(Field { name: "#text".into(), node: text, required: false, namespace: None });
        }
        node
    }

    /// An object around a text, for the attributes beside it.
    fn text_beside(&mut self, text: Node) -> Node {
        let text = self.view.add(text);
        let mut node = Node { kinds: Kinds::OBJECT, ..Node::default() };
        node.put(Field { name: "#text".into(), node: text, required: true, namespace: None });
        node
    }

    fn body(&mut self, tag: &'a Tag, node: &mut Node) {
        for child in &tag.children {
            self.particle(child, Around { optional: false, many: false }, node);
        }
        self.attributes(tag, node);
    }

    fn particle(&mut self, tag: &'a Tag, around: Around, node: &mut Node) {
        let inside = Around { optional: around.optional || tag.optional(), many: around.many || tag.many() };
        match tag.name.as_str() {
            "element" => self.element(tag, inside, node),
            "sequence" | "all" => {
                for child in &tag.children {
                    self.particle(child, inside, node);
                }
            }
            "choice" => {
                for child in &tag.children {
                    self.particle(child, Around { optional: true, ..inside }, node);
                }
            }
            "group" => {
                let group = tag.reference("ref").and_then(|name| self.schema.component("group", &name));
                for child in group.map(|group| group.children.as_slice()).unwrap_or_default() {
                    self.particle(child, inside, node);
                }
            }
            "any" => node.open = true,
            _ => {}
        }
    }

    fn element(&mut self, tag: &'a Tag, around: Around, node: &mut Node) {
        if tag.get("maxOccurs") == Some("0") {
            return;
        }
        let Some(name) = tag.reference("ref") else {
            let Some(local) = tag.get("name") else { return };
            let qualified = match tag.get("form") {
                Some(form) => form == "qualified",
                None => tag.scope.qualified,
            };
            let namespace = if qualified { tag.scope.target.clone() } else { None };
            let content = self.content_of(tag);
            self.put(local, namespace, content, around, node);
            return;
        };
        let members = self.schema.members.get(&name).map(Vec::as_slice).unwrap_or_default();
        let around = Around { optional: around.optional || !members.is_empty(), ..around };
        for name in std::iter::once(&name).chain(members) {
            let Some(global) = self.schema.component("element", name) else { continue };
            if global.get("abstract") != Some("true") {
                let content = self.reference(global, name);
                self.put(&name.1, name.0.clone(), content, around, node);
            }
        }
    }

    /// Global elements may contain themselves; their places are kept like those of named types.
    fn reference(&mut self, global: &'a Tag, name: &Name) -> NodeId {
        let key = (name.0.clone(), format!("element {}", name.1));
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.view.add(Node::default());
        self.known.insert(key, id);
        let content = self.content_of(global);
        let node = self.view.node(content).clone();
        self.view.set(id, node);
        id
    }

    fn put(
        &mut self,
        name: &str,
        namespace: Option<Arc<str>>,
        content: NodeId,
        around: Around,
        node: &mut Node,
    ) {
        // The same name in two places of a sequence occurs more than once as well.
        let twice = node.field(name).is_some();
        let list = |view: &mut FieldView, item| {
            view.add(Node { kinds: Kinds::LIST, item: Some(item), ..Node::default() })
        };
        let place = if around.many { list(&mut self.view, content) } else { content };
        let field = node.put(Field { name: name.into(), node: place, required: !around.optional, namespace });
        if twice {
            field.required |= !around.optional;
            if self.view.node(field.node).item.is_none() {
                field.node = list(&mut self.view, field.node);
            }
        }
    }

    fn attributes(&mut self, tag: &'a Tag, node: &mut Node) {
        for child in &tag.children {
            match child.name.as_str() {
                "attribute" => self.attribute(child, node),
                "attributeGroup" => {
                    let group = child.reference("ref");
                    if let Some(group) = group.and_then(|name| self.schema.component("attributeGroup", &name))
                    {
                        self.attributes(group, node);
                    }
                }
                "anyAttribute" => node.open = true,
                _ => {}
            }
        }
    }

    fn attribute(&mut self, tag: &'a Tag, node: &mut Node) {
        let reference = tag.reference("ref");
        let declared = reference.as_ref().and_then(|name| self.schema.component("attribute", name));
        let declaration: &'a Tag = declared.map_or(tag, |global| &**global);
        let local = reference.as_ref().map(|name| name.1.as_str()).or(tag.get("name"));
        let Some(local) = local.filter(|_| tag.get("use") != Some("prohibited")) else { return };
        let mut content = match (declaration.reference("type"), declaration.child("simpleType")) {
            (Some(name), _) => match self.schema.component("type", &name) {
                Some(simple) => self.type_of(simple),
                None => built_in(&name),
            },
            (None, Some(inline)) => self.simple(inline),
            (None, None) => Node { kinds: Kinds::TEXT, ..Node::default() },
        };
        content.kinds = Kinds::TEXT;
        let place = self.view.add(content);
        let qualified =
            reference.is_some() || tag.scope.qualified_attributes || tag.get("form") == Some("qualified");
        let namespace = match (&reference, qualified) {
            (Some(name), _) => name.0.clone(),
            (None, true) => tag.scope.target.clone(),
            (None, false) => None,
        };
        let required = tag.get("use") == Some("required");
        node.put(Field { name: format!("@{local}").into(), node: place, required, namespace });
    }
}

fn anything() -> Node {
    Node { kinds: Kinds::TEXT.or(Kinds::OBJECT), open: true, ..Node::default() }
}

fn facets(restriction: &Tag, node: &mut Node) {
    let mut allowed = Vec::new();
    for facet in &restriction.children {
        let value = facet.get("value").unwrap_or_default();
        match facet.name.as_str() {
            "maxLength" | "length" => node.max_length = value.trim().parse().ok().or(node.max_length),
            "enumeration" => allowed.push(value.to_owned()),
            "whiteSpace" => {
                node.space = match value {
                    "preserve" => Space::Preserve,
                    "replace" => Space::Replace,
                    _ => Space::Collapse,
                };
            }
            _ => {}
        }
    }
    if !allowed.is_empty() {
        node.allowed = Some(allowed);
    }
}

fn built_in(name: &Name) -> Node {
    if name.0.as_deref() != Some(XSD) || name.1 == "anyType" {
        return anything();
    }
    let space = match name.1.as_str() {
        "string" | "anySimpleType" => Space::Preserve,
        "normalizedString" => Space::Replace,
        _ => Space::Collapse,
    };
    Node { kinds: Kinds::TEXT, space, ..Node::default() }
}
