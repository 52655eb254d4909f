//! The audit trail of identity questions: who asked, for which procedure and dossier, and how it ended. Append-only and chained.
//!
//! A question's first record is synced before anything leaves ([`Trail::asked`]): no audit, no question. Its end follows in the
//! same order ([`Trail::ended`]), also where the caller hangs up. A crash in between leaves a question without an end, which is the
//! truth. No record holds a name,
//! a birth date or an answer, and a number only as a keyed digest, because twelve digits behind a plain hash are found in
//! minutes; so does whatever a caller writes where a code belongs and that looks like none (`hmac:…`). Beneath it: `chain` (the form of a line, and what a check of all of them finds), `cut` (old months go), `find` (who asked about a number) and
//! `writer` (the thread and its file).

mod chain;
mod cut;
mod find;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use gateway_core::ids::{Correlation, Kind, MessageId, Moment, PeerName, Unit, has_persons_number, hex};
use gateway_core::licence::Officer;
use ring::hmac;
use serde::Serialize;

pub(crate) use chain::files;
pub use chain::{Broken, Checked, verify};
pub use cut::{CUT, cut, month_before};
pub use find::{Found, Search, find};
pub use writer::CannotWrite;

use self::writer::Writer;
use crate::store::{Seal, SealKey};

/// The keys of the trail, both from the sealing key: who can rewrite the files still cannot make its checkpoints.
#[derive(Clone)]
pub struct AuditKeys {
    numbers: hmac::Key,
    checkpoints: hmac::Key,
}

impl AuditKeys {
    /// From the current sealing key.
    pub fn derive(current: &SealKey) -> Self {
        let key = |purpose: &str| hmac::Key::new(hmac::HMAC_SHA256, &Seal::derive(current, purpose));
        AuditKeys { numbers: key("audit-numbers"), checkpoints: key("audit-checkpoints") }
    }

    /// A citizen's number as the trail knows it: for searching, not for reading.
    pub fn number(&self, number: &str) -> [u8; 16] {
        let tag = hmac::sign(&self.numbers, number.trim().as_bytes());
        let mut digest = [0; 16];
        digest.copy_from_slice(&tag.as_ref()[..16]);
        digest
    }

    /// What a caller wrote where a code belongs, as the trail may show it: as it is if it looks like a code, else as a digest, because
    /// it may be a name or a number of a person.
    fn code(&self, text: &str) -> String {
        match text.bytes().all(|b| b.is_ascii_graphic()) && !has_persons_number(text) {
            true => text.to_owned(),
            false => self.digest(text),
        }
    }

    /// An officer as trail and log may show it: by name, but not by the officer's own identity number, which is a code at some databases.
    pub fn officer(&self, name: &str) -> String {
        if has_persons_number(name) { self.digest(name) } else { name.to_owned() }
    }

    fn digest(&self, text: &str) -> String {
        format!("hmac:{}", hex(&self.number(text)))
    }

    fn cut(&self, seq: u64, head: &str) -> String {
        hex(hmac::sign(&self.checkpoints, format!("cut:{seq}:{head}").as_bytes()).as_ref())
    }

    fn checkpoint(&self, seq: u64, head: &str) -> String {
        hex(hmac::sign(&self.checkpoints, format!("{seq}:{head}").as_bytes()).as_ref())
    }
}

/// What is written of a question before it leaves.
#[derive(Debug, Clone)]
pub struct Asked<'a> {
    /// Our id for the question.
    pub question: MessageId,
    /// One id through all lines of the log.
    pub correlation: &'a Correlation,
    /// The system that asked.
    pub from: &'a PeerName,
    /// On whose behalf.
    pub unit: &'a Unit,
    /// Who asked, and how we know.
    pub officer: &'a Officer,
    /// The code that the peer is told of the officer, where the caller gave one beside the name.
    pub officer_code: Option<&'a str>,
    /// The administrative procedure.
    pub procedure: &'a str,
    /// The dossier; none where a procedure is purpose enough.
    pub dossier: Option<&'a str>,
    /// The operation.
    pub operation: &'a Kind,
    /// The integration code.
    pub code: Option<&'a str>,
    /// Who was asked.
    pub to: &'a PeerName,
    /// In which profile.
    pub profile: &'a str,
    /// The numbers asked for, each as [`AuditKeys::number`] makes it: a citizen may be named by a new and an old one.
    pub numbers: &'a [[u8; 16]],
}

/// How a question ended.
#[derive(Debug, Clone)]
pub struct Ended<'a> {
    /// Our id for the question.
    pub question: MessageId,
    /// `found`, `not-found`, `match`, `no-match`, or the fault's code.
    pub outcome: &'a str,
    /// From the question to its end.
    pub duration_ms: u64,
    /// Calls made: a lost connection is tried once more.
    pub calls: u32,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Record<'a> {
    Opened,
    /// The trail is a backup's from here on: what was written in these hours stands elsewhere.
    Restored {
        missing_from: String,
        missing_until: String,
    },
    /// The line before this one was cut off by a crash: so many bytes of it are there, and nobody was told that it was written.
    Recovered {
        torn_bytes: u64,
    },
    Asked {
        question: String,
        correlation: &'a str,
        from: &'a str,
        unit: &'a str,
        officer: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        officer_code: Option<&'a str>,
        officer_shown: &'a str,
        procedure: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        dossier: Option<&'a str>,
        without_dossier: bool,
        operation: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'a str>,
        to: &'a str,
        profile: &'a str,
        number: &'a str,
        #[serde(skip_serializing_if = "<[String]>::is_empty")]
        further_numbers: &'a [String],
    },
    Ended {
        question: String,
        outcome: &'a str,
        duration_ms: u64,
        calls: u32,
    },
    Checkpoint {
        mac: String,
    },
}

/// The trail of this node.
pub struct Trail {
    writer: Writer,
    keys: AuditKeys,
    ill: AtomicBool,
}

impl Trail {
    /// Opens the folder and goes on where the chain ends.
    pub fn open(folder: &Path, keys: AuditKeys, at: Moment) -> Result<Self, CannotWrite> {
        let writer = Writer::open(folder, keys.clone(), at)?;
        Ok(Trail { writer, keys, ill: AtomicBool::new(false) })
    }

    /// The keys of the trail.
    pub fn keys(&self) -> &AuditKeys {
        &self.keys
    }

    /// Is the trail writable, as far as the last record told?
    pub fn is_well(&self) -> bool {
        !self.ill.load(Ordering::Relaxed)
    }

    /// Writes down that a question is about to leave. Returns when it is on disk; without that it must not leave.
    pub async fn asked(&self, asked: &Asked<'_>, at: Moment) -> Result<(), CannotWrite> {
        let officer_code = asked.officer_code.map(|code| self.keys.officer(code));
        let dossier = asked.dossier.map(|code| self.keys.code(code));
        let numbers: Vec<String> = asked.numbers.iter().map(|number| hex(number)).collect();
        let (number, further_numbers) =
            numbers.split_first().map_or(("", &[][..]), |(first, further)| (first, further));
        let record = Record::Asked {
            question: asked.question.to_string(),
            correlation: asked.correlation.as_str(),
            from: asked.from.as_str(),
            unit: asked.unit.as_str(),
            officer: &self.keys.officer(&asked.officer.name),
            officer_code: officer_code.as_deref(),
            officer_shown: asked.officer.shown.word(),
            procedure: &self.keys.code(asked.procedure),
            dossier: dossier.as_deref(),
            without_dossier: asked.dossier.is_none(),
            operation: asked.operation.as_str(),
            code: asked.code,
            to: asked.to.as_str(),
            profile: asked.profile,
            number,
            further_numbers,
        };
        let written = self.writer.write(&record, at).await;
        self.ill.store(written.is_err(), Ordering::Relaxed);
        written
    }

    /// Writes down that the trail goes on from a restored backup.
    pub async fn restored(&self, from: Moment, until: Moment) -> Result<(), CannotWrite> {
        let (missing_from, missing_until) = (from.to_string(), until.to_string());
        self.writer.write(&Record::Restored { missing_from, missing_until }, until).await
    }

    /// Writes down how it ended. Nobody waits for it: the question itself is on disk.
    pub fn ended(&self, ended: &Ended<'_>, at: Moment) {
        let record = Record::Ended {
            question: ended.question.to_string(),
            outcome: ended.outcome,
            duration_ms: ended.duration_ms,
            calls: ended.calls,
        };
        self.writer.write_later(&record, at);
    }

    /// When the chain's head last went into the log; once a day at least, as long as the trail can be written.
    pub fn head_at(&self) -> Moment {
        self.writer.head_at()
    }

    /// Tells the time to a trail that nobody writes into: on each new day its head goes into trail and log.
    pub async fn day(&self, at: Moment) {
        self.writer.day(at).await;
    }

    /// Ends when everything given so far is on disk.
    pub async fn close(&self) {
        self.writer.close().await;
    }
}
