//! One-stop-shop software that is told what became of its shipments, and counts what it has.
//!
//! What it was told before under the same `idempotency-key` it takes again and counts apart. It refuses what the real one would: a wrong
//! token where one is set, another path, a document without dossier or state.

use std::collections::BTreeSet;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::Settings;
use crate::postal::wire;

/// The software in memory.
pub(in crate::postal) struct DeskSim {
    status_path: String,
    token: Option<String>,
    seen: BTreeSet<String>,
    told: Vec<Value>,
    calls: u64,
    repeated: u64,
    refused: u64,
}

impl DeskSim {
    /// One that has been told nothing yet. `token`: what it wants to be shown; without it, nothing. Settings that are not its own are passed
    /// over.
    pub(in crate::postal) fn new(table: &toml::Table) -> Self {
        DeskSim {
            status_path: Settings::gather(table).0.status_path,
            token: table.get("token").and_then(toml::Value::as_str).map(str::to_owned),
            seen: BTreeSet::new(),
            told: Vec::new(),
            calls: 0,
            repeated: 0,
            refused: 0,
        }
    }

    fn status(&mut self, ask: &Ask) -> u16 {
        if self.token.as_ref().is_some_and(|token| ask.header("authorization") != Some(&format!("Bearer {token}"))) {
            return 401;
        }
        if ask.method != "POST" || ask.path != self.status_path {
            return 404;
        }
        let fact = wire::object(&ask.body.bytes).unwrap_or_default();
        if ["/dossier/code", "/state"].iter().any(|path| !fact.pointer(path).is_some_and(Value::is_string)) {
            return 422;
        }
        match self.seen.insert(ask.header("idempotency-key").unwrap_or_default().to_owned()) {
            true => self.told.push(fact),
            false => self.repeated += 1,
        }
        204
    }
}

impl Simulator for DeskSim {
    fn respond(&mut self, ask: &Ask, _at: Moment) -> Answer {
        self.calls += 1;
        let status = self.status(ask);
        self.refused += u64::from(status >= 400);
        Answer { status, headers: Vec::new(), body: Body::default() }
    }

    fn state(&self) -> Value {
        let order: Vec<&str> = self.told.iter().filter_map(|fact| fact["state"].as_str()).collect();
        json!({
            "calls": self.calls, "facts": self.told.len(), "repeated": self.repeated, "refused": self.refused, "order": order,
        })
    }
}
