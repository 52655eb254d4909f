//! Profiles as files: one laid over the one it extends, and the peer's own words over both.
//!
//! A table is laid over word by word, a list as a whole. What the words mean is not known here.

use gateway_core::fault::{Defect, nearest};
use toml::{Table, Value};

use crate::Files;
use crate::settings::defect;

const FOLDER: &str = "population/profiles/";
/// A profile that extends one that extends one … is a circle long before this.
const EXTENDS_MAX: usize = 8;

/// The file of a profile, as defects name it.
pub(super) fn file_name(name: &str) -> String {
    format!("mappings/{}", path(name))
}

fn path(name: &str) -> String {
    format!("{FOLDER}{name}.yaml")
}

/// A profile laid over the one it extends, and so on.
pub(super) fn chain(name: &str, files: &Files) -> Result<Table, Vec<Defect>> {
    let mut layers: Vec<Table> = Vec::new();
    let mut name = name.to_owned();
    loop {
        let layer = file(&name, files)?;
        let extends = layer.get("extends").and_then(Value::as_str).map(str::to_owned);
        layers.push(layer);
        match extends {
            Some(_) if layers.len() == EXTENDS_MAX => {
                return Err(vec![broken(&name, 0, "extends: the profiles extend each other in a circle")]);
            }
            Some(base) => name = base,
            None => break,
        }
    }
    Ok(layers.into_iter().rev().reduce(|base, over| laid_over(base, &over)).unwrap_or_default())
}

fn file(name: &str, files: &Files) -> Result<Table, Vec<Defect>> {
    let known = || files.keys().filter_map(|path| path.strip_prefix(FOLDER)?.strip_suffix(".yaml"));
    let bytes = files.get(&path(name)).ok_or_else(|| {
        let all: Vec<&str> = known().collect();
        let message = format!("there is no profile `{name}`, only {}", all.join(", "));
        vec![defect("profile", message).near(nearest(name, known())).into()]
    })?;
    let text = std::str::from_utf8(bytes).map_err(|_| vec![broken(name, 0, "the file is not UTF-8")])?;
    let table: Table = serde_saphyr::from_str(text).map_err(|error| {
        let line = error.location().map(|place| place.line()).unwrap_or(0);
        vec![broken(name, line, &error.to_string())]
    })?;
    match table.get("profile").and_then(Value::as_str) {
        Some(own) if own == name => Ok(table),
        _ => Err(vec![broken(name, 1, &format!("profile: must be {name}, as the file is called"))]),
    }
}

fn broken(name: &str, line: u64, message: &str) -> Defect {
    Defect {
        file: file_name(name),
        line,
        field: String::new(),
        message: message.to_owned(),
        nearest: None,
    }
}

/// The one table with the words of the other put over it.
pub(super) fn laid_over(mut base: Table, over: &Table) -> Table {
    for (key, value) in over {
        let merged = match (base.remove(key), value) {
            (Some(Value::Table(below)), Value::Table(above)) if !is_secret(above) => {
                Value::Table(laid_over(below, above))
            }
            (_, value) => value.clone(),
        };
        base.insert(key.clone(), merged);
    }
    base
}

/// `{ secret = "…" }` takes the place of whatever stood there.
fn is_secret(table: &Table) -> bool {
    table.len() == 1 && table.contains_key("secret")
}
