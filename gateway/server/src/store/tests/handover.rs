//! Handing over to a broker: each fence for itself, and what comes back when something is lost.

use super::*;

const W: usize = 1_000;

async fn hand_over(store: &Store, ms: i64) -> Handover {
    let mut marked = store.hand_over(&PORTAL.into(), 10, W, at(ms)).await.unwrap();
    assert_eq!((marked.handovers.len(), marked.full), (1, false));
    marked.handovers.remove(0)
}

async fn claim(store: &Store, handover: Handover) -> Option<Token> {
    store.claim(vec![handover]).await.unwrap().remove(0)
}

#[tokio::test]
async fn what_is_handed_over_is_out_until_it_is_settled() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let delivery = queued(&store, snapshot("1", 0)).await;
    let handover = hand_over(&store, 1).await;
    assert_eq!((handover.delivery, handover.number), (delivery, 1));
    assert_eq!(head(&store, 1).await, None, "it is out");
    assert_eq!(store.next_ready_at(&PORTAL.into(), at(-1)).await.unwrap(), None);
    let stats = store.stats().await.unwrap();
    assert_eq!(stats.peers[&PeerName::from(PORTAL)].lanes, 1, "and still counted");
    let carried = store.carried(vec![handover]).await.unwrap().remove(0);
    assert_eq!((carried.handover, carried.kind.as_str()), (handover, "dossier-recorded"));
    assert_eq!(carried.key_id(), key(1).id());
    assert_eq!(store.try_sealed(&carried.sealed), Ok(()));
    assert!(!String::from_utf8_lossy(&carried.sealed).contains("Thử"));
    let token = claim(&store, handover).await.unwrap();
    assert_eq!(claim(&store, handover).await, None, "a doubled message finds it taken");
    let settled = vec![Entry::Settle { settlement: delivered(), at: at(2) }];
    let next = queued(&store, event("x", 2)).await;
    assert!(!store.write_with(delivery, Some(token), settled).await.unwrap().gone);
    assert_eq!(claim(&store, handover).await, None, "a copy that comes after the settlement claims nothing");
    assert_eq!(head(&store, 2).await, Some(next), "the next one is ready in the same commit");
    assert_eq!(store.out(&PORTAL.into()).await.unwrap(), 0);
    store.release(handover.lane, token).await.unwrap();
}

#[tokio::test]
async fn an_older_number_claims_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    queued(&store, snapshot("1", 0)).await;
    let old = hand_over(&store, 1).await;
    store.put_back(vec![old]).await.unwrap();
    let new = hand_over(&store, 2).await;
    assert_eq!((old.lane, old.delivery, old.number + 1), (new.lane, new.delivery, new.number));
    assert_eq!(claim(&store, old).await, None, "same lane, same head, older hand-over");
    assert!(claim(&store, new).await.is_some());
}

#[tokio::test]
async fn an_older_token_writes_nothing_while_the_same_head_runs_again_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let delivery = queued(&store, snapshot("1", 0)).await;
    let old = claim(&store, hand_over(&store, 1).await).await.unwrap();
    assert_eq!(store.take_back(&PORTAL.into()).await.unwrap(), 1);
    let new = claim(&store, hand_over(&store, 2).await).await.unwrap();
    let call = || vec![Entry::Call { request: request(Effect::Once), at: at(3) }];
    assert!(store.write_with(delivery, Some(old), call()).await.unwrap().gone, "no call leaves any more");
    let late = vec![Entry::Settle { settlement: delivered(), at: at(4) }];
    assert!(store.write_with(delivery, Some(old), late).await.unwrap().gone);
    assert_eq!(told(&store).await, ["accepted", "queued", "late-outcome"], "kept for people, without effect");
    assert_eq!(store.state(delivery).await.unwrap().unwrap().0, State::Waiting);
    let settled = vec![Entry::Settle { settlement: delivered(), at: at(5) }];
    assert!(!store.write_with(delivery, Some(new), settled).await.unwrap().gone);
}

#[tokio::test]
async fn a_new_head_voids_what_was_handed_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    queued(&store, snapshot("1", 0)).await;
    let old = hand_over(&store, 1).await;
    let newer = queued(&store, snapshot("2", 2)).await;
    assert_eq!(head(&store, 2).await, Some(newer), "ready at once, not when somebody misses it");
    let new = hand_over(&store, 3).await;
    assert_eq!(
        claim(&store, Handover { number: new.number, ..old }).await,
        None,
        "an older head, whatever its number"
    );
    assert!(claim(&store, new).await.is_some());
}

#[tokio::test]
async fn the_oldest_due_date_is_handed_over_first_and_no_more_than_the_broker_is_to_hold() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut wanted = Vec::new();
    for number in 1..=5 {
        let mut new = message(&format!("H99-260310-000{number}"), Class::Event, json!({}), 0);
        new.due = Some(at(100 - number));
        wanted.insert(0, queued(&store, new).await);
    }
    let first = store.hand_over(&PORTAL.into(), 2, 3, at(1)).await.unwrap();
    let second = store.hand_over(&PORTAL.into(), 2, 3, at(1)).await.unwrap();
    let third = store.hand_over(&PORTAL.into(), 2, 3, at(1)).await.unwrap();
    assert_eq!((first.full, second.full, third), (false, true, Marked { handovers: Vec::new(), full: true }));
    let out: Vec<_> =
        first.handovers.iter().chain(&second.handovers).map(|handover| handover.delivery).collect();
    assert_eq!(out, wanted[..3]);
}

#[tokio::test]
async fn what_was_never_confirmed_and_what_was_lost_is_ready_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    queued(&store, snapshot("1", 0)).await;
    let portal = PeerName::from(PORTAL);
    let first = hand_over(&store, 1_000).await;
    assert_eq!(store.retake_unconfirmed(&portal, at(1_000)).await.unwrap(), 0, "not so long ago");
    assert_eq!(store.retake_unconfirmed(&portal, at(1_001)).await.unwrap(), 1);
    let second = hand_over(&store, 2_000).await;
    store.confirmed(vec![first]).await.unwrap();
    assert_eq!(
        store.waiting_since(&portal, at(3_000), true).await.unwrap(),
        0,
        "an old confirm says nothing of it"
    );
    store.confirmed(vec![second]).await.unwrap();
    assert_eq!(store.retake_unconfirmed(&portal, at(3_000)).await.unwrap(), 0);
    assert_eq!(store.waiting_since(&portal, at(3_000), true).await.unwrap(), 1);
    assert_eq!(store.retake_lost(&portal, at(3_000)).await.unwrap(), 1);
    assert_eq!(hand_over(&store, 4_000).await.number, 3);
}

#[tokio::test]
async fn a_probe_is_claimed_without_a_broker_and_only_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let delivery = queued(&store, snapshot("1", 0)).await;
    let lane = store.ready(&PORTAL.into(), 1, at(1), &HashSet::new()).await.unwrap()[0].lane;
    let token = store.claim_probe(lane).await.unwrap().unwrap();
    assert_eq!(store.claim_probe(lane).await.unwrap(), None);
    assert_eq!(store.hand_over(&PORTAL.into(), 10, W, at(1)).await.unwrap().handovers, []);
    store.release(lane, token).await.unwrap();
    assert_eq!(hand_over(&store, 2).await.delivery, delivery);
}

/// One process writes a store, so what its predecessor had in hand nobody has.
#[tokio::test]
async fn a_store_knows_its_own_name_and_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = store.id().to_owned();
    assert_eq!(id.len(), 16);
    store.close().await;
    drop(store);
    assert_eq!(open(folder.path()).id(), id);
    let other = tempfile::tempdir().unwrap();
    assert_ne!(open(other.path()).id(), id);
}
