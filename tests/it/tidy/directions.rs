//! Who may know whom. core <- adapters <- server <- tests; the two pure packages touch nothing of the world; an adapter knows no
//! other adapter; the server and the core know no peer.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, files, hold, judge, note, rust};

/// What the pure packages may lean on, and what for. Anything that waits, connects, stores or asks the clock is not among it.
const CORE_MAY: [(&str, &str); 16] = [
    ("base64", "documents inside texts"),
    ("base64-simd", "files inside texts, at the speed of the line"),
    ("granit-parser", "YAML with line numbers"),
    ("jiff", "dates; without its clock"),
    ("jsonschema", "JSON Schema"),
    ("memchr", "the end of a text, at the speed of the line"),
    ("quick-xml", "XML"),
    ("ring", "digests; without its chance"),
    ("self_cell", "a schema set and its validator in one value"),
    ("serde", "documents as values"),
    ("serde-saphyr", "YAML as values"),
    ("serde_json", "JSON"),
    ("subtle", "signatures compared in constant time"),
    ("thiserror", "errors"),
    ("unicode-normalization", "NFC"),
    ("xsd-schema", "XSD"),
];
const ADAPTERS_MAY: [(&str, &str); 10] = [
    ("base64", "headers and signatures that carry names and keys"),
    ("gateway-core", "the port"),
    ("quick-xml", "XML frames"),
    ("ring", "digests that sign a call; without its chance"),
    ("serde", "tables of outcomes"),
    ("serde-saphyr", "tables of outcomes"),
    ("serde_json", "JSON frames"),
    ("subtle", "signatures within a body, compared in constant time"),
    ("toml", "settings of a dialect"),
    ("unicode-normalization", "texts compared in NFC"),
];

/// Runtimes, sockets, stores: nowhere beneath the pure packages, however deep.
const ACTING: [&str; 12] = [
    "tokio",
    "mio",
    "hyper",
    "hyper-util",
    "reqwest",
    "rustls",
    "socket2",
    "rusqlite",
    "libsqlite3-sys",
    "lapin",
    "tracing-subscriber",
    "prometheus",
];

fn manifest(package: &str) -> toml::Table {
    let path = conformance::tree().join(package).join("Cargo.toml");
    std::fs::read_to_string(path).expect("a manifest").parse().expect("a manifest is TOML")
}

fn dependencies(package: &str) -> BTreeSet<String> {
    let manifest = manifest(package);
    let tables = ["dependencies", "build-dependencies"];
    let tables = tables.iter().filter_map(|table| manifest.get(*table)?.as_table());
    tables.flat_map(|table| table.keys().cloned()).collect()
}

#[test]
fn pure_packages_lean_on_listed_crates_only() {
    for (package, may) in [("gateway/core", &CORE_MAY[..]), ("adapters", &ADAPTERS_MAY[..])] {
        let used = dependencies(package);
        let may: BTreeSet<String> = may.iter().map(|(name, _)| (*name).to_owned()).collect();
        let new: Vec<_> = used.difference(&may).collect();
        let stale: Vec<_> = may.difference(&used).collect();
        assert!(
            new.is_empty(),
            "{package} leans on {new:?}: say in tidy/directions.rs what for, or do it in the server"
        );
        assert!(stale.is_empty(), "{package} no longer leans on {stale:?}: take it off the list");
    }
}

#[test]
fn nothing_that_acts_is_beneath_the_pure_packages() {
    let lock = std::fs::read_to_string(conformance::tree().join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    let beneath: BTreeMap<&str, Vec<&str>> = lock["package"]
        .as_array()
        .expect("packages")
        .iter()
        .filter_map(|package| {
            let needs = package.get("dependencies").and_then(toml::Value::as_array);
            let needs = needs.into_iter().flatten().filter_map(|need| need.as_str()?.split(' ').next());
            Some((package["name"].as_str()?, needs.collect()))
        })
        .collect();
    for package in ["gateway/core", "adapters"] {
        let listed = dependencies(package);
        let mut todo: Vec<(&str, String)> = listed
            .iter()
            .filter(|name| *name != "gateway-core")
            .map(|name| (name.as_str(), name.clone()))
            .collect();
        let mut seen = BTreeSet::new();
        while let Some((name, way)) = todo.pop() {
            assert!(
                !ACTING.contains(&name),
                "{package} reaches {way}: drop the feature or the crate that brings it"
            );
            if seen.insert(name) {
                let needs = beneath.get(name).into_iter().flatten();
                todo.extend(needs.map(|need| (*need, format!("{way} > {need}"))));
            }
        }
    }
}

/// `cargo deny check` says the same and more; this much is held wherever the tests run.
#[test]
fn nothing_banned_is_locked_and_all_of_it_is_from_the_registry() {
    let read = |path: &str| -> toml::Table {
        let text = std::fs::read_to_string(conformance::tree().join(path)).expect(path);
        text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let (lock, deny) = (read("Cargo.lock"), read("deny.toml"));
    let banned: Vec<&str> = deny["bans"]["deny"]
        .as_array()
        .expect("bans")
        .iter()
        .filter_map(|ban| ban["crate"].as_str())
        .collect();
    assert!(banned.contains(&"openssl-sys") && banned.contains(&"aws-lc-sys"), "deny.toml lost a ban");
    let registries: Vec<&str> = deny["sources"]["allow-registry"]
        .as_array()
        .expect("registries")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let mut found = Vec::new();
    for package in lock["package"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        if banned.contains(&name) {
            found.push(format!("{name}: is banned in deny.toml"));
        }
        // Packages of the workspace have no source.
        let source = package.get("source").and_then(toml::Value::as_str);
        if let Some(source) = source.filter(|source| !registries.iter().any(|known| source.ends_with(known)))
        {
            found.push(format!("{name}: comes from {source}"));
        }
    }
    hold(found, "`cargo tree -i <crate>` says who brings it: switch that feature off or take another crate");
}

#[test]
fn packages_know_each_other_in_one_direction() {
    let members = ["gateway-core", "adapters", "lienthong", "conformance"];
    for (package, may) in
        [("gateway/core", &members[..0]), ("adapters", &members[..1]), ("gateway/server", &members[..2])]
    {
        let used = dependencies(package);
        let wrong: Vec<_> =
            members.iter().filter(|name| used.contains(**name) && !may.contains(name)).collect();
        assert!(wrong.is_empty(), "{package} depends on {wrong:?}: core <- adapters <- server <- tests");
    }
}

/// What `clippy.toml` of the pure packages cannot name in one line: whole modules.
const WORLD: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "std::process",
    "std::os::",
    "SystemTime",
    "Instant::",
];

#[test]
fn pure_packages_name_nothing_of_the_world() {
    let mut found = Vec::new();
    for file in rust(&["gateway/core/src", "adapters/src"]) {
        for (number, line) in file.code() {
            for name in WORLD.iter().filter(|name| line.contains(**name)) {
                found.push(format!("{}:{number}: names {name}", file.path));
            }
            if line.contains("use std::{") {
                found.push(format!("{}:{number}: imports several modules of std in one line", file.path));
            }
        }
    }
    hold(found, "let the server do it and take the outcome as an argument; import from std a module a line");
}

#[test]
fn clippy_keeps_the_world_out_of_the_pure_packages() {
    let text = |package: &str| {
        let path = conformance::tree().join(package).join("clippy.toml");
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{package}/clippy.toml: {error}"))
    };
    let core = text("gateway/core");
    assert_eq!(core, text("adapters"), "both pure packages have the same clippy.toml: copy it");
    for module in ["std::fs::", "std::net::", "std::env::", "std::thread::", "std::process::"] {
        assert!(core.contains(module), "gateway/core/clippy.toml no longer disallows {module}*");
    }
    for name in ["SystemTime::now", "Instant::now", "jiff::Timestamp::now", "SystemRandom::new"] {
        assert!(core.contains(name), "gateway/core/clippy.toml no longer disallows {name}");
    }
    let mut found = BTreeMap::new();
    for file in rust(&["gateway/core/src", "adapters/src"]) {
        for (number, line) in file.lines().filter(|(_, line)| line.contains("allow(clippy::disallowed")) {
            note(&mut found, &file, number, line.trim());
        }
    }
    judge(&found, &[], "the pure packages have no exception");
}

#[test]
fn the_server_asks_the_clock_in_one_place() {
    let mut found = BTreeMap::new();
    for file in rust(&["gateway/server/src"]) {
        let words = ["SystemTime::now", "Timestamp::now", "Zoned::now"];
        for (number, line) in file.code() {
            if words.iter().any(|word| line.contains(word)) {
                note(&mut found, &file, number, "asks what time it is");
            }
        }
    }
    let waivers = [
        ("gateway/server/src/clock.rs", "it is the clock: everything else is given the time"),
        (
            "gateway/server/src/store/claims.rs",
            "the age of leftover files is a matter between two file times",
        ),
    ];
    judge(&found, &waivers, "take a `Clock` or a `Moment` as an argument");
}

#[test]
fn an_adapter_names_no_other_adapter() {
    let mut found = Vec::new();
    for family in adapters::names() {
        for file in rust(&[&format!("adapters/src/{family}/")]) {
            for other in adapters::names().iter().filter(|other| *other != family) {
                let way = format!("crate::{other}");
                for (number, _) in file.code().filter(|(_, line)| line.contains(&way)) {
                    found.push(format!("{}:{number}: uses {way}", file.path));
                }
            }
        }
    }
    hold(found, "what two families share is a protocol piece: put it beside them, without any peer's words");
}

/// The words of peers that no room but the adapters may speak.
fn peers_words() -> Vec<String> {
    let dialects = adapters::names().iter().flat_map(|name| adapters::dialects(name));
    // These are words of our own as well.
    let dialects =
        dialects.filter(|name| !["envelope", "xml", "legacy", "profile", "soap"].contains(name)).copied();
    let fields = ["MaHoSo", "MaTTHC", "DongBo", "CapNhat", "error_code", "madonvi", "dstcode", "dvcqg"];
    // The family of peers that nobody names is a plain word of every program. Of those who take money only the dialects are peers'
    // words: what a payment is, the house knows as it knows what a shipment is.
    let plain = |name: &&str| *name != adapters::FOLDER && *name != "payment";
    let names = adapters::names().iter().copied().filter(plain);
    names.chain(dialects).chain(fields).map(str::to_lowercase).collect()
}

fn names_peer(line: &str, words: &[String]) -> Option<String> {
    let line = line.to_lowercase();
    // At the beginning of a name: `sqlite_error_code` is nobody's field.
    let begins = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    words.iter().find(|word| line.match_indices(word.as_str()).any(|(at, _)| begins(at))).cloned()
}

#[test]
fn neither_server_nor_core_names_a_peer() {
    let words = peers_words();
    let mut found = BTreeMap::new();
    let tests = |file: &File| file.path.contains("/tests/") || file.path.ends_with("/tests.rs");
    for file in rust(&["gateway/server/src", "gateway/core/src"]).iter().filter(|file| !tests(file)) {
        for (number, line) in file.code() {
            if let Some(word) = names_peer(line, &words) {
                note(&mut found, file, number, &format!("says {word}"));
            }
        }
    }
    judge(
        &found,
        PEERS_MAY_BE_NAMED,
        "let the adapter or the mapping say it; the server knows only the registry",
    );
}

const PEERS_MAY_BE_NAMED: &super::Waivers = &[
    (
        "gateway/server/src/story.rs",
        "stories are told with the simulated portal and the software that posts to us",
    ),
    (
        "gateway/server/src/story/asking.rs",
        "who looks up a dossier in a story first asks what prints receipts for the code",
    ),
    (
        "gateway/server/src/story/cast.rs",
        "whoever may stand on a stage beside the portal is named there, with its entry and its simulator",
    ),
    (
        "gateway/server/src/story/expecting.rs",
        "what must be so is said of the simulated portal, by the names it uses itself",
    ),
    (
        "gateway/server/src/story/sending.rs",
        "whoever posts to us in a story does it in the dialect of that software",
    ),
    (
        "gateway/server/src/prove.rs",
        "a proof is carried out beside simulated portals, with the software that posts to us",
    ),
    ("gateway/server/src/prove/peer.rs", "the ledger knows when the simulated portal has said yes"),
    (
        "gateway/server/src/prove/senders.rs",
        "whoever posts to us in a proof does it in the dialect of that software",
    ),
    ("gateway/server/src/telemetry/lines.rs", "a subscriber of events is the logging library's own word"),
    ("gateway/server/src/cli/demo.rs", "the demonstration shows one story and what to try next"),
    (
        "gateway/server/src/cli/help/pages.rs",
        "examples of the help name what the reference configuration and the demonstration name",
    ),
    ("gateway/server/src/cli/simulate.rs", "`simulate` starts the simulator that exists when none is named"),
    (
        "gateway/server/src/cli/setup.rs",
        "tells the operator what to edit first in the reference configuration",
    ),
];

#[test]
fn the_data_rooms_know_nobody() {
    let mut found = Vec::new();
    for file in files(&["schemas/", "mappings/"]) {
        if file.path.ends_with(".rs") {
            found.push(format!("{}: is code", file.path));
        }
    }
    hold(found, "schemas and mappings are data only");
}
