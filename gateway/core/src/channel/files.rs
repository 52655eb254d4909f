//! Where the files stand in what goes through a channel, and which are taken.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::fault::Violation;
use crate::lift::scan::{PLACES_MAX, Place};
use crate::lift::sniff::{FileType, ending, may_be};

/// The files in the bodies of an inbound channel. What stands at one of these places leaves the body while it streams in,
/// whatever its length, so that nobody can write the name of a file there himself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The places, as base64: `TaiLieuNop[].Base64`.
    pub at: BTreeMap<String, Beside>,
    /// What they may be; empty means whatever is no program.
    #[serde(default)]
    pub types: Vec<FileType>,
    /// One file is not larger.
    #[serde(default = "bytes_max")]
    pub bytes_max: u64,
}

/// What stands beside a file, or its address, in the same object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beside {
    /// The member with its name.
    #[serde(default)]
    pub name: Option<String>,
}

fn bytes_max() -> u64 {
    100 << 20
}

impl Files {
    /// The places to look at, in the order of `at`.
    pub fn places(&self) -> Vec<Place> {
        self.at.keys().filter_map(|place| Place::parse(place)).collect()
    }

    /// What stands beside the file at the place of this number.
    pub fn beside(&self, place: usize) -> Option<&Beside> {
        self.at.values().nth(place)
    }

    /// What is wrong with a file of this type under this name; nothing if it is taken.
    pub fn judge(&self, path: &str, real: FileType, name: Option<&str>) -> Option<Violation> {
        let taken = match self.types.is_empty() {
            true => real != FileType::Program,
            false => self.types.contains(&real),
        };
        if !taken {
            let types: Vec<&str> = self.types.iter().map(|kind| kind.word()).collect();
            let among =
                if types.is_empty() { String::new() } else { format!("; chỉ nhận {}", types.join(", ")) };
            let detail = format!("nội dung là kiểu `{}`, không được nhận{among}", real.word());
            return Some(Violation::sender(path, "file-type", detail));
        }
        let ending = name.and_then(ending)?;
        (!may_be(&ending, real)).then(|| {
            let detail = format!(
                "tên tệp có đuôi `.{ending}` nhưng nội dung là kiểu `{}`; gửi đúng tệp hoặc sửa tên tệp",
                real.word()
            );
            Violation::sender(path, "file-name", detail)
        })
    }
}

/// Where an address stands in what goes out: a place of the document, or one within the JSON that a text of the document holds
/// (`form.payload|papers[].url`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: Option<Place>,
    place: Place,
}

impl Address {
    /// Reads it; none if it is not written so.
    pub fn parse(written: &str) -> Option<Address> {
        let (text, place) = match written.split_once('|') {
            Some((text, place)) => (Some(Place::parse(text)?), place),
            None => (None, written),
        };
        // A text within a text is nobody's form.
        let place = (!place.contains('|')).then(|| Place::parse(place)).flatten()?;
        Some(Address { text, place })
    }

    /// Every object of a document that has something at this place, with the name it has there. A text in which nothing is changed stays
    /// as it was, letter by letter, and so does one that holds no JSON.
    pub fn each(&self, document: &mut Value, see: &mut impl FnMut(&mut Map<String, Value>, &str)) {
        let Some(text) = &self.text else { return self.place.each(document, see) };
        text.each(document, &mut |members, name| {
            let Some(Value::String(packed)) = members.get(name) else { return };
            let Ok(unpacked) = serde_json::from_str::<Value>(packed) else { return };
            let mut changed = unpacked.clone();
            self.place.each(&mut changed, see);
            if changed != unpacked {
                members.insert(name.to_owned(), Value::String(changed.to_string()));
            }
        });
    }
}

/// What is wrong with such a list of places.
pub(super) fn defects<'a>(places: impl ExactSizeIterator<Item = &'a String>) -> Vec<String> {
    wrong(places, |place| Place::parse(place).is_some(), "`a.b`, `a[].b` or `[].a`")
}

/// What is wrong with such a list of addresses.
pub(super) fn address_defects<'a>(places: impl ExactSizeIterator<Item = &'a String>) -> Vec<String> {
    let form = "`a.b`, `a[].b` or `[].a`, or `a.b|c.d` for what stands in a text of JSON";
    wrong(places, |place| Address::parse(place).is_some(), form)
}

fn wrong<'a>(
    places: impl ExactSizeIterator<Item = &'a String>,
    is_one: impl Fn(&str) -> bool,
    form: &str,
) -> Vec<String> {
    let mut found = Vec::new();
    if places.len() > PLACES_MAX {
        found.push(format!("more than {PLACES_MAX} places"));
    }
    let others = places.filter(|place| !is_one(place));
    found.extend(others.map(|place| format!("`{place}` is no place: write {form}")));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_found_in_the_json_that_a_text_holds() {
        let mut document = serde_json::json!({ "form": {
            "payload": r#"{"papers":[{"url":"a"},{"url":"b"}],"1":1.0}"#, "note": "{ \"papers\" : 1 }", "plain": "papers",
        } });
        let before = document.clone();
        let mut seen = Vec::new();
        let mut change = |members: &mut Map<String, Value>, name: &str| {
            seen.push(members[name].clone());
            members.insert(name.to_owned(), Value::from("x"));
        };
        for place in ["form.payload|papers[].url", "form.note|papers[].url", "form.plain|a", "form.none|a"] {
            Address::parse(place).unwrap().each(&mut document, &mut change);
        }
        assert_eq!(seen, ["a", "b"]);
        assert_eq!(document["form"]["payload"], r#"{"papers":[{"url":"x"},{"url":"x"}],"1":1.0}"#);
        assert_eq!(
            (&document["form"]["note"], &document["form"]["plain"]),
            (&before["form"]["note"], &before["form"]["plain"])
        );
        assert!(
            Address::parse("a|b|c").is_none()
                && Address::parse("|a").is_none()
                && Address::parse("a.b").is_some()
        );
    }

    #[test]
    fn what_a_file_is_and_what_its_name_says_are_judged() {
        let rules = |types: &[FileType]| Files { at: BTreeMap::new(), types: types.to_vec(), bytes_max: 1 };
        let rule = |files: &Files, real, name| files.judge("a", real, name).map(|found| found.rule);
        let papers = rules(&[FileType::Pdf, FileType::Png]);
        assert_eq!(rule(&papers, FileType::Pdf, Some("don.pdf")), None);
        assert_eq!(rule(&papers, FileType::Pdf, Some("don")), None);
        assert_eq!(rule(&papers, FileType::Pdf, None), None);
        assert_eq!(rule(&papers, FileType::Png, Some("don.pdf")).as_deref(), Some("file-name"));
        assert_eq!(rule(&papers, FileType::Zip, Some("don.zip")).as_deref(), Some("file-type"));
        assert_eq!(rule(&rules(&[]), FileType::Program, None).as_deref(), Some("file-type"));
        assert_eq!(rule(&rules(&[]), FileType::Unknown, Some("don.dwg")), None);
    }
}
