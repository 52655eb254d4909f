//! Which deliveries somebody is working on right now: memory only, empty after a restart, as it should be.
//!
//! The journal alone cannot tell a delivery between two calls from one that waits for its next attempt; a newer
//! snapshot may take the place of the second only.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use gateway_core::pipeline::DeliveryId;

/// The deliveries in somebody's hands.
#[derive(Clone, Default)]
pub(super) struct Taken(Arc<Mutex<HashSet<i64>>>);

impl Taken {
    /// Takes a delivery; none if somebody has it already.
    pub(super) fn take(&self, id: DeliveryId) -> Option<Hold> {
        let mut set = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        set.insert(id.0).then(|| Hold { taken: self.clone(), id })
    }

    /// Gives a delivery back before its hold is dropped: with its settlement it left those hands, whatever they still do.
    pub(super) fn release(&self, id: DeliveryId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id.0);
    }

    pub(super) fn contains(&self, id: DeliveryId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&id.0)
    }
}

/// A delivery in somebody's hands; given back when dropped, also by a panic.
pub struct Hold {
    taken: Taken,
    id: DeliveryId,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hold({})", self.id.0)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.taken.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id.0);
    }
}
