//! A RabbitMQ of the proof's own, from Debian's package: on free ports, in the proof's folder, killed and started again on the same data.
//!
//! It is run by the same script that `ops/broker` is, so that a proof tries what an operator would start.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("../../../../ops/broker");
/// A broker that cannot be spoken to after so long never will be.
const START_MAX: Duration = Duration::from_secs(90);

/// The broker; ends when dropped.
pub struct Broker {
    folder: PathBuf,
    ports: [u16; 3],
    child: Option<Child>,
}

impl Broker {
    /// Starts it and waits until it can be spoken to.
    pub fn start(folder: &Path) -> Result<Broker, String> {
        let why = |error: io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(folder).map_err(why)?;
        fs::write(folder.join("broker"), SCRIPT).map_err(why)?;
        fs::write(folder.join("password"), "guest").map_err(why)?;
        // Held together, so that they differ; free again before the broker takes them.
        let free =
            [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()));
        let mut ports = [0; 3];
        for (port, address) in ports.iter_mut().zip(free) {
            *port = address.map_err(why)?.port();
        }
        let mut broker = Broker { folder: folder.to_owned(), ports, child: None };
        broker.begin().map_err(why)?;
        let (began, address) = (Instant::now(), SocketAddr::from(([127, 0, 0, 1], ports[0])));
        while TcpStream::connect(address).is_err() {
            let ended = broker.child.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
            if ended || began.elapsed() > START_MAX {
                let said = fs::read_to_string(folder.join("said")).unwrap_or_default();
                return Err(format!(
                    "the broker does not start (Debian: apt-get install rabbitmq-server): {said}"
                ));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(broker)
    }

    /// What a gateway's configuration says of it.
    pub fn configuration(&self) -> String {
        format!(
            "[queue]\ncarrier = \"rabbitmq\"\nstore = \"proof\"\ndoor = true\nport = {}\nuser = \"guest\"\npassword = {{ file = \"{}\" }}\n",
            self.ports[0],
            self.folder.join("password").display()
        )
    }

    /// Where it is, for a client of one's own.
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.ports[0])
    }

    /// SIGKILL, and a new one on the same data, which takes seconds: nobody waits for it.
    pub fn kill_and_begin_again(&mut self) -> io::Result<()> {
        self.kill();
        self.begin()
    }

    fn begin(&mut self) -> io::Result<()> {
        let said = fs::File::create(self.folder.join("said"))?;
        let mut command = Command::new("bash");
        command
            .arg(self.folder.join("broker"))
            .arg(&self.folder)
            .args(self.ports.map(|port| port.to_string()));
        self.child = Some(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(said).spawn()?);
        Ok(())
    }

    /// The script kills its broker as soon as its input ends.
    fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(child.stdin.take());
        let _ = child.wait();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}
