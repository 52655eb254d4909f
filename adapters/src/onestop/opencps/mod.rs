//! OpenCPS v2 and v3, both ways: it publishes its dossiers to us, and is given what was submitted on the portal.
//!
//! Inbound four calls: `dossiers/publish` and `dossiers/inform/{referenceUid}` in the form of its own REST interface (a form with JSON in
//! some of its fields), `Document/SyncDocument` and `Document/UpdateDocumentTraces` in the form in which it speaks to a provincial
//! platform (JSON or XML). Outbound its REST interface: forms and files, under the header `groupId`, Basic or Bearer; papers that are told to
//! it by address it fetches from us, where its entry has a `public_url`. What the documents of
//! its public code do not show is a setting or a row of a table; guesses are named in the README of the family.
//!
//! Deliberately absent: polling, because it calls by itself, and its first version, which spoke serialised Java objects.

mod faults;
mod frame;
mod inbound;
mod outbound;
mod reply;
mod settings;
mod simulator;
mod submission;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Heard, Keys, Marks, Receipt, Request, Signed,
    Turn, Verdict,
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
pub(super) struct OpenCps {
    settings: Settings,
    outcomes: Outcomes,
}

impl OpenCps {
    /// Of one peer with these settings and the table of its answers.
    pub(super) fn build(settings: &toml::Table, files: &Files) -> Result<OpenCps, Vec<Defect>> {
        let (settings, outcomes) = both(Settings::read(settings), Outcomes::read(files, "opencps", &FAMILY))?;
        Ok(OpenCps { settings, outcomes })
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::OpenCpsSim {
    simulator::OpenCpsSim::new(settings)
}

impl Adapter for OpenCps {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        download::heard(arrival).map_or_else(|| self.hear(arrival), Ok)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        download::answered(arrival, said).unwrap_or_else(|| reply::answer(arrival, said))
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn learn(&self, exchange: &Exchange) -> Marks {
        self.lesson(exchange)
    }

    fn read_back(&self, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
        self.look_back(talk, lost)
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        self.signed(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        self.needed_secrets()
    }

    fn endpoints(&self) -> Vec<String> {
        vec![outbound::ENDPOINT.to_owned()]
    }
}
