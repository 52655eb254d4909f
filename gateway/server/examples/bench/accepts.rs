//! Durable accepts, with 1 and 64 connections, the portal not there; then accepted → delivered with its simulator beside.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gateway_core::ids::Moment;
use gateway_core::schema::Notation;
use lienthong::clock::Clock;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::gateway::{Dossiers, Home, free_address, get, simulate};
use crate::table::{Row, Table};
use crate::{Plan, limits};

/// A backlog that takes longer to drain has been forgotten.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// Calls a second while latencies are measured: far below what it bears, as in a busy province.
const PACE: u64 = 100;

/// What a load came to.
struct Load {
    rate: f64,
    /// When each call was answered, by its number, and how long it took.
    answered: HashMap<u64, (Moment, Duration)>,
}

impl Load {
    fn latency(&self, share: usize) -> f64 {
        percentile(self.answered.values().map(|(_, took)| took.as_secs_f64() * 1000.0).collect(), share)
    }
}

fn percentile(mut values: Vec<f64>, share: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get((values.len().max(1) - 1) * share / 100).copied().unwrap_or(f64::NAN)
}

pub fn measure(plan: &Plan, table: &mut Table) {
    let dossiers = Arc::new(Dossiers::new(&crate::track().document(Notation::Json, 1 << 10)));
    let portal = free_address();
    let home = Arc::new(Home::make(plan, "accepts", portal));
    let (process, _) = home.start();
    std::thread::sleep(plan.seconds(1.0));
    table.add(Row::below("resident memory, idle", process.memory("VmRSS"), 40.0, megabytes));
    let time = plan.seconds(3.0);

    let appends = limits::appends(&plan.folder, time);
    let alone = load(&home, &dossiers, 1, Pace::Closed(time));
    table.add(Row::share("accepts, 1 connection", alone.rate, "append + fdatasync", appends, None));
    let bare = limits::group_commit(&plan.folder, 1, time);
    table.add(Row::share("", alone.rate, "bare SQLite commits", bare, None));
    table.add(latency("  until answered, 1 connection", &alone));
    // In turns, and the middle one of them, because the disk is shared with whatever else runs here.
    let mut turns: Vec<(f64, Load)> = Vec::new();
    for _ in 0..if plan.quick { 1 } else { 5 } {
        let bare = limits::group_commit(&plan.folder, 64, time);
        turns.push((bare, load(&home, &dossiers, 64, Pace::Closed(time))));
    }
    turns.sort_by(|(bare, one), (other, two)| (one.rate / bare).total_cmp(&(two.rate / other)));
    let (bare, many) = &turns[turns.len() / 2];
    let name = "bare SQLite group commit, 64 producers";
    table.add(Row::share("accepts, 64 connections", many.rate, name, *bare, Some(0.5)));
    table.add(latency("  until answered, 64 connections", many));
    table.add(Row::plain(
        "resident memory, under load",
        &megabytes(process.memory("VmRSS")),
        &peak(&process),
    ));
    process.stop();

    delivered(plan, table, &dossiers);
}

fn delivered(plan: &Plan, table: &mut Table, dossiers: &Arc<Dossiers>) {
    let portal = free_address();
    let home = Arc::new(Home::make(plan, "delivered", portal));
    let simulator = simulate(plan, portal);
    let (process, _) = home.start();
    let began = Instant::now();
    let busy = load(&home, dossiers, 8, Pace::Closed(plan.seconds(3.0)));
    drain(&home, busy.answered.len());
    let rate = busy.answered.len() as f64 / began.elapsed().as_secs_f64();
    let accepted = format!("{:.0}/s accepted meanwhile, all on these cores", busy.rate);
    table.add(Row::plain("accepted → delivered", &format!("{rate:.0}/s"), &accepted));

    let paced =
        load(&home, dossiers, 8, Pace::Every(Duration::from_secs(1) / PACE as u32, plan.seconds(4.0)));
    drain(&home, busy.answered.len() + paced.answered.len());
    table.add(latency(&format!("  until answered, at {PACE}/s"), &paced));
    let settled = settled(&home);
    let waits = paced
        .answered
        .iter()
        .filter_map(|(number, (at, _))| Some((settled.get(number)?.millis_since(*at) as f64).max(0.0)));
    let waits: Vec<f64> = waits.collect();
    let note = format!("{} of {} found in the log", waits.len(), paced.answered.len());
    let (p50, p99) = (percentile(waits.clone(), 50), percentile(waits, 99));
    let words = format!("p50 {p50:.1} ms  p99 {p99:.1} ms");
    table.add(Row::plain(&format!("  answered → delivered, at {PACE}/s"), &words, &note));
    let memory = megabytes(process.memory("VmRSS"));
    table.add(Row::plain("resident memory, after deliveries", &memory, &peak(&process)));
    process.stop();
    simulator.stop();
}

fn latency(what: &str, load: &Load) -> Row {
    let words = format!("p50 {:.1} ms  p99 {:.1} ms", load.latency(50), load.latency(99));
    Row::plain(what, &words, "")
}

fn megabytes(megabytes: f64) -> String {
    format!("{megabytes:.1} MB")
}

fn peak(process: &crate::gateway::Process) -> String {
    format!("at most {}", megabytes(process.memory("VmHWM")))
}

#[derive(Clone, Copy)]
enum Pace {
    /// Each connection asks again as soon as it is answered, for so long.
    Closed(Duration),
    /// One call after each such interval, spread over the connections, for so long.
    Every(Duration, Duration),
}

/// Every call carries a dossier of its own and must be accepted.
fn load(home: &Arc<Home>, dossiers: &Arc<Dossiers>, connections: u32, pace: Pace) -> Load {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for connection in 0..connections {
            let (home, dossiers, clock) = (home.clone(), dossiers.clone(), Clock::system());
            tasks.spawn(async move {
                let mut stream = TcpStream::connect(home.address).await.expect("the door is open");
                let _ = stream.set_nodelay(true);
                let (mut answered, mut buffer) = (Vec::new(), Vec::with_capacity(4096));
                let until = match pace {
                    Pace::Closed(time) | Pace::Every(_, time) => began + time,
                };
                for turn in 0.. {
                    if let Pace::Every(interval, _) = pace {
                        let due = began + interval * (turn * connections + connection);
                        tokio::time::sleep_until(due.into()).await;
                    }
                    if Instant::now() >= until {
                        break;
                    }
                    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                    let call = home.call(number, &dossiers.text(number));
                    let asked = Instant::now();
                    ask(&mut stream, &call, &mut buffer).await;
                    answered.push((number, (clock.now(), asked.elapsed())));
                }
                answered
            });
        }
        let mut answered = HashMap::new();
        while let Some(done) = tasks.join_next().await {
            answered.extend(done.expect("a client ends"));
        }
        Load { rate: answered.len() as f64 / began.elapsed().as_secs_f64(), answered }
    })
}

/// One call on a connection that stays open; anything but a plain acceptance is a failure of the bench.
async fn ask(stream: &mut TcpStream, call: &[u8], buffer: &mut Vec<u8>) {
    stream.write_all(call).await.expect("the gateway reads");
    buffer.clear();
    loop {
        assert!(stream.read_buf(buffer).await.expect("the gateway answers") > 0, "the connection broke off");
        let Some(end) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&buffer[..end]);
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.expect("the answer has a length");
        if buffer.len() >= end + 4 + length {
            let body = String::from_utf8_lossy(&buffer[end + 4..]);
            assert!(head.starts_with("HTTP/1.1 200") && !body.contains("\"-1\""), "{head}\n{body}");
            return;
        }
    }
}

/// Waits until so many deliveries have ended.
fn drain(home: &Home, count: usize) {
    let began = Instant::now();
    loop {
        let metrics = get(home.address, "/metrics").unwrap_or_default();
        let done: f64 = metrics
            .lines()
            .filter(|line| line.starts_with("lienthong_settled_total") && line.contains("\"delivered\""))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        if done as usize >= count {
            return;
        }
        assert!(began.elapsed() < DRAIN_MAX, "{done} of {count} delivered, see {}", home.log().display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// When each call was delivered, by its number, as the log says.
fn settled(home: &Home) -> HashMap<u64, Moment> {
    let log = std::fs::read_to_string(home.log()).unwrap_or_default();
    let one = |line: &str| {
        let line: Value = serde_json::from_str(line).ok()?;
        if line["settlement"] != "delivered" {
            return None;
        }
        let number = line["correlation"].as_str()?.strip_prefix("bench-")?.parse().ok()?;
        Some((number, Moment::parse(line["timestamp"].as_str()?)?))
    };
    log.lines().filter_map(one).collect()
}
