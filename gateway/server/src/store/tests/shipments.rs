//! Shipments: what is told of them, in whatever order and how often; what is asked, and when.

use gateway_core::adapter::Cursor;
use gateway_core::shipment;
use gateway_core::waybill::{Leg, Names, Which};

use super::*;

pub(super) const CARRIER: &str = "carrier";
pub(super) const TOLD: &str = "subscriber";
pub(super) const CODE: &str = "H99.07-261001-0042";
pub(super) const NUMBER: &str = "H99.07-261001-0042/R1";
pub(super) const TRACKING: &str = "RX000000001VN";
pub(super) const HOUR: i64 = 3_600_000;

pub(super) fn place(folder: &Path, by_item: bool) -> Store {
    let store = open(folder);
    let receivers = |kind: &str| {
        Some(Receivers { kind: kind.into(), peers: vec![(TOLD.into(), vec!["H99.07".to_owned()])] })
    };
    let carriers = || [PeerName::from(CARRIER)].into();
    store.tell_by(Telling {
        changes: receivers("shipment-told"),
        handed_over: receivers("dossier-progressed"),
        report_directly: [gateway_core::ids::Unit::from("H99.07")].into(),
        asked_by_item: if by_item { carriers() } else { BTreeSet::new() },
        asked: carriers(),
        stale_ms: Some(60 * 24 * HOUR),
        due: None,
        payments: receivers("payment-told"),
        announces: false,
    });
    store
}

pub(super) fn order(leg: Leg, number: u32, ms: i64) -> NewMessage {
    let document = json!({ "leg": leg.as_str(), "shipment": number, "n": "Nguyễn Văn Thử" });
    let which = Which { leg, number };
    let item = message(CODE, Class::Event, document, ms);
    NewMessage {
        unit: "H99.07".into(),
        carriage: Some(Carriage::Ordered { which, carriers: vec![CARRIER.into()] }),
        content: item.content.map(|content| Content { to: vec![Route::to(CARRIER.into())], ..content }),
        ..item
    }
}

/// `told("DELIVERED", at, pulled)`: what the carrier says, under the names that it has.
pub(super) fn told(state: &str, happened: i64, ms: i64, pulled: bool, names: &Names) -> NewMessage {
    let mut document = json!({ "state": state, "at": at(happened).to_string(), "confirmed": pulled });
    document["orderNumber"] = json!(names.order);
    let event = shipment::Event::read(&document, at(ms), 0).unwrap();
    let item = message(CODE, Class::Event, document, ms);
    NewMessage {
        from: CARRIER.into(),
        dossier: None,
        carriage: Some(Carriage::Observed(Observed {
            event,
            names: names.clone(),
            which: None,
            about: None,
            pulled,
        })),
        content: item.content.map(|content| Content { to: vec![], ..content }),
        ..item
    }
}

pub(super) fn names() -> Names {
    Names {
        order: Some(NUMBER.to_owned()),
        tracking: Some(TRACKING.to_owned()),
        carrier: Some("VNPOST".to_owned()),
        peer: None,
    }
}

/// Orders, and has the carrier take it.
pub(super) async fn ordered(store: &Store, ms: i64) {
    let delivery = queued(store, order(Leg::Return, 1, ms)).await;
    taken(store, delivery, ms + 1).await;
}

pub(super) async fn taken(store: &Store, delivery: DeliveryId, ms: i64) -> Written {
    let call = Entry::Call { request: request(Effect::Repeatable), at: at(ms) };
    let exchange = store.write(delivery, vec![call]).await.unwrap().exchanges[0];
    let marks = Marks::from([
        (format!("leg/{NUMBER}"), "RETURN".to_owned()),
        (format!("tracking/{NUMBER}"), TRACKING.to_owned()),
    ]);
    let settle = Entry::Settle { settlement: delivered(), at: at(ms) };
    let answered = Entry::Answered { exchange, answer: answer(), marks, at: at(ms) };
    store.write(delivery, vec![answered, settle]).await.unwrap()
}

pub(super) fn page(cursor: &str, ms: i64) -> Asked {
    Asked::Feed {
        peer: CARRIER.into(),
        feed: "tracking".to_owned(),
        cursor: Some(Cursor(cursor.to_owned())),
        more: false,
        at: at(ms),
    }
}

async fn waiting_for(store: &Store, peer: &str) -> usize {
    store.ready(&peer.into(), 9, at(1_000 * HOUR), &HashSet::new()).await.unwrap().len()
}

pub(super) async fn rows(store: &Store, event: Event) -> Vec<String> {
    let timeline = store.timeline(CODE).await.unwrap().unwrap();
    timeline.rows.into_iter().filter(|row| row.event == event).map(|row| row.detail).collect()
}

#[tokio::test]
async fn a_page_is_there_with_its_cursor_and_read_twice_it_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    let feed = |store: &Store| {
        let store = store.clone();
        async move { store.feed(&CARRIER.into(), "tracking").await.unwrap().and_then(|read| read.cursor) }
    };
    assert_eq!(feed(&store).await, None);
    let admitted =
        store.admit_asked(vec![told("IN_TRANSIT", 10, 20, true, &names())], page("c-1", 20)).await.unwrap();
    assert_eq!((admitted[0].deliveries.len(), feed(&store).await), (1, Some(Cursor("c-1".to_owned()))));
    store.close().await;
    drop(store);
    // What a crash before the commit would ask for again.
    let store = place(folder.path(), false);
    let again = vec![told("IN_TRANSIT", 10, 30, true, &names()), told("DELIVERED", 25, 30, true, &names())];
    let admitted = store.admit_asked(again, page("c-2", 30)).await.unwrap();
    assert!(matches!(admitted[0].admission, Some(Admission::Duplicate { .. })));
    assert!(admitted[0].deliveries.is_empty());
    // The subscriber is told, and for this unit the dossier's last step is reported too.
    assert_eq!(admitted[1].deliveries.len(), 2);
    assert_eq!(feed(&store).await, Some(Cursor("c-2".to_owned())));
    assert_eq!(rows(&store, Event::ShipmentMoved).await, ["RETURN/1 IN_TRANSIT", "RETURN/1 DELIVERED"]);
    // That a page was read twice is nothing that happened to the dossier.
    assert!(rows(&store, Event::Duplicate).await.is_empty());
    let timeline = store.timeline(CODE).await.unwrap().unwrap();
    assert_eq!(timeline.status.as_deref(), Some("10"));
    store.close().await;
}

#[tokio::test]
async fn a_feed_without_news_keeps_its_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    store.admit_asked(vec![], page("c-1", 0)).await.unwrap();
    let Asked::Feed { peer, feed, more, .. } = page("", 0) else { unreachable!() };
    store.admit_asked(vec![], Asked::Feed { peer, feed, cursor: None, more, at: at(5) }).await.unwrap();
    let read = store.feed(&CARRIER.into(), "tracking").await.unwrap().unwrap();
    assert_eq!((read.cursor, read.asked_at), (Some(Cursor("c-1".to_owned())), at(5)));
}

#[tokio::test]
async fn what_somebody_calls_to_say_is_asked_for_and_teaches_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), true);
    ordered(&store, 0).await;
    let due = |ms| {
        let store = store.clone();
        async move { store.due_items(&CARRIER.into(), at(ms), 9).await.unwrap() }
    };
    assert!(due(60_000).await.is_empty());
    assert_eq!(store.next_poll_at(&CARRIER.into()).await.unwrap(), Some(at(1 + 2 * HOUR)));
    // Right about the order, wrong about the item: as whoever guesses would be.
    let forged = Names { tracking: Some("RX999999999VN".to_owned()), ..names() };
    let heard = one(&store, told("DELIVERED", 60_000, 60_000, false, &forged)).await;
    assert!(heard.news.ask && heard.deliveries.is_empty());
    let asked = due(60_000).await;
    assert_eq!(asked.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), [TRACKING]);
    assert!(rows(&store, Event::ShipmentMoved).await.is_empty());
    // The carrier knows nothing of it: asked again after ten minutes, not at once.
    let about = asked[0].item;
    store.admit_asked(vec![], Asked::Item { item: about, at: at(60_001) }).await.unwrap();
    assert_eq!(store.next_poll_at(&CARRIER.into()).await.unwrap(), Some(at(60_001 + 600_000)));
    // Ten thousand calls ask no more often than each ten seconds.
    one(&store, told("RETURNED", 60_000, 60_002, false, &forged)).await;
    assert_eq!(store.next_poll_at(&CARRIER.into()).await.unwrap(), Some(at(60_001 + 10_000)));
}

#[tokio::test]
async fn open_shipments_are_asked_for_on_a_schedule_and_ended_ones_not_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), true);
    ordered(&store, 0).await;
    let day = 24 * HOUR;
    let shipment = store.due_items(&CARRIER.into(), at(3 * HOUR), 9).await.unwrap()[0].item;
    let asked = |ms, items: Vec<NewMessage>| {
        let store = store.clone();
        async move {
            store.admit_asked(items, Asked::Item { item: shipment, at: at(ms) }).await.unwrap();
            let next = store.next_poll_at(&CARRIER.into()).await.unwrap();
            next.map(|next| next.millis_since(at(ms)) / HOUR)
        }
    };
    assert_eq!(asked(2 * HOUR, vec![told("IN_TRANSIT", HOUR, 2 * HOUR, true, &names())]).await, Some(2));
    assert_eq!(asked(5 * day, vec![]).await, Some(24), "it stands still");
    let ended = told("DELIVERED", 6 * day, 6 * day, true, &names());
    assert_eq!(asked(6 * day, vec![ended]).await, Some(24), "corrections come late");
    assert_eq!(asked(37 * day, vec![]).await, None);
}

#[tokio::test]
async fn an_unknown_item_is_kept_and_found_or_reported_after_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), true);
    let parked = one(&store, told("DELIVERED", 5, 10, true, &names())).await;
    assert_eq!((parked.admission, parked.deliveries.len()), (Some(Admission::News), 0));
    let stranger = Names { order: Some("H99.07-261001-9999/R1".to_owned()), ..Names::default() };
    one(&store, told("DELIVERED", 5, 11, false, &stranger)).await;
    // Dossiers are not made by what carriers say.
    assert!(store.timeline(CODE).await.unwrap().is_none());
    // The order's number becomes known with the carrier's answer, and with it whose event this is.
    let delivery = queued(&store, order(Leg::Return, 1, 20)).await;
    assert!(rows(&store, Event::ShipmentMoved).await.is_empty());
    let written = taken(&store, delivery, 30).await;
    assert_eq!(written.news.queued.len(), 2);
    assert_eq!(rows(&store, Event::ShipmentMoved).await, ["RETURN/1 DELIVERED"]);
    assert_eq!(rows(&store, Event::ShipmentHeard).await.len(), 1);
    assert_eq!(waiting_for(&store, TOLD).await, 1, "of one dossier one after another");
    let report = |ms| {
        let store = store.clone();
        async move { store.give_up(at(ms)).await.unwrap().len() }
    };
    assert_eq!(report(23 * HOUR).await, 0);
    assert_eq!(report(25 * HOUR).await, 1);
    assert_eq!(report(26 * HOUR).await, 0, "once");
    // The journal has it as refused, and no row is left of it.
    let db = rusqlite::Connection::open(folder.path().join("lienthong.db")).unwrap();
    let count = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM observed WHERE shipment IS NULL"), 0);
    assert_eq!(
        count("SELECT count(*) FROM message WHERE fault_code = 'shipment.unmatched' AND state = 'refused'"),
        1
    );
}

#[tokio::test]
async fn a_shipment_that_never_ends_is_given_up_and_woken_by_news_or_by_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), true);
    let day = 24 * HOUR;
    let delivery = queued(&store, order(Leg::Return, 1, 0)).await;
    taken(&store, delivery, 1).await;
    one(&store, told("IN_TRANSIT", 5 * day, 5 * day, true, &names())).await;
    let given_up = |ms| {
        let store = store.clone();
        async move { store.give_up(at(ms)).await.unwrap() }
    };
    let next = || {
        let store = store.clone();
        async move { store.next_poll_at(&CARRIER.into()).await.unwrap() }
    };
    assert!(given_up(65 * day).await.is_empty(), "counted from the last news");
    assert_eq!(given_up(65 * day + 1).await, [(PeerName::from(CARRIER), "stale")]);
    assert_eq!((given_up(66 * day).await, next().await), (vec![], None), "once, and no longer asked");
    assert_eq!(rows(&store, Event::ShipmentAlert).await, ["RETURN/1 stale"]);
    // Somebody speaks of it.
    one(&store, told("OUT_FOR_DELIVERY", 70 * day, 70 * day, false, &names())).await;
    assert_eq!(next().await, Some(at(70 * day)));
    assert!(given_up(130 * day).await.is_empty());
    assert_eq!(given_up(130 * day + 1).await.len(), 1);
    // An operator has the order offered again: it is asked about, and for as long again.
    let by = Operator { name: "thu.nv".to_owned(), at: at(131 * day) };
    let filter = Filter { dossier: Some(CODE.to_owned()), peer: Some(CARRIER.into()), ..Filter::default() };
    assert_eq!(store.redeliver(filter, Reach::Everything, by, false).await.unwrap().len(), 1);
    assert_eq!(next().await, Some(at(131 * day)));
    assert!(given_up(190 * day).await.is_empty());
    assert_eq!(given_up(192 * day).await.len(), 1);
}

#[tokio::test]
async fn an_order_said_again_is_the_same_shipment_and_other_units_are_not_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    let mut again = order(Leg::Return, 1, 50);
    again.content = again.content.map(|content| Content { document: json!({ "note": "gấp" }), ..content });
    taken(&store, queued(&store, again).await, 60).await;
    let admitted =
        store.admit_asked(vec![told("DELIVERED", 70, 80, true, &names())], page("c", 80)).await.unwrap();
    assert_eq!(admitted[0].deliveries.len(), 2);
    assert_eq!(rows(&store, Event::ShipmentMoved).await, ["RETURN/1 DELIVERED"]);
    // The same from another unit: nobody has asked to be told of it.
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    let foreign = NewMessage { unit: "H99.08".into(), ..order(Leg::Return, 1, 0) };
    taken(&store, queued(&store, foreign).await, 1).await;
    let admitted =
        store.admit_asked(vec![told("DELIVERED", 70, 80, true, &names())], page("c", 80)).await.unwrap();
    assert!(admitted[0].deliveries.is_empty());
}

#[tokio::test]
async fn a_cancellation_that_waits_is_not_yet_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    let delivery = queued(&store, event("cancel", 10)).await;
    for (word, wanted) in
        [("pending", "CANCEL_PENDING"), ("pending", "CANCEL_PENDING"), ("done", "CANCELLED")]
    {
        // The cancellation goes the way of its dossier, so its lane is the order's.
        let order = NewMessage { carriage: None, ..order(Leg::Return, 1, 20) };
        let content =
            order.content.map(|content| Content { document: json!({ "w": word, "at": wanted }), ..content });
        let admitted = one(&store, NewMessage { content, ..order }).await;
        let Some(queued) = admitted.deliveries.first() else { continue };
        let call = Entry::Call { request: request(Effect::Repeatable), at: at(30) };
        let exchange = store.write(queued.delivery, vec![call]).await.unwrap().exchanges[0];
        let marks = Marks::from([(format!("cancel/{NUMBER}"), word.to_owned())]);
        let answered = Entry::Answered { exchange, answer: answer(), marks, at: at(30) };
        let settle = Entry::Settle { settlement: delivered(), at: at(30) };
        store.write(queued.delivery, vec![answered, settle]).await.unwrap();
        assert_eq!(
            rows(&store, Event::ShipmentMoved).await.last().map(String::as_str),
            Some(&*format!("RETURN/1 {wanted}"))
        );
    }
    assert_eq!(rows(&store, Event::ShipmentMoved).await.len(), 2);
    let _ = delivery;
}

#[tokio::test]
async fn numbers_of_items_stand_nowhere_in_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), true);
    ordered(&store, 0).await;
    one(&store, told("DELIVERED", 5, 10, false, &names())).await;
    let stranger = Names { tracking: Some("RX777777777VN".to_owned()), ..Names::default() };
    one(&store, told("DELIVERED", 5, 11, false, &stranger)).await;
    store.admit_asked(vec![], page("cursor-with-a-meaning", 20)).await.unwrap();
    store.close().await;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in [TRACKING, "RX777777777VN", NUMBER, "cursor-with-a-meaning", "Nguyễn Văn Thử"] {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds {secret}", path.display());
        }
    }
}

#[tokio::test]
async fn what_was_delivered_is_told_again_only_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path(), false);
    ordered(&store, 0).await;
    let asked = vec![told("IN_TRANSIT", 10, 20, true, &names())];
    let told = store.admit_asked(asked, page("c", 20)).await.unwrap().remove(0).deliveries.remove(0);
    let call = Entry::Call { request: request(Effect::Repeatable), at: at(30) };
    let exchange = store.write(told.delivery, vec![call]).await.unwrap().exchanges[0];
    let answered = Entry::Answered { exchange, answer: answer(), marks: Marks::new(), at: at(31) };
    let settle = Entry::Settle { settlement: delivered(), at: at(31) };
    store.write(told.delivery, vec![answered, settle]).await.unwrap();
    let by = || Operator { name: "thu.nv".to_owned(), at: at(100) };
    let filter = |since| Filter { peer: Some(TOLD.into()), since: Some(at(since)), ..Filter::default() };
    let again = |since, reach, dry| {
        let store = store.clone();
        async move { store.redeliver(filter(since), reach, by(), dry).await.unwrap().len() }
    };
    assert_eq!(again(0, Reach::Untaken, false).await, 0);
    assert_eq!(again(32, Reach::Everything, false).await, 0, "it was told before that time");
    assert_eq!(again(31, Reach::Everything, true).await, 1);
    assert_eq!(waiting_for(&store, TOLD).await, 0, "a dry run does nothing");
    assert_eq!(again(31, Reach::Everything, false).await, 1);
    assert_eq!(waiting_for(&store, TOLD).await, 1);
    // Nothing of the first time counts any more, so the call is made again.
    let delivery = store.load(told.delivery).await.unwrap().unwrap();
    assert!(delivery.transcript().0.is_empty() && delivery.unanswered().is_none());
    drop(delivery);
    assert_eq!(again(31, Reach::Everything, false).await, 0, "it is on its way");
}
