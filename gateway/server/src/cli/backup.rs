//! `backup`, `verify`, `restore`, `resume`: a copy of everything while the gateway runs, whether a copy (or the store itself) is whole,
//! back from a copy, and on again once somebody has looked.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Args;

use super::{Common, Ended, Outcome, block_on, operate};
use crate::backup::{self, Keys, Trouble};
use crate::clock::Clock;
use crate::config::Config;
use crate::http::AdminCall;
use crate::store::{Damage, StoreError};
use crate::words::{Lang, store_trouble};

#[derive(Args)]
pub struct Backup {
    /// The folder that the backup is written into; a new or an empty one
    folder: PathBuf,
}

#[derive(Args)]
pub struct Verify {
    /// The backup; without it, the data folder itself, while the gateway runs or not
    backup: Option<PathBuf>,
}

#[derive(Args)]
pub struct Restore {
    /// The backup
    backup: PathBuf,
    /// Where the data folder is not empty: move what is in it aside, into a folder `replaced-…` within it
    #[arg(long)]
    replace: bool,
}

/// What a command was doing, for whoever hears that it could not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    BackingUp,
    Verifying,
    Restoring,
}

pub fn backup(common: &Common, args: Backup) -> Outcome {
    let (config, keys, lang) = (common.load()?, keys(common)?, common.lang());
    let now = Clock::system().now();
    let made = backup::take(&config.gateway.data, &args.folder, &keys, now, &mut progress());
    let made = made.map_err(|trouble| ended(trouble, lang, Doing::BackingUp))?;
    if common.json {
        say!("{}", serde_json::to_string_pretty(&made)?);
    } else {
        let (at, bytes, parts) = (made.at.for_people(), made.bytes(), made.parts.len());
        let (folder, ids, waiting) = (args.folder.display(), made.keys.join(", "), made.waiting);
        match lang {
            Lang::Vi => say!(
                "Đã sao lưu vào {folder}: thời điểm {at}, {parts} tệp, {bytes} byte, {waiting} tin đang chờ.\n\
                 Khóa niêm phong KHÔNG nằm trong bản sao; hãy cất riêng khóa: {ids}."
            ),
            Lang::En => say!(
                "Backed up into {folder}: as of {at}, {parts} files, {bytes} bytes, {waiting} deliveries waiting.\n\
                 The sealing key is NOT in it; keep it elsewhere: {ids}."
            ),
        }
        for place in &made.missing {
            let words =
                lang.pick("tệp này đã mất từ trước trong kho dữ liệu", "was missing in the store already");
            say!("- {place}: {words}");
        }
    }
    if made.missing.is_empty() { Ok(()) } else { Err(Ended::NotAsItShould) }
}

pub fn verify(common: &Common, args: Verify) -> Outcome {
    let (config, keys, lang) = (common.load()?, keys(common)?, common.lang());
    let found = match &args.backup {
        Some(backup) => backup::verify(backup, &keys, &mut progress()).map(|(_, found)| found),
        None => backup::examine(&config.gateway.data, &keys, &mut progress()),
    };
    let found = found.map_err(|trouble| ended(trouble, lang, Doing::Verifying))?;
    if common.json {
        say!("{}", serde_json::to_string_pretty(&serde_json::json!({ "damage": found }))?);
    } else if found.is_empty() {
        let place = args.backup.unwrap_or(config.gateway.data);
        let words = lang
            .pick("nguyên vẹn, mở được bằng khóa đang cấu hình", "whole, and opens with the configured key");
        say!("{}: {words}", place.display());
    } else {
        list(&found, lang);
    }
    if found.is_empty() { Ok(()) } else { Err(Ended::NotAsItShould) }
}

pub fn restore(common: &Common, args: Restore) -> Outcome {
    let (config, keys, lang) = (common.load()?, keys(common)?, common.lang());
    let (data, now) = (&config.gateway.data, Clock::system().now());
    let done = block_on(async {
        let mut told = progress();
        let done = backup::restore(&args.backup, data, &keys, args.replace, now, &mut told).await;
        done.map_err(|trouble| ended(trouble, lang, Doing::Restoring))
    })?;
    let (from, until) = (done.restored.missing_from, done.restored.missing_until);
    if common.json {
        let moved_to = done.moved_to.map(|path| path.display().to_string());
        say!("{:#}", serde_json::json!({ "restored": done.restored, "moved_to": moved_to }));
        return Ok(());
    }
    if let Some(aside) = done.moved_to {
        let words = lang.pick("Dữ liệu cũ được chuyển sang", "What was there is now in");
        say!("{words} {}", aside.display());
    }
    let (from, until, waiting) = (from.for_people(), until.for_people(), done.manifest.waiting);
    match lang {
        Lang::Vi => say!(
            "Đã khôi phục vào {}. Thiếu dữ liệu từ {from} đến {until}.\n\
             Cổng sẽ khởi động ở trạng thái tạm dừng: vẫn nhận tin, chưa gửi gì. {waiting} tin đang chờ có thể đã gửi sau lúc sao lưu, \
             nên sẽ được hỏi lại trước.\n\
             Việc tiếp theo: `lienthong run`; yêu cầu các phần mềm gửi lại khoảng bị thiếu; rồi `lienthong resume`.",
            data.display()
        ),
        Lang::En => say!(
            "Restored into {}. Missing: from {from} to {until}.\n\
             The gateway will start paused: it accepts and sends nothing. {waiting} waiting deliveries may have gone after the backup, \
             so they are asked back first.\n\
             Next: `lienthong run`; have the missing hours sent again by whoever sent them; then `lienthong resume`.",
            data.display()
        ),
    }
    Ok(())
}

pub fn resume(common: &Common) -> Outcome {
    let said = operate::ask(common, &AdminCall::Resume { peers: Vec::new() })?;
    if common.json {
        say!("{said}");
    } else if said["resumed"].as_array().is_some_and(Vec::is_empty) {
        say!("{}", common.lang().pick("không có gì đang tạm dừng", "nothing was paused"));
    } else {
        say!("{}", common.lang().pick("đã gửi tiếp cho mọi hệ thống", "everything is sent again"));
    }
    Ok(())
}

fn keys(common: &Common) -> Result<Keys, Ended> {
    let config: Config = common.load()?;
    let (current, old) = crate::app::sealing_keys(&config).map_err(Ended::CannotStart)?;
    Ok(Keys { current, old })
}

/// On a terminal, one line that changes; elsewhere nothing.
fn progress() -> impl FnMut(&str, u64, u64) {
    let (shown, mut last) = (std::io::stderr().is_terminal(), String::new());
    move |part, done, total| {
        let line = format!("{part} {} %", done.saturating_mul(100).checked_div(total).unwrap_or(100));
        if shown && line != last {
            let mut terminal = std::io::stderr();
            let _ = write!(terminal, "\r{line:<30}\r").and_then(|()| terminal.flush());
            last = line;
        }
    }
}

fn list(found: &[Damage], lang: Lang) {
    let words = lang.pick("KHÔNG nguyên vẹn", "NOT whole");
    say!("{words}: {}", found.len());
    for Damage { part, detail } in found {
        say!("- {part}: {detail}");
    }
}

/// What a copy that broke off leaves behind; who only looked leaves nothing.
fn undone(lang: Lang, doing: Doing) -> &'static str {
    match doing {
        Doing::Verifying => "",
        Doing::Restoring => lang.pick(
            "; chưa khôi phục, dữ liệu đang có (nếu có) vẫn nguyên chỗ cũ. Xử lý nguyên nhân rồi chạy lại lệnh này",
            "; nothing was restored, and what was there is still in its place. Mend the cause and run it again",
        ),
        Doing::BackingUp => lang.pick(
            "; phần sao lưu dở dang đã được xóa, cổng không bị ảnh hưởng. Xử lý nguyên nhân rồi chạy lại",
            "; what there was of the backup is removed, the gateway is not concerned. Mend the cause and run it again",
        ),
    }
}

fn ended(trouble: Trouble, lang: Lang, doing: Doing) -> Ended {
    match trouble {
        Trouble::Damaged(found) => {
            list(&found, lang);
            Ended::NotAsItShould
        }
        Trouble::Occupied(folder) => {
            let words = match doing {
                Doing::Restoring => lang.pick(
                    "thư mục dữ liệu không trống; thêm --replace để chuyển dữ liệu cũ vào replaced-… ngay trong đó rồi khôi phục",
                    "the data folder is not empty; --replace moves what is there into replaced-… within it",
                ),
                _ => lang.pick("thư mục này không trống; hãy nêu một thư mục mới", "not empty; name a new folder"),
            };
            Ended::CannotStart(format!("{folder}: {words}"))
        }
        Trouble::NoBackup(folder, why) => {
            let words = lang.pick("không phải bản sao lưu trọn vẹn", "no whole backup");
            eprintln!("{folder}: {words} ({why})");
            Ended::NotAsItShould
        }
        Trouble::Store(error @ StoreError::Locked { .. }) if doing == Doing::Restoring => {
            let words = lang.pick("hãy dừng cổng liên thông trước khi khôi phục", "stop the gateway first");
            Ended::CannotStart(format!("{words}: {}", store_trouble(lang, &error)))
        }
        Trouble::NoRoom { folder, needs, free } => {
            let (needs, free) = (needs.div_ceil(1 << 20), free >> 20);
            Ended::CannotStart(match lang {
                Lang::Vi => format!(
                    "{folder}: không đủ chỗ trên đĩa, cần {needs} MB mà chỉ còn {free} MB; chưa ghi gì. Dọn hoặc nới đĩa, hoặc dùng \
                     thư mục ở đĩa khác, rồi chạy lại"
                ),
                Lang::En => format!(
                    "{folder}: not enough room, {needs} MB are needed and {free} MB are free; nothing was written. Make room, or use a \
                     folder on another disk, and run it again"
                ),
            })
        }
        Trouble::Store(error) => {
            Ended::CannotStart(format!("{}{}", store_trouble(lang, &error), undone(lang, doing)))
        }
        Trouble::File(path, error) => Ended::CannotStart(format!("{path}: {error}{}", undone(lang, doing))),
    }
}
