//! The way of an operator: `init`, `check`, `keys add`, `run`, a dossier, its timeline, dead letters mended, given up and offered again.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use conformance::process::{Gateway, terminate};
use conformance::waiting::wait_for;
use serde_json::{Value, json};

use super::Place;
use crate::wire::{RELAY, ask, call};

#[test]
fn an_operator_comes_from_init_to_a_mended_dead_letter() {
    let place = Place::new();
    let made = place.done(&["init", "--folder", "etc"]);
    assert!(made.contains("+ etc/lienthong.toml") && made.contains("+ etc/sealing.key"), "{made}");
    let again = place.done(&["init", "--folder", "etc"]);
    assert!(again.contains("= etc/sealing.key"), "a second init leaves the key alone: {again}");
    place.ends(4, "the gateway does not run", &["redeliver", "--all"]);
    place.ends(3, "there is no store", &["timeline", &code(1)]);

    let portal = Simulator::start(place.command(&["simulate", "--listen", "127.0.0.1:0"]));
    configure(&place, &portal.address);
    place.done(&["check"]);
    place.ends(2, "did you mean `mot-cua`", &["keys", "add", "mot-cuaa"]);
    let key =
        place.json(&["keys", "add", "mot-cua", "--note", "thử"])["key"].as_str().expect("a key").to_owned();
    let keys = place.json(&["keys", "list"]);
    assert_eq!(keys[0]["peer"], "mot-cua");
    assert!(!keys.to_string().contains(&key), "a key is shown once");

    let gateway = Gateway::start(place.command(&["run"]));
    let address = gateway
        .address()
        .expect("log lines are JSON where nobody watches, one of them says where it listens");
    place.ends(3, "in use by process", &["run"]);
    place.ends(3, "cổng liên thông đã chạy rồi", &["run", "--lang", "vi"]);

    let (status, answer) = post(address, &key, &dossier(1, "2"));
    assert_eq!((status, &answer["error_code"]), (200, &json!("0")), "{answer}");
    let (status, answer) = post(address, "wrong", &dossier(1, "2"));
    assert_eq!((status, &answer["error_code"]), (401, &json!("-1")), "{answer}");
    let events = |number: u32| {
        let said = place.run(&["timeline", &code(number), "--json"]);
        assert!(said.status <= 1, "{}", said.err);
        let rows = serde_json::from_str::<Value>(&said.out).unwrap_or_default();
        let rows = rows["rows"].as_array().cloned().unwrap_or_default();
        rows.iter().filter_map(|row| row["event"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let has = |number: u32, event: &str| {
        wait_for(event, || events(number).iter().any(|e| e == event).then_some(()))
    };
    has(1, "delivered");
    assert!(place.done(&["timeline", &code(1)]).contains("delivered"));
    assert!(place.done(&["timeline", &code(1), "--lang", "vi"]).contains("đã gửi xong"));
    place.ends(1, "no dossier has this code", &["timeline", &code(404)]);

    // A status no list knows is taken, and held before the portal: nothing is refused that could be delivered.
    for number in [2, 3] {
        let (status, answer) = post(address, &key, &dossier(number, "trang-thai-la"));
        assert_eq!((status, &answer["error_code"]), (200, &json!("0")), "{answer}");
        has(number, "dead-letter");
    }
    let letter = |number: u32| {
        let letters = place.json(&["dead-letters", "list", "--dossier", &code(number)]);
        letters.as_array().and_then(|letters| letters.first()?["delivery"].as_i64())
    };
    let second = letter(2).expect("a dead letter").to_string();
    let shown = place.done(&["dead-letters", "show", &second]);
    assert!(shown.contains("status [code]"), "{shown}");
    assert!(!shown.contains("Nguyễn Văn Thử"), "the document is shown only when asked for: {shown}");
    // It is there, and no doubt: so it is not said to be missing.
    place.ends(
        1,
        "thư này đang ở trạng thái mà lệnh không dùng được",
        &["dead-letters", "settle", &second, "happened"],
    );
    place.ends(1, "không có thư chết nào mang số này", &["dead-letters", "settle", "9999", "happened"]);
    let shown = place.json(&["dead-letters", "show", &second, "--document"]);
    let mut document = shown["document"].clone();
    assert_eq!(document["status"], "trang-thai-la");
    document["status"] = json!(7);
    let file = place.write("mended.json", &document.to_string());
    let file = file.to_str().expect("a path");
    place.ends(1, "status [type]", &["dead-letters", "correct", &second, "--file", file]);
    document["status"] = json!("4");
    let mut whole = shown.clone();
    whole["document"] = document;
    place.write("mended.json", &whole.to_string());
    place.done(&["dead-letters", "correct", &second, "--file", file]);
    has(2, "delivered");

    place.ends(2, "say which", &["redeliver"]);
    place.ends(2, "did you mean `portal`", &["redeliver", "--peer", "portall"]);
    place.ends(2, "--since must be before", &["redeliver", "--since", "2026-11-22", "--until", "2026-11-21"]);
    let dry =
        place.json(&["redeliver", "--fault", "mapping.untranslatable", "--until", "2020-01-01", "--dry-run"]);
    assert_eq!(dry["deliveries"], json!([]), "nothing is as old as that");
    let dry = place.done(&["redeliver", "--dossier", &code(3), "--dry-run"]);
    assert!(dry.contains(&code(3)), "{dry}");
    assert!(!events(3).iter().any(|event| event == "redelivered"), "a dry run does nothing");
    place.done(&["redeliver", "--dossier", &code(3)]);
    has(3, "redelivered");
    let dead = |events: Vec<String>| {
        (events.iter().filter(|event| *event == "dead-letter").count() == 2).then_some(())
    };
    wait_for("the same refusal again", || dead(events(3)));
    let third = letter(3).expect("a dead letter again").to_string();
    place.done(&["dead-letters", "discard", &third, "--reason", "gửi nhầm"]);
    has(3, "discarded");
    place.ends(1, "", &["dead-letters", "discard", &third, "--reason", "gửi nhầm"]);
    place.ends(1, "no dead letter", &["dead-letters", "show", "9999"]);
    assert_eq!(place.json(&["dead-letters", "list"]), json!([]));

    assert!(gateway.stop().success(), "SIGTERM is a way to end well");
    place.ends(4, "the gateway does not run", &["dead-letters", "discard", "1", "--reason", "x"]);
    assert!(
        place.done(&["timeline", &code(1)]).contains("delivered"),
        "the record is read without a gateway"
    );
    let id = keys[0]["id"].as_str().expect("an id");
    place.done(&["keys", "revoke", id]);
    place.ends(2, "there is no key", &["keys", "revoke", id]);
    assert_eq!(portal.stop(), 0);
}

#[test]
fn keys_that_many_people_change_at_once_are_all_changed() {
    let place = Place::new();
    place.done(&["init", "--folder", "etc"]);
    let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("the configuration");
    place.write(
        "etc/lienthong.toml",
        &config.replace("\"etc/", &format!("\"{}/", place.path("etc").display())),
    );
    let start = |args: &[&str]| {
        let mut command = place.command(args);
        command
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts")
    };
    let said = |child: Child| {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let add = || start(&["keys", "add", "mot-cua"]);
    let ids = |children: Vec<Child>| -> Vec<String> {
        let made =
            children.into_iter().map(|child| serde_json::from_slice::<Value>(&said(child)).expect("JSON"));
        made.map(|made| made["id"].as_str().expect("an id").to_owned()).collect()
    };
    let old = ids((0..12).map(|_| add()).collect());
    // Half of the crowd adds, half revokes what the first crowd has added.
    let revoking: Vec<Child> = old.iter().map(|id| start(&["keys", "revoke", id])).collect();
    let mut new = ids((0..12).map(|_| add()).collect());
    revoking.into_iter().for_each(|child| drop(said(child)));
    let kept = place.json(&["keys", "list"]);
    let mut kept: Vec<&str> =
        kept.as_array().into_iter().flatten().filter_map(|key| key["id"].as_str()).collect();
    kept.sort_unstable();
    new.sort_unstable();
    assert_eq!(kept, new);
}

/// The configuration that `init` wrote, with ports that are free and a portal that is there.
pub(super) fn configure(place: &Place, portal: &str) {
    let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("the configuration");
    let folder = place.folder.path().display();
    let config = config
        .replace("127.0.0.1:8460", "127.0.0.1:0")
        .replace("http://127.0.0.1:8461", portal)
        .replace("\"etc/", &format!("\"{folder}/etc/"))
        .replace("\"etc\"", &format!("\"{folder}/etc\""));
    place.write("etc/lienthong.toml", &config);
}

/// `lienthong simulate`; it is told to stop when this goes.
pub(super) struct Simulator {
    child: Child,
    /// Where it listens, as it says.
    pub(super) address: String,
}

impl Simulator {
    pub(super) fn start(mut command: Command) -> Simulator {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let address = lines.next().and_then(Result::ok).filter(|line| line.starts_with("http://"));
        // Whoever writes into a closed pipe dies of it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let address = address.unwrap_or_else(|| panic!("ended without an address: {:?}", child.wait()));
        Simulator { child, address }
    }

    pub(super) fn stop(mut self) -> i32 {
        terminate(self.child.id());
        self.child.wait().ok().and_then(|status| status.code()).unwrap_or(-1)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Posts JSON as a one-stop-shop would: status and body.
pub(super) fn post(address: SocketAddr, key: &str, body: &Value) -> (u16, Value) {
    let headers = [("x-api-key", key), ("content-type", RELAY.media)];
    let bytes = call("POST", RELAY.path, &headers, body.to_string().as_bytes());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let heard = runtime.block_on(ask(address, &bytes)).expect("it answers");
    (heard.status, heard.json())
}

pub(super) fn dossier(number: u32, status: &str) -> Value {
    let text = conformance::documents().remove("dossier.json").expect("ops/demo/dossier.json");
    let mut dossier: Value = serde_json::from_str(&text).expect("JSON");
    dossier["MaHoSo"] = json!(code(number));
    dossier["TrangThaiHoSo"] = json!(status);
    json!([dossier])
}

pub(super) fn code(number: u32) -> String {
    format!("H99.14-261123-{number:04}")
}
