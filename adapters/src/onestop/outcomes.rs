//! What the answers of one-stop-shop software mean where we call it, read from `mappings/onestop/outcomes.yaml`: a table for each dialect.
//!
//! Rows speak of the HTTP status and of the software's own code; of its words only where a dialect has nothing else to tell a refusal from
//! another. How an answer is read, and what its faults are called, is the dialect's (`faults`).

use gateway_core::adapter::Answer;
use gateway_core::fault::{Defect, Fault};

use crate::Files;
use crate::wire::outcomes::{Family, Means, Said, Table};

/// The file of all dialects, below `mappings/`.
pub(super) const PATH: &str = "onestop/outcomes.yaml";

/// What an answer means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    /// The software took it, or told what it was asked.
    Done,
    /// It has this already.
    Exists(Fault),
    /// It does not have what this is about.
    Missing(Fault),
    /// Anything else; the fault says what helps.
    Failed(Fault),
}

/// The table of one dialect.
#[derive(Debug)]
pub(super) struct Outcomes(Table);

impl Outcomes {
    /// Reads the table of a dialect from the files below `mappings/`; `family` is what is its own in it.
    pub(super) fn read(files: &Files, dialect: &str, family: &'static Family) -> Result<Outcomes, Vec<Defect>> {
        family.table_of(files, dialect).map(Outcomes)
    }

    /// What an answer means; `said` is what its dialect reads in it (code and message), none if it is not in the dialect's form.
    pub(super) fn of(&self, answer: &Answer, said: Option<(Option<&str>, &str)>) -> Outcome {
        let said = said.map(|(code, message)| Said { code, message });
        match self.0.judge(answer, said.as_ref()) {
            (Means::Done, _) => Outcome::Done,
            (Means::Exists, fault) => Outcome::Exists(fault),
            (Means::Missing, fault) => Outcome::Missing(fault),
            (_, fault) => Outcome::Failed(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onestop::{igate, opencps, relay};

    fn read(dialect: &str, family: &'static Family, rows: &str) -> Result<Outcomes, Vec<Defect>> {
        let yaml = format!("outcomes: {{ {dialect}: [ {rows} ] }}");
        Outcomes::read(&Files::from([(PATH.to_owned(), yaml.into_bytes())]), dialect, family)
    }

    #[test]
    fn a_yes_names_a_code_in_every_dialect() {
        for (dialect, family) in
            [("igate", &igate::FAMILY), ("relay", &relay::FAMILY), ("opencps", &opencps::FAMILY)]
        {
            let bare = read(dialect, family, "{ when: { http: [\"2xx\"] }, means: done }").unwrap_err();
            assert_eq!(bare[0].field, format!("{dialect}[0].when.code"));
            assert_eq!(bare[0].file, format!("mappings/{PATH}"));
            let pending = read(dialect, family, "{ when: {}, means: pending }").unwrap_err();
            assert_eq!(pending[0].field, format!("{dialect}[0].means"));
            assert!(Outcomes::read(&Files::new(), dialect, family).is_err());
        }
    }

    #[test]
    fn a_table_that_is_not_there_is_a_defect() {
        let files = Files::from([(PATH.to_owned(), b"outcomes: {}".to_vec())]);
        assert_eq!(Outcomes::read(&files, "igate", &igate::FAMILY).unwrap_err()[0].field, "igate");
    }

    #[test]
    fn only_some_dialects_are_judged_by_their_words() {
        let words = "{ when: { text: [x] }, means: refused }";
        assert!(read("igate", &igate::FAMILY, words).is_ok() && read("relay", &relay::FAMILY, words).is_ok());
        assert_eq!(read("opencps", &opencps::FAMILY, words).unwrap_err()[0].field, "opencps[0].when.text");
    }
}
