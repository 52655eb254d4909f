//! How everything is, for whoever looks: the peers, the carrier, the gauges.

use gateway_core::ids::Moment;
use gateway_core::redelivery::{Availability, Presence};
use serde_json::{Value, json};

use super::App;
use crate::queue::Carrier;
use crate::queue::amqp::Health;

impl App {
    /// How each peer is, for `/readyz` and the admin door.
    pub fn peers_seen(&self) -> Value {
        let now = self.clock.now();
        let seen = self.peers.values().filter(|room| !room.config.endpoints.is_empty()).map(|room| {
            let availability = room.availability();
            let away = away_since(&availability);
            let state = if away.is_some() { "away" } else { "up" };
            let since = away.map(|since| since.to_string());
            let for_seconds = away.map(|since| now.millis_since(since) / 1000);
            (room.name.to_string(), json!({ "state": state, "since": since, "for_seconds": for_seconds }))
        });
        Value::Object(seen.collect())
    }

    /// How the carrier is, for `/readyz` and the admin door.
    pub fn carrier_seen(&self) -> Value {
        let (name, health) = match &self.carrier {
            Carrier::Embedded => ("embedded", Health::Up),
            Carrier::RabbitMq(rabbit) => ("rabbitmq", rabbit.health()),
        };
        let (state, since) = match health {
            Health::Up => ("up", None),
            Health::Away(since) => ("away", Some(since)),
            Health::Blocked(since) => ("blocked", Some(since)),
        };
        let for_seconds = since.map(|since| self.clock.now().millis_since(since) / 1000);
        json!({ "name": name, "state": state, "since": since.map(|since| since.to_string()), "for_seconds": for_seconds })
    }

    /// Brings the gauges up to date.
    pub async fn count(&self) {
        let own = self.tls.iter().map(|tls| ("door", tls.ends()));
        let shown = self.peers.values().map(|room| (room.name.as_str(), room.transport.certificate_ends()));
        for (name, ends) in own.chain(shown) {
            let Some(ends) = ends else { continue };
            let left = ends.millis_since(self.clock.now()) / 1000;
            self.metrics.certificate_expires_seconds.with_label_values(&[name]).set(left);
        }
        for room in self.peers.values() {
            let availability = room.availability();
            let name = room.name.as_str();
            self.metrics
                .peer_away
                .with_label_values(&[name])
                .set(i64::from(away_since(&availability).is_some()));
            self.metrics.peer_permits.with_label_values(&[name]).set(availability.limit() as i64);
        }
        if let Carrier::RabbitMq(rabbit) = &self.carrier {
            let health = rabbit.health();
            self.metrics.broker_away.set(i64::from(matches!(health, Health::Away(_))));
            self.metrics.broker_blocked.set(i64::from(matches!(health, Health::Blocked(_))));
        }
        let Ok(stats) = self.store.stats().await else { return };
        let now = self.clock.now();
        self.metrics.deliveries.reset();
        self.metrics.oldest_seconds.reset();
        for (peer, open) in &stats.peers {
            for (state, count) in &open.by_state {
                self.metrics
                    .deliveries
                    .with_label_values(&[peer.as_str(), state.as_str()])
                    .set(*count as i64);
            }
            let age = open.oldest_waiting.map_or(0, |since| now.millis_since(since).max(0) / 1000);
            self.metrics.oldest_seconds.with_label_values(&[peer.as_str()]).set(age);
        }
        let counted = self.metrics.commits.get();
        self.metrics.commits.inc_by(self.store.commits().saturating_sub(counted));
    }
}

fn away_since(availability: &Availability) -> Option<Moment> {
    match availability.presence() {
        Presence::Away { since, .. } => Some(since),
        Presence::Up => None,
    }
}
