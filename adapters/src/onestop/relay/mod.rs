//! The provincial wrapper's shape: a bare JSON array in the body, the unit and create-or-update in the query.
//!
//! The answer is an envelope like the portal's, with a line for each item.

mod inbound;

use super::Framed;

/// The embassy. It has no settings: everything stands in the call.
pub(super) const RELAY: Framed = Framed { receive: inbound::receive, reply: inbound::reply };
