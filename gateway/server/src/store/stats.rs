//! Counts: how much waits for whom, since when, and what needs a person.

use std::collections::{BTreeMap, BTreeSet};

use gateway_core::ids::{Moment, PeerName};
use rusqlite::Connection;

use super::error::StoreError;

/// What waits for one peer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerStats {
    /// Lanes with something that will go by itself.
    pub lanes: u64,
    /// Deliveries by state: waiting, doubtful, held, in-doubt, dead.
    pub by_state: BTreeMap<String, u64>,
    /// When the oldest of those that will go by themselves was accepted.
    pub oldest_waiting: Option<Moment>,
}

/// What the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// By peer; peers for which nothing is open are absent.
    pub peers: BTreeMap<PeerName, PeerStats>,
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Bytes kept in claim files.
    pub claim_bytes: u64,
}

/// Counts. Costs a look at every open delivery, so it is for every quarter of a minute, not for every message.
pub(super) fn stats(db: &Connection) -> Result<Stats, StoreError> {
    let mut stats = Stats::default();
    // From the small indexes, never from all deliveries: a lane with something open has a head, or something in it
    // waits for a person or a file.
    let mut statement = db.prepare_cached(
        "WITH open (lane) AS (SELECT id FROM lane WHERE head IS NOT NULL AND out IS NULL UNION
                              SELECT id FROM lane WHERE out IS NOT NULL UNION
                              SELECT lane FROM delivery WHERE state IN ('dead', 'in-doubt', 'held'))
         SELECT l.peer, d.state, count(*), min(d.at) FROM open CROSS JOIN lane l ON l.id = open.lane
         CROSS JOIN delivery d ON d.lane = l.id AND d.open = 1 GROUP BY l.peer, d.state",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let peer: String = row.get(0)?;
        let state: String = row.get(1)?;
        let entry = stats.peers.entry(PeerName::from(peer)).or_default();
        if matches!(state.as_str(), "waiting" | "doubtful") {
            let oldest = Moment::from_millis(row.get(3)?);
            entry.oldest_waiting = Some(entry.oldest_waiting.map_or(oldest, |known| known.min(oldest)));
        }
        entry.by_state.insert(state, row.get::<_, i64>(2)?.unsigned_abs());
    }
    let mut statement =
        db.prepare_cached("SELECT peer, sum(n) FROM (
             SELECT peer, count(*) AS n FROM lane WHERE head IS NOT NULL AND out IS NULL GROUP BY peer UNION ALL
             SELECT peer, count(*) FROM lane WHERE out IS NOT NULL GROUP BY peer) GROUP BY peer",
        )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let peer: String = row.get(0)?;
        stats.peers.entry(PeerName::from(peer)).or_default().lanes = row.get::<_, i64>(1)?.unsigned_abs();
    }
    let one = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs);
    stats.database_bytes = one("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")?;
    stats.claim_bytes = one("SELECT ifnull(sum(bytes), 0) FROM (SELECT DISTINCT name, bytes FROM claim)")?;
    Ok(stats)
}

/// The peers that something waits for, in the store or out at a broker: one step in an index for each, not for each lane.
pub(super) fn waited_for(db: &Connection) -> Result<BTreeSet<PeerName>, StoreError> {
    let mut peers = BTreeSet::new();
    for waits in ["head IS NOT NULL AND out IS NULL", "out IS NOT NULL"] {
        let sql = format!("SELECT min(peer) FROM lane WHERE {waits} AND peer > ?1");
        let mut next = db.prepare_cached(&sql)?;
        let mut last = String::new();
        while let Some(peer) = next.query_row([&last], |row| row.get::<_, Option<String>>(0))? {
            last.clone_from(&peer);
            peers.insert(PeerName::from(peer));
        }
    }
    Ok(peers)
}
