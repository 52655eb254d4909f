//! Siblings look alike: adapters, mappings, contracts, packages.

use std::collections::BTreeSet;

use super::{files, hold};

/// The folders directly below one.
fn folders(below: &str) -> BTreeSet<String> {
    let paths = files(&[below]);
    let inside = paths.iter().filter_map(|file| file.path.strip_prefix(below));
    inside.filter_map(|path| path.split_once('/').map(|(folder, _)| folder.to_owned())).collect()
}

/// Folders of protocol pieces, shared by adapters, without any peer's words.
const SHARED: [&str; 1] = ["wire"];

#[test]
fn every_folder_of_adapters_is_registered() {
    let names: BTreeSet<String> = adapters::names().iter().map(|name| (*name).to_owned()).collect();
    let found: BTreeSet<String> =
        folders("adapters/src/").into_iter().filter(|name| !SHARED.contains(&name.as_str())).collect();
    assert_eq!(
        found, names,
        "a folder of adapters/src is a word in `adapters! {{ … }}` of lib.rs, and the reverse"
    );
}

#[test]
fn every_adapter_has_the_common_shape() {
    let mut wrong = Vec::new();
    for family in adapters::names() {
        let paths: BTreeSet<String> =
            files(&[&format!("adapters/src/{family}/")]).into_iter().map(|file| file.path).collect();
        let has = |path: String| paths.contains(&path);
        if !has(format!("adapters/src/{family}/README.md")) {
            wrong.push(format!("adapters/src/{family}: has no README.md"));
        }
        // A family with several dialects has a folder of the common shape for each.
        let dialects = adapters::dialects(family);
        let places: Vec<String> = match dialects {
            [_] => vec![format!("adapters/src/{family}")],
            several => several.iter().map(|dialect| format!("adapters/src/{family}/{dialect}")).collect(),
        };
        for place in places {
            if !has(format!("{place}/mod.rs")) {
                wrong.push(format!("{place}: has no mod.rs"));
            }
            if !has(format!("{place}/inbound.rs")) && !has(format!("{place}/outbound.rs")) {
                wrong.push(format!("{place}: has neither inbound.rs nor outbound.rs"));
            }
            if has(format!("{place}/outbound.rs")) && !has(format!("{place}/faults.rs")) {
                wrong.push(format!(
                    "{place}: calls a peer, but has no faults.rs that reads what its answers mean"
                ));
            }
            let fixtures = format!("{place}/fixtures/");
            if paths.iter().filter(|path| path.starts_with(&fixtures) && path.ends_with(".txt")).count() < 3 {
                wrong.push(format!("{place}: has fewer than three conversations in fixtures/"));
            }
        }
        for table in ["channels.yaml", "SOURCE.md"] {
            if !conformance::tree().join("mappings").join(family).join(table).exists() {
                wrong.push(format!("mappings/{family}: has no {table}"));
            }
        }
    }
    hold(wrong, "see adapters/src/portal or adapters/src/onestop for the shape");
}

#[test]
fn every_setting_stands_in_the_readme_of_its_family() {
    let calls = [".text(\"", ".texts(\"", ".word(\"", ".count(\"", ".tables(\""];
    let (mut missing, mut seen) = (Vec::new(), 0);
    for family in adapters::names() {
        let all = files(&[&format!("adapters/src/{family}/")]);
        let readme = all.iter().find(|file| file.path.ends_with("/README.md")).map_or("", |file| &file.text);
        for file in all.iter().filter(|file| file.path.ends_with("/settings.rs")) {
            for (number, line) in file.code() {
                for (at, call) in calls.iter().filter_map(|call| Some((line.find(call)?, call))) {
                    let key = line[at + call.len()..].split('"').next().unwrap_or_default();
                    seen += 1;
                    if !readme.contains(key) {
                        missing.push(format!("{}:{number}: {key}", file.path));
                    }
                }
            }
        }
    }
    assert!(seen > 10, "the settings of the adapters were not found");
    hold(missing, "say in the table of the family's README.md what it means and what it is without");
}

#[test]
fn every_mapping_has_cases_and_one_that_is_refused() {
    let all: BTreeSet<String> = files(&["mappings/"]).into_iter().map(|file| file.path).collect();
    let mut wrong = Vec::new();
    for path in all.iter().filter(|path| path.ends_with(".yaml")) {
        let name = path.rsplit('/').next().unwrap_or_default();
        if !name.starts_with("in-") && !name.starts_with("out-") {
            continue;
        }
        let folder = format!("{}.cases/", path.trim_end_matches(".yaml"));
        let cases: Vec<&String> = all.iter().filter(|path| path.starts_with(&folder)).collect();
        if !cases.iter().any(|case| case.contains(".out.")) {
            wrong.push(format!("{path}: no case comes through"));
        }
        if !cases.iter().any(|case| case.ends_with(".fault")) {
            wrong.push(format!("{path}: no case is refused (.fault)"));
        }
    }
    hold(wrong, "put cases into the folder of the mapping's name, ending in .cases");
}

#[test]
fn every_folder_of_contracts_says_where_they_come_from() {
    let all: BTreeSet<String> = files(&["schemas/"]).into_iter().map(|file| file.path).collect();
    let mut wrong = BTreeSet::new();
    for path in all.iter().filter(|path| !path.ends_with(".md")) {
        let (folder, _) = path.rsplit_once('/').expect("a contract lies in a folder");
        if all.contains(&format!("{folder}/SOURCE.md")) {
            continue;
        }
        // A dialect's folder may be spoken of one level up, by name.
        let (above, dialect) = folder.rsplit_once('/').unwrap_or((folder, ""));
        let source =
            std::fs::read_to_string(conformance::tree().join(above).join("SOURCE.md")).unwrap_or_default();
        if dialect.is_empty() || !source.contains(&format!("`{dialect}/`")) {
            wrong.insert(format!("{folder}: no SOURCE.md speaks of it"));
        }
    }
    hold(
        wrong.into_iter().collect(),
        "write what is official, what was seen in working code, and what is ours",
    );
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let tree = conformance::tree();
    let read = |path: &str| -> toml::Table {
        let text = std::fs::read_to_string(tree.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let root = read("Cargo.toml");
    for member in root["workspace"]["members"].as_array().expect("members") {
        let path = format!("{}/Cargo.toml", member.as_str().expect("a path"));
        let lints = read(&path).get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
        assert_eq!(lints, Some(true), "{path}: add [lints] workspace = true");
    }
    // Warnings for whoever works, errors for what is checked in.
    let lints = &root["workspace"]["lints"];
    for (tool, lint) in
        [("rust", "missing_docs"), ("clippy", "todo"), ("clippy", "dbg_macro"), ("clippy", "unimplemented")]
    {
        assert!(lints[tool].get(lint).is_some(), "Cargo.toml: the lint {tool}::{lint} is off");
    }
    let check = std::fs::read_to_string(tree.join("ops/test")).expect("ops/test");
    let clippy = check
        .lines()
        .find(|line| line.starts_with("cargo clippy --workspace"))
        .expect("ops/test runs cargo clippy --workspace …");
    for word in ["--all-targets", "-D warnings"] {
        assert!(clippy.contains(word), "ops/test: cargo clippy without {word}");
    }
}
