//! Nothing in the tree is dead: every source file is reached by a `mod` line, every contract, mapping, code list and case by
//! something that uses it.

use std::collections::BTreeSet;

use super::{File, files, hold, rust};

/// Where compilation begins: as Cargo finds them.
fn is_root(path: &str) -> bool {
    let package =
        ["gateway/core/", "gateway/server/", "adapters/", "tests/"].iter().find(|p| path.starts_with(**p));
    let Some(inside) = package.and_then(|package| path.strip_prefix(package)) else { return false };
    let single = |folder: &str| inside.strip_prefix(folder).is_some_and(|rest| !rest.contains('/'));
    [
        "src/lib.rs",
        "src/main.rs",
        "it/main.rs",
        "crash/main.rs",
        "crash/gateway.rs",
        "simulation/main.rs",
        "build.rs",
    ]
    .contains(&inside)
        || single("tests/")
        || single("examples/")
        || (inside.starts_with("examples/") && inside.ends_with("/main.rs"))
        || single("benches/")
        || single("fuzz_targets/")
}

/// The modules that a file declares, also those of `adapters! { a, b }`.
fn modules(file: &File) -> Vec<String> {
    let mut found = Vec::new();
    for (_, line) in file.lines() {
        let line = super::without_comment(line).trim();
        let item = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub(super) ")).unwrap_or(line);
        let item = item.strip_prefix("pub ").unwrap_or(item);
        if let Some(name) = item.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(';')) {
            found.push(name.to_owned());
        }
        if let Some(names) = line.strip_prefix("adapters! {").and_then(|rest| rest.strip_suffix('}')) {
            found.extend(names.split(',').map(|name| name.trim().to_owned()));
        }
    }
    found
}

#[test]
fn every_source_file_is_reached_by_a_mod_line() {
    let sources = rust(&["gateway/", "adapters/", "tests/"]);
    let find = |path: &str| sources.iter().find(|file| file.path == path);
    let mut todo: Vec<&File> = sources.iter().filter(|file| is_root(&file.path)).collect();
    let mut reached = BTreeSet::new();
    while let Some(file) = todo.pop() {
        if !reached.insert(file.path.as_str()) {
            continue;
        }
        let (folder, name) = file.path.rsplit_once('/').expect("no source lies in the root");
        // `lib.rs`, `main.rs` and `mod.rs` have their modules beside them, as has the root of a test or example.
        let below = match name {
            "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
            _ if is_root(&file.path) => folder.to_owned(),
            other => format!("{folder}/{}", other.trim_end_matches(".rs")),
        };
        for module in modules(file) {
            let ways = [format!("{below}/{module}.rs"), format!("{below}/{module}/mod.rs")];
            todo.extend(ways.iter().filter_map(|way| find(way)));
        }
    }
    let dead = sources.iter().filter(|file| !reached.contains(file.path.as_str()));
    hold(
        dead.map(|file| format!("{}: is compiled by nobody", file.path)).collect(),
        "delete it, or declare it with `mod`",
    );
}

#[test]
fn nothing_lies_about() {
    let ends = [".orig", ".rej", ".bak", ".swp", ".tmp", "~", ".log"];
    let litter = files(&[]).into_iter().filter(|file| ends.iter().any(|end| file.path.ends_with(end)));
    hold(litter.map(|file| format!("{}: is litter", file.path)).collect(), "delete it");
}

/// All mappings (without cases), `channels.yaml` and `kinds.yaml`.
fn tables() -> Vec<File> {
    let mut tables = files(&["mappings/"]);
    tables.retain(|file| file.path.ends_with(".yaml") && !file.path.contains(".cases/"));
    tables
}

fn is_mapping(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    path.ends_with(".yaml") && (name.starts_with("in-") || name.starts_with("out-"))
}

/// Is this name said in a text, whole and not as the beginning of a longer one?
fn says(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(name).any(|(at, _)| !text[at + name.len()..].starts_with(part))
}

#[test]
fn every_contract_is_used() {
    let tables = tables();
    let schemas = files(&["schemas/"]);
    let mut dead = Vec::new();
    for schema in schemas.iter().filter(|file| !file.path.ends_with("SOURCE.md")) {
        let inside = schema.path.trim_start_matches("schemas/");
        let name = inside.trim_end_matches(".schema.json");
        let short = inside.rsplit('/').next().unwrap_or_default();
        let by_mapping = tables.iter().any(|file| says(&file.text, name));
        let by_schema = schemas.iter().filter(|file| file.path != schema.path).any(|file| {
            file.lines().any(|(_, line)| {
                line.contains(short) && (line.contains("$ref") || line.contains("schemaLocation"))
            })
        });
        if !by_mapping && !by_schema {
            dead.push(format!("{}: no mapping, kind or other contract names it", schema.path));
        }
    }
    hold(dead, "use it or delete it");
}

#[test]
fn every_mapping_is_named_by_a_channel() {
    let tables = tables();
    let channels: Vec<&File> = tables.iter().filter(|file| file.path.ends_with("/channels.yaml")).collect();
    let dead = tables.iter().filter(|file| is_mapping(&file.path)).filter(|file| {
        let name = file.path.trim_start_matches("mappings/").trim_end_matches(".yaml");
        !channels.iter().any(|channel| says(&channel.text, name))
    });
    hold(
        dead.map(|file| format!("{}: no channels.yaml names it", file.path)).collect(),
        "name it under `kinds:` of a channel, or delete it",
    );
}

/// A list is used by a mapping, or is the alternative of one that is: `onestop/status-opencps` stands in for `onestop/status`
/// where a peer chooses it.
#[test]
fn every_code_list_is_used_or_stands_in_for_one_that_is() {
    let tables = tables();
    let used = |name: &str| {
        let way = format!("code: {name}");
        tables.iter().any(|file| is_mapping(&file.path) && says(&file.text, &way))
    };
    let dead = tables.iter().filter(|file| file.path.contains("/codes/")).filter(|file| {
        let name =
            file.path.trim_start_matches("mappings/").trim_end_matches(".yaml").replace("/codes/", "/");
        !used(&name) && !name.match_indices('-').any(|(at, _)| used(&name[..at]))
    });
    hold(
        dead.map(|file| format!("{}: no mapping uses it or a list that it stands in for", file.path))
            .collect(),
        "use it, name it `<list>-<system>`, or delete it",
    );
}

#[test]
fn every_case_is_whole_and_belongs_to_a_mapping() {
    let all = files(&["mappings/"]);
    let there: BTreeSet<&str> = all.iter().map(|file| file.path.as_str()).collect();
    let mut wrong = Vec::new();
    for file in all.iter().filter(|file| file.path.contains(".cases/")) {
        let (folder, name) = file.path.rsplit_once('/').expect("a case lies in a folder");
        let mapping = format!("{}.yaml", folder.trim_end_matches(".cases"));
        if !there.contains(mapping.as_str()) {
            wrong.push(format!("{}: there is no {mapping}", file.path));
        }
        let (stem, ending) = name.split_once('.').unwrap_or((name, ""));
        if !stem.starts_with(|c: char| c.is_ascii_digit()) || !stem.contains('-') {
            wrong.push(format!("{}: a case is called 07-what-it-shows", file.path));
        }
        let has = |ending: &str| there.contains(format!("{folder}/{stem}.{ending}").as_str());
        let input = has("in.json") || has("in.xml");
        let out = has("out.json") || has("out.xml");
        match ending {
            "in.json" | "in.xml" if out == has("fault") => {
                wrong.push(format!("{}: has not exactly one of .out.* and .fault beside it", file.path));
            }
            "in.json" | "in.xml" => {}
            "out.json" | "out.xml" | "fault" if input => {}
            "trace" if input && out => {}
            _ => wrong.push(format!("{}: belongs to no input", file.path)),
        }
    }
    hold(
        wrong,
        "complete the case (UPDATE=1 lienthong test --folder . writes what came out) or delete the file",
    );
}

#[test]
fn every_document_of_a_story_is_sent_by_one() {
    let all = files(&["tests/stories/", "ops/"]);
    let stories: Vec<&File> = all.iter().filter(|file| file.path.ends_with(".story")).collect();
    // Those below ops/ that nobody sends are read by other programs.
    let told = |file: &&File| {
        ["dashboard", "openapi", "asyncapi", "rabbitmq"].iter().any(|word| file.path.contains(word))
    };
    let documents = all.iter().filter(|file| file.path.ends_with(".json") && !told(file));
    let dead = documents.filter(|file| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        !stories.iter().any(|story| story.text.contains(name))
    });
    hold(dead.map(|file| format!("{}: no story sends it", file.path)).collect(), "send it or delete it");
}
