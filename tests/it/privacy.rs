//! Personal data stay inside: what senders said of people is looked for, byte by byte, wherever an outsider or a thief of a disk
//! could look. The people are made up.

use serde_json::json;

use crate::process::Process;
use crate::wire::{
    ENVELOPE, Heard, House, RELAY, SPEAKERS, Speaker, XML, ask, call, dossier, files, head, holds, until,
};

/// A name, an identity number, a telephone number, an e-mail address, a street; and parts of them, because half a name is one too.
const PERSONAL: [&str; 8] = [
    "Đặng Thị Xuyến Chi Thử",
    "Xuyến Chi",
    "079385112233",
    "0912345987",
    "xuyen.chi.thu@example.invalid",
    "Số 77 ngõ Thử Nghiệm",
    "DANG THI XUYEN CHI THU",
    "B7654321",
];

/// A dossier full of them.
fn about_somebody(code: &str) -> serde_json::Value {
    dossier(
        code,
        json!({
            "ChuHoSo": PERSONAL[0], "SoGiayToChuHoSo": PERSONAL[2], "SoDienThoai": PERSONAL[3], "Email": PERSONAL[4],
            "TrichYeuHoSo": format!("Cấp giấy cho {} ở {}", PERSONAL[0], PERSONAL[5]), "GhiChu": PERSONAL[6],
            "MaDoiTuong": PERSONAL[7],
            "DinhDanhCHS": [{ "LoaiDinhDanh": "1", "SoDinhDanh": PERSONAL[2] }],
        }),
    )
}

fn with(code: &str, name: &str, value: &str) -> serde_json::Value {
    let mut dossier = about_somebody(code);
    dossier[name] = json!(value);
    dossier
}

/// Calls that carry personal data to every place where something could go wrong with them.
fn calls(house: &House) -> (Vec<Vec<u8>>, Vec<String>) {
    let (mut calls, mut codes) = (Vec::new(), Vec::new());
    for (speaker, base) in SPEAKERS.into_iter().zip([400, 500, 600]) {
        let mut code = |number: u32| {
            codes.push(format!("H99.14-261123-{:04}", base + number));
            codes[codes.len() - 1].clone()
        };
        let long = "Đặng Thị Xuyến Chi Thử ".repeat(200);
        let said = [
            about_somebody(&code(0)),
            // Refused: a value in a field that has rules.
            with(&code(1), "NgayTiepNhan", PERSONAL[2]),
            with(&code(2), "NgayHenTra", PERSONAL[0]),
            // Held: no code of ours, or longer than the portal takes.
            with(&code(3), "TrangThaiHoSo", PERSONAL[2]),
            with(&code(4), "KenhThucHien", PERSONAL[0]),
            with(&code(5), "MaTTHC", &long),
            // Shortened by a rule that leaves a trace.
            with(&code(6), "GhiChu", &long),
            // Dead-lettered by the portal.
            about_somebody(&code(7)),
            // No usable code.
            with("", "GhiChu", PERSONAL[0]),
        ];
        calls.extend(said.iter().map(|one| house.post(speaker, &speaker.body(std::slice::from_ref(one)))));
        calls.push(house.post(speaker, &speaker.body(&said)));
        let whole = speaker.body(&said[..1]);
        calls.push(house.post(speaker, &whole[..whole.len() - 20]));
        calls.push(house.post(speaker, &[&whole[..200], b"\xff", &whole[200..]].concat()));
        let stranger = [("x-api-key", PERSONAL[2]), ("content-type", speaker.media)];
        calls.push(call("POST", speaker.path, &stranger, &whole));
        calls.push(call("POST", "/079385112233/khong-co", &[], &whole));
        let key = house.key(speaker);
        let keyed =
            [("x-api-key", key.as_str()), ("content-type", speaker.media), ("idempotency-key", PERSONAL[4])];
        calls.push(call("POST", speaker.path, &keyed, &speaker.body(&[about_somebody(&code(8))])));
        let named = [keyed[0], keyed[1], ("x-correlation-id", PERSONAL[2]), ("user-agent", PERSONAL[4])];
        calls.push(call("POST", &format!("/079385112233{}", speaker.path), &named, &whole));
    }
    let doubled = format!("[{{\"ChuHoSo\":\"{}\",\"ChuHoSo\":\"{}\"}}]", PERSONAL[0], PERSONAL[2]);
    calls.push(house.post(RELAY, doubled.as_bytes()));
    calls.push(house.post(XML, format!("<!DOCTYPE x [<!ENTITY a \"{}\">]><x/>", PERSONAL[0]).as_bytes()));
    let by_unit =
        "/api/DongBoHoSoMC?MaDinhDanhDV=%C4%90%E1%BA%B7ng+Th%E1%BB%8B+Xuy%E1%BA%BFn+Chi+Th%E1%BB%AD";
    let key = house.key(RELAY);
    let headers = [("x-api-key", key.as_str()), ("content-type", RELAY.media)];
    calls.push(call("POST", by_unit, &headers, &RELAY.body(&[about_somebody("H99.14-261123-0700")])));
    codes.push("H99.14-261123-0700".to_owned());
    for service in ["TraCuuHoSo", "KhongAiBiet"] {
        let question = json!({ "service": service, "madonvi": lienthong::story::UNIT, "mahoso": PERSONAL[2], "ten": PERSONAL[0] });
        calls.push(house.post(ENVELOPE, question.to_string().as_bytes()));
    }
    (calls, codes)
}

fn clean(place: &str, bytes: &[u8]) {
    for text in PERSONAL {
        assert!(!holds(bytes, text), "«{text}» stands in {place}: {}", around(bytes, text));
    }
}

fn around(bytes: &[u8], text: &str) -> String {
    let at = bytes.windows(text.len()).position(|window| window == text.as_bytes()).unwrap_or(0);
    String::from_utf8_lossy(&bytes[at.saturating_sub(200)..(at + 100).min(bytes.len())]).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_said_of_people_is_seen_from_outside() {
    let mut house = House::with(&[]).await;
    let (calls, codes) = calls(&house);
    for code in codes.iter().filter(|code| code.ends_with('7')) {
        assert!(house.stage.portal.nudge(&["refuse", code]));
    }
    let process = Process::in_place_of(&mut house).await;
    for (index, bytes) in calls.iter().enumerate() {
        let heard: Heard =
            ask(process.address, bytes).await.unwrap_or_else(|| panic!("no answer to call {index}"));
        clean(&format!("the answer to call {index}"), heard.everything().as_bytes());
    }
    house
        .stage
        .portal
        .script(["503", "html", "lost-after"].map(|word| lienthong::simulator::Twist::parse(word).unwrap()));
    let last: Speaker = RELAY;
    ask(process.address, &house.post(last, &last.body(&[about_somebody("H99.14-261123-0701")])))
        .await
        .unwrap();
    process
        .logged("the last settlement", |line| {
            line["settlement"] == "delivered" && line["dossier"] == "H99.14-261123-0701"
        })
        .await;
    let settled = async || {
        let metrics = ask(process.address, &head("GET", "/metrics", &[])).await.unwrap().text();
        let waiting = metrics.lines().any(|line| line.contains("state=\"waiting\"") && !line.ends_with(" 0"));
        (!waiting).then_some(())
    };
    until("an end of all deliveries", settled).await;

    for path in ["/metrics", "/readyz", "/healthz"] {
        let heard = ask(process.address, &head("GET", path, &[])).await.unwrap();
        clean(path, heard.everything().as_bytes());
    }
    let letters = process.command(&["dead-letters", "list"]);
    clean("dead-letters list", letters.as_bytes());
    let ids: Vec<&str> = letters.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(ids.len() >= 9, "{letters}");
    for id in &ids {
        clean("dead-letters show", process.command(&["dead-letters", "show", id]).as_bytes());
        clean(
            "dead-letters show, as JSON",
            process.command(&["--json", "dead-letters", "show", id]).as_bytes(),
        );
    }
    // With the document it is shown, to whoever may read store and key: that it is there at all proves the search.
    assert!(holds(
        process.command(&["dead-letters", "show", ids[ids.len() - 1], "--document"]).as_bytes(),
        PERSONAL[0]
    ));
    for code in &codes {
        clean("timeline", process.command(&["timeline", code, "--all"]).as_bytes());
        clean("timeline, as JSON", process.command(&["--json", "timeline", code, "--all"]).as_bytes());
    }
    clean("the log", process.raw_log().as_bytes());
    assert!(process.log().iter().any(|line| line["level"] == "DEBUG"), "the log is at its most talkative");
    for (name, bytes) in files(&house.stage.folder().join("data")) {
        clean(&name, &bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_carrier_calls_an_order_that_is_not_ours_is_not_in_the_clear() {
    let house = House::with(&[("ems", "")]).await;
    let key = house.stage.key("ems").unwrap().reveal().to_owned();
    let headers = [("x-api-key", key.as_str()), ("content-type", "application/json")];
    for (number, text) in PERSONAL.into_iter().enumerate() {
        for (status, code) in [(2, text.to_owned()), (4, format!("{text}/R1"))] {
            let body = json!({
                "tracking_code": format!("EX{number:09}VN"), "order_code": code, "status_code": status, "note": PERSONAL[5],
                "datetime": "23/11/2026 07:00:00",
            });
            let bytes = call("POST", "/hooks/postal/ems", &headers, body.to_string().as_bytes());
            let heard = ask(house.address(), &bytes).await.expect("an answer");
            assert_eq!(heard.status, 200, "{code}");
        }
    }
    for (name, bytes) in files(&house.stage.folder().join("data")) {
        clean(&name, &bytes);
    }
}
