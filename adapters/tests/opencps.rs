//! What must hold for OpenCPS whatever the network does to a call, and whatever notation it speaks.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use gateway_core::adapter::{
    Adapter, Arrival, Ask, Body, Fate, Heard as Said, Item, Keys, Level, Marks, Payload, Request, Simulator,
};
use gateway_core::fault::{Fault, Remedy};
use gateway_core::ids::{ChannelName, PeerName};
use gateway_core::lift::Ticket;
use serde_json::{Value, json};
use support::network::{OneAttempt, Quirk};
use support::{Delivery, End, Heard, MARKER, Peer, build, message, noon, secrets};

const CODE: &str = "G22.99-260311-000123";
const SETTINGS: &str = "group_id = \"35301\"\ntemplate = \"MAU01\"\namended_action = \"1200\"\n";

fn submission() -> gateway_core::envelope::Envelope {
    let file = Ticket::of(b"%PDF-1.4");
    let document = json!({
        "form": { "serviceCode": "1.003560", "originDossierNo": CODE, "applicantName": "Nguyễn Văn Thử" },
        "application": { "displayName": "Đơn.pdf", "content": file.text() },
        "files": [
            { "displayName": "Đơn.pdf", "content": file.text() },
            { "displayName": "Giấy phép.pdf", "content": "JVBERi0xLjQ=" },
        ],
    });
    let mut message = message("dossier-submitted", CODE, document);
    message.files = vec![file];
    message
}

/// The simulator behind a network with a script; after the script everything passes.
struct Network {
    sim: Box<dyn Simulator>,
    script: Vec<Quirk>,
    calls: usize,
}

impl Network {
    fn new(script: Vec<Quirk>) -> Self {
        let settings = format!("username = \"tichhop.h99.example\"\npassword = \"{MARKER}-mat-khau\"\n");
        let sim = adapters::simulator("onestop", "opencps", &settings.parse().expect("TOML"));
        Network { sim: sim.expect("a simulator"), script, calls: 0 }
    }

    fn count(&self, name: &str) -> u64 {
        self.sim.state()[name].as_u64().expect("a count")
    }
}

impl Peer for Network {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        let quirk = self.script.get(self.calls).copied().unwrap_or(Quirk::Pass);
        self.calls += 1;
        let signed = adapter
            .sign(request, &Keys { fixed: &secrets(), session: None }, noon())
            .expect("keys are there");
        quirk.hear(|| self.sim.respond(signed.ask(), noon()))
    }

    fn more(&self) -> bool {
        true
    }
}

/// Every script of two quirks, at every place of a conversation of five calls.
fn scripts() -> impl Iterator<Item = Vec<Quirk>> {
    let each = || Quirk::ALL.into_iter();
    (0..5).flat_map(move |before| {
        each().flat_map(move |a| {
            each().map(move |b| vec![Quirk::Pass; before].into_iter().chain([a, b]).collect::<Vec<_>>())
        })
    })
}

#[test]
fn a_dossier_arrives_once_and_is_submitted_once_through_every_script() {
    let (adapter, message) = (build("onestop", "opencps", SETTINGS), submission());
    for script in scripts() {
        let mut network = Network::new(script.clone());
        let mut delivery = Delivery::new(&*adapter, &message, Marks::new());
        let end = delivery.run(&mut network);
        let End::Delivered(receipt) = end else { panic!("{script:?}: {end:?}") };
        assert_eq!((network.count("dossiers"), network.count("files")), (1, 2), "{script:?}");
        assert_eq!(
            (network.count("submitted"), network.count("doubled")),
            (1, 0),
            "{script:?}: {:#?}",
            delivery.log
        );
        assert_eq!(network.count("refused"), 0, "{script:?}");
        let [said] = receipt.says.as_slice() else { panic!("{script:?}: its number is told once") };
        assert_eq!((said.kind.as_str(), said.dossier.as_deref()), ("dossier-answered", Some(CODE)));
        // Sent again by an operator it is there already, and nothing is published over it.
        let mut again = Delivery::new(&*adapter, &message, delivery.marks.clone());
        assert!(matches!(again.run(&mut network), End::Delivered(_)), "{script:?}");
        assert_eq!((network.count("submitted"), network.count("doubled")), (1, 0), "{script:?}");
    }
}

#[test]
fn another_state_of_a_dossier_that_is_being_worked_on_is_a_persons_affair() {
    let (adapter, mut message) = (build("onestop", "opencps", SETTINGS), submission());
    let mut network = Network::new(Vec::new());
    let mut first = Delivery::new(&*adapter, &message, Marks::new());
    assert!(matches!(first.run(&mut network), End::Delivered(_)));
    let marks = first.marks.clone();
    message.document["form"]["applicantName"] = json!("Trần Thị Mẫu");
    let end = Delivery::new(&*adapter, &message, marks.clone()).run(&mut network);
    assert!(matches!(&end, End::Dead(fault) if fault.code == "opencps.in-process"), "{end:?}");
    let mut message = submission();
    message.document["files"][1]["content"] = json!("JVBERi0xLjU=");
    let end = Delivery::new(&*adapter, &message, marks).run(&mut network);
    assert!(matches!(&end, End::Dead(fault) if fault.code == "opencps.in-process"), "{end:?}");
    assert_eq!((network.count("updates"), network.count("files")), (0, 2));
}

#[test]
fn a_strangers_file_is_never_sent_by_its_name() {
    let (adapter, mut message) = (build("onestop", "opencps", SETTINGS), submission());
    message.files.clear();
    let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut Network::new(Vec::new()));
    assert!(matches!(&end, End::Dead(fault) if fault.code == "opencps.file"), "{end:?}");
}

#[test]
fn an_action_is_never_doubled_by_us_and_waits_for_its_dossier() {
    let adapter = build("onestop", "opencps", SETTINGS);
    let message = message("dossier-amended", CODE, json!({ "form": { "payload": "{\"reason\":\"x\"}" } }));
    let mut network = Network::new(Vec::new());
    let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut OneAttempt(&mut network));
    assert!(matches!(&end, End::Held(fault) if fault.remedy == Remedy::Hold), "{end:?}");
    for quirk in Quirk::ALL {
        let mut network = Network::new(vec![Quirk::Pass; 5].into_iter().chain([quirk]).collect());
        let submission = submission();
        let mut first = Delivery::new(&*adapter, &submission, Marks::new());
        assert!(matches!(first.run(&mut network), End::Delivered(_)));
        let marks = first.marks.clone();
        let end = Delivery::new(&*adapter, &message, marks).run(&mut network);
        let known = matches!(quirk, Quirk::Html | Quirk::LostBefore | Quirk::LostAfter);
        assert_eq!(matches!(end, End::InDoubt), known, "{quirk:?}: {end:?}");
        assert!(network.count("actions") <= 1, "{quirk:?}");
    }
}

#[test]
fn what_the_post_confirmed_is_one_counter_whatever_happens_on_the_way() {
    let adapter = build("onestop", "opencps", SETTINGS);
    for script in scripts() {
        let mut network = Network::new(script.clone());
        assert!(network.sim.nudge(&["know", "H99.14-260310-0007"]));
        let document = json!({ "form": { "viaPostal": "4" } });
        let message = message("postal-status-changed", "H99.14-260310-0007", document);
        let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut network);
        assert!(matches!(end, End::Delivered(_)), "{script:?}: {end:?}");
        let told = network.sim.state()["order"].as_array().cloned().unwrap_or_default();
        assert!(!told.is_empty() && told.iter().all(|one| one == "viaPostal=4"), "{script:?}: {told:?}");
    }
}

#[test]
fn wrong_keys_and_a_missing_site_stop_no_message_for_good() {
    let adapter = build("onestop", "opencps", SETTINGS);
    let mut network = Network::new(Vec::new());
    network.sim = adapters::simulator(
        "onestop",
        "opencps",
        &"username = \"a\"\npassword = \"b\"\n".parse().expect("TOML"),
    )
    .expect("one");
    let message = submission();
    let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut OneAttempt(&mut network));
    assert!(matches!(&end, End::Waits(fault) if fault.code == "opencps.key-refused"), "{end:?}");
    assert_eq!(adapter.secrets(), ["username", "password"]);
    assert_eq!(build("onestop", "opencps", "auth = \"bearer\"").secrets(), ["token"]);
}

fn calling(path: &str, media: &str, body: &[u8]) -> Arrival {
    let headers = vec![("content-type".to_owned(), media.to_owned())];
    let ask = Ask {
        method: "POST".to_owned(),
        path: path.to_owned(),
        query: Vec::new(),
        headers,
        body: Body::of(body),
    };
    Arrival {
        channel: ChannelName::from("onestop/opencps"),
        caller: Some(PeerName::from("mot-cua")),
        ask,
        rest: String::new(),
        officer: None,
        level: Level::Token,
        at: noon(),
        dossiers: Vec::new(),
        files: Vec::new(),
    }
}

fn heard(ask: Ask) -> (Item, u16) {
    let adapter = build("onestop", "opencps", SETTINGS);
    let mut arrival = Arrival { ask, ..calling("", "", b"") };
    let heard = adapter.receive(&arrival).expect("it is read");
    arrival.framed(&heard);
    let Said::Messages(items) = heard else { panic!("no messages") };
    let [item]: [Item; 1] = items.try_into().expect("one item");
    let answer =
        adapter.reply(&arrival, Ok(&[Fate::Refused(Fault::sender("contract.violated", "thành công"))]));
    assert!(!String::from_utf8_lossy(&answer.body.bytes).contains("thành công"));
    (item, answer.status)
}

/// What the same software says in both notations is the same item, so one contract and one mapping read both.
#[test]
fn json_and_xml_are_one() {
    let mut sim = Network::new(Vec::new()).sim;
    for (what, status) in [("documents", "1"), ("documents", "2"), ("traces", "1")] {
        for notation in ["json", "xml"] {
            assert!(sim.nudge(&[what, notation, "H99.14-260310-0007", status]));
        }
        let [json, xml]: [Ask; 2] = sim.due(noon()).try_into().expect("two calls");
        let ((json, said), (xml, said_too)) = (heard(json), heard(xml));
        let (Payload::Json(read), Payload::Json(read_too)) = (&json.payload, &xml.payload) else {
            panic!("no objects")
        };
        // XML spells one name in its own way.
        let spelt = read_too.to_string().replace("Attachmentld", "AttachmentId");
        assert_eq!(serde_json::from_str::<Value>(&spelt).expect("JSON"), *read, "{what}");
        assert_eq!((&json.kind, &json.dossier, &json.unit), (&xml.kind, &xml.dossier, &xml.unit));
        assert!(!spelt.contains("0000-00-00") && (said, said_too) == (400, 400));
    }
}

/// A name of a file is one only if the file came with the call.
#[test]
fn a_strangers_file_is_not_told_by_its_name() {
    let adapter = build("onestop", "opencps", SETTINGS);
    let (own, strange) = (Ticket::of(b"%PDF-1.4"), Ticket::of(b"strange"));
    let attachment = |ticket: &Ticket| json!({ "Base64": ticket.text(), "file": strange.text() });
    let document = json!({ "DocCode": CODE, "Attachments": [attachment(&own), attachment(&strange)] });
    let mut arrival =
        calling("/api/Document/SyncDocument", "application/json", document.to_string().as_bytes());
    arrival.files = vec![own.clone()];
    let Ok(Said::Messages(items)) = adapter.receive(&arrival) else { panic!("no messages") };
    let Payload::Json(framed) = &items[0].payload else { panic!("no JSON") };
    assert_eq!(framed["Attachments"][0]["file"], own.text());
    assert_eq!(framed["Attachments"][1].get("file"), None);
}

#[test]
fn whatever_bytes_come_they_are_answered() {
    let adapter = build("onestop", "opencps", SETTINGS);
    let bodies: [&[u8]; 8] = [b"", b"=", b"&&&", b"%", b"\xff=\xfe", b"<", b"{\"a\":", b"a=1&a=1"];
    for path in [
        "/x/dossiers/publish",
        "/x/dossiers/inform/",
        "/Document/SyncDocument",
        "/Document/UpdateDocumentTraces",
    ] {
        for body in bodies {
            for media in ["application/x-www-form-urlencoded", "application/json", "text/xml", ""] {
                let arrival = calling(path, media, body);
                if let Err(fault) = adapter.receive(&arrival) {
                    assert!(
                        (400..500).contains(&adapter.reply(&arrival, Err(&fault)).status),
                        "{path} {fault:?}"
                    );
                }
            }
        }
    }
}
