//! The door at a real broker, as other systems use it: with their own unmodified clients.

use std::io::Write as _;
use std::process::{Command, Stdio};

use conformance::broker::Broker;
use conformance::process::{Gateway, Ground, lienthong};
use conformance::waiting::wait_for;
use conformance::{documents, python};
use lapin::options::{BasicPublishOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Connection, ConnectionProperties};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use crate::wire;

const RELAY: &str = "onestop/relay/dossier-recorded";
const STEPS: &str = "onestop/relay/dossier-progressed";
const XML: &str = "onestop/xml/dossier-recorded";

/// A gateway whose relay and XML software publish under users of their own.
struct Province {
    ground: Ground,
    store: &'static str,
    broker: &'static Broker,
}

impl Province {
    fn of(store: &'static str, broker: &'static Broker) -> Province {
        Province::paced(store, broker, 60_000)
    }

    /// Where the relay may say no more than so much a minute.
    fn paced(store: &'static str, broker: &'static Broker, calls: u32) -> Province {
        // A virtual host of its own: `lienthong.in` is everybody's on one.
        broker.ctl(&["add_vhost", store]);
        for user in ["guest", "so-xd", "so-gt"] {
            broker.ctl(&["set_permissions", "-p", store, user, ".*", ".*", ".*"]);
        }
        // Nobody listens at the portal: deliveries wait.
        let ground = Ground::lay(([127, 0, 0, 1], 9).into(), "");
        ground.configure(&format!(
            "[queue]\ndoor = true\nvhost = \"{store}\"\n{}\n",
            broker.queue(store).join("\n")
        ));
        ground.configure(&format!(
            "[peers.relay.door]\nbroker_user = \"so-xd\"\ncalls_per_minute_max = {calls}\n\
             [peers.xml]\nadapter = \"onestop\"\ndialect = \"xml\"\nunit = \"000.00.00.H99\"\n\
             [peers.xml.door]\nbroker_user = \"so-gt\"\n",
        ));
        Province { ground, store, broker }
    }

    fn start(&self) -> Gateway {
        let gateway = self.ground.start(lienthong(), &[]);
        // The queue is there once the door is open.
        let queue = format!("lienthong.{}.in", self.store);
        wait_for("the door at the broker", || {
            self.broker.ctl(&["list_queues", "-p", self.store, "name"]).contains(&queue).then_some(())
        });
        gateway
    }

    /// What was received and heard.
    fn published(
        &self,
        client: &mut Command,
        user: &str,
        messages: &Value,
        heard: usize,
    ) -> (Vec<Value>, Vec<Value>) {
        let task = json!({
            "url": format!("amqp://{user}:mat-khau-thu@127.0.0.1:{}/{}", self.broker.port(), self.store),
            "user": user, "events": "#", "seconds": 60, "messages": messages, "heard": heard,
        });
        let mut child =
            client.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the client starts");
        child.stdin.take().expect("a pipe").write_all(task.to_string().as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("\"done\""), "{said}");
        let lines: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        lines
            .into_iter()
            .filter(|line| line.get("done").is_none())
            .partition(|line| line.get("receipt").is_some())
    }
}

fn broker() -> &'static Broker {
    static BROKER: std::sync::OnceLock<Broker> = std::sync::OnceLock::new();
    BROKER.get_or_init(|| {
        let broker = Broker::start("");
        for user in ["so-xd", "so-gt"] {
            broker.ctl(&["add_user", user, "mat-khau-thu"]);
        }
        broker
    })
}

fn pika() -> Command {
    let mut command = Command::new(python::program("python"));
    command.arg(python::file("publish_and_listen.py")).env("PYTHONUTF8", "1");
    command
}

fn dossier() -> String {
    documents()["dossier.json"].clone()
}

fn status(receipts: &[Value]) -> Vec<u64> {
    receipts.iter().map(|receipt| receipt["status"].as_u64().expect("a status")).collect()
}

#[test]
fn an_unmodified_pika_publishes_and_listens() {
    let province = Province::of("cua", broker());
    let gateway = province.start();
    let dossier = dossier();
    let code =
        serde_json::from_str::<Value>(&dossier).expect("JSON")["MaHoSo"].as_str().expect("a code").to_owned();
    let step = documents()["step.json"].clone();
    let messages = json!([
        {"key": RELAY, "type": "application/json", "body": format!("[{dossier}]"), "id": "pika-1", "headers": {"MaDinhDanhDV": "000.00.00.H99"}},
        {"key": RELAY, "type": "application/json", "body": format!("[{dossier}]"), "id": "pika-1"},
        {"key": STEPS, "type": "application/json; charset=utf-8", "body": format!("[{step}]"), "id": "pika-2"},
        {"key": RELAY, "type": "application/json", "body": "[{\"MaHoSo\": ", "id": "pika-3"},
        {"key": RELAY, "type": "text/plain", "body": "xin chào", "id": "pika-4"},
        {"key": "nowhere", "type": "application/json", "body": "{}", "id": "pika-5"},
        {"key": XML, "type": "application/xml", "body": "<a/>", "id": "pika-6"},
        {"key": RELAY, "type": "application/json", "body": "{}", "user": null},
    ]);
    let (mut receipts, events) = province.published(&mut pika(), "so-xd", &messages, 3);
    // What names no user is heard beside what this one says.
    receipts.sort_by_key(|receipt| receipt["receipt"].to_string());
    assert_eq!(status(&receipts), [200, 200, 200, 400, 415, 400, 400, 400], "{receipts:#?}");
    let body = |number: usize| receipts[number]["body"].as_str().expect("a text");
    assert!(body(0).contains("\"error_code\":\"0\"") && body(0).contains("Đã nhận"), "{}", body(0));
    assert!(body(1).contains("Đã nhận từ trước"), "the same message under the same id: {}", body(1));
    assert!(body(5).contains("urn:lienthong:fault:broker.channel"), "{}", body(5));
    assert!(body(6).contains("urn:lienthong:fault:auth.wrong-door"), "{}", body(6));
    assert!(body(7).contains("urn:lienthong:fault:broker.user"), "{}", body(7));
    // In the order in which it happened, in the clear columns only.
    let told: Vec<(&str, &str)> = events
        .iter()
        .map(|event| {
            (
                event["event"]["key"].as_str().expect("a key"),
                event["body"]["dossier"].as_str().expect("a code"),
            )
        })
        .collect();
    let of = |event: &str, kind: &str| format!("{event}.{kind}.relay.000.00.00.H99");
    assert_eq!(told[0], (of("accepted", "dossier-recorded").as_str(), code.as_str()), "{events:#?}");
    assert_eq!(told[1], (of("duplicate", "dossier-recorded").as_str(), code.as_str()));
    assert_eq!(told[2].0, of("accepted", "dossier-progressed"));
    let name = serde_json::from_str::<Value>(&dossier).expect("JSON")["ChuHoSo"].as_str().map(str::to_owned);
    let all = events.iter().map(Value::to_string).collect::<String>();
    assert!(name.is_none_or(|name| !all.contains(&name)), "{all}");
    // XML under another user; a question has nobody who waits for its answer.
    let xml = wire::XML.body(&[wire::dossier("H99.14-261122-0900", json!({}))]);
    let xml = String::from_utf8(xml).expect("text");
    let messages = json!([
        {"key": XML, "type": "application/xml", "body": xml},
        {"key": "onestop/envelope", "type": "application/json", "body": "{}", "headers": {"x": true}},
    ]);
    let (receipts, _) = province.published(&mut pika(), "so-gt", &messages, 1);
    assert_eq!(status(&receipts), [200, 400], "{receipts:#?}");
    assert!(receipts[0]["body"].as_str().is_some_and(|body| body.contains("<error_code>0</error_code>")));
    assert!(gateway.stop().success());
}

#[test]
fn nobody_asks_by_a_queue() {
    let province = Province::of("cua-hoi", broker());
    province.ground.configure(
        "[peers.cong-cu]\nadapter = \"onestop\"\ndialect = \"envelope\"\nunit = \"000.00.00.H99\"\n\
         [peers.cong-cu.door]\nbroker_user = \"so-hoi\"\n",
    );
    broker().ctl(&["add_user", "so-hoi", "mat-khau-thu"]);
    broker().ctl(&["set_permissions", "-p", "cua-hoi", "so-hoi", ".*", ".*", ".*"]);
    let gateway = province.start();
    let channel = "onestop/envelope";
    let messages = json!([
        {"key": channel, "type": "application/json", "body": r#"{"service":"TraCuuHoSo","MaHoSo":"H99.14-261122-0901"}"#},
    ]);
    let (receipts, _) = province.published(&mut pika(), "so-hoi", &messages, 0);
    let body = receipts[0]["body"].as_str().expect("a text");
    assert!(body.contains("không gửi qua hàng đợi"), "{body}");
    assert!(gateway.stop().success());
}

/// Whoever is in too much haste waits alone, and nobody has receipts written where only we may write.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_must_wait_holds_no_other() {
    let broker = block_in_place(broker);
    let province = block_in_place(|| Province::paced("cua-voi", broker, 1));
    let gateway = block_in_place(|| province.start());
    let url = format!("amqp://so-xd:mat-khau-thu@127.0.0.1:{}/cua-voi", broker.port());
    let hasty = Connection::connect(&url, ConnectionProperties::default()).await.expect("it is let in");
    let channel = hasty.create_channel().await.expect("a channel");
    for number in 1..=20 {
        let body = json!([wire::dossier(&format!("H99.14-261122-{number:04}"), json!({}))]).to_string();
        let properties = BasicProperties::default()
            .with_user_id("so-xd".into())
            .with_content_type("application/json".into())
            .with_reply_to("lienthong.cua-voi.deliver.portal".into());
        let options = BasicPublishOptions::default();
        let sent =
            channel.basic_publish("lienthong.in".into(), RELAY.into(), options, body.as_bytes(), properties);
        sent.await.expect("it is sent").await.expect("it is taken");
    }
    // The rest of them would take minutes.
    let said = || gateway.log().iter().any(|line| line.contains("reply-to-own-queue")).then_some(());
    block_in_place(|| wait_for("the first of the hasty", said));
    let xml = wire::XML.body(&[wire::dossier("H99.14-261122-0930", json!({}))]);
    let messages = json!([
        {"key": XML, "type": "application/xml", "body": String::from_utf8(xml).expect("text")},
        {"key": XML, "type": "application/xml", "body": format!("<a>{}</a>", " ".repeat(9 << 20))},
    ]);
    let (receipts, _) = block_in_place(|| province.published(&mut pika(), "so-gt", &messages, 1));
    assert_eq!(status(&receipts), [200, 413], "{receipts:#?}");
    // Nothing of the hasty is lost: what is not heard yet is still the broker's.
    let heard = gateway.log().iter().filter(|line| line.contains("reply-to-own-queue")).count();
    assert!(block_in_place(|| gateway.stop()).success());
    let left = block_in_place(|| {
        wait_for("all that is not heard", || {
            let options = QueueDeclareOptions { passive: true, ..Default::default() };
            let queue = channel.queue_declare("lienthong.cua-voi.in".into(), options, FieldTable::default());
            let left = Handle::current().block_on(queue).expect("it is there").message_count() as usize;
            (left + heard >= 20).then_some(left)
        })
    });
    assert!(left > 0, "all {heard} were heard: nobody had to wait");
}

/// `ops/test --long` installs the client.
#[cfg(feature = "long")]
#[test]
fn an_unmodified_amqplib_publishes_and_listens() {
    let province = Province::of("cua-node", broker());
    let gateway = province.start();
    let messages = json!([
        {"key": RELAY, "type": "application/json", "body": format!("[{}]", dossier()), "id": "node-1"},
        {"key": "nowhere", "type": "application/json", "body": "{}", "id": "node-2"},
    ]);
    let mut node = Command::new("node");
    node.arg(python::file("publish_and_listen.mjs"))
        .env("NODE_MODULES_OF", conformance::tree().join("target/node"));
    let (receipts, events) = province.published(&mut node, "so-xd", &messages, 1);
    assert_eq!(status(&receipts), [200, 400], "{receipts:#?}");
    assert_eq!(events[0]["event"]["key"], "accepted.dossier-recorded.relay.000.00.00.H99");
    assert!(gateway.stop().success());
}

/// What was posted while nobody was there is heard in its order, and what was told while the gateway died is told again under its id.
#[test]
fn what_was_posted_meanwhile_is_heard_and_nothing_is_told_twice_as_news() {
    let province = Province::of("cua-dong", broker());
    let mut gateway = province.start();
    let dossier: Value = serde_json::from_str(&dossier()).expect("JSON");
    let numbered = |number: usize| {
        let mut dossier = dossier.clone();
        dossier["MaHoSo"] = format!("000.00.00.H99-261122-{number:04}").into();
        json!({"key": RELAY, "type": "application/json", "body": json!([dossier]).to_string(), "id": format!("meanwhile-{number}")})
    };
    gateway.kill();
    // Published with nobody there: receipts come when somebody is.
    let messages: Vec<Value> = (0..40).map(numbered).collect();
    let (receipts, events) = std::thread::scope(|scope| {
        let publishing = scope.spawn(|| province.published(&mut pika(), "so-xd", &json!(messages), 40));
        let mut gateway = province.start();
        wait_for("some of it to be heard", || {
            gateway.log().iter().any(|line| line.contains("\"event\":\"heard\"")).then_some(())
        });
        gateway.kill();
        let last = province.start();
        let said = publishing.join().expect("published");
        assert!(last.stop().success());
        said
    });
    assert_eq!(status(&receipts), vec![200; 40], "{receipts:#?}");
    let mut accepted: Vec<(u64, String)> = Vec::new();
    for event in events.iter().filter(|event| event["body"]["event"] == "accepted") {
        let id = event["body"]["id"].as_u64().expect("a number");
        let code = event["body"]["dossier"].as_str().expect("a code").to_owned();
        // A repeat carries the id of the first time.
        if !accepted.iter().any(|(known, _)| *known == id) {
            accepted.push((id, code));
        }
    }
    let codes: Vec<&str> = accepted.iter().map(|(_, code)| code.as_str()).collect();
    let mut sorted = codes.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(codes, sorted, "each once, in the order in which they were posted");
}
