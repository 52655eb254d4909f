//! Understanding an item: by the contract and the mapping of the way it came in, into a message for the store, or into why not.
//!
//! The same whether a peer called or was asked. What the gateway itself must know of a document (dossier, status, due date, what it is to
//! a shipment) is read here. Nothing is stored and nothing is sent.

use std::collections::BTreeMap;

use gateway_core::adapter::{Arrival, Item, Level, Payload};
use gateway_core::channel::{Channel, DocumentFacts, Part};
use gateway_core::dossier::{DossierCode, Form};
use gateway_core::envelope::Class;
use gateway_core::fault::{Blame, Fault, Remedy, Violation};
use gateway_core::ids::{Kind, MessageId, Moment, PeerName, Unit, has_persons_number};
use gateway_core::lift::Ticket;
use gateway_core::pipeline::{self, Found, Unread};
use gateway_core::translator::{Context, Plan, Translation};
use gateway_core::waybill::{Names, Which};
use gateway_core::{payment, shipment};
use serde_json::Value;

use super::Trace;
use super::compared::{comparable, compared};
use crate::app::{App, Room};
use crate::clock;
use crate::store::{Carriage, Content, NewMessage, Observed, OpenItem, Route};
use crate::words;

/// The longest national unit code in use has 35 characters.
const UNIT_BYTES_MAX: usize = 64;

/// Where an item comes in.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    /// Whose channel; none where the dialect has none for it.
    pub channel: Option<&'a Channel>,
    /// When.
    pub at: Moment,
    /// How well the one who says it has shown who it is.
    pub level: Level,
    /// We asked for it: perhaps about this shipment or payment. None if the peer called.
    pub pulled: Option<Option<OpenItem>>,
    /// The files that came with the call.
    pub files: &'a [Ticket],
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
    let spec = app.rules.channels.kinds.get(&item.kind);
    let part = spec.and_then(|spec| spec.shipment);
    // What a carrier calls an order that is not ours may be anybody's name or passport, and a dossier's code stands in the clear. One of no
    // known form is found by its order number all the same.
    let safe = |code: &DossierCode| part != Some(Part::Observed) || code.form() != Form::Unknown;
    let hinted = item.dossier.as_deref().and_then(DossierCode::new).filter(safe);
    let blank = |content: Result<Content, Fault>| NewMessage {
        id: MessageId::new(way.at, clock::chance()),
        correlation: trace.correlation.clone(),
        traceparent: trace.traceparent.clone(),
        from: room.name.clone(),
        unit: unit(room, item),
        kind: item.kind.clone(),
        class: spec.map_or(Class::Event, |spec| spec.class),
        dossier: hinted.clone(),
        alias: None,
        status: None,
        due: None,
        at: way.at,
        hints: item.hints.clone(),
        keys: keys(item, way, content.as_ref().err()),
        level: way.level,
        repeat_window_ms: app.config.gateway.repeat_window_minutes as i64 * 60_000,
        files: files_of(&item.payload, way.files),
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
    // What a carrier tells is for the gateway itself, and so is what becomes of a payment.
    let money = spec.and_then(|spec| spec.payment);
    let for_us = part == Some(Part::Observed) || money.is_some();
    // Where the call names no unit, the document may; and one call may hold documents for several.
    let by_document = item.unit.is_none() && spec.is_some_and(|spec| spec.unit.is_some());
    if peers.is_empty() && !for_us && !by_document {
        return vec![blank(Err(nobody_receives(item, &unit(room, item))))];
    }
    let unread = |fault: Fault| {
        let found = if hinted.is_some() && !for_us { Found::ByDossier } else { Found::Never };
        let content = match pipeline::unread(&fault, found) {
            // Whose it is stands in what nobody could read.
            Unread::DeadLetter if peers.is_empty() && !for_us => Err(fault),
            Unread::DeadLetter => Ok(Content {
                document: Value::Null,
                compared: Some(compared(&item.payload)),
                // With whatever dates it has.
                undated: false,
                to: peers
                    .iter()
                    .map(|peer| Route { peer: peer.clone(), dead: Some(fault.clone()) })
                    .collect(),
                notes: Vec::new(),
            }),
            Unread::Refused => Err(fault),
        };
        NewMessage { mapping: Some(mapping.clone()), ..blank(content) }
    };
    let translations = match translate_each(plan, &item.payload, &room.config.codes) {
        Ok(translations) => translations,
        Err(fault) => return vec![unread(fault)],
    };
    let message = |document: Value, notes: &[String]| {
        let facts = match facts(app, &item.kind, &document) {
            Ok(facts) => facts,
            Err(fault) => return NewMessage { mapping: Some(mapping.clone()), ..blank(Err(fault)) },
        };
        // What is no code of a unit names none: a dossier's code may have any form.
        let meant = facts.unit.as_deref().filter(|unit| by_document && !unit.is_empty() && is_unit(unit));
        let unit = meant.map_or_else(|| unit(room, item), Unit::from);
        let peers = if meant.is_some() { app.routes(&room.name, &item.kind, &unit) } else { peers.clone() };
        if peers.is_empty() && !for_us {
            let dossier = facts.dossier.or_else(|| hinted.clone());
            let refused = blank(Err(nobody_receives(item, &unit)));
            return NewMessage { dossier, unit, mapping: Some(mapping.clone()), ..refused };
        }
        let carriage = carriage(app, way, item, part, &document, &peers);
        let carriage = match carriage.and_then(|found| Ok(found.or(paid(way, money, &document)?))) {
            Ok(carriage) => carriage,
            Err(fault) => return NewMessage { mapping: Some(mapping.clone()), ..blank(Err(fault)) },
        };
        let named = spec.is_some_and(|spec| spec.subject.is_some());
        let unusual = !named && facts.dossier.as_ref().is_some_and(|code| code.form() == Form::Unknown);
        let warning = unusual.then(|| words::dossier_code_unusual().to_owned());
        let content = Content {
            compared: comparable(plan, spec, &document, &unit),
            undated: plan.has_volatile() || spec.is_some_and(|spec| spec.undated),
            document,
            to: peers.into_iter().map(Route::to).collect(),
            notes: notes.iter().cloned().chain(warning).collect(),
        };
        let DocumentFacts { dossier, status, due, alias, .. } = facts;
        // A document that is about no dossier may still come from a framing that names one.
        let dossier = dossier.or_else(|| hinted.clone());
        NewMessage {
            dossier,
            alias,
            unit,
            status,
            due,
            carriage,
            mapping: Some(mapping.clone()),
            ..blank(Ok(content))
        }
    };
    let parts = translations.into_iter().enumerate().flat_map(|(index, translation)| match translation {
        Ok(Translation { documents, traces }) => {
            let notes: Vec<String> = traces
                .iter()
                .map(|trace| format!("{} {}: {}", trace.target, trace.rule, trace.detail))
                .collect();
            let placed = |document| placed(message(document, &notes), plan.element(index));
            documents.into_iter().map(placed).collect()
        }
        Err(fault) => vec![unread(fault)],
    });
    parts.collect()
}

/// Of several elements, one that is refused and names no dossier is told by its place: nothing else says which one it is.
fn placed(mut message: NewMessage, element: Option<String>) -> NewMessage {
    if let (Err(fault), None, Some(element)) = (&mut message.content, &message.dossier, element)
        && fault.violations.is_empty()
    {
        fault.violations.push(Violation::sender(element, "dossier", ""));
    }
    message
}

/// Accepting what nobody will ever be sent would be losing it.
fn nobody_receives(item: &Item, unit: &Unit) -> Fault {
    let words = words::nobody_receives(item.kind.as_str(), unit.as_str());
    Fault::new("route.none", Blame::Gateway, Remedy::Correct, words)
}

/// The caller's own idempotency keys. What we asked for never counts as a repeat of what somebody called to say: only the first is proof.
/// A record that nobody can read comes again with every overlap, so it is known by its key and why it was refused; a call is refused each
/// time.
fn keys(item: &Item, way: Way, refusal: Option<&Fault>) -> Vec<String> {
    let apart = match (way.pulled, refusal) {
        (None, Some(_)) => return Vec::new(),
        (None, None) => String::new(),
        (Some(_), None) => "pulled ".to_owned(),
        (Some(_), Some(fault)) => format!("refused {} ", fault.code),
    };
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
            let which = Which::read(document);
            let which = which.ok_or_else(|| Fault::sender("shipment.number", words::shipment_number()))?;
            Ok(Some(Carriage::Ordered { which, carriers }))
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
                about: way.pulled.flatten().and_then(|item| match item {
                    OpenItem::Shipment(shipment) => Some(shipment),
                    OpenItem::Payment(_) => None,
                }),
                pulled: way.pulled.is_some(),
            })))
        }
        _ => Ok(None),
    }
}

/// Those of these files that the texts of an item name.
pub(crate) fn files_of(payload: &Payload, files: &[Ticket]) -> Vec<Ticket> {
    fn names(value: &Value, text: &str) -> bool {
        match value {
            Value::String(given) => given == text,
            Value::Array(items) => items.iter().any(|item| names(item, text)),
            Value::Object(members) => members.values().any(|member| names(member, text)),
            _ => false,
        }
    }
    let Payload::Json(document) = payload else { return Vec::new() };
    files.iter().filter(|file| names(document, &file.text())).cloned().collect()
}

/// What an item is to a payment. That money was paid is believed of a signed call, and of an answer to a question of ours.
fn paid(way: Way, part: Option<payment::Part>, document: &Value) -> Result<Option<Carriage>, Fault> {
    match part {
        Some(payment::Part::Observed) => {
            if way.pulled.is_none() && way.level < Level::Signed {
                return Err(Fault::sender("payment.unproven", words::payment_unproven()));
            }
            let unreadable = || Fault::sender("payment.unreadable", words::payment_unreadable());
            let said = payment::Said::read(document).ok_or_else(unreadable)?;
            Ok(Some(Carriage::Paid { said, pulled: way.pulled.is_some() }))
        }
        Some(payment::Part::Cancelled) => {
            let reference = document.get("reference").and_then(Value::as_str).unwrap_or_default();
            Ok(Some(Carriage::TakenBack { reference: reference.trim().to_owned() }))
        }
        _ => Ok(None),
    }
}

fn unit(room: &Room, item: &Item) -> Unit {
    let given = item.unit.as_deref().map(str::trim).filter(|unit| !unit.is_empty());
    Unit::from(given.or(room.config.unit.as_deref()).unwrap_or_default())
}

/// Units stand in the clear in the store, the log and the audit trail, so they must be codes: nothing that could be a name, an address
/// or a number of a person.
pub(crate) fn is_unit(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let text = text.trim();
    text.len() <= UNIT_BYTES_MAX && text.bytes().all(plain) && !has_persons_number(text)
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
) -> Result<Translation, Fault> {
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

/// The same, each element of what a mapping takes apart by itself: what is wrong with one is no fault of those beside it.
fn translate_each(
    plan: &Plan,
    payload: &Payload,
    codes: &BTreeMap<String, String>,
) -> Result<Vec<Result<Translation, Fault>>, Fault> {
    let read;
    let source = match payload {
        Payload::Json(value) if plan.fans_out() && plan.source().check(value).is_empty() => value,
        Payload::Xml(bytes) if plan.fans_out() => {
            read = plan.source().read_xml(bytes)?;
            &read
        }
        // As one: also what its contract refuses, with all that is wrong with it.
        _ => return translate_in(plan, payload, codes).map(|one| vec![Ok(one)]),
    };
    plan.translate_each(source, &Context { codes })
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

/// Is this document what the kind's canonical contract says? For corrections by operators.
pub(crate) fn check_canonical(app: &App, kind: &Kind, document: &Value) -> Result<(), Fault> {
    let contract = app.rules.channels.kinds.get(kind).and_then(|spec| spec.contract.as_deref());
    let Some(contract) = contract.and_then(|name| app.rules.contracts.get(name)) else { return Ok(()) };
    let violations = contract.check(document);
    if violations.is_empty() { Ok(()) } else { Err(violated(violations)) }
}
