//! What a machine can run out of: file handles, memory for bodies. Refused is new work, with 503 and when to come again.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;

use serde_json::json;

use super::{ill, ready};
use crate::process::Process;
use crate::wire::{House, Line, RELAY, ask, dossier, head, until};

/// So many files may this process have open at once.
fn limit_handles(pid: u32, most: usize) {
    let done = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--nofile={most}:")])
        .status()
        .expect("prlimit is installed");
    assert!(done.success());
}

fn handles(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("a process of ours").count()
}

/// The most memory that the process ever had, in bytes.
fn memory_at_most(pid: u32) -> usize {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process of ours");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the kernel counts it");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_file_handles_callers_are_told_to_come_again_and_the_door_gets_over_it() {
    let mut house = House::with(&[]).await;
    let process = Process::in_place_of(&mut house).await;
    let body = RELAY.body(&[dossier("H99.14-261123-0701", json!({}))]);
    assert_eq!(ask(process.address, &house.post(RELAY, &body)).await.unwrap().status, 200);
    until("the delivery", async || (house.stage.portal.state()["creates"] == 1).then_some(())).await;

    limit_handles(process.pid(), handles(process.pid()) + 3);
    // Lines on which nothing is said take what handles there are; whoever comes then is sent away at once.
    let call = house.post(RELAY, &RELAY.body(&[dossier("H99.14-261123-0702", json!({}))]));
    let mut silent = Vec::new();
    let refused = loop {
        assert!(silent.len() < 20, "the handles do not come to an end");
        let mut line = Line::open(process.address).await;
        silent.push(Line::open(process.address).await);
        line.say(&call).await;
        match line.hear().await {
            Some(heard) if heard.status == 503 => break heard,
            heard => drop(heard),
        }
    };
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    let noted = process.logged("the scarcity", |line| line["event"] == "accept-failed").await;
    assert_eq!(noted["part"], "door");
    drop(silent);
    limit_handles(process.pid(), 1024);
    let again = async || {
        let heard = ask(process.address, &call).await?;
        (heard.status == 200).then_some(())
    };
    until("the door", again).await;
    assert_eq!(ill(process.address, "door").await, None);
    until("both at the portal", async || (house.stage.portal.state()["creates"] == 2).then_some(())).await;
    let counted = |event: &str| process.log().iter().filter(|line| line["event"] == event).count();
    assert!(
        counted("accept-failed") <= counted("accepts-again") + 1,
        "said when it changes, not at every call"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_large_bodies_at_once_are_taken_as_memory_allows_and_none_is_lost() {
    const BODIES_MAX: usize = 8 << 20;
    let limit = format!("bodies_bytes_max = {BODIES_MAX}");
    let mut house = House::with(&[("limits", &limit), ("limits", "body_bytes_max = 4194304")]).await;
    let process = Process::in_place_of(&mut house).await;
    let before = memory_at_most(process.pid());
    let filler = "Hồ sơ thử nghiệm. ".repeat(90_000);
    let call = |number: usize| {
        let code = format!("H99.14-261123-{number:04}");
        house.post(RELAY, &RELAY.body(&[dossier(&code, json!({ "TrichYeuHoSo": filler }))]))
    };
    let one = Arc::new(call(1));
    assert!(one.len() > 2_000_000 && one.len() < 4 << 20);
    // All hold back their last byte until all others stand at the door: two hundred bodies would be 400 MB.
    let gate = Arc::new(tokio::sync::Barrier::new(200));
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..200 {
        let (one, gate, address) = (one.clone(), gate.clone(), process.address);
        calls.spawn(async move {
            let mut line = Line::open(address).await;
            let (most, last) = one.split_at(one.len() - 1);
            line.say(most).await;
            gate.wait().await;
            line.say(last).await;
            line.hear().await
        });
    }
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    while let Some(heard) = calls.join_next().await {
        let heard = heard.unwrap().expect("every call has an answer");
        assert!(heard.status != 503 || heard.header("retry-after").is_some(), "{heard:?}");
        *answers.entry(heard.status).or_default() += 1;
    }
    assert!(answers.get(&503).is_some_and(|refused| *refused > 100), "{answers:?}");
    assert!(answers.keys().all(|status| [200, 503].contains(status)), "{answers:?}");
    let grown = memory_at_most(process.pid()) - before;
    assert!(grown < 20 * BODIES_MAX, "{} MB for bodies of {} MB", grown >> 20, BODIES_MAX >> 20);
    // What was refused comes again and is taken, one like the other.
    for number in 1..4 {
        let call = call(number);
        until("the call", async || (ask(process.address, &call).await?.status == 200).then_some(())).await;
    }
    until("all at the portal", async || (house.stage.portal.state()["creates"] == 3).then_some(())).await;
    assert_eq!(ready(process.address).await.0, 200);
    let metrics = ask(process.address, &head("GET", "/metrics", &[])).await.unwrap().text();
    assert!(metrics.contains("lienthong_bodies_bytes 0\n"), "all of it was given back");
    assert!(metrics.contains("lienthong_turned_away_total{code=\"door.full\"}"), "{metrics}");
}
