//! Who is told nothing at present: after a restored backup everybody, until somebody has looked and says `lienthong resume`.
//!
//! What a restart sees: the same, because the list stands in the store. Paused are deliveries and what is asked by the clock;
//! doors go on accepting, and questions of callers are answered, because they leave nothing behind.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use gateway_core::ids::PeerName;

use super::App;
use crate::store::{EVERYBODY, Store, StoreError};

/// The paused peers, as the store has them.
pub(super) struct Pauses(Mutex<BTreeSet<String>>);

impl Pauses {
    /// As the store has them; says so in the log, with the hours that are missing.
    pub(super) async fn of(store: &Store) -> Result<Self, StoreError> {
        let paused = store.paused().await?;
        if let (false, Some(restored)) = (paused.is_empty(), store.restored()) {
            let (from, until) = (restored.missing_from, restored.missing_until);
            tracing::warn!(event = "restored", missing_from = %from, missing_until = %until);
        }
        if !paused.is_empty() {
            tracing::warn!(event = "paused", peers = ?paused);
        }
        Ok(Pauses(Mutex::new(paused)))
    }
}

impl App {
    /// Is nothing sent to this peer at present?
    pub fn is_paused(&self, peer: &PeerName) -> bool {
        let paused = self.paused.0.lock().unwrap_or_else(PoisonError::into_inner);
        paused.contains(EVERYBODY) || paused.contains(peer.as_str())
    }

    /// Who is paused; `*` for all.
    pub fn paused_peers(&self) -> BTreeSet<String> {
        self.paused.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets everybody go on; gives who was paused.
    pub async fn resume(&self, by: &str) -> Result<BTreeSet<String>, StoreError> {
        self.store.pause(BTreeSet::new()).await?;
        let paused = std::mem::take(&mut *self.paused.0.lock().unwrap_or_else(PoisonError::into_inner));
        tracing::info!(event = "resumed", by, peers = ?paused);
        for room in self.peers.values() {
            room.bell.ring();
            room.poll_bell.ring();
        }
        Ok(paused)
    }
}
