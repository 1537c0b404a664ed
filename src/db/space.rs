//! Pages of the file that nothing is stored in.

use rusqlite::Connection;

use crate::db::failure::while_doing;
use crate::db::transaction::WriteTransaction;
use crate::error::Result;

/// How the file is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) page_size: u64,
    pub(crate) pages: u64,
    pub(crate) free_pages: u64,
}

impl Space {
    /// Bytes of the file once its log is in it.
    pub(crate) fn bytes(&self) -> u64 {
        self.pages * self.page_size
    }
}

/// Reads how the file is used.
pub(crate) fn read(connection: &Connection) -> Result<Space> {
    connection
        .query_row(
            "SELECT page_size, page_count, freelist_count FROM pragma_page_size, pragma_page_count, \
             pragma_freelist_count",
            [],
            |row| {
                Ok(Space {
                    page_size: row.get::<_, i64>("page_size")?.unsigned_abs(),
                    pages: row.get::<_, i64>("page_count")?.unsigned_abs(),
                    free_pages: row.get::<_, i64>("freelist_count")?.unsigned_abs(),
                })
            },
        )
        .map_err(while_doing("reading the size of the store"))
}

/// Gives at most so many free pages back to the file system; pages at the end move to free places for it. The file
/// itself is cut by the checkpoint that follows.
pub(crate) fn give_back(tx: &WriteTransaction<'_>, pages: u32) -> Result<()> {
    let vacuum = |pages: u32| -> rusqlite::Result<()> {
        let mut vacuum = tx
            .connection
            .prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        // It gives back a page with each step.
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    };
    vacuum(pages).map_err(while_doing("giving space back"))
}
