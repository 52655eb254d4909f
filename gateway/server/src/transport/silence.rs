//! A connection to a peer on which silence is bounded: no byte either way for so long, and it is given up.
//!
//! A stream between socket and HTTP library. Bytes that go out count as well, because a large body on a slow line is no silence; so the
//! bound runs from the last byte of the request to the first one of the answer, and from each byte of the answer to the next.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::time::{Instant, Sleep, sleep};

/// The stream.
pub(super) struct Heeded<S> {
    stream: S,
    within: Duration,
    until: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Heeded<S> {
    pub(super) fn over(stream: S, within: Duration) -> Self {
        Heeded { stream, within, until: Instant::now() + within, alarm: Box::pin(sleep(within)) }
    }

    /// What the stream said; if it had nothing to say, whether that has lasted too long.
    fn heed<T>(&mut self, context: &mut Context<'_>, said: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if said.is_ready() {
            self.until = Instant::now() + self.within;
            return said;
        }
        if self.alarm.deadline() != self.until {
            self.alarm.as_mut().reset(self.until);
        }
        ready!(self.alarm.as_mut().poll(context));
        let late = format!("no byte within {} ms", self.within.as_millis());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, late)))
    }
}

impl<S: Read + Unpin> Read for Heeded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let said = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.heed(context, said)
    }
}

impl<S: Write + Unpin> Write for Heeded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.heed(context, said)
    }

    // Flushing and shutting down move no bytes of a message: they are ready again and again where nothing is to be written.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let said = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.heed(context, said)
    }
}

impl<S: Connection> Connection for Heeded<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}
