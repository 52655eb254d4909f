//! Payments: opened before anybody hears of them, judged where they are written, and told once.

use gateway_core::payment::{Outcome, Refusal, Said, Wanted};

use super::*;

const PROVIDER: &str = "provider";
const OTHER: &str = "other-provider";
const ASKER: &str = "counter";
const CODE: &str = "H99.14-261001-0042";
const MINUTE: i64 = 60_000;

fn place(folder: &Path) -> Store {
    let store = open(folder);
    let payments = Some(Receivers { kind: "payment-told".into(), peers: vec![(ASKER.into(), vec![])] });
    store.tell_by(Telling { payments, asked_by_item: [PROVIDER.into()].into(), ..Telling::default() });
    store
}

async fn begin(store: &Store, provider: &str, reference: &str, ms: i64) -> PaymentId {
    let payment = NewPayment {
        message: MessageId::new(at(ms), crate::clock::chance()),
        correlation: "c-1".into(),
        traceparent: None,
        from: ASKER.into(),
        unit: "H99.14".into(),
        dossier: DossierCode::new(CODE).unwrap(),
        provider: provider.into(),
        reference: reference.to_owned(),
        wanted: Wanted { amount: 50_000, currency: "VND".to_owned(), lines: json!([]) },
        at: at(ms),
    };
    store.open_payment(payment).await.unwrap()
}

fn paid(provider: &str, reference: &str, transaction: &str, pulled: bool, ms: i64) -> NewMessage {
    let said = Said {
        reference: reference.to_owned(),
        outcome: Outcome::Paid,
        amount: Some(50_000),
        currency: Some("VND".to_owned()),
        transaction: Some(transaction.to_owned()),
        at: Some(at(ms)),
        bank: None,
        dossier: None,
    };
    let item = message(CODE, Class::Event, json!({ "reference": reference, "transaction": transaction }), ms);
    NewMessage {
        from: provider.into(),
        kind: "payment-observed".into(),
        dossier: None,
        carriage: Some(Carriage::Paid { said, pulled }),
        content: item.content.map(|content| Content { to: vec![], ..content }),
        ..item
    }
}

fn back(from: &str, reference: &str, ms: i64) -> NewMessage {
    let item = message(CODE, Class::Event, json!({ "reference": reference }), ms);
    NewMessage {
        from: from.into(),
        kind: "payment-cancelled".into(),
        carriage: Some(Carriage::TakenBack { reference: reference.to_owned() }),
        content: item.content.map(|content| Content { to: vec![], ..content }),
        ..item
    }
}

async fn due(store: &Store, ms: i64) -> Vec<String> {
    let items = store.due_items(&PROVIDER.into(), at(ms), 9).await.unwrap();
    items.into_iter().map(|item| item.name).collect()
}

async fn rows(store: &Store, event: Event) -> usize {
    let timeline = store.timeline(CODE).await.unwrap().unwrap();
    timeline.rows.iter().filter(|row| row.event == event).count()
}

#[tokio::test]
async fn a_payment_outlives_the_process_and_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path());
    begin(&store, PROVIDER, "P1", 0).await;
    store.close().await;
    drop(store);
    let store = place(folder.path());
    assert!(due(&store, MINUTE).await.is_empty());
    assert_eq!(due(&store, 2 * MINUTE).await, ["P1"]);
    let first = one(&store, paid(PROVIDER, "P1", "T1", false, 10)).await;
    assert_eq!((first.admission, first.deliveries.len()), (Some(Admission::News), 1));
    // By another call, by the answer to our question, after a restart: the same one.
    for (pulled, ms) in [(false, 20), (true, 30), (true, 40)] {
        let again = one(&store, paid(PROVIDER, "P1", "T1", pulled, ms)).await;
        assert_eq!(again.admission, Some(Admission::Duplicate { of: first.id }));
        assert!(again.deliveries.is_empty() && again.news.refused.is_none());
    }
    assert!(due(&store, 1_000 * MINUTE).await.is_empty());
    assert_eq!(rows(&store, Event::PaymentPaid).await, 1);
    // What a call repeats is told in the timeline, what our own question repeats is nothing that happened.
    assert_eq!(rows(&store, Event::Duplicate).await, 1);
    let heads = store.ready(&ASKER.into(), 9, at(MINUTE), &HashSet::new()).await.unwrap();
    assert_eq!(heads.len(), 1);
}

#[tokio::test]
async fn what_does_not_count_leaves_a_trace_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path());
    begin(&store, PROVIDER, "P1", 0).await;
    begin(&store, PROVIDER, "P2", 0).await;
    begin(&store, OTHER, "P3", 0).await;
    let refused = |message: NewMessage| {
        let store = store.clone();
        async move {
            let admitted = one(&store, message).await;
            assert!(admitted.admission.is_none() && admitted.deliveries.is_empty());
            admitted.news.refused
        }
    };
    // Of another provider's payment, nobody else may speak.
    assert_eq!(refused(paid(OTHER, "P1", "T1", false, 1)).await, Some(Refusal::Unknown));
    assert_eq!(refused(back("somebody", "P1", 2)).await, Some(Refusal::Unknown));
    one(&store, paid(PROVIDER, "P1", "T1", false, 3)).await;
    assert_eq!(refused(paid(PROVIDER, "P2", "T1", false, 4)).await, Some(Refusal::Twice));
    assert_eq!(refused(paid(PROVIDER, "P1", "T2", false, 5)).await, Some(Refusal::Twice));
    assert_eq!(refused(back(ASKER, "P1", 6)).await, Some(Refusal::Paid));
    // Another provider counts its transactions by itself.
    assert_eq!(one(&store, paid(OTHER, "P3", "T1", false, 7)).await.admission, Some(Admission::News));
    let taken = one(&store, back(ASKER, "P2", 8)).await;
    assert_eq!(
        one(&store, back(ASKER, "P2", 9)).await.admission,
        Some(Admission::Duplicate { of: taken.id })
    );
    // Asked about all the same, because money may be under way; when it was found, a person is told, once.
    assert_eq!(due(&store, 2 * MINUTE).await, ["P2"]);
    for ms in [2 * MINUTE, 4 * MINUTE] {
        assert_eq!(refused(paid(PROVIDER, "P2", "T9", true, ms)).await, Some(Refusal::Cancelled));
    }
    assert!(due(&store, 1_000 * MINUTE).await.is_empty());
    assert_eq!(rows(&store, Event::PaymentAlert).await, 3);
    assert_eq!(rows(&store, Event::PaymentPaid).await, 2);
}

#[tokio::test]
async fn an_open_payment_is_asked_about_more_and_more_rarely_and_then_left() {
    let folder = tempfile::tempdir().unwrap();
    let store = place(folder.path());
    let payment = begin(&store, PROVIDER, "P1", 0).await;
    let ask = |ms: i64| {
        let store = store.clone();
        async move {
            let asked = Asked::Item { item: OpenItem::Payment(payment), at: at(ms) };
            store.admit_asked(vec![], asked).await.unwrap();
            let next = store.next_item_at(&PROVIDER.into()).await.unwrap();
            next.map(|next| next.millis_since(at(ms)) / MINUTE)
        }
    };
    assert_eq!(ask(2 * MINUTE).await, Some(2));
    assert_eq!(ask(30 * MINUTE).await, Some(10));
    assert_eq!(ask(26 * 60 * MINUTE).await, Some(360));
    assert_eq!(ask(73 * 60 * MINUTE).await, None);
    // Only our questions end: money that comes late still counts.
    let late = one(&store, paid(PROVIDER, "P1", "T1", false, 100 * 60 * MINUTE)).await;
    assert_eq!((late.admission, late.deliveries.len()), (Some(Admission::News), 1));
}
