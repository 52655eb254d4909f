//! One call for each action. It may be made again: an action that is counted twice does less harm than one that is missing, and the system
//! gives nothing by which a second arrival could be known.

use gateway_core::adapter::{Ask, Body, Conversation, Effect, Keeping, Receipt, Request, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::Value;

use super::{Emc, faults};

/// The name of the configured endpoint; its host belongs to the transport.
pub(super) const ENDPOINT: &str = "emc";

impl Emc {
    /// The one call, or the end.
    pub(super) fn turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault> {
        match talk.transcript.last() {
            None if self.settings.site_id.is_empty() => {
                let words = "cấu hình chưa có site_id (SiteId) mà hệ thống giám sát cấp cho tỉnh";
                Err(Fault::new("emc.no-site", Blame::Gateway, Remedy::Correct, words))
            }
            None => Ok(Turn::Call(self.call(talk))),
            Some(last) => {
                faults::taken(&last.answer)?;
                let reference = talk.message.dossier.as_ref().map(ToString::to_string).unwrap_or_default();
                Ok(Turn::Done(Receipt { reference, ..Receipt::default() }))
            }
        }
    }

    fn call(&self, talk: &Conversation) -> Request {
        let mut document = talk.message.document.clone();
        document["SiteId"] = Value::from(self.settings.site_id.as_str());
        document["User"]["LOCATION"] = Value::from(self.settings.location.as_str());
        // JSON within a text, as working code sends it.
        document["User"] = Value::from(document["User"].to_string());
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = Body::of(document.to_string().into_bytes());
        let path = self.settings.path.clone();
        Request {
            step: "track".to_owned(),
            effect: Effect::Repeatable,
            endpoint: ENDPOINT.to_owned(),
            account: None,
            ask: Ask { method: "POST".to_owned(), path, query: Vec::new(), headers, body },
            answer_in: Keeping::Inline,
        }
    }
}
