//! The signature of Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
//!
//! The key is what stands after `whsec_` in base64, 24 to 64 bytes as the specification asks. While keys are changed there are two, and
//! each signs; the subscriber takes whichever it knows. A key that is none is our own fault and is said before anything leaves.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Keys, Request, Secret, Signed};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::Moment;
use ring::hmac;

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

const PREFIX: &str = "whsec_";

/// Puts time and signatures on a call.
pub(super) fn sign(request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
    let mut ask = request.ask.clone();
    let id = ask.header(ID).unwrap_or_default().to_owned();
    let timestamp = (at.as_millis() / 1000).to_string();
    let mut signatures = Vec::new();
    for name in [SECRET, OTHER_SECRET] {
        if let Some(secret) = keys.fixed.get(name) {
            signatures.push(signature(&key(name, secret)?, &id, &timestamp, &ask.body.0));
        }
    }
    if signatures.is_empty() {
        return Err(unusable(SECRET));
    }
    ask.headers.push((TIMESTAMP.to_owned(), timestamp));
    ask.headers.push((SIGNATURE.to_owned(), signatures.join(" ")));
    Ok(Signed::new(ask))
}

/// One signature.
pub(super) fn signature(key: &hmac::Key, id: &str, timestamp: &str, body: &[u8]) -> String {
    let mut signed = format!("{id}.{timestamp}.").into_bytes();
    signed.extend_from_slice(body);
    format!("v1,{}", STANDARD.encode(hmac::sign(key, &signed)))
}

/// The key that a secret stands for.
pub(super) fn key(name: &str, secret: &Secret) -> Result<hmac::Key, Fault> {
    let text = secret.reveal();
    let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| unusable(name))?;
    match bytes.len() {
        24..=64 => Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes)),
        _ => Err(unusable(name)),
    }
}

fn unusable(name: &str) -> Fault {
    let words = format!("khóa ký {name} phải có dạng whsec_ và base64 của 24 đến 64 byte");
    Fault::new("subscriber.signing-secret", Blame::Gateway, Remedy::Later, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_call_has_its_known_signature() {
        // The example of the specification's own libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let key = key(SECRET, &secret).unwrap();
        let said = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b"{\"test\": 2432232314}");
        assert_eq!(said, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_key_is_said_and_not_shown() {
        for wrong in ["", "whsec_", "whsec_kurz", "whsec_AAAA", "mat-khau"] {
            let fault = key(SECRET, &Secret::new(wrong)).unwrap_err();
            assert_eq!(fault.code, "subscriber.signing-secret");
            assert!(wrong.len() < 8 || !fault.to_string().contains(wrong), "{fault}");
        }
    }
}
