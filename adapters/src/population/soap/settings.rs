//! What may be set for callers of our own SOAP door.

use gateway_core::fault::Defect;

use crate::settings::{Reader, sound};

/// The settings of one peer.
pub(in crate::population) struct Settings {
    /// `address`: the whole address of the door as callers see it, for the description; without it that of the call.
    pub(super) address: String,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(in crate::population) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        let settings = Settings { address: reader.text("address", "") };
        sound((settings, reader.finish()))
    }
}
