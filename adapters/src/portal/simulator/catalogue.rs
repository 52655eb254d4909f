//! What the simulated portal publishes and is told beside dossiers: procedures, two dictionaries, questions, satisfaction; with columns in
//! capitals.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::field;

/// The lists, and whether they come as they should.
pub(super) struct Published {
    /// Name and whether it is published, by code.
    procedures: BTreeMap<String, (String, bool)>,
    empty: bool,
    /// Questions for an agency, and how many rows were told by which call.
    inquiries: Vec<Value>,
    reported: BTreeMap<String, u64>,
}

/// The example of the interface notes, in full.
const IN_FULL: &str = include_str!("../fixtures/lay-thu-tuc.json");

impl Default for Published {
    fn default() -> Self {
        let procedure = |code: &str, name: &str| (code.to_owned(), (name.to_owned(), true));
        let procedures = [
            procedure("1.003560", "Thủ tục thử nghiệm cấp giấy xác nhận"),
            procedure("9.000001", "Tuyển sinh trường mầm non"),
        ];
        Published {
            procedures: procedures.into(),
            empty: false,
            inquiries: Vec::new(),
            reported: BTreeMap::new(),
        }
    }
}

impl Published {
    /// The rows of a list, or one procedure in full; none if it is no service of this kind.
    pub(super) fn serve(&mut self, service: &str, body: &Value) -> Option<Value> {
        let row = |(code, (name, published)): (&String, &(String, bool))| json!({ "MATTHC": code, "TENTTHC": name, "TRANGTHAI": if *published { "1" } else { "0" } });
        Some(match service {
            _ if self.empty && service.starts_with("LayDan") => json!([]),
            "LayDanhSachTTHC" => self.procedures.iter().map(row).collect(),
            "LayThuTuc" => self.in_full(&field(body, "maTTHC")),
            "LayDanhMucLinhVuc" => {
                json!([{ "MALINHVUC": "G03-GD10", "TENLINHVUC": "Lĩnh vực thử nghiệm", "MANGANH": "G03" }])
            }
            "LayDanhMucCoQuan" => {
                json!([{ "MADONVI": "000.00.00.H99", "TENDONVI": "Sở Thử nghiệm tỉnh Mẫu", "CAPDONVI": "1" }])
            }
            "LayDanhSachHoiDapGuiTuDVCQG" => json!(self.inquiries),
            "DongBoDanhGia" | "DongBoHoiDap" | "DongBoKetQuaHoiDapGuiTuDVCQG" => {
                let rows = body.get("data").and_then(Value::as_array).map_or(0, Vec::len) as u64;
                *self.reported.entry(service.to_owned()).or_default() += rows;
                json!([])
            }
            _ => return None,
        })
    }

    /// How many rows were told by which call.
    pub(super) fn reported(&self) -> &BTreeMap<String, u64> {
        &self.reported
    }

    fn in_full(&self, code: &str) -> Value {
        let Some((name, published)) = self.procedures.get(code) else { return json!([]) };
        let mut full: Value = serde_json::from_str(IN_FULL).unwrap_or_default();
        if field(&full, "MATTHC") != code {
            full = json!({ "MATTHC": code });
        }
        full["TENTTHC"] = json!(name);
        full["TRANGTHAI"] = json!(if *published { "1" } else { "0" });
        json!([full])
    }

    /// `publish <code> <name>`, `withdraw <code>`, `publish-nothing` (its lists come empty), `publish-all`; `inquire <code> <text>`.
    pub(super) fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["publish", code, name @ ..] => {
                self.procedures.insert((*code).to_owned(), (name.join(" "), true));
            }
            ["withdraw", code] => match self.procedures.get_mut(*code) {
                Some((_, published)) => *published = false,
                None => return false,
            },
            ["inquire", code, text @ ..] => self.inquiries.push(json!({
                "HOIDAPID": code,
                "NOIDUNG": text.join(" "),
                "MADONVI": "000.00.00.H99",
                "HOVATEN": "Nguyễn Văn Thử",
                "TRANGTHAI": "1",
            })),
            ["publish-nothing"] => self.empty = true,
            ["publish-all"] => self.empty = false,
            _ => return false,
        }
        true
    }
}
