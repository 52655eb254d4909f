//! Keys, tokens and words of a profile: on the wire and nowhere else, renewed once, and every slip in a file found.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use gateway_core::adapter::{Answer, Keys, Secret};
use gateway_core::fault::Remedy;
use serde_json::{Value, json};
use support::bank::{Bank, ask, asked, first_call, keys, kinds, question, settings_of};
use support::{MARKER, build, noon};

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

#[test]
fn an_officers_own_key_stands_by_name_until_it_is_signed() {
    let adapter = build("population", "profile", &settings_of("p2"));
    let request = first_call(&*adapter, &asked("look-up-citizen", question()));
    assert_eq!(request.ask.header("authhash"), Some("officer/canbo.mau"));
    let mut fixed = keys();
    fixed.insert("officer/canbo.mau".to_owned(), Secret::new("keyName:keyPass"));
    let session = support::marked_session();
    let signed =
        adapter.sign(&request, &Keys { fixed: &fixed, session: Some(&session) }, noon()).expect("signed");
    assert_eq!(signed.ask().header("authhash"), Some("a2V5TmFtZTprZXlQYXNz"));
    fixed.remove("officer/canbo.mau");
    let fault =
        adapter.sign(&request, &Keys { fixed: &fixed, session: Some(&session) }, noon()).expect_err("no key");
    assert_eq!(fault.code, "population.key-missing");
    assert!(!fault.to_string().contains("canbo.mau"), "whoever reads faults need not know who asked");
    let fault =
        adapter.sign(&request, &Keys { fixed: &keys(), session: None }, noon()).expect_err("no session");
    assert_eq!(fault.remedy, Remedy::Renew);
}

#[test]
fn nobody_who_was_licensed_as_one_officer_asks_with_the_key_of_another() {
    let officers =
        "[officers.\"canbo.mau\"]\ncode = \"h99_mau\"\n[officers.\"canbo.khac\"]\ncode = \"h99_khac\"\n";
    let (both, other) = (officers, officers.replace("canbo.mau", "canbo.ba"));
    for (officers, key) in [(both, "officer/h99_mau"), (other.as_str(), "officer/canbo.mau")] {
        let adapter = build("population", "profile", &format!("{}{officers}", settings_of("p2")));
        let mut question = question();
        // The licence has judged the account.
        question["officer"] = json!({ "account": "canbo.mau", "code": "canbo.khac", "email": "canbo.khac" });
        let request = first_call(&*adapter, &asked("look-up-citizen", question));
        assert_eq!(request.ask.header("authhash"), Some(key));
        assert!(!String::from_utf8_lossy(&request.ask.body.bytes).contains("h99_khac"));
    }
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
    assert!(String::from_utf8_lossy(&request.ask.body.bytes).contains("<q:HoVaTen>NGUYENVANTHU</q:HoVaTen>"));
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
