//! `translate`: one mapping tried on a file, framed as the adapter of its dialect would frame a call.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use gateway_core::adapter::{Arrival, Ask, Body, Heard, Level, Payload};
use gateway_core::channel::Direction;
use gateway_core::fault::Fault;
use gateway_core::schema::Notation;
use gateway_core::translator::Plan;

use super::data::rules;
use super::{Common, Ended, Outcome, perhaps};
use crate::clock::Clock;
use crate::files::Files;
use crate::rules::Rules;
use crate::words::Lang;

#[derive(Args)]
pub struct Translate {
    /// The mapping: <adapter>/[<dialect>/](in|out)-<kind>; `lienthong coverage` lists all
    mapping: String,
    /// The document: one item, or a whole call of the mapping's dialect (a JSON array, an XML document with several children)
    file: PathBuf,
    /// Another code list in place of one, as in the configuration's `codes`: <list>=<list>
    #[arg(long)]
    codes: Vec<String>,
}

pub fn translate(common: &Common, args: Translate) -> Outcome {
    let lang = common.lang();
    let files = common.files()?;
    let rules = rules(&files)?;
    let plan = rules.translator.plan(&args.mapping).ok_or_else(|| {
        let names: Vec<&str> = rules.translator.plans().map(|(name, _)| name).collect();
        let near = perhaps(lang, &args.mapping, names.iter().copied());
        let (none, all) = match lang {
            Lang::Vi => ("không có bảng ánh xạ", "hiện có"),
            Lang::En => ("there is no mapping", "there are"),
        };
        Ended::Misused(format!("{none} `{}`{near}; {all}\n  {}", args.mapping, names.join("\n  ")))
    })?;
    let codes = code_lists(&args.codes, &rules, lang)?;
    let bytes = std::fs::read(&args.file)
        .map_err(|error| Ended::CannotStart(format!("{}: {error}", args.file.display())))?;
    let translated = items(&args.mapping, plan, &files, &rules, bytes).and_then(|items| {
        let mut out = Vec::new();
        for item in &items {
            let translation = crate::intake::translate_in(plan, item, &codes)?;
            let texts: Result<Vec<_>, _> =
                translation.documents.iter().map(|document| plan.write(document)).collect();
            out.push((texts?, translation.traces));
        }
        Ok(out)
    });
    match translated {
        Ok(items) => {
            if common.json {
                let documents: Vec<serde_json::Value> =
                    items.iter().flat_map(|(texts, _)| texts).map(|text| value(text)).collect();
                let traces: Vec<serde_json::Value> = items
                    .iter()
                    .flat_map(|(_, traces)| traces)
                    .map(|trace| serde_json::json!({ "target": trace.target, "rule": trace.rule, "detail": trace.detail }))
                    .collect();
                say!("{:#}", serde_json::json!({ "documents": documents, "traces": traces }));
                return Ok(());
            }
            for (texts, traces) in items {
                for text in texts {
                    say!("{}", pretty(&text));
                }
                for trace in traces {
                    eprintln!("~ {} {}: {}", trace.target, trace.rule, trace.detail);
                }
            }
            Ok(())
        }
        Err(fault) => {
            if common.json {
                say!("{:#}", serde_json::json!({ "fault": fault }));
                return Err(Ended::NotAsItShould);
            }
            eprintln!("{}: {}", fault.code, fault.words);
            if !fault.cause.is_empty() {
                eprintln!("  {}", fault.cause);
            }
            for violation in &fault.violations {
                eprintln!("- {violation}");
            }
            Err(Ended::NotAsItShould)
        }
    }
}

/// `from=to` pairs, both of them lists that exist.
fn code_lists(pairs: &[String], rules: &Rules, lang: Lang) -> Result<BTreeMap<String, String>, Ended> {
    let mut codes = BTreeMap::new();
    for pair in pairs {
        let misused = |words: String| Ended::Misused(format!("--codes {pair}: {words}"));
        let (from, to) = pair.split_once('=').ok_or_else(|| {
            misused(lang.pick("phải viết dạng <bảng>=<bảng>", "must be <list>=<list>").to_owned())
        })?;
        for name in [from, to] {
            if rules.translator.code_list(name).is_none() {
                let words = lang.pick("không có bảng mã", "there is no code list");
                return Err(misused(format!("{words} `{name}`")));
            }
        }
        codes.insert(from.to_owned(), to.to_owned());
    }
    Ok(codes)
}

/// The items of a file: as the adapter of the mapping's dialect frames a call, else the file is one item.
fn items(
    mapping: &str,
    plan: &Plan,
    files: &Files,
    rules: &Rules,
    bytes: Vec<u8>,
) -> Result<Vec<Payload>, Fault> {
    if let Some(framed) = framed(mapping, files, rules, &bytes) {
        return Ok(framed);
    }
    match plan.source().notation() {
        Notation::Xml => Ok(vec![Payload::Xml(bytes)]),
        Notation::Json => Ok(match gateway_core::json::parse(&bytes)? {
            serde_json::Value::Array(items) => items.into_iter().map(Payload::Json).collect(),
            one => vec![Payload::Json(one)],
        }),
    }
}

/// What the first inbound channel with this mapping makes of it; none where it is no call of that channel.
fn framed(mapping: &str, files: &Files, rules: &Rules, bytes: &[u8]) -> Option<Vec<Payload>> {
    let inbound = rules.channels.by_adapter.iter().flat_map(|(adapter, channels)| {
        let inbound = channels.iter().filter(|channel| channel.direction == Direction::In);
        inbound.map(move |channel| (adapter, channel))
    });
    let (adapter, channel) = inbound
        .into_iter()
        .find(|(_, channel)| channel.kinds.values().flatten().any(|name| name == mapping))?;
    let adapter = adapters::build(adapter, &channel.dialect, &toml::Table::new(), &files.mappings).ok()?;
    let path = channel.paths.first()?.replace("**", "").replace("//", "/");
    let arrival = Arrival {
        files: Vec::new(),
        dossiers: Vec::new(),
        channel: channel.name.clone(),
        caller: None,
        officer: None,
        level: Level::None,
        ask: Ask {
            method: channel.method.clone(),
            path,
            query: Vec::new(),
            headers: channel
                .content
                .first()
                .map(|kind| ("content-type".to_owned(), kind.clone()))
                .into_iter()
                .collect(),
            body: Body::of(bytes.to_vec()),
        },
        rest: String::new(),
        at: Clock::system().now(),
    };
    match adapter.receive(&arrival).ok()? {
        Heard::Messages(items) => Some(items.into_iter().map(|item| item.payload).collect()),
        _ => None,
    }
}

fn value(text: &[u8]) -> serde_json::Value {
    serde_json::from_slice(text).unwrap_or_else(|_| String::from_utf8_lossy(text).into())
}

fn pretty(text: &[u8]) -> String {
    match value(text) {
        serde_json::Value::String(text) => text,
        value => format!("{value:#}"),
    }
}
