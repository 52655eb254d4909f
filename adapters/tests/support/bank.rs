//! The population database behind one profile, asked as a delivery asks it; and bytes that are damaged by the same chance each time.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use gateway_core::adapter::{
    Adapter, Conversation, Keys, Marks, Request, Secret, Session, Simulator, Transcript, Turn,
};
use gateway_core::envelope::Envelope;
use gateway_core::fault::Fault;
use gateway_core::ids::Moment;
use gateway_core::schema::Contracts;
use serde_json::{Value, json};

use super::{Delivery, End, Heard, MARKER, Peer, build, message, noon, place};

pub const NUMBER: &str = "001085000000";
pub const PROFILES: [&str; 6] = ["p1", "p1-xroad", "p2", "p3", "p4", "p5"];

/// What every profile of these tests is set to, and what its simulator takes for right.
pub const SETTINGS: &str =
    "username = \"test_user\"\napp_name = \"app-test\"\npartner_code = \"000.00.00.H99\"\n";

pub static CONTRACTS: LazyLock<Contracts> = LazyLock::new(|| {
    let names = ["canonical/citizen-question.schema.json", "canonical/citizen-answer.schema.json"];
    let soap = ["population/soap/cong-dan.xsd"];
    let read =
        |name: &str| (name.to_owned(), std::fs::read(place("../schemas").join(name)).expect("a contract"));
    Contracts::compile(&names.into_iter().chain(soap).map(read).collect())
        .unwrap_or_else(|defects| panic!("{defects:#?}"))
});

pub fn question() -> Value {
    json!({
        "purpose": { "procedure": "1.003560", "dossier": { "code": "H99.14-260310-0007" } },
        "officer": { "code": "h99_canbo", "account": "canbo.mau" },
        "person": { "identityNumber": NUMBER, "name": "nguyễn  văn thử", "birth": { "date": "1985-01-02" } },
    })
}

pub fn asked(kind: &str, document: Value) -> Envelope {
    let violations = CONTRACTS.get("canonical/citizen-question").expect("the contract").check(&document);
    assert!(violations.is_empty(), "{violations:?}");
    message(kind, "H99.14-260310-0007", document)
}

pub fn keys() -> BTreeMap<String, Secret> {
    let pairs = [
        ("secret-key", "khoa"),
        ("access-key", "ak"),
        ("platform-key", "sk"),
        ("auth", "YTpi"),
        ("consumer-key", "ck"),
        ("consumer-secret", "cs"),
        ("api-key", "api"),
        ("officer/canbo.mau", "canbo:mat-khau"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), Secret::new(format!("{MARKER}-{value}")))).into()
}

/// The database behind one profile.
pub struct Bank {
    pub sim: Box<dyn Simulator>,
    pub fixed: BTreeMap<String, Secret>,
    pub session: Option<Session>,
    pub at: Moment,
    pub attempts: usize,
}

impl Bank {
    pub fn new(settings: &str) -> Bank {
        let own = format!(
            "{settings}\n[simulator]\nusername = \"test_user\"\nsecret_key = \"{MARKER}-khoa\"\nauth = \"{MARKER}-YTpi\"\n\
             consumer = \"{MARKER}-ck:{MARKER}-cs\"\nofficers = [\"{MARKER}-canbo:mat-khau\"]\n"
        );
        let settings = own.parse().expect("settings are TOML");
        let sim = adapters::simulator("population", "profile", &settings).expect("a simulator");
        Bank { sim, fixed: keys(), session: None, at: noon(), attempts: 0 }
    }

    pub fn count(&self, name: &str) -> u64 {
        self.sim.state()[name].as_u64().expect("a count")
    }
}

impl Peer for Bank {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        self.attempts += 1;
        if request.account.is_some() && self.session.is_none() {
            let (sim, at) = (&mut self.sim, self.at);
            let session = super::log_in(adapter, &self.fixed, |ask| sim.respond(ask, at));
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

pub fn settings_of(profile: &str) -> String {
    format!("profile = \"{profile}\"\n{SETTINGS}")
}

/// The kinds that a profile can be asked.
pub fn kinds(profile: &str) -> &'static [&'static str] {
    match profile {
        "p3" => &["verify-citizen"],
        "p4" => &["look-up-citizen"],
        "p5" => &["look-up-citizen", "verify-kin"],
        _ => &["look-up-citizen", "verify-citizen", "verify-kin"],
    }
}

pub fn with_code(kind: &str, mut question: Value) -> Value {
    if kind == "verify-kin" {
        question["purpose"]["integrationCode"] = json!("099");
    }
    question
}

pub fn ask(settings: &str, bank: &mut Bank, kind: &str, document: Value) -> Result<Value, Fault> {
    let adapter = build("population", "profile", settings);
    let message = asked(kind, with_code(kind, document));
    match Delivery::new(&*adapter, &message, Marks::new()).run(bank) {
        End::Delivered(receipt) => {
            let answer = receipt.answer.expect("a question has an answer");
            let document: Value = serde_json::from_slice(&answer.body.bytes).expect("JSON");
            let violations =
                CONTRACTS.get("canonical/citizen-answer").expect("the contract").check(&document);
            assert!(violations.is_empty(), "{violations:?}");
            Ok(document)
        }
        End::Dead(fault) | End::Waits(fault) => Err(fault),
        other => panic!("{other:?}"),
    }
}

pub fn first_call(adapter: &dyn Adapter, message: &Envelope) -> Request {
    let (marks, transcript) = (Marks::new(), Transcript::default());
    let talk = Conversation { message, marks: &marks, transcript: &transcript };
    match adapter.next_turn(&talk).expect("a turn") {
        Turn::Call(request) => request,
        Turn::Done(_) => panic!("nothing was asked"),
    }
}
