//! The three doors for questions about citizens: contracts kept, descriptions told, and no bytes that make them panic.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use gateway_core::adapter::{Answer, Arrival, Ask, Body, Fate, Heard as Said, Level, Payload};
use gateway_core::fault::{Fault, Violation};
use gateway_core::ids::{ChannelName, PeerName};
use serde_json::{Value, json};
use support::bank::{Bank, CONTRACTS, NUMBER, ask, question, settings_of};
use support::chance::Chance;
use support::{build, noon, place};

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
    let text = String::from_utf8(said.body.bytes).expect("text");
    let inside = |from: &str, to: &str| {
        let start = text.find(from).expect(from);
        text[start..text.rfind(to).expect(to)].to_owned()
    };
    let contract = CONTRACTS.get("population/soap/cong-dan.xsd#TraCuuCongDanResponse").expect("the contract");
    contract
        .read_xml(inside("<TraCuuCongDanResponse", "</soap:Body>").as_bytes())
        .unwrap_or_else(|fault| panic!("{fault}"));
    let fault = Fault::sender("contract.violated", "x").with(vec![Violation::sender("a", "b", "c")]);
    let said = adapter.reply(&arrival, Err(&fault));
    let text = String::from_utf8(said.body.bytes).expect("text");
    let start = text.find("<Loi").expect("a detail");
    let contract = CONTRACTS.get("population/soap/cong-dan.xsd#Loi").expect("the contract");
    contract
        .read_xml(&text.as_bytes()[start..text.rfind("</detail>").expect("its end")])
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
    let nobody = |_: &str, _: &str| None;
    let told = |settings: &str| {
        let answer = build("population", "soap", settings)
            .describe(&get("WSDL", "cong.h99.example:8460"), &nobody)
            .expect("a description");
        String::from_utf8(answer.body.bytes).expect("text")
    };
    assert!(told("").contains("location=\"http://cong.h99.example:8460/a/soap/cong-dan\""));
    let mut sealed = get("wsdl", "cong.h99.example");
    sealed.headers.push(("x-forwarded-proto".to_owned(), "https".to_owned()));
    let sealed = build("population", "soap", "").describe(&sealed, &nobody).expect("a description");
    let sealed = String::from_utf8(sealed.body.bytes).expect("text");
    assert!(sealed.contains("location=\"https://cong.h99.example/a/soap/cong-dan\""));
    assert!(
        told("address = \"https://lgsp.h99.example/dan-cu\"")
            .contains("location=\"https://lgsp.h99.example/dan-cu\"")
    );
    assert!(build("population", "soap", "").describe(&get("x", "h"), &nobody).is_none());
    assert!(build("population", "citizen", "").describe(&get("wsdl", "h"), &nobody).is_none());
}

#[test]
fn the_probe_of_opencps_is_answered_without_a_person_in_it() {
    let adapter = build("population", "opencps", "");
    let get = |path: &str, query: Vec<(String, String)>| {
        let ask = Ask {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query,
            headers: vec![],
            body: Body::default(),
        };
        let codes = |kind: &str, procedure: &str| match (kind, procedure) {
            ("look-up-citizen", "1.003560") => Some(vec!["033".to_owned(), "037".to_owned()]),
            ("look-up-citizen", "1.004222") => Some(Vec::new()),
            ("look-up-citizen", "1.000001") => Some(vec!["033".to_owned()]),
            _ => None,
        };
        adapter.describe(&ask, &codes)
    };
    for (procedure, code) in [("1.003560", "037"), ("1.004222", "037"), ("1.000001", "033"), ("2.000001", "")]
    {
        let query = vec![("serviceCode".to_owned(), procedure.to_owned())];
        let answer = get("/o/rest/v2/qldc/role/employee", query).expect("an answer");
        let document: Value = serde_json::from_slice(&answer.body.bytes).expect("JSON");
        assert_eq!(document, json!({ "serviceCode": procedure, "serviceDvcqg": code }));
    }
    assert!(get("/o/rest/v2/qldc", vec![]).is_none());
    assert!(get("/o/rest/v2/qldc/role/employee", vec![("cccd".to_owned(), NUMBER.to_owned())]).is_none());
}

fn arrival(dialect: &str, path: &str, body: Vec<u8>) -> Arrival {
    Arrival {
        files: Vec::new(),
        dossiers: Vec::new(),
        channel: ChannelName::from(format!("population/{dialect}")),
        caller: Some(PeerName::from("mot-cua")),
        ask: Ask {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: vec![],
            headers: vec![],
            body: Body::of(body),
        },
        officer: None,
        level: Level::Token,
        rest: String::new(),
        at: noon(),
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
            let text = String::from_utf8(answer.body.bytes).expect("answers are UTF-8").to_lowercase();
            assert!(!text.contains("thành công"), "{text}");
            assert!(answer.status >= 400, "{text}");
        }
    }
}
