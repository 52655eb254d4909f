//! The composition: everything a running gateway consists of, built once, in one place, and started and stopped here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gateway_core::adapter::{Adapter, FeedSpec, Scope, Secret};
use gateway_core::channel::{Channel, Direction, Part};
use gateway_core::fault::{Defect, Fault, nearest};
use gateway_core::ids::{ChannelName, Kind, MessageId, PeerName, Unit};
use gateway_core::licence;
use gateway_core::pace::Watch;
use gateway_core::redelivery::{Availability, Presence};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinSet;

use crate::audit::{AuditKeys, Trail};
use crate::clock::Clock;
use crate::config::{Config, Peer};
use crate::doorkeeper::Doorkeeper;
use crate::files::Files;
use crate::http::{DoorTls, Hall, Over};
use crate::keyring::Keyring;
use crate::rules::Rules;
use crate::sessions::Sessions;
use crate::store::{News, OpenOptions, Receivers, Seal, SealKey, Store, StoreError, Telling};
use crate::telemetry::Metrics;
use crate::transport::Transport;
use crate::{delivery, http, openapi, poller};

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
    /// Callers that wait for a peer's verdict.
    pub verdicts: Verdicts,
    /// Whether the store can be written.
    pub readiness: http::Readiness,
    /// The description of the doors, as `/openapi.json` answers it.
    pub openapi: bytes::Bytes,
    /// The audit trail of identity questions.
    pub trail: Trail,
    watch: Mutex<Watch>,
    /// Places for long bodies that do not say at their beginning who sends them.
    pub strangers: Semaphore,
    /// What the listener needs for TLS.
    pub tls: Option<Arc<DoorTls>>,
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

/// Everything `check` checks: configuration against adapters, files against each other.
pub fn check(
    config: &Config,
    file: &str,
    files: &Files,
) -> Result<(Rules, BTreeMap<PeerName, Room>), Vec<Defect>> {
    let mut defects = Vec::new();
    let rules = Rules::compile(files).map_err(|found| defects.extend(found)).ok();
    let mut rooms = BTreeMap::new();
    for (name, peer) in &config.peers {
        match room(name, peer, &config.gateway.destinations, file, files, rules.as_ref()) {
            Ok(room) => {
                rooms.insert(room.name.clone(), room);
            }
            Err(found) => defects.extend(found),
        }
    }
    if let Err(message) = door_tls(config, &Clock::system()) {
        let (file, field) = (file.to_owned(), "gateway.tls".to_owned());
        defects.push(Defect { file, line: 0, field, message, nearest: None });
    }
    if let Some(rules) = &rules {
        for (unit, names) in ordered_twice(rules, config) {
            let message = format!(
                "an order of {unit} would go to several carriers ({}): give each its `units` or its `receives`",
                names.join(", ")
            );
            defects.push(Defect {
                file: file.to_owned(),
                line: 0,
                field: format!("peers.{}", names[0]),
                message,
                nearest: None,
            });
        }
    }
    if let Some(rules) = &rules {
        defects.extend(unknown_in_licences(rules, config, file));
    }
    if let Err(message) = sealing_keys(config) {
        let (file, field) = (file.to_owned(), "gateway.sealing_key_file".to_owned());
        defects.push(Defect { file, line: 0, field, message, nearest: None });
    }
    match rules {
        Some(rules) if defects.is_empty() => Ok((rules, rooms)),
        _ => Err(defects),
    }
}

fn room(
    name: &str,
    peer: &Peer,
    open: &[String],
    file: &str,
    files: &Files,
    rules: Option<&Rules>,
) -> Result<Room, Vec<Defect>> {
    let mut defects = Vec::new();
    let defect = |field: &str, message: String, near: Option<String>| Defect {
        file: file.to_owned(),
        line: 0,
        field: format!("peers.{name}{}{field}", if field.is_empty() { "" } else { "." }),
        message,
        nearest: near,
    };
    let mut keys = BTreeMap::new();
    for (key, source) in &peer.keys {
        match source.read() {
            Ok(secret) => {
                keys.insert(key.clone(), secret);
            }
            Err(message) => defects.push(defect(&format!("keys.{key}"), message, None)),
        }
    }
    if !adapters::names().contains(&peer.adapter.as_str()) {
        let message =
            format!("there is no adapter `{}`; there are {}", peer.adapter, adapters::names().join(", "));
        defects.push(defect("adapter", message, nearest(&peer.adapter, adapters::names().iter().copied())));
        return Err(defects);
    }
    let adapter = match adapters::build(&peer.adapter, &peer.dialect, &peer.settings, &files.mappings) {
        Ok(adapter) => Some(adapter),
        Err(found) => {
            // An adapter knows its settings, not whose they are.
            defects.extend(found.into_iter().map(|found| match found.file.is_empty() {
                true => defect(&found.field, found.message, found.nearest),
                false => found,
            }));
            None
        }
    };
    for secret in adapter.iter().flat_map(|adapter| adapter.secrets()) {
        if !peer.keys.contains_key(&secret)
            && !peer.keys.keys().any(|key| key.ends_with(&format!("/{secret}")))
        {
            let message = "this secret is needed; give it as { file = \"…\" } or { env = \"…\" }".to_owned();
            defects.push(defect(&format!("keys.{secret}"), message, None));
        }
    }
    for kind in rules
        .iter()
        .flat_map(|rules| peer.receives.iter().map(move |kind| (rules, kind)))
        .filter_map(|(rules, kind)| (!rules.channels.kinds.contains_key(kind.as_str())).then_some(kind))
    {
        defects.push(defect("receives", format!("there is no kind `{kind}`"), None));
    }
    for (from, to) in &peer.codes {
        for list in [from, to] {
            if rules.is_some_and(|rules| rules.translator.code_list(list).is_none()) {
                defects.push(defect("codes", format!("there is no code list `{list}`"), None));
            }
        }
    }
    let inbound = rules.and_then(|rules| rules.channels.by_adapter.get(&peer.adapter)).into_iter().flatten();
    let inbound =
        inbound.filter(|channel| channel.direction == Direction::In && channel.dialect == peer.dialect);
    for channel in inbound.filter(|channel| channel.level > peer.door.level_max()) {
        let level = channel.level.as_str();
        let message = format!("channel {} asks for `{level}`, and nothing here reaches that", channel.name);
        defects.push(defect("door.accepts", message, None));
    }
    let keeper = Doorkeeper::new(&peer.door);
    let keeper = keeper.map_err(|message| defects.push(defect("door.signature_keys", message, None))).ok();
    let transport =
        Transport::new(peer, open).map_err(|message| defects.push(defect("", message, None))).ok();
    match (adapter, transport, keeper) {
        (Some(adapter), Some(transport), Some(doorkeeper)) if defects.is_empty() => Ok(Room {
            name: PeerName::from(name),
            config: peer.clone(),
            feeds: adapter.feeds(),
            poll_bell: delivery::Bell::default(),
            adapter,
            transport,
            sessions: Sessions::default(),
            doorkeeper,
            keys,
            availability: Mutex::new(Availability::new(peer.concurrency_max)),
            questions: Semaphore::new(peer.concurrency_max),
            bell: delivery::Bell::default(),
        }),
        _ => Err(defects),
    }
}

/// A licence for an operation or a field that nobody knows would allow nothing, and say nothing of it.
fn unknown_in_licences(rules: &Rules, config: &Config, file: &str) -> Vec<Defect> {
    let licensed = rules.channels.kinds.iter().filter(|(_, spec)| spec.licensed);
    let operations: Vec<&str> = licensed.map(|(kind, _)| kind.as_str()).collect();
    let fields = [licence::TOLD.as_slice(), licence::WITHHELD.as_slice()].concat();
    let mut defects = Vec::new();
    for (row, licence) in config.licences.iter().enumerate() {
        let mut unknown = |list: &str, name: &str, message: String, known: &[&str]| {
            defects.push(Defect {
                file: file.to_owned(),
                line: 0,
                field: format!("licences[{}].{list}", row + 1),
                message,
                nearest: nearest(name, known.iter().copied()),
            });
        };
        for name in &licence.operations {
            if !operations.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                let message = format!("there is no operation `{name}` that needs a licence");
                unknown("operations", name, message, &operations);
            }
        }
        for name in licence.fields.iter().filter(|name| !fields.contains(&name.as_str())) {
            unknown("fields", name, format!("an answer has no field `{name}` of a person"), &fields);
        }
    }
    defects
}

impl App {
    /// Builds a gateway: checks everything, opens the store, picks up what an earlier run left.
    pub async fn open(
        config: Config,
        file: &str,
        files: &Files,
        clock: Clock,
    ) -> Result<Arc<App>, CannotStart> {
        let (rules, rooms) = check(&config, file, files).map_err(CannotStart::Defects)?;
        let (current, old) = sealing_keys(&config).map_err(CannotStart::Key)?;
        let keyring = Keyring::new(config.gateway.keys_file(), &Seal::derive(&current, "caller-sessions"));
        let seal = Seal::from_keys(&current, &old).map_err(CannotStart::Store)?;
        let store = Store::open(&config.gateway.data, seal, OpenOptions::default());
        let store = store.map_err(CannotStart::Store)?;
        let folder = config.gateway.audit_folder();
        let trail = Trail::open(&folder, AuditKeys::derive(&current), clock.now())
            .map_err(|error| CannotStart::Audit(format!("{}: {error}", folder.display())))?;
        // Checked a moment ago, but a file may have changed since.
        let tls = door_tls(&config, &clock).map_err(CannotStart::Key)?;
        let openapi = openapi::document(&rules, files);
        let app = Arc::new(App {
            config,
            rules,
            clock,
            store,
            keyring,
            metrics: Metrics::new(),
            verdicts: Verdicts::default(),
            readiness: http::Readiness::default(),
            openapi: format!("{:#}\n", openapi).into(),
            trail,
            watch: Mutex::default(),
            tls,
            strangers: Semaphore::new(http::STRANGERS_MAX),
            peers: rooms.into_iter().map(|(name, room)| (name, Arc::new(room))).collect(),
        });
        app.store.tell_by(app.telling());
        let current = app.rules.fingerprints(app.peers.values().map(|room| &room.config.codes));
        let offered = app.store.reoffer(current, app.clock.now()).await.map_err(CannotStart::Store)?;
        if !offered.is_empty() {
            tracing::info!(event = "offered-again", count = offered.len());
        }
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
        let speaks = |room: &&Arc<Room>| room.config.adapter == adapter && room.config.dialect == dialect;
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
        let receivers = |part| {
            let (kind, _) = self.rules.channels.part(part)?;
            let takes = |room: &&Arc<Room>| takes(&self.rules, &room.config, kind);
            let peers = self.peers.values().filter(takes);
            let peers = peers.map(|room| (room.name.clone(), room.config.units.clone())).collect();
            Some(Receivers { kind: kind.clone(), peers })
        };
        let asked = |room: &&Arc<Room>| room.is_polled();
        let by_item = |room: &&Arc<Room>| room.feeds.iter().any(|feed| feed.scope == Scope::PerItem);
        let names =
            |rooms: &mut dyn Iterator<Item = &Arc<Room>>| rooms.map(|room| room.name.clone()).collect();
        Telling {
            changes: receivers(Part::Told),
            handed_over: receivers(Part::HandedOver),
            report_directly: self
                .config
                .shipments
                .report_directly
                .iter()
                .map(|unit| Unit::from(unit.as_str()))
                .collect(),
            asked_by_item: names(&mut self.peers.values().filter(asked).filter(by_item)),
            asked: names(&mut self.peers.values().filter(asked)),
        }
    }

    /// Whoever is to act on what followed for a shipment hears of it.
    pub fn heed(&self, carrier: &Room, news: &News) {
        self.wake(news.queued.iter().map(|queued| &queued.peer));
        if news.ask {
            carrier.poll_bell.ring();
        }
        for alert in &news.alerts {
            self.metrics.shipment_alerts.with_label_values(&[carrier.name.as_str(), alert]).inc();
            tracing::warn!(event = "shipment-alert", peer = %carrier.name, reason = alert);
        }
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

/// Units whose orders more than one carrier would take: each would carry it.
fn ordered_twice(rules: &Rules, config: &Config) -> Vec<(String, Vec<String>)> {
    let Some((kind, _)) = rules.channels.part(Part::Ordered) else { return Vec::new() };
    let carries =
        |peer: &Peer| takes(rules, peer, kind) && rules.channels.carries(&peer.adapter, &peer.dialect);
    let carriers: Vec<(&String, &Peer)> = config.peers.iter().filter(|(_, peer)| carries(peer)).collect();
    let for_all = |peer: &Peer| peer.units.is_empty();
    let mut units: BTreeSet<&str> =
        carriers.iter().flat_map(|(_, peer)| &peer.units).map(String::as_str).collect();
    units.insert("*");
    let of = |unit: &str| -> Vec<String> {
        let speaks_for = |peer: &Peer| for_all(peer) || peer.units.iter().any(|known| known == unit);
        carriers.iter().filter(|(_, peer)| speaks_for(peer)).map(|(name, _)| (*name).clone()).collect()
    };
    let doubled =
        units.into_iter().map(|unit| (unit.to_owned(), of(unit))).filter(|(_, names)| names.len() > 1);
    // What is wrong for all units need not be said of each.
    let doubled: Vec<_> = doubled.collect();
    match doubled.iter().find(|(unit, _)| unit == "*") {
        Some(all) => vec![all.clone()],
        None => doubled,
    }
}

/// Is a peer with this entry told messages of this kind?
fn takes(rules: &Rules, config: &Peer, kind: &Kind) -> bool {
    let Some(channel) = rules.channels.outbound(&config.adapter, &config.dialect, kind) else { return false };
    let named = config.receives.iter().any(|name| name == kind.as_str());
    named || (config.receives.is_empty() && !channel.on_request.contains(kind))
}

fn away_since(availability: &Availability) -> Option<gateway_core::ids::Moment> {
    match availability.presence() {
        Presence::Away { since, .. } => Some(since),
        Presence::Up => None,
    }
}

fn door_tls(config: &Config, clock: &Clock) -> Result<Option<Arc<DoorTls>>, String> {
    let tls = config.gateway.tls.as_ref().map(|tls| DoorTls::new(tls, config, clock)).transpose()?;
    Ok(tls.map(Arc::new))
}

/// The current sealing key and the old ones.
pub(crate) fn sealing_keys(config: &Config) -> Result<(SealKey, Vec<SealKey>), String> {
    let current = match std::env::var("LIENTHONG_SEALING_KEY") {
        Ok(text) => SealKey::parse(text.trim()).ok_or("LIENTHONG_SEALING_KEY is no sealing key")?,
        Err(_) => read_key(&config.gateway.sealing_key_file)?,
    };
    let old = config.gateway.old_sealing_key_files.iter().map(|path| read_key(path));
    Ok((current, old.collect::<Result<_, _>>()?))
}

fn read_key(path: &Path) -> Result<SealKey, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("cannot read the sealing key {shown}: {error}; `lienthong init` makes one")
    })?;
    SealKey::parse(text.trim())
        .ok_or_else(|| format!("{shown} is no sealing key: one line of base64, 32 bytes"))
}

/// The audit trail is told the time so often: its heads of each day go into the log within the hour.
const TRAIL_LOOK_MS: i64 = 60 * 60 * 1000;

/// A gateway that listens and delivers. Stops when [`Running::stop`] is called.
pub struct Running {
    /// The gateway.
    pub app: Arc<App>,
    /// Where it listens; where it listens by TLS, if it listens nowhere else.
    pub address: SocketAddr,
    /// Where it listens by TLS.
    pub tls_address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Opens the doors and starts the deliveries.
    pub async fn start(app: Arc<App>) -> std::io::Result<Running> {
        let plain = bind(Some(&app.config.gateway.listen).filter(|listen| !listen.is_empty())).await?;
        let by_tls = bind(app.config.gateway.tls.as_ref().map(|tls| &tls.listen)).await?;
        let local =
            |listener: &Option<TcpListener>| listener.as_ref().map(TcpListener::local_addr).transpose();
        let tls_address = local(&by_tls)?;
        let address = local(&plain)?.or(tls_address).ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let hall = Hall::new(&app.config.limits);
        let over_tls = by_tls.zip(app.tls.clone()).map(|(listener, tls)| (listener, Over::Tls(tls)));
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let asked_to_stop = |mut stopped: watch::Receiver<bool>| async move {
            // An error means that whoever could stop us is gone: the same.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        for (listener, over) in plain.map(|listener| (listener, Over::Plain)).into_iter().chain(over_tls) {
            let (app, hall, stop) = (app.clone(), hall.clone(), asked_to_stop(stopped.clone()));
            tasks.spawn(async move {
                if let Err(error) = http::serve(app, listener, over, hall, stop).await {
                    tracing::error!(event = "door-failed", %error);
                }
            });
        }
        tasks.spawn({
            let (app, stop) = (app.clone(), asked_to_stop(stopped.clone()));
            async move {
                if let Err(error) = http::serve_admin(app, stop).await {
                    tracing::error!(event = "admin-door-failed", %error);
                }
            }
        });
        for room in app.peers.values().filter(|room| !room.config.endpoints.is_empty()) {
            let (app, room, stopped) = (app.clone(), room.clone(), stopped.clone());
            tasks.spawn(delivery::keep_running(app, room, stopped));
        }
        tasks.spawn({
            let (app, mut stop) = (app.clone(), Box::pin(asked_to_stop(stopped.clone())));
            async move {
                loop {
                    let next = app.clock.now().plus_millis(TRAIL_LOOK_MS);
                    tokio::select! {
                        () = app.clock.sleep_until(next) => app.trail.day(app.clock.now()).await,
                        () = &mut stop => return,
                    }
                }
            }
        });
        for room in app.peers.values().filter(|room| room.is_polled()) {
            let (app, room, stopped) = (app.clone(), room.clone(), stopped.clone());
            tasks.spawn(poller::keep_running(app, room, stopped));
        }
        Ok(Running { app, address, tls_address, stop, tasks })
    }

    /// Takes no more calls, lets those in progress end within their bounds, and closes the store.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        self.app.trail.close().await;
        self.app.store.close().await;
    }
}

async fn bind(listen: Option<&String>) -> std::io::Result<Option<TcpListener>> {
    match listen {
        Some(listen) => TcpListener::bind(listen).await.map(Some),
        None => Ok(None),
    }
}

/// The channels that peers call us by, for `lienthong check` to count.
pub fn inbound_doors(rules: &Rules) -> impl Iterator<Item = &Channel> {
    rules.channels.by_adapter.values().flatten().filter(|channel| channel.direction == Direction::In)
}
