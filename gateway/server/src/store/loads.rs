//! Loading deliveries: those that wait for a reader at the same time are read by one thread, because to hand each to a thread of its own
//! costs more than to read it. Who comes alone is read at once.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use gateway_core::pipeline::DeliveryId;
use tokio::sync::oneshot;

use super::error::StoreError;
use super::read::{Loaded, load};
use super::{Store, blocking};

/// So many are read one after the other at most: the first of them waits for the last.
const TOGETHER_MAX: usize = 32;

/// Who waits for a reader.
#[derive(Default)]
pub(super) struct Loads {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    asked: VecDeque<Asked>,
    number: u64,
}

struct Asked {
    number: u64,
    delivery: DeliveryId,
    reply: oneshot::Sender<Result<Option<Loaded>, StoreError>>,
}

impl Loads {
    fn wait(&self, delivery: DeliveryId, reply: oneshot::Sender<Result<Option<Loaded>, StoreError>>) -> u64 {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.number += 1;
        let number = waiting.number;
        waiting.asked.push_back(Asked { number, delivery, reply });
        number
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).asked.len()
    }

    /// The one of this number with those who wait too; nothing if somebody else reads it already. Everybody sees to being read,
    /// so nobody depends on whoever goes away.
    fn with_others(&self, number: u64) -> VecDeque<Asked> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(own) = waiting.asked.iter().position(|asked| asked.number == number) else {
            return VecDeque::new();
        };
        let mut together: VecDeque<Asked> = waiting.asked.remove(own).into_iter().collect();
        waiting.asked.retain(|asked| !asked.reply.is_closed());
        let share = waiting.asked.len().min(TOGETHER_MAX - 1);
        together.extend(waiting.asked.drain(..share));
        together
    }
}

impl Store {
    /// Everything about one delivery.
    pub(super) async fn loaded(&self, delivery: DeliveryId) -> Result<Option<Loaded>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let number = self.loads.wait(delivery, reply);
        {
            let _place = self.readers.place().await;
            let mut asked = self.loads.with_others(number);
            if !asked.is_empty() {
                let (readers, vault) = (self.readers.clone(), self.vault.clone());
                // Each hears of its own reading, so what becomes of the others is not ours to say.
                let _ = blocking(move || {
                    let read = readers.with(|db| {
                        while let Some(Asked { delivery, reply, .. }) = asked.pop_front() {
                            // What cannot be read is the trouble of that delivery alone.
                            let loaded = catch_unwind(AssertUnwindSafe(|| load(db, &vault, delivery)));
                            let _ = reply.send(loaded.unwrap_or_else(|_| Err(unread())));
                        }
                        Ok(())
                    });
                    if let Err(error) = read {
                        for Asked { reply, .. } in asked {
                            let _ = reply.send(Err(error.clone()));
                        }
                    }
                    Ok(())
                })
                .await;
            }
        }
        answer.await.unwrap_or_else(|_| Err(unread()))
    }
}

fn unread() -> StoreError {
    StoreError::Io("a reader of the store panicked".to_owned())
}
