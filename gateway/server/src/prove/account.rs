//! The account at the end: for every message whose sender was told "taken", and for each peer, what became of it.
//!
//! It knows what a user knows: what was acknowledged, what took effect at the peers and in which order, and the timeline. Whatever was
//! acknowledged is owed; whatever a peer has twice must be said in the timeline to be possible. One entry in the table is not a
//! breach and not a success either: *in doubt, explained*, where the peer cannot be asked and the timeline says so.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use gateway_core::ids::MessageId;

use super::peer::{Hostile, Shows};
use super::schedule::{Numbered, Said, Schedule};
use super::senders::code;
use crate::store::{Event, Store, Timeline};

/// The classes of operations, by what a lost answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A snapshot: it may be repeated.
    Repeatable,
    /// It counts each time, and the peer can be asked.
    Readable,
    /// It counts each time, and nobody can tell.
    Neither,
}

/// How many deliveries of one class ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Column {
    /// Of messages that were acknowledged.
    pub owed: usize,
    /// They took effect.
    pub done: usize,
    /// A newer snapshot took their place.
    pub superseded: usize,
    /// Nobody can tell, and the timeline says so.
    pub explained: usize,
    /// They took no effect and never will.
    pub lost: usize,
    /// They took effect more often than once, where that counts, and nothing says so.
    pub doubled: usize,
    /// They took effect after a later one of their dossier.
    pub reordered: usize,
    /// They still wait although nothing stands in their way.
    pub stuck: usize,
}

/// The account.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Account {
    /// Repeatable, readable, neither.
    pub classes: [Column; 3],
    /// Everything that must not be, in words for whoever looks into it.
    pub breaches: Vec<String>,
}

/// What the timeline says of one message at one peer.
#[derive(Debug, Default)]
struct Told {
    events: Vec<Event>,
}

impl Told {
    fn count(&self, event: Event) -> usize {
        self.events.iter().filter(|seen| **seen == event).count()
    }
}

impl Account {
    /// Draws it up from the store of the gateway that is gone and from the peers' ledgers.
    pub async fn draw_up(
        schedule: &Schedule,
        refused: &BTreeMap<u64, String>,
        store: &Store,
        peers: &[Hostile],
    ) -> Result<Account, String> {
        let mut account = Account::default();
        let mut dossiers: BTreeMap<u64, Vec<Numbered>> = BTreeMap::new();
        for message in schedule.all() {
            match refused.get(&message.number) {
                Some(words) => account.breaches.push(format!("{}: refused: {words}", message.number)),
                None => dossiers.entry(message.dossier).or_default().push(message),
            }
        }
        let effects: Vec<HashMap<u64, Vec<u64>>> = peers.iter().map(effects_by_dossier(&dossiers)).collect();
        for (dossier, messages) in &dossiers {
            let code = code(*dossier);
            let told = store.timeline(&code).await.map_err(|error| error.to_string())?;
            let told = told.unwrap_or(Timeline { codes: Vec::new(), status: None, rows: Vec::new() });
            let accepted = told.rows.iter().filter(|row| row.event == Event::Accepted).count();
            if accepted != messages.len() {
                let all = messages.len();
                account.breaches.push(format!("lost: {code}: {all} acknowledged, {accepted} in the journal"));
            }
            let said = by_message(&told, messages);
            for (peer, effects) in peers.iter().zip(&effects) {
                let effects = effects.get(dossier).map_or(&[][..], Vec::as_slice);
                account.judge(&code, (peer.name, peer.shows), messages, effects, &said);
            }
        }
        for peer in peers {
            for (count, what) in
                [(peer.followed(), "followed a redirect"), (peer.mistaken(), "told of another dossier")]
            {
                if count > 0 {
                    account.breaches.push(format!("{}: {count} calls {what}", peer.name));
                }
            }
        }
        Ok(account)
    }

    fn judge(
        &mut self,
        code: &str,
        (peer, shows): (&str, Shows),
        messages: &[Numbered],
        effects: &[u64],
        said: &BTreeMap<(u64, &str), Told>,
    ) {
        let none = Told::default();
        let states = messages.iter().filter(|message| matches!(message.said, Said::State(_)));
        let latest = states.map(|message| message.number).max();
        for message in messages {
            let class = class(message, shows);
            let said = said.get(&(message.number, peer)).unwrap_or(&none);
            let times = effects.iter().filter(|number| **number == message.number).count();
            let verdict = match verdict(class, times, said) {
                // In whose place? Nothing newer was ever said.
                Verdict::Superseded if Some(message.number) == latest => Verdict::Lost,
                verdict => verdict,
            };
            let column = &mut self.classes[class as usize];
            column.owed += 1;
            let (count, breach) = match verdict {
                Verdict::Done => (&mut column.done, None),
                Verdict::Superseded => (&mut column.superseded, None),
                Verdict::Explained => (&mut column.explained, None),
                Verdict::Lost => (&mut column.lost, Some("lost")),
                Verdict::Doubled => (&mut column.doubled, Some("doubled")),
                Verdict::Stuck => (&mut column.stuck, Some("stuck")),
            };
            *count += 1;
            if let Some(breach) = breach {
                let events: Vec<&str> = said.events.iter().map(|event| event.as_str()).collect();
                self.breaches.push(format!(
                    "{breach}: {code} {} at {peer}: {times} effects; timeline: {}",
                    message.number,
                    events.join(", ")
                ));
            }
        }
        for (is_state, class) in [(true, Class::Repeatable), (false, counted(shows))] {
            let of_class: BTreeSet<u64> = messages
                .iter()
                .filter(|message| matches!(message.said, Said::State(_)) == is_state)
                .map(|message| message.number)
                .collect();
            let seen: Vec<u64> = effects.iter().copied().filter(|number| of_class.contains(number)).collect();
            // A step that is there twice is judged above; where it is for the second time says nothing about the order.
            let seen = if is_state { seen } else { firsts(&seen) };
            let passed =
                |number: u64| said.get(&(number, peer)).is_some_and(|said| said.count(Event::Passed) > 0);
            let late: Vec<u64> = out_of_order(&seen).into_iter().filter(|number| !passed(*number)).collect();
            self.classes[class as usize].reordered += late.len();
            if !late.is_empty() {
                self.breaches.push(format!("reordered: {code} at {peer}: {late:?} of {seen:?}"));
            }
        }
    }
}

enum Verdict {
    Done,
    Superseded,
    Explained,
    Lost,
    Doubled,
    Stuck,
}

fn verdict(class: Class, times: usize, said: &Told) -> Verdict {
    let over = said.count(Event::Delivered) > 0;
    // In doubt for an operator, or to be said again much later: both are in the timeline.
    let doubtful = said.count(Event::InDoubt) + said.count(Event::MayBeDoubled);
    match (times, class) {
        (_, _) if said.count(Event::DeadLetter) > 0 => Verdict::Lost,
        // A snapshot that was asked to be taken, whose answer was lost, and in whose place a newer one went, is over as well.
        (0, Class::Repeatable) if said.count(Event::Superseded) > 0 => Verdict::Superseded,
        (0, _) if said.events.is_empty() || over => Verdict::Lost,
        (0, Class::Neither) if doubtful > 0 => Verdict::Explained,
        (0, _) => Verdict::Stuck,
        (_, Class::Repeatable) if over || said.count(Event::Superseded) > 0 => Verdict::Done,
        (1, Class::Neither) if !over && doubtful > 0 => Verdict::Explained,
        (1, _) if over => Verdict::Done,
        (1, _) | (_, Class::Repeatable) => Verdict::Stuck,
        (times, Class::Neither) if times <= 1 + said.count(Event::MayBeDoubled) => Verdict::Explained,
        _ => Verdict::Doubled,
    }
}

fn counted(shows: Shows) -> Class {
    match shows {
        Shows::Steps => Class::Readable,
        Shows::Nothing => Class::Neither,
    }
}

fn class(message: &Numbered, shows: Shows) -> Class {
    match message.said {
        Said::State(_) => Class::Repeatable,
        Said::Step(_) => counted(shows),
    }
}

fn effects_by_dossier<'a>(
    dossiers: &'a BTreeMap<u64, Vec<Numbered>>,
) -> impl Fn(&Hostile) -> HashMap<u64, Vec<u64>> + 'a {
    let dossier_of: HashMap<u64, u64> =
        dossiers.values().flatten().map(|message| (message.number, message.dossier)).collect();
    move |peer| {
        let mut effects: HashMap<u64, Vec<u64>> = HashMap::new();
        for number in peer.effects() {
            if let Some(dossier) = dossier_of.get(&number) {
                effects.entry(*dossier).or_default().push(number);
            }
        }
        effects
    }
}

/// What the timeline says, by message and peer. A sender waits for each answer, so the n-th accepted row is of its n-th message.
fn by_message<'a>(told: &'a Timeline, messages: &[Numbered]) -> BTreeMap<(u64, &'a str), Told> {
    let accepted = told.rows.iter().filter(|row| row.event == Event::Accepted).filter_map(|row| row.message);
    let numbers: HashMap<MessageId, u64> =
        accepted.zip(messages.iter().map(|message| message.number)).collect();
    let mut said: BTreeMap<(u64, &str), Told> = BTreeMap::new();
    for row in told.rows.iter().filter(|row| row.delivery.is_some()) {
        let number = row.message.and_then(|message| numbers.get(&message));
        if let (Some(number), Some(peer)) = (number, &row.peer) {
            said.entry((*number, peer.as_str())).or_default().events.push(row.event);
        }
    }
    said
}

/// Each number where it is for the first time.
fn firsts(seen: &[u64]) -> Vec<u64> {
    let mut known = BTreeSet::new();
    seen.iter().copied().filter(|number| known.insert(*number)).collect()
}

/// Those that come after a later one.
fn out_of_order(seen: &[u64]) -> Vec<u64> {
    let mut latest = 0;
    let is_late = |number: &u64| {
        let late = *number < latest;
        latest = latest.max(*number);
        late
    };
    seen.iter().copied().filter(is_late).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(events: &[Event]) -> Told {
        Told { events: events.to_vec() }
    }

    fn judged(class: Class, times: usize, events: &[Event]) -> &'static str {
        match verdict(class, times, &said(events)) {
            Verdict::Done => "done",
            Verdict::Superseded => "superseded",
            Verdict::Explained => "explained",
            Verdict::Lost => "lost",
            Verdict::Doubled => "doubled",
            Verdict::Stuck => "stuck",
        }
    }

    #[test]
    fn each_class_is_judged_by_what_it_promises() {
        use Class::{Neither, Readable, Repeatable};
        use Event::{DeadLetter, Delivered, InDoubt, MayBeDoubled, Queued, Superseded};
        for (class, times, events, wanted) in [
            (Repeatable, 1, &[Queued, Delivered][..], "done"),
            (Repeatable, 3, &[Queued, Delivered], "done"),
            (Repeatable, 0, &[Queued, Superseded], "superseded"),
            (Repeatable, 0, &[Queued], "stuck"),
            (Repeatable, 0, &[], "lost"),
            (Readable, 1, &[Queued, Delivered], "done"),
            (Readable, 0, &[Queued, Delivered], "lost"),
            (Readable, 0, &[Queued, MayBeDoubled], "stuck"),
            (Readable, 2, &[Queued, Delivered], "doubled"),
            (Readable, 2, &[Queued, MayBeDoubled, Delivered], "doubled"),
            (Readable, 1, &[Queued], "stuck"),
            (Readable, 0, &[Queued, DeadLetter], "lost"),
            (Neither, 2, &[Queued, MayBeDoubled, Delivered], "explained"),
            (Neither, 3, &[Queued, MayBeDoubled, Delivered], "doubled"),
            (Neither, 2, &[Queued, Delivered], "doubled"),
            (Neither, 0, &[Queued, InDoubt], "explained"),
            (Neither, 1, &[Queued, InDoubt], "explained"),
            (Neither, 0, &[Queued], "stuck"),
        ] {
            assert_eq!(judged(class, times, events), wanted, "{class:?} {times} {events:?}");
        }
    }

    /// What the account says of one dossier at one peer: its messages are numbered from 1, each with its events, and took effect so.
    fn account(messages: &[(Said, &[Event])], effects: &[u64]) -> Account {
        let numbered: Vec<Numbered> = (1..)
            .zip(messages)
            .map(|(number, (said, _))| Numbered { number, dossier: 0, said: *said })
            .collect();
        let told =
            (1..).zip(messages).map(|(number, (_, events))| ((number, "peer"), said(events))).collect();
        let mut account = Account::default();
        account.judge("H99", ("peer", Shows::Steps), &numbered, effects, &told);
        account
    }

    #[test]
    fn a_state_gives_way_to_a_newer_one_only() {
        use Event::{Delivered, Queued, Superseded};
        let (old, new) = (Said::State("2"), Said::State("4"));
        let gave_way = account(&[(old, &[Queued, Superseded]), (new, &[Queued, Delivered])], &[2]);
        assert_eq!((gave_way.breaches, gave_way.classes[0].superseded), (Vec::new(), 1));
        let forgotten = account(&[(old, &[Queued, Delivered]), (new, &[Queued, Superseded])], &[1]);
        assert_eq!(forgotten.breaches, ["lost: H99 2 at peer: 0 effects; timeline: queued, superseded"]);
        let both = account(&[(old, &[Queued, Delivered]), (new, &[Queued, Delivered])], &[2, 1]);
        assert_eq!(both.breaches, ["reordered: H99 at peer: [1] of [2, 1]"]);
    }

    #[test]
    fn what_comes_after_a_later_one_is_out_of_order() {
        assert_eq!(out_of_order(&[1, 1, 2, 4]), Vec::<u64>::new());
        assert_eq!(out_of_order(&[1, 3, 2, 3, 4]), [2]);
        assert_eq!(out_of_order(&firsts(&[1, 2, 1, 3])), Vec::<u64>::new());
    }
}
