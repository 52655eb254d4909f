//! Killed at every named point of the code, and at moments nobody chose.

use std::time::Duration;

use conformance::process::{lienthong, lienthong_that_dies};
use lienthong::crash::POINTS;
use tokio::task::JoinSet;

use crate::world::{Death, Portal, ReadBack, Run};

/// Runs at a time: as many as there are processors to kill on.
const AT_ONCE: usize = 3;

/// How many more moments to try than by default.
fn seeds(default: u64) -> u64 {
    std::env::var("CRASH_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Plays all runs, some at a time, and gives what went wrong and how many died.
async fn play(runs: Vec<(String, Run<'static>)>) -> (Vec<String>, usize) {
    let (mut wrong, mut died) = (Vec::new(), 0);
    let mut playing = JoinSet::new();
    let mut runs = runs.into_iter();
    loop {
        while playing.len() < AT_ONCE
            && let Some((name, run)) = runs.next()
        {
            playing.spawn(async move { (name, run.play().await) });
        }
        let Some(played) = playing.join_next().await else { return (wrong, died) };
        let (name, verdict) = played.expect("a run comes to its end");
        died += usize::from(verdict.died);
        wrong.extend(verdict.complaints.into_iter().map(|complaint| format!("{name}: {complaint}")));
    }
}

fn both() -> [ReadBack; 2] {
    [ReadBack::Hidden, ReadBack::Shown]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_every_named_point_nothing_is_lost_or_doubled() {
    // Early, where a lane is new; later, where lanes have a past; and as many more as asked for.
    let passes: Vec<u64> = [1, 2, 3, 13].into_iter().chain((4..).take(seeds(0) as usize)).collect();
    let mut runs = Vec::new();
    for (index, point) in POINTS.iter().enumerate() {
        for (turn, pass) in passes.iter().enumerate() {
            let death = format!("{point}:{pass}");
            let read_back = both()[(index + turn) % 2];
            let name = format!("{death} {read_back:?}");
            let (binary, death, portal) = (lienthong_that_dies(), Death::At(death), Portal::Faithful);
            runs.push((name, Run { binary, death, sabotage: None, read_back, portal }));
        }
    }
    let tried = runs.len();
    let (wrong, died) = play(runs).await;
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    if seeds(0) == 0 {
        assert_eq!(died, tried, "every one of these points is passed so often");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_nothing_is_lost_or_doubled() {
    let mut runs = Vec::new();
    for seed in 0..seeds(10) {
        // Spread over the time in which everything is said and delivered, differently for each seed.
        let span = Duration::from_micros(5_000 + (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 44) % 600_000);
        let read_back = both()[seed as usize % 2];
        let name = format!("seed {seed}, killed after {span:?}, {read_back:?}");
        let (binary, death, portal) = (lienthong(), Death::After(span), Portal::Faithful);
        runs.push((name, Run { binary, death, sabotage: None, read_back, portal }));
    }
    let (wrong, died) = play(runs).await;
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    assert!(died > 0, "none was killed before it was done");
}

/// Dying is crossed with answers that are lost: what was called before the end is in doubt twice over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_beside_a_portal_that_loses_answers_nothing_is_lost_and_what_may_be_doubled_is_said() {
    let points = ["after-request-journaled", "after-answer", "after-settled", "before-commit"];
    let mut runs = Vec::new();
    for seed in 0..seeds(8) {
        let point = points[seed as usize % points.len()];
        // Any pass of the first forty, each pair of point and read-back once in eight seeds.
        let death = format!("{point}:{}", 1 + seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 40);
        let read_back = both()[(seed / 4) as usize % 2];
        let name = format!("losing, seed {seed}, {death} {read_back:?}");
        let (binary, portal) = (lienthong_that_dies(), Portal::Losing(seed));
        runs.push((name, Run { binary, death: Death::At(death), sabotage: None, read_back, portal }));
    }
    let (wrong, died) = play(runs).await;
    assert!(wrong.is_empty(), "{} complaints:\n{}", wrong.len(), wrong.join("\n"));
    assert!(died > 0, "none was killed before it was done");
}
