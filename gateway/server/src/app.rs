//! The composition: everything a running gateway consists of, built once, in one place. What is checked before stands in `check`, what
//! listens and delivers in `running`, how the peers are in `seen`.

mod check;
mod house;
mod running;
mod seen;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::adapter::{Adapter, FeedSpec, Scope, Secret};
use gateway_core::channel::{Channel, Direction, Part};
use gateway_core::fault::{Defect, Fault};
use gateway_core::ids::{ChannelName, Kind, MessageId, PeerName, Unit};
use gateway_core::licence;
use gateway_core::lookup::{ReceiptKeys, Tries};
use gateway_core::pace::Watch;
use gateway_core::redelivery::Availability;
use tokio::sync::{Semaphore, oneshot};

use crate::audit::{AuditKeys, Trail};
use crate::clock::Clock;
use crate::config::{CarrierName, Config, Peer};
use crate::doorkeeper::Doorkeeper;
use crate::files::{Dialect, Files};
use crate::health::Health;
use crate::http::DoorTls;
use crate::keyring::Keyring;
use crate::queue::Carrier;
use crate::queue::amqp::RabbitMq;
use crate::rules::Rules;
use crate::sessions::Sessions;
use crate::store::{News, OpenOptions, Pause, Receivers, Seal, Store, StoreError, Telling};
use crate::telemetry::Metrics;
use crate::transport::Transport;
use crate::{delivery, http, openapi, publishing};

pub use self::check::{check, untaken};
pub(crate) use self::check::{receipt_keys, sealing_keys};
pub use self::running::Running;

/// A gateway, built and not yet listening.
pub struct App {
    /// What differs by province.
    pub config: Config,
    /// Contracts, mappings, channels.
    pub rules: Rules,
    /// Time.
    pub clock: Clock,
    /// The truth.
    pub store: Store,
    /// Who may call.
    pub keyring: Keyring,
    /// What is counted.
    pub metrics: Metrics,
    /// What is ill, and since when.
    pub health: Health,
    /// Memory for large bodies.
    pub bodies: http::Bodies,
    /// Callers that wait for a peer's verdict.
    pub verdicts: Verdicts,
    /// Whether the store can be written.
    pub readiness: http::Readiness,
    /// The description of the doors, as `/openapi.json` answers it.
    pub openapi: bytes::Bytes,
    /// What carries deliveries to the loops that make them.
    pub carrier: Carrier,
    /// The audit trail of identity questions.
    pub trail: Trail,
    watch: Mutex<Watch>,
    /// What stands on citizens' receipts follows from these.
    pub receipts: ReceiptKeys,
    tries: Mutex<Tries>,
    /// What is being fetched from addresses of others.
    pub fetches: publishing::Fetches,
    /// Places for long bodies that do not say at their beginning who sends them.
    pub strangers: Semaphore,
    /// What the listener needs for TLS.
    pub tls: Option<Arc<DoorTls>>,
    /// Says where the keeper of the house stands.
    pub house_bell: delivery::Bell,
    /// Says where whoever pulls catalogues stands.
    pub catalogue_bell: delivery::Bell,
    /// The counterparts.
    pub peers: BTreeMap<PeerName, Arc<Room>>,
}

/// One counterpart and everything that is kept for it while the gateway runs.
pub struct Room {
    /// Its name.
    pub name: PeerName,
    /// Its configuration.
    pub config: Peer,
    /// Its embassy.
    pub adapter: Arc<dyn Adapter>,
    /// The way to it.
    pub transport: Transport,
    /// Sessions of ours there.
    pub sessions: Sessions,
    /// What its door asks of whoever comes in its name.
    pub doorkeeper: Doorkeeper,
    /// Its secrets.
    pub keys: BTreeMap<String, Secret>,
    /// Whether it takes calls, and how many.
    pub availability: Mutex<Availability>,
    /// Questions that it is asked at the same time.
    pub questions: Semaphore,
    /// Wakes its deliveries.
    pub bell: delivery::Bell,
    /// What it offers to be asked for.
    pub feeds: Vec<FeedSpec>,
    /// Has it asked.
    pub poll_bell: delivery::Bell,
    /// How far the shadow has come.
    pub shadow: delivery::Reached,
    pauses: Mutex<Vec<Pause>>,
}

impl Room {
    /// Is it asked by the clock?
    pub fn is_polled(&self) -> bool {
        !self.feeds.is_empty() && !self.config.endpoints.is_empty()
    }

    /// Whether it takes calls, and how many.
    pub fn availability(&self) -> MutexGuard<'_, Availability> {
        self.availability.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a peer said to a message: taken, or refused for this reason.
pub type Verdict = Result<(), Fault>;

/// Callers that wait for a peer's verdict on a message of theirs.
#[derive(Default)]
pub struct Verdicts(Mutex<HashMap<MessageId, oneshot::Sender<Verdict>>>);

impl Verdicts {
    /// Waits for the verdict on a message that will be admitted.
    pub fn expect(&self, id: MessageId) -> oneshot::Receiver<Verdict> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Who no longer waits need not be told.
        waiting.retain(|_, tell| !tell.is_closed());
        waiting.insert(id, tell);
        told
    }

    /// There will be no verdict soon: whoever waits is answered that the message is accepted.
    pub fn let_go(&self, id: MessageId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// Tells whoever waits.
    pub fn tell(&self, id: MessageId, verdict: Verdict) {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(tell) = waiting {
            let _ = tell.send(verdict);
        }
    }
}

/// Why a gateway cannot be built.
#[derive(Debug)]
pub enum CannotStart {
    /// Files of ours that cannot work, all at once.
    Defects(Vec<Defect>),
    /// The key of the store.
    Key(String),
    /// The store.
    Store(StoreError),
    /// The audit trail.
    Audit(String),
}

impl std::fmt::Display for CannotStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CannotStart::Defects(defects) => defects.iter().try_for_each(|defect| writeln!(f, "{defect}")),
            CannotStart::Key(words) | CannotStart::Audit(words) => writeln!(f, "{words}"),
            CannotStart::Store(error) => writeln!(f, "{error}"),
        }
    }
}

impl App {
    /// Builds a gateway: checks everything, opens the store, picks up what an earlier run left.
    pub async fn open(
        config: Config,
        file: &str,
        files: Files,
        clock: Clock,
    ) -> Result<Arc<App>, CannotStart> {
        // Given away, so that nothing of them is held once all is compiled.
        let files = &files.of(&config.peers.values().map(Dialect::of).collect());
        let (rules, rooms) = check(&config, file, files).map_err(CannotStart::Defects)?;
        let (current, old) = sealing_keys(&config).map_err(CannotStart::Key)?;
        let keyring = Keyring::new(config.gateway.keys_file(), &Seal::derive(&current, "caller-sessions"));
        let receipts = receipt_keys(&current, &old);
        let seal = Seal::from_keys(&current, &old).map_err(CannotStart::Store)?;
        let store = Store::open(&config.gateway.data, seal, OpenOptions::default());
        let store = store.map_err(CannotStart::Store)?;
        let folder = config.gateway.audit_folder();
        let trail = Trail::open(&folder, AuditKeys::derive(&current), clock.now())
            .map_err(|error| CannotStart::Audit(format!("{}: {error}", folder.display())))?;
        // Checked a moment ago, but a file may have changed since.
        let tls = check::door_tls(&config, &clock).map_err(CannotStart::Key)?;
        let openapi = openapi::document(&rules, files);
        let carrier = match config.queue.carrier {
            CarrierName::Embedded => Carrier::Embedded,
            CarrierName::RabbitMq => Carrier::RabbitMq(Arc::new(RabbitMq::new(&config, &clock))),
        };
        let bodies = http::Bodies::new(&config.limits);
        let app = Arc::new(App {
            config,
            rules,
            clock,
            carrier,
            store,
            keyring,
            metrics: Metrics::new(),
            health: Health::default(),
            bodies,
            verdicts: Verdicts::default(),
            readiness: http::Readiness::default(),
            openapi: format!("{:#}\n", openapi).into(),
            trail,
            watch: Mutex::default(),
            receipts,
            tries: Mutex::default(),
            fetches: publishing::Fetches::default(),
            tls,
            house_bell: delivery::Bell::default(),
            catalogue_bell: delivery::Bell::default(),
            strangers: Semaphore::new(http::STRANGERS_MAX),
            peers: rooms.into_iter().map(|(name, room)| (name, Arc::new(room))).collect(),
        });
        let telling = app.telling();
        if !telling.announces {
            app.store.forget_announcements().await.map_err(CannotStart::Store)?;
        }
        app.store.tell_by(telling);
        let current = app.rules.fingerprints(app.peers.values().map(|room| &room.config.codes));
        let offered = app.store.reoffer(current, app.clock.now()).await.map_err(CannotStart::Store)?;
        if !offered.is_empty() {
            tracing::info!(event = "offered-again", count = offered.len());
        }
        app.metrics.start_time_seconds.set(app.clock.now().as_millis() / 1000);
        app.take_modes().await.map_err(CannotStart::Store)?;
        app.miss_receivers().await.map_err(CannotStart::Store)?;
        // What a crash left between a file and its row. Nobody waits for it to go, so a start does not fail for it.
        match app.store.sweep().await {
            Ok(0) => {}
            Ok(count) => tracing::info!(event = "files-swept", count),
            Err(error) => tracing::warn!(event = "files-unswept", %error),
        }
        Ok(app)
    }

    /// What officers asked lately.
    pub fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who looked up dossiers lately.
    pub fn tries(&self) -> MutexGuard<'_, Tries> {
        self.tries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The peers that something is delivered to.
    pub fn receivers(&self) -> impl Iterator<Item = &Arc<Room>> {
        self.peers.values().filter(|room| !room.config.endpoints.is_empty())
    }

    /// The room of a peer.
    pub fn peer(&self, name: &PeerName) -> Option<&Arc<Room>> {
        self.peers.get(name)
    }

    /// The channel of that name.
    pub fn channel(&self, name: &ChannelName) -> Option<&Channel> {
        self.rules.channels.by_adapter.values().flatten().find(|channel| channel.name == *name)
    }

    /// The embassy of some peer that speaks this dialect.
    pub fn speaker(&self, adapter: &str, dialect: &str) -> Option<Arc<dyn Adapter>> {
        let speaks = |room: &&Arc<Room>| {
            room.config.adapter == adapter && (dialect.is_empty() || room.config.dialect == dialect)
        };
        self.peers.values().find(speaks).map(|room| room.adapter.clone())
    }

    /// The integration codes under which a kind of question is licensed for a procedure, as software of this dialect writes it.
    pub fn licensed(&self, door: (&str, &str), kind: &str, procedure: &str) -> Option<Vec<String>> {
        let (adapter, dialect) = door;
        let speaks = |room: &&Arc<Room>| room.config.adapter == adapter && room.config.dialect == dialect;
        let list = format!("{adapter}/procedure");
        let own = self.peers.values().find(speaks).and_then(|room| room.config.codes.get(&list));
        let codes = self.rules.translator.code_list(own.unwrap_or(&list));
        let national = codes.and_then(|codes| codes.get(procedure)?.as_str()).unwrap_or(procedure);
        licence::codes(&self.config.licences, &Kind::from(kind), national)
    }

    /// Who must hear of this: every peer whose dialect takes the kind and whose entry does not leave it or the unit out.
    pub fn routes(&self, from: &PeerName, kind: &Kind, unit: &Unit) -> Vec<PeerName> {
        let takes = |room: &&Arc<Room>| room.name != *from && takes(&self.rules, &room.config, kind);
        let speaks_for = |room: &&Arc<Room>| {
            let units = &room.config.units;
            units.is_empty() || units.iter().any(|known| known == unit.as_str())
        };
        self.peers.values().filter(takes).filter(speaks_for).map(|room| room.name.clone()).collect()
    }

    /// Does this peer tell of shipments?
    pub fn carries(&self, room: &Room) -> bool {
        self.rules.channels.carries(&room.config.adapter, &room.config.dialect)
    }

    /// Who is told of shipments, as the configuration says.
    fn telling(&self) -> Telling {
        let takers = |kind: &Kind| {
            let takes = |room: &&Arc<Room>| takes(&self.rules, &room.config, kind);
            let peers = self.peers.values().filter(takes);
            let peers = peers.map(|room| (room.name.clone(), room.config.units.clone())).collect();
            Receivers { kind: kind.clone(), peers }
        };
        let receivers = |part| self.rules.channels.part(part).map(|(kind, _)| takers(kind));
        let asked = |room: &&Arc<Room>| room.is_polled();
        let by_item = |room: &&Arc<Room>| room.feeds.iter().any(|feed| feed.scope == Scope::PerItem);
        let names =
            |rooms: &mut dyn Iterator<Item = &Arc<Room>>| rooms.map(|room| room.name.clone()).collect();
        Telling {
            changes: receivers(Part::Told),
            handed_over: receivers(Part::HandedOver),
            payments: self.rules.channels.payment(gateway_core::payment::Part::Told).map(takers),
            due: self.rules.channels.payment(gateway_core::payment::Part::Due).cloned(),
            report_directly: self
                .config
                .shipments
                .report_directly
                .iter()
                .map(|unit| Unit::from(unit.as_str()))
                .collect(),
            asked_by_item: names(&mut self.peers.values().filter(asked).filter(by_item)),
            asked: names(&mut self.peers.values().filter(asked)),
            stale_ms: Some(i64::from(self.config.shipments.stale_days) * 24 * 3_600_000),
            announces: matches!(&self.carrier, Carrier::RabbitMq(_)) && self.config.queue.door,
        }
    }

    /// Whoever is to act on what followed for a shipment hears of it.
    pub fn heed(&self, carrier: &Room, news: &News) {
        self.wake(news.queued.iter().map(|queued| &queued.peer));
        if news.ask {
            carrier.poll_bell.ring();
        }
        if let Some(refused) = news.refused {
            self.metrics.payment_alerts.with_label_values(&[carrier.name.as_str(), refused.code()]).inc();
            tracing::warn!(event = "payment-alert", peer = %carrier.name, reason = refused.code());
        }
        for alert in &news.alerts {
            self.metrics.shipment_alerts.with_label_values(&[carrier.name.as_str(), alert]).inc();
            tracing::warn!(event = "shipment-alert", peer = %carrier.name, reason = alert);
        }
    }

    /// News of items that nobody ordered is given up in time, and so are shipments that nobody hears of any more: each is said once.
    pub async fn give_up_waiting(&self) -> Result<(), StoreError> {
        for (peer, reason) in self.store.give_up(self.clock.now()).await? {
            self.metrics.shipment_alerts.with_label_values(&[peer.as_str(), reason]).inc();
            tracing::warn!(event = "shipment-alert", peer = %peer, reason);
        }
        Ok(())
    }

    /// Something may be ready for these peers.
    pub fn wake<'a>(&self, peers: impl Iterator<Item = &'a PeerName>) {
        for room in peers.filter_map(|name| self.peer(name)) {
            room.bell.ring();
        }
    }

    /// A call was turned away.
    pub fn turned_away(&self, fault: &Fault) {
        self.metrics.turned_away.with_label_values(&[fault.code.as_ref()]).inc();
    }
}

/// Is a peer with this entry told messages of this kind?
fn takes(rules: &Rules, config: &Peer, kind: &Kind) -> bool {
    let Some(channel) = rules.channels.outbound(&config.adapter, &config.dialect, kind) else { return false };
    let named = config.receives.iter().any(|name| name == kind.as_str());
    named || (config.receives.is_empty() && !channel.on_request.contains(kind))
}

/// The channels that peers call us by, for `lienthong check` to count.
pub fn inbound_doors(rules: &Rules) -> impl Iterator<Item = &Channel> {
    rules.channels.by_adapter.values().flatten().filter(|channel| channel.direction == Direction::In)
}
