//! Who may ask the population database what, and what of an answer may be told: decided before anything leaves.
//!
//! The matrix is unit × procedure × operation × integration code × officer, as the province was licensed for; what no row
//! allows is refused here, in words that say which part is missing. Of an answer only the fields of that row are released. A
//! [`Watch`] holds back an officer who asks too fast and notices one who goes through numbers. Time is an argument, and a
//! citizen's number comes as a keyed digest only. Deliberately not here: the audit trail, and who the officer is; the server knows.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use serde_json::Value;

use crate::dossier::DossierCode;
use crate::fault::{Blame, Fault, Remedy};
use crate::ids::{Kind, Moment, Unit};

/// One row of the matrix. An empty list means all, except for procedures: a licence is given for some.
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
    /// Integration codes (`MaTichHop`). The first one is sent where the question names none.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Officers, by account, e-mail or code.
    #[serde(default)]
    pub officers: Vec<String>,
    /// The fields of a person that may be told; empty for [`TOLD`].
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
            "thiếu mã thủ tục hành chính (MaDVC); mỗi lượt tra cứu phải gắn với một thủ tục",
        );
    };
    if !given(asked.unit.as_str()) {
        return refuse("licence.no-unit", "thiếu mã cơ quan (GovAgencyCode, MaDonVi) của lượt tra cứu");
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
    match rows.find(|licence| has(&licence.officers, &officer.name)) {
        Some(row) => Ok(grant(row, asked)),
        None => refuse("licence.officer", "tài khoản cán bộ không có quyền tra cứu cho thủ tục này"),
    }
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

/// Takes out of an answer what may not be told. Everything that is not listed goes, so that a field the peer adds some day is
/// not told by accident.
pub fn release(answer: &mut Value, fields: &BTreeSet<String>) {
    let persons = answer.get_mut("persons").and_then(Value::as_array_mut);
    for person in persons.into_iter().flatten().filter_map(Value::as_object_mut) {
        person.retain(|field, _| fields.contains(field));
    }
}

/// What an officer may do in a time, and when somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Bounds {
    /// More questions in a minute are refused for the moment.
    pub per_minute_max: u32,
    /// An officer who asks for more different numbers in an hour is reported.
    pub numbers_per_hour_alarm: u32,
    /// An officer of whose last twenty or more questions of the hour more than so many in a hundred found nobody is reported.
    pub misses_percent_alarm: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { per_minute_max: 30, numbers_per_hour_alarm: 120, misses_percent_alarm: 60 }
    }
}

/// Why somebody should look at what an officer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alarm {
    /// Many different numbers.
    ManyNumbers,
    /// Many that found nobody.
    ManyMisses,
}

impl Alarm {
    /// As log and metrics write it.
    pub fn word(self) -> &'static str {
        match self {
            Alarm::ManyNumbers => "many-numbers",
            Alarm::ManyMisses => "many-misses",
        }
    }
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// Fewer questions say nothing about an officer.
const MISSES_OF_AT_LEAST: usize = 20;
/// More officers than a province has; beyond it the one that has been quiet longest is forgotten.
const OFFICERS_MAX: usize = 20_000;

/// What officers did lately. In memory: after a restart everybody begins anew.
#[derive(Debug, Default)]
pub struct Watch {
    officers: BTreeMap<String, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    asked: VecDeque<(Moment, [u8; 16])>,
    answered: VecDeque<(Moment, bool)>,
    /// One report an hour for each reason.
    reported: Vec<(Moment, Alarm)>,
}

impl Watch {
    /// May this officer ask now? A refusal counts for nothing, so waiting helps.
    pub fn may_ask(
        &mut self,
        bounds: &Bounds,
        officer: &str,
        number: [u8; 16],
        at: Moment,
    ) -> Result<Option<Alarm>, Fault> {
        self.make_room(officer);
        let seen = self.officers.entry(officer.to_owned()).or_default();
        forget(&mut seen.asked, at, |(when, _)| *when);
        let lately =
            seen.asked.iter().rev().take_while(|(when, _)| at.millis_since(*when) < MINUTE_MS).count();
        if lately >= bounds.per_minute_max as usize {
            let words = "cán bộ tra cứu quá nhiều lượt trong một phút; hãy đợi rồi tra cứu lại";
            let mut fault = Fault::new("question.throttled", Blame::Sender, Remedy::Later, words);
            let first = seen.asked.iter().rev().nth(lately.saturating_sub(1)).map_or(at, |(when, _)| *when);
            fault.retry_after_ms = Some((MINUTE_MS - at.millis_since(first)).clamp(1_000, MINUTE_MS) as u64);
            return Err(fault);
        }
        seen.asked.push_back((at, number));
        let different: BTreeSet<&[u8; 16]> = seen.asked.iter().map(|(_, number)| number).collect();
        let many = different.len() > bounds.numbers_per_hour_alarm as usize;
        Ok(many.then_some(Alarm::ManyNumbers).filter(|alarm| seen.is_new(*alarm, at)))
    }

    /// A question of this officer found somebody, or nobody.
    pub fn answered(&mut self, bounds: &Bounds, officer: &str, found: bool, at: Moment) -> Option<Alarm> {
        let seen = self.officers.get_mut(officer)?;
        forget(&mut seen.answered, at, |(when, _)| *when);
        seen.answered.push_back((at, found));
        let misses = seen.answered.iter().filter(|(_, found)| !found).count();
        let many = seen.answered.len() >= MISSES_OF_AT_LEAST
            && misses * 100 > seen.answered.len() * bounds.misses_percent_alarm as usize;
        many.then_some(Alarm::ManyMisses).filter(|alarm| seen.is_new(*alarm, at))
    }

    fn make_room(&mut self, officer: &str) {
        if self.officers.len() < OFFICERS_MAX || self.officers.contains_key(officer) {
            return;
        }
        let latest = |seen: &Seen| seen.asked.back().map(|(when, _)| *when);
        let quietest =
            self.officers.iter().min_by_key(|(_, seen)| latest(seen)).map(|(name, _)| name.clone());
        if let Some(name) = quietest {
            self.officers.remove(&name);
        }
    }
}

impl Seen {
    fn is_new(&mut self, alarm: Alarm, at: Moment) -> bool {
        self.reported.retain(|(when, _)| (0..HOUR_MS).contains(&at.millis_since(*when)));
        let new = self.reported.iter().all(|(_, known)| *known != alarm);
        if new {
            self.reported.push((at, alarm));
        }
        new
    }
}

/// What is older than an hour, or from a time that has not come (the clock was set back).
fn forget<T>(list: &mut VecDeque<T>, at: Moment, when: impl Fn(&T) -> Moment) {
    list.retain(|each| (0..HOUR_MS).contains(&at.millis_since(when(each))));
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
        let other = Officer { name: "canbo.khac".to_owned(), shown: Shown::Token };
        assert_eq!(refusal(&Asked { officer: Some(&other), ..asked }, Purpose::Dossier), "licence.officer");
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
        let mut answer =
            json!({ "outcome": "found", "persons": [{ "name": {}, "religion": "00", "later": 1 }] });
        release(&mut answer, &BTreeSet::from(["name".to_owned()]));
        assert_eq!(answer, json!({ "outcome": "found", "persons": [{ "name": {} }] }));
    }

    #[test]
    fn who_asks_too_fast_waits_and_who_goes_through_numbers_is_reported_once_an_hour() {
        let bounds = Bounds { per_minute_max: 3, numbers_per_hour_alarm: 4, misses_percent_alarm: 50 };
        let mut watch = Watch::default();
        let at = |seconds: i64| Moment::from_millis(seconds * 1000);
        for second in 0..3 {
            assert!(watch.may_ask(&bounds, "a", [second; 16], at(i64::from(second))).unwrap().is_none());
        }
        let fault = watch.may_ask(&bounds, "a", [9; 16], at(10)).unwrap_err();
        assert_eq!((fault.code.as_ref(), fault.retry_after_ms), ("question.throttled", Some(50_000)));
        assert!(watch.may_ask(&bounds, "b", [9; 16], at(10)).unwrap().is_none(), "another officer");
        assert!(watch.may_ask(&bounds, "a", [3; 16], at(61)).unwrap().is_none());
        assert_eq!(watch.may_ask(&bounds, "a", [4; 16], at(130)).unwrap(), Some(Alarm::ManyNumbers));
        assert_eq!(watch.may_ask(&bounds, "a", [5; 16], at(200)).unwrap(), None, "reported already");
        for n in 0..MISSES_OF_AT_LEAST {
            let alarm = watch.answered(&bounds, "a", n % 3 == 0, at(300));
            assert_eq!(alarm.is_some(), n + 1 == MISSES_OF_AT_LEAST);
        }
    }
}
