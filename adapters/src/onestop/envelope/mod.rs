//! The portal's own interface, offered by us: software built for the portal changes one address and nothing else.
//!
//! One path for all calls; the body's `service` says which. A log-in gives a session of ours, which every later body carries.
//! Reports of dossiers become messages; every other service is a question that is passed on to the portal.

mod inbound;
mod settings;

use gateway_core::adapter::{Adapter, Answer, Arrival, Ask, Conversation, Fate, Heard, Receipt, Secret, Turn};
use gateway_core::fault::Fault;

pub(super) use settings::Settings;

/// The embassy.
pub(super) struct Envelope {
    settings: Settings,
}

impl Envelope {
    /// Of one peer with these settings.
    pub(super) fn new(settings: Settings) -> Self {
        Envelope { settings }
    }

    /// Is this the path of a log-in? Only its end counts, because what stands before it is the adapter's own prefix. Asked with
    /// the whole path everywhere, so that no call is let in as a log-in and then heard as something else.
    fn is_log_in(&self, path: &str) -> bool {
        let segments = |path: &str| -> Vec<String> {
            path.split('/').filter(|segment| !segment.is_empty()).map(str::to_ascii_lowercase).collect()
        };
        let wanted = segments(&self.settings.login_path);
        !wanted.is_empty() && segments(path).ends_with(&wanted)
    }
}

impl Adapter for Envelope {
    fn credential(&self, ask: &Ask) -> Result<Option<Secret>, Fault> {
        if self.is_log_in(&ask.path) { Ok(None) } else { inbound::session(ask) }
    }

    fn glimpse(&self, beginning: &Ask) -> Option<Secret> {
        if self.is_log_in(&beginning.path) { None } else { inbound::session_at_the_beginning(beginning) }
    }

    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        if self.is_log_in(&arrival.ask.path) { inbound::log_in(arrival) } else { inbound::receive(arrival) }
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        match said {
            Err(fault) if fault.code == "auth.session" => inbound::session_is_stale(fault),
            said => inbound::reply(arrival, said),
        }
    }

    fn next_turn(&self, _talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        Err(super::inbound_only())
    }
}
