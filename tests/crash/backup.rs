//! A backup made under load, a gateway killed, its store restored: nothing that was acknowledged before the backup is lost, what was
//! delivered after it is not doubled, and a backup that is damaged is found out before anybody needs it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use conformance::process::{Gateway, Ground, lienthong};
use conformance::senders::{Answered, Said, Sender, WAY, call, open_deliveries};
use lienthong::clock::Clock;
use lienthong::simulator::{Host, Twist};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::sweep::large;
use crate::world::drains;

const DOSSIERS: usize = 5;

fn code(number: usize) -> String {
    format!("H99.14-261123-{number:04}")
}

/// A portal that shows its entries, so that it can be asked back.
async fn lay() -> (Host, Ground) {
    let settings = toml::from_str("progress_list_field = \"DanhSachTienDo\"").expect("settings");
    let portal = adapters::simulator("portal", "", &settings).expect("the portal has a simulator");
    let portal = Host::start(portal, ([127, 0, 0, 1], 0).into(), Clock::system()).await.expect("a port");
    let here = "settings.progress_list_field = \"DanhSachTienDo\"\nprocessing_ms_max = 300";
    let ground = Ground::lay(portal.address(), here);
    (portal, ground)
}

fn sender(ground: &Ground) -> Sender {
    Sender::new(&ground.key, watch::channel(None).1)
}

async fn say(sender: &Sender, gateway: &Gateway, said: Said, code: &str) -> Option<Answered> {
    let (path, body) = call(said, code);
    sender.say(gateway.address()?, &path, &body).await
}

/// Goes on talking about other dossiers until told to stop.
fn load(sender: Sender, gateway: &Gateway, stop: Arc<AtomicBool>) -> tokio::task::JoinHandle<usize> {
    let address = gateway.address().expect("a gateway that is ready");
    tokio::spawn(async move {
        let mut said = 0;
        while !stop.load(Ordering::Relaxed) {
            let (path, body) = call(Said::State("2"), &code(1000 + said));
            said += usize::from(sender.say(address, &path, &body).await.is_some());
        }
        said
    })
}

fn words(path: &Path) -> &str {
    path.to_str().expect("a path of ours")
}

fn is_whole(ground: &Ground, verify: &[&str]) {
    let (status, said) = ground.tries(verify);
    assert!(status == 0 && said.contains("whole"), "{status} {said}");
}

/// What the timeline says of a dossier, event by event.
fn events(ground: &Ground, code: &str) -> Vec<String> {
    let told: Value = serde_json::from_str(&ground.command(&["timeline", code, "--json"])).expect("JSON");
    let rows = told["rows"].as_array().into_iter().flatten();
    rows.filter_map(|row| row["event"].as_str().map(str::to_owned)).collect()
}

/// Everything waits while the backup is made; then it is delivered, or not, and the gateway dies.
async fn restored_after(delivered_after_the_backup: bool) {
    let (portal, ground) = lay().await;
    portal.always(Some(Twist::Status(503)));
    let mut gateway = ground.start(lienthong(), &[]);
    let sender = sender(&ground);
    let right: Vec<Said> = WAY.into_iter().filter(|said| *said != Said::Nonsense).collect();
    for number in 1..=DOSSIERS {
        for said in &right {
            let answered = say(&sender, &gateway, *said, &code(number)).await;
            assert_eq!(answered, Some(Answered::Taken));
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let loading = load(sender.clone(), &gateway, stop.clone());
    let backup = ground.path("backup");
    let made: Value =
        serde_json::from_str(&ground.command(&["backup", words(&backup), "--json"])).expect("JSON");
    assert!(made["waiting"].as_u64() >= Some((DOSSIERS * 5) as u64), "{made}");
    stop.store(true, Ordering::Relaxed);
    assert!(loading.await.expect("the load") > 0);
    if delivered_after_the_backup {
        portal.always(None);
        assert!(drains(gateway.address().expect("a gateway")).await);
    }
    // Acknowledged after the backup: not in it.
    let late = [Said::State("2"), Said::Step("2")];
    for said in late {
        assert_eq!(say(&sender, &gateway, said, &code(50)).await, Some(Answered::Taken));
    }
    if delivered_after_the_backup {
        assert!(drains(gateway.address().expect("a gateway")).await);
    }
    gateway.kill();
    is_whole(&ground, &["verify", words(&backup)]);
    ground.command(&["restore", words(&backup), "--replace"]);
    portal.always(None);

    let calls = portal.calls();
    let gateway = ground.start(lienthong(), &[]);
    let address = gateway.address().expect("a gateway that is ready");
    assert_eq!(
        say(&sender, &gateway, Said::State("2"), &code(99)).await,
        Some(Answered::Taken),
        "it accepts"
    );
    let waiting = open_deliveries(address).await;
    assert!(waiting > Some((DOSSIERS * 5) as u64), "{waiting:?}");
    assert!(gateway.log().iter().any(|line| line.contains("\"restored\"") && line.contains("missing_from")));
    // As it was told to, the local software says again what was lost.
    for said in late {
        assert_eq!(say(&sender, &gateway, said, &code(50)).await, Some(Answered::Taken));
    }
    assert_eq!(portal.calls(), calls, "nothing is sent, or asked, before somebody says so");
    ground.command(&["resume"]);
    assert!(drains(address).await, "{}", ground.command(&["dead-letters", "list"]));
    assert!(gateway.stop().success());

    let state = portal.state();
    let entries = |code: &str| {
        let all = state["progress"].as_array().into_iter().flatten();
        let of = all.filter(|entry| entry["MaHoSo"] == *code).filter_map(|e| e["TrangThai"].as_str());
        of.collect::<Vec<_>>()
    };
    assert_eq!(entries(&code(50)), ["2"], "said again, and not doubled");
    for number in 1..=DOSSIERS {
        let code = code(number);
        assert_eq!(state["dossiers"][&code]["status"], "10", "{code} is lost");
        assert_eq!(entries(&code), ["2", "4", "9", "10"], "{code}: each step once, in order");
        let told = events(&ground, &code);
        for event in ["restored", "presumed", "read-back"] {
            assert!(told.iter().any(|e| e == event), "{code}: {event} is not in {told:?}");
        }
        assert!(!told.iter().any(|event| event == "may-be-doubled"), "{code}: {told:?}");
    }
    is_whole(&ground, &["verify"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_delivered_after_the_backup_is_not_doubled() {
    restored_after(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_delivered_after_the_backup_is_not_lost() {
    restored_after(false).await;
}

/// All files below a folder, by their place in it.
fn places(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_damaged_anywhere_is_found_out_and_not_restored() {
    let (_portal, ground) = lay().await;
    let gateway = ground.start(lienthong(), &[]);
    let (path, body) = large();
    let address = gateway.address().expect("a gateway that is ready");
    assert_eq!(sender(&ground).say(address, &path, &body).await, Some(Answered::Taken));
    assert!(drains(address).await);
    let backup = ground.path("backup");
    ground.command(&["backup", words(&backup)]);
    let (status, said) = ground.tries(&["backup", words(&backup)]);
    assert!(status == 3 && said.contains("not empty"), "no backup is written over another: {said}");
    let (status, said) = ground.tries(&["restore", words(&backup), "--replace"]);
    assert!(status == 3 && said.contains("stop the gateway"), "{said}");
    assert!(gateway.stop().success());

    let kinds = ["lienthong.db", "claims/", "audit/", "keys.json", "manifest.json", "manifest.mac"];
    let all = places(&backup);
    for kind in kinds {
        let of = |path: &&PathBuf| words(path.strip_prefix(&backup).expect("below")).starts_with(kind);
        let part = all.iter().find(of).unwrap_or_else(|| panic!("no {kind} in {all:?}"));
        let name = words(part.strip_prefix(&backup).expect("below"));
        let whole = fs::read(part).expect("a part");
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 1;
        let shorter = whole[..whole.len() - 1].to_vec();
        for (how, damaged) in [("flipped", Some(flipped)), ("cut", Some(shorter)), ("gone", None)] {
            match damaged {
                Some(bytes) => fs::write(part, bytes).expect("a writable part"),
                None => fs::remove_file(part).expect("a part"),
            }
            let (status, said) = ground.tries(&["verify", words(&backup)]);
            let named = if kind.starts_with("manifest") { "no whole backup" } else { name };
            assert!(status == 1 && said.contains(named), "{kind} {how}: {status} {said}");
            let (status, said) = ground.tries(&["restore", words(&backup), "--replace"]);
            assert!(status == 1, "{kind} {how}: {status} {said}");
            fs::write(part, &whole).expect("a writable part");
        }
    }
    is_whole(&ground, &["verify", words(&backup)]);

    // A data folder that is in use is looked at in the same way.
    let claim = places(&ground.path("data/claims")).pop().expect("a claim");
    let whole = fs::read(&claim).expect("a claim");
    fs::write(&claim, &whole[..whole.len() - 1]).expect("a writable claim");
    let (status, said) = ground.tries(&["verify", "--json"]);
    let said: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((status, said["damage"].as_array().map(Vec::len)), (1, Some(1)), "{said}");
    // Nothing of it may stand in its log only, which would hide the damage.
    let open = rusqlite::Connection::open(ground.path("data/lienthong.db")).expect("the database");
    open.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    drop(open);
    let mut database = fs::read(ground.path("data/lienthong.db")).expect("the database");
    // One page of every ten, whatever stands in it; the first says that it is a database at all.
    database.chunks_mut(4096).skip(1).step_by(10).for_each(|page| page[1000..].fill(0x5a));
    fs::write(ground.path("data/lienthong.db"), &database).expect("a writable database");
    let (status, said) = ground.tries(&["verify"]);
    assert!(status == 1 && said.contains("lienthong.db"), "{said}");

    // What is there is only moved aside when that was asked for, and a restoration that was cut short keeps the gateway from starting.
    let (status, said) = ground.tries(&["restore", words(&backup)]);
    assert!(status == 3 && said.contains("--replace"), "{said}");
    fs::create_dir(ground.path("data/restoring")).expect("a folder");
    let (status, said) = ground.tries(&["run"]);
    assert!(status == 3 && said.contains("lienthong restore"), "{said}");
    let done: Value =
        serde_json::from_str(&ground.command(&["restore", words(&backup), "--replace", "--json"]))
            .expect("JSON");
    let aside = done["moved_to"].as_str().expect("moved aside");
    assert_eq!(fs::read(Path::new(aside).join("lienthong.db")).expect("the old database"), database);
    is_whole(&ground, &["verify"]);
    let gateway = ground.start(lienthong(), &[]);
    assert_eq!(done["restored"]["last_delivery"], json!(1));
    let count = |args: &[&str]| {
        let gone: Value = serde_json::from_str(&ground.command(args)).expect("JSON");
        gone.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum::<u64>()
    };
    assert_eq!(count(&["purge", "--dry-run", "--json"]), 0, "nothing here is old");
    assert_eq!(count(&["purge", "--json"]), 0);
    assert!(gateway.stop().success());
}
