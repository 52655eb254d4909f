//! A stop that does not wait for a peer that never answers: what is abandoned is as a crash would have left it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use conformance::process::{Ground, lienthong};
use conformance::senders::{Answered, Said, Sender, call};
use conformance::waiting::until;
use lienthong::clock::Clock;
use lienthong::simulator::{Host, Twist};
use serde_json::Value;
use tokio::sync::watch;

use crate::world::drains;

const CODE: &str = "H99.14-261123-0001";
/// Far above the bound that is configured here, and well below the five seconds that the portal may take.
const SOON: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_abandons_a_call_that_gets_no_answer_and_the_next_start_takes_it_for_silent() {
    let portal = adapters::simulator("portal", "", &toml::Table::new()).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let ground = Ground::lay(portal.address(), "[limits]\ndrain_ms_max = 500");
    let sender = Sender::new(&ground.key, watch::channel(None).1);
    let gateway = ground.start(lienthong(), &[]);
    let address = gateway.address().expect("a gateway that is ready");
    let say = async |said| {
        let (path, body) = call(said, CODE);
        assert_eq!(sender.say(address, &path, &body).await, Some(Answered::Taken));
    };
    say(Said::State("2")).await;
    assert!(drains(address).await, "the dossier is delivered");
    // It takes effect, and the answer comes after a minute.
    portal.script([Twist::Slow(60_000)]);
    say(Said::Step("9")).await;
    let steps = || portal.state()["progress"].as_array().map_or(0, Vec::len);
    until("the step at the portal", async || (steps() > 0).then_some(())).await;
    say(Said::Step("10")).await;

    let began = Instant::now();
    let log = gateway.log_kept();
    let status = tokio::task::block_in_place(|| gateway.stop());
    let took = began.elapsed();
    assert!(status.success(), "{status}");
    assert!(took < SOON, "a stop takes {took:?}");
    assert!(log().iter().any(|line| line.contains("calls-abandoned")), "{:?}", log());

    let gateway = ground.start(lienthong(), &[]);
    assert!(drains(gateway.address().expect("a gateway that is ready")).await, "nothing is lost");
    assert!(gateway.stop().success());
    let told: Value = serde_json::from_str(&ground.command(&["timeline", CODE, "--json"])).expect("JSON");
    let rows = told["rows"].as_array().expect("a timeline has rows");
    let count = |event: &str| rows.iter().filter(|row| row["event"] == event).count();
    assert_eq!((count("may-be-doubled"), count("delivered"), count("dead-letter")), (1, 3, 0), "{told}");
    assert_eq!(steps(), 3, "nobody could know that the portal had it: {}", portal.state());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_under_load_with_a_slow_peer_keeps_its_bound_and_loses_nothing() {
    const DOSSIERS: usize = 60;
    let portal = adapters::simulator("portal", "", &toml::Table::new()).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let ground = Ground::lay(portal.address(), "[limits]\ndrain_ms_max = 500");
    let sender = Arc::new(Sender::new(&ground.key, watch::channel(None).1));
    // Each call takes effect; its answer comes after a minute.
    portal.each(|_| Twist::Slow(60_000));
    let gateway = ground.start(lienthong(), &[]);
    let address = gateway.address().expect("a gateway that is ready");
    // Callers go on calling while it stops: each is taken, or hears that it was not.
    let mut callers = tokio::task::JoinSet::new();
    let taken = Arc::new(AtomicUsize::new(0));
    for number in 1..=DOSSIERS {
        let (sender, taken) = (sender.clone(), taken.clone());
        let (path, body) = call(Said::State("2"), &format!("H99.14-261123-{number:04}"));
        callers.spawn(async move {
            let answer = sender.say(address, &path, &body).await;
            assert!(matches!(answer, None | Some(Answered::Taken)));
            taken.fetch_add(usize::from(answer.is_some()), Ordering::SeqCst);
        });
    }
    until("the portal to be busy", async || (portal.calls() >= 3).then_some(())).await;
    let began = Instant::now();
    let status = tokio::task::block_in_place(|| gateway.stop());
    assert!(status.success() && began.elapsed() < SOON, "{status} after {:?}", began.elapsed());
    while let Some(done) = callers.join_next().await {
        done.expect("a caller");
    }
    let taken = taken.load(Ordering::SeqCst);
    assert!(taken > 0);
    portal.each(|_| Twist::Ok);
    let gateway = ground.start(lienthong(), &[]);
    assert!(
        drains(gateway.address().expect("a gateway that is ready")).await,
        "the backlog drains by itself"
    );
    assert!(gateway.stop().success());
    let state = portal.state();
    // Whoever heard nothing may have been taken all the same.
    assert!(state["creates"].as_u64().is_some_and(|creates| creates as usize >= taken), "{taken} of {state}");
    assert_eq!(state["doubled"].as_u64().unwrap_or(0), 0, "{state}");
}
