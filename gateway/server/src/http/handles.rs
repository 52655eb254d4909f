//! When the process has no file handle left: one is kept in reserve, so that whoever knocks is told to come again later instead of
//! waiting for nothing.

use std::fs::File;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Over;

/// What a caller is told whose call nobody could read.
const LATER: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
/// Whoever is told so has so long to hear it: meanwhile nobody else can be told.
const WITHIN: Duration = Duration::from_millis(200);

/// Is it for want of file handles, of the process or of the machine?
pub(super) fn are_scarce(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// The handle that is kept for hard times.
pub(super) struct Reserve(Option<File>);

impl Reserve {
    pub(super) fn new() -> Self {
        Reserve(File::open("/dev/null").ok())
    }

    /// Takes the next caller in with the handle in reserve, sends it away, and keeps the handle again. False if that was not possible.
    pub(super) async fn turn_away(&mut self, listener: &TcpListener, over: &Over) -> bool {
        drop(self.0.take());
        let told = match tokio::time::timeout(WITHIN, listener.accept()).await {
            Ok(Ok((stream, _))) => {
                // Within TLS nothing can be said without a handshake, which costs more than there is: the line is closed.
                if matches!(over, Over::Plain) {
                    let _ = tokio::time::timeout(WITHIN, tell(stream)).await;
                }
                true
            }
            _ => false,
        };
        self.0 = File::open("/dev/null").ok();
        told
    }
}

/// What the caller sends is read first, and once more after the answer: a line closed on bytes nobody read takes the answer with it.
async fn tell(mut stream: TcpStream) -> io::Result<()> {
    let mut heard = [0; 4096];
    let _ = stream.read(&mut heard).await?;
    stream.write_all(LATER).await?;
    stream.shutdown().await?;
    while stream.read(&mut heard).await? > 0 {}
    Ok(())
}
