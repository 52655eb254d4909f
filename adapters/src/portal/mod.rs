//! The national public service portal, reached through the province's X-Road adapter.
//!
//! One envelope, one address for nearly everything; the body's `service` says what is meant. Dossiers and progress go up,
//! questions are passed on. Everything the portal's answers may mean stands in `mappings/portal/outcomes.yaml` and is read by
//! `faults`; how a delivery goes on from there stands in `outbound`; sessions in `session`; the portal's other side in `simulator`.
//!
//! What the portal pushes and asks is framed in `inbound`; which of its services is which kind is data, read by `pushes`.
//! Deliberately absent: the form in which the portal of 2025 pushes ordinary dossiers. It is not public.

mod catalogue;
mod faults;
mod inbound;
mod inquiries;
mod outbound;
mod pushes;
mod session;
mod settings;
mod simulator;
mod wire;

use std::sync::Arc;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Feed, FeedSpec, Heard, Keys, Marks, Page,
    Receipt, Request, Session, Signed, Simulator, Transcript, Turn, Verdict,
};
use gateway_core::catalogue::{CatalogueSpec, Entries};
use gateway_core::fault::{Defect, Fault};
use gateway_core::ids::{Account, Moment};

use crate::Files;
use crate::settings::both;
use crate::wire::download;
use faults::Outcomes;
use pushes::Pushes;
use settings::Settings;

pub(crate) const DIALECTS: &[&str] = &["envelope"];

pub(crate) fn build(
    _dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let tables = both(Outcomes::read(files), both(Pushes::read(files), catalogue::read(files)));
    let (settings, (outcomes, (pushes, catalogues))) = both(Settings::read(settings), tables)?;
    Ok(Arc::new(Portal { settings, outcomes, pushes, catalogues }))
}

pub(crate) fn simulator(_dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    Some(Box::new(simulator::PortalSim::new(settings)))
}

/// The embassy at the portal.
struct Portal {
    settings: Settings,
    outcomes: Outcomes,
    pushes: Pushes,
    catalogues: Vec<catalogue::Catalogue>,
}

impl Adapter for Portal {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        download::heard(arrival).map_or_else(|| self.heard(arrival), Ok)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        download::answered(arrival, said).unwrap_or_else(|| self.answered(arrival, said))
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

    fn log_in(
        &self,
        account: &Account,
        keys: &Keys,
        transcript: &Transcript,
        at: Moment,
    ) -> Result<Turn<Session>, Fault> {
        match transcript.last() {
            None => self.log_in_call(account, keys).map(Turn::Call),
            Some(exchange) => self.session(&exchange.answer, account, keys, at).map(Turn::Done),
        }
    }

    fn feeds(&self) -> Vec<FeedSpec> {
        self.inquiry_feeds()
    }

    fn poll(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        self.inquiries(feed, transcript)
    }

    fn catalogues(&self) -> Vec<CatalogueSpec> {
        self.published()
    }

    fn pull(
        &self,
        catalogue: &str,
        about: Option<&str>,
        transcript: &Transcript,
    ) -> Result<Turn<Entries>, Fault> {
        self.pulled(catalogue, about, transcript)
    }

    fn accounts(&self) -> Vec<Account> {
        self.settings.all_accounts()
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        session::sign(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        self.needed_secrets()
    }

    fn endpoints(&self) -> Vec<String> {
        vec![wire::ENDPOINT.to_owned()]
    }
}
