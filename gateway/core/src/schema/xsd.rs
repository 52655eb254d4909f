//! XSD: schema documents compiled from memory, and XML judged and read in one streaming pass.
//!
//! The validator's own event stream feeds the reader, so a document is parsed once. Nothing is ever
//! fetched: what a schema includes or imports must lie beside it, and a missing one is a defect (the validator by
//! itself would pass over it in silence).

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};
use xsd_schema::validation::{
    DriveWithError, SchemaValidator, ValidationError, ValidationFlags, ValidationRoot, ValidationRuntime,
    ValidationSink, ValidationWarning, drive_quick_xml_with,
};
use xsd_schema::xml::{ParseLimit, ParseLimits, WellFormednessRule};
use xsd_schema::{
    EmbeddedLoader, LoaderChain, SchemaError, SchemaLoader, SchemaResult, SchemaSet, SchemaSetBuilder,
};

use super::view::{FieldView, Kinds, Node, NodeId};
use super::write::Frame;
use super::xsd_read::{Reader, Refused};
use super::xsd_reading::{Element, Reading};
use super::xsd_view::XsdView;
use super::{Contract, Judge, beside, defect, digest, violated, xsd_plain};
use crate::fault::{Blame, Defect, Fault, Remedy, Violation};

/// No contract of the field nests deeper than 12; a tree of 64 levels is still walked without fear for the stack.
pub(super) const DEPTH_MAX: usize = 64;
/// The longest name in the field's contracts has 41 bytes.
pub(super) const NAME_BYTES_MAX: usize = 256;
/// The busiest element of the field's contracts has 9 attributes; each is a string of its own.
pub(super) const ATTRIBUTES_MAX: usize = 64;
/// A batch of 1,000 dossiers with 100 fields each stays well below; beyond it the tree outgrows its message.
pub(super) const NODES_MAX: usize = 1_000_000;
/// Of a document that is wrong everywhere, the first places are enough to mend it.
const VIOLATIONS_MAX: usize = 100;
/// The validator keeps every name it ever met; strangers' names must not fill the memory, so an engine that has
/// learnt this many is made anew.
const NAMES_LEARNT_MAX: usize = 10_000;
/// A gateway speaks some forty XML contracts; more engines than this are left over from contracts of before.
const ENGINES_MAX: usize = 256;
/// All names in scope below a base without a host, so that nothing can be taken for an address.
const BASE: &str = "lienthong:///schemas/";

/// One schema document with everything it includes, found to compile.
pub(super) struct XsdDocument {
    id: u64,
    path: String,
    schemas: Arc<BTreeMap<String, String>>,
    view: XsdView,
    digest: String,
}

/// One root element of it, and the child that is spoken of.
pub(super) struct XmlContract {
    document: Arc<XsdDocument>,
    frame: Frame,
}

pub(super) fn compile(
    files: &BTreeMap<String, Vec<u8>>,
    defects: &mut Vec<Defect>,
) -> BTreeMap<String, Arc<XsdDocument>> {
    let mut schemas = BTreeMap::new();
    for (path, bytes) in files {
        // A WSDL whose schema lies beside it as a file of its own speaks by that one.
        let stem = path.strip_suffix(".wsdl").filter(|stem| !files.contains_key(&format!("{stem}.xsd")));
        if !path.ends_with(".xsd") && stem.is_none() {
            continue;
        }
        let file = format!("schemas/{path}");
        let Ok(text) = std::str::from_utf8(bytes) else {
            defects.push(defect(&file, "is not UTF-8"));
            continue;
        };
        let text = text.trim_start_matches('\u{feff}');
        match stem.map(|_| super::wsdl::documents(path, text)) {
            None => _ = schemas.insert(path.clone(), text.to_owned()),
            Some(Ok(inside)) => schemas.extend(inside),
            Some(Err(message)) => defects.push(defect(&file, message)),
        }
    }
    let shared = Arc::new(schemas);
    let parts = parts(&shared);
    let mut documents = BTreeMap::new();
    for path in shared.keys().filter(|path| !parts.contains(*path)) {
        match document(path, &shared) {
            Ok(document) => {
                documents.insert(path.clone(), Arc::new(document));
            }
            Err(found) => defects.extend(found),
        }
    }
    documents
}

/// Parts that another document includes need not stand on their own. Of documents that include each other in a circle nobody is the whole,
/// so each of them stands for itself, unless somebody outside the circle includes it.
fn parts(schemas: &BTreeMap<String, String>) -> BTreeSet<String> {
    let included = |path: &String| -> Vec<String> {
        let text = schemas.get(path).map(String::as_str).unwrap_or_default();
        super::xsd_view::includes(text).into_iter().map(|part| beside(path, &part)).collect()
    };
    let all: BTreeSet<String> = schemas.keys().flat_map(included).collect();
    let mut open: Vec<String> = schemas.keys().filter(|path| !all.contains(*path)).cloned().collect();
    let mut parts = BTreeSet::new();
    while let Some(path) = open.pop() {
        let new = included(&path).into_iter().filter(|part| parts.insert(part.clone()));
        open.extend(new.collect::<Vec<_>>());
    }
    parts
}

fn document(path: &str, schemas: &Arc<BTreeMap<String, String>>) -> Result<XsdDocument, Vec<Defect>> {
    let file = format!("schemas/{path}");
    let led_astray = super::leaning::defects(path, schemas);
    if !led_astray.is_empty() {
        return Err(led_astray);
    }
    let view = XsdView::read(path, schemas).map_err(|message| vec![defect(&file, message)])?;
    Engine::compile(path, schemas)
        .map_err(|messages| messages.into_iter().map(|message| defect(&file, message)).collect::<Vec<_>>())?;
    let digest = digest(view.files().filter_map(|path| schemas.get(path)).map(String::as_bytes));
    let id = DOCUMENTS.fetch_add(1, Ordering::Relaxed);
    Ok(XsdDocument { id, path: path.to_owned(), schemas: schemas.clone(), view, digest })
}

impl XsdDocument {
    pub(super) fn elements(&self) -> impl Iterator<Item = &str> {
        self.view.elements()
    }

    /// The contract at `place`, as written after `#`; the only global element when nothing is.
    pub(super) fn contract(
        self: &Arc<Self>,
        name: &str,
        place: &str,
    ) -> Result<Contract, (String, Option<String>)> {
        let mut names = place.split('/').filter(|part| !part.is_empty());
        let root = match (names.next(), self.view.elements().collect::<Vec<_>>().as_slice()) {
            (Some(root), _) => root.to_owned(),
            (None, [only]) => (*only).to_owned(),
            (None, _) => return Err(("must name its root element: file.xsd#Root".to_owned(), None)),
        };
        let Some((namespace, mut view)) = self.view.element(&root) else {
            let near = crate::fault::nearest(&root, self.view.elements());
            return Err((format!("has no global element {root}"), near));
        };
        let outer = view.root();
        let mut child = None;
        for part in names {
            if child.is_some() {
                return Err(("may name one child of its root, not more".to_owned(), None));
            }
            let node = view.node(view.root());
            let Some(field) = node.field(part) else {
                return Err((format!("has no {part} in {root}"), crate::fault::nearest(part, node.names())));
            };
            let inner = view.element(field.node);
            child = Some(part.to_owned());
            view.set_root(inner);
        }
        let frame = Frame { root, namespace, outer, child };
        let judge = XmlContract { document: self.clone(), frame };
        Ok(Contract { name: name.to_owned(), digest: self.digest.clone(), view, judge: Judge::Xml(judge) })
    }
}

impl XmlContract {
    pub(super) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The tree of a document that is right.
    pub(super) fn read(&self, view: &FieldView, bytes: &[u8]) -> Result<Value, Fault> {
        self.with(view, bytes, |element| Ok(element.value()))
    }

    /// Reads and judges a document in one pass, and hands over what is spoken of if it is right.
    pub(super) fn with<T>(
        &self,
        view: &FieldView,
        bytes: &[u8],
        act: impl FnOnce(Element<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Some(engine) = self.document.engine() else {
            // It has compiled before, at the start; only a lack of memory could say otherwise now.
            return Err(Fault::new(
                "contract.unusable",
                Blame::Gateway,
                Remedy::Later,
                "chưa kiểm tra được XML",
            ));
        };
        let mut errors = Vec::new();
        let reading = engine
            .with_dependent(|set, validator| self.drive(bytes, set, validator, &mut errors, view))
            .map_err(|fault| not_utf8(bytes).unwrap_or(fault))?;
        if !errors.is_empty() {
            let found = Findings { view, outer: self.frame.outer };
            let mut violations = found.violations(&errors, &reading.value());
            // Dates and codes are the mapping's to judge; nobody should have to come twice for one document.
            let further = self.spoken_of(view, &reading).and_then(act).err();
            for mut found in further.into_iter().flat_map(|fault| fault.violations) {
                if let Some(child) = &self.frame.child {
                    found.path = format!("{child}[1].{}", found.path);
                }
                let told = violations.iter().any(|known| known.path == found.path);
                if found.blame == Blame::Sender && !told {
                    violations.push(found);
                }
            }
            return Err(violated(violations));
        }
        act(self.spoken_of(view, &reading)?)
    }

    /// The element that the contract is about: the root, or the one child of it.
    fn spoken_of<'r>(&self, view: &FieldView, reading: &'r Reading<'_>) -> Result<Element<'r>, Fault> {
        match &self.frame.child {
            None => Ok(reading.root()),
            Some(child) => {
                let field = view.node(self.frame.outer).position(child);
                only(child, reading.root().get(child, field))
            }
        }
    }
}

impl XmlContract {
    fn drive<'v>(
        &self,
        bytes: &[u8],
        set: &SchemaSet,
        validator: &SchemaValidator<'_>,
        errors: &mut Vec<ValidationError>,
        view: &'v FieldView,
    ) -> Result<Reading<'v>, Fault> {
        let mut runtime = self.begin(set, validator, errors);
        let mut reader = Reader::new(view, self.frame.outer, bytes.len());
        if xsd_plain::drive(bytes, set, &mut runtime, &mut reader).is_err() {
            drop(runtime);
            errors.clear();
            runtime = self.begin(set, validator, errors);
            reader = Reader::new(view, self.frame.outer, bytes.len());
            drive_quick_xml_with(bytes, &mut runtime, set, &mut reader).map_err(unreadable)?;
        }
        let ended = runtime.end_validation();
        drop(runtime);
        errors.extend(ended.err());
        Ok(reader.finish())
    }

    /// A run of the validator that expects this contract's root.
    fn begin<'r>(
        &self,
        set: &SchemaSet,
        validator: &'r SchemaValidator<'_>,
        errors: &'r mut Vec<ValidationError>,
    ) -> ValidationRuntime<'r, Errors<'r>> {
        let mut runtime = validator.start_run(Errors(errors));
        runtime.set_parse_limits(limits());
        let namespace = self.frame.namespace.as_deref().map(|uri| set.name_table.add(uri));
        if let Some(root) = set.lookup_element(namespace, set.name_table.add(&self.frame.root)) {
            runtime.set_validation_root(ValidationRoot::Element(root));
        }
        runtime
    }
}

/// Said in preference to whatever else stopped the reader; what it has read to the end is UTF-8 throughout.
fn not_utf8(bytes: &[u8]) -> Option<Fault> {
    let at = std::str::from_utf8(bytes).err()?.valid_up_to() + 1;
    Some(Fault::sender("body.encoding", format!("nội dung không phải UTF-8 (byte thứ {at})")))
}

/// The one child that the contract speaks of.
fn only<'r>(name: &str, found: Option<Element<'r>>) -> Result<Element<'r>, Fault> {
    let mut elements = found.into_iter().filter(|found| !found.is_nil()).flat_map(Element::elements);
    let wrong = |count: usize| {
        violated(vec![Violation::sender(name, "maxOccurs", format!("phải có đúng một, thấy {count}"))])
    };
    let element = elements.next().ok_or_else(|| wrong(0))?;
    match elements.count() {
        0 => Ok(element),
        more => Err(wrong(more + 1)),
    }
}

fn limits() -> ParseLimits {
    ParseLimits::none()
        .with_max_depth(DEPTH_MAX)
        .with_max_name_bytes(NAME_BYTES_MAX)
        .with_max_attributes(ATTRIBUTES_MAX)
        .with_max_namespace_declarations(ATTRIBUTES_MAX)
        .with_max_namespaces_in_scope(ATTRIBUTES_MAX)
        .with_max_namespace_uri_bytes(4 * NAME_BYTES_MAX)
        .with_max_nodes(NODES_MAX)
}

fn unreadable(error: DriveWithError<Refused>) -> Fault {
    match error {
        DriveWithError::Hook(Refused::Doctype) => {
            Fault::sender("body.doctype", "XML không được chứa khai báo DOCTYPE")
        }
        DriveWithError::Hook(Refused::Encoding) => {
            Fault::sender("body.encoding", "XML phải dùng bảng mã UTF-8")
        }
        DriveWithError::LimitExceeded(limit) if limit.limit() == ParseLimit::Depth => {
            Fault::sender("body.too-deep", format!("XML lồng quá {DEPTH_MAX} cấp"))
        }
        DriveWithError::LimitExceeded(limit) => Fault::sender(
            "body.malformed",
            format!("XML vượt giới hạn tại byte thứ {}", limit.position() + 1),
        )
        .because(format!("{} over {}", limit.limit().field_name(), limit.max())),
        DriveWithError::NotWellFormed(error) => {
            let code = match error.rule() {
                WellFormednessRule::Encoding => "body.encoding",
                WellFormednessRule::DocumentTypeDeclaration => "body.doctype",
                _ => "body.malformed",
            };
            // The rule is named, the message is not repeated: it may quote the document.
            Fault::sender(code, format!("XML không hợp lệ tại byte thứ {}", error.position() + 1))
                .because(format!("{:?}", error.rule()))
        }
        DriveWithError::Io(_) | _ => Fault::sender("body.malformed", "không đọc được XML"),
    }
}

struct Errors<'a>(&'a mut Vec<ValidationError>);

impl ValidationSink for Errors<'_> {
    fn on_error(&mut self, error: ValidationError) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(error);
        }
    }

    fn on_warning(&mut self, _: ValidationWarning) {}
}

self_cell::self_cell!(
    /// A schema set and the validator that borrows it.
    struct Engine {
        owner: SchemaSet,
        #[not_covariant]
        dependent: SchemaValidator,
    }
);

/// Numbers documents, so that engines of an earlier set of contracts are not taken for those of a later one.
static DOCUMENTS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    /// The validator's name table is not made for several threads, so each thread that reads XML has engines of
    /// its own: a few milliseconds at a thread's first document of a contract.
    static ENGINES: RefCell<HashMap<u64, (Rc<Engine>, usize)>> = RefCell::new(HashMap::new());
}

impl XsdDocument {
    fn engine(&self) -> Option<Rc<Engine>> {
        ENGINES.with_borrow_mut(|engines| {
            if let Some((engine, names)) = engines.get(&self.id)
                && engine.borrow_owner().name_table.len() <= names + NAMES_LEARNT_MAX
            {
                return Some(engine.clone());
            }
            if engines.len() >= ENGINES_MAX {
                engines.clear();
            }
            let engine = Rc::new(Engine::compile(&self.path, &self.schemas).ok()?);
            let names = engine.borrow_owner().name_table.len();
            engines.insert(self.id, (engine.clone(), names));
            Some(engine)
        })
    }
}

impl Engine {
    fn compile(path: &str, schemas: &Arc<BTreeMap<String, String>>) -> Result<Engine, Vec<String>> {
        let text = schemas.get(path).map(String::as_str).unwrap_or_default();
        let compiled = SchemaSetBuilder::with_loader(shelves(schemas))
            .add_source(text, &format!("{BASE}{path}"))
            .and_then(SchemaSetBuilder::compile)
            .map_err(|error| vec![format!("cannot be compiled: {error}")])?;
        let missing: Vec<String> = compiled
            .directive_failures()
            .iter()
            .filter_map(|failure| failure.schema_location())
            .map(|location| format!("includes or imports {location}, which cannot be read"))
            .collect();
        if !missing.is_empty() {
            return Err(missing);
        }
        Engine::try_new(compiled.into_schema_set(), |set| {
            // Neither warnings nor typed values: only what is wrong.
            let validator = SchemaValidator::new(set, ValidationFlags::empty());
            let failed = validator.content_model_failures();
            let reasons = failed.iter().map(|(_, reason)| format!("has a content model too large: {reason}"));
            let reasons: Vec<String> = reasons.collect();
            if reasons.is_empty() { Ok(validator) } else { Err(reasons) }
        })
    }
}

/// Puts the validator's findings into words that name the contract's expectation and never the value.
struct Findings<'a> {
    view: &'a FieldView,
    outer: NodeId,
}

impl Findings<'_> {
    fn violations(&self, errors: &[ValidationError], root: &Value) -> Vec<Violation> {
        let mut violations: Vec<Violation> = Vec::new();
        let mut broken: BTreeSet<String> = BTreeSet::new();
        for error in errors {
            let below_root = error.instance_path().is_some_and(|path| path.len() > 1);
            // After wrong content the validator finds the elements that follow undeclared: an echo, not a finding.
            if below_root && error.constraint == "cvc-elt.1" && !violations.is_empty() {
                continue;
            }
            let place = self.locate(error, root);
            // What broke off before its end is also incomplete: an echo too.
            if rule_of(error.constraint) == "content"
                && !broken.insert(place.path.clone())
                && error.message.contains("incomplete")
            {
                continue;
            }
            let found = match rule_of(error.constraint) {
                "content" => self.content(&place, &error.message),
                "required" => self.attributes(&place),
                "attribute" => vec![Violation::sender(
                    place.path.clone(),
                    "attribute",
                    "có thuộc tính không có trong quy định, hoặc thiếu thuộc tính bắt buộc",
                )],
                // Which facet failed says more than "the type did not fit", which the validator adds for each.
                "type" if violations.iter().any(|v| v.path == place.path) => Vec::new(),
                rule => vec![Violation::sender(place.path.clone(), rule, self.detail(rule, place.node))],
            };
            for violation in found {
                if !violations.contains(&violation) {
                    violations.push(violation);
                }
            }
        }
        violations
    }

    /// `HoSo[2].MaTTHC`, its place in the view and the value that was read there.
    fn locate<'v>(&self, error: &ValidationError, root: &'v Value) -> Place<'v> {
        let mut place = Place { path: String::new(), node: Some(self.outer), value: Some(root) };
        let Some(path) = error.instance_path() else { return place };
        for step in path.steps().skip(1) {
            let name = match step.position() {
                Some(_) => step.name().local_name().to_owned(),
                None => format!("@{}", step.name().local_name()),
            };
            if !place.path.is_empty() {
                place.path.push('.');
            }
            place.path.push_str(&name);
            let field = place.node.and_then(|id| self.view.node(id).field(&name)).map(|field| field.node);
            place.value = place.value.and_then(|value| value.get(&name));
            if let (Some(position), Some(Value::Array(elements))) = (step.position(), place.value) {
                place.path.push_str(&format!("[{position}]"));
                place.value = elements.get(position.saturating_sub(1));
            }
            place.node = field.map(|id| self.view.element(id));
        }
        place
    }

    /// Wrong children: said by name where the view knows it, as missing or unknown.
    fn content(&self, place: &Place<'_>, message: &str) -> Vec<Violation> {
        let (Some(node), Some(Value::Object(fields))) =
            (place.node.map(|id| self.view.node(id)), place.value)
        else {
            return vec![Violation::sender(place.path.clone(), "content", "có nội dung không được phép")];
        };
        let child = |name: &str| match place.path.as_str() {
            "" => name.to_owned(),
            path => format!("{path}.{name}"),
        };
        let missing = node
            .fields
            .iter()
            .filter(|field| field.required && !field.name.starts_with(['@', '#']))
            .filter(|field| !fields.contains_key(&*field.name))
            .map(|field| Violation::sender(child(&field.name), "required", "bắt buộc phải có"));
        let unknown = fields
            .keys()
            .filter(|name| !node.open && !name.starts_with(['@', '#']) && node.field(name).is_none())
            .map(|name| Violation::sender(child(name), "unknown", "không có trong quy định"));
        let named: Vec<Violation> = missing.chain(unknown).collect();
        if !named.is_empty() {
            return named;
        }
        if let Some(absent) = absent_before(node, fields, message) {
            let path = absent.iter().map(|name| child(name)).collect::<Vec<_>>().join("|");
            return vec![Violation::sender(
                path,
                "content",
                "ở chỗ này phải có, hoặc phải có một trong số này",
            )];
        }
        let order: Vec<&str> = node.names().filter(|name| !name.starts_with(['@', '#'])).collect();
        let detail = format!("phải có, đúng thứ tự và số lượng: {}", order.join(", "));
        vec![Violation::sender(place.path.clone(), "content", detail)]
    }

    /// Attributes that must be there and are not.
    fn attributes(&self, place: &Place<'_>) -> Vec<Violation> {
        let fields = place.value.and_then(Value::as_object);
        let missing = place.node.map(|id| self.view.node(id).fields.as_slice()).unwrap_or_default().iter();
        let missing = missing
            .filter(|field| field.required && field.name.starts_with('@'))
            .filter(|field| !fields.is_some_and(|fields| fields.contains_key(&*field.name)))
            .map(|field| {
                let path = if place.path.is_empty() { String::new() } else { format!("{}.", place.path) };
                Violation::sender(format!("{path}{}", field.name), "required", "bắt buộc phải có")
            });
        let named: Vec<Violation> = missing.collect();
        if named.is_empty() {
            return vec![Violation::sender(place.path.clone(), "required", "bắt buộc phải có")];
        }
        named
    }

    fn detail(&self, rule: &str, node: Option<NodeId>) -> String {
        let node = node.map(|id| self.view.node(id));
        match (rule, node) {
            ("enum", Some(node)) => match &node.allowed {
                Some(allowed) => format!("phải là một trong: {}", super::json::list(allowed.iter().cloned())),
                None => "không phải giá trị được phép".to_owned(),
            },
            ("maxLength", Some(node)) => match node.max_length {
                Some(length) => format!("dài nhất {length} ký tự"),
                None => "quá dài".to_owned(),
            },
            ("required", _) => "bắt buộc phải có".to_owned(),
            ("type", Some(node)) if !node.kinds.touches(Kinds::OBJECT) => {
                "không đúng kiểu giá trị trong quy định".to_owned()
            }
            ("root", _) => "không phải phần tử gốc theo quy định".to_owned(),
            (rule, _) => format!("không đúng quy tắc {rule} của quy định"),
        }
    }
}

/// The fields that are absent just before the one that the validator stopped at, or at the end: of a choice it needs one of them, and
/// which it is the view does not know.
fn absent_before<'n>(node: &'n Node, fields: &Map<String, Value>, message: &str) -> Option<Vec<&'n str>> {
    let names: Vec<&str> = node.names().filter(|name| !name.starts_with(['@', '#'])).collect();
    // "Element 'x' is not allowed at this position …" of a child, "Element 'x' content model is incomplete …" of what is around.
    let stopped = message.split('\'').nth(1).filter(|_| message.contains("not allowed at this position"));
    let end = match stopped {
        Some(name) => names.iter().position(|known| *known == name)?,
        None => names.len(),
    };
    let there = |name: &&&str| {
        fields.get(**name).is_some_and(|value| value.as_array().is_none_or(|list| !list.is_empty()))
    };
    let begin = names[..end].iter().rposition(|name| there(&name)).map_or(0, |last| last + 1);
    (begin < end).then(|| names[begin..end].to_vec())
}

struct Place<'v> {
    path: String,
    node: Option<NodeId>,
    value: Option<&'v Value>,
}

/// The short name of a validity rule of the specification, the same as JSON Schema's where both have it.
fn rule_of(constraint: &'static str) -> &'static str {
    let rest = constraint.strip_prefix("cvc-").unwrap_or(constraint);
    if let Some(facet) = rest.strip_suffix("-valid") {
        return match facet {
            "enumeration" => "enum",
            "minInclusive" => "minimum",
            "maxInclusive" => "maximum",
            "minExclusive" => "exclusiveMinimum",
            "maxExclusive" => "exclusiveMaximum",
            facet => facet,
        };
    }
    match rest {
        "elt.1" => "root",
        "complex-type.4" => "required",
        _ if rest.starts_with("complex-type.2") => "content",
        _ if rest.starts_with("complex-type.3") => "attribute",
        _ if rest.starts_with("datatype") || rest.starts_with("type") || rest.starts_with("simple-type") => {
            "type"
        }
        _ if rest.starts_with("elt.3") => "nil",
        _ if rest.starts_with("identity-constraint") => "unique",
        rest => rest,
    }
}

/// Serves what schemas include from memory, and nothing else.
struct Shelf {
    schemas: Arc<BTreeMap<String, String>>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shelf({})", self.schemas.len())
    }
}

impl SchemaLoader for Shelf {
    fn load(&self, location: &str) -> SchemaResult<String> {
        let path = location.strip_prefix(BASE).unwrap_or(location);
        match self.schemas.get(path) {
            Some(text) => Ok(text.clone()),
            None => Err(SchemaError::ResolutionError { message: format!("{path} is not below schemas/") }),
        }
    }

    fn can_load(&self, location: &str) -> bool {
        location.starts_with(BASE)
    }
}

/// Our own schemas, and the few the validator brings along (`xml:lang`). No file system, no network.
fn shelves(schemas: &Arc<BTreeMap<String, String>>) -> Box<dyn SchemaLoader> {
    let mut chain = LoaderChain::new();
    chain.add(Box::new(EmbeddedLoader::new()));
    chain.add(Box::new(Shelf { schemas: schemas.clone() }));
    Box::new(chain)
}
