//! Files on their way out and answers that are files, against a server of bytes: whole and of the announced length, or known not to be.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::adapter::{Answer, Ask, Body, Form, Keeping, Pairs, Placed, Signed};
use gateway_core::ids::PeerName;
use gateway_core::lift::Ticket;
use lienthong::store::Store;
use lienthong::transport::Failure;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::wire::{House, until};

/// Many records of the store, and no whole number of them, of three bytes or of pieces.
const BYTES: usize = 2_500_001;
/// No answer may be longer.
const ANSWER_MAX: u64 = 3_000_000;

fn paper() -> Vec<u8> {
    (0..BYTES).map(|number| (number * 7 + number / 251) as u8).collect()
}

/// What one call was: its head, and its body if it came whole.
type Call = (String, Vec<u8>);

/// A server that behaves as its paths say, and what it heard.
async fn server() -> (String, mpsc::UnboundedReceiver<Call>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (out, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, out.clone()));
        }
    });
    (address, heard)
}

async fn converse(mut stream: TcpStream, out: mpsc::UnboundedSender<Call>) {
    let (mut seen, mut bytes) = (Vec::new(), vec![0; 64 << 10]);
    let (head, length) = loop {
        let Ok(count @ 1..) = stream.read(&mut bytes).await else { return };
        seen.extend_from_slice(&bytes[..count]);
        if let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&seen[..end]).to_ascii_lowercase();
            seen.drain(..end + 4);
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            break (head, length.unwrap_or(0));
        }
    };
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    while seen.len() < length {
        if path == "/cut" && seen.len() > length / 3 {
            return;
        }
        let Ok(count @ 1..) = stream.read(&mut bytes).await else { return };
        seen.extend_from_slice(&bytes[..count]);
    }
    out.send((head, seen)).unwrap();
    let whole = |status: &str, length: usize, body: &[u8]| {
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    let answer = match path.as_str() {
        "/paper" => whole("200 OK", BYTES, &paper()),
        "/broken" => whole("200 OK", BYTES, &paper()[..BYTES / 2]),
        "/long" => whole("200 OK", 2 * BYTES, &paper().repeat(2)),
        "/sorry" => whole("404 Not Found", 5, b"sorry"),
        "/endless" => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            let chunk = [b"10000\r\n".as_slice(), &[7; 65_536], b"\r\n"].concat();
            while stream.write_all(&chunk).await.is_ok() {}
            return;
        }
        "/silent" => {
            let _ = stream.write_all(&whole("200 OK", BYTES, &paper()[..1000])).await;
            // It never sends another byte; it sees only that the other side hangs up.
            let _ = stream.read(&mut bytes).await;
            return;
        }
        _ => whole("200 OK", 2, b"ok"),
    };
    let _ = stream.write_all(&answer).await;
}

struct Flow {
    house: House,
    heard: mpsc::UnboundedReceiver<Call>,
}

impl Flow {
    async fn begin() -> Flow {
        let (address, heard) = server().await;
        let endpoint = format!("endpoints = {{ relay = \"http://{address}\" }}");
        let house = House::with(&[("relay", &endpoint), ("relay", "answer_ms_max = 1500")]).await;
        Flow { house, heard }
    }

    fn store(&self) -> &Store {
        &self.house.stage.app().store
    }

    /// Keeps these bytes as a file.
    fn keep(&self, bytes: &[u8]) -> Ticket {
        let mut draft = self.store().draft().unwrap();
        draft.write(bytes).unwrap();
        draft.finish().unwrap().keep().unwrap()
    }

    async fn call(&self, path: &str, body: Body, keeping: Keeping) -> Result<Answer, Failure> {
        let app = self.house.stage.app();
        let room = app.peer(&PeerName::from("relay")).unwrap();
        let (method, path) = ("POST".to_owned(), path.to_owned());
        let ask = Ask { method, path, query: Vec::new(), headers: Pairs::new(), body };
        let kept = (self.store(), ANSWER_MAX);
        room.transport.call_with_files("relay", &Signed::new(ask), &Pairs::new(), kept, keeping).await
    }

    /// All that lies below the folder of the claims.
    fn lying(&self) -> Vec<PathBuf> {
        let Ok(folders) = std::fs::read_dir(self.house.stage.folder().join("data/claims")) else {
            return Vec::new();
        };
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.unwrap().path()).unwrap());
        files.map(|file| file.unwrap().path()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_flows_out_whole_as_it_is_and_as_base64_and_again() {
    let mut flow = Flow::begin().await;
    let (paper, small) = (paper(), b"%PDF-1.4\n".to_vec());
    let (large, little) = (flow.keep(&paper), flow.keep(&small));
    let (before, between, after) =
        (b"--a\r\n\r\n".as_slice(), b"\r\n--a\r\n\r\n".as_slice(), b"\r\n--a--\r\n");
    let placed = |at: usize, file: &Ticket| Placed { at, file: file.clone(), form: Form::Plain, real: None };
    let parts = Body {
        bytes: [before, between, after].concat(),
        files: vec![placed(before.len(), &large), placed(before.len() + between.len(), &little)],
    };
    // The same call again: a file is not used up.
    for _ in 0..2 {
        let answer = flow.call("/take", parts.clone(), Keeping::Inline).await.unwrap();
        assert_eq!((answer.status, answer.body.bytes.as_slice()), (200, b"ok".as_slice()));
        let (head, body) = flow.heard.recv().await.unwrap();
        assert!(body == [before, &paper, between, &small, after].concat());
        assert!(
            head.contains(&format!("content-length: {}", body.len())) && !head.contains("chunked"),
            "{head}"
        );
    }
    let document = json!({ "a": large.text(), "b": ["x", little.text()], "c": "file:no" });
    let body = Body::json(&document, &[large.clone(), little]);
    flow.call("/take", body, Keeping::Inline).await.unwrap();
    let (head, body) = flow.heard.recv().await.unwrap();
    assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
    let heard: Value = serde_json::from_slice(&body).unwrap();
    assert!(STANDARD.decode(heard["a"].as_str().unwrap()).unwrap() == paper);
    assert_eq!(heard["b"], json!(["x", STANDARD.encode(&small)]));
    assert_eq!(heard["c"], "file:no");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_breaks_off_within_a_file_may_have_been_heard() {
    let mut flow = Flow::begin().await;
    let body = || Body::file(flow.keep(&paper()));
    let cut = flow.call("/cut", body(), Keeping::Inline).await;
    assert!(matches!(cut, Err(Failure::Silent(_))), "{cut:?}");
    // A file that is damaged on the disk breaks off as well: nobody may take its beginning for the whole.
    let damaged = body();
    let path = flow.lying().pop().unwrap();
    let mut sealed = std::fs::read(&path).unwrap();
    let middle = sealed.len() / 2;
    sealed[middle] ^= 1;
    std::fs::write(&path, sealed).unwrap();
    let broken = flow.call("/take", damaged, Keeping::Inline).await;
    assert!(matches!(broken, Err(Failure::Silent(_))), "{broken:?}");
    assert!(flow.heard.try_recv().is_err(), "neither came whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_is_kept_as_a_file_if_it_is_one_and_ends_in_time() {
    let flow = Flow::begin().await;
    let sorry = flow.call("/sorry", Body::default(), Keeping::Claimed).await.unwrap();
    assert_eq!((sorry.status, sorry.body.bytes.as_slice()), (404, b"sorry".as_slice()));
    assert!(sorry.body.files.is_empty());
    for path in ["/broken", "/long", "/endless", "/silent"] {
        let answer = flow.call(path, Body::default(), Keeping::Claimed).await;
        assert!(matches!(answer, Err(Failure::BrokenOff(_))), "{path}: {answer:?}");
    }
    until("nothing left of those", async || flow.lying().is_empty().then_some(())).await;

    let answer = flow.call("/paper", Body::default(), Keeping::Claimed).await.unwrap();
    let [placed] = answer.body.files.as_slice() else { panic!("one file") };
    assert_eq!((answer.status, &placed.file, answer.body.bytes.len()), (200, &Ticket::of(&paper()), 0));
    let mut filed = flow.store().file(&placed.file).unwrap();
    let mut read = Vec::new();
    while (read.len() as u64) < filed.bytes() {
        let more = filed.read(read.len() as u64).unwrap().to_vec();
        read.extend(more);
    }
    assert!(read == paper());
    assert_eq!(flow.lying().len(), 1);
}
