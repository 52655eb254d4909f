//! One peer: the way to each of its endpoints, its clock, its certificate and ours, and a log-in with each account that has one.

use gateway_core::adapter::{Exchange, Keys, Transcript, Turn};
use gateway_core::fault::Fault;
use gateway_core::ids::Account;
use serde_json::Value;

use super::{Report, State};
use crate::app::Room;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Stats;
use crate::transport::{Failure, Stage};
use crate::words::Lang;

/// A log-in that makes more calls than this goes in circles.
const TURNS_MAX: usize = 20;
/// Signed calls and sessions bear no more.
const CLOCK_OFF_MS: i64 = 30_000;

pub(super) async fn examine(room: &Room, known: Option<&Value>, log_in: bool, report: &mut Report) {
    let name = room.name.as_str();
    if let Some(since) = known.and_then(|known| known["since"].as_str()) {
        let next_try = known
            .and_then(|known| known["next_try"].as_str())
            .map(|next| format!(", {} {next}", report.pick("thử lại lúc", "tried again at")));
        let says = report.pick("không sẵn sàng từ", "away since");
        let says = format!("{says} {since}{}", next_try.unwrap_or_default());
        let next = report.pick(
            "không cần gửi lại gì: việc tồn đọng tự gửi khi hệ thống trở lại; xem các dòng dưới để biết hỏng ở đâu",
            "nothing has to be sent again: the backlog drains by itself; what fails stands below",
        );
        report.add(name, State::Ill, says, next);
    }
    if let Some(ends) = room.transport.certificate_ends() {
        report.certificate(name, ends, ("chứng thư số của cổng tại đây", "our certificate there"));
    }
    let mut reached = true;
    for (endpoint, address) in room.transport.endpoints() {
        reached &= look(room, endpoint, address, report).await;
    }
    if log_in && reached {
        for account in room.adapter.accounts() {
            try_log_in(room, &account, report).await;
        }
    }
}

/// Does the way to this endpoint lead to an answer?
async fn look(room: &Room, endpoint: &str, address: &str, report: &mut Report) -> bool {
    let name = room.name.as_str();
    let seen = room.transport.look(address).await;
    if let Some(ends) = seen.certificate_ends {
        report.certificate(name, ends, ("chứng thư số của hệ thống này", "its certificate"));
    }
    if let Some((stage, why)) = seen.failed {
        let (says, next) = match stage {
            Stage::Name => (
                report.pick("không tìm được địa chỉ", "its name leads nowhere"),
                report.pick(
                    "kiểm tra tên trong `endpoints`, DNS của máy (`getent hosts`) và gateway.destinations",
                    "look at the name in `endpoints`, the machine's DNS (`getent hosts`) and gateway.destinations",
                ),
            ),
            Stage::Connection => (
                report.pick("không kết nối được", "no connection"),
                report.pick(
                    "kiểm tra đường mạng và tường lửa tới địa chỉ này, rồi gọi đơn vị vận hành hệ thống đó",
                    "look at the network and the firewall, then call whoever runs it",
                ),
            ),
            Stage::Certificate => (
                report.pick("bắt tay TLS không được", "the TLS handshake fails"),
                report.pick(
                    "chứng thư số hết hạn, sai tên hoặc không do `ca_file` ký: hỏi đơn vị vận hành, thay ca_file nếu họ đã đổi nơi cấp",
                    "their certificate is past its end, in another name, or not of `ca_file`: ask whoever runs it, replace ca_file if they changed the authority",
                ),
            ),
            Stage::Answer => (
                report.pick("kết nối được nhưng không trả lời", "it connects and does not answer"),
                report.pick(
                    "gọi đơn vị vận hành hệ thống đó; kiểm tra proxy ở giữa",
                    "call whoever runs it; look at a proxy in between",
                ),
            ),
        };
        let says = format!("{says}: {endpoint} {address} ({why})");
        report.add(name, State::Ill, says, next);
        return false;
    }
    let took = seen.connected_ms.unwrap_or_default();
    let status = seen.status.unwrap_or_default();
    let connected = report.pick("kết nối được", "connected");
    report.ok(name, format!("{connected}: {endpoint} {address} ({took} ms, HTTP {status})"));
    if let Some(clock) = seen.clock {
        let off = clock.millis_since(Clock::system().now());
        let says = format!("{} {} s", report.pick("đồng hồ lệch", "its clock is off by"), off / 1000);
        if off.abs() > CLOCK_OFF_MS {
            let next = report.pick(
                "bật đồng bộ giờ (NTP) ở máy này; nếu máy này đúng, báo đơn vị vận hành hệ thống đó",
                "synchronise this machine's clock; if it is right, tell whoever runs the other",
            );
            report.add(name, State::Ill, says, next);
        } else {
            report.ok(name, says);
        }
    }
    true
}

/// What is open for a peer that nothing is sent to: it was renamed, taken out, or has lost its address.
pub(super) fn missing(config: &Config, stats: &Stats, report: &mut Report) {
    for (name, open) in &stats.peers {
        // One that is not configured cannot be asked for by its name, so it is only told where nobody asks for one.
        if !report.wants(name.as_str())
            || config.peers.get(name.as_str()).is_some_and(|peer| !peer.endpoints.is_empty())
        {
            continue;
        }
        let count: u64 = open.by_state.values().sum();
        let words = report.pick(
            "việc còn treo cho một hệ thống không còn được gửi tới: bị đổi tên, bị bỏ khỏi cấu hình hoặc thiếu `endpoints`",
            "open for a peer that nothing is sent to: renamed, taken out of the configuration, or without `endpoints`",
        );
        let says = format!("{count} {words}");
        let next = match report.lang {
            Lang::Vi => format!(
                "khai báo lại [peers.{name}] đúng tên cũ, có `endpoints`, rồi chạy lại cổng: tồn đọng tự gửi; \
                 thư chết không cần nữa thì `lienthong dead-letters discard`"
            ),
            Lang::En => format!(
                "bring [peers.{name}] back under this very name, with its `endpoints`, and restart: what waits goes by \
                 itself; dead letters that nobody needs: `lienthong dead-letters discard`"
            ),
        };
        report.add(name.as_str(), State::Ill, says, &next);
    }
}

async fn try_log_in(room: &Room, account: &Account, report: &mut Report) {
    let name = room.name.as_str();
    match log_in(room, account).await {
        Ok(()) => report.ok(name, format!("{}: {account}", report.pick("đăng nhập được", "logged in"))),
        Err(fault) => {
            let says = report.pick("đăng nhập không được", "the log-in fails");
            let says = format!("{says}: {account}: {} {} ({})", fault.code, fault.words, fault.cause);
            let next = report.pick(
                "kiểm tra tên và mật khẩu (`keys` của hệ thống này); không thử lại nhiều lần kẻo tài khoản bị khóa",
                "look at name and password (`keys` of this peer); do not try again and again, accounts get locked",
            );
            report.add(name, State::Ill, says, next);
        }
    }
}

/// Once, by the peer's own conversation. The session is thrown away.
async fn log_in(room: &Room, account: &Account) -> Result<(), Fault> {
    let (clock, mut transcript) = (Clock::system(), Transcript::default());
    for _ in 0..TURNS_MAX {
        let keys = Keys { fixed: &room.keys, session: None };
        let request = match room.adapter.log_in(account, &keys, &transcript, clock.now())? {
            Turn::Done(_) => return Ok(()),
            Turn::Call(request) => request,
        };
        let signed = room.adapter.sign(&request, &keys, clock.now())?;
        let answer = room.transport.call(&request.endpoint, &signed, &Vec::new()).await;
        let answer = answer.map_err(|failure| {
            let (Failure::NotSent(why) | Failure::Silent(why) | Failure::BrokenOff(why)) = failure;
            Fault::sender("log-in.unanswered", "").because(why)
        })?;
        transcript.0.push(Exchange { request, answer });
    }
    Err(Fault::sender("log-in.circles", ""))
}
