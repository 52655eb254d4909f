//! What a broker does wrong: dies, loses, cancels, takes nothing, brings what nobody can read.

use std::time::{Duration, Instant};

use conformance::broker::Broker;
use lapin::options::{BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::task::block_in_place;

use super::place::{Place, codes};

async fn client(broker: &Broker) -> (Connection, Channel) {
    let connection = Connection::connect(&broker.url(), ConnectionProperties::default())
        .await
        .expect("the broker answers");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}

/// Killed and started again under load: everything goes on being accepted, nothing is lost, doubled or out of order, and the consumers
/// come back by themselves. (Within five seconds of the broker where the machine has nothing else to do; here others use it too.)
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_under_load_costs_nothing() {
    let mut broker = block_in_place(|| Broker::start(""));
    let mut place = Place::open(&broker, "killed", "concurrency_max = 8", "").await;
    let before = codes(41..=50);
    place.say_all(&before).await;
    place.drains().await;
    let back = kill_under_load(&mut broker, &mut place).await;
    assert!(back < Duration::from_secs(120), "{back:?}");
    place.judge(&codes(1..=50));
}

/// Debian's broker, killed in the first seconds of a queue's life, may never choose a leader for it again and answer nothing about it: then
/// the queue is made anew, without a person and without a loss.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_with_a_new_queue_costs_nothing_either() {
    let mut broker = block_in_place(|| Broker::start(""));
    let mut place = Place::open(&broker, "new", "concurrency_max = 8", "").await;
    kill_under_load(&mut broker, &mut place).await;
    place.judge(&codes(1..=40));
}

/// Gives how long the consumers took to be back once the broker answered.
async fn kill_under_load(broker: &mut Broker, place: &mut Place) -> Duration {
    let first = codes(1..=30);
    place.slow(Some(20));
    let mut talking = place.begin(&first);
    place.at_broker(5).await;
    block_in_place(|| broker.kill());
    place.carrier_is("away").await;
    while let Some(said) = talking.join_next().await {
        said.expect("a sender whose every word was taken while the broker was away");
    }
    let during = codes(31..=40);
    place.say_all(&during).await;
    assert!(place.ready().await["ready"].as_bool().expect("a word"), "accepting goes on");
    assert_eq!(place.metric("lienthong_broker_away").await, 1);
    block_in_place(|| broker.restart());
    // The port is open before the broker answers on it.
    place
        .wait("the broker", async || {
            Connection::connect(&broker.url(), ConnectionProperties::default()).await.ok()
        })
        .await;
    let answered = Instant::now();
    place.carrier_is("up").await;
    let back = answered.elapsed();
    place.drains().await;
    back
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_purged_is_handed_over_again() {
    let broker = block_in_place(Broker::shared);
    let mut place = Place::open(broker, "purged", "concurrency_max = 1", "lost_ms_min = 2000").await;
    let codes = codes(1..=15);
    place.slow(Some(500));
    place.say_all(&codes).await;
    place.at_broker(5).await;
    let (_connection, channel) = client(broker).await;
    let queue = "lienthong.purged.deliver.portal".into();
    let purged = channel.queue_purge(queue, QueuePurgeOptions::default()).await.expect("it is purged");
    assert!(purged > 0);
    place.slow(None);
    place.drains().await;
    place.judge(&codes);
    // Not as many as were purged: of those some were void already, because a newer state had taken their place.
    assert!(place.metric("lienthong_handed_over_again_total").await > 0);
}

/// The broker cancels the consumers and says nothing else; acknowledgements of what they hold are taken without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_is_deleted_is_declared_again_with_everything_in_it() {
    let broker = block_in_place(Broker::shared);
    let mut place = Place::open(broker, "deleted", "concurrency_max = 1", "lost_ms_min = 2000").await;
    let codes = codes(1..=15);
    place.slow(Some(500));
    place.say_all(&codes).await;
    place.at_broker(5).await;
    let (_connection, channel) = client(broker).await;
    let queue = "lienthong.deleted.deliver.portal";
    channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.expect("it is deleted");
    place.slow(None);
    place.drains().await;
    place.judge(&codes);
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let found =
        channel.queue_declare(queue.into(), passive, FieldTable::default()).await.expect("it is there");
    assert_eq!(found.consumer_count(), 1);
}

/// A disk alarm: the broker takes nothing, says so, and everything goes on by itself when it is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_whose_disk_is_full_pauses_publishing_and_shows() {
    let broker = block_in_place(|| Broker::start(""));
    let mut place = Place::open(&broker, "alarm", "", "").await;
    place.carrier_is("up").await;
    block_in_place(|| broker.ctl(&["set_disk_free_limit", "100000GB"]));
    let codes = codes(1..=10);
    place.say_all(&codes).await;
    place.carrier_is("blocked").await;
    assert_eq!(place.metric("lienthong_broker_blocked").await, 1);
    let ready = place.ready().await;
    assert_eq!(ready["ready"], true, "accepting goes on");
    assert!(ready["carrier"]["since"].is_string());
    block_in_place(|| broker.ctl(&["set_disk_free_limit", "50MB"]));
    place.carrier_is("up").await;
    place.drains().await;
    place.judge(&codes);
}

/// Journaled as refused and forgotten by the broker, each with its own reason; what it stood for goes all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_can_read_is_journaled_as_refused() {
    let broker = block_in_place(Broker::shared);
    let mut place = Place::open(broker, "strays", "", "").await;
    place.carrier_is("up").await;
    let (_connection, channel) = client(broker).await;
    let queue = "lienthong.strays.deliver.portal";
    let id = place.store_id();
    let headers = |store: &str| {
        let mut table = FieldTable::default();
        table.insert("x-store".into(), AMQPValue::LongString(store.into()));
        for name in ["x-lane", "x-delivery", "x-handover"] {
            table.insert(name.into(), AMQPValue::LongLongInt(1));
        }
        BasicProperties::default().with_headers(table)
    };
    // The key's id stands first in what it sealed; nobody has the key 00000000.
    let own_key = {
        let text = std::fs::read_to_string(place.sealing_key()).expect("the key");
        let id = lienthong::store::SealKey::parse(&text).expect("a key").id();
        (0..4).map(|byte| u8::from_str_radix(&id[byte * 2..][..2], 16).expect("hex")).collect::<Vec<u8>>()
    };
    let damaged = [own_key, vec![7; 60]].concat();
    let strays = [
        ("carrier.no-headers", BasicProperties::default(), vec![7; 60]),
        ("carrier.other-store", headers("another"), vec![7; 60]),
        ("carrier.wrong-key", headers(&id), vec![0; 60]),
        ("carrier.damaged", headers(&id), damaged),
    ];
    for (_, properties, data) in &strays {
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish("".into(), queue.into(), options, data, properties.clone()).await;
        sent.expect("it is sent").await.expect("it is taken");
    }
    for (code, _, _) in &strays {
        place.wait(code, async || (place.refused(code) == 1).then_some(())).await;
    }
    assert_eq!(place.metric("lienthong_broker_messages_refused_total").await, strays.len() as u64);
    let codes = codes(1..=3);
    place.say_all(&codes).await;
    place.drains().await;
    place.judge(&codes);
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let left =
        channel.queue_declare(queue.into(), passive, FieldTable::default()).await.expect("it is there");
    assert_eq!(left.message_count(), 0, "nothing is left at the broker");
}
