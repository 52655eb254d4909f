//! Bad input: every case gets a clear answer in the words of the door it came to, a counter, a journal entry where a dossier
//! could be told, and costs no other message anything.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::wire::{
    ENVELOPE, Heard, House, Line, RELAY, SPEAKERS, Speaker, XML, ask, call, chunked, dossier, head, rooted,
};

/// What a refusal must be, whatever the dialect.
fn refused(speaker: Speaker, heard: &Heard, status: u16, word: &str) {
    assert_eq!(heard.status, status, "{speaker:?} «{word}»: {heard:?}");
    let media = heard.header("content-type").unwrap_or_default();
    assert!(media.starts_with(speaker.media), "{media}");
    let (code, words) = speaker.said(heard);
    assert_eq!(code, "-1", "{heard:?}");
    assert!(words.contains(word), "«{word}» is not in «{words}»");
    assert!(!heard.text().to_lowercase().contains("thành công"), "{heard:?}");
    assert!(heard.header("x-correlation-id").is_some_and(|id| id.len() >= 8), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_enter_is_told_why_in_its_own_words() {
    let house = House::with(&[("limits", "body_bytes_max = 20000")]).await;
    for speaker in SPEAKERS {
        let key = house.key(speaker);
        let (own, media) = (("x-api-key", key.as_str()), ("content-type", speaker.media));
        let stranger = ("x-api-key", "lt_khong-phai-khoa-cua-ai");
        let body = speaker.body(&[dossier("H99.14-261123-0001", json!({}))]);
        let long = vec![b' '; 30_000];
        let post = |headers: &[(&str, &str)]| call("POST", speaker.path, headers, &body);
        let missing = if speaker.name == "envelope" { "auth.session" } else { "auth.missing" };
        let cases: Vec<(Vec<u8>, u16, &str, &str)> = vec![
            (post(&[stranger, media]), 401, "auth.unknown", "keys add"),
            (post(&[("authorization", "Basic !!!"), media]), 401, missing, ""),
            (post(&[media]), 401, missing, ""),
            (call("PUT", speaker.path, &[own, media], &body), 405, "door.method", "POST"),
            (head("GET", speaker.path, &[own]), 405, "door.method", "POST"),
            (head("OPTIONS", speaker.path, &[]), 405, "door.method", "POST"),
            (post(&[own, ("content-type", "text/plain")]), 415, "door.content-type", speaker.media),
            (post(&[own]), 415, "door.content-type", "Content-Type"),
            (
                post(&[own, media, ("content-encoding", "gzip")]),
                415,
                "door.content-encoding",
                "Content-Encoding",
            ),
            (call("POST", speaker.path, &[own, media], &long), 413, "door.too-large", "20000 byte"),
            (
                [
                    head("POST", speaker.path, &[own, media, ("transfer-encoding", "chunked")]),
                    chunked(&long, 999),
                ]
                .concat(),
                413,
                "door.too-large",
                "20000 byte",
            ),
        ];
        for (bytes, status, code, word) in cases {
            let before = house.turned_away(code).await;
            let heard = ask(house.address(), &bytes).await.expect("an answer");
            if bytes.starts_with(b"GET") || bytes.starts_with(b"OPTIONS") {
                // These have no media type, so the first door of the path answers.
                assert_eq!(heard.status, status, "{heard:?}");
            } else if bytes.starts_with(b"POST") && word.is_empty() {
                assert_eq!(heard.status, status, "{heard:?}");
                assert_eq!(speaker.said(&heard).0, "-1");
            } else {
                refused(speaker, &heard, status, word);
            }
            assert_eq!(house.turned_away(code).await, before + 1.0, "{code}");
            let wants = |wanted: u16| (status == wanted).then_some(());
            assert_eq!(heard.header("allow"), wants(405).map(|()| "POST"));
            assert_eq!(heard.header("connection"), wants(413).map(|()| "close"));
            assert_eq!(heard.header("www-authenticate").is_some(), status == 401);
        }
        assert_eq!(house.events("H99.14-261123-0001").await, [] as [&str; 0]);
    }
    house.still_works("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_of_our_own_answer_with_problems() {
    let house = House::with(&[]).await;
    for (bytes, status, allow) in [
        (head("GET", "/", &[]), 404, None),
        (call("POST", "/api/KhongCo", &[], b"{}"), 404, None),
        (call("POST", "/api/DongBoHoSoMC/x/%2e%2e", &[], b"{}"), 404, None),
        (call("POST", "/metrics", &[], b""), 405, Some("GET, HEAD")),
        (head("DELETE", "/readyz", &[]), 405, Some("GET, HEAD")),
        (head("OPTIONS", "/healthz", &[]), 405, Some("GET, HEAD")),
    ] {
        let heard = ask(house.address(), &bytes).await.unwrap();
        assert_eq!(heard.status, status, "{heard:?}");
        assert_eq!(heard.header("content-type"), Some("application/problem+json"));
        assert_eq!(heard.header("allow"), allow);
        let problem = heard.json();
        assert_eq!(problem["status"], status);
        assert!(problem["type"].as_str().unwrap().starts_with("urn:lienthong:fault:door."), "{problem}");
        assert!(problem["title"].as_str().unwrap().contains("dịch vụ"), "{problem}");
    }
    assert_eq!(house.turned_away("door.not-found").await, 3.0);

    let socket = house.stage.app().config.gateway.admin_socket();
    for body in ["", "{}", "{\"call\":\"drop-everything\"}", "[[[["] {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).unwrap();
        stream.write_all(&call("POST", "/admin", &[], body.as_bytes())).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("application/problem+json"),
            "{answer}"
        );
    }
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    let mut line = Line::open(house.address()).await;
    line.say(&head("HEAD", "/healthz", &[])).await;
    line.say(&head("GET", "/healthz", &[])).await;
    // The answer to HEAD announces a length that does not come: the next answer follows at once.
    let text = loop_text(&mut line).await;
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 2, "{text}");
    assert!(text.ends_with("ok\n"));
}

/// Everything until an answer with a body has come.
async fn loop_text(line: &mut Line) -> String {
    let mut text = String::new();
    while !text.ends_with("ok\n") {
        text.push_str(&line.hear().await.expect("two answers").everything().replace('\r', ""));
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_opens_only_the_doors_of_its_own_dialect() {
    let house = House::with(&[]).await;
    for (caller, door) in [(RELAY, ENVELOPE), (XML, ENVELOPE), (ENVELOPE, RELAY), (ENVELOPE, XML)] {
        let key = house.key(caller);
        let body = door.body(&[dossier("H99.14-261123-0002", json!({}))]);
        let bytes = call("POST", door.path, &[("x-api-key", &key), ("content-type", door.media)], &body);
        let heard = ask(house.address(), &bytes).await.unwrap();
        refused(door, &heard, 403, &format!("`{}`", caller.name));
    }
    assert_eq!(house.turned_away("auth.wrong-door").await, 4.0);
    // On the path that two dialects share, the key says whose words are spoken.
    let (key, body) = (house.key(RELAY), XML.body(&[dossier("H99.14-261123-0002", json!({}))]));
    let bytes = call("POST", XML.path, &[("x-api-key", &key), ("content-type", XML.media)], &body);
    refused(RELAY, &ask(house.address(), &bytes).await.unwrap(), 415, "application/json");
    house.still_works("2").await;
}

/// Bodies that cannot be read at all: what is in the place of the dossiers, the fault, a word of the answer.
fn unreadable_json() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let text = |text: &str| text.as_bytes().to_vec();
    let nested = |open: &str, close: &str| [open.repeat(5000), close.repeat(5000)].concat().into_bytes();
    let thousand_and_one = format!("[{}]", vec!["{\"MaHoSo\":\"x\"}"; 1001].join(","));
    vec![
        (text("[{\"MaHoSo\":\"H99\""), "body.malformed", "dòng 1, cột"),
        (text("[{\"MaHoSo\":\"H99\"},]"), "body.malformed", "dòng 1, cột"),
        (text("[{'MaHoSo':1}]"), "body.malformed", "dòng 1, cột"),
        (text("[{\"MaHoSo\":007}]"), "body.malformed", "dòng 1, cột"),
        (text("[{\"MaHoSo\":\"a\nb\"}]"), "body.malformed", "dòng"),
        (text("[{\"ChuHoSo\":\"\\ud800\"}]"), "body.malformed", "dòng 1, cột"),
        (text("[{\"Gia\":1e999}]"), "body.malformed", "dòng 1, cột"),
        (text("[{\"MaHoSo\":123456789012345678901234567890}]"), "body.number", "dưới dạng chuỗi"),
        (text("[{\"Gia\":NaN}]"), "body.malformed", "dòng 1, cột"),
        (b"[{\"ChuHoSo\":\"Nguy\xe1\xbbn\"}]".to_vec(), "body.encoding", "UTF-8 (byte thứ"),
        (b"[{\"ChuHoSo\":\"\xc0\xaf\"}]".to_vec(), "body.encoding", "UTF-8 (byte thứ"),
        (b"\xff\xfe[\0{\0}\0]\0".to_vec(), "body.encoding", "UTF-8 (byte thứ 1)"),
        (b"[\0{\0}\0]\0".to_vec(), "body.malformed", "dòng 1, cột"),
        (nested("[", "]"), "body.too-deep", "dòng 1, cột"),
        (nested("{\"a\":", "}"), "body.too-deep", "dòng 1, cột"),
        (
            text("[{\"MaHoSo\":\"a\",\"ChuHoSo\":\"b\",\"MaHoSo\":\"c\"}]"),
            "body.duplicate-key",
            "`MaHoSo` xuất hiện hai lần",
        ),
        (
            text("[{\"MaHoSo\":\"a\",\"TaiLieuNop\":[{\"x\":1,\"\\u0078\":2}]}]"),
            "body.duplicate-key",
            "`x` xuất hiện hai lần",
        ),
        (text("[]"), "frame", "không có hồ sơ nào"),
        (text("7"), "frame", "mảng hồ sơ"),
        (text("null"), "frame", "mảng hồ sơ"),
        (thousand_and_one.into_bytes(), "frame", "nhiều nhất 1000"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_that_cannot_be_read_is_refused_with_its_place() {
    let house = House::with(&[]).await;
    for speaker in [RELAY, ENVELOPE] {
        for (data, code, word) in unreadable_json() {
            // Bytes that are no text stand in the place of the whole body.
            let body = match std::str::from_utf8(&data) {
                Ok(text) if !data.contains(&0) => speaker.around(text).into_bytes(),
                _ if data.starts_with(b"[{") => {
                    let around = speaker.around("\u{1}");
                    let (before, after) = around.split_once('\u{1}').unwrap();
                    [before.as_bytes(), &data, after.as_bytes()].concat()
                }
                _ => data,
            };
            let code = if code == "frame" { format!("{}.frame", speaker.name) } else { code.to_owned() };
            let before = house.turned_away(&code).await;
            let heard = ask(house.address(), &house.post(speaker, &body)).await.unwrap();
            refused(speaker, &heard, 400, word);
            assert_eq!(house.turned_away(&code).await, before + 1.0, "{code}");
        }
        let heard = ask(house.address(), &house.post(speaker, b"")).await.unwrap();
        refused(speaker, &heard, 400, "dòng");
    }
    house.still_works("3").await;
}

/// XML that cannot be read at all.
fn unreadable_xml() -> Vec<(Vec<u8>, &'static str, &'static str)> {
    let item = "<HoSo><MaHoSo>H99</MaHoSo></HoSo>";
    let text = |text: String| text.into_bytes();
    let typed =
        |subset: &str| text(format!("<!DOCTYPE DongBoHoSoMC {subset}>{}", rooted("<HoSo>&x;</HoSo>")));
    let laughs: String =
        (1..10).map(|n| format!("<!ENTITY x{n} \"{}\">", format!("&x{};", n - 1).repeat(10))).collect();
    let utf16: Vec<u8> = rooted(item).encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        (typed("SYSTEM \"file:///etc/hostname\""), "body.doctype", "DOCTYPE"),
        (typed("[<!ENTITY x SYSTEM \"file:///etc/hostname\">]"), "body.doctype", "DOCTYPE"),
        (typed("[<!ENTITY % x SYSTEM \"http://127.0.0.1:1/x\"> %x;]"), "body.doctype", "DOCTYPE"),
        (typed(&format!("[<!ENTITY x0 \"ha\">{laughs}<!ENTITY x \"&x9;\">]")), "body.doctype", "DOCTYPE"),
        (text(rooted("<HoSo>&ten;</HoSo>")), "body.malformed", "thực thể"),
        (text(rooted("<HoSo>&#0;</HoSo>")), "body.malformed", "thực thể"),
        (text(rooted("<HoSo><MaHoSo></HoSo>")), "body.malformed", "gần byte thứ"),
        (text(rooted("<HoSo a=\"1\" a=\"2\"/>")), "body.malformed", "gần byte thứ"),
        (text(rooted("<HoSo a=1/>")), "body.malformed", "gần byte thứ"),
        (text(rooted("<HoSo><![CDATA[x</HoSo>")), "body.malformed", "gần byte thứ"),
        (text("<DongBoHoSoMC><HoSo>".to_owned()), "body.malformed", "giữa chừng"),
        (text(String::new()), "body.malformed", "không có nội dung"),
        (text(rooted(&"<a>".repeat(3))), "xml.frame", "HoSo"),
        (text(rooted(&format!("<HoSo>{}", "<a>".repeat(5000)))), "body.too-deep", "64 mức"),
        (
            [b"<DongBoHoSoMC>\xff".to_vec(), b"</DongBoHoSoMC>".to_vec()].concat(),
            "body.encoding",
            "UTF-8 (byte thứ 15)",
        ),
        ([b"\xff\xfe".to_vec(), utf16].concat(), "body.encoding", "UTF-8 (byte thứ 1)"),
        (
            text(format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?>{}", rooted(item))),
            "body.encoding",
            "UTF-8",
        ),
        (
            text(format!("<?xml version=\"1.0\" encoding=\"windows-1258\"?>{}", rooted(item))),
            "body.encoding",
            "UTF-8",
        ),
        (text(rooted("")), "xml.frame", "không có HoSo nào"),
        (text(rooted("chữ")), "xml.frame", "văn bản ở ngoài"),
        (text(rooted(&format!("{item}<TienDo/>"))), "xml.frame", "chỉ được có các phần tử HoSo"),
        (text(format!("<Khac>{item}</Khac>")), "xml.frame", "phần tử gốc"),
        (text(rooted(&item.repeat(1001))), "xml.frame", "nhiều nhất 1000"),
        (
            text(format!("<DongBoHoSoMC a=\"{}\">{item}</DongBoHoSoMC>", "x".repeat(5000))),
            "xml.frame",
            "4096",
        ),
        (text("[{\"MaHoSo\":\"x\"}]".to_owned()), "xml.frame", "văn bản"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn xml_that_cannot_be_read_is_refused_with_its_place() {
    let house = House::with(&[]).await;
    for (body, code, word) in unreadable_xml() {
        let before = house.turned_away(code).await;
        let heard = ask(house.address(), &house.post(XML, &body)).await.unwrap();
        refused(XML, &heard, 400, word);
        assert_eq!(house.turned_away(code).await, before + 1.0, "{code} {word}");
        let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
        assert!(host.trim().is_empty() || !heard.text().contains(host.trim()), "a file was read");
    }
    // Ten megabytes in one attribute are more than the door takes; five are taken in and refused by the contract.
    for (length, status) in [(10 << 20, 413), (5 << 20, 200)] {
        let body = rooted(&format!("<HoSo a=\"{}\"/>", "x".repeat(length)));
        let heard = ask(house.address(), &house.post(XML, body.as_bytes())).await.unwrap();
        refused(XML, &heard, status, "");
    }
    house.still_works("4").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_every_reader_understands_the_same_way_is_taken() {
    let house = House::with(&[]).await;
    let json = |code: &str, otherwise: Value| json!([dossier(code, otherwise)]).to_string();
    let xml = |code: &str| String::from_utf8(XML.body(&[dossier(code, json!({}))])).unwrap();
    let taken = [
        (RELAY, format!("\u{feff}{}", json("H99.14-261123-5001", json!({})))),
        (RELAY, dossier("H99.14-261123-5002", json!({})).to_string()),
        (RELAY, json("H99.14-261123-5003", json!({ "GhiChu": "a\u{0}b", "KhongAiBiet": { "x": [1, 2] } }))),
        (RELAY, json("H99.14-261123-5004", json!({ "TrangThaiHoSo": 2, "KenhThucHien": 2 }))),
        (XML, format!("\u{feff}{}", xml("H99.14-261123-5005"))),
        (
            XML,
            format!(
                "<?xml version=\"1.0\" encoding=\"utf-8\"?><!-- x --><?nguon a?>{}",
                xml("H99.14-261123-5006")
            ),
        ),
        (XML, xml("H99.14-261123-5007").replace("Hồ sơ thử nghiệm", "<![CDATA[Hồ sơ <thử> & nghiệm]]>")),
        (XML, xml("H99.14-261123-5008").replace("H99.14", "H99&#46;14").replace("><", ">\r\n<")),
    ];
    for (speaker, body) in taken {
        let heard = ask(house.address(), &house.post(speaker, body.as_bytes())).await.unwrap();
        assert_eq!((heard.status, speaker.said(&heard).0.as_str()), (200, "0"), "{body}\n{heard:?}");
    }
    for number in 5001..=5008 {
        let events = house.events(&format!("H99.14-261123-{number}")).await;
        assert!(events.starts_with(&["accepted", "queued"]), "{number}: {events:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_item_of_a_call_has_its_own_fate() {
    let house = House::with(&[]).await;
    for speaker in SPEAKERS {
        let code = |number: u32| format!("H99.14-261123-{}{number}", speaker.name.len());
        let good = |number: u32| dossier(&code(number), json!({}));
        let bad =
            dossier(&code(2), json!({ "MaTTHC": null, "TrangThaiHoSo": null, "NgayHenTra": "hôm nào" }));
        let batch = [good(1), bad, good(3)];
        let heard = house.send(speaker, &batch).await;
        refused(speaker, &heard, 200, &code(2));
        let words = speaker.said(&heard).1;
        // What the contract finds and what the mapping finds is said at once: nobody has to come twice for one document.
        for named in
            ["1/3", "MaTTHC [required] bắt buộc phải có", "TrangThaiHoSo [required]", "NgayHenTra [date]"]
        {
            assert!(words.contains(named), "{speaker:?}: «{named}» is not in «{words}»");
        }
        assert!(!words.contains(&code(1)) && !words.contains("hôm nào"), "{words}");
        assert_eq!(house.events(&code(2)).await, ["refused"]);
        house.stage.quiet().await.unwrap();
        for number in [1, 3] {
            assert_eq!(house.events(&code(number)).await, ["accepted", "queued", "delivered"]);
        }
        house.clock.advance_to(house.clock.now().plus_millis(1_000));
        // The same again: the good ones are known, the bad one is as bad as before.
        let heard = house.send(speaker, &batch).await;
        refused(speaker, &heard, 200, "1/3");
        assert_eq!(house.events(&code(1)).await, ["accepted", "queued", "delivered", "duplicate"]);
        assert_eq!(house.events(&code(2)).await, ["refused", "refused"]);
        assert_eq!(fates(speaker, &heard), ["0", "-1", "0"]);
        let channel = if speaker.name == "envelope" {
            "onestop/envelope".to_owned()
        } else {
            format!("onestop/{}/dossier-recorded", speaker.name)
        };
        for (fate, count) in [("accepted", 2.0), ("duplicate", 2.0), ("refused", 2.0)] {
            let name = format!("lienthong_items_total{{channel=\"{channel}\",fate=\"{fate}\"}}");
            assert_eq!(house.counted(&name).await, count, "{name}");
        }
    }
}

/// The codes of the items of an answer.
fn fates(speaker: Speaker, heard: &Heard) -> Vec<String> {
    if speaker.name == "xml" {
        let text = heard.text();
        let codes = text.split("<error_code>").skip(2).filter_map(|rest| rest.split_once('<'));
        return codes.map(|(code, _)| code.to_owned()).collect();
    }
    let answer = heard.json();
    let lines = answer["result"].as_array().expect("a line for each item");
    lines.iter().map(|line| line["error_code"].to_string().trim_matches('"').to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_inside_an_item_is_named_by_field_and_rule() {
    let house = House::with(&[]).await;
    let cases = [
        (
            "H99.14-261123-6001",
            json!({ "NgayTiepNhan": "20269999000000" }),
            "NgayTiepNhan [date] không phải ngày giờ",
        ),
        ("H99.14-261123-6002", json!({ "MaTTHC": "" }), "MaTTHC ["),
        ("H99.14-261123-6004", json!({ "MaHoSo": null }), "MaHoSo [required]"),
        ("H99.14-261123-6003", json!({ "TaiLieuNop": [{ "TenTepDinhKem": { "x": "y" } }] }), "TaiLieuNop"),
    ];
    for speaker in SPEAKERS {
        for (code, otherwise, word) in &cases {
            let heard = house.send(speaker, &[dossier(code, otherwise.clone())]).await;
            refused(speaker, &heard, 200, word);
            // What has no code of its own cannot be found by one.
            assert_eq!(
                house.events(code).await.contains(&"refused"),
                *code != "H99.14-261123-6004",
                "{code}"
            );
        }
        // Without a usable code the item is told by its place in the call; its neighbour is taken.
        for (index, unusable) in ["", "H99\n14", "H99\u{1}", &"9".repeat(101)].into_iter().enumerate() {
            if speaker.name == "xml" && unusable.contains('\u{1}') {
                continue;
            }
            let code = format!("H99.14-261123-7{}{index}", speaker.name.len());
            let heard = house.send(speaker, &[dossier(unusable, json!({})), dossier(&code, json!({}))]).await;
            refused(speaker, &heard, 200, "hồ sơ");
            assert_eq!(fates(speaker, &heard), ["-1", "0"], "{heard:?}");
            assert!(house.events(&code).await.starts_with(&["accepted"]));
        }
    }
    let neighbour = dossier("H99.14-261123-6100", json!({}));
    for stranger in [json!(7), json!("chữ"), json!(null), json!([])] {
        let heard = house.send(RELAY, &[stranger, neighbour.clone()]).await;
        refused(RELAY, &heard, 200, "phải là đối tượng");
        assert_eq!(fates(RELAY, &heard), ["-1", "0"]);
    }
    let foreign = XML.body(&[dossier("H99.14-261123-6200", json!({}))]);
    let foreign = String::from_utf8(foreign).unwrap().replace("urn:lienthong:onestop:hoso:1", "urn:khac");
    let heard = ask(house.address(), &house.post(XML, foreign.as_bytes())).await.unwrap();
    refused(XML, &heard, 200, "H99.14-261123-6200");
    assert_eq!(house.events("H99.14-261123-6200").await, ["refused"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_missing_on_our_side_is_accepted_and_held() {
    let house = House::with(&[]).await;
    for (speaker, number) in SPEAKERS.into_iter().zip(1..) {
        let code = format!("H99.14-261123-800{number}");
        let unknown = dossier(&code, json!({ "TrangThaiHoSo": "77" }));
        let heard = house.send(speaker, &[unknown]).await;
        assert_eq!((heard.status, speaker.said(&heard).0.as_str()), (200, "0"), "{heard:?}");
        house.stage.quiet().await.unwrap();
        assert_eq!(house.events(&code).await, ["accepted", "queued", "dead-letter"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_against_doubles_is_good_for_one_body() {
    let house = House::with(&[]).await;
    let key = house.key(RELAY);
    let headers =
        [("x-api-key", key.as_str()), ("content-type", RELAY.media), ("idempotency-key", "lan-gui-0001")];
    let say = |status: &str| {
        let body = RELAY.body(&[dossier("H99.14-261123-0009", json!({ "TrangThaiHoSo": status }))]);
        call("POST", RELAY.path, &headers, &body)
    };
    assert_eq!(ask(house.address(), &say("2")).await.unwrap().status, 200);
    assert_eq!(ask(house.address(), &say("2")).await.unwrap().status, 200);
    let heard = ask(house.address(), &say("4")).await.unwrap();
    refused(RELAY, &heard, 409, "Idempotency-Key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_read_as_forms_write_them_and_never_break_the_door() {
    let house = House::with(&[]).await;
    let key = house.key(RELAY);
    for (index, query) in [
        "",
        "?",
        "?&&&=&",
        "?MaDinhDanhDV=000.00.00.H99&MaDinhDanhDV=000.00.00.H98",
        "?isUpdating=%&x=%zz&%ff%fe=%",
        "?isUpdating=co&isUpdating=True",
    ]
    .into_iter()
    .enumerate()
    {
        let body = RELAY.body(&[dossier(&format!("H99.14-261123-900{index}"), json!({}))]);
        let path = format!("/api/DongBoHoSoMC{query}");
        let bytes = call("POST", &path, &[("x-api-key", &key), ("content-type", RELAY.media)], &body);
        let heard = ask(house.address(), &bytes).await.unwrap();
        assert_eq!((heard.status, RELAY.said(&heard).0.as_str()), (200, "0"), "{query}: {heard:?}");
    }
    for unit in ["%zz", "%ff%fe", "Nguy%E1%BB%85n+V%C4%83n+Th%E1%BB%AD", &"9".repeat(65), "a%00b"] {
        let body = RELAY.body(&[dossier("H99.14-261123-9100", json!({}))]);
        let path = format!("/api/DongBoHoSoMC?MaDinhDanhDV={unit}");
        let bytes = call("POST", &path, &[("x-api-key", &key), ("content-type", RELAY.media)], &body);
        refused(RELAY, &ask(house.address(), &bytes).await.unwrap(), 200, "mã đơn vị");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_senders_are_cut_off_and_delay_nobody() {
    let given = [("limits", "headers_ms_max = 1500"), ("limits", "body_ms_max = 1500")];
    let house = House::with(&given).await;
    for speaker in SPEAKERS {
        let key = house.key(speaker);
        let body = speaker.body(&[dossier("H99.14-261123-0010", json!({}))]);
        let whole =
            call("POST", speaker.path, &[("x-api-key", &key), ("content-type", speaker.media)], &body);
        let mut slow_body = Line::open(house.address()).await;
        slow_body.say(&whole[..whole.len() - 10]).await;
        let mut slow_head = Line::open(house.address()).await;
        slow_head.say(&whole[..40]).await;
        house.still_works("5").await;
        let heard = slow_body.hear().await.expect("an answer");
        refused(speaker, &heard, 408, "chưa có gì được ghi nhận");
        assert_eq!(heard.header("connection"), Some("close"));
        assert!(slow_body.ends().await);
        assert!(slow_head.hear().await.is_none_or(|heard| heard.status == 408));
    }
    assert_eq!(house.turned_away("door.timeout").await, 3.0);
    assert_eq!(house.turned_away("door.slow-head").await, 3.0);
    assert_eq!(house.events("H99.14-261123-0010").await, [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_calls_do_not_hold_up_small_ones() {
    let house = House::with(&[]).await;
    let address = house.address();
    let mut large = tokio::task::JoinSet::new();
    for (number, speaker) in SPEAKERS.into_iter().enumerate() {
        let note = "Ghi chú rất dài. ".repeat(300);
        let item = |n: u32| {
            dossier(&format!("H99.14-{number}61123-{n:04}"), json!({ "GhiChu": note, "MaTTHC": null }))
        };
        let items: Vec<Value> = (0..400).map(item).collect();
        let bytes = house.post(speaker, &speaker.body(&items));
        large.spawn(async move { ask(address, &bytes).await.expect("an answer").status });
    }
    let (mut small, mut slowest) = (0, Duration::ZERO);
    while !large.is_empty() {
        let began = Instant::now();
        let heard = house.send(RELAY, &[dossier(&format!("H99.14-261123-3{small:03}"), json!({}))]).await;
        slowest = slowest.max(began.elapsed());
        assert_eq!(heard.status, 200);
        small += 1;
        while let Some(ended) = large.try_join_next() {
            assert_eq!(ended.unwrap(), 200);
        }
    }
    // Three calls of 2.5 MB each are busy for seconds in an unoptimised build; small ones pass between them.
    assert!(small > 3, "{small} small calls, the slowest took {slowest:?}");
    house.still_works("31").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_holds_the_line_makes_room_for_others() {
    let house = House::with(&[
        ("limits", "headers_ms_max = 1000\nidle_ms_max = 1000"),
        ("limits", "connections_max = 2"),
    ])
    .await;
    // One says nothing at all, one has been answered and stays.
    let mut silent = Line::open(house.address()).await;
    let mut idle = Line::open(house.address()).await;
    idle.say(&head("GET", "/healthz", &[])).await;
    assert_eq!(idle.hear().await.unwrap().status, 200);
    let heard = house.send(RELAY, &[dossier("H99.14-261123-0013", json!({}))]).await;
    assert_eq!(heard.status, 200);
    assert!(silent.ends().await && idle.ends().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_http_is_turned_away_by_status() {
    let house = House::with(&[]).await;
    let many = |count: usize| (0..count).map(|n| format!("x-{n}: 1\r\n")).collect::<String>();
    // A hundred may be, with the host; one more may not.
    let most = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{}\r\n", many(99));
    let most = ask(house.address(), most.as_bytes()).await;
    assert_eq!(most.map(|heard| heard.status), Some(200));
    let (key, path) = (house.key(RELAY), RELAY.path);
    let cases = [
        (format!("POST {path} HTTP/1.1\r\nhost: x\r\n{}\r\n", many(3000)), 431),
        (format!("POST {path} HTTP/1.1\r\nhost: x\r\n{}\r\n", many(100)), 431),
        (format!("POST {path} HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(300_000)), 431),
        (format!("POST /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(70_000)), 414),
        ("xin chào\r\n\r\n".to_owned(), 400),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400),
        (format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"), 400),
        (format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"), 400),
        (format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n"), 400),
        (format!("POST {path} HTTP/1.1\r\nbad header: 1\r\n\r\n"), 400),
    ];
    for (index, (text, status)) in cases.into_iter().enumerate() {
        let heard = ask(house.address(), text.as_bytes()).await;
        let heard = heard.unwrap_or_else(|| panic!("no answer to case {index}"));
        assert_eq!(heard.status, status, "case {index}: {heard:?}");
        // The HTTP library's own answer. If it ever lets us word it, so should we.
        assert!(
            heard.body.is_empty() && heard.header("connection") == Some("close"),
            "case {index}: {heard:?}"
        );
    }
    assert!(house.turned_away("door.not-http").await >= 8.0);

    // A length that is a lie: too long waits for more until the caller hangs up; too short leaves garbage behind.
    let body = RELAY.body(&[dossier("H99.14-261123-0011", json!({}))]);
    let own = [("x-api-key", key.as_str()), ("content-type", RELAY.media)];
    let mut line = Line::open(house.address()).await;
    line.say(&[call("POST", path, &own, &body), b"\r\ngarbage garbage\r\n\r\n".to_vec()].concat()).await;
    assert_eq!(line.hear().await.unwrap().status, 200);
    assert_eq!(line.hear().await.unwrap().status, 400);
    assert!(line.ends().await);
    let short = [head("POST", path, &[own[0], own[1], ("content-length", "10")]), body.clone()].concat();
    let mut line = Line::open(house.address()).await;
    line.say(&short).await;
    refused(RELAY, &line.hear().await.unwrap(), 400, "dòng");
    assert!(line.hear().await.is_none_or(|heard| heard.status == 400));

    // Two lengths in one call are how calls are smuggled past a proxy: one call, or none, is heard, never two.
    let both = [
        head("POST", path, &[own[0], own[1], ("content-length", "4"), ("transfer-encoding", "chunked")]),
        chunked(&body, 100),
    ]
    .concat();
    let mut line = Line::open(house.address()).await;
    line.say(&both).await;
    let first = line.hear().await.unwrap();
    assert!(matches!(first.status, 200 | 400), "{first:?}");

    let old = [format!("POST {path} HTTP/1.0\r\nx-api-key: {key}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes(), body.clone()].concat();
    let mut line = Line::open(house.address()).await;
    line.say(&old).await;
    assert_eq!(line.hear().await.unwrap().status, 200);
    assert!(line.ends().await);
    house.still_works("6").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_first_is_told_before_it_sends() {
    let house = House::with(&[]).await;
    let (key, body) = (house.key(RELAY), RELAY.body(&[dossier("H99.14-261123-0012", json!({}))]));
    let length = body.len().to_string();
    let head_with = |key: &str, length: &str| {
        let headers = [
            ("x-api-key", key),
            ("content-type", RELAY.media),
            ("content-length", length),
            ("expect", "100-continue"),
        ];
        head("POST", RELAY.path, &headers)
    };
    let mut line = Line::open(house.address()).await;
    line.say(&head_with(&key, &length)).await;
    assert_eq!(line.hear().await.unwrap().status, 100);
    line.say(&body).await;
    assert_eq!(line.hear().await.unwrap().status, 200);
    for (key, length, status) in [("lt_sai", length.as_str(), 401), (&key, "99999999", 413)] {
        let mut line = Line::open(house.address()).await;
        line.say(&head_with(key, length)).await;
        refused(RELAY, &line.hear().await.unwrap(), status, "");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sends_too_much_still_reads_the_answer() {
    let house = House::with(&[]).await;
    let key = house.key(RELAY);
    let long = vec![b' '; 20 << 20];
    let own = [("x-api-key", key.as_str()), ("content-type", RELAY.media)];
    let announced = call("POST", RELAY.path, &own, &long);
    let unannounced = [
        head("POST", RELAY.path, &[own[0], own[1], ("transfer-encoding", "chunked")]),
        chunked(&long, 1 << 16),
    ]
    .concat();
    for bytes in [announced, unannounced] {
        // Everything is sent before the first look at the answer, as simple callers do.
        let heard = ask(house.address(), &bytes).await.expect("the answer outlives the reset");
        refused(RELAY, &heard, 413, "8388608 byte");
    }
    let bytes = call("POST", RELAY.path, &[("x-api-key", "lt_sai"), own[1]], &vec![b' '; 5 << 20]);
    refused(RELAY, &ask(house.address(), &bytes).await.unwrap(), 401, "khóa");
}
