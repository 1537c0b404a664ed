//! The schema stands guard against SQL by hand (P1).

use std::process::Command as Program;

use mapistore::{Access, Cell, Deletion, EntryId, SaveFlags, Store, pr};
use rusqlite::Connection;

use crate::support::TestStore;

/// A store with two messages, and somebody who knows its tables.
struct ByHand {
    test: TestStore,
    sql: Connection,
    first: EntryId,
}

impl ByHand {
    fn new() -> ByHand {
        let test = TestStore::new();
        let first = test.draft("first");
        test.draft("second");
        let sql = Connection::open(test.store.path()).unwrap();
        ByHand { test, sql, first }
    }

    fn rows(&self) -> Vec<Vec<Cell>> {
        self.test
            .store
            .query("SELECT * FROM messages")
            .unwrap()
            .rows
    }

    /// The statement is refused with these words, and changes nothing.
    #[track_caller]
    fn refuses(&self, statement: &str, why: &str) {
        let before = self.rows();
        let error = self.sql.execute_batch(statement).unwrap_err().to_string();
        assert!(error.contains(why), "{statement}: {error}");
        assert_eq!(self.rows(), before, "{statement}");
    }

    #[track_caller]
    fn allows(&self, statement: &str) {
        let before = self.rows();
        self.sql.execute_batch(statement).unwrap();
        assert_ne!(self.rows(), before, "{statement} did nothing");
    }
}

const ADVANCES: &str = "advances row_version by exactly one";
const RENEWS: &str = "sets content_checksum anew";
const IDENTITY: &str = "message_id and entry_uid of a message never change";
const NEVER_USED: &str = "identifiers that were never used";

/// A copy of a row, with other values for its first columns.
fn insert(verb: &str, message_id: &str, entry_uid: &str, row_version: &str) -> String {
    format!(
        "{verb} INTO messages (message_id, entry_uid, row_version, folder_id, change_number, created_at, \
         modified_at, modified_by, committed_at, change_key, predecessor_change_list, size, properties, \
         recipients, attachments) SELECT {message_id}, {entry_uid}, {row_version}, folder_id, change_number, \
         created_at, modified_at, modified_by, committed_at, change_key, predecessor_change_list, size, \
         properties, recipients, attachments FROM messages WHERE message_id = 1"
    )
}

#[test]
fn content_change_that_does_not_advance_the_version_by_one_is_refused() {
    // P1
    let by_hand = ByHand::new();
    let contents = [
        "properties = json_set(properties, '$.\"0037001F\"', 'by hand')",
        "recipients = '[]  '",
        "attachments = json_set(attachments, '$.next_number', 9)",
    ];
    for content in contents {
        for version in [
            "row_version",
            "row_version + 2",
            "row_version - 1",
            "1",
            "1000000",
        ] {
            by_hand.refuses(
                &format!(
                    "UPDATE messages SET row_version = {version}, content_checksum = NULL, {content}"
                ),
                ADVANCES,
            );
        }
        for conflict in ["", "OR REPLACE", "OR IGNORE", "OR FAIL", "OR ROLLBACK"] {
            let update = format!("UPDATE {conflict} messages SET");
            by_hand.refuses(
                &format!("{update} content_checksum = 1, {content}"),
                ADVANCES,
            );
            // Which of two guards speaks first does not matter.
            by_hand.refuses(&format!("{update} {content}"), "a content change");
        }
    }
}

#[test]
fn version_alone_moves_by_one_or_not_at_all() {
    // P1, S16
    let by_hand = ByHand::new();
    by_hand.allows("UPDATE messages SET row_version = row_version + 1");
    for version in ["row_version + 2", "row_version - 1", "0", "1", "-5"] {
        by_hand.refuses(
            &format!("UPDATE messages SET row_version = {version}"),
            ADVANCES,
        );
    }
}

#[test]
fn content_change_by_hand_clears_the_checksum_and_is_then_a_version_like_any_other() {
    // P1
    let by_hand = ByHand::new();
    let content = "properties = json_set(properties, '$.\"0037001F\"', 'by hand')";
    let version = "row_version = row_version + 1";
    by_hand.refuses(&format!("UPDATE messages SET {version}, {content}"), RENEWS);
    let store = &by_hand.test.store;
    let mut stale = store.open_message(&by_hand.first, Access::Modify).unwrap();
    by_hand.allows(&format!(
        "UPDATE messages SET {version}, content_checksum = NULL, {content}"
    ));
    let now = store
        .open_message(&by_hand.first, Access::ReadOnly)
        .unwrap();
    assert_eq!(now.row_version().map(mapistore::RowVersion::get), Some(2));
    assert_eq!(now.get(pr::SUBJECT).unwrap().as_deref(), Some("by hand"));
    stale.set(pr::SUBJECT, "stale").unwrap();
    let refused = stale.save_changes(SaveFlags::empty());
    assert!(matches!(
        refused,
        Err(mapistore::Error::ObjectChanged { .. })
    ));
    assert!(store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn identity_never_changes() {
    // P1, O5
    let by_hand = ByHand::new();
    for change in [
        "message_id = message_id + 100",
        "message_id = -1",
        "entry_uid = randomblob(16)",
        "message_id = 77, entry_uid = randomblob(16), row_version = row_version + 1",
    ] {
        by_hand.refuses(
            &format!("UPDATE messages SET {change} WHERE message_id = 1"),
            IDENTITY,
        );
        by_hand.refuses(
            &format!("UPDATE OR REPLACE messages SET {change} WHERE message_id = 1"),
            IDENTITY,
        );
    }
    // Taking the other's place would remove it without a trigger.
    for theirs in [
        "message_id = 2",
        "entry_uid = (SELECT entry_uid FROM messages WHERE message_id = 2)",
    ] {
        for verb in ["UPDATE", "UPDATE OR REPLACE"] {
            by_hand.refuses(
                &format!("{verb} messages SET {theirs} WHERE message_id = 1"),
                IDENTITY,
            );
        }
    }
}

#[test]
fn replace_over_a_message_is_refused() {
    // P1
    let by_hand = ByHand::new();
    for verb in ["INSERT", "REPLACE", "INSERT OR REPLACE", "INSERT OR IGNORE"] {
        by_hand.refuses(&insert(verb, "1", "entry_uid", "1"), NEVER_USED);
        by_hand.refuses(&insert(verb, "2", "randomblob(16)", "1"), NEVER_USED);
        by_hand.refuses(&insert(verb, "NULL", "entry_uid", "1"), NEVER_USED);
        by_hand.refuses(&insert(verb, "1000", "entry_uid", "1"), NEVER_USED);
        for version in ["2", "0", "-1", "row_version + 1"] {
            by_hand.refuses(&insert(verb, "NULL", "randomblob(16)", version), NEVER_USED);
        }
    }
    let upsert = format!(
        "{} ON CONFLICT (entry_uid) DO UPDATE SET properties = '{{}}'",
        insert("INSERT", "NULL", "entry_uid", "1").replace("WHERE message_id = 1", "WHERE true")
    );
    by_hand.refuses(&upsert, NEVER_USED);
    by_hand.allows(&insert("INSERT", "NULL", "randomblob(16)", "1"));
}

#[test]
fn id_never_comes_back() {
    // P1, O5
    let by_hand = ByHand::new();
    let last = by_hand.test.draft("third");
    by_hand
        .test
        .store
        .delete_messages(&[last], Deletion::Hard)
        .unwrap();
    let gone = by_hand
        .sql
        .query_row("SELECT max(message_id) FROM messages", [], |row| {
            row.get::<_, i64>(0)
        });
    assert_eq!(gone, Ok(2), "number 3 is free");
    for id in ["3", "1", "0", "-2"] {
        by_hand.refuses(&insert("INSERT", id, "randomblob(16)", "1"), NEVER_USED);
        by_hand.refuses(&insert("REPLACE", id, "randomblob(16)", "1"), NEVER_USED);
    }
    by_hand.refuses(&insert("INSERT", "-1", "randomblob(16)", "1"), "CHECK");
    by_hand.allows(&insert("INSERT", "NULL", "randomblob(16)", "1"));
    by_hand.allows(&insert("INSERT", "50", "randomblob(16)", "1"));
    let newest = by_hand.sql.last_insert_rowid();
    assert_eq!(newest, 50);
    by_hand.test.draft("next");
    let newest = by_hand
        .sql
        .query_row("SELECT max(message_id) FROM messages", [], |row| row.get(0));
    assert_eq!(newest, Ok(51_i64));
}

#[test]
fn stream_in_use_cannot_be_deleted() {
    // P1, O2
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.attach("figures", &b"1;2;3"[..]).unwrap();
    message.save_changes(SaveFlags::empty()).unwrap();
    let sql = Connection::open(test.store.path()).unwrap();
    sql.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    let deleted = sql
        .execute_batch("DELETE FROM streams")
        .unwrap_err()
        .to_string();
    assert!(deleted.contains("FOREIGN KEY"), "{deleted}");
    assert!(test.store.check(&mut |_| {}).unwrap().is_sound());
}

#[test]
fn change_of_content_past_the_guards_is_found_by_its_checksum() {
    // P1
    let by_hand = ByHand::new();
    by_hand
        .sql
        .execute_batch(
            "DROP TRIGGER messages_advance_by_one; DROP TRIGGER messages_renew_their_checksum; \
             UPDATE messages SET properties = json_set(properties, '$.\"0037001F\"', 'forged') \
             WHERE message_id = 1",
        )
        .unwrap();
    let store = &by_hand.test.store;
    let report = store.check(&mut |_| {}).unwrap();
    let uid = by_hand.first.object().to_string();
    assert!(
        report.problems.iter().any(|problem| problem.contains(&uid)),
        "{report:?}"
    );
    let opened = store.open_message(&by_hand.first, Access::ReadOnly);
    assert!(matches!(opened, Err(mapistore::Error::CorruptStore { .. })));
}

/// Whether the machine's `sqlite3` program is there and older than 3.51.3.
fn old_program() -> bool {
    let Ok(output) = Program::new("sqlite3").arg("--version").output() else {
        println!("skipped: no sqlite3 program");
        return false;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let version: Vec<u32> = text
        .split(' ')
        .next()
        .into_iter()
        .flat_map(|version| version.split('.'))
        .map(|part| part.parse().unwrap())
        .collect();
    let is_old = version < vec![3, 51, 3];
    if !is_old {
        println!("skipped: the sqlite3 program is of version {version:?}");
    }
    is_old
}

/// What the `sqlite3` program says to a statement: its output, or its complaint.
fn ask_program(store: &Store, statement: &str) -> Result<String, String> {
    let output = Program::new("sqlite3")
        .arg(store.path())
        .arg(statement)
        .output()
        .unwrap();
    let complaint = String::from_utf8(output.stderr).unwrap();
    if output.status.success() && complaint.is_empty() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(complaint)
    }
}

/// A store that has a row in each table that a client fills.
fn filled_store() -> TestStore {
    let test = TestStore::new();
    let mut message = test.new_draft();
    message.attach("figures", &b"1;2;3"[..]).unwrap();
    let id = message.save_changes(SaveFlags::empty()).unwrap().entry_id;
    let mut forced = test.store.open_message(&id, Access::Modify).unwrap();
    let mut other = test.store.open_message(&id, Access::Modify).unwrap();
    other.set(pr::SUBJECT, "other").unwrap();
    other.save_changes(SaveFlags::empty()).unwrap();
    forced.save_changes(SaveFlags::FORCE_SAVE).unwrap();
    test
}

#[test]
fn sqlite_with_the_wal_reset_bug_may_read_but_write_no_table() {
    // P1, P6
    if !old_program() {
        return;
    }
    let test = filled_store();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut allowed = Vec::new();
    for row in test.store.query(tables).unwrap().rows {
        let [Cell::Text(table)] = &row[..] else {
            panic!("{row:?}")
        };
        let count = ask_program(&test.store, &format!("SELECT count(*) FROM {table}")).unwrap();
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = test.store.query(&columns).unwrap().rows;
        let Cell::Text(column) = &columns[0][0] else {
            panic!("{columns:?}")
        };
        let mut statements = vec![format!("INSERT INTO {table} ({column}) VALUES (NULL)")];
        if count.trim() != "0" {
            statements.push(format!("UPDATE {table} SET {column} = {column}"));
            statements.push(format!("DELETE FROM {table}"));
            statements.push(format!("REPLACE INTO {table} SELECT * FROM {table}"));
        }
        for statement in statements {
            let answer = ask_program(&test.store, &statement);
            // Some of these are refused for another reason as well; the guard must be the one that speaks, unless
            // the statement does not even fit the table.
            match answer {
                Err(complaint) if complaint.contains("older than 3.51.3") => {}
                Err(complaint)
                    if statement.starts_with("REPLACE") && complaint.contains("columns") => {}
                answer => allowed.push((statement, answer)),
            }
        }
    }
    assert!(allowed.is_empty(), "not refused by the guard: {allowed:#?}");
    assert!(test.store.check(&mut |_| {}).unwrap().is_sound());
}
