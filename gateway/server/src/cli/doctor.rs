//! `doctor`: what is ill, since when, and what to do next: the installation, the machine, the store, and the way to each peer.
//!
//! It looks and changes nothing. To a peer it sends `HEAD` and, once, the log-in that any conversation begins with; never a message. A
//! gateway that runs is asked through its admin door what it knows; without one everything else is looked at all the same.

mod catalogues;
mod peer;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use clap::Args;
use gateway_core::ids::{Moment, PeerName};
use serde_json::{Value, json};

use super::{Common, Ended, Outcome, block_on, list, operate, perhaps, show};
use crate::config::Config;
use crate::config::door::Proof;
use crate::files::Files;
use crate::http::AdminCall;
use crate::store::Stats;
use crate::words::Lang;
use crate::{app, certificates, clock, disk, keyring};

#[derive(Args)]
pub struct Doctor {
    /// Only these peers; all of them without
    peers: Vec<String>,
    /// Do not log in anywhere
    #[arg(long)]
    no_log_in: bool,
}

/// Whoever renews certificates needs that long.
const CERTIFICATE_DAYS: i64 = 30;
const DAY_MS: i64 = 24 * 3_600_000;
/// Below this, a bad day's backlog does not fit.
const DISK_FREE_BYTES: u64 = 1 << 30;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Worth knowing; nobody has to do anything.
    Note,
    /// Somebody has to do something.
    Ill,
}

#[derive(serde::Serialize)]
struct Finding {
    about: String,
    state: State,
    says: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    next: String,
}

/// What was found so far.
struct Report {
    lang: Lang,
    now: Moment,
    findings: Vec<Finding>,
}

impl Report {
    fn pick<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        self.lang.pick(vi, en)
    }

    fn add(&mut self, about: &str, state: State, says: String, next: &str) {
        self.findings.push(Finding { about: about.to_owned(), state, says, next: next.to_owned() });
    }

    fn ok(&mut self, about: &str, says: String) {
        self.add(about, State::Ok, says, "");
    }

    /// A certificate that ends then.
    fn certificate(&mut self, about: &str, ends: Moment, whose: (&str, &str)) {
        let days = ends.millis_since(self.now) / DAY_MS;
        let whose = self.pick(whose.0, whose.1);
        let says = format!(
            "{whose}: {} {days} {} ({})",
            self.pick("còn", "good for"),
            self.pick("ngày", "days"),
            ends.for_people()
        );
        if ends.millis_since(self.now) < CERTIFICATE_DAYS * DAY_MS {
            let next = self
                .pick(
                    "xin cấp lại chứng thư số ngay; đặt tệp mới vào đúng chỗ cũ, cổng tự đọc lại",
                    "have it renewed now; put the new file in its place, the gateway reads it by itself",
                )
                .to_owned();
            self.add(about, State::Ill, says, &next);
        } else {
            self.ok(about, says);
        }
    }
}

pub fn doctor(common: &Common, args: Doctor) -> Outcome {
    let mut report = Report { lang: common.lang(), now: clock::Clock::system().now(), findings: Vec::new() };
    match common.load() {
        Ok(config) => examine(common, &config, args, &mut report)?,
        Err(Ended::CannotStart(words)) => {
            let next = report
                .pick("sửa tệp cấu hình, rồi `lienthong check`", "mend the file, then `lienthong check`");
            report.add("configuration", State::Ill, words.trim_end().to_owned(), next);
        }
        Err(other) => return Err(other),
    }
    tell(common, &report)
}

fn examine(common: &Common, config: &Config, args: Doctor, report: &mut Report) -> Outcome {
    if let Some(name) = args.peers.iter().find(|name| !config.peers.contains_key(*name)) {
        let words = common.lang().pick("không có trong cấu hình", "is not configured");
        let hint = perhaps(common.lang(), name, config.peers.keys().map(String::as_str));
        return Err(Ended::Misused(format!("[peers.{name}] {words}{hint}")));
    }
    let files = Files::with_overlay(&config.gateway.overlay)?;
    let rooms = match app::check(config, &common.config.display().to_string(), &files) {
        Ok((_, rooms)) => {
            let says = format!(
                "{}: {} {}",
                common.config.display(),
                config.peers.len(),
                report.pick("hệ thống", "peers")
            );
            report.ok("configuration", says);
            rooms
        }
        Err(defects) => {
            let next =
                report.pick("sửa từng chỗ, rồi `lienthong check`", "mend each, then `lienthong check`");
            report.add("configuration", State::Ill, list(&defects), next);
            Default::default()
        }
    };
    keys(config, report);
    machine(config, report);
    let running = gateway(common, config, report);
    let stats = store(common, config, report)?;
    callers(config, report);
    catalogues::examine(common, config, &files, report)?;
    peer::missing(config, &stats, report);
    for (name, room) in &rooms {
        let wanted = args.peers.is_empty() || args.peers.iter().any(|wanted| wanted == name.as_str());
        if wanted && !room.config.endpoints.is_empty() {
            let known = running.as_ref().map(|running| &running["peers"][name.as_str()]);
            let examined = async {
                peer::examine(room, known, !args.no_log_in, report).await;
                Ok(())
            };
            block_on(examined)?;
        }
        let open = stats.peers.get(name).filter(|_| wanted);
        for (state, vi, en, command) in [
            ("dead", "thư chết", "dead letters", "dead-letters list"),
            ("in-doubt", "lần gọi chưa rõ kết quả", "calls in doubt", "dead-letters list"),
        ] {
            let count = open.and_then(|open| open.by_state.get(state)).copied().unwrap_or_default();
            if count > 0 {
                let says = format!("{count} {}", report.pick(vi, en));
                report.add(name.as_str(), State::Ill, says, &format!("lienthong {command} --peer {name}"));
            }
        }
    }
    Ok(())
}

/// Whoever can read the key can read everything.
fn keys(config: &Config, report: &mut Report) {
    let path = &config.gateway.sealing_key_file;
    match (app::sealing_keys(config), std::fs::metadata(path)) {
        (Err(words), _) => {
            let next = report.pick(
                "lấy lại khóa từ nơi cất giữ; không có khóa thì không mở được dữ liệu nào",
                "bring the key back from where its copy is kept; without it nothing can be opened",
            );
            report.add("keys", State::Ill, words, next);
        }
        (Ok(_), Ok(file)) if file.permissions().mode() & 0o077 != 0 => {
            let says =
                format!("{}: {}", path.display(), report.pick("người khác đọc được", "others can read it"));
            report.add("keys", State::Ill, says, &format!("chmod 600 {}", path.display()));
        }
        (Ok(_), _) => {
            report.ok("keys", report.pick("khóa niêm phong đọc được", "the sealing key is there").to_owned())
        }
    }
    if let Some(tls) = &config.gateway.tls
        && let Some(ends) =
            certificates::read(&tls.certificate_file).ok().and_then(|chain| certificates::ends(&chain))
    {
        report.certificate("door", ends, ("chứng thư số của cổng", "the gateway's certificate"));
    }
}

fn machine(config: &Config, report: &mut Report) {
    // Before the first start the folder is not there, and its disk is that of the nearest one above.
    let folder = config.gateway.data.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    match disk::room(folder) {
        Ok(room) => {
            let percent = room.free_bytes * 100 / room.bytes.max(1);
            let says = format!(
                "{} MB ({percent} %) {} {}",
                room.free_bytes >> 20,
                report.pick("còn trống ở", "free at"),
                folder.display()
            );
            match (room.free_bytes < DISK_FREE_BYTES, percent < 10) {
                (true, _) => {
                    let next = report.pick(
                        "dọn hoặc nới đĩa; khi đầy, cổng từ chối nhận (503) chứ không làm mất gì",
                        "make room; when it is full the gateway refuses (503) and loses nothing",
                    );
                    report.add("disk", State::Ill, says, next);
                }
                (false, true) => report.add("disk", State::Note, says, ""),
                (false, false) => report.ok("disk", says),
            }
        }
        Err(error) => report.add("disk", State::Ill, format!("{}: {error}", folder.display()), ""),
    }
}

/// What a gateway that runs says of itself.
fn gateway(common: &Common, config: &Config, report: &mut Report) -> Option<Value> {
    match operate::ask_running(common, config, &AdminCall::Status) {
        Ok(status) => {
            if status["ready"] == true {
                let says = report.pick("đang chạy, nhận được hồ sơ", "runs and accepts");
                report.ok("gateway", format!("{says}: {}", status["listen"].as_str().unwrap_or("-")));
            } else {
                let says = report.pick("đang chạy nhưng KHÔNG nhận được hồ sơ", "runs and can NOT accept");
                let says = format!("{says}: {}", status["store"].as_str().unwrap_or("-"));
                let next = report.pick("xem đĩa và kho dữ liệu ở trên", "see disk and store above");
                report.add("gateway", State::Ill, says, next);
            }
            for ill in status["ill"].as_array().into_iter().flatten() {
                let words =
                    ["part", "peer", "reason", "since"].map(|name| ill[name].as_str().unwrap_or_default());
                let says =
                    words.iter().filter(|word| !word.is_empty()).copied().collect::<Vec<_>>().join(" ");
                // Looked at below, with the step to take.
                if ill["part"] != "receiver" {
                    report.add("gateway", State::Ill, says, "journalctl -u lienthong");
                }
            }
            Some(status)
        }
        Err(Ended::NotRunning(_)) => {
            let says = report.pick("không chạy", "does not run").to_owned();
            let state =
                if config.gateway.data.join("lienthong.db").exists() { State::Ill } else { State::Note };
            report.add("gateway", state, says, "systemctl start lienthong");
            None
        }
        Err(_) => None,
    }
}

fn store(common: &Common, config: &Config, report: &mut Report) -> Result<Stats, Ended> {
    if !config.gateway.data.join("lienthong.db").exists() {
        let says =
            report.pick("chưa có; lần chạy đầu tiên tạo ra", "there is none yet; the first start makes it");
        report.add("store", State::Note, says.to_owned(), "");
        return Ok(Stats::default());
    }
    let store = match show::open(common) {
        Ok(store) => store,
        Err(Ended::CannotStart(words)) => {
            let next = report.pick(
                "xem runbook «kho dữ liệu hỏng»: giữ nguyên thư mục, khôi phục từ bản sao lưu",
                "see the runbook of a damaged store: leave the folder as it is, restore a backup",
            );
            report.add("store", State::Ill, words, next);
            return Ok(Stats::default());
        }
        Err(other) => return Err(other),
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
                "chỉnh giờ, bật đồng bộ NTP (`timedatectl`)",
                "set the clock and have it synchronised (`timedatectl`)",
            );
            report.add("clock", State::Ill, format!("{words} {}", latest.for_people()), next);
        }
        None => report.ok("clock", report.now.for_people()),
    }
    for pause in pauses.iter().filter(|pause| pause.lasts()) {
        let says = format!(
            "{}: {} {}",
            report.pick("đang ngừng gửi", "nothing is sent"),
            pause.why.as_str(),
            pause.since.for_people()
        );
        let next = if pause.why.as_str() == "paused" {
            format!("lienthong peers resume {}", pause.peer)
        } else {
            String::new()
        };
        report.add(pause.peer.as_str(), State::Note, says, &next);
    }
    Ok(stats)
}

/// Software that only calls, and has nothing to call with.
fn callers(config: &Config, report: &mut Report) {
    let made = keyring::read(&config.gateway.keys_file()).unwrap_or_default();
    let silent =
        config.peers.iter().filter(|(_, peer)| peer.endpoints.is_empty() && peer.door.accepts(Proof::Key));
    for (name, _) in silent {
        if !made.iter().any(|entry| PeerName::from(entry.peer.as_str()).as_str() == name) {
            let says = report.pick("chưa được cấp khóa", "has no key yet").to_owned();
            report.add(name, State::Note, says, &format!("lienthong keys add {name}"));
        }
    }
}

fn tell(common: &Common, report: &Report) -> Outcome {
    let ill = report.findings.iter().filter(|finding| finding.state == State::Ill).count();
    if common.json {
        let said = json!({ "ill": ill, "findings": report.findings });
        say!("{said:#}");
    } else {
        let lang = report.lang;
        for finding in &report.findings {
            let mark = match finding.state {
                State::Ok => lang.pick("tốt", "ok"),
                State::Note => lang.pick("lưu ý", "note"),
                State::Ill => lang.pick("LỖI", "ILL"),
            };
            say!(
                "{mark:<6} {:<16} {}",
                about(&finding.about, lang),
                finding.says.replace('\n', "\n                        ")
            );
            if !finding.next.is_empty() {
                say!("{:<23} → {}", "", finding.next);
            }
        }
        match (ill, lang) {
            (0, _) => say!("{}", lang.pick("\nKhông có gì cần người xử lý.", "\nNothing needs a person.")),
            (_, Lang::Vi) => say!("\n{ill} điều cần người xử lý."),
            (_, Lang::En) => say!("\n{ill} of these need a person."),
        }
    }
    if ill == 0 { Ok(()) } else { Err(Ended::NotAsItShould) }
}

/// What a finding is about, for people; a peer's name stays as it is.
fn about(about: &str, lang: Lang) -> &str {
    match about {
        "configuration" => lang.pick("cấu hình", "configuration"),
        "keys" => lang.pick("khóa", "keys"),
        "door" => lang.pick("cửa vào", "door"),
        "disk" => lang.pick("đĩa", "disk"),
        "clock" => lang.pick("đồng hồ", "clock"),
        "store" => lang.pick("kho dữ liệu", "store"),
        "gateway" => lang.pick("cổng", "gateway"),
        peer => peer,
    }
}
