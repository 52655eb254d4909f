//! The provincial wrapper's shape: a bare JSON array in the body, the unit and create-or-update in the query.
//!
//! The answer is an envelope like the portal's, with a line for each item. Where its entry has an address and names the kinds in
//! `receives`, such software is also given what the portal pushes, in the portal's own words (`outbound`), and what it answers is
//! judged by `mappings/onestop/outcomes.yaml` (`faults`). Papers that stand as addresses in there it fetches from us, where its entry has
//! a `public_url`.

mod faults;
mod inbound;
mod outbound;
mod settings;
mod simulator;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Fate, Heard, Keys, Receipt, Request, Signed, Simulator, Turn,
};
use gateway_core::fault::{Defect, Fault};
use gateway_core::ids::Moment;

use super::outcomes::Outcomes;
use crate::Files;
use crate::settings::both;
use crate::wire::download;
pub(super) use faults::FAMILY;
use settings::Settings;

/// The embassy.
pub(super) struct Relay {
    settings: Settings,
    outcomes: Outcomes,
}

impl Relay {
    /// Reads its settings and its table, or says everything that is wrong with both.
    pub(super) fn new(settings: &toml::Table, files: &Files) -> Result<Relay, Vec<Defect>> {
        let (settings, outcomes) = both(Settings::read(settings), Outcomes::read(files, "relay", &FAMILY))?;
        Ok(Relay { settings, outcomes })
    }
}

/// The software that is given what the portal pushes.
pub(super) fn simulator(settings: &toml::Table) -> Box<dyn Simulator> {
    Box::new(simulator::RelaySim::new(settings))
}

impl Adapter for Relay {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        download::heard(arrival).map_or_else(|| inbound::receive(arrival), Ok)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        download::answered(arrival, said).unwrap_or_else(|| inbound::reply(arrival, said))
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        self.signed(request, keys)
    }

    fn endpoints(&self) -> Vec<String> {
        vec![outbound::ENDPOINT.to_owned()]
    }
}
