//! The order of the public sector (`hcc-order/1`): 17 fields, carried by NGSP, by an LGSP or by a relay.
//!
//! One body, four transports, told apart by the setting `transport`. Orders are made under a fixed number; cancelling is a GET with an
//! effect; what becomes of shipments stands in one feed of the whole customer, read by a cursor. There is no webhook.
//! Facts from the vendor's SDK and from deployed code; what neither shows is a setting (README.md of the family).

mod faults;
mod feed;
mod outbound;
mod session;
mod settings;
mod simulator;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Feed, FeedSpec, Heard, Keys, Marks, Page, Receipt,
    Request, Session, Signed, Transcript, Turn,
};
use gateway_core::fault::Fault;
use gateway_core::ids::{Account, Moment};
use serde_json::json;

use super::outcomes::Outcomes;
pub(super) use settings::Settings;

/// The embassy.
pub(super) struct Hcc {
    settings: Settings,
    outcomes: Outcomes,
}

impl Hcc {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        Hcc { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::HccSim {
    simulator::HccSim::new(settings)
}

impl Adapter for Hcc {
    fn receive(&self, _arrival: &Arrival) -> Result<Heard, Fault> {
        Err(Fault::sender("door.not-found", "dịch vụ HCC không gửi đến địa chỉ này"))
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        let words = said.err().map_or("không có kết quả", |fault| fault.words.as_str());
        Answer::json(404, &json!({ "Status": -1, "Message": words }))
    }

    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        self.turn(talk)
    }

    fn learn(&self, exchange: &Exchange) -> Marks {
        self.lesson(exchange)
    }

    fn feeds(&self) -> Vec<FeedSpec> {
        self.offered()
    }

    fn poll(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        self.page(feed, transcript)
    }

    fn log_in(
        &self,
        account: &Account,
        keys: &Keys,
        transcript: &Transcript,
        at: Moment,
    ) -> Result<Turn<Session>, Fault> {
        match transcript.last() {
            None => self.token_call(account, keys).map(Turn::Call),
            Some(exchange) => self.token(&exchange.answer, at).map(Turn::Done),
        }
    }

    fn accounts(&self) -> Vec<Account> {
        if self.logs_in() { vec![Account::from(crate::postal::wire::ACCOUNT)] } else { Vec::new() }
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        self.signed(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        self.needed_secrets()
    }

    fn endpoints(&self) -> Vec<String> {
        vec![super::wire::ENDPOINT.to_owned()]
    }
}
