//! The doors: connections, limits, who is calling, which channel is meant. Past here a call is an [`Arrival`](gateway_core::adapter::Arrival) of a known peer.
//!
//! Everything that can be refused without understanding the message is refused here: path (404), method (405), key (401), media
//! type (415), length (413), slowness (408). The answer is worded by the dialect whose door was knocked at, or as
//! `application/problem+json` on doors of our own. Only what is no HTTP at all (400, 414, 431) is answered by the library, without a
//! body: it offers no place to word that answer. Deliberately not here: what a message means.

mod admin;
mod body;
mod door;
mod health;
mod problem;

pub(crate) use door::{parse_query, store_fault};

pub use health::Readiness;

pub use admin::{AdminCall, CannotCall, call as call_admin, serve as serve_admin};

use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::adapter::Answer;
use gateway_core::fault::{Blame, Fault, Remedy};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::app::App;
use crate::delivery::catch_panic;
use crate::words;

/// A call with more headers is answered 431.
const HEADERS_MAX: usize = 100;
/// A call whose first line and headers are longer is answered 431.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// So many long bodies of callers not yet known are read at the same time; one more is answered 503.
pub(crate) const STRANGERS_MAX: usize = 32;

/// Takes calls until `stop` is done, then lets those in progress end, within the configured bound.
pub async fn serve(app: Arc<App>, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let graceful = GracefulShutdown::new();
    let room = Arc::new(Semaphore::new(app.config.limits.connections_max));
    let headers_ms_max = app.config.limits.headers_ms_max;
    let mut stop = pin!(stop);
    loop {
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit.map_err(io::Error::other)?,
            () = &mut stop => break,
        };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // No file handle left, or the caller is already gone: neither ends the door.
                    tracing::warn!(event = "accept-failed", %error);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let app = app.clone();
        let hearing = app.clone();
        let service = service_fn(move |request| {
            let app = hearing.clone();
            async move { Ok::<_, std::convert::Infallible>(answer(&app, request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(headers_ms_max))
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A caller that breaks off or dawdles harms nobody but itself; what it began was not accepted.
            if let Err(error) = connection.await {
                ended(&app, &error);
            }
            drop(permit);
        });
    }
    drop(listener);
    let bound = Duration::from_millis(app.config.limits.drain_ms_max);
    if tokio::time::timeout(bound, graceful.shutdown()).await.is_err() {
        tracing::warn!(event = "drain-cut-short", bound_ms = bound.as_millis() as u64);
    }
    Ok(())
}

/// A connection that did not end well: counted where the caller is to blame. The library has answered what could be answered.
fn ended(app: &App, error: &hyper::Error) {
    let code = match error {
        error if error.is_timeout() => "door.slow-head",
        error if error.is_parse() => "door.not-http",
        error if error.is_incomplete_message() => "door.broken-off",
        _ => return tracing::debug!(event = "connection-ended", %error),
    };
    app.metrics.turned_away.with_label_values(&[code]).inc();
    tracing::info!(event = "turned-away", fault = code);
}

async fn answer(app: &Arc<App>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    if let Some(response) = health::answer(app, &request).await {
        return response;
    }
    // What our own code does wrong costs this call an error, not its connection without a word.
    match catch_panic(AssertUnwindSafe(door::answer(app, request))).await {
        Ok(response) => response,
        Err(()) => {
            let fault = Fault::new("gateway.panicked", Blame::Gateway, Remedy::Unclear, words::panicked());
            app.turned_away(&fault);
            problem::response(&fault)
        }
    }
}

/// An answer of an adapter on the wire.
pub(crate) fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(answer.body.0));
    *response.status_mut() =
        hyper::StatusCode::from_u16(answer.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        // Framing belongs to this connection, not to the one the answer came from.
        if matches!(
            name.as_str(),
            "content-length" | "transfer-encoding" | "connection" | "keep-alive" | "date"
        ) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}
