//! Every figure the project promises, measured on this machine, each beside the limit measured in the same run.
//!
//! Run by `ops/bench`. It sees the gateway as its users do: the hop through the library, everything else through the
//! released binary in a process of its own, with a real configuration, key and store in a temporary folder. Clients run on
//! the same machine and share its cores, so what they cost counts against the gateway (but they wait their turn). Not part of any release: an
//! example, so that neither its code nor its dependencies weigh on the binary.
#![allow(missing_docs)]

/// As in the released binary, for the hop and for what it is compared with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod accepts;
mod backlog;
mod carrier;
mod client;
mod files;
mod gateway;
mod hop;
mod letters;
mod limits;
mod out;
mod peer;
mod questions;
mod starts;
mod table;
mod webhooks;

use std::path::PathBuf;
use std::time::Duration;

use gateway_core::schema::Notation;
use table::{Row, Table};

/// How long everything takes: enough for figures, or just enough to show that it works.
pub struct Plan {
    pub quick: bool,
    pub binary: PathBuf,
    pub folder: PathBuf,
}

impl Plan {
    fn seconds(&self, full: f64) -> Duration {
        Duration::from_secs_f64(if self.quick { 0.3 } else { full })
    }
}

fn main() {
    // As in the binary: what is measured here weighs what it weighs there.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [word, config] = &args[..]
        && word == "answered"
    {
        return peer::run_answered(config.as_ref());
    }
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1));
    let wanted = |part: &str| value("--only").is_none_or(|parts| parts.split(',').any(|one| one == part));
    let here = std::env::current_exe().expect("this program has a path");
    let release =
        here.parent().and_then(|folder| folder.parent()).expect("examples/ lies in the target folder");
    let plan = Plan {
        quick: args.iter().any(|arg| arg == "--quick"),
        binary: release.join("lienthong"),
        // Beside the build, not below the system's temporary folder: that may be memory, and nothing is synced there.
        folder: release.join("bench-folder"),
    };
    let _ = std::fs::remove_dir_all(&plan.folder);
    std::fs::create_dir_all(&plan.folder).expect("the target folder takes files");
    if args.first().is_some_and(|word| word == "spin") {
        return spin(&plan, &args[1..]);
    }
    let mut table = Table::new();
    if wanted("hop") {
        hops(&plan, &mut table);
    }
    if wanted("accepts") {
        accepts::measure(&plan, &mut table);
    }
    if wanted("questions") {
        questions::measure(&plan, &mut table);
    }
    if wanted("webhooks") {
        webhooks::measure(&plan, &mut table);
    }
    if wanted("starts") {
        starts::measure(&plan, &mut table);
    }
    if wanted("backlog") {
        backlog::measure(&plan, &mut table);
    }
    if wanted("carrier") {
        carrier::measure(&plan, &mut table);
    }
    if wanted("files") {
        files::measure(&plan, &mut table);
    }
    // Minutes, and gigabytes: only where it is asked for.
    if value("--only").is_some_and(|parts| parts.split(',').any(|one| one == "growth")) || plan.quick {
        backlog::growth(&plan, &mut table);
    }
    if let (Some(seconds), Some(crates)) = (value("--build-seconds"), value("--crates")) {
        let minutes = seconds.parse::<f64>().unwrap_or(f64::NAN) / 60.0;
        let what = format!("cold release build, {crates} crates");
        table.add(Row::below(&what, minutes, 8.0, |minutes| format!("{minutes:.1} min")));
    }
    let _ = std::fs::remove_dir_all(&plan.folder);
    table.print();
}

fn track() -> hop::Track {
    let files = lienthong::files::Files::built_in();
    hop::Track::new(&files.schemas, &files.mappings)
}

fn hops(plan: &Plan, table: &mut Table) {
    let track = track();
    let effort = hop::Effort { round: plan.seconds(1.0) / 10, rounds: if plan.quick { 1 } else { 12 } };
    for (notation, name, limit, target) in [
        (Notation::Xml, "XML", "bare xsd-schema validation", 0.8),
        (Notation::Json, "JSON", "bare serde_json parse + serialize", 0.4),
    ] {
        for bytes in [1 << 10, 10 << 10, 100 << 10] {
            let figure = track.measure(notation, bytes, effort);
            let what = format!("hop, {name} {:.1} KB", figure.bytes as f64 / 1024.0);
            table.add(Row::share(&what, figure.hop, limit, figure.limit, Some(target)));
            if let Some(events) = figure.events {
                table.add(Row::share("", figure.hop, "bare quick-xml events", events, None));
            }
        }
    }
}

/// `spin xml|json BYTES hop|read|limit TIMES`: one side of a hop in a loop, for a profiler. `spin accepts CONNECTIONS SECONDS`
/// loads a gateway, and so does `spin base64 TIMES` with files.
fn spin(plan: &Plan, args: &[String]) {
    let number = |text: &String| text.parse::<u32>().expect("a number");
    match args {
        [base64, times] if base64 == "base64" => letters::spin(plan, number(times).into()),
        [accepts, connections, seconds] if accepts == "accepts" => {
            accepts::spin(plan, number(connections), Duration::from_secs(number(seconds).into()));
        }
        [notation, bytes, side, times] => {
            let notation = if notation == "xml" { Notation::Xml } else { Notation::Json };
            track().spin(notation, number(bytes) as usize, side, number(times));
        }
        _ => {
            eprintln!(
                "spin xml|json BYTES hop|read|limit TIMES, spin accepts CONNECTIONS SECONDS, or spin base64 TIMES"
            );
            std::process::exit(2);
        }
    }
}
