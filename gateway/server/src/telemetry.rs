//! Every metric name, in one table, and how the log is set up. Labels are peers, channels, steps and outcomes from closed or
//! configured lists; never a dossier, a person, an address or a path that a caller chose.

mod lines;

use prometheus::{
    Encoder as _, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

/// Deliveries by peer and state, for whoever reads the metrics of a gateway that runs.
pub const DELIVERIES: &str = "lienthong_deliveries";

/// The metrics of one gateway.
pub struct Metrics {
    registry: Registry,
    /// Items by channel and fate.
    pub items: IntCounterVec,
    /// Inbound HTTP calls by door and status.
    pub calls_in: IntCounterVec,
    /// Seconds from the first byte of a call to its answer.
    pub answer_seconds: HistogramVec,
    /// Outbound calls by peer, step and outcome.
    pub calls_out: IntCounterVec,
    /// Seconds of an outbound call.
    pub call_seconds: HistogramVec,
    /// Deliveries ended, by peer and how.
    pub settled: IntCounterVec,
    /// Seconds from acceptance to delivery.
    pub delivered_seconds: HistogramVec,
    /// Deliveries by peer and state, as last counted.
    pub deliveries: IntGaugeVec,
    /// 1 while a peer is away.
    pub peer_away: IntGaugeVec,
    /// 1 while nothing is sent to a peer, by why: paused, hold, shadow.
    pub peer_paused: IntGaugeVec,
    /// Calls a peer bears at once, as found out so far.
    pub peer_permits: IntGaugeVec,
    /// Log-ins by peer and outcome.
    pub log_ins: IntCounterVec,
    /// Age of the oldest waiting delivery, by peer.
    pub oldest_seconds: IntGaugeVec,
    /// 1 while the broker is away.
    pub broker_away: IntGauge,
    /// 1 while the broker takes nothing.
    pub broker_blocked: IntGauge,
    /// Lanes handed over again because a message was lost, by peer.
    pub handed_over_again: IntCounterVec,
    /// Messages of the broker that nobody can read, by peer and code.
    pub broker_refused: IntCounterVec,
    /// Commits of the store that reached the disk.
    pub commits: IntCounter,
    /// How long our certificates are still good: the listener's (`door`), and those shown to peers.
    pub certificate_expires_seconds: IntGaugeVec,
    /// How long the certificate that a peer showed last is still good.
    pub peer_certificate_expires_seconds: IntGaugeVec,
    /// What is ill, and for how long.
    pub ill_seconds: IntGaugeVec,
    /// Tasks that were started again.
    pub restarts: IntCounterVec,
    /// Bytes of bodies in memory beyond what each call may have.
    pub bodies_bytes: IntGauge,
    /// Faults of the door by code.
    pub turned_away: IntCounterVec,
    /// Identity questions by operation and how they ended.
    pub questions: IntCounterVec,
    /// Identity questions for a procedure alone, by the system that asked.
    pub questions_without_dossier: IntCounterVec,
    /// Lists pulled, by peer, list and outcome.
    pub catalogue_pulls: IntCounterVec,
    /// What changed in them, by peer, list and change.
    pub catalogue_changes: IntCounterVec,
    /// When each was last pulled, in seconds since 1970.
    pub catalogue_pulled_time_seconds: IntGaugeVec,
    /// Look-ups of dossiers that were answered by ourselves, by peer and outcome.
    pub lookups: IntCounterVec,
    /// Questions to feeds, by peer, feed and outcome.
    pub polls: IntCounterVec,
    /// What carriers told that a person must look at.
    pub shipment_alerts: IntCounterVec,
    /// Words about payments that do not count, by peer and reason.
    pub payment_alerts: IntCounterVec,
    /// Officers reported for going through numbers, by reason.
    pub enumeration_alarms: IntCounterVec,
    /// How long ago the audit trail's head last went into the log.
    pub audit_head_age_seconds: IntGauge,
    /// This moment by the machine's clock, to be compared with that of whoever watches.
    pub clock_seconds: IntGauge,
    /// When this process started; what changes often restarts often.
    pub start_time_seconds: IntGauge,
    /// Room on the disk of the store.
    pub disk_free_bytes: IntGauge,
    /// What the store takes, by part: database, claims.
    pub store_bytes: IntGaugeVec,
}

impl Metrics {
    /// A registry of its own, so that several gateways can run in one process (stories do).
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(name, help), labels);
            register(&registry, vec)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntGaugeVec::new(Opts::new(name, help), labels);
            register(&registry, vec)
        };
        let number = |name: &str, help: &str| register(&registry, IntGauge::new(name, help));
        let histogram = |name: &str, help: &str, labels: &[&str], buckets: &[f64]| {
            let vec = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels);
            register(&registry, vec)
        };
        let quick = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];
        let slow = &[0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 14400.0, 86400.0];
        Metrics {
            items: counter(
                "lienthong_items_total",
                "Items received, by what became of them",
                &["channel", "fate"],
            ),
            calls_in: counter("lienthong_calls_in_total", "Inbound HTTP calls", &["door", "status"]),
            answer_seconds: histogram(
                "lienthong_answer_seconds",
                "From a call to its answer",
                &["door"],
                quick,
            ),
            calls_out: counter("lienthong_calls_out_total", "Outbound calls", &["peer", "step", "outcome"]),
            call_seconds: histogram(
                "lienthong_call_out_seconds",
                "Duration of an outbound call",
                &["peer", "step"],
                quick,
            ),
            settled: counter("lienthong_settled_total", "Attempts ended, by how", &["peer", "settlement"]),
            delivered_seconds: histogram(
                "lienthong_delivered_seconds",
                "From acceptance to delivery",
                &["peer"],
                slow,
            ),
            deliveries: gauge(DELIVERIES, "Deliveries not yet over", &["peer", "state"]),
            peer_away: gauge("lienthong_peer_away", "1 while the peer is away", &["peer"]),
            peer_paused: gauge(
                "lienthong_peer_paused",
                "1 while nothing is sent to the peer, by why",
                &["peer", "why"],
            ),
            peer_permits: gauge("lienthong_peer_permits", "Calls the peer bears at once", &["peer"]),
            log_ins: counter("lienthong_log_ins_total", "Log-ins at a peer", &["peer", "outcome"]),
            oldest_seconds: gauge(
                "lienthong_oldest_waiting_seconds",
                "Age of the oldest waiting delivery",
                &["peer"],
            ),
            broker_away: {
                let name = "lienthong_broker_away";
                register(&registry, IntGauge::new(name, "1 while the broker is away"))
            },
            broker_blocked: {
                let name = "lienthong_broker_blocked";
                register(&registry, IntGauge::new(name, "1 while the broker takes nothing"))
            },
            handed_over_again: counter(
                "lienthong_handed_over_again_total",
                "Lanes handed over again because a message was lost",
                &["peer"],
            ),
            broker_refused: counter(
                "lienthong_broker_messages_refused_total",
                "Messages of the broker that nobody can read",
                &["peer", "code"],
            ),
            commits: {
                let name = "lienthong_store_commits_total";
                register(&registry, IntCounter::new(name, "Commits of the store that reached the disk"))
            },
            certificate_expires_seconds: gauge(
                "lienthong_certificate_expires_seconds",
                "How long a certificate of ours is still good",
                &["certificate"],
            ),
            peer_certificate_expires_seconds: gauge(
                "lienthong_peer_certificate_expires_seconds",
                "How long the certificate that a peer showed last is still good",
                &["peer"],
            ),
            ill_seconds: gauge(
                "lienthong_ill_seconds",
                "What is not as it should be, and for how long; absent when all is well",
                &["part", "peer", "reason"],
            ),
            restarts: counter(
                "lienthong_restarts_total",
                "Tasks of the gateway that ended by themselves and were started again",
                &["part", "peer"],
            ),
            bodies_bytes: register(
                &registry,
                IntGauge::new("lienthong_bodies_bytes", "Large bodies of calls in progress, in memory"),
            ),
            turned_away: counter("lienthong_turned_away_total", "Calls turned away at the door", &["code"]),
            questions: counter(
                "lienthong_questions_total",
                "Identity questions, by how they ended",
                &["operation", "outcome"],
            ),
            questions_without_dossier: counter(
                "lienthong_questions_without_dossier_total",
                "Identity questions for a procedure alone",
                &["peer"],
            ),
            catalogue_pulls: counter(
                "lienthong_catalogue_pulls_total",
                "Lists that peers publish, pulled",
                &["peer", "catalogue", "outcome"],
            ),
            catalogue_changes: counter(
                "lienthong_catalogue_changes_total",
                "Entries of pulled lists that were added, renamed or withdrawn",
                &["peer", "catalogue", "change"],
            ),
            catalogue_pulled_time_seconds: gauge(
                "lienthong_catalogue_pulled_time_seconds",
                "When a list was last pulled, in seconds since 1970",
                &["peer", "catalogue"],
            ),
            lookups: counter(
                "lienthong_lookups_total",
                "Look-ups of dossiers answered by the gateway itself",
                &["peer", "outcome"],
            ),
            polls: counter("lienthong_polls_total", "Questions to feeds", &["peer", "feed", "outcome"]),
            shipment_alerts: counter(
                "lienthong_shipment_alerts_total",
                "What carriers told that a person must look at",
                &["peer", "reason"],
            ),
            payment_alerts: counter(
                "lienthong_payment_alerts_total",
                "What was said of payments that does not count",
                &["peer", "reason"],
            ),
            enumeration_alarms: counter(
                "lienthong_enumeration_alarms_total",
                "Officers reported for going through numbers",
                &["reason"],
            ),
            audit_head_age_seconds: number(
                "lienthong_audit_head_age_seconds",
                "How long ago the head of the audit trail last went into the log",
            ),
            clock_seconds: number("lienthong_clock_seconds", "The machine's clock"),
            start_time_seconds: number("lienthong_start_time_seconds", "When this process started"),
            disk_free_bytes: number("lienthong_disk_free_bytes", "Room on the disk of the store"),
            store_bytes: gauge("lienthong_store_bytes", "What the store takes on its disk", &["part"]),
            registry,
        }
    }

    /// The text that `/metrics` answers.
    pub fn render(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut text) {
            tracing::error!(event = "metrics-unreadable", %error);
        }
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

/// Names and labels are constants of this file; that they are valid and distinct is shown by the test below.
#[allow(clippy::expect_used)]
fn register<C: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: prometheus::Result<C>,
) -> C {
    let metric = metric.expect("a metric of this table is valid");
    registry.register(Box::new(metric.clone())).expect("a metric of this table is registered once");
    metric
}

/// Structured log lines on standard error: JSON for machines, short lines for a terminal. `LIENTHONG_LOG` filters.
pub fn start_log(json: bool) {
    log_panics();
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_timer(LocalTime);
    let asked = std::env::var("LIENTHONG_LOG").unwrap_or_default();
    let shown = shown(&asked);
    let unreadable = shown.is_none() && !asked.is_empty();
    let shown = shown.unwrap_or_else(|| by_default(LevelFilter::INFO));
    let registry = tracing_subscriber::registry().with(shown);
    // A second start in one process (stories) keeps the first.
    let _ = if json {
        registry.with(log.event_format(lines::Lines).fmt_fields(lines::SpanFields)).try_init()
    } else {
        registry.with(log.compact()).try_init()
    };
    if unreadable {
        tracing::warn!(event = "log-filter-unreadable", setting = "LIENTHONG_LOG");
    }
}

/// What `LIENTHONG_LOG` asks for: a level (`debug`), or levels by part (`info,lienthong::delivery=debug`). None if it asks for nothing, or for
/// what cannot be read: a slip must not silence the log.
fn shown(asked: &str) -> Option<Targets> {
    let is_level = |text: &str| !text.is_empty() && text.parse::<LevelFilter>().is_ok();
    let names =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_:-".contains(c));
    let parts: Vec<&str> = asked.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    let readable = parts.iter().all(|part| match part.split_once('=') {
        Some((name, level)) => names(name) && is_level(level),
        None => is_level(part),
    });
    (readable && !parts.is_empty()).then(|| parts.join(",").parse().ok())?
}

/// What is shown where nobody asks for more. What the broker's client says of each try is left out: we say it ourselves, ever more seldom.
fn by_default(level: LevelFilter) -> Targets {
    Targets::new().with_default(level).with_target("lapin", LevelFilter::OFF)
}

/// Viet Nam's time, as in everything else that operators read.
struct LocalTime;

impl tracing_subscriber::fmt::time::FormatTime for LocalTime {
    fn format_time(&self, writer: &mut tracing_subscriber::fmt::format::Writer<'_>) -> std::fmt::Result {
        write!(writer, "{}", crate::clock::Clock::system().now())
    }
}

/// Where it happened and nothing else: the words of a panic may quote the text that our code stumbled over.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(event = "panicked", place);
    }));
}

/// For commands that talk to people: only what went wrong, unless `LIENTHONG_LOG` asks for more.
pub fn start_quiet_log() {
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).compact();
    let asked = shown(&std::env::var("LIENTHONG_LOG").unwrap_or_default());
    let shown = asked.unwrap_or_else(|| by_default(LevelFilter::ERROR));
    let _ = tracing_subscriber::registry().with(shown).with(log).try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_the_filter_does_not_silence_the_log() {
        use tracing::Level;
        let part = "lienthong::delivery";
        for (asked, shows) in [
            ("debug", Some((true, true))),
            ("info,lienthong::delivery=debug", Some((false, true))),
            (" info , ", Some((false, false))),
            ("", None),
            ("[delivery]=debug", None),
            ("*=info", None),
            ("lienthong[call]", None),
            ("lienthong=", None),
            ("lienthong", None),
        ] {
            let found = shown(asked).map(|by| {
                (by.would_enable("lienthong", &Level::DEBUG), by.would_enable(part, &Level::DEBUG))
            });
            assert_eq!(found, shows, "{asked}");
        }
    }

    #[test]
    fn what_the_brokers_client_says_is_shown_only_to_who_asks() {
        use tracing::Level;
        let quiet = by_default(LevelFilter::INFO);
        assert!(!quiet.would_enable("lapin::channel", &Level::ERROR));
        assert!(quiet.would_enable("lienthong::queue", &Level::INFO));
        assert!(shown("info").is_some_and(|all| all.would_enable("lapin::channel", &Level::ERROR)));
    }

    #[test]
    fn every_metric_is_valid_and_has_its_unit() {
        let metrics = Metrics::new();
        metrics.items.with_label_values(&["c", "accepted"]).inc();
        let text = String::from_utf8(metrics.render()).unwrap();
        assert!(text.contains("lienthong_items_total{channel=\"c\",fate=\"accepted\"} 1"));
    }
}
