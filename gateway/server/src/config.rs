//! The one TOML file: what differs by province. `ops/lienthong.toml` is its commented reference, and a test loads it.
//!
//! Unknown keys are errors that name the nearest key. Secrets never stand in the file: a secret names a file or an environment
//! variable. Everything is checked before anything starts, and all at once.

mod catalogue;
pub mod door;
mod peer;
mod queue;
mod retention;
mod secrets;
mod shipments;
mod unread;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gateway_core::fault::Defect;
use gateway_core::licence::Licence;
use gateway_core::lookup;
use gateway_core::pace::Bounds;
use ipnet::IpNet;
use serde::Deserialize;

pub use self::catalogue::Catalogues;
pub use self::peer::{InDoubt, Mode, Peer};
pub use self::queue::{BrokerTls, CarrierName, Queue};
pub use self::retention::Retention;
pub use self::secrets::SecretSource;
pub use self::shipments::Shipments;

use self::door::Tls;
use self::unread::toml_defect;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The gateway itself.
    #[serde(default)]
    pub gateway: Gateway,
    /// What the door bears.
    #[serde(default)]
    pub limits: Limits,
    /// What carries deliveries to the loops that make them.
    #[serde(default)]
    pub queue: Queue,
    /// Who may ask the population database what; nothing is allowed that no row allows.
    #[serde(default)]
    pub licences: Vec<Licence>,
    /// How fast an officer may ask, and when somebody should look.
    #[serde(default)]
    pub questions: Bounds,
    /// How often a dossier may be looked up with what stands on its receipt.
    #[serde(default)]
    pub lookups: lookup::Bounds,
    /// What carriers carry.
    #[serde(default)]
    pub shipments: Shipments,
    /// The lists that peers publish.
    #[serde(default)]
    pub catalogues: Catalogues,
    /// How long things are kept.
    #[serde(default)]
    pub retention: Retention,
    /// The counterparts.
    #[serde(default)]
    pub peers: BTreeMap<String, Peer>,
}

/// The gateway itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gateway {
    /// Where callers reach us, address and port; empty where only TLS listens.
    pub listen: String,
    /// TLS, beside the plain listener or instead of it.
    pub tls: Option<Tls>,
    /// Networks that calls may leave for, judged by the address that a name stands for; empty means all configured endpoints.
    pub destinations: Vec<String>,
    /// The store, the keys of callers, the admin door.
    pub data: PathBuf,
    /// The sealing key's file; the environment variable `LIENTHONG_SEALING_KEY` wins.
    pub sealing_key_file: PathBuf,
    /// Keys that were current once: what they sealed can still be read.
    pub old_sealing_key_files: Vec<PathBuf>,
    /// Schemas and mappings of this province, taken instead of the built-in ones of the same name.
    pub overlay: PathBuf,
    /// The admin door, a Unix socket; `<data>/admin.sock` if not given.
    pub admin_socket: Option<PathBuf>,
    /// Language of what people read: `vi` or `en`.
    pub lang: String,
    /// An older state that comes again within so many minutes is a late repeat and not news.
    pub repeat_window_minutes: u64,
}

impl Default for Gateway {
    fn default() -> Self {
        Gateway {
            listen: "127.0.0.1:8460".to_owned(),
            tls: None,
            destinations: Vec::new(),
            data: PathBuf::from("/var/lib/lienthong"),
            sealing_key_file: PathBuf::from("/etc/lienthong/sealing.key"),
            old_sealing_key_files: Vec::new(),
            overlay: PathBuf::from("/etc/lienthong"),
            admin_socket: None,
            lang: "vi".to_owned(),
            repeat_window_minutes: 15,
        }
    }
}

impl Gateway {
    /// The admin door's path.
    pub fn admin_socket(&self) -> PathBuf {
        self.admin_socket.clone().unwrap_or_else(|| self.data.join("admin.sock"))
    }

    /// The folder of the audit trail.
    pub fn audit_folder(&self) -> PathBuf {
        self.data.join("audit")
    }

    /// The file of the callers' keys.
    pub fn keys_file(&self) -> PathBuf {
        self.data.join("keys.json")
    }
}

/// What the door bears.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Longer bodies are refused with 413; a channel may set less, never more.
    pub body_bytes_max: usize,
    /// A caller that has not sent its headers after so long is cut off.
    pub headers_ms_max: u64,
    /// A caller that has not sent its body after so long is cut off with 408.
    pub body_ms_max: u64,
    /// A connection on which nothing is asked, or no answer is read, for so long is closed.
    pub idle_ms_max: u64,
    /// More connections wait in the system's queue.
    pub connections_max: usize,
    /// More connections of one address (of IPv6, of one /64) are closed at once.
    pub connections_per_address_max: usize,
    /// A stop waits so long for calls in progress.
    pub drain_ms_max: u64,
    /// The large bodies of all calls in progress hold no more than this; one more is to come again.
    pub bodies_bytes_max: usize,
    /// The files within one call hold no more than this together; they are on the disk and not in memory.
    pub files_bytes_max: u64,
    /// Files that were fetched from others to serve them hold no more than this together; the oldest go.
    pub fetched_bytes_max: u64,
    /// What was fetched longer ago is fetched again.
    pub fetched_minutes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes_max: 8 << 20,
            headers_ms_max: 10_000,
            body_ms_max: 30_000,
            idle_ms_max: 30_000,
            connections_max: 1_000,
            connections_per_address_max: 500,
            drain_ms_max: 20_000,
            bodies_bytes_max: 64 << 20,
            files_bytes_max: 256 << 20,
            fetched_bytes_max: 4 << 30,
            fetched_minutes_max: 60,
        }
    }
}

/// A setting with its value and the least and the most that it may be.
type Bounded = (&'static str, u64, (u64, u64));

/// Nothing waits longer than a day, and sums of times stay far from the end of numbers.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const YEAR_MINUTES: u64 = 366 * 24 * 60;
/// Bodies are held in memory.
const BODY_BYTES_MAX: u64 = 1 << 30;
const BODIES_BYTES_MAX: u64 = 1 << 40;
const CONNECTIONS_MAX: u64 = 100_000;

impl Config {
    fn numbers(&self) -> [Bounded; 12] {
        let Limits { body_bytes_max, headers_ms_max, body_ms_max, idle_ms_max, .. } = self.limits;
        let Limits { connections_max, connections_per_address_max, drain_ms_max, .. } = self.limits;
        let bodies_bytes_max = self.limits.bodies_bytes_max as u64;
        [
            ("gateway.repeat_window_minutes", self.gateway.repeat_window_minutes, (0, YEAR_MINUTES)),
            ("limits.body_bytes_max", body_bytes_max as u64, (1, BODY_BYTES_MAX)),
            ("limits.bodies_bytes_max", bodies_bytes_max, (1, BODIES_BYTES_MAX)),
            ("limits.files_bytes_max", self.limits.files_bytes_max, (1, BODIES_BYTES_MAX)),
            ("limits.fetched_bytes_max", self.limits.fetched_bytes_max, (0, BODIES_BYTES_MAX)),
            ("limits.fetched_minutes_max", self.limits.fetched_minutes_max, (0, YEAR_MINUTES)),
            ("limits.headers_ms_max", headers_ms_max, (1, DAY_MS)),
            ("limits.body_ms_max", body_ms_max, (1, DAY_MS)),
            ("limits.idle_ms_max", idle_ms_max, (1, DAY_MS)),
            ("limits.connections_max", connections_max as u64, (1, CONNECTIONS_MAX)),
            ("limits.connections_per_address_max", connections_per_address_max as u64, (1, CONNECTIONS_MAX)),
            ("limits.drain_ms_max", drain_ms_max, (0, DAY_MS)),
        ]
    }

    /// Reads the file; the defect names file, line and the nearest key.
    pub fn load(path: &Path) -> Result<Config, Vec<Defect>> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Config::parse(&text, &name),
            Err(error) => Err(vec![Defect {
                file: name,
                line: 0,
                field: String::new(),
                message: format!("{error}; `lienthong init` writes one to start from"),
                nearest: None,
            }]),
        }
    }

    /// Reads a text.
    pub fn parse(text: &str, file: &str) -> Result<Config, Vec<Defect>> {
        let config: Config = toml::from_str(text).map_err(|error| vec![toml_defect(text, file, &error)])?;
        let defects = config.examine(file);
        if defects.is_empty() { Ok(config) } else { Err(defects) }
    }

    fn examine(&self, file: &str) -> Vec<Defect> {
        let mut defects = Vec::new();
        let mut wrong = |field: String, message: &str| {
            defects.push(Defect {
                file: file.to_owned(),
                line: 0,
                field,
                message: message.to_owned(),
                nearest: None,
            });
        };
        if !matches!(self.gateway.lang.as_str(), "vi" | "en") {
            wrong("gateway.lang".to_owned(), "must be `vi` or `en`");
        }
        let tls = self.gateway.tls.as_ref();
        door::examine_listeners(&self.gateway.listen, tls, &mut wrong);
        for net in self.gateway.destinations.iter().filter(|net| net.parse::<IpNet>().is_err()) {
            wrong("gateway.destinations".to_owned(), &door::no_network(net));
        }
        let numbers = self.numbers().into_iter().chain(self.queue.numbers()).chain(self.retention.numbers());
        for (key, value, (least, most)) in numbers {
            if !(least..=most).contains(&value) {
                wrong(key.to_owned(), &format!("must be between {least} and {most}"));
            }
        }
        for (row, licence) in self.licences.iter().enumerate() {
            let field = format!("licences[{}]", row + 1);
            if licence.procedures.is_empty() {
                wrong(
                    format!("{field}.procedures"),
                    "a licence is given for some procedures; \"*\" stands for all",
                );
            }
        }
        for (name, peer) in &self.peers {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > 40 || !name.chars().all(plain) {
                wrong(
                    format!("peers.{name}"),
                    "a peer's name is lower-case letters, digits and `-`, at most 40",
                );
            }
            for (endpoint, address) in &peer.endpoints {
                if !address.starts_with("http://") && !address.starts_with("https://") {
                    wrong(
                        format!("peers.{name}.endpoints.{endpoint}"),
                        "must start with http:// or https://",
                    );
                }
            }
            if let Some(address) = &peer.public_url
                && !address.starts_with("http://")
                && !address.starts_with("https://")
            {
                wrong(format!("peers.{name}.public_url"), "must start with http:// or https://");
            }
            for (key, value, (least, most)) in peer.numbers() {
                if !(least..=most).contains(&value) {
                    wrong(format!("peers.{name}.{key}"), &format!("must be between {least} and {most}"));
                }
            }
            if let Some((field, message)) = peer.wrong_mode() {
                wrong(format!("peers.{name}.{field}"), message);
            }
            for (given, missing) in [
                (&peer.client_certificate_file, "client_key_file"),
                (&peer.client_key_file, "client_certificate_file"),
            ] {
                let whole = peer.client_certificate_file.is_some() && peer.client_key_file.is_some();
                if given.is_some() && !whole {
                    wrong(format!("peers.{name}.{missing}"), "a certificate and its key go together");
                }
            }
        }
        self.queue.examine(&mut wrong);
        door::examine_doors(&self.peers, tls.is_some(), &mut wrong);
        defects
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_names_line_and_nearest() {
        let text =
            "[gateway]\nlisten = \"127.0.0.1:1\"\n\n[peers.portal]\nadapter = \"portal\"\nanswer_wait = 5\n";
        let defects = Config::parse(text, "lienthong.toml").unwrap_err();
        assert_eq!(defects[0].line, 6);
        assert_eq!(defects[0].nearest.as_deref(), Some("answer_wait_ms"));
    }

    #[test]
    fn a_peer_of_a_family_with_one_language_is_called_by_its_family() {
        let text = "[peers.p]\nadapter = \"portal\"\n[peers.q]\nadapter = \"onestop\"\ndialect = \"relay\"\n";
        let config = Config::parse(text, "f").unwrap();
        assert!(crate::words::auth_wrong_door(config.peers["p"].speaks()).contains("`portal`"));
        assert!(crate::words::auth_wrong_door(config.peers["q"].speaks()).contains("`relay`"));
    }

    #[test]
    fn all_wrong_values_are_named_at_once() {
        let text = "[gateway]\nlang = \"fr\"\nlisten = \"x\"\n[peers.p]\nadapter = \"portal\"\nconcurrency_max = 0\nendpoints.portal = \"ftp://x\"\n";
        let defects = Config::parse(text, "f").unwrap_err();
        assert_eq!(defects.len(), 4, "{defects:#?}");
    }

    #[test]
    fn no_number_can_overflow_or_stop_the_doors() {
        let most = i64::MAX;
        let text = format!(
            "[gateway]\nrepeat_window_minutes = {most}\n[limits]\nbody_bytes_max = 0\nconnections_max = {most}\n\
             [peers.p]\nadapter = \"portal\"\nanswer_wait_ms = {most}\nprocessing_ms_max = {most}\n"
        );
        let fields: Vec<String> =
            Config::parse(&text, "f").unwrap_err().into_iter().map(|defect| defect.field).collect();
        let wanted = [
            "gateway.repeat_window_minutes",
            "limits.body_bytes_max",
            "limits.connections_max",
            "peers.p.answer_wait_ms",
            "peers.p.processing_ms_max",
        ];
        assert_eq!(fields, wanted);
    }
}
