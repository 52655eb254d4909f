//! The Payment Platform of the national portal: INIT, CONFIRM, QUERY, GET_BILL, and the portal's look-up of what is due.
//!
//! Every call in either direction is signed: SHA-256 over some of its fields and a secret that both sides know ([`signed`]). The fields
//! and their order differ from call to call, and time and information change places between INIT and CONFIRM. The look-up of what is due
//! is a call of the portal's own, and is not signed.

mod faults;
mod feed;
mod inbound;
mod outbound;
mod settings;
mod signed;
mod simulator;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Ask, Conversation, Fate, Feed, FeedSpec, Heard, Keys, Page, Receipt, Request, Signed,
    Transcript, Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::Moment;

use super::outcomes::Outcomes;
use super::seal;
pub(super) use settings::Settings;

/// The embassy.
pub(super) struct PayPlat {
    settings: Settings,
    outcomes: Outcomes,
}

impl PayPlat {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        PayPlat { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::PayPlatSim {
    simulator::PayPlatSim::new(settings)
}

impl Adapter for PayPlat {
    fn vouches(&self, ask: &Ask, keys: &Keys) -> Option<bool> {
        inbound::vouches(ask, keys)
    }

    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(arrival)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::reply(arrival, said)
    }

    fn seal(&self, answer: Answer, keys: &Keys) -> Answer {
        inbound::sealed(answer, keys, &self.settings)
    }

    fn reference(&self, number: &str) -> String {
        format!("{}{number}", self.settings.partner_code)
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn feeds(&self) -> Vec<FeedSpec> {
        self.offered()
    }

    fn poll(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        self.query(feed, transcript)
    }

    fn sign(&self, request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
        outbound::signed(request, keys, at)
    }

    fn secrets(&self) -> Vec<String> {
        vec![seal::SECRET.to_owned()]
    }

    fn endpoints(&self) -> Vec<String> {
        vec![super::wire::ENDPOINT.to_owned()]
    }
}
