//! The hostile peers: two portals of our own, one that shows its steps and can be asked back, one that does not. Each fails, hangs,
//! loses answers, resets and redirects as the schedule says, and keeps a ledger of what took effect in which order.
//!
//! The ledger is not the simulator's: it is written where the simulator has said yes, before anything can happen to its answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::adapter::{Answer, Ask, Simulator};
use gateway_core::ids::Moment;
use serde_json::Value;
use tokio::sync::watch;

use super::schedule::{Schedule, mixed};
use super::senders::code;
use crate::clock::Clock;
use crate::simulator::{Host, Twist};

/// What stands before a message's number in its text.
const MARK: &str = "so-";
const DIGITS: usize = 9;
/// Where a redirect leads, which nobody may follow.
const ELSEWHERE: &str = crate::simulator::ELSEWHERE;

/// Does a portal show its steps, so that a lost answer can be asked back?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// It does.
    Steps,
    /// It does not.
    Nothing,
}

/// A hostile peer that listens.
pub struct Hostile {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Whether it can be asked back.
    pub shows: Shows,
    host: Host,
    ledger: Arc<Mutex<Ledger>>,
}

/// What took effect.
#[derive(Debug, Default)]
struct Ledger {
    /// Numbers of messages, in the order of their effects.
    effects: Vec<u64>,
    /// Calls that followed a redirect.
    followed: u64,
    /// Calls that carried a message under the code of a dossier that it does not speak of.
    mistaken: u64,
    /// Calls that were spoiled.
    spoiled: u64,
}

/// The text that carries a message's number through every translation.
pub fn marked(number: u64) -> String {
    format!("{MARK}{number:0DIGITS$}")
}

fn number_in(body: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(body).ok()?;
    let at = text.find(MARK)? + MARK.len();
    text.get(at..at + DIGITS)?.parse().ok()
}

/// Does a call that carries this message name the dossier that it was said of?
fn is_of_its_dossier(schedule: &Schedule, number: u64, body: &[u8]) -> bool {
    let named = code(schedule.dossier_of(number));
    String::from_utf8_lossy(body).contains(&named)
}

impl Hostile {
    /// Starts it. `effects` counts what takes effect at any of the peers.
    pub async fn start(
        name: &'static str,
        shows: Shows,
        schedule: Schedule,
        effects: watch::Sender<u64>,
    ) -> Result<Hostile, String> {
        let mut settings = toml::Table::new();
        if shows == Shows::Steps {
            settings.insert("progress_list_field".to_owned(), STEPS.into());
        }
        let peer = adapters::simulator("portal", "", &settings).ok_or("no simulator of the portal")?;
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let keeping = Keeping { peer, schedule, ledger: ledger.clone(), effects };
        let host = Host::start(Box::new(keeping), ([127, 0, 0, 1], 0).into(), Clock::system())
            .await
            .map_err(|error| error.to_string())?;
        host.each(chooser(schedule, shows as u64, ledger.clone()));
        Ok(Hostile { name, shows, host, ledger })
    }

    /// Its entry in the gateway's configuration.
    pub fn entry(&self, folder: &str) -> String {
        let mut entry = format!(
            "[peers.{}]\nadapter = \"portal\"\nendpoints.portal = \"http://{}\"\nanswer_ms_max = 400\nprocessing_ms_max = 300\n\
             keys.password = {{ file = \"{folder}/portal.password\" }}\nsettings.username = \"tichhop.h99.example\"\n\
             settings.unit = \"{}\"\n",
            self.name,
            self.host.address(),
            crate::story::UNIT,
        );
        if self.shows == Shows::Steps {
            entry.push_str(&format!("settings.progress_list_field = \"{STEPS}\"\n"));
        }
        entry
    }

    /// From here on it is a peer as one would wish.
    pub fn calm(&self) {
        self.host.each(|_| Twist::Ok);
    }

    /// Numbers of messages in the order in which they took effect here.
    pub fn effects(&self) -> Vec<u64> {
        lock(&self.ledger).effects.clone()
    }

    /// Calls that the schedule spoiled.
    pub fn spoiled(&self) -> u64 {
        lock(&self.ledger).spoiled
    }

    /// Calls that carried a message under another dossier's code.
    pub fn mistaken(&self) -> u64 {
        lock(&self.ledger).mistaken
    }

    /// Calls that followed a redirect.
    pub fn followed(&self) -> u64 {
        lock(&self.ledger).followed
    }
}

/// The name under which the portal that shows its steps does so.
const STEPS: &str = "DanhSachTienDo";

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What happens to each call: a question of the schedule, by what the call is about.
fn chooser(schedule: Schedule, peer: u64, ledger: Arc<Mutex<Ledger>>) -> impl FnMut(&Ask) -> Twist + Send {
    let mut made: HashMap<u64, (u64, u32)> = HashMap::new();
    move |ask| {
        // Calls without a number (log-ins, look-ups) are spoiled by their sort, and as often as they come.
        let number = number_in(&ask.body.bytes);
        let about = number
            .unwrap_or_else(|| ask.path.bytes().fold(u64::MAX, |sum, byte| mixed(sum ^ u64::from(byte))));
        let (attempt, spoiled) = made.entry(about).or_default();
        let twist = schedule.twist(peer, about, *attempt, *spoiled);
        *attempt += 1;
        match twist {
            Twist::Slow(pause) if pause < super::schedule::TOO_LATE_MS => {
                // Two in a row are not spoiled where there is no end of them.
                *spoiled = if number.is_none() { 0 } else { *spoiled };
            }
            _ => {
                *spoiled += 1;
                lock(&ledger).spoiled += 1;
            }
        }
        twist
    }
}

/// A simulator beside whom somebody keeps a ledger.
struct Keeping {
    peer: Box<dyn Simulator>,
    schedule: Schedule,
    ledger: Arc<Mutex<Ledger>>,
    effects: watch::Sender<u64>,
}

impl Simulator for Keeping {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        if ask.path == ELSEWHERE {
            lock(&self.ledger).followed += 1;
        }
        let answer = self.peer.respond(ask, at);
        if let Some(number) = number_in(&ask.body.bytes).filter(|_| says_yes(&answer)) {
            let is_its_own = is_of_its_dossier(&self.schedule, number, &ask.body.bytes);
            let mut ledger = lock(&self.ledger);
            ledger.effects.push(number);
            ledger.mistaken += u64::from(!is_its_own);
            drop(ledger);
            self.effects.send_modify(|count| *count += 1);
        }
        answer
    }

    fn state(&self) -> Value {
        self.peer.state()
    }

    fn nudge(&mut self, words: &[&str]) -> bool {
        self.peer.nudge(words)
    }
}

fn says_yes(answer: &Answer) -> bool {
    let said: Value = serde_json::from_slice(&answer.body.bytes).unwrap_or_default();
    said["error_code"] == 0 || said["error_code"] == "0"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_under_the_code_of_another_dossier_is_noticed() {
        let schedule = Schedule { seed: 1, rounds: 9 };
        let numbered: Vec<_> = schedule.all().collect();
        let told = |dossier: u64, number: u64| {
            format!("{{\"MaHoSo\":\"{}\",\"GhiChu\":\"{}\"}}", code(dossier), marked(number))
        };
        for message in &numbered {
            let body = told(message.dossier, message.number);
            assert_eq!(number_in(body.as_bytes()), Some(message.number));
            assert!(is_of_its_dossier(&schedule, message.number, body.as_bytes()), "{body}");
            let body = told(message.dossier + 1, message.number);
            assert!(!is_of_its_dossier(&schedule, message.number, body.as_bytes()), "{body}");
        }
    }
}
