//! Calls without a journal: a question that somebody waits for, a log-in, a read-back. Kept in memory only, because nothing
//! that they do counts: whoever asks again after a restart loses nothing.
//!
//! Also here is the one call that both kinds of conversation make, signed and measured.

use std::time::{Duration, Instant};

use gateway_core::adapter::{
    Answer, Conversation, Exchange, Fate, Item, Keys, Marks, Pairs, Payload, Request, Session, Transcript,
    Turn,
};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::{Class, Envelope};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, MessageId, Unit};
use serde_json::Value;

use super::TURNS_MAX;
use crate::app::{App, Room};
use crate::clock::chance;
use crate::intake::Trace;
use crate::sessions::Held;
use crate::transport::Failure;
use crate::words;

pub(super) async fn hold_session(
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
pub(super) fn passed_on(message: &Envelope) -> Pairs {
    message.traceparent.iter().map(|trace| ("traceparent".to_owned(), trace.clone())).collect()
}

/// Signs and makes one call.
pub(super) async fn call(
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
pub(super) async fn inquire<T>(
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

pub(super) fn not_sent(reason: String) -> Fault {
    Fault::new("peer.unreachable", Blame::Peer, Remedy::Later, words::peer_unreachable()).because(reason)
}

pub(super) fn silent(reason: String) -> Fault {
    Fault::new("peer.silent", Blame::Peer, Remedy::Doubt, words::peer_silent()).because(reason)
}
