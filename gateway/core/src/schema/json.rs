//! JSON Schema: compiled once, all violations at once, and the view of its fields.
//!
//! References between the files of `schemas/` go through an in-memory registry: nothing is read from disk or
//! network. A valid document takes the fast path (`is_valid`) and allocates nothing. No value of a document ever
//! stands in a violation: only what the contract expects.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::LocationSegment;
use jsonschema::{Registry, Validator};
use serde_json::Value;

use super::view::{Field, FieldView, Kinds, Node, NodeId};
use crate::fault::{Defect, Violation};

/// Names that nothing on a network answers to; the path below `schemas/` follows.
const BASE: &str = "lienthong:///schemas/";
/// How many allowed values a violation lists: beyond it the reader needs the contract itself.
const ALLOWED_SHOWN_MAX: usize = 20;

pub(super) struct JsonContract {
    validator: Validator,
}

impl JsonContract {
    pub(super) fn check(&self, document: &Value) -> Vec<Violation> {
        if self.validator.is_valid(document) {
            return Vec::new();
        }
        let mut violations = Vec::new();
        for error in self.validator.iter_errors(document) {
            report(&error, &mut violations);
        }
        violations
    }
}

/// All JSON files of `schemas/`, read, with what each leans on.
pub(super) struct JsonFiles {
    documents: BTreeMap<String, Value>,
    ids: HashMap<String, String>,
}

impl JsonFiles {
    pub(super) fn read(files: &BTreeMap<String, Vec<u8>>, defects: &mut Vec<Defect>) -> JsonFiles {
        let mut documents = BTreeMap::new();
        let mut ids = HashMap::new();
        for (path, bytes) in files.iter().filter(|(path, _)| path.ends_with(".schema.json")) {
            match serde_json::from_slice::<Value>(bytes) {
                Ok(document) => {
                    if let Some(id) = document.get("$id").and_then(Value::as_str) {
                        ids.insert(id.trim_end_matches('#').to_owned(), path.clone());
                    }
                    documents.insert(path.clone(), document);
                }
                Err(error) => defects.push(Defect {
                    file: format!("schemas/{path}"),
                    line: error.line() as u64,
                    field: String::new(),
                    message: format!("is not JSON: {error}"),
                    nearest: None,
                }),
            }
        }
        JsonFiles { documents, ids }
    }

    pub(super) fn compile(&self, defects: &mut Vec<Defect>) -> Vec<(String, JsonContract, FieldView)> {
        // The registry would stop at the first of them, for everybody.
        let mut astray = BTreeSet::new();
        for (path, document) in &self.documents {
            let found = self.astray(path, document);
            if !found.is_empty() {
                astray.insert(path.clone());
            }
            defects.extend(found);
        }
        let mut resources: Vec<(String, &Value)> = Vec::new();
        for (path, document) in self.documents.iter().filter(|(path, _)| !astray.contains(*path)) {
            resources.push((format!("{BASE}{path}"), document));
        }
        let registry = match Registry::new().extend(resources).and_then(|registry| registry.prepare()) {
            Ok(registry) => registry,
            Err(error) => {
                defects.push(super::defect("schemas", format!("the contracts do not fit together: {error}")));
                return Vec::new();
            }
        };
        let mut contracts = Vec::new();
        for (path, document) in &self.documents {
            if astray.contains(path) {
                continue;
            }
            let built = jsonschema::options()
                .with_registry(&registry)
                .with_base_uri(format!("{BASE}{path}"))
                .should_validate_formats(true)
                .build(document);
            match built {
                Ok(validator) => {
                    let view = Viewer::new(self).view(path, document);
                    contracts.push((path.clone(), JsonContract { validator }, view));
                }
                Err(error) => {
                    defects.push(super::defect(
                        &format!("schemas/{path}"),
                        format!("cannot be compiled: {error}"),
                    ));
                }
            }
        }
        contracts
    }

    /// References to files that are not there for it. What goes by an identity (`$id`) was found by it.
    fn astray(&self, path: &str, document: &Value) -> Vec<Defect> {
        let mut found = Vec::new();
        references(document, &mut |reference| {
            let file = reference.split('#').next().unwrap_or_default();
            if self.is_circle(path, reference) {
                let message = format!("`{reference}` leads back to itself and says nothing");
                found.push(Defect {
                    field: "$ref".to_owned(),
                    ..super::defect(&format!("schemas/{path}"), message)
                });
            }
            let known = self.ids.contains_key(file) || self.ids.contains_key(&self.beside_id(path, file));
            if file.is_empty() || known {
                return;
            }
            let is_there = |wanted: &str| self.documents.contains_key(wanted);
            if let Some((message, nearest)) =
                super::leaning::astray(path, file, is_there, self.documents.keys())
            {
                found.push(Defect {
                    field: "$ref".to_owned(),
                    nearest,
                    ..super::defect(&format!("schemas/{path}"), message)
                });
            }
        });
        found
    }

    /// Does a reference mean itself, of the very same value? Whoever validated by it would never come to an end. Back by way of a
    /// property or a member is another value, and right.
    fn is_circle(&self, from: &str, reference: &str) -> bool {
        let Some(first) = self.target(from, reference) else { return false };
        let mut seen = BTreeSet::new();
        let mut open = vec![first.clone()];
        while let Some((file, pointer)) = open.pop() {
            if !seen.insert((file.clone(), pointer.clone())) {
                continue;
            }
            let schema = self.documents.get(&file).and_then(|document| document.pointer(&unescape(&pointer)));
            let Some(schema) = schema else { continue };
            let parts = ["allOf", "anyOf", "oneOf"].iter().filter_map(|word| schema.get(word)?.as_array());
            for part in parts.flatten().chain([schema]) {
                let next = part.get("$ref").and_then(Value::as_str);
                if let Some(next) = next.and_then(|next| self.target(&file, next)) {
                    if next == first {
                        return true;
                    }
                    open.push(next);
                }
            }
        }
        false
    }

    /// The files whose change may change what this contract says.
    pub(super) fn closure(&self, path: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            if let Some(document) = self.documents.get(&path)
                && seen.insert(path.clone())
            {
                references(document, &mut |reference| {
                    if let Some((file, _)) = self.target(&path, reference) {
                        open.push(file);
                    }
                });
            }
        }
        seen
    }

    /// The file and the pointer that a `$ref` in `from` means.
    fn target(&self, from: &str, reference: &str) -> Option<(String, String)> {
        let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
        if file.is_empty() {
            return Some((from.to_owned(), pointer.to_owned()));
        }
        let file = match self.ids.get(file).or_else(|| self.ids.get(&self.beside_id(from, file))) {
            Some(path) => path.clone(),
            None => super::beside(from, file),
        };
        self.documents.contains_key(&file).then(|| (file, pointer.to_owned()))
    }

    /// A relative reference speaks of the neighbours of the document's `$id`, where it has one.
    fn beside_id(&self, from: &str, file: &str) -> String {
        let id = self.documents.get(from).and_then(|d| d.get("$id")).and_then(Value::as_str).unwrap_or("");
        match id.rfind('/') {
            Some(at) => format!("{}/{file}", &id[..at]),
            None => file.to_owned(),
        }
    }
}

fn references(value: &Value, found: &mut dyn FnMut(&str)) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(reference) if key == "$ref" => found(reference),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

/// Builds the view of one contract; `known` breaks the circles of recursive references.
struct Viewer<'a> {
    files: &'a JsonFiles,
    view: FieldView,
    known: HashMap<(String, String), NodeId>,
}

impl<'a> Viewer<'a> {
    fn new(files: &'a JsonFiles) -> Self {
        Viewer { files, view: FieldView::new(), known: HashMap::new() }
    }

    fn view(mut self, path: &str, document: &'a Value) -> FieldView {
        let root = self.place(path, document);
        self.view.set_root(root);
        self.view
    }

    fn place(&mut self, file: &str, schema: &'a Value) -> NodeId {
        let key = (file.to_owned(), format!("{:p}", schema));
        if let Some(id) = self.known.get(&key) {
            return *id;
        }
        let id = self.view.add(Node::default());
        self.known.insert(key, id);
        let mut draft = Draft::default();
        self.read(file, schema, &mut draft, 0);
        self.view.set(id, draft.finish());
        id
    }

    /// Gathers what one schema says about a place, through `$ref`, `allOf` and alternatives.
    fn read(&mut self, file: &str, schema: &'a Value, draft: &mut Draft, depth: usize) {
        // A chain of references this long is a circle that says nothing.
        if depth > 32 {
            return;
        }
        let Some(schema) = schema.as_object() else { return };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str)
            && let Some((target, pointer)) = self.files.target(file, reference)
        {
            let files = self.files;
            if let Some(found) = files.documents.get(&target).and_then(|d| d.pointer(&unescape(&pointer))) {
                self.read(&target, found, draft, depth + 1);
            }
        }
        draft.facets(schema);
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let node = self.place(file, property);
                draft.node.put(Field { name: name.as_str().into(), node, required: false, namespace: None });
            }
        }
        if let Some(items) = schema.get("items").filter(|items| items.is_object()) {
            draft.node.item = Some(self.place(file, items));
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.read(file, part, draft, depth + 1);
        }
        for word in ["anyOf", "oneOf"] {
            if let Some(parts) = schema.get(word).and_then(Value::as_array) {
                self.alternatives(file, parts, draft, depth);
            }
        }
    }

    /// Of alternatives the view keeps what any of them allows.
    fn alternatives(&mut self, file: &str, parts: &'a [Value], draft: &mut Draft, depth: usize) {
        let mut kinds = Kinds::NONE;
        let (mut longest, mut bounded) = (0, true);
        let (mut allowed, mut listed) = (Vec::new(), true);
        for part in parts {
            let mut one = Draft::default();
            self.read(file, part, &mut one, depth + 1);
            let texts = one.kinds.unwrap_or(Kinds::ANY).touches(Kinds::TEXT);
            kinds = kinds.or(one.kinds.unwrap_or(Kinds::ANY));
            for field in one.node.fields.drain(..) {
                draft.node.put(Field { required: false, ..field });
            }
            draft.node.item = draft.node.item.or(one.node.item);
            match one.node.max_length {
                Some(length) if texts => longest = longest.max(length),
                None if texts && one.node.allowed.is_none() => bounded = false,
                _ => {}
            }
            match one.node.allowed {
                Some(values) => allowed.extend(values),
                None if one.kinds != Some(Kinds::NULL) => listed = false,
                None => {}
            }
        }
        draft.narrow(kinds);
        if bounded && longest > 0 && draft.node.max_length.is_none() {
            draft.node.max_length = Some(longest);
        }
        if listed && draft.node.allowed.is_none() {
            draft.node.allowed = Some(allowed);
        }
    }
}

/// `%24defs` and its like in a reference.
fn unescape(pointer: &str) -> String {
    pointer.replace("%24", "$").replace("%25", "%").replace("%7B", "{").replace("%7D", "}")
}

#[derive(Default)]
struct Draft {
    node: Node,
    kinds: Option<Kinds>,
    required: Vec<String>,
    closed: bool,
    shut_items: bool,
}

impl Draft {
    fn narrow(&mut self, kinds: Kinds) {
        self.kinds = Some(self.kinds.map_or(kinds, |known| known.and(kinds)));
    }

    fn facets(&mut self, schema: &serde_json::Map<String, Value>) {
        match schema.get("type") {
            Some(Value::String(name)) => self.narrow(Kinds::named(name)),
            Some(Value::Array(names)) => self.narrow(
                names.iter().filter_map(Value::as_str).map(Kinds::named).fold(Kinds::NONE, Kinds::or),
            ),
            _ => {}
        }
        if let Some(length) = schema.get("maxLength").and_then(Value::as_u64) {
            self.node.max_length = Some(self.node.max_length.map_or(length, |known| known.min(length)));
        }
        let values = match (schema.get("enum"), schema.get("const")) {
            (Some(Value::Array(values)), _) => values.as_slice(),
            (_, Some(value)) => std::slice::from_ref(value),
            _ => &[],
        };
        if !values.is_empty() {
            let kinds = values.iter().map(Kinds::of).fold(Kinds::NONE, Kinds::or);
            self.narrow(kinds);
            self.node.allowed = Some(values.iter().filter(|v| !v.is_null()).map(text_of).collect());
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            self.required.extend(name.as_str().map(str::to_owned));
        }
        self.closed |= schema.get("additionalProperties") == Some(&Value::Bool(false))
            || schema.get("unevaluatedProperties") == Some(&Value::Bool(false));
        self.shut_items |= schema.get("items") == Some(&Value::Bool(false));
    }

    fn finish(mut self) -> Node {
        let kinds = self.kinds.unwrap_or(if !self.node.fields.is_empty() {
            Kinds::OBJECT
        } else if self.node.item.is_some() {
            Kinds::LIST
        } else {
            Kinds::ANY
        });
        self.node.kinds = kinds;
        for name in &self.required {
            if let Some(at) = self.node.fields.iter().position(|field| *field.name == **name) {
                self.node.fields[at].required = true;
            }
        }
        // An object with named properties is checked by these names even where others are let through: a
        // mapping that uses a name the contract does not know is a slip far more often than a wish.
        self.node.open = self.node.fields.is_empty()
            && self.node.item.is_none()
            && !self.closed
            && kinds.touches(Kinds::OBJECT);
        self.node
    }
}

/// A scalar as the text that lists and conditions compare.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn report(error: &jsonschema::ValidationError<'_>, violations: &mut Vec<Violation>) {
    let path = path_of(error);
    let rule = error.kind().keyword().to_owned();
    let child = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            violations.push(Violation::sender(child(name), rule, "bắt buộc phải có"));
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            for name in unexpected {
                violations.push(Violation::sender(child(name), rule.clone(), "không có trong quy định"));
            }
        }
        kind => violations.push(Violation::sender(path.clone(), rule, detail(kind))),
    }
}

/// A JSON type, for people who know the format by its values.
fn kind_word(kind: &str) -> &'static str {
    match kind {
        "string" => "chuỗi ký tự",
        "number" => "số",
        "integer" => "số nguyên",
        "boolean" => "true hoặc false",
        "object" => "đối tượng",
        "array" => "mảng",
        _ => "null",
    }
}

/// What is expected; never what was found.
fn detail(kind: &ValidationErrorKind) -> String {
    use ValidationErrorKind as E;
    match kind {
        E::Type { kind: TypeKind::Single(kind) } => format!("phải là {}", kind_word(&kind.to_string())),
        E::Type { kind: TypeKind::Multiple(kinds) } => {
            let words: Vec<&str> = kinds.iter().map(|kind| kind_word(&kind.to_string())).collect();
            format!("phải là {}", words.join(" hoặc "))
        }
        E::Enum { options } => match options.as_array() {
            Some(values) => format!("phải là một trong: {}", list(values.iter().map(text_of))),
            None => "không phải giá trị được phép".to_owned(),
        },
        E::Constant { expected_value } => format!("phải là {}", text_of(expected_value)),
        E::MaxLength { limit } => format!("dài nhất {limit} ký tự"),
        E::MinLength { limit } => format!("ít nhất {limit} ký tự"),
        E::MaxItems { limit } => format!("nhiều nhất {limit} phần tử"),
        E::MinItems { limit } => format!("ít nhất {limit} phần tử"),
        E::MaxProperties { limit } => format!("nhiều nhất {limit} trường"),
        E::MinProperties { limit } => format!("ít nhất {limit} trường"),
        E::Maximum { limit } => format!("lớn nhất là {limit}"),
        E::Minimum { limit } => format!("nhỏ nhất là {limit}"),
        E::ExclusiveMaximum { limit } => format!("phải nhỏ hơn {limit}"),
        E::ExclusiveMinimum { limit } => format!("phải lớn hơn {limit}"),
        E::Pattern { pattern } => format!("phải theo mẫu {pattern}"),
        E::Format { format } => format!("phải theo dạng {format}"),
        E::UniqueItems => "các phần tử không được trùng nhau".to_owned(),
        E::AnyOf { .. } | E::OneOfNotValid { .. } => "không hợp với dạng nào được phép".to_owned(),
        E::OneOfMultipleValid { .. } => "hợp với nhiều dạng cùng lúc".to_owned(),
        _ => "không đúng quy định".to_owned(),
    }
}

/// The first of the allowed values, and how many more there are.
pub(super) fn list(values: impl ExactSizeIterator<Item = String>) -> String {
    let more = values.len().saturating_sub(ALLOWED_SHOWN_MAX);
    let shown: Vec<String> = values.take(ALLOWED_SHOWN_MAX).collect();
    let tail = if more > 0 { format!(", … (còn {more})") } else { String::new() };
    format!("{}{tail}", shown.join(", "))
}

/// `TaiLieuNop[2].TenTepDinhKem`: elements are counted from 1, as people count.
fn path_of(error: &jsonschema::ValidationError<'_>) -> String {
    let mut path = String::new();
    for segment in error.instance_path().segments() {
        match segment {
            LocationSegment::Property(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(&name);
            }
            LocationSegment::Index(index) => path.push_str(&format!("[{}]", index + 1)),
        }
    }
    path
}
