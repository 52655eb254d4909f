//! A gateway that uses a broker, its portal, and the software that speaks to it.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use conformance::broker::Broker;
use conformance::process::{Gateway, Ground, lienthong};
use conformance::senders::{Answered, Said, Sender, WAY, open_deliveries};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use lienthong::clock::Clock;
use lienthong::simulator::{Host, Twist};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{JoinSet, block_in_place};

/// A broker that was killed takes its time, and so does a machine that does other things besides.
const LONG: Duration = Duration::from_secs(150);

/// Codes of dossiers.
pub fn codes(numbers: RangeInclusive<u32>) -> Vec<String> {
    numbers.map(|number| format!("H99.14-261123-{number:04}")).collect()
}

pub struct Place {
    pub portal: Host,
    ground: Ground,
    gateway: Option<Gateway>,
    address: watch::Sender<Option<SocketAddr>>,
}

impl Place {
    /// `portal` and `queue` are further lines of these entries.
    pub async fn open(broker: &Broker, store: &str, portal: &str, queue: &str) -> Place {
        let lines = format!("{}\n{queue}", broker.queue(store).join("\n"));
        Place::of(portal, &lines).await
    }

    /// With these lines as `[queue]`.
    pub async fn of(portal: &str, queue: &str) -> Place {
        let settings = toml::from_str("progress_list_field = \"DanhSachTienDo\"").expect("settings");
        let peer = adapters::simulator("portal", "", &settings).expect("the portal has a simulator");
        let host = Host::start(peer, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
        let portal = format!("settings.progress_list_field = \"DanhSachTienDo\"\n{portal}");
        let ground = block_in_place(|| Ground::lay(host.address(), &portal));
        ground.configure(&format!("[queue]\n{queue}\n"));
        let mut place = Place { portal: host, ground, gateway: None, address: watch::Sender::new(None) };
        place.start().await;
        place
    }

    pub async fn start(&mut self) {
        let gateway = block_in_place(|| self.ground.start(lienthong(), &[]));
        self.address.send_replace(Some(gateway.address().expect("a gateway that is ready")));
        self.gateway = Some(gateway);
    }

    /// The log of the gateway.
    pub fn log(&self) -> Vec<String> {
        self.gateway.as_ref().map(Gateway::log).unwrap_or_default()
    }

    /// What `lienthong topology --definitions` prints for it, in a file.
    pub fn definitions(&self) -> std::path::PathBuf {
        let mut command = std::process::Command::new(lienthong());
        command.args(["topology", "--definitions", "--config"]).arg(self.ground.path("lienthong.toml"));
        let output = command.output().expect("the binary can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = self.ground.path("definitions.json");
        std::fs::write(&file, output.stdout).expect("a writable folder");
        file
    }

    /// A command on its ground: its status, and what it said.
    pub fn tries(&self, args: &[&str]) -> (i32, String) {
        self.ground.tries(args)
    }

    /// Ends the gateway; its configuration is said anew with this in the place of that.
    pub fn stop_and_change(&mut self, from: &str, to: &str) {
        self.address.send_replace(None);
        self.gateway.take();
        let file = self.ground.path("lienthong.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration");
        assert!(text.contains(from), "{text}");
        std::fs::write(file, text.replace(from, to)).expect("a writable folder");
    }

    /// The file of its sealing key.
    pub fn sealing_key(&self) -> std::path::PathBuf {
        self.ground.path("sealing.key")
    }

    /// Killed, given a new sealing key, and started again.
    pub async fn change_key(&mut self) {
        self.address.send_replace(None);
        self.gateway.take();
        let (current, old) = (self.ground.path("sealing.key"), self.ground.path("old.key"));
        std::fs::rename(&current, &old).expect("a writable folder");
        let key = lienthong::store::SealKey::generate();
        std::fs::write(&current, key.to_line()).expect("a writable folder");
        let file = self.ground.path("lienthong.toml");
        let text = std::fs::read_to_string(&file).expect("the configuration");
        let with = format!("[gateway]\nold_sealing_key_files = [\"{}\"]\n", old.display());
        std::fs::write(file, text.replacen("[gateway]\n", &with, 1)).expect("a writable folder");
        self.start().await;
    }

    fn at(&self) -> SocketAddr {
        self.address.borrow().expect("a gateway that is ready")
    }

    /// Everything that is said of these dossiers, four of them at a time; each thing until it is answered.
    pub async fn say_all(&mut self, codes: &[String]) {
        let mut talking = self.begin(codes);
        while let Some(said) = talking.join_next().await {
            said.expect("a sender");
        }
    }

    /// The same, in the background.
    pub fn begin(&self, codes: &[String]) -> JoinSet<()> {
        let mut talking = JoinSet::new();
        for part in codes.chunks(codes.len().div_ceil(4)) {
            let (part, mut sender) = (part.to_vec(), Sender::new(&self.ground.key, self.address.subscribe()));
            talking.spawn(async move {
                for said in WAY.into_iter().filter(|said| *said != Said::Nonsense) {
                    for code in &part {
                        assert_eq!(sender.insist(said, code).await, Answered::Taken);
                    }
                }
            });
        }
        talking
    }

    /// The portal answers only after so many milliseconds.
    pub fn slow(&self, millis: Option<u64>) {
        self.portal.always(millis.map(Twist::Slow));
    }

    /// Waits until at least so many lanes are at the broker, confirmed and not claimed.
    pub async fn at_broker(&self, wanted: i64) {
        let database = rusqlite::Connection::open(self.ground.path("data/lienthong.db")).expect("the store");
        let sql = "SELECT count(*) FROM lane WHERE out = 'queued' AND confirmed = 1";
        self.wait("lanes at the broker", async || {
            let count: i64 = database.query_row(sql, [], |row| row.get(0)).ok()?;
            (count >= wanted).then_some(())
        })
        .await;
    }

    /// How many messages nobody could read stand in the journal, by their code.
    pub fn refused(&self, code: &str) -> i64 {
        let database = rusqlite::Connection::open(self.ground.path("data/lienthong.db")).expect("the store");
        let sql =
            "SELECT count(*) FROM message WHERE state = 'refused' AND fault_code = ?1 AND dossier IS NULL";
        database.query_row(sql, [code], |row| row.get(0)).expect("the journal")
    }

    /// How many announcements wait in the store.
    pub fn announcements(&self) -> i64 {
        let database = rusqlite::Connection::open(self.ground.path("data/lienthong.db")).expect("the store");
        database.query_row("SELECT count(*) FROM announcement", [], |row| row.get(0)).expect("a number")
    }

    /// The store's own name.
    pub fn store_id(&self) -> String {
        let database = rusqlite::Connection::open(self.ground.path("data/lienthong.db")).expect("the store");
        database
            .query_row("SELECT value FROM meta WHERE name = 'store-id'", [], |row| row.get(0))
            .expect("a name")
    }

    /// Waits for a state for as long as a broker may take.
    pub async fn wait<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            let log = || self.gateway.as_ref().map(|gateway| gateway.log().join("\n")).unwrap_or_default();
            assert!(began.elapsed() < LONG, "waited in vain for {what}; the log:\n{}", log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until nothing is left to deliver.
    pub async fn drains(&self) {
        self.wait("the end of the backlog", async || {
            (open_deliveries(self.at()).await == Some(0)).then_some(())
        })
        .await;
    }

    /// Waits until the carrier is said to be in this state.
    pub async fn carrier_is(&self, state: &str) {
        self.wait(state, async || (self.ready().await["carrier"]["state"] == *state).then_some(())).await;
    }

    /// What `/readyz` says.
    pub async fn ready(&self) -> Value {
        serde_json::from_str(&self.get("/readyz").await).expect("JSON")
    }

    /// The sum of all lines of a metric.
    pub async fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics").await;
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    async fn get(&self, path: &str) -> String {
        let client: Client<_, Full<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let url = format!("http://{}{path}", self.at()).parse().expect("an address");
        let response = client.get(url).await.expect("the gateway answers");
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8_lossy(&body).into_owned()
    }

    /// Whatever was said of these dossiers is at the portal: nothing lost, nothing twice, nothing out of order.
    pub fn judge(&self, codes: &[String]) {
        let portal = self.portal.state();
        let wanted =
            |said: fn(&Said) -> Option<&'static str>| WAY.iter().filter_map(said).collect::<Vec<_>>();
        let states = wanted(|said| if let Said::State(status) = said { Some(status) } else { None });
        let steps = wanted(|said| if let Said::Step(status) = said { Some(status) } else { None });
        let mut wrong = Vec::new();
        for code in codes {
            let statuses = portal["dossiers"][code]["statuses"].as_array().into_iter().flatten();
            let seen: Vec<&str> = statuses.filter_map(Value::as_str).collect();
            // A newer state takes the place of one that waits, so some may be left out; never the last, and none may go back.
            let places: Vec<_> =
                seen.iter().map(|seen| states.iter().position(|state| state == seen)).collect();
            if seen.last() != states.last() || !places.is_sorted() {
                wrong.push(format!("{code}: states {seen:?}"));
            }
            let entries = portal["progress"].as_array().into_iter().flatten();
            let entries = entries.filter(|entry| entry["MaHoSo"] == **code);
            let entries: Vec<&str> = entries.filter_map(|entry| entry["TrangThai"].as_str()).collect();
            if entries != steps {
                wrong.push(format!("{code}: steps {entries:?}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(portal["doubled"], 0);
    }
}
