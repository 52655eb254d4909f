//! The embedded carrier: what the store says is ready goes out, without anything in between.

use std::collections::HashSet;

use gateway_core::ids::Moment;

use super::{Line, Taken, Work, choose_probe, permits};
use crate::app::{App, Room};
use crate::store::{LaneId, StoreError};

/// Hands out from the store itself.
pub(crate) struct Embedded;

impl Line for Embedded {
    async fn take(
        &mut self,
        app: &App,
        room: &Room,
        now: Moment,
        out: &HashSet<LaneId>,
    ) -> Result<Taken, StoreError> {
        let (permits, away) = permits(room, now, out.len());
        if permits == 0 {
            return Ok(Taken::nothing(true));
        }
        let heads = match away {
            None => app.store.ready(&room.name, permits, now, out).await?,
            Some(probes) => choose_probe(app, room, probes, now, out).await?.into_iter().collect(),
        };
        let full = match away {
            None => heads.len() >= permits,
            Some(_) => !heads.is_empty(),
        };
        Ok(Taken { full, work: heads.into_iter().map(Work::ours).collect() })
    }

    async fn stirred(&mut self) {
        std::future::pending().await
    }

    async fn is_empty(&self, _: &App, _: &Room) -> bool {
        true
    }
}
