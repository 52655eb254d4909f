//! The schedule of a proof: what is said, what the peers do to each call, and when the gateway dies, all drawn from one seed.
//!
//! Chance is a function of the seed and of what it is asked for, never of the clock or of the order in which things happen to come
//! about; so the same seed makes the same schedule on a faster machine too. What differs from run to run is only where in the
//! code a death falls.

use std::time::Duration;

use crate::simulator::Twist;

/// Local software that speaks at once.
pub const SENDERS: usize = 8;
/// Messages that each of them has to say for each round.
const OF_A_ROUND: usize = 6;
/// Messages of a dossier.
const OF_A_DOSSIER: usize = WAY.len();
/// Dossiers that a sender speaks of by turns.
const BY_TURNS: usize = 3;
/// A call is spoiled at most so often: a peer that spoils the same for ever is one that nobody could deliver to.
const SPOILED_MAX: u32 = 2;
/// What a peer takes longer for than the gateway waits.
pub const TOO_LATE_MS: u64 = 900;

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// The state of a dossier.
    State(&'static str),
    /// A step of its way.
    Step(&'static str),
}

/// What each dossier goes through. Step 5 is the one that an operator is asked about where nobody can tell.
const WAY: [Said; 8] = [
    Said::State("2"),
    Said::Step("2"),
    Said::Step("4"),
    Said::State("4"),
    Said::Step("5"),
    Said::Step("4"),
    Said::State("10"),
    Said::Step("10"),
];

/// A message by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// Its number: who says it and, within that, in which order.
    pub number: u64,
    /// Its dossier's own number.
    pub dossier: u64,
    /// What it says.
    pub said: Said,
}

/// The numbers of one sender begin at a multiple of this.
const OF_A_SENDER: u64 = 1_000_000;

/// How the gateway's life in a round ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// So long after its process began: while it opens its store, most likely.
    Start(Duration),
    /// With the n-th answer that a sender gets in this life.
    Answer(u64),
    /// With the n-th call that takes effect at a peer in this life, before its answer has left.
    Effect(u64),
    /// So long after it was ready.
    Ready(Duration),
}

/// A seed and what follows from it.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// The seed.
    pub seed: u64,
    /// Lives that end with a kill.
    pub rounds: usize,
}

impl Schedule {
    fn draw(&self, what: &[u64]) -> u64 {
        what.iter().fold(mixed(self.seed), |sum, part| mixed(sum ^ mixed(*part)))
    }

    /// How the life of this round ends. In every third round within 50 ms of its start.
    pub fn death(&self, round: usize) -> Death {
        let [kind, when] = [0, 1].map(|part| self.draw(&[1, round as u64, part]));
        match (round % 3, kind % 3) {
            (2, _) => Death::Start(Duration::from_micros(when % 50_000)),
            (_, 0) => Death::Answer(1 + when % (SENDERS * OF_A_ROUND) as u64),
            (_, 1) => Death::Effect(1 + when % 48),
            _ => Death::Ready(Duration::from_micros(when % 1_000_000)),
        }
    }

    /// How many messages a sender may have said by this round, counted from 0.
    pub fn allowed(&self, round: usize) -> usize {
        (round + 1).min(self.rounds) * OF_A_ROUND
    }

    /// How many messages there are in all.
    pub fn messages(&self) -> usize {
        SENDERS * self.rounds * OF_A_ROUND
    }

    /// The message that this sender says at its turn.
    pub fn message(&self, sender: usize, turn: usize) -> Numbered {
        let (block, within) = (turn / (BY_TURNS * OF_A_DOSSIER), turn % (BY_TURNS * OF_A_DOSSIER));
        let (dossier, step) = (block * BY_TURNS + within % BY_TURNS, within / BY_TURNS);
        // Of one dossier in three the first step is told before anybody has told of the dossier: it waits for that.
        let step = if within.is_multiple_of(BY_TURNS) && step < 2 { 1 - step } else { step };
        Numbered {
            number: sender as u64 * OF_A_SENDER + turn as u64,
            dossier: sender as u64 * OF_A_SENDER + dossier as u64,
            said: WAY[step],
        }
    }

    /// The dossier that the message of this number speaks of.
    pub fn dossier_of(&self, number: u64) -> u64 {
        let place = |part: u64| usize::try_from(part).unwrap_or(usize::MAX);
        self.message(place(number / OF_A_SENDER), place(number % OF_A_SENDER)).dossier
    }

    /// All messages, each sender's in its order.
    pub fn all(&self) -> impl Iterator<Item = Numbered> + '_ {
        let turns = self.rounds * OF_A_ROUND;
        (0..SENDERS).flat_map(move |sender| (0..turns).map(move |turn| self.message(sender, turn)))
    }

    /// What happens to a call at this peer: `about` is what it is about, `attempt` how often that was called before, `spoiled`
    /// how often it was spoiled. Any call takes a few milliseconds, so that a death can fall into it.
    pub fn twist(&self, peer: u64, about: u64, attempt: u64, spoiled: u32) -> Twist {
        let [spoils, how, pause] = [0, 1, 2].map(|part| self.draw(&[2, peer, about, attempt, part]));
        if spoiled >= SPOILED_MAX || !spoils.is_multiple_of(30) {
            return Twist::Slow(pause % 8);
        }
        // The second time it is surely not taken: of what is in doubt twice the gateway would wait for minutes, as it should.
        match how % if spoiled == 0 { 12 } else { 3 } {
            0 => Twist::Status(503),
            1 => Twist::Busy(429, 1),
            2 => Twist::XRoad,
            3 => Twist::Status(500),
            4 => Twist::Html,
            5 => Twist::HtmlAfter,
            6 => Twist::LostBefore,
            7 => Twist::LostAfter,
            8 => Twist::ResetBefore,
            9 => Twist::ResetAfter,
            10 => {
                if pause.is_multiple_of(2) {
                    Twist::Hang(TOO_LATE_MS)
                } else {
                    Twist::Slow(TOO_LATE_MS)
                }
            }
            _ => Twist::Redirect,
        }
    }
}

/// The finaliser of SplitMix64: every bit of what goes in moves half of those that come out.
pub fn mixed(value: u64) -> u64 {
    let mut mixed = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_repeats_the_schedule_and_another_makes_another() {
        let told = |seed| {
            let schedule = Schedule { seed, rounds: 30 };
            let deaths: Vec<Death> = (0..30).map(|round| schedule.death(round)).collect();
            let twists: Vec<Twist> = (0..500).map(|about| schedule.twist(1, about, 0, 0)).collect();
            (deaths, twists)
        };
        assert_eq!(told(7), told(7));
        assert_ne!(told(7), told(8));
        let (deaths, twists) = told(7);
        assert!(deaths.iter().any(|death| matches!(death, Death::Effect(_))));
        assert!(deaths.iter().any(|death| matches!(death, Death::Answer(_))));
        assert!(twists.contains(&Twist::ResetAfter) || twists.contains(&Twist::LostAfter));
    }

    #[test]
    fn every_dossier_goes_its_way_in_order() {
        let schedule = Schedule { seed: 1, rounds: 8 };
        let all: Vec<Numbered> = schedule.all().collect();
        assert_eq!(all.len(), schedule.messages());
        let of = |dossier: u64| -> Vec<Said> {
            all.iter().filter(|message| message.dossier == dossier).map(|message| message.said).collect()
        };
        assert_eq!(of(1), WAY);
        let early = of(0);
        assert_eq!((early[0], early[1], &early[2..]), (WAY[1], WAY[0], &WAY[2..]));
    }
}
