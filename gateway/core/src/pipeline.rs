//! The decisions: is this refused or accepted, is it news, which delivery of a lane goes next, and what becomes of one that was
//! tried.
//!
//! Six questions, six files: [`mod@unread`] (whose affair is an item that could not be read), [`mod@admit`] (repeats),
//! [`lane`] (order within one dossier at one peer, and which waiting snapshot a newer one replaces), [`mod@settle`] (what an
//! outcome means for a delivery) and [`mod@read_back`] (what the answer to "did it take effect" means for one in doubt), [`retention`] (what of a dossier has had its time). All of it is a function of its arguments: the facts are read by the store in the transaction
//! that writes the result, time and chance are given. Not here: when a peer counts as away (`redelivery`), and anything that
//! knows a peer by name.

pub mod admit;
pub mod lane;
pub mod read_back;
pub mod retention;
pub mod settle;
pub mod unread;

pub use admit::{Admission, Digest, Facts, Incoming, Seen, admit};
pub use lane::{
    DeliveryId, LaneEntry, LaneFacts, Next, STUCK_ATTEMPTS, State, carry_over, head, passers, supersede,
};
pub use read_back::{OnUnknown, Reading, read_back};
pub use settle::{Again, CallFate, History, Outcome, Policy, Ruling, Settlement, settle};
pub use unread::{Found, Unread, as_ours, unread};
