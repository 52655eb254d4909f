//! Stories: what happens to dossiers, told in lines a person can read, played through the real doors.
//!
//! ```text
//! story: the portal is down for a while
//!   portal answers   503 503 200
//!   relay sends      dossier-recorded plain.json        -> 0
//!   after            3m
//!   portal heard     3 calls, 1 dossiers
//! ```
//!
//! | line | what happens, or must be so |
//! |---|---|
//! | `with <peer> …` | who stands on stage beside the portal: carriers, the counter's software, a subscriber, who asks, the database; a folder of data |
//! | `given <peer> <setting>` | a line for that peer's entry; `given simulator …` is the portal's other side; `{folder}` is the stage's |
//! | `<sender> sends <kind> <file> [of <unit>] [with Field=value, …] -> <code> [words]` | a call and its answer |
//! | `<sender> sends <n> <kind> <file> from <code> -> <code>` | n calls, the dossier's number counting up |
//! | `portal answers <twist> …`, `portal always <twist>` | what the way to the portal does, see [`crate::simulator`] |
//! | `portal log-ins too`; `portal expire-sessions`, `know`, `forget`, `refuse`, `fail`, `busy`, `accept <code>` | also to log-ins, from here on; what the portal does by itself |
//! | `after <span>`, `restart`, `overlay <path> <text>` | time passes; a restart; a file of the province's own |
//! | `pause <peer>`, `resume <peer>`, `entry <peer> <setting>` | an operator stops what is sent to it; a restart with another setting in its entry |
//! | `clock back <span>`, `clock forward <span>` | the machine's clock is set, without that the time has passed |
//! | `redeliver`, `settle`, `correct`, `discard <code> …` | what an operator does; `replay <peer>` since the beginning |
//! | `desk orders`, `desk cancels`, `desk asks <file> [with a.b=value, …] -> <status>` | the counter wants something carried, or not after all |
//! | `portal pushes <end of path> <file> [with a.b=value, …] -> <code> [words]` | the portal pushes a dossier, or asks about one |
//! | `<caller> asks <operation> <file> [with a.b=value, …] -> <status> [words, no words]` | a question about a citizen, and `kiosk looks up <code> by receipt -> …` or by a code; `as before` for the same answer; `given licence …`, `given questions …` |
//! | `given officers <caller> = <officer>` | its key is that officer's own |
//! | `audit <n> questions`, `alarms <reason> <n>`, `payment-alerts <peer> <reason> <n>` | the audit trail is whole and has so many; somebody was reported for going through numbers; what a provider said of money was no use |
//! | `<peer> answers`, `always`, `heard`, `is`, and whatever it does by itself | for every peer on stage, as for the portal |
//! | `<peer> calls [<status>]`, `<peer> told <states>` | it sends what it has to tell; what it was told, in order; `told <list>: …` of a list of its own |
//! | `stations [<code>] <which> <state>, …` | where shipments were, in the order in which it became known |
//! | `alerts <reasons>`, `changes <details>` | what a person was asked to look at, what a rule changed, of the dossier spoken of last |
//! | `timeline [<code>] <events>` | the stations of a dossier's way; `details` shows all that happened instead |
//! | `same <code> <code>` | both codes find one timeline |
//! | `portal heard`, `steps`, `status`, `order`, `portal is up` | what took effect there, in which order, and how it is |
//! | `tell <words>` | nothing happens; for whoever watches |
//! | `open <n>`, `dead-letters <n>` | what is not settled, what waits for a person |
//! | `catalogue <peer> <list> <n> entries, <n> changes` | what was pulled, and what changed since; `none` before |
//!
//! A story runs the server in this process over real sockets and a real store. Its clock is its own (in tests) or the machine's
//! (in the demonstration). Nothing sleeps and hopes: after each line the stage waits until nothing is left to do at this
//! moment, with a bound.

mod asking;
mod cast;
mod expecting;
mod folders;
mod operating;
mod script;
mod sending;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::adapter::Secret;
use gateway_core::ids::Moment;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::app::{App, Running};
use crate::clock::Clock;
use crate::config::Config;
use crate::files::Files;
use crate::keyring;
use crate::simulator::Host;
use crate::store::Event;

use self::cast::{EXTRAS, PASSWORD, SIGNING_SECRET};
use self::script::{after_words, millis};

pub(crate) use self::script::span;
pub use self::script::{Given, Otherwise, Story, parse};

/// The local software that speaks in stories, by peer name and dialect.
const SENDERS: [(&str, &str); 3] = [("relay", "relay"), ("envelope", "envelope"), ("xml", "xml")];

/// The agency of all stories.
pub const UNIT: &str = "000.00.00.H99";

/// So long the stage waits at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// So long a peer on stage may take for an answer where a story says nothing: on a machine that does other things besides, an ordinary answer
/// takes seconds, and a step that is silent for too long is rightly sent again. Who tells of silence gives a shorter time.
const PATIENT: &str = "answer_ms_max = 15000\n";

/// Where documents named in stories come from, by file name.
pub type Documents = BTreeMap<String, String>;

/// A gateway, a simulated portal and local software, on loopback ports of their own.
pub struct Stage {
    folder: PathBuf,
    clock: Clock,
    documents: Documents,
    given: Given,
    running: Option<Running>,
    /// The simulated portal.
    pub portal: Host,
    /// Further simulated peers, by name.
    pub hosts: BTreeMap<String, Host>,
    keys: BTreeMap<String, Secret>,
    client: Client<HttpConnector, Full<Bytes>>,
    session: Option<String>,
    /// The last answer to a question.
    answered: String,
    /// The last reference that an answer named.
    reference: String,
    /// Dossier codes that were spoken of, in order.
    pub dossiers: Vec<String>,
}

impl Stage {
    /// Sets the stage in a folder of its own. What is given is added to the peers' entries of the configuration.
    pub async fn set(
        folder: PathBuf,
        clock: Clock,
        documents: Documents,
        given: Given,
    ) -> Result<Stage, String> {
        let simulator = given.get("simulator").map_or_else(String::new, |lines| lines.join("\n"));
        let settings: toml::Table = toml::from_str(&simulator).map_err(|error| error.to_string())?;
        let portal = adapters::simulator("portal", "", &settings).ok_or("no simulator of the portal")?;
        let loopback = ([127, 0, 0, 1], 0).into();
        let portal = Host::start(portal, loopback, clock.clone()).await.map_err(|error| error.to_string())?;
        portal.spare(Some("login"));
        let mut hosts = BTreeMap::new();
        for extra in EXTRAS.iter().filter(|extra| given.contains_key(extra.name)) {
            let settings = extra.simulated(&given[extra.name].join("\n"))?;
            let Some(peer) = adapters::simulator(extra.adapter, extra.dialect, &settings) else { continue };
            let host = Host::start(peer, loopback, clock.clone()).await.map_err(|error| error.to_string())?;
            // `/token`, `/GetAccessToken`: log-ins, as at the portal.
            host.spare(Some("oken"));
            hosts.insert(extra.name.to_owned(), host);
        }
        hosts.extend(folders::raised(&folder, &documents, &given, &clock).await?);
        std::fs::create_dir_all(folder.join("data")).map_err(|error| error.to_string())?;
        let sealing = crate::store::SealKey::generate().to_line();
        std::fs::write(folder.join("sealing.key"), sealing).map_err(|error| error.to_string())?;
        for (name, secret) in [("portal.password", PASSWORD), ("signing.secret", SIGNING_SECRET)] {
            std::fs::write(folder.join(name), secret).map_err(|error| error.to_string())?;
        }
        let mut stage = Stage {
            folder,
            clock,
            documents,
            given,
            running: None,
            portal,
            hosts,
            keys: BTreeMap::new(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            session: None,
            answered: String::new(),
            reference: String::new(),
            dossiers: Vec::new(),
        };
        stage.start().await?;
        let extras = EXTRAS.iter().map(|extra| extra.name).filter(|name| stage.given.contains_key(*name));
        let callers = SENDERS.iter().map(|(peer, _)| *peer).chain(["portal"]).chain(extras);
        let callers = callers.chain(folders::named(&stage.given));
        let callers: Vec<String> = callers.map(str::to_owned).collect();
        for peer in callers.iter().map(String::as_str) {
            let path = stage.app().config.gateway.keys_file();
            let given = stage.given_to("officers");
            let officer = given.lines().find_map(|line| line.strip_prefix(peer)?.strip_prefix(" = "));
            let (_, key) = keyring::add(&path, peer, officer, "story", stage.clock.now())
                .map_err(|error| error.to_string())?;
            stage.keys.insert(peer.to_owned(), key);
        }
        Ok(stage)
    }

    /// The gateway on stage.
    pub fn app(&self) -> &Arc<App> {
        // `running` is empty only between the two halves of a restart, which no caller can see.
        match &self.running {
            Some(running) => &running.app,
            None => unreachable!("the stage is set"),
        }
    }

    /// Where the gateway listens.
    pub fn address(&self) -> std::net::SocketAddr {
        self.running.as_ref().map_or_else(|| ([127, 0, 0, 1], 0).into(), |running| running.address)
    }

    /// Where the gateway listens by TLS, if it does.
    pub fn tls_address(&self) -> Option<std::net::SocketAddr> {
        self.running.as_ref()?.tls_address
    }

    /// The key that a sender of the story calls with.
    pub fn key(&self, sender: &str) -> Option<&Secret> {
        self.keys.get(sender)
    }

    /// The folder of this stage.
    pub fn folder(&self) -> &PathBuf {
        &self.folder
    }

    /// The configuration of this stage, as text.
    pub fn configuration(&self) -> String {
        let folder = self.folder.display();
        let mut text = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\ndata = \"{folder}/data\"\nsealing_key_file = \"{folder}/sealing.key\"\noverlay = \"{folder}/overlay\"\n{}\n[limits]\n{}",
            self.given_to("gateway"),
            self.given_to("limits"),
        );
        let queue = self.given_to("queue");
        if !queue.is_empty() {
            text.push_str(&format!("\n[queue]\n{queue}"));
        }
        for (peer, dialect) in SENDERS {
            text.push_str(&format!(
                "\n[peers.{peer}]\nadapter = \"onestop\"\ndialect = \"{dialect}\"\nunit = \"{UNIT}\"\n"
            ));
            text.push_str(&self.given_to(peer));
        }
        let given = self.given_to("portal");
        text.push_str(&format!(
            "\n[peers.portal]\nadapter = \"portal\"\nendpoints.portal = \"http://{}\"\nkeys.password = {{ file = \"{folder}/portal.password\" }}\nsettings.username = \"tichhop.h99.example\"\nsettings.unit = \"{UNIT}\"\n",
            self.portal.address(),
        ));
        if !given.contains("answer_ms_max") {
            text.push_str(PATIENT);
        }
        text.push_str(&given);
        for extra in EXTRAS.iter().filter(|extra| self.given.contains_key(extra.name)) {
            let at = self.hosts.get(extra.name).map(Host::address);
            text.push_str(&extra.entry(&folder.to_string(), at, &self.given_to(extra.name)));
        }
        text.push_str(&folders::entries(&self.folder, &self.given, &self.hosts));
        if self.given.contains_key("database") {
            text.push_str(&cast::licence(&self.given_to("licence"), &self.given_to("questions")));
        }
        for section in ["shipments", "lookups", "catalogues"] {
            let given = self.given_to(section);
            text.push_str(&if given.is_empty() { given } else { format!("\n[{section}]\n{given}") });
        }
        text
    }

    /// The simulated peer of that name.
    fn host(&self, name: &str) -> Option<&Host> {
        if name == "portal" { Some(&self.portal) } else { self.hosts.get(name) }
    }

    fn given_to(&self, peer: &str) -> String {
        let folder = self.folder.display().to_string();
        let lines = self.given.get(peer).into_iter().flatten();
        lines.map(|setting| setting.replace("{folder}", &folder) + "\n").collect()
    }

    async fn start(&mut self) -> Result<(), String> {
        let file = self.folder.join("lienthong.toml");
        std::fs::write(&file, self.configuration()).map_err(|error| error.to_string())?;
        let config = Config::load(&file).map_err(|defects| defects[0].to_string())?;
        let files = Files::with_overlay(&config.gateway.overlay).map_err(|error| error.to_string())?;
        let app = App::open(config, "lienthong.toml", files, self.clock.clone())
            .await
            .map_err(|error| error.to_string())?;
        self.running = Some(Running::start(app).await.map_err(|error| error.to_string())?);
        // What a start does by itself (feeds are asked) is over before the first line is played.
        self.quiet().await
    }

    /// Stops the gateway and starts it again on the same store.
    pub async fn restart(&mut self) -> Result<(), String> {
        self.stop().await;
        self.start().await
    }

    /// Stops the gateway.
    pub async fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.stop().await;
        }
    }

    /// Plays a story; `before` hears each line before it is played.
    pub async fn play(&mut self, story: &Story, mut before: impl FnMut(&str)) -> Result<(), Otherwise> {
        for (line, text) in &story.lines {
            before(text);
            // So that what one line causes is told before what the next one does.
            self.clock.advance_to(self.clock.now().plus_millis(1));
            if let Err(seen) = self.line(text).await {
                return Err(Otherwise { line: *line, seen: seen + &self.doubts().await });
            }
        }
        Ok(())
    }

    async fn line(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [sender, "sends", many, kind, file, "from", code, "->", wanted] => {
                self.send_many([sender, kind, file, code, wanted], many).await?;
            }
            [sender, "sends", ..] => self.send(sender, text).await?,
            ["portal", "pushes", ..] => self.push(text).await?,
            ["portal", "log-ins", "too"] => self.portal.spare(None),
            ["portal", "order", ..] => return self.expect_order(after_words(text, 2)).await,
            ["portal", "steps", code, ..] => return self.expect_steps(code, after_words(text, 3)).await,
            ["portal", "status", code, status] => return self.expect_status(code, status).await,
            ["desk", "orders", ..] => self.order("/api/postal/orders", text).await?,
            ["desk", "asks", ..] => self.order("/api/postal/price", text).await?,
            ["desk", "cancels", ..] => self.order("/api/postal/orders/cancel", text).await?,
            ["audit", count, "questions"] => return self.expect_trail(count).await,
            ["alarms", reason, count] => return self.expect_alarms(reason, count),
            ["payment-alerts", peer, reason, count] => {
                return self.expect_payment_alerts(peer, reason, count);
            }
            [caller, "asks" | "looks", ..] => return self.ask(caller, text).await,
            ["stations", ..] => return self.expect_notes(after_words(text, 1), Event::ShipmentMoved).await,
            ["changes", ..] => return self.expect_notes(after_words(text, 1), Event::Shortened).await,
            ["payments", ..] => return self.expect_payments(after_words(text, 1)).await,
            ["alerts", ..] => return self.expect_notes(after_words(text, 1), Event::ShipmentAlert).await,
            ["replay", peer] => self.replay(peer).await?,
            [peer, "calls", ..] => self.call_in(peer, after_words(text, 2)).await?,
            [peer, verb, rest @ ..] if self.host(peer).is_some() => {
                return self.on_stage(peer, verb, rest, after_words(text, 2)).await;
            }
            ["tell", ..] => return Ok(()),
            ["after", span] => self.pass(span).await?,
            ["clock", way, span] => self.set_clock(way, span)?,
            ["restart"] => self.restart().await?,
            [verb @ ("pause" | "resume"), peer] => self.pause_or_resume(verb, peer).await?,
            ["entry", peer, ..] => self.enter(peer, after_words(text, 2)).await?,
            ["overlay", path, ..] => self.overlay(path, after_words(text, 2))?,
            ["timeline", ..] => return self.expect_timeline(after_words(text, 1), Event::is_milestone).await,
            ["details", ..] => return self.expect_timeline(after_words(text, 1), |_| true).await,
            ["same", one, other] => return self.expect_same(one, other).await,
            ["open", count] => return self.expect_open(count).await,
            ["redeliver", code] => self.redeliver(code).await?,
            ["settle", code, verdict] => self.settle_doubt(code, verdict).await?,
            ["correct", code, change @ ..] => self.correct(code, &change.join(" ")).await?,
            ["discard", code, reason @ ..] => self.discard(code, &reason.join(" ")).await?,
            ["dead-letters", count] => return self.expect_dead(count).await,
            ["catalogue", peer, list, ..] => {
                return self.expect_catalogue(peer, list, after_words(text, 3)).await;
            }
            _ => return Err(format!("a story does not know the line `{text}`")),
        }
        self.quiet().await
    }

    /// Lets time pass: moment by moment on a story's own clock, really on the machine's.
    async fn pass(&self, span: &str) -> Result<(), String> {
        let millis = millis(span).ok_or_else(|| format!("`{span}` is no span like 3m"))?;
        let target = self.clock.now().plus_millis(millis);
        if self.clock.is_manual() {
            loop {
                self.quiet().await?;
                match self.next_alarm().filter(|alarm| *alarm <= target) {
                    Some(alarm) => self.clock.advance_to(alarm),
                    None => break,
                }
            }
            self.clock.advance_to(target);
        } else {
            self.clock.sleep_until(target).await;
        }
        Ok(())
    }

    /// When something happens by itself. A loop says when it looks again a moment before it goes to sleep until then, so not only those count
    /// that sleep: on a busy machine time would pass it by.
    fn next_alarm(&self) -> Option<Moment> {
        let said =
            self.app().peers.values().flat_map(|room| [room.bell.until(), room.poll_bell.until()]).flatten();
        let now = self.clock.now();
        said.filter(|moment| *moment > now).chain(self.clock.next_alarm()).min()
    }

    /// This moment on stage.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}
