//! Two codes that turn out to be one dossier: what was kept under the second before anybody knew, is kept under the first from then on.
//!
//! Software often records a dossier under its own code before it has said whose that code is, and so does a feed that is read meanwhile. Then
//! there are two dossiers, with timelines, repeats, marks and lanes of their own, and a step that waits under the one code never hears that the
//! peer has the dossier by now. So the two become one in the transaction that learns of it, or, while both their lanes at one peer
//! are out, by the next message that names both codes. A restart sees two dossiers or one. What has further codes of its own stays what it
//! is: that a sender gives one local code to two dossiers is likelier than that three codes mean one.

use gateway_core::dossier::{DossierCode, Form};
use gateway_core::ids::{Moment, PeerName};
use gateway_core::pipeline::DeliveryId;
use rusqlite::{OptionalExtension as _, params};

use super::error::StoreError;
use super::lanes::Lane;
use super::writer::Writing;

/// A lane of the dossier that is found again, with that of the one it belongs to, where that has one at the same peer.
struct Pair {
    found: Lane,
    known: Option<Lane>,
}

impl Writing<'_> {
    /// A further code of a dossier; what was kept under that code before becomes part of it. True if something did.
    pub(super) fn alias(
        &self,
        code: &str,
        peer: &PeerName,
        dossier: i64,
        at: Moment,
    ) -> Result<bool, StoreError> {
        self.db
            .prepare_cached("INSERT OR IGNORE INTO alias (code, peer, dossier, at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![code, peer.as_str(), dossier, at.as_millis()])?;
        let of: i64 = self
            .db
            .prepare_cached("SELECT dossier FROM alias WHERE code = ?1 AND peer = ?2")?
            .query_row(params![code, peer.as_str()], |row| row.get(0))?;
        // The first dossier that a sender gave this code has it.
        if of != dossier {
            return Ok(false);
        }
        let mut united = false;
        for found in self.kept_apart(code, peer, dossier)? {
            united |= self.unite(dossier, found)?;
        }
        Ok(united)
    }

    /// The other dossiers that were heard of first under this code, as this peer means it, and have no further code.
    fn kept_apart(&self, code: &str, peer: &PeerName, dossier: i64) -> Result<Vec<i64>, StoreError> {
        let national = DossierCode::new(code).is_some_and(|code| code.form() != Form::Unknown);
        let mut statement = self.db.prepare_cached(
            "SELECT id FROM dossier WHERE code = ?1 AND id <> ?2 AND (?3 OR peer = ?4)
               AND NOT EXISTS (SELECT 1 FROM alias WHERE alias.dossier = dossier.id)",
        )?;
        let found = statement.query_map(params![code, dossier, national, peer.as_str()], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// Makes one dossier of two; nothing where somebody works on both at one peer, or where both have the same shipment.
    fn unite(&self, dossier: i64, found: i64) -> Result<bool, StoreError> {
        let pairs = self.pairs(dossier, found)?;
        for Pair { found, known } in &pairs {
            if let Some(known) = known
                && self.is_out(found)?
                && self.is_out(known)?
            {
                return Ok(false);
            }
        }
        let both_have: bool = self
            .db
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM shipment f JOIN shipment k ON k.dossier = ?1 AND k.leg = f.leg
                   AND k.number = f.number AND k.peer = f.peer WHERE f.dossier = ?2)",
            )?
            .query_row([dossier, found], |row| row.get(0))?;
        if both_have {
            return Ok(false);
        }
        for pair in pairs {
            self.unite_lanes(dossier, pair)?;
        }
        for sql in [
            "UPDATE message SET dossier = ?1 WHERE dossier = ?2",
            "UPDATE timeline SET dossier = ?1 WHERE dossier = ?2",
            "UPDATE shipment SET dossier = ?1 WHERE dossier = ?2",
            "UPDATE payment SET dossier = ?1 WHERE dossier = ?2",
            // What both name stays named once.
            "UPDATE OR REPLACE claim SET dossier = ?1 WHERE dossier = ?2",
            "UPDATE OR REPLACE publication SET dossier = ?1 WHERE dossier = ?2",
        ] {
            self.db.prepare_cached(sql)?.execute([dossier, found])?;
        }
        self.db.prepare_cached("DELETE FROM dossier WHERE id = ?1")?.execute([found])?;
        Ok(true)
    }

    fn pairs(&self, dossier: i64, found: i64) -> Result<Vec<Pair>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT id, peer FROM lane WHERE dossier = ?1")?;
        let lanes =
            statement.query_map([found], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
        let lanes = lanes.collect::<Result<Vec<_>, _>>()?;
        let pair = |(lane, peer): (i64, String)| {
            Ok(Pair { found: self.lane(lane)?, known: self.lane_of(dossier, &peer)? })
        };
        lanes.into_iter().map(pair).collect()
    }

    /// Does somebody work on a delivery of this lane?
    fn is_out(&self, lane: &Lane) -> Result<bool, StoreError> {
        let running = self
            .db
            .prepare_cached("SELECT 1 FROM lane WHERE id = ?1 AND out = 'running'")?
            .query_row([lane.id], |_| Ok(()))
            .optional()?;
        Ok(running.is_some() || self.entries(lane.id, None)?.iter().any(|entry| entry.out))
    }

    /// One lane of two, in the order in which their deliveries came. Whoever works on one of them goes on with it.
    fn unite_lanes(&self, dossier: i64, Pair { found, known }: Pair) -> Result<(), StoreError> {
        let Some(known) = known else {
            self.db
                .prepare_cached("UPDATE lane SET dossier = ?2 WHERE id = ?1")?
                .execute([found.id, dossier])?;
            return Ok(());
        };
        let (mut stays, goes) = if self.is_out(&found)? { (found, known) } else { (known, found) };
        let order = self.in_order(stays.id, goes.id)?;
        // Of what both have learnt, that of the dossier counts whose code this turns out to be.
        let marks = match stays.dossier == dossier {
            true => "UPDATE OR IGNORE mark SET lane = ?1 WHERE lane = ?2",
            false => "UPDATE OR REPLACE mark SET lane = ?1 WHERE lane = ?2",
        };
        for sql in [marks, "UPDATE delivery SET lane = ?1 WHERE lane = ?2"] {
            self.db.prepare_cached(sql)?.execute([stays.id, goes.id])?;
        }
        for sql in ["DELETE FROM mark WHERE lane = ?1", "DELETE FROM lane WHERE id = ?1"] {
            self.db.prepare_cached(sql)?.execute([goes.id])?;
        }
        for (position, id) in order.iter().enumerate() {
            self.db
                .prepare_cached("UPDATE delivery SET position = ?2 WHERE id = ?1")?
                .execute(params![id.0, position as i64])?;
        }
        self.db.prepare_cached("UPDATE lane SET dossier = ?2 WHERE id = ?1")?.execute([stays.id, dossier])?;
        stays.dossier = dossier;
        stays.accepted |= goes.accepted;
        stays.next_position = stays.next_position.max(goes.next_position).max(order.len() as i64);
        stays.due = stays.due.min(goes.due);
        self.reorder(&mut stays, None)?;
        Ok(())
    }

    /// The open deliveries of two lanes: each in its own order, and what came first before what came later.
    fn in_order(&self, one: i64, other: i64) -> Result<Vec<DeliveryId>, StoreError> {
        let ids = |lane| {
            let entries = self.entries(lane, None)?;
            Ok::<_, StoreError>(entries.into_iter().map(|entry| entry.id).collect::<Vec<_>>())
        };
        let (one, other) = (ids(one)?, ids(other)?);
        let (mut one, mut other) = (one.into_iter().peekable(), other.into_iter().peekable());
        let mut order = Vec::new();
        loop {
            let first = match (one.peek(), other.peek()) {
                (Some(a), Some(b)) if b.0 < a.0 => other.next(),
                (Some(_), _) => one.next(),
                (None, _) => other.next(),
            };
            match first {
                Some(id) => order.push(id),
                None => return Ok(order),
            }
        }
    }
}
