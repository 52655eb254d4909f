//! A body on its way out: bytes, and between them files that are read, and put into base64 where they stand in a document, as they go.
//!
//! Its length is known before the first byte. A file is opened when its turn comes, and read a piece at a time when the line wants it:
//! who reads slowly holds no thread and one piece of memory. If a file cannot be read to its end, the body breaks off and whoever waits
//! for it knows that it is not whole.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64_simd::STANDARD;
use bytes::Bytes;
use gateway_core::adapter::{Body, Form, Placed};
use gateway_core::lift::Ticket;
use hyper::body::{Body as Flow, Frame, SizeHint};

use crate::store::{Filed, Store, StoreError};

/// A body that flows out.
pub struct Outflow {
    pieces: VecDeque<Piece>,
    left: u64,
    flowing: Option<Flowing>,
}

/// A piece of a file on its way from the disk, and then the rest of that file.
type Flowing = Pin<Box<dyn Future<Output = Result<(Bytes, Option<Rest>), StoreError>> + Send>>;

/// What of a file is still to come.
struct Rest {
    store: Store,
    file: Ticket,
    filed: Option<Filed>,
    part: Range<u64>,
    form: Form,
    /// What does not fill three bytes waits for the next piece, or there would be padding in the middle.
    carried: Vec<u8>,
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
        for Placed { at, file, form, .. } in body.files {
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
                Piece::File { part, .. } if part.is_empty() => {}
                Piece::File { store, file, part, form } => {
                    let rest = Rest { store, file, filed: None, part, form, carried: Vec::new() };
                    self.flowing = Some(rest.flow());
                    return None;
                }
            }
        }
    }
}

impl Rest {
    fn flow(mut self) -> Flowing {
        let store = self.store.clone();
        Box::pin(async move {
            let read = store.with_files(move |store| {
                let bytes = self.read(store)?;
                let rest = (!self.part.is_empty()).then_some(self);
                Ok((bytes, rest))
            });
            read.await
        })
    }

    /// The next piece. Blocking.
    fn read(&mut self, store: &Store) -> Result<Bytes, StoreError> {
        let filed = match &mut self.filed {
            Some(filed) => filed,
            none => none.insert(store.file(&self.file)?),
        };
        let mut bytes = filed.piece(self.part.start)?;
        bytes.truncate(usize::try_from(self.part.end - self.part.start).unwrap_or(usize::MAX));
        if bytes.is_empty() {
            return Err(StoreError::Unsealable("claim.file"));
        }
        self.part.start += bytes.len() as u64;
        Ok(match self.form {
            Form::Plain => bytes,
            Form::Base64 => {
                self.carried.extend_from_slice(&bytes);
                let all = self.carried.len();
                let whole = if self.part.is_empty() { all } else { all / 3 * 3 };
                let text = STANDARD.encode_to_string(&self.carried[..whole]);
                self.carried.drain(..whole);
                Bytes::from(text)
            }
        })
    }
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
                Some(flowing) => {
                    let read = ready!(flowing.as_mut().poll(context));
                    self.flowing = None;
                    match read {
                        Ok((bytes, rest)) => {
                            self.flowing = rest.map(Rest::flow);
                            if bytes.is_empty() {
                                continue;
                            }
                            Ok(bytes)
                        }
                        Err(error) => {
                            tracing::error!(event = "file-unreadable", %error);
                            // Nothing comes after what is not whole.
                            (self.left, self.pieces) = (0, VecDeque::new());
                            Err(io::Error::other(error))
                        }
                    }
                }
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
