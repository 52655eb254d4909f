//! What the carriers' answers mean, read from `mappings/postal/outcomes.yaml`: a table for each dialect.
//!
//! The rows of a dialect are tried from the top, the first that fits decides. They speak of the HTTP status and of the carrier's own
//! code, never of its words: «phát không thành công» contains the words of success. A row that means `done` without
//! naming a code is a defect, unless its dialect knows no codes at all (`codeless`). What no row fits is unclear.

use std::collections::BTreeMap;

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Defect, Fault, Remedy};
use serde::Deserialize;

use super::wire;
use crate::Files;

const PATH: &str = "postal/outcomes.yaml";

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
pub(super) struct Outcomes {
    rows: Vec<Row>,
}

impl Outcomes {
    /// Reads the table of a dialect from the files below `mappings/`.
    pub(super) fn read(files: &Files, dialect: &str) -> Result<Outcomes, Vec<Defect>> {
        let bytes = files.get(PATH).ok_or_else(|| vec![defect(0, "", "the file is missing")])?;
        let text = std::str::from_utf8(bytes).map_err(|_| vec![defect(0, "", "the file is not UTF-8")])?;
        let mut file: File = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map(|place| place.line()).unwrap_or(0);
            vec![defect(line, "", error.to_string())]
        })?;
        let rows = file.outcomes.remove(dialect);
        let rows = rows.ok_or_else(|| vec![defect(0, dialect, "has no table")])?;
        let codeless = file.codeless.iter().any(|name| name == dialect);
        let wrong = |(index, row): (usize, &Row)| row.defect(&format!("{dialect}[{index}]"), codeless);
        let defects: Vec<Defect> = rows.iter().enumerate().filter_map(wrong).collect();
        if defects.is_empty() { Ok(Outcomes { rows }) } else { Err(defects) }
    }

    /// What an answer with this code means; `message` is for the operator and decides nothing.
    pub(super) fn of(&self, answer: &Answer, code: Option<&str>, message: &str) -> Outcome {
        let json = wire::object(&answer.body.0).is_some();
        let row = self.rows.iter().find(|row| row.fits(answer.status, code, json));
        let means = row.map_or(Means::Unclear, |row| row.means);
        let fault = || Fault {
            cause: cause(answer, code, message, json),
            retry_after_ms: retry_after_ms(answer),
            ..Fault::new(
                row.and_then(|row| row.fault.clone()).unwrap_or_else(|| means.fault_code().to_owned()),
                Blame::Peer,
                means.remedy(),
                row.and_then(|row| row.words.clone()).unwrap_or_else(|| means.words().to_owned()),
            )
        };
        match means {
            Means::Done => Outcome::Done,
            Means::Pending => Outcome::Pending,
            Means::Exists => Outcome::Exists(fault()),
            _ => Outcome::Failed(fault()),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    codeless: Vec<String>,
    outcomes: BTreeMap<String, Vec<Row>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    when: When,
    means: Means,
    fault: Option<String>,
    words: Option<String>,
}

/// All parts that are there must hold; of a list, one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    #[serde(default)]
    http: Vec<String>,
    #[serde(default)]
    code: Vec<String>,
    body: Option<BodyForm>,
}

impl Row {
    fn fits(&self, status: u16, code: Option<&str>, json: bool) -> bool {
        let When { http, code: codes, body } = &self.when;
        (http.is_empty() || http.iter().any(|pattern| is_status(pattern, status)))
            && (codes.is_empty() || codes.iter().any(|known| Some(known.as_str()) == code))
            && body.is_none_or(|wanted| (wanted == BodyForm::Json) == json)
    }

    fn defect(&self, place: &str, codeless: bool) -> Option<Defect> {
        if self.means == Means::Done && self.when.code.is_empty() && !codeless {
            let message = "name the codes that mean `done`, or list the dialect under `codeless`";
            return Some(defect(0, &format!("{place}.when.code"), message));
        }
        let readable = |pattern: &&String| !(100..600).any(|status| is_status(pattern, status));
        let wrong = self.when.http.iter().find(readable)?;
        Some(defect(0, &format!("{place}.when.http"), format!("`{wrong}` is neither a status nor like `5xx`")))
    }
}

fn is_status(pattern: &str, status: u16) -> bool {
    match pattern.strip_suffix("xx") {
        Some(class) => class.parse() == Ok(status / 100),
        None => pattern.parse() == Ok(status),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BodyForm {
    Json,
    NotJson,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Means {
    Done,
    Pending,
    Exists,
    Session,
    Later,
    Doubt,
    Refused,
    Unclear,
}

impl Means {
    fn remedy(self) -> Remedy {
        match self {
            Means::Session => Remedy::Renew,
            Means::Later => Remedy::Later,
            Means::Doubt => Remedy::Doubt,
            Means::Refused => Remedy::Correct,
            Means::Done | Means::Pending | Means::Exists | Means::Unclear => Remedy::Unclear,
        }
    }

    fn fault_code(self) -> &'static str {
        match self {
            Means::Done | Means::Pending | Means::Unclear => "postal.unclear",
            Means::Exists => "postal.order-exists",
            Means::Session => "postal.session",
            Means::Later => "postal.away",
            Means::Doubt => "postal.no-verdict",
            Means::Refused => "postal.refused",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Means::Done | Means::Pending | Means::Unclear => "chưa hiểu được câu trả lời của bưu chính",
            Means::Exists => "bưu chính đã có đơn hàng mang số này",
            Means::Session => "phiên làm việc với bưu chính không còn hiệu lực",
            Means::Later => "bưu chính tạm thời không nhận; hệ thống sẽ tự gửi lại",
            Means::Doubt => "chưa rõ bưu chính đã ghi nhận hay chưa",
            Means::Refused => "bưu chính từ chối dữ liệu của đơn hàng",
        }
    }
}

/// For the operator: what came back, without personal data. Of a body that is no JSON only form and length.
fn cause(answer: &Answer, code: Option<&str>, message: &str, json: bool) -> String {
    if !json {
        let form = answer.header("content-type").unwrap_or("no content type");
        return format!("HTTP {}, {}, {} bytes", answer.status, wire::masked(form), answer.body.0.len());
    }
    let code = wire::masked(code.unwrap_or("none"));
    format!("HTTP {}, code {code}: {}", answer.status, wire::masked(message))
}

fn retry_after_ms(answer: &Answer) -> Option<u64> {
    let seconds: u64 = answer.header("retry-after")?.trim().parse().ok()?;
    Some(seconds.saturating_mul(1000))
}

fn defect(line: u64, field: &str, message: impl Into<String>) -> Defect {
    let file = format!("mappings/{PATH}");
    Defect { file, line, field: field.to_owned(), message: message.into(), nearest: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(yaml: &str) -> Result<Outcomes, Vec<Defect>> {
        Outcomes::read(&Files::from([(PATH.to_owned(), yaml.as_bytes().to_vec())]), "hcc")
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
        assert!(Outcomes::read(&Files::new(), "hcc").is_err());
    }
}
