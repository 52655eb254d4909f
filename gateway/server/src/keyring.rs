//! Who may call: 256 random bits a key, shown once, kept as SHA-256, compared in constant time; and the sessions of ours
//! that the portal's own interface makes callers log in for.
//!
//! A slow password hash would cost 50 ms a request and protects only guessable secrets; these are not. The file is read again
//! when it changes, so a key can be added or revoked while the gateway runs. Sessions are not stored: a session is
//! the id of its key and its end, sealed with a keyed digest. So it survives our restart, because existing local software keeps
//! a session by its clock alone and never logs in again when told to; and it ends with its key, because who revokes a key means
//! now.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_core::adapter::Secret;
use gateway_core::ids::{Moment, PeerName, hex};
use ring::{digest, hmac};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use crate::{clock, store};

/// A session of ours lasts so long; existing software logs in again after ten minutes by itself.
const SESSION_SECONDS: i64 = 3600;

/// One key, as kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// A short name to revoke it by.
    pub id: String,
    /// The peer that calls with it.
    pub peer: String,
    /// SHA-256 of the key, hex.
    pub sha256: String,
    /// When it was made.
    pub made: Moment,
    /// For people.
    #[serde(default)]
    pub note: String,
    /// The officer whose own key it is; none for a system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<String>,
    /// Where in a call it stands.
    #[serde(default, skip_serializing_if = "Place::is_usual")]
    pub place: Place,
}

/// Where in a call a key stands. A key is good in its own place only: what stands in a path is seen by every proxy on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// In a header, or as the password of a log-in.
    #[default]
    Header,
    /// In the path: `/h/<key>/…`.
    Path,
}

impl Place {
    fn is_usual(&self) -> bool {
        *self == Place::Header
    }
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The peer that calls.
    pub peer: PeerName,
    /// The officer, where the key is one officer's own.
    pub officer: Option<String>,
}

/// The keys of all callers.
pub struct Keyring {
    path: PathBuf,
    sessions: hmac::Key,
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    stamp: Option<(SystemTime, u64)>,
    looked: Option<Moment>,
    /// None until the file was read once: of nobody's key can be said then that it is wrong.
    keys: Option<Vec<Known>>,
    /// Since when the file as it is now cannot be read.
    failing: Option<Moment>,
}

struct Known {
    id: String,
    place: Place,
    digest: [u8; 32],
    caller: Caller,
}

impl Known {
    fn of(entry: &KeyEntry) -> Option<Known> {
        let caller = Caller { peer: PeerName::from(entry.peer.as_str()), officer: entry.officer.clone() };
        Some(Known { id: entry.id.clone(), place: entry.place, digest: unhex(&entry.sha256)?, caller })
    }
}

impl Keyring {
    /// A ring on that file; `session_key` seals sessions.
    pub fn new(path: PathBuf, session_key: &[u8]) -> Self {
        Keyring {
            path,
            sessions: hmac::Key::new(hmac::HMAC_SHA256, session_key),
            loaded: Mutex::new(Loaded::default()),
        }
    }

    /// Whose key this is.
    pub fn caller(&self, key: &Secret, at: Moment) -> Option<Caller> {
        self.known(key, Place::Header, at).map(|(_, caller)| caller)
    }

    /// Whose secret path this is. Letter case is ignored, because some senders vary it.
    pub fn caller_by_path(&self, segment: &str, at: Moment) -> Option<Caller> {
        let key = Secret::new(segment.to_ascii_lowercase());
        self.known(&key, Place::Path, at).map(|(_, caller)| caller)
    }

    /// The key's id and whose it is. Every known key is compared, in constant time each.
    fn known(&self, key: &Secret, place: Place, at: Moment) -> Option<(String, Caller)> {
        let given = digest::digest(&digest::SHA256, key.reveal().trim().as_bytes());
        let loaded = self.loaded(at);
        let mut found = None;
        for known in loaded.keys.iter().flatten() {
            if bool::from(known.digest.as_slice().ct_eq(given.as_ref())) && known.place == place {
                found = Some((known.id.clone(), known.caller.clone()));
            }
        }
        found
    }

    fn loaded(&self, at: Moment) -> MutexGuard<'_, Loaded> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        self.refresh(&mut loaded, at);
        loaded
    }

    /// Looks at the file at most once a second.
    fn refresh(&self, loaded: &mut Loaded, at: Moment) {
        if loaded.looked.is_some_and(|looked| (0..1000).contains(&at.millis_since(looked))) {
            return;
        }
        loaded.looked = Some(at);
        let stamp = std::fs::metadata(&self.path)
            .and_then(|meta| meta.modified().map(|modified| (modified, meta.len())))
            .ok();
        if stamp == loaded.stamp && stamp.is_some() {
            // Also where what could not be read is gone, and the file that is known is back.
            loaded.failing = None;
            return;
        }
        match read(&self.path) {
            Ok(entries) => {
                if loaded.failing.take().is_some() {
                    tracing::info!(event = "keys-readable", path = %self.path.display());
                }
                loaded.stamp = stamp;
                loaded.keys = Some(entries.iter().filter_map(Known::of).collect());
            }
            // The keys known so far stay good: a half-written file must not lock everybody out.
            Err(error) if loaded.failing.is_none() => {
                tracing::warn!(event = "keys-unreadable", path = %self.path.display(), %error);
                loaded.failing = Some(at);
            }
            Err(_) => {}
        }
    }

    /// Since when the file as it is now cannot be read; none if it can, or there is none.
    pub fn failing_since(&self, at: Moment) -> Option<Moment> {
        self.loaded(at).failing
    }

    /// Could the file never be read since the start? Then nobody's key is known, and none is wrong.
    pub fn is_unread(&self, at: Moment) -> bool {
        self.loaded(at).keys.is_none()
    }

    /// A session of ours for whoever has this key: its peer, the session, and for how many seconds it is good.
    pub fn open_session(&self, key: &Secret, at: Moment) -> Option<(PeerName, Secret, u64)> {
        let (id, caller) = self.known(key, Place::Header, at)?;
        let until = at.as_millis() / 1000 + SESSION_SECONDS;
        let body = format!("{id}|{until}|{}", hex(&clock::chance::<6>()));
        let tag = hmac::sign(&self.sessions, body.as_bytes());
        let token = format!("{}.{}", URL_SAFE_NO_PAD.encode(&body), URL_SAFE_NO_PAD.encode(tag.as_ref()));
        Some((caller.peer, Secret::new(token), SESSION_SECONDS as u64))
    }

    /// Whose session this is, if it is one of ours, still good, and its key not revoked.
    pub fn session(&self, token: &Secret, at: Moment) -> Option<Caller> {
        let (body, tag) = token.reveal().split_once('.')?;
        let body = URL_SAFE_NO_PAD.decode(body).ok()?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        hmac::verify(&self.sessions, &body, &tag).ok()?;
        let body = String::from_utf8(body).ok()?;
        let mut parts = body.split('|');
        let (id, until) = (parts.next()?, parts.next()?.parse().ok()?);
        if at.as_millis() / 1000 >= until {
            return None;
        }
        self.loaded(at).keys.iter().flatten().find(|known| known.id == id).map(|known| known.caller.clone())
    }
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

/// The keys on file; none if there is no file yet.
pub fn read(path: &Path) -> io::Result<Vec<KeyEntry>> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Makes a key for a peer and returns its name and the key itself, which is shown this once.
pub fn add(
    path: &Path,
    peer: &str,
    officer: Option<&str>,
    note: &str,
    at: Moment,
) -> io::Result<(String, Secret)> {
    let key = format!("lt_{}", URL_SAFE_NO_PAD.encode(clock::chance::<32>()));
    keep(path, key, Place::Header, peer, officer, note, at)
}

/// Makes a secret path for a peer, 160 bits in lower-case digits, and returns its name and the segment, which is shown this once.
pub fn add_path(path: &Path, peer: &str, note: &str, at: Moment) -> io::Result<(String, Secret)> {
    keep(path, hex(&clock::chance::<20>()), Place::Path, peer, None, note, at)
}

fn keep(
    path: &Path,
    key: String,
    place: Place,
    peer: &str,
    officer: Option<&str>,
    note: &str,
    at: Moment,
) -> io::Result<(String, Secret)> {
    let _alone = alone(path)?;
    let mut entries = read(path)?;
    let entry = KeyEntry {
        id: hex(&clock::chance::<4>()),
        peer: peer.to_owned(),
        sha256: hex(digest::digest(&digest::SHA256, key.as_bytes()).as_ref()),
        made: at,
        note: note.to_owned(),
        officer: officer.map(str::to_owned),
        place,
    };
    let id = entry.id.clone();
    entries.push(entry);
    write(path, &entries)?;
    Ok((id, Secret::new(key)))
}

/// Revokes a key; false if there is none of that name.
pub fn revoke(path: &Path, id: &str) -> io::Result<bool> {
    if !path.exists() {
        return Ok(false);
    }
    let _alone = alone(path)?;
    let mut entries = read(path)?;
    let before = entries.len();
    entries.retain(|entry| entry.id != id);
    let found = entries.len() < before;
    if found {
        write(path, &entries)?;
    }
    Ok(found)
}

/// Waits until nobody else is changing the keys, until the end of the process at the latest: two who change them at once would each
/// write what they have read, and one key would be lost, or one revoked key come back. The lock lies beside the keys, because
/// their own file is another one after each change. Who only reads needs none.
fn alone(path: &Path) -> io::Result<File> {
    let lock = path.with_extension("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&lock)?;
    belong(&lock)?;
    file.lock()?;
    Ok(file)
}

/// An administrator who makes or revokes a key leaves a file that the gateway can read.
fn belong(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| store::belong(path, folder).map_err(io::Error::other))
}

/// Beside it, synced, then renamed: whoever reads sees the old file or the new one.
fn write(path: &Path, entries: &[KeyEntry]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // What an interrupted command left behind may have another mode.
    let _ = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(entries)?)?;
    belong(&beside)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    // A key that was shown, or revoked, must be so after a power cut too: the new name is on disk with its folder.
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests;
