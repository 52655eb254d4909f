//! Everything that can be wrong before a gateway runs, found at once: configuration against adapters, files against each other. What
//! was built on the way is what the gateway runs with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use gateway_core::channel::{Direction, Part};
use gateway_core::fault::{Defect, nearest};
use gateway_core::ids::{Kind, PeerName};
use gateway_core::licence;
use gateway_core::lookup::ReceiptKeys;
use gateway_core::redelivery::Availability;
use tokio::sync::Semaphore;

use super::{Room, takes};
use crate::clock::Clock;
use crate::config::{CarrierName, Config, Peer};
use crate::delivery;
use crate::doorkeeper::Doorkeeper;
use crate::files::Files;
use crate::http::DoorTls;
use crate::queue;
use crate::rules::Rules;
use crate::sessions::Sessions;
use crate::store::{Seal, SealKey};
use crate::transport::Transport;

/// Everything `check` checks: configuration against adapters, files against each other.
pub fn check(
    config: &Config,
    file: &str,
    files: &Files,
) -> Result<(Rules, BTreeMap<PeerName, Room>), Vec<Defect>> {
    let mut defects = Vec::new();
    let rules = Rules::compile(files).map_err(|found| defects.extend(found)).ok();
    let mut rooms = BTreeMap::new();
    for (name, peer) in &config.peers {
        match room(name, peer, &config.gateway.destinations, file, files, rules.as_ref()) {
            Ok(room) => {
                rooms.insert(room.name.clone(), room);
            }
            Err(found) => defects.extend(found),
        }
    }
    let defect = |field: &str, message: String| Defect {
        file: file.to_owned(),
        line: 0,
        field: field.to_owned(),
        message,
        nearest: None,
    };
    defects.extend(door_tls(config, &Clock::system()).err().map(|message| defect("gateway.tls", message)));
    if config.queue.carrier == CarrierName::RabbitMq {
        let unreadable = queue::amqp::address(&config.queue).err();
        defects.extend(unreadable.map(|message| defect("queue", message)));
    }
    if config.catalogues.minute().is_none() {
        defects.push(defect("catalogues.at", "a time of day is expected, as \"01:00\"".to_owned()));
    }
    for name in &config.catalogues.peers {
        // One whose entry is wrong has been spoken of.
        let room = rooms.get(&PeerName::from(name.as_str()));
        let publishes = |room: &Room| !room.adapter.catalogues().is_empty();
        if !config.peers.contains_key(name) || room.is_some_and(|room| !publishes(room)) {
            defects.push(defect("catalogues.peers", format!("`{name}` is no peer that publishes lists")));
        }
    }
    if let Some(rules) = &rules {
        for (kind, unit, names) in taken_twice(rules, config) {
            let message = format!(
                "a message {kind} of {unit} would go to several takers ({}): give each its `units` or its `receives`",
                names.join(", ")
            );
            defects.push(defect(&format!("peers.{}", names[0]), message));
        }
        defects.extend(unknown_in_licences(rules, config, file));
    }
    let compiled = rules.as_ref().map(|rules| adapters::Compiled {
        channels: &rules.channels,
        contracts: &rules.contracts,
        translator: &rules.translator,
    });
    defects.extend(adapters::examine(&files.mappings, compiled.as_ref()));
    let keys = sealing_keys(config).err();
    defects.extend(keys.map(|message| defect("gateway.sealing_key_file", message)));
    match rules {
        Some(rules) if defects.is_empty() => Ok((rules, rooms)),
        _ => Err(files.at_home(defects)),
    }
}

fn room(
    name: &str,
    peer: &Peer,
    open: &[String],
    file: &str,
    files: &Files,
    rules: Option<&Rules>,
) -> Result<Room, Vec<Defect>> {
    let mut defects = Vec::new();
    let defect = |field: &str, message: String, near: Option<String>| Defect {
        file: file.to_owned(),
        line: 0,
        field: format!("peers.{name}{}{field}", if field.is_empty() { "" } else { "." }),
        message,
        nearest: near,
    };
    let mut keys = BTreeMap::new();
    for (key, source) in &peer.keys {
        match source.read() {
            Ok(secret) => {
                keys.insert(key.clone(), secret);
            }
            Err(message) => defects.push(defect(&format!("keys.{key}"), message, None)),
        }
    }
    if !adapters::names().contains(&peer.adapter.as_str()) {
        let message =
            format!("there is no adapter `{}`; there are {}", peer.adapter, adapters::names().join(", "));
        defects.push(defect("adapter", message, nearest(&peer.adapter, adapters::names().iter().copied())));
        return Err(defects);
    }
    let adapter = match adapters::build(&peer.adapter, &peer.dialect, &peer.settings, &files.mappings) {
        Ok(adapter) => Some(adapter),
        Err(found) => {
            // An adapter knows its settings, not whose they are.
            defects.extend(found.into_iter().map(|found| match found.file.is_empty() {
                true => defect(&found.field, found.message, found.nearest),
                false => found,
            }));
            None
        }
    };
    for (field, message, near) in
        adapter.iter().flat_map(|adapter| wrong_endpoints(peer, &adapter.endpoints()))
    {
        defects.push(defect(&field, message, near));
    }
    for secret in adapter.iter().flat_map(|adapter| adapter.secrets()) {
        if !peer.keys.contains_key(&secret)
            && !peer.keys.keys().any(|key| key.ends_with(&format!("/{secret}")))
        {
            let message = "this secret is needed; give it as { file = \"…\" } or { env = \"…\" }".to_owned();
            defects.push(defect(&format!("keys.{secret}"), message, None));
        }
    }
    for kind in rules
        .iter()
        .flat_map(|rules| peer.receives.iter().map(move |kind| (rules, kind)))
        .filter_map(|(rules, kind)| (!rules.channels.kinds.contains_key(kind.as_str())).then_some(kind))
    {
        defects.push(defect("receives", format!("there is no kind `{kind}`"), None));
    }
    for (from, to) in &peer.codes {
        for list in [from, to] {
            if rules.is_some_and(|rules| rules.translator.code_list(list).is_none()) {
                defects.push(defect("codes", format!("there is no code list `{list}`"), None));
            }
        }
    }
    let inbound = rules.and_then(|rules| rules.channels.by_adapter.get(&peer.adapter)).into_iter().flatten();
    let inbound =
        inbound.filter(|channel| channel.direction == Direction::In && channel.dialect == peer.dialect);
    for channel in inbound.filter(|channel| channel.level > peer.door.level_max()) {
        let level = channel.level.as_str();
        let message = format!("channel {} asks for `{level}`, and nothing here reaches that", channel.name);
        defects.push(defect("door.accepts", message, None));
    }
    let keeper = Doorkeeper::new(&peer.door);
    let keeper = keeper.map_err(|message| defects.push(defect("door.signature_keys", message, None))).ok();
    let transport =
        Transport::new(peer, open).map_err(|message| defects.push(defect("", message, None))).ok();
    match (adapter, transport, keeper) {
        (Some(adapter), Some(transport), Some(doorkeeper)) if defects.is_empty() => Ok(Room {
            name: PeerName::from(name),
            config: peer.clone(),
            feeds: adapter.feeds(),
            poll_bell: delivery::Bell::default(),
            adapter,
            transport,
            sessions: Sessions::default(),
            doorkeeper,
            keys,
            availability: Mutex::new(Availability::new(peer.concurrency_max)),
            questions: Semaphore::new(peer.concurrency_max),
            bell: delivery::Bell::default(),
            shadow: Default::default(),
            pauses: Mutex::default(),
        }),
        _ => Err(defects),
    }
}

/// Endpoints that no call leaves for, and those that are missing: what waits for one that is not there waits for ever. A peer without any
/// is one that nothing is sent to.
fn wrong_endpoints(peer: &Peer, called: &[String]) -> Vec<(String, String, Option<String>)> {
    let given: Vec<&String> = peer.endpoints.keys().collect();
    if called.is_empty() || given.is_empty() {
        return Vec::new();
    }
    let names = called.join(", ");
    let strays = given.iter().filter(|name| !called.contains(name)).map(|name| {
        // Where there is one name alone, that one is meant, however far it is from what stands there.
        let near = match called {
            [only] if !given.contains(&only) => Some(only.clone()),
            _ => nearest(name, called.iter().map(String::as_str)),
        };
        let message =
            format!("no call leaves for an endpoint of this name; this peer's calls leave for {names}");
        (format!("endpoints.{name}"), message, near)
    });
    let missing = called.iter().filter(|name| !given.contains(name)).map(|name| {
        let message =
            "this endpoint is needed: without it what is sent there waits for ever; give its address";
        (format!("endpoints.{name}"), message.to_owned(), None)
    });
    strays.chain(missing).collect()
}

/// A licence for an operation or a field that nobody knows would allow nothing, and say nothing of it.
fn unknown_in_licences(rules: &Rules, config: &Config, file: &str) -> Vec<Defect> {
    let licensed = rules.channels.kinds.iter().filter(|(_, spec)| spec.licensed);
    let operations: Vec<&str> = licensed.map(|(kind, _)| kind.as_str()).collect();
    let fields = [licence::TOLD.as_slice(), licence::WITHHELD.as_slice()].concat();
    let mut defects = Vec::new();
    for (row, licence) in config.licences.iter().enumerate() {
        let mut unknown = |list: &str, name: &str, message: String, known: &[&str]| {
            defects.push(Defect {
                file: file.to_owned(),
                line: 0,
                field: format!("licences[{}].{list}", row + 1),
                message,
                nearest: nearest(name, known.iter().copied()),
            });
        };
        for name in &licence.operations {
            if !operations.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                let message = format!("there is no operation `{name}` that needs a licence");
                unknown("operations", name, message, &operations);
            }
        }
        for name in licence.fields.iter().filter(|name| !fields.contains(&name.as_str())) {
            unknown("fields", name, format!("an answer has no field `{name}` of a person"), &fields);
        }
    }
    defects
}

/// Kinds and units of which more than one peer would take what only one may: each would carry the order, or record the dossier.
fn taken_twice(rules: &Rules, config: &Config) -> Vec<(String, String, Vec<String>)> {
    let mut doubled = Vec::new();
    for (kind, spec) in &rules.channels.kinds {
        let ordered = spec.shipment == Some(Part::Ordered);
        let may_take = |peer: &Peer| {
            takes(rules, peer, kind) && (!ordered || rules.channels.carries(&peer.adapter, &peer.dialect))
        };
        if ordered || spec.one_taker {
            let takers = config.peers.iter().filter(|(_, peer)| may_take(peer)).collect();
            doubled.extend(
                doubled_units(takers).into_iter().map(|(unit, names)| (kind.to_string(), unit, names)),
            );
        }
    }
    doubled
}

/// What some configured peer may send here and no configured peer takes: it will be turned back. No defect, because many provinces have
/// software that takes it from the portal by another way.
pub fn untaken(rules: &Rules, config: &Config) -> Vec<String> {
    let said_by = |peer: &Peer, kind: &Kind| {
        let channels = rules.channels.by_adapter.get(&peer.adapter).into_iter().flatten();
        let mut channels = channels.filter(|channel| channel.direction == Direction::In);
        channels.any(|channel| {
            (channel.dialect.is_empty() || channel.dialect == peer.dialect)
                && channel.kinds.contains_key(kind)
        })
    };
    let peers = || config.peers.values();
    let wanted = rules.channels.kinds.iter().filter(|(_, spec)| spec.one_taker);
    let untaken = wanted.filter(|(kind, _)| {
        peers().any(|peer| said_by(peer, kind)) && !peers().any(|peer| takes(rules, peer, kind))
    });
    untaken.map(|(kind, _)| kind.to_string()).collect()
}

/// The units that several of these peers are for.
fn doubled_units(takers: Vec<(&String, &Peer)>) -> Vec<(String, Vec<String>)> {
    let for_all = |peer: &Peer| peer.units.is_empty();
    let mut units: BTreeSet<&str> =
        takers.iter().flat_map(|(_, peer)| &peer.units).map(String::as_str).collect();
    units.insert("*");
    let of = |unit: &str| -> Vec<String> {
        let speaks_for = |peer: &Peer| for_all(peer) || peer.units.iter().any(|known| known == unit);
        takers.iter().filter(|(_, peer)| speaks_for(peer)).map(|(name, _)| (*name).clone()).collect()
    };
    let doubled =
        units.into_iter().map(|unit| (unit.to_owned(), of(unit))).filter(|(_, names)| names.len() > 1);
    // What is wrong for all units need not be said of each.
    let doubled: Vec<_> = doubled.collect();
    match doubled.iter().find(|(unit, _)| unit == "*") {
        Some(all) => vec![all.clone()],
        None => doubled,
    }
}

pub(super) fn door_tls(config: &Config, clock: &Clock) -> Result<Option<Arc<DoorTls>>, String> {
    let tls = config.gateway.tls.as_ref().map(|tls| DoorTls::new(tls, config, clock)).transpose()?;
    Ok(tls.map(Arc::new))
}

/// The current sealing key and the old ones.
pub(crate) fn sealing_keys(config: &Config) -> Result<(SealKey, Vec<SealKey>), String> {
    let current = match std::env::var("LIENTHONG_SEALING_KEY") {
        Ok(text) => SealKey::parse(text.trim()).ok_or("LIENTHONG_SEALING_KEY is no sealing key")?,
        Err(_) => read_key(&config.gateway.sealing_key_file)?,
    };
    let old = config.gateway.old_sealing_key_files.iter().map(|path| read_key(path));
    Ok((current, old.collect::<Result<_, _>>()?))
}

/// What stands on receipts that were printed under an older key is good as long as that key is given.
pub(crate) fn receipt_keys(current: &SealKey, old: &[SealKey]) -> ReceiptKeys {
    ReceiptKeys::new(std::iter::once(current).chain(old).map(|key| Seal::derive(key, "receipt-codes")))
}

fn read_key(path: &Path) -> Result<SealKey, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("cannot read the sealing key {shown}: {error}; `lienthong init` makes one")
    })?;
    SealKey::parse(text.trim())
        .ok_or_else(|| format!("{shown} is no sealing key: one line of base64, 32 bytes"))
}
