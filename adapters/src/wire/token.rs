//! Proofs of who calls that are no peer's own: Basic, and tokens by client credentials (RFC 6749, section 4.4).
//!
//! How a token is asked for, where it stands in the answer and how long it lives. What a failed log-in is called is the family's;
//! everywhere it says nothing about any message, so its remedy is `Later`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Ask, Body, Effect, Keeping, Pairs, Request, Secret, Session};
use gateway_core::ids::Moment;
use serde_json::{Value, json};

/// The step of every log-in: its calls are never signed and never written down.
pub(crate) const LOG_IN: &str = "log-in";
/// A token is renewed so long before its end; of a short-lived one, a tenth before.
const MARGIN_MS: i64 = 300_000;
const YEAR_SECONDS: i64 = 31_536_000;

/// How a client shows its credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// As fields of a form.
    Form,
    /// As `Authorization: Basic`.
    Basic,
    /// As fields of JSON.
    Json,
}

/// The media type of forms.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
/// The field of every form that asks so.
pub(crate) const GRANT: &str = "grant_type=client_credentials";

/// `Authorization: Basic`.
pub(crate) fn basic(user: &str, password: &str) -> (String, String) {
    ("Authorization".to_owned(), format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))
}

/// Media type, further headers and body of the question for a token.
pub(crate) fn client_credentials(
    by: By,
    id: &str,
    secret: &str,
    scope: &str,
) -> (&'static str, Pairs, String) {
    let scope_field = if scope.is_empty() { String::new() } else { format!("&scope={}", encoded(scope)) };
    match by {
        By::Basic => (FORM, vec![basic(id, secret)], format!("{GRANT}{scope_field}")),
        By::Form => {
            let (id, secret) = (encoded(id), encoded(secret));
            (FORM, Pairs::new(), format!("{GRANT}&client_id={id}&client_secret={secret}{scope_field}"))
        }
        By::Json => {
            let mut body =
                json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
            if !scope.is_empty() {
                body["scope"] = Value::from(scope);
            }
            ("application/json", Pairs::new(), body.to_string())
        }
    }
}

/// The call that asks for a token. It carries secrets.
pub(crate) fn request(endpoint: &str, path: &str, media: &str, more: Pairs, body: String) -> Request {
    let mut headers = vec![("content-type".to_owned(), media.to_owned())];
    headers.extend(more);
    Request {
        step: LOG_IN.to_owned(),
        effect: Effect::Repeatable,
        endpoint: endpoint.to_owned(),
        account: None,
        ask: Ask {
            method: "POST".to_owned(),
            path: path.to_owned(),
            query: Pairs::new(),
            headers,
            body: Body::of(body),
        },
        answer_in: Keeping::Inline,
    }
}

/// How long a token lives: as it says itself (a moment, or seconds as number or text), else so many seconds.
pub(crate) fn life_ms(
    end: Option<&Value>,
    seconds: Option<&Value>,
    otherwise_seconds: u32,
    at: Moment,
) -> i64 {
    let end = end.and_then(Value::as_str).and_then(Moment::parse);
    let seconds = seconds.and_then(|seconds| match seconds {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    });
    let seconds = seconds.filter(|seconds| (1..=YEAR_SECONDS).contains(seconds));
    let by_end = end.map(|end| end.millis_since(at)).filter(|life| *life > 0);
    by_end.or(seconds.map(|s| s * 1000)).unwrap_or_else(|| i64::from(otherwise_seconds) * 1000)
}

/// A session with this token; none if the token is empty.
pub(crate) fn session(token: &str, life_ms: i64, at: Moment) -> Option<Session> {
    let token = Some(token.trim()).filter(|token| !token.is_empty())?;
    let margin = MARGIN_MS.min(life_ms / 10);
    Some(Session { token: Secret::new(token), good_until: Some(at.plus_millis(life_ms - margin)) })
}

/// As forms and addresses write it.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_keeps_what_a_secret_says() {
        assert_eq!(encoded("a b&c=đ~"), "a%20b%26c%3D%C4%91~");
        let (_, _, body) = client_credentials(By::Form, "a&b", "c d", "");
        assert_eq!(body, "grant_type=client_credentials&client_id=a%26b&client_secret=c%20d");
    }

    #[test]
    fn a_token_lives_as_long_as_it_says_and_is_renewed_before() {
        let at = Moment::parse("2026-11-22T12:00:00Z").unwrap();
        let life = |seconds: Value| life_ms(None, Some(&seconds), 60, at);
        assert_eq!((life(json!(3600)), life(json!("120")), life(json!(-1))), (3_600_000, 120_000, 60_000));
        let end = json!("2026-11-22T13:00:00Z");
        assert_eq!(life_ms(Some(&end), Some(&json!(5)), 60, at), 3_600_000);
        let good = |life| session("t", life, at).unwrap().good_until.unwrap().millis_since(at);
        assert_eq!((good(3_600_000), good(100_000)), (3_300_000, 90_000));
        assert_eq!(session("  ", 1, at), None);
    }
}
