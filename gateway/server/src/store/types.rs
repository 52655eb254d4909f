//! What goes into the store and what comes out of it.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Effect, Level, Marks, Payload, Request, Transcript};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::{Class, Envelope};
use gateway_core::fault::Fault;
use gateway_core::ids::{Correlation, Kind, MessageId, Moment, PeerName, Unit};
use gateway_core::lift::Ticket;
use gateway_core::pipeline::{Admission, DeliveryId, History, Settlement, State};
use gateway_core::waybill::Which;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::carriage::{Carriage, News};
use super::event::Event;
use super::publications::Published;
use super::taken::Hold;

/// A lane's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LaneId(pub i64);

/// An exchange's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExchangeId(pub i64);

/// Which mapping translated something, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MappingUsed {
    /// Its name, as in the tree below `mappings/`.
    pub name: String,
    /// The digest of everything it depends on.
    pub fingerprint: String,
}

/// An item of a call, ready to be admitted.
#[derive(Debug)]
pub struct NewMessage {
    /// Ours.
    pub id: MessageId,
    /// One id through all lines.
    pub correlation: Correlation,
    /// The caller's trace context.
    pub traceparent: Option<String>,
    /// Who sent it.
    pub from: PeerName,
    /// On whose behalf.
    pub unit: Unit,
    /// What it says.
    pub kind: Kind,
    /// Snapshot or event.
    pub class: Class,
    /// The dossier, where framing or translation found its code.
    pub dossier: Option<DossierCode>,
    /// A further code of the dossier, by which it is found as well.
    pub alias: Option<DossierCode>,
    /// Its national status.
    pub status: Option<String>,
    /// When it is due.
    pub due: Option<Moment>,
    /// When it came.
    pub at: Moment,
    /// What the sender said beside the document.
    pub hints: BTreeMap<String, String>,
    /// The caller's own idempotency keys.
    pub keys: Vec<String>,
    /// How surely the door knew who sent it.
    pub level: Level,
    /// How long a step back of this sender counts as a late repeat.
    pub repeat_window_ms: i64,
    /// The files that its texts name: kept as long as the message is.
    pub files: Vec<Ticket>,
    /// The item as it came.
    pub source: Payload,
    /// The mapping that read it, also if it failed.
    pub mapping: Option<MappingUsed>,
    /// What it is to a shipment, if it is about one.
    pub carriage: Option<Carriage>,
    /// What it says in our words, or why nobody can use it.
    pub content: Result<Content, Fault>,
}

/// An item that can be used.
#[derive(Debug)]
pub struct Content {
    /// The canonical document.
    pub document: Value,
    /// What makes it equal to another, where that is not the document itself: without what its mapping marks volatile, with the unit it is for.
    pub compared: Option<Value>,
    /// It does not say when it was, so said again after another it is no repeat.
    pub undated: bool,
    /// Who is to have it.
    pub to: Vec<Route>,
    /// What a rule changed or let through on the way in, for the timeline. Without personal data.
    pub notes: Vec<String>,
}

/// One receiver of an item.
#[derive(Debug)]
pub struct Route {
    /// Who.
    pub peer: PeerName,
    /// Known already not to be deliverable for want of something of ours: born as a dead letter with this cause.
    pub dead: Option<Fault>,
}

impl Route {
    /// To this peer.
    pub fn to(peer: PeerName) -> Self {
        Route { peer, dead: None }
    }
}

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Its id in the journal.
    pub id: MessageId,
    /// News, a repeat, a conflict of keys; none if it was refused.
    pub admission: Option<Admission>,
    /// The deliveries it led to.
    pub deliveries: Vec<Queued>,
    /// What followed for a shipment.
    pub news: News,
}

/// A delivery that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Which.
    pub delivery: DeliveryId,
    /// In which lane.
    pub lane: LaneId,
    /// To whom.
    pub peer: PeerName,
    /// The messages whose place it takes there: nobody will be told of them any more.
    pub instead_of: Vec<MessageId>,
}

/// A lane whose head may go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which lane.
    pub lane: LaneId,
    /// Its next delivery.
    pub delivery: DeliveryId,
    /// Not before.
    pub ready_at: Moment,
    /// When the dossier is due, if that is known.
    pub due: Option<Moment>,
}

/// A head that was handed to a broker, and for the how-manieth time its lane was: an older number is an old copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handover {
    /// Which lane.
    pub lane: LaneId,
    /// Its head then.
    pub delivery: DeliveryId,
    /// Rises with each hand-over of this lane.
    pub number: i64,
}

/// What was marked as handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// These.
    pub handovers: Vec<Handover>,
    /// No more may be at the broker at present, so more may be ready.
    pub full: bool,
}

/// The right to work on a lane's head. It rises with each claim, and only who has the newest may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token(pub i64);

/// What a broker is given of a hand-over; it decides nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Carried {
    /// What is handed over.
    pub handover: Handover,
    /// The message's id in the journal.
    pub message: MessageId,
    /// One id through all lines.
    pub correlation: Correlation,
    /// The caller's trace context.
    pub traceparent: Option<String>,
    /// What it says.
    pub kind: Kind,
    /// The mapping that read it, with its fingerprint.
    pub mapping: Option<MappingUsed>,
    /// Attempts of its own so far.
    pub attempts: u32,
    /// When it came.
    pub at: Moment,
    /// The canonical document, sealed as it is stored; what is large stays behind as a claim.
    pub sealed: Vec<u8>,
}

impl Carried {
    /// The id of the key that sealed the document.
    pub fn key_id(&self) -> String {
        gateway_core::ids::hex(self.sealed.get(..4).unwrap_or_default())
    }
}

/// A delivery, taken for an attempt. The hold is given back when this is dropped: keep it until the settlement is written.
#[derive(Debug)]
pub struct Delivery {
    /// Which.
    pub id: DeliveryId,
    /// In which lane.
    pub lane: LaneId,
    /// To whom.
    pub peer: PeerName,
    /// The message with its canonical document (its own revision, where something was carried over or corrected).
    pub envelope: Envelope,
    /// The mapping that made the canonical document, also if it failed; none where a person or a carry-over made it.
    pub in_mapping: Option<MappingUsed>,
    /// The arrival is to be read anew: the mapping that read it was mended.
    pub read_anew: bool,
    /// The translation made at the first attempt.
    pub pinned: Option<Pinned>,
    /// What the peer calls this dossier.
    pub marks: Marks,
    /// All calls so far, oldest first, also struck and unanswered ones.
    pub exchanges: Vec<Kept>,
    /// What the latest call said, struck or not, with the row that has its body: for [`Entry::CallAgain`].
    pub latest_call: Option<(ExchangeId, Request)>,
    /// What it has gone through; `peer_success_at` is for the caller to fill in.
    pub history: History,
    /// Waiting, doubtful or held.
    pub state: State,
    /// It was last returned because the peer was away.
    pub away: bool,
    /// Not before.
    pub ready_at: Moment,
    /// It waited in a restored backup: its call that counts once is taken for one that was made at this moment and got no answer.
    pub presumed_at: Option<Moment>,
    /// In our hands until dropped.
    pub hold: Hold,
}

impl Delivery {
    /// What the adapter may see: answered and not struck.
    pub fn transcript(&self) -> Transcript {
        let seen = self.exchanges.iter().filter(|kept| kept.struck.is_none());
        let exchange = |kept: &Kept| {
            let answer = kept.answer.clone()?;
            Some(gateway_core::adapter::Exchange { request: kept.request.clone(), answer })
        };
        Transcript(seen.filter_map(exchange).collect())
    }

    /// The call that has no answer and is not struck: it may have taken effect.
    pub fn unanswered(&self) -> Option<&Kept> {
        self.exchanges.iter().rev().find(|kept| kept.answer.is_none() && kept.struck.is_none())
    }
}

/// A translation, made once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pinned {
    /// The document in the peer's form.
    pub document: Value,
    /// The mapping that made it.
    pub mapping: MappingUsed,
}

/// A call on record.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// Which.
    pub id: ExchangeId,
    /// The unsigned call.
    pub request: Request,
    /// When it was written down, just before it left.
    pub called_at: Moment,
    /// What came back.
    pub answer: Option<Answer>,
    /// When.
    pub answered_at: Option<Moment>,
    /// Why it does not count.
    pub struck: Option<String>,
}

impl Entry {
    /// Does it say what became of a call? Nobody could find that out again.
    pub(super) fn is_heard(&self) -> bool {
        matches!(self, Entry::Answered { .. } | Entry::Strike { .. })
    }
}

/// One thing to write about a delivery. All of one call are one transaction, in order.
#[derive(Debug)]
pub enum Entry {
    /// The translation, made once; writes `translated`.
    Pin {
        /// What was made.
        pinned: Pinned,
        /// When.
        at: Moment,
    },
    /// The translation failed under this mapping; remembered so that a mended mapping offers the delivery again.
    Untranslated {
        /// The mapping that failed.
        mapping: MappingUsed,
    },
    /// A new canonical document, made from the kept arrival by a mended inbound mapping.
    Revise {
        /// The document.
        document: Value,
        /// The mapping that made it.
        mapping: MappingUsed,
    },
    /// A call that is about to leave.
    Call {
        /// The unsigned call.
        request: Request,
        /// When.
        at: Moment,
    },
    /// A call that is about to leave and says the same as an earlier one of this delivery: its body is not kept once more.
    CallAgain {
        /// The row that has the body.
        of: ExchangeId,
        /// What it does to the peer.
        effect: Effect,
        /// When.
        at: Moment,
    },
    /// Its answer, with what it teaches about the dossier.
    Answered {
        /// Which call.
        exchange: ExchangeId,
        /// What came back, or what a read-back found to stand in for it.
        answer: Answer,
        /// What was learnt.
        marks: Marks,
        /// When.
        at: Moment,
    },
    /// The call does not count.
    Strike {
        /// Which call.
        exchange: ExchangeId,
        /// Why, without personal data.
        reason: String,
        /// When.
        at: Moment,
    },
    /// What is about to be told names addresses of ours.
    Publish {
        /// To whom.
        peer: PeerName,
        /// What is behind them.
        published: Vec<Published>,
        /// When.
        at: Moment,
    },
    /// What is about to leave is carried.
    Carry {
        /// Which shipment of its dossier.
        which: Which,
        /// When.
        at: Moment,
    },
    /// A row for the timeline.
    Note {
        /// What happened.
        event: Event,
        /// For people; may be empty.
        detail: String,
        /// When.
        at: Moment,
    },
    /// What the peer's answer says that others should hear: admitted in the same transaction, or not at all.
    Say {
        /// In our words, or why nobody can use it.
        messages: Vec<NewMessage>,
    },
    /// The end of this attempt.
    Settle {
        /// What becomes of the delivery.
        settlement: Settlement,
        /// When.
        at: Moment,
    },
}
