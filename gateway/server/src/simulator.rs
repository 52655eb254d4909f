//! Hosts the peers' simulators: behind a real TCP port, with faults of transport put around them by a script that knows no peer.
//!
//! A fault script says what happens to the next calls, one word a call: a status (`503`, or `429:30` (`429@30` as a date) with a Retry-After of 30
//! seconds), `html` (a page instead of an answer), `x-road` (the layer between refuses), `lost-before` (the connection breaks
//! before the peer saw the call), `lost-after` (it takes effect, the answer is lost), `html-after` (it takes effect, a page
//! comes instead of the answer), `slow` (the answer comes too late for the caller), `reset-before` and `reset-after` (as the two
//! `lost-`, but the connection is reset), `hang` (neither effect nor answer, and the connection stays), `redirect` (to a place where
//! nobody should go), `ok`. What only the peer itself does lives in its simulator.
//!
//! Whoever tries something out directs it while it runs: `GET /_simulator/state` tells what has taken effect, and a `POST` of lines
//! to `/_simulator` does what they say (see [`Host::obey`]).

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gateway_core::adapter::{Answer, Ask, Body, Simulator};
use gateway_core::ids::Moment;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::clock::Clock;

/// So many of the latest calls are kept for whoever wants to look at them.
const HEARD_KEPT: usize = 64;

/// Where a redirect leads.
pub const ELSEWHERE: &str = "/elsewhere";

/// A simulator that listens. Stops when dropped.
pub struct Host {
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    acceptor: AbortHandle,
}

struct Shared {
    peer: Box<dyn Simulator>,
    script: VecDeque<Twist>,
    always: Option<Twist>,
    each: Option<Chooser>,
    spared: Option<String>,
    calls: u64,
    heard: VecDeque<Ask>,
}

/// Says of each call what happens to it.
type Chooser = Box<dyn FnMut(&Ask) -> Twist + Send>;

/// What the transport does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Twist {
    /// Nothing.
    Ok,
    /// The peer's proxy answers this status; the peer never saw the call.
    Status(u16),
    /// The same, with so many seconds in Retry-After.
    Busy(u16, u64),
    /// The same, with a date so many seconds from now.
    BusyUntil(u16, u64),
    /// A page of HTML under status 502.
    Html,
    /// The call takes effect and a page of HTML comes instead of the answer.
    HtmlAfter,
    /// A fault of X-Road itself: the peer never saw the call.
    XRoad,
    /// The connection breaks before the peer saw the call.
    LostBefore,
    /// The call takes effect and the answer is lost.
    LostAfter,
    /// The call takes effect and the answer comes after so many milliseconds.
    Slow(u64),
    /// The connection is reset before the peer saw the call.
    ResetBefore,
    /// The call takes effect and the connection is reset.
    ResetAfter,
    /// Neither effect nor answer; the connection breaks after so many milliseconds.
    Hang(u64),
    /// Sent elsewhere; the peer never saw the call.
    Redirect,
}

impl Twist {
    /// Reads one word of a script.
    pub fn parse(word: &str) -> Option<Twist> {
        let status_of = |text: &str| text.parse().ok().filter(|status| (400..600).contains(status));
        if let Some((status, seconds)) = word.split_once(':') {
            return Some(Twist::Busy(status_of(status)?, seconds.parse().ok()?));
        }
        if let Some((status, seconds)) = word.split_once('@') {
            return Some(Twist::BusyUntil(status_of(status)?, seconds.parse().ok()?));
        }
        Some(match word {
            "ok" | "200" => Twist::Ok,
            "html" => Twist::Html,
            "html-after" => Twist::HtmlAfter,
            "x-road" => Twist::XRoad,
            "lost-before" => Twist::LostBefore,
            "lost-after" => Twist::LostAfter,
            "slow" => Twist::Slow(3_000),
            "reset-before" => Twist::ResetBefore,
            "reset-after" => Twist::ResetAfter,
            "hang" => Twist::Hang(30_000),
            "redirect" => Twist::Redirect,
            status => Twist::Status(status_of(status)?),
        })
    }
}

impl Host {
    /// Starts to listen on that address (port 0 picks one).
    pub async fn start(peer: Box<dyn Simulator>, listen: SocketAddr, clock: Clock) -> io::Result<Host> {
        let listener = TcpListener::bind(listen).await?;
        let address = listener.local_addr()?;
        let shared = Shared {
            peer,
            script: VecDeque::new(),
            always: None,
            each: None,
            spared: None,
            calls: 0,
            heard: VecDeque::new(),
        };
        let shared = Arc::new(Mutex::new(shared));
        let acceptor = tokio::spawn(accept(listener, shared.clone(), clock)).abort_handle();
        Ok(Host { address, shared, acceptor })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What happens to the next calls, one by one.
    pub fn script(&self, twists: impl IntoIterator<Item = Twist>) {
        self.shared().script = twists.into_iter().collect();
    }

    /// What happens to every call once the script is used up; none for nothing.
    pub fn always(&self, twist: Option<Twist>) {
        self.shared().always = twist;
    }

    /// What happens to every call that neither the script nor [`Host::always`] speaks of.
    pub fn each(&self, choose: impl FnMut(&Ask) -> Twist + Send + 'static) {
        self.shared().each = Some(Box::new(choose));
    }

    /// Calls whose path contains this are neither twisted nor counted (the log-in, in most stories); none spares nothing.
    pub fn spare(&self, part_of_path: Option<&str>) {
        self.shared().spared = part_of_path.map(str::to_owned);
    }

    /// Calls that reached the port, whatever became of them.
    pub fn calls(&self) -> u64 {
        self.shared().calls
    }

    /// The latest calls as they came, oldest first.
    pub fn heard(&self) -> Vec<Ask> {
        self.shared().heard.iter().cloned().collect()
    }

    /// What has taken effect at the peer.
    pub fn state(&self) -> Value {
        self.shared().peer.state()
    }

    /// The calls that the peer makes by itself at this moment, each once.
    pub fn due(&self, at: Moment) -> Vec<Ask> {
        self.shared().peer.due(at)
    }

    /// A line of a script: `answers <twist> …`, `always <twist>`, `nudge <words>` (something the peer does by itself).
    pub fn obey(&self, line: &str) -> Result<(), String> {
        self.shared().obey(line)
    }

    /// Something the peer does by itself.
    pub fn nudge(&self, words: &[&str]) -> bool {
        self.shared().peer.nudge(words)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

impl Shared {
    fn obey(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let verb = words.next().unwrap_or_default();
        let words: Vec<&str> = words.collect();
        let twist =
            |word: &&str| Twist::parse(word).ok_or_else(|| format!("`{line}`: there is no twist `{word}`"));
        match (verb, words.as_slice()) {
            ("" | "#", _) => {}
            (verb, _) if verb.starts_with('#') => {}
            ("answers", twists) => self.script = twists.iter().map(twist).collect::<Result<_, _>>()?,
            ("always", [word]) => self.always = Some(twist(word)?).filter(|twist| *twist != Twist::Ok),
            ("nudge", words) if self.peer.nudge(words) => {}
            ("nudge", _) => return Err(format!("`{line}`: this peer knows no such thing")),
            _ => return Err(format!("`{line}`: a line is answers, always or nudge with its words")),
        }
        Ok(())
    }

    /// What whoever directs the simulator is answered; none for a call that is the peer's own.
    fn directed(&mut self, ask: &Ask) -> Option<Answer> {
        let lines = String::from_utf8_lossy(&ask.body.bytes).into_owned();
        match (ask.method.as_str(), ask.path.as_str()) {
            ("GET", "/_simulator/state") => Some(Answer::json(200, &self.peer.state())),
            ("POST", "/_simulator") => {
                let wrong: Vec<String> =
                    lines.lines().filter_map(|line| self.obey(line.trim()).err()).collect();
                let status = if wrong.is_empty() { 200 } else { 400 };
                Some(Answer::json(status, &serde_json::json!({ "wrong": wrong })))
            }
            _ => None,
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Mutex<Shared>>, clock: Clock) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(converse(stream, shared.clone(), clock.clone()));
                }
                Err(error) => tracing::warn!(event = "simulator-accept-failed", %error),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, shared: Arc<Mutex<Shared>>, clock: Clock) {
    // A second handle to the socket, because the server has the first until the connection is over.
    let Ok(stream) = stream.into_std() else { return };
    let (Ok(handle), Ok(stream)) = (stream.try_clone(), TcpStream::from_std(stream)) else { return };
    let reset = AtomicBool::new(false);
    let service = service_fn(|request| {
        let (shared, clock, reset) = (shared.clone(), clock.clone(), &reset);
        async move { respond(request, &shared, clock.now(), reset).await }
    });
    // A broken connection is what the script asked for, or the gateway's own affair.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if reset.into_inner()
        && let Ok(handle) = TcpStream::from_std(handle)
    {
        // Closing without lingering is what sends a reset.
        let _ = handle.set_zero_linger();
    }
}

async fn respond(
    request: Request<Incoming>,
    shared: &Mutex<Shared>,
    at: Moment,
    reset: &AtomicBool,
) -> Result<Response<Full<Bytes>>, io::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes().to_vec();
    let ask = Ask {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: crate::http::parse_query(parts.uri.query().unwrap_or_default()),
        headers: parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
            .collect(),
        body: Body::of(body),
    };
    let (twist, answer) = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = shared.directed(&ask) {
            return Ok(crate::http::response(answer).map(Full::from));
        }
        let spared = shared.spared.as_ref().is_some_and(|part| ask.path.contains(part));
        shared.calls += u64::from(!spared);
        if shared.heard.len() == HEARD_KEPT {
            shared.heard.pop_front();
        }
        shared.heard.push_back(ask.clone());
        let twist = match spared {
            true => Twist::Ok,
            false => {
                let told = shared.script.pop_front().or_else(|| shared.always.clone());
                let chosen = told.or_else(|| shared.each.as_mut().map(|choose| choose(&ask)));
                chosen.unwrap_or(Twist::Ok)
            }
        };
        let seen = matches!(
            twist,
            Twist::Ok | Twist::LostAfter | Twist::ResetAfter | Twist::HtmlAfter | Twist::Slow(_)
        );
        (twist, seen.then(|| shared.peer.respond(&ask, at)))
    };
    let lost = || io::Error::new(io::ErrorKind::ConnectionAborted, "scripted");
    match (twist, answer) {
        (Twist::LostAfter | Twist::LostBefore, _) => Err(lost()),
        (Twist::ResetAfter | Twist::ResetBefore, _) => {
            reset.store(true, Ordering::Relaxed);
            Err(lost())
        }
        (Twist::Hang(millis), _) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Err(lost())
        }
        (Twist::Redirect, _) => Ok(instead(302, ("location", ELSEWHERE), "")),
        (Twist::Html | Twist::HtmlAfter, _) => {
            let page = "<html><body><h1>502 Bad Gateway</h1></body></html>";
            Ok(instead(502, ("content-type", "text/html"), page))
        }
        (Twist::XRoad, _) => {
            let fault = "{\"type\":\"Server.ClientProxy.NetworkError\",\"message\":\"Could not connect\"}";
            Ok(instead(500, ("x-road-error", "Server.ClientProxy.NetworkError"), fault))
        }
        (Twist::Busy(status, seconds), _) => Ok(instead(status, ("retry-after", &seconds.to_string()), "")),
        (Twist::BusyUntil(status, seconds), _) => {
            // Held by callers against the date that the library puts beside it, which is the machine's.
            let until = Clock::system().now().plus_millis(i64::try_from(seconds).unwrap_or(0) * 1_000);
            Ok(instead(status, ("retry-after", &until.for_http()), ""))
        }
        (Twist::Status(status), _) => {
            Ok(crate::http::response(Answer { status, headers: Vec::new(), body: Body::default() })
                .map(Full::from))
        }
        (Twist::Slow(millis), Some(answer)) => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(crate::http::response(answer).map(Full::from))
        }
        (_, Some(answer)) => Ok(crate::http::response(answer).map(Full::from)),
        (_, None) => Err(lost()),
    }
}

/// What something between us and the peer says in the peer's stead.
fn instead(status: u16, (name, value): (&str, &str), body: &str) -> Response<Full<Bytes>> {
    let headers = vec![(name.to_owned(), value.to_owned())];
    crate::http::response(Answer { status, headers, body: Body::of(body.as_bytes().to_vec()) })
        .map(Full::from)
}
