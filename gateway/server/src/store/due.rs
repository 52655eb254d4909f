//! Money for what was due, under a reference of the provider's own: begun by the portal after it looked up what a dossier is to pay.
//!
//! Nobody opened such a payment here. It counts if it is exactly what the one-stop-shop has said is due of that dossier and nobody has paid
//! since: the whole of it, in its currency, by a transaction that has paid nothing else. Then its row is made in the transaction that
//! confirms it, as if it had been opened by whoever said what is due. Anything else stays a payment that nobody knows.

use gateway_core::dossier::DossierCode;
use gateway_core::ids::{Correlation, Kind, PeerName, Unit};
use gateway_core::payment::{Outcome, Said, State, Wanted, take_paid};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::Store;
use super::claims::Vault;
use super::error::StoreError;
use super::event::Event;
use super::payments::{Details, Payment};
use super::prepare::Prepared;
use super::writer::Writing;

/// What was said last of what a dossier is to pay.
struct Due {
    dossier: i64,
    peer: PeerName,
    unit: Unit,
    document: Value,
}

impl Store {
    /// What was paid of a dossier since a message of this kind was accepted last.
    pub async fn paid_since(&self, code: &DossierCode, kind: &Kind) -> Result<Vec<Wanted>, StoreError> {
        let (code, kind) = (code.clone(), kind.clone());
        self.read(move |db, vault| paid_since(db, vault, &code, &kind)).await
    }
}

/// What was paid of a dossier after its latest message of this kind was accepted.
fn paid_since(
    db: &Connection,
    vault: &Vault,
    code: &DossierCode,
    kind: &Kind,
) -> Result<Vec<Wanted>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT p.details FROM payment p JOIN message c ON c.id = p.confirmed
         WHERE p.dossier IN (SELECT id FROM dossier WHERE code = ?1 UNION SELECT dossier FROM alias WHERE code = ?1)
           AND p.state = 'paid' AND c.seq > (SELECT max(m.seq) FROM message m
             WHERE m.dossier = p.dossier AND m.state = 'accepted' AND m.kind = ?2)",
    )?;
    let sealed = statement.query_map([code.as_str(), kind.as_str()], |row| row.get::<_, Vec<u8>>(0))?;
    sealed.map(|sealed| Ok(vault.open::<Details>("payment.details", &sealed?)?.wanted)).collect()
}

impl Writing<'_> {
    /// The payment that this pays, if it is what was due.
    pub(super) fn pay_due(&self, item: &Prepared, said: &Said) -> Result<Option<Payment>, StoreError> {
        let (Outcome::Paid, Some(code), Some(transaction)) = (said.outcome, &said.dossier, &said.transaction)
        else {
            return Ok(None);
        };
        let Some(Due { dossier, peer, unit, mut document }) = self.due(said)? else { return Ok(None) };
        let paid = self.telling.due.as_ref().map(|kind| paid_since(self.db, self.vault, code, kind));
        take_paid(&mut document, &paid.transpose()?.unwrap_or_default());
        let transaction = self.by_transaction(&item.from, transaction);
        let Some(wanted) = Wanted::due(&document).filter(|wanted| wanted.is_paid_by(said)) else {
            return Ok(None);
        };
        if self.paid_elsewhere(0, Some(&transaction))? {
            return Ok(None);
        }
        let (correlation, traceparent) = (Correlation::from(item.id.to_string()), None);
        let details = Details { reference: said.reference.clone(), wanted, correlation, traceparent };
        self.db
            .prepare_cached(
                "INSERT INTO payment (dossier, code, peer, asker, unit, message, state, opened_at, by_reference, details)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                dossier,
                code.as_str(),
                item.from.as_str(),
                peer.as_str(),
                unit.as_str(),
                item.id.0,
                State::Open.as_str(),
                item.at.as_millis(),
                self.by_reference(&said.reference),
                self.vault.pack("payment.details", &details)?,
            ])?;
        self.note(dossier, None, item.at, Event::PaymentOpened, &said.reference)?;
        self.payment(&said.reference, "peer", &item.from)
    }

    /// The dossier that is spoken of, if there is one: whatever becomes of the money, its timeline tells.
    pub(super) fn spoken_of(&self, said: &Said) -> Result<Option<i64>, StoreError> {
        Ok(self.due(said)?.map(|due| due.dossier))
    }

    fn due(&self, said: &Said) -> Result<Option<Due>, StoreError> {
        let (Some(code), Some(kind)) = (&said.dossier, &self.telling.due) else { return Ok(None) };
        let mut statement = self.db.prepare_cached(
            "SELECT id FROM dossier WHERE code = ?1 UNION SELECT dossier FROM alias WHERE code = ?1",
        )?;
        let dossiers = statement.query_map([code.as_str()], |row| row.get(0))?;
        let dossiers: Vec<i64> = dossiers.collect::<Result<_, _>>()?;
        // Of several that somebody calls so, nobody can say whose money it is.
        let [dossier] = dossiers.as_slice() else { return Ok(None) };
        let found = self
            .db
            .prepare_cached(
                "SELECT peer, unit, document FROM message WHERE dossier = ?1 AND kind = ?2 AND state = 'accepted'
                   AND document IS NOT NULL ORDER BY seq DESC LIMIT 1",
            )?
            .query_row(params![dossier, kind.as_str()], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Vec<u8>>(2)?))
            })
            .optional()?;
        let Some((peer, unit, sealed)) = found else { return Ok(None) };
        let document = self.vault.lower(self.vault.open("document", &sealed)?)?;
        Ok(Some(Due { dossier: *dossier, peer: peer.into(), unit: unit.into(), document }))
    }
}
