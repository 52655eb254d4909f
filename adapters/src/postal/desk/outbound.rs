//! Tells the software of a confirmed change. May be repeated: the `idempotency-key` is the message's own id.

use gateway_core::adapter::{Conversation, Keys, Receipt, Request, Secret, Signed, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Account;

use super::Desk;
use crate::kinds::POSTAL_STATUS_CHANGED;
use crate::postal::order::not_taken;
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, Call, pair};

impl Desk {
    /// The one call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        if talk.message.kind.as_str() != POSTAL_STATUS_CHANGED {
            return Err(not_taken(talk.message.kind.as_str()));
        }
        let reference = talk.message.id.to_string();
        let Some(last) = talk.transcript.last() else {
            let call = Call {
                step: "status",
                method: "POST",
                path: &self.settings.status_path,
                query: Vec::new(),
                headers: vec![pair("idempotency-key", &reference)],
                body: Some(talk.message.document.clone()),
                account: false,
            };
            return Ok(Turn::Call(call.request()));
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference, ..Receipt::default() })),
            Outcome::Failed(fault) | Outcome::Exists(fault) => Err(fault),
            Outcome::Pending => {
                Err(Fault::new("postal.unclear", Blame::Peer, Remedy::Unclear, "chưa hiểu được câu trả lời"))
            }
        }
    }

    /// With the key `token`, if there is one: software in the same machine room often asks for none.
    pub(super) fn signed(&self, request: &Request, keys: &Keys) -> Result<Signed, Fault> {
        let mut ask = request.ask.clone();
        if let Some(token) = keys.of(&Account::from(wire::ACCOUNT), "token").map(Secret::reveal) {
            ask.headers.push(pair("authorization", &format!("Bearer {token}")));
        }
        Ok(Signed::new(ask))
    }
}
