//! A source that is asked for what changed, killed between any two writes of its reading: each record is told once, and the reading goes on
//! where it was.

use conformance::process::Ground;
use conformance::waiting::until;
use serde_json::Value;

use crate::lives::{Place, all, count, events, peer, settles, sweep, through};

/// Three pages, because a page has eight records and each begins before the end of the one before.
const RECORDS: u64 = 20;
const LATER: u64 = 3;

fn code(number: u64) -> String {
    format!("H99.07-20261122-{number}")
}

async fn read(death: String) -> (Vec<String>, bool) {
    let (portal, igate) = (peer("portal", "", "").await, peer("onestop", "igate", "").await);
    let ground = Ground::lay(portal.address(), "");
    ground.configure(&format!(
        "[peers.igate]\nadapter = \"onestop\"\ndialect = \"igate\"\nunit = \"000.00.00.H99\"\nanswer_ms_max = 5000\nreceives = []\n\
         endpoints.igate = \"http://{}\"\n\
         keys.client_id = {{ file = \"{{folder}}/portal.password\" }}\nkeys.client_secret = {{ file = \"{{folder}}/portal.password\" }}\n\
         settings.poll = \"yes\"\nsettings.page_size = 8\nsettings.every_seconds = 1\nsettings.overlap_seconds = 1\n",
        igate.address()
    ));
    // A minute apart: the overlap of two readings, a second, brings nothing back that a cursor has left behind.
    for number in 1..=RECORDS {
        assert!(igate.nudge(&["at", &format!("2025-11-22T08:{number:02}:00+07:00")]));
        assert!(igate.nudge(&["change", &code(number), "2"]));
    }
    let at_the_portal = |wanted: u64| {
        let portal = &portal;
        async move {
            let there = || portal.state()["creates"].as_u64().filter(|creates| *creates >= wanted);
            until("all records at the portal", async || there()).await
        }
    };
    let flow = async |place: Place| {
        at_the_portal(RECORDS).await;
        // The cursor has not run ahead: what changes now is read too.
        for number in RECORDS + 1..=RECORDS + LATER {
            assert!(igate.nudge(&["change", &code(number), "2"]));
        }
        at_the_portal(RECORDS + LATER).await;
        // Two more readings, in which nothing may be told again.
        let calls = || igate.state()["calls"].as_u64().unwrap_or(0);
        let before = calls();
        until("two more readings", async || (calls() >= before + 2).then_some(())).await;
        settles(&place).await
    };
    let (drained, died) = through(&ground, &death, flow).await;
    let mut wrong = Vec::new();
    if !drained {
        wrong.push("the backlog does not drain by itself".to_owned());
    }
    let state = portal.state();
    let there = state["dossiers"].as_object().map_or(0, |dossiers| dossiers.len()) as u64;
    if (there, &state["creates"]) != (RECORDS + LATER, &Value::from(RECORDS + LATER)) {
        wrong.push(format!("at the portal: {there} dossiers, {}", state["creates"]));
    }
    for number in [1, 8, 9, RECORDS, RECORDS + 1, RECORDS + LATER] {
        let told = events(&ground, &code(number));
        if (count(&told, "accepted"), count(&told, "delivered"), count(&told, "dead-letter")) != (1, 1, 0) {
            wrong.push(format!("{}: {told:?}", code(number)));
        }
    }
    (wrong, died)
}

#[test]
fn killed_anywhere_in_a_reading_each_record_is_told_once() {
    let deaths = sweep(&[("after-page-read", 1..=4), ("after-page-kept", 1..=3), ("before-commit", 2..=6)]);
    all(deaths, 0, read);
}
