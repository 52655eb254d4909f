//! Channels: which doors an adapter opens and which kinds go through them. Data from `mappings/<adapter>/channels.yaml` and
//! `mappings/kinds.yaml`.
//!
//! A channel is adapter + dialect + direction + kinds. Paths are suffix patterns, because local software has its own
//! prefixes: `**/DongBoHoSoMC` matches any path that ends so, `**/forward/**` keeps what follows.

mod files;
mod kind;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::adapter::Level;
use crate::fault::Defect;
use crate::ids::{ChannelName, Kind};

pub use files::{Address, Beside, Files};
pub use kind::{CodeAt, DocumentFacts, KindSpec, Part, ReceiptCode};

/// Which way a channel goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The peer calls us.
    In,
    /// We call the peer.
    Out,
    /// We ask, and what the peer says is taken as if it had called: the records of its feeds, and what an answer of its tells others.
    Feed,
}

/// How a caller shows who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Credential {
    /// Header `X-Api-Key`, or `Authorization: Basic|Bearer`.
    #[default]
    Key,
    /// A session of ours in the body, got by a log-in; a key in the header is accepted too.
    Session,
}

/// A door, or a way out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Channel {
    /// Its name: `onestop/relay/dossier-recorded`.
    pub name: ChannelName,
    /// What operators call it.
    #[serde(default)]
    pub title: String,
    /// The wire language.
    #[serde(default)]
    pub dialect: String,
    /// Which way.
    pub direction: Direction,
    /// The HTTP method of an inbound channel.
    #[serde(default)]
    pub method: String,
    /// Path patterns of an inbound channel.
    #[serde(default)]
    pub paths: Vec<String>,
    /// Accepted media types of an inbound channel, without parameters.
    #[serde(default)]
    pub content: Vec<String>,
    /// Headers that this peer's calls carry and its adapter reads, beside those that every door keeps; in lower case.
    #[serde(default)]
    pub headers: Vec<String>,
    /// Kinds that go through, each with its mapping (none for questions).
    pub kinds: BTreeMap<Kind, Option<String>>,
    /// Of these, the questions that we answer ourselves, each with the mapping that words the answer.
    #[serde(default)]
    pub answers: BTreeMap<Kind, String>,
    /// Of these, what goes only to peers whose entry names it in `receives`.
    #[serde(default)]
    pub on_request: Vec<Kind>,
    /// How a caller shows who it is.
    #[serde(default)]
    pub credential: Credential,
    /// Who is known less surely than this is refused.
    #[serde(default)]
    pub level: Level,
    /// Longer bodies are refused.
    #[serde(default = "body_bytes_max")]
    pub body_bytes_max: usize,
    /// Where files stand in its bodies.
    #[serde(default)]
    pub files: Option<Files>,
    /// Where addresses of files stand in what goes out ([`Address`]): they become our own, where the peer's entry says under which address it
    /// reaches us.
    #[serde(default)]
    pub publishes: BTreeMap<String, Beside>,
    /// What callers read about it; the adapter knows it without.
    #[serde(default)]
    pub describes: Described,
}

/// How a call of a channel is framed, for the description of the doors that callers read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Described {
    /// One item a call, or a list of them.
    pub shape: Shape,
    /// The contract of the whole body, where it is more than its items.
    pub body: Option<String>,
    /// What `**` at the end of the path stands for.
    pub rest: Vec<String>,
    /// Parameters of the query.
    pub query: Vec<String>,
    /// Headers beside the credential.
    pub headers: Vec<String>,
}

/// How many items a body holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// The body is the item.
    #[default]
    One,
    /// The body is a list of items.
    List,
}

fn body_bytes_max() -> usize {
    8 << 20
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChannelFile {
    channels: Vec<Channel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindFile {
    kinds: BTreeMap<Kind, KindSpec>,
}

/// All channels of all adapters, and all kinds.
#[derive(Debug, Clone, Default)]
pub struct Channels {
    /// By adapter, in the order of the files.
    pub by_adapter: BTreeMap<String, Vec<Channel>>,
    /// By name.
    pub kinds: BTreeMap<Kind, KindSpec>,
}

impl Channels {
    /// Reads `kinds.yaml` and every `<adapter>/channels.yaml` of the files below `mappings/`; those of a dialect may stand in its own
    /// folder, `<adapter>/<dialect>/channels.yaml`. All defects at once.
    pub fn read(files: &BTreeMap<String, Vec<u8>>) -> Result<Channels, Vec<Defect>> {
        let mut channels = Channels::default();
        let mut defects = Vec::new();
        match files.get("kinds.yaml").map(|bytes| yaml::<KindFile>("kinds.yaml", bytes)) {
            Some(Ok(file)) => channels.kinds = file.kinds,
            Some(Err(defect)) => defects.push(defect),
            None => defects.push(file_defect("kinds.yaml", "the file is missing")),
        }
        for (path, bytes) in files {
            let Some(folder) = path.strip_suffix("/channels.yaml") else { continue };
            let (adapter, dialect) = folder.split_once('/').unwrap_or((folder, ""));
            if dialect.contains('/') {
                continue;
            }
            match yaml::<ChannelFile>(path, bytes) {
                Ok(mut file) => {
                    for channel in &mut file.channels {
                        if !dialect.is_empty() {
                            settle_in(path, folder, dialect, channel, &mut defects);
                        }
                        channels.examine(path, channel, &mut defects);
                    }
                    channels.by_adapter.entry(adapter.to_owned()).or_default().extend(file.channels);
                }
                Err(defect) => defects.push(defect),
            }
        }
        if defects.is_empty() { Ok(channels) } else { Err(defects) }
    }

    /// Keeps the channels of these dialects, and those that belong to none.
    pub fn keep(&mut self, is_spoken: impl Fn(&str, &str) -> bool) {
        for (family, channels) in &mut self.by_adapter {
            channels.retain(|channel| channel.dialect.is_empty() || is_spoken(family, &channel.dialect));
        }
    }

    fn examine(&self, path: &str, channel: &Channel, defects: &mut Vec<Defect>) {
        for kind in channel.kinds.keys().filter(|kind| !self.kinds.contains_key(*kind)) {
            let mut defect =
                file_defect(path, &format!("channel {}: there is no kind `{kind}`", channel.name));
            defect.nearest = crate::fault::nearest(kind.as_str(), self.kinds.keys().map(Kind::as_str));
            defects.push(defect);
        }
        for kind in channel.on_request.iter().filter(|kind| !channel.kinds.contains_key(*kind)) {
            let words =
                format!("channel {}: on_request names `{kind}`, which is not among its kinds", channel.name);
            defects.push(file_defect(path, &words));
        }
        let ours = |kind: &Kind| self.kinds.get(kind).is_some_and(|spec| spec.answered_from.is_some());
        let worded = |kind: &Kind| channel.answers.contains_key(kind);
        for kind in channel.kinds.keys().filter(|kind| ours(kind) && !worded(kind)) {
            let words =
                format!("channel {}: `{kind}` is answered by us: name its mapping in answers", channel.name);
            defects.push(file_defect(path, &words));
        }
        let places = channel.files.as_ref().map(|files| files::defects(files.at.keys())).unwrap_or_default();
        for wrong in places.into_iter().chain(files::address_defects(channel.publishes.keys())) {
            defects.push(file_defect(path, &format!("channel {}: {wrong}", channel.name)));
        }
        if channel.direction == Direction::In && (channel.paths.is_empty() || channel.method.is_empty()) {
            defects.push(file_defect(
                path,
                &format!("channel {}: an inbound channel needs method and paths", channel.name),
            ));
        }
    }

    /// The kind that is this to a shipment.
    pub fn part(&self, part: Part) -> Option<(&Kind, &KindSpec)> {
        self.kinds.iter().find(|(_, spec)| spec.shipment == Some(part))
    }

    /// The kind that is this to a payment.
    pub fn payment(&self, part: crate::payment::Part) -> Option<&Kind> {
        self.kinds.iter().find(|(_, spec)| spec.payment == Some(part)).map(|(kind, _)| kind)
    }

    /// Does this dialect tell of shipments, by calls or by feeds?
    pub fn carries(&self, adapter: &str, dialect: &str) -> bool {
        let observed = self.part(Part::Observed).map(|(kind, _)| kind);
        let tells = |kind| {
            [Direction::In, Direction::Feed].iter().any(|way| self.by(*way, adapter, dialect, kind).is_some())
        };
        observed.is_some_and(tells)
    }

    /// The channel by which an adapter's dialect is told a kind, if it takes that kind at all.
    pub fn outbound(&self, adapter: &str, dialect: &str, kind: &Kind) -> Option<&Channel> {
        self.by(Direction::Out, adapter, dialect, kind)
    }

    /// The channel whose mapping reads what a dialect's feeds and answers say of a kind.
    pub fn feed(&self, adapter: &str, dialect: &str, kind: &Kind) -> Option<&Channel> {
        self.by(Direction::Feed, adapter, dialect, kind)
    }

    fn by(&self, direction: Direction, adapter: &str, dialect: &str, kind: &Kind) -> Option<&Channel> {
        self.by_adapter.get(adapter)?.iter().find(|channel| {
            channel.direction == direction
                && (channel.dialect.is_empty() || channel.dialect == dialect)
                && channel.kinds.contains_key(kind)
        })
    }
}

/// A channel in the folder of a dialect is of that dialect, and its name says so.
fn settle_in(path: &str, folder: &str, dialect: &str, channel: &mut Channel, defects: &mut Vec<Defect>) {
    if !channel.dialect.is_empty() && channel.dialect != dialect {
        let words = format!("channel {}: stands in the folder of the dialect `{dialect}`", channel.name);
        defects.push(file_defect(path, &words));
    }
    channel.dialect = dialect.to_owned();
    let inside = channel.name.as_str().strip_prefix(folder);
    if !inside.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        let words = format!("channel {}: its name begins with {folder}", channel.name);
        defects.push(file_defect(path, &words));
    }
}

fn yaml<T: for<'de> Deserialize<'de>>(path: &str, bytes: &[u8]) -> Result<T, Defect> {
    let text = std::str::from_utf8(bytes).map_err(|_| file_defect(path, "the file is not UTF-8"))?;
    serde_saphyr::from_str(text).map_err(|error| Defect {
        line: error.location().map(|place| place.line()).unwrap_or(0),
        ..file_defect(path, said(&error.to_string()))
    })
}

/// The sentence of the parser alone: the place stands before it and a picture of the text after it.
fn said(error: &str) -> &str {
    let line = error.lines().next().unwrap_or(error);
    let place = line.starts_with("error: line ").then(|| line.splitn(3, ": ").nth(2)).flatten();
    place.unwrap_or(line)
}

fn file_defect(path: &str, message: &str) -> Defect {
    Defect {
        file: format!("mappings/{path}"),
        line: 0,
        field: String::new(),
        message: message.to_owned(),
        nearest: None,
    }
}

/// Does this path match the pattern? `**` at the start stands for any prefix (of whole segments, or none), at the end for
/// any rest, which is returned; other segments match letter by letter, letter case ignored, because IIS-based senders vary it.
pub fn match_path(pattern: &str, path: &str) -> Option<String> {
    let (wanted, path) = (pattern.trim_matches('/'), path.trim_matches('/'));
    let (wanted, anywhere) = wanted.strip_prefix("**/").map_or((wanted, false), |rest| (rest, true));
    let (wanted, open_end) = wanted.strip_suffix("/**").map_or((wanted, false), |rest| (rest, true));
    if !open_end {
        // Then it is the end of the path or nothing: every call asks this of every door.
        let start = path.len().checked_sub(wanted.len())?;
        let (before, tail) = path.as_bytes().split_at(start);
        let whole = before.is_empty() || (anywhere && before.ends_with(b"/"));
        return (whole && tail.eq_ignore_ascii_case(wanted.as_bytes())).then(String::new);
    }
    let further = path.match_indices('/').map(|(slash, _)| slash + 1).filter(|_| anywhere);
    std::iter::once(0).chain(further).find_map(|start| {
        let (head, rest) = path.as_bytes()[start..].split_at_checked(wanted.len())?;
        let fits = head.eq_ignore_ascii_case(wanted.as_bytes());
        match rest.first() {
            _ if !fits => None,
            None => Some(String::new()),
            Some(b'/') => Some(path[start + wanted.len() + 1..].to_owned()),
            Some(_) => None,
        }
    })
}

#[cfg(test)]
mod tests;
