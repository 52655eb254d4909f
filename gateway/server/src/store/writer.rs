//! The one writer: a thread that runs all waiting changes in one transaction, syncs once, and only then answers them.
//!
//! A change is acknowledged after the commit that holds it is on disk; a crash before that loses it together with its
//! acknowledgement, a crash after it loses neither. A change that fails takes nothing with it: failures are rare and savepoints
//! are not free, so a group runs without them first, and only if one of its changes fails it is rolled back and run again with
//! each change in a savepoint of its own. Changes therefore can run twice and have no effect beside their rows. If the commit
//! itself fails, every change of the group is told so and none of them has happened.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::carriage::Telling;
use super::checkpoint::Checkpoints;
use super::claims::Vault;
use super::error::StoreError;
use super::taken::Taken;
use crate::crash;

/// The most changes of one commit: bounds how long the first of them waits.
const GROUP_MAX: usize = 256;
/// The most changes that wait before callers are held back.
const QUEUE: usize = 1024;

/// More than most messages take with everything that is written of them.
const TRIED_BYTES: i64 = 128 << 10;

/// What a change sees.
pub(super) struct Writing<'a> {
    pub(super) db: &'a Connection,
    pub(super) vault: &'a Vault,
    pub(super) taken: &'a Taken,
    /// Who is told of shipments; nobody until the gateway has said so.
    pub(super) telling: &'a Telling,
    next_delivery: &'a Cell<i64>,
}

impl Writing<'_> {
    /// A number for a new delivery, known before its row exists because its lane names it.
    pub(super) fn next_delivery(&self) -> i64 {
        let id = self.next_delivery.get();
        self.next_delivery.set(id + 1);
        id
    }

    /// As much as a large message needs: where only a few bytes still fit, none can be accepted. The value changes each
    /// time, because the engine does not write a page that stays as it is.
    pub(super) fn try_writing(&self) -> Result<(), StoreError> {
        self.db
            .prepare_cached(
                "INSERT INTO meta (name, value) VALUES ('tried', randomblob(?1))
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([TRIED_BYTES])?;
        Ok(())
    }
}

trait Change: Send {
    fn run(&mut self, writing: &Writing) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

struct Asked<F, T> {
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<(Result<T, StoreError>, F)>,
}

impl<F, T> Change for Asked<F, T>
where
    F: Fn(&Writing) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, writing: &Writing) -> Result<(), StoreError> {
        self.result = Some((self.work)(writing)?);
        Ok(())
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let Asked { work, result, reply } = *self;
        // Whoever asked may have gone; the row is written all the same. The work goes back with the answer: taking apart the
        // documents it holds is not for the one thread that everybody waits for.
        let _ = reply.send((fate.and_then(|()| result.ok_or(StoreError::Closed)), work));
    }
}

enum Order {
    Run(Box<dyn Change>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    commits: Arc<AtomicU64>,
    panics: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread. `held` is dropped when it ends: the lock on the folder.
    pub(super) fn start(
        connection: Connection,
        checkpoints: Checkpoints,
        vault: Arc<Vault>,
        taken: Taken,
        telling: Arc<OnceLock<Telling>>,
        held: impl Send + 'static,
    ) -> Result<Self, StoreError> {
        let next: i64 =
            connection.query_row("SELECT ifnull(max(id), 0) + 1 FROM delivery", [], |row| row.get(0))?;
        let (orders, queue) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let panics = Arc::new(AtomicU64::new(0));
        let (counted, fell) = (commits.clone(), panics.clone());
        let next = Cell::new(next);
        let thread =
            Thread { connection, checkpoints, vault, taken, telling, next, commits: counted, panics: fell };
        std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let closing = thread.serve(queue);
            drop(held);
            if let Some(closing) = closing {
                let _ = closing.send(());
            }
        })?;
        Ok(Writer { orders, commits, panics })
    }

    /// Runs a change; comes back when it is on disk, or has left no trace.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&Writing) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let change = Box::new(Asked { work, result: None, reply });
        self.orders.send(Order::Run(change)).await.map_err(|_| StoreError::Closed)?;
        let (result, _work) = answer.await.map_err(|_| StoreError::Closed)?;
        result
    }

    /// Ends the thread after what waits; comes back when the folder is free.
    pub(super) async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.orders.send(Order::Close(done)).await.is_ok() {
            let _ = closed.await;
        }
    }

    /// How many commits were synced so far.
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// How often it fell over its own code and got up again.
    pub(super) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

struct Thread {
    connection: Connection,
    checkpoints: Checkpoints,
    vault: Arc<Vault>,
    taken: Taken,
    telling: Arc<OnceLock<Telling>>,
    next: Cell<i64>,
    commits: Arc<AtomicU64>,
    panics: Arc<AtomicU64>,
}

impl Thread {
    fn serve(self, mut queue: mpsc::Receiver<Order>) -> Option<oneshot::Sender<()>> {
        while let Some(order) = queue.blocking_recv() {
            let mut group = Vec::new();
            let mut closing = None;
            let mut next = Some(order);
            while let Some(order) = next {
                match order {
                    Order::Run(change) => group.push(change),
                    Order::Close(done) => closing = Some(done),
                }
                next =
                    if closing.is_none() && group.len() < GROUP_MAX { queue.try_recv().ok() } else { None };
            }
            // Whoever waited for this group hears that the store could not take it; the next group finds a writer all the same.
            if catch_unwind(AssertUnwindSafe(|| self.commit(group))).is_err() {
                self.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(event = "task-restarted", part = "store-writer", reason = "panicked");
                self.roll_back();
            }
            if closing.is_some() {
                return closing;
            }
        }
        None
    }

    fn commit(&self, mut group: Vec<Box<dyn Change>>) {
        if group.is_empty() {
            return;
        }
        let results = match self.run_together(&mut group) {
            Ok(()) => group.iter().map(|_| Ok(())).collect(),
            // Trying each on its own would only make all wait as long again.
            Err(StoreError::Busy) => group.iter().map(|_| Err(StoreError::Busy)).collect(),
            Err(_) => self.run_apart(&mut group),
        };
        let mut fate = Ok(());
        // SQLite gives up the whole transaction after some errors (disk full, I/O): then nobody's rows are left.
        if self.connection.is_autocommit() {
            let cause = results.iter().find_map(|result| result.clone().err());
            fate = Err(cause.unwrap_or(StoreError::Closed));
        }
        if fate.is_ok() && crash::sabotaged("answer-before-commit") {
            group.drain(..).zip(results.iter().cloned()).for_each(|(change, result)| change.answer(result));
            // A slow disk: time enough for the answer to reach its caller.
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if fate.is_ok() {
            fate = self.sync(&results);
        }
        if fate.is_err() {
            self.roll_back();
        }
        for (change, result) in group.into_iter().zip(results) {
            change.answer(fate.clone().and(result));
        }
        self.checkpoints.after_commit(&self.connection);
    }

    /// Runs the group without savepoints, up to the first failure.
    fn run_together(&self, group: &mut [Box<dyn Change>]) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE")?;
        group.iter_mut().try_for_each(|change| self.run(change.as_mut()))
    }

    /// Runs the group again from the start, each change on its own.
    fn run_apart(&self, group: &mut [Box<dyn Change>]) -> Vec<Result<(), StoreError>> {
        self.roll_back();
        let begun = self.execute("BEGIN IMMEDIATE");
        let one = |change: &mut Box<dyn Change>| {
            begun.clone()?;
            // The transaction was given up under an earlier change: no row may be written outside of one.
            if self.connection.is_autocommit() {
                return Err(StoreError::Closed);
            }
            self.run_in_savepoint(change.as_mut())
        };
        group.iter_mut().map(one).collect()
    }

    fn roll_back(&self) {
        if !self.connection.is_autocommit() {
            // Its own failure changes nothing: the next BEGIN would say so.
            let _ = self.execute("ROLLBACK");
        }
    }

    fn sync(&self, results: &[Result<(), StoreError>]) -> Result<(), StoreError> {
        if results.iter().all(Result::is_err) {
            self.roll_back();
            return Ok(());
        }
        crash::point("before-commit");
        self.execute("COMMIT")?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        crash::point("after-commit");
        Ok(())
    }

    fn run(&self, change: &mut dyn Change) -> Result<(), StoreError> {
        let nobody = Telling::default();
        let writing = Writing {
            db: &self.connection,
            vault: &self.vault,
            taken: &self.taken,
            telling: self.telling.get().unwrap_or(&nobody),
            next_delivery: &self.next,
        };
        // A defect in one change must not stop the store for all others.
        catch_unwind(AssertUnwindSafe(|| change.run(&writing)))
            .unwrap_or_else(|_| Err(StoreError::Io("a change of the store panicked".to_owned())))
    }

    fn run_in_savepoint(&self, change: &mut dyn Change) -> Result<(), StoreError> {
        self.execute("SAVEPOINT change")?;
        let result = self.run(change);
        if self.connection.is_autocommit() {
            return result;
        }
        if result.is_err() {
            self.execute("ROLLBACK TO change")?;
        }
        self.execute("RELEASE change")?;
        result
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::seal::{Digests, Seal};

    /// Falls over where no change is caught: when it is answered.
    struct Stumbling;

    impl Change for Stumbling {
        fn run(&mut self, _: &Writing) -> Result<(), StoreError> {
            Ok(())
        }

        #[allow(clippy::panic)] // The point of it.
        fn answer(self: Box<Self>, _: Result<(), StoreError>) {
            panic!("a defect of ours");
        }
    }

    #[tokio::test]
    async fn the_writer_gets_up_again_after_a_panic_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let mut connection = Connection::open(&path).unwrap();
        super::super::schema::configure_writer(&connection).unwrap();
        super::super::schema::migrate(&mut connection).unwrap();
        let checkpoints = Checkpoints::start(&path, &mut connection).unwrap();
        let seal = Seal::from_keys(&super::super::SealKey::new([7; 32]), &[]).unwrap();
        let vault = Arc::new(Vault::new(seal, Digests::new(&[1; 32]), folder.path()));
        let writer =
            Writer::start(connection, checkpoints, vault, Taken::default(), Arc::default(), ()).unwrap();
        writer.run(|writing| writing.try_writing()).await.unwrap();
        writer.orders.send(Order::Run(Box::new(Stumbling))).await.ok().unwrap();
        // Whoever is in the same group hears that the store could not take it; the next one finds a writer.
        if writer.run(|writing| writing.try_writing()).await.is_err() {
            writer.run(|writing| writing.try_writing()).await.unwrap();
        }
        assert_eq!(writer.panics(), 1);
        writer.close().await;
    }
}
