//! To whom nothing is sent, as the disk holds it.

use super::*;

fn by(ms: i64) -> Operator {
    Operator { name: "uid 0".to_owned(), at: at(ms) }
}

fn lasting(pauses: &[Pause]) -> Vec<&str> {
    pauses.iter().filter(|pause| pause.lasts()).map(|pause| pause.peer.as_str()).collect()
}

#[tokio::test]
async fn a_pause_holds_over_an_opening_and_is_remembered_when_it_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let portal = || vec![PeerName::from(PORTAL)];
    assert_eq!(lasting(&store.pause(portal(), "bảo trì", by(1)).await.unwrap()), [PORTAL]);
    // Whoever pauses it once more changes nothing of since when.
    store.pause(vec![PORTAL.into(), "post".into()], "", by(2)).await.unwrap();
    store.close().await;
    let store = open(folder.path());
    let pauses = store.pauses().await.unwrap();
    assert_eq!((lasting(&pauses), pauses[0].since), (vec![PORTAL, "post"], at(1)));
    assert_eq!(lasting(&store.resume(portal(), vec![], by(3)).await.unwrap()), ["post"]);
    let over = &store.pauses().await.unwrap()[0];
    assert_eq!((over.until, over.ended_by.as_str()), (Some(at(3)), "uid 0"));
    let many: Vec<PeerName> = (0..600).map(|number| PeerName::from(format!("peer-{number}"))).collect();
    store.pause(many.clone(), "", by(4)).await.unwrap();
    store.resume(many, vec![], by(5)).await.unwrap();
    let pauses = store.pauses().await.unwrap();
    assert_eq!((pauses.len(), lasting(&pauses)), (501, vec!["post"]), "the row does not grow for ever");
}

#[tokio::test]
async fn a_row_that_nobody_can_read_pauses_everything_until_it_is_let_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.pause(vec![PORTAL.into()], "", by(1)).await.unwrap();
    store.close().await;
    let db = rusqlite::Connection::open(folder.path().join("lienthong.db")).unwrap();
    db.execute("UPDATE meta SET value = 'restored' WHERE name = 'paused'", []).unwrap();
    drop(db);
    let store = open(folder.path());
    let pauses = store.pauses().await.unwrap();
    let both = || -> Vec<PeerName> { vec![PORTAL.into(), "post".into()] };
    assert!(both().iter().all(|peer| pauses.iter().any(|pause| pause.lasts() && pause.is_of(peer))));
    // A mode that is taken meanwhile does not make it go.
    store.take_modes(vec![], at(2)).await.unwrap();
    assert_eq!(lasting(&store.pauses().await.unwrap()), ["*"]);
    let left = store.resume(vec!["post".into()], both(), by(3)).await.unwrap();
    assert_eq!(lasting(&left), [PORTAL], "of everything only what was let go goes");
    assert!(lasting(&store.resume(both(), both(), by(4)).await.unwrap()).is_empty());
    store.close().await;
    let db = rusqlite::Connection::open(folder.path().join("lienthong.db")).unwrap();
    db.execute("UPDATE meta SET value = CAST('[\"portal\"]' AS BLOB) WHERE name = 'paused'", []).unwrap();
    drop(db);
    assert_eq!(
        lasting(&open(folder.path()).pauses().await.unwrap()),
        [PORTAL],
        "a clear list of names is read"
    );
}

/// Whoever lets peers go one by one after a restoration has each of them asked back for what came until its own turn.
#[tokio::test]
async fn what_came_for_the_last_that_is_let_go_after_a_restoration_counts_as_said_again() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().await;
    let path = folder.path().join("lienthong.db");
    crate::store::restored::mark(&path, &seal(), at(0), at(1)).unwrap();
    let store = open(folder.path());
    let all = || -> Vec<PeerName> { vec![PORTAL.into(), "post".into()] };
    let last = || store.restored().unwrap().last_delivery;
    assert_eq!(last(), 0);
    let first = queued(&store, event("a", 2)).await;
    store.resume(vec!["post".into()], all(), by(3)).await.unwrap();
    assert_eq!(last(), first.0);
    let second = queued(&store, event("b", 4)).await;
    assert!(second > first);
    store.resume(vec![PORTAL.into()], all(), by(5)).await.unwrap();
    assert_eq!(last(), second.0, "the portal stood until now");
    queued(&store, event("c", 6)).await;
    store.pause(vec![PORTAL.into()], "", by(7)).await.unwrap();
    store.resume(vec![PORTAL.into()], all(), by(8)).await.unwrap();
    assert_eq!(last(), second.0, "an operator's own pause is another thing");
}
