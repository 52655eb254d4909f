//! Fan-out: one document out for each element of a list, and each with an end of its own.
//!
//! One notice may speak of several dossiers, and what is wrong with one of them says nothing of the others. So each element is walked and
//! judged alone, in the document that is around it; what is wrong is said with the element's number in the whole. What the sender has
//! left out is said in the sender's own names, because nobody outside knows ours.

use serde_json::Value;

use super::plan::{Fill, From, Path, Slot};
use super::source::Source;
use super::{Context, Plan, Translation, apply};
use crate::fault::{Fault, Violation};
use crate::schema::violated;

impl Plan {
    /// What each element of the list becomes, in their order; without `fan-out`, the one translation. An error is one of the whole:
    /// a document inside it that cannot be read.
    pub fn translate_each(
        &self,
        source: &Value,
        context: &Context<'_>,
    ) -> Result<Vec<Result<Translation, Fault>>, Fault> {
        let Some(list) = &self.body.fan_out else { return Ok(vec![Ok(self.translate(source, context)?)]) };
        let mut violations = Vec::new();
        let mut whole = apply::open(&self.body, source, &mut violations);
        if !violations.is_empty() {
            return Err(violated(violations));
        }
        let elements = match at(&mut whole, list).map(Value::take) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(elements)) => elements,
            // Wide contracts let one element stand for a list of one.
            Some(single) => vec![single],
        };
        let each = elements.into_iter().enumerate().map(|(index, element)| {
            if let Some(place) = at(&mut whole, list) {
                *place = Value::Array(vec![element]);
            }
            self.translate_element(&whole, list, index, context)
        });
        Ok(each.collect())
    }

    /// What the sender calls the element of this number, counted from 0: `BODY.ROW_LIST.ROW[2]`.
    pub fn element(&self, index: usize) -> Option<String> {
        self.body.fan_out.as_ref().map(|list| format!("{}[{}]", dotted(list), index + 1))
    }

    /// All of them, or everything that is wrong with any.
    pub(super) fn translate_all(&self, source: &Value, context: &Context<'_>) -> Result<Translation, Fault> {
        let mut all = Translation { documents: Vec::new(), traces: Vec::new() };
        let mut violations = Vec::new();
        for each in self.translate_each(source, context)? {
            match each {
                Ok(mut one) => {
                    all.documents.append(&mut one.documents);
                    all.traces.append(&mut one.traces);
                }
                Err(fault) => violations.extend(fault.violations),
            }
        }
        if violations.is_empty() { Ok(all) } else { Err(violated(violations)) }
    }

    /// The element that stands alone in its list now, and is of this number in the whole.
    fn translate_element(
        &self,
        whole: &Value,
        list: &Path,
        index: usize,
        context: &Context<'_>,
    ) -> Result<Translation, Fault> {
        let (alone, numbered) = (format!("{}[1]", dotted(list)), format!("{}[{}]", dotted(list), index + 1));
        let mut run = self.run(context);
        let documents = run.documents(Source::Json(whole));
        for violation in &mut run.violations {
            if let Some(rest) = violation.path.strip_prefix(&alone) {
                violation.path = format!("{numbered}{rest}");
            }
        }
        if !run.violations.is_empty() {
            return Err(violated(run.violations));
        }
        let element = list.keys.iter().try_fold(whole, |value, key| value.get(&*key.name));
        let element = element.and_then(|list| list.get(0)).unwrap_or(&Value::Null);
        let judged = documents.iter().flat_map(|document| self.judge(document));
        let violations: Vec<Violation> = judged
            .map(|violation| match self.left_out(&violation, element) {
                Some(path) => {
                    Violation::sender(format!("{numbered}.{path}"), violation.rule, violation.detail)
                }
                None => Violation { path: apply::within(&numbered, &violation.path), ..violation },
            })
            .collect();
        if violations.is_empty() {
            Ok(Translation { documents, traces: run.traces })
        } else {
            Err(violated(violations))
        }
    }

    /// Where in the element the sender has left out what a required field is copied from. A contract cannot ask for it where it
    /// lets a row hold anything.
    fn left_out(&self, violation: &Violation, element: &Value) -> Option<String> {
        if violation.rule != "required" {
            return None;
        }
        let path = copied_from(&self.body.target, &violation.path)?;
        let value = path.keys.iter().try_fold(element, |value, key| value.get(&*key.name));
        let empty = |value: &Value| value.is_null() || value.as_str().is_some_and(str::is_empty);
        value.is_none_or(empty).then(|| dotted(path))
    }
}

/// The path in the element that this target field is copied from.
fn copied_from<'a>(slots: &'a [Slot], field: &str) -> Option<&'a Path> {
    let (key, rest) = field.split_once('.').unwrap_or((field, ""));
    match &slots.iter().find(|slot| slot.key == key)?.fill {
        Fill::Object { slots, .. } => copied_from(slots, rest),
        Fill::Rule(op) if rest.is_empty() => match &op.source {
            From::Path(path) if path.fan && path.up == 0 && !path.keys.is_empty() => Some(path),
            _ => None,
        },
        Fill::Rule(_) | Fill::Later => None,
    }
}

fn dotted(path: &Path) -> String {
    path.keys.iter().map(|key| &*key.name).collect::<Vec<_>>().join(".")
}

fn at<'a>(whole: &'a mut Value, list: &Path) -> Option<&'a mut Value> {
    list.keys.iter().try_fold(whole, |value, key| value.get_mut(&*key.name))
}
