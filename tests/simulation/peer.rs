//! The model's peer: what took effect there, in which order. It may take effect after the caller has given up, within its own
//! processing time; a dossier's calls it works off one after the other.

use gateway_core::envelope::Class;
use gateway_core::pipeline::DeliveryId;

use super::store::Item;

/// Its longest processing time.
pub const PROCESSING_MS_MAX: i64 = 120_000;

/// Can a lost answer be asked back?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    Events,
    Nothing,
}

#[derive(Debug)]
pub struct Peer {
    pub shows: Shows,
    pub is_up: bool,
    /// Deliveries in the order of their effects, by dossier.
    pub effects: Vec<Vec<DeliveryId>>,
    /// Taken and not yet in effect: which delivery, of which dossier, and for how much longer by the peer's own clock.
    pub late: Vec<(DeliveryId, Item, i64)>,
}

impl Peer {
    pub fn new(shows: Shows, dossiers: usize) -> Peer {
        Peer { shows, is_up: true, effects: vec![Vec::new(); dossiers], late: Vec::new() }
    }

    pub fn knows(&self, dossier: usize, is_snapshot: impl Fn(DeliveryId) -> bool) -> bool {
        self.effects[dossier].iter().any(|id| is_snapshot(*id))
    }

    pub fn take_effect(&mut self, id: DeliveryId, item: Item) {
        self.finish(|late| late.1.dossier == item.dossier && late.1.class == Class::Snapshot);
        self.effects[item.dossier].push(id);
    }

    /// Taken, and in effect after so long. Of one dossier's states it begins with the next when it is done with the one before.
    pub fn take_late(&mut self, id: DeliveryId, item: Item, millis: i64) {
        if item.class == Class::Snapshot {
            self.finish(|late| late.1.dossier == item.dossier && late.1.class == Class::Snapshot);
        }
        self.late.push((id, item, millis));
    }

    /// What it had taken of these takes effect.
    pub fn finish(&mut self, which: impl Fn(&(DeliveryId, Item, i64)) -> bool) {
        let (done, left) = std::mem::take(&mut self.late).into_iter().partition(|late| which(late));
        self.late = left;
        let done: Vec<(DeliveryId, Item, i64)> = done;
        for (id, item, _) in done {
            self.effects[item.dossier].push(id);
        }
    }

    /// Time passes for it, which no clock of ours can turn.
    pub fn pass(&mut self, millis: i64) {
        for late in &mut self.late {
            late.2 -= millis;
        }
        self.finish(|late| late.2 <= 0);
    }

    pub fn times(&self, id: DeliveryId, item: &Item) -> usize {
        self.effects[item.dossier].iter().filter(|known| **known == id).count()
    }
}
