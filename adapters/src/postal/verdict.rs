//! What the fates of a call's items mean for its one answer, before any dialect words it.

use gateway_core::adapter::{Answer, Fate};
use gateway_core::fault::Fault;
use serde_json::Value;

use crate::wire::refusal::{headers_of, status_of};

/// The first refusal among the fates.
pub(super) fn refused(fates: &[Fate]) -> Option<&Fault> {
    fates.iter().find_map(|fate| match fate {
        Fate::Refused(fault) | Fate::Accepted { verdict: Some(Err(fault)), .. } => Some(fault),
        _ => None,
    })
}

/// A refusal in a dialect's own body, under the status and headers that this fault has at every door.
pub(super) fn refusal(fault: &Fault, body: &Value) -> Answer {
    let status = status_of(fault);
    let mut answer = Answer::json(status, body);
    answer.headers.extend(headers_of(fault, status));
    answer
}
