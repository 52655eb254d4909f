//! The token of the LGSP in front of PayGov, and what a request is signed with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Answer, Ask, Body, Effect, Keeping, Keys, Request, Secret, Session, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

use super::PayGov;
use super::settings::REQUEST_SIGNED;
use crate::payment::wire::{self, ENDPOINT, pair};
use crate::payment::seal;

/// The keys that are needed; `secret-previous`, and `lgspaccesstoken` where the LGSP wants one, may stand beside them.
pub(super) const SECRETS: [&str; 4] = [seal::SECRET, ACCESS_KEY, "consumer_key", "consumer_secret"];

pub(super) const ACCESS_KEY: &str = "access_key";
const LGSP_TOKEN: &str = "lgspaccesstoken";
const TOKEN: &str = "token";

impl PayGov {
    /// The call that asks for a token. It carries secrets, and so is never written down.
    pub(super) fn token_call(&self, keys: &Keys) -> Result<Request, Fault> {
        let both = format!("{}:{}", key(keys, "consumer_key")?, key(keys, "consumer_secret")?);
        Ok(Request {
            step: TOKEN.to_owned(),
            effect: Effect::Repeatable,
            endpoint: ENDPOINT.to_owned(),
            account: None,
            ask: Ask {
                method: "POST".to_owned(),
                path: self.settings.token_path.clone(),
                query: Vec::new(),
                headers: vec![
                    pair("accept", "application/json"),
                    pair("authorization", &format!("Basic {}", STANDARD.encode(both))),
                    pair("content-type", "application/x-www-form-urlencoded"),
                ],
                body: Body::of("grant_type=client_credentials"),
            },
            answer_in: Keeping::Inline,
        })
    }

    /// The token in the answer.
    pub(super) fn token(&self, answer: &Answer, at: Moment) -> Result<Session, Fault> {
        let body = wire::object(&answer.body.bytes).unwrap_or_default();
        let Some(token) = wire::text(&body, "access_token").filter(|_| answer.status < 300) else {
            let words = "trục LGSP không cấp mã truy cập cho PayGov; kiểm tra khóa của tài khoản";
            let fault = Fault::new("payment.log-in", Blame::Peer, Remedy::Later, words);
            return Err(fault.because(format!("HTTP {}", answer.status)));
        };
        let told = body.get("expires_in").and_then(Value::as_i64).filter(|told| *told > 0);
        let seconds = told.unwrap_or(i64::from(self.settings.session_seconds)).min(7 * 86_400);
        Ok(Session { token: Secret::new(token), good_until: Some(at.plus_millis(seconds * 900)) })
    }

    /// Puts the token, the access key and the checksum on.
    pub(super) fn signed(&self, request: &Request, keys: &Keys) -> Result<Signed, Fault> {
        let mut ask = request.ask.clone();
        if request.step == TOKEN {
            return Ok(Signed::new(ask));
        }
        let none = || Fault::new("payment.session", Blame::Gateway, Remedy::Renew, "chưa có mã truy cập trục LGSP");
        let token = keys.session.map(|session| session.token.reveal()).ok_or_else(none)?;
        ask.headers.push(pair("authorization", &format!("Bearer {token}")));
        if let Some(own) = keys.fixed.get(LGSP_TOKEN) {
            ask.headers.push(pair(LGSP_TOKEN, own.reveal().trim()));
        }
        let mut body = wire::object(&ask.body.bytes).unwrap_or_default();
        let access = key(keys, ACCESS_KEY)?;
        body["accessKey"] = json!(access);
        body["checksum"] = json!(made(&body, REQUEST_SIGNED, key(keys, seal::SECRET)?, access));
        ask.body = Body::of(body.to_string());
        Ok(Signed::new(ask))
    }
}

/// The digest over these fields, without anything between them; `secretKey` and `accessKey` are the keys.
pub(super) fn made<'a>(
    body: &Value,
    fields: impl IntoIterator<Item = &'a str>,
    secret: &str,
    access: &str,
) -> String {
    let part = |field: &'a str| match field {
        "secretKey" => secret.to_owned(),
        "accessKey" => access.to_owned(),
        other => seal::exact(body, other),
    };
    seal::sha256(&fields.into_iter().map(part).collect::<String>())
}

fn key<'a>(keys: &'a Keys<'_>, name: &str) -> Result<&'a str, Fault> {
    let missing = || {
        let words = format!("chưa cấu hình khóa {name} của PayGov");
        Fault::new("payment.key", Blame::Gateway, Remedy::Later, words)
    };
    keys.fixed.get(name).map(|secret| secret.reveal().trim()).ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_made_of_the_documented_fields_and_nothing_between_them() {
        let body = json!({ "partnerCode": "DT", "orderId": "A1", "requestCode": "R1", "amount": 50000, "orderInfo": "x" });
        let wanted = seal::sha256("BIMATTRUYCAPDTA1R150000");
        assert_eq!(made(&body, REQUEST_SIGNED, "BIMAT", "TRUYCAP"), wanted);
        for field in ["partnerCode", "orderId", "requestCode", "amount"] {
            let mut other = body.clone();
            other[field] = json!("DU");
            assert_ne!(made(&other, REQUEST_SIGNED, "BIMAT", "TRUYCAP"), wanted, "{field}");
        }
        assert_ne!(made(&body, REQUEST_SIGNED, "BIMAT2", "TRUYCAP"), wanted);
    }
}
