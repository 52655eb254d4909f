//! Work on a file by a thread of its own: full buffers go there, empty ones come back.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, JoinHandle};

/// So many threads of one sort there are at once. Whoever comes above that does the work while nothing comes in: a few hundred slow
/// callers must not cost threads and more buffers each.
pub(super) struct Places {
    most: usize,
    taken: AtomicUsize,
}

impl Places {
    /// None of them taken.
    pub(super) const fn new(most: usize) -> Places {
        Places { most, taken: AtomicUsize::new(0) }
    }

    /// One that is free.
    pub(super) fn take(&'static self) -> Option<Place> {
        let free = |taken| (taken < self.most).then_some(taken + 1);
        // Made only if it is taken: dropped, it gives a place back.
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).is_ok().then(|| Place(self))
    }
}

/// A place for one thread, free again when this goes.
pub(super) struct Place(&'static Places);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A thread that takes full buffers `B`, and says `T` when no more come or it can do no more. Dropped, it finishes what it has.
pub(super) struct Beside<B, T> {
    full: SyncSender<B>,
    empty: Receiver<B>,
    work: JoinHandle<T>,
    _place: Place,
}

impl<B: Send + 'static, T: Send + 'static> Beside<B, T> {
    /// Begins; `work` takes the full ones and gives them back when they are empty. So many may wait for it that neither side stands
    /// still whenever the other one does for a moment.
    pub(super) fn begin(
        name: &str,
        waiting: usize,
        place: Place,
        work: impl FnOnce(&Receiver<B>, &Sender<B>) -> T + Send + 'static,
    ) -> io::Result<Self> {
        let (full, filled) = sync_channel(waiting);
        let (emptied, empty) = channel();
        let work = thread::Builder::new().name(name.to_owned()).spawn(move || work(&filled, &emptied))?;
        Ok(Beside { full, empty, work, _place: place })
    }

    /// A buffer that came back.
    pub(super) fn empty(&self) -> Option<B> {
        self.empty.try_recv().ok()
    }

    /// Gives a full one there, waiting while as many as may wait there already do; false if nobody takes it any more, see [`Beside::end`].
    pub(super) fn give(&self, full: B) -> bool {
        self.full.send(full).is_ok()
    }

    /// No more come: waits for what the thread says.
    pub(super) fn end(self) -> io::Result<T> {
        drop(self.full);
        self.work.join().map_err(|_| io::Error::other("a thread that works on a file panicked"))
    }
}
