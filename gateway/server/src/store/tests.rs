//! The store as its callers see it, and what the disk holds of it.

mod announcements;
mod crash;
mod files;
mod handover;
mod lanes;
mod loads;
mod operate;
mod pauses;
mod payments;
mod purge;
mod said;
mod sealed;
mod shipments;
mod strays;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use gateway_core::adapter::{Answer, Ask, Body, Effect, Keeping, Marks, Payload, Request};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::Class;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{MessageId, Moment, PeerName};
use gateway_core::pipeline::{Admission, DeliveryId, Settlement, State};
use serde_json::{Value, json};

use super::*;

const PORTAL: &str = "portal";

fn at(ms: i64) -> Moment {
    Moment::from_millis(1_700_000_000_000 + ms)
}

fn key(byte: u8) -> SealKey {
    SealKey::new([byte; 32])
}

fn seal() -> Seal {
    Seal::from_keys(&key(1), &[]).unwrap()
}

fn open(folder: &Path) -> Store {
    Store::open(folder, seal(), OpenOptions::default()).unwrap()
}

fn message(dossier: &str, class: Class, document: Value, ms: i64) -> NewMessage {
    let kind = if class == Class::Snapshot { "dossier-recorded" } else { "dossier-progressed" };
    NewMessage {
        id: MessageId::new(at(ms), crate::clock::chance()),
        correlation: "c-1".into(),
        traceparent: None,
        from: "igate".into(),
        unit: "H99.14".into(),
        kind: kind.into(),
        class,
        dossier: DossierCode::new(dossier),
        alias: None,
        status: document.get("status").and_then(Value::as_str).map(str::to_owned),
        due: None,
        at: at(ms),
        hints: BTreeMap::from([("updating".to_owned(), "true".to_owned())]),
        level: gateway_core::adapter::Level::Token,
        keys: vec![],
        repeat_window_ms: 900_000,
        files: Vec::new(),
        source: Payload::Json(json!({"MaHoSo": dossier, "raw": document})),
        mapping: Some(MappingUsed { name: "onestop/in".to_owned(), fingerprint: "f1".to_owned() }),
        carriage: None,
        content: Ok(Content {
            document,
            compared: None,
            undated: false,
            to: vec![Route::to(PORTAL.into())],
            notes: vec![],
        }),
    }
}

fn snapshot(status: &str, ms: i64) -> NewMessage {
    message("H99.14-260310-0007", Class::Snapshot, json!({"status": status, "n": "Nguyễn Văn Thử"}), ms)
}

fn event(text: &str, ms: i64) -> NewMessage {
    message("H99.14-260310-0007", Class::Event, json!({"note": text}), ms)
}

fn fault(remedy: Remedy, blame: Blame) -> Fault {
    Fault::new("portal.test", blame, remedy, "thử")
}

fn request(effect: Effect) -> Request {
    Request {
        step: "create".to_owned(),
        effect,
        endpoint: "integration".to_owned(),
        account: None,
        ask: Ask {
            method: "POST".to_owned(),
            path: "/mapi/g".to_owned(),
            query: vec![],
            headers: vec![],
            body: Body::of("Nguyễn Văn Thử 001085000000"),
        },
        answer_in: Keeping::Inline,
    }
}

fn answer() -> Answer {
    Answer::json(200, &json!({"error_code": "0", "name": "Nguyễn Văn Thử"}))
}

async fn one(store: &Store, message: NewMessage) -> Admitted {
    store.admit(vec![message]).await.unwrap().remove(0)
}

async fn queued(store: &Store, message: NewMessage) -> DeliveryId {
    one(store, message).await.deliveries[0].delivery
}

/// The head of the only lane.
async fn head(store: &Store, ms: i64) -> Option<DeliveryId> {
    let heads = store.ready(&PORTAL.into(), 9, at(ms), &HashSet::new()).await.unwrap();
    assert!(heads.len() <= 1);
    heads.first().map(|head| head.delivery)
}

async fn settle(store: &Store, id: DeliveryId, settlement: Settlement, ms: i64) -> Written {
    store.write(id, vec![Entry::Settle { settlement, at: at(ms) }]).await.unwrap()
}

fn delivered() -> Settlement {
    Settlement::Delivered { reference: "R-1".to_owned() }
}

async fn told(store: &Store) -> Vec<&'static str> {
    let timeline = store.timeline("H99.14-260310-0007").await.unwrap().unwrap();
    timeline.rows.iter().map(|row| row.event.as_str()).collect()
}

#[tokio::test]
async fn repeats_are_told_apart_in_the_transaction_that_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = one(&store, snapshot("1", 0)).await;
    assert_eq!(first.admission, Some(Admission::News));
    let again = one(&store, snapshot("1", 1)).await;
    assert_eq!(again.admission, Some(Admission::Duplicate { of: first.id }));
    assert!(again.deliveries.is_empty());
    let second = one(&store, snapshot("2", 2)).await;
    let late = one(&store, snapshot("1", 3)).await;
    assert_eq!(late.admission, Some(Admission::LateRepeat { of: first.id }));
    let second_again = one(&store, snapshot("2", 4)).await;
    assert_eq!(second_again.admission, Some(Admission::Duplicate { of: second.id }));
    let back = one(&store, snapshot("1", 3_600_000)).await;
    assert_eq!(back.admission, Some(Admission::News), "A, B, A is three states");
    let both = store.admit(vec![event("a", 5), event("b", 5), event("a", 5)]).await.unwrap();
    assert_eq!(both[1].admission, Some(Admission::News));
    assert_eq!(both[2].admission, Some(Admission::Duplicate { of: both[0].id }), "within one call too");
    let mut keyed = event("c", 6);
    keyed.keys = vec!["k-1".to_owned()];
    let kept = one(&store, keyed).await;
    let mut other = event("d", 7);
    other.keys = vec!["k-1".to_owned()];
    assert_eq!(one(&store, other).await.admission, Some(Admission::Conflict { with: kept.id }));
    let mut refused = event("e", 8);
    refused.content = Err(Fault::sender("contract.violated", "thiếu trường"));
    assert_eq!(one(&store, refused).await.admission, None);
    let told = told(&store).await;
    for wanted in ["accepted", "duplicate", "late-repeat", "refused", "queued", "superseded"] {
        assert!(told.contains(&wanted), "{wanted} is missing in {told:?}");
    }
}

#[tokio::test]
async fn what_goes_in_comes_out_also_when_it_is_large() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let scan = "QUJD".repeat(50_000);
    let document = json!({"status": "1", "papers": [{"id": "a", "content": scan, "$file": 1}]});
    let new = message("H99.14-260310-0007", Class::Snapshot, document.clone(), 0);
    let id = new.id;
    let delivery = queued(&store, new).await;
    let found = store.load(delivery).await.unwrap().unwrap();
    assert_eq!(found.envelope.document, document);
    assert_eq!(found.envelope.hints["updating"], "true");
    assert_eq!(found.envelope.dossier.as_ref().unwrap().as_str(), "H99.14-260310-0007");
    assert!(store.load(delivery).await.unwrap().is_none(), "it is in our hands");
    let Some(Payload::Json(source)) = store.source(id).await.unwrap() else { panic!("no source") };
    assert_eq!(source["raw"], document);
    let mapping = MappingUsed { name: "portal/out".to_owned(), fingerprint: "o1".to_owned() };
    let pinned = Pinned { document: json!({"MaHoSo": scan}), mapping };
    let mut large = request(Effect::Repeatable);
    large.ask.body = Body::of(vec![0xff; 100_000]);
    let entries = vec![
        Entry::Pin { pinned: pinned.clone(), at: at(1) },
        Entry::Call { request: large.clone(), at: at(2) },
    ];
    let written = store.write(delivery, entries).await.unwrap();
    let marks = Marks::from([("idHoSo".to_owned(), "77".to_owned())]);
    let exchange = written.exchanges[0];
    let answered = Entry::Answered { exchange, answer: answer(), marks: marks.clone(), at: at(3) };
    store.write(delivery, vec![answered]).await.unwrap();
    drop(found);
    store.close().await;
    let store = open(folder.path());
    let found = store.load(delivery).await.unwrap().unwrap();
    assert_eq!(found.pinned, Some(pinned));
    assert_eq!(found.marks, marks);
    assert_eq!(found.exchanges[0].request, large);
    assert_eq!(found.transcript().0.len(), 1);
    let xml = Payload::Xml(b"<a>1</a>".to_vec());
    let mut new = event("x", 4);
    new.source = xml.clone();
    let id = new.id;
    queued(&store, new).await;
    assert_eq!(store.source(id).await.unwrap(), Some(xml));
    assert_eq!(store.sweep().await.unwrap(), 0);
}

#[tokio::test]
async fn codes_of_no_known_form_belong_to_their_sender() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let national = "H99.14-260310-0007";
    let mut lanes = Vec::new();
    for (from, code) in [("a", national), ("b", national), ("a", "HS-15"), ("b", "HS-15")] {
        let mut new = message(code, Class::Event, json!({"note": from}), 0);
        new.from = from.into();
        lanes.push(one(&store, new).await.deliveries[0].lane);
    }
    assert_eq!(lanes[0], lanes[1]);
    assert_ne!(lanes[2], lanes[3]);
    let heads = store.ready(&PORTAL.into(), 9, at(0), &HashSet::from([lanes[0]])).await.unwrap();
    assert_eq!(heads.iter().map(|head| head.lane).collect::<Vec<_>>(), lanes[2..]);
}

#[tokio::test]
async fn the_oldest_due_date_goes_first() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut wanted = Vec::new();
    for (code, due) in [("H99-260310-0001", None), ("H99-260310-0002", Some(9)), ("H99-260310-0003", Some(5))]
    {
        let mut new = message(code, Class::Event, json!({}), 0);
        new.due = due.map(at);
        wanted.insert(0, queued(&store, new).await);
    }
    let heads = store.ready(&PORTAL.into(), 9, at(0), &HashSet::new()).await.unwrap();
    assert_eq!(heads.iter().map(|head| head.delivery).collect::<Vec<_>>(), wanted);
    assert_eq!(store.ready(&PORTAL.into(), 1, at(0), &HashSet::new()).await.unwrap().len(), 1);
    assert_eq!(store.next_ready_at(&PORTAL.into(), at(-1)).await.unwrap(), Some(at(0)));
    assert_eq!(store.next_ready_at(&"other".into(), at(-1)).await.unwrap(), None);
    let stats = store.stats().await.unwrap();
    let portal = &stats.peers[&PeerName::from(PORTAL)];
    assert_eq!((portal.lanes, portal.by_state["waiting"], portal.oldest_waiting), (3, 3, Some(at(0))));
}
