//! Who comes in, by what, and how surely it is known then: every way in that a peer's door can accept, and every refusal.

use gateway_core::adapter::Level;
use lienthong::keyring;
use serde_json::json;

use crate::process::Process;
use crate::tls::{Authority, Pair, line};
use crate::wire::{ENVELOPE, Heard, House, Line, RELAY, XML, ask, call, dossier, files, head, holds};

fn body(code: &str) -> Vec<u8> {
    RELAY.body(&[dossier(code, json!({}))])
}

/// A call of the relay with these headers, over this path.
async fn post(house: &House, path: &str, headers: &[(&str, &str)], code: &str) -> Heard {
    let headers: Vec<(&str, &str)> = headers.iter().copied().chain([("content-type", RELAY.media)]).collect();
    ask(house.address(), &call("POST", path, &headers, &body(code))).await.expect("an answer")
}

/// The refusal, in the words of the door that was knocked at, and counted.
async fn refused(house: &House, heard: &Heard, status: u16, code: &str, word: &str) {
    assert_eq!(heard.status, status, "{code}: {heard:?}");
    assert!(RELAY.said(heard).1.contains(word), "«{word}»: {heard:?}");
    assert!(house.turned_away(code).await >= 1.0, "{code} was not counted");
}

fn taken(heard: &Heard) {
    assert_eq!((heard.status, RELAY.said(heard).0.as_str()), (200, "0"), "{heard:?}");
}

fn secret_path(house: &House, peer: &str) -> String {
    let keys = house.stage.app().config.gateway.keys_file();
    let (_, segment) = keyring::add_path(&keys, peer, "thử", house.clock.now()).unwrap();
    // The keys are looked at once a second.
    house.clock.advance_to(house.clock.now().plus_millis(1_100));
    segment.reveal().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_alone_opens_only_where_the_door_says_so() {
    let house = House::with(&[
        ("relay", "door = { accepts = [\"address\", \"key\"], addresses = [\"127.0.0.0/8\"] }"),
        ("xml", "door = { addresses = [\"203.0.113.0/24\"] }"),
    ])
    .await;
    taken(&post(&house, RELAY.path, &[], "H99.14-261123-0701").await);
    taken(&post(&house, RELAY.path, &[("x-api-key", &house.key(RELAY))], "H99.14-261123-0701").await);
    assert_eq!(house.levels("H99.14-261123-0701").await, [Level::Address, Level::Token]);
    // A key that is wrong is not passed over for the address.
    let heard = post(&house, RELAY.path, &[("x-api-key", "lt_sai")], "H99.14-261123-0702").await;
    refused(&house, &heard, 401, "auth.unknown", "khóa").await;
    let heard = house.send(XML, &[dossier("H99.14-261123-0702", json!({}))]).await;
    assert_eq!((heard.status, heard.text().contains("addresses")), (403, true), "{heard:?}");
    assert_eq!(house.turned_away("auth.address").await, 1.0);
    assert_eq!(house.events("H99.14-261123-0702").await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_door_asks_for_a_minimum_and_takes_only_its_own_proofs() {
    let house = House::with(&[
        ("relay", "door = { accepts = [\"address\", \"path\"], addresses = [\"127.0.0.1/32\"], minimum = \"token\" }"),
        ("xml", "door = { accepts = [] }"),
        ("envelope", "door = { accepts = [\"key\"] }"),
    ])
    .await;
    let heard = post(&house, RELAY.path, &[], "H99.14-261123-0711").await;
    refused(&house, &heard, 403, "auth.level", "`token`").await;
    let heard = post(&house, RELAY.path, &[("x-api-key", &house.key(RELAY))], "H99.14-261123-0711").await;
    refused(&house, &heard, 403, "auth.proof", "accepts").await;
    let segment = secret_path(&house, "relay");
    taken(&post(&house, &format!("/h/{segment}{}", RELAY.path), &[], "H99.14-261123-0711").await);
    // What is a key to others is none to a door that takes none, so it says nothing beside the path.
    let stranger = [("authorization", "Bearer cua-ai-khac")];
    taken(&post(&house, &format!("/h/{segment}{}", RELAY.path), &stranger, "H99.14-261123-0711").await);
    assert_eq!(house.levels("H99.14-261123-0711").await, [Level::Token, Level::Token]);
    assert_eq!(house.send(XML, &[dossier("H99.14-261123-0712", json!({}))]).await.status, 403);
    // A log-in is a way in too.
    let log_in = json!({ "username": "x", "password": house.key(ENVELOPE) }).to_string();
    let path = "/XrdAdapter/RestService/forward/mapi/login";
    let bytes = call("POST", path, &[("content-type", "application/json")], log_in.as_bytes());
    assert_eq!(ask(house.address(), &bytes).await.unwrap().status, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_channel_asks_for_a_minimum_of_every_peer() {
    let door = "door = { accepts = [\"address\", \"key\"], addresses = [\"127.0.0.1/32\"] }";
    let mut house = House::with(&[("relay", door)]).await;
    let channels = conformance::tree().join("mappings/onestop/channels.yaml");
    let channels = std::fs::read_to_string(channels).unwrap();
    let overlay = house.stage.folder().clone();
    let asking = |level: &str| {
        let folder = overlay.join("overlay/mappings/onestop");
        std::fs::create_dir_all(&folder).unwrap();
        let text = channels.replace("dialect: relay\n", &format!("dialect: relay\n    level: {level}\n"));
        std::fs::write(folder.join("channels.yaml"), text).unwrap();
    };
    asking("token");
    house.stage.restart().await.unwrap();
    let heard = post(&house, RELAY.path, &[], "H99.14-261123-0715").await;
    refused(&house, &heard, 403, "auth.level", "`address`").await;
    taken(&post(&house, RELAY.path, &[("x-api-key", &house.key(RELAY))], "H99.14-261123-0715").await);
    // What no proof of a peer reaches is found before the gateway starts.
    asking("signed");
    let wrong = house.stage.restart().await.unwrap_err();
    assert!(wrong.contains("peers.relay.door.accepts") && wrong.contains("`signed`"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_path_is_a_key_and_is_never_seen_again() {
    let mut house = House::with(&[
        ("relay", "door = { accepts = [\"path\", \"key\"] }"),
        ("xml", "door = { accepts = [\"path\", \"key\"] }"),
    ])
    .await;
    let segment = secret_path(&house, "relay");
    let foreign = secret_path(&house, "xml");
    let at = |segment: &str| format!("/h/{segment}{}", RELAY.path);
    taken(&post(&house, &at(&segment), &[], "H99.14-261123-0721").await);
    // Some senders change the letter case of an address.
    taken(&post(&house, &at(&segment).replace("/h/", "/H/").to_uppercase(), &[], "H99.14-261123-0722").await);
    let wrong = "0123456789abcdef0123456789abcdef01234567";
    refused(&house, &post(&house, &at(wrong), &[], "H99.14-261123-0723").await, 401, "auth.unknown", "")
        .await;
    // It opens a path and nothing else, and nobody else's door.
    let heard = post(&house, RELAY.path, &[("x-api-key", &segment)], "H99.14-261123-0723").await;
    refused(&house, &heard, 401, "auth.unknown", "").await;
    let heard = post(&house, &at(&foreign), &[("x-api-key", &house.key(RELAY))], "H99.14-261123-0723").await;
    refused(&house, &heard, 403, "auth.mismatch", "khác nhau").await;
    assert_eq!(post(&house, &at(&house.key(RELAY)), &[], "H99.14-261123-0723").await.status, 401);
    assert_eq!(post(&house, &format!("/h/{segment}"), &[], "").await.status, 404);
    assert_eq!(house.events("H99.14-261123-0723").await, [] as [&str; 0]);

    let process = Process::in_place_of(&mut house).await;
    for path in [at(&segment), at(wrong), format!("/h/{segment}/khong-co"), format!("/h/{segment}")] {
        let bytes = call("POST", &path, &[("content-type", RELAY.media)], &body("H99.14-261123-0724"));
        let heard = ask(process.address, &bytes).await.unwrap();
        assert!(!heard.everything().contains(&segment), "{heard:?}");
    }
    process.logged("the dossier", |line| line["dossier"] == "H99.14-261123-0724").await;
    let metrics = ask(process.address, &head("GET", "/metrics", &[])).await.unwrap().text();
    let shown = process.command(&["timeline", "H99.14-261123-0724", "--all"]);
    assert!(shown.contains("[token]"), "{shown}");
    let listed = process.command(&["keys", "list", "--json"]);
    let outside = [process.raw_log(), metrics, shown, listed];
    for secret in [segment.as_str(), foreign.as_str(), wrong] {
        assert!(outside.iter().all(|text| !text.contains(secret)), "{secret}");
        for (name, bytes) in files(&house.stage.folder().join("data")) {
            assert!(!holds(&bytes, secret), "{secret} stands in {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_calls_too_often_is_told_when_to_come_back() {
    let house =
        House::with(&[("relay", "door = { calls_per_minute_max = 30, burst = 2, body_bytes_max = 9000 }")])
            .await;
    let key = house.key(RELAY);
    let once = async || post(&house, RELAY.path, &[("x-api-key", &key)], "H99.14-261123-0731").await;
    taken(&once().await);
    taken(&once().await);
    let heard = once().await;
    refused(&house, &heard, 429, "door.throttled", "2 giây").await;
    assert_eq!(heard.header("retry-after"), Some("2"));
    // Its haste is nobody else's.
    assert_eq!(house.send(XML, &[dossier("H99.14-261123-0732", json!({}))]).await.status, 200);
    house.clock.advance_to(house.clock.now().plus_millis(2_000));
    taken(&once().await);
    house.clock.advance_to(house.clock.now().plus_millis(60_000));
    let long = house.post(RELAY, &vec![b' '; 9_001]);
    refused(&house, &ask(house.address(), &long).await.unwrap(), 413, "door.too-large", "9000 byte").await;
}

struct Three {
    house: House,
    ours: Authority,
    relay: Authority,
    shared: Authority,
}

/// The relay has an authority of its own, the other two share one.
async fn three() -> Three {
    let (ours, relay, shared) = (Authority::new(), Authority::new(), Authority::new());
    let door = |ca: &Authority, names: &str| {
        let file = ca.file();
        format!(
            "door = {{ accepts = [\"certificate\", \"key\"], client_ca_file = \"{}\", client_names = [{names}] }}",
            file.display()
        )
    };
    // Nobody is on its list yet.
    let revoked = format!("client_crl_file = \"{}\", client_names", relay.revoke(&[]).display());
    let house = House::with(&[
        ("gateway", &ours.sign("localhost", 28).listens()),
        ("relay", &door(&relay, "").replace("client_names", &revoked)),
        ("xml", &door(&shared, "\"xml.h99.example\"")),
        ("envelope", &door(&shared, "\"envelope.h99.example\"")),
    ])
    .await;
    Three { house, ours, relay, shared }
}

impl Three {
    async fn open(&self, own: Option<&Pair>) -> std::io::Result<Line> {
        line(self.house.stage.tls_address().unwrap(), &self.ours.file(), own).await
    }

    async fn post(&self, own: Option<&Pair>, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Heard {
        let mut line = self.open(own).await.expect("a handshake");
        line.say(&call("POST", path, headers, body)).await;
        line.hear().await.expect("an answer")
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_that_of_the_peer_whose_authority_signed_it() {
    let stage = three().await;
    let house = &stage.house;
    let json = ("content-type", "application/json");
    let relay = stage.relay.sign("mot-cua.h99.example", 28);
    let xml = stage.shared.sign("xml.h99.example", 28);
    let envelope = stage.shared.sign("envelope.h99.example", 28);

    taken(&stage.post(Some(&relay), RELAY.path, &[json], &body("H99.14-261123-0741")).await);
    let xml_body = XML.body(&[dossier("H99.14-261123-0742", json!({}))]);
    let heard = stage.post(Some(&xml), XML.path, &[("content-type", XML.media)], &xml_body).await;
    assert_eq!((heard.status, XML.said(&heard).0.as_str()), (200, "0"), "{heard:?}");
    assert_eq!(house.levels("H99.14-261123-0741").await, [Level::Certificate]);
    assert_eq!(house.levels("H99.14-261123-0742").await, [Level::Certificate]);
    // With a key of the same peer it is still the certificate that counts; with none at all there is still the key.
    let own = house.key(RELAY);
    taken(
        &stage
            .post(Some(&relay), RELAY.path, &[json, ("x-api-key", &own)], &body("H99.14-261123-0743"))
            .await,
    );
    taken(&stage.post(None, RELAY.path, &[json, ("x-api-key", &own)], &body("H99.14-261123-0743")).await);
    assert_eq!(house.levels("H99.14-261123-0743").await, [Level::Certificate, Level::Token]);

    // One peer's certificate at another's door; beside another's key; one that is in nobody's name.
    let heard = stage.post(Some(&relay), ENVELOPE.path, &[json], b"{}").await;
    refused(house, &heard, 403, "auth.wrong-door", "`relay`").await;
    let heard = stage.post(Some(&envelope), RELAY.path, &[json], &body("H99.14-261123-0744")).await;
    refused(house, &heard, 403, "auth.wrong-door", "`envelope`").await;
    let heard =
        stage.post(Some(&xml), RELAY.path, &[json, ("x-api-key", &own)], &body("H99.14-261123-0744")).await;
    refused(house, &heard, 403, "auth.mismatch", "").await;
    let nobody = stage.shared.sign("khac.h99.example", 28);
    let heard = stage.post(Some(&nobody), RELAY.path, &[json], &body("H99.14-261123-0744")).await;
    refused(house, &heard, 401, "auth.certificate", "client_names").await;
    let heard = stage.post(None, RELAY.path, &[json], &body("H99.14-261123-0744")).await;
    refused(house, &heard, 401, "auth.missing", "").await;
    assert_eq!(house.events("H99.14-261123-0744").await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_authority_signed_or_what_is_over_gets_no_connection() {
    let stage = three().await;
    let health = head("GET", "/healthz", &[]);
    // In TLS 1.3 the caller hears of it when it reads.
    let shut_out = async |own: &Pair| match stage.open(Some(own)).await {
        Ok(mut line) => {
            line.say(&health).await;
            line.hear().await.is_none()
        }
        Err(_) => true,
    };
    let foreign = Authority::new();
    assert!(shut_out(&foreign.sign("mot-cua.h99.example", 28)).await);
    let good = stage.relay.sign_in(2026, "mot-cua.h99.example", 2);
    assert!(!shut_out(&good).await);
    let mut open = stage.open(Some(&good)).await.unwrap();
    open.say(&call("POST", RELAY.path, &[("content-type", RELAY.media)], &body("H99.14-261123-0751"))).await;
    taken(&open.hear().await.unwrap());
    // Ten days later it has ended: for new connections, and for calls on old ones.
    stage.house.clock.advance_to(stage.house.clock.now().plus_millis(10 * 86_400_000));
    assert!(shut_out(&good).await);
    open.say(&call("POST", RELAY.path, &[("content-type", RELAY.media)], &body("H99.14-261123-0752"))).await;
    let heard = open.hear().await.unwrap();
    refused(&stage.house, &heard, 401, "auth.certificate", "").await;
    assert!(stage.house.turned_away("door.handshake").await >= 2.0);
    // What is no handshake at all.
    let tls = stage.house.stage.tls_address().unwrap();
    assert!(ask(tls, &health).await.is_none_or(|heard| heard.status != 200));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_is_changed_while_the_gateway_runs() {
    let stage = three().await;
    let json = ("content-type", "application/json");
    let (old, new) = (stage.relay.sign("mot-cua.h99.example", 28), Authority::new());
    let own = new.sign("mot-cua.h99.example", 28);
    let mut open = stage.open(Some(&old)).await.unwrap();
    let send = call("POST", RELAY.path, &[json], &body("H99.14-261123-0761"));
    open.say(&send).await;
    taken(&open.hear().await.unwrap());
    std::fs::copy(new.file(), stage.relay.file()).unwrap();
    // The connection stays, and its certificate is nobody's any more.
    let closed = async || {
        open.say(&send).await;
        (open.hear().await.expect("the connection stays").status == 401).then_some(())
    };
    crate::wire::until("the old authority's end", closed).await;
    taken(&stage.post(Some(&own), RELAY.path, &[json], &body("H99.14-261123-0762")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_was_revoked_opens_nothing_any_more() {
    let stage = three().await;
    let json = ("content-type", "application/json");
    let (lost, kept) =
        (stage.relay.sign("mot-cua.h99.example", 27), stage.relay.sign("mot-cua.h99.example", 28));
    let send = call("POST", RELAY.path, &[json], &body("H99.14-261123-0771"));
    let mut open = stage.open(Some(&lost)).await.unwrap();
    open.say(&send).await;
    taken(&open.hear().await.unwrap());
    stage.relay.revoke(&[27]);
    let closed = async || {
        open.say(&send).await;
        (open.hear().await.expect("the connection stays").status == 401).then_some(())
    };
    crate::wire::until("the list to be read", closed).await;
    let heard = stage.post(Some(&lost), RELAY.path, &[json], &body("H99.14-261123-0771")).await;
    refused(&stage.house, &heard, 401, "auth.certificate", "").await;
    taken(&stage.post(Some(&kept), RELAY.path, &[json], &body("H99.14-261123-0772")).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_only_hold_the_line_are_cut_and_one_address_has_its_share() {
    let bounds = "idle_ms_max = 300\nheaders_ms_max = 1500\nconnections_per_address_max = 40";
    let house = House::with(&[("limits", bounds)]).await;
    let mut lines = Vec::new();
    for _ in 0..40 {
        let mut line = Line::open(house.address()).await;
        line.say(&head("GET", "/healthz", &[])).await;
        assert_eq!(line.hear().await.unwrap().status, 200);
        lines.push(line);
    }
    let mut crowded = 0;
    for _ in 0..5 {
        let mut line = Line::open(house.address()).await;
        line.say(&head("GET", "/healthz", &[])).await;
        crowded += usize::from(line.hear().await.is_none());
    }
    assert!(crowded > 0, "nobody was turned away");
    for line in &mut lines {
        assert!(line.ends().await);
    }
    house.still_works("76").await;
    assert!(house.turned_away("door.crowded").await >= crowded as f64);
    // Who is at work is not idle: calls one after the other, each within the bound, all together beyond it.
    let mut line = Line::open(house.address()).await;
    for _ in 0..4 {
        line.say(&head("GET", "/healthz", &[])).await;
        assert_eq!(line.hear().await.unwrap().status, 200);
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
    }
}
