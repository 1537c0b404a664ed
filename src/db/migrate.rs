//! The schema: made, recognised and moved on, with its version in the same transaction (P4).

use rusqlite::Connection;

use crate::db::failure::{sqlite, while_doing};
use crate::db::{folders, schema};
use crate::error::{Error, Result};
use crate::model::{FileTime, FolderKind, StoreUid, known_properties, known_property_sets};

/// `PRAGMA application_id` of a store: "MAPS".
const APPLICATION_ID: i64 = 0x4D41_5053;

/// Every migration, in order; its place, counted from 1, is the `user_version` it leads to.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/0001_store.sql"),
    include_str!("../../migrations/0002_named_properties.sql"),
    include_str!("../../migrations/0003_conflict_copies.sql"),
];

/// The `user_version` of a store that this library writes.
pub(crate) const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// What an opened file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SchemaState {
    /// Nothing in it yet: just made, or its maker died before the first commit.
    Empty,
    /// A store of an older version.
    Older,
    /// A store of this version.
    Current,
}

/// Tells what the file is, and refuses what is no store or is a newer one.
pub(crate) fn recognise(connection: &Connection) -> Result<SchemaState> {
    let read = |pragma: &str| -> Result<i64> {
        connection
            .query_row(pragma, [], |row| row.get(0))
            .map_err(while_doing("reading the schema version"))
    };
    let application_id = read("PRAGMA application_id")?;
    let version = read("PRAGMA user_version")?;
    if application_id == 0 && version == 0 && read("SELECT count(*) FROM sqlite_schema")? == 0 {
        return Ok(SchemaState::Empty);
    }
    if application_id != APPLICATION_ID || version < 1 {
        return Err(Error::CorruptStore {
            detail: format!(
                "the file is a SQLite database, but no store (application_id {application_id:#x}, \
                 user_version {version})"
            ),
            source: None,
        });
    }
    match version.cmp(&SCHEMA_VERSION) {
        std::cmp::Ordering::Less => Ok(SchemaState::Older),
        std::cmp::Ordering::Equal => Ok(SchemaState::Current),
        std::cmp::Ordering::Greater => Err(newer(version)),
    }
}

/// The error for a store of a newer version.
pub(crate) fn newer(found: i64) -> Error {
    Error::Version {
        detail: format!(
            "the store has schema version {found}, this library knows up to {SCHEMA_VERSION}; use a \
             newer library, the store was left as it was"
        ),
    }
}

/// Makes a store of an empty file, or moves an older one on. The caller owns the presence lock.
pub(crate) fn migrate(connection: &mut Connection, client_name: &str, now: FileTime) -> Result<()> {
    let state = recognise(connection)?;
    if state == SchemaState::Current {
        return Ok(());
    }
    if state == SchemaState::Empty {
        // Both are properties of the file that only an empty one takes. WAL is set here, alone, and
        // never again: several processes that set it at once get errors that no busy handler catches.
        connection
            .execute_batch("PRAGMA auto_vacuum = INCREMENTAL")
            .map_err(while_doing("preparing a new store"))?;
        let mode: String = connection
            .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
            .map_err(while_doing("preparing a new store"))?;
        if mode != "wal" {
            return Err(Error::NoSupport {
                detail: format!(
                    "a write-ahead log is not possible there; the journal mode stays {mode}"
                ),
            });
        }
    }
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(while_doing("beginning a migration"))?;
    let version: i64 = transaction
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(while_doing("reading the schema version"))?;
    let done = usize::try_from(version).unwrap_or(0);
    run(&transaction, done)?;
    if state == SchemaState::Empty {
        fill_new_store(&transaction, client_name, now)?;
    }
    schema::verify(&transaction)?;
    name_properties(&transaction)?;
    transaction
        .execute_batch(&format!(
            "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {SCHEMA_VERSION};"
        ))
        .map_err(while_doing("writing the schema version"))?;
    transaction
        .commit()
        .map_err(while_doing("committing a migration"))
}

/// Runs the migrations from one on. What one of them cannot be run on is not of the version that it says.
fn run(connection: &Connection, done: usize) -> Result<()> {
    let failed = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::Unknown) => Error::CorruptStore {
            detail: "the schema is not of the version that the file says".to_owned(),
            source: Some(Box::new(error)),
        },
        _ => sqlite("migrating the schema", error),
    };
    MIGRATIONS
        .iter()
        .skip(done)
        .try_for_each(|migration| connection.execute_batch(migration).map_err(failed))
}

/// Makes the schema of this version in an empty database.
pub(crate) fn make_schema(connection: &Connection) -> Result<()> {
    run(connection, 0)
}

/// The names that the views show instead of tags.
fn name_properties(connection: &Connection) -> Result<()> {
    let mut insert = connection
        .prepare("INSERT OR REPLACE INTO property_names (tag, name) VALUES (?, ?)")
        .map_err(while_doing("naming properties"))?;
    for property in known_properties() {
        insert
            .execute((property.tag.document_key(), property.name))
            .map_err(while_doing("naming properties"))?;
    }
    let mut insert = connection
        .prepare("INSERT OR REPLACE INTO property_sets (property_set, name) VALUES (?, ?)")
        .map_err(while_doing("naming property sets"))?;
    for (set, name) in known_property_sets() {
        insert
            .execute((set, name))
            .map_err(while_doing("naming property sets"))?;
    }
    Ok(())
}

fn fill_new_store(connection: &Connection, client_name: &str, now: FileTime) -> Result<()> {
    connection
        .execute(
            "INSERT INTO store_info (only_row, store_uid, created_at, created_by) VALUES (1, ?, ?, ?)",
            (StoreUid::random(), now, client_name),
        )
        .map_err(while_doing("writing the store's uid"))?;
    let root = folders::insert_special(connection, None, FolderKind::Root, now)?;
    let subtree = folders::insert_special(connection, Some(root), FolderKind::IpmSubtree, now)?;
    for kind in FolderKind::IN_IPM_SUBTREE {
        folders::insert_special(connection, Some(subtree), kind, now)?;
    }
    Ok(())
}

/// Reads the uid that makes entry ids of this store its own.
pub(crate) fn store_uid(connection: &Connection) -> Result<StoreUid> {
    connection
        .query_row("SELECT store_uid FROM store_info", [], |row| {
            row.get("store_uid")
        })
        .map_err(|error| match error.sqlite_error_code() {
            // A table or a row that every store has is missing.
            None | Some(rusqlite::ErrorCode::Unknown) => Error::CorruptStore {
                detail: "the store's uid is missing".to_owned(),
                source: Some(Box::new(error)),
            },
            Some(_) => crate::db::failure::sqlite("reading the store's uid", error),
        })
}
