//! `lienthong prove`: content with the gateway as it is, and never with one that makes a mistake on purpose.

use std::path::Path;
use std::process::{Command, Output};

use conformance::process::{lienthong, lienthong_that_dies};
use serde_json::Value;

fn prove(binary: &Path, rounds: u32, seed: u32, sabotage: Option<&str>) -> (Option<i32>, Value) {
    prove_over("embedded", binary, rounds, seed, sabotage)
}

fn prove_over(
    carrier: &str,
    binary: &Path,
    rounds: u32,
    seed: u32,
    sabotage: Option<&str>,
) -> (Option<i32>, Value) {
    let mut command = Command::new(binary);
    command.args([
        "prove",
        "--carrier",
        carrier,
        "--json",
        "--rounds",
        &rounds.to_string(),
        "--seed",
        &seed.to_string(),
    ]);
    command.env_remove("LIENTHONG_CONFIG").envs(sabotage.map(|mistake| ("LIENTHONG_SABOTAGE", mistake)));
    let Output { status, stdout, stderr } = command.output().expect("the binary can be started");
    let told = serde_json::from_slice(&stdout)
        .unwrap_or_else(|error| panic!("{status}: {error}: {}", String::from_utf8_lossy(&stderr)));
    // What is kept for whoever looks into a breach that was made on purpose is of no use to anybody.
    if let Some(folder) = String::from_utf8_lossy(&stderr).lines().find_map(|line| line.split(": ").nth(1)) {
        let _ = std::fs::remove_dir_all(folder);
    }
    (status.code(), told)
}

fn breaches(told: &Value) -> Vec<String> {
    let listed = told["findings"]["account"]["breaches"].as_array().expect("a list of breaches");
    listed.iter().filter_map(|breach| breach.as_str().map(str::to_owned)).collect()
}

#[test]
fn nothing_is_lost_doubled_reordered_or_stuck() {
    let (status, told) = prove(lienthong(), 9, 7, None);
    assert_eq!(breaches(&told), Vec::<String>::new());
    assert_eq!(status, Some(0));
    let found = &told["findings"];
    assert_eq!(found["kills"], 9);
    assert!(found["kills_before_ready"].as_u64() >= Some(3), "{found}");
    assert!(found["spoiled"].as_u64() >= Some(5), "the peers were not hostile: {found}");
    let owed = found["account"]["classes"].as_array().expect("three classes");
    assert!(owed.len() == 3 && owed.iter().all(|class| class["owed"].as_u64() >= Some(200)), "{found}");
}

#[test]
fn an_answer_before_the_commit_is_a_breach() {
    let (status, told) = prove(lienthong_that_dies(), 5, 2, Some("answer-before-commit"));
    assert_eq!(status, Some(1));
    assert!(breaches(&told).iter().any(|breach| breach.starts_with("lost")), "{told}");
}

#[test]
fn a_call_before_its_row_is_a_breach() {
    let (status, told) = prove(lienthong_that_dies(), 5, 2, Some("call-before-journal"));
    assert_eq!(status, Some(1));
    assert!(breaches(&told).iter().any(|breach| breach.starts_with("doubled")), "{told}");
}

#[test]
fn a_forgotten_outbox_is_a_breach() {
    let (status, told) = prove(lienthong_that_dies(), 2, 2, Some("forget-outbox"));
    assert_eq!(status, Some(1));
    assert!(breaches(&told).iter().all(|breach| breach.starts_with("lost")), "{told}");
    assert!(!breaches(&told).is_empty());
}

/// Ten lives, and the broker dies once as well.
#[test]
fn nothing_is_lost_doubled_reordered_or_stuck_over_a_broker() {
    let (status, told) = prove_over("rabbitmq", lienthong(), 10, 3, None);
    assert_eq!(breaches(&told), Vec::<String>::new());
    assert_eq!(status, Some(0));
    let found = &told["findings"];
    assert_eq!(
        (&told["carrier"], &found["kills"], &found["broker_kills"]),
        (&"rabbitmq".into(), &10.into(), &1.into())
    );
}

/// The carrier cannot make this mistake, because it takes nothing for done that the store does not say; the door at the broker can.
#[test]
fn an_acknowledgement_before_the_commit_is_a_breach_over_a_broker() {
    let (status, told) = prove_over("rabbitmq", lienthong_that_dies(), 6, 2, Some("acknowledge-first"));
    assert_eq!(status, Some(1));
    assert!(breaches(&told).iter().any(|breach| breach.starts_with("lost")), "{told}");
}

#[test]
fn a_forgotten_outbox_is_a_breach_over_a_broker_too() {
    let (status, told) = prove_over("rabbitmq", lienthong_that_dies(), 2, 2, Some("forget-outbox"));
    assert_eq!(status, Some(1));
    assert!(breaches(&told).iter().any(|breach| breach.starts_with("lost")), "{told}");
}
