//! Stories: what happens to dossiers, told in lines a person can read, played through the real doors.
//!
//! ```text
//! story: the portal is down for a while
//!   portal answers   503 503 200
//!   relay sends      dossier-recorded plain.json        -> 0
//!   after            3m
//!   timeline         accepted, queued, peer-away, peer-back, delivered
//!   portal heard     3 calls, 1 dossiers
//! ```
//!
//! | line | what happens, or must be so |
//! |---|---|
//! | `with <peer> …` | peers that stand on stage beside the portal: carriers, the counter's software, a subscriber, who asks, the database |
//! | `given <peer> <setting>` | a line for that peer's entry; `given simulator …` is the portal's other side; `{folder}` is the stage's |
//! | `<sender> sends <kind> <file> [of <unit>] [with Field=value, …] -> <code> [words]` | a call and its answer |
//! | `<sender> sends <n> <kind> <file> from <code> -> <code>` | n calls, the dossier's number counting up |
//! | `portal answers <twist> …`, `portal always <twist>` | what the way to the portal does, see [`crate::simulator`] |
//! | `portal log-ins too` | from here on also to log-ins, which are spared otherwise |
//! | `portal expire-sessions`, `know`, `forget`, `refuse`, `fail`, `busy`, `accept <code>` | what the portal does by itself |
//! | `after <span>`, `restart`, `overlay <path> <text>` | time passes; a restart; a file of the province's own |
//! | `redeliver`, `settle`, `correct`, `discard <code> …` | what an operator does; `replay <peer>` since the beginning |
//! | `desk orders`, `desk cancels`, `desk asks <file> [with a.b=value, …] -> <status>` | the counter wants something carried, or not after all |
//! | `<caller> asks <operation> <file> [with a.b=value, …] -> <status> [words, no words]` | a question about a citizen; `as before` for the same answer; `given licence …`, `given questions …` |
//! | `given officers <caller> = <officer>` | its key is that officer's own |
//! | `audit <n> questions`, `alarms <reason> <n>` | the audit trail is whole and has so many; somebody was reported for going through numbers |
//! | `<peer> answers`, `always`, `heard`, `is`, and whatever it does by itself | for every peer on stage, as for the portal |
//! | `<peer> calls [<status>]`, `<peer> told <states>` | it sends what it has to tell; what it was told, in order |
//! | `stations [<code>] <which> <state>, …` | where shipments were, in the order in which it became known |
//! | `alerts <reasons>`, `changes <details>` | what a person was asked to look at, what a rule changed, of the dossier spoken of last |
//! | `timeline [<code>] <events>` | the stations of a dossier's way; `details` shows all that happened instead |
//! | `portal heard`, `steps`, `status`, `order`, `portal is up` | what took effect there, in which order, and how it is |
//! | `tell <words>` | nothing happens; for whoever watches |
//! | `open <n>`, `dead-letters <n>` | what is not settled, what waits for a person |
//!
//! A story runs the server in this process over real sockets and a real store. Its clock is its own (in tests) or the machine's
//! (in the demonstration). Nothing sleeps and hopes: after each line the stage waits until nothing is left to do at this
//! moment, with a bound.

mod asking;
mod cast;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::adapter::Secret;
use gateway_core::ids::Moment;
use gateway_core::pipeline::DeliveryId;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

use crate::app::{App, Room, Running};
use crate::clock::Clock;
use crate::config::Config;
use crate::files::Files;
use crate::keyring;
use crate::simulator::{Host, Twist};
use crate::store::{Event, Filter, Operator, Reach, WhatHappened};

use self::cast::{EXTRAS, PASSWORD, SIGNING_SECRET};

/// One story, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Story {
    /// What it tells.
    pub title: String,
    /// Settings it needs, from its lines `given <peer> <setting>`: by peer; `limits` stands for the door's, `gateway` for its own.
    pub given: Given,
    /// Its lines: number in the file, text.
    pub lines: Vec<(usize, String)>,
}

/// Settings by peer, as lines of the configuration.
pub type Given = BTreeMap<String, Vec<String>>;

/// Reads the stories of a file. Lines starting with `#` are remarks.
pub fn parse(text: &str) -> Vec<Story> {
    let mut stories: Vec<Story> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match (line.strip_prefix("story:"), stories.last_mut()) {
            (Some(title), _) => {
                stories.push(Story {
                    title: title.trim().to_owned(),
                    given: Given::new(),
                    lines: Vec::new(),
                });
            }
            (None, Some(story)) => {
                if let Some(peers) = line.strip_prefix("with ") {
                    for peer in peers.split_whitespace() {
                        story.given.entry(peer.to_owned()).or_default();
                    }
                    continue;
                }
                match line.strip_prefix("given ").and_then(|given| given.trim().split_once(' ')) {
                    Some((peer, setting)) => {
                        story.given.entry(peer.to_owned()).or_default().push(setting.trim().to_owned());
                    }
                    None => story.lines.push((index + 1, line.to_owned())),
                }
            }
            (None, None) => {}
        }
    }
    stories
}

/// Why a story went otherwise: the line and what was seen.
#[derive(Debug)]
pub struct Otherwise {
    /// The line's number in the file; 0 for the stage itself.
    pub line: usize,
    /// What was expected and what was seen.
    pub seen: String,
}

impl std::fmt::Display for Otherwise {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.seen)
    }
}

/// The local software that speaks in stories, by peer name and dialect.
const SENDERS: [(&str, &str); 3] = [("relay", "relay"), ("envelope", "envelope"), ("xml", "xml")];

/// The agency of all stories.
pub const UNIT: &str = "000.00.00.H99";

/// Something a story may take at most before the stage gives up waiting.
const PATIENCE: Duration = Duration::from_secs(30);

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
            // Software at the counter only calls.
            let Some(peer) = adapters::simulator(extra.adapter, extra.dialect, &settings) else { continue };
            let host = Host::start(peer, loopback, clock.clone()).await.map_err(|error| error.to_string())?;
            // `/token`, `/GetAccessToken`: log-ins, as at the portal.
            host.spare(Some("oken"));
            hosts.insert(extra.name.to_owned(), host);
        }
        std::fs::create_dir_all(folder.join("data")).map_err(|error| error.to_string())?;
        std::fs::write(
            folder.join("sealing.key"),
            crate::store::SealKey::generate().map_err(|error| error.to_string())?.to_line(),
        )
        .map_err(|error| error.to_string())?;
        std::fs::write(folder.join("portal.password"), PASSWORD).map_err(|error| error.to_string())?;
        std::fs::write(folder.join("signing.secret"), SIGNING_SECRET).map_err(|error| error.to_string())?;
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
            dossiers: Vec::new(),
        };
        stage.start().await?;
        let extras = EXTRAS.iter().map(|extra| extra.name).filter(|name| stage.given.contains_key(*name));
        let callers: Vec<&str> = SENDERS.iter().map(|(peer, _)| *peer).chain(extras).collect();
        for peer in callers {
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
            text.push_str("answer_ms_max = 2000\n");
        }
        text.push_str(&given);
        for extra in EXTRAS.iter().filter(|extra| self.given.contains_key(extra.name)) {
            let at = self.hosts.get(extra.name).map(Host::address);
            text.push_str(&extra.entry(&folder.to_string(), at, &self.given_to(extra.name)));
        }
        if self.given.contains_key("database") {
            text.push_str(&cast::licence(&self.given_to("licence"), &self.given_to("questions")));
        }
        let shipments = self.given_to("shipments");
        if !shipments.is_empty() {
            text.push_str(&format!("\n[shipments]\n{shipments}"));
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
        let app = App::open(config, "lienthong.toml", &files, self.clock.clone())
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
            self.line(text).await.map_err(|seen| Otherwise { line: *line, seen })?;
        }
        Ok(())
    }

    async fn line(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [sender, "sends", many, kind, file, "from", code, "->", wanted] => {
                let many = many.parse().map_err(|_| format!("`{many}` is no number"))?;
                for code in codes_from(code, many)? {
                    let with = format!("{sender} sends {kind} {file} with MaHoSo={code} -> {wanted}");
                    self.send(sender, &with).await?;
                }
            }
            [sender, "sends", ..] => self.send(sender, text).await?,
            ["portal", "log-ins", "too"] => self.portal.spare(None),
            ["portal", "order", ..] => return self.expect_order(after_words(text, 2)).await,
            ["portal", "steps", code, ..] => return self.expect_steps(code, after_words(text, 3)).await,
            ["portal", "status", code, status] => return self.expect_status(code, status).await,
            ["desk", "orders", ..] => self.order("/api/postal/orders", text).await?,
            ["desk", "asks", ..] => self.order("/api/postal/price", text).await?,
            ["desk", "cancels", ..] => self.order("/api/postal/orders/cancel", text).await?,
            ["audit", count, "questions"] => return self.expect_trail(count).await,
            ["alarms", reason, count] => return self.expect_alarms(reason, count),
            [caller, "asks", ..] => return self.ask(caller, text).await,
            ["stations", ..] => return self.expect_notes(after_words(text, 1), Event::ShipmentMoved).await,
            ["changes", ..] => return self.expect_notes(after_words(text, 1), Event::Shortened).await,
            ["alerts", ..] => return self.expect_notes(after_words(text, 1), Event::ShipmentAlert).await,
            ["replay", peer] => self.replay(peer).await?,
            [peer, "calls"] => self.call_in(peer, "200").await?,
            [peer, "calls", wanted] => self.call_in(peer, wanted).await?,
            [peer, verb, rest @ ..] if self.host(peer).is_some() => {
                return self.on_stage(peer, verb, rest, after_words(text, 2)).await;
            }
            ["tell", ..] => return Ok(()),
            ["after", span] => self.pass(span).await?,
            ["restart"] => self.restart().await?,
            ["overlay", path, ..] => self.overlay(path, after_words(text, 2))?,
            ["timeline", ..] => return self.expect_timeline(after_words(text, 1), Event::is_milestone).await,
            ["details", ..] => return self.expect_timeline(after_words(text, 1), |_| true).await,
            ["open", count] => return self.expect_open(count).await,
            ["redeliver", code] => self.redeliver(code).await?,
            ["settle", code, verdict] => self.settle_doubt(code, verdict).await?,
            ["correct", code, change @ ..] => self.correct(code, &change.join(" ")).await?,
            ["discard", code, reason @ ..] => self.discard(code, &reason.join(" ")).await?,
            ["dead-letters", count] => return self.expect_dead(count).await,
            _ => return Err(format!("a story does not know the line `{text}`")),
        }
        self.quiet().await
    }

    /// What is said to or of a simulated peer.
    async fn on_stage(&self, peer: &str, verb: &str, rest: &[&str], text: &str) -> Result<(), String> {
        let host = self.host(peer).ok_or_else(|| format!("nobody here is called `{peer}`"))?;
        match (verb, rest) {
            ("answers", twists) => host.script(twists_of(twists)?),
            ("always", ["ok"]) => host.always(None),
            ("always", [twist]) => host.always(twists_of(&[twist])?.pop()),
            ("is", [wanted]) => return self.expect_presence(peer, wanted).await,
            ("heard", _) => return self.expect_heard(peer, text).await,
            ("told", _) => return self.expect_told(peer, text).await,
            _ => {
                let words: Vec<&str> = std::iter::once(verb).chain(rest.iter().copied()).collect();
                if !host.nudge(&words) {
                    return Err(format!("the simulator of {peer} does not know `{}`", words.join(" ")));
                }
            }
        }
        self.quiet().await
    }

    /// `desk orders order.json with dossier.code=H99-1, shipment=2 -> 202`
    async fn order(&mut self, path: &str, text: &str) -> Result<(), String> {
        let (what, wanted) =
            text.split_once("->").ok_or("a line that orders says `-> <status>` at its end")?;
        let (what, changes) = what.split_once(" with ").unwrap_or((what, ""));
        let file = what.split_whitespace().nth(2).ok_or("desk orders <file>")?;
        let document = self.documents.get(file).ok_or_else(|| format!("there is no document `{file}`"))?;
        let document = changed(document, changes).map_err(|error| format!("{file}: {error}"))?;
        if let Some(code) = document["dossier"]["code"].as_str() {
            self.dossiers.retain(|known| known != code);
            self.dossiers.push(code.to_owned());
        }
        let key = self.keys.get("desk").map(Secret::reveal).unwrap_or_default();
        let headers = [("x-api-key", key)];
        let (status, body) =
            self.post_for_status(path, "application/json", &headers, document.to_string()).await?;
        let mut wanted = wanted.trim().splitn(2, ' ');
        let (code, words) = (wanted.next().unwrap_or_default(), wanted.next().unwrap_or_default());
        if status.to_string() == code && body.contains(words.trim()) {
            Ok(())
        } else {
            Err(format!("answered {status} «{body}»"))
        }
    }

    /// A peer makes the calls that it has to make.
    async fn call_in(&mut self, peer: &str, wanted: &str) -> Result<(), String> {
        let host = self.host(peer).ok_or_else(|| format!("nobody here is called `{peer}`"))?;
        let asks = host.due(self.clock.now());
        if asks.is_empty() {
            return Err(format!("{peer} has nothing to tell"));
        }
        let key = self.keys.get(peer).map(|key| key.reveal().to_owned()).unwrap_or_default();
        for ask in asks {
            let mut headers: Vec<(&str, &str)> = vec![("x-api-key", &key)];
            let media = ask.header("content-type").unwrap_or("application/json").to_owned();
            let own = ask.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
            headers.extend(own.map(|(name, value)| (name.as_str(), value.as_str())));
            let body = String::from_utf8_lossy(&ask.body.0).into_owned();
            let path = format!("/hooks{}", ask.path);
            let (status, said) = self.post_for_status(&path, &media, &headers, body).await?;
            if status.to_string() != wanted {
                return Err(format!("was answered {status} «{said}»"));
            }
        }
        Ok(())
    }

    /// `relay sends dossier-recorded plain.json with TrangThaiHoSo=4, GhiChu=x -> 0`
    async fn send(&mut self, sender: &str, text: &str) -> Result<(), String> {
        let (what, wanted) =
            text.split_once("->").ok_or("a line that sends says `-> <error_code>` at its end")?;
        let (what, changes) = what.split_once(" with ").unwrap_or((what, ""));
        let words: Vec<&str> = what.split_whitespace().collect();
        let (kind, file, unit) = match words.as_slice() {
            [_, _, kind, file] => (kind, file, UNIT),
            [_, _, kind, file, "of", unit] => (kind, file, *unit),
            _ => return Err("sends <kind> <file> [of <unit>]".to_owned()),
        };
        let document = self.documents.get(*file).ok_or_else(|| format!("there is no document `{file}`"))?;
        let mut item: Value = serde_json::from_str(document).map_err(|error| format!("{file}: {error}"))?;
        for change in changes.split(", ").filter(|change| !change.trim().is_empty()) {
            let (name, value) =
                change.split_once('=').ok_or_else(|| format!("`{change}` is no Field=value"))?;
            item[name.trim()] = Value::String(repeated(value.trim()));
        }
        if let Some(code) = item["MaHoSo"].as_str()
            && !self.dossiers.iter().any(|known| known == code)
        {
            self.dossiers.push(code.to_owned());
        }
        let answer = match sender {
            "relay" => self.post_relay(kind, unit, &item).await?,
            "envelope" => self.post_envelope(kind, unit, &item).await?,
            "xml" => self.post_xml(kind, unit, &item).await?,
            other => return Err(format!("nobody here is called `{other}`")),
        };
        let (code, words) = answer;
        let mut wanted = wanted.trim().splitn(2, ' ');
        let (wanted_code, wanted_words) =
            (wanted.next().unwrap_or_default(), wanted.next().unwrap_or_default());
        if code != wanted_code || !words.contains(wanted_words.trim()) {
            return Err(format!("answered {code} «{words}»"));
        }
        Ok(())
    }

    async fn post_relay(&self, kind: &str, unit: &str, item: &Value) -> Result<(String, String), String> {
        let path = format!("/api/SynsTTHCC/{}?MaDinhDanhDV={unit}&isUpdating=False", service(kind)?);
        let key = self.keys.get("relay").map(Secret::reveal).unwrap_or_default();
        let answer =
            self.post(&path, "application/json", &[("x-api-key", key)], json!([item]).to_string()).await?;
        read_envelope(&answer)
    }

    async fn post_envelope(
        &mut self,
        kind: &str,
        unit: &str,
        item: &Value,
    ) -> Result<(String, String), String> {
        let base = "/XrdAdapter/RestService/forward/mapi";
        if self.session.is_none() {
            let key = self.keys.get("envelope").map(Secret::reveal).unwrap_or_default();
            let log_in = json!({ "username": "envelope", "password": key }).to_string();
            let answer = self.post(&format!("{base}/login"), "application/json", &[], log_in).await?;
            let answer: Value = serde_json::from_str(&answer).map_err(|error| error.to_string())?;
            self.session = answer["session"].as_str().map(str::to_owned);
        }
        let mut body =
            json!({ "session": self.session, "madonvi": unit, "service": service(kind)?, "data": [item] });
        if kind == "dossier-recorded" {
            body["isUpdating"] = json!("False");
        }
        let answer = self.post(&format!("{base}/g"), "application/json", &[], body.to_string()).await?;
        read_envelope(&answer)
    }

    async fn post_xml(&self, kind: &str, unit: &str, item: &Value) -> Result<(String, String), String> {
        let (root, child) = (service(kind)?, if kind == "dossier-recorded" { "HoSo" } else { "TienDo" });
        let mut body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root} xmlns=\"urn:lienthong:onestop:hoso:1\">"
        );
        write_xml(child, item, &mut body);
        body.push_str(&format!("</{root}>"));
        let key = self.keys.get("xml").map(Secret::reveal).unwrap_or_default();
        let path = format!("/api/{root}?MaDinhDanhDV={unit}&isUpdating=False");
        let answer = self.post(&path, "application/xml", &[("x-api-key", key)], body).await?;
        let between = |name: &str| {
            let from = answer.split_once(&format!("<{name}>"))?.1;
            Some(from.split_once("</")?.0.to_owned())
        };
        Ok((between("error_code").unwrap_or_default(), between("message").unwrap_or(answer.clone())))
    }

    /// Posts a body to the gateway's door and returns the answer's body.
    pub async fn post(
        &self,
        path: &str,
        media: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<String, String> {
        Ok(self.post_for_status(path, media, headers, body).await?.1)
    }

    async fn post_for_status(
        &self,
        path: &str,
        media: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<(u16, String), String> {
        let mut request =
            Request::post(format!("http://{}{path}", self.address())).header("content-type", media);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::from(body)).map_err(|error| error.to_string())?;
        let answering = async {
            let response = self.client.request(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
            Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
        };
        tokio::time::timeout(PATIENCE, answering)
            .await
            .map_err(|_| "no answer from the gateway".to_owned())?
    }

    /// Lets time pass: moment by moment on a story's own clock, really on the machine's.
    async fn pass(&self, span: &str) -> Result<(), String> {
        let millis = millis(span).ok_or_else(|| format!("`{span}` is no span like 3m"))?;
        let target = self.clock.now().plus_millis(millis);
        if self.clock.is_manual() {
            loop {
                self.quiet().await?;
                match self.clock.next_alarm().filter(|alarm| *alarm <= target) {
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

    /// Waits until nothing is in progress and nothing is ready at this moment.
    pub async fn quiet(&self) -> Result<(), String> {
        let calm = async {
            let mut calm = 0;
            // Twice in a row: a bell that rings between two rooms is heard the second time.
            while calm < 2 {
                let now = self.clock.now();
                let all = self.app().peers.values().filter(|room| !room.config.endpoints.is_empty());
                let at_rest = |room: &Arc<Room>| {
                    room.bell.is_quiet(now) && (!room.is_polled() || room.poll_bell.is_quiet(now))
                };
                calm = if all.into_iter().all(at_rest) { calm + 1 } else { 0 };
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(PATIENCE, calm).await.map_err(|_| "the gateway does not come to rest".to_owned())
    }

    fn overlay(&self, path: &str, text: &str) -> Result<(), String> {
        let path = self.folder.join("overlay").join(path);
        let folder = path.parent().ok_or("a file has a folder")?;
        std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
        std::fs::write(path, text.replace("\\n", "\n")).map_err(|error| error.to_string())
    }

    async fn expect_timeline(&self, text: &str, told: fn(Event) -> bool) -> Result<(), String> {
        self.quiet().await?;
        let first = text.split_whitespace().next().unwrap_or_default();
        let known = self.dossiers.iter().find(|code| *code == first);
        let (code, wanted) = match known {
            Some(code) => (code.clone(), text[code.len()..].trim()),
            None => (self.dossiers.last().cloned().ok_or("no dossier was spoken of")?, text),
        };
        let timeline = self.app().store.timeline(&code).await.map_err(|error| error.to_string())?;
        let rows = timeline.map(|timeline| timeline.rows).unwrap_or_default();
        let seen: Vec<&str> =
            rows.iter().filter(|row| told(row.event)).map(|row| row.event.as_str()).collect();
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
        if seen == wanted { Ok(()) } else { Err(format!("the timeline of {code} is: {}", seen.join(", "))) }
    }

    async fn expect_heard(&self, peer: &str, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let host = self.host(peer).ok_or_else(|| format!("nobody here is called `{peer}`"))?;
        let state = host.state();
        let count = |name: &str| match name.trim_end_matches('s') {
            "call" => Some(host.calls()),
            _ if state[name].is_u64() => state[name].as_u64(),
            "dossier" => Some(state["dossiers"].as_object().map_or(0, |all| all.len() as u64)),
            "step" => Some(state["progress"].as_array().map_or(0, |all| all.len() as u64)),
            "log-in" => state["log_ins"].as_u64(),
            "create" => state["creates"].as_u64(),
            "update" => state["updates"].as_u64(),
            _ => state[name].as_u64(),
        };
        for wanted in text.split(',') {
            let (number, name) = wanted.trim().split_once(' ').ok_or("<peer> heard <number> <things>")?;
            let seen = count(name.trim()).ok_or_else(|| format!("{peer} does not count `{name}`"))?;
            if seen.to_string() != number {
                return Err(format!("{peer} heard {seen} {name}; all it knows: {state}"));
            }
        }
        Ok(())
    }

    async fn expect_steps(&self, code: &str, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.portal.state();
        let steps = state["progress"].as_array().cloned().unwrap_or_default();
        let seen: Vec<&str> = steps
            .iter()
            .filter(|step| step["MaHoSo"] == *code)
            .filter_map(|step| step["TrangThai"].as_str())
            .collect();
        let wanted: Vec<&str> = text.split(',').map(str::trim).collect();
        if seen == wanted { Ok(()) } else { Err(format!("the portal has steps {}", seen.join(", "))) }
    }

    async fn expect_status(&self, code: &str, status: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.portal.state();
        let seen = state["dossiers"][code]["status"].clone();
        if seen == *status { Ok(()) } else { Err(format!("the portal has status {seen}")) }
    }

    /// The codes, or their ends, in the order in which the portal first took them.
    async fn expect_order(&self, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.portal.state();
        let seen: Vec<&str> =
            state["order"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let wanted: Vec<&str> = text.split(',').map(str::trim).collect();
        let same = seen.len() == wanted.len() && seen.iter().zip(&wanted).all(|(s, w)| s.ends_with(w));
        if same { Ok(()) } else { Err(format!("the portal took {}", seen.join(", "))) }
    }

    async fn expect_presence(&self, peer: &str, wanted: &str) -> Result<(), String> {
        self.quiet().await?;
        let seen = self.app().peers_seen()[peer]["state"].clone();
        if seen == *wanted { Ok(()) } else { Err(format!("{peer} is {seen}")) }
    }

    /// What a peer was told, in the order in which it first heard it; `nothing` for nothing.
    async fn expect_told(&self, peer: &str, text: &str) -> Result<(), String> {
        self.quiet().await?;
        let state = self.host(peer).map(Host::state).unwrap_or_default();
        let seen: Vec<&str> =
            state["order"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let wanted: Vec<&str> = text.split(',').map(str::trim).filter(|word| *word != "nothing").collect();
        if seen == wanted { Ok(()) } else { Err(format!("{peer} was told {}", seen.join(", "))) }
    }

    /// The details of all rows of one sort; `none` for none.
    async fn expect_notes(&self, text: &str, event: Event) -> Result<(), String> {
        self.quiet().await?;
        let first = text.split_whitespace().next().unwrap_or_default();
        let known = self.dossiers.iter().find(|code| *code == first);
        let (code, wanted) = match known {
            Some(code) => (code.clone(), text[code.len()..].trim()),
            None => (self.dossiers.last().cloned().ok_or("no dossier was spoken of")?, text),
        };
        let timeline = self.app().store.timeline(&code).await.map_err(|error| error.to_string())?;
        let rows = timeline.map(|timeline| timeline.rows).unwrap_or_default();
        let seen: Vec<&str> =
            rows.iter().filter(|row| row.event == event).map(|row| row.detail.as_str()).collect();
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).filter(|word| *word != "none").collect();
        if seen == wanted { Ok(()) } else { Err(format!("of {code} it is said: {}", seen.join(", "))) }
    }

    /// An operator has a peer told everything once more.
    async fn replay(&self, peer: &str) -> Result<(), String> {
        let since = Some(Moment::default());
        let filter = Filter { peer: Some(peer.into()), since, ..Default::default() };
        let replayed = self.app().store.redeliver(filter, Reach::Everything, self.operator(), false).await;
        replayed.map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    async fn expect_open(&self, wanted: &str) -> Result<(), String> {
        self.quiet().await?;
        let stats = self.app().store.stats().await.map_err(|error| error.to_string())?;
        let seen: u64 = stats.peers.values().flat_map(|peer| peer.by_state.values()).sum();
        if seen.to_string() == wanted {
            Ok(())
        } else {
            Err(format!("{seen} deliveries are open: {:?}", stats.peers))
        }
    }

    async fn expect_dead(&self, wanted: &str) -> Result<(), String> {
        self.quiet().await?;
        let dead =
            self.app().store.dead_letters(Default::default()).await.map_err(|error| error.to_string())?;
        if dead.len().to_string() == wanted {
            Ok(())
        } else {
            Err(format!("there are {} dead letters", dead.len()))
        }
    }

    async fn redeliver(&self, code: &str) -> Result<(), String> {
        let filter = Filter { dossier: Some(code.to_owned()), ..Default::default() };
        self.app()
            .store
            .redeliver(filter, Reach::Untaken, self.operator(), false)
            .await
            .map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    async fn settle_doubt(&self, code: &str, verdict: &str) -> Result<(), String> {
        let what = if verdict == "happened" { WhatHappened::Happened } else { WhatHappened::DidNot };
        let doubt = self.waiting_for_a_person(code).await?;
        self.app()
            .store
            .settle_doubt(doubt, what, BTreeMap::new(), self.operator())
            .await
            .map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    /// `correct <code> path.of.field=value`, in the canonical document.
    async fn correct(&self, code: &str, change: &str) -> Result<(), String> {
        let (path, value) = change.split_once('=').ok_or("correct <code> path=value")?;
        let delivery = self.waiting_for_a_person(code).await?;
        let store = &self.app().store;
        let shown = store.dead_letter(delivery).await.map_err(|error| error.to_string())?;
        let mut document = shown.ok_or("nothing to correct")?.envelope.document;
        let mut place = &mut document;
        for name in path.split('.') {
            place = &mut place[name];
        }
        *place = Value::String(value.to_owned());
        store.correct(delivery, document, self.operator()).await.map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    async fn discard(&self, code: &str, reason: &str) -> Result<(), String> {
        let delivery = self.waiting_for_a_person(code).await?;
        let store = &self.app().store;
        store.discard(delivery, reason, self.operator()).await.map_err(|error| error.to_string())?;
        self.app().wake(self.app().peers.keys());
        Ok(())
    }

    async fn waiting_for_a_person(&self, code: &str) -> Result<DeliveryId, String> {
        let filter = Filter { dossier: Some(code.to_owned()), ..Default::default() };
        let found = self.app().store.dead_letters(filter).await.map_err(|error| error.to_string())?;
        found
            .first()
            .map(|letter| letter.delivery)
            .ok_or_else(|| format!("nothing of {code} waits for a person"))
    }

    fn operator(&self) -> Operator {
        Operator { name: "story".to_owned(), at: self.clock.now() }
    }

    /// This moment on stage.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }
}

fn service(kind: &str) -> Result<&'static str, String> {
    match kind {
        "dossier-recorded" => Ok("DongBoHoSoMC"),
        "dossier-progressed" => Ok("CapNhatTienDoHoSoMC"),
        other => Err(format!("local software does not send `{other}`")),
    }
}

/// A document with `a.b=value, …` in place of what stood there; `null` takes it away.
fn changed(document: &str, changes: &str) -> Result<Value, String> {
    let mut document: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
    for change in changes.split(", ").filter(|change| !change.trim().is_empty()) {
        let (path, value) = change.split_once('=').ok_or_else(|| format!("`{change}` is no path=value"))?;
        // A procedure's code is no number, however it looks.
        let read = serde_json::from_str(value.trim()).ok().filter(|value: &Value| !value.is_f64());
        let value = read.unwrap_or_else(|| json!(value.trim()));
        let (above, name) = path.trim().rsplit_once('.').unwrap_or(("", path.trim()));
        let above = above.split('.').filter(|name| !name.is_empty());
        let place = above.fold(&mut document, |place, name| &mut place[name]);
        match (value, place.as_object_mut()) {
            (Value::Null, Some(place)) => _ = place.remove(name),
            (value, _) => place[name] = value,
        }
    }
    Ok(document)
}

/// So many codes from this one on: `H99.14-261123-1000`, `H99.14-261123-1001`, …
fn codes_from(first: &str, many: usize) -> Result<Vec<String>, String> {
    let (start, number) = first.rsplit_once('-').ok_or_else(|| format!("`{first}` ends in no number"))?;
    let width = number.len();
    let number: usize = number.parse().map_err(|_| format!("`{first}` ends in no number"))?;
    Ok((number..number + many).map(|number| format!("{start}-{number:0width$}")).collect())
}

fn read_envelope(answer: &str) -> Result<(String, String), String> {
    let answer: Value = serde_json::from_str(answer).map_err(|_| format!("not an envelope: {answer}"))?;
    let code = match &answer["error_code"] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Ok((code, answer["message"].as_str().unwrap_or_default().to_owned()))
}

/// The item as XML: lists as repeated elements, empty and missing values as empty elements or none.
fn write_xml(name: &str, value: &Value, into: &mut String) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| write_xml(name, item, into)),
        Value::Null => {}
        Value::Object(fields) => {
            into.push_str(&format!("<{name}>"));
            fields.iter().for_each(|(field, value)| write_xml(field, value, into));
            into.push_str(&format!("</{name}>"));
        }
        Value::String(text) => {
            into.push_str(&format!("<{name}>{}</{name}>", quick_xml_escape(text)));
        }
        other => into.push_str(&format!("<{name}>{other}</{name}>")),
    }
}

fn quick_xml_escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `x*2100` is 2100 letters.
fn repeated(value: &str) -> String {
    match value.split_once('*').map(|(text, times)| (text, times.parse::<usize>())) {
        Some((text, Ok(times))) => text.repeat(times),
        _ => value.to_owned(),
    }
}

fn twists_of(words: &[&str]) -> Result<Vec<Twist>, String> {
    words
        .iter()
        .map(|word| Twist::parse(word).ok_or_else(|| format!("a script does not know `{word}`")))
        .collect()
}

fn after_words(text: &str, count: usize) -> &str {
    let mut rest = text.trim_start();
    for _ in 0..count {
        rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim_start());
    }
    rest
}

/// `500ms`, `20s`, `3m`, `2h`.
/// `500ms`, `3m`, `2h`.
pub(crate) fn span(text: &str) -> Option<Duration> {
    millis(text).and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis)
}

fn millis(span: &str) -> Option<i64> {
    let digits = span.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().ok()?;
    Some(match &span[digits.len()..] {
        "ms" => number,
        "s" => number * 1_000,
        "m" => number * 60_000,
        "h" => number * 3_600_000,
        "d" => number * 24 * 3_600_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_stories_is_read() {
        let stories = parse("# remark\nstory: one\n  relay sends x y -> 0\n\nstory: two\n  after 3m\n");
        assert_eq!(stories.len(), 2);
        assert_eq!(stories[0].lines, [(3, "relay sends x y -> 0".to_owned())]);
        assert_eq!(stories[1].title, "two");
    }

    #[test]
    fn spans_and_repetitions_are_read() {
        assert_eq!(millis("3m"), Some(180_000));
        assert_eq!(millis("3"), None);
        assert_eq!(repeated("x*3"), "xxx");
        assert_eq!(after_words("portal heard  3 calls", 2), "3 calls");
    }
}
