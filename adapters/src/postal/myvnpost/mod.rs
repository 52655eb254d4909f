//! MyVNPost: VNPost's interface for customers with a contract.
//!
//! A token in the header `token`, orders, prices, cancellations and corrections that are granted only later, the history of one item, and
//! calls in batches.
//! Such a call carries a signature that proves nothing: it covers four values of the first record alone, and the vendor's sample makes it
//! with the public key, which anybody may hold. So it is not looked at, every event of a call is a hint, and only a question of ours
//! confirms it. Letter case of keys drifts between operations; answers hide names and telephones behind `+`.

mod faults;
mod feed;
mod inbound;
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

use super::outcomes::Outcomes;
pub(super) use settings::Settings;

/// The fields of a record that its contract names, in its letter case.
const FIELDS: [&str; 17] = [
    "itemCode",
    "originalItemCode",
    "orderHdrId",
    "originalId",
    "saleOrderCode",
    "serviceCode",
    "receiverName",
    "receiverPhone",
    "receiverAddress",
    "reason",
    "orgCodeAccept",
    "statusName",
    "statusDate",
    "contentNote",
    "status",
    "totalFee",
    "codAmount",
];

/// Those of them that are amounts.
const AMOUNTS: [&str; 2] = ["totalFee", "codAmount"];

/// The embassy.
pub(super) struct MyVnPost {
    settings: Settings,
    outcomes: Outcomes,
}

impl MyVnPost {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        MyVnPost { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::MyVnPostSim {
    simulator::MyVnPostSim::new(settings)
}

impl Adapter for MyVnPost {
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault> {
        self.hear(arrival)
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        inbound::answer(said)
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
        self.history(feed, transcript)
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
        vec![Account::from(crate::postal::wire::ACCOUNT)]
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        session::signed(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        vec!["username".to_owned(), "password".to_owned()]
    }

    fn endpoints(&self) -> Vec<String> {
        vec![super::wire::ENDPOINT.to_owned()]
    }
}
