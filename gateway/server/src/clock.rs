//! The clock and chance: the only callers of `now()` and of the random number generator in the whole gateway.
//!
//! Stories turn a clock of their own ([`Clock::manual`]): three hours of outage pass in a moment, while sockets and disk
//! stay real. Nothing here promises that time never jumps; who compares moments must bear a clock that is set.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gateway_core::ids::Moment;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::oneshot;

/// A clock that runs back by more than this was set; less is the drift that every machine's clock is freed of.
pub const SET_BACK_MS: i64 = 1_000;

/// Time, as the gateway sees it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Clock {
    manual: Option<Arc<Mutex<Manual>>>,
    leaps: Option<Arc<Mutex<Leaps>>>,
}

/// How far the clock was set forward while this process watched: what it leapt over did not pass. A restart knows nothing of it.
#[derive(Default)]
struct Leaps {
    /// By the clock that is never set, and by the one that is.
    seen: Option<(Instant, Moment)>,
    /// The last moment before each leap, and how far it went.
    forward: Vec<(Moment, i64)>,
}

impl Leaps {
    fn look(&mut self, steady: Instant, now: Moment) {
        if let Some((then, shown)) = self.seen {
            let passed =
                i64::try_from(steady.saturating_duration_since(then).as_millis()).unwrap_or(i64::MAX);
            self.set(shown, now.millis_since(shown).saturating_sub(passed));
        }
        self.seen = Some((steady, now));
    }

    /// The clock was set by so much after it had shown this. Set back, it takes back the latest leaps first.
    fn set(&mut self, shown: Moment, by: i64) {
        if by > SET_BACK_MS {
            self.forward.push((shown, by));
        }
        let mut back = if by < -SET_BACK_MS { -by } else { 0 };
        while back > 0
            && let Some((shown, leap)) = self.forward.pop()
        {
            if leap > back {
                self.forward.push((shown, leap - back));
            }
            back -= leap.min(back);
        }
    }

    fn since(&self, moment: Moment) -> i64 {
        self.forward.iter().filter(|(shown, _)| *shown >= moment).map(|(_, leap)| leap).sum()
    }
}

#[derive(Default)]
struct Manual {
    now: Moment,
    sleepers: BTreeMap<(Moment, u64), oneshot::Sender<()>>,
    count: u64,
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Clock::default()
    }

    /// The machine's clock, and whether somebody sets it forward, see [`Clock::as_set_now`].
    pub fn watched() -> Self {
        Clock { leaps: Some(Arc::default()), ..Clock::default() }
    }

    /// A clock that moves only by [`Clock::advance_to`].
    pub fn manual(start: Moment) -> Self {
        let manual = Manual { now: start, ..Manual::default() };
        Clock { manual: Some(Arc::new(Mutex::new(manual))), leaps: Some(Arc::default()) }
    }

    /// Does it move only when told to?
    pub fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// A number between 0 and 1, to spread retries. On a story's clock nothing is left to chance: every pause
    /// has its full length.
    pub fn jitter(&self) -> f64 {
        match self.manual {
            Some(_) => 1.0,
            None => f64::from(u32::from_le_bytes(chance())) / f64::from(u32::MAX),
        }
    }

    /// This moment.
    #[allow(clippy::disallowed_methods)] // The one place that may ask.
    pub fn now(&self) -> Moment {
        match &self.manual {
            Some(manual) => lock(manual).now,
            None => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let now = Moment::from_millis(since.as_millis() as i64);
                if let Some(leaps) = &self.leaps {
                    lock(leaps).look(Instant::now(), now);
                }
                now
            }
        }
    }

    /// How a moment of the past is called by the clock as it is set now: as long ago as time has passed since, as far as this process
    /// saw. A clock that was set forward makes nothing older.
    pub fn as_set_now(&self, moment: Moment) -> Moment {
        self.leaps.as_ref().map_or(moment, |leaps| moment.plus_millis(lock(leaps).since(moment)))
    }

    /// Waits until that moment; not at all if it has passed. Ends early if the machine's clock was set back meanwhile.
    pub async fn sleep_until(&self, until: Moment) {
        let Some(manual) = &self.manual else {
            // In slices, so that a clock that is set forward is noticed within a minute and not hours later.
            let mut expected = i64::MAX;
            loop {
                let left = until.millis_since(self.now());
                if left <= 0 || left > expected.saturating_add(SET_BACK_MS) {
                    return;
                }
                expected = left;
                tokio::time::sleep(Duration::from_millis(left.min(60_000) as u64)).await;
            }
        };
        let woken = {
            let mut manual = lock(manual);
            if until <= manual.now {
                return;
            }
            let (wake, woken) = oneshot::channel();
            manual.count += 1;
            let place = (until, manual.count);
            manual.sleepers.insert(place, wake);
            woken
        };
        // An error means that the clock itself is gone; then nobody waits for this sleeper either.
        let _ = woken.await;
    }

    /// The nearest moment somebody sleeps for (manual clocks only).
    pub fn next_alarm(&self) -> Option<Moment> {
        let mut manual = lock(self.manual.as_ref()?);
        manual.sleepers.retain(|_, wake| !wake.is_closed());
        manual.sleepers.keys().next().map(|(at, _)| *at)
    }

    /// Sets a manual clock back, as an operator does with a machine's, and wakes everybody: whoever slept by the old time looks anew.
    pub fn set_back_to(&self, to: Moment) {
        let Some(manual) = &self.manual else { return };
        let now = self.now();
        self.set_by(now, to.millis_since(now));
        let sleepers = {
            let mut manual = lock(manual);
            manual.now = manual.now.min(to);
            std::mem::take(&mut manual.sleepers)
        };
        for (_, wake) in sleepers {
            let _ = wake.send(());
        }
    }

    /// Sets a manual clock forward, without that the time has passed.
    pub fn set_forward_to(&self, to: Moment) {
        let now = self.now();
        self.set_by(now, to.millis_since(now));
        self.advance_to(to);
    }

    fn set_by(&self, now: Moment, by: i64) {
        if let Some(leaps) = &self.leaps {
            lock(leaps).set(now, by);
        }
    }

    /// Sets a manual clock and wakes whoever slept until then. The machine's clock is not ours to set.
    pub fn advance_to(&self, to: Moment) {
        let Some(manual) = &self.manual else { return };
        let due = {
            let mut manual = lock(manual);
            manual.now = manual.now.max(to);
            let later = manual.sleepers.split_off(&(to.plus_millis(1), 0));
            std::mem::replace(&mut manual.sleepers, later)
        };
        for (_, wake) in due {
            let _ = wake.send(());
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So many random bytes are fetched at once: a message takes some fifty, in four pieces.
const STOCK: usize = 1024;

/// Random bytes of the operating system that were fetched ahead, because to ask for twelve costs a call into the kernel, and that
/// is more than sealing a short text with them.
struct Stock {
    bytes: [u8; STOCK],
    left: usize,
}

impl Stock {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        const { assert!(N <= STOCK) };
        if self.left < N {
            // The operating system's generator fails only where no process could run at all.
            SystemRandom::new().fill(&mut self.bytes).unwrap_or_else(|_| std::process::abort());
            self.left = STOCK;
        }
        let mut taken = [0; N];
        let from = &mut self.bytes[self.left - N..self.left];
        taken.copy_from_slice(from);
        // Nobody finds here what has become a key.
        from.fill(0);
        self.left -= N;
        taken
    }
}

/// Random bytes from the operating system.
pub fn chance<const N: usize>() -> [u8; N] {
    thread_local! {
        static AHEAD: RefCell<Stock> = const { RefCell::new(Stock { bytes: [0; STOCK], left: 0 }) };
    }
    AHEAD.with_borrow_mut(Stock::take)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_makes_nothing_older_than_it_is() {
        let (mut leaps, start) = (Leaps::default(), Instant::now());
        let look = |leaps: &mut Leaps, steady: u64, shown: i64| {
            leaps.look(start + Duration::from_secs(steady), Moment::from_millis(shown * 1000));
        };
        let since = |leaps: &Leaps, at: i64| leaps.since(Moment::from_millis(at * 1000)) / 1000;
        look(&mut leaps, 0, 100);
        look(&mut leaps, 10, 110);
        assert_eq!(since(&leaps, 105), 0);
        // A day forward: what was before it is a day less old, what comes after it is as old as it says.
        look(&mut leaps, 20, 86_520);
        assert_eq!((since(&leaps, 105), since(&leaps, 110), since(&leaps, 86_520)), (86_400, 86_400, 0));
        // And another hour; then half an hour back, and a day and half an hour.
        look(&mut leaps, 30, 90_130);
        look(&mut leaps, 40, 88_340);
        assert_eq!((since(&leaps, 105), since(&leaps, 86_520)), (88_200, 1_800));
        look(&mut leaps, 50, 150);
        assert_eq!(since(&leaps, 105), 0);
        // Back further than it ever went forward: nothing is owed.
        look(&mut leaps, 60, 10);
        look(&mut leaps, 70, 20);
        assert_eq!(since(&leaps, 0), 0);
    }

    #[test]
    fn chance_never_gives_the_same_bytes_twice() {
        let drawn: Vec<[u8; 12]> = (0..STOCK).map(|_| chance()).collect();
        let different: std::collections::BTreeSet<_> = drawn.iter().collect();
        assert_eq!(different.len(), drawn.len());
        // More than is left is drawn anew, and whole.
        assert_ne!(chance::<STOCK>(), chance::<STOCK>());
        assert!(chance::<STOCK>().iter().filter(|byte| **byte == 0).count() < 64);
    }

    #[tokio::test]
    async fn a_manual_clock_wakes_in_order_and_only_when_due() {
        let clock = Clock::manual(Moment::from_millis(1000));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep_until(Moment::from_millis(5000)).await }
        });
        while clock.next_alarm().is_none() {
            tokio::task::yield_now().await;
        }
        clock.advance_to(Moment::from_millis(4999));
        assert_eq!(clock.next_alarm(), Some(Moment::from_millis(5000)));
        clock.advance_to(Moment::from_millis(5000));
        sleeper.await.unwrap();
        assert_eq!(clock.now(), Moment::from_millis(5000));
        assert_eq!(clock.next_alarm(), None);
    }
}
