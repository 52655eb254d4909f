//! The sending half of a message's way: take, translate, converse, settle. Read it downwards.
//!
//! What a restart sees: a request row without an answer means that the call may have left. It is written (with the previous
//! answer, in one commit) before the first byte goes out, so there is no call the journal does not know of. A call that
//! may be repeated is struck and made again; one whose effect counts once begins with a read-back. Everything else is
//! derived from rows, so there is no recovery code: the next attempt is the recovery.
//!
//! Beneath it: `talk` (one attempt: what was said, and what the next commit will write), `inquire` (the same conversation
//! without a journal: questions, log-ins, read-backs), `says` (what an answer tells others), `shadow` (the same without a call) and `bell` (what wakes a peer's loop).

mod bell;
mod guard;
pub(crate) mod inquire;
mod says;
mod shadow;
mod talk;
mod telling;

pub(crate) use bell::Standing;
pub use bell::{Bell, Reached};
pub(crate) use guard::catch_panic;
use guard::guarded;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::adapter::{Effect, Request, Turn};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use gateway_core::pipeline::{Outcome, Reading, Settlement};
use tokio::sync::watch;
use tokio::task::{self, JoinSet};
use tracing::Instrument as _;

use self::inquire::{not_sent, silent};
use self::talk::Talk;
use crate::app::{App, Room};
use crate::clock::SET_BACK_MS;
use crate::crash;
use crate::health;
use crate::queue::{Carrier, Embedded, Line, Right, Taken, Work};
use crate::store::{ExchangeId, Head, LaneId, StoreError};
use crate::transport::Failure;
use crate::words;

/// A conversation that makes more calls than this goes in circles.
const TURNS_MAX: usize = 20;

/// Delivers to a peer until `stopped`, whatever happens: what panics or fails is started anew.
pub async fn keep_running(app: Arc<App>, room: Arc<Room>, stopped: watch::Receiver<bool>) {
    let (of, stop) = (room.name.to_string(), stopped.clone());
    let begin = || {
        let (app, room, stop) = (app.clone(), room.clone(), stop.clone());
        async move {
            match &app.carrier {
                Carrier::Embedded => deliver_to(app.clone(), room, Embedded, stop).await,
                Carrier::RabbitMq(rabbit) => {
                    let line = rabbit.line(&room.name).await;
                    deliver_to(app.clone(), room, line, stop).await;
                }
            }
        }
    };
    health::supervised(app.clone(), "delivery", of, stopped, begin).await;
}

async fn deliver_to(app: Arc<App>, room: Arc<Room>, mut line: impl Line, mut stopped: watch::Receiver<bool>) {
    // Whoever had something before this loop has nothing any more.
    while let Err(error) = app.store.take_back(&room.name).await {
        tracing::error!(event = "take-back-failed", peer = %room.name, %error);
        let again_at = app.clock.now().plus_millis(1_000);
        tokio::select! {
            () = app.clock.sleep_until(again_at) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
    }
    let mut out: HashMap<task::Id, LaneId> = HashMap::new();
    let mut under_way = JoinSet::new();
    let mut drained = std::pin::pin!(drained(&app, stopped.clone()));
    // The store may remember a later time than now: then the clock was set back while nobody was running.
    let mut latest = app.store.latest_at().await.ok().flatten().unwrap_or_default();
    loop {
        let wakes = room.bell.look();
        // All of them, because each look costs the store a question or a commit: what has ended must not wait for a look of its own.
        while let Some(ended) = under_way.try_join_next_with_id() {
            out.remove(&id_of(&ended));
        }
        crash::panic_at("delivery-loop");
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
        if !stopping && room.is_in_shadow() {
            // Nothing goes out, but what came from a broker before it was in the shadow goes back to the store.
            let lanes = out.values().copied().collect();
            if let Err(error) = line.take(&app, &room, now, &lanes).await {
                tracing::error!(event = "take-failed", peer = %room.name, %error);
            }
            again_at =
                shadow::keep_new(&app, &room).await.map(|more| more.then_some(now)).unwrap_or_else(|error| {
                    tracing::error!(event = "shadow-failed", peer = %room.name, %error);
                    Some(now.plus_millis(1_000))
                });
        } else if !stopping {
            let lanes = out.values().copied().collect();
            match line.take(&app, &room, now, &lanes).await {
                Ok(Taken { work, full }) => {
                    for one in work {
                        let lane = one.head.lane;
                        let handle = under_way.spawn(attempt(app.clone(), room.clone(), one));
                        out.insert(handle.id(), lane);
                    }
                    again_at =
                        next_look(&app, &room, now, full).await.unwrap_or(Some(now.plus_millis(1_000)));
                }
                Err(error) => {
                    tracing::error!(event = "take-failed", peer = %room.name, %error);
                    again_at = Some(now.plus_millis(1_000));
                }
            }
        }
        let parked = under_way.is_empty() && line.is_empty(&app, &room).await;
        room.bell.stand(Standing { parked, wakes, until: again_at });
        let alarm = async {
            match again_at {
                Some(at) => app.clock.sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = room.bell.heard() => {}
            () = line.stirred() => {}
            () = alarm => {}
            Some(ended) = under_way.join_next_with_id() => {
                out.remove(&id_of(&ended));
            }
            _ = stopped.wait_for(|stop| *stop), if !stopping => {}
            () = &mut drained => break,
        }
    }
    // As a crash would leave them: a call on disk without its answer, which the next start treats as silent.
    tracing::warn!(event = "calls-abandoned", peer = %room.name, count = under_way.len());
    under_way.shutdown().await;
}

fn id_of(ended: &Result<(task::Id, ()), task::JoinError>) -> task::Id {
    ended.as_ref().map_or_else(task::JoinError::id, |(id, ())| *id)
}

/// A stop was asked for, and the time that calls in progress have for their end is over.
async fn drained(app: &App, mut stopped: watch::Receiver<bool>) {
    // An error means that whoever could stop us is gone: the same.
    let _ = stopped.wait_for(|stop| *stop).await;
    tokio::time::sleep(Duration::from_millis(app.config.limits.drain_ms_max)).await;
}

/// Nobody waits for a time to come again that was never true.
async fn clock_set_back(app: &App, room: &Room, now: Moment) {
    room.availability().clock_set_back(now);
    match app.store.bring_forward(&room.name, now).await {
        Ok(lanes) => tracing::warn!(event = "clock-set-back", peer = %room.name, lanes),
        Err(error) => tracing::error!(event = "clock-set-back", peer = %room.name, %error),
    }
}

/// When to look again by itself: at the next probe of a peer that is away; never while it bears no more, because the end
/// of a call wakes the loop. Only otherwise is the backlog asked, which is short then: of a long one, asking at every
/// wake would cost more than delivering it.
async fn next_look(app: &App, room: &Room, now: Moment, full: bool) -> Result<Option<Moment>, StoreError> {
    let probe = room.availability().next_probe().filter(|probe| *probe > now);
    if full || probe.is_some() {
        return Ok(probe);
    }
    app.store.next_ready_at(&room.name, now).await
}

/// One attempt of one delivery.
async fn attempt(app: Arc<App>, room: Arc<Room>, work: Work) {
    let (head, right) = (&work.head, work.right.as_ref());
    guarded(&app, &room, head.delivery, right, deliver(&app, &room, head, right)).await;
    // What was settled is on disk; only now may the broker forget it.
    work.end(&app, &room).await;
}

/// From the row to its settlement.
async fn deliver(app: &App, room: &Room, head: &Head, right: Option<&Right>) -> Result<(), StoreError> {
    let Some(delivery) = app.store.load(head.delivery).await? else { return passed(app, room, head).await };
    let envelope = &delivery.envelope;
    let span = tracing::info_span!("delivery", correlation = %envelope.correlation, message = %envelope.id);
    converse(Talk::new(app, room, delivery, right)).instrument(span).await
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

/// Asks the peer whether a call took effect; false if the attempt ends with that.
async fn read_back(
    talk: &mut Talk<'_>,
    row: ExchangeId,
    lost: Request,
    called_at: Moment,
) -> Result<bool, StoreError> {
    match talk.read_back(&lost, called_at).await {
        Reading::GoOn(answer) => talk.take_answer(row, lost, answer),
        Reading::Repeat { may_be_doubled } => talk.repeat(row, may_be_doubled),
        Reading::Settle(settlement) => {
            talk.record(settlement).await?;
            return Ok(false);
        }
    }
    Ok(true)
}

/// The conversation: from what an earlier attempt left, turn by turn, to the settlement.
async fn converse(mut talk: Talk<'_>) -> Result<(), StoreError> {
    // What an earlier attempt left without an answer.
    if let Some(lost) = talk.delivery.unanswered().cloned() {
        match lost.request.effect {
            Effect::Repeatable => talk.strike(lost.id, "no-answer"),
            Effect::Once if !read_back(&mut talk, lost.id, lost.request, lost.called_at).await? => {
                return Ok(());
            }
            Effect::Once => {}
        }
    }
    // Translated once, pinned to the delivery: later turns must not see a newer mapping.
    talk.forget_other_dialect();
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
                talk.say(receipt.says);
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
        if request.effect == Effect::Once
            && let Some(presumed_at) = talk.delivery.presumed_at.take()
        {
            // Perhaps it was made in the hours that a restored backup does not know: in the journal, then, and asked back.
            let Some(row) = talk.journal(&request, Some(presumed_at)).await? else { return Ok(()) };
            match read_back(&mut talk, row, request, presumed_at).await? {
                true => continue,
                false => return Ok(()),
            }
        }
        let refused = refused_session.as_ref().map(|(_, generation)| *generation);
        let held = match talk.session(&request, refused).await {
            Ok(held) => held,
            Err(fault) => return talk.settle(Outcome::NotSent(fault), Some(request.effect)).await,
        };
        // A file that is gone is this message's trouble, and is found before anything of it leaves.
        talk.has_files(&request).await?;
        let effect = request.effect;
        let too_early = match crash::sabotaged("call-before-journal") {
            true => Some(talk.call(&request, held.as_ref()).await),
            false => None,
        };
        // Gone: a newer snapshot or an operator has settled it meanwhile.
        let Some(exchange) = talk.journal(&request, None).await? else { return Ok(()) };
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
            Err(Failure::Silent(reason) | Failure::BrokenOff(reason)) => {
                talk.unanswered = Some(exchange);
                return talk.settle(Outcome::Silent(silent(reason)), Some(effect)).await;
            }
        }
    }
    let fault =
        Fault::new("gateway.circles", Blame::Gateway, Remedy::Unclear, words::conversation_in_circles());
    talk.settle(Outcome::Fault(fault), None).await
}

/// What the journal says of a call that does not count.
fn reason_of(settlement: &Settlement) -> String {
    match settlement {
        Settlement::Away { fault } | Settlement::DeadLetter(fault) | Settlement::Hold(fault) => {
            fault.code.to_string()
        }
        Settlement::RetryAt { fault: Some(fault), .. } => fault.code.to_string(),
        _ => "struck".to_owned(),
    }
}
