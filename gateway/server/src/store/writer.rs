//! The one writer: a thread that runs all waiting jobs in one transaction, syncs once, and only then answers them.
//!
//! A job is acknowledged after the commit that holds it is on disk; a crash before that loses it together with its
//! acknowledgement, a crash after it loses neither. Each job runs in a savepoint, so one that fails takes nothing with
//! it. If the commit itself fails, every job of the group is told so and none of them has happened.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::claims::Vault;
use super::error::StoreError;
use super::taken::Taken;
use crate::crash;

/// The most jobs of one commit: bounds how long the first of them waits.
const GROUP_MAX: usize = 256;
/// The most jobs that wait before callers are held back.
const QUEUE: usize = 1024;

/// What a job sees.
pub(super) struct Writing<'a> {
    pub(super) db: &'a Connection,
    pub(super) vault: &'a Vault,
    pub(super) taken: &'a Taken,
    next_delivery: &'a Cell<i64>,
}

impl Writing<'_> {
    /// A number for a new delivery, known before its row exists because its lane names it.
    pub(super) fn next_delivery(&self) -> i64 {
        let id = self.next_delivery.get();
        self.next_delivery.set(id + 1);
        id
    }
}

trait Job: Send {
    fn run(&mut self, writing: &Writing) -> Result<(), StoreError>;
    fn answer(self: Box<Self>, fate: Result<(), StoreError>);
}

struct Task<F, T> {
    work: Option<F>,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F, T> Job for Task<F, T>
where
    F: FnOnce(&Writing) -> Result<T, StoreError> + Send,
    T: Send,
{
    fn run(&mut self, writing: &Writing) -> Result<(), StoreError> {
        if let Some(work) = self.work.take() {
            self.result = Some(work(writing)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, fate: Result<(), StoreError>) {
        let Task { result, reply, .. } = *self;
        // Whoever asked may have gone; the row is written all the same.
        let _ = reply.send(fate.and_then(|()| result.ok_or(StoreError::Closed)));
    }
}

enum Order {
    Run(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// The way to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    orders: mpsc::Sender<Order>,
    commits: Arc<AtomicU64>,
}

impl Writer {
    /// Starts the thread. `held` is dropped when it ends: the lock on the folder.
    pub(super) fn start(
        connection: Connection,
        vault: Arc<Vault>,
        taken: Taken,
        held: impl Send + 'static,
    ) -> Result<Self, StoreError> {
        let next: i64 =
            connection.query_row("SELECT ifnull(max(id), 0) + 1 FROM delivery", [], |row| row.get(0))?;
        let (orders, queue) = mpsc::channel(QUEUE);
        let commits = Arc::new(AtomicU64::new(0));
        let thread = Thread { connection, vault, taken, next: Cell::new(next), commits: commits.clone() };
        std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || {
            let closing = thread.serve(queue);
            drop(held);
            if let Some(closing) = closing {
                let _ = closing.send(());
            }
        })?;
        Ok(Writer { orders, commits })
    }

    /// Runs a job; comes back when it is on disk, or has left no trace.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Writing) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task { work: Some(work), result: None, reply });
        self.orders.send(Order::Run(job)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
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
}

struct Thread {
    connection: Connection,
    vault: Arc<Vault>,
    taken: Taken,
    next: Cell<i64>,
    commits: Arc<AtomicU64>,
}

type Ran = (Box<dyn Job>, Result<(), StoreError>);

impl Thread {
    fn serve(self, mut queue: mpsc::Receiver<Order>) -> Option<oneshot::Sender<()>> {
        while let Some(order) = queue.blocking_recv() {
            let mut group = Vec::new();
            let mut closing = None;
            let mut next = Some(order);
            while let Some(order) = next {
                match order {
                    Order::Run(job) => group.push(job),
                    Order::Close(done) => closing = Some(done),
                }
                next =
                    if closing.is_none() && group.len() < GROUP_MAX { queue.try_recv().ok() } else { None };
            }
            self.commit(group);
            if closing.is_some() {
                return closing;
            }
        }
        None
    }

    fn commit(&self, group: Vec<Box<dyn Job>>) {
        if group.is_empty() {
            return;
        }
        let mut ran: Vec<Ran> = Vec::with_capacity(group.len());
        let mut fate = self.execute("BEGIN IMMEDIATE");
        for mut job in group {
            let result = match &fate {
                Ok(()) => self.run(job.as_mut()),
                Err(error) => Err(error.clone()),
            };
            // SQLite gives up the whole transaction after some errors (disk full, I/O): then nobody's rows are left.
            if fate.is_ok() && self.connection.is_autocommit() {
                fate = Err(result.clone().err().unwrap_or(StoreError::Closed));
            }
            ran.push((job, result));
        }
        if fate.is_ok() {
            fate = self.sync(&ran);
        }
        if fate.is_err() && !self.connection.is_autocommit() {
            // Its own failure changes nothing: the next BEGIN would say so.
            let _ = self.execute("ROLLBACK");
        }
        for (job, result) in ran {
            job.answer(fate.clone().and(result));
        }
    }

    fn sync(&self, ran: &[Ran]) -> Result<(), StoreError> {
        if ran.iter().all(|(_, result)| result.is_err()) {
            return self.execute("ROLLBACK");
        }
        crash::point("before-commit");
        self.execute("COMMIT")?;
        self.commits.fetch_add(1, Ordering::Relaxed);
        crash::point("after-commit");
        Ok(())
    }

    fn run(&self, job: &mut dyn Job) -> Result<(), StoreError> {
        let writing = Writing {
            db: &self.connection,
            vault: &self.vault,
            taken: &self.taken,
            next_delivery: &self.next,
        };
        self.execute("SAVEPOINT job")?;
        // A defect in one job must not stop the store for all others.
        let result = catch_unwind(AssertUnwindSafe(|| job.run(&writing)))
            .unwrap_or_else(|_| Err(StoreError::Io("a job of the store panicked".to_owned())));
        if result.is_err() && !self.connection.is_autocommit() {
            self.execute("ROLLBACK TO job")?;
        }
        if !self.connection.is_autocommit() {
            self.execute("RELEASE job")?;
        }
        result
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute([])?;
        Ok(())
    }
}
