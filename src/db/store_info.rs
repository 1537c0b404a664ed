//! The one row of `store_info`: what the store says of itself.

use rusqlite::Connection;

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::{ChangeNumber, FileTime};

/// What a client may see of the row; the store's uid is read when it is opened.
#[derive(Debug, Clone)]
pub(crate) struct StoreRow {
    pub(crate) created_at: FileTime,
    /// The document with the properties that clients set.
    pub(crate) properties: String,
}

/// Reads the row.
pub(crate) fn read(connection: &Connection) -> Result<StoreRow> {
    connection
        .prepare_cached("SELECT created_at, properties FROM store_info")
        .and_then(|mut select| {
            select.query_row([], |row| {
                Ok(StoreRow {
                    created_at: row.get("created_at")?,
                    properties: row.get("properties")?,
                })
            })
        })
        .map_err(while_doing("reading the properties of the store"))
}

/// Replaces the document of properties.
pub(crate) fn set_properties(tx: &WriteTransaction<'_>, properties: &str) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE store_info SET properties = ?")
        .and_then(|mut update| update.execute([properties]))
        .map_err(while_doing("writing the properties of the store"))?;
    Ok(())
}

/// The newest change that was ever purged from the journal, zero if none was: up to it, rows may be missing.
pub(crate) fn purged_through(connection: &Connection) -> Result<ChangeNumber> {
    connection
        .prepare_cached("SELECT purged_through FROM store_info")
        .and_then(|mut select| select.query_row([], |row| row.get("purged_through")))
        .map_err(while_doing("reading how far the journal was purged"))
}

/// Notes that changes up to this one may be missing from the journal now.
pub(crate) fn set_purged_through(
    tx: &WriteTransaction<'_>,
    change_number: ChangeNumber,
) -> Result<()> {
    tx.connection
        .prepare_cached("UPDATE store_info SET purged_through = max(purged_through, ?)")
        .and_then(|mut update| update.execute([change_number]))
        .map_err(while_doing("noting how far the journal was purged"))?;
    Ok(())
}
