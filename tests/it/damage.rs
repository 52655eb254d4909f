//! What the gateway keeps is damaged in one place, as after a backup restored without its large files: only the message that
//! needs it suffers.

use lienthong::story;
use serde_json::json;

use crate::wire::{House, RELAY, dossier};

/// A dossier so large that part of it is kept as a file of its own.
fn large(code: &str) -> serde_json::Value {
    dossier(code, json!({ "TrichYeuHoSo": "Hồ sơ thử nghiệm. ".repeat(8_000) }))
}

async fn tell(house: &mut House, lines: &str) {
    let told = story::parse(&format!("story: damage\n{lines}"));
    house.stage.play(&told[0], |_| {}).await.unwrap_or_else(|otherwise| panic!("{otherwise}"));
}

fn lose_large_values(house: &House) {
    std::fs::remove_dir_all(house.stage.folder().join("data/claims")).expect("something large was kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_does_not_open_is_a_dead_letter_and_delays_no_other() {
    let mut house = House::with(&[]).await;
    tell(&mut house, "portal always 503").await;
    house.send(RELAY, &[large("H99.14-261123-0700")]).await;
    let others: Vec<_> =
        (0..40).map(|number| dossier(&format!("H99.14-261123-08{number:02}"), json!({}))).collect();
    house.send(RELAY, &others).await;
    lose_large_values(&house);
    tell(
        &mut house,
        "portal always ok\nafter 15s\nportal heard 40 dossiers\nportal is up\nafter 5m\ndead-letters 1",
    )
    .await;
    let events = house.events("H99.14-261123-0700").await;
    assert_eq!(events.iter().filter(|event| **event == "retry").count(), 2, "{events:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_dead_letter_keeps_no_newer_snapshot_out_and_no_gateway_from_starting() {
    let mut house = House::with(&[]).await;
    let code = "H99.14-261123-0700";
    tell(&mut house, &format!("portal refuse {code}")).await;
    house.send(RELAY, &[large(code)]).await;
    tell(&mut house, "after 1s\ndead-letters 1").await;
    lose_large_values(&house);
    tell(&mut house, &format!("portal accept {code}\nrestart")).await;
    let heard = house.send(RELAY, &[dossier(code, json!({ "TrangThaiHoSo": "4" }))]).await;
    assert_eq!(heard.status, 200, "{heard:?}");
    tell(&mut house, &format!("portal status {code} 4")).await;
}
