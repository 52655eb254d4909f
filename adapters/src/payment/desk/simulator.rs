//! One-stop-shop software that is told of payments, and counts what it has. What it was told before under the same `idempotency-key` it
//! takes again and counts apart; it refuses another path and a document that names no dossier, transaction or amount.

use std::collections::BTreeSet;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::Settings;
use crate::payment::wire;

/// The software in memory.
pub(in crate::payment) struct DeskSim {
    paid_path: String,
    seen: BTreeSet<String>,
    told: Vec<Value>,
    calls: u64,
    repeated: u64,
    refused: u64,
}

impl DeskSim {
    /// One that has been told nothing yet. Settings that are not its own are passed over.
    pub(in crate::payment) fn new(table: &toml::Table) -> Self {
        DeskSim {
            paid_path: Settings::gather(table).0.paid_path,
            seen: BTreeSet::new(),
            told: Vec::new(),
            calls: 0,
            repeated: 0,
            refused: 0,
        }
    }

    fn status(&mut self, ask: &Ask) -> u16 {
        if ask.method != "POST" || ask.path != self.paid_path {
            return 404;
        }
        let fact = wire::object(&ask.body.bytes).unwrap_or_default();
        let whole = ["/dossier/code", "/transaction", "/amount"].iter().all(|path| fact.pointer(path).is_some());
        if !whole {
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
        let each = self.told.iter().map(|fact| {
            let part = |name: &str| plain(&fact[name]);
            format!("{} {}", part("amount"), part("transaction"))
        });
        json!({
            "calls": self.calls,
            "payments": self.told.len(),
            "repeated": self.repeated,
            "refused": self.refused,
            "order": each.collect::<Vec<_>>(),
        })
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
