//! Reads what the database answered into a canonical answer.
//!
//! "No such citizen" is an answer: no `CongDan`, or one without a name. It never tells which value failed. What an answer names is
//! compared with what was asked, because an answer about somebody else is worse than none. Names and meanings are those of
//! QCVN 109:2017 and of what working clients read; codes stay texts, what is empty is absent, no name is taken apart.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};
use serde_json::{Map, Value, json};

use super::faults::{self, Said};
use super::fields::Question;
use super::settings::{Operation, ReaderWord, Settings};
use crate::population::VERIFY;
use crate::wire::node::Node;
use crate::wire::soap;
use crate::wire::xml::Element;

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Found {
    /// These persons, or none.
    Persons(Vec<Value>),
    /// Only that there is one, or not.
    Truth(bool),
}

impl Found {
    /// The canonical answer to this kind of question.
    pub(super) fn document(self, kind: &str, question: &Question) -> Result<Value, Fault> {
        let persons = match self {
            Found::Truth(true) => return Ok(json!({ "outcome": "match" })),
            Found::Truth(false) => return Ok(json!({ "outcome": "no-match" })),
            Found::Persons(persons) => persons,
        };
        for person in &persons {
            compare(person, question)?;
        }
        Ok(match (kind, persons.is_empty()) {
            // Yes or no was asked; nothing more is handed on.
            (VERIFY, true) => json!({ "outcome": "no-match" }),
            (VERIFY, false) => json!({ "outcome": "match" }),
            (_, true) => json!({ "outcome": "not-found" }),
            (_, false) => json!({ "outcome": "found", "persons": persons }),
        })
    }
}

/// Is this the person who was asked for? One number at least must say so, and none otherwise.
fn compare(person: &Value, question: &Question) -> Result<(), Fault> {
    let mut same = false;
    for name in ["identityNumber", "oldIdentityNumber"] {
        let asked = question.text(&format!("/person/{name}"));
        let given = person.get(name).and_then(Value::as_str);
        match (asked, given) {
            (Some(asked), Some(given)) if asked == given => same = true,
            (Some(_), Some(_)) => return Err(mismatch("another number than the one asked")),
            _ => {}
        }
    }
    if same { Ok(()) } else { Err(mismatch("none of the numbers asked")) }
}

fn mismatch(found: &str) -> Fault {
    let words = "CSDLQG về dân cư trả lời về người khác với người được hỏi; kết quả không được sử dụng";
    Fault::new("population.mismatch", Blame::Peer, Remedy::Correct, words)
        .because(format!("the answer names {found}"))
}

/// Reads an answer, or says what came instead.
pub(super) fn read(settings: &Settings, operation: &Operation, answer: &Answer) -> Result<Found, Fault> {
    let said = faults::said(answer)?;
    match (operation.reader, said) {
        (ReaderWord::SoapCollection, Said::Soap(body)) => collection_in(settings, &body),
        (ReaderWord::SoapCount, Said::Soap(body)) => count(&body),
        (ReaderWord::SoapExists, Said::Soap(body)) => exists(&body),
        (ReaderWord::JsonBoolean, Said::Json(value)) => truth(value.get("data").map(Node::Json)),
        (ReaderWord::JsonWithSoap, Said::Json(value)) => wrapped(settings, &value),
        (ReaderWord::Json, Said::Json(value)) => collection(&value),
        _ => Err(faults::unreadable("the answer is of another kind than the profile expects")),
    }
}

fn collection_in(settings: &Settings, body: &[Element]) -> Result<Found, Fault> {
    let namespace = settings.answer_namespace.as_str();
    let found = body.iter().find(|element| element.is(namespace, "CongdanCollection"));
    let found = found.ok_or_else(|| faults::unreadable("there is no CongdanCollection of the known namespace"))?;
    Ok(Found::Persons(persons(Node::Xml(found, Some(namespace)).all("CongDan"))))
}

/// The variant of 2021. Namespaces vary between platforms here, so the names alone decide.
fn count(body: &[Element]) -> Result<Found, Fault> {
    let number = body.iter().find_map(|element| element.child("SoLuongCongDan"));
    let number = number.and_then(|number| number.text.trim().parse::<u64>().ok());
    number.map(|number| Found::Truth(number > 0)).ok_or_else(|| faults::unreadable("SoLuongCongDan is no number"))
}

/// The variant of 2023.
fn exists(body: &[Element]) -> Result<Found, Fault> {
    truth(body.iter().find_map(|element| element.child("TonTai")).map(|found| Node::Xml(found, None)))
}

fn truth(node: Option<Node>) -> Result<Found, Fault> {
    match node.and_then(Node::text).as_deref() {
        Some("true" | "1") => Ok(Found::Truth(true)),
        Some("false" | "0") => Ok(Found::Truth(false)),
        _ => Err(faults::unreadable("neither true nor false")),
    }
}

/// SOAP inside a JSON text; some platforms write line feeds into it as the letters `u000a`.
fn wrapped(settings: &Settings, value: &Value) -> Result<Found, Fault> {
    let text = value.get("message").and_then(Value::as_str).unwrap_or_default();
    let text = text.trim().trim_start_matches("u000a").trim_end_matches("u000a");
    let envelope = soap::read(text.as_bytes())
        .map_err(|_| faults::unreadable("`message` holds no SOAP answer"))?;
    if let Some((code, reason)) = envelope.fault() {
        return Err(faults::soap_fault(&code, &reason));
    }
    let body = envelope.body;
    let has = |name: &str| body.iter().any(|element| element.child(name).is_some());
    match (has("SoLuongCongDan"), has("TonTai")) {
        (true, _) => count(&body),
        (_, true) => exists(&body),
        _ => collection_in(settings, &body),
    }
}

/// The same in JSON: the collection where a converter may have left it, or the persons alone.
fn collection(value: &Value) -> Result<Found, Fault> {
    let places = [
        "/Envelope/Body/CongdanCollection",
        "/Body/CongdanCollection",
        "/data/CongdanCollection",
        "/CongdanCollection",
        "/data",
        "",
    ];
    for place in places {
        match value.pointer(place) {
            Some(Value::Array(list)) => return Ok(Found::Persons(persons(list.iter().map(Node::Json).collect()))),
            Some(found) if found.get("CongDan").is_some() => {
                return Ok(Found::Persons(persons(Node::Json(found).all("CongDan"))));
            }
            Some(found) if found.get("SoDinhDanh").or(found.get("SoCMND")).is_some() => {
                return Ok(Found::Persons(persons(vec![Node::Json(found)])));
            }
            // A collection, or `data`, with nobody in it.
            Some(found) if !place.is_empty() && is_blank(found) => return Ok(Found::Persons(Vec::new())),
            _ => {}
        }
    }
    Err(faults::unreadable("there is no CongdanCollection"))
}

fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Object(fields) => fields.keys().all(|name| ["SoCongDan", "GhiChu", "ThoiDiemDuLieu", "id"].contains(&name.as_str())),
        _ => false,
    }
}

fn persons(nodes: Vec<Node>) -> Vec<Value> {
    nodes.into_iter().filter_map(person).collect()
}

/// A person; none without a name, which is how the database says that there is nobody.
fn person(node: Node) -> Option<Value> {
    let mut person = Sheet::default();
    person.numbers(node);
    person.put("name", name(node.get("HoVaTen")?));
    person.0.get("name")?;
    person.text("sex", node.text_of("GioiTinh"));
    person.text("ethnicity", coded(node.get("DanToc"), "MaDanToc"));
    person.text("religion", coded(node.get("TonGiao"), "MaTonGiao"));
    person.text("maritalStatus", node.text_of("TinhTrangHonNhan"));
    person.text("bloodGroup", node.text_of("NhomMau"));
    person.put("birth", node.get("NgayThangNamSinh").and_then(birth));
    person.put("birthRegisteredAt", node.get("NoiDangKyKhaiSinh").and_then(address));
    person.put("homeTown", node.get("QueQuan").and_then(address));
    person.put("permanentResidence", node.get("ThuongTru").and_then(address));
    person.put("currentResidence", node.get("NoiOHienTai").and_then(address));
    person.text("nationality", node.text_of("QuocTich"));
    for (ours, theirs) in
        [("father", "Cha"), ("mother", "Me"), ("spouse", "VoChong"), ("representative", "NguoiDaiDien")]
    {
        person.put(ours, node.get(theirs).and_then(relative));
    }
    person.put("householdHead", node.get("ChuHo").and_then(relative));
    person.text("householdBook", node.text_of("SoSoHoKhau"));
    person.whole()
}

/// Fields that are there.
#[derive(Default)]
struct Sheet(Map<String, Value>);

impl Sheet {
    fn put(&mut self, name: &str, value: Option<Value>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value);
        }
    }

    fn text(&mut self, name: &str, text: Option<String>) {
        self.put(name, text.map(Value::String));
    }

    fn numbers(&mut self, node: Node) {
        self.text("identityNumber", node.text_of("SoDinhDanh"));
        self.text("oldIdentityNumber", node.text_of("SoCMND"));
    }

    fn whole(self) -> Option<Value> {
        (!self.0.is_empty()).then_some(Value::Object(self.0))
    }
}

/// One text, or three parts of which most platforms fill the last with the whole name. Parts are told as parts only where the
/// database took the name apart itself.
fn name(node: Node) -> Option<Value> {
    let mut name = Sheet::default();
    if let Some(full) = node.text() {
        name.text("full", Some(full));
        return name.whole();
    }
    let parts = [node.text_of("Ho"), node.text_of("ChuDem"), node.text_of("Ten")];
    let [family, middle, given] = parts.clone();
    // Without its last part there is no name: that is how "nobody" looks on the wire.
    given.as_ref()?;
    if family.is_some() || middle.is_some() {
        name.text("family", family);
        name.text("middle", middle);
        name.text("given", given);
    }
    name.text("full", Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" ")));
    name.whole()
}

/// A code alone, or in a structure beside other names.
fn coded(node: Option<Node>, inside: &str) -> Option<String> {
    let node = node?;
    node.text().or_else(|| node.text_of(inside))
}

/// A date and a year, a year alone, or one text that is either.
fn birth(node: Node) -> Option<Value> {
    let mut birth = Sheet::default();
    let date = node.text().or_else(|| node.text_of("NgayThangNam"));
    let year = node.text_of("Nam").or_else(|| date.clone());
    birth.text("date", date.as_deref().and_then(day));
    let digits = |text: &String| text.len() == 4 && text.bytes().all(|b| b.is_ascii_digit());
    // Of a date that is no day (`19850000`) the year still stands.
    let year = year.map(|year| year.chars().take(4).collect::<String>());
    birth.text("year", year.filter(digits));
    birth.whole()
}

/// `yyyyMMdd` or `yyyy-MM-dd`, also with a zone or time behind, as `yyyy-MM-dd`.
fn day(text: &str) -> Option<String> {
    let text = text.get(..10).filter(|day| day.as_bytes()[4] == b'-').unwrap_or(text);
    let digits: String = text.chars().filter(|c| *c != '-').collect();
    let plain = digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_digit());
    let dashed = plain.then(|| format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..]))?;
    // The calendar of the core judges whether there is such a day.
    gateway_core::ids::Moment::parse(&format!("{dashed}T00:00:00Z")).map(|_| dashed)
}

/// Three codes, or one that is as exact as is known. Since July 2025 there are no districts.
fn address(node: Node) -> Option<Value> {
    let mut address = Sheet::default();
    let single = node.text_of("MaDonViHanhChinh");
    let of_length = |length: usize| single.clone().filter(|code| code.len() == length);
    address.text("province", node.text_of("MaTinhThanh").or_else(|| of_length(2)));
    address.text("district", node.text_of("MaQuanHuyen").or_else(|| of_length(3)));
    address.text("commune", node.text_of("MaPhuongXa").or_else(|| of_length(5)));
    address.text("detail", node.text_of("ChiTiet").or_else(|| node.text()));
    address.text("country", node.text_of("QuocGia"));
    address.whole()
}

/// Father, mother, spouse, …: the name as a text or in parts, either number, all of it optional.
fn relative(node: Node) -> Option<Value> {
    let mut relative = Sheet::default();
    relative.text("relation", node.text_of("QuanHe"));
    relative.put("name", node.get("HoVaTen").and_then(name));
    relative.text("nationality", node.text_of("QuocTich"));
    relative.numbers(node);
    relative.whole()
}
