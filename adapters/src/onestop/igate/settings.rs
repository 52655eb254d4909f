//! What differs between installations: addresses, accounts, which agency a unit is. Nothing secret stands here.

use std::collections::BTreeMap;

use gateway_core::fault::Defect;

use crate::settings::Reader;

/// The settings of one peer.
#[derive(Debug, Clone)]
pub(in crate::onestop) struct Settings {
    /// It is told by the six steps; a peer that is only asked has no account there.
    pub(super) hub: bool,
    pub(super) token_path: String,
    /// The token is asked for in JSON, not as a form.
    pub(super) token_in_json: bool,
    pub(super) number_path: String,
    pub(super) number_method: &'static str,
    /// A number is asked for by the procedure's code, not by the agency's.
    pub(super) number_by_procedure: bool,
    pub(super) upload_path: String,
    pub(super) create_path: String,
    pub(super) progress_path: String,
    pub(super) state_path: String,
    /// The agency's code at iGATE, by our unit.
    pub(super) agencies: BTreeMap<String, String>,
    /// What the portal is told once iGATE has the dossier; empty for nothing.
    pub(super) taken_status: String,
    /// Where papers that are given by address are fetched; empty for nowhere.
    pub(super) files_endpoint: String,
    /// The hosts whose addresses may be fetched there; empty for all.
    pub(super) file_hosts: Vec<String>,
    /// A dossier is looked up by its code where nobody knows whether iGATE has it.
    pub(super) look_up: bool,

    /// It is asked for what changed.
    pub(super) poll: bool,
    pub(super) search_endpoint: String,
    pub(super) search_path: String,
    pub(super) realm_endpoint: String,
    pub(super) realm_path: String,
    pub(super) page_size: u32,
    pub(super) overlap_seconds: u32,
    pub(super) every_seconds: u32,
    /// Begin with what changes from now on.
    pub(super) from_now: bool,
    pub(super) language: u32,
    /// The tasks of a record are told as steps.
    pub(super) tasks_are_steps: bool,
    /// Where a task says when it began.
    pub(super) task_time_field: String,
    pub(super) session_seconds: u32,
}

impl Settings {
    /// The least size of a page in which two pages can overlap by enough to prove that nothing lies between them.
    pub(super) const PAGE_SIZE_MIN: u32 = 8;
    const PAGE_SIZE_MAX: u32 = 1000;
    /// The one endpoint of a peer whose interfaces live at one address.
    pub(super) const ENDPOINT: &str = "igate";

    /// Reads what can be read and says everything that is wrong; what is wrong takes its default.
    pub(in crate::onestop) fn gather(table: &toml::Table) -> (Settings, Vec<Defect>) {
        let mut reader = Reader::new(table);
        let settings = Settings {
            hub: reader.word("hub", &["yes", "no"]) == "yes",
            token_path: reader.text("token_path", "/ad/token"),
            token_in_json: reader.word("token_form", &["form", "json"]) == "json",
            number_path: reader.text("number_path", "/ad/GetNextValue"),
            number_method: reader.word("number_method", &["GET", "PUT", "POST"]),
            number_by_procedure: reader.word("number_code", &["agency", "procedure"]) == "procedure",
            upload_path: reader.text("upload_path", "/ad/upload"),
            create_path: reader.text("create_path", "/ad/NoiHoSo"),
            progress_path: reader.text("progress_path", "/ad/CapNhatTienTrinh"),
            state_path: reader.text("state_path", "/ad/CapNhatTrangThai"),
            agencies: reader.text_of_each("agencies", "code"),
            taken_status: reader.text("taken_status", "2"),
            files_endpoint: reader.text("files_endpoint", ""),
            file_hosts: reader.texts("file_hosts", &[]),
            look_up: reader.word("look_up", &["no", "yes"]) == "yes",
            poll: reader.word("poll", &["no", "yes"]) == "yes",
            search_endpoint: reader.text("search_endpoint", Settings::ENDPOINT),
            search_path: reader.text("search_path", "/pa/dossier/search"),
            realm_endpoint: reader.text("realm_endpoint", Settings::ENDPOINT),
            realm_path: reader.text("realm_path", "/auth/realms/digo/protocol/openid-connect/token"),
            page_size: reader
                .count("page_size", 100)
                .clamp(Settings::PAGE_SIZE_MIN, Settings::PAGE_SIZE_MAX),
            overlap_seconds: reader.count("overlap_seconds", 600),
            every_seconds: reader.count("every_seconds", 60),
            from_now: reader.word("first_cursor", &["zero", "now"]) == "now",
            language: reader.count("language", 228),
            tasks_are_steps: reader.word("steps", &["none", "tasks"]) == "tasks",
            task_time_field: reader.text("task_time_field", "assignedDate"),
            session_seconds: reader.count("session_seconds", 3600),
        };
        (settings, reader.finish())
    }

    /// What iGATE calls the agency of a unit: as it is listed, else as we call it.
    pub(super) fn agency<'a>(&'a self, unit: &'a str) -> &'a str {
        self.agencies.get(unit).map_or(unit, String::as_str)
    }

    /// The unit behind an agency's code, where it is listed.
    pub(super) fn unit(&self, agency: &str) -> Option<&str> {
        self.agencies.iter().find(|(_, code)| *code == agency).map(|(unit, _)| unit.as_str())
    }
}
