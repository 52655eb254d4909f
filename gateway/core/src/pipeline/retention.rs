//! Retention: what of a dossier has had its time, and when.
//!
//! Two terms count from the dossier's end. A dossier ends with its last thing that happened once its status is an end; one that never
//! says so is taken for ended only after a far longer silence, because the next step of it may need what is kept. Nothing that waits
//! is ever due, however old. Deliberately absent: where things are kept, and the terms of what belongs to no dossier.

use crate::ids::Moment;

/// A day.
pub const DAY_MS: i64 = 24 * 3_600_000;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Bodies and transcripts, after the dossier's end.
    pub bodies_ms: i64,
    /// The same of a dossier that never ended, after the last that happened to it.
    pub unended_ms: i64,
    /// Rows: what happened, without what was said.
    pub rows_ms: i64,
    /// Callers' keys and digests, by which repeats are known.
    pub keys_ms: i64,
}

/// What is known of a dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// Something of it waits: for a peer, a person, a file, a carrier.
    pub waits: bool,
    /// Its national status is an end.
    pub ended: bool,
    /// When the last thing happened to it.
    pub quiet_since: Moment,
}

/// What of it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// What was said: bodies, transcripts, files.
    Bodies,
    /// All of it.
    Everything,
}

/// Decides what of a dossier is due.
pub fn due(life: &Life, terms: &Terms, now: Moment) -> Due {
    let quiet_ms = now.millis_since(life.quiet_since);
    let bodies_ms = if life.ended { terms.bodies_ms } else { terms.unended_ms };
    match life.waits {
        true => Due::Nothing,
        false if quiet_ms > terms.rows_ms => Due::Everything,
        false if quiet_ms > bodies_ms => Due::Bodies,
        false => Due::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_waits_is_due_and_an_end_counts_from_the_last_that_happened() {
        let day = |days: i64| Moment::from_millis(days * DAY_MS);
        let terms = Terms {
            bodies_ms: 90 * DAY_MS,
            unended_ms: 400 * DAY_MS,
            rows_ms: 1_826 * DAY_MS,
            keys_ms: 400 * DAY_MS,
        };
        let life = |waits, ended| Life { waits, ended, quiet_since: day(10) };
        let of = |waits, ended, days| due(&life(waits, ended), &terms, day(days));
        assert_eq!(of(false, true, 100), Due::Nothing);
        assert_eq!(of(false, true, 101), Due::Bodies);
        assert_eq!(of(false, false, 101), Due::Nothing);
        assert_eq!(of(false, false, 411), Due::Bodies);
        assert_eq!(of(false, false, 1_837), Due::Everything);
        assert_eq!(of(true, true, 10_000), Due::Nothing);
    }
}
