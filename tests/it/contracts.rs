//! The contracts against judges that are not ours: `xmllint` for XSD, the meta schema for JSON Schema; and every field of the
//! portal's tables on its whole way, with nothing lost and nothing changed.

mod mutants;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use conformance::fields::{self, DOSSIER, Field, Holds, STEP};
use gateway_core::schema::Contract;
use gateway_core::translator::Context;
use lienthong::files::Files;
use lienthong::rules::Rules;
use serde_json::{Value, json};

pub(crate) static RULES: LazyLock<Rules> = LazyLock::new(|| match Rules::compile(&Files::built_in()) {
    Ok(rules) => rules,
    Err(defects) => panic!("{defects:#?}"),
});

/// Mutants that are compared with `xmllint`, for each schema.
const MUTANTS: usize = 400;

const XSD: &str = "onestop/xml/hoso.xsd";

/// Each schema with the folder of the cases that are documents of it.
const SCHEMAS: [(&str, &str); 2] =
    [(XSD, "onestop/xml/"), ("population/soap/cong-dan.xsd", "population/soap/")];

/// Every XML document of the cases in a folder: name and text.
fn documents(folder: &str) -> Vec<(String, String)> {
    let mut files = Files::built_in().mappings;
    files.retain(|path, _| path.starts_with(folder) && path.ends_with(".xml"));
    let files = files.into_iter();
    files.map(|(path, bytes)| (path, String::from_utf8(bytes).expect("a case is UTF-8"))).collect()
}

/// Our verdict, by the contract of the root that the document has.
fn ours(xsd: &str, text: &str) -> Result<(), String> {
    let root = text
        .split('<')
        .map(|part| part.trim_start_matches('/'))
        .find(|part| part.starts_with(|c: char| c.is_alphabetic()))
        .and_then(|part| part.split(|c: char| c.is_whitespace() || "/>".contains(c)).next())
        .unwrap_or_default();
    let contract: std::sync::Arc<Contract> =
        RULES.contracts.find(&format!("{xsd}#{root}")).map_err(|(message, _)| message)?;
    contract.read_xml(text.as_bytes()).map(drop).map_err(|fault| fault.to_string())
}

/// The verdicts of `xmllint` on files of a folder, in the order of their names.
fn theirs(xsd: &str, folder: &Path, names: &[String]) -> Vec<bool> {
    let schema = conformance::tree().join("schemas").join(xsd).canonicalize().expect("the schema is there");
    let output = Command::new("xmllint")
        .args(["--nonet", "--noout", "--schema"])
        .arg(schema)
        .args(names)
        .current_dir(folder)
        .output()
        .expect("xmllint starts");
    let said = String::from_utf8_lossy(&output.stderr);
    let valid: BTreeSet<&str> = said.lines().filter_map(|line| line.strip_suffix(" validates")).collect();
    let judged =
        said.lines().filter(|line| line.ends_with(" validates") || line.ends_with(" fails to validate"));
    let unread = said.lines().filter(|line| line.contains("parser error")).count();
    assert!(judged.count() + unread >= names.len(), "xmllint did not judge every document:\n{said}");
    names.iter().map(|name| valid.contains(name.as_str())).collect()
}

/// Documents that the two judge differently, by what was done to them, with the reason.
const DIFFERENT: &[(&str, &str)] = &[];

#[test]
fn our_verdicts_on_xml_are_those_of_xmllint() {
    if Command::new("xmllint").arg("--version").output().is_err() {
        eprintln!("SKIPPED: xmllint is not installed (Debian: libxml2-utils; ops/test installs it)");
        return;
    }
    let mut excused = BTreeSet::new();
    for (xsd, folder) in SCHEMAS {
        let mut all = documents(folder);
        assert!(all.len() > 5, "{folder}: the cases were not found");
        all.extend(mutants::of(&all, MUTANTS));
        let place = tempfile::tempdir().expect("a temporary folder");
        let names: Vec<String> = (0..all.len()).map(|index| format!("{index:04}.xml")).collect();
        for (name, (_, text)) in names.iter().zip(&all) {
            std::fs::write(place.path().join(name), text).expect("a file");
        }
        let (mut wrong, mut valid) = (Vec::new(), 0);
        for ((what, text), theirs) in all.iter().zip(theirs(xsd, place.path(), &names)) {
            let ours = ours(xsd, text);
            valid += usize::from(theirs);
            if ours.is_ok() != theirs {
                match DIFFERENT.iter().find(|(mark, _)| what.contains(mark)) {
                    Some((mark, _)) => _ = excused.insert(*mark),
                    None => wrong.push(format!("{what}: xmllint says {theirs}, we say {ours:?}")),
                }
            }
        }
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), all.len(), wrong.join("\n"));
        // Neither all right nor all wrong: the mutations mean something.
        assert!(valid > 20 && all.len() - valid > 100, "{valid} of {} are valid", all.len());
    }
    for (mark, reason) in DIFFERENT {
        assert!(excused.contains(mark), "{mark}: the excuse («{reason}») is stale => take it off the list");
    }
}

/// Damaged documents that both drivers read.
const DAMAGED: usize = 3_000;

#[test]
fn the_short_way_through_xml_says_what_the_long_way_says() {
    let all = documents("onestop/xml/");
    let mut documents = all.clone();
    documents.extend(mutants::of(&all, MUTANTS));
    documents.extend(mutants::damaged(&all, DAMAGED));
    let contracts: Vec<_> = ["DongBoHoSoMC", "CapNhatTienDoHoSoMC", "DongBoTrangThaiHoSo"]
        .iter()
        .map(|root| RULES.contracts.get(&format!("{XSD}#{root}")).expect("the contract is there"))
        .collect();
    let (mut right, mut violated) = (0, 0);
    for (what, text) in &documents {
        // A comment behind the root changes nothing but that the document is not plain any more.
        let long = format!("{text}<!-- -->");
        for contract in &contracts {
            match (contract.read_xml(text.as_bytes()), contract.read_xml(long.as_bytes())) {
                (Ok(short), Ok(long)) => {
                    assert_eq!(short, long, "{what}:\n{text}");
                    right += 1;
                }
                (Err(short), Err(long)) => {
                    assert_eq!(short.violations, long.violations, "{what}:\n{text}");
                    violated += usize::from(!short.violations.is_empty());
                }
                (short, long) => panic!("{what}: {short:?}, but {long:?}:\n{text}"),
            }
        }
    }
    assert!(right > 300 && violated > 500, "{right} right, {violated} violated");
}

fn json_schemas() -> Vec<(String, Value)> {
    let files = Files::built_in().schemas.into_iter().filter(|(path, _)| path.ends_with(".json"));
    files.map(|(path, bytes)| (path, serde_json::from_slice(&bytes).expect("a schema is JSON"))).collect()
}

#[test]
fn every_json_schema_is_one() {
    let schemas = json_schemas();
    assert!(schemas.len() > 5, "the schemas were not found");
    for (path, schema) in schemas {
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{path}: names its language"
        );
        if let Err(error) = jsonschema::meta::validate(&schema) {
            panic!("{path}: {error}");
        }
    }
}

/// The library by itself, without our reading of its findings, on everything that the cases bring out.
#[test]
fn what_comes_out_of_the_cases_is_what_the_contracts_say() {
    let files = Files::built_in();
    let mut judged = 0;
    for (name, plan) in RULES.translator.plans() {
        let schema = files.schemas.get(&format!("{}.schema.json", plan.target().name()));
        let Some(schema) = schema else { continue };
        let schema: Value = serde_json::from_slice(schema).expect("a schema is JSON");
        let validator = jsonschema::validator_for(&schema).expect("a schema that compiles");
        let cases = files
            .mappings
            .iter()
            .filter(|(path, _)| path.starts_with(&format!("{name}.cases/")) && path.ends_with(".out.json"));
        for (path, bytes) in cases {
            let document: Value = serde_json::from_slice(bytes).expect("an expectation is JSON");
            // A mapping that fans out gives several.
            for document in document.as_array().map_or(std::slice::from_ref(&document), Vec::as_slice) {
                assert!(validator.is_valid(document), "{path}: {:?}", validator.validate(document).err());
                judged += 1;
            }
        }
    }
    assert!(judged > 30, "only {judged} documents were judged");
}

/// The object that a schema describes, or an element of the list that it describes.
fn described<'a>(schema: &'a Value, node: &'a Value) -> &'a Value {
    let node = match node.get("$ref").and_then(Value::as_str) {
        Some(reference) => {
            schema.pointer(reference.trim_start_matches('#')).expect("a reference leads somewhere")
        }
        None => node,
    };
    match node.get("items") {
        Some(items) => described(schema, items),
        None => node,
    }
}

fn missing(schema: &Value, node: &Value, fields: &[Field], place: &str, found: &mut Vec<String>) {
    let properties = &described(schema, node)["properties"];
    for field in fields {
        match (&properties[field.name], field.holds) {
            (Value::Null, _) => found.push(format!("{place}.{}", field.name)),
            (inner, Holds::List(inside)) => {
                missing(schema, inner, inside, &format!("{place}.{}", field.name), found);
            }
            _ => {}
        }
    }
}

fn names(fields: &[Field]) -> Vec<&'static str> {
    let mut all = Vec::new();
    for field in fields {
        all.push(field.name);
        if let Holds::List(inside) = field.holds {
            all.extend(names(inside));
        }
    }
    all
}

#[test]
fn every_field_of_the_tables_is_in_every_contract() {
    let schemas = json_schemas();
    let schema = |path: &str| &schemas.iter().find(|(name, _)| name == path).expect("the schema is there").1;
    let mut found = Vec::new();
    for (path, fields) in [
        ("portal/DongBoHoSoMC.schema.json", DOSSIER),
        ("portal/CapNhatTienDoHoSoMC.schema.json", STEP),
        ("onestop/relay/dossier.schema.json", DOSSIER),
        ("onestop/relay/step.schema.json", STEP),
    ] {
        let schema = schema(path);
        missing(schema, schema, fields, path, &mut found);
    }
    // The canonical contracts have names of their own and say of each which field it stands for.
    for (path, fields) in [
        ("canonical/dossier-recorded.schema.json", DOSSIER),
        ("canonical/dossier-progressed.schema.json", STEP),
    ] {
        let text = schema(path).to_string();
        let lists: BTreeSet<&str> = fields
            .iter()
            .filter(|field| matches!(field.holds, Holds::List(_)))
            .map(|field| field.name)
            .collect();
        let missing =
            names(fields).into_iter().filter(|name| !lists.contains(name) && !name.starts_with("DanhSach"));
        found.extend(
            missing.filter(|name| !text.contains(&format!("Source: {name}"))).map(|n| format!("{path}: {n}")),
        );
    }
    let xsd = String::from_utf8(Files::built_in().schemas[XSD].clone()).expect("text");
    let elements = names(DOSSIER).into_iter().chain(names(STEP));
    found.extend(
        elements.filter(|name| !xsd.contains(&format!("<xs:element name=\"{name}\""))).map(str::to_owned),
    );
    assert!(found.is_empty(), "no contract has {found:#?}");
}

/// Through the named mappings, one after the other.
fn through(document: &Value, plans: [&str; 2]) -> (Value, Value) {
    let translate = |name: &str, document: &Value| {
        let plan = RULES.translator.plan(name).expect("the mapping is there");
        let mut translation =
            plan.translate(document, &Context::default()).unwrap_or_else(|fault| panic!("{name}: {fault}"));
        assert!(translation.traces.is_empty(), "{name}: {:?}", translation.traces);
        translation.documents.remove(0)
    };
    let canonical = translate(plans[0], document);
    let sent = translate(plans[1], &canonical);
    (canonical, sent)
}

fn read_xml(contract: &str, xml: &str) -> Value {
    let contract = RULES.contracts.find(contract).expect("the contract is there");
    contract.read_xml(xml.as_bytes()).unwrap_or_else(|fault| panic!("{fault}\n{xml}"))
}

#[test]
fn nothing_of_a_dossier_is_lost_or_changed_on_its_way_to_the_portal() {
    let full = fields::fill(DOSSIER);
    let out = "portal/out-dossier-recorded";
    let (canonical, sent) = through(&full, ["onestop/relay/in-dossier-recorded", out]);
    assert_eq!(sent, full);
    let xml = fields::to_xml("DongBoHoSoMC", "HoSo", &full);
    let read = read_xml("onestop/xml/hoso.xsd#DongBoHoSoMC/HoSo", &xml);
    assert_eq!(read, fields::as_texts(&full), "XML is read into the tree that the JSON has, all texts");
    assert_eq!(through(&read, ["onestop/xml/in-dossier-recorded", out]), (canonical, sent));
}

#[test]
fn nothing_of_a_step_is_lost_or_changed_on_its_way_to_the_portal() {
    let full = fields::fill(STEP);
    let out = "portal/out-dossier-progressed";
    let (canonical, sent) = through(&full, ["onestop/relay/in-dossier-progressed", out]);
    assert_eq!(sent, full);
    let xml = fields::to_xml("CapNhatTienDoHoSoMC", "TienDo", &full);
    let read = read_xml("onestop/xml/hoso.xsd#CapNhatTienDoHoSoMC/TienDo", &xml);
    assert_eq!(through(&read, ["onestop/xml/in-dossier-progressed", out]), (canonical, sent));
}

#[test]
fn nothing_of_an_answer_is_lost_or_changed_on_its_way_to_the_portal() {
    let paper = |number: u32| {
        json!({
            "TepDinhKemId": format!("{number}"), "TenTepDinhKem": format!("Tệp {number}.pdf"), "IsDeleted": "False",
            "MaThanhPhanHoSo": format!("TP{number}"), "DuongDanTaiTepTin": format!("http://files.h99.example/{number}"),
        })
    };
    let full = json!({
        "MaHoSo": "G22.99-260310-0001", "MaHoSoDonVi": "H99.14-260310-0001", "MaDoiTuong": "TECH-1", "TrangThai": "2",
        "NoiDung": "Đã tiếp nhận", "NgayXuLy": "20260310083005", "TaiLieuXuLy": [paper(1), paper(2)],
    });
    let (_, sent) = through(&full, ["onestop/envelope/in-dossier-answered", "portal/out-dossier-answered"]);
    assert_eq!(sent, full);
}
