//! `check`, `translate`, `test`, `coverage`: the data rooms, without a running gateway.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use gateway_core::schema::Notation;

use super::{Common, Ended, Outcome, list};
use crate::app;
use crate::files::{Files, Overlaid};
use crate::rules::Rules;
use crate::words::Lang;

pub fn check(common: &Common) -> Outcome {
    let vi = common.lang() == Lang::Vi;
    let (config, files) = match common.config.exists() {
        true => {
            let config = common.load().or_else(said)?;
            let files = Files::with_overlay(&config.gateway.overlay)?;
            (Some(config), files)
        }
        false => (None, Files::built_in()),
    };
    let checked = match &config {
        Some(config) => {
            app::check(config, &common.config.display().to_string(), &files).map(|(rules, _)| rules)
        }
        None => Rules::compile(&files),
    };
    for (path, overlaid) in &files.overlaid {
        match overlaid {
            Overlaid::Added => say!("overlay + {path}"),
            Overlaid::Replaces { built_in } => say!("overlay = {path} (built-in {built_in})"),
        }
    }
    let rules = match checked {
        Ok(rules) => rules,
        Err(defects) => {
            eprintln!("{}", list(&defects));
            eprintln!("{}: {}", if vi { "lỗi" } else { "defects" }, defects.len());
            return Err(Ended::NotAsItShould);
        }
    };
    match &config {
        Some(config) => say!("{}: {} peers", common.config.display(), config.peers.len()),
        None => say!(
            "{}",
            if vi {
                "không có tệp cấu hình; chỉ kiểm tra dữ liệu kèm theo"
            } else {
                "no configuration file; checked the built-in data only"
            }
        ),
    }
    let doors = app::inbound_doors(&rules).count();
    let plans = rules.translator.plans().count();
    say!("{} contracts, {plans} mappings, {doors} doors: ok", files.schemas.len());
    Ok(())
}

fn said<T>(ended: Ended) -> Result<T, Ended> {
    match ended {
        Ended::CannotStart(words) => {
            eprintln!("{words}");
            Err(Ended::NotAsItShould)
        }
        other => Err(other),
    }
}

fn rules(common: &Common) -> Result<(Files, Rules), Ended> {
    let files = common.files()?;
    let rules = Rules::compile(&files).map_err(|defects| Ended::CannotStart(list(&defects)))?;
    Ok((files, rules))
}

#[derive(Args)]
pub struct Translate {
    /// The mapping: onestop/relay/in-dossier-recorded
    mapping: String,
    /// The document: one item, in the notation of the mapping's source
    file: PathBuf,
    /// Another code list in place of one: onestop/status=onestop/status-opencps
    #[arg(long)]
    codes: Vec<String>,
}

pub fn translate(common: &Common, args: Translate) -> Outcome {
    let (_, rules) = rules(common)?;
    let plan = rules.translator.plan(&args.mapping).ok_or_else(|| {
        let names: Vec<&str> = rules.translator.plans().map(|(name, _)| name).collect();
        Ended::CannotStart(format!(
            "there is no mapping `{}`; there are\n  {}",
            args.mapping,
            names.join("\n  ")
        ))
    })?;
    let codes: BTreeMap<String, String> = args
        .codes
        .iter()
        .filter_map(|pair| pair.split_once('='))
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .collect();
    let bytes = std::fs::read(&args.file)
        .map_err(|error| Ended::CannotStart(format!("{}: {error}", args.file.display())))?;
    let payload = match plan.source().notation() {
        Notation::Json => gateway_core::json::parse(&bytes).map(gateway_core::adapter::Payload::Json),
        Notation::Xml => Ok(gateway_core::adapter::Payload::Xml(bytes)),
    };
    let translated = payload
        .and_then(|payload| crate::intake::translate_in(plan, &payload, &codes))
        .and_then(|translation| {
            let texts: Result<Vec<_>, _> =
                translation.documents.iter().map(|document| plan.write(document)).collect();
            Ok((texts?, translation.traces))
        });
    match translated {
        Ok((texts, traces)) => {
            for text in texts {
                say!("{}", pretty(&text));
            }
            for trace in traces {
                eprintln!("~ {} {} {}", trace.target, trace.rule, trace.detail);
            }
            Ok(())
        }
        Err(fault) => {
            eprintln!("{}: {}", fault.code, fault.words);
            for violation in &fault.violations {
                eprintln!("- {violation}");
            }
            Err(Ended::NotAsItShould)
        }
    }
}

fn pretty(text: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(text) {
        Ok(value) => format!("{value:#}"),
        Err(_) => String::from_utf8_lossy(text).into_owned(),
    }
}

#[derive(Args)]
pub struct Test {
    /// A folder with `schemas/` and `mappings/`, in place of the built-in data
    #[arg(long)]
    folder: Option<PathBuf>,
}

impl Test {
    /// The built-in data with the folder's on top, and where an updated expectation is written.
    fn files(&self, common: &Common) -> Result<Files, Ended> {
        match &self.folder {
            Some(folder) => Ok(Files::with_overlay(folder)?),
            None => common.files(),
        }
    }
}

pub fn test(common: &Common, args: Test) -> Outcome {
    let files = args.files(common)?;
    let rules = Rules::compile(&files).map_err(|defects| Ended::CannotStart(list(&defects)))?;
    let report = gateway_core::translator::cases::run_cases(&files.mappings, &rules.translator);
    if std::env::var_os("UPDATE").is_some() {
        let folder = args.folder.clone().unwrap_or_else(|| PathBuf::from("."));
        for (path, content) in report.results.iter().flat_map(|result| &result.updates) {
            let path = folder.join("mappings").join(path);
            match content.is_empty() {
                true => std::fs::remove_file(&path)?,
                false => std::fs::write(&path, content)?,
            }
            say!("~ {}", path.display());
        }
        return Ok(());
    }
    for (result, why) in report.failures().filter_map(|result| Some((result, result.failure.as_ref()?))) {
        say!("{}\n  {}", result.name, why.trim_end().replace('\n', "\n  "));
    }
    let failed = report.failures().count();
    say!("{} passed, {failed} failed", report.results.len() - failed);
    if failed == 0 { Ok(()) } else { Err(Ended::NotAsItShould) }
}

#[derive(Args)]
pub struct Coverage {
    /// Only mappings whose name starts so
    #[arg(default_value = "")]
    mapping: String,
}

pub fn coverage(common: &Common, args: Coverage) -> Outcome {
    let (files, rules) = rules(common)?;
    let report = gateway_core::translator::cases::run_cases(&files.mappings, &rules.translator);
    let wanted: Vec<_> =
        report.coverage.iter().filter(|coverage| coverage.mapping.starts_with(&args.mapping)).collect();
    if common.json {
        say!("{}", serde_json::to_string_pretty(&wanted)?);
    } else {
        wanted.iter().for_each(|coverage| say!("{coverage}"));
    }
    Ok(())
}
