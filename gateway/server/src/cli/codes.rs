//! `codes`: local codes that stand in accepted messages and in no published list, before they fail; and what they may stand for. Reads the
//! store and what was pulled; changes nothing.

use clap::{Args, Subcommand};
use gateway_core::catalogue::{Catalogue, Suggestion};
use gateway_core::channel::CodeAt;
use gateway_core::ids::{Kind, Moment};
use serde_json::{Value, json};

use super::{Common, Ended, Outcome, block_on, list, operate, show};
use crate::catalogue;
use crate::clock::Clock;
use crate::config::Config;
use crate::rules::Rules;
use crate::store::{SeenCode, Store};
use crate::words::store_trouble;

#[derive(Subcommand)]
pub enum Codes {
    /// Codes of accepted messages that no published list has, after all code lists were applied
    Unmapped(Since),
    /// Rows for the overlay's code list: what each unmapped code may stand for, for a person to judge
    Suggest(Since),
}

#[derive(Args)]
pub struct Since {
    /// Only messages since then: 2026-11-22 or 2026-11-22T08:00:00+07:00; the last thirty days without it
    #[arg(long, value_parser = operate::moment)]
    since: Option<Moment>,
}

/// A code that no published list has.
pub(super) struct Unmapped {
    place: CodeAt,
    code: String,
    seen: SeenCode,
    suggestion: Option<Suggestion>,
}

const MONTH_MS: i64 = 30 * 24 * 3_600_000;

pub fn codes(common: &Common, command: Codes) -> Outcome {
    let config = common.load()?;
    let rules = Rules::compile(&common.files()?).map_err(|found| Ended::CannotStart(list(&found)))?;
    let (since, suggest) = match &command {
        Codes::Unmapped(args) => (args.since, false),
        Codes::Suggest(args) => (args.since, true),
    };
    let lang = common.lang();
    let lists = catalogue::all(&config.gateway.data, &config.catalogues.peers)?;
    if lists.is_empty() {
        let words = lang.pick(
            "chưa lấy danh mục nào để đối chiếu; chạy `lienthong catalogue pull`",
            "there is no published list to compare with; run `lienthong catalogue pull`",
        );
        return Err(Ended::CannotStart(words.to_owned()));
    }
    let found = unmapped(common, &config, &rules, &show::open(common)?, since)?;
    if common.json {
        say!("{:#}", found.iter().map(shown).collect::<Value>());
    } else if suggest {
        print_rows(common, &found);
    } else {
        for one in &found {
            let name = one.seen.name.as_deref().unwrap_or_default();
            let at = one.seen.last_at.for_people();
            say!("{:<28} {:>6}  {at}  {:<10} {name}", one.code, one.seen.messages, one.seen.peer.as_str());
        }
        if found.is_empty() {
            say!("{}", lang.pick("mọi mã đều có trong danh mục", "every code is in its published list"));
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Ended::NotAsItShould) }
}

fn shown(one: &Unmapped) -> Value {
    json!({ "list": one.place.list, "code": one.code, "seen": one.seen, "suggestion": one.suggestion })
}

/// Lines that can be put into the overlay's list as they are, once somebody has judged them: a doubtful one is a remark.
fn print_rows(common: &Common, found: &[Unmapped]) {
    let lang = common.lang();
    let mut list = "";
    for one in found {
        if one.place.list != list {
            list = &one.place.list;
            say!(
                "# {}: {list}",
                lang.pick(
                    "xem từng dòng, rồi đưa vào tệp trong thư mục riêng",
                    "judge each line, then put it into the overlay's file"
                )
            );
        }
        let name = one.seen.name.as_deref().unwrap_or("?");
        match &one.suggestion {
            Some(Suggestion { code, name: published, likely_percent: 100 }) => {
                say!("  {:?}: {code:?}  # {name} → {published}", one.code);
            }
            Some(Suggestion { code, name: published, likely_percent }) => {
                say!("  # {:?}: {code:?}  # {likely_percent} %: {name} → {published}", one.code);
            }
            None => say!("  # {:?}: ?  # {name}", one.code),
        }
    }
}

/// Every code of accepted messages that is in no published list, with what it may stand for. Nothing where its list was never pulled.
pub(super) fn unmapped(
    common: &Common,
    config: &Config,
    rules: &Rules,
    store: &Store,
    since: Option<Moment>,
) -> Result<Vec<Unmapped>, Ended> {
    let since = since.unwrap_or_else(|| Clock::system().now().plus_millis(-MONTH_MS));
    let lists = catalogue::all(&config.gateway.data, &config.catalogues.peers)?;
    let mut found = Vec::new();
    let places = rules
        .channels
        .kinds
        .iter()
        .flat_map(|(kind, spec)| spec.codes.iter().map(move |place| (kind, place)));
    for (kind, place) in places {
        let named = lists.iter().filter(|((_, name), _)| *name == place.catalogue);
        let lists: Vec<&Catalogue> = named.map(|(_, list)| list).collect();
        if lists.is_empty() {
            continue;
        }
        for (code, seen) in seen(common, store, kind, place, since)? {
            let is_known = |code: &str| lists.iter().any(|list| list.knows(code));
            if is_known(&code) || entered_since(config, rules, place, &seen, &code).is_some_and(is_known) {
                continue;
            }
            let suggestions = lists.iter().filter_map(|list| list.suggest(&code, seen.name.as_deref()));
            let suggestion = suggestions.max_by_key(|suggestion| suggestion.likely_percent);
            found.push(Unmapped { place: place.clone(), code, seen, suggestion });
        }
    }
    Ok(found)
}

/// What the code list says of a code today: messages from before it was entered still hold it as it came.
fn entered_since<'a>(
    config: &'a Config,
    rules: &'a Rules,
    place: &'a CodeAt,
    seen: &SeenCode,
    code: &str,
) -> Option<&'a str> {
    let own = config.peers.get(seen.peer.as_str()).and_then(|peer| peer.codes.get(&place.list));
    rules.translator.code_list(own.unwrap_or(&place.list))?.get(code)?.as_str()
}

fn seen(
    common: &Common,
    store: &Store,
    kind: &Kind,
    place: &CodeAt,
    since: Moment,
) -> Result<impl Iterator<Item = (String, SeenCode)>, Ended> {
    let reading = async {
        let read = store.codes_seen(kind, place, since).await;
        read.map_err(|error| Ended::CannotStart(store_trouble(common.lang(), &error)))
    };
    Ok(block_on(reading)?.into_iter())
}
