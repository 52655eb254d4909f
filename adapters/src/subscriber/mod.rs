//! Whoever subscribed to facts of the gateway: an address that is told of each by a webhook.
//!
//! The form is Standard Webhooks (version 1 of its specification, the public one): JSON by `POST`, with `webhook-id` (our message's id, the
//! same on every retry and on every replay), `webhook-timestamp` (seconds since 1970) and `webhook-signature`
//! (`v1,<base64 of HMAC-SHA256 over id.timestamp.body>`, one for each active key). Time and signature are put on just before the wire
//! (`signature`), so nothing that is stored depends on either. What an answer means stands in `faults`.
//!
//! Deliberately absent: anything that a subscriber could ask us.

mod faults;
mod outbound;
mod settings;
mod signature;
mod simulator;

use std::sync::Arc;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Fate, Heard, Keys, Patience, Receipt, Request, Signed, Simulator, Turn,
};
use gateway_core::fault::{Defect, Fault};
use gateway_core::ids::Moment;
use serde_json::json;

use crate::Files;
use settings::Settings;

pub(crate) const DIALECTS: &[&str] = &["standard-webhooks"];

/// The pauses of the specification's example begin with seconds and end with hours; three days in all.
const PATIENCE: Patience =
    Patience { pause_ms_min: 5_000, pause_ms_max: 8 * 3_600_000, give_up_ms: 72 * 3_600_000 };

pub(crate) fn build(
    _dialect: &str,
    settings: &toml::Table,
    _files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    Ok(Arc::new(Subscriber { settings: Settings::read(settings)? }))
}

pub(crate) fn simulator(_dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    Some(Box::new(simulator::SubscriberSim::new(settings)))
}

/// The embassy.
struct Subscriber {
    settings: Settings,
}

impl Adapter for Subscriber {
    fn receive(&self, _arrival: &Arrival) -> Result<Heard, Fault> {
        Err(Fault::sender("door.not-found", "bên đăng ký nhận tin không gửi đến địa chỉ này"))
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        let words = said.err().map_or("không có kết quả", |fault| fault.words.as_str());
        Answer::json(404, &json!({ "message": words }))
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn sign(&self, request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
        signature::sign(request, keys, at)
    }

    fn patience(&self) -> Patience {
        PATIENCE
    }

    fn bears_repetition(&self) -> bool {
        true
    }

    fn secrets(&self) -> Vec<String> {
        vec![signature::SECRET.to_owned()]
    }

    fn endpoints(&self) -> Vec<String> {
        vec![outbound::ENDPOINT.to_owned()]
    }
}
