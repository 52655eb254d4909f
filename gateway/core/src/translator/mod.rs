//! The Message Translator: mappings as data, checked against both contracts, compiled once, applied fast.
//!
//! [`Translator::compile`] reads every mapping and code list and says everything that is wrong with them at once.
//! A [`Plan`] turns one document into others and judges the result by the target's contract. A value is changed
//! only by a rule of the mapping, and where something is lost there is a [`Trace`]. The language stands in
//! `mappings/README.md`. Deliberately absent: expressions, loops, look-ups outside code lists.
//!
//! Read in this order: `mapping` (as written), `compile` and `check` (against the contracts), `plan` (resolved),
//! `source` (what is read from), `apply` (the walk), `fanned` (the walk for each element of a list).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

mod apply;
pub mod cases;
mod check;
mod codes;
mod compile;
pub mod coverage;
mod dates;
mod fanned;
mod functions;
mod mapping;
mod plan;
mod source;
pub mod xml;
pub mod yaml;

pub use codes::{CodeList, Unknown};
pub use coverage::Coverage;
pub use functions::{code_like, whole};

use crate::fault::{Defect, Fault, Violation, nearest};
use crate::schema::{Contract, Contracts, Notation, violated};
use source::Source;

/// All mappings and code lists, compiled.
pub struct Translator {
    plans: BTreeMap<String, Arc<Plan>>,
    lists: Arc<plan::Lists>,
}

/// One mapping, compiled.
pub struct Plan {
    name: String,
    version: u32,
    fingerprint: String,
    source: Arc<Contract>,
    target: Arc<Contract>,
    body: plan::Body,
    sheet: coverage::Sheet,
}

/// What differs from peer to peer.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The code list to use in place of the one a mapping names.
    pub codes: &'a BTreeMap<String, String>,
}

impl Default for Context<'_> {
    fn default() -> Self {
        static NONE: BTreeMap<String, String> = BTreeMap::new();
        Context { codes: &NONE }
    }
}

/// What a document has become.
#[derive(Debug, Clone, PartialEq)]
pub struct Translation {
    /// One, or with `fan-out` one for each element; none where that list is empty.
    pub documents: Vec<Value>,
    /// Where something was changed or let through.
    pub traces: Vec<Trace>,
}

/// One place where a value was changed, let through unknown, or left out as unreadable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// The target field.
    pub target: String,
    /// `limit`, `code`, `date`.
    pub rule: String,
    /// Lengths and list names, never the value of a person.
    pub detail: String,
}

impl Translator {
    /// Compiles `files`: path below `mappings/` to bytes. Takes mappings (`in-*.yaml`, `out-*.yaml`) and code lists
    /// (`codes/*.yaml`); the rest belongs to others. All defects of all files come at once.
    pub fn compile(
        files: &BTreeMap<String, Vec<u8>>,
        contracts: &Contracts,
    ) -> Result<Translator, Vec<Defect>> {
        let mut defects = Vec::new();
        let lists = Arc::new(codes::read(files, &mut defects));
        let mut plans = BTreeMap::new();
        for (path, bytes) in files {
            let Some(name) = mapping_name(path) else { continue };
            let file = format!("mappings/{path}");
            let Some(mapping) = mapping::read(&file, bytes, &mut defects) else { continue };
            if let Some(compiled) = compile::compile(&file, &mapping, contracts, &lists, &mut defects) {
                let plan = Plan::new(name, bytes, mapping.version, compiled);
                plans.insert(name.to_owned(), Arc::new(plan));
            }
        }
        if defects.is_empty() { Ok(Translator { plans, lists }) } else { Err(defects) }
    }

    /// The plan of a mapping, named as its path without `.yaml`: `onestop/relay/in-dossier-recorded`.
    pub fn plan(&self, name: &str) -> Option<&Arc<Plan>> {
        self.plans.get(name)
    }

    /// The name of a plan near to one that is not there.
    pub fn nearest_plan(&self, name: &str) -> Option<String> {
        nearest(name, self.plans.keys().map(String::as_str))
    }

    /// Every plan by name.
    pub fn plans(&self) -> impl Iterator<Item = (&str, &Arc<Plan>)> {
        self.plans.iter().map(|(name, plan)| (name.as_str(), plan))
    }

    /// A code list by name: `portal/status`.
    pub fn code_list(&self, name: &str) -> Option<&CodeList> {
        self.lists.get(name).map(|list| &**list)
    }
}

/// The name of a mapping file; `None` for everything else below `mappings/`.
fn mapping_name(path: &str) -> Option<&str> {
    let name = path.strip_suffix(".yaml")?;
    let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
    let mapping = file.starts_with("in-") || file.starts_with("out-");
    let elsewhere = folder.ends_with("/codes") || folder.ends_with(".cases") || file.contains('.');
    (mapping && !elsewhere).then_some(name)
}

impl Plan {
    fn new(name: &str, bytes: &[u8], version: u32, compiled: compile::Compiled) -> Plan {
        let compile::Compiled { body, source, target, lists, packed, sheet } = compiled;
        let contracts = [&source, &target].into_iter().chain(&packed).map(|c| c.digest().as_bytes());
        let parts = std::iter::once(bytes).chain(lists.iter().map(|list| list.bytes())).chain(contracts);
        let fingerprint = crate::schema::digest(parts);
        Plan { name: name.to_owned(), version, fingerprint, source, target, body, sheet }
    }

    /// `onestop/relay/in-dossier-recorded`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What comes in.
    pub fn source(&self) -> &Arc<Contract> {
        &self.source
    }

    /// What goes out.
    pub fn target(&self) -> &Arc<Contract> {
        &self.target
    }

    /// The version the file gives itself.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Changes exactly when the outcome may change: with the mapping, a code list it names, a contract it leans on.
    /// A list that a peer chose in place of a named one is that peer's configuration; whoever holds it adds it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Translates a document that its contract has found right, and judges what came out. All violations come at
    /// once; those of the result are ours, because the mapping made it.
    pub fn translate(&self, source: &Value, context: &Context<'_>) -> Result<Translation, Fault> {
        if self.fans_out() {
            return self.translate_all(source, context);
        }
        let mut run = self.run(context);
        let opened;
        let source = if self.body.open.is_empty() {
            source
        } else {
            opened = apply::open(&self.body, source, &mut run.violations);
            &opened
        };
        self.complete(run, Source::Json(source))
    }

    /// Reads an XML document, judges it by the source's contract and translates it: one pass over the bytes, and no
    /// tree of the source in between.
    pub fn translate_xml(&self, bytes: &[u8], context: &Context<'_>) -> Result<Translation, Fault> {
        if !self.body.open.is_empty() || self.fans_out() {
            // Documents inside texts are put in their places of a tree, and elements are taken out of it.
            return self.translate(&self.source.read_xml(bytes)?, context);
        }
        self.source.with_xml(bytes, |element| self.complete(self.run(context), Source::Xml(element)))
    }

    fn complete(&self, mut run: apply::Run<'_>, source: Source<'_>) -> Result<Translation, Fault> {
        let documents = run.documents(source);
        if !run.violations.is_empty() {
            return Err(violated(run.violations));
        }
        let violations: Vec<Violation> = documents.iter().flat_map(|document| self.judge(document)).collect();
        if !violations.is_empty() {
            return Err(violated(violations));
        }
        Ok(Translation { documents, traces: run.traces })
    }

    fn run<'a>(&'a self, context: &'a Context<'a>) -> apply::Run<'a> {
        apply::Run { body: &self.body, context, violations: Vec::new(), traces: Vec::new(), seen: None }
    }

    /// The codes that translating this document looks up, as `list code`: for coverage.
    fn codes_in(&self, source: &Value, found: &mut BTreeSet<String>) {
        let context = Context::default();
        let mut run = self.run(&context);
        run.seen = Some(BTreeSet::new());
        let source = apply::open(&self.body, source, &mut run.violations);
        run.documents(Source::Json(&source));
        found.extend(run.seen.unwrap_or_default());
    }

    /// The result against its contract, but for what the conversation will fill in.
    fn judge(&self, document: &Value) -> Vec<Violation> {
        let mut violations = self.target.check(document);
        violations.retain(|violation| {
            !(violation.rule == "required" && self.body.filled.contains(&without_indexes(&violation.path)))
        });
        for violation in &mut violations {
            violation.blame = crate::fault::Blame::Gateway;
        }
        violations
    }

    /// A finished document against the whole target contract: nothing is exempt any more once the conversation
    /// has filled in its part.
    pub fn judge_finished(&self, document: &Value) -> Vec<Violation> {
        let violations = self.target.check(document).into_iter();
        violations
            .map(|violation| Violation::ours(violation.path, violation.rule, violation.detail))
            .collect()
    }

    /// The text of a document in the notation of the target.
    pub fn write(&self, document: &Value) -> Result<Vec<u8>, Fault> {
        self.target.write(document)
    }

    /// A translated document as whoever speaks with the peer gets it: a tree where it is JSON, its text where it is XML, because only the
    /// contract knows the order and the namespaces of its elements.
    pub fn for_the_peer(&self, document: Value) -> Result<Value, Fault> {
        if self.target.notation() == Notation::Json {
            return Ok(document);
        }
        let text = String::from_utf8(self.write(&document)?);
        // What is written from texts is a text.
        Ok(Value::String(text.unwrap_or_default()))
    }

    /// Does it make several documents of one?
    pub fn fans_out(&self) -> bool {
        self.body.fan_out.is_some()
    }

    /// Are there fields that do not count when two documents are compared?
    pub fn has_volatile(&self) -> bool {
        !self.body.volatile.is_empty()
    }

    /// A document without the fields that do not count when two are compared.
    pub fn comparable(&self, document: &Value) -> Value {
        let mut document = document.clone();
        for path in &self.body.volatile {
            if let Some((last, way)) = path.split_last() {
                apply::each_at(&mut document, way, String::new(), &mut |value, _| {
                    if let Some(fields) = value.as_object_mut() {
                        fields.shift_remove(last);
                    }
                });
            }
        }
        document
    }

    /// What of both contracts this mapping uses.
    pub fn coverage(&self) -> Coverage {
        Coverage::of(self)
    }
}

/// `TaiLieuNop[2].Ten` is `TaiLieuNop.Ten`.
fn without_indexes(path: &str) -> String {
    let mut plain = String::with_capacity(path.len());
    let mut inside = false;
    for c in path.chars() {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            c if !inside => plain.push(c),
            _ => {}
        }
    }
    plain.trim_start_matches('.').to_owned()
}
