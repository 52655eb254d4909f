//! One-stop-shop software of a province: most of it calls, and we listen and answer; some of it is called.
//!
//! Three dialects only listen, and carry the same two messages: `relay` (a bare JSON array, as provincial wrappers take it), `envelope` (the
//! portal's own interface, so that software built for the portal changes one address) and `xml`. Each frames a call into
//! items and words the answer in its own envelope; what the three share stands here: what a call says about all its items
//! ([`call`]), and what the fates of its items mean for the answer ([`verdict`]).
//!
//! `relay` is also given what the portal pushes. `igate` is only called: told of dossiers, and asked for what changed. `opencps` goes both
//! ways: it publishes its dossiers in its own form, and is brought those of the portal. What the answers of all three mean is read by
//! [`outcomes`].
//!
//! Deliberately absent: validation, translation, keys and sessions of callers (the door's).

mod call;
mod envelope;
mod igate;
mod outcomes;
mod opencps;
mod relay;
mod verdict;
mod xml;

use std::sync::Arc;

use gateway_core::adapter::{Adapter, Answer, Arrival, Conversation, Fate, Heard, Receipt, Simulator, Turn};
use gateway_core::fault::{Blame, Defect, Fault, Remedy};

use crate::Files;
use crate::settings::{Reader, both, sound};
use outcomes::Outcomes;

pub(crate) const DIALECTS: &[&str] = &["relay", "envelope", "xml", "igate", "opencps"];

pub(crate) fn build(
    dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let no_settings = |adapter: Arc<dyn Adapter>| sound((adapter, Reader::new(settings).finish()));
    match dialect {
        "envelope" => Ok(Arc::new(envelope::Envelope::new(envelope::Settings::read(settings)?))),
        "igate" => {
            let (settings, outcomes) = both(sound(igate::Settings::gather(settings)), Outcomes::read(files, dialect, &igate::FAMILY))?;
            Ok(Arc::new(igate::Igate::new(settings, outcomes)))
        }
        "opencps" => Ok(Arc::new(opencps::OpenCps::build(settings, files)?)),
        "xml" => no_settings(Arc::new(xml::XML)),
        _ => Ok(Arc::new(relay::Relay::new(settings, files)?)),
    }
}

/// A dialect in which everything stands in the call: it is framed, it is answered, and that is all.
struct Framed {
    receive: fn(&Arrival) -> Result<Heard, Fault>,
    reply: fn(&Arrival, Result<&[Fate], &Fault>) -> Answer,
}

impl Adapter for Framed {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        (self.receive)(arrival)
    }

    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        (self.reply)(arrival, said)
    }

    fn next_turn(&self, _talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        Err(inbound_only())
    }
}

/// The other side of software that is called; none for software that calls and is never called.
pub(crate) fn simulator(dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    match dialect {
        "igate" => Some(Box::new(igate::simulator(settings))),
        "relay" => Some(relay::simulator(settings)),
        "opencps" => Some(Box::new(opencps::simulator(settings))),
        _ => None,
    }
}

/// What a subscription that leads here gets: the message is held until the subscription is mended.
fn inbound_only() -> Fault {
    Fault::new(
        "onestop.inbound-only",
        Blame::Gateway,
        Remedy::Correct,
        "phần mềm một cửa này không nhận loại thông điệp đó; hãy sửa cấu hình đăng ký nhận",
    )
}
