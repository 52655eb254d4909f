//! What the tests of the doors need: calls written byte by byte, answers read byte by byte, and a gateway to send them to.
//!
//! No HTTP library stands between test and door, because half of what is tested here no library would send.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

pub use conformance::waiting::{PATIENCE, until};
use gateway_core::adapter::Level;
use gateway_core::ids::Moment;
use lienthong::clock::Clock;
use lienthong::story::{Given, Stage, UNIT};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A working day, 08:00 in Viet Nam.
pub const START: &str = "2026-11-23T08:00:00+07:00";

/// An answer, as it came.
#[derive(Debug, Clone)]
pub struct Heard {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Heard {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// All of it, for whoever looks for what must not be there.
    pub fn everything(&self) -> String {
        format!("{}\n{}", self.head, self.text())
    }
}

/// A call with the headers that every call has, and these.
pub fn call(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut call = head(method, path, headers);
    call.truncate(call.len() - 2);
    call.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    call.extend_from_slice(body);
    call
}

/// The same without a body, and without a word about one.
pub fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: cong.example\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A body in chunks of this size.
pub fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// One connection.
pub struct Line {
    stream: Box<dyn Wire>,
    seen: Vec<u8>,
}

/// What bytes go over.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

impl Line {
    pub async fn open(address: SocketAddr) -> Line {
        Line::over(TcpStream::connect(address).await.expect("the gateway listens"))
    }

    pub fn over(stream: impl Wire + 'static) -> Line {
        Line { stream: Box::new(stream), seen: Vec::new() }
    }

    /// Sends; that the other side has hung up is seen when its answer is read.
    pub async fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
        let _ = self.stream.flush().await;
    }

    /// The next answer; none if the connection ends before there is one.
    pub async fn hear(&mut self) -> Option<Heard> {
        let end = loop {
            if let Some(end) = self.seen.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if !self.more().await {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.seen[..end]).into_owned();
        let mut heard = Heard { status: status(&head), head, body: Vec::new() };
        self.seen.drain(..end);
        if heard.status == 100 {
            return Some(heard);
        }
        let length = heard.header("content-length").map(|length| length.parse::<usize>().expect("a length"));
        while self.seen.len() < length.unwrap_or(usize::MAX) && self.more().await {}
        let length = length.unwrap_or(self.seen.len()).min(self.seen.len());
        heard.body = self.seen.drain(..length).collect();
        Some(heard)
    }

    /// Everything that comes until this does.
    pub async fn raw_until(&mut self, wanted: &str) -> String {
        while !String::from_utf8_lossy(&self.seen).contains(wanted) && self.more().await {}
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    /// Whether the other side hangs up without another word.
    pub async fn ends(&mut self) -> bool {
        !self.more().await && self.seen.is_empty()
    }

    async fn more(&mut self) -> bool {
        let mut bytes = [0; 16 << 10];
        let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut bytes)).await;
        let count = read.expect("the gateway answers or hangs up").unwrap_or(0);
        self.seen.extend_from_slice(&bytes[..count]);
        count > 0
    }
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

/// One call on a connection of its own.
pub async fn ask(address: SocketAddr, call: &[u8]) -> Option<Heard> {
    let mut line = Line::open(address).await;
    line.say(call).await;
    line.hear().await
}

/// How one dialect says things.
#[derive(Debug, Clone, Copy)]
pub struct Speaker {
    pub name: &'static str,
    pub path: &'static str,
    pub media: &'static str,
}

pub const RELAY: Speaker = Speaker {
    name: "relay",
    path: "/api/SynsTTHCC/DongBoHoSoMC?MaDinhDanhDV=000.00.00.H99&isUpdating=False",
    media: "application/json",
};
pub const ENVELOPE: Speaker =
    Speaker { name: "envelope", path: "/XrdAdapter/RestService/forward/mapi/g", media: "application/json" };
pub const XML: Speaker = Speaker {
    name: "xml",
    path: "/api/DongBoHoSoMC?MaDinhDanhDV=000.00.00.H99&isUpdating=False",
    media: "application/xml",
};
pub const SPEAKERS: [Speaker; 3] = [RELAY, ENVELOPE, XML];

impl Speaker {
    /// A body that carries these dossiers.
    pub fn body(&self, dossiers: &[Value]) -> Vec<u8> {
        match self.name {
            "xml" => {
                let items: String =
                    dossiers.iter().map(|dossier| format!("<HoSo>{}</HoSo>", fields(dossier))).collect();
                rooted(&items).into_bytes()
            }
            _ => self.around(&json!(dossiers).to_string()).into_bytes(),
        }
    }

    /// A JSON body around this text in the place of its dossiers.
    pub fn around(&self, data: &str) -> String {
        match self.name {
            "relay" => data.to_owned(),
            _ => format!("{{\"service\":\"DongBoHoSoMC\",\"madonvi\":\"{UNIT}\",\"data\":{data}}}"),
        }
    }

    /// What the dialect's answer says: its code and its words.
    pub fn said(&self, heard: &Heard) -> (String, String) {
        if self.name == "xml" {
            let text = heard.text();
            return (element(&text, "error_code"), element(&text, "message"));
        }
        let answer = heard.json();
        let code = match &answer["error_code"] {
            Value::String(code) => code.clone(),
            code => code.to_string(),
        };
        (code, answer["message"].as_str().unwrap_or_default().to_owned())
    }
}

/// The root of an XML call.
pub fn rooted(items: &str) -> String {
    format!("<DongBoHoSoMC xmlns=\"urn:lienthong:onestop:hoso:1\">{items}</DongBoHoSoMC>")
}

/// The first element of this name, its text unescaped as far as these tests look.
fn element(text: &str, name: &str) -> String {
    let inner = text.split_once(&format!("<{name}>")).and_then(|(_, rest)| rest.split_once("</"));
    let inner = inner.unwrap_or_else(|| panic!("no {name} in {text}")).0;
    inner.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

fn fields(value: &Value) -> String {
    let mut text = String::new();
    for (name, value) in value.as_object().into_iter().flatten() {
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            let inner = match value {
                Value::String(plain) => plain.replace('&', "&amp;").replace('<', "&lt;"),
                Value::Object(_) => fields(value),
                other => other.to_string(),
            };
            text.push_str(&format!("<{name}>{inner}</{name}>"));
        }
    }
    text
}

/// The document of the demonstration under another code, with these fields otherwise; `null` takes a field away.
pub fn dossier(code: &str, otherwise: Value) -> Value {
    let text = std::fs::read_to_string(conformance::tree().join("ops/demo/dossier.json")).unwrap();
    let mut dossier: Value = serde_json::from_str(&text).unwrap();
    dossier["MaHoSo"] = json!(code);
    for (name, value) in otherwise.as_object().into_iter().flatten() {
        match value {
            Value::Null => drop(dossier.as_object_mut().unwrap().shift_remove(name)),
            value => dossier[name] = value.clone(),
        }
    }
    dossier
}

/// A gateway with its portal, in a folder that goes with it.
pub struct House {
    pub stage: Stage,
    pub clock: Clock,
    _folder: tempfile::TempDir,
}

impl House {
    /// With these settings by peer; `limits` are the door's.
    pub async fn with(given: &[(&str, &str)]) -> House {
        House::with_overlay(&[], given).await
    }

    /// The same with files of the province's own, by their place below the overlay.
    pub async fn with_overlay(files: &[(&str, &str)], given: &[(&str, &str)]) -> House {
        let folder = tempfile::tempdir().unwrap();
        for (place, text) in files {
            let path = folder.path().join("overlay").join(place);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let clock = Clock::manual(Moment::parse(START).unwrap());
        let mut settings = Given::new();
        for (peer, setting) in given {
            settings.entry((*peer).to_owned()).or_default().push((*setting).to_owned());
        }
        let stage = Stage::set(folder.path().to_owned(), clock.clone(), BTreeMap::new(), settings);
        House { stage: stage.await.unwrap(), clock, _folder: folder }
    }

    pub fn address(&self) -> SocketAddr {
        self.stage.address()
    }

    pub fn key(&self, speaker: Speaker) -> String {
        self.stage.key(speaker.name).expect("a key of the stage").reveal().to_owned()
    }

    /// A call of this speaker with its own key and media type.
    pub fn post(&self, speaker: Speaker, body: &[u8]) -> Vec<u8> {
        let key = self.key(speaker);
        call("POST", speaker.path, &[("x-api-key", &key), ("content-type", speaker.media)], body)
    }

    /// Sends dossiers, each in the words of this speaker.
    pub async fn send(&self, speaker: Speaker, dossiers: &[Value]) -> Heard {
        let heard = ask(self.address(), &self.post(speaker, &speaker.body(dossiers))).await;
        heard.expect("every call has an answer")
    }

    /// Something good of every speaker is taken, whatever came before.
    pub async fn still_works(&self, mark: &str) {
        for (index, speaker) in SPEAKERS.into_iter().enumerate() {
            let heard =
                self.send(speaker, &[dossier(&format!("H99.14-261123-{mark}{index}"), json!({}))]).await;
            assert_eq!((heard.status, speaker.said(&heard).0.as_str()), (200, "0"), "{heard:?}");
        }
    }

    /// The value of one line of `/metrics`; 0 if it is not there yet.
    pub async fn counted(&self, name: &str) -> f64 {
        let heard = ask(self.address(), &head("GET", "/metrics", &[])).await.unwrap();
        let line = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok();
        heard.text().lines().find_map(line).unwrap_or(0.0)
    }

    pub async fn turned_away(&self, code: &str) -> f64 {
        self.counted(&format!("lienthong_turned_away_total{{code=\"{code}\"}}")).await
    }

    /// How surely the senders of a dossier's messages were known, in order.
    pub async fn levels(&self, code: &str) -> Vec<Level> {
        let timeline = self.stage.app().store.timeline(code).await.unwrap();
        timeline.into_iter().flat_map(|timeline| timeline.rows).filter_map(|row| row.level).collect()
    }

    /// The names of everything that happened to a dossier, milestones only.
    pub async fn events(&self, code: &str) -> Vec<&'static str> {
        let timeline = self.stage.app().store.timeline(code).await.unwrap();
        let rows = timeline.into_iter().flat_map(|timeline| timeline.rows);
        rows.filter(|row| row.event.is_milestone()).map(|row| row.event.as_str()).collect()
    }
}

/// Every file below a folder, with its bytes.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            // What cannot be read as a file is the admin door's socket.
            found.push((path.display().to_string(), bytes));
        }
    }
    found
}

/// Whether this text stands in the bytes.
pub fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
