//! The topology for others: as definitions that RabbitMQ imports, where a broker lets nobody declare, and as an AsyncAPI document for
//! whoever wants to know what is said there. Both are made from what the gateway declares, so they cannot say anything else.

use std::collections::BTreeMap;

use gateway_core::adapter::Level;
use gateway_core::channel::{Channels, Direction};
use gateway_core::envelope::Class;
use gateway_core::ids::Kind;
use serde_json::{Map, Value, json};

use super::message::{CONTENT_TYPE, HEADERS};
use super::topology::{Argument, EVENTS, IN, QueueSpec, Topology};
use crate::config::{Config, Queue};

fn arguments(queue: &QueueSpec) -> Value {
    let value = |argument: &Argument| match argument {
        Argument::Text(text) => json!(text),
        Argument::Number(number) => json!(number),
    };
    Value::Object(
        queue.arguments.iter().map(|(name, argument)| ((*name).to_owned(), value(argument))).collect(),
    )
}

/// What `rabbitmqctl import_definitions` takes. Users and permissions are the broker's own business.
pub fn definitions(topology: &Topology, config: &Queue) -> Value {
    let vhost = &config.vhost;
    let exchanges = topology.exchanges.iter().map(|exchange| {
        json!({ "name": exchange.name, "vhost": vhost, "type": exchange.kind, "durable": true, "auto_delete": false,
                "internal": false, "arguments": {} })
    });
    let queues = topology.queues.iter().map(|queue| {
        json!({ "name": queue.name, "vhost": vhost, "durable": true, "auto_delete": false, "arguments": arguments(queue) })
    });
    let bindings = topology.bindings.iter().map(|binding| {
        json!({ "source": binding.exchange, "vhost": vhost, "destination": binding.queue, "destination_type": "queue",
                "routing_key": binding.key, "arguments": {} })
    });
    json!({
        "vhosts": [{ "name": vhost }],
        "exchanges": exchanges.collect::<Vec<_>>(),
        "queues": queues.collect::<Vec<_>>(),
        "bindings": bindings.collect::<Vec<_>>(),
    })
}

/// The channels that peers of this configuration may publish to: its own of each peer, without those that only ask.
fn posted(config: &Config, rules: &Channels) -> BTreeMap<String, Value> {
    let mut found: BTreeMap<String, Value> = BTreeMap::new();
    for (name, peer) in &config.peers {
        for channel in rules.by_adapter.get(&peer.adapter).into_iter().flatten() {
            let told =
                |kind: &&Kind| rules.kinds.get(*kind).is_some_and(|spec| spec.class != Class::Question);
            let kinds: Vec<&str> = channel.kinds.keys().filter(told).map(Kind::as_str).collect();
            let own = channel.direction == Direction::In && channel.dialect == peer.dialect;
            if !own || kinds.is_empty() || channel.level.max(peer.door.minimum) > Level::Token {
                continue;
            }
            let mut publishers = match found.remove(channel.name.as_str()) {
                Some(mut known) => known["x-publishers"].take().as_array().cloned().unwrap_or_default(),
                None => Vec::new(),
            };
            // Without a user of its own at the broker, a peer is nobody there.
            publishers.push(json!({ "peer": name, "broker_user": peer.door.broker_user }));
            let bound = json!({ "is": "routingKey", "exchange": { "name": IN, "type": "topic", "durable": true,
                                "autoDelete": false, "vhost": config.queue.vhost }, "bindingVersion": "0.3.0" });
            found.insert(
                channel.name.to_string(),
                json!({ "address": channel.name, "title": channel.title,
                        "description": format!("publish to {IN} with this routing key"),
                        "messages": { "posted": { "$ref": "#/components/messages/posted" } },
                        "bindings": { "amqp": bound }, "x-content-types": channel.content, "x-kinds": kinds,
                        "x-publishers": publishers }),
            );
        }
    }
    found
}

/// The queues of deliveries and, where it is open, the door for others, in AsyncAPI 3.
pub fn asyncapi(topology: &Topology, whole: &Config, rules: &Channels) -> Value {
    let config = &whole.queue;
    let protocol = if config.tls.is_some() { "amqps" } else { "amqp" };
    let headers: Map<String, Value> =
        HEADERS.iter().map(|(name, kind)| ((*name).to_owned(), json!({ "type": kind }))).collect();
    let (mut channels, mut operations) = (Map::new(), Map::new());
    for queue in &topology.queues {
        let bound = json!({ "is": "queue", "queue": { "name": queue.name, "durable": true, "exclusive": false,
                            "autoDelete": false, "vhost": config.vhost }, "bindingVersion": "0.3.0" });
        let says = if queue.name.ends_with(".in") { "posted" } else { "delivery" };
        let carried = json!({ says: { "$ref": format!("#/components/messages/{says}") } });
        channels.insert(
            queue.name.clone(),
            json!({ "address": queue.name, "description": queue.about, "messages": carried,
                    "bindings": { "amqp": bound }, "x-arguments": arguments(queue) }),
        );
        if !queue.name.contains(".deliver.") {
            continue;
        }
        // A name of a channel has dots, which a pointer bears, and no slash.
        let channel = json!({ "$ref": format!("#/channels/{}", queue.name) });
        for action in ["send", "receive"] {
            operations
                .insert(format!("{action} {}", queue.name), json!({ "action": action, "channel": channel }));
        }
    }
    for (name, says, action, about) in [
        (
            IN,
            "posted",
            "receive",
            "what others publish: the routing key is the name of a channel; each that a peer here may publish to stands in this document",
        ),
        (
            EVENTS,
            "event",
            "send",
            "what happened to messages: routing key `<event>.<kind>.<peer>.<unit>`, where only the unit has dots",
        ),
    ] {
        if !topology.exchanges.iter().any(|exchange| exchange.name == name) {
            continue;
        }
        let bound = json!({ "is": "routingKey", "exchange": { "name": name, "type": "topic", "durable": true, "autoDelete": false,
                            "vhost": config.vhost }, "bindingVersion": "0.3.0" });
        let carried = json!({ says: { "$ref": format!("#/components/messages/{says}") } });
        channels.insert(
            name.to_owned(),
            json!({ "address": name, "description": about, "messages": carried, "bindings": { "amqp": bound } }),
        );
        let channel = json!({ "$ref": format!("#/channels/{name}") });
        operations.insert(format!("{action} {name}"), json!({ "action": action, "channel": channel }));
    }
    let open = topology.exchanges.iter().any(|exchange| exchange.name == IN);
    for (address, channel) in posted(whole, rules).into_iter().filter(|_| open) {
        // A pointer bears no slash.
        let name = address.replace('/', ".");
        let pointer = json!({ "$ref": format!("#/channels/{name}") });
        operations.insert(format!("receive {name}"), json!({ "action": "receive", "channel": pointer }));
        channels.insert(name, channel);
    }
    let mut messages = Map::new();
    if config.door {
        messages.extend(door_messages());
    }
    messages.insert("delivery".to_owned(), json!({
        "name": "delivery",
        "title": "The head of a lane that is ready",
        "contentType": CONTENT_TYPE,
        "headers": { "type": "object", "properties": headers,
                     "required": ["x-store", "x-peer", "x-lane", "x-delivery", "x-handover", "x-attempt", "x-key"] },
        "payload": { "type": "string", "format": "binary",
                     "description": "the canonical document, AES-256-GCM: 4 bytes of the key's id, 12 of the nonce, the rest" },
        "bindings": { "amqp": { "messageType": "kind of the message", "bindingVersion": "0.3.0" } },
    }));
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Liên Thông",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Hàng đợi RabbitMQ giữa các phần của cổng liên thông. What the gateway itself sends and takes; a message is a \
                claim, and the store decides. Nobody else writes here.",
        },
        "servers": { "broker": { "host": format!("{}:{}", config.host, config.port), "protocol": protocol } },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

/// What others say at the door, and hear there.
fn door_messages() -> [(String, Value); 2] {
    let text = json!({ "type": "string" });
    [
        (
            "posted".to_owned(),
            json!({
                "name": "posted",
                "title": "A message, as its channel takes it over HTTP",
                "description": "JSON or XML, by its content-type. user-id says who publishes, and the broker vouches for it. The same message-id is taken \
                    once. Headers stand for what a call has in its query and headers. reply-to gets the answer, with the status in the \
                    header `status` and the correlation-id given. Questions are not taken.",
                "payload": {},
            }),
        ),
        (
            "event".to_owned(),
            json!({
                "name": "event",
                "title": "What happened to a message, in the clear columns only",
                "contentType": "application/json",
                "description": "A repeat has the same message-id.",
                "payload": {
                    "type": "object",
                    "properties": {
                        "id": { "type": "integer" }, "at": { "type": "string", "format": "date-time" }, "event": text, "dossier": text,
                        "peer": text, "unit": text, "kind": text, "message": text, "fault": text,
                    },
                    "required": ["id", "at", "event", "peer", "unit", "kind", "message"],
                },
            }),
        ),
    ]
}
