//! One way of calling a declared peer: method, path, query, headers, and how a body is wrapped in its notation.

use gateway_core::adapter::{Ask, Body, Effect, Keeping, Pairs, Request};
use gateway_core::fault::nearest;
use gateway_core::ids::Account;
use gateway_core::lift::Ticket;
use serde_json::{Value, json};

use super::sheet::Sheet;
use super::template::{Fill, Form, Place, Template, without_declaration};
use crate::wire::soap::{self, Version};

/// How bodies are written, here and there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Json,
    Xml,
    Soap(Version),
}

impl Notation {
    /// Is a document a text in XML?
    pub(super) fn is_xml(self) -> bool {
        self != Notation::Json
    }

    fn content_type(self) -> &'static str {
        match self {
            Notation::Json => "application/json",
            Notation::Xml => "application/xml; charset=utf-8",
            Notation::Soap(version) => version.content_type(),
        }
    }
}

const METHODS: [&str; 5] = ["POST", "GET", "PUT", "PATCH", "DELETE"];

/// A way of calling.
#[derive(Debug)]
pub(super) struct Way {
    method: &'static str,
    path: Template,
    query: Vec<(String, Template)>,
    headers: Vec<(String, Template)>,
    action: Option<String>,
    /// The body where it is no document: of a look-up, of a question to a feed.
    pub(super) body: Option<Form>,
}

impl Way {
    /// Reads the words of a way. A `written` body is one that the file writes.
    pub(super) fn read(sheet: &mut Sheet, notation: Notation, known: &[&str], written: bool) -> Way {
        let method = sheet.word("method", &METHODS);
        let path = sheet.needed("path");
        if !path.starts_with('/') && !path.is_empty() {
            sheet.wrong("path", "begins with `/`; the host stands in the configuration", None);
        }
        let template = |sheet: &Sheet, key: &str, text: &str| {
            Template::of_holes(text, known).unwrap_or_else(|(message, near)| {
                sheet.wrong(key, message, near);
                Template::default()
            })
        };
        let path = template(sheet, "path", &path);
        let mut pairs = |key: &'static str| -> Vec<(String, Template)> {
            let texts = sheet.texts(key);
            texts.into_iter().map(|(name, text)| (name, template(sheet, key, &text))).collect()
        };
        let (query, headers) = (pairs("query"), pairs("headers"));
        let action = match notation {
            Notation::Soap(_) => sheet.maybe("action"),
            _ => None,
        };
        let body = if written { sheet.tree("body") } else { None };
        let body = body.and_then(|tree| {
            Form::read(tree, notation, known)
                .map_err(|(message, near)| sheet.wrong("body", message, near))
                .ok()
        });
        Way { method, path, query, headers, action, body }
    }

    /// The hole of the path that nothing fills: without it the call would be about something else.
    pub(super) fn astray(&self, fill: &Fill) -> Option<&str> {
        self.path.unfilled(fill)
    }

    /// The call. A parameter of the query or a header that nothing fills is left out.
    pub(super) fn request(&self, call: Call, fill: &Fill) -> Request {
        let Call { step, effect, endpoint, account, notation, body } = call;
        let filled = |(name, text): &(String, Template)| (name.clone(), text.fill(Place::Plain, fill));
        let mut headers: Pairs = vec![("accept".to_owned(), accepted(notation).to_owned())];
        let body = body.unwrap_or_default();
        if body.length() > 0 {
            let mut media = notation.content_type().to_owned();
            match (notation, &self.action) {
                (Notation::Soap(Version::V12), Some(action)) => {
                    media.push_str(&format!("; action=\"{action}\""));
                }
                (Notation::Soap(Version::V11), action) => {
                    let action = action.as_deref().unwrap_or_default();
                    headers.push(("SOAPAction".to_owned(), format!("\"{action}\"")));
                }
                _ => {}
            }
            headers.push(("content-type".to_owned(), media));
        }
        headers.extend(self.headers.iter().map(filled).filter(|(_, value)| !value.is_empty()));
        Request {
            step: step.to_owned(),
            effect,
            endpoint: endpoint.to_owned(),
            account,
            ask: Ask {
                method: self.method.to_owned(),
                path: self.path.fill(Place::Path, fill),
                query: self.query.iter().map(filled).filter(|(_, value)| !value.is_empty()).collect(),
                headers,
                body,
            },
            answer_in: Keeping::Inline,
        }
    }

    /// The body that the file writes.
    pub(super) fn own_body(&self, notation: Notation, fill: &Fill) -> Option<Body> {
        let text = self.body.as_ref()?.fill(fill, &[]);
        Some(framed(notation, &text))
    }
}

/// What a call is beside its way.
pub(super) struct Call<'a> {
    pub(super) step: &'a str,
    pub(super) effect: Effect,
    pub(super) endpoint: &'a str,
    pub(super) account: Option<Account>,
    pub(super) notation: Notation,
    pub(super) body: Option<Body>,
}

fn accepted(notation: Notation) -> &'static str {
    match notation {
        Notation::Json => "application/json",
        Notation::Xml | Notation::Soap(Version::V11) => "text/xml, application/xml",
        Notation::Soap(Version::V12) => "application/soap+xml",
    }
}

fn framed(notation: Notation, text: &str) -> Body {
    match notation {
        Notation::Soap(version) => Body::of(soap::write(version, without_declaration(text))),
        _ => Body::of(text),
    }
}

/// What a JSON document stands in, from outside in: a field, or a list of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrap {
    List,
    Field(String),
}

impl Wrap {
    /// Reads `list`, `.records`, or several of them.
    pub(super) fn read(sheet: &mut Sheet, notation: Notation) -> Vec<Wrap> {
        let mut wraps = Vec::new();
        for node in sheet.list("wrap") {
            match node.text() {
                Some("list") => wraps.push(Wrap::List),
                Some(text) if text.len() > 1 && text.starts_with('.') => {
                    wraps.push(Wrap::Field(text[1..].to_owned()));
                }
                other => {
                    let near = other.and_then(|text| nearest(text, ["list"]));
                    sheet.wrong("wrap", "`list` or a field (`.records`) is expected, from outside in", near);
                }
            }
        }
        if notation.is_xml() && !wraps.is_empty() {
            sheet.wrong("wrap", "only JSON is wrapped; in XML the contract says what is around", None);
        }
        wraps
    }
}

/// The body that a translated document becomes; none if it is none of this notation.
pub(super) fn document_body(
    notation: Notation,
    wraps: &[Wrap],
    document: &Value,
    files: &[Ticket],
) -> Option<Body> {
    if notation.is_xml() {
        return Some(framed(notation, document.as_str().filter(|text| !text.is_empty())?));
    }
    let wrapped = wraps.iter().rev().fold(document.clone(), |inner, wrap| match wrap {
        Wrap::List => json!([inner]),
        Wrap::Field(name) => json!({ name: inner }),
    });
    Some(Body::json(&wrapped, files))
}
