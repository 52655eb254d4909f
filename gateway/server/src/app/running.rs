//! A gateway that listens and delivers: its doors and its deliveries, started and stopped.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::App;
use crate::health::supervised;
use crate::http::{Hall, Over};
use crate::queue::Carrier;
use crate::{catalogue, delivery, http, poller};

/// The audit trail is told the time so often: its heads of each day go into the log within the hour. And what carriers told of items that
/// nobody ordered is given up, also where no carrier is asked by the clock.
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
    /// Connections to a broker: they end after those who acknowledge by them.
    carrying: JoinSet<()>,
    stop_carrying: watch::Sender<bool>,
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
            let part = if matches!(over, Over::Plain) { "door" } else { "door-tls" };
            let (door, hall, stopped, listener) =
                (app.clone(), hall.clone(), stopped.clone(), Arc::new(listener));
            // The listener outlives the task: while that begins again, callers wait in the system's queue.
            let begin = {
                let stopped = stopped.clone();
                move || {
                    let stop = asked_to_stop(stopped.clone());
                    http::serve(door.clone(), part, listener.clone(), over.clone(), hall.clone(), stop)
                }
            };
            tasks.spawn(supervised(app.clone(), part, String::new(), stopped, begin));
        }
        let begin = {
            let (app, stopped) = (app.clone(), stopped.clone());
            move || {
                let (app, stop) = (app.clone(), asked_to_stop(stopped.clone()));
                async move {
                    if let Err(error) = http::serve_admin(app, stop).await {
                        tracing::error!(event = "admin-door-failed", %error);
                    }
                }
            }
        };
        tasks.spawn(supervised(app.clone(), "admin-door", String::new(), stopped.clone(), begin));
        for room in app.receivers() {
            let (app, room, stopped) = (app.clone(), room.clone(), stopped.clone());
            tasks.spawn(delivery::keep_running(app, room, stopped));
        }
        let begin = {
            let (app, stopped) = (app.clone(), stopped.clone());
            move || {
                let (app, mut stop) = (app.clone(), Box::pin(asked_to_stop(stopped.clone())));
                async move {
                    loop {
                        let next = app.clock.now().plus_millis(TRAIL_LOOK_MS);
                        tokio::select! {
                            () = app.clock.sleep_until(next) => {
                                app.trail.day(app.clock.now()).await;
                                // Tried again within the hour.
                                if let Err(error) = app.give_up_waiting().await {
                                    tracing::error!(event = "give-up-failed", %error);
                                }
                            }
                            () = &mut stop => return,
                        }
                    }
                }
            }
        };
        tasks.spawn(supervised(app.clone(), "audit-clock", String::new(), stopped.clone(), begin));
        let begin = {
            let (app, stopped) = (app.clone(), stopped.clone());
            move || super::house::keep(app.clone(), stopped.clone())
        };
        tasks.spawn(supervised(app.clone(), "house", String::new(), stopped.clone(), begin));
        if !app.config.catalogues.peers.is_empty() {
            let begin = {
                let (app, stopped) = (app.clone(), stopped.clone());
                move || catalogue::keep_pulling(app.clone(), stopped.clone())
            };
            tasks.spawn(supervised(app.clone(), "catalogues", String::new(), stopped.clone(), begin));
        }
        check_aside(&app);
        for room in app.peers.values().filter(|room| room.is_polled()) {
            let (app, room, stopped) = (app.clone(), room.clone(), stopped.clone());
            tasks.spawn(poller::keep_running(app, room, stopped));
        }
        let mut carrying = JoinSet::new();
        let (stop_carrying, stopped) = watch::channel(false);
        if let Carrier::RabbitMq(rabbit) = &app.carrier {
            rabbit.start(&app, &mut carrying, &stopped);
        }
        Ok(Running { app, address, tls_address, stop, tasks, carrying, stop_carrying })
    }

    /// Takes no more calls, lets those in progress end within their bounds, and closes the store.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        let _ = self.stop_carrying.send(true);
        while self.carrying.join_next().await.is_some() {}
        self.app.trail.close().await;
        self.app.store.close().await;
    }
}

/// A store that was too large to be checked before the doors opened is checked beside them. A thread of its own: nobody waits for its
/// end, so a stop does not either.
fn check_aside(app: &Arc<App>) {
    let Some(check) = app.store.unchecked() else { return };
    let app = app.clone();
    let begun = std::thread::Builder::new().name("store-check".to_owned()).spawn(move || match check() {
        Ok(()) => tracing::info!(event = "store-checked"),
        Err(error) => {
            tracing::error!(event = "store-damaged", %error);
            app.health.ill("store-file", "", "store-damaged", app.clock.now());
        }
    });
    if let Err(error) = begun {
        tracing::error!(event = "store-unchecked", %error);
    }
}

async fn bind(listen: Option<&String>) -> std::io::Result<Option<TcpListener>> {
    match listen {
        Some(listen) => TcpListener::bind(listen).await.map(Some),
        None => Ok(None),
    }
}
