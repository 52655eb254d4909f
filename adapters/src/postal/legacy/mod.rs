//! VNPost's "điều tin" interface of 2016: orders in JSON, what became of them as `PostalAcceptance` and `PostalDelivery` in XML or JSON.
//!
//! The token stands in the query of every call: `sign` alone puts it there, and it is never written down. Deliveries and acceptances are
//! fetched by a number that counts up; the same documents may be posted to us in XML. An acceptance is the one place that shows our order
//! number beside the number of the item. Letter case and several paths are not verified anywhere, so they are read tolerantly and set.

mod faults;
mod feed;
mod inbound;
mod outbound;
mod settings;
mod simulator;
mod xml;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Feed, FeedSpec, Heard, Keys, Marks, Page, Receipt,
    Request, Signed, Transcript, Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::Moment;

use super::outcomes::Outcomes;
pub(super) use settings::Settings;

/// The embassy.
pub(super) struct Legacy {
    settings: Settings,
    outcomes: Outcomes,
}

impl Legacy {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        Legacy { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::LegacySim {
    simulator::LegacySim::new(settings)
}

impl Adapter for Legacy {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        self.hear(arrival)
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::answer(said)
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
        self.page(feed, transcript)
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
