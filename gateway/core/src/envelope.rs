//! Who says what to whom: what the gateway knows of a message beside its document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::dossier::DossierCode;
use crate::ids::{Correlation, Kind, MessageId, Moment, PeerName, Unit};
use crate::lift::Ticket;

/// What a kind of message means for repeats and order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// The state of a dossier: a newer one takes the place of a waiting one.
    Snapshot,
    /// Something that happened: each counts.
    Event,
    /// Answered now or failed now; never queued, never stored.
    Question,
}

/// A message on its way, in our words (canonical) or, once translated, in the peer's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Ours.
    pub id: MessageId,
    /// One id through all lines of the log.
    pub correlation: Correlation,
    /// The caller's W3C trace context, passed on as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Who sent it.
    pub from: PeerName,
    /// The agency on whose behalf it travels.
    pub unit: Unit,
    /// What it says.
    pub kind: Kind,
    /// Snapshot, event or question.
    pub class: Class,
    /// The dossier it speaks of; a question may have none.
    pub dossier: Option<DossierCode>,
    /// The dossier's national status, where the kind has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When the dossier is due, where the kind says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due: Option<Moment>,
    /// When it was accepted.
    pub at: Moment,
    /// What the sender said beside the document and a conversation may want to know, e.g. `updating` = `true`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hints: BTreeMap<String, String>,
    /// The files that travel with the document; [`crate::lift::Ticket::text`] stands where each belongs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Ticket>,
    /// The document.
    pub document: Value,
}
