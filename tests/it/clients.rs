//! Programs of others, unmodified, against the real gateway.

use std::net::SocketAddr;
use std::process::Command;

use conformance::process::{Ground, UNIT, lienthong};
use conformance::python;
use lienthong::clock::Clock;
use lienthong::simulator::Host;

/// The doors that are described, by whose key opens them: peer, adapter, dialect, and what its paths look like.
const DOORS: [(&str, &str, &str, &str); 8] = [
    ("relay", "onestop", "relay", "^/(DongBoHoSoMC|CapNhatTienDoHoSoMC)$"),
    ("adapter", "onestop", "envelope", "RestService/forward"),
    ("ocps", "onestop", "opencps", "^/(dossiers|Document)/"),
    ("hoi", "population", "citizen", "^/citizen/"),
    ("opencps", "population", "opencps", "^/rest/v2/qldc"),
    ("quay", "postal", "desk", "^/postal/orders"),
    ("ems", "postal", "ems", "^/postal/ems"),
    ("myvnpost", "postal", "myvnpost", "^/postal/myvnpost"),
];

/// Whatever a caller makes of the description of our doors, none of it makes the gateway fail: no 5xx, no broken connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fuzzer_that_reads_our_description_finds_no_server_error() {
    let portal = adapters::simulator("portal", "", &toml::Table::new()).expect("a simulator");
    let loopback = ([127, 0, 0, 1], 0).into();
    let portal = Host::start(portal, loopback, Clock::system()).await.expect("a port");
    tokio::task::block_in_place(|| fuzz(portal.address()));
}

fn fuzz(portal: SocketAddr) {
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "thu").expect("a writable file");
    let mut peers = String::new();
    for (peer, adapter, dialect, _) in DOORS.iter().filter(|door| door.0 != "relay") {
        peers.push_str(&format!(
            "[peers.{peer}]\nadapter = \"{adapter}\"\ndialect = \"{dialect}\"\nunit = \"{UNIT}\"\n"
        ));
        // Nobody listens there: what is accepted waits.
        match *dialect {
            "opencps" if *adapter == "onestop" => peers.push_str(&format!(
                "endpoints.opencps = \"http://127.0.0.1:9\"\nsettings = {{ group_id = \"1\", template = \"M\" }}\n\
                 keys = {{ username = {{ file = \"{0}\" }}, password = {{ file = \"{0}\" }} }}\n",
                secret.path().display()
            )),
            "ems" => peers.push_str(&format!(
                "endpoints.post = \"http://127.0.0.1:9\"\nunits = [\"000.00.01.H99\"]\nkeys.merchant_token = {{ file = \"{}\" }}\n",
                secret.path().display()
            )),
            "myvnpost" => peers.push_str(&format!(
                "endpoints.post = \"http://127.0.0.1:9\"\nunits = [\"{UNIT}\"]\n\
                 keys = {{ username = {{ file = \"{0}\" }}, password = {{ file = \"{0}\" }} }}\n",
                secret.path().display()
            )),
            _ => {}
        }
    }
    // No row allows anything, so no question leaves.
    peers.push_str(&format!(
        "[peers.dan-cu]\nadapter = \"population\"\ndialect = \"profile\"\nendpoints.population = \"http://127.0.0.1:9\"\n\
         keys.secret-key = {{ file = \"{}\" }}\nsettings = {{ profile = \"p1\", username = \"h99\" }}\n",
        secret.path().display()
    ));
    let ground = Ground::lay(portal, &peers);
    let keys: Vec<String> = DOORS.iter().map(|(peer, ..)| ground.add_key(&[peer])).collect();
    let gateway = ground.start(lienthong(), &[]);
    let address = gateway.address().unwrap_or_else(|| panic!("it does not listen: {:?}", gateway.log()));
    let base = format!("http://{address}");
    let fuzzed = DOORS.iter().zip(&keys).flat_map(|((peer, _, _, paths), key)| {
        let price = (*peer == "quay").then_some(("^/postal/price", "no_defect_of_ours", key));
        std::iter::once((*paths, "not_a_server_error", key)).chain(price)
    });
    for (paths, check, key) in fuzzed {
        let said = python::run(
            Command::new(python::program("schemathesis"))
                .current_dir(ground.path(""))
                .env("SCHEMATHESIS_HOOKS", "checks")
                .env("PYTHONPATH", python::file(""))
                .args(["run", &format!("{base}/openapi.json"), "--url", &base])
                .args(["--header", &format!("X-Api-Key: {key}"), "--include-path-regex", paths])
                .args(["--checks", check, "--phases", "examples,fuzzing"])
                .args(["--max-examples", "20", "--seed", "1", "--no-color", "--suppress-health-check", "all"])
                .args(["--wait-for-schema", "10"]),
            "schemathesis",
        );
        assert!(
            said.contains(" generated, ") && said.contains(" passed"),
            "{paths}: nothing was tried: {said}"
        );
    }
}
