//! Telling of shipments and payments: messages of the gateway's own, made and admitted in the transaction that found them due.
//!
//! They are journaled, queued and delivered as any other. Their id follows from what they say and after which event, because a change of the store can run
//! twice before it is committed. After a restart they are there together with the change that they tell of, or neither is.

use gateway_core::adapter::{Level, Payload};
use gateway_core::dossier::DossierCode;
use gateway_core::envelope::Class;
use gateway_core::ids::{Correlation, MessageId, Moment, PeerName, Unit};
use gateway_core::shipment::State;
use gateway_core::waybill::{self, Leg};
use rusqlite::params;
use serde_json::Value;

use super::admit::DossierFound;
use super::carriage::{News, Receivers};
use super::claims::Parcel;
use super::error::StoreError;
use super::prepare::{About, prepare};
use super::shipments::Shipment;
use super::types::{Content, NewMessage};
use super::writer::Writing;

/// What a message of our own follows from.
pub(super) struct Origin<'a> {
    /// Whose word it was.
    pub(super) peer: &'a PeerName,
    pub(super) unit: &'a Unit,
    pub(super) dossier: i64,
    pub(super) code: &'a str,
    pub(super) correlation: &'a Correlation,
    pub(super) traceparent: Option<&'a str>,
    /// After what, in words that are the same each time.
    pub(super) after: String,
}

impl Writing<'_> {
    /// Makes the messages that tell of a confirmed state.
    pub(super) fn tell(
        &self,
        shipment: &Shipment,
        observed: i64,
        state: State,
        since: Moment,
        at: Moment,
    ) -> Result<News, StoreError> {
        let mut news = News::default();
        let (code, about): (Option<String>, Vec<u8>) = self
            .db
            .prepare_cached("SELECT code, about FROM message WHERE seq = ?1")?
            .query_row([shipment.message], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some(code) = code else { return Ok(news) };
        let about: About = self.vault.open("message.about", &about)?;
        let origin = Origin {
            peer: &shipment.peer,
            unit: &shipment.unit,
            dossier: shipment.dossier,
            code: &code,
            correlation: &about.correlation,
            traceparent: about.traceparent.as_deref(),
            after: format!("{} {observed}", shipment.id),
        };
        let current = self.shipment("id = ?1", params![shipment.id])?;
        let names = current.map_or_else(|| shipment.names.clone(), |current| current.names);
        let telling = self.telling;
        if let Some(receivers) = &telling.changes {
            let document = waybill::told(&code, shipment.which, &names, state, since);
            news.add(self.say(&origin, receivers, None, document, at)?);
        }
        let handed_over = shipment.which.leg == Leg::Return && state == State::Delivered;
        if let Some(receivers) = &telling.handed_over
            && handed_over
            && telling.report_directly.contains(&shipment.unit)
        {
            let document = waybill::handed_over(&code, since);
            let status = Some(waybill::HANDED_OVER);
            news.add(self.say(&origin, receivers, status, document, at)?);
        }
        Ok(news)
    }

    /// Admits a message of our own, in this same transaction.
    pub(super) fn say(
        &self,
        origin: &Origin<'_>,
        receivers: &Receivers,
        status: Option<&str>,
        document: Value,
        at: Moment,
    ) -> Result<News, StoreError> {
        let to = receivers.of(origin.peer, origin.unit);
        if to.is_empty() {
            return Ok(News::default());
        }
        // Changes can run twice, so the id must be the same both times: by what it says and after which event, and not by chance.
        let name = format!("{} {} {document}", origin.after, receivers.kind);
        let digest = self.vault.digests.key("told", &name);
        let mut chance = [0; 10];
        chance.copy_from_slice(&digest[..10]);
        let message = NewMessage {
            id: MessageId::new(at, chance),
            correlation: origin.correlation.clone(),
            traceparent: origin.traceparent.map(str::to_owned),
            from: origin.peer.clone(),
            unit: origin.unit.clone(),
            kind: receivers.kind.clone(),
            class: Class::Event,
            dossier: DossierCode::new(origin.code),
            alias: None,
            status: status.map(str::to_owned),
            due: None,
            at,
            hints: Default::default(),
            keys: Vec::new(),
            // What a peer confirmed when it was asked; our own conclusion needs no proof of who says it.
            level: Level::Token,
            repeat_window_ms: 0,
            files: Vec::new(),
            source: Payload::Json(Value::Null),
            mapping: None,
            carriage: None,
            content: Ok(Content { document, compared: None, undated: false, to, notes: Vec::new() }),
        };
        let item = prepare(self.vault, message, &mut Parcel::default())?;
        let Some(content) = &item.content else { return Ok(News::default()) };
        let dossier = DossierFound { id: origin.dossier, is_new: false };
        let seq = self.accept(&item, content, Some(origin.dossier))?;
        let queued = self.queue(&item, content, dossier, seq)?;
        Ok(News { queued, ..News::default() })
    }
}
