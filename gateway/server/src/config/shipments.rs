//! What carriers carry for dossiers: the part of the configuration that is about it.

use serde::Deserialize;

/// What carriers carry for dossiers.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shipments {
    /// Units whose software cannot be told of shipments: the gateway reports the dossier's last step in its stead.
    pub report_directly: Vec<String>,
    /// So many days after the last that was heard of it, a shipment that has not ended is no longer asked about, and a person looks.
    pub stale_days: u16,
}

impl Default for Shipments {
    fn default() -> Self {
        Shipments { report_directly: Vec::new(), stale_days: 60 }
    }
}
