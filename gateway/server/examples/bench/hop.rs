//! One hop (bytes in → canonical document, both schemas checked) beside what its parts cost at the least.
//!
//! The documents are the cases that stand beside the real mappings, grown by papers, fees and notes to about 1, 10 and
//! 100 KB. The limits read the same bytes: bare `serde_json` (parse and serialize), bare `xsd-schema` validation, bare
//! `quick-xml` events. The JSON hop ends with its canonical document written out, as its limit does; the XML hop ends with
//! the canonical document in hand, as its limit writes nothing either.

use std::hint::black_box;
use std::time::{Duration, Instant};

use gateway_core::schema::{Contracts, Notation};
use gateway_core::translator::{Context, Plan, Translator};
use serde_json::{Value, json};
use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};
use xsd_schema::{SchemaSet, SchemaSetBuilder};

/// A mapping's files: paths below `schemas/` and `mappings/` to bytes.
pub type Room = std::collections::BTreeMap<String, Vec<u8>>;

const JSON: &str = "onestop/relay/in-dossier-recorded";
const XML: &str = "onestop/xml/in-dossier-recorded";
const XSD: &str = "onestop/xml/hoso.xsd";
/// A dossier of everyday, and one with every list and most fields.
const PLAIN: &str = "onestop/relay/in-dossier-recorded.cases/01-plain.in.json";
const FULL: &str = "onestop/relay/in-dossier-recorded.cases/02-full.in.json";

/// How long one figure is measured.
#[derive(Clone, Copy)]
pub struct Effort {
    pub round: Duration,
    pub rounds: u32,
}

/// One line: calls in a second of the hop and of its limits.
pub struct Figure {
    pub bytes: usize,
    pub hop: f64,
    /// Bare validation for XML, bare parse and serialize for JSON.
    pub limit: f64,
    /// Bare events; XML only.
    pub events: Option<f64>,
}

/// Everything that both sides of the comparison need, built once.
pub struct Track {
    translator: Translator,
    set: SchemaSet,
    plain: Value,
    full: Value,
}

impl Track {
    pub fn new(schemas: &Room, mappings: &Room) -> Track {
        let contracts = Contracts::compile(schemas).unwrap_or_else(|defects| panic!("{defects:#?}"));
        let translator =
            Translator::compile(mappings, &contracts).unwrap_or_else(|defects| panic!("{defects:#?}"));
        let xsd = std::str::from_utf8(&schemas[XSD]).expect("the schema is UTF-8");
        let compiled = SchemaSetBuilder::new().add_source(xsd, XSD).and_then(SchemaSetBuilder::compile);
        let set = compiled.expect("the schema compiles").into_schema_set();
        let case = |name: &str| serde_json::from_slice(&mappings[name]).expect("the case is JSON");
        Track { translator, set, plain: case(PLAIN), full: case(FULL) }
    }

    fn plan(&self, notation: Notation) -> &Plan {
        let name = if notation == Notation::Json { JSON } else { XML };
        self.translator.plan(name).expect("the mapping is there")
    }

    /// A dossier of about so many bytes.
    pub fn document(&self, notation: Notation, bytes: usize) -> Vec<u8> {
        let plan = self.plan(notation);
        let write = |document: &Value| plan.source().write(document).expect("the grown case can be written");
        let prepared = |case: &Value| {
            let mut document = case.clone();
            if notation == Notation::Xml {
                texts(&mut document);
            }
            document
        };
        let mut document = prepared(&self.full);
        if write(&document).len() > bytes {
            document = prepared(&self.plain);
        }
        let (paper, fee) = (prepared(&self.full["TaiLieuNop"][0]), prepared(&self.full["DanhSachLePhi"][0]));
        let mut length = write(&document).len();
        for number in 0.. {
            let (list, mut grown) =
                if number % 4 == 3 { ("DanhSachLePhi", fee.clone()) } else { ("TaiLieuNop", paper.clone()) };
            if number % 4 == 0 {
                let note = document["GhiChu"].as_str().unwrap_or_default();
                document["GhiChu"] = Value::String(shortened(note, " Bổ sung bản sao có chứng thực."));
            }
            grown[if list == "TaiLieuNop" { "TepDinhKemId" } else { "MaPhiLePhi" }] =
                json!(format!("9{number:05}"));
            match document.get_mut(list).and_then(Value::as_array_mut) {
                Some(elements) => elements.push(grown),
                None => document[list] = json!([grown]),
            }
            let longer = write(&document).len();
            // The next one would be too many.
            if longer + (longer - length) > bytes {
                break;
            }
            length = longer;
        }
        // The rest is words: half of them by bytes are letters beyond ASCII, as in every Vietnamese note.
        let note = document["GhiChu"].as_str().unwrap_or_default().to_owned();
        let missing = bytes.saturating_sub(write(&document).len()) * 3 / 4;
        let more: String = "Đề nghị bổ sung giấy tờ. ".chars().cycle().take(missing).collect();
        document["GhiChu"] = Value::String(shortened(&note, &more));
        write(&document)
    }

    /// Measures one notation at one size.
    pub fn measure(&self, notation: Notation, bytes: usize, effort: Effort) -> Figure {
        let text = self.document(notation, bytes);
        let validator = SchemaValidator::new(&self.set, ValidationFlags::empty());
        // In turns, so that what else the machine does meets all of them alike.
        let (mut hop, mut limit, mut events) = (0.0_f64, 0.0_f64, 0.0_f64);
        for _ in 0..effort.rounds {
            limit = limit.max(rate(effort.round, || self.limit(notation, &validator, &text)));
            hop = hop.max(rate(effort.round, || self.hop(notation, &text)));
            if notation == Notation::Xml {
                events = events.max(rate(effort.round, || read_events(&text)));
            }
        }
        let events = (notation == Notation::Xml).then_some(events);
        Figure { bytes: text.len(), hop, limit, events }
    }

    /// The canonical form of a dossier.
    pub fn canonical(&self, dossier: &Value) -> Value {
        let translation = self.plan(Notation::Json).translate(dossier, &Context::default());
        translation.expect("a right result").documents.remove(0)
    }

    /// Runs one side in a loop, for a profiler.
    pub fn spin(&self, notation: Notation, bytes: usize, side: &str, times: u32) {
        let text = self.document(notation, bytes);
        let validator = SchemaValidator::new(&self.set, ValidationFlags::empty());
        (0..times).for_each(|_| match side {
            "hop" => self.hop(notation, &text),
            "read" => _ = black_box(self.plan(notation).source().read(&text)),
            _ => self.limit(notation, &validator, &text),
        });
    }

    fn hop(&self, notation: Notation, text: &[u8]) {
        let plan = self.plan(notation);
        let context = Context::default();
        if notation == Notation::Xml {
            _ = black_box(plan.translate_xml(text, &context).expect("a right document"));
            return;
        }
        let source = plan.source().read(text).expect("a right document");
        let translation = plan.translate(&source, &context).expect("a right result");
        black_box(plan.write(&translation.documents[0]).expect("JSON"));
    }

    fn limit(&self, notation: Notation, validator: &SchemaValidator<'_>, text: &[u8]) {
        if notation == Notation::Json {
            let value: Value = serde_json::from_slice(text).expect("our own text");
            black_box(serde_json::to_vec(&value).expect("our own value"));
            return;
        }
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let sink = CollectingValidationSink { errors: &mut errors, warnings: &mut warnings };
        let mut runtime = validator.start_run(sink);
        drive_quick_xml(text, &mut runtime, &self.set).expect("well-formed");
        drop(runtime);
        assert!(errors.is_empty(), "{errors:?}");
    }
}

fn read_events(text: &[u8]) {
    let mut reader = quick_xml::Reader::from_reader(text);
    loop {
        match reader.read_event().expect("well-formed") {
            quick_xml::events::Event::Eof => return,
            event => _ = black_box(event),
        }
    }
}

/// Every scalar as the text that XML carries.
fn texts(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(texts),
        Value::Object(fields) => fields.values_mut().for_each(texts),
        Value::String(_) => {}
        scalar => *scalar = Value::String(scalar.to_string()),
    }
}

/// A note that grows, within what its contract allows.
fn shortened(note: &str, more: &str) -> String {
    format!("{note}{more}").chars().take(1500).collect()
}

/// Calls in a second of processor time: on a busy machine the clock on the wall measures the neighbours.
fn rate(round: Duration, mut call: impl FnMut()) -> f64 {
    let (start, worked, mut calls) = (Instant::now(), on_processor(), 0_u32);
    while start.elapsed() < round {
        (0..20).for_each(|_| call());
        calls += 20;
    }
    f64::from(calls) / (on_processor() - worked).as_secs_f64()
}

/// How long this thread has run, as the kernel counts it.
fn on_processor() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts");
    let nanos = counted.split(' ').next().and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds"))
}
