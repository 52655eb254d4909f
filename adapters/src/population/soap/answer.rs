//! Words an answer or a fault in the version of SOAP that was spoken.

use gateway_core::adapter::{Answer, Arrival, Body, Fate};
use gateway_core::fault::{Blame, Fault};
use serde_json::Value;

use super::NAMESPACE;
use super::inbound::operation;
use crate::population::person::{self, Record};
use crate::wire::refusal::{headers_of, status_of, without_success, words_of};
use crate::wire::soap::{self, Kind, Version};
use crate::wire::xml::Writer;

/// `…Response`, or a SOAP fault.
pub(super) fn reply(arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer {
    match said {
        Ok([Fate::Answered(answer)]) => match Record::read(answer) {
            Some(record) => worded(arrival, &record),
            None => refused(arrival, &person::unworded()),
        },
        Ok([Fate::Refused(fault)]) => refused(arrival, fault),
        Ok(_) => refused(arrival, &person::unworded()),
        Err(fault) => refused(arrival, fault),
    }
}

/// The version of the call: its envelope's, else what its media type says.
fn version(arrival: &Arrival) -> Version {
    match soap::read(&arrival.ask.body.bytes) {
        Ok(envelope) => envelope.version,
        Err(_) => {
            let media = arrival.ask.header("content-type").unwrap_or_default().to_ascii_lowercase();
            if media.starts_with("application/soap+xml") { Version::V12 } else { Version::V11 }
        }
    }
}

fn refused(arrival: &Arrival, fault: &Fault) -> Answer {
    let version = version(arrival);
    let kind = match fault.code.as_ref() {
        "soap.version" => Kind::Version,
        "soap.must-understand" => Kind::NotUnderstood(demanded(arrival)),
        _ if fault.blame == Blame::Sender => Kind::Sender,
        _ => Kind::Receiver,
    };
    let text = soap::write_fault(version, &kind, &words_of(fault), &detail(fault));
    // What the door said keeps its status; all else has the one that SOAP gives its faults.
    let by_door = ["auth.", "door."].iter().any(|start| fault.code.starts_with(start));
    let status = match (by_door || fault.code == "gateway.busy", version, kind) {
        (true, ..) => status_of(fault),
        (false, Version::V12, Kind::Sender) => 400,
        _ => 500,
    };
    let mut answer = told(status, version, text);
    answer.headers.extend(headers_of(fault, status));
    answer
}

fn demanded(arrival: &Arrival) -> Vec<(String, String)> {
    let envelope = soap::read(&arrival.ask.body.bytes);
    let named = envelope.iter().flat_map(|envelope| envelope.demands());
    named.map(|block| (block.namespace.clone(), block.name.clone())).collect()
}

fn detail(fault: &Fault) -> String {
    let mut writer = Writer::default();
    writer.start("Loi", &[("xmlns", NAMESPACE)]);
    writer.leaf("Ma", &fault.code);
    writer.leaf("MoTa", &without_success(&fault.words));
    for wrong in &fault.violations {
        writer.start("ChiTiet", &[]);
        writer.leaf("Truong", &wrong.path);
        writer.leaf("QuyTac", &wrong.rule);
        writer.leaf("MoTa", &without_success(&wrong.detail));
        writer.end("ChiTiet");
    }
    writer.end("Loi");
    writer.finish()
}

fn told(status: u16, version: Version, text: String) -> Answer {
    let headers = vec![("content-type".to_owned(), version.content_type().to_owned())];
    Answer { status, headers, body: Body::of(text) }
}

fn worded(arrival: &Arrival, record: &Record) -> Answer {
    let envelope = soap::read(&arrival.ask.body.bytes).ok();
    let asked = envelope.as_ref().and_then(|envelope| operation(envelope).ok());
    let Some((asked, _)) = asked else { return refused(arrival, &person::unworded()) };
    let root = format!("{}Response", asked.name);
    let mut writer = Writer::default();
    writer.start(&root, &[("xmlns", NAMESPACE)]);
    writer.leaf("KetQua", &record.outcome);
    record.persons.iter().for_each(|person| citizen(&mut writer, person));
    writer.end(&root);
    let version = version(arrival);
    told(200, version, soap::write(version, &writer.finish()))
}

/// What is there, in the order of the contract.
fn citizen(writer: &mut Writer, record: &Value) {
    writer.start("CongDan", &[]);
    texts(writer, record, &[("identityNumber", "SoDinhDanh"), ("oldIdentityNumber", "SoCMND")]);
    name(writer, record.get("name").unwrap_or(&Value::Null));
    texts(
        writer,
        record,
        &[
            ("sex", "GioiTinh"),
            ("ethnicity", "DanToc"),
            ("religion", "TonGiao"),
            ("maritalStatus", "TinhTrangHonNhan"),
            ("bloodGroup", "NhomMau"),
        ],
    );
    part(writer, record, "birth", "NgayThangNamSinh", &[("date", "NgayThangNam"), ("year", "Nam")]);
    part(writer, record, "birthRegisteredAt", "NoiDangKyKhaiSinh", &ADDRESS);
    texts(writer, record, &[("nationality", "QuocTich")]);
    part(writer, record, "homeTown", "QueQuan", &ADDRESS);
    part(writer, record, "permanentResidence", "ThuongTru", &ADDRESS);
    part(writer, record, "currentResidence", "NoiOHienTai", &ADDRESS);
    for (ours, theirs) in [
        ("father", "Cha"),
        ("mother", "Me"),
        ("spouse", "VoChong"),
        ("representative", "NguoiDaiDien"),
        ("householdHead", "ChuHo"),
    ] {
        relative(writer, record, ours, theirs);
    }
    texts(writer, record, &[("householdBook", "SoSoHoKhau")]);
    writer.end("CongDan");
}

const ADDRESS: [(&str, &str); 5] = [
    ("province", "MaTinhThanh"),
    ("district", "MaQuanHuyen"),
    ("commune", "MaPhuongXa"),
    ("detail", "ChiTiet"),
    ("country", "QuocGia"),
];

fn texts(writer: &mut Writer, record: &Value, names: &[(&str, &str)]) {
    for (ours, theirs) in names {
        if let Some(text) = record.get(*ours).and_then(Value::as_str) {
            writer.leaf(theirs, text);
        }
    }
}

fn part(writer: &mut Writer, record: &Value, ours: &str, theirs: &str, names: &[(&str, &str)]) {
    if let Some(part) = record.get(ours) {
        writer.start(theirs, &[]);
        texts(writer, part, names);
        writer.end(theirs);
    }
}

fn name(writer: &mut Writer, name: &Value) {
    writer.start("HoVaTen", &[]);
    texts(writer, name, &[("family", "Ho"), ("middle", "ChuDem"), ("given", "Ten")]);
    writer.leaf("DayDu", person::text(name, "/full"));
    writer.end("HoVaTen");
}

fn relative(writer: &mut Writer, record: &Value, ours: &str, theirs: &str) {
    let Some(person) = record.get(ours) else { return };
    writer.start(theirs, &[]);
    texts(writer, person, &[("relation", "QuanHe")]);
    if let Some(own) = person.get("name") {
        name(writer, own);
    }
    texts(
        writer,
        person,
        &[("nationality", "QuocTich"), ("identityNumber", "SoDinhDanh"), ("oldIdentityNumber", "SoCMND")],
    );
    writer.end(theirs);
}
