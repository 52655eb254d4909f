//! VNPT-iGATE: told by the six steps of its dossier interface, and asked for what changed there.
//!
//! Being told: a token, a number, the papers one by one, then the dossier itself (`NoiHoSo`); its progress and its state are deliveries of
//! their own, so that each makes one call at most whose effect counts once. Being asked: the search of its dossiers, newest first, read
//! down to where it was read before ([`feed`]). The two are different interfaces with accounts of their own, and a peer may have either
//! alone. Addresses are settings, because the paths of the six steps are not public.

mod cursor;
mod faults;
mod feed;
mod frame;
mod outbound;
mod papers;
mod session;
mod settings;
mod simulator;
mod wire;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Conversation, Exchange, Fate, Feed, FeedSpec, Heard, Keys, Marks, Page, Receipt,
    Request, Session, Signed, Transcript, Turn, Verdict,
};
use gateway_core::fault::Fault;
use gateway_core::ids::{Account, Moment};
use serde_json::json;

use super::outcomes::Outcomes;
pub(super) use faults::FAMILY;
pub(super) use settings::Settings;

/// The embassy.
pub(super) struct Igate {
    settings: Settings,
    outcomes: Outcomes,
}

impl Igate {
    pub(super) fn new(settings: Settings, outcomes: Outcomes) -> Self {
        Igate { settings, outcomes }
    }
}

pub(super) fn simulator(settings: &toml::Table) -> simulator::IgateSim {
    simulator::IgateSim::new(settings)
}

impl Adapter for Igate {
    fn receive(&self, _arrival: &Arrival) -> Result<Heard, Fault> {
        Err(Fault::sender("door.not-found", "iGATE không gửi đến địa chỉ này"))
    }

    fn reply(&self, _arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
        let words = said.err().map_or("không có kết quả", |fault| fault.words.as_str());
        Answer::json(404, &json!({ "code": 404, "message": words }))
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
        self.used_accounts()
    }

    fn sign(&self, request: &Request, keys: &Keys, _at: Moment) -> Result<Signed, Fault> {
        self.signed(request, keys)
    }

    fn secrets(&self) -> Vec<String> {
        ["client_id", "client_secret"].map(str::to_owned).into()
    }

    fn endpoints(&self) -> Vec<String> {
        let Settings { search_endpoint, realm_endpoint, files_endpoint, .. } = &self.settings;
        let mut called = vec![Settings::ENDPOINT.to_owned()];
        let further = [search_endpoint, realm_endpoint, files_endpoint].into_iter().filter(|name| !name.is_empty());
        called.extend(further.cloned());
        called.sort();
        called.dedup();
        called
    }
}
