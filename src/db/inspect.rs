//! Read-only SQL for people, with typed cells.

use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;

use crate::db::database::Database;
use crate::db::failure::{sqlite, while_doing};
use crate::error::{Error, Result};

/// A cell of a query's result, of one of SQLite's storage classes.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// `NULL`.
    Null,
    /// `INTEGER`.
    Integer(i64),
    /// `REAL`.
    Real(f64),
    /// `TEXT`; bytes that are no UTF-8 are replaced.
    Text(String),
    /// `BLOB`.
    Blob(Vec<u8>),
}

/// The pragmas that only tell.
const READING_PRAGMAS: &[&str] = &[
    "application_id",
    "auto_vacuum",
    "collation_list",
    "compile_options",
    "database_list",
    "encoding",
    "foreign_key_check",
    "foreign_key_list",
    "freelist_count",
    "function_list",
    "index_info",
    "index_list",
    "index_xinfo",
    "integrity_check",
    "page_count",
    "page_size",
    "quick_check",
    "schema_version",
    "table_info",
    "table_list",
    "table_xinfo",
    "user_version",
];

/// `query_only` alone would let `ATTACH` make files, and pragmas change the connection.
fn authorize(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Select
        | AuthAction::Read { .. }
        | AuthAction::Function { .. }
        | AuthAction::Recursive => Authorization::Allow,
        AuthAction::Pragma { pragma_name, .. }
            if READING_PRAGMAS.contains(&pragma_name.to_ascii_lowercase().as_str()) =>
        {
            Authorization::Allow
        }
        _ => Authorization::Deny,
    }
}

impl Database {
    /// Runs one query: the names of its columns, and its rows.
    pub(crate) fn query(&self, sql: &str) -> Result<(Vec<String>, Vec<Vec<Cell>>)> {
        let reader = self.reader()?;
        let authorizer = |allowed| {
            reader
                .authorizer(allowed)
                .map_err(while_doing("guarding a query"))
        };
        reader
            .set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)
            .map_err(while_doing("guarding a query"))?;
        authorizer(Some(authorize))?;
        let result = run(&reader, sql);
        authorizer(None)?;
        result
    }
}

fn run(connection: &rusqlite::Connection, sql: &str) -> Result<(Vec<String>, Vec<Vec<Cell>>)> {
    let mut statement = connection.prepare(sql).map_err(refused_or_wrong)?;
    if !statement.readonly() {
        return Err(Error::NoAccess {
            detail: "queries only read; use the commands to change".into(),
        });
    }
    let names: Vec<String> = statement
        .column_names()
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    let mut result = Vec::new();
    let mut rows = statement.query([]).map_err(refused_or_wrong)?;
    while let Some(row) = rows.next().map_err(refused_or_wrong)? {
        let mut cells = Vec::with_capacity(names.len());
        for column in 0..names.len() {
            cells.push(match row.get_ref(column).map_err(refused_or_wrong)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(value) => Cell::Integer(value),
                ValueRef::Real(value) => Cell::Real(value),
                ValueRef::Text(text) => Cell::Text(String::from_utf8_lossy(text).into_owned()),
                ValueRef::Blob(bytes) => Cell::Blob(bytes.to_vec()),
            });
        }
        result.push(cells);
    }
    Ok((names, result))
}

/// A query that SQLite does not understand is the caller's mistake; one that it must not run has no access.
fn refused_or_wrong(error: rusqlite::Error) -> Error {
    match &error {
        rusqlite::Error::SqlInputError { .. } | rusqlite::Error::MultipleStatement => {
            Error::InvalidParameter {
                detail: format!("the query is wrong: {error}"),
            }
        }
        rusqlite::Error::SqliteFailure(failure, Some(message))
            if failure.code == rusqlite::ErrorCode::Unknown =>
        {
            Error::InvalidParameter {
                detail: format!("the query is wrong: {message}"),
            }
        }
        rusqlite::Error::SqliteFailure(failure, _)
            if failure.code == rusqlite::ErrorCode::ApiMisuse =>
        {
            Error::InvalidParameter {
                detail: "the query is empty".to_owned(),
            }
        }
        _ => sqlite("running a query", error),
    }
}
