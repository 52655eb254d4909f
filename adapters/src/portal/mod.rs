//! The national public service portal, reached through the province's X-Road adapter.
//!
//! One envelope, one address for nearly everything; the body's `service` says what is meant. Dossiers and progress go up,
//! questions are passed on. Everything the portal's answers may mean stands in `mappings/portal/outcomes.yaml` and is read by
//! `faults`; how a delivery goes on from there stands in `outbound`; sessions in `session`; the portal's other side in `simulator`.
//!
//! Deliberately absent: what the portal pushes to the province. Its form of 2025 is not public.

mod faults;
mod outbound;
mod session;
mod settings;
mod simulator;
mod wire;

use std::sync::Arc;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Heard, Keys, Marks, Receipt, Request, Session,
    Signed, Simulator, Transcript, Turn, Verdict,
};
use gateway_core::fault::{Defect, Fault};
use gateway_core::ids::{Account, Moment};
use serde_json::json;

use crate::Files;
use crate::settings::both;
use faults::Outcomes;
use settings::Settings;

pub(crate) const DIALECTS: &[&str] = &["envelope"];

pub(crate) fn build(
    _dialect: &str,
    settings: &toml::Table,
    files: &Files,
) -> Result<Arc<dyn Adapter>, Vec<Defect>> {
    let (settings, outcomes) = both(Settings::read(settings), Outcomes::read(files))?;
    Ok(Arc::new(Portal { settings, outcomes }))
}

pub(crate) fn simulator(_dialect: &str, settings: &toml::Table) -> Option<Box<dyn Simulator>> {
    Some(Box::new(simulator::PortalSim::new(settings)))
}

/// The embassy at the portal.
struct Portal {
    settings: Settings,
    outcomes: Outcomes,
}

impl Adapter for Portal {
    fn receive(&self, _arrival: &Arrival) -> Result<Heard, Fault> {
        Err(Fault::sender("door.not-found", "Cổng DVCQG không gửi đến địa chỉ này"))
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        let words = said.err().map_or("không có kết quả", |fault| fault.words.as_str());
        Answer::json(404, &json!({ "error_code": "-1", "message": words }))
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn learn(&self, exchange: &Exchange) -> Marks {
        self.lesson(exchange)
    }

    fn read_back(&self, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
        self.look_back(talk, lost)
    }

    fn log_in(
        &self,
        account: &Account,
        keys: &Keys,
        transcript: &Transcript,
        at: Moment,
    ) -> Result<Turn<Session>, Fault> {
        match transcript.last() {
            None => self.log_in_call(account, keys).map(Turn::Call),
            Some(exchange) => self.session(&exchange.answer, account, keys, at).map(Turn::Done),
        }
    }

    fn accounts(&self) -> Vec<Account> {
        self.settings.all_accounts()
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        session::sign(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        self.needed_secrets()
    }
}
