//! The real program as a process of its own: its log is read line by line, its limits are set from outside.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use conformance::process::{Gateway, lienthong};
use serde_json::Value;

use crate::wire::{House, until};

/// A gateway that runs by itself. Ends when dropped.
pub struct Process {
    gateway: Gateway,
    config: PathBuf,
    pub address: SocketAddr,
}

impl Process {
    /// Runs on the folder of a house whose own gateway has stopped; the house's portal stays.
    pub async fn in_place_of(house: &mut House) -> Process {
        house.stage.stop().await;
        let config = house.stage.folder().join("lienthong.toml");
        // A limit of the file size is answered with an error instead of a signal, as a full disk is.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""])
            .arg(lienthong())
            .args(["run", "-c"])
            .arg(&config);
        command.env("LIENTHONG_LOG", "debug");
        let gateway = tokio::task::block_in_place(|| Gateway::start(command));
        let address = gateway.address().expect("a gateway that is ready");
        Process { gateway, config, address }
    }

    /// The log so far. A line that is no JSON is a fault by itself.
    pub fn log(&self) -> Vec<Value> {
        let lines = self.gateway.log();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// The log so far as bytes.
    pub fn raw_log(&self) -> String {
        self.gateway.log().join("\n")
    }

    /// The first line of the log that is like this.
    pub async fn logged(&self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        until(what, async || self.log().into_iter().find(&like)).await
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.gateway.pid()
    }

    /// Lets its files grow no further than this; `unlimited` for no limit.
    pub fn limit_files(&self, bytes: &str) {
        limit_files(self.gateway.pid(), bytes);
    }

    /// What a command says beside the running gateway.
    pub fn command(&self, words: &[&str]) -> String {
        let mut command = Command::new(lienthong());
        let done = command.arg("-c").arg(&self.config).args(words).output().expect("the command runs");
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
    }
}

/// No file of this process may be longer than so many bytes any more, as on a full disk; `unlimited` lifts it.
pub fn limit_files(pid: u32, bytes: &str) {
    let done = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), &format!("--fsize={bytes}:")])
        .status()
        .expect("prlimit is installed");
    assert!(done.success());
}
