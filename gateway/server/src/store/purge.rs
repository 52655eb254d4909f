//! Purging: what has had its time goes, beside a gateway that accepts.
//!
//! Looking is done by readers; the writer gets a few dossiers or rows at a time and judges each again in its own transaction, so
//! nothing that began to wait meanwhile goes. A dossier whose bodies are gone keeps its rows: who sent what kind when, which step was
//! called and how it was answered, and a row that says what was purged. `dossier.purged_seq` is the last message that this was done for.
//! What a restart sees: a pass that was cut short begins anew and finds the rest. Pages that get free are used again and the file
//! does not shrink: a gateway that accepts as much as it purges needs them the same day, and handing them back would move pages
//! under everybody's feet. Files of claims lose their rows here and are taken by the next sweep.

use std::time::{Duration, Instant};

use gateway_core::adapter::{Answer, Ask, Body, Request};
use gateway_core::dossier;
use gateway_core::ids::Moment;
use gateway_core::pipeline::retention::{DAY_MS, Due, Life, Terms, due};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::calls::{self, Said};
use super::claims::Vault;
use super::error::StoreError;
use super::event::Event;
use super::read::latest_at;
use super::writer::Writing;
use super::{Store, strays};

/// Dossiers looked at by one reader.
const LOOKED_AT: i64 = 500;
/// Dossiers purged by one commit.
const AT_ONCE: usize = 10;
/// Between two looks or commits at the least, so that those who accept have the disk.
const PAUSE: Duration = Duration::from_millis(10);
/// And so many times as long as the look or the commit took: of a large house the looking alone would keep a core busy for minutes, which
/// on a machine of two is half of what those who accept have.
const PAUSES: u32 = 4;

/// From one time to the next, the house ages by no more than this, whatever the clock says.
const AGES_MS_MAX: i64 = 3 * DAY_MS;
/// The row of `meta` with the moment of the last time.
const KEPT: &str = "house-kept";

/// What went, or would go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Purged {
    /// Dossiers that keep their rows without what was said.
    pub bodies: u64,
    /// Dossiers that are gone altogether.
    pub dossiers: u64,
    /// Messages of no dossier that keep their row, or lose it.
    pub strays: u64,
    /// Callers' keys.
    pub keys: u64,
    /// Digests by which repeats are known.
    pub digests: u64,
    /// What carriers told of things that nobody ordered.
    pub observed: u64,
}

/// Whether anything is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purge {
    /// It is.
    ForGood,
    /// It is only said what would go.
    DryRun,
}

/// A dossier that something of is due, as a reader found it.
#[derive(Clone)]
struct Candidate {
    id: i64,
    due: Due,
    last_seq: i64,
    calls: Vec<Trimmed>,
}

/// A call without what was said in it: its step, and the status that it was answered with.
#[derive(Clone)]
struct Trimmed {
    id: i64,
    request: Option<Vec<u8>>,
    answer: Option<Vec<u8>>,
}

impl Store {
    /// As of when the house may be kept: now, but not far after the last time; the first time, not far after the latest that is known.
    pub async fn house_moment(&self, now: Moment) -> Result<Moment, StoreError> {
        self.read(move |db, _| {
            let last: Option<i64> = db
                .prepare_cached("SELECT value FROM meta WHERE name = ?1")?
                .query_row([KEPT], |row| row.get(0))
                .optional()?;
            let last = last.map(Moment::from_millis).map_or_else(|| latest_at(db), |last| Ok(Some(last)))?;
            Ok(last.map_or(now, |last| now.min(last.plus_millis(AGES_MS_MAX))))
        })
        .await
    }

    /// It was kept as of this moment.
    pub async fn house_kept(&self, moment: Moment) -> Result<(), StoreError> {
        self.run(move |writing| {
            writing
                .db
                .prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?
                .execute(params![KEPT, moment.as_millis()])?;
            Ok(())
        })
        .await
    }

    /// Purges what has had its time; gives what went.
    pub async fn purge(&self, terms: Terms, now: Moment, how: Purge) -> Result<Purged, StoreError> {
        let mut purged = Purged::default();
        let mut after = 0;
        loop {
            let began = Instant::now();
            let (found, last) = self.read(move |db, vault| candidates(db, vault, after, &terms, now)).await?;
            how.rest(began.elapsed()).await;
            for some in found.chunks(AT_ONCE) {
                let counted = match how {
                    Purge::DryRun => some.iter().map(|candidate| candidate.due).collect(),
                    Purge::ForGood => {
                        let (some, began) = (some.to_vec(), Instant::now());
                        let gone = self.run(move |writing| writing.purge(&some, now)).await?;
                        how.rest(began.elapsed()).await;
                        gone
                    }
                };
                purged.bodies += counted.iter().filter(|due| **due == Due::Bodies).count() as u64;
                purged.dossiers += counted.iter().filter(|due| **due == Due::Everything).count() as u64;
            }
            let Some(last) = last else { break };
            after = last;
        }
        strays::purge(self, &terms, now, how, &mut purged).await?;
        Ok(purged)
    }
}

impl Purge {
    /// Rests after a look or a commit that took so long, where nobody waits for the end.
    pub(super) async fn rest(self, took: Duration) {
        if self == Purge::ForGood {
            tokio::time::sleep(PAUSE.max(took * PAUSES)).await;
        }
    }
}

/// The dossiers behind this one that something of is due, and the last that was looked at; none at the end.
fn candidates(
    db: &Connection,
    vault: &Vault,
    after: i64,
    terms: &Terms,
    now: Moment,
) -> Result<(Vec<Candidate>, Option<i64>), StoreError> {
    let db = db.unchecked_transaction()?;
    // What began later cannot be due.
    let young = now.plus_millis(-terms.bodies_ms.min(terms.unended_ms).min(terms.rows_ms));
    let mut statement =
        db.prepare_cached("SELECT id, at < ?2, purged_seq FROM dossier WHERE id > ?1 ORDER BY id LIMIT ?3")?;
    let mut rows = statement.query(params![after, young.as_millis(), LOOKED_AT])?;
    let (mut found, mut last, mut count) = (Vec::new(), None, 0);
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        (last, count) = (Some(id), count + 1);
        if !row.get::<_, bool>(1)? {
            continue;
        }
        let (life, last_seq) = life(&db, id)?;
        let purged: bool = row.get::<_, i64>(2)? >= last_seq;
        match due(&life, terms, now) {
            Due::Nothing => {}
            Due::Bodies if purged => {}
            Due::Bodies => {
                let calls = trimmed(&db, vault, id)?;
                found.push(Candidate { id, due: Due::Bodies, last_seq, calls });
            }
            Due::Everything => {
                found.push(Candidate { id, due: Due::Everything, last_seq, calls: Vec::new() });
            }
        }
    }
    Ok((found, last.filter(|_| count == LOOKED_AT)))
}

/// What is known of a dossier, and the last message of it.
fn life(db: &Connection, id: i64) -> Result<(Life, i64), StoreError> {
    let (last_seq, heard): (i64, i64) = db
        .prepare_cached("SELECT ifnull(max(seq), 0), ifnull(max(at), 0) FROM message WHERE dossier = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let waits = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM lane WHERE dossier = ?1 AND open > 0)
               OR EXISTS (SELECT 1 FROM shipment WHERE dossier = ?1 AND next_poll_at IS NOT NULL)
               OR EXISTS (SELECT 1 FROM payment WHERE dossier = ?1 AND next_poll_at IS NOT NULL)",
        )?
        .query_row([id], |row| row.get(0))?;
    let settled: i64 = db
        .prepare_cached(
            "SELECT ifnull(max(d.settled_at), 0) FROM lane l JOIN delivery d ON d.lane = l.id WHERE l.dossier = ?1",
        )?
        .query_row([id], |row| row.get(0))?;
    let status: Option<String> = db
        .prepare_cached(
            "SELECT status FROM message WHERE dossier = ?1 AND state = 'accepted' AND status IS NOT NULL
             ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    let ended = status.as_deref().is_some_and(dossier::is_end);
    Ok((Life { waits, ended, quiet_since: Moment::from_millis(heard.max(settled)) }, last_seq))
}

/// The calls of a dossier, each without what was said in it. One that does not open goes without what it said, too.
fn trimmed(db: &Connection, vault: &Vault, dossier: i64) -> Result<Vec<Trimmed>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT e.id, e.request, e.answer FROM lane l JOIN delivery d ON d.lane = l.id
         JOIN exchange e ON e.delivery = d.id WHERE l.dossier = ?1",
    )?;
    let mut rows = statement.query([dossier])?;
    let mut calls = Vec::new();
    while let Some(row) = rows.next()? {
        let request = match vault.open(calls::PURPOSE, row.get_ref(1)?.as_blob().unwrap_or(&[])) {
            // It names a row that is trimmed itself.
            Ok(Said::Again { .. }) => None,
            Ok(Said::Anew(request)) => {
                let ask = Ask {
                    method: request.ask.method.clone(),
                    path: String::new(),
                    query: Vec::new(),
                    headers: Vec::new(),
                    body: Body::default(),
                };
                let request = Request { ask, account: None, ..*request };
                Some(vault.pack(calls::PURPOSE, &Said::Anew(Box::new(request)))?)
            }
            Err(error) if error.is_of_one_value() => None,
            Err(other) => return Err(other),
        };
        let answer: Option<Vec<u8>> = row.get(2)?;
        let answer = match answer.map(|sealed| vault.open::<Answer>("exchange.answer", &sealed)) {
            Some(Ok(Answer { status, .. })) => {
                let answer = Answer { status, headers: Vec::new(), body: Body::default() };
                Some(vault.pack("exchange.answer", &answer)?)
            }
            Some(Err(error)) if !error.is_of_one_value() => return Err(error),
            _ => None,
        };
        calls.push(Trimmed { id: row.get(0)?, request, answer });
    }
    Ok(calls)
}

impl Writing<'_> {
    /// Purges what still is as the reader found it; gives what was done.
    fn purge(&self, candidates: &[Candidate], now: Moment) -> Result<Vec<Due>, StoreError> {
        let mut done = Vec::new();
        for candidate in candidates {
            let (life, last_seq) = life(self.db, candidate.id)?;
            if life.waits || last_seq != candidate.last_seq {
                continue;
            }
            match candidate.due {
                Due::Nothing => {}
                Due::Bodies => self.purge_bodies(candidate, now)?,
                Due::Everything => self.purge_everything(candidate.id)?,
            }
            done.push(candidate.due);
        }
        Ok(done)
    }

    fn purge_bodies(&self, candidate: &Candidate, now: Moment) -> Result<(), StoreError> {
        let id = candidate.id;
        self.execute("UPDATE message SET source = NULL, document = NULL WHERE dossier = ?1", id)?;
        let of = "lane IN (SELECT id FROM lane WHERE dossier = ?1)";
        self.execute(&format!("UPDATE delivery SET revision = NULL, pin = NULL WHERE {of}"), id)?;
        for Trimmed { id, request, answer } in &candidate.calls {
            self.db
                .prepare_cached(
                    "UPDATE exchange SET request = ifnull(?2, request), answer = ?3 WHERE id = ?1",
                )?
                .execute(params![id, request, answer])?;
        }
        self.execute("DELETE FROM claim WHERE dossier = ?1", id)?;
        self.execute("DELETE FROM publication WHERE dossier = ?1", id)?;
        self.db
            .prepare_cached("UPDATE dossier SET purged_seq = ?2 WHERE id = ?1")?
            .execute([id, candidate.last_seq])?;
        self.note(id, None, now, Event::Purged, "")
    }

    fn purge_everything(&self, dossier: i64) -> Result<(), StoreError> {
        let lanes = "(SELECT id FROM lane WHERE dossier = ?1)";
        let deliveries = format!("(SELECT id FROM delivery WHERE lane IN {lanes})");
        let shipments = "(SELECT id FROM shipment WHERE dossier = ?1)";
        for sql in [
            &format!("DELETE FROM exchange WHERE delivery IN {deliveries}"),
            &format!("DELETE FROM mark WHERE lane IN {lanes}"),
            &format!("DELETE FROM delivery WHERE lane IN {lanes}"),
            "DELETE FROM lane WHERE dossier = ?1",
            &format!("DELETE FROM observed WHERE shipment IN {shipments}"),
            "DELETE FROM shipment WHERE dossier = ?1",
            "DELETE FROM payment WHERE dossier = ?1",
            "DELETE FROM timeline WHERE dossier = ?1",
            "DELETE FROM alias WHERE dossier = ?1",
            "DELETE FROM claim WHERE dossier = ?1",
            "DELETE FROM publication WHERE dossier = ?1",
            "DELETE FROM message WHERE dossier = ?1",
            "DELETE FROM dossier WHERE id = ?1",
        ] {
            self.execute(sql, dossier)?;
        }
        Ok(())
    }

    fn execute(&self, sql: &str, dossier: i64) -> Result<(), StoreError> {
        self.db.prepare_cached(sql)?.execute([dossier])?;
        Ok(())
    }
}
