//! The body of a question, made of a canonical question by the rows of an operation.
//!
//! Each row names a field and where its value comes from; the order of the rows is the order on the wire, because peers read
//! a sequence. A value that is not there is left out, or written as `absent` says. What must be there and is not, or does
//! not fit, is the sender's, and all of it is said at once, in the paths of the question as we know it.

use gateway_core::envelope::Envelope;
use gateway_core::fault::{Fault, Violation};
use gateway_core::licence::OFFICER_NAMES;
use serde_json::{Map, Value};

use super::settings::{Officer, Operation, Settings};
use crate::settings::{Reader, defect};
use crate::wire::xml::Writer;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    /// `NgayThangNamSinh/Nam` is a field within a field.
    pub(super) path: Vec<String>,
    pub(super) source: Source,
    pub(super) absent: Option<String>,
    pub(super) max: Option<u32>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Source {
    Value(String),
    Request,
    Procedure,
    IntegrationCode,
    Dossier,
    Unit,
    /// Whatever names the officer: the code, else the account, else the address.
    Officer,
    OfficerCode,
    OfficerAccount,
    OfficerEmail,
    OfficerPhone,
    IdentityNumber,
    OldIdentityNumber,
    Name,
    /// The date, else the year.
    Birth,
    BirthDate,
    /// Only where there is no date.
    BirthYear,
    ServiceUser,
}

impl Source {
    /// The words of `from`.
    pub(super) const WORDS: [(&str, Source); 17] = [
        ("request", Source::Request),
        ("procedure", Source::Procedure),
        ("integration-code", Source::IntegrationCode),
        ("dossier", Source::Dossier),
        ("unit", Source::Unit),
        ("officer", Source::Officer),
        ("officer.code", Source::OfficerCode),
        ("officer.account", Source::OfficerAccount),
        ("officer.email", Source::OfficerEmail),
        ("officer.phone", Source::OfficerPhone),
        ("identity-number", Source::IdentityNumber),
        ("old-identity-number", Source::OldIdentityNumber),
        ("name", Source::Name),
        ("birth", Source::Birth),
        ("birth.date", Source::BirthDate),
        ("birth.year", Source::BirthYear),
        ("service-user", Source::ServiceUser),
    ];

    pub(super) fn named(word: &str) -> Option<Source> {
        Source::WORDS.iter().find(|(known, _)| *known == word).map(|(_, source)| source.clone())
    }

    /// Where a sender of a question would look for it.
    fn place(&self) -> &'static str {
        match self {
            Source::Value(_) | Source::ServiceUser => "",
            Source::Request => "request",
            Source::Procedure => "purpose.procedure",
            Source::IntegrationCode => "purpose.integrationCode",
            Source::Dossier => "purpose.dossier.code",
            Source::Unit => "unit",
            Source::Officer | Source::OfficerCode => "officer.code",
            Source::OfficerAccount => "officer.account",
            Source::OfficerEmail => "officer.email",
            Source::OfficerPhone => "officer.phone",
            Source::IdentityNumber => "person.identityNumber",
            Source::OldIdentityNumber => "person.oldIdentityNumber",
            Source::Name => "person.name",
            Source::Birth => "person.birth",
            Source::BirthDate => "person.birth.date",
            Source::BirthYear => "person.birth.year",
        }
    }
}

impl Field {
    /// Reads a row; none where a defect was said.
    pub(super) fn read(row: &mut Reader) -> Option<Field> {
        let path: Vec<String> = row.text("field", "").split('/').map(str::to_owned).collect();
        let (from, value) = (row.text("from", ""), row.maybe("value"));
        let absent = row.maybe("absent");
        let max = row.count("max", u32::MAX);
        if path.iter().any(|name| !is_name(name)) {
            row.push(defect("field", "the name of a field is expected"));
            return None;
        }
        let source = match (value, Source::named(&from)) {
            (Some(value), None) if from.is_empty() => Source::Value(value),
            (None, Some(source)) => source,
            _ => {
                let near = gateway_core::fault::nearest(&from, Source::WORDS.iter().map(|(word, _)| *word));
                row.push(defect("from", "a word for a part of the question, or `value`, is expected").near(near));
                return None;
            }
        };
        Some(Field { path, source, absent, max: (max != u32::MAX).then_some(max) })
    }
}

/// A name that XML and JSON both take without a second thought.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// A canonical question and what is known beside it.
pub(super) struct Question<'a> {
    settings: &'a Settings,
    message: &'a Envelope,
    officer: Option<&'a Officer>,
}

impl<'a> Question<'a> {
    pub(super) fn new(settings: &'a Settings, message: &'a Envelope) -> Self {
        let mut question = Question { settings, message, officer: None };
        question.officer = question.officer_name().and_then(|name| settings.officers.get(&name.to_lowercase()));
        question
    }

    /// The one name by which the gateway has licensed this officer: whatever else the question says, nobody else's code or key may go
    /// out with it.
    fn officer_name(&self) -> Option<String> {
        OFFICER_NAMES.iter().find_map(|place| self.text(place))
    }

    /// A text of the question that says something.
    pub(super) fn text(&self, place: &str) -> Option<String> {
        let text = self.message.document.pointer(place)?.as_str()?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// The name under which the officer's own key is kept.
    pub(super) fn officer_key(&self) -> Option<String> {
        let named = self.officer.map(|officer| officer.key.clone()).filter(|key| !key.is_empty());
        named.or_else(|| match self.officer {
            Some(_) => self.value(&Source::Officer, ""),
            None => self.officer_name(),
        })
    }

    fn value(&self, source: &Source, integration_code: &str) -> Option<String> {
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let officer = |own: fn(&Officer) -> &String, place| {
            self.officer.and_then(|officer| filled(own(officer))).or_else(|| self.text(place))
        };
        match source {
            Source::Value(value) => Some(value.clone()),
            Source::Request => Some(self.request()),
            Source::Procedure => self.text("/purpose/procedure"),
            Source::IntegrationCode => {
                let own = self.text("/purpose/integrationCode").filter(|_| self.settings.callers_code);
                own.or_else(|| filled(integration_code))
            }
            Source::Dossier => self.text("/purpose/dossier/code"),
            Source::Unit => filled(self.message.unit.as_str()).or_else(|| filled(&self.settings.unit)),
            Source::Officer => officer(|own| &own.code, "/officer/code")
                .or_else(|| officer(|own| &own.account, "/officer/account"))
                .or_else(|| self.text("/officer/email")),
            Source::OfficerCode => officer(|own| &own.code, "/officer/code"),
            Source::OfficerAccount => officer(|own| &own.account, "/officer/account"),
            Source::OfficerEmail => self.text("/officer/email"),
            Source::OfficerPhone => officer(|own| &own.phone, "/officer/phone"),
            Source::IdentityNumber => self.text("/person/identityNumber"),
            Source::OldIdentityNumber => self.text("/person/oldIdentityNumber"),
            Source::Name => self.text("/person/name").map(|name| self.settings.names.write(&name)),
            Source::Birth => self.birth_date().or_else(|| self.text("/person/birth/year")),
            Source::BirthDate => self.birth_date(),
            Source::BirthYear => match self.birth_date() {
                Some(_) => None,
                None => self.text("/person/birth/year"),
            },
            Source::ServiceUser => filled(&self.settings.service_user),
        }
    }

    fn birth_date(&self) -> Option<String> {
        self.text("/person/birth/date").map(|day| self.settings.dates.write(&day))
    }

    /// Our id for the question, or the caller's own where the profile says so and it may be one.
    fn request(&self) -> String {
        let own = self.settings.callers_request.then(|| self.text("/request")).flatten();
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let own = own.filter(|own| own.len() <= 40 && own.chars().all(plain));
        own.unwrap_or_else(|| self.message.id.to_string())
    }

    /// All fields with their values, in order; or everything that keeps the question from being asked.
    fn values(&self, operation: &'a Operation) -> Result<Vec<(&'a [String], String)>, Fault> {
        let mut wrong = self.impossible_birth();
        for source in &operation.requires {
            if self.value(source, &operation.integration_code).is_none() {
                wrong.push(Violation::sender(source.place(), "required", "bắt buộc phải có để hỏi CSDLQG về dân cư"));
            }
        }
        let mut values = Vec::new();
        for field in &operation.fields {
            let value = self.value(&field.source, &operation.integration_code);
            if field.source == Source::Name && value.as_deref().is_none_or(str::is_empty) {
                wrong.push(Violation::sender("person.name", "required", "họ tên phải có chữ cái"));
                continue;
            }
            let Some(value) = value.or_else(|| field.absent.clone()) else { continue };
            let most = field.max.map_or(usize::MAX, |max| max as usize);
            if value.chars().count() > most {
                wrong.push(Violation::sender(field.source.place(), "length", format!("dài nhất {most} ký tự")));
            }
            values.push((field.path.as_slice(), value));
        }
        if wrong.is_empty() {
            return Ok(values);
        }
        let words = "câu hỏi thiếu hoặc sai thông tin nên chưa gửi đến CSDLQG về dân cư";
        Err(Fault::sender("question.incomplete", words).with(wrong))
    }

    /// A birth date is no later than the question and not before 1900.
    fn impossible_birth(&self) -> Vec<Violation> {
        let today = self.message.at.to_string();
        let out = |day: &str| *day < *"1900" || *day > today[..day.len().min(10)];
        let mut wrong = Vec::new();
        for (place, path) in
            [("/person/birth/date", "person.birth.date"), ("/person/birth/year", "person.birth.year")]
        {
            if self.text(place).is_some_and(|day| out(&day)) {
                wrong.push(Violation::sender(path, "date", "ngày sinh không được ở tương lai hoặc trước năm 1900"));
            }
        }
        wrong
    }

    /// As the children of the operation's root element.
    pub(super) fn xml(&self, operation: &'a Operation) -> Result<String, Fault> {
        let prefixed = |name: &str| match self.settings.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}:{name}"),
        };
        let mut writer = Writer::default();
        let mut open: &[String] = &[];
        for (path, value) in self.values(operation)? {
            let Some((name, around)) = path.split_last() else { continue };
            let shared = open.iter().zip(around).take_while(|(left, right)| left == right).count();
            open[shared..].iter().rev().for_each(|name| writer.end(&prefixed(name)));
            around[shared..].iter().for_each(|name| writer.start(&prefixed(name), &[]));
            open = around;
            writer.leaf(&prefixed(name), &value);
        }
        open.iter().rev().for_each(|name| writer.end(&prefixed(name)));
        Ok(writer.finish())
    }

    /// As one JSON object.
    pub(super) fn json(&self, operation: &'a Operation) -> Result<Value, Fault> {
        let mut body = Map::new();
        for (path, value) in self.values(operation)? {
            put(&mut body, path, value);
        }
        Ok(Value::Object(body))
    }
}

/// A row that makes a text and one that puts fields into it cannot both be meant; the later one is.
fn put(place: &mut Map<String, Value>, path: &[String], value: String) {
    match path {
        [] => {}
        [name] => _ = place.insert(name.clone(), Value::String(value)),
        [name, inside @ ..] => {
            let inner = place.entry(name.clone()).or_insert(Value::Null);
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(fields) = inner {
                put(fields, inside, value);
            }
        }
    }
}
