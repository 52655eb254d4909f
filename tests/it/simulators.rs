//! Simulators as a vendor uses them: from the command line, directed by a script and while they run, calling whoever they are told to.

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use conformance::process::{Ground, UNIT, lienthong, terminate};
use conformance::{documents, tree};
use gateway_core::adapter::{Answer, Ask, Simulator};
use gateway_core::ids::Moment;
use lienthong::clock::Clock;
use lienthong::simulator::{Host, Twist};
use serde_json::{Value, json};

use crate::wire::{Heard, ask, call, until};

/// `lienthong simulate …`, running.
struct Simulated {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Simulated {
    /// With a script, in a folder of its own.
    fn start(args: &[&str], script: &str) -> Simulated {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("kich-ban.txt"), script).expect("a writable folder");
        let mut command = Command::new(lienthong());
        command.arg("simulate").args(args).arg("--script").arg(folder.path().join("kich-ban.txt"));
        Simulated::of(command, folder)
    }

    fn of(mut command: Command, folder: tempfile::TempDir) -> Simulated {
        let errors = std::fs::File::create(folder.path().join("stderr")).expect("a writable folder");
        command.env("LIENTHONG_LANG", "en").stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("it can be started");
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().expect("its output"));
        said.read_line(&mut line).expect("it speaks");
        let address = line.trim().strip_prefix("http://").and_then(|address| address.parse().ok());
        let errors = || std::fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
        let address = address.unwrap_or_else(|| panic!("{command:?}: «{line}» {}", errors()));
        // Read to its end by nobody: what it says last fits into the pipe.
        child.stdout = Some(said.into_inner());
        Simulated { child, address, folder }
    }

    fn errors(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).expect("a file")
    }

    async fn post(&self, path: &str, body: &str) -> Heard {
        ask(self.address, &call("POST", path, &[], body.as_bytes())).await.expect("an answer")
    }

    async fn state(&self) -> Value {
        ask(self.address, &call("GET", "/_simulator/state", &[], b"")).await.expect("an answer").json()
    }

    fn stop(mut self) {
        terminate(self.child.id());
        assert!(self.child.wait().expect("it ends").success(), "{}", self.errors());
    }
}

/// Not by [`terminate`] alone: a test that fails leaves nothing running.
impl Drop for Simulated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_is_directed_by_a_script_and_by_http() {
    let script = "# away once\nanswers 503\nafter 10ms\nnudge expire-tokens\n";
    let args = ["population", "--listen", "127.0.0.1:0", "--set", "profile = \"p2\""];
    let database = Simulated::start(&args, script);
    assert_eq!(database.post("/token", "").await.status, 503, "as the script says");
    assert!(database.state().await["calls"].is_u64());
    let wrong = database.post("/_simulator", "always nothing\nanswers 500").await;
    assert!(wrong.status == 400 && wrong.text().contains("there is no twist"), "{wrong:?}");
    assert_eq!(database.post("/token", "").await.status, 500, "as it was told");
    database.stop();
}

/// Whoever is called: it takes everything.
struct Ear;

impl Simulator for Ear {
    fn respond(&mut self, _: &Ask, _: Moment) -> Answer {
        Answer::json(200, &json!({}))
    }

    fn state(&self) -> Value {
        json!({ "calls": 0 })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn carriers_call_whoever_they_are_told_to_and_again_if_they_are_not_heard() {
    for (carrier, code) in [("ems", "4"), ("myvnpost", "10"), ("legacy", "delivered")] {
        let loopback = ([127, 0, 0, 1], 0).into();
        let ear = Host::start(Box::new(Ear), loopback, Clock::system()).await.expect("a port");
        ear.script([Twist::Status(503), Twist::LostBefore]);
        let to = format!("http://{}/hooks/", ear.address());
        let peer = format!("postal/{carrier}");
        let args = [peer.as_str(), "--listen", "127.0.0.1:0", "--webhooks-to", &to];
        let post = Simulated::start(&args, &format!("nudge unknown-item {code}\n"));
        until("the third call", async || (ear.calls() == 3).then_some(())).await;
        let calls = ear.heard();
        assert_eq!(
            (calls[0].method.as_str(), calls[0].path.as_str()),
            ("POST", &*format!("/hooks/postal/{carrier}"))
        );
        assert!(!calls[0].body.bytes.is_empty() && calls[0].header("content-type").is_some(), "{carrier}");
        assert_eq!(calls[0].body.bytes, calls[2].body.bytes, "{carrier}: the same call");
        let errors = post.errors();
        let said: Vec<&str> = errors.lines().collect();
        let line =
            |why: &str, number: u32| format!("POST /postal/{carrier} was not taken: {why} ({number}/5)");
        assert_eq!(said, [line("HTTP 503", 1), line("no answer", 2)]);
        assert_eq!(post.state().await["waiting"], 0, "{carrier}");
        post.stop();
    }
    let refused = Command::new(lienthong())
        .args(["--lang", "en", "simulate", "postal/ems", "--webhooks-to", "https://127.0.0.1/x"])
        .output()
        .expect("it can be started");
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}

/// A port that nobody has at this moment: gateway and simulator must each know where the other one is before it starts.
fn free() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_carrier_calls_the_gateway_by_its_secret_path() {
    let at = free();
    let further = format!(
        "[peers.desk]\nadapter = \"postal\"\ndialect = \"desk\"\nunit = \"{UNIT}\"\nreceives = [\"dossier-progressed\"]\n\
         [peers.ems]\nadapter = \"postal\"\ndialect = \"ems\"\nendpoints.post = \"http://{at}\"\nsettings.service = \"1\"\n\
         keys.merchant_token = {{ env = \"EMS_TOKEN\" }}\ndoor.accepts = [\"path\"]\n"
    );
    let ground = Ground::lay(([127, 0, 0, 1], 9).into(), &further);
    let segment = ground.add_key(&["ems", "--path"]);
    let desk = ground.add_key(&["desk"]);
    let gateway = ground.start(lienthong(), &[("EMS_TOKEN", "the-bai-thu")]);
    let gate = gateway.address().expect("it listens");
    let (listen, to) = (at.to_string(), format!("http://{gate}/h/{segment}"));
    let set = "merchant_token = \"the-bai-thu\"";
    let args = ["postal/ems", "--listen", &listen, "--set", set, "--webhooks-to", &to];
    let post = Simulated::start(&args, "");
    let headers = [("x-api-key", desk.as_str()), ("content-type", "application/json")];
    let order = call("POST", "/api/postal/orders", &headers, documents()["order.json"].as_bytes());
    assert_eq!(ask(gate, &order).await.expect("an answer").status, 202);
    until("the order", async || (post.state().await["orders"] == 1).then_some(())).await;
    assert_eq!(post.post("/_simulator", "nudge advance H99.07-261001-0042/R1 4").await.status, 200);
    let told = || ground.command(&["timeline", "H99.07-261001-0042", "--all", "--lang", "en"]);
    until("what the carrier says", async || told().contains("shipment 1, in transit").then_some(())).await;
    assert_eq!(post.errors(), "");
    assert!(!gateway.log().join("\n").contains(&segment), "the secret path stands in the log");
    post.stop();
}

/// The commands of `ops/simulators.md`, each on a free port; and every nudge that the page names is known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_page_of_the_simulators_says_starts() {
    let page = std::fs::read_to_string(tree().join("ops/simulators.md")).expect("the page");
    let blocks = page.split("```").skip(1).step_by(2);
    let commands: Vec<String> = blocks
        .flat_map(|block| {
            block.replace("\\\n", " ").lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>()
        })
        .filter_map(|line| Some(line.strip_prefix("lienthong simulate ")?.to_owned()))
        .collect();
    let mut families = std::collections::BTreeSet::new();
    for command in &commands {
        let (listen, rest) = command.split_once("--listen ").expect("it says where it listens");
        let rest = rest.split_once(' ').map_or("", |(_, rest)| rest);
        let script = tree().join("ops/demo");
        let typed = format!("exec {} simulate {listen} --listen 127.0.0.1:0 {rest}", lienthong().display());
        let mut shell = Command::new("sh");
        shell.current_dir(script).args(["-c", &typed]);
        let simulated = Simulated::of(shell, tempfile::tempdir().expect("a folder"));
        assert!(simulated.state().await["calls"].is_u64(), "{command}");
        let family = command.split_whitespace().next().unwrap_or_default();
        let row = page.lines().find_map(|line| line.strip_prefix(&format!("| `{family}` |")));
        let (_, nudges) = row.and_then(|row| row.split_once('|')).expect("a row of the table");
        for nudge in nudges.split('`').skip(1).step_by(2) {
            let heard = simulated.post("/_simulator", &format!("nudge {nudge}")).await;
            assert_eq!(heard.status, 200, "{family}: {nudge}: {heard:?}");
        }
        simulated.stop();
        families.insert(family.to_owned());
    }
    let known = [
        "population",
        "portal",
        "postal/ems",
        "postal/hcc",
        "postal/legacy",
        "postal/myvnpost",
        "subscriber",
    ];
    assert_eq!(families.iter().map(String::as_str).collect::<Vec<_>>(), known);
}
