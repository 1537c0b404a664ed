//! Versions that were replaced without having been built on, kept as they were (K4).

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::db::failure::while_doing;
use crate::db::messages;
#[cfg(feature = "planted-faults")]
use crate::db::planted_faults::{self, Fault};
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::document::Documents;
use crate::model::{ChangeNumber, FileTime, ObjectUid, RowVersion};

/// Copies a message's row, and its references to streams, before it is overwritten, unless it is the version
/// that the overwriting client declares to have seen.
pub(crate) fn keep(
    tx: &WriteTransaction<'_>,
    message_id: i64,
    seen: RowVersion,
    replaced_by_change: ChangeNumber,
    reason: &str,
) -> Result<()> {
    const COPY: &str = "INSERT INTO message_versions (message_id, row_version, entry_uid, change_number, \
        content_checksum, modified_at, modified_by, committed_at, change_key, predecessor_change_list, size, \
        replaced_at, replaced_by, replaced_by_change, reason, properties, recipients, attachments) \
        SELECT message_id, row_version, entry_uid, change_number, content_checksum, modified_at, modified_by, \
        committed_at, change_key, predecessor_change_list, size, :replaced_at, :replaced_by, \
        :replaced_by_change, :reason, properties, recipients, attachments \
        FROM messages WHERE message_id = :message_id AND row_version <> :seen AND deleted_at IS NULL";
    const COPY_REFERENCES: &str = "INSERT INTO stream_references (message_id, row_version, stream_id) \
        SELECT stream_references.message_id, messages.row_version, stream_references.stream_id \
        FROM messages JOIN stream_references ON stream_references.message_id = messages.message_id \
        AND stream_references.row_version = 0 WHERE messages.message_id = ?";
    #[cfg(feature = "planted-faults")]
    if reason == "overwrite" && planted_faults::chosen() == Some(Fault::OverwriteKeepsNothing) {
        return Ok(());
    }
    let copied = tx
        .connection
        .prepare_cached(COPY)
        .and_then(|mut copy| {
            copy.execute(named_params! {
                ":replaced_at": tx.now, ":replaced_by": tx.client_name,
                ":replaced_by_change": replaced_by_change, ":reason": reason,
                ":message_id": message_id, ":seen": seen,
            })
        })
        .map_err(while_doing("keeping the version that is replaced"))?;
    if copied > 0 {
        tx.connection
            .prepare_cached(COPY_REFERENCES)
            .and_then(|mut copy| copy.execute([message_id]))
            .map_err(while_doing(
                "keeping the streams of the version that is replaced",
            ))?;
    }
    Ok(())
}

/// The documents of a version that is kept.
pub(crate) fn documents(
    connection: &Connection,
    message_id: i64,
    version: RowVersion,
) -> Result<Option<Documents>> {
    const SELECT: &str = "SELECT properties, recipients, attachments FROM message_versions \
        WHERE message_id = ? AND row_version = ?";
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| {
            select
                .query_row((message_id, version), messages::documents)
                .optional()
        })
        .map_err(while_doing("reading a kept version"))
}

/// Who saved a version that is kept, and what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) row_version: RowVersion,
    pub(crate) saved_by: String,
    pub(crate) saved_at: FileTime,
    pub(crate) replaced_by: String,
    pub(crate) replaced_at: FileTime,
    pub(crate) reason: String,
}

/// The kept versions of a message, deleted or not, oldest first.
pub(crate) fn of_message(connection: &Connection, message: ObjectUid) -> Result<Vec<Kept>> {
    const SELECT: &str = "SELECT row_version, modified_by, committed_at, replaced_by, replaced_at, reason \
        FROM message_versions WHERE entry_uid = ? ORDER BY row_version";
    let kept = |row: &Row<'_>| {
        Ok(Kept {
            row_version: row.get("row_version")?,
            saved_by: row.get("modified_by")?,
            saved_at: row.get("committed_at")?,
            replaced_by: row.get("replaced_by")?,
            replaced_at: row.get("replaced_at")?,
            reason: row.get("reason")?,
        })
    };
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| select.query_map([message], kept)?.collect())
        .map_err(while_doing("reading the kept versions of a message"))
}

/// What a kept version has of a row of `messages`.
#[derive(Debug, Clone)]
pub(crate) struct KeptRow {
    pub(crate) message_id: i64,
    pub(crate) change_number: ChangeNumber,
    pub(crate) checksum: Option<i64>,
    pub(crate) modified_at: FileTime,
    pub(crate) modified_by: String,
    pub(crate) committed_at: FileTime,
    pub(crate) change_key: Vec<u8>,
    pub(crate) predecessors: Vec<u8>,
    pub(crate) documents: Documents,
}

/// Reads a kept version; none if that version is not kept.
pub(crate) fn load(
    connection: &Connection,
    message: ObjectUid,
    version: RowVersion,
) -> Result<Option<KeptRow>> {
    const SELECT: &str = "SELECT message_id, change_number, content_checksum, modified_at, modified_by, committed_at, \
        change_key, predecessor_change_list, properties, recipients, attachments FROM message_versions \
        WHERE entry_uid = ? AND row_version = ?";
    let kept = |row: &Row<'_>| {
        Ok(KeptRow {
            message_id: row.get("message_id")?,
            change_number: row.get("change_number")?,
            checksum: row.get("content_checksum")?,
            modified_at: row.get("modified_at")?,
            modified_by: row.get("modified_by")?,
            committed_at: row.get("committed_at")?,
            change_key: row.get("change_key")?,
            predecessors: row.get("predecessor_change_list")?,
            documents: messages::documents(row)?,
        })
    };
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| select.query_row((message, version), kept).optional())
        .map_err(while_doing("reading a kept version"))
}
