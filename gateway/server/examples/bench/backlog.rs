//! Much that waits, and much that was: how fast a backlog drains, what a long one weighs while a peer is away, and what one more message
//! costs when the journal has grown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gateway_core::envelope::Class;
use gateway_core::ids::Moment;
use gateway_core::pipeline::retention::Terms;
use lienthong::store::{NewMessage, Purge, Store};
use serde_json::json;

use crate::accepts::drained;
use crate::gateway::{Dossiers, Home, cpu, free_address, simulate};
use crate::starts::{FIRST_AT, fill, made, open};
use crate::table::{Row, Table};
use crate::{Plan, limits};

const BACKLOG: u64 = 100_000;
const BACKLOG_QUICK: u64 = 200;
/// A backlog that takes longer to drain has been forgotten.
const DRAIN_MAX: Duration = Duration::from_secs(300);
const WAITING: u64 = 1_000_000;
const WAITING_QUICK: u64 = 2_000;
/// Messages in the journal when one more is measured.
const GROWN: [u64; 3] = [10_000, 1_000_000, 5_000_000];
const GROWN_QUICK: [u64; 3] = [500, 1_000, 2_000];
/// Whose dossier the message of this number is about.
type Which = Box<dyn Fn(u64) -> u64 + Send + Sync>;

/// Dossiers that are in progress in a province.
const RECENT: u64 = 10_000;
/// So many are measured each time, by so many at once, and so many times; the middle counts.
const MEASURED: u64 = 4_000;
const AT_ONCE: u64 = 64;
const TIMES: usize = 15;
/// One of so many goes to nobody, so that nothing keeps it from being purged.
const PURGED_OF: u64 = 10;
/// Admitted together while the journal is filled.
const TOGETHER: u64 = 1_000;

pub fn measure(plan: &Plan, table: &mut Table) {
    drain(plan, table);
    waiting(plan, table);
}

/// From the moment that the peer is back to the last delivery.
fn drain(plan: &Plan, table: &mut Table) {
    let count = if plan.quick { BACKLOG_QUICK } else { BACKLOG };
    let portal = free_address();
    let home = Home::make(plan, "backlog", portal);
    fill(&home, count);
    let commits = limits::group_commit(&plan.folder, 16, plan.seconds(2.0));
    let simulator = simulate(plan, portal);
    let began = Instant::now();
    let (process, _) = home.start();
    let cpu = process.cpu();
    drained(&home, count, DRAIN_MAX);
    let took = began.elapsed();
    let rate = count as f64 / took.as_secs_f64();
    let cpu = (process.cpu() - cpu) / count as u32;
    // Each delivery waits for two commits: its request before the call leaves, its answer with what that settles.
    table.add(Row::share(
        &format!("backlog of {count}, 16 calls at once"),
        rate,
        "half of bare SQLite group commit, 16 producers",
        commits / 2.0,
        None,
    ));
    let words = format!("{:.1} s", took.as_secs_f64());
    let beside = format!("{} µs of the gateway a delivery; the simulator shares the cores", cpu.as_micros());
    table.add(Row::plain("  until the last is delivered", &words, &beside));
    process.stop();
    simulator.stop();
}

/// What a gateway weighs while so many deliveries wait for a peer that is away.
fn waiting(plan: &Plan, table: &mut Table) {
    let count = if plan.quick { WAITING_QUICK } else { WAITING };
    let home = Home::make(plan, "waiting", free_address());
    grow(&open(&home), 0, count);
    let (process, ready) = home.start();
    // Long enough for probes of the peer and for what is looked at by the clock.
    std::thread::sleep(plan.seconds(10.0));
    let what = format!("resident memory, {count} wait for a peer that is away");
    let peak = format!(
        "at most {:.1} MB; ready after {:.0} ms",
        process.memory("VmHWM"),
        ready.as_secs_f64() * 1000.0
    );
    table.add(Row::below(&what, process.memory("VmRSS"), 200.0, |megabytes| format!("{megabytes:.1} MB")));
    table.add(Row::plain("", "", &peak));
    process.stop();
    let _ = std::fs::remove_dir_all(&home.folder);
}

/// What one more message costs while what has had its time is purged beside it: of a new dossier, of one that was lately spoken of, as
/// nearly all are, and of just any in the journal.
pub fn growth(plan: &Plan, table: &mut Table) {
    let home = Home::make(plan, "growth", free_address());
    let store = open(&home);
    let levels = if plan.quick { GROWN_QUICK } else { GROWN };
    let (measured, times) = if plan.quick { (200, 1) } else { (MEASURED, TIMES) };
    let mut next = 0;
    let mut first = Vec::new();
    for level in levels {
        let began = Instant::now();
        grow(&store, next, level);
        eprintln!("  {level} messages in the journal after {:.0} s", began.elapsed().as_secs_f64());
        next = next.max(level);
        // What the disk still owes of the growing is not the next message's.
        settle(&home);
        let commits = limits::group_commit(&plan.folder, AT_ONCE, plan.seconds(1.0));
        eprintln!("  bare SQLite group commit, {AT_ONCE} producers: {:.1} µs each", 1e6 / commits);
        // Some prime, so that they come in no order.
        let kinds: [(&str, Which); 3] = [
            ("of a new dossier", Box::new(|number| number)),
            (
                "of one of the latest 10,000",
                Box::new(move |number| level - 1 - number * 7_368_787 % RECENT.min(level)),
            ),
            ("of just any", Box::new(move |number| number * 7_368_787 % level)),
        ];
        for (place, (of, dossier)) in kinds.into_iter().enumerate() {
            let dossier: Arc<dyn Fn(u64) -> u64 + Send + Sync> = dossier.into();
            let (mut took, cpu): (Vec<f64>, Vec<f64>) = (0..times)
                .map(|_| {
                    let (dossier, from) = (dossier.clone(), next);
                    next += measured;
                    cost(&store, from, measured, move |number| message(number, dossier(number)))
                })
                .unzip();
            eprintln!("    {of}: {took:.1?} µs, of all cores {cpu:.0?} µs");
            took.sort_by(f64::total_cmp);
            let took = took[times / 2];
            if first.len() == place {
                first.push(took);
            }
            let what = if place == 0 {
                format!("one more message at {level} rows, {of}")
            } else {
                format!("  {of}")
            };
            let share = format!("{:.0} % of that at {} rows", 100.0 * took / first[place], levels[0]);
            // What is spoken of in a province is new or recent; what lies just anywhere has its pages fetched from just anywhere.
            table.add(match place {
                2 => Row::plain(&what, &format!("{took:.1} µs"), &share),
                _ => {
                    Row::below(&what, took, 1.2 * first[place], |took| format!("{took:.1} µs")).beside(&share)
                }
            });
        }
    }
    drop(store);
    let _ = std::fs::remove_dir_all(&home.folder);
}

/// Until everything that was written lies on the disk.
fn settle(home: &Home) {
    let folder = std::fs::File::open(&home.folder).expect("the folder is there");
    rustix::fs::syncfs(folder).expect("the disk takes it");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

/// Messages of dossiers of their own, from this number to that.
fn grow(store: &Store, from: u64, to: u64) {
    runtime().block_on(async {
        for first in (from..to).step_by(TOGETHER as usize) {
            let call = (first..to.min(first + TOGETHER)).map(|number| message(number, number));
            store.admit(call.collect()).await.expect("admitted");
        }
    });
}

/// Purges for as long as it is let: what nobody has to hear has had its time, and its rows are kept.
async fn purge(store: Store) {
    const DAY_MS: i64 = 86_400_000;
    let terms =
        Terms { bodies_ms: DAY_MS, unended_ms: DAY_MS, rows_ms: 100_000 * DAY_MS, keys_ms: 100_000 * DAY_MS };
    loop {
        store
            .purge(terms, Moment::from_millis(FIRST_AT + 1_000 * DAY_MS), Purge::ForGood)
            .await
            .expect("purged");
        tokio::task::yield_now().await;
    }
}

/// Microseconds a message with many at once as through busy doors, by the clock on the wall and of all cores together; the purge's share is in it.
fn cost(
    store: &Store,
    from: u64,
    count: u64,
    make: impl Fn(u64) -> NewMessage + Send + Sync + 'static,
) -> (f64, f64) {
    let (make, next) = (Arc::new(make), Arc::new(AtomicU64::new(from)));
    let runtime = runtime();
    runtime.block_on(async {
        let purging = tokio::spawn(purge(store.clone()));
        let began = Instant::now();
        let before = cpu("self");
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..AT_ONCE {
            let (store, make, next) = (store.clone(), make.clone(), next.clone());
            tasks.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= from + count {
                        return;
                    }
                    store.admit(vec![make(number)]).await.expect("admitted");
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.expect("a producer ends");
        }
        let took = began.elapsed().as_secs_f64() * 1e6 / count as f64;
        let cpu = (cpu("self") - before).as_secs_f64() * 1e6 / count as f64;
        assert!(!purging.is_finished(), "the purge fell over");
        purging.abort();
        (took, cpu)
    })
}

/// A small one: its documents have 200 bytes.
fn message(number: u64, dossier: u64) -> NewMessage {
    let code = Dossiers::code(dossier);
    let document = json!({ "dossier": code, "number": number, "note": "x".repeat(140) });
    let mut message = made(number, &code, ("dossier-progressed", Class::Event), document.clone(), document);
    if number.is_multiple_of(PURGED_OF)
        && let Ok(content) = &mut message.content
    {
        content.to.clear();
    }
    message
}
