//! `audit verify`: is the audit trail of identity questions what was written, from the first line to the last? Reads files only; the
//! gateway may run or not.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Common, Ended, Outcome};
use crate::audit::{self, AuditKeys, Checked};
use crate::words::Lang;

#[derive(Subcommand)]
pub enum Audit {
    /// Recompute the whole chain and its checkpoints; exit status 1 with file and line where it is broken
    Verify(Verify),
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

fn head(text: &str) -> Result<(u64, String), String> {
    let parts = text.split_once(':').and_then(|(seq, hash)| Some((seq.parse().ok()?, hash.to_owned())));
    parts.ok_or_else(|| "a head is <seq>:<hash>, like 1200:9f86d081…".to_owned())
}

pub fn audit(common: &Common, args: Audit) -> Outcome {
    let Audit::Verify(args) = args;
    let config = common.load()?;
    let (current, old) = crate::app::sealing_keys(&config).map_err(Ended::CannotStart)?;
    let keys: Vec<AuditKeys> = std::iter::once(&current).chain(&old).map(AuditKeys::derive).collect();
    let folder = args.folder.unwrap_or_else(|| config.gateway.audit_folder());
    let verdict = audit::verify(&folder, &keys, &args.heads)
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
