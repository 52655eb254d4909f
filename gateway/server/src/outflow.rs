//! A body on its way out: bytes, and between them files that are read, and put into base64 where they stand in a document, as they go.
//!
//! Its length is known before the first byte. A file is opened when its turn comes, by a thread of its own that is never more than a few
//! pieces ahead of the line; if it cannot be read to its end, the body breaks off and whoever waits for it knows that it is not whole.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64_simd::STANDARD;
use bytes::Bytes;
use gateway_core::adapter::{Body, Form, Placed};
use gateway_core::lift::Ticket;
use hyper::body::{Body as Flow, Frame, SizeHint};
use tokio::sync::mpsc;

use crate::store::{Store, StoreError};

/// Pieces that are read before the line wants them.
const AHEAD: usize = 2;

/// A body that flows out.
pub struct Outflow {
    pieces: VecDeque<Piece>,
    left: u64,
    flowing: Option<mpsc::Receiver<io::Result<Bytes>>>,
}

enum Piece {
    Bytes(Bytes),
    File { store: Store, file: Ticket, part: Range<u64>, form: Form },
}

impl Outflow {
    /// A body with its files.
    pub fn of(body: Body, store: &Store) -> Outflow {
        let left = body.length();
        let (mut rest, mut taken) = (Bytes::from(body.bytes), 0);
        let mut pieces = VecDeque::with_capacity(body.files.len() * 2 + 1);
        for Placed { at, file, form } in body.files {
            let before = rest.split_to((at - taken).min(rest.len()));
            taken += before.len();
            let part = 0..file.bytes;
            pieces.extend([Piece::Bytes(before), Piece::File { store: store.clone(), file, part, form }]);
        }
        pieces.push_back(Piece::Bytes(rest));
        Outflow { pieces, left, flowing: None }
    }

    /// A part of a file as it is.
    pub fn part(file: Ticket, part: Range<u64>, store: &Store) -> Outflow {
        let left = part.end - part.start;
        let piece = Piece::File { store: store.clone(), file, part, form: Form::Plain };
        Outflow { pieces: VecDeque::from([piece]), left, flowing: None }
    }

    fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.pieces.pop_front()? {
                Piece::Bytes(bytes) if bytes.is_empty() => {}
                Piece::Bytes(bytes) => return Some(bytes),
                Piece::File { store, file, part, form } => {
                    let (out, flowing) = mpsc::channel(AHEAD);
                    self.flowing = Some(flowing);
                    tokio::task::spawn_blocking(move || {
                        let say = |bytes| out.blocking_send(Ok(bytes)).is_ok();
                        if let Err(error) = read(&store, &file, part, form, say) {
                            tracing::error!(event = "file-unreadable", %error);
                            let _ = out.blocking_send(Err(io::Error::other(error)));
                        }
                    });
                    return None;
                }
            }
        }
    }
}

/// Reads a part of a file until its end, or until nobody listens any more.
fn read(
    store: &Store,
    file: &Ticket,
    part: Range<u64>,
    form: Form,
    say: impl Fn(Bytes) -> bool,
) -> Result<(), StoreError> {
    let mut filed = store.file(file)?;
    let mut at = part.start;
    // What does not fill three bytes waits for the next piece, or there would be padding in the middle.
    let mut carried = Vec::new();
    while at < part.end {
        let bytes = filed.read(at)?;
        let wanted = usize::try_from(part.end - at).unwrap_or(usize::MAX).min(bytes.len());
        if wanted == 0 {
            return Err(StoreError::Unsealable("claim.file"));
        }
        at += wanted as u64;
        let piece = match form {
            Form::Plain => Bytes::copy_from_slice(&bytes[..wanted]),
            Form::Base64 => {
                carried.extend_from_slice(&bytes[..wanted]);
                let whole = if at == part.end { carried.len() } else { carried.len() / 3 * 3 };
                let text = STANDARD.encode_to_string(&carried[..whole]);
                carried.drain(..whole);
                Bytes::from(text)
            }
        };
        if !piece.is_empty() && !say(piece) {
            return Ok(());
        }
    }
    Ok(())
}

impl From<Bytes> for Outflow {
    fn from(bytes: Bytes) -> Self {
        let left = bytes.len() as u64;
        Outflow { pieces: VecDeque::from([Piece::Bytes(bytes)]), left, flowing: None }
    }
}

impl Flow for Outflow {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        loop {
            let said = match &mut self.flowing {
                Some(flowing) => match ready!(flowing.poll_recv(context)) {
                    Some(said) => said,
                    None => {
                        self.flowing = None;
                        continue;
                    }
                },
                None => match self.next() {
                    Some(bytes) => Ok(bytes),
                    None if self.flowing.is_some() => continue,
                    None if self.left > 0 => {
                        self.left = 0;
                        Err(io::Error::other("a file is shorter than its ticket says"))
                    }
                    None => return Poll::Ready(None),
                },
            };
            let said = said.map(|bytes| {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Frame::data(bytes)
            });
            return Poll::Ready(Some(said));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
