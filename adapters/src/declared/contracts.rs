//! What `peer.yaml` says of documents, held against their contracts: before any document is there, so that a place that is not in one is
//! no silence later (an answer without a code, a record without a dossier) but a defect with its line.
//!
//! An item's contract is the one that its channel's mapping reads; a whole call's is the one that the channel describes; of answers it is
//! known where the file names it.

use std::sync::Arc;

use gateway_core::channel::{Channel, Direction};
use gateway_core::fault::Defect;
use gateway_core::schema::view::{Kinds, Node, Walk};
use gateway_core::schema::{Contract, Notation as Written};
use gateway_core::translator::Plan;

use super::FOLDER;
use super::sheet::{Holds, Place, Within};
use super::spec::Peer;
use crate::Compiled;

const TEXTS: Kinds = Kinds::TEXT.or(Kinds::NUMBER).or(Kinds::BOOLEAN);

/// A peer and what is known of the documents it speaks in.
struct Check<'a> {
    peer: &'a Peer,
    known: &'a Compiled<'a>,
    file: String,
    found: Vec<Defect>,
}

/// Everything in the file that its contracts contradict.
pub(super) fn defects(peer: &Peer, known: &Compiled) -> Vec<Defect> {
    let file = format!("mappings/{FOLDER}/{}/peer.yaml", peer.dialect);
    let mut check = Check { peer, known, file, found: Vec::new() };
    check.ways_out();
    check.ways_in();
    for place in &peer.places {
        check.place(place);
    }
    check.found
}

impl<'a> Check<'a> {
    fn wrong(&mut self, line: u64, field: &str, message: String, nearest: Option<String>) {
        let (file, field) = (self.file.clone(), field.to_owned());
        self.found.push(Defect { file, line, field, message, nearest });
    }

    fn channels(&self, direction: Direction) -> impl Iterator<Item = &'a Channel> + use<'a> {
        let dialect = self.peer.dialect.as_str();
        let all = self.known.channels.by_adapter.get(FOLDER).into_iter().flatten();
        all.filter(move |channel| channel.direction == direction && channel.dialect == dialect)
    }

    fn plans(&self, channel: &'a Channel) -> impl Iterator<Item = (&'a str, &'a Arc<Plan>)> + use<'a> {
        let translator = self.known.translator;
        let named = channel.kinds.iter().filter_map(|(kind, name)| Some((kind.as_str(), name.as_deref()?)));
        named.filter_map(|(kind, name)| Some((kind, translator.plan(name)?)))
    }

    fn fits(&self, contract: &Contract) -> bool {
        (contract.notation() == Written::Xml) == self.peer.notation.is_xml()
    }

    fn ways_out(&mut self) {
        for channel in self.channels(Direction::Out) {
            for (kind, plan) in self.plans(channel) {
                let Some(told) = self.peer.calls.get(kind) else { continue };
                let (field, name) = (format!("calls.{kind}"), plan.name());
                if !self.fits(plan.target()) {
                    let message = format!("`{name}` writes another notation than this peer is spoken to in");
                    self.wrong(told.line, &field, message, None);
                }
                if plan.fans_out() {
                    let message = format!("is one call, and `{name}` makes several documents of one (`fan-out`)");
                    self.wrong(told.line, &field, message, None);
                }
            }
        }
    }

    fn ways_in(&mut self) {
        let doors = self.channels(Direction::In);
        let doors = doors.filter_map(|channel| Some((channel, self.peer.doors.get(channel.name.as_str())?.line)));
        let fed = self.channels(Direction::Feed).filter_map(|channel| Some((channel, self.peer.feed.as_ref()?.line)));
        for (channel, line) in doors.chain(fed).collect::<Vec<_>>() {
            for (_, plan) in self.plans(channel).filter(|(_, plan)| !self.fits(plan.source())).collect::<Vec<_>>() {
                let message = format!("`{}` reads another notation than this peer speaks", plan.name());
                self.wrong(line, channel.name.as_str(), message, None);
            }
        }
    }

    fn place(&mut self, place: &Place) {
        let named = |name: &str| self.known.contracts.find(name);
        let of_kind = |direction, wanted: &str| {
            let mut channels = self.channels(direction);
            let channel = channels.find(|channel| wanted.is_empty() || channel.name.as_str() == wanted)?;
            let contract = self.plans(channel).next()?.1.source();
            Some(Ok(self.whole(contract)))
        };
        let contract = match &place.within {
            Within::Contract(name) if name.is_empty() => None,
            Within::Contract(name) => Some(named(name)),
            Within::Item(channel) => of_kind(Direction::In, channel),
            Within::Record => of_kind(Direction::Feed, ""),
            Within::Call(channel) => {
                let channel = self.channels(Direction::In).find(|known| known.name.as_str() == channel);
                channel.and_then(|channel| channel.describes.body.as_deref()).map(named)
            }
            Within::Sent => return self.sent(place),
        };
        match contract {
            None => {}
            Some(Ok(contract)) => self.held_against(place, &contract),
            // Of several places of one contract that is not there, one says so.
            Some(Err((message, near))) if place.holds == Holds::All => {
                self.wrong(place.line, &place.field, message, near);
            }
            Some(Err(_)) => {}
        }
    }

    /// A place of the body where the secret is put: each mapping must leave something there.
    fn sent(&mut self, place: &Place) {
        let plans = self.channels(Direction::Out).flat_map(|channel| self.plans(channel)).collect::<Vec<_>>();
        for (_, plan) in plans {
            if !self.fits(plan.target()) {
                continue;
            }
            let before = self.found.len();
            let whole = self.whole(plan.target());
            self.held_against(place, &whole);
            let path = inside(plan.target(), &place.path);
            let set = plan.coverage().set;
            if self.found.len() == before && !set.iter().any(|leaf| leaf.replace("[]", "") == path) {
                let message = format!("`{}` leaves no `{path}` for the secret: {{ value: \"-\" }} keeps its place", plan.name());
                self.wrong(place.line, &place.field, message, None);
            }
        }
    }

    /// The contract of the whole document, where this is of the one child of its root.
    fn whole(&self, contract: &Arc<Contract>) -> Arc<Contract> {
        let outer = contract.name().split_once('#').and_then(|(_, place)| place.split_once('/'));
        let name = outer.map(|(_, child)| contract.name().trim_end_matches(child).trim_end_matches('/'));
        name.and_then(|name| self.known.contracts.get(name)).unwrap_or_else(|| contract.clone())
    }

    fn held_against(&mut self, place: &Place, contract: &Contract) {
        if place.holds == Holds::All {
            if !self.fits(contract) {
                let message = "is of another notation than this peer speaks".to_owned();
                self.wrong(place.line, &place.field, message, None);
            }
            return;
        }
        let view = contract.view();
        let path = place.path.strip_suffix(".#text").unwrap_or(&place.path);
        let keys: Vec<&str> = path.split('.').collect();
        let message = match view.walk(view.root(), &keys, true) {
            Walk::Found(step) => {
                let node = view.node(view.element(step.node));
                match (place.holds, is_text(node)) {
                    (Holds::Text, false) => {
                        let beneath: Vec<&str> = node.names().collect();
                        format!("`{path}` of {} is no text, but holds {}", contract.name(), beneath.join(", "))
                    }
                    (Holds::Items, _) if !node.open && node.fields.is_empty() => {
                        format!("`{path}` of {} holds no items", contract.name())
                    }
                    _ => return,
                }
            }
            Walk::Unknown(unknown, near) => {
                let message = format!("{} has no `{unknown}`", contract.name());
                return self.wrong(place.line, &place.field, message, near);
            }
            Walk::Open | Walk::ThroughList(_) => return,
        };
        self.wrong(place.line, &place.field, message, None);
    }
}

/// A place that may hold a text, alone or beside attributes.
fn is_text(node: &Node) -> bool {
    node.open || node.kinds.touches(TEXTS) || node.field("#text").is_some()
}

/// A path of the whole document as a mapping to the child of its root writes it.
fn inside(contract: &Contract, path: &str) -> String {
    let child = contract.name().split_once('#').and_then(|(_, place)| place.split_once('/'));
    let below = child.and_then(|(_, child)| path.strip_prefix(child)?.strip_prefix('.'));
    below.unwrap_or(path).to_owned()
}
