//! Sixty-four connections speak of one dossier at the same moment: what is the same is taken once, what is not is taken each, and
//! the lane's order is the order of acceptance.

use std::sync::Arc;

use conformance::process::{Gateway, Ground, lienthong};
use conformance::senders::{Answered, Said, Sender, WAY, call};
use lienthong::clock::Clock;
use lienthong::simulator::Host;
use serde_json::Value;
use tokio::sync::{Barrier, watch};
use tokio::task::JoinSet;

use crate::world::drains;

const CODE: &str = "H99.14-261123-0001";
const CONNECTIONS: usize = 64;

struct Place {
    portal: Host,
    ground: Ground,
    gateway: Gateway,
}

impl Place {
    async fn open() -> Place {
        let portal =
            adapters::simulator("portal", "", &toml::Table::new()).expect("the portal has a simulator");
        let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
        let ground = Ground::lay(portal.address(), "");
        let gateway = ground.start(lienthong(), &[]);
        Place { portal, ground, gateway }
    }

    /// Each connection says one thing, all at once; everybody must be told that it is taken, and everything be delivered.
    async fn say_at_once(&self, things: &[Said]) {
        let address = self.gateway.address().expect("a gateway that is ready");
        let start = Arc::new(Barrier::new(CONNECTIONS));
        let mut crowd = JoinSet::new();
        for number in 0..CONNECTIONS {
            let (start, said) = (start.clone(), things[number % things.len()]);
            let sender = Sender::new(&self.ground.key, watch::channel(None).1);
            crowd.spawn(async move {
                let (path, body) = call(said, CODE);
                start.wait().await;
                sender.say(address, &path, &body).await
            });
        }
        while let Some(answered) = crowd.join_next().await {
            assert_eq!(answered.expect("a connection"), Some(Answered::Taken));
        }
        assert!(drains(address).await, "everything is delivered");
    }

    fn timeline(&self) -> Value {
        let told = self.ground.command(&["timeline", CODE, "--json"]);
        serde_json::from_str(&told).expect("`timeline --json` speaks JSON")
    }

    fn portal(&self, count: &str) -> u64 {
        self.portal.state()[count].as_u64().expect("a count")
    }
}

/// Rows of a timeline with this event, of this kind.
fn rows<'a>(timeline: &'a Value, event: &str, kind: &str) -> Vec<&'a Value> {
    let rows = timeline["rows"].as_array().expect("a timeline has rows").iter();
    rows.filter(|row| row["event"] == event && row["kind"] == kind).collect()
}

/// Deliveries are numbered as they are accepted; they must end in that order.
fn assert_in_order(timeline: &Value, kind: &str) {
    let ended: Vec<i64> =
        rows(timeline, "delivered", kind).iter().filter_map(|row| row["delivery"].as_i64()).collect();
    assert!(ended.is_sorted(), "{kind}: {ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_state_from_64_connections_is_taken_once() {
    let place = Place::open().await;
    place.say_at_once(&[Said::State("2")]).await;
    let timeline = place.timeline();
    assert_eq!(rows(&timeline, "accepted", "dossier-recorded").len(), 1);
    assert_eq!(rows(&timeline, "duplicate", "dossier-recorded").len(), CONNECTIONS - 1);
    assert_eq!((place.portal("creates"), place.portal("updates")), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_several_steps_from_64_connections_is_taken_once_and_in_order() {
    let place = Place::open().await;
    place.say_at_once(&[Said::State("2")]).await;
    let steps: Vec<Said> = WAY.into_iter().filter(|said| matches!(said, Said::Step(_))).collect();
    place.say_at_once(&steps).await;
    let timeline = place.timeline();
    assert_eq!(rows(&timeline, "accepted", "dossier-progressed").len(), steps.len());
    assert_eq!(rows(&timeline, "duplicate", "dossier-progressed").len(), CONNECTIONS - steps.len());
    assert_eq!(place.portal.state()["progress"].as_array().map(Vec::len), Some(steps.len()));
    assert_eq!(place.portal("doubled"), 0);
    assert_in_order(&timeline, "dossier-progressed");
}

/// A, B, A are three states, so which of them are news depends on who comes first; but the last accepted one must be the last at
/// the portal, and nobody may be told of a state that is in no row.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn different_states_from_64_connections_end_with_the_last_accepted_one() {
    let place = Place::open().await;
    place.say_at_once(&[Said::State("2"), Said::State("4"), Said::State("9"), Said::State("10")]).await;
    let timeline = place.timeline();
    let kinds = ["accepted", "duplicate", "late-repeat"];
    let journaled: usize = kinds.iter().map(|event| rows(&timeline, event, "dossier-recorded").len()).sum();
    assert_eq!(journaled, CONNECTIONS, "every call has its row");
    assert!(rows(&timeline, "accepted", "dossier-recorded").len() >= 4);
    let ended = ["delivered", "superseded"].map(|event| rows(&timeline, event, "dossier-recorded").len());
    assert_eq!(ended.iter().sum::<usize>(), rows(&timeline, "accepted", "dossier-recorded").len());
    assert_eq!(place.portal.state()["dossiers"][CODE]["status"], timeline["status"]);
    assert_eq!(place.portal("creates"), 1);
    assert_in_order(&timeline, "dossier-recorded");
}
