//! What is licensed, how it is written down, and that nothing of the people asked about is.

use serde_json::{Value, json};

use super::{DOSSIER, Desk, NAME, NUMBER, PLATFORMS, PROCEDURE, question};
use crate::process::limit_files;
use crate::wire::{Heard, Line, ask, call, until};
use gateway_core::licence::{TOLD, WITHHELD};
use lienthong::simulator::Twist;

fn said(heard: &Heard) -> (u16, String) {
    (heard.status, heard.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn without(field: &str) -> Value {
    let mut question = question();
    question.as_object_mut().expect("an object").remove(field);
    question
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_licence_allows_never_leaves() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    let mut other = question();
    other["procedure"] = json!("2.000001");
    let refusals = [
        (without("procedure"), "licence.no-procedure"),
        (without("officer"), "licence.no-officer"),
        (without("dossier"), "licence.no-dossier"),
        (other, "licence.procedure"),
    ];
    for (question, code) in refusals {
        let heard = desk.citizen("/citizen/look-up", &question).await;
        assert_eq!(said(&heard).1, code, "{heard:?}");
        assert!((400..500).contains(&heard.status), "{heard:?}");
    }
    let question = question().to_string();
    let in_url = desk.post("citizen", "/citizen/look-up?cccd=001085000000", &[], question.as_bytes()).await;
    assert_eq!(said(&in_url).1, "question.identity-in-url");
    assert_eq!(desk.database.calls(), 0, "nothing left");
    assert!(desk.trail().iter().all(|record| record["event"] != "asked"));
    // The errors that OpenCPS knows by number.
    let opencps = json!({
        "type": "TraCuuThongTinCongDan", "MaDVC": "2.000001", "GovAgencyCode": "000.00.00.H99", "StaffEmail": "canbo.thu",
        "HoVaTen": NAME, "NgayThangNamSinh": "1985-01-02", "SoDinhDanh": NUMBER,
    });
    let headers = [("x-dossier-code", DOSSIER)];
    let heard = desk.post("opencps", "/o/rest/v2/qldc", &headers, opencps.to_string().as_bytes()).await;
    assert_eq!((heard.status, &heard.json()["errorCode"]), (400, &json!("004")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_question_is_in_the_trail_and_nobody_asked_about_is_anywhere() {
    // Whoever asks about anybody is reported, in the log.
    let desk = Desk::with(&PLATFORMS[0], "[questions]\nnumbers_per_hour_alarm = 0\n").await;
    for path in ["/citizen/look-up", "/citizen/verify"] {
        assert_eq!(desk.citizen(path, &question()).await.status, 200);
    }
    let mut nobody = question();
    nobody["person"]["identityNumber"] = json!("001099000099");
    nobody["person"]["name"] = json!("Lê Thị Không");
    assert_eq!(desk.citizen("/citizen/look-up", &nobody).await.json()["outcome"], "not-found");
    desk.database.script([Twist::parse("html").expect("a twist")]);
    let failed = desk.citizen("/citizen/look-up", &question()).await;
    assert_eq!(said(&failed).1, "population.html");
    desk.database.nudge(&["mismatch"]);
    let other = desk.citizen("/citizen/look-up", &question()).await;
    assert_eq!(said(&other).1, "population.mismatch");
    // A number where a code belongs, and an officer who is known by an own number.
    let mut misplaced = question();
    misplaced["dossier"] = json!(format!("CCCD {NUMBER}"));
    misplaced["officer"] = json!({ "code": "001080000000" });
    let headers = [
        ("x-correlation-id", "cccd-001085000000-1"),
        ("traceparent", "00-00000000000000000000001085000000-00f067aa0ba902b7-01"),
    ];
    let heard = desk.post("citizen", "/citizen/look-up", &headers, misplaced.to_string().as_bytes()).await;
    assert_eq!(heard.status, 200, "{heard:?}");
    misplaced["unit"] = json!(NUMBER);
    assert_eq!(said(&desk.citizen("/citizen/look-up", &misplaced).await).1, "unit.unusable");

    let metrics =
        ask(desk.address(), &crate::wire::head("GET", "/metrics", &[])).await.expect("metrics").text();
    assert!(
        metrics.contains("lienthong_questions_total{operation=\"look-up-citizen\",outcome=\"found\"} 2"),
        "{metrics}"
    );
    let log = desk.gateway.log().join("\n");
    // A stopped gateway has written everything.
    let Desk { ground, gateway, .. } = desk;
    assert!(gateway.stop().success());
    let mut places = vec![("metrics".to_owned(), metrics.into_bytes()), ("log".to_owned(), log.into_bytes())];
    let mut folders = vec![ground.path("data")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false if path.extension().is_some_and(|kind| kind == "sock") => {}
                false => places.push((path.display().to_string(), std::fs::read(&path).expect("a file"))),
            }
        }
    }
    for (place, bytes) in &places {
        for personal in [
            NUMBER,
            "001099000099",
            "001080000000",
            NAME,
            "NGUYỄN VĂN THỬ",
            "NGUYENVANTHU",
            "Lê Thị Không",
            "1985-01-02",
            "19850102",
        ] {
            let found = bytes.windows(personal.len()).any(|window| window == personal.as_bytes());
            assert!(!found, "{personal} stands in {place}");
        }
    }
    let verified: Value =
        serde_json::from_str(&ground.command(&["audit", "verify", "--json"])).expect("JSON");
    assert_eq!((&verified["questions"], &verified["without_end"]), (&json!(6), &json!(0)), "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trail_that_was_changed_is_found_and_says_where() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    desk.citizen("/citizen/look-up", &question()).await;
    let asked = desk.trail().into_iter().find(|record| record["event"] == "asked").expect("a question");
    let shown = [
        ("officer", "canbo.thu"),
        ("officer_shown", "asserted"),
        ("procedure", PROCEDURE),
        ("dossier", DOSSIER),
        ("operation", "look-up-citizen"),
        ("from", "citizen"),
        ("to", "dan-cu"),
        ("profile", "p1"),
    ];
    for (field, value) in shown {
        assert_eq!(asked[field], value, "{asked}");
    }
    let path = std::fs::read_dir(desk.ground.path("data/audit")).expect("a trail").next();
    let path = path.expect("a file").expect("a file").path();
    let text = std::fs::read_to_string(&path).expect("text");
    std::fs::write(&path, text.replace("canbo.thu", "canbo.khac")).expect("a writable file");
    let output = desk.command(&["audit", "verify"]);
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("KHÔNG còn nguyên vẹn") && words.contains("audit-"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_audit_no_question() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    assert_eq!(desk.citizen("/citizen/look-up", &question()).await.status, 200);
    let calls = desk.database.calls();
    // No file may grow any more, as on a full disk.
    limit_files(desk.gateway.pid(), "1");
    let heard = desk.citizen("/citizen/look-up", &question()).await;
    assert_eq!(said(&heard), (503, "audit.unwritable".to_owned()), "{heard:?}");
    assert_eq!(desk.database.calls(), calls, "it did not leave");
    limit_files(desk.gateway.pid(), "unlimited");
    assert_eq!(desk.citizen("/citizen/look-up", &question()).await.status, 200);
    let verified = desk.ground.command(&["audit", "verify", "--json"]);
    assert!(verified.contains("\"questions\": 2"), "{verified}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_asked_again_once_and_only_if_no_byte_came_back() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    desk.database.script([Twist::LostBefore]);
    let heard = desk.citizen("/citizen/look-up", &question()).await;
    assert_eq!((heard.status, desk.database.calls()), (200, 2), "{heard:?}");
    desk.database.script([Twist::LostBefore, Twist::LostBefore, Twist::LostBefore]);
    let heard = desk.citizen("/citizen/look-up", &question()).await;
    assert_eq!((said(&heard).1.as_str(), desk.database.calls()), ("peer.silent", 4), "{heard:?}");
    desk.database.script([Twist::Status(503)]);
    let heard = desk.citizen("/citizen/look-up", &question()).await;
    assert_eq!((said(&heard).1.as_str(), desk.database.calls()), ("population.busy", 5), "{heard:?}");
    let ends: Vec<Value> = desk.trail().into_iter().filter(|record| record["event"] == "ended").collect();
    let calls: Vec<&Value> = ends.iter().map(|end| &end["calls"]).collect();
    assert_eq!(calls, [&json!(2), &json!(2), &json!(1)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_asks_for_its_own_units_only() {
    let further = "[peers.huyen]\nadapter = \"population\"\ndialect = \"citizen\"\nmay_assert_officers = true\n\
                   asks_for = [\"H99.07\"]\n";
    let desk = Desk::with(&PLATFORMS[0], further).await;
    let own = desk.ground.add_key(&["huyen"]);
    let headers = [("x-api-key", own.as_str())];
    let mut question = question();
    for (unit, expected) in [("H99.07", "match"), ("H99.14", "licence.foreign-unit")] {
        question["unit"] = json!(unit);
        let body = question.to_string();
        // The gateway looks at its keys once a second.
        let heard = until("the new key", async || {
            let heard = desk.post("citizen", "/citizen/verify", &headers, body.as_bytes()).await;
            (heard.status != 401).then_some(heard)
        });
        let said = heard.await.json();
        assert!(said["outcome"] == expected || said["code"] == expected, "{unit}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_is_asked_no_more_at_once_than_it_bears() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    desk.database.script([Twist::Slow(2_000), Twist::Slow(2_000)]);
    let question = question();
    let one = || desk.citizen("/citizen/verify", &question);
    let watch = async {
        until("two questions to arrive", async || (desk.database.calls() == 2).then_some(())).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        desk.database.calls()
    };
    let (first, second, third, at_once) = tokio::join!(one(), one(), one(), watch);
    assert_eq!(at_once, 2, "the third one waits");
    assert_eq!([first.status, second.status, third.status], [200; 3], "and is answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_licence_for_an_operation_or_a_field_that_nobody_knows_is_a_defect() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    desk.ground.configure(
        "[[licences]]\nprocedures = [\"*\"]\noperations = [\"look-up-citizn\"]\nfields = [\"name\", \"permanentResidense\"]\n",
    );
    let output = desk.command(&["check"]);
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!output.status.success(), "{words}");
    assert!(words.contains("licences[2].operations") && words.contains("`look-up-citizen`"), "{words}");
    assert!(words.contains("licences[2].fields") && words.contains("`permanentResidence`"), "{words}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_button_is_shown_where_a_licence_is() {
    let further = "codes = [\"037\"]\n[[licences]]\nprocedures = [\"9.000001\"]\n[[licences]]\nprocedures = [\"1.003560\"]\nofficers = []\n";
    let desk = Desk::with(&PLATFORMS[0], further).await;
    // A local code means the national one that a list of ours has for it.
    for (procedure, code) in [
        (PROCEDURE, "037"),
        ("9.000001", "037"),
        ("TS_MN.000.00.00.H99", "037"),
        ("1.003560", ""),
        ("2.000001", ""),
    ] {
        let path = format!("/o/rest/v2/qldc/role/employee?serviceCode={procedure}");
        let heard = ask(desk.address(), &crate::wire::head("GET", &path, &[])).await.expect("an answer");
        assert_eq!(heard.json(), json!({ "serviceCode": procedure, "serviceDvcqg": code }));
    }
}

#[test]
fn a_field_of_a_person_is_told_or_withheld_and_none_is_forgotten() {
    let path = conformance::tree().join("schemas/canonical/citizen-answer.schema.json");
    let contract: Value = serde_json::from_slice(&std::fs::read(path).expect("a contract")).expect("JSON");
    let fields = contract["$defs"]["Person"]["properties"].as_object().expect("fields");
    let mut fields: Vec<&str> = fields.keys().map(String::as_str).collect();
    let mut known = [TOLD.as_slice(), WITHHELD.as_slice()].concat();
    fields.sort_unstable();
    known.sort_unstable();
    assert_eq!(fields, known);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hangs_up_leaves_an_end_in_the_trail() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    desk.database.script([Twist::Slow(3_000)]);
    let headers = [("x-api-key", desk.key("citizen")), ("content-type", "application/json")];
    let mut line = Line::open(desk.address()).await;
    line.say(&call("POST", "/citizen/look-up", &headers, question().to_string().as_bytes())).await;
    until("the question to arrive", async || (desk.database.calls() == 1).then_some(())).await;
    drop(line);
    let end = until("its end", async || desk.trail().into_iter().find(|record| record["event"] == "ended"));
    let end = end.await;
    assert_eq!((&end["outcome"], &end["calls"]), (&json!("question.abandoned"), &json!(1)), "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_officer_is_one_however_written_and_what_the_peer_is_told_is_in_the_trail() {
    let desk = Desk::with(&PLATFORMS[0], "[questions]\nper_minute_max = 2\n").await;
    let mut question = question();
    for (account, expected) in
        [("canbo.thu", 200), ("CanBo.Thu", 200), ("CANBO.THU", 429), ("canbo.t hu", 429)]
    {
        question["officer"] = json!({ "account": account, "code": "h99_canbo" });
        let heard = desk.citizen("/citizen/verify", &question).await;
        assert_eq!(heard.status, expected, "{account}: {heard:?}");
    }
    let asked = desk.trail().into_iter().find(|record| record["event"] == "asked").expect("a question");
    assert_eq!(
        (&asked["officer"], &asked["officer_code"]),
        (&json!("canbo.thu"), &json!("h99_canbo")),
        "{asked}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_officer_with_a_key_of_its_own_needs_nobodys_word() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    let own = desk.ground.add_key(&["citizen", "--officer", "canbo.khoa"]);
    let mut question = question();
    question["officer"] = json!({ "account": "nguoi.khac" });
    let headers = [("x-api-key", own.as_str()), ("content-type", "application/json")];
    let bytes = call("POST", "/citizen/verify", &headers, question.to_string().as_bytes());
    // The gateway looks at its keys once a second.
    let heard = crate::wire::until("the new key", async || {
        let heard = ask(desk.address(), &bytes).await.expect("an answer");
        (heard.status == 200).then_some(heard)
    });
    assert_eq!(heard.await.json()["outcome"], "match");
    let asked = desk.trail().into_iter().find(|record| record["event"] == "asked").expect("a question");
    assert_eq!((&asked["officer"], &asked["officer_shown"]), (&json!("canbo.khoa"), &json!("token")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fields_are_told_as_the_licence_says_and_a_procedure_may_be_purpose_enough() {
    let further = "operations = [\"verify-citizen\"]\n[[licences]]\nprocedures = [\"1.004222\"]\noperations = [\"look-up-citizen\"]\n\
                   fields = [\"name\", \"religion\"]\n[questions]\nper_minute_max = 3\n";
    let desk = Desk::with(&PLATFORMS[0], further).await;
    let heard = desk.citizen("/citizen/look-up", &question()).await;
    let person = heard.json()["persons"][0].clone();
    let fields: Vec<&String> = person.as_object().expect("a person").keys().collect();
    assert_eq!(fields, ["name", "religion"], "{person}");
    // Three a minute and no more.
    for expected in [200, 200, 429] {
        let heard = desk.citizen("/citizen/verify", &question()).await;
        assert_eq!(heard.status, expected, "{heard:?}");
        assert_eq!(heard.header("retry-after").is_some(), expected == 429);
    }
}
