//! Programs of others, unmodified, against the real gateway.

use std::process::Command;

use conformance::process::{Ground, lienthong};
use conformance::python;

/// Whatever a caller makes of the description of our doors, none of it makes the gateway fail: no 5xx, no broken connection.
#[test]
fn a_fuzzer_that_reads_our_description_finds_no_server_error() {
    // Nobody listens at the portal: what is accepted waits.
    let ground = Ground::lay(([127, 0, 0, 1], 9).into(), "");
    let gateway = ground.start(lienthong(), &[]);
    let base = format!("http://{}", gateway.address().expect("it listens"));
    let said = python::run(
        Command::new(python::program("schemathesis"))
            .current_dir(ground.path(""))
            .args(["run", &format!("{base}/openapi.json"), "--url", &base])
            .args(["--header", &format!("X-Api-Key: {}", ground.key)])
            .args(["--checks", "not_a_server_error", "--phases", "examples,fuzzing", "--max-examples", "40"])
            .args(["--seed", "1", "--no-color", "--suppress-health-check", "all", "--wait-for-schema", "10"]),
        "schemathesis",
    );
    assert!(said.contains(" generated, ") && said.contains(" passed"), "nothing was tried: {said}");
}

/// A simulator as a vendor uses it: from the command line, directed by a script and while it runs.
#[test]
fn a_simulator_is_directed_by_a_script_and_by_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = folder.path().join("kich-ban.txt");
    std::fs::write(&script, "# away once\nanswers 503\nafter 10ms\nnudge expire-tokens\n").expect("a file");
    let mut child = Command::new(lienthong())
        .args(["simulate", "population", "--listen", "127.0.0.1:0", "--set", "profile = \"p2\"", "--script"])
        .arg(&script)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut out = std::io::BufReader::new(child.stdout.take().expect("its output"));
    let mut base = String::new();
    std::io::BufRead::read_line(&mut out, &mut base).expect("its address");
    let base = base.trim();
    let curl = |args: &[&str]| {
        let output = Command::new(python::program("python"))
            .args(["-c", "import sys,requests as r; a=sys.argv[1:]; x=r.request(a[0],a[1],data=a[2].encode()); print(x.status_code,x.text)"])
            .args(args)
            .output()
            .expect("a client");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert!(curl(&["POST", &format!("{base}/token"), ""]).starts_with("503"), "as the script says");
    let state = curl(&["GET", &format!("{base}/_simulator/state"), ""]);
    assert!(state.starts_with("200") && state.contains("calls"), "{state}");
    let wrong = curl(&["POST", &format!("{base}/_simulator"), "always nothing\nanswers 500"]);
    assert!(wrong.starts_with("400") && wrong.contains("there is no twist"), "{wrong}");
    assert!(curl(&["POST", &format!("{base}/token"), ""]).starts_with("500"), "as it was told");
    conformance::process::terminate(child.id());
    assert!(child.wait().expect("it ends").success());
}
