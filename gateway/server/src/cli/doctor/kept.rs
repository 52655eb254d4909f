//! The store: whether it opens, what is in it, and whether anybody said that nothing is to be sent.

use super::{Report, State};
use crate::cli::{Ended, block_on};
use crate::config::Config;
use crate::store::{self, Pause, Restored, Seal, Stats, Store, StoreError};
use crate::words::{Lang, store_trouble};
use crate::{app, clock};

pub(super) fn examine(config: &Config, report: &mut Report) -> Result<Stats, Ended> {
    let data = &config.gateway.data;
    if store::whole(data).is_ok() && !data.join(store::DATABASE).exists() {
        let says =
            report.pick("chưa có; lần chạy đầu tiên tạo ra", "there is none yet; the first start makes it");
        report.add("store", State::Note, says.to_owned(), "");
        return Ok(Stats::default());
    }
    // Without its key it does not open, and another line says so.
    let Ok((current, old)) = app::sealing_keys(config) else { return Ok(Stats::default()) };
    let opened = Seal::from_keys(&current, &old).and_then(|seal| Store::open_read_only(data, seal));
    let store = match opened {
        Ok(store) => store,
        Err(error) => {
            let says = format!("{}: {}", data.display(), store_trouble(report.lang, &error));
            let next = step(report.lang, &error);
            report.add("store", State::Ill, says, next);
            return Ok(Stats::default());
        }
    };
    let read = async { Ok((store.stats().await?, store.latest_at().await?, store.pauses().await?)) };
    let (stats, latest, pauses) = block_on(read)?;
    let waiting: u64 = stats.peers.values().map(|open| open.lanes).sum();
    let megabytes = (stats.database_bytes + stats.claim_bytes) >> 20;
    let says = format!("{megabytes} MB, {waiting} {}", report.pick("hồ sơ đang chờ gửi", "dossiers wait"));
    report.ok("store", says);
    match latest.filter(|latest| latest.millis_since(report.now) > clock::SET_BACK_MS) {
        Some(latest) => {
            let words = report.pick(
                "đồng hồ máy đã bị lùi: bản tin mới nhất ghi lúc",
                "the clock was set back: the latest message is of",
            );
            let next = report.pick(
                "chỉnh giờ, bật đồng bộ NTP (`timedatectl`); runbook clock-jump",
                "set the clock and have it synchronised (`timedatectl`); runbook clock-jump",
            );
            report.add("clock", State::Ill, format!("{words} {}", latest.for_people()), next);
        }
        None => report.ok("clock", report.now.for_people()),
    }
    for pause in pauses.iter().filter(|pause| pause.lasts()) {
        stopped(pause, store.restored(), report);
    }
    Ok(stats)
}

/// What is to be done about a store that does not open.
fn step(lang: Lang, error: &StoreError) -> &'static str {
    match error {
        StoreError::Newer { .. } => lang.pick(
            "cài lại phiên bản mới hơn của lienthong; không sửa, không khôi phục gì (runbook ways/roll-back)",
            "install the newer lienthong again; mend and restore nothing (runbook ways/roll-back)",
        ),
        StoreError::HalfRestored(_) => lang.pick(
            "chạy lại `lienthong restore <bản sao lưu> --replace`, rồi mới khởi động cổng (runbook ways/khoi-phuc)",
            "run `lienthong restore <backup> --replace` again, and only then start the gateway (runbook ways/khoi-phuc)",
        ),
        StoreError::WrongKey(_) => lang.pick(
            "đặt lại đúng khóa ở gateway.sealing_key_file, hoặc thêm khóa cũ vào gateway.old_sealing_key_files",
            "put the right key back at gateway.sealing_key_file, or name the old one in gateway.old_sealing_key_files",
        ),
        StoreError::NotPossible(_) => "systemctl start lienthong",
        StoreError::Corrupt(_) | StoreError::Unsealable(_) => lang.pick(
            "giữ nguyên thư mục, làm theo runbook ways/store-damaged",
            "leave the folder as it is and follow the runbook ways/store-damaged",
        ),
        _ => lang.pick(
            "xem đĩa và quyền của thư mục dữ liệu (`df -h`, `dmesg`, `ls -l`); kho không bị nói là hỏng",
            "look at the disk and at who may use the data folder (`df -h`, `dmesg`, `ls -l`); nothing says that the store is damaged",
        ),
    }
}

/// Nothing is sent. After a restoration the order matters: what comes after it was let go is not asked back.
fn stopped(pause: &Pause, restored: Option<Restored>, report: &mut Report) {
    let everybody = pause.peer.as_str() == "*";
    let about = if everybody { "store" } else { pause.peer.as_str() };
    if !everybody && !report.wants(about) {
        return;
    }
    let stands = report.pick("đang ngừng gửi", "nothing is sent");
    if let (true, Some(restored)) = (pause.is_of_restore(), restored) {
        let (from, until) = (restored.missing_from.for_people(), restored.missing_until.for_people());
        let end =
            if everybody { "lienthong resume".to_owned() } else { format!("lienthong peers resume {about}") };
        let (says, next) = match report.lang {
            Lang::Vi => (
                format!("{stands} từ khi khôi phục: thiếu dữ liệu từ {from} đến {until}"),
                format!(
                    "yêu cầu các phần mềm gửi lại khoảng {from} – {until} TRƯỚC; xong rồi mới `{end}` (runbook ways/khoi-phuc)"
                ),
            ),
            Lang::En => (
                format!("{stands} since a backup was restored: missing from {from} until {until}"),
                format!(
                    "FIRST have the hours {from} – {until} said again by whoever said them, and only then `{end}` (runbook ways/khoi-phuc)"
                ),
            ),
        };
        report.add(about, State::Ill, says, &next);
        return;
    }
    let says = format!("{stands}: {} {}", pause.why.as_str(), pause.since.for_people());
    let next = match (pause.why.as_str(), everybody) {
        ("paused", true) => "lienthong resume".to_owned(),
        ("paused", false) => format!("lienthong peers resume {}", pause.peer),
        _ => String::new(),
    };
    report.add(about, State::Note, says, &next);
}
