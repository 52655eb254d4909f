//! What carriers carry for dossiers: the part of the configuration that is about it.

use serde::Deserialize;

/// What carriers carry for dossiers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shipments {
    /// Units whose software cannot be told of shipments: the gateway reports the dossier's last step in its stead.
    pub report_directly: Vec<String>,
}
