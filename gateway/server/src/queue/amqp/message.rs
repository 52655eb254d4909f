//! A hand-over as a message of the broker, and back. The message carries itself: properties, headers and the sealed document; what it says
//! decides nothing, because the store does. What is large stays behind as a claim.

use gateway_core::pipeline::DeliveryId;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};

use crate::store::{Carried, Handover, LaneId, Store, StoreError};

const STORE: &str = "x-store";
const PEER: &str = "x-peer";
const LANE: &str = "x-lane";
const DELIVERY: &str = "x-delivery";
const HANDOVER: &str = "x-handover";
const ATTEMPT: &str = "x-attempt";
const KEY: &str = "x-key";
const MAPPING: &str = "x-mapping";
const TRACEPARENT: &str = "traceparent";

/// All headers, for the description of the queues.
pub(crate) const HEADERS: [(&str, &str); 9] = [
    (STORE, "string"),
    (PEER, "string"),
    (LANE, "integer"),
    (DELIVERY, "integer"),
    (HANDOVER, "integer"),
    (ATTEMPT, "integer"),
    (KEY, "string"),
    (MAPPING, "string"),
    (TRACEPARENT, "string"),
];

/// A sealed document is nothing that anybody but its store could read.
pub(crate) const CONTENT_TYPE: &str = "application/vnd.lienthong.sealed";
const PERSISTENT: u8 = 2;

/// Why nobody can use a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// It lacks a header, or one has no sense.
    NoHeaders,
    /// Another store's.
    OtherStore,
    /// Sealed with a key that was not given.
    WrongKey,
    /// Its bytes are not those that were sealed.
    Damaged,
}

impl Unreadable {
    /// The code that the journal keeps.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Unreadable::NoHeaders => "carrier.no-headers",
            Unreadable::OtherStore => "carrier.other-store",
            Unreadable::WrongKey => "carrier.wrong-key",
            Unreadable::Damaged => "carrier.damaged",
        }
    }
}

/// The same hand-over has the same id, however often it is sent.
pub(crate) fn id(handover: &Handover) -> String {
    format!("{}/{}", handover.delivery.0, handover.number)
}

/// Properties and headers of a hand-over.
pub(crate) fn properties(carried: &Carried, store: &str, peer: &str) -> BasicProperties {
    let mut headers = FieldTable::default();
    let mut text = |name: &str, value: &str| {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    };
    text(STORE, store);
    text(PEER, peer);
    text(KEY, &carried.key_id());
    if let Some(mapping) = &carried.mapping {
        text(MAPPING, &format!("{}@{}", mapping.name, mapping.fingerprint));
    }
    if let Some(traceparent) = &carried.traceparent {
        text(TRACEPARENT, traceparent);
    }
    let handover = &carried.handover;
    let numbers = [
        (LANE, handover.lane.0),
        (DELIVERY, handover.delivery.0),
        (HANDOVER, handover.number),
        (ATTEMPT, i64::from(carried.attempts) + 1),
    ];
    for (name, value) in numbers {
        headers.insert(name.into(), AMQPValue::LongLongInt(value));
    }
    BasicProperties::default()
        .with_delivery_mode(PERSISTENT)
        .with_content_type(CONTENT_TYPE.into())
        .with_message_id(id(handover).into())
        .with_correlation_id(carried.correlation.as_str().into())
        .with_type(carried.kind.as_str().into())
        .with_timestamp(carried.at.as_millis().unsigned_abs() / 1_000)
        .with_app_id("lienthong".into())
        .with_headers(headers)
}

/// The hand-over that a message is about, if it is one of this store's and opens.
pub(crate) fn read(delivery: &Delivery, store: &Store) -> Result<Handover, Unreadable> {
    let headers = delivery.properties.headers().as_ref().ok_or(Unreadable::NoHeaders)?;
    let text = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongString(text)) => Ok(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        _ => Err(Unreadable::NoHeaders),
    };
    let number = |name: &str| match headers.inner().get(name) {
        Some(AMQPValue::LongLongInt(number)) => Ok(*number),
        Some(AMQPValue::LongInt(number)) => Ok(i64::from(*number)),
        _ => Err(Unreadable::NoHeaders),
    };
    if text(STORE)? != store.id() {
        return Err(Unreadable::OtherStore);
    }
    let handover = Handover {
        lane: LaneId(number(LANE)?),
        delivery: DeliveryId(number(DELIVERY)?),
        number: number(HANDOVER)?,
    };
    match store.try_sealed(&delivery.data) {
        Ok(()) => Ok(handover),
        Err(StoreError::WrongKey(_)) => Err(Unreadable::WrongKey),
        Err(_) => Err(Unreadable::Damaged),
    }
}
