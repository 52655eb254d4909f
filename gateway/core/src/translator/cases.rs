//! The cases beside a mapping: what goes in, what must come out, what must be refused.
//!
//! Pure: takes the files of `mappings/`, gives results and the texts that `UPDATE=1` would write. A mapping without
//! cases, or with none that is refused, is itself a failure. The same runner serves `lienthong test` and `cargo test`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::coverage::{Coverage, Hits};
use super::{Context, Plan, Translation, Translator};
use crate::fault::Fault;
use crate::schema::Notation;

/// What all cases have shown.
#[derive(Debug, Default)]
pub struct CaseReport {
    /// One for each case, and one for each mapping that lacks cases.
    pub results: Vec<CaseResult>,
    /// Static coverage of each mapping with what its cases have hit.
    pub coverage: Vec<Coverage>,
}

/// One case.
#[derive(Debug)]
pub struct CaseResult {
    /// `mappings/portal/out-dossier-recorded.cases/01-plain`.
    pub name: String,
    /// What differs, for people; `None` when it passed.
    pub failure: Option<String>,
    /// Path below `mappings/` and text of the expectations as they came out; the empty text means the file goes.
    pub updates: Vec<(String, Vec<u8>)>,
}

impl CaseReport {
    /// Whether every case passed.
    pub fn passed(&self) -> bool {
        self.results.iter().all(|result| result.failure.is_none())
    }

    /// The results that are failures.
    pub fn failures(&self) -> impl Iterator<Item = &CaseResult> {
        self.results.iter().filter(|result| result.failure.is_some())
    }
}

/// Runs every case in `files` (path below `mappings/` to bytes).
pub fn run_cases(files: &BTreeMap<String, Vec<u8>>, translator: &Translator) -> CaseReport {
    let mut report = CaseReport::default();
    for (name, plan) in translator.plans() {
        let folder = format!("{name}.cases/");
        let inputs: Vec<(&String, &Vec<u8>)> = files
            .range(folder.clone()..)
            .take_while(|(path, _)| path.starts_with(&folder))
            .filter(|(path, _)| path.ends_with(".in.json") || path.ends_with(".in.xml"))
            .collect();
        let mut hits = Hits::default();
        let mut refused = 0;
        for (path, bytes) in &inputs {
            let case = Case::new(path, bytes, plan, files);
            refused += usize::from(case.outcome.is_err());
            case.note(plan, &mut hits);
            report.results.push(case.result());
        }
        if refused == 0 {
            let failure = match inputs.len() {
                0 => "has no cases",
                _ => "has no case that is refused: at least one must show what is not accepted",
            };
            report.results.push(CaseResult {
                name: format!("mappings/{name}.yaml"),
                failure: Some(failure.to_owned()),
                updates: Vec::new(),
            });
        }
        let mut coverage = plan.coverage();
        missed(translator, &coverage.code_lists, &mut hits);
        coverage.hit = hits;
        report.coverage.push(coverage);
    }
    orphans(files, translator, &mut report);
    report
}

/// Cases that no mapping claims would pass unseen.
fn orphans(files: &BTreeMap<String, Vec<u8>>, translator: &Translator, report: &mut CaseReport) {
    let folders: BTreeSet<&str> =
        files.keys().filter_map(|path| path.split_once(".cases/").map(|(name, _)| name)).collect();
    for name in folders.into_iter().filter(|name| translator.plan(name).is_none()) {
        report.results.push(CaseResult {
            name: format!("mappings/{name}.cases"),
            failure: Some("has no mapping beside it".to_owned()),
            updates: Vec::new(),
        });
    }
}

fn missed(translator: &Translator, lists: &[String], hits: &mut Hits) {
    for name in lists {
        for code in translator.code_list(name).map(super::CodeList::codes).unwrap_or_default() {
            let said = format!("{name} {code}");
            if !hits.codes.contains(&said) {
                hits.codes_missed.insert(said);
            }
        }
    }
}

struct Case<'a> {
    stem: &'a str,
    source: Option<Value>,
    outcome: Result<Written, Fault>,
    files: &'a BTreeMap<String, Vec<u8>>,
    ending: &'static str,
}

/// What came out, as the files hold it.
struct Written {
    translation: Translation,
    text: Vec<u8>,
    traces: String,
}

impl<'a> Case<'a> {
    fn new(path: &'a str, bytes: &[u8], plan: &Plan, files: &'a BTreeMap<String, Vec<u8>>) -> Case<'a> {
        let stem = path.rsplit_once(".in.").map_or(path, |(stem, _)| stem);
        let read = plan.source().read(bytes);
        let source = read.as_ref().ok().cloned();
        let outcome = read
            .and_then(|source| plan.translate(&source, &Context::default()))
            .and_then(|translation| written(plan, translation));
        let ending = match plan.target().notation() {
            Notation::Json => ".out.json",
            Notation::Xml => ".out.xml",
        };
        Case { stem, source, outcome, files, ending }
    }

    fn expected(&self, ending: &str) -> Option<&'a Vec<u8>> {
        self.files.get(&format!("{}{ending}", self.stem))
    }

    fn result(self) -> CaseResult {
        let fault = self.expected(".fault");
        let out = self.expected(self.ending);
        let trace = self.expected(".trace");
        let mut failure = String::new();
        let mut updates = Vec::new();
        let mut update =
            |ending: &str, bytes: Vec<u8>| updates.push((format!("{}{ending}", self.stem), bytes));
        match &self.outcome {
            Ok(written) => {
                if fault.is_some() {
                    failure.push_str("was to be refused, but came through\n");
                    update(".fault", Vec::new());
                }
                if out.is_none_or(|out| !same(out, &written.text, self.ending)) {
                    differ(&mut failure, self.ending, out, &written.text);
                    update(self.ending, written.text.clone());
                }
                // A trace that nobody wrote down is no failure, but UPDATE writes it.
                let expected = trace.map(|trace| trimmed(trace)).unwrap_or_default();
                if expected != written.traces.trim() {
                    if trace.is_some() {
                        differ(&mut failure, ".trace", trace, written.traces.as_bytes());
                    }
                    update(".trace", written.traces.clone().into_bytes());
                }
            }
            Err(refused) => {
                let said = lines(refused);
                if out.is_some() {
                    let _ = writeln!(failure, "was to come through, but was refused: {refused}");
                    update(self.ending, Vec::new());
                }
                if fault.is_none_or(|fault| sorted(&trimmed(fault)) != sorted(&said)) {
                    differ(&mut failure, ".fault", fault, said.as_bytes());
                    update(".fault", said.into_bytes());
                }
            }
        }
        CaseResult {
            name: format!("mappings/{}", self.stem),
            failure: (!failure.is_empty()).then_some(failure),
            updates,
        }
    }

    fn note(&self, plan: &Plan, hits: &mut Hits) {
        if let Some(source) = &self.source {
            leaves(source, "", &mut hits.source);
        }
        if let Ok(written) = &self.outcome {
            written.translation.documents.iter().for_each(|document| leaves(document, "", &mut hits.target));
        }
        if let Some(source) = &self.source {
            plan.codes_in(source, &mut hits.codes);
        }
    }
}

/// Several documents are written as a list in JSON; in XML one after the other, a line each.
fn written(plan: &Plan, translation: Translation) -> Result<Written, Fault> {
    let text = match plan.target().notation() {
        Notation::Json => {
            let value = match translation.documents.as_slice() {
                [one] => one.clone(),
                several => Value::Array(several.to_vec()),
            };
            let mut text = serde_json::to_vec_pretty(&value).unwrap_or_default();
            text.push(b'\n');
            text
        }
        Notation::Xml => {
            let mut text = Vec::new();
            for document in &translation.documents {
                text.extend(plan.write(document)?);
                text.push(b'\n');
            }
            text
        }
    };
    let mut traces = String::new();
    for trace in &translation.traces {
        let _ = writeln!(traces, "{} {}", trace.target, trace.rule);
    }
    Ok(Written { translation, text, traces })
}

/// A fault as its file holds it: a line for each violation; the code where it has none.
fn lines(fault: &Fault) -> String {
    if fault.violations.is_empty() {
        return format!("{}\n", fault.code);
    }
    let lines = fault.violations.iter().map(|v| match v.path.as_str() {
        "" => format!("{}\n", v.rule),
        path => format!("{path} {}\n", v.rule),
    });
    lines.collect()
}

fn trimmed(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\r', "").trim().to_owned()
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines
}

/// JSON is compared by value, its layout is nobody's business; XML by text.
fn same(expected: &[u8], found: &[u8], ending: &str) -> bool {
    if ending == ".out.json" {
        let read = |bytes| serde_json::from_slice::<Value>(bytes).ok();
        return read(expected).is_some() && read(expected) == read(found);
    }
    trimmed(expected) == trimmed(found)
}

/// The lines that differ, in the order of the files.
fn differ(failure: &mut String, ending: &str, expected: Option<&Vec<u8>>, found: &[u8]) {
    let Some(expected) = expected else {
        let _ = writeln!(failure, "has no {ending}; came out:\n{}", trimmed(found));
        return;
    };
    let (expected, found) = (pretty(expected), pretty(found));
    let _ = writeln!(failure, "{ending} differs (- expected, + came out):");
    for line in expected.lines().filter(|line| !found.lines().any(|other| other == *line)) {
        let _ = writeln!(failure, "  - {}", line.trim());
    }
    for line in found.lines().filter(|line| !expected.lines().any(|other| other == *line)) {
        let _ = writeln!(failure, "  + {}", line.trim());
    }
}

fn pretty(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_default(),
        Err(_) => trimmed(bytes).replace("><", ">\n<"),
    }
}

fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(value, &super::apply::within(path, name), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, &format!("{path}[]"), found)),
        Value::Null => {}
        _ => _ = found.insert(path.to_owned()),
    }
}
