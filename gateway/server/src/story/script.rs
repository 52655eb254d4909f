//! A file of stories, read: titles, settings, lines; and what lines are made of.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::simulator::Twist;

/// One story, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What it tells.
    pub title: String,
    /// Settings it needs, from its lines `given <peer> <setting>`: by peer; `limits` stands for the door's, `gateway` for its own.
    pub given: Given,
    /// Its lines: number in the file, text.
    pub lines: Vec<(usize, String)>,
}

/// Settings by peer, as lines of the configuration.
pub type Given = BTreeMap<String, Vec<String>>;

/// Reads the stories of a file. Lines starting with `#` are remarks.
pub fn parse(text: &str) -> Vec<Story> {
    let mut stories: Vec<Story> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match (line.strip_prefix("story:"), stories.last_mut()) {
            (Some(title), _) => {
                stories.push(Story {
                    title: title.trim().to_owned(),
                    given: Given::new(),
                    lines: Vec::new(),
                });
            }
            (None, Some(story)) => {
                if let Some(peers) = line.strip_prefix("with ") {
                    for peer in peers.split_whitespace() {
                        story.given.entry(peer.to_owned()).or_default();
                    }
                    continue;
                }
                match line.strip_prefix("given ").and_then(|given| given.trim().split_once(' ')) {
                    Some((peer, setting)) => {
                        story.given.entry(peer.to_owned()).or_default().push(setting.trim().to_owned());
                    }
                    None => story.lines.push((index + 1, line.to_owned())),
                }
            }
            (None, None) => {}
        }
    }
    stories
}

/// Why a story went otherwise: the line and what was seen.
#[derive(Debug)]
pub struct Otherwise {
    /// The line's number in the file; 0 for the stage itself.
    pub line: usize,
    /// What was expected and what was seen.
    pub seen: String,
}

impl std::fmt::Display for Otherwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.seen)
    }
}

/// A line that calls: `<who> <does> <what> [with <changes>] -> <code> [words]`.
pub(super) struct Calling<'a> {
    /// All before the changes.
    pub(super) what: &'a str,
    pub(super) changes: &'a str,
    /// What the answer must say.
    pub(super) code: &'a str,
    pub(super) words: &'a str,
}

impl<'a> Calling<'a> {
    pub(super) fn read(text: &'a str) -> Result<Calling<'a>, String> {
        let (what, wanted) = text.split_once("->").ok_or("a line that calls says `-> <code>` at its end")?;
        let (what, changes) = what.split_once(" with ").unwrap_or((what, ""));
        let (code, words) = wanted.trim().split_once(' ').unwrap_or((wanted.trim(), ""));
        Ok(Calling { what, changes, code, words: words.trim() })
    }
}

pub(super) fn twists_of(words: &[&str]) -> Result<Vec<Twist>, String> {
    words
        .iter()
        .map(|word| Twist::parse(word).ok_or_else(|| format!("a script does not know `{word}`")))
        .collect()
}

pub(super) fn after_words(text: &str, count: usize) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..count {
        rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

/// `500ms`, `20s`, `3m`, `2h`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    millis(text).and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis)
}

pub(super) fn millis(span: &str) -> Option<i64> {
    let digits = span.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().ok()?;
    Some(match &span[digits.len()..] {
        "ms" => number,
        "s" => number * 1_000,
        "m" => number * 60_000,
        "h" => number * 3_600_000,
        "d" => number * 24 * 3_600_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_stories_is_read() {
        let stories = parse("# remark\nstory: one\n  relay sends x y -> 0\n\nstory: two\n  after 3m\n");
        assert_eq!(stories.len(), 2);
        assert_eq!(stories[0].lines, [(3, "relay sends x y -> 0".to_owned())]);
        assert_eq!(stories[1].title, "two");
    }

    #[test]
    fn spans_and_words_are_read() {
        assert_eq!(millis("3m"), Some(180_000));
        assert_eq!(millis("3"), None);
        assert_eq!(after_words("portal heard  3 calls", 2), "3 calls");
    }
}
