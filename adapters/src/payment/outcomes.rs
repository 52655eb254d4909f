//! What the providers' answers mean, read from `mappings/payment/outcomes.yaml`: a table for each dialect. The rows speak of the HTTP
//! status and of the provider's own code, never of its words.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Defect, Fault};

use super::wire;
use crate::Files;
use crate::wire::outcomes::{Family, Means, Said, Table};

static FAMILY: Family = Family { path: "payment/outcomes.yaml", code_name: "code", reads_words: false, told };

/// What an answer means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// Yes.
    Done,
    /// Not yet; the fault is for questions that must have an answer now.
    Pending(Fault),
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
            (Means::Pending, fault) => Outcome::Pending(fault),
            (_, fault) => Outcome::Failed(fault),
        }
    }
}

fn told(means: Means) -> Option<(&'static str, &'static str)> {
    Some(match means {
        Means::Done | Means::Pending | Means::Unclear => {
            ("payment.unclear", "chưa hiểu được câu trả lời của nền tảng thanh toán")
        }
        Means::Exists | Means::Missing => return None,
        Means::Session => ("payment.session", "phiên làm việc với nền tảng thanh toán không còn hiệu lực"),
        Means::Later => ("payment.away", "nền tảng thanh toán tạm thời không nhận; hãy thử lại sau"),
        Means::Doubt => ("payment.no-verdict", "chưa rõ nền tảng thanh toán đã ghi nhận hay chưa"),
        Means::Refused => ("payment.refused", "nền tảng thanh toán từ chối yêu cầu; kiểm tra số tiền và thông tin biên lai"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_judged_by_the_code_and_by_nothing_else() {
        let read = |yaml: &str| Outcomes::read(&Files::from([(FAMILY.path.to_owned(), yaml.as_bytes().to_vec())]), "payplat");
        let bare = "outcomes: { payplat: [ { when: { http: [\"2xx\"] }, means: done } ] }";
        assert_eq!(read(bare).unwrap_err()[0].field, "payplat[0].when.code");
        let words = "outcomes: { payplat: [ { when: { text: [\"thành công\"] }, means: pending } ] }";
        assert_eq!(read(words).unwrap_err()[0].field, "payplat[0].when.text");
        assert_eq!(read("outcomes: {}").unwrap_err()[0].field, "payplat");
    }
}
