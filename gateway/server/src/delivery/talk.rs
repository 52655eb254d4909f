//! One attempt of one delivery: what was said so far, what is known of the dossier, and what the next commit will write.
//!
//! Nothing here is on disk before `journal` or `settle` says so: entries gather in `pending` and go in one commit with the
//! line that must not be lost. What an outcome means is decided in the core; this carries it out.

use std::collections::BTreeMap;

use gateway_core::adapter::{
    Answer, Conversation, Effect, Exchange, Marks, Payload, Receipt, Request, Transcript, Turn,
    Verdict as Reread,
};
use gateway_core::channel::{Channel, Part};
use gateway_core::envelope::Envelope;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use gateway_core::pipeline::{self, CallFate, OnUnknown, Outcome, Policy, Reading, Ruling, Settlement};
use gateway_core::translator::{Context, Plan};
use gateway_core::waybill::Which;
use serde_json::Value;

use super::inquire::{Tries, call, hold_session, inquire, passed_on};
use super::reason_of;
use crate::app::{App, Room};
use crate::config::InDoubt;
use crate::crash;
use crate::intake::{facts, heed, translate_in};
use crate::publishing;
use crate::queue::Right;
use crate::sessions::Held;
use crate::store::{Delivery, Entry, Event, ExchangeId, Kept, Pinned, StoreError, Written};
use crate::transport::Failure;
use crate::words;

/// Why a call is struck that is made again although it may have taken effect.
const UNKNOWN: &str = "unknown";

/// One attempt in progress: the delivery as loaded, what was said, and what the next commit will write.
pub(super) struct Talk<'a> {
    pub(super) app: &'a App,
    pub(super) room: &'a Room,
    pub(super) began: Moment,
    pub(super) delivery: Delivery,
    /// Our right to write about it, where it was claimed.
    right: Option<&'a Right>,
    /// The message with its document in the peer's form, once translated.
    pub(super) message: Envelope,
    marks: Marks,
    pub(super) transcript: Transcript,
    /// Rows of the transcript, in its order.
    rows: Vec<ExchangeId>,
    /// The call without an answer, if the attempt ends on one.
    pub(super) unanswered: Option<ExchangeId>,
    /// Which session signed the last call.
    pub(super) generation: u64,
    /// The peer itself answered something in this attempt.
    pub(super) heard: bool,
    /// The arrival as it came, where our own side could not read it then.
    source: Option<Payload>,
    /// Goes with the next commit.
    pub(super) pending: Vec<Entry>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(app: &'a App, room: &'a Room, delivery: Delivery, right: Option<&'a Right>) -> Self {
        let seen = delivery.exchanges.iter().filter(|kept| kept.struck.is_none() && kept.answer.is_some());
        Talk {
            app,
            room,
            began: app.clock.now(),
            message: delivery.envelope.clone(),
            marks: delivery.marks.clone(),
            rows: seen.map(|kept| kept.id).collect(),
            transcript: delivery.transcript(),
            unanswered: None,
            generation: 0,
            heard: false,
            source: None,
            pending: Vec::new(),
            right,
            delivery,
        }
    }

    /// The arrival as it came is needed where our own side could not read it then, or where the mapping that did has been
    /// mended since.
    pub(super) async fn fetch_source(&mut self) -> Result<(), StoreError> {
        let unread = self.delivery.envelope.document.is_null() || self.delivery.read_anew;
        if self.delivery.pinned.is_none() && unread {
            self.source = self.app.store.source(self.delivery.envelope.id).await?;
        }
        Ok(())
    }

    /// The channel by which the peer is told this, and the mapping of it.
    fn channel(&self) -> (Option<&'a Channel>, Option<&'a str>) {
        let (config, kind) = (&self.room.config, &self.message.kind);
        let channel = self.app.rules.channels.outbound(&config.adapter, &config.dialect, kind);
        (channel, channel.and_then(|channel| channel.kinds.get(kind)).and_then(Option::as_deref))
    }

    /// What was put in the words of a dialect that the peer is not configured for any more is put anew, unless a call of it still counts.
    pub(super) fn forget_other_dialect(&mut self) {
        let (_, mapping) = self.channel();
        let other = |pinned: &Pinned| mapping.is_none_or(|mapping| pinned.mapping.name != mapping);
        let counts = self.delivery.exchanges.iter().any(|kept| kept.struck.is_none());
        if !counts && self.delivery.pinned.as_ref().is_some_and(other) {
            self.delivery.pinned = None;
        }
    }

    pub(super) fn translate(&mut self) -> Result<(), Fault> {
        if let Some(pinned) = &self.delivery.pinned {
            self.message.document = pinned.document.clone();
            return Ok(());
        }
        let canonical = self.canonical()?;
        let (channel, mapping) = self.channel();
        let config = &self.room.config;
        let plan = self.plan(mapping)?;
        let translation = plan.translate(&canonical, &Context { codes: &config.codes });
        let translation = translation.map_err(|fault| self.untranslated(plan, &config.codes, fault))?;
        let documents = translation.documents.into_iter().map(|document| plan.for_the_peer(document));
        let mut documents = documents.collect::<Result<Vec<_>, _>>().map_err(pipeline::as_ours)?;
        self.message.document =
            if documents.len() == 1 { documents.remove(0) } else { Value::Array(documents) };
        if let Some(channel) = channel {
            let told =
                publishing::publish(self.app, self.room, &mut self.message, &channel.publishes, self.began)?;
            self.pending.extend(told);
        }
        let pinned = Pinned {
            document: self.message.document.clone(),
            mapping: self.app.rules.used(plan, &config.codes),
        };
        self.pending.push(Entry::Pin { pinned, at: self.began });
        let part = self.app.rules.channels.kinds.get(&self.message.kind).and_then(|spec| spec.shipment);
        if part == Some(Part::Ordered)
            && !self.room.is_in_shadow()
            && self.app.carries(self.room)
            && let Some(which) = Which::read(&canonical)
        {
            self.pending.push(Entry::Carry { which, at: self.began });
        }
        for trace in translation.traces {
            let detail = format!("{} {}: {}", trace.target, trace.rule, trace.detail);
            self.pending.push(Entry::Note { event: Event::Shortened, detail, at: self.began });
        }
        Ok(())
    }

    /// The canonical document: as accepted, or read anew from the arrival by today's mapping.
    fn canonical(&mut self) -> Result<Value, Fault> {
        // Without an arrival (its body is past its time) what was read of it then still holds.
        let kept = self.source.is_none() || !self.delivery.read_anew;
        if !self.delivery.envelope.document.is_null() && kept {
            return Ok(self.delivery.envelope.document.clone());
        }
        let plan = self.plan(self.delivery.in_mapping.as_ref().map(|used| used.name.as_str()))?;
        let none = BTreeMap::new();
        let codes = self.app.peer(&self.message.from).map_or(&none, |room| &room.config.codes);
        let source = self.source.as_ref().ok_or_else(|| pipeline::as_ours(mapping_missing(&self.message)))?;
        let translation =
            translate_in(plan, source, codes).map_err(|fault| self.untranslated(plan, codes, fault))?;
        let document = translation.documents.into_iter().next().unwrap_or(Value::Null);
        let facts = facts(self.app, &self.message.kind, &document).map_err(pipeline::as_ours)?;
        (self.message.status, self.message.due) = (facts.status, facts.due);
        self.pending
            .push(Entry::Revise { document: document.clone(), mapping: self.app.rules.used(plan, codes) });
        Ok(document)
    }

    fn plan(&self, name: Option<&str>) -> Result<&'a Plan, Fault> {
        let plan = name.and_then(|name| self.app.rules.translator.plan(name));
        plan.map(|plan| &**plan).ok_or_else(|| pipeline::as_ours(mapping_missing(&self.message)))
    }

    /// Remembers which mapping failed, so that a mended one offers the delivery again.
    fn untranslated(&mut self, plan: &Plan, codes: &BTreeMap<String, String>, fault: Fault) -> Fault {
        self.pending.push(Entry::Untranslated { mapping: self.app.rules.used(plan, codes) });
        pipeline::as_ours(fault)
    }

    fn conversation(&self) -> Conversation<'_> {
        Conversation { message: &self.message, marks: &self.marks, transcript: &self.transcript }
    }

    pub(super) fn next_turn(&self) -> Result<Turn<Receipt>, Fault> {
        self.room.adapter.next_turn(&self.conversation())
    }

    pub(super) async fn session(
        &self,
        request: &Request,
        refused: Option<u64>,
    ) -> Result<Option<Held>, Fault> {
        hold_session(self.app, self.room, request.account.as_ref(), refused).await
    }

    /// The unsigned request, and everything pending, on disk before the first byte leaves; none if the delivery is gone.
    pub(super) async fn journal(
        &mut self,
        request: &Request,
        at: Option<Moment>,
    ) -> Result<Option<ExchangeId>, StoreError> {
        let mut entries = std::mem::take(&mut self.pending);
        let at = at.unwrap_or_else(|| self.app.clock.now());
        let same = self.delivery.latest_call.as_ref().filter(|(_, latest)| latest == request);
        entries.push(match same {
            Some((of, _)) => Entry::CallAgain { of: *of, effect: request.effect, at },
            None => Entry::Call { request: request.clone(), at },
        });
        let anew = same.is_none();
        let written = self.write(entries).await?;
        let row = written.exchanges.last().copied().filter(|_| !written.gone);
        if let Some(row) = row.filter(|_| anew) {
            self.delivery.latest_call = Some((row, request.clone()));
        }
        Ok(row)
    }

    /// Whether every file that a call sends is there and opens.
    pub(super) async fn has_files(&self, request: &Request) -> Result<(), StoreError> {
        self.app.store.has_files(&request.ask.body).await
    }

    pub(super) async fn call(&mut self, request: &Request, held: Option<&Held>) -> Result<Answer, Failure> {
        self.generation = held.map_or(0, |held| held.generation);
        let session = held.map(|held| &held.session);
        call(self.app, self.room, request, session, &passed_on(&self.message)).await
    }

    pub(super) fn take_answer(&mut self, row: ExchangeId, request: Request, answer: Answer) {
        let exchange = Exchange { request, answer };
        let marks = self.room.adapter.learn(&exchange);
        self.marks.extend(marks.clone());
        let answer = exchange.answer.clone();
        self.pending.push(Entry::Answered { exchange: row, answer, marks, at: self.app.clock.now() });
        self.transcript.0.push(exchange);
        self.rows.push(row);
    }

    pub(super) fn strike(&mut self, row: ExchangeId, reason: &str) {
        self.pending.push(Entry::Strike {
            exchange: row,
            reason: reason.to_owned(),
            at: self.app.clock.now(),
        });
    }

    pub(super) fn strike_last(&mut self, reason: &str) {
        self.transcript.0.pop();
        if let Some(row) = self.rows.pop() {
            self.strike(row, reason);
        }
    }

    /// What came back is no answer (a page, a proxy's error): the call stays open in the journal, to be read back.
    fn unanswer_last(&mut self) {
        self.transcript.0.pop();
        let Some(row) = self.rows.pop() else { return };
        self.pending.retain(|entry| !matches!(entry, Entry::Answered { exchange, .. } if *exchange == row));
    }

    pub(super) fn note(&mut self, event: Event, detail: &str) {
        self.pending.push(Entry::Note { event, detail: detail.to_owned(), at: self.app.clock.now() });
    }

    pub(super) fn repeat(&mut self, row: ExchangeId, may_be_doubled: bool) {
        self.strike(row, if may_be_doubled { UNKNOWN } else { "did-not-happen" });
        if may_be_doubled {
            self.note(Event::MayBeDoubled, "");
        }
    }

    /// Asks the peer whether a call that counts once took effect.
    pub(super) async fn read_back(&mut self, lost: &Request, called_at: Moment) -> Reading {
        let (app, room) = (self.app, self.room);
        let verdict = inquire(app, room, &passed_on(&self.message), &Tries::one(), |transcript| {
            let talk = Conversation { message: &self.message, marks: &self.marks, transcript };
            room.adapter.read_back(&talk, lost)
        })
        .await;
        let label = match &verdict {
            Ok(Reread::Happened(_)) => "happened",
            Ok(Reread::DidNot) => "did-not",
            Ok(Reread::Unknown) => "unknown",
            Err(_) => "no-answer",
        };
        self.note(Event::ReadBack, label);
        match verdict {
            Ok(verdict) => {
                let (unknown, repeats) = (self.on_unknown(), self.repeats());
                // A peer has had no more time for it because somebody set our clock.
                let called_at = app.clock.as_set_now(called_at);
                pipeline::read_back(verdict, called_at, unknown, repeats, &self.policy(), app.clock.now())
            }
            // The peer cannot even be asked: it is away, and the doubt stays.
            Err(fault) => Reading::Settle(Settlement::Away { fault }),
        }
    }

    /// How often this delivery's call was made again without knowing.
    fn repeats(&self) -> u32 {
        let repeated = |kept: &&Kept| kept.struck.as_deref() == Some(UNKNOWN);
        self.delivery.exchanges.iter().filter(repeated).count() as u32
    }

    fn on_unknown(&self) -> OnUnknown {
        let by_status =
            self.message.status.as_deref().and_then(|status| self.room.config.in_doubt.get(status));
        match by_status.or_else(|| self.room.config.in_doubt.get("default")) {
            Some(InDoubt::Repeat) => OnUnknown::Repeat,
            Some(InDoubt::Ask) => OnUnknown::Ask,
            None => self.policy().on_unknown(self.message.status.as_deref()),
        }
    }

    fn policy(&self) -> Policy {
        Policy {
            peer_processing_ms_max: self.room.config.processing_ms_max as i64,
            patience: self.room.adapter.patience(),
            ..Policy::default()
        }
    }

    /// Decides what the outcome means, and writes it.
    pub(super) async fn settle(
        &mut self,
        outcome: Outcome,
        effect: Option<Effect>,
    ) -> Result<(), StoreError> {
        let mut history = self.delivery.history;
        history.peer_success_at = self.room.availability().last_success();
        let (now, chance) = (self.app.clock.now(), self.app.clock.jitter());
        let Ruling { settlement, call } =
            pipeline::settle(outcome, effect, &history, &self.policy(), now, chance);
        match call {
            CallFate::Struck => {
                let reason = reason_of(&settlement);
                match self.unanswered.take() {
                    Some(row) => self.strike(row, &reason),
                    None if effect.is_some() => self.strike_last(&reason),
                    None => {}
                }
            }
            CallFate::Doubtful if self.unanswered.is_none() => self.unanswer_last(),
            CallFate::Doubtful | CallFate::Stands => {}
        }
        self.record(settlement).await
    }

    pub(super) async fn record(&mut self, settlement: Settlement) -> Result<(), StoreError> {
        let now = self.app.clock.now();
        self.pending.push(Entry::Settle { settlement: settlement.clone(), at: now });
        let entries = std::mem::take(&mut self.pending);
        let written = self.write(entries).await?;
        crash::point("after-settled");
        if !written.gone {
            self.tell(&settlement, now);
        }
        if written.superseded {
            self.app.verdicts.let_go(self.message.id);
        }
        if written.next.is_some() {
            self.room.bell.ring();
        }
        Ok(())
    }

    async fn write(&self, entries: Vec<Entry>) -> Result<Written, StoreError> {
        let token = self.right.map(|right| right.token);
        let written = self.app.store.write_with(self.delivery.id, token, entries).await?;
        if let Some(right) = self.right {
            right.heed(&written);
        }
        self.app.heed(self.room, &written.news);
        heed(self.app, self.room, &written.said);
        Ok(written)
    }
}

fn mapping_missing(message: &Envelope) -> Fault {
    let words = words::mapping_missing(message.kind.as_str());
    Fault::new("mapping.missing", Blame::Gateway, Remedy::Correct, words)
}
