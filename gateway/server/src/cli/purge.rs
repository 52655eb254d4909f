//! `purge`: what has had its time, as [retention] says. The gateway purges by itself once a day; this shows what would go, or has it go now.

use clap::Args;
use serde_json::json;

use super::{Common, Ended, Outcome, block_on, operate, show};
use crate::clock::Clock;
use crate::http::AdminCall;
use crate::store::{Purge as How, StoreError};
use crate::words::{Lang, store_trouble};

#[derive(Args)]
pub struct Purge {
    /// Only say what would go; the gateway may run or not
    #[arg(long)]
    dry_run: bool,
}

pub fn purge(common: &Common, args: Purge) -> Outcome {
    let lang = common.lang();
    let gone = match args.dry_run {
        false => operate::ask(common, &AdminCall::Purge)?,
        true => {
            let (terms, store) = (common.load()?.retention.terms(), show::open(common)?);
            let now = Clock::system().now();
            let cannot = |error: StoreError| Ended::CannotStart(store_trouble(lang, &error));
            json!(block_on(async { store.purge(terms, now, How::DryRun).await.map_err(cannot) })?)
        }
    };
    if common.json {
        say!("{gone:#}");
        return Ok(());
    }
    say!(
        "{}",
        match args.dry_run {
            true => lang.pick("Sẽ bị xóa theo thời hạn lưu (chưa làm gì):", "Would go (nothing was done):"),
            false => lang.pick("Đã xóa theo thời hạn lưu:", "Gone:"),
        }
    );
    for (name, count) in gone.as_object().into_iter().flatten() {
        say!("{:>9}  {}", count.as_u64().unwrap_or_default(), words(lang, name));
    }
    Ok(())
}

fn words(lang: Lang, name: &str) -> &str {
    let (vi, en) = match name {
        "bodies" => {
            ("hồ sơ bị xóa nội dung, còn lại diễn biến", "dossiers lose what was said and keep what happened")
        }
        "dossiers" => ("hồ sơ bị xóa hẳn", "dossiers altogether"),
        "strays" => ("tin không thuộc hồ sơ nào", "messages of no dossier"),
        "keys" => ("khóa chống trùng của bên gửi", "idempotency keys of callers"),
        "digests" => ("mã băm chống trùng", "digests by which repeats are known"),
        "observed" => ("tin bưu chính không thuộc đơn nào", "events of items that nobody ordered"),
        "files" => ("tệp lớn", "files of large values"),
        "audit_months" => ("tháng nhật ký kiểm toán", "months of the audit trail"),
        other => (other, other),
    };
    lang.pick(vi, en)
}
