//! PayGov, the payment platform of the information ministry, reached through an LGSP: a request with a checksum, a token for the LGSP, and
//! a callback with a checksum. It has no question about a payment that is public, so a callback that gets lost is found by a person.

mod faults;
mod inbound;
mod outbound;
mod session;
mod settings;
mod simulator;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Ask, Conversation, Fate, Heard, Keys, Receipt, Request, Session, Signed, Transcript, Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::{Account, Moment};

use super::outcomes::Outcomes;
pub(super) use settings::Settings;

/// The embassy.
pub(super) struct PayGov {
    settings: Settings,
    outcomes: Outcomes,
}

impl PayGov {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        PayGov { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::PayGovSim {
    simulator::PayGovSim::new(settings)
}

impl Adapter for PayGov {
    fn vouches(&self, ask: &Ask, keys: &Keys) -> Option<bool> {
        Some(self.holds(ask, keys))
    }

    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        inbound::receive(arrival)
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::reply(said)
    }

    fn reference(&self, number: &str) -> String {
        format!("{}{number}", self.settings.order_prefix)
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn log_in(
        &self,
        _account: &Account,
        keys: &Keys,
        transcript: &Transcript,
        at: Moment,
    ) -> Result<Turn<Session>, Fault> {
        match transcript.last() {
            None => self.token_call(keys).map(Turn::Call),
            Some(exchange) => self.token(&exchange.answer, at).map(Turn::Done),
        }
    }

    fn accounts(&self) -> Vec<Account> {
        vec![Account::from(super::wire::ACCOUNT)]
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        self.signed(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        session::SECRETS.iter().map(|name| (*name).to_owned()).collect()
    }

    fn endpoints(&self) -> Vec<String> {
        vec![super::wire::ENDPOINT.to_owned()]
    }
}
