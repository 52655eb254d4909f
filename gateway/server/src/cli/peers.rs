//! `peers`: how each counterpart is, stopping and letting go what is sent to it, and what is kept for it.
//!
//! A pause stands in the store and not in the process, so it holds over any restart; on a stopped gateway it is written there directly.

use clap::{Args, Subcommand};
use gateway_core::adapter::{Conversation, Transcript, Turn};
use gateway_core::ids::PeerName;
use gateway_core::pipeline::DeliveryId;
use serde_json::{Value, json};

use super::{Common, Ended, Outcome, block_on, operate, perhaps, show};
use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::files::Files;
use crate::http::AdminCall;
use crate::store::{Delivery, OpenOptions, Operator, Pause, Seal, Stats, Store};
use crate::words::{Lang, store_trouble};

#[derive(Subcommand)]
pub enum Peers {
    /// How each peer is: up or away, paused, what waits for it
    List,
    /// Send nothing to a peer until `resume`; what comes for it is accepted and kept
    Pause {
        #[command(flatten)]
        which: Which,
        /// Why, for whoever asks later
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Send to a paused peer again
    Resume {
        #[command(flatten)]
        which: Which,
    },
    /// What is kept for a peer and was never sent; of a peer in the shadow also what would be sent
    Kept {
        /// The peer, as in [peers.<name>]
        peer: String,
        /// Only of this dossier
        #[arg(long)]
        dossier: Option<String>,
        /// With the call each would begin with, which holds personal data
        #[arg(long)]
        requests: bool,
        /// Look at no more than so many
        #[arg(long, default_value_t = 1000)]
        limit: usize,
    },
}

#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// The peer, as in [peers.<name>]
    peer: Option<String>,
    /// Every peer
    #[arg(long)]
    all: bool,
}

pub fn peers(common: &Common, args: Peers) -> Outcome {
    let config = common.load()?;
    match args {
        Peers::List => list(common, &config),
        Peers::Pause { which, reason } => {
            let peers = which.names(common, &config)?;
            stop(common, &config, AdminCall::Pause { peers, reason })
        }
        Peers::Resume { which } => {
            let peers = which.names(common, &config)?;
            explain_after_restore(common, &peers);
            stop(common, &config, AdminCall::Resume { peers })
        }
        Peers::Kept { peer, dossier, requests, limit } => {
            let peer = Which { peer: Some(peer), all: false }.names(common, &config)?.remove(0);
            kept(common, &config, &peer, dossier.as_deref(), requests, limit)
        }
    }
}

/// The peers that something is sent to.
fn called(config: &Config) -> impl Iterator<Item = PeerName> {
    let called = config.peers.iter().filter(|(_, peer)| !peer.endpoints.is_empty());
    called.map(|(name, _)| PeerName::from(name.as_str()))
}

impl Which {
    /// None for all of them.
    fn names(self, common: &Common, config: &Config) -> Result<Vec<PeerName>, Ended> {
        let Some(name) = self.peer else { return Ok(Vec::new()) };
        let known: Vec<PeerName> = called(config).collect();
        if known.iter().any(|peer| peer.as_str() == name) {
            return Ok(vec![PeerName::from(name)]);
        }
        let words =
            common.lang().pick("không phải hệ thống mà cổng gửi tới", "is no peer that anything is sent to");
        let hint = perhaps(common.lang(), &name, known.iter().map(PeerName::as_str));
        Err(Ended::Misused(format!("[peers.{name}] {words}{hint}")))
    }
}

/// What is let go after a restoration is asked back first as far as it is here now, and nothing that comes later is. Said where it is too
/// late to be sorry, and no earlier: a pause of an operator's own says nothing.
fn explain_after_restore(common: &Common, peers: &[PeerName]) {
    let known = show::open(common).ok().and_then(|store| {
        let restored = store.restored()?;
        let pauses = block_on(async { Ok(store.pauses().await?) }).ok()?;
        let let_go = |pause: &&Pause| peers.is_empty() || peers.iter().any(|peer| pause.is_of(peer));
        let goes =
            pauses.iter().filter(|pause| pause.lasts() && pause.is_of_restore()).any(|pause| let_go(&pause));
        goes.then_some(restored)
    });
    let Some(restored) = known.filter(|_| !common.json) else { return };
    let (from, until) = (restored.missing_from.for_people(), restored.missing_until.for_people());
    match common.lang() {
        Lang::Vi => say!(
            "Sau khôi phục (thiếu dữ liệu {from} – {until}): tin đã có ở cổng lúc này được hỏi lại hệ thống nhận trước khi gửi, để khỏi gửi \
             lần hai; tin đến sau lúc này thì không. Nếu phần mềm nào chưa gửi lại hết khoảng bị thiếu, hãy tạm ngừng lại bằng \
             `lienthong peers pause`, chờ gửi xong rồi hãy `resume`."
        ),
        Lang::En => say!(
            "After a restoration (missing {from} – {until}): what is here now is asked back before it is sent, so that nothing is sent twice; \
             what comes from now on is not. If the missing hours were not all sent again yet, stop with `lienthong peers pause`, wait for \
             them, then `resume`."
        ),
    }
}

/// Pauses or lets go, through the admin door; in the store itself where no gateway runs.
fn stop(common: &Common, config: &Config, call: AdminCall) -> Outcome {
    match operate::ask_running(common, config, &call) {
        Ok(_) => {}
        Err(Ended::NotRunning(_)) => stop_in_the_store(common, config, call)?,
        Err(other) => return Err(other),
    }
    list(common, config)
}

fn stop_in_the_store(common: &Common, config: &Config, call: AdminCall) -> Outcome {
    use std::os::unix::fs::MetadataExt as _;
    let (current, old) = app::sealing_keys(config).map_err(Ended::CannotStart)?;
    let seal = Seal::from_keys(&current, &old)?;
    let store = Store::open(&config.gateway.data, seal, OpenOptions::default());
    let store = store.map_err(|error| Ended::CannotStart(store_trouble(common.lang(), &error)))?;
    let name = format!("uid {}", std::fs::metadata("/proc/self")?.uid());
    let by = Operator { name, at: Clock::system().now() };
    let all: Vec<PeerName> = called(config).collect();
    let or_all = |peers: Vec<PeerName>| if peers.is_empty() { all.clone() } else { peers };
    block_on(async {
        match call {
            AdminCall::Pause { peers, reason } => {
                store.pause(or_all(peers), &reason, by).await?;
            }
            AdminCall::Resume { peers } => {
                store.resume(or_all(peers), all.clone(), by).await?;
            }
            _ => {}
        }
        store.close().await;
        Ok(())
    })
}

/// How a peer is.
#[derive(serde::Serialize)]
struct Seen {
    peer: String,
    adapter: String,
    dialect: String,
    /// False of one that is not in the configuration any more and that something is open for.
    configured: bool,
    /// `up`, `away`; none where no gateway runs, or nothing is sent to it.
    state: Option<String>,
    /// Since when it is away.
    since: Option<String>,
    /// When it is tried again, while it is away.
    next_try: Option<String>,
    paused: Vec<Pause>,
    waiting: u64,
    dead: u64,
    in_doubt: u64,
    oldest: Option<String>,
}

fn list(common: &Common, config: &Config) -> Outcome {
    let running = operate::ask_running(common, config, &AdminCall::Status).ok();
    // A gateway that never ran has no store yet, and peers all the same.
    let (stats, pauses) = match show::open(common) {
        Ok(store) => block_on(async { Ok((store.stats().await?, store.pauses().await?)) })?,
        Err(_) if !config.gateway.data.join("lienthong.db").exists() => (Stats::default(), Vec::new()),
        Err(error) => return Err(error),
    };
    let gone = stats.peers.keys().filter(|name| !config.peers.contains_key(name.as_str()));
    let named = config.peers.iter().map(|(name, peer)| (name.as_str(), Some(peer)));
    let seen: Vec<Seen> = named
        .chain(gone.map(|name| (name.as_str(), None)))
        .map(|(name, peer)| {
            let key = PeerName::from(name);
            let open = stats.peers.get(&key).cloned().unwrap_or_default();
            let count = |state: &str| open.by_state.get(state).copied().unwrap_or_default();
            let said = |field: &str| {
                let said = running.as_ref()?["peers"][name][field].as_str()?;
                Some(said.to_owned())
            };
            let paused = pauses.iter().filter(|pause| pause.lasts() && pause.is_of(&key));
            Seen {
                peer: name.to_owned(),
                adapter: peer.map(|peer| peer.adapter.clone()).unwrap_or_default(),
                dialect: peer.map(|peer| peer.dialect.clone()).unwrap_or_default(),
                configured: peer.is_some(),
                state: said("state"),
                since: said("since"),
                next_try: said("next_try"),
                paused: if peer.is_some_and(|peer| peer.endpoints.is_empty()) {
                    Vec::new()
                } else {
                    paused.cloned().collect()
                },
                waiting: count("waiting") + count("doubtful") + count("held"),
                dead: count("dead"),
                in_doubt: count("in-doubt"),
                oldest: open.oldest_waiting.map(|oldest| oldest.to_string()),
            }
        })
        .collect();
    if common.json {
        say!("{}", serde_json::to_string_pretty(&seen)?);
        return Ok(());
    }
    let lang = common.lang();
    if running.is_none() {
        say!("{}", lang.pick("(cổng liên thông không chạy)", "(the gateway does not run)"));
    }
    for peer in &seen {
        say!("{:<20} {}", peer.peer, told(peer, lang));
    }
    Ok(())
}

fn told(peer: &Seen, lang: Lang) -> String {
    let spoken = format!("{}/{}", peer.adapter, peer.dialect).trim_end_matches('/').to_owned();
    let mut words = vec![match peer.configured {
        true => spoken,
        false => lang.pick("KHÔNG CÒN TRONG CẤU HÌNH", "NOT CONFIGURED ANY MORE").to_owned(),
    }];
    match (peer.state.as_deref(), &peer.since) {
        (Some("away"), Some(since)) => {
            words.push(format!("{} {since}", lang.pick("KHÔNG SẴN SÀNG từ", "AWAY since")));
            let next = peer.next_try.as_ref();
            words.extend(next.map(|next| format!("{} {next}", lang.pick("thử lại lúc", "tried again at"))));
        }
        (Some(_), _) => words.push(lang.pick("sẵn sàng", "up").to_owned()),
        (None, _) => {}
    }
    for pause in &peer.paused {
        let why = match pause.why.as_str() {
            "hold" => lang.pick("GIỮ LẠI (mode hold)", "HELD (mode hold)"),
            "shadow" => lang.pick("CHẠY THỬ SONG SONG (mode shadow)", "IN THE SHADOW (mode shadow)"),
            _ => lang.pick("TẠM NGỪNG", "PAUSED"),
        };
        let (since, by) = (lang.pick("từ", "since"), lang.pick("bởi", "by"));
        let reason = if pause.reason.is_empty() { String::new() } else { format!(" ({})", pause.reason) };
        words.push(format!("{why} {since} {} {by} {}{reason}", pause.since.for_people(), pause.by));
    }
    for (count, vi, en) in [
        (peer.waiting, "chờ gửi", "waiting"),
        (peer.dead, "thư chết", "dead letters"),
        (peer.in_doubt, "chưa rõ kết quả", "in doubt"),
    ] {
        if count > 0 {
            words.push(format!("{count} {}", lang.pick(vi, en)));
        }
    }
    words.join(", ")
}

fn kept(
    common: &Common,
    config: &Config,
    peer: &PeerName,
    dossier: Option<&str>,
    requests: bool,
    limit: usize,
) -> Outcome {
    let files = Files::with_overlay(&config.gateway.overlay)?;
    let checked = app::check(config, &common.config.display().to_string(), &files);
    let (_, rooms) = checked.map_err(|defects| Ended::CannotStart(super::list(&defects)))?;
    let room = rooms.get(peer).ok_or_else(|| Ended::Misused(peer.to_string()))?;
    let store = show::open(common)?;
    let mut found = Vec::new();
    block_on(async {
        for id in store.waiting_after(peer, DeliveryId(0), limit).await? {
            let Some(delivery) = store.load(id).await?.filter(|delivery| delivery.exchanges.is_empty())
            else {
                continue;
            };
            let code = delivery.envelope.dossier.as_ref().map(|code| code.as_str().to_owned());
            if dossier.is_some_and(|wanted| code.as_deref() != Some(wanted.trim())) {
                continue;
            }
            let mut shown = json!({
                "delivery": id,
                "at": delivery.envelope.at,
                "dossier": code,
                "kind": delivery.envelope.kind,
                "mapping": delivery.pinned.as_ref().map(|pinned| &pinned.mapping),
            });
            if requests {
                shown["request"] = request(&delivery, &*room.adapter);
            }
            found.push(shown);
        }
        Ok(())
    })?;
    if common.json {
        say!("{}", serde_json::to_string_pretty(&found)?);
        return Ok(());
    }
    let lang = common.lang();
    for shown in &found {
        let text = |name: &str| shown[name].as_str().unwrap_or("-").to_owned();
        let translated = match shown["mapping"]["name"].as_str() {
            Some(mapping) => format!("{} {mapping}", lang.pick("đã dịch bằng", "translated by")),
            None => lang.pick("chưa dịch", "not translated").to_owned(),
        };
        let line = [text("at"), text("dossier"), text("kind"), translated].join("  ");
        say!("{:>6}  {line}", shown["delivery"]);
        if let Some(request) = shown.get("request") {
            say!("{request:#}");
        }
    }
    say!("{} {}", found.len(), lang.pick("bản tin được giữ, chưa gửi", "kept and never sent"));
    Ok(())
}

/// The call that a translated delivery begins with, as the peer's own conversation makes it, unsigned; null if it is not translated.
fn request(delivery: &Delivery, adapter: &dyn gateway_core::adapter::Adapter) -> Value {
    let Some(pinned) = &delivery.pinned else { return Value::Null };
    let mut message = delivery.envelope.clone();
    message.document = pinned.document.clone();
    let transcript = Transcript::default();
    let talk = Conversation { message: &message, marks: &delivery.marks, transcript: &transcript };
    match adapter.next_turn(&talk) {
        Ok(Turn::Call(request)) => {
            let ask = &request.ask;
            let body = serde_json::from_slice(&ask.body.bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&ask.body.bytes).into_owned()));
            json!({
                "step": request.step, "endpoint": request.endpoint, "method": ask.method, "path": ask.path,
                "query": ask.query, "body": body,
            })
        }
        Ok(Turn::Done(_)) => Value::Null,
        Err(fault) => json!({ "fault": fault.code, "words": fault.words }),
    }
}
