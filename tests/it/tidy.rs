//! The rules of the house, executable: dependency directions, purity, shapes, dead files, texts.
//!
//! Each rule is a test of its own that walks the whole tree and names every place that breaks it, with what to do. A justified
//! exception is a waiver: a place and its reason in the list beside the rule. A waiver that nothing needs any more fails, so the
//! lists stay as short as the truth. Rules that the compiler or clippy can hold are theirs; here is only held that they are asked.

mod directions;
mod reachable;
mod shapes;
mod texts;
mod watching;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use unicode_normalization::is_nfc;

/// A text file of the tree.
struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
}

impl File {
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.split('\n').enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The code of a Rust file: without comments and without its tests, which stand last.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let tests = self.text.find("#[cfg(test)]\nmod tests {").unwrap_or(self.text.len());
        let last = self.text[..tests].lines().count();
        self.lines().take(last).map(|(number, line)| (number, without_comment(line)))
    }
}

/// `//` begins a comment unless it stands in an address.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices("//").find(|(at, _)| !line[..*at].ends_with(':'));
    comment.map_or(line, |(at, _)| &line[..at])
}

/// Every file of the tree below these folders, or all of them; build products and the history are none.
fn files(folders: &[&str]) -> Vec<File> {
    let mut found = Vec::new();
    walk(&conformance::tree(), "", &mut found);
    found.sort_by(|left, right| left.path.cmp(&right.path));
    found.retain(|file| folders.is_empty() || folders.iter().any(|folder| file.path.starts_with(folder)));
    assert!(!found.is_empty(), "no file in {folders:?}");
    found
}

fn rust(folders: &[&str]) -> Vec<File> {
    let mut found = files(folders);
    found.retain(|file| file.path.ends_with(".rs"));
    found
}

fn walk(folder: &Path, prefix: &str, found: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let entry = entry.expect("a readable folder");
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().expect("a kind of file");
        if kind.is_dir() {
            if !["target", ".git", "data"].contains(&path.as_str()) {
                walk(&entry.path(), &format!("{path}/"), found);
            }
        } else if path != ".git" {
            let bytes = std::fs::read(entry.path()).expect("a readable file");
            let text = String::from_utf8(bytes).unwrap_or_else(|_| panic!("{path}: is not UTF-8 text"));
            found.push(File { path, text });
        }
    }
}

/// Exceptions: a place and why it may be so.
type Waivers = [(&'static str, &'static str)];

/// Holds a rule: what was found, by place, against the places that may. `advice` says what to do about a new one.
#[track_caller]
fn judge(found: &BTreeMap<String, String>, waivers: &Waivers, advice: &str) {
    let waived: BTreeSet<&str> = waivers.iter().map(|(place, _)| *place).collect();
    assert_eq!(waived.len(), waivers.len(), "a place is waived twice");
    let mut wrong: Vec<String> = found
        .iter()
        .filter(|(place, _)| !waived.contains(place.as_str()))
        .map(|(place, why)| format!("{place}: {why}"))
        .collect();
    if !wrong.is_empty() {
        wrong.push(format!("=> {advice}"));
    }
    for (place, reason) in waivers {
        if !found.contains_key(*place) {
            wrong.push(format!("{place}: its waiver («{reason}») is stale => take it off the list"));
        }
        if reason.len() < 20 {
            wrong.push(format!("{place}: its waiver gives no reason"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The same without exceptions.
#[track_caller]
fn hold(found: Vec<String>, advice: &str) {
    assert!(found.is_empty(), "\n{}\n=> {advice}", found.join("\n"));
}

/// Lines by file: `place -> "12, 40: what"`.
fn note(found: &mut BTreeMap<String, String>, file: &File, line: usize, what: &str) {
    let text = found.entry(file.path.clone()).or_default();
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(&format!("line {line} {what}"));
}

#[test]
fn the_rules_themselves_see_what_they_look_for() {
    assert_eq!(without_comment("let x = 1; // std::fs"), "let x = 1; ");
    assert_eq!(without_comment("\"http://x\""), "\"http://x\"");
    assert!(!is_nfc("a\u{302}"));
    let file = File {
        path: "x.rs".to_owned(),
        text: "a // b\n#[cfg(test)]\nmod tests {\n    std::fs\n}\n".to_owned(),
    };
    assert_eq!(file.code().collect::<Vec<_>>(), [(1, "a ")]);
}
