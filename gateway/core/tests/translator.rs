//! The mapping language from outside: each rule word, each static check, cases and coverage.

use std::collections::BTreeMap;

use gateway_core::fault::{Blame, Defect};
use gateway_core::schema::Contracts;
use gateway_core::translator::cases::run_cases;
use gateway_core::translator::{Context, Translation, Translator};
use proptest::prelude::*;
use serde_json::{Value, json};

const XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:element name="DATA"><xs:complexType><xs:sequence>
    <xs:element name="Ma" type="xs:string"/>
    <xs:element name="Ten" type="xs:string" minOccurs="0"/>
    <xs:element name="To" type="xs:string" minOccurs="0" maxOccurs="unbounded"/>
  </xs:sequence></xs:complexType></xs:element>
</xs:schema>"#;

fn contracts() -> Contracts {
    let text = json!({"type": "string"});
    let source = json!({"type": "object", "required": ["code", "status", "papers"], "properties": {
        "code": {"type": "string", "maxLength": 30},
        "status": {"type": "string", "enum": ["1", "9", "10"]},
        "free": text, "note": {"type": "string", "maxLength": 3000}, "other": text,
        "count": {"type": ["integer", "null"]}, "wide": {"type": ["string", "integer"]},
        "at": text, "person": {"type": "object", "required": ["name"], "properties": {
            "name": text, "phone": text}},
        "papers": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {
            "name": text, "tags": {"type": "array", "items": text}}}},
        "file": text, "extra": {}
    }});
    let target = json!({"type": "object", "required": ["Ma"], "additionalProperties": false, "properties": {
        "Ma": {"type": "string", "maxLength": 30}, "A": {}, "B": {}, "C": {},
        "TrangThai": {"enum": ["moi", "xong"]}, "Ngan": {"type": "string", "maxLength": 5},
        "So": {"type": "integer"}, "Chu": text, "Nguoi": {"type": "object", "required": ["Ten"],
            "additionalProperties": false, "properties": {"Ten": text, "Dt": text, "Loai": text}},
        "To": {"type": "array", "items": {"type": "object", "required": ["Ten"],
            "additionalProperties": false, "properties": {"Ten": text, "MaHoSo": text}}},
        "Nhan": {"type": "array", "items": text}
    }});
    let late = json!({"type": "object", "required": ["Ma", "So"], "properties": {"Ma": text, "So": text}});
    Contracts::compile(&BTreeMap::from([
        ("s.schema.json".to_owned(), source.to_string().into_bytes()),
        ("t.schema.json".to_owned(), target.to_string().into_bytes()),
        ("late.schema.json".to_owned(), late.to_string().into_bytes()),
        ("x.xsd".to_owned(), XSD.as_bytes().to_vec()),
    ]))
    .unwrap_or_else(|defects| panic!("{defects:#?}"))
}

fn files(mapping: &str) -> BTreeMap<String, Vec<u8>> {
    let list = |name: &str, rest: &str| {
        (format!("p/codes/{name}.yaml"), format!("list: p/{name}\ntitle: Thử\n{rest}").into_bytes())
    };
    BTreeMap::from([
        list("status", "values: { \"1\": moi, \"10\": xong }\nunknown: hold\n"),
        list("pass", "values: { \"1\": moi }\nunknown: pass\n"),
        list("refuse", "values: { \"1\": moi }\nunknown: refuse\n"),
        list("wrong", "values: { \"1\": khac }\n"),
        ("p/channels.yaml".to_owned(), b"not: ours\n".to_vec()),
        ("p/in-m.yaml".to_owned(), mapping.as_bytes().to_vec()),
    ])
}

fn compile(mapping: &str) -> Result<Translator, Vec<Defect>> {
    Translator::compile(&files(mapping), &contracts())
}

/// A mapping from `s` to `t` whose target begins at line 3.
fn with(target: &str) -> String {
    let target: String = target.lines().map(|line| format!("  {line}\n")).collect();
    format!("mapping: {{ from: s, to: t, version: 3 }}\ntarget:\n{target}")
}

fn plain() -> Value {
    json!({"code": "H99-0001", "status": "1", "papers": []})
}

fn source(more: Value) -> Value {
    let mut source = plain();
    for (key, value) in more.as_object().unwrap() {
        source[key] = value.clone();
    }
    source
}

fn run(mapping: &str, source: &Value) -> Translation {
    let translator = compile(mapping).unwrap_or_else(|defects| panic!("{defects:#?}"));
    let plan = translator.plan("p/in-m").unwrap();
    plan.translate(source, &Context::default()).unwrap_or_else(|fault| panic!("{fault}"))
}

/// What the rule for field `A` gives.
#[track_caller]
fn gives(rule: &str, more: Value, expected: Value) {
    let translation = run(&with(&format!("Ma: code\nA: {rule}")), &source(more));
    assert_eq!(translation.documents[0].get("A").cloned().unwrap_or(Value::Null), expected, "{rule}");
}

#[track_caller]
fn refuses(rule: &str, more: Value, expected: &str, blame: Blame) {
    let translator = compile(&with(&format!("Ma: code\nA: {rule}"))).unwrap();
    let fault = translator.plan("p/in-m").unwrap().translate(&source(more), &Context::default()).unwrap_err();
    let violation = &fault.violations[0];
    assert_eq!(format!("{} {}", violation.path, violation.rule), expected, "{rule}");
    assert_eq!((violation.blame, fault.blame), (blame, blame), "{rule}");
}

#[track_caller]
fn traces(rule: &str, more: Value, expected: Value, trace: &str) {
    let translation = run(&with(&format!("Ma: code\nA: {rule}")), &source(more));
    assert_eq!(translation.documents[0]["A"], expected, "{rule}");
    let said: Vec<String> =
        translation.traces.iter().map(|t| format!("{} {}: {}", t.target, t.rule, t.detail)).collect();
    assert_eq!(said, [trace], "{rule}");
}

/// The defects of a target, as `line field: message (nearest)`.
#[track_caller]
fn defects(target: &str, expected: &[&str]) {
    said(&with(target), expected);
}

#[track_caller]
fn said(mapping: &str, expected: &[&str]) {
    let found = compile(mapping).err().unwrap_or_default();
    let said: Vec<String> = found
        .iter()
        .map(|d| {
            assert_eq!(d.file, "mappings/p/in-m.yaml");
            let near = d.nearest.as_ref().map(|near| format!(" ({near})")).unwrap_or_default();
            format!("{} {}: {}{near}", d.line, d.field, d.message)
        })
        .collect();
    assert_eq!(said, expected, "\n{mapping}");
}

#[test]
fn each_source_word() {
    gives("free", json!({"free": "01"}), json!("01"));
    gives("{ from: free }", json!({"free": "Thu\u{31b}\u{309}"}), json!("Thử"));
    gives("{ from: free }", json!({"free": null}), Value::Null);
    gives("{ first: [free, other] }", json!({"other": "b"}), json!("b"));
    gives("{ join: [free, other, note], with: \", \" }", json!({"free": "a", "note": "c"}), json!("a, c"));
    gives("{ join: [free, other] }", json!({}), Value::Null);
    gives("{ split: code, on: \"-\", take: -1 }", json!({}), json!("0001"));
    gives("{ split: code, on: \"-\", take: 3 }", json!({}), Value::Null);
    gives("{ value: 7 }", json!({}), json!(7));
    gives("{ value: \"07\" }", json!({}), json!("07"));
    gives("{ b: code, c: free }", json!({}), json!({"b": "H99-0001"}));
    gives("{ b: free }", json!({}), Value::Null);
}

#[test]
fn each_word_that_works_on_a_value() {
    gives("{ from: at, date: yyyyMMdd }", json!({"at": "2026-03-10T08:30:00+07:00"}), json!("20260310"));
    gives(
        "{ from: at, read: [dd/MM/yyyy, yyyyMMdd], date: rfc3339 }",
        json!({"at": "20260310"}),
        json!("2026-03-10T00:00:00+07:00"),
    );
    gives(
        "{ from: at, read: yyyyMMdd, date: epoch-ms }",
        json!({"at": "20260310"}),
        json!(1_773_075_600_000_i64),
    );
    gives("{ from: at, date: yyyyMMdd, absent: x }", json!({"at": "0000-00-00 00:00:00"}), json!("x"));
    gives("{ from: status, code: p/status }", json!({"status": "10"}), json!("xong"));
    gives(
        "{ from: free, case: upper, accents: remove, spaces: collapse }",
        json!({"free": " Nguyễn  Đức "}),
        json!("NGUYEN DUC"),
    );
    gives("{ from: free, case: lower, spaces: remove }", json!({"free": "A B"}), json!("ab"));
    gives("{ from: count, as: text }", json!({"count": 3}), json!("3"));
    gives("{ from: free, as: integer }", json!({"free": "12"}), json!(12));
    gives("{ from: free, as: number }", json!({"free": "1.5"}), json!(1.5));
    gives("{ from: free, as: boolean }", json!({"free": "true"}), json!(true));
    gives("{ from: free, absent: \"\" }", json!({}), json!(""));
    gives("{ from: code, when: { status: [\"9\", \"10\"] } }", json!({}), Value::Null);
    gives("{ from: code, when: { status: \"1\" } }", json!({}), json!("H99-0001"));
    gives("{ from: code, when: { status: \"9\" }, absent: none }", json!({}), json!("none"));
    gives("{ from: code, when: { free: present } }", json!({}), Value::Null);
    gives("{ from: code, when: { free: absent, not: { status: \"9\" } } }", json!({}), json!("H99-0001"));
    gives(
        "{ from: code, when: { any: [ { status: \"9\" }, { count: 2 } ] } }",
        json!({"count": 2}),
        json!("H99-0001"),
    );
    gives(
        "{ from: code, when: { all: [ { status: \"1\" }, { count: 2 } ] } }",
        json!({"count": 3}),
        Value::Null,
    );
}

#[test]
fn what_is_lost_leaves_a_trace_and_the_rest_is_refused_with_the_right_blame() {
    let more = json!({"free": "Nguyễn Văn Thử", "status": "9", "at": "mai"});
    traces(
        "{ from: free, limit: 6, over: shorten }",
        more.clone(),
        json!("Nguyễn"),
        "A limit: 14 characters shortened to 6",
    );
    traces("{ from: status, code: p/pass }", more.clone(), json!("9"), "A code: bảng mã p/pass không có 9");
    traces(
        "{ from: at, date: yyyyMMdd, unreadable: keep }",
        more.clone(),
        json!("mai"),
        "A date: kept as written: in no form that is read here",
    );
    traces(
        "{ from: at, date: yyyyMMdd, unreadable: omit, absent: \"\" }",
        more.clone(),
        json!(""),
        "A date: left out: in no form that is read here",
    );
    refuses("{ from: free, limit: 6 }", more.clone(), "A limit", Blame::Gateway);
    refuses("{ from: status, code: p/status }", more.clone(), "status code", Blame::Gateway);
    refuses("{ from: status, code: p/refuse }", more.clone(), "status code", Blame::Sender);
    refuses("{ from: at, date: yyyyMMdd }", more.clone(), "at date", Blame::Sender);
    refuses("{ from: free, as: integer }", more, "free type", Blame::Sender);
    refuses(
        "{ each: papers, n: { from: name, as: integer } }",
        json!({"papers": [{"name": "1"}, {"name": "x"}]}),
        "papers[2].name type",
        Blame::Sender,
    );
}

#[test]
fn a_peer_may_choose_another_list() {
    let translator = compile(&with("Ma: code\nA: { from: status, code: p/status }")).unwrap();
    let codes = BTreeMap::from([("p/status".to_owned(), "p/pass".to_owned())]);
    let context = Context { codes: &codes };
    let plan = translator.plan("p/in-m").unwrap();
    let translation: Translation = plan.translate(&source(json!({"status": "9"})), &context).unwrap();
    assert_eq!(translation.documents[0]["A"], "9");
}

#[test]
fn lists_speak_of_their_elements_and_of_what_is_around_them() {
    let mapping = with(
        "Ma: code\nTo:\n  each: papers\n  Ten: name\n  MaHoSo: ..code\nNhan: { each: papers, item: name }\n\
         A: { each: papers, absent: [], inner: { each: tags, t: ., paper: ..name, code: ....code } }",
    );
    let source = source(json!({"papers": [{"name": "a", "tags": ["x"]}]}));
    assert_eq!(
        run(&mapping, &source).documents[0],
        json!({"Ma": "H99-0001", "To": [{"Ten": "a", "MaHoSo": "H99-0001"}], "Nhan": ["a"],
               "A": [{"inner": [{"t": "x", "paper": "a", "code": "H99-0001"}]}]})
    );
}

#[test]
fn one_document_becomes_several() {
    let mapping =
        format!("fan-out: papers\n{}", with("Ma: code\nA: papers.name\nB: { each: papers.tags, item: . }"));
    let source = source(json!({"papers": [{"name": "a"}, {"name": "b", "tags": ["x"]}]}));
    assert_eq!(
        run(&mapping, &source).documents,
        [json!({"Ma": "H99-0001", "A": "a"}), json!({"Ma": "H99-0001", "A": "b", "B": ["x"]})]
    );
    assert!(run(&mapping, &plain()).documents.is_empty());
}

#[test]
fn documents_inside_documents_are_opened_and_packed() {
    let pack = with(
        "Ma: code\nChu:\n  pack: [\"xml x.xsd#DATA\", base64]\n  To: { each: papers, item: name }\n  Ma: code\nNgan: { pack: [json], a: status, limit: 5, over: shorten }",
    );
    let packed = run(&pack, &source(json!({"papers": [{"name": "a"}]})));
    let chu = packed.documents[0]["Chu"].as_str().unwrap().to_owned();
    assert_eq!(packed.documents[0]["Ngan"], "{\"a\":");
    let open = format!(
        "open: {{ file: [base64, \"xml x.xsd#DATA\"], free: [json] }}\n{}",
        with("Ma: file.Ma\nNhan: { each: file.To, item: . }\nA: free.x.y")
    );
    let open = open.replace("Ma: file.Ma", "Ma: { from: file.Ma, limit: 30, absent: \"\" }");
    let opened = run(&open, &source(json!({"file": chu, "free": "{\"x\":{\"y\":\"01\"}}"})));
    assert_eq!(opened.documents[0], json!({"Ma": "H99-0001", "Nhan": ["a"], "A": "01"}));
    let translator = compile(&open).unwrap();
    let plan = translator.plan("p/in-m").unwrap();
    let fault = plan.translate(&source(json!({"file": "%%", "free": "{"})), &Context::default()).unwrap_err();
    let rules: Vec<String> = fault.violations.iter().map(|v| format!("{} {}", v.path, v.rule)).collect();
    assert_eq!(rules, ["file base64", "free body.malformed"]);
    assert_eq!(fault.blame, Blame::Sender);
}

#[test]
fn what_the_conversation_fills_in_is_not_missed_yet() {
    let mapping = "mapping: { from: s, to: late, version: 1 }\nvolatile: [Ma]\ntarget:\n  Ma: code\n  So: { filled-by: conversation }\n";
    let translator = compile(mapping).unwrap();
    let plan = translator.plan("p/in-m").unwrap();
    let translation = plan.translate(&plain(), &Context::default()).unwrap();
    assert_eq!(translation.documents, [json!({"Ma": "H99-0001"})]);
    assert_eq!(plan.judge_finished(&translation.documents[0])[0].path, "So");
    assert_eq!(plan.comparable(&translation.documents[0]), json!({}));
}

#[test]
fn empty_texts_count_as_absent_where_the_file_says_so() {
    let target = with("Ma: code\nA: { first: [free, other] }");
    let source = source(json!({"free": "", "other": "b"}));
    assert_eq!(run(&target, &source).documents[0]["A"], "");
    assert_eq!(run(&format!("empty: absent\n{target}"), &source).documents[0]["A"], "b");
}

#[test]
fn the_header_names_the_date_forms_of_rules_that_name_none() {
    let target = with(
        "Ma: code\nA: { from: at, date: rfc3339 }\nB: { from: at, read: yyyyMMdd, date: yyyyMMdd, unreadable: omit }",
    );
    let mapping = format!("read: [dd/MM/yyyy, rfc3339]\n{target}");
    let run = |at: &str| run(&mapping, &source(json!({ "at": at }))).documents.remove(0);
    assert_eq!(run("10/03/2026")["A"], "2026-03-10T00:00:00+07:00");
    assert_eq!(run("2026-03-10T08:30:00+07:00")["A"], "2026-03-10T08:30:00+07:00");
    assert!(run("10/03/2026").get("B").is_none(), "the rule's own forms stand in place of the header's");
    said(
        &format!("read: [dd/MM/yyy]\n{}", with("Ma: code")),
        &["1 read: dd/MM/yyy is no date form (dd/MM/yyyy)"],
    );
}

#[test]
fn a_result_that_breaks_the_target_is_our_fault() {
    let translator = compile(&with("Ma: code\nNgan: free")).unwrap();
    let plan = translator.plan("p/in-m").unwrap();
    let fault = plan.translate(&source(json!({"free": "quá dài"})), &Context::default()).unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.blame), ("contract.violated", Blame::Gateway));
    assert_eq!((fault.violations[0].path.as_str(), fault.violations[0].rule.as_str()), ("Ngan", "maxLength"));
}

#[test]
fn a_wrong_word_does_not_hide_what_else_is_wrong() {
    defects(
        "Ma: { from: code, limt: 3 }\nA: cod\nB: { limit: 3 }",
        &[
            "3 Ma: limt is no word of a rule (limit)",
            "5 B: is a rule without a source word (from, first, value, …)",
            "4 A: s has no field `cod` (code)",
        ],
    );
}

#[test]
fn each_static_check_of_paths_and_fields() {
    defects("Ma: cod", &["3 Ma: s has no field `cod` (code)"]);
    defects("Ma: code\nMb: code", &["4 Mb: is no field of the target (Ma)"]);
    defects("A: code", &["3 Ma: is required by the target and not set"]);
    defects(
        "Ma: { from: note, limit: 30 }",
        &["3 Ma: is required by the target, but `note` may be absent in the source: add absent or when"],
    );
    defects("Ma: { from: note, limit: 30, absent: \"\" }", &[]);
    defects("Ma: code\nNguoi: { Ten: person.name, Dt: person.phone }", &[]);
    defects(
        "Ma: code\nNguoi:\n  Ten: person.name\n  Loai: { value: a }",
        &[
            "5 Nguoi.Ten: is required by the target, but `person` may be absent in the source: add absent or when",
        ],
    );
    defects("Ma: code\nA: papers.name", &["4 A: `papers` is a list in the source: use each"]);
    defects("Ma: code\nChu: papers", &["4 Chu: is a list in the source, but the target takes one value"]);
    defects("Ma: code\nNhan: free", &["4 Nhan: is a list in the target, but one value in the source"]);
    defects("Ma: code\nNhan: { each: free, item: . }", &["4 Nhan: each: `free` is not a list in the source"]);
    defects(
        "Ma: code\nChu: { each: papers, item: name }",
        &["4 Chu: each: the target takes one value, not a list"],
    );
    defects("Ma: code\nTo: { Ten: code }", &["4 To: is a list in the target: use each"]);
    defects("Ma: code\nA: ..code", &["4 A: `..code` steps out of more lists than it stands in"]);
    said(
        &format!("ignored: [internalNote, person]\n{}", with("Ma: code")),
        &["1 ignored: s has no field `internalNote`"],
    );
    said(&format!("volatile: [Mb]\n{}", with("Ma: code")), &["1 volatile: t has no field `Mb` (Ma)"]);
    said(&format!("fan-out: code\n{}", with("Ma: code")), &["1 fan-out: `code` is not a list"]);
    said(&format!("open: {{ papers: [json] }}\n{}", with("Ma: code")), &["1 open: `papers` is not a text"]);
    defects("Ma: code\nA: extra.any.thing", &[]);
}

#[test]
fn each_static_check_of_values() {
    defects("Ma: code\nSo: free", &["4 So: gives string, but the target takes integer"]);
    defects("Ma: code\nChu: wide", &["4 Chu: gives string or integer, but the target takes string"]);
    defects("Ma: code\nChu: { from: wide, as: text }", &[]);
    defects("Ma: code\nNgan: note", &["4 Ngan: may have 3000 characters, but the target holds 5: add limit"]);
    defects(
        "Ma: code\nNgan: { from: note, limit: 6 }",
        &[
            "4 Ngan: limit 6 is larger than the 5 characters of the target",
            "4 Ngan: may have 6 characters, but the target holds 5: add limit",
        ],
    );
    defects(
        "Ma: code\nTrangThai: { from: status, code: p/wrong }",
        &["4 TrangThai: code list p/wrong gives khac, which the target does not allow"],
    );
    defects(
        "Ma: code\nTrangThai: { from: status, code: p/statu }",
        &["4 TrangThai: there is no code list p/statu (p/status)"],
    );
    defects("Ma: code\nTrangThai: { from: status, code: p/status }", &[]);
    defects("Ma: code\nTrangThai: status", &["4 TrangThai: may be 1, which the target does not allow"]);
    defects(
        "Ma: code\nTrangThai: { value: mới }",
        &["4 TrangThai: may be mới, which the target does not allow"],
    );
    defects(
        "Ma: code\nSo: { from: count, absent: x }",
        &["4 So: absent: gives string, but the target takes integer"],
    );
    defects(
        "Ma: code\nA: { from: code, when: { status: \"11\" } }",
        &["4 A: when: `status` is never 11 (1)"],
    );
}

#[test]
fn each_static_check_of_words() {
    defects("Ma: { from: code, limt: 3 }", &["3 Ma: limt is no word of a rule (limit)"]);
    defects("Ma: code\nA: { from: at, date: yyyyMMd }", &["4 A: yyyyMMd is no date form (yyyyMMdd)"]);
    defects(
        "Ma: code\nA: { from: at, read: rfc339, date: yyyyMMdd }",
        &["4 A: rfc339 is no date form (rfc3339)"],
    );
    defects("Ma: code\nA: { from: at, over: shortn }", &["4 A: over: must be shorten or refuse (shorten)"]);
    defects("Ma: code\nA: { from: at, first: [at] }", &["4 A: has more than one source word: from, first"]);
    defects(
        "Ma: code\nA: { limit: 3, absent: x }",
        &["4 A: is a rule without a source word (from, first, value, …)"],
    );
    defects("Ma: code\nMa.x: code", &["4 Ma.x: is set twice"]);
    defects("Ma: code\nA: { split: code }", &["4 A: split: needs on: (a text) and take: (a number, not 0)"]);
    defects(
        "Ma: code\nA: { pack: [jsn], x: code }",
        &["4 A: jsn is no layer: base64, json, json <contract> or xml <contract> (json)"],
    );
    said(
        "mapping: { from: z, to: tt, version: x }\ntargets: {}\n",
        &[
            "1 mapping.version: must be a whole number",
            "2 targets: is no key of a mapping (target)",
            "1 target: is missing",
            "1 mapping.from: there is no contract z (s)",
            "1 mapping.to: there is no contract tt (t)",
        ],
    );
    said(
        "mapping: { from: z, to: t, version: 1 }\ntarget: { Ma: code }\n",
        &["1 mapping.from: there is no contract z (s)"],
    );
}

#[test]
fn the_fingerprint_changes_with_what_matters() {
    let mapping = with("Ma: code\nA: { from: status, code: p/pass }");
    let fingerprint = |files: &BTreeMap<String, Vec<u8>>| {
        let translator = Translator::compile(files, &contracts()).unwrap();
        translator.plan("p/in-m").unwrap().fingerprint().to_owned()
    };
    let mut changed = files(&mapping);
    let before = fingerprint(&changed);
    changed.get_mut("p/codes/refuse.yaml").unwrap().extend(b"# not named\n");
    assert_eq!(fingerprint(&changed), before);
    changed.get_mut("p/codes/pass.yaml").unwrap().extend(b"# named\n");
    assert_ne!(fingerprint(&changed), before);
    assert_eq!(before.len(), 16);
}

#[test]
fn cases_run_and_say_what_differs() {
    let mapping = format!(
        "ignored: [person]\n{}",
        with(
            "Ma: code\nTrangThai: { from: status, code: p/status }\nNgan: { from: free, limit: 5, over: shorten }"
        )
    );
    let mut files = files(&mapping);
    let mut put =
        |name: &str, text: &str| _ = files.insert(format!("p/in-m.cases/{name}"), text.as_bytes().to_vec());
    put("01-plain.in.json", &source(json!({"free": "Nguyễn Văn Thử"})).to_string());
    put("01-plain.out.json", "{ \"Ma\": \"H99-0001\", \"TrangThai\": \"moi\", \"Ngan\": \"Nguyễ\" }");
    put("01-plain.trace", "Ngan limit\n");
    put("02-unknown-code.in.json", &source(json!({"status": "9"})).to_string());
    put("02-unknown-code.fault", "status code\n");
    let translator = Translator::compile(&files, &contracts()).unwrap();
    let report = run_cases(&files, &translator);
    assert!(report.passed(), "{:#?}", report.results);
    let coverage = &report.coverage[0];
    assert!(
        coverage.lost.contains(&"other".to_owned()) && coverage.lost.contains(&"papers[].name".to_owned())
    );
    assert_eq!(coverage.ignored, ["person.name", "person.phone"]);
    assert_eq!(coverage.used, ["code", "status", "free"]);
    assert!(coverage.never_set.contains(&"So".to_owned()) && coverage.set.contains(&"Ma".to_owned()));
    assert!(coverage.hit.codes.contains("p/status 1"));
    assert_eq!(coverage.hit.codes_missed.iter().collect::<Vec<_>>(), ["p/status 10"]);
    assert!(coverage.to_string().contains("3 used, 2 ignored on purpose"), "{coverage}");

    files.insert("p/in-m.cases/01-plain.out.json".to_owned(), b"{\"Ma\": \"khac\"}".to_vec());
    files.remove("p/in-m.cases/02-unknown-code.fault");
    files.insert("p/in-x.cases/01.in.json".to_owned(), b"{}".to_vec());
    let report = run_cases(&files, &translator);
    let failed: Vec<&str> = report.failures().map(|result| result.name.as_str()).collect();
    assert_eq!(
        failed,
        ["mappings/p/in-m.cases/01-plain", "mappings/p/in-m.cases/02-unknown-code", "mappings/p/in-x.cases"]
    );
    let updates: BTreeMap<String, Vec<u8>> =
        report.results.into_iter().flat_map(|result| result.updates).collect();
    files.remove("p/in-x.cases/01.in.json");
    files.extend(updates);
    assert!(run_cases(&files, &translator).passed(), "what UPDATE writes passes");
}

#[test]
fn a_mapping_without_a_refused_case_fails() {
    let files = files(&with("Ma: code"));
    let translator = Translator::compile(&files, &contracts()).unwrap();
    let report = run_cases(&files, &translator);
    assert_eq!(report.results[0].failure.as_deref(), Some("has no cases"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]

    #[test]
    fn copied_texts_stay_the_same_texts(names in prop::collection::vec("[ -~]{0,10}", 0..4), free in "[0-9a-zà-ýạ-ỹ ]{0,20}") {
        let mapping = with("Ma: code\nA: free\nTo: { each: papers, Ten: name }");
        let papers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        let translation = run(&mapping, &source(json!({"free": free, "papers": papers})));
        let to: Vec<Value> = names.iter().map(|name| json!({"Ten": name})).collect();
        prop_assert_eq!(&translation.documents[0]["To"], &Value::Array(to));
        prop_assert_eq!(&translation.documents[0]["A"], &json!(free));
    }

    #[test]
    fn no_mapping_text_makes_the_compiler_panic(text in "[a-zA-Z:{}\\[\\]., \n\"-]{0,200}") {
        let _ = compile(&text);
        let _ = compile(&with(&text));
    }
}

#[test]
fn codes_may_say_nothing_and_what_is_hidden_is_left_out() {
    let mapping = with(
        "Ma: code\nChu: { from: other, code: p/omit }\nB: { from: other, not-in: p/omit }\nC: { from: note, masked: \"+\" }\n",
    );
    let mut files = files(&mapping);
    let list = "list: p/omit\ntitle: Thử\nvalues: { \"1\": moi, \"21\": ~ }\nunknown: omit\n";
    files.insert("p/codes/omit.yaml".to_owned(), list.as_bytes().to_vec());
    let translator =
        Translator::compile(&files, &contracts()).unwrap_or_else(|defects| panic!("{defects:#?}"));
    let plan = translator.plan("p/in-m").expect("a plan");
    let codes = BTreeMap::new();
    let done = |code: &str| {
        let source = source(json!({ "other": code, "note": "Ng+++" }));
        let translation: Translation =
            plan.translate(&source, &Context { codes: &codes }).expect("a translation");
        let rules: Vec<String> = translation.traces.iter().map(|trace| trace.rule.clone()).collect();
        (translation.documents[0].clone(), rules)
    };
    assert_eq!(done("1"), (json!({ "Ma": "H99-0001", "Chu": "moi" }), vec!["masked".to_owned()]));
    assert_eq!(done("21"), (json!({ "Ma": "H99-0001" }), vec!["masked".to_owned()]));
    let unknown = (json!({ "Ma": "H99-0001", "B": true }), vec!["code".to_owned(), "masked".to_owned()]);
    assert_eq!(done("25"), unknown);
}
