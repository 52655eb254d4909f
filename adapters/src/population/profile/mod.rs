//! The way out to the population database, whatever stands before it.
//!
//! A profile says how a question is asked there and how its answer is read; a peer's settings may override any word of it. So
//! a province with another platform writes a file, not code. A question is one call that may be repeated: it changes nothing.
//! What the words of a profile mean stands in `settings`, how a body is made of them in `fields`, how answers are read in
//! `answer`, what else may come instead in `faults`, keys and tokens in `session`, the other side in `simulator`.

mod answer;
mod faults;
mod fields;
mod layers;
mod names;
mod outbound;
mod session;
mod settings;
mod simulator;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Fate, Heard, Keys, Receipt, Request, Session, Signed, Transcript,
    Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::{Account, Moment};
use serde_json::json;

pub(super) use settings::Settings;
pub(super) use simulator::Simulator;

/// The embassy at one platform.
pub(super) struct Profile {
    settings: Settings,
}

impl Profile {
    /// With these settings.
    pub(super) fn new(settings: Settings) -> Self {
        Profile { settings }
    }
}

impl Adapter for Profile {
    fn receive(&self, _arrival: &Arrival) -> Result<Heard, Fault> {
        Err(Fault::sender("door.not-found", "CSDLQG về dân cư không gửi đến địa chỉ này"))
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        let words = said.err().map_or("không có kết quả", |fault| fault.words.as_str());
        Answer::json(404, &json!({ "message": words }))
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        outbound::turn(&self.settings, talk)
    }

    fn log_in(
        &self,
        account: &Account,
        keys: &Keys,
        transcript: &Transcript,
        at: Moment,
    ) -> Result<Turn<Session>, Fault> {
        match transcript.last() {
            None => session::call(&self.settings, account, keys).map(Turn::Call),
            Some(exchange) => session::session(&self.settings, &exchange.answer, at).map(Turn::Done),
        }
    }

    fn accounts(&self) -> Vec<Account> {
        outbound::account(&self.settings).into_iter().collect()
    }

    fn sign(&self, request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
        session::sign(&self.settings, request, keys, at)
    }

    fn secrets(&self) -> Vec<String> {
        session::secrets(&self.settings)
    }

    fn endpoints(&self) -> Vec<String> {
        let log_in = outbound::account(&self.settings).map(|_| self.settings.token.endpoint.clone());
        let own = outbound::ENDPOINT.to_owned();
        std::iter::once(own.clone()).chain(log_in.filter(|endpoint| *endpoint != own)).collect()
    }
}
