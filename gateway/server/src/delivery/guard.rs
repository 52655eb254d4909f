//! What our own code does wrong, and what does not open, costs one delivery an attempt and no other anything.

use std::panic::AssertUnwindSafe;

use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::pipeline::{self, DeliveryId, Outcome, Policy, Settlement};
use gateway_core::redelivery::Later;

use super::talk::Talk;
use crate::app::{App, Room};
use crate::queue::Right;
use crate::store::{Entry, StoreError};
use crate::words;

/// What our own code does wrong in here costs this delivery an attempt and no other anything.
pub(super) async fn guarded(
    app: &App,
    room: &Room,
    delivery: DeliveryId,
    right: Option<&Right>,
    task: impl Future<Output = Result<(), StoreError>>,
) {
    let ended = match catch_panic(AssertUnwindSafe(task)).await {
        Ok(ended) => ended,
        Err(()) => {
            tracing::error!(event = "delivery-panicked", peer = %room.name, delivery = delivery.0);
            settle_panic(app, room, delivery, right).await
        }
    };
    let ended = match ended {
        Err(error) if error.is_of_one_value() => {
            tracing::error!(event = "delivery-unreadable", peer = %room.name, delivery = delivery.0, %error);
            settle_unreadable(app, room, delivery, right, &error).await
        }
        ended => ended,
    };
    if let Err(error) = ended {
        // Nothing is lost: the row says where it stands, and the lane is ready again.
        tracing::error!(event = "delivery-unrecorded", peer = %room.name, delivery = delivery.0, %error);
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

async fn settle_panic(
    app: &App,
    room: &Room,
    id: DeliveryId,
    right: Option<&Right>,
) -> Result<(), StoreError> {
    let Some(delivery) = app.store.load(id).await? else { return Ok(()) };
    let mut talk = Talk::new(app, room, delivery, right);
    let fault = Fault::new("gateway.panic", Blame::Gateway, Remedy::Correct, words::delivery_panicked());
    talk.settle(Outcome::Panicked(fault), None).await
}

/// What we keep of this message does not open: its own trouble, not the peer's.
async fn settle_unreadable(
    app: &App,
    room: &Room,
    id: DeliveryId,
    right: Option<&Right>,
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
    let token = right.map(|right| right.token);
    app.store.write_with(id, token, vec![Entry::Settle { settlement: ruling.settlement, at: now }]).await?;
    Ok(())
}
