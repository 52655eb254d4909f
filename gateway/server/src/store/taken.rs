//! Which deliveries somebody is working on right now: memory only, empty after a restart, as it should be.
//!
//! The journal alone cannot tell a delivery between two calls from one that waits for its next attempt; a newer
//! snapshot may take the place of the second only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::pipeline::DeliveryId;

/// The deliveries in somebody's hands.
#[derive(Clone, Default)]
pub(super) struct Taken(Arc<Mutex<Hands>>);

#[derive(Default)]
struct Hands {
    /// Which hold each delivery is in.
    by: HashMap<i64, u64>,
    count: u64,
}

impl Taken {
    /// Takes a delivery; none if somebody has it already.
    pub(super) fn take(&self, id: DeliveryId) -> Option<Hold> {
        let mut hands = self.hands();
        if hands.by.contains_key(&id.0) {
            return None;
        }
        hands.count += 1;
        let number = hands.count;
        hands.by.insert(id.0, number);
        Some(Hold { taken: self.clone(), id, number })
    }

    /// Gives a delivery back before its hold is dropped: with its settlement it left those hands, whatever they still do.
    pub(super) fn release(&self, id: DeliveryId) {
        self.hands().by.remove(&id.0);
    }

    pub(super) fn contains(&self, id: DeliveryId) -> bool {
        self.hands().by.contains_key(&id.0)
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A delivery in somebody's hands; given back when dropped, also by a panic. One that was released and has come into other hands stays there.
pub struct Hold {
    taken: Taken,
    id: DeliveryId,
    number: u64,
}

impl std::fmt::Debug for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hold({})", self.id.0)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut hands = self.taken.hands();
        if hands.by.get(&self.id.0) == Some(&self.number) {
            hands.by.remove(&self.id.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_comes_late_to_give_back_takes_nothing_out_of_other_hands() {
        let (taken, id) = (Taken::default(), DeliveryId(7));
        let first = taken.take(id).unwrap();
        assert!(taken.take(id).is_none());
        // Settled: the next attempt may begin before the one that settled has ended.
        taken.release(id);
        let second = taken.take(id).unwrap();
        drop(first);
        assert!(taken.contains(id) && taken.take(id).is_none());
        drop(second);
        assert!(!taken.contains(id));
    }
}
