//! What was published to whom under an address of ours, and what was fetched from others to serve it.
//!
//! An id is a keyed digest of what it stands for and whom it is for: the same each time it is published, not to be guessed, and of no
//! use to anybody else. It is written with the translation that tells it, before the call that does, and goes with its dossier's bodies.
//! What was fetched is a cache: it may go at any time, and is fetched again.

use gateway_core::ids::{Moment, PeerName};
use gateway_core::lift::Ticket;
use rusqlite::{OptionalExtension as _, params};
use serde::{Deserialize, Serialize};

use super::Store;
use super::claims::Vault;
use super::error::StoreError;
use super::writer::Writing;

const PURPOSE: &str = "publication";
const FETCHED: &str = "fetched";

/// What an address of ours stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Behind {
    /// A file that we keep.
    File(Ticket),
    /// An address of this peer's.
    Address {
        /// Whose it is.
        of: PeerName,
        /// The address.
        url: String,
    },
}

/// Something that is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// What is behind it.
    pub behind: Behind,
    /// How whoever gave it called it; may be empty.
    pub name: String,
}

/// An id in an address: 36 characters, as peers of the field expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicId([u8; 16]);

impl PublicId {
    /// Reads it.
    pub fn parse(text: &str) -> Option<PublicId> {
        let groups: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
        if lengths != [8, 4, 4, 4, 12] {
            return None;
        }
        let digits = groups.concat();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u128::from_str_radix(&digits, 16).ok().map(|number| PublicId(number.to_be_bytes()))
    }
}

impl std::fmt::Display for PublicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = gateway_core::ids::hex(&self.0);
        let (a, b, c, d, e) = (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
        write!(f, "{a}-{b}-{c}-{d}-{e}")
    }
}

/// A publication with its content sealed.
pub(super) struct SealedPublication {
    id: PublicId,
    peer: PeerName,
    about: Vec<u8>,
}

pub(super) fn seal(
    vault: &Vault,
    peer: &PeerName,
    published: Vec<Published>,
) -> Result<Vec<SealedPublication>, StoreError> {
    let one = |published: Published| {
        let id = id(vault, peer, &published.behind);
        Ok(SealedPublication { id, peer: peer.clone(), about: vault.pack(PURPOSE, &published)? })
    };
    published.into_iter().map(one).collect()
}

fn id(vault: &Vault, peer: &PeerName, behind: &Behind) -> PublicId {
    let mut id = match behind {
        Behind::File(ticket) => vault.digests.address(&["file", peer.as_str(), &ticket.text()]),
        Behind::Address { of, url } => vault.digests.address(&["address", peer.as_str(), of.as_str(), url]),
    };
    // As RFC 9562 marks ids of a making of one's own.
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    PublicId(id)
}

impl Store {
    /// The id under which something is published to a peer.
    pub fn public_id(&self, peer: &PeerName, behind: &Behind) -> PublicId {
        id(&self.vault, peer, behind)
    }

    /// What was published to this peer under this id.
    pub async fn published(&self, peer: &PeerName, id: PublicId) -> Result<Option<Published>, StoreError> {
        let peer = peer.clone();
        self.read(move |db, vault| {
            let found: Option<Vec<u8>> = db
                .prepare_cached("SELECT about FROM publication WHERE id = ?1 AND peer = ?2 LIMIT 1")?
                .query_row(params![id.0, peer.as_str()], |row| row.get(0))
                .optional()?;
            found.map(|sealed| vault.open(PURPOSE, &sealed)).transpose()
        })
        .await
    }

    /// What was fetched from an address since then.
    pub async fn fetched(
        &self,
        of: &PeerName,
        url: &str,
        since: Moment,
    ) -> Result<Option<Ticket>, StoreError> {
        let address = self.vault.digests.address(&["fetched", of.as_str(), url]);
        self.read(move |db, vault| {
            let found: Option<Vec<u8>> = db
                .prepare_cached("SELECT about FROM fetched WHERE address = ?1 AND at >= ?2")?
                .query_row(params![address, since.as_millis()], |row| row.get(0))
                .optional()?;
            found.map(|sealed| vault.open(FETCHED, &sealed)).transpose()
        })
        .await
    }

    /// Remembers what was fetched; the oldest go, so that all together are no more than so many bytes. Gives how many went. Their
    /// files are swept once they are an hour old.
    pub async fn keep_fetched(
        &self,
        of: &PeerName,
        url: &str,
        file: &Ticket,
        bytes_max: u64,
        at: Moment,
    ) -> Result<usize, StoreError> {
        let address = self.vault.digests.address(&["fetched", of.as_str(), url]);
        let (name, bytes) = (self.vault.digests.file(&file.sha256), file.bytes as i64);
        let about = self.vault.pack(FETCHED, file)?;
        self.run(move |writing| {
            writing
                .db
                .prepare_cached(
                    "INSERT INTO fetched (address, name, bytes, at, about) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (address) DO UPDATE SET name = excluded.name, bytes = excluded.bytes, at = excluded.at,
                       about = excluded.about",
                )?
                .execute(params![address, name, bytes, at.as_millis(), about])?;
            writing.forget_fetched(i64::try_from(bytes_max).unwrap_or(i64::MAX))
        })
        .await
    }
}

impl Writing<'_> {
    /// The oldest that are more than so many bytes together with all that are younger.
    fn forget_fetched(&self, bytes_max: i64) -> Result<usize, StoreError> {
        let gone = self
            .db
            .prepare_cached(
                "DELETE FROM fetched WHERE address IN (SELECT address FROM (
                   SELECT address, sum(bytes) OVER (ORDER BY at DESC, address) AS together FROM fetched)
                 WHERE together > ?1)",
            )?
            .execute([bytes_max])?;
        Ok(gone)
    }

    pub(super) fn publish(
        &self,
        published: &[SealedPublication],
        dossier: i64,
        at: Moment,
    ) -> Result<(), StoreError> {
        for SealedPublication { id, peer, about } in published {
            self.db
                .prepare_cached(
                    "INSERT INTO publication (id, peer, dossier, at, about) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (id, dossier) DO UPDATE SET at = excluded.at, about = excluded.about",
                )?
                .execute(params![id.0, peer.as_str(), dossier, at.as_millis(), about])?;
        }
        Ok(())
    }
}
