//! The provincial wrapper's shape: a bare JSON array in the body, the unit and create-or-update in the query.
//!
//! The answer is an envelope like the portal's, with a line for each item.

mod inbound;

use gateway_core::adapter::{Adapter, Answer, Arrival, Conversation, Fate, Heard, Receipt, Turn};
use gateway_core::fault::Fault;

/// The embassy. It has no settings: everything stands in the call.
pub(super) struct Relay;

impl Adapter for Relay {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(arrival)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::reply(arrival, said)
    }

    fn next_turn(&self, _talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        Err(super::inbound_only())
    }
}
