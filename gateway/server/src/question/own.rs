//! A question that we answer ourselves, from what was accepted last: no peer is asked and nothing is written.
//!
//! What of it is told is what the channel's mapping names, and nothing else. Whoever may ask at all is the door's affair. Where the kind
//! asks for the code on the citizen's receipt, that is looked at before the store is: so an answer, and the time it takes, are the same
//! for a wrong code whether there is such a dossier or not.

use gateway_core::adapter::{Answer, Arrival, Fate, Item};
use gateway_core::channel::{KindSpec, ReceiptCode};
use gateway_core::dossier::DossierCode;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Kind;
use gateway_core::payment;
use gateway_core::pipeline;
use gateway_core::translator::Context;
use serde_json::{Value, json};

use crate::app::{App, Room};
use crate::http::store_fault;
use crate::words;

/// Beside a question: the code on the receipt, as whoever asks gave it.
const GIVEN: &str = "receipt-code";

/// The answer to a question about a dossier.
pub(super) async fn answer(
    app: &App,
    from: &Room,
    arrival: &Arrival,
    item: &Item,
    spec: &KindSpec,
) -> Result<Fate, Fault> {
    let answered = look(app, from, arrival, item, spec).await;
    let outcome = match &answered {
        Ok(_) => "told",
        Err(fault) if fault.code == "lookup.throttled" => "throttled",
        Err(fault) if matches!(fault.code.as_ref(), "lookup.unknown" | "dossier.unknown") => "unknown",
        Err(_) => "refused",
    };
    app.metrics.lookups.with_label_values(&[from.name.as_str(), outcome]).inc();
    answered.map(|document| Fate::Answered(Answer::json(200, &document)))
}

async fn look(
    app: &App,
    from: &Room,
    arrival: &Arrival,
    item: &Item,
    spec: &KindSpec,
) -> Result<Value, Fault> {
    let code = item.dossier.as_deref().and_then(DossierCode::new);
    let code = code.ok_or_else(|| Fault::sender("dossier.code", words::dossier_code_unusable()))?;
    if let Some(part) = spec.receipt_code {
        let now = app.clock.now();
        let bounds = &app.config.lookups;
        app.tries().may_ask(bounds, from.name.as_str(), now)?;
        if part == ReceiptCode::Told {
            return Ok(json!({ "dossier": code.as_str(), "receiptCode": app.receipts.code(&code) }));
        }
        // However its letters are written it is one dossier, and nobody guesses more often by writing them otherwise.
        let counted = DossierCode::new(&code.as_str().to_uppercase()).unwrap_or_else(|| code.clone());
        app.tries().may_look(bounds, &counted, now)?;
        let given = item.hints.get(GIVEN).map(String::as_str).unwrap_or_default();
        if !app.receipts.is_right(&code, given) {
            app.tries().was_wrong(&counted, now);
            return Err(unknown());
        }
    }
    let Some(kind) = &spec.answered_from else { return Err(unknown()) };
    let mapping = app.channel(&arrival.channel).and_then(|channel| channel.answers.get(&item.kind));
    let plan = mapping.and_then(|name| app.rules.translator.plan(name)).ok_or_else(|| {
        let words = words::mapping_missing(item.kind.as_str());
        Fault::new("mapping.missing", Blame::Gateway, Remedy::Correct, words)
    })?;
    let missing = || match spec.receipt_code {
        Some(_) => unknown(),
        None => Fault::sender("dossier.unknown", words::dossier_unknown()),
    };
    let mut known = latest(app, &code, kind).await?;
    if spec.receipt_code.is_some() {
        // Whoever copies a code from paper may write it in small letters; software does not.
        let capital = DossierCode::new(&code.as_str().to_uppercase()).filter(|capital| *capital != code);
        if let (None, Some(capital)) = (&known, &capital) {
            known = latest(app, capital, kind).await?;
        }
        // Of a dossier that was born elsewhere nothing of this kind may have come yet, and whoever waits for it wants to know how it stands.
        for code in [Some(&code), capital.as_ref()].into_iter().flatten() {
            if known.is_none() {
                known = status_alone(app, code).await?;
            }
        }
    }
    let known = known.ok_or_else(missing)?;
    let known = without_paid(app, &code, kind, known).await?;
    let translation = plan.translate(&known, &Context { codes: &from.config.codes });
    Ok(translation.map_err(pipeline::as_ours)?.documents.pop().unwrap_or_default())
}

/// What was accepted last of this kind, with the status that anything told last: a step may have come since.
async fn latest(app: &App, code: &DossierCode, kind: &Kind) -> Result<Option<Value>, Fault> {
    let found = app.store.latest(code, kind).await.map_err(|error| store_fault(&error))?;
    let Some(mut document) = found else { return Ok(None) };
    let status = app.store.latest_status(code).await.map_err(|error| store_fault(&error))?;
    let place = app.rules.channels.kinds.get(kind).and_then(|spec| spec.status.as_deref());
    if let (Some(place), Some(status)) = (place, status)
        && let Some(field) = document.pointer_mut(&format!("/{}", place.replace('.', "/")))
    {
        *field = Value::from(status);
    }
    Ok(Some(document))
}

/// A dossier of which nothing is known but its status.
async fn status_alone(app: &App, code: &DossierCode) -> Result<Option<Value>, Fault> {
    let status = app.store.latest_status(code).await.map_err(|error| store_fault(&error))?;
    Ok(status.map(|status| json!({ "dossier": { "code": code.as_str() }, "status": status })))
}

/// What is due without what was paid since that was said: whoever is owed it may not have said so yet, and nobody shall pay twice.
async fn without_paid(app: &App, code: &DossierCode, kind: &Kind, mut known: Value) -> Result<Value, Fault> {
    let spec = app.rules.channels.kinds.get(kind);
    if spec.and_then(|spec| spec.payment) == Some(payment::Part::Due) {
        let paid = app.store.paid_since(code, kind).await.map_err(|error| store_fault(&error))?;
        payment::take_paid(&mut known, &paid);
    }
    Ok(known)
}

fn unknown() -> Fault {
    Fault::sender("lookup.unknown", words::lookup_unknown())
}
