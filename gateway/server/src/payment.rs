//! A payment begins: a question with an effect, so it is on disk before its provider hears of it. Read it downwards.
//!
//! Whoever asks is answered now or fails now, as with every question, and a question that failed is never put again: another try has
//! another reference. What became of one whose answer was lost is found out like that of every open payment, by asking its provider
//! about the reference. A restart between row and call leaves a payment that nobody can pay; it is asked about for a while and left.

use std::time::Duration;

use gateway_core::adapter::Answer;
use gateway_core::envelope::Envelope;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::payment::{self, Wanted};
use tokio::time::Instant;

use crate::app::{App, Room};
use crate::delivery::inquire::Tries;
use crate::http::store_fault;
use crate::store::NewPayment;
use crate::{intake, question, words};

/// Beside the document: what the provider is told as the reference.
const HINT_REFERENCE: &str = "reference";

/// Puts the question to the provider, once it is on disk.
pub(crate) async fn begin(
    app: &App,
    from: &Room,
    room: &Room,
    mut message: Envelope,
) -> Result<Answer, Fault> {
    let until = Instant::now() + Duration::from_millis(room.config.answer_ms_max);
    let facts = intake::facts(app, &message.kind, &message.document)?;
    let no_dossier = || Fault::sender("dossier.code", words::dossier_code_unusable());
    let dossier = facts.dossier.ok_or_else(no_dossier)?;
    let wanted = Wanted::read(&message.document)
        .ok_or_else(|| Fault::sender("payment.lines", words::payment_lines()))?;
    somebody_hears(app, room, &message)?;
    let reference = room.adapter.reference(&payment::number(message.id));
    message.hints.insert(HINT_REFERENCE.to_owned(), reference.clone());
    let opened = app.store.open_payment(NewPayment {
        message: message.id,
        correlation: message.correlation.clone(),
        traceparent: message.traceparent.clone(),
        from: from.name.clone(),
        unit: message.unit.clone(),
        dossier: dossier.clone(),
        provider: room.name.clone(),
        reference,
        wanted,
        at: message.at,
    });
    let opened = opened.await.map_err(|error| store_fault(&error))?;
    message.dossier = Some(dossier);
    room.poll_bell.ring();
    // Once: nobody knows what a provider makes of the same reference twice.
    let answer = question::put(app, room, &message, &Tries::one(), until).await;
    if let Err(fault) = &answer
        && fault.remedy == Remedy::Correct
        && let Err(error) = app.store.leave_payment(opened).await
    {
        tracing::warn!(event = "payment-not-left", peer = %room.name, %error);
    }
    answer
}

/// Money that nobody would be told of is not asked for.
fn somebody_hears(app: &App, room: &Room, message: &Envelope) -> Result<(), Fault> {
    let told = app.rules.channels.payment(payment::Part::Told);
    let hears = told.is_some_and(|kind| !app.routes(&room.name, kind, &message.unit).is_empty());
    let words = || words::nobody_receives(told.map_or("", |kind| kind.as_str()), message.unit.as_str());
    let nobody = || Fault::new("route.none", Blame::Gateway, Remedy::Correct, words());
    hears.then_some(()).ok_or_else(nobody)
}
