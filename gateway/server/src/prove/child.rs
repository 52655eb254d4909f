//! The gateway as a process of its own: the same program, started on a folder, killed without warning.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_json::Value;
use tokio::sync::watch;

/// A gateway that runs. Killed when dropped.
pub struct Life {
    child: Child,
    began: Instant,
    told: watch::Receiver<Told>,
}

/// What its log has told so far.
#[derive(Debug, Clone, Default)]
struct Told {
    /// Where it listens, and how many milliseconds after its start it said so.
    ready: Option<(SocketAddr, u64)>,
    last_line: String,
}

impl Life {
    /// Starts this very program as a gateway on that configuration.
    pub fn start(config: &Path) -> std::io::Result<Life> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("--config")
            .arg(config)
            .arg("run")
            .env("LIENTHONG_LOG", "info")
            .env_remove("LIENTHONG_CONFIG");
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let (tell, told) = watch::channel(Told::default());
        if let Some(stderr) = child.stderr.take() {
            // Read to its end, or the gateway would block on a full pipe.
            std::thread::spawn(move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    tell.send_modify(|told| told.hear(line, began));
                }
            });
        }
        Ok(Life { child, began, told })
    }

    /// When its process began.
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Waits until it is ready, and says where and after how many milliseconds; none if it ended before.
    pub async fn ready(&mut self) -> Option<(SocketAddr, u64)> {
        self.told.wait_for(|told| told.ready.is_some()).await.ok()?.ready
    }

    /// The last line of its log if it has ended by itself.
    pub fn ended(&mut self) -> Option<String> {
        let ended = self.child.try_wait().ok().flatten()?;
        Some(format!("{ended}: {}", self.told.borrow().last_line))
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Told {
    fn hear(&mut self, line: String, began: Instant) {
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event["event"] == "ready" {
            let address = event["listen"].as_str().and_then(|address| address.parse().ok());
            self.ready = address.map(|address| (address, began.elapsed().as_millis() as u64));
        }
        self.last_line = line;
    }
}
