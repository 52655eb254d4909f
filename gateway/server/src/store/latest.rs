//! What is known of a dossier now: the latest document of a kind that was accepted about it.

use gateway_core::dossier::{DossierCode, Form};
use gateway_core::ids::{Kind, PeerName};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::Store;
use super::claims::Vault;
use super::error::StoreError;

impl Store {
    /// What was accepted last of this kind about a dossier, in our words; none if nothing was, or nothing of it is kept any more. A code of
    /// no known form that several systems use for dossiers of their own finds nothing.
    pub async fn latest(&self, code: &DossierCode, kind: &Kind) -> Result<Option<Value>, StoreError> {
        let (code, kind) = (code.clone(), kind.clone());
        self.read(move |db, vault| latest(db, vault, &code, &kind)).await
    }

    /// The national status of a dossier as it was told last, by whatever kind of message.
    pub async fn latest_status(&self, code: &DossierCode) -> Result<Option<String>, StoreError> {
        let code = code.clone();
        self.read(move |db, _| latest_status(db, &code)).await
    }
}

impl Store {
    /// The unit that a dossier was for when this peer handed it over, by a message of one of these kinds; none if it never did.
    pub async fn handed_to(
        &self,
        from: &PeerName,
        code: &DossierCode,
        kinds: &[Kind],
    ) -> Result<Option<String>, StoreError> {
        let (from, code, kinds) = (from.clone(), code.clone(), kinds.to_vec());
        self.read(move |db, _| handed_to(db, &from, &code, &kinds)).await
    }
}

/// The unit of the latest accepted message of these kinds about a dossier, from this peer.
fn handed_to(
    db: &Connection,
    from: &PeerName,
    code: &DossierCode,
    kinds: &[Kind],
) -> Result<Option<String>, StoreError> {
    let mut latest: Option<(i64, String)> = None;
    for kind in kinds {
        let found = db
            .prepare_cached(
                "SELECT seq, unit FROM message WHERE state = 'accepted' AND kind = ?2 AND peer = ?3 AND dossier IN
                   (SELECT id FROM dossier WHERE code = ?1 UNION SELECT dossier FROM alias WHERE code = ?1)
                 ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(params![code.as_str(), kind.as_str(), from.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        latest = latest.into_iter().chain(found).max();
    }
    Ok(latest.map(|(_, unit)| unit))
}

/// The canonical document of the latest accepted message of this kind about a dossier.
fn latest(
    db: &Connection,
    vault: &Vault,
    code: &DossierCode,
    kind: &Kind,
) -> Result<Option<Value>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id FROM dossier WHERE code = ?1 UNION SELECT dossier FROM alias WHERE code = ?1",
    )?;
    let dossiers = statement.query_map([code.as_str()], |row| row.get(0))?;
    let dossiers: Vec<i64> = dossiers.collect::<Result<_, _>>()?;
    if dossiers.len() > 1 && code.form() == Form::Unknown {
        return Ok(None);
    }
    let mut latest: Option<(i64, Vec<u8>)> = None;
    for dossier in dossiers {
        let found = db
            .prepare_cached(
                "SELECT seq, document FROM message WHERE dossier = ?1 AND kind = ?2 AND state = 'accepted'
                   AND document IS NOT NULL ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(params![dossier, kind.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        latest = latest.into_iter().chain(found).max_by_key(|(seq, _)| *seq);
    }
    let Some((_, sealed)) = latest else { return Ok(None) };
    let document = vault.lower(vault.open("document", &sealed)?)?;
    // What our own side could not read then has no document yet.
    Ok(Some(document).filter(|document: &Value| !document.is_null()))
}

/// The status of the latest accepted message about a dossier that has one.
fn latest_status(db: &Connection, code: &DossierCode) -> Result<Option<String>, StoreError> {
    let found = db
        .prepare_cached(
            "SELECT status FROM message WHERE state = 'accepted' AND status IS NOT NULL AND dossier IN
               (SELECT id FROM dossier WHERE code = ?1 UNION SELECT dossier FROM alias WHERE code = ?1)
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([code.as_str()], |row| row.get(0))
        .optional()?;
    Ok(found)
}
