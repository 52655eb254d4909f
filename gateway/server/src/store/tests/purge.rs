//! What has had its time goes, what waits stays, and what is left says so.

use std::fs::File;
use std::time::SystemTime;

use gateway_core::pipeline::retention::{DAY_MS, Terms};

use super::*;

const TERMS: Terms = Terms {
    bodies_ms: 90 * DAY_MS,
    unended_ms: 400 * DAY_MS,
    rows_ms: 1_826 * DAY_MS,
    keys_ms: 400 * DAY_MS,
};

fn code(number: i64) -> String {
    format!("H99.14-260310-{number:04}")
}

fn large(number: i64, status: &str, ms: i64) -> NewMessage {
    let scan = format!("{number} {status} ").repeat(20_000);
    message(&code(number), Class::Snapshot, json!({"status": status, "scan": scan}), ms)
}

/// Calls and is answered, and the peer takes it.
async fn taken(store: &Store, id: DeliveryId, ms: i64) {
    let call = Entry::Call { request: request(Effect::Repeatable), at: at(ms) };
    let exchange = store.write(id, vec![call]).await.unwrap().exchanges[0];
    let answered = Entry::Answered { exchange, answer: answer(), marks: Marks::new(), at: at(ms) };
    let settled = Entry::Settle { settlement: delivered(), at: at(ms) };
    store.write(id, vec![answered, settled]).await.unwrap();
}

async fn purge(store: &Store, days: i64) -> Purged {
    let now = at(days * DAY_MS);
    let told = store.purge(TERMS, now, Purge::DryRun).await.unwrap();
    let done = store.purge(TERMS, now, Purge::ForGood).await.unwrap();
    // What would go with its whole dossier is counted beside it as well.
    assert!(told.digests >= done.digests);
    assert_eq!(Purged { digests: done.digests, ..told }, done, "a dry run says what would go");
    done
}

async fn rows(store: &Store, number: i64) -> Vec<(String, String)> {
    let timeline = store.timeline(&code(number)).await.unwrap();
    let rows = timeline.into_iter().flat_map(|timeline| timeline.rows);
    rows.map(|row| (row.event.as_str().to_owned(), row.detail)).collect()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let list =
        |folder: &Path| std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect::<Vec<_>>();
    list(&folder.join("claims")).iter().flat_map(|folder| list(folder)).collect()
}

fn count(folder: &Path, sql: &str) -> i64 {
    let db = rusqlite::Connection::open(folder.join("lienthong.db")).unwrap();
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn what_was_said_goes_after_the_end_and_what_happened_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    // Ended; not ended; ended and still waiting; ended and dead.
    for (number, status) in [(1, "10"), (2, "9"), (3, "10"), (4, "10")] {
        let id = queued(&store, large(number, status, number)).await;
        match number {
            3 => {}
            4 => {
                drop(settle(&store, id, Settlement::DeadLetter(fault(Remedy::Correct, Blame::Peer)), 5).await)
            }
            _ => taken(&store, id, 5).await,
        }
    }
    let before = rows(&store, 1).await;
    assert_eq!(purge(&store, 90).await, Purged::default());
    assert_eq!(purge(&store, 91).await, Purged { bodies: 1, ..Purged::default() });
    assert_eq!(purge(&store, 92).await, Purged::default(), "once");
    let mut after = rows(&store, 1).await;
    assert_eq!(after.pop(), Some(("purged".to_owned(), String::new())));
    assert_eq!(after, before, "the calls and their statuses are still told");
    assert!(before.contains(&("call".to_owned(), "create 200".to_owned())));
    let left = "SELECT count(*) FROM message WHERE document IS NULL AND source IS NULL";
    assert_eq!(count(folder.path(), left), 1);
    let called =
        "SELECT max(length(request) + length(answer)) FROM exchange JOIN delivery ON delivery.id = delivery
                  WHERE message = ";
    assert!(count(folder.path(), &format!("{called} 1")) + 50 < count(folder.path(), &format!("{called} 2")));

    // Its files go with the next sweep, and nobody else's do.
    for path in files(folder.path()) {
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    let all = files(folder.path()).len();
    let copying = hold(folder.path()).unwrap();
    assert_eq!(store.sweep().await.unwrap(), 0, "a backup is copying");
    drop(copying);
    let gone = store.sweep().await.unwrap();
    assert!(gone > 0 && files(folder.path()).len() == all - gone);
    let waits = head_of(&store, 3).await;
    assert!(store.load(waits).await.unwrap().is_some(), "what waits is whole");
    assert!(store.dead_letter(DeliveryId(4)).await.unwrap().is_some(), "and what waits for a person");

    // It is not sent again, whatever an operator says; what comes anew is purged anew.
    let filter = Filter { dossier: Some(code(1)), since: Some(at(0)), ..Filter::default() };
    let by = || Operator { name: "thu".to_owned(), at: at(93 * DAY_MS) };
    let again = store.redeliver(filter, Reach::Everything, by(), false).await.unwrap();
    assert!(again.is_empty(), "{again:?}");
    let id = queued(&store, large(1, "7", 100 * DAY_MS)).await;
    assert_eq!(purge(&store, 195).await, Purged::default(), "it waits");
    taken(&store, id, 100 * DAY_MS).await;
    assert_eq!(purge(&store, 195).await, Purged { bodies: 1, ..Purged::default() });

    // What never ended goes in the end, too; digests with it.
    let late = purge(&store, 402).await;
    assert_eq!((late.bodies, late.digests), (1, 4));
    assert_eq!(rows(&store, 2).await.last().unwrap().0, "purged");
}

async fn head_of(store: &Store, number: i64) -> DeliveryId {
    let heads = store.ready(&PORTAL.into(), 9, at(DAY_MS), &HashSet::new()).await.unwrap();
    let [head] = &heads[..] else { panic!("{number} is the only one that waits: {heads:?}") };
    head.delivery
}

#[tokio::test]
async fn in_the_end_everything_goes_but_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 1..=3 {
        let mut item = large(number, "10", number);
        item.keys = vec![format!("k-{number}")];
        let id = queued(&store, item).await;
        if number != 3 {
            taken(&store, id, 5).await;
        }
    }
    // Refused, and of no dossier.
    let mut stray = event("x", 6);
    (stray.dossier, stray.content) = (None, Err(Fault::sender("contract.violated", "thử")));
    one(&store, stray).await;
    assert_eq!(purge(&store, 91).await, Purged { bodies: 2, strays: 1, ..Purged::default() });
    let gone = purge(&store, 1_827).await;
    assert_eq!(gone, Purged { dossiers: 2, strays: 1, keys: 3, digests: 1, ..Purged::default() });
    for table in ["message", "delivery", "lane", "dossier"] {
        assert_eq!(count(folder.path(), &format!("SELECT count(*) FROM {table}")), 1, "{table}");
    }
    for table in ["exchange", "timeline", "mark", "idempotency"] {
        assert_eq!(count(folder.path(), &format!("SELECT count(*) FROM {table}")), 0, "{table}");
    }
    assert!(rows(&store, 1).await.is_empty());
    assert!(
        store.load(head_of(&store, 3).await).await.unwrap().is_some(),
        "what waits is whole after five years"
    );
}

/// Accepting goes on while thousands of rows are purged: no commit of the purge is long, and none loses what comes meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_while_it_purges_is_taken_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for number in 0..300 {
        let id =
            queued(&store, message(&code(number), Class::Snapshot, json!({"status": "10"}), number)).await;
        settle(&store, id, delivered(), 300).await;
    }
    let before = store.commits();
    let purging = tokio::spawn({
        let store = store.clone();
        async move { store.purge(TERMS, at(91 * DAY_MS), Purge::ForGood).await.unwrap() }
    });
    let mut came = 0;
    while !purging.is_finished() {
        let number = 299 - came % 300;
        let news =
            message(&code(number), Class::Snapshot, json!({"status": "9", "n": came}), 91 * DAY_MS + came);
        assert_eq!(one(&store, news).await.admission, Some(Admission::News));
        came += 1;
    }
    let purged = purging.await.unwrap();
    assert!(came > 5, "only {came} came meanwhile");
    assert!(purged.bodies > 0 && purged.bodies < 300, "{purged:?}");
    assert!(store.commits() - before >= 30, "a few dossiers at a time");
    let news = "SELECT count(*) FROM message WHERE status = '9' AND document IS NULL";
    assert_eq!(count(folder.path(), news), 0);
}

#[tokio::test]
async fn a_clock_that_is_a_year_ahead_ages_the_house_by_days() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    assert_eq!(store.house_moment(at(DAY_MS)).await.unwrap(), at(DAY_MS), "nothing is known yet");
    queued(&store, large(1, "10", 5 * DAY_MS)).await;
    let of =
        async |days: i64| store.house_moment(at(days * DAY_MS)).await.unwrap().millis_since(at(0)) / DAY_MS;
    assert_eq!((of(6).await, of(370).await), (6, 8), "the first time, from the latest that is known");
    store.house_kept(at(8 * DAY_MS)).await.unwrap();
    assert_eq!((of(9).await, of(370).await), (9, 11), "then, from the last time");
    // Set right, the clock counts again; and over a start.
    store.house_kept(at(5 * DAY_MS)).await.unwrap();
    store.close().await;
    let store = open(folder.path());
    assert_eq!(store.house_moment(at(370 * DAY_MS)).await.unwrap(), at(8 * DAY_MS));
}

#[tokio::test]
async fn what_was_fetched_goes_with_the_bodies() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let file = gateway_core::lift::Ticket { sha256: "ab".repeat(32), bytes: 5 };
    let of = PeerName::from("portal");
    store.keep_fetched(&of, "http://tep.h99.example/1", &file, 1 << 20, at(DAY_MS)).await.unwrap();
    let found = async || store.fetched(&of, "http://tep.h99.example/1", at(0)).await.unwrap().is_some();
    purge(&store, 91).await;
    assert!(found().await, "no sooner");
    purge(&store, 92).await;
    assert!(!found().await);
}
