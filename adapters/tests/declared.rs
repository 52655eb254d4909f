//! How a declared peer is shown who calls: every kind of proof, at every place, from a file of a few lines.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use adapters::Files;
use gateway_core::adapter::{
    Adapter, Answer, Arrival, Ask, Body, Conversation, Keys, Level, Marks, Secret, Session, Transcript, Turn,
};
use gateway_core::fault::Remedy;
use gateway_core::ids::{Account, ChannelName};
use serde_json::{Value, json};
use support::{message, noon};

const CHANNELS: &str =
    "channels: [{ name: declared/x/out, direction: out, kinds: { dossier-recorded: declared/x/out } }]\n";
const REST: &str = "outcomes: [{ when: { http: [200] }, means: done }]\ncalls: { dossier-recorded: { path: \"/a/{dossier}\", query: { don-vi: \"{unit}\" } } }\n";

fn peer(text: &str, channels: &str) -> Arc<dyn Adapter> {
    let files: Files = [("peer.yaml", text), ("channels.yaml", channels)]
        .map(|(name, text)| (format!("declared/x/{name}"), text.as_bytes().to_vec()))
        .into_iter()
        .collect();
    adapters::build("declared", "x", &toml::Table::new(), &files)
        .unwrap_or_else(|defects| panic!("{defects:#?}"))
}

/// The first call about a document, signed.
fn signed(peer: &dyn Adapter, document: Value) -> Ask {
    let message = message("dossier-recorded", "H99.14-260310-0007", document);
    let (marks, transcript) = (Marks::new(), Transcript::default());
    let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
    let Ok(Turn::Call(request)) = peer.next_turn(&talk) else { panic!("a call") };
    let secrets = ["api-key", "token", "username", "password", "client-id", "client-secret"];
    let fixed: BTreeMap<String, Secret> =
        secrets.into_iter().map(|name| (name.to_owned(), Secret::new(format!("BIMAT-{name}<&\"")))).collect();
    let session = Session { token: Secret::new("BIMAT-phien"), good_until: None };
    let stored = serde_json::to_string(&request).expect("a request is kept as JSON");
    assert!(!stored.contains("BIMAT"), "no secret before it is signed: {stored}");
    let keys = Keys { fixed: &fixed, session: peer.accounts().first().map(|_| &session) };
    peer.sign(&request, &keys, noon()).expect("it can be signed").ask().clone()
}

fn body(ask: &Ask) -> String {
    String::from_utf8(ask.body.bytes.clone()).expect("text")
}

#[test]
fn every_proof_stands_where_the_file_says() {
    let ask = |auth: &str| {
        let peer = peer(&format!("auth: {auth}\n{REST}"), CHANNELS);
        (peer.secrets(), signed(&*peer, json!({ "a": 1 })))
    };
    let (secrets, call) = ask("{ kind: none }");
    assert!(secrets.is_empty() && call.header("x-api-key").is_none());
    assert_eq!((call.path.as_str(), call.query("don-vi")), ("/a/H99.14-260310-0007", Some("000.00.00.H99")));
    let (secrets, call) = ask("{ kind: key }");
    assert_eq!((secrets, call.header("x-api-key")), (vec!["api-key".to_owned()], Some("BIMAT-api-key<&\"")));
    let (_, call) = ask("{ kind: key, in: query, name: apikey }");
    assert_eq!(call.query("apikey"), Some("BIMAT-api-key<&\""));
    let (_, call) = ask("{ kind: key, in: body, name: khoa }");
    let told: Value = serde_json::from_str(&body(&call)).expect("JSON");
    assert_eq!(told, json!({ "khoa": "BIMAT-api-key<&\"", "a": 1 }));
    let (secrets, call) = ask("{ kind: basic }");
    assert_eq!(secrets, ["username", "password"]);
    assert_eq!(call.header("authorization"), Some("Basic QklNQVQtdXNlcm5hbWU8JiI6QklNQVQtcGFzc3dvcmQ8JiI="));
    let (_, call) = ask("{ kind: bearer }");
    assert_eq!(call.header("authorization"), Some("Bearer BIMAT-token<&\""));
    let (secrets, call) = ask("{ kind: oauth, path: /token, in: query, name: access_token }");
    assert_eq!(
        (secrets, call.query("access_token")),
        (vec!["client-id".to_owned(), "client-secret".to_owned()], Some("BIMAT-phien"))
    );
    let (_, call) = ask("{ kind: oauth, path: /token, in: header, name: X-Token, prefix: \"\" }");
    assert_eq!(call.header("x-token"), Some("BIMAT-phien"));
}

#[test]
fn a_secret_in_a_soap_header_stays_a_text() {
    let text = format!(
        "notation: soap-1.2\nauth: {{ kind: key, in: soap-header, block: \"<K>{{secret}}</K>\" }}\n{}",
        REST.replace("path: \"", "action: urn:a, path: \"")
    );
    let ask = signed(&*peer(&text, CHANNELS), json!("<?xml version=\"1.0\"?><a>đ</a>"));
    assert_eq!(ask.header("content-type"), Some("application/soap+xml; charset=utf-8; action=\"urn:a\""));
    assert!(
        body(&ask).ends_with("<soap:Header><K>BIMAT-api-key&lt;&amp;&quot;</K></soap:Header><soap:Body><a>đ</a></soap:Body></soap:Envelope>"),
        "{}",
        body(&ask)
    );
}

#[test]
fn a_token_is_asked_for_as_the_file_says_and_read_where_it_says() {
    let text = format!(
        "auth: {{ kind: oauth, path: /t, by: json, scope: s, token: data.token, expires: data.end }}\n{REST}"
    );
    let peer = peer(&text, CHANNELS);
    let fixed: BTreeMap<String, Secret> =
        ["client-id", "client-secret"].map(|name| (name.to_owned(), Secret::new(name))).into_iter().collect();
    let keys = Keys { fixed: &fixed, session: None };
    let account = Account::from("default");
    let asked = peer.log_in(&account, &keys, &Transcript::default(), noon());
    let Ok(Turn::Call(request)) = asked else { panic!("a call") };
    let told: Value = serde_json::from_slice(&request.ask.body.bytes).expect("JSON");
    assert_eq!(told["scope"], "s");
    let answered = |status, document: Value| {
        let answer = Answer::json(status, &document);
        let exchange = gateway_core::adapter::Exchange { request: request.clone(), answer };
        peer.log_in(&account, &keys, &Transcript(vec![exchange]), noon())
    };
    let Ok(Turn::Done(session)) = answered(200, json!({ "data": { "token": "t", "end": "1000" } })) else {
        panic!("a session")
    };
    assert_eq!(session.good_until.map(|until| until.millis_since(noon())), Some(900_000));
    for (status, document) in [(401, json!({ "error": "client-secret" })), (200, json!({})), (503, json!({}))]
    {
        let fault = answered(status, document).expect_err("no session");
        // Whatever comes, no message is to blame, and nothing of what was sent is repeated.
        assert_eq!(fault.remedy, Remedy::Later);
        assert!(!fault.to_string().contains("client-secret"), "{fault}");
    }
}

#[test]
fn a_key_that_is_refused_is_nobodys_message() {
    let text = format!(
        "auth: {{ kind: key }}\n{}",
        REST.replace("outcomes: [", "outcomes: [{ when: { http: [401] }, means: session }, ")
    );
    let peer = peer(&text, CHANNELS);
    let message = message("dossier-recorded", "H99.14-260310-0007", json!({}));
    let marks = Marks::new();
    let mut transcript = Transcript::default();
    let next = |transcript: &Transcript| {
        peer.next_turn(&Conversation { message: &message, marks: &marks, transcript })
    };
    let Ok(Turn::Call(request)) = next(&transcript) else { panic!("a call") };
    transcript.0.push(gateway_core::adapter::Exchange { request, answer: Answer::json(401, &json!({})) });
    let fault = next(&transcript).expect_err("a fault");
    assert_eq!((fault.code.as_ref(), fault.remedy), ("declared.key-refused", Remedy::Later));
}

/// A question is passed on and its answer handed back, with what says how to read it and nothing else of its headers.
#[test]
fn a_question_is_answered_with_what_the_peer_says() {
    let channels = "channels: [{ name: declared/x/ask, direction: out, kinds: { ask-postal-price: ~ } }]\n";
    let text = "outcomes: [{ when: { http: [200] }, means: done }]\ncalls: { ask-postal-price: { path: /gia, effect: repeatable, wrap: [.hoi, list] } }\n";
    let peer = peer(text, channels);
    let mut message = message("ask-postal-price", "", json!({ "gam": 50 }));
    message.class = gateway_core::envelope::Class::Question;
    let marks = Marks::new();
    let mut transcript = Transcript::default();
    let next = |transcript: &Transcript| {
        peer.next_turn(&Conversation { message: &message, marks: &marks, transcript })
    };
    let Ok(Turn::Call(request)) = next(&transcript) else { panic!("a call") };
    assert_eq!(body(&request.ask), "{\"hoi\":[{\"gam\":50}]}");
    let mut answer = Answer::json(200, &json!({ "gia": 26000 }));
    answer.headers.push(("set-cookie".to_owned(), "x".to_owned()));
    transcript.0.push(gateway_core::adapter::Exchange { request, answer });
    let Ok(Turn::Done(receipt)) = next(&transcript) else { panic!("an end") };
    let answer = receipt.answer.expect("an answer");
    assert_eq!((answer.body.bytes.as_slice(), answer.headers.len()), (&b"{\"gia\":26000}"[..], 1));
}

/// A peer that calls in SOAP: the element in the body is the item, with the namespaces it needs, and it is answered in SOAP.
#[test]
fn a_call_in_soap_is_heard_and_answered_in_soap() {
    let peer = peer(
        "notation: soap-1.1\nhears: { declared/x/in: { dossier: MaHoSo, key: \"@so\", answers: { accepted: { body: \"<Nhan xmlns='urn:x'>{id}</Nhan>\" } } } }\n",
        "channels: [{ name: declared/x/in, direction: in, method: POST, paths: [\"**/x\"], kinds: { dossier-progressed: declared/x/in } }]\n",
    );
    let arrival = |body: &str| Arrival {
        files: Vec::new(),
        dossiers: Vec::new(),
        channel: ChannelName::from("declared/x/in"),
        caller: None,
        officer: None,
        level: Level::Token,
        rest: String::new(),
        at: noon(),
        ask: Ask {
            method: "POST".into(),
            path: "/x".into(),
            query: vec![],
            headers: vec![],
            body: Body::of(body),
        },
    };
    let call = arrival(
        "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:p='urn:p'><s:Body><p:Buoc so='7'><p:MaHoSo>H99-1</p:MaHoSo></p:Buoc></s:Body></s:Envelope>",
    );
    let heard = peer.receive(&call).expect("an item");
    let gateway_core::adapter::Heard::Messages(items) = heard else { panic!("messages") };
    assert_eq!(
        (items[0].dossier.as_deref(), items[0].keys.as_slice()),
        (Some("H99-1"), &["x/7".to_owned()][..])
    );
    let gateway_core::adapter::Payload::Xml(xml) = &items[0].payload else { panic!("XML") };
    assert_eq!(String::from_utf8_lossy(xml), "<Buoc xmlns=\"urn:p\" so=\"7\"><MaHoSo>H99-1</MaHoSo></Buoc>");
    let wrong = arrival("<a/>");
    let fault = peer.receive(&wrong).expect_err("no envelope");
    let answer = peer.reply(&wrong, Err(&fault));
    assert_eq!(answer.status, 400);
    assert!(String::from_utf8_lossy(&answer.body.bytes).contains("<faultcode>soap:Client</faultcode>"));
}

/// Where a conversation with a peer of this `peer.yaml` goes after these answers.
fn after(peer: &dyn Adapter, kind: &str, document: Value, answers: &[Answer]) -> Result<Option<Ask>, Remedy> {
    let message = message(kind, "H99.14-260310-0007", document);
    let (marks, mut transcript) = (Marks::new(), Transcript::default());
    for answer in answers {
        let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
        let Ok(Turn::Call(request)) = peer.next_turn(&talk) else { panic!("a call") };
        transcript.0.push(gateway_core::adapter::Exchange { request, answer: answer.clone() });
    }
    let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
    match peer.next_turn(&talk) {
        Ok(Turn::Call(request)) => Ok(Some(request.ask)),
        Ok(Turn::Done(_)) => Ok(None),
        Err(fault) => Err(fault.remedy),
    }
}

#[test]
fn a_secret_takes_the_place_that_a_document_in_xml_keeps_for_it() {
    let text = format!(
        "notation: soap-1.1\nauth: {{ kind: key, in: body, name: nguoi.matKhau }}\n{}",
        REST.replace("path: \"", "action: urn:a, path: \"")
    );
    let peer = peer(&text, CHANNELS);
    let ask = signed(&*peer, json!("<a xmlns=\"urn:a\"><nguoi><ten>x</ten><matKhau>-</matKhau></nguoi></a>"));
    let wanted = "<nguoi><ten>x</ten><matKhau>BIMAT-api-key&lt;&amp;&quot;</matKhau></nguoi></a>";
    assert!(body(&ask).contains(wanted), "{}", body(&ask));
}

/// `/a/` instead of `/a/7` is another thing, perhaps all of them.
#[test]
fn a_path_with_a_gap_is_never_called() {
    let channels = "channels: [{ name: declared/x/out, direction: out, kinds: { dossier-progressed: declared/x/out } }]\n";
    let text = "outcomes: [{ when: { http: 200 }, means: done }]\ncalls: { dossier-progressed: { method: DELETE, path: \"/a/{mark:so}\" } }\n";
    let peer = peer(text, channels);
    // It waits for the snapshot whose answer brings the mark.
    assert_eq!(after(&*peer, "dossier-progressed", json!({}), &[]), Err(Remedy::Hold));
}

#[test]
fn an_answer_that_nobody_understands_does_not_double_what_counts_once() {
    let text = |effect: &str| {
        format!(
            "answer: {{ code: ma }}\noutcomes: [{{ when: {{ code: \"00\" }}, means: done }}]\ncalls: {{ dossier-recorded: {{ path: /a, effect: {effect} }} }}\n"
        )
    };
    let (once, repeatable) = (peer(&text("once"), CHANNELS), peer(&text("repeatable"), CHANNELS));
    let told = |peer: &dyn Adapter, status, document: Value| {
        after(peer, "dossier-recorded", json!({}), &[Answer::json(status, &document)])
    };
    for (status, document) in [(500, json!({ "ma": "77" })), (200, json!({})), (302, json!({}))] {
        assert_eq!(told(&*once, status, document.clone()), Err(Remedy::Doubt), "{status}");
        assert_eq!(told(&*repeatable, status, document), Err(Remedy::Unclear), "{status}");
    }
    assert_eq!(told(&*once, 422, json!({ "ma": "77" })), Err(Remedy::Unclear));
    assert_eq!(told(&*once, 200, json!({ "ma": "00" })), Ok(None));
}

/// Nothing is asked about a dossier without a name, and a "no" to that would be believed.
#[test]
fn a_look_up_with_a_gap_proves_nothing() {
    let text = "answer: { code: ma }\noutcomes: [{ when: { code: \"00\" }, means: done }, { when: { code: \"09\" }, means: missing }]\ncalls: { dossier-recorded: { path: /a, read-back: { method: GET, path: /a, query: { so: \"{mark:so}\" } } } }\n";
    let peer = peer(text, CHANNELS);
    let message = message("dossier-recorded", "H99.14-260310-0007", json!({}));
    let transcript = Transcript::default();
    let asked = |marks: &Marks| {
        let talk = Conversation { message: &message, marks, transcript: &transcript };
        let Ok(Turn::Call(lost)) = peer.next_turn(&talk) else { panic!("a call") };
        peer.read_back(&talk, &lost)
    };
    assert_eq!(asked(&Marks::new()), Ok(Turn::Done(gateway_core::adapter::Verdict::Unknown)));
    let marks = Marks::from([("so".to_owned(), "7".to_owned())]);
    let Ok(Turn::Call(request)) = asked(&marks) else { panic!("a question") };
    assert_eq!(request.ask.query("so"), Some("7"));
}

/// Operations of one service often answer with elements of their own names.
#[test]
fn one_call_may_be_answered_otherwise_than_all() {
    let text = "answer: { code: ma, message: loi }\noutcomes:\n  - { when: { code: \"00\" }, means: done }\n  - { when: { code: \"13\" }, means: refused }\ncalls:\n  dossier-recorded: { path: /a, effect: repeatable, answer: { code: ketQua.ma }, outcomes: [{ when: { code: \"13\" }, means: exists }] }\n";
    let peer = peer(text, CHANNELS);
    let told =
        |document: Value| after(&*peer, "dossier-recorded", json!({}), &[Answer::json(200, &document)]);
    assert_eq!(told(json!({ "ketQua": { "ma": "00" } })), Ok(None));
    assert_eq!(told(json!({ "ketQua": { "ma": "13" } })), Ok(None), "its own rows come first");
    assert_eq!(told(json!({ "ma": "00" })), Err(Remedy::Unclear));
}

/// What is no document of its notation is not sent as an empty one.
#[test]
fn several_documents_in_xml_are_not_sent_as_none() {
    let peer = peer(&format!("notation: xml\n{REST}"), CHANNELS);
    for document in [json!(["<a/>", "<b/>"]), json!([]), json!("")] {
        assert_eq!(after(&*peer, "dossier-recorded", document, &[]), Err(Remedy::Correct));
    }
    assert!(after(&*peer, "dossier-recorded", json!("<a/>"), &[]).expect("a call").is_some());
}

/// A backlog does not drain one page a period only because nobody says whether there is more.
#[test]
fn a_feed_that_does_not_say_whether_there_is_more_is_asked_until_there_is_nothing() {
    let channels = "channels: [{ name: declared/x/feed, direction: feed, kinds: { dossier-progressed: declared/x/in } }]\n";
    let text = |more: &str| {
        format!(
            "outcomes: [{{ when: {{ http: 200 }}, means: done }}]\nfeed: {{ method: GET, path: /f, query: {{ sau: \"{{cursor}}\" }}, items: muc, cursor: sau{more} }}\n"
        )
    };
    let read = |peer: &dyn Adapter, document: Value| {
        let cursor = gateway_core::adapter::Cursor("5".to_owned());
        let feed =
            gateway_core::adapter::Feed { name: "feed", about: None, cursor: Some(&cursor), at: noon() };
        let mut transcript = Transcript::default();
        let Ok(Turn::Call(request)) = peer.poll(&feed, &transcript) else { panic!("a call") };
        transcript.0.push(gateway_core::adapter::Exchange { request, answer: Answer::json(200, &document) });
        let Ok(Turn::Done(page)) = peer.poll(&feed, &transcript) else { panic!("a page") };
        (page.items.len(), page.more)
    };
    let (silent, says) = (peer(&text(""), channels), peer(&text(", more: con"), channels));
    assert_eq!(read(&*silent, json!({ "muc": [{ "a": 1 }], "sau": "6" })), (1, true));
    assert_eq!(read(&*silent, json!({ "muc": [{ "a": 1 }], "sau": "5" })), (1, false), "it stands still");
    assert_eq!(read(&*silent, json!({ "muc": [], "sau": "6" })), (0, false));
    assert_eq!(read(&*says, json!({ "muc": [{ "a": 1 }], "sau": "6", "con": false })), (1, false));
}
