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
    println!("consumers back {back:?} after the broker");
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

/// The rest follows as places become free, and does not wait for what never comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_longer_than_the_broker_may_hold_drains_although_what_it_held_is_purged() {
    let broker = block_in_place(Broker::shared);
    let queue = "lanes_max = 6\nlost_ms_min = 2000";
    let mut place = Place::open(broker, "few", "concurrency_max = 2", queue).await;
    let codes = codes(1..=40);
    place.slow(Some(300));
    place.say_all(&codes).await;
    place.at_broker(4).await;
    let (_connection, channel) = client(broker).await;
    let queue = "lienthong.few.deliver.portal".into();
    let purged = channel.queue_purge(queue, QueuePurgeOptions::default()).await.expect("it is purged");
    assert!((1..=6).contains(&purged), "{purged} at the broker");
    place.slow(None);
    place.drains().await;
    place.judge(&codes);
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

/// A broker that lets nobody declare: until its operator has imported what the gateway prints, everything is accepted and waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_forbids_declaring_is_used_once_its_operator_has_imported_the_queues() {
    let broker = block_in_place(|| Broker::start(""));
    block_in_place(|| broker.ctl(&["set_permissions", "guest", "^$", ".*", ".*"]));
    let mut place = Place::open(&broker, "imported", "", "declare = false\ndoor = true").await;
    let codes = codes(1..=10);
    place.say_all(&codes).await;
    place.carrier_is("away").await;
    let definitions = place.definitions();
    block_in_place(|| broker.ctl(&["import_definitions", &definitions.display().to_string()]));
    place.drains().await;
    place.judge(&codes);
    assert_eq!(place.ready().await["carrier"]["state"], "up");

    // Without its exchange nobody would ever be heard at the door, and nothing else would say so.
    let gone = "rabbit_exchange:delete(rabbit_misc:r(<<\"/\">>, exchange, <<\"lienthong.in\">>), false, <<\"test\">>).";
    block_in_place(|| broker.ctl(&["eval", gone]));
    block_in_place(|| broker.ctl(&["close_all_connections", "test"]));
    let said = |line: &String| line.contains("broker-away") && line.contains("no exchange 'lienthong.in'");
    place.wait("a word about it", async || place.log().iter().any(said).then_some(())).await;
    place.carrier_is("away").await;
    block_in_place(|| broker.ctl(&["import_definitions", &definitions.display().to_string()]));
    place.carrier_is("up").await;
}

/// Somebody's queue takes nothing more and says so: all others are told what happened, and nobody is told it twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_of_somebody_who_listens_stops_nobody_else() {
    let broker = block_in_place(|| Broker::start(""));
    let mut place = Place::open(&broker, "told", "", "door = true").await;
    place.carrier_is("up").await;
    let (_connection, channel) = client(&broker).await;
    let mut full = FieldTable::default();
    full.insert("x-max-length".into(), AMQPValue::LongInt(1));
    full.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
    for (queue, arguments) in [("full", full), ("free", FieldTable::default())] {
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        place
            .wait("the exchange of events", async || {
                let declared = channel.queue_declare(queue.into(), options, arguments.clone()).await;
                declared.expect("a queue");
                let (to, key) = ("lienthong.events".into(), "#".into());
                let bound =
                    channel.queue_bind(queue.into(), to, key, Default::default(), FieldTable::default());
                bound.await.ok()
            })
            .await;
    }
    place.say_all(&codes(1..=4)).await;
    place.drains().await;
    place.wait("the last announcement", async || (place.announcements() == 0).then_some(())).await;
    let mut seen = std::collections::BTreeSet::new();
    while let Some(event) = channel.basic_get("free".into(), Default::default()).await.expect("a queue") {
        let id = event.delivery.properties.message_id().as_ref().expect("an id").to_string();
        assert!(seen.insert(id.clone()), "told twice: {id}");
    }
    assert!(seen.len() >= 4 * 2, "accepted and delivered, of each dossier: {seen:?}");
    place.judge(&codes(1..=4));
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
