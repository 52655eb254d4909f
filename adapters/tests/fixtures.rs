//! Replays the conversations that lie beside each dialect, and compares them line by line.
//!
//! A person writes what comes in: the message and the peer's answers, the call and the fates of its items, or the question to a feed
//! and the peer's page. All else is what the adapter makes of it; `UPDATE=1 cargo test -p adapters` writes it.

#![allow(clippy::disallowed_methods, reason = "tests read files and one variable")]

mod support;

use std::collections::VecDeque;
use std::path::PathBuf;

use gateway_core::adapter::{
    Adapter, Answer, Arrival, Ask, Body, Cursor, Effect, Exchange, Fate, Feed, Heard as Said, Item, Level,
    Marks, Payload, Request, Secret, Transcript, Turn,
};
use gateway_core::envelope::Envelope;
use gateway_core::ids::{ChannelName, MessageId, PeerName};
use gateway_core::lift::Ticket;
use serde_json::Value;
use support::faults::{fault, shown};
use support::{Delivery, End, Heard, Peer, UNIT, build, message, noon, place};

/// A family of one dialect has its conversations in its own folder, one of several in theirs; so none is left out.
#[test]
fn every_conversation_goes_as_written() {
    for family in adapters::names() {
        if *family == adapters::FOLDER {
            // The worked examples of those that are folders of data: one code speaks them all.
            for example in ["so-dat-dai", "ho-kinh-doanh"] {
                replay(&format!("src/{family}/fixtures/{example}"), |text| any(family, example, text));
            }
            continue;
        }
        let dialects = adapters::dialects(family);
        for dialect in dialects {
            let folder =
                if dialects.len() == 1 { (*family).to_owned() } else { format!("{family}/{dialect}") };
            replay(&format!("src/{folder}/fixtures"), |text| any(family, dialect, text));
        }
    }
}

/// A delivery, a feed, or a call, as the file begins.
fn any(family: &str, dialect: &str, text: &str) -> String {
    let begins = |word: &str| text.lines().any(|line| line.starts_with(word));
    match (begins("message "), begins("poll ")) {
        (true, _) => converse(family, dialect, text),
        (_, true) => poll(family, dialect, text),
        _ => hear(family, dialect, text),
    }
}

/// Every text file of a folder must be what it makes of itself.
fn replay(folder: &str, play: impl Fn(&str) -> String) {
    let entries = std::fs::read_dir(place(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "txt"));
    paths.sort();
    assert!(!paths.is_empty(), "{folder} has no fixtures");
    let update = std::env::var_os("UPDATE").is_some();
    let mut changed = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a fixture is text");
        let played = play(&text);
        if update {
            std::fs::write(&path, &played).expect("a fixture can be written");
        } else if played != text {
            changed.push(format!("{}\n{played}", path.display()));
        }
    }
    assert!(changed.is_empty(), "not as written; UPDATE=1 writes them:\n{}", changed.join("\n"));
}

/// What stands above the conversation: everything a person wrote about the message.
struct Told {
    head: Vec<String>,
    settings: String,
    message: Envelope,
    marks: Marks,
}

fn converse(family: &str, dialect: &str, text: &str) -> String {
    let told = tell(text);
    let adapter = build(family, dialect, &told.settings);
    let mut peer = Script { answers: answers(text) };
    let mut delivery = Delivery::new(&*adapter, &told.message, told.marks);
    let end = delivery.run(&mut peer);
    let once =
        delivery.transcript.0.iter().filter(|exchange| exchange.request.effect == Effect::Once).count();
    assert!(once <= 1, "a delivery makes at most one call that counts once");
    let marks = serde_json::to_string(&delivery.marks).expect("marks are JSON");
    let mut lines = told.head;
    lines.push(String::new());
    lines.extend(delivery.log);
    match end {
        End::Delivered(receipt) => {
            lines.push(format!("= delivered {} {marks}", receipt.reference));
            lines.extend(receipt.answer.iter().flat_map(support::told));
            lines.extend(receipt.says.iter().map(|item| format!("= says {}", self::told(item))));
        }
        End::Dead(fault) => lines.push(format!("= dead letter {}", shown(&fault))),
        End::Held(fault) => lines.push(format!("= held {}", shown(&fault))),
        End::Waits(fault) => lines.push(format!("= waits {}", shown(&fault))),
        End::InDoubt => lines.push("= in doubt".to_owned()),
        End::Over => lines.push("= goes on".to_owned()),
    }
    lines.join("\n") + "\n"
}

fn tell(text: &str) -> Told {
    let head: Vec<String> = text.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
    let (mut settings, mut marks, mut hints) = (String::new(), Marks::new(), Marks::new());
    let (mut kind, mut document) = ("", Value::Null);
    let (mut unit, mut files) = (UNIT, Vec::new());
    let mut named = "";
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').expect("name=value");
        (name.to_owned(), value.to_owned())
    };
    for line in head.iter().filter(|line| !line.starts_with('#')) {
        match line.split_once(' ') {
            Some(("message", name)) => kind = name,
            Some(("set", setting)) => settings.push_str(&format!("{setting}\n")),
            Some(("mark", mark)) => marks.extend([pair(mark)]),
            Some(("hint", hint)) => hints.extend([pair(hint)]),
            Some(("unit", name)) => unit = name.trim_matches('-'),
            Some(("dossier", name)) => named = name,
            Some(("file", text)) => files.push(Ticket::from_text(text).expect("file:<sha256>:<bytes>")),
            _ => document = serde_json::from_str(line).expect("the document is JSON"),
        }
    }
    let places = ["/MaHoSo", "/data/MaHoSo", "/data/MaHoSoQG", "/order/dossier", "/dossier/code", "/dossier"];
    let code = places.iter().find_map(|path| document.pointer(path)?.as_str());
    let code = code.unwrap_or(named).to_owned();
    let mut message = message(kind, &code, document);
    message.unit = unit.into();
    message.hints = hints;
    message.files = files;
    Told { head, settings, message, marks }
}

struct Script {
    answers: VecDeque<Heard>,
}

impl Peer for Script {
    fn call(&mut self, _adapter: &dyn Adapter, _request: &Request) -> Heard {
        self.answers.pop_front().unwrap_or(Heard::Over)
    }

    fn more(&self) -> bool {
        !self.answers.is_empty()
    }
}

/// The lines `< status name=value`, each with the line below it as body, up to the end of the conversation.
fn answers(text: &str) -> VecDeque<Heard> {
    let lines: Vec<&str> = text.lines().take_while(|line| !line.starts_with("= ")).collect();
    let mut answers = VecDeque::new();
    for (index, line) in lines.iter().enumerate() {
        let Some(rest) = line.strip_prefix("< ") else { continue };
        answers.push_back(match rest {
            "lost" => Heard::Lost,
            "not sent" => Heard::NotSent,
            _ => {
                let below = lines.get(index + 1).filter(|line| !starts_a_part(line));
                Heard::Answer(answer(rest, below.copied().unwrap_or_default()))
            }
        });
    }
    answers
}

fn starts_a_part(line: &str) -> bool {
    line.is_empty() || ["> ", "< ", "! ", "~ ", "= "].iter().any(|start| line.starts_with(start))
}

fn answer(head: &str, body: &str) -> Answer {
    let mut words = head.split(' ');
    let status = words.next().and_then(|status| status.parse().ok()).expect("a status");
    let pair = |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    let body = Ticket::from_text(body).map_or_else(|| Body::of(body.as_bytes().to_vec()), Body::file);
    Answer { status, headers: words.filter_map(pair).collect(), body }
}

/// `poll <feed> about=… cursor=…`, then the peer's answers: each page with its items and where to go on.
fn poll(family: &str, dialect: &str, text: &str) -> String {
    let head: Vec<String> = text.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect();
    let set = head.iter().filter_map(|line| line.strip_prefix("set "));
    let adapter = build(family, dialect, &set.map(|setting| format!("{setting}\n")).collect::<String>());
    let asked = head.iter().find_map(|line| line.strip_prefix("poll ")).expect("a feed");
    let mut words = asked.split(' ');
    let name = words.next().expect("a name");
    let pairs: Marks =
        words.filter_map(|word| word.split_once('=')).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    let spec = adapter.feeds().into_iter().find(|spec| spec.name == name);
    let first = spec.and_then(|spec| spec.first_cursor);
    let mut cursor = pairs.get("cursor").cloned().map(Cursor).or(first);
    let (mut lines, mut answers) = (head.clone(), answers(text));
    lines.push(String::new());
    let mut transcript = Transcript::default();
    loop {
        let feed = Feed {
            name,
            about: pairs.get("about").map(String::as_str),
            cursor: cursor.as_ref(),
            at: support::noon(),
        };
        assert_eq!(
            adapter.poll(&feed, &transcript),
            adapter.poll(&feed, &transcript),
            "the same when asked twice"
        );
        match adapter.poll(&feed, &transcript) {
            Ok(Turn::Call(request)) => {
                let Request { step, effect, endpoint, ask, .. } = &request;
                lines.push(format!(
                    "> {step} {effect:?} {endpoint} {} {}{}",
                    ask.method,
                    ask.path,
                    support::queried(ask)
                ));
                let Some(Heard::Answer(answer)) = answers.pop_front() else {
                    lines.push("= goes on".to_owned());
                    break;
                };
                lines.extend(support::told(&answer));
                transcript.0.push(Exchange { request, answer });
            }
            Ok(Turn::Done(page)) => {
                lines.extend(page.items.iter().map(|item| format!("~ message {}", told(item))));
                let at = page.cursor.as_ref().map_or("-", |cursor| cursor.0.as_str());
                lines.push(format!("~ cursor {at}{}", if page.more { " and more" } else { "" }));
                cursor = page.cursor.or(cursor);
                transcript = Transcript::default();
                if !page.more {
                    lines.push("= read".to_owned());
                    break;
                }
            }
            Err(fault) => {
                lines.push(format!("= fault {}", shown(&fault)));
                break;
            }
        }
    }
    lines.join("\n") + "\n"
}

fn hear(family: &str, dialect: &str, text: &str) -> String {
    let set =
        text.lines().take_while(|line| !line.starts_with("> ")).filter_map(|line| line.strip_prefix("set "));
    let adapter = build(family, dialect, &set.map(|setting| format!("{setting}\n")).collect::<String>());
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.iter().position(|line| line.starts_with("> ")).expect("a call");
    let end = lines[start..].iter().position(|line| line.is_empty()).map_or(lines.len(), |at| start + at);
    let mut arrival = arrival(family, dialect, &lines[start][2..], &lines[start + 1..end].join("\n"));
    // Where a dialect's doors are told apart by their channel.
    if let Some(door) = lines.iter().find_map(|line| line.strip_prefix("door ")) {
        arrival.channel = ChannelName::from(format!("{family}/{dialect}/{door}"));
    }
    let fates: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("? ")).collect();

    let mut played: Vec<String> = lines[..end].iter().map(|line| (*line).to_owned()).collect();
    played.push(String::new());
    if let Ok(Some(_)) = adapter.credential(&arrival.ask) {
        played.push("= a session".to_owned());
    }
    let heard = adapter.receive(&arrival);
    if let Ok(heard) = &heard {
        arrival.framed(heard);
    }
    let refused = heard.as_ref().err().cloned();
    played.extend(match heard {
        Ok(Said::Messages(items)) => items.iter().map(|item| format!("= message {}", told(item))).collect(),
        Ok(Said::Question(item)) => vec![format!("= question {}", told(&item))],
        Ok(Said::File { id }) => vec![format!("= file {id}")],
        Ok(Said::LogIn { user, password }) => vec![format!("= log-in {user} {password:?}")],
        Err(fault) => vec![format!("= refused {}", shown(&fault))],
    });
    played.extend(fates.iter().map(|fate| format!("? {fate}")));
    let turned_away = fates.iter().find_map(|fate| fate.strip_prefix("turned away ")).map(fault);
    let answer = match refused.or(turned_away) {
        Some(fault) => adapter.reply(&arrival, Err(&fault)),
        None => {
            let fates: Vec<Fate> = fates.iter().enumerate().map(|(index, text)| fate(index, text)).collect();
            adapter.reply(&arrival, Ok(&fates))
        }
    };
    played.extend(support::told(&answer));
    played.join("\n") + "\n"
}

fn arrival(family: &str, dialect: &str, head: &str, body: &str) -> Arrival {
    let mut words = head.split(' ');
    let method = words.next().expect("a method").to_owned();
    let (path, query) = words.next().map(|url| url.split_once('?').unwrap_or((url, ""))).expect("a path");
    let pair = |text: &str| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    Arrival {
        files: Vec::new(),
        dossiers: Vec::new(),
        channel: ChannelName::from(format!("{family}/{dialect}")),
        caller: Some(PeerName::from("mot-cua")),
        ask: Ask {
            method,
            path: path.to_owned(),
            query: query.split('&').filter_map(pair).collect(),
            headers: words.filter_map(pair).collect(),
            body: Body::of(body.as_bytes().to_vec()),
        },
        officer: None,
        level: Level::Token,
        rest: path.split_once("/forward/").map_or(String::new(), |(_, rest)| rest.to_owned()),
        at: noon(),
    }
}

fn told(item: &Item) -> String {
    let Item { kind, dossier, unit, keys, hints, payload } = item;
    let payload = match payload {
        Payload::Json(value) => value.to_string(),
        Payload::Xml(xml) => String::from_utf8_lossy(xml).into_owned(),
    };
    let unit = unit.as_deref().unwrap_or("-");
    format!(
        "{kind} {} unit={unit} keys={keys:?} hints={hints:?}\n  {payload}",
        dossier.as_deref().unwrap_or("-")
    )
}

/// `accepted`, `duplicate`, `refused <fault>`, `verdict <fault>`, `logged in`, `answered <status> <body>`.
fn fate(index: usize, text: &str) -> Fate {
    let id = MessageId::new(noon(), [index as u8 + 1; 10]);
    match text.split_once(' ').unwrap_or((text, "")) {
        ("accepted", _) => Fate::Accepted { id, verdict: None },
        ("duplicate", _) => Fate::Duplicate { id },
        ("refused", rest) => Fate::Refused(fault(rest)),
        ("verdict", "ok") => Fate::Accepted { id, verdict: Some(Ok(())) },
        ("verdict", rest) => Fate::Accepted { id, verdict: Some(Err(fault(rest))) },
        ("logged", _) => Fate::LoggedIn { token: Secret::new("phien-thu"), seconds: 600 },
        ("answered", rest) => {
            let (status, body) = rest.split_once(' ').expect("a status and a body");
            Fate::Answered(answer(&format!("{status} content-type=application/json set-cookie=x"), body))
        }
        other => panic!("no such fate: {other:?}"),
    }
}
