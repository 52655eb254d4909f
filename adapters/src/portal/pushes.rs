//! Which of the portal's calls is which kind of message: read from `mappings/portal/pushes.yaml`.
//!
//! None of these services is published, and each procedure may bring its own, so they are rows of data and not code.

use gateway_core::fault::Defect;
use serde::Deserialize;
use serde_json::Value;

use super::wire::plain;
use crate::Files;

const PATH: &str = "portal/pushes.yaml";

/// The rows, in their order.
#[derive(Debug)]
pub(super) struct Pushes(Vec<Push>);

/// One service of the portal.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Push {
    /// What the path ends with.
    path: String,
    /// The `service` in the body, where several share an address.
    service: Option<String>,
    /// What it is.
    pub(super) kind: String,
    /// Answered in the same call.
    #[serde(default)]
    pub(super) question: bool,
    /// Where the dossier's code stands.
    dossier: Option<String>,
    /// Where the unit stands.
    unit: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    pushes: Vec<Push>,
}

impl Pushes {
    /// Reads the table from the files below `mappings/`.
    pub(super) fn read(files: &Files) -> Result<Pushes, Vec<Defect>> {
        let wrong = |line: u64, message: String| {
            let file = format!("mappings/{PATH}");
            vec![Defect { file, line, field: String::new(), message, nearest: None }]
        };
        let bytes = files.get(PATH).ok_or_else(|| wrong(0, "the file is missing".to_owned()))?;
        let text = std::str::from_utf8(bytes).map_err(|_| wrong(0, "the file is not UTF-8".to_owned()))?;
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map(|place| place.line()).unwrap_or(0);
            wrong(line, error.to_string())
        })?;
        Ok(Pushes(file.pushes))
    }

    /// The rows of an address; letter case is ignored, as in all paths.
    pub(super) fn at(&self, path: &str) -> impl Iterator<Item = &Push> {
        let path = path.trim_end_matches('/').to_ascii_lowercase();
        self.0.iter().filter(move |push| {
            path.strip_suffix(&push.path.to_ascii_lowercase()).is_some_and(|before| before.ends_with('/'))
        })
    }
}

impl Push {
    /// Is it this one that the body speaks of?
    pub(super) fn is_meant(&self, body: &Value) -> bool {
        let said = body.get("service").and_then(plain).unwrap_or_default();
        self.service.as_ref().is_none_or(|service| service.eq_ignore_ascii_case(&said))
    }

    /// The service that this row asks for.
    pub(super) fn service(&self) -> Option<&str> {
        self.service.as_deref()
    }

    /// The dossier's code, where it can be seen.
    pub(super) fn dossier(&self, body: &Value) -> Option<String> {
        at(body, self.dossier.as_deref()?)
    }

    /// The unit, where the call names one.
    pub(super) fn unit(&self, body: &Value) -> Option<String> {
        at(body, self.unit.as_deref()?)
    }
}

fn at(body: &Value, path: &str) -> Option<String> {
    let found = path.split('.').try_fold(body, |value, name| value.get(name))?;
    plain(found).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_is_found_by_its_whole_end_and_its_service() {
        let yaml = "pushes:\n  - { path: nhan, service: ChungTu, kind: paid, dossier: data.MaHoSo }\n  - { path: nhan, kind: amended }\n";
        let pushes = Pushes::read(&Files::from([(PATH.to_owned(), yaml.as_bytes().to_vec())])).unwrap();
        let body = json!({ "service": "chungtu", "data": { "MaHoSo": 15 } });
        let meant = |path: &str, body: &Value| {
            pushes.at(path).find(|push| push.is_meant(body)).map(|push| push.kind.clone())
        };
        assert_eq!(meant("/VXPAdapter/RestService/forward/NHAN/", &body).as_deref(), Some("paid"));
        assert_eq!(meant("/x/nhan", &json!({})).as_deref(), Some("amended"));
        assert_eq!(meant("/x/khongnhan", &body), None);
        assert_eq!(pushes.at("/nhan").next().and_then(|push| push.dossier(&body)).as_deref(), Some("15"));
        assert!(Pushes::read(&Files::new()).is_err());
    }
}
