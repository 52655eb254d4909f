//! What a mapping uses of both contracts: so that nothing a peer sends is lost unnoticed.
//!
//! The static part compares the mapping with the contracts; [`CaseReport`](super::cases::CaseReport) adds which
//! fields and codes the cases have hit.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{Plan, without_indexes};

/// What one compilation noted down.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) source_leaves: Vec<String>,
    pub(super) target_leaves: Vec<String>,
    pub(super) used: Vec<String>,
    pub(super) ignored: Vec<String>,
    pub(super) set: Vec<String>,
    pub(super) lists: BTreeSet<String>,
}

/// One mapping's use of both contracts. Paths are leaves; lists are written `papers[]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// The mapping.
    pub mapping: String,
    /// Source fields that reach the target or a condition.
    pub used: Vec<String>,
    /// Source fields left behind on purpose.
    pub ignored: Vec<String>,
    /// Source fields nobody speaks of.
    pub lost: Vec<String>,
    /// Target fields that may be set.
    pub set: Vec<String>,
    /// Target fields that never are.
    pub never_set: Vec<String>,
    /// Code lists in use.
    pub code_lists: Vec<String>,
    /// Source fields that stood in some case, and codes the cases held; filled in by the cases.
    pub hit: Hits,
}

/// What the cases of a mapping have touched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Hits {
    /// Source leaves that some case held.
    pub source: BTreeSet<String>,
    /// Target leaves that some case produced.
    pub target: BTreeSet<String>,
    /// Codes of a list that some case held, as `list code`.
    pub codes: BTreeSet<String>,
    /// Codes of a list that no case held.
    pub codes_missed: BTreeSet<String>,
}

impl Coverage {
    pub(super) fn of(plan: &Plan) -> Coverage {
        let sheet = &plan.sheet;
        let (mut used, mut ignored, mut lost) = (Vec::new(), Vec::new(), Vec::new());
        for leaf in &sheet.source_leaves {
            if covered(leaf, &sheet.used) {
                used.push(leaf.clone());
            } else if covered(leaf, &sheet.ignored) {
                ignored.push(leaf.clone());
            } else {
                lost.push(leaf.clone());
            }
        }
        let (set, never_set) =
            sheet.target_leaves.iter().cloned().partition(|leaf: &String| covered(leaf, &sheet.set));
        Coverage {
            mapping: plan.name.clone(),
            used,
            ignored,
            lost,
            set,
            never_set,
            code_lists: sheet.lists.iter().cloned().collect(),
            hit: Hits::default(),
        }
    }
}

/// A leaf is covered by its own path or that of anything around it.
fn covered(leaf: &str, paths: &[String]) -> bool {
    let leaf = without_indexes(leaf);
    paths.iter().any(|path| {
        let path = without_indexes(path);
        leaf.strip_prefix(path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            && !path.is_empty()
    })
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.mapping)?;
        let total = self.used.len() + self.ignored.len() + self.lost.len();
        let (used, ignored, lost) = (self.used.len(), self.ignored.len(), self.lost.len());
        writeln!(f, "  source  {total:4} fields: {used} used, {ignored} ignored on purpose, {lost} lost")?;
        let (set, never) = (self.set.len(), self.never_set.len());
        writeln!(f, "  target  {:4} fields: {set} set, {never} never set", set + never)?;
        let (hit, missed) = (self.hit.codes.len(), self.hit.codes_missed.len());
        writeln!(f, "  codes   {:4} in {} lists: {hit} hit by cases", hit + missed, self.code_lists.len())?;
        let unseen = self.used.iter().filter(|leaf| !self.hit.source.contains(*leaf));
        for (title, paths) in [
            ("lost", self.lost.iter().collect::<Vec<_>>()),
            ("never set", self.never_set.iter().collect()),
            ("in no case", unseen.collect()),
            ("code in no case", self.hit.codes_missed.iter().collect()),
        ] {
            for path in paths {
                writeln!(f, "    {title:<16} {path}")?;
            }
        }
        Ok(())
    }
}
