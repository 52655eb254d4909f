//! Shipments that go astray: told of before they have a number, read again though nobody can read them, under a number that is another's.

use gateway_core::waybill::{Leg, Names, Which};

use super::shipments::{CARRIER, CODE, HOUR, names, order, ordered, page, place, rows, taken, told};
use super::*;

fn strayed(store: &Store, item: NewMessage, ms: i64) -> impl Future<Output = Admitted> + use<> {
    let store = store.clone();
    async move { store.admit_asked(vec![item], page("c", ms)).await.unwrap().remove(0) }
}

/// Told by a call, known only by what our order number says.
fn guessed(state: &str, ms: i64, names: Names) -> NewMessage {
    let item = told(state, ms, ms, false, &names);
    let Some(Carriage::Observed(observed)) = item.carriage else { unreachable!() };
    let which = Some(Which { leg: Leg::Return, number: 1 });
    let observed = Observed { which, ..observed };
    NewMessage { dossier: DossierCode::new(CODE), carriage: Some(Carriage::Observed(observed)), ..item }
}

/// How many items the journal holds in this state.
fn journaled(folder: &Path, state: &str) -> i64 {
    let db = rusqlite::Connection::open(folder.join("lienthong.db")).unwrap();
    db.query_row("SELECT count(*) FROM message WHERE state = ?1", [state], |row| row.get(0)).unwrap()
}

fn unreadable(keys: &[&str], code: &'static str, ms: i64) -> NewMessage {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    let content = Err(fault(Remedy::Correct, Blame::Sender))
        .map_err(|fault: Fault| Fault { code: code.into(), ..fault });
    NewMessage { keys, content, carriage: None, ..told("DELIVERED", ms, ms, true, &names()) }
}

#[tokio::test]
async fn nobody_is_asked_about_an_item_whose_number_nobody_knows_yet() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), true);
    let delivery = queued(&store, order(Leg::Return, 1, 0)).await;
    // The carrier has the order and calls before its answer to us came through.
    let heard = one(&store, guessed("PICKED_UP", 10, names())).await;
    assert!(heard.news.ask);
    assert!(store.due_items(&CARRIER.into(), at(20), 9).await.unwrap().is_empty());
    assert_eq!(
        store.next_item_at(&CARRIER.into()).await.unwrap(),
        None,
        "or the poller would turn without a pause"
    );
    // With the answer its number is known, and the hint is not forgotten.
    let written = taken(&store, delivery, 30).await;
    assert!(written.news.ask);
    assert_eq!(store.due_items(&CARRIER.into(), at(30), 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_nobody_can_read_is_journaled_once_however_often_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    let refused = || journaled(folder.path(), "refused");
    for ms in 0..5 {
        let read =
            strayed(&store, unreadable(&["refused contract.violated a"], "contract.violated", ms), ms).await;
        assert_eq!(read.admission.is_some(), ms > 0, "{ms}");
    }
    assert_eq!(refused(), 1);
    strayed(&store, unreadable(&["refused contract.violated b"], "contract.violated", 6), 6).await;
    assert_eq!(refused(), 2, "another record");
    // What somebody calls with has no such key: each call is journaled.
    for ms in 7..9 {
        one(&store, unreadable(&[], "contract.violated", ms)).await;
    }
    assert_eq!(refused(), 4);
}

#[tokio::test]
async fn a_record_that_says_something_else_under_the_same_name_is_journaled_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    let named =
        |state: &str, ms| NewMessage { keys: vec!["a".to_owned()], ..told(state, 10, ms, true, &names()) };
    strayed(&store, named("IN_TRANSIT", 20), 20).await;
    for ms in 30..35 {
        let read = strayed(&store, named("DELIVERED", ms), ms).await;
        assert!(matches!(read.admission, Some(Admission::Conflict { .. })));
    }
    assert_eq!(journaled(folder.path(), "refused"), 1);
}

#[tokio::test]
async fn a_number_that_is_another_dossiers_is_for_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    // Two software houses count their own dossiers, and the carrier took the second order for the first.
    let other = NewMessage { dossier: DossierCode::new("HS-15"), ..order(Leg::Return, 1, 10) };
    let written = taken(&store, queued(&store, other).await, 20).await;
    assert_eq!(written.news.alerts, ["number-taken"]);
    strayed(&store, told("DELIVERED", 25, 30, true, &names()), 30).await;
    assert_eq!(rows(&store, Event::ShipmentMoved).await, ["RETURN/1 DELIVERED"]);
    let timeline = store.timeline("HS-15").await.unwrap().unwrap();
    let said: Vec<_> = timeline.rows.iter().filter(|row| row.event == Event::ShipmentAlert).collect();
    assert_eq!(said.len(), 1);
    assert!(!timeline.rows.iter().any(|row| row.event == Event::ShipmentMoved));
}

#[tokio::test]
async fn a_page_in_no_order_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    // Each moves the state, and the last back to the first: told twice, in one transaction.
    let said = |state, happened| told(state, happened, 100, true, &names());
    let items = vec![said("IN_TRANSIT", 30), said("CANCEL_PENDING", 10), said("RETURNING", 20)];
    let admitted = store.admit_asked(items, page("c", 100)).await.unwrap();
    let counts = admitted.iter().map(|item| item.deliveries.len()).collect::<Vec<_>>();
    assert_eq!(counts, [1, 1, 1]);
}

#[tokio::test]
async fn what_was_in_the_future_counts_once_its_time_has_come() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    // Our own clock was an hour behind.
    let said = |ms| NewMessage { keys: vec!["a".to_owned()], ..told("DELIVERED", HOUR, ms, true, &names()) };
    strayed(&store, said(10), 10).await;
    assert!(rows(&store, Event::ShipmentMoved).await.is_empty());
    strayed(&store, said(20), 20).await;
    assert!(rows(&store, Event::ShipmentMoved).await.is_empty());
    let heard = strayed(&store, said(HOUR + 5), HOUR + 5).await;
    assert_eq!(heard.deliveries.len(), 2);
    assert_eq!(rows(&store, Event::ShipmentMoved).await, ["RETURN/1 DELIVERED"]);
    assert!(strayed(&store, said(HOUR + 9), HOUR + 9).await.deliveries.is_empty(), "once");
}
