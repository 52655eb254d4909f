//! What files say and how: length, words, form, and the documents that must be true.

use std::collections::{BTreeMap, BTreeSet};

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

use super::{File, files, hold, judge, note, rust};

const LINES_MAX: usize = 400;

#[test]
fn a_long_file_says_why_it_is_one_thing() {
    let mut found = BTreeMap::new();
    for file in rust(&[]) {
        let lines = file.text.lines().count();
        if lines > LINES_MAX {
            found.insert(file.path.clone(), format!("has {lines} lines"));
        }
    }
    judge(&found, LONG, "ask which two things it is and take it apart, or say here why it is one");
}

const LONG: &super::Waivers = &[
    (
        "gateway/core/src/adapter.rs",
        "the port: every adapter's author reads it as one page, half of it is prose",
    ),
    (
        "gateway/core/src/schema/json.rs",
        "one walk over one schema language; its halves would call each other back",
    ),
    (
        "gateway/core/src/schema/xsd.rs",
        "compiling and judging share the engines, whose lifetimes are the hard part",
    ),
    (
        "gateway/core/src/schema/xsd_view.rs",
        "one walk over XSD's grammar, a function for each of its constructs",
    ),
    ("gateway/core/src/translator/apply.rs", "one walk over a plan, an arm for each word of the language"),
    (
        "gateway/core/src/translator/compile.rs",
        "one walk over a mapping with one scope stack, read beside apply.rs",
    ),
    (
        "gateway/core/src/translator/mapping.rs",
        "one reader of one language, a function for each of its blocks",
    ),
    ("gateway/core/tests/translator.rs", "a table of cases, a line for each word of the language"),
    ("gateway/server/src/cli/help/pages.rs", "a table of texts, a page for each command"),
    (
        "gateway/server/src/store/record.rs",
        "one function for each entry that a delivery writes, in their order",
    ),
    ("tests/it/doors.rs", "a table of what can be wrong at a door, a test for each"),
];

#[test]
fn nothing_unfinished_is_checked_in() {
    // Put together here, so that this file does not find itself.
    let words = ["todo", "unimplemented", "dbg"].map(|word| format!("{word}!("));
    let notes = ["TODO", "FIXME", "XXX", "HACK"].map(|word| format!("{word}:"));
    let mut found = Vec::new();
    for file in rust(&[]) {
        for (number, line) in file.lines() {
            for word in words.iter().chain(&notes).filter(|word| line.contains(word.as_str())) {
                found.push(format!("{}:{number}: {word}", file.path));
            }
        }
    }
    hold(found, "finish it; what nobody needs is not begun");
}

#[test]
fn no_test_is_switched_off_and_none_sleeps() {
    let words = ["ignore", "should_panic"].map(|word| format!("#[{word}"));
    let mut found = Vec::new();
    for file in rust(&[]) {
        for (number, line) in file.lines() {
            if words.iter().any(|word| line.trim_start().starts_with(word.as_str())) {
                found.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    hold(found, "a test that does not run proves nothing: mend it or delete it");
}

#[test]
fn no_file_names_a_machine() {
    let marks = ["work", "home", "root", "Users"].map(|folder| format!("/{folder}/"));
    let mut found = Vec::new();
    for file in files(&[]) {
        for (number, line) in file.lines() {
            for mark in &marks {
                let begins =
                    |at: usize| line[..at].ends_with(|c: char| c.is_whitespace() || "\"'`(=:".contains(c));
                if line.match_indices(mark.as_str()).any(|(at, _)| at == 0 || begins(at)) {
                    found.push(format!("{}:{number}: names a folder below {mark}", file.path));
                }
            }
        }
    }
    hold(found, "name places from the root of the tree, or as they are on every machine");
}

/// Files whose point is to be otherwise.
fn is_raw(path: &str) -> bool {
    path.contains(".cases/") || path.contains("/fixtures/") || path.contains("tests/stories/raw/")
}

#[test]
fn texts_have_one_form() {
    let mut found = Vec::new();
    for file in files(&[]) {
        if !file.text.is_empty() && !file.text.ends_with('\n') {
            found.push(format!("{}: does not end with a newline", file.path));
        }
        if file.text.contains('\r') {
            found.push(format!("{}: has carriage returns", file.path));
        }
        if is_raw(&file.path) {
            continue;
        }
        if !is_nfc(&file.text) {
            found.push(format!("{}: is not NFC", file.path));
        }
        for (number, line) in file.lines() {
            if line.contains('\t') {
                found.push(format!("{}:{number}: has a tab", file.path));
            }
            if line.ends_with(' ') {
                found.push(format!("{}:{number}: ends with a space", file.path));
            }
        }
    }
    hold(found, "write UTF-8 in NFC, spaces, and a newline at the end");
}

/// Callers look for these words in every part of an answer, «không thành công» included. So they stand in no text of ours but
/// those that say yes: every place that has them is listed, whatever it uses them for. What a peer or a sender said may hold
/// them; the adapter takes them out of a refusal, and its own tests feed it with them.
#[test]
fn the_words_of_success_stand_only_where_success_is_said() {
    let success = "thành công";
    let mut found = BTreeMap::new();
    for file in files(&["gateway/", "adapters/src/", "mappings/", "schemas/"]) {
        let spoken = file.path.ends_with(".rs") || file.path.ends_with(".yaml");
        if !spoken || file.path.contains("/tests/") || file.path.contains(".cases/") {
            continue;
        }
        let lines: Vec<(usize, &str)> = match file.path.ends_with(".rs") {
            true => file.code().collect(),
            false => file
                .lines()
                .map(|(number, line)| (number, line.split(" # ").next().unwrap_or(line)))
                .collect(),
        };
        for (number, line) in lines.iter().filter(|(_, line)| !line.trim_start().starts_with('#')) {
            let plain = line.nfc().collect::<String>().to_lowercase();
            let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
            if plain.contains(success) {
                note(&mut found, &file, *number, "has the words");
            }
        }
    }
    judge(&found, SUCCESS, "word it otherwise: callers take any text with these words for a yes");
}

const SUCCESS: &super::Waivers = &[
    ("adapters/src/onestop/verdict.rs", "words the answer to a call whose items were all taken"),
    ("adapters/src/onestop/envelope/inbound.rs", "words the answer to a log-in that was granted"),
    (
        "adapters/src/onestop/relay/simulator.rs",
        "software of a province refuses in these words too; a story holds that nobody takes them for a yes",
    ),
    (
        "adapters/src/portal/simulator.rs",
        "speaks as the portal does; its refusals with these words try out our judgement",
    ),
];

#[test]
fn every_metric_ends_in_its_unit() {
    let table = rust(&["gateway/server/src/telemetry.rs"]).remove(0);
    let mut names = BTreeSet::new();
    for (_, line) in table.code() {
        for (at, _) in line.match_indices("\"lienthong_") {
            let name = line[at + 1..].split('"').next().unwrap_or_default();
            names.insert(name.to_owned());
        }
    }
    assert!(names.len() > 10, "the table of metrics was not found in telemetry.rs");
    let units = ["_total", "_seconds", "_bytes", "_ratio"];
    let found: BTreeMap<String, String> = names
        .into_iter()
        .filter(|name| !units.iter().any(|unit| name.ends_with(unit)))
        .map(|name| (name, "has no unit".to_owned()))
        .collect();
    judge(&found, COUNTS, "end it in _total, _seconds, _bytes or _ratio, or say what it counts");
    let elsewhere = rust(&["gateway/server/src/"]);
    let elsewhere = elsewhere.iter().filter(|file| !file.path.ends_with("/telemetry.rs"));
    let strays = elsewhere.filter(|file| file.code().any(|(_, line)| line.contains("\"lienthong_")));
    hold(
        strays.map(|file| format!("{}: names a metric", file.path)).collect(),
        "metrics are named in telemetry.rs only",
    );
}

/// Gauges of things that are counted; their unit is the thing itself.
const COUNTS: &super::Waivers = &[
    ("lienthong_broker_away", "a state that is 0 or 1, as Prometheus names such"),
    ("lienthong_broker_blocked", "a state that is 0 or 1, as Prometheus names such"),
    ("lienthong_deliveries", "a number of deliveries at this moment"),
    ("lienthong_peer_away", "a state that is 0 or 1, as Prometheus names such"),
    ("lienthong_peer_paused", "a state that is 1 or absent, as its neighbour"),
    ("lienthong_peer_permits", "a number of calls a peer bears at once"),
];

#[test]
fn the_changelog_speaks_of_this_version() {
    let tree = conformance::tree();
    let manifest: toml::Table =
        std::fs::read_to_string(tree.join("Cargo.toml")).expect("a manifest").parse().expect("TOML");
    let version = manifest["workspace"]["package"]["version"].as_str().expect("a version");
    let text = std::fs::read_to_string(tree.join("CHANGELOG.md")).expect("CHANGELOG.md");
    assert!(text.contains(&format!("## {version}")), "CHANGELOG.md has no section ## {version}");
}

#[test]
fn the_reference_configuration_loads_and_names_every_key() {
    let text =
        std::fs::read_to_string(conformance::tree().join("ops/lienthong.toml")).expect("the reference");
    if let Err(defects) = lienthong::config::Config::parse(&text, "ops/lienthong.toml") {
        panic!("{}", defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    }
    let sources = rust(&["gateway/server/src/config"]);
    let mut missing = Vec::new();
    for (structure, key) in keys(&sources) {
        // A table or a key, commented or not; the keys of a secret stand in braces.
        let named = text.lines().any(|line| {
            let line = line.trim_start_matches(['#', ' ']);
            let words = line.split(['=', '[', ']', '{', '}', ',', '.', ' ']).filter(|word| !word.is_empty());
            (line.contains('=') || line.starts_with('[')) && words.into_iter().any(|word| word == key)
        });
        if !named {
            missing.push(format!("{structure}.{key}: is not in ops/lienthong.toml"));
        }
    }
    hold(missing, "add it there with a comment that says what follows from it");
}

/// The public fields of the structures of some files.
fn keys(sources: &[File]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut structure = String::new();
    for (_, line) in sources.iter().flat_map(File::code) {
        if let Some(name) = line.strip_prefix("pub struct ") {
            structure = name.trim_end_matches(" {").to_owned();
        } else if line.starts_with('}') {
            structure.clear();
        } else if let Some((key, _)) = line.strip_prefix("    pub ").and_then(|rest| rest.split_once(':'))
            && !structure.is_empty()
        {
            found.push((structure.clone(), key.to_owned()));
        }
    }
    assert!(found.len() > 20, "the keys of config.rs were not found");
    found
}

#[test]
fn documents_name_files_that_exist() {
    let tree = conformance::tree();
    let mut wrong = Vec::new();
    for file in files(&[]).iter().filter(|file| file.path.ends_with(".md")) {
        let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (at, _) in file.text.match_indices("](") {
            let target = file.text[at + 2..].split([')', '#']).next().unwrap_or_default();
            let path = target.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if path
                && !target.is_empty()
                && !target.contains("://")
                && !tree.join(folder).join(target).exists()
            {
                wrong.push(format!("{}: links to {target}, which is not there", file.path));
            }
        }
        // `gateway/server/src/intake.rs`: a path from the root, without a pattern in it.
        for word in file.text.split('`').skip(1).step_by(2) {
            let rooted = ["gateway/", "adapters/", "schemas/", "mappings/", "ops/", "tests/"];
            let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
            if plain && rooted.iter().any(|room| word.starts_with(room)) && !tree.join(word).exists() {
                wrong.push(format!("{}: speaks of {word}, which is not there", file.path));
            }
        }
    }
    hold(wrong, "mend the document");
}
