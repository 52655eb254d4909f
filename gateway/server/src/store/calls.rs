//! The call journal read back: which calls of a delivery still say something, and what each of them said.
//!
//! A call that is the same as an earlier one of its delivery names that row instead of keeping its body once more: an outage of
//! a day is some 1,400 probes, and each of them would keep the whole dossier. Such a row always names one that has the body,
//! so one look leads there, and a row with its body is never removed before the delivery itself.

use std::collections::HashMap;

use gateway_core::adapter::{Answer, Request};
use gateway_core::ids::Moment;
use gateway_core::pipeline::DeliveryId;
use rusqlite::{Connection, OptionalExtension as _};
use serde::{Deserialize, Serialize};

use super::claims::Vault;
use super::error::StoreError;
use super::types::{ExchangeId, Kept};

pub(super) const PURPOSE: &str = "exchange.request";

/// What stands sealed in `exchange.request`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Said {
    /// The same as this row.
    Again { same_as: i64 },
    /// This.
    Anew(Box<Request>),
}

/// Opens the calls of one delivery; remembers those that others name.
#[derive(Default)]
pub(super) struct Calls(HashMap<i64, Request>);

impl Calls {
    /// What the call of a row said, and which row has its body.
    pub(super) fn open(
        &mut self,
        db: &Connection,
        vault: &Vault,
        id: i64,
        sealed: &[u8],
    ) -> Result<(i64, Request), StoreError> {
        match vault.open(PURPOSE, sealed)? {
            Said::Anew(request) => {
                self.0.insert(id, (*request).clone());
                Ok((id, *request))
            }
            Said::Again { same_as } => Ok((same_as, self.named(db, vault, same_as)?)),
        }
    }

    fn named(&mut self, db: &Connection, vault: &Vault, id: i64) -> Result<Request, StoreError> {
        if let Some(request) = self.0.get(&id) {
            return Ok(request.clone());
        }
        let sealed: Vec<u8> = db
            .prepare_cached("SELECT request FROM exchange WHERE id = ?1")?
            .query_row([id], |row| row.get(0))?;
        let Said::Anew(request) = vault.open(PURPOSE, &sealed)? else {
            return Err(StoreError::Corrupt("a call names one that names another".to_owned()));
        };
        self.0.insert(id, (*request).clone());
        Ok(*request)
    }
}

/// The calls that still say something: a struck one that could be repeated only tells of an outage, in the timeline. Weeks of
/// probes must not make an attempt slower and larger each time.
pub(super) fn exchanges(db: &Connection, vault: &Vault, id: DeliveryId) -> Result<Vec<Kept>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id, called_at, answered_at, struck_at, request, answer, reason FROM exchange
         WHERE delivery = ?1 AND (struck_at IS NULL OR once = 1) ORDER BY id",
    )?;
    let mut rows = statement.query([id.0])?;
    let (mut kept, mut calls) = (Vec::new(), Calls::default());
    while let Some(row) = rows.next()? {
        let (_, request) = calls.open(db, vault, row.get(0)?, row.get_ref(4)?.as_blob().unwrap_or(&[]))?;
        let answer: Option<Answer> = row
            .get::<_, Option<Vec<u8>>>(5)?
            .map(|sealed| vault.open("exchange.answer", &sealed))
            .transpose()?;
        let reason: Option<String> = row
            .get::<_, Option<Vec<u8>>>(6)?
            .map(|sealed| vault.open("exchange.reason", &sealed))
            .transpose()?;
        kept.push(Kept {
            id: ExchangeId(row.get(0)?),
            request,
            called_at: Moment::from_millis(row.get(1)?),
            answer,
            answered_at: row.get::<_, Option<i64>>(2)?.map(Moment::from_millis),
            struck: row.get::<_, Option<i64>>(3)?.map(|_| reason.unwrap_or_default()),
        });
    }
    Ok(kept)
}

/// What the latest call of a delivery said, and the row that has its body: the next one may be the same.
pub(super) fn latest(
    db: &Connection,
    vault: &Vault,
    id: DeliveryId,
) -> Result<Option<(ExchangeId, Request)>, StoreError> {
    let last: Option<(i64, Vec<u8>)> = db
        .prepare_cached("SELECT id, request FROM exchange WHERE delivery = ?1 ORDER BY id DESC LIMIT 1")?
        .query_row([id.0], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((row, sealed)) = last else { return Ok(None) };
    let (row, request) = Calls::default().open(db, vault, row, &sealed)?;
    Ok(Some((ExchangeId(row), request)))
}
