//! RabbitMQ as the carrier: the whole way of a backlog over a broker of the bench's own, to a peer that is answered in
//! this process, beside what the broker bears without us.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use gateway_core::schema::Notation;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use lienthong::prove::Broker;

use crate::Plan;
use crate::accepts::{self, drained};
use crate::gateway::{Dossiers, Home, free_address};
use crate::peer::Peer;
use crate::starts::fill;
use crate::table::{Row, Table};

/// Long enough that the start, the connection and the first permits count for nothing.
const BACKLOG: u64 = 60_000;
const BACKLOG_QUICK: u64 = 100;
const DRAIN_MAX: Duration = Duration::from_secs(300);
/// About what a hand-over weighs: a sealed dossier of 1 KB and its headers.
const MESSAGE_BYTES: usize = 2048;
/// On both sides: messages that are under way at a time.
const WINDOW: usize = 100;

pub fn measure(plan: &Plan, table: &mut Table) {
    let mut broker = match Broker::start(&plan.folder.join("broker")) {
        Ok(broker) => broker,
        Err(why) => {
            table.add(Row::plain("RabbitMQ as the carrier", "not measured", &why));
            return;
        }
    };
    let both = bare(&broker.url(), plan.seconds(4.0));
    let limit = "bare lapin, confirmed and acknowledged at once";
    let (rate, cpu) = whole_way(plan, &broker, "answered", |home, count| {
        let (process, _) = home.start_answered();
        let cpu = process.cpu();
        drained(home, count, DRAIN_MAX);
        process.cpu() - cpu
    });
    table.add(Row::share(
        "outbox → RabbitMQ → taken → settled, the peer answered in process",
        rate,
        limit,
        both,
        Some(1.0 / 3.0),
    ));
    let beside = "of the gateway, with the journal of each call; the broker shares the cores";
    table.add(Row::plain("  processor time a message", &format!("{} µs", cpu.as_micros()), beside));
    let (rate, cpu) = whole_way(plan, &broker, "called", |home, count| {
        let peer = Peer::listen(home.portal_address());
        let (process, _) = home.start();
        let cpu = process.cpu();
        drained(home, count, DRAIN_MAX);
        // Its log-in comes on top.
        assert!(peer.calls() > count, "{} calls for {count} deliveries", peer.calls());
        process.cpu() - cpu
    });
    table.add(Row::share("  the same with a call to the peer", rate, limit, both, None));
    let beside = "broker and peer share the cores";
    table.add(Row::plain("  processor time a message", &format!("{} µs", cpu.as_micros()), beside));
    let back = back(plan, &mut broker).as_secs_f64();
    table.add(Row::below("delivering again after the broker's restart", back, 5.0, |back| {
        format!("{back:.1} s")
    }));
}

/// From the moment that the broker, killed and started again, takes a connection, until what was accepted meanwhile is delivered: the longest
/// of several times.
fn back(plan: &Plan, broker: &mut Broker) -> Duration {
    let home = configured(plan, broker, "back");
    let peer = Peer::listen(home.portal_address());
    let (process, _) = home.start();
    let dossiers = Dossiers::new(&crate::track().document(Notation::Json, 1 << 10));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut longest = Duration::ZERO;
    for number in 1..=if plan.quick { 1 } else { 5 } {
        broker.kill_and_begin_again().expect("the broker starts");
        accepts::one(&home, &dossiers, number);
        let url = broker.url();
        let taken = async || Connection::connect(&url, ConnectionProperties::default()).await.is_ok();
        runtime.block_on(async {
            while !taken().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        let began = Instant::now();
        drained(&home, number, DRAIN_MAX);
        longest = longest.max(began.elapsed());
    }
    assert!(peer.calls() > 0);
    process.stop();
    longest
}

/// Deliveries a second through the broker from a backlog until the last is settled, and the processor time of each.
fn whole_way(
    plan: &Plan,
    broker: &Broker,
    name: &str,
    drain: impl Fn(&Home, u64) -> Duration,
) -> (f64, Duration) {
    let count = if plan.quick { BACKLOG_QUICK } else { BACKLOG };
    let home = configured(plan, broker, name);
    fill(&home, count);
    let began = Instant::now();
    let cpu = drain(&home, count);
    (count as f64 / began.elapsed().as_secs_f64(), cpu / count as u32)
}

/// A gateway whose carrier is this broker.
fn configured(plan: &Plan, broker: &Broker, name: &str) -> Home {
    let home = Home::make(plan, name, free_address());
    // Neither side tells anybody else of it.
    let carrier = broker.configuration().replace("door = true", "door = false");
    assert!(carrier.contains("door = false"), "{carrier}");
    home.configure(&carrier);
    home.bears(WINDOW);
    home
}

/// Messages a second through one quorum queue, published with confirms and consumed with acknowledgements at the same time.
fn bare(url: &str, time: Duration) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (publishing, consuming) = (open(url).await, open(url).await);
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        let options = QueueDeclareOptions { durable: true, ..Default::default() };
        publishing.1.queue_declare("bare".into(), options, arguments).await.expect("a queue");
        publishing.1.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        consuming.1.basic_qos(WINDOW as u16, BasicQosOptions::default()).await.expect("a prefetch");
        let options = BasicConsumeOptions::default();
        let mut consumer = consuming
            .1
            .basic_consume("bare".into(), "bare".into(), options, FieldTable::default())
            .await
            .expect("a consumer");
        let until = Instant::now() + time;
        let publisher = tokio::spawn(async move {
            let mut window = std::collections::VecDeque::new();
            while Instant::now() < until {
                let properties = BasicProperties::default().with_delivery_mode(2);
                let options = BasicPublishOptions { mandatory: true, ..Default::default() };
                let sent = publishing.1.basic_publish(
                    "".into(),
                    "bare".into(),
                    options,
                    &[7; MESSAGE_BYTES],
                    properties,
                );
                window.push_back(sent.await.expect("it is sent"));
                if window.len() >= WINDOW {
                    window.pop_front().expect("one").await.expect("a confirm");
                }
            }
            publishing
        });
        let mut count = 0_u32;
        while let Ok(Some(delivery)) = tokio::time::timeout_at(until.into(), consumer.next()).await {
            delivery
                .expect("a delivery")
                .acker
                .ack(BasicAckOptions::default())
                .await
                .expect("an acknowledgement");
            count += 1;
        }
        let _publishing = publisher.await.expect("the publisher ends");
        f64::from(count) / time.as_secs_f64()
    })
}

async fn open(url: &str) -> (Connection, Channel) {
    let connection =
        Connection::connect(url, ConnectionProperties::default()).await.expect("the broker answers");
    let channel = connection.create_channel().await.expect("a channel");
    (connection, channel)
}
