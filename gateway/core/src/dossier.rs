//! Dossier codes and the ten national states.
//!
//! All live forms of a code are known (NĐ 61/2018 and TT 01/2018/TT-VPCP, the current agency codes of QĐ 20/2020, and the
//! longer ones seen in production); TT 03/2025/TT-VPCP re-regulates them and its text is not public, so an unknown
//! form *warns and never refuses*. Codes are compared as written, after trimming; nothing is parsed by fixed offsets.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::translator::code_like;

/// A dossier code as its source writes it, `H99.14-260310-0007`. Not empty, no white space around, at most 100
/// characters, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DossierCode(String);

/// Which of the known forms a code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `000.00.31.H10-200921-0001`: the agency's code lowest level first.
    Legacy,
    /// `H10.31-200921-0001`, `G09.20-20260609-0092637`: top level first.
    Current,
    /// None of these: carried all the same, with a warning.
    Unknown,
}

impl DossierCode {
    /// Takes a code, or nothing if no delivery could be made for it.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let usable = !text.is_empty() && text.chars().count() <= 100 && !text.chars().any(char::is_control);
        usable.then(|| DossierCode(text.to_owned()))
    }

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code as a log may show it: as it is if it has a known form or at least looks like a code. A sender that puts a
    /// name or an identity number in its place is served all the same, and not quoted.
    pub fn for_log(&self) -> &str {
        match self.form() != Form::Unknown || code_like(&self.0) {
            true => &self.0,
            false => "…",
        }
    }

    /// Which of the known forms it has.
    pub fn form(&self) -> Form {
        let mut parts = self.0.split('-');
        let (Some(agency), Some(day), Some(number), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Form::Unknown;
        };
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(day) || !matches!(day.len(), 6 | 8) || !digits(number) || !(4..=7).contains(&number.len())
        {
            return Form::Unknown;
        }
        let groups: Vec<&str> = agency.split('.').collect();
        let letter_and_two =
            |text: &str| text.len() == 3 && text.as_bytes()[0].is_ascii_uppercase() && digits(&text[1..]);
        let word = |text: &&str| {
            (1..=10).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        };
        match groups.as_slice() {
            [a, b, c, last]
                if a.len() == 3 && digits(a) && b.len() == 2 && digits(b) && c.len() == 2 && digits(c) =>
            {
                if letter_and_two(last) {
                    Form::Legacy
                } else {
                    Form::Unknown
                }
            }
            [first, rest @ ..]
                if first.is_ascii() && letter_and_two(first) && rest.len() <= 6 && rest.iter().all(word) =>
            {
                Form::Current
            }
            _ => Form::Unknown,
        }
    }
}

impl fmt::Display for DossierCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a national state is along the normal path 1 → 2 → 4 → 9 → 10; side steps (5, 6) count as in work, ends (3, 7, 8)
/// as finished. Unknown codes have no rank. Used only to tell a late repeat from news.
pub fn rank(status: &str) -> Option<u8> {
    Some(match status.trim() {
        "1" => 1,
        "2" => 2,
        "4" | "5" | "6" => 4,
        "3" | "7" | "8" | "9" => 9,
        "10" => 10,
        _ => return None,
    })
}

/// Does the way of a dossier end with this status? A result that nobody has handed over yet (9) is no end.
pub fn is_end(status: &str) -> bool {
    matches!(status.trim(), "3" | "7" | "8" | "10")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_quotes_codes_and_nothing_else() {
        let shown = |text: &str| DossierCode::new(text).unwrap().for_log().to_owned();
        for code in ["H99.14-261122-0001", "G09.20-20260609-0092637", "HS-15"] {
            assert_eq!(shown(code), code);
        }
        for person in ["Nguyễn Văn Thử", "001085000000", "Nguyễn Văn Thử 001085000000"] {
            assert_eq!(shown(person), "…");
        }
    }

    #[test]
    fn all_live_forms_are_known_and_others_only_warn() {
        for (code, form) in [
            ("000.00.31.H99-200921-0001", Form::Legacy),
            ("H99.31-200921-0001", Form::Current),
            ("H99-200921-0001", Form::Current),
            ("G99.20-20260609-0092637", Form::Current),
            ("HS-2026/15", Form::Unknown),
            ("000.00.31-200921-0001", Form::Unknown),
            ("Hồ sơ số 5-200921-0001", Form::Unknown),
        ] {
            assert_eq!(DossierCode::new(code).unwrap().form(), form, "{code}");
        }
        assert_eq!(DossierCode::new("  "), None);
        assert_eq!(DossierCode::new("a\u{0}b"), None);
        assert_eq!(DossierCode::new(&"x".repeat(101)), None);
    }
}
