//! Copies of a store that others write.

use std::path::Path;

use mapistore::{
    Access, BackupIdentity, Cell, ChangeNumber, MapiCode, SaveFlags, Store, StoreUid, pr,
};

use crate::support::{Scene, Sharing, TestStore, code_of, mark_of};

fn rows(store: &Store, sql: &str) -> Vec<Vec<Cell>> {
    store.query(sql).unwrap().rows
}

/// The journal up to a change, as far as it says which versions there are.
fn journal(store: &Store, newest: ChangeNumber) -> Vec<Vec<Cell>> {
    let sql = "SELECT change_number, at, kind, entry_id, row_version, client FROM inspect_changes \
        WHERE change_number <= N ORDER BY change_number";
    rows(store, &sql.replace('N', &newest.to_string()))
}

fn open(path: &Path) -> Store {
    Store::options().read_only().open(path).unwrap()
}

#[test]
fn backup_beside_eight_writers_is_one_committed_state() {
    // P1, O1, S9
    let scene = Scene::new(Sharing::Processes);
    let writers = scene.writers(8, true);
    let folder = tempfile::tempdir().unwrap();
    let mut last = ChangeNumber::ZERO;
    for round in 0..6 {
        let path = folder.path().join(format!("{round}.store"));
        let mut calls = 0;
        let backup = scene
            .store
            .backup(&path, BackupIdentity::New, &mut |_| calls += 1)
            .unwrap();
        assert!(calls > 0);
        assert!(backup.newest_change > last, "the writers go on");
        last = backup.newest_change;
        scene.wait_for_change_after(last);
        let copy = open(&path);
        assert_eq!(copy.uid(), backup.store_uid);
        assert_eq!(
            copy.check(&mut |_| {}).unwrap().problems,
            Vec::<String>::new()
        );
        // It is a prefix of the journal, and every message is as the last row of that prefix says.
        assert_eq!(copy.last_change().unwrap(), last);
        assert_eq!(journal(&copy, last), journal(&scene.store, last));
        let behind = "SELECT entry_id FROM inspect_messages AS message WHERE row_version <> \
            (SELECT max(row_version) FROM inspect_changes WHERE entry_id = message.entry_id)";
        assert_eq!(rows(&copy, behind), Vec::<Vec<Cell>>::new());
        for (_, id) in &writers {
            let object = id.parse::<mapistore::EntryId>().unwrap().object();
            let entry_id = mapistore::EntryId::new(copy.uid(), object);
            let message = copy.open_message(&entry_id, Access::ReadOnly).unwrap();
            // All parts of a message carry one mark.
            mark_of(&message).unwrap();
        }
    }
    for (writer, _) in &writers {
        writer.kill();
    }
    scene.check();
}

#[test]
fn entry_ids_of_a_copy_are_its_own_unless_the_identity_is_kept() {
    // O4
    let test = TestStore::new();
    let id = test.draft("original");
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let kept = folder.path().join("kept");
    for (path, identity) in [(&own, BackupIdentity::New), (&kept, BackupIdentity::Kept)] {
        test.store.backup(path, identity, &mut |_| {}).unwrap();
    }
    let own = Store::options().open(&own).unwrap();
    assert_eq!(
        code_of(own.open_message(&id, Access::ReadOnly)),
        MapiCode::MAPI_E_UNKNOWN_ENTRYID
    );
    let here = mapistore::EntryId::new(own.uid(), id.object());
    let mut message = own.open_message(&here, Access::Modify).unwrap();
    let before = message.get(pr::CHANGE_KEY).unwrap().unwrap();
    message.set(pr::SUBJECT, "changed").unwrap();
    message
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    // What was saved in the original stays the original's; what is saved here is told apart by who saved it.
    let after = message.get(pr::CHANGE_KEY).unwrap().unwrap();
    let namespace = |key: &[u8]| StoreUid::from_bytes(key[..16].try_into().unwrap());
    assert_eq!(namespace(&before), test.store.uid());
    assert_eq!(namespace(&after), own.uid());
    assert!(own.check(&mut |_| {}).unwrap().is_sound());

    let kept = Store::options().open(&kept).unwrap();
    let message = kept.open_message(&id, Access::ReadOnly).unwrap();
    assert_eq!(
        message.get(pr::SUBJECT).unwrap().as_deref(),
        Some("original")
    );
}

#[test]
fn backup_of_a_read_only_store_and_of_a_backup() {
    // O3
    let test = TestStore::new();
    test.draft("original");
    let folder = tempfile::tempdir().unwrap();
    let mut path = test.store.path().to_owned();
    for number in 0..3 {
        let store = open(&path);
        path = folder.path().join(number.to_string());
        store
            .backup(&path, BackupIdentity::Kept, &mut |_| {})
            .unwrap();
        let copy = open(&path);
        assert_eq!(rows(&copy, "SELECT subject FROM inspect_messages").len(), 1);
        assert!(copy.check(&mut |_| {}).unwrap().is_sound());
    }
}
