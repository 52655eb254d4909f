//! Our decisions under every misfortune at once: the pure functions of the core (admit, lane, settle, read back, availability) over a
//! model of what is around them.
//!
//! The model's store does a transaction whole or not at all; its queue loses, doubles and reorders; its peer takes effect before
//! its answer, after it or never; clocks jump; there are several consumers; and between any two actions everything that is only in memory may be
//! gone. A schedule is a seed. After the misfortunes comes a quiet end, in which everything must come to rest by itself.
//!
//! Some thousands of schedules by default; `SIMULATION_SCHEDULES=1000000` plays a million, `SIMULATION_SEED=42` one, told step by step.
//! What the store and the carrier do around the decisions is written down again in `world`, in the order of the real code, so a
//! rule that is broken there on purpose must be noticed as well.

mod consumer;
mod judge;
mod mistake;
mod peer;
mod senders;
mod store;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use mistake::Mistake;
use world::World;

/// Whoever waits for a million is told how far it is; whoever waits for some thousands is not kept waiting.
const TOLD_EVERY: u64 = 100_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Plays schedules on all processors; gives the first seeds that break a promise, with what they break.
fn play(first: u64, count: u64, mistake: Option<Mistake>, enough: usize) -> Vec<(u64, String)> {
    let (next, threads) = (AtomicU64::new(0), std::thread::available_parallelism().map_or(1, usize::from));
    let broken = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    if turn >= count || broken.lock().expect("nobody panics with it").len() >= enough {
                        return;
                    }
                    if mistake.is_none() && turn > 0 && turn.is_multiple_of(TOLD_EVERY) {
                        eprintln!("{turn} of {count} schedules");
                    }
                    if let Err(breach) = World::play(first + turn, mistake, None) {
                        broken.lock().expect("nobody panics with it").push((first + turn, breach));
                    }
                }
            });
        }
    });
    broken.into_inner().expect("nobody panics with it")
}

#[test]
fn no_schedule_breaks_a_promise() {
    if let Some(seed) = number("SIMULATION_SEED") {
        let ended = World::play(seed, None, Some(&mut |told| eprintln!("{told}")));
        assert_eq!(ended, Ok(()), "seed {seed}");
        return;
    }
    let count = number("SIMULATION_SCHEDULES").unwrap_or(50_000);
    let broken = play(0, count, None, 5);
    assert!(broken.is_empty(), "SIMULATION_SEED tells how: {broken:#?}");
}

/// A simulation that cannot fail proves nothing: every mistake breaks the promise that the rule is there for.
#[test]
fn every_mistake_is_noticed() {
    for (mistake, wanted) in Mistake::ALL {
        let broken = play(0, 20_000, Some(mistake), 1);
        let (seed, breach) = broken.first().unwrap_or_else(|| panic!("{mistake:?} is not noticed"));
        assert!(wanted.iter().any(|word| breach.contains(word)), "{mistake:?}, seed {seed}: {breach}");
    }
}
