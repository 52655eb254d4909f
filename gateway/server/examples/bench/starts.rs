//! From the start of the process to `/readyz`: with an empty store, and with deliveries waiting for a portal that is away.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway_core::adapter::Payload;
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::Class;
use gateway_core::ids::{MessageId, Moment};
use gateway_core::schema::Notation;
use lienthong::store::{Content, NewMessage, OpenOptions, Route, Seal, SealKey, Store};
use serde_json::Value;

use crate::Plan;
use crate::gateway::{Dossiers, Home, free_address};
use crate::table::{Row, Table};

const WAITING: u64 = 100_000;
const WAITING_QUICK: u64 = 1_000;
/// Admitted together, so that preparing the store takes seconds and not minutes.
const TOGETHER: u64 = 500;

pub fn measure(plan: &Plan, table: &mut Table) {
    let home = Home::make(plan, "starts", free_address());
    let say = |ms: f64| format!("{ms:.0} ms");
    table.add(Row::below("start to ready, empty", median(&home, plan), 200.0, say));
    let waiting = if plan.quick { WAITING_QUICK } else { WAITING };
    fill(&home, waiting);
    let what = format!("start to ready, {waiting} waiting");
    table.add(Row::plain(&what, &say(median(&home, plan)), "the portal is away"));
    let (process, _) = home.start();
    std::thread::sleep(plan.seconds(2.0));
    let memory = format!("{:.1} MB", process.memory("VmRSS"));
    table.add(Row::plain(&format!("resident memory, {waiting} waiting"), &memory, ""));
    // SIGKILL, as by a machine that ran out of memory.
    drop(process);
    let began = std::time::Instant::now();
    let (process, _) = home.start();
    let dossiers = Dossiers::new(&crate::track().document(Notation::Json, 1 << 10));
    crate::accepts::one(&home, &dossiers, waiting + 1);
    let took = began.elapsed().as_secs_f64() * 1000.0;
    table.add(Row::below(&format!("accepting again after kill -9, {waiting} waiting"), took, 1_000.0, say));
    process.stop();
}

/// Milliseconds: the middle of several starts.
fn median(home: &Home, plan: &Plan) -> f64 {
    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..if plan.quick { 1 } else { 7 } {
        let (process, ready) = home.start();
        process.stop();
        took.push(ready);
    }
    took.sort();
    took[took.len() / 2].as_secs_f64() * 1000.0
}

/// The store of a gateway that does not run.
pub fn open(home: &Home) -> Store {
    let key = std::fs::read_to_string(home.folder.join("sealing.key")).expect("the sealing key");
    let key = SealKey::parse(&key).expect("the sealing key");
    let seal = Seal::from_keys(&key, &[]).expect("a seal");
    Store::open(&home.folder.join("data"), seal, OpenOptions::default()).expect("the store")
}

/// Puts deliveries into the store through its own door.
pub fn fill(home: &Home, count: u64) {
    let track = crate::track();
    let dossiers = Dossiers::new(&track.document(Notation::Json, 1 << 10));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = open(home);
        for first in (0..count).step_by(TOGETHER as usize) {
            let call = (first..count.min(first + TOGETHER)).map(|number| message(&track, &dossiers, number));
            store.admit(call.collect()).await.expect("admitted");
        }
        store.close().await;
    });
}

fn message(track: &crate::hop::Track, dossiers: &Dossiers, number: u64) -> NewMessage {
    let source: Value = serde_json::from_str(&dossiers.text(number)).expect("our own dossier");
    let document = track.canonical(&source);
    made(number, &Dossiers::code(number), ("dossier-recorded", Class::Snapshot), source, document)
}

/// When the first message was, of those that are made here.
pub const FIRST_AT: i64 = 1_773_106_200_000;

/// A message for the portal as the receiving half would hand it to the store.
pub fn made(
    number: u64,
    code: &str,
    (kind, class): (&str, Class),
    source: Value,
    document: Value,
) -> NewMessage {
    let at = Moment::from_millis(FIRST_AT + number as i64);
    let mut chance = [0; 10];
    chance[2..].copy_from_slice(&number.to_be_bytes());
    NewMessage {
        alias: None,
        files: Vec::new(),
        id: MessageId::new(at, chance),
        correlation: format!("bench-{number:010}").into(),
        traceparent: None,
        from: "mot-cua".into(),
        unit: "000.00.00.H99".into(),
        kind: kind.into(),
        class,
        dossier: DossierCode::new(code),
        status: Some("4".to_owned()),
        due: Some(at),
        at,
        hints: BTreeMap::new(),
        level: gateway_core::adapter::Level::Token,
        keys: vec![],
        repeat_window_ms: 900_000,
        mapping: None,
        carriage: None,
        content: Ok(Content {
            document,
            compared: None,
            undated: false,
            to: vec![Route::to("portal".into())],
            notes: Vec::new(),
        }),
        source: Payload::Json(source),
    }
}
