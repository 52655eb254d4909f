//! `run`: the gateway, until it is told to stop.

use tokio::signal::unix::{SignalKind, signal};

use super::{Common, Ended, Outcome, block_on};
use crate::app::{App, CannotStart, Running};
use crate::clock::Clock;
use crate::files::Files;
use crate::telemetry;
use crate::words::store_trouble;

pub fn run(common: &Common) -> Outcome {
    telemetry::start_log(!std::io::IsTerminal::is_terminal(&std::io::stderr()));
    let config = common.load()?;
    let files = Files::with_overlay(&config.gateway.overlay)?;
    let file = common.config.display().to_string();
    block_on(async {
        // Before anything else: who asks for a stop during the start gets a stop and not a kill.
        let stopped = stopped()?;
        let clock = Clock::watched();
        let began = clock.now();
        let listen = config.gateway.listen.clone();
        let app = App::open(config, &file, files, clock.clone()).await.map_err(|why| match why {
            CannotStart::Store(error) => Ended::CannotStart(store_trouble(common.lang(), &error)),
            other => Ended::CannotStart(other.to_string()),
        })?;
        let running = Running::start(app)
            .await
            .map_err(|error| Ended::CannotStart(format!("gateway.listen {listen}: {error}")))?;
        let ready_ms = clock.now().millis_since(began);
        let tls = running.tls_address.map(tracing::field::display);
        tracing::info!(event = "ready", listen = %running.address, tls, ready_ms);
        // A person who starts it by hand reads no log lines to know that it runs.
        if std::io::IsTerminal::is_terminal(&std::io::stdout()) {
            let words = common
                .lang()
                .pick("Cổng liên thông đang chạy (Ctrl-C để dừng):", "The gateway runs (Ctrl-C stops it):");
            say!("{words} http://{}", running.address);
        }
        stopped.await;
        tracing::info!(event = "stopping");
        running.stop().await;
        tracing::info!(event = "stopped");
        Ok(())
    })
}

/// SIGTERM or Ctrl-C, from now on.
pub(super) fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
