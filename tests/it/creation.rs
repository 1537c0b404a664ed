//! Making, recognising and closing a store (P4).

use std::fs;

use mapistore::{Access, Deletion, MapiCode, ReadState, SaveFlags, Store, pr};

use crate::support::{Client, Command, KEEP, Link, Opening, TestStore, code_of, opening};

#[test]
fn hundred_processes_open_the_same_new_file_at_the_same_moment() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let clients: Vec<Client> = (0..100)
        .map(|number| Client::new(Link::to_process(), format!("opener {number}")))
        .collect();
    for client in &clients {
        // It answers once it is there.
        client.call::<()>(Command::CloseStore).unwrap();
    }
    for client in &clients {
        let opening = Opening {
            create: true,
            ..opening(&path, client.name())
        };
        client.send(Command::OpenStore(opening));
    }
    for client in &clients {
        client.receive::<()>().unwrap();
    }
    let store = Store::options().open(&path).unwrap();
    for client in &clients {
        let uid: String = client.call(Command::StoreUid).unwrap();
        assert_eq!(uid, store.uid().to_string(), "they are in one store");
    }
    assert_eq!(store.folders().unwrap().len(), 8);
    for client in &clients {
        client.send(Command::CreateMany {
            folder: "Inbox".to_owned(),
            count: 1,
        });
    }
    for client in &clients {
        client.receive::<()>().unwrap();
    }
    assert_eq!(
        store.folder_by_path("Inbox").unwrap().info().unwrap().total,
        100
    );
    assert!(store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn store_is_closed_when_its_last_part_is_dropped() {
    // P4: what presence stands for has ended when presence ends
    for _ in 0..100 {
        let test = TestStore::new();
        let mut message = test.new_draft();
        message.save_changes(KEEP).unwrap();
        let wal = test.store.path().with_extension("store-wal");
        let folder = test.close();
        assert!(wal.exists(), "the handle keeps it open");
        drop(message);
        assert!(!wal.exists(), "the last connection removes it");
        drop(folder);
    }
}

/// The version of the schema that this library writes.
fn version_of(path: &std::path::Path) -> i64 {
    let by_hand = rusqlite::Connection::open(path).unwrap();
    by_hand
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap()
}

/// Pretends that a newer library has migrated the store.
fn set_version(path: &std::path::Path, version: i64) {
    let by_hand = rusqlite::Connection::open(path).unwrap();
    by_hand
        .pragma_update(None, "user_version", version)
        .unwrap();
}

#[test]
fn newer_store_is_refused_and_left_as_it_was() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mail.store");
    let store = Store::options().create_if_missing().open(&path).unwrap();
    let drafts = store.folder_by_path("Drafts").unwrap();
    drafts
        .create_message()
        .unwrap()
        .save_changes(SaveFlags::empty())
        .unwrap();
    drop((drafts, store));
    let ours = version_of(&path);
    for version in [ours + 1, ours + 1_000] {
        set_version(&path, version);
        let before = fs::read(&path).unwrap();
        for options in [
            Store::options(),
            Store::options().create_if_missing(),
            Store::options().read_only(),
        ] {
            assert_eq!(code_of(options.open(&path)), MapiCode::MAPI_E_VERSION);
        }
        assert!(fs::read(&path).unwrap() == before, "not a byte has changed");
    }
    set_version(&path, ours);
    assert!(Store::options().open(&path).is_ok());
}

#[test]
fn process_of_an_older_version_writes_nothing() {
    // P4
    let test = TestStore::new();
    let id = test.draft("original");
    let mut message = test.store.open_message(&id, Access::Modify).unwrap();
    message.set(pr::SUBJECT, "mine").unwrap();
    let inbox = test.store.folder_by_path("Inbox").unwrap();
    let mut new = inbox.create_message().unwrap();
    let ours = version_of(test.store.path());
    set_version(test.store.path(), ours + 1);
    let dump = || {
        ["messages", "changes", "folders", "streams"].map(|table| {
            test.store
                .query(&format!("SELECT * FROM {table}"))
                .unwrap()
                .rows
        })
    };
    let before = dump();
    let pending = crate::support::view(&message).unwrap();
    let large = crate::support::Blob::new(1, 2_000_000);
    let codes = [
        code_of(message.save_changes(KEEP)),
        code_of(message.save_changes(SaveFlags::FORCE_SAVE)),
        code_of(new.save_changes(KEEP)),
        code_of(message.attach("large", large.reader())),
        code_of(message.save_elsewhere(&inbox)),
        code_of(test.store.delete_messages(&[id], Deletion::Hard)),
        code_of(test.store.move_messages(&[id], &inbox)),
        code_of(test.store.set_read_state(&[id], ReadState::Unread)),
        code_of(inbox.create_folder("new")),
        code_of(inbox.rename("new")),
    ];
    assert_eq!(codes, [MapiCode::MAPI_E_VERSION; 10]);
    assert!(dump() == before);
    assert_eq!(
        crate::support::view(&message).unwrap(),
        pending,
        "and the handle is as it was"
    );
    set_version(test.store.path(), ours);
    assert_eq!(message.save_changes(KEEP).unwrap().row_version.get(), 2);
}

#[test]
fn file_that_is_no_store_is_refused_and_left_as_it_was() {
    // P4
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "not a database, and longer than a hundred bytes: ".repeat(50),
    )
    .unwrap();
    let database = folder.path().join("other.db");
    let by_hand = rusqlite::Connection::open(&database).unwrap();
    by_hand
        .execute_batch("CREATE TABLE notes (note TEXT); INSERT INTO notes VALUES ('mine')")
        .unwrap();
    drop(by_hand);
    for path in [text, database] {
        let before = fs::read(&path).unwrap();
        for options in [
            Store::options().create_if_missing(),
            Store::options().read_only(),
        ] {
            assert_eq!(code_of(options.open(&path)), MapiCode::MAPI_E_CORRUPT_STORE);
        }
        assert!(fs::read(&path).unwrap() == before, "{}", path.display());
    }
}

#[test]
fn links_lead_to_the_same_store_or_are_refused() {
    // P4
    let test = TestStore::new();
    let id = test.draft("original");
    let symbolic = test.folder.path().join("symbolic");
    std::os::unix::fs::symlink(test.store.path(), &symbolic).unwrap();
    let through = Store::options().open(&symbolic).unwrap();
    assert_eq!(
        through.path(),
        test.store.path(),
        "so that both use the same side files"
    );
    through.open_message(&id, Access::Modify).unwrap();
    let hard = test.folder.path().join("hard");
    fs::hard_link(test.store.path(), &hard).unwrap();
    assert_eq!(
        code_of(Store::options().open(&hard)),
        MapiCode::MAPI_E_INVALID_PARAMETER
    );
    let folder = Store::options()
        .create_if_missing()
        .open(test.folder.path());
    assert_eq!(code_of(folder), MapiCode::MAPI_E_INVALID_PARAMETER);
}
