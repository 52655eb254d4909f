//! What others hear of messages.

use super::*;

async fn heard(store: &Store) -> Vec<String> {
    let waiting = store.announcements(0, 100).await.unwrap();
    waiting.into_iter().map(|said| format!("{} {} {:?}", said.event, said.peer, said.fault)).collect()
}

#[tokio::test]
async fn what_happened_waits_until_it_was_announced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.tell_by(Telling { announces: true, ..Telling::default() });
    let id = queued(&store, snapshot("1", 0)).await;
    one(&store, snapshot("1", 1)).await;
    settle(&store, id, Settlement::DeadLetter(fault(Remedy::Correct, Blame::Peer)), 2).await;
    let mut refused = event("e", 3);
    refused.content = Err(Fault::sender("contract.violated", "thiếu trường"));
    one(&store, refused).await;
    let all = [
        "accepted igate None",
        "duplicate igate None",
        "dead-letter portal Some(\"portal.test\")",
        "refused igate Some(\"contract.violated\")",
    ];
    assert_eq!(heard(&store).await, all);
    let first = store.announcements(0, 1).await.unwrap().remove(0);
    let text = serde_json::to_string(&first).unwrap();
    assert!(
        text.contains("\"dossier\":\"H99.14-260310-0007\"") && text.contains("\"unit\":\"H99.14\""),
        "{text}"
    );
    assert!(!text.contains("Thử"), "{text}");
    store.announced(vec![first.id]).await.unwrap();
    assert_eq!(heard(&store).await, all[1..], "a restart announces the others");
    assert_eq!(store.announcements(first.id + 1, 100).await.unwrap().len(), 2);
    // Numbers are never given twice, else a repeat could not be told from news.
    let rest: Vec<i64> = store.announcements(0, 100).await.unwrap().iter().map(|said| said.id).collect();
    store.announced(rest.clone()).await.unwrap();
    one(&store, snapshot("2", 4)).await;
    assert!(store.announcements(0, 1).await.unwrap()[0].id > rest[2]);
}

#[tokio::test]
async fn where_nobody_listens_nothing_waits() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    one(&store, snapshot("1", 0)).await;
    assert!(heard(&store).await.is_empty());
}
