//! The way of an operator: `init`, `check`, `keys add`, `run`, a dossier, its timeline, dead letters mended, given up and offered again.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Place;

const UNIT: &str = "000.00.00.H99";

#[test]
fn an_operator_comes_from_init_to_a_mended_dead_letter() {
    let place = Place::new();
    let made = place.done(&["init", "--folder", "etc"]);
    assert!(made.contains("+ etc/lienthong.toml") && made.contains("+ etc/sealing.key"), "{made}");
    let again = place.done(&["init", "--folder", "etc"]);
    assert!(again.contains("= etc/sealing.key"), "a second init leaves the key alone: {again}");
    place.ends(4, "the gateway does not run", &["redeliver", "--all"]);
    place.ends(3, "there is no store", &["timeline", &code(1)]);

    let portal = Running::start(place.command(&["simulate", "--listen", "127.0.0.1:0"]), "http://", false);
    let config = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("the configuration");
    let config = config
        .replace("127.0.0.1:8460", "127.0.0.1:0")
        .replace("http://127.0.0.1:8461", portal.line.trim())
        .replace("\"etc/", &format!("\"{}/etc/", place.folder.path().display()))
        .replace("\"etc\"", &format!("\"{}/etc\"", place.folder.path().display()));
    place.write("etc/lienthong.toml", &config);
    place.done(&["check"]);
    place.ends(2, "did you mean `mot-cua`", &["keys", "add", "mot-cuaa"]);
    let key =
        place.json(&["keys", "add", "mot-cua", "--note", "thử"])["key"].as_str().expect("a key").to_owned();
    let keys = place.json(&["keys", "list"]);
    assert_eq!(keys[0]["peer"], "mot-cua");
    assert!(!keys.to_string().contains(&key), "a key is shown once");

    let gateway = Running::start(place.command(&["run"]), "\"event\":\"ready\"", true);
    let ready: Value = serde_json::from_str(&gateway.line).expect("log lines are JSON where nobody watches");
    let address = ready["listen"].as_str().expect("an address").to_owned();
    place.ends(3, "another", &["run"]);

    let (status, answer) = post(&address, &key, "/api/DongBoHoSoMC", &dossier(1, "2"));
    assert_eq!((status, &answer["error_code"]), (200, &json!("0")), "{answer}");
    let (status, answer) = post(&address, "wrong", "/api/DongBoHoSoMC", &dossier(1, "2"));
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
        let (status, answer) = post(&address, &key, "/api/DongBoHoSoMC", &dossier(number, "trang-thai-la"));
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

    assert_eq!(gateway.stop(), 0, "SIGTERM is a way to end well");
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

/// A command that stays up; it is told to stop when this goes.
struct Running {
    child: Child,
    /// What the line that was waited for said.
    line: String,
}

impl Running {
    /// Starts it and waits for the line with these words, on standard error if `log`, else on standard output.
    fn start(mut command: Command, words: &str, log: bool) -> Running {
        let (out, err) = if log { (Stdio::null(), Stdio::piped()) } else { (Stdio::piped(), Stdio::null()) };
        let mut child = command.stdout(out).stderr(err).spawn().expect("the program starts");
        let stream: Box<dyn std::io::Read + Send> = match (child.stdout.take(), child.stderr.take()) {
            (Some(out), _) => Box::new(out),
            (_, Some(err)) => Box::new(err),
            _ => unreachable!("one of the two is piped"),
        };
        let mut lines = BufReader::new(stream).lines();
        let line = lines.by_ref().map_while(Result::ok).find(|line| line.contains(words));
        // Whoever writes into a closed pipe dies of it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let line = line.unwrap_or_else(|| panic!("ended without saying {words}: {:?}", child.wait()));
        Running { child, line }
    }

    fn stop(mut self) -> i32 {
        self.terminate();
        self.child.wait().ok().and_then(|status| status.code()).unwrap_or(-1)
    }

    #[allow(unsafe_code, reason = "std cannot send SIGTERM")]
    fn terminate(&self) {
        // SAFETY: a signal to a child that this value owns and has not yet waited for.
        unsafe { libc::kill(self.child.id() as i32, libc::SIGTERM) };
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Waits for a state: a child process has no event to wait for. 30 s is longer than any machine that still works needs.
#[track_caller]
fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Posts JSON as a one-stop-shop would: status and body.
fn post(address: &str, key: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).expect("the gateway listens");
    let head = format!(
        "POST {path}?MaDinhDanhDV={UNIT}&isUpdating=False HTTP/1.1\r\nhost: {address}\r\nx-api-key: {key}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body.as_bytes()))
        .expect("it takes the call");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn dossier(number: u32, status: &str) -> Value {
    let text = conformance::documents().remove("dossier.json").expect("ops/demo/dossier.json");
    let mut dossier: Value = serde_json::from_str(&text).expect("JSON");
    dossier["MaHoSo"] = json!(code(number));
    dossier["TrangThaiHoSo"] = json!(status);
    json!([dossier])
}

fn code(number: u32) -> String {
    format!("H99.14-261123-{number:04}")
}
