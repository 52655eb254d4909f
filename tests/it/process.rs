//! The real program as a process of its own: its log is read line by line, its limits are set from outside.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::wire::{House, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_lienthong-tried");

/// A gateway that runs by itself. Ends when dropped.
pub struct Process {
    child: Child,
    log: Arc<Mutex<Vec<String>>>,
    config: PathBuf,
    pub address: SocketAddr,
}

impl Process {
    /// Runs on the folder of a house whose own gateway has stopped; the house's portal stays.
    pub async fn in_place_of(house: &mut House) -> Process {
        house.stage.stop().await;
        let config = house.stage.folder().join("lienthong.toml");
        // A limit of the file size is answered with an error instead of a signal, as a full disk is.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", PROGRAM, "run", "-c"])
            .arg(&config)
            .env("LIENTHONG_LOG", "debug")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("the program starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
        std::thread::spawn({
            let log = log.clone();
            move || lines.map_while(Result::ok).for_each(|line| log.lock().unwrap().push(line))
        });
        let unset = ([127, 0, 0, 1], 0).into();
        let mut process = Process { child, log, config, address: unset };
        let ready = process.logged("ready", |line| line["event"] == "ready").await;
        process.address = ready["listen"].as_str().expect("an address").parse().expect("an address");
        process
    }

    /// The log so far. A line that is no JSON is a fault by itself.
    pub fn log(&self) -> Vec<Value> {
        let lines = self.log.lock().unwrap().clone();
        lines
            .iter()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
            .collect()
    }

    /// The log so far as bytes.
    pub fn raw_log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// The first line of the log that is like this.
    pub async fn logged(&self, what: &str, like: impl Fn(&Value) -> bool) -> Value {
        until(what, async || self.log().into_iter().find(&like)).await
    }

    /// Lets its files grow no further than this; `unlimited` for no limit.
    pub fn limit_files(&self, bytes: &str) {
        let done = Command::new("prlimit")
            .args(["--pid", &self.child.id().to_string(), &format!("--fsize={bytes}:")])
            .status()
            .expect("prlimit is installed");
        assert!(done.success());
    }

    /// What a command says beside the running gateway.
    pub fn command(&self, words: &[&str]) -> String {
        command(&self.config, words)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(config: &Path, words: &[&str]) -> String {
    let done = Command::new(PROGRAM).arg("-c").arg(config).args(words).output().expect("the command runs");
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}
