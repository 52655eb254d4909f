//! The lists that peers publish: the part of the configuration that is about pulling them.

use serde::Deserialize;

/// When the lists that peers publish are pulled.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogues {
    /// Whose lists; nobody's without it.
    pub peers: Vec<String>,
    /// At what time of day in Viet Nam, `HH:MM`.
    pub at: String,
    /// Up to so many minutes later, by chance, so that not all provinces ask in the same second.
    pub spread_minutes: u16,
    /// So many entries are asked for in full at a time; the rest another night.
    pub details_max: u32,
    /// What came to nothing is tried again after so many minutes.
    pub retry_minutes: u16,
}

impl Default for Catalogues {
    fn default() -> Self {
        Catalogues {
            peers: Vec::new(),
            at: "01:00".to_owned(),
            spread_minutes: 30,
            details_max: 500,
            retry_minutes: 15,
        }
    }
}

impl Catalogues {
    /// Minutes after midnight; none if `at` is no time of day.
    pub fn minute(&self) -> Option<i64> {
        let (hour, minute) = self.at.split_once(':')?;
        let number = |text: &str| (text.len() == 2).then(|| text.parse::<i64>().ok()).flatten();
        let (hour, minute) = (number(hour)?, number(minute)?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    }
}
