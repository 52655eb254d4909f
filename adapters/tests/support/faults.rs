//! Faults in the words of the fixtures: as they are shown, and as a person writes them.

use gateway_core::fault::{Blame, Fault, Remedy, Violation};

/// A fault on one line.
pub fn shown(fault: &Fault) -> String {
    let Fault { code, blame, remedy, words, cause, .. } = fault;
    let mut text = format!("{code} {blame:?} {remedy:?}: {words}");
    if !cause.is_empty() {
        text.push_str(&format!(" ({cause})"));
    }
    for wrong in &fault.violations {
        text.push_str(&format!(" @ {wrong}"));
    }
    if let Some(wait) = fault.retry_after_ms {
        text.push_str(&format!(" after {wait} ms"));
    }
    text
}

/// `code words`, and after ` @ ` places that are wrong: `path rule detail`, separated by ` @ `.
pub fn fault(text: &str) -> Fault {
    let mut parts = text.split(" @ ");
    let head = parts.next().unwrap_or_default();
    let (code, words) = head.split_once(' ').unwrap_or((head, ""));
    let place = |part: &str| {
        let mut words = part.splitn(3, ' ');
        let mut word = || words.next().unwrap_or_default().to_owned();
        Violation::sender(word(), word(), word())
    };
    let later =
        ["gateway.", "store.", "portal.busy", "population.busy"].iter().any(|start| code.starts_with(start));
    let remedy = if later { Remedy::Later } else { Remedy::Correct };
    let blame = if code.starts_with("population.") { Blame::Peer } else { Blame::Sender };
    Fault::new(code.to_owned(), blame, remedy, words).with(parts.map(place).collect())
}
