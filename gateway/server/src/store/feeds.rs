//! Feeds on disk: how far each was read, and which shipments are to be asked about when.
//!
//! A cursor is written in the transaction that admits what was read up to it. The pause between two questions about one shipment is the
//! core's; a hint brings the next one forward. What nobody hears of any more is given up here, for a person to look at. After a restart whatever was due is due.

use gateway_core::adapter::Cursor;
use gateway_core::ids::{Moment, PeerName};
use gateway_core::shipment::{State, fold};
use gateway_core::waybill::Names;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::Store;
use super::carriage::{Asked, DueItem, FeedRead, OpenItem, ShipmentId};
use super::claims::Vault;
use super::error::StoreError;
use super::event::Event;
use super::payments;
use super::shipments::SHIPMENT;
use super::writer::Writing;

/// An end that somebody told and the carrier did not confirm yet is asked for again so soon.
const UNCONFIRMED_MS: i64 = 10 * 60_000;

/// Given up in one go.
const GIVEN_UP_MAX: i64 = 100;

impl Store {
    /// A peer could not be asked about an item: not again before then.
    pub async fn postpone(&self, item: OpenItem, until: Moment) -> Result<(), StoreError> {
        self.run(move |writing| writing.postpone(item, until)).await
    }

    /// How far a feed was read; none if it never was.
    pub async fn feed(&self, peer: &PeerName, name: &str) -> Result<Option<FeedRead>, StoreError> {
        let (peer, name) = (peer.clone(), name.to_owned());
        self.read(move |db, vault| feed(db, vault, &peer, &name)).await
    }

    /// When somebody next wants to know something of this carrier, because of a hint or on schedule.
    pub async fn next_poll_at(&self, peer: &PeerName) -> Result<Option<Moment>, StoreError> {
        let peer = peer.clone();
        self.read(move |db, _| next_poll_at(db, &peer)).await
    }

    /// When somebody next wants to know something of one of this peer's items that can be asked about by a number.
    pub async fn next_item_at(&self, peer: &PeerName) -> Result<Option<Moment>, StoreError> {
        let peer = peer.clone();
        self.read(move |db, _| next_item_at(db, &peer)).await
    }

    /// The shipments and payments that this peer is to be asked about now, the longest due first.
    pub async fn due_items(
        &self,
        peer: &PeerName,
        now: Moment,
        limit: usize,
    ) -> Result<Vec<DueItem>, StoreError> {
        let peer = peer.clone();
        self.read(move |db, vault| due_items(db, vault, &peer, now, limit)).await
    }

    /// Gives up waiting for items that nobody knows even now and for news of shipments, each once: a person must look. Gives whose they
    /// are, and why.
    pub async fn give_up(&self, now: Moment) -> Result<Vec<(PeerName, &'static str)>, StoreError> {
        self.run(move |writing| writing.give_up(now)).await
    }
}

/// How far a feed was read.
pub(super) fn feed(
    db: &Connection,
    vault: &Vault,
    peer: &PeerName,
    name: &str,
) -> Result<Option<FeedRead>, StoreError> {
    let row: Option<(Option<Vec<u8>>, i64)> = db
        .prepare_cached("SELECT cursor, asked_at FROM feed WHERE peer = ?1 AND name = ?2")?
        .query_row(params![peer.as_str(), name], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((sealed, asked_at)) = row else { return Ok(None) };
    let cursor = sealed.map(|sealed| vault.open::<Cursor>("feed.cursor", &sealed)).transpose()?;
    Ok(Some(FeedRead { cursor, asked_at: Moment::from_millis(asked_at) }))
}

/// A carrier is asked about an item by its number; before it has told one there is nothing to ask by.
const NUMBERED: &str = "(by_order IS NOT NULL OR by_tracking IS NOT NULL)";

/// When a carrier is to be asked because of a shipment, one that has no number yet too: a feed tells of all.
pub(super) fn next_poll_at(db: &Connection, peer: &PeerName) -> Result<Option<Moment>, StoreError> {
    let at: Option<i64> = db
        .prepare_cached(
            "SELECT min(next_poll_at) FROM shipment WHERE peer = ?1 AND next_poll_at IS NOT NULL",
        )?
        .query_row([peer.as_str()], |row| row.get(0))?;
    Ok(at.map(Moment::from_millis))
}

/// When the next shipment or payment of a peer is to be asked about by its number.
pub(super) fn next_item_at(db: &Connection, peer: &PeerName) -> Result<Option<Moment>, StoreError> {
    let sql = format!(
        "SELECT min(next_poll_at) FROM shipment WHERE peer = ?1 AND next_poll_at IS NOT NULL AND {NUMBERED}"
    );
    let at: Option<i64> = db.prepare_cached(&sql)?.query_row([peer.as_str()], |row| row.get(0))?;
    let payment = payments::next_at(db, peer)?;
    Ok(at.into_iter().chain(payment).min().map(Moment::from_millis))
}

/// The shipments and payments that are to be asked about now, by the name that the peer knows.
pub(super) fn due_items(
    db: &Connection,
    vault: &Vault,
    peer: &PeerName,
    now: Moment,
    limit: usize,
) -> Result<Vec<DueItem>, StoreError> {
    let sql = format!(
        "SELECT id, names FROM shipment WHERE peer = ?1 AND next_poll_at <= ?2 AND {NUMBERED}
         ORDER BY next_poll_at LIMIT ?3"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![peer.as_str(), now.as_millis(), limit as i64])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let names: Names = vault.open("shipment.names", &row.get::<_, Vec<u8>>(1)?)?;
        if let Some(name) = names.tracking.or(names.order) {
            due.push(DueItem { item: OpenItem::Shipment(ShipmentId(row.get(0)?)), name });
        }
    }
    due.extend(payments::due(db, vault, peer, now, limit)?);
    Ok(due)
}

impl Writing<'_> {
    /// Writes what was asked, and when to ask again.
    pub(super) fn asked(&self, asked: &Asked) -> Result<(), StoreError> {
        match asked {
            Asked::Feed { peer, feed, cursor, more, at } => {
                let sealed =
                    cursor.as_ref().map(|cursor| self.vault.pack("feed.cursor", cursor)).transpose()?;
                self.db
                    .prepare_cached(
                        "INSERT INTO feed (peer, name, cursor, asked_at) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (peer, name) DO UPDATE
                         SET cursor = ifnull(excluded.cursor, cursor), asked_at = excluded.asked_at",
                    )?
                    .execute(params![peer.as_str(), feed, sealed, at.as_millis()])?;
                // Who is asked for everything at once has answered every hint.
                if !more && !self.telling.asked_by_item.contains(peer) {
                    self.db
                        .prepare_cached(
                            "UPDATE shipment SET next_poll_at = NULL, asked_at = ?2 WHERE peer = ?1 AND next_poll_at <= ?2",
                        )?
                        .execute(params![peer.as_str(), at.as_millis()])?;
                }
                Ok(())
            }
            Asked::Item { item: OpenItem::Shipment(shipment), at } => self.asked_about(*shipment, *at),
            Asked::Item { item: OpenItem::Payment(payment), at } => self.asked_about_payment(*payment, *at),
        }
    }

    fn asked_about(&self, id: ShipmentId, at: Moment) -> Result<(), StoreError> {
        let Some(shipment) = self.shipment("id = ?1", params![id.0])? else { return Ok(()) };
        let now = fold(&self.events(id.0)?, shipment.told);
        let pause = now.ask_again_ms(shipment.ordered_at, at);
        let pause = if now.confirm { pause.map(|pause| pause.min(UNCONFIRMED_MS)) } else { pause };
        self.db
            .prepare_cached("UPDATE shipment SET asked_at = ?2, next_poll_at = ?3, open = ?4 WHERE id = ?1")?
            .execute(params![
                id.0,
                at.as_millis(),
                pause.map(|pause| at.plus_millis(pause).as_millis()),
                pause.is_some()
            ])?;
        Ok(())
    }

    /// Not again before then.
    pub(super) fn postpone(&self, item: OpenItem, until: Moment) -> Result<(), StoreError> {
        let (sql, id) = match item {
            OpenItem::Shipment(id) => ("UPDATE shipment SET next_poll_at = ?2 WHERE id = ?1", id.0),
            OpenItem::Payment(id) => ("UPDATE payment SET next_poll_at = ?2 WHERE id = ?1", id.0),
        };
        self.db.prepare_cached(sql)?.execute(params![id, until.as_millis()])?;
        Ok(())
    }

    /// Gives up waiting, and tells a person: for the item that an event spoke of, for news of a shipment. Each once, and some at a time,
    /// because a feed that is read from its beginning tells of all that was ever sent without us.
    pub(super) fn give_up(&self, now: Moment) -> Result<Vec<(PeerName, &'static str)>, StoreError> {
        let mut given_up = self.refuse_parked(now)?;
        given_up.extend(self.leave_stale(now)?);
        Ok(given_up)
    }

    /// What was told of an item that is unknown even now is of no use: the journal keeps it as refused, and nothing else does.
    fn refuse_parked(&self, now: Moment) -> Result<Vec<(PeerName, &'static str)>, StoreError> {
        let mut statement = self.db.prepare_cached(
            "SELECT id, peer, message FROM observed WHERE alert_at <= ?1 AND shipment IS NULL LIMIT ?2",
        )?;
        let rows = statement.query_map(params![now.as_millis(), GIVEN_UP_MAX], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<i64>>(2)?))
        })?;
        let overdue = rows.collect::<Result<Vec<_>, _>>()?;
        for (id, _, message) in &overdue {
            self.db
                .prepare_cached(
                    "UPDATE message SET state = 'refused', fault_code = 'shipment.unmatched' WHERE seq = ?1",
                )?
                .execute([message])?;
            self.db.prepare_cached("DELETE FROM observed WHERE id = ?1")?.execute([id])?;
        }
        Ok(overdue.into_iter().map(|(_, peer, _)| (PeerName::from(peer), "unmatched")).collect())
    }

    /// A shipment that never ends is not asked about for ever. Any news of it, and its order offered again, have it asked about again.
    fn leave_stale(&self, now: Moment) -> Result<Vec<(PeerName, &'static str)>, StoreError> {
        let Some(stale_ms) = self.telling.stale_ms else { return Ok(Vec::new()) };
        let sql = format!(
            "SELECT {SHIPMENT} FROM shipment WHERE open = 1 AND max(ordered_at, ifnull(woken_at, 0)) < ?1 AND NOT EXISTS
               (SELECT 1 FROM observed WHERE observed.shipment = shipment.id AND observed.received >= ?1)
             LIMIT ?2"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![now.plus_millis(-stale_ms).as_millis(), GIVEN_UP_MAX])?;
        let mut given_up = Vec::new();
        while let Some(row) = rows.next()? {
            let shipment = self.read_shipment(row)?;
            self.db
                .prepare_cached("UPDATE shipment SET open = 0, next_poll_at = NULL WHERE id = ?1")?
                .execute([shipment.id])?;
            if shipment.told.is_some_and(State::is_end) {
                continue;
            }
            let detail = format!("{} stale", shipment.which);
            self.note(shipment.dossier, None, now, Event::ShipmentAlert, &detail)?;
            given_up.push((shipment.peer, "stale"));
        }
        Ok(given_up)
    }
}
