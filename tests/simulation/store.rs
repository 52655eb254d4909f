//! The model's store: what the tables hold, and what a transaction does to them. Whatever is in here outlives a crash.

use gateway_core::adapter::Effect;
use gateway_core::envelope::Class;
use gateway_core::ids::{Kind, MessageId, Moment};
use gateway_core::pipeline::{
    self, Admission, Again, DeliveryId, Facts, History, Incoming, LaneEntry, LaneFacts, Next, Seen,
    Settlement, State,
};

use super::senders::KINDS;

/// What local software says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    pub dossier: usize,
    pub class: Class,
    pub kind: &'static str,
    /// What makes it equal to another.
    pub tag: u8,
    pub status: &'static str,
}

/// An accepted message; it is its own delivery, because there is one peer.
#[derive(Debug, Clone)]
pub struct Row {
    pub item: Item,
    pub at: Moment,
    pub position: i64,
    pub state: State,
    pub ready_at: Moment,
    pub attempts: u32,
    pub away_strikes: u32,
    pub away_at: Option<Moment>,
    pub first_unclear_at: Option<Moment>,
    /// The latest call that is neither answered nor struck.
    pub unanswered: Option<(Effect, Moment)>,
    /// How often its call was made again without knowing.
    pub repeats: u32,
    /// What the timeline says.
    pub may_be_doubled: u32,
    pub was_in_doubt: bool,
    pub passed: bool,
}

/// Where a lane's delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// With us.
    Here,
    /// Handed over to the carrier at this moment.
    Queued(Moment),
    /// In a consumer's hands.
    Running,
}

/// A lane: one dossier at the one peer.
#[derive(Debug, Clone)]
pub struct Lane {
    pub accepted: bool,
    pub head: Option<Next>,
    pub place: Place,
    /// The delivery that was handed over, and how often anything was.
    pub handed: Option<DeliveryId>,
    pub hand_over: u64,
}

#[derive(Debug, Clone)]
pub struct Store {
    pub rows: Vec<Row>,
    pub lanes: Vec<Lane>,
    /// The latest time it knows of.
    pub latest: Moment,
    /// Broken on purpose: a state takes the place of whatever state waits.
    pub replaces_other_kinds: bool,
}

/// Equal within this counts as a late repeat.
const REPEAT_WINDOW_MS: i64 = 15 * 60_000;

impl Store {
    pub fn new(dossiers: usize) -> Store {
        let lane = Lane { accepted: false, head: None, place: Place::Here, handed: None, hand_over: 0 };
        Store {
            rows: Vec::new(),
            lanes: vec![lane; dossiers],
            latest: Moment::from_millis(0),
            replaces_other_kinds: false,
        }
    }

    pub fn row(&mut self, id: DeliveryId) -> &mut Row {
        &mut self.rows[id.0 as usize]
    }

    /// The transaction that admits an item.
    pub fn admit(&mut self, item: Item, at: Moment, forget_outbox: bool) -> Admission {
        let (digest, of) =
            ([item.tag; 16], |row: &&Row| row.item.dossier == item.dossier && row.item.kind == item.kind);
        let seen = |(place, row): (usize, &Row)| Seen {
            id: MessageId([place as u8; 16]),
            digest: [row.item.tag; 16],
            status: Some(row.item.status.to_owned()),
            at: row.at,
        };
        let latest = self.rows.iter().enumerate().rev().find(|(_, row)| of(row)).map(seen);
        let equal =
            self.rows.iter().enumerate().rev().find(|(_, row)| of(row) && row.item.tag == item.tag).map(seen);
        let facts =
            Facts { keyed: Vec::new(), latest, equal, repeat_window_ms: REPEAT_WINDOW_MS, told_since: None };
        let incoming =
            Incoming { class: item.class, digest: &digest, undated: false, status: Some(item.status), at };
        let admission = pipeline::admit(&incoming, &facts);
        if admission == Admission::News {
            self.accept(item, at, forget_outbox);
        }
        admission
    }

    fn accept(&mut self, item: Item, at: Moment, forget_outbox: bool) {
        let mut position = self.rows.iter().filter(|row| row.item.dossier == item.dossier).count() as i64;
        if item.class == Class::Snapshot && !forget_outbox {
            let entries = self.entries(item.dossier, None);
            for old in self.replaced(&entries, item.kind) {
                position = position.min(self.row(old).position);
                self.row(old).state = State::Superseded;
            }
        }
        self.rows.push(Row {
            item,
            at,
            position,
            state: State::Waiting,
            ready_at: at,
            attempts: 0,
            away_strikes: 0,
            away_at: None,
            first_unclear_at: None,
            unanswered: None,
            repeats: 0,
            may_be_doubled: 0,
            was_in_doubt: false,
            passed: false,
        });
        if forget_outbox {
            self.rows.last_mut().expect("just pushed").state = State::Discarded;
        }
        self.reorder(item.dossier, None);
    }

    fn replaced(&self, entries: &[LaneEntry], kind: &str) -> Vec<DeliveryId> {
        let kinds = if self.replaces_other_kinds { &KINDS[..] } else { &[kind] };
        kinds.iter().flat_map(|kind| pipeline::supersede(entries, &Kind::from(*kind))).collect()
    }

    /// The open deliveries of a lane, as the core sees them. `settling` is about to leave somebody's hands.
    pub fn entries(&self, dossier: usize, settling: Option<DeliveryId>) -> Vec<LaneEntry> {
        let lane = &self.lanes[dossier];
        let of_lane = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.item.dossier == dossier && row.state.is_open());
        let entry = |(place, row): (usize, &Row)| {
            let id = DeliveryId(place as i64);
            let once = matches!(row.unanswered, Some((Effect::Once, _)));
            LaneEntry {
                id,
                position: row.position,
                kind: Kind::from(row.item.kind),
                class: row.item.class,
                // What a crash between a call and its answer leaves is doubtful, although nobody could write it down.
                state: if once && row.state == State::Waiting { State::Doubtful } else { row.state },
                ready_at: row.ready_at,
                attempts: row.attempts,
                out: lane.place != Place::Here && lane.handed == Some(id) && settling != Some(id),
                once_on_record: once,
            }
        };
        of_lane.map(entry).collect()
    }

    /// Who goes next in this lane.
    pub fn reorder(&mut self, dossier: usize, settling: Option<DeliveryId>) {
        let entries = self.entries(dossier, settling);
        let facts = LaneFacts { accepted_snapshot: self.lanes[dossier].accepted };
        self.lanes[dossier].head = pipeline::head(&entries, facts);
    }

    /// Those that may pass the head of this lane now.
    pub fn passers(&self, dossier: usize, now: Moment) -> Vec<DeliveryId> {
        let facts = LaneFacts { accepted_snapshot: self.lanes[dossier].accepted };
        let passers = pipeline::passers(&self.entries(dossier, None), facts).into_iter();
        passers.filter(|next| next.ready_at <= now).map(|next| next.id).collect()
    }

    /// Given back by the carrier, or by whoever is gone.
    pub fn take_back(&mut self, dossier: usize) {
        self.lanes[dossier].place = Place::Here;
        self.lanes[dossier].handed = None;
        self.reorder(dossier, None);
    }

    pub fn history(&self, id: DeliveryId, peer_success_at: Option<Moment>) -> History {
        let row = &self.rows[id.0 as usize];
        History {
            attempts: row.attempts,
            away_strikes: row.away_strikes,
            away_at: row.away_at,
            peer_success_at,
            panics: 0,
            first_unclear_at: row.first_unclear_at,
            accepted_snapshot: self.lanes[row.item.dossier].accepted,
            class: Some(row.item.class),
        }
    }

    /// The transaction that settles a delivery, as the real one does it.
    pub fn settle(&mut self, id: DeliveryId, settlement: &Settlement, now: Moment) {
        let dossier = self.row(id).item.dossier;
        let doubtful = matches!(self.row(id).unanswered, Some((Effect::Once, _)));
        let waiting = if doubtful { State::Doubtful } else { State::Waiting };
        let row = self.row(id);
        match settlement {
            Settlement::Delivered { .. } => {
                row.state = State::Delivered;
                self.note_passed(id);
                if !self.lanes[dossier].accepted {
                    self.lanes[dossier].accepted = true;
                    self.release_held(dossier, now);
                }
            }
            Settlement::RetryAt { at, why, .. } => {
                row.state = waiting;
                row.ready_at = *at;
                row.attempts += u32::from(*why != Again::ReadBack);
                if *why == Again::Unclear {
                    row.first_unclear_at.get_or_insert(now);
                }
            }
            Settlement::Away { .. } => {
                row.state = waiting;
                row.ready_at = now;
                row.away_strikes += 1;
                row.away_at = Some(now);
                row.first_unclear_at = None;
            }
            Settlement::DeadLetter(_) => row.state = State::Dead,
            Settlement::InDoubt(_) => {
                row.state = State::InDoubt;
                row.was_in_doubt = true;
            }
            Settlement::Hold(_) => row.state = State::Held,
            Settlement::Superseded => row.state = State::Superseded,
        }
        if !matches!(settlement, Settlement::Delivered { .. } | Settlement::Superseded) {
            self.give_way(id);
        }
        self.lanes[dossier].place = Place::Here;
        self.lanes[dossier].handed = None;
        self.reorder(dossier, Some(id));
    }

    /// A snapshot that came back untaken gives way to a newer one that waits.
    fn give_way(&mut self, id: DeliveryId) {
        let (dossier, position) = (self.row(id).item.dossier, self.row(id).position);
        if self.row(id).item.class != Class::Snapshot {
            return;
        }
        let kind = Kind::from(self.row(id).item.kind);
        let waiting = pipeline::supersede(&self.entries(dossier, Some(id)), &kind);
        let newer = waiting.iter().copied().filter(|other| *other > id).max();
        if let Some(newer) = newer.filter(|_| waiting.contains(&id)) {
            self.row(id).state = State::Superseded;
            self.row(newer).position = position;
        }
    }

    fn note_passed(&mut self, id: DeliveryId) {
        let Row { item, position, .. } = *self.row(id);
        if item.class == Class::Snapshot {
            return;
        }
        let earlier =
            self.rows.iter_mut().filter(|row| row.item.dossier == item.dossier && row.position < position);
        for row in earlier
            .filter(|row| row.state.is_open() && row.item.class == Class::Event && row.state != State::Held)
        {
            row.passed = true;
        }
    }

    fn release_held(&mut self, dossier: usize, now: Moment) {
        for row in self.rows.iter_mut().filter(|row| row.item.dossier == dossier && row.state == State::Held)
        {
            (row.state, row.ready_at) = (State::Waiting, now);
        }
    }

    /// Nobody waits for a time to come again that was never true.
    pub fn bring_forward(&mut self, now: Moment) {
        for dossier in 0..self.lanes.len() {
            let of_lane =
                self.rows.iter_mut().filter(|row| row.item.dossier == dossier && row.state.is_open());
            for row in of_lane {
                row.ready_at = row.ready_at.min(now);
                row.unanswered = row.unanswered.map(|(effect, called_at)| (effect, called_at.min(now)));
            }
            self.reorder(dossier, None);
            // A hand-over of a time that was never true is as old as can be.
            if let Place::Queued(since) = &mut self.lanes[dossier].place {
                *since = (*since).min(now);
            }
        }
    }
}
