//! The proof: a gateway that is killed again and again beside hostile peers, and an account of every message it ever acknowledged.
//!
//! Eight senders say numbered messages of many dossiers through the real door; over a broker half of them publish at the door there, and
//! what the broker has confirmed is owed. Two peers take them: with one, lost answers can be
//! asked back, with the other not, and snapshots may be repeated at both; so there is one operation of each class. Both fail,
//! hang, lose answers, reset and redirect as a seed says. Each round is one life of the gateway, which is this very
//! program as a process of its own, and ends with SIGKILL; in every third round within 50 ms of its start. After the last
//! round the peers become well-behaved, the backlog must drain by itself, and then [`account`] looks.
//! Nothing here knows how the gateway works: it is judged by its door, its peers and its timeline.

pub mod account;
mod broker;
mod child;
mod peer;
mod poster;
mod schedule;
mod senders;

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::account::Account;
pub use self::broker::Broker;
use self::child::Life;
use self::peer::{Hostile, Shows};
use self::schedule::{Death, SENDERS, Schedule};
use self::senders::Sender;
use crate::clock::Clock;
use crate::keyring;
use crate::store::{Seal, SealKey, Store};
use crate::story::UNIT;

/// A gateway that is not ready after so long never will be.
const READY_MAX: Duration = Duration::from_secs(30);
/// A life that does not come to the moment of its death ends after so long all the same.
const LIFE_MAX: Duration = Duration::from_millis(1_500);
/// The same over a broker; a round stays below four seconds.
const LIFE_OVER_BROKER_MAX: Duration = Duration::from_millis(3_300);
/// A backlog that has not changed for so long has stopped draining. Longer than the pauses after which a step of the third class is
/// said again for the second time.
const STILL_MAX: Duration = Duration::from_secs(12);
/// The same over a broker, which takes seconds to come back, and tens of them where its queue has lost its leader and is made anew.
const STILL_OVER_BROKER_MAX: Duration = Duration::from_secs(90);
/// The senders and the backlog come to their end within this, or they never will.
const END_MAX: Duration = Duration::from_secs(600);

/// In each round of so many the broker dies as well.
const BROKER_DIES: usize = 10;

/// The gateway outlives it by so much.
const WITHOUT_BROKER: Duration = Duration::from_millis(800);

/// What carries the deliveries between the store and the peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Carrier {
    /// The gateway's own queue.
    Embedded,
    /// A broker.
    Rabbitmq,
}

/// What is to be proved.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Lives that end with a kill.
    pub rounds: usize,
    /// What the schedule is drawn from.
    pub seed: u64,
    /// The carrier.
    pub carrier: Carrier,
    /// Where configuration, store and keys of this proof go.
    pub folder: PathBuf,
}

/// What came out.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub struct Findings {
    /// Of every acknowledged message.
    pub account: Account,
    /// Messages that were acknowledged.
    pub messages: usize,
    /// Calls that the peers spoiled.
    pub spoiled: u64,
    /// Kills.
    pub kills: usize,
    /// Of these, before the gateway was ready.
    pub kills_before_ready: usize,
    /// Kills of the broker.
    pub broker_kills: usize,
    /// The longest time from the start of a process to its readiness.
    pub ready_ms_max: u64,
    /// The longest round.
    pub round_ms_max: u64,
    /// How long the backlog took to drain in the end.
    pub drain_ms: u64,
}

/// How far it is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Rounds that are over.
    pub rounds: usize,
    /// Messages that were acknowledged.
    pub answers: u64,
    /// What took effect at the peers.
    pub effects: u64,
}

/// Everything that stands while gateways come and go.
struct Ground {
    schedule: Schedule,
    config: PathBuf,
    peers: Vec<Hostile>,
    address: watch::Sender<Option<SocketAddr>>,
    answers: watch::Receiver<u64>,
    effects: watch::Receiver<u64>,
    findings: Findings,
    over_broker: bool,
}

impl Proof {
    /// Carries it out. An error means that nothing could be found out; what was found is judged by the account.
    pub async fn carry_out(&self, mut progress: impl FnMut(Progress)) -> Result<Findings, String> {
        let schedule = Schedule { seed: self.seed, rounds: self.rounds };
        let (tell_effects, effects) = watch::channel(0);
        let mut peers = Vec::new();
        for (name, shows) in [("shown", Shows::Steps), ("hidden", Shows::Nothing)] {
            peers.push(Hostile::start(name, shows, schedule, tell_effects.clone()).await?);
        }
        let seal = SealKey::generate();
        let mut broker = match self.carrier {
            Carrier::Embedded => None,
            Carrier::Rabbitmq => Some(Broker::start(&self.folder.join("broker"))?),
        };
        let carrier = broker.as_ref().map(Broker::configuration).unwrap_or_default();
        let config = self
            .lay(&peers, &seal, &carrier)
            .map_err(|error| format!("{}: {error}", self.folder.display()))?;
        let keys = self.folder.join("data").join("keys.toml");
        let keys = crate::config::Config::load(&config).map_or(keys, |config| config.gateway.keys_file());
        let (_, key) = keyring::add(&keys, "relay", None, "prove", Clock::system().now())
            .map_err(|error| format!("{}: {error}", keys.display()))?;

        let (address, gateway) = watch::channel(None);
        let (tell_answers, answers) = watch::channel(0);
        let (allow, allowed) = watch::channel(0);
        let mut speaking = JoinSet::new();
        for which in 0..SENDERS {
            let (key, gateway, allowed, answers) =
                (key.clone(), gateway.clone(), allowed.clone(), tell_answers.clone());
            // Where there is a broker, every second one publishes there.
            let broker = broker.as_ref().filter(|_| which % 2 == 1).map(Broker::url);
            speaking.spawn(Sender { which, schedule, key, broker, gateway, allowed, answers }.speak());
        }
        let findings = Findings::default();
        let over_broker = broker.is_some();
        let mut ground = Ground { schedule, config, peers, address, answers, effects, findings, over_broker };
        for round in 0..self.rounds {
            allow.send_replace(schedule.allowed(round));
            let dies = broker.as_mut().filter(|_| round % BROKER_DIES == BROKER_DIES - 1);
            ground.live(round, dies).await?;
            let (answers, effects) = (*ground.answers.borrow(), *ground.effects.borrow());
            progress(Progress { rounds: round + 1, answers, effects });
        }
        let refused = ground.end(speaking).await?;
        let store = Store::open_read_only(
            &self.folder.join("data"),
            Seal::from_keys(&seal, &[]).map_err(|error| error.to_string())?,
        )
        .map_err(|error| error.to_string())?;
        let mut findings = ground.findings;
        let mut account = Account::draw_up(&schedule, &refused, &store, &ground.peers).await?;
        account.breaches.splice(0..0, findings.account.breaches);
        findings.account = account;
        findings.spoiled = ground.peers.iter().map(Hostile::spoiled).sum();
        findings.messages = schedule.messages() - refused.len();
        Ok(findings)
    }

    /// The folder of a gateway that was never started.
    fn lay(&self, peers: &[Hostile], seal: &SealKey, carrier: &str) -> std::io::Result<PathBuf> {
        let folder = self.folder.display().to_string();
        fs::create_dir_all(self.folder.join("data"))?;
        fs::write(self.folder.join("sealing.key"), seal.to_line())?;
        fs::write(self.folder.join("portal.password"), "mat-khau-thu")?;
        let mut text = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\ndata = \"{folder}/data\"\nsealing_key_file = \"{folder}/sealing.key\"\n\
             overlay = \"{folder}/overlay\"\n{carrier}\
             [peers.relay]\nadapter = \"onestop\"\ndialect = \"relay\"\nunit = \"{UNIT}\"\n",
        );
        if !carrier.is_empty() {
            text.push_str("[peers.relay.door]\nbroker_user = \"guest\"\ncalls_per_minute_max = 60000\n");
        }
        text.extend(peers.iter().map(|peer| peer.entry(&folder)));
        let config = self.folder.join("lienthong.toml");
        fs::write(&config, text)?;
        Ok(config)
    }
}

impl Ground {
    /// One round: a life of the gateway, from its start to its kill. The broker that dies in it dies first, so that the gateway feels it.
    async fn live(&mut self, round: usize, dies: Option<&mut Broker>) -> Result<(), String> {
        let before = (*self.answers.borrow(), *self.effects.borrow());
        let mut life = self.start()?;
        let death = match self.schedule.death(round) {
            // A broker is greeted first, which takes longer than most of these lives: then nothing would ever be under way.
            Death::Answer(count) if self.over_broker => Death::Effect(count),
            Death::Ready(after) if self.over_broker => Death::Ready(after * 3),
            death => death,
        };
        let is_ready = match death {
            Death::Start(after) => {
                tokio::time::sleep_until((life.began() + after).into()).await;
                false
            }
            _ => self.welcome(&mut life).await?,
        };
        if is_ready {
            let mut answers = self.answers.clone();
            let mut effects = self.effects.clone();
            let moment = async {
                // An error means that nobody counts any more; then the bound below ends this life.
                let _ = match death {
                    Death::Answer(wanted) => {
                        answers.wait_for(|count| *count >= before.0 + wanted).await.map(drop)
                    }
                    Death::Effect(wanted) => {
                        effects.wait_for(|count| *count >= before.1 + wanted).await.map(drop)
                    }
                    Death::Ready(after) | Death::Start(after) => {
                        tokio::time::sleep(after).await;
                        Ok(())
                    }
                };
            };
            let life_max = match (self.over_broker, &dies) {
                (false, _) => LIFE_MAX,
                (true, None) => LIFE_OVER_BROKER_MAX,
                (true, Some(_)) => LIFE_OVER_BROKER_MAX - WITHOUT_BROKER,
            };
            let _ = tokio::time::timeout(life_max, moment).await;
        }
        if let Some(broker) = dies {
            broker.kill_and_begin_again().map_err(|error| format!("the broker: {error}"))?;
            self.findings.broker_kills += 1;
            if is_ready {
                tokio::time::sleep(WITHOUT_BROKER).await;
            }
        }
        let by_itself = life.ended();
        life.kill();
        self.address.send_replace(None);
        if let Some(how) = by_itself {
            self.findings.account.breaches.push(format!("round {round}: the gateway ended by itself: {how}"));
        }
        self.findings.kills += 1;
        self.findings.kills_before_ready += usize::from(!is_ready);
        self.findings.round_ms_max = self.findings.round_ms_max.max(millis(life.began()));
        Ok(())
    }

    fn start(&self) -> Result<Life, String> {
        Life::start(&self.config).map_err(|error| error.to_string())
    }

    /// Waits until it is ready and tells the senders where it is; false if it ended before.
    async fn welcome(&mut self, life: &mut Life) -> Result<bool, String> {
        let ready = tokio::time::timeout(READY_MAX, life.ready()).await;
        let Some((address, ready_ms)) = ready.map_err(|_| "the gateway does not become ready".to_owned())?
        else {
            return Ok(false);
        };
        self.findings.ready_ms_max = self.findings.ready_ms_max.max(ready_ms);
        self.address.send_replace(Some(address));
        Ok(true)
    }

    /// The last life: the peers behave, everything is said, the backlog drains. Gives what was refused.
    async fn end(
        &mut self,
        mut speaking: JoinSet<Vec<(u64, String)>>,
    ) -> Result<BTreeMap<u64, String>, String> {
        self.peers.iter().for_each(Hostile::calm);
        let mut life = self.start()?;
        let until = Instant::now() + END_MAX;
        if !self.welcome(&mut life).await? {
            let how = life.ended().unwrap_or_default();
            return Err(format!("the gateway does not start after the last kill: {how}"));
        }
        let Some(address) = *self.address.borrow() else { return Ok(BTreeMap::new()) };
        let mut refused = BTreeMap::new();
        let saying = async {
            while let Some(said) = speaking.join_next().await {
                refused.extend(said.unwrap_or_default());
            }
        };
        if tokio::time::timeout_at(until.into(), saying).await.is_err() {
            return Err("the senders are not answered any more".to_owned());
        }
        let began = Instant::now();
        let (mut left, mut since) = (None, Instant::now());
        let still_max = if self.over_broker { STILL_OVER_BROKER_MAX } else { STILL_MAX };
        while Instant::now() < until && since.elapsed() < still_max {
            let now = (waiting(address).await, *self.effects.borrow());
            if now.0 == Some(0) {
                break;
            }
            if left != Some(now) {
                (left, since) = (Some(now), Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.findings.drain_ms = millis(began);
        if let Some(how) = life.ended() {
            self.findings.account.breaches.push(format!("the gateway ended by itself at last: {how}"));
        }
        life.kill();
        Ok(refused)
    }
}

/// How many deliveries wait for anything but a person, by the gateway's own metrics; none if it does not answer.
async fn waiting(address: SocketAddr) -> Option<u64> {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let request = Request::get(format!("http://{address}/metrics")).body(Empty::new()).ok()?;
    let response = tokio::time::timeout(Duration::from_secs(5), client.request(request)).await.ok()?.ok()?;
    let text = response.into_body().collect().await.ok()?.to_bytes();
    let text = String::from_utf8_lossy(&text).into_owned();
    let by_state = text.lines().filter(|line| line.starts_with(crate::telemetry::DELIVERIES));
    let waiting = by_state.filter(|line| !line.contains("in-doubt") && !line.contains("dead"));
    Some(waiting.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
}

fn millis(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

/// A folder of its own for each proof.
pub fn folder_for(seed: u64) -> PathBuf {
    let name = format!("lienthong-prove-{seed}-{}", gateway_core::ids::hex(&crate::clock::chance::<4>()));
    Path::new(&std::env::temp_dir()).join(name)
}
