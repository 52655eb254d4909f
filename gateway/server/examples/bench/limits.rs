//! What bounds durable accepts on this disk: a bare append + fdatasync loop, and a bare SQLite group commit.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

/// About what a dossier of 1 KB weighs in the store: as it came and in canonical form.
const ROW_BYTES: usize = 2048;
/// As the gateway's own writer does it.
const GROUP_MAX: usize = 256;

/// Appends a second that each wait for the disk.
pub fn appends(folder: &Path, time: Duration) -> f64 {
    let mut file = File::create(folder.join("appended")).expect("the folder takes files");
    let (began, mut count) = (Instant::now(), 0_u32);
    while began.elapsed() < time {
        file.write_all(&[7; ROW_BYTES]).and_then(|()| file.sync_data()).expect("the disk takes it");
        count += 1;
    }
    f64::from(count) / began.elapsed().as_secs_f64()
}

type Order = (u64, oneshot::Sender<()>);

/// Rows a second that so many producers get durably into one table, each waiting for its commit: one writer thread takes
/// all that wait into one transaction. One row of 2 KB with two indexes.
pub fn group_commit(folder: &Path, producers: u64, time: Duration) -> f64 {
    let path = folder.join("bare.db");
    // A new store each time: one that has grown would make the limit look lower than it is.
    for part in ["bare.db", "bare.db-wal", "bare.db-shm"] {
        let _ = std::fs::remove_file(folder.join(part));
    }
    let (orders, queue) = mpsc::channel::<Order>(1024);
    let writer = std::thread::spawn(move || write(&path, queue));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let rate = runtime.block_on(async {
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for producer in 0..producers {
            let orders = orders.clone();
            tasks.spawn(async move {
                let mut count = 0;
                while began.elapsed() < time {
                    let (answer, done) = oneshot::channel();
                    orders.send((count * producers + producer, answer)).await.expect("the writer runs");
                    done.await.expect("the commit succeeds");
                    count += 1;
                }
                count
            });
        }
        let mut count = 0;
        while let Some(done) = tasks.join_next().await {
            count += done.expect("a producer ends");
        }
        count as f64 / began.elapsed().as_secs_f64()
    });
    drop(orders);
    writer.join().expect("the writer ends");
    rate
}

fn write(path: &Path, mut queue: mpsc::Receiver<Order>) {
    let db = rusqlite::Connection::open(path).expect("a database");
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4000;
         CREATE TABLE message (seq INTEGER PRIMARY KEY, code TEXT, correlation BLOB, body BLOB);
         CREATE INDEX by_code ON message (code); CREATE INDEX by_correlation ON message (correlation);",
    )
    .expect("tables");
    while let Some(first) = queue.blocking_recv() {
        let mut group = vec![first];
        while group.len() < GROUP_MAX
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        db.execute_batch("BEGIN IMMEDIATE").expect("begin");
        for (number, _) in &group {
            let correlation = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            let code = crate::gateway::Dossiers::code(*number);
            db.prepare_cached("INSERT INTO message (code, correlation, body) VALUES (?1, ?2, ?3)")
                .and_then(|mut insert| insert.execute((code, correlation, vec![7_u8; ROW_BYTES])))
                .expect("insert");
        }
        db.execute_batch("COMMIT").expect("commit");
        for (_, answer) in group {
            let _ = answer.send(());
        }
    }
}
