//! Log-in at the portal, and the session on each call.
//!
//! The session travels as the first field of the body. It is spliced into the bytes that were written down, so that what was
//! journaled and what was sent differ in that field and nothing else. A failed log-in says nothing about any message: its
//! remedy is always `Later`, and what the portal answered is shown without the password.

use gateway_core::adapter::{Answer, Effect, Keys, Request, Session, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, Moment};
use serde_json::{Value, json};

use super::Portal;
use super::faults::Outcome;
use super::settings::DEFAULT_ACCOUNT;
use super::wire::{self, Reply};

const LOG_IN: &str = "portal.log-in";

impl Portal {
    /// The call that asks for a session. It carries the password, and so is never written down.
    pub(super) fn log_in_call(&self, account: &Account, keys: &Keys) -> Result<Request, Fault> {
        let missing = |what: &str| {
            let words = format!("chưa cấu hình {what} đăng nhập Cổng DVCQG cho tài khoản {account}");
            Fault::new(LOG_IN, Blame::Gateway, Remedy::Later, words)
        };
        let username = self.settings.username(account).or_else(|| keys.of(account, "username").map(|key| key.reveal()));
        let username = username.ok_or_else(|| missing("tên"))?;
        let password = keys.of(account, "password").ok_or_else(|| missing("mật khẩu"))?;
        let body = json!({ "username": username, "password": password.reveal() });
        Ok(wire::request(&self.settings, "log-in", Effect::Repeatable, None, &self.settings.login_path, &body))
    }

    /// The session in the answer to a log-in.
    pub(super) fn session(
        &self,
        answer: &Answer,
        account: &Account,
        keys: &Keys,
        at: Moment,
    ) -> Result<Session, Fault> {
        let fault = match self.outcomes.of(answer) {
            Outcome::Done => {
                if let Some(token) = Reply::read(answer).and_then(|reply| reply.session) {
                    let good_for = i64::from(self.settings.session_seconds) * 1000;
                    let token = gateway_core::adapter::Secret::new(token);
                    return Ok(Session { token, good_until: Some(at.plus_millis(good_for)) });
                }
                refused("the answer has no session".to_owned())
            }
            // The portal is away; its account may be in order.
            Outcome::Failed(fault) if matches!(fault.remedy, Remedy::Later | Remedy::Doubt) => {
                Fault { remedy: Remedy::Later, ..fault }
            }
            Outcome::Failed(fault) | Outcome::Exists(fault) | Outcome::Missing(fault) => Fault {
                retry_after_ms: fault.retry_after_ms,
                ..refused(fault.cause)
            },
        };
        Err(without_password(fault, account, keys))
    }

    /// A password for each account that is named, and for the default one if anything can use it.
    pub(super) fn needed_secrets(&self) -> Vec<String> {
        let accounts = &self.settings.accounts;
        let mut needed: Vec<String> = accounts.keys().map(|unit| format!("{unit}/password")).collect();
        if accounts.is_empty() || !self.settings.username.is_empty() {
            needed.push("password".to_owned());
        }
        if accounts.is_empty() && self.settings.username(&Account::from(DEFAULT_ACCOUNT)).is_none() {
            needed.push("username".to_owned());
        }
        needed
    }
}

/// Puts the session on a call that wants one.
pub(super) fn sign(request: &Request, keys: &Keys) -> Result<Signed, Fault> {
    let mut ask = request.ask.clone();
    if request.account.is_some() {
        let session = keys.session.ok_or_else(|| {
            Fault::new("portal.session", Blame::Gateway, Remedy::Renew, "chưa có phiên làm việc với Cổng DVCQG")
        })?;
        ask.body.bytes = with_session(&ask.body.bytes, session.token.reveal())?;
    }
    Ok(Signed::new(ask))
}

/// The same JSON object with the session as its first field.
fn with_session(body: &[u8], token: &str) -> Result<Vec<u8>, Fault> {
    let Some(rest) = body.strip_prefix(b"{") else {
        debug_assert!(false, "a call to the portal is a JSON object made by us");
        return Err(Fault::new("portal.body", Blame::Gateway, Remedy::Correct, "thông điệp gửi Cổng DVCQG không phải đối tượng JSON"));
    };
    let mut signed = format!("{{\"session\":{}", Value::from(token)).into_bytes();
    if !rest.starts_with(b"}") {
        signed.push(b',');
    }
    signed.extend_from_slice(rest);
    Ok(signed)
}

fn refused(cause: String) -> Fault {
    let words = "Cổng DVCQG không nhận đăng nhập; kiểm tra tên và mật khẩu của tài khoản";
    Fault::new(LOG_IN, Blame::Peer, Remedy::Later, words).because(cause)
}

/// A portal that repeats what it was sent must not teach the password to whoever reads faults.
fn without_password(mut fault: Fault, account: &Account, keys: &Keys) -> Fault {
    if let Some(password) = keys.of(account, "password").map(|key| key.reveal()).filter(|text| !text.is_empty()) {
        fault.cause = fault.cause.replace(password, "***");
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_is_the_first_field_and_the_rest_is_untouched() {
        let signed = |body: &str| String::from_utf8(with_session(body.as_bytes(), "a\"b").unwrap()).unwrap();
        assert_eq!(signed(r#"{"madonvi":"x"}"#), r#"{"session":"a\"b","madonvi":"x"}"#);
        assert_eq!(signed("{}"), r#"{"session":"a\"b"}"#);
    }
}
