//! Sealing: what the disk holds of documents, transcripts, marks and causes is AES-256-GCM, and what it must find again
//! without opening it is a keyed digest.
//!
//! A sealed value is key id (4 bytes) + nonce (12 bytes, random) + ciphertext and tag; its purpose (`message.source`) is
//! authenticated with it, so a value moved to another column does not open. A random nonce bounds one key to about 2^32
//! values, some hundred million messages. Old keys still open what they sealed. The digests do not hang on the sealing key:
//! their own key is random, kept sealed in the store, so that repeats are recognised across a change of key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::ids::hex;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::{digest, hmac};
use serde_json::Value;

use super::error::StoreError;
use crate::clock::chance;

const ID_LEN: usize = 4;
/// Of a file: the key's id, and chance.
pub(super) const FILE_HEAD: usize = ID_LEN + 16;
/// What a file is sealed for.
pub(super) const FILE: &str = "claim.file";

/// A sealing key: 32 bytes, written as one line of base64.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealKey({})", self.id())
    }
}

impl SealKey {
    /// The key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        SealKey(bytes)
    }

    /// A new key from the system's chance.
    pub fn generate() -> Self {
        SealKey(chance())
    }

    /// Reads the line of a key file; none if it is not 32 bytes in base64.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text.trim()).ok()?.try_into().ok().map(SealKey)
    }

    /// The line for a key file.
    pub fn to_line(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Its id, which may be shown.
    pub fn id(&self) -> String {
        hex(&self.id_bytes())
    }

    fn id_bytes(&self) -> [u8; ID_LEN] {
        let hash = digest::digest(&digest::SHA256, &self.0);
        let mut id = [0; ID_LEN];
        id.copy_from_slice(&hash.as_ref()[..ID_LEN]);
        id
    }
}

struct Opener {
    id: [u8; ID_LEN],
    key: LessSafeKey,
    files: hmac::Key,
}

impl Opener {
    fn of_file(&self, head: &[u8; FILE_HEAD]) -> Result<LessSafeKey, StoreError> {
        let key = hmac::sign(&self.files, &head[ID_LEN..]);
        let unbound = UnboundKey::new(&AES_256_GCM, key.as_ref());
        unbound.map(LessSafeKey::new).map_err(|_| StoreError::Unsealable(FILE))
    }
}

/// Seals with the current key and opens with all that were given.
pub struct Seal {
    openers: Vec<Opener>,
}

impl Seal {
    /// From the current key and older ones that still open what they sealed.
    pub fn from_keys(current: &SealKey, old: &[SealKey]) -> Result<Self, StoreError> {
        let opener = |key: &SealKey| {
            let unbound = UnboundKey::new(&AES_256_GCM, &key.0)
                .map_err(|_| StoreError::Io("a sealing key is not usable".to_owned()))?;
            let root = hmac::Key::new(hmac::HMAC_SHA256, &key.0);
            let files = hmac::sign(&root, b"lienthong files");
            let files = hmac::Key::new(hmac::HMAC_SHA256, files.as_ref());
            Ok(Opener { id: key.id_bytes(), key: LessSafeKey::new(unbound), files })
        };
        let openers = std::iter::once(current).chain(old).map(opener).collect::<Result<_, StoreError>>()?;
        Ok(Seal { openers })
    }

    /// A key of its own for another purpose than sealing, from the current sealing key.
    pub fn derive(current: &SealKey, purpose: &str) -> Vec<u8> {
        let root = hmac::Key::new(hmac::HMAC_SHA256, &current.0);
        hmac::sign(&root, purpose.as_bytes()).as_ref().to_vec()
    }

    /// A key for one new file, and what its beginning must say for it to be opened again: a key of its own, so that its records
    /// can be counted instead of numbered by chance.
    pub(super) fn for_new_file(&self) -> Result<([u8; FILE_HEAD], LessSafeKey), StoreError> {
        let opener = self.openers.first().ok_or(StoreError::Unsealable(FILE))?;
        let mut head = [0; FILE_HEAD];
        head[..ID_LEN].copy_from_slice(&opener.id);
        head[ID_LEN..].copy_from_slice(&chance::<{ FILE_HEAD - ID_LEN }>());
        Ok((head, opener.of_file(&head)?))
    }

    /// The key of a file that begins so.
    pub(super) fn for_file(&self, head: &[u8; FILE_HEAD]) -> Result<LessSafeKey, StoreError> {
        let id = &head[..ID_LEN];
        let opener = self.openers.iter().find(|opener| opener.id == id);
        opener.ok_or(StoreError::WrongKey(hex(id)))?.of_file(head)
    }

    /// Is this the id of a key that was given?
    pub(super) fn knows(&self, id: &str) -> bool {
        self.openers.iter().any(|opener| hex(&opener.id) == id)
    }

    /// The id of the current key.
    pub(super) fn current_id(&self) -> String {
        self.openers.first().map(|opener| hex(&opener.id)).unwrap_or_default()
    }

    /// Seals a value for a purpose.
    pub(super) fn seal(&self, purpose: &'static str, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let unusable = |_| StoreError::Unsealable(purpose);
        let opener = self.openers.first().ok_or(StoreError::Unsealable(purpose))?;
        let nonce = chance::<NONCE_LEN>();
        let mut sealed = Vec::with_capacity(ID_LEN + NONCE_LEN + plain.len() + AES_256_GCM.tag_len());
        sealed.extend_from_slice(&opener.id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(plain);
        let tag = opener
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed[ID_LEN + NONCE_LEN..],
            )
            .map_err(unusable)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens a value that was sealed for this purpose.
    pub(super) fn open(&self, purpose: &'static str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let unusable = StoreError::Unsealable(purpose);
        let (id, rest) = sealed.split_at_checked(ID_LEN).ok_or(unusable.clone())?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN).ok_or(unusable.clone())?;
        let opener =
            self.openers.iter().find(|opener| opener.id == id).ok_or(StoreError::WrongKey(hex(id)))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| unusable.clone())?;
        let mut body = body.to_vec();
        let length = opener
            .key
            .open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut body)
            .map_err(|_| unusable)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

/// Keyed digests: the same value gives the same digest in this store and tells nothing outside it.
pub(super) struct Digests {
    repeat: hmac::Key,
    key: hmac::Key,
    claim: hmac::Key,
    mark: hmac::Key,
    address: hmac::Key,
}

impl Digests {
    pub(super) fn new(secret: &[u8]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let derive =
            |label: &str| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, label.as_bytes()).as_ref());
        Digests {
            repeat: derive("lienthong repeat"),
            key: derive("lienthong idempotency key"),
            claim: derive("lienthong claim"),
            mark: derive("lienthong mark"),
            address: derive("lienthong address"),
        }
    }

    /// What makes two items of one sender equal.
    pub(super) fn repeat(&self, from: &str, kind: &str, dossier: &str, document: &Value) -> [u8; 16] {
        // One text for all parts: the digest is the same as that of its pieces, and fed in pieces costs twice as much.
        let mut text = Vec::with_capacity(2048);
        for part in [from, kind, dossier] {
            feed(&mut text, part.as_bytes());
        }
        feed_value(&mut text, document);
        let mut digest = [0; 16];
        digest.copy_from_slice(&hmac::sign(&self.repeat, &text).as_ref()[..16]);
        digest
    }

    /// A caller's own idempotency key.
    pub(super) fn key(&self, from: &str, key: &str) -> Vec<u8> {
        let mut text = Vec::new();
        feed(&mut text, from.as_bytes());
        feed(&mut text, key.as_bytes());
        hmac::sign(&self.key, &text).as_ref().to_vec()
    }

    /// The file name of a claim.
    pub(super) fn claim(&self, sha256: &str) -> String {
        hex(hmac::sign(&self.claim, sha256.as_bytes()).as_ref())
    }

    /// The name of a file that was kept as it streamed in. A letter more than other claims have, because it is sealed otherwise.
    pub(super) fn file(&self, sha256: &str) -> String {
        format!("f{}", self.claim(sha256))
    }

    /// What cannot be guessed and is the same each time: the id under which something is published to somebody, the place of what was
    /// fetched.
    pub(super) fn address(&self, parts: &[&str]) -> [u8; 16] {
        let mut text = Vec::new();
        parts.iter().for_each(|part| feed(&mut text, part.as_bytes()));
        let mut digest = [0; 16];
        digest.copy_from_slice(&hmac::sign(&self.address, &text).as_ref()[..16]);
        digest
    }

    /// A name for the store itself, which tells nothing of its keys.
    pub(super) fn store(&self) -> String {
        hex(&hmac::sign(&self.mark, b"lienthong store").as_ref()[..8])
    }

    /// The name of a mark.
    pub(super) fn mark(&self, name: &str) -> Vec<u8> {
        hmac::sign(&self.mark, name.as_bytes()).as_ref()[..16].to_vec()
    }
}

/// Length first, so that no two lists of parts read the same.
fn feed(text: &mut Vec<u8>, bytes: &[u8]) {
    text.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    text.extend_from_slice(bytes);
}

/// Members in the order of their names, because equal documents may list them differently.
fn feed_value(text: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => text.extend_from_slice(b"0"),
        Value::Bool(true) => text.extend_from_slice(b"t"),
        Value::Bool(false) => text.extend_from_slice(b"f"),
        Value::Number(number) => {
            text.extend_from_slice(b"n");
            feed(text, number.to_string().as_bytes());
        }
        Value::String(string) => {
            text.extend_from_slice(b"s");
            feed(text, string.as_bytes());
        }
        Value::Array(items) => {
            text.extend_from_slice(b"[");
            text.extend_from_slice(&(items.len() as u64).to_be_bytes());
            items.iter().for_each(|item| feed_value(text, item));
        }
        Value::Object(members) => {
            text.extend_from_slice(b"{");
            text.extend_from_slice(&(members.len() as u64).to_be_bytes());
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            for (name, member) in sorted {
                feed(text, name.as_bytes());
                feed_value(text, member);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn old_keys_open_others_and_other_purposes_do_not() {
        let (old, new) = (SealKey::new([1; 32]), SealKey::new([2; 32]));
        let before = Seal::from_keys(&old, &[]).unwrap();
        let sealed = before.seal("message.source", "Nguyễn Văn Thử".as_bytes()).unwrap();
        let after = Seal::from_keys(&new, std::slice::from_ref(&old)).unwrap();
        assert_eq!(after.open("message.source", &sealed).unwrap(), "Nguyễn Văn Thử".as_bytes());
        assert_eq!(after.open("message.fault", &sealed), Err(StoreError::Unsealable("message.fault")));
        let wrong = Seal::from_keys(&new, &[]).unwrap();
        assert_eq!(wrong.open("message.source", &sealed), Err(StoreError::WrongKey(old.id())));
        assert!(wrong.open("message.source", &[1, 2]).is_err());
        assert_eq!(SealKey::parse(&format!("{}\n", old.to_line())).unwrap().id(), old.id());
    }

    #[test]
    fn equal_documents_have_equal_digests_whatever_their_order() {
        let digests = Digests::new(&[7; 32]);
        let of = |document: Value| digests.repeat("igate", "dossier-recorded", "H99-1", &document);
        assert_eq!(of(json!({"a": 1, "b": [1, "2"]})), of(json!({"b": [1, "2"], "a": 1})));
        assert_ne!(of(json!({"a": 1, "b": ["1", "2"]})), of(json!({"a": 1, "b": [1, "2"]})));
        assert_ne!(of(json!([["a"], "b"])), of(json!([["a", "b"]])));
    }
}
