//! Killed between a large value's file and the row that names it: a later start removes the file, and never one that is needed.

use std::fs::File;
use std::path::PathBuf;
use std::time::SystemTime;

use conformance::process::{Ground, lienthong, lienthong_that_dies};
use conformance::senders::{Answered, Said, Sender, call, get};
use lienthong::clock::Clock;
use lienthong::simulator::Host;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::world::drains;

const CODE: &str = "H99.14-261123-0001";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_no_row_names_goes_when_it_is_old_and_one_that_is_named_stays() {
    let portal = adapters::simulator("portal", "", &toml::Table::new()).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let ground = Ground::lay(portal.address(), "");
    let sender = Sender::new(&ground.key, watch::channel(None).1);
    let (path, body) = large();

    let gateway = ground.start(lienthong_that_dies(), &[("LIENTHONG_CRASH_AT", "after-files-kept:1")]);
    let address = gateway.address().expect("a gateway that is ready");
    assert_eq!(sender.say(address, &path, &body).await, None, "it died before it could answer");
    drop(gateway);
    let orphans = files(&ground);
    assert!(!orphans.is_empty(), "a large value is a file of its own");

    assert!(ground.start(lienthong(), &[]).stop().success());
    assert_eq!(files(&ground), orphans, "young ones stay");
    age(&orphans);
    let gateway = ground.start(lienthong(), &[]);
    assert_eq!(files(&ground), Vec::<PathBuf>::new(), "gone before the doors open");

    let address = gateway.address().expect("a gateway that is ready");
    assert_eq!(sender.say(address, &path, &body).await, Some(Answered::Taken));
    assert!(drains(address).await, "it is delivered");
    assert!(gateway.stop().success());
    let named = files(&ground);
    assert!(!named.is_empty());
    age(&named);
    assert!(ground.start(lienthong(), &[]).stop().success());
    assert_eq!(files(&ground), named, "what a row names stays, however old");
}

/// The same for a file that left the body: it has its name before the row that names it, and no other life of the gateway serves half of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_a_call_that_died_goes_and_the_file_of_the_call_again_is_served() {
    let portal = adapters::simulator("portal", "", &toml::Table::new()).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let ours = "public_url = \"http://cong.h99.example/XrdAdapter/RestService/forward\"\n\
                door = { addresses = [\"127.0.0.1/32\"], accepts = [\"address\"] }";
    let ground = Ground::lay(portal.address(), ours);
    let place = ground.path("mappings/onestop/channels.yaml");
    let known = std::fs::read_to_string(conformance::tree().join("mappings/onestop/channels.yaml"));
    let own = "    credential: key\n";
    let files_at = "    files: { at: { \"[].TaiLieuNop[].DuongDanTaiTepTin\": { name: TenTepDinhKem } } }\n";
    let channels = known.expect("the list of channels").replacen(own, &format!("{files_at}{own}"), 1);
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("a writable folder");
    std::fs::write(&place, channels).expect("a writable folder");
    let sender = Sender::new(&ground.key, watch::channel(None).1);
    let paper = format!("%PDF-1.4\n{}", "giấy tờ ".repeat(40_000));
    let (path, body) = call(Said::State("2"), CODE);
    let mut body: Value = serde_json::from_str(&body).expect("a JSON document");
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &paper);
    body[0]["TaiLieuNop"] = json!([{ "TepDinhKemId": "1", "TenTepDinhKem": "don.pdf", "IsDeleted": "False",
        "DuongDanTaiTepTin": text }]);
    let body = body.to_string();

    let gateway = ground.start(lienthong_that_dies(), &[("LIENTHONG_CRASH_AT", "after-files-kept:1")]);
    let address = gateway.address().expect("a gateway that is ready");
    assert_eq!(sender.say(address, &path, &body).await, None, "it died before it could answer");
    drop(gateway);
    let orphans = files(&ground);
    assert_eq!(orphans.len(), 1, "the file has its name, and nothing else is there: {orphans:?}");
    assert!(ground.start(lienthong(), &[]).stop().success());
    assert_eq!(files(&ground), orphans, "a young one stays");
    age(&orphans);
    let gateway = ground.start(lienthong(), &[]);
    assert_eq!(files(&ground), Vec::<PathBuf>::new(), "gone before the doors open");
    assert_eq!(portal.state()["creates"], 0, "and nobody was told of it");

    let address = gateway.address().expect("a gateway that is ready");
    assert_eq!(sender.say(address, &path, &body).await, Some(Answered::Taken));
    assert!(drains(address).await, "it is delivered");
    assert!(gateway.stop().success());
    let named = files(&ground);
    assert_eq!(named, orphans, "equal content has an equal name");
    age(&named);
    let gateway = ground.start(lienthong(), &[]);
    let heard = portal.heard();
    let told = heard.iter().map(|ask| String::from_utf8_lossy(&ask.body.bytes).into_owned());
    let mut told = told
        .filter_map(|text| Some(text.split_once("http://cong.h99.example")?.1.split('"').next()?.to_owned()));
    let told = told.next_back().expect("the portal was told an address of ours");
    let served = get(gateway.address().expect("a gateway that is ready"), &told).await;
    assert!(served.as_deref() == Some(&paper), "what a row names stays, however old");
}

/// A dossier with one value that does not fit into a row.
pub fn large() -> (String, String) {
    let (path, body) = call(Said::State("2"), CODE);
    let mut body: Value = serde_json::from_str(&body).expect("a JSON document");
    body[0]["ThongTinKhac"] = json!("x".repeat(100_000));
    (path, body.to_string())
}

/// The files beside the database.
pub fn files(ground: &Ground) -> Vec<PathBuf> {
    let list = |folder: PathBuf| {
        let entries = std::fs::read_dir(folder).expect("a folder of the store");
        entries.map(|entry| entry.expect("a readable folder").path()).collect::<Vec<_>>()
    };
    let mut found: Vec<PathBuf> = list(ground.path("data/claims")).into_iter().flat_map(list).collect();
    found.sort();
    found
}

/// As if they had been written long ago.
pub fn age(files: &[PathBuf]) {
    for path in files {
        let file = File::options().write(true).open(path).expect("a file of the store");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a file of ours");
    }
}
