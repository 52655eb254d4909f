//! What belongs to no dossier and has had its time: messages that were refused or found none, callers' keys, digests, and what carriers
//! told of things that nobody ordered.
//!
//! Found by readers in the order of their keys, a slice at a time; taken by the writer, a slice at a time. Messages come in the order of
//! time, so looking ends at the first that is young.

use std::time::Instant;

use gateway_core::ids::Moment;
use gateway_core::pipeline::retention::Terms;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::Store;
use super::error::StoreError;
use super::purge::{Purge, Purged};

/// Rows looked at by one reader, and taken by one commit at most.
const AT_ONCE: i64 = 1_000;

/// One sort of row: how they are found behind a key and before a moment (`key, wanted` in the order of their keys), and what is done
/// with each that is wanted.
struct Sort {
    find: &'static str,
    take: &'static str,
    /// The key before the first.
    first: Value,
}

/// The rows of a journal go by their number. Two ends of a look: enough rows, and the first that is too young.
const fn journal(find: &'static str, take: &'static str) -> Sort {
    Sort { find, take, first: Value::Integer(0) }
}

const STRAY_BODIES: Sort = journal(
    "SELECT seq, dossier IS NULL AND (source IS NOT NULL OR document IS NOT NULL), at < ?2 FROM message
     WHERE seq > ?1 ORDER BY seq LIMIT ?3",
    "UPDATE message SET source = NULL, document = NULL WHERE seq = ?1 AND dossier IS NULL",
);
const STRAY_ROWS: Sort = journal(
    "SELECT seq, dossier IS NULL, at < ?2 FROM message WHERE seq > ?1 ORDER BY seq LIMIT ?3",
    "DELETE FROM message WHERE seq = ?1 AND dossier IS NULL",
);
const DIGESTS: Sort = journal(
    "SELECT seq, digest IS NOT NULL, at < ?2 FROM message WHERE seq > ?1 ORDER BY seq LIMIT ?3",
    "UPDATE message SET digest = NULL WHERE seq = ?1",
);
const KEYS: Sort = Sort {
    find: "SELECT key, at < ?2, 1 FROM idempotency WHERE key > ?1 ORDER BY key LIMIT ?3",
    take: "DELETE FROM idempotency WHERE key = ?1",
    first: Value::Blob(Vec::new()),
};
const OBSERVED: Sort = journal(
    "SELECT id, shipment IS NULL AND alert_at IS NULL AND received < ?2, 1 FROM observed
     WHERE id > ?1 ORDER BY id LIMIT ?3",
    "DELETE FROM observed WHERE id = ?1 AND shipment IS NULL",
);

/// Purges all of them.
pub(super) async fn purge(
    store: &Store,
    terms: &Terms,
    now: Moment,
    how: Purge,
    purged: &mut Purged,
) -> Result<(), StoreError> {
    let before = |ms: i64| now.plus_millis(-ms);
    purged.strays += store.take_old(STRAY_BODIES, before(terms.bodies_ms), how).await?;
    purged.strays += store.take_old(STRAY_ROWS, before(terms.rows_ms), how).await?;
    purged.digests += store.take_old(DIGESTS, before(terms.keys_ms), how).await?;
    purged.keys += store.take_old(KEYS, before(terms.keys_ms), how).await?;
    purged.observed += store.take_old(OBSERVED, before(terms.keys_ms), how).await?;
    if how == Purge::ForGood {
        // Of no dossier: renewed by each message that has the file, so what is old is nobody's. What was fetched can be fetched again.
        let before = before(terms.bodies_ms).as_millis();
        store
            .run(move |writing| {
                for table in ["claim WHERE dossier = 0 AND", "fetched WHERE"] {
                    writing.db.prepare_cached(&format!("DELETE FROM {table} at < ?1"))?.execute([before])?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

impl Store {
    /// Takes what is older than this of one sort; gives how many.
    async fn take_old(&self, sort: Sort, before: Moment, how: Purge) -> Result<u64, StoreError> {
        let (mut behind, mut count) = (Some(sort.first), 0);
        while let Some(key) = behind {
            let began = Instant::now();
            let (wanted, next) = self.read(move |db, _| look(db, sort.find, &key, before)).await?;
            behind = next;
            count += wanted.len() as u64;
            if how == Purge::ForGood && !wanted.is_empty() {
                self.run(move |writing| {
                    let mut take = writing.db.prepare_cached(sort.take)?;
                    wanted.iter().try_for_each(|key| take.execute([key]).map(drop))?;
                    Ok(())
                })
                .await?;
            }
            how.rest(began.elapsed()).await;
        }
        Ok(count)
    }
}

/// The keys of what is wanted, and the last key that was looked at if there is more to look at.
fn look(
    db: &Connection,
    find: &str,
    behind: &Value,
    before: Moment,
) -> Result<(Vec<Value>, Option<Value>), StoreError> {
    let mut statement = db.prepare_cached(find)?;
    let given = [behind.clone(), Value::Integer(before.as_millis()), Value::Integer(AT_ONCE)];
    let mut rows = statement.query(params_from_iter(given))?;
    let (mut wanted, mut last, mut count) = (Vec::new(), None, 0);
    while let Some(row) = rows.next()? {
        if !row.get::<_, bool>(2)? {
            return Ok((wanted, None));
        }
        let key: Value = row.get(0)?;
        (last, count) = (Some(key.clone()), count + 1);
        if row.get(1)? {
            wanted.push(key);
        }
    }
    Ok((wanted, last.filter(|_| count == AT_ONCE)))
}
