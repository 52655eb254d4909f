//! Each account's session at a peer: in memory only, one log-in at a time, renewed when refused or due.
//!
//! A caller that was refused says *which generation* was refused; if the slot has moved on meanwhile it takes the new one.
//! So eight lanes refused at once cost one log-in. A failed log-in is remembered for a moment, so that a wrong password
//! is tried once in a while and not once a message; it never kills a message, because it makes the peer count as away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as Locked, PoisonError};

use gateway_core::adapter::Session;
use gateway_core::fault::Fault;
use gateway_core::ids::{Account, Moment};
use tokio::sync::Mutex;

/// A log-in that failed is not tried again for so long.
const FAILED_PAUSE_MS: i64 = 1_000;

/// The sessions of one peer.
#[derive(Default)]
pub struct Sessions {
    slots: Locked<HashMap<Account, Arc<Mutex<Slot>>>>,
}

#[derive(Default)]
struct Slot {
    generation: u64,
    session: Option<Session>,
    failed: Option<(Moment, Fault)>,
}

/// A session and which one it is.
#[derive(Debug, Clone)]
pub struct Held {
    /// Counted up at each log-in.
    pub generation: u64,
    /// The session itself.
    pub session: Session,
}

impl Sessions {
    /// The account's session: the one there is, or a new one by `log_in` if there is none, it is due, or it is the generation
    /// that was just refused.
    pub async fn hold<F>(
        &self,
        account: &Account,
        refused: Option<u64>,
        at: Moment,
        log_in: F,
    ) -> Result<Held, Fault>
    where
        F: AsyncFnOnce() -> Result<Session, Fault>,
    {
        let slot = {
            let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
            slots.entry(account.clone()).or_default().clone()
        };
        let mut slot = slot.lock().await;
        let stale = refused == Some(slot.generation);
        if let Some(session) = slot.session.as_ref().filter(|session| !stale && fresh(session, at)) {
            return Ok(Held { generation: slot.generation, session: session.clone() });
        }
        if let Some((when, fault)) = &slot.failed
            && (0..FAILED_PAUSE_MS).contains(&at.millis_since(*when))
        {
            return Err(fault.clone());
        }
        slot.session = None;
        match log_in().await {
            Ok(session) => {
                slot.generation += 1;
                slot.session = Some(session.clone());
                slot.failed = None;
                Ok(Held { generation: slot.generation, session })
            }
            Err(fault) => {
                slot.failed = Some((at, fault.clone()));
                Err(fault)
            }
        }
    }
}

fn fresh(session: &Session, at: Moment) -> bool {
    session.good_until.is_none_or(|until| at < until)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use gateway_core::adapter::Secret;

    use super::*;

    fn session(at: i64) -> Session {
        Session { token: Secret::new("s"), good_until: Some(Moment::from_millis(at)) }
    }

    #[tokio::test]
    async fn eight_refused_at_once_cost_one_log_in() {
        let sessions = Arc::new(Sessions::default());
        let log_ins = Arc::new(AtomicU32::new(0));
        let at = Moment::from_millis(0);
        let account = Account::from("default");
        let hold = |refused: Option<u64>| {
            let (sessions, log_ins, account) = (sessions.clone(), log_ins.clone(), account.clone());
            tokio::spawn(async move {
                let log_in = async || {
                    log_ins.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    Ok(session(1000))
                };
                sessions.hold(&account, refused, at, log_in).await.unwrap().generation
            })
        };
        assert_eq!(hold(None).await.unwrap(), 1);
        let refused: Vec<_> = (0..8).map(|_| hold(Some(1))).collect();
        for each in refused {
            assert_eq!(each.await.unwrap(), 2);
        }
        assert_eq!(log_ins.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_session_is_renewed_before_its_end_and_a_failure_is_not_repeated_at_once() {
        let sessions = Sessions::default();
        let account = Account::from("default");
        let early = Moment::from_millis(0);
        sessions.hold(&account, None, early, async || Ok(session(1000))).await.unwrap();
        let refusal = || Fault::sender("portal.log-in", "x");
        let later = Moment::from_millis(1000);
        assert!(sessions.hold(&account, None, later, async || Err(refusal())).await.is_err());
        let untouched = async || -> Result<Session, Fault> { panic!("must not be tried yet") };
        assert!(sessions.hold(&account, None, later.plus_millis(500), untouched).await.is_err());
        let again = sessions.hold(&account, None, later.plus_millis(1000), async || Ok(session(9000))).await;
        assert_eq!(again.unwrap().generation, 2);
    }
}
