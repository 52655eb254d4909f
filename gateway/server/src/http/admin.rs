//! The admin door: a Unix socket in the data folder, for the commands that act on a running gateway. Who may open the socket
//! may use it (mode 0600); who it was, as the kernel says, goes into the timeline.

use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::adapter::Marks;
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::PeerName;
use gateway_core::pipeline::DeliveryId;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::{UnixListener, UnixStream};

use super::{problem, store_fault};
use crate::app::App;
use crate::catalogue;
use crate::health;
use crate::store::{Filter, Operator, Reach, Store, StoreError, WhatHappened};
use crate::words;

/// Something an operator asks a running gateway to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "call")]
pub enum AdminCall {
    /// How it is.
    Status,
    /// Purge now what has had its time.
    Purge,
    /// Pull now what peers publish.
    PullCatalogues {
        /// Whose; none means every one that is configured.
        peers: Vec<PeerName>,
    },
    /// Send nothing to these peers until it is said otherwise, also after a restart.
    Pause {
        /// Which; none means every one.
        peers: Vec<PeerName>,
        /// Why, for whoever asks later.
        reason: String,
    },
    /// Send to these peers again.
    Resume {
        /// Which; none means every one.
        peers: Vec<PeerName>,
    },
    /// Offer dead letters again.
    Redeliver {
        /// Which.
        filter: Filter,
        /// Only say which.
        dry_run: bool,
    },
    /// Offer a dead letter again with another document, in canonical form.
    Correct {
        /// Which.
        id: DeliveryId,
        /// The document that takes the place of the accepted one.
        document: Value,
    },
    /// Give a dead letter up.
    Discard {
        /// Which.
        id: DeliveryId,
        /// Why, for the timeline.
        reason: String,
    },
    /// Say what became of a call in doubt.
    SettleDoubt {
        /// Which.
        id: DeliveryId,
        /// It took effect.
        happened: bool,
        /// What the peer calls the dossier, where later calls need it.
        marks: Marks,
    },
}

/// Serves the admin door until `stop` is done.
pub async fn serve(app: Arc<App>, stop: impl Future<Output = ()>) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let path = app.config.gateway.admin_socket();
    // The store's lock says that no other gateway runs on this folder, so a socket that lies here is a dead one's.
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    // Between these two lines the socket has the mode of the process's mask, so who calls is looked at too.
    let owner = std::fs::metadata(&path)?.uid();
    let mut stop = pin!(stop);
    let mut calls = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted
                    && let Some(who) = operator(&stream, owner)
                {
                    calls.spawn(converse(app.clone(), who, stream));
                }
            }
            Some(_) = calls.join_next() => {}
            () = &mut stop => break,
        }
    }
    let _ = std::fs::remove_file(&path);
    let _ =
        tokio::time::timeout(Duration::from_secs(5), async { while calls.join_next().await.is_some() {} })
            .await;
    Ok(())
}

/// Who calls, as the timeline names it: the account that the gateway runs under, or the machine's administrator.
fn operator(stream: &UnixStream, owner: u32) -> Option<String> {
    let uid = stream.peer_cred().ok()?.uid();
    (uid == owner || uid == 0).then(|| format!("uid {uid}"))
}

async fn converse(app: Arc<App>, who: String, stream: UnixStream) {
    let service = service_fn(move |request| {
        let (app, who) = (app.clone(), who.clone());
        async move { Ok::<_, std::convert::Infallible>(respond(&app, &who, request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(event = "admin-call-ended", %error);
    }
}

async fn respond(app: &App, who: &str, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let said = async {
        let body = Limited::new(request.into_body(), 64 << 20).collect().await;
        let body = body.map_err(|_| Fault::sender("body.broken-off", words::body_broken_off()))?;
        let call: AdminCall = serde_json::from_slice(&body.to_bytes()).map_err(|error| {
            Fault::sender("body.malformed", words::admin_call_unknown()).because(error.to_string())
        })?;
        act(app, who, call).await
    };
    match said.await {
        Ok(document) => Response::new(Full::from(document.to_string())),
        Err(fault) => problem::response(&fault).map(Full::from),
    }
}

async fn act(app: &App, who: &str, call: AdminCall) -> Result<Value, Fault> {
    let store = &app.store;
    let by = Operator { name: who.to_owned(), at: app.clock.now() };
    let done = match call {
        AdminCall::Status => {
            let found = app.readiness.ask(app).await;
            let trouble = super::health::word(&found);
            return Ok(json!({
                "ready": found.is_ok(),
                "store": found.err().map_or_else(|| "ok".to_owned(), |error| error.to_string()),
                "trouble": trouble,
                "broker": app.carrier_trouble(),
                "peers": app.peers_seen(),
                "paused": app.standing(),
                "restored": store.restored(),
                "ill": health::listed(app),
                "listen": app.config.gateway.listen,
            }));
        }
        AdminCall::Purge => {
            let kept = app.keep_house(app.clock.now()).await.map_err(refusal)?;
            return Ok(json!(kept));
        }
        AdminCall::PullCatalogues { peers } => {
            let pulled = catalogue::pull_all(app, &peers, true).await;
            return Ok(json!({ "pulled": pulled }));
        }
        AdminCall::Pause { peers, reason } => {
            let pauses = store.pause(called(app, peers)?, &reason, by).await.map_err(refusal)?;
            app.stand_still(&pauses);
            return Ok(json!({ "peers": app.peers_seen() }));
        }
        AdminCall::Resume { peers } => {
            let stood = app.standing();
            let pauses = store.resume(called(app, peers)?, every(app), by).await.map_err(refusal)?;
            app.stand_still(&pauses);
            let goes = |name: &String| !app.standing().contains(name);
            let resumed: Vec<String> = stood.into_iter().filter(goes).collect();
            return Ok(
                json!({ "peers": app.peers_seen(), "resumed": resumed, "restored": store.restored() }),
            );
        }
        AdminCall::Redeliver { filter, dry_run } => {
            let letters =
                store.redeliver(filter.clone(), reach(app, &filter), by, dry_run).await.map_err(refusal)?;
            json!({ "dry_run": dry_run, "deliveries": letters })
        }
        AdminCall::Correct { id, document } => {
            let letter = store.dead_letter(id).await.map_err(refusal)?.ok_or_else(not_found)?;
            crate::intake::check_canonical(app, &letter.summary.kind, &document)?;
            if let Err(error) = store.correct(id, document, by).await {
                return Err(refusal_of(store, id, error).await);
            }
            json!({ "done": true })
        }
        AdminCall::Discard { id, reason } => {
            if let Err(error) = store.discard(id, &reason, by).await {
                return Err(refusal_of(store, id, error).await);
            }
            json!({ "done": true })
        }
        AdminCall::SettleDoubt { id, happened, marks } => {
            let what = if happened { WhatHappened::Happened } else { WhatHappened::DidNot };
            if let Err(error) = store.settle_doubt(id, what, marks, by).await {
                return Err(refusal_of(store, id, error).await);
            }
            json!({ "done": true })
        }
    };
    for room in app.peers.values() {
        room.shadow.begin_again();
    }
    app.wake(app.peers.keys());
    Ok(done)
}

/// Every peer that something is sent to.
fn every(app: &App) -> Vec<PeerName> {
    let called = app.peers.values().filter(|room| !room.config.endpoints.is_empty());
    called.map(|room| room.name.clone()).collect()
}

/// The peers of these names, or all of them.
fn called(app: &App, names: Vec<PeerName>) -> Result<Vec<PeerName>, Fault> {
    let every = every(app);
    if names.is_empty() {
        return Ok(every);
    }
    match names.iter().find(|name| !every.contains(name)) {
        Some(unknown) => Err(Fault::sender("peer.unknown", words::peer_unknown(unknown.as_str()))),
        None => Ok(names),
    }
}

/// A peer that bears repetition is told everything since that time once more; to all others only what they did not take is offered.
fn reach(app: &App, filter: &Filter) -> Reach {
    let room = filter.peer.as_ref().and_then(|peer| app.peer(peer));
    let bears = room.is_some_and(|room| room.adapter.bears_repetition());
    if bears && filter.since.is_some() { Reach::Everything } else { Reach::Untaken }
}

fn not_found() -> Fault {
    Fault::new("dead-letter.not-found", Blame::Sender, Remedy::Correct, words::dead_letter_not_found())
}

/// The same about one letter: one that is there is not said to be missing.
async fn refusal_of(store: &Store, id: DeliveryId, error: StoreError) -> Fault {
    match (error, store.dead_letter(id).await) {
        (StoreError::NotPossible(why), Ok(Some(_))) => Fault::new(
            "dead-letter.otherwise",
            Blame::Sender,
            Remedy::Correct,
            words::dead_letter_otherwise(&why),
        ),
        (error, _) => refusal(error),
    }
}

/// What an operator asked for does not fit, or the store cannot be used.
fn refusal(error: StoreError) -> Fault {
    match error {
        StoreError::NotPossible(why) => {
            Fault { words: format!("{}: {why}", words::dead_letter_not_found()), ..not_found() }
        }
        other => store_fault(&other),
    }
}

/// Why an admin call could not be made.
#[derive(Debug)]
pub enum CannotCall {
    /// Nobody listens: the gateway does not run.
    NotRunning(io::Error),
    /// It answered, and it was no.
    Refused(Value),
}

/// Asks the gateway that runs behind this socket.
pub async fn call(socket: &Path, call: &AdminCall) -> Result<Value, CannotCall> {
    let io_error = |error: hyper::Error| CannotCall::NotRunning(io::Error::other(error));
    let stream = UnixStream::connect(socket).await.map_err(CannotCall::NotRunning)?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io_error)?;
    tokio::spawn(connection);
    let body = serde_json::to_vec(call).map_err(|error| CannotCall::NotRunning(error.into()))?;
    let request = Request::post("/admin")
        .header("host", "admin")
        .body(Full::<Bytes>::from(body))
        .map_err(|error| CannotCall::NotRunning(io::Error::other(error)))?;
    let response = sender.send_request(request).await.map_err(io_error)?;
    let fine = response.status().is_success();
    let body = response.into_body().collect().await.map_err(io_error)?.to_bytes();
    let document = serde_json::from_slice(&body).unwrap_or(Value::Null);
    if fine { Ok(document) } else { Err(CannotCall::Refused(document)) }
}
