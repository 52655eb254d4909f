//! One-stop-shop software that orders by our own clean JSON and is told what becomes of a shipment.
//!
//! Inbound: `…/postal/orders`, `…/postal/orders/cancel`, `…/postal/orders/correct`, `…/postal/price` (a question). One call is one
//! order. Outbound: a confirmed change of a shipment is posted to the software, which alone decides whether the dossier goes from 9 to
//! 10: the portal hears of that from it, never from here.
//!
//! Deliberately absent: validation and translation, keys (the door's), batches.

mod faults;
mod inbound;
mod outbound;
mod settings;
mod simulator;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Fate, Heard, Keys, Receipt, Request, Signed, Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::Moment;

use super::outcomes::Outcomes;
pub(super) use settings::Settings;

/// The embassy.
pub(super) struct Desk {
    settings: Settings,
    outcomes: Outcomes,
}

impl Desk {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        Desk { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::DeskSim {
    simulator::DeskSim::new(settings)
}

impl Adapter for Desk {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(arrival)
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::reply(said)
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        self.signed(request, keys)
    }

    fn endpoints(&self) -> Vec<String> {
        vec![super::wire::ENDPOINT.to_owned()]
    }
}
