//! What must hold for questions about citizens: every profile against its simulator, everything that may come instead of an
//! answer, keys on the wire and nowhere else, contracts kept on both sides, and doors that nothing makes panic.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Ask, Body, Conversation, Fate, Heard as Said, Keys, Marks, Payload, Request,
    Secret, Session, Simulator, Transcript, Turn,
};
use gateway_core::envelope::Envelope;
use gateway_core::fault::{Fault, Remedy};
use gateway_core::ids::{ChannelName, Moment, PeerName};
use gateway_core::schema::Contracts;
use serde_json::{Value, json};
use support::{Delivery, End, Heard, MARKER, Peer, build, message, noon, place};

const NUMBER: &str = "001085000000";
const PROFILES: [&str; 6] = ["p1", "p1-xroad", "p2", "p3", "p4", "p5"];
/// What every profile of these tests is set to, and what its simulator takes for right.
const SETTINGS: &str =
    "username = \"test_user\"\napp_name = \"app-test\"\npartner_code = \"000.00.00.H99\"\n";

static CONTRACTS: LazyLock<Contracts> = LazyLock::new(|| {
    let names = ["canonical/citizen-question.schema.json", "canonical/citizen-answer.schema.json"];
    let soap = ["population/soap/cong-dan.xsd"];
    let read =
        |name: &str| (name.to_owned(), std::fs::read(place("../schemas").join(name)).expect("a contract"));
    Contracts::compile(&names.into_iter().chain(soap).map(read).collect())
        .unwrap_or_else(|defects| panic!("{defects:#?}"))
});

fn question() -> Value {
    json!({
        "purpose": { "procedure": "1.003560", "dossier": { "code": "H99.14-260310-0007" } },
        "officer": { "code": "h99_canbo", "account": "canbo.mau" },
        "person": { "identityNumber": NUMBER, "name": "nguyễn  văn thử", "birth": { "date": "1985-01-02" } },
    })
}

fn asked(kind: &str, document: Value) -> Envelope {
    let violations = CONTRACTS.get("canonical/citizen-question").expect("the contract").check(&document);
    assert!(violations.is_empty(), "{violations:?}");
    message(kind, "H99.14-260310-0007", document)
}

fn keys() -> BTreeMap<String, Secret> {
    let pairs = [
        ("secret-key", "khoa"),
        ("access-key", "ak"),
        ("platform-key", "sk"),
        ("auth", "YTpi"),
        ("consumer-key", "ck"),
        ("consumer-secret", "cs"),
        ("api-key", "api"),
        ("officer/h99_canbo", "canbo:mat-khau"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), Secret::new(format!("{MARKER}-{value}")))).into()
}

/// The database behind one profile.
struct Bank {
    sim: Box<dyn Simulator>,
    fixed: BTreeMap<String, Secret>,
    session: Option<Session>,
    at: Moment,
    attempts: usize,
}

impl Bank {
    fn new(settings: &str) -> Bank {
        let own = format!(
            "{settings}\n[simulator]\nusername = \"test_user\"\nsecret_key = \"{MARKER}-khoa\"\nauth = \"{MARKER}-YTpi\"\n\
             consumer = \"{MARKER}-ck:{MARKER}-cs\"\nofficers = [\"{MARKER}-canbo:mat-khau\"]\n"
        );
        let settings = own.parse().expect("settings are TOML");
        let sim = adapters::simulator("population", "profile", &settings).expect("a simulator");
        Bank { sim, fixed: keys(), session: None, at: noon(), attempts: 0 }
    }

    fn count(&self, name: &str) -> u64 {
        self.sim.state()[name].as_u64().expect("a count")
    }
}

impl Peer for Bank {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        self.attempts += 1;
        if request.account.is_some() && self.session.is_none() {
            let (sim, at) = (&mut self.sim, self.at);
            let session = support::log_in(adapter, &self.fixed, |ask| sim.respond(ask, at));
            self.session = Some(session.expect("the simulator takes the log-in"));
        }
        let keys = Keys { fixed: &self.fixed, session: self.session.as_ref() };
        let signed = adapter.sign(request, &keys, noon()).expect("all keys are there");
        assert!(!format!("{signed:?}").contains(MARKER));
        Heard::Answer(self.sim.respond(signed.ask(), self.at))
    }

    fn session_refused(&mut self) {
        self.session = None;
    }

    fn more(&self) -> bool {
        self.attempts < 2
    }
}

fn settings_of(profile: &str) -> String {
    format!("profile = \"{profile}\"\n{SETTINGS}")
}

/// The kinds that a profile can be asked.
fn kinds(profile: &str) -> &'static [&'static str] {
    match profile {
        "p3" => &["verify-citizen"],
        "p4" => &["look-up-citizen"],
        "p5" => &["look-up-citizen", "verify-kin"],
        _ => &["look-up-citizen", "verify-citizen", "verify-kin"],
    }
}

fn with_code(kind: &str, mut question: Value) -> Value {
    if kind == "verify-kin" {
        question["purpose"]["integrationCode"] = json!("099");
    }
    question
}

fn ask(settings: &str, bank: &mut Bank, kind: &str, document: Value) -> Result<Value, Fault> {
    let adapter = build("population", "profile", settings);
    let message = asked(kind, with_code(kind, document));
    match Delivery::new(&*adapter, &message, Marks::new()).run(bank) {
        End::Delivered(receipt) => {
            let answer = receipt.answer.expect("a question has an answer");
            let document: Value = serde_json::from_slice(&answer.body.0).expect("JSON");
            let violations =
                CONTRACTS.get("canonical/citizen-answer").expect("the contract").check(&document);
            assert!(violations.is_empty(), "{violations:?}");
            Ok(document)
        }
        End::Dead(fault) | End::Waits(fault) => Err(fault),
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_profile_finds_whom_it_asks_for_and_nobody_else() {
    for profile in PROFILES {
        for kind in kinds(profile) {
            let settings = settings_of(profile);
            let mut bank = Bank::new(&settings);
            let found = ask(&settings, &mut bank, kind, question())
                .unwrap_or_else(|fault| panic!("{profile} {kind}: {fault}"));
            let outcome = if *kind == "verify-citizen" { "match" } else { "found" };
            assert_eq!(found["outcome"], outcome, "{profile} {kind}");
            for (place, wrong) in [
                ("name", json!("Trần Văn Thử")),
                ("identityNumber", json!("001085000009")),
                ("birth", json!({ "date": "1985-01-03" })),
            ] {
                let mut other = question();
                other["person"][place] = wrong;
                let mut bank = Bank::new(&settings);
                let answer = ask(&settings, &mut bank, kind, other)
                    .unwrap_or_else(|fault| panic!("{profile} {kind}: {fault}"));
                let outcome = if *kind == "verify-citizen" { "no-match" } else { "not-found" };
                assert_eq!(
                    answer,
                    json!({ "outcome": outcome }),
                    "{profile} {kind} {place}: which was wrong is not told"
                );
            }
            assert_eq!(bank.count("refused"), 0, "{profile} {kind}: {}", bank.sim.state());
            assert!(!bank.sim.state().to_string().contains("0010"), "a state shows counts, never a person");
        }
    }
}

#[test]
fn a_year_the_old_number_and_marks_in_a_name_are_enough() {
    for profile in PROFILES {
        for kind in kinds(profile) {
            let settings = settings_of(profile);
            let person = json!({ "oldIdentityNumber": "000000001", "name": "H\u{2019}Bia Niê Kđăm", "birth": { "year": "1950" } });
            let mut question = question();
            question["person"] = person;
            let answer = ask(&settings, &mut Bank::new(&settings), kind, question)
                .unwrap_or_else(|fault| panic!("{profile} {kind}: {fault}"));
            // As it is: this platform is told the name as it came, and only the plain form has no apostrophe.
            assert!(
                ["match", "found"].contains(&answer["outcome"].as_str().unwrap_or_default()),
                "{profile} {kind}"
            );
        }
    }
}

#[test]
fn both_variants_of_a_verification_are_spoken() {
    for (profile, variant) in [("p1", "count"), ("p1", "exists"), ("p2", "exists"), ("p3", "boolean")] {
        let settings = settings_of(profile);
        let mut bank = Bank::new(&settings);
        let mut question = question();
        question["variant"] = json!(variant);
        let answer = ask(&settings, &mut bank, "verify-citizen", question)
            .unwrap_or_else(|fault| panic!("{profile}: {fault}"));
        assert_eq!(answer["outcome"], "match", "{profile} {variant}");
        assert_eq!(bank.sim.state()["asked"][format!("verify-citizen/{variant}")], 1);
    }
}

#[test]
fn what_comes_instead_of_an_answer_is_told_apart_behind_every_profile() {
    for profile in PROFILES {
        let soap = !["p3", "p4", "p5"].contains(&profile);
        for (quirk, code) in [
            ("soap-fault", "population.soap-fault"),
            ("wso2-xml", "population.api-manager"),
            ("wso2-json", "population.forbidden"),
            ("throttled", "population.throttled"),
            ("xroad", "population.x-road"),
            ("lgsp", "population.lgsp"),
            ("error-code", "population.error-code"),
            ("html", "population.html"),
            ("garbage", "population.unreadable"),
            ("doctype", "population.unreadable"),
        ] {
            let settings = settings_of(profile);
            let mut bank = Bank::new(&settings);
            bank.attempts = 1;
            assert!(bank.sim.nudge(&[quirk]), "{quirk}");
            let fault = ask(&settings, &mut bank, kinds(profile)[0], question()).expect_err(quirk);
            assert_eq!(fault.code, code, "{profile} {quirk}: {fault}");
            assert!(!fault.to_string().contains(NUMBER), "{fault}");
        }
        if soap {
            let settings = settings_of(profile);
            let mut bank = Bank::new(&settings);
            bank.sim.nudge(&["mismatch"]);
            let fault = ask(&settings, &mut bank, "look-up-citizen", question()).expect_err("somebody else");
            assert_eq!(fault.code, "population.mismatch", "{profile}");
        }
        assert!(!Bank::new(&settings_of(profile)).sim.nudge(&["dance"]));
    }
}

#[test]
fn however_a_record_looks_it_is_read() {
    for profile in ["p1", "p2", "p4", "p5"] {
        for (quirk, looks) in [
            ("several", json!({ "/persons/1/identityNumber": NUMBER })),
            ("year-only", json!({ "/persons/0/birth": { "year": "1985" } })),
            (
                "empty-elements",
                json!({ "/persons/0/sex": null, "/persons/0/father": null, "/persons/0/permanentResidence": null }),
            ),
            ("no-name", json!({ "/outcome": "not-found", "/persons": null })),
            ("nobody", json!({ "/outcome": "not-found", "/persons": null })),
            (
                "structures",
                json!({ "/persons/0/ethnicity": "01", "/persons/0/father/name/full": "NGUYỄN VĂN MẪU CHA" }),
            ),
            (
                "no-district",
                json!({ "/persons/0/permanentResidence": { "province": "01", "commune": "00000", "detail": "SỐ 0 PHỐ MẪU", "country": "VN" } }),
            ),
            (
                "letters-for-lines",
                json!({ "/persons/0/name/full": "NGUYỄN VĂN THỬ", "/persons/0/mother": null }),
            ),
        ] {
            let settings = settings_of(profile);
            let mut bank = Bank::new(&settings);
            assert!(bank.sim.nudge(&[quirk]));
            let answer = ask(&settings, &mut bank, "look-up-citizen", question())
                .unwrap_or_else(|fault| panic!("{profile} {quirk}: {fault}"));
            for (place, value) in looks.as_object().expect("places") {
                assert_eq!(answer.pointer(place).unwrap_or(&Value::Null), value, "{profile} {quirk} {place}");
            }
        }
    }
}

#[test]
fn an_expired_token_costs_one_log_in() {
    for profile in ["p2", "p3", "p4", "p5"] {
        let settings = settings_of(profile);
        let mut bank = Bank::new(&settings);
        let kind = kinds(profile)[0];
        ask(&settings, &mut bank, kind, question()).unwrap_or_else(|fault| panic!("{profile}: {fault}"));
        bank.sim.nudge(&["expire-tokens"]);
        bank.attempts = 0;
        ask(&settings, &mut bank, kind, question()).unwrap_or_else(|fault| panic!("{profile}: {fault}"));
        assert_eq!((bank.count("log_ins"), bank.count("refused")), (2, 1), "{profile}");
    }
}

#[test]
fn a_wrong_clock_or_key_is_told_as_such() {
    let settings = settings_of("p1");
    let mut late = Bank::new(&settings);
    late.at = noon().plus_millis(301_000);
    let mut other = Bank::new(&settings);
    other.fixed.insert("secret-key".to_owned(), Secret::new("khac"));
    for bank in [&mut late, &mut other] {
        let fault = ask(&settings, bank, "look-up-citizen", question()).expect_err("refused");
        assert_eq!(fault.code, "population.keys-refused");
    }
    let seconds = format!("{settings}timestamp = \"seconds\"\n");
    assert!(ask(&seconds, &mut Bank::new(&seconds), "look-up-citizen", question()).is_ok());
    // A database that counts in another unit finds every moment stale.
    assert!(ask(&seconds, &mut Bank::new(&settings), "look-up-citizen", question()).is_err());
}

/// What the simulator would say to a question that was changed on its way.
fn tampered(
    profile: &str,
    change: impl Fn(String) -> String,
    headers: impl Fn(&mut Vec<(String, String)>),
) -> Answer {
    let settings = settings_of(profile);
    let adapter = build("population", "profile", &settings);
    let mut bank = Bank::new(&settings);
    let message = asked("look-up-citizen", question());
    let request = first_call(&*adapter, &message);
    let session = request.account.as_ref().map(|_| {
        let sim = &mut bank.sim;
        support::log_in(&*adapter, &bank.fixed, |ask| sim.respond(ask, noon())).expect("a session")
    });
    let keys = Keys { fixed: &bank.fixed, session: session.as_ref() };
    let mut sent = adapter.sign(&request, &keys, noon()).expect("signed").ask().clone();
    sent.body = Body(change(String::from_utf8(sent.body.0).expect("text")).into_bytes());
    headers(&mut sent.headers);
    bank.sim.respond(&sent, noon())
}

fn first_call(adapter: &dyn Adapter, message: &Envelope) -> Request {
    let (marks, transcript) = (Marks::new(), Transcript::default());
    let talk = Conversation { message, marks: &marks, transcript: &transcript };
    match adapter.next_turn(&talk).expect("a turn") {
        Turn::Call(request) => request,
        Turn::Done(_) => panic!("nothing was asked"),
    }
}

#[test]
fn the_simulators_refuse_what_the_real_ones_would() {
    let keep = |_: &mut Vec<(String, String)>| {};
    let found = |answer: &Answer| String::from_utf8_lossy(&answer.body.0).contains(NUMBER);
    assert!(found(&tampered("p1", |body| body, keep)));
    for change in [
        |body: String| body.replace("NGUYENVANTHU", "Nguyen Van Thu"),
        |body: String| body.replace("19850102", "1985-01-02"),
        |body: String| body.replace("<dan:MaYeuCau>", "<dan:MaYeuCau>0123456789-"),
        |body: String| body.replace("http://dancuquocgia.bca", "http://khac"),
        |body: String| body.replace("<dan:MaDVC>1.003560</dan:MaDVC>", ""),
        |body: String| {
            let row = "<dan:MaDVC>1.003560</dan:MaDVC>";
            body.replace(row, "").replace("<dan:SoDinhDanh>", &format!("{row}<dan:SoDinhDanh>"))
        },
        |body: String| body.replace("</dan:NgayThangNam>", "</dan:NgayThangNam><dan:Nam>1985</dan:Nam>"),
        |body: String| body.replace(NUMBER, "00108500000"),
        |_: String| "<x/>".to_owned(),
    ] {
        let answer = tampered("p1", change, keep);
        assert_eq!(answer.status, 500, "{}", String::from_utf8_lossy(&answer.body.0));
    }
    for (profile, header) in [
        ("p1", "authorization"),
        ("p1", "timestamp"),
        ("p1-xroad", "x-road-client"),
        ("p1-xroad", "apikey"),
        ("p2", "authhash"),
        ("p2", "lgspaccesstoken"),
        ("p2", "authorization"),
        ("p5", "authorization"),
    ] {
        let answer = tampered(
            profile,
            |body| body,
            |headers| headers.retain(|(name, _)| !name.eq_ignore_ascii_case(header)),
        );
        assert!(!found(&answer), "{profile} without {header}");
    }
}

#[test]
fn an_officers_own_key_stands_by_name_until_it_is_signed() {
    let adapter = build("population", "profile", &settings_of("p2"));
    let request = first_call(&*adapter, &asked("look-up-citizen", question()));
    assert_eq!(request.ask.header("authhash"), Some("officer/h99_canbo"));
    let mut fixed = keys();
    fixed.insert("officer/h99_canbo".to_owned(), Secret::new("keyName:keyPass"));
    let session = support::marked_session();
    let signed =
        adapter.sign(&request, &Keys { fixed: &fixed, session: Some(&session) }, noon()).expect("signed");
    assert_eq!(signed.ask().header("authhash"), Some("a2V5TmFtZTprZXlQYXNz"));
    fixed.remove("officer/h99_canbo");
    let fault =
        adapter.sign(&request, &Keys { fixed: &fixed, session: Some(&session) }, noon()).expect_err("no key");
    assert_eq!(fault.code, "population.key-missing");
    let fault =
        adapter.sign(&request, &Keys { fixed: &keys(), session: None }, noon()).expect_err("no session");
    assert_eq!(fault.remedy, Remedy::Renew);
}

#[test]
fn each_profile_names_the_secrets_it_needs() {
    for (profile, secrets) in [
        ("p1", vec!["secret-key"]),
        ("p1-xroad", vec!["secret-key", "api-key"]),
        ("p2", vec!["access-key", "platform-key"]),
        ("p3", vec!["auth"]),
        ("p4", vec!["access-key", "platform-key"]),
        ("p5", vec!["consumer-key", "consumer-secret"]),
    ] {
        assert_eq!(build("population", "profile", &settings_of(profile)).secrets(), secrets, "{profile}");
    }
    let settings =
        "profile = \"p2\"\nlgsp_header = \"ready\"\n[officers.\"a@h99.example\"]\ncode = \"h99_a\"\n";
    assert_eq!(build("population", "profile", settings).secrets(), ["lgspaccesstoken", "officer/h99_a"]);
    assert_eq!(build("population", "profile", "").secrets(), ["username", "secret-key"]);
}

#[test]
fn tokens_live_as_long_as_they_say() {
    let adapter = build("population", "profile", &settings_of("p5"));
    let session = |answer: Answer| support::log_in(&*adapter, &keys(), move |_| answer.clone());
    let until = |answer: Value| session(Answer::json(200, &answer)).expect("a session").good_until;
    assert_eq!(
        until(json!({ "access_token": "t", "expires_in": 3600 })),
        Some(noon().plus_millis(3_300_000))
    );
    assert_eq!(until(json!({ "access_token": "t", "expires_in": "100" })), Some(noon().plus_millis(90_000)));
    assert_eq!(until(json!({ "access_token": "t" })), Some(noon().plus_millis(3_300_000)));
    for (answer, code) in [
        (Answer::json(200, &json!({ "access_token": "" })), "population.log-in"),
        (Answer::json(401, &json!({ "error": format!("{MARKER}-cs") })), "population.log-in"),
        (Answer::json(503, &json!({})), "population.busy"),
    ] {
        let fault = session(answer).expect_err("no session");
        assert_eq!((fault.code.as_ref(), fault.remedy), (code, Remedy::Later));
        assert!(!format!("{fault:?}").contains(MARKER), "{fault:?}");
    }
    for auth in ["wso2-form", "wso2-json"] {
        let settings = format!("{}auth = \"{auth}\"\n", settings_of("p5"));
        assert!(ask(&settings, &mut Bank::new(&settings), "look-up-citizen", question()).is_ok(), "{auth}");
    }
}

#[test]
fn a_profile_of_the_province_needs_no_code_and_a_slip_in_it_is_found() {
    let own = |text: &str| {
        let mut files = support::files();
        files.insert("population/profiles/tinh-mau.yaml".to_owned(), text.as_bytes().to_vec());
        let settings = "profile = \"tinh-mau\"".parse().expect("TOML");
        adapters::build("population", "profile", &settings, &files)
    };
    let adapter = own(
        "profile: tinh-mau\nextends: p1\nprefix: q\noperations:\n  look-up-citizen:\n    path: /lgsp/dancu\n",
    );
    let adapter = adapter.unwrap_or_else(|defects| panic!("{defects:#?}"));
    let request = first_call(&*adapter, &asked("look-up-citizen", question()));
    assert_eq!(request.ask.path, "/lgsp/dancu");
    assert!(String::from_utf8_lossy(&request.ask.body.0).contains("<q:HoVaTen>NGUYENVANTHU</q:HoVaTen>"));
    for (text, field, near) in [
        ("profile: tinh-mau\nextends: p1\nprefx: q\n", "settings.prefx", Some("prefix")),
        ("profile: tinh-mau\nextends: p1\nauth: hashed-basc\n", "settings.auth", Some("hashed-basic")),
        ("profile: tinh-mau\nextends: p11\n", "settings.profile", Some("p1")),
        ("profile: tinh-mau\nextends: tinh-mau\n", "", None),
        ("profile: khac\n", "", None),
        ("profile: [\n", "", None),
        (
            "profile: tinh-mau\nextends: p1\noperations: { look-up-citizen: { fields: [ { field: A, from: nam } ] } }\n",
            "settings.operations.look-up-citizen.fields[1].from",
            Some("name"),
        ),
        (
            "profile: tinh-mau\nextends: p1\noperations: { look-up: { path: /x } }\n",
            "settings.operations.look-up",
            None,
        ),
    ] {
        let defects = own(text).err().unwrap_or_else(|| panic!("{text}"));
        let defect = &defects[0];
        let found = defect.field.trim_start_matches("settings.");
        assert_eq!(
            (found, defect.nearest.as_deref()),
            (field.trim_start_matches("settings."), near),
            "{text}: {defects:#?}"
        );
    }
    let wrong: toml::Table = "prfix = \"x\"\nheaders = { a = 1 }".parse().expect("TOML");
    let defects = adapters::build("population", "profile", &wrong, &support::files()).err().expect("defects");
    let fields: Vec<_> = defects.iter().map(|defect| defect.field.as_str()).collect();
    assert_eq!(fields, ["settings.headers.a", "settings.prfix"]);
}

#[test]
fn what_a_soap_caller_is_told_is_what_the_contract_says() {
    let settings = settings_of("p1");
    let mut bank = Bank::new(&settings);
    let answer = ask(&settings, &mut bank, "look-up-citizen", question()).expect("found");
    let told = Answer::json(200, &answer);
    let adapter = build("population", "soap", "");
    let body = "<e:Envelope xmlns:e=\"http://schemas.xmlsoap.org/soap/envelope/\"><e:Body><TraCuuCongDan \
                xmlns=\"urn:lienthong:population:cong-dan:1\"/></e:Body></e:Envelope>";
    let arrival = arrival("soap", "/soap/cong-dan", body.as_bytes().to_vec());
    let said = adapter.reply(&arrival, Ok(&[Fate::Answered(told)]));
    let text = String::from_utf8(said.body.0).expect("text");
    let inside = |from: &str, to: &str| {
        let start = text.find(from).expect(from);
        text[start..text.rfind(to).expect(to)].to_owned()
    };
    let contract = CONTRACTS.get("population/soap/cong-dan.xsd#TraCuuCongDanResponse").expect("the contract");
    contract
        .read_xml(inside("<TraCuuCongDanResponse", "</soap:Body>").as_bytes())
        .unwrap_or_else(|fault| panic!("{fault}"));
    let fault = Fault::sender("contract.violated", "x")
        .with(vec![gateway_core::fault::Violation::sender("a", "b", "c")]);
    let said = adapter.reply(&arrival, Err(&fault));
    let text = String::from_utf8(said.body.0).expect("text");
    let start = text.find("<Loi").expect("a detail");
    let contract = CONTRACTS.get("population/soap/cong-dan.xsd#Loi").expect("the contract");
    contract
        .read_xml(text[start..text.rfind("</detail>").expect("its end")].as_bytes())
        .unwrap_or_else(|fault| panic!("{fault}"));
}

#[test]
fn the_description_has_the_contract_in_it_and_the_callers_address() {
    let read =
        |name: &str| std::fs::read_to_string(place("../schemas/population/soap").join(name)).expect("a file");
    let (wsdl, xsd) = (read("cong-dan.wsdl"), read("cong-dan.xsd"));
    let schema = |text: &str| {
        let start = text.find("<xs:schema").expect("a schema");
        text[start..text.find("</xs:schema>").expect("its end")].to_owned()
    };
    assert_eq!(schema(&wsdl), schema(&xsd), "copy the one into the other");
    let get = |query: &str, host: &str| Ask {
        method: "GET".to_owned(),
        path: "/a/soap/cong-dan".to_owned(),
        query: vec![(query.to_owned(), String::new())],
        headers: vec![("host".to_owned(), host.to_owned())],
        body: Body::default(),
    };
    let told = |settings: &str| {
        let answer = build("population", "soap", settings)
            .describe(&get("WSDL", "cong.h99.example:8460"))
            .expect("a description");
        String::from_utf8(answer.body.0).expect("text")
    };
    assert!(told("").contains("location=\"http://cong.h99.example:8460/a/soap/cong-dan\""));
    assert!(
        told("address = \"https://lgsp.h99.example/dan-cu\"")
            .contains("location=\"https://lgsp.h99.example/dan-cu\"")
    );
    assert!(build("population", "soap", "").describe(&get("x", "h")).is_none());
    assert!(build("population", "citizen", "").describe(&get("wsdl", "h")).is_none());
}

#[test]
fn the_probe_of_opencps_is_answered_without_a_person_in_it() {
    let adapter = build("population", "opencps", "");
    let get = |path: &str, query: Vec<(String, String)>| {
        adapter.describe(&Ask {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query,
            headers: vec![],
            body: Body::default(),
        })
    };
    let answer =
        get("/o/rest/v2/qldc/role/employee", vec![("serviceCode".to_owned(), "1.003560".to_owned())]);
    let document: Value = serde_json::from_slice(&answer.expect("an answer").body.0).expect("JSON");
    assert_eq!(document, json!({ "serviceCode": "1.003560", "serviceDvcqg": "037" }));
    assert!(get("/o/rest/v2/qldc", vec![]).is_none());
    assert!(get("/o/rest/v2/qldc/role/employee", vec![("cccd".to_owned(), NUMBER.to_owned())]).is_none());
}

fn arrival(dialect: &str, path: &str, body: Vec<u8>) -> Arrival {
    Arrival {
        channel: ChannelName::from(format!("population/{dialect}")),
        caller: Some(PeerName::from("mot-cua")),
        ask: Ask {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: vec![],
            headers: vec![],
            body: Body(body),
        },
        rest: String::new(),
        at: noon(),
    }
}

/// A small generator, so that the same bytes come each time.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }

    fn damaged(&mut self, seed: &[u8]) -> Vec<u8> {
        let mut body = seed.to_vec();
        for _ in 0..self.next(6) {
            let at = self.next(body.len());
            match self.next(3) {
                0 => body[at] = self.next(256) as u8,
                1 => body.truncate(at.max(1)),
                _ => body.insert(at, b"<>&\"'{}[]:,\x00\xff"[self.next(13)]),
            }
        }
        body
    }
}

#[test]
fn no_bytes_make_a_door_panic_and_no_refusal_sounds_like_success() {
    let soap = "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Header><w:S xmlns:w='u' e:mustUnderstand='1'/></e:Header><e:Body><TraCuuCongDan xmlns='urn:lienthong:population:cong-dan:1'><SoDinhDanh>001085000000</SoDinhDanh><HoVaTen>Thử</HoVaTen></TraCuuCongDan></e:Body></e:Envelope>";
    let seeds: [&[u8]; 3] = [
        r#"{"type":"TraCuuThongTinCongDan","SoDinhDanh":"001085000000","HoVaTen":"Thử","NgayThangNamSinh":"1985"}"#.as_bytes(),
        r#"{"person":{"identityNumber":"001085000000","name":"Thử","birth":{"year":"1985"}},"dossier":7}"#.as_bytes(),
        soap.as_bytes(),
    ];
    let dialects = ["opencps", "citizen", "soap"].map(|dialect| (dialect, build("population", dialect, "")));
    let answers = [
        json!({ "outcome": "found", "persons": [{ "name": 7, "birth": [] }] }),
        json!({ "persons": 1 }),
        json!([]),
    ];
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for round in 0..9_000 {
        let body = chance.damaged(seeds[round % seeds.len()]);
        let path = ["/citizen/look-up", "/o/rest/v2/qldc/dvcqg", "/soap/cong-dan"][chance.next(3)];
        for (dialect, adapter) in &dialects {
            let arrival = arrival(dialect, path, body.clone());
            let refused = Fault::sender("contract.violated", "Hỏi không THÀNH công");
            let fates = [Fate::Refused(refused.clone())];
            let answer = match adapter.receive(&arrival) {
                Ok(Said::Question(item)) => {
                    assert!(matches!(item.payload, Payload::Json(Value::Object(_)) | Payload::Xml(_)));
                    adapter.reply(&arrival, Ok(&[Fate::Answered(Answer::json(200, &answers[round % 3]))]));
                    adapter.reply(&arrival, Ok(&fates))
                }
                Ok(_) => panic!("{dialect} hears questions only"),
                Err(fault) => adapter.reply(&arrival, Err(&fault)),
            };
            let text = String::from_utf8(answer.body.0).expect("answers are UTF-8").to_lowercase();
            assert!(!text.contains("thành công"), "{text}");
            assert!(answer.status >= 400, "{text}");
        }
    }
}

#[test]
fn no_answer_makes_a_profile_panic() {
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    for profile in PROFILES {
        let settings = settings_of(profile);
        let adapter = build("population", "profile", &settings);
        let kind = kinds(profile)[0];
        let message = asked(kind, question());
        let mut bank = Bank::new(&settings);
        let request = first_call(&*adapter, &message);
        let Heard::Answer(good) = bank.call(&*adapter, &request) else { panic!("an answer") };
        for _ in 0..1_500 {
            let body = Body(chance.damaged(&good.body.0));
            let answer = Answer { body, ..good.clone() };
            let transcript =
                Transcript(vec![gateway_core::adapter::Exchange { request: request.clone(), answer }]);
            let marks = Marks::new();
            let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
            if let Err(fault) = adapter.next_turn(&talk) {
                assert!(!fault.to_string().contains(NUMBER), "{fault}");
            }
        }
    }
}
