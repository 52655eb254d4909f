//! The population question in clean JSON of our own: the path says what is asked, the answer is the canonical one.
//!
//! For software that is written anew. Faults are problem documents (RFC 9457), with every place that is wrong.

mod inbound;

use gateway_core::adapter::{Adapter, Answer, Arrival, Conversation, Fate, Heard, Receipt, Turn};
use gateway_core::fault::Fault;

/// The embassy. It has no settings: everything stands in the call.
pub(super) struct Citizen;

impl Adapter for Citizen {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(arrival)
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::reply(said)
    }

    fn next_turn(&self, _talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        Err(super::inbound_only())
    }
}
