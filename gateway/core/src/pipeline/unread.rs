//! Blame at the door: what becomes of an item that our own side cannot read?
//!
//! A sender is refused only for what it alone can mend. Where every place that is wrong is ours (a code our list lacks), it is
//! told that its message is accepted, and the message waits as a dead letter until the file that was at fault has changed. One
//! condition: its dossier must be known, or nobody could find it again.

use crate::fault::{Blame, Fault, Remedy};

/// What becomes of an item that could not be translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Accepted, and a dead letter from birth, offered again when the file that was at fault has changed.
    DeadLetter,
    /// Turned back to the sender.
    Refused,
}

/// Whether the dossier of an item is known although the item could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Its framing names the dossier.
    ByDossier,
    /// Nothing does.
    Never,
}

/// Decides what becomes of an item that could not be translated for this fault.
pub fn unread(fault: &Fault, found: Found) -> Unread {
    let ours = fault.violations.iter().all(|violation| violation.blame == Blame::Gateway);
    match found {
        Found::ByDossier if ours && !fault.violations.is_empty() => Unread::DeadLetter,
        _ => Unread::Refused,
    }
}

/// A fault met after the sender was told that its message is accepted: our own affair, whatever its violations say.
pub fn as_ours(mut fault: Fault) -> Fault {
    fault.blame = Blame::Gateway;
    fault.remedy = Remedy::Correct;
    fault
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Violation;

    fn fault(violations: Vec<Violation>) -> Fault {
        Fault::sender("contract.violated", "").with(violations)
    }

    #[test]
    fn only_what_is_all_ours_and_can_be_found_again_is_accepted() {
        let ours = || Violation::ours("TrangThaiHoSo", "code", "");
        let theirs = || Violation::sender("NgayTiepNhan", "date", "");
        for (name, violations, found, wanted) in [
            ("all ours", vec![ours(), ours()], Found::ByDossier, Unread::DeadLetter),
            ("one is the sender's", vec![ours(), theirs()], Found::ByDossier, Unread::Refused),
            ("the sender's", vec![theirs()], Found::ByDossier, Unread::Refused),
            ("no place is named", vec![], Found::ByDossier, Unread::Refused),
            ("ours, of no dossier", vec![ours()], Found::Never, Unread::Refused),
        ] {
            assert_eq!(unread(&fault(violations), found), wanted, "{name}");
        }
    }

    #[test]
    fn what_was_accepted_is_never_the_senders_fault() {
        let ours = as_ours(fault(vec![Violation::sender("NgayTiepNhan", "date", "")]));
        assert_eq!((ours.blame, ours.remedy), (Blame::Gateway, Remedy::Correct));
    }
}
