//! Texts with holes: `/v1/dossiers/{dossier}`. What may stand in a hole is a closed list for each place, known before any message.
//!
//! What fills a hole is written so that it stays a value where it stands: in a path, in XML, in JSON.

use gateway_core::fault::nearest;
use serde_json::Value;

use super::way::Notation;
use crate::wire::token::encoded;
use crate::wire::xml::{escaped, parse};
use crate::wire::soap;

/// The hole that stands for what each item is answered.
pub(super) const ITEMS: &str = "items";

/// A text with holes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Hole(String),
}

/// Where a filled text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Plain,
    Path,
    Xml,
}

/// What fills a hole; the empty text where there is nothing.
pub(super) type Fill<'a> = dyn Fn(&str) -> String + 'a;

/// Why a text is no template: the hole that nobody fills, and the one that was probably meant.
pub(super) type Unknown = (String, Option<String>);

impl Template {
    /// Reads a text; its holes must be among these, where `mark:` stands for every name that begins so.
    pub(super) fn read(text: &str, known: &[&str]) -> Result<Template, Unknown> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, hole, after)) = next_hole(rest) {
            let fits = known.iter().any(|name| match name.strip_suffix(':') {
                Some(_) => hole.strip_prefix(name).is_some_and(|own| !own.is_empty()),
                None => *name == hole,
            });
            if !fits {
                let message = format!("nothing fills `{{{hole}}}` here; there are {}", known.join(", "));
                return Err((message, nearest(hole, known.iter().copied())));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Hole(hole.to_owned()));
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Template(pieces))
    }

    /// The same where a brace can be nothing but a hole: in a path, a parameter, a header. One that is none would be sent as it
    /// stands, about no dossier.
    pub(super) fn of_holes(text: &str, known: &[&str]) -> Result<Template, Unknown> {
        let read = Template::read(text, known)?;
        let stray = read.0.iter().find_map(|piece| match piece {
            Piece::Text(text) => text.find(['{', '}']).map(|at| &text[at..]),
            Piece::Hole(_) => None,
        });
        let Some(stray) = stray else { return Ok(read) };
        let shown = stray.find('}').map_or(stray, |end| &stray[..=end]);
        let meant = shown.trim_matches(['{', '}']).split(['.', ' ']).next().unwrap_or_default();
        let near = if meant.is_empty() { None } else { nearest(meant, known.iter().copied()) };
        Err((format!("`{shown}` is no hole; there are {}", known.join(", ")), near))
    }

    /// The first hole that nothing fills.
    pub(super) fn unfilled(&self, fill: &Fill) -> Option<&str> {
        self.0.iter().find_map(|piece| match piece {
            Piece::Hole(name) if fill(name).is_empty() => Some(name.as_str()),
            _ => None,
        })
    }

    /// Is it XML once its holes are filled? In SOAP it stands in an envelope, whose prefixes it may use.
    pub(super) fn well_formed(&self, notation: Notation) -> Result<(), Unknown> {
        // What each item is answered is written by its own form; whatever else fills a hole stays a value.
        let text = self.fill(Place::Xml, &|name: &str| if name == ITEMS { String::new() } else { "x".to_owned() });
        let whole = match notation {
            Notation::Soap(version) => soap::write(version, without_declaration(&text)),
            _ => text,
        };
        match parse(whole.as_bytes()) {
            Ok(_) => Ok(()),
            Err(_) => Err(("is no well-formed XML: close every element that it opens, declare every prefix".to_owned(), None)),
        }
    }

    /// The text with its holes filled.
    pub(super) fn fill(&self, place: Place, fill: &Fill) -> String {
        let piece = |piece: &Piece| match (piece, place) {
            (Piece::Text(text), _) => text.clone(),
            (Piece::Hole(name), Place::Plain) => fill(name),
            (Piece::Hole(name), Place::Path) => encoded(&fill(name)),
            // What each item is answered is XML already.
            (Piece::Hole(name), Place::Xml) if name == ITEMS => fill(name),
            (Piece::Hole(name), Place::Xml) => escaped(&fill(name)),
        };
        self.0.iter().map(piece).collect()
    }
}

/// The text before the next hole, its name, and what follows. A brace with anything but a name in it is a brace.
fn next_hole(text: &str) -> Option<(&str, &str, &str)> {
    let mut starts = text.match_indices('{').map(|(at, _)| at);
    starts.find_map(|at| {
        let (name, after) = text[at + 1..].split_once('}')?;
        let named = |c: char| c.is_ascii_lowercase() || matches!(c, '-' | ':');
        (!name.is_empty() && name.chars().all(named)).then_some((&text[..at], name, after))
    })
}

/// `<?xml …?>` may stand at the beginning of a document only, and this one goes into an envelope.
pub(super) fn without_declaration(text: &str) -> &str {
    match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// What a body is made of: a tree where it is JSON, a text where it is XML.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Tree(Value),
    Text(Template),
}

impl Form {
    /// Reads a body.
    pub(super) fn read(tree: Value, notation: Notation, known: &[&str]) -> Result<Form, Unknown> {
        match (tree, notation.is_xml()) {
            (Value::String(text), true) => {
                let template = Template::read(&text, known)?;
                template.well_formed(notation)?;
                Ok(Form::Text(template))
            }
            (_, true) => Err(("a text in XML is expected".to_owned(), None)),
            (tree, false) => {
                examine(&tree, known)?;
                Ok(Form::Tree(tree))
            }
        }
    }

    /// The body with its holes filled; a text that is `{items}` alone becomes the list of them.
    pub(super) fn fill(&self, fill: &Fill, items: &[String]) -> String {
        match self {
            Form::Text(template) => {
                let fill = |name: &str| if name == ITEMS { items.concat() } else { fill(name) };
                template.fill(Place::Xml, &fill)
            }
            Form::Tree(tree) => filled(tree, fill, items).to_string(),
        }
    }
}

fn examine(tree: &Value, known: &[&str]) -> Result<(), Unknown> {
    match tree {
        Value::String(text) if text == "{items}" && known.contains(&ITEMS) => Ok(()),
        // The list of them is no part of a text.
        Value::String(text) if known.contains(&ITEMS) && text.contains("{items}") => {
            Err(("`{items}` is a list in JSON, and stands alone".to_owned(), None))
        }
        Value::String(text) => Template::read(text, known).map(drop),
        Value::Array(list) => list.iter().try_for_each(|inner| examine(inner, known)),
        Value::Object(fields) => fields.values().try_for_each(|inner| examine(inner, known)),
        _ => Ok(()),
    }
}

fn filled(tree: &Value, fill: &Fill, items: &[String]) -> Value {
    match tree {
        Value::String(text) if text == "{items}" => {
            let read = |item: &String| serde_json::from_str::<Value>(item).unwrap_or_default();
            items.iter().map(read).collect()
        }
        // What was examined can be read.
        Value::String(text) => {
            let mut all = text.clone();
            if let Some((before, hole, after)) = next_hole(text) {
                let rest = filled(&Value::from(after), fill, items);
                all = format!("{before}{}{}", fill(hole), rest.as_str().unwrap_or_default());
            }
            Value::String(all)
        }
        Value::Array(list) => list.iter().map(|inner| filled(inner, fill, items)).collect(),
        Value::Object(fields) => {
            let inner = fields.iter().map(|(name, inner)| (name.clone(), filled(inner, fill, items)));
            Value::Object(inner.collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_fills_a_hole_stays_a_value() {
        let fill = |name: &str| format!("{name}/<&\"");
        let template = Template::read("/a/{dossier}?{\"x\"}", &["dossier"]).unwrap();
        assert_eq!(template.fill(Place::Path, &fill), "/a/dossier%2F%3C%26%22?{\"x\"}");
        let form = Form::read(json!("<a b=\"{mark:id}\"/>"), Notation::Xml, &["mark:"]).unwrap();
        assert_eq!(form.fill(&fill, &[]), "<a b=\"mark:id/&lt;&amp;&quot;\"/>");
        let form =
            Form::read(json!({ "list": "{items}", "x": ["{id}-{id}", 1] }), Notation::Json, &["id", "items"])
                .unwrap();
        let text = form.fill(&|name: &str| format!("{name}\""), &["{\"a\":1}".to_owned()]);
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({ "list": [{ "a": 1 }], "x": ["id\"-id\"", 1] })
        );
    }

    #[test]
    fn a_list_of_items_stands_alone() {
        let read = |tree| Form::read(tree, Notation::Json, &["id", ITEMS]);
        assert!(read(json!({ "x": "{items}" })).is_ok());
        assert!(read(json!({ "x": "{id}{items}" })).unwrap_err().0.contains("stands alone"));
    }

    #[test]
    fn a_hole_that_nobody_fills_is_named_with_the_one_that_was_meant() {
        let (message, near) = Template::read("/a/{dosier}", &["dossier", "unit"]).unwrap_err();
        assert!(message.contains("`{dosier}`"), "{message}");
        assert_eq!(near.as_deref(), Some("dossier"));
        assert!(Template::read("{mark:}", &["mark:"]).is_err());
    }

    #[test]
    fn where_a_brace_can_only_be_a_hole_it_is_one() {
        for (text, shown) in [
            ("/records/{dossier.code}", "`{dossier.code}`"),
            ("/records/{{dossier}}", "`{`"),
            ("/records/{dossier", "`{dossier`"),
            ("/records/{Dossier}", "`{Dossier}`"),
            ("/records/{}", "`{}`"),
            ("/records/dossier}", "`}`"),
        ] {
            let (message, near) = Template::of_holes(text, &["dossier", "unit"]).unwrap_err();
            assert!(message.contains(shown) && message.contains("there are dossier, unit"), "{text}: {message}");
            assert_eq!(near.is_some(), text.to_lowercase().contains("{dossier") && !text.contains("{{"), "{text}");
        }
        assert!(Template::of_holes("/records/{dossier}/{unit}", &["dossier", "unit"]).is_ok());
        // A body of JSON is full of braces.
        assert!(Form::read(json!({ "x": "{a b}" }), Notation::Json, &[]).is_ok());
    }
}
