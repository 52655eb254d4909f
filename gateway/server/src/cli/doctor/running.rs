//! What a gateway that runs says of itself, each ill part with the step to take and its runbook.

use gateway_core::ids::Moment;
use serde_json::Value;

use super::{Report, State};
use crate::cli::{Common, Ended, operate};
use crate::config::Config;
use crate::health::CERTIFICATE_ALERT_MS;
use crate::http::AdminCall;
use crate::store;

/// What it says; none if none runs.
pub(super) fn examine(common: &Common, config: &Config, report: &mut Report) -> Option<Value> {
    match operate::ask_running(common, config, &AdminCall::Status) {
        Ok(status) => {
            let ready = status["ready"] == true;
            if ready {
                let says = report.pick("đang chạy, nhận được hồ sơ", "runs and accepts");
                report.ok("gateway", format!("{says}: {}", status["listen"].as_str().unwrap_or("-")));
            } else {
                let reason = status["trouble"].as_str().unwrap_or_default();
                let says = report.pick("đang chạy nhưng KHÔNG nhận được hồ sơ", "runs and can NOT accept");
                let (vi, en) = store_words(reason);
                let says = format!("{says}: {}", report.pick(vi, en));
                let (vi, en) = store_step(reason);
                let next = report.pick(vi, en).to_owned();
                report.add("gateway", State::Ill, says, &next);
            }
            for ill in status["ill"].as_array().into_iter().flatten() {
                let text = |name: &str| ill[name].as_str().unwrap_or_default();
                let (part, reason) = (text("part"), text("reason"));
                // Said above, or looked at below with the step to take.
                if matches!(part, "receiver" | "peer") || (part == "store" && !ready) {
                    continue;
                }
                if text("peer").is_empty() || report.wants(text("peer")) {
                    tell(part, text("peer"), reason, Moment::parse(text("since")), report);
                }
            }
            Some(status)
        }
        Err(Ended::NotRunning(_)) => {
            let says = report.pick("không chạy", "does not run").to_owned();
            let data = &config.gateway.data;
            if store::whole(data).is_err() {
                let next = report.pick(
                    "chưa khởi động: làm xong việc khôi phục trước (dòng «kho dữ liệu»)",
                    "do not start it yet: end the restoration first (see «store»)",
                );
                report.add("gateway", State::Ill, says, next);
                return None;
            }
            let known = data.join(store::DATABASE).exists();
            let state = if known { State::Ill } else { State::Note };
            report.add("gateway", state, says, "systemctl start lienthong");
            None
        }
        Err(_) => None,
    }
}

/// One part that is ill.
fn tell(part: &str, peer: &str, reason: &str, since: Option<Moment>, report: &mut Report) {
    let of = if peer.is_empty() { String::new() } else { format!(" ({peer})") };
    let (says, next) = match (part, reason) {
        ("store", _) => (store_words(reason), store_step(reason)),
        ("store-file", _) => (("kho dữ liệu bị hỏng", "the store is damaged"), store_step("store-damaged")),
        ("caller-keys", _) => (
            (
                "cổng không đọc được tệp khóa của bên gọi: khóa mới và khóa vừa thu hồi chưa có tác dụng",
                "the gateway cannot read the callers' keys: what was added or revoked since counts for nothing",
            ),
            (
                "xem dòng «khóa»; keys.json phải nguyên vẹn và thuộc về chủ thư mục dữ liệu (runbook ill)",
                "see «keys»; keys.json must be whole and belong to who owns the data folder (runbook ill)",
            ),
        ),
        ("broker", "blocked") => (
            ("RabbitMQ không nhận thêm bản tin", "the broker takes nothing more"),
            (
                "dọn đĩa hoặc bộ nhớ của RabbitMQ; cổng tự phát tiếp (runbook broker-blocked)",
                "make room on the broker's disk or in its memory; the gateway goes on by itself (runbook broker-blocked)",
            ),
        ),
        ("broker", _) => (
            ("không nối được RabbitMQ", "no connection to the broker"),
            ("xem dòng «RabbitMQ» (runbook broker-away)", "see «RabbitMQ» (runbook broker-away)"),
        ),
        (_, "not-loaded") => (
            (
                "tệp chứng thư số mới không đọc được, cổng đang dùng bản cũ",
                "the new certificate file does not load, the old one goes on being used",
            ),
            (
                "kiểm tra chứng thư số và khóa đi đôi, đọc được; nhật ký `not-reloaded` nêu tệp (runbook certificate-30-days)",
                "see that certificate and key belong together and can be read; `not-reloaded` in the log names the file (runbook certificate-30-days)",
            ),
        ),
        ("peer-certificate", _) => (
            ("chứng thư số của hệ thống này", "its certificate"),
            (
                "báo bên vận hành hệ thống ấy gia hạn (runbook peer-certificate-30-days)",
                "tell its operators to renew it (runbook peer-certificate-30-days)",
            ),
        ),
        ("own-certificate" | "door-certificate", _) => (
            ("chứng thư số của cổng", "the gateway's certificate"),
            (
                "xin cấp lại; đặt tệp mới vào đúng chỗ cũ, cổng tự đọc lại (runbook certificate-30-days)",
                "have it renewed; put the new file in its place, the gateway reads it by itself (runbook certificate-30-days)",
            ),
        ),
        (_, "no-file-handles") => (
            ("cổng hết số tệp được mở cùng lúc", "the gateway has no file handle left"),
            (
                "nâng LimitNOFILE của dịch vụ, hoặc hạ connections_max; xem ai mở quá nhiều kết nối (runbook ill)",
                "raise LimitNOFILE of the service, or lower connections_max; see who opens so many connections (runbook ill)",
            ),
        ),
        (_, "restarted") => (
            ("một phần của cổng phải chạy lại", "a part of the gateway had to be begun again"),
            (
                "giữ nhật ký `task-restarted`, gửi cho nhà cung cấp phần mềm (runbook task-restarts)",
                "keep the log (`task-restarted`) and send it to the software's maker (runbook task-restarts)",
            ),
        ),
        _ => (
            ("không như phải có", "not as it should be"),
            ("runbook ill; journalctl -u lienthong", "runbook ill; journalctl -u lienthong"),
        ),
    };
    // It stands in the list from so long before its end; who reads this wants the end.
    let ends =
        (reason == "expires").then(|| since.map(|since| since.plus_millis(CERTIFICATE_ALERT_MS))).flatten();
    let when = match (ends, since) {
        (Some(ends), _) => format!("{} {}", report.pick("hết hạn", "ends"), ends.for_people()),
        (None, Some(since)) if reason == "expired" => {
            format!("{} {}", report.pick("đã hết hạn", "ended"), since.for_people())
        }
        (None, Some(since)) => format!("{} {}", report.pick("từ", "since"), since.for_people()),
        (None, None) => String::new(),
    };
    let says = format!("{}{of}, {when} [{part} {reason}]", report.pick(says.0, says.1));
    let next = report.pick(next.0, next.1).to_owned();
    report.add("gateway", State::Ill, says, &next);
}

/// Why nothing can be accepted.
fn store_words(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "disk-full" => ("đĩa chứa kho dữ liệu đã đầy", "the disk of the store is full"),
        "store-damaged" => ("kho dữ liệu bị hỏng", "the store is damaged"),
        "store-locked" => {
            ("kho dữ liệu đang bị một chương trình khác khóa", "another program holds the database locked")
        }
        _ => ("không ghi được kho dữ liệu", "the store cannot be written"),
    }
}

fn store_step(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "disk-full" => (
            "dọn hoặc nới đĩa; cổng tự nhận lại, không mất gì (runbook disk-low)",
            "make room; the gateway accepts again by itself, nothing is lost (runbook disk-low)",
        ),
        "store-damaged" => (
            "giữ nguyên thư mục, làm theo runbook ways/store-damaged",
            "leave the folder as it is and follow the runbook ways/store-damaged",
        ),
        "store-locked" => (
            "tìm chương trình đang mở lienthong.db (`fuser lienthong.db` trong thư mục dữ liệu: sqlite3, phần mềm sao lưu) và đóng nó; cổng tự nhận lại",
            "find what has lienthong.db open (`fuser lienthong.db` in the data folder: sqlite3, a backup program) and close it; the gateway accepts again by itself",
        ),
        _ => (
            "xem đĩa và quyền của thư mục dữ liệu (`df -h`, `dmesg`, `ls -l`); nhật ký `not-ready` nêu nguyên nhân",
            "look at the disk and at who may use the data folder (`df -h`, `dmesg`, `ls -l`); `not-ready` in the log says the cause",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Lang;

    fn told(part: &str, reason: &str, lang: Lang) -> (String, String) {
        let at = Moment::parse("2026-11-03T08:00:00+07:00").unwrap();
        let mut report = Report { lang, now: at, peers: Vec::new(), findings: Vec::new() };
        tell(part, "portal", reason, Some(at), &mut report);
        let finding = report.findings.remove(0);
        (finding.says, finding.next)
    }

    #[test]
    fn every_part_that_can_be_ill_has_a_step_and_a_runbook() {
        for (part, reason) in [
            ("store", "disk-full"),
            ("store-file", "store-damaged"),
            ("caller-keys", "not-loaded"),
            ("door-certificate", "expires"),
            ("own-certificate", "expired"),
            ("own-certificate", "not-loaded"),
            ("peer-certificate", "expires"),
            ("broker", "away"),
            ("broker", "blocked"),
            ("door", "no-file-handles"),
            ("delivery", "restarted"),
            ("what-comes", "some-day"),
        ] {
            for lang in [Lang::Vi, Lang::En] {
                let (says, next) = told(part, reason, lang);
                assert!(next.contains("runbook "), "{part} {reason}: {next}");
                assert!(says.ends_with(&format!("[{part} {reason}]")), "{says}");
            }
        }
    }

    #[test]
    fn a_certificate_that_ends_is_told_with_the_day_on_which_it_ends() {
        let (says, _) = told("peer-certificate", "expires", Lang::En);
        let ends = Moment::parse("2026-12-03T08:00:00+07:00").unwrap().for_people();
        assert!(says.contains(&format!("(portal), ends {ends} ")), "{says}");
    }
}
