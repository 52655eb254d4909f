//! Operators and mended files.

use super::*;

fn by(ms: i64) -> Operator {
    Operator { name: "thu.nv".to_owned(), at: at(ms) }
}

async fn dead(store: &Store, id: DeliveryId, blame: Blame, ms: i64) {
    settle(store, id, Settlement::DeadLetter(fault(Remedy::Correct, blame)), ms).await;
}

#[tokio::test]
async fn dead_letters_are_found_shown_corrected_and_discarded() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = queued(&store, snapshot("1", 0)).await;
    let waiting = queued(&store, event("e", 1)).await;
    dead(&store, id, Blame::Peer, 2).await;
    assert_eq!(head(&store, 9).await, None, "a dead snapshot never accepted holds the event");
    let by_fault = |code: &str| Filter { fault: Some(code.to_owned()), ..Filter::default() };
    assert_eq!(store.dead_letters(by_fault("portal.test")).await.unwrap().len(), 1);
    assert_eq!(store.dead_letters(by_fault("other")).await.unwrap().len(), 0);
    let shown = store.dead_letter(id).await.unwrap().unwrap();
    assert_eq!(shown.fault.unwrap().words, "thử");
    let all = store.redeliver(Filter::default(), Reach::Untaken, by(3), true).await.unwrap();
    assert_eq!((all.len(), head(&store, 9).await), (1, None), "a dry run sends nothing");
    store.correct(id, json!({"status": "1", "n": "Thử"}), by(4)).await.unwrap();
    let found = store.load(id).await.unwrap().unwrap();
    assert_eq!((found.envelope.document["n"].as_str(), found.pinned.is_none()), (Some("Thử"), true));
    drop(found);
    settle(&store, id, delivered(), 5).await;
    dead(&store, waiting, Blame::Peer, 6).await;
    store.discard(waiting, "gửi nhầm", by(7)).await.unwrap();
    assert!(matches!(store.discard(waiting, "x", by(8)).await, Err(StoreError::NotPossible(_))));
    let told = told(&store).await;
    for wanted in ["dead-letter", "corrected", "delivered", "discarded"] {
        assert!(told.contains(&wanted), "{told:?}");
    }
}

#[tokio::test]
async fn a_snapshot_that_was_overtaken_is_never_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let old = queued(&store, snapshot("1", 0)).await;
    dead(&store, old, Blame::Gateway, 1).await;
    let new = queued(&store, snapshot("2", 2)).await;
    settle(&store, new, delivered(), 3).await;
    assert!(store.reoffer(BTreeMap::new(), at(4)).await.unwrap().is_empty());
    for dry_run in [true, false] {
        assert!(store.redeliver(Filter::default(), Reach::Untaken, by(5), dry_run).await.unwrap().is_empty());
    }
    assert_eq!(store.state(old).await.unwrap().unwrap().0, State::Superseded);
}

#[tokio::test]
async fn a_mended_mapping_offers_its_dead_letters_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mapping = |version: &str| MappingUsed { name: "portal/out".into(), fingerprint: version.into() };
    let current = |out: &str| {
        let one = |fingerprint: &str| BTreeSet::from([fingerprint.to_owned()]);
        BTreeMap::from([("portal/out".to_owned(), one(out)), ("onestop/in".to_owned(), one("f1"))])
    };
    let id = queued(&store, event("a", 0)).await;
    store.write(id, vec![Entry::Untranslated { mapping: mapping("o1") }]).await.unwrap();
    dead(&store, id, Blame::Gateway, 1).await;
    let refused = queued(&store, event("b", 2)).await;
    store.write(refused, vec![Entry::Untranslated { mapping: mapping("o1") }]).await.unwrap();
    dead(&store, refused, Blame::Peer, 3).await;
    assert_eq!(store.reoffer(current("o1"), at(4)).await.unwrap(), [], "nothing changed");
    assert_eq!(store.reoffer(current("o2"), at(5)).await.unwrap(), [id], "ours only");
    assert_eq!(head(&store, 9).await, Some(id));
    assert!(told(&store).await.contains(&"offered-again"));
    // A hole in an inbound list: accepted, held as a dead letter of that one delivery from the start.
    let mut born = message("H99-260310-0009", Class::Event, json!({"code": null}), 6);
    if let Ok(content) = &mut born.content {
        content.to[0].dead = Some(fault(Remedy::Correct, Blame::Gateway));
    }
    let born = queued(&store, born).await;
    assert_eq!(store.state(born).await.unwrap().unwrap().0, State::Dead);
    let mut mended = current("o1");
    mended.insert("onestop/in".to_owned(), BTreeSet::from(["f2".to_owned()]));
    assert_eq!(store.reoffer(mended, at(7)).await.unwrap(), [born]);
    let found = store.load(born).await.unwrap().unwrap();
    assert_eq!(found.in_mapping.as_ref().unwrap().fingerprint, "f1", "so the caller reads the arrival anew");
    let mapping = MappingUsed { name: "onestop/in".to_owned(), fingerprint: "f2".to_owned() };
    store.write(born, vec![Entry::Revise { document: json!({"code": "1"}), mapping }]).await.unwrap();
    drop(found);
    let found = store.load(born).await.unwrap().unwrap();
    assert_eq!(found.in_mapping.as_ref().unwrap().fingerprint, "f2");
    assert_eq!(found.envelope.document, json!({"code": "1"}));
}

#[tokio::test]
async fn an_operators_word_settles_a_doubt() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for what in [WhatHappened::Happened, WhatHappened::DidNot] {
        let id = queued(&store, event(&format!("{what:?}"), 0)).await;
        let call = Entry::Call { request: request(Effect::Once), at: at(1) };
        let doubt = Settlement::InDoubt(fault(Remedy::Doubt, Blame::Peer));
        store.write(id, vec![call, Entry::Settle { settlement: doubt, at: at(2) }]).await.unwrap();
        assert_eq!(head(&store, 9).await, None);
        for dry_run in [true, false] {
            let sent = store.redeliver(Filter::default(), Reach::Untaken, by(3), dry_run).await.unwrap();
            assert!(sent.is_empty(), "look first; a dry run says the same");
        }
        let marks = Marks::from([("idHoSo".to_owned(), "9".to_owned())]);
        store.settle_doubt(id, what, marks, by(4)).await.unwrap();
        match what {
            WhatHappened::Happened => {
                assert_eq!(store.state(id).await.unwrap().unwrap().0, State::Delivered);
            }
            WhatHappened::DidNot => {
                let found = store.load(id).await.unwrap().unwrap();
                assert!(found.unanswered().is_none());
                assert_eq!(found.marks["idHoSo"], "9");
            }
        }
    }
}
