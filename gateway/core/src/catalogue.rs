//! The lists that a peer publishes for others to use (procedures, fields, agencies): what changed, and which of its codes may be meant
//! by a local one. Pure; who pulls them, when, and where they lie is the server's.
//!
//! Nothing here changes what is sent. A code list is mended by a person, in the overlay folder; this says where it is worth looking.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use unicode_normalization::UnicodeNormalization as _;

use crate::ids::Moment;

/// A list that a peer publishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueSpec {
    /// Its name: `procedures`.
    pub name: String,
    /// What operators call it.
    pub title: String,
    /// Can an entry be asked for in full?
    pub detailed: bool,
}

/// One entry, with what the peer wrote beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// May it be used? One that was withdrawn stays in the list of some peers.
    pub in_force: bool,
    /// As the peer wrote it.
    pub row: Value,
    /// The same entry in full, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Value>,
}

/// The entries of a list by code.
pub type Entries = BTreeMap<String, Entry>;

/// What became of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// It is new, or may be used again.
    Added,
    /// It has another name.
    Renamed,
    /// It may not be used any more, or is not in the list any more.
    Withdrawn,
}

impl Change {
    /// As log and metrics write it.
    pub fn word(self) -> &'static str {
        match self {
            Change::Added => "added",
            Change::Renamed => "renamed",
            Change::Withdrawn => "withdrawn",
        }
    }
}

/// A change, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// When it was seen.
    pub at: Moment,
    /// Of which entry.
    pub code: String,
    /// What.
    pub change: Change,
    /// Its name, the new one.
    pub name: String,
    /// The name it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

/// Changes that are kept.
const CHANGES_MAX: usize = 5_000;

/// A list as it was pulled last, and what changed since it is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalogue {
    /// When it was pulled.
    pub pulled_at: Moment,
    /// By code.
    pub entries: Entries,
    /// Oldest first. The first pull is no change.
    #[serde(default)]
    pub changes: Vec<Changed>,
}

/// Why a pulled list is not taken in place of the one that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shrunk {
    /// How many entries in force there are.
    pub had: usize,
    /// How many came.
    pub came: usize,
}

impl Catalogue {
    /// A list that was pulled now, in the place of the one that is there. Nothing takes the place of something, and neither does less than
    /// half of it: an answer that is cut short looks like a list. What is known in full stays so as long as its row is the same.
    pub fn renewed(before: Option<Catalogue>, mut entries: Entries, at: Moment) -> Result<Catalogue, Shrunk> {
        let count = |entries: &Entries| entries.values().filter(|entry| entry.in_force).count();
        let (had, came) = (before.as_ref().map_or(0, |before| count(&before.entries)), count(&entries));
        if came == 0 || came * 2 < had {
            return Err(Shrunk { had, came });
        }
        let Some(before) = before else {
            return Ok(Catalogue { pulled_at: at, entries, changes: Vec::new() });
        };
        let mut changes = before.changes;
        changes.extend(differences(&before.entries, &entries, at));
        let more = changes.len().saturating_sub(CHANGES_MAX);
        changes.drain(..more);
        for (code, entry) in &mut entries {
            let same = before.entries.get(code).filter(|known| known.row == entry.row);
            entry.detail = same.and_then(|known| known.detail.clone());
        }
        Ok(Catalogue { pulled_at: at, entries, changes })
    }

    /// What changed with the last pull.
    pub fn latest_changes(&self) -> impl Iterator<Item = &Changed> {
        self.changes.iter().filter(|changed| changed.at == self.pulled_at)
    }

    /// The entries in force that are not known in full, for whoever asks for them.
    pub fn without_detail(&self) -> Vec<String> {
        let wanting = self.entries.iter().filter(|(_, entry)| entry.in_force && entry.detail.is_none());
        wanting.map(|(code, _)| code.clone()).collect()
    }

    /// Is this one of its codes that may be used?
    pub fn knows(&self, code: &str) -> bool {
        self.entries.get(code).is_some_and(|entry| entry.in_force)
    }

    /// The entry that is probably meant by a local code of this name, if any is likely enough to be shown to a person.
    pub fn suggest(&self, code: &str, name: Option<&str>) -> Option<Suggestion> {
        // `1.003560.000.00.00.H99`, `1.003560.H99`: the code itself with the agency added.
        let begins = |known: &String| {
            code.strip_prefix(known.as_str()).is_some_and(|rest| rest.starts_with(['.', '-', '_']))
        };
        let in_force = || self.entries.iter().filter(|(_, entry)| entry.in_force);
        if let Some((known, entry)) =
            in_force().filter(|(known, _)| begins(known)).max_by_key(|(known, _)| known.len())
        {
            return Some(Suggestion { code: known.clone(), name: entry.name.clone(), likely_percent: 100 });
        }
        let wanted = words(name?);
        let likeness = |(known, entry): (&String, &Entry)| {
            let percent = alike(&wanted, &words(&entry.name));
            Suggestion { code: known.clone(), name: entry.name.clone(), likely_percent: percent }
        };
        // Of equals the first by code, so that the same question has the same answer.
        let best = in_force().map(likeness).rev().max_by_key(|suggestion| suggestion.likely_percent);
        best.filter(|suggestion| suggestion.likely_percent >= LIKELY_PERCENT_MIN)
    }
}

/// Names that share less are no help to anybody.
const LIKELY_PERCENT_MIN: u32 = 60;

/// What a local code may stand for: for a person to judge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// The published code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// How much of the two names is the same; 100 where the code itself says it.
    pub likely_percent: u32,
}

/// From one list to another; a list that is pulled for the first time differs from nothing.
fn differences(before: &Entries, now: &Entries, at: Moment) -> Vec<Changed> {
    let codes: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let force = |entries: &Entries, code: &String| entries.get(code).filter(|entry| entry.in_force).cloned();
    let changed = |code: &String| {
        let said =
            |change, name: String, before| Some(Changed { at, code: code.clone(), change, name, before });
        match (force(before, code), force(now, code)) {
            (None, Some(entry)) => said(Change::Added, entry.name, None),
            (Some(entry), None) => said(Change::Withdrawn, entry.name, None),
            (Some(old), Some(new)) if old.name != new.name => said(Change::Renamed, new.name, Some(old.name)),
            _ => None,
        }
    };
    codes.into_iter().filter_map(changed).collect()
}

/// The words of a name, without accents and letter case.
fn words(name: &str) -> BTreeSet<String> {
    let plain: String = name.nfd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).collect();
    let plain = plain.to_lowercase().replace('đ', "d");
    plain.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn alike(one: &BTreeSet<String>, other: &BTreeSet<String>) -> u32 {
    let (both, all) = (one.intersection(other).count(), one.len() + other.len());
    (both * 200).checked_div(all).unwrap_or(0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(rows: &[(&str, &str, bool)]) -> Entries {
        let entry = |(code, name, in_force): &(&str, &str, bool)| {
            let row = Value::from(*name);
            ((*code).to_owned(), Entry { name: (*name).to_owned(), in_force: *in_force, row, detail: None })
        };
        rows.iter().map(entry).collect()
    }

    const AT: Moment = Moment::from_millis(1_800_000_000_000);

    #[test]
    fn a_list_is_renewed_and_says_what_changed() {
        let rows = [
            ("1.1", "Cấp giấy", true),
            ("1.2", "Cấp lại", true),
            ("1.3", "Cũ", true),
            ("1.4", "Thôi", false),
        ];
        let mut first = Catalogue::renewed(None, entries(&rows), AT).unwrap();
        assert!(first.changes.is_empty());
        first.entries.get_mut("1.1").unwrap().detail = Some(Value::from("full"));
        first.entries.get_mut("1.2").unwrap().detail = Some(Value::from("full"));
        let rows = [
            ("1.1", "Cấp giấy", true),
            ("1.2", "Cấp lại giấy", true),
            ("1.3", "Cũ", false),
            ("1.5", "Mới", true),
        ];
        let second = Catalogue::renewed(Some(first), entries(&rows), AT.plus_millis(1)).unwrap();
        let told: Vec<_> =
            second.latest_changes().map(|one| (one.code.as_str(), one.change.word())).collect();
        assert_eq!(told, [("1.2", "renamed"), ("1.3", "withdrawn"), ("1.5", "added")]);
        assert_eq!(second.without_detail(), ["1.2", "1.5"], "what has not changed is not asked for again");
    }

    #[test]
    fn nothing_takes_the_place_of_something() {
        let rows: Vec<(String, &str, bool)> = (0..10).map(|n| (format!("1.{n}"), "Cấp", true)).collect();
        let rows: Vec<(&str, &str, bool)> =
            rows.iter().map(|(code, name, on)| (code.as_str(), *name, *on)).collect();
        let full = Catalogue::renewed(None, entries(&rows), AT).unwrap();
        assert_eq!(Catalogue::renewed(None, Entries::new(), AT), Err(Shrunk { had: 0, came: 0 }));
        let renew = |count: usize| Catalogue::renewed(Some(full.clone()), entries(&rows[..count]), AT);
        assert_eq!(renew(0), Err(Shrunk { had: 10, came: 0 }));
        assert_eq!(renew(4), Err(Shrunk { had: 10, came: 4 }));
        assert!(renew(5).is_ok());
    }

    #[test]
    fn what_may_be_meant_is_offered_to_a_person() {
        let list = [
            ("1.003560", "Cấp giấy xác nhận", true),
            ("1.00356", "Khác", true),
            ("9.000001", "Tuyển sinh trường mầm non", true),
            ("9.000002", "Tuyển sinh trường mầm non", false),
        ];
        let list = Catalogue::renewed(None, entries(&list), AT).unwrap();
        let code =
            |code: &str, name| list.suggest(code, name).map(|found| (found.code, found.likely_percent));
        assert_eq!(code("1.003560.000.00.00.H99", None), Some(("1.003560".to_owned(), 100)));
        assert_eq!(code("TS_MN.H99", Some("TUYỂN SINH trường Mầm non")), Some(("9.000001".to_owned(), 100)));
        assert_eq!(
            code("TS_MN.H99", Some("Tuyen sinh mam non cong lap")).map(|(code, _)| code),
            Some("9.000001".to_owned())
        );
        assert_eq!(code("X.H99", Some("Đăng ký khai sinh")), None);
        assert_eq!(code("X.H99", None), None);
    }
}
