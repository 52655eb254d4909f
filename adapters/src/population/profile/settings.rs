//! The words of a profile, and the peer's own that override them.
//!
//! A profile is a file below `mappings/population/profiles/`; it may extend another. The peer's table is laid over it: a table
//! word by word, a list as a whole. The same reader reads both, so a slip is found in the file it stands in. Nothing secret
//! stands here: a header may name a secret, and is filled in when a call is signed.

use std::collections::BTreeMap;

use gateway_core::fault::{Defect, nearest};
use toml::{Table, Value};

use super::fields::{Field, Source};
use super::layers;
use super::names::Names;
use crate::Files;
use crate::settings::{Reader, defect, sound};

/// What a platform may be asked: the kinds of question, a verification in its three variants.
pub(super) const OPERATIONS: [&str; 5] =
    ["look-up-citizen", "verify-citizen/count", "verify-citizen/exists", "verify-citizen/boolean", "verify-kin"];

/// Everything that is known of one platform.
#[derive(Debug, Clone)]
pub(in crate::population) struct Settings {
    pub(super) soap: bool,
    pub(super) prefix: String,
    pub(super) answer_namespace: String,
    pub(super) content_type: String,
    /// Sent as `SOAPAction`, in quotes; none leaves the header out.
    pub(super) soap_action: Option<String>,
    pub(super) names: Names,
    pub(super) dates: DateForm,
    pub(super) callers_request: bool,
    pub(super) callers_code: bool,
    pub(super) unit: String,
    pub(super) service_user: String,
    pub(super) verify: String,
    pub(super) officer_hash: bool,
    pub(super) officers: BTreeMap<String, Officer>,
    pub(super) headers: Vec<(String, Header)>,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) auth: Auth,
    pub(super) username: String,
    pub(super) timestamp_seconds: bool,
    pub(super) token: Token,
    pub(super) lgsp: Lgsp,
}

/// How a platform is shown who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    /// By the headers of the profile alone, or by the line.
    None,
    /// Basic with a hash over time and key.
    HashedBasic,
    /// A token, and the access header of the platform on every call.
    Lgsp,
    /// A token got with a ready-made `Auth` header.
    Header,
    /// A token by client credentials, as fields of a form.
    Wso2Form,
    /// The same, as Basic.
    Wso2Basic,
    /// The same, as fields of JSON.
    Wso2Json,
}

const AUTHS: [(&str, Auth); 7] = [
    ("none", Auth::None),
    ("hashed-basic", Auth::HashedBasic),
    ("lgsp-token", Auth::Lgsp),
    ("auth-token", Auth::Header),
    ("wso2-form", Auth::Wso2Form),
    ("wso2-basic", Auth::Wso2Basic),
    ("wso2-json", Auth::Wso2Json),
];

impl Auth {
    /// Is there a token to be fetched first?
    pub(super) fn has_token(self) -> bool {
        !matches!(self, Auth::None | Auth::HashedBasic)
    }
}

/// Where tokens come from and how long they live.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) path: String,
    pub(super) endpoint: String,
    pub(super) field: String,
    /// A field with the moment of its end; `expires_in` is read besides.
    pub(super) expiry_field: String,
    pub(super) seconds: u32,
}

/// The parts of `lgspaccesstoken` that are no secret.
#[derive(Debug, Clone)]
pub(super) struct Lgsp {
    pub(super) app_name: String,
    pub(super) partner_code: String,
    pub(super) partner_code_cus: String,
    /// The whole header is one secret.
    pub(super) ready: bool,
}

/// How a day is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateForm {
    Compact,
    Dashed,
    Slashed,
}

const DATES: [(&str, DateForm); 3] =
    [("yyyyMMdd", DateForm::Compact), ("yyyy-MM-dd", DateForm::Dashed), ("dd/MM/yyyy", DateForm::Slashed)];

impl DateForm {
    /// A day `yyyy-MM-dd` in this form.
    pub(super) fn write(self, day: &str) -> String {
        let mut parts = day.splitn(3, '-');
        let mut part = || parts.next().unwrap_or_default();
        let (year, month, day) = (part(), part(), part());
        match self {
            DateForm::Compact => format!("{year}{month}{day}"),
            DateForm::Dashed => format!("{year}-{month}-{day}"),
            DateForm::Slashed => format!("{day}/{month}/{year}"),
        }
    }
}

/// A header that stands on every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Header {
    Text(String),
    /// The name of a secret.
    Secret(String),
}

/// What the database calls an officer of ours.
#[derive(Debug, Clone, Default)]
pub(super) struct Officer {
    pub(super) code: String,
    pub(super) account: String,
    pub(super) phone: String,
    /// The key `officer/<key>`; the code if it is left out.
    pub(super) key: String,
}

/// One thing that can be asked.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub(super) root: String,
    pub(super) namespace: String,
    pub(super) path: String,
    pub(super) sv_url: String,
    pub(super) integration_code: String,
    pub(super) reader: ReaderWord,
    pub(super) requires: Vec<Source>,
    pub(super) fields: Vec<Field>,
}

/// How an answer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReaderWord {
    SoapCollection,
    SoapCount,
    SoapExists,
    JsonBoolean,
    JsonWithSoap,
    Json,
}

const READERS: [(&str, ReaderWord); 6] = [
    ("soap-collection", ReaderWord::SoapCollection),
    ("soap-count", ReaderWord::SoapCount),
    ("soap-exists", ReaderWord::SoapExists),
    ("json-boolean", ReaderWord::JsonBoolean),
    ("json-with-soap-string", ReaderWord::JsonWithSoap),
    ("json", ReaderWord::Json),
];

impl Settings {
    /// Reads the profile that the table names, and the table over it; or says everything that is wrong.
    pub(in crate::population) fn read(table: &Table, files: &Files) -> Result<Settings, Vec<Defect>> {
        let name = match table.get("profile") {
            None => "p1",
            Some(Value::String(name)) => name,
            Some(_) => return Err(vec![defect("profile", "the name of a profile is expected").into()]),
        };
        let profile = layers::chain(name, files)?;
        Settings::of(&profile).map_err(|defects| {
            let within = |defect| Defect { file: layers::file_name(name), ..defect };
            defects.into_iter().map(within).collect::<Vec<_>>()
        })?;
        Settings::of(&layers::laid_over(profile, table))
    }

    fn of(table: &Table) -> Result<Settings, Vec<Defect>> {
        let mut reader = Reader::new(table);
        // Who and where from: for people.
        _ = (reader.text("profile", ""), reader.text("title", ""), reader.text("extends", ""));
        let soap = reader.word("notation", &["soap", "json"]) == "soap";
        let namespace = reader.text("namespace", "http://dancuquocgia.bca");
        let service_code_field = reader.text("service_code_field", "");
        let settings = Settings {
            soap,
            prefix: reader.text("prefix", "dan"),
            answer_namespace: reader.text("answer_namespace", "http://www.mic.gov.vn/dancu/1.0"),
            content_type: reader.text("content_type", if soap { "application/xml" } else { "application/json" }),
            soap_action: table.contains_key("soap_action").then(|| reader.text("soap_action", "")),
            names: Names::named(reader.word("names", &Names::WORDS)),
            dates: choice(&mut reader, "dates", &DATES),
            callers_request: reader.word("request_code", &["message", "caller"]) == "caller",
            callers_code: reader.word("integration_code_from", &["question", "profile"]) == "question",
            unit: reader.text("unit", ""),
            service_user: reader.text("service_user", ""),
            verify: reader.word("verify", &["", "count", "exists", "boolean"]).to_owned(),
            officer_hash: reader.flag("officer_hash", false),
            officers: officers(&mut reader),
            headers: headers(&mut reader),
            auth: choice(&mut reader, "auth", &AUTHS),
            username: reader.text("username", ""),
            timestamp_seconds: reader.word("timestamp", &["milliseconds", "seconds"]) == "seconds",
            token: Token {
                path: reader.text("token_path", "/token"),
                endpoint: reader.text("token_endpoint", "population"),
                field: reader.text("token_field", "access_token"),
                expiry_field: reader.text("expiry_field", ""),
                seconds: reader.count("token_seconds", 3600),
            },
            lgsp: Lgsp {
                app_name: reader.text("app_name", ""),
                partner_code: reader.text("partner_code", ""),
                partner_code_cus: reader.text("partner_code_cus", ""),
                ready: reader.word("lgsp_header", &["parts", "ready"]) == "ready",
            },
            operations: operations(&mut reader, &namespace, &service_code_field),
        };
        if settings.operations.is_empty() {
            reader.push(defect("operations", "at least one operation is expected"));
        }
        sound((settings, reader.finish()))
    }

    /// The operation that a call was made for, by its step.
    pub(super) fn operation(&self, step: &str) -> Option<&Operation> {
        self.operations.get(step)
    }
}

fn choice<T: Copy>(reader: &mut Reader, key: &'static str, known: &'static [(&'static str, T)]) -> T {
    let words: Vec<&'static str> = known.iter().map(|(word, _)| *word).collect();
    let word = reader.word(key, &words);
    known.iter().find(|(known, _)| *known == word).map_or(known[0].1, |(_, value)| *value)
}

fn officers(reader: &mut Reader) -> BTreeMap<String, Officer> {
    let mut officers = BTreeMap::new();
    for (name, table) in reader.tables("officers") {
        let mut one = Reader::new(table);
        let officer = Officer {
            code: one.text("code", ""),
            account: one.text("account", ""),
            phone: one.text("phone", ""),
            key: one.text("key", ""),
        };
        officers.insert(name.to_lowercase(), officer);
        reader.inside(&format!("officers.{name}"), one.finish());
    }
    officers
}

fn headers(reader: &mut Reader) -> Vec<(String, Header)> {
    let mut headers = Vec::new();
    for (name, value) in reader.table("headers").into_iter().flatten() {
        let secret = value.as_table().filter(|table| table.len() == 1).and_then(|table| table.get("secret"));
        match (value, secret) {
            (Value::String(text), _) => headers.push((name.clone(), Header::Text(text.clone()))),
            (_, Some(Value::String(key))) => headers.push((name.clone(), Header::Secret(key.clone()))),
            _ => {
                let message = "a text, or { secret = \"<name of a key>\" }, is expected";
                reader.push(defect(&format!("headers.{name}"), message));
            }
        }
    }
    headers
}

fn operations(
    reader: &mut Reader,
    namespace: &str,
    service_code_field: &str,
) -> BTreeMap<String, Operation> {
    let mut operations = BTreeMap::new();
    for (name, table) in reader.tables("operations") {
        let place = format!("operations.{name}");
        if !OPERATIONS.contains(&name) {
            let near = nearest(name, OPERATIONS);
            reader.push(defect(&place, "there is no such operation").near(near));
            continue;
        }
        let mut one = Reader::new(table);
        let path = one.text("path", "/");
        let mut fields = Vec::new();
        for (index, row) in one.rows("fields").into_iter().enumerate() {
            let mut inner = Reader::new(row);
            fields.extend(Field::read(&mut inner));
            one.inside(&format!("fields[{}]", index + 1), inner.finish());
        }
        for field in fields.iter_mut().filter(|field: &&mut Field| field.source == Source::IntegrationCode) {
            if !service_code_field.is_empty() {
                field.path = vec![service_code_field.to_owned()];
            }
        }
        let requires = one.texts("requires", &[]);
        let requires = requires.iter().filter_map(|word| {
            Source::named(word).or_else(|| {
                let near = nearest(word, Source::WORDS.iter().map(|(word, _)| *word));
                one.push(defect("requires", format!("there is no `{word}` in a question")).near(near));
                None
            })
        });
        let operation = Operation {
            requires: requires.collect(),
            root: one.text("root", ""),
            namespace: one.text("namespace", namespace),
            sv_url: one.text("sv_url", &path),
            path,
            integration_code: one.text("integration_code", ""),
            reader: choice(&mut one, "reader", &READERS),
            fields,
        };
        if operation.fields.is_empty() {
            one.push(defect("fields", "the fields of the question are expected, in order"));
        }
        reader.inside(&place, one.finish());
        operations.insert(name.to_owned(), operation);
    }
    operations
}
