//! A store in trouble: held by somebody else, cut, damaged. Found at the start and said with the next step, never passed over.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use conformance::process::lienthong;
use conformance::senders::open_deliveries;
use lienthong::simulator::Twist;
use rusqlite::Connection;
use serde_json::json;

use super::{ill, ready};
use crate::process::Process;
use crate::wire::{House, RELAY, Speaker, ask, dossier, until};

/// A call that waits for somebody else's lock is answered within this.
const SOON: Duration = Duration::from_secs(8);

fn database(house: &House) -> PathBuf {
    house.stage.folder().join("data/lienthong.db")
}

fn beside(house: &House, words: &[&str]) -> Output {
    let config = house.stage.folder().join("lienthong.toml");
    // A gateway that starts although it should not would run for ever.
    let mut command = Command::new("timeout");
    command.arg("20").arg(lienthong()).arg("-c").arg(config).args(words);
    command.output().expect("the command runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_gateway_on_the_same_folder_says_who_has_it_and_what_to_do() {
    let mut house = House::with(&[]).await;
    let process = Process::in_place_of(&mut house).await;
    let second = beside(&house, &["run"]);
    assert_eq!(second.status.code(), Some(3));
    let pid = process.pid().to_string();
    for word in ["đang do tiến trình", &pid, "systemctl stop lienthong"] {
        assert!(said(&second).contains(word), "{word} is not in {}", said(&second));
    }
    assert!(said(&beside(&house, &["run", "--lang", "en"])).contains(&format!("in use by process {pid}")));
    assert_eq!(ready(process.address).await.0, 200, "the first one does not care");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_somebody_else_locks_is_said_and_gets_over() {
    let mut house = House::with(&[]).await;
    let process = Process::in_place_of(&mut house).await;
    let send = async |code: &str| {
        let body = RELAY.body(&[dossier(code, json!({}))]);
        ask(process.address, &house.post(RELAY, &body)).await.unwrap()
    };
    assert_eq!(send("H99.14-261123-0711").await.status, 200);
    let other = Connection::open(database(&house)).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let began = Instant::now();
    let heard = send("H99.14-261123-0712").await;
    assert_eq!(heard.status, 503, "{heard:?}");
    assert!(heard.header("retry-after").is_some() && began.elapsed() < SOON, "{:?}", began.elapsed());
    let locked = async || (ready(process.address).await.1["store"] == "store-locked").then_some(());
    until("a readiness that says so", locked).await;
    let noted = ill(process.address, "store").await.expect("it stands in the list");
    assert!(noted["reason"] == "store-locked" && noted["since"].is_string(), "{noted}");
    let found = said(&beside(&house, &["doctor", "--no-log-in", "--lang", "vi"]));
    for word in ["kho dữ liệu đang bị một chương trình khác khóa", "`fuser lienthong.db`"] {
        assert!(found.contains(word), "{word} is not in {found}");
    }
    assert!(!found.contains("locked by another"), "{found}");
    other.execute_batch("ROLLBACK").unwrap();
    until("readiness", async || (ready(process.address).await.0 == 200).then_some(())).await;
    assert_eq!(ill(process.address, "store").await, None);
    assert_eq!(send("H99.14-261123-0712").await.status, 200);
    until("both at the portal", async || (house.stage.portal.state()["creates"] == 2).then_some(())).await;
}

/// The portal shows nobody its steps: a step whose answer was forgotten would be sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_cannot_be_written_yet_is_not_forgotten() {
    let mut house = House::with(&[]).await;
    let process = Process::in_place_of(&mut house).await;
    let code = "H99.14-261123-0713";
    let state = house.post(RELAY, &RELAY.body(&[dossier(code, json!({}))]));
    assert_eq!(ask(process.address, &state).await.unwrap().status, 200);
    until("the dossier at the portal", async || (house.stage.portal.state()["creates"] == 1).then_some(()))
        .await;
    let calls = house.stage.portal.calls();
    house.stage.portal.script([Twist::Slow(3_000)]);
    let mut step: serde_json::Value = serde_json::from_str(&conformance::documents()["step.json"]).unwrap();
    step["MaHoSo"] = json!(code);
    let steps = Speaker { path: "/api/SynsTTHCC/CapNhatTienDoHoSoMC?MaDinhDanhDV=000.00.00.H99", ..RELAY };
    let step = house.post(steps, json!([step]).to_string().as_bytes());
    assert_eq!(ask(process.address, &step).await.unwrap().status, 200);
    until("the step at the portal", async || (house.stage.portal.calls() > calls).then_some(())).await;
    let other = Connection::open(database(&house)).unwrap();
    other.busy_timeout(Duration::from_secs(20)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let unwritten = |line: &serde_json::Value| {
        line.to_string().contains("answer-not-written") || line.to_string().contains("delivery-unrecorded")
    };
    process.logged("an answer that is not on disk", unwritten).await;
    other.execute_batch("ROLLBACK").unwrap();
    until("the end", async || (open_deliveries(process.address).await == Some(0)).then_some(())).await;
    let state = house.stage.portal.state();
    assert_eq!(state["progress"].as_array().map(Vec::len), Some(1), "{}", state["progress"]);
}

/// A gateway that was killed with messages in its log, on a folder of a house whose portal takes nothing.
async fn killed(house: &mut House) {
    house.stage.portal.always(lienthong::simulator::Twist::parse("503"));
    let process = Process::in_place_of(house).await;
    for number in 0..20 {
        let body = RELAY.body(&[dossier(&format!("H99.14-261123-{number:04}"), json!({}))]);
        let heard = ask(process.address, &house.post(RELAY, &body)).await.unwrap();
        assert_eq!(heard.status, 200, "{heard:?}");
    }
    // Dropped is killed.
    drop(process);
}

/// `run` and `check --store` both refuse and say so; what lies in the folder stays as it is for whoever looks at it.
fn is_refused(house: &House, what: &str) {
    for (words, status) in [(&["run"][..], 3), (&["check", "--store"], 1), (&["run"], 3)] {
        let done = beside(house, words);
        assert_eq!(done.status.code(), Some(status), "{what}: {words:?}: {}", said(&done));
        for word in ["kho dữ liệu bị hỏng", "khôi phục từ bản sao lưu", "lienthong restore"] {
            assert!(said(&done).contains(word), "{what}: {words:?}: {}", said(&done));
        }
    }
    let json = said(&beside(house, &["check", "--store", "--json"]));
    assert!(json.contains("the store is damaged"), "{what}: {json}");
}

fn flip(path: &Path, at: u64) {
    let mut file = File::options().read(true).write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(&[0xa5; 64]).unwrap();
}

fn cut(path: &Path, keep: u64) {
    File::options().write(true).open(path).unwrap().set_len(keep).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_cut_or_damaged_is_found_although_the_engine_would_take_it() {
    let mut house = House::with(&[]).await;
    killed(&mut house).await;
    let (database, log, index) = (
        database(&house),
        database(&house).with_extension("db-wal"),
        database(&house).with_extension("db-shm"),
    );
    let kept = [&database, &log, &index].map(|path| (path.clone(), fs::read(path).unwrap()));
    let whole = kept[1].1.len() as u64;
    assert!(whole > 100_000, "the messages are in the log: {whole}");
    let put_back = || kept.iter().for_each(|(path, bytes)| fs::write(path, bytes).unwrap());

    cut(&log, whole - 1);
    is_refused(&house, "the last byte is gone");
    put_back();
    cut(&log, whole / 2);
    is_refused(&house, "half of it is gone");
    put_back();
    flip(&log, whole / 2);
    is_refused(&house, "its middle is damaged");
    put_back();
    fs::remove_file(&log).unwrap();
    is_refused(&house, "all of it is gone");
    put_back();
    // Whole again, it opens with everything that was acknowledged.
    assert!(said(&beside(&house, &["check", "--store"])).contains("kho dữ liệu nguyên vẹn"));
    house.stage.restart().await.unwrap();
    let open = house.stage.app().store.stats().await.unwrap();
    assert_eq!(open.peers.values().map(|peer| peer.lanes).sum::<u64>(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_cut_or_damaged_is_found() {
    let mut house = House::with(&[]).await;
    house.stage.portal.always(lienthong::simulator::Twist::parse("503"));
    let many: Vec<_> =
        (0..60).map(|number| dossier(&format!("H99.14-261123-{number:04}"), json!({}))).collect();
    assert_eq!(house.send(RELAY, &many).await.status, 200);
    house.stage.stop().await;
    let database = database(&house);
    let whole = fs::read(&database).unwrap();
    let pages = whole.len() as u64 / 4096;
    assert!(pages > 40, "{pages} pages");

    flip(&database, pages / 2 * 4096);
    is_refused(&house, "a page in the middle");
    fs::write(&database, &whole).unwrap();
    cut(&database, pages / 2 * 4096);
    is_refused(&house, "half of it is gone");
    fs::write(&database, &whole).unwrap();
    cut(&database, whole.len() as u64 - 100);
    is_refused(&house, "its end is gone");
    fs::write(&database, &whole).unwrap();
    flip(&database, 0);
    is_refused(&house, "its beginning");
    fs::write(&database, &whole).unwrap();
    house.stage.restart().await.unwrap();
    assert_eq!(ready(house.address()).await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn news_of_an_item_that_nobody_ordered_is_given_up_where_no_carrier_is_asked_by_the_clock() {
    let house = House::with(&[]).await;
    let db = rusqlite::Connection::open(database(&house)).unwrap();
    let parked = || db.query_row("SELECT count(*) FROM observed", [], |row| row.get::<_, i64>(0)).unwrap();
    db.execute_batch(
        "INSERT INTO observed (peer, at, received, confirmed, says, alert_at) VALUES ('buu-cuc', 0, 0, 1, 'x', 1)",
    )
    .unwrap();
    assert_eq!(parked(), 1);
    house.clock.advance_to(house.clock.now().plus_millis(3_600_000));
    until("the parked row is given up", async || (parked() == 0).then_some(())).await;
}
