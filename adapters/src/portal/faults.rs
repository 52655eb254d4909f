//! What the portal's answers mean, read from `mappings/portal/outcomes.yaml`, and what its faults are called.
//!
//! Success is judged by `error_code` alone.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Defect, Fault};
use serde::Deserialize;

use super::wire::Reply;
use crate::Files;
use crate::wire::outcomes::{Family, Means, Row, Said, Table};

static FAMILY: Family =
    Family { path: "portal/outcomes.yaml", code_name: "error_code", reads_words: true, told };

/// What an answer means. Whether that is good or bad depends on the call, except for `Failed`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The portal took it.
    Done,
    /// The portal has this dossier already.
    Exists(Fault),
    /// The portal does not have this dossier.
    Missing(Fault),
    /// Anything else; the fault says what helps.
    Failed(Fault),
}

/// The table.
#[derive(Debug)]
pub(super) struct Outcomes(Table);

impl Outcomes {
    /// Reads the table from the files below `mappings/`.
    pub(super) fn read(files: &Files) -> Result<Outcomes, Vec<Defect>> {
        let file: File = FAMILY.file(files)?;
        FAMILY.table("outcomes", file.outcomes, false).map(Outcomes)
    }

    /// What this answer means.
    pub(super) fn of(&self, answer: &Answer) -> Outcome {
        let reply = Reply::read(answer);
        let said = reply.as_ref().map(|reply| Said { code: reply.code.as_deref(), message: &reply.message });
        match self.0.judge(answer, said.as_ref()) {
            (Means::Done, _) => Outcome::Done,
            (Means::Exists, fault) => Outcome::Exists(fault),
            (Means::Missing, fault) => Outcome::Missing(fault),
            (_, fault) => Outcome::Failed(fault),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    outcomes: Vec<Row>,
}

fn told(means: Means) -> Option<(&'static str, &'static str)> {
    Some(match means {
        Means::Done => ("portal.done", "Cổng DVCQG đã nhận"),
        Means::Pending => return None,
        Means::Exists => ("portal.exists", "Cổng DVCQG đã có hồ sơ này"),
        Means::Missing => ("portal.unknown-dossier", "Cổng DVCQG chưa có hồ sơ này"),
        Means::Session => ("portal.session", "phiên làm việc với Cổng DVCQG không còn hiệu lực"),
        Means::Later => ("portal.away", "Cổng DVCQG tạm thời không nhận; hệ thống sẽ tự gửi lại"),
        Means::Doubt => ("portal.no-verdict", "chưa rõ Cổng DVCQG đã ghi nhận hay chưa"),
        Means::Refused => ("portal.refused", "Cổng DVCQG từ chối dữ liệu của thông điệp"),
        Means::Unclear => ("portal.unclear", "chưa hiểu được câu trả lời của Cổng DVCQG"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::UnicodeNormalization;

    fn outcomes(yaml: &str) -> Result<Outcomes, Vec<Defect>> {
        Outcomes::read(&Files::from([(FAMILY.path.to_owned(), yaml.as_bytes().to_vec())]))
    }

    #[test]
    fn success_is_never_judged_by_words() {
        let defects = outcomes("outcomes:\n  - when: { text: [thành công] }\n    means: done\n").unwrap_err();
        assert_eq!(defects[0].field, "outcomes[0].when.code");
        let defects = outcomes("outcomes:\n  - when: { http: [5x] }\n    means: later\n").unwrap_err();
        assert_eq!(defects[0].field, "outcomes[0].when.http");
        let defects = outcomes("outcomes:\n  - when: {}\n    means: pending\n").unwrap_err();
        assert_eq!(defects[0].field, "outcomes[0].means");
        assert_eq!(Outcomes::read(&Files::new()).unwrap_err()[0].message, "the file is missing");
    }

    #[test]
    fn words_are_compared_in_lower_case_and_nfc() {
        let table = outcomes("outcomes:\n  - when: { text: [ĐÃ TỒN TẠI] }\n    means: exists\n").unwrap();
        let decomposed: String = "mã đã Tồn tại".nfd().collect();
        let answer = Answer::json(200, &serde_json::json!({ "error_code": -3, "message": decomposed }));
        assert!(matches!(table.of(&answer), Outcome::Exists(_)));
    }
}
