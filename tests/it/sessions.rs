//! Who calls: keys in all their places, sessions of the portal's own interface, questions passed through it.

use lienthong::keyring;
use serde_json::{Value, json};

use crate::wire::{ENVELOPE, Heard, House, Line, RELAY, ask, call, dossier, head, until};

const LOG_IN: &str = "/XrdAdapter/RestService/forward/mapi/login";

async fn log_in(house: &House, password: &str) -> Heard {
    let body = json!({ "username": "mot-cua", "password": password }).to_string();
    let bytes = call("POST", LOG_IN, &[("content-type", "application/json")], body.as_bytes());
    ask(house.address(), &bytes).await.unwrap()
}

/// A call in the portal's envelope under this session.
async fn envelope(house: &House, session: &str, rest: Value) -> Heard {
    let mut body = json!({ "session": session, "madonvi": lienthong::story::UNIT });
    for (name, value) in rest.as_object().unwrap() {
        body[name] = value.clone();
    }
    let headers = [("content-type", "application/json"), ("traceparent", TRACE)];
    let bytes = call("POST", ENVELOPE.path, &headers, body.to_string().as_bytes());
    ask(house.address(), &bytes).await.unwrap()
}

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

async fn session(house: &House) -> String {
    let heard = log_in(house, &house.key(ENVELOPE)).await;
    assert_eq!((heard.status, &heard.json()["error_code"]), (200, &json!(0)), "{heard:?}");
    heard.json()["session"].as_str().expect("a session").to_owned()
}

fn record(code: &str) -> Value {
    json!({ "service": "DongBoHoSoMC", "isUpdating": "False", "data": [dossier(code, json!({}))] })
}

fn stale(heard: &Heard) {
    assert_eq!(heard.status, 401, "{heard:?}");
    assert_eq!(heard.json()["error_code"], "-1");
    assert!(heard.text().contains("Phiên đăng nhập đã hết hạn"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_lives_by_the_clock_and_survives_a_restart() {
    let mut house = House::with(&[]).await;
    for wrong in ["", "sai", "lt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let heard = log_in(&house, wrong).await;
        assert!(matches!(heard.status, 400 | 401), "{heard:?}");
        assert_eq!(heard.json()["error_code"], "-1");
        assert!(heard.json().get("session").is_none());
    }
    // A key of other software is no password here.
    assert_eq!(log_in(&house, &house.key(RELAY)).await.status, 403);

    let token = session(&house).await;
    assert_eq!(envelope(&house, &token, record("H99.14-261123-0201")).await.json()["error_code"], 0);
    for bad in ["", "x", "x.y", &format!("{token}x"), &token[1..]] {
        stale(&envelope(&house, bad, record("H99.14-261123-0202")).await);
    }
    house.stage.restart().await.unwrap();
    assert_eq!(envelope(&house, &token, record("H99.14-261123-0203")).await.json()["error_code"], 0);
    house.clock.advance_to(house.clock.now().plus_millis(3_600_000));
    stale(&envelope(&house, &token, record("H99.14-261123-0204")).await);
    assert!(house.events("H99.14-261123-0204").await.is_empty());
}

/// An envelope's text with its session in front or behind, and a note that makes it long.
fn long(session: &str, first: bool, code: &str) -> String {
    let data = json!([dossier(code, json!({ "GhiChu": "x".repeat(40_000) }))]);
    let rest =
        format!("\"madonvi\":\"{}\",\"service\":\"DongBoHoSoMC\",\"data\":{data}", lienthong::story::UNIT);
    let session = format!("\"session\":{}", json!(session));
    if first { format!("{{{session},{rest}}}") } else { format!("{{{rest},{session}}}") }
}

/// The head and the beginning of such a call; its rest is left to be sent.
async fn begin(house: &House, body: &str) -> Line {
    let length = body.len().to_string();
    let mut line = Line::open(house.address()).await;
    line.say(&head(
        "POST",
        ENVELOPE.path,
        &[("content-type", "application/json"), ("content-length", &length)],
    ))
    .await;
    line.say(&body.as_bytes()[..30_000]).await;
    line
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_over_is_refused_before_the_body_is_there() {
    let house = House::with(&[]).await;
    let token = session(&house).await;
    for bad in ["x.y", &format!("{token}x")] {
        let mut line = begin(&house, &long(bad, true, "H99.14-261123-0209")).await;
        stale(&line.hear().await.expect("an answer while the body is still on its way"));
    }
    for (first, code) in [(true, "H99.14-261123-0210"), (false, "H99.14-261123-0211")] {
        let body = long(&token, first, code);
        let mut line = begin(&house, &body).await;
        line.say(&body.as_bytes()[30_000..]).await;
        let heard = line.hear().await.expect("an answer");
        assert_eq!((heard.status, &heard.json()["error_code"]), (200, &json!(0)), "{heard:?}");
    }
    assert!(house.events("H99.14-261123-0209").await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_bodies_of_nobody_known_have_few_places() {
    let house = House::with(&[]).await;
    let token = session(&house).await;
    let body = long(&token, false, "H99.14-261123-0212");
    let mut lines = Vec::new();
    for _ in 0..33 {
        lines.push(begin(&house, &body).await);
    }
    let busy = async || (house.turned_away("door.busy").await >= 1.0).then_some(());
    until("a caller that is told to come later", busy).await;
    assert_eq!(house.turned_away("door.busy").await, 1.0);
    // Who says first who it is, and who is short, is heard all the same.
    let heard = begin(&house, &long("x.y", true, "H99.14-261123-0213")).await.hear().await;
    stale(&heard.expect("an answer"));
    assert_eq!(envelope(&house, &token, record("H99.14-261123-0214")).await.json()["error_code"], 0);
    let mut busy = 0;
    for line in &mut lines {
        line.say(&body.as_bytes()[30_000..]).await;
        let heard = line.hear().await.expect("an answer");
        busy += u32::from(heard.status == 503);
        assert!(heard.status == 200 || heard.header("retry-after").is_some(), "{heard:?}");
    }
    assert_eq!(busy, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_ends_with_its_key() {
    let house = House::with(&[]).await;
    let path = house.stage.app().config.gateway.keys_file();
    let token = session(&house).await;
    let entries = keyring::read(&path).unwrap();
    let id = entries.iter().find(|entry| entry.peer == "envelope").unwrap().id.clone();
    assert!(keyring::revoke(&path, &id).unwrap());
    house.clock.advance_to(house.clock.now().plus_millis(1_500));
    stale(&envelope(&house, &token, record("H99.14-261123-0205")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_in_four_places_and_go_while_the_gateway_runs() {
    use base64::Engine as _;
    use std::os::unix::fs::PermissionsExt as _;
    let house = House::with(&[]).await;
    let path = house.stage.app().config.gateway.keys_file();
    let (id, key) = keyring::add(&path, "relay", None, "thử", house.stage.now()).unwrap();
    let key = key.reveal().to_owned();
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("mot-cua:{key}"));
    let body = RELAY.body(&[dossier("H99.14-261123-0206", json!({}))]);
    let status = async |name: &str, value: &str| {
        let bytes = call("POST", RELAY.path, &[(name, value), ("content-type", RELAY.media)], &body);
        ask(house.address(), &bytes).await.unwrap().status
    };
    let ways = [
        ("x-api-key", key.clone()),
        ("authorization", format!("Bearer {key}")),
        ("authorization", format!("bearer  {key} ")),
        ("authorization", format!("Basic {basic}")),
    ];
    for (name, value) in &ways {
        assert_eq!(status(name, value).await, 200, "{name}");
    }
    for (name, value) in [
        ("authorization", key.clone()),
        ("authorization", format!("Digest {key}")),
        ("x-api-key", format!("{key}x")),
        ("x-api-key", String::new()),
    ] {
        assert_eq!(status(name, &value).await, 401, "{name}: {value}");
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(!kept.contains(&key) && !kept.contains(key.trim_start_matches("lt_")));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    assert!(keyring::revoke(&path, &id).unwrap());
    house.clock.advance_to(house.clock.now().plus_millis(1_500));
    for (name, value) in &ways {
        assert_eq!(status(name, value).await, 401, "{name}");
    }
    // A half-written file locks nobody out.
    std::fs::write(&path, "[{").unwrap();
    house.clock.advance_to(house.clock.now().plus_millis(1_500));
    house.still_works("20").await;
}

/// Whoever starts with keys that cannot be read cannot say of anybody's that it is wrong.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_cannot_be_read_are_ill_and_turn_nobody_away_for_good() {
    let mut house = House::with(&[]).await;
    let path = house.stage.app().config.gateway.keys_file();
    let whole = std::fs::read(&path).unwrap();
    let token = session(&house).await;
    std::fs::write(&path, "[{").unwrap();
    house.clock.advance_to(house.clock.now().plus_millis(1_500));
    house.still_works("21").await;
    let ill = crate::ailing::ill(house.address(), "caller-keys").await.expect("it stands in the list");
    assert_eq!(ill["reason"], "not-loaded");

    house.stage.restart().await.unwrap();
    let heard = house.send(RELAY, &[dossier("H99.14-261123-0215", json!({}))]).await;
    assert_eq!(heard.status, 503, "{heard:?}");
    assert!(heard.header("retry-after").is_some(), "{heard:?}");
    let heard = log_in(&house, &house.key(ENVELOPE)).await;
    assert!(heard.status == 503 && heard.header("retry-after").is_some(), "{heard:?}");
    let heard = envelope(&house, &token, record("H99.14-261123-0216")).await;
    assert!(heard.status == 503 && heard.header("retry-after").is_some(), "{heard:?}");
    let bytes = call("POST", "/h/0123456789/hooks/ems", &[], b"{}");
    assert_ne!(ask(house.address(), &bytes).await.unwrap().status, 401);
    assert!(crate::ailing::ill(house.address(), "caller-keys").await.is_some());

    std::fs::write(&path, whole).unwrap();
    house.clock.advance_to(house.clock.now().plus_millis(1_500));
    house.still_works("22").await;
    assert!(crate::ailing::ill(house.address(), "caller-keys").await.is_none());
    // No file at all is a new installation.
    std::fs::remove_file(&path).unwrap();
    house.stage.restart().await.unwrap();
    let heard = house.send(RELAY, &[dossier("H99.14-261123-0217", json!({}))]).await;
    assert_eq!(heard.status, 401, "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_report_is_asked_of_the_portal_and_kept_nowhere() {
    let house = House::with(&[("portal", "answer_ms_max = 2000")]).await;
    let token = session(&house).await;
    let question =
        json!({ "service": "TraCuuHoSo", "mahoso": "H99.14-261123-0207", "nguoihoi": "Lê Thị Hỏi Riêng" });
    let heard = envelope(&house, &token, question.clone()).await;
    assert_eq!((heard.status, &heard.json()["error_code"]), (200, &json!(0)), "{heard:?}");
    assert_eq!(house.stage.portal.heard().last().unwrap().header("traceparent"), Some(TRACE));
    let heard = envelope(&house, &token, json!({ "service": "KhongAiBiet" })).await;
    assert!(heard.text().contains("KhongAiBiet"), "the portal's own words are passed on: {heard:?}");

    // A portal that is away, broken, or too slow: said in the envelope, within the deadline, and held for nobody.
    // (This portal has two seconds.)
    for twist in ["503", "html", "lost-after", "slow"] {
        house.stage.portal.script([lienthong::simulator::Twist::parse(twist).unwrap()]);
        let began = std::time::Instant::now();
        let heard = envelope(&house, &token, question.clone()).await;
        assert!(matches!(heard.status, 502 | 503), "{twist}: {heard:?}");
        assert_eq!(heard.json()["error_code"], "-1");
        assert!(!heard.json()["message"].as_str().unwrap().is_empty());
        assert!(!heard.text().to_lowercase().contains("thành công"));
        assert!(began.elapsed().as_millis() < 2_900, "{twist}: {:?}", began.elapsed());
    }
    assert!(house.events("H99.14-261123-0207").await.is_empty());
    let stats = house.stage.app().store.stats().await.unwrap();
    assert_eq!(stats.peers.len(), 0, "{stats:?}");
    for (name, bytes) in crate::wire::files(&house.stage.folder().join("data")) {
        for word in ["TraCuuHoSo", "0207", "Hỏi Riêng", token.as_str()] {
            assert!(!crate::wire::holds(&bytes, word), "{word} stands in {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_about_a_dossier_of_the_portal_reaches_the_portal() {
    let house = House::with(&[]).await;
    let token = session(&house).await;
    let data = json!({ "MaHoSo": "G22.99-261123-0208", "MaHoSoDonVi": "H99.14-261123-0208", "TrangThai": "2",
        "NoiDung": "Đã tiếp nhận", "NgayXuLy": "20261123080000" });
    let said = json!({ "service": "DongBoTrangThaiHoSo", "type": "2", "data": data });
    assert_eq!(envelope(&house, &token, said.clone()).await.json()["error_code"], 0);
    house.stage.quiet().await.unwrap();
    assert_eq!(house.events("G22.99-261123-0208").await, ["accepted", "queued", "delivered"]);
    assert_eq!(house.stage.portal.state()["answered"], 1);
    let heard = house.stage.portal.heard().pop().unwrap();
    let heard: Value = serde_json::from_slice(&heard.body.bytes).unwrap();
    assert_eq!((&heard["service"], &heard["data"]["MaHoSo"]), (&said["service"], &said["data"]["MaHoSo"]));
    let broken = json!({ "service": "DongBoTrangThaiHoSo", "type": "2", "data": [data] });
    let heard = envelope(&house, &token, broken).await;
    assert_eq!((heard.status, &heard.json()["error_code"]), (400, &json!("-1")));
}
