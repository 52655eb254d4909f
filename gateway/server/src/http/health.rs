//! What a watcher asks: `/healthz` (the process answers), `/readyz` (a message can be accepted durably; ill peers stand in the
//! body, never in the status), `/metrics`; and what a caller asks first: `/openapi.json`.
//!
//! Everybody who reaches the listener may ask, so of the store only a word is said, always the same for the same trouble: `ok`,
//! `disk-full`, `store-damaged`, `store-locked`, `store-unavailable`. What the disk said in full stands in the log and behind the admin door.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_core::fault::Fault;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::problem;
use crate::app::App;
use crate::health;
use crate::store::StoreError;
use crate::words;

/// An answer about the store is good for so long: watchers must not be able to keep the disk busy.
const PROBE_GOOD_FOR: Duration = Duration::from_secs(1);

/// Whether a message could be accepted durably, found out by writing.
#[derive(Default)]
pub struct Readiness(tokio::sync::Mutex<Option<(Instant, Result<(), StoreError>)>>);

impl Readiness {
    pub(crate) async fn ask(&self, app: &App) -> Result<(), StoreError> {
        // Held while the disk is tried, so that watchers who ask at once share one try.
        let mut last = self.0.lock().await;
        if let Some((at, found)) = &*last
            && at.elapsed() < PROBE_GOOD_FOR
        {
            return found.clone();
        }
        let found = app.store.try_writing().await;
        // Said when it changes: who asks every second fills no disk with the answer.
        match (&found, last.as_ref().map(|(_, before)| before)) {
            (Err(error), before) if before != Some(&found) => {
                tracing::warn!(event = "not-ready", store = word(&found), %error);
            }
            (Ok(()), Some(Err(_))) => tracing::info!(event = "ready-again"),
            _ => {}
        }
        match &found {
            Ok(()) => app.health.well("store", ""),
            Err(_) => app.health.ill("store", "", word(&found), app.clock.now()),
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// None if the path is not one of these.
pub(super) async fn answer(app: &App, request: &Request<Incoming>) -> Option<Response<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics" | "/openapi.json") {
        return None;
    }
    // Of an answer to HEAD the server sends the headers only.
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let fault = Fault::sender("door.method", words::door_method("GET"));
        app.turned_away(&fault);
        let mut response = problem::response(&fault);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Some(response);
    }
    Some(match path {
        "/readyz" => ready(app).await,
        "/openapi.json" => text(StatusCode::OK, "application/json", app.openapi.clone()),
        "/metrics" => {
            app.count().await;
            text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", app.metrics.render().into())
        }
        _ => text(StatusCode::OK, "text/plain; charset=utf-8", Bytes::from_static(b"ok\n")),
    })
}

async fn ready(app: &App) -> Response<Bytes> {
    let store = app.readiness.ask(app).await;
    let status = if store.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let document = json!({
        "ready": store.is_ok(),
        "store": word(&store),
        "carrier": app.carrier_seen(),
        "peers": app.peers_seen(),
        "paused": app.standing(),
        "ill": health::listed(app),
    });
    text(status, "application/json", document.to_string().into())
}

/// The store's state in a word that anybody may read.
pub(super) fn word(store: &Result<(), StoreError>) -> &'static str {
    match store {
        Ok(()) => "ok",
        Err(StoreError::Full) => "disk-full",
        Err(StoreError::Corrupt(_)) => "store-damaged",
        Err(StoreError::Busy) => "store-locked",
        Err(_) => "store-unavailable",
    }
}

fn text(status: StatusCode, media: &'static str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response
}
