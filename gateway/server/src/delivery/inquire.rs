//! Calls without a journal: a question that somebody waits for (see `question`), a log-in, a read-back. Kept in memory only, because nothing
//! that they do counts: whoever asks again after a restart loses nothing.
//!
//! Also here is the one call that both kinds of conversation make, signed and measured.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use gateway_core::adapter::{Answer, Exchange, Keys, Pairs, Request, Session, Transcript, Turn};
use gateway_core::envelope::Envelope;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Account;

use super::TURNS_MAX;
use crate::app::{App, Room};
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
        let session: Result<Session, Fault> =
            inquire(app, room, &Pairs::new(), &Tries::one(), |transcript| {
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
pub(crate) fn passed_on(message: &Envelope) -> Pairs {
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
    let result = {
        let files = (&app.store, app.config.limits.files_bytes_max);
        room.transport.call_with_files(&request.endpoint, &signed, passed_on, files, request.answer_in).await
    };
    let (peer, step) = (room.name.as_str(), label(&request.step));
    let outcome = match &result {
        Ok(answer) if answer.status < 300 => "answered",
        Ok(_) => "status",
        Err(Failure::NotSent(_)) => "not-sent",
        Err(Failure::Silent(_) | Failure::BrokenOff(_)) => "silent",
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

/// How often a call is made of which no byte of an answer came, and how many calls were made in all.
pub(crate) struct Tries {
    each: u32,
    made: AtomicU32,
}

impl Tries {
    /// Each call is made once.
    pub(crate) fn one() -> Self {
        Tries { each: 1, made: AtomicU32::new(0) }
    }

    /// Each call is made once more if nothing came back: for calls that have no effect.
    pub(crate) fn two() -> Self {
        Tries { each: 2, made: AtomicU32::new(0) }
    }

    /// Calls made so far.
    pub(crate) fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }
}

/// A conversation of calls without effect, kept in memory: questions, log-ins and read-backs. A stale session is renewed once.
pub(crate) async fn inquire<T>(
    app: &App,
    room: &Room,
    passed_on: &Pairs,
    tries: &Tries,
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
        // Counted before it is made, because whoever waits may give up in the middle of it.
        tries.made.fetch_add(1, Ordering::Relaxed);
        let mut answer = call(app, room, &request, session, passed_on).await;
        for _ in 1..tries.each {
            if let Err(Failure::NotSent(_) | Failure::Silent(_)) = &answer {
                tries.made.fetch_add(1, Ordering::Relaxed);
                answer = call(app, room, &request, session, passed_on).await;
            }
        }
        let answer = answer.map_err(|failure| match failure {
            Failure::NotSent(reason) => not_sent(reason),
            Failure::Silent(reason) | Failure::BrokenOff(reason) => {
                Fault { remedy: Remedy::Later, ..silent(reason) }
            }
        })?;
        transcript.0.push(Exchange { request, answer });
    }
    Err(Fault::new("gateway.circles", Blame::Gateway, Remedy::Later, words::conversation_in_circles()))
}

pub(super) fn not_sent(reason: String) -> Fault {
    Fault::new("peer.unreachable", Blame::Peer, Remedy::Later, words::peer_unreachable()).because(reason)
}

pub(super) fn silent(reason: String) -> Fault {
    Fault::new("peer.silent", Blame::Peer, Remedy::Doubt, words::peer_silent()).because(reason)
}
