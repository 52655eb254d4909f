//! How fast one hop is: read, check, translate, check again, write. One thread, no disk, no socket.
//!
//! Prints each figure beside its floor: bare `serde_json` for JSON, bare `xsd-schema` validation for XML, of the
//! same bytes. Run with `cargo run --release -p gateway-core --example hop`.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a measurement asks the clock")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use gateway_core::schema::Contracts;
use gateway_core::translator::{Context, Translator};
use serde_json::{Value, json};
use xsd_schema::SchemaSetBuilder;
use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};

const FIELDS: usize = 20;

fn main() {
    let xsd = xsd();
    let files = BTreeMap::from([
        ("a.schema.json".to_owned(), source_schema().to_string().into_bytes()),
        ("b.schema.json".to_owned(), target_schema().to_string().into_bytes()),
        ("a.xsd".to_owned(), xsd.clone().into_bytes()),
    ]);
    let mut target = String::from("  ma.so: MaHoSo\n  trangThai: { from: TrangThai, code: hop/status }\n");
    target += "  hen: { from: NgayHen, read: yyyyMMddHHmmss, date: rfc3339 }\n";
    target += "  ten: { from: ChuHoSo, accents: remove, case: upper, spaces: collapse }\n";
    target += "  giay:\n    each: GiayTo\n    ten: Ten\n    so: { from: So, as: text }\n";
    for n in 0..FIELDS {
        target += &format!("  truong{n}: Truong{n}\n");
    }
    let mapping = |from: &str| {
        format!("mapping: {{ from: {from}, to: b, version: 1 }}\ntarget:\n{target}").into_bytes()
    };
    let mappings = BTreeMap::from([
        (
            "hop/codes/status.yaml".to_owned(),
            b"list: hop/status\nvalues: { \"1\": moi, \"2\": xong }\n".to_vec(),
        ),
        ("hop/in-json.yaml".to_owned(), mapping("a")),
        ("hop/in-xml.yaml".to_owned(), mapping("a.xsd#HoSo")),
    ]);
    let contracts = Contracts::compile(&files).unwrap_or_else(|defects| panic!("{defects:#?}"));
    let translator =
        Translator::compile(&mappings, &contracts).unwrap_or_else(|defects| panic!("{defects:#?}"));
    let context = Context::default();

    let text = source().to_string();
    let plan = translator.plan("hop/in-json").expect("compiled above");
    let floor = rate(|| {
        let value: Value = serde_json::from_str(&text).expect("our own text");
        black_box(serde_json::to_vec(&value).expect("our own value"));
    });
    let whole = rate(|| {
        let value = plan.source().read(text.as_bytes()).expect("a right document");
        let translation = plan.translate(&value, &context).expect("a right result");
        black_box(plan.write(&translation.documents[0]).expect("JSON"));
    });
    row("JSON", text.len(), floor, whole);
    let value = plan.source().read(text.as_bytes()).expect("a right document");
    let result = plan.translate(&value, &context).expect("a right result").documents.remove(0);
    part("parse, strictly", rate(|| _ = black_box(gateway_core::json::parse(text.as_bytes()))));
    part("check the source", rate(|| _ = black_box(plan.source().check(&value))));
    part("translate and check the target", rate(|| _ = black_box(plan.translate(&value, &context))));
    part("check the target", rate(|| _ = black_box(plan.target().check(&result))));
    part("write", rate(|| _ = black_box(plan.write(&result))));

    let xml = xml();
    let plan = translator.plan("hop/in-xml").expect("compiled above");
    let compiled = SchemaSetBuilder::new().add_source(&xsd, "a.xsd").and_then(SchemaSetBuilder::compile);
    let set = compiled.expect("compiled above").into_schema_set();
    let validator = SchemaValidator::new(&set, ValidationFlags::empty());
    let floor = rate(|| {
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let mut runtime =
            validator.start_run(CollectingValidationSink { errors: &mut errors, warnings: &mut warnings });
        drive_quick_xml(xml.as_bytes(), &mut runtime, &set).expect("well-formed");
        drop(runtime);
        assert!(errors.is_empty());
    });
    let whole = rate(|| {
        let value = plan.source().read_xml(xml.as_bytes()).expect("a right document");
        black_box(plan.translate(&value, &context).expect("a right result"));
    });
    row("XML", xml.len(), floor, whole);
    part("read, check and build the tree", rate(|| _ = black_box(plan.source().read_xml(xml.as_bytes()))));
}

/// Calls in a second: the best of five rounds, because other work on the machine only ever slows one down.
fn rate(mut call: impl FnMut()) -> f64 {
    let round = |call: &mut dyn FnMut()| {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while start.elapsed().as_millis() < 400 {
            (0..50).for_each(|_| call());
            calls += 50;
        }
        f64::from(calls) / start.elapsed().as_secs_f64()
    };
    (0..5).map(|_| round(&mut call)).fold(0.0, f64::max)
}

fn row(name: &str, bytes: usize, floor: f64, whole: f64) {
    println!(
        "{name:5} {bytes:5} bytes   floor {floor:8.0}/s   hop {whole:8.0}/s   {:3.0} %",
        whole / floor * 100.0
    );
}

fn part(name: &str, rate: f64) {
    println!("      {name:32} {:6.1} µs", 1e6 / rate);
}

fn source() -> Value {
    let mut document = json!({
        "MaHoSo": "000.00.00.H99-260310-0001", "TrangThai": "1", "NgayHen": "20260310083000",
        "ChuHoSo": "Nguyễn Văn Thử",
        "GiayTo": [{"Ten": "Đơn đề nghị", "So": 1}, {"Ten": "Bản sao giấy tờ", "So": 2}],
    });
    for n in 0..FIELDS {
        document[format!("Truong{n}")] = json!(format!("giá trị thử số {n}"));
    }
    document
}

fn xml() -> String {
    let mut text = "<HoSo><MaHoSo>000.00.00.H99-260310-0001</MaHoSo><TrangThai>1</TrangThai>\
        <NgayHen>20260310083000</NgayHen><ChuHoSo>Nguyễn Văn Thử</ChuHoSo>\
        <GiayTo><Ten>Đơn đề nghị</Ten><So>1</So></GiayTo><GiayTo><Ten>Bản sao</Ten><So>2</So></GiayTo>"
        .to_owned();
    for n in 0..FIELDS {
        text += &format!("<Truong{n}>giá trị thử số {n}</Truong{n}>");
    }
    text + "</HoSo>"
}

fn xsd() -> String {
    let mut fields = String::new();
    for n in 0..FIELDS {
        fields += &format!("<xs:element name='Truong{n}' type='Chu'/>");
    }
    format!(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>\
         <xs:simpleType name='Chu'><xs:restriction base='xs:string'><xs:minLength value='1'/>\
         <xs:maxLength value='200'/></xs:restriction></xs:simpleType>\
         <xs:simpleType name='Ma'><xs:restriction base='xs:token'><xs:pattern value='[0-9A-Z.]+-[0-9]{{6}}-[0-9]{{4}}'/>\
         </xs:restriction></xs:simpleType><xs:simpleType name='Ngay'><xs:restriction base='xs:token'>\
         <xs:pattern value='[0-9]{{14}}'/></xs:restriction></xs:simpleType>\
         <xs:simpleType name='TrangThai'><xs:restriction base='xs:token'><xs:enumeration value='1'/>\
         <xs:enumeration value='2'/></xs:restriction></xs:simpleType><xs:element name='HoSo'><xs:complexType>\
         <xs:sequence><xs:element name='MaHoSo' type='Ma'/><xs:element name='TrangThai' type='TrangThai'/>\
         <xs:element name='NgayHen' type='Ngay'/><xs:element name='ChuHoSo' type='Chu'/>\
         <xs:element name='GiayTo' maxOccurs='unbounded'><xs:complexType><xs:sequence>\
         <xs:element name='Ten' type='xs:string'/><xs:element name='So' type='xs:string'/></xs:sequence>\
         </xs:complexType></xs:element>{fields}</xs:sequence></xs:complexType></xs:element></xs:schema>"
    )
}

fn object(properties: Value) -> Value {
    let names: Vec<String> = properties.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect();
    json!({"type": "object", "properties": properties, "required": names, "additionalProperties": false})
}

fn source_schema() -> Value {
    let list = json!({"type": "array", "items": object(json!({
        "Ten": {"type": "string"}, "So": {"type": "integer"}}))});
    let text = json!({"type": "string", "maxLength": 200});
    let mut properties =
        json!({"MaHoSo": text, "TrangThai": text, "NgayHen": text, "ChuHoSo": text, "GiayTo": list});
    for n in 0..FIELDS {
        properties[format!("Truong{n}")] = text.clone();
    }
    object(properties)
}

fn target_schema() -> Value {
    let list = json!({"type": "array", "items": object(json!({
        "ten": {"type": "string"}, "so": {"type": "string"}}))});
    let text = json!({"type": "string", "maxLength": 500});
    let mut properties = json!({
        "ma": object(json!({"so": text})), "trangThai": {"enum": ["moi", "xong"]},
        "hen": {"type": "string"}, "ten": text, "giay": list,
    });
    for n in 0..FIELDS {
        properties[format!("truong{n}")] = text.clone();
    }
    object(properties)
}
