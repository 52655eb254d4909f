//! Signed calls as the Standard Webhooks specification has them (<https://www.standardwebhooks.com>): three headers, and HMAC-SHA256
//! over `<id>.<timestamp>.<body>` with a key that both sides know.
//!
//! The bytes are judged as they came, before anybody parses them, and signatures are compared in constant time. Several keys may
//! be active, so that a key can be changed without a call that is refused. Algorithm and version are fixed here and never
//! read from the message. Deliberately not here: whether an id was seen before; the journal knows that.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use subtle::ConstantTimeEq as _;

use crate::adapter::{Ask, Secret};
use crate::ids::Moment;

/// The headers that a signed call carries, in lower case.
pub const HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];

/// A call may be so much older than our clock, or ahead of it: five minutes, as the specification's libraries have it.
const TOLERANCE_SECONDS: i64 = 5 * 60;
/// The specification's bounds of a key.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// More signatures on one call are not looked at: a sender that changes its key sends two.
const SIGNATURES_MAX: usize = 8;
/// Longer ids are no ids.
const ID_BYTES_MAX: usize = 256;

/// A key that a peer signs with.
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// `whsec_` and base64, or base64 alone, of 24 to 64 bytes; none if it is not that.
    pub fn parse(secret: &Secret) -> Option<SigningKey> {
        let text = secret.reveal().trim();
        let bytes = STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text)).ok()?;
        KEY_BYTES.contains(&bytes.len()).then(|| SigningKey(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Why a call is not what its signature should say it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unproven {
    /// No active key made this signature over these bytes, or the headers are not whole.
    Signature,
    /// The signature is right and its time is not ours: an old call played again, or a clock that is wrong.
    Stale,
}

/// The signature of a call by one key, as it stands in the third header; several stand there with a space between them.
pub fn sign(key: &SigningKey, id: &str, timestamp: &str, body: &[u8]) -> String {
    format!("v1,{}", STANDARD.encode(made(key, id, timestamp, body)))
}

fn made(key: &SigningKey, id: &str, timestamp: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&key.0);
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
        context.update(part);
    }
    context.sign()
}

/// Does the call say that it is signed?
pub fn is_signed(ask: &Ask) -> bool {
    HEADERS.iter().any(|name| ask.header(name).is_some())
}

/// Was this call made by who has one of the keys, over these bytes, about now?
pub fn verify(ask: &Ask, keys: &[SigningKey], now: Moment) -> Result<(), Unproven> {
    let [id, timestamp, signatures] = HEADERS.map(|name| ask.header(name).unwrap_or_default());
    let digits = !timestamp.is_empty() && timestamp.bytes().all(|b| b.is_ascii_digit());
    let seconds = timestamp.parse::<i64>().ok().filter(|_| digits).ok_or(Unproven::Signature)?;
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return Err(Unproven::Signature);
    }
    let given: Vec<Vec<u8>> = signatures
        .split(' ')
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .take(SIGNATURES_MAX)
        .filter_map(|signature| STANDARD.decode(signature).ok())
        .collect();
    let mut proven = false;
    for key in keys {
        let made = made(key, id, timestamp, &ask.body.bytes);
        proven |= given.iter().any(|given| bool::from(given.as_slice().ct_eq(made.as_ref())));
    }
    if !proven {
        return Err(Unproven::Signature);
    }
    // Told apart only for who has a key: it is the one that can mend its clock.
    let apart = (now.as_millis() / 1000).abs_diff(seconds);
    if apart > TOLERANCE_SECONDS.unsigned_abs() { Err(Unproven::Stale) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapter::Body;

    /// The example of the specification: its key, its message, its signature.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const AT: i64 = 1_614_265_330;

    fn signed(signature: &str, body: &str) -> Ask {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ask {
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: Vec::new(),
            headers: vec![
                header("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                header("webhook-timestamp", "1614265330"),
                header("webhook-signature", signature),
            ],
            body: Body::of(body.as_bytes().to_vec()),
        }
    }

    fn key(secret: &str) -> SigningKey {
        SigningKey::parse(&Secret::new(secret)).expect("a key")
    }

    #[test]
    fn the_example_of_the_specification_is_verified() {
        const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        const BODY: &str = "{\"test\": 2432232314}";
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        let two = format!("v2,eA== v1,AAAA {SIGNATURE}");
        let at = |seconds: i64| Moment::from_millis(seconds * 1000);
        for (signature, body, keys, now, wanted) in [
            (SIGNATURE, BODY, vec![SECRET], AT, Ok(())),
            (SIGNATURE, BODY, vec![other, SECRET], AT + 300, Ok(())),
            (SIGNATURE, BODY, vec![SECRET], AT - 300, Ok(())),
            (two.as_str(), BODY, vec![SECRET], AT, Ok(())),
            (SIGNATURE, BODY, vec![SECRET], AT + 301, Err(Unproven::Stale)),
            (SIGNATURE, BODY, vec![SECRET], AT - 301, Err(Unproven::Stale)),
            (SIGNATURE, BODY, vec![other], AT, Err(Unproven::Signature)),
            (SIGNATURE, BODY, vec![], AT, Err(Unproven::Signature)),
            (SIGNATURE, "{\"test\": 2432232315}", vec![SECRET], AT, Err(Unproven::Signature)),
            (SIGNATURE.trim_start_matches("v1,"), BODY, vec![SECRET], AT, Err(Unproven::Signature)),
            ("v1,", BODY, vec![SECRET], AT, Err(Unproven::Signature)),
            ("", BODY, vec![SECRET], AT, Err(Unproven::Signature)),
        ] {
            let keys: Vec<SigningKey> = keys.into_iter().map(key).collect();
            assert_eq!(verify(&signed(signature, body), &keys, at(now)), wanted, "{signature} {now}");
        }
        for (name, value) in
            [("webhook-timestamp", "+1614265330"), ("webhook-timestamp", "soon"), ("webhook-id", "")]
        {
            let mut ask = signed(SIGNATURE, BODY);
            ask.headers.retain(|(known, _)| known != name);
            ask.headers.push((name.to_owned(), value.to_owned()));
            assert_eq!(verify(&ask, &[key(SECRET)], at(AT)), Err(Unproven::Signature), "{name} {value}");
        }
    }

    #[test]
    fn a_key_has_the_length_that_the_specification_asks_for() {
        for bad in ["whsec_", "whsec_AAAA", "mat-khau", "whsec_!!!!"] {
            assert!(SigningKey::parse(&Secret::new(bad)).is_none(), "{bad}");
        }
        assert_eq!(format!("{:?}", key(SECRET)), "***");
    }
}
