//! Under which name a province reports to the monitoring system. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::settings::{Reader, sound};

/// The settings of one monitoring system.
#[derive(Debug)]
pub(super) struct Settings {
    /// `path`: below the endpoint's base address.
    pub(super) path: String,
    /// `site_id`: the number that the province was given there; nothing can be reported without it.
    pub(super) site_id: String,
    /// `location`: the province's code, `H99`.
    pub(super) location: String,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(super) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        let settings = Settings {
            path: reader.text("path", "/TrackingMCDT"),
            site_id: reader.text("site_id", ""),
            location: reader.text("location", ""),
        };
        sound((settings, reader.finish()))
    }
}
