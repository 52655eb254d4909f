//! Which codes stand in accepted documents: for people who look whether a list knows them. Reads every body of the time, so it is for
//! commands and not for doors. Nothing here writes.

use std::collections::BTreeMap;

use gateway_core::channel::CodeAt;
use gateway_core::ids::{Kind, Moment, PeerName};
use rusqlite::{Connection, params};
use serde_json::Value;

use super::Store;
use super::claims::Vault;
use super::error::StoreError;

/// A code and who says it.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct SeenCode {
    /// In so many messages.
    pub messages: u64,
    /// When it was seen last.
    pub last_at: Moment,
    /// Who said it last.
    pub peer: PeerName,
    /// What it was called last.
    pub name: Option<String>,
}

impl Store {
    /// The codes that stand at one place of one kind of document, since then. Reads all of them: for commands.
    pub async fn codes_seen(
        &self,
        kind: &Kind,
        place: &CodeAt,
        since: Moment,
    ) -> Result<BTreeMap<String, SeenCode>, StoreError> {
        let (kind, place) = (kind.clone(), place.clone());
        self.read(move |db, vault| codes(db, vault, &kind, &place, since)).await
    }
}

fn codes(
    db: &Connection,
    vault: &Vault,
    kind: &Kind,
    place: &CodeAt,
    since: Moment,
) -> Result<BTreeMap<String, SeenCode>, StoreError> {
    let mut statement = db.prepare(
        "SELECT peer, at, document FROM message
         WHERE kind = ?1 AND state = 'accepted' AND at >= ?2 AND document IS NOT NULL ORDER BY seq",
    )?;
    let mut rows = statement.query(params![kind.as_str(), since.as_millis()])?;
    let mut seen: BTreeMap<String, SeenCode> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let document: Value = vault.open("document", row.get_ref(2)?.as_blob().unwrap_or(&[]))?;
        let at = |path: &str| {
            path.split('.').try_fold(&document, |value, name| value.get(name)).and_then(Value::as_str)
        };
        let Some(code) = at(&place.at).map(str::trim).filter(|code| !code.is_empty()) else { continue };
        let messages = seen.get(code).map_or(0, |seen| seen.messages) + 1;
        let last_at = Moment::from_millis(row.get(1)?);
        let peer = PeerName::from(row.get::<_, String>(0)?);
        let name = at(&place.named).map(str::to_owned);
        seen.insert(code.to_owned(), SeenCode { messages, last_at, peer, name });
    }
    Ok(seen)
}
