//! One call, from its first line to its answer: which channel, who calls, how much, how fast; then [`crate::intake::hear`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use bytes::Bytes;
use gateway_core::adapter::{Adapter, Arrival, Ask, Body, Pairs, Secret};
use gateway_core::channel::{Channel, Credential, Direction, match_path};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{Correlation, PeerName};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, Response};
use tracing::Instrument as _;

use super::{problem, response};
use crate::app::App;
use crate::intake::{self, Trace};
use crate::words;

/// Headers that an adapter may see; all others stay at the door and out of the journal.
const HEADERS_SEEN: [&str; 4] = ["content-type", "accept", "idempotency-key", "accept-language"];

/// A channel whose path fits, with the adapter of some peer that speaks its dialect.
struct Knocked<'a> {
    channel: &'a Channel,
    adapter_name: &'a str,
    adapter: Arc<dyn Adapter>,
    rest: String,
}

pub(super) async fn answer(app: &Arc<App>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let began = Instant::now();
    let trace = trace(request.headers());
    let span = tracing::info_span!("call", correlation = %trace.correlation);
    let correlation = trace.correlation.to_string();
    let (door, mut response) = enter(app, request, trace).instrument(span).await;
    let status = response.status().as_u16().to_string();
    app.metrics.calls_in.with_label_values(&[&door, &status]).inc();
    app.metrics.answer_seconds.with_label_values(&[&door]).observe(began.elapsed().as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&correlation) {
        response.headers_mut().insert("x-correlation-id", value);
    }
    response
}

/// The door's name for the metrics, and the answer.
async fn enter(app: &Arc<App>, request: Request<Incoming>, trace: Trace) -> (String, Response<Full<Bytes>>) {
    let knocked = knocked(app, request.uri().path());
    let media = media_type(request.headers());
    // Whatever is wrong is said in the words of the door whose language was spoken, if that can be told.
    let Some(spoken) = knocked.iter().find(|k| k.channel.content.contains(&media)).or(knocked.first()) else {
        let fault = Fault::sender("door.not-found", words::door_not_found());
        app.turned_away(&fault);
        return ("none".to_owned(), problem::response(&fault));
    };
    let (parts, body) = request.into_parts();
    let mut arrival = Arrival {
        channel: spoken.channel.name.clone(),
        caller: None,
        ask: ask(&parts),
        rest: spoken.rest.clone(),
        at: app.clock.now(),
    };
    match admit(app, &knocked, spoken, &parts.headers, &parts.method, &media, body, &mut arrival).await {
        Ok(adapter) => {
            let answer = intake::hear(app, &*adapter, &arrival, &trace).await;
            (arrival.channel.to_string(), response(answer))
        }
        Err(fault) => {
            app.turned_away(&fault);
            tracing::info!(event = "turned-away", channel = %arrival.channel, fault = %fault.code);
            let mut response = response(spoken.adapter.reply(&arrival, Err(&fault)));
            if matches!(fault.code.as_ref(), "door.too-large" | "door.timeout") {
                // What is left of the body would have to be read to use the connection again.
                response.headers_mut().insert(hyper::header::CONNECTION, HeaderValue::from_static("close"));
            }
            (arrival.channel.to_string(), response)
        }
    }
}

/// Who it is, by which channel, with which body; the arrival is completed on the way. The adapter is the caller's own.
#[allow(clippy::too_many_arguments)] // One call's parts, taken apart so that the body can be consumed.
async fn admit(
    app: &Arc<App>,
    knocked: &[Knocked<'_>],
    spoken: &Knocked<'_>,
    headers: &HeaderMap,
    method: &hyper::Method,
    media: &str,
    body: Incoming,
    arrival: &mut Arrival,
) -> Result<Arc<dyn Adapter>, Fault> {
    if !knocked.iter().any(|k| k.channel.method.eq_ignore_ascii_case(method.as_str())) {
        return Err(Fault::sender("door.method", words::door_method(&spoken.channel.method)));
    }
    let by_header = match header_secret(headers) {
        Some(key) => Some(app.keyring.caller(&key, arrival.at).ok_or_else(unknown_key)?),
        None if spoken.channel.credential == Credential::Session => None,
        None => return Err(Fault::sender("auth.missing", words::auth_missing())),
    };
    let (mut entered, mut own) = (spoken, spoken.adapter.clone());
    if let Some(peer) = &by_header {
        (entered, own) = door_of(app, knocked, peer)?;
    }
    arrival.channel = entered.channel.name.clone();
    arrival.rest.clone_from(&entered.rest);
    if !entered.channel.content.is_empty() && !entered.channel.content.iter().any(|known| known == media) {
        let fault = Fault::sender("door.content-type", words::door_content_type(&entered.channel.content));
        return Err(fault);
    }
    let limit = entered.channel.body_bytes_max.min(app.config.limits.body_bytes_max);
    arrival.ask.body = Body(read_body(app, body, limit).await?);
    arrival.caller = by_header;
    if arrival.caller.is_none() {
        // A session of ours in the body; a call without one can only be a log-in, which `hear` sees to.
        if let Some(token) = own.credential(&arrival.ask)? {
            let expired = || Fault::sender("auth.session", words::auth_session());
            let peer = app.keyring.session(&token, arrival.at).ok_or_else(expired)?;
            (_, own) = door_of(app, knocked, &peer)?;
            arrival.caller = Some(peer);
        }
    }
    Ok(own)
}

/// The channel and the adapter of this peer, among those whose path fits.
fn door_of<'a, 'b>(
    app: &App,
    knocked: &'a [Knocked<'b>],
    peer: &PeerName,
) -> Result<(&'a Knocked<'b>, Arc<dyn Adapter>), Fault> {
    // A key whose peer is not configured any more opens nothing.
    let room = app.peer(peer).ok_or_else(unknown_key)?;
    let own =
        |k: &&Knocked| k.adapter_name == room.config.adapter && k.channel.dialect == room.config.dialect;
    match knocked.iter().find(own) {
        Some(k) => Ok((k, room.adapter.clone())),
        None => Err(Fault::sender("auth.wrong-door", words::auth_wrong_door(&room.config.dialect))),
    }
}

fn unknown_key() -> Fault {
    Fault::sender("auth.unknown", words::auth_unknown())
}

fn knocked<'a>(app: &'a App, path: &str) -> Vec<Knocked<'a>> {
    let mut found = Vec::new();
    for (adapter_name, channels) in &app.rules.channels.by_adapter {
        for channel in channels.iter().filter(|channel| channel.direction == Direction::In) {
            let Some(rest) = channel.paths.iter().find_map(|pattern| match_path(pattern, path)) else {
                continue;
            };
            if let Some(adapter) = app.speaker(adapter_name, &channel.dialect) {
                found.push(Knocked { channel, adapter_name, adapter, rest });
            }
        }
    }
    found
}

fn ask(parts: &hyper::http::request::Parts) -> Ask {
    let headers = HEADERS_SEEN
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), parts.headers.get(*name)?.to_str().ok()?.to_owned())));
    Ask {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(parse_query).unwrap_or_default(),
        headers: headers.collect(),
        body: Body::default(),
    }
}

/// `a=1&b=%C3%A1`, with `+` for a space, as forms write it. What is not UTF-8 is replaced, never refused.
pub(crate) fn parse_query(query: &str) -> Pairs {
    let decode = |text: &str| {
        let bytes = text.as_bytes();
        let mut decoded = Vec::with_capacity(bytes.len());
        let mut at = 0;
        while at < bytes.len() {
            let hex = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
            match (bytes[at], hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
                (b'%', Some(byte)) => {
                    decoded.push(byte);
                    at += 3;
                    continue;
                }
                (b'+', _) => decoded.push(b' '),
                (byte, _) => decoded.push(byte),
            }
            at += 1;
        }
        String::from_utf8_lossy(&decoded).into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    });
    pairs.collect()
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn header_secret(headers: &HeaderMap) -> Option<Secret> {
    if let Some(key) = headers.get("x-api-key").and_then(|value| value.to_str().ok()) {
        return Some(Secret::new(key));
    }
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, given) = value.split_once(' ')?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(Secret::new(given.trim())),
        "basic" => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(given.trim()).ok()?;
            let decoded = String::from_utf8(decoded).ok()?;
            // The name before the colon is for people; the key alone says who it is.
            Some(Secret::new(decoded.split_once(':').map_or(decoded.as_str(), |(_, key)| key)))
        }
        _ => None,
    }
}

async fn read_body(app: &App, body: Incoming, limit: usize) -> Result<Vec<u8>, Fault> {
    let too_large = || Fault::sender("door.too-large", words::door_too_large(limit));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let bound = Duration::from_millis(app.config.limits.body_ms_max);
    match tokio::time::timeout(bound, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Fault::sender("body.broken-off", words::body_broken_off())),
        Err(_) => Err(Fault::sender("door.timeout", words::door_timeout(bound.as_secs()))),
    }
}

/// The caller's correlation id if it is a harmless word, else one of ours; and its W3C trace context if it is one.
fn trace(headers: &HeaderMap) -> Trace {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| {
        (8..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
            // A bare number may be somebody's.
            && !id.bytes().all(|b| b.is_ascii_digit())
    };
    let own = || Correlation::from(crate::files::hex(&crate::clock::chance::<8>()));
    Trace {
        correlation: text("x-correlation-id").filter(harmless).map_or_else(own, Correlation::from),
        traceparent: text("traceparent").filter(|text| is_traceparent(text)).map(str::to_owned),
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`.
fn is_traceparent(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hex = |part: &&str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    lengths == [2, 32, 16, 2] && parts.iter().all(hex) && parts[1].bytes().any(|b| b != b'0')
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
    fn queries_are_decoded_as_forms_write_them() {
        let pairs = parse_query("MaDinhDanhDV=000.00.00.H99&n=Nguy%E1%BB%85n+V&x&%zz=1");
        assert_eq!(pairs[0], ("MaDinhDanhDV".to_owned(), "000.00.00.H99".to_owned()));
        assert_eq!(pairs[1].1, "Nguyễn V");
        assert_eq!(pairs[2], ("x".to_owned(), String::new()));
        assert_eq!(pairs[3].0, "%zz");
    }

    #[test]
    fn only_real_trace_contexts_pass() {
        assert!(is_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        assert!(!is_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
        assert!(!is_traceparent("00-xyz-00f067aa0ba902b7-01"));
    }
}
