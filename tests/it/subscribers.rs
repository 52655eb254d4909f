//! Outgoing webhooks from the real program to a receiver that verifies them with the public reference library.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use conformance::process::{Ground, lienthong};
use conformance::waiting::wait_for;
use conformance::{documents, python};
use serde_json::Value;

use crate::wire::{ask, call};

const OLD: &str = "whsec_bGllbnRob25nIGtob2EgY3UgZHVuZyBkZSB0aHU=";
const NEW: &str = "whsec_bGllbnRob25nIGtob2EgbW9pIGR1bmcgZGUgdGh1";

/// While keys are changed the receiver may know either; a call that is made again is the same call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reference_library_takes_our_signatures() {
    for known in [OLD, NEW] {
        let script = python::file("receive_webhooks.py");
        let mut receiver = Command::new(python::program("python"));
        receiver.arg(script).args([known, "3"]).env("PYTHONUTF8", "1").stdout(Stdio::piped());
        let mut receiver = receiver.spawn().expect("the receiver can be started");
        let mut said = BufReader::new(receiver.stdout.take().expect("a pipe")).lines();
        let mut line = || said.next().expect("it goes on").expect("it speaks");
        let port: u16 = line().parse().expect("its port");

        // Nobody listens at the portal: its copies wait.
        let ground = Ground::lay(([127, 0, 0, 1], 9).into(), "");
        std::fs::write(ground.path("old.secret"), OLD).expect("a writable folder");
        std::fs::write(ground.path("new.secret"), NEW).expect("a writable folder");
        ground.configure(&format!(
            "[peers.subscriber]\nadapter = \"subscriber\"\nreceives = [\"dossier-progressed\"]\n\
             endpoints.subscriber = \"http://127.0.0.1:{port}/base\"\nsettings.path = \"/hooks/h99\"\n\
             keys.signing-secret = {{ file = \"{{folder}}/old.secret\" }}\n\
             keys.signing-secret-other = {{ file = \"{{folder}}/new.secret\" }}\n"
        ));
        let gateway = ground.start(lienthong(), &[]);
        let address = gateway.address().expect("it listens");
        let step: Value = serde_json::from_str(&documents()["step.json"]).expect("a step");
        let code = step["MaHoSo"].as_str().expect("a code").to_owned();
        let body = serde_json::json!([step]).to_string();
        let path = "/api/CapNhatTienDoHoSoMC?MaDinhDanhDV=000.00.00.H99";
        let headers = [("x-api-key", ground.key.as_str()), ("content-type", "application/json")];
        let heard = ask(address, &call("POST", path, &headers, body.as_bytes())).await.expect("an answer");
        assert_eq!(heard.status, 200, "{}", String::from_utf8_lossy(&heard.body));

        let (first, second) = (line(), line());
        let expected = |status: &str| format!("{status} ");
        assert!(
            first.starts_with(&expected("503")) && second.starts_with(&expected("204")),
            "{first}\n{second}"
        );
        let rest = |text: &str| text.split_once(' ').map(|(_, rest)| rest.to_owned());
        assert_eq!(rest(&first), rest(&second), "the same id, the same fact");
        assert!(second.ends_with(&format!("/base/hooks/h99 dossier.progressed {code}")), "{second}");

        // A subscriber that lost its records is told again what it took, under the same id.
        let redeliver = ["redeliver", "--peer", "subscriber", "--since", "2026-01-01", "--lang", "en"];
        let settled = || ground.command(&[&redeliver[..], &["--dry-run"]].concat());
        wait_for("the delivery to settle", || settled().contains("1 would be offered").then_some(()));
        ground.command(&redeliver);
        assert_eq!(line(), second);
        assert!(receiver.wait().expect("it ends").success());
    }
}
