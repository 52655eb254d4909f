//! Who may ask the population database what, and what of an answer may be told: decided before anything leaves.
//!
//! The matrix is unit × procedure × operation × integration code × officer, as the province was licensed for; what no row
//! allows is refused here, in words that say which part is missing. Of an answer only the fields of that row are released.
//! Deliberately not here: how fast one may ask (`pace`), the audit trail, and who the officer is; the server knows.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use crate::dossier::DossierCode;
use crate::fault::Fault;
use crate::ids::{Kind, Unit};

/// One row of the matrix. An empty list means all, except for procedures and officers: a licence is given for some.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Licence {
    /// The agencies.
    #[serde(default)]
    pub units: Vec<String>,
    /// Administrative procedures, as the one-stop-shop names them.
    pub procedures: Vec<String>,
    /// Operations: `look-up-citizen`, `verify-citizen`, `verify-kin`.
    #[serde(default)]
    pub operations: Vec<String>,
    /// Integration codes. The first one is sent where the question names none.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Officers, by account, e-mail or code. None are named: every officer of the units may ask, those too whom only their system asserts.
    /// An empty list is a list with nobody on it.
    #[serde(default)]
    pub officers: Option<Vec<String>>,
    /// The fields of a person that may be told; empty for [`TOLD`]; one that is in neither list is a defect.
    #[serde(default)]
    pub fields: Vec<String>,
}

/// What is told of a person where the licence lists no fields. Religion, ethnicity, blood group and kin are not among them.
pub const TOLD: [&str; 11] = [
    "identityNumber",
    "oldIdentityNumber",
    "name",
    "sex",
    "birth",
    "nationality",
    "birthRegisteredAt",
    "homeTown",
    "permanentResidence",
    "currentResidence",
    "maritalStatus",
];

/// What is told only where a licence lists it. With [`TOLD`] these are all fields that an answer has of a person.
pub const WITHHELD: [&str; 9] = [
    "ethnicity",
    "religion",
    "bloodGroup",
    "father",
    "mother",
    "spouse",
    "representative",
    "householdHead",
    "householdBook",
];

/// Where a canonical question names its officer. The first name that is there is the officer's: by it the licence decides, and under it
/// the adapter keeps the officer's own code and key, so that nobody is licensed as one officer and asks as another.
pub const OFFICER_NAMES: [&str; 3] = ["/officer/account", "/officer/email", "/officer/code"];

/// How an officer is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// By a key of the officer's own.
    Token,
    /// By the word of a system that we trust in this.
    Asserted,
}

impl Shown {
    /// As the audit trail writes it.
    pub fn word(self) -> &'static str {
        match self {
            Shown::Token => "token",
            Shown::Asserted => "asserted",
        }
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Officer {
    /// Account, e-mail or code.
    pub name: String,
    /// How we know.
    pub shown: Shown,
}

/// What a question must be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// A dossier, named in each question.
    #[default]
    Dossier,
    /// A procedure is enough; the audit trail marks it.
    Procedure,
}

/// A question, as far as the licence looks at it.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// On whose behalf.
    pub unit: &'a Unit,
    /// The operation.
    pub kind: &'a Kind,
    /// The administrative procedure.
    pub procedure: Option<&'a str>,
    /// The integration code, where the question names one.
    pub code: Option<&'a str>,
    /// Who asks; none if nobody is named, or nobody that we may believe.
    pub officer: Option<&'a Officer>,
    /// The dossier it is asked for.
    pub dossier: Option<&'a DossierCode>,
}

/// Leave to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The integration code to send, if any.
    pub code: Option<String>,
    /// Fields of a person that may be told.
    pub fields: BTreeSet<String>,
    /// It is asked for a procedure alone.
    pub without_dossier: bool,
}

/// May this be asked? What is missing is said in a fixed order, because callers tell the cases apart by its code.
pub fn decide(licences: &[Licence], asked: &Asked<'_>, purpose: Purpose) -> Result<Grant, Fault> {
    let given = |text: &str| !text.trim().is_empty();
    let refuse = |code: &'static str, words: &str| Err(Fault::sender(code, words));
    let Some(procedure) = asked.procedure.map(str::trim).filter(|text| given(text)) else {
        return refuse(
            "licence.no-procedure",
            "thiếu mã thủ tục hành chính; mỗi lượt tra cứu phải gắn với một thủ tục",
        );
    };
    if !given(asked.unit.as_str()) {
        return refuse("licence.no-unit", "thiếu mã cơ quan của lượt tra cứu");
    }
    let Some(officer) = asked.officer else {
        let words =
            "thiếu cán bộ tra cứu, hoặc hệ thống gọi chưa được phép khai thay cán bộ (may_assert_officers)";
        return refuse("licence.no-officer", words);
    };
    if asked.dossier.is_none() && purpose == Purpose::Dossier {
        let words =
            "thiếu mã hồ sơ: gửi trong nội dung, trong tiêu đề X-Dossier-Code hoặc tham số trên đường dẫn";
        return refuse("licence.no-dossier", words);
    }
    let of_procedure = |licence: &&Licence| {
        has(&licence.units, asked.unit.as_str())
            && licence.procedures.iter().any(|each| each == procedure || each == "*")
            && has(&licence.operations, asked.kind.as_str())
            && asked.code.is_none_or(|code| has(&licence.codes, code))
    };
    let mut rows = licences.iter().filter(of_procedure).peekable();
    if rows.peek().is_none() {
        let words =
            "thủ tục chưa được cấp phép khai thác CSDL dân cư cho đơn vị, dịch vụ hoặc mã tích hợp này";
        return refuse("licence.procedure", words);
    }
    let of_officer = |licence: &&Licence| match licence.officers.as_deref() {
        None => true,
        Some(list) => list.iter().any(|each| each.eq_ignore_ascii_case(&officer.name)),
    };
    match rows.find(of_officer) {
        Some(row) => Ok(grant(row, asked)),
        None => refuse("licence.officer", "tài khoản cán bộ không có quyền tra cứu cho thủ tục này"),
    }
}

/// The integration codes under which this procedure is licensed for an operation, whoever asks and for whichever unit: for software that
/// asks before it shows its button. None where no row is for it; an empty list where its rows name no code.
pub fn codes(licences: &[Licence], kind: &Kind, procedure: &str) -> Option<Vec<String>> {
    let rows = licences.iter().filter(|row| {
        let somebody = row.officers.as_ref().is_none_or(|list| !list.is_empty());
        let procedures = || row.procedures.iter().any(|each| each == procedure || each == "*");
        somebody && procedures() && has(&row.operations, kind.as_str())
    });
    let mut rows = rows.peekable();
    rows.peek()?;
    Some(rows.flat_map(|row| row.codes.iter().cloned()).collect())
}

fn has(list: &[String], value: &str) -> bool {
    list.is_empty() || list.iter().any(|each| each.eq_ignore_ascii_case(value))
}

fn grant(row: &Licence, asked: &Asked<'_>) -> Grant {
    let fields = match row.fields.is_empty() {
        true => TOLD.iter().map(|field| (*field).to_owned()).collect(),
        false => row.fields.iter().cloned().collect(),
    };
    let code = asked.code.map(str::to_owned).or_else(|| row.codes.first().cloned());
    Grant { code, fields, without_dossier: asked.dossier.is_none() }
}

/// Takes out of an answer what may not be told. Everything that is not listed goes, beside the persons too, so that a field the peer
/// adds some day is not told by accident.
pub fn release(answer: &mut Value, fields: &BTreeSet<String>) {
    if let Some(answer) = answer.as_object_mut() {
        answer.retain(|part, _| matches!(part.as_str(), "outcome" | "persons"));
    }
    let persons = answer.get_mut("persons").and_then(Value::as_array_mut);
    for person in persons.into_iter().flatten().filter_map(Value::as_object_mut) {
        person.retain(|field, _| fields.contains(field));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows() -> Vec<Licence> {
        let rows = json!([
            { "units": ["H99.07"], "procedures": ["1.004222"], "operations": ["verify-citizen"], "codes": ["033"] },
            { "procedures": ["1.004222"], "operations": ["look-up-citizen"], "codes": ["037", "003"],
              "officers": ["canbo.thu"], "fields": ["name", "father"] },
        ]);
        serde_json::from_value(rows).unwrap()
    }

    struct Question {
        unit: Unit,
        kind: Kind,
        officer: Option<Officer>,
        dossier: Option<DossierCode>,
    }

    fn question(kind: &str) -> Question {
        Question {
            unit: Unit::from("H99.07"),
            kind: Kind::from(kind),
            officer: Some(Officer { name: "canbo.thu".to_owned(), shown: Shown::Asserted }),
            dossier: DossierCode::new("H99.07-261001-0042"),
        }
    }

    impl Question {
        fn asked(&self) -> Asked<'_> {
            Asked {
                unit: &self.unit,
                kind: &self.kind,
                procedure: Some("1.004222"),
                code: None,
                officer: self.officer.as_ref(),
                dossier: self.dossier.as_ref(),
            }
        }
    }

    fn refusal(asked: &Asked<'_>, purpose: Purpose) -> String {
        decide(&rows(), asked, purpose).unwrap_err().code.into_owned()
    }

    #[test]
    fn the_matrix_allows_what_a_row_allows_and_says_what_is_missing() {
        let question = question("look-up-citizen");
        let asked = question.asked();
        let grant = decide(&rows(), &asked, Purpose::Dossier).unwrap();
        assert_eq!(grant.code.as_deref(), Some("037"), "the first one of the row");
        assert!(grant.fields.contains("father") && !grant.fields.contains("sex"));
        assert_eq!(
            refusal(&Asked { procedure: Some(" "), ..asked }, Purpose::Dossier),
            "licence.no-procedure"
        );
        assert_eq!(refusal(&Asked { unit: &Unit::from(""), ..asked }, Purpose::Dossier), "licence.no-unit");
        assert_eq!(refusal(&Asked { officer: None, ..asked }, Purpose::Dossier), "licence.no-officer");
        assert_eq!(refusal(&Asked { dossier: None, ..asked }, Purpose::Dossier), "licence.no-dossier");
        assert_eq!(
            refusal(&Asked { procedure: Some("2.000001"), ..asked }, Purpose::Dossier),
            "licence.procedure"
        );
        assert_eq!(refusal(&Asked { code: Some("033"), ..asked }, Purpose::Dossier), "licence.procedure");
        // A row that names no officers is for all of them; an empty list is a list, and nobody stands on it.
        let verify = self::question("verify-citizen");
        assert!(decide(&rows(), &verify.asked(), Purpose::Dossier).is_ok());
        let mut nobody = rows();
        nobody[0].officers = Some(Vec::new());
        let refused = decide(&nobody, &verify.asked(), Purpose::Dossier).unwrap_err();
        assert_eq!(refused.code, "licence.officer");
        let other = Officer { name: "canbo.khac".to_owned(), shown: Shown::Token };
        assert_eq!(refusal(&Asked { officer: Some(&other), ..asked }, Purpose::Dossier), "licence.officer");
    }

    #[test]
    fn a_button_is_shown_where_somebody_may_ask() {
        let look_up = Kind::from("look-up-citizen");
        let codes = |rows: &[Licence], procedure: &str| super::codes(rows, &look_up, procedure);
        assert_eq!(codes(&rows(), "1.004222"), Some(vec!["037".to_owned(), "003".to_owned()]));
        assert_eq!(codes(&rows(), "2.000001"), None);
        let mut nobody = rows();
        nobody[1].officers = Some(Vec::new());
        assert_eq!(codes(&nobody, "1.004222"), None);
    }

    #[test]
    fn a_procedure_may_be_purpose_enough_and_is_marked() {
        let mut question = question("verify-citizen");
        question.dossier = None;
        let grant = decide(&rows(), &question.asked(), Purpose::Procedure).unwrap();
        assert!(grant.without_dossier);
        assert!(!grant.fields.contains("religion") && grant.fields.contains("birth"));
    }

    #[test]
    fn only_listed_fields_are_told() {
        let mut answer = json!({ "outcome": "found", "persons": [{ "name": {}, "religion": "00", "later": 1 }], "CongDan": {} });
        release(&mut answer, &BTreeSet::from(["name".to_owned()]));
        assert_eq!(answer, json!({ "outcome": "found", "persons": [{ "name": {} }] }));
    }
}
