//! How fast messages are accepted durably: 64 callers, each waiting for its answer, against the bare engine doing the same
//! group commit with one row of 2 KB and two indexes. `cargo run --release -p lienthong --example store_throughput [folder]`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gateway_core::adapter::Payload;
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::Class;
use gateway_core::ids::{MessageId, Moment};
use lienthong::store::{Content, NewMessage, OpenOptions, Route, Seal, SealKey, Store};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

const CALLERS: u64 = 64;
const TIME: Duration = Duration::from_secs(5);

type Order = (u64, oneshot::Sender<()>);

fn bare_writer(path: &Path, mut queue: mpsc::Receiver<Order>) {
    let db = rusqlite::Connection::open(path).expect("open");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
         CREATE TABLE message (seq INTEGER PRIMARY KEY, code TEXT, correlation BLOB, body BLOB);
         CREATE INDEX by_code ON message (code); CREATE INDEX by_correlation ON message (correlation);",
    )
    .expect("tables");
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while let (true, Ok(next)) = (group.len() < 256, queue.try_recv()) {
            group.push(next);
        }
        db.execute_batch("BEGIN IMMEDIATE").expect("begin");
        for (number, _) in &group {
            let correlation = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            db.prepare_cached("INSERT INTO message (code, correlation, body) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute((code(*number), correlation, vec![7_u8; 2048])))
                .expect("insert");
        }
        db.execute_batch("COMMIT").expect("commit");
        for (_, answer) in group {
            let _ = answer.send(());
        }
    }
}

fn code(number: u64) -> String {
    format!("H99.14-260310-{number:07}")
}

fn message(number: u64) -> NewMessage {
    let at = Moment::from_millis(1_700_000_000_000 + number as i64);
    let mut chance = [0; 10];
    chance[2..].copy_from_slice(&number.to_be_bytes());
    let note = "x".repeat(700);
    NewMessage {
        id: MessageId::new(at, chance),
        correlation: number.to_string().into(),
        traceparent: None,
        from: "igate".into(),
        unit: "H99.14".into(),
        kind: "dossier-recorded".into(),
        class: Class::Snapshot,
        dossier: DossierCode::new(&code(number)),
        status: Some("1".to_owned()),
        due: Some(at),
        at,
        hints: BTreeMap::new(),
        keys: vec![],
        repeat_window_ms: 900_000,
        source: Payload::Json(json!({"MaHoSo": code(number), "GhiChu": note, "ChuHoSo": "Nguyễn Văn Thử"})),
        mapping: None,
        content: Ok(Content {
            document: json!({"dossier": {"code": code(number)}, "note": note, "status": "1"}),
            compared: None,
            to: vec![Route::to("portal".into())],
            notes: Vec::new(),
        }),
    }
}

async fn measure<F: Future<Output = ()> + Send>(
    name: &str,
    work: impl Fn(u64) -> F + Clone + Send + 'static,
) -> f64 {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let start = Instant::now();
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let work = work.clone();
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while start.elapsed() < TIME {
                    let begun = Instant::now();
                    work(NUMBER.fetch_add(1, Ordering::Relaxed)).await;
                    waits.push(begun.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for caller in callers {
        waits.extend(caller.await.expect("caller"));
    }
    waits.sort();
    let rate = waits.len() as f64 / start.elapsed().as_secs_f64();
    let part = |share: usize| waits[(waits.len() - 1) * share / 100];
    println!("{name}: {rate:.0}/s, p50 {:?}, p99 {:?}", part(50), part(99));
    rate
}

#[tokio::main]
async fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "throughput.tmp".to_owned()));
    for round in 1..=2 {
        std::fs::create_dir_all(&folder).expect("folder");
        let (orders, queue) = mpsc::channel::<Order>(1024);
        let path = folder.join("bare.db");
        let writer = std::thread::spawn(move || bare_writer(&path, queue));
        let bare = measure("bare engine", move |number| {
            let orders = orders.clone();
            async move {
                let (answer, done) = oneshot::channel();
                orders.send((number, answer)).await.expect("writer");
                done.await.expect("commit");
            }
        })
        .await;
        writer.join().expect("writer");
        let seal = Seal::from_keys(&SealKey::new([1; 32]), &[]).expect("key");
        let store = Store::open(&folder.join("store"), seal, OpenOptions::default()).expect("store");
        let used = store.clone();
        let full = measure("store.admit", move |number| {
            let store = used.clone();
            async move {
                store.admit(vec![message(number)]).await.expect("admit");
            }
        })
        .await;
        println!("round {round}: {:.0} % of bare; {} commits", full / bare * 100.0, store.commits());
        store.close().await;
        std::fs::remove_dir_all(&folder).expect("clean");
    }
}
