//! Work that blocks, done piece by piece as the pieces come: bytes that go onto the disk while more of them are on the line.
//!
//! Each stint takes what has come since the last one and ends: nobody holds a thread while it waits for a slow line, or a few slow lines
//! would take all threads from those who read and write the store. What comes during a stint waits for the next, up to a bound; beyond
//! it the line waits.

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::store::{Store, StoreError};

/// Pieces that may wait for the disk.
const WAITING: usize = 16;
/// A stint is worth while for so many of them.
const TOGETHER: usize = 4;

/// What was made by a stint, and what went wrong in it; an error of the store where it could not begin.
type Stint<T, E> = Result<(T, Result<(), E>), StoreError>;

/// What is being made, and what still goes into it. Dropped, what was made so far is dropped where blocking harms nobody.
pub(crate) struct Piecework<T: Send + 'static, E: Send + 'static> {
    store: Store,
    at_rest: Option<T>,
    at_work: Option<JoinHandle<Stint<T, E>>>,
    waiting: Vec<Bytes>,
    step: fn(&mut T, &[u8]) -> Result<(), E>,
    failed: Option<E>,
}

impl<T: Send + 'static, E: From<StoreError> + Send + 'static> Piecework<T, E> {
    /// Begins; each piece goes through `step`.
    pub(crate) fn new(store: &Store, made: T, step: fn(&mut T, &[u8]) -> Result<(), E>) -> Self {
        let (store, waiting) = (store.clone(), Vec::new());
        Piecework { store, at_rest: Some(made), at_work: None, waiting, step, failed: None }
    }

    /// Takes a piece; false if it is known already that nothing will come of it, see [`Piecework::end`].
    pub(crate) async fn take(&mut self, bytes: Bytes) -> bool {
        self.waiting.push(bytes);
        let busy = self.at_work.as_ref().is_some_and(|work| !work.is_finished());
        if self.waiting.len() < if busy { WAITING } else { TOGETHER } {
            return true;
        }
        self.rest().await;
        self.set_out();
        self.failed.is_none()
    }

    /// All of it is here: what was made, or what went wrong first.
    pub(crate) async fn end(mut self) -> Result<T, E> {
        self.rest().await;
        self.set_out();
        self.rest().await;
        match (self.failed.take(), self.at_rest.take()) {
            (None, Some(made)) => Ok(made),
            (Some(error), _) => Err(error),
            (None, None) => Err(panicked().into()),
        }
    }

    /// Waits for the end of the stint.
    async fn rest(&mut self) {
        let Some(work) = self.at_work.take() else { return };
        match work.await.unwrap_or_else(|_| Err(panicked())) {
            Ok((made, said)) => {
                self.at_rest = Some(made);
                self.failed = said.err();
            }
            Err(error) => self.failed = Some(error.into()),
        }
    }

    fn set_out(&mut self) {
        if self.failed.is_some() || self.waiting.is_empty() {
            return;
        }
        let Some(mut made) = self.at_rest.take() else { return };
        let (pieces, step, store) = (std::mem::take(&mut self.waiting), self.step, self.store.clone());
        self.at_work = Some(tokio::spawn(async move {
            store
                .with_files(move |_| {
                    let said = pieces.iter().try_for_each(|piece| step(&mut made, piece));
                    Ok((made, said))
                })
                .await
        }));
    }
}

impl<T: Send + 'static, E: Send + 'static> Drop for Piecework<T, E> {
    fn drop(&mut self) {
        if let (Some(made), Ok(runtime)) = (self.at_rest.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(made));
        }
    }
}

fn panicked() -> StoreError {
    StoreError::Io("a task that keeps files panicked".to_owned())
}
