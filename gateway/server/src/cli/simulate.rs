//! `simulate`: a peer's other side on a port, for whoever builds or tries a connection without access to the real one.
//!
//! It is directed by a script in a small text file, a line a step: what `Host::obey` takes, and `after <span>`. While it runs it
//! is directed by HTTP (`ops/simulators.md`). What it calls by itself goes where `--webhooks-to` says; without it, nothing is called.

mod webhooks;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use self::webhooks::Address;
use super::{Common, Ended, Outcome, block_on, serve};
use crate::clock::Clock;
use crate::files::Files;
use crate::simulator::{Host, Twist};
use crate::story;
use crate::words::Lang;

#[derive(Args)]
pub struct Simulate {
    /// The adapter whose peer is simulated, with its dialect where it has several: portal, population, postal/ems, declared/<name>
    #[arg(default_value = "portal")]
    peer: String,
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8461")]
    listen: SocketAddr,
    /// A folder like the overlay of the configuration, for peers that are folders of data
    #[arg(long)]
    folder: Option<PathBuf>,
    /// A setting of the peer or of its simulator, as a line of TOML; may be given several times
    #[arg(long)]
    set: Vec<String>,
    /// What happens to the first calls: 503, html, lost-before, lost-after, slow, ok
    #[arg(long, num_args = 1..)]
    answers: Vec<String>,
    /// A file that says what happens, a line a step: answers, always, nudge, after
    #[arg(long)]
    script: Option<PathBuf>,
    /// Where it calls what it has to tell, each second; its own path (/postal/ems) is put behind this address
    #[arg(long)]
    webhooks_to: Option<String>,
}

pub fn simulate(common: &Common, args: Simulate) -> Outcome {
    let lang = common.lang();
    let settings: toml::Table = args
        .set
        .join("\n")
        .parse()
        .map_err(|error: toml::de::Error| Ended::Misused(format!("--set: {}", error.message())))?;
    let (adapter, dialect) = args.peer.split_once('/').unwrap_or((&args.peer, ""));
    let files = match &args.folder {
        Some(folder) => Files::with_overlay(folder)?,
        None => common.files()?,
    };
    let peer = adapters::simulator_with(adapter, dialect, &settings, &files.mappings)
        .map_err(|defects| Ended::CannotStart(super::list(&files.at_home(defects))))?;
    let peer = peer.ok_or_else(|| {
        let words = lang.pick(
            "không có bản giả lập (hoặc sai --set) của",
            "there is no simulator (or --set is wrong) of",
        );
        Ended::Misused(format!("{words} `{}`", args.peer))
    })?;
    let webhooks_to = args.webhooks_to.as_deref().map(|text| {
        let words =
            lang.pick("--webhooks-to phải là một địa chỉ http://", "--webhooks-to is an address http://");
        Address::parse(text).ok_or_else(|| Ended::Misused(words.to_owned()))
    });
    let webhooks_to = webhooks_to.transpose()?;
    let mut steps = Vec::new();
    if let Some(word) = args.answers.iter().find(|word| Twist::parse(word).is_none()) {
        let words = lang.pick("--answers không biết", "--answers does not know");
        return Err(Ended::Misused(format!(
            "{words} `{word}`: 503, html, lost-before, lost-after, slow, ok"
        )));
    }
    if !args.answers.is_empty() {
        steps.push(format!("answers {}", args.answers.join(" ")));
    }
    if let Some(path) = &args.script {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Ended::CannotStart(format!("{}: {error}", path.display())))?;
        steps.extend(text.lines().map(|line| line.trim().to_owned()));
    }
    block_on(async {
        let stopped = serve::stopped()?;
        let clock = Clock::system();
        let host = Host::start(peer, args.listen, clock.clone()).await?;
        // What the script says without waiting holds for the very first call.
        let (first, later) = steps.split_at(steps.iter().position(|step| waits(step)).unwrap_or(steps.len()));
        play(&host, first, lang).await.map_err(Ended::Misused)?;
        say!("http://{}", host.address());
        let played = async {
            if let Err(wrong) = play(&host, later, lang).await {
                return wrong;
            }
            // The script is over; the peer stays.
            std::future::pending().await
        };
        let calling = async {
            match &webhooks_to {
                Some(to) => webhooks::keep_calling(&host, to, &clock, lang).await,
                None => std::future::pending().await,
            }
        };
        let wrong = tokio::select! {
            () = stopped => None,
            wrong = played => Some(wrong),
            () = calling => None,
        };
        say!("{:#}", host.state());
        wrong.map_or(Ok(()), |wrong| Err(Ended::Misused(wrong)))
    })
}

fn waits(step: &str) -> bool {
    step.starts_with("after ")
}

async fn play(host: &Host, steps: &[String], lang: Lang) -> Result<(), String> {
    for step in steps {
        match step.strip_prefix("after ") {
            Some(span) => {
                let wrong = lang.pick("khoảng thời gian không đọc được", "no such span");
                let span = story::span(span.trim()).ok_or_else(|| format!("`{step}`: {wrong}"))?;
                tokio::time::sleep(span).await;
            }
            None => host.obey(step)?,
        }
    }
    Ok(())
}
