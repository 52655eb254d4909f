//! Keys, secret paths and sessions: what opens, until when, and what a file that cannot be read does.

use super::*;

#[test]
fn a_key_opens_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let at = Moment::from_millis(1_000_000);
    let ring = Keyring::new(path.clone(), b"k");
    let (id, key) = add(&path, "mot-cua", None, "", at).unwrap();
    assert_eq!(ring.caller(&key, at).unwrap().peer, PeerName::from("mot-cua"));
    assert_eq!(ring.caller(&Secret::new("lt_wrong"), at), None);
    assert!(!std::fs::read_to_string(&path).unwrap().contains(key.reveal()));
    assert!(revoke(&path, &id).unwrap());
    assert!(!revoke(&path, &id).unwrap());
    assert!(!revoke(&folder.path().join("nowhere/keys.json"), &id).unwrap());
    assert_eq!(ring.caller(&key, at.plus_millis(1500)), None);
}

/// Only the administrator can give a file away, so only there is anything to see.
#[test]
fn what_an_administrator_writes_belongs_to_who_owns_the_folder() {
    use std::os::unix::fs::{MetadataExt as _, chown};
    let folder = tempfile::tempdir().unwrap();
    if chown(folder.path(), Some(65_534), Some(65_534)).is_err() {
        return;
    }
    let path = folder.path().join("keys.json");
    let owners = || {
        let there = std::fs::read_dir(folder.path()).unwrap();
        there.map(|entry| entry.unwrap().metadata().unwrap().uid()).collect::<Vec<_>>()
    };
    let (id, _) = add(&path, "mot-cua", None, "", Moment::from_millis(0)).unwrap();
    assert_eq!(owners(), [65_534, 65_534], "the keys and their lock");
    assert!(revoke(&path, &id).unwrap());
    assert_eq!(owners(), [65_534, 65_534]);
}

#[test]
fn a_file_that_was_never_read_makes_no_key_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let at = Moment::from_millis;
    let missing = Keyring::new(path.clone(), b"k");
    assert!(!missing.is_unread(at(0)), "a new installation");
    let (_, key) = add(&path, "mot-cua", None, "", at(0)).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let ring = Keyring::new(path.clone(), b"k");
    assert!(ring.caller(&key, at(0)).is_some());
    std::fs::write(&path, "[{").unwrap();
    let started = Keyring::new(path.clone(), b"k");
    assert!(started.is_unread(at(2_000)) && started.caller(&key, at(2_000)).is_none());
    // Whoever knows the keys goes on with them, and both say since when.
    assert!(ring.caller(&key, at(2_000)).is_some() && !ring.is_unread(at(2_000)));
    assert_eq!(ring.failing_since(at(4_000)), Some(at(2_000)));
    assert_eq!(started.failing_since(at(4_000)), Some(at(2_000)));
    std::fs::write(&path, &whole).unwrap();
    assert!(started.caller(&key, at(6_000)).is_some() && !started.is_unread(at(6_000)));
    assert_eq!(started.failing_since(at(6_000)), None);
}

#[test]
fn a_secret_path_is_good_in_a_path_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let at = Moment::from_millis(1_000_000);
    let ring = Keyring::new(path.clone(), b"k");
    let (_, segment) = add_path(&path, "ems", "", at).unwrap();
    let (_, key) = add(&path, "ems", None, "", at).unwrap();
    assert_eq!(segment.reveal().len(), 40);
    assert!(ring.caller_by_path(&segment.reveal().to_uppercase(), at).is_some());
    assert_eq!(ring.caller(&segment, at), None);
    assert_eq!(ring.open_session(&segment, at), None);
    assert_eq!(ring.caller_by_path(key.reveal(), at), None);
    assert!(!std::fs::read_to_string(&path).unwrap().contains(segment.reveal()));
}

#[test]
fn a_session_survives_a_restart_and_ends_with_its_time_or_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let at = Moment::from_millis(1_000_000);
    let (id, key) = add(&path, "mot-cua", None, "", at).unwrap();
    let (_, token, seconds) = Keyring::new(path.clone(), b"k").open_session(&key, at).unwrap();
    let restarted = Keyring::new(path.clone(), b"k");
    assert_eq!(restarted.session(&token, at).unwrap().peer, PeerName::from("mot-cua"));
    assert_eq!(restarted.session(&token, at.plus_millis(seconds as i64 * 1000)), None);
    assert_eq!(Keyring::new(path.clone(), b"other").session(&token, at), None);
    assert_eq!(restarted.session(&Secret::new("x.y"), at), None);
    assert!(revoke(&path, &id).unwrap());
    assert_eq!(restarted.session(&token, at.plus_millis(1500)), None);
}
