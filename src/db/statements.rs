//! For tests: what a call says to SQLite, and how SQLite goes about it.

use std::cell::RefCell;

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::db::database::Database;

thread_local! {
    static NOTED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn note(event: TraceEvent<'_>) {
    if let TraceEvent::Stmt(_, sql) = event {
        // SQLite tells of the triggers that a statement fires as comments.
        if !sql.starts_with("--") {
            NOTED.with_borrow_mut(|noted| noted.push(sql.to_owned()));
        }
    }
}

/// How SQLite goes about a statement, and the triggers that it fires: a line for each table that it looks into.
pub(crate) fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_TRIGGER_EQP, true)
        .unwrap();
    let mut explain = connection
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .unwrap();
    let mut lines = Vec::new();
    // Nothing is bound: a plan asks for no values.
    let mut rows = explain.raw_query();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get("detail").unwrap());
    }
    drop(rows);
    drop(explain);
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_TRIGGER_EQP, false)
        .unwrap();
    lines
}

/// What may be read whole: constants, the view of one row that the guards ask, the one row of facts about the store, and the
/// counters, of which each table has one at most.
const SMALL: &[&str] = &[
    "SCAN CONSTANT ROW",
    "SCAN writing_sqlite",
    "SCAN store_info",
    "SCAN sqlite_sequence",
];

/// The lines of a plan that read a whole table, or sort what an index could give in order.
pub(crate) fn costly(plan: &[String]) -> Vec<&String> {
    let is_costly = |line: &&String| {
        let scans = line.starts_with("SCAN ") && !SMALL.contains(&line.as_str());
        scans || line.contains("TEMP B-TREE")
    };
    plan.iter().filter(is_costly).collect()
}

impl Database {
    /// The statements of a call that this thread makes, one after the other, without those of triggers.
    pub(crate) fn statements_of<T>(&self, call: impl FnOnce() -> T) -> (Vec<String>, T) {
        self.listen(Some(note));
        NOTED.take();
        let value = call();
        self.listen(None);
        (NOTED.take(), value)
    }

    fn listen(&self, listener: Option<fn(TraceEvent<'_>)>) {
        let statements = TraceEventCodes::SQLITE_TRACE_STMT;
        // A thread that reads again and again gets the same connection of the pool.
        self.reader().unwrap().trace_v2(statements, listener);
        let writer = self.connections().unwrap().writer.as_ref().unwrap();
        writer.connection().trace_v2(statements, listener);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::migrate;
    use crate::model::FileTime;

    #[test]
    fn a_table_that_is_read_or_sorted_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut connection = Connection::open(folder.path().join("mail.store")).unwrap();
        migrate::migrate(&mut connection, "test", FileTime::new(0)).unwrap();
        let trigger = "CREATE TRIGGER reads_all AFTER DELETE ON folders \
            BEGIN SELECT count(*) FROM streams WHERE size = OLD.folder_id; END";
        connection.execute_batch(trigger).unwrap();
        for sql in [
            "SELECT message_id FROM messages WHERE modified_by = ''",
            "SELECT message_id FROM messages ORDER BY size LIMIT 1",
            "SELECT message_id FROM messages WHERE folder_id = 1 ORDER BY size LIMIT 1",
            "UPDATE messages SET is_read = 1 WHERE subject = ''",
            // Only a trigger reads a table here.
            "DELETE FROM folders WHERE folder_id = 1",
        ] {
            let plan = plan(&connection, sql);
            assert!(!costly(&plan).is_empty(), "{sql}: {plan:#?}");
        }
        let plan = plan(
            &connection,
            "SELECT size FROM messages WHERE message_id = 1",
        );
        assert!(costly(&plan).is_empty(), "{plan:#?}");
    }
}
