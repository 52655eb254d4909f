//! Digests over what is signed, and how one is compared: in constant time, with every secret that is valid now.
//!
//! What is signed is a text of field values in a documented order, exactly as they stand in the call: nothing is trimmed, composed or
//! made a number on the way. Several secrets may be valid while one takes the place of another (`secret`, `secret-previous`); the first
//! signs. The algorithm is the dialect's and never read from the call.

use gateway_core::adapter::Keys;
use gateway_core::ids::hex;
use ring::digest;
use serde_json::Value;
use subtle::ConstantTimeEq as _;

/// The name of the key that signs; others that begin so and go on with `-` are valid beside it.
pub(super) const SECRET: &str = "secret";

/// SHA-256, in lower-case hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

/// Do the two digests agree? Letter case is no secret; everything else is compared without telling where it differs.
pub(super) fn agree(made: &str, shown: &str) -> bool {
    let shown = shown.to_ascii_lowercase();
    made.as_bytes().ct_eq(shown.as_bytes()).into()
}

/// A field as it stands in the call: a text without its quotes, a number as it was written. What is absent or null is empty.
pub(super) fn exact(body: &Value, name: &str) -> String {
    match body.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Every secret that is valid now.
pub(super) fn valid<'a>(keys: &'a Keys<'_>) -> impl Iterator<Item = &'a str> {
    let of_ours = |name: &str| name == SECRET || name.strip_prefix(SECRET).is_some_and(|rest| rest.starts_with('-'));
    keys.fixed.iter().filter(move |(name, _)| of_ours(name)).map(|(_, secret)| secret.reveal().trim())
}

/// The secret that signs.
pub(super) fn signing<'a>(keys: &'a Keys<'_>) -> Option<&'a str> {
    keys.fixed.get(SECRET).map(|secret| secret.reveal().trim())
}
