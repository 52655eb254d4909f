//! What is signed of a call, in which order: the one place that knows it.
//!
//! `MaXacThuc` is SHA-256 of the field values, as they stand in the call, joined by `|`, and behind the last `|` the secret.

use serde_json::Value;

use crate::payment::seal::{exact, sha256};

/// The field that holds it.
pub(super) const FIELD: &str = "MaXacThuc";

/// INIT: time before address, and information before both.
pub(super) const INIT: [&str; 14] = [
    "LoaiBanTin",
    "PhienBan",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "LoaiHinhThanhToan",
    "MaKenhThanhToan",
    "MaThietBi",
    "NgonNgu",
    "MaTienTe",
    "MaNganHang",
    "ThongTinGiaoDich",
    "ThoiGianGD",
    "Ip",
];

/// CONFIRM: time before information.
pub(super) const CONFIRM: [&str; 10] = [
    "LoaiBanTin",
    "MaLoi",
    "MaDoiTac",
    "MaThamChieu",
    "SoTien",
    "MaTienTe",
    "MaGiaoDich",
    "MaNganHang",
    "ThoiGianGD",
    "ThongTinGiaoDich",
];

/// QUERY and GET_BILL.
pub(super) const QUERY: [&str; 5] = ["LoaiBanTin", "PhienBan", "MaDoiTac", "MaThamChieu", "ThoiGianGD"];

/// Is there one way only to take the signed text apart into these fields? A sign between two of them that also stands within one would
/// let whoever has one signed call move values from field to field under the same signature. Within the last it moves nothing.
pub(super) fn is_plain(body: &Value, fields: &[&str]) -> bool {
    fields.iter().rev().skip(1).all(|field| !exact(body, field).contains('|'))
}

/// The digest over these fields.
pub(super) fn made<'a>(body: &Value, fields: impl IntoIterator<Item = &'a str>, secret: &str) -> String {
    let mut text = String::new();
    for field in fields {
        text.push_str(&exact(body, field));
        text.push('|');
    }
    text.push_str(secret);
    sha256(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payment::seal::agree;
    use serde_json::json;

    const SECRET: &str = "KHOABIMATTHU";
    const PUBLISHED: &str = "f29409b0957d3648bf130ac4529e642901c3e0dd8c1745f55384c5c7466f6201";

    fn confirm() -> Value {
        json!({
            "LoaiBanTin": "CONFIRM", "MaLoi": "00", "MaDoiTac": "DOITACTHU", "MaThamChieu": "TC2603100000000007",
            "SoTien": "50000", "MaTienTe": "VND", "MaGiaoDich": "GD000000001", "MaNganHang": "NHTHU",
            "ThoiGianGD": "20260310102030", "ThongTinGiaoDich": "Le phi H99.14-260310-0007",
        })
    }

    #[test]
    fn the_published_vector_comes_out() {
        assert_eq!(made(&confirm(), CONFIRM, SECRET), PUBLISHED);
        assert!(agree(PUBLISHED, &PUBLISHED.to_uppercase()));
        assert!(!agree(PUBLISHED, "") && !agree(PUBLISHED, &PUBLISHED[1..]));
    }

    #[test]
    fn a_number_is_signed_as_it_was_written() {
        let mut body = confirm();
        body["SoTien"] = json!(50000);
        assert_eq!(made(&body, CONFIRM, SECRET), PUBLISHED);
        body["SoTien"] = json!(50000.0);
        assert_ne!(made(&body, CONFIRM, SECRET), PUBLISHED);
    }

    #[test]
    fn no_value_moves_from_field_to_field_under_one_signature() {
        let mut whole = confirm();
        whole["ThongTinGiaoDich"] = json!("Le phi|lan 1");
        assert!(is_plain(&whole, &CONFIRM));
        let mut moved = whole.clone();
        moved["ThoiGianGD"] = json!("20260310102030|Le phi");
        moved["ThongTinGiaoDich"] = json!("lan 1");
        // The same text, and another call.
        assert_eq!(made(&moved, CONFIRM, SECRET), made(&whole, CONFIRM, SECRET));
        assert!(!is_plain(&moved, &CONFIRM));
    }

    #[test]
    fn any_changed_byte_fails() {
        for field in CONFIRM {
            let whole = confirm()[field].as_str().unwrap().to_owned();
            for place in 0..=whole.len() {
                for letter in ["x", " ", "0", "|"] {
                    let mut body = confirm();
                    body[field] = json!(format!("{}{letter}{}", &whole[..place], &whole[place..]));
                    assert_ne!(made(&body, CONFIRM, SECRET), PUBLISHED, "{field} with `{letter}` at {place}");
                }
                if place < whole.len() {
                    let mut body = confirm();
                    body[field] = json!(format!("{}{}", &whole[..place], &whole[place + 1..]));
                    assert_ne!(made(&body, CONFIRM, SECRET), PUBLISHED, "{field} without its letter {place}");
                }
            }
        }
        assert_ne!(made(&confirm(), CONFIRM, "KHOABIMATTHU "), PUBLISHED);
        // Time and information change places between INIT and CONFIRM: the one order is not the other.
        let swapped = CONFIRM.map(|field| match field {
            "ThoiGianGD" => "ThongTinGiaoDich",
            "ThongTinGiaoDich" => "ThoiGianGD",
            other => other,
        });
        assert_ne!(made(&confirm(), swapped, SECRET), PUBLISHED);
    }
}
