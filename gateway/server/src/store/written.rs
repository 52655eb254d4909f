//! What came of writing about a delivery.

use super::carriage::News;
use super::types::{Admitted, ExchangeId, Head};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Written {
    /// The delivery had been settled by somebody else (superseded, discarded): nothing was written, do not go on.
    pub gone: bool,
    /// It came back untaken and gave way to a newer snapshot: it is over.
    pub superseded: bool,
    /// Its lane, which was claimed, is nobody's any more.
    pub given_back: bool,
    /// The numbers of the calls written, in order.
    pub exchanges: Vec<ExchangeId>,
    /// After a settlement: the lane's next head.
    pub next: Option<Head>,
    /// What followed for a shipment.
    pub news: News,
    /// What became of what the peer's answer said.
    pub said: Vec<Admitted>,
}
