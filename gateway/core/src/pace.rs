//! How fast an officer may ask, and who goes through numbers: held back, or reported for somebody to look.
//!
//! In memory only: after a restart everybody begins anew, which a throttle bears. A citizen's number comes as a keyed digest, time
//! as an argument. An officer is one officer however the name is written, because the licence takes it in any letter case.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization as _;

use crate::fault::{Blame, Fault, Remedy};
use crate::ids::Moment;

/// What an officer may do in a time, and when somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// More questions in a minute are refused for the moment.
    pub per_minute_max: u32,
    /// An officer who asks for more different numbers in an hour is reported.
    pub numbers_per_hour_alarm: u32,
    /// An officer of whose last twenty or more questions of the hour more than so many in a hundred found nobody is reported.
    pub misses_percent_alarm: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { per_minute_max: 30, numbers_per_hour_alarm: 120, misses_percent_alarm: 60 }
    }
}

/// Why somebody should look at what an officer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// Many different numbers.
    ManyNumbers,
    /// Many that found nobody.
    ManyMisses,
}

impl Alarm {
    /// As log and metrics write it.
    pub fn word(self) -> &'static str {
        match self {
            Alarm::ManyNumbers => "many-numbers",
            Alarm::ManyMisses => "many-misses",
        }
    }
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Fewer questions say nothing about an officer.
const MISSES_OF_AT_LEAST: usize = 20;
/// More officers than a province has; beyond it the one that has been quiet longest is forgotten.
const OFFICERS_MAX: usize = 20_000;

/// What officers did lately. In memory: after a restart everybody begins anew.
#[derive(Debug, Default)]
pub struct Watch {
    officers: BTreeMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    asked: VecDeque<(Moment, [u8; 16])>,
    answered: VecDeque<(Moment, bool)>,
    /// One report an hour for each reason.
    reported: Vec<(Moment, Alarm)>,
}

impl Watch {
    /// May this officer ask now? A refusal counts for nothing, so waiting helps.
    pub fn may_ask(
        &mut self,
        bounds: &Bounds,
        officer: &str,
        number: [u8; 16],
        at: Moment,
    ) -> Result<Option<Alarm>, Fault> {
        let officer = one_spelling(officer);
        self.make_room(&officer);
        let seen = self.officers.entry(officer).or_default();
        forget(&mut seen.asked, at, |(when, _)| *when);
        let lately =
            seen.asked.iter().rev().take_while(|(when, _)| at.millis_since(*when) < MINUTE_MS).count();
        if lately >= bounds.per_minute_max as usize {
            let words = "cán bộ tra cứu quá nhiều lượt trong một phút; hãy đợi rồi tra cứu lại";
            let mut fault = Fault::new("question.throttled", Blame::Sender, Remedy::Later, words);
            let first = seen.asked.iter().rev().nth(lately.saturating_sub(1)).map_or(at, |(when, _)| *when);
            fault.retry_after_ms = Some((MINUTE_MS - at.millis_since(first)).clamp(1_000, MINUTE_MS) as u64);
            return Err(fault);
        }
        seen.asked.push_back((at, number));
        let different: BTreeSet<&[u8; 16]> = seen.asked.iter().map(|(_, number)| number).collect();
        let many = different.len() > bounds.numbers_per_hour_alarm as usize;
        Ok(many.then_some(Alarm::ManyNumbers).filter(|alarm| seen.is_new(*alarm, at)))
    }

    /// A question of this officer found somebody, or nobody.
    pub fn answered(&mut self, bounds: &Bounds, officer: &str, found: bool, at: Moment) -> Option<Alarm> {
        let seen = self.officers.get_mut(&one_spelling(officer))?;
        forget(&mut seen.answered, at, |(when, _)| *when);
        seen.answered.push_back((at, found));
        let misses = seen.answered.iter().filter(|(_, found)| !found).count();
        let many = seen.answered.len() >= MISSES_OF_AT_LEAST
            && misses * 100 > seen.answered.len() * bounds.misses_percent_alarm as usize;
        many.then_some(Alarm::ManyMisses).filter(|alarm| seen.is_new(*alarm, at))
    }

    fn make_room(&mut self, officer: &str) {
        if self.officers.len() < OFFICERS_MAX || self.officers.contains_key(officer) {
            return;
        }
        let latest = |seen: &Seen| seen.asked.back().map(|(when, _)| *when);
        let quietest =
            self.officers.iter().min_by_key(|(_, seen)| latest(seen)).map(|(name, _)| name.clone());
        if let Some(name) = quietest {
            self.officers.remove(&name);
        }
    }
}

/// Composed, in small letters, without white space.
fn one_spelling(officer: &str) -> String {
    let letters = officer.nfkc().filter(|letter| !letter.is_whitespace());
    letters.flat_map(char::to_lowercase).collect()
}

impl Seen {
    fn is_new(&mut self, alarm: Alarm, at: Moment) -> bool {
        self.reported.retain(|(when, _)| (0..HOUR_MS).contains(&at.millis_since(*when)));
        let new = self.reported.iter().all(|(_, known)| *known != alarm);
        if new {
            self.reported.push((at, alarm));
        }
        new
    }
}

/// What is older than an hour, or from a time that has not come (the clock was set back).
fn forget<T>(list: &mut VecDeque<T>, at: Moment, when: impl Fn(&T) -> Moment) {
    list.retain(|each| (0..HOUR_MS).contains(&at.millis_since(when(each))));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_fast_waits_and_who_goes_through_numbers_is_reported_once_an_hour() {
        let bounds = Bounds { per_minute_max: 3, numbers_per_hour_alarm: 4, misses_percent_alarm: 50 };
        let mut watch = Watch::default();
        let at = |seconds: i64| Moment::from_millis(seconds * 1000);
        for second in 0..3 {
            assert!(watch.may_ask(&bounds, "a", [second; 16], at(i64::from(second))).unwrap().is_none());
        }
        let fault = watch.may_ask(&bounds, "a", [9; 16], at(10)).unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.retry_after_ms), ("question.throttled", Some(50_000)));
        assert!(watch.may_ask(&bounds, "b", [9; 16], at(10)).unwrap().is_none(), "another officer");
        assert!(watch.may_ask(&bounds, "a", [3; 16], at(61)).unwrap().is_none());
        assert_eq!(watch.may_ask(&bounds, "a", [4; 16], at(130)).unwrap(), Some(Alarm::ManyNumbers));
        assert_eq!(watch.may_ask(&bounds, "a", [5; 16], at(200)).unwrap(), None, "reported already");
        for n in 0..MISSES_OF_AT_LEAST {
            let alarm = watch.answered(&bounds, "a", n % 3 == 0, at(300));
            assert_eq!(alarm.is_some(), n + 1 == MISSES_OF_AT_LEAST);
        }
    }
    #[test]
    fn an_officer_is_one_however_the_name_is_written() {
        let bounds = Bounds { per_minute_max: 2, ..Bounds::default() };
        let mut watch = Watch::default();
        let at = Moment::from_millis(0);
        for name in ["Cán.Bộ@h99.example", "CÁN.BỘ@H99.EXAMPLE "] {
            assert!(watch.may_ask(&bounds, name, [1; 16], at).is_ok(), "{name}");
        }
        for name in ["cán.bộ@h99.example", "Ca\u{301}n.Bo\u{323}\u{302}@h99.example", "cán.bộ @h99.example"]
        {
            assert_eq!(
                watch.may_ask(&bounds, name, [1; 16], at).unwrap_err().code,
                "question.throttled",
                "{name}"
            );
        }
    }
}
