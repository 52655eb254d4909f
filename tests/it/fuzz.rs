//! Arbitrary and damaged bytes at every door: always an answer, never one that sounds like success, and the gateway still works.

use std::net::SocketAddr;

use conformance::chance::Chance;
use serde_json::json;

use crate::questions::{DOSSIER, Desk, NAME, NUMBER, PLATFORMS, PROCEDURE};
use crate::wire::{House, Line, SPEAKERS, Speaker, call, dossier};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_leave_a_door_without_an_answer() {
    let house = House::with(&[]).await;
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for speaker in SPEAKERS {
        let good = speaker
            .body(&[dossier("H99.14-261123-0100", json!({})), dossier("H99.14-261123-0101", json!({}))]);
        let log_in = br#"{"username":"a","password":"b"}"#.to_vec();
        let answer =
            br#"{"service":"DongBoTrangThaiHoSo","type":"2","data":{"MaHoSo":"x","TrangThai":"2"}}"#.to_vec();
        let mut line = Line::open(house.address()).await;
        for round in 0..400 {
            let body = match round % 8 {
                0 => {
                    let length = chance.below(300);
                    chance.bytes(length)
                }
                1 => chance.damaged(&log_in),
                2 => chance.damaged(&answer),
                _ => chance.damaged(&good),
            };
            let path = match (speaker.name, round % 5) {
                ("envelope", 0) => "/XrdAdapter/RestService/forward/mapi/login",
                (_, 0) => "/x/CapNhatTienDoHoSoMC",
                _ => speaker.path,
            };
            knock(&house, &mut line, speaker, path, &body).await;
        }
    }
    // Nothing behind the doors may have been harmed either.
    house.stage.quiet().await.unwrap();
    house.still_works("8").await;
}

async fn knock(house: &House, line: &mut Line, speaker: Speaker, path: &str, body: &[u8]) {
    let key = house.key(speaker);
    line.say(&call("POST", path, &[("x-api-key", &key), ("content-type", speaker.media)], body)).await;
    let heard = line.hear().await.unwrap_or_else(|| panic!("no answer to {}", String::from_utf8_lossy(body)));
    assert!(matches!(heard.status, 200 | 400 | 401 | 409), "{heard:?}");
    if body.windows(7).any(|word| word == b"service")
        && heard.status == 200
        && !heard.text().contains("MaHoSo")
    {
        // A damaged service name is a question: the portal's own answer is passed on as it is.
        return;
    }
    let (code, words) = speaker.said(&heard);
    assert!(code == "0" || !words.to_lowercase().contains("thành công"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_on_the_wire_stop_the_gateway() {
    let house =
        House::with(&[("limits", "headers_ms_max = 1500\nidle_ms_max = 1500\nbody_ms_max = 1500")]).await;
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let calls: Vec<Vec<u8>> = SPEAKERS
        .into_iter()
        .map(|s| house.post(s, &s.body(&[dossier("H99.14-261123-0102", json!({}))])))
        .collect();
    let address: SocketAddr = house.address();
    let mut knocking = tokio::task::JoinSet::new();
    for round in 0..150 {
        let bytes = match round % 5 {
            0 => {
                let length = chance.below(2000);
                chance.bytes(length)
            }
            _ => chance.damaged(&calls[round % 3]),
        };
        knocking.spawn(async move {
            let mut line = Line::open(address).await;
            line.say(&bytes).await;
            // Whatever it is taken for, it ends: with an answer or with the end of the connection, within the bounds.
            while line.hear().await.is_some() {}
        });
    }
    while let Some(ended) = knocking.join_next().await {
        ended.expect("every connection ends");
    }
    house.still_works("9").await;
}

/// The two versions of SOAP: media type, address of the envelope.
const SOAP: [(&str, &str); 2] = [
    ("text/xml", "http://schemas.xmlsoap.org/soap/envelope/"),
    ("application/soap+xml", "http://www.w3.org/2003/05/soap-envelope"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_by_soap_is_answered_in_the_version_that_was_spoken() {
    let desk = Desk::with(&PLATFORMS[0], "[questions]\nper_minute_max = 100000\n").await;
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for (media, namespace) in SOAP {
        let good = format!(
            "<s:Envelope xmlns:s=\"{namespace}\"><s:Header><h:a xmlns:h=\"urn:h\">1</h:a></s:Header><s:Body>\
             <c:TraCuuCongDan xmlns:c=\"urn:lienthong:population:cong-dan:1\"><c:MaDVC>{PROCEDURE}</c:MaDVC>\
             <c:MaHoSo>{DOSSIER}</c:MaHoSo><c:TaiKhoan>canbo.thu</c:TaiKhoan><c:SoDinhDanh>{NUMBER}</c:SoDinhDanh>\
             <c:HoVaTen>{NAME}</c:HoVaTen><c:NgaySinh>1985-01-02</c:NgaySinh></c:TraCuuCongDan></s:Body></s:Envelope>"
        );
        let headers = [("x-api-key", desk.key("soap")), ("content-type", media)];
        let mut line = Line::open(desk.address()).await;
        let mut answered = 0;
        for round in 0..300 {
            let body = match round % 6 {
                _ if round == 0 => good.clone().into_bytes(),
                0 => {
                    let length = chance.below(300);
                    chance.bytes(length)
                }
                _ => chance.damaged(good.as_bytes()),
            };
            line.say(&call("POST", "/soap/cong-dan", &headers, &body)).await;
            let sent = String::from_utf8_lossy(&body).into_owned();
            let heard = line.hear().await.unwrap_or_else(|| panic!("no answer to {sent}"));
            let text = heard.text();
            let told = heard.header("content-type").unwrap_or_default();
            assert!(told.starts_with(media) && text.contains(namespace), "{sent}: {heard:?}");
            answered += u32::from(heard.status == 200);
            // A fault of SOAP 1.1 is always a 500: its words tell a defect of ours from one of the caller.
            let is_fault = text.contains(":Fault>") && matches!(heard.status, 400 | 500);
            assert!(heard.status == 200 || is_fault, "{sent}: {heard:?}");
            assert!(!text.contains("gateway."), "{sent}: {heard:?}");
        }
        assert!(answered > 0, "nothing was asked at all");
    }
    let verified = desk.command(&["audit", "verify"]);
    assert!(verified.status.success(), "{verified:?}");
}
