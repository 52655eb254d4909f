//! The description of the doors: what is printed and what is checked in are the same, what is served is the part of it that this
//! gateway has doors for, and it describes every door.
//! That callers can rely on it is tried by a fuzzer of its own (`tests/clients/fuzz.py`), which `ops/test` runs.

use std::collections::BTreeSet;

use lienthong::config::Config;
use lienthong::files::{Dialect, Files};
use lienthong::openapi;
use lienthong::queue::amqp::{asyncapi, definitions, topology_of};
use lienthong::rules::Rules;
use serde_json::Value;

use crate::wire::{House, ask, head};

fn document() -> Value {
    describe(&Files::built_in())
}

fn describe(files: &Files) -> Value {
    openapi::document(&Rules::compile(files).unwrap(), files)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_served_is_what_is_checked_in() {
    let house = House::with(&[]).await;
    let served = ask(house.address(), &head("GET", "/openapi.json", &[])).await.unwrap();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/openapi.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, format!("{:#}\n", document())).unwrap();
    }
    let checked_in: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    // A gateway has no doors for dialects that no peer of its speaks, and describes none.
    let spoken = ["onestop relay", "onestop envelope", "onestop xml", "portal "].map(|words| {
        let (family, name) = words.split_once(' ').unwrap();
        Dialect { family: family.to_owned(), name: name.to_owned() }
    });
    let described = describe(&Files::built_in().of(&BTreeSet::from(spoken)));
    assert_eq!(served.json(), described);
    let paths = |document: &Value| document["paths"].as_object().unwrap().len();
    assert!(paths(&described) < paths(&checked_in), "the doors of iGATE and OpenCPS are nobody's here");
    assert!(checked_in == document(), "ops/openapi.json is not what the doors say: run with UPDATE=1");
}

/// What an operator imports and reads about the broker is what the gateway declares there.
#[test]
fn what_stands_at_the_broker_is_what_is_checked_in() {
    let config = Config::load(&conformance::tree().join("ops/lienthong.toml")).unwrap();
    let topology = topology_of(&config);
    let documents = [
        ("ops/rabbitmq/definitions.json", definitions(&topology, &config.queue)),
        (
            "ops/asyncapi.json",
            asyncapi(&topology, &config, &Rules::compile(&Files::built_in()).unwrap().channels),
        ),
    ];
    for (name, document) in documents {
        let path = conformance::tree().join(name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, format!("{document:#}\n")).unwrap();
        }
        let checked_in: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert!(checked_in == document, "{name} is not what is declared: run with UPDATE=1");
        let named = document.to_string();
        assert!(topology.queues.iter().all(|queue| named.contains(&queue.name)));
    }
}

/// Whoever is turned away at the broker's door is told to look here for the names of channels.
#[test]
fn the_channels_that_a_peer_may_publish_to_are_named() {
    let text = "[queue]\ncarrier = \"rabbitmq\"\ndoor = true\npassword.env = \"X\"\n[peers.so-xd]\nadapter = \"onestop\"\ndialect = \"relay\"\n\
                door.broker_user = \"xd\"\n[peers.so-gt]\nadapter = \"onestop\"\ndialect = \"xml\"\n";
    let config = Config::parse(text, "x").unwrap();
    let rules = Rules::compile(&Files::built_in()).unwrap();
    let document = asyncapi(&topology_of(&config), &config, &rules.channels);
    let channels = document["channels"].as_object().unwrap();
    let inbound: Vec<&Value> = channels.values().filter(|channel| channel["x-kinds"].is_array()).collect();
    for channel in &inbound {
        let name = channel["address"].as_str().unwrap();
        let known = rules.channels.by_adapter["onestop"].iter().find(|known| known.name.as_str() == name);
        let known = known.unwrap_or_else(|| panic!("{name} is no channel"));
        assert!(["relay", "xml"].contains(&known.dialect.as_str()), "{name} is nobody's here");
        assert_eq!(channel["title"], known.title);
        assert_eq!(channel["x-content-types"], serde_json::json!(known.content));
    }
    let relay = &channels["onestop.relay.dossier-recorded"];
    assert_eq!(relay["address"], "onestop/relay/dossier-recorded");
    assert_eq!(relay["x-kinds"], serde_json::json!(["dossier-recorded"]));
    assert_eq!(relay["x-publishers"], serde_json::json!([{ "peer": "so-xd", "broker_user": "xd" }]));
    let operations = document["operations"].as_object().unwrap().values();
    for operation in operations {
        let name = operation["channel"]["$ref"].as_str().unwrap().trim_start_matches("#/channels/");
        assert!(channels.contains_key(name), "{name} leads nowhere");
    }
    assert!(inbound.len() > 2, "{channels:#?}");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut references = 0;
    let mut waiting = vec![&document["paths"]];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    references += 1;
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
                }
                waiting.extend(fields.values());
            }
            Value::Array(list) => waiting.extend(list),
            _ => {}
        }
    }
    assert!(references >= 3, "{references} references");
}
