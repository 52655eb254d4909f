//! One run: four senders, a gateway that dies and is started again, a portal that remembers; then the oracle looks.
//!
//! The oracle knows only what a user knows: what the senders were answered, what is at the portal, and the timeline. Whatever
//! was answered with success is owed; whatever the portal has twice must be said in the timeline to be possible.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use conformance::process::{Gateway, Ground, PATIENCE};
use conformance::senders::{Answered, Said, Sender, WAY, nonsense_of, open_deliveries};
use gateway_core::adapter::Ask;
use lienthong::clock::Clock;
use lienthong::simulator::{Host, Twist};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Senders at once, as in a province at noon.
pub const SENDERS: usize = 4;
/// Dossiers of each sender.
const DOSSIERS: usize = 2;

/// Whether the portal shows its entries, so that a lost answer can be asked back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadBack {
    /// It does.
    Shown,
    /// It does not.
    Hidden,
}

/// How the portal answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Portal {
    /// Always, and what is so.
    Faithful,
    /// Some calls of this seed are lost on the way, some take effect and lose their answer; each of them once.
    Losing(u64),
}

/// How the first life of the gateway ends.
#[derive(Debug, Clone)]
pub enum Death {
    /// At a named point of the code, at its n-th pass: `after-commit:3`.
    At(String),
    /// SIGKILL after so long.
    After(Duration),
    /// Not at all.
    Never,
}

/// One run.
pub struct Run<'a> {
    /// The gateway's binary.
    pub binary: &'a Path,
    /// How its first life ends.
    pub death: Death,
    /// A mistake that is made on purpose, in the first life.
    pub sabotage: Option<&'static str>,
    /// What the portal shows.
    pub read_back: ReadBack,
    /// How it answers.
    pub portal: Portal,
}

/// What the oracle has to complain of, and whether the gateway died at all.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Nothing, if all is well.
    pub complaints: Vec<String>,
    /// It died in its first life.
    pub died: bool,
}

impl Run<'_> {
    /// Plays it to its end.
    pub async fn play(&self) -> Verdict {
        let shows = self.read_back == ReadBack::Shown;
        let (there, here) = match shows {
            true => (
                "progress_list_field = \"DanhSachTienDo\"",
                "settings.progress_list_field = \"DanhSachTienDo\"\nprocessing_ms_max = 300",
            ),
            false => ("", ""),
        };
        let settings = toml::from_str(there).expect("settings of the simulator");
        let portal = adapters::simulator("portal", "", &settings).expect("the portal has a simulator");
        let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
        if let Portal::Losing(seed) = self.portal {
            portal.each(losing_once(seed));
        }
        let ground = Ground::lay(portal.address(), here);
        let (announce, address) = watch::channel(None);
        let mut senders = JoinSet::new();
        for sender in 0..SENDERS {
            senders.spawn(send(Sender::new(&ground.key, address.clone()), codes(sender)));
        }
        let mut answers = BTreeMap::new();
        let (mut gateway, died) = self.first_life(&ground, &announce, &mut senders, &mut answers).await;
        if died {
            gateway = ground.start(self.binary, &[]);
            announce.send_replace(gateway.address());
        }
        while let Some(told) = senders.join_next().await {
            answers.extend(told.expect("a sender"));
        }
        let mut verdict = Verdict { died, ..Verdict::default() };
        if !drains(gateway.address().expect("a gateway that is ready")).await {
            let left = ground.command(&["dead-letters", "list"]);
            verdict.complaints.push(format!("the backlog does not drain by itself: {left}"));
        }
        if !gateway.stop().success() {
            verdict.complaints.push("the gateway did not stop by itself".to_owned());
        }
        judge(&ground, &portal.state(), &answers, self.read_back, &mut verdict.complaints);
        verdict
    }

    /// Until it dies or all is said and delivered.
    async fn first_life(
        &self,
        ground: &Ground,
        announce: &watch::Sender<Option<SocketAddr>>,
        senders: &mut JoinSet<Answers>,
        answers: &mut Answers,
    ) -> (Gateway, bool) {
        let mut environment = Vec::new();
        if let Death::At(point) = &self.death {
            environment.push(("LIENTHONG_CRASH_AT", point.as_str()));
        }
        environment.extend(self.sabotage.map(|mistake| ("LIENTHONG_SABOTAGE", mistake)));
        let mut gateway = ground.start(self.binary, &environment);
        announce.send_replace(gateway.address());
        let kill_at = match &self.death {
            Death::After(span) => Some(Instant::now() + *span),
            _ => None,
        };
        let until = Instant::now() + PATIENCE;
        loop {
            if kill_at.is_some_and(|at| Instant::now() >= at) {
                gateway.kill();
            }
            if gateway.ended().is_some() {
                announce.send_replace(None);
                return (gateway, true);
            }
            let all_said = senders.is_empty();
            if all_said {
                let open = match gateway.address() {
                    Some(address) => open_deliveries(address).await,
                    None => None,
                };
                if open == Some(0) {
                    return (gateway, false);
                }
            }
            while let Some(told) = senders.try_join_next() {
                answers.extend(told.expect("a sender"));
            }
            assert!(Instant::now() < until, "neither dead nor done");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Of one call in six something is lost, the first time it is made: the call itself, or its answer after it took effect.
fn losing_once(seed: u64) -> impl FnMut(&Ask) -> Twist + Send {
    let mut made = HashSet::new();
    move |ask| {
        let mut body: Value = serde_json::from_slice(&ask.body.bytes).unwrap_or_default();
        // The session says nothing of what is asked for.
        body["session"] = Value::Null;
        let said = format!("{} {body}", ask.path);
        let mut chance = DefaultHasher::new();
        (seed, &said).hash(&mut chance);
        match chance.finish() % 24 {
            _ if !made.insert(said) => Twist::Ok,
            0 => Twist::LostAfter,
            1 => Twist::HtmlAfter,
            2 => Twist::LostBefore,
            3 => Twist::Status(500),
            _ => Twist::Ok,
        }
    }
}

/// What each thing that was said was answered with.
pub type Answers = BTreeMap<(String, usize), Answered>;

/// The codes of a sender's dossiers.
pub fn codes(sender: usize) -> Vec<String> {
    (0..DOSSIERS).map(|dossier| format!("H99.14-261123-{:04}", sender * 100 + dossier + 1)).collect()
}

/// Goes through the ways of its dossiers, turn by turn.
async fn send(mut sender: Sender, codes: Vec<String>) -> Answers {
    let mut answers = Answers::new();
    for (index, said) in WAY.iter().enumerate() {
        for code in &codes {
            answers.insert((code.clone(), index), sender.insist(*said, code).await);
        }
    }
    answers
}

/// Waits until the gateway says that nothing is left to deliver; false if that takes too long.
pub async fn drains(address: SocketAddr) -> bool {
    let draining = async {
        while open_deliveries(address).await != Some(0) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, draining).await.is_ok()
}

/// The oracle.
pub fn judge(
    ground: &Ground,
    portal: &Value,
    answers: &Answers,
    read_back: ReadBack,
    complaints: &mut Vec<String>,
) {
    if let Some(broken) = store_is_broken(ground) {
        complaints.push(format!("the store: {broken}"));
    }
    for code in (0..SENDERS).flat_map(codes) {
        let mut complain = |words: String| complaints.push(format!("{code}: {words}"));
        let taken = |wanted: fn(&Said) -> Option<&'static str>| -> Vec<&'static str> {
            let of = WAY.iter().enumerate().filter_map(|(index, said)| Some((index, wanted(said)?)));
            of.filter(|(index, _)| answers[&(code.clone(), *index)] == Answered::Taken)
                .map(|(_, s)| s)
                .collect()
        };
        let states = taken(|said| if let Said::State(status) = said { Some(status) } else { None });
        let steps = taken(|said| if let Said::Step(status) = said { Some(status) } else { None });
        if states.len() + steps.len() + 1 != WAY.len() {
            complain(format!("not all that is right was taken: {answers:?}"));
        }
        let nonsense = nonsense_of(&code);
        if !portal["dossiers"][&nonsense].is_null() {
            complain(format!("{nonsense} was refused and is at the portal"));
        }

        let dossier = &portal["dossiers"][&code];
        let recorded = texts(&dossier["statuses"]);
        if dossier["status"].as_str() != states.last().copied() {
            complain(format!("lost: accepted states {states:?}, at the portal {recorded:?}"));
        }
        if !is_in_order(&recorded, &states) {
            complain(format!("out of order: accepted states {states:?}, at the portal {recorded:?}"));
        }

        let entries = portal["progress"].as_array().into_iter().flatten();
        let entries: Vec<&str> = entries
            .filter(|entry| entry["MaHoSo"] == *code)
            .filter_map(|e| e["TrangThai"].as_str())
            .collect();
        if let Some(lost) = steps.iter().find(|step| !entries.contains(step)) {
            complain(format!("lost: step {lost}; accepted {steps:?}, at the portal {entries:?}"));
        }
        if !is_in_order(&entries, &steps) {
            complain(format!("out of order: accepted steps {steps:?}, at the portal {entries:?}"));
        }

        let told = ground.command(&["timeline", &code, "--json"]);
        let told: Value = serde_json::from_str(&told).expect("`timeline --json` speaks JSON");
        let count = |event: &str| {
            told["rows"].as_array().into_iter().flatten().filter(|row| row["event"] == event).count()
        };
        let doubled = entries.len().saturating_sub(steps.len());
        let allowed = if read_back == ReadBack::Shown { 0 } else { count("may-be-doubled") };
        if doubled > allowed {
            complain(format!("doubled: {entries:?}, which the timeline allows {allowed} times"));
        }
        let accepted = states.len() + steps.len();
        if count("accepted") < accepted {
            complain(format!("lost: {accepted} were accepted, the timeline knows of {}", count("accepted")));
        }
        if count("accepted") != accepted || count("delivered") + count("superseded") != accepted {
            let rows = told["rows"].as_array().into_iter().flatten();
            let events: Vec<&str> = rows.filter_map(|row| row["event"].as_str()).collect();
            complain(format!("the timeline does not explain {accepted} accepted: {}", events.join(", ")));
        }
    }
}

/// Everything in the wanted order, each possibly several times in a row, some possibly left out.
fn is_in_order(seen: &[&str], wanted: &[&str]) -> bool {
    let mut places = seen.iter().map(|status| wanted.iter().position(|wanted| wanted == status));
    let mut last = 0;
    places.all(|place| place.is_some_and(|place| std::mem::replace(&mut last, place) <= place))
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What the database engine itself says of the file.
fn store_is_broken(ground: &Ground) -> Option<String> {
    let database = rusqlite::Connection::open(ground.path("data/lienthong.db")).ok()?;
    let said: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).ok()?;
    (said != "ok").then_some(said)
}
