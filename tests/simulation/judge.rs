//! The promises, checked when everything has come to rest: nothing lost, effects once or equal, order per dossier, nothing stuck, doubt
//! only where nobody can tell.

use gateway_core::envelope::Class;
use gateway_core::pipeline::{DeliveryId, State};

use super::peer::Shows;
use super::senders::KINDS;
use super::store::Row;
use super::world::World;

pub fn judge(world: &World) -> Result<(), String> {
    let rows = || world.store.rows.iter().enumerate().map(|(place, row)| (DeliveryId(place as i64), row));
    for item in &world.taken {
        if !rows().any(|(_, row)| row.item == *item) {
            return Err(format!("lost: {item:?} was answered and is in no journal"));
        }
    }
    for (id, row) in rows() {
        let times = world.peer.times(id, &row.item);
        one(world, id, row, times)
            .map_err(|breach| format!("{breach}: {id:?} took effect {times} times, {row:?}"))?;
    }
    for (dossier, effects) in world.peer.effects.iter().enumerate() {
        order(world, effects)
            .map_err(|breach| format!("dossier {dossier}: {breach}; effects {effects:?}"))?;
        for kind in KINDS {
            let is_state = |row: &Row| row.item.class == Class::Snapshot && row.item.kind == kind;
            let last =
                rows().rfind(|(_, row)| row.item.dossier == dossier && is_state(row)).map(|(id, _)| id);
            let mut states = effects.iter().filter(|id| is_state(&world.store.rows[id.0 as usize]));
            if states.next_back().copied() != last {
                return Err(format!(
                    "lost: dossier {dossier} does not end with its latest state {last:?}; effects {effects:?}"
                ));
            }
        }
    }
    Ok(())
}

/// What became of one message.
fn one(world: &World, id: DeliveryId, row: &Row, times: usize) -> Result<(), &'static str> {
    let nobody_can_tell = row.item.class == Class::Event && world.peer.shows == Shows::Nothing;
    // An event of a dossier whose state nobody ever told waits for it, as it should.
    let has_state = world
        .store
        .rows
        .iter()
        .any(|other| other.item.dossier == row.item.dossier && other.item.class == Class::Snapshot);
    match row.state {
        State::Delivered if times == 0 => return Err("lost"),
        State::Delivered => {}
        State::Superseded if row.item.class == Class::Snapshot => {
            let newer = world.store.rows.iter().skip(id.0 as usize + 1);
            if !newer
                .into_iter()
                .any(|newer| newer.item.dossier == row.item.dossier && newer.item.kind == row.item.kind)
            {
                return Err("lost: superseded by nothing");
            }
        }
        State::Held | State::Waiting if !has_state => {}
        State::InDoubt if nobody_can_tell && row.was_in_doubt => {}
        State::InDoubt => return Err("doubt where somebody can tell"),
        State::Discarded => return Err("lost"),
        State::Dead => return Err("dead although nobody refused it"),
        _ => return Err("stuck"),
    }
    let allowed = match (row.item.class, world.peer.shows) {
        (Class::Event, Shows::Events) => 1,
        (Class::Event, Shows::Nothing) => 1 + row.may_be_doubled as usize,
        _ => usize::MAX,
    };
    if times > allowed { Err("doubled") } else { Ok(()) }
}

/// States of a kind never go back; a step comes for the first time after every step before it, unless that one was passed with good reason
/// and the timeline says so.
fn order(world: &World, effects: &[DeliveryId]) -> Result<(), String> {
    let row = |id: &DeliveryId| &world.store.rows[id.0 as usize];
    for kind in KINDS {
        let is_state = |id: &DeliveryId| row(id).item.class == Class::Snapshot && row(id).item.kind == kind;
        let states: Vec<DeliveryId> = effects.iter().copied().filter(is_state).collect();
        if let Some(pair) = states.windows(2).find(|pair| pair[1] < pair[0]) {
            return Err(format!("out of order: state {:?} after {:?}", pair[1], pair[0]));
        }
    }
    let mut first = Vec::new();
    for id in effects.iter().filter(|id| row(id).item.class == Class::Event) {
        if !first.contains(id) {
            first.push(*id);
        }
    }
    for (place, later) in first.iter().enumerate() {
        // Whatever comes first after it, or never, although it stood before it.
        let behind = world.store.rows.iter().enumerate().map(|(place, _)| DeliveryId(place as i64)).filter(
            |earlier| {
                row(earlier).item.class == Class::Event
                    && row(earlier).item.dossier == row(later).item.dossier
                    && row(earlier).position < row(later).position
                    && !first[..place].contains(earlier)
            },
        );
        for earlier in behind {
            let excused = world.excused.contains(&(*later, earlier));
            if !excused || !(row(&earlier).passed || row(&earlier).state == State::InDoubt) {
                return Err(format!(
                    "out of order: {later:?} before {earlier:?} (reason {excused}, said {})",
                    row(&earlier).passed
                ));
            }
        }
    }
    Ok(())
}
