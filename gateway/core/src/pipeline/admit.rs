//! Repeats: is an item news, or has its sender said it before?
//!
//! Two items are equal when their keyed digests are: the canonical document without what its mapping marks
//! volatile, together with dossier, kind and sender. A snapshot is the state of a dossier, so only the *latest* accepted
//! one makes a duplicate: A, B, A are three states. The exception is the late repeat: a sender that retries an old
//! snapshot after a newer one got through would move the dossier back, so an equal one accepted within the window, with a
//! status further back than the latest, is answered and recorded but not sent.

use crate::dossier::rank;
use crate::envelope::Class;
use crate::ids::{MessageId, Moment};

/// A keyed digest of what makes two items of one sender equal.
pub type Digest = [u8; 16];

/// An item at the door of the store.
#[derive(Debug, Clone, Copy)]
pub struct Incoming<'a> {
    /// Snapshot or event.
    pub class: Class,
    /// What makes it equal to another.
    pub digest: &'a Digest,
    /// What says when it happened is not among that.
    pub undated: bool,
    /// The dossier's national status, where the kind has one.
    pub status: Option<&'a str>,
    /// When it came.
    pub at: Moment,
}

/// An accepted message, as far as repeats are concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its id, which a duplicate is answered with.
    pub id: MessageId,
    /// What makes it equal to another.
    pub digest: Digest,
    /// Its status.
    pub status: Option<String>,
    /// When it was accepted.
    pub at: Moment,
}

/// What the store knows about an item, read in the transaction that will write it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Messages of this sender stored under one of the keys that the caller gave.
    pub keyed: Vec<Seen>,
    /// The latest accepted message of this dossier, kind and sender. Needed for snapshots and for what is undated.
    pub latest: Option<Seen>,
    /// The latest accepted one that is equal.
    pub equal: Option<Seen>,
    /// How long an equal snapshot with a step back in status counts as a late repeat.
    pub repeat_window_ms: i64,
    /// Of what is read off a peer's answer: what was told last of the dossier's state, if that told its further code too.
    pub told_since: Option<Seen>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// To be stored and delivered.
    News,
    /// Said before; answered as the first time.
    Duplicate {
        /// The first one.
        of: MessageId,
    },
    /// An old state said again after a newer one; answered and recorded, not sent.
    LateRepeat {
        /// The earlier one.
        of: MessageId,
    },
    /// The caller's own key stands for another body.
    Conflict {
        /// The message that holds the key.
        with: MessageId,
    },
}

/// Decides what an item is.
pub fn admit(item: &Incoming, facts: &Facts) -> Admission {
    if let Some(first) = facts.keyed.first() {
        return match facts.keyed.iter().find(|seen| seen.digest == *item.digest) {
            Some(same) => Admission::Duplicate { of: same.id },
            None => Admission::Conflict { with: first.id },
        };
    }
    // What an answer shows is how it was when the call was made. Where the answer came late, whoever gave it has gone on meanwhile.
    if let Some(since) = facts.told_since.as_ref().filter(|since| steps_back(item, since)) {
        return Admission::LateRepeat { of: since.id };
    }
    let Some(equal) = &facts.equal else { return Admission::News };
    match item.class {
        // Without its time, a step that is taken up again looks like the first one; with another in between it is no repeat.
        Class::Event
            if item.undated && facts.latest.as_ref().is_some_and(|latest| latest.digest != *item.digest) =>
        {
            Admission::News
        }
        Class::Event => Admission::Duplicate { of: equal.id },
        Class::Question => Admission::News,
        Class::Snapshot => match &facts.latest {
            Some(latest) if latest.digest == *item.digest => Admission::Duplicate { of: latest.id },
            Some(latest) if is_late(item, latest, equal, facts.repeat_window_ms) => {
                Admission::LateRepeat { of: equal.id }
            }
            _ => Admission::News,
        },
    }
}

fn is_late(item: &Incoming, latest: &Seen, equal: &Seen, window_ms: i64) -> bool {
    steps_back(item, latest) && item.at.millis_since(equal.at) < window_ms
}

fn steps_back(item: &Incoming, latest: &Seen) -> bool {
    match (item.status.and_then(rank), latest.status.as_deref().and_then(rank)) {
        (Some(this), Some(latest)) => this < latest,
        // Without a rank nobody can say that it is a step back, and swallowing news is the worse mistake.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: i64 = 15 * 60_000;

    fn seen(tag: u8, status: &str, at: i64) -> Seen {
        Seen {
            id: MessageId([tag; 16]),
            digest: [tag; 16],
            status: Some(status.to_owned()),
            at: Moment::from_millis(at),
        }
    }

    fn snapshot(digest: &Digest, status: &'static str, at: i64) -> Incoming<'static> {
        Incoming {
            class: Class::Snapshot,
            digest: Box::leak(Box::new(*digest)),
            undated: false,
            status: Some(status),
            at: Moment::from_millis(at),
        }
    }

    fn facts(latest: Option<Seen>, equal: Option<Seen>) -> Facts {
        Facts { keyed: vec![], latest, equal, repeat_window_ms: WINDOW, told_since: None }
    }

    #[test]
    fn a_snapshot_is_compared_with_the_latest_and_only_a_quick_step_back_is_late() {
        let of = MessageId([1; 16]);
        let a = [1; 16];
        for (name, item, facts, wanted) in [
            ("first", snapshot(&a, "1", 0), facts(None, None), Admission::News),
            (
                "again",
                snapshot(&a, "1", 5),
                facts(Some(seen(1, "1", 0)), Some(seen(1, "1", 0))),
                Admission::Duplicate { of },
            ),
            ("another", snapshot(&a, "2", 5), facts(Some(seen(2, "1", 0)), None), Admission::News),
            (
                "late repeat",
                snapshot(&a, "1", 9),
                facts(Some(seen(2, "2", 5)), Some(seen(1, "1", 0))),
                Admission::LateRepeat { of },
            ),
            (
                "back after the window",
                snapshot(&a, "1", WINDOW),
                facts(Some(seen(2, "2", 5)), Some(seen(1, "1", 0))),
                Admission::News,
            ),
            (
                "A B A without a step back",
                snapshot(&a, "4", 9),
                facts(Some(seen(2, "4", 5)), Some(seen(1, "4", 0))),
                Admission::News,
            ),
            (
                "unknown status",
                snapshot(&a, "x", 9),
                facts(Some(seen(2, "4", 5)), Some(seen(1, "x", 0))),
                Admission::News,
            ),
        ] {
            assert_eq!(admit(&item, &facts), wanted, "{name}");
        }
    }

    #[test]
    fn an_event_equal_to_any_earlier_one_is_a_duplicate() {
        let digest = [1; 16];
        let item = Incoming {
            class: Class::Event,
            digest: &digest,
            undated: false,
            status: Some("4"),
            at: Moment::from_millis(99 * WINDOW),
        };
        let known = facts(Some(seen(2, "9", 5)), Some(seen(1, "4", 0)));
        assert_eq!(admit(&item, &known), Admission::Duplicate { of: MessageId([1; 16]) });
    }

    #[test]
    fn an_event_without_its_time_is_a_repeat_of_the_latest_only() {
        let digest = [1; 16];
        let item = Incoming {
            class: Class::Event,
            digest: &digest,
            undated: true,
            status: Some("4"),
            at: Moment::from_millis(9),
        };
        let again = facts(Some(seen(2, "5", 5)), Some(seen(1, "4", 0)));
        assert_eq!(admit(&item, &again), Admission::News);
        let repeat = facts(Some(seen(1, "4", 0)), Some(seen(1, "4", 0)));
        assert_eq!(admit(&item, &repeat), Admission::Duplicate { of: MessageId([1; 16]) });
    }

    #[test]
    fn what_an_answer_shows_is_old_where_its_giver_has_gone_on() {
        let digest = [1; 16];
        let item = |status| Incoming {
            class: Class::Event,
            digest: &digest,
            undated: false,
            status: Some(status),
            at: Moment::from_millis(9),
        };
        let known = Facts { told_since: Some(seen(2, "4", 5)), ..Facts::default() };
        assert_eq!(admit(&item("2"), &known), Admission::LateRepeat { of: MessageId([2; 16]) });
        assert_eq!(admit(&item("9"), &known), Admission::News);
        assert_eq!(admit(&item("x"), &known), Admission::News);
    }

    #[test]
    fn a_key_decides_before_the_digest_does() {
        let digest = [1; 16];
        let mut known = facts(None, None);
        known.keyed = vec![seen(2, "1", 0)];
        assert_eq!(
            admit(&snapshot(&digest, "1", 0), &known),
            Admission::Conflict { with: MessageId([2; 16]) }
        );
        known.keyed.push(seen(1, "1", 0));
        assert_eq!(
            admit(&snapshot(&digest, "1", 0), &known),
            Admission::Duplicate { of: MessageId([1; 16]) }
        );
    }
}
