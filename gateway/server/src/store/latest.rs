//! What is known of a dossier now: the latest document of a kind that was accepted about it.

use gateway_core::dossier::{DossierCode, Form};
use gateway_core::ids::Kind;
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
