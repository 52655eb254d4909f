//! EMS for merchants, in both versions that are documented.
//!
//! Orders go out under our own `order_code`; tracking is asked for item by item; EMS calls us for every change and signs nothing, so such
//! a call is a hint that only a question of ours confirms. Which version a call is in is told by its keys (`tracking_code`,
//! `TrackingCode`), because the address need not say. The token of the account stands in the query of every call: it is put there by
//! `sign` alone and never written down.

mod faults;
mod feed;
mod inbound;
mod outbound;
mod settings;
mod simulator;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Feed, FeedSpec, Heard, Keys, Marks, Page, Receipt,
    Request, Signed, Transcript, Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::Moment;

use super::outcomes::Outcomes;
pub(super) use settings::Settings;

/// The embassy.
pub(super) struct Ems {
    settings: Settings,
    outcomes: Outcomes,
}

impl Ems {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        Ems { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::EmsSim {
    simulator::EmsSim::new(settings)
}

impl Adapter for Ems {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        self.hear(arrival)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::answer(arrival, said)
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn learn(&self, exchange: &Exchange) -> Marks {
        self.lesson(exchange)
    }

    fn feeds(&self) -> Vec<FeedSpec> {
        self.offered()
    }

    fn poll(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        self.history(feed, transcript)
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        outbound::signed(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        vec![outbound::TOKEN.to_owned()]
    }

    fn endpoints(&self) -> Vec<String> {
        vec![super::wire::ENDPOINT.to_owned()]
    }
}
