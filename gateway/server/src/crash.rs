//! Named points at which a test may end the process, as a power cut would: without unwinding and without flushing; and the
//! four mistakes that the crash tests and `prove` must notice, to be made on purpose.
//!
//! `LIENTHONG_CRASH_AT=after-commit:3` aborts at the third pass of `after-commit`; `LIENTHONG_SABOTAGE=forget-outbox` makes
//! that mistake. `LIENTHONG_PANIC_AT=delivery-loop:2` lets our own code panic there. Compiled only with the cargo feature `crash-points`; without it [`point`] and [`sabotaged`] are empty and no
//! released binary reads the variables.

/// Where a process may end. A test goes through all of them, so a new one is tried by being named here.
pub const POINTS: [&str; 7] = [
    "after-files-kept",
    "before-commit",
    "after-commit",
    "after-admitted",
    "after-request-journaled",
    "after-answer",
    "after-settled",
];

/// The same, on the way of what is asked for: only a gateway with a feed passes them.
pub const FEED_POINTS: [&str; 2] = ["after-page-read", "after-page-kept"];

/// The mistakes that can be made on purpose.
pub const SABOTAGES: [&str; 4] =
    ["answer-before-commit", "call-before-journal", "forget-outbox", "acknowledge-first"];

/// Passes a named point.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_name: &str) {}

/// Passes a place where a test may let our own code panic.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn panic_at(_name: &str) {}

/// Is this mistake to be made?
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn sabotaged(_name: &str) -> bool {
    false
}

/// Passes a named point; ends the process if the environment asks for it here.
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Wanted {
        name: String,
        pass: u64,
        seen: AtomicU64,
    }
    static WANTED: LazyLock<Option<Wanted>> = LazyLock::new(|| {
        let text = std::env::var("LIENTHONG_CRASH_AT").ok()?;
        let (name, pass) = text.rsplit_once(':')?;
        Some(Wanted { name: name.to_owned(), pass: pass.parse().ok()?, seen: AtomicU64::new(0) })
    });
    debug_assert!(
        POINTS.contains(&name) || FEED_POINTS.contains(&name),
        "{name} is not among the named points"
    );
    if let Some(wanted) = WANTED.as_ref()
        && wanted.name == name
        && wanted.seen.fetch_add(1, Ordering::SeqCst) + 1 == wanted.pass
    {
        std::process::abort();
    }
}

/// Passes a place where a test may let our own code panic: the environment names it, and at which pass.
#[cfg(feature = "crash-points")]
#[allow(clippy::panic)] // That is what is asked for.
pub fn panic_at(name: &str) {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let text = std::env::var("LIENTHONG_PANIC_AT").ok()?;
        let (name, pass) = text.rsplit_once(':')?;
        Some((name.to_owned(), pass.parse().ok()?))
    });
    static SEEN: AtomicU64 = AtomicU64::new(0);
    if let Some((wanted, pass)) = WANTED.as_ref()
        && wanted == name
        && SEEN.fetch_add(1, Ordering::SeqCst) + 1 == *pass
    {
        panic!("asked for by a test");
    }
}

/// Is this mistake to be made?
#[cfg(feature = "crash-points")]
pub fn sabotaged(name: &str) -> bool {
    static WANTED: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("LIENTHONG_SABOTAGE").ok());
    debug_assert!(SABOTAGES.contains(&name), "{name} is not among the mistakes");
    WANTED.as_deref() == Some(name)
}
