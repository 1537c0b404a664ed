//! A schema that is not the store's is refused before anything of it is run.

use std::fs;

use mapistore::{MapiCode, Store};

use crate::support::{TestStore, code_of};

fn refused(sql: &str) -> bool {
    let test = TestStore::new();
    let path = test.store.path().to_owned();
    let folder = test.close();
    let by_hand = rusqlite::Connection::open(&path).unwrap();
    by_hand.execute_batch(sql).unwrap();
    drop(by_hand);
    let before = fs::read(&path).unwrap();
    let is_refused = [Store::options(), Store::options().read_only()].map(|options| {
        let opened = options.open(&path);
        let is_refused = opened.is_err();
        if is_refused {
            assert_eq!(code_of(opened), MapiCode::MAPI_E_CORRUPT_STORE, "{sql}");
            assert!(fs::read(&path).unwrap() == before, "{sql}");
        }
        is_refused
    });
    assert_eq!(is_refused[0], is_refused[1]);
    drop(folder);
    is_refused[0]
}

#[test]
fn views_triggers_and_tables_that_are_not_the_stores_are_refused() {
    // P1
    for sql in [
        // Who lists folders would never come back.
        "DROP VIEW folder_paths; CREATE VIEW folder_paths AS WITH RECURSIVE paths (folder_id, path) AS \
         (SELECT 1, '/' UNION ALL SELECT folder_id + 1, path FROM paths) SELECT folder_id, path FROM paths",
        "CREATE TRIGGER mine AFTER INSERT ON changes BEGIN DELETE FROM messages; END",
        // SQLite accepts it, and a save would load code.
        "CREATE TRIGGER mine BEFORE INSERT ON changes BEGIN SELECT load_extension('mine'); END",
        "CREATE TRIGGER mine INSTEAD OF INSERT ON inspect_messages \
         BEGIN SELECT load_extension('mine'); END",
        "DROP TRIGGER messages_advance_by_one",
        "DROP INDEX messages_by_folder_and_time",
        "ALTER TABLE messages ADD COLUMN more TEXT",
    ] {
        assert!(refused(sql), "{sql}");
    }
}

#[test]
fn what_somebody_added_beside_is_left_alone() {
    for sql in [
        "CREATE TABLE mine (a)",
        "CREATE VIEW mine AS SELECT subject FROM inspect_messages",
        "CREATE INDEX mine ON messages (subject)",
    ] {
        assert!(!refused(sql), "{sql}");
    }
}
