//! Declared peers: systems that need no code of ours, only a folder of data.
//!
//! The dialect is the name of the folder. What stands in it and is read here is `peer.yaml`: how this system is called, how it calls, what
//! its answers mean and how it is shown who we are; doors, contracts and mappings are read by those who read everybody's. A delivery is one
//! call, with a look-up where nobody knows whether it arrived.
//!
//! Deliberately absent: conditions and loops. A system that needs an `if` needs an adapter. What can be declared stands in `spec`, made of
//! `sheet` (words with their lines) and `template` (texts with holes); the rest is as in every adapter.

mod contracts;
mod door;
mod faults;
mod feed;
mod inbound;
mod outbound;
mod secret;
mod session;
mod sheet;
mod simulator;
mod spec;
mod template;
mod way;

use std::sync::Arc;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Feed, FeedSpec, Heard, Keys, Marks, Page,
    Receipt, Request, Session, Signed, Simulator, Transcript, Turn, Verdict,
};
use gateway_core::fault::{Defect, Fault, nearest};
use gateway_core::ids::{Account, Moment};

use crate::Files;
use crate::settings::{Reader, defect, sound};

/// None that the program knows: each folder is one.
pub(crate) const DIALECTS: &[&str] = &[];
/// The folder of all of them, below `mappings/` and `schemas/` and beside them in an overlay.
pub(crate) const FOLDER: &str = "declared";

/// The embassy at a declared peer.
struct Declared {
    peer: spec::Peer,
}

pub(crate) fn build(
    dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    sound(((), Reader::new(settings).finish()))?;
    Ok(Arc::new(Declared { peer: read(dialect, files)? }))
}

fn read(dialect: &str, files: &Files) -> Result<spec::Peer, Vec<Defect>> {
    let path = format!("{FOLDER}/{dialect}/peer.yaml");
    let bytes = files.get(&path).ok_or_else(|| {
        let inside = files.keys().filter_map(|path| path.strip_prefix(FOLDER)?.strip_prefix('/'));
        let known = inside.filter_map(|path| path.strip_suffix("/peer.yaml"));
        let message = format!("there is no folder {FOLDER}/{dialect} with a peer.yaml in the overlay");
        vec![Defect {
            field: "dialect".to_owned(),
            ..defect("", message).near(nearest(dialect, known)).into()
        }]
    })?;
    let channels = files.get(&format!("{FOLDER}/{dialect}/channels.yaml")).map(Vec::as_slice);
    spec::Peer::read(dialect, bytes, channels)
}

/// Everything that is wrong with a folder; what its places say of documents only where contracts and mappings are known.
pub(crate) fn examine(dialect: &str, files: &Files, known: Option<&crate::Compiled>) -> Vec<Defect> {
    let path = format!("{FOLDER}/{dialect}/peer.yaml");
    if !files.contains_key(&path) {
        let message = "the file is missing: it says how this system is called and what its answers mean".to_owned();
        let (file, field) = (format!("mappings/{path}"), String::new());
        return vec![Defect { file, line: 0, field, message, nearest: None }];
    }
    let mut found = match read(dialect, files) {
        Ok(peer) => known.map(|known| contracts::defects(&peer, known)).unwrap_or_default(),
        Err(found) => found,
    };
    found.extend(simulator_of(dialect, files).err().into_iter().flatten());
    found
}

/// None without its examples.
pub(crate) fn simulator(_dialect: &str, _settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    None
}

/// The other side as its example files tell it; none if there are none, or something is wrong with one.
pub(crate) fn simulator_of(dialect: &str, files: &Files) -> Result<Option<Box<dyn Simulator>>, Vec<Defect>> {
    let found = simulator::Examples::read(dialect, files)?;
    Ok(found.map(|examples| Box::new(examples) as Box<dyn Simulator>))
}

impl Adapter for Declared {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(&self.peer, arrival)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::reply(&self.peer, arrival, said)
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        outbound::turn(&self.peer, talk)
    }

    fn learn(&self, exchange: &Exchange) -> Marks {
        outbound::lesson(&self.peer, exchange)
    }

    fn read_back(&self, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
        outbound::read_back(&self.peer, talk, lost)
    }

    fn feeds(&self) -> Vec<FeedSpec> {
        self.peer.feed.iter().map(feed::Source::offered).collect()
    }

    fn poll(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        feed::page(&self.peer, feed, transcript)
    }

    fn log_in(
        &self,
        account: &Account,
        keys: &Keys,
        transcript: &Transcript,
        at: Moment,
    ) -> Result<Turn<Session>, Fault> {
        match transcript.last() {
            None => session::call(&self.peer, account, keys).map(Turn::Call),
            Some(exchange) => session::session(&self.peer, &exchange.answer, at).map(Turn::Done),
        }
    }

    fn accounts(&self) -> Vec<Account> {
        self.peer.auth.account().into_iter().collect()
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        session::sign(&self.peer, request, keys)
    }

    fn endpoints(&self) -> Vec<String> {
        self.peer.endpoints()
    }

    fn secrets(&self) -> Vec<String> {
        self.peer.auth.secrets()
    }
}
