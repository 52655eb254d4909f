//! Tells the software of a payment. May be repeated: the `idempotency-key` is the message's own id.

use gateway_core::adapter::{Conversation, Effect, Keys, Receipt, Request, Secret, Signed, Turn};
use gateway_core::fault::Fault;
use gateway_core::ids::Account;

use super::Desk;
use crate::kinds::PAYMENT_CONFIRMED;
use crate::payment::outcomes::Outcome;
use crate::payment::wire::{self, pair};

impl Desk {
    /// The one call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        if talk.message.kind.as_str() != PAYMENT_CONFIRMED {
            return Err(wire::not_taken(talk.message.kind.as_str()));
        }
        let reference = talk.message.id.to_string();
        let Some(last) = talk.transcript.last() else {
            let path = &self.settings.paid_path;
            let mut request = wire::post("paid", Effect::Repeatable, path, &talk.message.document, None);
            request.ask.headers.push(pair("idempotency-key", &reference));
            return Ok(Turn::Call(request));
        };
        match self.outcome(&last.answer) {
            Outcome::Done => Ok(Turn::Done(Receipt { reference, ..Receipt::default() })),
            Outcome::Pending(fault) | Outcome::Failed(fault) => Err(fault),
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
