//! Rules that are broken on purpose, each with what must come of it.

/// A rule that is broken on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    AnswersBeforeItCommits,
    ForgetsTheOutbox,
    CallsBeforeItJournals,
    NeverReadsBack,
    BelievesANoAtOnce,
    TakesAnyClaim,
    NeverHandsOverAgain,
    ForgetsWhoWasRunning,
    HandsOverPastTheHead,
    LetsAClockKeepItWaiting,
    ReplacesOtherKinds,
}

impl Mistake {
    /// All of them, with words that the breach of each must contain one of.
    pub const ALL: [(Mistake, &[&str]); 11] = [
        (Mistake::AnswersBeforeItCommits, &["lost"]),
        (Mistake::ForgetsTheOutbox, &["lost"]),
        (Mistake::CallsBeforeItJournals, &["doubled"]),
        (Mistake::NeverReadsBack, &["doubled"]),
        (Mistake::BelievesANoAtOnce, &["doubled"]),
        (Mistake::TakesAnyClaim, &["doubled", "out of order"]),
        (Mistake::NeverHandsOverAgain, &["stuck"]),
        (Mistake::ForgetsWhoWasRunning, &["stuck"]),
        (Mistake::HandsOverPastTheHead, &["out of order"]),
        (Mistake::LetsAClockKeepItWaiting, &["stuck"]),
        (Mistake::ReplacesOtherKinds, &["lost"]),
    ];
}
