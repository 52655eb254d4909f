//! A peer that costs as little as a peer can: every call is answered at once and with the same words, over a connection to this program or
//! in the process of the gateway itself.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use gateway_core::adapter::{Answer, Body};
use gateway_core::ids::PeerName;
use lienthong::app::{App, Running};
use lienthong::clock::Clock;
use lienthong::config::Config;
use lienthong::files::Files;
use lienthong::telemetry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Opens a session and says yes, whichever was asked for.
const ANSWER: &str =
    "{\"error_code\":0,\"message\":\"ok\",\"session\":\"00000000-0000-4000-8000-000000000001\"}";

/// Answers until dropped.
pub struct Peer {
    _runtime: tokio::runtime::Runtime,
    calls: Arc<AtomicU64>,
}

impl Peer {
    pub fn listen(address: SocketAddr) -> Peer {
        Peer::telling(address, None)
    }

    /// The same, and every call that it hears is told to whoever reads this.
    pub fn overheard(address: SocketAddr) -> (Peer, Receiver<Vec<u8>>) {
        let (ear, calls) = channel();
        (Peer::telling(address, Some(ear)), calls)
    }

    fn telling(address: SocketAddr, ear: Option<Sender<Vec<u8>>>) -> Peer {
        // One worker of its own, as the process that it stands for would have at the least.
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind(address)).expect("a free port");
        let calls = Arc::new(AtomicU64::new(0));
        let counted = calls.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                tokio::spawn(converse(stream, counted.clone(), ear.clone()));
            }
        });
        Peer { _runtime: runtime, calls }
    }

    /// Calls that were answered.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Runs the gateway of this configuration as the binary does, until it is told to stop; only that what it calls of the portal is answered
/// before it leaves.
pub fn run_answered(config: &Path) {
    telemetry::start_log(true);
    let loaded = Config::load(config).expect("a configuration");
    let files = Files::with_overlay(&loaded.gateway.overlay).expect("its overlay");
    // As in the binary: the store's writer has a core of its own.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(cores.saturating_sub(1).max(1)).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut told =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("a signal");
        let opened = App::open(loaded, &config.display().to_string(), files, Clock::watched()).await;
        let mut app = opened.unwrap_or_else(|why| panic!("{why}"));
        let rooms = &mut Arc::get_mut(&mut app).expect("nobody else has it yet").peers;
        let room = rooms.get_mut(&PeerName::from("portal")).and_then(Arc::get_mut).expect("a portal");
        room.transport.answer_here(|_| Answer {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: Body::of(ANSWER.as_bytes().to_vec()),
        });
        let running = Running::start(app).await.expect("a gateway");
        told.recv().await;
        running.stop().await;
    });
}

async fn converse(mut stream: TcpStream, calls: Arc<AtomicU64>, ear: Option<Sender<Vec<u8>>>) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{ANSWER}",
        ANSWER.len()
    );
    let (mut heard, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        heard.extend_from_slice(&buffer[..read]);
        while let Some(length) = whole(&heard) {
            let call = heard.drain(..length);
            if let Some(ear) = &ear {
                // Nobody listens any more: then it is not missed either.
                let _ = ear.send(call.collect());
            }
            calls.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// How many bytes the first call has; none while a part of it is still to come.
fn whole(heard: &[u8]) -> Option<usize> {
    let head = heard.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&heard[..head]).expect("a head is text").to_ascii_lowercase();
    let length = text.split_once("content-length:").and_then(|(_, rest)| rest.split("\r\n").next());
    let body = length.map_or(0, |digits| digits.trim().parse::<usize>().expect("a length"));
    (heard.len() >= head + body).then_some(head + body)
}
