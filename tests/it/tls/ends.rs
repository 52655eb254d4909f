//! Certificates that are about to end, and those that have: said a month before, in the body and in the metrics, never in the status.

use gateway_core::ids::Moment;
use serde_json::json;

use super::*;
use crate::ailing::ready;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_own_certificate_is_said_thirty_days_before_its_end_and_after_it() {
    let authority = Authority::new();
    // Judged by the clock of the story, and spoken to without TLS.
    let own = authority.sign_in(2026, "localhost", 31);
    let house = House::with(&[("gateway", &own.listens())]).await;
    let ill = async || ready(house.address()).await.1["ill"].clone();
    let at = |text: &str| Moment::parse(text).unwrap();
    assert_eq!(ill().await, json!([]));
    house.clock.advance_to(at("2026-12-02T08:00:00+07:00"));
    let since = at("2026-12-01T07:00:00+07:00").to_string();
    assert_eq!(
        ill().await,
        json!([{"part": "door-certificate", "peer": null, "reason": "expires", "since": since, "for_seconds": 90_000}])
    );
    house.clock.advance_to(at("2026-12-31T08:00:00+07:00"));
    assert_eq!(ill().await[0]["reason"], "expired");
    let labels = "{part=\"door-certificate\",peer=\"\",reason=\"expired\"}";
    assert_eq!(house.counted(&format!("lienthong_ill_seconds{labels}")).await, 3600.0);
    assert_eq!(ready(house.address()).await.0, 200, "messages can be accepted all the same");
    // A new certificate comes before its key: the old one stays, and that is said too.
    let renewed = authority.sign_in(2030, "localhost", 31);
    std::fs::copy(&renewed.certificate, &own.certificate).unwrap();
    let says =
        async |reason: &str| ill().await.as_array()?.iter().any(|ill| ill["reason"] == reason).then_some(());
    until("the half renewal", async || says("not-loaded").await).await;
    std::fs::copy(&renewed.key, &own.key).unwrap();
    until("the renewal", async || (ill().await == json!([])).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peers_certificate_is_seen_when_it_is_shown_also_one_that_has_ended() {
    let authority = Authority::new();
    for (year, good) in [(2045, true), (2020, false), (2040, true)] {
        let port = peer(&authority.sign_in(year, "localhost", 5), None, None).await;
        let endpoint = format!("https://localhost:{port}");
        let transport = transport(&endpoint, &ca(&authority.file()), &[]).unwrap();
        assert_eq!(transport.peer_certificate_ends(), None, "nothing was shown yet");
        let called = try_it(&transport).await;
        assert_eq!(called.is_ok(), good, "{called:?}");
        let ends = transport.peer_certificate_ends().expect("it was shown").to_string();
        assert!(ends.starts_with(&format!("{year}-12-05T")), "{ends}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_whose_certificate_has_ended_is_away_and_the_reason_is_said() {
    let authority = Authority::new();
    let port = peer(&authority.sign_in(2020, "localhost", 5), None, None).await;
    let there = format!("endpoints.relay = \"https://localhost:{port}\"\n{}", ca(&authority.file()));
    let house = House::with(&[("relay", &there)]).await;
    let room = house.stage.app().peer(&"relay".into()).unwrap().clone();
    let ask = Ask {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        query: vec![],
        headers: vec![],
        body: Body::default(),
    };
    not_sent(room.transport.call("relay", &Signed::new(ask), &Vec::new()).await, "expired");
    let told = ready(house.address()).await.1["ill"].clone();
    let wanted = (&told[0]["part"], &told[0]["peer"], &told[0]["reason"]);
    assert_eq!(wanted, (&json!("peer-certificate"), &json!("relay"), &json!("expired")));
    let metric = "lienthong_peer_certificate_expires_seconds{peer=\"relay\"}";
    assert!(house.counted(metric).await < 0.0);
}
