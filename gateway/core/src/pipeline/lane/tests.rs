//! The lane rules as a table, and as a model that admits, settles and forgets at random.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn entry(text: &str, position: i64) -> LaneEntry {
    // `s` snapshot, `t` snapshot of another kind, `e` event; then state; `5` stuck; `@n` moment.
    let class = if text.starts_with(['s', 't']) { Class::Snapshot } else { Class::Event };
    let (name, at) = text.split_once('@').unwrap_or((text, "0"));
    let state = match &name[1..] {
        "wait" | "wait5" | "out" => State::Waiting,
        "doubt" | "doubt5" => State::Doubtful,
        "held" => State::Held,
        "indoubt" => State::InDoubt,
        "dead" => State::Dead,
        other => panic!("no such state {other}"),
    };
    LaneEntry {
        id: DeliveryId(position),
        position,
        kind: Kind::from(&text[..1]),
        class,
        state,
        ready_at: Moment::from_millis(at.parse().unwrap()),
        attempts: if name.ends_with('5') { STUCK_ATTEMPTS } else { 0 },
        out: name.ends_with("out"),
        once_on_record: false,
    }
}

fn lane(text: &str) -> Vec<LaneEntry> {
    text.split_whitespace().enumerate().map(|(index, word)| entry(word, index as i64)).collect()
}

#[test]
fn the_rules_as_a_table() {
    for (known, entries, wanted, why) in [
        (false, "", None, "an empty lane is idle"),
        (false, "swait ewait", Some(0), "position order"),
        (false, "ewait ewait", Some(0), "a lane that knows of no snapshot asks the peer"),
        (false, "ewait swait", Some(1), "a snapshot never accepted holds back events, also earlier ones"),
        (false, "eheld ewait", None, "unknown to the peer: later events wait too"),
        (false, "eheld swait", Some(1), "held events stand before nothing"),
        (true, "eheld ewait", Some(0), "accepted: the held ones go first, in order"),
        (false, "sdead ewait", None, "a dead snapshot never accepted holds events"),
        (true, "sdead ewait", Some(1), "a dead snapshot of a known dossier does not"),
        (false, "sdead swait ewait", Some(1), "a newer snapshot passes a dead one"),
        (true, "edead ewait", Some(1), "a dead event holds nothing"),
        (true, "eindoubt ewait", Some(1), "an event in doubt holds nothing"),
        (true, "sindoubt swait", None, "a snapshot in doubt holds a newer one"),
        (true, "sindoubt twait", None, "also one of another kind: either may create the dossier"),
        (false, "sdead twait ewait", Some(1), "and one of another kind passes a dead one"),
        (true, "sindoubt ewait", Some(1), "but no events of a known dossier"),
        (true, "ewait edoubt", Some(1), "a doubtful one is settled first"),
        (true, "ewait eout", Some(1), "so is one that is out"),
        (
            true,
            "edoubt5@9 ewait",
            Some(1),
            "an event that was made again and is still doubtful holds nothing",
        ),
        (true, "edoubt5 ewait", Some(0), "but goes when its moment comes"),
        (true, "sdoubt5@9 ewait", Some(0), "a doubtful snapshot does hold"),
        (true, "ewait@9 ewait", Some(0), "one that waits for its moment stands before the next"),
        (true, "ewait5@9 ewait", Some(1), "a stuck one does not"),
        (true, "ewait5@9 ewait@20 ewait", Some(0), "but is tried when its moment is first"),
        (true, "swait5@9 ewait", Some(1), "a stuck snapshot of a known dossier does not"),
        (false, "swait5@9 ewait", Some(0), "of an unknown dossier it does"),
    ] {
        let next = head(&lane(entries), LaneFacts { accepted_snapshot: known });
        assert_eq!(next.map(|next| next.id.0), wanted, "{entries}: {why}");
    }
}

#[test]
fn who_may_pass_a_head_that_is_tried_in_vain() {
    for (known, entries, wanted, why) in [
        (true, "ewait ewait ewait", vec![1, 2], "an event holds nothing"),
        (true, "ewait", vec![], "nobody is there"),
        (false, "swait ewait ewait", vec![], "a snapshot that was never accepted holds its events"),
        (true, "swait ewait", vec![1], "one of a known dossier does not"),
        (true, "ewait swait", vec![1], "nor does an event hold a snapshot"),
        (true, "edoubt ewait", vec![], "to be asked about has no effect: the better probe"),
        (true, "ewait eout", vec![], "one of a lane is out at a time"),
        (true, "edead ewait eindoubt ewait", vec![3], "those that wait for a person do not go"),
        (false, "ewait swait ewait", vec![], "the snapshot is the head and holds both"),
    ] {
        let passing = passers(&lane(entries), LaneFacts { accepted_snapshot: known });
        assert_eq!(passing.iter().map(|next| next.id.0).collect::<Vec<_>>(), wanted, "{entries}: {why}");
    }
}

#[test]
fn only_idle_waiting_snapshots_are_superseded() {
    let mut entries = lane("swait ewait sout sdoubt sindoubt sdead swait@9 swait");
    entries[7].once_on_record = true;
    assert_eq!(supersede(&entries, &Kind::from("s")), [DeliveryId(0), DeliveryId(6)]);
}

#[test]
fn a_snapshot_takes_the_place_of_its_own_kind_alone() {
    let entries = lane("twait swait ewait twait");
    assert_eq!(supersede(&entries, &Kind::from("s")), [DeliveryId(1)]);
    assert_eq!(supersede(&entries, &Kind::from("t")), [DeliveryId(0), DeliveryId(3)]);
    assert_eq!(supersede(&entries, &Kind::from("e")), [], "an event takes nobody's place");
}

#[test]
fn deletions_that_only_the_old_one_carried_come_along() {
    let old = json!({"papers": [
        {"id": "a", "deleted": true}, {"id": 7, "deleted": true}, {"id": "c"}, {"deleted": true}]});
    let mut new = json!({"status": "4", "papers": [{"id": "7"}]});
    assert!(carry_over(&old, &mut new));
    assert_eq!(new["papers"], json!([{"id": "7"}, {"id": "a", "deleted": true}]));
    assert!(!carry_over(&old, &mut new), "twice changes nothing");
    let mut none = json!({"status": "4"});
    assert!(carry_over(&old, &mut none));
    assert_eq!(none["papers"].as_array().unwrap().len(), 2);
}

#[derive(Debug, Clone)]
enum Step {
    Admit(&'static str),
    Settle(u8),
    Crash,
    Later,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => prop_oneof![Just("s"), Just("t"), Just("e"), Just("e")].prop_map(Step::Admit),
        6 => (0u8..8).prop_map(Step::Settle),
        1 => Just(Step::Crash),
        1 => Just(Step::Later),
    ];
    prop::collection::vec(step, 1..60)
}

#[derive(Default)]
struct Model {
    entries: Vec<LaneEntry>,
    known: bool,
    now: i64,
    delivered: Vec<(Class, i64)>,
}

impl Model {
    fn facts(&self) -> LaneFacts {
        LaneFacts { accepted_snapshot: self.known }
    }

    fn admit(&mut self, kind: &str, number: i64) {
        let mut position = number;
        if kind != "e" {
            let gone = supersede(&self.entries, &Kind::from(kind));
            for entry in &mut self.entries {
                if gone.contains(&entry.id) {
                    entry.state = State::Superseded;
                    position = position.min(entry.position);
                }
            }
        }
        let mut new = entry(&format!("{kind}wait"), position);
        new.id = DeliveryId(number);
        new.ready_at = Moment::from_millis(self.now);
        self.entries.push(new);
    }

    fn start(&mut self) -> Option<usize> {
        let next = head(&self.entries, self.facts())?;
        let index = self.entries.iter().position(|entry| entry.id == next.id)?;
        let ready = next.ready_at.as_millis() <= self.now;
        (ready && !self.entries[index].out).then(|| {
            self.entries[index].out = true;
            index
        })
    }

    fn settle(&mut self, index: usize, how: u8) {
        let later = Moment::from_millis(self.now + 10);
        let entry = &mut self.entries[index];
        entry.out = false;
        match how {
            0..=2 => {
                entry.state = State::Delivered;
                let (class, position) = (entry.class, entry.position);
                self.delivered.push((class, position));
                self.known = true;
            }
            3 => (entry.attempts, entry.ready_at) = (entry.attempts + 1, later),
            4 => entry.state = State::Dead,
            5 => entry.state = State::InDoubt,
            6 => (entry.state, entry.ready_at) = (State::Doubtful, later),
            _ if entry.class == Class::Event && !self.known => entry.state = State::Held,
            _ => entry.ready_at = later,
        }
    }

    fn check(&self) -> Result<(), TestCaseError> {
        prop_assert!(self.entries.iter().filter(|entry| entry.out).count() <= 1, "two out of one lane");
        let next = head(&self.entries, self.facts());
        let open: Vec<&LaneEntry> = self.entries.iter().filter(|entry| entry.state.is_open()).collect();
        let waits = |entry: &&&LaneEntry| matches!(entry.state, State::Waiting | State::Doubtful);
        if next.is_none() {
            // Nothing is forgotten: whatever waits in an idle lane has a reason a person can see.
            for entry in open.iter().filter(waits) {
                let reason = open.iter().any(|other| {
                    matches!(other.state, State::Dead | State::InDoubt | State::Held)
                        && (other.class == Class::Snapshot || other.state == State::Held)
                });
                prop_assert!(reason, "{entry:?} waits for nothing");
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn nothing_is_forgotten_and_order_holds(steps in steps()) {
        let mut model = Model::default();
        let mut running: Option<usize> = None;
        for (number, step) in steps.into_iter().enumerate() {
            match step {
                Step::Admit(kind) => model.admit(kind, number as i64),
                Step::Settle(how) => {
                    if let Some(index) = running.take().or_else(|| model.start()) {
                        let this = model.entries[index].clone();
                        if this.class == Class::Event && how <= 2 {
                            let passed = model.entries.iter().find(|other| {
                                other.position < this.position
                                    && other.class == Class::Event
                                    && matches!(other.state, State::Waiting | State::Held)
                                    && other.attempts < STUCK_ATTEMPTS
                                    && this.state == State::Waiting
                            });
                            prop_assert!(passed.is_none(), "{this:?} passed {passed:?}");
                        }
                        model.settle(index, how);
                    }
                    running = model.start();
                }
                Step::Crash => {
                    running = None;
                    model.entries.iter_mut().for_each(|entry| entry.out = false);
                }
                Step::Later => model.now += 20,
            }
            model.check()?;
        }
    }
}
