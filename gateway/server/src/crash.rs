//! Named points at which a test may end the process, as a power cut would: without unwinding and without flushing.
//!
//! `LIENTHONG_CRASH_AT=after-commit:3` aborts at the third pass of `after-commit`. Compiled only with the cargo feature
//! `crash-points`; without it [`point`] is empty and no released binary reads the variable.

/// Passes a named point.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub fn point(_name: &str) {}

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
    if let Some(wanted) = WANTED.as_ref()
        && wanted.name == name
        && wanted.seen.fetch_add(1, Ordering::SeqCst) + 1 == wanted.pass
    {
        std::process::abort();
    }
}
