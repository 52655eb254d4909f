//! The gateway as a process of its own, in a folder of its own: started, killed, started again on the same store.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Instant;

use serde_json::Value;

use crate::tree;
pub use crate::waiting::PATIENCE;
use crate::waiting::wait_for;

/// The agency of all tests.
pub const UNIT: &str = "000.00.00.H99";

/// The program as it is, from its own source. Cargo has built it before it runs a test of this package.
pub fn lienthong() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        let test = std::env::current_exe().expect("a test knows itself");
        test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join("lienthong-tried")
    })
}

/// The same with its crash points.
pub fn lienthong_that_dies() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let what = ["-p", "conformance", "--features", "crash-points", "--bin", "lienthong-that-dies"];
        build(&what, "lienthong-that-dies")
    })
}

/// Builds beside the tests, with what was compiled for them already; nothing is fetched.
fn build(what: &[&str], name: &str) -> PathBuf {
    let target = std::env::current_exe().expect("a test knows itself");
    let target = target.ancestors().nth(3).expect("target/<profile>/deps/<test>");
    let mut cargo = Command::new(env!("CARGO"));
    // What cargo tells this test about itself would make build scripts run anew, and half the tree with them.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_") && name != "CARGO_HOME") {
        cargo.env_remove(name);
    }
    let status = cargo
        .args(["build", "--quiet", "--offline"])
        .args(what)
        .arg("--target-dir")
        .arg(target)
        .current_dir(tree())
        .status()
        .expect("cargo can be started");
    assert!(status.success(), "{name} cannot be built");
    target.join("debug").join(name)
}

/// A folder with configuration, keys and store, and the portal it speaks to.
pub struct Ground {
    folder: tempfile::TempDir,
    /// The key of the peer `relay`.
    pub key: String,
}

impl Ground {
    /// Lays it out with the commands an administrator uses. `portal` are further lines of the portal's entry.
    pub fn lay(portal_at: SocketAddr, portal: &str) -> Ground {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().display().to_string();
        let ground = Ground { folder, key: String::new() };
        ground.command(&["init", "--folder", &path]);
        std::fs::write(ground.path("portal.password"), "mat-khau-thu").expect("a writable folder");
        let text = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\ndata = \"{path}/data\"\nsealing_key_file = \"{path}/sealing.key\"\noverlay = \"{path}\"\n\
             [peers.relay]\nadapter = \"onestop\"\ndialect = \"relay\"\nunit = \"{UNIT}\"\n\
             [peers.portal]\nadapter = \"portal\"\nendpoints.portal = \"http://{portal_at}\"\nanswer_ms_max = 5000\n\
             keys.password = {{ file = \"{path}/portal.password\" }}\nsettings.username = \"tichhop.h99.example\"\n\
             settings.unit = \"{UNIT}\"\n{portal}\n"
        );
        std::fs::write(ground.path("lienthong.toml"), text).expect("a writable folder");
        Ground { key: ground.add_key(&["relay"]), ..ground }
    }

    /// The key that `keys add` makes with these arguments.
    pub fn add_key(&self, args: &[&str]) -> String {
        let made = self.command(&[&["keys", "add", "--json"], args].concat());
        let made: Value = serde_json::from_str(&made).expect("`keys add --json` speaks JSON");
        made["key"].as_str().expect("a key").to_owned()
    }

    /// A file of this ground.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds to its configuration; `{folder}` is the ground's.
    pub fn configure(&self, more: &str) {
        let file = self.path("lienthong.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration");
        let more = more.replace("{folder}", &self.folder.path().display().to_string());
        std::fs::write(file, format!("{text}\n{more}")).expect("a writable folder");
    }

    /// Runs a command on this ground and gives what it said; it must end well.
    pub fn command(&self, args: &[&str]) -> String {
        let output = Command::new(lienthong())
            .arg("--config")
            .arg(self.path("lienthong.toml"))
            .args(args)
            .output()
            .expect("the binary can be started");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{args:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    /// The same where it may end otherwise: with which status, and what it said on both outputs.
    pub fn tries(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(lienthong());
        command.arg("--config").arg(self.path("lienthong.toml")).args(args).env("LIENTHONG_LANG", "en");
        let output = command.output().expect("the binary can be started");
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        (output.status.code().unwrap_or(-1), said)
    }

    /// Starts a gateway here and waits until it is ready.
    pub fn start(&self, binary: &Path, environment: &[(&str, &str)]) -> Gateway {
        let mut command = Command::new(binary);
        command.arg("--config").arg(self.path("lienthong.toml")).arg("run");
        command.env("LIENTHONG_LOG", "info").envs(environment.iter().copied());
        Gateway::start(command)
    }

    /// Starts it under another program (a tracer), which gets the gateway's command line as its last arguments.
    pub fn start_under(&self, mut tracer: Command, binary: &Path) -> Gateway {
        tracer.arg(binary).arg("--config").arg(self.path("lienthong.toml")).arg("run");
        tracer.env("LIENTHONG_LOG", "info");
        Gateway::start(tracer)
    }
}

/// A running gateway. Killed when dropped.
pub struct Gateway {
    child: Child,
    address: Option<SocketAddr>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Gateway {
    /// Starts this command and waits until the gateway is ready, or has ended before it was.
    pub fn start(mut command: Command) -> Gateway {
        without_core_images();
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary can be started");
        let stderr = child.stderr.take().expect("stderr is piped");
        let log = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = mpsc::channel();
        // Read to its end, or the gateway would block on a full pipe.
        std::thread::spawn({
            let log = log.clone();
            move || {
                for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                    log.lock().expect("nobody panics with it").push(line.clone());
                    // After readiness nobody listens any more.
                    let _ = tell.send(line);
                }
            }
        });
        let mut gateway = Gateway { child, address: None, log };
        let until = Instant::now() + PATIENCE;
        // A crash point may lie before readiness: then it never becomes ready and its log ends.
        while let Ok(line) = told.recv_timeout(until.saturating_duration_since(Instant::now())) {
            let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
            if event["event"] == "ready" {
                gateway.address = event["listen"].as_str().and_then(|address| address.parse().ok());
                break;
            }
        }
        gateway
    }

    /// The lines of its log so far.
    pub fn log(&self) -> Vec<String> {
        self.log.lock().expect("nobody panics with it").clone()
    }

    /// The same, also once it has ended.
    pub fn log_kept(&self) -> impl Fn() -> Vec<String> + use<> {
        let log = self.log.clone();
        move || log.lock().expect("nobody panics with it").clone()
    }

    /// Where it listens; none if it ended before it was ready.
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and waits for its own end.
    pub fn stop(mut self) -> ExitStatus {
        terminate(self.pid());
        wait_for("the gateway to stop", || self.ended())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process that dies on purpose leaves no image of its memory: writing one takes seconds, and sealed data would lie open in it.
#[allow(unsafe_code)] // There is no safe way to set a limit.
fn without_core_images() {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a value on this stack, read during the call only.
    unsafe { libc::setrlimit(libc::RLIMIT_CORE, &none) };
}

/// Asks a process of ours to end.
#[allow(unsafe_code)] // There is no safe way to send a signal.
pub fn terminate(pid: u32) {
    // SAFETY: no memory is touched; the process is a child of this test and not yet waited for.
    unsafe { libc::kill(pid as libc::pid_t, libc::SIGTERM) };
}
