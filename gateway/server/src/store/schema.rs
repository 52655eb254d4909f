//! The tables, and the way from any older version of them to this one.
//!
//! Clear columns are a closed list: dossier and alias codes, peer, unit, kind, times, due date, status, state, fault
//! code, keyed digests, and numbers of our own. Every BLOB that is not a digest or a message id is sealed. Each step of
//! [`STEPS`] runs in a transaction of its own together with the new `user_version`, so a restart in the middle of a
//! migration goes on where it stopped. A step is never changed once it was released; a new one is added.

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::error::StoreError;

/// `STEPS[n]` leads from version n to n + 1.
const STEPS: &[&str] = &[
    VERSION_1, VERSION_2, VERSION_3, VERSION_4, VERSION_5, VERSION_6, VERSION_7, VERSION_8, VERSION_9,
    VERSION_10,
];

const VERSION_1: &str = "
-- What was said once about the store itself: seals of the keys in use, the digest key.
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Our own id for a dossier, with the code it was first heard by; further codes are aliases.
CREATE TABLE dossier (
    id INTEGER PRIMARY KEY, code TEXT NOT NULL, peer TEXT NOT NULL, at INTEGER NOT NULL);
CREATE UNIQUE INDEX dossier_code ON dossier (code, peer);
CREATE TABLE alias (
    code TEXT NOT NULL, peer TEXT NOT NULL, dossier INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (code, peer)) WITHOUT ROWID;
CREATE INDEX alias_dossier ON alias (dossier);

-- The journal: every item of every call, also those that were refused.
CREATE TABLE message (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL, dossier INTEGER, code TEXT, state TEXT NOT NULL, kind TEXT NOT NULL,
    class TEXT NOT NULL, peer TEXT NOT NULL, unit TEXT NOT NULL, at INTEGER NOT NULL, status TEXT,
    due INTEGER, digest BLOB, same_as BLOB, fault_code TEXT,
    about BLOB NOT NULL, fault BLOB, source BLOB, document BLOB);
CREATE UNIQUE INDEX message_id ON message (id);
CREATE INDEX message_dossier ON message (dossier, state, kind, peer);
CREATE INDEX message_digest ON message (digest) WHERE state = 'accepted';

-- Callers' own idempotency keys, as keyed digests.
CREATE TABLE idempotency (
    key BLOB PRIMARY KEY, message INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;

-- One dossier at one peer: who goes next, and when.
CREATE TABLE lane (
    id INTEGER PRIMARY KEY, peer TEXT NOT NULL, dossier INTEGER NOT NULL, accepted INTEGER NOT NULL,
    next_position INTEGER NOT NULL, open INTEGER NOT NULL, head INTEGER, ready_at INTEGER, due INTEGER NOT NULL);
CREATE UNIQUE INDEX lane_dossier ON lane (dossier, peer);
CREATE INDEX lane_ready ON lane (peer, due, ready_at) WHERE head IS NOT NULL;

CREATE TABLE delivery (
    id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, message INTEGER NOT NULL, position INTEGER NOT NULL,
    open INTEGER NOT NULL, class TEXT NOT NULL, state TEXT NOT NULL, at INTEGER NOT NULL,
    ready_at INTEGER NOT NULL, settled_at INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
    panics INTEGER NOT NULL DEFAULT 0, away INTEGER NOT NULL DEFAULT 0,
    away_strikes INTEGER NOT NULL DEFAULT 0, away_at INTEGER, first_unclear_at INTEGER,
    fault_code TEXT, fault BLOB, revision BLOB, pin BLOB);
CREATE INDEX delivery_lane ON delivery (lane, open, position);
CREATE INDEX delivery_trouble ON delivery (state, id) WHERE state IN ('dead', 'in-doubt', 'held');

-- The call journal: the unsigned request is on disk before the call leaves.
CREATE TABLE exchange (
    id INTEGER PRIMARY KEY, delivery INTEGER NOT NULL, once INTEGER NOT NULL, called_at INTEGER NOT NULL,
    answered_at INTEGER, struck_at INTEGER, request BLOB NOT NULL, answer BLOB, reason BLOB);
CREATE INDEX exchange_delivery ON exchange (delivery);

-- What a peer calls a dossier; the name is a keyed digest, name and value stand sealed in `value`.
CREATE TABLE mark (
    lane INTEGER NOT NULL, name BLOB NOT NULL, at INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (lane, name)) WITHOUT ROWID;

-- What happened, beside what the rows above say themselves.
CREATE TABLE timeline (
    id INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, delivery INTEGER, at INTEGER NOT NULL,
    event TEXT NOT NULL, detail BLOB);
CREATE INDEX timeline_dossier ON timeline (dossier);

-- Which files beside the database are in use, and for which dossier (0: none).
CREATE TABLE claim (
    name TEXT NOT NULL, dossier INTEGER NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (name, dossier)) WITHOUT ROWID;
";

/// Repeats are looked for within their dossier. An index by the digest alone costs each accepted message a page of its own on
/// its way to the disk, because digests are random.
const VERSION_2: &str = "
DROP INDEX message_digest;
DROP INDEX message_dossier;
CREATE INDEX message_dossier ON message (dossier, state, kind, peer, digest);
";

const VERSION_3: &str = "
-- What a carrier carries for a dossier: one row for each leg and number at each carrier that it was ordered from. The names (order
-- number, the carrier's number, carrier) stand sealed in `names` and as keyed digests beside it.
CREATE TABLE shipment (
    id INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, leg TEXT NOT NULL, number INTEGER NOT NULL, peer TEXT NOT NULL,
    unit TEXT NOT NULL, message INTEGER NOT NULL, ordered_at INTEGER NOT NULL,
    state TEXT, since INTEGER, told TEXT, confirmed INTEGER NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 1,
    asked_at INTEGER, next_poll_at INTEGER, by_order BLOB, by_tracking BLOB, names BLOB);
CREATE UNIQUE INDEX shipment_which ON shipment (dossier, leg, number, peer);
CREATE INDEX shipment_message ON shipment (message);
CREATE INDEX shipment_order ON shipment (by_order) WHERE by_order IS NOT NULL;
CREATE INDEX shipment_tracking ON shipment (by_tracking) WHERE by_tracking IS NOT NULL;
CREATE INDEX shipment_poll ON shipment (peer, next_poll_at) WHERE next_poll_at IS NOT NULL;

-- What carriers told, as far as the state of a shipment hangs on it; the rest stands in the journal. Without a shipment while nobody
-- knows which one it is about; `alert_at` is when somebody is told so.
CREATE TABLE observed (
    id INTEGER PRIMARY KEY, peer TEXT NOT NULL, shipment INTEGER, message INTEGER, at INTEGER NOT NULL,
    received INTEGER NOT NULL, confirmed INTEGER NOT NULL, says TEXT NOT NULL, leg TEXT, number INTEGER,
    by_order BLOB, by_tracking BLOB, names BLOB, alert_at INTEGER);
CREATE INDEX observed_shipment ON observed (shipment, id);
CREATE INDEX observed_message ON observed (message);
CREATE INDEX observed_parked ON observed (peer, by_order, by_tracking) WHERE shipment IS NULL;
CREATE INDEX observed_alert ON observed (alert_at) WHERE alert_at IS NOT NULL;

-- How far each feed was read.
CREATE TABLE feed (
    peer TEXT NOT NULL, name TEXT NOT NULL, cursor BLOB, asked_at INTEGER NOT NULL,
    PRIMARY KEY (peer, name)) WITHOUT ROWID;
";

/// A feed that is read from its beginning leaves a row for everything that was ever sent without us: whose an event is, is found without
/// looking through these.
const VERSION_4: &str = "
DROP INDEX observed_parked;
CREATE INDEX observed_order ON observed (by_order) WHERE shipment IS NULL AND by_order IS NOT NULL;
CREATE INDEX observed_tracking ON observed (by_tracking) WHERE shipment IS NULL AND by_tracking IS NOT NULL;
CREATE INDEX message_stray ON message (code) WHERE dossier IS NULL AND code IS NOT NULL;
";

/// A shipment that nobody hears of any more is found without looking through all that ever were; `woken_at` is when an operator last had
/// its order offered again.
const VERSION_5: &str = "
ALTER TABLE shipment ADD COLUMN woken_at INTEGER;
CREATE INDEX shipment_open ON shipment (max(ordered_at, ifnull(woken_at, 0))) WHERE open = 1;
";

/// A lane whose head was handed to a broker, or is being worked on for one, says so itself: `out` is `queued` or `running`, and what
/// is out is not ready. `handover` and `token` only ever rise; they are the fences against old copies and old hands.
const VERSION_6: &str = "
ALTER TABLE lane ADD COLUMN out TEXT;
ALTER TABLE lane ADD COLUMN handover INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN queued_at INTEGER;
ALTER TABLE lane ADD COLUMN confirmed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE lane ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
DROP INDEX lane_ready;
CREATE INDEX lane_ready ON lane (peer, due, ready_at) WHERE head IS NOT NULL AND out IS NULL;
CREATE INDEX lane_out ON lane (peer, out, queued_at) WHERE out IS NOT NULL;
";

const VERSION_7: &str = "
-- What others are to hear of messages: gone once it was announced. Nothing is written where nobody listens.
CREATE TABLE announcement (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, event TEXT NOT NULL, dossier TEXT, peer TEXT NOT NULL,
    unit TEXT NOT NULL, kind TEXT NOT NULL, message BLOB NOT NULL, fault TEXT);
";

/// The last message of a dossier whose bodies were purged, see `purge`.
const VERSION_8: &str = "ALTER TABLE dossier ADD COLUMN purged_seq INTEGER NOT NULL DEFAULT 0;";

/// What is to be paid, from before its provider hears of it. Reference and what was asked for stand sealed in `details`; reference and
/// transaction are found by keyed digests. A transaction pays once, which the index says as well.
const VERSION_9: &str = "
CREATE TABLE payment (
    id INTEGER PRIMARY KEY, dossier INTEGER NOT NULL, code TEXT NOT NULL, peer TEXT NOT NULL, asker TEXT NOT NULL,
    unit TEXT NOT NULL, message BLOB NOT NULL, state TEXT NOT NULL, opened_at INTEGER NOT NULL, next_poll_at INTEGER,
    confirmed BLOB, by_reference BLOB NOT NULL, by_transaction BLOB, details BLOB NOT NULL);
CREATE UNIQUE INDEX payment_reference ON payment (by_reference, peer);
CREATE UNIQUE INDEX payment_transaction ON payment (by_transaction) WHERE by_transaction IS NOT NULL;
CREATE INDEX payment_dossier ON payment (dossier);
CREATE INDEX payment_poll ON payment (peer, next_poll_at) WHERE next_poll_at IS NOT NULL;
";

const VERSION_10: &str = "
-- What was published to whom under an address of ours. The id is a keyed digest of both; what it stands for is sealed in `about`.
CREATE TABLE publication (
    id BLOB NOT NULL, peer TEXT NOT NULL, dossier INTEGER NOT NULL, at INTEGER NOT NULL, about BLOB NOT NULL,
    PRIMARY KEY (id, dossier)) WITHOUT ROWID;
CREATE INDEX publication_dossier ON publication (dossier);

-- Files that were fetched from an address and can be fetched again: a keyed digest of the address, and the file's name.
CREATE TABLE fetched (
    address BLOB PRIMARY KEY, name TEXT NOT NULL, bytes INTEGER NOT NULL, at INTEGER NOT NULL, about BLOB NOT NULL)
    WITHOUT ROWID;
CREATE INDEX fetched_name ON fetched (name);
CREATE INDEX fetched_at ON fetched (at);
";

/// The newest version this program knows.
pub(super) const fn known() -> i64 {
    STEPS.len() as i64
}

/// The version of a store; 0 for a new one. Refuses a newer one than this program knows.
pub(super) fn version(connection: &Connection) -> Result<i64, StoreError> {
    let found = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known() { Err(StoreError::Newer { found, known: known() }) } else { Ok(found) }
}

/// Brings a store to the newest version.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let from = version(connection)?;
    let done = usize::try_from(from).unwrap_or(0);
    for (index, step) in STEPS.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// So long for another process that holds the file.
pub(super) const BUSY_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

/// So long the one who writes.
pub(super) const WRITER_WAIT: std::time::Duration = std::time::Duration::from_secs(2);

/// The settings of every connection. `synchronous=FULL` is the promise that a commit survives a power cut.
pub(super) fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without this, every new value bound to a query that could use a partial index has its plan made anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -16000;
         PRAGMA mmap_size = 0; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF;",
    )?;
    Ok(())
}

/// Further settings of the one writing connection.
pub(super) fn configure_writer(connection: &Connection) -> Result<(), StoreError> {
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(StoreError::Io(format!("this disk does not bear a write-ahead log (mode {mode})")));
    }
    // Nobody else has business writing here. Who does all the same holds up everybody, so callers are told soon to come again.
    connection.busy_timeout(WRITER_WAIT)?;
    // A journal that outgrew a slow reader is cut back at the next checkpoint instead of staying for ever.
    connection.execute_batch("PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = FAST;")?;
    Ok(())
}

/// A look at a whole file.
pub(super) type Checking = fn(&Connection) -> Result<(), StoreError>;

/// What SQLite itself thinks of the file, without holding each index against its table.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    checked(connection, "PRAGMA quick_check(20)")
}

/// The same with the indexes.
pub(super) fn check_all(connection: &Connection) -> Result<(), StoreError> {
    checked(connection, "PRAGMA integrity_check(20)")
}

fn checked(connection: &Connection, question: &str) -> Result<(), StoreError> {
    let mut statement = connection.prepare(question)?;
    let lines: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?;
    if lines.iter().all(|line| line == "ok") { Ok(()) } else { Err(StoreError::Corrupt(lines.join("; "))) }
}
