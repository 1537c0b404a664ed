//! Rows of `messages`: reading them, and changing what is not content (S13).

use std::sync::OnceLock;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::document::Documents;
use crate::model::{ChangeNumber, FileTime, ObjectUid, ReadState, RowVersion};

/// A message as it is stored: one row, and so never torn (O2).
#[derive(Debug, Clone)]
pub(crate) struct StoredMessage {
    pub(crate) message_id: i64,
    pub(crate) folder_uid: ObjectUid,
    pub(crate) row_version: RowVersion,
    pub(crate) change_number: ChangeNumber,
    pub(crate) deleted_at: Option<FileTime>,
    pub(crate) read_state: ReadState,
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
        message_status, is_associated, content_checksum, messages.created_at AS created_at, \
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
    message_id, folder_uid, row_version, change_number, deleted_at, is_read, message_status,
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

/// A line of a folder's contents.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SummaryRow {
    pub(crate) uid: ObjectUid,
    pub(crate) row_version: RowVersion,
    pub(crate) subject: Option<String>,
    pub(crate) sender: Option<String>,
    pub(crate) received: Option<FileTime>,
    pub(crate) modified: FileTime,
    pub(crate) size: u64,
    pub(crate) read_state: ReadState,
    pub(crate) has_attachments: bool,
}

/// By what a folder's contents are sorted. The message's number breaks ties, so that paging by key never
/// skips or repeats a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    NewestFirst,
    Subject,
    Sender,
    LargestFirst,
    LastModifiedFirst,
}

/// How a page is found: the key of the message that it begins after, then a seek. With the key as a value SQLite goes
/// straight to the page; an `OR` for the first page would make it read all that comes before.
struct PageSql {
    key: &'static str,
    first: &'static str,
    next: &'static str,
}

impl Order {
    const fn sql(self) -> PageSql {
        macro_rules! select {
            ($key:literal, $direction:literal $(, $beyond:literal)?) => {
                concat!(
                    "SELECT entry_uid, row_version, subject, sender, received_at, modified_at, size, is_read, ",
                    "has_attachments FROM messages WHERE folder_id = :folder AND deleted_at IS NULL ",
                    "AND is_associated = 0 ",
                    $("AND (", $key, ", message_id) ", $beyond, " (:key, :message_id) ",)?
                    "ORDER BY ", $key, " ", $direction, ", message_id ", $direction, " LIMIT :limit"
                )
            };
        }
        macro_rules! page {
            ($key:literal, $direction:literal, $beyond:literal) => {
                PageSql {
                    key: concat!(
                        "SELECT ",
                        $key,
                        " AS sort_key, message_id FROM messages WHERE entry_uid = ?"
                    ),
                    first: select!($key, $direction),
                    next: select!($key, $direction, $beyond),
                }
            };
        }
        match self {
            Order::NewestFirst => page!("received_at", "DESC", "<"),
            Order::Subject => page!("coalesce(subject, '')", "ASC", ">"),
            Order::Sender => page!("coalesce(sender, '')", "ASC", ">"),
            Order::LargestFirst => page!("size", "DESC", "<"),
            Order::LastModifiedFirst => page!("modified_at", "DESC", "<"),
        }
    }
}

/// A page of a folder's visible messages, after a given one; none if that one is not there any more.
pub(crate) fn page(
    connection: &Connection,
    folder_id: i64,
    order: Order,
    after: Option<ObjectUid>,
    limit: u32,
) -> Result<Option<Vec<SummaryRow>>> {
    let sql = order.sql();
    let rows = match after {
        None => connection.prepare_cached(sql.first).and_then(|mut select| {
            let parameters = named_params! { ":folder": folder_id, ":limit": limit };
            select.query_map(parameters, summary_row)?.collect()
        }),
        Some(after) => {
            let key: Option<(rusqlite::types::Value, i64)> = connection
                .prepare_cached(sql.key)
                .and_then(|mut select| {
                    let read = |row: &Row<'_>| Ok((row.get("sort_key")?, row.get("message_id")?));
                    select.query_row([after], read).optional()
                })
                .map_err(while_doing("listing a folder"))?;
            let Some((key, message_id)) = key else {
                return Ok(None);
            };
            connection.prepare_cached(sql.next).and_then(|mut select| {
                let parameters = named_params! {
                    ":folder": folder_id, ":limit": limit, ":key": key, ":message_id": message_id,
                };
                select.query_map(parameters, summary_row)?.collect()
            })
        }
    };
    rows.map(Some).map_err(while_doing("listing a folder"))
}

fn summary_row(row: &Row<'_>) -> rusqlite::Result<SummaryRow> {
    Ok(SummaryRow {
        uid: row.get("entry_uid")?,
        row_version: row.get("row_version")?,
        subject: row.get("subject")?,
        sender: row.get("sender")?,
        received: FileTime::parse(&row.get::<_, String>("received_at")?),
        modified: row.get("modified_at")?,
        size: row.get::<_, i64>("size")?.unsigned_abs(),
        read_state: row.get("is_read")?,
        has_attachments: row.get("has_attachments")?,
    })
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

/// Marks a message read or unread. Zero: there is no such visible message.
pub(crate) fn set_read_state(
    tx: &WriteTransaction<'_>,
    uid: ObjectUid,
    read_state: ReadState,
    change_number: ChangeNumber,
) -> Result<usize> {
    tx.connection
        .prepare_cached(
            "UPDATE messages SET is_read = ?, change_number = ? \
             WHERE entry_uid = ? AND deleted_at IS NULL",
        )
        .and_then(|mut update| update.execute((read_state, change_number, uid)))
        .map_err(while_doing("changing the read state of a message"))
}

/// Sets the status bits under a mask in one step, so that two clients that set different bits do not undo each
/// other. Returns the status before.
pub(crate) fn set_status(
    tx: &WriteTransaction<'_>,
    uid: ObjectUid,
    status: i32,
    mask: i32,
    change_number: ChangeNumber,
) -> Result<Option<i32>> {
    let before: Option<i32> = tx
        .connection
        .prepare_cached(
            "SELECT message_status FROM messages WHERE entry_uid = ? AND deleted_at IS NULL",
        )
        .and_then(|mut select| {
            select
                .query_row([uid], |row| row.get("message_status"))
                .optional()
        })
        .map_err(while_doing("reading the status of a message"))?;
    tx.connection
        .prepare_cached(
            "UPDATE messages SET message_status = (message_status & ~:mask) | (:status & :mask), \
             change_number = :change WHERE entry_uid = :uid AND deleted_at IS NULL",
        )
        .and_then(|mut update| {
            update.execute(named_params! {
                ":mask": mask, ":status": status, ":change": change_number, ":uid": uid,
            })
        })
        .map_err(while_doing("changing the status of a message"))?;
    Ok(before)
}
