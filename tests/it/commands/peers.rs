//! Stopping what is sent to a peer, and letting it go: with a gateway and without one, and what a watcher sees of it.

use conformance::process::Gateway;
use conformance::waiting::wait_for;
use serde_json::{Value, json};

use super::Place;
use super::operator::{Simulator, code, configure, dossier, post};
use crate::wire::{ask, head};

fn got(address: std::net::SocketAddr, path: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(ask(address, &head("GET", path, &[]))).expect("it answers").text()
}

#[test]
fn a_pause_holds_over_a_start_and_is_seen_by_whoever_watches() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let portal = Simulator::start(place.command(&["simulate", "--listen", "127.0.0.1:0"]));
    configure(&place, &portal.address);
    let key = place.json(&["keys", "add", "mot-cua"])["key"].as_str().expect("a key").to_owned();
    let of = |list: &Value, peer: &str| {
        let found = list.as_array().into_iter().flatten().find(|seen| seen["peer"] == *peer);
        found.cloned().unwrap_or_default()
    };
    // Before the first start there is no store, and all the same a list.
    let list = place.json(&["peers", "list"]);
    assert_eq!((&of(&list, "portal")["paused"], &of(&list, "mot-cua")["waiting"]), (&json!([]), &json!(0)));
    place.ends(2, "did you mean `portal`", &["peers", "pause", "portall"]);
    place.ends(2, "is no peer that anything is sent to", &["peers", "pause", "mot-cua"]);
    place.ends(2, "required", &["peers", "pause"]);
    let said = place.done(&["peers", "pause", "portal", "--reason", "bảo trì"]);
    assert!(said.contains("(the gateway does not run)") && said.contains("PAUSED since"), "{said}");

    let gateway = Gateway::start(place.command(&["run"]));
    let address = gateway.address().expect("it listens");
    assert_eq!(post(address, &key, &dossier(1, "2")).0, 200, "accepted all the same");
    let ready: Value = serde_json::from_str(&got(address, "/readyz")).expect("JSON");
    assert_eq!(
        (&ready["ready"], &ready["peers"]["portal"]["paused"][0]["why"]),
        (&json!(true), &json!("paused"))
    );
    assert!(!ready.to_string().contains("bảo trì"), "who paused it and why is nobody else's business");
    let metrics = got(address, "/metrics");
    assert!(metrics.contains("lienthong_peer_paused{peer=\"portal\",why=\"paused\"} 1"), "{metrics}");
    let timeline = place.done(&["timeline", &code(1)]);
    assert!(
        timeline.contains("nothing is sent to the peer (paused uid ") && timeline.contains("bảo trì"),
        "{timeline}"
    );
    let seen = of(&place.json(&["peers", "list"]), "portal");
    assert_eq!(
        (&seen["waiting"], &seen["state"], &seen["paused"][0]["reason"]),
        (&json!(1), &json!("up"), &json!("bảo trì"))
    );
    let kept = place.json(&["peers", "kept", "portal", "--dossier", &code(1), "--requests"]);
    assert_eq!(
        (&kept[0]["dossier"], &kept[0]["request"]),
        (&json!(code(1)), &Value::Null),
        "not translated yet"
    );

    let said = place.done(&["peers", "resume", "--all"]);
    assert!(!said.contains("PAUSED"), "{said}");
    wait_for("it goes out", || place.done(&["timeline", &code(1)]).contains("delivered").then_some(()));
    assert!(!got(address, "/metrics").contains("lienthong_peer_paused{"), "no longer paused");
    assert!(gateway.stop().success());

    // In the shadow, what would be sent can be compared with what another way did send.
    let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("the configuration");
    place.write("etc/lienthong.toml", &config.replace("mode = \"live\"", "mode = \"shadow\""));
    place.ends(1, "peers.portal.on_live", &["check"]);
    let shadow = config.replace("mode = \"live\"", "mode = \"shadow\"\non_live = \"discard\"");
    place.write("etc/lienthong.toml", &shadow);
    let gateway = Gateway::start(place.command(&["run"]));
    let address = gateway.address().expect("it listens");
    assert_eq!(post(address, &key, &dossier(2, "2")).0, 200);
    let translated = || {
        let kept = place.json(&["peers", "kept", "portal", "--requests"]);
        (kept[0]["request"]["body"]["data"][0]["MaHoSo"] == json!(code(2))).then_some(kept)
    };
    let kept = wait_for("the call that would be made", translated);
    assert!(kept[0]["mapping"]["name"].as_str().is_some_and(|name| name.starts_with("portal/")), "{kept}");
    let plain = place.done(&["peers", "kept", "portal"]);
    assert!(plain.contains(&code(2)) && !plain.contains("Nguyễn Văn Thử"), "{plain}");
    assert!(
        place.done(&["peers", "list"]).contains("IN THE SHADOW"),
        "a mode is no pause that resume could end"
    );
    assert!(gateway.stop().success());
    assert_eq!(portal.stop(), 0);
}

/// Dossiers were acknowledged and waited for ever for an address that stood under another name.
#[test]
fn endpoints_that_no_call_leaves_for_and_those_that_are_missing_are_said_before_anything_waits() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("the configuration");
    let payplat = "\n[peers.payplat]\nadapter = \"payment\"\ndialect = \"payplat\"\nendpoints = { pay = \"http://127.0.0.1:9\" }\n\
         keys.secret = { env = \"LIENTHONG_PORTAL_PASSWORD\" }\nsettings.partner_code = \"THU\"\n";
    let slipped = config.replace("endpoints = { portal = ", "endpoints = { portl = ");
    assert_ne!(slipped, config);
    place.write("etc/lienthong.toml", &(slipped + payplat));
    for wanted in [
        "peers.portal.endpoints.portl: no call leaves for an endpoint of this name; this peer's calls leave for portal (did you mean `portal`?)",
        "peers.portal.endpoints.portal: this endpoint is needed",
        "peers.payplat.endpoints.pay: no call leaves for an endpoint of this name; this peer's calls leave for payment (did you mean `payment`?)",
        "peers.payplat.endpoints.payment: this endpoint is needed",
    ] {
        place.ends(1, wanted, &["check"]);
    }
    place.ends(3, "peers.portal.endpoints.portl", &["run"]);
    // A peer without any is one that nothing is sent to.
    let silent = payplat.replace("endpoints = { pay = \"http://127.0.0.1:9\" }\n", "");
    place.write("etc/lienthong.toml", &(config + &silent));
    place.done(&["check"]);
}
