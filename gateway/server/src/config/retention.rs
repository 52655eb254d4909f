//! How long things are kept: the part of the configuration that is about it.

use gateway_core::pipeline::retention::{DAY_MS, Terms};
use serde::Deserialize;

/// How long things are kept. Nothing that waits goes, whatever stands here.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Bodies, transcripts and files, after the dossier's end.
    pub bodies_days: u32,
    /// The same of a dossier that never ended, after the last that happened to it.
    pub bodies_unended_days: u32,
    /// What happened, without what was said.
    pub timeline_days: u32,
    /// Callers' keys, and digests by which repeats are known.
    pub keys_days: u32,
    /// The audit trail, in whole months.
    pub audit_months: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            bodies_days: 90,
            bodies_unended_days: 400,
            timeline_days: 1826,
            keys_days: 400,
            audit_months: 24,
        }
    }
}

impl Retention {
    /// As the core counts them.
    pub fn terms(&self) -> Terms {
        let ms = |days: u32| i64::from(days) * DAY_MS;
        Terms {
            bodies_ms: ms(self.bodies_days),
            unended_ms: ms(self.bodies_unended_days),
            rows_ms: ms(self.timeline_days),
            keys_ms: ms(self.keys_days),
        }
    }

    pub(super) fn numbers(&self) -> [(&'static str, u64, (u64, u64)); 5] {
        const CENTURY: u64 = 36_525;
        [
            ("retention.bodies_days", self.bodies_days.into(), (1, CENTURY)),
            ("retention.bodies_unended_days", self.bodies_unended_days.into(), (1, CENTURY)),
            ("retention.timeline_days", self.timeline_days.into(), (1, CENTURY)),
            ("retention.keys_days", self.keys_days.into(), (1, CENTURY)),
            ("retention.audit_months", self.audit_months.into(), (1, CENTURY / 30)),
        ]
    }
}
