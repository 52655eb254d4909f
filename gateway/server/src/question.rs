//! A question, from the caller to the peer and back within a deadline: no queue, no journal, nothing kept. Read it downwards.
//!
//! A question to the population database is licensed and audited before anything leaves: what no licence allows, what an officer asks
//! too fast, and what cannot be written into the audit trail is refused here. Its answer is told only as far as the licence
//! goes, and is in memory only. A restart in the middle leaves a question without an end in the trail; the caller asks again.

mod own;

use std::time::{Duration, Instant};

use gateway_core::adapter::{Answer, Arrival, Conversation, Fate, Item, Marks, Payload};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::{Class, Envelope};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{MessageId, Unit};
use gateway_core::licence::{self, Grant, Officer, Shown};
use gateway_core::pace::Alarm;
use gateway_core::pipeline;
use gateway_core::translator::Context;
use serde_json::Value;
use tokio::time::{Instant as Until, timeout_at};

use crate::app::{App, Room};
use crate::audit::{Asked, Ended};
use crate::clock::chance;
use crate::delivery::inquire::{self, Tries};
use crate::intake::{self, Trace};
use crate::payment;
use crate::words;

/// Puts the question to the peer that answers its kind; answered or failed now.
pub async fn ask(
    app: &App,
    from: &Room,
    arrival: &Arrival,
    item: Item,
    trace: &Trace,
) -> Result<Fate, Fault> {
    if item.unit.as_deref().is_some_and(|unit| !intake::is_unit(unit)) {
        return Err(Fault::sender("unit.unusable", words::unit_unusable()));
    }
    let spec = app.rules.channels.kinds.get(&item.kind);
    if let Some(spec) = spec.filter(|spec| spec.is_ours()) {
        return own::answer(app, from, arrival, &item, spec).await;
    }
    let unit = Unit::from(item.unit.as_deref().or(from.config.unit.as_deref()).unwrap_or_default());
    let asked = app.routes(&from.name, &item.kind, &unit).into_iter().find_map(|name| app.peer(&name));
    let room = asked.ok_or_else(nobody)?;
    if !room.sends() {
        return Err(Fault::new("peer.paused", Blame::Gateway, Remedy::Later, words::peer_paused()));
    }
    let licensed = spec.is_some_and(|spec| spec.licensed);
    // What has a contract of ours is understood; everything else is passed on as it came.
    let understood = spec.is_some_and(|spec| spec.contract.is_some());
    let document = match understood {
        true => intake::understand_question(app, from, arrival, &item)?,
        false => as_it_came(item.payload),
    };
    let now = app.clock.now();
    let message = Envelope {
        files: arrival.files.clone(),
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
    let id = message.id;
    if spec.and_then(|spec| spec.payment) == Some(gateway_core::payment::Part::Opened) {
        return payment::begin(app, from, room, message).await.map(Fate::Answered);
    }
    match licensed {
        true => ask_with_licence(app, from, room, arrival, message).await,
        // Whether what is passed through has an effect is the caller's business, so it is made once.
        false => {
            let until = Until::now() + Duration::from_millis(room.config.answer_ms_max);
            let tries = if understood { Tries::two() } else { Tries::one() };
            put(app, room, &message, &tries, until).await
        }
    }
    .inspect(|_| tracing::info!(event = "question-answered", peer = %room.name, message = %id))
    .inspect_err(|fault| tracing::info!(event = "question-failed", peer = %room.name, fault = %fault.code))
    .map(Fate::Answered)
}

/// Where a canonical question has the numbers of whom it is about.
const NUMBERS: [&str; 2] = ["/person/identityNumber", "/person/oldIdentityNumber"];

fn as_it_came(payload: Payload) -> Value {
    match payload {
        Payload::Json(value) => value,
        Payload::Xml(bytes) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Licence, pace, audit; then the question; then what may be told of its answer.
async fn ask_with_licence(
    app: &App,
    from: &Room,
    room: &Room,
    arrival: &Arrival,
    mut message: Envelope,
) -> Result<Answer, Fault> {
    let asks_for = &from.config.asks_for;
    if !asks_for.is_empty() && !asks_for.iter().any(|unit| unit == message.unit.as_str()) {
        return Err(Fault::sender("licence.foreign-unit", words::foreign_unit()));
    }
    let text = |path: &str| message.document.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let procedure = text("/purpose/procedure");
    let code = text("/purpose/integrationCode");
    if message.dossier.is_none() {
        message.dossier = text("/purpose/dossier/code").as_deref().and_then(DossierCode::new);
    }
    let numbers = NUMBERS.iter().filter_map(|path| text(path)).map(|number| app.trail.keys().number(&number));
    let numbers: Vec<[u8; 16]> = numbers.collect();
    let officer = officer(from, arrival, &message.document);
    let officer_code = text("/officer/code");
    let wanted = licence::Asked {
        unit: &message.unit,
        kind: &message.kind,
        procedure: procedure.as_deref(),
        code: code.as_deref(),
        officer: officer.as_ref(),
        dossier: message.dossier.as_ref(),
    };
    let grant = licence::decide(&app.config.licences, &wanted, from.config.purpose)?;
    // `decide` lets nobody through without an officer.
    let Some(officer) = officer else { return Err(nobody()) };
    hold_pace(app, &officer, numbers.first().copied().unwrap_or_default())?;
    name_in(&mut message.document, &officer, &grant);
    let asked = Asked {
        question: message.id,
        correlation: &message.correlation,
        from: &message.from,
        unit: &message.unit,
        officer: &officer,
        officer_code: officer_code
            .as_deref()
            .filter(|code| officer.shown == Shown::Asserted && *code != officer.name),
        procedure: procedure.as_deref().unwrap_or_default(),
        dossier: message.dossier.as_ref().map(DossierCode::as_str),
        operation: &message.kind,
        code: grant.code.as_deref(),
        to: &room.name,
        profile: room.config.settings.get("profile").and_then(toml::Value::as_str).unwrap_or_default(),
        numbers: &numbers,
    };
    // Somebody waits at a screen for the disk as well.
    let bound = Duration::from_millis(room.config.answer_ms_max);
    let until = Until::now() + bound;
    let tries = Tries::two();
    let open = Open { app, message: &message, began: Instant::now(), tries: &tries, told: false };
    let late = || format!("not on disk within {} ms", bound.as_millis());
    let written = timeout_at(until, app.trail.asked(&asked, message.at)).await;
    if let Err(reason) =
        written.map_err(|_| late()).and_then(|written| written.map_err(|error| error.to_string()))
    {
        tracing::error!(event = "audit-refused", error = reason);
        // Perhaps it is in the trail some day, and then its end is too: it never left.
        open.ended("audit.unwritable");
        return Err(Fault::new("audit.unwritable", Blame::Gateway, Remedy::Later, words::audit_unwritable()));
    }
    if grant.without_dossier {
        app.metrics.questions_without_dossier.with_label_values(&[from.name.as_str()]).inc();
    }
    let result = put(app, room, &message, &tries, until).await;
    let outcome = match &result {
        Ok(answer) => outcome(answer),
        Err(fault) => fault.code.to_string(),
    };
    open.ended(&outcome);
    let found = matches!(outcome.as_str(), "found" | "match");
    if result.is_ok()
        && let Some(alarm) = app.watch().answered(&app.config.questions, &officer.name, found, message.at)
    {
        report(app, &officer, alarm);
    }
    let answer = result?;
    // Of what cannot be read nobody knows whether it may be told.
    let mut document = serde_json::from_slice(&answer.body.bytes).map_err(|_| nobody())?;
    licence::release(&mut document, &grant.fields);
    Ok(Answer::json(answer.status, &document))
}

/// A question that is in the trail and has no end there yet. Dropped without one, it ends as what it then is: the caller hung up, or
/// our own code panicked.
struct Open<'a> {
    app: &'a App,
    message: &'a Envelope,
    began: Instant,
    tries: &'a Tries,
    told: bool,
}

impl Open<'_> {
    fn ended(mut self, outcome: &str) {
        self.told = true;
        self.tell(outcome);
    }

    fn tell(&self, outcome: &str) {
        let (app, question) = (self.app, self.message.id);
        let duration_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let ended = Ended { question, outcome, duration_ms, calls: self.tries.made() };
        app.trail.ended(&ended, app.clock.now());
        app.metrics.questions.with_label_values(&[self.message.kind.as_str(), class_of(outcome)]).inc();
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        if !self.told {
            self.tell(if std::thread::panicking() { "gateway.panicked" } else { "question.abandoned" });
        }
    }
}

/// Who asks: by a key of the officer's own, else by the word of a system that may vouch for its officers.
fn officer(from: &Room, arrival: &Arrival, document: &Value) -> Option<Officer> {
    if let Some(name) = &arrival.officer {
        return Some(Officer { name: name.clone(), shown: Shown::Token });
    }
    if !from.config.may_assert_officers {
        return None;
    }
    let filled =
        |path: &&str| document.pointer(path)?.as_str().map(str::trim).filter(|name| !name.is_empty());
    let name = licence::OFFICER_NAMES.iter().find_map(filled)?;
    Some(Officer { name: name.to_owned(), shown: Shown::Asserted })
}

fn hold_pace(app: &App, officer: &Officer, number: [u8; 16]) -> Result<(), Fault> {
    let alarm = app.watch().may_ask(&app.config.questions, &officer.name, number, app.clock.now())?;
    if let Some(alarm) = alarm {
        report(app, officer, alarm);
    }
    Ok(())
}

/// Officers' names are no citizens' data, and somebody must look: it is said in the log and counted.
fn report(app: &App, officer: &Officer, alarm: Alarm) {
    let name = app.trail.keys().officer(&officer.name);
    tracing::warn!(event = "enumeration-suspected", officer = name, reason = alarm.word());
    app.metrics.enumeration_alarms.with_label_values(&[alarm.word()]).inc();
}

/// The peer is told the officer whom we know, not the one whom the caller wrote, and the code that the licence is for.
fn name_in(document: &mut Value, officer: &Officer, grant: &Grant) {
    let Some(document) = document.as_object_mut() else { return };
    if officer.shown == Shown::Token {
        let mut known = serde_json::Map::new();
        known.insert("account".to_owned(), officer.name.clone().into());
        document.insert("officer".to_owned(), known.into());
    }
    if let (Some(code), Some(purpose)) =
        (&grant.code, document.get_mut("purpose").and_then(Value::as_object_mut))
    {
        purpose.insert("integrationCode".to_owned(), code.clone().into());
    }
}

/// The calls of the question under one bound, a log-in included, because somebody waits at a screen. What surely brought no byte of
/// an answer may be tried once more.
pub(crate) async fn put(
    app: &App,
    room: &Room,
    message: &Envelope,
    tries: &Tries,
    until: Until,
) -> Result<Answer, Fault> {
    let message = &in_the_peers_words(app, room, message)?;
    let trace_on = inquire::passed_on(message);
    let bound = Duration::from_millis(room.config.answer_ms_max);
    let asking = async {
        // A peer that is asked more than it bears answers nobody. Whoever waits too long here is told the same as for silence.
        let _turn = room.questions.acquire().await.map_err(|_| nobody())?;
        inquire::inquire(app, room, &trace_on, tries, |transcript| {
            let talk = Conversation { message, marks: &Marks::new(), transcript };
            room.adapter.next_turn(&talk)
        })
        .await
    };
    let too_late = |_| Err(question_unanswered(bound));
    let receipt = timeout_at(until, asking).await.unwrap_or_else(too_late).map_err(not_kept)?;
    receipt.answer.ok_or_else(nobody)
}

/// The question in the peer's form, where its dialect has a mapping for the kind.
fn in_the_peers_words(app: &App, room: &Room, message: &Envelope) -> Result<Envelope, Fault> {
    let config = &room.config;
    let channel = app.rules.channels.outbound(&config.adapter, &config.dialect, &message.kind);
    let mapping = channel.and_then(|channel| channel.kinds.get(&message.kind)).and_then(Option::as_deref);
    let mut message = message.clone();
    if let Some(plan) = mapping.and_then(|name| app.rules.translator.plan(name)) {
        let translation = plan.translate(&message.document, &Context { codes: &config.codes });
        let document = translation.map_err(pipeline::as_ours)?.documents.pop().unwrap_or_default();
        message.document = plan.for_the_peer(document).map_err(pipeline::as_ours)?;
    }
    Ok(message)
}

/// Nobody sends a question again for the caller, so nobody may be told so.
fn not_kept(fault: Fault) -> Fault {
    match fault.code.as_ref() {
        "peer.unreachable" | "peer.silent" => Fault { words: words::question_not_kept().to_owned(), ..fault },
        _ => fault,
    }
}

/// The class of an answer, for the trail: never anything of what it says.
fn outcome(answer: &Answer) -> String {
    let document: Value = serde_json::from_slice(&answer.body.bytes).unwrap_or_default();
    let known = ["found", "not-found", "match", "no-match"];
    let said = document.get("outcome").and_then(Value::as_str);
    known
        .iter()
        .find(|word| said == Some(**word))
        .map_or_else(|| "answered".to_owned(), |word| (*word).to_owned())
}

fn class_of(outcome: &str) -> &'static str {
    match outcome {
        "found" | "match" => "found",
        "not-found" | "no-match" => "not-found",
        "answered" => "answered",
        _ => "failed",
    }
}

fn nobody() -> Fault {
    Fault::new("question.unanswerable", Blame::Gateway, Remedy::Correct, words::nobody_to_ask())
}

fn question_unanswered(bound: Duration) -> Fault {
    Fault::new("question.too-late", Blame::Peer, Remedy::Later, words::question_unanswered(bound.as_secs()))
}
