//! What a folder holds, page by page.

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::db::failure::while_doing;
use crate::error::Result;
use crate::model::{FileTime, ObjectUid, ReadState, RowVersion};

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

/// Which of a folder's two tables a message is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// Ordinary messages.
    Contents,
    /// Folder-associated ones.
    AssociatedContents,
}

/// How a page is found: the key of the message that it begins after, then a seek. With the key as a value SQLite goes
/// straight to the page; an `OR` for the first page would make it read all that comes before.
struct PageSql {
    key: &'static str,
    first: &'static str,
    next: &'static str,
}

impl Order {
    const fn sql(self, table: Table) -> PageSql {
        // The kind stands in the text of the statement, so that SQLite plans for it.
        macro_rules! select {
            ($associated:literal, $key:literal, $direction:literal $(, $beyond:literal)?) => {
                concat!(
                    "SELECT entry_uid, row_version, subject, sender, received_at, modified_at, size, is_read, ",
                    "has_attachments FROM messages WHERE folder_id = :folder AND deleted_at IS NULL ",
                    "AND is_associated = ", $associated, " ",
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
                    first: match table {
                        Table::Contents => select!("0", $key, $direction),
                        Table::AssociatedContents => select!("1", $key, $direction),
                    },
                    next: match table {
                        Table::Contents => select!("0", $key, $direction, $beyond),
                        Table::AssociatedContents => select!("1", $key, $direction, $beyond),
                    },
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

/// A page of one of a folder's tables, after a given message; none if that one is not there any more.
pub(crate) fn page(
    connection: &Connection,
    folder_id: i64,
    table: Table,
    order: Order,
    after: Option<ObjectUid>,
    limit: u32,
) -> Result<Option<Vec<SummaryRow>>> {
    let sql = order.sql(table);
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

/// How many visible folder-associated messages a folder holds.
pub(crate) fn count_associated(connection: &Connection, folder_id: i64) -> Result<u64> {
    connection
        .prepare_cached(
            "SELECT count(*) AS associated FROM messages \
             WHERE folder_id = ? AND deleted_at IS NULL AND is_associated = 1",
        )
        .and_then(|mut select| select.query_row([folder_id], |row| row.get::<_, i64>("associated")))
        .map(i64::unsigned_abs)
        .map_err(while_doing("counting the associated messages of a folder"))
}
