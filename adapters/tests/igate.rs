//! iGATE and us through its simulator: whatever the network does, one dossier and no step twice; however the list of dossiers moves while it
//! is read, no state is missed.

#![allow(clippy::disallowed_methods, reason = "tests read files")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::adapter::{
    Adapter, Answer, Cursor, Exchange, Feed, Item, Keys, Marks, Payload, Request, Session, Simulator,
    Transcript, Turn,
};
use gateway_core::fault::Remedy;
use gateway_core::ids::{Account, Moment};
use gateway_core::lift::Ticket;
use serde_json::{Value, json};
use support::chance::Chance;
use support::network::Quirk;
use support::{Delivery, End, Heard, MARKER, Peer, build, message, noon, secrets};

const CODE: &str = "G22.99-260311-000123";

fn log_in(adapter: &dyn Adapter, account: &Account, sim: &mut dyn Simulator, at: Moment) -> Session {
    let fixed = secrets();
    let keys = Keys { fixed: &fixed, session: None };
    let mut transcript = Transcript::default();
    loop {
        match adapter.log_in(account, &keys, &transcript, at).expect("a log-in") {
            Turn::Done(session) => return session,
            Turn::Call(request) => {
                let signed = adapter.sign(&request, &keys, at).expect("a log-in needs no session");
                let answer = sim.respond(signed.ask(), at);
                transcript.0.push(Exchange { request, answer });
            }
        }
    }
}

/// The simulator behind a network with a script; after the script everything passes.
struct Network {
    sim: Box<dyn Simulator>,
    script: Vec<Quirk>,
    calls: usize,
    sessions: BTreeMap<String, Session>,
}

impl Network {
    fn new(settings: &str, script: Vec<Quirk>) -> Self {
        let settings = settings.parse().expect("settings are TOML");
        let sim = adapters::simulator("onestop", "igate", &settings).expect("a simulator");
        Network { sim, script, calls: 0, sessions: BTreeMap::new() }
    }

    fn count(&self, name: &str) -> u64 {
        self.sim.state()[name].as_u64().expect("a count")
    }

    fn made(&mut self, adapter: &dyn Adapter, request: &Request, at: Moment) -> Answer {
        let account = request.account.clone();
        let session = account.map(|account| {
            let sim = &mut *self.sim;
            self.sessions
                .entry(account.to_string())
                .or_insert_with(|| log_in(adapter, &account, sim, at))
                .clone()
        });
        let fixed = secrets();
        let signed =
            adapter.sign(request, &Keys { fixed: &fixed, session: session.as_ref() }, at).expect("signed");
        assert!(!format!("{:?}", signed.ask()).contains(MARKER), "a secret left beside the log-in");
        self.sim.respond(signed.ask(), at)
    }
}

impl Peer for Network {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        let quirk = self.script.get(self.calls).copied().unwrap_or(Quirk::Pass);
        self.calls += 1;
        if quirk == Quirk::SessionsExpire {
            self.sim.nudge(&["expire-sessions"]);
        }
        quirk.hear(|| self.made(adapter, request, noon()))
    }

    fn session_refused(&mut self) {
        self.sessions.clear();
    }

    fn more(&self) -> bool {
        true
    }
}

/// So many things that happen one after the other, in every combination.
fn scripts(deep: usize) -> Vec<Vec<Quirk>> {
    (0..deep).fold(vec![Vec::new()], |scripts, _| {
        let longer = |script: &Vec<Quirk>| Quirk::ALL.map(|quirk| [script.as_slice(), &[quirk]].concat());
        scripts.iter().flat_map(longer).collect()
    })
}

fn submission(file: &Ticket) -> Value {
    json!({
        "dossier": CODE,
        "application": { "TenGiayTo": "don.pdf", "file": file.text(), "part": { "TenThanhPhanHoSo": "Đơn" } },
        "body": { "MaTTHC": "2.000033", "ChuHoSo": "Nguyễn Văn Thử", "LoaiDoiTuong": 0 },
    })
}

#[test]
fn a_dossier_is_handed_in_once_through_every_script() {
    for settings in ["", "look_up = \"yes\""] {
        let adapter = build("onestop", "igate", settings);
        let file = Ticket::of(b"%PDF-1.4");
        let (mut delivered, mut in_doubt) = (0, 0);
        for script in scripts(4) {
            let mut network = Network::new(settings, script.clone());
            let mut message = message("dossier-submitted", CODE, submission(&file));
            message.files = vec![file.clone()];
            let mut delivery = Delivery::new(&*adapter, &message, Marks::new());
            let end = delivery.run(&mut network);
            assert_eq!(network.count("doubled"), 0, "{script:?}: {:#?}", delivery.log);
            assert!(network.count("creates") <= 1, "{script:?}: {:#?}", delivery.log);
            match end {
                End::Delivered(receipt) => {
                    assert_eq!(network.count("creates"), 1, "{script:?}");
                    let given = &network.sim.state()["dossiers"][&receipt.reference];
                    assert_eq!(
                        given["ThanhPhanHoSo"][0]["GiayToDinhKem"][0]["HashTepTin"], file.sha256,
                        "{script:?}"
                    );
                    assert!(delivery.marks.contains_key("idHoSo"), "{script:?}");
                    let Payload::Json(said) = &receipt.says[0].payload else { panic!("JSON") };
                    assert_eq!(
                        (&said["MaHoSo"], &said["MaHoSoDonVi"]),
                        (&json!(CODE), &json!(receipt.reference))
                    );
                    delivered += 1;
                }
                End::InDoubt => in_doubt += 1,
                other => panic!("{script:?}: {other:?}"),
            }
        }
        // A search that may be asked leaves no doubt; elsewhere it is left to a person, never to chance.
        assert_eq!(in_doubt == 0, !settings.is_empty(), "{delivered} delivered, {in_doubt} in doubt");
    }
}

#[test]
fn a_step_is_never_doubled_and_a_state_never_in_doubt() {
    let adapter = build("onestop", "igate", "");
    let mut known = Network::new("", vec![]);
    let file = Ticket::of(b"%PDF-1.4");
    let mut handed_in = message("dossier-submitted", CODE, submission(&file));
    handed_in.files = vec![file];
    let mut delivery = Delivery::new(&*adapter, &handed_in, Marks::new());
    assert!(matches!(delivery.run(&mut known), End::Delivered(_)));
    let marks = delivery.marks.clone();
    let step =
        json!({ "NguoiXuLy": "Trần Thị Mẫu", "ThoiDiemXuLy": "2026-10-01T08:30:00.000", "TrangThai": 4 });
    for (kind, document) in [("dossier-progressed", step), ("dossier-answered", json!({ "TrangThai": 9 }))] {
        for script in scripts(2) {
            let mut network = Network::new("", script.clone());
            let first = Delivery::new(&*adapter, &handed_in, Marks::new()).run(&mut Plain(&mut network));
            assert!(matches!(first, End::Delivered(_)));
            let message = message(kind, CODE, document.clone());
            let end = Delivery::new(&*adapter, &message, marks.clone()).run(&mut network);
            assert_eq!(network.count("doubled"), 0, "{kind} {script:?}");
            let may_doubt = kind == "dossier-progressed";
            assert!(
                matches!(end, End::Delivered(_)) || may_doubt && matches!(end, End::InDoubt),
                "{kind} {script:?}: {end:?}"
            );
        }
    }
}

/// The same network, for once without its script.
struct Plain<'a>(&'a mut Network);

impl Peer for Plain<'_> {
    fn call(&mut self, adapter: &dyn Adapter, request: &Request) -> Heard {
        Heard::Answer(self.0.made(adapter, request, noon()))
    }

    fn more(&self) -> bool {
        true
    }
}

#[test]
fn a_correction_shares_number_and_files_with_what_was_refused() {
    let adapter = build("onestop", "igate", "");
    let mut network = Network::new("", vec![]);
    assert!(network.sim.nudge(&["flat-uploads"]) && network.sim.nudge(&["refuse", "Nguyễn", "Văn", "Thử"]));
    let file = Ticket::of(b"%PDF-1.4");
    let mut message = message("dossier-submitted", CODE, submission(&file));
    message.files = vec![file];
    let mut refused = Delivery::new(&*adapter, &message, Marks::new());
    assert!(matches!(refused.run(&mut network), End::Dead(fault) if fault.remedy == Remedy::Correct));
    let marks = refused.marks.clone();
    assert!(network.sim.nudge(&["accept"]));
    assert!(matches!(Delivery::new(&*adapter, &message, marks).run(&mut network), End::Delivered(_)));
    assert_eq!((network.count("numbers"), network.count("uploads"), network.count("creates")), (1, 1, 1));
}

/// A reader of the feed as the server is one: the cursor is kept, items are known by their keys, what was kept last counts.
struct Reader<'a> {
    adapter: &'a dyn Adapter,
    network: Network,
    cursor: Option<Cursor>,
    keys: BTreeSet<String>,
    /// The latest state of each dossier, by its time.
    kept: BTreeMap<String, (String, u64)>,
    pages: usize,
}

impl<'a> Reader<'a> {
    fn new(adapter: &'a dyn Adapter, settings: &str) -> Self {
        let cursor = adapter.feeds().remove(0).first_cursor;
        let network = Network::new(settings, vec![]);
        Reader { adapter, network, cursor, keys: BTreeSet::new(), kept: BTreeMap::new(), pages: 0 }
    }

    /// Reads one page; true if there is more.
    fn read(&mut self, at: Moment) -> bool {
        self.pages += 1;
        let cursor = self.cursor.clone();
        let feed = Feed { name: "dossiers", about: None, cursor: cursor.as_ref(), at };
        let mut transcript = Transcript::default();
        let page = loop {
            match self.adapter.poll(&feed, &transcript).expect("a page") {
                Turn::Done(page) => break page,
                Turn::Call(request) => {
                    let answer = self.network.made(self.adapter, &request, at);
                    if answer.status == 401 {
                        self.network.sessions.clear();
                        continue;
                    }
                    transcript.0.push(Exchange { request, answer });
                }
            }
        };
        page.items.iter().for_each(|item| self.keep(item));
        self.cursor = page.cursor.or(cursor);
        page.more
    }

    fn keep(&mut self, item: &Item) {
        if !self.keys.insert(item.keys[0].clone()) {
            return;
        }
        let Payload::Json(frame) = &item.payload else { panic!("JSON") };
        let (code, record) = (item.dossier.clone().expect("a code"), &frame["record"]);
        let state = (
            record["updatedDate"].as_str().expect("a time").to_owned(),
            record["version"].as_u64().expect("a number"),
        );
        let kept = self.kept.entry(code).or_insert_with(|| state.clone());
        if *kept < state {
            *kept = state;
        }
    }
}

#[test]
fn no_state_is_missed_however_the_list_moves_while_it_is_read() {
    for seed in 0..60u64 {
        let mut chance = Chance(seed * 7_919 + 1);
        let size = [16, 25, 40][chance.next(3)];
        let settings = format!("poll = \"yes\"\npage_size = {size}\noverlap_seconds = 2");
        let adapter = build("onestop", "igate", &settings);
        let mut reader = Reader::new(&*adapter, &settings);
        assert!(reader.network.sim.nudge(&["shuffle-ties"]));
        let mut at = noon();
        for _ in 0..40 {
            // Several changes of one moment, up to as many as a page can hold and prove.
            for number in 0..chance.next(20) {
                let code = format!("H99.07-{}", chance.next(120));
                let moment = at.to_string();
                assert!(reader.network.sim.nudge(&["at", &moment]));
                if chance.next(6) == 0 {
                    reader.network.sim.nudge(&["delete", &code]);
                } else {
                    assert!(reader.network.sim.nudge(&["change", &code, "2"]));
                }
                if chance.next(3) != 0 || number % 5 == 4 {
                    at = at.plus_millis(1 + chance.next(400) as i64);
                }
            }
            // One page, then the list moves again; the cursor is all that a restart would know.
            reader.read(at);
            at = at.plus_millis(1 + chance.next(3_000) as i64);
        }
        // The reading that was on its way, and one after it.
        for _ in 0..2 {
            while reader.read(at) {}
        }
        let state = reader.network.sim.state();
        for (code, record) in state["records"].as_object().expect("records") {
            let seen = reader.kept.get(code);
            let last = (
                record["updatedDate"].as_str().expect("a time").to_owned(),
                record["version"].as_u64().expect("a number"),
            );
            assert_eq!(
                seen,
                Some(&last),
                "seed {seed}, size {size}: {code} after {} pages, {:?}",
                reader.pages,
                reader.cursor
            );
        }
        assert!(reader.pages < 400, "seed {seed}: {} pages", reader.pages);
    }
}

#[test]
fn a_reading_of_everything_comes_to_its_end() {
    let settings = "poll = \"yes\"\npage_size = 10";
    let adapter = build("onestop", "igate", settings);
    let mut reader = Reader::new(&*adapter, settings);
    assert!(reader.network.sim.nudge(&["at", &noon().to_string()]));
    // All of one moment, as a job at night leaves them: no window can prove anything.
    for number in 0..95 {
        assert!(reader.network.sim.nudge(&["change", &format!("H99.07-{number}"), "0"]));
    }
    while reader.read(noon()) {
        assert!(reader.pages < 40, "{:?}", reader.cursor);
    }
    assert_eq!(reader.kept.len(), 95);
}
