//! What a peer's door asks of whoever comes: where from, how often, by which proofs, signed with which keys.
//!
//! Made of the peer's entry in the configuration, one for each peer. Pace is in memory only: a restart begins with a full allowance.
//! Signing keys in files are read again when they change. Who calls is found out at the door (`http/caller.rs`); this is
//! what is asked of the one who was found.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use gateway_core::adapter::{Ask, Level};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use gateway_core::webhook::{self, SigningKey, Unproven};
use ipnet::IpNet;

use crate::config::door::{Door, Proof, networks};
use crate::watched::Watched;
use crate::words;

/// The keeper of one peer's door.
pub struct Doorkeeper {
    door: Door,
    networks: Vec<IpNet>,
    signing: Watched<Vec<SigningKey>>,
    pace: Mutex<Pace>,
}

impl Doorkeeper {
    /// Reads what the door names; the error says which signing key cannot be used.
    pub fn new(door: &Door) -> Result<Self, String> {
        let sources = door.signature_keys.clone();
        let files = sources.iter().filter_map(|source| source.file.clone()).collect();
        let signing = Watched::new("signature_keys", files, move || {
            let key = |source: &crate::config::SecretSource| {
                let unusable = || "is no `whsec_…` of 24 to 64 bytes".to_owned();
                SigningKey::parse(&source.read()?).ok_or_else(unusable)
            };
            sources.iter().map(key).collect()
        })?;
        let pace = Mutex::new(Pace::new(door.calls_per_minute_max, door.burst));
        Ok(Doorkeeper { networks: networks(&door.addresses), door: door.clone(), signing, pace })
    }

    /// Is this a way in here?
    pub fn accepts(&self, proof: Proof) -> bool {
        self.door.accepts(proof)
    }

    /// Who is known less surely stays outside.
    pub fn minimum(&self) -> Level {
        self.door.minimum
    }

    /// Longer bodies are refused here.
    pub fn body_bytes_max(&self) -> usize {
        self.door.body_bytes_max.unwrap_or(usize::MAX)
    }

    /// Does this peer publish under this user of the broker?
    pub fn is_broker_user(&self, user: &str) -> bool {
        self.door.broker_user.as_deref() == Some(user)
    }

    /// Does this peer call from there, of all peers?
    pub fn is_known_by(&self, address: IpAddr) -> bool {
        self.accepts(Proof::Address) && self.is_listed(address)
    }

    /// May it call from there?
    pub fn may_call_from(&self, address: IpAddr) -> Result<(), Fault> {
        match self.networks.is_empty() || self.is_listed(address) {
            true => Ok(()),
            false => Err(Fault::sender("auth.address", words::auth_address())),
        }
    }

    fn is_listed(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|net| net.contains(&address))
    }

    /// May it call again already? Counts this call if so.
    pub fn hold_pace(&self, now: Moment) -> Result<(), Fault> {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.take(now).map_err(|wait_ms| {
            let words = words::door_throttled(wait_ms.div_ceil(1000));
            let fault = Fault::new("door.throttled", Blame::Sender, Remedy::Later, words);
            Fault { retry_after_ms: Some(wait_ms), ..fault }
        })
    }

    /// Did this peer sign the call, and lately?
    pub fn verify(&self, ask: &Ask, now: Moment) -> Result<(), Unproven> {
        webhook::verify(ask, &self.signing.get().1, now)
    }
}

/// So many calls a minute, evenly, with some at once: the moment at which all that was taken is earned again (the generic cell rate
/// algorithm of ATM Forum TM 4.0, one number for each door).
struct Pace {
    step_us: i64,
    ahead_us: i64,
    earned_at_us: i64,
}

impl Pace {
    fn new(calls_per_minute_max: Option<u32>, burst: Option<u32>) -> Self {
        let Some(calls) = calls_per_minute_max else {
            return Pace { step_us: 0, ahead_us: 0, earned_at_us: 0 };
        };
        let step_us = 60_000_000 / i64::from(calls.max(1));
        let burst = burst.unwrap_or(calls / 6).max(1);
        Pace { step_us, ahead_us: step_us * (i64::from(burst) - 1), earned_at_us: 0 }
    }

    /// Takes one; or after how many milliseconds there is one.
    fn take(&mut self, now: Moment) -> Result<(), u64> {
        let now_us = now.as_millis() * 1000;
        // Further ahead than anybody can have taken: the clock was set back.
        if self.earned_at_us - now_us > self.ahead_us + self.step_us {
            self.earned_at_us = now_us;
        }
        let earned_at_us = self.earned_at_us.max(now_us);
        let early_us = earned_at_us - now_us - self.ahead_us;
        if early_us > 0 {
            return Err(early_us.unsigned_abs().div_ceil(1000));
        }
        self.earned_at_us = earned_at_us + self.step_us;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_come_at_once_and_then_one_by_one() {
        let at = |ms: i64| Moment::from_millis(1_000_000 + ms);
        let mut pace = Pace::new(Some(60), Some(3));
        for _ in 0..3 {
            assert_eq!(pace.take(at(0)), Ok(()));
        }
        assert_eq!(pace.take(at(0)), Err(1000));
        assert_eq!(pace.take(at(400)), Err(600));
        assert_eq!(pace.take(at(1000)), Ok(()));
        assert_eq!(pace.take(at(1000)), Err(1000));
        // A clock that is set back keeps nobody outside.
        assert_eq!(pace.take(at(-900_000)), Ok(()));
        let mut unbounded = Pace::new(None, None);
        assert!((0..10_000).all(|_| unbounded.take(at(0)).is_ok()));
        let mut slow = Pace::new(Some(1), None);
        assert_eq!((slow.take(at(0)), slow.take(at(1))), (Ok(()), Err(59_999)));
    }
}
