//! The schemas inside a WSDL: each becomes a document of its own, with the namespaces that are declared around it.
//!
//! One schema takes the name of its file (`svc.wsdl`); of several each has its number (`svc.wsdl/1.xsd`), and finds the others by their
//! namespaces, as a WSDL lets it. Everything else that a WSDL says (operations, addresses) is nobody's business here.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// A schema within the text.
struct Inside {
    from: usize,
    to: usize,
    target: String,
    /// Where something is put in, and what.
    patches: Vec<(usize, String)>,
    imports: Vec<Import>,
}

/// What a schema leads to.
struct Import {
    /// Behind its last attribute.
    at: usize,
    namespace: String,
    /// Where its location begins, if it has one.
    location: Option<usize>,
}

/// The documents in a WSDL, by their names.
pub(super) fn documents(path: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let found = inside(text)?;
    let several = found.len() > 1;
    let name = |number: usize| if several { format!("{path}/{}.xsd", number + 1) } else { path.to_owned() };
    let targets: BTreeMap<&str, usize> =
        found.iter().enumerate().map(|(number, schema)| (schema.target.as_str(), number + 1)).collect();
    let whole = |(number, schema): (usize, &Inside)| {
        let mut patches = schema.patches.clone();
        for import in &schema.imports {
            match (import.location, targets.get(import.namespace.as_str())) {
                // Beside the WSDL is one step up from a document in it.
                (Some(at), _) if several => patches.push((at, "../".to_owned())),
                (None, Some(other)) if several => {
                    patches.push((import.at, format!(" schemaLocation=\"{other}.xsd\"")));
                }
                _ => {}
            }
        }
        patches.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
        let mut own = text[schema.from..schema.to].to_owned();
        for (at, put) in patches {
            own.insert_str(at - schema.from, &put);
        }
        (name(number), own)
    };
    Ok(found.iter().enumerate().map(whole).collect())
}

fn inside(text: &str) -> Result<Vec<Inside>, String> {
    let mut reader = Reader::from_str(text);
    let mut scopes: Vec<BTreeMap<String, String>> = Vec::new();
    let mut found: Vec<Inside> = Vec::new();
    // How deep the schema stands that is being read.
    let mut within: Option<usize> = None;
    loop {
        let from = position(&reader, text);
        let event = reader.read_event().map_err(|error| format!("is not well-formed: {error}"))?;
        let to = position(&reader, text);
        let is_empty = matches!(event, Event::Empty(_));
        match event {
            Event::Start(tag) | Event::Empty(tag) => {
                let own = declared(&tag);
                let mut scope = scopes.last().cloned().unwrap_or_default();
                scope.extend(own.clone());
                let (prefix, local) = name(&tag);
                let is_xsd = scope.get(&prefix).is_some_and(|address| address == XSD);
                let end = to - if is_empty { 2 } else { 1 };
                match (within, local.as_str()) {
                    (None, "schema") if is_xsd && !is_empty => {
                        within = Some(scopes.len());
                        let missing = scope.iter().filter(|(prefix, _)| !own.contains_key(*prefix));
                        let patches = missing.map(|(prefix, address)| (end, declaration(prefix, address)));
                        let patches = patches.collect();
                        let target = attribute(&tag, "targetNamespace").unwrap_or_default();
                        found.push(Inside { from, to, target, patches, imports: Vec::new() });
                    }
                    (Some(_), "import" | "include" | "redefine") if is_xsd => {
                        let place = text[from..to].find("schemaLocation=");
                        let location = place.map(|at| from + at + "schemaLocation=\"".len());
                        let namespace = attribute(&tag, "namespace").unwrap_or_default();
                        if let Some(schema) = found.last_mut() {
                            schema.imports.push(Import { at: end, namespace, location });
                        }
                    }
                    _ => {}
                }
                if !is_empty {
                    scopes.push(scope);
                }
            }
            Event::End(_) => {
                scopes.pop();
                if within == Some(scopes.len()) {
                    within = None;
                    if let Some(schema) = found.last_mut() {
                        schema.to = to;
                    }
                }
            }
            Event::DocType(_) => return Err("has a DOCTYPE".to_owned()),
            Event::Eof if scopes.is_empty() => return Ok(found),
            Event::Eof => return Err("ends too early".to_owned()),
            _ => {}
        }
    }
}

fn position(reader: &Reader<&[u8]>, text: &str) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len())
}

fn name(tag: &BytesStart<'_>) -> (String, String) {
    let whole = String::from_utf8_lossy(tag.name().as_ref()).into_owned();
    let (prefix, local) = whole.split_once(':').unwrap_or(("", &whole));
    (prefix.to_owned(), local.to_owned())
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name.as_bytes())?;
    Some(String::from_utf8_lossy(&found.value).trim().to_owned())
}

/// The namespaces that a tag declares, by prefix, as they are written.
fn declared(tag: &BytesStart<'_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for attribute in tag.attributes().flatten() {
        let key = String::from_utf8_lossy(attribute.key.as_ref()).into_owned();
        let value = String::from_utf8_lossy(&attribute.value).into_owned();
        if let Some(prefix) = key.strip_prefix("xmlns") {
            found.insert(prefix.trim_start_matches(':').to_owned(), value);
        }
    }
    found
}

fn declaration(prefix: &str, address: &str) -> String {
    let name = if prefix.is_empty() { "xmlns".to_owned() } else { format!("xmlns:{prefix}") };
    format!(" {name}=\"{}\"", address.replace('"', "&quot;"))
}

#[cfg(test)]
mod tests {
    use crate::schema::Contracts;

    fn compiled(types: &str) -> Contracts {
        let wsdl = format!(
            "<?xml version='1.0'?>\n<wsdl:definitions xmlns:wsdl='http://schemas.xmlsoap.org/wsdl/' xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:a='urn:a' xmlns:b='urn:b'>\n<wsdl:types>{types}</wsdl:types><wsdl:message name='x'/></wsdl:definitions>"
        );
        let beside = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:c' elementFormDefault='qualified'><xs:simpleType name='k'><xs:restriction base='xs:string'><xs:maxLength value='3'/></xs:restriction></xs:simpleType></xs:schema>";
        let files = [("declared/x/svc.wsdl", wsdl.as_str()), ("declared/x/c.xsd", beside)];
        let files =
            files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into_iter().collect();
        Contracts::compile(&files).unwrap_or_else(|defects| panic!("{defects:#?}"))
    }

    #[test]
    fn one_schema_has_the_name_of_its_file() {
        let contracts = compiled(
            "<xs:schema targetNamespace='urn:a' elementFormDefault='qualified' xmlns:c='urn:c'><xs:import namespace='urn:c' schemaLocation='c.xsd'/><xs:element name='Ghi'><xs:complexType><xs:sequence><xs:element name='Ma' type='c:k'/></xs:sequence></xs:complexType></xs:element></xs:schema>",
        );
        let contract = contracts.get("declared/x/svc.wsdl#Ghi").unwrap();
        assert!(contract.read(b"<Ghi xmlns='urn:a'><Ma>abc</Ma></Ghi>").is_ok());
        let fault = contract.read(b"<Ghi xmlns='urn:a'><Ma>abcd</Ma></Ghi>").unwrap_err();
        assert_eq!(
            (fault.violations[0].path.as_str(), fault.violations[0].rule.as_str()),
            ("Ma", "maxLength")
        );
    }

    #[test]
    fn several_find_each_other_by_their_namespaces() {
        let contracts = compiled(
            "<xs:schema targetNamespace='urn:a' elementFormDefault='qualified' xmlns:c='urn:c'><xs:import namespace='urn:b'/><xs:import namespace='urn:c' schemaLocation=\"c.xsd\"/><xs:element name='Ghi'><xs:complexType><xs:sequence><xs:element ref='b:Ma'/><xs:element name='So' type='c:k'/></xs:sequence></xs:complexType></xs:element></xs:schema>\n<xs:schema targetNamespace='urn:b'><xs:element name='Ma' type='xs:token'/></xs:schema>",
        );
        let contract = contracts.get("declared/x/svc.wsdl/1.xsd#Ghi").unwrap();
        assert!(contract.read(b"<Ghi xmlns='urn:a'><Ma xmlns='urn:b'>1</Ma><So>2</So></Ghi>").is_ok());
        assert!(contract.read(b"<Ghi xmlns='urn:a'><Ma>1</Ma><So>2</So></Ghi>").is_err());
        assert!(contracts.get("declared/x/svc.wsdl/2.xsd#Ma").is_some());
    }
}
