//! The whole way of a shipment, in memory: the canonical order through its mapping and its embassy into the carrier's simulator, and what
//! the carrier tells back through contract and mapping into the state of the shipment. Named after the pains that were seen in the field.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use gateway_core::adapter::{Arrival, Heard as Said, Keys, Marks, Payload, Transcript, Turn};
use gateway_core::fault::{Fault, Remedy};
use gateway_core::ids::ChannelName;
use gateway_core::shipment::{Alert, State};
use serde_json::{Value, json};
use support::carrier::{CARRIERS, CODE, NUMBER, QUIRKS, World, order, settings};
use support::network::{OneAttempt, Quirk};
use support::{Delivery, End, MARKER, message, noon};

fn ordered(dialect: &'static str) -> (World, Marks) {
    let mut world = World::new(dialect, vec![]);
    let (end, marks) = world.send("postal-order-requested", &order("RETURN", 1), Marks::new());
    assert!(matches!(end, End::Delivered(_)), "{dialect}: {end:?}");
    (world, marks)
}

#[test]
fn no_retry_makes_a_second_order() {
    for dialect in CARRIERS {
        for script in QUIRKS.iter().flat_map(|a| QUIRKS.iter().map(move |b| vec![*a, *b])) {
            let mut world = World::new(dialect, script.clone());
            let (end, marks) = world.send("postal-order-requested", &order("RETURN", 1), Marks::new());
            if dialect != "hcc" && matches!(end, End::InDoubt) {
                // Nobody knows whether it would be taken twice, so it was sent once.
                assert_eq!(
                    (world.count("orders") <= 1, world.count("doubled")),
                    (true, 0),
                    "{dialect} {script:?}"
                );
                continue;
            }
            assert!(matches!(end, End::Delivered(_)), "{dialect} {script:?}: {end:?}");
            assert_eq!(world.count("orders"), 1, "{dialect} {script:?}");
            assert_eq!(marks[&format!("leg/{NUMBER}")], "RETURN", "{dialect} {script:?}");
        }
    }
}

#[test]
fn both_legs_and_another_shipment_are_orders_of_their_own() {
    for dialect in CARRIERS {
        let (mut world, mut marks) = ordered(dialect);
        for (leg, shipment) in [("COLLECT", 1), ("RETURN", 2)] {
            let (end, more) = world.send("postal-order-requested", &order(leg, shipment), marks);
            assert!(matches!(end, End::Delivered(_)), "{dialect}: {end:?}");
            marks = more;
        }
        assert_eq!((world.count("orders"), world.count("doubled")), (3, 0), "{dialect}");
    }
}

#[test]
fn a_number_without_a_leg_never_takes_the_papers_for_the_result() {
    let mut world = World::set("hcc", "customer_code = \"HCC_H99_0001\"", vec![]);
    let (end, _) = world.send("postal-order-requested", &order("COLLECT", 1), Marks::new());
    assert!(matches!(end, End::Delivered(_)));
    // Our own record was lost: the carrier has an order of this number, and nobody can tell whose.
    let document =
        world.translated("out", "postal-order-requested", &Payload::Json(order("RETURN", 1))).unwrap();
    let message = message("postal-order-requested", CODE, document);
    let adapter = world.adapter.clone();
    let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut OneAttempt(&mut world));
    let unproven = |fault: &Fault| fault.code == "postal.order-exists" && fault.remedy == Remedy::Unclear;
    assert!(matches!(&end, End::Waits(fault) if unproven(fault)), "{end:?}");
    assert_eq!(world.count("orders"), 1);
}

#[test]
fn the_tracking_of_all_shipments_comes_back_once() {
    let (mut world, _) = ordered("hcc");
    for code in ["4", "7"] {
        world.after_hours(1);
        assert!(world.sim.nudge(&["advance", NUMBER, code]));
    }
    assert!(
        world.sim.nudge(&["bad-record"]) && world.sim.nudge(&["duplicate"]) && !world.sim.nudge(&["dance"])
    );
    world.poll(None);
    world.poll(None);
    assert_eq!((world.heard.len(), world.refused), (2, 1), "an overlap is read twice and counts once");
    let shipment = world.shipment();
    assert_eq!(shipment.tell.map(|(state, _)| state), Some(State::Delivered));
    assert_eq!(shipment.alerts, [Alert::UnknownCode], "7 is in no list");
}

#[test]
fn out_of_order_duplicated_and_future_dated_calls_do_not_show_a_wrong_state() {
    for (dialect, earlier, later, state) in
        [("ems", "2", "4", State::InTransit), ("myvnpost", "10", "12", State::OutForDelivery)]
    {
        let (mut world, _) = ordered(dialect);
        world.after_hours(2);
        for words in [
            &["advance", NUMBER, later][..],
            &["late", NUMBER, earlier],
            &["duplicate"],
            &["future-dated", NUMBER, earlier],
            &["unknown-item", later],
            &["bad-record"],
        ] {
            assert!(world.sim.nudge(words), "{dialect} {words:?}");
        }
        world.listen();
        let shipment = world.shipment();
        assert_eq!(shipment.state, Some(state), "{dialect}: {shipment:#?}");
        assert!(shipment.alerts.contains(&Alert::FutureDated), "{dialect}: {:?}", shipment.alerts);
        assert_eq!(shipment.tell, None, "{dialect}: a call proves nothing");
        // Its number says another dossier; a record nobody can read costs nothing but itself.
        assert_eq!((world.parked, world.refused), (1, 1), "{dialect}");
    }
}

#[test]
fn a_result_counts_as_returned_only_when_the_carrier_says_so_upon_our_question() {
    let (mut world, marks) = ordered("myvnpost");
    world.after_hours(1);
    world.sim.nudge(&["advance", NUMBER, "14"]);
    world.sim.nudge(&["advance", NUMBER, "21"]);
    world.listen();
    let hinted = world.shipment();
    assert_eq!((hinted.state, hinted.tell, hinted.confirm), (None, None, true));
    let item = marks[&format!("tracking/{NUMBER}")].clone();
    world.poll(Some(&item));
    let shipment = world.shipment();
    assert_eq!(shipment.tell.map(|(state, _)| state), Some(State::Delivered), "{shipment:#?}");
    assert!(shipment.alerts.is_empty(), "money never moves the state: {:?}", shipment.alerts);
}

#[test]
fn hidden_names_are_never_written() {
    let (mut world, _) = ordered("myvnpost");
    world.sim.nudge(&["advance", NUMBER, "12"]);
    let asks = world.sim.due(world.now);
    assert!(String::from_utf8_lossy(&asks[0].body.bytes).contains("Ng+++"), "the carrier hides it");
    let arrival = Arrival {
        files: Vec::new(),
        dossiers: Vec::new(),
        channel: ChannelName::from("postal/myvnpost"),
        caller: None,
        ask: asks[0].clone(),
        rest: String::new(),
        officer: None,
        level: gateway_core::adapter::Level::Token,
        at: world.now,
    };
    let Ok(Said::Messages(items)) = world.adapter.receive(&arrival) else { panic!("messages") };
    let document = world.translated("in", "postal-event-observed", &items[0].payload).expect("an event");
    assert!(document.get("receiver").is_none(), "{document}");
    assert_eq!(document["fees"]["provisional"], json!(true), "a provisional fee is no actual cost");
}

#[test]
fn a_cancellation_waits_for_its_approval() {
    let (mut world, marks) = ordered("myvnpost");
    let cancel = json!({ "dossier": { "code": CODE }, "leg": "RETURN", "shipment": 1 });
    world.sim.nudge(&["advance", NUMBER, "10"]);
    let (end, marks) = world.send("postal-order-cancelled", &cancel, marks);
    assert!(matches!(end, End::Delivered(_)), "{end:?}");
    let id = marks[&format!("peer/{NUMBER}")].clone();
    assert_eq!(marks[&format!("cancel/{id}")], "pending");
    assert_eq!(world.count("cancelling"), 1);
    world.after_hours(1);
    world.sim.nudge(&["advance", NUMBER, "22"]);
    world.poll(Some(&marks[&format!("tracking/{NUMBER}")]));
    assert_eq!(world.shipment().state, Some(State::Cancelled));
}

#[test]
fn a_correction_is_made_or_waits_with_its_case_and_moves_no_shipment() {
    let (mut world, marks) = ordered("myvnpost");
    let id = marks[&format!("peer/{NUMBER}")].clone();
    let correct =
        json!({ "dossier": { "code": CODE }, "leg": "RETURN", "shipment": 1, "cod": { "fees": 0 } });
    let (end, marks) = world.send("postal-order-corrected", &correct, marks);
    assert!(matches!(&end, End::Delivered(receipt) if receipt.reference == NUMBER), "{end:?}");
    assert_eq!((marks[&format!("correct/{id}")].as_str(), world.count("corrected")), ("done", 1));
    world.sim.nudge(&["advance", NUMBER, "10"]);
    let (end, marks) = world.send("postal-order-corrected", &correct, marks);
    let waits = format!("{NUMBER} CaseId 8");
    assert!(matches!(&end, End::Delivered(receipt) if receipt.reference == waits), "{end:?}");
    assert_eq!(marks[&format!("correct/{id}")], "pending 8");
    assert_eq!((world.count("corrected"), world.count("correcting"), world.count("events")), (1, 1, 2));
    // The carrier knows no order of this id.
    let unknown = Marks::from([(format!("peer/{NUMBER}"), "O9".to_owned())]);
    let (end, _) = world.send("postal-order-corrected", &correct, unknown);
    assert!(matches!(&end, End::Dead(fault) if fault.code == "postal.refused"), "{end:?}");
}

#[test]
fn a_cancellation_by_get_is_made_once_in_effect() {
    for script in QUIRKS.iter().map(|quirk| vec![Quirk::Pass, *quirk]) {
        let mut world = World::new("hcc", script.clone());
        let (_, marks) = world.send("postal-order-requested", &order("RETURN", 1), Marks::new());
        let cancel = json!({ "dossier": { "code": CODE }, "leg": "RETURN", "shipment": 1 });
        let (end, _) = world.send("postal-order-cancelled", &cancel, marks);
        assert!(matches!(end, End::Delivered(_)), "{script:?}: {end:?}");
        assert_eq!(world.count("cancelled"), 1, "{script:?}");
    }
}

#[test]
fn xml_that_is_posted_is_a_hint_and_the_same_record_pulled_is_a_proof() {
    let (mut world, _) = ordered("legacy");
    world.after_hours(1);
    for what in ["accepted", "failed", "delivered", "110"] {
        world.after_hours(1);
        assert!(world.sim.nudge(&["advance", NUMBER, what]));
    }
    world.sim.nudge(&["bad-record"]);
    world.listen();
    let hinted = world.shipment();
    assert_eq!((hinted.state, hinted.tell, hinted.confirm), (Some(State::DeliveryFailed), None, true));
    world.poll(None);
    let shipment = world.shipment();
    assert_eq!(shipment.tell.map(|(state, _)| state), Some(State::Delivered), "{shipment:#?}");
    assert_eq!(world.refused, 2, "once posted, once pulled");
}

#[test]
fn the_price_is_whole_dong_and_provisional() {
    let question = json!({ "from": { "province": "98" }, "to": { "province": "98" }, "weightGrams": 150 });
    for dialect in ["hcc", "myvnpost"] {
        let mut world = World::new(dialect, vec![]);
        let (end, _) = world.send("ask-postal-price", &question, Marks::new());
        let End::Delivered(receipt) = end else { panic!("{dialect}: {end:?}") };
        let answer: Value =
            serde_json::from_slice(&receipt.answer.expect("an answer").body.bytes).expect("JSON");
        assert_eq!(answer["provisional"], json!(true), "{dialect}");
        assert!(answer["services"][0]["fee"].as_i64().is_some_and(|fee| fee > 20_000), "{dialect}: {answer}");
    }
}

#[test]
fn every_transport_of_the_public_order_reaches_its_services() {
    for transport in ["ngsp", "lgsp-service", "lgsp-header", "access-token"] {
        for token_by in ["basic", "bearer", "password", "fixed"] {
            let text =
                format!("{}\ntransport = \"{transport}\"\ntoken_by = \"{token_by}\"", settings("hcc"),);
            let mut world = World::set("hcc", &text, vec![]);
            let (end, _) = world.send("postal-order-requested", &order("RETURN", 1), Marks::new());
            assert!(matches!(end, End::Delivered(_)), "{transport} {token_by}: {end:?}");
            world.sim.nudge(&["advance", NUMBER, "4"]);
            world.poll(None);
            assert_eq!(world.heard.len(), 1, "{transport} {token_by}");
        }
    }
}

#[test]
fn carriers_refuse_what_the_real_ones_would() {
    for (dialect, more) in [
        ("hcc", "provinces = [1]"),
        ("ems", "provinces = [\"1\"]"),
        ("myvnpost", "provinces = [\"1\"]"),
        ("legacy", "provinces = [1]"),
    ] {
        let table: toml::Table = format!("{}\n{more}", settings(dialect)).parse().expect("TOML");
        let mut world = World::new(dialect, vec![]);
        world.sim = adapters::simulator("postal", dialect, &table).expect("a simulator");
        let document =
            world.translated("out", "postal-order-requested", &Payload::Json(order("RETURN", 1))).unwrap();
        let message = message("postal-order-requested", CODE, document);
        let adapter = world.adapter.clone();
        let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut OneAttempt(&mut world));
        assert!(matches!(end, End::Dead(_) | End::Waits(_)), "{dialect}: {end:?}");
        assert_eq!(world.count("orders"), 0, "{dialect}");
    }
    // A wrong key is the account's trouble and never an order's end.
    for (dialect, key) in [("ems", "merchant_token = \"khac\""), ("legacy", "token = \"khac\"")] {
        let table: toml::Table = key.parse().expect("TOML");
        let mut sim = adapters::simulator("postal", dialect, &table).expect("a simulator");
        let world = World::new(dialect, vec![]);
        let document =
            world.translated("out", "postal-order-requested", &Payload::Json(order("RETURN", 1))).unwrap();
        let message = message("postal-order-requested", CODE, document);
        let (marks, transcript) = (Marks::new(), Transcript::default());
        let talk =
            gateway_core::adapter::Conversation { message: &message, marks: &marks, transcript: &transcript };
        let Ok(Turn::Call(request)) = world.adapter.next_turn(&talk) else { panic!("a call") };
        let keys = Keys { fixed: &world.fixed, session: None };
        let signed = world.adapter.sign(&request, &keys, noon()).expect("signed");
        assert!(signed.ask().query.iter().any(|(_, value)| value.contains(MARKER)), "the key is on the wire");
        assert!(!format!("{request:?}{signed:?}").contains(MARKER), "and nowhere else");
        assert_eq!(sim.respond(signed.ask(), noon()).status, 401, "{dialect}");
    }
}
