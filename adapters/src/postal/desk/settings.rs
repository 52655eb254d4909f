//! Where the software is told of shipments. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::settings::Reader;

/// The settings of one peer.
pub(in crate::postal) struct Settings {
    /// `status_path`: where confirmed changes are posted, below the endpoint's base address.
    pub(super) status_path: String,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(in crate::postal) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let (settings, defects) = Settings::gather(table);
        if defects.is_empty() { Ok(settings) } else { Err(defects) }
    }

    /// Reads what can be read; what is wrong takes its default.
    pub(super) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let settings = Settings { status_path: reader.text("status_path", "/postal/status") };
        (settings, reader.finish())
    }
}
