//! The sending half of a message's way: take, translate, converse, settle. Read it downwards.
//!
//! What a restart sees: a request row without an answer means that the call may have left. It is written (with the previous
//! answer, in one commit) before the first byte goes out, so there is no call the journal does not know of. A call that
//! may be repeated is struck and made again; one whose effect counts once begins with a read-back. Everything else is
//! derived from rows, so there is no recovery code: the next attempt is the recovery.
//!
//! Also here, because they are the same conversation without a journal: [`ask`] (a question, answered inline) and
//! `inquire` (log-ins and read-backs).

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gateway_core::adapter::{
    Answer, Conversation, Effect, Exchange, Fate, Item, Keys, Marks, Pairs, Payload, Receipt, Request,
    Session, Transcript, Turn, Verdict as Reread,
};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::{Class, Envelope};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, MessageId, Moment, Unit};
use gateway_core::pipeline::{
    self, CallFate, DeliveryId, OnUnknown, Outcome, Policy, Reading, Ruling, Settlement,
};
use gateway_core::redelivery::{Later, Presence};
use gateway_core::translator::{Context, Plan};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::app::{App, Room};
use crate::clock::{SET_BACK_MS, chance};
use crate::config::InDoubt;
use crate::crash;
use crate::intake::{Trace, facts, translate_in};
use crate::sessions::Held;
use crate::store::{Entry, Event, ExchangeId, Head, Job, Kept, LaneId, Pinned, StoreError};
use crate::transport::Failure;
use crate::words;

/// Why a call is struck that is made again although it may have taken effect.
const UNKNOWN: &str = "unknown";

/// A conversation that makes more calls than this goes in circles.
const TURNS_MAX: usize = 20;

/// How a peer's loop stands, for whoever waits until nothing is left to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Nothing is in progress and nothing is ready.
    pub parked: bool,
    /// Wakes seen before it parked.
    pub wakes: u64,
    /// It looks again at this moment by itself.
    pub until: Option<Moment>,
}

/// Wakes a peer's loop and tells where it stands.
#[derive(Default)]
pub struct Bell {
    notify: tokio::sync::Notify,
    wakes: AtomicU64,
    standing: watch::Sender<Standing>,
}

impl Bell {
    /// Something may be ready.
    pub fn ring(&self) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// Nothing is in progress, nothing is ready at this moment, and no wake is under way.
    pub fn is_quiet(&self, now: Moment) -> bool {
        let standing = *self.standing.borrow();
        let none_under_way = standing.wakes == self.wakes.load(Ordering::SeqCst);
        standing.parked && none_under_way && standing.until.is_none_or(|until| until > now)
    }
}

/// Delivers to a peer until `stopped`, whatever happens: what panics or fails is started anew.
pub async fn keep_running(app: Arc<App>, room: Arc<Room>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let loop_ = tokio::spawn(deliver_to(app.clone(), room.clone(), stopped.clone()));
        if let Err(error) = loop_.await {
            tracing::error!(event = "delivery-loop-restarted", peer = %room.name, %error);
            tokio::select! {
                () = app.clock.sleep_until(app.clock.now().plus_millis(1_000)) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        }
    }
}

async fn deliver_to(app: Arc<App>, room: Arc<Room>, mut stopped: watch::Receiver<bool>) {
    let mut out: HashMap<tokio::task::Id, LaneId> = HashMap::new();
    let mut under_way = JoinSet::new();
    // The store may remember a later time than now: then the clock was set back while nobody was running.
    let mut latest = app.store.latest_at().await.ok().flatten().unwrap_or_default();
    loop {
        let wakes = room.bell.wakes.load(Ordering::SeqCst);
        room.bell.standing.send_modify(|standing| standing.parked = false);
        let now = app.clock.now();
        if latest.millis_since(now) > SET_BACK_MS {
            clock_set_back(&app, &room, now).await;
        }
        latest = now;
        let stopping = *stopped.borrow();
        if stopping && under_way.is_empty() {
            return;
        }
        let mut again_at = None;
        if !stopping {
            match take(&app, &room, now, &out).await {
                Ok(heads) => {
                    for head in heads {
                        let lane = head.lane;
                        let handle = under_way.spawn(attempt(app.clone(), room.clone(), head));
                        out.insert(handle.id(), lane);
                    }
                    again_at = next_look(&app, &room, now).await.unwrap_or(Some(now.plus_millis(1_000)));
                }
                Err(error) => {
                    tracing::error!(event = "take-failed", peer = %room.name, %error);
                    again_at = Some(now.plus_millis(1_000));
                }
            }
        }
        let parked = under_way.is_empty();
        room.bell.standing.send_modify(|standing| *standing = Standing { parked, wakes, until: again_at });
        let alarm = async {
            match again_at {
                Some(at) => app.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = room.bell.notify.notified() => {}
            () = alarm => {}
            Some(ended) = under_way.join_next_with_id() => {
                let id = match &ended { Ok((id, ())) => *id, Err(error) => error.id() };
                out.remove(&id);
            }
            _ = stopped.wait_for(|stop| *stop), if !stopping => {}
        }
    }
}

/// Nobody waits for a time to come again that was never true.
async fn clock_set_back(app: &App, room: &Room, now: Moment) {
    room.availability().clock_set_back(now);
    match app.store.bring_forward(&room.name, now).await {
        Ok(lanes) => tracing::warn!(event = "clock-set-back", peer = %room.name, lanes),
        Err(error) => tracing::error!(event = "clock-set-back", peer = %room.name, %error),
    }
}

/// The heads of lanes that may go out now, oldest due date first, as many as the peer bears.
async fn take(
    app: &App,
    room: &Room,
    now: Moment,
    out: &HashMap<tokio::task::Id, LaneId>,
) -> Result<Vec<Head>, StoreError> {
    let (permits, presence) = {
        let availability = room.availability();
        (availability.may_start(now, out.len()), availability.presence())
    };
    if permits == 0 {
        return Ok(Vec::new());
    }
    let lanes = out.values().copied().collect();
    let Presence::Away { probes, .. } = presence else {
        return app.store.ready(&room.name, permits, now, &lanes).await;
    };
    // A probe takes turns among the oldest, so that one message that the peer chokes on cannot keep it away.
    let mut heads = app.store.ready(&room.name, PROBE_CHOICE, now, &lanes).await?;
    if !heads.is_empty() {
        heads = vec![heads.swap_remove(probes as usize % heads.len())];
    }
    Ok(heads)
}

/// A probe is chosen among so many of the oldest.
const PROBE_CHOICE: usize = 16;

/// When to look again by itself. What is ready now and was not taken waits for a permit, and the end of a call wakes the loop.
async fn next_look(app: &App, room: &Room, now: Moment) -> Result<Option<Moment>, StoreError> {
    let probe = room.availability().next_probe();
    let Some(ready) = app.store.next_ready_at(&room.name, now).await? else {
        return Ok(probe.filter(|probe| *probe > now));
    };
    let at = probe.map_or(ready, |probe| probe.max(ready));
    Ok((at > now).then_some(at))
}

/// One attempt of one delivery. What our own code does wrong here costs this delivery an attempt and no other anything.
async fn attempt(app: Arc<App>, room: Arc<Room>, head: Head) {
    let task = AssertUnwindSafe(deliver(&app, &room, &head));
    let ended = match catch_panic(task).await {
        Ok(ended) => ended,
        Err(()) => {
            tracing::error!(event = "delivery-panicked", peer = %room.name, delivery = head.delivery.0);
            settle_panic(&app, &room, head.delivery).await
        }
    };
    let ended = match ended {
        Err(error) if error.is_of_one_value() => {
            tracing::error!(event = "delivery-unreadable", peer = %room.name, delivery = head.delivery.0, %error);
            settle_unreadable(&app, &room, head.delivery, &error).await
        }
        ended => ended,
    };
    if let Err(error) = ended {
        // Nothing is lost: the row says where it stands, and the lane is ready again.
        tracing::error!(event = "delivery-unrecorded", peer = %room.name, delivery = head.delivery.0, %error);
        let now = app.clock.now();
        room.availability().failed(Later::default(), now, now, app.clock.jitter());
    }
}

/// Runs a task to its end or to its panic.
pub(crate) async fn catch_panic<T>(task: impl Future<Output = T> + std::panic::UnwindSafe) -> Result<T, ()> {
    let mut task = std::pin::pin!(task);
    std::future::poll_fn(move |context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(context)));
        match polled {
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            Ok(std::task::Poll::Ready(value)) => std::task::Poll::Ready(Ok(value)),
            Err(_) => std::task::Poll::Ready(Err(())),
        }
    })
    .await
}

async fn settle_panic(app: &App, room: &Room, id: DeliveryId) -> Result<(), StoreError> {
    let Some(job) = app.store.load(id).await? else { return Ok(()) };
    let mut talk = Talk::new(app, room, job);
    let fault = Fault::new("gateway.panic", Blame::Gateway, Remedy::Correct, words::delivery_panicked());
    talk.settle(Outcome::Panicked(fault), None).await
}

/// What we keep of this message does not open: its own trouble, not the peer's.
async fn settle_unreadable(
    app: &App,
    room: &Room,
    id: DeliveryId,
    error: &StoreError,
) -> Result<(), StoreError> {
    let Some(history) = app.store.history(id).await? else { return Ok(()) };
    let fault = Fault::new("store.unreadable", Blame::Gateway, Remedy::Correct, words::store_unreadable())
        .because(error.to_string());
    let (now, chance) = (app.clock.now(), app.clock.jitter());
    let outcome = Outcome::Unreadable(fault);
    let ruling = pipeline::settle(outcome, None, &history, &Policy::default(), now, chance);
    let label = if matches!(ruling.settlement, Settlement::DeadLetter(_)) { "dead-letter" } else { "retry" };
    app.metrics.settled.with_label_values(&[room.name.as_str(), label]).inc();
    app.store.write(id, vec![Entry::Settle { settlement: ruling.settlement, at: now }]).await?;
    Ok(())
}

/// From the row to its settlement.
async fn deliver(app: &App, room: &Room, head: &Head) -> Result<(), StoreError> {
    let Some(job) = app.store.load(head.delivery).await? else { return passed(app, room, head).await };
    let envelope = &job.envelope;
    let span = tracing::info_span!("delivery", correlation = %envelope.correlation, message = %envelope.id);
    converse(Talk::new(app, room, job)).instrument(span).await
}

/// The head of a lane could not be taken: a newer one has its place, or the lane's row is wrong. Then it is asked anew who goes
/// next; if that changes nothing, the lane rests for a moment instead of being taken again and again.
async fn passed(app: &App, room: &Room, head: &Head) -> Result<(), StoreError> {
    let next = app.store.set_right(head.lane).await?;
    if next.is_some_and(|next| next.delivery == head.delivery) {
        tracing::error!(event = "head-not-to-be-taken", peer = %room.name, delivery = head.delivery.0);
        app.clock.sleep_until(app.clock.now().plus_millis(1_000)).await;
    }
    Ok(())
}

/// The conversation: from what an earlier attempt left, turn by turn, to the settlement.
async fn converse(mut talk: Talk<'_>) -> Result<(), StoreError> {
    // What an earlier attempt left without an answer.
    if let Some(lost) = talk.job.unanswered().cloned() {
        match lost.request.effect {
            Effect::Repeatable => talk.strike(lost.id, "no-answer"),
            Effect::Once => match talk.read_back(&lost.request, lost.called_at).await {
                Reading::GoOn(answer) => talk.take_answer(lost.id, lost.request, answer),
                Reading::Repeat { may_be_doubled } => talk.repeat(lost.id, may_be_doubled),
                Reading::Settle(settlement) => return talk.record(settlement).await,
            },
        }
    }
    // Translated once, pinned to the delivery: later turns must not see a newer mapping.
    talk.fetch_source().await?;
    if let Err(fault) = talk.translate() {
        return talk.settle(Outcome::Fault(fault), None).await;
    }
    let mut refused_session: Option<(String, u64)> = None;
    for _ in 0..TURNS_MAX {
        let turn = talk.next_turn();
        let request = match turn {
            Ok(Turn::Call(request)) => request,
            Ok(Turn::Done(receipt)) => {
                return talk.settle(Outcome::Delivered { reference: receipt.reference }, None).await;
            }
            Err(fault) => {
                let last = talk.transcript.last().map(|exchange| exchange.request.clone());
                let effect = last.as_ref().map(|request| request.effect);
                let step = last.map(|request| request.step).unwrap_or_default();
                match fault.remedy {
                    // Once for each step: a second refusal in a row is no longer about the session.
                    Remedy::Renew if refused_session.as_ref().is_none_or(|(refused, _)| *refused != step) => {
                        refused_session = Some((step, talk.generation));
                        talk.strike_last("session-renewed");
                        continue;
                    }
                    _ => return talk.settle(Outcome::Fault(fault), effect).await,
                }
            }
        };
        let refused = refused_session.as_ref().map(|(_, generation)| *generation);
        let held = match talk.session(&request, refused).await {
            Ok(held) => held,
            Err(fault) => return talk.settle(Outcome::NotSent(fault), Some(request.effect)).await,
        };
        let effect = request.effect;
        let too_early = match crash::sabotaged("call-before-journal") {
            true => Some(talk.call(&request, held.as_ref()).await),
            false => None,
        };
        // Gone: a newer snapshot or an operator has settled it meanwhile.
        let Some(exchange) = talk.journal(&request).await? else { return Ok(()) };
        crash::point("after-request-journaled");
        let called = match too_early {
            Some(called) => called,
            None => talk.call(&request, held.as_ref()).await,
        };
        match called {
            Ok(answer) => {
                crash::point("after-answer");
                talk.heard = true;
                talk.take_answer(exchange, request, answer);
            }
            Err(Failure::NotSent(reason)) => {
                talk.unanswered = Some(exchange);
                return talk.settle(Outcome::NotSent(not_sent(reason)), Some(effect)).await;
            }
            Err(Failure::Silent(reason)) => {
                talk.unanswered = Some(exchange);
                return talk.settle(Outcome::Silent(silent(reason)), Some(effect)).await;
            }
        }
    }
    let fault =
        Fault::new("gateway.circles", Blame::Gateway, Remedy::Unclear, words::conversation_in_circles());
    talk.settle(Outcome::Fault(fault), None).await
}

/// One attempt in progress: the delivery as loaded, what was said, and what the next commit will write.
struct Talk<'a> {
    app: &'a App,
    room: &'a Room,
    began: Moment,
    job: Job,
    /// The message with its document in the peer's form, once translated.
    message: Envelope,
    marks: Marks,
    transcript: Transcript,
    /// Rows of the transcript, in its order.
    rows: Vec<ExchangeId>,
    /// The call without an answer, if the attempt ends on one.
    unanswered: Option<ExchangeId>,
    /// Which session signed the last call.
    generation: u64,
    /// The peer itself answered something in this attempt.
    heard: bool,
    /// The arrival as it came, where our own side could not read it then.
    source: Option<Payload>,
    /// Goes with the next commit.
    pending: Vec<Entry>,
}

impl<'a> Talk<'a> {
    fn new(app: &'a App, room: &'a Room, job: Job) -> Self {
        let seen = job.exchanges.iter().filter(|kept| kept.struck.is_none() && kept.answer.is_some());
        Talk {
            app,
            room,
            began: app.clock.now(),
            message: job.envelope.clone(),
            marks: job.marks.clone(),
            rows: seen.map(|kept| kept.id).collect(),
            transcript: job.transcript(),
            unanswered: None,
            generation: 0,
            heard: false,
            source: None,
            pending: Vec::new(),
            job,
        }
    }

    /// The arrival as it came is needed where our own side could not read it then, or where the mapping that did has been
    /// mended since.
    async fn fetch_source(&mut self) -> Result<(), StoreError> {
        let unread = self.job.envelope.document.is_null() || self.job.read_anew;
        if self.job.pinned.is_none() && unread {
            self.source = self.app.store.source(self.job.envelope.id).await?;
        }
        Ok(())
    }

    fn translate(&mut self) -> Result<(), Fault> {
        if let Some(pinned) = &self.job.pinned {
            self.message.document = pinned.document.clone();
            return Ok(());
        }
        let canonical = self.canonical()?;
        let kind = &self.message.kind;
        let config = &self.room.config;
        let channel = self.app.rules.channels.outbound(&config.adapter, &config.dialect, kind);
        let mapping = channel.and_then(|channel| channel.kinds.get(kind)).and_then(Option::as_deref);
        let plan = self.plan(mapping)?;
        let translation = plan.translate(&canonical, &Context { codes: &config.codes });
        let translation = translation.map_err(|fault| self.held(plan, &config.codes, fault))?;
        let mut documents = translation.documents;
        self.message.document =
            if documents.len() == 1 { documents.remove(0) } else { Value::Array(documents) };
        let pinned = Pinned {
            document: self.message.document.clone(),
            mapping: self.app.rules.used(plan, &config.codes),
        };
        self.pending.push(Entry::Pin { pinned, at: self.began });
        for trace in translation.traces {
            let detail = format!("{} {}: {}", trace.target, trace.rule, trace.detail);
            self.pending.push(Entry::Note { event: Event::Shortened, detail, at: self.began });
        }
        Ok(())
    }

    /// The canonical document: as accepted, or read anew from the arrival by today's mapping.
    fn canonical(&mut self) -> Result<Value, Fault> {
        // Without an arrival (its body is past its time) what was read of it then still holds.
        let kept = self.source.is_none() || !self.job.read_anew;
        if !self.job.envelope.document.is_null() && kept {
            return Ok(self.job.envelope.document.clone());
        }
        let plan = self.plan(self.job.in_mapping.as_ref().map(|used| used.name.as_str()))?;
        let none = BTreeMap::new();
        let codes = self.app.peer(&self.message.from).map_or(&none, |room| &room.config.codes);
        let source = self.source.as_ref().ok_or_else(|| held(mapping_missing(&self.message)))?;
        let translation = translate_in(plan, source, codes).map_err(|fault| self.held(plan, codes, fault))?;
        let document = translation.documents.into_iter().next().unwrap_or(Value::Null);
        let facts = facts(self.app, &self.message.kind, &document).map_err(held)?;
        (self.message.status, self.message.due) = (facts.status, facts.due);
        self.pending
            .push(Entry::Revise { document: document.clone(), mapping: self.app.rules.used(plan, codes) });
        Ok(document)
    }

    fn plan(&self, name: Option<&str>) -> Result<&'a Plan, Fault> {
        let plan = name.and_then(|name| self.app.rules.translator.plan(name));
        plan.map(|plan| &**plan).ok_or_else(|| held(mapping_missing(&self.message)))
    }

    /// Remembers which mapping failed, so that a mended one offers the delivery again.
    fn held(&mut self, plan: &Plan, codes: &BTreeMap<String, String>, fault: Fault) -> Fault {
        self.pending.push(Entry::Untranslated { mapping: self.app.rules.used(plan, codes) });
        held(fault)
    }

    fn conversation(&self) -> Conversation<'_> {
        Conversation { message: &self.message, marks: &self.marks, transcript: &self.transcript }
    }

    fn next_turn(&self) -> Result<Turn<Receipt>, Fault> {
        self.room.adapter.next_turn(&self.conversation())
    }

    async fn session(&self, request: &Request, refused: Option<u64>) -> Result<Option<Held>, Fault> {
        hold_session(self.app, self.room, request.account.as_ref(), refused).await
    }

    /// The unsigned request, and everything pending, on disk before the first byte leaves; none if the delivery is gone.
    async fn journal(&mut self, request: &Request) -> Result<Option<ExchangeId>, StoreError> {
        let mut entries = std::mem::take(&mut self.pending);
        entries.push(Entry::Call { request: request.clone(), at: self.app.clock.now() });
        let written = self.app.store.write(self.job.delivery, entries).await?;
        Ok(written.exchanges.last().copied().filter(|_| !written.gone))
    }

    async fn call(&mut self, request: &Request, held: Option<&Held>) -> Result<Answer, Failure> {
        self.generation = held.map_or(0, |held| held.generation);
        let session = held.map(|held| &held.session);
        call(self.app, self.room, request, session, &passed_on(&self.message)).await
    }

    fn take_answer(&mut self, row: ExchangeId, request: Request, answer: Answer) {
        let exchange = Exchange { request, answer };
        let marks = self.room.adapter.learn(&exchange);
        self.marks.extend(marks.clone());
        let answer = exchange.answer.clone();
        self.pending.push(Entry::Answered { exchange: row, answer, marks, at: self.app.clock.now() });
        self.transcript.0.push(exchange);
        self.rows.push(row);
    }

    fn strike(&mut self, row: ExchangeId, reason: &str) {
        self.pending.push(Entry::Strike {
            exchange: row,
            reason: reason.to_owned(),
            at: self.app.clock.now(),
        });
    }

    fn strike_last(&mut self, reason: &str) {
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

    fn note(&mut self, event: Event, detail: &str) {
        self.pending.push(Entry::Note { event, detail: detail.to_owned(), at: self.app.clock.now() });
    }

    fn repeat(&mut self, row: ExchangeId, may_be_doubled: bool) {
        self.strike(row, if may_be_doubled { UNKNOWN } else { "did-not-happen" });
        if may_be_doubled {
            self.note(Event::MayBeDoubled, "");
        }
    }

    /// Asks the peer whether a call that counts once took effect.
    async fn read_back(&mut self, lost: &Request, called_at: Moment) -> Reading {
        let (app, room) = (self.app, self.room);
        let verdict = inquire(app, room, &passed_on(&self.message), |transcript| {
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
                pipeline::read_back(verdict, called_at, unknown, repeats, &self.policy(), app.clock.now())
            }
            // The peer cannot even be asked: it is away, and the doubt stays.
            Err(fault) => Reading::Settle(Settlement::Away { fault }),
        }
    }

    /// How often this delivery's call was made again without knowing.
    fn repeats(&self) -> u32 {
        let repeated = |kept: &&Kept| kept.struck.as_deref() == Some(UNKNOWN);
        self.job.exchanges.iter().filter(repeated).count() as u32
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
        Policy { peer_processing_ms_max: self.room.config.processing_ms_max as i64, ..Policy::default() }
    }

    /// Decides what the outcome means, and writes it.
    async fn settle(&mut self, outcome: Outcome, effect: Option<Effect>) -> Result<(), StoreError> {
        let mut history = self.job.history;
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

    async fn record(&mut self, settlement: Settlement) -> Result<(), StoreError> {
        let now = self.app.clock.now();
        self.pending.push(Entry::Settle { settlement: settlement.clone(), at: now });
        let entries = std::mem::take(&mut self.pending);
        let written = self.app.store.write(self.job.delivery, entries).await?;
        crash::point("after-settled");
        if !written.gone {
            self.tell(&settlement, now);
        }
        if written.next.is_some() {
            self.room.bell.ring();
        }
        Ok(())
    }

    /// The peer's availability, the caller that waits, metrics and log hear of it.
    fn tell(&self, settlement: &Settlement, now: Moment) {
        let (label, fault) = match settlement {
            Settlement::Delivered { .. } => ("delivered", None),
            Settlement::RetryAt { fault, .. } => ("retry", fault.as_ref()),
            Settlement::Away { fault } => ("peer-away", Some(fault)),
            Settlement::DeadLetter(fault) => ("dead-letter", Some(fault)),
            Settlement::InDoubt(fault) => ("in-doubt", Some(fault)),
            Settlement::Hold(fault) => ("held", Some(fault)),
            Settlement::Superseded => ("superseded", None),
        };
        let peer = self.room.name.as_str();
        self.app.metrics.settled.with_label_values(&[peer, label]).inc();
        if let Settlement::Away { fault } = settlement {
            let later = Later { retry_after_ms: fault.retry_after_ms };
            if self.room.availability().failed(later, self.began, now, self.app.clock.jitter()) {
                tracing::warn!(event = "peer-away", peer, fault = %fault.code, cause = %fault.cause);
            }
        } else if self.heard && self.room.availability().succeeded(now) {
            // It answered: whatever it said to this message, it is there.
            tracing::info!(event = "peer-back", peer);
            self.room.bell.ring();
        }
        if let Settlement::Delivered { .. } = settlement {
            let seconds = now.millis_since(self.message.at) as f64 / 1000.0;
            self.app.metrics.delivered_seconds.with_label_values(&[peer]).observe(seconds.max(0.0));
        }
        let (verdicts, message) = (&self.app.verdicts, self.message.id);
        match settlement {
            Settlement::Delivered { .. } => verdicts.tell(message, Ok(())),
            // What our own side lacks is nothing the sender could mend: to it the message is accepted.
            Settlement::DeadLetter(fault) if fault.blame != Blame::Gateway => {
                verdicts.tell(message, Err(fault.clone()));
            }
            Settlement::DeadLetter(_) | Settlement::InDoubt(_) | Settlement::Hold(_) => {
                verdicts.let_go(message)
            }
            Settlement::RetryAt { .. } | Settlement::Away { .. } | Settlement::Superseded => {}
        }
        tracing::info!(
            event = "settled",
            settlement = label,
            peer,
            message = %self.message.id,
            correlation = %self.message.correlation,
            dossier = self.message.dossier.as_ref().map(DossierCode::for_log),
            fault = fault.map(|fault| fault.code.as_ref()),
        );
    }
}

/// A translation that fails is our own affair, whatever its violations say: the sender was told that it is accepted.
fn held(mut fault: Fault) -> Fault {
    fault.blame = Blame::Gateway;
    fault.remedy = Remedy::Correct;
    fault
}

fn mapping_missing(message: &Envelope) -> Fault {
    let words = words::mapping_missing(message.kind.as_str());
    Fault::new("mapping.missing", Blame::Gateway, Remedy::Correct, words)
}

fn reason_of(settlement: &Settlement) -> String {
    match settlement {
        Settlement::Away { fault } | Settlement::DeadLetter(fault) | Settlement::Hold(fault) => {
            fault.code.to_string()
        }
        Settlement::RetryAt { fault: Some(fault), .. } => fault.code.to_string(),
        _ => "struck".to_owned(),
    }
}

fn not_sent(reason: String) -> Fault {
    Fault::new("peer.unreachable", Blame::Peer, Remedy::Later, words::peer_unreachable()).because(reason)
}

fn silent(reason: String) -> Fault {
    Fault::new("peer.silent", Blame::Peer, Remedy::Doubt, words::peer_silent()).because(reason)
}

async fn hold_session(
    app: &App,
    room: &Room,
    account: Option<&Account>,
    refused: Option<u64>,
) -> Result<Option<Held>, Fault> {
    let Some(account) = account else { return Ok(None) };
    let log_in = async || {
        // One session serves many messages, so it belongs to the trace of none.
        let session: Result<Session, Fault> = inquire(app, room, &Pairs::new(), |transcript| {
            let keys = Keys { fixed: &room.keys, session: None };
            room.adapter.log_in(account, &keys, transcript, app.clock.now())
        })
        .await;
        let outcome = if session.is_ok() { "ok" } else { "failed" };
        app.metrics.log_ins.with_label_values(&[room.name.as_str(), outcome]).inc();
        match &session {
            Ok(_) => tracing::info!(event = "session-opened", peer = %room.name),
            Err(fault) => {
                tracing::warn!(event = "log-in-failed", peer = %room.name, fault = %fault.code, cause = %fault.cause)
            }
        }
        session
    };
    room.sessions.hold(account, refused, app.clock.now(), log_in).await.map(Some)
}

/// The caller's trace context, for the peer.
fn passed_on(message: &Envelope) -> Pairs {
    message.traceparent.iter().map(|trace| ("traceparent".to_owned(), trace.clone())).collect()
}

/// Signs and makes one call.
async fn call(
    app: &App,
    room: &Room,
    request: &Request,
    session: Option<&Session>,
    passed_on: &Pairs,
) -> Result<Answer, Failure> {
    let keys = Keys { fixed: &room.keys, session };
    let signed = room
        .adapter
        .sign(request, &keys, app.clock.now())
        .map_err(|fault| Failure::NotSent(fault.to_string()))?;
    let began = Instant::now();
    let result = room.transport.call(&request.endpoint, &signed, passed_on).await;
    let (peer, step) = (room.name.as_str(), label(&request.step));
    let outcome = match &result {
        Ok(answer) if answer.status < 300 => "answered",
        Ok(_) => "status",
        Err(Failure::NotSent(_)) => "not-sent",
        Err(Failure::Silent(_)) => "silent",
    };
    app.metrics.calls_out.with_label_values(&[peer, step, outcome]).inc();
    app.metrics.call_seconds.with_label_values(&[peer, step]).observe(began.elapsed().as_secs_f64());
    tracing::debug!(event = "called", peer, step, outcome);
    result
}

/// The step's name without what it is about: `upload <sha256>` is `upload`.
fn label(step: &str) -> &str {
    step.split(' ').next().unwrap_or_default()
}

/// A conversation of calls without effect, kept in memory: log-ins and read-backs. A stale session is renewed once.
async fn inquire<T>(
    app: &App,
    room: &Room,
    passed_on: &Pairs,
    mut next: impl FnMut(&Transcript) -> Result<Turn<T>, Fault>,
) -> Result<T, Fault> {
    let mut transcript = Transcript::default();
    let mut refused = None;
    let mut generation = 0;
    for _ in 0..TURNS_MAX {
        let request = match next(&transcript) {
            Ok(Turn::Done(value)) => return Ok(value),
            Ok(Turn::Call(request)) => request,
            Err(fault) if fault.remedy == Remedy::Renew && refused.is_none() => {
                refused = Some(generation);
                transcript.0.pop();
                continue;
            }
            Err(fault) => return Err(fault),
        };
        // A log-in's own calls name no account, so this does not go round in a circle.
        let held = Box::pin(hold_session(app, room, request.account.as_ref(), refused)).await?;
        generation = held.as_ref().map_or(0, |held| held.generation);
        let session = held.as_ref().map(|held| &held.session);
        let answer = call(app, room, &request, session, passed_on).await;
        let answer = answer.map_err(|failure| match failure {
            Failure::NotSent(reason) => not_sent(reason),
            Failure::Silent(reason) => Fault { remedy: Remedy::Later, ..silent(reason) },
        })?;
        transcript.0.push(Exchange { request, answer });
    }
    Err(Fault::new("gateway.circles", Blame::Gateway, Remedy::Later, words::conversation_in_circles()))
}

/// A question: put to the peer that answers this kind, answered or failed now, kept nowhere.
pub async fn ask(app: &App, from: &Room, item: Item, trace: &Trace) -> Result<Fate, Fault> {
    let unit = Unit::from(item.unit.as_deref().or(from.config.unit.as_deref()).unwrap_or_default());
    let nobody =
        || Fault::new("question.unanswerable", Blame::Gateway, Remedy::Correct, words::nobody_to_ask());
    let asked =
        app.routes(&from.name, &item.kind, &unit).into_iter().find_map(|name| app.peer(&name).cloned());
    let room = asked.ok_or_else(nobody)?;
    let document = match item.payload {
        Payload::Json(value) => value,
        Payload::Xml(bytes) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
    };
    let now = app.clock.now();
    let message = Envelope {
        id: MessageId::new(now, chance()),
        correlation: trace.correlation.clone(),
        traceparent: trace.traceparent.clone(),
        from: from.name.clone(),
        unit,
        kind: item.kind,
        class: Class::Question,
        dossier: item.dossier.as_deref().and_then(DossierCode::new),
        status: None,
        due: None,
        at: now,
        hints: item.hints,
        document,
    };
    let trace_on = passed_on(&message);
    let asking = inquire(app, &room, &trace_on, |transcript| {
        let talk = Conversation { message: &message, marks: &Marks::new(), transcript };
        room.adapter.next_turn(&talk)
    });
    // One bound for all its calls, a log-in included: somebody waits at a screen.
    let bound = Duration::from_millis(room.config.answer_ms_max);
    let receipt = tokio::time::timeout(bound, asking)
        .await
        .unwrap_or_else(|_| Err(question_unanswered(bound)))
        .inspect_err(
            |fault| tracing::info!(event = "question-failed", peer = %room.name, fault = %fault.code),
        )?;
    tracing::info!(event = "question-answered", peer = %room.name, message = %message.id, correlation = %message.correlation);
    receipt.answer.map(Fate::Answered).ok_or_else(nobody)
}

fn question_unanswered(bound: Duration) -> Fault {
    Fault::new("question.too-late", Blame::Peer, Remedy::Later, words::question_unanswered(bound.as_secs()))
}
