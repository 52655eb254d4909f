//! Where the software is told of payments. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::settings::Reader;

/// The settings of one peer.
pub(in crate::payment) struct Settings {
    /// `paid_path`: where payments are posted, below the endpoint's base address.
    pub(super) paid_path: String,
}

impl Settings {
    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::payment) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let settings = Settings { paid_path: reader.text("paid_path", "/payment/paid") };
        (settings, reader.finish())
    }
}
