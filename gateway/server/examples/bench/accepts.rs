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

use crate::gateway::{self, Dossiers, Home, Process, free_address, get, simulate};
use crate::table::{Row, Table};
use crate::{Plan, limits};

/// A backlog that takes longer to drain has been forgotten.
const DRAIN_MAX: Duration = Duration::from_secs(60);
/// No gateway on one machine delivers more a second.
const RATE_MAX: f64 = 20_000.0;
/// Calls a second while latencies are measured: far below what it bears, as in a busy province.
const PACE: u64 = 100;

/// What a load came to.
struct Load {
    rate: f64,
    /// Processor time a message, the gateway's and that of this client, which share the cores.
    cpu: (Duration, Duration),
    /// Each call's number, when it was answered, and how long that took.
    answered: Vec<(u64, Moment, Duration)>,
}

impl Load {
    fn latency(&self, share: usize) -> f64 {
        percentile(self.answered.iter().map(|(_, _, took)| took.as_secs_f64() * 1000.0).collect(), share)
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
    let alone = load(&home, &process, &dossiers, 1, Pace::Closed(time));
    table.add(Row::share("accepts, 1 connection", alone.rate, "append + fdatasync", appends, None));
    let bare = limits::group_commit(&plan.folder, 1, time);
    table.add(Row::share("", alone.rate, "bare SQLite commits", bare, None));
    table.add(latency("  until answered, 1 connection", &alone));
    // In turns, and the middle one of them, because the disk is shared with whatever else runs here.
    let mut turns: Vec<(f64, Load)> = Vec::new();
    for _ in 0..if plan.quick { 1 } else { 5 } {
        let bare = limits::group_commit(&plan.folder, 64, time);
        turns.push((bare, load(&home, &process, &dossiers, 64, Pace::Closed(time))));
    }
    turns.sort_by(|(bare, one), (other, two)| (one.rate / bare).total_cmp(&(two.rate / other)));
    let (bare, many) = &turns[turns.len() / 2];
    let name = "bare SQLite group commit, 64 producers";
    table.add(Row::share("accepts, 64 connections", many.rate, name, *bare, Some(0.5)));
    table.add(latency("  until answered, 64 connections", many));
    let (ours, client) = many.cpu;
    let words = format!("{} µs", ours.as_micros());
    let client = format!("and {} µs of the client, on the same cores", client.as_micros());
    table.add(Row::plain("  processor time a message", &words, &client));
    table.add(Row::plain(
        "resident memory, under load",
        &megabytes(process.memory("VmRSS")),
        &peak(&process),
    ));
    process.stop();

    delivered(plan, table, &dossiers);
}

/// One call that must be accepted.
pub fn one(home: &Home, dossiers: &Dossiers, number: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut stream = TcpStream::connect(home.address).await.expect("the door is open");
        ask(&mut stream, home.call(dossiers).numbered(number), &mut vec![0; 4096]).await;
    });
}

/// Only the load, for a profiler.
pub fn spin(plan: &Plan, connections: u32, time: Duration) {
    let dossiers = Arc::new(Dossiers::new(&crate::track().document(Notation::Json, 1 << 10)));
    let home = Arc::new(Home::make(plan, "spin", free_address()));
    let (process, _) = home.start();
    for _ in 0..5 {
        let load = load(&home, &process, &dossiers, connections, Pace::Closed(time / 5));
        let (ours, client) = load.cpu;
        println!(
            "{:.0}/s, {} µs the gateway, {} µs the client",
            load.rate,
            ours.as_micros(),
            client.as_micros()
        );
    }
    process.stop();
}

fn delivered(plan: &Plan, table: &mut Table, dossiers: &Arc<Dossiers>) {
    let portal = free_address();
    let home = Arc::new(Home::make(plan, "delivered", portal));
    let simulator = simulate(plan, portal);
    let (process, _) = home.start();
    let began = Instant::now();
    let busy = load(&home, &process, dossiers, 8, Pace::Closed(plan.seconds(3.0)));
    drained(&home, busy.answered.len() as u64, DRAIN_MAX);
    let rate = busy.answered.len() as f64 / began.elapsed().as_secs_f64();
    let accepted = format!("{:.0}/s accepted meanwhile, all on these cores", busy.rate);
    table.add(Row::plain("accepted → delivered", &format!("{rate:.0}/s"), &accepted));

    let paced = load(
        &home,
        &process,
        dossiers,
        8,
        Pace::Every(Duration::from_secs(1) / PACE as u32, plan.seconds(4.0)),
    );
    drained(&home, (busy.answered.len() + paced.answered.len()) as u64, DRAIN_MAX);
    table.add(latency(&format!("  until answered, at {PACE}/s"), &paced));
    let settled = settled(&home);
    let waits = paced
        .answered
        .iter()
        .filter_map(|(number, at, _)| Some((settled.get(number)?.millis_since(*at) as f64).max(0.0)));
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

fn peak(process: &Process) -> String {
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
fn load(home: &Arc<Home>, process: &Process, dossiers: &Arc<Dossiers>, connections: u32, pace: Pace) -> Load {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _waits = WaitsItsTurn::new();
    runtime.block_on(async {
        let (began, cpu) = (Instant::now(), (process.cpu(), gateway::cpu("self")));
        let mut tasks = tokio::task::JoinSet::new();
        for connection in 0..connections {
            let (home, dossiers, clock) = (home.clone(), dossiers.clone(), Clock::system());
            tasks.spawn(async move {
                let mut stream = TcpStream::connect(home.address).await.expect("the door is open");
                let _ = stream.set_nodelay(true);
                let mut call = home.call(&dossiers);
                let (mut answered, mut buffer) = (Vec::new(), vec![0; 4096]);
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
                    let asked = Instant::now();
                    ask(&mut stream, call.numbered(number), &mut buffer).await;
                    answered.push((number, clock.now(), asked.elapsed()));
                }
                answered
            });
        }
        let mut answered = Vec::new();
        while let Some(done) = tasks.join_next().await {
            answered.extend(done.expect("a client ends"));
        }
        let rate = answered.len() as f64 / began.elapsed().as_secs_f64();
        let each = |now: Duration, before: Duration| (now - before) / answered.len().max(1) as u32;
        let cpu = (each(process.cpu(), cpu.0), each(gateway::cpu("self"), cpu.1));
        Load { rate, cpu, answered }
    })
}

/// While it lives, this thread waits for its turn when it is woken. A caller is on another machine: what its work costs counts against the
/// gateway here, but that each answer has the caller push the gateway off its core does not happen to any province.
struct WaitsItsTurn;

impl WaitsItsTurn {
    fn new() -> Self {
        let _ = policy(libc::SCHED_BATCH);
        WaitsItsTurn
    }
}

impl Drop for WaitsItsTurn {
    fn drop(&mut self) {
        let _ = policy(libc::SCHED_OTHER);
    }
}

/// How the system treats this thread.
#[allow(unsafe_code)] // There is no safe way to say it.
fn policy(policy: libc::c_int) -> libc::c_int {
    // SAFETY: the only memory handed over is this, and it is read before the call returns.
    unsafe { libc::sched_setscheduler(0, policy, &libc::sched_param { sched_priority: 0 }) }
}

/// One call on a connection that stays open; anything but a plain acceptance is a failure of the bench.
async fn ask(stream: &mut TcpStream, call: &[u8], buffer: &mut [u8]) {
    stream.write_all(call).await.expect("the gateway reads");
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await.expect("the gateway answers");
        assert!(read > 0, "the connection broke off");
        filled += read;
        if let Some(accepted) = is_accepted(&buffer[..filled]) {
            assert!(accepted, "{}", String::from_utf8_lossy(&buffer[..filled]));
            return;
        }
    }
}

/// None while a part of the answer is still to come.
fn is_accepted(answer: &[u8]) -> Option<bool> {
    let end = find(answer, b"\r\n\r\n")? + 4;
    let (head, body) = answer.split_at(end);
    let length = find(head, b"content-length: ").expect("the answer has a length") + 16;
    let digits = head[length..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    (body.len() >= length).then(|| head.starts_with(b"HTTP/1.1 200") && find(body, b"\"-1\"").is_none())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Waits until so many deliveries are taken, by the gateway's own count. Counting costs the gateway a look at all that waits, so it is not
/// asked before it can be done.
pub fn drained(home: &Home, count: u64, within: Duration) {
    let began = Instant::now();
    loop {
        let metrics = get(home.address, "/metrics").unwrap_or_default();
        let done: f64 = metrics
            .lines()
            .filter(|line| line.starts_with("lienthong_settled_total") && line.contains("\"delivered\""))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum();
        if done as u64 >= count {
            return;
        }
        assert!(began.elapsed() < within, "{done} of {count} delivered, see {}", home.log().display());
        let soonest = Duration::from_secs_f64((count as f64 - done) / RATE_MAX);
        std::thread::sleep(soonest.max(Duration::from_millis(20)));
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
