//! Where a secret is: never in the configuration itself, and one that was written there all the same is never repeated by what is said of it.

use std::path::PathBuf;

use gateway_core::adapter::Secret;
use serde::Deserialize;

/// Where a secret is.
#[derive(Debug, Clone, Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "no secret itself but where it is: give it as { file = \"…\" } or { env = \"…\" }"
)]
pub struct SecretSource {
    /// A file whose content, without white space around, is the secret.
    #[serde(default)]
    pub file: Option<PathBuf>,
    /// An environment variable.
    #[serde(default)]
    pub env: Option<String>,
}

impl SecretSource {
    /// Reads the secret; the error says what to do.
    pub fn read(&self) -> Result<Secret, String> {
        let text = match (&self.file, &self.env) {
            (Some(file), None) => std::fs::read_to_string(file).map_err(|error| {
                format!(
                    "cannot read {}: {error}; write the secret into it, readable for the service only",
                    file.display()
                )
            })?,
            (None, Some(name)) => {
                std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))?
            }
            _ => return Err("give either `file` or `env`".to_owned()),
        };
        let text = text.trim();
        if text.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(Secret::new(text)) }
    }
}
