//! Keys on a call: the hash of P1, the headers of a platform, the officer's own, and tokens.
//!
//! The hash is computed for each send, because the moment is part of it. A failed log-in says nothing about any question: its
//! remedy is always `Later`. Secrets, by name: `username`, `secret-key` (hashed Basic); `lgspaccesstoken`, or `access-key` and
//! `platform-key` (its parts); `auth` (ready-made header); `consumer-key`, `consumer-secret` (client credentials);
//! `officer/<key>` (`name:key` of one officer); and whatever a profile's headers name.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Answer, Keys, Request, Secret, Session, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, Moment};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::faults::{self, Said};
use super::outbound::{AUTH_HASH, OFFICER_KEY};
use super::settings::{Auth, Header, Settings};
use crate::wire::token::{self, By, FORM, GRANT, LOG_IN};

/// The names of the secrets that this profile needs.
pub(super) fn secrets(settings: &Settings) -> Vec<String> {
    let mut names: Vec<&str> = match settings.auth {
        Auth::None => vec![],
        Auth::HashedBasic if settings.username.is_empty() => vec!["username", "secret-key"],
        Auth::HashedBasic => vec!["secret-key"],
        Auth::Lgsp if settings.lgsp.ready => vec!["lgspaccesstoken"],
        Auth::Lgsp => vec!["access-key", "platform-key"],
        Auth::Header => vec!["auth"],
        Auth::Wso2Form | Auth::Wso2Basic | Auth::Wso2Json => vec!["consumer-key", "consumer-secret"],
    };
    for (_, header) in &settings.headers {
        if let Header::Secret(name) = header {
            names.push(name);
        }
    }
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    if settings.officer_hash {
        names.extend(settings.officers.values().map(|officer| {
            let key = if officer.key.is_empty() { &officer.code } else { &officer.key };
            format!("{OFFICER_KEY}{key}")
        }));
    }
    names
}

/// Puts keys, token and time on a call.
pub(super) fn sign(settings: &Settings, request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
    let mut ask = request.ask.clone();
    if request.step == LOG_IN {
        return Ok(Signed::new(ask));
    }
    for (name, value) in ask.headers.iter_mut().filter(|(name, _)| name == AUTH_HASH) {
        let key = keys.fixed.get(value.as_str()).ok_or_else(|| missing(value))?;
        debug_assert!(value.starts_with(OFFICER_KEY), "{name} stands by name until it is signed");
        *value = STANDARD.encode(key.reveal());
    }
    for (name, header) in &settings.headers {
        if let Header::Secret(key) = header {
            ask.headers.push((name.clone(), secret(keys, key)?.to_owned()));
        }
    }
    match settings.auth {
        Auth::None => {}
        Auth::HashedBasic => {
            let operation = settings.operation(&request.step).ok_or_else(|| missing(&request.step))?;
            let username = match settings.username.as_str() {
                "" => secret(keys, "username")?,
                own => own,
            };
            let millis = at.as_millis();
            let at = if settings.timestamp_seconds { millis.div_euclid(1000) } else { millis }.to_string();
            let key = secret(keys, "secret-key")?;
            ask.headers.push(("Authorization".to_owned(), hashed_basic(&operation.sv_url, username, &at, key)));
            ask.headers.push(("Timestamp".to_owned(), at));
        }
        _ => {
            let session = keys.session.ok_or_else(|| {
                Fault::new("population.session", Blame::Gateway, Remedy::Renew, "chưa có phiên làm việc với nền tảng")
            })?;
            ask.headers.push(("Authorization".to_owned(), format!("Bearer {}", session.token.reveal())));
            if settings.auth == Auth::Lgsp {
                ask.headers.push(access_header(settings, keys)?);
            }
        }
    }
    Ok(Signed::new(ask))
}

/// Basic with, in place of a password, the hash over address, name, moment and key.
pub(super) fn hashed_basic(sv_url: &str, username: &str, timestamp: &str, key: &str) -> String {
    let hash = digest(&SHA256, format!("{sv_url}{username}{timestamp}{key}").as_bytes());
    let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("Basic {}", STANDARD.encode(format!("{username}:{hex}")))
}

/// `lgspaccesstoken`: who the platform knows us as. A secret as a whole.
fn access_header(settings: &Settings, keys: &Keys) -> Result<(String, String), Fault> {
    let name = "lgspaccesstoken";
    if settings.lgsp.ready {
        return Ok((name.to_owned(), secret(keys, name)?.to_owned()));
    }
    let (access, key) = (secret(keys, "access-key")?, secret(keys, "platform-key")?);
    let lgsp = &settings.lgsp;
    Ok((name.to_owned(), access_token(access, key, [&lgsp.app_name, &lgsp.partner_code, &lgsp.partner_code_cus])))
}

fn access_token(access: &str, key: &str, [app, partner, cus]: [&str; 3]) -> String {
    let parts = json!({
        "AccessKey": access, "SecretKey": key, "AppName": app, "PartnerCode": partner, "PartnerCodeCus": cus,
    });
    STANDARD.encode(parts.to_string())
}

/// The call that asks for a token. It carries secrets, and so is never written down.
pub(super) fn call(settings: &Settings, account: &Account, keys: &Keys) -> Result<Request, Fault> {
    let key = |name: &str| keys.of(account, name).map(Secret::reveal).ok_or_else(|| missing(name));
    let credentials = |by| {
        let (id, own) = (key("consumer-key")?, key("consumer-secret")?);
        Ok::<_, Fault>(token::client_credentials(by, id, own, ""))
    };
    let (media, headers, body) = match settings.auth {
        Auth::Lgsp => (FORM, vec![access_header(settings, keys)?], GRANT.to_owned()),
        Auth::Header => (FORM, vec![("Auth".to_owned(), key("auth")?.to_owned())], String::new()),
        Auth::Wso2Basic => credentials(By::Basic)?,
        Auth::Wso2Form => credentials(By::Form)?,
        Auth::Wso2Json => credentials(By::Json)?,
        Auth::None | Auth::HashedBasic => return Err(refused("this profile has no token".to_owned())),
    };
    Ok(token::request(&settings.token.endpoint, &settings.token.path, media, headers, body))
}

/// The token in the answer.
pub(super) fn session(settings: &Settings, answer: &Answer, at: Moment) -> Result<Session, Fault> {
    let value = match faults::said(answer) {
        Ok(Said::Json(value)) => value,
        Ok(Said::Soap(_)) => return Err(refused("the answer is SOAP".to_owned())),
        // The platform is away; our account may be in order. Its own words may repeat what was sent, so they stay there.
        Err(fault) if matches!(fault.remedy, Remedy::Later | Remedy::Doubt) => {
            return Err(Fault { remedy: Remedy::Later, cause: form(answer), ..fault });
        }
        Err(fault) => {
            return Err(Fault { retry_after_ms: fault.retry_after_ms, ..refused(form(answer)) });
        }
    };
    let token = value.get(settings.token.field.as_str()).and_then(Value::as_str).unwrap_or_default();
    let (end, seconds) = (value.get(settings.token.expiry_field.as_str()), value.get("expires_in"));
    let life_ms = token::life_ms(end, seconds, settings.token.seconds, at);
    token::session(token, life_ms, at).ok_or_else(|| refused("the answer has no token".to_owned()))
}

fn secret<'k>(keys: &Keys<'k>, name: &str) -> Result<&'k str, Fault> {
    keys.fixed.get(name).map(Secret::reveal).ok_or_else(|| missing(name))
}

/// An officer's key is not named: officers are often known by their own identity number.
fn missing(name: &str) -> Fault {
    let what = if name.starts_with(OFFICER_KEY) { "riêng của cán bộ (officer/…)" } else { name };
    let words = format!("chưa cấu hình khóa {what} để gọi CSDLQG về dân cư");
    Fault::new("population.key-missing", Blame::Gateway, Remedy::Later, words)
}

fn refused(cause: String) -> Fault {
    let words = "nền tảng không cấp phiên làm việc; kiểm tra các khóa đã cấu hình";
    Fault::new("population.log-in", Blame::Peer, Remedy::Later, words).because(cause)
}

fn form(answer: &Answer) -> String {
    format!("HTTP {}, {} bytes", answer.status, answer.body.bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_notes() {
        assert_eq!(
            hashed_basic("/v1/dancu/TraCuuThongTinCongDan", "test_user", "1767225600000", "test_secret"),
            "Basic dGVzdF91c2VyOmZmZjViNTQ0M2MyYzg3MTNjMTAyODE1ZGZjYTZlMjdmOTY3YjFmMDdkN2I5Mzg5ZjQ1N2E2OTU5OTNkNmUwM2U="
        );
    }

    #[test]
    fn the_access_header_is_that_of_the_notes() {
        let (partner, app) = ("000.00.00.H00", "app-test");
        assert_eq!(
            access_token("ak-test", "sk-test", [app, partner, partner]),
            "eyJBY2Nlc3NLZXkiOiJhay10ZXN0IiwiU2VjcmV0S2V5Ijoic2stdGVzdCIsIkFwcE5hbWUiOiJhcHAtdGVzdCIsIlBhcnRuZXJDb2RlIjoiMDAwLjAwLjAwLkgwMCIsIlBhcnRuZXJDb2RlQ3VzIjoiMDAwLjAwLjAwLkgwMCJ9"
        );
    }
}
