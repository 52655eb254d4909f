//! One call, from its first line to its answer: which channel, who calls, how much, how fast; then [`crate::intake::hear`].

use std::sync::Arc;
use std::time::Instant;

use gateway_core::adapter::{Adapter, Answer, Arrival, Ask, Body, Level, Secret};
use gateway_core::channel::{Channel, Direction, Files, match_path};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Correlation, has_persons_number, hex};
use gateway_core::webhook;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response};
use tokio::sync::SemaphorePermit;
use tracing::Instrument as _;

use super::body::{Held, Read, ReadBounds, Sent};
use super::caller::{Visitor, secret_path};
use super::query::parse_query;
use super::{flowing, problem, ranges, response};
use crate::app::App;
use crate::intake::{self, Trace};
use crate::lifting::{self, Lifting};
use crate::outflow::Outflow;
use crate::words;

/// Headers that an adapter may see; all others stay at the door and out of the journal.
pub(crate) const HEADERS_SEEN: [&str; 10] = [
    "content-type",
    "accept",
    "idempotency-key",
    "accept-language",
    "host",
    "soapaction",
    "x-dossier-code",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

pub(super) async fn answer(
    app: &Arc<App>,
    visitor: &Visitor,
    request: Request<Incoming>,
) -> Response<Outflow> {
    let began = Instant::now();
    let trace = trace(request.headers());
    let span = tracing::info_span!("call", correlation = %trace.correlation);
    let (door, mut response) = enter(app, visitor, request, &trace).instrument(span).await;
    let status = response.status().as_u16().to_string();
    app.metrics.calls_in.with_label_values(&[&door, &status]).inc();
    app.metrics.answer_seconds.with_label_values(&[&door]).observe(began.elapsed().as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(trace.correlation.as_str()) {
        response.headers_mut().insert("x-correlation-id", value);
    }
    response
}

/// The door's name for the metrics, and the answer.
async fn enter(
    app: &App,
    visitor: &Visitor,
    request: Request<Incoming>,
    trace: &Trace,
) -> (String, Response<Outflow>) {
    let (parts, body) = request.into_parts();
    let sent = Sent::new(&parts.headers, body);
    let Some(mut call) = Call::at_a_door(app, visitor, parts) else {
        let fault = Fault::sender("door.not-found", words::door_not_found());
        app.turned_away(&fault);
        sent.forget();
        return ("none".to_owned(), flowing(problem::response(&fault)));
    };
    if let Some(answer) = call.description() {
        sent.forget();
        return (call.arrival.channel.to_string(), flowing(response(answer)));
    }
    // Held until the answer stands.
    let mut held = app.bodies.none();
    let response = match call.let_in(sent, &mut held).await {
        Ok(None) => {
            let answer = intake::hear(app, &*call.door.adapter, &mut call.arrival, visitor, trace).await;
            ranges::response(app, &call.arrival.ask.method, &call.headers, answer)
        }
        Ok(Some(fault)) => {
            let adapter = call.door.adapter.clone();
            let fault = intake::beside_files(app, &*adapter, &mut call.arrival, fault, trace);
            call.turn_away(&fault)
        }
        Err(fault) => call.turn_away(&fault),
    };
    (call.arrival.channel.to_string(), response)
}

/// A channel whose path fits, with the embassy that speaks its dialect.
#[derive(Clone)]
pub(super) struct Door<'a> {
    pub(super) channel: &'a Channel,
    pub(super) family: &'a str,
    pub(super) adapter: Arc<dyn Adapter>,
    pub(super) rest: String,
}

/// A call in front of the doors of its path. Several dialects may share a path; whatever is wrong is said in the words of the
/// door whose language was spoken, and once the caller is known, of the caller's own.
pub(super) struct Call<'a> {
    pub(super) app: &'a App,
    pub(super) visitor: &'a Visitor,
    pub(super) doors: Vec<Door<'a>>,
    pub(super) door: Door<'a>,
    pub(super) headers: HeaderMap,
    segment: Option<Secret>,
    media: String,
    pub(super) arrival: Arrival,
}

impl<'a> Call<'a> {
    /// None if the path leads to no door.
    fn at_a_door(app: &'a App, visitor: &'a Visitor, parts: Parts) -> Option<Call<'a>> {
        let (segment, path) = secret_path(parts.uri.path());
        let mut doors = doors(app, path);
        // Files are fetched by the same paths that messages are put to: the method tells such doors apart.
        if doors.iter().any(|door| takes(door.channel, parts.method.as_str())) {
            doors.retain(|door| takes(door.channel, parts.method.as_str()));
        }
        let media = media_type(&parts.headers);
        let door = doors.iter().find(|door| door.channel.content.contains(&media)).or(doors.first())?.clone();
        let arrival = Arrival {
            files: Vec::new(),
            dossiers: Vec::new(),
            channel: door.channel.name.clone(),
            caller: None,
            ask: ask(&parts, path, &door.channel.headers),
            rest: door.rest.clone(),
            officer: None,
            level: Level::None,
            at: app.clock.now(),
        };
        let segment = segment.map(Secret::new);
        Some(Call { app, visitor, doors, door, headers: parts.headers, segment, media, arrival })
    }

    /// What one of the doors says of itself to whoever asks.
    fn description(&self) -> Option<Answer> {
        if self.arrival.ask.method != "GET" {
            return None;
        }
        let mut ask = self.arrival.ask.clone();
        // Else it would send callers, with their keys, to where nothing is sealed.
        if self.visitor.secure {
            ask.headers.push(("x-forwarded-proto".to_owned(), "https".to_owned()));
        }
        let told = |door: &Door| {
            let licensed = |kind: &str, procedure: &str| {
                self.app.licensed((door.family, &door.channel.dialect), kind, procedure)
            };
            door.adapter.describe(&ask, &licensed)
        };
        self.doors.iter().find_map(told)
    }

    /// Everything that can be refused without understanding the message, cheapest first; then its body and what that shows. Gives the fault
    /// of its files where nothing else keeps it out.
    async fn let_in(&mut self, sent: Sent, held: &mut Held<'_>) -> Result<Option<Fault>, Fault> {
        if let Err(fault) = self.may_speak() {
            sent.forget();
            return Err(fault);
        }
        let limits = &self.app.config.limits;
        let caller = self.arrival.caller.as_ref().and_then(|peer| self.app.peer(peer));
        let own_max = caller.map_or(usize::MAX, |room| room.doorkeeper.body_bytes_max());
        let bytes_max = self.door.channel.body_bytes_max.min(limits.body_bytes_max).min(own_max);
        let with_files = self.doors.iter().any(|door| door.channel.files.is_some());
        // Base64, in lines, and the escapes of JSON.
        let announced_max = if with_files { limits.files_bytes_max.saturating_mul(2) } else { 0 };
        let announced_max = announced_max.saturating_add(bytes_max as u64);
        let bounds = ReadBounds { bytes_max, announced_max, ms_max: limits.body_ms_max };
        let lift_bounds = lifting::Bounds { body_bytes: bytes_max, files_bytes: limits.files_bytes_max };
        let mut room = None;
        let may_go_on = |beginning: &[u8]| {
            self.by_beginning(beginning, &mut room)?;
            Ok(self.may_lift().map(|files| Lifting::begin(&self.app.store, files, lift_bounds)))
        };
        let lifted = match sent.read(bounds, held, may_go_on).await? {
            Read::Whole(body) => {
                self.arrival.ask.body = Body::of(body);
                None
            }
            Read::Lifted(lifted) => Some(lifted.put(&mut self.arrival)),
        };
        // Who is known by now takes no stranger's room any more.
        let known = self.by_body();
        drop(room);
        known?;
        match &self.door.channel.files {
            // Nothing of a stranger's is kept; all that it can ask for is a session.
            Some(files) if lifted.is_none() && self.arrival.caller.is_some() => {
                lifting::lift(&self.app.store, files, lift_bounds, &mut self.arrival).await
            }
            _ => Ok(lifted.flatten()),
        }
    }

    /// The files of this channel, if who sends them is known before the end of the body: a signature is of the body as it came.
    fn may_lift(&self) -> Option<&'a Files> {
        let known = self.arrival.caller.is_some() && !webhook::is_signed(&self.arrival.ask);
        self.door.channel.files.as_ref().filter(|_| known)
    }

    fn may_speak(&mut self) -> Result<(), Fault> {
        self.by_method()?;
        let segment = self.segment.take();
        self.by_head(segment.as_ref().map(Secret::reveal))?;
        self.in_known_form()
    }

    fn by_method(&self) -> Result<(), Fault> {
        match self.doors.iter().any(|door| takes(door.channel, &self.arrival.ask.method)) {
            true => Ok(()),
            false => Err(Fault::sender("door.method", words::door_method(&self.door.channel.method))),
        }
    }

    fn in_known_form(&self) -> Result<(), Fault> {
        let known = &self.door.channel.content;
        if !known.is_empty() && !known.contains(&self.media) {
            return Err(Fault::sender("door.content-type", words::door_content_type(known)));
        }
        let encoded = |value: &HeaderValue| !value.as_bytes().eq_ignore_ascii_case(b"identity");
        match self.headers.get_all(CONTENT_ENCODING).iter().any(encoded) {
            true => Err(Fault::sender("door.content-encoding", words::door_content_encoding())),
            false => Ok(()),
        }
    }

    /// Of a long body whose sender is not known yet: it says who sends it, or it takes one of the few places of strangers. Else
    /// anybody could have as many megabytes held here as there are connections.
    fn by_beginning(
        &mut self,
        beginning: &[u8],
        room: &mut Option<SemaphorePermit<'a>>,
    ) -> Result<(), Fault> {
        if self.arrival.caller.is_some() {
            return Ok(());
        }
        let ask = Ask { body: Body::of(beginning.to_vec()), ..self.arrival.ask.clone() };
        match self.door.adapter.glimpse(&ask) {
            Some(token) => self.opens_by(&token),
            None => {
                *room = Some(self.app.strangers.try_acquire().map_err(|_| too_many_strangers())?);
                Ok(())
            }
        }
    }

    fn turn_away(&self, fault: &Fault) -> Response<Outflow> {
        self.app.turned_away(fault);
        tracing::info!(event = "turned-away", channel = %self.arrival.channel, fault = %fault.code);
        let answer = intake::worded(self.app, &*self.door.adapter, &self.arrival, Err(fault));
        let mut response = flowing(response(answer));
        if matches!(fault.code.as_ref(), "door.too-large" | "door.timeout" | "door.full") {
            // What is left of the body would have to be read to use the connection again.
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Does a channel take calls of this method? The server keeps the body of what answers a HEAD to itself.
fn takes(channel: &Channel, method: &str) -> bool {
    let method = if method == "HEAD" { "GET" } else { method };
    channel.method.eq_ignore_ascii_case(method)
}

/// The doors of a path, those that name it to its end before those that take any rest: where nobody is known yet, the more specific one
/// words the answer.
fn doors<'a>(app: &'a App, path: &str) -> Vec<Door<'a>> {
    let mut found = Vec::new();
    for (family, channels) in &app.rules.channels.by_adapter {
        for channel in channels.iter().filter(|channel| channel.direction == Direction::In) {
            let Some(rest) = channel.paths.iter().find_map(|pattern| match_path(pattern, path)) else {
                continue;
            };
            if let Some(adapter) = app.speaker(family, &channel.dialect) {
                found.push(Door { channel, family, adapter, rest });
            }
        }
    }
    found.sort_by_key(|door| !door.rest.is_empty());
    found
}

fn too_many_strangers() -> Fault {
    let mut fault = Fault::new("door.busy", Blame::Gateway, Remedy::Later, words::door_busy());
    fault.retry_after_ms = Some(5_000);
    fault
}

fn ask(parts: &Parts, path: &str, of_the_channel: &[String]) -> Ask {
    let seen = HEADERS_SEEN.into_iter().chain(of_the_channel.iter().map(String::as_str));
    let headers =
        seen.filter_map(|name| Some((name.to_owned(), parts.headers.get(name)?.to_str().ok()?.to_owned())));
    Ask {
        method: parts.method.to_string(),
        path: path.to_owned(),
        query: parts.uri.query().map(parse_query).unwrap_or_default(),
        headers: headers.collect(),
        body: Body::default(),
    }
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The caller's correlation id if it is a harmless word, else one of ours; and its W3C trace context if it is one.
fn trace(headers: &HeaderMap) -> Trace {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| is_correlation(id);
    let own = || Correlation::from(hex(&crate::clock::chance::<8>()));
    Trace {
        correlation: text("x-correlation-id").filter(harmless).map_or_else(own, Correlation::from),
        traceparent: text("traceparent").filter(|text| is_traceparent(text)).map(str::to_owned),
    }
}

/// Letters, digits and the marks between them, and nothing that may be somebody's number: it goes through all lines of the log. The
/// last group of a UUID is chance also where all its twelve digits are decimal.
pub(crate) fn is_correlation(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let groups: Vec<&str> = id.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let hex = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()));
    let is_uuid = hex && lengths == [8, 4, 4, 4, 12];
    (8..=64).contains(&id.len())
        && id.bytes().all(plain)
        && !id.bytes().all(|b| b.is_ascii_digit())
        && (is_uuid || !has_persons_number(id))
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, neither id all zeros, nor a number with zeros before it, which may be somebody's. A later version may say more, which we could not vouch for: dropped.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hex = |part: &&str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let named = |part: &str| {
        let padded = part.starts_with("0000") && part.bytes().all(|b| b.is_ascii_digit());
        !padded && part.bytes().any(|b| b != b'0')
    };
    lengths == [2, 32, 16, 2]
        && parts[0] == "00"
        && parts.iter().all(hex)
        && named(parts[1])
        && named(parts[2])
}

/// Store trouble as the door says it: try again, nothing was taken.
pub(crate) fn store_fault(error: &crate::store::StoreError) -> Fault {
    let mut fault =
        Fault::new("store.unavailable", Blame::Gateway, Remedy::Later, words::store_unavailable());
    fault.retry_after_ms = Some(5_000);
    fault.because(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_correlation_that_may_hold_a_number_of_a_person_is_none() {
        for id in ["thu-2026-11-23", "550e8400-e29b-41d4-a716-446655440000", "req.20261123083000123"] {
            assert!(is_correlation(id), "{id}");
        }
        for id in
            ["001085000000", "001085000000-1", "cccd_001085000000", "x.000000000.y", "short", "a b c d e f"]
        {
            assert!(!is_correlation(id), "{id}");
        }
    }

    #[test]
    fn only_real_trace_contexts_pass() {
        assert!(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(!is_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
        assert!(!is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
        assert!(!is_traceparent("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(!is_traceparent("00-xyz-00f067aa0ba902b7-01"));
        assert!(!is_traceparent("00-00000000000000000000001085000000-00f067aa0ba902b7-01"));
        assert!(!is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000001085000000-01"));
    }
}
