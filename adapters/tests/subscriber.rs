//! What must hold for a subscriber whatever the network does to a call: each fact once, signed, under one id.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::collections::BTreeMap;

use gateway_core::adapter::{
    Adapter, Conversation, Keys, Marks, Request, Secret, Simulator, Transcript, Turn,
};
use gateway_core::envelope::Envelope;
use serde_json::{Value, json};
use support::network::Quirk;
use support::{Delivery, End, Heard, Peer, build, message, noon};

const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=";

struct Network {
    sim: Box<dyn Simulator>,
    script: Vec<Quirk>,
    calls: usize,
}

impl Network {
    fn new(secret: &str, script: Vec<Quirk>) -> Self {
        let settings = format!("secret = \"{secret}\"").parse().expect("settings are TOML");
        let sim = adapters::simulator("subscriber", "", &settings).expect("a subscriber has a simulator");
        Network { sim, script, calls: 0 }
    }
}

fn keys() -> BTreeMap<String, Secret> {
    BTreeMap::from([
        ("signing-secret".to_owned(), Secret::new(KEY)),
        ("signing-secret-other".to_owned(), Secret::new(OTHER)),
    ])
}

impl Peer for Network {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        let quirk = self.script.get(self.calls).copied().unwrap_or(Quirk::Pass);
        self.calls += 1;
        let fixed = keys();
        let signed = adapter.sign(request, &Keys { fixed: &fixed, session: None }, noon()).expect("two keys");
        quirk.hear(|| self.sim.respond(signed.ask(), noon()))
    }

    fn more(&self) -> bool {
        true
    }
}

fn fact() -> Envelope {
    let data = json!({ "dossier": "H99.14-260310-0007", "state": "DELIVERED" });
    message(
        "postal-status-changed",
        "H99.14-260310-0007",
        json!({ "type": "shipment.status_changed", "data": data }),
    )
}

#[test]
fn each_fact_arrives_once_through_every_script() {
    let adapter = build("subscriber", "", "");
    // There are no sessions that could expire.
    let quirks = || Quirk::ALL.into_iter().filter(|quirk| *quirk != Quirk::SessionsExpire);
    // Whichever of the two keys the subscriber knows.
    for secret in [KEY, OTHER] {
        for first in quirks() {
            for second in quirks() {
                for third in quirks() {
                    let script = vec![first, second, third];
                    let mut network = Network::new(secret, script.clone());
                    let message = fact();
                    let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut network);
                    assert!(matches!(end, End::Delivered(_)), "{script:?}: {end:?}");
                    let state = network.sim.state();
                    assert_eq!(
                        (&state["facts"], &state["forged"]),
                        (&json!(1), &json!(0)),
                        "{script:?}: {state}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_stored_holds_neither_time_nor_signature() {
    let adapter = build("subscriber", "", "path = \"/hooks/h99\"");
    let (message, marks, transcript) = (fact(), Marks::new(), Transcript::default());
    let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
    let Turn::Call(request) = adapter.next_turn(&talk).expect("a turn") else { panic!("nothing was asked") };
    assert_eq!(request.ask.header("webhook-id"), Some(message.id.to_string().as_str()));
    assert_eq!(
        (request.ask.header("webhook-timestamp"), request.ask.header("webhook-signature")),
        (None, None)
    );
    let fixed = keys();
    let signed = |at| adapter.sign(&request, &Keys { fixed: &fixed, session: None }, at).expect("two keys");
    let (now, later) = (signed(noon()), signed(noon().plus_millis(60_000)));
    let header =
        |name| (now.ask().header(name).map(str::to_owned), later.ask().header(name).map(str::to_owned));
    assert_eq!(header("webhook-id").0, header("webhook-id").1);
    assert_ne!(header("webhook-timestamp").0, header("webhook-timestamp").1);
    assert_ne!(header("webhook-signature").0, header("webhook-signature").1);
    assert_eq!(header("webhook-signature").0.map(|text| text.split(' ').count()), Some(2));
    assert_eq!((&now.ask().body, &now.ask().path), (&request.ask.body, &request.ask.path));
    let none = BTreeMap::new();
    let unsigned = adapter.sign(&request, &Keys { fixed: &none, session: None }, noon());
    assert_eq!(unsigned.expect_err("no key").code, "subscriber.signing-secret");
}

#[test]
fn a_forged_or_stale_call_is_refused_by_whoever_verifies() {
    let adapter = build("subscriber", "", "");
    let (message, marks, transcript) = (fact(), Marks::new(), Transcript::default());
    let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
    let Turn::Call(request) = adapter.next_turn(&talk).expect("a turn") else { panic!("nothing was asked") };
    let fixed = keys();
    let signed = adapter.sign(&request, &Keys { fixed: &fixed, session: None }, noon()).expect("two keys");
    let mut network = Network::new(KEY, vec![]);
    let mut forged = signed.ask().clone();
    forged.body.bytes.push(b' ');
    assert_eq!(network.sim.respond(&forged, noon()).status, 400);
    assert_eq!(network.sim.respond(signed.ask(), noon().plus_millis(301_000)).status, 400);
    assert_eq!(network.sim.respond(signed.ask(), noon()).status, 204);
    assert_eq!(network.sim.respond(signed.ask(), noon()).status, 204);
    let state: Value = network.sim.state();
    assert_eq!((&state["facts"], &state["repeated"], &state["forged"]), (&json!(1), &json!(1), &json!(2)));
}
