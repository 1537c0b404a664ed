//! Versions that were replaced without having been built on, kept as they were (K4).

use rusqlite::{Connection, OptionalExtension, named_params};

use crate::db::failure::while_doing;
use crate::db::messages;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::document::Documents;
use crate::model::{ChangeNumber, RowVersion};

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
