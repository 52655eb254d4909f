//! `check`, `test`, `coverage`: the data rooms, without a running gateway.
//!
//! They take the built-in data with the overlay on top, as `run` would, and say everything that is wrong at once: file, line,
//! field, nearest name. With `--json` what they say is one JSON document on standard output.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Common, Ended, Outcome, list};
use crate::app;
use crate::config::Config;
use crate::files::{Files, Overlaid};
use crate::rules::Rules;
use crate::store;
use crate::words::{Lang, store_trouble};

#[derive(Args)]
pub struct Check {
    /// The store too: is it whole, also beside a gateway that runs
    #[arg(long)]
    store: bool,
}

pub fn check(common: &Common, args: &Check) -> Outcome {
    let vi = common.lang() == Lang::Vi;
    let (config, files) = match common.is_configured()? {
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
    if common.json {
        let defects = checked.as_ref().err();
        let overlay: BTreeMap<&String, Option<&String>> = files
            .overlaid
            .iter()
            .map(|(path, overlaid)| match overlaid {
                Overlaid::Added => (path, None),
                Overlaid::Replaces { built_in, .. } => (path, Some(built_in)),
            })
            .collect();
        let store = match (&config, args.store) {
            (Some(config), true) => Some(store::examine(&config.gateway.data)),
            _ => None,
        };
        let whole = store.as_ref().is_none_or(Result::is_ok);
        let store = store.map(|found| found.err().map_or("ok".to_owned(), |error| error.to_string()));
        let shown = serde_json::json!({
            "configuration": config.is_some().then(|| common.config.display().to_string()),
            "overlay": overlay,
            "defects": defects.map(Vec::as_slice).unwrap_or_default(),
            "store": store,
        });
        say!("{shown:#}");
        return if checked.is_ok() && whole { Ok(()) } else { Err(Ended::NotAsItShould) };
    }
    for (path, overlaid) in &files.overlaid {
        match overlaid {
            Overlaid::Added => say!("overlay + {path}"),
            Overlaid::Replaces { built_in, .. } => {
                let note = match (overlaid.is_outdated(), vi) {
                    (Some(false), _) => String::new(),
                    (Some(true), true) => {
                        format!(": tệp kèm theo đã đổi từ khi viết; so lại, rồi ghi `# over: {built_in}`")
                    }
                    (Some(true), false) => {
                        format!(
                            ": the built-in file has changed since; compare, then write `# over: {built_in}`"
                        )
                    }
                    (None, true) => {
                        format!(": ghi `# over: {built_in}` ở đầu tệp để biết khi tệp kèm theo thay đổi")
                    }
                    (None, false) => format!(
                        ": write `# over: {built_in}` at its top to be told when the built-in changes"
                    ),
                };
                say!("overlay = {path}{note}");
            }
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
    let (place, lang) = (common.config.display(), common.lang());
    match &config {
        Some(config) => say!("{place}: {} {}", config.peers.len(), lang.pick("hệ thống kết nối", "peers")),
        None => {
            let vi = "không có tệp cấu hình này; chỉ kiểm tra dữ liệu kèm theo";
            let en = "there is no such configuration file; checked the built-in data only";
            say!("{place}: {}", lang.pick(vi, en));
        }
    }
    let doors = app::inbound_doors(&rules).count();
    let plans = rules.translator.plans().count();
    let contracts = rules.contracts.names().len();
    match lang {
        Lang::Vi => say!("{contracts} quy định dữ liệu, {plans} bảng ánh xạ, {doors} kênh nhận: tốt"),
        Lang::En => say!("{contracts} contracts, {plans} mappings, {doors} doors: ok"),
    }
    for kind in config.iter().flat_map(|config| app::untaken(&rules, config)) {
        match lang {
            Lang::Vi => say!(
                "lưu ý: chưa có hệ thống nào nhận `{kind}`; nếu Cổng gửi tới sẽ bị trả lại. Khai báo `receives` và `units` của phần mềm nhận"
            ),
            Lang::En => say!(
                "note: nobody takes `{kind}`; what is pushed of it will be turned back. Give the software that takes it `receives` and `units`"
            ),
        }
    }
    match (&config, args.store) {
        (Some(config), true) => check_store(config, lang),
        _ => Ok(()),
    }
}

fn check_store(config: &Config, lang: Lang) -> Outcome {
    let folder = config.gateway.data.display();
    match store::examine(&config.gateway.data) {
        Ok(()) => {
            say!("{folder}: {}", lang.pick("kho dữ liệu nguyên vẹn", "the store is whole"));
            Ok(())
        }
        Err(error) => {
            eprintln!("{}", store_trouble(lang, &error));
            Err(Ended::NotAsItShould)
        }
    }
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

pub(super) fn rules(files: &Files) -> Result<Rules, Ended> {
    Rules::compile(files).map_err(|defects| Ended::CannotStart(list(&defects)))
}

#[derive(Args)]
pub struct Test {
    /// A folder with `schemas/` and `mappings/` on top of the built-in data: an overlay, or the source tree itself
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Only mappings whose name starts so
    #[arg(default_value = "")]
    mapping: String,
}

pub fn test(common: &Common, args: Test) -> Outcome {
    let lang = common.lang();
    let (folder, files) = match (args.folder, common.is_configured()?) {
        (Some(folder), _) if !folder.is_dir() => {
            let words = lang.pick("không có thư mục này", "there is no such folder");
            return Err(Ended::Misused(format!("{}: {words}", folder.display())));
        }
        (Some(folder), _) => (Some(folder.clone()), Files::with_overlay(&folder)?),
        (None, true) => {
            let overlay = common.load()?.gateway.overlay;
            (Some(overlay.clone()), Files::with_overlay(&overlay)?)
        }
        (None, false) => (None, Files::built_in()),
    };
    let rules = rules(&files)?;
    let report = gateway_core::translator::cases::run_cases(&files.mappings, &rules.translator);
    let wanted = format!("mappings/{}", args.mapping);
    let results: Vec<_> = report.results.into_iter().filter(|r| r.name.starts_with(&wanted)).collect();
    if results.is_empty() {
        return Err(no_such_mapping(lang, &args.mapping));
    }
    if std::env::var_os("UPDATE").is_some() {
        // What is built in can only be changed in the source tree.
        let folder = folder.ok_or_else(|| {
            let words = lang.pick(
                "UPDATE ghi vào một thư mục: hãy nêu thư mục bằng --folder",
                "UPDATE writes into a folder: say which with --folder",
            );
            Ended::Misused(words.to_owned())
        })?;
        for (path, content) in results.iter().flat_map(|result| &result.updates) {
            let path = folder.join(files.home(&format!("mappings/{path}")));
            write_or_remove(&path, content)?;
            say!("~ {}", path.display());
        }
        return Ok(());
    }
    let failed: Vec<_> =
        results.iter().filter_map(|result| Some((&result.name, result.failure.as_ref()?))).collect();
    let passed = results.len() - failed.len();
    if common.json {
        let failed: BTreeMap<_, _> = failed.iter().copied().collect();
        say!("{:#}", serde_json::json!({ "passed": passed, "failed": failed }));
    } else {
        for (name, why) in &failed {
            say!("{name}\n  {}", why.trim_end().replace('\n', "\n  "));
        }
        let (good, bad) = match lang {
            Lang::Vi => ("ca qua", "ca không qua"),
            Lang::En => ("passed", "failed"),
        };
        say!("{passed} {good}, {} {bad}", failed.len());
    }
    if failed.is_empty() { Ok(()) } else { Err(Ended::NotAsItShould) }
}

fn no_such_mapping(lang: Lang, prefix: &str) -> Ended {
    let words = lang.pick("không có bảng ánh xạ nào có tên bắt đầu bằng", "no mapping's name starts with");
    Ended::Misused(format!("{words} `{prefix}`"))
}

fn write_or_remove(path: &Path, content: &[u8]) -> Result<(), Ended> {
    let done = if content.is_empty() {
        std::fs::remove_file(path).or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })
    } else {
        path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content))
    };
    done.map_err(|error| Ended::CannotStart(format!("{}: {error}", path.display())))
}

#[derive(Args)]
pub struct Coverage {
    /// Only mappings whose name starts so
    #[arg(default_value = "")]
    mapping: String,
    /// Only source fields that nobody speaks of; exit status 1 if there are any
    #[arg(long)]
    lost: bool,
}

pub fn coverage(common: &Common, args: Coverage) -> Outcome {
    let files = common.files()?;
    let rules = rules(&files)?;
    let report = gateway_core::translator::cases::run_cases(&files.mappings, &rules.translator);
    let mut wanted: Vec<_> =
        report.coverage.iter().filter(|coverage| coverage.mapping.starts_with(&args.mapping)).collect();
    if wanted.is_empty() {
        return Err(no_such_mapping(common.lang(), &args.mapping));
    }
    if args.lost {
        wanted.retain(|coverage| !coverage.lost.is_empty());
    }
    if common.json {
        say!("{}", serde_json::to_string_pretty(&wanted)?);
    } else if args.lost {
        for (coverage, path) in wanted.iter().flat_map(|c| c.lost.iter().map(move |path| (c, path))) {
            say!("{} {path}", coverage.mapping);
        }
    } else {
        wanted.iter().for_each(|coverage| say!("{coverage}"));
    }
    if args.lost && !wanted.is_empty() { Err(Ended::NotAsItShould) } else { Ok(()) }
}
