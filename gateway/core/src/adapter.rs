//! The port: what the embassy of a peer must be able to do. All of it is pure.
//!
//! An adapter frames and names what a peer says ([`Adapter::receive`], [`Adapter::reply`]) and leads a conversation in the
//! peer's language ([`Adapter::next_turn`], [`Adapter::poll`], [`Adapter::log_in`],
//! [`Adapter::sign`]). It neither translates documents, nor routes,
//! retries, stores, connects or reads the clock; the server does, and asks it again.
//!
//! Three rules keep this naive and safe:
//! - `next_turn` sees no secret, no time and no chance, so the same transcript always gives the same next call, and the
//!   unsigned request can be written down before it leaves.
//! - An exchange that does not count (a stale session, a failed attempt) is *struck*: it stays in the timeline, and the
//!   adapter no longer sees it. No adapter contains a branch for time-outs.
//! - Marks say what the peer knows of the dossier; the transcript says what this delivery has done. Marks choose *which*
//!   call is made, never *whether*.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::envelope::Envelope;
use crate::fault::Fault;
use crate::ids::{Account, ChannelName, Kind, MessageId, Moment, PeerName};

/// The integration codes under which a kind of question is licensed for a procedure, as its caller writes it; none if it is for nobody.
pub type Licensed<'a> = dyn Fn(&str, &str) -> Option<Vec<String>> + 'a;

/// A peer's embassy. One value for each configured peer, shared by all tasks.
pub trait Adapter: Send + Sync {
    /// The credential that this call carries in its body, for channels that declare `credential: session`.
    fn credential(&self, ask: &Ask) -> Result<Option<Secret>, Fault> {
        let _ = ask;
        Ok(None)
    }

    /// The same, as far as the beginning of a long body tells it, so that whoever may not speak need not be heard to the end.
    /// None while it does not tell: what is wrong with the body itself is found when all of it is there.
    fn glimpse(&self, beginning: &Ask) -> Option<Secret> {
        let _ = beginning;
        None
    }

    /// What a door says of itself to a `GET`: its description (`?wsdl`), a probe. Asked before anything else and without a key, so
    /// nothing of it depends on who asks; none if this door has nothing to say to the call. `ask.headers` may hold `host`.
    fn describe(&self, ask: &Ask, licensed: &Licensed<'_>) -> Option<Answer> {
        let _ = (ask, licensed);
        None
    }

    /// What the peer said, in our words: framed into items, each with its kind. Translates nothing.
    fn receive(&self, arrival: &Arrival) -> Result<Heard, Fault>;

    /// The one answer to that call, in the peer's own format. Cannot fail.
    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer;

    /// The next call of a delivery or a question, or its end. Sees answered, unstruck exchanges only.
    fn next_turn(&self, talk: &Conversation) -> Result<Turn<Receipt>, Fault>;

    /// What this answer teaches about the dossier at this peer.
    fn learn(&self, exchange: &Exchange) -> Marks {
        let _ = exchange;
        Marks::new()
    }

    /// A call whose effect counts once got no usable answer: did it happen? `talk.transcript` is the read-back's own.
    fn read_back(&self, talk: &Conversation, lost: &Request) -> Result<Turn<Verdict>, Fault> {
        let _ = (talk, lost);
        Ok(Turn::Done(Verdict::Unknown))
    }

    /// The feeds that this peer offers, to be asked for by the clock; none for a peer that is only told things or calls by itself.
    fn feeds(&self) -> Vec<FeedSpec> {
        Vec::new()
    }

    /// What a feed holds from this cursor on: the next call, or a page. A record that nobody can read becomes an [`Item`] whose
    /// payload fails its contract later, so that one bad record never stops a feed.
    fn poll(&self, feed: &Feed<'_>, transcript: &Transcript) -> Result<Turn<Page>, Fault> {
        let _ = (feed, transcript);
        Err(Fault::new(
            "feed.unsupported",
            crate::fault::Blame::Gateway,
            crate::fault::Remedy::Correct,
            "giao thức này không có nguồn dữ liệu để hỏi định kỳ",
        ))
    }

    /// A session for this account. May put secrets into its requests: they are never journaled.
    fn log_in(
        &self,
        account: &Account,
        keys: &Keys,
        transcript: &Transcript,
        at: Moment,
    ) -> Result<Turn<Session>, Fault> {
        let _ = (account, keys, transcript, at);
        Err(Fault::new(
            "log-in.unsupported",
            crate::fault::Blame::Gateway,
            crate::fault::Remedy::Later,
            "giao thức này không có bước đăng nhập",
        ))
    }

    /// The accounts that log in here, so that somebody can try whether they still may; none where calls need no log-in.
    fn accounts(&self) -> Vec<Account> {
        Vec::new()
    }

    /// Puts the secrets, the session and the time on a request.
    fn sign(&self, request: &Request, keys: &Keys, at: Moment) -> Result<Signed, Fault> {
        let _ = (keys, at);
        Ok(Signed::new(request.ask.clone()))
    }

    /// How long this peer is offered again what it turned away without a reason that anybody could act on.
    fn patience(&self) -> Patience {
        Patience::default()
    }

    /// Does it do this peer no harm to be told again what it was told, because each call names its message? Then an operator can have
    /// the past repeated.
    fn bears_repetition(&self) -> bool {
        false
    }

    /// The secrets this peer needs, by name, so that `check` can say what is missing before the first call does.
    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A peer's other side, for demonstrations and tests: from state and request to answer. Knows no sockets and no faults of
/// transport; those are put around it by its host.
pub trait Simulator: Send {
    /// What the peer would answer.
    fn respond(&mut self, ask: &Ask, at: Moment) -> Answer;

    /// What the peer sends by itself at this moment, each call once: its path is relative to the subscriber's address.
    fn due(&mut self, at: Moment) -> Vec<Ask> {
        let _ = at;
        Vec::new()
    }

    /// What has taken effect at this peer so far, for stories to look at: at least `calls`, and counts and lists by name.
    fn state(&self) -> Value;

    /// Does something that the peer does by itself: `expire-sessions`, `know <dossier>`. False if it knows no such thing.
    fn nudge(&mut self, words: &[&str]) -> bool {
        let _ = words;
        false
    }
}

/// Names and values, in order, repeated names allowed.
pub type Pairs = Vec<(String, String)>;

/// What a peer calls this dossier, learned from its answers: `idHoSo`, `at-portal`.
pub type Marks = BTreeMap<String, String>;

/// One call, without host, time-out or transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path below the endpoint's base address, without query.
    pub path: String,
    /// The query, decoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub query: Pairs,
    /// Headers; of inbound calls only those on the door's allow-list, names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Pairs,
    /// The body.
    pub body: Body,
}

impl Ask {
    /// The first query value of this name, letter case ignored.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(&self.query, name)
    }

    /// The first header of this name, letter case ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Pairs,
    /// The body.
    pub body: Body,
}

impl Answer {
    /// A JSON answer.
    pub fn json(status: u16, document: &Value) -> Self {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())],
            body: Body(document.to_string().into_bytes()),
        }
    }

    /// The first header of this name, letter case ignored.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

fn find<'a>(pairs: &'a Pairs, name: &str) -> Option<&'a str> {
    pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// A body in memory, bounded by the door. Kept as text where it is text, so that a stored request can be read by a person.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Body(pub Vec<u8>);

impl fmt::Debug for Body {
    /// The length only: bodies hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.0.len())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredBody<'a> {
    Text(std::borrow::Cow<'a, str>),
    Base64(String),
}

impl Serialize for Body {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        match std::str::from_utf8(&self.0) {
            Ok(text) => StoredBody::Text(text.into()).serialize(serializer),
            Err(_) => StoredBody::Base64(base64::engine::general_purpose::STANDARD.encode(&self.0))
                .serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        Ok(Body(match StoredBody::deserialize(deserializer)? {
            StoredBody::Text(text) => text.into_owned().into_bytes(),
            StoredBody::Base64(text) => base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|_| serde::de::Error::custom("a stored body is not base64"))?,
        }))
    }
}

/// May a call be made again when nobody knows whether it arrived?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Yes: twice is the same as once (look-ups, create-or-update, orders with a number of their own).
    Repeatable,
    /// No: each arrival counts. A delivery makes at most one such call.
    Once,
}

/// One call of a conversation, unsigned: without secrets, time or host. This is what the journal keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its name: label in timeline and metrics, and what `next_turn` looks for in the transcript.
    pub step: String,
    /// May it be made again when nobody knows whether it arrived?
    pub effect: Effect,
    /// A configured name, never a host.
    pub endpoint: String,
    /// Whose session signs it; none if no log-in is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// The call itself.
    pub ask: Ask,
}

/// A call and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// What was asked.
    pub request: Request,
    /// What came back.
    pub answer: Answer,
}

/// What has been said so far in this conversation: answered and not struck.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript(pub Vec<Exchange>);

impl Transcript {
    /// The latest answer to the step of this name.
    pub fn answer(&self, step: &str) -> Option<&Answer> {
        self.0.iter().rev().find(|exchange| exchange.request.step == step).map(|exchange| &exchange.answer)
    }

    /// The latest exchange.
    pub fn last(&self) -> Option<&Exchange> {
        self.0.last()
    }
}

/// A delivery or question in progress: the message with its document in the peer's form, and what is known.
#[derive(Debug, Clone, Copy)]
pub struct Conversation<'a> {
    /// The message; `document` is in the peer's form (of a question: as it came).
    pub message: &'a Envelope,
    /// What the peer calls this dossier.
    pub marks: &'a Marks,
    /// What has been said so far.
    pub transcript: &'a Transcript,
}

/// Another call, or the end.
#[derive(Debug, Clone, PartialEq)]
pub enum Turn<T> {
    /// Make this call and come back.
    Call(Request),
    /// It is over.
    Done(T),
}

/// The end of a delivery or question that went well.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Receipt {
    /// The peer's reference, for the timeline; may be empty. No personal data.
    pub reference: String,
    /// The answer to a question.
    pub answer: Option<Answer>,
}

/// What a read-back found.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It took effect; this answer stands in for the missing one.
    Happened(Answer),
    /// It did not.
    DidNot,
    /// Nobody can tell.
    Unknown,
}

/// A feed that a peer offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedSpec {
    /// Its name, unique for this adapter.
    pub name: String,
    /// Asked once for everything, or once for each open item.
    pub scope: Scope,
    /// The usual pause between two pages when there is no more.
    pub every_ms: u64,
    /// Where to begin when nothing is stored; none if the feed has no cursor.
    pub first_cursor: Option<Cursor>,
}

/// What one question to a feed covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything this peer has for us: one cursor for all.
    Whole,
    /// One item, by the name that the peer gave it: no cursor needed, because the answer is its whole history.
    PerItem,
}

/// A question to a feed.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    /// Which of the adapter's feeds.
    pub name: &'a str,
    /// The item asked for in a per-item feed.
    pub about: Option<&'a str>,
    /// How far it was read; none if nothing is stored and the feed has no first one.
    pub cursor: Option<&'a Cursor>,
    /// When it is asked: what a peer dates after this moves no cursor.
    pub at: Moment,
}

/// How far a feed was read, in words that only its adapter understands. Stored in one transaction with what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// How long, and how often, something unclear is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The first pause; it doubles.
    pub pause_ms_min: i64,
    /// The longest pause.
    pub pause_ms_max: i64,
    /// After so long it is a dead letter.
    pub give_up_ms: i64,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { pause_ms_min: 2_000, pause_ms_max: 600_000, give_up_ms: 24 * 3_600_000 }
    }
}

/// A piece of a feed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Page {
    /// What it holds, in the peer's order.
    pub items: Vec<Item>,
    /// Where to go on; none keeps the old one.
    pub cursor: Option<Cursor>,
    /// There is more: ask again at once.
    pub more: bool,
}

/// A text that must not be seen: no `Serialize`, no `Display`, silent `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The text itself, for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The secrets of a peer: fixed ones by name (`password`, or `<account>/password` where each account has its own) and
/// the current session, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// From files or the environment.
    pub fixed: &'a BTreeMap<String, Secret>,
    /// The account's session.
    pub session: Option<&'a Session>,
}

impl Keys<'_> {
    /// The secret of this name for this account: `<account>/<name>`, else `<name>`.
    pub fn of(&self, account: &Account, name: &str) -> Option<&Secret> {
        self.fixed.get(&format!("{account}/{name}")).or_else(|| self.fixed.get(name))
    }
}

/// An account's session at a peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// What the peer gave.
    pub token: Secret,
    /// Renewed before this moment; none if only a refusal tells.
    pub good_until: Option<Moment>,
}

/// A call with its secrets on. Neither stored nor shown: no `Serialize`, silent `Debug`.
#[derive(Clone)]
pub struct Signed(Ask);

impl Signed {
    /// Signs.
    pub fn new(ask: Ask) -> Self {
        Signed(ask)
    }

    /// For the wire only.
    pub fn ask(&self) -> &Ask {
        &self.0
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<signed {} {}>", self.0.method, self.0.path)
    }
}

/// How surely the door knows who called, weakest first. It is recorded with each message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not at all: a call that asks for a session.
    #[default]
    None,
    /// It came from an address that only this peer has.
    Address,
    /// It brought a secret: a key, a session, a secret path.
    Token,
    /// It came over a connection that only the holder of this peer's certificate can open.
    Certificate,
    /// Its body is signed with a key of this peer.
    Signed,
}

impl Level {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Level::None => "none",
            Level::Address => "address",
            Level::Token => "token",
            Level::Certificate => "certificate",
            Level::Signed => "signed",
        }
    }
}

/// A call from a peer, past the door.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The channel it came in by.
    pub channel: ChannelName,
    /// Who called; none only where the door turned the caller away and an answer must still be worded.
    pub caller: Option<PeerName>,
    /// The call.
    pub ask: Ask,
    /// What the `**` at the end of the channel's path stands for: `mapi/g`.
    pub rest: String,
    /// The officer at the caller's whose own key opened the door; none where a system called with its own.
    pub officer: Option<String>,
    /// How surely the door knows who called.
    pub level: Level,
    /// When it came.
    pub at: Moment,
    /// The codes that its items were framed with, in order, so that no reply reads the body again for them; empty before that.
    pub dossiers: Vec<Option<String>>,
}

impl Arrival {
    /// Remembers which dossiers the call is about, as it was framed.
    pub fn framed(&mut self, heard: &Heard) {
        if let Heard::Messages(items) = heard {
            self.dossiers = items.iter().map(|item| item.dossier.clone()).collect();
        }
    }
}

/// What a peer said.
#[derive(Debug, Clone)]
pub enum Heard {
    /// Messages, each with its own fate.
    Messages(Vec<Item>),
    /// A question, answered in the same call.
    Question(Item),
    /// Asks for a session of ours.
    LogIn {
        /// The name given.
        user: String,
        /// The password given: one of the peer's keys.
        password: Secret,
    },
}

/// One message within a call, framed and not yet understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What it says.
    pub kind: Kind,
    /// The dossier's code, where framing sees it: so that even what is refused can be found by it.
    pub dossier: Option<String>,
    /// The agency on whose behalf it is sent, where the call names one.
    pub unit: Option<String>,
    /// Idempotency keys that the caller gave.
    pub keys: Vec<String>,
    /// What a conversation may want to know beside the document, e.g. `updating` = `true`.
    pub hints: BTreeMap<String, String>,
    /// The item as it came.
    pub payload: Payload,
}

/// An item as it came.
#[derive(Clone, PartialEq)]
pub enum Payload {
    /// A parsed JSON value.
    Json(Value),
    /// One well-formed XML document.
    Xml(Vec<u8>),
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Payload::Json(_) => "<json>",
            Payload::Xml(_) => "<xml>",
        })
    }
}

/// What became of an item.
#[derive(Debug, Clone)]
pub enum Fate {
    /// On disk. With `answer_wait_ms`, what the peer said to it in that time.
    Accepted {
        /// Our id for it.
        id: MessageId,
        /// The peer's verdict, if it came in time: taken, or refused for this reason.
        verdict: Option<Result<(), Fault>>,
    },
    /// Already accepted earlier; answered as the first time.
    Duplicate {
        /// Our id for the first one.
        id: MessageId,
    },
    /// The sender sent what nobody can use.
    Refused(Fault),
    /// A question's answer, as the asked peer gave it.
    Answered(Answer),
    /// A session of ours.
    LoggedIn {
        /// To be shown to the caller only.
        token: Secret,
        /// It is good for so many seconds.
        seconds: u64,
    },
}
