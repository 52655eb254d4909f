//! The model's world: who acts next, what goes wrong, and the quiet end.

use std::collections::{HashMap, HashSet};

use conformance::chance::Chance;
use gateway_core::ids::Moment;
use gateway_core::pipeline::{DeliveryId, STUCK_ATTEMPTS, State};
use gateway_core::redelivery::{Availability, Presence, probe};

use super::consumer::{Claim, Consumer, Stage};
use super::judge;
use super::mistake::Mistake;
use super::peer::{Peer, Shows};
use super::senders::plan;
use super::store::{Item, Place, Store};

/// A hand-over that nobody took for so long is made again.
const SWEPT_AFTER_MS: i64 = 30_000;
/// The clock was set back if it is so far behind what was seen before.
const SET_BACK_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600_000;
const DOSSIERS: usize = 2;
const CONSUMERS: usize = 3;
/// What comes to rest in the end does so within so many actions, or it goes in circles.
const ACTIONS_MAX: usize = 5_000;

/// A call at the door.
#[derive(Debug, Clone, Copy)]
struct Call {
    item: Item,
    admitted: bool,
    answered: bool,
}

pub struct World<'a> {
    pub chance: Chance,
    pub now: Moment,
    pub store: Store,
    pub peer: Peer,
    pub storm: bool,
    mistake: Option<Mistake>,
    told: Option<&'a mut dyn FnMut(&str)>,
    // From here on: memory, gone with a crash.
    pub consumers: Vec<Consumer>,
    pub availability: Availability,
    /// What the next commit of a delivery will note: whether its repetition may be a second one.
    pub notes: HashMap<DeliveryId, bool>,
    to_publish: Vec<Claim>,
    calls: Vec<Call>,
    latest: Moment,
    // The broker's.
    pub queue: Vec<Claim>,
    // The senders' own.
    plans: Vec<Vec<Item>>,
    said: Vec<usize>,
    pub taken: Vec<Item>,
    /// Who was handed over past whom, with good reason.
    pub excused: HashSet<(DeliveryId, DeliveryId)>,
}

impl World<'_> {
    /// Plays the schedule of a seed to its quiet end, and judges it.
    pub fn play(
        seed: u64,
        mistake: Option<Mistake>,
        told: Option<&mut dyn FnMut(&str)>,
    ) -> Result<(), String> {
        let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..4).for_each(|_| {
            chance.below(2);
        });
        let shows = if chance.below(2) == 0 { Shows::Events } else { Shows::Nothing };
        let plans = (0..DOSSIERS).map(|dossier| plan(&mut chance, dossier)).collect();
        let now = Moment::from_millis(100 * HOUR_MS);
        let mut world = World {
            chance,
            now,
            store: Store {
                replaces_other_kinds: mistake == Some(Mistake::ReplacesOtherKinds),
                ..Store::new(DOSSIERS)
            },
            peer: Peer::new(shows, DOSSIERS),
            storm: true,
            mistake,
            told,
            consumers: vec![Consumer::idle(); CONSUMERS],
            availability: Availability::new(4),
            notes: HashMap::new(),
            to_publish: Vec::new(),
            calls: Vec::new(),
            latest: now,
            queue: Vec::new(),
            plans,
            said: vec![0; DOSSIERS],
            taken: Vec::new(),
            excused: HashSet::new(),
        };
        for _ in 0..60 + world.chance.below(160) {
            world.act();
        }
        world.come_to_rest()?;
        judge::judge(&world)
    }

    pub fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// Once in so many times, while the storm lasts.
    pub fn happens(&mut self, times: usize) -> bool {
        self.storm && self.chance.below(times) == 0
    }

    pub fn tell(&mut self, words: impl FnOnce() -> String) {
        if let Some(told) = &mut self.told {
            told(&format!("{} {}", self.now.as_millis() - 100 * HOUR_MS, words()));
        }
    }

    /// One action of anybody.
    fn act(&mut self) {
        match self.chance.below(24) {
            0..=2 => self.say(),
            3..=6 => drop(self.serve()),
            7..=8 => drop(self.hand_over()),
            9..=10 => drop(self.publish()),
            11..=20 => {
                let which = self.chance.below(CONSUMERS);
                self.consume(which);
            }
            21 => drop(self.sweep()),
            22 => {
                let millis = [10, 400, 3_000, 40_000][self.chance.below(4)];
                self.pass(millis);
            }
            _ => self.suffer(),
        }
    }

    fn suffer(&mut self) {
        match self.chance.below(8) {
            0..=1 => self.crash(),
            2 => self.jump(),
            3 => self.queue.clear(),
            4 => self.queue.extend_from_within(..),
            5 => self.peer.is_up = false,
            6 => self.peer.is_up = true,
            _ => self.pass(200_000),
        }
    }

    /// Power is back at once; what was only in memory is gone.
    fn crash(&mut self) {
        self.tell(|| "crash".to_owned());
        // What nobody acknowledged is there again.
        self.queue.extend(self.consumers.iter().filter_map(|consumer| consumer.claim));
        self.consumers = vec![Consumer::idle(); CONSUMERS];
        self.availability = Availability::new(4);
        self.notes.clear();
        self.to_publish.clear();
        self.calls.clear();
        self.latest = self.store.latest;
        for dossier in 0..DOSSIERS {
            if self.store.lanes[dossier].place == Place::Running && !self.makes(Mistake::ForgetsWhoWasRunning)
            {
                self.store.take_back(dossier);
            }
        }
    }

    /// The clock is turned. Forward, the peer is done with everything before: a wall clock that jumps over its processing time while
    /// it is still at work cannot be told from time that passed.
    fn jump(&mut self) {
        // Whatever is accepted wakes the loop, so it looks at least once between two jumps.
        self.look_at_the_clock();
        self.let_calls_leave();
        let millis = self.chance.below(7 * HOUR_MS as usize) as i64;
        if self.chance.below(2) == 0 {
            self.peer.finish(|_| true);
            self.now = self.now.plus_millis(millis);
        } else {
            self.now = self.now.plus_millis(-millis);
        }
        self.tell(|| format!("clock jumped, {millis} ms either way"));
    }

    /// Between the journal and the first byte, and between a decision and its commit, there is no time: what is about to call has
    /// called, and what is decided is written, before time passes.
    fn let_calls_leave(&mut self) {
        for which in 0..CONSUMERS {
            if matches!(self.consumers[which].stage, Stage::Calling | Stage::Recording(_)) {
                self.consume(which);
            }
        }
    }

    fn pass(&mut self, millis: i64) {
        self.let_calls_leave();
        self.now = self.now.plus_millis(millis);
        self.peer.pass(millis);
    }

    /// A sender says what it has to say next, or, now and then, something again.
    fn say(&mut self) {
        let dossier = self.chance.below(DOSSIERS);
        let (said, plan) = (self.said[dossier], &self.plans[dossier]);
        let again = said > 0 && self.chance.below(8) == 0;
        let item = if again { Some(plan[self.chance.below(said)]) } else { plan.get(said).copied() };
        if let Some(item) = item.filter(|_| self.calls.len() < 4) {
            self.calls.push(Call { item, admitted: false, answered: false });
        }
    }

    /// The next action of a call at the door: admitted and committed, then answered.
    fn serve(&mut self) -> bool {
        if self.calls.is_empty() {
            return false;
        }
        let place = self.chance.below(self.calls.len());
        let Call { item, admitted, answered } = self.calls[place];
        let hasty = self.makes(Mistake::AnswersBeforeItCommits);
        if admitted || (hasty && !answered) {
            self.calls[place].answered = true;
            self.taken.push(item);
            let dossier = item.dossier;
            if self.plans[dossier].get(self.said[dossier]) == Some(&item) {
                self.said[dossier] += 1;
            }
            self.tell(|| format!("taken {item:?}"));
        } else {
            let forgetful = self.makes(Mistake::ForgetsTheOutbox);
            let admission = self.store.admit(item, self.now, forgetful);
            self.commit();
            self.calls[place].admitted = true;
            self.tell(|| format!("{admission:?} {item:?}"));
        }
        let Call { admitted, answered, .. } = self.calls[place];
        if admitted && answered {
            self.calls.swap_remove(place);
        }
        true
    }

    /// Something is on disk, under this time.
    pub fn commit(&mut self) {
        self.store.latest = self.store.latest.max(self.now);
    }

    fn look_at_the_clock(&mut self) {
        if self.latest.millis_since(self.now) > SET_BACK_MS && !self.makes(Mistake::LetsAClockKeepItWaiting) {
            self.availability.clock_set_back(self.now);
            self.store.bring_forward(self.now);
        }
        self.latest = self.now;
    }

    /// The outbox: marks first, publishes after.
    fn hand_over(&mut self) -> bool {
        self.look_at_the_clock();
        let under_way = self.store.lanes.iter().filter(|lane| lane.place != Place::Here).count();
        if self.availability.may_start(self.now, under_way) == 0 {
            return false;
        }
        let is_ready = |dossier: &usize| {
            let lane = &self.store.lanes[*dossier];
            lane.place == Place::Here && lane.head.is_some_and(|head| head.ready_at <= self.now)
        };
        let ready: Vec<usize> = (0..DOSSIERS).filter(is_ready).collect();
        if ready.is_empty() {
            return false;
        }
        let turn = match self.availability.presence() {
            Presence::Up => None,
            Presence::Away { probes, .. } => Some(probe(probes, ready.len())),
        };
        let dossier = turn.map_or_else(|| ready[self.chance.below(ready.len())], |turn| ready[turn.lane]);
        let passers = self.store.passers(dossier, self.now);
        let passer = turn
            .and_then(|turn| turn.passing)
            .and_then(|turn| turn.checked_rem(passers.len()))
            .map(|turn| passers[turn]);
        let head = self.store.lanes[dossier].head.map(|head| head.id);
        let mut chosen = passer.or(head);
        if self.makes(Mistake::HandsOverPastTheHead) {
            chosen = passers.last().copied().or(head);
        }
        let Some(delivery) = chosen else { return false };
        self.excuse(delivery, passer.is_some());
        let now = self.now;
        let lane = &mut self.store.lanes[dossier];
        lane.hand_over += 1;
        (lane.place, lane.handed) = (Place::Queued(now), Some(delivery));
        let claim = Claim { dossier, delivery, hand_over: lane.hand_over };
        self.store.reorder(dossier, None);
        self.commit();
        self.to_publish.push(claim);
        self.tell(|| format!("handed over {claim:?}"));
        true
    }

    /// Notes whom this delivery may pass: what waits for a person, what was tried too often, and what a probe passes.
    fn excuse(&mut self, delivery: DeliveryId, by_probe: bool) {
        let (dossier, position) = (self.store.row(delivery).item.dossier, self.store.row(delivery).position);
        for (place, row) in self.store.rows.iter().enumerate() {
            let waits =
                matches!(row.state, State::Dead | State::InDoubt | State::Superseded | State::Discarded);
            let tried = row.attempts >= STUCK_ATTEMPTS || (row.unanswered.is_some() && row.attempts > 0);
            if row.item.dossier == dossier && row.position < position && (by_probe || waits || tried) {
                self.excused.insert((delivery, DeliveryId(place as i64)));
            }
        }
    }

    fn publish(&mut self) -> bool {
        if self.to_publish.is_empty() {
            return false;
        }
        let place = self.chance.below(self.to_publish.len());
        let claim = self.to_publish.swap_remove(place);
        if !self.happens(16) {
            self.queue.push(claim);
        }
        if self.happens(16) {
            self.queue.push(claim);
        }
        true
    }

    /// What was handed over and not taken for long is handed over again.
    fn sweep(&mut self) -> bool {
        let mut swept = false;
        for dossier in 0..DOSSIERS {
            let Place::Queued(since) = self.store.lanes[dossier].place else { continue };
            if self.now.millis_since(since) >= SWEPT_AFTER_MS && !self.makes(Mistake::NeverHandsOverAgain) {
                self.store.take_back(dossier);
                swept = true;
            }
        }
        swept
    }

    /// The storm is over: everything is said, and everything must come to rest by itself.
    fn come_to_rest(&mut self) -> Result<(), String> {
        self.tell(|| "quiet".to_owned());
        (self.storm, self.peer.is_up) = (false, true);
        let mut left_ms = match self.peer.shows {
            Shows::Events => 2 * HOUR_MS,
            // Where nobody can tell, it is said again after up to twenty hours.
            Shows::Nothing => 21 * HOUR_MS,
        };
        for _ in 0..ACTIONS_MAX {
            let mut acted = false;
            for dossier in 0..DOSSIERS {
                if let Some(item) = self.plans[dossier].get(self.said[dossier]).copied()
                    && self.calls.is_empty()
                {
                    self.calls.push(Call { item, admitted: false, answered: false });
                }
            }
            acted |= self.serve();
            acted |= self.hand_over();
            acted |= self.publish();
            for which in 0..CONSUMERS {
                acted |= self.consume(which);
            }
            acted |= self.sweep();
            if acted {
                continue;
            }
            let Some(next) = self.next_moment() else { return Ok(()) };
            let millis = next.millis_since(self.now).max(1);
            left_ms -= millis;
            if left_ms < 0 {
                return Err(format!("stuck: everything still waits for {next:?}, {millis} ms from now"));
            }
            self.pass(millis);
        }
        Err("stuck: going in circles".to_owned())
    }

    /// When anything is to be done by itself.
    fn next_moment(&self) -> Option<Moment> {
        let lanes = self.store.lanes.iter().filter_map(|lane| match lane.place {
            Place::Here => lane.head.map(|head| head.ready_at),
            Place::Queued(since) if !self.makes(Mistake::NeverHandsOverAgain) => {
                Some(since.plus_millis(SWEPT_AFTER_MS))
            }
            Place::Queued(_) | Place::Running => None,
        });
        let lanes: Vec<Moment> = lanes.collect();
        let probe = self.availability.next_probe().filter(|_| !lanes.is_empty());
        lanes.into_iter().chain(probe).filter(|moment| *moment > self.now).min()
    }
}
