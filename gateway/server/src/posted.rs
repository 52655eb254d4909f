//! The door at the broker: what others put into the queue `lienthong.in` becomes a call like any other, and its answer a receipt.
//!
//! The routing key is the channel, and the publisher is the user that the broker itself vouches for: a name that a message may carry only
//! if it was published under it. Headers stand for what a call has in its query and its headers. What we cannot take now (the store is in
//! trouble, the peer is in haste) stays with the broker, which is told of a message only when it is on disk or refused. Deliberately not
//! here: the broker (`queue/amqp`), and what a message means.

use gateway_core::adapter::{Answer, Arrival, Ask, Body, Level};
use gateway_core::channel::{Channel, Direction};
use gateway_core::fault::{Blame, Fault, Remedy};
use gateway_core::ids::{ChannelName, Correlation, Moment, hex};

use crate::app::{App, Room};
use crate::crash;
use crate::http::{HEADERS_SEEN, Visitor, is_correlation, problem_answer};
use crate::intake::{self, Trace};
use crate::lifting;
use crate::words;

/// A message as the broker delivers it.
#[derive(Debug, Clone, Default)]
pub struct Posted {
    /// The channel.
    pub routing_key: String,
    /// Who published it, as the broker has found right.
    pub user: Option<String>,
    /// The publisher's own id: the same message under the same id is taken once.
    pub message_id: Option<String>,
    /// What the publisher knows the receipt by.
    pub correlation_id: Option<String>,
    /// The media type.
    pub content_type: Option<String>,
    /// Anything but nothing is refused.
    pub content_encoding: Option<String>,
    /// Headers that are texts, numbers or truths, as text.
    pub headers: Vec<(String, String)>,
    /// The message.
    pub body: Vec<u8>,
}

/// What became of it.
pub enum Receipt {
    /// It is on disk or refused for good: the broker may forget it, and the publisher reads this.
    Final(Answer),
    /// Not now: the same again after so many milliseconds.
    Later(u64),
}

/// Waits so long where nobody says how long.
const LATER_MS: u64 = 1_000;

/// Hears a message. On [`Receipt::Final`] everything accepted of it is synced.
pub async fn hear(app: &App, posted: Posted) -> Receipt {
    crash::panic_at("posted");
    let at = app.clock.now();
    let trace = Trace {
        correlation: posted
            .correlation_id
            .as_deref()
            .filter(|id| is_correlation(id))
            .map_or_else(|| Correlation::from(hex(&crate::clock::chance::<8>())), Correlation::from),
        traceparent: None,
    };
    let room = posted
        .user
        .as_deref()
        .and_then(|user| app.peers.values().find(|room| room.doorkeeper.is_broker_user(user)));
    let Some(room) = room else {
        return turned_away(app, &Fault::sender("broker.user", words::broker_user()), None);
    };
    let channel = match channel(app, room, &posted.routing_key) {
        Ok(channel) => channel,
        Err(fault) => return turned_away(app, &fault, None),
    };
    let mut arrival = arrival(room, channel, posted, at);
    if let Err(fault) = may_enter(app, room, channel, &arrival) {
        return turned_away(app, &fault, Some((room, &arrival)));
    }
    if let Some(files) = &channel.files {
        let limits = &app.config.limits;
        let bounds =
            lifting::Bounds { body_bytes: limits.body_bytes_max, files_bytes: limits.files_bytes_max };
        let lifted = lifting::lift(&app.store, files, bounds, &mut arrival).await;
        if let Ok(Some(fault)) | Err(fault) = lifted {
            let fault = intake::beside_files(app, &*room.adapter, &mut arrival, fault, &trace);
            return turned_away(app, &fault, Some((room, &arrival)));
        }
    }
    let answer = intake::hear(app, &*room.adapter, &mut arrival, &Visitor::by_broker(), &trace).await;
    app.metrics.calls_in.with_label_values(&[channel.name.as_str(), &answer.status.to_string()]).inc();
    match answer.status {
        // What we cannot do now, and nothing else, is said this way.
        503 => Receipt::Later(retry_after_ms(&answer)),
        _ => Receipt::Final(answer),
    }
}

/// What is said of a message that made our own code panic.
pub fn panicked(app: &App) -> Answer {
    let fault = Fault::new("gateway.panic", Blame::Gateway, Remedy::Correct, words::delivery_panicked());
    app.turned_away(&fault);
    problem_answer(&fault)
}

/// The channel of that name, if it is one of this peer's own.
fn channel<'a>(app: &'a App, room: &Room, name: &str) -> Result<&'a Channel, Fault> {
    let found = app.channel(&ChannelName::from(name)).filter(|channel| channel.direction == Direction::In);
    let found = found.ok_or_else(|| Fault::sender("broker.channel", words::broker_channel()))?;
    let own = app.rules.channels.by_adapter.get(&room.config.adapter);
    let is_own = own.into_iter().flatten().any(|channel| channel.name == found.name);
    match is_own && found.dialect == room.config.dialect {
        true => Ok(found),
        false => Err(Fault::sender("auth.wrong-door", words::auth_wrong_door(room.config.speaks()))),
    }
}

fn arrival(room: &Room, channel: &Channel, posted: Posted, at: Moment) -> Arrival {
    let name = |header: &str| HEADERS_SEEN.iter().find(|seen| seen.eq_ignore_ascii_case(header));
    let (headers, query): (Vec<_>, Vec<_>) =
        posted.headers.into_iter().partition(|(header, _)| name(header).is_some());
    let mut headers: Vec<(String, String)> =
        headers.into_iter().map(|(header, value)| (header.to_ascii_lowercase(), value)).collect();
    let mut add = |header: &str, value: Option<String>| {
        if let Some(value) = value
            && !headers.iter().any(|(known, _)| known == header)
        {
            headers.push((header.to_owned(), value));
        }
    };
    add("content-type", posted.content_type.or_else(|| channel.content.first().cloned()));
    add("content-encoding", posted.content_encoding.filter(|encoding| !encoding.is_empty()));
    add("idempotency-key", posted.message_id.filter(|id| !id.is_empty()));
    let path =
        channel.paths.first().map(|path| path.replace("/**", "").replace("**", "")).unwrap_or_default();
    Arrival {
        files: Vec::new(),
        channel: channel.name.clone(),
        caller: Some(room.name.clone()),
        ask: Ask { method: channel.method.clone(), path, query, headers, body: Body::of(posted.body) },
        rest: String::new(),
        officer: None,
        level: Level::Token,
        at,
        dossiers: Vec::new(),
    }
}

/// Everything that can be refused without understanding the message.
fn may_enter(app: &App, room: &Room, channel: &Channel, arrival: &Arrival) -> Result<(), Fault> {
    let media = arrival.ask.header("content-type").unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !channel.content.is_empty() && !channel.content.contains(&media) {
        return Err(Fault::sender("door.content-type", words::door_content_type(&channel.content)));
    }
    if arrival.ask.header("content-encoding").is_some() {
        return Err(Fault::sender("door.content-encoding", words::door_content_encoding()));
    }
    let limits = &app.config.limits;
    let bytes_max = channel.body_bytes_max.min(limits.body_bytes_max).min(room.doorkeeper.body_bytes_max());
    if arrival.ask.body.bytes.len() > bytes_max {
        return Err(Fault::sender("door.too-large", words::door_too_large(bytes_max)));
    }
    let minimum = room.doorkeeper.minimum().max(channel.level);
    if arrival.level < minimum {
        return Err(Fault::sender("auth.level", words::auth_level(minimum.as_str(), arrival.level.as_str())));
    }
    room.doorkeeper.hold_pace(arrival.at)
}

fn turned_away(app: &App, fault: &Fault, known: Option<(&Room, &Arrival)>) -> Receipt {
    if fault.remedy == Remedy::Later {
        return Receipt::Later(fault.retry_after_ms.unwrap_or(LATER_MS));
    }
    app.turned_away(fault);
    tracing::info!(event = "turned-away", door = "broker", fault = %fault.code);
    Receipt::Final(match known {
        Some((room, arrival)) => room.adapter.reply(arrival, Err(fault)),
        None => problem_answer(fault),
    })
}

fn retry_after_ms(answer: &Answer) -> u64 {
    let given = answer.headers.iter().find(|(name, _)| name == "retry-after");
    given.and_then(|(_, seconds)| seconds.parse::<u64>().ok()).map_or(LATER_MS, |seconds| seconds * 1_000)
}
