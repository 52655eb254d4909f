//! Where a shipment is: a fold over everything its carrier told of it, in whatever order that came.
//!
//! Events are sorted by (event time, rank of the state, receipt), so the order of arrival never decides: a late one finds its
//! place in the history and moves nothing. What is dated more than ten minutes after its receipt is quarantined, because one
//! such event would otherwise be the newest for ever. Money stands on an axis of its own and never moves the state; a code that no
//! list knows keeps the state and asks for a person. An end (delivered, returned, cancelled, lost) counts only when confirmed by a
//! pull, because calls of carriers are signed by nobody and an end stops the asking.
//!
//! Not here: who is told and when the carrier is asked, only whether and how soon. No carrier is named.

use serde_json::Value;

use crate::ids::Moment;

/// An event may be dated so much after its receipt: clocks differ.
const FUTURE_MS_MAX: i64 = 10 * 60_000;
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

    fn is_future(&self) -> bool {
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
    let mut walk = Walk::default();
    let mut history: Vec<Entry> =
        sound.iter().map(|event| Entry { event: (*event).clone(), counted: walk.step(event) }).collect();
    late(&mut history);
    let mut proven = Walk::default();
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
        match self.state {
            Some(state) if state.is_end() => (quiet_ms <= ASK_AFTER_END_MS).then_some(ASK_STALLED_MS),
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
    at: Option<(State, Moment)>,
    alerts: Vec<Alert>,
}

impl Walk {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn hour(hour: i64) -> Moment {
        Moment::from_millis(1_790_000_000_000 + hour * HOUR_MS)
    }

    /// At an hour, heard as the so-many-eth, pulled.
    fn told(at: i64, sequence: u64, state: State) -> Event {
        let received = hour(at.max(sequence as i64));
        Event { at: hour(at), received, sequence, confirmed: true, says: Says::State(state) }
    }

    fn hooked(event: Event) -> Event {
        Event { confirmed: false, ..event }
    }

    fn counted(shipment: &Shipment) -> Vec<Counted> {
        shipment.history.iter().map(|entry| entry.counted).collect()
    }

    #[test]
    fn out_of_order_pushes_do_not_show_a_wrong_state() {
        let events =
            [told(3, 1, State::OutForDelivery), told(1, 2, State::PickedUp), told(2, 3, State::InTransit)];
        let shipment = fold(&events, None);
        assert_eq!((shipment.state, shipment.since), (Some(State::OutForDelivery), Some(hour(3))));
        assert_eq!(counted(&shipment), [Counted::Late, Counted::Late, Counted::Moved]);
    }

    #[test]
    fn one_future_dated_message_does_not_freeze_the_shipment() {
        let future = Event { at: hour(900), ..told(1, 1, State::InTransit) };
        let near = Event {
            at: hour(2).plus_millis(FUTURE_MS_MAX),
            received: hour(2),
            ..told(2, 2, State::PickedUp)
        };
        let shipment = fold(&[future, near, told(4, 3, State::OutForDelivery)], None);
        assert_eq!(shipment.state, Some(State::OutForDelivery));
        assert_eq!(counted(&shipment), [Counted::Moved, Counted::Moved, Counted::Quarantined]);
        assert_eq!(shipment.alerts, [Alert::FutureDated]);
    }

    #[test]
    fn money_after_delivery_never_overwrites_it() {
        let remitted =
            Event { says: Says::Money(Axis::CodRemitted, Some(50_000)), ..told(9, 9, State::Draft) };
        let shipment = fold(&[told(1, 1, State::Delivered), remitted], None);
        assert_eq!(shipment.state, Some(State::Delivered));
        assert_eq!(counted(&shipment), [Counted::Moved, Counted::Money]);
    }

    #[test]
    fn a_code_no_list_knows_keeps_the_state_and_asks_for_a_person() {
        // Such a code came with the text «phát không thành công»; no text is ever looked at.
        let unknown = Event { says: Says::Unknown, ..told(5, 2, State::Draft) };
        let shipment = fold(&[told(1, 1, State::InTransit), unknown.clone(), unknown], None);
        assert_eq!(shipment.state, Some(State::InTransit));
        assert_eq!(shipment.alerts, [Alert::UnknownCode]);
    }

    #[test]
    fn a_hook_delivers_nothing_until_it_is_confirmed() {
        let hook = hooked(told(5, 2, State::Delivered));
        let before = fold(&[told(1, 1, State::InTransit), hook.clone()], Some(State::InTransit));
        assert_eq!((before.state, before.tell, before.confirm), (Some(State::InTransit), None, true));
        let pulled = told(5, 3, State::Delivered);
        let after = fold(&[told(1, 1, State::InTransit), hook, pulled], Some(State::InTransit));
        assert_eq!(after.tell, Some((State::Delivered, hour(5))));
        assert_eq!((after.state, after.confirm), (Some(State::Delivered), false));
        // A forged cancellation neither ends the shipment nor stops the asking.
        let forged = fold(&[hooked(told(1, 1, State::Cancelled))], None);
        assert_eq!((forged.state, forged.confirm), (None, true));
        assert!(forged.ask_again_ms(hour(0), hour(2)).is_some());
    }

    #[test]
    fn what_only_a_hook_said_is_shown_and_not_told_on() {
        let shipment = fold(&[told(1, 1, State::PickedUp), hooked(told(2, 2, State::InTransit))], None);
        assert_eq!(
            (shipment.state, shipment.tell),
            (Some(State::InTransit), Some((State::PickedUp, hour(1))))
        );
    }

    #[test]
    fn a_cancellation_is_waited_for() {
        let pending = [told(1, 1, State::CancelPending), told(2, 2, State::InTransit)];
        assert_eq!(fold(&pending, None).state, Some(State::CancelPending));
        let granted = [&pending[..], &[told(3, 3, State::Cancelled)]].concat();
        assert_eq!(fold(&granted, None).state, Some(State::Cancelled));
        let too_late = [&pending[..], &[told(3, 3, State::Delivered)]].concat();
        assert_eq!(fold(&too_late, None).state, Some(State::Delivered));
    }

    #[test]
    fn nothing_moves_after_the_end_and_two_ends_ask_for_a_person() {
        let ends = [told(1, 1, State::Delivered), told(2, 2, State::InTransit), told(3, 3, State::Returned)];
        let shipment = fold(&ends, None);
        assert_eq!(shipment.state, Some(State::Delivered));
        assert_eq!(counted(&shipment), [Counted::Moved, Counted::AfterEnd, Counted::AfterEnd]);
        assert_eq!(shipment.alerts, [Alert::TwoEnds]);
    }

    #[test]
    fn open_shipments_are_asked_for_and_ended_ones_not_for_ever() {
        let ask = |events: &[Event], now| fold(events, None).ask_again_ms(hour(0), hour(now));
        let moving = [told(10, 1, State::InTransit)];
        assert_eq!(ask(&[], 1), Some(ASK_MOVING_MS));
        assert_eq!(ask(&moving, 11), Some(ASK_MOVING_MS));
        assert_eq!(ask(&moving, 10 + 73), Some(ASK_STALLED_MS));
        let ended = [told(10, 1, State::Delivered)];
        assert_eq!(ask(&ended, 10 + 24 * 30), Some(ASK_STALLED_MS));
        assert_eq!(ask(&ended, 10 + 24 * 30 + 1), None);
    }

    #[test]
    fn a_document_is_read_as_it_says() {
        let at = "2026-10-02T09:30:00+07:00";
        let read = |document: Value| Event::read(&document, hour(0), 1).map(|event| event.says);
        assert_eq!(read(json!({ "at": at, "state": "DELIVERED" })), Some(Says::State(State::Delivered)));
        let money = json!({ "at": at, "money": { "axis": "COD_COLLECTED", "amount": 50000 } });
        assert_eq!(read(money), Some(Says::Money(Axis::CodCollected, Some(50_000))));
        assert_eq!(read(json!({ "at": at, "unmapped": true })), Some(Says::Unknown));
        assert_eq!(read(json!({ "at": "soon" })), None);
        assert!(State::ALL.iter().all(|state| State::parse(state.as_str()) == Some(*state)));
    }

    fn event() -> impl Strategy<Value = Event> {
        let says = prop_oneof![
            8 => (0..State::ALL.len()).prop_map(|index| Says::State(State::ALL[index])),
            1 => Just(Says::Money(Axis::CodCollected, None)),
            1 => Just(Says::Unknown),
        ];
        (0..12i64, 0..12i64, any::<bool>(), says).prop_map(|(at, received, confirmed, says)| Event {
            at: hour(at),
            received: hour(received),
            sequence: 0,
            confirmed,
            says,
        })
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            events in proptest::collection::vec(event(), 0..12),
            order in any::<u64>(),
        ) {
            let numbered = |events: &[Event]| -> Vec<Event> {
                let number = |(index, event): (usize, &Event)| Event { sequence: index as u64, ..event.clone() };
                events.iter().enumerate().map(number).collect()
            };
            let mut other = events.clone();
            let mut chance = order | 1;
            for index in (1..other.len()).rev() {
                chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                other.swap(index, (chance >> 33) as usize % (index + 1));
            }
            let (one, two) = (fold(&numbered(&events), None), fold(&numbered(&other), None));
            prop_assert_eq!((one.state, one.since, one.tell), (two.state, two.since, two.tell));
            let sorted = |mut alerts: Vec<Alert>| { alerts.sort_by_key(|alert| *alert as u8); alerts };
            prop_assert_eq!((one.confirm, sorted(one.alerts)), (two.confirm, sorted(two.alerts)));
            // The same list in another order is the same altogether.
            let mut turned = numbered(&events);
            turned.reverse();
            prop_assert_eq!(fold(&numbered(&events), None), fold(&turned, None));
            prop_assert_eq!(events.len(), fold(&events, None).history.len());
        }
    }
}
