//! Keeping house, once a day: what has had its time is purged, files that no row names are swept, old months of the audit trail are cut.
//!
//! What a restart sees: the same work, a few minutes later. Nothing waits for it, and whatever is cut short is found again the next time;
//! a failure is said and costs a day. While a backup copies, nothing is swept or cut.
//!
//! What goes does not come back, so the machine's clock is not believed at once: from one time to the next the house ages by a few days at
//! most ([`Store::house_moment`]). A clock that is a year ahead costs days of what is kept and not a year.

use std::sync::Arc;

use gateway_core::ids::Moment;
use gateway_core::pipeline::retention::DAY_MS;
use serde::Serialize;
use tokio::sync::watch;

use super::App;
use crate::audit;
use crate::delivery::Standing;
use crate::store::{self, Purge, Purged, StoreError};

/// A start has better things to do first.
const FIRST_MS: i64 = 10 * 60_000;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Rows and bodies.
    #[serde(flatten)]
    pub purged: Purged,
    /// Files of claims.
    pub files: u64,
    /// Months of the audit trail.
    pub audit_months: u64,
}

/// Keeps house until `stopped`, whatever happens.
pub(super) async fn keep(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let mut next = app.clock.now().plus_millis(FIRST_MS);
    loop {
        app.house_bell.stand(Standing { parked: true, wakes: 0, until: Some(next) });
        tokio::select! {
            () = app.clock.sleep_until(next) => {}
            _ = stopped.wait_for(|stop| *stop) => return,
        }
        // A task of its own: what panics in it is no reason not to try again tomorrow.
        let mut once = tokio::spawn({
            let app = app.clone();
            async move { app.keep_house_by_the_clock().await }
        });
        tokio::select! {
            kept = &mut once => match kept {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => tracing::error!(event = "house-unkept", %error),
                Err(error) => tracing::error!(event = "house-unkept", %error),
            },
            _ = stopped.wait_for(|stop| *stop) => {
                once.abort();
                return;
            }
        }
        next = app.clock.now().plus_millis(DAY_MS);
    }
}

impl App {
    /// Keeps house as of a moment that the clock alone cannot move far.
    async fn keep_house_by_the_clock(&self) -> Result<Kept, StoreError> {
        let now = self.clock.now();
        let moment = self.store.house_moment(now).await?;
        if moment != now {
            tracing::warn!(event = "house-held-back", clock = %now, as_of = %moment);
        }
        let kept = self.keep_house(moment).await?;
        self.store.house_kept(moment).await?;
        Ok(kept)
    }

    /// Keeps house as of this moment; gives what went.
    pub async fn keep_house(&self, now: Moment) -> Result<Kept, StoreError> {
        let purged = self.store.purge(self.config.retention.terms(), now, Purge::ForGood).await?;
        let files = self.store.sweep().await? as u64;
        let audit_months = self.cut_trail(now).await?;
        self.store.forget_copy_before_upgrade(now).await?;
        let kept = Kept { purged, files, audit_months };
        if kept != Kept::default() {
            let Purged { bodies, dossiers, strays, keys, digests, observed } = purged;
            tracing::info!(
                event = "purged",
                bodies,
                dossiers,
                strays,
                keys,
                digests,
                observed,
                files,
                audit_months
            );
        }
        Ok(kept)
    }

    async fn cut_trail(&self, now: Moment) -> Result<u64, StoreError> {
        let (data, folder) = (self.config.gateway.data.clone(), self.config.gateway.audit_folder());
        let before = audit::month_before(now, self.config.retention.audit_months);
        let keys = self.trail.keys().clone();
        let cut = tokio::task::spawn_blocking(move || {
            let Some(_alone) = store::hold_alone(&data)? else { return Ok(0) };
            Ok(audit::cut(&folder, &keys, &before)?)
        });
        cut.await.unwrap_or_else(|error| Err(StoreError::Io(error.to_string())))
    }
}
