//! What an operator breaks off or changes under what waits: a copy that the disk does not take, a peer that is called otherwise.

use std::path::Path;

use conformance::process::{Gateway, lienthong};
use conformance::waiting::wait_for;
use serde_json::{Value, json};

use super::operator::{Simulator, code, configure, dossier, post};
use super::{Place, Said, said};
use crate::wire::{ask, head};

/// Nobody listens there.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A place whose portal is away and for whom one dossier waits.
fn waiting(place: &Place) -> String {
    place.done(&["init", "--folder", "etc"]);
    configure(place, NOWHERE);
    let key = place.json(&["keys", "add", "mot-cua"])["key"].as_str().expect("a key").to_owned();
    let gateway = Gateway::start(place.command(&["run"]));
    assert_eq!(post(gateway.address().expect("it listens"), &key, &dossier(1, "2")).0, 200);
    wait_for("a try", || (events(place, 1).last()? == "peer-away").then_some(()));
    assert!(gateway.stop().success());
    key
}

fn events(place: &Place, number: u32) -> Vec<String> {
    let said = place.run(&["timeline", &code(number), "--json"]);
    let rows = serde_json::from_str::<Value>(&said.out).unwrap_or_default();
    let rows = rows["rows"].as_array().cloned().unwrap_or_default();
    rows.iter().filter_map(|row| row["event"].as_str().map(str::to_owned)).collect()
}

/// Runs with files that may grow to so many blocks and no further, as on a full disk.
fn confined(place: &Place, blocks: u32, args: &[&str]) -> Said {
    let like = place.command(args);
    let mut command = std::process::Command::new("sh");
    let line = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &line]).arg(lienthong()).args(args).current_dir(place.folder.path());
    for (name, value) in like.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    said(&mut command)
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|mut there| there.next().is_none())
}

#[test]
fn a_copy_that_the_disk_does_not_take_leaves_everything_as_it_was() {
    let place = Place::new();
    waiting(&place);
    let ended = confined(&place, 200, &["backup", "bk"]);
    assert!(ended.status == 3 && ended.err.contains("Mend the cause"), "{} {}", ended.status, ended.err);
    assert!(is_empty(&place.path("bk")), "no half of a backup stays");
    place.done(&["backup", "bk"]);

    let ended = confined(&place, 200, &["restore", "bk", "--replace"]);
    assert!(ended.status == 3 && ended.err.contains("still in its place"), "{} {}", ended.status, ended.err);
    let gateway = Gateway::start(place.command(&["run"]));
    gateway.address().expect("a store that is whole is not shut out");
    assert!(gateway.stop().success());
    assert_eq!(place.json(&["peers", "list"])[3]["waiting"], 1);

    // With room it goes, and whoever lets a peer go is told what that means.
    place.done(&["restore", "bk", "--replace"]);
    let advice = place.run(&["doctor"]);
    assert_eq!(advice.status, 1, "nothing is sent until a person says so: {}", advice.out);
    assert!(advice.out.contains("since a backup was restored: missing from 20"), "{}", advice.out);
    assert!(
        advice.out.contains("FIRST have the hours") && advice.out.contains("`lienthong resume`"),
        "{}",
        advice.out
    );
    assert!(!advice.out.contains("resume *"), "{}", advice.out);
    let listed = place.done(&["peers", "list"]);
    assert!(listed.contains("PAUSED since 20"), "not since the beginning of time: {listed}");
    let told = place.done(&["peers", "resume", "portal"]);
    assert!(told.contains("After a restoration (missing 20"), "{told}");
    place.done(&["peers", "pause", "portal"]);
    assert!(!place.done(&["peers", "resume", "portal"]).contains("After a restoration"));
}

/// As `kill -9` leaves it, before the database was moved into its place and after.
#[test]
fn no_gateway_starts_with_a_restoration_that_was_cut_short_and_doing_it_again_mends_it() {
    let place = Place::new();
    waiting(&place);
    place.done(&["backup", "bk"]);
    for moved_away in [false, true] {
        let (data, draft) = (place.path("etc/data"), place.path("etc/data/restoring"));
        std::fs::create_dir(&draft).expect("the folder takes folders");
        std::fs::write(draft.join("lienthong.db"), b"a part").expect("the folder takes files");
        if moved_away {
            std::fs::remove_file(data.join("lienthong.db")).expect("it was there");
        }
        let ended = place.run(&["run"]);
        assert!(
            ended.status != 0 && ended.err.contains("`lienthong restore`"),
            "{} {}",
            ended.status,
            ended.err
        );
        assert_eq!(data.join("lienthong.db").exists(), !moved_away, "no empty store takes its place");
        // Whoever asks is told the same everywhere, and not to start anything.
        for (status, args) in
            [(3, &["verify"] as &[&str]), (1, &["check", "--store"]), (3, &["timeline", &code(1)])]
        {
            place.ends(status, "a restoration in ", args);
        }
        assert!(!place.run(&["verify"]).err.contains("backup is removed"), "nothing was backed up");
        let found = place.run(&["doctor"]);
        assert_eq!(found.status, 1, "{}", found.out);
        assert!(found.out.contains("run `lienthong restore <backup> --replace` again"), "{}", found.out);
        assert!(!found.out.contains("systemctl start"), "{}", found.out);
        place.done(&["restore", "bk", "--replace"]);
        assert!(!draft.exists());
        assert_eq!(place.json(&["peers", "list"])[3]["waiting"], 1, "what was in the backup is there");
    }
    let gateway = Gateway::start(place.command(&["run"]));
    gateway.address().expect("it listens");
    assert!(gateway.stop().success());
}

#[test]
fn an_upgrade_whose_copy_the_disk_does_not_take_leaves_the_store_and_no_half_of_a_copy() {
    let place = Place::new();
    waiting(&place);
    let database = place.path("etc/data/lienthong.db");
    let set_version = |version: i64| {
        let db = rusqlite::Connection::open(&database).expect("the store");
        db.pragma_update(None, "user_version", version).expect("it is written");
    };
    let now: i64 = rusqlite::Connection::open(&database)
        .and_then(|db| db.query_row("PRAGMA user_version", [], |row| row.get(0)))
        .expect("its version");
    // Of a newer one only its program can make anything, and nothing is damaged.
    set_version(now + 1);
    let found = place.run(&["doctor"]);
    assert!(found.out.contains("install the newer lienthong again") && found.status == 1, "{}", found.out);
    assert!(!found.out.contains("store-damaged"), "{}", found.out);
    let ended = place.run(&["verify"]);
    assert!(ended.status == 3 && !ended.err.contains("of the backup is removed"), "{}", ended.err);
    set_version(now - 1);
    let copies = || {
        let there = std::fs::read_dir(place.path("etc/data")).expect("a folder");
        there
            .filter(|entry| {
                entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().contains("before"))
            })
            .count()
    };
    let ended = confined(&place, 200, &["run"]);
    assert!(ended.status != 0, "{}", ended.err);
    assert_eq!(copies(), 0, "{}", ended.err);
    // With the program that it belongs to, it goes on as if nothing had been.
    set_version(now);
    let gateway = Gateway::start(place.command(&["run"]));
    gateway.address().expect("a store that is whole");
    assert!(gateway.stop().success());
    assert_eq!(place.json(&["peers", "list"])[3]["waiting"], 1);
}

#[test]
fn what_waits_for_a_peer_that_is_called_otherwise_now_is_said_and_goes_once_it_is_back() {
    let place = Place::new();
    waiting(&place);
    let before = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("a configuration");
    let renamed = before.replace("[peers.portal", "[peers.cong").replace("[\"portal\"]", "[\"cong\"]");
    place.write("etc/lienthong.toml", &renamed);

    let gateway = Gateway::start(place.command(&["run"]));
    let address = gateway.address().expect("it listens");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let ready = runtime.block_on(ask(address, &head("GET", "/readyz", &[]))).expect("it answers").json();
    let ill = &ready["ill"][0];
    assert_eq!((&ill["part"], &ill["peer"]), (&json!("receiver"), &json!("portal")), "{ready}");
    let found = place.run(&["doctor", "--no-log-in"]);
    assert!(found.out.contains("1 open for a peer that nothing is sent to"), "{}", found.out);
    assert!(found.out.contains("bring [peers.portal] back"), "{}", found.out);
    let listed = place.done(&["peers", "list"]);
    assert!(listed.contains("NOT CONFIGURED ANY MORE, 1 waiting"), "{listed}");
    assert!(gateway.stop().success());

    let portal = Simulator::start(place.command(&["simulate", "--listen", "127.0.0.1:0"]));
    place.write("etc/lienthong.toml", &before.replace(NOWHERE, &portal.address));
    let gateway = Gateway::start(place.command(&["run"]));
    wait_for("its delivery", || (events(&place, 1).last()? == "delivered").then_some(()));
    assert!(gateway.stop().success());
    assert_eq!(portal.stop(), 0);
}

#[test]
fn what_was_put_in_the_words_of_another_dialect_is_not_said_in_them() {
    let place = Place::new();
    waiting(&place);
    let before = std::fs::read_to_string(place.path("etc/lienthong.toml")).expect("a configuration");
    let begins = before.find("[peers.portal]").expect("the portal's entry");
    let ends = before.find("[retention]").expect("what follows it");
    let other = Simulator::start(place.command(&["simulate", "--listen", "127.0.0.1:0"]));
    // A wire language in which nobody is told of dossiers.
    let entry = format!(
        "[peers.portal]\nadapter = \"postal\"\ndialect = \"desk\"\nendpoints = {{ post = \"{}\" }}\n",
        other.address
    );
    let changed = format!("{}{entry}{}", &before[..begins], &before[ends..]);
    place.write("etc/lienthong.toml", &changed.replace("peers = [\"portal\"]", "peers = []"));
    let gateway = Gateway::start(place.command(&["run"]));
    gateway.address().expect("it listens");
    wait_for("a dead letter", || (events(&place, 1).last()? == "dead-letter").then_some(()));
    let letters = place.done(&["dead-letters", "list"]);
    assert!(letters.contains(&code(1)) && letters.contains("mapping.missing"), "{letters}");
    assert!(gateway.stop().success());

    place.write("etc/lienthong.toml", &before.replace(NOWHERE, &other.address));
    let gateway = Gateway::start(place.command(&["run"]));
    gateway.address().expect("it listens");
    place.done(&["redeliver", "--dossier", &code(1)]);
    wait_for("its delivery", || (events(&place, 1).last()? == "delivered").then_some(()));
    assert!(gateway.stop().success());
    assert_eq!(other.stop(), 0);
}
