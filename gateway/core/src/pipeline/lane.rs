//! Lanes: which delivery of one dossier at one peer goes next, and which waiting snapshot a newer one replaces.
//!
//! At most one delivery of a lane is ever out, so no carrier has to keep order. Position order holds, with these
//! exceptions, each so that one stuck step never holds the next:
//! - a dead-lettered or in-doubt *event* stands before nothing; neither does a dead-lettered snapshot before a newer one;
//! - what has used up [`STUCK_ATTEMPTS`] attempts of its own stands before nothing either, though it is still tried;
//! - only a snapshot of a dossier that the peer has *never* accepted holds back events, wherever it stands.
//!
//! A doubtful delivery (its call may have taken effect) is settled before anything else; an event whose call was made again and
//! is still in the dark waits long for its next turn and holds nothing meanwhile. A snapshot in doubt holds newer snapshots
//! until an operator has spoken, because a second create could take effect twice.
//! A snapshot is the state of what its kind speaks of: it takes the place of waiting ones of its own kind and of no other.
//! Deliberately absent: time. A delivery whose moment has not come is still the head; the lane is ready when it comes.

use std::collections::HashSet;

use serde_json::Value;

use crate::envelope::Class;
use crate::ids::{Kind, Moment};

/// So many attempts of its own, and a delivery no longer stands before others of its lane.
pub const STUCK_ATTEMPTS: u32 = 5;

/// A delivery's own number, given by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(pub i64);

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// To be made, now or at its moment.
    Waiting,
    /// A call whose effect counts once got no usable answer; the next attempt asks the peer first.
    Doubtful,
    /// An event of a dossier the peer does not know; waits until a snapshot is accepted.
    Held,
    /// Nobody can tell whether it took effect; an operator decides.
    InDoubt,
    /// The peer or a rule of ours refused it; an operator or a mended file helps.
    Dead,
    /// The peer took it.
    Delivered,
    /// A newer snapshot took its place.
    Superseded,
    /// An operator gave it up, with a reason.
    Discarded,
}

impl State {
    /// All states with their names in the store, the timeline and the metrics.
    pub const ALL: [(State, &'static str); 8] = [
        (State::Waiting, "waiting"),
        (State::Doubtful, "doubtful"),
        (State::Held, "held"),
        (State::InDoubt, "in-doubt"),
        (State::Dead, "dead"),
        (State::Delivered, "delivered"),
        (State::Superseded, "superseded"),
        (State::Discarded, "discarded"),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, name)| name)
    }

    /// The state of this name.
    pub fn parse(text: &str) -> Option<State> {
        Self::ALL.iter().find(|(_, name)| *name == text).map(|(state, _)| *state)
    }

    /// May it still go out?
    pub fn is_open(self) -> bool {
        !matches!(self, State::Delivered | State::Superseded | State::Discarded)
    }
}

impl serde::Serialize for State {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for State {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        State::parse(&name).ok_or_else(|| serde::de::Error::custom("no such state of a delivery"))
    }
}

/// One open delivery of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneEntry {
    /// Which.
    pub id: DeliveryId,
    /// Its place in the lane; lower goes first.
    pub position: i64,
    /// What it says.
    pub kind: Kind,
    /// Snapshot or event.
    pub class: Class,
    /// Its state.
    pub state: State,
    /// Not before this moment.
    pub ready_at: Moment,
    /// Attempts of its own, without those that failed because the peer was away.
    pub attempts: u32,
    /// Somebody is delivering it right now.
    pub out: bool,
    /// A call whose effect counts once is on record and not struck.
    pub once_on_record: bool,
}

/// What is known of a lane beside its deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneFacts {
    /// The peer has accepted a snapshot of this dossier (or an event, which shows that it knows the dossier).
    pub accepted_snapshot: bool,
}

/// The delivery that goes next, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Which.
    pub id: DeliveryId,
    /// Not before this moment.
    pub ready_at: Moment,
}

/// The delivery of a lane that goes next; none if all wait for a person, a file or a snapshot.
pub fn head(entries: &[LaneEntry], lane: LaneFacts) -> Option<Next> {
    let mut entries: Vec<&LaneEntry> = entries.iter().filter(|entry| entry.state.is_open()).collect();
    entries.sort_by_key(|entry| entry.position);
    let next = |entry: &LaneEntry| Next { id: entry.id, ready_at: entry.ready_at };
    if let Some(first) = entries.iter().find(|entry| entry.out || is_settled_first(entry)) {
        return Some(next(first));
    }
    let mut candidates = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        if !may_go(entry, &entries[..index], &entries, lane) {
            continue;
        }
        candidates.push(next(entry));
        if entry.attempts < STUCK_ATTEMPTS && entry.state != State::Doubtful {
            break;
        }
    }
    // Stable: of equal moments the lower position.
    candidates.into_iter().min_by_key(|next| next.ready_at)
}

/// Those that may go before the head of a lane, while it is tried in vain because the peer is away: in position order, all that
/// it does not hold. None where something is doubtful: asking about that has no effect, so it is the better probe.
pub fn passers(entries: &[LaneEntry], lane: LaneFacts) -> Vec<Next> {
    let Some(first) = head(entries, lane) else { return Vec::new() };
    let mut entries: Vec<&LaneEntry> = entries.iter().filter(|entry| entry.state.is_open()).collect();
    entries.sort_by_key(|entry| entry.position);
    if entries.iter().any(|entry| entry.out || is_settled_first(entry)) {
        return Vec::new();
    }
    let others = entries.iter().enumerate().filter(|(_, entry)| entry.id != first.id);
    let may_pass = others.filter(|(index, entry)| {
        entry.state == State::Waiting && may_go(entry, &entries[..*index], &entries, lane)
    });
    may_pass.map(|(_, entry)| Next { id: entry.id, ready_at: entry.ready_at }).collect()
}

/// Is everything else of the lane to wait until this is known? An event with attempts of its own behind it was asked about and
/// made again already: it holds nothing.
fn is_settled_first(entry: &LaneEntry) -> bool {
    entry.state == State::Doubtful && (entry.class == Class::Snapshot || entry.attempts == 0)
}

/// May this one go, apart from its moment and from waiting ones before it?
fn may_go(entry: &LaneEntry, before: &[&LaneEntry], all: &[&LaneEntry], lane: LaneFacts) -> bool {
    match (entry.state, entry.class) {
        (State::Waiting, Class::Snapshot) => {
            !before.iter().any(|other| other.class == Class::Snapshot && other.state == State::InDoubt)
        }
        // The first event of a lane that knows nothing asks the peer; once the answer was "unknown", later ones wait with it.
        (State::Waiting, _) => {
            lane.accepted_snapshot
                || !(all.iter().any(|other| other.class == Class::Snapshot)
                    || before.iter().any(|other| other.state == State::Held))
        }
        (State::Held, _) => lane.accepted_snapshot,
        (State::Doubtful, _) => true,
        _ => false,
    }
}

/// The waiting snapshots whose place a newer one of this kind takes, in position order; the newer one gets the first one's position.
pub fn supersede(entries: &[LaneEntry], kind: &Kind) -> Vec<DeliveryId> {
    let mut taken: Vec<&LaneEntry> = entries
        .iter()
        .filter(|entry| {
            entry.class == Class::Snapshot
                && entry.kind == *kind
                && entry.state == State::Waiting
                && !entry.out
                && !entry.once_on_record
        })
        .collect();
    taken.sort_by_key(|entry| entry.position);
    taken.iter().map(|entry| entry.id).collect()
}

/// Carries over what only the older snapshot says: papers it deletes (`deleted: true`) that the newer one does not
/// mention, because the newer one lists what is there and the peer would keep the file for ever. True if anything was carried.
pub fn carry_over(old: &Value, new: &mut Value) -> bool {
    let Some(old_papers) = old.get("papers").and_then(Value::as_array) else { return false };
    let known: HashSet<String> =
        new.get("papers").and_then(Value::as_array).into_iter().flatten().filter_map(paper_id).collect();
    let missing: Vec<Value> = old_papers
        .iter()
        .filter(|paper| paper.get("deleted").is_some_and(is_true))
        .filter(|paper| paper_id(paper).is_some_and(|id| !known.contains(&id)))
        .cloned()
        .collect();
    let Some(document) = new.as_object_mut() else { return false };
    if missing.is_empty() {
        return false;
    }
    match document.entry("papers").or_insert_with(|| Value::Array(Vec::new())) {
        Value::Array(papers) => papers.extend(missing),
        other => *other = Value::Array(missing),
    }
    true
}

/// The canonical model says `"true"`; a declared peer's mapping may say `true`.
fn is_true(value: &Value) -> bool {
    *value == Value::Bool(true) || value == "true"
}

/// Some senders number papers, some name them; `7` and `"7"` are the same paper.
fn paper_id(paper: &Value) -> Option<String> {
    match paper.get("id")? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
