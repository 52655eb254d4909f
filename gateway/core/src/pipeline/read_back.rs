//! Reading back: what a doubtful delivery does once the peer was asked whether its call took effect.
//!
//! A "yes" stands in for the missing answer. A "no" counts only after the peer's own longest processing time. Where the peer
//! cannot tell, the call is made again, a few times and ever later, or an operator is asked, as the settings of its status
//! say. Not here: what makes a delivery doubtful (`settle`), and the peer that cannot even be asked, which is away.

use super::settle::{Again, Policy, Settlement};
use crate::adapter::{Answer, Verdict};
use crate::fault::{Blame, Fault, Remedy};
use crate::ids::Moment;

/// A call that counts each time is made again without knowing whether it took effect after these pauses, and then an operator
/// looks. They fill a day, as for answers that nobody can classify: few enough for a portal that takes a step and never says
/// so, far enough apart for one that answers look-ups and fails at every step for hours.
const REPEAT_PAUSES_MS: [i64; 5] = [0, 5_000, 10 * 60_000, 3 * 3_600_000, 20 * 3_600_000];
/// So long the next of the lane can wait for its turn; a longer pause is an attempt of its own, and holds nothing.
const HOLDING_PAUSE_MS_MAX: i64 = 60_000;
/// What to do about a call that counts once when even the read-back cannot tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnknown {
    /// Send again; the timeline says that it may be doubled.
    #[default]
    Repeat,
    /// An operator decides.
    Ask,
}

/// What a doubtful delivery does after its read-back.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// The answer stands in for the missing one; the conversation goes on.
    GoOn(Answer),
    /// Strike the doubtful call and make it again.
    Repeat {
        /// Nobody could tell: the timeline says that it may be doubled.
        may_be_doubled: bool,
    },
    /// The attempt ends here.
    Settle(Settlement),
}

/// Decides on a read-back. `called_at` is when the doubtful call was made, `repeats` how often the delivery's call was
/// already made again on an unknown outcome: a portal that takes a step and never says so must not be given it for ever.
pub fn read_back(
    verdict: Verdict,
    called_at: Moment,
    on_unknown: OnUnknown,
    repeats: u32,
    policy: &Policy,
    at: Moment,
) -> Reading {
    // A call of a time that was never true was made now at the latest: nobody waits for that time to come again.
    let called_at = called_at.min(at);
    let good_from = called_at.plus_millis(policy.peer_processing_ms_max);
    match verdict {
        Verdict::Happened(answer) => Reading::GoOn(answer),
        Verdict::DidNot if at >= good_from => Reading::Repeat { may_be_doubled: false },
        // The peer may still be working on it: its "no" proves nothing yet.
        Verdict::DidNot => {
            Reading::Settle(Settlement::RetryAt { at: good_from, why: Again::ReadBack, fault: None })
        }
        Verdict::Unknown => {
            let pause = REPEAT_PAUSES_MS.get(repeats as usize).filter(|_| on_unknown == OnUnknown::Repeat);
            match pause.map(|pause| (*pause, called_at.plus_millis(*pause))) {
                Some((_, again_at)) if at >= again_at => Reading::Repeat { may_be_doubled: true },
                Some((pause, at)) => {
                    let why = if pause > HOLDING_PAUSE_MS_MAX { Again::Repeat } else { Again::ReadBack };
                    Reading::Settle(Settlement::RetryAt { at, why, fault: None })
                }
                None => Reading::Settle(Settlement::InDoubt(Fault::new(
                    "delivery.in-doubt",
                    Blame::Peer,
                    Remedy::Doubt,
                    "không xác định được hệ thống nhận đã ghi nhận hay chưa; cán bộ cần kiểm tra",
                ))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Body;

    #[test]
    fn a_negative_reading_counts_only_after_the_peers_own_time() {
        let policy = Policy::default();
        let read = |verdict, unknown, at| {
            read_back(verdict, Moment::from_millis(0), unknown, 0, &policy, Moment::from_millis(at))
        };
        let early = read(Verdict::DidNot, OnUnknown::Repeat, 119_999);
        assert!(
            matches!(early, Reading::Settle(Settlement::RetryAt { at, .. }) if at.as_millis() == 120_000)
        );
        let late = read(Verdict::DidNot, OnUnknown::Repeat, 120_000);
        assert_eq!(late, Reading::Repeat { may_be_doubled: false });
        let blind = read(Verdict::Unknown, policy.on_unknown(Some("9")), 0);
        assert_eq!(blind, Reading::Repeat { may_be_doubled: true });
        let asked = read(Verdict::Unknown, policy.on_unknown(Some("5")), 0);
        assert!(matches!(asked, Reading::Settle(Settlement::InDoubt(_))));
        let order = read(Verdict::Unknown, policy.on_unknown(None), 0);
        assert!(
            matches!(order, Reading::Settle(Settlement::InDoubt(_))),
            "what has no status is no line more"
        );
        let answer = Answer { status: 200, headers: vec![], body: Body::default() };
        assert_eq!(read(Verdict::Happened(answer.clone()), OnUnknown::Ask, 0), Reading::GoOn(answer));
    }

    #[test]
    fn a_call_under_a_wrong_time_is_waited_for_no_longer_than_any_other() {
        let (hours, now) = (Moment::from_millis(7 * 3_600_000), Moment::from_millis(0));
        let policy = Policy::default();
        for (verdict, repeats, pause) in [(Verdict::DidNot, 0, 120_000), (Verdict::Unknown, 1, 5_000)] {
            let read = read_back(verdict, hours, OnUnknown::Repeat, repeats, &policy, now);
            let Reading::Settle(Settlement::RetryAt { at, .. }) = read else { panic!("{read:?}") };
            assert_eq!(at.as_millis(), pause);
        }
    }

    #[test]
    fn a_call_that_never_gets_an_answer_is_not_repeated_for_ever() {
        let read = |repeats, at| {
            let (zero, at) = (Moment::from_millis(0), Moment::from_millis(at));
            read_back(Verdict::Unknown, zero, OnUnknown::Repeat, repeats, &Policy::default(), at)
        };
        let again = Reading::Repeat { may_be_doubled: true };
        assert_eq!(read(0, 0), again);
        let long = Again::Repeat;
        for (repeats, pause, why) in [
            (1, 5_000, Again::ReadBack),
            (2, 600_000, long),
            (3, 3 * 3_600_000, long),
            (4, 20 * 3_600_000, long),
        ] {
            let waits = Settlement::RetryAt { at: Moment::from_millis(pause), why, fault: None };
            assert_eq!(read(repeats, pause - 1), Reading::Settle(waits));
            assert_eq!(read(repeats, pause), again);
        }
        assert!(matches!(read(5, 0), Reading::Settle(Settlement::InDoubt(_))));
    }
}
