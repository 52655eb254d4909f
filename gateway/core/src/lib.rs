//! The core of Liên Thông: what a message is, and what should happen to it.
//!
//! Everything here is a function from values to values. There is no socket, no disk, no clock and no chance in
//! this package: time and chance are arguments. No type is shaped by a peer's wire format.
//!
//! Read in this order:
//! 1. `envelope`, `ids`, `dossier`: who says what to whom, about which dossier
//! 2. [`fault`]: what can go wrong, who is to blame, what helps
//! 3. `adapter`, `channel`: what a peer's embassy must be able to do, and which doors it opens
//! 4. [`schema`], [`translator`]: is this what its contract says, and how does it become something else
//! 5. `pipeline`, `redelivery`: the decisions: admit, order, settle, try again
//! 6. `licence`, `pace`: who may ask the population database what, and how fast; `webhook`: calls that are signed
//! 7. [`shipment`], [`waybill`]: where something that a carrier carries is, by all that was told of it, and what is said of it;
//!    [`payment`]: whether money counts as paid

pub mod adapter;
pub mod catalogue;
pub mod channel;
pub mod dossier;
pub mod envelope;
pub mod fault;
pub mod ids;
pub mod json;
pub mod licence;
pub mod lift;
pub mod lookup;
pub mod pace;
pub mod payment;
pub mod pipeline;
pub mod redelivery;
pub mod schema;
pub mod shipment;
pub mod translator;
pub mod waybill;
pub mod webhook;
