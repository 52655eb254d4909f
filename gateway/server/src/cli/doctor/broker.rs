//! RabbitMQ, where it is the carrier: tried from here, whether the gateway runs or not, with a step for each thing that can be wrong.

use serde_json::Value;

use super::{Report, State};
use crate::config::Config;
use crate::queue::amqp::{Trouble, look, topology_of};
use crate::words::Lang;

pub(super) async fn examine(config: &Config, running: Option<&Value>, report: &mut Report) {
    let queue = &config.queue;
    let place = format!("{}:{} {}", queue.host, queue.port, queue.vhost);
    let found = look(queue, &topology_of(config)).await;
    // What is not declared yet, the gateway declares when it starts.
    let ill = |trouble: &Trouble| !(queue.declare && matches!(trouble, Trouble::Missing(_)));
    if !found.iter().any(ill) {
        let connected = report.pick("kết nối, đăng nhập được", "connected and logged in");
        report.ok("broker", format!("{connected}: {place}"));
        // The gateway asks for more than can be asked from here without taking its messages.
        if let Some(why) = running.and_then(|running| running["broker"].as_str()) {
            let says = report.pick("cổng đang chạy vẫn báo", "the running gateway says all the same");
            let next = report.pick(
                "kiểm tra quyền configure, write, read của người dùng (ops/rabbitmq/README.md: `rabbitmqctl set_permissions`); runbook broker-away",
                "look at the user's rights configure, write, read (ops/rabbitmq/README.md: `rabbitmqctl set_permissions`); runbook broker-away",
            );
            report.add("broker", State::Ill, format!("{says}: {why}"), next);
        }
    }
    for trouble in &found {
        tell(trouble, &place, &queue.user, ill(trouble), report);
    }
}

fn tell(trouble: &Trouble, place: &str, user: &str, ill: bool, report: &mut Report) {
    let (vi, en, why, next_vi, next_en) = match trouble {
        Trouble::Settings(why) => (
            "không đọc được mật khẩu hoặc chứng thư số cho RabbitMQ",
            "password or certificate for the broker cannot be read",
            why,
            "sửa chỗ nêu trên trong [queue], rồi `lienthong check`",
            "mend what is named in [queue], then `lienthong check`",
        ),
        Trouble::Name(why) => (
            "không tìm được địa chỉ của RabbitMQ",
            "the broker's name leads nowhere",
            why,
            "kiểm tra queue.host và DNS của máy (`getent hosts`)",
            "look at queue.host and the machine's DNS (`getent hosts`)",
        ),
        Trouble::Connection(why) => (
            "không kết nối được tới RabbitMQ",
            "no connection to the broker",
            why,
            "trên máy của nó: `systemctl status rabbitmq-server`; rồi queue.host, queue.port, tường lửa (runbook broker-away)",
            "on its machine: `systemctl status rabbitmq-server`; then queue.host, queue.port, the firewall (runbook broker-away)",
        ),
        Trouble::Certificate(why) => (
            "bắt tay TLS với RabbitMQ không được",
            "the TLS handshake with the broker fails",
            why,
            "kiểm tra queue.tls: ca_file có phải nơi ký chứng thư số của nó không, hạn và tên của chứng thư số; cổng TLS có đúng không",
            "look at queue.tls: whether ca_file is who signed its certificate, end and name of that, and whether the port speaks TLS",
        ),
        Trouble::LogIn(why) => (
            "RabbitMQ không nhận tên hoặc mật khẩu",
            "the broker refuses user or password",
            why,
            "kiểm tra queue.user, queue.password; đặt lại bằng `rabbitmqctl change_password` (cổng tự đọc lại tệp mật khẩu)",
            "look at queue.user, queue.password; set it anew with `rabbitmqctl change_password` (the gateway reads the file again by itself)",
        ),
        Trouble::Vhost(why) => (
            "không vào được virtual host",
            "the virtual host is not open to us",
            why,
            "kiểm tra queue.vhost (`rabbitmqctl list_vhosts`), rồi `rabbitmqctl set_permissions -p <vhost>` như ops/rabbitmq/README.md",
            "look at queue.vhost (`rabbitmqctl list_vhosts`), then `rabbitmqctl set_permissions -p <vhost>` as in ops/rabbitmq/README.md",
        ),
        Trouble::Rights(why) => (
            "người dùng của cổng thiếu quyền ở RabbitMQ",
            "the gateway's user lacks a right at the broker",
            why,
            "`rabbitmqctl set_permissions` như ops/rabbitmq/README.md",
            "`rabbitmqctl set_permissions` as in ops/rabbitmq/README.md",
        ),
        Trouble::Unequal(why) => (
            "hàng đợi đã có nhưng khác tham số",
            "a queue is there with other arguments",
            why,
            "dừng cổng, xóa hàng đợi đó, chạy lại: kho trao lại hết, không mất gì (ops/rabbitmq/README.md)",
            "stop the gateway, delete that queue, start again: the store hands everything over again (ops/rabbitmq/README.md)",
        ),
        Trouble::Answer(why) => (
            "RabbitMQ không trả lời như phải có",
            "the broker does not answer as it should",
            why,
            "`rabbitmq-diagnostics check_running` trên máy của nó; queue.port có phải cổng AMQP không (runbook broker-away)",
            "`rabbitmq-diagnostics check_running` on its machine; is queue.port its AMQP port? (runbook broker-away)",
        ),
        Trouble::Blocked(why) => (
            "RabbitMQ không nhận thêm bản tin (đĩa hoặc bộ nhớ của nó)",
            "the broker takes nothing more (its disk or memory)",
            why,
            "`rabbitmq-diagnostics alarms` trên máy của nó, dọn chỗ; cổng tự phát tiếp (runbook broker-blocked)",
            "`rabbitmq-diagnostics alarms` on its machine, make room; the gateway goes on by itself (runbook broker-blocked)",
        ),
        Trouble::Missing(names) => {
            let says = report.pick("chưa có ở RabbitMQ", "not at the broker");
            let says = format!("{says}: {}", names.join(", "));
            match (ill, report.lang) {
                (true, Lang::Vi) => report.add(
                    "broker",
                    State::Ill,
                    says,
                    "declare = false: `lienthong topology --definitions > lienthong.json`, rồi `rabbitmqctl import_definitions lienthong.json`",
                ),
                (true, Lang::En) => report.add(
                    "broker",
                    State::Ill,
                    says,
                    "declare = false: `lienthong topology --definitions > lienthong.json`, then `rabbitmqctl import_definitions lienthong.json`",
                ),
                (false, lang) => {
                    let when = lang.pick("cổng tự tạo khi chạy", "the gateway declares it when it starts");
                    report.add("broker", State::Note, format!("{says} ({when})"), "");
                }
            }
            return;
        }
    };
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    let says = format!("{}: {user} {place}{why}", report.pick(vi, en));
    let next = report.pick(next_vi, next_en).to_owned();
    report.add("broker", State::Ill, says, &next);
}
