//! The receiving half of a message's way: hear, check, translate, admit, record, answer. Read it downwards.
//!
//! The one line that matters: `store.admit` returns after the transaction with everything in it is synced, and only then is an
//! answer worded. A restart before that line finds nothing and the caller, unanswered, sends again; a restart after it
//! finds the message, and the caller's repeat is a duplicate.

mod compared;
mod log_in;
mod understand;

use std::time::Duration;

use gateway_core::adapter::{Adapter, Answer, Arrival, Fate, Heard, Item, Keys, Level};
use gateway_core::channel::KindSpec;
use gateway_core::dossier::DossierCode;
use gateway_core::fault::Fault;
use gateway_core::ids::{Correlation, Kind};
use gateway_core::pipeline::Admission;

pub(crate) use self::understand::{
    Way, check_canonical, facts, is_unit, translate_in, understand, understand_question,
};
use crate::app::{App, Room, Verdict};
use crate::crash;
use crate::http::{Visitor, store_fault};
use crate::publishing;
use crate::question;
use crate::store::{Admitted, NewMessage, StoreError};
use crate::words;

/// What follows a message through all lines.
#[derive(Debug, Clone)]
pub struct Trace {
    /// One id through all lines of the log.
    pub correlation: Correlation,
    /// The caller's W3C trace context.
    pub traceparent: Option<String>,
}

/// One call of a peer, from its body to its answer.
pub async fn hear(
    app: &App,
    adapter: &dyn Adapter,
    arrival: &mut Arrival,
    visitor: &Visitor,
    trace: &Trace,
) -> Answer {
    let bytes = arrival.ask.body.bytes.len();
    let heard = aside(bytes, || adapter.receive(arrival));
    if let Ok(heard) = &heard {
        arrival.framed(heard);
    }
    let said = match heard {
        Ok(heard) => take_up(app, arrival, visitor, heard, trace).await,
        Err(fault) => Err(fault),
    };
    match &said {
        Ok(fates) => {
            for fate in fates {
                app.metrics.items.with_label_values(&[arrival.channel.as_str(), fate_label(fate)]).inc();
            }
        }
        Err(fault) => {
            app.turned_away(fault);
            tracing::info!(event = "call-refused", channel = %arrival.channel, fault = %fault.code);
        }
    }
    aside(bytes, || worded(app, adapter, arrival, said.as_deref()))
}

/// The answer in the peer's own words, signed where that peer wants it signed.
pub(crate) fn worded(
    app: &App,
    adapter: &dyn Adapter,
    arrival: &Arrival,
    said: Result<&[Fate], &Fault>,
) -> Answer {
    let answer = adapter.reply(arrival, said);
    match arrival.caller.as_ref().and_then(|peer| app.peer(peer)) {
        Some(room) => adapter.seal(answer, &Keys { fixed: &room.keys, session: None }),
        None => answer,
    }
}

/// A call whose files nobody can take: whose it is, and what else of its one message is wrong, so that nobody has to come twice. Nothing
/// of it is kept.
pub(crate) fn beside_files(
    app: &App,
    adapter: &dyn Adapter,
    arrival: &mut Arrival,
    mut fault: Fault,
    trace: &Trace,
) -> Fault {
    let room = arrival.caller.as_ref().and_then(|peer| app.peer(peer));
    let (Some(room), Ok(heard), "file.refused") = (room, adapter.receive(arrival), fault.code.as_ref())
    else {
        return fault;
    };
    arrival.framed(&heard);
    let Heard::Messages(items) = heard else { return fault };
    // Of several, a place would not say whose it is.
    let Ok([item]) = <[Item; 1]>::try_from(items) else { return fault };
    let channel = app.channel(&arrival.channel);
    let way = Way { channel, at: arrival.at, level: arrival.level, pulled: None, files: &[] };
    let refused =
        understand(app, room, way, item, trace).into_iter().filter_map(|message| message.content.err());
    for found in refused.flat_map(|fault| fault.violations) {
        // A file that was taken out is missing where it stood.
        if !fault.violations.iter().any(|known| known.path.ends_with(&found.path)) {
            fault.violations.push(found);
        }
    }
    fault
}

/// A log-in is for anybody with a key; all else is for whom the door has recognised.
async fn take_up(
    app: &App,
    arrival: &mut Arrival,
    visitor: &Visitor,
    heard: Heard,
    trace: &Trace,
) -> Result<Vec<Fate>, Fault> {
    let room = arrival.caller.as_ref().and_then(|peer| app.peer(peer));
    match (heard, room) {
        (Heard::LogIn { .. }, _) if visitor.by_broker => {
            Err(Fault::sender("broker.question", words::broker_question()))
        }
        (Heard::LogIn { user: _, password }, _) => log_in::log_in(app, arrival, visitor, &password),
        (_, None) => Err(Fault::sender("auth.session", words::auth_session())),
        (Heard::Messages(items), Some(room)) => {
            // Nobody waits at the other end of a queue, but the next message does.
            let wait_ms = if visitor.by_broker { 0 } else { room.config.answer_wait_ms };
            accept(app, room, arrival, items, wait_ms, trace).await
        }
        (Heard::Question(_), Some(_)) if visitor.by_broker => {
            Err(Fault::sender("broker.question", words::broker_question()))
        }
        (Heard::File { .. }, Some(_)) if visitor.by_broker => {
            Err(Fault::sender("broker.question", words::broker_question()))
        }
        (Heard::File { id }, Some(room)) => publishing::serve(app, room, &id).await.map(|fate| vec![fate]),
        (Heard::Question(item), Some(room)) => {
            question::ask(app, room, arrival, item, trace).await.map(|fate| vec![fate])
        }
    }
}

/// Calls with larger bodies are read aside, because reading megabytes holds up every other call of the same thread.
const HEAVY_BYTES: usize = 128 << 10;

/// Does the work here; if it is about many bytes, after whatever else waits for this thread was handed to another one.
pub(crate) fn aside<T>(bytes: usize, work: impl FnOnce() -> T) -> T {
    if bytes <= HEAVY_BYTES { work() } else { tokio::task::block_in_place(work) }
}

/// Every item of a call gets its own fate; all are written in one transaction.
async fn accept(
    app: &App,
    room: &Room,
    arrival: &mut Arrival,
    items: Vec<Item>,
    wait_ms: u64,
    trace: &Trace,
) -> Result<Vec<Fate>, Fault> {
    let channel = app.channel(&arrival.channel);
    let items = following(app, room, items).await?;
    let way = Way { channel, at: arrival.at, level: arrival.level, pulled: None, files: &arrival.files };
    let messages: Vec<NewMessage> = aside(arrival.ask.body.bytes.len(), || {
        let each = items.into_iter().flat_map(|item| understand(app, room, way, item, trace));
        numbered_by_the_signer(arrival, each.collect())
    });
    let code = |message: &NewMessage| message.dossier.as_ref().map(|code| code.as_str().to_owned());
    if messages.len() != arrival.dossiers.len() {
        // One item was several messages: the reply speaks of each of them.
        arrival.dossiers = messages.iter().map(code).collect();
    }
    for (named, message) in arrival.dossiers.iter_mut().zip(&messages) {
        // Framing sees no code where it stands in a document inside: the reply names the dossier all the same.
        *named = named.take().or_else(|| code(message));
    }
    // Asked for before the rows exist: a quick peer may settle before `admit` has returned to us.
    let verdicts: Vec<_> = match wait_ms {
        0 => Vec::new(),
        _ => messages.iter().map(|message| app.verdicts.expect(message.id)).collect(),
    };
    alert_of_money(app, room, &messages);
    let refusals: Vec<Option<Fault>> =
        messages.iter().map(|message| message.content.as_ref().err().cloned()).collect();
    let admitted = app.store.admit(messages).await.map_err(|error| {
        tracing::error!(event = "admit-failed", %error);
        if !matches!(error, StoreError::NotPossible(_)) {
            app.health.ill("store", "", "store-unavailable", app.clock.now());
        }
        store_fault(&error)
    })?;
    crash::point("after-admitted");
    heed(app, room, &admitted);
    let mut verdicts = wait(&admitted, verdicts, Duration::from_millis(wait_ms)).await;
    if wait_ms > 0 {
        answer_as_the_first_time(app, &admitted, &mut verdicts).await;
    }
    let each = admitted.into_iter().zip(refusals).zip(verdicts);
    let told = each.map(|((admitted, refusal), verdict)| {
        let id = admitted.id;
        let fate = fate(admitted, refusal, verdict);
        let fault = match &fate {
            Fate::Refused(fault) => Some(fault.code.as_ref()),
            _ => None,
        };
        tracing::info!(event = "heard", message = %id, peer = %room.name, level = arrival.level.as_str(), fate = fate_label(&fate), fault);
        fate
    });
    Ok(told.collect())
}

/// What follows a dossier goes where the dossier went: where a call names no unit, it is for the one that its sender handed the dossier to.
async fn following(app: &App, room: &Room, mut items: Vec<Item>) -> Result<Vec<Item>, Fault> {
    let kinds = &app.rules.channels.kinds;
    for item in &mut items {
        let follows = |spec: &KindSpec| spec.unit.is_some() && !spec.one_taker;
        let code = item.dossier.as_deref().and_then(DossierCode::new);
        if item.unit.is_some() || !kinds.get(&item.kind).is_some_and(follows) {
            continue;
        }
        let Some(code) = code else { continue };
        let handed = kinds.iter().filter(|(_, spec)| spec.one_taker && spec.dossier.is_some());
        let handed: Vec<Kind> = handed.map(|(kind, _)| kind.clone()).collect();
        let unit = app.store.handed_to(&room.name, &code, &handed).await;
        item.unit = unit.map_err(|error| store_fault(&error))?.filter(|unit| !unit.is_empty());
    }
    Ok(items)
}

/// What a provider says of a payment and nobody can read is somebody's money all the same.
fn alert_of_money(app: &App, room: &Room, messages: &[NewMessage]) {
    let of_money = app.rules.channels.payment(gateway_core::payment::Part::Observed);
    let of_money = messages.iter().filter(|message| of_money == Some(&message.kind));
    for fault in of_money.filter_map(|message| message.content.as_ref().err()) {
        app.metrics.payment_alerts.with_label_values(&[room.name.as_str(), fault.code.as_ref()]).inc();
        tracing::warn!(event = "payment-alert", peer = %room.name, reason = %fault.code);
    }
}

/// The id of a signed call is the sender's own word against doubles, for each message that is made of the call. An id that nobody
/// signed is nobody's word.
fn numbered_by_the_signer(arrival: &Arrival, mut messages: Vec<NewMessage>) -> Vec<NewMessage> {
    let id = arrival.ask.header("webhook-id").filter(|_| arrival.level == Level::Signed);
    if let Some(id) = id {
        // What is refused may be said right under the same id.
        for (number, message) in
            messages.iter_mut().enumerate().filter(|(_, message)| message.content.is_ok())
        {
            message.keys.push(format!("webhook/{number}/{id}"));
        }
    }
    messages
}

/// Whoever is to act on what was admitted hears of it.
pub(crate) fn heed(app: &App, room: &Room, admitted: &[Admitted]) {
    for admitted in admitted {
        for queued in &admitted.deliveries {
            queued.instead_of.iter().for_each(|older| app.verdicts.let_go(*older));
            app.wake(std::iter::once(&queued.peer));
        }
        app.heed(room, &admitted.news);
    }
}

/// Waits, for all items together, until each peer's verdict is in or the time is over.
async fn wait(
    admitted: &[Admitted],
    verdicts: Vec<tokio::sync::oneshot::Receiver<Verdict>>,
    bound: Duration,
) -> Vec<Option<Verdict>> {
    if verdicts.is_empty() {
        return admitted.iter().map(|_| None).collect();
    }
    let deadline = tokio::time::Instant::now() + bound;
    let mut found = Vec::with_capacity(verdicts.len());
    for (admitted, verdict) in admitted.iter().zip(verdicts) {
        let waits = admitted.admission == Some(Admission::News) && !admitted.deliveries.is_empty();
        found.push(match waits {
            true => tokio::time::timeout_at(deadline, verdict).await.ok().and_then(Result::ok),
            false => None,
        });
    }
    found
}

/// A caller that was told a peer's refusal is told it again when it repeats the message: a repeat is no success.
async fn answer_as_the_first_time(app: &App, admitted: &[Admitted], verdicts: &mut [Option<Verdict>]) {
    for (admitted, verdict) in admitted.iter().zip(verdicts) {
        let Some(Admission::Duplicate { of }) = admitted.admission else { continue };
        match app.store.refusal(of).await {
            Ok(refusal) => *verdict = refusal.map(Err),
            // It is on disk, which is all that a caller is promised.
            Err(error) => tracing::warn!(event = "verdict-unreadable", %error),
        }
    }
}

fn fate(admitted: Admitted, refusal: Option<Fault>, verdict: Option<Verdict>) -> Fate {
    if let Some(refused) = admitted.news.refused {
        return Fate::Refused(Fault::sender(refused.code(), words::payment_refused(refused)));
    }
    match (admitted.admission, refusal) {
        (_, Some(fault)) => Fate::Refused(fault),
        (Some(Admission::Duplicate { of } | Admission::LateRepeat { of }), None) => match verdict {
            Some(Err(_)) => Fate::Accepted { id: of, verdict },
            _ => Fate::Duplicate { id: of },
        },
        (Some(Admission::Conflict { .. }), None) => {
            Fate::Refused(Fault::sender("key.conflict", words::key_conflict()))
        }
        (Some(Admission::News) | None, None) => Fate::Accepted { id: admitted.id, verdict },
    }
}

fn fate_label(fate: &Fate) -> &'static str {
    match fate {
        Fate::Accepted { verdict: Some(Ok(())), .. } => "delivered",
        Fate::Accepted { verdict: Some(Err(_)), .. } => "not-taken",
        Fate::Accepted { .. } => "accepted",
        Fate::Duplicate { .. } => "duplicate",
        Fate::Refused(_) => "refused",
        Fate::Answered(_) => "answered",
        Fate::File { .. } => "file",
        Fate::LoggedIn { .. } => "logged-in",
    }
}
