//! Where the province's software is given what the portal pushes, and what of its answer is its own code. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::settings::{Reader, sound};

/// Where software that already takes the portal's pushes takes them.
const FORWARD: &str = "/XrdAdapter/RestService/forward";

/// The settings of one peer.
pub(super) struct Settings {
    /// `submitted_path`: new dossiers.
    pub(super) submitted_path: String,
    /// `amended_path`: amendments.
    pub(super) amended_path: String,
    /// `land_tax_noticed_path`: notices of land tax.
    pub(super) land_tax_noticed_path: String,
    /// `land_tax_paid_path`: proofs of payment.
    pub(super) land_tax_paid_path: String,
    /// `payment_confirmed_path`: payments that a provider confirmed.
    pub(super) payment_confirmed_path: String,
    /// `body = "object"`, or `"array"` where one object alone is not taken.
    pub(super) in_array: bool,
    /// `own_code_at`: where its answer may have its own code for the dossier; the first that is there counts.
    pub(super) own_code_at: Vec<String>,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(super) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        let settings = Settings {
            submitted_path: reader.text("submitted_path", &format!("{FORWARD}/addtthcKhuyenMai")),
            amended_path: reader.text("amended_path", &format!("{FORWARD}/nhanhsdvcqg")),
            land_tax_noticed_path: reader
                .text("land_tax_noticed_path", &format!("{FORWARD}/nhantbthuedvcqg")),
            land_tax_paid_path: reader.text("land_tax_paid_path", &format!("{FORWARD}/nhanhsdvcqg")),
            payment_confirmed_path: reader
                .text("payment_confirmed_path", &format!("{FORWARD}/nhanhsdvcqg")),
            in_array: reader.word("body", &["object", "array"]) == "array",
            own_code_at: reader
                .texts("own_code_at", &["MaHoSoDonVi", "result.MaHoSoDonVi", "data.MaHoSoDonVi"]),
        };
        sound((settings, reader.finish()))
    }
}
