//! The carrier RabbitMQ: a gateway of its own process, a real broker, and everything that a broker can do wrong. The oracle is the portal:
//! whatever was accepted is there once and in order.

mod examined;
mod network;
mod place;
mod tls;
mod trouble;

use conformance::broker::Broker;
use tokio::task::block_in_place;

use self::place::{Place, codes};

/// Many lanes, eight at a time: each dossier's messages reach the portal in the order in which they were accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_consumers_keep_the_order_of_many_lanes() {
    let broker = block_in_place(Broker::shared);
    let mut place = Place::open(broker, "order", "concurrency_max = 8", "").await;
    let codes = codes(1..=40);
    place.say_all(&codes).await;
    place.drains().await;
    place.judge(&codes);
    assert_eq!(place.ready().await["carrier"]["state"], "up");
}

/// Sealed by a key that is no longer the current one: what waits, and the copies that are left at the broker, can still be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_old_key_sealed_is_carried_after_a_change_of_keys() {
    let broker = block_in_place(Broker::shared);
    let mut place = Place::open(broker, "keys", "concurrency_max = 1", "").await;
    let codes = codes(1..=12);
    place.slow(Some(400));
    place.say_all(&codes).await;
    place.at_broker(5).await;
    place.change_key().await;
    place.slow(None);
    place.drains().await;
    place.judge(&codes);
    assert_eq!(place.metric("lienthong_broker_messages_refused_total").await, 0);
}
