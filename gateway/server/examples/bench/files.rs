//! Files: a large one in and out, a body that is nearly nothing but base64, and many small ones to many callers at once.
//!
//! The relay sends them where the address of a paper would stand, and the portal is told addresses of ours: both ways of a file are the ones
//! that a province's files go, and only the list of places is the bench's own.

use std::collections::HashSet;
use std::io::{Read as _, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway_core::schema::Notation;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use crate::gateway::{Dossiers, Home, Process, UNIT, free_address};
use crate::out::{self, Province};
use crate::peer::Peer;
use crate::table::{Row, Table};
use crate::{Plan, letters};

/// A large file is this block, again and again: three bytes of it are four letters, so none has an end of its own.
pub const BLOCK: usize = 3 << 20;
/// What a file of this size may cost beyond what the gateway weighs idle.
pub const EXTRA_MEMORY_MAX: f64 = 64.0;
/// A small file.
const SMALL: usize = 100_000;
const CALLERS: usize = 100;
const OURS: &str = "/XrdAdapter/RestService/forward/downloadfile/";

pub fn measure(plan: &Plan, table: &mut Table) {
    let portal = free_address();
    let (_portal, told) = Peer::overheard(portal);
    let home = Home::make(plan, "files", portal);
    let province = Province::listen();
    prepare(&home, &province);
    let (process, _) = home.start();
    std::thread::sleep(plan.seconds(1.0));
    large(plan, table, &home, &process, &told);
    letters::measure(plan, table, &home, &told);
    out::measure(plan, table, &home, &process, &province);
    many(plan, table, &home, &process, &told);
    process.stop();
}

pub fn prepare(home: &Home, province: &Province) {
    let channels = include_str!("../../../../mappings/onestop/channels.yaml");
    let files = "    files: { at: { \"[].TaiLieuNop[].DuongDanTaiTepTin\": {} }, bytes_max: 4294967296 }\n";
    let own = "    credential: key\n";
    home.overlay("mappings/onestop/channels.yaml", &channels.replacen(own, &format!("{files}{own}"), 1));
    home.portal(&format!(
        "public_url = \"http://{}/XrdAdapter/RestService/forward\"\n\
         door = {{ addresses = [\"127.0.0.0/8\"], accepts = [\"address\"] }}\n",
        home.address
    ));
    home.configure(&province.entry());
    home.configure("[limits]\nfiles_bytes_max = 4294967296\n");
}

/// One block of a large file, in base64, that differs for each number.
pub fn block(number: u64) -> (Vec<u8>, String) {
    let mut bytes = format!("%PDF-1.4\n{number}\n").into_bytes();
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    while bytes.len() < BLOCK {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 16).to_le_bytes());
    }
    bytes.truncate(BLOCK);
    let text = STANDARD.encode(&bytes);
    (bytes, text)
}

/// A call with one dossier, in parts: between any two of them comes a paper.
pub struct Sent {
    head: Vec<u8>,
    parts: Vec<String>,
}

impl Sent {
    pub fn new(home: &Home, number: u64, names: usize, text_bytes: usize) -> Sent {
        let mut document: Value = serde_json::from_slice(&crate::track().document(Notation::Json, 1 << 10))
            .expect("our own dossier");
        document["MaHoSo"] = json!(Dossiers::code(number));
        let paper = |paper: usize| {
            json!({ "TepDinhKemId": paper.to_string(), "TenTepDinhKem": "don.pdf", "IsDeleted": "False",
                "DuongDanTaiTepTin": "<paper>" })
        };
        document["TaiLieuNop"] = (0..names).map(paper).collect();
        let body = format!("[{document}]");
        let parts: Vec<String> = body.split("<paper>").map(str::to_owned).collect();
        let length = parts.iter().map(String::len).sum::<usize>() + names * text_bytes;
        let head = format!(
            "POST /api/DongBoHoSoMC?MaDinhDanhDV={UNIT}&isUpdating=False HTTP/1.1\r\nHost: gateway\r\nX-Api-Key: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n",
            home.key
        );
        Sent { head: head.into_bytes(), parts }
    }

    /// Sends it and waits until it is on disk; how long that took.
    pub fn send(&self, address: SocketAddr, mut paper: impl FnMut(usize, &mut dyn Write)) -> Duration {
        let mut stream = TcpStream::connect(address).expect("the door is open");
        let began = Instant::now();
        stream.write_all(&self.head).expect("it reads");
        for (number, part) in self.parts.iter().enumerate() {
            if number > 0 {
                paper(number - 1, &mut stream);
            }
            stream.write_all(part.as_bytes()).expect("it reads");
        }
        let (status, body) = answer(&mut stream);
        let body = String::from_utf8_lossy(&body);
        assert!(status == 200 && !body.contains("\"-1\""), "{status} {body}");
        began.elapsed()
    }
}

pub fn repeated(text: &str, times: usize, into: &mut dyn Write) {
    (0..times).for_each(|_| into.write_all(text.as_bytes()).expect("it reads"));
}

fn large(plan: &Plan, table: &mut Table, home: &Home, process: &Process, told: &Receiver<Vec<u8>>) {
    let blocks = if plan.quick { 4 } else { 320 };
    let bytes = blocks * BLOCK;
    let idle = process.memory("VmHWM");
    let mut turns = Vec::new();
    let mut last = (Vec::new(), Vec::new());
    for turn in 0..if plan.quick { 1 } else { 3 } {
        let (plain, text) = block(turn);
        let bare = bare_pipe(plan, &text, blocks);
        let took = Sent::new(home, turn, 1, blocks * text.len())
            .send(home.address, |_, into| repeated(&text, blocks, into));
        turns.push((bytes as f64 / took.as_secs_f64(), bytes as f64 / bare.as_secs_f64()));
        last = (plain, addresses(told, 1));
    }
    turns.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
    let (ours, bare) = turns[turns.len() / 2];
    let what = format!("file of {:.1} GB in, MB", bytes as f64 / 1e9);
    let name = "base64 -d | sha256sum, synced, MB";
    table.add(Row::share(&what, ours / 1e6, name, bare / 1e6, Some(0.5)));
    let (plain, addresses) = last;
    let took = download(home.address, &addresses[0], bytes, &plain);
    let note = "fetched under the address that the portal was told, every byte compared";
    table.add(Row::plain(
        "  the same file out",
        &format!("{:.0} MB/s", bytes as f64 / took.as_secs_f64() / 1e6),
        note,
    ));
    let extra = process.memory("VmHWM") - idle;
    table.add(Row::below("  memory beyond idle, at its peak", extra, EXTRA_MEMORY_MAX, |mb| {
        format!("{mb:.1} MB")
    }));
}

/// What the same letters cost when they are only decoded, hashed and kept.
fn bare_pipe(plan: &Plan, text: &str, blocks: usize) -> Duration {
    let out = plan.folder.join("bare.bin");
    let script = "base64 -d | tee \"$0\" | sha256sum && sync \"$0\"";
    let began = Instant::now();
    let mut shell = Command::new("sh");
    let shell = shell.args(["-c", script]).arg(&out).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut shell = shell.spawn().expect("a shell");
    let mut into = shell.stdin.take().expect("its input is ours");
    repeated(text, blocks, &mut into);
    drop(into);
    assert!(shell.wait().is_ok_and(|status| status.success()), "{script}");
    let took = began.elapsed();
    let _ = std::fs::remove_file(out);
    took
}

/// The paths of as many addresses of ours as the portal is told until then.
pub fn addresses(told: &Receiver<Vec<u8>>, count: usize) -> Vec<String> {
    let mut found = HashSet::new();
    while found.len() < count {
        let call = told.recv_timeout(Duration::from_secs(60)).expect("the portal is told");
        let text = String::from_utf8_lossy(&call);
        found.extend(text.split(OURS).skip(1).map(|rest| format!("{OURS}{}", &rest[..36])));
    }
    found.into_iter().collect()
}

/// One file, and each byte of it held against what was sent.
fn download(address: SocketAddr, path: &str, bytes: usize, block: &[u8]) -> Duration {
    let mut stream = TcpStream::connect(address).expect("the door is open");
    let began = Instant::now();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n").expect("it reads");
    let (head, early) = head(&mut stream);
    assert_eq!((status(&head), length(&head)), (200, bytes), "{head}");
    let (mut at, mut piece) = (0, early);
    let mut buffer = vec![0; 1 << 20];
    loop {
        let mut rest = piece.as_slice();
        while !rest.is_empty() {
            let within = at % block.len();
            let some = rest.len().min(block.len() - within);
            assert!(rest[..some] == block[within..within + some], "other bytes near {at}");
            (at, rest) = (at + some, &rest[some..]);
        }
        if at == bytes {
            return began.elapsed();
        }
        let count = stream.read(&mut buffer).expect("it sends");
        assert!(count > 0, "broke off at {at}");
        piece.clear();
        piece.extend_from_slice(&buffer[..count]);
    }
}

fn many(plan: &Plan, table: &mut Table, home: &Home, process: &Process, told: &Receiver<Vec<u8>>) {
    let each = if plan.quick { 2 } else { 100 };
    let began = Instant::now();
    for dossier in 0..CALLERS {
        let text = |paper: usize| {
            let mut bytes = format!("%PDF-1.4\n{dossier} {paper}\n").into_bytes();
            bytes.resize(SMALL, b'a' + (paper % 26) as u8);
            STANDARD.encode(bytes)
        };
        let call = Sent::new(home, 2_000 + dossier as u64, each, text(0).len());
        call.send(home.address, |paper, into| into.write_all(text(paper).as_bytes()).expect("it reads"));
    }
    let took = began.elapsed();
    let paths = addresses(told, CALLERS * each);
    let files = paths.len();
    let rate = files as f64 / took.as_secs_f64();
    table.add(Row::plain(
        &format!("{files} files of 100 KB in"),
        &format!("{rate:.0}/s"),
        "each synced by itself",
    ));
    process.forget_peak();
    let (took, errors) = serve(home.address, &paths, each);
    let rate = files as f64 / took.as_secs_f64();
    let note = format!("{:.0} MB/s, each one's hash compared", rate * SMALL as f64 / 1e6);
    table.add(Row::plain(
        &format!("{files} files served to {CALLERS} addresses"),
        &format!("{rate:.0}/s"),
        &note,
    ));
    table.add(Row::below("  errors", errors as f64, 1.0, |errors| format!("{errors:.0}")));
    let peak = format!("{:.1} MB", process.memory("VmHWM"));
    table.add(Row::plain("  resident at the most meanwhile", &peak, ""));
}

/// All of them, by a caller at each address at once; how long that took and how many were not as they should be.
fn serve(address: SocketAddr, paths: &[String], each: usize) -> (Duration, u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (errors, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    runtime.block_on(async {
        let mut callers = tokio::task::JoinSet::new();
        for (number, paths) in paths.chunks(each).enumerate() {
            let (paths, errors) = (paths.to_vec(), errors.clone());
            callers.spawn(async move {
                let fetched = fetch_all(number, address, &paths).await;
                errors.fetch_add((paths.len() - fetched) as u64, Ordering::Relaxed);
            });
        }
        while callers.join_next().await.is_some() {}
    });
    (began.elapsed(), errors.load(Ordering::Relaxed))
}

/// How many of these came whole.
async fn fetch_all(number: usize, address: SocketAddr, paths: &[String]) -> usize {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 2 + number as u8], 0))).expect("a loopback address");
    let Ok(mut stream) = socket.connect(address).await else { return 0 };
    let mut buffer = vec![0; 64 << 10];
    for (done, path) in paths.iter().enumerate() {
        let call = format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n");
        if stream.write_all(call.as_bytes()).await.is_err() {
            return done;
        }
        let (mut heard, mut body) = (Vec::new(), None);
        while body.is_none_or(|from| heard.len() < from + SMALL) {
            match stream.read(&mut buffer).await {
                Ok(count @ 1..) => heard.extend_from_slice(&buffer[..count]),
                _ => return done,
            }
            body = body.or_else(|| heard.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4));
        }
        let from = body.unwrap_or_default();
        let head = String::from_utf8_lossy(&heard[..from]).to_ascii_lowercase();
        let hash = ring::digest::digest(&ring::digest::SHA256, &heard[from..]);
        let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        if status(&head) != 200 || length(&head) != SMALL || !head.contains(&hash) {
            return done;
        }
    }
    paths.len()
}

/// The head of an answer, and what of its body came with it.
pub fn head(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let (mut heard, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    loop {
        if let Some(end) = heard.windows(4).position(|end| end == b"\r\n\r\n") {
            let body = heard.split_off(end + 4);
            return (String::from_utf8_lossy(&heard).to_ascii_lowercase(), body);
        }
        let count = stream.read(&mut buffer).expect("it answers");
        assert!(count > 0, "the connection broke off");
        heard.extend_from_slice(&buffer[..count]);
    }
}

pub fn answer(stream: &mut TcpStream) -> (u16, Vec<u8>) {
    let (head, mut body) = head(stream);
    let (early, mut rest) = (body.len(), vec![0; length(&head).saturating_sub(body.len())]);
    stream.read_exact(&mut rest).expect("the rest of it");
    body.truncate(early);
    body.extend(rest);
    (status(&head), body)
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
}

pub fn length(head: &str) -> usize {
    let line = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    line.and_then(|length| length.trim().parse().ok()).unwrap_or(0)
}
