//! A real RabbitMQ of the tests' own: on free ports, in a folder of its own, killed and started again on the same data. Never one that is
//! already running, and none outlives the test that started it.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::tree;

/// A broker's start takes seconds, on a machine that does other things besides far more.
const START_MAX: Duration = Duration::from_secs(120);

/// A broker, killed when dropped.
pub struct Broker {
    folder: tempfile::TempDir,
    ports: [u16; 3],
    child: Option<Child>,
}

impl Broker {
    /// The broker that all tests of one program share; each has queues of its own there. It ends with the program.
    pub fn shared() -> &'static Broker {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| {
            let broker = Broker::start("");
            // Nobody drops what is shared, so its folder goes with the process that notices our end.
            std::fs::write(broker.path("leave-nothing"), "").expect("a writable folder");
            broker
        })
    }

    /// Starts one with these further lines of configuration.
    pub fn start(more: &str) -> Broker {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("more.conf"), more).expect("a writable folder");
        // Once, and not for each gateway: while a file is written anew it is empty, and another gateway may be reading it.
        std::fs::write(folder.path().join("password"), "guest").expect("a writable folder");
        // Held together, so that they differ; free again before the broker takes them.
        let free = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let ports = free.map(|listener| listener.local_addr().expect("its address").port());
        let mut broker = Broker { folder, ports, child: None };
        broker.restart();
        broker
    }

    /// A file of its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// Where clients connect.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}", self.port())
    }

    /// Lines of `[queue]` for a gateway that uses it, under this name.
    pub fn queue(&self, store: &str) -> Vec<String> {
        let password = self.path("password");
        vec![
            "carrier = \"rabbitmq\"".to_owned(),
            format!("store = \"{store}\""),
            format!("port = {}", self.port()),
            "user = \"guest\"".to_owned(),
            format!("password = {{ file = \"{}\" }}", password.display()),
        ]
    }

    /// Starts it again on the same data and waits until it can be spoken to.
    pub fn restart(&mut self) {
        self.kill();
        let child = self
            .script()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ops/broker can be started");
        self.child = Some(child);
        let began = Instant::now();
        let address = SocketAddr::from(([127, 0, 0, 1], self.port()));
        while TcpStream::connect(address).is_err() {
            assert!(
                began.elapsed() < START_MAX,
                "no broker: {}",
                std::fs::read_to_string(self.path("log/console.log")).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL, by the number it wrote down itself.
    #[allow(unsafe_code)] // There is no safe way to send a signal.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let pid = std::fs::read_to_string(self.path("pid")).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid {
            // SAFETY: no memory is touched; the process is the one that this broker started and that has not been waited for.
            unsafe { libc::kill(pid, libc::SIGKILL) };
        }
        // The script notices that its input has ended, and takes everything of it along.
        drop(child.stdin.take());
        let _ = child.wait();
    }

    /// Runs `rabbitmqctl` against it; must end well.
    pub fn ctl(&self, args: &[&str]) -> String {
        let Output { status, stdout, stderr } =
            self.script().arg("ctl").args(args).output().expect("rabbitmqctl can be started");
        assert!(status.success(), "{args:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8_lossy(&stdout).into_owned()
    }

    fn script(&self) -> Command {
        let mut command = Command::new(tree().join("ops/broker"));
        command.arg(self.folder.path()).args(self.ports.map(|port| port.to_string()));
        command
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
