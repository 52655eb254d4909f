//! One-stop-shop software of a province: it calls, we listen and answer.
//!
//! Three dialects carry the same two messages: `relay` (a bare JSON array, as provincial wrappers take it), `envelope` (the
//! portal's own interface, so that software built for the portal changes one address) and `xml`. Each frames a call into
//! items and words the answer in its own envelope; what the three share stands here: what a call says about all its items
//! ([`call`]), and what the fates of its items mean for the answer ([`verdict`]).
//!
//! Deliberately absent: validation, translation, keys and sessions (the door's), and the outbound way: this software is not called.

mod call;
mod envelope;
mod relay;
mod verdict;
mod xml;

use std::sync::Arc;

use gateway_core::adapter::{Adapter, Answer, Arrival, Conversation, Fate, Heard, Receipt, Simulator, Turn};
use gateway_core::fault::{Blame, Defect, Fault, Remedy};

use crate::Files;
use crate::settings::{Reader, sound};

pub(crate) const DIALECTS: &[&str] = &["relay", "envelope", "xml"];

pub(crate) fn build(
    dialect: &str,
    settings: &toml::Table,
    _files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let no_settings = |adapter: Arc<dyn Adapter>| sound((adapter, Reader::new(settings).finish()));
    match dialect {
        "envelope" => Ok(Arc::new(envelope::Envelope::new(envelope::Settings::read(settings)?))),
        "xml" => no_settings(Arc::new(xml::XML)),
        _ => no_settings(Arc::new(relay::RELAY)),
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

/// None: this software calls and is never called.
pub(crate) fn simulator(_dialect: &str, _settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    None
}

/// What a subscription that leads here gets: the message is held until the subscription is mended.
fn inbound_only() -> Fault {
    Fault::new(
        "onestop.inbound-only",
        Blame::Gateway,
        Remedy::Correct,
        "phần mềm một cửa chỉ gửi đến, không nhận thông điệp; hãy sửa cấu hình đăng ký nhận",
    )
}
