//! What operators are woken by: each alert has a runbook of its name, each runbook an alert, and both name metrics and commands that
//! there are.

use std::collections::{BTreeMap, BTreeSet};

use super::{File, files, hold, judge, rust};

/// The names in the table of metrics.
fn metrics() -> BTreeSet<String> {
    let table = rust(&["gateway/server/src/telemetry.rs"]).remove(0);
    let quoted = table.code().flat_map(|(_, line)| line.split('"').skip(1).step_by(2).collect::<Vec<_>>());
    quoted.filter(|word| word.starts_with("lienthong_")).map(str::to_owned).collect()
}

/// The metrics that a text speaks of, without what Prometheus puts behind the name of a histogram.
fn spoken_of(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let bare = |word: &str| {
        let ends = ["_bucket", "_sum", "_count"];
        ends.iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word).to_owned()
    };
    words.filter(|word| word.starts_with("lienthong_")).map(bare).collect()
}

/// The alerts: name, and the lines up to the next.
fn alerts() -> Vec<(String, String)> {
    let file = files(&["ops/alerts.yaml"]).remove(0);
    let parts = file.text.split("- alert: ").skip(1);
    parts.map(|part| (part.lines().next().unwrap_or_default().trim().to_owned(), part.to_owned())).collect()
}

fn runbooks() -> Vec<File> {
    files(&["ops/runbooks/"])
}

#[test]
fn each_alert_has_its_runbook_and_each_runbook_its_alert() {
    let (alerts, runbooks) = (alerts(), runbooks());
    assert!(alerts.len() > 10, "the alerts were not found");
    let mut wrong = Vec::new();
    for (name, part) in &alerts {
        let place = format!("ops/runbooks/{name}.md");
        if !part.contains(&format!("runbook: {place}\n")) {
            wrong.push(format!("{name}: does not name {place}"));
        }
        for word in ["expr: ", "for: ", "severity: ", "summary: "] {
            if !part.contains(word) {
                wrong.push(format!("{name}: has no `{}`", word.trim()));
            }
        }
        let Some(runbook) = runbooks.iter().find(|file| file.path == place) else {
            wrong.push(format!("{name}: there is no {place}"));
            continue;
        };
        let expr = part.lines().find_map(|line| line.trim().strip_prefix("expr: ")).unwrap_or_default();
        let wanted = ["## Nghĩa là gì", "## Xem gì", "## Làm gì", "## Khi nào gọi ai", "## In English"];
        for heading in wanted.iter().copied().chain([expr]).filter(|text| !runbook.text.contains(text)) {
            wrong.push(format!("{place}: has no `{heading}`"));
        }
    }
    let index = runbooks.iter().find(|file| file.path.ends_with("/README.md")).expect("an index");
    for file in runbooks.iter().filter(|file| !file.path.ends_with("/README.md")) {
        let place = file.path.trim_start_matches("ops/runbooks/");
        let name = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".md");
        // What is done at leisure, or because a command says so, stands in a folder of its own.
        if !place.starts_with("ways/") && !alerts.iter().any(|(alert, _)| alert == name) {
            wrong.push(format!("{}: no alert has this name", file.path));
        }
        if !index.text.contains(&format!("[{name}]({place})")) {
            wrong.push(format!("{}: is not in the index", file.path));
        }
    }
    hold(wrong, "whoever is woken needs a page that says what to do");
}

#[test]
fn alerts_and_runbooks_name_metrics_that_there_are() {
    let known = metrics();
    assert!(known.len() > 10, "the table of metrics was not found");
    let mut found = BTreeMap::new();
    for file in files(&["ops/alerts.yaml", "ops/runbooks/", "ops/dashboards/"]) {
        for name in spoken_of(&file.text).difference(&known) {
            found.insert(name.clone(), format!("stands in {} and not in telemetry.rs", file.path));
        }
    }
    judge(&found, ELSEWHERE, "name a metric that there is");
}

/// Metrics of parts that are not in this build.
const ELSEWHERE: &super::Waivers = &[];

/// «nhật ký: `event`» is what somebody looks for at night.
#[test]
fn runbooks_name_events_that_are_logged() {
    let sources = rust(&["gateway/server/src/"]);
    let mut wrong = Vec::new();
    let mut found = 0;
    for file in runbooks() {
        for (number, line) in file.lines().filter(|(_, line)| line.starts_with("- nhật ký")) {
            let Some(event) = line.split('`').nth(1) else { continue };
            found += 1;
            let logged = format!("event = \"{event}\"");
            if !sources.iter().any(|source| source.text.contains(&logged)) {
                wrong.push(format!("{}:{number}: nothing logs `{event}`", file.path));
            }
        }
    }
    assert!(found > 2, "the events were not found");
    hold(wrong, "name an event as it is in the log");
}

#[test]
fn runbooks_name_commands_that_there_are() {
    let pages = rust(&["gateway/server/src/cli/help/pages.rs"]).remove(0);
    let known: BTreeSet<&str> =
        pages.text.split("command: \"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let mut wrong = Vec::new();
    for file in runbooks() {
        for typed in
            file.text.split('`').skip(1).step_by(2).filter_map(|typed| typed.strip_prefix("lienthong "))
        {
            let words: Vec<&str> = typed.split_whitespace().take(2).collect();
            let pair = words.join(" ");
            // `keys revoke <id>` is a command below another; of `timeline <code>` the first word is all of it.
            let below = known.iter().any(|command| command.starts_with(&format!("{} ", words[0])));
            if !(known.contains(pair.as_str()) || (known.contains(words[0]) && !below)) {
                wrong.push(format!("{}: there is no `lienthong {typed}`", file.path));
            }
        }
    }
    hold(wrong, "a command that is not there helps nobody at night");
}
