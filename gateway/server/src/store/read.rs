//! Reading: which lanes are ready, and everything about one delivery.
//!
//! Readers have connections of their own and never wait for the writer; what they see is what was committed last.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use gateway_core::adapter::{Effect, Marks, Payload, Request};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::Envelope;
use gateway_core::fault::{Blame, Fault};
use gateway_core::ids::{Kind, MessageId, Moment, PeerName, Unit};
use gateway_core::pipeline::{DeliveryId, History, State};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::calls;
use super::claims::Vault;
use super::error::StoreError;
use super::lanes::{NEVER, class, state};
use super::prepare::{About, open_source};
use super::record::Pin;
use super::schema;
use super::taken::Hold;
use super::types::{Delivery, ExchangeId, Head, Kept, LaneId, Pinned};

/// Reading connections, opened when first needed and used again.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    places: Semaphore,
}

/// So many read at a time, and more than this many idle connections are closed: each has a cache of its own, and to open one costs more
/// than most questions.
pub(super) const IDLE_MAX: usize = 4;

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Readers { path, idle: Mutex::new(Vec::new()), places: Semaphore::new(IDLE_MAX) }
    }

    /// Waits until fewer read than may.
    pub(super) async fn place(&self) -> Option<SemaphorePermit<'_>> {
        // Nobody closes it.
        self.places.acquire().await.ok()
    }

    /// Lends a connection. Blocking.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_read_only(&self.path)?,
        };
        let result = work(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
        result
    }

    /// Closes what is idle.
    pub(super) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn open_read_only(path: &std::path::Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    schema::configure(&connection)?;
    Ok(connection)
}

fn moment(millis: i64) -> Moment {
    Moment::from_millis(millis)
}

/// The lanes of a peer whose head may go now: oldest due date first, then the longest ready.
pub(super) fn ready(
    db: &Connection,
    peer: &PeerName,
    limit: usize,
    now: Moment,
    out: &HashSet<LaneId>,
) -> Result<Vec<Head>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id, head, ready_at, due FROM lane
         WHERE peer = ?1 AND head IS NOT NULL AND out IS NULL AND ready_at <= ?2 ORDER BY due, ready_at LIMIT ?3",
    )?;
    let most = limit.saturating_add(out.len());
    let rows = statement.query_map(
        params![peer.as_str(), now.as_millis(), i64::try_from(most).unwrap_or(i64::MAX)],
        |row| {
            let due: i64 = row.get(3)?;
            Ok(Head {
                lane: LaneId(row.get(0)?),
                delivery: DeliveryId(row.get(1)?),
                ready_at: moment(row.get(2)?),
                due: (due != NEVER).then_some(moment(due)),
            })
        },
    )?;
    let mut heads = Vec::new();
    for head in rows {
        let head = head?;
        if heads.len() < limit && !out.contains(&head.lane) {
            heads.push(head);
        }
    }
    Ok(heads)
}

/// When the next lane of a peer that is not ready now becomes ready.
pub(super) fn next_ready_at(
    db: &Connection,
    peer: &PeerName,
    now: Moment,
) -> Result<Option<Moment>, StoreError> {
    let next: Option<i64> = db
        .prepare_cached(
            "SELECT min(ready_at) FROM lane
             WHERE peer = ?1 AND head IS NOT NULL AND out IS NULL AND ready_at > ?2",
        )?
        .query_row(params![peer.as_str(), now.as_millis()], |row| row.get(0))?;
    Ok(next.map(moment))
}

/// When the latest message came, the latest call left or the latest thing was noted, whichever is later: what waits may have been
/// told to under any of these times.
pub(super) fn latest_at(db: &Connection) -> Result<Option<Moment>, StoreError> {
    let latest: Option<i64> = db
        .prepare_cached(
            "SELECT max(at) FROM (SELECT * FROM (SELECT at FROM message ORDER BY seq DESC LIMIT 1)
               UNION ALL SELECT * FROM (SELECT called_at FROM exchange ORDER BY id DESC LIMIT 1)
               UNION ALL SELECT * FROM (SELECT at FROM timeline ORDER BY id DESC LIMIT 1))",
        )?
        .query_row([], |row| row.get(0))?;
    Ok(latest.map(moment))
}

/// State and fault of a delivery.
pub(super) fn state_of(
    db: &Connection,
    vault: &Vault,
    id: DeliveryId,
) -> Result<Option<(State, Option<Fault>)>, StoreError> {
    let found = db
        .prepare_cached("SELECT state, fault FROM delivery WHERE id = ?1")?
        .query_row([id.0], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<Vec<u8>>>(1)?)))
        .optional()?;
    found
        .map(|(name, fault)| {
            let fault = fault.map(|sealed| vault.open("delivery.fault", &sealed)).transpose()?;
            Ok((state(&name)?, fault))
        })
        .transpose()
}

/// What a delivery has gone through, from its clear columns alone.
pub(super) fn history(db: &Connection, id: DeliveryId) -> Result<Option<History>, StoreError> {
    let read = |row: &Row| Ok(History { attempts: row.get(0)?, panics: row.get(1)?, ..History::default() });
    Ok(db
        .prepare_cached("SELECT attempts, panics FROM delivery WHERE id = ?1")?
        .query_row([id.0], read)
        .optional()?)
}

/// Why a peer did not take a message, if one did not.
pub(super) fn refusal(db: &Connection, vault: &Vault, id: MessageId) -> Result<Option<Fault>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT d.fault FROM delivery d JOIN message m ON m.seq = d.message
         WHERE m.id = ?1 AND d.state = 'dead' AND d.fault IS NOT NULL ORDER BY d.id",
    )?;
    let mut rows = statement.query([id.0])?;
    while let Some(row) = rows.next()? {
        let fault: Fault = vault.open("delivery.fault", &row.get::<_, Vec<u8>>(0)?)?;
        if fault.blame != Blame::Gateway {
            return Ok(Some(fault));
        }
    }
    Ok(None)
}

/// The item as it came.
pub(super) fn source(db: &Connection, vault: &Vault, id: MessageId) -> Result<Option<Payload>, StoreError> {
    let sealed: Option<Option<Vec<u8>>> = db
        .prepare_cached("SELECT source FROM message WHERE id = ?1")?
        .query_row([id.0], |row| row.get(0))
        .optional()?;
    sealed.flatten().map(|sealed| open_source(vault, &sealed)).transpose()
}

/// The rows of a delivery and its message, still sealed.
struct Raw {
    lane: i64,
    peer: String,
    accepted: bool,
    class: String,
    state: String,
    away: bool,
    ready_at: i64,
    history: History,
    document: Vec<u8>,
    pin: Option<Vec<u8>>,
    id: [u8; 16],
    from: String,
    unit: String,
    kind: String,
    code: String,
    status: Option<String>,
    due: Option<i64>,
    at: i64,
    about: Vec<u8>,
    revised: bool,
}

const RAW: &str = "SELECT d.lane, l.peer, l.accepted, d.class, d.state, d.away, d.ready_at, d.attempts,
    d.away_strikes, d.away_at, d.panics, d.first_unclear_at, ifnull(d.revision, m.document), d.pin,
    m.id, m.peer, m.unit, m.kind, ifnull(m.code, ''), m.status, m.due, m.at, m.about, d.revision IS NOT NULL
  FROM delivery d JOIN lane l ON l.id = d.lane JOIN message m ON m.seq = d.message WHERE d.id = ?1";

impl Raw {
    fn read(row: &Row) -> rusqlite::Result<Raw> {
        let class_text: String = row.get(3)?;
        let accepted: bool = row.get(2)?;
        Ok(Raw {
            lane: row.get(0)?,
            peer: row.get(1)?,
            accepted,
            state: row.get(4)?,
            away: row.get(5)?,
            ready_at: row.get(6)?,
            history: History {
                attempts: row.get(7)?,
                away_strikes: row.get(8)?,
                away_at: row.get::<_, Option<i64>>(9)?.map(moment),
                peer_success_at: None,
                panics: row.get(10)?,
                first_unclear_at: row.get::<_, Option<i64>>(11)?.map(moment),
                accepted_snapshot: accepted,
                class: Some(class(&class_text)),
            },
            class: class_text,
            document: row.get(12)?,
            pin: row.get(13)?,
            id: row.get(14)?,
            from: row.get(15)?,
            unit: row.get(16)?,
            kind: row.get(17)?,
            code: row.get(18)?,
            status: row.get(19)?,
            due: row.get(20)?,
            at: row.get(21)?,
            about: row.get(22)?,
            revised: row.get(23)?,
        })
    }

    fn envelope(&self, vault: &Vault, about: &About) -> Result<Envelope, StoreError> {
        Ok(Envelope {
            files: about.files.clone(),
            id: MessageId(self.id),
            correlation: about.correlation.clone(),
            traceparent: about.traceparent.clone(),
            from: PeerName::from(self.from.as_str()),
            unit: Unit::from(self.unit.as_str()),
            kind: Kind::from(self.kind.as_str()),
            class: class(&self.class),
            dossier: DossierCode::new(&self.code),
            status: self.status.clone(),
            due: self.due.map(moment),
            at: moment(self.at),
            hints: about.hints.clone(),
            document: vault.lower(vault.open("document", &self.document)?)?,
        })
    }
}

/// Everything about one delivery, in whatever state it is.
pub(super) struct Loaded {
    pub(super) lane: LaneId,
    pub(super) peer: PeerName,
    pub(super) accepted: bool,
    pub(super) state: State,
    pub(super) away: bool,
    pub(super) ready_at: Moment,
    pub(super) history: History,
    pub(super) envelope: Envelope,
    pub(super) in_mapping: Option<super::types::MappingUsed>,
    pub(super) read_anew: bool,
    pub(super) out_mapping: Option<super::types::MappingUsed>,
    pub(super) pinned: Option<Pinned>,
    pub(super) marks: Marks,
    pub(super) exchanges: Vec<Kept>,
    pub(super) latest_call: Option<(ExchangeId, Request)>,
}

/// Loads a delivery.
pub(super) fn load(db: &Connection, vault: &Vault, id: DeliveryId) -> Result<Option<Loaded>, StoreError> {
    // One transaction, so that document, marks and calls are of one moment.
    let db = db.unchecked_transaction()?;
    let Some(raw) = db.prepare_cached(RAW)?.query_row([id.0], Raw::read).optional()? else {
        return Ok(None);
    };
    let about: About = vault.open("message.about", &raw.about)?;
    let pin: Pin =
        raw.pin.as_ref().map_or(Ok(Pin::default()), |sealed| vault.open("delivery.pin", sealed))?;
    let envelope = raw.envelope(vault, &about)?;
    let pinned = match (pin.document, &pin.mapping) {
        (Some(document), Some(mapping)) => {
            Some(Pinned { document: vault.lower(document)?, mapping: mapping.clone() })
        }
        _ => None,
    };
    Ok(Some(Loaded {
        lane: LaneId(raw.lane),
        accepted: raw.accepted,
        state: state(&raw.state)?,
        away: raw.away,
        ready_at: moment(raw.ready_at),
        history: raw.history,
        envelope,
        // A document that was corrected, or carries something over, is no mapping's: no mended one may undo it.
        in_mapping: pin.in_mapping.or(about.mapping.filter(|_| !raw.revised)),
        read_anew: pin.read_anew,
        out_mapping: pin.mapping,
        pinned,
        marks: marks(&db, vault, raw.lane)?,
        exchanges: calls::exchanges(&db, vault, id)?,
        latest_call: calls::latest(&db, vault, id)?,
        peer: PeerName::from(raw.peer),
    }))
}

impl Loaded {
    /// As a delivery, if it may go at all.
    pub(super) fn into_delivery(self, id: DeliveryId, hold: Hold) -> Option<Delivery> {
        let unanswered = |kept: &Kept| {
            kept.answer.is_none() && kept.struck.is_none() && kept.request.effect == Effect::Once
        };
        let state = match self.state {
            State::Waiting if self.exchanges.iter().any(unanswered) => State::Doubtful,
            state => state,
        };
        let may_go = match state {
            State::Waiting | State::Doubtful => true,
            State::Held => self.accepted,
            _ => false,
        };
        may_go.then(|| Delivery {
            id,
            lane: self.lane,
            peer: self.peer,
            envelope: self.envelope,
            in_mapping: self.in_mapping,
            read_anew: self.read_anew,
            pinned: self.pinned,
            marks: self.marks,
            exchanges: self.exchanges,
            latest_call: self.latest_call,
            history: self.history,
            state,
            away: self.away,
            ready_at: self.ready_at,
            presumed_at: None,
            hold,
        })
    }
}

fn marks(db: &Connection, vault: &Vault, lane: i64) -> Result<Marks, StoreError> {
    let mut statement = db.prepare_cached("SELECT value FROM mark WHERE lane = ?1")?;
    let mut rows = statement.query([lane])?;
    let mut marks = Marks::new();
    while let Some(row) = rows.next()? {
        let (name, value): (String, String) = vault.open("mark", row.get_ref(0)?.as_blob().unwrap_or(&[]))?;
        marks.insert(name, value);
    }
    Ok(marks)
}
