//! SQL to read with.

use crate::db::inspect::Cell;
use crate::error::Result;
use crate::store::Store;

/// The result of a query.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct QueryResult {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The rows, a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl Store {
    /// Runs one SQL query that only reads, on the tables or, better, the `inspect_*` views, which are a public
    /// interface; docs/schema.sql explains both. The result is held in memory.
    ///
    /// ```
    /// # use mapistore::{Cell, Store};
    /// # let folder = tempfile::tempdir()?;
    /// # let store = Store::options().create_if_missing().open(folder.path().join("mail.store"))?;
    /// let result = store.query("SELECT path, total FROM inspect_folders WHERE kind = 'inbox'")?;
    /// assert_eq!(result.rows, [[Cell::Text("Inbox".to_owned()), Cell::Integer(0)]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `MAPI_E_NO_ACCESS`: a statement that would write. `MAPI_E_INVALID_PARAMETER`: no SQL, or several statements.
    pub fn query(&self, sql: &str) -> Result<QueryResult> {
        let (columns, rows) = self.database.query(sql)?;
        Ok(QueryResult { columns, rows })
    }
}
