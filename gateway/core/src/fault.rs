//! What can go wrong, said completely where it happens.
//!
//! A [`Fault`] is born with a stable code, the blame, the remedy and the words outsiders may read, so that nobody
//! further up has to look at texts to decide anything. A [`Violation`] is one place of one document that is not
//! what its contract or mapping asks for; they come all at once. A [`Defect`] is one place of a file of ours
//! (mapping, code list, schema, configuration) that cannot work.
//!
//! No fault, violation or defect carries personal data: values are masked where they are made.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable name for one kind of fault, `portal.exists`, `contract.violated`: what logs, metrics, the
/// timeline, runbooks and `redeliver --fault` call it.
pub type FaultCode = Cow<'static, str>;

/// Who has to change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// The caller sent what nobody can use.
    Sender,
    /// The counterpart refused, failed or is away.
    Peer,
    /// Something of ours is missing: a code in a list, a mapping, a setting.
    Gateway,
}

/// What helps. With the [`Effect`](crate::adapter::Effect) of the call it decides the settlement alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Remedy {
    /// The peer did not take it and will later: the peer is away, no attempt is counted.
    Later,
    /// The peer answered something nobody can classify: try again for a while, then ask a person.
    Unclear,
    /// The session is stale: log in again and make the same call.
    Renew,
    /// This very message will never be taken as it is: a person or a mended file must change it.
    Correct,
    /// The peer does not know this dossier yet: it must first accept a snapshot of it, and the delivery waits for that.
    /// The exchange that told so is struck, no attempt is counted, and the peer is not away.
    Hold,
    /// It may have happened: an answer came that says neither yes nor no (502, 504, a page of HTML).
    Doubt,
}

/// Something went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The stable name.
    pub code: FaultCode,
    /// Who has to change something.
    pub blame: Blame,
    /// What helps.
    pub remedy: Remedy,
    /// What anybody may read, in Vietnamese; says which field, which rule, what to do. Never contains the
    /// words that callers take for success.
    pub words: String,
    /// For the operator: the peer's own words or the technical cause, without personal data. May be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cause: String,
    /// Every place that is not what it should be; empty for faults that are not about a document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<Violation>,
    /// The peer asked to be left alone for so long (`Retry-After`), in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Fault {
    /// A fault with its words.
    pub fn new(code: impl Into<FaultCode>, blame: Blame, remedy: Remedy, words: impl Into<String>) -> Self {
        Fault {
            code: code.into(),
            blame,
            remedy,
            words: words.into(),
            cause: String::new(),
            violations: Vec::new(),
            retry_after_ms: None,
        }
    }

    /// The sender's fault, which only the sender can correct.
    pub fn sender(code: impl Into<FaultCode>, words: impl Into<String>) -> Self {
        Fault::new(code, Blame::Sender, Remedy::Correct, words)
    }

    /// Adds what the operator should know.
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.cause = cause.into();
        self
    }

    /// Adds the places that are wrong.
    pub fn with(mut self, violations: Vec<Violation>) -> Self {
        self.violations = violations;
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.words)?;
        if !self.cause.is_empty() {
            write!(f, " ({})", self.cause)?;
        }
        for violation in &self.violations {
            write!(f, "; {violation}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}

/// One place of one document that is not what its contract or mapping asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Where: `TaiLieuNop[2].TenTepDinhKem`, in the words of the document it stands in.
    pub path: String,
    /// Which rule: `required`, `type`, `length`, `pattern`, `enum`, `date`, `code`, `unknown`, …
    pub rule: String,
    /// What is expected, and what was found where that is no personal value (lengths, types, allowed sets).
    pub detail: String,
    /// Whose fault it is: a code our list lacks is ours, an impossible date is the sender's.
    pub blame: Blame,
}

impl Violation {
    /// A violation that the sender must mend.
    pub fn sender(path: impl Into<String>, rule: impl Into<String>, detail: impl Into<String>) -> Self {
        Violation { path: path.into(), rule: rule.into(), detail: detail.into(), blame: Blame::Sender }
    }

    /// A violation that something of ours must mend.
    pub fn ours(path: impl Into<String>, rule: impl Into<String>, detail: impl Into<String>) -> Self {
        Violation { path: path.into(), rule: rule.into(), detail: detail.into(), blame: Blame::Gateway }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}] {}", self.path, self.rule, self.detail)
    }
}

/// One place of a file of ours that cannot work. `check` shows all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defect {
    /// The file, as it is called in the tree: `mappings/portal/out-dossier-recorded.yaml`.
    pub file: String,
    /// The line, counted from 1; 0 when the whole file is meant.
    pub line: u64,
    /// The field or key, as written there; may be empty.
    pub field: String,
    /// What is wrong and what to do, in English.
    pub message: String,
    /// The nearest name that would have been right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(nearest) = &self.nearest {
            write!(f, " (did you mean `{nearest}`?)")?;
        }
        Ok(())
    }
}

/// The known name nearest to `name`, if one is near enough to be what was meant.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let limit = (name.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (edit_distance(&name.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

fn edit_distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, r) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_or_none() {
        let known = ["MaHoSo", "MaTTHC", "NgayHenTra"];
        assert_eq!(nearest("MaHoSO", known), Some("MaHoSo".to_owned()));
        assert_eq!(nearest("NgayHentra", known), Some("NgayHenTra".to_owned()));
        assert_eq!(nearest("Something", known), None);
    }
}
