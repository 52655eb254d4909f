//! `[queue]`: what carries deliveries, and how a broker is reached.

use std::path::PathBuf;

use serde::Deserialize;

use super::{Bounded, DAY_MS, SecretSource};

/// Which carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CarrierName {
    /// The store's own outbox; nothing else has to run.
    #[default]
    Embedded,
    /// A RabbitMQ broker.
    RabbitMq,
}

/// What carries deliveries; everything but `carrier` is about a broker.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// Which carrier.
    pub carrier: CarrierName,
    /// Stands in the names of the queues; two gateways with stores of their own need two names.
    pub store: String,
    /// Where the broker is.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The virtual host there.
    pub vhost: String,
    /// Who we are there.
    pub user: String,
    /// The password.
    pub password: Option<SecretSource>,
    /// TLS to the broker.
    pub tls: Option<BrokerTls>,
    /// Whether others may publish to `lienthong.in` and listen to `lienthong.events`.
    pub door: bool,
    /// Whether queues are declared by the gateway, or by whoever runs the broker.
    pub declare: bool,
    /// At most so many lanes of a peer are handed over at a time.
    pub lanes_max: usize,
    /// So many messages are on their way to the broker unconfirmed.
    pub window: usize,
    /// A confirm that does not come within this time makes the connection be built anew.
    pub confirm_ms_max: u64,
    /// What was confirmed so long ago and is in no queue is lost, and handed over again.
    pub lost_ms_min: u64,
    /// Seconds between two signs of life on an idle connection.
    pub heartbeat_seconds: u16,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            carrier: CarrierName::Embedded,
            store: "lienthong".to_owned(),
            host: "127.0.0.1".to_owned(),
            port: 5672,
            vhost: "/".to_owned(),
            user: "lienthong".to_owned(),
            password: None,
            tls: None,
            door: false,
            declare: true,
            lanes_max: 1_000,
            window: 100,
            confirm_ms_max: 5_000,
            lost_ms_min: 30_000,
            heartbeat_seconds: 10,
        }
    }
}

/// TLS to the broker: whom we trust, and who we are.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerTls {
    /// The authority that signed the broker's certificate.
    pub ca_file: PathBuf,
    /// Our certificate, with those between it and its authority.
    #[serde(default)]
    pub certificate_file: Option<PathBuf>,
    /// Its key.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
}

impl Queue {
    pub(super) fn numbers(&self) -> [Bounded; 5] {
        [
            ("queue.lanes_max", self.lanes_max as u64, (1, 10_000)),
            ("queue.window", self.window as u64, (1, 10_000)),
            ("queue.confirm_ms_max", self.confirm_ms_max, (100, DAY_MS)),
            ("queue.lost_ms_min", self.lost_ms_min, (1_000, DAY_MS)),
            ("queue.heartbeat_seconds", self.heartbeat_seconds.into(), (1, 3_600)),
        ]
    }

    pub(super) fn examine(&self, wrong: &mut impl FnMut(String, &str)) {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.store.is_empty() || self.store.len() > 40 || !self.store.chars().all(plain) {
            wrong(
                "queue.store".to_owned(),
                "the store's name is lower-case letters, digits and `-`, at most 40",
            );
        }
        if self.carrier == CarrierName::Embedded {
            return;
        }
        if self.host.is_empty() {
            wrong("queue.host".to_owned(), "say where the broker is, for example \"127.0.0.1\"");
        }
        if self.password.is_none() {
            wrong(
                "queue.password".to_owned(),
                "say where the password is: { file = \"…\" } or { env = \"…\" }",
            );
        }
        if let Some(tls) = &self.tls
            && tls.certificate_file.is_some() != tls.key_file.is_some()
        {
            let missing = if tls.key_file.is_none() { "key_file" } else { "certificate_file" };
            wrong(format!("queue.tls.{missing}"), "a certificate and its key go together");
        }
    }
}
