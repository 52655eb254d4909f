//! The database's side, behind any of the built-in profiles: what it would answer, and what it refuses.
//!
//! One state machine; the profile is a setting, as it is for the peer. It refuses what the real ones must: a wrong hash, a stale
//! moment, a missing header, a token it never gave, fields in another order, a name or date in another form. It knows a few
//! synthetic citizens. `nudge` makes the next answer one of the other things that come in the field. Its state is counts
//! only: nobody's number ever stands there. Time-outs and broken lines are put around it by its host.

mod quirks;
mod question;
mod record;

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Answer, Ask, Body};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::session::hashed_basic;
use super::settings::{Auth, Operation, ReaderWord, Settings};
use crate::Files;
use crate::wire::soap;
use question::Asked;
use record::{Citizen, Look};

/// The profiles of the tree, so that a simulator needs no files.
const PROFILES: [(&str, &str); 6] = [
    ("p1", include_str!("../../../../../mappings/population/profiles/p1.yaml")),
    ("p1-xroad", include_str!("../../../../../mappings/population/profiles/p1-xroad.yaml")),
    ("p2", include_str!("../../../../../mappings/population/profiles/p2.yaml")),
    ("p3", include_str!("../../../../../mappings/population/profiles/p3.yaml")),
    ("p4", include_str!("../../../../../mappings/population/profiles/p4.yaml")),
    ("p5", include_str!("../../../../../mappings/population/profiles/p5.yaml")),
];

/// A database in memory.
pub(in crate::population) struct Simulator {
    settings: Settings,
    keys: SimKeys,
    citizens: Vec<Citizen>,
    /// Tokens with the moment each ends.
    tokens: BTreeMap<String, Moment>,
    /// What the next answer is instead.
    quirk: Option<String>,
    /// Ids of questions, to count those asked again.
    requests: BTreeSet<String>,
    counts: BTreeMap<&'static str, u64>,
    asked: BTreeMap<String, u64>,
}

/// What the simulator takes for right; what is empty, it does not look at.
struct SimKeys {
    username: String,
    secret_key: String,
    consumer: String,
    auth: String,
    officers: Vec<String>,
    skew_ms: i64,
    token_ms: i64,
}

/// Why a call is refused: as the layer in front says it, or as the service does.
enum No {
    /// HTTP 401 by the service itself.
    Unknown,
    /// The API manager takes no such token.
    Token,
    /// The platform wants its header.
    Platform,
    /// The question is not as it must be.
    Question(String),
}

impl Simulator {
    /// With the peer's own settings; what is its own stands in the table `simulator` among them. None if they are wrong.
    pub(in crate::population) fn new(table: &toml::Table) -> Option<Simulator> {
        let mut peer = table.clone();
        let own = match peer.remove("simulator") {
            Some(toml::Value::Table(own)) => own,
            _ => toml::Table::new(),
        };
        let path = |name: &str| format!("population/profiles/{name}.yaml");
        let files: Files = PROFILES.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect();
        let settings = Settings::read(&peer, &files).ok()?;
        let text = |key: &str| own.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned();
        let seconds = |key: &str, default: i64| {
            own.get(key).and_then(toml::Value::as_integer).unwrap_or(default).saturating_mul(1000)
        };
        let texts = own.get("officers").and_then(toml::Value::as_array).into_iter().flatten();
        let citizens = own.get("citizens").and_then(toml::Value::as_array);
        let citizens = citizens.map(|list| list.iter().filter_map(Citizen::read).collect());
        Some(Simulator {
            keys: SimKeys {
                username: text("username"),
                secret_key: text("secret_key"),
                consumer: text("consumer"),
                auth: text("auth"),
                officers: texts.filter_map(|one| one.as_str().map(str::to_owned)).collect(),
                skew_ms: seconds("skew_seconds", 300),
                token_ms: seconds("token_seconds", 3600),
            },
            settings,
            citizens: citizens.unwrap_or_else(Citizen::known),
            tokens: BTreeMap::new(),
            quirk: None,
            requests: BTreeSet::new(),
            counts: BTreeMap::new(),
            asked: BTreeMap::new(),
        })
    }

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A token for whoever shows the right keys.
    fn log_in(&mut self, ask: &Ask, at: Moment) -> Answer {
        self.count("log_ins");
        let form = String::from_utf8_lossy(&ask.body.bytes).into_owned();
        let granted = form.contains("client_credentials");
        let right = match self.settings.auth {
            Auth::Lgsp => granted && ask.header("lgspaccesstoken").is_some_and(is_access_header),
            Auth::Header => {
                let given = ask.header("auth").unwrap_or_default();
                !given.is_empty() && (self.keys.auth.is_empty() || self.keys.auth == given)
            }
            Auth::Wso2Basic => granted && self.is_consumer(&basic(ask).unwrap_or_default()),
            Auth::Wso2Form => granted && self.is_consumer(&in_form(&form)),
            Auth::Wso2Json => {
                let body: Value = serde_json::from_str(&form).unwrap_or_default();
                let part = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                granted && self.is_consumer(&format!("{}:{}", part("client_id"), part("client_secret")))
            }
            Auth::None | Auth::HashedBasic => false,
        };
        if !right {
            self.count("refused");
            return Answer::json(401, &json!({ "error": "invalid_client", "error_description": "Client Authentication failed." }));
        }
        let token = format!("00000000-0000-4000-8000-{:012}", self.counts.get("log_ins").copied().unwrap_or(0));
        let end = at.plus_millis(self.keys.token_ms);
        self.tokens.insert(token.clone(), end);
        let mut body = json!({ "token_type": "Bearer" });
        body[self.settings.token.field.as_str()] = json!(token);
        match self.settings.token.expiry_field.as_str() {
            "" => body["expires_in"] = json!(self.keys.token_ms / 1000),
            field => body[field] = json!(end.to_string()),
        }
        Answer::json(200, &body)
    }

    fn is_consumer(&self, given: &str) -> bool {
        given.contains(':') && given.len() > 2 && (self.keys.consumer.is_empty() || self.keys.consumer == given)
    }

    fn serve(&mut self, step: &str, ask: &Ask, at: Moment) -> Result<(Operation, Asked), No> {
        let operation = self.settings.operation(step).cloned().ok_or_else(|| No::Question("no such service".to_owned()))?;
        self.authorise(&operation, ask, at)?;
        let asked = question::read(&self.settings, &operation, &ask.body.bytes).map_err(No::Question)?;
        if !self.requests.insert(asked.request.clone()) {
            self.count("repeated");
        }
        Ok((operation, asked))
    }

    fn authorise(&self, operation: &Operation, ask: &Ask, at: Moment) -> Result<(), No> {
        // Every header of the profile must be there, whatever stands in it.
        if self.settings.headers.iter().any(|(name, _)| ask.header(name).is_none_or(str::is_empty)) {
            return Err(No::Platform);
        }
        if self.settings.officer_hash && !self.is_officer(ask) {
            return Err(No::Platform);
        }
        match self.settings.auth {
            Auth::None => Ok(()),
            Auth::HashedBasic => self.hashed(operation, ask, at).ok_or(No::Unknown),
            auth => {
                let token = ask.header("authorization").and_then(|header| header.strip_prefix("Bearer "));
                if token.and_then(|token| self.tokens.get(token)).is_none_or(|end| *end <= at) {
                    return Err(No::Token);
                }
                match auth == Auth::Lgsp && !ask.header("lgspaccesstoken").is_some_and(is_access_header) {
                    true => Err(No::Platform),
                    false => Ok(()),
                }
            }
        }
    }

    fn hashed(&self, operation: &Operation, ask: &Ask, at: Moment) -> Option<()> {
        let stamp = ask.header("timestamp")?;
        let number: i64 = stamp.parse().ok()?;
        let millis = if self.settings.timestamp_seconds { number.checked_mul(1000)? } else { number };
        let pair = basic(ask)?;
        let (username, hash) = pair.split_once(':')?;
        let fresh = millis.saturating_sub(at.as_millis()).saturating_abs() <= self.keys.skew_ms;
        let known = self.keys.username.is_empty() || self.keys.username == username;
        let hex = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let expected = hashed_basic(&operation.sv_url, username, stamp, &self.keys.secret_key);
        let right = self.keys.secret_key.is_empty() || ask.header("authorization") == Some(&expected);
        (fresh && known && hex && right).then_some(())
    }

    fn is_officer(&self, ask: &Ask) -> bool {
        let pair = ask.header("authhash").and_then(|given| STANDARD.decode(given).ok());
        let pair = pair.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        pair.contains(':') && (self.keys.officers.is_empty() || self.keys.officers.contains(&pair))
    }

    fn refusal(&self, no: &No) -> Answer {
        match no {
            No::Unknown => quirks::plain(401, "text/plain", "Unauthorized"),
            No::Token if self.settings.soap => quirks::api_manager_xml(401, 900_901, "Invalid Credentials"),
            No::Token => quirks::api_manager_json(401, 900_901, "Invalid Credentials"),
            No::Platform => quirks::platform("401", "missing header"),
            No::Question(why) if self.settings.soap => quirks::soap_fault("soap:Client", why),
            No::Question(why) => Answer::json(200, &json!({ "error_code": "-1", "message": why })),
        }
    }

    fn answer(&mut self, operation: &Operation, asked: &Asked, look: &Look) -> Answer {
        let found: Vec<&Citizen> =
            self.citizens.iter().filter(|citizen| citizen.is_meant(&self.settings, asked)).collect();
        let persons = record::persons(&found, look);
        let truth = !found.is_empty();
        let namespace = operation.namespace.as_str();
        let collection = || record::collection(&self.settings.answer_namespace, &persons);
        let answer = match operation.reader {
            ReaderWord::SoapCollection => quirks::soap(&collection()),
            ReaderWord::SoapCount => quirks::soap(&record::single(
                namespace,
                "XacThucThongTinCongDanResponse",
                "SoLuongCongDan",
                &found.len().to_string(),
            )),
            ReaderWord::SoapExists => {
                quirks::soap(&record::single(namespace, "KetQuaXacThucResponse", "TonTai", &truth.to_string()))
            }
            ReaderWord::JsonBoolean => Answer::json(200, &json!({ "data": truth })),
            ReaderWord::JsonWithSoap => {
                let message = soap::write(soap::Version::V11, &collection());
                let message = if look.letters_for_lines { format!("u000a{message}u000a") } else { message };
                Answer::json(200, &json!({ "error_code": "0", "message": message }))
            }
            ReaderWord::Json => Answer::json(200, &json!({ "CongdanCollection": record::in_json(&persons) })),
        };
        self.count(if truth { "found" } else { "not_found" });
        answer
    }

    /// The operation that lives at this path; of several the one whose root or fields the body has.
    fn step(&self, ask: &Ask) -> Option<String> {
        let here = self.settings.operations.iter().filter(|(_, operation)| ask.path.ends_with(&operation.path));
        let text = String::from_utf8_lossy(&ask.body.bytes);
        let root = |operation: &Operation| {
            operation.root.is_empty()
                || text.contains(&format!(":{}>", operation.root))
                || text.contains(&format!("<{}", operation.root))
        };
        let fits: Vec<&String> = here.clone().filter(|(_, operation)| root(operation)).map(|(name, _)| name).collect();
        fits.first().copied().or(here.map(|(name, _)| name).next()).cloned()
    }
}

impl gateway_core::adapter::Simulator for Simulator {
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer {
        if self.settings.auth.has_token() && ask.path.ends_with(&self.settings.token.path) {
            return self.log_in(ask, at);
        }
        self.count("calls");
        let Some(step) = self.step(ask) else {
            self.count("refused");
            return quirks::plain(404, "text/plain", "Not Found");
        };
        *self.asked.entry(step.clone()).or_default() += 1;
        let (operation, asked) = match self.serve(&step, ask, at) {
            Ok(served) => served,
            Err(no) => {
                self.count("refused");
                return self.refusal(&no);
            }
        };
        let quirk = self.quirk.take().unwrap_or_default();
        match quirks::instead(&quirk) {
            Some(answer) => answer,
            None => self.answer(&operation, &asked, &Look::of(&quirk)),
        }
    }

    fn state(&self) -> Value {
        let count = |what: &str| self.counts.get(what).copied().unwrap_or(0);
        json!({
            "calls": count("calls"),
            "log_ins": count("log_ins"),
            "refused": count("refused"),
            "found": count("found"),
            "not_found": count("not_found"),
            "repeated": count("repeated"),
            "asked": self.asked,
        })
    }

    /// `expire-tokens`; or what the next question is answered with: see [`quirks::WORDS`] and [`record::WORDS`].
    fn nudge(&mut self, words: &[&str]) -> bool {
        match words {
            ["expire-tokens"] => self.tokens.clear(),
            [quirk] if quirks::WORDS.contains(quirk) || record::WORDS.contains(quirk) => {
                self.quirk = Some((*quirk).to_owned());
            }
            _ => return false,
        }
        true
    }
}

/// What stands in Basic, read.
fn basic(ask: &Ask) -> Option<String> {
    let given = ask.header("authorization")?.strip_prefix("Basic ")?;
    String::from_utf8(STANDARD.decode(given).ok()?).ok()
}

/// The pair in a form; what was written in hexadecimal stays so, as keys of simulators need none of it.
fn in_form(form: &str) -> String {
    let part = |name: &str| {
        let found = form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.unwrap_or_default().to_owned()
    };
    format!("{}:{}", part("client_id"), part("client_secret"))
}

/// The platform's header: JSON with a key, in base64.
fn is_access_header(given: &str) -> bool {
    let value: Value = STANDARD.decode(given).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    value.get("AccessKey").and_then(Value::as_str).is_some_and(|key| !key.is_empty())
}

fn body(status: u16, media: &str, text: &str) -> Answer {
    let headers = vec![("content-type".to_owned(), media.to_owned())];
    Answer { status, headers, body: Body::of(text.as_bytes().to_vec()) }
}
