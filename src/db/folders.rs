//! The folder hierarchy. Its counters are kept by triggers.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::{ChangeNumber, FileTime, FolderKind, ObjectUid};

/// A row of `folders`.
#[derive(Debug, Clone)]
pub(crate) struct FolderRow {
    pub(crate) folder_id: i64,
    pub(crate) uid: ObjectUid,
    pub(crate) parent_folder_id: Option<i64>,
    pub(crate) kind: FolderKind,
    pub(crate) name: String,
    pub(crate) total: u64,
    pub(crate) unread: u64,
}

/// A folder whose counters are not what its messages say.
#[derive(Debug)]
pub(crate) struct Miscounted {
    pub(crate) folder_id: i64,
    /// What it says, which may be anything.
    pub(crate) counted: i64,
    pub(crate) counted_unread: i64,
    /// How many messages it holds, and how many of them are unread.
    pub(crate) held: i64,
    pub(crate) held_unread: i64,
}

/// How names are compared: without regard to case.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

fn folder_row(row: &Row<'_>) -> rusqlite::Result<FolderRow> {
    Ok(FolderRow {
        folder_id: row.get("folder_id")?,
        uid: row.get("entry_uid")?,
        parent_folder_id: row.get("parent_folder_id")?,
        kind: row.get("kind")?,
        name: row.get("name")?,
        // Below nothing only in a damaged file.
        total: row.get::<_, i64>("total_count")?.max(0).unsigned_abs(),
        unread: row.get::<_, i64>("unread_count")?.max(0).unsigned_abs(),
    })
}

fn one(
    connection: &Connection,
    sql: &str,
    parameters: &[&dyn rusqlite::ToSql],
) -> Result<Option<FolderRow>> {
    connection
        .prepare_cached(sql)
        .and_then(|mut select| select.query_row(parameters, folder_row).optional())
        .map_err(while_doing("reading a folder"))
}

/// The folder by its uid.
pub(crate) fn by_uid(connection: &Connection, uid: ObjectUid) -> Result<Option<FolderRow>> {
    one(
        connection,
        "SELECT folder_id, entry_uid, parent_folder_id, kind, name, total_count, unread_count \
         FROM folders WHERE entry_uid = ?",
        &[&uid],
    )
}

/// The folder by its row.
pub(crate) fn by_id(connection: &Connection, folder_id: i64) -> Result<Option<FolderRow>> {
    one(
        connection,
        "SELECT folder_id, entry_uid, parent_folder_id, kind, name, total_count, unread_count \
         FROM folders WHERE folder_id = ?",
        &[&folder_id],
    )
}

/// What only those who ask for a folder's properties need.
#[derive(Debug, Clone)]
pub(crate) struct FolderDetails {
    /// None for the root.
    pub(crate) parent_uid: Option<ObjectUid>,
    pub(crate) has_subfolders: bool,
    pub(crate) created_at: FileTime,
    pub(crate) modified_at: FileTime,
    /// The document with the properties that clients set.
    pub(crate) properties: String,
}

/// The details of a folder.
pub(crate) fn details(connection: &Connection, folder_id: i64) -> Result<Option<FolderDetails>> {
    const SELECT: &str = "SELECT parent.entry_uid AS parent_uid, folders.created_at AS created_at, \
        folders.modified_at AS modified_at, folders.properties AS properties, \
        EXISTS (SELECT 1 FROM folders AS child WHERE child.parent_folder_id = folders.folder_id) AS has_subfolders \
        FROM folders LEFT JOIN folders AS parent ON parent.folder_id = folders.parent_folder_id \
        WHERE folders.folder_id = ?";
    let details = |row: &Row<'_>| {
        Ok(FolderDetails {
            parent_uid: row.get("parent_uid")?,
            has_subfolders: row.get("has_subfolders")?,
            created_at: row.get("created_at")?,
            modified_at: row.get("modified_at")?,
            properties: row.get("properties")?,
        })
    };
    connection
        .prepare_cached(SELECT)
        .and_then(|mut select| select.query_row([folder_id], details).optional())
        .map_err(while_doing("reading the properties of a folder"))
}

/// One of the folders that every store has.
pub(crate) fn by_kind(connection: &Connection, kind: FolderKind) -> Result<Option<FolderRow>> {
    one(
        connection,
        "SELECT folder_id, entry_uid, parent_folder_id, kind, name, total_count, unread_count \
         FROM folders WHERE kind = ? AND kind <> 'generic'",
        &[&kind],
    )
}

/// The folder of that name in another, whatever its case.
pub(crate) fn child(connection: &Connection, parent: i64, name: &str) -> Result<Option<FolderRow>> {
    one(
        connection,
        "SELECT folder_id, entry_uid, parent_folder_id, kind, name, total_count, unread_count \
         FROM folders WHERE parent_folder_id = ? AND name_folded = ?",
        &[&parent, &folded(name)],
    )
}

/// The subfolders of a folder, by name.
pub(crate) fn children(connection: &Connection, parent: i64) -> Result<Vec<FolderRow>> {
    connection
        .prepare_cached(
            "SELECT folder_id, entry_uid, parent_folder_id, kind, name, total_count, unread_count \
             FROM folders WHERE parent_folder_id = ? ORDER BY name_folded",
        )
        .and_then(|mut select| select.query_map([parent], folder_row)?.collect())
        .map_err(while_doing("listing folders"))
}

/// All folders, by their rows, whatever the indexes say.
pub(crate) fn rows(connection: &Connection) -> Result<BTreeMap<i64, FolderRow>> {
    connection
        .prepare_cached(
            "SELECT folder_id, entry_uid, parent_folder_id, kind, name, total_count, unread_count \
             FROM folders NOT INDEXED",
        )
        .and_then(|mut select| {
            select
                .query_map([], |row| folder_row(row).map(|row| (row.folder_id, row)))?
                .collect()
        })
        .map_err(while_doing("listing folders"))
}

/// Makes one of the folders of a new store, before there is a journal.
pub(crate) fn insert_special(
    connection: &Connection,
    parent: Option<i64>,
    kind: FolderKind,
    now: FileTime,
) -> Result<i64> {
    insert(
        connection,
        parent,
        kind,
        kind.title(),
        ObjectUid::random(),
        ChangeNumber::ZERO,
        now,
    )
}

fn insert(
    connection: &Connection,
    parent: Option<i64>,
    kind: FolderKind,
    name: &str,
    uid: ObjectUid,
    change_number: ChangeNumber,
    now: FileTime,
) -> Result<i64> {
    connection
        .prepare_cached(
            "INSERT INTO folders (entry_uid, parent_folder_id, kind, name, name_folded, change_number, \
             created_at, modified_at) VALUES (:uid, :parent, :kind, :name, :folded, :change, :now, :now)",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":uid": uid, ":parent": parent, ":kind": kind, ":name": name,
                ":folded": folded(name), ":change": change_number, ":now": now,
            })
        })
        .map_err(while_doing("making a folder"))?;
    Ok(connection.last_insert_rowid())
}

/// Makes a folder; the name must be free.
pub(crate) fn create(
    tx: &WriteTransaction<'_>,
    parent: i64,
    name: &str,
    uid: ObjectUid,
    change_number: ChangeNumber,
) -> Result<i64> {
    insert(
        tx.connection,
        Some(parent),
        FolderKind::Generic,
        name,
        uid,
        change_number,
        tx.now,
    )
}

/// The folders whose counters are not what the messages say.
pub(crate) fn miscounted(connection: &Connection) -> Result<Vec<Miscounted>> {
    connection
        .prepare_cached(
            "SELECT folders.folder_id AS folder_id, total_count, unread_count, \
             count(messages.message_id) AS held, \
             coalesce(sum(messages.is_read = 0), 0) AS held_unread FROM folders \
             LEFT JOIN messages ON messages.folder_id = folders.folder_id AND messages.deleted_at IS NULL \
             AND messages.is_associated = 0 GROUP BY folders.folder_id \
             HAVING total_count <> held OR unread_count <> held_unread",
        )
        .and_then(|mut select| {
            select
                .query_map([], |row| {
                    Ok(Miscounted {
                        folder_id: row.get("folder_id")?,
                        counted: row.get("total_count")?,
                        counted_unread: row.get("unread_count")?,
                        held: row.get("held")?,
                        held_unread: row.get("held_unread")?,
                    })
                })?
                .collect()
        })
        .map_err(while_doing("counting the messages of folders"))
}

/// Counts the messages of a folder, and writes it down if that is not what stands there. Returns how many folders were
/// written.
pub(crate) fn recount(tx: &WriteTransaction<'_>, folder_id: i64) -> Result<usize> {
    const RECOUNT: &str = "UPDATE folders SET total_count = counted.total, unread_count = counted.unread \
        FROM (SELECT count(*) AS total, coalesce(sum(is_read = 0), 0) AS unread FROM messages \
        WHERE folder_id = :folder_id AND deleted_at IS NULL AND is_associated = 0) AS counted \
        WHERE folder_id = :folder_id \
        AND (total_count <> counted.total OR unread_count <> counted.unread)";
    tx.connection
        .prepare_cached(RECOUNT)
        .and_then(|mut update| update.execute(named_params! { ":folder_id": folder_id }))
        .map_err(while_doing("counting the messages of a folder"))
}

/// Gives a folder another name; it must be free.
pub(crate) fn rename(
    tx: &WriteTransaction<'_>,
    folder_id: i64,
    name: &str,
    change_number: ChangeNumber,
) -> Result<()> {
    tx.connection
        .prepare_cached(
            "UPDATE folders SET name = :name, name_folded = :folded, change_number = :change, \
             modified_at = max(modified_at, :now) WHERE folder_id = :folder_id",
        )
        .and_then(|mut update| {
            update.execute(named_params! {
                ":name": name, ":folded": folded(name), ":change": change_number, ":now": tx.now,
                ":folder_id": folder_id,
            })
        })
        .map_err(while_doing("renaming a folder"))?;
    Ok(())
}

/// Replaces the document of a folder's properties.
pub(crate) fn set_properties(
    tx: &WriteTransaction<'_>,
    folder_id: i64,
    properties: &str,
    change_number: ChangeNumber,
) -> Result<()> {
    tx.connection
        .prepare_cached(
            "UPDATE folders SET properties = :properties, change_number = :change, \
             modified_at = max(modified_at, :now) WHERE folder_id = :folder_id",
        )
        .and_then(|mut update| {
            update.execute(named_params! {
                ":properties": properties, ":change": change_number, ":now": tx.now,
                ":folder_id": folder_id,
            })
        })
        .map_err(while_doing("writing the properties of a folder"))?;
    Ok(())
}

/// Deletes a folder that nobody sees anything in. Soft-deleted messages in it go to its parent, as they are:
/// they are still somebody's.
pub(crate) fn delete(
    tx: &WriteTransaction<'_>,
    folder: &FolderRow,
    change_number: ChangeNumber,
) -> Result<()> {
    tx.connection
        .prepare_cached(
            "UPDATE messages SET folder_id = ?, change_number = ? \
             WHERE folder_id = ? AND deleted_at IS NOT NULL",
        )
        .and_then(|mut update| {
            update.execute((folder.parent_folder_id, change_number, folder.folder_id))
        })
        .map_err(while_doing("keeping the soft-deleted messages of a folder"))?;
    tx.connection
        .prepare_cached("DELETE FROM folders WHERE folder_id = ?")
        .and_then(|mut delete| delete.execute([folder.folder_id]))
        .map_err(while_doing("deleting a folder"))?;
    Ok(())
}
