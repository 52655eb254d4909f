//! Our own code panics in the real binary: in the loop that delivers, which is started again, says so and loses nothing; and at the door
//! at the broker, where one message is refused and the next one heard.

use conformance::broker::Broker;
use conformance::process::{Ground, lienthong_that_dies};
use conformance::senders::{Answered, Said, Sender, call, get};
use conformance::waiting::until;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};
use lienthong::clock::Clock;
use lienthong::simulator::Host;
use serde_json::Value;
use tokio::sync::watch;

use crate::world::drains;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_panics_is_started_again_and_what_it_was_to_deliver_is_delivered() {
    let portal = adapters::simulator("portal", "", &toml::Table::new()).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let ground = Ground::lay(portal.address(), "");
    let sender = Sender::new(&ground.key, watch::channel(None).1);
    let gateway = ground.start(lienthong_that_dies(), &[("LIENTHONG_PANIC_AT", "delivery-loop:2")]);
    let address = gateway.address().expect("a gateway that is ready");
    for number in 1..=10 {
        let (path, body) = call(Said::State("2"), &format!("H99.14-261123-{number:04}"));
        assert_eq!(sender.say(address, &path, &body).await, Some(Answered::Taken));
    }
    assert!(drains(address).await, "the backlog drains by itself");
    assert_eq!(portal.state()["creates"], 10);
    let ready: Value =
        serde_json::from_str(&get(address, "/readyz").await.expect("an answer")).expect("JSON");
    let ill = ready["ill"].as_array().expect("a list").iter().find(|ill| ill["part"] == "delivery");
    let ill = ill.unwrap_or_else(|| panic!("it is not said: {ready}"));
    assert_eq!((&ill["peer"], &ill["reason"]), (&"portal".into(), &"restarted".into()), "{ready}");
    assert_eq!(ready["ready"], true, "messages can be accepted all the same");
    let restarts = "lienthong_restarts_total{part=\"delivery\",peer=\"portal\"} 1";
    until("the count", async || get(address, "/metrics").await?.contains(restarts).then_some(())).await;
    let log = gateway.log_kept();
    assert!(gateway.stop().success());
    assert!(log().iter().any(|line| line.contains("task-restarted")), "{:?}", log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_posted_message_that_makes_our_code_panic_is_refused_and_the_next_one_heard() {
    let broker = tokio::task::block_in_place(|| Broker::start(""));
    let portal = adapters::simulator("portal", "", &toml::Table::new()).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let ground = Ground::lay(portal.address(), "");
    ground.configure(&format!("[queue]\ndoor = true\n{}\n", broker.queue("falls").join("\n")));
    ground.configure("[peers.relay.door]\nbroker_user = \"guest\"\n");
    let gateway = ground.start(lienthong_that_dies(), &[("LIENTHONG_PANIC_AT", "posted:2")]);
    let address = gateway.address().expect("a gateway that is ready");
    let connection =
        Connection::connect(&broker.url(), ConnectionProperties::default()).await.expect("a broker");
    until("all three at the broker", async || {
        // The exchange is there once the door is; a channel is gone after asking for one that is not.
        let channel = connection.create_channel().await.expect("a channel");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
        for number in 1..=3 {
            let (_, body) = call(Said::State("2"), &format!("H99.14-261123-{number:04}"));
            let properties = BasicProperties::default()
                .with_user_id("guest".into())
                .with_content_type("application/json".into())
                .with_message_id(format!("falls-{number}").into());
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let (to, key) = ("lienthong.in".into(), "onestop/relay/dossier-recorded".into());
            let confirm = channel.basic_publish(to, key, options, body.as_bytes(), properties).await.ok()?;
            matches!(confirm.await.ok()?, Confirmation::Ack(None)).then_some(())?;
        }
        Some(())
    })
    .await;
    until("the two others", async || (portal.state()["creates"] == 2).then_some(())).await;
    let turned_away = "lienthong_turned_away_total{code=\"gateway.panic\"} 1";
    until("the count", async || get(address, "/metrics").await?.contains(turned_away).then_some(())).await;
    assert!(gateway.stop().success());
}
