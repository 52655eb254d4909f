//! Waiting for a state, with a bound: nothing here sleeps and hopes.

use std::time::{Duration, Instant};

/// Something that may take time before a test gives up on it: far more than it ever needs.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until something is there, for as long as anything may take.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{what} does not come"))
}

/// Waits for a state: a child process has no event to wait for.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
