//! The manifest of a backup, and the check of a backup against it.
//!
//! Beside it stands its keyed digest, so that neither a part nor what is said of it (the moment above all) can change unnoticed. The
//! check goes on after what it finds: all damage at once.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use gateway_core::ids::{Moment, hex};
use ring::hmac;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{AUDIT, Keys, MANIFEST, MANIFEST_MAC, Told, Trouble, at, create, sum};
use crate::audit::{self, AuditKeys};
use crate::store::{self, Damage, Seal, SealKey, Snapshot, StoreError};

/// The form that this program writes and reads.
pub(super) const FORM: u32 = 1;

/// What a backup says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup.
    pub form: u32,
    /// The version of the program that made it.
    pub program: String,
    /// The version of the store's tables.
    pub schema: i64,
    /// Which store it was made of.
    pub store: String,
    /// The moment that it shows.
    pub at: Moment,
    /// When the latest message in it came.
    pub latest_message_at: Option<Moment>,
    /// Deliveries that wait in it, for whatever.
    pub waiting: u64,
    /// Ids of the keys without which it does not open.
    pub keys: Vec<String>,
    /// Files that rows name and that were not there when it was made.
    pub missing: Vec<String>,
    /// Everything in it.
    pub parts: Vec<Part>,
}

/// One file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Its place below the backup, and below the data folder.
    pub place: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

impl Manifest {
    /// All bytes of all parts.
    pub fn bytes(&self) -> u64 {
        self.parts.iter().map(|part| part.bytes).sum()
    }

    pub(super) fn write(&self, to: &Path, keys: &Keys) -> Result<(), Trouble> {
        let text = serde_json::to_vec_pretty(self).map_err(StoreError::from)?;
        let mac = hex(hmac::sign(&mac_key(&keys.current), &text).as_ref());
        for (name, bytes) in [(MANIFEST_MAC, mac.as_bytes()), (MANIFEST, &text)] {
            let path = to.join(name);
            let mut file = create(&path)?;
            file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| at(&path, error))?;
        }
        Ok(())
    }
}

fn mac_key(key: &SealKey) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &Seal::derive(key, "backup-manifest"))
}

/// Reads the manifest of a backup and its keyed digest.
pub fn read(backup: &Path, keys: &Keys) -> Result<Manifest, Trouble> {
    let no_backup = |why: &str| Trouble::NoBackup(backup.display().to_string(), why.to_owned());
    let text = fs::read(backup.join(MANIFEST)).map_err(|error| no_backup(&format!("{MANIFEST}: {error}")))?;
    let mac = fs::read(backup.join(MANIFEST_MAC));
    let mac = mac.map_err(|error| no_backup(&format!("{MANIFEST_MAC}: {error}")))?;
    let signed = |key: &SealKey| {
        let wanted = hex(hmac::sign(&mac_key(key), &text).as_ref());
        bool::from(wanted.as_bytes().ct_eq(mac.trim_ascii()))
    };
    if !keys.all().any(signed) {
        return Err(no_backup(
            "the manifest was changed, or made with another sealing key: see gateway.sealing_key_file",
        ));
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| no_backup("another form"))?;
    match manifest.form == FORM {
        true => Ok(manifest),
        false => Err(no_backup("a newer program has made it")),
    }
}

/// Checks a whole backup: sums, the database, its seals, its claims, the audit trail.
pub fn verify(backup: &Path, keys: &Keys, told: Told) -> Result<(Manifest, Vec<Damage>), Trouble> {
    let manifest = read(backup, keys)?;
    let mut found: Vec<Damage> = manifest
        .missing
        .iter()
        .map(|place| Damage { part: place.clone(), detail: "was missing in the store already".to_owned() })
        .collect();
    for (index, part) in manifest.parts.iter().enumerate() {
        told("sha256", index as u64, manifest.parts.len() as u64);
        match sum(backup, &part.place) {
            Ok(there) if there == *part => {}
            Ok(_) => found.push(changed(part)),
            Err(Trouble::File(_, error)) => {
                found.push(Damage { part: part.place.clone(), detail: error.to_string() });
            }
            Err(other) => return Err(other),
        }
    }
    // Of a part that is not what was written, one line says enough.
    let known: BTreeSet<String> = found.iter().map(|damage| damage.part.clone()).collect();
    found.extend(examine(backup, keys, told)?.into_iter().filter(|damage| !known.contains(&damage.part)));
    Ok((manifest, found))
}

pub(super) fn changed(part: &Part) -> Damage {
    Damage { part: part.place.clone(), detail: "is not what was written: length or SHA-256".to_owned() }
}

/// Checks a data folder, in use or not, or the parts of a backup without their sums.
pub fn examine(folder: &Path, keys: &Keys, told: Told) -> Result<Vec<Damage>, Trouble> {
    // A backup may lie where nothing can be written, and nobody sweeps there.
    let _unswept = match folder.join(MANIFEST).exists() {
        true => None,
        false => Some(store::hold(folder)?),
    };
    let mut found = match Snapshot::of(folder, keys.seal()?) {
        Ok(snapshot) => snapshot.examine(&mut |done, total| told("store", done, total))?,
        // Whoever installed must act, not whoever looks at the data.
        Err(other @ (StoreError::WrongKey(_) | StoreError::Newer { .. } | StoreError::HalfRestored(_))) => {
            return Err(other.into());
        }
        Err(other) => vec![Damage { part: store::DATABASE.to_owned(), detail: other.to_string() }],
    };
    let trail = folder.join(AUDIT);
    if trail.exists() {
        let audit_keys: Vec<AuditKeys> = keys.all().map(AuditKeys::derive).collect();
        let look = || audit::verify(&trail, &audit_keys, &[]).map_err(|error| at(&trail, error));
        // Of a trail that is being written the last line may be half there, and whole at the second look.
        let verdict = match look()? {
            Err(_) => look()?,
            whole => whole,
        };
        found.extend(verdict.err().map(|broken| {
            let name = Path::new(&broken.file).file_name().unwrap_or_default().to_string_lossy();
            let (place, line, what) = (format!("{AUDIT}/{name}"), broken.line, broken.what);
            Damage { part: place, detail: format!("line {line}: {what}") }
        }));
    }
    Ok(found)
}
