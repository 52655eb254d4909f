//! What differs between accounts at the Payment Platform. Nothing secret stands here.

use gateway_core::fault::Defect;
use gateway_core::payment::NUMBER_LETTERS;

use crate::settings::{Reader, defect};

/// References are not longer than this, and begin with the partner's code.
const REFERENCE_LETTERS_MAX: usize = 20;

/// The settings of one peer.
#[derive(Debug, Clone)]
pub(in crate::payment) struct Settings {
    pub(super) partner_code: String,
    pub(super) version: String,
    pub(super) init_path: String,
    pub(super) query_path: String,
    pub(super) bill_path: String,
    pub(super) query_every_seconds: u32,
    /// What is signed of our answer to CONFIRM, in this order.
    pub(super) answer_signed: Vec<String>,
}

impl Settings {
    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::payment) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let signed = ["MaLoi", "MoTaLoi", "MaDoiTac", "MaThamChieu", "ThoiGianGD"];
        let settings = Settings {
            partner_code: reader.text("partner_code", ""),
            version: reader.text("version", "1.0.6"),
            init_path: reader.text("init_path", "/payment/init"),
            query_path: reader.text("query_path", "/payment/query"),
            bill_path: reader.text("bill_path", "/payment/getbill"),
            query_every_seconds: reader.count("query_every_seconds", 120),
            answer_signed: reader.texts("answer_signed", &signed),
        };
        let letters_max = REFERENCE_LETTERS_MAX - NUMBER_LETTERS;
        let code = &settings.partner_code;
        if code.len() > letters_max || !code.bytes().all(|letter| letter.is_ascii_alphanumeric()) {
            let message = format!("letters and digits, at most {letters_max}: a reference begins with it and has at most {REFERENCE_LETTERS_MAX}");
            reader.push(defect("partner_code", message));
        }
        (settings, reader.finish())
    }
}
