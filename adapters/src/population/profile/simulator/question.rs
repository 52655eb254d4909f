//! Reads a question as strictly as the real service may: the operation's fields in their order, names and dates in their form.

use serde_json::Value;

use crate::population::profile::fields::Source;
use crate::population::profile::names::Names;
use crate::population::profile::settings::{DateForm, Operation, Settings};
use crate::wire::soap;
use crate::wire::xml::Element;

/// What is asked.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) request: String,
    pub(super) number: String,
    pub(super) old_number: String,
    pub(super) name: String,
    /// As the profile writes it: a day, a year, or nothing.
    pub(super) birth: String,
}

type Leaves = Vec<(Vec<String>, String)>;

/// The question in this body, or what is wrong with it.
pub(super) fn read(settings: &Settings, operation: &Operation, body: &[u8]) -> Result<Asked, String> {
    let leaves = match settings.soap {
        true => in_soap(operation, body)?,
        false => in_json(body)?,
    };
    let mut asked = Asked::default();
    let mut rows = operation.fields.iter();
    for (path, value) in &leaves {
        let row = rows.find(|row| row.path == *path).ok_or_else(|| format!("{} stands in the wrong place", path.join("/")))?;
        match &row.source {
            Source::Value(wanted) if wanted != value => return Err(format!("{} must be {wanted}", path.join("/"))),
            Source::Request => asked.request.clone_from(value),
            Source::IdentityNumber => asked.number.clone_from(value),
            Source::OldIdentityNumber => asked.old_number.clone_from(value),
            Source::Name => asked.name.clone_from(value),
            Source::Birth | Source::BirthDate | Source::BirthYear if !value.is_empty() => {
                if !asked.birth.is_empty() {
                    return Err("a date or a year, not both".to_owned());
                }
                asked.birth.clone_from(value);
                is_birth(settings.dates, &row.source, value)?;
            }
            _ => {}
        }
    }
    complete(settings, operation, &asked, &leaves)?;
    Ok(asked)
}

fn complete(settings: &Settings, operation: &Operation, asked: &Asked, leaves: &Leaves) -> Result<(), String> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    let given = |text: &str, count: usize| text.is_empty() || digits(text, count);
    if asked.request.is_empty() || asked.request.len() > 40 {
        return Err("MaYeuCau: 1 to 40 characters".to_owned());
    }
    if asked.number.is_empty() && asked.old_number.is_empty() {
        return Err("SoDinhDanh or SoCMND is required".to_owned());
    }
    if !given(&asked.number, 12) || !given(&asked.old_number, 9) {
        return Err("SoDinhDanh has 12 digits, SoCMND has 9".to_owned());
    }
    if asked.name.is_empty() || settings.names.write(&asked.name) != asked.name {
        return Err("HoVaTen is not in the right form".to_owned());
    }
    let has = |source: &Source| {
        leaves.iter().any(|(path, value)| {
            !value.is_empty() && operation.fields.iter().any(|row| row.path == *path && row.source == *source)
        })
    };
    for source in &operation.requires {
        let there = match source {
            Source::Birth => !asked.birth.is_empty(),
            source => has(source) || !operation.fields.iter().any(|row| row.source == *source),
        };
        if !there {
            return Err(format!("{source:?} is required"));
        }
    }
    Ok(())
}

fn is_birth(form: DateForm, source: &Source, value: &str) -> Result<(), String> {
    let shape: String = value.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let day = match form {
        DateForm::Compact => "00000000",
        DateForm::Dashed => "0000-00-00",
        DateForm::Slashed => "00/00/0000",
    };
    let right = match source {
        Source::BirthDate => shape == day,
        Source::BirthYear => shape == "0000",
        _ => shape == day || shape == "0000",
    };
    if right { Ok(()) } else { Err("the birth date is not in the right form".to_owned()) }
}

fn in_soap(operation: &Operation, body: &[u8]) -> Result<Leaves, String> {
    let envelope = soap::read(body).map_err(|_| "no SOAP envelope".to_owned())?;
    if envelope.version != soap::Version::V11 {
        return Err("SOAP 1.1 only".to_owned());
    }
    let root = envelope.body.first().ok_or("the body is empty")?;
    if !root.is(&operation.namespace, &operation.root) {
        return Err(format!("{} of {} is expected", operation.root, operation.namespace));
    }
    let mut leaves = Leaves::new();
    gather(root, &operation.namespace, &mut Vec::new(), &mut leaves)?;
    Ok(leaves)
}

fn gather(element: &Element, namespace: &str, way: &mut Vec<String>, leaves: &mut Leaves) -> Result<(), String> {
    for child in &element.children {
        if child.namespace != namespace {
            return Err(format!("{} is in another namespace", child.name));
        }
        way.push(child.name.clone());
        match child.children.is_empty() {
            true => leaves.push((way.clone(), child.text.clone())),
            false => gather(child, namespace, way, leaves)?,
        }
        way.pop();
    }
    Ok(())
}

fn in_json(body: &[u8]) -> Result<Leaves, String> {
    let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(body) else {
        return Err("no JSON object".to_owned());
    };
    let leaf = |(name, value): (String, Value)| match value {
        Value::String(text) => Ok((vec![name], text)),
        _ => Err(format!("{name} is no text")),
    };
    fields.into_iter().map(leaf).collect()
}

/// Do the names mean the same person?
pub(super) fn same_name(left: &str, right: &str) -> bool {
    Names::UpperPlain.write(left) == Names::UpperPlain.write(right)
}
