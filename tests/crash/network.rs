//! The network is ill between callers and the gateway, or between the gateway and its peer: nothing is lost, nothing is doubled, and
//! once it is well again everything goes on without a person.

use std::time::Duration;

use conformance::process::{Ground, PATIENCE, lienthong};
use conformance::proxy::{Ill, Proxy, Way};
use conformance::senders::{Answered, Said, Sender, WAY, call};
use conformance::waiting::until;
use lienthong::clock::Clock;
use lienthong::simulator::Host;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::world::{Answers, ReadBack, SENDERS, codes, drains, judge};

/// Where the network is ill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Between {
    CallersAndUs,
    UsAndThePeer,
}

/// So often it must have been felt before it is well again.
const FELT: u64 = 2;
/// A caller gives up one call after so long, and says it again.
const ANSWER_MAX: Duration = Duration::from_secs(1);
/// And after so long.
const AGAIN: Duration = Duration::from_millis(20);

/// What went wrong although it must not.
async fn endured(between: Between, ill: Ill) -> Vec<String> {
    let settings = toml::from_str("progress_list_field = \"DanhSachTienDo\"").expect("settings are TOML");
    let portal = adapters::simulator("portal", "", &settings).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let to_peer = Proxy::to(portal.address(), 7).await;
    let ground = Ground::lay(
        to_peer.address(),
        "settings.progress_list_field = \"DanhSachTienDo\"\nprocessing_ms_max = 300\nread_ms_max = 500",
    );
    let gateway = ground.start(lienthong(), &[]);
    let address = gateway.address().expect("a gateway that is ready");
    let to_us = Proxy::to(address, 11).await;
    let network = if between == Between::CallersAndUs { &to_us } else { &to_peer };
    network.fall(Some(ill));

    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send(Sender::new(&ground.key, watch::channel(None).1), to_us.address(), codes(sender)));
    }
    until("an illness that is felt", async || (network.felt() >= FELT).then_some(())).await;
    if !matches!(ill, Ill::Latency(_)) {
        network.fall(None);
    }
    let mut answers = Answers::new();
    while let Some(told) = senders.join_next().await {
        answers.extend(told.expect("a sender"));
    }
    let mut complaints = Vec::new();
    if !drains(address).await {
        complaints.push("the backlog does not drain by itself".to_owned());
    }
    if !gateway.stop().success() {
        complaints.push("the gateway did not stop by itself".to_owned());
    }
    judge(&ground, &portal.state(), &answers, ReadBack::Shown, &mut complaints);
    complaints.into_iter().map(|words| format!("{between:?} {ill:?}: {words}")).collect()
}

/// Goes through the ways of its dossiers; says each thing until it is answered as it must be, because an answer may have been lost or
/// falsified on the way.
async fn send(sender: Sender, address: std::net::SocketAddr, codes: Vec<String>) -> Answers {
    let mut answers = Answers::new();
    for (index, said) in WAY.iter().enumerate() {
        for code in &codes {
            let (path, body) = call(*said, code);
            let insisting = async {
                loop {
                    let saying = tokio::time::timeout(ANSWER_MAX, sender.say(address, &path, &body)).await;
                    match saying.ok().flatten() {
                        Some(answered) if (answered == Answered::Taken) != (*said == Said::Nonsense) => {
                            return answered;
                        }
                        _ => tokio::time::sleep(AGAIN).await,
                    }
                }
            };
            let answered = tokio::time::timeout(PATIENCE, insisting).await.expect("an answer in the end");
            answers.insert((code.clone(), index), answered);
        }
    }
    answers
}

async fn all_endured(between: Between, ills: &[Ill]) {
    let mut wrong = Vec::new();
    for four in ills.chunks_exact(4) {
        let run = |which: usize| endured(between, four[which]);
        let (one, two, three, other) = tokio::join!(run(0), run(1), run(2), run(3));
        wrong.extend([one, two, three, other].concat());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const SLOW: Duration = Duration::from_millis(40);

/// What a network does without touching a byte.
const LOSING: [Ill; 6] = [
    Ill::Latency(SLOW),
    Ill::Reset(Way::There),
    Ill::Reset(Way::Back),
    Ill::HalfOpen,
    Ill::BlackHole(Way::There),
    Ill::BlackHole(Way::Back),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ill_network_to_us_loses_and_doubles_nothing() {
    let corrupt = [
        // Further in, a request that was falsified is another request: that is what TLS is for.
        Ill::Corrupt(Way::There, 4),
        Ill::Corrupt(Way::Back, 400),
    ];
    all_endured(Between::CallersAndUs, &[&LOSING[..], &corrupt].concat()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ill_network_to_the_peer_loses_and_doubles_nothing() {
    let corrupt = [Ill::Corrupt(Way::There, 4), Ill::Corrupt(Way::Back, 8)];
    all_endured(Between::UsAndThePeer, &[&LOSING[..], &corrupt].concat()).await;
}
