//! What the copies that came out of conflicts were in conflict with (K6).

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::{FileTime, ObjectUid, RowVersion};

/// What a new message was in conflict with when it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Provenance {
    pub(crate) original: ObjectUid,
    /// The version that the changes were made on.
    pub(crate) base: RowVersion,
    /// The version that the user was shown; none if the original was deleted.
    pub(crate) shown: Option<RowVersion>,
}

/// A copy that nobody has deleted.
#[derive(Debug, Clone)]
pub(crate) struct WaitingCopy {
    pub(crate) copy: ObjectUid,
    pub(crate) provenance: Provenance,
    pub(crate) made_at: FileTime,
    pub(crate) made_by: String,
    pub(crate) folder: ObjectUid,
    pub(crate) subject: Option<String>,
    /// None if the original is deleted.
    pub(crate) original_version: Option<RowVersion>,
}

/// Writes down where a copy comes from, in the transaction that makes it.
pub(crate) fn record(
    tx: &WriteTransaction<'_>,
    copy: ObjectUid,
    provenance: Provenance,
) -> Result<()> {
    const INSERT: &str = "INSERT INTO conflict_copies (copy_uid, original_uid, base_version, shown_version, made_at, \
        made_by) VALUES (:copy, :original, :base, :shown, :now, :client)";
    tx.connection
        .prepare_cached(INSERT)
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":copy": copy, ":original": provenance.original, ":base": provenance.base,
                ":shown": provenance.shown, ":now": tx.now, ":client": tx.client_name,
            })
        })
        .map_err(while_doing("saving where a copy comes from"))?;
    Ok(())
}

/// The copies that lost against a message and that nobody has deleted, oldest first.
pub(crate) fn against(connection: &Connection, original: ObjectUid) -> Result<Vec<ObjectUid>> {
    const SELECT: &str = "SELECT copy_uid FROM conflict_copies \
        JOIN messages ON messages.entry_uid = copy_uid AND messages.deleted_at IS NULL \
        WHERE original_uid = ? ORDER BY made_at, messages.message_id";
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| {
            select
                .query_map([original], |row| row.get("copy_uid"))?
                .collect()
        })
        .map_err(while_doing("looking for copies out of conflicts"))
}

/// The columns of a [`WaitingCopy`], of all copies or of one.
macro_rules! select_waiting {
    ($condition:literal) => {
        concat!(
            "SELECT copy_uid, original_uid, base_version, shown_version, made_at, made_by, ",
            "folders.entry_uid AS folder_uid, copy.subject AS subject, original.row_version AS original_version ",
            "FROM conflict_copies ",
            "JOIN messages AS copy ON copy.entry_uid = copy_uid AND copy.deleted_at IS NULL ",
            "JOIN folders ON folders.folder_id = copy.folder_id ",
            "LEFT JOIN messages AS original ON original.entry_uid = original_uid AND original.deleted_at IS NULL",
            $condition
        )
    };
}

/// All copies that nobody has deleted, oldest first.
pub(crate) fn waiting(connection: &Connection) -> Result<Vec<WaitingCopy>> {
    const SELECT: &str = select_waiting!(" ORDER BY made_at, copy.message_id");
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| select.query_map([], waiting_copy)?.collect())
        .map_err(while_doing("looking for copies out of conflicts"))
}

/// A copy by its uid; none if that is no copy, or a deleted one.
pub(crate) fn find(connection: &Connection, copy: ObjectUid) -> Result<Option<WaitingCopy>> {
    const SELECT: &str = select_waiting!(" WHERE copy_uid = ?");
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| select.query_row([copy], waiting_copy).optional())
        .map_err(while_doing("looking for a copy out of a conflict"))
}

fn waiting_copy(row: &Row<'_>) -> rusqlite::Result<WaitingCopy> {
    Ok(WaitingCopy {
        copy: row.get("copy_uid")?,
        provenance: Provenance {
            original: row.get("original_uid")?,
            base: row.get("base_version")?,
            shown: row.get("shown_version")?,
        },
        made_at: row.get("made_at")?,
        made_by: row.get("made_by")?,
        folder: row.get("folder_uid")?,
        subject: row.get("subject")?,
        original_version: row.get("original_version")?,
    })
}
