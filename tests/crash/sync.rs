//! Seen from outside, by the system calls themselves: the store's log is written and synced before the first byte of a success
//! leaves. Counting commits inside the process would only show that it believes so.

use std::path::Path;
use std::process::Command;

use conformance::process::{Gateway, Ground, lienthong_that_dies, terminate};
use conformance::senders::{Answered, Said, Sender, call};
use conformance::waiting::wait_for;
use tokio::sync::watch;

const CODE: &str = "H99.14-261123-0001";

/// What of a trace matters here, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Bytes went into the store's log.
    Written,
    /// The log is on disk.
    Synced,
    /// An answer began to leave.
    Answered,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_synced_before_the_answer_leaves() {
    let Some(seen) = traced(None).await else { return };
    let answered = place(&seen, Seen::Answered);
    assert!(answered > place(&seen, Seen::Written), "{seen:?}");
    assert!(answered > place(&seen, Seen::Synced), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_before_the_sync_is_noticed() {
    let Some(seen) = traced(Some("answer-before-commit")).await else { return };
    assert!(place(&seen, Seen::Answered) < place(&seen, Seen::Synced), "{seen:?}");
}

fn place(seen: &[Seen], what: Seen) -> usize {
    seen.iter().position(|seen| *seen == what).unwrap_or_else(|| panic!("no {what:?} in {seen:?}"))
}

/// The system calls of one accepted call, in the order in which they were done; none where nothing can be traced.
async fn traced(sabotage: Option<&str>) -> Option<Vec<Seen>> {
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("strace is not installed: nothing is shown here; ops/test installs it");
        return None;
    }
    // Nobody listens there: the only thing that happens is the acceptance.
    let ground = Ground::lay(([127, 0, 0, 1], 9).into(), "");
    let trace = ground.path("trace");
    let mut tracer = Command::new("strace");
    tracer.args(["-f", "-y", "-s", "16", "-e", "trace=fsync,fdatasync,write,writev,sendto,pwrite64", "-o"]);
    tracer.arg(&trace);
    tracer.envs(sabotage.map(|mistake| ("LIENTHONG_SABOTAGE", mistake)));
    let mut gateway = ground.start_under(tracer, lienthong_that_dies());
    let address = gateway.address().expect("a gateway that is ready");
    // What the start itself wrote is not of interest.
    let before = std::fs::read_to_string(&trace).expect("a trace").lines().count();
    let sender = Sender::new(&ground.key, watch::channel(None).1);
    let (path, body) = call(Said::State("2"), CODE);
    assert_eq!(sender.say(address, &path, &body).await, Some(Answered::Taken));
    end(&mut gateway, &trace);
    let text = std::fs::read_to_string(&trace).expect("a trace");
    Some(text.lines().skip(before).filter_map(seen).collect())
}

/// Ends the traced process, and with it its tracer.
fn end(gateway: &mut Gateway, trace: &Path) {
    let text = std::fs::read_to_string(trace).expect("a trace");
    // The tracer writes the thread's number first; the first line is the process itself.
    let traced = text.split_whitespace().next().and_then(|pid| pid.parse().ok()).expect("a process id");
    terminate(traced);
    wait_for("the traced gateway to stop", || gateway.ended());
}

/// A line of the trace. A call that blocks is told twice; a sync counts when it is done, bytes when they begin to go.
fn seen(line: &str) -> Option<Seen> {
    let log = line.contains("lienthong.db-wal>");
    let sync = line.contains("fdatasync(") || line.contains("fsync(");
    if log && line.contains("pwrite64(") {
        Some(Seen::Written)
    } else if (log && sync && line.ends_with("= 0")) || line.contains("sync resumed>") {
        Some(Seen::Synced)
    } else if line.contains("HTTP/1.1 200") {
        Some(Seen::Answered)
    } else {
        None
    }
}
