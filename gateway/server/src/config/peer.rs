//! A counterpart, as configured: where it is, how it is talked to, its secrets by the names of their files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gateway_core::licence::Purpose;
use serde::Deserialize;

use super::door::Door;
use super::{Bounded, CONNECTIONS_MAX, DAY_MS, SecretSource};
use crate::store::{OnLive, Why};

/// Whether anything is sent to a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As it comes.
    #[default]
    Live,
    /// Nothing: what comes for it is kept.
    Hold,
    /// Nothing: what comes for it is translated, checked and kept.
    Shadow,
}

impl Mode {
    /// Why nothing is sent; none if something is.
    pub fn why(self) -> Option<Why> {
        match self {
            Mode::Live => None,
            Mode::Hold => Some(Why::Hold),
            Mode::Shadow => Some(Why::Shadow),
        }
    }
}

/// A counterpart.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The family of its wire languages: `onestop`, `portal`.
    pub adapter: String,
    /// Its wire language; a family with one needs none.
    #[serde(default)]
    pub dialect: String,
    /// The agency that its messages travel for where they do not say.
    #[serde(default)]
    pub unit: Option<String>,
    /// Where its calls go: base addresses by endpoint name, `portal = "http://10.0.0.2:8080"`.
    #[serde(default)]
    pub endpoints: BTreeMap<String, String>,
    /// Whether anything is sent to it: `live`, `hold` or `shadow`.
    #[serde(default)]
    pub mode: Mode,
    /// What becomes of what was kept when it goes live: `send` or `discard`. A peer in `shadow` must say it.
    #[serde(default)]
    pub on_live: Option<OnLive>,
    /// The authority that signed the peer's certificate, in PEM; needed with https, because no authority is trusted by itself.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Our certificate for this peer and those between it and its authority, in PEM. Read again when it changes.
    #[serde(default)]
    pub client_certificate_file: Option<PathBuf>,
    /// Its private key, in PEM.
    #[serde(default)]
    pub client_key_file: Option<PathBuf>,
    /// Its addresses come from outside: calls leave for public addresses only, and for what `gateway.destinations` opens.
    #[serde(default)]
    pub guarded: bool,
    /// The address under which this peer reaches our door, without a slash at its end: addresses of files that it is told become
    /// ours, `<public_url>/downloadfile/<id>`. Without it they go through as they are.
    #[serde(default)]
    pub public_url: Option<String>,
    /// Hosts, with a port if it is not the usual one, that this peer's addresses of files may name: others ask us for these files,
    /// and we ask there. An address at any other host goes through as it is.
    #[serde(default)]
    pub file_hosts: Vec<String>,
    /// How it may come in.
    #[serde(default)]
    pub door: Door,
    /// An inbound call is answered after at most so long with the peer's real verdict; 0 answers once it is on disk.
    #[serde(default)]
    pub answer_wait_ms: u64,
    /// Only messages of these units are sent to this peer; empty means all.
    #[serde(default)]
    pub units: Vec<String>,
    /// Only these kinds are sent to this peer; empty means all its channels take.
    #[serde(default)]
    pub receives: Vec<String>,
    /// Which code list stands in for which: `"onestop/status" = "onestop/status-opencps"`.
    #[serde(default)]
    pub codes: BTreeMap<String, String>,
    /// What is done with a call whose effect counts once and whose outcome nobody can find out, by status: `repeat` or `ask`.
    #[serde(default)]
    pub in_doubt: BTreeMap<String, InDoubt>,
    /// No connection after so long: not sent.
    #[serde(default = "connect_ms_max")]
    pub connect_ms_max: u64,
    /// No byte either way for so long, before an answer or in the middle of one: silence.
    #[serde(default = "read_ms_max")]
    pub read_ms_max: u64,
    /// No whole answer after so long, counted from the beginning of the call: silence.
    #[serde(default = "answer_ms_max")]
    pub answer_ms_max: u64,
    /// How long the peer itself may still be working on a call that it did not answer.
    #[serde(default = "processing_ms_max")]
    pub processing_ms_max: u64,
    /// Never more calls at once than this.
    #[serde(default = "concurrency_max")]
    pub concurrency_max: usize,
    /// This system signs its officers in itself, and its word for who asks is believed (and recorded as asserted).
    #[serde(default)]
    pub may_assert_officers: bool,
    /// The units on whose behalf this system may put identity questions; empty means all, because one software often serves a whole
    /// province, and then the unit is its own word.
    #[serde(default)]
    pub asks_for: Vec<String>,
    /// What an identity question of this system must be about: `dossier`, or `procedure` where its software knows no dossier yet.
    #[serde(default)]
    pub purpose: Purpose,
    /// The dialect's own settings.
    #[serde(default)]
    pub settings: toml::Table,
    /// Secrets by name, from files or the environment.
    #[serde(default)]
    pub keys: BTreeMap<String, SecretSource>,
}

fn connect_ms_max() -> u64 {
    5_000
}
fn read_ms_max() -> u64 {
    30_000
}
fn answer_ms_max() -> u64 {
    60_000
}
fn processing_ms_max() -> u64 {
    120_000
}
fn concurrency_max() -> usize {
    16
}

/// What is done when nobody can find out whether a call took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InDoubt {
    /// Send it again; the timeline says that it may be doubled.
    Repeat,
    /// Wait for an operator.
    Ask,
}

/// An answer to a caller is held back no longer: its own software gives up before.
const ANSWER_WAIT_MS_MAX: u64 = 10 * 60 * 1000;

impl Peer {
    /// What it speaks, for people: its dialect, or its family where that has only one.
    pub(crate) fn speaks(&self) -> &str {
        if self.dialect.is_empty() { &self.adapter } else { &self.dialect }
    }

    /// What is wrong with the mode it is in: field and words.
    pub(super) fn wrong_mode(&self) -> Option<(&'static str, &'static str)> {
        if self.mode != Mode::Live && self.endpoints.is_empty() {
            return Some(("mode", "has no meaning without `endpoints`: nothing is sent to this peer anyway"));
        }
        (self.mode == Mode::Shadow && self.on_live.is_none()).then_some((
            "on_live",
            "a peer in the shadow is told by another way meanwhile: say what becomes of what was kept when it goes live, \
             \"discard\" if the other way told the peer all of it, \"send\" if not",
        ))
    }

    pub(super) fn numbers(&self) -> [Bounded; 6] {
        [
            ("answer_wait_ms", self.answer_wait_ms, (0, ANSWER_WAIT_MS_MAX)),
            ("connect_ms_max", self.connect_ms_max, (1, DAY_MS)),
            ("read_ms_max", self.read_ms_max, (1, DAY_MS)),
            ("answer_ms_max", self.answer_ms_max, (1, DAY_MS)),
            ("processing_ms_max", self.processing_ms_max, (0, DAY_MS)),
            ("concurrency_max", self.concurrency_max as u64, (1, CONNECTIONS_MAX)),
        ]
    }
}
