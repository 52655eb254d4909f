//! Lanes on disk: supersession, carrying over, holding, doubt, and a random walk against the core's own rules.

use gateway_core::pipeline::Again;
use proptest::prelude::*;

use super::*;

fn papers(status: &str, papers: Value, ms: i64) -> NewMessage {
    message("H99.14-260310-0007", Class::Snapshot, json!({"status": status, "papers": papers}), ms)
}

#[tokio::test]
async fn a_newer_snapshot_takes_the_place_of_a_waiting_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let old = queued(&store, papers("1", json!([{"id": "a", "deleted": true}]), 0)).await;
    let between = queued(&store, event("e", 1)).await;
    let new = queued(&store, papers("2", json!([{"id": "b"}]), 2)).await;
    assert_eq!(head(&store, 9).await, Some(new), "it has the old one's place");
    assert!(store.load(old).await.unwrap().is_none());
    assert!(settle(&store, old, delivered(), 3).await.gone, "whoever comes late writes nothing");
    let found = store.load(new).await.unwrap().unwrap();
    assert_eq!(found.envelope.document["papers"], json!([{"id": "b"}, {"id": "a", "deleted": true}]));
    let third = queued(&store, papers("4", json!([]), 3)).await;
    assert_eq!(head(&store, 9).await, Some(new), "one that is out is settled first");
    let written = settle(&store, new, delivered(), 4).await;
    drop(found);
    assert_eq!(written.next.map(|next| next.delivery), Some(between));
    settle(&store, between, delivered(), 5).await;
    assert_eq!(head(&store, 9).await, Some(third));
    assert!(told(&store).await.contains(&"carried-over"));
}

/// One that was out when a newer one came, and comes back untaken, must not reach the peer after the newer one.
#[tokio::test]
async fn a_snapshot_that_comes_back_gives_way_to_a_newer_one() {
    let unclear = || Settlement::RetryAt { at: at(50_000), why: Again::Unclear, fault: None };
    let away = || Settlement::Away { fault: fault(Remedy::Later, Blame::Peer) };
    for settlement in [unclear(), away()] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let old = queued(&store, papers("1", json!([{"id": "a", "deleted": true}]), 0)).await;
        let job = store.load(old).await.unwrap().unwrap();
        let between = queued(&store, event("e", 1)).await;
        let new = queued(&store, papers("2", json!([{"id": "b"}]), 2)).await;
        let written = settle(&store, old, settlement, 3).await;
        drop(job);
        assert_eq!(written.next.map(|next| next.delivery), Some(new), "at once, in the old one's place");
        let job = store.load(new).await.unwrap().unwrap();
        assert_eq!(job.envelope.document["papers"], json!([{"id": "b"}, {"id": "a", "deleted": true}]));
        settle(&store, new, delivered(), 4).await;
        drop(job);
        assert_eq!(head(&store, 5).await, Some(between));
        settle(&store, between, delivered(), 6).await;
        assert_eq!(head(&store, 99_999).await, None, "the old one never goes");
        assert_eq!(store.state(old).await.unwrap().unwrap().0, State::Superseded);
    }
}

#[tokio::test]
async fn what_a_refused_snapshot_would_have_deleted_is_said_by_the_newer_one_that_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let old = queued(&store, papers("1", json!([{"id": "a", "deleted": true}]), 0)).await;
    let job = store.load(old).await.unwrap();
    let new = queued(&store, papers("2", json!([]), 2)).await;
    settle(&store, old, Settlement::DeadLetter(fault(Remedy::Correct, Blame::Peer)), 3).await;
    drop(job);
    let job = store.load(new).await.unwrap().unwrap();
    assert_eq!(job.envelope.document["papers"], json!([{"id": "a", "deleted": true}]));
    assert_eq!(store.state(old).await.unwrap().unwrap().0, State::Dead);
}

#[tokio::test]
async fn an_event_of_an_unknown_dossier_waits_for_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = queued(&store, event("a", 0)).await;
    let second = queued(&store, event("b", 1)).await;
    assert_eq!(head(&store, 9).await, Some(first), "the peer is asked once");
    settle(&store, first, Settlement::Hold(fault(Remedy::Correct, Blame::Peer)), 2).await;
    assert_eq!(head(&store, 9).await, None);
    let snapshot = queued(&store, snapshot("1", 3)).await;
    assert_eq!(head(&store, 9).await, Some(snapshot));
    assert_eq!(settle(&store, snapshot, delivered(), 4).await.next.unwrap().delivery, first);
    assert_eq!(settle(&store, first, delivered(), 5).await.next.unwrap().delivery, second);
}

/// Between the commit of a settlement and the end of the task that made it, another caller may be admitted.
#[tokio::test]
async fn what_is_settled_is_out_no_more_although_its_task_still_runs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let step = queued(&store, event("a", 0)).await;
    let found = store.load(step).await.unwrap();
    settle(&store, step, Settlement::Hold(fault(Remedy::Hold, Blame::Peer)), 1).await;
    let snapshot = queued(&store, snapshot("1", 2)).await;
    assert_eq!(head(&store, 9).await, Some(snapshot), "the held one is not the lane's head for ever");
    drop(found);
}

#[tokio::test]
async fn a_call_that_counts_once_and_got_no_answer_keeps_its_delivery_doubtful() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = queued(&store, snapshot("1", 0)).await;
    let call = Entry::Call { request: request(Effect::Once), at: at(1) };
    let exchange = store.write(id, vec![call]).await.unwrap().exchanges[0];
    store.close().await;
    let store = open(folder.path());
    let newer = queued(&store, snapshot("2", 2)).await;
    assert_eq!(head(&store, 9).await, Some(id), "not superseded after a restart either");
    let found = store.load(id).await.unwrap().unwrap();
    assert_eq!(found.unanswered().map(|kept| kept.id), Some(exchange));
    assert_eq!(found.state, State::Doubtful, "although the process ended before anybody could say so");
    settle(&store, id, Settlement::Away { fault: fault(Remedy::Doubt, Blame::Peer) }, 3).await;
    drop(found);
    let found = store.load(id).await.unwrap().unwrap();
    assert_eq!((found.state, found.away, found.history.away_strikes), (State::Doubtful, true, 1));
    let reason = "read back: did not".to_owned();
    let strike = Entry::Strike { exchange, reason, at: at(4) };
    let call = Entry::Call { request: request(Effect::Once), at: at(5) };
    let again = store.write(id, vec![strike, call]).await.unwrap().exchanges[0];
    let answered = Entry::Answered { exchange: again, answer: answer(), marks: Marks::new(), at: at(6) };
    let done = Entry::Settle { settlement: delivered(), at: at(6) };
    let written = store.write(id, vec![answered, done]).await.unwrap();
    assert_eq!(written.next.unwrap().delivery, newer);
    let told = told(&store).await;
    let tail: Vec<_> = told.iter().skip_while(|event| **event != "peer-away").copied().collect();
    assert_eq!(tail, ["peer-away", "struck", "peer-back", "call", "delivered"], "{told:?}");
}

#[tokio::test]
async fn a_snapshot_of_another_kind_takes_nobodys_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let submitted =
        |status: &str, ms| NewMessage { kind: "dossier-submitted".into(), ..snapshot(status, ms) };
    let first = queued(&store, submitted("1", 0)).await;
    let recorded = queued(&store, snapshot("2", 1)).await;
    assert_eq!(head(&store, 9).await, Some(first), "in the order in which they came");
    // A newer one of its own kind stands where the older one stood; the other kind stays behind it.
    let second = queued(&store, submitted("3", 2)).await;
    assert_eq!(head(&store, 9).await, Some(second));
    assert_eq!(
        told(&store).await.iter().filter(|event| **event == "superseded").count(),
        1,
        "{first:?} alone"
    );
    settle(&store, second, Settlement::DeadLetter(fault(Remedy::Correct, Blame::Peer)), 3).await;
    assert_eq!(head(&store, 9).await, Some(recorded));
    settle(&store, recorded, delivered(), 4).await;
    // What the peer took of one kind has not overtaken what it refused of the other.
    let filter = Filter::default();
    let by = Operator { name: "thu".to_owned(), at: at(5) };
    let again = store.redeliver(filter, Reach::Untaken, by, false).await.unwrap();
    assert_eq!(again.iter().map(|letter| letter.delivery).collect::<Vec<_>>(), [second]);
    assert_eq!(head(&store, 9).await, Some(second));
}

#[tokio::test]
async fn what_a_crash_left_doubtful_is_settled_before_a_new_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = queued(&store, event("a", 0)).await;
    store.write(id, vec![Entry::Call { request: request(Effect::Once), at: at(1) }]).await.unwrap();
    store.close().await;
    let store = open(folder.path());
    queued(&store, snapshot("1", 2)).await;
    assert_eq!(head(&store, 9).await, Some(id));
}

#[tokio::test]
async fn what_an_outage_struck_is_told_and_not_loaded_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = queued(&store, snapshot("1", 0)).await;
    for minute in 1..=20 {
        let call = Entry::Call { request: request(Effect::Repeatable), at: at(minute) };
        let exchange = store.write(id, vec![call]).await.unwrap().exchanges[0];
        let strike = Entry::Strike { exchange, reason: "peer.unreachable".to_owned(), at: at(minute) };
        let away = Settlement::Away { fault: fault(Remedy::Later, Blame::Peer) };
        store.write(id, vec![strike, Entry::Settle { settlement: away, at: at(minute) }]).await.unwrap();
    }
    assert!(store.load(id).await.unwrap().unwrap().exchanges.is_empty());
    assert_eq!(told(&store).await.iter().filter(|event| **event == "struck").count(), 20);
}

/// A machine whose clock keeps local time comes up seven hours ahead, until the network has set it.
#[tokio::test]
async fn what_came_under_a_wrong_time_does_not_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let hours = 7 * 3_600_000;
    let id = queued(&store, snapshot("1", hours)).await;
    assert_eq!(head(&store, 0).await, None);
    assert_eq!(store.latest_at().await.unwrap(), Some(at(hours)));
    assert_eq!(store.bring_forward(&PORTAL.into(), at(0)).await.unwrap(), 1);
    assert_eq!(head(&store, 0).await, Some(id));
    assert_eq!(store.bring_forward(&PORTAL.into(), at(0)).await.unwrap(), 0);
}

/// The head came back under the right time already; what stands behind it, and a call without an answer, are of the wrong one.
#[tokio::test]
async fn what_stands_behind_does_not_wait_for_a_wrong_time_either() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let hours = 7 * 3_600_000;
    let first = queued(&store, event("a", hours)).await;
    let second = queued(&store, event("b", hours)).await;
    let call = Entry::Call { request: request(Effect::Once), at: at(hours) };
    let away = Settlement::Away { fault: fault(Remedy::Later, Blame::Peer) };
    store.write(first, vec![call, Entry::Settle { settlement: away, at: at(0) }]).await.unwrap();
    assert_eq!(head(&store, 0).await, Some(first));
    assert_eq!(store.latest_at().await.unwrap(), Some(at(hours)));
    assert_eq!(store.bring_forward(&PORTAL.into(), at(0)).await.unwrap(), 1);
    let called = store.load(first).await.unwrap().unwrap();
    assert_eq!(called.unanswered().map(|call| call.called_at), Some(at(0)));
    settle(&store, first, Settlement::Delivered { reference: String::new() }, 1).await;
    assert_eq!(head(&store, 1).await, Some(second));
}

/// The wrong time was there only when a call left: a start after the clock was set back must notice all the same.
#[tokio::test]
async fn a_call_under_a_wrong_time_is_noticed_by_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let id = queued(&store, snapshot("1", 0)).await;
    let call = Entry::Call { request: request(Effect::Repeatable), at: at(7 * 3_600_000) };
    store.write(id, vec![call]).await.unwrap();
    assert_eq!(store.latest_at().await.unwrap(), Some(at(7 * 3_600_000)));
}

#[tokio::test]
async fn a_stuck_event_is_passed_and_still_tried() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let stuck = queued(&store, event("a", 0)).await;
    for attempt in 1..=5 {
        assert_eq!(head(&store, 99_999).await, Some(stuck));
        let fault = Some(fault(Remedy::Unclear, Blame::Peer));
        let again = Settlement::RetryAt { at: at(50_000), why: Again::Unclear, fault };
        settle(&store, stuck, again, attempt).await;
    }
    assert_eq!(head(&store, 10).await, None);
    let next = queued(&store, event("b", 10)).await;
    assert_eq!(
        head(&store, 10).await,
        Some(next),
        "it passes at once, not when the stuck one's moment comes"
    );
    settle(&store, next, delivered(), 11).await;
    assert_eq!(head(&store, 50_000).await, Some(stuck));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is admitted, settled or cut off by a restart: the lane row says what the core says of the lane, and every
    /// open delivery is the head, behind another, or waits with a reason.
    #[test]
    fn the_lane_row_is_always_what_the_core_says(steps in prop::collection::vec(0u8..13, 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let folder = tempfile::tempdir().unwrap();
            let mut store = open(folder.path());
            let mut seen = HashSet::new();
            for (index, step) in steps.iter().enumerate() {
                let now = index as i64 * 1_000;
                match step {
                    0 | 1 => { seen.insert(queued(&store, message("H99.14-260310-0007", Class::Snapshot, json!({"n": index}), now)).await); }
                    2..=4 => { seen.insert(queued(&store, event(&index.to_string(), now)).await); }
                    5 => { store.close().await; store = open(folder.path()); }
                    how => if let Some(id) = head(&store, now).await {
                        let found = store.load(id).await.unwrap();
                        prop_assert!(found.is_some(), "the head may go");
                        let settlement = match how {
                            6 | 7 => delivered(),
                            8 => Settlement::DeadLetter(fault(Remedy::Correct, Blame::Peer)),
                            9 => Settlement::Away { fault: fault(Remedy::Later, Blame::Peer) },
                            10 if found.as_ref().is_some_and(|found| !found.history.accepted_snapshot && found.envelope.class == Class::Event) =>
                                Settlement::Hold(fault(Remedy::Correct, Blame::Peer)),
                            11 => Settlement::RetryAt { at: at(now + 1_500), why: Again::Unclear, fault: None },
                        _ => Settlement::InDoubt(fault(Remedy::Doubt, Blame::Peer)),
                        };
                        settle(&store, id, settlement, now).await;
                    },
                }
                let (row, wanted) = store.run(|writing| {
                    let lane = writing.db.query_row("SELECT id FROM lane", [], |row| row.get::<_, i64>(0));
                    let Ok(lane) = lane else { return Ok((None, None)) };
                    let lane = writing.lane(lane)?;
                    let entries = writing.entries(lane.id, None)?;
                    Ok((lane.head, gateway_core::pipeline::head(&entries, lane.facts()).map(|next| next.id.0)))
                }).await.unwrap();
                prop_assert_eq!(row, wanted);
            }
            let states = store.stats().await.unwrap();
            let open: u64 = states.peers.values().flat_map(|peer| peer.by_state.values()).sum();
            let mut ended = 0;
            for id in &seen {
                let (state, _) = store.state(*id).await.unwrap().unwrap();
                ended += u64::from(!state.is_open());
            }
            prop_assert_eq!(open + ended, seen.len() as u64, "no delivery is forgotten");
            Ok(())
        })?;
    }
}
