//! The trail itself: who is in it, who looks into it, and a disk that does not come back.

use std::io::Write as _;
use std::process::{Command, Stdio};

use conformance::process::lienthong;
use serde_json::{Value, json};

use super::{Desk, NUMBER, PLATFORMS, question};
use crate::process::limit_files;

/// What `audit find` says about the number that is given to it, and how it ends.
fn find(desk: &Desk, number: &str, args: &[&str]) -> (String, Option<i32>) {
    let mut command = Command::new(lienthong());
    command.arg("--config").arg(desk.ground.path("lienthong.toml")).args(["audit", "find", "--number"]);
    let piped = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = piped.spawn().expect("the program can be started");
    writeln!(running.stdin.take().expect("its input"), "{number}").expect("it listens");
    let output = running.wait_with_output().expect("it ends");
    (String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(), output.status.code())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asked_about_a_citizen_is_found_by_either_number() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    assert_eq!(desk.citizen("/citizen/verify", &question()).await.status, 200);
    let mut both = question();
    both["person"]["oldIdentityNumber"] = json!("012000000");
    both["officer"] = json!({ "account": "canbo.khac" });
    assert_eq!(desk.citizen("/citizen/look-up", &both).await.status, 200);
    let officers = |number: &str| -> Vec<String> {
        let (said, status) = find(&desk, number, &["--json"]);
        assert_eq!(status, Some(0), "{said}");
        let said: Value = serde_json::from_str(&said).expect("JSON");
        let questions = said["questions"].as_array().expect("a list").clone();
        assert!(questions.iter().all(|each| each["outcome"].is_string()), "{said}");
        questions.iter().map(|each| each["officer"].as_str().expect("an officer").to_owned()).collect()
    };
    assert_eq!(officers(&format!(" {NUMBER} ")), ["canbo.thu", "canbo.khac"]);
    assert_eq!(officers("012000000"), ["canbo.khac"]);
    assert_eq!(officers("001099000099"), [""; 0]);
    let (said, status) = find(&desk, NUMBER, &["--lang", "vi"]);
    assert!(status == Some(0) && said.contains("canbo.thu (hệ thống khai)"), "{said}");
    assert!(!said.contains(NUMBER), "{said}");
    // A slip is no search, and is not said again.
    let (said, status) = find(&desk, "001085-00000", &[]);
    assert!(status == Some(2) && !said.contains("001085"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_come_back_holds_nobody_longer_than_a_question_may() {
    let desk = Desk::open(&PLATFORMS[0]).await;
    // After a failure the end of the chain is read anew; a file that nobody writes into keeps whoever opens it waiting.
    limit_files(desk.gateway.pid(), "1");
    assert_eq!(desk.citizen("/citizen/look-up", &question()).await.status, 503);
    let stuck = desk.ground.path("data/audit/audit-9999-12.jsonl");
    assert!(Command::new("mkfifo").arg(&stuck).status().expect("mkfifo").success());
    limit_files(desk.gateway.pid(), "unlimited");
    let question = question();
    let asked = desk.citizen("/citizen/look-up", &question);
    let heard = tokio::time::timeout(std::time::Duration::from_secs(8), asked).await;
    let heard = heard.expect("its deadline is five seconds");
    assert_eq!((heard.status, heard.json()["code"].as_str()), (503, Some("audit.unwritable")), "{heard:?}");
    assert_eq!(desk.database.calls(), 0, "it did not leave");
    let let_go = std::fs::OpenOptions::new().write(true).open(&stuck);
    std::fs::remove_file(&stuck).expect("a file");
    drop(let_go);
    crate::wire::until("the disk to be back", async || {
        (desk.citizen("/citizen/look-up", &question).await.status == 200).then_some(())
    })
    .await;
}
