//! Puts time and signatures on a call, as Standard Webhooks has it (`gateway_core::webhook`).
//!
//! While keys are changed there are two, and each signs; the subscriber takes whichever it knows. A key that is none is our own fault and
//! is said before anything leaves.

use gateway_core::adapter::{Keys, Request, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use gateway_core::webhook::{self, SigningKey};

/// The header that names the message.
pub(super) const ID: &str = "webhook-id";
/// The header that says when it was signed.
pub(super) const TIMESTAMP: &str = "webhook-timestamp";
/// The header of the signatures, with a space between them.
pub(super) const SIGNATURE: &str = "webhook-signature";
/// The key.
pub(super) const SECRET: &str = "signing-secret";
/// The key before or after it, while both are in use.
pub(super) const OTHER_SECRET: &str = "signing-secret-other";

/// Puts time and signatures on a call.
pub(super) fn sign(request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
    let mut ask = request.ask.clone();
    let id = ask.header(ID).unwrap_or_default().to_owned();
    let timestamp = (at.as_millis() / 1000).to_string();
    let mut signatures = Vec::new();
    for name in [SECRET, OTHER_SECRET] {
        if let Some(secret) = keys.fixed.get(name) {
            let key = SigningKey::parse(secret).ok_or_else(|| unusable(name))?;
            signatures.push(webhook::sign(&key, &id, &timestamp, &ask.body.bytes));
        }
    }
    if signatures.is_empty() {
        return Err(unusable(SECRET));
    }
    ask.headers.push((TIMESTAMP.to_owned(), timestamp));
    ask.headers.push((SIGNATURE.to_owned(), signatures.join(" ")));
    Ok(Signed::new(ask))
}

fn unusable(name: &str) -> Fault {
    let words = format!("khóa ký {name} phải có dạng whsec_ và base64 của 24 đến 64 byte");
    Fault::new("subscriber.signing-secret", Blame::Gateway, Remedy::Later, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use gateway_core::adapter::{Ask, Body, Effect, Keeping, Secret};

    fn signed(secret: &str) -> Result<Signed, Fault> {
        let headers = vec![(ID.to_owned(), "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned())];
        let body = Body::of(b"{\"test\": 2432232314}".to_vec());
        let ask = Ask { method: "POST".to_owned(), path: "/".to_owned(), query: vec![], headers, body };
        let (step, endpoint) = ("notify".to_owned(), "subscriber".to_owned());
        let request = Request { step, effect: Effect::Repeatable, endpoint, account: None, ask, answer_in: Keeping::Inline };
        let fixed = BTreeMap::from([(SECRET.to_owned(), Secret::new(secret))]);
        sign(&request, &Keys { fixed: &fixed, session: None }, Moment::from_millis(1_614_265_330_999))
    }

    #[test]
    fn a_known_call_has_its_known_signature() {
        // The example of the specification's own libraries.
        let signed = signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(signed.ask().header(TIMESTAMP), Some("1614265330"));
        assert_eq!(signed.ask().header(SIGNATURE), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn what_is_no_key_is_said_and_not_shown() {
        for wrong in ["", "whsec_", "whsec_kurz", "whsec_AAAA", "mat-khau"] {
            let fault = signed(wrong).unwrap_err();
            assert_eq!(fault.code, "subscriber.signing-secret");
            assert!(wrong.len() < 8 || !fault.to_string().contains(wrong), "{fault}");
        }
    }
}
