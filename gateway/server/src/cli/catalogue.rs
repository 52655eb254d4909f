//! `catalogue`: the lists that peers publish. Listing and comparing read what was pulled, whether the gateway runs or not; pulling asks the
//! running gateway.

use clap::{Args, Subcommand};
use gateway_core::catalogue::{Change, Changed};
use gateway_core::ids::{Moment, PeerName};
use serde_json::{Value, json};

use super::{Common, Ended, Outcome, operate};
use crate::catalogue;
use crate::clock::Clock;
use crate::http::AdminCall;

#[derive(Subcommand)]
pub enum Catalogue {
    /// Which lists there are, how long, and when each was pulled
    List,
    /// Pull them now, without waiting for the night
    Pull(Pull),
    /// What was added, renamed or withdrawn
    Diff(Diff),
}

#[derive(Args)]
pub struct Pull {
    /// Of these peers; all that are configured without it
    peers: Vec<String>,
}

#[derive(Args)]
pub struct Diff {
    /// Only in this list
    list: Option<String>,
    /// Only since then: 2026-11-22 or 2026-11-22T08:00:00+07:00; the last seven days without it
    #[arg(long, value_parser = operate::moment)]
    since: Option<Moment>,
}

pub fn catalogue(common: &Common, command: Catalogue) -> Outcome {
    match command {
        Catalogue::List => list(common),
        Catalogue::Pull(args) => pull(common, args),
        Catalogue::Diff(args) => diff(common, &args),
    }
}

fn list(common: &Common) -> Outcome {
    let (lang, config) = (common.lang(), common.load()?);
    let all = catalogue::all(&config.gateway.data, &config.catalogues.peers)?;
    let rows: Vec<Value> = all
        .iter()
        .map(|((peer, name), list)| {
            let in_force = list.entries.values().filter(|entry| entry.in_force).count();
            json!({ "peer": peer, "catalogue": name, "entries": in_force, "pulled_at": list.pulled_at.for_people() })
        })
        .collect();
    if common.json {
        say!("{:#}", Value::from(rows));
        return Ok(());
    }
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        say!(
            "{:<10} {:<12} {:>7} {}  {}",
            text("peer"),
            text("catalogue"),
            row["entries"],
            lang.pick("mục", "entries"),
            text("pulled_at")
        );
    }
    if rows.is_empty() {
        say!("{}", lang.pick("chưa lấy danh mục nào", "nothing was pulled yet"));
    }
    Ok(())
}

fn pull(common: &Common, args: Pull) -> Outcome {
    let lang = common.lang();
    let peers = args.peers.iter().map(|name| PeerName::from(name.as_str())).collect();
    let told = operate::ask(common, &AdminCall::PullCatalogues { peers })?;
    if common.json {
        say!("{told:#}");
    }
    let pulled = told["pulled"].as_array().cloned().unwrap_or_default();
    for one in pulled.iter().filter(|_| !common.json) {
        let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
        match one["fault"].as_str() {
            Some(fault) => say!("{:<10} {:<12} {fault}", text("peer"), text("catalogue")),
            None => say!(
                "{:<10} {:<12} {} {}, +{} ~{} -{}",
                text("peer"),
                text("catalogue"),
                one["entries"],
                lang.pick("mục", "entries"),
                one["added"],
                one["renamed"],
                one["withdrawn"]
            ),
        }
    }
    if pulled.is_empty() && !common.json {
        say!("{}", lang.pick("[catalogues] chưa nêu hệ thống nào", "[catalogues] names no peer"));
    }
    match pulled.iter().any(|one| one["fault"].is_string()) {
        true => Err(Ended::NotAsItShould),
        false => Ok(()),
    }
}

const WEEK_MS: i64 = 7 * 24 * 3_600_000;

fn diff(common: &Common, args: &Diff) -> Outcome {
    let (lang, config) = (common.lang(), common.load()?);
    let since = args.since.unwrap_or_else(|| Clock::system().now().plus_millis(-WEEK_MS));
    let all = catalogue::all(&config.gateway.data, &config.catalogues.peers)?;
    let wanted = all.iter().filter(|((_, name), _)| args.list.as_ref().is_none_or(|list| list == name));
    let changes: Vec<(&String, &Changed)> = wanted
        .flat_map(|((_, name), list)| list.changes.iter().map(move |changed| (name, changed)))
        .filter(|(_, changed)| changed.at >= since)
        .collect();
    if common.json {
        let row = |(name, changed): &(&String, &Changed)| json!({ "catalogue": name, "changed": changed });
        say!("{:#}", changes.iter().map(row).collect::<Value>());
        return Ok(());
    }
    for (name, changed) in &changes {
        let what = match changed.change {
            Change::Added => lang.pick("thêm", "added"),
            Change::Renamed => lang.pick("đổi tên", "renamed"),
            Change::Withdrawn => lang.pick("bãi bỏ", "withdrawn"),
        };
        let before = changed.before.as_ref().map(|before| format!(" ← {before}")).unwrap_or_default();
        say!("{}  {name:<12} {what:<8} {}  {}{before}", changed.at.for_people(), changed.code, changed.name);
    }
    if changes.is_empty() {
        say!("{}", lang.pick("không có thay đổi", "nothing changed"));
    }
    Ok(())
}
