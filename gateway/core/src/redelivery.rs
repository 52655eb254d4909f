//! When a peer counts as away, and how many calls it bears.
//!
//! One [`Availability`] for each peer, a state machine without clock or chance of its own. While the peer is up it allows as
//! many calls at once as have gone well lately (additive increase, multiplicative decrease); a failure that speaks of the
//! peer makes it away, and then one probe at a time goes out, with a growing pause of at most a minute. One success and it is
//! up again. Memory only: after a restart every peer is taken for up, and the first failure corrects that.
//! Whose turn a probe is, is a question of its own ([`probe`]), so that one bad message cannot keep a healthy peer away.
//! Deliberately absent: any count of attempts, because an outage costs a delivery nothing.

use crate::ids::Moment;

const PROBE_DELAY_MS_MIN: i64 = 1_000;
const PROBE_DELAY_MS_MAX: i64 = 60_000;
/// A peer that asks for longer than this is asked again all the same.
const RETRY_AFTER_MS_MAX: i64 = 3_600_000;
const LIMIT_START: usize = 4;
/// So many probes of each waiting lane are of its head; then it may be the head that the peer chokes on.
const PROBES_OF_THE_HEAD: usize = 3;

/// `min` doubled `times` times, at most `max`, then between half and all of it by chance, so that what failed together
/// does not come back together.
pub fn backoff_ms(min: i64, max: i64, times: u32, chance: f64) -> i64 {
    let full = min.saturating_mul(1_i64.checked_shl(times.min(40)).unwrap_or(i64::MAX)).clamp(1, max.max(1));
    let half = full / 2;
    half + ((full - half) as f64 * chance.clamp(0.0, 1.0)) as i64
}

/// Whose turn a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Which of the waiting lanes.
    pub lane: usize,
    /// None for the lane's head; else the turn, counted from 0, of those that may go before it.
    pub passing: Option<usize>,
}

/// Whose turn the next probe is, after so many failed ones, among so many waiting lanes. They take turns, and each begins with
/// its head; after three vain rounds the head and those behind it alternate, because a peer that only chokes on this one
/// message takes the next.
pub fn probe(failed: u32, lanes: usize) -> Probe {
    let (failed, lanes) = (failed as usize, lanes.max(1));
    let over = (failed / lanes).checked_sub(PROBES_OF_THE_HEAD);
    Probe { lane: failed % lanes, passing: over.filter(|turn| turn % 2 == 0).map(|turn| turn / 2) }
}

/// What a failure that speaks of the peer said about later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Later {
    /// The peer asked to be left alone for so long.
    pub retry_after_ms: Option<u64>,
}

/// Up, or away since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It takes calls.
    Up,
    /// It does not.
    Away {
        /// Since when.
        since: Moment,
        /// Probes that failed so far.
        probes: u32,
        /// The next probe may go out then.
        next_probe: Moment,
    },
}

/// What is known of a peer's availability.
#[derive(Debug, Clone, PartialEq)]
pub struct Availability {
    presence: Presence,
    limit: usize,
    limit_max: usize,
    successes_in_window: usize,
    last_success: Option<Moment>,
    last_cut: Option<Moment>,
    stands: bool,
}

impl Availability {
    /// A peer nothing is known of yet, which is taken for up. `limit_max` is the most calls at once.
    pub fn new(limit_max: usize) -> Self {
        let limit_max = limit_max.max(1);
        Availability {
            presence: Presence::Up,
            limit: LIMIT_START.min(limit_max),
            limit_max,
            successes_in_window: 0,
            last_success: None,
            last_cut: None,
            stands: false,
        }
    }

    /// Nothing more may start, and no probe either, until it is said otherwise: the peer is paused, or not live yet.
    pub fn stand_still(&mut self, stands: bool) {
        self.stands = stands;
    }

    /// Does it stand still?
    pub fn stands(&self) -> bool {
        self.stands
    }

    /// Up or away.
    pub fn presence(&self) -> Presence {
        self.presence
    }

    /// How many calls at once it bears at present.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// When it last took anything.
    pub fn last_success(&self) -> Option<Moment> {
        self.last_success
    }

    /// How many more deliveries may start now.
    pub fn may_start(&self, now: Moment, in_flight: usize) -> usize {
        match self.presence {
            _ if self.stands => 0,
            Presence::Up => self.limit.saturating_sub(in_flight),
            Presence::Away { next_probe, .. } => usize::from(in_flight == 0 && now >= next_probe),
        }
    }

    /// When to look again although nothing was reported; none while the peer is up or stands still.
    pub fn next_probe(&self) -> Option<Moment> {
        match self.presence {
            _ if self.stands => None,
            Presence::Up => None,
            Presence::Away { next_probe, .. } => Some(next_probe),
        }
    }

    /// The clock was set back to `now`: what was noted by the old time says nothing, and nobody waits for it to come again.
    pub fn clock_set_back(&mut self, now: Moment) {
        self.last_success = self.last_success.map(|moment| moment.min(now));
        self.last_cut = self.last_cut.map(|moment| moment.min(now));
        if let Presence::Away { since, next_probe, .. } = &mut self.presence {
            *since = (*since).min(now);
            *next_probe = (*next_probe).min(now);
        }
    }

    /// A call was answered by the peer itself, whatever it said about the message. True if the peer was away until now.
    pub fn succeeded(&mut self, now: Moment) -> bool {
        self.last_success = Some(now);
        let was_away = std::mem::replace(&mut self.presence, Presence::Up) != Presence::Up;
        self.successes_in_window += 1;
        if self.successes_in_window >= self.limit {
            self.successes_in_window = 0;
            self.limit = (self.limit + 1).min(self.limit_max);
        }
        was_away
    }

    /// A call failed in a way that speaks of the peer. `started` is when that call began: one that began before the last
    /// success says nothing new. True if the peer was up until now.
    pub fn failed(&mut self, later: Later, started: Moment, now: Moment, chance: f64) -> bool {
        // Calls that were out together fail together; only the first of them halves the limit.
        if self.last_cut.is_none_or(|cut| started >= cut) {
            self.limit = (self.limit / 2).max(1);
            self.last_cut = Some(now);
        }
        self.successes_in_window = 0;
        let asked = later
            .retry_after_ms
            .map_or(0, |ms| i64::try_from(ms).unwrap_or(i64::MAX))
            .min(RETRY_AFTER_MS_MAX);
        let pause = |probes| backoff_ms(PROBE_DELAY_MS_MIN, PROBE_DELAY_MS_MAX, probes, chance).max(asked);
        match self.presence {
            Presence::Up => {
                if self.last_success.is_some_and(|success| started < success) {
                    return false;
                }
                self.presence =
                    Presence::Away { since: now, probes: 0, next_probe: now.plus_millis(pause(0)) };
                true
            }
            Presence::Away { since, probes, next_probe } => {
                // Stragglers that left before the peer was known to be away are no probes.
                let was_probe = started >= next_probe;
                let probes = probes.saturating_add(u32::from(was_probe));
                let next = if was_probe { now.plus_millis(pause(probes)) } else { now.plus_millis(asked) };
                self.presence = Presence::Away { since, probes, next_probe: next.max(next_probe) };
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Moment {
        Moment::from_millis(ms)
    }

    #[test]
    fn the_limit_grows_by_one_and_halves() {
        let mut peer = Availability::new(16);
        assert_eq!(peer.may_start(at(0), 1), 3);
        for moment in 0..4 {
            peer.succeeded(at(moment));
        }
        assert_eq!(peer.limit(), 5);
        for moment in 0..1_000 {
            peer.succeeded(at(moment));
        }
        assert_eq!(peer.limit(), 16);
        assert!(peer.failed(Later::default(), at(1_000), at(1_010), 1.0));
        assert_eq!(peer.limit(), 8);
        for _ in 0..7 {
            assert!(!peer.failed(Later::default(), at(1_001), at(1_011), 1.0));
        }
        assert_eq!(peer.limit(), 8, "those that were out together count once");
    }

    #[test]
    fn away_means_one_probe_with_a_growing_pause() {
        let mut peer = Availability::new(16);
        peer.failed(Later::default(), at(0), at(0), 1.0);
        let mut pauses = vec![];
        let mut now = at(0);
        for _ in 0..8 {
            let Some(next) = peer.next_probe() else { panic!("away") };
            pauses.push(next.millis_since(now));
            assert_eq!(peer.may_start(next.plus_millis(-1), 0), 0);
            assert_eq!((peer.may_start(next, 0), peer.may_start(next, 1)), (1, 0));
            now = next;
            peer.failed(Later::default(), now, now, 1.0);
        }
        assert_eq!(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
        assert!(peer.succeeded(now));
        assert_eq!(peer.presence(), Presence::Up);
        assert_eq!(peer.may_start(now, 0), 2, "it comes back with little and grows");
    }

    #[test]
    fn what_stands_still_starts_nothing_and_goes_on_as_it_was() {
        let mut peer = Availability::new(16);
        peer.stand_still(true);
        assert_eq!(peer.may_start(at(0), 0), 0);
        peer.failed(Later::default(), at(1), at(1), 1.0);
        assert_eq!((peer.may_start(at(5_000), 0), peer.next_probe()), (0, None), "no probe either");
        peer.stand_still(false);
        assert_eq!((peer.may_start(at(5_000), 0), peer.next_probe()), (1, Some(at(1_001))));
    }

    #[test]
    fn probes_take_turns_and_pass_a_head_after_three_vain_ones() {
        let turns = |lanes| (0..10).map(move |failed| probe(failed, lanes));
        assert!(turns(1).all(|probe| probe.lane == 0));
        let passing: Vec<_> = turns(1).map(|probe| probe.passing).collect();
        let (head, pass) = (None, Some);
        assert_eq!(passing, [head, head, head, pass(0), head, pass(1), head, pass(2), head, pass(3)]);
        let of_two: Vec<_> = turns(2).map(|probe| (probe.lane, probe.passing)).collect();
        assert_eq!(of_two[..6], [(0, head), (1, head), (0, head), (1, head), (0, head), (1, head)]);
        assert_eq!(of_two[6..], [(0, pass(0)), (1, pass(0)), (0, head), (1, head)]);
        assert_eq!(probe(7, 0), probe(7, 1), "nobody waits");
    }

    #[test]
    fn retry_after_is_obeyed_within_reason() {
        let mut peer = Availability::new(4);
        peer.failed(Later { retry_after_ms: Some(30_000) }, at(0), at(0), 0.0);
        assert_eq!(peer.next_probe(), Some(at(30_000)));
        peer.failed(Later { retry_after_ms: Some(u64::MAX) }, at(30_000), at(30_000), 0.0);
        assert_eq!(peer.next_probe(), Some(at(30_000 + RETRY_AFTER_MS_MAX)));
    }

    #[test]
    fn a_straggler_does_not_undo_a_success() {
        let mut peer = Availability::new(4);
        peer.succeeded(at(100));
        assert!(!peer.failed(Later::default(), at(50), at(110), 0.0));
        assert_eq!(peer.presence(), Presence::Up);
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nobody_waiting() {
        let hour = 3_600_000;
        let mut peer = Availability::new(4);
        peer.succeeded(at(7 * hour));
        peer.failed(Later::default(), at(7 * hour + 1), at(7 * hour + 2), 0.0);
        peer.clock_set_back(at(5));
        assert_eq!(peer.may_start(at(5), 0), 1, "the next probe does not wait for seven hours to pass again");
        peer.succeeded(at(6));
        assert!(peer.failed(Later::default(), at(7), at(8), 0.0), "and a failure counts again");
    }

    #[test]
    fn pauses_double_to_a_cap_and_obey_chance() {
        assert_eq!(backoff_ms(2_000, 600_000, 0, 0.0), 1_000);
        assert_eq!(backoff_ms(2_000, 600_000, 0, 1.0), 2_000);
        assert_eq!(backoff_ms(2_000, 600_000, 3, 1.0), 16_000);
        assert_eq!(backoff_ms(2_000, 600_000, u32::MAX, 1.0), 600_000);
    }
}
