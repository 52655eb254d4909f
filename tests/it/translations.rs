//! Properties of the real mappings on made-up documents: whatever the notation, the same is meant; nothing panics; nothing changes
//! its kind. The cases beside the mappings show what is right; here is shown what is always so.

use std::collections::BTreeMap;

use conformance::fields::{self, DOSSIER, Field, Holds, STEP};
use gateway_core::translator::{Context, Plan, Translation};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization as _;

use crate::contracts::RULES;

fn settings(cases: u32) -> ProptestConfig {
    // Failures belong into a case file beside the mapping, not into a file of this tool.
    ProptestConfig { failure_persistence: None, max_shrink_iters: 400, ..ProptestConfig::with_cases(cases) }
}

/// What people write: Vietnamese in both Unicode forms, marks that XML must escape, blanks inside.
fn text() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "Nguyễn",
        "Văn",
        "Thử",
        "Đường",
        "01",
        "1.0",
        "true",
        "<b>",
        "&amp;",
        "\"",
        "'",
        "ỹ",
        "a-b",
        "😀",
        "]]",
        "ﬁ",
        "nul",
        "2026",
        "…",
        "\u{a0}x",
    ]);
    let words = prop::collection::vec(words, 1..5).prop_map(|words| words.join(" "));
    (words, any::<bool>()).prop_map(|(text, apart)| if apart { text.nfd().collect() } else { text })
}

fn one(holds: Holds) -> BoxedStrategy<Value> {
    match holds {
        Holds::Text => {
            prop_oneof![4 => text().prop_map(Value::from), 1 => (0..100_000u32).prop_map(Value::from)].boxed()
        }
        Holds::Short(most) => {
            text().prop_map(move |text| json!(text.chars().take(most).collect::<String>().trim())).boxed()
        }
        Holds::Date => prop_oneof![
            Just(json!("20260310083005")),
            Just(json!("2026-03-10T08:30:05+07:00")),
            Just(json!("2026-03-10T01:30:05.000Z")),
            Just(json!("10/03/2026 08:30:05")),
        ]
        .boxed(),
        Holds::Code(codes) => prop::sample::select(codes).prop_map(|code| json!(code)).boxed(),
        Holds::Number => (0..1000u32).prop_map(Value::from).boxed(),
        Holds::Truth => any::<bool>().prop_map(Value::from).boxed(),
        Holds::List(inside) => prop::collection::vec(object(inside), 0..4).prop_map(Value::from).boxed(),
    }
}

/// A document of these fields: the required ones always, the others present, absent, null or empty.
fn object(fields: &'static [Field]) -> BoxedStrategy<Value> {
    let fields: Vec<BoxedStrategy<Option<(&'static str, Value)>>> = fields
        .iter()
        .map(|field| {
            let there = one(field.holds).prop_map(move |value| Some((field.name, value)));
            // An id that is a number stays one in JSON and cannot be one in XML; `contracts` looks at that field.
            let there = match field.name {
                "HoSoBoSungId" => text().prop_map(move |text| Some((field.name, json!(text)))).boxed(),
                "MaHoSo" | "MaTTHC" => "[A-Z][0-9]{2}\\.[0-9]{2}-[0-9]{4}"
                    .prop_map(move |code| Some((field.name, json!(code))))
                    .boxed(),
                _ => there.boxed(),
            };
            let list = matches!(field.holds, Holds::List(_));
            let nothing = if list { Value::Null } else { json!("") };
            match field.required {
                true => there,
                false => prop_oneof![
                    5 => there,
                    1 => Just(None),
                    1 => Just(Some((field.name, Value::Null))),
                    1 => Just(Some((field.name, nothing))),
                ]
                .boxed(),
            }
        })
        .collect();
    fields
        .prop_map(|fields| {
            let fields = fields.into_iter().flatten().map(|(name, value)| (name.to_owned(), value));
            Value::Object(fields.collect::<Map<String, Value>>())
        })
        .boxed()
}

fn plan(name: &str) -> &'static Plan {
    RULES.translator.plan(name).expect("the mapping is there")
}

fn translated(plan: &Plan, document: &Value) -> Translation {
    let violations = plan.source().check(document);
    assert!(violations.is_empty(), "{violations:?}");
    plan.translate(document, &Context::default()).unwrap_or_else(|fault| panic!("{fault}"))
}

fn read(plan: &Plan, xml: &str) -> Value {
    plan.source().read_xml(xml.as_bytes()).unwrap_or_else(|fault| panic!("{fault}\n{xml}"))
}

/// A list without elements is no list in XML; in JSON it may be said, and an object may hold nothing but such lists. All mean the same.
fn without_empty_lists(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let says = |value: &Value| match value {
                Value::Array(items) => !items.is_empty(),
                Value::Object(fields) => !fields.is_empty(),
                _ => true,
            };
            // From the inside out: an object may be empty only once its empty lists are gone.
            let inner = fields.iter().map(|(name, value)| (name.clone(), without_empty_lists(value)));
            Value::Object(inner.filter(|(_, value)| says(value)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(without_empty_lists).collect()),
        other => other.clone(),
    }
}

/// Every value with its place, lists by position.
fn leaves(value: &Value, place: String, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| leaves(value, format!("{place}.{name}"), found))
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| leaves(item, format!("{place}[{index}]"), found));
        }
        other => _ = found.insert(place, other.clone()),
    }
}

fn same_in_both_notations(json: &Value, names: [&str; 2], frame: [&str; 2]) -> Result<(), TestCaseError> {
    let (relay, xml) = (plan(names[0]), plan(names[1]));
    let from_json = translated(relay, json);
    let from_xml = translated(xml, &read(xml, &fields::to_xml(frame[0], frame[1], json)));
    prop_assert_eq!(
        without_empty_lists(&from_json.documents[0]),
        without_empty_lists(&from_xml.documents[0])
    );
    prop_assert_eq!(&from_json, &translated(relay, json), "the same again");

    let mut values = BTreeMap::new();
    leaves(&from_json.documents[0], String::new(), &mut values);
    for (place, value) in &values {
        prop_assert!(value.is_string(), "{} is {} and no text any more", place, value);
        let text = value.as_str().unwrap_or_default();
        prop_assert_eq!(text.nfc().collect::<String>(), text, "{} is not NFC", place);
        prop_assert!(!text.is_empty(), "{} is empty", place);
    }
    Ok(())
}

proptest! {
    #![proptest_config(settings(128))]

    #[test]
    fn a_dossier_means_the_same_as_json_and_as_xml(document in object(DOSSIER)) {
        let names = ["onestop/relay/in-dossier-recorded", "onestop/xml/in-dossier-recorded"];
        same_in_both_notations(&document, names, ["DongBoHoSoMC", "HoSo"])?;
        // Lists keep their length: one element stays a list of one.
        let canonical = &translated(plan(names[0]), &document).documents[0];
        for (wire, ours) in [("TaiLieuNop", "papers"), ("DanhSachLePhi", "fees"), ("DanhSachHoSoBoSung", "supplements")] {
            let count = |value: &Value| value.as_array().map_or(0, Vec::len);
            prop_assert_eq!(count(&document[wire]), count(&canonical[ours]), "{}", wire);
        }
    }

    #[test]
    fn what_came_in_by_any_notation_goes_out_or_is_held_for_a_reason(document in object(DOSSIER)) {
        let canonical = translated(plan("onestop/relay/in-dossier-recorded"), &document).documents.remove(0);
        let out = plan("portal/out-dossier-recorded");
        if let Err(fault) = out.translate(&canonical, &Context::default()) {
            prop_assert!(!fault.violations.is_empty(), "{}", fault);
        }
    }
}

proptest! {
    #![proptest_config(settings(256))]

    #[test]
    fn a_step_means_the_same_as_json_and_as_xml(document in object(STEP)) {
        let names = ["onestop/relay/in-dossier-progressed", "onestop/xml/in-dossier-progressed"];
        same_in_both_notations(&document, names, ["CapNhatTienDoHoSoMC", "TienDo"])?;
    }
}

/// Any JSON, often with names that the contracts know.
fn any_json() -> impl Strategy<Value = Value> {
    let names: Vec<&'static str> = DOSSIER
        .iter()
        .chain(STEP)
        .map(|field| field.name)
        .chain([
            "dossier",
            "code",
            "status",
            "papers",
            "supplements",
            "at",
            "procedure",
            "dueAt",
            "applicant",
        ])
        .collect();
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        text().prop_map(Value::from),
        Just(json!("20260310083005")),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let name = prop_oneof![prop::sample::select(names.clone()).prop_map(str::to_owned), "[a-z]{0,4}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #![proptest_config(settings(128))]

    #[test]
    fn no_document_makes_a_mapping_panic(document in any_json()) {
        for (_, plan) in RULES.translator.plans() {
            let _ = plan.source().check(&document);
            // Past the check as well: nothing in the walk may trust it.
            if let Ok(translation) = plan.translate(&document, &Context::default()) {
                prop_assert_eq!(plan.translate(&document, &Context::default()), Ok(translation));
            }
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        let xml = fields::to_xml("DongBoHoSoMC", "HoSo", &json!({"MaHoSo": "x", "MaTTHC": "1", "TrangThaiHoSo": "1"})).into_bytes();
        let mut spoilt = xml.clone();
        let at = cut.index(xml.len());
        spoilt.splice(at..(at + bytes.len() / 20).min(xml.len()), bytes.iter().copied().take(10));
        for (_, plan) in RULES.translator.plans() {
            for bytes in [&bytes, &spoilt, &xml[..at].to_vec()] {
                if let Ok(document) = plan.source().read(bytes) {
                    let _ = plan.translate(&document, &Context::default());
                }
            }
        }
    }
}
