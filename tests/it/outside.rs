//! What is seen from outside: health, readiness, metrics, one correlation id through all lines, the trace context passed on.

use std::collections::BTreeSet;

use lienthong::http::{AdminCall, call_admin};
use serde_json::{Value, json};

use crate::process::Process;
use crate::wire::{Heard, House, RELAY, SPEAKERS, ask, call, dossier, head, until};

async fn get(address: std::net::SocketAddr, path: &str) -> Heard {
    ask(address, &head("GET", path, &[])).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ill_peer_stands_in_the_body_and_never_in_the_status() {
    let house = House::with(&[]).await;
    let ready = get(house.address(), "/readyz").await;
    assert_eq!((ready.status, &ready.json()["peers"]["portal"]["state"]), (200, &json!("up")), "{ready:?}");
    house.stage.portal.always(lienthong::simulator::Twist::parse("503"));
    house.send(RELAY, &[dossier("H99.14-261123-0301", json!({}))]).await;
    house.stage.quiet().await.unwrap();
    house.clock.advance_to(house.clock.now().plus_millis(90_000));
    house.stage.quiet().await.unwrap();
    let ready = get(house.address(), "/readyz").await;
    let portal = &ready.json()["peers"]["portal"];
    assert_eq!((ready.status, &portal["state"]), (200, &json!("away")), "{ready:?}");
    assert!(portal["since"].as_str().is_some_and(|since| since.starts_with("2026-11-23T")), "{portal}");
    assert_eq!(portal["for_seconds"], 90);
    assert_eq!(house.counted("lienthong_peer_away{peer=\"portal\"}").await, 1.0);
    assert_eq!(house.counted("lienthong_oldest_waiting_seconds{peer=\"portal\"}").await, 90.0);
    assert_eq!(get(house.address(), "/healthz").await.text(), "ok\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_takes_nothing_is_said_and_gets_over() {
    let mut house = House::with(&[]).await;
    let process = Process::in_place_of(&mut house).await;
    let send = async |code: &str| {
        let body = RELAY.body(&[dossier(code, json!({}))]);
        ask(process.address, &house.post(RELAY, &body)).await.unwrap()
    };
    assert_eq!(get(process.address, "/readyz").await.status, 200);
    assert_eq!(send("H99.14-261123-0302").await.status, 200);
    process.logged("delivery", |line| line["settlement"] == "delivered").await;

    process.limit_files("1");
    let heard = send("H99.14-261123-0303").await;
    let (code, words) = RELAY.said(&heard);
    assert_eq!((heard.status, code.as_str()), (503, "-1"), "{heard:?}");
    assert!(words.contains("hãy gửi lại sau") && heard.header("retry-after").is_some(), "{heard:?}");
    let not_ready = async || {
        let ready = get(process.address, "/readyz").await;
        (ready.status == 503).then_some(ready)
    };
    let ready = until("a readiness that says no", not_ready).await;
    assert_eq!(ready.json()["ready"], false, "{ready:?}");
    // Strangers read a word; what the disk really said, only who can read the log or may open the admin door.
    let word = ready.json()["store"].as_str().unwrap_or_default().to_owned();
    assert!(["disk-full", "store-unavailable"].contains(&word.as_str()), "{ready:?}");
    let logged = process.logged("the trouble", |line| line["event"] == "not-ready").await;
    let full = logged["error"].as_str().expect("what the disk said");
    assert!(logged["store"] == word && full.len() > word.len() && !ready.text().contains(full), "{logged}");
    let socket = house.stage.folder().join("data/admin.sock");
    let status = call_admin(&socket, &AdminCall::Status).await.expect("the admin door answers");
    assert_eq!((&status["ready"], &status["store"]), (&json!(false), &json!(full)));
    assert_eq!(get(process.address, "/healthz").await.status, 200);

    process.limit_files("unlimited");
    until("readiness", async || (get(process.address, "/readyz").await.status == 200).then_some(())).await;
    assert_eq!(send("H99.14-261123-0303").await.status, 200);
    let both = async || (house.stage.portal.state()["creates"] == 2).then_some(());
    until("both dossiers at the portal", both).await;
    let timeline = process.command(&["timeline", "H99.14-261123-0303"]);
    assert_eq!(timeline.matches("đã nhận").count(), 1, "{timeline}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_correlation_id_runs_through_all_lines_of_a_message() {
    const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let mut house = House::with(&[]).await;
    let process = Process::in_place_of(&mut house).await;
    let key = house.key(RELAY);
    let send = async |code: &str, id: &str, trace: &str| {
        let headers = [
            ("x-api-key", key.as_str()),
            ("content-type", RELAY.media),
            ("x-correlation-id", id),
            ("traceparent", trace),
        ];
        let bytes = call("POST", RELAY.path, &headers, &RELAY.body(&[dossier(code, json!({}))]));
        let heard = ask(process.address, &bytes).await.unwrap();
        assert_eq!(RELAY.said(&heard).0, "0", "{heard:?}");
        let settled = |line: &Value| line["event"] == "settled" && line["dossier"] == code;
        process.logged("settlement", settled).await;
        heard.header("x-correlation-id").unwrap_or_default().to_owned()
    };
    let traced = || house.stage.portal.heard().pop().unwrap().header("traceparent").map(str::to_owned);

    assert_eq!(send("H99.14-261123-0304", "mot-cua_2026.0001", TRACE).await, "mot-cua_2026.0001");
    assert_eq!(traced().as_deref(), Some(TRACE));
    let log = process.log();
    let of_message: Vec<&Value> =
        log.iter().filter(|line| line.to_string().contains("mot-cua_2026.0001")).collect();
    let events: BTreeSet<&str> = of_message.iter().filter_map(|line| line["event"].as_str()).collect();
    for event in ["heard", "called", "settled"] {
        assert!(events.contains(event), "{event} is not among {events:?}");
    }
    // And the other way round: no line of this message is without it.
    let id = of_message.iter().find_map(|line| line["message"].as_str()).expect("a message id");
    for line in log.iter().filter(|line| line.to_string().contains(id)) {
        assert!(line.to_string().contains("mot-cua_2026.0001"), "{line}");
    }

    for (number, (id, trace)) in [
        ("079385112233", "00-00000000000000000000000000000000-00f067aa0ba902b7-01"),
        ("ngắn", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"),
        ("a b c d e f g h", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        (&"x".repeat(65), "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"),
        ("<script>alert(1)</script>", "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"),
    ]
    .into_iter()
    .enumerate()
    {
        let given = send(&format!("H99.14-261123-031{number}"), id, trace).await;
        assert!(given != id && given.len() == 16, "{given}");
        assert_eq!(traced(), None, "{trace}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_text_that_prometheus_reads_with_units_and_closed_labels() {
    let house = House::with(&[]).await;
    for (speaker, number) in SPEAKERS.into_iter().zip(0..) {
        let good = dossier(&format!("H99.14-261123-032{number}"), json!({}));
        house.send(speaker, &[good.clone(), good, dossier("", json!({}))]).await;
        ask(house.address(), &house.post(speaker, b"{")).await.unwrap();
    }
    for path in ["/khong-co/079385112233", "/x/079385112233/DongBoHoSoMC"] {
        ask(house.address(), &call("POST", path, &[], b"")).await.unwrap();
    }
    house.stage.quiet().await.unwrap();
    let heard = get(house.address(), "/metrics").await;
    assert_eq!(heard.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let peers = ["relay", "envelope", "xml", "portal"];
    let channels: BTreeSet<String> = lienthong::app::inbound_doors(&house.stage.app().rules)
        .map(|channel| channel.name.to_string())
        .chain(["none".to_owned()])
        .collect();
    let text = heard.text();
    let (mut helped, mut typed, mut samples) = (BTreeSet::new(), BTreeSet::new(), 0);
    for line in text.lines() {
        if let Some((name, _)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            helped.insert(name.to_owned());
            continue;
        }
        if let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            assert!(has_unit(name, kind), "{name} {kind}");
            typed.insert(name.to_owned());
            continue;
        }
        let (name, labels) = sample(line);
        let family =
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        assert!(helped.contains(family) && typed.contains(family), "{line}");
        for (label, value) in labels {
            let word = value.bytes().all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'.'));
            let closed = match label.as_str() {
                "peer" => peers.contains(&value.as_str()) || value.is_empty(),
                "door" | "channel" => channels.contains(&value),
                "status" => value.len() == 3 && value.parse::<u16>().is_ok(),
                "le" => value == "+Inf" || value.parse::<f64>().is_ok(),
                "fate" | "outcome" | "settlement" | "state" | "code" | "part" | "why" | "reason" => {
                    word && value.len() <= 30
                }
                "step" => value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && value.len() <= 30,
                _ => false,
            };
            assert!(closed, "{label}={value}");
        }
        samples += 1;
    }
    assert!(samples > 50, "{text}");
    assert!(!text.contains("079385112233"));
}

/// Counters end with `_total`, durations with `_seconds`; what counts things at this moment is named by the things.
fn has_unit(name: &str, kind: &str) -> bool {
    let of_things = [
        "lienthong_broker_away",
        "lienthong_broker_blocked",
        "lienthong_deliveries",
        "lienthong_peer_away",
        "lienthong_peer_paused",
        "lienthong_peer_permits",
    ];
    match kind {
        "counter" => name.ends_with("_total"),
        "histogram" => name.ends_with("_seconds"),
        "gauge" => name.ends_with("_seconds") || name.ends_with("_bytes") || of_things.contains(&name),
        _ => false,
    }
}

/// `name{label="value",…} 1.5`, as the text format has it.
fn sample(line: &str) -> (String, Vec<(String, String)>) {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
    value.parse::<f64>().unwrap_or_else(|_| panic!("no number: {line}"));
    let Some((name, labels)) = series.split_once('{') else { return (series.to_owned(), Vec::new()) };
    let labels = labels.strip_suffix('}').unwrap_or_else(|| panic!("no end of labels: {line}"));
    let pair = |pair: &str| {
        let (label, value) = pair.split_once("=\"").unwrap_or_else(|| panic!("no label: {line}"));
        (label.to_owned(), value.trim_end_matches('"').to_owned())
    };
    (name.to_owned(), labels.split("\",").map(pair).collect())
}
