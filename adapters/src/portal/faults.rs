//! What the portal's answers mean, read from `mappings/portal/outcomes.yaml`.
//!
//! The rows of that file are tried from the top, the first that fits decides. All text patterns of the portal live there, because
//! its wording is not published and changes; an operator mends a row, not code. Success is judged by `error_code` alone: a row
//! that means `done` without naming a code is a defect. What no row fits is unclear.
//!
//! The portal's own words go to the operator only, shortened, with long runs of digits masked: they may quote identity numbers.

use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Defect, Fault, Remedy};
use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;

use super::wire::Reply;
use crate::Files;

const PATH: &str = "portal/outcomes.yaml";
const CAUSE_LETTERS_MAX: usize = 300;
/// Identity and telephone numbers have nine digits or more; parts of dossier codes have fewer.
const DIGITS_SHOWN_MAX: usize = 8;

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
pub(super) struct Outcomes {
    rows: Vec<Row>,
}

impl Outcomes {
    /// Reads the table from the files below `mappings/`.
    pub(super) fn read(files: &Files) -> Result<Outcomes, Vec<Defect>> {
        let bytes = files.get(PATH).ok_or_else(|| vec![defect(0, "", "the file is missing")])?;
        let text = std::str::from_utf8(bytes).map_err(|_| vec![defect(0, "", "the file is not UTF-8")])?;
        let file: File = serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map(|place| place.line()).unwrap_or(0);
            vec![defect(line, "", error.to_string())]
        })?;
        let defects: Vec<Defect> =
            file.outcomes.iter().enumerate().filter_map(|(index, row)| row.defect(index)).collect();
        if !defects.is_empty() {
            return Err(defects);
        }
        Ok(Outcomes { rows: file.outcomes.into_iter().map(Row::prepared).collect() })
    }

    /// What this answer means.
    pub(super) fn of(&self, answer: &Answer) -> Outcome {
        let reply = Reply::read(answer);
        let seen = Seen {
            status: answer.status,
            code: reply.as_ref().and_then(|reply| reply.code.as_deref()),
            message: comparable(reply.as_ref().map_or("", |reply| &reply.message)),
            json: reply.is_some(),
            x_road_error: answer.header("x-road-error").is_some(),
        };
        let row = self.rows.iter().find(|row| row.when.fits(&seen));
        let means = row.map_or(Means::Unclear, |row| row.means);
        let fault = Fault {
            cause: cause(answer, reply.as_ref()),
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
            Means::Exists => Outcome::Exists(fault),
            Means::Missing => Outcome::Missing(fault),
            _ => Outcome::Failed(fault),
        }
    }
}

/// What of an answer the rows speak of.
struct Seen<'a> {
    status: u16,
    code: Option<&'a str>,
    message: String,
    json: bool,
    x_road_error: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    outcomes: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    when: When,
    means: Means,
    fault: Option<String>,
    words: Option<String>,
}

impl Row {
    fn defect(&self, index: usize) -> Option<Defect> {
        let place = |field: &str| format!("outcomes[{index}].{field}");
        if self.means == Means::Done && self.when.code.is_empty() {
            let message = "success is judged by error_code: name the codes that mean `done`";
            return Some(defect(0, &place("when.code"), message));
        }
        let status = self.when.http.iter().find(|status| !status.is_readable())?;
        Some(defect(0, &place("when.http"), format!("`{}` is neither a status nor like `5xx`", status.text())))
    }

    fn prepared(mut self) -> Row {
        for pattern in self.when.text.iter_mut().chain(&mut self.when.and_text) {
            *pattern = comparable(pattern);
        }
        self
    }
}

/// All parts that are there must hold; of a list, one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct When {
    #[serde(default)]
    http: Vec<Word>,
    #[serde(default)]
    code: Vec<Word>,
    #[serde(default)]
    text: Vec<String>,
    #[serde(default)]
    and_text: Vec<String>,
    x_road_error: Option<Presence>,
    body: Option<BodyForm>,
}

impl When {
    fn fits(&self, seen: &Seen) -> bool {
        let says = |patterns: &[String]| {
            patterns.is_empty() || patterns.iter().any(|text| seen.message.contains(text.as_str()))
        };
        (self.http.is_empty() || self.http.iter().any(|status| status.is_status(seen.status)))
            && (self.code.is_empty() || self.code.iter().any(|code| Some(code.text().as_str()) == seen.code))
            && says(&self.text)
            && says(&self.and_text)
            && self.x_road_error.is_none_or(|wanted| (wanted == Presence::Present) == seen.x_road_error)
            && self.body.is_none_or(|wanted| match wanted {
                BodyForm::Json => seen.json,
                BodyForm::NotJson => !seen.json,
                BodyForm::Envelope => seen.json && seen.code.is_some(),
            })
    }
}

/// A status or code, written with or without quotes.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Word {
    Number(i64),
    Text(String),
}

impl Word {
    fn text(&self) -> String {
        match self {
            Word::Number(number) => number.to_string(),
            Word::Text(text) => text.clone(),
        }
    }

    fn is_status(&self, status: u16) -> bool {
        let text = self.text();
        match text.strip_suffix("xx") {
            Some(class) => class.parse() == Ok(status / 100),
            None => text.parse() == Ok(status),
        }
    }

    fn is_readable(&self) -> bool {
        (100..600).any(|status| self.is_status(status))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Presence {
    Present,
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum BodyForm {
    Json,
    NotJson,
    /// JSON with an `error_code`: the portal's own.
    Envelope,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Means {
    Done,
    Exists,
    #[serde(alias = "unknown-dossier")]
    Missing,
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
            // The first three are no end by themselves; where a call cannot use them, nobody knows what they mean.
            Means::Done | Means::Exists | Means::Missing | Means::Unclear => Remedy::Unclear,
        }
    }

    fn fault_code(self) -> &'static str {
        match self {
            Means::Done => "portal.done",
            Means::Exists => "portal.exists",
            Means::Missing => "portal.unknown-dossier",
            Means::Session => "portal.session",
            Means::Later => "portal.away",
            Means::Doubt => "portal.no-verdict",
            Means::Refused => "portal.refused",
            Means::Unclear => "portal.unclear",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Means::Done => "Cổng DVCQG đã nhận",
            Means::Exists => "Cổng DVCQG đã có hồ sơ này",
            Means::Missing => "Cổng DVCQG chưa có hồ sơ này",
            Means::Session => "phiên làm việc với Cổng DVCQG không còn hiệu lực",
            Means::Later => "Cổng DVCQG tạm thời không nhận; hệ thống sẽ tự gửi lại",
            Means::Doubt => "chưa rõ Cổng DVCQG đã ghi nhận hay chưa",
            Means::Refused => "Cổng DVCQG từ chối dữ liệu của thông điệp",
            Means::Unclear => "chưa hiểu được câu trả lời của Cổng DVCQG",
        }
    }
}

/// For the operator: what came back, without personal data. Of a body that is no JSON only form and length.
fn cause(answer: &Answer, reply: Option<&Reply>) -> String {
    match reply {
        Some(reply) => {
            let code = reply.code.as_deref().unwrap_or("none");
            format!("HTTP {}, error_code {}: {}", answer.status, masked(code), masked(&reply.message))
        }
        None => {
            let form = answer.header("content-type").unwrap_or("no content type");
            format!("HTTP {}, {}, {} bytes", answer.status, masked(form), answer.body.0.len())
        }
    }
}

/// At most 300 letters, with `***` in place of every run of nine digits or more.
fn masked(text: &str) -> String {
    let mut shown = String::new();
    let mut digits = String::new();
    for letter in text.chars().chain(['\n']) {
        if letter.is_numeric() {
            digits.push(letter);
            continue;
        }
        let long = digits.chars().count() > DIGITS_SHOWN_MAX;
        shown.push_str(if long { "***" } else { &digits });
        digits.clear();
        shown.push(if letter.is_control() { ' ' } else { letter });
    }
    shown.truncate(shown.len() - 1);
    match shown.char_indices().nth(CAUSE_LETTERS_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

fn retry_after_ms(answer: &Answer) -> Option<u64> {
    answer.header("retry-after")?.trim().parse::<u64>().ok()?.checked_mul(1000)
}

fn comparable(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).collect()
}

fn defect(line: u64, field: &str, message: impl Into<String>) -> Defect {
    Defect {
        file: format!("mappings/{PATH}"),
        line,
        field: field.to_owned(),
        message: message.into(),
        nearest: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::adapter::Body;

    fn outcomes(yaml: &str) -> Result<Outcomes, Vec<Defect>> {
        Outcomes::read(&Files::from([(PATH.to_owned(), yaml.as_bytes().to_vec())]))
    }

    #[test]
    fn success_is_never_judged_by_words() {
        let defects = outcomes("outcomes:\n  - when: { text: [thành công] }\n    means: done\n").unwrap_err();
        assert_eq!(defects[0].field, "outcomes[0].when.code");
        let defects = outcomes("outcomes:\n  - when: { http: [5x] }\n    means: later\n").unwrap_err();
        assert_eq!(defects[0].field, "outcomes[0].when.http");
        assert_eq!(Outcomes::read(&Files::new()).unwrap_err()[0].message, "the file is missing");
    }

    #[test]
    fn words_are_compared_in_lower_case_and_nfc() {
        let table = outcomes("outcomes:\n  - when: { text: [ĐÃ TỒN TẠI] }\n    means: exists\n").unwrap();
        let decomposed: String = "mã đã Tồn tại".nfd().collect();
        let answer = Answer::json(200, &serde_json::json!({ "error_code": -3, "message": decomposed }));
        assert!(matches!(table.of(&answer), Outcome::Exists(_)));
    }

    #[test]
    fn the_operators_words_hide_numbers_of_people() {
        assert_eq!(masked("CCCD 001085000000 của H99.14-260310-0007"), "CCCD *** của H99.14-260310-0007");
        assert_eq!(masked(&"a".repeat(400)).chars().count(), 301);
        assert_eq!(masked(""), "");
        let html = Answer { status: 502, headers: vec![], body: Body(b"<html>Nguyen Van Thu".to_vec()) };
        assert_eq!(cause(&html, None), "HTTP 502, no content type, 20 bytes");
    }
}
