//! What may be set for software that speaks to us as to OpenCPS's own adapter.

use gateway_core::fault::Defect;

use crate::settings::{Reader, sound};

/// The settings of one peer.
pub(in crate::population) struct Settings {
    /// `answer_root`: `Body`, or `Envelope` for releases that keep the root of the SOAP answer.
    pub(super) keeps_root: bool,
    /// `look_up_code`: what the probe answers for a procedure that is licensed under this code or under none in particular; the software
    /// shows its button only for this value.
    pub(super) look_up_code: String,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(in crate::population) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        let settings = Settings {
            keeps_root: reader.word("answer_root", &["Body", "Envelope"]) == "Envelope",
            look_up_code: reader.text("look_up_code", "037"),
        };
        sound((settings, reader.finish()))
    }
}
