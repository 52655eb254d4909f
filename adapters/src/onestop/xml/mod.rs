//! The relay's two messages in XML, as the national standard allows it beside JSON.
//!
//! The same paths and query as the relay; the body's root is named as the call, each child is an item. Items stay XML:
//! their schema and mapping read them. The answer is XML too.

mod inbound;
mod wire;

use super::Framed;

/// The embassy. It has no settings: everything stands in the call.
pub(super) const XML: Framed = Framed { receive: inbound::receive, reply: inbound::reply };
