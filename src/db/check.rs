//! What can be said of a store's soundness by SQL alone.

use rusqlite::Connection;

use crate::db::failure::while_doing;
use crate::db::messages::documents;
use crate::db::{folder_paths, folders, pages};
use crate::error::{Error, Result};
use crate::model::document::Documents;
use crate::model::{ObjectUid, StreamHash, StreamReference};

/// Statements that each select what breaks a rule, as one text a row.
const RULES: &[&str] = &[
    "SELECT 'message ' || lower(hex(entry_uid)) || ' has a change number that was never given: ' \
     || change_number AS problem FROM messages \
     WHERE change_number > (SELECT seq FROM sqlite_sequence WHERE name = 'changes')",
    "SELECT 'the journal ends at version ' || max(changes.row_version) || ' of message ' \
     || lower(hex(messages.entry_uid)) || ', which is stored as version ' || messages.row_version AS problem \
     FROM messages JOIN changes ON changes.entry_uid = messages.entry_uid AND changes.save_id IS NOT NULL \
     GROUP BY messages.message_id HAVING max(changes.row_version) > messages.row_version",
    "SELECT 'version ' || row_version || ' of message ' || lower(hex(entry_uid)) \
     || ' is in the journal ' || count(*) || ' times' AS problem FROM changes \
     WHERE save_id IS NOT NULL GROUP BY entry_uid, row_version HAVING count(*) > 1",
    "SELECT 'a kept version ' || message_versions.row_version || ' of message ' \
     || lower(hex(messages.entry_uid)) || ' is not older than the message' AS problem \
     FROM message_versions JOIN messages ON messages.message_id = message_versions.message_id \
     WHERE message_versions.row_version >= messages.row_version",
    "SELECT 'stream ' || coalesce(lower(hex(hash)), stream_id) || ' counts as ' \
     || CASE WHEN unreferenced_since IS NULL THEN 'referenced' ELSE 'unreferenced' END \
     || ', and is not' AS problem FROM streams WHERE (unreferenced_since IS NULL) <> \
     EXISTS (SELECT 1 FROM stream_references WHERE stream_references.stream_id = streams.stream_id)",
    "SELECT 'message ' || stream_references.message_id || ' refers to a stream that was never sealed' \
     AS problem FROM stream_references JOIN streams ON streams.stream_id = stream_references.stream_id \
     WHERE streams.hash IS NULL",
    "SELECT 'streams are referred to for message ' || stream_references.message_id || ' version ' \
     || stream_references.row_version || ', which is not stored' AS problem FROM stream_references \
     WHERE NOT EXISTS (SELECT 1 FROM messages WHERE messages.message_id = stream_references.message_id \
     AND stream_references.row_version = 0) \
     AND NOT EXISTS (SELECT 1 FROM message_versions \
     WHERE message_versions.message_id = stream_references.message_id \
     AND message_versions.row_version = stream_references.row_version)",
    "SELECT 'a copy out of a conflict with message ' || lower(hex(original_uid)) || ' is not stored: ' \
     || lower(hex(copy_uid)) AS problem FROM conflict_copies \
     WHERE copy_uid NOT IN (SELECT entry_uid FROM messages)",
    "SELECT 'the journal was purged up to a change number that was never given: ' || purged_through AS problem \
     FROM store_info WHERE purged_through > \
     coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0)",
];

/// SQLite's own check of the file.
pub(crate) fn integrity(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = texts(
        connection,
        "SELECT integrity_check AS problem FROM pragma_integrity_check",
    )?;
    problems.retain(|problem| problem != "ok");
    if let Some(failed) = problems.iter().find(|problem| is_failed_read(problem)) {
        return Err(Error::DiskError {
            detail: "reading the whole file to check it".to_owned(),
            source: failed.as_str().into(),
        });
    }
    problems.extend(texts(
        connection,
        "SELECT 'row ' || coalesce(rowid, '?') || ' of ' || \"table\" || ' refers to a row of ' || parent \
         || ' that is not there' AS problem FROM pragma_foreign_key_check",
    )?);
    Ok(problems)
}

/// SQLite's check counts a page that the disk did not give, for now or for good, among the damage, with the code of the error. What else
/// it says then is no more to be trusted.
fn is_failed_read(problem: &str) -> bool {
    let code = problem.split("error code=").nth(1);
    let digits = code.map(|code| code.trim_end_matches(|c: char| !c.is_ascii_digit()));
    let number = digits.and_then(|digits| digits.parse::<i32>().ok());
    number.is_some_and(|number| number & 0xff == rusqlite::ffi::SQLITE_IOERR)
}

/// The folders that do not hold as many messages as they count.
pub(crate) fn miscounted_folders(connection: &Connection) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    for found in folders::miscounted(connection)? {
        let path = folder_paths::of(connection, found.folder_id)?;
        problems.push(format!(
            "folder {} counts {} messages, {} unread, but holds {}, {}",
            path.unwrap_or_else(|| format!("number {}", found.folder_id)),
            found.counted,
            found.counted_unread,
            found.held,
            found.held_unread
        ));
    }
    Ok(problems)
}

/// The folders that are not below the root.
pub(crate) fn astray_folders(connection: &Connection) -> Result<Vec<String>> {
    let astray = folder_paths::astray(connection)?.into_iter();
    let problem =
        |folder: folders::FolderRow| format!("folder {} is not below the root", folder.uid);
    Ok(astray.map(problem).collect())
}

/// How many rules [`rule`] knows.
pub(crate) const RULE_COUNT: usize = RULES.len();

/// What breaks a rule of the schema.
pub(crate) fn rule(connection: &Connection, index: usize) -> Result<Vec<String>> {
    RULES
        .get(index)
        .map_or_else(|| Ok(Vec::new()), |sql| texts(connection, sql))
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    connection
        .prepare(sql)
        .and_then(|mut select| select.query_map([], |row| row.get("problem"))?.collect())
        .map_err(while_doing("checking the store"))
}

/// A message, or a kept version of one, with what its checksum covers.
#[derive(Debug)]
pub(crate) struct Checkable {
    pub(crate) key: (i64, i64),
    pub(crate) uid: ObjectUid,
    pub(crate) checksum: Option<i64>,
    pub(crate) documents: Documents,
    /// The streams that the reference table names for it.
    pub(crate) streams: Vec<StreamReference>,
}

/// Where the documents of messages stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentTable {
    Messages,
    Versions,
}

impl DocumentTable {
    fn name(self) -> &'static str {
        match self {
            DocumentTable::Messages => "messages",
            DocumentTable::Versions => "message_versions",
        }
    }
}

impl std::fmt::Display for DocumentTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DocumentTable::Messages => "messages",
            DocumentTable::Versions => "kept versions",
        })
    }
}

/// A page of messages or kept versions after a key, so that no long read keeps the WAL from being reused.
pub(crate) fn checkables(
    connection: &Connection,
    table: DocumentTable,
    after: (i64, i64),
    limit: u32,
) -> Result<Vec<Checkable>> {
    let sql = match table {
        DocumentTable::Messages => {
            "SELECT message_id, 0 AS version, entry_uid, content_checksum, properties, recipients, attachments \
             FROM messages WHERE (message_id, 0) > (?, ?) ORDER BY message_id LIMIT ?"
        }
        DocumentTable::Versions => {
            "SELECT message_id, row_version AS version, entry_uid, content_checksum, properties, recipients, \
             attachments FROM message_versions WHERE (message_id, row_version) > (?, ?) \
             ORDER BY message_id, row_version LIMIT ?"
        }
    };
    let rows: Vec<Checkable> = connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            select
                .query_map((after.0, after.1, limit), |row| {
                    Ok(Checkable {
                        key: (row.get("message_id")?, row.get("version")?),
                        uid: row.get("entry_uid")?,
                        checksum: row.get("content_checksum")?,
                        documents: documents(row)?,
                        streams: Vec::new(),
                    })
                })?
                .collect()
        })
        .map_err(while_doing("checking messages"))?;
    let mut rows = pages::in_order(table.name(), after, rows, |row| row.key)?;
    for row in &mut rows {
        row.streams = connection
            .prepare_cached(
                "SELECT streams.hash AS hash, streams.size AS size FROM stream_references \
                 JOIN streams ON streams.stream_id = stream_references.stream_id \
                 WHERE stream_references.message_id = ? AND stream_references.row_version = ? \
                 AND streams.hash IS NOT NULL",
            )
            .and_then(|mut select| {
                select
                    .query_map(row.key, |row| {
                        Ok(StreamReference {
                            hash: row.get("hash")?,
                            size: row.get::<_, i64>("size")?.unsigned_abs(),
                        })
                    })?
                    .collect()
            })
            .map_err(while_doing("checking messages"))?;
    }
    Ok(rows)
}

/// A sealed stream.
#[derive(Debug)]
pub(crate) struct SealedStream {
    pub(crate) stream_id: i64,
    pub(crate) hash: StreamHash,
    pub(crate) size: u64,
}

/// A page of sealed streams after one.
pub(crate) fn sealed_streams(
    connection: &Connection,
    after: i64,
    limit: u32,
) -> Result<Vec<SealedStream>> {
    let page = connection
        .prepare_cached(
            "SELECT stream_id, hash, size FROM streams WHERE stream_id > ? AND hash IS NOT NULL \
             ORDER BY stream_id LIMIT ?",
        )
        .and_then(|mut select| {
            select
                .query_map((after, limit), |row| {
                    Ok(SealedStream {
                        stream_id: row.get("stream_id")?,
                        hash: row.get("hash")?,
                        size: row.get::<_, i64>("size")?.unsigned_abs(),
                    })
                })?
                .collect()
        })
        .map_err(while_doing("checking streams"))?;
    pages::in_order("streams", after, page, |row: &SealedStream| row.stream_id)
}

/// How many messages, kept versions and streams there are to check.
pub(crate) fn workload(connection: &Connection) -> Result<u64> {
    connection
        .query_row(
            "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM message_versions) \
             + (SELECT count(*) FROM streams) AS objects",
            [],
            |row| row.get::<_, i64>("objects"),
        )
        .map(i64::unsigned_abs)
        .map_err(while_doing("counting what is to be checked"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_that_the_disk_did_not_give_is_told_apart_from_damage() {
        let problem = |code| format!("Tree 5 page 9: unable to get the page. error code={code}");
        for (code, is_read) in [(10, true), (266, true), (11, false), (267, false)] {
            assert_eq!(is_failed_read(&problem(code)), is_read, "{code}");
        }
        assert!(!is_failed_read(
            "row 1 missing from index changes_by_object"
        ));
    }
}
