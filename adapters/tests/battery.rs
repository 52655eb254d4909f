//! What must hold for the portal whatever the network does to a call.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::collections::BTreeMap;

use gateway_core::adapter::{
    Adapter, Answer, Conversation, Keys, Marks, Request, Secret, Session, Simulator, Transcript, Turn,
};
use gateway_core::envelope::Envelope;
use gateway_core::fault::Remedy;
use gateway_core::ids::Account;
use serde_json::{Value, json};
use support::network::{OneAttempt, Quirk};
use support::{Delivery, End, Heard, MARKER, Peer, UNIT, build, message, noon, secrets};

const CODE: &str = "H99.14-260310-0007";
const SHOWN: &str = "DanhSachTienDo";

fn dossier() -> Value {
    json!({
        "MaHoSo": CODE, "MaTTHC": "1.003560", "TenTTHC": "Thủ tục thử nghiệm", "MaLinhVuc": "G03-GD10",
        "TenLinhVuc": "Lĩnh vực thử nghiệm", "ChuHoSo": "Nguyễn Văn Thử", "LoaiDoiTuong": "1",
        "TrangThaiHoSo": "4", "HinhThuc": "0", "DonViXuLy": "Sở Thử nghiệm tỉnh Mẫu",
    })
}

fn step() -> Value {
    json!({
        "MaHoSo": CODE, "NguoiXuLy": "Trần Thị Mẫu", "ThoiDiemXuLy": "20260310083000",
        "NoiDungXuLy": "Tiếp nhận hồ sơ", "TrangThai": "2",
    })
}

/// The simulator behind a network with a script; after the script everything passes.
struct Network {
    sim: Box<dyn Simulator>,
    script: Vec<Quirk>,
    calls: usize,
    fixed: BTreeMap<String, Secret>,
    session: Option<Session>,
}

impl Network {
    fn new(settings: &str, script: Vec<Quirk>) -> Self {
        let settings = settings.parse().expect("settings are TOML");
        let sim = adapters::simulator("portal", "envelope", &settings).expect("the portal has a simulator");
        Network { sim, script, calls: 0, fixed: secrets(), session: None }
    }

    fn count(&self, name: &str) -> u64 {
        self.sim.state()[name].as_u64().expect("a count")
    }
}

impl Peer for Network {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        if self.session.is_none() {
            let sim = &mut self.sim;
            let session = support::log_in(adapter, &self.fixed, |ask| sim.respond(ask, noon()));
            self.session = Some(session.expect("the simulator takes the log-in"));
        }
        let quirk = self.script.get(self.calls).copied().unwrap_or(Quirk::Pass);
        self.calls += 1;
        let keys = Keys { fixed: &self.fixed, session: self.session.as_ref() };
        let signed = adapter.sign(request, &keys, noon()).expect("a session is there");
        if quirk == Quirk::SessionsExpire {
            self.sim.nudge(&["expire-sessions"]);
        }
        quirk.hear(|| self.sim.respond(signed.ask(), noon()))
    }

    fn session_refused(&mut self) {
        self.session = None;
    }

    fn more(&self) -> bool {
        true
    }
}

fn scripts() -> impl Iterator<Item = Vec<Quirk>> {
    let each = || Quirk::ALL.into_iter();
    each().flat_map(move |a| each().flat_map(move |b| each().map(move |c| vec![a, b, c])))
}

#[test]
fn a_snapshot_arrives_once_through_every_script() {
    let adapter = build("portal", "", "");
    for updating in ["true", "false"] {
        for script in scripts() {
            let mut network = Network::new("", script.clone());
            let mut message = message("dossier-recorded", CODE, dossier());
            message.hints.insert("updating".to_owned(), updating.to_owned());
            let mut delivery = Delivery::new(&*adapter, &message, Marks::new());
            let end = delivery.run(&mut network);
            assert!(matches!(end, End::Delivered(_)), "{script:?}: {end:?}");
            assert_eq!(network.count("creates"), 1, "{script:?}: {:#?}", delivery.log);
            assert_eq!(delivery.marks["at-portal"], "1", "{script:?}");
        }
    }
}

#[test]
fn a_step_is_never_doubled_and_never_lost_unseen() {
    for settings in [String::new(), format!("progress_list_field = \"{SHOWN}\"")] {
        let adapter = build("portal", "", &settings);
        let (mut delivered, mut in_doubt) = (0, 0);
        for marked in [true, false] {
            for script in scripts() {
                let mut network = Network::new(&settings, script.clone());
                network.sim.nudge(&["know", CODE]);
                let marks = marked.then(|| ("at-portal".to_owned(), "1".to_owned())).into_iter().collect();
                let message = message("dossier-progressed", CODE, step());
                let mut delivery = Delivery::new(&*adapter, &message, marks);
                let end = delivery.run(&mut network);
                let entries = network.sim.state()["progress"].as_array().map_or(0, Vec::len);
                assert_eq!(network.count("doubled"), 0, "{script:?}: {:#?}", delivery.log);
                match end {
                    End::Delivered(_) => {
                        assert_eq!(entries, 1, "{script:?}");
                        delivered += 1;
                    }
                    End::InDoubt => in_doubt += 1,
                    other => panic!("{script:?}: {other:?}"),
                }
            }
        }
        // A portal that shows its entries leaves no doubt; one that does not leaves it to a person, never to chance.
        assert_eq!(in_doubt == 0, !settings.is_empty(), "{delivered} delivered, {in_doubt} in doubt");
    }
}

#[test]
fn a_step_is_doubled_only_where_policy_repeats() {
    let adapter = build("portal", "", "");
    let message = message("dossier-progressed", CODE, step());
    let marks = || Marks::from([("at-portal".to_owned(), "1".to_owned())]);
    for script in scripts() {
        let mut network = Network::new("", script.clone());
        network.sim.nudge(&["know", CODE]);
        let mut delivery = Delivery::new(&*adapter, &message, marks());
        delivery.repeat_when_unknown = true;
        let end = delivery.run(&mut network);
        assert!(matches!(end, End::Delivered(_)), "{script:?}: {end:?}");
        assert!(network.count("doubled") <= delivery.repeated as u64, "{script:?}");
    }
}

#[test]
fn a_refused_session_costs_one_log_in_for_each_refusal() {
    let adapter = build("portal", "", "");
    let mut network = Network::new("", vec![Quirk::SessionsExpire, Quirk::Pass]);
    let message = message("dossier-recorded", CODE, dossier());
    assert!(matches!(Delivery::new(&*adapter, &message, Marks::new()).run(&mut network), End::Delivered(_)));
    assert_eq!(network.count("log_ins"), 2);
}

#[test]
fn a_step_waits_for_a_dossier_the_portal_forgot() {
    let adapter = build("portal", "", "");
    let mut network = Network::new("", vec![]);
    let marks = Marks::from([("at-portal".to_owned(), "1".to_owned())]);
    let message = message("dossier-progressed", CODE, step());
    let mut delivery = Delivery::new(&*adapter, &message, marks);
    let end = delivery.run(&mut OneAttempt(&mut network));
    assert!(matches!(&end, End::Held(fault) if fault.remedy == Remedy::Hold), "{end:?}");
    assert_eq!(delivery.marks["at-portal"], "0");
}

#[test]
fn the_portals_refusals_of_data_are_dead_letters_with_its_words() {
    let adapter = build("portal", "", "");
    let mut long = dossier();
    long["GhiChu"] = json!("a".repeat(2001));
    let mut empty = dossier();
    empty["MaTTHC"] = json!("");
    for (document, words) in [(long, "GhiChu"), (empty, "MaTTHC")] {
        let mut network = Network::new("", vec![]);
        let message = message("dossier-recorded", CODE, document);
        let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut network);
        assert!(matches!(&end, End::Dead(fault) if fault.cause.contains(words)), "{end:?}");
    }
    let mut network = Network::new("", vec![]);
    assert!(network.sim.nudge(&["refuse", CODE]));
    let message = message("dossier-recorded", CODE, dossier());
    let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut network);
    assert!(matches!(end, End::Dead(_)), "{end:?}");
    assert!(network.sim.nudge(&["accept", CODE]) && !network.sim.nudge(&["dance"]));
    let end = Delivery::new(&*adapter, &message, Marks::new()).run(&mut network);
    assert!(matches!(end, End::Delivered(_)), "{end:?}");
}

#[test]
fn log_in_takes_the_session_and_never_shows_the_password() {
    let adapter = build("portal", "", "");
    let fixed = secrets();
    let answered = |status: u16, body: Value| {
        let fixed = &fixed;
        support::log_in(&*adapter, fixed, move |ask| {
            let sent: Value = serde_json::from_slice(&ask.body.bytes).expect("JSON");
            assert_eq!(sent["password"], format!("{MARKER}-mat-khau"));
            assert_eq!(ask.header("dstcode"), Some("VN:GOV:000.00.00.G22:vpcpdvcprovider"));
            assert_eq!(ask.header("charset"), Some("utf-8"));
            Answer::json(status, &body)
        })
    };
    let session = answered(200, json!({ "error_code": "0", "session": "s-1" })).expect("a session");
    assert_eq!((session.token.reveal(), session.good_until), ("s-1", Some(noon().plus_millis(600_000))));
    for (status, body, code) in [
        (200, json!({ "error_code": 0 }), "portal.log-in"),
        (200, json!({ "error_code": -1, "message": format!("sai {MARKER}-mat-khau") }), "portal.log-in"),
        (200, json!({ "error_code": -1, "message": "mật khẩu không hợp lệ" }), "portal.log-in"),
        (401, json!({}), "portal.log-in"),
        (503, json!({}), "portal.busy"),
    ] {
        let fault = answered(status, body).expect_err("no session");
        assert_eq!((fault.code.as_ref(), fault.remedy), (code, Remedy::Later));
        assert!(!format!("{fault:?}").contains(MARKER), "{fault:?}");
    }
    let nobody = support::log_in(&*adapter, &BTreeMap::new(), |_| Answer::json(200, &json!({})));
    assert_eq!(nobody.expect_err("no password").remedy, Remedy::Later);
}

#[test]
fn a_signed_call_differs_from_the_stored_one_in_the_session_only() {
    let adapter = build("portal", "", "");
    let message = message("dossier-recorded", CODE, dossier());
    let (marks, transcript) = (Marks::new(), Transcript::default());
    let talk = Conversation { message: &message, marks: &marks, transcript: &transcript };
    let Turn::Call(request) = adapter.next_turn(&talk).expect("a turn") else { panic!("nothing was asked") };
    let (fixed, session) = (secrets(), support::marked_session());
    let signed = |session| adapter.sign(&request, &Keys { fixed: &fixed, session }, noon());
    let call = signed(Some(&session)).expect("a session is there");
    let (sent, stored) = (call.ask(), &request.ask);
    let spliced = format!("{{\"session\":\"{MARKER}-phien\",");
    assert_eq!(
        String::from_utf8_lossy(&sent.body.bytes),
        String::from_utf8_lossy(&stored.body.bytes).replacen('{', &spliced, 1)
    );
    assert_eq!((&sent.path, &sent.headers, &sent.query), (&stored.path, &stored.headers, &stored.query));
    assert!(!format!("{call:?}").contains(MARKER));
    assert_eq!(signed(None).expect_err("no session").remedy, Remedy::Renew);
}

#[test]
fn units_with_an_account_of_their_own_use_it() {
    let settings = format!("username = \"chung\"\n[accounts.\"{UNIT}\"]\nusername = \"rieng\"\n");
    let adapter = build("portal", "", &settings);
    assert_eq!(adapter.secrets(), [format!("{UNIT}/password"), "password".to_owned()]);
    let call = |message: &Envelope| {
        let (marks, transcript) = (Marks::new(), Transcript::default());
        let talk = Conversation { message, marks: &marks, transcript: &transcript };
        match adapter.next_turn(&talk).expect("a turn") {
            Turn::Call(request) => request,
            Turn::Done(_) => panic!("nothing was asked"),
        }
    };
    let mut message = message("dossier-recorded", CODE, dossier());
    assert_eq!(call(&message).account, Some(Account::from(UNIT)));
    message.unit = "000.00.01.H99".into();
    assert_eq!(call(&message).account, Some(Account::from("default")));
}

#[test]
fn a_mistyped_setting_is_found_with_the_name_that_was_meant() {
    let settings = "sesion_seconds = 5\ndstcode_in = \"heder\"\n[accounts.x]\nuser = \"a\"".parse().unwrap();
    let defects = adapters::build("portal", "", &settings, &support::files()).err().expect("defects");
    let found: Vec<_> = defects.iter().map(|d| (d.field.as_str(), d.nearest.as_deref())).collect();
    assert_eq!(
        found,
        [
            ("settings.dstcode_in", Some("header")),
            ("settings.accounts.x.user", None),
            ("settings.sesion_seconds", Some("session_seconds"))
        ]
    );
    let none = toml::Table::new();
    for (adapter, dialect, nearest) in [("portel", "", "portal"), ("onestop", "rely", "relay")] {
        let defects = adapters::build(adapter, dialect, &none, &support::files()).err().expect("defects");
        assert_eq!(defects[0].nearest.as_deref(), Some(nearest));
    }
    for family in adapters::names() {
        for dialect in adapters::dialects(family) {
            assert!(adapters::build(family, dialect, &none, &support::files()).is_ok(), "{family} {dialect}");
        }
    }
}
