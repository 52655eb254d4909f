//! The relay's two messages in XML, as the national standard allows it beside JSON.
//!
//! The same paths and query as the relay; the body's root is named as the call, each child is an item. Items stay XML:
//! their schema and mapping read them. The answer is XML too.

mod inbound;
mod wire;

use gateway_core::adapter::{Adapter, Answer, Arrival, Conversation, Fate, Heard, Receipt, Turn};
use gateway_core::fault::Fault;

/// The embassy. It has no settings: everything stands in the call.
pub(super) struct Xml;

impl Adapter for Xml {
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
