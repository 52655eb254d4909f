//! What a peer's answer says: admitted with the settlement or not at all, about the dossier that the peer was given, once.

use super::*;

const NATIONAL: &str = "G22.99-260311-000123";
const OWN: &str = "H99.14-260311-0002";

/// The peer that was given the dossier says its own code for it, which the portal is to hear.
fn answered(dossier: &str, own: &str, ms: i64) -> NewMessage {
    let document = json!({ "dossier": { "code": dossier, "localCode": own }, "status": "2" });
    NewMessage {
        from: "relay".into(),
        kind: "dossier-answered".into(),
        alias: DossierCode::new(own),
        ..message(dossier, Class::Event, document, ms)
    }
}

fn given(dossier: &str, ms: i64) -> NewMessage {
    let content = Content {
        document: json!({ "n": ms }),
        compared: None,
        undated: false,
        to: vec![Route::to("relay".into())],
        notes: vec![],
    };
    NewMessage {
        from: PORTAL.into(),
        kind: "dossier-submitted".into(),
        content: Ok(content),
        ..message(dossier, Class::Event, json!({}), ms)
    }
}

fn end(ms: i64) -> Entry {
    Entry::Settle { settlement: Settlement::Delivered { reference: String::new() }, at: at(ms) }
}

#[tokio::test]
async fn what_is_said_is_there_with_the_settlement_and_both_codes_find_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let delivery = queued(&store, given(NATIONAL, 1)).await;
    let says = Entry::Say { messages: vec![answered(NATIONAL, OWN, 5)] };
    let written = store.write(delivery, vec![says, end(6)]).await.unwrap();
    assert_eq!(written.said[0].admission, Some(Admission::News));
    assert_eq!(written.said[0].deliveries[0].peer.as_str(), PORTAL);
    let by_both = [NATIONAL, OWN].map(|code| store.timeline(code));
    let [national, own] = by_both;
    let (national, own) = (national.await.unwrap(), own.await.unwrap());
    assert!(national.is_some());
    assert_eq!(format!("{national:?}"), format!("{own:?}"));
    // The delivery is over: whoever comes late says nothing more.
    let late = Entry::Say { messages: vec![answered(NATIONAL, "H99.14-260311-0003", 7)] };
    let late = store.write(delivery, vec![late, end(8)]).await.unwrap();
    assert!(late.gone && late.said.is_empty());
    assert_eq!(store.timeline("H99.14-260311-0003").await.unwrap().map(|_| ()), None);
    // Given once more (a changed form), the peer says the same again: that is no news.
    let again = queued(&store, given(NATIONAL, 9)).await;
    let says = Entry::Say { messages: vec![answered(NATIONAL, OWN, 10)] };
    let written = store.write(again, vec![says, end(11)]).await.unwrap();
    assert!(matches!(written.said[0].admission, Some(Admission::Duplicate { .. })));
}

#[tokio::test]
async fn a_code_of_no_known_form_means_the_dossier_that_the_peer_was_given() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let delivery = queued(&store, given("HS-15", 1)).await;
    let says = Entry::Say { messages: vec![answered("HS-15", OWN, 5)] };
    store.write(delivery, vec![says, end(6)]).await.unwrap();
    let of = |code: &'static str| async { format!("{:?}", store.timeline(code).await.unwrap()) };
    assert_eq!(of("HS-15").await, of(OWN).await);
}

#[tokio::test]
async fn the_latest_that_was_accepted_is_found_by_either_code_and_a_strangers_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let recorded = |from: &str, dossier: &str, status: &str, ms| NewMessage {
        from: from.into(),
        ..message(dossier, Class::Snapshot, json!({ "status": status }), ms)
    };
    let latest = |code: &str| {
        let code = DossierCode::new(code).unwrap();
        let store = &store;
        async move { store.latest(&code, &"dossier-recorded".into()).await.unwrap() }
    };
    assert_eq!(latest(OWN).await, None);
    one(&store, answered(NATIONAL, OWN, 1)).await;
    one(&store, recorded("igate", OWN, "2", 2)).await;
    one(&store, recorded("igate", OWN, "4", 3)).await;
    for code in [OWN, NATIONAL] {
        assert_eq!(latest(code).await, Some(json!({ "status": "4" })), "{code}");
    }
    one(&store, recorded("igate", "HS-15", "2", 4)).await;
    assert_eq!(latest("HS-15").await, Some(json!({ "status": "2" })));
    one(&store, recorded("opencps", "HS-15", "9", 5)).await;
    assert_eq!(latest("HS-15").await, None);
}
