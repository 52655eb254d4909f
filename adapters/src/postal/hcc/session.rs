//! Tokens of the order services, and how a call carries one.
//!
//! A token is asked for once and kept for as long as it says, less a tenth, not once for each call. A failed log-in says nothing
//! about any order: its remedy is always `Later`.

use gateway_core::adapter::{Answer, Ask, Body, Effect, Keys, Request, Secret, Session, Signed, Keeping};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, Moment};
use serde_json::{Value, json};

use super::Hcc;
use super::settings::{TokenBy, Transport};
use crate::postal::outcomes::Outcome;
use crate::postal::wire::{self, ENDPOINT, pair};
use crate::wire::token;

const LOG_IN: &str = "postal.log-in";

impl Hcc {
    /// Is there anything to log in for?
    pub(super) fn logs_in(&self) -> bool {
        self.settings.token_by != TokenBy::Fixed
    }

    /// The call that asks for a token. It carries secrets, and so is never written down.
    pub(super) fn token_call(&self, account: &Account, keys: &Keys) -> Result<Request, Fault> {
        let key = |name: &str| {
            keys.of(account, name).map(Secret::reveal).ok_or_else(|| {
                let words = format!("chưa cấu hình khóa {name} của dịch vụ bưu chính");
                Fault::new(LOG_IN, Blame::Gateway, Remedy::Later, words)
            })
        };
        let (mut headers, mut body) = (vec![pair("accept", "application/json")], self.settings.token_form.clone());
        match self.settings.token_by {
            TokenBy::Basic => {
                headers.push(token::basic(key("consumer_key")?, key("consumer_secret")?));
            }
            TokenBy::Bearer => headers.push(pair("authorization", &format!("Bearer {}", key("key_token")?))),
            TokenBy::Password | TokenBy::Fixed => {
                body = json!({ "username": key("username")?, "password": key("password")? }).to_string();
            }
        }
        let json = matches!(self.settings.token_by, TokenBy::Password | TokenBy::Fixed);
        let form = if json { "application/json" } else { "application/x-www-form-urlencoded" };
        headers.push(pair("content-type", form));
        Ok(Request {
            step: "token".to_owned(),
            effect: Effect::Repeatable,
            endpoint: ENDPOINT.to_owned(),
            account: None,
            ask: Ask {
                method: "POST".to_owned(),
                path: self.settings.token_path.clone(),
                query: Vec::new(),
                headers,
                body: Body::of(body),
            },
            answer_in: Keeping::Inline,
        })
    }

    /// The token in the answer.
    pub(super) fn token(&self, answer: &Answer, at: Moment) -> Result<Session, Fault> {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let token = wire::text(&body, "access_token").or_else(|| wire::text(&body, "token"));
        if let Some(token) = token.filter(|_| answer.status < 300) {
            let told = wire::field(&body, "expires_in").and_then(Value::as_i64).filter(|told| *told > 0);
            let seconds = told.unwrap_or(i64::from(self.settings.session_seconds)).min(7 * 86_400);
            let good_until = Some(at.plus_millis(seconds * 900));
            return Ok(Session { token: Secret::new(token), good_until });
        }
        Err(match self.outcome(answer) {
            // The service is away; its account may be in order.
            Outcome::Failed(fault) if matches!(fault.remedy, Remedy::Later | Remedy::Doubt) => {
                Fault { remedy: Remedy::Later, ..fault }
            }
            _ => {
                let words = "dịch vụ bưu chính không cấp mã truy cập; kiểm tra khóa của tài khoản";
                Fault::new(LOG_IN, Blame::Peer, Remedy::Later, words).because(format!("HTTP {}", answer.status))
            }
        })
    }

    /// Puts the token where the transport wants it.
    pub(super) fn signed(&self, request: &Request, keys: &Keys) -> Result<Signed, Fault> {
        let mut ask = request.ask.clone();
        if request.step == "token" {
            return Ok(Signed::new(ask));
        }
        let fixed = || keys.of(&Account::from(wire::ACCOUNT), "access_token").map(Secret::reveal);
        let token = match self.settings.token_by {
            TokenBy::Fixed => fixed(),
            _ => keys.session.map(|session| session.token.reveal()),
        };
        let token = token.ok_or_else(|| {
            Fault::new("postal.session", Blame::Gateway, Remedy::Renew, "chưa có mã truy cập dịch vụ bưu chính")
        })?;
        ask.headers.push(match self.settings.transport {
            Transport::AccessToken => pair("access_token", token),
            _ => pair("authorization", &format!("Bearer {token}")),
        });
        Ok(Signed::new(ask))
    }

    /// By the way a token is asked for.
    pub(super) fn needed_secrets(&self) -> Vec<String> {
        let names: &[&str] = match self.settings.token_by {
            TokenBy::Basic => &["consumer_key", "consumer_secret"],
            TokenBy::Bearer => &["key_token"],
            TokenBy::Password => &["username", "password"],
            TokenBy::Fixed => &["access_token"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}
