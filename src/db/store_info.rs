//! The one row of `store_info`: what the store says of itself.

use rusqlite::Connection;

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;
use crate::model::FileTime;

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
