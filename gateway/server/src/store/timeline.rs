//! The timeline: everything that happened to a dossier, from the rows that say it themselves and from the timeline table.
//!
//! `accepted`, `duplicate`, `late-repeat`, `refused` and `queued` are read off the journal, `call` and `struck` off the
//! call journal, so the way of a message costs no row only for showing it.

use std::collections::BTreeMap;

use gateway_core::adapter::{Answer, Level};
use gateway_core::fault::Fault;
use gateway_core::ids::{Kind, MessageId, Moment, PeerName};
use gateway_core::pipeline::DeliveryId;
use rusqlite::{Connection, Row, params};

use super::calls::Calls;
use super::claims::Vault;
use super::error::StoreError;
use super::event::Event;
use super::lanes::told;
use super::pauses::{Waited, told_in_timeline};
use super::prepare::About;
use super::restored::restored;

/// One thing that happened.
#[derive(serde::Serialize, Debug, Clone, PartialEq)]
pub struct TimelineRow {
    /// When.
    pub at: Moment,
    /// What.
    pub event: Event,
    /// The message it belongs to.
    pub message: Option<MessageId>,
    /// What that message says.
    pub kind: Option<Kind>,
    /// The delivery it belongs to.
    pub delivery: Option<DeliveryId>,
    /// The sender of a message, or the receiver of a delivery.
    pub peer: Option<PeerName>,
    /// For people: step and status of a call, the words of a fault. Without personal data.
    pub detail: String,
    /// How surely the door knew who sent it; of messages only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// Everything that happened to a dossier, oldest first.
#[derive(serde::Serialize, Debug, Clone, PartialEq)]
pub struct Timeline {
    /// All codes it is known by, each with the peer that uses it.
    pub codes: Vec<(String, PeerName)>,
    /// The national status of the latest accepted message that has one.
    pub status: Option<String>,
    /// What happened.
    pub rows: Vec<TimelineRow>,
}

/// Reads the timeline of every dossier with this code.
pub(super) fn timeline(db: &Connection, vault: &Vault, code: &str) -> Result<Option<Timeline>, StoreError> {
    let db = db.unchecked_transaction()?;
    let mut statement = db.prepare_cached(
        "SELECT id FROM dossier WHERE code = ?1 UNION SELECT dossier FROM alias WHERE code = ?1 ORDER BY 1",
    )?;
    let dossiers: Vec<i64> =
        statement.query_map([code], |row| row.get(0))?.collect::<Result<_, rusqlite::Error>>()?;
    if dossiers.is_empty() {
        return Ok(None);
    }
    let mut timeline = Timeline { codes: Vec::new(), status: None, rows: Vec::new() };
    for dossier in dossiers {
        codes(&db, dossier, &mut timeline)?;
        let heard = timeline.rows.len();
        messages(&db, vault, dossier, &mut timeline)?;
        let mut jumps = Jumps::default();
        jumps.along(timeline.rows[heard..].iter().map(|row| row.at));
        deliveries(&db, vault, dossier, &mut timeline, &mut jumps)?;
        timeline.rows.extend(jumps.told());
    }
    // Stable: of one moment in the order in which things are told above.
    timeline.rows.sort_by_key(|row| row.at);
    Ok(Some(timeline))
}

/// Times that go back more than this were written after the clock had been set back; less is a call whose body was long on its way.
const SET_BACK_MS: i64 = 5 * 60 * 1000;

/// Where times go back, from one row to the next that was written: the time told then, and the one before it.
#[derive(Default)]
struct Jumps(Vec<(Moment, Moment)>);

impl Jumps {
    /// Times in the order in which they were written.
    fn along(&mut self, times: impl Iterator<Item = Moment>) {
        let mut before: Option<Moment> = None;
        for at in times {
            if let Some(before) = before.filter(|before| before.millis_since(at) > SET_BACK_MS) {
                self.0.push((at, before));
            }
            before = Some(at);
        }
    }

    /// One row for each time that the clock was set back, however many rows saw it.
    fn told(mut self) -> impl Iterator<Item = TimelineRow> {
        self.0.sort();
        self.0.dedup_by(|next, kept| next.0 <= kept.1);
        self.0.into_iter().map(|(at, before)| TimelineRow {
            at,
            event: Event::ClockSetBack,
            message: None,
            kind: None,
            delivery: None,
            peer: None,
            detail: before.for_people(),
            level: None,
        })
    }
}

fn codes(db: &Connection, dossier: i64, timeline: &mut Timeline) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT code, peer FROM dossier WHERE id = ?1 UNION ALL SELECT code, peer FROM alias WHERE dossier = ?1",
    )?;
    let mut rows = statement.query([dossier])?;
    while let Some(row) = rows.next()? {
        timeline.codes.push((row.get(0)?, PeerName::from(row.get::<_, String>(1)?)));
    }
    Ok(())
}

fn moment(row: &Row, index: usize) -> rusqlite::Result<Moment> {
    row.get(index).map(Moment::from_millis)
}

fn messages(db: &Connection, vault: &Vault, dossier: i64, timeline: &mut Timeline) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT m.id, m.state, m.kind, m.peer, m.at, m.status, m.fault_code, m.fault, m.same_as, m.about,
           o.says, o.confirmed, o.at
         FROM message m LEFT JOIN observed o ON o.message = m.seq WHERE m.dossier = ?1 ORDER BY m.seq",
    )?;
    let mut rows = statement.query([dossier])?;
    while let Some(row) = rows.next()? {
        let state: String = row.get(1)?;
        let status: Option<String> = row.get(5)?;
        let event = Event::parse(&state).unwrap_or(Event::Refused);
        let same_as: Option<[u8; 16]> = row.get(8)?;
        let about: About = vault.open("message.about", &row.get::<_, Vec<u8>>(9)?)?;
        let detail = match (event, row.get::<_, Option<Vec<u8>>>(7)?, same_as) {
            (_, Some(sealed), _) => told(&vault.open::<Fault>("message.fault", &sealed)?),
            (Event::Refused, None, _) => row.get::<_, Option<String>>(6)?.unwrap_or_default(),
            (_, None, Some(id)) => MessageId(id).to_string(),
            _ => about.mapping.as_ref().map(|mapping| mapping.name.clone()).unwrap_or_default(),
        };
        let (event, detail) = match row.get::<_, Option<String>>(10)? {
            Some(says) => {
                let word = if row.get(11)? { "confirmed" } else { "unconfirmed" };
                (Event::ShipmentHeard, format!("{says} {word} {}", moment(row, 12)?.for_people()))
            }
            None => (event, detail),
        };
        if event == Event::Accepted && status.is_some() {
            timeline.status = status;
        }
        let received = TimelineRow {
            at: moment(row, 4)?,
            event,
            message: Some(MessageId(row.get(0)?)),
            kind: Some(Kind::from(row.get::<_, String>(2)?)),
            delivery: None,
            peer: Some(PeerName::from(row.get::<_, String>(3)?)),
            detail,
            level: about.level,
        };
        let noted = about.notes.into_iter().map(|detail| TimelineRow {
            event: Event::Shortened,
            detail,
            level: None,
            ..received.clone()
        });
        let noted: Vec<TimelineRow> = noted.collect();
        timeline.rows.push(received);
        timeline.rows.extend(noted);
    }
    Ok(())
}

fn deliveries(
    db: &Connection,
    vault: &Vault,
    dossier: i64,
    timeline: &mut Timeline,
    jumps: &mut Jumps,
) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT d.id, l.peer, m.id, m.kind, d.at, d.settled_at FROM lane l JOIN delivery d ON d.lane = l.id
         JOIN message m ON m.seq = d.message WHERE l.dossier = ?1 ORDER BY d.id",
    )?;
    let mut rows = statement.query([dossier])?;
    let mut known = BTreeMap::new();
    let mut waited = Vec::new();
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let queued = TimelineRow {
            at: moment(row, 4)?,
            event: Event::Queued,
            message: Some(MessageId(row.get(2)?)),
            kind: Some(Kind::from(row.get::<_, String>(3)?)),
            delivery: Some(DeliveryId(id)),
            peer: Some(PeerName::from(row.get::<_, String>(1)?)),
            detail: String::new(),
            level: None,
        };
        if let Some(peer) = queued.peer.clone() {
            let until = row.get::<_, Option<i64>>(5)?.map(Moment::from_millis);
            waited.push(Waited { peer, from: queued.at, until });
        }
        timeline.rows.push(queued.clone());
        known.insert(id, queued);
    }
    timeline.rows.extend(told_in_timeline(db, vault, &waited)?);
    jumps.along(known.values().map(|queued| queued.at));
    let mut happened = notes(db, vault, dossier, &known)?;
    jumps.along(happened.iter().map(|(row, _)| row.at));
    let presumed_at = restored(db)?.map(|restored| restored.missing_until);
    for (id, queued) in &known {
        let others = happened.len();
        calls(db, vault, (*id, queued), presumed_at, &mut happened)?;
        let called = happened[others..].iter().filter(|(row, _)| row.event == Event::Call);
        jumps.along(std::iter::once(queued.at).chain(called.map(|(row, _)| row.at)));
    }
    // What a delivery is told between two of its calls belongs between them; of one moment, the call comes first.
    happened.sort_by_key(|(row, rank)| (row.at, *rank));
    timeline.rows.extend(happened.into_iter().map(|(row, _)| row));
    Ok(())
}

type Ranked = (TimelineRow, u8);

fn notes(
    db: &Connection,
    vault: &Vault,
    dossier: i64,
    known: &BTreeMap<i64, TimelineRow>,
) -> Result<Vec<Ranked>, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT delivery, at, event, detail FROM timeline WHERE dossier = ?1 ORDER BY id")?;
    let mut rows = statement.query([dossier])?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        let delivery: Option<i64> = row.get(0)?;
        let Some(event) = Event::parse(row.get_ref(2)?.as_str().unwrap_or_default()) else { continue };
        let detail = row
            .get::<_, Option<Vec<u8>>>(3)?
            .map(|sealed| vault.open("timeline.detail", &sealed))
            .transpose()?
            .unwrap_or_default();
        let of = delivery.and_then(|id| known.get(&id));
        let before_calls = matches!(event, Event::PeerBack | Event::Translated | Event::Shortened);
        notes.push((
            TimelineRow {
                at: moment(row, 1)?,
                event,
                message: of.and_then(|of| of.message),
                kind: of.and_then(|of| of.kind.clone()),
                delivery: delivery.map(DeliveryId),
                peer: of.and_then(|of| of.peer.clone()),
                detail,
                level: None,
            },
            if before_calls { 0 } else { 3 },
        ));
    }
    Ok(notes)
}

fn calls(
    db: &Connection,
    vault: &Vault,
    (id, of): (i64, &TimelineRow),
    presumed_at: Option<Moment>,
    happened: &mut Vec<Ranked>,
) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT called_at, struck_at, request, answer, reason, id FROM exchange WHERE delivery = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query(params![id])?;
    let mut calls = Calls::default();
    while let Some(row) = rows.next()? {
        let (_, request) = calls.open(db, vault, row.get(5)?, row.get_ref(2)?.as_blob().unwrap_or(&[]))?;
        let answer: Option<Answer> = row
            .get::<_, Option<Vec<u8>>>(3)?
            .map(|sealed| vault.open("exchange.answer", &sealed))
            .transpose()?;
        let status = answer.map_or("-".to_owned(), |answer| answer.status.to_string());
        let said = |at, event, detail| TimelineRow { at, event, detail, ..of.clone() };
        let called_at = moment(row, 0)?;
        let event = if presumed_at == Some(called_at) { Event::Presumed } else { Event::Call };
        happened.push((said(called_at, event, format!("{} {status}", request.step)), 1));
        if let Some(struck_at) = row.get::<_, Option<i64>>(1)? {
            let reason: Option<String> = row
                .get::<_, Option<Vec<u8>>>(4)?
                .map(|sealed| vault.open("exchange.reason", &sealed))
                .transpose()?;
            let detail = format!("{}: {}", request.step, reason.unwrap_or_default());
            happened.push((said(Moment::from_millis(struck_at), Event::Struck, detail), 2));
        }
    }
    Ok(())
}
