//! Texts with holes: `/v1/dossiers/{dossier}`. What may stand in a hole is a closed list for each place, known before any message.
//!
//! What fills a hole is written so that it stays a value where it stands: in a path, in XML, in JSON.

use gateway_core::fault::nearest;
use serde_json::Value;

use crate::wire::token::encoded;
use crate::wire::xml::escaped;

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

    /// The first hole that nothing fills.
    pub(super) fn unfilled(&self, fill: &Fill) -> Option<&str> {
        self.0.iter().find_map(|piece| match piece {
            Piece::Hole(name) if fill(name).is_empty() => Some(name.as_str()),
            _ => None,
        })
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

/// What a body is made of: a tree where it is JSON, a text where it is XML.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    Tree(Value),
    Text(Template),
}

impl Form {
    /// Reads a body. `xml` says in which notation it is written.
    pub(super) fn read(tree: Value, xml: bool, known: &[&str]) -> Result<Form, Unknown> {
        match (tree, xml) {
            (Value::String(text), true) => Template::read(&text, known).map(Form::Text),
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
        let form = Form::read(json!("<a b=\"{mark:id}\"/>"), true, &["mark:"]).unwrap();
        assert_eq!(form.fill(&fill, &[]), "<a b=\"mark:id/&lt;&amp;&quot;\"/>");
        let form =
            Form::read(json!({ "list": "{items}", "x": ["{id}-{id}", 1] }), false, &["id", "items"]).unwrap();
        let text = form.fill(&|name: &str| format!("{name}\""), &["{\"a\":1}".to_owned()]);
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({ "list": [{ "a": 1 }], "x": ["id\"-id\"", 1] })
        );
    }

    #[test]
    fn a_list_of_items_stands_alone() {
        let read = |tree| Form::read(tree, false, &["id", ITEMS]);
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
}
