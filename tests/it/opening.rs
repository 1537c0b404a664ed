//! What may lie where a store is opened.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use mapistore::{Result, Store};

use crate::support::{TestStore, code_of};

fn create(path: &Path) -> Result<Store> {
    Store::options().create_if_missing().open(path)
}

#[test]
fn all_files_of_a_store_are_private_also_where_an_empty_one_was_there() {
    // P6
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    fs::write(&path, b"").unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let _store = create(&path).unwrap();
    for entry in fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[test]
fn file_of_somebody_else_is_refused_and_left_as_it_was() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    for content in [&b"x"[..], b"From: ana@example.org\n", &[7; 5_000]] {
        let path = folder.path().join(format!("{}.file", content.len()));
        fs::write(&path, content).unwrap();
        assert_eq!(code_of(create(&path)).name(), "MAPI_E_CORRUPT_STORE");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let path = folder.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE theirs (it);")
        .unwrap();
    let log = folder.path().join("other.db-wal");
    let (file, before) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    std::mem::forget(other);
    assert_eq!(code_of(create(&path)).name(), "MAPI_E_CORRUPT_STORE");
    assert_eq!(
        (fs::read(&path).unwrap(), fs::read(&log).unwrap()),
        (file, before)
    );
}

#[test]
fn links_are_followed_and_those_that_lead_nowhere_refused() {
    let test = TestStore::new();
    let link = test.folder.path().join("link");
    symlink(test.store.path(), &link).unwrap();
    assert_eq!(create(&link).unwrap().uid(), test.store.uid());
    let nowhere = test.folder.path().join("nowhere");
    symlink(test.folder.path().join("missing"), &nowhere).unwrap();
    assert_eq!(code_of(create(&nowhere)).name(), "MAPI_E_NOT_FOUND");
    let hard = test.folder.path().join("hard");
    fs::hard_link(test.store.path(), &hard).unwrap();
    assert_eq!(code_of(create(&hard)).name(), "MAPI_E_INVALID_PARAMETER");
}

#[test]
fn store_in_another_journal_mode_is_refused() {
    // P1
    let test = TestStore::new();
    let path = test.store.path().to_owned();
    let _folder = test.close();
    let by_hand = rusqlite::Connection::open(&path).unwrap();
    by_hand
        .execute_batch("PRAGMA journal_mode = DELETE")
        .unwrap();
    drop(by_hand);
    assert_eq!(code_of(create(&path)).name(), "MAPI_E_CORRUPT_STORE");
}

#[test]
fn timeouts_longer_than_any_clock_are_taken() {
    // P3
    let test = TestStore::new();
    let store = Store::options()
        .busy_timeout(Duration::MAX)
        .open(test.store.path())
        .unwrap();
    test.draft("one");
    let mut changes = store.subscribe(mapistore::ChangeNumber::ZERO).unwrap();
    let notice = changes.next(Duration::MAX).unwrap();
    assert!(
        matches!(notice, mapistore::Notice::Changed(_)),
        "{notice:?}"
    );
}
