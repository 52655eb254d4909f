//! What waits: callers for the peer's verdict, and dossiers for a peer that is away.

use std::time::Duration;

use lienthong::simulator::Twist;
use lienthong::story;
use serde_json::json;

use crate::wire::{House, RELAY, XML, ask, dossier, until};

const CODE: &str = "H99.14-261123-0001";
/// Far below the time that the caller would wait for a verdict, far above what an answer needs.
const SOON: Duration = Duration::from_secs(8);

/// Says a state and waits for the verdict; says a newer one beside it, which waits for none. The first is answered soon.
async fn is_let_go(house: &House) {
    let first = house.post(RELAY, &RELAY.body(&[dossier(CODE, json!({"TrangThaiHoSo": "2"}))]));
    let address = house.address();
    let first = tokio::spawn(async move { ask(address, &first).await });
    until("the first message", async || house.events(CODE).await.contains(&"queued").then_some(())).await;
    house.send(XML, &[dossier(CODE, json!({"TrangThaiHoSo": "4"}))]).await;
    let heard = tokio::time::timeout(SOON, first).await.expect("let go at once").unwrap().expect("an answer");
    assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (200, "0"), "{heard:?}");
    assert!(house.events(CODE).await.contains(&"superseded"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_whose_message_is_superseded_is_let_go_at_once() {
    let house = House::with(&[("relay", "answer_wait_ms = 20000")]).await;
    house.stage.portal.always(Some(Twist::Status(503)));
    is_let_go(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn so_is_one_whose_message_was_out_and_gives_way_when_it_comes_back() {
    let house = House::with(&[("relay", "answer_wait_ms = 20000"), ("portal", "answer_ms_max = 1500")]).await;
    house.stage.portal.script([Twist::Slow(60_000)]);
    house.stage.portal.always(Some(Twist::Status(503)));
    is_let_go(&house).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_does_not_keep_the_dossier_once_more_for_each_probe() {
    let mut house = House::with(&[]).await;
    house.stage.portal.always(Some(Twist::Status(503)));
    house.send(RELAY, &[dossier(CODE, json!({"ThongTinKhac": "x".repeat(50_000)}))]).await;
    let probed = story::parse("story: a while\n  after 10m\n").remove(0);
    let hours = story::parse("story: hours\n  after 1h\n  restart\n  after 1h\n").remove(0);
    house.stage.play(&probed, |_| {}).await.unwrap();
    let size = async |house: &House| house.stage.app().store.stats().await.unwrap().database_bytes;
    let (before, calls) = (size(&house).await, house.stage.portal.calls());
    house.stage.play(&hours, |_| {}).await.unwrap();
    let (after, probes) = (size(&house).await, house.stage.portal.calls() - calls);
    assert!(probes > 100, "{probes} probes");
    let each = (after - before) / probes;
    assert!(each < 2_000, "each probe keeps {each} bytes");
    // Each attempt is still told, with its time and its answer.
    let told = house.stage.app().store.timeline(CODE).await.unwrap().unwrap();
    let told: Vec<_> = told.rows.iter().filter(|row| row.event.as_str() == "call").collect();
    assert_eq!(told.len() as u64, house.stage.portal.calls());
    assert!(told.iter().all(|row| row.detail == "create 503"), "{told:?}");
    assert!(told.windows(2).all(|pair| pair[0].at < pair[1].at));
    house.stage.portal.always(None);
    house.stage.play(&probed, |_| {}).await.unwrap();
    assert_eq!(house.events(CODE).await, ["accepted", "queued", "peer-away", "peer-back", "delivered"]);
}
