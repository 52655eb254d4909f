//! The national monitoring system (EMC), which hears of each action on a dossier.
//!
//! One call for one action, JSON, no log-in. What others send and forget is here a delivery like any other: it waits while the system is
//! away, and has lanes of its own, so nothing else waits for it. What its statuses mean stands in `faults`.
//!
//! Deliberately absent: the script for pages of a web portal, and anything that this system could ask us.

mod faults;
mod outbound;
mod settings;
mod simulator;

use std::sync::Arc;

use gateway_core::adapter::{Adapter, Answer, Arrival, Conversation, Fate, Heard, Receipt, Simulator, Turn};
use gateway_core::fault::{Defect, Fault};
use serde_json::json;

use crate::Files;
use settings::Settings;

pub(crate) const DIALECTS: &[&str] = &["tracking-mcdt"];

pub(crate) fn build(
    _dialect: &str,
    settings: &toml::Table,
    _files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    Ok(Arc::new(Emc { settings: Settings::read(settings)? }))
}

pub(crate) fn simulator(_dialect: &str, _settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    Some(Box::new(simulator::EmcSim::default()))
}

/// The embassy.
struct Emc {
    settings: Settings,
}

impl Adapter for Emc {
    fn receive(&self, _arrival: &Arrival) -> Result<Heard, Fault> {
        Err(Fault::sender("door.not-found", "hệ thống giám sát không gửi đến địa chỉ này"))
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        let words = said.err().map_or("không có kết quả", |fault| fault.words.as_str());
        Answer::json(404, &json!({ "message": words }))
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn endpoints(&self) -> Vec<String> {
        vec![outbound::ENDPOINT.to_owned()]
    }
}
