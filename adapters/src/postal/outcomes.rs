//! What the carriers' answers mean, read from `mappings/postal/outcomes.yaml`: a table for each dialect.
//!
//! The rows speak of the HTTP status and of the carrier's own code, never of its words: «phát không thành công» contains the words of
//! success. A dialect that knows no codes at all is listed there as `codeless`.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Defect, Fault};

use super::wire;
use crate::Files;
use crate::wire::outcomes::{Family, Means, Said, Table};

static FAMILY: Family = Family { path: "postal/outcomes.yaml", code_name: "code", reads_words: false, told };

/// What an answer means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The carrier took it.
    Done,
    /// The carrier has an order of this number already.
    Exists(Fault),
    /// Taken, but granted only later.
    Pending,
    /// Anything else; the fault says what helps.
    Failed(Fault),
}

/// The table of one dialect.
#[derive(Debug)]
pub(super) struct Outcomes(Table);

impl Outcomes {
    /// Reads the table of a dialect from the files below `mappings/`.
    pub(super) fn read(files: &Files, dialect: &str) -> Result<Outcomes, Vec<Defect>> {
        FAMILY.table_of(files, dialect).map(Outcomes)
    }

    /// What an answer with this code means; `message` is for the operator and decides nothing.
    pub(super) fn of(&self, answer: &Answer, code: Option<&str>, message: &str) -> Outcome {
        let said = wire::object(&answer.body.bytes).map(|_| Said { code, message });
        match self.0.judge(answer, said.as_ref()) {
            (Means::Done, _) => Outcome::Done,
            (Means::Pending, _) => Outcome::Pending,
            (Means::Exists, fault) => Outcome::Exists(fault),
            (_, fault) => Outcome::Failed(fault),
        }
    }
}

fn told(means: Means) -> Option<(&'static str, &'static str)> {
    Some(match means {
        Means::Done | Means::Pending | Means::Unclear => {
            ("postal.unclear", "chưa hiểu được câu trả lời của bưu chính")
        }
        Means::Exists => ("postal.order-exists", "bưu chính đã có đơn hàng mang số này"),
        Means::Missing => return None,
        Means::Session => ("postal.session", "phiên làm việc với bưu chính không còn hiệu lực"),
        Means::Later => ("postal.away", "bưu chính tạm thời không nhận; hệ thống sẽ tự gửi lại"),
        Means::Doubt => ("postal.no-verdict", "chưa rõ bưu chính đã ghi nhận hay chưa"),
        Means::Refused => ("postal.refused", "bưu chính từ chối dữ liệu của đơn hàng"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(yaml: &str) -> Result<Outcomes, Vec<Defect>> {
        Outcomes::read(&Files::from([(FAMILY.path.to_owned(), yaml.as_bytes().to_vec())]), "hcc")
    }

    #[test]
    fn sent_is_never_recorded_whatever_the_answer_was() {
        let bare = "outcomes: { hcc: [ { when: { http: [\"2xx\"] }, means: done } ] }";
        assert_eq!(read(bare).unwrap_err()[0].field, "hcc[0].when.code");
        let table = read("outcomes: { hcc: [ { when: { http: [\"2xx\"], code: [\"100\"] }, means: done } ] }").unwrap();
        let answer = Answer::json(200, &json!({ "Status": 7, "Message": "Phát không thành công" }));
        assert_eq!(table.of(&answer, Some("100"), ""), Outcome::Done);
        for code in [Some("7"), None] {
            assert!(matches!(table.of(&answer, code, "thành công"), Outcome::Failed(_)), "{code:?}");
        }
    }

    #[test]
    fn a_broken_table_is_said_where_it_is_broken() {
        assert_eq!(read("outcomes: {}").unwrap_err()[0].field, "hcc");
        let rows = "outcomes: { hcc: [ { when: { http: [\"5x\"] }, means: later } ] }";
        assert_eq!(read(rows).unwrap_err()[0].field, "hcc[0].when.http");
        let rows = "outcomes: { hcc: [ { when: { text: [đã có] }, means: exists } ] }";
        assert_eq!(read(rows).unwrap_err()[0].field, "hcc[0].when.text");
        assert!(Outcomes::read(&Files::new(), "hcc").is_err());
    }
}
