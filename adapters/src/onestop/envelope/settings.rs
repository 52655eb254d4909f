//! What may be set for software that speaks to us as if we were the portal.

use gateway_core::fault::Defect;

use crate::settings::{Reader, sound};

/// The settings of one peer.
pub(in crate::onestop) struct Settings {
    /// `login_path`: what follows `/forward/` in the address of the log-in. Default `mapi/login`.
    pub(super) login_path: String,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(in crate::onestop) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        let settings = Settings { login_path: reader.text("login_path", "mapi/login") };
        sound((settings, reader.finish()))
    }
}
