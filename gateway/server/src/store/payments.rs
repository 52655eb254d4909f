//! Payments on disk: what is to be paid, from before its provider hears of it, and what a provider's word does to it.
//!
//! A payment is a row before its provider is called, so no confirmation can come of one that nobody knows, and what a restart finds open
//! is asked about again. Whether a word counts is the core's to say; it is asked in the transaction that writes what follows, and what is
//! told of it is a message of our own in that same transaction. So nobody is told twice, or of what was not written. What does not count
//! is journaled as refused and stands in the timeline, because somebody's money may be under way.

use gateway_core::dossier::DossierCode;
use gateway_core::ids::{Correlation, MessageId, Moment, PeerName, Unit};
use gateway_core::payment::{self, Known, Outcome, Refusal, Ruling, Said, State, Wanted};
use gateway_core::pipeline::Admission;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, params};
use serde::{Deserialize, Serialize};

use super::Store;
use super::carriage::{Carriage, DueItem, NewPayment, News, OpenItem, PaymentId};
use super::claims::Vault;
use super::error::StoreError;
use super::event::Event;
use super::prepare::{Prepared, PreparedContent};
use super::repeats::Before;
use super::tell::Origin;
use super::types::Admitted;
use super::writer::Writing;

/// What stands sealed in a payment's row.
#[derive(Serialize, Deserialize)]
pub(super) struct Details {
    pub(super) reference: String,
    pub(super) wanted: Wanted,
    pub(super) correlation: Correlation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) traceparent: Option<String>,
}

/// A payment as its row says.
pub(super) struct Payment {
    id: i64,
    dossier: i64,
    code: String,
    peer: PeerName,
    unit: Unit,
    state: State,
    confirmed: Option<MessageId>,
    by_transaction: Option<Vec<u8>>,
    details: Details,
}

const PAYMENT: &str = "id, dossier, code, peer, unit, state, confirmed, by_transaction, details";

impl Store {
    /// Begins a payment. When this has come back its provider may hear of it.
    pub async fn open_payment(&self, payment: NewPayment) -> Result<PaymentId, StoreError> {
        self.run(move |writing| writing.open_payment(&payment)).await
    }

    /// Its provider has said that it will not take it: nobody asks about it any more. Should money come all the same, it counts.
    pub async fn leave_payment(&self, payment: PaymentId) -> Result<(), StoreError> {
        self.run(move |writing| writing.leave_payment(payment.0)).await
    }
}

/// When the next payment at a provider is to be asked about.
pub(super) fn next_at(db: &Connection, peer: &PeerName) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT min(next_poll_at) FROM payment WHERE peer = ?1 AND next_poll_at IS NOT NULL";
    Ok(db.prepare_cached(sql)?.query_row([peer.as_str()], |row| row.get(0))?)
}

/// The payments that are to be asked about now, by their references.
pub(super) fn due(
    db: &Connection,
    vault: &Vault,
    peer: &PeerName,
    now: Moment,
    limit: usize,
) -> Result<Vec<DueItem>, StoreError> {
    let sql = "SELECT id, details FROM payment WHERE peer = ?1 AND next_poll_at <= ?2 ORDER BY next_poll_at LIMIT ?3";
    let mut statement = db.prepare_cached(sql)?;
    let mut rows = statement.query(params![peer.as_str(), now.as_millis(), limit as i64])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        let details: Details = vault.open("payment.details", &row.get::<_, Vec<u8>>(1)?)?;
        due.push(DueItem { item: OpenItem::Payment(PaymentId(row.get(0)?)), name: details.reference });
    }
    Ok(due)
}

impl Writing<'_> {
    fn open_payment(&self, new: &NewPayment) -> Result<PaymentId, StoreError> {
        let dossier = self.dossier(&new.dossier, &new.from, new.at)?.id;
        let details = Details {
            reference: new.reference.clone(),
            wanted: new.wanted.clone(),
            correlation: new.correlation.clone(),
            traceparent: new.traceparent.clone(),
        };
        let asked = self.telling.asked_by_item.contains(&new.provider);
        let next = payment::ask_again_ms(new.at, new.at).filter(|_| asked);
        self.db
            .prepare_cached(
                "INSERT INTO payment (dossier, code, peer, asker, unit, message, state, opened_at, next_poll_at,
                   by_reference, details)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                dossier,
                new.dossier.as_str(),
                new.provider.as_str(),
                new.from.as_str(),
                new.unit.as_str(),
                new.message.0,
                State::Open.as_str(),
                new.at.as_millis(),
                next.map(|pause| new.at.plus_millis(pause).as_millis()),
                self.by_reference(&new.reference),
                self.vault.pack("payment.details", &details)?,
            ])?;
        let id = PaymentId(self.db.last_insert_rowid());
        self.note(dossier, None, new.at, Event::PaymentOpened, &new.reference)?;
        Ok(id)
    }

    fn leave_payment(&self, id: i64) -> Result<(), StoreError> {
        self.db.prepare_cached("UPDATE payment SET next_poll_at = NULL WHERE id = ?1")?.execute([id])?;
        Ok(())
    }

    /// It was asked about, and is asked about again after a while, or no more.
    pub(super) fn asked_about_payment(&self, id: PaymentId, at: Moment) -> Result<(), StoreError> {
        let sql = "SELECT opened_at, state FROM payment WHERE id = ?1 AND next_poll_at IS NOT NULL";
        let read = |row: &SqlRow| Ok((row.get(0).map(Moment::from_millis)?, row.get::<_, String>(1)?));
        let Some((opened, state)) = self.db.prepare_cached(sql)?.query_row([id.0], read).optional()? else {
            return Ok(());
        };
        let open = State::parse(&state) != Some(State::Paid);
        let next = payment::ask_again_ms(opened, at).filter(|_| open);
        self.db
            .prepare_cached("UPDATE payment SET next_poll_at = ?2 WHERE id = ?1")?
            .execute(params![id.0, next.map(|pause| at.plus_millis(pause).as_millis())])?;
        Ok(())
    }

    /// Admits what is about a payment; none if the item is about anything else.
    pub(super) fn admit_of_payment(&self, item: &Prepared) -> Result<Option<Admitted>, StoreError> {
        match (&item.carriage, &item.content) {
            (Some(Carriage::Paid { said, pulled }), Some(content)) => {
                self.observe_payment(item, content, said, *pulled).map(Some)
            }
            (Some(Carriage::TakenBack { reference }), Some(content)) => {
                self.cancel_payment(item, content, reference).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Takes what a provider told.
    fn observe_payment(
        &self,
        item: &Prepared,
        content: &PreparedContent,
        said: &Said,
        pulled: bool,
    ) -> Result<Admitted, StoreError> {
        let payment = match self.payment(&said.reference, "peer", &item.from)? {
            None if !pulled => self.pay_due(item, said)?,
            known => known,
        };
        let transaction = said.transaction.as_ref().map(|number| self.by_transaction(&item.from, number));
        let known = match &payment {
            None => None,
            Some(payment) => Some(Known {
                state: payment.state,
                wanted: &payment.details.wanted,
                by_this: transaction.is_some() && payment.by_transaction == transaction,
                elsewhere: self.paid_elsewhere(payment.id, transaction.as_deref())?,
            }),
        };
        let ruling = payment::judge(known, said);
        tracing::debug!(event = "payment-judged", peer = %item.from, ?ruling);
        let dossier = match &payment {
            Some(payment) => Some(payment.dossier),
            None => self.spoken_of(said)?,
        };
        match (ruling, payment) {
            (Ruling::Refuse(refusal), payment) => {
                self.refuse_payment(item, dossier, refusal, pulled, &said.reference)?;
                // A person has been told; what the provider says, it would say again each time.
                if let Some(payment) = payment.filter(|_| pulled) {
                    self.leave_payment(payment.id)?;
                }
                Ok(refused(item, refusal))
            }
            (Ruling::Confirm, Some(payment)) => {
                let message = self.accept(item, content, dossier)?;
                self.db
                    .prepare_cached(
                        "UPDATE payment SET state = ?2, confirmed = ?3, by_transaction = ?4, next_poll_at = NULL
                         WHERE id = ?1",
                    )?
                    .execute(params![payment.id, State::Paid.as_str(), item.id.0, transaction])?;
                self.db
                    .prepare_cached("UPDATE message SET code = ?2 WHERE seq = ?1")?
                    .execute(params![message, payment.code])?;
                self.note(payment.dossier, None, item.at, Event::PaymentPaid, &said.reference)?;
                let mut news = self.tell_of_payment(&payment, said, item.at)?;
                let deliveries = std::mem::take(&mut news.queued);
                Ok(Admitted { id: item.id, admission: Some(Admission::News), deliveries, news })
            }
            (Ruling::Again, Some(Payment { confirmed: Some(of), .. })) => {
                // That an answer says what a call has said before is nothing that happened.
                if !pulled {
                    self.journal(item, dossier, "duplicate", Some(of), None)?;
                }
                Ok(repeated(item, of))
            }
            (Ruling::Note | Ruling::Again | Ruling::Confirm, _) => {
                self.note_payment(item, content, dossier, said, pulled)
            }
        }
    }

    /// A try that failed, or nothing yet: kept once, and nothing follows.
    fn note_payment(
        &self,
        item: &Prepared,
        content: &PreparedContent,
        dossier: Option<i64>,
        said: &Said,
        pulled: bool,
    ) -> Result<Admitted, StoreError> {
        let admission = self.decide(item, Before::Of(dossier))?;
        match (admission, dossier) {
            (
                Admission::Duplicate { of } | Admission::LateRepeat { of } | Admission::Conflict { with: of },
                _,
            ) => {
                if !pulled {
                    self.journal(item, dossier, "duplicate", Some(of), None)?;
                }
                Ok(repeated(item, of))
            }
            (Admission::News, Some(dossier)) => {
                self.accept(item, content, Some(dossier))?;
                if said.outcome == Outcome::Failed {
                    self.note(dossier, None, item.at, Event::PaymentFailed, &said.reference)?;
                }
                Ok(Admitted {
                    id: item.id,
                    admission: Some(admission),
                    deliveries: Vec::new(),
                    news: News::default(),
                })
            }
            (Admission::News, None) => Ok(refused(item, Refusal::Unknown)),
        }
    }

    /// Takes a payment back: whoever asked for it wants it no more. Money that comes all the same is refused and a person told.
    fn cancel_payment(
        &self,
        item: &Prepared,
        content: &PreparedContent,
        reference: &str,
    ) -> Result<Admitted, StoreError> {
        let payment = self.payment(reference, "asker", &item.from)?;
        let speaks_of =
            |payment: &Payment| item.dossier.as_ref().map(DossierCode::as_str) == Some(&payment.code);
        let (refusal, dossier) = match payment.filter(speaks_of) {
            None => (Refusal::Unknown, None),
            Some(payment) => match (payment.state, payment.confirmed) {
                (State::Paid, _) => (Refusal::Paid, Some(payment.dossier)),
                (State::Cancelled, Some(of)) => {
                    self.journal(item, Some(payment.dossier), "duplicate", Some(of), None)?;
                    return Ok(repeated(item, of));
                }
                (State::Cancelled | State::Open, _) => {
                    self.accept(item, content, Some(payment.dossier))?;
                    self.db
                        .prepare_cached("UPDATE payment SET state = ?2, confirmed = ?3 WHERE id = ?1")?
                        .execute(params![payment.id, State::Cancelled.as_str(), item.id.0])?;
                    self.note(payment.dossier, None, item.at, Event::PaymentCancelled, reference)?;
                    return Ok(Admitted {
                        id: item.id,
                        admission: Some(Admission::News),
                        deliveries: Vec::new(),
                        news: News::default(),
                    });
                }
            },
        };
        self.journal(item, dossier, "refused", None, Some(refusal.code()))?;
        // Nobody's money hangs on it, so nobody has to look: whoever asked is told.
        Ok(refused(item, refusal))
    }

    fn refuse_payment(
        &self,
        item: &Prepared,
        dossier: Option<i64>,
        refusal: Refusal,
        pulled: bool,
        reference: &str,
    ) -> Result<(), StoreError> {
        if pulled && self.is_refused(item, dossier)? {
            return Ok(());
        }
        self.journal(item, dossier, "refused", None, Some(refusal.code()))?;
        match dossier {
            Some(dossier) => {
                let detail = format!("{reference} {}", refusal.code());
                self.note(dossier, None, item.at, Event::PaymentAlert, &detail)
            }
            None => Ok(()),
        }
    }

    fn tell_of_payment(&self, payment: &Payment, said: &Said, at: Moment) -> Result<News, StoreError> {
        let Some(receivers) = &self.telling.payments else { return Ok(News::default()) };
        let details = &payment.details;
        let document = payment::told(&payment.code, payment.peer.as_str(), &details.wanted, said, at);
        let origin = Origin {
            peer: &payment.peer,
            unit: &payment.unit,
            dossier: payment.dossier,
            code: &payment.code,
            correlation: &details.correlation,
            traceparent: details.traceparent.as_deref(),
            after: format!("payment {}", payment.id),
        };
        self.say(&origin, receivers, None, document, at)
    }

    /// The payment of this reference at, or of, this peer.
    pub(super) fn payment(
        &self,
        reference: &str,
        whose: &str,
        peer: &PeerName,
    ) -> Result<Option<Payment>, StoreError> {
        let sql = format!("SELECT {PAYMENT} FROM payment WHERE by_reference = ?1 AND {whose} = ?2 LIMIT 1");
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![self.by_reference(reference), peer.as_str()])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let state: String = row.get(5)?;
        let damaged = || StoreError::Corrupt("a payment has no known state".to_owned());
        Ok(Some(Payment {
            id: row.get(0)?,
            dossier: row.get(1)?,
            code: row.get(2)?,
            peer: PeerName::from(row.get::<_, String>(3)?),
            unit: Unit::from(row.get::<_, String>(4)?),
            state: State::parse(&state).ok_or_else(damaged)?,
            confirmed: row.get::<_, Option<_>>(6)?.map(MessageId),
            by_transaction: row.get(7)?,
            details: self.vault.open("payment.details", &row.get::<_, Vec<u8>>(8)?)?,
        }))
    }

    pub(super) fn paid_elsewhere(
        &self,
        payment: i64,
        transaction: Option<&[u8]>,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM payment WHERE by_transaction = ?1 AND id <> ?2)";
        Ok(self.db.prepare_cached(sql)?.query_row(params![transaction, payment], |row| row.get(0))?)
    }

    pub(super) fn by_reference(&self, reference: &str) -> Vec<u8> {
        self.vault.digests.key("payment", &format!("reference {reference}"))
    }

    pub(super) fn by_transaction(&self, provider: &PeerName, transaction: &str) -> Vec<u8> {
        self.vault.digests.key(provider.as_str(), &format!("transaction {transaction}"))
    }
}

fn refused(item: &Prepared, refusal: Refusal) -> Admitted {
    let news = News { refused: Some(refusal), ..News::default() };
    Admitted { id: item.id, admission: None, deliveries: Vec::new(), news }
}

fn repeated(item: &Prepared, of: MessageId) -> Admitted {
    let admission = Some(Admission::Duplicate { of });
    Admitted { id: item.id, admission, deliveries: Vec::new(), news: News::default() }
}
