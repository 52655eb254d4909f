//! What can happen to a message: the vocabulary of the timeline.

use serde::Serialize;

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// What can happen to a message; the names are the vocabulary of the timeline.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Event { $($(#[$doc])* $name),* }

        impl Event {
            /// All of them.
            pub const ALL: &'static [Event] = &[$(Event::$name),*];

            /// Its name.
            pub fn as_str(self) -> &'static str {
                match self { $(Event::$name => $text),* }
            }

            /// Is it a station of the message's way, or a detail between two of them?
            pub fn is_milestone(self) -> bool {
                use Event::*;
                !matches!(
                    self,
                    Translated | Shortened | AddressesPassed | Call | Struck | SessionRenewed | CarriedOver | ReadBack | ShipmentHeard
                )
            }

            /// Did it happen to a payment?
            pub fn is_of_payment(self) -> bool {
                self.as_str().starts_with("payment-")
            }

            /// The event of this name.
            pub fn parse(text: &str) -> Option<Event> {
                match text { $($text => Some(Event::$name),)* _ => None }
            }
        }
    };
}

events! {
    /// On disk.
    Accepted = "accepted",
    /// Said before.
    Duplicate = "duplicate",
    /// An old state said again.
    LateRepeat = "late-repeat",
    /// Nobody can use it.
    Refused = "refused",
    /// Waits for a peer.
    Queued = "queued",
    /// A newer snapshot took its place.
    Superseded = "superseded",
    /// A later step went before it.
    Passed = "passed",
    /// What only the superseded one carried came along.
    CarriedOver = "carried-over",
    /// Waits until the peer knows the dossier.
    Held = "held",
    /// Put into the peer's form.
    Translated = "translated",
    /// A value was shortened by a rule.
    Shortened = "shortened",
    /// Addresses of files went through as they came: nobody allows us to ask there.
    AddressesPassed = "addresses-passed",
    /// A call and its answer.
    Call = "call",
    /// A call does not count.
    Struck = "struck",
    /// Returned because the peer is away.
    PeerAway = "peer-away",
    /// The peer is back.
    PeerBack = "peer-back",
    /// A new session.
    SessionRenewed = "session-renewed",
    /// Tried again later.
    Retry = "retry",
    /// The peer took it.
    Delivered = "delivered",
    /// It will not be taken as it is.
    DeadLetter = "dead-letter",
    /// Nobody can tell whether it took effect.
    InDoubt = "in-doubt",
    /// Sent again although it may have taken effect.
    MayBeDoubled = "may-be-doubled",
    /// The peer was asked whether it took effect.
    ReadBack = "read-back",
    /// It ended in hands that no longer had it: what they found out counts for nothing.
    LateOutcome = "late-outcome",
    /// An operator changed the document.
    Corrected = "corrected",
    /// An operator had it sent again.
    Redelivered = "redelivered",
    /// An operator gave it up.
    Discarded = "discarded",
    /// Nothing is sent to the peer: an operator's pause, or the mode it is in.
    PeerPaused = "peer-paused",
    /// The peer is sent to again.
    PeerResumed = "peer-resumed",
    /// Translated and checked for a peer in the shadow; nothing left.
    Shadowed = "shadowed",
    /// A mended file had it sent again.
    OfferedAgain = "offered-again",
    /// The store is a backup's, and this waited in it.
    Restored = "restored",
    /// A call that may have been made in the hours that a restored backup does not know.
    Presumed = "presumed",
    /// What was said is gone: its time was over.
    Purged = "purged",
    /// The machine's clock was set back, seen at rows that were written later and say an earlier time.
    ClockSetBack = "clock-set-back",
    /// A carrier told something of a shipment.
    ShipmentHeard = "shipment-heard",
    /// A shipment is somewhere else now.
    ShipmentMoved = "shipment-moved",
    /// A person must look at what a carrier told.
    ShipmentAlert = "shipment-alert",
    /// A payment was asked for; its provider is about to hear of it.
    PaymentOpened = "payment-opened",
    /// It is paid.
    PaymentPaid = "payment-paid",
    /// A try to pay it failed.
    PaymentFailed = "payment-failed",
    /// It was taken back.
    PaymentCancelled = "payment-cancelled",
    /// What was said of it does not count, and a person must look.
    PaymentAlert = "payment-alert",
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
