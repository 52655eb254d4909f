//! The population question under our own WSDL, in SOAP 1.1 and 1.2.
//!
//! Document/literal, one element for each operation; the version of a call is that of its answer, fault or not. `?wsdl` tells the
//! description with the address at which it was asked for.

mod answer;
mod inbound;
mod settings;

use gateway_core::adapter::{Adapter, Answer, Arrival, Ask, Conversation, Fate, Heard, Licensed, Receipt, Turn};
use gateway_core::fault::Fault;

pub(super) use settings::Settings;

/// The namespace of everything said here.
const NAMESPACE: &str = "urn:lienthong:population:cong-dan:1";

/// The embassy.
pub(super) struct Soap {
    settings: Settings,
}

impl Soap {
    /// Of one peer with these settings.
    pub(super) fn new(settings: Settings) -> Self {
        Soap { settings }
    }
}

impl Adapter for Soap {
    fn describe(&self, ask: &Ask, _licensed: &Licensed<'_>) -> Option<Answer> {
        inbound::description(&self.settings, ask)
    }

    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(arrival)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        answer::reply(arrival, said)
    }

    fn next_turn(&self, _talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        Err(super::inbound_only())
    }
}
