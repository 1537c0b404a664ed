//! What somebody who can name a query, or who has made the store file, cannot do (P6).

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::process::Command as Program;

use mapistore::{Access, ChangeNumber, Deletion, EntryId, MapiCode, Purge, SaveFlags, Store, pr};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

use crate::support::{KEEP, TestStore, code_of};

#[test]
fn query_reaches_nothing_but_the_store_and_changes_nothing_for_the_next() {
    // P6, O3
    let test = TestStore::new();
    test.draft("original");
    let elsewhere = test.folder.path().join("elsewhere");
    let dump = || {
        let rows = |table| test.store.query(&format!("SELECT * FROM {table}")).unwrap();
        ["sqlite_schema", "messages", "changes", "store_info"].map(rows)
    };
    let before = dump();
    let path = elsewhere.display();
    for query in [
        "SELECT load_extension('/tmp/hostile.so')".to_owned(),
        "SELECT load_extension('/tmp/hostile.so', 'begin')".to_owned(),
        format!("ATTACH '{path}' AS mine"),
        format!("ATTACH 'file:{path}?mode=rwc' AS mine"),
        "DETACH main".to_owned(),
        format!("VACUUM INTO '{path}'"),
        "VACUUM".to_owned(),
        "PRAGMA writable_schema = ON".to_owned(),
        "PRAGMA writable_schema = RESET".to_owned(),
        "PRAGMA query_only = OFF".to_owned(),
        "PRAGMA trusted_schema = ON".to_owned(),
        "PRAGMA foreign_keys = OFF".to_owned(),
        "PRAGMA ignore_check_constraints = ON".to_owned(),
        "PRAGMA synchronous = OFF".to_owned(),
        "PRAGMA locking_mode = EXCLUSIVE".to_owned(),
        "PRAGMA journal_mode = DELETE".to_owned(),
        "PRAGMA journal_mode".to_owned(),
        "PRAGMA wal_checkpoint(TRUNCATE)".to_owned(),
        "PRAGMA user_version = 99".to_owned(),
        "PRAGMA application_id = 99".to_owned(),
        "PRAGMA schema_version = 99".to_owned(),
        "PRAGMA temp_store_directory = '/tmp'".to_owned(),
        "PRAGMA data_store_directory = '/tmp'".to_owned(),
        "PRAGMA mmap_size = 1000000".to_owned(),
        "PRAGMA incremental_vacuum".to_owned(),
        "UPDATE sqlite_schema SET sql = ''".to_owned(),
        "DELETE FROM sqlite_schema".to_owned(),
        "DROP TRIGGER messages_advance_by_one".to_owned(),
        "CREATE TEMP TABLE mine (a)".to_owned(),
        "CREATE TEMP TRIGGER mine AFTER INSERT ON messages BEGIN SELECT 1; END".to_owned(),
        "CREATE VIRTUAL TABLE mine USING fts5(a)".to_owned(),
        "BEGIN".to_owned(),
        "BEGIN EXCLUSIVE".to_owned(),
        "SAVEPOINT a".to_owned(),
        "REINDEX".to_owned(),
        "ANALYZE".to_owned(),
        "SELECT writefile('/tmp/hostile', 'a')".to_owned(),
        "SELECT readfile('/etc/passwd')".to_owned(),
        "SELECT edit('a')".to_owned(),
        "DELETE FROM messages RETURNING *".to_owned(),
        "WITH a AS (SELECT 1) DELETE FROM messages".to_owned(),
        "EXPLAIN DELETE FROM messages; DELETE FROM messages".to_owned(),
    ] {
        let answer = test.store.query(&query);
        assert!(answer.is_err(), "{query}: {answer:?}");
        assert_eq!(dump(), before, "{query}");
    }
    assert!(!elsewhere.exists());
    test.draft("another");
    test.assert_sound();
}

#[test]
fn pragma_that_tells_takes_no_new_value() {
    // P6
    let test = TestStore::new();
    for pragma in ["application_id", "auto_vacuum", "encoding", "user_version"] {
        let value = |query: &str| test.store.query(query).map(|result| result.rows);
        let before = value(&format!("PRAGMA {pragma}")).unwrap();
        for new in ["= 0", "(0)", "= 'UTF-16'", "= 2"] {
            let _ = value(&format!("PRAGMA {pragma} {new}"));
        }
        assert_eq!(value(&format!("PRAGMA {pragma}")).unwrap(), before);
    }
    test.assert_sound();
}

/// A store to which somebody has added this by hand.
fn tampered_with(sql: &str) -> TestStore {
    let test = TestStore::new();
    test.draft("original");
    let by_hand = Connection::open(test.store.path()).unwrap();
    by_hand
        .set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, true)
        .unwrap();
    by_hand.execute_batch(sql).unwrap();
    test
}

#[test]
fn folder_that_a_damaged_index_finds_below_itself_holds_nobody_up() {
    // P5
    let test = TestStore::new();
    let id = test.draft("original");
    let mut stale = test.store.open_message(&id, Access::Modify).unwrap();
    let mut theirs = test.store.open_message(&id, Access::Modify).unwrap();
    theirs.set(pr::SUBJECT, "theirs").unwrap();
    theirs.save_changes(KEEP).unwrap();
    stale.save_changes(KEEP | SaveFlags::FORCE_SAVE).unwrap();
    let folders = test.store.folders().unwrap();
    // The first kept version is the second version of the first message. Read as a folder's place, the first folder is
    // below the first folder.
    let by_hand = Connection::open(test.store.path()).unwrap();
    by_hand
        .execute_batch(
            "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema \
             WHERE name = 'sqlite_autoindex_message_versions_1') WHERE name = 'folders_by_parent_and_name'",
        )
        .unwrap();
    drop(by_hand);
    let store = Store::options().open(test.store.path()).unwrap();
    assert_eq!(store.folders().unwrap(), folders);
    let report = store.check(&mut |_| {}).unwrap();
    assert!(!report.is_sound());
}

/// Two messages with large bodies, and the store, which nobody has open.
fn two_large_bodies() -> (TestStore, [EntryId; 2], [String; 2]) {
    let test = TestStore::new();
    let bodies = ["one ", "other "].map(|text| text.repeat(5_000));
    let ids = [0, 1].map(|place| {
        let drafts = test.store.folder_by_path("Drafts").unwrap();
        let mut message = drafts.create_message().unwrap();
        message.set(pr::BODY, bodies[place].as_str()).unwrap();
        message.save_changes(KEEP).unwrap().entry_id
    });
    (test, ids, bodies)
}

/// A copy of the store that was changed page by page.
fn copy_with(
    test: &TestStore,
    name: &str,
    change: impl FnOnce(std::slice::ChunksExactMut<'_, u8>),
) -> Store {
    let by_hand = Connection::open(test.store.path()).unwrap();
    let number = |sql: &str| -> i64 { by_hand.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(number("PRAGMA wal_checkpoint(TRUNCATE)"), 0);
    let size = number("SELECT page_size FROM pragma_page_size");
    let mut bytes = fs::read(test.store.path()).unwrap();
    change(bytes.chunks_exact_mut(usize::try_from(size).unwrap()));
    let copy = test.folder.path().join(name);
    fs::write(&copy, bytes).unwrap();
    Store::options().open(&copy).unwrap()
}

#[test]
fn index_that_leads_to_the_value_of_another_message_is_damage() {
    // O2
    let (test, ids, bodies) = two_large_bodies();
    let by_hand = Connection::open(test.store.path()).unwrap();
    let number = |sql: &str| -> u64 {
        let number: i64 = by_hand.query_row(sql, [], |row| row.get(0)).unwrap();
        number.unsigned_abs()
    };
    let size = number("SELECT page_size FROM pragma_page_size");
    let page = number(
        "SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_stream_chunks_1'",
    );
    let moved = || number("PRAGMA wal_checkpoint(TRUNCATE)");
    assert_eq!(moved(), 0);
    let whole = fs::read(test.store.path()).unwrap();
    let place = usize::try_from((page - 1) * size).unwrap();
    let index = &whole[place..place + usize::try_from(size).unwrap()];
    // The rows change places, and the index stays as it was.
    by_hand
        .execute_batch(
            "UPDATE stream_chunks SET chunk_id = 1001 WHERE chunk_id = 1; \
             UPDATE stream_chunks SET chunk_id = 1 WHERE chunk_id = 2; \
             UPDATE stream_chunks SET chunk_id = 2 WHERE chunk_id = 1001",
        )
        .unwrap();
    assert_eq!(moved(), 0);
    let mut changed = fs::read(test.store.path()).unwrap();
    changed[place..place + index.len()].copy_from_slice(index);
    let copy = test.folder.path().join("copy.store");
    fs::write(&copy, changed).unwrap();

    let store = Store::options().open(&copy).unwrap();
    for (id, body) in ids.iter().zip(&bodies) {
        let message = store.open_message(id, Access::ReadOnly).unwrap();
        let read = message.get(pr::BODY);
        assert_ne!(read.as_ref().ok().and_then(Option::as_ref), Some(body));
        assert_eq!(code_of(read), MapiCode::MAPI_E_CORRUPT_STORE);
    }
    assert!(!store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn pieces_that_no_reader_meets_are_damage() {
    // O2
    let (test, ..) = two_large_bodies();
    assert!(test.store.check(&mut |_| {}).unwrap().is_sound());
    let by_hand = Connection::open(test.store.path()).unwrap();
    let add =
        "INSERT INTO stream_chunks (stream_id, position, checksum, data) VALUES (1, 100, 0, x'00')";
    by_hand.execute_batch(add).unwrap();
    let report = test.store.check(&mut |_| {}).unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
}

#[test]
fn damage_inside_a_value_is_told_to_who_reads_that_far() {
    // O2
    const PIECE: usize = 128 * 1024;
    let test = TestStore::new();
    // Each piece has bytes of its own.
    let whole: Vec<u8> = (0..10 * PIECE).map(|at| (at / PIECE) as u8 + 100).collect();
    let mut message = test.new_draft();
    message.set(pr::RTF_COMPRESSED, whole.clone()).unwrap();
    let id = message.save_changes(KEEP).unwrap().entry_id;
    let page_of_the_sixth = |page: &[u8]| page[4..].iter().all(|byte| *byte == 105);
    for damaged in [
        // The content is another: the checksum differs.
        copy_with(&test, "content.store", |mut pages| {
            let page = pages.find(|page| page_of_the_sixth(page)).unwrap();
            page[100] = 0;
        }),
        // It goes on in a page that does not exist: SQLite cannot read it.
        copy_with(&test, "chain.store", |mut pages| {
            let page = pages.find(|page| page_of_the_sixth(page)).unwrap();
            page[..4].copy_from_slice(&[0xff; 4]);
        }),
    ] {
        let message = damaged.open_message(&id, Access::ReadOnly).unwrap();
        let mut stream = message.open_stream(pr::RTF_COMPRESSED.tag()).unwrap();
        let mut read = vec![0; 5 * PIECE];
        stream.read_exact(&mut read).unwrap();
        assert!(read == whole[..5 * PIECE]);
        for _ in 0..2 {
            let error = stream.read(&mut read).unwrap_err();
            let error = error.downcast::<mapistore::Error>().unwrap();
            assert_eq!(error.code(), MapiCode::MAPI_E_CORRUPT_STORE);
        }
        stream.seek(SeekFrom::Start(6 * PIECE as u64 + 7)).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest == whole[6 * PIECE + 7..]);
    }
}

#[test]
fn rows_out_of_order_hold_nobody_up() {
    // P5
    let test = TestStore::new();
    let large = |number: usize| format!("{number:06}").repeat(1_000);
    let ids: Vec<EntryId> = (0..250)
        .map(|number| {
            let mut message = test.new_draft();
            message.set(pr::BODY, large(number)).unwrap();
            message.save_changes(KEEP).unwrap().entry_id
        })
        .collect();
    test.store.delete_messages(&ids, Deletion::Hard).unwrap();
    let with_leaves_exchanged = |table: &str| {
        let by_hand = Connection::open(test.store.path()).unwrap();
        let leaf = |number: usize| -> usize {
            let select = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path LIMIT 1 OFFSET ?";
            let page: i64 = by_hand
                .query_row(select, (table, number as i64), |row| row.get(0))
                .unwrap();
            usize::try_from(page).unwrap() - 1
        };
        let (one, other) = (leaf(0), leaf(1));
        copy_with(&test, &format!("{table}.store"), |pages| {
            let mut pages: Vec<&mut [u8]> = pages.collect();
            let kept = pages[one].to_vec();
            let moved = pages[other].to_vec();
            pages[one].copy_from_slice(&moved);
            pages[other].copy_from_slice(&kept);
        })
    };

    let store = with_leaves_exchanged("streams");
    let collected = store.collect_garbage();
    assert_eq!(code_of(collected), MapiCode::MAPI_E_CORRUPT_STORE);
    assert!(!store.check(&mut |_| {}).unwrap().is_sound());

    let store = with_leaves_exchanged("changes");
    let purged = store.purge(&Purge::everything());
    assert_eq!(code_of(purged), MapiCode::MAPI_E_CORRUPT_STORE);
    let journal = store.changes_after(ChangeNumber::ZERO, 200);
    assert_eq!(code_of(journal), MapiCode::MAPI_E_CORRUPT_STORE);
    assert!(!store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn schema_of_somebody_else_calls_no_function_that_reaches_outside() {
    // P6
    let test =
        tampered_with("CREATE VIEW hostile AS SELECT load_extension('/tmp/hostile.so') AS a");
    let store = Store::options().open(test.store.path()).unwrap();
    assert!(store.query("SELECT a FROM hostile").is_err());
    assert_eq!(store.query("SELECT 1").unwrap().rows.len(), 1);

    let test = tampered_with(
        "CREATE TRIGGER hostile BEFORE INSERT ON changes BEGIN SELECT load_extension('/tmp/hostile.so'); END",
    );
    let opened = Store::options().open(test.store.path());
    assert_eq!(code_of(opened), MapiCode::MAPI_E_CORRUPT_STORE);
    // Who has opened it before it was added meets it.
    let store = &test.store;
    let drafts = store.folder_by_path("Drafts").unwrap();
    let mut draft = drafts.create_message().unwrap();
    draft.set(pr::SUBJECT, "pending").unwrap();
    let id = draft.entry_id();
    assert!(draft.save_changes(KEEP).is_err());
    assert!(draft.has_pending_changes());
    let opened = store.open_message(&id, Access::ReadOnly);
    assert_eq!(code_of(opened), MapiCode::MAPI_E_NOT_FOUND);
    // Once it is mended, what was pending can be saved.
    let by_hand = Connection::open(store.path()).unwrap();
    by_hand.execute_batch("DROP TRIGGER hostile").unwrap();
    draft.save_changes(KEEP).unwrap();
    assert!(store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn schema_cannot_be_written_through_the_connections_of_a_store() {
    // P6: a trigger runs with the connection that fires it
    let test = tampered_with(
        "CREATE TRIGGER hostile BEFORE INSERT ON changes BEGIN \
         DELETE FROM folders WHERE kind = 'drafts'; END",
    );
    let mut draft = test.new_draft();
    // A foreign key refuses it, and the save as a whole.
    assert!(draft.save_changes(SaveFlags::empty()).is_err());
    assert_eq!(test.store.folders().unwrap().len(), 8);
}

#[test]
fn files_of_a_store_are_private_whatever_the_umask_of_their_maker() {
    // P6
    for umask in ["000", "022", "077"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mail.store");
        let mut program = Program::new("sh");
        // The client begins with this umask.
        program.args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\"")]);
        program.arg(std::env::current_exe().unwrap());
        let client =
            crate::support::Client::new(crate::support::Link::to_program(&mut program), "client");
        let opening = crate::support::Opening {
            create: true,
            ..crate::support::opening(&path, "client")
        };
        let open = crate::support::Command::OpenStore(opening);
        client.call::<()>(open).unwrap();
        let handle = client.create("Drafts");
        client.save(handle, KEEP).unwrap();
        let files: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(files.len(), 4, "store, log, index and lock file");
        for file in files {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?} with umask {umask}", file.file_name());
        }
    }
}
