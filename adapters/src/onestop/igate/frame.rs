//! What a record of the search is to us: the state of a dossier, and each task in it that says when it began.
//!
//! A frame holds the record as it came, beside it what a mapping cannot choose by itself: names in our language, and the status whichever
//! of its two forms it has. Whose record it is, is its code; which unit's, the agency's code, where the settings list it.

use std::collections::BTreeMap;

use gateway_core::adapter::{Item, Payload};
use gateway_core::ids::{Kind, fingerprint};
use serde_json::{Map, Value, json};

use super::Igate;
use super::wire;
use crate::kinds::{DOSSIER_PROGRESSED, DOSSIER_RECORDED};

/// Where a record has names in several languages, and what the frame calls them.
const NAMES: [(&str, &[&str]); 6] = [
    ("procedure", &["/procedure/translate", "/procedure/name"]),
    ("sector", &["/procedure/sector/name"]),
    ("agency", &["/agency/name"]),
    ("receivingKind", &["/dossierReceivingKind/name"]),
    ("applyMethod", &["/applyMethod/name"]),
    ("task", &["/dossierTaskStatus/name"]),
];

/// The same within a task.
const TASK_NAMES: [(&str, &[&str]); 3] = [
    ("official", &["/assignee/fullname", "/assignee/name"]),
    ("department", &["/agency/name", "/candidateGroup/name"]),
    ("work", &["/name", "/bpmProcessDefinitionTask/name"]),
];

impl Igate {
    /// All that a record says.
    pub(super) fn items(&self, record: &Value) -> Vec<Item> {
        let code = wire::at(record, "/code");
        let agency = wire::at(record, "/agency/code").or_else(|| wire::at(record, "/agency/parent/code"));
        let unit = agency.and_then(|agency| self.settings.unit(&agency)).map(str::to_owned);
        let id = wire::at(record, "/id").unwrap_or_default();
        // One and the same state, read twice, is known by this, also when a newer one was read in between.
        let key = format!("igate/{id}/{}", fingerprint(&[&record.to_string()]));
        let item = |kind: &str, keys: Vec<String>, frame: Value| Item {
            kind: Kind::from(kind),
            dossier: code.clone(),
            unit: unit.clone(),
            keys,
            hints: BTreeMap::new(),
            payload: Payload::Json(frame),
        };
        let mut frame = self.statuses(record);
        frame.insert("names".to_owned(), self.names(record, &NAMES));
        frame.insert("record".to_owned(), record.clone());
        let mut items = vec![item(DOSSIER_RECORDED, vec![key], Value::Object(frame))];
        // Behind the state: whoever takes both must know the dossier first.
        if self.settings.tasks_are_steps {
            items.extend(self.steps(record).into_iter().map(|frame| item(DOSSIER_PROGRESSED, Vec::new(), frame)));
        }
        items
    }

    /// What is being worked on and says since when, each once. A task that is over does not say which state the dossier had then, and one
    /// without a time has no moment that could be told.
    fn steps(&self, record: &Value) -> Vec<Value> {
        let mut steps: Vec<Value> = Vec::new();
        for task in record.pointer("/currentTask").and_then(Value::as_array).into_iter().flatten() {
            let Some(at) = task.get(&self.settings.task_time_field).and_then(wire::text) else { continue };
            let mut frame = self.statuses(record);
            frame.insert("code".to_owned(), record.get("code").cloned().unwrap_or_default());
            frame.insert("at".to_owned(), json!(at));
            frame.insert("names".to_owned(), self.names(task, &TASK_NAMES));
            let frame = Value::Object(frame);
            if !steps.contains(&frame) {
                steps.push(frame);
            }
        }
        steps
    }

    /// `task` (the id of the state of the workflow, a province's own) and `status`.
    fn statuses(&self, record: &Value) -> Map<String, Value> {
        let status = record.get("dossierStatus").unwrap_or(&Value::Null);
        let status = wire::text(status).or_else(|| wire::at(status, "/id"));
        let both = [("task", wire::at(record, "/dossierTaskStatus/id")), ("status", status)];
        both.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect()
    }

    fn names(&self, record: &Value, places: &[(&str, &[&str])]) -> Value {
        let name = |place: &&str| wire::name(record.pointer(place)?, self.settings.language);
        let named = |(field, places): &(&str, &[&str])| {
            Some(((*field).to_owned(), Value::from(places.iter().find_map(name)?)))
        };
        Value::Object(places.iter().filter_map(named).collect())
    }
}
