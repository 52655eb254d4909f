//! What differs between installations of OpenCPS: where its interface begins, its sites, how we show who we are. Nothing secret.

use std::collections::BTreeMap;

use gateway_core::fault::Defect;

use crate::settings::{Reader, sound};

/// The settings of one peer.
#[derive(Debug)]
pub(super) struct Settings {
    /// In front of every path.
    pub(super) base_path: String,
    /// `Authorization: Bearer` with the key `token`, instead of Basic.
    pub(super) bearer: bool,
    /// The site of units that have none of their own.
    pub(super) group_id: String,
    /// Units with a site of their own.
    pub(super) groups: BTreeMap<String, String>,
    /// The states of which the sub-state says which national one is meant.
    pub(super) deciding_states: Vec<String>,
    /// The template of dossiers of procedures without one of their own.
    pub(super) template: String,
    /// Procedures with a template of their own.
    pub(super) templates: BTreeMap<String, String>,
    /// The part of a template that papers without a code of their own go to.
    pub(super) part: String,
    /// Who acts, as the history of a dossier shows it.
    pub(super) action_user: String,
    /// The action that tells of an amendment, a land tax notice, a payment of land tax, a confirmed payment; empty where there is none.
    pub(super) amended_action: String,
    pub(super) noticed_action: String,
    pub(super) paid_action: String,
    pub(super) confirmed_action: String,
}

impl Settings {
    /// Reads them, or says everything that is wrong with them.
    pub(super) fn read(table: &toml::Table) -> Result<Settings, Vec<Defect>> {
        let (mut settings, defects) = Settings::gather(table);
        settings.base_path = settings.base_path.trim_end_matches('/').to_owned();
        sound((settings, defects))
    }

    /// What can be read; what is wrong takes its default.
    pub(super) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let settings = Settings {
            base_path: reader.text("base_path", "/o/rest/v2"),
            bearer: reader.word("auth", &["basic", "bearer"]) == "bearer",
            group_id: reader.text("group_id", ""),
            groups: reader.text_of_each("groups", "id"),
            deciding_states: reader.texts("deciding_states", &["pausing"]),
            template: reader.text("template", ""),
            templates: reader.text_of_each("templates", "no"),
            part: reader.text("part", "TP01"),
            action_user: reader.text("action_user", "Cổng Dịch vụ công Quốc gia"),
            amended_action: reader.text("amended_action", ""),
            noticed_action: reader.text("noticed_action", ""),
            paid_action: reader.text("paid_action", ""),
            confirmed_action: reader.text("confirmed_action", ""),
        };
        (settings, reader.finish())
    }

    /// The site of a unit.
    pub(super) fn group(&self, unit: &str) -> &str {
        self.groups.get(unit).unwrap_or(&self.group_id)
    }

    /// The unit whose site this is.
    pub(super) fn unit_of(&self, group: &str) -> Option<&str> {
        self.groups.iter().find(|(_, id)| *id == group).map(|(unit, _)| unit.as_str())
    }

    /// The template of a procedure.
    pub(super) fn template_of(&self, procedure: &str) -> &str {
        self.templates.get(procedure).unwrap_or(&self.template)
    }
}
