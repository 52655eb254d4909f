//! A peer in the shadow: what would be sent to it is translated and checked as it will be, and nothing leaves. What its mapping cannot
//! translate becomes a dead letter now and not on the day of the cut-over.
//!
//! What a restart sees: translations that were kept, which it drops, because a mapping may have been mended since; then everything that
//! waits is translated once more. Where this stands is memory only.

use std::sync::Arc;

use gateway_core::adapter::Turn;
use gateway_core::fault::Remedy;
use gateway_core::pipeline::{DeliveryId, Outcome};

use super::talk::Talk;
use crate::app::{App, Room};
use crate::store::{Event, StoreError};

/// Looked at in one go; in between a stop is heard.
const BATCH: usize = 64;

/// Translates what came since the last look; true if there may be more.
pub(super) async fn keep_new(app: &Arc<App>, room: &Arc<Room>) -> Result<bool, StoreError> {
    let after = room.shadow.read();
    let ids = app.store.waiting_after(&room.name, after, BATCH).await?;
    for id in &ids {
        super::guarded(app, room, *id, None, keep(app, room, *id)).await;
    }
    if let Some(last) = ids.last() {
        room.shadow.move_on(after, *last);
    }
    Ok(ids.len() == BATCH)
}

async fn keep(app: &App, room: &Room, id: DeliveryId) -> Result<(), StoreError> {
    let Some(delivery) = app.store.load(id).await? else { return Ok(()) };
    // What was under way before goes on where it stands, once the peer is live.
    if delivery.pinned.is_some() || !delivery.exchanges.is_empty() {
        return Ok(());
    }
    let mut talk = Talk::new(app, room, delivery, None);
    talk.fetch_source().await?;
    let first = talk.translate().and_then(|()| talk.next_turn());
    let step = match first {
        Ok(Turn::Call(request)) => request.step,
        Ok(Turn::Done(_)) => "-".to_owned(),
        // What only the peer could say is not known in the shadow.
        Err(fault) if fault.remedy != Remedy::Correct => fault.code.into_owned(),
        Err(fault) => return talk.settle(Outcome::Fault(fault), None).await,
    };
    talk.note(Event::Shadowed, &step);
    app.store.write(id, std::mem::take(&mut talk.pending)).await.map(drop)
}
