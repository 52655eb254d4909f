//! A monitoring system: it takes what is complete, and keeps the statuses in order.

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

/// One in memory.
#[derive(Default)]
pub(super) struct EmcSim {
    calls: u64,
    told: Vec<Value>,
}

impl Simulator for EmcSim {
    fn respond(&mut self, ask: &Ask, _at: Moment) -> Answer {
        self.calls += 1;
        let event: Value = serde_json::from_slice(&ask.body.bytes).unwrap_or_default();
        let filled = |name: &str| event[name].as_str().is_some_and(|text| !text.is_empty());
        let user = event["User"].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let whole = ["CodeProfile", "SiteId", "Status"].iter().all(|name| filled(name));
        if !whole || user.is_none_or(|user| !user.is_object()) {
            return Answer { status: 400, headers: Vec::new(), body: Body::default() };
        }
        self.told.push(event);
        Answer::json(200, &json!({}))
    }

    fn state(&self) -> Value {
        let of =
            |name: &str| -> Vec<&str> { self.told.iter().filter_map(|event| event[name].as_str()).collect() };
        json!({ "calls": self.calls, "event": self.told.len(), "order": of("Status"), "codes": of("CodeProfile") })
    }
}
