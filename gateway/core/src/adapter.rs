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

use crate::catalogue::{CatalogueSpec, Entries};
use crate::envelope::Envelope;
use crate::fault::Fault;
use crate::ids::{Account, ChannelName, Kind, MessageId, Moment, PeerName};
use crate::lift::Ticket;
use crate::lift::sniff::FileType;

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

    /// The signature that this peer puts into the body of a call, in a way of its own: does it hold? None where such a call carries none.
    /// One that must carry it and does not is one whose signature does not hold.
    fn vouches(&self, ask: &Ask, keys: &Keys) -> Option<bool> {
        let _ = (ask, keys);
        None
    }

    /// The one answer to that call, in the peer's own format. Cannot fail.
    fn reply(&self, arrival: &Arrival, said: Result<&[Fate], &Fault>) -> Answer;

    /// Signs an answer that [`Adapter::reply`] has worded, for peers that want it signed.
    fn seal(&self, answer: Answer, keys: &Keys) -> Answer {
        let _ = keys;
        answer
    }

    /// What this peer is told as the reference of our payment of this number.
    fn reference(&self, number: &str) -> String {
        number.to_owned()
    }

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

    /// The lists that this peer publishes for others to use, to be pulled once a night; none for most.
    fn catalogues(&self) -> Vec<CatalogueSpec> {
        Vec::new()
    }

    /// The pull of one of them: the next call, or its entries by code. With `about` one entry alone, in full (`detail`).
    fn pull(
        &self,
        catalogue: &str,
        about: Option<&str>,
        transcript: &Transcript,
    ) -> Result<Turn<Entries>, Fault> {
        let _ = (catalogue, about, transcript);
        Err(Fault::new(
            "catalogue.unsupported",
            crate::fault::Blame::Gateway,
            crate::fault::Remedy::Correct,
            "giao thức này không công bố danh mục nào",
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

    /// The names of the endpoints that its calls leave for ([`Request::endpoint`]), so that `check` can say which one is missing or
    /// misspelt before a dossier waits for it. Empty where nothing is called, or nobody says.
    fn endpoints(&self) -> Vec<String> {
        Vec::new()
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
    /// A JSON answer. What is said must be writable as JSON: all keys texts, as in every [`Value`] and every struct.
    pub fn json(status: u16, document: &(impl Serialize + ?Sized)) -> Self {
        Answer {
            status,
            headers: vec![("content-type".to_owned(), "application/json; charset=utf-8".to_owned())],
            body: Body::of(serde_json::to_vec(document).unwrap_or_default()),
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

/// A body: bytes in memory, bounded by the door, and between them files that stay in the claim store and flow through when it is
/// sent. Kept as text where it is text, so that a stored request can be read by a person.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Body {
    /// All of it but its files.
    pub bytes: Vec<u8>,
    /// What flows in between, in the order of their places.
    pub files: Vec<Placed>,
}

/// A file at its place in a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Before the byte of this number; as many as there are bytes for one at the end.
    pub at: usize,
    /// Which.
    pub file: Ticket,
    /// As what it is sent.
    #[serde(default)]
    pub form: Form,
    /// What it is by its content, of one that came with an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<FileType>,
}

/// How a file stands in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// As it is: an answer to whoever fetches it, a part of a form.
    #[default]
    Plain,
    /// As base64: within JSON or XML.
    Base64,
}

impl Body {
    /// Bytes alone.
    pub fn of(bytes: impl Into<Vec<u8>>) -> Self {
        Body { bytes: bytes.into(), files: Vec::new() }
    }

    /// One file and nothing else.
    pub fn file(file: Ticket) -> Self {
        Body { bytes: Vec::new(), files: vec![Placed { at: 0, file, form: Form::Plain, real: None }] }
    }

    /// The same, of one whose content was looked at.
    pub fn file_seen(file: Ticket, real: FileType) -> Self {
        let placed = Placed { at: 0, file, form: Form::Plain, real: Some(real) };
        Body { bytes: Vec::new(), files: vec![placed] }
    }

    /// A document as JSON, in which each text that names one of these files ([`Ticket::text`]) becomes its content in base64. The text
    /// of a file that is not the message's own stays a text: nobody gets a stranger's file by writing its name.
    pub fn json(document: &Value, files: &[Ticket]) -> Self {
        let mut text = document.to_string();
        let mut placed = Vec::new();
        for file in files {
            // Within a text its quotes would be escaped, so this is a whole value (or a name, which has a colon behind it).
            let (wanted, mut from) = (format!("\"{}\"", file.text()), 0);
            while let Some(found) = text[from..].find(&wanted).map(|found| from + found) {
                from = found + wanted.len();
                if !text[from..].starts_with(':') {
                    placed.push((found + 1, file));
                }
            }
        }
        placed.sort_by_key(|(at, _)| *at);
        placed.dedup_by_key(|(at, _)| *at);
        let mut taken = 0;
        let place = |(at, file): (usize, &Ticket)| {
            let (at, name) = (at - taken, file.text());
            text.replace_range(at..at + name.len(), "");
            taken += name.len();
            Placed { at, file: file.clone(), form: Form::Base64, real: None }
        };
        let files = placed.into_iter().map(place).collect();
        Body { bytes: text.into_bytes(), files }
    }

    /// How many bytes it has on the wire.
    pub fn length(&self) -> u64 {
        let file = |placed: &Placed| match placed.form {
            Form::Plain => placed.file.bytes,
            Form::Base64 => placed.file.bytes.div_ceil(3) * 4,
        };
        self.bytes.len() as u64 + self.files.iter().map(file).sum::<u64>()
    }
}

impl fmt::Debug for Body {
    /// The length only: bodies hold personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} bytes>", self.length())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredBody<'a> {
    Text(std::borrow::Cow<'a, str>),
    Base64(String),
    Pieces { base64: String, files: Vec<Placed> },
}

impl Serialize for Body {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine as _;
        let base64 = || base64::engine::general_purpose::STANDARD.encode(&self.bytes);
        match std::str::from_utf8(&self.bytes) {
            _ if !self.files.is_empty() => {
                StoredBody::Pieces { base64: base64(), files: self.files.clone() }.serialize(serializer)
            }
            Ok(text) => StoredBody::Text(text.into()).serialize(serializer),
            Err(_) => StoredBody::Base64(base64()).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine as _;
        let bytes = |text: String| {
            base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|_| serde::de::Error::custom("a stored body is not base64"))
        };
        Ok(match StoredBody::deserialize(deserializer)? {
            StoredBody::Text(text) => Body::of(text.into_owned()),
            StoredBody::Base64(base64) => Body::of(bytes(base64)?),
            StoredBody::Pieces { base64, files } => Body { bytes: bytes(base64)?, files },
        })
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
    /// Where its answer is kept.
    #[serde(default, skip_serializing_if = "Keeping::is_inline")]
    pub answer_in: Keeping,
}

/// Where the answer to a call is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keeping {
    /// In the answer: what a conversation reads.
    #[default]
    Inline,
    /// In the claim store, as it streams in: a file. The adapter sees a body of one file and no bytes; what is no success stays inline.
    Claimed,
}

impl Keeping {
    /// Is it the ordinary way?
    pub fn is_inline(&self) -> bool {
        *self == Keeping::Inline
    }
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
// One value at a time and no lists of them: a box would be an allocation for nothing.
#[allow(clippy::large_enum_variant)]
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
    /// What the peer said with its answer that others should hear of, as if it had called us: its own code for a dossier that it was
    /// given. Admitted in the transaction that settles the delivery, in the name of the peer that answered.
    pub says: Vec<Item>,
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
    /// The files that left the body on its way in ([`Ticket::text`] stands in their place).
    pub files: Vec<Ticket>,
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
    /// Asks for a file of ours, by the id that stands in the address we published.
    File {
        /// As we published it.
        id: String,
    },
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
    /// A file that was published to the caller.
    File {
        /// Which.
        file: Ticket,
        /// Its name, as whoever gave it called it.
        name: String,
        /// Its media type, as its content shows it.
        media: String,
    },
    /// A session of ours.
    LoggedIn {
        /// To be shown to the caller only.
        token: Secret,
        /// It is good for so many seconds.
        seconds: u64,
    },
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_files_name_gives_way_to_its_content_and_a_strangers_stays_a_text() {
        let (own, strange) = (Ticket::of(b"JVBERi0"), Ticket::of(b"strange"));
        let document = json!({
            "TepDonDangKy": own.text(),
            "GhiChu": format!("xem \"{}\"", own.text()),
            "TaiLieuNop": [{ "Base64": strange.text() }, { "Base64": own.text() }],
        });
        let body = Body::json(&document, std::slice::from_ref(&own));
        let text = String::from_utf8(body.bytes.clone()).unwrap();
        assert_eq!(body.files.len(), 2);
        assert!(text.contains(&strange.text()) && text.contains("xem"));
        assert_eq!(body.length(), text.len() as u64 + 2 * 12);
        // Put back from the end, so that the places in front of it stay what they are.
        let whole = body.files.iter().rev().fold(text, |mut text, placed| {
            text.insert_str(placed.at, &own.text());
            text
        });
        assert_eq!(whole, document.to_string());
        let stored = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<Body>(&stored).unwrap(), body);
        assert_eq!(Ticket::from_text(&own.text()), Some(own));
        assert_eq!(Ticket::from_text("file:zz:1"), None);
    }
}
