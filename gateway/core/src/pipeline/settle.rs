//! Settling: what the outcome of an attempt means for the delivery.
//!
//! The fault of the last exchange and the effect of its call decide alone. An outage of the peer never costs a delivery an
//! attempt and never becomes a dead letter; only three things do: a refusal of this very message (at once), answers that
//! nobody can classify for a day, and a message that makes our own code panic three times. A call whose effect counts once
//! and that got no usable answer leaves the delivery doubtful: the next attempt begins with a read-back.
//! Not here: what that finds out (`read_back`), what the peer's availability becomes (`redelivery`), who holds which lane (`lane`).

use super::read_back::OnUnknown;
use crate::adapter::{Effect, Patience};
use crate::envelope::Class;
use crate::fault::{Fault, Remedy};
use crate::ids::Moment;
use crate::redelivery::backoff_ms;

/// So many panics of our own code over one message, and it is a dead letter.
const PANICS_MAX: u32 = 3;
/// So many times "later" to this delivery alone, and the peer's word is no longer believed.
const AWAY_STRIKES_MAX: u32 = 3;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The peer took it.
    Delivered {
        /// The peer's reference, for the timeline.
        reference: String,
    },
    /// The last exchange was answered so, or the document could not be translated.
    Fault(Fault),
    /// The last call surely never left: no connection, no log-in.
    NotSent(Fault),
    /// The last call left and no answer came.
    Silent(Fault),
    /// Our own code panicked.
    Panicked(Fault),
    /// What we keep of this message does not open: as bad as a panic, and no fault of the peer's.
    Unreadable(Fault),
}

/// What this delivery has gone through.
#[derive(Debug, Clone, Copy, Default)]
pub struct History {
    /// Attempts of its own so far, without this one.
    pub attempts: u32,
    /// How often it was returned because the peer was away, without this time.
    pub away_strikes: u32,
    /// When it was last returned so.
    pub away_at: Option<Moment>,
    /// When the peer last took anything, of whatever delivery.
    pub peer_success_at: Option<Moment>,
    /// Panics so far, without this one.
    pub panics: u32,
    /// The first of the answers that nobody could classify.
    pub first_unclear_at: Option<Moment>,
    /// The peer has accepted a snapshot of this dossier.
    pub accepted_snapshot: bool,
    /// Snapshot or event.
    pub class: Option<Class>,
}

/// The settings of one peer and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Pauses after unclear answers, and how long until they make a dead letter.
    pub patience: Patience,
    /// The peer's own longest processing time: before that its "no" to a read-back proves nothing.
    pub peer_processing_ms_max: i64,
    /// Statuses for which an operator is asked; all others are sent again.
    pub ask_statuses: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Policy {
            patience: Patience::default(),
            peer_processing_ms_max: 120_000,
            // A doubled entry 5 (pause for supplements) costs the province a day count; a doubled 9 is only a line more.
            ask_statuses: vec!["5".to_owned()],
        }
    }
}

impl Policy {
    /// What to do when nobody can tell, for a message of this status.
    pub fn on_unknown(&self, status: Option<&str>) -> OnUnknown {
        match status {
            Some(status) if self.ask_statuses.iter().any(|asked| asked == status.trim()) => OnUnknown::Ask,
            Some(_) => OnUnknown::Repeat,
            // No line of a dossier's way but something that is to be done, like an order: done twice it costs twice.
            None => OnUnknown::Ask,
        }
    }
}

/// Why a delivery is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// The answer could not be classified: an attempt of its own.
    Unclear,
    /// Our own code panicked: an attempt of its own.
    Panicked,
    /// The peer is asked again later whether a call took effect: no attempt.
    ReadBack,
    /// The call was made again, nobody knows any more than before, and the next time is much later: an attempt of its own.
    Repeat,
}

/// What becomes of the delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// Done.
    Delivered {
        /// The peer's reference, for the timeline.
        reference: String,
    },
    /// Tried again at a moment.
    RetryAt {
        /// Not before.
        at: Moment,
        /// Why; says what is counted.
        why: Again,
        /// The reason, for the timeline.
        fault: Option<Fault>,
    },
    /// Returned because the peer is away; ready as soon as the peer is.
    Away {
        /// The reason, for the timeline.
        fault: Fault,
    },
    /// Waits for an operator or a mended file.
    DeadLetter(Fault),
    /// Waits for an operator's word on whether it took effect.
    InDoubt(Fault),
    /// Waits until the peer has accepted a snapshot of the dossier.
    Hold(Fault),
    /// A newer snapshot took its place.
    Superseded,
}

impl Settlement {
    /// Its name in metrics and timeline.
    pub fn name(&self) -> &'static str {
        match self {
            Settlement::Delivered { .. } => "delivered",
            Settlement::RetryAt { .. } => "retry",
            Settlement::Away { .. } => "peer-away",
            Settlement::DeadLetter(_) => "dead-letter",
            Settlement::InDoubt(_) => "in-doubt",
            Settlement::Hold(_) => "held",
            Settlement::Superseded => "superseded",
        }
    }

    /// Why, where there is a reason to give.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Settlement::Away { fault }
            | Settlement::DeadLetter(fault)
            | Settlement::InDoubt(fault)
            | Settlement::Hold(fault) => Some(fault),
            Settlement::RetryAt { fault, .. } => fault.as_ref(),
            Settlement::Delivered { .. } | Settlement::Superseded => None,
        }
    }
}

/// What becomes of the last exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallFate {
    /// It counts.
    Stands,
    /// It stays in the timeline and the adapter no longer sees it.
    Struck,
    /// It may have taken effect: stays unanswered until read back.
    Doubtful,
}

/// A decision on delivery and last exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct Ruling {
    /// What becomes of the delivery.
    pub settlement: Settlement,
    /// What becomes of the last exchange.
    pub call: CallFate,
}

/// Decides. `effect` is that of the last call, none if no call was made; `chance` is in `0.0..1.0`.
pub fn settle(
    outcome: Outcome,
    effect: Option<Effect>,
    history: &History,
    policy: &Policy,
    at: Moment,
    chance: f64,
) -> Ruling {
    let rule = |settlement, call| Ruling { settlement, call };
    let once = effect == Some(Effect::Once);
    let away = |fault| away_or_poison(fault, history, policy, at, chance);
    match outcome {
        Outcome::Delivered { reference } => rule(Settlement::Delivered { reference }, CallFate::Stands),
        Outcome::NotSent(fault) => rule(away(fault), CallFate::Struck),
        Outcome::Silent(fault) if once => rule(Settlement::Away { fault }, CallFate::Doubtful),
        Outcome::Silent(fault) => rule(away(fault), CallFate::Struck),
        Outcome::Panicked(fault) => rule(failed_us(fault, history, policy, at, chance), CallFate::Struck),
        Outcome::Unreadable(fault) => rule(failed_us(fault, history, policy, at, chance), CallFate::Stands),
        Outcome::Fault(fault) => match fault.remedy {
            // A second stale session in a row is no longer about the session.
            Remedy::Later | Remedy::Renew => rule(away(fault), CallFate::Struck),
            Remedy::Unclear => rule(unclear(fault, history, policy, at, chance), CallFate::Struck),
            Remedy::Correct => rule(Settlement::DeadLetter(fault), CallFate::Struck),
            Remedy::Hold => rule(hold(fault, history), CallFate::Struck),
            Remedy::Doubt if once => rule(Settlement::Away { fault }, CallFate::Doubtful),
            Remedy::Doubt => rule(away(fault), CallFate::Struck),
        },
    }
}

/// "Later" is a fact about the peer, unless the peer takes everything else and says it to this one again and again.
/// The success must be newer than this delivery's last strike, so that an outage alone can never prove poison.
fn away_or_poison(fault: Fault, history: &History, policy: &Policy, at: Moment, chance: f64) -> Settlement {
    let others_go = matches!((history.peer_success_at, history.away_at), (Some(success), Some(strike)) if success > strike);
    if history.away_strikes >= AWAY_STRIKES_MAX && others_go {
        unclear(fault, history, policy, at, chance)
    } else {
        Settlement::Away { fault }
    }
}

/// The peer does not know the dossier: an event waits for a snapshot; a snapshot that needs another one never goes.
fn hold(fault: Fault, history: &History) -> Settlement {
    match history.class == Some(Class::Event) && !history.accepted_snapshot {
        true => Settlement::Hold(fault),
        false => Settlement::DeadLetter(fault),
    }
}

fn unclear(fault: Fault, history: &History, policy: &Policy, at: Moment, chance: f64) -> Settlement {
    let since = history.first_unclear_at.unwrap_or(at);
    let Patience { pause_ms_min, pause_ms_max, give_up_ms } = policy.patience;
    if at.millis_since(since) >= give_up_ms {
        return Settlement::DeadLetter(fault);
    }
    let pause = backoff_ms(pause_ms_min, pause_ms_max, history.attempts, chance);
    let asked = fault.retry_after_ms.map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
    let pause = pause.max(asked.min(give_up_ms));
    Settlement::RetryAt { at: at.plus_millis(pause), why: Again::Unclear, fault: Some(fault) }
}

fn failed_us(fault: Fault, history: &History, policy: &Policy, at: Moment, chance: f64) -> Settlement {
    if history.panics + 1 >= PANICS_MAX {
        return Settlement::DeadLetter(fault);
    }
    let pause =
        backoff_ms(policy.patience.pause_ms_min, policy.patience.pause_ms_max, history.attempts, chance);
    Settlement::RetryAt { at: at.plus_millis(pause), why: Again::Panicked, fault: Some(fault) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::Blame;

    const DAY: i64 = 24 * 3_600_000;

    fn fault(remedy: Remedy) -> Fault {
        Fault::new("test.fault", Blame::Peer, remedy, "thử")
    }

    fn ruled(outcome: Outcome, effect: Effect, history: &History, at: i64) -> (&'static str, CallFate) {
        let ruling = settle(outcome, Some(effect), history, &Policy::default(), Moment::from_millis(at), 0.5);
        let name = match ruling.settlement {
            Settlement::Delivered { .. } => "delivered",
            Settlement::RetryAt { .. } => "retry",
            Settlement::Away { .. } => "away",
            Settlement::DeadLetter(_) => "dead",
            Settlement::InDoubt(_) => "in doubt",
            Settlement::Hold(_) => "hold",
            Settlement::Superseded => "superseded",
        };
        (name, ruling.call)
    }

    #[test]
    fn fault_and_effect_decide_alone() {
        use CallFate::{Doubtful, Struck};
        use Effect::{Once, Repeatable};
        let fresh = History { class: Some(Class::Event), ..History::default() };
        for (outcome, effect, wanted) in [
            (Outcome::NotSent(fault(Remedy::Later)), Repeatable, ("away", Struck)),
            (Outcome::NotSent(fault(Remedy::Later)), Once, ("away", Struck)),
            (Outcome::Silent(fault(Remedy::Doubt)), Repeatable, ("away", Struck)),
            (Outcome::Silent(fault(Remedy::Doubt)), Once, ("away", Doubtful)),
            (Outcome::Fault(fault(Remedy::Later)), Once, ("away", Struck)),
            (Outcome::Fault(fault(Remedy::Doubt)), Repeatable, ("away", Struck)),
            (Outcome::Fault(fault(Remedy::Doubt)), Once, ("away", Doubtful)),
            (Outcome::Fault(fault(Remedy::Renew)), Once, ("away", Struck)),
            (Outcome::Fault(fault(Remedy::Unclear)), Once, ("retry", Struck)),
            (Outcome::Fault(fault(Remedy::Correct)), Repeatable, ("dead", Struck)),
            (Outcome::Fault(fault(Remedy::Hold)), Once, ("hold", Struck)),
            (Outcome::Panicked(fault(Remedy::Correct)), Once, ("retry", Struck)),
        ] {
            assert_eq!(ruled(outcome.clone(), effect, &fresh, 0), wanted, "{outcome:?} {effect:?}");
        }
    }

    #[test]
    fn only_a_refusal_a_day_of_riddles_or_three_panics_make_a_dead_letter() {
        let at = Moment::from_millis;
        let old = History { first_unclear_at: Some(at(0)), ..History::default() };
        assert_eq!(ruled(Outcome::Fault(fault(Remedy::Unclear)), Effect::Once, &old, DAY - 1).0, "retry");
        assert_eq!(ruled(Outcome::Fault(fault(Remedy::Unclear)), Effect::Once, &old, DAY).0, "dead");
        let shaken = History { panics: 2, ..History::default() };
        assert_eq!(ruled(Outcome::Panicked(fault(Remedy::Correct)), Effect::Once, &shaken, 0).0, "dead");
        assert_eq!(ruled(Outcome::Unreadable(fault(Remedy::Correct)), Effect::Once, &shaken, 0).0, "dead");
        let outage = History { away_strikes: 10_000, away_at: Some(at(5)), ..old };
        assert_eq!(
            ruled(Outcome::Fault(fault(Remedy::Later)), Effect::Once, &outage, 90 * DAY).0,
            "away",
            "an outage never does, however long"
        );
        let known = History { class: Some(Class::Event), accepted_snapshot: true, ..History::default() };
        let unknown = Outcome::Fault(fault(Remedy::Hold));
        assert_eq!(ruled(unknown, Effect::Once, &known, 0).0, "dead");
    }

    #[test]
    fn later_to_one_delivery_alone_is_not_believed_for_ever() {
        let at = |ms| Some(Moment::from_millis(ms));
        let mut history =
            History { away_strikes: 3, away_at: at(50), peer_success_at: at(60), ..History::default() };
        let later = || Outcome::Fault(fault(Remedy::Later));
        assert_eq!(ruled(later(), Effect::Repeatable, &history, 100).0, "retry");
        history.first_unclear_at = at(100);
        assert_eq!(ruled(later(), Effect::Repeatable, &history, 100 + DAY).0, "dead");
        history.peer_success_at = at(40);
        assert_eq!(ruled(later(), Effect::Repeatable, &history, 100 + DAY).0, "away");
    }
}
