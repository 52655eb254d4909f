//! `doctor`: what is ill, since when, and what to do next: the installation, the machine, the store, and the way to each peer.
//!
//! It looks and changes nothing. To a peer it sends `HEAD` and, once, the log-in that any conversation begins with; never a message. A
//! gateway that runs is asked through its admin door what it knows; without one everything else is looked at all the same.

mod broker;
mod catalogues;
mod kept;
mod peer;
mod running;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use clap::Args;
use gateway_core::ids::{Moment, PeerName};
use serde_json::json;

use super::{Common, Ended, Outcome, block_on, list, perhaps};
use crate::config::door::Proof;
use crate::config::{CarrierName, Config};
use crate::files::Files;
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
    /// Only these peers; none means all of them.
    peers: Vec<String>,
    findings: Vec<Finding>,
}

impl Report {
    fn pick<'a>(&self, vi: &'a str, en: &'a str) -> &'a str {
        self.lang.pick(vi, en)
    }

    /// Was this peer asked about?
    fn wants(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|wanted| wanted == peer)
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
    let Doctor { peers, no_log_in } = args;
    let now = clock::Clock::system().now();
    let mut report = Report { lang: common.lang(), now, peers, findings: Vec::new() };
    match common.load() {
        Ok(config) => examine(common, &config, !no_log_in, &mut report)?,
        Err(Ended::CannotStart(words)) => {
            let next = report
                .pick("sửa tệp cấu hình, rồi `lienthong check`", "mend the file, then `lienthong check`");
            report.add("configuration", State::Ill, words.trim_end().to_owned(), next);
        }
        Err(other) => return Err(other),
    }
    tell(common, &report)
}

fn examine(common: &Common, config: &Config, log_in: bool, report: &mut Report) -> Outcome {
    if let Some(name) = report.peers.iter().find(|name| !config.peers.contains_key(*name)) {
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
    let running = running::examine(common, config, report);
    let stats = kept::examine(config, report)?;
    callers(config, report);
    if config.queue.carrier == CarrierName::RabbitMq {
        block_on(async {
            broker::examine(config, running.as_ref(), report).await;
            Ok(())
        })?;
    }
    if report.peers.is_empty() {
        catalogues::examine(common, config, &files, report)?;
    }
    peer::missing(config, &stats, report);
    for (name, room) in &rooms {
        let wanted = report.wants(name.as_str());
        if wanted && !room.config.endpoints.is_empty() {
            let known = running.as_ref().map(|running| &running["peers"][name.as_str()]);
            let examined = async {
                peer::examine(room, known, log_in, report).await;
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

/// Software that only calls, and has nothing to call with.
fn callers(config: &Config, report: &mut Report) {
    let Some(made) = made_keys(config, report) else { return };
    let silent =
        config.peers.iter().filter(|(_, peer)| peer.endpoints.is_empty() && peer.door.accepts(Proof::Key));
    for (name, _) in silent.filter(|(name, _)| report.wants(name)).collect::<Vec<_>>() {
        if !made.iter().any(|entry| PeerName::from(entry.peer.as_str()).as_str() == name) {
            let says = report.pick("chưa được cấp khóa", "has no key yet").to_owned();
            report.add(name, State::Note, says, &format!("lienthong keys add {name}"));
        }
    }
}

/// The keys of all callers; none if the file, or its owner, keeps them from the gateway.
fn made_keys(config: &Config, report: &mut Report) -> Option<Vec<keyring::KeyEntry>> {
    let (data, path) = (&config.gateway.data, config.gateway.keys_file());
    let made = keyring::read(&path);
    let own = format!("chown --reference={} {}", data.display(), path.display());
    if let Err(error) = &made {
        let words = report.pick("không đọc được khóa của bên gọi", "the callers' keys cannot be read");
        let says = format!("{words}: {}: {error}", path.display());
        let next = match (error.kind(), report.lang) {
            (std::io::ErrorKind::PermissionDenied, _) => own,
            (_, Lang::Vi) => {
                "lấy lại keys.json từ bản sao lưu gần nhất (cổng tự đọc lại); không có thì chuyển tệp hỏng đi và cấp khóa mới bằng \
                 `lienthong keys add`"
                    .to_owned()
            }
            (_, Lang::En) => {
                "bring keys.json back from the last backup (the gateway reads it by itself); without one, move the broken file away and \
                 make new keys with `lienthong keys add`"
                    .to_owned()
            }
        };
        report.add("keys", State::Ill, says, &next);
    } else if let (Ok(is), Ok(should)) = (path.metadata(), data.metadata())
        && is.uid() != should.uid()
        && is.mode() & 0o004 == 0
    {
        let words = report.pick(
            "khóa của bên gọi không thuộc về chủ thư mục dữ liệu, cổng có thể không đọc được",
            "the callers' keys do not belong to who owns the data folder, the gateway may not be able to read them",
        );
        report.add("keys", State::Ill, format!("{words}: {}", path.display()), &own);
    }
    made.ok()
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
        "broker" => "RabbitMQ",
        "catalogues" => lang.pick("danh mục", "catalogues"),
        "gateway" => lang.pick("cổng", "gateway"),
        peer => peer,
    }
}
