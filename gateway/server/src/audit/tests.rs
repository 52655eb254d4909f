use std::path::PathBuf;

use gateway_core::licence::Shown;

use super::*;

struct Given {
    from: PeerName,
    unit: Unit,
    officer: Officer,
    kind: Kind,
    correlation: Correlation,
}

impl Given {
    fn new() -> Self {
        Given {
            from: PeerName::from("mot-cua"),
            unit: Unit::from("000.00.00.H99"),
            officer: Officer { name: "canbo.thu".to_owned(), shown: Shown::Asserted },
            kind: Kind::from("look-up-citizen"),
            correlation: Correlation::from("thu-0001"),
        }
    }

    fn asked<'a>(&'a self, numbers: &'a [[u8; 16]]) -> Asked<'a> {
        Asked {
            question: MessageId::new(at(0), [numbers[0][0]; 10]),
            correlation: &self.correlation,
            from: &self.from,
            unit: &self.unit,
            officer: &self.officer,
            officer_code: None,
            procedure: "1.004222",
            dossier: Some("H99.07-261001-0042"),
            operation: &self.kind,
            code: Some("037"),
            to: &self.from,
            profile: "p1",
            numbers,
        }
    }
}

/// From noon on the last day of a month, so that nine hours later it is another one.
fn at(minutes: i64) -> Moment {
    Moment::parse("2026-10-31T15:00:00+07:00").unwrap().plus_millis(minutes * 60_000)
}

fn keys() -> AuditKeys {
    AuditKeys::derive(&SealKey::generate())
}

async fn ask(trail: &Trail, given: &Given, count: u8, minutes: i64) {
    for n in 0..count {
        let numbers = [trail.keys().number(&format!("0010850000{n:02}"))];
        let asked = given.asked(&numbers);
        trail.asked(&asked, at(minutes)).await.unwrap();
        let ended = Ended { question: asked.question, outcome: "found", duration_ms: 5, calls: 1 };
        trail.ended(&ended, at(minutes));
    }
}

#[tokio::test]
async fn whatever_a_caller_writes_in_place_of_a_code_is_not_read_in_the_trail() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, mut given) = (keys(), Given::new());
    given.officer.name = "001080000000".to_owned();
    let trail = Trail::open(folder.path(), keys.clone(), at(0)).unwrap();
    let asked = Asked {
        procedure: "Nguyễn Văn Thử",
        dossier: Some("CCCD 001085000000"),
        officer_code: Some("001080000000"),
        ..given.asked(&[[1; 16]])
    };
    trail.asked(&asked, at(0)).await.unwrap();
    trail.close().await;
    let text = std::fs::read_to_string(the_file(folder.path())).unwrap();
    for personal in ["001080000000", "001085000000", "Nguyễn"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    // Who has the key still finds them.
    assert!(text.contains(&format!("\"officer\":\"{}\"", keys.officer("001080000000"))), "{text}");
}

fn the_file(folder: &Path) -> PathBuf {
    chain::files(folder).unwrap().pop().unwrap()
}

#[tokio::test]
async fn the_chain_goes_on_over_restarts_and_months_and_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, given) = (keys(), Given::new());
    for minutes in [0, 1, 10 * 60] {
        let trail = Trail::open(folder.path(), keys.clone(), at(minutes)).unwrap();
        ask(&trail, &given, 3, minutes).await;
        trail.close().await;
    }
    let checked = verify(folder.path(), &[keys], &[]).unwrap().unwrap();
    assert_eq!((checked.files, checked.questions, checked.without_end, checked.first), (2, 9, 0, 1));
    assert_eq!(checked.checkpoints, 3, "one at each start");
    let text = std::fs::read_to_string(the_file(folder.path())).unwrap();
    assert!(!text.contains("00108500000"), "numbers are digests");
}

#[tokio::test]
async fn what_is_cut_from_its_front_is_vouched_for_and_anything_else_that_is_gone_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, given) = (keys(), Given::new());
    const MONTH: i64 = 31 * 24 * 60;
    for month in 0..4 {
        let trail = Trail::open(folder.path(), keys.clone(), at(month * MONTH)).unwrap();
        ask(&trail, &given, 3, month * MONTH).await;
        trail.close().await;
    }
    let check = || verify(folder.path(), std::slice::from_ref(&keys), &[]).unwrap();
    let all = chain::files(folder.path()).unwrap();
    assert_eq!(all.len(), 4);
    let kept = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().replace("audit-", "");
    assert_eq!(month_before(at(3 * MONTH), 2), kept(&all[1]));
    assert_eq!(cut(folder.path(), &keys, &kept(&all[2])).unwrap(), 2);
    let checked = check().unwrap();
    assert_eq!((checked.files, checked.questions), (2, 6));
    assert!(checked.first > 1);
    // It goes on behind what was cut, and is cut again.
    let trail = Trail::open(folder.path(), keys.clone(), at(4 * MONTH)).unwrap();
    ask(&trail, &given, 1, 4 * MONTH).await;
    trail.close().await;
    assert_eq!(cut(folder.path(), &keys, "9999-01").unwrap(), 2, "never the latest");
    assert_eq!(check().unwrap().questions, 1);
    // Who takes away the beginning cannot vouch for it.
    let gone = "the lines before this one are gone, and no head of ours says that they were cut";
    let proof = std::fs::read_to_string(folder.path().join(CUT)).unwrap();
    std::fs::remove_file(folder.path().join(CUT)).unwrap();
    assert_eq!(check().unwrap_err().what, gone);
    let forged = proof.replacen("\"mac\":\"", "\"mac\":\"0", 1);
    std::fs::write(folder.path().join(CUT), forged).unwrap();
    assert_eq!(check().unwrap_err().what, gone);
    std::fs::write(folder.path().join(CUT), proof).unwrap();
    check().unwrap();
}

#[tokio::test]
async fn whatever_is_changed_taken_away_or_written_anew_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, given) = (keys(), Given::new());
    let trail = Trail::open(folder.path(), keys.clone(), at(0)).unwrap();
    ask(&trail, &given, 3, 0).await;
    trail.close().await;
    let path = the_file(folder.path());
    let whole = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let head = verify(folder.path(), std::slice::from_ref(&keys), &[]).unwrap().unwrap();
    let broken = |text: &str| {
        std::fs::write(&path, text).unwrap();
        verify(folder.path(), std::slice::from_ref(&keys), &[(head.last, head.head.clone())])
            .unwrap()
            .unwrap_err()
    };
    assert_eq!(
        broken(&whole.replacen("canbo.thu", "canbo.xau", 1)).line,
        4,
        "the line after the changed one"
    );
    let without: Vec<&str> =
        lines.iter().enumerate().filter(|(n, _)| *n != 3).map(|(_, line)| *line).collect();
    assert_eq!(broken(&(without.join("\n") + "\n")).line, 4);
    assert_eq!(broken(&(lines[..lines.len() - 1].join("\n") + "\n")).line, 0, "the end was taken away");
    assert_eq!(
        broken(whole.trim_end()).what,
        "the last line is cut off; the next start of the gateway says so in the trail"
    );
    // Written anew with another key: every hash fits, the checkpoint does not.
    std::fs::remove_file(&path).unwrap();
    let forged = Trail::open(folder.path(), self::keys(), at(0)).unwrap();
    ask(&forged, &given, 3, 0).await;
    forged.close().await;
    let found = verify(folder.path(), std::slice::from_ref(&keys), &[]).unwrap().unwrap_err();
    assert_eq!(found.what, "a checkpoint was not made with a key of this gateway");
}

#[test]
fn who_writes_anew_cannot_leave_the_checkpoints_out() {
    let keys = keys();
    for (lines, minutes_apart, missing) in [(900, 0, true), (4, 24 * 60, true), (2, 24 * 60, false)] {
        let folder = tempfile::tempdir().unwrap();
        let (mut head, mut text) = (chain::Head::origin(), String::new());
        for n in 0..lines {
            let (line, next) = chain::line(&head, at(n * minutes_apart).to_string(), &Record::Opened);
            text += &(line + "\n");
            head = next;
        }
        std::fs::write(folder.path().join("audit-2026-10.jsonl"), text).unwrap();
        assert!(verify(folder.path(), &[], &[]).unwrap().is_ok(), "every hash fits");
        let found = verify(folder.path(), std::slice::from_ref(&keys), &[]).unwrap();
        assert_eq!(found.is_err_and(|broken| broken.what.starts_with("a checkpoint is missing")), missing);
    }
}

#[tokio::test]
async fn a_line_that_a_crash_cut_off_is_closed_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, given) = (keys(), Given::new());
    let trail = Trail::open(folder.path(), keys.clone(), at(0)).unwrap();
    ask(&trail, &given, 2, 0).await;
    trail.close().await;
    let path = the_file(folder.path());
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 40]).unwrap();
    let trail = Trail::open(folder.path(), keys.clone(), at(1)).unwrap();
    ask(&trail, &given, 1, 1).await;
    trail.close().await;
    let checked = verify(folder.path(), &[keys], &[]).unwrap().unwrap();
    assert_eq!((checked.torn, checked.questions), (1, 3));
}

#[tokio::test]
async fn a_crash_or_a_full_disk_at_any_byte_leaves_a_trail_that_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, given) = (keys(), Given::new());
    let reopened = async |minutes| {
        let trail = Trail::open(folder.path(), keys.clone(), at(minutes)).unwrap();
        ask(&trail, &given, 1, minutes).await;
        trail.close().await;
        verify(folder.path(), std::slice::from_ref(&keys), &[]).unwrap()
    };
    reopened(0).await.unwrap();
    let path = the_file(folder.path());
    let whole = std::fs::read(&path).unwrap();
    // Only the line feed is missing; there was room for it behind the torn line and for nothing else; and for half of the record that
    // says so.
    let torn = &whole[..whole.len() - 40];
    for (left, lines) in [
        (whole[..whole.len() - 1].to_vec(), 0),
        ([torn, b"\n"].concat(), 1),
        ([torn, b"\n", b"{\"seq\":7,\"prev"].concat(), 2),
        ([torn, b"\n", b"{\"seq\":7,\"prev\n"].concat(), 2),
    ] {
        std::fs::write(&path, &left).unwrap();
        let checked = reopened(1).await.unwrap_or_else(|broken| panic!("{lines}: {broken}"));
        assert_eq!((checked.torn, checked.questions), (lines.min(1), 2), "{lines}");
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_said_and_goes_on_once_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, given) = (keys(), Given::new());
    let trail = Trail::open(&folder.path().join("audit"), keys.clone(), at(0)).unwrap();
    ask(&trail, &given, 1, 0).await;
    // The month's new file cannot be made where a folder stands in its place.
    let obstacle = folder.path().join("audit/audit-2026-11.jsonl");
    std::fs::create_dir(&obstacle).unwrap();
    assert!(trail.asked(&given.asked(&[[1; 16]]), at(10 * 60)).await.is_err());
    assert!(!trail.is_well());
    std::fs::remove_dir(&obstacle).unwrap();
    trail.asked(&given.asked(&[[1; 16]]), at(10 * 60)).await.unwrap();
    assert!(trail.is_well());
    trail.close().await;
    assert_eq!(verify(&folder.path().join("audit"), &[keys], &[]).unwrap().unwrap().questions, 2);
}

#[tokio::test]
async fn a_day_without_a_question_has_its_head_too_and_an_hour_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let keys = keys();
    let trail = Trail::open(folder.path(), keys.clone(), at(0)).unwrap();
    for hours in [1, 2, 9, 10, 33] {
        trail.day(at(hours * 60)).await;
    }
    trail.close().await;
    let checked = verify(folder.path(), &[keys], &[]).unwrap().unwrap();
    assert_eq!(checked.checkpoints, 3, "at the start and after each midnight");
}
