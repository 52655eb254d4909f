//! The receiving half of a message's way: hear, check, translate, admit, record, answer. Read it downwards.
//!
//! The one line that matters: `store.admit` returns after the transaction with everything in it is synced, and only then is an
//! answer worded. A restart before that line finds nothing and the caller, unanswered, sends again; a restart after it
//! finds the message, and the caller's repeat is a duplicate.

use std::collections::BTreeMap;
use std::time::Duration;

use gateway_core::adapter::{Adapter, Answer, Arrival, Fate, Heard, Item, Payload, Secret};
use gateway_core::channel::{Channel, DocumentFacts, Part};
use gateway_core::dossier::{DossierCode, Form};
use gateway_core::envelope::Class;
use gateway_core::fault::{Blame, Fault, Remedy, Violation};
use gateway_core::ids::{Correlation, Kind, MessageId, Moment, PeerName, Unit};
use gateway_core::pipeline::{self, Admission, Found, Unread};
use gateway_core::shipment;
use gateway_core::translator::{Context, Plan};
use gateway_core::waybill::{Names, Which};
use serde_json::Value;

use crate::app::{App, Room, Verdict};
use crate::clock;
use crate::crash;
use crate::http::store_fault;
use crate::question;
use crate::store::{Admitted, Carriage, Content, NewMessage, Observed, Route, ShipmentId};
use crate::words;

/// The longest national unit code in use has 35 characters.
const UNIT_BYTES_MAX: usize = 64;

/// What follows a message through all lines.
#[derive(Debug, Clone)]
pub struct Trace {
    /// One id through all lines of the log.
    pub correlation: Correlation,
    /// The caller's W3C trace context.
    pub traceparent: Option<String>,
}

/// Where an item comes in.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    /// Whose channel; none where the dialect has none for it.
    pub channel: Option<&'a Channel>,
    /// When.
    pub at: Moment,
    /// We asked for it: perhaps about this shipment. None if the peer called.
    pub pulled: Option<Option<ShipmentId>>,
}

/// One call of a peer, from its body to its answer.
pub async fn hear(app: &App, adapter: &dyn Adapter, arrival: &Arrival, trace: &Trace) -> Answer {
    let bytes = arrival.ask.body.0.len();
    let said = match aside(bytes, || adapter.receive(arrival)) {
        Ok(heard) => take_up(app, arrival, heard, trace).await,
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
    // A reply reads the call once more, for the codes of its items.
    aside(bytes, || adapter.reply(arrival, said.as_deref()))
}

/// A log-in is for anybody with a key; all else is for whom the door has recognised.
async fn take_up(app: &App, arrival: &Arrival, heard: Heard, trace: &Trace) -> Result<Vec<Fate>, Fault> {
    let room = arrival.caller.as_ref().and_then(|peer| app.peer(peer));
    match (heard, room) {
        (Heard::LogIn { user: _, password }, _) => log_in(app, arrival, &password),
        (_, None) => Err(Fault::sender("auth.session", words::auth_session())),
        (Heard::Messages(items), Some(room)) => accept(app, room, arrival, items, trace).await,
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
    arrival: &Arrival,
    items: Vec<Item>,
    trace: &Trace,
) -> Result<Vec<Fate>, Fault> {
    let way = Way { channel: app.channel(&arrival.channel), at: arrival.at, pulled: None };
    let messages: Vec<NewMessage> = aside(arrival.ask.body.0.len(), || {
        items.into_iter().flat_map(|item| understand(app, room, way, item, trace)).collect()
    });
    // Asked for before the rows exist: a quick peer may settle before `admit` has returned to us.
    let verdicts: Vec<_> = match room.config.answer_wait_ms {
        0 => Vec::new(),
        _ => messages.iter().map(|message| app.verdicts.expect(message.id)).collect(),
    };
    let refusals: Vec<Option<Fault>> =
        messages.iter().map(|message| message.content.as_ref().err().cloned()).collect();
    let admitted = app.store.admit(messages).await.map_err(|error| {
        tracing::error!(event = "admit-failed", %error);
        store_fault(&error)
    })?;
    crash::point("after-admitted");
    heed(app, room, &admitted);
    let mut verdicts = wait(&admitted, verdicts, Duration::from_millis(room.config.answer_wait_ms)).await;
    if room.config.answer_wait_ms > 0 {
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
        tracing::info!(event = "heard", message = %id, peer = %room.name, fate = fate_label(&fate), fault);
        fate
    });
    Ok(told.collect())
}

/// Whoever is to act on what was admitted hears of it.
pub(crate) fn heed(app: &App, room: &Room, admitted: &[Admitted]) {
    for admitted in admitted {
        app.wake(admitted.deliveries.iter().map(|queued| &queued.peer));
        app.heed(room, &admitted.news);
    }
}

/// An item, checked against its contract and in canonical form; or why not. One item may become several messages.
pub(crate) fn understand(app: &App, room: &Room, way: Way, item: Item, trace: &Trace) -> Vec<NewMessage> {
    let mut messages = messages_of(app, room, way, &item, trace);
    // Each is kept with the whole item; the last one takes it, and nearly every item is one message.
    if let Some((last, others)) = messages.split_last_mut() {
        others.iter_mut().for_each(|message| message.source = item.payload.clone());
        last.source = item.payload;
    }
    messages
}

/// The messages that an item becomes, still without the item itself.
fn messages_of(app: &App, room: &Room, way: Way, item: &Item, trace: &Trace) -> Vec<NewMessage> {
    let hinted = item.dossier.as_deref().and_then(DossierCode::new);
    let spec = app.rules.channels.kinds.get(&item.kind);
    let part = spec.and_then(|spec| spec.shipment);
    let blank = |content: Result<Content, Fault>| NewMessage {
        id: MessageId::new(way.at, clock::chance()),
        correlation: trace.correlation.clone(),
        traceparent: trace.traceparent.clone(),
        from: room.name.clone(),
        unit: unit(room, item),
        kind: item.kind.clone(),
        class: spec.map_or(Class::Event, |spec| spec.class),
        dossier: hinted.clone(),
        status: None,
        due: None,
        at: way.at,
        hints: item.hints.clone(),
        keys: keys(item, way),
        repeat_window_ms: app.config.gateway.repeat_window_minutes as i64 * 60_000,
        source: Payload::Json(Value::Null),
        mapping: None,
        carriage: None,
        content,
    };
    if item.unit.as_deref().is_some_and(|unit| !is_unit(unit)) {
        return vec![NewMessage {
            unit: Unit::from(room.config.unit.as_deref().unwrap_or_default()),
            ..blank(Err(Fault::sender("unit.unusable", words::unit_unusable())))
        }];
    }
    let plan = match inbound_plan(app, way.channel, &item.kind) {
        Ok(plan) => plan,
        Err(fault) => return vec![blank(Err(fault))],
    };
    let mapping = app.rules.used(plan, &room.config.codes);
    let peers = app.routes(&room.name, &item.kind, &unit(room, item));
    // What a carrier tells is for the gateway itself.
    let for_us = part == Some(Part::Observed);
    if peers.is_empty() && !for_us {
        // Accepting what nobody will ever be sent would be losing it.
        let words = words::nobody_receives(item.kind.as_str(), unit(room, item).as_str());
        return vec![blank(Err(Fault::new("route.none", Blame::Gateway, Remedy::Correct, words)))];
    }
    let translation = match translate_in(plan, &item.payload, &room.config.codes) {
        Ok(translation) => translation,
        Err(fault) => {
            let found = if hinted.is_some() && !for_us { Found::ByDossier } else { Found::Never };
            let content = match pipeline::unread(&fault, found) {
                Unread::DeadLetter => Ok(Content {
                    document: Value::Null,
                    compared: Some(compared(&item.payload)),
                    to: peers.into_iter().map(|peer| Route { peer, dead: Some(fault.clone()) }).collect(),
                    notes: Vec::new(),
                }),
                Unread::Refused => Err(fault),
            };
            return vec![NewMessage { mapping: Some(mapping), ..blank(content) }];
        }
    };
    let notes: Vec<String> = translation
        .traces
        .iter()
        .map(|trace| format!("{} {}: {}", trace.target, trace.rule, trace.detail))
        .collect();
    let parts = translation.documents.into_iter().map(|document| {
        let facts = match facts(app, &item.kind, &document) {
            Ok(facts) => facts,
            Err(fault) => return NewMessage { mapping: Some(mapping.clone()), ..blank(Err(fault)) },
        };
        let carriage = match carriage(app, way, item, part, &document, &peers) {
            Ok(carriage) => carriage,
            Err(fault) => return NewMessage { mapping: Some(mapping.clone()), ..blank(Err(fault)) },
        };
        let unusual = facts.dossier.as_ref().is_some_and(|code| code.form() == Form::Unknown);
        let warning = unusual.then(|| words::dossier_code_unusual().to_owned());
        let content = Content {
            compared: plan.has_volatile().then(|| plan.comparable(&document)),
            document,
            to: peers.iter().cloned().map(Route::to).collect(),
            notes: notes.iter().cloned().chain(warning).collect(),
        };
        let DocumentFacts { dossier, status, due } = facts;
        // A document that is about no dossier may still come from a framing that names one.
        let dossier = dossier.or_else(|| hinted.clone());
        NewMessage { dossier, status, due, carriage, mapping: Some(mapping.clone()), ..blank(Ok(content)) }
    });
    parts.collect()
}

/// The caller's own idempotency keys. What we asked for never counts as a repeat of what somebody called to say: only the first is proof.
fn keys(item: &Item, way: Way) -> Vec<String> {
    let apart = if way.pulled.is_some() { "pulled " } else { "" };
    item.keys.iter().map(|key| format!("{apart}{key}")).collect()
}

/// What an item is to a shipment.
fn carriage(
    app: &App,
    way: Way,
    item: &Item,
    part: Option<Part>,
    document: &Value,
    peers: &[PeerName],
) -> Result<Option<Carriage>, Fault> {
    match part {
        Some(Part::Ordered) => {
            let carriers = peers.iter().filter(|peer| app.peer(peer).is_some_and(|room| app.carries(room)));
            let carriers = carriers.cloned().collect();
            Ok(Which::read(document).map(|which| Carriage::Ordered { which, carriers }))
        }
        Some(Part::Observed) => {
            let unreadable = || Fault::sender("shipment.unreadable", words::shipment_unreadable());
            let mut event = shipment::Event::read(document, way.at, 0).ok_or_else(unreadable)?;
            // Whatever a mapping says: what somebody calls to say is no confirmation.
            event.confirmed &= way.pulled.is_some();
            Ok(Some(Carriage::Observed(Observed {
                event,
                names: Names::read(document),
                which: Which::of_hints(&item.hints),
                about: way.pulled.flatten(),
                pulled: way.pulled.is_some(),
            })))
        }
        _ => Ok(None),
    }
}

/// What an item that could not be read yet is compared by: itself.
fn compared(payload: &Payload) -> Value {
    match payload {
        Payload::Json(value) => value.clone(),
        Payload::Xml(bytes) => Value::String(String::from_utf8_lossy(bytes).into_owned()),
    }
}

fn unit(room: &Room, item: &Item) -> Unit {
    let given = item.unit.as_deref().map(str::trim).filter(|unit| !unit.is_empty());
    Unit::from(given.or(room.config.unit.as_deref()).unwrap_or_default())
}

/// Units stand in the clear in the store and in the log, so they must be codes: nothing that could be a name or an address.
fn is_unit(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let text = text.trim();
    text.len() <= UNIT_BYTES_MAX && text.bytes().all(plain)
}

fn inbound_plan<'a>(app: &'a App, channel: Option<&Channel>, kind: &Kind) -> Result<&'a Plan, Fault> {
    let mapping = channel.and_then(|channel| channel.kinds.get(kind)).and_then(Option::as_deref);
    mapping
        .and_then(|name| app.rules.translator.plan(name))
        .map(|plan| &**plan)
        .ok_or_else(|| Fault::sender("door.kind", words::kind_not_taken(kind.as_str())))
}

/// A question in canonical form: by the same contracts and mappings as any message.
pub(crate) fn understand_question(
    app: &App,
    room: &Room,
    arrival: &Arrival,
    item: &Item,
) -> Result<Value, Fault> {
    let plan = inbound_plan(app, app.channel(&arrival.channel), &item.kind)?;
    let translation = translate_in(plan, &item.payload, &room.config.codes)?;
    let mut documents = translation.documents;
    // A mapping of questions fans nothing out, so there is one.
    Ok(documents.pop().unwrap_or_default())
}

/// Checks an item against its contract and translates it. Used at the door, and again for what was held when the mapping that
/// was at fault has changed.
pub(crate) fn translate_in(
    plan: &Plan,
    payload: &Payload,
    codes: &BTreeMap<String, String>,
) -> Result<gateway_core::translator::Translation, Fault> {
    let context = Context { codes };
    match payload {
        Payload::Json(value) => {
            let mut violations = plan.source().check(value);
            if !violations.is_empty() {
                // Dates and codes are the mapping's to judge; nobody should have to come twice for one document.
                let further = plan.translate(value, &Context { codes }).err();
                for found in further.into_iter().flat_map(|fault| fault.violations) {
                    let told = violations.iter().any(|known| known.path == found.path);
                    if found.blame == Blame::Sender && !told {
                        violations.push(found);
                    }
                }
                return Err(violated(violations));
            }
            plan.translate(value, &context)
        }
        Payload::Xml(bytes) => plan.translate_xml(bytes, &context),
    }
}

fn violated(violations: Vec<Violation>) -> Fault {
    let words = words::contract_violated(violations.len());
    Fault::sender("contract.violated", words).with(violations)
}

/// What the gateway itself must know of a document, or the fault of a sender that names no usable dossier.
pub(crate) fn facts(app: &App, kind: &Kind, document: &Value) -> Result<DocumentFacts, Fault> {
    let Some(spec) = app.rules.channels.kinds.get(kind) else { return Ok(DocumentFacts::default()) };
    spec.facts(document).ok_or_else(|| Fault::sender("dossier.code", words::dossier_code_unusable()))
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
        Fate::LoggedIn { .. } => "logged-in",
    }
}

/// The portal's own interface has callers log in: one of their keys is the password, the session is ours.
fn log_in(app: &App, arrival: &Arrival, password: &Secret) -> Result<Vec<Fate>, Fault> {
    let unknown = || Fault::sender("auth.unknown", words::auth_unknown());
    let (peer, token, seconds) = app.keyring.open_session(password, arrival.at).ok_or_else(unknown)?;
    let dialect = &app.peer(&peer).ok_or_else(unknown)?.config.dialect;
    if app.channel(&arrival.channel).is_none_or(|channel| channel.dialect != *dialect) {
        return Err(Fault::sender("auth.wrong-door", words::auth_wrong_door(dialect)));
    }
    tracing::info!(event = "logged-in", peer = %peer);
    Ok(vec![Fate::LoggedIn { token, seconds }])
}

/// Is this document what the kind's canonical contract says? For corrections by operators.
pub(crate) fn check_canonical(app: &App, kind: &Kind, document: &Value) -> Result<(), Fault> {
    let contract = app.rules.channels.kinds.get(kind).and_then(|spec| spec.contract.as_deref());
    let Some(contract) = contract.and_then(|name| app.rules.contracts.get(name)) else { return Ok(()) };
    let violations = contract.check(document);
    if violations.is_empty() { Ok(()) } else { Err(violated(violations)) }
}
