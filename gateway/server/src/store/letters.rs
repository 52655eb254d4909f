//! What waits for a person or a file: found by a filter, listed without bodies, opened for showing. Reads only.

use gateway_core::adapter::Marks;
use gateway_core::envelope::Envelope;
use gateway_core::fault::Fault;
use gateway_core::ids::{Kind, MessageId, Moment, PeerName, Unit};
use gateway_core::pipeline::{DeliveryId, State};
use rusqlite::{Connection, Row as SqlRow, params};

use super::claims::Vault;
use super::error::StoreError;
use super::lanes::{NEVER, state};
use super::read;
use super::types::{Kept, MappingUsed, Pinned};

/// Which deliveries that wait for a person or a file; every condition that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Filter {
    /// These only.
    pub deliveries: Vec<DeliveryId>,
    /// Of this dossier (any of its codes).
    pub dossier: Option<String>,
    /// For this peer.
    pub peer: Option<PeerName>,
    /// On behalf of this agency.
    pub unit: Option<Unit>,
    /// Of this kind.
    pub kind: Option<Kind>,
    /// With this fault.
    pub fault: Option<String>,
    /// In this state: dead, in doubt or held. Without it: dead or held when redelivering, all three when listing.
    pub state: Option<State>,
    /// Since this moment.
    pub since: Option<Moment>,
    /// Before this moment.
    pub until: Option<Moment>,
    /// At most so many; 0 means all.
    pub limit: usize,
}

/// A delivery that waits for a person or a file, without its body.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct DeadLetter {
    /// Which.
    pub delivery: DeliveryId,
    /// The message.
    pub message: MessageId,
    /// The dossier's code as the message has it.
    pub dossier: String,
    /// To whom.
    pub peer: PeerName,
    /// On whose behalf.
    pub unit: Unit,
    /// What it says.
    pub kind: Kind,
    /// Dead, in doubt or held.
    pub state: State,
    /// Why.
    pub fault_code: String,
    /// Since when.
    pub since: Moment,
    /// When the dossier is due.
    pub due: Option<Moment>,
}

/// A dead letter opened for showing.
#[derive(Debug, Clone)]
pub struct DeadLetterShown {
    /// Without its body.
    pub summary: DeadLetter,
    /// Why it waits.
    pub fault: Option<Fault>,
    /// The message with its canonical document.
    pub envelope: Envelope,
    /// Its translation, if it came so far.
    pub pinned: Option<Pinned>,
    /// The mapping that made, or failed to make, the translation.
    pub out_mapping: Option<MappingUsed>,
    /// What the peer calls the dossier.
    pub marks: Marks,
    /// All calls.
    pub exchanges: Vec<Kept>,
}

/// What waits for a person or a file.
const PARKED: &str = "'dead', 'in-doubt', 'held'";
/// And what the peer has.
pub(super) const PARKED_OR_DELIVERED: &str = "'dead', 'held', 'delivered'";

/// What a redelivery covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// What was not taken.
    Untaken,
    /// What was taken as well: for peers that know a message by its id and so bear hearing it twice.
    Everything,
}

const LIST: &str = "SELECT d.id, m.id, ifnull(m.code, ''), l.peer, m.unit, m.kind, d.state,
    ifnull(d.fault_code, ''), ifnull(d.settled_at, d.at), l.due
  FROM delivery d JOIN lane l ON l.id = d.lane JOIN message m ON m.seq = d.message
  WHERE d.state IN (STATES) AND (?1 IS NULL OR l.peer = ?1) AND (?2 IS NULL OR m.unit = ?2)
    AND (?3 IS NULL OR m.kind = ?3) AND (?4 IS NULL OR d.fault_code = ?4) AND (?5 IS NULL OR d.state = ?5)
    AND (?6 IS NULL OR ifnull(d.settled_at, d.at) >= ?6)
    AND (?7 IS NULL OR l.dossier IN (SELECT id FROM dossier WHERE code = ?7
                                     UNION SELECT dossier FROM alias WHERE code = ?7))
    AND (?8 IS NULL OR ifnull(d.settled_at, d.at) < ?8)
  ORDER BY d.id";

/// Lists what a filter finds.
pub(super) fn list(db: &Connection, filter: &Filter) -> Result<Vec<DeadLetter>, StoreError> {
    list_in(db, filter, PARKED)
}

pub(super) fn list_in(db: &Connection, filter: &Filter, states: &str) -> Result<Vec<DeadLetter>, StoreError> {
    let mut statement = db.prepare_cached(&LIST.replace("STATES", states))?;
    let mut rows = statement.query(params![
        filter.peer.as_ref().map(PeerName::as_str),
        filter.unit.as_ref().map(Unit::as_str),
        filter.kind.as_ref().map(Kind::as_str),
        filter.fault,
        filter.state.map(State::as_str),
        filter.since.map(Moment::as_millis),
        filter.dossier.as_deref().map(str::trim),
        filter.until.map(Moment::as_millis),
    ])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let letter = summary(row)?;
        if filter.deliveries.is_empty() || filter.deliveries.contains(&letter.delivery) {
            found.push(letter);
        }
        if filter.limit > 0 && found.len() >= filter.limit {
            break;
        }
    }
    Ok(found)
}

fn summary(row: &SqlRow) -> Result<DeadLetter, StoreError> {
    let due: i64 = row.get(9)?;
    Ok(DeadLetter {
        delivery: DeliveryId(row.get(0)?),
        message: MessageId(row.get(1)?),
        dossier: row.get(2)?,
        peer: PeerName::from(row.get::<_, String>(3)?),
        unit: Unit::from(row.get::<_, String>(4)?),
        kind: Kind::from(row.get::<_, String>(5)?),
        state: state(row.get_ref(6)?.as_str().unwrap_or_default())?,
        fault_code: row.get(7)?,
        since: Moment::from_millis(row.get(8)?),
        due: (due != NEVER).then_some(Moment::from_millis(due)),
    })
}

/// Opens one for showing.
pub(super) fn show(
    db: &Connection,
    vault: &Vault,
    id: DeliveryId,
) -> Result<Option<DeadLetterShown>, StoreError> {
    let filter = Filter { deliveries: vec![id], ..Filter::default() };
    let Some(summary) = list(db, &filter)?.pop() else { return Ok(None) };
    let Some(loaded) = read::load(db, vault, id)? else { return Ok(None) };
    let fault = read::state_of(db, vault, id)?.and_then(|(_, fault)| fault);
    Ok(Some(DeadLetterShown {
        summary,
        fault,
        envelope: loaded.envelope,
        pinned: loaded.pinned,
        out_mapping: loaded.out_mapping,
        marks: loaded.marks,
        exchanges: loaded.exchanges,
    }))
}
