//! Files that are sealed in records: whole, damaged, half there, named and forgotten.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use super::super::filed::{RECORD, is_file};
use super::*;

fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|number| (number * 7 + number / 251) as u8).collect()
}

fn kept(store: &Store, content: &[u8]) -> gateway_core::lift::Ticket {
    let mut draft = store.draft().unwrap();
    content.chunks(10_007).for_each(|piece| draft.write(piece).unwrap());
    draft.finish().unwrap().keep().unwrap()
}

fn read(store: &Store, ticket: &gateway_core::lift::Ticket, mut from: u64) -> Result<Vec<u8>, StoreError> {
    let (mut file, mut bytes) = (store.file(ticket)?, Vec::new());
    loop {
        let some = file.read(from)?;
        if some.is_empty() {
            return Ok(bytes);
        }
        from += some.len() as u64;
        bytes.extend_from_slice(some);
    }
}

fn all_files(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder.join("claims")) else { return Vec::new() };
    let below = entries.flat_map(|entry| fs::read_dir(entry.unwrap().path()).unwrap());
    below.map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_any_length_comes_back_from_any_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let lengths = [
        0,
        1,
        RECORD - 1,
        RECORD,
        RECORD + 1,
        4 * RECORD,
        4 * RECORD + 1,
        8 * RECORD,
        9 * RECORD - 1,
        50 * RECORD + 5,
    ];
    for bytes in lengths {
        let content = content(bytes);
        let ticket = kept(&store, &content);
        assert_eq!(ticket, gateway_core::lift::Ticket::of(&content));
        for from in [0, 1, RECORD / 2, RECORD, bytes.saturating_sub(1), bytes, bytes + 1] {
            let wanted = content.get(from..).unwrap_or_default();
            assert_eq!(read(&store, &ticket, from as u64).unwrap(), wanted, "{bytes} from {from}");
        }
        assert_eq!(kept(&store, &content), ticket, "an equal one takes its place");
    }
    let names = all_files(folder.path());
    assert_eq!(names.len(), lengths.len());
    for path in names {
        assert!(is_file(path.file_name().unwrap().to_str().unwrap()));
        let sealed = fs::read(&path).unwrap();
        let begins = content(16);
        assert!(!sealed.windows(16).any(|window| window == begins), "it is sealed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_changed_in_any_way_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let record = (RECORD + 16) as u64;
    type Damage<'a> = (&'a str, &'a dyn Fn(&fs::File));
    let damages: [Damage<'_>; 5] = [
        ("a byte", &|file| file.write_at(&[0], 30).map(drop).unwrap()),
        ("its end", &|file| file.set_len(20 + record).unwrap()),
        ("some bytes of its end", &|file| file.set_len(20 + 2 * record + 40).unwrap()),
        ("more at its end", &|file| file.write_at(&[7; 50], 20 + 3 * record).map(drop).unwrap()),
        ("two records", &|file| {
            let (mut first, mut second) = (vec![0; record as usize], vec![0; record as usize]);
            file.read_at(&mut first, 20).unwrap();
            file.read_at(&mut second, 20 + record).unwrap();
            file.write_at(&second, 20).unwrap();
            file.write_at(&first, 20 + record).unwrap();
        }),
    ];
    for (number, (what, damage)) in damages.into_iter().enumerate() {
        let ticket = kept(&store, &content(3 * RECORD - number));
        let path = store.vault.path(&store.vault.digests.file(&ticket.sha256));
        damage(&fs::File::options().read(true).write(true).open(&path).unwrap());
        assert_eq!(read(&store, &ticket, 0), Err(StoreError::Unsealable("claim.file")), "{what}");
    }
    // Under another's name it does not open either.
    let (one, other) = (kept(&store, &content(50)), kept(&store, &[content(49), vec![0]].concat()));
    let path =
        |ticket: &gateway_core::lift::Ticket| store.vault.path(&store.vault.digests.file(&ticket.sha256));
    fs::create_dir_all(path(&other).parent().unwrap()).unwrap();
    fs::rename(path(&one), path(&other)).unwrap();
    assert_eq!(read(&store, &other, 0), Err(StoreError::Unsealable("claim.file")));
    assert_eq!(read(&store, &one, 0), Err(StoreError::Unsealable("claim.file")), "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_keeps_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut draft = store.draft().unwrap();
    // Some of it is written already, by a thread that is not waited for.
    draft.write(&content(70 * RECORD)).unwrap();
    assert_eq!(all_files(folder.path()).len(), 1);
    drop(draft);
    let mut draft = store.draft().unwrap();
    draft.write(b"whole").unwrap();
    drop(draft.finish().unwrap());
    assert_eq!(all_files(folder.path()), Vec::<PathBuf>::new());
}

/// A message names its files; they stay as long as its bodies, are in a backup's list, and are swept after that.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_carries_its_files_and_lets_them_go() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (carried, forgotten) = (kept(&store, &content(RECORD + 9)), kept(&store, b"nobody's"));
    let named = NewMessage { files: vec![carried.clone()], ..snapshot("9", 0) };
    let admitted = store.admit(vec![named]).await.unwrap();
    let delivery = admitted[0].deliveries[0].delivery;
    assert_eq!(store.load(delivery).await.unwrap().unwrap().envelope.files, std::slice::from_ref(&carried));
    let age = |path: PathBuf| {
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    };
    all_files(folder.path()).into_iter().for_each(age);
    assert_eq!(store.sweep().await.unwrap(), 1);
    assert_eq!(read(&store, &carried, 0).unwrap(), content(RECORD + 9));
    assert!(read(&store, &forgotten, 0).is_err());
    let found = Snapshot::of(folder.path(), seal()).unwrap();
    assert_eq!(found.claims().unwrap(), [store.vault.digests.file(&carried.sha256)]);
    assert_eq!(found.examine(&mut |_, _| ()).unwrap(), []);
    let path = store.vault.path(&store.vault.digests.file(&carried.sha256));
    fs::File::options().write(true).open(&path).unwrap().write_at(&[1], 100).unwrap();
    assert_eq!(found.examine(&mut |_, _| ()).unwrap().len(), 1);
}

/// A call may bring files for hours; what it brought first is as safe until its row names it as what it brought last.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_waits_for_its_row_is_not_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let age = || {
        for path in all_files(folder.path()) {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
        }
    };
    let mut draft = store.draft().unwrap();
    draft.write(&content(2 * RECORD)).unwrap();
    age();
    assert_eq!(store.sweep().await.unwrap(), 0, "it is being written");
    let finished = draft.finish().unwrap();
    age();
    assert_eq!(store.sweep().await.unwrap(), 0, "others of its call are");
    let ticket = finished.keep().unwrap();
    assert_eq!(store.sweep().await.unwrap(), 0, "its row is");
    assert_eq!(read(&store, &ticket, 0).unwrap(), content(2 * RECORD));
    // What a crash left is nobody's.
    let left = folder.path().join("claims/new/draft-00");
    fs::write(&left, b"half").unwrap();
    age();
    assert_eq!(store.sweep().await.unwrap(), 2);
}
