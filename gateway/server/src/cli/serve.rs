//! `run` and `simulate`: what stays up.

use std::net::SocketAddr;

use clap::Args;

use super::{Common, Ended, Outcome, block_on};
use crate::app::{App, CannotStart, Running};
use crate::clock::Clock;
use crate::files::Files;
use crate::simulator::{Host, Twist};
use crate::telemetry;
use crate::words::store_trouble;

pub fn run(common: &Common) -> Outcome {
    telemetry::start_log(!std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let config = common.load()?;
    let files = Files::with_overlay(&config.gateway.overlay)?;
    let file = common.config.display().to_string();
    block_on(async {
        let clock = Clock::system();
        let began = clock.now();
        let listen = config.gateway.listen.clone();
        let app = App::open(config, &file, &files, clock.clone()).await.map_err(|why| match why {
            CannotStart::Store(error) => Ended::CannotStart(store_trouble(common.lang(), &error)),
            other => Ended::CannotStart(other.to_string()),
        })?;
        let running = Running::start(app)
            .await
            .map_err(|error| Ended::CannotStart(format!("gateway.listen {listen}: {error}")))?;
        let ready_ms = clock.now().millis_since(began);
        tracing::info!(event = "ready", listen = %running.address, ready_ms);
        // A person who starts it by hand reads no log lines to know that it runs.
        if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            let words = common
                .lang()
                .pick("Cổng liên thông đang chạy (Ctrl-C để dừng):", "The gateway runs (Ctrl-C stops it):");
            say!("{words} http://{}", running.address);
        }
        stopped().await?;
        tracing::info!(event = "stopping");
        running.stop().await;
        tracing::info!(event = "stopped");
        Ok(())
    })
}

/// SIGTERM or Ctrl-C.
pub(super) async fn stopped() -> std::io::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

#[derive(Args)]
pub struct Simulate {
    /// The adapter whose peer is simulated
    #[arg(default_value = "portal")]
    adapter: String,
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:8461")]
    listen: SocketAddr,
    /// What happens to the first calls: 503, html, lost-before, lost-after, slow, ok
    #[arg(long, num_args = 1..)]
    answers: Vec<String>,
}

pub fn simulate(common: &Common, args: Simulate) -> Outcome {
    let lang = common.lang();
    let twists: Option<Vec<Twist>> = args.answers.iter().map(|word| Twist::parse(word)).collect();
    let twists = twists.ok_or_else(|| {
        let words = lang.pick("--answers chỉ nhận", "--answers takes");
        Ended::Misused(format!("{words} 503, html, lost-before, lost-after, slow, ok"))
    })?;
    let peer = adapters::simulator(&args.adapter, "", &toml::Table::new()).ok_or_else(|| {
        let words = lang.pick("không có bản giả lập của", "there is no simulator of");
        Ended::Misused(format!("{words} `{}`", args.adapter))
    })?;
    block_on(async {
        let host = Host::start(peer, args.listen, Clock::system()).await?;
        host.script(twists);
        say!("http://{}", host.address());
        stopped().await?;
        say!("{:#}", host.state());
        Ok(())
    })
}
