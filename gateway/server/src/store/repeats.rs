//! Repeats: what was said before of a dossier, read in the transaction that will write the item, for the core to judge.

use gateway_core::envelope::Class;
use gateway_core::ids::{MessageId, Moment};
use gateway_core::pipeline::{self, Admission, Facts, Incoming, Seen};
use rusqlite::{OptionalExtension as _, Row, params};

use super::error::StoreError;
use super::prepare::Prepared;
use super::writer::Writing;

/// What may have been said before.
pub(super) enum Before {
    /// Nothing: nobody ever spoke of this dossier.
    Nothing,
    /// Something about this dossier, or (none) about what nobody knows the dossier of.
    Of(Option<i64>),
}

fn incoming(item: &Prepared) -> Incoming<'_> {
    Incoming {
        class: item.class,
        digest: &item.digest,
        undated: item.undated,
        status: item.status.as_deref(),
        at: item.at,
    }
}

impl Writing<'_> {
    /// What an item is.
    pub(super) fn decide(&self, item: &Prepared, before: Before) -> Result<Admission, StoreError> {
        let mut keyed = Vec::new();
        for key in &item.keys {
            keyed.extend(self.seen(
                "SELECT m.id, m.digest, m.status, m.at FROM idempotency i JOIN message m ON m.seq = i.message
                 WHERE i.key = ?1 AND m.digest IS NOT NULL",
                params![key],
            )?);
        }
        let Before::Of(dossier) = before else {
            return Ok(pipeline::admit(&incoming(item), &Facts { keyed, ..Facts::default() }));
        };
        let said = params![dossier, item.kind.as_str(), item.from.as_str(), item.digest];
        let equal = self.seen(
            "SELECT id, digest, status, at FROM message
             WHERE dossier IS ?1 AND state = 'accepted' AND kind = ?2 AND peer = ?3 AND digest = ?4
             ORDER BY seq DESC LIMIT 1",
            said,
        )?;
        let latest = match &equal {
            // Nothing equal was ever accepted: then the latest one decides nothing.
            Some(_) if item.class == Class::Snapshot || item.undated => self.seen(
                "SELECT id, digest, status, at FROM message WHERE seq = (SELECT max(seq) FROM message
                 WHERE dossier = ?1 AND state = 'accepted' AND kind = ?2 AND peer = ?3)",
                &said[..3],
            )?,
            _ => None,
        };
        let told_since = self.told_since(item, dossier)?;
        let facts = Facts { keyed, latest, equal, repeat_window_ms: item.repeat_window_ms, told_since };
        Ok(pipeline::admit(&incoming(item), &facts))
    }

    /// What was told last of the state of a dossier, where it is known by this further code already. Only asked of what an answer says.
    fn told_since(&self, item: &Prepared, dossier: Option<i64>) -> Result<Option<Seen>, StoreError> {
        let Some(alias) = item.alias.as_ref().filter(|_| item.said) else { return Ok(None) };
        self.seen(
            "SELECT id, digest, status, at FROM message WHERE seq = (SELECT max(seq) FROM message
             WHERE dossier = ?1 AND state = 'accepted' AND kind = ?2)
             AND EXISTS (SELECT 1 FROM alias WHERE code = ?3 AND dossier = ?1)",
            params![dossier, item.kind.as_str(), alias.as_str()],
        )
    }

    fn seen(&self, sql: &str, values: impl rusqlite::Params) -> Result<Option<Seen>, StoreError> {
        let read = |row: &Row| {
            Ok(Seen {
                id: MessageId(row.get(0)?),
                digest: row.get(1)?,
                status: row.get(2)?,
                at: Moment::from_millis(row.get(3)?),
            })
        };
        Ok(self.db.prepare_cached(sql)?.query_row(values, read).optional()?)
    }
}
