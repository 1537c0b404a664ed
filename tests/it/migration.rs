//! Stores of earlier versions are moved on when they are opened for writing (P4).

use std::path::{Path, PathBuf};
use std::time::Duration;

use mapistore::{Access, Cell, EntryId, MapiCode, ObjectUid, SaveFlags, Store, pr};
use rusqlite::Connection;

use crate::support::{Client, Command, Link, Wanted, code_of, opening};

const FIRST_VERSION: &str = include_str!("../../migrations/0001_store.sql");
const STORE: [u8; 16] = [7; 16];
const MESSAGE: [u8; 16] = [8; 16];
const THEN: &str = "2026-01-02T03:04:05.0000000Z";

/// A store as the first version of the library made it, with one message in the inbox.
pub(crate) fn make_first_version(path: &Path) -> EntryId {
    let by_hand = Connection::open(path).unwrap();
    by_hand
        .execute_batch(&format!(
            "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; BEGIN; {FIRST_VERSION};
            PRAGMA application_id = 1296126035; PRAGMA user_version = 1;"
        ))
        .unwrap();
    by_hand
        .execute(
            "INSERT INTO store_info (only_row, store_uid, created_at, created_by) VALUES (1, ?, ?, 'ana')",
            (&STORE[..], THEN),
        )
        .unwrap();
    let kinds = [
        ("root", "Root"),
        ("ipm-subtree", "IPM Subtree"),
        ("inbox", "Inbox"),
        ("outbox", "Outbox"),
        ("sent-items", "Sent Items"),
        ("deleted-items", "Deleted Items"),
        ("drafts", "Drafts"),
        ("conflicts", "Conflicts"),
    ];
    for (number, (kind, name)) in (0_i64..).zip(kinds) {
        let parent = (number > 0).then_some(number.min(2));
        let uid = ObjectUid::random();
        by_hand
            .execute(
                "INSERT INTO folders (entry_uid, parent_folder_id, kind, name, name_folded, change_number, \
                 created_at, modified_at) VALUES (?, ?, ?, ?, lower(?), 0, ?, ?)",
                (uid.as_bytes(), parent, kind, name, name, THEN, THEN),
            )
            .unwrap();
    }
    by_hand
        .execute(
            "INSERT INTO messages (entry_uid, folder_id, row_version, change_number, is_read, message_status, \
             created_at, modified_at, modified_by, committed_at, change_key, predecessor_change_list, size, \
             properties, recipients, attachments) VALUES (:uid, 3, 1, 1, 1, 2, :then, :then, 'ana', :then, \
             zeroblob(24), CAST(x'18' || zeroblob(24) AS BLOB), 100, \
             '{\"001A001F\":\"IPM.Note\",\"0037001F\":\"as it was\",\"8001001F\":\"mine\"}', \
             '[]', '{\"next_number\":1,\"rows\":[]}')",
            rusqlite::named_params! { ":uid": &MESSAGE[..], ":then": THEN },
        )
        .unwrap();
    by_hand
        .execute(
            "INSERT INTO changes (committed_at, kind, entry_uid, row_version, client_name, process_id, save_id) \
             VALUES (?, 'message-created', ?, 1, 'ana', 1, zeroblob(16))",
            (THEN, &MESSAGE[..]),
        )
        .unwrap();
    by_hand.execute_batch("COMMIT").unwrap();
    let store = mapistore::StoreUid::from_bytes(STORE);
    EntryId::new(store, ObjectUid::from_bytes(MESSAGE))
}

fn store_path(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("mail.store")
}

fn rows(store: &Store, query: &str) -> Vec<Vec<Cell>> {
    store.query(query).unwrap().rows
}

#[test]
fn store_of_the_first_version_keeps_its_content_when_it_is_moved_on() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    let id = make_first_version(&path);
    let store = Store::options().client_name("ben").open(&path).unwrap();
    assert_eq!(store.uid().as_bytes(), &STORE);
    let mut message = store.open_message(&id, Access::Modify).unwrap();
    assert_eq!(
        message.get(pr::SUBJECT).unwrap().as_deref(),
        Some("as it was")
    );
    assert_eq!(message.row_version().map(|version| version.get()), Some(1));
    message.set(pr::SUBJECT, "as it is").unwrap();
    message
        .save_changes(SaveFlags::KEEP_OPEN_READWRITE)
        .unwrap();
    assert_eq!(message.row_version().map(|version| version.get()), Some(2));
    let inbox = store.folder_by_path("Inbox").unwrap().info().unwrap();
    assert_eq!((inbox.total, inbox.unread), (1, 0));
    assert!(store.check(&mut |_| {}).unwrap().is_sound());

    let shown = "SELECT subject, read, associated, status FROM inspect_messages";
    let text = |text: &str| Cell::Text(text.to_owned());
    assert_eq!(
        rows(&store, shown),
        [[
            text("as it is"),
            Cell::Integer(1),
            Cell::Integer(0),
            Cell::Integer(2)
        ]]
    );
    let unnamed = "SELECT name, value FROM inspect_properties WHERE tag = '0x8001001F'";
    assert_eq!(rows(&store, unnamed), [[text("0x8001001F"), text("mine")]]);
}

#[test]
fn store_that_was_moved_on_has_the_schema_of_a_new_one() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    make_first_version(&path);
    let moved_on = Store::options().open(&path).unwrap();
    let new = Store::options()
        .create_if_missing()
        .open(folder.path().join("new.store"))
        .unwrap();
    for query in [
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid",
        "SELECT tag, name FROM property_names ORDER BY tag",
        "SELECT property_set, name FROM property_sets ORDER BY property_set",
        "PRAGMA user_version",
        "PRAGMA application_id",
        "PRAGMA auto_vacuum",
    ] {
        let theirs = rows(&new, query);
        assert!(!theirs.is_empty(), "{query}");
        assert!(rows(&moved_on, query) == theirs, "{query}");
    }
}

#[test]
fn many_processes_move_one_store_on_at_the_same_moment() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    let id = make_first_version(&path).to_string();
    let clients: Vec<Client> = (0..20)
        .map(|number| Client::new(Link::to_process(), format!("opener {number}")))
        .collect();
    for client in &clients {
        // It answers once it is there.
        client.call::<()>(Command::CloseStore).unwrap();
    }
    for client in &clients {
        client.send(Command::OpenStore(opening(&path, client.name())));
    }
    for client in &clients {
        client.receive::<()>().unwrap();
    }
    for client in &clients {
        let handle = client.open(&id, Wanted::ReadOnly);
        assert_eq!(client.view(handle).row_version, Some(1));
    }
}

#[test]
fn process_killed_while_it_moves_a_store_on_leaves_one_that_opens() {
    // P4, P5
    for round in 0..8_u32 {
        let folder = tempfile::tempdir().unwrap();
        let path = store_path(&folder);
        let id = make_first_version(&path);
        let doomed = Client::new(Link::to_process(), "doomed");
        doomed.call::<()>(Command::CloseStore).unwrap();
        doomed.send(Command::OpenStore(opening(&path, "doomed")));
        // Killed at different stages of its work.
        for _ in 0..round * 200 {
            std::thread::yield_now();
        }
        doomed.kill();
        let store = Store::options().open(&path).unwrap();
        store.open_message(&id, Access::Modify).unwrap();
        assert_eq!(store.folders().unwrap().len(), 8);
        assert!(store.check(&mut |_| {}).unwrap().is_sound());
    }
}

#[test]
fn store_in_use_by_an_older_version_is_not_moved_on() {
    // P4: what an older library holds while it has the store open is presence, which the current one holds as well
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    let user = Store::options().create_if_missing().open(&path).unwrap();
    let by_hand = Connection::open(&path).unwrap();
    by_hand.pragma_update(None, "user_version", 1).unwrap();
    let impatient = Store::options().busy_timeout(Duration::from_millis(200));
    assert_eq!(code_of(impatient.open(&path)), MapiCode::MAPI_E_VERSION);
    let version: i64 = by_hand
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    assert_eq!(version, 1);
    drop(user);
}

#[test]
fn store_of_the_first_version_is_not_moved_on_by_a_reader() {
    // P4, O3
    let folder = tempfile::tempdir().unwrap();
    let path = store_path(&folder);
    make_first_version(&path);
    let before = std::fs::read(&path).unwrap();
    assert_eq!(
        code_of(Store::options().read_only().open(&path)),
        MapiCode::MAPI_E_VERSION
    );
    assert!(
        std::fs::read(&path).unwrap() == before,
        "not a byte has changed"
    );
}
