//! What the disk tells somebody who steals it, and who may open it.

use std::fs;

use super::*;

fn bytes_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        all.extend_from_slice(entry.file_name().as_encoded_bytes());
        if entry.file_type().unwrap().is_dir() {
            all.extend(bytes_below(&entry.path()));
        } else {
            all.extend(fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn nothing_personal_is_readable_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let person = json!({"name": "Nguyễn Văn Thử", "id": "001085000000", "status": "1",
                        "scan": "Nguyễn Văn Thử ".repeat(6_000)});
    let id = queued(&store, message("H99.14-260310-0007", Class::Snapshot, person.clone(), 0)).await;
    let mapping = MappingUsed { name: "portal/out".into(), fingerprint: "o1".into() };
    let said = "Nguyễn Văn Thử 001085000000".to_owned();
    let pin = Entry::Pin { pinned: Pinned { document: person, mapping }, at: at(1) };
    let call = Entry::Call { request: request(Effect::Once), at: at(1) };
    let exchange = store.write(id, vec![pin, call]).await.unwrap().exchanges[0];
    let marks = Marks::from([(said.clone(), said.clone())]);
    let mut refused = fault(Remedy::Correct, Blame::Peer).because(said.clone());
    refused.words = said.clone();
    let entries = vec![
        Entry::Answered { exchange, answer: answer(), marks, at: at(2) },
        Entry::Strike { exchange, reason: said.clone(), at: at(2) },
        Entry::Note { event: Event::Shortened, detail: said.clone(), at: at(2) },
        Entry::Settle { settlement: Settlement::DeadLetter(refused), at: at(3) },
    ];
    store.write(id, entries).await.unwrap();
    let mut bad = event("x", 4);
    bad.keys = vec![said.clone()];
    bad.hints = BTreeMap::from([("name".to_owned(), said.clone())]);
    bad.source = Payload::Xml(said.clone().into_bytes());
    bad.content = Err(Fault::sender("contract.violated", said.clone()));
    one(&store, bad).await;
    store.discard(id, &said, Operator { name: "thu".into(), at: at(5) }).await.unwrap();
    let look = |bytes: &[u8]| {
        for secret in ["Nguyễn Văn Thử", "Văn", "001085000000", "Tmd1eeG7hW4"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{secret} stands on disk");
        }
    };
    look(&bytes_below(folder.path()));
    store.close().await;
    look(&bytes_below(folder.path()));
}

#[tokio::test]
async fn keys_change_and_a_missing_one_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = one(&store, snapshot("1", 0)).await;
    store.close().await;
    let wrong = Store::open(folder.path(), Seal::from_keys(&key(2), &[]).unwrap(), OpenOptions::default());
    assert_eq!(wrong.err(), Some(StoreError::WrongKey(key(1).id())));
    let both = || Seal::from_keys(&key(2), &[key(1)]).unwrap();
    let store = Store::open(folder.path(), both(), OpenOptions::default()).unwrap();
    let again = one(&store, snapshot("1", 1)).await;
    assert_eq!(again.admission, Some(Admission::Duplicate { of: first.id }), "digests outlive keys");
    assert!(store.load(first.deliveries[0].delivery).await.unwrap().is_some());
    store.close().await;
    let forgetful = Store::open_read_only(folder.path(), Seal::from_keys(&key(2), &[]).unwrap());
    assert_eq!(forgetful.err(), Some(StoreError::WrongKey(key(1).id())));
}

#[tokio::test]
async fn a_second_process_is_refused_and_readers_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    queued(&store, snapshot("1", 0)).await;
    let second = Store::open(folder.path(), seal(), OpenOptions::default()).err();
    assert_eq!(
        second,
        Some(StoreError::Locked {
            folder: folder.path().display().to_string(),
            by: Some(std::process::id())
        })
    );
    let reader = Store::open_read_only(folder.path(), seal()).unwrap();
    assert!(reader.timeline("H99.14-260310-0007").await.unwrap().is_some());
    assert_eq!(reader.admit(vec![snapshot("2", 1)]).await, Err(StoreError::ReadOnly));
    store.close().await;
    assert!(Store::open(folder.path(), seal(), OpenOptions::default()).is_ok());
    let nowhere = Store::open_read_only(&folder.path().join("none"), seal()).err();
    assert!(matches!(nowhere, Some(StoreError::Io(_))));
}

#[tokio::test]
async fn versions_and_damage_are_said_clearly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lienthong.db");
    // Version 0: an empty file, as a crash in the first moment leaves it.
    fs::write(&path, b"").unwrap();
    open(folder.path()).close().await;
    let db = rusqlite::Connection::open(&path).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, schema::known());
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let newer = Store::open(folder.path(), seal(), OpenOptions::default()).err();
    assert_eq!(newer, Some(StoreError::Newer { found: 99, known: schema::known() }));
    fs::write(&path, vec![7; 8192]).unwrap();
    let damaged = Store::open(folder.path(), seal(), OpenOptions::default()).err();
    assert!(matches!(damaged, Some(StoreError::Corrupt(_))), "{damaged:?}");
}

/// Lanes as they were before anything was handed to a broker.
const WITHOUT_CARRIER: &str = "DROP INDEX lane_out; DROP INDEX lane_ready;
    ALTER TABLE lane DROP COLUMN out; ALTER TABLE lane DROP COLUMN handover; ALTER TABLE lane DROP COLUMN queued_at;
    ALTER TABLE lane DROP COLUMN confirmed; ALTER TABLE lane DROP COLUMN token;
    CREATE INDEX lane_ready ON lane (peer, due, ready_at) WHERE head IS NOT NULL;";

#[tokio::test]
async fn a_store_without_shipments_is_brought_up_to_date_with_everything_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    queued(&store, snapshot("1", 0)).await;
    store.close().await;
    drop(store);
    let db = rusqlite::Connection::open(folder.path().join("lienthong.db")).unwrap();
    db.execute_batch(WITHOUT_CARRIER).unwrap();
    db.execute_batch(
        "DROP TABLE payment; DROP TABLE publication; DROP TABLE fetched; DROP TABLE announcement; DROP TABLE shipment; DROP TABLE observed; DROP TABLE feed; DROP INDEX message_stray;
         ALTER TABLE dossier DROP COLUMN purged_seq; PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(db);
    let store = open(folder.path());
    assert_eq!(told(&store).await, ["accepted", "queued"]);
    assert_eq!(store.feed(&"carrier".into(), "tracking").await, Ok(None));
    store.close().await;
}

/// A store as version 1 made it, with an index by the digest alone.
#[tokio::test]
async fn a_store_of_version_1_comes_up_to_date_and_knows_what_it_knew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = one(&store, snapshot("1", 0)).await;
    store.close().await;
    drop(store);
    let path = folder.path().join("lienthong.db");
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute_batch(WITHOUT_CARRIER).unwrap();
    db.execute_batch(
        "DROP TABLE payment; DROP TABLE publication; DROP TABLE fetched; DROP TABLE announcement; DROP TABLE shipment; DROP TABLE observed; DROP TABLE feed; DROP INDEX message_dossier; DROP INDEX message_stray;
         CREATE INDEX message_dossier ON message (dossier, state, kind, peer);
         CREATE INDEX message_digest ON message (digest) WHERE state = 'accepted';
         ALTER TABLE dossier DROP COLUMN purged_seq; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(db);
    let store = open(folder.path());
    let again = store.admit(vec![snapshot("1", 1)]).await.unwrap().remove(0);
    assert_eq!(again.admission, Some(Admission::Duplicate { of: first.id }));
    queued(&store, snapshot("2", 2)).await;
    store.close().await;
    let db = rusqlite::Connection::open(&path).unwrap();
    let version: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, schema::known());
}
