//! The OpenAPI document of the doors: made from the same channels and contracts that the doors obey, so that it cannot say otherwise.
//!
//! Served at `/openapi.json`, printed by `lienthong openapi`, and checked in as `ops/openapi.json` (a test compares). Contracts go in as they
//! are: JSON Schema 2020-12 is what OpenAPI 3.1 speaks. An XML body is named by its XSD. Deliberately not here: the doors of
//! SOAP, which have a WSDL.

use std::collections::BTreeMap;

use gateway_core::channel::{Channel, Credential, Direction, Shape};
use serde_json::{Map, Value, json};

use crate::files::Files;
use crate::rules::Rules;

/// The whole document.
pub fn document(rules: &Rules, files: &Files) -> Value {
    let mut book = Book { rules, files, paths: BTreeMap::new(), schemas: BTreeMap::new() };
    for (family, channels) in &rules.channels.by_adapter {
        for channel in channels.iter().filter(|channel| channel.direction == Direction::In) {
            book.add(family, channel);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Liên Thông",
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            "description": "Các dịch vụ mà cổng liên thông mở cho phần mềm một cửa và bưu chính. Mỗi đường dẫn có thể mang \
                thêm tiền tố bất kỳ ở trước. Một thông điệp được nhận (2xx) là đã ghi bền vững.",
        },
        "security": [{ "key": [] }, { "bearer": [] }, { "basic": [] }],
        "paths": book.paths,
        "components": {
            "securitySchemes": {
                "key": { "type": "apiKey", "in": "header", "name": "X-Api-Key" },
                "bearer": { "type": "http", "scheme": "bearer" },
                "basic": { "type": "http", "scheme": "basic" },
            },
            "schemas": book.schemas,
        },
    })
}

struct Book<'a> {
    rules: &'a Rules,
    files: &'a Files,
    paths: BTreeMap<String, Map<String, Value>>,
    schemas: BTreeMap<String, Value>,
}

impl Book<'_> {
    fn add(&mut self, family: &str, channel: &Channel) {
        if channel.content.iter().any(|media| media.contains("soap")) {
            return;
        }
        let content = self.content(channel);
        for pattern in &channel.paths {
            let (path, rest) = path(pattern);
            let method = channel.method.to_ascii_lowercase();
            let paths = self.paths.entry(path).or_default();
            match paths.get_mut(&method) {
                // Several dialects on one path: the media type tells them apart.
                Some(there) => {
                    if let Some(known) =
                        there.pointer_mut("/requestBody/content").and_then(Value::as_object_mut)
                    {
                        known.extend(content.clone());
                    }
                }
                None => {
                    paths.insert(method, operation(family, channel, &content, rest));
                }
            }
        }
    }

    fn content(&mut self, channel: &Channel) -> Map<String, Value> {
        let items: Vec<Value> = channel
            .kinds
            .values()
            .flatten()
            .filter_map(|mapping| self.rules.translator.plan(mapping))
            .map(|plan| plan.source().name().to_owned())
            .map(|contract| self.schema(&contract))
            .collect();
        let item = match items.as_slice() {
            [] => json!({ "type": "object" }),
            [one] => one.clone(),
            several => json!({ "anyOf": several }),
        };
        let body = match (channel.describes.shape, &channel.describes.body) {
            (_, Some(contract)) => self.schema(&contract.clone()),
            (Shape::List, None) => json!({ "type": "array", "items": item }),
            (Shape::One, None) => item,
        };
        let of = |media: &String| match media.ends_with("xml") {
            true => (media.clone(), json!({ "schema": { "type": "string", "description": "XML" } })),
            false => (media.clone(), json!({ "schema": body })),
        };
        channel.content.iter().map(of).collect()
    }

    /// A reference to a contract, which is put among the components.
    fn schema(&mut self, contract: &str) -> Value {
        let name = contract.replace(['/', '#'], ".");
        let bytes = self.files.schemas.get(&format!("{contract}.schema.json"));
        let Some(schema) = bytes.and_then(|bytes| serde_json::from_slice::<Value>(bytes).ok()) else {
            return json!({ "type": "string", "description": format!("XSD: {contract}") });
        };
        self.keep(&name, schema);
        json!({ "$ref": format!("#/components/schemas/{name}") })
    }

    /// A contract stands alone; in one document with others, its definitions are components of their own, because few readers follow a
    /// reference from within a document that has an identity of its own.
    fn keep(&mut self, name: &str, mut schema: Value) {
        point_to(&mut schema, &format!("#/components/schemas/{name}."));
        if let Some(fields) = schema.as_object_mut() {
            fields.retain(|field, _| !matches!(field.as_str(), "$id" | "$schema"));
            if let Some(Value::Object(definitions)) = fields.remove("$defs") {
                let named = definitions.into_iter().map(|(own, schema)| (format!("{name}.{own}"), schema));
                self.schemas.extend(named);
            }
        }
        self.schemas.insert(name.to_owned(), schema);
    }
}

/// Every reference to a definition of the same contract, made one to a component.
fn point_to(value: &mut Value, place: &str) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref")
                && let Some(own) = reference.strip_prefix("#/$defs/")
            {
                *reference = format!("{place}{own}");
            }
            fields.values_mut().for_each(|value| point_to(value, place));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| point_to(value, place)),
        _ => {}
    }
}

fn operation(family: &str, channel: &Channel, content: &Map<String, Value>, rest: bool) -> Value {
    let mut parameters: Vec<Value> = Vec::new();
    if rest {
        let mut schema = json!({ "type": "string" });
        if !channel.describes.rest.is_empty() {
            schema["enum"] = channel.describes.rest.clone().into();
        }
        parameters.push(json!({ "name": "rest", "in": "path", "required": true, "schema": schema }));
    }
    for name in &channel.describes.query {
        parameters.push(json!({ "name": name, "in": "query", "schema": { "type": "string" } }));
    }
    for name in &channel.describes.headers {
        parameters.push(json!({ "name": name, "in": "header", "schema": { "type": "string" } }));
    }
    let mut operation = json!({
        "operationId": channel.name.as_str().replace('/', "."),
        "tags": [family],
        "summary": channel.title,
        "responses": {
            "200": { "description": "Kết quả của từng mục, trong phong bì của giao thức; đã ghi bền vững nếu được nhận." },
            "4XX": { "description": "Bên gửi phải sửa: từng trường, từng quy tắc." },
            "503": { "description": "Chưa có gì được ghi nhận; gửi lại sau Retry-After." },
        },
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if !content.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    if channel.credential == Credential::Session {
        // The session stands in the body, or a key in the header.
        operation["security"] = json!([{}, { "key": [] }, { "bearer": [] }, { "basic": [] }]);
    }
    operation
}

/// `**/a/**` as OpenAPI writes it, and whether a rest follows.
fn path(pattern: &str) -> (String, bool) {
    let inner = pattern.trim_start_matches("**").trim_matches('/');
    match inner.strip_suffix("/**") {
        Some(inner) => (format!("/{inner}/{{rest}}"), true),
        None => (format!("/{inner}"), false),
    }
}
