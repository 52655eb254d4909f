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
