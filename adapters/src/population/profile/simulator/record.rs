//! The citizens of the simulator and how their records look on the wire. All of them are made up.
//!
//! A record is built once, in the fields' own names, and written as XML or JSON. How it looks varies as it does in the field:
//! the whole name in `Ten`, empty elements, a year for a date, relatives as texts or structures.

use serde_json::{Map, Value, json};

use super::question::{Asked, same_name};
use crate::population::profile::settings::Settings;
use crate::wire::xml::Writer;

/// The words of `nudge` that change how the next answer looks.
pub(super) const WORDS: [&str; 9] = [
    "several",
    "year-only",
    "mismatch",
    "empty-elements",
    "no-name",
    "structures",
    "no-district",
    "letters-for-lines",
    "nobody",
];

/// One citizen.
#[derive(Debug, Clone)]
pub(super) struct Citizen {
    number: String,
    old_number: String,
    name: String,
    /// `yyyy-MM-dd`, or a year.
    birth: String,
    sex: String,
}

/// How the next answer looks.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) letters_for_lines: bool,
    several: bool,
    year_only: bool,
    mismatch: bool,
    empty: bool,
    no_name: bool,
    structures: bool,
    no_district: bool,
    nobody: bool,
}

impl Look {
    pub(super) fn of(word: &str) -> Look {
        Look {
            letters_for_lines: word == "letters-for-lines",
            several: word == "several",
            year_only: word == "year-only",
            mismatch: word == "mismatch",
            empty: word == "empty-elements",
            no_name: word == "no-name",
            structures: word == "structures",
            no_district: word == "no-district",
            nobody: word == "nobody",
        }
    }
}

impl Citizen {
    /// Those of a simulator that is told of none.
    pub(super) fn known() -> Vec<Citizen> {
        let citizen = |number: &str, old: &str, name: &str, birth: &str, sex: &str| Citizen {
            number: number.to_owned(),
            old_number: old.to_owned(),
            name: name.to_owned(),
            birth: birth.to_owned(),
            sex: sex.to_owned(),
        };
        vec![
            citizen("001085000000", "000000000", "NGUYỄN VĂN THỬ", "1985-01-02", "1"),
            citizen("001190000000", "", "TRẦN THỊ MẪU", "1990-12-31", "2"),
            citizen("001150000000", "000000001", "H'BIA NIÊ KĐĂM", "1950", "2"),
        ]
    }

    /// One of the settings' table: `number`, `old_number`, `name`, `birth`, `sex`.
    pub(super) fn read(value: &toml::Value) -> Option<Citizen> {
        let text = |key: &str| value.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let citizen = Citizen {
            number: text("number"),
            old_number: text("old_number"),
            name: text("name"),
            birth: text("birth"),
            sex: text("sex"),
        };
        (!citizen.name.is_empty()).then_some(citizen)
    }

    /// Is this who is asked for? All that was given must be right.
    pub(super) fn is_meant(&self, settings: &Settings, asked: &Asked) -> bool {
        let number = |own: &str, given: &str| given.is_empty() || own == given;
        let year = self.birth.get(..4).unwrap_or_default();
        let birth = asked.birth.is_empty()
            || asked.birth == year
            || (self.birth.len() == 10 && asked.birth == settings.dates.write(&self.birth));
        number(&self.number, &asked.number)
            && number(&self.old_number, &asked.old_number)
            && same_name(&self.name, &asked.name)
            && birth
    }

    fn record(&self, look: &Look) -> Value {
        let blank = || json!("");
        let year = self.birth.get(..4).unwrap_or_default();
        let day = match self.birth.len() {
            10 if !look.year_only => self.birth.replace('-', ""),
            _ => String::new(),
        };
        let district = if look.no_district { None } else { Some(blank()) };
        let address = |detail: &str| {
            let mut address = Map::new();
            address.insert("MaTinhThanh".to_owned(), json!("01"));
            if let Some(district) = &district {
                address.insert("MaQuanHuyen".to_owned(), district.clone());
            }
            address.insert("MaPhuongXa".to_owned(), json!("00000"));
            address.insert("ChiTiet".to_owned(), json!(detail));
            address.insert("QuocGia".to_owned(), json!("VN"));
            Value::Object(address)
        };
        let parts = |whole: &str| json!({ "Ho": "", "ChuDem": "", "Ten": whole });
        let kin = |whole: &str, number: &str| {
            let name = if look.structures { parts(whole) } else { json!(whole) };
            json!({ "HoVaTen": name, "QuocTich": if whole.is_empty() { "" } else { "VN" }, "SoDinhDanh": number, "SoCMND": "" })
        };
        let number = if look.mismatch { "001099999999" } else { self.number.as_str() };
        let coded = |name: &str, code: &str| if look.structures { json!({ name: code }) } else { json!(code) };
        let mut record = json!({
            "SoDinhDanh": number,
            "SoCMND": self.old_number,
            "HoVaTen": parts(if look.no_name { "" } else { &self.name }),
            "GioiTinh": self.sex,
            "DanToc": coded("MaDanToc", "01"),
            "TonGiao": coded("MaTonGiao", "00"),
            "TinhTrangHonNhan": "2",
            "NhomMau": "00",
            "NgayThangNamSinh": { "Nam": year, "NgayThangNam": day },
            "NoiDangKyKhaiSinh": address("PHƯỜNG MẪU, THÀNH PHỐ HÀ NỘI"),
            "QuocTich": "",
            "QueQuan": address("PHƯỜNG MẪU, THÀNH PHỐ HÀ NỘI"),
            "ThuongTru": address("SỐ 0 PHỐ MẪU"),
            "NoiOHienTai": address("SỐ 0 PHỐ MẪU"),
            "Cha": kin("NGUYỄN VĂN MẪU CHA", "001058000000"),
            "Me": kin("", ""),
            "VoChong": kin("", ""),
            "NguoiDaiDien": "",
            "ChuHo": { "QuanHe": "CH01", "SoDinhDanh": number, "SoCMND": "", "HoVaTen": self.name },
            "SoSoHoKhau": "",
        });
        if look.empty {
            for name in ["GioiTinh", "DanToc", "TonGiao", "ThuongTru", "QueQuan", "NoiOHienTai", "Cha", "ChuHo"] {
                record[name] = blank();
            }
        }
        record
    }
}

/// The records of these citizens.
pub(super) fn persons(found: &[&Citizen], look: &Look) -> Vec<Value> {
    if look.nobody {
        return Vec::new();
    }
    let times = if look.several { 2 } else { 1 };
    found.iter().flat_map(|citizen| std::iter::repeat_n(citizen.record(look), times)).collect()
}

/// `CongdanCollection`; the prefix is one that no client should look for.
pub(super) fn collection(namespace: &str, persons: &[Value]) -> String {
    let mut writer = Writer::default();
    writer.start("ns1:CongdanCollection", &[("xmlns:ns1", namespace)]);
    for person in persons {
        element(&mut writer, "ns1:CongDan", person);
    }
    writer.end("ns1:CongdanCollection");
    writer.finish()
}

fn element(writer: &mut Writer, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            writer.start(name, &[]);
            for (field, value) in fields {
                element(writer, &format!("ns1:{field}"), value);
            }
            writer.end(name);
        }
        other => writer.leaf(name, other.as_str().unwrap_or_default()),
    }
}

/// One person is an object, several are a list, nobody is nothing: as converters do it.
pub(super) fn in_json(persons: &[Value]) -> Value {
    match persons {
        [] => json!(""),
        [one] => json!({ "CongDan": one }),
        several => json!({ "CongDan": several }),
    }
}

/// An element with one text in it.
pub(super) fn single(namespace: &str, root: &str, name: &str, text: &str) -> String {
    let root = format!("ns2:{root}");
    let mut writer = Writer::default();
    writer.start(&root, &[("xmlns:ns2", namespace)]);
    writer.leaf(&format!("ns2:{name}"), text);
    writer.end(&root);
    writer.finish()
}
