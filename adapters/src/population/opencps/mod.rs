//! The population question as OpenCPS asks it: one JSON object, the operation in `type`, the answer a SOAP answer turned to JSON.
//!
//! Two paths are in use, of 2021 and of 2023; they differ in how a verification is answered. Errors are HTTP 400 with a code of
//! three digits, as OpenCPS's own adapter gives them.

mod inbound;
mod settings;

use gateway_core::adapter::{Adapter, Answer, Arrival, Ask, Conversation, Fate, Heard, Licensed, Receipt, Turn};
use gateway_core::fault::Fault;

pub(super) use settings::Settings;

/// The embassy.
pub(super) struct OpenCps {
    settings: Settings,
}

impl OpenCps {
    /// Of one peer with these settings.
    pub(super) fn new(settings: Settings) -> Self {
        OpenCps { settings }
    }
}

impl Adapter for OpenCps {
    fn describe(&self, ask: &Ask, licensed: &Licensed<'_>) -> Option<Answer> {
        inbound::probe(&self.settings, ask, licensed)
    }

    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(arrival)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::reply(&self.settings, arrival, said)
    }

    fn next_turn(&self, _talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        Err(super::inbound_only())
    }
}
