//! What is acknowledged survives: many callers at once, and copies of the files taken at moments nobody chose.

use std::fs;
use std::sync::{Arc, Mutex};

use super::*;

fn numbered(number: usize) -> NewMessage {
    message(&format!("H99-260310-{number:06}"), Class::Event, json!({"n": number}), number as i64)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_item_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut callers = Vec::new();
    for caller in 0..64 {
        let store = store.clone();
        callers.push(tokio::spawn(async move {
            let mut acknowledged = Vec::new();
            for turn in 0..10 {
                acknowledged.push(queued(&store, numbered(caller * 10 + turn)).await);
            }
            acknowledged
        }));
    }
    let mut acknowledged = Vec::new();
    for caller in callers {
        acknowledged.extend(caller.await.unwrap());
    }
    let commits = store.commits();
    assert!(commits < 640, "calls that wait together are committed together, not in {commits} commits");
    store.close().await;
    let store = open(folder.path());
    for id in acknowledged {
        assert!(store.load(id).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_store_that_is_checked_beside_the_doors_is_found_damaged_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..200 {
        queued(&store, numbered(number)).await;
    }
    store.close().await;
    let path = folder.path().join("lienthong.db");
    let checked_aside = || {
        let store = Store::open(folder.path(), seal(), OpenOptions { check: Check::Aside }).unwrap();
        (store.unchecked().expect("it was not checked yet")(), store)
    };
    let (found, store) = checked_aside();
    assert_eq!(found, Ok(()));
    store.close().await;
    assert!(
        Store::open(folder.path(), seal(), OpenOptions { check: Check::Never })
            .unwrap()
            .unchecked()
            .is_none()
    );
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 64].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let (found, _store) = checked_aside();
    assert!(matches!(found, Err(StoreError::Corrupt(_))), "{found:?}");
}

/// A copy of database and journal at any moment is what a power cut would have left: opened, it holds everything that was
/// acknowledged before the copy began, and nothing half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_at_any_moment_holds_all_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let writer = tokio::spawn({
        let (store, acknowledged) = (store.clone(), acknowledged.clone());
        async move {
            for number in 0..150 {
                let id = queued(&store, numbered(number)).await;
                if number % 2 == 0 {
                    settle(&store, id, delivered(), number as i64).await;
                }
                acknowledged.lock().unwrap().push((id, number % 2 == 0));
            }
        }
    });
    let mut copies = Vec::new();
    while !writer.is_finished() {
        let known = acknowledged.lock().unwrap().clone();
        let copy = tempfile::tempdir().unwrap();
        // The journal is only appended to in so short a run, so the order database, journal loses nothing.
        for name in ["lienthong.db", "lienthong.db-wal"] {
            fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        copies.push((copy, known));
        tokio::task::yield_now().await;
    }
    writer.await.unwrap();
    let journal = fs::metadata(folder.path().join("lienthong.db-wal")).unwrap().len();
    assert!(journal < 4_000 * 4_096, "the journal was never written back, or the copies would prove nothing");
    for (copy, known) in copies.iter().step_by(copies.len() / 12 + 1) {
        let options = OpenOptions { check: Check::Always };
        let store = Store::open(copy.path(), seal(), options).unwrap();
        for (id, done) in known {
            let (state, _) = store.state(*id).await.unwrap().expect("an acknowledged delivery is gone");
            assert_eq!(state, if *done { State::Delivered } else { State::Waiting });
        }
        let stats = store.stats().await.unwrap();
        let portal = stats.peers.get(&PeerName::from(PORTAL)).cloned().unwrap_or_default();
        assert_eq!(portal.lanes, portal.by_state.get("waiting").copied().unwrap_or(0), "nothing is half");
        store.close().await;
    }
}

#[tokio::test]
async fn a_job_that_fails_takes_nothing_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut homeless = event("x", 0);
    homeless.dossier = None;
    let bad = store.admit(vec![event("a", 0), homeless]);
    let (good, bad) = tokio::join!(store.admit(vec![event("b", 0)]), bad);
    assert!(good.is_ok());
    assert!(matches!(bad, Err(StoreError::NotPossible(_))));
    let panicked = store.run(|_| -> Result<(), StoreError> { panic!("a defect") }).await;
    assert!(matches!(panicked, Err(StoreError::Io(_))));
    assert_eq!(
        one(&store, event("a", 1)).await.admission,
        Some(Admission::News),
        "the call was whole or not at all"
    );
}

#[tokio::test]
async fn a_full_disk_is_said_and_costs_nothing_that_was_stored() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let limit = |pages: i64| {
        store.run(move |writing| {
            // Answers with a row, so it is a query.
            Ok(writing.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?)
        })
    };
    limit(60).await.unwrap();
    let mut stored = Vec::new();
    let refused = loop {
        match store.admit(vec![numbered(stored.len())]).await {
            Ok(admitted) => stored.push(admitted[0].deliveries[0].delivery),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, StoreError::Full);
    let tried = store.try_writing().await;
    assert_eq!(tried, Err(StoreError::Full), "readiness is not claimed because a few bytes still fit");
    limit(1_000_000).await.unwrap();
    store.try_writing().await.unwrap();
    stored.push(queued(&store, numbered(stored.len())).await);
    for id in stored {
        assert!(store.load(id).await.unwrap().is_some());
    }
}

/// The same with a process that really dies: this test starts itself again and lets the child abort inside a commit.
#[cfg(feature = "crash-points")]
#[test]
fn a_process_that_dies_in_a_commit_loses_nothing_it_acknowledged() {
    use std::io::Write as _;

    const FOLDER: &str = "LIENTHONG_TEST_CRASH_FOLDER";
    let name = "store::tests::crash::a_process_that_dies_in_a_commit_loses_nothing_it_acknowledged";
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(folder) = std::env::var_os(FOLDER) {
        let folder = std::path::PathBuf::from(folder);
        runtime.block_on(async {
            let store = open(&folder);
            let mut said = fs::File::create(folder.join("acknowledged")).unwrap();
            for number in 0..100 {
                let id = queued(&store, numbered(number)).await;
                writeln!(said, "{}", id.0).unwrap();
            }
        });
        return;
    }
    for point in ["before-commit:1", "before-commit:17", "after-commit:1", "after-commit:23"] {
        let folder = tempfile::tempdir().unwrap();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name])
            .env(FOLDER, folder.path())
            .env("LIENTHONG_CRASH_AT", point)
            .output()
            .unwrap();
        assert!(!child.status.success(), "{point}: the child lived");
        let said = fs::read_to_string(folder.path().join("acknowledged")).unwrap();
        runtime.block_on(async {
            let options = OpenOptions { check: Check::Always };
            let store = Store::open(folder.path(), seal(), options).unwrap();
            let stored =
                store.stats().await.unwrap().peers.get(&PeerName::from(PORTAL)).map_or(0, |p| p.lanes);
            let acknowledged = said.lines().count() as u64;
            assert!((acknowledged..=acknowledged + 1).contains(&stored), "{point}: {acknowledged} {stored}");
            for id in said.lines() {
                assert!(store.load(DeliveryId(id.parse().unwrap())).await.unwrap().is_some(), "{point}");
            }
        });
    }
}

/// The quick check does not hold an index against its table, and what an index has lost waits without a word.
#[tokio::test]
async fn an_index_that_does_not_say_what_its_table_says_is_found_beside_the_doors() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.unchecked().expect("its indexes were not checked yet")(), Ok(()));
    queued(&store, numbered(1)).await;
    store.close().await;
    let db = || rusqlite::Connection::open(folder.path().join("lienthong.db")).unwrap();
    db().execute_batch(
        "CREATE TABLE aside AS SELECT * FROM sqlite_schema WHERE name = 'lane_ready';
         PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'lane_ready';",
    )
    .unwrap();
    db().execute_batch(
        "UPDATE lane SET due = due + 1; PRAGMA writable_schema = ON;
         INSERT INTO sqlite_schema SELECT * FROM aside; ",
    )
    .unwrap();
    db().execute_batch("DROP TABLE aside").unwrap();
    let store = open(folder.path());
    let found = store.unchecked().expect("its indexes were not checked yet")();
    assert!(matches!(&found, Err(StoreError::Corrupt(why)) if why.contains("lane_ready")), "{found:?}");
}
