//! Deliveries that are loaded at the same time are read together, and each as if it were alone.

use std::time::Duration;

use super::*;

/// More than the readers take at a time, however they are shared out.
const MANY: usize = 150;
/// Nobody waits for ever; on a busy machine a reading takes its time.
const WAIT_MAX: Duration = Duration::from_secs(60);

async fn many(store: &Store) -> Vec<(DeliveryId, String)> {
    let mut queued = Vec::new();
    for number in 0..MANY {
        let code = format!("H99.14-260310-{number:04}");
        let admitted =
            one(store, message(&code, Class::Snapshot, json!({ "status": "1" }), number as i64)).await;
        queued.push((admitted.deliveries[0].delivery, code));
    }
    queued
}

fn code(loaded: &Delivery) -> String {
    loaded.envelope.dossier.as_ref().map(|code| code.as_str().to_owned()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gets_its_own_and_what_does_not_open_is_the_trouble_of_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let queued = many(&store).await;
    let (broken, _) = queued[70];
    let spoil = move |writing: &writer::Writing<'_>| {
        let sql =
            "UPDATE message SET document = x'00' WHERE seq = (SELECT message FROM delivery WHERE id = ?1)";
        Ok(writing.db.execute(sql, [broken.0])?)
    };
    assert_eq!(store.run(spoil).await.unwrap(), 1);
    let load = |(id, _): &(DeliveryId, String)| {
        let (store, id) = (store.clone(), *id);
        tokio::spawn(async move { store.load(id).await })
    };
    let loads: Vec<_> = queued.iter().map(load).collect();
    for ((id, wanted), loaded) in queued.iter().zip(loads) {
        match tokio::time::timeout(WAIT_MAX, loaded).await.expect("it is read").unwrap() {
            Err(error) => assert!(*id == broken && error.is_of_one_value(), "{wanted}: {error}"),
            Ok(loaded) => assert_eq!(code(&loaded.unwrap()), *wanted),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_goes_away_while_it_waits_keeps_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let queued = many(&store).await;
    let load = |(id, wanted): &(DeliveryId, String)| {
        let (store, id, wanted) = (store.clone(), *id, wanted.clone());
        tokio::spawn(async move {
            assert_eq!(code(&store.load(id).await.unwrap().unwrap()), wanted);
        })
    };
    let mut places = Vec::new();
    for _ in 0..read::IDLE_MAX {
        places.push(store.readers.place().await);
    }
    let tasks: Vec<_> = queued.iter().map(load).collect();
    while store.loads.waiting() < MANY {
        tokio::task::yield_now().await;
    }
    // Nearly all, before any of them is read.
    tasks.iter().take(MANY - 2).for_each(tokio::task::JoinHandle::abort);
    drop(places);
    for task in tasks {
        let ended = tokio::time::timeout(WAIT_MAX, task).await.expect("it is not kept");
        assert!(ended.is_ok() || ended.is_err_and(|ended| ended.is_cancelled()));
    }
}
