//! What must hold for questions about citizens: every profile against its simulator, everything that may come instead of an
//! answer, every look of a record, and what the simulators refuse.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use gateway_core::adapter::{Answer, Body, Conversation, Exchange, Keys, Marks, Transcript};
use serde_json::{Value, json};
use support::bank::{Bank, NUMBER, PROFILES, ask, asked, first_call, kinds, question, settings_of};
use support::chance::Chance;
use support::{Heard, Peer, build, noon};

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
    sent.body = Body::of(change(String::from_utf8(sent.body.bytes).expect("text")).into_bytes());
    headers(&mut sent.headers);
    bank.sim.respond(&sent, noon())
}

#[test]
fn the_simulators_refuse_what_the_real_ones_would() {
    let keep = |_: &mut Vec<(String, String)>| {};
    let found = |answer: &Answer| String::from_utf8_lossy(&answer.body.bytes).contains(NUMBER);
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
        assert_eq!(answer.status, 500, "{}", String::from_utf8_lossy(&answer.body.bytes));
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
            let body = Body::of(chance.damaged(&good.body.bytes));
            let answer = Answer { body, ..good.clone() };
            let transcript = Transcript(vec![Exchange { request: request.clone(), answer }]);
            let marks = Marks::new();
            let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
            if let Err(fault) = adapter.next_turn(&talk) {
                assert!(!fault.to_string().contains(NUMBER), "{fault}");
            }
        }
    }
}
