//! The fields of the portal's two messages, as a table: what a dossier and a step can say, in the peers' own names.
//!
//! The names stand here once more on purpose: a field that got lost in a schema or mapping is lost against this list. `fill`
//! makes a document with a value of its own in every field.

use serde_json::{Map, Value, json};

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub enum Holds {
    /// Any text.
    Text,
    /// A text that is at most so long.
    Short(usize),
    /// `yyyyMMddHHmmss`.
    Date,
    /// One of these codes, which all systems write alike.
    Code(&'static [&'static str]),
    /// A whole number on the portal's wire.
    Number,
    /// `true` or `false` on the portal's wire.
    Truth,
    /// A list of objects.
    List(&'static [Field]),
}

/// A field and what it holds.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// As the peers write it.
    pub name: &'static str,
    /// What may be in it.
    pub holds: Holds,
    /// No message can do without it.
    pub required: bool,
}

const fn field(name: &'static str, holds: Holds) -> Field {
    Field { name, holds, required: false }
}

const fn required(name: &'static str, holds: Holds) -> Field {
    Field { name, holds, required: true }
}

use Holds::{Code, Date, List, Number, Short, Text, Truth};

const STATES: Holds = Code(&["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
const FLAG: Holds = Code(&["0", "1"]);

/// A dossier, table 3.1: 27 fields of the standard, the indicators of 2022, and what working code adds. In the order of the XSD.
pub const DOSSIER: &[Field] = &[
    required("MaHoSo", Short(60)),
    required("MaTTHC", Short(50)),
    field("TenTTHC", Text),
    field("MaLinhVuc", Text),
    field("TenLinhVuc", Text),
    field("KenhThucHien", Code(&["1", "2", "3"])),
    field("SoBienNhan", Text),
    field("SoGiayToChuHoSo", Short(40)),
    field("ChuHoSo", Text),
    field("LoaiDoiTuong", Code(&["1", "2", "3", "4"])),
    field("MaDoiTuong", Text),
    field("ThongTinKhac", Text),
    field("Email", Text),
    field("Fax", Text),
    field("SoDienThoai", Text),
    field("TrichYeuHoSo", Short(1000)),
    field("NgayNopHoSo", Date),
    field("NgayTiepNhan", Date),
    field("NgayHenTra", Date),
    required("TrangThaiHoSo", STATES),
    field("NgayTra", Date),
    field("ThongTinTra", Text),
    field("HinhThuc", FLAG),
    field("NgayKetThucXuLy", Date),
    field("NgayTuChoi", Date),
    field("DonViXuLy", Text),
    field("GhiChu", Short(2000)),
    field("TaiLieuNop", List(PAPER)),
    field("DanhSachLePhi", List(FEE)),
    field("DanhSachTepDinhKemKhac", List(OTHER_PAPER)),
    field("DanhSachHoSoBoSung", List(SUPPLEMENT)),
    field("DanhSachGiayToKetQua", List(RESULT)),
    field("NoiNopHoSo", Code(&["1", "2"])),
    field("HoSoCoThanhPhanSoHoa", FLAG),
    field("TaiKhoanDuocXacThucVoiVNeID", FLAG),
    field("DuocThanhToanTrucTuyen", Code(&["0", "1", "2", "3"])),
    field("DinhDanhCHS", List(IDENTITY)),
    field("DSKetNoiCSDL", List(DATABASE)),
];

/// A step, table 3.2: the nine fields of the standard.
pub const STEP: &[Field] = &[
    required("MaHoSo", Short(60)),
    field("NguoiXuLy", Short(50)),
    field("ChucDanh", Text),
    required("ThoiDiemXuLy", Date),
    field("PhongBanXuLy", Text),
    field("NoiDungXuLy", Text),
    required("TrangThai", STATES),
    field("NgayBatDau", Date),
    field("NgayKetThucTheoQuyDinh", Date),
];

/// A paper submitted.
pub const PAPER: &[Field] = &[
    field("TepDinhKemId", Text),
    field("TenTepDinhKem", Short(4000)),
    field("IsDeleted", Code(&["True", "False"])),
    field("MaThanhPhanHoSo", Text),
    field("DuongDanTaiTepTin", Text),
    field("DuocSoHoa", FLAG),
    field("DuocTaiSuDung", Code(&["0", "1", "2"])),
    field("DuocLayTuKhoDMQG", FLAG),
    field("MaKetQuaThayThe", Text),
];

/// A fee.
pub const FEE: &[Field] = &[
    field("TenPhiLePhi", Text),
    field("MaPhiLePhi", Text),
    field("HinhThucThu", Text),
    field("Gia", Text),
    field("LoaiPhiLePhi", Text),
];

/// A paper that is no file.
pub const OTHER_PAPER: &[Field] =
    &[field("TenGiayTo", Short(2000)), field("SoLuong", Number), field("LoaiGiayTo", Number)];

/// A request for supplements.
pub const SUPPLEMENT: &[Field] = &[
    field("HoSoBoSungId", Text),
    field("NguoiYeuCauBoSung", Text),
    field("NoiDungBoSung", Text),
    field("NgayBoSung", Date),
    field("NguoiTiepNhanBoSung", Text),
    field("ThongTinTiepNhan", Text),
    field("NgayTiepNhanBoSung", Date),
    field("TrangThaiBoSung", Truth),
    field("DanhSachGiayToBoSung", List(PAPER)),
    field("DanhSachLePhiBoSung", List(FEE)),
    field("NgayHenTraTruoc", Date),
    field("NgayHenTraMoi", Date),
];

/// A result.
pub const RESULT: &[Field] = &[
    field("TenGiayTo", Short(2000)),
    field("MaThanhPhanHoSo", Text),
    field("GiayToId", Text),
    field("DuongDanTepTinKetQua", Text),
    field("MaGiayToKetQua", Text),
];

/// An identity paper of the owner.
pub const IDENTITY: &[Field] = &[field("LoaiDinhDanh", Text), field("SoDinhDanh", Text)];

/// A national database that was used.
pub const DATABASE: &[Field] = &[field("MaCSDL", Text)];

/// A document with a value of its own in every field, two elements in every list, as the portal's wire has it.
pub fn fill(fields: &[Field]) -> Value {
    let mut number = 0;
    object(fields, &mut number)
}

fn object(fields: &[Field], number: &mut usize) -> Value {
    let filled = fields.iter().map(|field| {
        *number += 1;
        let value = match field.holds {
            Text => json!(format!("{} số {number}", field.name)),
            Short(most) => json!(format!("{number} {}", field.name).chars().take(most).collect::<String>()),
            Date => json!(format!("2026{:02}{:02}0{}3005", *number % 12 + 1, *number % 28 + 1, *number % 10)),
            Code(codes) => json!(codes[*number % codes.len()]),
            Number => json!(*number),
            Truth => json!(number.is_multiple_of(2)),
            List(inside) => json!([object(inside, number), object(inside, number)]),
        };
        (field.name.to_owned(), value)
    });
    Value::Object(filled.collect::<Map<String, Value>>())
}

/// The same document as XML sees it: every value is a text.
pub fn as_texts(document: &Value) -> Value {
    match document {
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (name.clone(), as_texts(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(as_texts).collect()),
        Value::String(_) | Value::Null => document.clone(),
        other => Value::String(other.to_string()),
    }
}

/// Writes it as one item of a call in XML.
pub fn to_xml(root: &str, item: &str, document: &Value) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"urn:lienthong:onestop:hoso:1\">"
    );
    element(&mut xml, item, document);
    xml.push_str(&format!("</{root}>"));
    xml
}

fn element(xml: &mut String, name: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| element(xml, name, item)),
        Value::Null => {}
        Value::Object(fields) => {
            xml.push_str(&format!("<{name}>"));
            fields.iter().for_each(|(name, value)| element(xml, name, value));
            xml.push_str(&format!("</{name}>"));
        }
        Value::String(text) => {
            let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            xml.push_str(&format!("<{name}>{text}</{name}>"));
        }
        other => xml.push_str(&format!("<{name}>{other}</{name}>")),
    }
}
