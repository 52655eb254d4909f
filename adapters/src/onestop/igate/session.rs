//! Tokens: one for the six steps, one for the search, both by client credentials (OAuth 2).
//!
//! A token is kept for as long as it says, less a tenth. A failed log-in says nothing about any dossier: its remedy is always `Later`.

use gateway_core::adapter::{Answer, Ask, Body, Effect, Keeping, Keys, Pairs, Request, Secret, Session, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Account, Moment};
use serde_json::json;

use super::Igate;
use super::settings::Settings;
use super::wire::{self, HUB, SEARCH, pair};
use crate::onestop::outcomes::Outcome;

const LOG_IN: &str = "igate.log-in";
const TOKEN: &str = "token";
const SECONDS_MAX: i64 = 7 * 86_400;

impl Igate {
    /// The accounts that this peer's interfaces need.
    pub(super) fn used_accounts(&self) -> Vec<Account> {
        let search = self.settings.poll || self.settings.look_up;
        let names = [self.settings.hub.then_some(HUB), search.then_some(SEARCH)];
        names.into_iter().flatten().map(Account::from).collect()
    }

    /// The call that asks for a token. It carries secrets, and so is never written down.
    pub(super) fn token_call(&self, account: &Account, keys: &Keys) -> Result<Request, Fault> {
        let key = |name: &str| {
            keys.of(account, name).map(Secret::reveal).ok_or_else(|| {
                let words = format!("chưa cấu hình khóa {name} của tài khoản iGATE");
                Fault::new(LOG_IN, Blame::Gateway, Remedy::Later, words)
            })
        };
        let (id, secret) = (key("client_id")?, key("client_secret")?);
        let settings = &self.settings;
        let (endpoint, path, in_json) = match account.as_str() {
            SEARCH => (settings.realm_endpoint.as_str(), &settings.realm_path, false),
            _ => (Settings::ENDPOINT, &settings.token_path, settings.token_in_json),
        };
        let (media, body) = match in_json {
            true => ("application/json", json!({ "client_id": id, "client_secret": secret }).to_string()),
            false => (
                "application/x-www-form-urlencoded",
                format!("grant_type=client_credentials&client_id={}&client_secret={}", escaped(id), escaped(secret)),
            ),
        };
        let headers = vec![pair("accept", "application/json"), pair("content-type", media)];
        let (method, path, query) = ("POST".to_owned(), path.clone(), Pairs::new());
        Ok(Request {
            step: TOKEN.to_owned(),
            effect: Effect::Repeatable,
            endpoint: endpoint.to_owned(),
            account: None,
            ask: Ask { method, path, query, headers, body: Body::of(body) },
            answer_in: Keeping::Inline,
        })
    }

    /// The token in the answer.
    pub(super) fn token(&self, answer: &Answer, at: Moment) -> Result<Session, Fault> {
        let body = wire::json(answer).unwrap_or_default();
        if let Some(token) = wire::at(&body, "/access_token").filter(|_| answer.status < 300) {
            let told = wire::at(&body, "/expires_in").and_then(|text| text.parse().ok()).filter(|told| *told > 0);
            let seconds = told.unwrap_or(i64::from(self.settings.session_seconds)).min(SECONDS_MAX);
            return Ok(Session { token: Secret::new(token), good_until: Some(at.plus_millis(seconds * 900)) });
        }
        Err(match self.outcome(answer) {
            // The service is away; its account may be in order.
            Outcome::Failed(fault) if answer.status >= 429 => Fault { remedy: Remedy::Later, ..fault },
            _ => {
                let words = "iGATE không cấp mã truy cập; kiểm tra client_id và client_secret của tài khoản";
                Fault::new(LOG_IN, Blame::Peer, Remedy::Later, words).because(format!("HTTP {}", answer.status))
            }
        })
    }

    /// Puts the token on a call of an account; a call of none (a file of the portal's) gets nothing.
    pub(super) fn signed(&self, request: &Request, keys: &Keys) -> Result<Signed, Fault> {
        let mut ask = request.ask.clone();
        if request.account.is_some() {
            let token = keys.session.map(|session| session.token.reveal()).ok_or_else(|| {
                Fault::new("igate.session", Blame::Gateway, Remedy::Renew, "chưa có mã truy cập iGATE")
            })?;
            ask.headers.push(pair("authorization", &format!("Bearer {token}")));
        }
        Ok(Signed::new(ask))
    }
}

/// A text as a form carries it.
fn escaped(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => written.push(char::from(byte)),
            _ => written.push_str(&format!("%{byte:02X}")),
        }
    }
    written
}
