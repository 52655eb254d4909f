//! Our own code panics in the loop that delivers, in the real binary: the loop is started again, says so, and nothing is lost.

use conformance::process::{Ground, lienthong_that_dies};
use conformance::senders::{Answered, Said, Sender, call, get};
use conformance::waiting::until;
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
