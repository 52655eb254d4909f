//! What goes into the store about shipments, payments and feeds, and what comes out of it.

use std::collections::BTreeSet;

use gateway_core::adapter::Cursor;
use gateway_core::dossier::DossierCode;
use gateway_core::ids::{Correlation, Kind, MessageId, Moment, PeerName, Unit};
use gateway_core::waybill::{Names, Which};
use gateway_core::{payment, shipment};

use super::types::{Queued, Route};

/// What an item is to a shipment or to a payment.
#[derive(Debug)]
pub enum Carriage {
    /// Something is to be carried.
    Ordered {
        /// Which shipment of its dossier.
        which: Which,
        /// Those of its receivers that carry.
        carriers: Vec<PeerName>,
    },
    /// Its carrier told something of it.
    Observed(Observed),
    /// The provider of a payment told what became of it.
    Paid {
        /// What it said.
        said: payment::Said,
        /// We asked; nobody called.
        pulled: bool,
    },
    /// A payment is taken back.
    TakenBack {
        /// Its reference.
        reference: String,
    },
}

/// What a carrier told, as far as the gateway itself must know it.
#[derive(Debug)]
pub struct Observed {
    /// The event; its place among all is given by the store.
    pub event: shipment::Event,
    /// By which names it speaks of the shipment.
    pub names: Names,
    /// What our order number says, where it says it.
    pub which: Option<Which>,
    /// The shipment that the carrier was asked about.
    pub about: Option<ShipmentId>,
    /// We asked; nobody called.
    pub pulled: bool,
}

/// A shipment's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShipmentId(pub i64);

/// A payment's own number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PaymentId(pub i64);

/// Something that its peer is asked about by a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OpenItem {
    /// Something that is carried.
    Shipment(ShipmentId),
    /// Something that is to be paid.
    Payment(PaymentId),
}

/// A payment that begins.
#[derive(Debug)]
pub struct NewPayment {
    /// The question that asked for it.
    pub message: MessageId,
    /// Its id through all lines.
    pub correlation: Correlation,
    /// Its caller's trace context.
    pub traceparent: Option<String>,
    /// Who asked.
    pub from: PeerName,
    /// On whose behalf.
    pub unit: Unit,
    /// For which dossier.
    pub dossier: DossierCode,
    /// Who is to take the money.
    pub provider: PeerName,
    /// Under which reference.
    pub reference: String,
    /// What is to be paid.
    pub wanted: payment::Wanted,
    /// When.
    pub at: Moment,
}

/// Who is told of shipments, as the configuration says: the store makes those messages itself, in the transaction that finds them due.
#[derive(Debug, Clone, Default)]
pub struct Telling {
    /// Of every confirmed change.
    pub changes: Option<Receivers>,
    /// Of a result that was handed over, for units that nobody else tells it of.
    pub handed_over: Option<Receivers>,
    /// Those units.
    pub report_directly: BTreeSet<Unit>,
    /// Of every payment.
    pub payments: Option<Receivers>,
    /// The kind of message that says what a dossier is to pay.
    pub due: Option<Kind>,
    /// Carriers that are asked about each shipment by itself, providers about each payment.
    pub asked_by_item: BTreeSet<PeerName>,
    /// Carriers that can be asked at all.
    pub asked: BTreeSet<PeerName>,
    /// So long after the last news nobody is asked about a shipment any more; none is never.
    pub stale_ms: Option<i64>,
    /// Others are to hear of every message.
    pub announces: bool,
}

/// Who receives a kind of message.
#[derive(Debug, Clone)]
pub struct Receivers {
    /// The kind.
    pub kind: Kind,
    /// Each with the units that it is told of; none means all.
    pub peers: Vec<(PeerName, Vec<String>)>,
}

impl Receivers {
    /// Those who are told what this peer and unit have to say.
    pub fn of(&self, from: &PeerName, unit: &Unit) -> Vec<Route> {
        let speaks_for =
            |units: &Vec<String>| units.is_empty() || units.iter().any(|known| known == unit.as_str());
        let told = self.peers.iter().filter(|(peer, units)| peer != from && speaks_for(units));
        told.map(|(peer, _)| Route::to(peer.clone())).collect()
    }
}

/// What followed from something that was written about shipments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct News {
    /// Messages of our own that wait now.
    pub queued: Vec<Queued>,
    /// What a person must look at.
    pub alerts: Vec<&'static str>,
    /// The carrier is to be asked at once.
    pub ask: bool,
    /// What was said of a payment does not count.
    pub refused: Option<payment::Refusal>,
}

impl News {
    pub(super) fn add(&mut self, other: News) {
        self.queued.extend(other.queued);
        self.alerts.extend(other.alerts);
        self.ask |= other.ask;
        self.refused = self.refused.or(other.refused);
    }
}

/// What was asked of a carrier, written together with what it answered.
#[derive(Debug, Clone)]
pub enum Asked {
    /// A page of everything.
    Feed {
        /// Whose.
        peer: PeerName,
        /// Which.
        feed: String,
        /// Where to go on; none keeps the old place.
        cursor: Option<Cursor>,
        /// It is not the last page.
        more: bool,
        /// When.
        at: Moment,
    },
    /// One shipment or payment.
    Item {
        /// Which.
        item: OpenItem,
        /// When.
        at: Moment,
    },
}

/// How far a feed was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedRead {
    /// Where to go on; none if it has no cursor.
    pub cursor: Option<Cursor>,
    /// When it was last read.
    pub asked_at: Moment,
}

/// A shipment or payment that its peer is to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueItem {
    /// Which.
    pub item: OpenItem,
    /// What the peer calls it.
    pub name: String,
}
