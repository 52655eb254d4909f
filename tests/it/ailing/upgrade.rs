//! Up and back: what waits in a store of an earlier version is delivered by today's program, and the copy that it kept can be put back.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;

use crate::wire::{House, until};

fn fixture(name: &str) -> String {
    let path = conformance::tree().join("tests/fixtures/stores").join(name);
    fs::read_to_string(path).expect("a store of an earlier version")
}

/// The database as it was, see the README beside it.
fn unpack(text: &str) -> Vec<u8> {
    let number = |hex: &str| usize::from_str_radix(hex, 16).expect("a hexadecimal number");
    let mut lines = text.lines();
    let mut bytes = vec![0; number(lines.next().expect("the length"))];
    for line in lines {
        let (at, run) = line.split_once(' ').expect("an offset and bytes");
        let run = STANDARD.decode(run).expect("base64");
        bytes[number(at)..][..run.len()].copy_from_slice(&run);
    }
    bytes
}

fn version(database: &Path) -> i64 {
    let db = Connection::open(database).unwrap();
    db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
}

/// Puts this database in the place of the house's, with the key it was sealed with, and starts.
async fn start_with(house: &mut House, database: &[u8]) {
    house.stage.stop().await;
    let folder = house.stage.folder().clone();
    fs::remove_dir_all(folder.join("data")).unwrap();
    fs::create_dir_all(folder.join("data")).unwrap();
    fs::write(folder.join("data/lienthong.db"), database).unwrap();
    fs::write(folder.join("sealing.key"), fixture("first.key")).unwrap();
    house.stage.restart().await.unwrap();
}

async fn all_is_delivered(house: &House) {
    let all = async || {
        let state = house.stage.portal.state();
        let steps = state["progress"].as_array().map_or(0, Vec::len);
        (state["creates"] == 3 && steps == 1).then_some(())
    };
    until("three dossiers and a step at the portal", all).await;
    house.stage.quiet().await.unwrap();
    for code in ["H99.14-261122-0001", "H99.14-261122-0002", "H99.14-261122-0003"] {
        let events = house.events(code).await;
        assert!(events.starts_with(&["accepted", "queued"]), "{events:?}");
        assert_eq!(events.last(), Some(&"delivered"), "{events:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_in_the_first_versions_store_is_delivered_today_and_a_copy_is_kept_for_the_way_back() {
    let first = unpack(&fixture("first.txt"));
    let mut house = House::with(&[]).await;
    start_with(&mut house, &first).await;
    all_is_delivered(&house).await;
    house.stage.stop().await;
    let data = house.stage.folder().join("data");
    let now = version(&data.join("lienthong.db"));
    let copies = |data: &Path| -> Vec<String> {
        let names =
            fs::read_dir(data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("before")).collect()
    };
    let copy = format!("lienthong.db.before-v{now}");
    assert_eq!(copies(&data), [copy.as_str()]);
    assert_eq!(version(&data.join(&copy)), 1, "it is what the earlier program wrote");
    let kept = fs::read(data.join(&copy)).unwrap();

    // A start that has nothing to bring up to date keeps the copy as it is.
    house.stage.restart().await.unwrap();
    house.stage.stop().await;
    assert_eq!(fs::read(data.join(&copy)).unwrap(), kept);

    // And the way back: the copy in the place of the store holds everything that waited. (Today's program plays the earlier one.)
    let mut back = House::with(&[]).await;
    start_with(&mut back, &kept).await;
    all_is_delivered(&back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_earlier_copy_makes_room_for_the_newer_one() {
    let first = unpack(&fixture("first.txt"));
    let mut house = House::with(&[]).await;
    house.stage.stop().await;
    let data = house.stage.folder().join("data");
    let half = data.join(format!("lienthong.db.before-v{}.part", version(&data.join("lienthong.db"))));
    fs::remove_dir_all(&data).unwrap();
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("lienthong.db"), first).unwrap();
    fs::write(data.join("lienthong.db.before-v0"), b"an older one").unwrap();
    // And half of one, by a start that was cut short.
    fs::write(&half, b"half").unwrap();
    fs::write(house.stage.folder().join("sealing.key"), fixture("first.key")).unwrap();
    house.stage.restart().await.unwrap();
    assert!(!data.join("lienthong.db.before-v0").exists());
    assert!(!half.exists());
    // The newer one goes as well, once nobody goes back: retention takes nothing out of it.
    let copies = || {
        let names = fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().path());
        names.filter(|path| path.to_string_lossy().contains(".before-v")).collect::<Vec<_>>()
    };
    let (app, now) = (house.stage.app().clone(), house.clock.now());
    let made = std::time::UNIX_EPOCH + std::time::Duration::from_millis(now.as_millis().unsigned_abs());
    fs::File::options().write(true).open(&copies()[0]).unwrap().set_modified(made).unwrap();
    app.keep_house(now.plus_millis(29 * 86_400_000)).await.unwrap();
    assert_eq!(copies().len(), 1);
    app.keep_house(now.plus_millis(31 * 86_400_000)).await.unwrap();
    assert!(copies().is_empty());
    house.stage.stop().await;
}
