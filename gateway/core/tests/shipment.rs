//! The state of a shipment from outside, each test named after what was seen to go wrong.

use gateway_core::ids::Moment;
use gateway_core::shipment::{Alert, Axis, Counted, Event, Says, Shipment, State, fold};
use proptest::prelude::*;
use serde_json::{Value, json};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const ASK_MOVING_MS: i64 = 2 * HOUR_MS;
const ASK_STALLED_MS: i64 = 24 * HOUR_MS;

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
    let near =
        Event { at: hour(2).plus_millis(10 * MINUTE_MS), received: hour(2), ..told(2, 2, State::PickedUp) };
    let shipment = fold(&[future, near, told(4, 3, State::OutForDelivery)], None);
    assert_eq!(shipment.state, Some(State::OutForDelivery));
    assert_eq!(counted(&shipment), [Counted::Moved, Counted::Moved, Counted::Quarantined]);
    assert_eq!(shipment.alerts, [Alert::FutureDated]);
}

#[test]
fn money_after_delivery_never_overwrites_it() {
    let remitted = Event { says: Says::Money(Axis::CodRemitted, Some(50_000)), ..told(9, 9, State::Draft) };
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
    assert_eq!((shipment.state, shipment.tell), (Some(State::InTransit), Some((State::PickedUp, hour(1)))));
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
fn an_end_that_was_told_is_not_taken_back_by_an_earlier_one() {
    let delivered = told(10, 1, State::Delivered);
    let earlier = told(5, 2, State::Returned);
    // Dated before the other, heard after it.
    let events = [told(1, 0, State::InTransit), delivered, earlier];
    let shipment = fold(&events, Some(State::Delivered));
    assert_eq!((shipment.state, shipment.tell), (Some(State::Delivered), None));
    assert_eq!(counted(&shipment), [Counted::Moved, Counted::AfterEnd, Counted::Moved]);
    assert_eq!(shipment.alerts, [Alert::TwoEnds]);
    // As long as nobody was told of either, the dates decide.
    assert_eq!(fold(&events, Some(State::InTransit)).state, Some(State::Returned));
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
