//! What local software says.

use conformance::chance::Chance;
use gateway_core::envelope::Class;

use super::store::Item;

const STATUSES: [&str; 6] = ["1", "2", "4", "5", "9", "10"];

/// Two kinds of states, of which each stands for itself, and one of steps.
pub const KINDS: [&str; 3] = ["recorded", "submitted", "progressed"];

/// What a sender has to say of its dossier: a state first, mostly, and statuses that go forward.
pub fn plan(chance: &mut Chance, dossier: usize) -> Vec<Item> {
    let length = 3 + chance.below(4);
    let mut status = 0;
    let item = |place: usize| {
        status = (status + chance.below(2)).min(STATUSES.len() - 1);
        let is_state = if place == 0 { chance.below(8) > 0 } else { chance.below(3) == 0 };
        let class = if is_state { Class::Snapshot } else { Class::Event };
        let kind = KINDS[if is_state { usize::from(chance.below(4) == 0) } else { 2 }];
        Item { dossier, class, kind, tag: place as u8, status: STATUSES[status] }
    };
    (0..length).map(item).collect()
}
