//! `audit verify`: is the audit trail of identity questions what was written, from the first line to the last? `audit find`: who asked
//! about a citizen? Both read files only; the gateway may run or not.

use std::io::{BufRead as _, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Common, Ended, Outcome};
use crate::audit::{self, AuditKeys, Checked, Found, Search};
use crate::config::Config;
use crate::words::Lang;

#[derive(Subcommand)]
pub enum Audit {
    /// Recompute the whole chain and its checkpoints; exit status 1 with file and line where it is broken
    Verify(Verify),
    /// Who asked about this citizen: every question about a number, with officer, procedure, dossier and outcome
    Find(Find),
}

#[derive(Args)]
pub struct Verify {
    /// The folder of the trail, if it is not the configured gateway's (a copy kept elsewhere)
    #[arg(long)]
    folder: Option<PathBuf>,
    /// A head that the log names (event audit-head), as <seq>:<hash>; may be given several times
    #[arg(long = "head", value_parser = head)]
    heads: Vec<(u64, String)>,
}

#[derive(Args)]
pub struct Find {
    /// By a citizen's number, which is read from standard input: on a command line it would stand in the shell's history
    #[arg(long, required = true)]
    number: bool,
    /// The folder of the trail, if it is not the configured gateway's (a copy kept elsewhere)
    #[arg(long)]
    folder: Option<PathBuf>,
}

fn head(text: &str) -> Result<(u64, String), String> {
    let parts = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.to_owned())));
    parts.ok_or_else(|| "a head is <seq>:<hash>, like 1200:9f86d081…".to_owned())
}

pub fn audit(common: &Common, args: Audit) -> Outcome {
    let config = common.load()?;
    let (current, old) = crate::app::sealing_keys(&config).map_err(Ended::CannotStart)?;
    let keys: Vec<AuditKeys> = std::iter::once(&current).chain(&old).map(AuditKeys::derive).collect();
    match args {
        Audit::Verify(args) => verify(common, args, &config, &keys),
        Audit::Find(args) => find(common, args, &config, &keys),
    }
}

fn find(common: &Common, args: Find, config: &Config, keys: &[AuditKeys]) -> Outcome {
    let number = number(common.lang())?;
    // What was written under an old key is found by it.
    let numbers: Vec<[u8; 16]> = keys.iter().map(|keys| keys.number(&number)).collect();
    let folder = args.folder.unwrap_or_else(|| config.gateway.audit_folder());
    let found = audit::find(&folder, &numbers)
        .map_err(|error| Ended::CannotStart(format!("{}: {error}", folder.display())))?;
    match common.json {
        true => say!("{}", serde_json::to_string_pretty(&found)?),
        false => say!("{}", listed(&found, common.lang())),
    }
    Ok(())
}

/// More than a number and its line feed is no number.
const NUMBER_BYTES_MAX: u64 = 64;

/// The number, from standard input; where somebody sits there, asked for.
fn number(lang: Lang) -> Result<String, Ended> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("{}", lang.pick("Số định danh hoặc số CMND: ", "Identity number or old number: "));
    }
    let mut line = String::new();
    input.lock().take(NUMBER_BYTES_MAX).read_line(&mut line)?;
    let number = line.trim();
    if matches!(number.len(), 9 | 12) && number.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(number.to_owned());
    }
    let words = lang.pick(
        "số phải có đúng 12 hoặc 9 chữ số, nhập từ bàn phím hoặc qua đầu vào chuẩn, không viết trên dòng lệnh",
        "the number has 12 or 9 digits, and is typed or piped in, not written on the command line",
    );
    Err(Ended::Misused(words.to_owned()))
}

/// The questions in words, a line each.
fn listed(search: &Search, lang: Lang) -> String {
    let Search { questions, unreadable } = search;
    let mut lines = vec![match lang {
        Lang::Vi => format!("{} câu hỏi về số này trong nhật ký kiểm toán.", questions.len()),
        Lang::En => format!("{} questions about this number in the audit trail.", questions.len()),
    }];
    lines.extend(questions.iter().map(|found| {
        let Found { at, officer, from, unit, procedure, operation, .. } = found;
        let shown = match found.officer_shown.as_str() {
            "token" => lang.pick("khóa riêng", "own key"),
            _ => lang.pick("hệ thống khai", "asserted"),
        };
        let dossier = found.dossier.as_deref().unwrap_or("-");
        let outcome = found.outcome.as_deref().unwrap_or(lang.pick("chưa có kết quả", "no end"));
        format!("{at}  {officer} ({shown})  {from}  {unit}  {procedure}  {dossier}  {operation}  {outcome}")
    }));
    if *unreadable > 0 {
        lines.push(match lang {
            Lang::Vi => format!("{unreadable} dòng không đọc được; hãy chạy `lienthong audit verify`."),
            Lang::En => format!("{unreadable} lines cannot be read; run `lienthong audit verify`."),
        });
    }
    lines.join("\n")
}

fn verify(common: &Common, args: Verify, config: &Config, keys: &[AuditKeys]) -> Outcome {
    let folder = args.folder.unwrap_or_else(|| config.gateway.audit_folder());
    let verdict = audit::verify(&folder, keys, &args.heads)
        .map_err(|error| Ended::CannotStart(format!("{}: {error}", folder.display())))?;
    match (&verdict, common.json) {
        (Ok(found), true) => say!("{}", serde_json::to_string_pretty(found)?),
        (Err(broken), true) => say!("{}", serde_json::to_string_pretty(broken)?),
        (Ok(found), false) => say!("{}", told(found, common.lang())),
        (Err(broken), false) => {
            say!(
                "{}",
                common.lang().pick("Nhật ký kiểm toán KHÔNG còn nguyên vẹn:", "The audit trail is BROKEN:")
            );
            say!("  {broken}");
        }
    }
    verdict.map(|_| ()).map_err(|_| Ended::NotAsItShould)
}

/// The verdict in words.
pub(super) fn told(found: &Checked, lang: Lang) -> String {
    let Checked { files, records, questions, without_end, checkpoints, torn, first, last, head } = found;
    match lang {
        Lang::Vi => format!(
            "Nhật ký kiểm toán nguyên vẹn: {files} tệp, {records} dòng ({first} đến {last}), {questions} câu hỏi, \
             {without_end} chưa có kết quả, {checkpoints} mốc kiểm tra, {torn} dòng bị cắt do sự cố.\nĐầu chuỗi: {last}:{head}"
        ),
        Lang::En => format!(
            "The audit trail is whole: {files} files, {records} lines ({first} to {last}), {questions} questions, \
             {without_end} without an end, {checkpoints} checkpoints, {torn} lines cut off by a crash.\nHead: {last}:{head}"
        ),
    }
}
