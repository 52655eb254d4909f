//! Contracts from outside: what is read, what is refused, and that no bytes make it fall over.

use std::collections::BTreeMap;
use std::sync::Arc;

use gateway_core::fault::{Blame, Violation};
use gateway_core::schema::view::Walk;
use gateway_core::schema::{Contract, Contracts, Notation};
use proptest::prelude::*;
use serde_json::{Value, json};

const XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:h99" targetNamespace="urn:h99" elementFormDefault="qualified">
  <xs:include schemaLocation="parts/common.xsd"/>
  <xs:element name="Goi">
    <xs:complexType><xs:sequence>
      <xs:element name="HoSo" type="HoSo" maxOccurs="unbounded"/>
    </xs:sequence><xs:attribute name="phienBan" type="xs:token" use="required"/></xs:complexType>
  </xs:element>
</xs:schema>"#;

const COMMON: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:h99" targetNamespace="urn:h99" elementFormDefault="qualified">
  <xs:simpleType name="TrangThai"><xs:restriction base="xs:token">
    <xs:enumeration value="01"/><xs:enumeration value="02"/></xs:restriction></xs:simpleType>
  <xs:complexType name="HoSo"><xs:sequence>
    <xs:element name="MaHoSo"><xs:simpleType><xs:restriction base="xs:string"><xs:maxLength value="30"/></xs:restriction></xs:simpleType></xs:element>
    <xs:element name="TrangThai" type="TrangThai"/>
    <xs:element name="NgayTra" type="xs:dateTime" nillable="true" minOccurs="0"/>
    <xs:element name="GhiChu" type="xs:string" minOccurs="0"/>
    <xs:sequence minOccurs="0" maxOccurs="5">
      <xs:element name="GiayTo"><xs:complexType><xs:simpleContent><xs:extension base="xs:string">
        <xs:attribute name="loai" type="xs:string"/></xs:extension></xs:simpleContent></xs:complexType></xs:element>
    </xs:sequence>
    <xs:element name="Khac" minOccurs="0"><xs:complexType><xs:sequence>
      <xs:any minOccurs="0" maxOccurs="unbounded" processContents="lax"/></xs:sequence></xs:complexType></xs:element>
  </xs:sequence></xs:complexType>
</xs:schema>"#;

fn contracts() -> Contracts {
    let schema = json!({
        "type": "object", "required": ["code"], "additionalProperties": false,
        "properties": {
            "code": {"type": "string", "maxLength": 5},
            "status": {"enum": ["1", "2"]},
            "papers": {"type": "array", "items": {"$ref": "common.schema.json#/$defs/paper"}}
        }
    });
    let common = json!({"$defs": {"paper": {"type": "object", "required": ["name"],
        "properties": {"name": {"type": ["string", "null"], "maxLength": 9}}}}});
    Contracts::compile(&BTreeMap::from([
        ("canonical/dossier.schema.json".to_owned(), schema.to_string().into_bytes()),
        ("canonical/common.schema.json".to_owned(), common.to_string().into_bytes()),
        ("h99/goi.xsd".to_owned(), XSD.as_bytes().to_vec()),
        ("h99/parts/common.xsd".to_owned(), COMMON.as_bytes().to_vec()),
    ]))
    .unwrap_or_else(|defects| panic!("{defects:#?}"))
}

fn xml() -> Arc<Contract> {
    contracts().get("h99/goi.xsd#Goi").unwrap()
}

fn goi(inner: &str) -> String {
    format!("<Goi xmlns=\"urn:h99\" phienBan=\" 1 \">{inner}</Goi>")
}

fn hoso(rest: &str) -> String {
    goi(&format!("<HoSo><MaHoSo> H99-1</MaHoSo><TrangThai> 01 </TrangThai>{rest}</HoSo>"))
}

fn said(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(|v| format!("{} {} {}", v.path, v.rule, v.detail)).collect()
}

#[test]
fn a_single_element_of_a_list_stays_a_list_and_01_stays_01() {
    let rest = "<NgayTra xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\"/><GhiChu/>\
        <GiayTo loai=\"a\">Đơn &amp; tờ khai</GiayTo><Khac><x>1</x><y><z>2</z></y></Khac>";
    let tree = xml().read_xml(hoso(rest).as_bytes()).unwrap_or_else(|fault| panic!("{fault}"));
    assert_eq!(
        tree,
        json!({"@phienBan": "1", "HoSo": [{
            "MaHoSo": " H99-1", "TrangThai": "01", "NgayTra": null, "GhiChu": "",
            "GiayTo": [{"@loai": "a", "#text": "Đơn & tờ khai"}],
            "Khac": {"x": "1", "y": {"z": "2"}}
        }]})
    );
}

#[test]
fn a_child_contract_speaks_of_the_one_child() {
    let contract = contracts().get("h99/goi.xsd#Goi/HoSo").unwrap();
    let tree = contract.read_xml(hoso("").as_bytes()).unwrap();
    assert_eq!(tree, json!({"MaHoSo": " H99-1", "TrangThai": "01"}));
    let two = goi(&"<HoSo><MaHoSo>a</MaHoSo><TrangThai>01</TrangThai></HoSo>".repeat(2));
    assert_eq!(contract.read_xml(two.as_bytes()).unwrap_err().violations[0].rule, "maxOccurs");
}

#[test]
fn xml_violations_name_place_rule_and_expectation_but_no_value() {
    let bad = "<HoSo><MaHoSo>a</MaHoSo><TrangThai>01</TrangThai></HoSo>\
        <HoSo><MaHoSo>0123456789012345678901234567890123456789</MaHoSo><TrangThai>bí mật</TrangThai></HoSo>\
        <HoSo><TrangThai>02</TrangThai></HoSo>";
    let fault = xml().read_xml(goi(bad).as_bytes()).unwrap_err();
    assert_eq!((fault.code.as_ref(), fault.blame), ("contract.violated", Blame::Sender));
    assert_eq!(
        said(&fault.violations),
        [
            "HoSo[2].MaHoSo maxLength dài nhất 30 ký tự",
            "HoSo[2].TrangThai enum phải là một trong: 01, 02",
            "HoSo[3].MaHoSo required bắt buộc phải có",
        ]
    );
    assert!(!fault.to_string().contains("mật"));
}

#[test]
fn json_violations_come_all_at_once_and_masked() {
    let contract = contracts().get("canonical/dossier").unwrap();
    assert_eq!(contract.notation(), Notation::Json);
    let violations =
        contract.check(&json!({"status": "bí mật", "papers": [{"name": "a"}, {"name": 1}, {}], "x": 1}));
    assert_eq!(
        said(&violations),
        [
            "status enum phải là một trong: 1, 2",
            "papers[2].name type phải là null hoặc chuỗi ký tự",
            "papers[3].name required bắt buộc phải có",
            "x additionalProperties không có trong quy định",
            "code required bắt buộc phải có",
        ]
    );
}

#[test]
fn what_could_harm_the_reader_is_refused() {
    let bomb = "<!DOCTYPE Goi [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]>".to_owned() + &goi("&b;");
    let deep = goi(&("<HoSo>".repeat(100) + &"</HoSo>".repeat(100)));
    let many =
        format!("<Goi xmlns=\"urn:h99\" {}/>", (0..100).map(|n| format!("a{n}=\"\" ")).collect::<String>());
    let declared = "<?xml version=\"1.0\" encoding=\"windows-1258\"?>".to_owned() + &hoso("");
    for (text, code) in [
        (bomb.as_bytes(), "body.doctype"),
        (goi("&xxe;").as_bytes(), "body.malformed"),
        (deep.as_bytes(), "body.too-deep"),
        (many.as_bytes(), "body.malformed"),
        (declared.as_bytes(), "body.encoding"),
        (b"<Goi>\xff</Goi>", "body.encoding"),
        (b"<Goi", "body.malformed"),
        (b"", "body.malformed"),
        (b"<Khac/>", "contract.violated"),
    ] {
        assert_eq!(xml().read_xml(text).unwrap_err().code, code, "{}", String::from_utf8_lossy(text));
    }
    let dotnet = "<?xml version=\"1.0\" encoding=\"utf-16\"?><?pi x?>".to_owned() + &hoso("");
    assert!(xml().read_xml(dotnet.as_bytes()).is_ok());
}

#[test]
fn the_view_knows_lists_lengths_values_and_open_places() {
    let contract = xml();
    let view = contract.view();
    let found = |path: &str| match view.walk(view.root(), &path.split('.').collect::<Vec<_>>(), true) {
        Walk::Found(step) => view.node(step.node).clone(),
        other => panic!("{path}: {other:?}"),
    };
    assert_eq!(found("HoSo.MaHoSo").max_length, Some(30));
    assert_eq!(found("HoSo.TrangThai").allowed, Some(vec!["01".to_owned(), "02".to_owned()]));
    assert!(found("HoSo").item.is_some() && found("HoSo.GiayTo").item.is_some());
    assert!(found("HoSo.Khac").open);
    assert_eq!(view.walk(view.root(), &["HoSo", "Khac", "a", "b"], true), Walk::Open);
    let near = view.walk(view.root(), &["HoSo", "MaHoSO"], true);
    assert_eq!(near, Walk::Unknown("HoSo.MaHoSO".to_owned(), Some("MaHoSo".to_owned())));
}

#[test]
fn broken_contracts_are_all_said_at_once() {
    let files = BTreeMap::from([
        ("a.schema.json".to_owned(), b"{".to_vec()),
        ("b.schema.json".to_owned(), br#"{"$ref": "nowhere.schema.json"}"#.to_vec()),
        ("c.xsd".to_owned(), b"<xs:schema".to_vec()),
        ("d.xsd".to_owned(), br#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:include schemaLocation="missing.xsd"/></xs:schema>"#.to_vec()),
    ]);
    let defects = Contracts::compile(&files).err().unwrap();
    let named: Vec<&str> = defects.iter().map(|d| d.file.as_str()).collect();
    assert_eq!(named, ["schemas/a.schema.json", "schemas/b.schema.json", "schemas/c.xsd", "schemas/d.xsd"]);
    assert!(defects[3].message.contains("missing.xsd"), "{defects:?}");
}

#[test]
fn unknown_contracts_name_the_nearest() {
    let contracts = contracts();
    let near = |name: &str| contracts.find(name).err().unwrap().1;
    assert_eq!(near("canonical/dosier").as_deref(), Some("canonical/dossier"));
    assert_eq!(near("h99/goi.xsd#Gói").as_deref(), Some("Goi"));
    assert_eq!(near("h99/goi.xsd#Goi/HoSO").as_deref(), Some("HoSo"));
    assert!(contracts.get("h99/goi.xsd").is_some(), "the only global element need not be named");
}

fn text() -> impl Strategy<Value = String> {
    "[ -~à-ỹ&<>\"'\t\n\r]{0,12}"
}

prop_compose! {
    fn tree()(version in "[a-z0-9]{1,4}", items in prop::collection::vec((text(), "0[12]", prop::option::of(text()),
        prop::collection::vec((text(), text()), 0..3)), 1..4)) -> Value {
        let items: Vec<Value> = items.into_iter().map(|(code, status, note, papers)| {
            let mut item = json!({"MaHoSo": code, "TrangThai": status});
            if let Some(note) = note {
                item["GhiChu"] = json!(note);
            }
            if !papers.is_empty() {
                item["GiayTo"] = papers.into_iter().map(|(kind, text)| json!({"@loai": kind, "#text": text})).collect();
            }
            item
        }).collect();
        json!({"@phienBan": version, "HoSo": items})
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_tree_written_and_read_is_the_same_tree(tree in tree()) {
        let contract = xml();
        let bytes = contract.write(&tree).unwrap();
        prop_assert_eq!(contract.read_xml(&bytes).unwrap(), tree);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = xml().read_xml(&bytes);
        let _ = gateway_core::translator::xml::frame(&bytes, "Goi", "HoSo", 1000);
    }

    #[test]
    fn no_damage_to_a_document_makes_the_reader_panic(at in 0_usize..300, with in prop::collection::vec(any::<char>(), 0..4), cut in 0_usize..5) {
        let mut chars: Vec<char> = hoso("<GiayTo loai=\"a\">x</GiayTo><Khac><x/></Khac>").chars().collect();
        let at = at.min(chars.len());
        let end = (at + cut).min(chars.len());
        chars.splice(at..end, with);
        let text: String = chars.into_iter().collect();
        let _ = xml().read_xml(text.as_bytes());
        let _ = gateway_core::translator::xml::frame(text.as_bytes(), "Goi", "HoSo", 1000);
    }
}

#[test]
fn imports_bare_children_substitutes_and_recursion_are_read_and_written() {
    let main = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:p="urn:p" xmlns="urn:m" targetNamespace="urn:m">
      <xs:import namespace="urn:p" schemaLocation="person.xsd"/>
      <xs:element name="Don"><xs:complexType><xs:sequence>
        <xs:element name="Ma" type="xs:string"/><xs:element ref="p:Nguoi"/><xs:element ref="Cach"/>
        <xs:element name="Nhom" type="Nhom" minOccurs="0"/>
      </xs:sequence></xs:complexType></xs:element>
      <xs:complexType name="Nhom"><xs:choice minOccurs="0" maxOccurs="unbounded">
        <xs:element name="Nhom" type="Nhom"/><xs:element name="Ten" type="xs:string"/></xs:choice></xs:complexType>
      <xs:element name="Cach" type="xs:string" abstract="true"/>
      <xs:element name="Buu" type="xs:string" substitutionGroup="Cach"/>
      <xs:element name="Tay" type="xs:string" substitutionGroup="Cach"/>
    </xs:schema>"#;
    let person = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:p" elementFormDefault="qualified">
      <xs:element name="Nguoi"><xs:complexType><xs:sequence><xs:element name="Ten" type="xs:string"/></xs:sequence>
      </xs:complexType></xs:element></xs:schema>"#;
    let files = BTreeMap::from([
        ("main.xsd".to_owned(), main.as_bytes().to_vec()),
        ("person.xsd".to_owned(), person.as_bytes().to_vec()),
    ]);
    let contracts = Contracts::compile(&files).unwrap_or_else(|defects| panic!("{defects:#?}"));
    let contract = contracts.get("main.xsd#Don").unwrap();
    let tree = json!({"Tay": "x", "Nguoi": {"Ten": "Nguyễn Văn Thử"}, "Ma": "01",
        "Nhom": {"Nhom": [{"Ten": ["a"]}, {}], "Ten": ["b"]}});
    let bytes = contract.write(&tree).unwrap();
    assert_eq!(
        String::from_utf8_lossy(&bytes),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><n:Don xmlns:n=\"urn:m\"><Ma>01</Ma>\
         <Nguoi xmlns=\"urn:p\"><Ten>Nguyễn Văn Thử</Ten></Nguoi><n:Tay>x</n:Tay>\
         <Nhom><Nhom><Ten>a</Ten></Nhom><Nhom></Nhom><Ten>b</Ten></Nhom></n:Don>"
    );
    assert_eq!(contract.read_xml(&bytes).unwrap_or_else(|fault| panic!("{fault}")), tree);
    let unknown = contract.write(&json!({"Ma": "a\u{1}", "Mb": 1})).unwrap_err();
    assert_eq!(
        said(&unknown.violations),
        ["Ma character có ký tự mà XML không chứa được", "Mb unknown không có trong quy định"]
    );
}

/// Of what must be there the name is said, and not what the whole may hold.
#[test]
fn what_is_missing_is_named_also_in_a_choice_and_as_an_attribute() {
    let xsd = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="Ghi"><xs:complexType><xs:sequence>
        <xs:element name="Ma" type="xs:token"/>
        <xs:choice><xs:element name="CaNhan" type="xs:token"/><xs:element name="ToChuc" type="xs:token"/></xs:choice>
        <xs:element name="Ngay" type="xs:token"/></xs:sequence><xs:attribute name="nguon" use="required"/></xs:complexType></xs:element></xs:schema>"#;
    let contracts =
        Contracts::compile(&BTreeMap::from([("g.xsd".to_owned(), xsd.as_bytes().to_vec())])).unwrap();
    let contract = contracts.get("g.xsd#Ghi").unwrap();
    let places = |document: Value| -> Vec<String> {
        contract.check(&document).iter().map(|v| format!("{} {}", v.path, v.rule)).collect()
    };
    assert_eq!(places(json!({"@nguon": "x", "Ma": "1", "Ngay": "2"})), ["CaNhan|ToChuc content"]);
    assert_eq!(
        places(json!({"@nguon": "x", "Ma": "1", "ToChuc": [], "Ngay": "2"})),
        ["CaNhan|ToChuc content"]
    );
    assert_eq!(places(json!({"@nguon": "x", "Ma": "1", "ToChuc": "a"})), ["Ngay required"]);
    assert_eq!(places(json!({"Ma": "1", "CaNhan": "a", "Ngay": "2"})), ["@nguon required"]);
}
