//! A connection that keeps time: whoever sends its head slowly, asks nothing, or does not read its answer is cut off.
//!
//! A stream between socket and HTTP library. What is bounded is waiting only, never work: while a call is heard its own bounds hold
//! (body, answer), and as long as bytes of an answer flow, the line is not idle.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::config::Limits;

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The head of a call is on its way: of a new connection, from the start.
    Head,
    /// A call is heard.
    Busy,
    /// Nothing is asked; an answer may still be on its way out.
    Idle,
}

struct Beat {
    stage: Stage,
    until: Option<Instant>,
    cut: Option<Stage>,
}

/// The line's state, shared with whoever hears the calls.
pub(super) struct Pulse {
    beat: Mutex<Beat>,
    head: Duration,
    idle: Duration,
}

impl Pulse {
    fn beat(&self) -> MutexGuard<'_, Beat> {
        self.beat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stage: Stage) {
        let bound = match stage {
            Stage::Head => Some(self.head),
            Stage::Busy => None,
            Stage::Idle => Some(self.idle),
        };
        let mut beat = self.beat();
        beat.stage = stage;
        beat.until = bound.map(|bound| Instant::now() + bound);
    }

    /// A call is heard until this is dropped.
    pub(super) fn busy(self: &Arc<Pulse>) -> Busy {
        self.enter(Stage::Busy);
        Busy(self.clone())
    }

    /// Was the line cut because a head did not come?
    pub(super) fn was_slow(&self) -> bool {
        self.beat().cut == Some(Stage::Head)
    }

    /// Was it cut because nothing was asked?
    pub(super) fn was_idle(&self) -> bool {
        self.beat().cut == Some(Stage::Idle)
    }
}

/// While a call is heard.
pub(super) struct Busy(Arc<Pulse>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.enter(Stage::Idle);
    }
}

/// The stream.
pub(super) struct Line<S> {
    stream: S,
    pulse: Arc<Pulse>,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Line<S> {
    pub(super) fn over(stream: S, limits: &Limits) -> (Line<S>, Arc<Pulse>) {
        let (head, idle) =
            (Duration::from_millis(limits.headers_ms_max), Duration::from_millis(limits.idle_ms_max));
        let until = Instant::now() + head;
        let beat = Beat { stage: Stage::Head, until: Some(until), cut: None };
        let pulse = Arc::new(Pulse { beat: Mutex::new(beat), head, idle });
        (Line { stream, pulse: pulse.clone(), alarm: Box::pin(sleep_until(until)) }, pulse)
    }

    /// Nothing can be done now: has that lasted too long? If not, wakes the task when it has.
    fn wait<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        let until = self.pulse.beat().until;
        let Some(until) = until else { return Poll::Pending };
        if self.alarm.deadline() != until {
            self.alarm.as_mut().reset(until);
        }
        ready!(self.alarm.as_mut().poll(context));
        let mut beat = self.pulse.beat();
        beat.cut = Some(beat.stage);
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Bytes went out: the line is not idle.
    fn flowed(&self) {
        let stage = self.pulse.beat().stage;
        if stage == Stage::Idle {
            self.pulse.enter(Stage::Idle);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => self.wait(context),
            ready => {
                let stage = self.pulse.beat().stage;
                if stage == Stage::Idle && buffer.filled().len() > before {
                    self.pulse.enter(Stage::Head);
                }
                ready
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write(context, bytes) {
            Poll::Pending => self.wait(context),
            ready => {
                self.flowed();
                ready
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_flush(context) {
            Poll::Pending => self.wait(context),
            ready => ready,
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.stream).poll_shutdown(context) {
            Poll::Pending => self.wait(context),
            ready => ready,
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match Pin::new(&mut self.stream).poll_write_vectored(context, slices) {
            Poll::Pending => self.wait(context),
            ready => {
                self.flowed();
                ready
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn only_waiting_is_bounded() {
        let limits = Limits { headers_ms_max: 60_000, idle_ms_max: 50, ..Limits::default() };
        let (near, mut far) = duplex(16);
        let (mut line, pulse) = Line::over(near, &limits);
        let busy = pulse.busy();
        // While a call is heard, nothing is: it has bounds of its own.
        let waiting = tokio::time::timeout(Duration::from_millis(150), line.read_u8()).await;
        assert!(waiting.is_err());
        drop(busy);
        // An answer that is read is written to its end; one that is not is given up.
        let reading = async {
            let mut read = [0; 64];
            far.read_exact(&mut read).await.map(drop)
        };
        let (written, read) = tokio::join!(line.write_all(&[7; 64]), reading);
        assert!(written.is_ok() && read.is_ok());
        let cut = line.write_all(&[7; 64]).await.unwrap_err();
        assert_eq!(cut.kind(), io::ErrorKind::TimedOut);
        assert!(pulse.was_idle() && !pulse.was_slow());
    }
}
