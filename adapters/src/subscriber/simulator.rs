//! A subscriber: verifies what it is told, and counts what it has.
//!
//! It refuses as a real one would: a missing or wrong signature and a time more than five minutes off are 400. What it was told before
//! under the same `webhook-id` it takes again and counts apart. What a broken connection does is put around it by its host.

use std::collections::BTreeSet;

use gateway_core::adapter::{Answer, Ask, Body, Secret, Simulator};
use gateway_core::ids::Moment;
use gateway_core::webhook::{self, SigningKey};
use serde_json::{Value, json};

use super::signature;

/// A subscriber in memory.
pub(super) struct SubscriberSim {
    secret: Option<Secret>,
    /// What it answers to everything; none for what it would answer by itself.
    always: Option<u16>,
    seen: BTreeSet<String>,
    told: Vec<Value>,
    calls: u64,
    repeated: u64,
    forged: u64,
}

impl SubscriberSim {
    /// One that has been told nothing yet. `secret`: the key it verifies with; without it, it believes everything.
    pub(super) fn new(table: &toml::Table) -> Self {
        let secret = table.get("secret").and_then(toml::Value::as_str).map(Secret::new);
        SubscriberSim { secret, always: None, seen: BTreeSet::new(), told: Vec::new(), calls: 0, repeated: 0, forged: 0 }
    }

    fn is_genuine(&self, ask: &Ask, at: Moment) -> bool {
        let Some(secret) = &self.secret else { return true };
        let key = SigningKey::parse(secret);
        key.is_some_and(|key| webhook::verify(ask, &[key], at).is_ok())
    }
}

impl Simulator for SubscriberSim {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.calls += 1;
        let empty = |status| Answer { status, headers: Vec::new(), body: Body::default() };
        if !self.is_genuine(ask, at) {
            self.forged += 1;
            return empty(400);
        }
        if let Some(status) = self.always {
            return empty(status);
        }
        let id = ask.header(signature::ID).unwrap_or_default().to_owned();
        if self.seen.insert(id) {
            self.told.push(serde_json::from_slice(&ask.body.bytes).unwrap_or_default());
        } else {
            self.repeated += 1;
        }
        empty(204)
    }

    fn state(&self) -> Value {
        let said = |path: &str| -> Vec<&str> {
            self.told.iter().filter_map(|fact| fact.pointer(path)?.as_str()).collect()
        };
        json!({
            "calls": self.calls,
            "facts": self.told.len(),
            "repeated": self.repeated,
            "forged": self.forged,
            "order": said("/data/state"),
            "types": said("/type"),
        })
    }

    /// `always-answer <status>` from now on, `take` ends that; `secret <whsec_…>`: it has another key.
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["always-answer", status] => match status.parse() {
                Ok(status) => self.always = Some(status),
                Err(_) => return false,
            },
            ["take"] => self.always = None,
            ["secret", secret] => self.secret = Some(Secret::new(*secret)),
            _ => return false,
        }
        true
    }
}
