//! Files that are read again while the gateway runs: certificates and keys, which are renewed more often than a gateway is restarted.
//!
//! At most once a second somebody who needs the value looks whether a file has changed. What does not load leaves the old value
//! in place and is said once in the log; it is tried again until it loads, because a certificate and its key are two
//! files and one of them always comes first. A restart reads everything anew, and what does not load then is a defect.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Looked at no more often than this.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// A value made of files.
pub struct Watched<T> {
    what: &'static str,
    files: Vec<PathBuf>,
    load: Load<T>,
    kept: Mutex<Kept<T>>,
}

type Load<T> = Box<dyn Fn() -> Result<T, String> + Send + Sync>;
type Stamps = Vec<Option<(SystemTime, u64)>>;

struct Kept<T> {
    value: Arc<T>,
    version: u64,
    stamps: Stamps,
    looked: Instant,
    said: Option<String>,
    failing: Option<Instant>,
}

impl<T> Watched<T> {
    /// Loads the value; `what` names it in the log.
    pub fn new(
        what: &'static str,
        files: Vec<PathBuf>,
        load: impl Fn() -> Result<T, String> + Send + Sync + 'static,
    ) -> Result<Self, String> {
        // Before the value: a change while it is loaded is seen at the next look.
        let stamps = stamps(&files);
        let kept = Kept {
            value: Arc::new(load()?),
            version: 0,
            stamps,
            looked: Instant::now(),
            said: None,
            failing: None,
        };
        Ok(Watched { what, files, load: Box::new(load), kept: Mutex::new(kept) })
    }

    /// The value as it is now, and a number that changes with it.
    pub fn get(&self) -> (u64, Arc<T>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.looked.elapsed() >= LOOKED_EVERY {
            kept.looked = Instant::now();
            self.look(&mut kept);
        }
        (kept.version, kept.value.clone())
    }

    /// For how long the files as they are now could not be loaded; none if they are.
    pub fn failing_for(&self) -> Option<Duration> {
        self.get();
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.failing.map(|since| since.elapsed())
    }

    fn look(&self, kept: &mut Kept<T>) {
        let stamps = stamps(&self.files);
        if stamps == kept.stamps {
            // Also where what did not load is gone, and the files that the value was made of are back.
            (kept.said, kept.failing) = (None, None);
            return;
        }
        match (self.load)() {
            Ok(value) => {
                *kept = Kept {
                    value: Arc::new(value),
                    version: kept.version + 1,
                    stamps,
                    looked: kept.looked,
                    said: None,
                    failing: None,
                };
                tracing::info!(event = "reloaded", what = self.what);
            }
            Err(error) if kept.said.as_ref() != Some(&error) => {
                tracing::warn!(event = "not-reloaded", what = self.what, %error);
                kept.said = Some(error);
                kept.failing.get_or_insert_with(Instant::now);
            }
            Err(_) => {}
        }
    }
}

fn stamps(files: &[PathBuf]) -> Stamps {
    let stamp = |path: &PathBuf| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    files.iter().map(stamp).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_back_as_they_were_fail_no_longer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "good").unwrap();
        let stamp = std::fs::metadata(&path).unwrap().modified().unwrap();
        let load = {
            let path = path.clone();
            move || match std::fs::read_to_string(&path).unwrap_or_default() {
                text if text == "good" => Ok(text),
                text => Err(format!("`{text}`")),
            }
        };
        let watched = Watched::new("a key", vec![path.clone()], load).unwrap();
        let look = || watched.look(&mut watched.kept.lock().unwrap());
        std::fs::write(&path, "half of it").unwrap();
        look();
        assert!(watched.failing_for().is_some() && *watched.get().1 == "good");
        // As `cp -p` from a copy leaves it.
        std::fs::write(&path, "good").unwrap();
        std::fs::File::options().write(true).open(&path).unwrap().set_modified(stamp).unwrap();
        look();
        assert!(watched.failing_for().is_none());
    }
}
