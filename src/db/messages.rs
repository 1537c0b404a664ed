//! Rows of `messages`: reading them, and changing what is not content (S13).

use std::sync::OnceLock;

use rusqlite::{Connection, OptionalExtension, Row};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::document::Documents;
use crate::model::{ChangeNumber, FileTime, MessageFlags, ObjectUid, ReadState, RowVersion};

/// A message as it is stored: one row, and so never torn (O2).
#[derive(Debug, Clone)]
pub(crate) struct StoredMessage {
    pub(crate) message_id: i64,
    pub(crate) folder_uid: ObjectUid,
    pub(crate) row_version: RowVersion,
    pub(crate) change_number: ChangeNumber,
    pub(crate) deleted_at: Option<FileTime>,
    pub(crate) read_state: ReadState,
    pub(crate) read_flags: MessageFlags,
    pub(crate) status: i32,
    pub(crate) is_associated: bool,
    pub(crate) checksum: Option<i64>,
    pub(crate) created_at: FileTime,
    pub(crate) modified_at: FileTime,
    pub(crate) modified_by: String,
    pub(crate) committed_at: FileTime,
    pub(crate) change_key: Vec<u8>,
    pub(crate) predecessors: Vec<u8>,
    pub(crate) documents: Documents,
}

/// Reads a message.
pub(crate) fn load(connection: &Connection, uid: ObjectUid) -> Result<Option<StoredMessage>> {
    const SELECT: &str = "SELECT messages.message_id AS message_id, folders.entry_uid AS folder_uid, \
        messages.row_version AS row_version, messages.change_number AS change_number, deleted_at, is_read, \
        read_flags, message_status, is_associated, content_checksum, messages.created_at AS created_at, \
        messages.modified_at AS modified_at, modified_by, committed_at, change_key, predecessor_change_list, \
        messages.properties AS properties, recipients, attachments \
        FROM messages JOIN folders ON folders.folder_id = messages.folder_id WHERE messages.entry_uid = ?";
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| select.query_row([uid], stored_message).optional())
        .map_err(while_doing("reading a message"))
}

/// Where the columns of a message stand in the row that [`load`] reads.
///
/// They are found by their names, but only once: a look-up compares the name with those of all columns before it, and
/// so many of them in each row would take a fifth of the instructions of opening a message.
macro_rules! places {
    ($($column:ident),+ $(,)?) => {
        #[derive(Debug)]
        struct Places {
            $($column: usize,)+
        }

        impl Places {
            fn find(row: &Row<'_>) -> rusqlite::Result<Places> {
                let columns = row.as_ref();
                Ok(Places { $($column: columns.column_index(stringify!($column))?,)+ })
            }
        }
    };
}

places! {
    message_id, folder_uid, row_version, change_number, deleted_at, is_read, read_flags, message_status,
    is_associated, content_checksum, created_at, modified_at, modified_by, committed_at,
    change_key, predecessor_change_list, properties, recipients, attachments,
}

fn stored_message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    static PLACES: OnceLock<Places> = OnceLock::new();
    let places = match PLACES.get() {
        Some(places) => places,
        None => {
            let found = Places::find(row)?;
            PLACES.get_or_init(|| found)
        }
    };
    Ok(StoredMessage {
        message_id: row.get(places.message_id)?,
        folder_uid: row.get(places.folder_uid)?,
        row_version: row.get(places.row_version)?,
        change_number: row.get(places.change_number)?,
        deleted_at: row.get(places.deleted_at)?,
        read_state: row.get(places.is_read)?,
        read_flags: MessageFlags::from_bits_retain(row.get(places.read_flags)?),
        status: row.get(places.message_status)?,
        is_associated: row.get(places.is_associated)?,
        checksum: row.get(places.content_checksum)?,
        created_at: row.get(places.created_at)?,
        modified_at: row.get(places.modified_at)?,
        modified_by: row.get(places.modified_by)?,
        committed_at: row.get(places.committed_at)?,
        change_key: row.get(places.change_key)?,
        predecessors: row.get(places.predecessor_change_list)?,
        documents: Documents {
            properties: row.get(places.properties)?,
            recipients: row.get(places.recipients)?,
            attachments: row.get(places.attachments)?,
        },
    })
}

/// The documents of a row of `messages` or `message_versions`.
pub(crate) fn documents(row: &Row<'_>) -> rusqlite::Result<Documents> {
    Ok(Documents {
        properties: row.get("properties")?,
        recipients: row.get("recipients")?,
        attachments: row.get("attachments")?,
    })
}

/// Who saved the version that is stored now.
#[derive(Debug, Clone)]
pub(crate) struct CurrentVersion {
    pub(crate) row_version: RowVersion,
    pub(crate) deleted_at: Option<FileTime>,
    pub(crate) saved_by: String,
    pub(crate) saved_at: FileTime,
}

/// The stored version of a message, deleted or not; none if the row is gone.
pub(crate) fn current_version(
    connection: &Connection,
    message_id: i64,
) -> Result<Option<CurrentVersion>> {
    connection
        .prepare_cached(
            "SELECT row_version, deleted_at, modified_by, committed_at FROM messages WHERE message_id = ?",
        )
        .and_then(|mut select| {
            select
                .query_row([message_id], |row| {
                    Ok(CurrentVersion {
                        row_version: row.get("row_version")?,
                        deleted_at: row.get("deleted_at")?,
                        saved_by: row.get("modified_by")?,
                        saved_at: row.get("committed_at")?,
                    })
                })
                .optional()
        })
        .map_err(while_doing("reading the version of a message"))
}

/// Whether a folder holds a message that is not soft-deleted, associated ones included.
pub(crate) fn first_in_folder(connection: &Connection, folder_id: i64) -> Result<Option<i64>> {
    connection
        .prepare_cached(
            "SELECT message_id FROM messages WHERE folder_id = ? AND deleted_at IS NULL LIMIT 1",
        )
        .and_then(|mut select| {
            select
                .query_row([folder_id], |row| row.get("message_id"))
                .optional()
        })
        .map_err(while_doing("looking into a folder"))
}

/// A table whose objects have uids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UidTable {
    Messages,
    Folders,
}

/// The objects whose uid lies between two, for finding one by the first digits that a person typed.
pub(crate) fn uids_between(
    connection: &Connection,
    table: UidTable,
    first: ObjectUid,
    last: ObjectUid,
    limit: u32,
) -> Result<Vec<ObjectUid>> {
    let sql = match table {
        UidTable::Messages => {
            "SELECT entry_uid FROM messages WHERE entry_uid BETWEEN ? AND ? ORDER BY entry_uid LIMIT ?"
        }
        UidTable::Folders => {
            "SELECT entry_uid FROM folders WHERE entry_uid BETWEEN ? AND ? ORDER BY entry_uid LIMIT ?"
        }
    };
    connection
        .prepare_cached(sql)
        .and_then(|mut select| {
            select
                .query_map((first, last, limit), |row| row.get("entry_uid"))?
                .collect()
        })
        .map_err(while_doing("looking for an entry"))
}

/// Puts a message into another folder. Zero: there is no such visible message.
pub(crate) fn move_to(
    tx: &WriteTransaction<'_>,
    uid: ObjectUid,
    folder_id: i64,
    change_number: ChangeNumber,
) -> Result<usize> {
    tx.connection
        .prepare_cached(
            "UPDATE messages SET folder_id = ?, change_number = ? \
             WHERE entry_uid = ? AND deleted_at IS NULL",
        )
        .and_then(|mut update| update.execute((folder_id, change_number, uid)))
        .map_err(while_doing("moving a message"))
}
