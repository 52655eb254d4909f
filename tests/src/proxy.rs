//! A network of the tests' own between any two ends: slow, torn, half open, silent or lying, and well again when told so.
//!
//! What it is told holds at once, also for connections that are open; what was swallowed stays swallowed, as in a real network.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::chance::Chance;

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// From whoever connected.
    There,
    /// Back to it.
    Back,
}

/// What is wrong with a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ill {
    /// Everything takes so much longer.
    Latency(Duration),
    /// The connection is reset at bytes that go this way.
    Reset(Way),
    /// At bytes that come back the far end is gone, and whoever connected is not told.
    HalfOpen,
    /// Connections open, and bytes that go this way never arrive.
    BlackHole(Way),
    /// One byte among the first so many of each piece that goes this way is another.
    Corrupt(Way, usize),
}

/// A network that listens. Gone when dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: AbortHandle,
}

struct Shared {
    to: SocketAddr,
    ill: Mutex<Option<Ill>>,
    chance: Mutex<Chance>,
    felt: AtomicU64,
}

impl Proxy {
    /// A network to this address, well at first; `seed` chooses what is corrupted.
    pub async fn to(to: SocketAddr, seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it listens");
        let chance = Mutex::new(Chance(seed | 1));
        let shared = Arc::new(Shared { to, ill: Mutex::new(None), chance, felt: AtomicU64::new(0) });
        let acceptor = tokio::spawn(accept(listener, shared.clone())).abort_handle();
        Proxy { address, shared, acceptor }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From here on this is wrong with it; none for nothing.
    pub fn fall(&self, ill: Option<Ill>) {
        *self.shared.ill.lock().unwrap_or_else(PoisonError::into_inner) = ill;
    }

    /// How many pieces were delayed, swallowed or changed, and connections torn.
    pub fn felt(&self) -> u64 {
        self.shared.felt.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.acceptor.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            if let Ok(far) = TcpStream::connect(shared.to).await {
                // An end that breaks off is what this is for.
                let _ = carry(near, far, &shared).await;
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

/// Carries bytes both ways until an end closes or is torn.
async fn carry(mut near: TcpStream, mut far: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let (mut there, mut back) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let (way, count) = tokio::select! {
            count = near.read(&mut there) => (Way::There, count?),
            count = far.read(&mut back) => (Way::Back, count?),
        };
        if count == 0 {
            return Ok(());
        }
        let bytes = if way == Way::There { &mut there[..count] } else { &mut back[..count] };
        let ill = *shared.ill.lock().unwrap_or_else(PoisonError::into_inner);
        let felt = || shared.felt.fetch_add(1, Ordering::Relaxed);
        match ill {
            Some(Ill::Latency(span)) => {
                felt();
                tokio::time::sleep(span).await;
            }
            Some(Ill::Reset(at)) if at == way => {
                felt();
                near.set_zero_linger()?;
                return far.set_zero_linger();
            }
            Some(Ill::HalfOpen) if way == Way::Back => {
                felt();
                drop(far);
                // Until whoever connected gives up by itself.
                while near.read(&mut there).await? > 0 {}
                return Ok(());
            }
            Some(Ill::BlackHole(at)) if at == way => {
                felt();
                continue;
            }
            Some(Ill::Corrupt(at, reach)) if at == way => {
                felt();
                let mut chance = shared.chance.lock().unwrap_or_else(PoisonError::into_inner);
                let place = chance.below(reach.min(bytes.len()));
                bytes[place] ^= 1 + chance.below(255) as u8;
            }
            _ => {}
        }
        match way {
            Way::There => far.write_all(bytes).await?,
            Way::Back => near.write_all(bytes).await?,
        }
    }
}
