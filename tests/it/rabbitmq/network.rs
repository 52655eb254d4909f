//! Between us and the broker lies a network, and it is ill.

use std::time::Duration;

use conformance::broker::Broker;
use conformance::proxy::{Ill, Proxy, Way};
use tokio::task::block_in_place;

use super::place::{Place, codes};

/// Slow, torn, half open, silent, lying: sessions end and begin anew, and nothing is lost, doubled or out of order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ill_network_to_the_broker_loses_and_doubles_nothing() {
    let broker = block_in_place(Broker::shared);
    let network = Proxy::to(([127, 0, 0, 1], broker.port()).into(), 7).await;
    let past = |line: &String| !line.starts_with("port = ");
    let mut queue: Vec<String> = broker.queue("network").into_iter().filter(past).collect();
    queue.push(format!("port = {}", network.address().port()));
    queue.push("heartbeat_seconds = 2\nconfirm_ms_max = 1000\nlost_ms_min = 2000".to_owned());
    let place = Place::of("concurrency_max = 4", &queue.join("\n")).await;
    place.carrier_is("up").await;
    let ills = [
        Ill::Latency(Duration::from_millis(50)),
        Ill::Reset(Way::There),
        Ill::Reset(Way::Back),
        Ill::HalfOpen,
        Ill::BlackHole(Way::There),
        Ill::BlackHole(Way::Back),
        Ill::Corrupt(Way::There, 64),
    ];
    for (turn, ill) in (0..).zip(ills) {
        let felt = network.felt();
        network.fall(Some(ill));
        let mut talking = place.begin(&codes(turn * 4 + 1..=turn * 4 + 4));
        place.wait("a network that is felt", async || (network.felt() > felt).then_some(())).await;
        while let Some(said) = talking.join_next().await {
            said.expect("a sender whose every word was taken, however the network is");
        }
        network.fall(None);
        place.drains().await;
    }
    place.judge(&codes(1..=28));
}
