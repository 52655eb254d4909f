//! One call for each fact. It may be made again, because the subscriber knows it by its `webhook-id`.

use gateway_core::adapter::{Ask, Body, Conversation, Effect, Receipt, Request, Turn, Keeping};
use gateway_core::fault::Fault;

use super::{Subscriber, faults, signature};

/// The name of the configured endpoint; its host belongs to the transport.
pub(super) const ENDPOINT: &str = "subscriber";

impl Subscriber {
    /// The one call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.transcript.last() {
            None => Ok(Turn::Call(self.call(talk))),
            Some(last) => {
                faults::taken(&last.answer)?;
                Ok(Turn::Done(Receipt { reference: talk.message.id.to_string(), ..Receipt::default() }))
            }
        }
    }

    fn call(&self, talk: &Conversation) -> Request {
        let header = |name: &str, value: String| (name.to_owned(), value);
        let headers = vec![
            header("content-type", "application/json".to_owned()),
            header(signature::ID, talk.message.id.to_string()),
        ];
        let body = Body::of(talk.message.document.to_string().into_bytes());
        let path = self.settings.path.clone();
        let ask = Ask { method: "POST".to_owned(), path, query: Vec::new(), headers, body };
        Request {
            step: "notify".to_owned(),
            effect: Effect::Repeatable,
            endpoint: ENDPOINT.to_owned(),
            account: None,
            ask,
            answer_in: Keeping::Inline,
        }
    }
}
