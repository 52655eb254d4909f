//! Where a subscriber is told. Nothing secret stands here.

use gateway_core::fault::Defect;

use crate::settings::{Reader, sound};

/// The settings of one subscriber.
#[derive(Debug)]
pub(super) struct Settings {
    /// `path`: below the endpoint's base address, written as the subscriber gave it.
    pub(super) path: String,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(super) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        let settings = Settings { path: reader.text("path", "/") };
        sound((settings, reader.finish()))
    }
}
