//! An ailing world: what then is refused, what is said, what gets over by itself, and that nothing is lost.

mod scarce;
mod store;
mod upgrade;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lienthong::health::supervised;
use lienthong::simulator::Twist;
use lienthong::story;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::wire::{House, RELAY, ask, dossier, head, until};

/// What `/readyz` says.
pub async fn ready(address: SocketAddr) -> (u16, Value) {
    let heard = ask(address, &head("GET", "/readyz", &[])).await.expect("a door that answers");
    (heard.status, heard.json())
}

/// The entry of a part in the list of what is ill.
pub async fn ill(address: SocketAddr, part: &str) -> Option<Value> {
    let (_, document) = ready(address).await;
    let list = document["ill"].as_array().expect("a list of what is ill").clone();
    list.into_iter().find(|illness| illness["part"] == part)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_panics_or_ends_is_started_again_and_said_until_it_is_steady() {
    let house = House::with(&[]).await;
    assert_eq!(ill(house.address(), "audit-clock").await, None);
    let begun = Arc::new(AtomicUsize::new(0));
    let (stop, stopped) = watch::channel(false);
    let begin = {
        let begun = begun.clone();
        move || {
            let turn = begun.fetch_add(1, Ordering::SeqCst);
            async move {
                match turn {
                    0 => panic!("a defect"),
                    1 => {}
                    _ => std::future::pending().await,
                }
            }
        }
    };
    let (app, name) = (house.stage.app().clone(), "portal".to_owned());
    let watched = tokio::spawn(supervised(app, "audit-clock", name, stopped, begin));
    let first = house.clock.now();
    let seen = until("the illness", async || ill(house.address(), "audit-clock").await).await;
    assert_eq!(
        seen,
        json!({"part": "audit-clock", "peer": "portal", "reason": "restarted", "since": first.to_string(), "for_seconds": 0})
    );
    assert_eq!(begun.load(Ordering::SeqCst), 1, "a pause lies between");
    for (pause, turns) in [(200, 2), (400, 3)] {
        until("a pause", async || (house.clock.next_alarm()? > house.clock.now()).then_some(())).await;
        house.clock.advance_to(house.clock.now().plus_millis(pause));
        until("the next turn", async || (begun.load(Ordering::SeqCst) == turns).then_some(())).await;
    }
    house.clock.advance_to(house.clock.now().plus_millis(7_000));
    let restarts = "lienthong_restarts_total{part=\"audit-clock\",peer=\"portal\"}";
    assert_eq!(house.counted(restarts).await, 2.0);
    let since = "lienthong_ill_seconds{part=\"audit-clock\",peer=\"portal\",reason=\"restarted\"}";
    assert_eq!(house.counted(since).await, 7.0, "since the first of them");
    let well = async || {
        // Its minute begins when it was begun, which may be a moment after it was seen.
        house.clock.advance_to(house.clock.now().plus_millis(60_000));
        ill(house.address(), "audit-clock").await.is_none().then_some(())
    };
    until("health", well).await;
    // A stop ends the watching only when the task has ended; this one never does by itself.
    stop.send_replace(true);
    watched.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_an_outage_two_hundred_dossiers_go_oldest_due_date_first() {
    let mut house = House::with(&[("portal", "concurrency_max = 1")]).await;
    house.stage.portal.always(Some(Twist::Status(503)));
    // 97 goes around 200 without a repetition: no two have the same due date, and no order of arrival is that of the dates.
    let code = |number: usize| format!("H99.14-261123-{number:04}");
    let due = |number: usize| number * 97 % 200;
    let dossiers: Vec<Value> = (0..200)
        .map(|number| {
            let (day, hour) = (due(number) / 10, due(number) % 10);
            dossier(
                &code(number),
                json!({ "NgayHenTra": format!("202612{:02}{:02}0000", day + 1, hour + 8) }),
            )
        })
        .collect();
    for some in dossiers.chunks(20) {
        assert_eq!(house.send(RELAY, some).await.status, 200);
    }
    let tell = |lines: &str| story::parse(&format!("story: an outage\n{lines}")).remove(0);
    house.stage.play(&tell("after 2h\nportal is away\nopen 200\n"), |_| {}).await.unwrap();
    house.stage.portal.always(None);
    house.stage.play(&tell("after 2m\nportal is up\nopen 0\n"), |_| {}).await.unwrap();
    let state = house.stage.portal.state();
    let order: Vec<&str> = state["order"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let mut wanted: Vec<usize> = (0..200).collect();
    wanted.sort_by_key(|number| due(*number));
    let mut wanted: Vec<String> = wanted.into_iter().map(code).collect();
    // Whoever was the probe is first; all others by their dates.
    let probe = wanted.remove(wanted.iter().position(|code| code == order[0]).expect("one of them"));
    wanted.insert(0, probe);
    assert_eq!(order, wanted);
}
