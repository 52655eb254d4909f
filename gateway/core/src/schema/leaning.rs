//! Where a schema leads: what it includes, imports or refers to must lie on its own shelf.
//!
//! A shelf is the folder of a family, or of a dialect where it has one. Nothing is ever fetched, so an address is a slip, as is a way
//! out of the shelf: what a stranger's contract may read is what lies beside it. A circle of imports is legal and is let be.

use std::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::Event;

use super::beside;
use crate::fault::{Defect, nearest};

/// The validator brings this one along.
const BROUGHT_ALONG: [&str; 2] = ["http://www.w3.org/2001/xml.xsd", "http://www.w3.org/2001/03/xml.xsd"];

/// Everything that a schema document leans on and that is not there for it.
pub(super) fn defects(path: &str, schemas: &BTreeMap<String, String>) -> Vec<Defect> {
    let text = schemas.get(path).map(String::as_str).unwrap_or_default();
    let wrong = |(line, how, location): (u64, String, String)| {
        let (message, nearest) =
            astray(path, &location, |wanted| schemas.contains_key(wanted), schemas.keys())?;
        let file = format!("schemas/{path}");
        Some(Defect { file, line, field: how, message, nearest })
    };
    directives(text).into_iter().filter_map(wrong).collect()
}

/// What is wrong with a location, and which one was probably meant; none if it can be followed.
pub(super) fn astray<'a>(
    from: &str,
    location: &str,
    is_there: impl Fn(&str) -> bool,
    known: impl Iterator<Item = &'a String>,
) -> Option<(String, Option<String>)> {
    if BROUGHT_ALONG.contains(&location) {
        return None;
    }
    if location.starts_with(['/', '\\']) || location.split('/').next().is_some_and(|head| head.contains(':'))
    {
        let message =
            format!("`{location}` is an address, and nothing is fetched: put the file beside this one");
        return Some((message, None));
    }
    let shelf = shelf(from);
    let wanted = beside(from, location);
    let on_the_shelf =
        shelf.is_empty() || wanted.strip_prefix(shelf).is_some_and(|rest| rest.starts_with('/'));
    if climbs_out(from, location) || !on_the_shelf {
        return Some((format!("`{location}` leads out of the folder of {shelf}"), None));
    }
    if is_there(&wanted) {
        return None;
    }
    let others = known.filter_map(|path| path.strip_prefix(shelf)).map(|path| path.trim_start_matches('/'));
    let name = wanted.strip_prefix(shelf).unwrap_or(&wanted).trim_start_matches('/').to_owned();
    Some((format!("`{location}` is not there"), nearest(&name, others)))
}

/// `declared/land` of `declared/land/parts/a.xsd`, `portal` of `portal/a.xsd`.
fn shelf(path: &str) -> &str {
    let mut ends = path.match_indices('/').map(|(at, _)| at);
    let first = ends.next().unwrap_or(0);
    &path[..ends.next().unwrap_or(first)]
}

/// Does a way go up beyond the root? [`beside`] would stop there in silence.
fn climbs_out(from: &str, location: &str) -> bool {
    let mut depth = from.matches('/').count();
    for part in location.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// The lines, names and locations of what a schema includes, imports and redefines.
fn directives(text: &str) -> Vec<(u64, String, String)> {
    let mut reader = Reader::from_str(text);
    let mut found = Vec::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) => {
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                if !matches!(name.as_str(), "include" | "import" | "redefine") {
                    continue;
                }
                let location = tag.attributes().flatten().find(|at| at.key.as_ref() == b"schemaLocation");
                let Some(location) = location else { continue };
                let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
                let before = text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count();
                let location = String::from_utf8_lossy(&location.value).trim().to_owned();
                found.push((before as u64 + 1, name, location));
            }
            // What is not well-formed is said by whoever reads all of it.
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Contracts;

    const XS: &str = "xmlns:xs='http://www.w3.org/2001/XMLSchema'";

    fn compiled(files: &[(&str, String)]) -> Result<Vec<String>, Vec<Defect>> {
        let files =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.clone().into_bytes())).collect();
        Contracts::compile(&files).map(|contracts| contracts.names())
    }

    fn schema(own: &str, other: &str, how: &str, location: &str) -> String {
        let target = if how == "include" { "a" } else { own };
        let namespace = if how == "include" { String::new() } else { format!("namespace='urn:{other}' ") };
        format!(
            "<xs:schema {XS} targetNamespace='urn:{target}' xmlns:o='urn:{other}' elementFormDefault='qualified'>\n\
             <xs:{how} {namespace}schemaLocation='{location}'/>\n\
             <xs:element name='{own}' type='xs:string'/></xs:schema>"
        )
    }

    #[test]
    fn circles_are_legal() {
        let both = |how: &str| {
            compiled(&[
                ("declared/x/a.xsd", schema("a", "b", how, "parts/b.xsd")),
                ("declared/x/parts/b.xsd", schema("b", "a", how, "../a.xsd")),
            ])
        };
        assert_eq!(both("import").unwrap(), ["declared/x/a.xsd#a", "declared/x/parts/b.xsd#b"]);
        let names = both("include").unwrap();
        assert!(names.contains(&"declared/x/a.xsd#a".to_owned()), "{names:?}");
    }

    #[test]
    fn the_same_holds_for_json() {
        for (reference, words) in [
            ("other.schema.json#/x", "is not there"),
            ("http://h99.example/a.schema.json", "is an address"),
            ("../y/a.schema.json", "leads out of the folder of declared/x"),
        ] {
            let schema = format!("{{ \"properties\": {{ \"a\": {{ \"$ref\": \"{reference}\" }} }} }}");
            let defects = compiled(&[("declared/x/a.schema.json", schema)]).unwrap_err();
            assert!(defects.iter().any(|d| d.field == "$ref" && d.message.contains(words)), "{defects:#?}");
        }
    }

    #[test]
    fn what_is_not_on_the_shelf_is_said_with_its_line() {
        let said = |location: &str| {
            let files = [
                ("declared/x/a.xsd", schema("a", "b", "import", location)),
                ("declared/x/types.xsd", format!("<xs:schema {XS}/>")),
                ("declared/y/b.xsd", format!("<xs:schema {XS}/>")),
            ];
            let mut defects = compiled(&files).unwrap_err();
            assert_eq!(defects.len(), 1, "{location}: {defects:#?}");
            let defect = defects.remove(0);
            assert_eq!((defect.file.as_str(), defect.line), ("schemas/declared/x/a.xsd", 2), "{location}");
            (defect.field, defect.message, defect.nearest)
        };
        assert_eq!(
            said("type.xsd"),
            ("import".to_owned(), "`type.xsd` is not there".to_owned(), Some("types.xsd".to_owned()))
        );
        for address in ["http://h99.example/b.xsd", "file:///etc/passwd", "//h99.example/b.xsd", "/etc/b.xsd"]
        {
            assert!(said(address).1.contains("is an address, and nothing is fetched"), "{address}");
        }
        for way in ["../y/b.xsd", "../../portal/b.xsd", "../../../../../etc/passwd", "b/../../y/b.xsd"] {
            assert!(said(way).1.ends_with("leads out of the folder of declared/x"), "{way}");
        }
    }
}
