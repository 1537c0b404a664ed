//! Rows of the journal and kept versions that somebody no longer wants (K7).

use rusqlite::{Connection, named_params};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::db::{pages, store_info};
use crate::error::Result;
use crate::model::{ChangeNumber, FileTime, ObjectUid, RowVersion};

/// What is old enough to go: only what every condition says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Older than this.
    pub(crate) before: Option<FileTime>,
    /// Not among so many newest of its object.
    pub(crate) newest: Option<u32>,
    /// Of this message.
    pub(crate) of: Option<ObjectUid>,
}

/// Rows of the journal that may go. A message that was deleted for good is remembered for ever, since its uid must
/// never come back. A row of several objects has no place among the newest of one, and goes by its age only.
macro_rules! select_changes {
    ($of:literal) => {
        concat!(
            "SELECT change_number FROM changes WHERE ",
            $of,
            "change_number > :after AND kind <> 'message-hard-deleted' ",
            "AND (:before IS NULL OR committed_at < :before) AND (:newest IS NULL OR change_number <= ",
            "(SELECT newer.change_number FROM changes AS newer WHERE newer.entry_uid = changes.entry_uid ",
            "ORDER BY newer.change_number DESC LIMIT 1 OFFSET :newest)) ORDER BY change_number LIMIT :limit"
        )
    };
}

/// A page of the rows of the journal that may go, after one.
pub(crate) fn changes(
    connection: &Connection,
    limits: Limits,
    after: ChangeNumber,
    limit: u32,
) -> Result<Vec<ChangeNumber>> {
    const ALL: &str = select_changes!("");
    const OF_ONE: &str = select_changes!("entry_uid = :of AND ");
    let parameters = named_params! {
        ":after": after, ":before": limits.before, ":newest": limits.newest, ":limit": limit, ":of": limits.of,
    };
    let (sql, parameters) = match (limits.of, parameters.split_last()) {
        (None, Some((_, rest))) => (ALL, rest),
        _ => (OF_ONE, parameters),
    };
    let page = connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            select
                .query_map(parameters, |row| row.get("change_number"))?
                .collect()
        })
        .map_err(while_doing("looking for what is to be purged"))?;
    pages::in_order("changes", after, page, |change| *change)
}

/// Deletes rows of the journal, and notes that it is no longer whole up to the newest of them. Returns how many there
/// were.
pub(crate) fn delete_changes(tx: &WriteTransaction<'_>, rows: &[ChangeNumber]) -> Result<u64> {
    let mut deleted = 0;
    let mut delete = tx
        .connection
        .prepare_cached("DELETE FROM changes WHERE change_number = ?")
        .map_err(while_doing("purging the journal"))?;
    for row in rows {
        deleted += delete
            .execute([row])
            .map_err(while_doing("purging the journal"))? as u64;
    }
    if let Some(newest) = rows.iter().max() {
        store_info::set_purged_through(tx, *newest)?;
    }
    Ok(deleted)
}

/// The key of a kept version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeptKey {
    pub(crate) message_id: i64,
    pub(crate) row_version: RowVersion,
}

/// The same for kept versions.
macro_rules! select_versions {
    ($of:literal) => {
        concat!(
            "SELECT message_id, row_version FROM message_versions WHERE ",
            $of,
            "(message_id, row_version) > (:message_id, :row_version) ",
            "AND (:before IS NULL OR replaced_at < :before) AND (:newest IS NULL OR row_version <= ",
            "(SELECT newer.row_version FROM message_versions AS newer ",
            "WHERE newer.message_id = message_versions.message_id ",
            "ORDER BY newer.row_version DESC LIMIT 1 OFFSET :newest)) ORDER BY message_id, row_version LIMIT :limit"
        )
    };
}

/// A page of the kept versions that may go, after one.
pub(crate) fn versions(
    connection: &Connection,
    limits: Limits,
    after: Option<KeptKey>,
    limit: u32,
) -> Result<Vec<KeptKey>> {
    const ALL: &str = select_versions!("");
    const OF_ONE: &str = select_versions!("entry_uid = :of AND ");
    let (message_id, row_version) = match after {
        None => (0, 0),
        Some(key) => (key.message_id, key.row_version.get()),
    };
    let parameters = named_params! {
        ":message_id": message_id, ":row_version": row_version, ":before": limits.before,
        ":newest": limits.newest, ":limit": limit, ":of": limits.of,
    };
    let (sql, parameters) = match (limits.of, parameters.split_last()) {
        (None, Some((_, rest))) => (ALL, rest),
        _ => (OF_ONE, parameters),
    };
    let page = connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            let key = |row: &rusqlite::Row<'_>| {
                Ok(KeptKey {
                    message_id: row.get("message_id")?,
                    row_version: row.get("row_version")?,
                })
            };
            select.query_map(parameters, key)?.collect()
        })
        .map_err(while_doing("looking for what is to be purged"))?;
    pages::in_order("message_versions", after, page, |key: &KeptKey| Some(*key))
}

/// Deletes kept versions, and releases their streams. Returns how many there were.
pub(crate) fn delete_versions(tx: &WriteTransaction<'_>, keys: &[KeptKey]) -> Result<u64> {
    const STREAMS: &str = "DELETE FROM stream_references WHERE message_id = ? AND row_version = ?";
    const VERSION: &str = "DELETE FROM message_versions WHERE message_id = ? AND row_version = ?";
    let mut deleted = 0;
    for key in keys {
        for (sql, counts) in [(STREAMS, 0), (VERSION, 1)] {
            let rows = tx
                .connection
                .prepare_cached(sql)
                .and_then(|mut delete| delete.execute((key.message_id, key.row_version)))
                .map_err(while_doing("purging kept versions"))?;
            deleted += rows as u64 * counts;
        }
    }
    Ok(deleted)
}
