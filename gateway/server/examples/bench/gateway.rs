//! The released binary in a process of its own, and a client that costs as little as a client can.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Plan;

pub const UNIT: &str = "000.00.00.H99";
/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(60);

/// A folder with configuration, sealing key, caller's key and store.
pub struct Home {
    binary: PathBuf,
    pub folder: PathBuf,
    pub address: SocketAddr,
    pub key: String,
    portal: SocketAddr,
}

impl Home {
    /// Makes one the way an operator does: `init`, a configuration, `keys add`.
    pub fn make(plan: &Plan, name: &str, portal: SocketAddr) -> Home {
        let folder = plan.folder.join(name);
        let address = free_address();
        let shown = folder.display();
        run(Command::new(&plan.binary).args(["init", "--folder"]).arg(&folder));
        let config = format!(
            "[gateway]\nlisten = \"{address}\"\ndata = \"{shown}/data\"\nsealing_key_file = \"{shown}/sealing.key\"\n\
             overlay = \"{shown}\"\n\
             [peers.mot-cua]\nadapter = \"onestop\"\ndialect = \"relay\"\nunit = \"{UNIT}\"\n\
             [peers.mot-cua-xml]\nadapter = \"onestop\"\ndialect = \"xml\"\nunit = \"{UNIT}\"\n\
             [peers.portal]\nadapter = \"portal\"\nendpoints = {{ portal = \"http://{portal}\" }}\n\
             concurrency_max = 16\n\
             [peers.portal.settings]\nusername = \"thu.h99.example\"\nunit = \"{UNIT}\"\n\
             [peers.portal.keys]\npassword = {{ env = \"LIENTHONG_PORTAL_PASSWORD\" }}\n"
        );
        std::fs::write(folder.join("lienthong.toml"), config).expect("the folder takes files");
        let home = Home { binary: plan.binary.clone(), folder, address, key: String::new(), portal };
        let made = run(home.command().args(["--json", "keys", "add", "mot-cua"]));
        let made: Value = serde_json::from_slice(&made).expect("`keys add --json` prints JSON");
        Home { key: made["key"].as_str().expect("a key").to_owned(), ..home }
    }

    /// More lines at the end of the configuration.
    pub fn configure(&self, further: &str) {
        let path = self.folder.join("lienthong.toml");
        let config = std::fs::read_to_string(&path).expect("a configuration");
        std::fs::write(&path, config + further).expect("the folder takes files");
    }

    /// The portal bears so many calls at once.
    pub fn bears(&self, calls: usize) {
        let path = self.folder.join("lienthong.toml");
        let config = std::fs::read_to_string(&path).expect("a configuration");
        let config = config.replace("concurrency_max = 16", &format!("concurrency_max = {calls}"));
        std::fs::write(&path, config).expect("the folder takes files");
    }

    /// Where its portal is called.
    pub fn portal_address(&self) -> SocketAddr {
        self.portal
    }

    /// More lines in the portal's entry.
    pub fn portal(&self, lines: &str) {
        let path = self.folder.join("lienthong.toml");
        let config = std::fs::read_to_string(&path).expect("a configuration");
        let config = config.replace("concurrency_max = 16\n", &format!("concurrency_max = 16\n{lines}"));
        std::fs::write(&path, config).expect("the folder takes files");
    }

    /// A file in the place of one that the binary carries.
    pub fn overlay(&self, place: &str, text: &str) {
        let path = self.folder.join(place);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder"))
            .expect("the folder takes folders");
        std::fs::write(path, text).expect("the folder takes files");
    }

    /// A key of this peer takes the place of the first one.
    pub fn key_of(&mut self, peer: &str) {
        let made = run(self.command().args(["--json", "keys", "add", peer]));
        let made: Value = serde_json::from_slice(&made).expect("`keys add --json` prints JSON");
        self.key = made["key"].as_str().expect("a key").to_owned();
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg("--config").arg(self.folder.join("lienthong.toml"));
        command.env("LIENTHONG_PORTAL_PASSWORD", "thu");
        command
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// Starts it; comes back when `/readyz` says so, with the time from the start of the process.
    pub fn start(&self) -> (Process, Duration) {
        self.ready(self.command().arg("run"))
    }

    /// The same gateway in this program, whose portal is answered in its own process.
    pub fn start_answered(&self) -> (Process, Duration) {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.arg("answered").arg(self.folder.join("lienthong.toml"));
        command.env("LIENTHONG_PORTAL_PASSWORD", "thu");
        self.ready(&mut command)
    }

    fn ready(&self, command: &mut Command) -> (Process, Duration) {
        let log = File::options().create(true).append(true).open(self.log()).expect("the folder takes files");
        let began = Instant::now();
        let child = command.stderr(log).spawn().expect("the binary starts");
        let process = Process(child);
        while !is_ready(self.address) {
            assert!(began.elapsed() < START_MAX, "not ready, see {}", self.log().display());
            std::thread::sleep(Duration::from_micros(500));
        }
        (process, began.elapsed())
    }

    /// The wire text of a call with a dossier, to be numbered.
    pub fn call(&self, dossiers: &Dossiers) -> Call {
        let body = format!("[{}]", dossiers.text(0));
        let text = format!(
            "POST /api/DongBoHoSoMC?MaDinhDanhDV={UNIT}&isUpdating=False HTTP/1.1\r\nHost: gateway\r\nX-Api-Key: {}\r\n\
             X-Correlation-Id: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.key,
            correlation(0),
            body.len()
        );
        let place = |part: &str| text.find(part).expect("it is in the text");
        let (correlation, code) = (place(&correlation(0)), place(&Dossiers::code(0)));
        Call { correlation, code, bytes: text.into_bytes() }
    }
}

fn correlation(number: u64) -> String {
    format!("bench-{number:010}")
}

/// One call's bytes, made once: only the number changes, because what the client does costs the gateway its cores.
pub struct Call {
    bytes: Vec<u8>,
    correlation: usize,
    code: usize,
}

impl Call {
    /// The bytes of the call with this number.
    pub fn numbered(&mut self, number: u64) -> &[u8] {
        for (place, text) in [(self.correlation, correlation(number)), (self.code, Dossiers::code(number))] {
            self.bytes[place..place + text.len()].copy_from_slice(text.as_bytes());
        }
        &self.bytes
    }
}

/// A child of ours; ends with us.
pub struct Process(Child);

impl Process {
    /// `VmRSS`, `VmHWM`, in megabytes.
    pub fn memory(&self, what: &str) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap_or_default();
        let kb: f64 = line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(f64::NAN);
        kb / 1024.0
    }

    /// Its peak is counted from now on.
    pub fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.0.id()), "5").expect("our own child");
    }

    /// The processor time it has taken so far, on all cores.
    pub fn cpu(&self) -> Duration {
        cpu(&self.0.id().to_string())
    }

    /// Asks it to end, as a service manager does, and waits.
    pub fn stop(mut self) {
        run(Command::new("kill").arg(self.0.id().to_string()));
        let _ = self.0.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The processor time that a process (`self` for this one) has taken, in the kernel and outside of it.
pub fn cpu(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in the second field may hold anything, so counting begins behind it.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The portal's simulator in a process of its own.
pub fn simulate(plan: &Plan, address: SocketAddr) -> Process {
    let mut command = Command::new(&plan.binary);
    command.args(["simulate", "portal", "--listen", &address.to_string()]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the simulator starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output is ours");
    BufReader::new(out).read_line(&mut line).expect("it says where it listens");
    Process(child)
}

/// A loopback address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

fn run(command: &mut Command) -> Vec<u8> {
    let output = command.stderr(Stdio::inherit()).output().expect("the binary starts");
    assert!(output.status.success(), "{command:?}");
    output.stdout
}

fn is_ready(address: SocketAddr) -> bool {
    get(address, "/readyz").is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

/// One GET on a connection of its own.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A dossier of about 1 KB in the relay's JSON, with a code of its own for each number.
pub struct Dossiers {
    before: String,
    after: String,
}

impl Dossiers {
    pub fn new(document: &[u8]) -> Dossiers {
        let mut document: Value = serde_json::from_slice(document).expect("our own dossier");
        document["MaHoSo"] = json!("<code>");
        let text = document.to_string();
        let (before, after) = text.split_once("<code>").expect("the code is in it");
        Dossiers { before: before.to_owned(), after: after.to_owned() }
    }

    pub fn code(number: u64) -> String {
        let (day, number) = (number / 10_000, number % 10_000);
        format!("H99.14-{:02}{:02}{:02}-{number:04}", 20 + day / 336, day / 28 % 12 + 1, day % 28 + 1)
    }

    pub fn text(&self, number: u64) -> String {
        [&self.before, Dossiers::code(number).as_str(), &self.after].concat()
    }
}
