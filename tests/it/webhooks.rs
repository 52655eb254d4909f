//! Calls that are signed as Standard Webhooks has it: what proves who sent them, and everything that can be wrong with one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::Level;
use ring::hmac;
use serde_json::json;

use crate::wire::{Heard, House, Line, RELAY, ask, call, chunked, dossier, head};

const FIRST: [u8; 32] = [7; 32];
const SECOND: [u8; 24] = [9; 24];

/// A house whose relay signs its calls, with two keys while one takes the place of the other.
async fn house(door: &str) -> (House, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (name, key) in [("mot", FIRST.as_slice()), ("hai", SECOND.as_slice())] {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("whsec_{}\n", STANDARD.encode(key))).unwrap();
        files.push(format!("{{ file = \"{}\" }}", path.display()));
    }
    let door = format!("door = {{ signature_keys = [{}], {door} }}", files.join(", "));
    (House::with(&[("relay", &door), ("limits", "body_ms_max = 1500")]).await, folder)
}

const ACCEPTS: &str = "accepts = [\"signature\"], minimum = \"signed\", body_bytes_max = 60000";

/// The three headers of a body, signed at this moment with these keys.
fn signed(keys: &[&[u8]], id: &str, seconds: i64, body: &[u8]) -> Vec<(&'static str, String)> {
    let content = [format!("{id}.{seconds}.").as_bytes(), body].concat();
    let signatures: Vec<String> = keys
        .iter()
        .map(|key| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &content))
        .map(|tag| format!("v1,{}", STANDARD.encode(tag.as_ref())))
        .collect();
    vec![
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ]
}

fn now(house: &House) -> i64 {
    house.clock.now().as_millis() / 1000
}

fn bytes(headers: &[(&'static str, String)], more: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut all: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.extend(more);
    call("POST", RELAY.path, &all, body)
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(house: &House, headers: &[(&'static str, String)], body: &[u8]) -> Heard {
    ask(house.address(), &bytes(headers, &[JSON], body)).await.expect("an answer")
}

async fn refused(house: &House, heard: &Heard, status: u16, code: &str) {
    assert_eq!(heard.status, status, "{code}: {heard:?}");
    assert_eq!(RELAY.said(heard).0, "-1");
    assert!(house.turned_away(code).await >= 1.0, "{code} was not counted");
}

fn body(code: &str, status: &str) -> Vec<u8> {
    RELAY.body(&[dossier(code, json!({ "TrangThaiHoSo": status }))])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_an_active_key_is_known_by_it() {
    let (house, _folder) = house(ACCEPTS).await;
    let say = body("H99.14-261123-0801", "2");
    for (number, keys) in
        [&[&FIRST[..]][..], &[&SECOND[..]], &[&[1; 32], &SECOND], &[&FIRST, &SECOND]].into_iter().enumerate()
    {
        let heard = post(&house, &signed(keys, &format!("msg_{number}"), now(&house), &say), &say).await;
        assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (200, "0"), "{number}: {heard:?}");
    }
    assert_eq!(house.levels("H99.14-261123-0801").await, [Level::Signed; 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_proven_is_refused() {
    let (house, _folder) = house(ACCEPTS).await;
    let (say, at) = (body("H99.14-261123-0811", "2"), now(&house));
    let good = signed(&[&FIRST], "msg_1", at, &say);
    for seconds in [at - 301, at + 301] {
        refused(
            &house,
            &post(&house, &signed(&[&FIRST], "msg_1", seconds, &say), &say).await,
            401,
            "auth.stale",
        )
        .await;
    }
    let wrong = |name: &str, value: &str| {
        let mut headers = good.clone();
        headers.iter_mut().filter(|(known, _)| *known == name).for_each(|(_, old)| *old = value.to_owned());
        headers
    };
    for headers in [
        signed(&[&[1; 32]], "msg_1", at, &say),
        signed(&[&FIRST], "msg_1", at, b"something else"),
        wrong("webhook-id", "msg_2"),
        wrong("webhook-timestamp", &(at + 1).to_string()),
        wrong("webhook-timestamp", "hôm nay"),
        wrong("webhook-signature", "v1,"),
        wrong("webhook-signature", &good[2].1.replace("v1,", "v1a,")),
        good[..2].to_vec(),
    ] {
        refused(&house, &post(&house, &headers, &say).await, 401, "auth.signature").await;
    }
    refused(&house, &post(&house, &[], &say).await, 401, "auth.missing").await;
    // Somebody's key beside it is no signature.
    let keyed = [JSON, ("x-api-key", &house.key(RELAY))];
    let heard = ask(house.address(), &call("POST", RELAY.path, &keyed, &say)).await.unwrap();
    refused(&house, &heard, 403, "auth.proof").await;
    assert_eq!(house.events("H99.14-261123-0811").await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_is_good_for_one_body() {
    let (house, _folder) = house(ACCEPTS).await;
    let (first, other) = (body("H99.14-261123-0821", "2"), body("H99.14-261123-0821", "4"));
    let heard = post(&house, &signed(&[&FIRST], "msg_1", now(&house), &first), &first).await;
    assert_eq!(heard.status, 200);
    house.stage.quiet().await.unwrap();
    // Played again as it was, and sent again with a new time, by a sender that heard no answer.
    house.clock.advance_to(house.clock.now().plus_millis(60_000));
    for at in [now(&house) - 60, now(&house)] {
        let heard = post(&house, &signed(&[&FIRST], "msg_1", at, &first), &first).await;
        assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (200, "0"), "{heard:?}");
    }
    let heard = post(&house, &signed(&[&FIRST], "msg_1", now(&house), &other), &other).await;
    assert_eq!(heard.status, 409, "{heard:?}");
    assert!(RELAY.said(&heard).1.contains("webhook-id"), "{heard:?}");
    house.stage.quiet().await.unwrap();
    let events = house.events("H99.14-261123-0821").await;
    assert_eq!(events, ["accepted", "queued", "delivered", "duplicate", "duplicate", "refused"]);

    // A batch with one bad record: the good ones are taken, and again as before.
    let good = |number: u32| dossier(&format!("H99.14-261123-082{number}"), json!({}));
    let batch = RELAY.body(&[good(2), dossier("H99.14-261123-0823", json!({ "MaTTHC": null })), good(4)]);
    for _ in 0..2 {
        let heard = post(&house, &signed(&[&FIRST], "msg_2", now(&house), &batch), &batch).await;
        assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (200, "-1"), "{heard:?}");
        assert!(RELAY.said(&heard).1.contains("1/3"), "{heard:?}");
    }
    assert_eq!(
        house.events("H99.14-261123-0824").await.iter().filter(|event| **event == "accepted").count(),
        1
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signature_raises_what_is_known_already_and_an_id_without_one_is_nothing() {
    let (house, _folder) = house("accepts = [\"key\", \"signature\"]").await;
    let (say, key) = (body("H99.14-261123-0831", "2"), house.key(RELAY));
    let keyed = [JSON, ("x-api-key", key.as_str())];
    let send = async |headers: &[(&'static str, String)], say: &[u8]| {
        ask(house.address(), &bytes(headers, &keyed, say)).await.unwrap()
    };
    let good = signed(&[&FIRST], "msg_1", now(&house), &say);
    assert_eq!(send(&good, &say).await.status, 200);
    assert_eq!(send(&[], &say).await.status, 200);
    assert_eq!(house.levels("H99.14-261123-0831").await, [Level::Signed, Level::Token]);
    // Whoever says that it signs must have signed, whatever else it shows.
    refused(&house, &send(&good, &body("H99.14-261123-0832", "2")).await, 401, "auth.signature").await;
    refused(&house, &send(&good[..1], &say).await, 401, "auth.signature").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_cannot_be_read_are_refused_after_who_sent_them() {
    let (house, _folder) = house(ACCEPTS).await;
    let at = now(&house);
    let invalid = b"[{\"ChuHoSo\":\"Nguy\xe1\xbbn\"}]".to_vec();
    refused(
        &house,
        &post(&house, &signed(&[&FIRST], "msg_1", at, &invalid), &invalid).await,
        400,
        "body.encoding",
    )
    .await;
    // Nobody reads what a stranger sends.
    refused(
        &house,
        &post(&house, &signed(&[&[1; 32]], "msg_1", at, &invalid), &invalid).await,
        401,
        "auth.signature",
    )
    .await;

    let say = body("H99.14-261123-0841", "2");
    let good = signed(&[&FIRST], "msg_2", at, &say);
    let heard = ask(house.address(), &bytes(&good, &[("content-type", "text/plain")], &say)).await.unwrap();
    refused(&house, &heard, 415, "door.content-type").await;
    let packed = [JSON, ("content-encoding", "gzip")];
    refused(
        &house,
        &ask(house.address(), &bytes(&good, &packed, &say)).await.unwrap(),
        415,
        "door.content-encoding",
    )
    .await;

    // Longer than this peer's door takes, though all others take it; announced or not.
    let long = vec![b' '; 60_001];
    let good = signed(&[&FIRST], "msg_3", at, &long);
    refused(&house, &post(&house, &good, &long).await, 413, "door.too-large").await;
    let mut headers: Vec<(&str, &str)> = good.iter().map(|(name, value)| (*name, value.as_str())).collect();
    headers.extend([JSON, ("transfer-encoding", "chunked")]);
    let unannounced = [head("POST", RELAY.path, &headers), chunked(&long, 4_000)].concat();
    refused(&house, &ask(house.address(), &unannounced).await.unwrap(), 413, "door.too-large").await;

    let whole = bytes(&signed(&[&FIRST], "msg_4", at, &say), &[JSON], &say);
    let mut slow = Line::open(house.address()).await;
    slow.say(&whole[..whole.len() - 10]).await;
    refused(&house, &slow.hear().await.expect("an answer"), 408, "door.timeout").await;
    assert_eq!(house.events("H99.14-261123-0841").await, [] as [&str; 0]);
    let heard = post(&house, &signed(&[&FIRST], "msg_4", at, &say), &say).await;
    assert_eq!(heard.status, 200, "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_changed_while_the_gateway_runs() {
    let (house, folder) = house(ACCEPTS).await;
    let say = body("H99.14-261123-0851", "2");
    let third = [3; 48];
    let send =
        async |key: &[u8]| post(&house, &signed(&[key], "msg_1", now(&house), &say), &say).await.status;
    assert_eq!((send(&FIRST).await, send(&third).await), (200, 401));
    let path = folder.path().join("mot");
    std::fs::write(&path, "không phải khóa").unwrap();
    std::fs::write(&path, format!("whsec_{}", STANDARD.encode(third))).unwrap();
    crate::wire::until("the new key", async || (send(&third).await == 200).then_some(())).await;
    assert_eq!((send(&FIRST).await, send(&SECOND).await), (401, 200));
}
