//! Frames a question of OpenCPS and words its answer.

use gateway_core::adapter::{Answer, Arrival, Ask, Fate, Heard, Licensed, Payload};
use gateway_core::fault::Fault;
use gateway_core::json;
use serde_json::{Map, Value, json};

use super::Settings;
use crate::population::frame;
use crate::population::person::{self, Record};
use crate::population::{LOOK_UP, VERIFY, VERIFY_KIN};
use crate::wire::refusal::{headers_of, status_of, words_of};

const FRAME: &str = "question.frame";

/// Our codes of what the licence refuses, and the software's own.
const CODES: [(&str, &str); 5] = [
    ("licence.no-procedure", "001"),
    ("licence.no-unit", "002"),
    ("licence.no-officer", "003"),
    ("licence.procedure", "004"),
    ("licence.officer", "005"),
];

/// `GET …/role/employee?serviceCode=`: may this procedure look up, and under which code? The button is shown where somebody may: only the
/// question itself names officer and unit, and the licence decides there.
pub(super) fn probe(settings: &Settings, ask: &Ask, licensed: &Licensed<'_>) -> Option<Answer> {
    let path = ask.path.trim_end_matches('/').to_ascii_lowercase();
    if !path.ends_with("/rest/v2/qldc/role/employee") || frame::check_url(ask).is_err() {
        return None;
    }
    let procedure = ask.query("serviceCode").unwrap_or_default();
    // Rows that name no code are for the one that the software waits for.
    let code = licensed(LOOK_UP, procedure.trim()).map(|codes| match codes.first() {
        Some(first) if !codes.contains(&settings.look_up_code) => first.clone(),
        _ => settings.look_up_code.clone(),
    });
    let code = code.unwrap_or_default();
    Some(Answer::json(200, &json!({ "serviceCode": procedure, "serviceDvcqg": code })))
}

/// One object is one question.
pub(super) fn receive(arrival: &Arrival) -> Result<Heard, Fault> {
    frame::check_url(&arrival.ask)?;
    let mut body = object(&arrival.ask.body.bytes)?;
    let kind = kind(&body)?;
    let has = |name: &str| body.get(name).and_then(|value| frame::text(Some(value))).is_some();
    frame::check_number(has("SoDinhDanh") || has("SoCMND"), ["SoDinhDanh", "SoCMND"])?;
    let own = ["MaHoSo", "dossierNo"].iter().find_map(|name| frame::text(body.get(*name)));
    let dossier = frame::dossier(&arrival.ask, own);
    if let Some(code) = &dossier {
        body.insert("MaHoSo".to_owned(), Value::from(code.as_str()));
    }
    if let Some(birth) = body.get_mut("NgayThangNamSinh") {
        structured(birth);
    }
    let unit = ["GovAgencyCode", "MaDonVi"].iter().find_map(|name| frame::text(body.get(*name)));
    Ok(Heard::Question(frame::item(kind, dossier, unit, Payload::Json(Value::Object(body)))))
}

/// A plain birth date becomes the structure with one child that the guide has.
fn structured(birth: &mut Value) {
    if let Some(text) = frame::text(Some(birth)) {
        let name = if text.chars().count() == 4 { "Nam" } else { "NgayThangNam" };
        *birth = json!({ name: text });
    } else if birth.as_str().is_some() {
        *birth = Value::Null;
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    match json::parse(bytes)? {
        Value::Object(object) => Ok(object),
        _ => Err(Fault::sender(FRAME, "nội dung phải là một đối tượng JSON có trường type")),
    }
}

fn kind(body: &Map<String, Value>) -> Result<&'static str, Fault> {
    let name = body.get("type").and_then(Value::as_str).unwrap_or_default().trim();
    let name = name.strip_suffix("Request").unwrap_or(name);
    [
        ("TraCuuThongTinCongDan", LOOK_UP),
        ("XacThucThongTinCongDan", VERIFY),
        ("XacMinhThongTinNhanThan", VERIFY_KIN),
    ]
    .into_iter()
    .find(|(known, _)| known.eq_ignore_ascii_case(name))
    .map(|(_, kind)| kind)
    .ok_or_else(|| Fault::sender("question.operation", "trường type phải là tên một dịch vụ được hỗ trợ"))
}

/// The SOAP answer as JSON, or the error this software knows.
pub(super) fn reply(settings: &Settings, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    let fault = match said {
        Ok([Fate::Answered(answer)]) => match Record::read(answer) {
            Some(record) => return Answer::json(200, &worded(settings, arrival, &record)),
            None => person::unworded(),
        },
        Ok([Fate::Refused(fault)]) => fault.clone(),
        Ok(_) => person::unworded(),
        Err(fault) => fault.clone(),
    };
    error(&fault)
}

fn error(fault: &Fault) -> Answer {
    let own = CODES.iter().find(|(code, _)| *code == fault.code).map(|(_, own)| *own);
    let status = if own.is_some() { 400 } else { status_of(fault) };
    let code = own.unwrap_or(fault.code.as_ref());
    let mut answer =
        Answer::json(status, &json!({ "message": "Error", "errorCode": code, "description": words_of(fault) }));
    answer.headers.extend(headers_of(fault, status));
    answer
}

fn worded(settings: &Settings, arrival: &Arrival, record: &Record) -> Value {
    let asked = object(&arrival.ask.body.bytes).unwrap_or_default();
    let body = match kind(&asked) {
        // The interface of 2023 answers yes or no, that of 2021 a number.
        Ok(VERIFY) if asked.contains_key("MaDichVu") || arrival.ask.path.trim_end_matches('/').ends_with("/dvcqg") => {
            json!({ "KetQuaXacThucResponse": { "TonTai": record.matches().to_string() } })
        }
        Ok(VERIFY) => {
            let number = if record.matches() { "1" } else { "0" };
            json!({ "XacThucThongTinCongDanResponse": { "SoLuongCongDan": number } })
        }
        _ => json!({ "CongdanCollection": collection(record) }),
    };
    match settings.keeps_root {
        true => json!({ "Envelope": { "Body": body } }),
        false => json!({ "Body": body }),
    }
}

/// Nobody is a collection without anybody; one person an object, several a list.
fn collection(record: &Record) -> Value {
    match record.persons.as_slice() {
        [] => json!({}),
        [one] => json!({ "CongDan": citizen(one) }),
        several => json!({ "CongDan": several.iter().map(citizen).collect::<Vec<_>>() }),
    }
}

/// All fields, empty ones as empty texts, codes as texts, in the names of the database.
fn citizen(record: &Value) -> Value {
    let text = |path: &str| person::text(record, path);
    let address = |place: &str| {
        let text = |name: &str| person::text(record, &format!("{place}/{name}")).to_owned();
        json!({
            "MaTinhThanh": text("province"), "MaQuanHuyen": text("district"), "MaPhuongXa": text("commune"),
            "ChiTiet": text("detail"), "QuocGia": text("country"),
        })
    };
    let relative = |place: &str| {
        let text = |name: &str| person::text(record, &format!("{place}/{name}")).to_owned();
        json!({
            "HoVaTen": text("name/full"), "QuocTich": text("nationality"),
            "SoDinhDanh": text("identityNumber"), "SoCMND": text("oldIdentityNumber"),
        })
    };
    let mut head = relative("/householdHead");
    head["QuanHe"] = json!(text("/householdHead/relation"));
    let parts = !text("/name/family").is_empty() || !text("/name/middle").is_empty();
    let given = if parts { text("/name/given") } else { text("/name/full") };
    json!({
        "SoDinhDanh": text("/identityNumber"),
        "SoCMND": text("/oldIdentityNumber"),
        "HoVaTen": { "Ho": text("/name/family"), "ChuDem": text("/name/middle"), "Ten": given },
        "GioiTinh": text("/sex"),
        "DanToc": text("/ethnicity"),
        "TonGiao": text("/religion"),
        "TinhTrangHonNhan": text("/maritalStatus"),
        "NhomMau": text("/bloodGroup"),
        "NgayThangNamSinh": {
            "Nam": text("/birth/year"), "NgayThangNam": text("/birth/date").replace('-', ""),
        },
        "NoiDangKyKhaiSinh": address("/birthRegisteredAt"),
        "QuocTich": text("/nationality"),
        "QueQuan": address("/homeTown"),
        "ThuongTru": address("/permanentResidence"),
        "NoiOHienTai": address("/currentResidence"),
        "Cha": relative("/father"),
        "Me": relative("/mother"),
        "VoChong": relative("/spouse"),
        "NguoiDaiDien": relative("/representative"),
        "ChuHo": head,
        "SoSoHoKhau": text("/householdBook"),
    })
}
