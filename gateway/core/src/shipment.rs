//! Where a shipment is: a fold over everything its carrier told of it, in whatever order that came.
//!
//! Events are sorted by (event time, rank of the state, receipt), so the order of arrival never decides: a late one finds its
//! place in the history and moves nothing. What is dated more than ten minutes after its receipt is quarantined, because one
//! such event would otherwise be the newest for ever. Money stands on an axis of its own and never moves the state; a code that no
//! list knows keeps the state and asks for a person. An end (delivered, returned, cancelled, lost) counts only when confirmed by a
//! pull, because calls of carriers are signed by nobody and an end stops the asking. Of two confirmed ends the one that was told stays,
//! also if the other one is dated before it: somebody has acted on it, and only a person can take that back.
//!
//! Not here: who is told and when the carrier is asked, only whether and how soon. No carrier is named.

use serde_json::Value;

use crate::ids::Moment;

/// An event may be dated so much after its receipt: clocks differ.
pub const FUTURE_MS_MAX: i64 = 10 * 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// While something moves it is asked for so often.
const ASK_MOVING_MS: i64 = 2 * HOUR_MS;
/// Without news for so long it stands still.
const STALLED_MS: i64 = 3 * DAY_MS;
/// What stands still, or has ended, is asked for so often.
const ASK_STALLED_MS: i64 = DAY_MS;
/// So long after its end a shipment is still asked for: money and corrections come late.
const ASK_AFTER_END_MS: i64 = 30 * DAY_MS;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$inner])* $variant),+
        }

        impl $name {
            /// All of them, in their order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// As the canonical documents write it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $text),+
                }
            }

            /// Reads what a canonical document says.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    };
}

words! {
    /// Where a shipment is. The order is the rank: of two events of one moment the later word wins.
    State {
        /// Written down, not yet ordered.
        Draft = "DRAFT",
        /// Ordered.
        Created = "CREATED",
        /// The carrier will fetch it.
        Accepted = "ACCEPTED",
        /// Somebody is on the way to fetch it.
        PickingUp = "PICKING_UP",
        /// It could not be fetched; tried again.
        PickupFailed = "PICKUP_FAILED",
        /// The carrier has it.
        PickedUp = "PICKED_UP",
        /// Between offices.
        InTransit = "IN_TRANSIT",
        /// At the office that delivers it.
        AtDeliveryOffice = "AT_DELIVERY_OFFICE",
        /// With the postman.
        OutForDelivery = "OUT_FOR_DELIVERY",
        /// It could not be handed over; tried again or returned.
        DeliveryFailed = "DELIVERY_FAILED",
        /// Cancelling was asked for and not yet granted.
        CancelPending = "CANCEL_PENDING",
        /// On its way back to the sender.
        Returning = "RETURNING",
        /// An end: it will not be carried.
        Cancelled = "CANCELLED",
        /// An end: the sender has it again.
        Returned = "RETURNED",
        /// An end: nobody has it.
        Lost = "LOST",
        /// An end: the receiver has it.
        Delivered = "DELIVERED",
    }
}

words! {
    /// What happened to money.
    Axis {
        /// The carrier has taken it from the receiver.
        CodCollected = "COD_COLLECTED",
        /// The sender has it.
        CodRemitted = "COD_REMITTED",
        /// The carriage is paid.
        PostagePaid = "POSTAGE_PAID",
    }
}

impl State {
    /// Is it an end? Nothing moves a shipment after a confirmed end.
    pub fn is_end(self) -> bool {
        self >= State::Cancelled
    }

    /// May it follow while a cancellation is waited for? Mere carriage goes on meanwhile and means nothing.
    fn ends_cancelling(self) -> bool {
        self.is_end() || self == State::Returning
    }
}

/// One thing that a carrier told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When it happened, as the carrier says.
    pub at: Moment,
    /// When we heard of it.
    pub received: Moment,
    /// The how-many-eth thing we heard; breaks ties and nothing else.
    pub sequence: u64,
    /// Asked for by us at the carrier, not sent by somebody who says that he is the carrier.
    pub confirmed: bool,
    /// What.
    pub says: Says,
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Where the shipment is.
    State(State),
    /// What happened to money; the amount in dong where it is told.
    Money(Axis, Option<i64>),
    /// Something that no list knows.
    Unknown,
}

impl Event {
    /// Reads a canonical `…-event-observed` document; none if it has no time that can be read.
    pub fn read(document: &Value, received: Moment, sequence: u64) -> Option<Event> {
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let axis = document.pointer("/money/axis").and_then(Value::as_str).and_then(Axis::parse);
        let amount = document.pointer("/money/amount").and_then(Value::as_i64);
        let says = match (axis, text("state").and_then(State::parse)) {
            (Some(axis), _) => Says::Money(axis, amount),
            (None, Some(state)) => Says::State(state),
            (None, None) => Says::Unknown,
        };
        let confirmed = document.get("confirmed").and_then(Value::as_bool).unwrap_or(false);
        Some(Event { at: Moment::parse(text("at")?)?, received, sequence, confirmed, says })
    }

    fn place(&self) -> (Moment, u8, u64) {
        let rank = match self.says {
            Says::State(state) => state as u8,
            Says::Money(..) | Says::Unknown => u8::MAX,
        };
        (self.at, rank, self.sequence)
    }

    /// Is it dated so much after its receipt that it cannot be believed?
    pub fn is_future(&self) -> bool {
        self.at.millis_since(self.received) > FUTURE_MS_MAX
    }
}

/// Why an event moved the state, or did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It moved the state.
    Moved,
    /// It came after a newer one: it has its place in the history and moves nothing.
    Late,
    /// The shipment was there already.
    Repeated,
    /// An end that nobody has confirmed yet.
    Unconfirmed,
    /// Carriage while a cancellation is waited for.
    WhileCancelling,
    /// After a confirmed end.
    AfterEnd,
    /// Dated after its own receipt.
    Quarantined,
    /// No list knows its code.
    Unknown,
    /// It is about money.
    Money,
}

/// An event with its meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What was told.
    pub event: Event,
    /// What it meant.
    pub counted: Counted,
}

/// What a person must look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alert {
    /// A code that no list knows: the list must be mended.
    UnknownCode,
    /// An event dated after its own receipt.
    FutureDated,
    /// A second, other end after the first.
    TwoEnds,
}

/// What all events together say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shipment {
    /// Where it is; none while nothing counts.
    pub state: Option<State>,
    /// Since when.
    pub since: Option<Moment>,
    /// Every event in the order of its own time, quarantined ones last.
    pub history: Vec<Entry>,
    /// What must be told: the state by confirmed events alone, with its time, if it is another than was told last.
    pub tell: Option<(State, Moment)>,
    /// An end was heard that nobody has confirmed: ask now.
    pub confirm: bool,
    /// What a person must look at, each once.
    pub alerts: Vec<Alert>,
}

/// Folds everything that was told. `told` is the state that was told on last.
pub fn fold(events: &[Event], told: Option<State>) -> Shipment {
    let (mut sound, mut future): (Vec<&Event>, Vec<&Event>) =
        events.iter().partition(|event| !event.is_future());
    sound.sort_by_key(|event| event.place());
    future.sort_by_key(|event| event.place());
    let mut walk = Walk::after(told);
    let mut history: Vec<Entry> =
        sound.iter().map(|event| Entry { event: (*event).clone(), counted: walk.step(event) }).collect();
    late(&mut history);
    let mut proven = Walk::after(told);
    for event in sound.iter().filter(|event| event.confirmed) {
        proven.step(event);
    }
    let mut alerts = walk.alerts.clone();
    if !future.is_empty() {
        alerts.push(Alert::FutureDated);
    }
    let quarantined = |event: &Event| Entry { event: event.clone(), counted: Counted::Quarantined };
    history.extend(future.into_iter().map(quarantined));
    Shipment {
        state: walk.at.map(|(state, _)| state),
        since: walk.at.map(|(_, since)| since),
        confirm: !walk.ended() && history.iter().any(|entry| entry.counted == Counted::Unconfirmed),
        history,
        tell: proven.at.filter(|(state, _)| Some(*state) != told),
        alerts,
    }
}

impl Shipment {
    /// How long after the last question the carrier is to be asked again; none when there is nothing left to hear. `ordered` is when
    /// the shipment was ordered, which is all that is known before the first event.
    pub fn ask_again_ms(&self, ordered: Moment, now: Moment) -> Option<i64> {
        let quiet_ms = now.millis_since(self.latest().unwrap_or(ordered).max(ordered));
        match (self.state, self.since) {
            (Some(state), Some(since)) if state.is_end() => {
                (now.millis_since(since) <= ASK_AFTER_END_MS).then_some(ASK_STALLED_MS)
            }
            _ if quiet_ms > STALLED_MS => Some(ASK_STALLED_MS),
            _ => Some(ASK_MOVING_MS),
        }
    }

    /// The time of the newest event that is not quarantined.
    fn latest(&self) -> Option<Moment> {
        let sound = self.history.iter().filter(|entry| entry.counted != Counted::Quarantined);
        sound.map(|entry| entry.event.at).max()
    }
}

/// One walk over events in the order of their time.
#[derive(Default)]
struct Walk {
    /// The end that was told: others have acted on it, so no other end takes its place, whatever its date.
    settled: Option<State>,
    at: Option<(State, Moment)>,
    alerts: Vec<Alert>,
}

impl Walk {
    fn after(told: Option<State>) -> Walk {
        Walk { settled: told.filter(|state| state.is_end()), ..Walk::default() }
    }

    fn step(&mut self, event: &Event) -> Counted {
        let state = match event.says {
            Says::Money(..) => return Counted::Money,
            Says::Unknown => {
                self.alert(Alert::UnknownCode);
                return Counted::Unknown;
            }
            Says::State(state) => state,
        };
        let now = self.at.map(|(state, _)| state);
        if now == Some(state) {
            return Counted::Repeated;
        }
        if self.ended() {
            if state.is_end() && event.confirmed {
                self.alert(Alert::TwoEnds);
            }
            return Counted::AfterEnd;
        }
        if state.is_end() && !event.confirmed {
            return Counted::Unconfirmed;
        }
        if state.is_end() && self.settled.is_some_and(|settled| settled != state) {
            self.alert(Alert::TwoEnds);
            return Counted::AfterEnd;
        }
        if now == Some(State::CancelPending) && !state.ends_cancelling() {
            return Counted::WhileCancelling;
        }
        self.at = Some((state, event.at));
        Counted::Moved
    }

    fn ended(&self) -> bool {
        self.at.is_some_and(|(state, _)| state.is_end())
    }

    fn alert(&mut self, alert: Alert) {
        if !self.alerts.contains(&alert) {
            self.alerts.push(alert);
        }
    }
}

/// What moved the state only in hindsight is called late: when it came, something newer had moved it already.
fn late(history: &mut [Entry]) {
    let mut earliest = u64::MAX;
    for entry in history.iter_mut().rev().filter(|entry| entry.counted == Counted::Moved) {
        if entry.event.sequence > earliest {
            entry.counted = Counted::Late;
        }
        earliest = earliest.min(entry.event.sequence);
    }
}
