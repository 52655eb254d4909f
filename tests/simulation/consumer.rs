//! A consumer: what it does with one hand-over, action by action, in the order of the real delivery. All of it is only in memory.

use gateway_core::adapter::{Answer, Effect, Verdict};
use gateway_core::envelope::Class;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use gateway_core::pipeline::{self, CallFate, DeliveryId, Outcome, Policy, Reading, Settlement, State};
use gateway_core::redelivery::Later;

use super::mistake::Mistake;
use super::peer::{PROCESSING_MS_MAX, Shows};
use super::store::Place;
use super::world::World;

/// A message of the broker: a claim, not a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub dossier: usize,
    pub delivery: DeliveryId,
    pub hand_over: u64,
}

/// What a consumer does next.
#[derive(Debug, Clone)]
pub enum Stage {
    Idle,
    Claiming,
    ReadingBack,
    /// The request goes on disk; before it, what is known of the call before is struck.
    Journaling,
    Calling,
    /// The mistake of calling before journaling: how the call ended already.
    JournalingLate(Outcome),
    Settling(Outcome),
    Recording(Settlement),
    Acknowledging,
}

#[derive(Debug, Clone)]
pub struct Consumer {
    pub claim: Option<Claim>,
    pub stage: Stage,
    pub began: Moment,
}

impl Consumer {
    pub fn idle() -> Consumer {
        Consumer { claim: None, stage: Stage::Idle, began: Moment::from_millis(0) }
    }
}

pub fn fault(remedy: Remedy) -> Fault {
    Fault::new("simulated", Blame::Peer, remedy, "")
}

impl World<'_> {
    pub fn policy(&self) -> Policy {
        let believed_at_once = self.makes(Mistake::BelievesANoAtOnce);
        let peer_processing_ms_max = if believed_at_once { 0 } else { PROCESSING_MS_MAX };
        Policy { peer_processing_ms_max, ..Policy::default() }
    }

    /// The next action of this consumer; false if it has nothing to do.
    pub fn consume(&mut self, which: usize) -> bool {
        let stage = std::mem::replace(&mut self.consumers[which].stage, Stage::Idle);
        let Some(claim) = self.consumers[which].claim else {
            if self.queue.is_empty() {
                return false;
            }
            let place = self.chance.below(self.queue.len());
            let claim = self.queue.swap_remove(place);
            self.consumers[which] = Consumer { claim: Some(claim), stage: Stage::Claiming, began: self.now };
            return true;
        };
        let id = claim.delivery;
        let next = match stage {
            Stage::Idle => Stage::Acknowledging,
            Stage::Claiming => self.claim(claim),
            Stage::ReadingBack => self.read_back(id),
            Stage::Journaling if self.makes(Mistake::CallsBeforeItJournals) => {
                self.store.row(id).unanswered = None;
                Stage::JournalingLate(self.call(id))
            }
            Stage::Journaling => self.journal(id),
            Stage::Calling => Stage::Settling(self.call(id)),
            Stage::JournalingLate(outcome) => {
                self.journal(id);
                Stage::Settling(outcome)
            }
            Stage::Settling(outcome) => self.settle(which, id, outcome),
            Stage::Recording(settlement) => self.record(which, id, &settlement, false),
            Stage::Acknowledging => {
                self.consumers[which] = Consumer::idle();
                return true;
            }
        };
        self.tell(|| format!("consumer {which}, {claim:?}: {next:?}"));
        self.consumers[which].stage = next;
        true
    }

    /// The store decides whether this claim still stands.
    fn claim(&mut self, claim: Claim) -> Stage {
        let lane = &mut self.store.lanes[claim.dossier];
        let stands = lane.handed == Some(claim.delivery)
            && lane.hand_over == claim.hand_over
            && matches!(lane.place, Place::Queued(_));
        let is_open =
            matches!(self.store.row(claim.delivery).state, State::Waiting | State::Doubtful | State::Held);
        if !(stands || self.makes(Mistake::TakesAnyClaim) && is_open) {
            return Stage::Acknowledging;
        }
        let lane = &mut self.store.lanes[claim.dossier];
        (lane.place, lane.handed) = (Place::Running, Some(claim.delivery));
        let row = self.store.row(claim.delivery);
        match row.unanswered {
            Some((Effect::Once, _)) => Stage::ReadingBack,
            _ => {
                row.unanswered = None;
                Stage::Journaling
            }
        }
    }

    fn read_back(&mut self, id: DeliveryId) -> Stage {
        let row = self.store.row(id).clone();
        let Some((_, called_at)) = row.unanswered else { return Stage::Journaling };
        if !self.peer.is_up || self.happens(8) {
            return Stage::Recording(Settlement::Away { fault: fault(Remedy::Later) });
        }
        let answer = || Answer { status: 200, headers: Vec::new(), body: Default::default() };
        let verdict = match self.peer.shows {
            Shows::Nothing => Verdict::Unknown,
            Shows::Events if self.peer.times(id, &row.item) > 0 => Verdict::Happened(answer()),
            Shows::Events => Verdict::DidNot,
        };
        let policy = self.policy();
        let on_unknown = policy.on_unknown(Some(row.item.status));
        let reading = match self.makes(Mistake::NeverReadsBack) {
            true => Reading::Repeat { may_be_doubled: false },
            false => pipeline::read_back(verdict, called_at, on_unknown, row.repeats, &policy, self.now),
        };
        match reading {
            Reading::GoOn(_) => Stage::Settling(Outcome::Delivered { reference: String::new() }),
            Reading::Repeat { may_be_doubled } => {
                // Struck and noted with the next commit: the one that journals the new request.
                self.notes.insert(id, may_be_doubled);
                Stage::Journaling
            }
            Reading::Settle(settlement) => Stage::Recording(settlement),
        }
    }

    fn journal(&mut self, id: DeliveryId) -> Stage {
        let (now, may_be_doubled) = (self.now, self.notes.remove(&id).unwrap_or_default());
        let row = self.store.row(id);
        if !matches!(row.state, State::Waiting | State::Doubtful | State::Held) {
            return Stage::Acknowledging;
        }
        row.repeats += u32::from(may_be_doubled);
        row.may_be_doubled += u32::from(may_be_doubled);
        let effect = if row.item.class == Class::Event { Effect::Once } else { Effect::Repeatable };
        row.unanswered = Some((effect, now));
        self.commit();
        Stage::Calling
    }

    /// The call, and what becomes of it at the peer and on the way.
    fn call(&mut self, id: DeliveryId) -> Outcome {
        let item = self.store.row(id).item;
        if !self.peer.is_up {
            return match self.chance.below(2) {
                0 => Outcome::NotSent(fault(Remedy::Later)),
                _ => Outcome::Silent(fault(Remedy::Later)),
            };
        }
        let is_snapshot = |id: DeliveryId| self.store.rows[id.0 as usize].item.class == Class::Snapshot;
        if item.class == Class::Event && !self.peer.knows(item.dossier, is_snapshot) {
            return Outcome::Fault(fault(Remedy::Hold));
        }
        match if self.storm { self.chance.below(16) } else { 15 } {
            0 => Outcome::Silent(fault(Remedy::Later)),
            1 => {
                self.peer.take_effect(id, item);
                Outcome::Silent(fault(Remedy::Later))
            }
            2 => {
                let later = 1 + self.chance.below(PROCESSING_MS_MAX as usize - 1) as i64;
                self.peer.take_late(id, item, later);
                Outcome::Silent(fault(Remedy::Later))
            }
            3 => Outcome::Fault(fault(Remedy::Later)),
            4 => {
                self.peer.take_effect(id, item);
                Outcome::Fault(fault(Remedy::Doubt))
            }
            5 => Outcome::Fault(fault(Remedy::Doubt)),
            6 => Outcome::Fault(fault(Remedy::Unclear)),
            _ => {
                self.peer.take_effect(id, item);
                Outcome::Delivered { reference: String::new() }
            }
        }
    }

    fn settle(&mut self, which: usize, id: DeliveryId, outcome: Outcome) -> Stage {
        let heard = !matches!(outcome, Outcome::NotSent(_) | Outcome::Silent(_));
        let row = self.store.row(id);
        let effect = if row.item.class == Class::Event { Effect::Once } else { Effect::Repeatable };
        let history = self.store.history(id, self.availability.last_success());
        let chance = self.chance.below(1_000) as f64 / 1_000.0;
        let ruling = pipeline::settle(outcome, Some(effect), &history, &self.policy(), self.now, chance);
        // A doubtful call stays on record, unanswered.
        if ruling.call != CallFate::Doubtful {
            self.store.row(id).unanswered = None;
        }
        self.record(which, id, &ruling.settlement, heard)
    }

    fn record(&mut self, which: usize, id: DeliveryId, settlement: &Settlement, heard: bool) -> Stage {
        self.tell(|| format!("consumer {which}, {id:?}: {settlement:?}"));
        if matches!(self.store.row(id).state, State::Waiting | State::Doubtful | State::Held) {
            self.store.settle(id, settlement, self.now);
            self.commit();
        } else {
            let dossier = self.store.row(id).item.dossier;
            self.store.take_back(dossier);
        }
        let (now, began) = (self.now, self.consumers[which].began);
        match settlement {
            Settlement::Away { .. } => {
                let chance = self.chance.below(1_000) as f64 / 1_000.0;
                self.availability.failed(Later::default(), began, now, chance);
            }
            _ if heard => drop(self.availability.succeeded(now)),
            _ => {}
        }
        Stage::Acknowledging
    }
}
