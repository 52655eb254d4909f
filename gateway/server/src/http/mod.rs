//! The doors: connections, limits, who is calling, which channel is meant. Past here a call is an [`Arrival`](gateway_core::adapter::Arrival) of a known peer.
//!
//! Everything that can be refused without understanding the message is refused here: path (404), method (405), key (401), media
//! type (415), length (413), slowness (408), a proof that is wrong or too weak (401, 403), haste (429). The answer is worded by the
//! dialect whose door was knocked at, or as `application/problem+json` on doors of our own. Only what is no HTTP at all (400, 414,
//! 431) is answered by the library, without a body: it offers no place to word that answer. Deliberately not here: what a
//! message means.

mod admin;
mod body;
mod caller;
mod door;
mod hall;
mod handles;
mod health;
mod line;
mod problem;
mod query;
mod ranges;
mod tls;

pub(crate) use body::too_large;
pub(crate) use caller::not_known;
pub(crate) use door::{HEADERS_SEEN, is_correlation, store_fault};
pub(crate) use problem::answer as problem_answer;
pub(crate) use query::parse_query;

pub use body::Bodies;
pub use caller::Visitor;
pub use hall::Hall;
pub use health::Readiness;
pub use tls::DoorTls;

pub use admin::{AdminCall, CannotCall, call as call_admin, serve as serve_admin};

use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gateway_core::adapter::{Answer, Pairs};
use gateway_core::fault::{Blame, Fault, Remedy};
use hyper::body::Incoming;
use hyper::header::{HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::app::App;
use crate::delivery::catch_panic;
use crate::outflow::Outflow;
use crate::words;

use handles::Reserve;
use line::{Line, Pulse};

/// A call whose first line and headers are longer is answered 431.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// So many long bodies of callers not yet known are read at the same time; one more is answered 503.
pub(crate) const STRANGERS_MAX: usize = 32;

/// What is spoken on a listener.
#[derive(Clone)]
pub enum Over {
    /// HTTP as it is.
    Plain,
    /// HTTP within TLS.
    Tls(Arc<DoorTls>),
}

/// Takes calls until `stop` is done, then lets those in progress end, within the configured bound. `part` names the door where it is ill.
pub async fn serve(
    app: Arc<App>,
    part: &'static str,
    listener: Arc<TcpListener>,
    over: Over,
    hall: Arc<Hall>,
    stop: impl Future<Output = ()>,
) {
    let mut reserve = Reserve::new();
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    if app.health.well(part, "") {
                        tracing::info!(event = "accepts-again", part);
                    }
                    (stream, from.ip().to_canonical())
                }
                Err(error) => {
                    // No file handle left, or the caller is already gone: neither ends the door.
                    let scarce = handles::are_scarce(&error);
                    if !scarce || app.health.ill(part, "", "no-file-handles", app.clock.now()) {
                        tracing::warn!(event = "accept-failed", part, %error);
                    }
                    if scarce && reserve.turn_away(&listener, &over).await {
                        count(&app, "door.no-handles");
                        continue;
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let Some(place) = hall.place(address) else {
            count(&app, "door.crowded");
            continue;
        };
        // Whoever comes next waits in the system's queue until this one has room.
        let room = tokio::select! {
            room = hall.room() => room,
            () = &mut stop => break,
        };
        let _ = stream.set_nodelay(true);
        let (app, over, watcher) = (app.clone(), over.clone(), graceful.watcher());
        tokio::spawn(async move {
            match over {
                Over::Plain => converse(app, stream, Visitor::plain(address), watcher).await,
                Over::Tls(tls) => {
                    if let Some((stream, visitor)) = shake_hands(&app, tls, stream, address).await {
                        converse(app, stream, visitor, watcher).await;
                    }
                }
            }
            drop((place, room));
        });
    }
    drop(listener);
    let bound = Duration::from_millis(app.config.limits.drain_ms_max);
    if tokio::time::timeout(bound, graceful.shutdown()).await.is_err() {
        tracing::warn!(event = "drain-cut-short", bound_ms = bound.as_millis() as u64);
    }
}

/// A handshake takes no longer than the head of a call may; none if it came to nothing.
async fn shake_hands(
    app: &App,
    tls: Arc<DoorTls>,
    stream: TcpStream,
    address: IpAddr,
) -> Option<(TlsStream<TcpStream>, Visitor)> {
    let bound = Duration::from_millis(app.config.limits.headers_ms_max);
    let shaking = TlsAcceptor::from(tls.config()).accept(stream);
    match tokio::time::timeout(bound, shaking).await {
        Ok(Ok(stream)) => {
            let chain = stream.get_ref().1.peer_certificates().map(<[_]>::to_vec);
            Some((stream, Visitor::over_tls(address, tls, chain)))
        }
        Ok(Err(error)) => {
            tracing::info!(event = "handshake-failed", %error);
            count(app, "door.handshake");
            None
        }
        Err(_) => {
            count(app, "door.slow-head");
            None
        }
    }
}

/// All calls of one connection, one after the other.
async fn converse<S>(app: Arc<App>, stream: S, visitor: Visitor, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (line, pulse) = Line::over(stream, &app.config.limits);
    let visitor = Arc::new(visitor);
    let (hearing, heard) = (app.clone(), pulse.clone());
    let service = service_fn(move |request| {
        let (app, visitor, pulse) = (hearing.clone(), visitor.clone(), heard.clone());
        async move {
            let _busy = pulse.busy();
            Ok::<_, std::convert::Infallible>(answer(&app, &visitor, request).await)
        }
    });
    // The line keeps the time itself: the library knows one bound for a slow head and an idle line, and none for who does not read.
    // A call with more than a hundred headers is answered 431: the library's own bound, and said here it would cost every call room for
    // a hundred on the heap.
    let connection = hyper::server::conn::http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(line), service);
    // A caller that breaks off or dawdles harms nobody but itself; what it began was not accepted.
    if let Err(error) = watcher.watch(connection).await {
        ended(&app, &pulse, &error);
    }
}

/// A connection that did not end well: counted where the caller is to blame. The library has answered what could be answered.
fn ended(app: &App, pulse: &Pulse, error: &hyper::Error) {
    let code = match error {
        _ if pulse.was_slow() => "door.slow-head",
        _ if pulse.was_idle() => return tracing::debug!(event = "idle-closed"),
        error if error.is_parse() => "door.not-http",
        error if error.is_incomplete_message() => "door.broken-off",
        _ => return tracing::debug!(event = "connection-ended", %error),
    };
    count(app, code);
}

/// Whoever did not come so far as to be answered.
fn count(app: &App, code: &str) {
    app.metrics.turned_away.with_label_values(&[code]).inc();
    tracing::info!(event = "turned-away", fault = code);
}

async fn answer(app: &Arc<App>, visitor: &Visitor, request: Request<Incoming>) -> Response<Outflow> {
    if let Some(response) = health::answer(app, &request).await {
        return flowing(response);
    }
    // What our own code does wrong costs this call an error, not its connection without a word.
    match catch_panic(AssertUnwindSafe(door::answer(app, visitor, request))).await {
        Ok(response) => response,
        Err(()) => {
            let fault = Fault::new("gateway.panicked", Blame::Gateway, Remedy::Unclear, words::panicked());
            app.turned_away(&fault);
            flowing(problem::response(&fault))
        }
    }
}

/// An answer that is in memory, on the wire.
fn flowing(response: Response<Bytes>) -> Response<Outflow> {
    response.map(Outflow::from)
}

/// An answer of an adapter on the wire, without files.
pub(crate) fn response(answer: Answer) -> Response<Bytes> {
    with_head(answer.status, answer.headers, Bytes::from(answer.body.bytes))
}

/// An answer of an adapter on the wire, with its files.
fn response_of(app: &App, answer: Answer) -> Response<Outflow> {
    with_head(answer.status, answer.headers, Outflow::of(answer.body, &app.store))
}

fn with_head<B>(status: u16, headers: Pairs, body: B) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
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
